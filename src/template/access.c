// Attributes, items and iteration by jinja2's rules: an attribute first for a.b, an item first for
// a['b'].
#include "template/eval.h"
#include "template/hooks.h"

#include <string.h>

int make_text(struct ev *ev, const struct value *v, struct value *ret)
{
    *ret = *v;
    if (v->type != VALUE_OBJECT || !v->u.obj->ops->materialize)
        return 0;
    return v->u.obj->ops->materialize(v->u.obj, ev->a, ret, ev->e);
}

int make_plain(struct ev *ev, const struct value *v, struct value *ret)
{
    struct value text;
    int rc = make_text(ev, v, &text);
    // a text is only how an object prints
    *ret = v->type == VALUE_OBJECT && (rc < 0 || text.type == VALUE_STRING) ? *v : text;
    return rc;
}

// How jinja2 names the type of an object in messages about what it lacks.
static const char *owner_name(const struct value *v)
{
    switch ((enum value_type)v->type) {
    case VALUE_NULL:
        return "None";
    case VALUE_BOOL:
        return "bool object";
    case VALUE_INT:
        return "int object";
    case VALUE_FLOAT:
        return "float object";
    case VALUE_STRING:
        if (v->flags & VALUE_UNSAFE)
            return "ansible.utils.unsafe_proxy.AnsibleUnsafeText object";
        if (v->flags & VALUE_NATIVE_TEXT)
            return "ansible.utils.native_jinja.NativeJinjaText object";
        if (v->flags & VALUE_MARKUP)
            return "markupsafe.Markup object";
        if (v->line && !(v->flags & VALUE_PLAIN_STR))
            return "ansible.parsing.yaml.objects.AnsibleUnicode object";
        return v->flags & VALUE_BYTES ? "bytes object" : "str object";
    case VALUE_LIST:
        return value_is_group(v)        ? "jinja2.filters._GroupTuple object"
               : v->flags & VALUE_TUPLE ? "tuple object"
                                        : "list object";
    case VALUE_DICT:
        return "dict object";
    case VALUE_UNDEFINED:
    case VALUE_OBJECT:
        break;
    }
    return NULL;
}

// "'dict object' has no attribute 'x'", put together without printf: tests for what is not there
// are common.
static struct value missing_attr(struct ev *ev, const struct value *obj, const char *name)
{
    if (obj->type == VALUE_DICT) {
        static const char start[] = "'dict object' has no attribute '";
        size_t len = strlen(name), at = sizeof start - 1;
        char *s = arena_alloc(ev->a, at + len + 2);
        memcpy(s, start, at);
        memcpy(s + at, name, len);
        s[at + len] = '\'';
        ev->ctx->ss->lacks_member = s;
        ev->ctx->ss->lacks = obj->u.dict;
        return (struct value){.type = VALUE_UNDEFINED, .u.str = {s, at + len + 1}};
    }
    const char *owner = owner_name(obj);
    const char *const parts[] = {"'",
                                 owner ? owner : value_type_name(obj),
                                 owner ? "" : " object",
                                 "' has no attribute '",
                                 name,
                                 "'"};
    size_t len[sizeof parts / sizeof *parts], n = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        n += len[i] = strlen(parts[i]);
    char *s = arena_alloc(ev->a, n + 1), *p = s;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; p += len[i++])
        memcpy(p, parts[i], len[i]);
    struct value v = value_ref(s, n);
    v.type = VALUE_UNDEFINED;
    return v;
}

static struct value missing_item(struct ev *ev, const struct value *obj, const struct value *key)
{
    if (key->type == VALUE_STRING)
        return missing_attr(ev, obj, key->u.str.s);
    struct buf b = BUF_INIT;
    value_repr(&b, key);
    const char *owner = owner_name(obj);
    struct value v = owner ? value_undefined(ev->a, "%s has no element %s", owner, buf_str(&b))
                           : value_undefined(ev->a, "%s object has no element %s",
                                             value_type_name(obj), buf_str(&b));
    buf_release(&b);
    return v;
}

static bool is_index(const struct value *key, int64_t *i)
{
    if (key->type != VALUE_INT && key->type != VALUE_BOOL)
        return false;
    *i = key->type == VALUE_INT ? key->u.i : key->u.b;
    return true;
}

