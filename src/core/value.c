// Making, comparing and copying values.
#include "core/value.h"

#include "core/buf.h"
#include "core/text_hash.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_DEPTH 600 // beyond what JSON and YAML may hold

struct value value_cstr(const char *s)
{
    return value_ref(s, strlen(s));
}

struct value value_strn(struct arena *a, const char *s, size_t len)
{
    return value_ref(arena_strndup(a, s, len), len);
}

struct value value_str(struct arena *a, const char *s)
{
    return value_strn(a, s, strlen(s));
}

struct value value_strf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return value_cstr(s);
}

struct value value_undefined(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    struct value v = value_cstr(s);
    v.type = VALUE_UNDEFINED;
    return v;
}

struct value value_list(struct arena *a)
{
    struct list *l = arena_new_of(a, struct list);
    l->arena = a;
    return (struct value){.type = VALUE_LIST, .u.list = l};
}

struct value value_list_of(struct arena *a, size_t n)
{
    struct list *l = arena_alloc(a, sizeof *l + n * sizeof *l->items);
    *l = (struct list){.arena = a, .items = n ? (struct value *)(l + 1) : NULL, .cap = n};
    return (struct value){.type = VALUE_LIST, .u.list = l};
}

struct value value_as_list(struct arena *a, const struct value *v)
{
    if (v->type == VALUE_LIST)
        return *v;
    struct value l = value_list(a);
    list_add(l.u.list, *v);
    return l;
}

struct value value_dict(struct arena *a)
{
    struct dict *d = arena_new_of(a, struct dict);
    d->arena = a;
    return (struct value){.type = VALUE_DICT, .u.dict = d};
}

struct value value_object(struct arena *a, const struct value_ops *ops, void *data)
{
    struct value_object *o = arena_new_of(a, struct value_object);
    *o = (struct value_object){.ops = ops, .data = data};
    return (struct value){.type = VALUE_OBJECT, .u.obj = o};
}

struct pos value_pos(const struct value *v)
{
    return (struct pos){.file = v->file, .line = v->line, .col = v->col};
}

void value_set_pos(struct value *v, struct pos pos)
{
    v->file = (uint32_t)pos.file & 0x3fffu;
    v->line = pos.line > 0x3ffff ? 0x3ffff : pos.line & 0x3ffff;
    v->col = pos.col;
}

static void list_grow(struct list *l)
{
    size_t cap = l->cap ? l->cap * 2 : 4;
    struct value *items = arena_array(l->arena, struct value, cap);
    if (l->len)
        memcpy(items, l->items, l->len * sizeof *items);
    l->items = items;
    l->cap = cap;
}

void list_add(struct list *l, struct value v)
{
    if (l->len == l->cap)
        list_grow(l);
    value_count(&l->nodes, &v);
    l->items[l->len++] = v;
}

void list_insert(struct list *l, size_t at, struct value v)
{
    if (l->len == l->cap)
        list_grow(l);
    memmove(l->items + at + 1, l->items + at, (l->len - at) * sizeof v);
    value_count(&l->nodes, &v);
    l->items[at] = v;
    l->len++;
}

void list_remove(struct list *l, size_t at)
{
    memmove(l->items + at, l->items + at + 1, (l->len - at - 1) * sizeof *l->items);
    l->len--;
}

bool value_eqs(const struct value *v, const char *s)
{
    size_t n = strlen(s);
    return v->type == VALUE_STRING && v->u.str.len == n && memcmp(v->u.str.s, s, n) == 0;
}

bool value_truthy(const struct value *v)
{
    switch ((enum value_type)v->type) {
    case VALUE_NULL:
    case VALUE_UNDEFINED:
        return false;
    case VALUE_BOOL:
        return v->u.b;
    case VALUE_INT:
        return v->u.i != 0;
    case VALUE_FLOAT:
        return v->u.f != 0;
    case VALUE_STRING:
        return v->u.str.len != 0;
    case VALUE_LIST:
        return v->u.list->len != 0;
    case VALUE_DICT:
        return v->u.dict->len != 0;
    case VALUE_OBJECT:
        return true;
    }
    return false;
}

static bool is_number(const struct value *v)
{
    return v->type == VALUE_BOOL || v->type == VALUE_INT || v->type == VALUE_FLOAT;
}

static int64_t as_int(const struct value *v)
{
    return v->type == VALUE_BOOL ? v->u.b : v->u.i;
}

static double as_float(const struct value *v)
{
    return v->type == VALUE_FLOAT ? v->u.f : (double)as_int(v);
}

