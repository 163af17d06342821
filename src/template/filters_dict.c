// Filters on mappings and nested data: combine, dict2items, items2dict, dictsort, items, flatten,
// subelements, extract.
#include "core/json.h"
#include "template/pysort.h"
#include "template/pystr.h"
#include "template/rows.h"

#include <string.h>

#define MAX_DEPTH 200

enum list_merge {
    MERGE_BAD,
    MERGE_REPLACE,
    MERGE_KEEP,
    MERGE_APPEND,
    MERGE_PREPEND,
    MERGE_APPEND_RP,
    MERGE_PREPEND_RP
};

struct merge {
    struct call *c;
    const struct value *asked; // for recursive; looked at when something is merged
    bool recursive;
    enum list_merge lists;
    struct err *e;
};

static struct value list_sum(struct call *c, const struct list *x, const struct list *y,
                             bool drop_x_in_y)
{
    struct value v = value_list(c->arena);
    for (size_t i = 0; i < x->len; i++)
        if (!drop_x_in_y || !list_has(y, &x->items[i]))
            list_add(v.u.list, x->items[i]);
    for (size_t i = 0; i < y->len; i++)
        list_add(v.u.list, y->items[i]);
    return v;
}

static struct value merge_lists(struct merge *m, const struct value *x, const struct value *y)
{
    const struct list *a = x->u.list, *b = y->u.list;
    struct value keep = value_list(m->c->arena);
    switch (m->lists) {
    case MERGE_KEEP:
        return *x;
    case MERGE_APPEND:
        return list_sum(m->c, a, b, false);
    case MERGE_PREPEND:
        return list_sum(m->c, b, a, false);
    case MERGE_APPEND_RP:
        return list_sum(m->c, a, b, true);
    case MERGE_PREPEND_RP:
        for (size_t i = 0; i < a->len; i++)
            if (!list_has(b, &a->items[i]))
                list_add(keep.u.list, a->items[i]);
        return list_sum(m->c, b, keep.u.list, false);
    case MERGE_REPLACE:
    case MERGE_BAD:
        break;
    }
    return *y;
}

static int not_dicts(struct merge *m, const struct value *x, const struct value *y)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    json_write(&a, x, NULL);
    json_write(&b, y, NULL);
    int rc =
        fail_with(m->c, m->e,
                  "failed to combine variables, expected dicts but got a '%s' and a '%s': \n%s\n%s",
                  value_type_name(x), value_type_name(y), buf_str(&a), buf_str(&b));
    buf_release(&a);
    buf_release(&b);
    return rc;
}

static int merge_dicts(struct merge *m, const struct value *xv, const struct value *yv, int depth,
                       struct value *ret)
{
    struct dict *x = dict_of(m->c, xv), *y = dict_of(m->c, yv);
    int rc = 0;
    if (depth > MAX_DEPTH)
        return fail_with(m->c, m->e, "combine: nested too deeply");
    if (m->lists == MERGE_BAD)
        return fail_with(
            m->c, m->e,
            "merge_hash: 'list_merge' argument can only be equal to 'replace', 'keep', 'append', "
            "'prepend', 'append_rp' or 'prepend_rp'");
    if (!x || !y)
        return not_dicts(m, xv, yv);
    if (!x->len || value_equal(xv, yv)) { // the order is the second one's
        *ret = value_shallow(m->c->arena, yv);
        return 0;
    }
    if (!y->len) {
        *ret = *xv;
        return 0;
    }
    if (m->asked && (rc = truth_of(m->c, m->asked, &m->recursive, m->e)) < 0)
        return rc;
    struct value out = value_dict(m->c->arena);
    dict_update(out.u.dict, x);
    struct dict_entry *d;
    DICT_EACH(y, d)
    {
        struct value *old = dict_getv(out.u.dict, &d->key), v = d->val;
        if (old && m->recursive && dict_of(m->c, old) && dict_of(m->c, &v))
            rc = merge_dicts(m, old, &v, depth + 1, &v);
        else if (old && old->type == VALUE_LIST && v.type == VALUE_LIST &&
                 !((old->flags | v.flags) & VALUE_TUPLE))
            v = merge_lists(m, old, &v);
        if (rc < 0)
            return rc;
        dict_setv(out.u.dict, d->key, v);
    }
    *ret = out;
    return 0;
}

static enum list_merge list_merge_of(const struct value *v)
{
    static const char *const names[] = {"replace", "keep",      "append",
                                        "prepend", "append_rp", "prepend_rp"};
    for (int i = 0; i < 6; i++)
        if (value_eqs(v, names[i]))
            return (enum list_merge)(MERGE_REPLACE + i);
    return MERGE_BAD;
}

