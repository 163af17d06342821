// Operators with Python's meaning, and its words when they do not apply.
#include "template/eval.h"
#include "template/hooks.h"
#include "template/pysort.h"
#include "template/pystr.h"

#include <math.h>
#include <string.h>

int type_error(struct ev *ev, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = err_vset(ev->e, ERR_INVALID, ev->ctx->pos, fmt, ap);
    va_end(ap);
    return rc;
}

int other_error(struct ev *ev, const char *exc, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = err_vset(ev->e, ERR_FAILED, ev->ctx->pos, fmt, ap);
    va_end(ap);
    ev->ctx->ss->exc = exc;
    return rc;
}

static bool is_int(const struct value *v)
{
    return v->type == VALUE_INT || v->type == VALUE_BOOL;
}

static bool is_num(const struct value *v)
{
    return is_int(v) || v->type == VALUE_FLOAT;
}

static int64_t int_of(const struct value *v)
{
    return v->type == VALUE_BOOL ? v->u.b : v->u.i;
}

static double float_of(const struct value *v)
{
    return v->type == VALUE_FLOAT ? v->u.f : (double)int_of(v);
}

static const char *const op_names[] = {
    [OP_ADD] = "+",       [OP_SUB] = "-", [OP_MUL] = "*",          [OP_DIV] = "/",
    [OP_FLOORDIV] = "//", [OP_MOD] = "%", [OP_POW] = "** or pow()"};

static int bad_operands(struct ev *ev, enum binary_op op, const struct value *x,
                        const struct value *y)
{
    return type_error(ev, "unsupported operand type(s) for %s: '%s' and '%s'", op_names[op],
                      value_type_name(x), value_type_name(y));
}

static int too_large(struct ev *ev)
{
    return other_error(ev, "OverflowError", "integer result does not fit in 64 bits");
}

static int64_t floor_div(int64_t x, int64_t y)
{
    int64_t q = x / y;
    return (x % y != 0 && (x < 0) != (y < 0)) ? q - 1 : q;
}

static double float_mod(double x, double y)
{
    double r = fmod(x, y);
    if (r != 0 && (r < 0) != (y < 0))
        r += y;
    return r == 0 ? copysign(0, y) : r;
}

static double float_floor_div(double x, double y)
{
    double mod = fmod(x, y), r = (x - mod) / y;
    if (mod != 0 && (mod < 0) != (y < 0))
        r -= 1;
    return r == 0 ? copysign(0, x / y) : floor(r) + (r - floor(r) > 0.5);
}

static int int_pow(struct ev *ev, int64_t base, int64_t n, struct value *ret)
{
    int64_t r = 1;
    if (n < 0) {
        if (base == 0)
            return other_error(ev, "ZeroDivisionError", "0.0 cannot be raised to a negative power");
        *ret = value_float(pow((double)base, (double)n));
        return 0;
    }
    while (n > 0) {
        if (n & 1 && __builtin_mul_overflow(r, base, &r))
            return too_large(ev);
        n >>= 1;
        if (n && __builtin_mul_overflow(base, base, &base))
            return too_large(ev);
    }
    *ret = value_int(r);
    return 0;
}

static int int_op(struct ev *ev, enum binary_op op, int64_t x, int64_t y, struct value *ret)
{
    int64_t r = 0;
    bool over = false;
    if (y == 0 && (op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD))
        return other_error(ev, "ZeroDivisionError", "%s",
                           op == OP_DIV   ? "division by zero"
                           : op == OP_MOD ? "integer modulo by zero"
                                          : "integer division or modulo by zero");
    switch (op) {
    case OP_ADD:
        over = __builtin_add_overflow(x, y, &r);
        break;
    case OP_SUB:
        over = __builtin_sub_overflow(x, y, &r);
        break;
    case OP_MUL:
        over = __builtin_mul_overflow(x, y, &r);
        break;
    case OP_DIV:
        *ret = value_float((double)x / (double)y);
        return 0;
    case OP_FLOORDIV:
        if (x == INT64_MIN && y == -1)
            return too_large(ev);
        r = floor_div(x, y);
        break;
    case OP_MOD:
        r = y == -1 ? 0 : x % y;
        if (r != 0 && (r < 0) != (y < 0))
            r += y;
        break;
    case OP_POW:
        return int_pow(ev, x, y, ret);
    }
    *ret = value_int(r);
    return over ? too_large(ev) : 0;
}

