// Set theory and combinatorics: union, difference, zip, product, permutations and so on.
#include "template/pysort.h"
#include "template/rows.h"

#include <string.h>

// Ansible makes sets of two hashable things.
static bool makes_sets(const struct call *c)
{
    const struct value *b = call_arg(c, 0, "b");
    return is_hashable(&c->self) && b && is_hashable(b);
}

// Adds v unless it is there already. What is undefined has no hash: Ansible then compares all items
// with each other, where it makes no set of them.
static int add_once(struct call *c, struct list *out, struct dict *seen, const struct value *v,
                    struct err *e)
{
    const struct value *undef = is_hashable(v) ? value_find_undefined(v, 0) : NULL;
    if (undef && makes_sets(c))
        return fail_undefined(c, undef, e);
    if (!is_hashable(v) || undef || (out->len && is_strict(&out->items[0]))) {
        bool known;
        int rc = list_contains(c, out, v, &known, e);
        if (rc >= 0 && !known)
            list_add(out, *v);
        return rc;
    }
    if (!dict_getv(seen, v)) {
        dict_setv(seen, *v, value_null());
        list_add(out, *v);
    }
    return 0;
}

// A list and what can be found in it by hash.
struct members {
    const struct list *list;
    struct dict *index;
    bool plain; // no item is undefined
};

static struct members members_of(struct call *c, const struct list *l)
{
    struct members m = {l, value_dict(c->arena).u.dict, true};
    for (size_t i = 0; i < l->len; i++)
        if (l->items[i].type == VALUE_UNDEFINED)
            m.plain = false;
        else if (is_hashable(&l->items[i]))
            dict_setv(m.index, l->items[i], value_null());
    return m;
}

static int is_member(struct call *c, const struct members *m, const struct value *v, bool *ret,
                     struct err *e)
{
    if (!m->plain || v->type == VALUE_UNDEFINED)
        return list_contains(c, m->list, v, ret, e);
    if (!is_hashable(v))
        return list_contains(c, m->list, v, ret, e);
    *ret = dict_getv(m->index, v) != NULL;
    return 0;
}

// Adds the items of x that are in y (or are not) to ret, once each.
static int add_chosen(struct call *c, const struct list *x, const struct list *y, bool in,
                      struct dict *seen, struct value *ret, struct err *e)
{
    struct members m = members_of(c, y);
    bool yes = false;
    int rc = 0;
    for (size_t i = 0; i < x->len && rc >= 0; i++) {
        rc = is_member(c, &m, &x->items[i], &yes, e);
        if (rc >= 0 && yes == in)
            rc = add_once(c, ret->u.list, seen, &x->items[i], e);
    }
    return rc;
}

static int both(struct call *c, const char *name, struct list **x, struct list **y, struct err *e)
{
    const struct value *b = NULL;
    char spec[16];
    memcpy(spec, name, strlen(name) + 1);
    int rc = args_read(c, e, spec, &b);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, x, e);
    if (rc >= 0)
        rc = value_iterate(c, b, y, e);
    return rc;
}

// Python's `in` finds only text in a text, and only what can be hashed in a dict.
static int searchable(struct call *c, const struct list *x, struct err *e)
{
    const struct value *b = call_arg(c, 0, "b");
    if ((b->type != VALUE_STRING && b->type != VALUE_DICT) || is_hashable(&c->self))
        return 0;
    for (size_t i = 0; i < x->len; i++)
        if (b->type == VALUE_DICT && !is_hashable(&x->items[i]))
            return fail_type(c, e, "unhashable type: '%s'",
                             value_type_name(find_unhashable(&x->items[i])));
        else if (b->type == VALUE_STRING && x->items[i].type != VALUE_STRING)
            return fail_type(c, e, "'in <string>' requires string as left operand, not %s",
                             value_type_name(&x->items[i]));
    return 0;
}

static int filtered(struct call *c, bool keep, struct value *ret, struct err *e)
{
    struct list *x, *y;
    *ret = value_list(c->arena);
    if (c->self.type == VALUE_LIST && !is_hashable(&c->self) && !c->self.u.list->len)
        return c->n_args + c->kwargs->len == 1 ? 0 : both(c, "b:v!", &x, &y, e);
    int rc = both(c, "b:v!", &x, &y, e);
    if (rc >= 0)
        rc = searchable(c, x, e);
    if (rc < 0)
        return rc;
    return add_chosen(c, x, y, keep, value_dict(c->arena).u.dict, ret, e);
}

