// Python's dict methods; those that change the mapping do so in place.
#include "template/pysort.h"
#include "template/rows.h"

#include <string.h>

enum part { KEYS, VALUES, ITEMS };

static int parts(struct call *c, enum part p, struct value *ret, struct err *e)
{
    struct dict_entry *d;
    *ret = value_list(c->arena);
    DICT_EACH(c->self.u.dict, d)
    list_add(ret->u.list, p == KEYS ? d->key : p == VALUES ? d->val : pair_of(c, d->key, d->val));
    return args_none(c, e);
}

// keys, iterkeys: The keys.
BUILTIN(dict_method_keys)
{
    return parts(c, KEYS, ret, e);
}

// values, itervalues: The values.
BUILTIN(dict_method_values)
{
    return parts(c, VALUES, ret, e);
}

// items, iteritems: Pairs of key and value.
BUILTIN(dict_method_items)
{
    return parts(c, ITEMS, ret, e);
}

static int key_of(struct call *c, const struct value *key, struct err *e)
{
    if (key->type == VALUE_UNDEFINED)
        return fail_undefined(c, key, e);
    return is_hashable(key) ? 0 : fail_type(c, e, "unhashable type: '%s'", value_type_name(key));
}

// get: The value behind key, or default.
BUILTIN(dict_method_get)
{
    const struct value *key = NULL, *dflt = NULL;
    int rc = args_read(c, e, "key:v! default:v", &key, &dflt);
    if (rc >= 0)
        rc = key_of(c, key, e);
    if (rc < 0)
        return rc;
    struct value *v = dict_getv(c->self.u.dict, key);
    *ret = v ? *v : dflt ? *dflt : value_null();
    return 0;
}

// has_key: There is such a key.
BUILTIN(dict_method_has_key)
{
    const struct value *key = NULL;
    int rc = args_read(c, e, "key:v!", &key);
    if (rc >= 0)
        rc = key_of(c, key, e);
    *ret = value_bool(rc >= 0 && dict_getv(c->self.u.dict, key));
    return rc;
}

static int add_pairs(struct call *c, struct dict *to, const struct value *from, struct err *e)
{
    struct dict *d = dict_of(c, from);
    struct list *l;
    if (d) {
        dict_update(to, d);
        return 0;
    }
    int rc = value_iterate(c, from, &l, e);
    for (size_t i = 0; rc >= 0 && i < l->len; i++) {
        struct list *pair;
        if (value_iterate(c, &l->items[i], &pair, NULL) < 0)
            return fail_type(
                c, e, "cannot convert dictionary update sequence element #%zu to a sequence", i);
        if (pair->len != 2)
            return fail_with(
                c, e, "dictionary update sequence element #%zu has length %zu; 2 is required", i,
                pair->len);
        rc = key_of(c, &pair->items[0], e);
        if (rc >= 0)
            dict_setv(to, pair->items[0], pair->items[1]);
    }
    return rc;
}

// update: The items of another mapping (or of pairs, or keyword arguments) put in.
BUILTIN(dict_method_update)
{
    int rc = 0;
    if (c->n_args > 1)
        return fail_type(c, e, "update expected at most 1 argument, got %zu", c->n_args);
    if (c->n_args)
        rc = add_pairs(c, c->self.u.dict, &c->args[0], e);
    if (rc >= 0)
        dict_update(c->self.u.dict, c->kwargs);
    *ret = value_null();
    return rc;
}

// pop: The value behind key (or default), removed.
BUILTIN(dict_method_pop)
{
    const struct value *key = NULL, *dflt = NULL;
    int rc = args_read(c, e, "key:v! default:v", &key, &dflt);
    if (rc >= 0 && c->self.u.dict->len)
        rc = key_of(c, key, e);
    if (rc < 0)
        return rc;
    struct value *v = dict_getv(c->self.u.dict, key);
    if (!v && !dflt)
        return fail_with(c, e, "%s", repr_of(c, key));
    *ret = v ? *v : *dflt;
    dict_delv(c->self.u.dict, key);
    return 0;
}

// popitem: The last pair of key and value, removed.
BUILTIN(dict_method_popitem)
{
    struct dict_entry *d, *last = NULL;
    int rc = args_none(c, e);
    DICT_EACH(c->self.u.dict, d)
    last = d;
    if (rc < 0 || !last)
        return rc < 0 ? rc : fail_with(c, e, "'popitem(): dictionary is empty'");
    struct value key = last->key;
    *ret = pair_of(c, key, last->val);
    dict_delv(c->self.u.dict, &key);
    return 0;
}

// setdefault: The value behind key, which is set to default when it is missing.
BUILTIN(dict_method_setdefault)
{
    const struct value *key = NULL, *dflt = NULL;
    int rc = args_read(c, e, "key:v! default:v", &key, &dflt);
    if (rc >= 0)
        rc = key_of(c, key, e);
    if (rc < 0)
        return rc;
    struct value *v = dict_getv(c->self.u.dict, key);
    *ret = v ? *v : dflt ? *dflt : value_null();
    if (!v)
        dict_setv(c->self.u.dict, *key, *ret);
    return 0;
}

// copy: A copy of the mapping (the values are shared).
BUILTIN(dict_method_copy)
{
    *ret = value_shallow(c->arena, &c->self);
    return args_none(c, e);
}

// clear: All items removed.
BUILTIN(dict_method_clear)
{
    struct dict_entry *d;
    DICT_EACH(c->self.u.dict, d)
    {
        struct value key = d->key;
        dict_delv(c->self.u.dict, &key);
    }
    *ret = value_null();
    return args_none(c, e);
}

// fromkeys: A mapping of keys to one value.
BUILTIN(dict_method_fromkeys)
{
    const struct value *keys = NULL, *val = NULL;
    struct list *l;
    int rc = args_read(c, e, "iterable:v! value:v", &keys, &val);
    if (rc >= 0)
        rc = value_iterate(c, keys, &l, e);
    *ret = value_dict(c->arena);
    for (size_t i = 0; rc >= 0 && i < l->len; i++)
        dict_setv(ret->u.dict, l->items[i], val ? *val : value_null());
    return rc;
}

// __setitem__: A key set to a value.
BUILTIN(dict_method_setitem)
{
    const struct value *key = NULL, *val = NULL;
    int rc = args_read(c, e, "key:v! value:v!", &key, &val);
    if (rc >= 0)
        rc = key_of(c, key, e);
    if (rc >= 0)
        dict_setv(c->self.u.dict, *key, *val);
    *ret = value_null();
    return rc;
}

// __len__: Number of keys.
BUILTIN(dict_method_len)
{
    *ret = value_int((int64_t)c->self.u.dict->len);
    return args_none(c, e);
}

// dict: A mapping of another one (or of pairs) and keyword arguments.
BUILTIN(global_dict)
{
    int rc = 0;
    if (c->n_args > 1)
        return fail_type(c, e, "dict expected at most 1 argument, got %zu", c->n_args);
    *ret = value_dict(c->arena);
    if (c->n_args)
        rc = add_pairs(c, ret->u.dict, &c->args[0], e);
    if (rc >= 0)
        dict_update(ret->u.dict, c->kwargs);
    return rc;
}
