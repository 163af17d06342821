// The stretches of the trend, and how often was deployed in them.
#include "flow/internal.h"

#include <math.h>
#include <string.h>

#define MAX_BUCKETS 600

static size_t make_buckets(struct making *m, enum flow_period p, struct flow_bucket **ret)
{
    struct flow_bucket *b = arena_array(m->a, struct flow_bucket, MAX_BUCKETS);
    size_t n = 0;
    for (int64_t t = flow_period_begin(p, m->r->since); t < m->r->until && n < MAX_BUCKETS;
         t = flow_period_next(p, t), n++) {
        b[n] = (struct flow_bucket){.from = t, .to = flow_period_next(p, t)};
        b[n].partial = t < m->r->since || b[n].to > m->r->until;
        flow_period_label(p, t, b[n].label);
    }
    *ret = b;
    return n;
}

// The stretch that t is in, n when it is in none.
static size_t bucket_of(const struct flow_bucket *b, size_t n, int64_t t)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (b[mid].to <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && t >= b[lo].from ? lo : n;
}

// --- frequency
// ------------------------------------------------------------------------------------------------

// Whether an earlier sample was deployed on the same local day; samples come as they were started.
static bool day_is_new(struct dict *days, int64_t t)
{
    struct value v = value_int(flow_day_number(t));
    if (dict_getv(days, &v))
        return false;
    dict_setv(days, v, value_bool(true));
    return true;
}

// Deployments of each whole week, which the distribution is of: a week cut off would count as a
// bad one.
static void measure_frequency(struct making *m)
{
    struct flow_measure *f = &m->r->measures[FLOW_FREQUENCY];
    struct flow_bucket *weeks;
    size_t n = make_buckets(m, FLOW_WEEK, &weeks), whole = 0;
    double *per_week = arena_array(m->a, double, n + 1), *days = arena_array(m->a, double, n + 1),
           *counted = arena_array(m->a, double, n + 1),
           *counted_days = arena_array(m->a, double, n + 1);
    struct dict *seen = value_dict(m->a).u.dict;
    for (size_t i = 0; i < f->n; i++) {
        size_t w = bucket_of(weeks, n, f->samples[i].time);
        if (w == n)
            continue;
        per_week[w]++;
        days[w] += day_is_new(seen, f->samples[i].time);
    }
    for (size_t w = 0; w < n; w++) {
        if (weeks[w].partial)
            continue;
        counted[whole] = per_week[w];
        counted_days[whole++] = days[w];
    }
    double span = (double)(m->r->until - m->r->since) / FLOW_DAY;
    f->stats = stats_of(counted, whole);
    m->r->whole_weeks = whole;
    m->r->deploy_days = stats_of(counted_days, whole).median;
    // a rate of a part of a week would be a guess at the rest
    m->r->per_day = span >= 7 ? (double)f->counted / span : NAN;
    f->value = m->r->per_day * 7;
}

// --- trend
// ------------------------------------------------------------------------------------------------

static double share(size_t hits, size_t of)
{
    return of ? 100.0 * (double)hits / (double)of : NAN;
}

static void count(struct making *m, enum flow_measure_id id, size_t *all, size_t *hits)
{
    const struct flow_measure *f = &m->r->measures[id];
    for (size_t i = 0; i < f->n; i++) {
        size_t b = bucket_of(m->r->buckets, m->r->n_buckets, f->samples[i].time);
        if (b == m->r->n_buckets || f->samples[i].left_out)
            continue;
        all[b]++;
        hits[b] += f->samples[i].value > 0;
    }
}

static void add_shares(struct making *m)
{
    size_t n = m->r->n_buckets;
    size_t *all = arena_array(m->a, size_t, n + 1), *hits = arena_array(m->a, size_t, n + 1),
           *rework = arena_array(m->a, size_t, n + 1), *redone = arena_array(m->a, size_t, n + 1),
           *deployed = arena_array(m->a, size_t, n + 1), *unused = arena_array(m->a, size_t, n + 1);
    count(m, FLOW_CHANGE_FAIL, all, hits);
    count(m, FLOW_REWORK, rework, redone);
    count(m, FLOW_FREQUENCY, deployed, unused);
    for (size_t i = 0; i < n; i++) {
        struct flow_bucket *b = &m->r->buckets[i];
        b->deployments = deployed[i];
        b->failed = hits[i];
        b->change_fail = share(hits[i], all[i]);
        b->rework = share(redone[i], rework[i]);
    }
}

static void add_lead(struct making *m)
{
    const struct flow_measure *f = &m->r->measures[FLOW_LEAD_TIME];
    size_t n = m->r->n_buckets;
    size_t *sizes = arena_array(m->a, size_t, n + 1), *fill = arena_array(m->a, size_t, n + 1);
    double **values = arena_array(m->a, double *, n + 1);
    for (size_t i = 0; i < f->n; i++)
        sizes[bucket_of(m->r->buckets, n, f->samples[i].time)] += !f->samples[i].left_out;
    for (size_t b = 0; b < n; b++)
        values[b] = arena_array(m->a, double, sizes[b] + 1);
    for (size_t i = 0; i < f->n; i++) {
        size_t b = bucket_of(m->r->buckets, n, f->samples[i].time);
        if (b < n && !f->samples[i].left_out)
            values[b][fill[b]++] = f->samples[i].value;
    }
    for (size_t b = 0; b < n; b++)
        m->r->buckets[b].lead = stats_of(values[b], fill[b]);
}

void make_trend(struct making *m)
{
    measure_frequency(m);
    m->r->n_buckets = make_buckets(m, m->o->period, &m->r->buckets);
    if (m->r->n_buckets == MAX_BUCKETS)
        add_note(m, "the trend shows the first %d stretches only", MAX_BUCKETS);
    add_shares(m);
    add_lead(m);
}
