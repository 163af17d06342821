// Merge sort over values, and the small value rules that sets and sums need.
#include "template/pysort.h"

#include "template/datetime.h"
#include "template/unicode.h"

#include <string.h>

#define EQUAL_DEPTH 200

static const struct value *meet_in_lists(const struct value *x, const struct value *y, bool *equal,
                                         int depth)
{
    const struct list *a = x->u.list, *b = y->u.list;
    bool tuple = x->flags & VALUE_TUPLE; // lists are compared by length first
    *equal = tuple || a->len == b->len;
    if (a == b)
        return NULL;
    for (size_t i = 0; *equal && i < a->len && i < b->len; i++) {
        const struct value *hit = equal_meets(&a->items[i], &b->items[i], equal, depth + 1);
        if (hit)
            return hit;
    }
    *equal = *equal && a->len == b->len;
    return NULL;
}

static const struct value *meet_in_dicts(const struct dict *x, const struct dict *y, bool *equal,
                                         int depth)
{
    struct dict_entry *d;
    *equal = x->len == y->len;
    if (x == y)
        return NULL;
    DICT_EACH(x, d)
    {
        const struct value *other = *equal ? dict_getv(y, &d->key) : NULL;
        *equal = other != NULL;
        const struct value *hit = other ? equal_meets(&d->val, other, equal, depth + 1) : NULL;
        if (hit)
            return hit;
    }
    return NULL;
}

const struct value *equal_meets(const struct value *x, const struct value *y, bool *equal,
                                int depth)
{
    int order;
    if (x->type == VALUE_UNDEFINED || y->type == VALUE_UNDEFINED) {
        *equal = x->type == y->type;
        if (*equal && x->u.str.s == y->u.str.s) // the same object is not looked at
            return NULL;
        return is_strict(x) ? x : is_strict(y) ? y : NULL;
    }
    if (depth < EQUAL_DEPTH && x->type == VALUE_LIST && y->type == VALUE_LIST &&
        !((x->flags ^ y->flags) & VALUE_TUPLE))
        return meet_in_lists(x, y, equal, depth);
    if (depth < EQUAL_DEPTH && x->type == VALUE_DICT && y->type == VALUE_DICT)
        return meet_in_dicts(x->u.dict, y->u.dict, equal, depth);
    *equal =
        x->type == VALUE_OBJECT && datetime_compare(x, y, &order) ? order == 0 : value_equal(x, y);
    return NULL;
}

int order_of(struct call *c, const struct value *x, const struct value *y, int *ret, struct err *e)
{
    if (x->type == VALUE_UNDEFINED)
        return fail_undefined(c, x, e);
    if (y->type == VALUE_UNDEFINED)
        return fail_undefined(c, y, e);
    if (x->type == VALUE_OBJECT && datetime_compare(x, y, ret))
        return 0;
    bool same;
    const struct value *hit = x->type == VALUE_LIST ? equal_meets(x, y, &same, 0) : NULL;
    if (hit)
        return fail_undefined(c, hit, e);
    int rc = value_compare(x, y, ret, e);
    return rc < 0 && e ? err_at(e, c->pos) : rc;
}

// Python's own way for so many; more are merged.
#define INSERT_MAX 64

static int merge(struct call *c, struct sort_item *items, size_t mid, size_t n,
                 struct sort_item *tmp, struct err *e)
{
    memcpy(tmp, items, mid * sizeof *tmp);
    size_t i = 0, j = mid, k = 0;
    while (i < mid && j < n) {
        int cmp;
        int rc = order_of(c, &items[j].key, &tmp[i].key, &cmp, e);
        if (rc < 0)
            return rc;
        items[k++] = cmp < 0 ? items[j++] : tmp[i++];
    }
    while (i < mid)
        items[k++] = tmp[i++];
    return 0;
}

// The items behind the first `done`, which are in order, are put where they belong.
static int insert_rest(struct call *c, struct sort_item *items, size_t done, size_t n,
                       struct err *e)
{
    for (; done < n; done++) {
        struct sort_item item = items[done];
        size_t lo = 0, hi = done;
        while (lo < hi) {
            size_t mid = (lo + hi) / 2;
            int cmp, rc = order_of(c, &item.key, &items[mid].key, &cmp, e);
            if (rc < 0)
                return rc;
            if (cmp < 0)
                hi = mid;
            else
                lo = mid + 1;
        }
        memmove(items + lo + 1, items + lo, (done - lo) * sizeof *items);
        items[lo] = item;
    }
    return 0;
}

static int sort_part(struct call *c, struct sort_item *items, size_t n, struct sort_item *tmp,
                     struct err *e)
{
    if (n < INSERT_MAX)
        return insert_rest(c, items, n > 0, n, e);
    size_t mid = n / 2;
    int rc = sort_part(c, items, mid, tmp, e);
    if (rc >= 0)
        rc = sort_part(c, items + mid, n - mid, tmp, e);
    return rc < 0 ? rc : merge(c, items, mid, n, tmp, e);
}

static void flip(struct sort_item *items, size_t n)
{
    for (size_t i = 0, j = n; i + 1 < j; i++) {
        struct sort_item item = items[i];
        items[i] = items[--j];
        items[j] = item;
    }
}

