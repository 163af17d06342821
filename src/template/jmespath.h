// JMESPath expressions (jmespath.org): what json_query evaluates.
#ifndef TEMPLATE_JMESPATH_H
#define TEMPLATE_JMESPATH_H

#include "template/args.h"

enum jp_kind {
    JP_IDENTITY,
    JP_CURRENT,
    JP_FIELD,   // text
    JP_LITERAL, // value
    JP_SUB,     // x, then y on its result
    JP_INDEX,   // x, then item n
    JP_SLICE,   // x, then items part[0]:part[1]:part[2]
    JP_FLATTEN, // x, lists in it taken apart
    JP_PROJECT, // y on every item of x
    JP_VALUES,  // y on every value of x
    JP_FILTER,  // y on the items of x for which z holds
    JP_LIST,    // [kids]
    JP_HASH,    // {names: kids}
    JP_OR,
    JP_AND,
    JP_NOT,
    JP_COMPARE, // op: = ! < l > g
    JP_CALL,    // function text of kids
    JP_REF,     // &x
};

struct jp_node {
    enum jp_kind kind;
    struct jp_node *x, *y, *z;
    struct text text;
    struct value val;
    int64_t n, part[3];
    bool given[3]; // which parts of a slice
    char op;
    struct jp_node **kids;
    struct text *names;
    size_t n_kids;
};

// Parses an expression into the call's arena.
int jp_parse(struct call *c, struct text expr, struct jp_node **ret, struct err *e)
    __attribute__((warn_unused_result));
// Evaluates it on a value; nothing found is null.
int jp_eval(struct call *c, const struct jp_node *n, const struct value *v, struct value *ret,
            struct err *e) __attribute__((warn_unused_result));
// A function call (jmespath_functions.c).
int jp_call(struct call *c, const struct jp_node *n, const struct value *v, struct value *ret,
            struct err *e) __attribute__((warn_unused_result));
// JMESPath's truth: null, false and what is empty are false; 0 is true.
bool jp_truth(const struct value *v);
// Equality where 1 is not true.
bool jp_equal(const struct value *x, const struct value *y);

#endif
