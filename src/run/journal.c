// Undo journals from this side: what a task message asks for, and what results tell of them.
#include "run/internal.h"

#include <stdlib.h>
#include <string.h>

#define INVERSE "andon_undo" // the variable by which a task declares its inverse

// A task that says itself that it changes nothing.
static bool never_changes(const struct exec *x)
{
    const struct value *v = x->task ? node_own(&x->task->n, "changed_when") : NULL;
    if (!v)
        return false;
    return v->type == VALUE_BOOL
               ? !v->u.b
               : v->type == VALUE_STRING && value_parse_bool(v->u.str.s, v->u.str.len) == 0;
}

struct value exec_journal(struct exec *x, const struct module_call *c)
{
    const struct run_opts *o = &x->run->o;
    const char *crash = getenv("ANDON_UNDO_CRASH"); // tests kill the helper in the midst of it
    if (!o->run_id || !o->undo || (x->check && !c->ignore_check))
        return value_null();
    struct value v = value_dict(x->a);
    struct dict *d = v.u.dict;
    dict_set(d, "run", value_cstr(o->run_id));
    dict_set(d, "task", value_int(++x->run->journal_tasks));
    dict_set(d, "name", value_cstr(x->name && !x->no_log ? x->name : ""));
    dict_set(d, "runs", value_int(o->undo_runs));
    dict_set(d, "max_bytes", value_int(o->undo_bytes));
    if (o->undo_required)
        dict_set(d, "required", value_bool(true));
    if (crash)
        dict_set(d, "crash", value_int(atoi(crash)));
    if (x->no_log || x->secret)
        dict_set(d, "hidden", value_bool(true));
    if (never_changes(x))
        dict_set(d, "quiet", value_bool(true));
    if (scope_find(&x->scopes, INVERSE)) {
        const char *inverse = exec_var_str(x, INVERSE);
        if (inverse)
            dict_set(d, "inverse", value_cstr(inverse));
    }
    return v;
}

static bool give_up(struct exec *x, const struct value *run, struct value *result)
{
    struct value extra = value_dict(x->a);
    dict_set(extra.u.dict, "op", value_cstr("close"));
    dict_set(extra.u.dict, "run", *run);
    dict_set(extra.u.dict, "by", value_cstr(x->run->o.run_id));
    struct module_call c = {.module = "_undo",
                            .args = value_dict(x->a).u.dict,
                            .extra = extra.u.dict,
                            .bare = true,
                            .as_login = true};
    *result = value_dict(x->a);
    return exec_module(x, &c, result) == 0 && !dict_bool(result->u.dict, "failed", false) &&
           !dict_bool(result->u.dict, "unreachable", false);
}

bool exec_give_up(struct exec *x, struct value *result)
{
    const struct list *runs = x->run->o.gives_up;
    if (!runs || x->check || x->target->gave_up)
        return true;
    x->target->gave_up = true; // the modules that do it come here as well
    for (size_t i = 0; i < runs->len && x->target->gave_up; i++)
        x->target->gave_up = give_up(x, &runs->items[i], result);
    return x->target->gave_up;
}

bool exec_refused(struct exec *x, struct value *result)
{
    if (x->target->refused)
        action_fail(x, result,
                    "the run %s was given up on this host; nothing more of it is done here",
                    x->run->o.run_id);
    return x->target->refused;
}

// Of several modules that make up a task the worst counts.
static int rank(const char *undo)
{
    return !undo ? 0 : strcmp(undo, "yes") == 0 ? 1 : strcmp(undo, "inverse") == 0 ? 2 : 3;
}

static void warn_once(struct exec *x, const char *msg)
{
    const struct run_sink *s = &x->run->o.sink;
    if (x->target->journal_told || !s->warning)
        return;
    x->target->journal_told = true;
    s->warning(s->data, POS_NONE, arena_printf(x->a, "%s: %s", x->target->name, msg));
}

void exec_take_journal(struct exec *x, struct value *result)
{
    static const char *const answers[] = {"yes", "inverse", "no"};
    const struct value *v = dict_get(result->u.dict, "_andon");
    if (dict_bool(result->u.dict, "_andon_given_up", false)) {
        x->target->refused = true;
        dict_del(result->u.dict, "_andon_given_up");
    }
    if (!v)
        return;
    const struct dict *d = v->type == VALUE_DICT ? v->u.dict : value_dict(x->a).u.dict;
    const char *undo = dict_str(d, "undo", "");
    const struct value *after = dict_get(d, "after");
    for (int i = 0; i < 3; i++)
        if (strcmp(undo, answers[i]) == 0 && rank(answers[i]) > rank(x->undo))
            x->undo = answers[i];
    if (after && after->type == VALUE_DICT) {
        if (x->undo_after.type != VALUE_DICT)
            x->undo_after = value_dict(x->a);
        dict_update(x->undo_after.u.dict, after->u.dict);
    }
    const char *trouble = dict_str(d, "trouble", NULL), *half = dict_str(d, "half", NULL);
    if (trouble)
        warn_once(x,
                  arena_printf(x->a, "%s; not all this run changes there can be undone", trouble));
    if (half && *x->task->module != '_') // an undo knows its own
        warn_once(x, arena_printf(x->a,
                                  "the undo of run %s was interrupted, and a part of it alone "
                                  "is put back: 'andon undo %s' finishes it",
                                  half, half));
    dict_del(result->u.dict, "_andon");
}

void exec_tell_journal(struct exec *x, struct dict *result)
{
    bool changed = dict_bool(result, "changed", false);
    if (!x->run->o.run_id || !x->run->o.undo || x->check || !x->on_host || !(changed || x->undo))
        return;
    dict_set(result, "_andon_undo", value_cstr(x->undo ? x->undo : "no"));
    if (x->undo_after.type == VALUE_DICT)
        dict_set(result, "_andon_after", x->undo_after);
}
