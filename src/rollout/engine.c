#include "rollout/engine_internal.h"

#include <string.h>

#define POLL 1000000 // microseconds between looks at the ledger
#define TRIES 5

// --- events
// -----------------------------------------------------------------------------------------------

struct ledger_event engine_event(struct engine *g, const char *type, const struct ring_state *r)
{
    return (struct ledger_event){.type = type,
                                 .actor = g->actor,
                                 .service = g->state.service,
                                 .release = g->state.release,
                                 .rollout = g->state.id,
                                 .ring = r ? r->name : NULL,
                                 .body = value_dict(g->step_arena).u.dict};
}

struct dict *engine_body(struct ledger_event *ev)
{
    return (struct dict *)(uintptr_t)ev->body;
}

void engine_set(struct ledger_event *ev, const char *key, const char *text)
{
    if (text)
        dict_set(engine_body(ev), key, value_cstr(text));
}

struct fetch {
    struct engine *g;
    bool look_only, found, of_cord;
};

static int on_event(void *data, const struct ledger_event *ev)
{
    struct fetch *f = data;
    struct engine *g = f->g;
    struct ledger_event seen = *ev;
    if (!f->of_cord && strncmp(ev->type, "cord.", 5) == 0)
        return 0; // taken already
    if (f->look_only) {
        f->found = true;
        return 1;
    }
    if (g->live)
        seen.time = g->hooks->now(g->hooks->data);
    cords_add(&g->cords, &seen);
    rollout_state_add(&g->state, &seen);
    if (g->live && g->hooks->tell)
        g->hooks->tell(g->hooks->data, ev);
    return 0;
}

// What happened to the rollout, and to the cord, since g->seen.
static int each_new(struct fetch *f, const char *rollout, struct err *e)
{
    static const char *const of_cord[] = {"cord.*", NULL};
    struct engine *g = f->g;
    int64_t size = ledger_size(g->ledger);
    if (size <= g->seen)
        return 0;
    // both up to the same event, so that none that comes between the two is lost
    struct ledger_filter mine = {.rollout = rollout, .after = g->seen, .before = size},
                         cord = {.types = of_cord, .after = g->seen, .before = size};
    struct arena *a = arena_new();
    f->of_cord = true;
    int rc = ledger_each(g->ledger, &cord, a, on_event, f, e);
    f->of_cord = false;
    if (rc == 0)
        rc = ledger_each(g->ledger, &mine, a, on_event, f, e);
    arena_free(a);
    if (rc >= 0 && !f->look_only)
        g->seen = size;
    return rc < 0 ? rc : 0;
}

int engine_fetch(struct engine *g, struct err *e)
{
    struct fetch f = {.g = g};
    return each_new(&f, g->state.id, e);
}

struct append {
    struct engine *g;
    struct ledger_event *evs;
    size_t n;
    bool stale;
};

static int append_if_current(void *data, struct ledger *l, struct err *e)
{
    struct append *p = data;
    struct fetch f = {.g = p->g, .look_only = true};
    int rc = each_new(&f, p->g->state.id, e);
    if (rc < 0)
        return rc;
    if (f.found) {
        p->stale = true;
        return err_set(e, ERR_CANCELLED, POS_NONE, "the rollout has moved on");
    }
    return ledger_append(l, p->evs, p->n, e);
}

int engine_append(struct engine *g, struct ledger_event *evs, size_t n, bool *ret_stale,
                  struct err *e)
{
    struct append p = {.g = g, .evs = evs, .n = n};
    struct err own = ERR_INIT;
    int rc = ledger_transact(g->ledger, append_if_current, &p, &own);
    *ret_stale = p.stale;
    if (p.stale) {
        err_release(&own);
        return 0;
    }
    return rc < 0 ? err_move(e, &own) : 0;
}

int engine_record(struct engine *g, struct ledger_event *evs, size_t n, struct err *e)
{
    for (int i = 0;; i++) {
        struct err own = ERR_INIT;
        int rc = ledger_append(g->ledger, evs, n, &own);
        if (rc == 0)
            return 0;
        bool again = rc == ERR_IO && i + 1 < TRIES &&
                     g->hooks->wait(g->hooks->data, g->hooks->now(g->hooks->data) + POLL) == 0;
        if (!again)
            return err_move(e, &own);
        err_release(&own);
    }
}

// --- opening
// ----------------------------------------------------------------------------------------------

int engine_open(struct engine *g, struct ledger *l, const char *rollout, const struct service *svc,
                const char *actor, const struct engine_hooks *hooks, struct err *e)
{
    struct arena *a = arena_new();
    *g = (struct engine){.ledger = l,
                         .service = svc,
                         .actor = actor,
                         .hooks = hooks,
                         .arena = a,
                         .step_arena = arena_new(),
                         .approved_at = -1};
    rollout_state_init(&g->state, a);
    cords_init(&g->cords, a, svc->name);
    struct fetch f = {.g = g};
    int rc = each_new(&f, rollout, e);
    if (rc == 0 && !g->state.id)
        rc = err_set(e, ERR_NOENT, POS_NONE, "the ledger knows no rollout '%s'", rollout);
    g->live = true;
    return rc;
}

void engine_close(struct engine *g)
{
    arena_free(g->step_arena);
    arena_free(g->arena);
    *g = (struct engine){0};
}

// --- what the state does not say
// ----------------------------------------------------------------------------------

