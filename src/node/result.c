// The arguments and the result of a module.
#include "node/module.h"

#include <stdio.h>
#include <string.h>

int module_fail(struct module *m, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct value msg = value_cstr(arena_vprintf(m->arena, fmt, ap));
    va_end(ap);
    dict_set(m->result, "failed", value_bool(true));
    dict_set(m->result, "msg", msg);
    return ERR_FAILED;
}

int module_fail_err(struct module *m, struct err *e)
{
    int rc = module_fail(m, "%s", err_msg(e));
    err_release(e);
    return rc;
}

void module_changed(struct module *m, bool changed)
{
    dict_set(m->result, "changed", value_bool(changed || dict_bool(m->result, "changed", false)));
}

void module_set(struct module *m, const char *key, struct value v)
{
    dict_set(m->result, key, v);
}

void module_set_str(struct module *m, const char *key, const char *s)
{
    dict_set(m->result, key, s ? value_str(m->arena, s) : value_null());
}

void module_add_diff(struct module *m, struct value diff)
{
    module_record(m, diff);
    if (!m->diff)
        return;
    struct value *had = dict_get(m->result, "diff");
    if (!had) {
        dict_set(m->result, "diff", diff);
        return;
    }
    *had = value_as_list(m->arena, had);
    list_add(had->u.list, diff);
}

void module_diff(struct module *m, const char *before, size_t before_len, const char *after,
                 size_t after_len, const char *before_header, const char *after_header)
{
    if (!module_wants_diff(m))
        return;
    struct value d = value_dict(m->arena);
    dict_set(d.u.dict, "before", value_strn(m->arena, before ? before : "", before_len));
    dict_set(d.u.dict, "after", value_strn(m->arena, after ? after : "", after_len));
    if (before_header)
        dict_set(d.u.dict, "before_header", value_str(m->arena, before_header));
    if (after_header)
        dict_set(d.u.dict, "after_header", value_str(m->arena, after_header));
    module_add_diff(m, d);
}

void module_warn(struct module *m, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct value text = value_cstr(arena_vprintf(m->arena, fmt, ap));
    va_end(ap);
    struct value *list = dict_get(m->result, "warnings");
    if (!list) {
        dict_set(m->result, "warnings", value_list(m->arena));
        list = dict_get(m->result, "warnings");
    }
    list_add(list->u.list, text);
}

bool module_has(const struct module *m, const char *name)
{
    const struct value *v = dict_get(m->args, name);
    return v && v->type != VALUE_NULL;
}

const char *module_str(const struct module *m, const char *name)
{
    const struct value *v = dict_get(m->args, name);
    if (!v || v->type == VALUE_NULL)
        return NULL;
    return v->type == VALUE_STRING ? v->u.str.s : value_to_cstr(m->arena, v);
}

bool module_bool(const struct module *m, const char *name)
{
    return dict_bool(m->args, name, false);
}

int64_t module_int(const struct module *m, const char *name, int64_t dflt)
{
    return dict_int(m->args, name, dflt);
}

const struct list *module_list(const struct module *m, const char *name)
{
    const struct value *v = dict_get(m->args, name);
    return v && v->type == VALUE_LIST ? v->u.list : NULL;
}
