// Methods of bytes: those of text, with bytes for arguments and results. Each byte above 0x7f
// becomes a private character for the time of the call, so that it has no case and counts as one.
#include "template/rows.h"
#include "template/unicode.h"

#include <string.h>

#define PRIVATE 0xE000 // + 0x80 to 0xff

static struct value text_of_bytes(struct call *c, const struct value *v)
{
    struct buf b = call_buf(c);
    for (size_t i = 0; i < v->u.str.len; i++) {
        unsigned char byte = (unsigned char)v->u.str.s[i];
        utf8_add(&b, byte < 0x80 ? byte : (uint32_t)PRIVATE + byte);
    }
    return take_buf(c, &b);
}

static struct value bytes_of_text(struct call *c, const struct value *v)
{
    const char *p = v->u.str.s, *end = p + v->u.str.len;
    struct buf b = call_buf(c);
    while (p < end)
        buf_addc(&b, (char)(unsigned char)utf8_next(&p, end));
    struct value r = take_buf(c, &b);
    r.flags = VALUE_BYTES;
    return r;
}

// An argument, or the items of one, as text; a byte may be given by its number.
static int arg_text(struct call *c, const struct value *v, bool number, struct value *ret,
                    struct err *e)
{
    *ret = *v;
    if (v->type == VALUE_STRING && !(v->flags & VALUE_BYTES))
        return fail_type(c, e, "a bytes-like object is required, not 'str'");
    if (v->type == VALUE_STRING)
        *ret = text_of_bytes(c, v);
    if (v->type == VALUE_INT && number && v->u.i >= 0 && v->u.i < 256) {
        char byte = (char)v->u.i;
        struct value one = value_ref(&byte, 1);
        *ret = text_of_bytes(c, &one);
    }
    if (v->type != VALUE_LIST)
        return 0;
    *ret = list_from(c, v->u.list->items, v->u.list->len);
    ret->flags = v->flags & VALUE_TUPLE;
    int rc = 0;
    for (size_t i = 0; i < v->u.list->len && rc >= 0; i++)
        rc = arg_text(c, &v->u.list->items[i], false, &ret->u.list->items[i], e);
    return rc;
}

static void result_bytes(struct call *c, struct value *v)
{
    if (v->type == VALUE_STRING)
        *v = bytes_of_text(c, v);
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++)
        result_bytes(c, &v->u.list->items[i]);
}

// Methods that look for something.
static bool is_search(const char *name)
{
    return strstr(name, "find") || strstr(name, "index") || strcmp(name, "count") == 0;
}

// Any method of bytes by the name it is called with.
BUILTIN(bytes_method)
{
    struct value self = text_of_bytes(c, &c->self), kwargs = value_dict(c->arena);
    const struct builtin *same = method_find(&self, c->name, strlen(c->name));
    struct value *args = arena_array(c->arena, struct value, c->n_args + 1);
    struct dict_entry *d;
    int rc = 0;
    for (size_t i = 0; i < c->n_args && rc >= 0; i++)
        rc = arg_text(c, &c->args[i], i == 0 && is_search(c->name), &args[i], e);
    if (rc < 0)
        return rc;
    DICT_EACH(c->kwargs, d)
    {
        struct value v;
        rc = arg_text(c, &d->val, false, &v, e);
        if (rc < 0)
            return rc;
        dict_setv(kwargs.u.dict, d->key, v);
    }
    struct call as_text = *c;
    as_text.self = self;
    as_text.args = args;
    as_text.kwargs = kwargs.u.dict;
    rc = same->fn(&as_text, ret, e);
    c->too_large |= as_text.too_large;
    if (rc >= 0)
        result_bytes(c, ret);
    return rc;
}

// hex: Two hexadecimal digits for each byte.
BUILTIN(bytes_method_hex)
{
    struct buf b = call_buf(c);
    for (size_t i = 0; i < c->self.u.str.len; i++)
        buf_addf(&b, "%02x", (unsigned char)c->self.u.str.s[i]);
    *ret = take_buf(c, &b);
    return args_none(c, e);
}
