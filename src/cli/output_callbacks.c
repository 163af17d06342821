// Callback plugins of the user's Ansible: a sink in front of another one, which is told everything
// first. A plugin that prints (stdout_callback) takes the other's place.
#include "cli/session.h"
#include "core/file.h"

#include <stdlib.h>
#include <string.h>

struct tee {
    struct session *s;
    struct run_sink in;
    const char *stdout_plugin; // prints instead of in; or NULL
    bool decided, active;
    unsigned plays;
    struct arena *a;         // of the event at hand
    const struct task *task; // the last task that started
};

// --- events as values
// -------------------------------------------------------------------------------------------------

static struct dict *event(struct tee *t, const char *name, struct value *ret)
{
    *ret = value_dict(t->a);
    dict_set(ret->u.dict, "event", value_cstr(name));
    return ret->u.dict;
}

static void tell(struct tee *t, const struct value *v)
{
    struct err e = ERR_INIT;
    if (plugins_tell(t->s->plugins, v, &e) < 0) {
        print_warning(&t->s->out, "%s; callback plugins are told nothing more", err_msg(&e));
        t->active = false;
    }
    err_release(&e);
    arena_free(t->a);
    t->a = arena_new();
}

static struct value shared(const struct dict *d)
{
    struct value v = {.type = VALUE_DICT};
    v.u.dict = (struct dict *)(uintptr_t)d;
    return v;
}

static void put_attr(struct dict *d, const struct task *task, const char *key)
{
    const struct value *v = node_attr(&task->n, key);
    if (v)
        dict_set(d, key, *v);
}

static struct value task_value(struct tee *t, const struct task *task, const char *shown)
{
    static const char *const keys[] = {"register", "tags",          "vars",       "check_mode",
                                       "diff",     "ignore_errors", "delegate_to"};
    struct value v = value_dict(t->a);
    struct dict *d = v.u.dict;
    const struct role *role = task->n.role;
    bool secret = node_attr(&task->n, "no_log") != NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        put_attr(d, task, keys[i]);
    dict_set(d, "number", value_int((int64_t)task->number));
    dict_set(d, "action", value_cstr(task->action));
    dict_set(d, "name", value_cstr(task->name ? task->name : ""));
    dict_set(d, "shown", value_cstr(shown ? shown : task->name ? task->name : task->action));
    dict_set(d, "path",
             value_strf(t->a, "%s:%u", task->n.pos.file ? src_name(task->n.pos.file) : "",
                        task->n.pos.line));
    if (task->args.type == VALUE_DICT && !secret)
        dict_set(d, "args", task->args);
    if (secret)
        dict_set(d, "no_log", value_bool(true));
    if (task->loop)
        dict_set(d, "loop", *task->loop);
    if (role) {
        struct value r = value_dict(t->a);
        dict_set(r.u.dict, "name", value_cstr(role->name));
        dict_set(r.u.dict, "path", value_cstr(role->path));
        dict_set(d, "role", r);
    }
    return v;
}

static void tell_result(struct tee *t, const char *name, const struct result_event *ev)
{
    struct value v;
    struct dict *d = event(t, name, &v);
    dict_set(d, "task", task_value(t, ev->task, ev->task_name));
    dict_set(d, "host", value_cstr(ev->host));
    dict_set(d, "result", shared(ev->result));
    dict_set(d, "ignore_errors", value_bool(ev->ignored));
    if (ev->no_log)
        dict_set(d, "no_log", value_bool(true));
    tell(t, &v);
}

// --- beginning
// -------------------------------------------------------------------------------------------------

static struct value start_options(struct tee *t)
{
    const struct session *s = t->s;
    struct value v = value_dict(t->a), options = value_dict(t->a);
    dict_set(options.u.dict, "check", value_bool(s->run.check));
    dict_set(options.u.dict, "diff", value_bool(s->run.diff));
    dict_set(options.u.dict, "verbosity", value_int(s->out.verbosity));
    dict_set(v.u.dict, "options", options);
    dict_set(v.u.dict, "verbosity", value_int(s->out.verbosity));
    dict_set(v.u.dict, "columns", value_int(s->out.columns));
    dict_set(v.u.dict, "color", value_bool(s->out.color));
    dict_set(v.u.dict, "stdout", t->stdout_plugin ? value_cstr(t->stdout_plugin) : value_null());
    return v;
}

