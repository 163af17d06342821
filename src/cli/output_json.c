// One JSON object per event and line, for programs; man/andon-run.1 says what is in them. Members
// may be added, none are renamed.
#include "cli/output.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"

#include <stdlib.h>
#include <string.h>

struct output {
    struct output_opts o;
};

// The events, for the manual; names of members between stars.
static const struct {
    const char *name, *help;
} events[] = {
    {"playbook", "A playbook begins: *path*."},
    {"play",
     "A play, or a batch of it, begins: *name*, number of *hosts*, *check* mode, *position* "
     "as FILE:LINE:COLUMN."},
    {"task", "A task begins: *name*, *module*, whether it is a *handler*, number of *hosts*, "
             "*position*."},
    {"item", "A host finished one item of a loop: as result, with the *item*."},
    {"result",
     "A host finished a task: *task*, *module*, *host*, the host it was *delegated* to, "
     "*status* (ok, changed, skipped, failed, unreachable, or in check mode unknown), the *reason* "
     "of unknown, whether it was a *check* (then changed is would change), whether it is "
     "*ignored*, "
     "*seconds*, the module's *result*, and of a failure its *position*. What no_log "
     "hides is not in it."},
    {"include", "Tasks or a role were included: *file*, names of the *hosts*, *item* of the loop."},
    {"retry", "A task is tried again: *task*, *host*, *attempts* made and *left*."},
    {"notify", "A host notified a handler: *host*, *handler*."},
    {"output", "With --live, what a command prints: *host*, *stream* (stdout or stderr), *text*."},
    {"warning", "A *message*, with a *position* where a file is to blame."},
    {"deprecated", "A *message* about what will go away."},
    {"message", "A *message* for the person at the terminal."},
    {"no_hosts", "A play matches no hosts, or none are left: *message*."},
    {"stats",
     "The last event: *hosts*, by name their numbers of ok, changed, unreachable, failed, "
     "skipped, rescued and ignored results, in check mode *would_change* and *unknown*; "
     "*custom* statistics of set_stats; *run*, the id it is recorded by in the ledger; *foreign* "
     "tells what was "
     "not andon's own."},
};

static void add_bold(struct buf *b, const char *s)
{
    bool inside = false;
    for (; *s; s++)
        if (*s == '*')
            buf_adds(b, (inside = !inside) ? "\\fB" : "\\fR");
        else
            buf_addc(b, *s);
}

void output_json_man(struct buf *b)
{
    buf_adds(b, ".SH JSON OUTPUT\n");
    add_bold(b,
             "With *\\-\\-output json* standard output has one JSON object per line. Each has an "
             "*event* and its *time* in seconds since 1970. Errors that end the run are text on "
             "standard error. Events and members may be added.\n");
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        buf_addf(b, ".TP\n\\fB%s\\fR\n", events[i].name);
        add_bold(b, events[i].help);
        buf_addc(b, '\n');
    }
}

static struct dict *event(struct arena *a, struct value *v, const char *name)
{
    *v = value_dict(a);
    dict_set(v->u.dict, "event", value_cstr(name));
    dict_set(v->u.dict, "time", value_float((double)clock_real_us() / 1e6));
    return v->u.dict;
}

static void emit(struct arena *a, const struct value *v)
{
    print_value(v, &(struct json_opts){.strict = true});
    fflush(stdout);
    arena_free(a);
}

static void add_pos(struct arena *a, struct dict *d, struct pos pos)
{
    if (pos.line)
        dict_set(d, "position", value_strf(a, "%s:%u:%u", src_name(pos.file), pos.line, pos.col));
}

static void playbook_start(void *data, const char *path)
{
    struct arena *a = arena_new();
    struct value v;
    (void)data;
    dict_set(event(a, &v, "playbook"), "path", value_cstr(path));
    emit(a, &v);
}