static int float_op(struct ev *ev, enum binary_op op, double x, double y, struct value *ret)
{
    if (y == 0 && (op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD))
        return other_error(ev, "ZeroDivisionError", "%s",
                           op == OP_DIV   ? "float division by zero"
                           : op == OP_MOD ? "float modulo"
                                          : "float floor division by zero");
    double r = 0;
    switch (op) {
    case OP_ADD:
        r = x + y;
        break;
    case OP_SUB:
        r = x - y;
        break;
    case OP_MUL:
        r = x * y;
        break;
    case OP_DIV:
        r = x / y;
        break;
    case OP_FLOORDIV:
        r = float_floor_div(x, y);
        break;
    case OP_MOD:
        r = float_mod(x, y);
        break;
    case OP_POW:
        if (x == 0 && y < 0)
            return other_error(ev, "ZeroDivisionError", "0.0 cannot be raised to a negative power");
        if (x < 0 && y != floor(y))
            return other_error(ev, "ValueError", "a negative number has no real power %g", y);
        r = pow(x, y);
        if (isinf(r) && isfinite(x) && isfinite(y))
            return other_error(ev, "OverflowError", "(34, 'Numerical result out of range')");
        break;
    }
    *ret = value_float(r);
    return 0;
}

static int too_big(struct ev *ev)
{
    return err_set(ev->e, ERR_LIMIT, ev->ctx->pos, "result of more than %zu MB or %zu items",
                   OUTPUT_MAX >> 20, ITEMS_MAX);
}

// Text that is marked safe stays so: what is added to it is escaped.
static int concat_safe(struct ev *ev, const struct value *x, const struct value *y,
                       struct value *ret)
{
    struct buf b = {.max = OUTPUT_MAX};
    const struct value *const part[2] = {x, y};
    for (int i = 0; i < 2; i++) {
        struct text t = {part[i]->u.str.s, part[i]->u.str.len};
        if (part[i]->flags & VALUE_MARKUP)
            buf_add(&b, t.s, t.len);
        else
            str_escape(&b, t);
    }
    bool full = b.overflow;
    *ret = value_strn(ev->a, buf_str(&b), b.len);
    ret->flags = VALUE_MARKUP | ((x->flags | y->flags) & VALUE_UNSAFE);
    buf_release(&b);
    return full ? too_big(ev) : 0;
}

static int concat_strings(struct ev *ev, const struct value *x, const struct value *y,
                          struct value *ret)
{
    size_t n = x->u.str.len + y->u.str.len;
    if ((x->flags | y->flags) & VALUE_MARKUP)
        return concat_safe(ev, x, y, ret);
    if (n > OUTPUT_MAX)
        return too_big(ev);
    char *s = arena_alloc(ev->a, n + 1);
    memcpy(s, x->u.str.s, x->u.str.len);
    memcpy(s + x->u.str.len, y->u.str.s, y->u.str.len);
    *ret = value_ref(s, n);
    ret->flags = ((x->flags | y->flags) & VALUE_UNSAFE) | (x->flags & VALUE_BYTES);
    return 0;
}

static void add_all(struct list *to, const struct list *from)
{
    for (size_t i = 0, n = from->len; i < n; i++)
        list_add(to, from->items[i]);
}

static int op_add(struct ev *ev, const struct value *x, const struct value *y, struct value *ret)
{
    if (x->type == VALUE_STRING && y->type == VALUE_STRING &&
        !((x->flags ^ y->flags) & VALUE_BYTES))
        return concat_strings(ev, x, y, ret);
    if (x->type == VALUE_LIST && y->type == VALUE_LIST && !((x->flags ^ y->flags) & VALUE_TUPLE)) {
        if (x->u.list->len + y->u.list->len > ITEMS_MAX)
            return too_big(ev);
        struct value r = value_list(ev->a);
        r.flags = x->flags & VALUE_TUPLE;
        add_all(r.u.list, x->u.list);
        add_all(r.u.list, y->u.list);
        *ret = r;
        return 0;
    }
    if (x->type == VALUE_STRING && x->flags & VALUE_BYTES)
        return type_error(ev, "can't concat %s to bytes", value_type_name(y));
    if (x->type == VALUE_STRING || x->type == VALUE_LIST)
        return type_error(ev, "can only concatenate %s (not \"%s\") to %s", value_type_name(x),
                          value_type_name(y), value_type_name(x));
    return bad_operands(ev, OP_ADD, x, y);
}

