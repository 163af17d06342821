// Events one by one into releases, rollouts, rings and incidents.
#include "flow/summary.h"

#include <stdlib.h>
#include <string.h>

// Without ring.started: what happens in a ring tells that it was entered.
const char *const flow_event_types[] = {"release.created", "rollout.started", "rollout.finished",
                                        "ring.passed",     "ring.failed",     "ring.undone",
                                        "batch.*",         "gate.passed",     "gate.failed",
                                        "approval.*",      "incident.*",      NULL};

void flow_history_init(struct flow_history *h, struct arena *a)
{
    *h = (struct flow_history){.arena = a,
                               .texts = value_dict(a).u.dict,
                               .by_rollout = value_dict(a).u.dict,
                               .by_release = value_dict(a).u.dict,
                               .by_incident = value_dict(a).u.dict,
                               .runs = value_dict(a).u.dict,
                               .undoes = value_dict(a).u.dict};
}

// Makes room for one more in an array of the arena.
static void *more(struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return old;
    size_t room = *cap ? *cap * 2 : 2; // most rings have one span of a kind
    char *p = arena_alloc(a, room * size);
    if (n)
        memcpy(p, old, n * size);
    *cap = room;
    return p;
}

static long index_of(const struct dict *d, const char *id)
{
    const struct value *v = id ? dict_get(d, id) : NULL;
    return v ? (long)v->u.i : -1;
}

const char *flow_key(struct arena *a, const char *service, const char *version)
{
    size_t n = strlen(service), m = strlen(version);
    char *key = arena_alloc(a, n + m + 2);
    memcpy(key, service, n);
    key[n] = '\n';
    memcpy(key + n + 1, version, m);
    return key;
}

static const char *release_key(const struct flow_history *h, const char *service,
                               const char *version)
{
    return service && version ? flow_key(h->arena, service, version) : NULL;
}

struct flow_rollout *flow_find_rollout(const struct flow_history *h, const char *id)
{
    long i = index_of(h->by_rollout, id);
    return i < 0 ? NULL : &h->rollouts[i];
}

struct flow_incident *flow_find_incident(const struct flow_history *h, const char *id)
{
    long i = index_of(h->by_incident, id);
    return i < 0 ? NULL : &h->incidents[i];
}

struct flow_release *flow_find_release(const struct flow_history *h, const char *service,
                                       const char *version)
{
    long i = index_of(h->by_release, release_key(h, service, version));
    return i < 0 ? NULL : &h->releases[i];
}

// A text of an event as long as the history lives, each but once; NULL stays NULL.
static const char *kept(struct flow_history *h, const char *s)
{
    if (!s)
        return NULL;
    const struct value *known = dict_get(h->texts, s);
    if (known)
        return known->u.str.s;
    struct value text = value_cstr(arena_strdup(h->arena, s));
    dict_setv(h->texts, text, text);
    return text.u.str.s;
}

static const char *text(const struct ledger_event *ev, const char *key)
{
    const char *s = ev->body ? dict_str(ev->body, key, NULL) : NULL;
    return s && *s ? s : NULL;
}

// A text of the body, kept.
static const char *says(struct flow_history *h, const struct ledger_event *ev, const char *key)
{
    return kept(h, text(ev, key));
}

static bool same(const char *a, const char *b)
{
    return a && b && (a == b || strcmp(a, b) == 0);
}

// A time the body tells, else the event's own.
static int64_t time_of(const struct ledger_event *ev, const char *key, int64_t dflt)
{
    const char *s = text(ev, key);
    int64_t t;
    return s && ledger_time_parse(s, &t) == 0 ? t : dflt;
}

// --- releases
// ------------------------------------------------------------------------------------------------

static void add_release(struct flow_history *h, const struct ledger_event *ev)
{
    const char *key = release_key(h, ev->service, ev->release);
    long at = index_of(h->by_release, key);
    if (!key)
        return;
    if (at < 0) {
        h->releases =
            more(h->arena, h->releases, h->n_releases, &h->cap_releases, sizeof *h->releases);
        at = (long)h->n_releases++;
        dict_set(h->by_release, key, value_int(at));
    }
    h->releases[at] = (struct flow_release){.service = kept(h, ev->service),
                                            .version = kept(h, ev->release),
                                            .commit = says(h, ev, "commit"),
                                            .repo = says(h, ev, "repo"),
                                            .created = ev->time,
                                            .ev_created = ev->seq};
}

