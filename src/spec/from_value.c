// Argument specifications that are values (a role's meta/argument_specs.yml) as tables of
// parameters.
#include "spec/internal.h"

#include "core/buf.h"

#include <string.h>

#define MAX_DEPTH 8

static const struct {
    const char *name;
    enum param_type type;
} types[] = {
    {"str", PARAM_STR},      {"path", PARAM_PATH},   {"int", PARAM_INT},
    {"float", PARAM_FLOAT},  {"bool", PARAM_BOOL},   {"list", PARAM_LIST},
    {"dict", PARAM_DICT},    {"raw", PARAM_RAW},     {"jsonarg", PARAM_JSONARG},
    {"json", PARAM_JSONARG}, {"bytes", PARAM_BYTES}, {"bits", PARAM_BITS},
};

static int type_of(const struct value *name, enum param_type dflt, const char *param,
                   enum param_type *ret, struct err *e)
{
    *ret = dflt;
    if (!name || name->type == VALUE_NULL)
        return 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (value_eqs(name, types[i].name)) {
            *ret = types[i].type;
            return 0;
        }
    return err_set(e, ERR_INVALID, value_pos(name), "the type of the argument '%s' is not known",
                   param);
}

// The items as "a|b", or NULL when there are none.
static const char *joined(struct arena *a, const struct value *v)
{
    struct buf b = BUF_INIT;
    if (!v || v->type != VALUE_LIST || !v->u.list->len)
        return NULL;
    for (size_t i = 0; i < v->u.list->len; i++)
        buf_addf(&b, "%s%s", i ? "|" : "", value_to_cstr(a, &v->u.list->items[i]));
    const char *s = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return s;
}

static int make_rows(const struct dict *options, struct arena *a, int depth, struct param **ret,
                     struct err *e);

static int make_row(const char *name, const struct dict *d, struct arena *a, int depth,
                    struct param *row, struct err *e)
{
    const struct value *sub = dict_get(d, "options");
    struct param *rows = NULL;
    int rc = type_of(dict_get(d, "type"), PARAM_STR, name, &row->type, e);
    if (rc == 0)
        rc = type_of(dict_get(d, "elements"), PARAM_RAW, name, &row->elements, e);
    if (rc == 0 && sub && sub->type == VALUE_DICT)
        rc = make_rows(sub->u.dict, a, depth + 1, &rows, e);
    row->name = name;
    row->sub = rows;
    row->flags = dict_bool(d, "required", false) ? PARAM_REQUIRED : 0;
    row->choices = joined(a, dict_get(d, "choices"));
    row->aliases = joined(a, dict_get(d, "aliases"));
    return rc;
}

static int make_rows(const struct dict *options, struct arena *a, int depth, struct param **ret,
                     struct err *e)
{
    struct param *rows = arena_array(a, struct param, options->len + 1);
    const struct dict *none = value_dict(a).u.dict;
    struct dict_entry *it;
    size_t n = 0;
    if (depth > MAX_DEPTH)
        return err_set(e, ERR_LIMIT, POS_NONE, "the argument specification is nested too deep");
    DICT_EACH(options, it)
    {
        const struct dict *d = it->val.type == VALUE_DICT ? it->val.u.dict : none;
        int rc = make_row(value_to_cstr(a, &it->key), d, a, depth, &rows[n++], e);
        if (rc < 0)
            return rc;
    }
    *ret = rows;
    return 0;
}

// args with the defaults of those that are not given.
static struct dict *with_defaults(const struct dict *options, struct arena *a,
                                  const struct dict *args)
{
    struct dict *ret = value_dict(a).u.dict;
    struct dict_entry *it;
    dict_update(ret, args);
    DICT_EACH(options, it)
    {
        if (it->val.type != VALUE_DICT)
            continue;
        const struct value *dflt = dict_get(it->val.u.dict, "default"),
                           *sub = dict_get(it->val.u.dict, "options");
        if (!dict_getv(ret, &it->key) && dflt && dflt->type != VALUE_NULL)
            dict_setv(ret, it->key, *dflt);
        struct value *v = dict_getv(ret, &it->key);
        if (!v || !sub || sub->type != VALUE_DICT)
            continue;
        if (v->type == VALUE_DICT)
            v->u.dict = with_defaults(sub->u.dict, a, v->u.dict);
        if (v->type != VALUE_LIST)
            continue;
        struct value list = value_list(a);
        for (size_t i = 0; i < v->u.list->len; i++) {
            struct value item = v->u.list->items[i];
            if (item.type == VALUE_DICT)
                item.u.dict = with_defaults(sub->u.dict, a, item.u.dict);
            list_add(list.u.list, item);
        }
        *v = list;
    }
    return ret;
}

int spec_validate_value(const struct dict *options, struct arena *a, const struct dict *args,
                        struct list *ret_errors, struct err *e)
{
    struct param *rows;
    int rc = make_rows(options, a, 0, &rows, e);
    if (rc < 0)
        return rc;
    struct module_spec spec = {.name = "validate_argument_spec", .params = rows};
    return spec_validate_all(&spec, a, with_defaults(options, a, args), ret_errors, e);
}
