// Evaluates templates given as JSON lines on stdin and writes the results as JSON lines: our side
// of the comparison with Ansible (tests/oracle/template.py). in:  {"template": ..., "vars": {...},
// "mode": "value|condition|text|expression", "dirs": [...], "unsafe": [names], "all": vars is
// known} out: {"repr": "...", "type": "...", "unsafe": false} or {"error": "...", "code": N,
// "line": N, "col": N}
#include "core/json.h"
#include "template/hooks.h"
#include "template_case.h"
#include "yaml/yaml.h"

#include <stdio.h>
#include <stdlib.h>

static int yaml_load(struct arena *a, const char *text, size_t len, bool all, struct value *ret,
                     struct err *e)
{
    return all ? yaml_parse_all(a, text, len, "<unicode string>", NULL, ret, e)
               : yaml_parse(a, text, len, "<unicode string>", NULL, ret, e);
}

// True when any text in v would not be templated again.
static bool has_unsafe(const struct value *v)
{
    struct dict_entry *d;
    bool found = v->type == VALUE_STRING && v->flags & VALUE_UNSAFE;
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len && !found; i++)
        found = has_unsafe(&v->u.list->items[i]);
    if (v->type == VALUE_DICT)
        DICT_EACH(v->u.dict, d)
    found = found || has_unsafe(&d->val);
    return found;
}

static void answer(struct arena *a, int rc, const struct value *v, const struct err *e)
{
    struct value out = value_dict(a);
    struct buf b = BUF_INIT;
    if (rc < 0) {
        dict_set(out.u.dict, "error", value_str(a, err_msg(e)));
        dict_set(out.u.dict, "code", value_int(rc));
        dict_set(out.u.dict, "line", value_int(e->pos.line));
        dict_set(out.u.dict, "col", value_int(e->pos.col));
    } else {
        value_repr(&b, v);
        dict_set(out.u.dict, "repr", value_strn(a, buf_str(&b), b.len));
        dict_set(out.u.dict, "type", value_str(a, value_type_name(v)));
        dict_set(out.u.dict, "unsafe", value_bool(has_unsafe(v)));
    }
    buf_clear(&b);
    json_write(&b, &out, NULL);
    printf("%s\n", buf_str(&b));
    fflush(stdout);
    buf_release(&b);
}

static void one(struct template_cache *cache, const char *line, size_t len)
{
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct value in, ret = value_null();
    int rc = json_parse(a, line, len, &in, &e);
    if (rc == 0 && in.type != VALUE_DICT)
        rc = err_set(&e, ERR_INVALID, POS_NONE, "an object is wanted");
    if (rc == 0)
        rc = template_case_run(cache, a, in.u.dict, &ret, &e);
    answer(a, rc, &ret, &e);
    err_release(&e);
    arena_free(a);
}

int main(void)
{
    struct template_cache *cache = template_cache_new();
    template_hooks.yaml_load = yaml_load;
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while ((n = getline(&line, &cap, stdin)) > 0)
        one(cache, line, (size_t)n);
    free(line);
    template_cache_free(cache);
    return 0;
}