static bool is_null_word(const struct value *v)
{
    return v->type == VALUE_NULL || value_eqs(v, "None") || value_eqs(v, "null");
}

static int add_term(struct call *c, struct list *terms, const struct value *v, struct err *e)
{
    const struct value *undef = value_find_undefined(v, 0);
    if (undef)
        return fail_undefined(c, undef, e);
    if (is_null_word(v))
        return 0;
    if (v->type != VALUE_LIST) {
        list_add(terms, *v);
        return 0;
    }
    for (size_t i = 0; i < v->u.list->len; i++)
        if (!is_null_word(&v->u.list->items[i]))
            list_add(terms, v->u.list->items[i]);
    return 0;
}

// combine: Mappings merged into one, the last winning; recursive goes into nested ones, list_merge
// says what lists do.
BUILTIN(filter_combine)
{
    struct merge m = {.c = c, .lists = MERGE_REPLACE, .e = e};
    struct dict_entry *d;
    int rc = 0;
    DICT_EACH(c->kwargs, d)
    {
        if (value_eqs(&d->key, "recursive"))
            m.asked = &d->val;
        else if (value_eqs(&d->key, "list_merge"))
            m.lists = list_merge_of(&d->val);
        else
            rc = fail_with(c, e,
                           "'recursive' and 'list_merge' are the only valid keyword arguments");
        if (rc < 0)
            return rc;
    }
    struct value terms = value_list(c->arena);
    rc = add_term(c, terms.u.list, &c->self, e);
    for (size_t i = 0; i < c->n_args && rc >= 0; i++)
        rc = add_term(c, terms.u.list, &c->args[i], e);
    if (rc < 0)
        return rc;
    size_t n = terms.u.list->len;
    *ret = n ? terms.u.list->items[n - 1] : value_dict(c->arena);
    for (size_t i = n; i > 1 && rc >= 0; i--)
        rc = merge_dicts(&m, &terms.u.list->items[i - 2], ret, 0, ret);
    return rc;
}

// dict2items: A list of {key, value} mappings.
BUILTIN(filter_dict2items)
{
    struct value key_name = value_cstr("key"), value_name = value_cstr("value");
    const struct value *key = &key_name, *val = &value_name;
    int rc = args_read(c, e, "key_name:v value_name:v", &key, &val);
    if (rc < 0)
        return rc;
    struct dict *in = dict_of(c, &c->self);
    if (!in)
        return fail_type(c, e, "dict2items requires a dictionary, got %s instead.",
                         class_of(c, &c->self));
    *ret = value_list(c->arena);
    struct dict_entry *d;
    DICT_EACH(in, d)
    {
        struct value item = value_dict(c->arena);
        if (!is_hashable(key) || !is_hashable(val))
            return fail_type(c, e, "unhashable type: '%s'",
                             value_type_name(is_hashable(key) ? val : key));
        dict_setv(item.u.dict, *key, d->key);
        dict_setv(item.u.dict, *val, d->val);
        list_add(ret->u.list, item);
    }
    return 0;
}

// What item[key] is for Python: of a mapping by key, of a list by index; NULL when it is not there.
static const struct value *subscript(struct call *c, const struct value *item,
                                     const struct value *key)
{
    struct dict *d = dict_of(c, item);
    if (d)
        return dict_getv(d, key);
    int64_t n = (int64_t)item->u.list->len, i = key->type == VALUE_INT ? key->u.i : n;
    i += i < 0 ? n : 0;
    return i >= 0 && i < n ? &item->u.list->items[i] : NULL;
}

// items2dict: The reverse of dict2items.
BUILTIN(filter_items2dict)
{
    struct value key_name = value_cstr("key"), value_name = value_cstr("value");
    const struct value *key = &key_name, *val = &value_name;
    int rc = args_read(c, e, "key_name:v value_name:v", &key, &val);
    if (rc < 0)
        return rc;
    if (c->self.type != VALUE_LIST)
        return fail_type(c, e, "items2dict requires a list, got %s instead.",
                         class_of(c, &c->self));
    *ret = value_dict(c->arena);
    for (size_t i = 0; i < c->self.u.list->len; i++) {
        const struct value *item = &c->self.u.list->items[i];
        if (item->type == VALUE_UNDEFINED)
            return fail_undefined(c, item, e);
        if (!dict_of(c, item) && (item->type != VALUE_LIST || key->type != VALUE_INT))
            return fail_type(c, e, "items2dict requires a list of dictionaries, got %s instead.",
                             text_of(c, &c->self).s);
        const struct value *k = subscript(c, item, key), *v = subscript(c, item, val);
        if (!k || !v)
            return fail_type(c, e,
                             "items2dict requires each dictionary in the list to contain the keys "
                             "'%s' and '%s', got "
                             "%s instead.",
                             text_of(c, key).s, text_of(c, val).s, text_of(c, &c->self).s);
        dict_setv(ret->u.dict, *k, *v);
    }
    return 0;
}

