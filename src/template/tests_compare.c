// Tests that compare: eq, lt, in, divisibleby, contains, subset, any, all, truthy and so on.
#include "template/eval.h"
#include "template/pyformat.h"
#include "template/pysort.h"
#include "template/pystr.h"
#include "template/rows.h"

#include <math.h>
#include <string.h>

static int other_arg(struct call *c, const struct value **ret, struct err *e)
{
    int rc = args_read(c, e, "other:v!", ret);
    if (rc >= 0 && is_strict(&c->self))
        rc = fail_undefined(c, &c->self, e);
    else if (rc >= 0 && is_strict(*ret))
        rc = fail_undefined(c, *ret, e);
    return rc;
}

static bool equal(struct call *c, const struct value *x, const struct value *y)
{
    struct value p, q;
    if (plain_of(c, x, &p, NULL) < 0 || plain_of(c, y, &q, NULL) < 0)
        return false;
    int order;
    return op_special_compare(&p, &q, &order) ? order == 0 : value_equal(&p, &q);
}

// eq, equalto, ==: Equal.
BUILTIN(test_eq)
{
    const struct value *other = NULL;
    int rc = other_arg(c, &other, e);
    *ret = value_bool(rc >= 0 && equal(c, &c->self, other));
    return rc;
}

// ne, !=: Not equal.
BUILTIN(test_ne)
{
    const struct value *other = NULL;
    int rc = other_arg(c, &other, e);
    *ret = value_bool(rc >= 0 && !equal(c, &c->self, other));
    return rc;
}

static int ordered(struct call *c, const char *op, int *cmp, struct err *e)
{
    const struct value *other = NULL;
    int rc = other_arg(c, &other, e);
    if (rc >= 0 && other->type == VALUE_UNDEFINED)
        rc = fail_undefined(c, other, e);
    if (rc >= 0 && (rc = order_of(c, &c->self, other, cmp, e)) < 0 && rc != ERR_UNDEFINED)
        rc = fail_type(c, e, "'%s' not supported between instances of '%s' and '%s'", op,
                       value_type_name(&c->self), value_type_name(other));
    return rc;
}

// lt, lessthan, <: Less than.
BUILTIN(test_lt)
{
    int cmp = 0, rc = ordered(c, "<", &cmp, e);
    *ret = value_bool(cmp < 0);
    return rc;
}

// le, <=: Less than or equal.
BUILTIN(test_le)
{
    int cmp = 0, rc = ordered(c, "<=", &cmp, e);
    *ret = value_bool(cmp <= 0);
    return rc;
}

// gt, greaterthan, >: Greater than.
BUILTIN(test_gt)
{
    int cmp = 0, rc = ordered(c, ">", &cmp, e);
    *ret = value_bool(cmp > 0);
    return rc;
}

// ge, >=: Greater than or equal.
BUILTIN(test_ge)
{
    int cmp = 0, rc = ordered(c, ">=", &cmp, e);
    *ret = value_bool(cmp >= 0);
    return rc;
}

// item in container, as Python's operator.
static int contained(struct call *c, const struct value *item, const struct value *in, bool *ret,
                     struct err *e)
{
    struct value box, it;
    *ret = false;
    int rc = plain_of(c, in, &box, e);
    if (rc >= 0)
        rc = plain_of(c, item, &it, e);
    if (rc < 0)
        return rc;
    if (box.type == VALUE_UNDEFINED)
        return is_strict(&box) ? fail_undefined(c, &box, e) : 0;
    if (box.type == VALUE_STRING) {
        if (it.type != VALUE_STRING || (it.flags ^ box.flags) & VALUE_BYTES)
            return fail_type(c, e, "'in <string>' requires string as left operand, not %s",
                             value_type_name(&it));
        *ret = str_find((struct text){box.u.str.s, box.u.str.len},
                        (struct text){it.u.str.s, it.u.str.len}) >= 0;
    } else if (box.type == VALUE_LIST) {
        return list_contains(c, box.u.list, &it, ret, e);
    } else if (box.type == VALUE_DICT) {
        if (it.type == VALUE_UNDEFINED)
            return fail_undefined(c, &it, e);
        if (!is_hashable(&it))
            return fail_type(c, e, "unhashable type: '%s'", value_type_name(find_unhashable(&it)));
        *ret = dict_getv(box.u.dict, &it) != NULL;
    } else {
        return fail_type(c, e, "argument of type '%s' is not iterable", value_type_name(&box));
    }
    return 0;
}

// in: An item of the argument.
BUILTIN(test_in)
{
    const struct value *seq = NULL;
    bool yes = false;
    int rc = args_read(c, e, "seq:v!", &seq);
    if (rc >= 0)
        rc = contained(c, &c->self, seq, &yes, e);
    *ret = value_bool(yes);
    return rc;
}

// contains: Has the argument as an item.
BUILTIN(test_contains)
{
    const struct value *item = NULL;
    bool yes = false;
    int rc = args_read(c, e, "value:v!", &item);
    if (rc >= 0)
        rc = contained(c, item, &c->self, &yes, e);
    *ret = value_bool(yes);
    return rc;
}

// Text % by puts by into the text, which is no number then.
static int formatted(struct call *c, const struct value *by, double *ret, struct err *e)
{
    struct buf b = call_buf(c);
    int rc = py_percent(c, (struct text){c->self.u.str.s, c->self.u.str.len}, by, &b, e);
    drop_buf(c, &b);
    *ret = NAN;
    return rc;
}

