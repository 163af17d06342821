// Failures in production: incidents, and deployments that failed without one. From them the times
// to detect, to mitigate and to recover, and the time between failures.
#include "flow/internal.h"

#include <stdlib.h>
#include <string.h>

struct failure {
    const struct flow_rollout *cause; // the deployment, or NULL
    const struct flow_incident *incident;
    int64_t began, noticed, over; // 0: not known, not over
    int64_t ev_noticed, ev_over;
    int by; // index into flow_noticers
};

struct failures {
    struct failure *at;
    size_t n;
};

// When a deployment's fault began to be in production: once it was deployed, or, if it was found
// before that, when the first host got it.
static int64_t took_effect(const struct flow_rollout *r, int64_t noticed)
{
    return r->deployed && noticed >= r->deployed ? r->deployed : r->reached_at;
}

static int noticer(const char *by)
{
    for (int i = 0; by && i < 4; i++)
        if (strcmp(flow_noticers[i], by) == 0)
            return i;
    return 4;
}

static struct failure of_incident(const struct flow_rollout *cause, const struct flow_incident *i)
{
    struct failure f = {.cause = cause,
                        .incident = i,
                        .began = i->began,
                        .noticed = i->noticed,
                        .over = flow_incident_over(i),
                        .ev_noticed = i->ev_opened,
                        .by = noticer(i->noticed_by)};
    f.ev_over = f.over && f.over == i->mitigated ? i->ev_mitigated : i->ev_closed;
    if (!f.began && cause)
        f.began = took_effect(cause, f.noticed);
    // what a gate found is mended when the rollout has put the ring back
    if (!f.over && cause && cause->restored && f.by == 0) {
        f.over = cause->restored;
        f.ev_over = cause->ev_restored;
    }
    return f;
}

// A deployment whose failure nobody made an incident of.
static struct failure of_rollout(const struct flow_rollout *r)
{
    struct failure f = {
        .cause = r, .ev_noticed = r->ev_failed, .over = r->restored, .ev_over = r->ev_restored};
    for (size_t i = 0; i < r->n_rings; i++) {
        const struct flow_ring *g = &r->rings[i];
        if (g->production && g->failed && (!f.noticed || g->failed_at < f.noticed))
            f.noticed = g->failed_at;
    }
    f.by = f.noticed ? 0 : 4;
    f.began = took_effect(r, f.noticed ? f.noticed : r->over);
    return f;
}

static void collect(struct making *m, struct failures *fs)
{
    const struct flow_history *h = m->h;
    struct dict *told = value_dict(m->a).u.dict; // rollouts with an incident of their own
    fs->at = arena_array(m->a, struct failure, h->n_incidents + m->n_mine + 1);
    for (size_t i = 0; i < h->n_incidents; i++) {
        const struct flow_incident *it = &h->incidents[i];
        const struct flow_rollout *r = flow_find_rollout(h, it->rollout);
        if (!ours(m, it->service) || !flow_incident_in_production(h, it))
            continue;
        if (r)
            dict_set(told, r->id, value_bool(true));
        fs->at[fs->n++] = of_incident(r, it);
    }
    for (size_t i = 0; i < m->n_mine; i++) {
        const struct flow_rollout *r = m->mine[i];
        if (r->failed && !r->rollback && !dict_get(told, r->id))
            fs->at[fs->n++] = of_rollout(r);
    }
}

static const char *named(const struct making *m, const struct failure *f)
{
    if (f->incident && f->cause)
        return arena_printf(m->a, "%s %s (by %s)", f->incident->id,
                            f->incident->title ? f->incident->title : "", f->cause->id);
    if (f->incident)
        return arena_printf(m->a, "%s %s", f->incident->id,
                            f->incident->title ? f->incident->title : "");
    return arena_printf(m->a, "%s (%s): %s", f->cause->release ? f->cause->release : "?",
                        f->cause->id, f->cause->why);
}

static double seconds(int64_t from, int64_t to)
{
    return (double)(to - from) / FLOW_SECOND;
}