static int repeat(struct ev *ev, const struct value *seq, int64_t n, struct value *ret)
{
    if (n < 0)
        n = 0;
    size_t len = seq->type == VALUE_STRING ? seq->u.str.len : seq->u.list->len;
    size_t max = seq->type == VALUE_STRING ? OUTPUT_MAX : ITEMS_MAX;
    if (len && (size_t)n > max / len)
        return too_big(ev);
    if (seq->type == VALUE_STRING) {
        char *s = arena_alloc(ev->a, len * (size_t)n + 1);
        for (int64_t i = 0; i < n && len; i++)
            memcpy(s + (size_t)i * len, seq->u.str.s, len);
        *ret = value_ref(s, len * (size_t)n);
        ret->flags = seq->flags & (VALUE_UNSAFE | VALUE_MARKUP | VALUE_BYTES);
        return 0;
    }
    struct value r = value_list(ev->a);
    r.flags = seq->flags & VALUE_TUPLE;
    for (int64_t i = 0; i < n && len; i++)
        add_all(r.u.list, seq->u.list);
    *ret = r;
    return 0;
}

static int op_mul(struct ev *ev, const struct value *x, const struct value *y, struct value *ret)
{
    bool sx = x->type == VALUE_STRING || x->type == VALUE_LIST;
    bool sy = y->type == VALUE_STRING || y->type == VALUE_LIST;
    if (sx && is_int(y))
        return repeat(ev, x, int_of(y), ret);
    if (sy && is_int(x))
        return repeat(ev, y, int_of(x), ret);
    if (sx || sy)
        return type_error(ev, "can't multiply sequence by non-int of type '%s'",
                          value_type_name(sx ? y : x));
    return bad_operands(ev, OP_MUL, x, y);
}

int op_binary(struct ev *ev, enum binary_op op, const struct value *x, const struct value *y,
              struct value *ret)
{
    struct value px, py;
    if (is_int(x) && is_int(y))
        return int_op(ev, op, int_of(x), int_of(y), ret);
    if (is_num(x) && is_num(y))
        return float_op(ev, op, float_of(x), float_of(y), ret);
    if (x->type == VALUE_UNDEFINED)
        return eval_undefined(ev, x);
    if (op == OP_MOD && x->type == VALUE_STRING)
        return op_percent(ev, x, y, ret);
    if (y->type == VALUE_UNDEFINED)
        return eval_undefined(ev, y);
    int rc = op_special(ev, op, x, y, ret);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = make_plain(ev, x, &px);
    if (rc == 0)
        rc = make_plain(ev, y, &py);
    if (rc < 0)
        return rc;
    if (op == OP_ADD)
        return op_add(ev, &px, &py, ret);
    return op == OP_MUL ? op_mul(ev, &px, &py, ret) : bad_operands(ev, op, &px, &py);
}

int op_negate(struct ev *ev, bool minus, const struct value *x, struct value *ret)
{
    if (x->type == VALUE_UNDEFINED)
        return eval_undefined(ev, x);
    if (x->type == VALUE_FLOAT) {
        *ret = value_float(minus ? -x->u.f : x->u.f);
        return 0;
    }
    if (!is_int(x))
        return type_error(ev, "bad operand type for unary %c: '%s'", minus ? '-' : '+',
                          value_type_name(x));
    if (int_of(x) == INT64_MIN && minus)
        return too_large(ev);
    *ret = value_int(minus ? -int_of(x) : int_of(x));
    return 0;
}

// --- comparisons
// -------------------------------------------------------------------------------------------------

#define TEXT_WANTED "'in <string>' requires string as left operand, not %s"
#define BYTES_WANTED "a bytes-like object is required, not '%s'"

