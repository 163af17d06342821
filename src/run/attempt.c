// The attempts of a task (until, retries, delay), and what changed_when and failed_when make of
// each result.
#include "run/foreign.h"
#include "run/internal.h"
#include "run/loop.h"

#include <stdlib.h>
#include <string.h>

static int eval_cond_list(struct exec *x, const struct value *cond, const struct dict *result,
                          bool *ret, struct err *e)
{
    // the result's own fields are visible under the registered name
    const struct value *reg = node_own(&x->task->n, "register");
    if (reg && reg->type == VALUE_STRING) {
        struct value v = {.type = VALUE_DICT};
        v.u.dict = (struct dict *)(uintptr_t)result;
        dict_set(x->locals, reg->u.str.s, v);
    }
    task_warn_condition(x, cond);
    return template_condition(&x->tpl, x->a, cond, ret, e);
}

static void apply_when_field(struct exec *x, const char *key, struct dict *result, bool *is_set)
{
    const struct value *cond = node_own(&x->task->n, key);
    struct err e = ERR_INIT;
    bool v;
    *is_set = false;
    if (!cond || cond->type == VALUE_NULL)
        return;
    const struct value empty = *cond;
    if (empty.type == VALUE_LIST && !empty.u.list->len)
        return;
    if (eval_cond_list(x, cond, result, &v, &e) < 0) {
        const char *why = task_error(x, "", &e, POS_NONE);
        dict_set(result, "failed", value_bool(true));
        dict_set(result, arena_printf(x->a, "%s_result", key), value_cstr(why));
        if (!x->run->o.ansible_wording)
            dict_set(result, "msg", value_cstr(why));
        err_release(&e);
        return;
    }
    if (strcmp(key, "failed_when") == 0) {
        dict_set(result, "failed", value_bool(v));
        dict_set(result, "failed_when_result", value_bool(v));
    } else {
        dict_set(result, "changed", value_bool(v));
    }
    *is_set = true;
}

// Runs the action once and puts its result in order.
static void run_action(struct exec *x, struct dict *args, struct value *result)
{
    const struct plugin_module *foreign = foreign_module(x);
    const char *connection = foreign_connection(x);
    action_fn *fn = foreign ? NULL : action_find(x->task->module);
    struct module_call call = {.module = x->task->action, .args = args};
    struct async_task job;
    struct err e = ERR_INIT;
    *result = value_dict(x->a);
    x->as_is = x->final = x->raised = false;
    x->changes = NULL;
    if (async_read(x, &job, &e) < 0)
        action_fail(x, result, "%s", task_error(x, "", &e, x->task->n.pos));
    else if (job.limit > 0 && exec_defers(x))
        x->unknown = "a background job is not started in check mode";
    else if (job.limit > 0)
        async_run(x, &job, args, result);
    else if (connection || (foreign && foreign->action))
        action_plugin(x, connection ? x->task->action : foreign->name, connection, args, result);
    else if (foreign)
        action_foreign(x, foreign, args, NULL, result);
    else if (fn)
        fn(x, args, result);
    else
        exec_module(x, &call, result);
    err_release(&e);
    dict_del(result->u.dict, TEMPLATE_UNKNOWN); // not for a host to say
    if (exec_defers(x))
        foresee(x, args, result);
    struct dict *d = result->u.dict;
    const struct value *rc = dict_get(d, "rc");
    if (!dict_get(d, "failed") && rc && rc->type == VALUE_INT && rc->u.i != 0)
        dict_set(d, "failed", value_bool(true));
    // A failure that is nothing but a message (no way to become the user, a condition that cannot
    // be evaluated) stays that.
    bool bare = (d->len == 2 && dict_bool(d, "failed", false) && dict_get(d, "msg")) || x->raised;
    if (!dict_get(d, "changed") && !bare)
        dict_set(d, "changed", value_bool(false));
    exec_tell_journal(x, d);
}

// The lines of a text, as Python's splitlines. There may be millions: they share one copy of the
// text, and their list is made in one piece.
static struct value lines_of(struct arena *a, const struct value *text)
{
    size_t n = 0;
    char *s = arena_strndup(a, text->u.str.s, text->u.str.len), *end = s + text->u.str.len;
    for (const char *p = s; p < end; p++)
        n += *p == '\n' || *p == '\r';
    struct value lines = value_list_of(a, n + (end > s));
    while (s < end) {
        char *nl = s;
        while (nl < end && *nl != '\n' && *nl != '\r')
            nl++;
        struct value line = {.type = VALUE_STRING, .flags = VALUE_UNSAFE};
        line.u.str.s = s;
        line.u.str.len = (size_t)(nl - s);
        s = nl < end && *nl == '\r' && nl[1] == '\n' ? nl + 2 : nl + 1;
        *nl = '\0';
        list_add(lines.u.list, line);
    }
    return lines;
}

