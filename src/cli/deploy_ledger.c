// What the ledger knows of a service's rollouts, releases and cords.
#include "cli/deploy.h"

#include <string.h>

static int add_to_state(void *data, const struct ledger_event *ev)
{
    rollout_state_add(data, ev);
    return 0;
}

int rollout_read(struct ledger *l, const char *id, struct arena *a, struct rollout_state *ret,
                 struct err *e)
{
    struct ledger_filter f = {.rollout = id};
    struct arena *events = arena_new();
    rollout_state_init(ret, a);
    int rc = ledger_each(l, &f, events, add_to_state, ret, e);
    arena_free(events);
    if (rc == 0 && !ret->id)
        rc = err_set(e, ERR_NOENT, POS_NONE, "the ledger knows no rollout '%s'", id);
    return rc;
}

int rollout_last(struct ledger *l, const char *service,
                 bool (*pick)(void *data, const struct rollout_state *s), void *data,
                 struct arena *a, struct rollout_state *ret, struct err *e)
{
    static const char *const types[] = {"rollout.started", NULL};
    struct ledger_filter f = {.types = types, .service = service, .newest_first = true};
    struct ledger_event *evs;
    size_t n;
    struct arena *list = arena_new();
    int rc = ledger_list(l, &f, list, &evs, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = rollout_read(l, evs[i].rollout, a, ret, e);
        if (rc == 0 && (!pick || pick(data, ret)))
            rc = 1;
    }
    arena_free(list);
    return rc;
}

bool rollout_unfinished(void *data, const struct rollout_state *s)
{
    (void)data;
    return !s->finished;
}

static int add_to_cords(void *data, const struct ledger_event *ev)
{
    cords_add(data, ev);
    return 0;
}

int cords_read(struct ledger *l, const char *service, struct arena *a, struct cords *ret,
               struct err *e)
{
    static const char *const types[] = {"cord.*", NULL};
    struct ledger_filter f = {.types = types};
    struct arena *events = arena_new();
    cords_init(ret, a, service);
    int rc = ledger_each(l, &f, events, add_to_cords, ret, e);
    arena_free(events);
    return rc;
}

// --- releases
// ---------------------------------------------------------------------------------------------

static bool stays(const struct rollout_state *s)
{
    return s->finished && strcmp(s->outcome, "done") == 0;
}

// Whether hosts may have its release now.
static bool may_have(void *data, const struct rollout_state *s)
{
    (void)data;
    if (s->finished && (strcmp(s->outcome, "undone") == 0 || strcmp(s->outcome, "redeployed") == 0))
        return false;
    for (size_t i = 0; i < s->n_rings; i++)
        if (rollout_state_touched(s, &s->rings[i]))
            return true;
    return false;
}

static bool good_other(void *data, const struct rollout_state *s)
{
    return stays(s) && strcmp(s->release, data) != 0;
}

int release_current(struct ledger *l, const char *service, struct arena *a, const char **ret,
                    struct err *e)
{
    struct rollout_state s;
    *ret = NULL;
    int rc = rollout_last(l, service, may_have, NULL, a, &s, e);
    if (rc > 0)
        *ret = s.release;
    return rc < 0 ? rc : 0;
}

int release_good_before(struct ledger *l, const char *service, const char *release, struct arena *a,
                        const char **ret, struct err *e)
{
    struct rollout_state s;
    *ret = NULL;
    int rc = rollout_last(l, service, good_other, arena_strdup(a, release), a, &s, e);
    if (rc > 0)
        *ret = s.release;
    return rc < 0 ? rc : 0;
}

struct rehearsal {
    const struct service *svc;
    const char *ring;
    bool found;
};

static int earlier_ring(void *data, const struct ledger_event *ev)
{
    struct rehearsal *r = data;
    for (size_t i = 0; i < r->svc->n_rings; i++) {
        if (strcmp(r->svc->rings[i].name, r->ring) == 0)
            return 0;
        if (ev->ring && strcmp(r->svc->rings[i].name, ev->ring) == 0) {
            r->found = true;
            return 1;
        }
    }
    return 0;
}

int release_rehearsed(struct ledger *l, const char *service, const char *release,
                      const struct service *svc, const char *ring, int64_t since, bool *ret,
                      struct err *e)
{
    static const char *const types[] = {"ring.passed", NULL};
    struct ledger_filter f = {
        .types = types, .service = service, .release = release, .since = since};
    struct rehearsal r = {.svc = svc, .ring = ring};
    struct arena *a = arena_new();
    int rc = ledger_each(l, &f, a, earlier_ring, &r, e);
    arena_free(a);
    *ret = r.found;
    return rc < 0 ? rc : 0;
}

// --- writing
// ----------------------------------------------------------------------------------------------

int deploy_append(struct deploy *d, const char *type, const struct rollout_state *s,
                  const char *ring, const char *key, const char *text, struct err *e)
{
    struct dict *body = value_dict(d->arena).u.dict;
    struct ledger_event ev = {.type = type,
                              .actor = d->actor,
                              .service = d->name,
                              .release = s ? s->release : NULL,
                              .rollout = s ? s->id : NULL,
                              .ring = ring,
                              .body = body};
    if (key && text)
        dict_set(body, key, value_cstr(text));
    if (d->s.o.reason)
        dict_set(body, "reason", value_cstr(d->s.o.reason));
    return ledger_append(d->ledger, &ev, 1, e);
}
