// Fuzz target: any text as a template string, a condition, a template file, an expression and a
// literal. The first byte chooses; variables are few and small, and loops are kept short.
#include "core/buf.h"
#include "core/json.h"
#include "fuzz/fuzz.h"
#include "template/template.h"

#include <string.h>

static const char variables[] = "{\"i\": 7, \"f\": 2.5, \"t\": true, \"n\": null, \"s\": "
                                "\"hello\", \"u\": \"\\u00e4\\u20ac\", \"l\": [3, 1, 2],"
                                "\"d\": {\"a\": 1, \"b\": {\"c\": [1, 2]}}, \"ref\": \"{{ s }}\", "
                                "\"rec\": \"{{ rec }}\", \"bad\": \"{{ 1 + }}\"}";

static int get_var(void *data, struct arena *a, const char *name, struct value *ret, struct err *e)
{
    const struct value *v = dict_get(data, name);
    (void)a;
    (void)e;
    if (v)
        *ret = *v;
    return v != NULL;
}

static int evaluate(struct templar *t, struct arena *a, char mode, const char *s, size_t len,
                    struct value *ret, struct err *e)
{
    struct value in = value_strn(a, s, len);
    struct template_opts o = TEMPLATE_OPTS_DEFAULT;
    struct list *names;
    bool yes;
    switch (mode % 6) {
    case 0:
        return template_value(t, a, &in, ret, e);
    case 1:
        return template_condition(t, a, &in, &yes, e);
    case 2:
        o.lstrip_blocks = true;
        return template_text(t, a, in.u.str.s, len, NULL, &o, ret, e);
    case 3:
        return template_expression(t, a, in.u.str.s, POS_NONE, ret, e);
    case 4:
        return template_names(t, a, &in, &names, e);
    default:
        t->opts.native = true;
        return template_value(t, a, &in, ret, e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct value vars, ret = value_null();
    struct buf b = BUF_INIT;
    if (size < 1 || size > 4096 || json_parse(a, variables, sizeof variables - 1, &vars, &e) < 0)
        goto out;
    struct templar t = {
        .vars = {get_var, NULL, vars.u.dict}, .opts = TEMPLATE_OPTS_DEFAULT, .max_rounds = 500};
    int rc = evaluate(&t, a, (char)data[0], (const char *)data + 1, size - 1, &ret, &e);
    if (rc < 0 && !e.code)
        __builtin_trap(); // a failure must say why
    if (t.depth || t.session)
        __builtin_trap(); // nothing is left behind
    if (rc == 0)
        value_repr(&b, &ret);
out:
    buf_release(&b);
    err_release(&e);
    arena_free(a);
    return 0;
}