// items [undefined]: Pairs of key and value; nothing for undefined.
BUILTIN(filter_items)
{
    int rc = args_none(c, e);
    *ret = value_list(c->arena);
    if (rc < 0 || c->self.type == VALUE_UNDEFINED)
        return rc;
    struct dict *in = dict_of(c, &c->self);
    if (!in)
        return fail_type(c, e, "Can only get item pairs from a mapping.");
    struct dict_entry *d;
    DICT_EACH(in, d)
    list_add(ret->u.list, pair_of(c, d->key, d->val));
    return 0;
}

// dictsort: Pairs of key and value sorted by key (or by="value").
BUILTIN(filter_dictsort)
{
    bool case_sensitive = false, reverse = false;
    struct text by = text_lit("key");
    int rc = args_read(c, e, "case_sensitive:b by:t reverse:I", &case_sensitive, &by, &reverse);
    if (rc < 0)
        return rc;
    bool by_value = strcmp(by.s, "value") == 0;
    if (!by_value && strcmp(by.s, "key") != 0)
        return fail_with(c, e, "You can only sort by either \"key\" or \"value\"");
    struct dict *in = dict_of(c, &c->self);
    if (!in)
        return fail_with(c, e, "'%s' object has no attribute 'items'", value_type_name(&c->self));
    struct sort_item *items = arena_array(c->arena, struct sort_item, in->len + 1);
    size_t n = 0;
    struct dict_entry *d;
    DICT_EACH(in, d)
    {
        const struct value *key = by_value ? &d->val : &d->key;
        items[n].key = case_sensitive ? *key : ignore_case(c, key);
        items[n++].val = pair_of(c, d->key, d->val);
    }
    rc = sort_items(c, items, n, reverse, e);
    *ret = value_list_of(c->arena, n);
    for (size_t i = 0; i < n && rc >= 0; i++)
        list_add(ret->u.list, items[i].val);
    return rc;
}

static int flatten_into(struct call *c, const struct list *l, int64_t levels, bool skip_nulls,
                        int depth, struct list *out, struct err *e)
{
    if (depth > MAX_DEPTH)
        return fail_with(c, e, "maximum recursion depth exceeded");
    for (size_t i = 0; i < l->len; i++) {
        struct value plain;
        const struct value *v = &l->items[i];
        int rc = v->type == VALUE_OBJECT ? plain_of(c, v, &plain, e) : 0;
        if (rc < 0)
            return rc;
        if (v->type == VALUE_OBJECT && plain.type == VALUE_LIST)
            v = &plain;
        if (arena_full(c->arena))
            return ERR_LIMIT; // call_builtin says it
        if (is_strict(v))
            return fail_undefined(c, v, e);
        if (skip_nulls && is_null_word(v))
            continue;
        if (v->type == VALUE_LIST && levels != 0)
            rc = flatten_into(c, v->u.list, levels - 1, skip_nulls, depth + 1, out, e);
        else
            list_add(out, *v);
        if (rc < 0)
            return rc;
    }
    return 0;
}

// flatten: Nested lists made one, levels deep when given; nulls are dropped unless skip_nulls is
// false.
BUILTIN(filter_flatten)
{
    const struct value *lv = NULL;
    bool skip = true;
    int64_t levels = -1;
    struct list *l;
    int rc = args_read(c, e, "levels:v skip_nulls:b", &lv, &skip);
    if (rc >= 0 && lv && lv->type != VALUE_NULL) {
        rc = index_of(c, lv, &levels, e);
        levels = levels < 0 ? 0 : levels;
    }
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc < 0)
        return rc;
    *ret = value_list(c->arena);
    return flatten_into(c, l, levels, skip, 0, ret->u.list, e);
}

// Follows keys through mappings for subelements; *missing when one is not there and that is
// allowed.
static int sub_path(struct call *c, const struct list *path, bool skip, struct value *at,
                    bool *missing, struct err *e)
{
    for (size_t i = 0; i < path->len; i++) {
        const struct value *key = &path->items[i];
        struct dict *d = dict_of(c, at);
        if (!d)
            return fail_type(c, e, "the key %s should point to a dictionary, got '%s'",
                             text_of(c, key).s, text_of(c, at).s);
        struct value *v = dict_getv(d, key);
        if (!v && skip) {
            *missing = true;
            return 0;
        }
        if (!v)
            return fail_with(c, e, "could not find %s key in iterated item %s", repr_of(c, key),
                             repr_of(c, at));
        *at = *v;
    }
    return 0;
}