static int contains(struct ev *ev, const struct value *x, const struct value *in, bool *ret)
{
    struct value c;
    int rc = make_plain(ev, in, &c);
    if (rc < 0)
        return rc;
    *ret = false;
    switch (c.type) {
    case VALUE_STRING:
        if (x->type != VALUE_STRING || (x->flags ^ c.flags) & VALUE_BYTES)
            return type_error(ev, c.flags & VALUE_BYTES ? BYTES_WANTED : TEXT_WANTED,
                              value_type_name(x));
        *ret = memmem(c.u.str.s, c.u.str.len, x->u.str.s, x->u.str.len) != NULL;
        return 0;
    case VALUE_LIST:
        for (size_t i = 0; i < c.u.list->len && !*ret; i++) {
            const struct value *item = &c.u.list->items[i];
            rc = op_compare(ev, CMP_EQ, item, x, ret);
            if (rc < 0)
                return rc;
        }
        return 0;
    case VALUE_DICT:
        if (x->type == VALUE_UNDEFINED)
            return is_strict(x) ? eval_undefined(ev, x) : 0;
        if (!is_hashable(x))
            return type_error(ev, "unhashable type: '%s'", value_type_name(find_unhashable(x)));
        *ret = dict_getv(c.u.dict, x) != NULL;
        return 0;
    case VALUE_UNDEFINED:
        return c.flags & UNDEFINED_LENIENT ? 0 : eval_undefined(ev, &c);
    default:
        return type_error(ev, "argument of type '%s' is not iterable", value_type_name(&c));
    }
}

static int ordered(struct ev *ev, enum compare_op op, const struct value *x, const struct value *y,
                   bool *ret)
{
    static const char *const names[] = {
        [CMP_LT] = "<", [CMP_LE] = "<=", [CMP_GT] = ">", [CMP_GE] = ">="};
    int c = 0;
    if (is_num(x) && is_num(y) && (isnan(float_of(x)) || isnan(float_of(y)))) {
        *ret = false;
        return 0;
    }
    bool same;
    const struct value *hit = x->type == VALUE_LIST ? equal_meets(x, y, &same, 0) : NULL;
    if (hit)
        return eval_undefined(ev, hit);
    struct err why = ERR_INIT;
    int rc = op_special_compare(x, y, &c) ? 0 : value_compare(x, y, &c, &why);
    const struct value *undef = rc < 0 ? value_find_undefined(x, 0) : NULL;
    if (rc < 0 && !undef)
        undef = value_find_undefined(y, 0);
    if (undef && strstr(err_msg(&why), value_type_name(undef))) {
        err_release(&why);
        return eval_undefined(ev, undef);
    }
    if (rc < 0) {
        // core says '<'; the operator at hand is what Python names
        const char *rest = strstr(err_msg(&why), " not supported");
        if (strncmp(err_msg(&why), "'<'", 3) == 0 && rest)
            rc = type_error(ev, "'%s'%s", names[op], rest);
        else
            rc = type_error(ev, "%s", err_msg(&why));
        err_release(&why);
        return rc;
    }
    *ret = op == CMP_LT ? c < 0 : op == CMP_LE ? c <= 0 : op == CMP_GT ? c > 0 : c >= 0;
    return 0;
}

// What is compared or formatted is looked into.
static int reveal_both(struct ev *ev, struct value *x, struct value *y)
{
    struct arena *a = ev->ctx->ss->arena;
    int rc = value_reveal(ev->ctx->t, a, x, 0, ev->e);
    return rc < 0 ? rc : value_reveal(ev->ctx->t, a, y, 0, ev->e);
}

int op_compare(struct ev *ev, enum compare_op op, const struct value *x, const struct value *y,
               bool *ret)
{
    struct value px = *x, py = *y;
    int rc = 0;
    if (template_hooks.vault_seen) {
        rc = reveal_both(ev, &px, &py);
        if (rc < 0)
            return rc;
        x = &px;
        y = &py;
    }
    if (op == CMP_IN || op == CMP_NOTIN) {
        rc = contains(ev, x, y, ret);
        *ret = *ret == (op == CMP_IN);
        return rc;
    }
    if (x->type == VALUE_UNDEFINED || y->type == VALUE_UNDEFINED) {
        const struct value *u = x->type == VALUE_UNDEFINED ? x : y;
        const struct value *o = u == x ? y : x;
        if (!(u->flags & UNDEFINED_LENIENT))
            return eval_undefined(ev, u);
        if (o->type == VALUE_UNDEFINED && !(o->flags & UNDEFINED_LENIENT))
            return eval_undefined(ev, o);
        if (op != CMP_EQ && op != CMP_NE)
            return eval_undefined(ev, u);
        *ret = (o->type == VALUE_UNDEFINED) == (op == CMP_EQ);
        return 0;
    }
    if ((x->type == VALUE_OBJECT) != (y->type == VALUE_OBJECT)) {
        rc = make_plain(ev, x, &px);
        if (rc == 0)
            rc = make_plain(ev, y, &py);
    }
    if (rc < 0)
        return rc;
    if (op != CMP_EQ && op != CMP_NE)
        return ordered(ev, op, &px, &py, ret);
    bool same;
    const struct value *hit = equal_meets(&px, &py, &same, 0);
    *ret = same == (op == CMP_EQ);
    return hit ? eval_undefined(ev, hit) : 0;
}

