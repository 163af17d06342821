// async and poll: a module started as a job on the host, and looked at until it ends.
#include "run/foreign.h"
#include "run/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

// Modules whose controller part is not in the way of a job.
static const char *const able[] = {"async_status", "uri"};

static int number(struct exec *x, const char *key, double dflt, double *ret, struct err *e)
{
    struct value v;
    char *end;
    int rc = exec_attr(x, key, &v, e);
    *ret = dflt;
    if (rc <= 0)
        return rc;
    if (v.type == VALUE_INT || v.type == VALUE_BOOL) {
        *ret = v.type == VALUE_INT ? (double)v.u.i : v.u.b;
    } else if (v.type == VALUE_FLOAT) {
        *ret = v.u.f;
    } else {
        const char *s = value_to_cstr(x->a, &v);
        *ret = strtod(s, &end);
        if (end == s || *end)
            return err_set(e, ERR_INVALID, x->task->n.pos,
                           "the field '%s' has an invalid value (%s), and could not be converted "
                           "to an int.",
                           key, s);
    }
    return 0;
}

int async_read(struct exec *x, struct async_task *ret, struct err *e)
{
    double limit = 0;
    *ret = (struct async_task){0};
    if (!x->task || !node_attr(&x->task->n, "async"))
        return 0;
    int rc = number(x, "async", 0, &limit, e);
    if (rc == 0)
        rc = number(x, "poll", (double)config_int(x->run->o.config, CONFIG_POLL_INTERVAL),
                    &ret->poll, e);
    ret->limit = rc == 0 && limit > 0 && limit < 1e9 ? (int64_t)limit : 0;
    return rc;
}

const char *async_folder(struct exec *x)
{
    const char *dir = exec_var_str(x, "ansible_async_dir");
    if (!dir)
        dir = config_str(x->run->o.config, CONFIG_ASYNC_DIR);
    return dir && *dir ? dir : "~/.ansible_async";
}

static bool can_be_job(const char *module)
{
    for (size_t i = 0; i < sizeof able / sizeof *able; i++)
        if (strcmp(able[i], module) == 0)
            return true;
    return !action_find(module);
}

struct dict *async_job(struct exec *x, const struct async_task *t)
{
    struct dict *job = value_dict(x->a).u.dict;
    dict_set(job, "limit", value_int(t->limit));
    dict_set(job, "dir", value_cstr(async_folder(x)));
    uint64_t n = 0;
    (void)!getrandom(&n, sizeof n, 0);
    dict_set(job, "jid", value_strf(x->a, "j%llu", (unsigned long long)n % 1000000000000));
    return job;
}

static int start(struct exec *x, const struct async_task *t, struct dict *args,
                 struct value *result)
{
    const struct plugin_module *m = foreign_module(x);
    struct module_call c = {.module = x->task->action, .args = args};
    const char *connection = foreign_connection(x);
    if (connection || (m && m->action))
        return action_plugin(x, connection ? x->task->action : m->name, connection, args, result);
    if (!m && !can_be_job(x->task->module))
        return action_fail(x, result, "async is not supported for this task.");
    if (x->check)
        return action_fail(x, result, "check mode and async cannot be used on same task.");
    c.async = async_job(x, t);
    return m ? action_foreign(x, m, args, c.async, result) : exec_module(x, &c, result);
}

static void look(struct exec *x, const char *jid, const char *mode, struct value *result)
{
    struct dict *args = value_dict(x->a).u.dict;
    dict_set(args, "jid", value_cstr(jid));
    dict_set(args, "mode", value_cstr(mode));
    const char *connection = foreign_connection(x);
    if (connection)
        action_plugin(x, "async_status", connection, args, result);
    else
        action_find("async_status")(x, args, result);
}

static void tell_look(struct exec *x, const char *jid, const struct dict *d)
{
    const struct run_sink *s = &x->run->o.sink;
    if (s->async_poll)
        s->async_poll(s->data, x->h->name, jid, dict_int(d, "finished", 0) == 1);
}

static void tell_end(struct exec *x, const char *jid, bool failed)
{
    const struct run_sink *s = &x->run->o.sink;
    if (s->async_end)
        s->async_end(s->data, x->h->name, jid, failed);
}

// Looks every poll seconds until the job has ended or its time is over. A connection that was lost
// meanwhile is made anew.
static void watch(struct exec *x, const struct async_task *t, const char *jid, struct value *last)
{
    double left = (double)t->limit;
    *last = value_dict(x->a);
    while (left > 0 && !x->run->interrupted) {
        exec_sleep(x, t->poll);
        left -= t->poll;
        *last = value_dict(x->a);
        look(x, jid, "status", last);
        const struct dict *d = last->u.dict;
        if (dict_bool(d, "unreachable", false)) {
            (void)!exec_reset_connection(x);
            continue;
        }
        if (dict_int(d, "finished", 0) == 1 || dict_get(d, "failed") || dict_get(d, "skipped"))
            return;
        tell_look(x, jid, d);
    }
}

static void wait_for_job(struct exec *x, const struct async_task *t, struct value *result)
{
    const char *jid = dict_str(result->u.dict, "ansible_job_id", NULL);
    struct value last, forgotten = value_dict(x->a);
    if (!jid) {
        action_fail(x, result, "No job id was returned by the async task");
        return;
    }
    watch(x, t, jid, &last);
    if (dict_bool(last.u.dict, "unreachable", false)) {
        *result = last;
        return;
    }
    if (dict_int(last.u.dict, "finished", 0) == 1) {
        look(x, jid, "cleanup", &forgotten);
        *result = last;
    } else {
        *result = value_dict(x->a);
        dict_del(last.u.dict, "changed");
        dict_set(result->u.dict, "async_result", last);
        action_fail(x, result, "async task did not complete within the requested time - %llds",
                    (long long)t->limit);
        dict_del(result->u.dict, "changed");
    }
    tell_end(x, jid, dict_bool(result->u.dict, "failed", false));
}

int async_run(struct exec *x, const struct async_task *t, struct dict *args, struct value *result)
{
    int rc = start(x, t, args, result);
    const struct dict *d = result->u.dict;
    if (rc < 0 || t->poll <= 0 || dict_bool(d, "failed", false) || dict_bool(d, "skipped", false) ||
        dict_bool(d, "unreachable", false))
        return rc;
    wait_for_job(x, t, result);
    return 0;
}
