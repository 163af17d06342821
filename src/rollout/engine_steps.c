// The steps that change hosts or decide about a ring: batches, putting back, gates, failure, end.
#include "rollout/engine_internal.h"

#include <string.h>

#define PUT_BACK_TRIES 3      // of a run that is killed each time
#define PUT_BACK_SECONDS 1800 // where the ring has no deadline

// --- batches
// ------------------------------------------------------------------------------------------------

static const struct list *hosts_of(struct engine *g, const struct step *st)
{
    struct list *hosts = value_list(g->step_arena).u.list;
    for (size_t i = st->from; i < st->from + st->n; i++)
        list_add(hosts, st->ring->hosts->items[i]);
    return hosts;
}

static const char *action_name(enum batch_action action)
{
    static const char *const names[] = {"deploy", "undo", "redeploy"};
    return names[action];
}

static struct ledger_event batch_event(struct engine *g, const struct batch_job *job,
                                       const char *type)
{
    struct ledger_event ev = engine_event(g, type, job->ring);
    struct dict *body = engine_body(&ev);
    ev.run = job->run;
    dict_set(body, "action", value_cstr(action_name(job->action)));
    dict_set(body, "batch", value_int(job->batch));
    dict_set(body, "of", value_int(job->of));
    engine_set(&ev, "undoes", job->undoes);
    return ev;
}

static struct value list_value(const struct list *l)
{
    struct value v = {.type = VALUE_LIST};
    v.u.list = (struct list *)(uintptr_t)l;
    return v;
}

static int batch_ended(struct engine *g, const struct batch_job *job, const struct list *failed,
                       const char *detail, struct err *e)
{
    struct ledger_event ev = batch_event(g, job, "batch.finished");
    ev.outcome = failed->len ? "failed" : "ok";
    dict_set(engine_body(&ev), "failed", list_value(failed));
    engine_set(&ev, "reason", detail);
    return engine_record(g, &ev, 1, e);
}

// Runs that began to do just this and have no end.
static size_t cut_short(const struct engine *g, const struct batch_job *job)
{
    size_t n = 0;
    for (size_t i = 0; i < g->state.n_runs; i++) {
        const struct batch_run *b = &g->state.runs[i];
        bool same = job->action == BATCH_UNDO
                        ? b->undoes && strcmp(b->undoes, job->undoes) == 0
                        : b->batch == job->batch && strcmp(b->ring, job->ring->name) == 0;
        n += b->action == job->action && !b->finished && same;
    }
    return n;
}

static int run_job(struct engine *g, const struct batch_job *job, struct err *e)
{
    struct ledger_event ev = batch_event(g, job, "batch.started");
    struct batch_result result = {0};
    bool stale;
    dict_set(engine_body(&ev), "hosts", list_value(job->hosts));
    int rc = engine_append(g, &ev, 1, &stale, e);
    if (rc < 0 || stale)
        return rc;
    rc = engine_fetch(g, e);
    if (rc == 0)
        rc = g->hooks->run(g->hooks->data, job, g->step_arena, &result, e);
    if (rc < 0)
        return rc;
    if (result.interrupted)
        return ERR_CANCELLED;
    // What puts back is not given up because somebody killed it once: without an end it is begun
    // again.
    if (result.lost && job->action != BATCH_DEPLOY && cut_short(g, job) < PUT_BACK_TRIES)
        return 0;
    return batch_ended(g, job, result.failed, result.detail, e);
}

// --- a run that was cut off from its controller
// -----------------------------------------------------------------------------

static int add_failed(void *data, const struct ledger_event *ev)
{
    struct list *failed = data;
    if (strcmp(ev->outcome, "failed") == 0 || strcmp(ev->outcome, "unreachable") == 0)
        list_add(failed, value_str(failed->arena, ev->host));
    return 0;
}

static int conclusive(void *data, const struct ledger_event *ev)
{
    (void)data;
    return strcmp(ev->outcome, "ok") == 0 || strcmp(ev->outcome, "failed") == 0 ||
           strcmp(ev->outcome, "unreachable") == 0;
}

static int any(void *data, const struct ledger_event *ev)
{
    (void)data;
    (void)ev;
    return 1;
}

static int each_of_run(struct engine *g, const char *run, const char *type,
                       int (*fn)(void *, const struct ledger_event *), void *data, struct err *e)
{
    const char *const types[] = {type, NULL};
    struct ledger_filter f = {.types = types, .run = run};
    return ledger_each(g->ledger, &f, g->step_arena, fn, data, e);
}

