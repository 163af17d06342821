// The value stream: for each ring of the rollouts how long work took, how long it waited, and how
// much of what it handed on the next could use.
#include "flow/internal.h"

#include <math.h>
#include <string.h>

// What is gathered about a step before it becomes distributions.
struct gather {
    double *total, *working, *waiting, *approval, *gates;
    size_t n;
};

static struct gather room(struct arena *a, size_t n)
{
    return (struct gather){.total = arena_array(a, double, n + 1),
                           .working = arena_array(a, double, n + 1),
                           .waiting = arena_array(a, double, n + 1),
                           .approval = arena_array(a, double, n + 1),
                           .gates = arena_array(a, double, n + 1)};
}

static bool taken(const struct making *m, const struct flow_rollout *r)
{
    return !r->rollback && r->n_rings && within(m, r->started);
}

static const struct flow_ring *ring_named(const struct flow_rollout *r, const char *name)
{
    for (size_t i = 0; i < r->n_rings; i++)
        if (strcmp(r->rings[i].name, name) == 0)
            return &r->rings[i];
    return NULL;
}

static void put(struct gather *g, int64_t total, const struct flow_ring *ring)
{
    int64_t working = ring ? ring->working : 0;
    g->total[g->n] = (double)total / FLOW_SECOND;
    g->working[g->n] = (double)working / FLOW_SECOND;
    g->waiting[g->n] = (double)(total - working) / FLOW_SECOND;
    g->approval[g->n] = ring ? (double)ring->approval / FLOW_SECOND : 0;
    g->gates[g->n] = ring ? (double)ring->gates / FLOW_SECOND : 0;
    g->n++;
}

static void gather_step(struct making *m, struct flow_step *s, size_t k, struct gather *g)
{
    for (size_t i = 0; i < m->n_mine; i++) {
        const struct flow_rollout *r = m->mine[i];
        if (!taken(m, r))
            continue;
        if (k == 0) {
            const struct flow_release *rel = flow_find_release(m->h, r->service, r->release);
            s->entered++;
            s->passed++;
            if (rel && rel->created <= r->started)
                put(g, r->started - rel->created, NULL);
            continue;
        }
        const struct flow_ring *ring = ring_named(r, s->name);
        if (!ring || !ring->entry)
            continue;
        s->entered++;
        s->passed += ring->passed;
        if (ring->ended)
            put(g, ring->ended - ring->entered, ring);
        else
            s->under_way++;
    }
}

// What step k handed on, and whether the step behind it, or production, could use it as it was.
static void judge(struct making *m, struct flow_stream *v, size_t k)
{
    struct flow_step *s = &v->steps[k];
    for (size_t i = 0; i < m->n_mine; i++) {
        const struct flow_rollout *r = m->mine[i];
        if (!taken(m, r))
            continue;
        if (k + 1 == v->n) {
            s->handed_on += r->deployed != 0;
            s->accurate += r->deployed && !r->failed;
            continue;
        }
        const struct flow_ring *next = ring_named(r, v->steps[k + 1].name);
        if (!next || !(next->passed || next->failed))
            continue;
        s->handed_on++;
        s->accurate += !next->failed;
    }
    s->accuracy = s->handed_on ? 100.0 * (double)s->accurate / (double)s->handed_on : NAN;
}

static double sum(const double *v, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += v[i];
    return total;
}

static void finish_step(struct flow_step *s, struct gather *g)
{
    double total = sum(g->total, g->n);
    s->activity = total > 0 ? 100.0 * sum(g->working, g->n) / total : NAN;
    s->total = stats_of(g->total, g->n);
    s->working = stats_of(g->working, g->n);
    s->waiting = stats_of(g->waiting, g->n);
    s->approval = stats_of(g->approval, g->n);
    s->gates = stats_of(g->gates, g->n);
}

// The rings as the newest rollout has them.
static const struct flow_rollout *newest(const struct making *m)
{
    for (size_t i = m->n_mine; i-- > 0;)
        if (taken(m, m->mine[i]))
            return m->mine[i];
    return NULL;
}

void make_stream(struct making *m)
{
    struct flow_stream *v = &m->r->stream;
    const struct flow_rollout *like = newest(m);
    double total = 0, working = 0, rolled = 1;
    bool any = false;
    v->activity = v->rolled = NAN;
    if (!like)
        return;
    v->n = like->n_rings + 1;
    v->steps = arena_array(m->a, struct flow_step, v->n);
    v->steps[0].name = "release";
    for (size_t k = 1; k < v->n; k++) {
        v->steps[k].name = like->rings[k - 1].name;
        v->steps[k].production = like->rings[k - 1].production;
    }
    for (size_t k = 0; k < v->n; k++) {
        struct gather g = room(m->a, m->n_mine);
        gather_step(m, &v->steps[k], k, &g);
        total += sum(g.total, g.n);
        working += sum(g.working, g.n);
        finish_step(&v->steps[k], &g);
        judge(m, v, k);
        if (v->steps[k].handed_on) {
            rolled *= v->steps[k].accuracy / 100;
            any = true;
        }
    }
    v->activity = total > 0 ? 100 * working / total : NAN;
    v->rolled = any ? 100 * rolled : NAN;
}