static void measure_detection(struct making *m, const struct failure *f)
{
    if (!f->noticed || !within(m, f->noticed))
        return;
    m->r->noticed[f->by]++;
    struct flow_sample *s = add_sample(
        m, FLOW_DETECT, f->began ? seconds(f->began, f->noticed) : 0, f->noticed, named(m, f),
        EVENTS(f->cause ? f->cause->ev_deployed : FLOW_NO_EVENT, f->ev_noticed));
    if (!f->began)
        s->left_out = "nobody said when it began (--started), and no deployment is linked";
    else if (f->noticed < f->began)
        s->left_out = "noticed before the deployment that is said to have caused it";
}

static void measure_mitigation(struct making *m, const struct failure *f)
{
    if (!f->noticed || !within(m, f->noticed))
        return;
    struct flow_sample *s = add_sample(m, FLOW_MITIGATE, f->over ? seconds(f->noticed, f->over) : 0,
                                       f->noticed, named(m, f), EVENTS(f->ev_noticed, f->ev_over));
    if (!f->over)
        s->left_out = "not over yet";
    else if (f->over < f->noticed)
        s->left_out = "over before it was noticed";
}

// --- one deployment's failures together
// ------------------------------------------------------------------------------------------------

struct outage {
    const struct flow_rollout *cause;
    const struct failure *first; // the first that began
    int64_t began, over;         // over 0: one of them is not
    int64_t ev_over;
    size_t n;
};

// Failures of one deployment are one outage, from the first beginning to the last end.
static size_t join(struct making *m, const struct failures *fs, struct outage *out)
{
    struct dict *index = value_dict(m->a).u.dict;
    size_t n = 0;
    for (size_t i = 0; i < fs->n; i++) {
        const struct failure *f = &fs->at[i];
        const struct value *at = f->cause ? dict_get(index, f->cause->id) : NULL;
        struct outage *o = at ? &out[at->u.i] : &out[n];
        int64_t began = f->began ? f->began : f->noticed;
        if (!at) {
            *o = (struct outage){.cause = f->cause,
                                 .first = f,
                                 .began = began,
                                 .over = f->over,
                                 .ev_over = f->ev_over};
            if (f->cause)
                dict_set(index, f->cause->id, value_int((int64_t)n));
            n++;
        }
        o->n++;
        if (began < o->began) {
            o->began = began;
            o->first = f;
        }
        if (!f->over || !o->over) {
            o->over = 0;
        } else if (f->over > o->over) {
            o->over = f->over;
            o->ev_over = f->ev_over;
        }
    }
    return n;
}

static void measure_recovery(struct making *m, const struct outage *o)
{
    if (!o->cause || !is_deployment(m, o->cause))
        return;
    const char *what = o->n == 1
                           ? named(m, o->first)
                           : arena_printf(m->a, "%s and %zu more", named(m, o->first), o->n - 1);
    struct flow_sample *s = add_sample(
        m, FLOW_RECOVERY, o->over ? seconds(o->began, o->over) : 0, o->cause->over, what,
        EVENTS(o->cause->ev_started, o->cause->ev_deployed, o->first->ev_noticed, o->ev_over));
    if (!o->over)
        s->left_out = "not recovered yet";
    else if (o->over < o->began)
        s->left_out = "over before it began: clocks differ";
}

static int by_beginning(const void *a, const void *b)
{
    int64_t x = ((const struct outage *)a)->began, y = ((const struct outage *)b)->began;
    return (x > y) - (x < y);
}

static void measure_between(struct making *m, struct outage *o, size_t n)
{
    qsort(o, n, sizeof *o, by_beginning);
    for (size_t i = 1; i < n; i++)
        if (within(m, o[i - 1].began) && within(m, o[i].began))
            add_sample(
                m, FLOW_BETWEEN, seconds(o[i - 1].began, o[i].began), o[i].began,
                arena_printf(m->a, "%s, then %s", named(m, o[i - 1].first), named(m, o[i].first)),
                EVENTS(o[i - 1].first->ev_noticed, o[i].first->ev_noticed));
}

void measure_failures(struct making *m)
{
    struct failures fs = {0};
    collect(m, &fs);
    struct outage *outages = arena_array(m->a, struct outage, fs.n + 1);
    for (size_t i = 0; i < fs.n; i++) {
        measure_detection(m, &fs.at[i]);
        measure_mitigation(m, &fs.at[i]);
    }
    size_t n = join(m, &fs, outages);
    for (size_t i = 0; i < n; i++)
        measure_recovery(m, &outages[i]);
    if (n > 1)
        measure_between(m, outages, n);
}
