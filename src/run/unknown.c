// What a check run cannot know. A task that depends on it is deferred: its result says why, and
// what it registers is unknown to the tasks behind it.
#include "core/file.h"
#include "run/loop.h"

#include <string.h>
#include <strings.h>

bool exec_defers(const struct exec *x)
{
    return x->run->o.defer_unknown && x->check;
}

const char *exec_where(struct exec *x)
{
    struct pos pos = x->told->n.pos;
    const char *file = src_name(pos.file), *base = run_basedir(x->run);
    size_t n = base ? strlen(base) : 0;
    if (n && strncmp(file, base, n) == 0 && file[n] == '/')
        file += n + 1;
    return pos.line ? arena_printf(x->a, "task '%s' (%s:%u)", x->name, file, pos.line)
                    : arena_printf(x->a, "task '%s'", x->name);
}

void exec_unknown(struct exec *x, const struct err *e)
{
    if (!x->unknown)
        x->unknown = arena_printf(x->a, "depends on %s", err_msg(e));
    x->fail_pos = e->pos;
}

void exec_maybe(struct exec *x, const char *why)
{
    x->maybe = true;
    x->unknown = why;
}

// changed_when: false, in so many words.
bool task_never_changes(const struct task *t)
{
    const struct value *v = node_own(&t->n, "changed_when");
    if (v && v->type == VALUE_LIST && v->u.list->len == 1)
        v = &v->u.list->items[0];
    return v && (v->type == VALUE_BOOL     ? !v->u.b
                 : v->type == VALUE_STRING ? value_parse_bool(v->u.str.s, v->u.str.len) == 0
                                           : false);
}

void unknown_result(struct exec *x, struct value *result)
{
    *result = value_dict(x->a);
    struct dict *d = result->u.dict;
    dict_set(d, "changed", value_bool(false));
    dict_set(d, "msg", value_str(x->a, x->unknown));
    dict_set(d, TEMPLATE_UNKNOWN, value_str(x->a, x->unknown));
    if (x->maybe)
        dict_set(d, TEMPLATE_MAY_SKIP, value_bool(true));
}

bool task_runs_command(const struct task *t)
{
    static const char *const modules[] = {"command", "expect", "raw", "script", "shell"};
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (strcmp(t->module, modules[i]) == 0)
            return true;
    return false;
}

// One result as later tasks see it: what a run would add is unknown.
static void mark(struct exec *x, struct dict *d, const char *name, const char *after)
{
    static const char *const output[] = {"rc",  "stdout", "stderr", "stdout_lines", "stderr_lines",
                                         "cmd", "start",  "end",    "delta"};
    bool unknown = dict_get(d, TEMPLATE_UNKNOWN);
    if (!unknown && result_status(d) != STATUS_CHANGED)
        return;
    // a command that was not run printed nothing
    for (size_t i = 0; task_runs_command(x->task) && i < sizeof output / sizeof *output; i++)
        dict_del(d, output[i]);
    if (unknown) {
        dict_del(d, "changed");
        dict_del(d, "failed");
        dict_del(d, "msg");
        if (task_never_changes(x->task) && !dict_get(d, TEMPLATE_MAY_SKIP))
            dict_set(d, "changed", value_bool(false));
    }
    template_mark_unknown(x->a, d, name, after);
}

struct value unknown_registered(struct exec *x, const char *name, const struct value *result)
{
    struct value v = value_copy(x->a, result);
    struct dict *d = v.u.dict;
    const char *after = arena_printf(x->a, ", known once %s has run", exec_where(x));
    struct value *results = dict_get(d, "results");
    if (dict_get(d, TEMPLATE_UNKNOWN) && dict_get(d, TEMPLATE_MAY_SKIP))
        return template_unknown(x->a, arena_printf(x->a, "%s%s", name, after));
    for (size_t i = 0; results && results->type == VALUE_LIST && i < results->u.list->len; i++)
        if (results->u.list->items[i].type == VALUE_DICT)
            mark(x, results->u.list->items[i].u.dict, name, after);
    if (!results || dict_get(d, TEMPLATE_UNKNOWN))
        mark(x, d, name, after);
    return v;
}

static void unknown_facts(struct exec *x, const struct dict *names)
{
    struct dict *facts = value_dict(x->a).u.dict;
    struct dict_entry *it;
    DICT_EACH(names, it)
    {
        const char *name = value_to_cstr(x->a, &it->key);
        if (strcmp(name, "cacheable") != 0)
            dict_set(facts, name,
                     template_unknown(x->a, arena_printf(x->a, "%s, known once %s has run", name,
                                                         exec_where(x))));
    }
    store_set_all(x->run, &x->h->set_facts, facts);
}

// set_fact with values some of which are known: those are set, the others are unknown.
static void set_known_facts(struct exec *x)
{
    const struct value *args = &x->task->args;
    struct dict *unknown = value_dict(x->a).u.dict, *known = value_dict(x->a).u.dict;
    struct dict_entry *it;
    if (args->type != VALUE_DICT)
        return;
    DICT_EACH(args->u.dict, it)
    {
        struct value v;
        bool ok = !x->maybe && exec_template(x, &it->val, &v, NULL) == 0;
        if (ok)
            dict_setv(known, it->key, v);
        else
            dict_setv(unknown, it->key, it->val);
    }
    dict_del(known, "cacheable");
    store_set_all(x->run, &x->h->set_facts, known);
    unknown_facts(x, unknown);
}

// What the deferred task would have defined is unknown from now on.
void unknown_effects(struct exec *x)
{
    const char *module = x->task->module;
    if (strcmp(module, "set_fact") == 0)
        set_known_facts(x);
    else if (x->task->kind == TASK_INCLUDE_TASKS || x->task->kind == TASK_INCLUDE_ROLE ||
             strcmp(module, "include_vars") == 0)
        x->h->unknown_names = arena_printf(x->run->arena, "which %s may define", exec_where(x));
    if (!x->foreseen)
        foresee_unknown(x);
}