// 1 when the ledger says how the run ended; the hosts that failed are in *ret.
static int found_end(struct engine *g, const char *run, struct list **ret, struct err *e)
{
    struct list *failed = value_list(g->step_arena).u.list;
    int rc = each_of_run(g, run, "run.finished", conclusive, NULL, e);
    if (rc <= 0)
        return rc;
    rc = each_of_run(g, run, "run.host", add_failed, failed, e);
    *ret = failed;
    return rc < 0 ? rc : 1;
}

static struct batch_job job_of(struct engine *g, const struct step *st, const char *run)
{
    return (struct batch_job){.action = st->action,
                              .ring = st->ring,
                              .def = st->def,
                              .run = run,
                              .release = st->action == BATCH_REDEPLOY ? g->state.previous
                                         : st->action == BATCH_DEPLOY ? g->state.release
                                                                      : NULL,
                              .undoes = st->action == BATCH_UNDO ? st->run->run : NULL,
                              .batch = st->batch,
                              .of = st->of,
                              .authority = st->ring->authority};
}

int engine_batch(struct engine *g, const struct step *st, struct err *e)
{
    char id[32];
    if (st->kind == STEP_BATCH_CHECK) {
        struct list *failed;
        int rc = found_end(g, st->run->run, &failed, e);
        struct batch_job was = job_of(g, st, st->run->run);
        if (rc != 0)
            return rc < 0 ? rc : batch_ended(g, &was, failed, NULL, e);
    }
    ledger_new_id('r', id);
    struct batch_job job = job_of(g, st, id);
    job.hosts = hosts_of(g, st);
    job.deadline = rollout_deadline(&g->state, g->service);
    return run_job(g, &job, e);
}

// --- putting back
// ---------------------------------------------------------------------------------------------

// The run that began to put this back and whose end was not written down, or NULL.
static const struct batch_run *begun(const struct engine *g, const struct step *st)
{
    for (size_t i = g->state.n_runs; i > 0; i--) {
        const struct batch_run *b = &g->state.runs[i - 1];
        if (b->action != st->action || b->finished)
            continue;
        if (st->action == BATCH_UNDO
                ? strcmp(b->undoes, st->run->run) == 0
                : b->batch == st->batch && strcmp(b->ring, st->ring->name) == 0)
            return b;
    }
    return NULL;
}

// A run that never began did nothing.
static int nothing_to_undo(struct engine *g, const struct batch_job *job, struct err *e)
{
    struct ledger_event evs[2] = {batch_event(g, job, "batch.started"),
                                  batch_event(g, job, "batch.finished")};
    bool stale;
    dict_set(engine_body(&evs[0]), "hosts", value_list(g->step_arena));
    evs[1].outcome = "ok";
    dict_set(engine_body(&evs[1]), "failed", value_list(g->step_arena));
    engine_set(&evs[1], "reason", "the run never began");
    return engine_append(g, evs, 2, &stale, e);
}

// Putting back has the time of the ring anew, and ends in any case: a host that hangs in it is left
// as one that was not put back.
static int64_t put_back_deadline(const struct engine *g, const struct step *st)
{
    double seconds = st->def && st->def->deadline > 0 ? st->def->deadline : PUT_BACK_SECONDS;
    return g->hooks->now(g->hooks->data) + (int64_t)(seconds * 1e6);
}

int engine_put_back(struct engine *g, const struct step *st, struct err *e)
{
    const struct batch_run *before = begun(g, st);
    struct list *failed;
    char id[32];
    int rc = before ? found_end(g, before->run, &failed, e) : 0;
    if (rc < 0)
        return rc;
    if (rc > 0) {
        struct batch_job was = job_of(g, st, before->run);
        return batch_ended(g, &was, failed, NULL, e);
    }
    ledger_new_id('r', id);
    struct batch_job job = job_of(g, st, id);
    job.hosts = st->run->hosts;
    job.deadline = put_back_deadline(g, st);
    if (st->action == BATCH_UNDO && !st->run->finished) {
        rc = each_of_run(g, st->run->run, "run.started", any, NULL, e);
        if (rc < 0)
            return rc;
        if (rc == 0)
            return nothing_to_undo(g, &job, e);
    }
    return run_job(g, &job, e);
}

// --- gates
// ------------------------------------------------------------------------------------------------

