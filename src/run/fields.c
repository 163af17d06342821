// What the keywords of a task are for its host (or loop item), and what is said of one that cannot
// be evaluated.
#include "run/fields.h"

#include "run/loop.h"

#include <string.h>

static void note_bad(struct bad_field *bad, const char *name, struct err *e)
{
    if (bad->name) {
        err_release(e);
        return;
    }
    bad->name = name;
    bad->e = *e;
}

// One that cannot be evaluated counts as true, which it is to Ansible as a text: nothing is shown,
// nothing ends because of it.
static bool flag(struct exec *x, const char *key, bool dflt, struct bad_field *bad)
{
    int rc = 0;
    struct err e = ERR_INIT;
    bool v = exec_attr_bool(x, key, dflt, &rc, &e);
    if (rc < 0)
        note_bad(bad, key, &e);
    return rc < 0 || v;
}

// Keywords that are asked for later, or not at all.
static void look_at(struct exec *x, const char *key, const char *name, struct value *ret,
                    struct bad_field *bad)
{
    struct err e = ERR_INIT;
    int rc = exec_attr(x, key, ret, &e);
    if (rc < 0)
        note_bad(bad, name, &e);
    if (rc <= 0)
        *ret = value_null();
}

void fields_resolve(struct exec *x, struct bad_field *bad)
{
    struct value v;
    x->check = flag(x, "check_mode", x->run->o.check, bad);
    x->diff = flag(x, "diff", x->run->o.diff, bad);
    look_at(x, "timeout", "timeout", &v, bad);
    x->timeout = v.type == VALUE_INT ? (int)v.u.i : 0;
    x->no_log = flag(x, "no_log", false, bad);
    x->ignore_errors = flag(x, "ignore_errors", false, bad);
    x->ignore_unreachable = flag(x, "ignore_unreachable", false, bad);
    look_at(x, "async", "async_val", &v, bad);
    look_at(x, "poll", "poll", &v, bad);
    look_at(x, "retries", "retries", &v, bad);
    look_at(x, "delay", "delay", &v, bad);
}

int fields_delegate(struct exec *x, struct err *e)
{
    struct value v;
    int rc = exec_attr(x, "delegate_to", &v, e);
    if (rc < 0 && x->run->o.ansible_wording) // shown in the place of the host
        x->delegate_name = value_to_cstr(x->a, node_attr(&x->task->n, "delegate_to"));
    if (rc <= 0)
        return rc;
    const char *name = value_to_cstr(x->a, &v);
    if (!*name)
        return 0;
    const struct run_opts *o = &x->run->o;
    if (o->reach && (rc = o->reach(o->prompt_data, name, e)) < 0)
        return rc;
    x->delegate_name = name;
    x->target = run_host_get(x->run, x->delegate_name, true);
    struct value vars = value_dict(x->a);
    dict_set(vars.u.dict, x->delegate_name, run_hostvars_of(x->run, x->target, x->a));
    dict_set(x->locals, "ansible_delegated_vars", vars);
    return 0;
}

void fields_add_delegated(struct exec *x, struct dict *result)
{
    if (!x->delegate_name || x->target == x->h)
        return;
    struct exec *t = arena_new_of(x->a, struct exec);
    struct value v = value_dict(x->a);
    exec_init(t, x->run, x->target, NULL, x->a);
    static const char *const keys[] = {"ansible_host", "ansible_port", "ansible_user",
                                       "ansible_connection"};
    for (size_t i = 0; i < 4; i++) {
        const char *s = exec_var_str(t, keys[i]);
        if (s)
            dict_set(v.u.dict, keys[i], value_str(x->a, s));
    }
    dict_set(result, "_ansible_delegated_vars", v);
}

// What Ansible has no words of its own for is Python's exception in a result like any other: true,
// and later items are tried.
static bool add_exception(struct exec *x, const struct err *e, struct dict *result)
{
    const char *class = e->code == ERR_FAILED ? x->tpl.exc : NULL;
    if (!class || strncmp(class, "ansible.", 8) == 0 || strcmp(class, "ValueError") == 0 ||
        strcmp(class, "TypeError") == 0)
        return false;
    dict_set(result, "exception", value_strf(x->a, "%s: %s", class, err_msg(e)));
    dict_set(result, "changed", value_bool(false));
    if (x->run->o.ansible_wording)
        dict_del(result, "msg");
    return true;
}

// Of the connection and of how the task runs: Ansible evaluates these before the others, names no
// place and says twice what is wrong.
static bool is_early(const char *field)
{
    return strcmp(field, "check_mode") == 0 || strcmp(field, "diff") == 0 ||
           strcmp(field, "timeout") == 0;
}

void fields_refuse(struct exec *x, const char *field, const struct err *e, struct value *result)
{
    const char *prefix = "";
    struct err twice = ERR_INIT;
    bool of_field = e->code == ERR_UNDEFINED || e->code == ERR_INVALID;
    struct pos pos = of_field ? x->task->n.pos : POS_NONE;
    if (e->code == ERR_UNDEFINED)
        prefix = field ? arena_printf(x->a,
                                      "The field '%s' has an invalid value, which includes an "
                                      "undefined variable. The error was: ",
                                      field)
                       : "The task includes an option with an undefined variable. The error was: ";
    if (e->code == ERR_UNDEFINED && field && is_early(field) && x->run->o.ansible_wording) {
        err_set(&twice, e->code, e->pos, "%s. %s", err_msg(e), err_msg(e));
        e = &twice;
        pos = POS_NONE;
    }
    action_fail(x, result, "%s", task_error(x, prefix, e, pos));
    dict_del(result->u.dict, "changed"); // nothing was tried
    x->aborted = !add_exception(x, e, result->u.dict);
    err_release(&twice);
}
