// Evaluates one described case: shared by the unit tests and the tool the comparison with Ansible
// talks to.
#include "template_case.h"

#include <string.h>

static int get_var(void *data, struct arena *a, const char *name, struct value *ret, struct err *e)
{
    const struct value *v = dict_get(data, name);
    (void)a;
    (void)e;
    if (v)
        *ret = *v;
    return v != NULL;
}

static int all_vars(void *data, struct arena *a, struct dict **ret, struct err *e)
{
    (void)a;
    (void)e;
    *ret = data;
    return 0;
}

static int text(struct templar *t, struct arena *a, const struct dict *in, const struct value *tpl,
                struct value *ret, struct err *e)
{
    struct template_opts o = TEMPLATE_OPTS_DEFAULT;
    o.trim_blocks = dict_bool(in, "trim_blocks", true);
    o.lstrip_blocks = dict_bool(in, "lstrip_blocks", false);
    return template_text(t, a, tpl->u.str.s, tpl->u.str.len, NULL, &o, ret, e);
}

static int evaluate(struct templar *t, struct arena *a, const struct dict *in, struct value *ret,
                    struct err *e)
{
    const char *mode = dict_str(in, "mode", "value");
    const struct value *tpl = dict_get(in, "template");
    bool yes = false;
    if (!tpl)
        return err_set(e, ERR_INVALID, POS_NONE, "no template given");
    if (strcmp(mode, "condition") == 0) {
        int rc = template_condition(t, a, tpl, &yes, e);
        *ret = value_bool(yes);
        return rc;
    }
    if (tpl->type == VALUE_STRING && strcmp(mode, "text") == 0)
        return text(t, a, in, tpl, ret, e);
    if (tpl->type == VALUE_STRING && strcmp(mode, "expression") == 0)
        return template_expression(t, a, tpl->u.str.s, POS_NONE, ret, e);
    return template_value(t, a, tpl, ret, e);
}

int template_case_run(struct template_cache *cache, struct arena *a, const struct dict *in,
                      struct value *ret, struct err *e)
{
    struct value none = value_dict(a);
    const struct value *vars = dict_get(in, "vars"), *dirs = dict_get(in, "dirs");
    const struct value *unsafe = dict_get(in, "unsafe");
    struct dict *d = vars && vars->type == VALUE_DICT ? vars->u.dict : none.u.dict;
    const char *paths[16];
    size_t n = 0;
    for (size_t i = 0; dirs && dirs->type == VALUE_LIST && i < dirs->u.list->len && n < 16; i++)
        if (dirs->u.list->items[i].type == VALUE_STRING)
            paths[n++] = dirs->u.list->items[i].u.str.s;
    for (size_t i = 0; unsafe && unsafe->type == VALUE_LIST && i < unsafe->u.list->len; i++) {
        struct value *v = dict_getv(d, &unsafe->u.list->items[i]);
        if (v)
            value_mark_unsafe(v);
    }
    struct templar t = {.cache = cache,
                        .vars = {get_var, dict_bool(in, "all", false) ? all_vars : NULL, d},
                        .paths = {paths, n, n ? paths[0] : "."},
                        .opts = TEMPLATE_OPTS_DEFAULT};
    t.opts.native = dict_bool(in, "native", false);
    return evaluate(&t, a, in, ret, e);
}
