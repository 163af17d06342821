#include "rollout/state.h"

#include <string.h>

void rollout_state_init(struct rollout_state *s, struct arena *a)
{
    *s = (struct rollout_state){.arena = a};
}

static bool same(const char *x, const char *y)
{
    return x && y && strcmp(x, y) == 0;
}

struct ring_state *rollout_state_ring(const struct rollout_state *s, const char *name)
{
    for (size_t i = 0; i < s->n_rings; i++)
        if (same(s->rings[i].name, name))
            return &s->rings[i];
    return NULL;
}

// --- what events say
// ---------------------------------------------------------------------------------------

static const char *text(struct rollout_state *s, const struct ledger_event *ev, const char *key)
{
    return ev->body ? arena_strdup(s->arena, dict_str(ev->body, key, NULL)) : NULL;
}

static const struct list *names(struct rollout_state *s, const struct value *v)
{
    if (v && v->type == VALUE_LIST)
        return value_copy(s->arena, v).u.list;
    return value_list(s->arena).u.list;
}

static const struct list *names_of(struct rollout_state *s, const struct ledger_event *ev,
                                   const char *key)
{
    return names(s, ev->body ? dict_get(ev->body, key) : NULL);
}

static void started(struct rollout_state *s, const struct ledger_event *ev)
{
    static const struct dict nothing;
    struct value copy = value_null();
    if (s->id)
        return;
    if (ev->body) {
        struct value body = {.type = VALUE_DICT};
        body.u.dict = (struct dict *)(uintptr_t)ev->body;
        copy = value_copy(s->arena, &body);
    }
    s->details = copy.type == VALUE_DICT ? copy.u.dict : &nothing;
    s->id = arena_strdup(s->arena, ev->rollout);
    s->service = arena_strdup(s->arena, ev->service);
    s->release = arena_strdup(s->arena, ev->release);
    s->actor = arena_strdup(s->arena, ev->actor);
    s->previous = dict_str(s->details, "previous", NULL);
    s->file = dict_str(s->details, "file", NULL);
    s->service_file = dict_str(s->details, "service_file", NULL);
    s->artifact = dict_str(s->details, "artifact", NULL);
    s->commit = dict_str(s->details, "commit", NULL);
    s->rollback = same(dict_str(s->details, "kind", "deploy"), "rollback");
    s->standard = same(dict_str(s->details, "change", "normal"), "standard");
    s->started = ev->time;
    const struct value *rings = dict_get(s->details, "rings"),
                       *hosts = dict_get(s->details, "hosts");
    s->n_rings = rings && rings->type == VALUE_LIST ? rings->u.list->len : 0;
    s->rings = arena_array(s->arena, struct ring_state, s->n_rings ? s->n_rings : 1);
    for (size_t i = 0; i < s->n_rings; i++) {
        const char *name = value_to_cstr(s->arena, &rings->u.list->items[i]);
        const struct value *mine =
            hosts && hosts->type == VALUE_DICT ? dict_get(hosts->u.dict, name) : NULL;
        s->rings[i] = (struct ring_state){.name = name, .hosts = names(s, mine)};
    }
}

static struct batch_run *run_named(const struct rollout_state *s, const char *run)
{
    for (size_t i = s->n_runs; i > 0; i--)
        if (same(s->runs[i - 1].run, run))
            return &s->runs[i - 1];
    return NULL;
}

static enum batch_action action_of(const struct ledger_event *ev)
{
    const char *action = ev->body ? dict_str(ev->body, "action", "deploy") : "deploy";
    return same(action, "undo")       ? BATCH_UNDO
           : same(action, "redeploy") ? BATCH_REDEPLOY
                                      : BATCH_DEPLOY;
}