static struct ledger_event gate_event(struct engine *g, const struct step *st, const char *type)
{
    struct ledger_event ev = engine_event(g, type, st->ring);
    engine_set(&ev, "when", st->after ? "after" : "before");
    return ev;
}

static struct value result_value(struct engine *g, const struct gate_result *r)
{
    static const char *const kinds[] = {"command", "hosts",  "playbook", "http",  "prometheus",
                                        "bake",    "window", "health",   "canary"};
    struct value v = value_dict(g->step_arena);
    dict_set(v.u.dict, "gate", value_cstr(r->gate->name));
    dict_set(v.u.dict, "kind", value_cstr(kinds[r->gate->kind]));
    dict_set(v.u.dict, "ok", value_bool(r->answer == GATE_GREEN));
    if (r->answer == GATE_UNKNOWN)
        dict_set(v.u.dict, "unknown", value_bool(true));
    if (r->detail)
        dict_set(v.u.dict, "detail", value_cstr(r->detail));
    if (r->values.type != VALUE_NULL)
        dict_set(v.u.dict, "values", r->values);
    return v;
}

// Those that are asked: a rollback does not wait for time.
static size_t wanted_gates(struct engine *g, const struct step *st, struct gate **ret)
{
    const struct gate *all = st->after ? st->def->after : st->def->before;
    size_t n_all = st->after ? st->def->n_after : st->def->n_before, n = 0;
    *ret = arena_array(g->step_arena, struct gate, n_all ? n_all : 1);
    for (size_t i = 0; i < n_all; i++)
        if (!g->state.rollback || !rollout_gate_waits(&all[i]))
            (*ret)[n++] = all[i];
    return n;
}

static struct ledger_event verdict_event(struct engine *g, const struct step *st, bool passed,
                                         int64_t now, const char *gate, const char *reason)
{
    struct ledger_event ev = gate_event(g, st, passed ? "gate.passed" : "gate.failed");
    dict_set(engine_body(&ev), "samples", value_int(st->poll.samples));
    dict_set(engine_body(&ev), "seconds", value_float((double)(now - st->poll.began) / 1e6));
    engine_set(&ev, "gate", gate);
    engine_set(&ev, "reason", reason);
    return ev;
}

int engine_gates(struct engine *g, const struct step *st, struct err *e)
{
    struct gate *gates;
    size_t n = wanted_gates(g, st, &gates);
    struct gate_result *results = arena_array(g->step_arena, struct gate_result, n ? n : 1);
    const struct gate_result *red = NULL, *final = NULL;
    int rc =
        g->hooks->sample(g->hooks->data, st->ring, gates, n,
                         rollout_state_failures(&g->state, st->ring), g->step_arena, results, e);
    if (rc < 0)
        return rc;
    struct ledger_event evs[2] = {gate_event(g, st, "gate.sample")};
    struct value list = value_list(g->step_arena);
    for (size_t i = 0; i < n; i++) {
        list_add(list.u.list, result_value(g, &results[i]));
        red = !red && results[i].answer != GATE_GREEN ? &results[i] : red;
        final = !final && results[i].final && results[i].answer == GATE_RED ? &results[i] : final;
    }
    dict_set(engine_body(&evs[0]), "n", value_int(st->poll.samples + 1));
    dict_set(engine_body(&evs[0]), "results", list);
    struct step after = *st;
    int64_t now = g->hooks->now(g->hooks->data);
    enum gate_verdict verdict = gate_poll_add(&after.poll, now, !red);
    size_t n_events = 1;
    red = final ? final : red;
    const char *why = red ? red->detail : "was not green within its time";
    if (final)
        verdict = GATES_FAILED;
    if (verdict == GATES_PASSED)
        evs[n_events++] = verdict_event(g, &after, true, now, NULL, NULL);
    else if (verdict == GATES_FAILED)
        evs[n_events++] = verdict_event(g, &after, false, now, red ? red->gate->name : NULL, why);
    return engine_record(g, evs, n_events, e);
}

int engine_gates_late(struct engine *g, const struct step *st, struct err *e)
{
    const struct gate_series *series = st->after ? &st->ring->after : &st->ring->before;
    const struct gate_timing *t = st->after ? &st->def->after_timing : &st->def->before_timing;
    const char *reason =
        arena_printf(g->step_arena, "not green within %.0f s%s%s", t->timeout,
                     series->detail ? "; last: " : "", series->detail ? series->detail : "");
    struct ledger_event ev =
        verdict_event(g, st, false, g->hooks->now(g->hooks->data), series->red, reason);
    bool stale;
    return engine_append(g, &ev, 1, &stale, e);
}