// The folders of roles are known once the playbook has been read: plugins are looked for then.
static bool is_active(struct tee *t)
{
    if (t->decided)
        return t->active;
    t->decided = true;
    if (!t->stdout_plugin && !plugins_has_callbacks(t->s->plugins))
        return false;
    struct err e = ERR_INIT;
    struct value opts = start_options(t);
    int n = plugins_callbacks(t->s->plugins, &opts, &e);
    if (n < 0)
        print_warning(&t->s->out, "%s; no callback plugin is called", err_msg(&e));
    err_release(&e);
    t->active = n > 0;
    return t->active;
}

// The sink behind, where it still prints.
static const struct run_sink *behind(const struct tee *t)
{
    static const struct run_sink none;
    return t->stdout_plugin && t->active ? &none : &t->in;
}

#define PASS(t, fn, args)                                                                          \
    do {                                                                                           \
        const struct run_sink *in = behind(t);                                                     \
        if (in->fn)                                                                                \
            in->fn args;                                                                           \
    } while (0)

// --- the sink
// -------------------------------------------------------------------------------------------------

static void playbook_start(void *data, const char *path)
{
    struct tee *t = data;
    struct value v;
    bool active = is_active(t);
    PASS(t, playbook_start, (in->data, path));
    if (!active)
        return;
    dict_set(event(t, "v2_playbook_on_start", &v), "path", value_cstr(path));
    tell(t, &v);
}

static void play_start(void *data, const struct play *p, const char *name, size_t n, bool check)
{
    struct tee *t = data;
    struct value v;
    bool active = is_active(t);
    PASS(t, play_start, (in->data, p, name, n, check));
    if (!active)
        return;
    struct dict *d = event(t, "v2_playbook_on_play_start", &v);
    dict_set(d, "name", value_cstr(name));
    dict_set(d, "hosts", p->hosts ? *p->hosts : value_null());
    dict_set(d, "number", value_int(++t->plays));
    dict_set(d, "check", value_bool(check));
    dict_set(d, "vars", shared(p->vars));
    tell(t, &v);
}

static void tell_plain(struct tee *t, const char *name)
{
    struct value v;
    if (!t->active)
        return;
    event(t, name, &v);
    tell(t, &v);
}

static void no_hosts_matched(void *data)
{
    struct tee *t = data;
    PASS(t, no_hosts_matched, (in->data));
    tell_plain(t, "v2_playbook_on_no_hosts_matched");
}

static void no_hosts_remaining(void *data)
{
    struct tee *t = data;
    PASS(t, no_hosts_remaining, (in->data));
    tell_plain(t, "v2_playbook_on_no_hosts_remaining");
}

static void task_start(void *data, const struct task_event *ev)
{
    struct tee *t = data;
    struct value v;
    PASS(t, task_start, (in->data, ev));
    if (!t->active || ev->again)
        return;
    t->task = ev->task;
    struct dict *d = event(t,
                           ev->handler ? "v2_playbook_on_handler_task_start"
                           : ev->prefix && strncmp(ev->prefix, "CLEANUP", 7) == 0
                               ? "v2_playbook_on_cleanup_task_start"
                               : "v2_playbook_on_task_start",
                           &v);
    dict_set(d, "task", task_value(t, ev->task, ev->name));
    tell(t, &v);
}

static void host_start(void *data, const struct task *task, const char *host)
{
    struct tee *t = data;
    struct value v;
    PASS(t, host_start, (in->data, task, host));
    if (!t->active)
        return;
    struct dict *d = event(t, "v2_runner_on_start", &v);
    dict_set(d, "task", task_value(t, task, NULL));
    dict_set(d, "host", value_cstr(host));
    tell(t, &v);
}