static void batch_started(struct rollout_state *s, const struct ledger_event *ev)
{
    if (!ev->run || run_named(s, ev->run))
        return;
    if (s->n_runs == s->cap_runs) {
        size_t cap = s->cap_runs ? s->cap_runs * 2 : 16;
        struct batch_run *more = arena_array(s->arena, struct batch_run, cap);
        if (s->n_runs)
            memcpy(more, s->runs, s->n_runs * sizeof *more);
        s->runs = more;
        s->cap_runs = cap;
    }
    s->runs[s->n_runs++] =
        (struct batch_run){.run = arena_strdup(s->arena, ev->run),
                           .ring = arena_strdup(s->arena, ev->ring),
                           .action = action_of(ev),
                           .batch = ev->body ? (unsigned)dict_int(ev->body, "batch", 1) : 1,
                           .of = ev->body ? (unsigned)dict_int(ev->body, "of", 1) : 1,
                           .undoes = text(s, ev, "undoes"),
                           .hosts = names_of(s, ev, "hosts"),
                           .failed = value_list(s->arena).u.list,
                           .started = ev->time};
}

static void batch_finished(struct rollout_state *s, const struct ledger_event *ev)
{
    struct batch_run *b = run_named(s, ev->run);
    struct ring_state *r = rollout_state_ring(s, ev->ring);
    if (!b || b->finished)
        return;
    b->finished = true;
    b->ok = same(ev->outcome, "ok");
    b->failed = names_of(s, ev, "failed");
    b->ended = ev->time;
    if (r && b->action == BATCH_DEPLOY)
        r->deployed = r->gates_from = ev->time;
}

static void sampled(struct rollout_state *s, struct gate_series *g, const struct ledger_event *ev)
{
    const struct value *results = ev->body ? dict_get(ev->body, "results") : NULL;
    bool green = results && results->type == VALUE_LIST;
    g->first = g->samples++ ? g->first : ev->time;
    g->last = ev->time;
    g->red = g->detail = NULL;
    for (size_t i = 0; green && i < results->u.list->len; i++) {
        const struct value *one = &results->u.list->items[i];
        green = one->type == VALUE_DICT && dict_bool(one->u.dict, "ok", false);
        if (!green && one->type == VALUE_DICT) {
            g->red = arena_strdup(s->arena, dict_str(one->u.dict, "gate", NULL));
            g->detail = arena_strdup(s->arena, dict_str(one->u.dict, "detail", NULL));
        }
    }
    g->green_since = !green ? 0 : g->green_since ? g->green_since : ev->time;
}

static struct gate_series *series_of(struct rollout_state *s, const struct ledger_event *ev)
{
    struct ring_state *r = rollout_state_ring(s, ev->ring);
    if (!r)
        return NULL;
    return ev->body && same(dict_str(ev->body, "when", "after"), "before") ? &r->before : &r->after;
}

static void gate_event(struct rollout_state *s, const struct ledger_event *ev)
{
    struct gate_series *g = series_of(s, ev);
    if (!g)
        return;
    if (same(ev->type, "gate.sample")) {
        sampled(s, g, ev);
    } else if (same(ev->type, "gate.passed")) {
        g->passed = true;
    } else {
        g->failed = true;
        g->gate = text(s, ev, "gate");
        g->reason = text(s, ev, "reason");
    }
}

static void ring_event(struct rollout_state *s, const struct ledger_event *ev)
{
    struct ring_state *r = rollout_state_ring(s, ev->ring);
    if (!r)
        return;
    if (same(ev->type, "ring.started")) {
        const struct value *authority = ev->body ? dict_get(ev->body, "authority") : NULL;
        r->stage = RING_RUNNING;
        r->started = ev->time;
        if (authority) {
            struct value *copy = arena_new_of(s->arena, struct value);
            *copy = value_copy(s->arena, authority);
            r->authority = copy;
        }
        return;
    }
    r->ended = ev->time;
    r->stage = same(ev->type, "ring.passed")   ? RING_PASSED
               : same(ev->type, "ring.failed") ? RING_FAILED
                                               : RING_UNDONE;
    if (r->stage == RING_FAILED) {
        r->gate = text(s, ev, "gate");
        r->reason = text(s, ev, "reason");
    }
}

