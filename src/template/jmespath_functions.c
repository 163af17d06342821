// The functions of JMESPath.
#include "core/json.h"
#include "template/jmespath.h"
#include "template/pysort.h"
#include "template/pystr.h"
#include "template/unicode.h"

#include <math.h>
#include <string.h>

struct jp_args {
    struct call *c;
    const char *name;
    struct value v[8];
    const struct jp_node *ref; // the &expression among them
    size_t n;
    struct err *e;
};

typedef int jp_function(struct jp_args *a, struct value *ret);

static int wrong(struct jp_args *a, size_t i)
{
    return fail_with(a->c, a->e,
                     "JMESPathError in json_query filter plugin:\nIn function %s(), invalid type "
                     "for value: %s, received: \"%s\"",
                     a->name, text_of(a->c, &a->v[i]).s, value_type_name(&a->v[i]));
}

static bool is_num(const struct value *v)
{
    return v->type == VALUE_INT || v->type == VALUE_FLOAT;
}

static double num(const struct value *v)
{
    return v->type == VALUE_INT ? (double)v->u.i : v->u.f;
}

static int f_abs(struct jp_args *a, struct value *ret)
{
    if (!is_num(&a->v[0]))
        return wrong(a, 0);
    *ret = a->v[0].type == VALUE_INT ? value_int(a->v[0].u.i < 0 ? -a->v[0].u.i : a->v[0].u.i)
                                     : value_float(fabs(a->v[0].u.f));
    return 0;
}

static int f_ceil(struct jp_args *a, struct value *ret)
{
    if (!is_num(&a->v[0]))
        return wrong(a, 0);
    *ret = value_int((int64_t)ceil(num(&a->v[0])));
    return 0;
}

static int f_floor(struct jp_args *a, struct value *ret)
{
    if (!is_num(&a->v[0]))
        return wrong(a, 0);
    *ret = value_int((int64_t)floor(num(&a->v[0])));
    return 0;
}

