// Running modules on hosts: the task message, waiting for the result.
#include "run/loop.h"
#include "run/remote.h"
#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

#define RECORDED "_andon_changes" // of a result (docs/PROTOCOL.md)
#define OUTPUT_MIB 4              // of each stream of a command in its result
#define FRAME_MIB 48              // what a frame holds of them at most
#define LATE_MS 5000 // a host that has not ended a task so long after its timeout hangs itself

// --- waiting ------------------------------------------------------------------------------------

static void on_done(void *data, const struct conn_result *r)
{
    struct wait *w = data;
    w->r = *r;
    wait_over(w);
}

void wait_over(struct wait *w)
{
    w->done = true;
    if (w->sleeping)
        schedule_wake(w->x->h);
}

void wait_for(struct exec *x, struct wait *w, struct conn *c, uint32_t id)
{
    x->h->conn_used = c;
    x->h->conn_id = id;
    while (!w->done) {
        w->sleeping = true;
        coro_yield();
        w->sleeping = false;
    }
    x->h->conn_used = NULL;
    x->h->conn_id = 0;
}

static void on_output(void *data, int stream, const char *s, size_t len)
{
    const struct wait *w = data;
    const struct run_sink *k = &w->x->run->o.sink;
    if (k->output)
        k->output(k->data, w->x->h->name, stream, s, len);
}

struct file_sink {
    struct wait w; // first: both callbacks get the same pointer
    const struct module_call *call;
};

static int on_file(void *data, uint32_t n, const char *s, size_t len, const char *msg)
{
    struct file_sink *f = data;
    return f->call->on_file(f->call->on_file_data, n, s, len, msg);
}

void unreachable(struct exec *x, const char *msg, struct value *result)
{
    *result = value_dict(x->a);
    dict_set(result->u.dict, "unreachable", value_bool(true));
    dict_set(result->u.dict, "msg", value_str(x->a, msg));
    dict_set(result->u.dict, "changed", value_bool(false));
}

static void set_strings(struct exec *x, struct dict *to, const struct dict *from)
{
    struct dict_entry *it;
    DICT_EACH(from, it)
    dict_setv(to, value_str(x->a, value_to_cstr(x->a, &it->key)),
              value_str(x->a, value_to_cstr(x->a, &it->val)));
}

size_t output_max(void)
{
    const char *s = getenv(OUTPUT_MAX);
    long mib = s ? strtol(s, NULL, 10) : 0;
    return (size_t)(mib <= 0 ? OUTPUT_MIB : mib < FRAME_MIB ? mib : FRAME_MIB) << 20;
}

static struct value message(struct exec *x, const struct module_call *c, struct value become_part)
{
    struct value m = value_dict(x->a), args = {.type = VALUE_DICT, .u.dict = c->args};
    struct dict *d = m.u.dict;
    const struct module_spec *spec = spec_find(c->module);
    dict_set(d, "module", value_cstr(spec ? spec->name : c->module));
    dict_set(d, "args", args);
    if (c->extra)
        dict_set(d, "extra", (struct value){.type = VALUE_DICT, .u.dict = c->extra});
    else if (getenv(OUTPUT_MAX))
        dict_set(d, "extra", value_dict(x->a));
    if (getenv(OUTPUT_MAX))
        dict_set(dict_get(d, "extra")->u.dict, "_output_max", value_int((int64_t)output_max()));
    dict_set(d, "check", value_bool(x->check && !c->ignore_check));
    if (x->run->o.run_id && !x->check)
        dict_set(d, "run", value_cstr(x->run->o.run_id));
    dict_set(d, "diff", value_bool(x->diff));
    if (x->run->o.record_diff && !x->diff && !x->check && !x->no_log && !x->secret && !c->async)
        dict_set(d, "record", value_bool(true));
    dict_set(d, "verbosity", value_int(x->run->o.verbosity));
    if (x->run->o.live_output && !x->no_log)
        dict_set(d, "live", value_bool(true));
    if (x->no_log)
        dict_set(d, "no_log", value_bool(true));
    if (c->async)
        dict_set(d, "async", (struct value){.type = VALUE_DICT, .u.dict = c->async});
    if (x->timeout)
        dict_set(d, "timeout", value_int(x->timeout));
    if (x->environment && !c->bare) {
        struct value env = value_dict(x->a);
        set_strings(x, env.u.dict, x->environment);
        dict_set(d, "env", env);
    }
    if (become_part.type == VALUE_DICT)
        dict_set(d, "become", become_part);
    struct value journal = exec_journal(x, c);
    if (journal.type == VALUE_DICT)
        dict_set(d, "journal", journal);
    return m;
}