static int modulo(struct call *c, const struct value *by, double *ret, struct err *e)
{
    double x, y;
    if (c->self.type == VALUE_STRING)
        return formatted(c, by, ret, e);
    if (by->type == VALUE_UNDEFINED)
        return fail_undefined(c, by, e);
    if (!number_of(&c->self, &x) || !number_of(by, &y))
        return fail_type(c, e, "unsupported operand type(s) for %%: '%s' and '%s'",
                         value_type_name(&c->self), value_type_name(by));
    if (y == 0)
        return fail_with(c, e,
                         by->type == VALUE_FLOAT || c->self.type == VALUE_FLOAT
                             ? "float modulo"
                             : "integer modulo by zero");
    if (c->self.type == VALUE_INT && by->type == VALUE_INT) {
        int64_t r = by->u.i == -1 ? 0 : c->self.u.i % by->u.i;
        *ret = (double)(r && (r < 0) != (by->u.i < 0) ? r + by->u.i : r);
        return 0;
    }
    double r = fmod(x, y);
    *ret = r != 0 && (r < 0) != (y < 0) ? r + y : r;
    return 0;
}

// divisibleby: Divisible by num without remainder.
BUILTIN(test_divisibleby)
{
    const struct value *num = NULL;
    double r = 1;
    int rc = args_read(c, e, "num:v!", &num);
    if (rc >= 0)
        rc = modulo(c, num, &r, e);
    *ret = value_bool(r == 0);
    return rc;
}

static int parity(struct call *c, double want, struct value *ret, struct err *e)
{
    struct value two = value_int(2);
    double r = -1;
    int rc = args_none(c, e);
    if (rc >= 0)
        rc = modulo(c, &two, &r, e);
    *ret = value_bool(r == want);
    return rc;
}

// odd: An odd number.
BUILTIN(test_odd)
{
    return parity(c, 1, ret, e);
}

// even: An even number.
BUILTIN(test_even)
{
    return parity(c, 0, ret, e);
}

// Fails for items that no set can hold.
static int as_set(struct call *c, const struct list *l, struct err *e)
{
    for (size_t i = 0; i < l->len; i++) {
        struct value v;
        int rc = plain_of(c, &l->items[i], &v, e);
        if (rc < 0)
            return rc;
        if (v.type == VALUE_UNDEFINED)
            return fail_undefined(c, &v, e);
        if (!is_hashable(&v))
            return fail_type(c, e, "unhashable type: '%s'", value_type_name(find_unhashable(&v)));
    }
    return 0;
}

static int within(struct call *c, bool sub, struct value *ret, struct err *e)
{
    const struct value *other = NULL;
    struct list *x, *y;
    int rc = args_read(c, e, "b:v!", &other);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &x, e);
    if (rc >= 0)
        rc = as_set(c, x, e);
    if (rc >= 0)
        rc = value_iterate(c, other, &y, e);
    if (rc >= 0)
        rc = as_set(c, y, e);
    if (rc < 0)
        return rc;
    struct list *small = sub ? x : y, *big = sub ? y : x;
    bool yes = true;
    for (size_t i = 0; i < small->len && yes; i++)
        yes = list_has(big, &small->items[i]);
    *ret = value_bool(yes);
    return 0;
}

// subset, issubset: All items are in the argument.
BUILTIN(test_subset)
{
    return within(c, true, ret, e);
}

// superset, issuperset: All items of the argument are in it.
BUILTIN(test_superset)
{
    return within(c, false, ret, e);
}

static int quantify(struct call *c, bool all, struct value *ret, struct err *e)
{
    struct list *l;
    int rc = args_none(c, e);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    bool yes = all;
    for (size_t i = 0; rc >= 0 && i < l->len && yes == all; i++)
        rc = truth_of(c, &l->items[i], &yes, e);
    *ret = value_bool(yes);
    return rc;
}

// any: At least one item is true.
BUILTIN(test_any)
{
    return quantify(c, false, ret, e);
}

// all: Every item is true.
BUILTIN(test_all)
{
    return quantify(c, true, ret, e);
}

static int truthy(struct call *c, bool want, struct value *ret, struct err *e)
{
    bool convert = false, yes = false;
    int rc = args_read(c, e, "convert_bool:b", &convert);
    if (rc >= 0)
        rc = truth_of(c, &c->self, &yes, e);
    if (rc >= 0 && convert) {
        struct text t = str_strip(text_of(c, &c->self), NULL, STRIP_BOTH);
        int word =
            is_number(&c->self) || c->self.type == VALUE_STRING ? value_parse_bool(t.s, t.len) : -1;
        double n;
        if (number_of(&c->self, &n))
            word = n == 0 ? 0 : n == 1 ? 1 : -1;
        yes = word >= 0 ? word : yes;
    }
    *ret = value_bool(yes == want);
    return rc;
}

// truthy: True in Python's eyes (words like "no" count with convert_bool).
BUILTIN(test_truthy)
{
    return truthy(c, true, ret, e);
}

// falsy: False in Python's eyes (words like "no" count with convert_bool).
BUILTIN(test_falsy)
{
    return truthy(c, false, ret, e);
}

// nan, isnan: Not a number.
BUILTIN(test_nan)
{
    int rc = args_none(c, e);
    *ret = value_bool(c->self.type == VALUE_FLOAT && isnan(c->self.u.f));
    return rc;
}
