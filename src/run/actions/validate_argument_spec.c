// validate_argument_spec: the variables of a role against its argument specification.
#include "core/buf.h"
#include "run/actions/actions.h"
#include "spec/spec.h"

// What the host's variables hold of the arguments, and over it what was provided.
static int collect(struct exec *x, const struct dict *options, const struct value *provided,
                   struct dict **ret, struct err *e)
{
    struct dict *d = value_dict(x->a).u.dict;
    struct dict_entry *it;
    DICT_EACH(options, it)
    {
        struct value v;
        int rc = exec_var(x, value_to_cstr(x->a, &it->key), &v, e);
        if (rc < 0)
            return rc;
        if (rc > 0)
            dict_setv(d, it->key, v);
    }
    if (provided && provided->type == VALUE_DICT)
        inventory_combine(d, provided->u.dict, x->run->merge_hashes);
    *ret = d;
    return 0;
}

static int refuse(struct exec *x, const struct value *spec, const struct list *errors,
                  struct value *result)
{
    struct buf b = BUF_INIT;
    struct value list = {.type = VALUE_LIST};
    list.u.list = (struct list *)(uintptr_t)errors;
    buf_adds(&b, "Validation of arguments failed:");
    for (size_t i = 0; i < errors->len; i++)
        buf_addf(&b, "\n%s", errors->items[i].u.str.s);
    dict_set(result->u.dict, "argument_spec_data", *spec);
    dict_set(result->u.dict, "argument_errors", list);
    action_fail(x, result, "%s", buf_str(&b));
    buf_release(&b);
    return ERR_FAILED;
}

int action_validate_argument_spec(struct exec *x, struct dict *args, struct value *result)
{
    const struct value *spec = dict_get(args, "argument_spec"),
                       *provided = dict_get(args, "provided_arguments"),
                       *context = dict_get(args, "validate_args_context");
    struct list *errors = value_list(x->a).u.list;
    struct err e = ERR_INIT;
    struct dict *given;
    dict_set(result->u.dict, "validate_args_context", context ? *context : value_dict(x->a));
    if (!spec)
        return action_fail(x, result, "\"argument_spec\" arg is required in args");
    if (spec->type != VALUE_DICT)
        return action_fail(x, result, "Incorrect type for argument_spec, expected dict and got %s",
                           value_type_name(spec));
    if (provided && provided->type != VALUE_DICT)
        return action_fail(x, result,
                           "Incorrect type for provided_arguments, expected dict and got %s",
                           value_type_name(provided));
    int rc = collect(x, spec->u.dict, provided, &given, &e);
    if (rc == 0)
        rc = spec_validate_value(spec->u.dict, x->a, given, errors, &e);
    if (rc < 0) {
        action_fail(x, result, "%s", task_error(x, "", &e, POS_NONE));
        err_release(&e);
        return rc;
    }
    if (errors->len)
        return refuse(x, spec, errors, result);
    dict_set(result->u.dict, "msg", value_cstr("The arg spec validation passed"));
    return 0;
}
