#include "rollout/next.h"

#include <string.h>

#define SECOND 1000000.0

bool rollout_gate_waits(const struct gate *g)
{
    return g->kind == GATE_BAKE || g->kind == GATE_WINDOW || g->kind == GATE_CANARY;
}

struct ring_state *rollout_ring_now(const struct rollout_state *s)
{
    for (size_t i = 0; i < s->n_rings; i++)
        if (s->rings[i].stage != RING_PASSED)
            return &s->rings[i];
    return NULL;
}

static const struct ring_state *failed_ring(const struct rollout_state *s, size_t *ret_index)
{
    for (size_t i = 0; i < s->n_rings; i++)
        if (s->rings[i].stage == RING_FAILED || s->rings[i].stage == RING_UNDONE) {
            // rings in front of the failed one are put back after it
            while (i + 1 < s->n_rings &&
                   (s->rings[i + 1].stage == RING_FAILED || s->rings[i + 1].stage == RING_UNDONE))
                i++;
            *ret_index = i;
            return &s->rings[i];
        }
    return NULL;
}

static size_t batch_size(const struct ring *def, size_t hosts)
{
    size_t n = amount_of(def->batch, hosts, hosts);
    return n ? n : 1;
}

unsigned rollout_batches(const struct ring *def, size_t hosts)
{
    size_t size = batch_size(def, hosts);
    return (unsigned)((hosts + size - 1) / size);
}

int64_t rollout_deadline(const struct rollout_state *s, const struct service *svc)
{
    const struct ring_state *r = rollout_ring_now(s);
    const struct ring *def = r ? service_ring(svc, r->name) : NULL;
    if (!def || r->stage != RING_RUNNING || r->accepted || !(def->deadline > 0))
        return 0;
    return r->started + (int64_t)(def->deadline * SECOND);
}

enum on_failure rollout_on_failure(const struct rollout_state *s, const struct service *svc,
                                   const struct ring_state *r)
{
    // A rollback that fails is not rolled back, and a ring that was not touched is not hurt: people
    // decide.
    if (s->rollback || !rollout_state_touched(s, r))
        return FAIL_HOLD;
    return svc->on_failure == FAIL_REDEPLOY && !s->previous ? FAIL_UNDO : svc->on_failure;
}

static struct step wait_for(struct step st, enum wait_for what, int64_t until, const char *reason)
{
    st.kind = STEP_WAIT;
    st.wait = what;
    st.until = until;
    st.reason = reason;
    return st;
}

static struct step fail_ring(struct step st, const char *gate, const char *reason)
{
    st.kind = STEP_RING_FAIL;
    st.gate = gate;
    st.reason = reason;
    return st;
}

// --- what is in the way of something new
// -------------------------------------------------------------------------------------

static bool in_the_way(const struct ring_state *r, const struct conditions *c, struct step *st)
{
    if (c->cord) {
        *st = wait_for(*st, WAIT_CORD, 0, c->cord->reason);
        return true;
    }
    if (c->closed && !(r->promoted & PROMOTED_CALENDAR)) {
        *st = wait_for(*st, WAIT_CALENDAR, c->opens, c->closed_why);
        return true;
    }
    return false;
}

// --- gates
// ------------------------------------------------------------------------------------------------

// Where the series stands: samples are in the ledger, so that a new controller counts on.
static struct gate_poll poll_of(const struct gate_series *g, const struct gate_timing *t,
                                int64_t began)
{
    struct gate_poll p;
    gate_poll_init(&p, t, began);
    if (!g->samples)
        return p;
    gate_poll_init(&p, t, g->first - (int64_t)(t->delay * SECOND));
    p.samples = g->samples;
    p.green_since = g->green_since;
    p.sampled = p.last = g->last;
    p.next = g->last + (int64_t)(t->every * SECOND);
    if (p.next > p.deadline)
        p.next = p.deadline;
    return p;
}