static void item(void *data, const struct result_event *ev)
{
    struct tee *t = data;
    PASS(t, item, (in->data, ev));
    if (t->active)
        tell_result(t,
                    ev->status == STATUS_FAILED || ev->status == STATUS_UNREACHABLE
                        ? "v2_runner_item_on_failed"
                    : ev->status == STATUS_SKIPPED ? "v2_runner_item_on_skipped"
                                                   : "v2_runner_item_on_ok",
                    ev);
}

static void result(void *data, const struct result_event *ev)
{
    struct tee *t = data;
    PASS(t, result, (in->data, ev));
    if (!t->active || (ev->include && ev->status != STATUS_FAILED && ev->status != STATUS_SKIPPED))
        return;
    bool well = ev->status == STATUS_OK || ev->status == STATUS_CHANGED;
    if (well && ev->diff)
        tell_result(t, "v2_on_file_diff", ev);
    tell_result(t,
                ev->status == STATUS_FAILED        ? "v2_runner_on_failed"
                : ev->status == STATUS_UNREACHABLE ? "v2_runner_on_unreachable"
                : ev->status == STATUS_SKIPPED     ? "v2_runner_on_skipped"
                                                   : "v2_runner_on_ok",
                ev);
}

static void include(void *data, const struct include_event *ev)
{
    struct tee *t = data;
    struct value v;
    PASS(t, include, (in->data, ev));
    if (!t->active)
        return;
    struct dict *d = event(t, "v2_playbook_on_include", &v);
    struct value hosts = value_list(t->a);
    for (size_t i = 0; i < ev->n_hosts; i++)
        list_add(hosts.u.list, value_cstr(ev->hosts[i]));
    dict_set(d, "file", value_cstr(ev->file));
    dict_set(d, "hosts", hosts);
    if (t->task)
        dict_set(d, "task", task_value(t, t->task, NULL));
    if (ev->item && !ev->no_log)
        dict_set(d, "item", *ev->item);
    tell(t, &v);
}

static void retry(void *data, const struct retry_event *ev)
{
    struct tee *t = data;
    PASS(t, retry, (in->data, ev));
    if (!t->active)
        return;
    struct value result = shared(ev->result);
    result = value_shallow(t->a, &result);
    dict_set(result.u.dict, "attempts", value_int(ev->attempts));
    dict_set(result.u.dict, "retries", value_int(ev->retries));
    struct result_event made = {
        .task = ev->task, .task_name = ev->task_name, .host = ev->host, .result = result.u.dict};
    tell_result(t, "v2_runner_retry", &made);
}

static void tell_job(struct tee *t, const char *name, const char *host, const char *jid,
                     bool finished)
{
    if (!t->active || !t->task)
        return;
    struct value result = value_dict(t->a);
    dict_set(result.u.dict, "ansible_job_id", value_cstr(jid));
    dict_set(result.u.dict, "started", value_int(1));
    dict_set(result.u.dict, "finished", value_int(finished));
    struct result_event made = {.task = t->task, .host = host, .result = result.u.dict};
    tell_result(t, name, &made);
}

static void async_poll(void *data, const char *host, const char *jid, bool finished)
{
    struct tee *t = data;
    PASS(t, async_poll, (in->data, host, jid, finished));
    tell_job(t, "v2_runner_on_async_poll", host, jid, finished);
}

static void async_end(void *data, const char *host, const char *jid, bool failed)
{
    struct tee *t = data;
    PASS(t, async_end, (in->data, host, jid, failed));
    tell_job(t, failed ? "v2_runner_on_async_failed" : "v2_runner_on_async_ok", host, jid, true);
}

static void notify(void *data, const char *host, const char *handler)
{
    struct tee *t = data;
    struct value v;
    PASS(t, notify, (in->data, host, handler));
    if (!t->active)
        return;
    struct dict *d = event(t, "v2_playbook_on_notify", &v);
    dict_set(d, "host", value_cstr(host));
    dict_set(d, "handler", value_cstr(handler));
    tell(t, &v);
}

