// The recorder of runs: its ledger, its events, and when they are written.
//
// Durable at once: run.started. The rest is written about every second, in one transaction each
// time, and when the run ends: of a killed controller the changes of its last second are not known
// (they stand in the journals of the hosts), and its run has no run.finished.
#include "cli/event_text.h"
#include "cli/record_parts.h"
#include "cli/sink_tee.h"

#include "core/file.h"

#include <stdlib.h>
#include <string.h>

#define FLUSH_MS 1000
#define FLUSH_EVENTS 5000

static void stop(struct recorder *r)
{
    ledger_close(r->ledger);
    r->ledger = NULL;
    r->s->recorded = false;
}

static void give_up(struct recorder *r, struct err *e)
{
    struct session *s = r->s;
    if (s->run.sink.clear)
        s->run.sink.clear(s->run.sink.data);
    print_warning(&s->out, "the ledger cannot be written: %s; nothing more of this run is recorded",
                  err_msg(e));
    err_release(e);
    stop(r);
}

struct ledger_event *record_event(struct recorder *r, const char *type, const char *host)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->events = xrealloc(r->events, r->cap * sizeof *r->events);
    }
    if (!r->n)
        r->since_ms = clock_mono_ms();
    struct ledger_event *ev = &r->events[r->n++];
    const struct record_context *c = &r->context;
    *ev = (struct ledger_event){.time = clock_real_us(),
                                .type = type,
                                .actor = r->actor,
                                .service = c->service,
                                .release = c->release,
                                .rollout = c->rollout,
                                .ring = c->ring,
                                .run = r->id,
                                .host = arena_strdup(r->pending, host)};
    return ev;
}

static void forget(struct recorder *r)
{
    r->n = 0;
    arena_reset(r->pending);
}

static void flush(struct recorder *r)
{
    struct err e = ERR_INIT;
    if (r->ledger && r->n && ledger_append(r->ledger, r->events, r->n, &e) < 0)
        give_up(r, &e);
    forget(r);
}

void record_tick(struct recorder *r)
{
    if (r->n && (clock_mono_ms() - r->since_ms >= FLUSH_MS || r->n >= FLUSH_EVENTS))
        flush(r);
}

// --- beginning
// ------------------------------------------------------------------------------------------

static int refuse(struct recorder *r, struct err *e)
{
    struct session *s = r->s;
    err_wrap(e, "this run is part of rollout %s and the ledger cannot be written",
             r->context.rollout);
    session_error(s, e);
    err_release(e);
    return RUN_ERROR;
}

static void free_recorder(struct recorder *r)
{
    ledger_close(r->ledger);
    arena_free(r->pending);
    arena_free(r->arena);
    free(r->events);
    free(r);
}

static struct recorder *new_recorder(struct session *s)
{
    struct recorder *r = xcalloc(1, sizeof *r);
    r->s = s;
    r->id = s->run.run_id;
    r->pending = arena_new();
    r->arena = arena_new();
    r->seconds = value_dict(r->arena).u.dict;
    r->digests = value_dict(r->arena).u.dict;
    return r;
}

bool record_wanted(const struct session *s)
{
    const char *rollout = getenv("ANDON_CONTEXT"); // what is part of one is always recorded
    return config_bool(s->config, CONFIG_LEDGER) || (rollout && *rollout);
}

int record_open(struct session *s)
{
    char id[32];
    struct err e = ERR_INIT;
    ledger_new_id('r', id);
    s->run.run_id = arena_strdup(s->arena, id);
    if (!record_wanted(s))
        return 0;
    struct recorder *r = new_recorder(s);
    bool rollout = record_context_read(r);
    if (ledger_open(session_state_dir(s), NULL, &r->ledger, &e) < 0) {
        int code = rollout ? refuse(r, &e) : 0;
        if (!rollout)
            print_warning(&s->out, "this run is not recorded: %s", err_msg(&e));
        err_release(&e);
        free_recorder(r);
        return code;
    }
    if (rollout)
        record_context_verify(r);
    else
        events_warn_clock(s, r->ledger);
    if (r->context.run && r->context.gives_up.type == VALUE_LIST)
        s->run.gives_up = value_copy(s->arena, &r->context.gives_up).u.list;
    if (r->context.run) // the rollout has written it down before it began
        r->id = s->run.run_id = arena_strdup(s->arena, r->context.run);
    r->actor = s->actor ? s->actor : ledger_actor(r->arena);
    s->recorder = r;
    s->recorded = true;
    s->run.recorded = &s->recorded;
    s->run.record_diff = !s->run.check;
    s->run.sink = sink_tee(s->run.sink, record_sink(r));
    return 0;
}

