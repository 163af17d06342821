// Output of templates: pieces are joined as text; a lone one keeps its type where Ansible's
// literal_eval would.
#include "template/eval.h"
#include "template/hooks.h"

#include <math.h>
#include <string.h>

void out_init(struct out *o, struct buf *b)
{
    *o = (struct out){.b = b};
}

static void add_text(struct buf *b, const struct value *v)
{
    if (v->type == VALUE_STRING)
        buf_add(b, v->u.str.s, v->u.str.len);
    else if (v->type == VALUE_INT)
        buf_addi(b, v->u.i);
    else
        value_print(b, v);
}

static int full(struct ev *ev)
{
    return err_set(ev->e, ERR_LIMIT, ev->ctx->pos, "output of the template is larger than %zu MB",
                   OUTPUT_MAX >> 20);
}

static int add_piece(struct ev *ev, const struct value *v)
{
    struct out *o = ev->out;
    if (o->nodes > 1) {
        add_text(o->b, v);
        return o->b->overflow ? full(ev) : 0;
    }
    if (o->nodes++ == 0) {
        o->first = *v;
        return 0;
    }
    int known = template_find_unknown(&o->first, ev->ctx->pos, ev->e);
    if (known < 0)
        return known;
    if (template_hooks.vault_seen) {
        int rc = value_reveal(ev->ctx->t, ev->ctx->ss->arena, &o->first, 0, ev->e);
        if (rc < 0)
            return rc;
    }
    add_text(o->b, &o->first);
    add_text(o->b, v);
    return o->b->overflow ? full(ev) : 0;
}

int out_data(struct ev *ev, const struct value *text)
{
    return add_piece(ev, text);
}

// Raises the first undefined value inside v, as Ansible's finalize does.
static int check_defined(struct ev *ev, const struct value *v, int depth)
{
    int rc = 0;
    if (v->type == VALUE_UNDEFINED)
        return v->flags & UNDEFINED_LENIENT ? 0 : eval_undefined(ev, v);
    if (depth > 100)
        return 0;
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; rc == 0 && i < v->u.list->len; i++)
            if (v->u.list->items[i].type >= VALUE_LIST)
                rc = check_defined(ev, &v->u.list->items[i], depth + 1);
    } else if (v->type == VALUE_DICT) {
        struct dict_entry *d;
        DICT_EACH(v->u.dict, d)
        if (d->val.type >= VALUE_LIST && (rc = check_defined(ev, &d->val, depth + 1)) < 0)
            break;
    }
    return rc;
}

// A list or dict as it prints now: the rest of the template may change it.
static struct value printed(struct ev *ev, const struct value *v)
{
    struct buf b = BUF_INIT;
    value_print(&b, v);
    struct value text = value_strn(ev->a, buf_str(&b), b.len);
    text.flags = VALUE_PLAIN_STR;
    buf_release(&b);
    return text;
}

int out_value(struct ev *ev, const struct value *v, bool finalize)
{
    if (v->type == VALUE_STRING || v->type == VALUE_INT) {
        ev->out->unsafe |= (v->flags & VALUE_UNSAFE) != 0;
        if (v->type == VALUE_STRING && out_add(ev->out, v->u.str.s, v->u.str.len))
            return 0;
        return add_piece(ev, v);
    }
    struct value x = *v;
    int rc = 0;
    switch (x.type) {
    case VALUE_NULL:
        if (finalize && !ev->ctx->native)
            x = value_ref("", 0);
        break;
    case VALUE_OBJECT:
        if (ev->ctx->native && v->u.obj->ops->constant)
            break;
        rc = make_text(ev, v, &x);
        if (rc == 0)
            rc = check_defined(ev, &x, 0);
        break;
    case VALUE_UNDEFINED:
    case VALUE_LIST:
    case VALUE_DICT:
        rc = check_defined(ev, v, 0);
        if (x.type == VALUE_UNDEFINED)
            x = value_ref("", 0);
        break;
    default:
        break;
    }
    struct out *o = ev->out;
    // a lone list or dict may be the result as it is; text needs what is in it
    if (rc == 0 && template_hooks.vault_seen && (o->nodes > 0 || !ev->ctx->convert))
        rc = value_reveal(ev->ctx->t, ev->ctx->ss->arena, &x, 0, ev->e);
    if (rc == 0 && (o->nodes > 0 || !ev->ctx->convert))
        rc = template_find_unknown(&x, ev->ctx->pos, ev->e);
    if (rc < 0)
        return rc;
    if (!o->unsafe && (x.flags & VALUE_UNSAFE || x.type >= VALUE_LIST) &&
        value_has_unsafe(&x, true, 0))
        o->unsafe = true;
    if (o->nodes == 0 && (o->text || !(ev->ctx->convert || ev->ctx->native)) &&
        (x.type == VALUE_LIST || x.type == VALUE_DICT))
        x = printed(ev, &x);
    return add_piece(ev, &x);
}

