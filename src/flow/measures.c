// The five measures of DORA and the scrap rate from a history; failures, stream and trend have
// files of their own.
#include "flow/internal.h"

#include <math.h>
#include <string.h>

#define MAX_NOTES 5 // on lead time: what is wrong with one release may be wrong with all

const struct flow_measure_spec flow_measures[FLOW_MEASURES] = {
    [FLOW_LEAD_TIME] = {"change_lead_time", "change lead time", "commits", "commit", FLOW_SECONDS,
                        FLOW_CHANGE_FAIL, true},
    [FLOW_FREQUENCY] = {"deployment_frequency", "deployment frequency", "deployments", "deployment",
                        FLOW_PER_WEEK, FLOW_CHANGE_FAIL, true},
    [FLOW_RECOVERY] = {"failed_deployment_recovery_time", "failed deployment recovery time",
                       "failed deployments", "failed deployment", FLOW_SECONDS, FLOW_REWORK, true},
    [FLOW_CHANGE_FAIL] = {"change_fail_percentage", "change fail percentage", "deployments",
                          "deployment", FLOW_PERCENT, -1, false},
    [FLOW_REWORK] = {"deployment_rework_rate", "deployment rework rate",
                     "deployments and rollbacks", "deployment or rollback", FLOW_PERCENT, -1,
                     false},
    [FLOW_DETECT] = {"time_to_detect", "time to detect", "failures", "failure", FLOW_SECONDS, -1,
                     false},
    [FLOW_MITIGATE] = {"time_to_mitigate", "time to mitigate", "failures", "failure", FLOW_SECONDS,
                       -1, false},
    [FLOW_BETWEEN] = {"time_between_failures", "time between failures", "intervals", "interval",
                      FLOW_SECONDS, -1, false},
    [FLOW_SCRAP] = {"scrap_rate", "scrap rate", "releases", "release", FLOW_PERCENT, -1, false},
};

const char *const flow_noticers[5] = {"gate", "alert", "customer", "operator", "not said"};

// --- samples
// ------------------------------------------------------------------------------------------------

struct flow_sample *add_sample(struct making *m, enum flow_measure_id id, double value,
                               int64_t time, const char *what, const int64_t *events, size_t n)
{
    struct flow_measure *f = &m->r->measures[id];
    f->samples = arena_room(m->a, f->samples, f->n, &f->cap, 16, sizeof *f->samples);
    struct flow_sample *s = &f->samples[f->n++];
    *s = (struct flow_sample){.value = value, .time = time, .what = what};
    size_t k = 0;
    for (size_t i = 0; i < n && k < FLOW_SAMPLE_EVENTS; i++)
        if (events[i] != FLOW_NO_EVENT)
            s->events[k++] = events[i];
    while (k < FLOW_SAMPLE_EVENTS)
        s->events[k++] = FLOW_NO_EVENT;
    return s;
}

void add_note(struct making *m, const char *fmt, ...)
{
    struct flow_notes *n = &m->r->notes;
    va_list ap;
    n->at = arena_room(m->a, n->at, n->n, &n->cap, 8, sizeof *n->at);
    va_start(ap, fmt);
    n->at[n->n++] = arena_vprintf(m->a, fmt, ap);
    va_end(ap);
}

void sum_measure(struct arena *a, struct flow_measure *f, enum flow_unit unit)
{
    double *values = arena_array(a, double, f->n + 1);
    f->counted = f->hits = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (f->samples[i].left_out)
            continue;
        values[f->counted++] = f->samples[i].value;
        f->hits += f->samples[i].value > 0;
    }
    if (unit == FLOW_PERCENT) {
        f->stats = stats_of(values, 0);
        f->stats.n = f->counted;
        f->value = f->counted ? 100.0 * (double)f->hits / (double)f->counted : NAN;
    } else if (unit == FLOW_SECONDS) {
        f->stats = stats_of(values, f->counted);
        f->value = f->stats.median;
    }
}

bool within(const struct making *m, int64_t t)
{
    return t >= m->r->since && t < m->r->until;
}

bool ours(const struct making *m, const char *service)
{
    return service && strcmp(service, m->o->service) == 0;
}

bool is_deployment(const struct making *m, const struct flow_rollout *r)
{
    return ours(m, r->service) && r->reached && !r->rollback && r->over && within(m, r->over);
}

// --- deployments
// ------------------------------------------------------------------------------------------------

// The incidents that name another rollout which put them right, by it. One that undid itself is no
// deployment more.
static void find_fixes(struct making *m)
{
    m->fixes = value_dict(m->a).u.dict;
    for (size_t i = 0; i < m->h->n_incidents; i++) {
        const struct flow_incident *it = &m->h->incidents[i];
        bool itself = it->restored_by && it->rollout && strcmp(it->restored_by, it->rollout) == 0;
        if (it->restored_by && !itself && flow_incident_in_production(m->h, it))
            dict_set(m->fixes, it->restored_by, value_int((int64_t)i));
    }
}

