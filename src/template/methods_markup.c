// Methods of text that is marked safe: what they make of it is marked too, and what is put into it
// is escaped.
#include "template/pystr.h"
#include "template/rows.h"

#include <string.h>

// Those that only tell something of the text, or make none of it.
static bool tells(const char *name)
{
    return name[0] == '_' || strncmp(name, "is", 2) == 0 || strstr(name, "find") ||
           strstr(name, "index") || strstr(name, "with") || strcmp(name, "count") == 0 ||
           strcmp(name, "encode") == 0 || strcmp(name, "casefold") == 0 ||
           strcmp(name, "format_map") == 0;
}

static int escaped(struct call *c, const struct value *v, struct value *ret, struct err *e)
{
    *ret = *v;
    if (v->type == VALUE_STRING && !(v->flags & (VALUE_MARKUP | VALUE_BYTES))) {
        struct buf b = call_buf(c);
        str_escape(&b, text_of(c, v));
        *ret = take_buf(c, &b);
        ret->flags = VALUE_MARKUP;
    }
    if (v->type != VALUE_LIST)
        return 0;
    int rc = 0;
    *ret = list_from(c, v->u.list->items, v->u.list->len);
    ret->flags = v->flags;
    for (size_t i = 0; i < v->u.list->len && rc >= 0; i++)
        rc = escaped(c, &v->u.list->items[i], &ret->u.list->items[i], e);
    return rc;
}

static void mark(struct value *v)
{
    if (v->type == VALUE_STRING)
        v->flags |= VALUE_MARKUP;
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++)
        mark(&v->u.list->items[i]);
}

// Any method of text marked safe by the name it is called with.
BUILTIN(markup_method)
{
    const struct builtin *plain = method_find(&c->self, c->name, strlen(c->name));
    struct value *args = arena_array(c->arena, struct value, c->n_args + 1);
    struct value kwargs = value_dict(c->arena), v;
    struct dict_entry *d;
    int rc = 0;
    if (tells(c->name))
        return plain->fn(c, ret, e);
    if (strcmp(c->name, "format") == 0) { // escapes what has been formatted
        rc = plain->fn(c, ret, e);
        if (rc >= 0)
            mark(ret);
        return rc;
    }
    for (size_t i = 0; i < c->n_args && rc >= 0; i++)
        rc = escaped(c, &c->args[i], &args[i], e);
    DICT_EACH(c->kwargs, d)
    {
        if (rc >= 0)
            rc = escaped(c, &d->val, &v, e);
        dict_setv(kwargs.u.dict, d->key, v);
    }
    if (rc < 0)
        return rc;
    struct call safe = *c;
    safe.args = args;
    safe.kwargs = kwargs.u.dict;
    rc = plain->fn(&safe, ret, e);
    c->too_large |= safe.too_large;
    if (rc >= 0)
        mark(ret);
    return rc;
}
