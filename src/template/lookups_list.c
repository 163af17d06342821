// Lookups that only rearrange their terms: items, list, dict, nested, together, flattened,
// indexed_items, subelements, random_choice, sequence.
#include "template/lookups.h"
#include "template/pyformat.h"
#include "template/pyrandom.h"
#include "template/pystr.h"
#include "template/regex.h"
#include "template/rows.h"

#include <ctype.h>
#include <string.h>

#define MAX_DEPTH 100
#define MAX_RESULTS 2000000

static void add_flat(struct list *out, const struct value *v)
{
    if (v->type != VALUE_LIST) {
        list_add(out, *v);
        return;
    }
    for (size_t i = 0; i < v->u.list->len; i++)
        list_add(out, v->u.list->items[i]);
}

// items: The terms, lists among them taken apart.
LOOKUP(lookup_items)
{
    (void)e;
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++)
        add_flat(ret->u.list, &terms->items[i]);
    return 0;
}

// list: The terms as they are.
LOOKUP(lookup_list_terms)
{
    (void)e;
    *ret = list_from(c, terms->items, terms->len);
    return 0;
}

// indexed_items: Pairs of position and item.
LOOKUP(lookup_indexed_items)
{
    struct value flat;
    int rc = lookup_items(c, terms, &flat, e);
    *ret = value_list(c->arena);
    for (size_t i = 0; i < flat.u.list->len; i++)
        list_add(ret->u.list, pair_of(c, value_int((int64_t)i), flat.u.list->items[i]));
    return rc;
}

// dict: {key, value} mappings of the items of mappings.
LOOKUP(lookup_dict)
{
    struct dict_entry *d;
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        struct dict *in = dict_of(c, &terms->items[i]);
        if (!in)
            return lookup_fail(c, e, "with_dict expects a dict");
        DICT_EACH(in, d)
        {
            struct value item = value_dict(c->arena);
            dict_set(item.u.dict, "key", d->key);
            dict_set(item.u.dict, "value", d->val);
            list_add(ret->u.list, item);
        }
    }
    return 0;
}

// A term as a list: what is none becomes the only item of one, a text without white space around.
static struct list *as_list(struct call *c, const struct value *v)
{
    struct value p, out = value_list(c->arena);
    struct dict_entry *d;
    if (plain_of(c, v, &p, NULL) < 0)
        p = *v;
    if (p.type == VALUE_LIST)
        return p.u.list;
    if (p.type == VALUE_DICT)
        DICT_EACH(p.u.dict, d)
    list_add(out.u.list, d->key);
    else list_add(out.u.list, p);
    if (p.type == VALUE_STRING) {
        struct value *only = &out.u.list->items[0];
        struct text t = str_strip((struct text){p.u.str.s, p.u.str.len}, NULL, STRIP_BOTH);
        *only = str_from(c, t.s, t.len);
        only->flags = p.flags;
    }
    return out.u.list;
}

// The items of two values in one list, those of lists among them taken out.
static struct value flat_pair(struct call *c, const struct value *x, const struct value *y)
{
    struct value row = value_list(c->arena);
    add_flat(row.u.list, x);
    add_flat(row.u.list, y);
    return row;
}

// nested, cartesian: Every combination of one item from each list.
LOOKUP(lookup_nested)
{
    if (!terms->len)
        return lookup_fail(c, e, "with_nested requires at least one element in the nested list");
    struct list *rows = as_list(c, &terms->items[0]);
    for (size_t k = 1; k < terms->len; k++) {
        struct list *next = as_list(c, &terms->items[k]);
        struct value more = value_list(c->arena);
        if (next->len && rows->len > MAX_RESULTS / next->len)
            return lookup_fail(c, e, "nested: more than %d results", MAX_RESULTS);
        for (size_t i = 0; i < rows->len; i++)
            for (size_t j = 0; j < next->len; j++)
                list_add(more.u.list, flat_pair(c, &rows->items[i], &next->items[j]));
        rows = more.u.list;
    }
    *ret = value_list(c->arena);
    for (size_t i = 0; i < rows->len; i++) { // Ansible takes what is left apart once more
        struct list *parts;
        int rc = value_iterate(c, &rows->items[i], &parts, e);
        if (rc < 0)
            return rc;
        struct value row = value_list(c->arena);
        for (size_t j = 0; j < parts->len; j++)
            add_flat(row.u.list, &parts->items[j]);
        list_add(ret->u.list, row);
    }
    return 0;
}