static struct value host_stats_value(struct arena *a, const struct host_stats *h)
{
    struct value v = value_dict(a);
    dict_set(v.u.dict, "host", value_cstr(h->host));
    dict_set(v.u.dict, "ok", value_int(h->ok));
    dict_set(v.u.dict, "changed", value_int(h->changed));
    dict_set(v.u.dict, "unreachable", value_int(h->unreachable));
    dict_set(v.u.dict, "failed", value_int(h->failed));
    dict_set(v.u.dict, "skipped", value_int(h->skipped));
    dict_set(v.u.dict, "rescued", value_int(h->rescued));
    dict_set(v.u.dict, "ignored", value_int(h->ignored));
    return v;
}

static void stats(void *data, const struct stats_event *ev)
{
    struct tee *t = data;
    struct value v;
    if (t->active) {
        struct dict *d = event(t, "v2_playbook_on_stats", &v);
        struct value hosts = value_list(t->a);
        for (size_t i = 0; i < ev->n; i++)
            list_add(hosts.u.list, host_stats_value(t->a, &ev->hosts[i]));
        dict_set(d, "hosts", hosts);
        if (ev->custom)
            dict_set(d, "custom", shared(ev->custom));
    }
    PASS(t, stats, (in->data, ev));
    if (t->active)
        tell(t, &v);
}

// What is no event of Ansible's goes on as it is.
static void output(void *data, const char *host, int stream, const char *s, size_t len)
{
    struct tee *t = data;
    PASS(t, output, (in->data, host, stream, s, len));
}

static void warning(void *data, struct pos pos, const char *msg)
{
    struct tee *t = data;
    if (t->in.warning)
        t->in.warning(t->in.data, pos, msg);
}

static void deprecated(void *data, const char *msg)
{
    struct tee *t = data;
    if (t->in.deprecated)
        t->in.deprecated(t->in.data, msg);
}

static void message(void *data, const char *msg)
{
    struct tee *t = data;
    if (t->in.message)
        t->in.message(t->in.data, msg);
}

static void connection(void *data, const char *host, const char *what, const char *text)
{
    struct tee *t = data;
    if (t->in.connection)
        t->in.connection(t->in.data, host, what, text);
}

static void tick(void *data)
{
    struct tee *t = data;
    PASS(t, tick, (in->data));
}

static void clear(void *data)
{
    struct tee *t = data;
    PASS(t, clear, (in->data));
}

static void close_tee(void *data)
{
    struct tee *t = data;
    if (t->in.close)
        t->in.close(t->in.data);
    arena_free(t->a);
    free(t);
}

// The plugin of the setting stdout_callback when it is none of those we print like.
static const char *stdout_plugin(struct session *s)
{
    static const char *const ours[] = {"default", "minimal", "oneline", "tree"};
    const char *name = s->compat ? config_str(s->config, CONFIG_STDOUT_CALLBACK) : NULL;
    if (!name)
        return NULL;
    const char *leaf = strncmp(name, "ansible.builtin.", 16) == 0 ? name + 16 : name;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(ours[i], leaf) == 0)
            return NULL;
    return plugins_find(s->plugins, "callback", name, s->arena) ? name : NULL;
}

struct run_sink session_callbacks(struct session *s, struct run_sink in)
{
    bool adhoc = s->command == OPT_DO;
    if (adhoc && !config_bool(s->config, CONFIG_LOAD_CALLBACK_PLUGINS))
        return in;
    struct tee *t = xcalloc(1, sizeof *t);
    *t = (struct tee){.s = s, .in = in, .stdout_plugin = stdout_plugin(s), .a = arena_new()};
    return (struct run_sink){.data = t,
                             .playbook_start = playbook_start,
                             .play_start = play_start,
                             .no_hosts_matched = no_hosts_matched,
                             .no_hosts_remaining = no_hosts_remaining,
                             .task_start = task_start,
                             .host_start = host_start,
                             .item = item,
                             .result = result,
                             .include = include,
                             .retry = retry,
                             .async_poll = async_poll,
                             .async_end = async_end,
                             .notify = notify,
                             .output = output,
                             .warning = warning,
                             .deprecated = deprecated,
                             .message = message,
                             .connection = connection,
                             .stats = stats,
                             .tick = tick,
                             .clear = clear,
                             .close = close_tee};
}