// Python looks for a run at the start first; doing the same finds the pair it would complain about.
// A falling one is turned round. *ret items are in order then.
static int first_run(struct call *c, struct sort_item *items, size_t n, size_t *ret, struct err *e)
{
    bool falls = false;
    int cmp, rc = 0;
    size_t i = 1;
    for (; i < n; i++) {
        rc = order_of(c, &items[i].key, &items[i - 1].key, &cmp, e);
        if (i == 1)
            falls = rc >= 0 && cmp < 0;
        if (rc < 0 || (cmp < 0) != falls)
            break;
    }
    *ret = i < n ? i : n;
    if (falls)
        flip(items, *ret);
    return rc;
}

int sort_items(struct call *c, struct sort_item *items, size_t n, bool reverse, struct err *e)
{
    size_t run;
    if (reverse)
        flip(items, n);
    int rc = first_run(c, items, n, &run, e);
    if (rc >= 0 && run < n && n < INSERT_MAX)
        rc = insert_rest(c, items, run, n, e);
    else if (rc >= 0 && run < n)
        rc = sort_part(c, items, n, arena_array(c->arena, struct sort_item, n / 2 + 1), e);
    if (reverse)
        flip(items, n);
    return rc;
}

const struct value *find_unhashable(const struct value *v)
{
    const struct value *hit = NULL;
    if (v->type == VALUE_DICT || (v->type == VALUE_LIST && !(v->flags & VALUE_TUPLE)))
        return v;
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len && !hit; i++)
        hit = find_unhashable(&v->u.list->items[i]);
    return hit;
}

bool is_hashable(const struct value *v)
{
    return !find_unhashable(v);
}

// True when lower case changes nothing: plain ASCII without capitals.
static bool is_lower_already(const struct value *v)
{
    for (size_t i = 0; i < v->u.str.len; i++) {
        unsigned char ch = (unsigned char)v->u.str.s[i];
        if (ch >= 0x80 || (ch >= 'A' && ch <= 'Z'))
            return false;
    }
    return true;
}

struct value ignore_case(struct call *c, const struct value *v)
{
    if (v->type != VALUE_STRING || is_lower_already(v))
        return *v;
    struct buf b = call_buf(c);
    str_lower(&b, v->u.str.s, v->u.str.len);
    return take_buf(c, &b);
}

int list_contains(struct call *c, const struct list *l, const struct value *v, bool *ret,
                  struct err *e)
{
    *ret = false;
    for (size_t i = 0; i < l->len && !*ret; i++) {
        const struct value *item = &l->items[i];
        if (is_strict(item) || is_strict(v))
            return fail_undefined(c, is_strict(item) ? item : v, e);
        const struct value *hit = equal_meets(item, v, ret, 0);
        if (hit)
            return fail_undefined(c, hit, e);
    }
    return 0;
}

bool list_has(const struct list *l, const struct value *v)
{
    for (size_t i = 0; i < l->len; i++)
        if (value_equal(&l->items[i], v))
            return true;
    return false;
}

static int bad_add(struct call *c, const struct value *x, const struct value *y, struct err *e)
{
    const char *tx = value_type_name(x), *ty = value_type_name(y);
    if (x->type == VALUE_STRING)
        return fail_type(c, e, "can only concatenate str (not \"%s\") to str", ty);
    if (x->type == VALUE_LIST)
        return fail_type(c, e, "can only concatenate %s (not \"%s\") to %s", tx, ty, tx);
    return fail_type(c, e, "unsupported operand type(s) for +: '%s' and '%s'", tx, ty);
}

int py_add(struct call *c, const struct value *x, const struct value *y, struct value *ret,
           struct err *e)
{
    double a, b;
    if (x->type == VALUE_UNDEFINED || y->type == VALUE_UNDEFINED)
        return fail_undefined(c, x->type == VALUE_UNDEFINED ? x : y, e);
    if (number_of(x, &a) && number_of(y, &b)) {
        int64_t i = x->type == VALUE_BOOL ? x->u.b : x->u.i,
                j = y->type == VALUE_BOOL ? y->u.b : y->u.i, sum;
        bool whole = x->type != VALUE_FLOAT && y->type != VALUE_FLOAT;
        if (whole && __builtin_add_overflow(i, j, &sum))
            return fail_with(c, e, "integer result does not fit in 64 bits");
        *ret = whole ? value_int(sum) : value_float(a + b);
        return 0;
    }
    if (x->type == VALUE_STRING && y->type == VALUE_STRING) {
        struct buf s = call_buf(c);
        buf_add(&s, x->u.str.s, x->u.str.len);
        buf_add(&s, y->u.str.s, y->u.str.len);
        *ret = take_buf(c, &s);
        return 0;
    }
    if (x->type == VALUE_LIST && y->type == VALUE_LIST && !((x->flags ^ y->flags) & VALUE_TUPLE)) {
        *ret = list_from(c, x->u.list->items, x->u.list->len);
        ret->flags = x->flags & VALUE_TUPLE;
        for (size_t i = 0; i < y->u.list->len; i++)
            list_add(ret->u.list, y->u.list->items[i]);
        return 0;
    }
    struct value out;
    int rc = datetime_binary(c->arena, '+', x, y, &out, e);
    if (rc == 1)
        *ret = out;
    return rc == 1 ? 0 : rc < 0 ? rc : bad_add(c, x, y, e);
}