static void play_start(void *data, const struct play *p, const char *name, size_t n_hosts,
                       bool check)
{
    struct arena *a = arena_new();
    struct value v;
    struct dict *d = event(a, &v, "play");
    (void)data;
    add_pos(a, d, p->n.pos);
    dict_set(d, "name", value_cstr(name));
    dict_set(d, "hosts", value_int((int64_t)n_hosts));
    dict_set(d, "check", value_bool(check));
    emit(a, &v);
}

static void task_start(void *data, const struct task_event *ev)
{
    if (ev->again)
        return;
    struct arena *a = arena_new();
    struct value v;
    struct dict *d = event(a, &v, "task");
    (void)data;
    dict_set(d, "name", value_cstr(ev->name));
    dict_set(d, "module", value_cstr(ev->task->module));
    dict_set(d, "handler", value_bool(ev->handler));
    dict_set(d, "hosts", value_int((int64_t)ev->n_hosts));
    add_pos(a, d, ev->task->n.pos);
    emit(a, &v);
}

static void tell(const struct output *out, const char *kind, const struct result_event *ev)
{
    static const char *const words[] = {"ok",     "changed",     "skipped",
                                        "failed", "unreachable", "unknown"};
    struct arena *a = arena_new();
    struct value v, result = value_null();
    struct dict *d = event(a, &v, kind);
    struct output_opts o = out->o;
    o.verbosity = 3; // everything the result has
    char *text =
        dump_result(&o, open_result(a, ev), ev->task->module, ev->no_log, DUMP_WARNINGS | DUMP_ALL);
    if (json_parse(a, text, strlen(text), &result, NULL) == 0 && result.type == VALUE_DICT)
        dict_del(result.u.dict, "invocation");
    free(text);
    dict_set(d, "task", value_cstr(ev->task_name));
    dict_set(d, "module", value_cstr(ev->task->module));
    dict_set(d, "host", value_cstr(ev->host));
    if (ev->delegated)
        dict_set(d, "delegated", value_cstr(ev->delegated));
    dict_set(d, "status", value_cstr(words[ev->status]));
    dict_set(d, "ignored", value_bool(ev->ignored));
    if (ev->check)
        dict_set(d, "check", value_bool(true));
    if (ev->status == STATUS_UNKNOWN && !ev->no_log)
        dict_set(d, "reason", value_cstr(dict_str(ev->result, "msg", "")));
    if (ev->item && !ev->no_log)
        dict_set(d, "item", *ev->item);
    if (ev->status == STATUS_FAILED)
        add_pos(a, d, ev->pos.line ? ev->pos : ev->task->n.pos);
    dict_set(d, "seconds", value_float(ev->seconds));
    dict_set(d, "result", result);
    emit(a, &v);
}

static void item(void *data, const struct result_event *ev)
{
    tell(data, "item", ev);
}

static void result(void *data, const struct result_event *ev)
{
    if (ev->include && ev->status <= STATUS_CHANGED) // its tasks are told
        return;
    tell(data, "result", ev);
}

static void include(void *data, const struct include_event *ev)
{
    struct arena *a = arena_new();
    struct value v, hosts = value_list(a);
    struct dict *d = event(a, &v, "include");
    (void)data;
    for (size_t i = 0; i < ev->n_hosts; i++)
        list_add(hosts.u.list, value_cstr(ev->hosts[i]));
    dict_set(d, "file", value_cstr(ev->file));
    dict_set(d, "hosts", hosts);
    if (ev->item && !ev->no_log)
        dict_set(d, "item", *ev->item);
    emit(a, &v);
}

static void retry(void *data, const struct retry_event *ev)
{
    struct arena *a = arena_new();
    struct value v;
    struct dict *d = event(a, &v, "retry");
    (void)data;
    dict_set(d, "task", value_cstr(ev->task_name));
    dict_set(d, "host", value_cstr(ev->host));
    dict_set(d, "attempts", value_int(ev->attempts));
    dict_set(d, "left", value_int(ev->left));
    emit(a, &v);
}