static void add_lines(struct exec *x, struct dict *d)
{
    static const char *const keys[] = {"stdout", "stderr"};
    for (size_t i = 0; i < 2; i++) {
        const struct value *v = dict_get(d, keys[i]);
        const char *name = i ? "stderr_lines" : "stdout_lines";
        if (v && v->type == VALUE_STRING && !dict_get(d, name))
            dict_set(d, name, lines_of(x->a, v));
    }
}

static int int_attr(struct exec *x, const char *key, double dflt, double *ret, struct err *e)
{
    struct value v;
    int rc = exec_attr(x, key, &v, e);
    *ret = dflt;
    if (rc <= 0)
        return rc;
    if (v.type == VALUE_INT)
        *ret = (double)v.u.i;
    else if (v.type == VALUE_FLOAT)
        *ret = v.u.f;
    else if (v.type == VALUE_STRING)
        *ret = strtod(v.u.str.s, NULL);
    return 0;
}

static void tell_retry(struct exec *x, int64_t attempt, int64_t retries, const struct dict *result)
{
    struct retry_event ev = {.task = x->told,
                             .task_name = x->name,
                             .host = x->h->name,
                             .left = retries - attempt,
                             .retries = retries,
                             .attempts = attempt,
                             .result = result};
    if (x->run->o.sink.retry)
        x->run->o.sink.retry(x->run->o.sink.data, &ev);
}

// One attempt of a task: the action, then changed_when, failed_when and until. True when it was the
// last one.
static bool one_attempt(struct exec *x, struct dict *args, const struct value *until,
                        int64_t attempt, int64_t tries, struct value *result)
{
    bool is_set, done = true;
    struct err e = ERR_INIT;
    run_action(x, args, result);
    struct dict *d = result->u.dict;
    enum task_status status = result_status(d);
    if (status == STATUS_UNREACHABLE || x->unknown || x->final)
        return true;
    if (!x->as_is)
        add_lines(x, d);
    if (until && tries > 1)
        dict_set(d, "attempts", value_int(attempt));
    if (!dict_bool(d, "skipped", false) || status == STATUS_FAILED) {
        facts_show(x, d);
        apply_when_field(x, "changed_when", d, &is_set);
        apply_when_field(x, "failed_when", d, &is_set);
    }
    if (!until)
        return true;
    if (eval_cond_list(x, until, d, &done, &e) < 0) {
        *result = value_dict(x->a);
        action_fail(x, result, "%s", task_error(x, "", &e, POS_NONE));
        dict_del(result->u.dict, "changed");
        x->aborted = true;
        err_release(&e);
        return true;
    }
    if (!done && tries > 1 && attempt == tries) {
        dict_set(d, "failed", value_bool(true));
        dict_set(d, "attempts", value_int(tries - 1));
    }
    return done || attempt == tries;
}

// Attempts until one is the last. Each has an arena of its own, which goes once the next attempt
// has ended (its result is visible till then); the last one's stays.
static void retry(struct exec *x, const struct dict *args, const struct value *until, int64_t tries,
                  double delay, struct value *result)
{
    struct arena *outer = x->a, *before = NULL;
    struct value start = {.type = VALUE_DICT, .u.dict = x->locals}, given = {.type = VALUE_DICT};
    given.u.dict = (struct dict *)(uintptr_t)args;
    const struct value *reg = node_own(&x->task->n, "register");
    for (int64_t attempt = 1;; attempt++) {
        x->a = arena_new();
        exec_set_locals(x, value_shallow(x->a, &start).u.dict);
        if (before && reg && reg->type == VALUE_STRING)
            dict_set(x->locals, reg->u.str.s, *result);
        bool last =
            one_attempt(x, value_shallow(x->a, &given).u.dict, until, attempt, tries, result);
        arena_free(before);
        before = x->a;
        x->a = outer;
        if (last)
            break;
        tell_retry(x, attempt, tries, result->u.dict);
        exec_sleep(x, delay);
        if (x->run->interrupted)
            break;
    }
    arena_adopt(outer, before);
}

void task_attempts(struct exec *x, struct dict *args, struct value *result)
{
    const struct value *until = node_own(&x->task->n, "until");
    double retries = 3, delay = 5;
    struct err e = ERR_INIT;
    if (int_attr(x, "retries", 3, &retries, &e) < 0 || int_attr(x, "delay", 5, &delay, &e) < 0) {
        *result = value_dict(x->a);
        action_fail(x, result, "%s", task_error(x, "", &e, x->task->n.pos));
        err_release(&e);
        return;
    }
    int64_t tries = until && retries > 0 ? (int64_t)retries + 1 : 1;
    if (tries == 1) {
        one_attempt(x, args, until, 1, 1, result);
        return;
    }
    retry(x, args, until, tries, delay, result);
}
