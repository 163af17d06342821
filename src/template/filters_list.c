// Jinja2's filters on sequences: length, first, last, join, list, sort, sum, min, max, unique,
// groupby, batch, slice.
#include "template/pysort.h"
#include "template/pystr.h"
#include "template/rows.h"
#include "template/unicode.h"

#include <string.h>

#define UNIQUE_FAILED                                                                              \
    "Jinja2's unique filter failed and we cannot fall back to Ansible's version as it does not "   \
    "support the parameters supplied. "

// length, count: Number of items, keys or characters.
BUILTIN(filter_length)
{
    int rc = args_none(c, e);
    struct value v;
    if (rc >= 0)
        rc = plain_of(c, &c->self, &v, e);
    if (rc < 0)
        return rc;
    if (v.type == VALUE_STRING)
        *ret = value_int(
            (int64_t)(v.flags & VALUE_BYTES ? v.u.str.len : utf8_count(v.u.str.s, v.u.str.len)));
    else if (v.type == VALUE_LIST)
        *ret = value_int((int64_t)v.u.list->len);
    else if (v.type == VALUE_DICT)
        *ret = value_int((int64_t)v.u.dict->len);
    else
        return fail_type(c, e, "object of type '%s' has no len()", value_type_name(&v));
    return 0;
}

static int end_item(struct call *c, bool first, struct value *ret, struct err *e)
{
    struct list *l;
    int rc = args_none(c, e);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc == ERR_INVALID && !first && e && !(c->self.type == VALUE_STRING))
        return fail_type(c, e, "'%s' object is not reversible", value_type_name(&c->self));
    if (rc < 0)
        return rc;
    if (!l->len)
        *ret =
            value_undefined(c->arena, "No %s item, sequence was empty.", first ? "first" : "last");
    else
        *ret = l->items[first ? 0 : l->len - 1];
    return 0;
}

// first: The first item.
BUILTIN(filter_first)
{
    return end_item(c, true, ret, e);
}

// last: The last item.
BUILTIN(filter_last)
{
    return end_item(c, false, ret, e);
}

// list: The items as a list; characters of a text, keys of a mapping.
BUILTIN(filter_list)
{
    struct list *l;
    int rc = args_none(c, e);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc >= 0)
        *ret = list_from(c, l->items, l->len);
    return rc;
}

// Inside {% autoescape %} one text that is marked safe has all others escaped.
static bool join_escapes(const struct call *c, const struct value *d, const struct list *l)
{
    bool markup = d && is_markup(d);
    for (size_t i = 0; i < l->len && !markup; i++)
        markup = is_markup(&l->items[i]);
    return markup && autoescapes(c);
}

static void join_piece(struct call *c, const struct value *v, bool escape, struct buf *b)
{
    struct text t = text_of(c, v);
    if (escape && !is_markup(v))
        str_escape(b, t);
    else
        buf_add(b, t.s, t.len);
}

// join: The items as one text with d between them, or an attribute of each.
BUILTIN(filter_join)
{
    const struct value *d = NULL, *attr = NULL;
    struct list *l;
    int rc = args_read(c, e, "d:v attribute:v", &d, &attr);
    if (rc >= 0 && d && is_strict(d))
        rc = fail_undefined(c, d, e);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc < 0)
        return rc;
    struct value items = list_from(c, l->items, l->len);
    for (size_t i = 0; i < l->len && rc >= 0; i++) {
        struct value *v = &items.u.list->items[i];
        if (attr && attr->type != VALUE_NULL)
            rc = value_getpath(c, v, attr, NULL, v, e);
        if (rc >= 0 && is_strict(v))
            rc = fail_undefined(c, v, e);
    }
    if (rc < 0)
        return rc;
    bool escape = join_escapes(c, d, items.u.list);
    struct buf b = call_buf(c);
    for (size_t i = 0; i < l->len; i++) {
        if (i && d)
            join_piece(c, d, escape, &b);
        join_piece(c, &items.u.list->items[i], escape, &b);
    }
    *ret = take_buf(c, &b);
    ret->flags |= escape ? VALUE_MARKUP : 0;
    return 0;
}

static int attr_key(struct call *c, const struct value *item, const struct value *attr,
                    const struct value *dflt, bool case_sensitive, struct value *ret, struct err *e)
{
    struct value v = *item;
    int rc = 0;
    if (attr && attr->type != VALUE_NULL)
        rc = value_getpath(c, item, attr, dflt, &v, e);
    if (rc >= 0)
        *ret = case_sensitive ? v : ignore_case(c, &v);
    return rc;
}

