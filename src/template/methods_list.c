// Python's list methods; those that change the list do so in place.
#include "template/pysort.h"
#include "template/rows.h"

#include <string.h>

// A tuple has index and count only.
static int changeable(struct call *c, struct err *e)
{
    if (c->self.flags & VALUE_TUPLE)
        return fail_with(c, e, "'tuple' object has no attribute '%s'", c->name);
    return 0;
}

// Containers that change are no longer known to hold no template.
static struct list *changed(struct call *c)
{
    return c->self.u.list;
}

// append: An item added at the end.
BUILTIN(list_method_append)
{
    const struct value *v = NULL;
    int rc = changeable(c, e);
    if (rc >= 0)
        rc = args_read(c, e, "object:v!", &v);
    if (rc >= 0)
        list_add(changed(c), *v);
    *ret = value_null();
    return rc;
}

// extend: The items of another sequence added at the end.
BUILTIN(list_method_extend)
{
    const struct value *v = NULL;
    struct list *l;
    int rc = changeable(c, e);
    if (rc >= 0)
        rc = args_read(c, e, "iterable:v!", &v);
    if (rc >= 0)
        rc = value_iterate(c, v, &l, e);
    for (size_t i = 0, n = rc < 0 ? 0 : l->len; i < n; i++)
        list_add(changed(c), l->items[i]);
    *ret = value_null();
    return rc;
}

// insert: An item put before index.
BUILTIN(list_method_insert)
{
    const struct value *v = NULL;
    int64_t at = 0, n = (int64_t)c->self.u.list->len;
    int rc = changeable(c, e);
    if (rc >= 0)
        rc = args_read(c, e, "index:i! object:v!", &at, &v);
    if (rc < 0)
        return rc;
    at = at < 0 ? at + n : at;
    list_insert(changed(c), (size_t)(at < 0 ? 0 : at > n ? n : at), *v);
    *ret = value_null();
    return 0;
}

// pop: The last item (or the one at index), removed.
BUILTIN(list_method_pop)
{
    int64_t at = -1, n = (int64_t)c->self.u.list->len;
    int rc = changeable(c, e);
    if (rc >= 0)
        rc = args_read(c, e, "index:i", &at);
    if (rc < 0)
        return rc;
    at = at < 0 ? at + n : at;
    if (!n)
        return fail_with(c, e, "pop from empty list");
    if (at < 0 || at >= n)
        return fail_with(c, e, "pop index out of range");
    *ret = c->self.u.list->items[at];
    list_remove(changed(c), (size_t)at);
    return 0;
}

static int64_t position(const struct list *l, const struct value *v, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to && i < (int64_t)l->len; i++)
        if (value_equal(&l->items[i], v))
            return i;
    return -1;
}

// An undefined value is equal to nothing: asking fails.
static int comparable(const struct call *c, const struct value *v, struct err *e)
{
    if (v->type == VALUE_UNDEFINED && c->self.u.list->len)
        return fail_undefined(c, v, e);
    for (size_t i = 0; i < c->self.u.list->len; i++)
        if (c->self.u.list->items[i].type == VALUE_UNDEFINED)
            return fail_undefined(c, &c->self.u.list->items[i], e);
    return 0;
}

// remove: The first equal item removed.
BUILTIN(list_method_remove)
{
    const struct value *v = NULL;
    int rc = changeable(c, e);
    if (rc >= 0)
        rc = args_read(c, e, "value:v!", &v);
    if (rc >= 0)
        rc = comparable(c, v, e);
    if (rc < 0)
        return rc;
    int64_t at = position(c->self.u.list, v, 0, INT64_MAX);
    if (at < 0)
        return fail_with(c, e, "list.remove(x): x not in list");
    list_remove(changed(c), (size_t)at);
    *ret = value_null();
    return 0;
}

// index: Position of the first equal item.
BUILTIN(list_method_index)
{
    const struct value *v = NULL;
    int64_t from = 0, to = INT64_MAX, n = (int64_t)c->self.u.list->len;
    int rc = args_read(c, e, "value:v! start:i stop:i", &v, &from, &to);
    if (rc >= 0)
        rc = comparable(c, v, e);
    if (rc < 0)
        return rc;
    from = from < 0 ? (from + n < 0 ? 0 : from + n) : from;
    to = to < 0 ? to + n : to;
    int64_t at = position(c->self.u.list, v, from, to);
    if (at < 0 && (c->self.flags & VALUE_TUPLE))
        return fail_with(c, e, "tuple.index(x): x not in tuple");
    if (at < 0)
        return fail_with(c, e, "%s is not in list", repr_of(c, v));
    *ret = value_int(at);
    return 0;
}

// count: Number of equal items.
BUILTIN(list_method_count)
{
    const struct value *v = NULL;
    int64_t n = 0;
    int rc = args_read(c, e, "value:v!", &v);
    if (rc >= 0)
        rc = comparable(c, v, e);
    for (size_t i = 0; rc >= 0 && i < c->self.u.list->len; i++)
        n += value_equal(&c->self.u.list->items[i], v);
    *ret = value_int(n);
    return rc;
}

// sort: Sorted in place; reverse turns the order.
BUILTIN(list_method_sort)
{
    bool reverse = false;
    const struct value *key = NULL, *rev = NULL;
    int rc = changeable(c, e);
    if (rc >= 0 && c->n_args)
        rc = fail_type(c, e, "sort() takes no positional arguments");
    if (rc >= 0)
        rc = args_read(c, e, "key:v reverse:v", &key, &rev);
    if (rc >= 0 && rev)
        rc = truth_of(c, rev, &reverse, e);
    if (rc < 0)
        return rc;
    struct list *l = changed(c);
    struct sort_item *items = arena_array(c->arena, struct sort_item, l->len + 1);
    for (size_t i = 0; i < l->len; i++)
        items[i] = (struct sort_item){l->items[i], l->items[i]};
    rc = sort_items(c, items, l->len, reverse, e);
    for (size_t i = 0; rc >= 0 && i < l->len; i++)
        l->items[i] = items[i].val;
    *ret = value_null();
    return rc;
}

// reverse: Reversed in place.
BUILTIN(list_method_reverse)
{
    int rc = changeable(c, e);
    struct list *l = c->self.u.list;
    for (size_t i = 0; rc >= 0 && i < l->len / 2; i++) {
        struct value t = l->items[i];
        l->items[i] = l->items[l->len - 1 - i];
        l->items[l->len - 1 - i] = t;
    }
    *ret = value_null();
    return rc < 0 ? rc : args_none(c, e);
}

// copy: A copy of the list (the items are shared).
BUILTIN(list_method_copy)
{
    int rc = changeable(c, e);
    *ret = value_shallow(c->arena, &c->self);
    return rc < 0 ? rc : args_none(c, e);
}

// clear: All items removed.
BUILTIN(list_method_clear)
{
    int rc = changeable(c, e);
    if (rc >= 0)
        c->self.u.list->len = 0;
    *ret = value_null();
    return rc < 0 ? rc : args_none(c, e);
}

// __len__: Number of items.
BUILTIN(list_method_len)
{
    *ret = value_int((int64_t)c->self.u.list->len);
    return args_none(c, e);
}