int record_begin(struct session *s)
{
    struct recorder *r = s->recorder;
    struct err e = ERR_INIT;
    if (!r || r->begun || !r->ledger)
        return 0;
    r->begun = true;
    r->begun_ms = clock_mono_ms();
    if (s->actor) // who it is may have been verified since the recorder was opened (guard.h)
        r->actor = s->actor;
    struct ledger_event *ev = record_event(r, "run.started", NULL);
    ev->body = record_started(r, r->pending).u.dict;
    int code = 0;
    if (ledger_append(r->ledger, r->events, r->n, &e) < 0 && r->context.rollout) {
        code = refuse(r, &e);
        stop(r);
    } else if (e.code) {
        give_up(r, &e);
    }
    forget(r);
    return code;
}

// --- the end
// ------------------------------------------------------------------------------------------

static const char *host_outcome(const struct host_stats *h)
{
    return h->unreachable ? "unreachable" : h->failed ? "failed" : h->changed ? "changed" : "ok";
}

static void add_host(struct recorder *r, const struct host_stats *h)
{
    struct ledger_event *ev = record_event(r, "run.host", h->host);
    struct dict *d = value_dict(r->pending).u.dict;
    const struct value *seconds = dict_get(r->seconds, h->host);
    dict_set(d, "ok", value_int(h->ok));
    dict_set(d, "changed", value_int(h->changed));
    dict_set(d, "failed", value_int(h->failed));
    dict_set(d, "skipped", value_int(h->skipped));
    dict_set(d, "rescued", value_int(h->rescued));
    dict_set(d, "ignored", value_int(h->ignored));
    dict_set(d, "unreachable", value_int(h->unreachable));
    if (seconds)
        dict_set(d, "seconds", *seconds);
    ev->outcome = host_outcome(h);
    ev->body = d;
}

static const char *run_outcome_name(int code)
{
    return code == RUN_OK            ? "ok"
           : code == RUN_FAILED      ? "failed"
           : code == RUN_UNREACHABLE ? "unreachable"
           : code == RUN_INTERRUPTED ? "interrupted"
                                     : "error";
}

// Milliseconds are enough.
static struct value seconds_since(int64_t ms)
{
    return value_float((double)(clock_mono_ms() - ms) / 1000.0);
}

static void add_finished(struct recorder *r, const struct host_stats *h, size_t n, int code)
{
    int64_t changed = 0, failed = 0, unreachable = 0;
    bool check = r->s->run.check;
    for (size_t i = 0; i < n; i++) {
        changed += h[i].changed && !check;
        failed += h[i].failed > 0;
        unreachable += h[i].unreachable > 0;
        if (!check)
            add_host(r, &h[i]);
    }
    struct ledger_event *ev = record_event(r, "run.finished", NULL);
    struct dict *d = value_dict(r->pending).u.dict;
    dict_set(d, "exit", value_int(code));
    dict_set(d, "seconds", seconds_since(r->begun_ms));
    dict_set(d, "hosts", value_int((int64_t)n));
    dict_set(d, "changed", value_int(changed));
    dict_set(d, "failed", value_int(failed));
    dict_set(d, "unreachable", value_int(unreachable));
    if (check)
        dict_set(d, "check", value_bool(true));
    ev->outcome = run_outcome_name(code);
    ev->body = d;
}

void record_end(struct session *s, struct run *run, int code)
{
    struct recorder *rec = s->recorder;
    size_t n;
    if (!rec)
        return;
    s->recorder = NULL;
    if (rec->begun && rec->ledger) {
        struct host_stats *h = run_host_stats(run, rec->arena, &n);
        add_finished(rec, h, n, code);
        flush(rec);
    }
    free_recorder(rec);
}
