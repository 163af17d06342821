// What every builtin needs: reading its arguments, failing as Python would, and making results.
#ifndef TEMPLATE_ARGS_H
#define TEMPLATE_ARGS_H

#include "core/buf.h"
#include "template/builtin.h"

// The signature of all filters, tests, globals and methods.
#define BUILTIN(name) int name(struct call *c, struct value *ret, struct err *e)

// A run of bytes inside a value.
struct text {
    const char *s;
    size_t len;
};

// Reads arguments by a spec such as "width:i first:b blank:b", one pointer per word in order:
// b bool* (truth), I bool* (a whole number's truth), i int64_t*, f double*, s struct text* (the
// argument must be a string), t struct text* (Python's str() of it), v const struct value**. A '!'
// behind the letter makes the argument required. What is not given stays as it was. Fails on
// unknown keywords, too many arguments and wrong types, as Python's call would.
int args_read(struct call *c, struct err *e, const char *spec, ...);
// Fails when there is any argument.
int args_none(struct call *c, struct err *e);

// Errors: a TypeError (ERR_INVALID), any other exception (ERR_FAILED), the use of an undefined
// value.
int fail_type(const struct call *c, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int fail_with(const struct call *c, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// Fails because a list of more than ITEMS_MAX items is asked for.
int too_many(const struct call *c, struct err *e);
int fail_undefined(const struct call *c, const struct value *v, struct err *e);

// repr(v) and str(v) in the arena.
const char *repr_of(struct call *c, const struct value *v);
// ascii(v): its repr with everything outside ASCII escaped.
const char *ascii_of(struct call *c, const struct value *v);
struct text text_of(struct call *c, const struct value *v);
// What Ansible's to_text and to_bytes make of v: as text_of, but bytes are themselves.
struct text bare_text_of(struct call *c, const struct value *v);
// Whether the call stands inside {% autoescape true %}.
bool autoescapes(const struct call *c);
static inline bool is_markup(const struct value *v)
{
    return v->type == VALUE_STRING && v->flags & VALUE_MARKUP;
}
// The bytes of a value that must be a string; otherwise "'int' object has no attribute 'split'"
// (attr) fails.
int text_self(struct call *c, const char *attr, struct text *ret, struct err *e);

// Truth as Python sees it; undefined fails.
int truth_of(struct call *c, const struct value *v, bool *ret, struct err *e);
// A whole number from an int or bool; anything else is "'str' object cannot be interpreted as an
// integer".
int index_of(struct call *c, const struct value *v, int64_t *ret, struct err *e);
// True for int, float and bool; *ret is the value.
bool number_of(const struct value *v, double *ret);
// True for the undefined value that is an error to use: not what an inline if without else leaves.
bool is_strict(const struct value *v);
// What fn gets as its value: what an inline if without else leaves is an empty text to most. False
// when it is undefined and must not be.
bool self_ready(const struct builtin *fn, const struct value **self);
// The first undefined value anywhere inside v, or NULL.
const struct value *value_find_undefined(const struct value *v, int depth);
// Objects that stand for plain data are turned into it; everything else stays.
int plain_of(struct call *c, const struct value *v, struct value *ret, struct err *e);
// v as a dict (lazy ones materialized), or NULL when it is something else (*ret untouched then).
struct dict *dict_of(struct call *c, const struct value *v);

// An empty buffer for a result, one that was used before where there is one; for take_buf or
// buf_release.
struct buf call_buf(struct call *c);
// A string result: the arena copy of what b holds; b is released.
struct value take_buf(struct call *c, struct buf *b);
// For a buffer that was needed on the way only.
void drop_buf(struct call *c, struct buf *b);
struct value str_from(struct call *c, const char *s, size_t len);
// A tuple of n values.
struct value tuple_of(struct call *c, const struct value *items, size_t n);
struct value pair_of(struct call *c, struct value x, struct value y);
struct value list_from(struct call *c, const struct value *items, size_t n);
// <class 'str'>, as error messages name types.
const char *class_of(struct call *c, const struct value *v);

// int() and float() of a string: true when it is a number. base 0 reads 0x, 0o and 0b prefixes.
bool parse_int(const char *s, size_t len, int base, int64_t *ret);
bool parse_float(const char *s, size_t len, double *ret);

static inline bool is_sequence(const struct value *v)
{
    return v->type == VALUE_LIST;
}
static inline bool is_number(const struct value *v)
{
    return v->type == VALUE_INT || v->type == VALUE_FLOAT || v->type == VALUE_BOOL;
}

#endif