static const char *describe(const struct making *m, const struct flow_rollout *r, const char *more)
{
    return arena_printf(m->a, "%s (%s)%s%s", r->release ? r->release : "?", r->id, more ? ": " : "",
                        more ? more : "");
}

static void measure_rework(struct making *m, const struct flow_rollout *r)
{
    const struct value *at = r->rollback ? NULL : dict_get(m->fixes, r->id);
    const struct flow_incident *i = at ? &m->h->incidents[at->u.i] : NULL;
    int64_t when = r->over ? r->over : r->deployed;
    const char *why = r->rollback ? "rollback"
                      : i         ? arena_printf(m->a, "put right incident %s", i->id)
                                  : NULL;
    add_sample(m, FLOW_REWORK, why ? 1 : 0, when, describe(m, r, why),
               EVENTS(r->ev_started, r->ev_deployed, i ? i->ev_opened : FLOW_NO_EVENT,
                      i ? (i->ev_mitigated != FLOW_NO_EVENT ? i->ev_mitigated : i->ev_closed)
                        : FLOW_NO_EVENT));
}

static void measure_deployment(struct making *m, const struct flow_rollout *r)
{
    m->r->deployments++;
    if (r->deployed)
        add_sample(m, FLOW_FREQUENCY, 1, r->deployed, describe(m, r, NULL),
                   EVENTS(r->ev_started, r->ev_deployed));
    add_sample(m, FLOW_CHANGE_FAIL, r->failed ? 1 : 0, r->over, describe(m, r, r->why),
               EVENTS(r->ev_started, r->ev_deployed, r->ev_failed));
    measure_rework(m, r);
}

static void measure_deployments(struct making *m)
{
    for (size_t i = 0; i < m->n_mine; i++) {
        const struct flow_rollout *r = m->mine[i];
        if (!r->reached)
            continue;
        if (!r->over) {
            m->r->under_way++;
        } else if (is_deployment(m, r)) {
            measure_deployment(m, r);
        } else if (r->rollback && within(m, r->over)) {
            m->r->rollbacks++;
            measure_rework(m, r);
        }
    }
}

// Rollouts that a ring in front of production stopped.
static void count_caught(struct making *m)
{
    for (size_t i = 0; i < m->n_mine; i++) {
        const struct flow_rollout *r = m->mine[i];
        bool failed = false;
        for (size_t k = 0; k < r->n_rings; k++)
            failed = failed || (r->rings[k].failed && within(m, r->rings[k].failed_at));
        m->r->caught += !r->reached && failed;
    }
}

// --- lead time
// ------------------------------------------------------------------------------------------------

static void measure_commits(struct making *m, const struct flow_contents *c)
{
    const struct flow_rollout *r = c->rollout;
    for (size_t k = 0; k < c->n; k++) {
        const struct flow_commit *commit = &c->commits[k];
        int64_t from = m->o->authored ? commit->authored : commit->committed;
        struct flow_sample *s =
            add_sample(m, FLOW_LEAD_TIME, (double)(r->deployed - from) / FLOW_SECOND, r->deployed,
                       arena_printf(m->a, "%.10s %s, in %s", commit->id, commit->subject,
                                    describe(m, r, NULL)),
                       EVENTS(r->ev_started, r->ev_deployed));
        if (from > r->deployed)
            s->left_out = "committed after it was deployed: clocks differ";
    }
}

static void measure_lead_time(struct making *m)
{
    struct dict *said = value_dict(m->a).u.dict;
    size_t merges = 0, rebased = 0;
    for (size_t i = 0; i < m->o->n_contents; i++) {
        const struct flow_contents *c = &m->o->contents[i];
        if (!ours(m, c->rollout->service) || !within(m, c->rollout->deployed))
            continue;
        measure_commits(m, c);
        merges += c->merges;
        rebased += c->rebased;
        if (!c->note || dict_get(said, c->note))
            continue;
        dict_set(said, c->note, value_bool(true));
        if (said->len <= MAX_NOTES)
            add_note(m, "change lead time: %s", c->note);
    }
    if (said->len > MAX_NOTES)
        add_note(m, "change lead time: and %zu notes more like these", said->len - MAX_NOTES);
    if (merges)
        add_note(m, "change lead time: left out %zu %s: no change of %s own", merges,
                 merges == 1 ? "merge" : "merges", merges == 1 ? "its" : "their");
    if (rebased)
        add_note(m,
                 "change lead time: left out %zu %s: deployed before under another id (rebased "
                 "or picked)",
                 rebased, rebased == 1 ? "commit" : "commits");
}

// --- scrap
// ------------------------------------------------------------------------------------------------

// What became of a release, over all its rollouts.
struct fate {
    const char *release;
    size_t rollouts;
    bool active, deployed, stumbled, lost;
    int64_t last;
    int64_t first_event, last_event;
};