// Batches of a ring with failed hosts are to be run once more.
static void batches_again(struct rollout_state *s, const struct ring_state *r)
{
    for (size_t i = 0; i < s->n_runs; i++)
        if (s->runs[i].action == BATCH_DEPLOY && s->runs[i].finished && s->runs[i].failed->len &&
            same(s->runs[i].ring, r->name))
            s->runs[i].again = true;
}

// Gates that waited while the rollout did not go on begin anew.
static void gates_again(struct ring_state *r, int64_t now)
{
    r->before = r->before.passed ? r->before : (struct gate_series){0};
    r->after = r->after.passed ? r->after : (struct gate_series){0};
    r->gates_from = now;
}

// A held rollout goes on: what failed is tried again, or is taken as it is.
static void go_on(struct rollout_state *s, const struct ledger_event *ev, bool accept)
{
    for (size_t i = 0; i < s->n_rings; i++) {
        struct ring_state *r = &s->rings[i];
        if (r->stage != RING_FAILED)
            continue;
        r->stage = r->started ? RING_RUNNING : RING_WAITING;
        if (r->started)
            r->started = ev->time; // its deadline begins anew
        gates_again(r, ev->time);
        if (accept && r->gate)
            r->promoted |= r->started ? PROMOTED_AFTER : PROMOTED_BEFORE;
        r->gate = r->reason = NULL;
        r->accepted = r->accepted || accept;
        if (!accept)
            batches_again(s, r);
    }
    s->held = false;
}

static void promoted(struct rollout_state *s, const struct ledger_event *ev)
{
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {{"before", PROMOTED_BEFORE},
                 {"after", PROMOTED_AFTER},
                 {"pause", PROMOTED_PAUSE},
                 {"calendar", PROMOTED_CALENDAR}};
    struct ring_state *r = rollout_state_ring(s, ev->ring);
    const char *what = ev->body ? dict_str(ev->body, "what", "") : "";
    for (size_t i = 0; r && i < sizeof words / sizeof *words; i++)
        if (same(words[i].word, what))
            r->promoted |= words[i].bit;
    if (r && s->held)
        go_on(s, ev, true);
}

static void finished(struct rollout_state *s, const struct ledger_event *ev)
{
    s->finished = true;
    s->ended = ev->time;
    s->outcome = arena_strdup(s->arena, ev->outcome ? ev->outcome : "stopped");
    s->reason = text(s, ev, "reason");
}

static void rollout_event(struct rollout_state *s, const struct ledger_event *ev)
{
    const char *verb = ev->type + strlen("rollout.");
    if (same(verb, "started")) {
        started(s, ev);
    } else if (same(verb, "paused")) {
        s->paused = true;
        s->why = text(s, ev, "reason");
    } else if (same(verb, "held")) {
        s->held = true;
        s->why = text(s, ev, "reason");
    } else if (same(verb, "resumed")) {
        if (s->held)
            go_on(s, ev, false);
        for (size_t i = 0; s->paused && i < s->n_rings; i++)
            gates_again(&s->rings[i], ev->time);
        s->paused = false;
    } else if (same(verb, "promoted")) {
        promoted(s, ev);
    } else if (same(verb, "finished")) {
        finished(s, ev);
    }
}

void rollout_state_add(struct rollout_state *s, const struct ledger_event *ev)
{
    s->seen = ev->seq + 1;
    if (s->finished || (!s->id && !same(ev->type, "rollout.started")) ||
        (s->id && !same(ev->rollout, s->id)))
        return;
    s->last = ev->time > s->last ? ev->time : s->last;
    if (strncmp(ev->type, "rollout.", 8) == 0)
        rollout_event(s, ev);
    else if (strncmp(ev->type, "ring.", 5) == 0)
        ring_event(s, ev);
    else if (strncmp(ev->type, "gate.", 5) == 0)
        gate_event(s, ev);
    else if (same(ev->type, "batch.started"))
        batch_started(s, ev);
    else if (same(ev->type, "batch.finished"))
        batch_finished(s, ev);
    else if (same(ev->type, "incident.opened"))
        s->incident = arena_strdup(s->arena, ev->incident);
    else if (same(ev->type, "approval.requested") && rollout_state_ring(s, ev->ring))
        rollout_state_ring(s, ev->ring)->requested = true;
}