// --- rollouts and rings
// ------------------------------------------------------------------------------------------------

static bool named(const struct value *v, const char *name)
{
    if (!v)
        return false;
    if (v->type == VALUE_STRING)
        return strcmp(v->u.str.s, name) == 0;
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++)
        if (value_eqs(&v->u.list->items[i], name))
            return true;
    return false;
}

// Production is what the rollout says it is, else the ring of that name, else the last.
static void mark_production(struct flow_rollout *r, const struct dict *body)
{
    const struct value *said = body ? dict_get(body, "production") : NULL;
    bool any = false;
    for (size_t i = 0; i < r->n_rings; i++)
        any = (r->rings[i].production = named(said, r->rings[i].name)) || any;
    for (size_t i = 0; !any && i < r->n_rings; i++)
        any = r->rings[i].production = strcmp(r->rings[i].name, "production") == 0;
    if (!any && r->n_rings)
        r->rings[r->n_rings - 1].production = true;
}

static void set_rings(struct flow_history *h, struct flow_rollout *r, const struct dict *body)
{
    const struct value *names = body ? dict_get(body, "rings") : NULL;
    size_t n = names && names->type == VALUE_LIST ? names->u.list->len : 0;
    r->rings = arena_array(h->arena, struct flow_ring, n ? n : 1);
    for (size_t i = 0; i < n; i++)
        if (names->u.list->items[i].type == VALUE_STRING)
            r->rings[r->n_rings++] =
                (struct flow_ring){.name = kept(h, names->u.list->items[i].u.str.s),
                                   .ev_entry = FLOW_NO_EVENT,
                                   .ev_ended = FLOW_NO_EVENT,
                                   .ev_failed = FLOW_NO_EVENT,
                                   .ev_passed = FLOW_NO_EVENT,
                                   .ev_undone = FLOW_NO_EVENT};
    mark_production(r, body);
}

static void add_rollout(struct flow_history *h, const struct ledger_event *ev)
{
    if (flow_find_rollout(h, ev->rollout))
        return;
    h->rollouts = more(h->arena, h->rollouts, h->n_rollouts, &h->cap_rollouts, sizeof *h->rollouts);
    struct flow_rollout *r = &h->rollouts[h->n_rollouts];
    *r = (struct flow_rollout){.id = kept(h, ev->rollout),
                               .service = ev->service ? kept(h, ev->service) : "",
                               .release = kept(h, ev->release),
                               .previous = says(h, ev, "previous"),
                               .commit = says(h, ev, "commit"),
                               .rollback = same(text(ev, "kind"), "rollback"),
                               .started = ev->time,
                               .ev_started = ev->seq,
                               .ev_finished = FLOW_NO_EVENT,
                               .ev_deployed = FLOW_NO_EVENT,
                               .ev_failed = FLOW_NO_EVENT,
                               .ev_restored = FLOW_NO_EVENT};
    set_rings(h, r, ev->body);
    dict_set(h->by_rollout, ev->rollout, value_int((int64_t)h->n_rollouts++));
}

static const char *const ends[] = {
    [FLOW_ACTIVE] = "under way",      [FLOW_DONE] = "done", [FLOW_UNDONE] = "undone",
    [FLOW_REDEPLOYED] = "redeployed", [FLOW_HELD] = "held", [FLOW_STOPPED] = "stopped",
    [FLOW_PARTLY] = "partly"};

const char *flow_end_name(enum flow_end end)
{
    return ends[end];
}

static void finish_rollout(struct flow_rollout *r, const struct ledger_event *ev)
{
    r->finished = ev->time;
    r->ev_finished = ev->seq;
    r->end = FLOW_STOPPED;
    for (size_t i = FLOW_DONE; i < sizeof ends / sizeof *ends; i++)
        if (same(ev->outcome, ends[i]))
            r->end = (enum flow_end)i;
}

static struct flow_ring *ring_of(const struct flow_history *h, const struct ledger_event *ev)
{
    struct flow_rollout *r = flow_find_rollout(h, ev->rollout);
    const char *name = ev->ring ? ev->ring : text(ev, "for");
    for (size_t i = 0; r && name && i < r->n_rings; i++) {
        struct flow_ring *g = &r->rings[i];
        if (strcmp(g->name, name) != 0)
            continue;
        if (!g->entry)
            g->ev_entry = ev->seq;
        g->entry = true;
        return g;
    }
    return NULL;
}