static struct step gates(struct step st, const struct gate_series *g, int64_t began, int64_t now)
{
    const struct gate_timing *t = st.after ? &st.def->after_timing : &st.def->before_timing;
    if (g->failed)
        return fail_ring(st, g->gate, g->reason);
    st.poll = poll_of(g, t, began);
    if (now < st.poll.next)
        return wait_for(st, WAIT_GATES, st.poll.next, NULL);
    struct gate_poll late = st.poll;
    bool over = now > late.deadline && gate_poll_check(&late, now) == GATES_FAILED;
    st.kind = over ? STEP_GATES_LATE : STEP_GATES;
    return st;
}

// --- a failure
// --------------------------------------------------------------------------------------------

static struct step finish(struct step st, const char *outcome, const char *reason)
{
    st.kind = STEP_FINISH;
    st.outcome = outcome;
    st.reason = reason;
    return st;
}

static bool redeployed(const struct rollout_state *s, const struct ring_state *r, unsigned batch)
{
    for (size_t i = 0; i < s->n_runs; i++)
        if (s->runs[i].action == BATCH_REDEPLOY && s->runs[i].finished &&
            s->runs[i].batch == batch && strcmp(s->runs[i].ring, r->name) == 0)
            return true;
    return false;
}

// Whether it is the last of its batch, on which the previous release is not back yet.
static bool is_to_redeploy(const struct rollout_state *s, const struct ring_state *r,
                           const struct batch_run *b)
{
    return rollout_state_batch(s, r, b->batch) == b && !redeployed(s, r, b->batch);
}

// The newest of the ring that is to be put back.
static const struct batch_run *left(const struct rollout_state *s, const struct ring_state *r,
                                    enum on_failure how)
{
    for (size_t i = s->n_runs; i > 0; i--) {
        const struct batch_run *b = &s->runs[i - 1];
        if (b->action == BATCH_DEPLOY && strcmp(b->ring, r->name) == 0 &&
            (how == FAIL_UNDO ? !rollout_state_undone(s, b->run) : is_to_redeploy(s, r, b)))
            return b;
    }
    return NULL;
}

static struct step put_back(const struct rollout_state *s, const struct service *svc, size_t failed,
                            enum on_failure how)
{
    struct step st = {.kind = STEP_NONE};
    for (size_t i = failed + 1; i > 0; i--) { // the ring that hurts first
        struct ring_state *r = &s->rings[i - 1];
        const struct batch_run *b = left(s, r, how);
        st.ring = r;
        st.def = service_ring(svc, r->name);
        if (b) {
            st.kind = STEP_UNDO;
            st.action = how == FAIL_UNDO ? BATCH_UNDO : BATCH_REDEPLOY;
            st.run = b;
            st.batch = b->batch;
            st.of = b->of;
            return st;
        }
        if (r->stage != RING_UNDONE && rollout_state_touched(s, r)) {
            st.kind = STEP_RING_UNDONE;
            return st;
        }
    }
    struct list *left = rollout_state_left(s, s->arena);
    st.ring = &s->rings[failed];
    return finish(st,
                  left->len          ? "partly"
                  : how == FAIL_UNDO ? "undone"
                                     : "redeployed",
                  s->rings[failed].reason);
}

static struct step after_failure(const struct rollout_state *s, const struct service *svc,
                                 size_t failed)
{
    struct ring_state *r = &s->rings[failed];
    enum on_failure how = rollout_on_failure(s, svc, r);
    if (how != FAIL_HOLD)
        return put_back(s, svc, failed, how);
    struct step st = {
        .kind = STEP_HOLD, .ring = r, .def = service_ring(svc, r->name), .reason = r->reason};
    return s->held ? wait_for(st, WAIT_HELD, 0, s->why) : st;
}

// --- a ring
// -----------------------------------------------------------------------------------------------

static struct step before_ring(const struct rollout_state *s, struct step st, int64_t now,
                               const struct conditions *c)
{
    const struct ring_state *r = st.ring;
    if (in_the_way(r, c, &st))
        return st;
    if (c->unapproved && c->ask && !r->requested) {
        st.kind = STEP_REQUEST;
        st.reason = c->approval_why;
        return st;
    }
    if (c->unapproved)
        return wait_for(st, WAIT_APPROVAL, 0, c->approval_why);
    if (st.def->n_before && !s->rollback && !r->before.passed && !(r->promoted & PROMOTED_BEFORE))
        return gates(st, &r->before, c->clear_since > s->last ? c->clear_since : s->last, now);
    st.kind = STEP_RING_START;
    return st;
}