// One sort key: a list of the comma-separated attributes, as jinja2 builds it; a single one needs
// no list around it.
static int sort_key(struct call *c, const struct value *item, const struct value *attr,
                    bool case_sensitive, struct value *ret, struct err *e)
{
    if (!attr || attr->type != VALUE_STRING || !memchr(attr->u.str.s, ',', attr->u.str.len))
        return attr_key(c, item, attr, NULL, case_sensitive, ret, e);
    struct value parts = value_list(c->arena), v;
    struct text comma = text_lit(",");
    int rc = 0;
    str_split(c, (struct text){attr->u.str.s, attr->u.str.len}, &comma, -1, parts.u.list);
    *ret = value_list_of(c->arena, parts.u.list->len);
    for (size_t i = 0; i < parts.u.list->len && rc >= 0; i++) {
        rc = attr_key(c, item, &parts.u.list->items[i], NULL, case_sensitive, &v, e);
        if (rc >= 0)
            list_add(ret->u.list, v);
    }
    return rc;
}

// sort: Sorted, by attribute(s) when given; ignores case unless case_sensitive.
BUILTIN(filter_sort)
{
    bool reverse = false, case_sensitive = false;
    const struct value *attr = NULL;
    struct list *l;
    int rc =
        args_read(c, e, "reverse:I case_sensitive:b attribute:v", &reverse, &case_sensitive, &attr);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc < 0)
        return rc;
    struct sort_item *items = arena_array(c->arena, struct sort_item, l->len + 1);
    for (size_t i = 0; i < l->len && rc >= 0; i++) {
        items[i].val = l->items[i];
        rc = sort_key(c, &l->items[i], attr, case_sensitive, &items[i].key, e);
    }
    if (rc >= 0)
        rc = sort_items(c, items, l->len, reverse, e);
    *ret = value_list_of(c->arena, l->len);
    for (size_t i = 0; i < l->len && rc >= 0; i++)
        list_add(ret->u.list, items[i].val);
    return rc;
}

static int extreme(struct call *c, int sign, struct value *ret, struct err *e)
{
    bool case_sensitive = false;
    const struct value *attr = NULL;
    struct list *l;
    int rc = args_read(c, e, "case_sensitive:b attribute:v", &case_sensitive, &attr);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc < 0)
        return rc;
    if (!l->len) {
        *ret = value_undefined(c->arena, "No aggregated item, sequence was empty.");
        return 0;
    }
    struct value best, key;
    *ret = l->items[0];
    rc = attr_key(c, &l->items[0], attr, NULL, case_sensitive, &best, e);
    for (size_t i = 1; i < l->len && rc >= 0; i++) {
        int cmp;
        rc = attr_key(c, &l->items[i], attr, NULL, case_sensitive, &key, e);
        // max asks "new > best", min "new < best"; both name the new item first
        if (rc >= 0 && (rc = order_of(c, &key, &best, &cmp, e)) < 0 && rc != ERR_UNDEFINED)
            rc = fail_type(c, e, "'%c' not supported between instances of '%s' and '%s'",
                           sign > 0 ? '>' : '<', value_type_name(&key), value_type_name(&best));
        if (rc >= 0 && cmp * sign > 0) {
            best = key;
            *ret = l->items[i];
        }
    }
    return rc;
}

// min: The smallest item.
BUILTIN(filter_min)
{
    return extreme(c, -1, ret, e);
}

// max: The largest item.
BUILTIN(filter_max)
{
    return extreme(c, 1, ret, e);
}

// sum: Sum of the items (or of their attribute), on top of start.
BUILTIN(filter_sum)
{
    const struct value *attr = NULL, *start = NULL;
    struct list *l;
    int rc = args_read(c, e, "attribute:v start:v", &attr, &start);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc < 0)
        return rc;
    *ret = start ? *start : value_int(0);
    if (ret->type == VALUE_STRING)
        return fail_type(c, e, "sum() can't sum strings [use ''.join(seq) instead]");
    for (size_t i = 0; i < l->len && rc >= 0; i++) {
        struct value v = l->items[i];
        if (attr && attr->type != VALUE_NULL)
            rc = value_getpath(c, &v, attr, NULL, &v, e);
        if (rc >= 0)
            rc = py_add(c, ret, &v, ret, e);
    }
    return rc;
}