static void notify(void *data, const char *host, const char *handler)
{
    struct arena *a = arena_new();
    struct value v;
    struct dict *d = event(a, &v, "notify");
    (void)data;
    dict_set(d, "host", value_cstr(host));
    dict_set(d, "handler", value_cstr(handler));
    emit(a, &v);
}

static void text_event(const char *kind, const char *msg, struct pos pos)
{
    struct arena *a = arena_new();
    struct value v;
    struct dict *d = event(a, &v, kind);
    dict_set(d, "message", value_cstr(msg));
    add_pos(a, d, pos);
    emit(a, &v);
}

static void warning(void *data, struct pos pos, const char *msg)
{
    (void)data;
    text_event("warning", msg, pos);
}

static void deprecated(void *data, const char *msg)
{
    (void)data;
    text_event("deprecated", msg, POS_NONE);
}

static void no_hosts_matched(void *data)
{
    (void)data;
    text_event("no_hosts", "no hosts matched", POS_NONE);
}

static void no_hosts_remaining(void *data)
{
    (void)data;
    text_event("no_hosts", "no hosts remaining", POS_NONE);
}

static void message(void *data, const char *msg)
{
    (void)data;
    text_event("message", msg, POS_NONE);
}

static void live_output(void *data, const char *host, int stream, const char *s, size_t len)
{
    struct arena *a = arena_new();
    struct value v;
    struct dict *d = event(a, &v, "output");
    (void)data;
    dict_set(d, "host", value_cstr(host));
    dict_set(d, "stream", value_cstr(stream == 2 ? "stderr" : "stdout"));
    dict_set(d, "text", value_strn(a, s, len));
    emit(a, &v);
}

static void stats(void *data, const struct stats_event *ev)
{
    struct arena *a = arena_new();
    struct value v, hosts = value_dict(a);
    struct dict *d = event(a, &v, "stats");
    (void)data;
    for (size_t i = 0; i < ev->n; i++) {
        const struct host_stats *h = &ev->hosts[i];
        struct value s = value_dict(a);
        dict_set(s.u.dict, "ok", value_int(h->ok));
        dict_set(s.u.dict, "changed", value_int(h->changed));
        dict_set(s.u.dict, "unreachable", value_int(h->unreachable));
        dict_set(s.u.dict, "failed", value_int(h->failed));
        dict_set(s.u.dict, "skipped", value_int(h->skipped));
        dict_set(s.u.dict, "rescued", value_int(h->rescued));
        dict_set(s.u.dict, "ignored", value_int(h->ignored));
        if (ev->check) {
            dict_set(s.u.dict, "would_change", value_int(h->changed));
            dict_set(s.u.dict, "unknown", value_int(h->unknown));
        }
        dict_set(hosts.u.dict, h->host, s);
    }
    dict_set(d, "hosts", hosts);
    if (ev->recorded)
        dict_set(d, "run", value_cstr(ev->recorded));
    if (ev->n_foreign)
        dict_set(d, "foreign", foreign_value(a, ev));
    if (ev->custom) {
        struct value custom = {.type = VALUE_DICT};
        custom.u.dict = (struct dict *)(uintptr_t)ev->custom;
        dict_set(d, "custom", custom);
    }
    emit(a, &v);
}

struct run_sink output_json_new(const struct output_opts *o)
{
    struct output *out = xcalloc(1, sizeof *out);
    out->o = *o;
    return (struct run_sink){.data = out,
                             .playbook_start = playbook_start,
                             .play_start = play_start,
                             .no_hosts_matched = no_hosts_matched,
                             .no_hosts_remaining = no_hosts_remaining,
                             .task_start = task_start,
                             .item = item,
                             .result = result,
                             .include = include,
                             .retry = retry,
                             .notify = notify,
                             .output = live_output,
                             .warning = warning,
                             .deprecated = deprecated,
                             .message = message,
                             .stats = stats,
                             .close = free};
}