static void add_ring(struct flow_history *h, const struct ledger_event *ev)
{
    struct flow_ring *g = ring_of(h, ev);
    if (!g || same(ev->type, "ring.started"))
        return;
    if (same(ev->type, "ring.undone")) {
        g->undone = true;
        g->undone_at = ev->time;
        g->ev_undone = ev->seq;
        return;
    }
    g->ended = ev->time;
    g->ev_ended = ev->seq;
    if (same(ev->type, "ring.passed")) {
        g->passed = true;
        g->ev_passed = ev->seq;
    } else if (!g->failed) {
        g->failed = true;
        g->failed_at = ev->time;
        g->ev_failed = ev->seq;
        g->reason = says(h, ev, "reason");
        if (!g->reason)
            g->reason = says(h, ev, "gate");
    }
}

static void add_span(struct flow_history *h, struct flow_spans *s, int64_t from, int64_t to,
                     const char *id)
{
    s->at = more(h->arena, s->at, s->n, &s->cap, sizeof *s->at);
    s->at[s->n++] = (struct flow_span){.from = from, .to = to, .id = kept(h, id)};
}

static void add_batch(struct flow_history *h, const struct ledger_event *ev)
{
    struct flow_ring *g = ring_of(h, ev);
    const char *action = text(ev, "action");
    // putting back is not work on the release
    if (!g || (action && strcmp(action, "deploy") != 0))
        return;
    if (same(ev->type, "batch.started")) {
        add_span(h, &g->batches, ev->time, 0, ev->run);
        g->touched = true;
        if (!g->first_batch)
            g->first_batch = ev->time;
        if (g->production && ev->run)
            dict_set(h->runs, ev->run, value_cstr(kept(h, ev->rollout)));
        return;
    }
    for (size_t i = g->batches.n; i-- > 0;)
        if (!g->batches.at[i].to && same(g->batches.at[i].id, ev->run)) {
            g->batches.at[i].to = ev->time;
            return;
        }
}

static void add_approval(struct flow_history *h, const struct ledger_event *ev)
{
    struct flow_ring *g = ring_of(h, ev);
    if (!g)
        return;
    if (same(ev->type, "approval.requested"))
        add_span(h, &g->asked, ev->time, 0, NULL);
    else if (g->asked.n) // the last answer counts: several may be needed
        g->asked.at[g->asked.n - 1].to = ev->time;
}

static void add_gate(struct flow_history *h, const struct ledger_event *ev)
{
    struct flow_ring *g = ring_of(h, ev);
    const struct value *v = ev->body ? dict_get(ev->body, "seconds") : NULL;
    double seconds = !v                       ? 0
                     : v->type == VALUE_INT   ? (double)v->u.i
                     : v->type == VALUE_FLOAT ? v->u.f
                                              : 0;
    if (g && seconds > 0 && seconds < 1e9)
        add_span(h, &g->sampling, ev->time - (int64_t)(seconds * 1e6), ev->time, NULL);
}

// --- incidents
// ------------------------------------------------------------------------------------------------

static void open_incident(struct flow_history *h, const struct ledger_event *ev)
{
    if (flow_find_incident(h, ev->incident))
        return;
    const struct value *cause = ev->body ? dict_get(ev->body, "cause") : NULL;
    const struct dict *c = cause && cause->type == VALUE_DICT ? cause->u.dict : NULL;
    const char *ring = kept(h, ev->ring ? ev->ring : c ? dict_str(c, "ring", NULL) : NULL);
    h->incidents =
        more(h->arena, h->incidents, h->n_incidents, &h->cap_incidents, sizeof *h->incidents);
    h->incidents[h->n_incidents] =
        (struct flow_incident){.id = kept(h, ev->incident),
                               .service = kept(h, ev->service),
                               .title = says(h, ev, "title"),
                               .severity = says(h, ev, "severity"),
                               .noticed_by = says(h, ev, "noticed_by"),
                               .rollout = kept(h, ev->rollout),
                               .ring = ring && *ring ? ring : NULL,
                               .gate = c ? kept(h, dict_str(c, "gate", NULL)) : NULL,
                               .began = time_of(ev, "started", 0),
                               .noticed = time_of(ev, "at", ev->time),
                               .ev_opened = ev->seq,
                               .ev_linked = ev->rollout ? ev->seq : FLOW_NO_EVENT,
                               .ev_mitigated = FLOW_NO_EVENT,
                               .ev_closed = FLOW_NO_EVENT};
    dict_set(h->by_incident, ev->incident, value_int((int64_t)h->n_incidents++));
}

