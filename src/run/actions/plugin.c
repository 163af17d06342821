// Action plugins: the part of a module that Ansible runs on the controller, in Python. Each runs in
// a worker of its own; what it wants of the host comes back here and goes through our connection.
#include "run/actions/plugin.h"

#include "core/file.h"
#include "run/actions/actions.h"
#include "run/foreign.h"

#include <stdlib.h>
#include <string.h>

#define MAX_WORKERS 32
#define LONG 86400.0

// --- waiting for a worker
// -------------------------------------------------------------------------------------------------

struct ear {
    uv_poll_t poll;
    uv_timer_t limit;
    struct rhost *h;
    bool heard, late, sleeping;
    unsigned open; // handles of the loop
};

static void wake(struct ear *ear)
{
    if (ear->sleeping)
        schedule_wake(ear->h);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct ear *ear = poll->data;
    (void)status;
    (void)events;
    uv_poll_stop(poll);
    ear->heard = true;
    wake(ear);
}

static void on_limit(uv_timer_t *timer)
{
    struct ear *ear = timer->data;
    ear->late = true;
    wake(ear);
}

static void on_closed(uv_handle_t *handle)
{
    struct ear *ear = handle->data;
    if (--ear->open == 0)
        wake(ear);
}

static void ear_open(struct exec *x, struct ear *ear, int fd)
{
    uv_loop_t *loop = fleet_loop(x->run->o.fleet);
    *ear = (struct ear){.h = x->h, .open = 2};
    uv_poll_init(loop, &ear->poll, fd);
    uv_timer_init(loop, &ear->limit);
    ear->poll.data = ear->limit.data = ear;
    if (x->timeout > 0)
        uv_timer_start(&ear->limit, on_limit, (uint64_t)x->timeout * 1000, 0);
}

static void ear_sleep(struct ear *ear)
{
    ear->sleeping = true;
    coro_yield();
    ear->sleeping = false;
}

static void ear_close(struct ear *ear)
{
    uv_close((uv_handle_t *)&ear->poll, on_closed);
    uv_close((uv_handle_t *)&ear->limit, on_closed);
    while (ear->open)
        ear_sleep(ear);
}

void plugin_wake(struct rhost *h)
{
    if (h->ear)
        uv_timer_start(&h->ear->limit, on_limit, 0, 0);
}

// The next message of the worker: 1, or <0.
static int hear(struct action *ac, struct ear *ear, struct value *ret, struct err *e)
{
    for (;;) {
        if (ac->x->run->interrupted)
            return err_set(e, ERR_FAILED, POS_NONE, "interrupted");
        int rc = worker_receive(ac->worker, ac->x->a, ac->what, ret, e);
        if (rc != 0)
            return rc;
        if (ear->late)
            return err_set(e, ERR_TIMEOUT, POS_NONE,
                           "The %s action failed to execute in the expected time frame (%d) and "
                           "was terminated",
                           ac->x->task->action, ac->x->timeout);
        ear->heard = false;
        uv_poll_start(&ear->poll, UV_READABLE, on_readable);
        ac->x->h->ear = ear;
        while (!ear->heard && !ear->late)
            ear_sleep(ear);
        ac->x->h->ear = NULL;
    }
}

// --- how many at once
// -------------------------------------------------------------------------------------------------

static void take_turn(struct exec *x)
{
    struct run *r = x->run;
    while (r->n_workers >= MAX_WORKERS && !r->interrupted) {
        struct turn turn = {.h = x->h}, **at = &r->turns;
        while (*at)
            at = &(*at)->next;
        *at = &turn;
        exec_sleep(x, LONG);
        for (at = &r->turns; *at; at = &(*at)->next)
            if (*at == &turn) { // woken by an interrupt
                *at = turn.next;
                break;
            }
    }
    r->n_workers++;
}

static void end_turn(struct run *r)
{
    struct turn *next = r->turns;
    r->n_workers--;
    if (!next)
        return;
    r->turns = next->next;
    exec_wake(next->h);
}

// --- the request
// -------------------------------------------------------------------------------------------------

static void put_attr(struct exec *x, struct dict *d, const char *key)
{
    struct value v;
    if (exec_attr(x, key, &v, NULL) > 0)
        dict_set(d, key, v);
}

static struct value role_part(struct exec *x)
{
    const struct role *role = x->task->n.role;
    struct value v = value_null();
    if (!role)
        return v;
    v = value_dict(x->a);
    dict_set(v.u.dict, "name", value_cstr(role->name));
    dict_set(v.u.dict, "path", value_cstr(role->path));
    return v;
}

