// Which changes of modules cannot be undone, and why.
#include "spec/spec.h"

#include <string.h>

static bool is_one_of(const char *s, const char *values)
{
    size_t n = strlen(s);
    while (*values) {
        size_t len = strcspn(values, "|");
        if (len == n && memcmp(values, s, n) == 0)
            return true;
        values += len + (values[len] == '|');
    }
    return false;
}

static bool applies(const struct module_spec *spec, const struct undo_limit *l,
                    const struct dict *args)
{
    const struct param *p = l->param ? spec_param(spec, l->param) : NULL;
    const struct value *v = l->param && args ? dict_get(args, l->param) : NULL;
    if (!l->param)
        return true;
    if (!l->values)
        return v && v->type != VALUE_NULL;
    const char *s = v && v->type == VALUE_STRING            ? v->u.str.s
                    : (!v || v->type == VALUE_NULL) && p    ? p->dflt
                    : v && v->type == VALUE_BOOL && v->u.b  ? "yes"
                    : v && v->type == VALUE_BOOL && !v->u.b ? "no"
                                                            : NULL;
    return s && is_one_of(s, l->values);
}

const char *spec_no_undo(const struct module_spec *spec, const struct dict *args)
{
    if (!spec)
        return "it is no module of andon's own, and what it changes is not known";
    for (const struct undo_limit *l = spec->no_undo; l && l->why; l++)
        if (applies(spec, l, args))
            return l->why;
    return spec->flags & MODULE_UNDO ? NULL : "andon keeps nothing of what this module changes";
}