// --- questions
// ---------------------------------------------------------------------------------------------

const struct batch_run *rollout_state_batch(const struct rollout_state *s,
                                            const struct ring_state *r, unsigned batch)
{
    for (size_t i = s->n_runs; i > 0; i--) {
        const struct batch_run *b = &s->runs[i - 1];
        if (b->action == BATCH_DEPLOY && b->batch == batch && same(b->ring, r->name))
            return b;
    }
    return NULL;
}

size_t rollout_state_failures(const struct rollout_state *s, const struct ring_state *r)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        const struct batch_run *b = &s->runs[i];
        if (b->action == BATCH_DEPLOY && same(b->ring, r->name) && b->finished && !b->again &&
            rollout_state_batch(s, r, b->batch) == b)
            n += b->failed->len;
    }
    return n;
}

bool rollout_state_touched(const struct rollout_state *s, const struct ring_state *r)
{
    for (size_t i = 0; i < s->n_runs; i++)
        if (same(s->runs[i].ring, r->name))
            return true;
    return false;
}

const struct batch_run *rollout_state_undone(const struct rollout_state *s, const char *run)
{
    for (size_t i = 0; i < s->n_runs; i++) {
        const struct batch_run *b = &s->runs[i];
        if (b->action == BATCH_UNDO && b->finished && same(b->undoes, run))
            return b;
    }
    return NULL;
}

static bool listed(const struct list *l, const struct value *name)
{
    for (size_t i = 0; i < l->len; i++)
        if (value_equal(&l->items[i], name))
            return true;
    return false;
}

struct list *rollout_state_left(const struct rollout_state *s, struct arena *a)
{
    struct list *left = value_list(a).u.list;
    for (size_t i = 0; i < s->n_runs; i++) {
        const struct batch_run *b = &s->runs[i];
        if (b->action == BATCH_DEPLOY || !b->finished)
            continue;
        for (size_t k = 0; k < b->failed->len; k++)
            if (!listed(left, &b->failed->items[k]))
                list_add(left, value_copy(a, &b->failed->items[k]));
    }
    return left;
}

const char *rollout_state_word(const struct rollout_state *s)
{
    if (s->finished)
        return s->outcome;
    if (s->held)
        return "held";
    for (size_t i = 0; i < s->n_rings; i++)
        if (s->rings[i].stage == RING_FAILED || s->rings[i].stage == RING_UNDONE)
            return "undoing";
    return s->paused ? "paused" : "running";
}

// --- the cord
// ----------------------------------------------------------------------------------------------

void cords_init(struct cords *c, struct arena *a, const char *service)
{
    *c = (struct cords){.arena = a, .service = service};
}

void cords_add(struct cords *c, const struct ledger_event *ev)
{
    bool pulled = same(ev->type, "cord.pulled");
    if (!pulled && !same(ev->type, "cord.released"))
        return;
    if (ev->service && !same(ev->service, c->service))
        return;
    struct cord *cord = ev->service ? &c->own : &c->all;
    if (pulled && cord->pulled)
        return; // the first one to pull it is the one to ask
    const char *reason = ev->body ? dict_str(ev->body, "reason", NULL) : NULL;
    *cord = (struct cord){.pulled = pulled,
                          .automatic = ev->rollout != NULL,
                          .everything = !ev->service,
                          .time = ev->time,
                          .seq = ev->seq,
                          .actor = arena_strdup(c->arena, ev->actor),
                          .reason = arena_strdup(c->arena, reason ? reason : ""),
                          .rollout = arena_strdup(c->arena, ev->rollout)};
}

const struct cord *cords_pulled(const struct cords *c, bool rollback)
{
    if (c->all.pulled)
        return &c->all;
    return c->own.pulled && !(rollback && c->own.automatic) ? &c->own : NULL;
}