// intersect: The items that are in both lists, once each.
BUILTIN(filter_intersect)
{
    return filtered(c, true, ret, e);
}

// difference: The items that are not in the other list, once each.
BUILTIN(filter_difference)
{
    return filtered(c, false, ret, e);
}

// What is no set is added up.
static int addable(struct call *c, struct err *e)
{
    const struct value *b = call_arg(c, 0, "b"), *a = &c->self;
    if (b && b->type == VALUE_UNDEFINED && !is_hashable(a))
        return fail_undefined(c, b, e);
    if (!b || makes_sets(c) || b->type == VALUE_UNDEFINED || a->type == VALUE_OBJECT ||
        b->type == VALUE_OBJECT ||
        (a->type == VALUE_LIST && b->type == VALUE_LIST && !((a->flags ^ b->flags) & VALUE_TUPLE)))
        return 0;
    return fail_type(c, e, "can only concatenate %s (not \"%s\") to %s", value_type_name(a),
                     value_type_name(b), value_type_name(a));
}

// union: The items of both lists, once each.
BUILTIN(filter_union)
{
    struct list *x, *y;
    int rc = addable(c, e);
    if (rc >= 0)
        rc = both(c, "b:v!", &x, &y, e);
    if (rc < 0)
        return rc;
    struct dict *seen = value_dict(c->arena).u.dict;
    *ret = value_list(c->arena);
    for (size_t i = 0; i < x->len && rc >= 0; i++)
        rc = add_once(c, ret->u.list, seen, &x->items[i], e);
    for (size_t i = 0; i < y->len && rc >= 0; i++)
        rc = add_once(c, ret->u.list, seen, &y->items[i], e);
    return rc;
}

// symmetric_difference: The items that are in one list only, once each.
BUILTIN(filter_symmetric_difference)
{
    struct list *x, *y;
    int rc = both(c, "b:v!", &x, &y, e);
    struct dict *seen = value_dict(c->arena).u.dict;
    *ret = value_list(c->arena);
    if (rc >= 0)
        rc = searchable(c, x, e);
    if (rc >= 0)
        rc = add_chosen(c, x, y, false, seen, ret, e);
    if (rc >= 0)
        rc = addable(c, e); // after what both have
    return rc < 0 ? rc : add_chosen(c, y, x, false, seen, ret, e);
}

// The value and all positional arguments as lists.
static int all_lists(struct call *c, struct list ***ret, size_t *n, struct err *e)
{
    *n = c->n_args + 1;
    *ret = arena_array(c->arena, struct list *, *n);
    int rc = value_iterate(c, &c->self, &(*ret)[0], e);
    for (size_t i = 0; i < c->n_args && rc >= 0; i++)
        rc = value_iterate(c, &c->args[i], &(*ret)[i + 1], e);
    return rc;
}

static void zip_rows(struct call *c, struct list **lists, size_t n, size_t rows,
                     const struct value *fill, struct value *ret)
{
    *ret = value_list(c->arena);
    for (size_t r = 0; r < rows && !arena_full(c->arena); r++) {
        struct value row = value_list(c->arena);
        row.flags |= VALUE_TUPLE;
        for (size_t i = 0; i < n; i++)
            list_add(row.u.list, r < lists[i]->len ? lists[i]->items[r] : *fill);
        list_add(ret->u.list, row);
    }
}

// zip: Tuples of the items at the same place, as many as the shortest list has.
BUILTIN(filter_zip)
{
    struct list **lists;
    size_t n;
    bool strict = false;
    struct dict_entry *d;
    int rc = 0;
    DICT_EACH(c->kwargs, d)
    rc = value_eqs(&d->key, "strict") ? truth_of(c, &d->val, &strict, e)
                                      : fail_type(c, e, "zip() takes no keyword arguments");
    if (rc >= 0)
        rc = all_lists(c, &lists, &n, e);
    if (rc < 0)
        return rc;
    size_t rows = lists[0]->len;
    for (size_t i = 1; i < n; i++) {
        if (strict && lists[i]->len != rows)
            return fail_with(c, e, "zip() argument %zu is %s than argument 1", i + 1,
                             lists[i]->len < rows ? "shorter" : "longer");
        rows = lists[i]->len < rows ? lists[i]->len : rows;
    }
    struct value fill = value_null();
    zip_rows(c, lists, n, rows, &fill, ret);
    return 0;
}