static struct value search_path(struct exec *x)
{
    size_t n;
    struct value v = value_list(x->a);
    const char *const *s = playbook_search_path(x->a, &x->task->n, run_basedir(x->run), &n);
    for (size_t i = 0; i < n; i++)
        list_add(v.u.list, value_cstr(s[i]));
    return v;
}

// The task as its plugin sees it.
static struct value task_part(struct action *ac, struct dict *args)
{
    static const char *const keys[] = {
        "register",         "until",         "retries",  "delay",         "tags",
        "any_errors_fatal", "run_once",      "throttle", "debugger",      "become",
        "become_user",      "become_method", "vars",     "ignore_errors", "remote_user"};
    struct exec *x = ac->x;
    struct value v = value_dict(x->a);
    struct dict *d = v.u.dict;
    struct async_task job = {0};
    const struct list *collections = playbook_collections(&x->task->n);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        put_attr(x, d, keys[i]);
    bool looks = strcmp(ac->action, "async_status") == 0; // at a job of this task
    if (!looks && async_read(x, &job, NULL) == 0 && job.limit > 0) {
        dict_set(d, "async", value_int(job.limit));
        dict_set(d, "poll", value_int((int64_t)job.poll));
    }
    dict_set(d, "name", value_cstr(x->name ? x->name : ""));
    dict_set(d, "action", value_cstr(ac->action));
    dict_set(d, "args", (struct value){.type = VALUE_DICT, .u.dict = args});
    dict_set(d, "check_mode", value_bool(x->check));
    dict_set(d, "diff", value_bool(x->diff));
    dict_set(d, "no_log", value_bool(x->no_log));
    dict_set(d, "timeout", value_int(x->timeout));
    dict_set(d, "role", role_part(x));
    dict_set(d, "path",
             value_strf(x->a, "%s:%u", src_name(x->task->n.pos.file), x->task->n.pos.line));
    dict_set(d, "search_path", search_path(x));
    if (x->delegate_name)
        dict_set(d, "delegate_to", value_cstr(x->delegate_name));
    if (collections)
        dict_set(
            d, "collections",
            (struct value){.type = VALUE_LIST, .u.list = (struct list *)(uintptr_t)collections});
    if (x->environment)
        dict_set(
            d, "environment",
            (struct value){.type = VALUE_DICT, .u.dict = (struct dict *)(uintptr_t)x->environment});
    return v;
}

// How the host is reached and as whom.
static int context_part(struct exec *x, const char *connection, struct value *ret, struct err *e)
{
    struct conn_params p = {0};
    struct value v = value_dict(x->a);
    struct dict *d = v.u.dict;
    struct value become = exec_become(x);
    if (x->bad_field)
        return err_set(e, ERR_FAILED, x->fail_pos, "%s", x->bad_field);
    exec_login(x, &p);
    dict_set(d, "connection", value_cstr(exec_connection(x)));
    dict_set(d, "own_connection", value_bool(connection == NULL));
    dict_set(d, "remote_addr", value_cstr(p.host));
    if (p.user && *p.user)
        dict_set(d, "remote_user", value_cstr(p.user));
    if (p.port)
        dict_set(d, "port", value_int(p.port));
    if (p.private_key)
        dict_set(d, "private_key_file", value_cstr(p.private_key));
    if (connection && p.password)
        dict_set(d, "password", value_cstr(p.password));
    dict_set(d, "timeout", value_int(p.timeout));
    dict_set(d, "verbosity", value_int(x->run->o.verbosity));
    if (become.type == VALUE_DICT) {
        if (!connection)
            dict_del(become.u.dict, "password"); // becoming is ours to do
        dict_set(d, "become", become);
    }
    *ret = v;
    return 0;
}

// Actions that are faster and closer to the host as ours: what a plugin gets when it asks for them.
static struct value natives(struct arena *a)
{
    static const char *const names[] = {"assemble", "async_status", "copy",     "fetch",
                                        "raw",      "script",       "template", "unarchive"};
    struct value v = value_list(a);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        list_add(v.u.list, value_cstr(names[i]));
    return v;
}