// unique: Every item once, in order of first appearance.
BUILTIN(filter_unique)
{
    const struct value *cs = NULL, *attr = NULL;
    struct list *l;
    bool case_sensitive = false, plain = true, by_attr = false;
    int rc = args_read(c, e, "case_sensitive:v attribute:v", &cs, &attr);
    if (rc >= 0 && cs)
        rc = truth_of(c, cs, &case_sensitive, e);
    if (rc >= 0 && attr)
        rc = truth_of(c, attr, &by_attr, e);
    bool strict = by_attr || (cs && cs->type == VALUE_BOOL && !case_sensitive);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc == ERR_INVALID && strict)
        return fail_with(c, e, UNIQUE_FAILED "'%s' object is not iterable",
                         value_type_name(&c->self));
    if (rc < 0)
        return rc;
    *ret = value_list(c->arena);
    struct value seen = value_dict(c->arena);
    const char *unhashable = "";
    for (size_t i = 0; i < l->len && plain; i++) {
        struct value key;
        rc = attr_key(c, &l->items[i], attr, NULL, case_sensitive, &key, e);
        if (rc < 0)
            return rc;
        if (is_strict(&key) && strict)
            return fail_undefined(c, &key, e);
        plain = is_hashable(&key) && !is_strict(&key); // what is undefined has no hash
        unhashable = value_type_name(&key);
        if (plain && !dict_getv(seen.u.dict, &key)) {
            dict_setv(seen.u.dict, key, value_null());
            list_add(ret->u.list, l->items[i]);
        }
    }
    if (plain)
        return 0;
    if (strict)
        return fail_with(c, e, UNIQUE_FAILED "unhashable type: '%s'", unhashable);
    *ret = value_list(c->arena);
    bool known;
    for (size_t i = 0; i < l->len; i++) {
        rc = list_contains(c, ret->u.list, &l->items[i], &known, e);
        if (rc < 0)
            return rc;
        if (!known)
            list_add(ret->u.list, l->items[i]);
    }
    return 0;
}

// groupby: Pairs of a value of the attribute and the items that have it, sorted.
BUILTIN(filter_groupby)
{
    const struct value *attr = NULL, *dflt = NULL;
    bool case_sensitive = false;
    struct list *l;
    int rc =
        args_read(c, e, "attribute:v! default:v case_sensitive:b", &attr, &dflt, &case_sensitive);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc < 0)
        return rc;
    struct sort_item *items = arena_array(c->arena, struct sort_item, l->len + 1);
    for (size_t i = 0; i < l->len && rc >= 0; i++) {
        items[i].val = l->items[i];
        rc = attr_key(c, &l->items[i], attr, dflt, case_sensitive, &items[i].key, e);
    }
    if (rc >= 0)
        rc = sort_items(c, items, l->len, false, e);
    *ret = value_list(c->arena);
    for (size_t i = 0; i < l->len && rc >= 0;) {
        struct value group = value_list(c->arena), key = items[i].key;
        size_t first = i;
        for (; i < l->len && value_equal(&items[i].key, &key); i++)
            list_add(group.u.list, items[i].val);
        rc = attr_key(c, &items[first].val, attr, dflt, true, &key, e);
        struct value pair = pair_of(c, key, group);
        pair.flags |= VALUE_GROUP;
        list_add(ret->u.list, pair);
    }
    return rc;
}

// batch: Lists of linecount items each, the last one filled up with fill_with.
BUILTIN(filter_batch)
{
    int64_t n = 0;
    const struct value *fill = NULL;
    struct list *l;
    int rc = args_read(c, e, "linecount:i! fill_with:v", &n, &fill);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc < 0)
        return rc;
    *ret = value_list(c->arena);
    struct value row = value_list(c->arena);
    for (size_t i = 0; i < l->len; i++) {
        if ((int64_t)row.u.list->len == n) {
            list_add(ret->u.list, row);
            row = value_list(c->arena);
        }
        list_add(row.u.list, l->items[i]);
    }
    if (!row.u.list->len)
        return 0;
    if (fill && fill->type != VALUE_NULL && n > (int64_t)ITEMS_MAX)
        return too_many(c, e);
    while (fill && fill->type != VALUE_NULL && (int64_t)row.u.list->len < n)
        list_add(row.u.list, *fill);
    list_add(ret->u.list, row);
    return 0;
}

// slice: The items dealt into slices lists.
BUILTIN(filter_slice)
{
    int64_t slices = 0;
    const struct value *fill = NULL;
    struct list *l;
    int rc = args_read(c, e, "slices:i! fill_with:v", &slices, &fill);
    if (rc >= 0)
        rc = value_iterate(c, &c->self, &l, e);
    if (rc < 0)
        return rc;
    if (slices == 0)
        return fail_with(c, e, "integer division or modulo by zero");
    *ret = value_list(c->arena);
    if (slices < 0)
        return 0;
    if (slices > (int64_t)ITEMS_MAX)
        return too_many(c, e);
    int64_t per = (int64_t)l->len / slices, extra = (int64_t)l->len % slices, at = 0;
    for (int64_t i = 0; i < slices && !arena_full(c->arena); i++) {
        int64_t n = per + (i < extra);
        struct value row = list_from(c, l->items + at, (size_t)n);
        if (fill && fill->type != VALUE_NULL && i >= extra)
            list_add(row.u.list, *fill);
        list_add(ret->u.list, row);
        at += n;
    }
    return 0;
}
