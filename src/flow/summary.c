// What follows from all events together: sums of rings, which rollouts reached production, which of
// them failed there, and what took them back.
#include "flow/summary.h"

#include <stdlib.h>
#include <string.h>

// --- rings
// ------------------------------------------------------------------------------------------------

static int by_from(const void *a, const void *b)
{
    int64_t x = ((const struct flow_span *)a)->from, y = ((const struct flow_span *)b)->from;
    return (x > y) - (x < y);
}

int64_t flow_spans_cover(struct flow_spans *s, int64_t from, int64_t to)
{
    int64_t sum = 0, at = from;
    if (s->n)
        qsort(s->at, s->n, sizeof *s->at, by_from);
    for (size_t i = 0; i < s->n; i++) {
        int64_t begin = s->at[i].from > at ? s->at[i].from : at,
                end = s->at[i].to && s->at[i].to < to ? s->at[i].to : to;
        if (end <= begin)
            continue;
        sum += end - begin;
        at = end;
    }
    return sum;
}

// A request nobody answered ended when the ring went on all the same.
static void end_requests(struct flow_ring *g)
{
    for (size_t i = 0; i < g->asked.n; i++)
        if (!g->asked.at[i].to)
            g->asked.at[i].to = g->first_batch ? g->first_batch : g->ended;
}

static void sum_rings(struct flow_rollout *r)
{
    int64_t entered = r->started;
    for (size_t i = 0; i < r->n_rings; i++) {
        struct flow_ring *g = &r->rings[i];
        g->entered = entered;
        if (!g->ended && r->finished && g->entry) // stopped in the middle
            g->ended = r->finished;
        if (!g->ended)
            return;
        end_requests(g);
        g->working = flow_spans_cover(&g->batches, g->entered, g->ended);
        g->approval = flow_spans_cover(&g->asked, g->entered, g->ended);
        g->gates = flow_spans_cover(&g->sampling, g->entered, g->ended);
        entered = g->ended;
    }
}

// --- production
// ------------------------------------------------------------------------------------------------

static void fail(struct flow_rollout *r, const char *why, int64_t event)
{
    if (r->failed)
        return;
    r->failed = true;
    r->why = why;
    r->ev_failed = event;
}

static void restored(struct flow_rollout *r, int64_t t, int64_t event)
{
    r->restored = t;
    r->ev_restored = event;
}

// Whether production got it, and when it had all of it.
static void reach_production(struct flow_rollout *r)
{
    size_t rings = 0, passed = 0;
    for (size_t i = 0; i < r->n_rings; i++) {
        const struct flow_ring *g = &r->rings[i];
        if (!g->production)
            continue;
        rings++;
        if (g->touched || g->passed) {
            int64_t at = g->first_batch ? g->first_batch : g->ended;
            r->reached_at = r->reached && r->reached_at < at ? r->reached_at : at;
            r->reached = true;
        }
        if (!g->passed)
            continue;
        passed++;
        if (g->ended > r->deployed) {
            r->deployed = g->ended;
            r->ev_deployed = g->ev_passed;
        }
    }
    if (!rings || passed < rings) {
        r->deployed = 0;
        r->ev_deployed = FLOW_NO_EVENT;
    }
}

// What the rollout itself knows of its failure in production.
static void judge_own(struct flow_rollout *r)
{
    int64_t undone = 0, ev_undone = FLOW_NO_EVENT, failed_at = 0;
    if (!r->reached)
        return;
    for (size_t i = 0; i < r->n_rings; i++) {
        const struct flow_ring *g = &r->rings[i];
        if (!g->production || !(g->touched || g->passed))
            continue;
        if (g->failed) {
            fail(r, g->reason ? g->reason : "the ring failed", g->ev_failed);
            if (!failed_at || g->failed_at < failed_at)
                failed_at = g->failed_at;
        }
        if (g->undone) {
            fail(r, "undone", g->ev_undone);
            if (g->undone_at > undone) {
                undone = g->undone_at;
                ev_undone = g->ev_undone;
            }
        }
    }
    if (!r->deployed && r->finished && r->end != FLOW_DONE)
        fail(r, flow_end_name(r->end), r->ev_finished);
    r->over = r->deployed ? r->deployed : failed_at ? failed_at : r->failed ? r->finished : 0;
    if (!r->over && r->failed)
        r->over = undone;
    if (!r->failed)
        return;
    if (undone)
        restored(r, undone, ev_undone);
    else if (r->deployed && failed_at && r->deployed > failed_at)
        restored(r, r->deployed, r->ev_deployed);
    else if (r->finished && (r->end == FLOW_UNDONE || r->end == FLOW_REDEPLOYED))
        restored(r, r->finished, r->ev_finished);
}