static bool has_after_gates(const struct rollout_state *s, const struct ring *def)
{
    for (size_t i = 0; i < def->n_after; i++)
        if (!s->rollback || !rollout_gate_waits(&def->after[i]))
            return true;
    return false;
}

static const char *failures_text(const struct rollout_state *s, const struct ring_state *r,
                                 size_t failures, size_t may)
{
    if (may)
        return arena_printf(s->arena, "%zu of %zu hosts failed, %zu may", failures, r->hosts->len,
                            may);
    return arena_printf(s->arena, "%zu of %zu hosts failed", failures, r->hosts->len);
}

// The next batch that has not gone well, else st.batch is 0.
static struct step next_batch(const struct rollout_state *s, struct step st)
{
    const struct ring_state *r = st.ring;
    size_t size = batch_size(st.def, r->hosts->len);
    st.of = rollout_batches(st.def, r->hosts->len);
    for (unsigned i = 1; i <= st.of; i++) {
        const struct batch_run *b = rollout_state_batch(s, r, i);
        if (b && b->finished && !b->again)
            continue;
        st.batch = i;
        st.from = (size_t)(i - 1) * size;
        st.n = r->hosts->len - st.from < size ? r->hosts->len - st.from : size;
        st.run = b;
        st.kind = b && !b->finished ? STEP_BATCH_CHECK : STEP_BATCH;
        return st;
    }
    st.batch = 0;
    return st;
}

static struct step in_ring(const struct rollout_state *s, struct step st, int64_t now,
                           const struct conditions *c)
{
    const struct ring_state *r = st.ring;
    size_t failures = r->accepted ? 0 : rollout_state_failures(s, r),
           may = amount_of(st.def->max_failures, r->hosts->len, 0);
    if (failures > may)
        return fail_ring(st, NULL, failures_text(s, r, failures, may));
    st = next_batch(s, st);
    if (st.batch) {
        int64_t rest = r->deployed + (int64_t)(st.def->pause * SECOND);
        if (st.kind == STEP_BATCH_CHECK) // it has begun, so nothing new begins
            return st;
        if (in_the_way(r, c, &st))
            return st;
        if (r->deployed && !s->rollback && now < rest && !(r->promoted & PROMOTED_PAUSE))
            return wait_for(st, WAIT_PAUSE, rest, NULL);
        return st;
    }
    st.after = true;
    if (has_after_gates(s, st.def) && !r->after.passed && !(r->promoted & PROMOTED_AFTER))
        return gates(st, &r->after, r->gates_from, now);
    st.kind = STEP_RING_PASS;
    return st;
}

struct step rollout_next(const struct rollout_state *s, const struct service *svc, int64_t now,
                         const struct conditions *c)
{
    struct step st = {.kind = STEP_NONE};
    size_t failed;
    if (s->finished || !s->id)
        return st;
    if (failed_ring(s, &failed))
        return after_failure(s, svc, failed);
    st.ring = rollout_ring_now(s);
    if (!st.ring)
        return finish(st, "done", NULL);
    st.def = service_ring(svc, st.ring->name);
    if (!st.def)
        return fail_ring(st, NULL, "the service file no longer has this ring");
    int64_t deadline = rollout_deadline(s, svc);
    if (deadline && now >= deadline)
        return fail_ring(
            st, NULL,
            arena_printf(s->arena, "not done within its deadline of %.0f s", st.def->deadline));
    // A batch that was cut short goes first, whatever has been pulled since: its hosts are neither
    // old nor new.
    struct step cut = st.ring->stage == RING_RUNNING ? next_batch(s, st) : st;
    if (cut.kind == STEP_BATCH_CHECK)
        return cut;
    if (s->paused)
        return wait_for(st, WAIT_PAUSED, deadline, s->why);
    if (st.ring->stage == RING_WAITING)
        st = before_ring(s, st, now, c);
    else
        st = in_ring(s, st, now, c);
    if (st.kind == STEP_WAIT && deadline && (!st.until || deadline < st.until))
        st.until = deadline;
    return st;
}
