// Stable sorting of values with Python's ordering, and hashing rules for set-like filters.
#ifndef TEMPLATE_PYSORT_H
#define TEMPLATE_PYSORT_H

#include "template/args.h"

struct sort_item {
    struct value key;
    struct value val;
};

// Sorts items by key, keeping the order of equals also when reversed. Fails when keys cannot be
// ordered.
int sort_items(struct call *c, struct sort_item *items, size_t n, bool reverse, struct err *e)
    __attribute__((warn_unused_result));
// Order of two values as value_compare, dates included.
// What is undefined that Python's x == y comes upon, NULL when there is none; then *equal is the
// answer. depth is 0.
const struct value *equal_meets(const struct value *x, const struct value *y, bool *equal,
                                int depth);
int order_of(struct call *c, const struct value *x, const struct value *y, int *ret, struct err *e);
// False for what Python cannot put into a set: lists, dicts and tuples that hold them.
bool is_hashable(const struct value *v);
// What makes v unhashable: itself or something in a tuple; NULL when nothing does.
const struct value *find_unhashable(const struct value *v);
// Lower case of strings, everything else unchanged.
struct value ignore_case(struct call *c, const struct value *v);
// True when v equals an item of l.
bool list_has(const struct list *l, const struct value *v);
// v in l as Python's operator: an undefined value that is compared fails.
int list_contains(struct call *c, const struct list *l, const struct value *v, bool *ret,
                  struct err *e);
// x + y for numbers, strings and lists (sum); a TypeError otherwise.
int py_add(struct call *c, const struct value *x, const struct value *y, struct value *ret,
           struct err *e);

#endif