// What the helper tells of changes for the record is no part of the result.
static void take_changes(struct exec *x, struct dict *result)
{
    const struct value *v = dict_get(result, RECORDED);
    if (v && v->type == VALUE_LIST && x->run->o.record_diff && !x->diff) {
        if (!x->changes)
            x->changes = value_list(x->a).u.list;
        for (size_t i = 0; i < v->u.list->len; i++)
            list_add(x->changes, v->u.list->items[i]);
    }
    dict_del(result, RECORDED);
}

static void finish(struct exec *x, const struct wait *w, const struct module_call *c,
                   struct value *result)
{
    switch (w->r.status) {
    case CONN_OK:
        *result = w->r.value;
        if (result->type != VALUE_DICT) {
            *result = value_dict(x->a);
            action_fail(x, result, "the helper sent a result that is not a dictionary");
        }
        take_changes(x, result->u.dict);
        value_mark_unsafe(result);
        exec_take_journal(x, result);
        break;
    case CONN_UNREACHABLE:
        unreachable(x, w->r.msg, result);
        break;
    case CONN_TIMEOUT:
        *result = value_dict(x->a);
        action_fail(
            x, result,
            "The %s action failed to execute in the expected time frame (%d) and was terminated",
            c->module, x->timeout);
        break;
    case CONN_CANCELLED:
        *result = value_dict(x->a);
        action_fail(x, result, "interrupted");
        break;
    }
}

int exec_module(struct exec *x, const struct module_call *c, struct value *result)
{
    const struct module_spec *spec = spec_find(c->module);
    bool internal = *c->module == '_'; // the helper's own, without a spec
    if (!spec && !internal) {
        action_fail(x, result, "The module %s was not found in configured module paths", c->module);
        dict_del(result->u.dict, "changed");
        return ERR_FAILED;
    }
    if (spec && x->check && !c->ignore_check && !c->force_run && !(spec->flags & MODULE_CHECK)) {
        *result = value_dict(x->a);
        dict_set(result->u.dict, "skipped", value_bool(true));
        dict_set(result->u.dict, "changed", value_bool(false));
        dict_set(result->u.dict, "msg",
                 value_strf(x->a, "remote module (%s) does not support check mode", c->module));
        return 0;
    }
    if (x->run->interrupted)
        return action_fail(x, result, "interrupted");
    if (!c->here && !exec_give_up(x, result))
        return 0;
    struct value b = c->here || c->as_login ? value_null() : exec_become(x);
    if (c->become_user && b.type == VALUE_DICT)
        dict_set(b.u.dict, "user", value_cstr(c->become_user));
    struct conn *conn = exec_conn(x, c->here, result);
    if (!conn)
        return ERR_FAILED;
    struct value m = message(x, c, b);
    x->on_host = true;
    struct file_sink f = {.w = {.x = x}, .call = c};
    struct conn_task t = {.arena = x->a,
                          .task = &m,
                          .sources = c->sources,
                          .n_sources = c->n_sources,
                          .timeout_ms = x->timeout ? x->timeout * 1000 + LATE_MS : 0,
                          .on_output = on_output,
                          .on_file = c->on_file ? on_file : NULL};
    uint32_t id = conn_submit(conn, &t, on_done, &f);
    wait_for(x, &f.w, conn, id);
    conn_keep(x, conn);
    finish(x, &f.w, c, result);
    return 0;
}

// --- sleeping -----------------------------------------------------------------------------------

#define MAX_SLEEP (10 * 365 * 86400.0) // seconds

struct nap {
    uv_timer_t timer;
    struct rhost *h;
    bool over;
};

static void nap_closed(uv_handle_t *t)
{
    struct nap *n = t->data;
    struct rhost *h = n->h;
    n->over = true;
    schedule_wake(h);
}

static void nap_over(uv_timer_t *t)
{
    uv_close((uv_handle_t *)t, nap_closed);
}

void exec_sleep(struct exec *x, double seconds)
{
    struct nap n = {.h = x->h};
    uint64_t ms =
        seconds > 0 ? (uint64_t)(seconds < MAX_SLEEP ? seconds * 1000 : MAX_SLEEP * 1000) : 0;
    if (x->run->interrupted)
        return;
    uv_timer_init(fleet_loop(x->run->o.fleet), &n.timer);
    n.timer.data = &n;
    uv_timer_start(&n.timer, nap_over, ms, 0);
    x->h->nap = &n.timer;
    while (!n.over)
        coro_yield();
    x->h->nap = NULL;
}

void exec_wake(struct rhost *h)
{
    if (h->nap && !uv_is_closing((uv_handle_t *)h->nap))
        uv_timer_start(h->nap, nap_over, 0, 0);
}