static bool equal_at(const struct value *x, const struct value *y, int depth);

static bool dict_equal(const struct dict *x, const struct dict *y, int depth)
{
    if (x->len != y->len)
        return false;
    struct dict_entry *e;
    DICT_EACH(x, e)
    {
        const struct value *o = dict_getv(y, &e->key);
        if (!o || !equal_at(&e->val, o, depth))
            return false;
    }
    return true;
}

// depth: containers around; those that hold themselves are unequal in the end.
static bool equal_at(const struct value *x, const struct value *y, int depth)
{
    if (is_number(x) && is_number(y)) {
        if (x->type == VALUE_FLOAT || y->type == VALUE_FLOAT)
            return as_float(x) == as_float(y);
        return as_int(x) == as_int(y);
    }
    if (x->type != y->type || depth > MAX_DEPTH)
        return false;
    switch ((enum value_type)x->type) {
    case VALUE_NULL:
    case VALUE_UNDEFINED:
        return true;
    case VALUE_STRING:
        return x->u.str.len == y->u.str.len && !((x->flags ^ y->flags) & VALUE_BYTES) &&
               (x->u.str.s == y->u.str.s || memcmp(x->u.str.s, y->u.str.s, x->u.str.len) == 0);
    case VALUE_LIST:
        if (x->u.list == y->u.list)
            return true;
        if (x->u.list->len != y->u.list->len || ((x->flags ^ y->flags) & VALUE_TUPLE))
            return false;
        for (size_t i = 0; i < x->u.list->len; i++)
            if (!equal_at(&x->u.list->items[i], &y->u.list->items[i], depth + 1))
                return false;
        return true;
    case VALUE_DICT:
        return x->u.dict == y->u.dict || dict_equal(x->u.dict, y->u.dict, depth + 1);
    case VALUE_OBJECT:
        return x->u.obj == y->u.obj;
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
        break;
    }
    return false;
}

bool value_equal(const struct value *x, const struct value *y)
{
    return equal_at(x, y, 0);
}

static int compare_lists(const struct list *x, const struct list *y, int *ret, struct err *e)
{
    for (size_t i = 0; i < x->len && i < y->len; i++)
        if (!value_equal(&x->items[i], &y->items[i]))
            return value_compare(&x->items[i], &y->items[i], ret, e);
    *ret = (x->len > y->len) - (x->len < y->len);
    return 0;
}

int value_compare(const struct value *x, const struct value *y, int *ret, struct err *e)
{
    if (x->type == VALUE_STRING && y->type == VALUE_STRING &&
        !((x->flags ^ y->flags) & VALUE_BYTES)) {
        size_t n = x->u.str.len < y->u.str.len ? x->u.str.len : y->u.str.len;
        int c = n ? memcmp(x->u.str.s, y->u.str.s, n) : 0;
        *ret = c ? c : (x->u.str.len > y->u.str.len) - (x->u.str.len < y->u.str.len);
        return 0;
    }
    if (is_number(x) && is_number(y)) {
        if (x->type == VALUE_FLOAT || y->type == VALUE_FLOAT) {
            double p = as_float(x), q = as_float(y);
            *ret = (p > q) - (p < q);
        } else {
            *ret = (as_int(x) > as_int(y)) - (as_int(x) < as_int(y));
        }
        return 0;
    }
    if (x->type == VALUE_LIST && y->type == VALUE_LIST && !((x->flags ^ y->flags) & VALUE_TUPLE))
        return compare_lists(x->u.list, y->u.list, ret, e);
    return err_set(e, ERR_INVALID, POS_NONE, "'<' not supported between instances of '%s' and '%s'",
                   value_type_name(x), value_type_name(y));
}

uint32_t value_hash(const struct value *v)
{
    uint32_t h = HASH_START;
    switch ((enum value_type)v->type) {
    case VALUE_NULL:
    case VALUE_UNDEFINED:
        return 7;
    case VALUE_STRING:
        return hash_bytes(v->u.str.s, v->u.str.len, h);
    case VALUE_FLOAT:
        if (v->u.f != floor(v->u.f) || fabs(v->u.f) > 9e18)
            return hash_bytes(&v->u.f, sizeof v->u.f, h);
        __attribute__((fallthrough));
    case VALUE_BOOL:
    case VALUE_INT: {
        int64_t i = v->type == VALUE_FLOAT ? (int64_t)v->u.f : as_int(v);
        return hash_bytes(&i, sizeof i, h);
    }
    case VALUE_LIST:
        for (size_t i = 0; i < v->u.list->len; i++)
            h = h * 31 + value_hash(&v->u.list->items[i]);
        return h;
    case VALUE_DICT:
        return (uint32_t)v->u.dict->len;
    case VALUE_OBJECT:
        return hash_bytes(&v->u.obj, sizeof v->u.obj, h);
    }
    return h;
}