static int ask_approval(struct engine *g, struct ring_state *r, const struct ring *def,
                        struct err *e)
{
    int64_t size = ledger_size(g->ledger);
    if (r->stage != RING_WAITING || (g->approved_at == size && g->approved_ring == r))
        return 0;
    int rc = g->hooks->approved(g->hooks->data, r, def, g->arena, &g->approval, e);
    if (rc == 0) {
        g->approved_at = size;
        g->approved_ring = r;
    }
    return rc;
}

static int conditions(struct engine *g, struct conditions *c, struct err *e)
{
    struct ring_state *r = rollout_ring_now(&g->state);
    const struct ring *def = r ? service_ring(g->service, r->name) : NULL;
    *c = (struct conditions){.cord = cords_pulled(&g->cords, g->state.rollback)};
    if (!def)
        return 0;
    if (!g->state.rollback && g->hooks->open)
        c->closed = !g->hooks->open(g->hooks->data, def, g->step_arena, &c->closed_why, &c->opens);
    int rc = g->hooks->approved ? ask_approval(g, r, def, e) : 0;
    c->unapproved = g->hooks->approved && r->stage == RING_WAITING && !g->approval.ok;
    c->ask = g->approval.ask && g->asked != r;
    c->approval_why = g->approval.why;
    bool clear = !c->cord && !c->closed && !c->unapproved && !g->state.paused;
    if (!clear || g->clear_ring != r)
        g->clear_since = clear ? g->hooks->now(g->hooks->data) : 0;
    g->clear_ring = r;
    c->clear_since = g->clear_since;
    return rc;
}

int engine_next(struct engine *g, struct step *ret, struct err *e)
{
    struct conditions c;
    arena_reset(g->step_arena);
    int rc = engine_fetch(g, e);
    if (rc == 0)
        rc = conditions(g, &c, e);
    if (rc == 0)
        *ret = rollout_next(&g->state, g->service, g->hooks->now(g->hooks->data), &c);
    return rc;
}

// --- steps
// ------------------------------------------------------------------------------------------------

static int wait_step(struct engine *g, const struct step *st)
{
    int64_t now = g->hooks->now(g->hooks->data), until = now + POLL;
    if (g->hooks->waiting)
        g->hooks->waiting(g->hooks->data, st, now);
    return g->hooks->wait(g->hooks->data, st->until && st->until < until ? st->until : until);
}

// Hosts of the ring that could not be put back.
static int64_t not_put_back(const struct engine *g, const struct ring_state *r)
{
    int64_t n = 0;
    for (size_t i = 0; i < g->state.n_runs; i++)
        if (g->state.runs[i].action != BATCH_DEPLOY && strcmp(g->state.runs[i].ring, r->name) == 0)
            n += (int64_t)g->state.runs[i].failed->len;
    return n;
}

static int ring_event(struct engine *g, const struct step *st, const char *type, struct err *e)
{
    struct ledger_event ev = engine_event(g, type, st->ring);
    bool stale;
    dict_set(engine_body(&ev), "hosts", value_int((int64_t)st->ring->hosts->len));
    if (strcmp(type, "ring.started") == 0 && g->approval.authority)
        dict_set(engine_body(&ev), "authority", *g->approval.authority);
    if (strcmp(type, "ring.passed") == 0)
        dict_set(engine_body(&ev), "failed",
                 value_int((int64_t)rollout_state_failures(&g->state, st->ring)));
    if (strcmp(type, "ring.undone") == 0)
        dict_set(engine_body(&ev), "failed", value_int(not_put_back(g, st->ring)));
    return engine_append(g, &ev, 1, &stale, e);
}

static int hold(struct engine *g, const struct step *st, struct err *e)
{
    struct ledger_event ev = engine_event(g, "rollout.held", st->ring);
    bool stale;
    engine_set(&ev, "reason", st->reason);
    return engine_append(g, &ev, 1, &stale, e);
}

static int act(struct engine *g, const struct step *st, struct err *e)
{
    switch (st->kind) {
    case STEP_WAIT:
        return wait_step(g, st);
    case STEP_REQUEST:
        g->asked = st->ring;
        return g->hooks->request(g->hooks->data, st->ring, st->def, e);
    case STEP_GATES:
        return engine_gates(g, st, e);
    case STEP_GATES_LATE:
        return engine_gates_late(g, st, e);
    case STEP_RING_START:
        return ring_event(g, st, "ring.started", e);
    case STEP_BATCH:
    case STEP_BATCH_CHECK:
        return engine_batch(g, st, e);
    case STEP_RING_PASS:
        return ring_event(g, st, "ring.passed", e);
    case STEP_RING_FAIL:
        return engine_ring_failed(g, st, e);
    case STEP_HOLD:
        return hold(g, st, e);
    case STEP_UNDO:
        return engine_put_back(g, st, e);
    case STEP_RING_UNDONE:
        return ring_event(g, st, "ring.undone", e);
    case STEP_FINISH:
        return engine_finish(g, st, e);
    case STEP_NONE:
        break;
    }
    return 0;
}

int engine_run(struct engine *g, struct err *e)
{
    struct step st;
    for (;;) {
        int rc = g->hooks->wait(g->hooks->data, 0);
        if (rc == 0)
            rc = engine_next(g, &st, e);
        if (rc < 0)
            return rc;
        if (st.kind == STEP_NONE || (st.kind == STEP_WAIT && st.wait == WAIT_HELD))
            return 0;
        rc = act(g, &st, e);
        if (rc < 0)
            return rc;
    }
}