static int send_request(struct action *ac, struct dict *args, struct err *e)
{
    struct exec *x = ac->x;
    struct value v = value_dict(x->a), context;
    int rc = context_part(x, ac->connection, &context, e);
    if (rc < 0)
        return rc;
    dict_set(v.u.dict, "host", value_cstr(x->h->name));
    dict_set(v.u.dict, "play", value_cstr(x->run->play_name ? x->run->play_name : ""));
    dict_set(v.u.dict, "task", task_part(ac, args));
    dict_set(v.u.dict, "context", context);
    dict_set(v.u.dict, "native", natives(x->a));
    struct buf b = BUF_INIT;
    buf_adds(&b, "{\"op\":\"action\",\"request\":");
    plugins_encode(&b, x->a, &v);
    buf_addc(&b, '}');
    rc = worker_send(ac->worker, ac->what, &b, e);
    buf_release(&b);
    return rc;
}

// --- the talk
// -------------------------------------------------------------------------------------------------

// What the plugin made of it, from its last message.
static int take_result(struct action *ac, const struct dict *d, struct value *result, struct err *e)
{
    const struct value *ok = dict_get(d, "ok"), *error = dict_get(d, "error");
    if (error && error->type == VALUE_DICT)
        return err_set(e, ERR_FAILED, POS_NONE, "%s", dict_str(error->u.dict, "msg", ""));
    if (!ok || plugins_decode(ac->x->a, ok, result, e) < 0 || result->type != VALUE_DICT)
        return err_set(e, ERR_FAILED, POS_NONE, "%s gave no dictionary", ac->what);
    value_mark_unsafe(result);
    const char *final = dict_str(result->u.dict, "_andon_final", NULL);
    ac->x->as_is = true;
    ac->x->final = final != NULL;
    ac->x->raised = final && strcmp(final, "raised") == 0;
    dict_del(result->u.dict, "_andon_final");
    return 0;
}

static int converse(struct action *ac, struct ear *ear, struct value *result, struct err *e)
{
    for (;;) {
        struct value v;
        struct buf b = BUF_INIT;
        int rc = hear(ac, ear, &v, e);
        if (rc < 0)
            return rc;
        if (dict_get(v.u.dict, "unvault"))
            ac->x->secret = true;
        rc = worker_question(ac->worker, &ac->x->tpl, ac->x->a, v.u.dict, &b, e);
        if (rc == 0)
            rc = plugin_serve(ac, v.u.dict, &b, e);
        if (rc > 0 && b.len)
            rc = worker_send(ac->worker, ac->what, &b, e) < 0 ? ERR_FAILED : 1;
        buf_release(&b);
        if (rc < 0)
            return rc;
        if (rc == 0)
            return take_result(ac, v.u.dict, result, e);
    }
}

static int talk(struct action *ac, struct dict *args, struct value *result, struct err *e)
{
    struct ear ear;
    int rc = worker_new(ac->x->run->o.plugins, ac->what, &ac->worker, e);
    if (rc < 0)
        return rc;
    ear_open(ac->x, &ear, worker_fd(ac->worker));
    rc = send_request(ac, args, e);
    if (rc == 0)
        rc = converse(ac, &ear, result, e);
    ear_close(&ear);
    worker_free(ac->worker);
    return rc;
}

int action_plugin(struct exec *x, const char *name, const char *connection, struct dict *args,
                  struct value *result)
{
    struct err e = ERR_INIT;
    const char *kind = connection ? "connection" : "action";
    struct action ac = {.x = x, .connection = connection};
    ac.action = connection ? name : x->task->action;
    ac.what = arena_printf(x->a, "the %s plugin '%s'", kind, connection ? connection : name);
    take_turn(x);
    int64_t start = clock_mono_ms();
    int rc = x->run->interrupted ? err_set(&e, ERR_FAILED, POS_NONE, "interrupted")
                                 : talk(&ac, args, result, &e);
    end_turn(x->run);
    plugins_count(x->run->o.plugins, kind, connection ? connection : name,
                  (double)(clock_mono_ms() - start) / 1000.0);
    if (rc < 0)
        action_fail(x, result, "%s", task_error(x, "", &e, POS_NONE));
    err_release(&e);
    return rc;
}

// --- connections of the user's own
// -------------------------------------------------------------------------------------------------

// What touches no host.
static bool is_local(const char *module)
{
    static const char *const names[] = {
        "add_host",     "assert", "debug",    "fail",      "group_by",
        "include_vars", "pause",  "set_fact", "set_stats", "validate_argument_spec"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], module) == 0)
            return true;
    return false;
}

const char *foreign_connection(struct exec *x)
{
    const char *how = x->run->o.plugins && !is_local(x->task->module) ? exec_connection(x) : "ssh";
    if (strcmp(how, "ssh") == 0 || strcmp(how, "local") == 0)
        return NULL;
    return plugins_find(x->run->o.plugins, "connection", how, x->a) ? how : NULL;
}