// subelements: Pairs of an element and each item of a list inside it.
BUILTIN(filter_subelements)
{
    const struct value *path = NULL;
    bool skip = false;
    int rc = args_read(c, e, "subelements:v! skip_missing:b", &path, &skip);
    if (rc < 0)
        return rc;
    struct value elements = value_list(c->arena), keys = value_list(c->arena);
    struct dict *in = dict_of(c, &c->self);
    struct dict_entry *d;
    struct text dot = text_lit(".");
    if (in)
        DICT_EACH(in, d)
    list_add(elements.u.list, d->val);
    else if (c->self.type == VALUE_LIST) elements = c->self;
    else return fail_with(c, e, "obj must be a list of dicts or a nested dict");
    if (path->type == VALUE_LIST)
        keys = *path;
    else if (path->type == VALUE_STRING)
        str_split(c, (struct text){path->u.str.s, path->u.str.len}, &dot, -1, keys.u.list);
    else
        return fail_type(c, e, "subelements must be a list or a string");
    *ret = value_list(c->arena);
    for (size_t i = 0; i < elements.u.list->len; i++) {
        struct value at = elements.u.list->items[i];
        bool missing = false;
        rc = sub_path(c, keys.u.list, skip, &at, &missing, e);
        if (rc < 0)
            return rc;
        if (missing)
            continue;
        if (at.type != VALUE_LIST)
            return fail_type(
                c, e, "the key %s should point to a list, got %s",
                keys.u.list->len ? repr_of(c, &keys.u.list->items[keys.u.list->len - 1]) : "''",
                repr_of(c, &at));
        for (size_t k = 0; k < at.u.list->len; k++)
            list_add(ret->u.list, pair_of(c, elements.u.list->items[i], at.u.list->items[k]));
    }
    return 0;
}

// extract: The item of a container that the value names, and further keys inside it.
BUILTIN(filter_extract)
{
    const struct value *container = NULL, *more = NULL;
    int rc = args_read(c, e, "container:v! morekeys:v", &container, &more);
    if (rc < 0)
        return rc;
    struct value at;
    rc = value_getitem(c, container, &c->self, &at, e);
    if (rc >= 0 && more && more->type == VALUE_LIST) {
        for (size_t i = 0; i < more->u.list->len && rc >= 0; i++) {
            struct value next;
            rc = value_getitem(c, &at, &more->u.list->items[i], &next, e);
            at = next;
        }
    } else if (rc >= 0 && more && more->type != VALUE_NULL) {
        struct value next;
        rc = value_getitem(c, &at, more, &next, e);
        at = next;
    }
    *ret = at;
    return rc;
}

// rekey_on_member: A mapping of the members of a list (or mapping) by one of their keys.
BUILTIN(filter_rekey_on_member)
{
    const struct value *key = NULL;
    struct text dup = text_lit("error");
    int rc = args_read(c, e, "key:v! duplicates:t", &key, &dup);
    if (rc < 0)
        return rc;
    bool overwrite = strcmp(dup.s, "overwrite") == 0;
    if (!overwrite && strcmp(dup.s, "error") != 0)
        return fail_with(c, e, "duplicates parameter to rekey_on_member has unknown value: %s",
                         dup.s);
    struct value elements = value_list(c->arena);
    struct dict *in = dict_of(c, &c->self);
    struct dict_entry *d;
    if (in)
        DICT_EACH(in, d)
    list_add(elements.u.list, d->val);
    else if (c->self.type == VALUE_LIST) elements = c->self;
    else return fail_type(c, e, "Type is not a valid list, set, or dict");
    *ret = value_dict(c->arena);
    for (size_t i = 0; i < elements.u.list->len; i++) {
        struct dict *item = dict_of(c, &elements.u.list->items[i]);
        if (!item)
            return fail_type(c, e, "List item is not a valid dict");
        struct value *k = dict_getv(item, key);
        if (!k)
            return fail_with(c, e, "Key %s was not found", text_of(c, key).s);
        if (!is_hashable(k))
            return fail_type(c, e, "unhashable type: '%s'", value_type_name(k));
        if (dict_getv(ret->u.dict, k) && !overwrite)
            return fail_with(c, e, "Key %s is not unique, cannot correctly turn into dict",
                             text_of(c, k).s);
        dict_setv(ret->u.dict, *k, elements.u.list->items[i]);
    }
    return 0;
}
