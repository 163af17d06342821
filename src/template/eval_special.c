// Operators on what is neither number nor container: "..." % args, and dates.
#include "template/datetime.h"
#include "template/eval.h"
#include "template/pyformat.h"

#include <string.h>

static struct call plain_call(struct ev *ev, const struct value *self)
{
    static const struct dict none;
    return (struct call){.t = ev->ctx->t,
                         .arena = ev->a,
                         .self = *self,
                         .kwargs = &none,
                         .pos = ev->ctx->pos,
                         .name = "%"};
}

int op_percent(struct ev *ev, const struct value *fmt, const struct value *args, struct value *ret)
{
    struct call c = plain_call(ev, fmt);
    struct text text = {fmt->u.str.s, fmt->u.str.len};
    struct value plain;
    int rc = make_plain(ev, args, &plain);
    if (rc == 0 && plain.type == VALUE_UNDEFINED && !memchr(text.s, '%', text.len)) {
        *ret = *fmt; // Python takes an undefined value for a mapping, of which nothing need be used
        return 0;
    }
    struct buf b = call_buf(&c);
    if (rc == 0)
        rc = py_percent(&c, text, &plain, &b, ev->e);
    if (rc == 0 && b.overflow)
        rc = other_error(ev, "MemoryError", "result is too large");
    if (rc == 0) {
        *ret = value_strn(ev->a, buf_str(&b), b.len);
        bool whole = !memchr(text.s, '%', text.len); // then Python gives the format itself
        ret->flags = fmt->flags & (VALUE_UNSAFE | VALUE_MARKUP | (whole ? VALUE_NATIVE_TEXT : 0));
    }
    drop_buf(&c, &b);
    return rc;
}

static bool is_time(const struct value *v)
{
    return datetime_is(v) || timedelta_is(v);
}

int op_special(struct ev *ev, enum binary_op op, const struct value *x, const struct value *y,
               struct value *ret)
{
    static const char codes[] = {[OP_ADD] = '+', [OP_SUB] = '-', [OP_MUL] = '*', [OP_DIV] = '/'};
    if ((!is_time(x) && !is_time(y)) || op >= sizeof codes)
        return 0;
    return datetime_binary(ev->a, codes[op], x, y, ret, ev->e);
}

bool op_special_compare(const struct value *x, const struct value *y, int *ret)
{
    return x->type == VALUE_OBJECT && y->type == VALUE_OBJECT && is_time(x) && is_time(y) &&
           datetime_compare(x, y, ret);
}