// zip_longest: Tuples of the items at the same place, shorter lists filled up with fillvalue.
BUILTIN(filter_zip_longest)
{
    struct list **lists;
    size_t n, rows = 0;
    struct value fill = value_null();
    struct dict_entry *d;
    DICT_EACH(c->kwargs, d)
    if (value_eqs(&d->key, "fillvalue"))
        fill = d->val;
    else
        return fail_type(c, e, "zip_longest() got an unexpected keyword argument");
    int rc = all_lists(c, &lists, &n, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        rows = lists[i]->len > rows ? lists[i]->len : rows;
    zip_rows(c, lists, n, rows, &fill, ret);
    return 0;
}

// product: Every combination of one item from each list.
BUILTIN(filter_product)
{
    struct list **lists, **all;
    size_t n, total = 1;
    int64_t repeat = 1;
    struct dict_entry *d;
    int rc = 0;
    DICT_EACH(c->kwargs, d)
    rc = value_eqs(&d->key, "repeat")
             ? index_of(c, &d->val, &repeat, e)
             : fail_type(c, e, "product() got an unexpected keyword argument");
    if (rc >= 0)
        rc = all_lists(c, &lists, &n, e);
    if (rc < 0)
        return rc;
    if (repeat < 0)
        return fail_with(c, e, "repeat argument cannot be negative");
    if ((uint64_t)repeat > ITEMS_MAX / n)
        return too_many(c, e);
    all = arena_array(c->arena, struct list *, n * (size_t)repeat + 1);
    for (int64_t r = 0; r < repeat; r++)
        for (size_t i = 0; i < n; i++)
            all[(size_t)r * n + i] = lists[i];
    n *= (size_t)repeat;
    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(total, all[i]->len, &total) || total > ITEMS_MAX)
            return too_many(c, e);
    *ret = value_list(c->arena);
    for (size_t k = 0; k < total && !arena_full(c->arena); k++) {
        struct value row = value_list(c->arena);
        row.flags |= VALUE_TUPLE;
        size_t rest = total, at = k;
        for (size_t i = 0; i < n; i++) {
            rest /= all[i]->len;
            list_add(row.u.list, all[i]->items[at / rest]);
            at %= rest;
        }
        list_add(ret->u.list, row);
    }
    return 0;
}

struct choice {
    struct call *c;
    const struct list *from;
    size_t *picked, r;
    bool *used;
    bool ordered; // permutations
    struct list *out;
    struct err *e;
};

static int choose(struct choice *ch, size_t at)
{
    if (at == ch->r) {
        if (ch->out->len >= ITEMS_MAX)
            return too_many(ch->c, ch->e);
        if (arena_full(ch->c->arena))
            return ERR_LIMIT; // call_builtin says it
        struct value row = value_list(ch->c->arena);
        row.flags |= VALUE_TUPLE;
        for (size_t i = 0; i < ch->r; i++)
            list_add(row.u.list, ch->from->items[ch->picked[i]]);
        list_add(ch->out, row);
        return 0;
    }
    for (size_t i = ch->ordered || !at ? 0 : ch->picked[at - 1] + 1; i < ch->from->len; i++) {
        if (ch->ordered && ch->used[i])
            continue;
        ch->picked[at] = i;
        ch->used[i] = true;
        int rc = choose(ch, at + 1);
        ch->used[i] = false;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int choices(struct call *c, bool ordered, const char *spec, struct value *ret, struct err *e)
{
    const struct value *rv = NULL;
    int64_t r;
    struct list *l;
    int rc = args_read(c, e, spec, &rv);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc < 0)
        return rc;
    r = (int64_t)l->len;
    if (rv && rv->type != VALUE_NULL)
        rc = index_of(c, rv, &r, e);
    if (rc >= 0 && r < 0)
        rc = fail_with(c, e, "r must be non-negative");
    *ret = value_list(c->arena);
    if (rc < 0 || r > (int64_t)l->len)
        return rc;
    struct choice ch = {
        .c = c, .from = l, .r = (size_t)r, .ordered = ordered, .out = ret->u.list, .e = e};
    ch.picked = arena_array(c->arena, size_t, l->len + 1);
    ch.used = arena_array(c->arena, bool, l->len + 1);
    return choose(&ch, 0);
}

// permutations: All orders of r of the items.
BUILTIN(filter_permutations)
{
    return choices(c, true, "r:v", ret, e);
}

// combinations: All choices of r of the items.
BUILTIN(filter_combinations)
{
    return choices(c, false, "r:v!", ret, e);
}