static struct value copy_deep(struct arena *a, const struct value *v, int depth);

static struct value copy_object(struct arena *a, const struct value *v, int depth)
{
    struct value plain = value_null();
    if (v->u.obj->ops->constant)
        return *v;
    if (v->u.obj->ops->materialize && v->u.obj->ops->materialize(v->u.obj, a, &plain, NULL) == 0 &&
        plain.type != VALUE_OBJECT)
        return copy_deep(a, &plain, depth + 1);
    return value_null();
}

static struct value copy_deep(struct arena *a, const struct value *v, int depth)
{
    struct value r = *v;
    if (depth > MAX_DEPTH || arena_full(a))
        return value_null();
    if (v->type == VALUE_STRING || v->type == VALUE_UNDEFINED) {
        r.u.str.s = arena_strndup(a, v->u.str.s, v->u.str.len);
    } else if (v->type == VALUE_LIST) {
        size_t n = v->u.list->len;
        r.u.list = value_list_of(a, n).u.list;
        r.u.list->len = n;
        r.u.list->nodes = v->u.list->nodes;
        for (size_t i = 0; i < n; i++)
            r.u.list->items[i] = copy_deep(a, &v->u.list->items[i], depth + 1);
    } else if (v->type == VALUE_DICT) {
        r.u.dict = value_dict(a).u.dict;
        dict_reserve(r.u.dict, v->u.dict->len);
        struct dict_entry *e;
        DICT_EACH(v->u.dict, e)
        dict_setv(r.u.dict, copy_deep(a, &e->key, depth + 1), copy_deep(a, &e->val, depth + 1));
    } else if (v->type == VALUE_OBJECT) {
        return copy_object(a, v, depth);
    }
    return r;
}

struct value value_copy(struct arena *a, const struct value *v)
{
    return copy_deep(a, v, 0);
}

struct value value_shallow(struct arena *a, const struct value *v)
{
    struct value r = *v;
    if (v->type == VALUE_LIST) {
        r.u.list = value_list_of(a, v->u.list->len).u.list;
        for (size_t i = 0; i < v->u.list->len; i++)
            list_add(r.u.list, v->u.list->items[i]);
    } else if (v->type == VALUE_DICT) {
        r.u.dict = value_dict(a).u.dict;
        dict_reserve(r.u.dict, v->u.dict->len);
        dict_update(r.u.dict, v->u.dict);
    }
    return r;
}

const char *value_type_name(const struct value *v)
{
    switch ((enum value_type)v->type) {
    case VALUE_NULL:
        return "NoneType";
    case VALUE_BOOL:
        return "bool";
    case VALUE_INT:
        return "int";
    case VALUE_FLOAT:
        return "float";
    case VALUE_STRING:
        return v->flags & VALUE_BYTES ? "bytes" : "str";
    case VALUE_LIST:
        return v->flags & VALUE_TUPLE ? "tuple" : "list";
    case VALUE_DICT:
        return "dict";
    case VALUE_UNDEFINED:
        return v->flags & VALUE_PLAIN ? "Undefined" : "AnsibleUndefined";
    case VALUE_OBJECT:
        return v->u.obj->ops->type_name;
    }
    return "?";
}

int value_parse_bool(const char *s, size_t len)
{
    static const char *const yes[] = {"y", "yes", "on", "1", "true", "t", "1.0"};
    static const char *const no[] = {"n", "no", "off", "0", "false", "f", "0.0"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (strlen(yes[i]) == len && strncasecmp(s, yes[i], len) == 0)
            return 1;
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (strlen(no[i]) == len && strncasecmp(s, no[i], len) == 0)
            return 0;
    return -1;
}

void value_mark_unsafe(struct value *v)
{
    if (v->type == VALUE_STRING) {
        v->flags = (uint8_t)((v->flags | VALUE_UNSAFE) & ~VALUE_MARKUP); // as in Ansible
    } else if (v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->u.list->len; i++)
            value_mark_unsafe(&v->u.list->items[i]);
    } else if (v->type == VALUE_DICT) {
        struct dict_entry *e;
        DICT_EACH(v->u.dict, e)
        {
            value_mark_unsafe(&e->val);
            if (e->key.type == VALUE_STRING)
                value_mark_unsafe(&e->key);
        }
    }
}