// True when printing v and reading the text back would give v again.
static bool survives(const struct value *v, int depth)
{
    if (depth > 60)
        return false;
    switch ((enum value_type)v->type) {
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
        return true;
    case VALUE_FLOAT:
        return isfinite(v->u.f);
    case VALUE_STRING:
        return !(v->flags & VALUE_MARKUP);
    case VALUE_LIST:
        for (size_t i = 0; i < v->u.list->len; i++)
            if (!survives(&v->u.list->items[i], depth + 1))
                return false;
        return true;
    case VALUE_DICT: {
        struct dict_entry *d;
        DICT_EACH(v->u.dict, d)
        if (!survives(&d->key, depth + 1) || !survives(&d->val, depth + 1))
            return false;
        return true;
    }
    case VALUE_UNDEFINED:
    case VALUE_OBJECT:
        return false;
    }
    return false;
}

static struct value all_unsafe(struct arena *a, const struct value *v)
{
    struct value r = value_copy(a, v);
    value_mark_unsafe(&r);
    return r;
}

// A string in memory of its own; pieces may belong to the template or to a reused buffer.
static struct value take_text(struct ev *ev, const struct out *o)
{
    if (o->nodes == 0)
        return value_ref("", 0);
    if (o->nodes == 1 && o->first.type == VALUE_STRING) { // bytes are decoded
        struct value v = value_strn(ev->a, o->first.u.str.s, o->first.u.str.len);
        v.flags = o->first.flags & (VALUE_NATIVE_TEXT | VALUE_PLAIN_STR | VALUE_MARKUP);
        value_set_pos(&v, value_pos(&o->first));
        if (!v.line)
            v.flags |= VALUE_PLAIN_STR;
        return v;
    }
    if (o->nodes == 1)
        value_print(o->b, &o->first);
    struct value v = value_strn(ev->a, buf_str(o->b), o->b->len);
    v.flags = VALUE_PLAIN_STR;
    return v;
}

static bool like_literal(const struct value *v)
{
    const char *s = v->u.str.s;
    size_t n = v->u.str.len;
    return n && (s[0] == '{' || s[0] == '[' || (n == 4 && memcmp(s, "True", 4) == 0) ||
                 (n == 5 && memcmp(s, "False", 5) == 0));
}

// Whether the first line that says something begins with a blank, which Python refuses.
static bool begins_indented(const char *s, size_t len)
{
    for (size_t line = 0, i; line < len; line = i + 1) {
        for (i = line; i < len && (s[i] == ' ' || s[i] == '\t'); i++)
            continue;
        if (i < len && s[i] != '\n' && s[i] != '\r' && s[i] != '#')
            return i > line;
        while (i < len && s[i] != '\n')
            i++;
    }
    return false;
}

// jinja2_native: a lone value is the result; text is read as a literal where it is one.
static int finish_native(struct ev *ev, struct out *o, struct value *ret)
{
    if (o->nodes == 0) {
        *ret = value_null();
        return 0;
    }
    if (o->nodes == 1 &&
        (o->first.type != VALUE_STRING || o->first.flags & (VALUE_NATIVE_TEXT | VALUE_BYTES))) {
        *ret = ev->tpl->reference ? o->first : value_copy(ev->a, &o->first);
        return 0;
    }
    *ret = take_text(ev, o);
    struct value lit;
    if (!begins_indented(ret->u.str.s, ret->u.str.len) &&
        literal_eval(ev->a, ret->u.str.s, ret->u.str.len, false, &lit)) {
        if (lit.type == VALUE_STRING && !(lit.flags & VALUE_BYTES)) {
            struct buf b = BUF_INIT;
            buf_addc(&b, ret->u.str.s[0]);
            buf_add(&b, lit.u.str.s, lit.u.str.len);
            buf_addc(&b, ret->u.str.s[0]);
            lit = value_strn(ev->a, buf_str(&b), b.len);
            buf_release(&b);
        }
        *ret = lit;
    }
    return 0;
}

int out_finish(struct ev *ev, struct out *o, struct value *ret)
{
    struct value lit;
    if (o->b->overflow)
        return full(ev);
    if (ev->ctx->native) {
        finish_native(ev, o, ret);
    } else if (o->nodes == 1 && ev->ctx->convert &&
               (o->first.type == VALUE_BOOL || o->first.type == VALUE_DICT ||
                (o->first.type == VALUE_LIST && !(o->first.flags & VALUE_TUPLE))) &&
               survives(&o->first, 0)) {
        *ret = ev->tpl->reference || o->first.type == VALUE_BOOL ? o->first
                                                                 : value_copy(ev->a, &o->first);
    } else {
        int rc = template_hooks.vault_seen && o->nodes == 1
                     ? value_reveal(ev->ctx->t, ev->ctx->ss->arena, &o->first, 0, ev->e)
                     : 0;
        if (rc < 0)
            return rc;
        *ret = take_text(ev, o);
        if (ev->ctx->convert && !(ret->flags & VALUE_NATIVE_TEXT) && like_literal(ret) &&
            literal_eval(ev->a, ret->u.str.s, ret->u.str.len, true, &lit))
            *ret = lit;
    }
    if (o->unsafe)
        *ret = all_unsafe(ev->a, ret);
    return o->b->overflow ? full(ev) : session_check_memory(ev->a, ev->ctx->pos, ev->e);
}