static void change_incident(struct flow_history *h, const struct ledger_event *ev)
{
    struct flow_incident *i = flow_find_incident(h, ev->incident);
    const char *by = says(h, ev, "by");
    if (!i)
        return;
    if (same(ev->type, "incident.linked")) { // the last link counts; without a rollout: no change
        i->rollout = kept(h, ev->rollout);
        i->ring = kept(h, ev->ring);
        i->ev_linked = ev->seq;
        return;
    }
    if (by)
        i->restored_by = by;
    if (same(ev->type, "incident.mitigated") && !i->mitigated) {
        i->mitigated = time_of(ev, "at", ev->time);
        i->ev_mitigated = ev->seq;
    } else if (same(ev->type, "incident.closed") && !i->closed) {
        i->closed = time_of(ev, "at", ev->time);
        i->ev_closed = ev->seq;
    }
}

int64_t flow_incident_over(const struct flow_incident *i)
{
    if (i->mitigated && (!i->closed || i->mitigated < i->closed))
        return i->mitigated;
    return i->closed;
}

// --- runs that undo
// ------------------------------------------------------------------------------------------------

// andon undo of a production batch, by whoever: the deployment was taken back.
static void add_run(struct flow_history *h, const struct ledger_event *ev)
{
    const char *what = text(ev, "undoes");
    if (same(ev->type, "run.started")) {
        if (what && ev->run && dict_get(h->runs, what) && !dict_bool(ev->body, "check", false))
            dict_set(h->undoes, ev->run, value_cstr(kept(h, what)));
        return;
    }
    const struct value *undone = ev->run ? dict_get(h->undoes, ev->run) : NULL;
    const struct value *of = undone ? dict_get(h->runs, undone->u.str.s) : NULL;
    struct flow_rollout *r = of ? flow_find_rollout(h, of->u.str.s) : NULL;
    for (size_t i = 0; r && i < r->n_rings; i++) {
        struct flow_ring *g = &r->rings[i];
        for (size_t k = 0; k < g->batches.n; k++) {
            if (!same(g->batches.at[k].id, undone->u.str.s))
                continue;
            g->undone = true;
            g->undone_at = ev->time;
            g->ev_undone = ev->seq;
        }
    }
}

// --- all of them
// ------------------------------------------------------------------------------------------------

static bool begins(const struct ledger_event *ev, const char *with)
{
    return strncmp(ev->type, with, strlen(with)) == 0;
}

void flow_history_add(struct flow_history *h, const struct ledger_event *ev)
{
    struct flow_rollout *r;
    h->events++;
    if (same(ev->type, "release.created")) {
        add_release(h, ev);
    } else if (same(ev->type, "rollout.started") && ev->rollout) {
        add_rollout(h, ev);
    } else if (same(ev->type, "rollout.finished")) {
        if ((r = flow_find_rollout(h, ev->rollout)) && !r->finished)
            finish_rollout(r, ev);
    } else if (begins(ev, "ring.")) {
        add_ring(h, ev);
    } else if (begins(ev, "batch.")) {
        add_batch(h, ev);
    } else if (same(ev->type, "gate.passed") || same(ev->type, "gate.failed")) {
        add_gate(h, ev);
    } else if (begins(ev, "approval.")) {
        add_approval(h, ev);
    } else if (same(ev->type, "incident.opened") && ev->incident) {
        open_incident(h, ev);
    } else if (begins(ev, "incident.")) {
        change_incident(h, ev);
    } else if (begins(ev, "run.")) {
        add_run(h, ev);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **flow_services(const struct flow_history *h, size_t *ret_n)
{
    size_t n = 0, max = h->n_rollouts + h->n_releases + h->n_incidents;
    const char **out = arena_array(h->arena, const char *, max + 1);
    struct dict *seen = value_dict(h->arena).u.dict;
    for (size_t i = 0; i < max; i++) {
        const char *s = i < h->n_rollouts ? h->rollouts[i].service
                        : i < h->n_rollouts + h->n_releases
                            ? h->releases[i - h->n_rollouts].service
                            : h->incidents[i - h->n_rollouts - h->n_releases].service;
        if (!s || !*s || dict_get(seen, s))
            continue;
        dict_set(seen, s, value_bool(true));
        out[n++] = s;
    }
    qsort(out, n, sizeof *out, by_name);
    *ret_n = n;
    return out;
}
