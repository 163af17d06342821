// One JSON object per event and line, for programs: {"event": "result", "host": ..., "status": ...,
// "result": {...}}.
#include "cli/output.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"

#include <stdlib.h>
#include <string.h>

struct output {
    struct output_opts o;
};

static struct dict *event(struct arena *a, struct value *v, const char *name)
{
    *v = value_dict(a);
    dict_set(v->u.dict, "event", value_cstr(name));
    dict_set(v->u.dict, "time", value_float((double)clock_real_us() / 1e6));
    return v->u.dict;
}

static void emit(struct arena *a, const struct value *v)
{
    struct buf b = BUF_INIT;
    json_write(&b, v, NULL);
    printf("%s\n", buf_str(&b));
    fflush(stdout);
    buf_release(&b);
    arena_free(a);
}

static void add_pos(struct arena *a, struct dict *d, struct pos pos)
{
    if (pos.line)
        dict_set(d, "position", value_strf(a, "%s:%u:%u", src_name(pos.file), pos.line, pos.col));
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
    struct arena *a = arena_new();
    struct value v;
    struct dict *d = event(a, &v, "task");
    (void)data;
    dict_set(d, "name", value_cstr(ev->name));
    dict_set(d, "module", value_cstr(ev->task->module));
    dict_set(d, "handler", value_bool(ev->handler));
    add_pos(a, d, ev->task->n.pos);
    emit(a, &v);
}

static void tell(const struct output *out, const char *kind, const struct result_event *ev)
{
    static const char *const words[] = {"ok", "changed", "skipped", "failed", "unreachable"};
    struct arena *a = arena_new();
    struct value v, result = value_null();
    struct dict *d = event(a, &v, kind);
    struct output_opts o = out->o;
    o.verbosity = 3; // everything the result has
    char *text =
        dump_result(&o, ev->result, ev->task->module, ev->no_log, DUMP_WARNINGS | DUMP_ALL);
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
    tell(data, "result", ev);
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
        dict_set(hosts.u.dict, h->host, s);
    }
    dict_set(d, "hosts", hosts);
    if (ev->n_foreign)
        dict_set(d, "foreign", foreign_value(a, ev));
    emit(a, &v);
}

struct run_sink output_json_new(const struct output_opts *o)
{
    struct output *out = xcalloc(1, sizeof *out);
    out->o = *o;
    return (struct run_sink){.data = out,
                             .play_start = play_start,
                             .task_start = task_start,
                             .item = item,
                             .result = result,
                             .output = live_output,
                             .warning = warning,
                             .message = message,
                             .stats = stats,
                             .close = free};
}