static size_t char_len(const char *s, const char *end)
{
    size_t n = 1;
    while (s + n < end && ((unsigned char)s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

// Character i of a string; false when there are not so many.
static bool char_at(struct ev *ev, const struct value *v, int64_t i, struct value *ret)
{
    const char *s = v->u.str.s, *end = s + v->u.str.len;
    if (i < 0) {
        for (const char *p = s; p < end; p++)
            i += ((unsigned char)*p & 0xc0) != 0x80;
        if (i < 0)
            return false;
    }
    for (; s < end && i > 0; i--)
        s += char_len(s, end);
    if (s >= end)
        return false;
    *ret = value_strn(ev->a, s, char_len(s, end));
    ret->flags = v->flags & VALUE_MARKUP;
    return true;
}

static bool byte_at(const struct value *v, int64_t i, struct value *ret)
{
    i += i < 0 ? (int64_t)v->u.str.len : 0;
    if (i < 0 || i >= (int64_t)v->u.str.len)
        return false;
    *ret = value_int((unsigned char)v->u.str.s[i]);
    return true;
}

static int object_get(struct ev *ev, const struct value *obj, const struct value *key, bool attr,
                      struct value *ret)
{
    const struct value_ops *ops = obj->u.obj->ops;
    int rc = ops->get ? ops->get(obj->u.obj, ev->a, key, attr, ret, ev->e) : 0;
    if (rc == 0 && !ops->get && ops->materialize) {
        struct value plain;
        rc = make_plain(ev, obj, &plain);
        if (rc < 0 || plain.type == VALUE_OBJECT)
            return rc;
        rc = get_item(ev, &plain, key, ret);
        return rc < 0 ? rc : ret->type != VALUE_UNDEFINED;
    }
    return rc;
}

// obj[key]: 1 found, 0 not, <0 error.
static int item(struct ev *ev, const struct value *obj, const struct value *key, struct value *ret)
{
    int64_t i;
    switch (obj->type) {
    case VALUE_DICT: {
        const struct value *v = dict_getv(obj->u.dict, key);
        if (v)
            *ret = *v;
        return v != NULL;
    }
    case VALUE_LIST:
        if (!is_index(key, &i))
            return 0;
        if (i < 0)
            i += (int64_t)obj->u.list->len;
        if (i < 0 || i >= (int64_t)obj->u.list->len)
            return 0;
        *ret = obj->u.list->items[i];
        return 1;
    case VALUE_STRING:
        return is_index(key, &i) &&
               (obj->flags & VALUE_BYTES ? byte_at(obj, i, ret) : char_at(ev, obj, i, ret));
    case VALUE_OBJECT:
        return object_get(ev, obj, key, false, ret);
    default:
        return 0;
    }
}

static bool find_method(struct ev *ev, const struct value *obj, const char *name, size_t len,
                        struct value *ret)
{
    const struct builtin *m = method_find(obj, name, len);
    if (m)
        *ret = bound_method(ev, obj, m);
    return m != NULL;
}

// The members of groupby's pairs.
static bool group_member(const struct value *obj, const char *name, struct value *ret)
{
    int at = strcmp(name, "grouper") == 0 ? 0 : strcmp(name, "list") == 0 ? 1 : -1;
    if (at < 0 || !value_is_group(obj))
        return false;
    *ret = obj->u.list->items[at];
    return true;
}

static int undefined_member(struct ev *ev, const struct value *obj, struct value *ret)
{
    if (obj->flags & (UNDEFINED_LENIENT | UNDEFINED_UNKNOWN))
        return eval_undefined(ev, obj);
    *ret = *obj;
    return 0;
}

// What every mapping of Python's has (hostvars, the variables of a host).
static bool is_mapping_method(const struct name *name)
{
    static const char *const names[] = {"get", "items", "keys", "values"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == name->len && memcmp(names[i], name->s, name->len) == 0)
            return true;
    return false;
}

int get_attr(struct ev *ev, const struct value *obj, const struct name *name,
             const struct builtin *dict_method, struct value *ret)
{
    struct value key = value_ref(name->s, name->len);
    int rc = 0;
    if (obj->type == VALUE_DICT) {
        if (dict_method) {
            *ret = bound_method(ev, obj, dict_method);
            return 0;
        }
        const struct value *v = dict_gethash(obj->u.dict, name->s, name->len, name->hash);
        if (v) {
            *ret = *v;
            return 0;
        }
        if (template_hooks.unknown_seen)
            rc = unknown_member(obj, name->s, ev->ctx->pos, ev->e);
    } else if (obj->type == VALUE_UNDEFINED) {
        return undefined_member(ev, obj, ret);
    } else if (obj->type == VALUE_OBJECT) {
        rc = object_get(ev, obj, &key, true, ret);
        struct value plain;
        if (rc == 0 && is_mapping_method(name) && obj->u.obj->ops->get &&
            obj->u.obj->ops->materialize && (rc = make_plain(ev, obj, &plain)) == 0 &&
            plain.type == VALUE_DICT && find_method(ev, &plain, name->s, name->len, ret))
            rc = 1;
        else if (rc == 0 && find_method(ev, obj, name->s, name->len, ret))
            rc = 1;
    } else {
        rc = find_method(ev, obj, name->s, name->len, ret) || group_member(obj, name->s, ret);
    }
    if (rc == 0 && strcmp(name->s, "__class__") == 0 && class_value(obj, ret))
        return 0;
    if (rc == 0)
        *ret = missing_attr(ev, obj, name->s);
    return rc < 0 ? rc : 0;
}

static int unhashable(struct ev *ev, const struct value *key)
{
    if (key->type == VALUE_DICT || (key->type == VALUE_LIST && !(key->flags & VALUE_TUPLE)))
        return 1;
    (void)ev;
    return 0;
}

int get_item(struct ev *ev, const struct value *obj, const struct value *key, struct value *ret)
{
    if (obj->type == VALUE_UNDEFINED)
        return undefined_member(ev, obj, ret);
    if (key->type == VALUE_UNDEFINED &&
        (obj->type == VALUE_DICT || (obj->type == VALUE_OBJECT && obj->u.obj->ops->get)))
        return eval_undefined(ev, key);
    int rc = unhashable(ev, key) ? 0 : item(ev, obj, key, ret);
    if (rc == 0 && template_hooks.unknown_seen && obj->type == VALUE_DICT &&
        key->type == VALUE_STRING)
        rc = unknown_member(obj, key->u.str.s, ev->ctx->pos, ev->e);
    if (rc == 0 && key->type == VALUE_STRING)
        rc = find_method(ev, obj, key->u.str.s, key->u.str.len, ret) ||
             group_member(obj, key->u.str.s, ret);
    if (rc == 0)
        *ret = missing_item(ev, obj, key);
    return rc < 0 ? rc : 0;
}

int iterate(struct ev *ev, const struct value *v, struct list **ret)
{
    struct value plain;
    int rc = make_plain(ev, v, &plain);
    if (rc < 0)
        return rc;
    if (plain.type == VALUE_LIST) {
        *ret = plain.u.list;
        return 0;
    }
    if (plain.type == VALUE_UNDEFINED && !(plain.flags & UNDEFINED_LENIENT))
        return eval_undefined(ev, &plain);
    struct value out = value_list(ev->a);
    if (plain.type == VALUE_STRING) {
        text_items(ev->a, &plain, out.u.list);
    } else if (plain.type == VALUE_DICT) {
        struct dict_entry *d;
        DICT_EACH(plain.u.dict, d)
        list_add(out.u.list, d->key);
    } else if (plain.type != VALUE_UNDEFINED) {
        return type_error(ev, "'%s' object is not iterable", value_type_name(&plain));
    }
    *ret = out.u.list;
    return 0;
}

// --- for filters and tests
// -----------------------------------------------------------------------------------------

// A minimal evaluator for calls that come from a filter.
static int from_call(struct call *from, struct ev *ev, struct ctx *ctx, struct template_session *ss,
                     struct err *e)
{
    *ctx = (struct ctx){.ss = from->t->session, .t = from->t, .pos = from->pos};
    if (!ctx->ss) {
        *ss = (struct template_session){.arena = from->arena, .stack = __builtin_frame_address(0)};
        ctx->ss = ss;
    }
    *ev = (struct ev){.ctx = ctx, .a = from->arena, .e = e};
    return 0;
}

int value_getattr(struct call *from, const struct value *obj, const char *name, struct value *ret,
                  struct err *e)
{
    struct ev ev;
    struct ctx ctx;
    struct template_session ss;
    struct value key = value_cstr(name);
    struct name n = {.s = name, .len = (uint32_t)key.u.str.len, .hash = value_hash(&key)};
    from_call(from, &ev, &ctx, &ss, e);
    return get_attr(&ev, obj, &n, method_find(obj, name, n.len), ret);
}

int value_getitem(struct call *from, const struct value *obj, const struct value *key,
                  struct value *ret, struct err *e)
{
    struct ev ev;
    struct ctx ctx;
    struct template_session ss;
    from_call(from, &ev, &ctx, &ss, e);
    return get_item(&ev, obj, key, ret);
}