// --- failure and end
// ------------------------------------------------------------------------------------------------

static struct value cause_of(struct engine *g, const struct step *st)
{
    struct value cause = value_dict(g->step_arena);
    dict_set(cause.u.dict, "ring", value_cstr(st->ring->name));
    if (st->gate)
        dict_set(cause.u.dict, "gate", value_cstr(st->gate));
    if (st->reason)
        dict_set(cause.u.dict, "reason", value_cstr(st->reason));
    return cause;
}

int engine_ring_failed(struct engine *g, const struct step *st, struct err *e)
{
    struct ledger_event evs[2] = {engine_event(g, "ring.failed", st->ring),
                                  engine_event(g, "incident.opened", st->ring)};
    char id[32];
    bool stale;
    engine_set(&evs[0], "reason", st->reason);
    engine_set(&evs[0], "gate", st->gate);
    dict_set(engine_body(&evs[0]), "hosts", value_int((int64_t)st->ring->hosts->len));
    dict_set(engine_body(&evs[0]), "failed",
             value_int((int64_t)rollout_state_failures(&g->state, st->ring)));
    // A ring that nothing reached is no incident.
    if (g->state.incident || !rollout_state_touched(&g->state, st->ring))
        return engine_append(g, evs, 1, &stale, e);
    ledger_new_id('i', id);
    evs[1].incident = id;
    engine_set(&evs[1], "title",
               arena_printf(g->step_arena, "%s %s failed in ring %s", g->state.service,
                            g->state.release, st->ring->name));
    engine_set(&evs[1], "noticed_by", "gate");
    engine_set(&evs[1], "severity", st->def && st->def->production ? "high" : "low");
    dict_set(engine_body(&evs[1]), "cause", cause_of(g, st));
    return engine_append(g, evs, 2, &stale, e);
}

struct incident_search {
    struct arena *arena;
    const char *open;
};

static int last_open(void *data, const struct ledger_event *ev)
{
    struct incident_search *search = data;
    if (strcmp(ev->type, "incident.opened") == 0)
        search->open = arena_strdup(search->arena, ev->incident);
    else if (search->open && strcmp(search->open, ev->incident) == 0 &&
             strcmp(ev->type, "incident.linked") != 0)
        search->open = NULL;
    return 0;
}

// The incident that this end mitigates: its own, or of a rollback the service's last open one.
static int incident_of(struct engine *g, const char *outcome, const char **ret, struct err *e)
{
    static const char *const types[] = {"incident.*", NULL};
    struct incident_search search = {.arena = g->step_arena};
    struct ledger_filter f = {.types = types, .service = g->state.service};
    *ret = NULL;
    if (strcmp(outcome, "undone") == 0 || strcmp(outcome, "redeployed") == 0)
        *ret = g->state.incident;
    if (!g->state.rollback || strcmp(outcome, "done") != 0)
        return 0;
    int rc = ledger_each(g->ledger, &f, g->step_arena, last_open, &search, e);
    *ret = search.open;
    return rc;
}

int engine_finish(struct engine *g, const struct step *st, struct err *e)
{
    bool good = strcmp(st->outcome, "done") == 0, stale;
    const char *incident;
    struct ledger_event evs[3] = {engine_event(g, "rollout.finished", st->ring)};
    size_t n = 1;
    evs[0].outcome = st->outcome;
    engine_set(&evs[0], "reason", st->reason);
    if (st->ring)
        engine_set(&evs[0], "gate", st->ring->gate);
    if (strcmp(st->outcome, "partly") == 0)
        dict_set(engine_body(&evs[0]), "hosts",
                 list_value(rollout_state_left(&g->state, g->step_arena)));
    int rc = incident_of(g, st->outcome, &incident, e);
    if (rc < 0)
        return rc;
    if (incident) {
        evs[n] = engine_event(g, "incident.mitigated", NULL);
        evs[n].incident = incident;
        engine_set(&evs[n++], "by", g->state.id);
    }
    if (!good) {
        const char *gate = st->ring->gate, *why = gate ? gate : st->reason;
        evs[n] = engine_event(g, "cord.pulled", st->ring);
        engine_set(&evs[n++], "reason",
                   arena_printf(g->step_arena, "%s failed in ring %s%s%s%s", g->state.release,
                                st->ring->name, why ? ": " : "", gate ? "gate " : "",
                                why ? why : ""));
    }
    return engine_append(g, evs, n, &stale, e);
}