static int f_sum(struct jp_args *a, struct value *ret)
{
    if (a->v[0].type != VALUE_LIST)
        return wrong(a, 0);
    *ret = value_int(0);
    for (size_t i = 0; i < a->v[0].u.list->len; i++) {
        if (!is_num(&a->v[0].u.list->items[i]))
            return wrong(a, 0);
        int rc = py_add(a->c, ret, &a->v[0].u.list->items[i], ret, a->e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int f_avg(struct jp_args *a, struct value *ret)
{
    int rc = f_sum(a, ret);
    if (rc < 0)
        return rc;
    size_t n = a->v[0].u.list->len;
    *ret = n ? value_float(num(ret) / (double)n) : value_null();
    return 0;
}

static int f_contains(struct jp_args *a, struct value *ret)
{
    bool yes = false;
    if (a->v[0].type == VALUE_STRING)
        yes = a->v[1].type == VALUE_STRING &&
              str_find(text_of(a->c, &a->v[0]), text_of(a->c, &a->v[1])) >= 0;
    else if (a->v[0].type == VALUE_LIST)
        for (size_t i = 0; i < a->v[0].u.list->len && !yes; i++)
            yes = jp_equal(&a->v[0].u.list->items[i], &a->v[1]);
    else
        return wrong(a, 0);
    *ret = value_bool(yes);
    return 0;
}

static int affix(struct jp_args *a, bool start, struct value *ret)
{
    for (size_t i = 0; i < 2; i++)
        if (a->v[i].type != VALUE_STRING)
            return wrong(a, i);
    struct text s = text_of(a->c, &a->v[0]), t = text_of(a->c, &a->v[1]);
    *ret = value_bool(start ? str_starts(s, t) : str_ends(s, t));
    return 0;
}

static int f_starts_with(struct jp_args *a, struct value *ret)
{
    return affix(a, true, ret);
}

static int f_ends_with(struct jp_args *a, struct value *ret)
{
    return affix(a, false, ret);
}

static int f_join(struct jp_args *a, struct value *ret)
{
    struct buf b = BUF_INIT;
    if (a->v[0].type != VALUE_STRING)
        return wrong(a, 0);
    if (a->v[1].type != VALUE_LIST)
        return wrong(a, 1);
    for (size_t i = 0; i < a->v[1].u.list->len; i++) {
        const struct value *it = &a->v[1].u.list->items[i];
        if (it->type != VALUE_STRING) {
            buf_release(&b);
            return wrong(a, 1);
        }
        if (i)
            buf_add(&b, a->v[0].u.str.s, a->v[0].u.str.len);
        buf_add(&b, it->u.str.s, it->u.str.len);
    }
    *ret = take_buf(a->c, &b);
    return 0;
}

static int entries(struct jp_args *a, bool keys, struct value *ret)
{
    struct dict_entry *d;
    if (a->v[0].type != VALUE_DICT)
        return wrong(a, 0);
    *ret = value_list(a->c->arena);
    DICT_EACH(a->v[0].u.dict, d)
    list_add(ret->u.list, keys ? d->key : d->val);
    return 0;
}

static int f_keys(struct jp_args *a, struct value *ret)
{
    return entries(a, true, ret);
}

static int f_values(struct jp_args *a, struct value *ret)
{
    return entries(a, false, ret);
}

static int f_length(struct jp_args *a, struct value *ret)
{
    const struct value *v = &a->v[0];
    if (v->type == VALUE_STRING)
        *ret = value_int((int64_t)utf8_count(v->u.str.s, v->u.str.len));
    else if (v->type == VALUE_LIST)
        *ret = value_int((int64_t)v->u.list->len);
    else if (v->type == VALUE_DICT)
        *ret = value_int((int64_t)v->u.dict->len);
    else
        return wrong(a, 0);
    return 0;
}

static int f_merge(struct jp_args *a, struct value *ret)
{
    *ret = value_dict(a->c->arena);
    for (size_t i = 0; i < a->n; i++) {
        if (a->v[i].type != VALUE_DICT)
            return wrong(a, i);
        dict_update(ret->u.dict, a->v[i].u.dict);
    }
    return 0;
}

static int f_not_null(struct jp_args *a, struct value *ret)
{
    *ret = value_null();
    for (size_t i = 0; i < a->n && ret->type == VALUE_NULL; i++)
        *ret = a->v[i];
    return 0;
}

static int f_reverse(struct jp_args *a, struct value *ret)
{
    if (a->v[0].type == VALUE_STRING)
        return call_filter(a->c, &(struct callee){.name = "reverse"}, &a->v[0], NULL, 0, NULL, ret,
                           a->e);
    if (a->v[0].type != VALUE_LIST)
        return wrong(a, 0);
    *ret = value_list(a->c->arena);
    for (size_t i = a->v[0].u.list->len; i-- > 0;)
        list_add(ret->u.list, a->v[0].u.list->items[i]);
    return 0;
}

// Items of the list argument with the key an expression (or the item itself) gives; all numbers or
// all texts.
static int keyed(struct jp_args *a, size_t at, struct sort_item **ret, size_t *n)
{
    if (a->v[at].type != VALUE_LIST)
        return wrong(a, at);
    const struct list *l = a->v[at].u.list;
    *ret = arena_array(a->c->arena, struct sort_item, l->len + 1);
    *n = l->len;
    for (size_t i = 0; i < l->len; i++) {
        struct sort_item *it = &(*ret)[i];
        it->val = it->key = l->items[i];
        int rc = a->ref ? jp_eval(a->c, a->ref, &it->val, &it->key, a->e) : 0;
        if (rc < 0)
            return rc;
        if (!is_num(&it->key) && it->key.type != VALUE_STRING)
            return wrong(a, at);
        if (is_num(&it->key) != is_num(&(*ret)[0].key))
            return wrong(a, at);
    }
    return 0;
}

static int f_sort(struct jp_args *a, struct value *ret)
{
    struct sort_item *items;
    size_t n;
    int rc = keyed(a, 0, &items, &n);
    if (rc >= 0)
        rc = sort_items(a->c, items, n, false, a->e);
    *ret = value_list(a->c->arena);
    for (size_t i = 0; rc >= 0 && i < n; i++)
        list_add(ret->u.list, items[i].val);
    return rc;
}

static int extreme(struct jp_args *a, int sign, struct value *ret)
{
    struct sort_item *items, *best = NULL;
    size_t n;
    int rc = keyed(a, 0, &items, &n), cmp;
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        if (best)
            rc = order_of(a->c, &items[i].key, &best->key, &cmp, a->e);
        if (!best || cmp * sign > 0)
            best = &items[i];
    }
    *ret = best ? best->val : value_null();
    return rc;
}

static int f_max(struct jp_args *a, struct value *ret)
{
    return extreme(a, 1, ret);
}

static int f_min(struct jp_args *a, struct value *ret)
{
    return extreme(a, -1, ret);
}

static int f_map(struct jp_args *a, struct value *ret)
{
    if (!a->ref)
        return wrong(a, 0);
    if (a->v[1].type != VALUE_LIST)
        return wrong(a, 1);
    *ret = value_list(a->c->arena);
    for (size_t i = 0; i < a->v[1].u.list->len; i++) {
        struct value v;
        int rc = jp_eval(a->c, a->ref, &a->v[1].u.list->items[i], &v, a->e);
        if (rc < 0)
            return rc;
        list_add(ret->u.list, v);
    }
    return 0;
}

static int f_to_array(struct jp_args *a, struct value *ret)
{
    *ret = a->v[0].type == VALUE_LIST ? a->v[0] : list_from(a->c, a->v, 1);
    return 0;
}

static int f_to_number(struct jp_args *a, struct value *ret)
{
    const struct value *v = &a->v[0];
    int64_t i;
    double f;
    *ret = value_null();
    if (is_num(v))
        *ret = *v;
    else if (v->type == VALUE_STRING && parse_int(v->u.str.s, v->u.str.len, 10, &i))
        *ret = value_int(i);
    else if (v->type == VALUE_STRING && parse_float(v->u.str.s, v->u.str.len, &f))
        *ret = value_float(f);
    return 0;
}

static int f_to_string(struct jp_args *a, struct value *ret)
{
    struct json_opts o = {.ascii = true, .compact = true};
    struct buf b = BUF_INIT;
    *ret = a->v[0];
    if (ret->type == VALUE_STRING)
        return 0;
    json_write(&b, &a->v[0], &o);
    *ret = take_buf(a->c, &b);
    return 0;
}

static int f_type(struct jp_args *a, struct value *ret)
{
    static const char *const names[] = {
        [VALUE_NULL] = "null",    [VALUE_BOOL] = "boolean",  [VALUE_INT] = "number",
        [VALUE_FLOAT] = "number", [VALUE_STRING] = "string", [VALUE_LIST] = "array",
        [VALUE_DICT] = "object",
    };
    *ret = value_cstr(a->v[0].type <= VALUE_DICT ? names[a->v[0].type] : "null");
    return 0;
}

static const struct {
    const char *name;
    jp_function *fn;
    size_t min, max;
    int ref; // which argument is an expression, -1: none
} functions[] = {
    {"abs", f_abs, 1, 1, -1},
    {"avg", f_avg, 1, 1, -1},
    {"ceil", f_ceil, 1, 1, -1},
    {"contains", f_contains, 2, 2, -1},
    {"ends_with", f_ends_with, 2, 2, -1},
    {"floor", f_floor, 1, 1, -1},
    {"join", f_join, 2, 2, -1},
    {"keys", f_keys, 1, 1, -1},
    {"length", f_length, 1, 1, -1},
    {"map", f_map, 2, 2, 0},
    {"max", f_max, 1, 1, -1},
    {"max_by", f_max, 2, 2, 1},
    {"merge", f_merge, 0, 8, -1},
    {"min", f_min, 1, 1, -1},
    {"min_by", f_min, 2, 2, 1},
    {"not_null", f_not_null, 1, 8, -1},
    {"reverse", f_reverse, 1, 1, -1},
    {"sort", f_sort, 1, 1, -1},
    {"sort_by", f_sort, 2, 2, 1},
    {"starts_with", f_starts_with, 2, 2, -1},
    {"sum", f_sum, 1, 1, -1},
    {"to_array", f_to_array, 1, 1, -1},
    {"to_number", f_to_number, 1, 1, -1},
    {"to_string", f_to_string, 1, 1, -1},
    {"type", f_type, 1, 1, -1},
    {"values", f_values, 1, 1, -1},
};

int jp_call(struct call *c, const struct jp_node *n, const struct value *v, struct value *ret,
            struct err *e)
{
    size_t k = 0, count = sizeof functions / sizeof *functions;
    while (k < count && strcmp(functions[k].name, n->text.s) != 0)
        k++;
    if (k == count)
        return fail_with(c, e, "JMESPathError in json_query filter plugin:\nUnknown function: %s()",
                         n->text.s);
    if (n->n_kids < functions[k].min || n->n_kids > functions[k].max)
        return fail_with(c, e,
                         "JMESPathError in json_query filter plugin:\nExpected %zu arguments for "
                         "function %s(), received %zu",
                         functions[k].min, n->text.s, n->n_kids);
    struct jp_args a = {.c = c, .name = functions[k].name, .n = n->n_kids, .e = e};
    for (size_t i = 0; i < n->n_kids; i++) {
        bool ref = n->kids[i]->kind == JP_REF;
        a.v[i] = value_null();
        if (ref && functions[k].ref != (int)i)
            return fail_with(c, e,
                             "JMESPathError in json_query filter plugin:\nIn function %s(), "
                             "invalid type: expression",
                             a.name);
        if (ref) {
            a.ref = n->kids[i]->x;
            continue;
        }
        struct value r;
        int rc = jp_eval(c, n->kids[i], v, &r, e);
        if (rc >= 0)
            rc = plain_of(c, &r, &a.v[i], e);
        if (rc < 0)
            return rc;
    }
    if (functions[k].ref >= 0 && !a.ref)
        return wrong(&a, (size_t)functions[k].ref);
    return functions[k].fn(&a, ret);
}