static void live(struct fate *f, const struct flow_rollout *r)
{
    int64_t end = r->finished ? r->finished : r->over;
    if (!f->rollouts++)
        f->first_event = r->ev_started;
    f->active = !end;
    f->last = end;
    f->last_event = r->ev_finished != FLOW_NO_EVENT ? r->ev_finished : r->ev_deployed;
    if (r->deployed && !(r->failed && (r->taken_back || r->restored > r->deployed))) {
        f->deployed = true;
        f->lost = false;
    } else if (end) {
        f->stumbled = true;
        f->lost = r->deployed != 0 || f->lost;
    }
}

static void judge_fate(struct making *m, const struct fate *f)
{
    bool scrap = !f->deployed || f->lost || f->stumbled;
    const char *how = f->lost        ? "taken back"
                      : !f->deployed ? "abandoned"
                      : f->stumbled  ? arena_printf(m->a, "redone: %zu rollouts", f->rollouts)
                                     : NULL;
    if (!f->active && !within(m, f->last))
        return;
    struct flow_sample *s =
        add_sample(m, FLOW_SCRAP, scrap ? 1 : 0, f->last,
                   arena_printf(m->a, "%s%s%s", f->release, how && !f->active ? ": " : "",
                                how && !f->active ? how : ""),
                   EVENTS(f->first_event, f->last_event));
    if (f->active)
        s->left_out = "under way";
}

static void measure_scrap(struct making *m)
{
    struct dict *index = value_dict(m->a).u.dict;
    struct fate *fates = arena_array(m->a, struct fate, m->n_mine + 1);
    size_t n = 0;
    for (size_t i = 0; i < m->n_mine; i++) {
        const struct flow_rollout *r = m->mine[i];
        if (r->rollback || !r->release)
            continue;
        const struct value *at = dict_get(index, r->release);
        struct fate *f = at ? &fates[at->u.i] : &fates[n];
        if (!at) {
            f->release = r->release;
            dict_set(index, r->release, value_int((int64_t)n++));
        }
        live(f, r);
    }
    for (size_t i = 0; i < n; i++)
        judge_fate(m, &fates[i]);
}

// --- the report
// ------------------------------------------------------------------------------------------------

// The service is not older than the first the ledger says of it.
static void set_since(struct making *m)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < m->n_mine; i++)
        if (m->mine[i]->started < first)
            first = m->mine[i]->started;
    for (size_t i = 0; i < m->h->n_releases; i++)
        if (ours(m, m->h->releases[i].service) && m->h->releases[i].created < first)
            first = m->h->releases[i].created;
    m->r->since = m->o->since;
    if (first != INT64_MAX && first > m->o->since && first < m->o->until) {
        m->r->since = first;
        char text[LEDGER_TIME];
        ledger_time(first, text);
        add_note(m, "the ledger knows of %s since %.10s only", m->o->service, text);
    }
}

static void set_mine(struct making *m)
{
    for (size_t i = 0; i < m->h->n_rollouts; i++)
        m->n_mine += ours(m, m->h->rollouts[i].service);
    m->mine = arena_array(m->a, const struct flow_rollout *, m->n_mine + 1);
    for (size_t i = 0, k = 0; i < m->h->n_rollouts; i++)
        if (ours(m, m->h->rollouts[i].service))
            m->mine[k++] = &m->h->rollouts[i];
}

static void set_production(struct making *m)
{
    const struct flow_rollout *last = m->n_mine ? m->mine[m->n_mine - 1] : NULL;
    size_t n = last ? last->n_rings : 0, k = 0;
    m->r->production = arena_array(m->a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (last->rings[i].production)
            m->r->production[k++] = last->rings[i].name;
}

// How many samples were left out of a measure, by reason.
static void note_left_out(struct making *m)
{
    for (int id = 0; id < FLOW_MEASURES; id++) {
        const struct flow_measure *f = &m->r->measures[id];
        struct dict *reasons = value_dict(m->a).u.dict;
        struct dict_entry *it;
        for (size_t i = 0; i < f->n; i++)
            if (f->samples[i].left_out)
                dict_set(reasons, f->samples[i].left_out,
                         value_int(dict_int(reasons, f->samples[i].left_out, 0) + 1));
        DICT_EACH(reasons, it)
        add_note(m, "%s: left out %lld %s: %s", flow_measures[id].name, (long long)it->val.u.i,
                 it->val.u.i == 1 ? flow_measures[id].of_one : flow_measures[id].of,
                 it->key.u.str.s);
    }
}

void flow_report_make(const struct flow_history *h, const struct flow_opts *o, struct arena *a,
                      struct flow_report *ret)
{
    struct making m = {.h = h, .o = o, .a = a, .r = ret};
    *ret = (struct flow_report){.service = o->service, .until = o->until};
    set_mine(&m);
    set_since(&m);
    set_production(&m);
    find_fixes(&m);
    measure_deployments(&m);
    count_caught(&m);
    measure_lead_time(&m);
    measure_scrap(&m);
    measure_failures(&m);
    for (int i = 0; i < FLOW_MEASURES; i++)
        sum_measure(a, &ret->measures[i], flow_measures[i].unit);
    make_trend(&m);
    make_stream(&m);
    note_left_out(&m);
}