// What production has had so far, by service and release.
struct so_far {
    struct flow_history *h;
    struct dict *last;    // service: the release that was deployed last
    struct dict *had;     // service and release: it was deployed
    struct dict *reached; // service [and release]: the newest deployment that got there, its index
};

static const char *pair(const struct flow_history *h, const struct flow_rollout *r,
                        const char *release)
{
    return flow_key(h->arena, r->service, release ? release : "");
}

// A deployment of a release that production had before, with another in between, is a rollback by
// hand.
static bool returns(const struct so_far *s, const struct flow_rollout *r)
{
    const struct value *last = dict_get(s->last, r->service);
    return r->release && last && !value_eqs(last, r->release) &&
           dict_get(s->had, pair(s->h, r, r->release));
}

// A rollback takes back the newest deployment of the release it leaves, or of any when it does not
// say.
static void take_back(const struct so_far *s, const struct flow_rollout *b)
{
    const struct value *at = dict_get(s->reached, pair(s->h, b, b->previous));
    if (!at)
        return;
    struct flow_rollout *r = &s->h->rollouts[at->u.i];
    r->taken_back = b->id;
    fail(r, arena_printf(s->h->arena, "taken back by %s", b->id), b->ev_started);
    if (!r->restored && b->deployed)
        restored(r, b->deployed, b->ev_deployed);
}

static void find_rollbacks(struct flow_history *h)
{
    struct so_far s = {.h = h,
                       .last = value_dict(h->arena).u.dict,
                       .had = value_dict(h->arena).u.dict,
                       .reached = value_dict(h->arena).u.dict};
    for (size_t i = 0; i < h->n_rollouts; i++) {
        struct flow_rollout *r = &h->rollouts[i];
        if (!r->reached)
            continue;
        r->rollback = r->rollback || returns(&s, r);
        if (r->rollback)
            take_back(&s, r);
        if (!r->rollback) {
            dict_set(s.reached, pair(h, r, r->release), value_int((int64_t)i));
            dict_set(s.reached, pair(h, r, NULL), value_int((int64_t)i));
        }
        if (r->deployed && r->release) {
            dict_set(s.last, r->service, value_cstr(r->release));
            dict_set(s.had, pair(h, r, r->release), value_bool(true));
        }
    }
}

// --- incidents
// ------------------------------------------------------------------------------------------------

bool flow_incident_in_production(const struct flow_history *h, const struct flow_incident *i)
{
    const struct flow_rollout *r = flow_find_rollout(h, i->rollout);
    if (!r)
        return true;
    for (size_t k = 0; i->ring && k < r->n_rings; k++)
        if (strcmp(r->rings[k].name, i->ring) == 0)
            return r->rings[k].production && r->reached;
    return r->reached;
}

static void judge_incidents(struct flow_history *h)
{
    for (size_t k = 0; k < h->n_incidents; k++) {
        struct flow_incident *i = &h->incidents[k];
        struct flow_rollout *r = flow_find_rollout(h, i->rollout);
        if (!r)
            continue;
        if (!i->service)
            i->service = r->service;
        if (flow_incident_in_production(h, i))
            fail(r, arena_printf(h->arena, "incident %s", i->id), i->ev_linked);
    }
}

void flow_history_finish(struct flow_history *h)
{
    if (h->finished)
        return;
    h->finished = true;
    for (size_t i = 0; i < h->n_rollouts; i++) {
        sum_rings(&h->rollouts[i]);
        reach_production(&h->rollouts[i]);
        judge_own(&h->rollouts[i]);
    }
    judge_incidents(h);
    find_rollbacks(h);
}