// --- slices
// ------------------------------------------------------------------------------------------------------

static int slice_bound(struct ev *ev, const struct value *v, bool *given, int64_t *ret)
{
    *given = v->type != VALUE_NULL;
    if (!*given)
        return 0;
    if (v->type == VALUE_UNDEFINED)
        return eval_undefined(ev, v);
    if (!is_int(v))
        return type_error(ev, "slice indices must be integers or None or have an __index__ method");
    *ret = int_of(v);
    return 0;
}

static int64_t clamp(int64_t i, int64_t len, int64_t low, int64_t high)
{
    if (i < 0)
        i += len;
    return i < low ? low : i > high ? high : i;
}

static void string_slice(struct ev *ev, const struct value *v, int64_t start, int64_t stop,
                         int64_t step, struct value *ret)
{
    struct buf b = BUF_INIT;
    const char *s = v->u.str.s, *end = s + v->u.str.len;
    size_t n = 0;
    const char **at = arena_array(ev->a, const char *, v->u.str.len + 1);
    for (const char *p = s; p < end; p++)
        if (((unsigned char)*p & 0xc0) != 0x80 || p == s || v->flags & VALUE_BYTES)
            at[n++] = p;
    at[n] = end;
    for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step)
        buf_add(&b, at[i], (size_t)(at[i + 1] - at[i]));
    *ret = value_strn(ev->a, buf_str(&b), b.len);
    ret->flags = v->flags & (VALUE_UNSAFE | VALUE_BYTES | VALUE_MARKUP);
    buf_release(&b);
}

int op_slice(struct ev *ev, const struct value *obj, const struct value part[3], struct value *ret)
{
    struct value v;
    int64_t i[3] = {0, 0, 1}, len = 0;
    bool given[3];
    int rc = make_plain(ev, obj, &v);
    if (rc < 0)
        return rc;
    if (v.type == VALUE_UNDEFINED) {
        *ret = v;
        return v.flags & UNDEFINED_LENIENT ? eval_undefined(ev, &v) : 0;
    }
    if (v.type == VALUE_DICT)
        return type_error(ev, "unhashable type: 'slice'");
    if (v.type != VALUE_LIST && v.type != VALUE_STRING)
        return type_error(ev, "'%s' object is not subscriptable", value_type_name(&v));
    for (int k = 2; k >= 0; k--)
        if ((rc = slice_bound(ev, &part[k], &given[k], &i[k])) < 0)
            return rc;
    if (i[2] == 0)
        return other_error(ev, "ValueError", "slice step cannot be zero");
    if (v.type == VALUE_LIST)
        len = (int64_t)v.u.list->len;
    else
        for (size_t k = 0; k < v.u.str.len; k++)
            len += ((unsigned char)v.u.str.s[k] & 0xc0) != 0x80 || k == 0 || v.flags & VALUE_BYTES;
    int64_t step = i[2] > len + 1 ? len + 1 : i[2] < -len - 1 ? -len - 1 : i[2];
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? len : len - 1;
    int64_t start = given[0] ? clamp(i[0], len, low, high) : step > 0 ? 0 : len - 1;
    int64_t stop = given[1] ? clamp(i[1], len, low, high) : step > 0 ? len : -1;
    if (v.type == VALUE_STRING) {
        string_slice(ev, &v, start, stop, step, ret);
        return 0;
    }
    *ret = value_list(ev->a);
    ret->flags = v.flags & VALUE_TUPLE;
    for (int64_t k = start; step > 0 ? k < stop : k > stop; k += step)
        list_add(ret->u.list, v.u.list->items[k]);
    return 0;
}
