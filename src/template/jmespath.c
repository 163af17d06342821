// Evaluation of JMESPath, and the json_query filter.
#include "template/jmespath.h"

#include "template/pysort.h"
#include "template/rows.h"

#include <string.h>

bool jp_truth(const struct value *v)
{
    switch ((enum value_type)v->type) {
    case VALUE_NULL:
    case VALUE_UNDEFINED:
        return false;
    case VALUE_BOOL:
        return v->u.b;
    case VALUE_STRING:
        return v->u.str.len > 0;
    case VALUE_LIST:
        return v->u.list->len > 0;
    case VALUE_DICT:
        return v->u.dict->len > 0;
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_OBJECT:
        break;
    }
    return true;
}

bool jp_equal(const struct value *x, const struct value *y)
{
    bool bx = x->type == VALUE_BOOL, by = y->type == VALUE_BOOL;
    return bx == by && value_equal(x, y);
}

static int eval_slice(struct call *c, const struct jp_node *n, const struct value *v,
                      struct value *ret, struct err *e)
{
    *ret = value_null();
    if (v->type != VALUE_LIST)
        return 0;
    int64_t len = (int64_t)v->u.list->len, step = n->given[2] ? n->part[2] : 1, b[2];
    if (step == 0)
        return fail_with(c, e, "slice step cannot be zero");
    for (int i = 0; i < 2; i++) {
        int64_t k = n->part[i], low = step > 0 ? 0 : -1, high = step > 0 ? len : len - 1;
        if (!n->given[i])
            k = (i == 0) == (step > 0) ? low : high;
        else
            k = k < 0 ? (k + len < low ? low : k + len) : k > high ? high : k;
        b[i] = k;
    }
    *ret = value_list(c->arena);
    for (int64_t i = b[0]; step > 0 ? i < b[1] : i > b[1]; i += step)
        list_add(ret->u.list, v->u.list->items[i]);
    return 0;
}

// y on every item that passes z; results that are null are dropped.
static int project(struct call *c, const struct jp_node *n, const struct list *items,
                   struct value *ret, struct err *e)
{
    *ret = value_list(c->arena);
    for (size_t i = 0; i < items->len; i++) {
        struct value v;
        int rc = 0;
        if (n->kind == JP_FILTER) {
            rc = jp_eval(c, n->z, &items->items[i], &v, e);
            if (rc >= 0 && !jp_truth(&v))
                continue;
        }
        if (rc >= 0)
            rc = jp_eval(c, n->y, &items->items[i], &v, e);
        if (rc < 0)
            return rc;
        if (v.type != VALUE_NULL)
            list_add(ret->u.list, v);
    }
    return 0;
}

static int eval_projection(struct call *c, const struct jp_node *n, const struct value *x,
                           struct value *ret, struct err *e)
{
    struct value values = value_list(c->arena);
    struct dict_entry *d;
    *ret = value_null();
    if (n->kind != JP_VALUES)
        return x->type == VALUE_LIST ? project(c, n, x->u.list, ret, e) : 0;
    if (x->type != VALUE_DICT)
        return 0;
    DICT_EACH(x->u.dict, d)
    list_add(values.u.list, d->val);
    return project(c, n, values.u.list, ret, e);
}

static int eval_kids(struct call *c, const struct jp_node *n, const struct value *v,
                     struct value *ret, struct err *e)
{
    int rc = 0;
    *ret = value_null();
    if (v->type == VALUE_NULL)
        return 0;
    *ret = n->kind == JP_LIST ? value_list(c->arena) : value_dict(c->arena);
    for (size_t i = 0; i < n->n_kids && rc >= 0; i++) {
        struct value k;
        rc = jp_eval(c, n->kids[i], v, &k, e);
        if (rc >= 0 && n->kind == JP_LIST)
            list_add(ret->u.list, k);
        else if (rc >= 0)
            dict_setv(ret->u.dict, value_ref(n->names[i].s, n->names[i].len), k);
    }
    return rc;
}

