// Filters that apply other filters and tests to every item: map, select, reject, selectattr,
// rejectattr.
#include "template/rows.h"

#include <string.h>

static int map_attribute(struct call *c, const struct list *l, struct value *ret, struct err *e)
{
    const struct value *attr = NULL, *dflt = NULL;
    struct dict_entry *d;
    DICT_EACH(c->kwargs, d)
    if (value_eqs(&d->key, "attribute"))
        attr = &d->val;
    else if (value_eqs(&d->key, "default"))
        dflt = &d->val;
    else
        return fail_with(c, e, "Unexpected keyword argument %s", repr_of(c, &d->key));
    for (size_t i = 0; i < l->len; i++) {
        struct value v;
        int rc = value_getpath(c, &l->items[i], attr, dflt, &v, e);
        if (rc < 0)
            return rc;
        list_add(ret->u.list, v);
    }
    return 0;
}

static int name_arg(struct call *c, size_t at, const char **ret, struct err *e)
{
    const struct value *v = &c->args[at];
    if (v->type == VALUE_UNDEFINED)
        return fail_undefined(c, v, e);
    if (v->type != VALUE_STRING)
        return fail_with(c, e, "key must be a string, got %s instead", class_of(c, v));
    *ret = v->u.str.s;
    return 0;
}

// Items to work on; *empty when the value is false, which gives an empty result whatever it is.
static int items_of(struct call *c, bool *empty, struct list **ret, struct err *e)
{
    bool truth;
    int rc = truth_of(c, &c->self, &truth, e);
    if (rc < 0)
        return rc;
    *empty = !truth;
    return truth ? value_iterate(c, &c->self, ret, e) : 0;
}

// map: A filter applied to every item, or an attribute of each.
BUILTIN(filter_map)
{
    struct list *l;
    bool empty;
    struct callee fn = {0};
    int rc = items_of(c, &empty, &l, e);
    *ret = value_list(c->arena);
    if (rc < 0 || empty)
        return rc;
    if (!c->n_args && dict_get(c->kwargs, "attribute"))
        return map_attribute(c, l, ret, e);
    if (!c->n_args)
        return fail_with(c, e, "map requires a filter argument");
    rc = name_arg(c, 0, &fn.name, e);
    for (size_t i = 0; i < l->len && rc >= 0; i++) {
        struct value v;
        rc = call_filter(c, &fn, &l->items[i], c->args + 1, c->n_args - 1, c->kwargs, &v, e);
        if (rc >= 0)
            list_add(ret->u.list, v);
    }
    return rc;
}

static int select_items(struct call *c, bool by_attr, bool keep, struct value *ret, struct err *e)
{
    struct list *l;
    bool empty;
    struct callee fn = {0};
    size_t off = by_attr;
    int rc = items_of(c, &empty, &l, e);
    *ret = value_list(c->arena);
    if (rc < 0 || empty)
        return rc;
    if (by_attr && !c->n_args)
        return fail_with(c, e, "Missing parameter for attribute name");
    if (c->n_args > off)
        rc = name_arg(c, off, &fn.name, e);
    for (size_t i = 0; i < l->len && rc >= 0; i++) {
        struct value v = l->items[i];
        bool hit = false;
        if (by_attr)
            rc = value_getpath(c, &l->items[i], &c->args[0], NULL, &v, e);
        if (rc >= 0 && fn.name)
            rc = call_test(c, &fn, &v, c->args + off + 1, c->n_args - off - 1, c->kwargs, &hit, e);
        else if (rc >= 0)
            rc = truth_of(c, &v, &hit, e);
        if (rc >= 0 && hit == keep)
            list_add(ret->u.list, l->items[i]);
    }
    return rc;
}

// select: The items that pass a test (or are true).
BUILTIN(filter_select)
{
    return select_items(c, false, true, ret, e);
}

// reject: The items that fail a test (or are false).
BUILTIN(filter_reject)
{
    return select_items(c, false, false, ret, e);
}

// selectattr: The items whose attribute passes a test (or is true).
BUILTIN(filter_selectattr)
{
    return select_items(c, true, true, ret, e);
}

// rejectattr: The items whose attribute fails a test (or is false).
BUILTIN(filter_rejectattr)
{
    return select_items(c, true, false, ret, e);
}
