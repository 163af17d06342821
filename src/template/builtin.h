// What filters, tests, lookups and methods are made of: one const row each, in sorted tables.
#ifndef TEMPLATE_BUILTIN_H
#define TEMPLATE_BUILTIN_H

#include "template/template.h"

#define OUTPUT_MAX ((size_t)64 << 20) // bytes of one text
#define ITEMS_MAX ((size_t)4 << 20)   // of a list that one operation makes

#define NODES_MAX ((size_t)32 << 20) // of a value: see value_nodes

// One call of a filter, test, global function or method.
struct call {
    struct templar *t;
    struct arena *arena; // results live here
    struct value self;   // what is filtered or tested; the object of a method
    const struct value *args;
    size_t n_args;
    const struct dict *kwargs; // never NULL
    struct pos pos;
    const char *name; // as written, for messages
    bool too_large;   // a text of the result was larger than OUTPUT_MAX: call_builtin raises
};

typedef int builtin_fn(struct call *c, struct value *ret, struct err *e);

// Of takes_undefined.
#define JUDGES 2  // the function raises itself, where it must
#define REFUSES 3 // nor is what an inline if without else leaves an empty text to it

// Of a tuple: groupby made it, it has .grouper and .list. Strings use the flag otherwise.
#define VALUE_GROUP VALUE_BYTES

static inline bool value_is_group(const struct value *v)
{
    const int both = VALUE_TUPLE | VALUE_GROUP;
    return v->type == VALUE_LIST && (v->flags & both) == both;
}

struct builtin {
    const char *name; // without "ansible.builtin."
    builtin_fn *fn;
    uint8_t takes_undefined; // self may be undefined (default, defined); otherwise the engine
                             // raises ERR_UNDEFINED
    const char *help;
};

// Rows by name; tests return a bool value. Families live in files of their own, table.c joins them.
// All filters and all tests, sorted by name.
const struct builtin *filter_all(size_t *ret_n);
const struct builtin *test_rows(size_t *ret_n);
const struct builtin *filter_find(const char *name, size_t len);
const struct builtin *test_find(const char *name, size_t len);
const struct builtin *global_find(const char *name,
                                  size_t len); // range, dict, namespace, now, lookup, query
// Method `name` of a plain value ("x".split, d.items, l.append), or NULL.
const struct builtin *method_find(const struct value *self, const char *name, size_t len);

// Python's name of a value's class, Ansible's own ones for text included.
const char *class_name(const struct value *v);
// The class itself, as x.__class__ gives it; false when there is none for such values.
bool class_value(const struct value *v, struct value *ret);

// Runs fn for c; ERR_LIMIT when it made more than an evaluation may.
int call_builtin(struct call *c, builtin_fn *fn, struct value *ret, struct err *e);
// A filter or test that is called for many values; its row is looked up at the first.
struct callee {
    const char *name;
    const struct builtin *row; // NULL before
};
// Whether what the filter makes stays a text where the result is native.
bool gives_native_text(const char *name);
// For filters that call others (map, select). n_args excludes the subject.
int call_filter(struct call *from, struct callee *fn, const struct value *self,
                const struct value *args, size_t n_args, const struct dict *kwargs,
                struct value *ret, struct err *e);
int call_test(struct call *from, struct callee *fn, const struct value *self,
              const struct value *args, size_t n_args, const struct dict *kwargs, bool *ret,
              struct err *e);
// Attribute or item as Jinja's environment.getattr/getitem: an undefined value when there is none.
int value_getattr(struct call *from, const struct value *obj, const char *name, struct value *ret,
                  struct err *e);
int value_getitem(struct call *from, const struct value *obj, const struct value *key,
                  struct value *ret, struct err *e);
// "a.b.0.c" paths, as map(attribute=...), groupby and sort take.
int value_getpath(struct call *from, const struct value *obj, const struct value *path,
                  const struct value *dflt, struct value *ret, struct err *e);
// What iterating over v gives (list items, dict keys, characters); ERR_INVALID when it cannot be
// iterated.
int value_iterate(struct call *from, const struct value *v, struct list **ret, struct err *e);
// What a text consists of: its characters; the numbers of bytes.
void text_items(struct arena *a, const struct value *v, struct list *out);
// Argument `name` at position i (0-based) from args or kwargs; NULL when not given.
const struct value *call_arg(const struct call *c, size_t i, const char *name);
// Fails with a Python-like TypeError message on too many arguments or an unknown keyword. names
// ends with NULL.
int call_check_args(const struct call *c, const char *const *names, struct err *e);

// Remembers the Python class of the error a builtin is about to return, where it is not the usual
// one.
void call_set_class(const struct call *c, const char *name);

// Lookups: terms are a templated list, kwargs the options (in c); *ret is always a list.
typedef int lookup_fn(struct call *c, const struct list *terms, struct value *ret, struct err *e);
struct lookup_row {
    const char *name;
    lookup_fn *fn;
    const char *help;
};
const struct lookup_row *lookup_find(const char *name, size_t len);

#endif
