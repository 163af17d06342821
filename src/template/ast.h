// The parsed form of a template: names, expressions, statements, and the frames that scope.c
// assigns slots in. Everything lives in the template's arena and is never changed after parsing.
#ifndef TEMPLATE_AST_H
#define TEMPLATE_AST_H

#include "core/value.h"
#include "template/builtin.h"

// An identifier, one object per text within a template.
struct name {
    const char *s;
    uint32_t len, hash;
    struct name *next; // in the intern table
};

enum node_kind {
    // expressions
    N_CONST,
    N_NAME,
    N_TUPLE,
    N_LIST,
    N_DICT, // items: key, value, key, value, ...
    N_COND,
    N_OR,
    N_AND,
    N_NOT,
    N_COMPARE,
    N_BINARY,
    N_NEG,
    N_POS,
    N_CONCAT,
    N_GETATTR,
    N_GETITEM,
    N_SLICE,
    N_CALL,
    N_FILTER,
    N_TEST,
    N_NSREF, // only as the target of set
    // statements
    N_OUTPUT,
    N_DATA,
    N_IF,
    N_FOR,
    N_SET,
    N_SETBLOCK,
    N_WITH,
    N_MACRO,
    N_CALLBLOCK,
    N_FILTERBLOCK,
    N_BLOCK,
    N_EXTENDS,
    N_INCLUDE,
    N_IMPORT,
    N_FROM,
    N_AUTOESCAPE,
    N_DO,
    N_BREAK,
    N_CONTINUE,
};

enum binary_op { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_FLOORDIV, OP_MOD, OP_POW };
enum compare_op { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_IN, CMP_NOTIN };

struct node;

struct node_list {
    struct node **items;
    uint32_t n;
};

struct call_args {
    struct node_list pos;
    struct node_list kw; // values of keyword arguments
    struct name **kw_names;
    struct node *dyn_args, *dyn_kwargs; // *args, **kwargs
    const struct value *constants;      // the positional ones, when all are constants
    const struct dict *constant_kwargs; // the same for keywords
};

// How the slot of a name is filled when its frame is entered.
enum load_kind { LOAD_RESOLVE, LOAD_ALIAS, LOAD_UNDEFINED, LOAD_PARAMETER };

struct load {
    const struct name *name;
    uint16_t slot;
    uint8_t kind;  // enum load_kind
    uint8_t depth; // LOAD_ALIAS: functions outward, and the slot there
    uint16_t from;
};

struct scope {
    struct load *loads;
    uint32_t n;
    uint32_t n_again; // the first ones, which every further round of a loop must do again
};

// A name visible at some place, for include and scoped blocks.
struct visible {
    const struct name *name;
    uint16_t depth, slot;
};

// What runs with slots of its own: the template's root, a block, a macro, a recursive loop.
struct func {
    uint16_t n_slots;
    struct scope scope;
    struct node_list body;
};

struct macro {
    struct func func;
    const struct name *name; // NULL: caller of a call block
    const struct name **params;
    uint16_t *param_slots;
    struct node_list defaults; // of the last parameters
    uint32_t n_params;
    bool uses_caller, uses_kwargs, uses_varargs, explicit_caller;
    uint16_t caller_slot, kwargs_slot, varargs_slot;
};

struct block {
    struct func func;
    const struct name *name;
    bool scoped, required;
    bool uses_self, uses_super;
    uint16_t self_slot, super_slot;
    struct block *next;
};

struct for_loop {
    struct node *target, *test_target, *iter, *test;
    struct node_list body, otherwise;
    struct scope body_scope, test_scope, else_scope;
    struct func *func; // recursive loops only
    bool recursive, extended;
    uint16_t loop_slot;
};

struct node {
    uint8_t kind; // enum node_kind
    uint8_t op;   // operator; N_TEST: negated; N_OUTPUT: skipped once the template extends another
    bool flag;    // meaning depends on the kind
    uint8_t depth;
    uint16_t slot;
    uint16_t height; // longest way down to a leaf, for limiting recursion
    uint32_t line;
    uint32_t off; // bytes from the start of the source to where it begins
    union {
        struct value value;      // N_CONST, N_DATA (string)
        const struct name *name; // N_NAME (slot, depth), N_NSREF's object
        struct node_list list; // N_TUPLE, N_LIST, N_DICT, N_CONCAT, N_OUTPUT, N_COMPARE (operands)
        struct {
            struct node_list list;
            uint8_t *ops;
        } compare;
        struct {
            struct node *x, *y, *z;
        } kids; // N_COND (test, then, else), unary and binary operators, N_SLICE, N_DO, N_GETITEM
        struct {
            struct node *obj;
            const struct name *name;
            const struct builtin *dict_method, *str_method; // what those types have of that name
        } attr;                                             // N_GETATTR, N_NSREF
        struct {
            struct node *obj; // NULL: the text of a filter or set block
            struct call_args *args;
            const struct builtin *fn;
            const struct name *name;
        } call; // N_CALL, N_FILTER, N_TEST
        struct {
            struct node *test;
            struct node_list body;
            struct node *next; // elif, or an N_IF without test for else
        } cond;
        struct for_loop *loop;
        struct {
            struct node *target, *value, *filter; // value: N_SET; else the body is captured
            struct node_list *body;
            struct scope *scope;
        } set;
        struct {
            struct node_list targets, values, body;
            struct scope scope;
        } * with; // N_WITH
        struct macro *macro;
        struct {
            struct macro *macro;
            struct node *call;
        } callblock;
        struct {
            struct node *filter; // N_FILTERBLOCK: a filter chain; N_AUTOESCAPE: the option
            struct node_list body;
            struct scope *scope;
        } wrap;
        struct {
            struct block *block;
            struct visible *visible;
            uint32_t n_visible;
        } block;
        struct include *include;
    } u;
};

struct from_name {
    const struct name *name, *alias;
    uint16_t slot;
};

// include, extends, import and from ... import.
struct include {
    struct node *file;
    bool ignore_missing, with_context;
    const struct name *target; // import
    uint16_t target_slot;
    struct from_name *names; // from
    uint32_t n_names;
    struct visible *visible;
    uint32_t n_visible;
};

// A parsed template.
struct template
{
    struct arena *arena;
    int refs;
    const char *name; // file name, or NULL
    const char *src;  // as given
    size_t len;
    struct func root;
    bool uses_self;
    uint16_t self_slot;
    struct block *blocks;
    bool has_extends;
    bool mutates;   // calls methods that change their object: variables are copied
    bool reference; // one output that only refers to variables: its result holds no constants
    // of the cache
    uint64_t key, settings;
    struct template *older, *newer, *same_bucket;
};

#endif