static int compare(struct call *c, const struct jp_node *n, const struct value *v,
                   struct value *ret, struct err *e)
{
    struct value x, y;
    double a, b;
    int rc = jp_eval(c, n->x, v, &x, e);
    if (rc >= 0)
        rc = jp_eval(c, n->y, v, &y, e);
    if (rc < 0)
        return rc;
    if (n->op == '=' || n->op == '!') {
        *ret = value_bool(jp_equal(&x, &y) == (n->op == '='));
        return 0;
    }
    *ret = value_null();
    bool numbers =
        x.type != VALUE_BOOL && y.type != VALUE_BOOL && number_of(&x, &a) && number_of(&y, &b);
    int cmp = 0;
    if (!numbers && !(x.type == VALUE_STRING && y.type == VALUE_STRING &&
                      value_compare(&x, &y, &cmp, NULL) >= 0))
        return 0;
    if (numbers)
        cmp = a < b ? -1 : a > b;
    *ret = value_bool(n->op == '<'   ? cmp < 0
                      : n->op == 'l' ? cmp <= 0
                      : n->op == '>' ? cmp > 0
                                     : cmp >= 0);
    return 0;
}

static void flatten(struct call *c, const struct value *v, struct value *ret)
{
    *ret = value_null();
    if (v->type != VALUE_LIST)
        return;
    *ret = value_list(c->arena);
    for (size_t i = 0; i < v->u.list->len; i++) {
        const struct value *it = &v->u.list->items[i];
        if (it->type != VALUE_LIST)
            list_add(ret->u.list, *it);
        for (size_t k = 0; it->type == VALUE_LIST && k < it->u.list->len; k++)
            list_add(ret->u.list, it->u.list->items[k]);
    }
}

static struct value item_at(const struct value *v, int64_t n)
{
    if (v->type != VALUE_LIST)
        return value_null();
    int64_t len = (int64_t)v->u.list->len, i = n < 0 ? n + len : n;
    return i < 0 || i >= len ? value_null() : v->u.list->items[i];
}

int jp_eval(struct call *c, const struct jp_node *n, const struct value *in, struct value *ret,
            struct err *e)
{
    struct value v, x, *hit;
    int rc = plain_of(c, in, &v, e);
    if (rc < 0)
        return rc;
    if (v.type == VALUE_UNDEFINED)
        return fail_undefined(c, &v, e);
    switch ((int)n->kind) {
    case JP_IDENTITY:
    case JP_CURRENT:
        *ret = v;
        return 0;
    case JP_FIELD:
        hit = v.type == VALUE_DICT ? dict_getn(v.u.dict, n->text.s, n->text.len) : NULL;
        *ret = hit ? *hit : value_null();
        return 0;
    case JP_LITERAL:
        *ret = n->val;
        return 0;
    case JP_LIST:
    case JP_HASH:
        return eval_kids(c, n, &v, ret, e);
    case JP_COMPARE:
        return compare(c, n, &v, ret, e);
    case JP_CALL:
        return jp_call(c, n, &v, ret, e);
    case JP_REF:
        return fail_with(
            c, e, "JMESPathError in json_query filter plugin:\nan expression type is no value");
    default:
        break;
    }
    rc = jp_eval(c, n->x, &v, &x, e);
    if (rc < 0)
        return rc;
    switch ((int)n->kind) {
    case JP_SUB:
        return jp_eval(c, n->y, &x, ret, e);
    case JP_INDEX:
        *ret = item_at(&x, n->n);
        return 0;
    case JP_SLICE:
        return eval_slice(c, n, &x, ret, e);
    case JP_FLATTEN:
        flatten(c, &x, ret);
        return 0;
    case JP_NOT:
        *ret = value_bool(!jp_truth(&x));
        return 0;
    case JP_OR:
    case JP_AND:
        *ret = x;
        return jp_truth(&x) == (n->kind == JP_AND) ? jp_eval(c, n->y, &v, ret, e) : 0;
    default:
        return eval_projection(c, n, &x, ret, e);
    }
}

// json_query: What a JMESPath expression finds in the data.
BUILTIN(filter_json_query)
{
    struct text expr;
    struct jp_node *n;
    int rc = args_read(c, e, "expr:s!", &expr);
    if (rc >= 0)
        rc = jp_parse(c, expr, &n, e);
    return rc < 0 ? rc : jp_eval(c, n, &c->self, ret, e);
}