// together: Lists of the items at the same place, null where a list is too short.
LOOKUP(lookup_together)
{
    size_t rows = 0;
    if (!terms->len)
        return lookup_fail(c, e, "with_together requires at least one element in each list");
    struct list **lists = arena_array(c->arena, struct list *, terms->len);
    for (size_t i = 0; i < terms->len; i++) {
        lists[i] = as_list(c, &terms->items[i]);
        rows = lists[i]->len > rows ? lists[i]->len : rows;
    }
    *ret = value_list(c->arena);
    for (size_t r = 0; r < rows; r++) {
        struct value row = value_list(c->arena), none = value_null();
        for (size_t i = 0; i < terms->len; i++)
            add_flat(row.u.list, r < lists[i]->len ? &lists[i]->items[r] : &none);
        list_add(ret->u.list, row);
    }
    return 0;
}

static int flatten(struct call *c, const struct list *l, int depth, struct list *out, struct err *e)
{
    if (depth > MAX_DEPTH)
        return lookup_fail(c, e, "flattened: nested too deeply");
    for (size_t i = 0; i < l->len; i++) {
        const struct value *v = &l->items[i];
        if (v->type == VALUE_NULL || value_eqs(v, "None") || value_eqs(v, "null"))
            continue;
        if (v->type != VALUE_LIST) {
            list_add(out, *v);
            continue;
        }
        int rc = flatten(c, v->u.list, depth + 1, out, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

// flattened: All items of lists inside lists.
LOOKUP(lookup_flattened)
{
    *ret = value_list(c->arena);
    return flatten(c, terms, 0, ret->u.list, e);
}

// random_choice: One of the terms.
LOOKUP(lookup_random_choice)
{
    (void)e;
    struct pyrandom *r = arena_new_of(c->arena, struct pyrandom);
    pyrandom_system(r);
    *ret = value_list(c->arena);
    if (terms->len)
        list_add(ret->u.list, terms->items[pyrandom_below(r, terms->len)]);
    return 0;
}

static bool was_skipped(const struct dict *d)
{
    const struct value *v = dict_get(d, "skipped");
    return v && !(v->type == VALUE_BOOL && !v->u.b);
}

// The list a path of keys leads to inside one element; *ret NULL when a key may be missing.
static int subelement(struct call *c, struct dict *item, const struct list *path, bool skip,
                      struct list **ret, struct err *e)
{
    struct value at = {.type = VALUE_DICT, .u.dict = item};
    *ret = NULL;
    for (size_t i = 0; i < path->len; i++) {
        const struct value *key = &path->items[i];
        struct value *v = dict_getv(at.u.dict, key);
        bool last = i + 1 == path->len;
        if (!v && skip)
            continue;
        if (!v)
            return lookup_fail(c, e, "could not find '%s' key in iterated item '%s'", key->u.str.s,
                               text_of(c, &at).s);
        if (last && v->type != VALUE_LIST)
            return lookup_fail(c, e, "the key %s should point to a list, got '%s'", key->u.str.s,
                               text_of(c, v).s);
        if (last) {
            *ret = v->u.list;
        } else if (dict_of(c, v)) {
            at = (struct value){.type = VALUE_DICT, .u.dict = dict_of(c, v)};
        } else if (!skip) {
            return lookup_fail(c, e, "the key %s should point to a dictionary, got '%s'",
                               key->u.str.s, text_of(c, v).s);
        }
    }
    return 0;
}

// item without the list that its subelements came from.
static struct value without(struct call *c, const struct dict *item, const struct list *path,
                            size_t at)
{
    struct value out = value_dict(c->arena);
    dict_update(out.u.dict, item);
    const struct value *key = &path->items[at];
    struct value *v = dict_getv(out.u.dict, key);
    if (v && at + 1 == path->len)
        dict_delv(out.u.dict, key);
    else if (v && dict_of(c, v))
        dict_setv(out.u.dict, *key, without(c, dict_of(c, v), path, at + 1));
    return out;
}

// subelements: Pairs of an element and each item of a list inside it.
LOOKUP(lookup_subelements)
{
    if (terms->len < 2 || terms->len > 3)
        return lookup_fail(c, e, "subelements lookup expects a list of two or three items, ");
    const struct value *first = &terms->items[0];
    struct dict *whole = dict_of(c, first);
    if ((!whole && first->type != VALUE_LIST) || terms->items[1].type != VALUE_STRING)
        return lookup_fail(c, e,
                           "subelements lookup expects a list of two or three items, first a dict "
                           "or a list, second a "
                           "string pointing to the subkey");
    struct value path = value_list(c->arena), elements = value_list(c->arena);
    struct text dot = text_lit(".");
    struct dict_entry *d;
    bool skip = false;
    str_split(c, text_of(c, &terms->items[1]), &dot, -1, path.u.list);
    *ret = value_list(c->arena);
    if (whole && was_skipped(whole))
        return 0;
    if (whole)
        DICT_EACH(whole, d)
    list_add(elements.u.list, d->val);
    else elements = *first;
    if (terms->len == 3) {
        struct dict *flags = dict_of(c, &terms->items[2]);
        if (!flags)
            return lookup_fail(c, e,
                               "subelements lookup expects a list of two or three items, the "
                               "optional third item must "
                               "be a dict with flags ('skip_missing',)");
        skip = dict_bool(flags, "skip_missing", false);
    }
    for (size_t i = 0; i < elements.u.list->len; i++) {
        struct dict *item = dict_of(c, &elements.u.list->items[i]);
        struct list *subs;
        if (!item)
            return lookup_fail(c, e, "subelements lookup expects a dictionary, got '%s'",
                               text_of(c, &elements.u.list->items[i]).s);
        if (was_skipped(item))
            continue;
        int rc = subelement(c, item, path.u.list, skip, &subs, e);
        if (rc < 0)
            return rc;
        struct value bare = without(c, item, path.u.list, 0);
        for (size_t k = 0; subs && k < subs->len; k++)
            list_add(ret->u.list, pair_of(c, bare, subs->items[k]));
    }
    return 0;
}

struct sequence {
    int64_t start, end, count, stride;
    bool has_end, has_count;
    struct text format;
};

static int sequence_number(struct call *c, const char *name, struct text t, int64_t *ret,
                           struct err *e)
{
    if (!parse_int(t.s, t.len, 0, ret))
        return lookup_fail(c, e, "can't parse %s=%s as integer", name, t.s);
    return 0;
}

// "[start-]end[/stride][:format]": 1 when the term has this form.
static int sequence_short(struct call *c, struct text term, struct sequence *s, struct err *e)
{
    static const char pattern[] = "^((0?x?[0-9a-f]+)-)?(0?x?[0-9a-f]+)(/(0?x?[0-9a-f]+))?(:(.+))?$";
    struct regex *re;
    const size_t *g;
    int rc = regex_compile(text_lit(pattern), REGEX_IGNORECASE, &re, e);
    if (rc < 0)
        return rc;
    rc = regex_search(re, term, 0, true, false, &g, e);
    const struct {
        size_t group;
        const char *name;
        int64_t *to;
    } parts[] = {{2, "start", &s->start}, {3, "end", &s->end}, {5, "stride", &s->stride}};
    int done = rc;
    for (size_t i = 0; i < 3 && rc > 0; i++) {
        size_t from = g[2 * parts[i].group], to = g[2 * parts[i].group + 1];
        if (from == SIZE_MAX)
            continue;
        struct value t = str_from(c, term.s + from, to - from);
        if (sequence_number(c, parts[i].name, text_of(c, &t), parts[i].to, e) < 0)
            rc = done = ERR_INVALID;
        s->has_end |= i == 1;
    }
    if (rc > 0 && g[14] != SIZE_MAX)
        s->format =
            (struct text){arena_strndup(c->arena, term.s + g[14], g[15] - g[14]), g[15] - g[14]};
    regex_free(re);
    return done;
}

static int sequence_kv(struct call *c, const struct dict *kv, struct sequence *s, struct err *e)
{
    static const char *const names[] = {"start", "end", "count", "stride"};
    int64_t *to[] = {&s->start, &s->end, &s->count, &s->stride};
    struct dict_entry *d;
    for (int i = 0; i < 4; i++) {
        const struct value *v = dict_get(kv, names[i]);
        if (!v || v->type == VALUE_NULL)
            continue;
        int rc = sequence_number(c, names[i], text_of(c, v), to[i], e);
        if (rc < 0)
            return rc;
        s->has_end |= i == 1;
        s->has_count |= i == 2;
    }
    DICT_EACH(kv, d)
    {
        bool known = value_eqs(&d->key, "format");
        for (int i = 0; i < 4; i++)
            known |= value_eqs(&d->key, names[i]);
        if (!known)
            return lookup_fail(c, e, "unrecognized arguments to with_sequence: ['%s']",
                               text_of(c, &d->key).s);
        if (value_eqs(&d->key, "format"))
            s->format = text_of(c, &d->val);
    }
    return 0;
}

static int sequence_check(struct call *c, struct sequence *s, struct err *e)
{
    size_t percents = 0;
    if (!s->has_count && !s->has_end)
        return lookup_fail(c, e, "must specify count or end in with_sequence");
    if (s->has_count && s->has_end)
        return lookup_fail(c, e, "can't specify both count and end in with_sequence");
    if (s->has_count && s->count)
        s->end = s->start + s->count * s->stride - 1;
    else if (s->has_count)
        s->start = s->end = s->stride = 0;
    if (s->stride > 0 && s->end < s->start)
        return lookup_fail(c, e, "to count backwards make stride negative");
    if (s->stride < 0 && s->end > s->start)
        return lookup_fail(c, e, "to count forward don't make stride negative");
    for (size_t i = 0; i < s->format.len; i++)
        percents += s->format.s[i] == '%';
    return percents == 1 ? 0 : lookup_fail(c, e, "bad formatting string: %s", s->format.s);
}

// sequence: Texts of the numbers from start to end (or count of them) in steps of stride, by
// format.
LOOKUP(lookup_sequence)
{
    *ret = value_list(c->arena);
    for (size_t i = 0; i < terms->len; i++) {
        struct sequence s = {.start = 1, .stride = 1, .format = {"%d", 2}};
        struct text term = text_of(c, &terms->items[i]), raw;
        struct value kv = value_dict(c->arena);
        int rc = sequence_short(c, term, &s, e);
        if (rc == 0)
            rc = lookup_parse_kv(c, term, kv.u.dict, &raw, e);
        if (rc >= 0 && kv.u.dict->len)
            rc = sequence_kv(c, kv.u.dict, &s, e);
        if (rc >= 0)
            rc = sequence_check(c, &s, e);
        for (int64_t n = s.start; rc >= 0 && s.stride && (s.stride > 0 ? n <= s.end : n >= s.end);
             n += s.stride) {
            struct buf b = BUF_INIT;
            struct value v = value_int(n);
            if (ret->u.list->len >= MAX_RESULTS)
                return lookup_fail(c, e, "sequence: more than %d numbers", MAX_RESULTS);
            if (py_percent(c, s.format, &v, &b, NULL) < 0)
                rc = lookup_fail(c, e, "problem formatting %lld with '%s'", (long long)n,
                                 s.format.s);
            list_add(ret->u.list, take_buf(c, &b));
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}
