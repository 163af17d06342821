// What an event is found by besides its columns: names and marks out of its body, and whether a
// run's beginning and end lie far apart.
#include "ledger/internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_type(const struct ledger_event *ev, const char *type)
{
    return ev->type && strcmp(ev->type, type) == 0;
}

static const char *body_text(const struct ledger_event *ev, const char *key)
{
    const char *s = ev->body ? dict_str(ev->body, key, NULL) : NULL;
    return s && *s ? s : NULL;
}

const char *field_name(const struct ledger_event *ev)
{
    if (ev->package || (!is_type(ev, "change") && !is_type(ev, "drift.found")))
        return NULL;
    const char *name = body_text(ev, "name");
    return name ? name : body_text(ev, "unit");
}

int64_t field_marks(const struct ledger_event *ev)
{
    int64_t marks = 0;
    if (!is_type(ev, "run.started"))
        return 0;
    const struct value *v = ev->body ? dict_get(ev->body, "authority") : NULL;
    const char *kind = v && v->type == VALUE_DICT ? dict_str(v->u.dict, "kind", "none") : "none";
    if (strcmp(kind, "none") == 0 && !(ev->body && dict_bool(ev->body, "check", false)))
        marks |= LEDGER_UNAUTHORISED;
    if (strcmp(kind, "break-glass") == 0)
        marks |= LEDGER_BREAK_GLASS;
    if (body_text(ev, "undoes"))
        marks |= LEDGER_UNDOES;
    return marks;
}

// --- runs whose beginning and end are not in one block
// ------------------------------------------------------------------------------------------

int field_run_types(struct ledger *l, struct run_types *ret, struct err *e)
{
    ret->started = ret->finished = -1;
    int rc = name_find(l, "run.started", &ret->started, NULL, e);
    return rc < 0 ? rc : name_find(l, "run.finished", &ret->finished, NULL, e) < 0 ? l->failed : 0;
}

struct end {
    int64_t run;
    int place;
    int64_t open; // OPEN_STARTED or OPEN_FINISHED
};

static int by_run(const void *x, const void *y)
{
    const struct end *p = x, *q = y;
    return p->run < q->run ? -1 : p->run > q->run;
}

void field_open_runs(int64_t (*ids)[LEDGER_FIELDS], const struct run_types *types)
{
    struct end ends[LEDGER_BLOCK];
    size_t n = 0;
    for (int i = 0; i < LEDGER_BLOCK; i++) {
        int64_t type = ids[i][COL_TYPE];
        ids[i][FIELD_OPEN] = -1;
        if (ids[i][COL_RUN] >= 0 && type >= 0 &&
            (type == types->started || type == types->finished))
            ends[n++] = (struct end){ids[i][COL_RUN], i,
                                     type == types->started ? OPEN_STARTED : OPEN_FINISHED};
    }
    if (n)
        qsort(ends, n, sizeof *ends, by_run);
    for (size_t i = 0, k; i < n; i = k) {
        int64_t seen = 0;
        for (k = i; k < n && ends[k].run == ends[i].run; k++)
            seen |= ends[k].open;
        for (size_t m = i; m < k && seen != (OPEN_STARTED | OPEN_FINISHED); m++)
            ids[ends[m].place][FIELD_OPEN] = ends[m].open;
    }
}

// --- runs that have not ended
// ------------------------------------------------------------------------------------------

struct unended {
    struct arena *a;
    struct dict *ended; // runs
    const struct ledger_filter *f;
    struct ledger_event *all;
    size_t n, cap;
};

static int note_end(void *data, const struct ledger_event *ev)
{
    struct unended *u = data;
    if (ev->run)
        dict_set(u->ended, arena_strdup(u->a, ev->run), value_bool(true));
    return 0;
}

static int keep_unended(void *data, const struct ledger_event *ev)
{
    struct unended *u = data;
    if (!ev->run || dict_get(u->ended, ev->run))
        return 0;
    if (u->n == u->cap) {
        u->cap = u->cap ? 2 * u->cap : 16;
        u->all = xrealloc(u->all, u->cap * sizeof *u->all);
    }
    u->all[u->n++] = *ev;
    return 0;
}

int ledger_unended(struct ledger *l, const struct ledger_filter *span, struct arena *a,
                   struct ledger_event **ret, size_t *ret_n, struct err *e)
{
    struct unended u = {.a = a, .ended = value_dict(a).u.dict};
    struct ledger_filter ends = {.since = span->since, .marks = OPEN_FINISHED << OPEN_SHIFT},
                         starts = {.since = span->since,
                                   .until = span->until,
                                   .service = span->service,
                                   .marks = OPEN_STARTED << OPEN_SHIFT};
    int rc = ledger_each(l, &ends, NULL, note_end, &u, e);
    if (rc == 0)
        rc = ledger_each(l, &starts, a, keep_unended, &u, e);
    if (rc == 0) {
        *ret = arena_array(a, struct ledger_event, u.n + 1);
        if (u.n)
            memcpy(*ret, u.all, u.n * sizeof *u.all);
        *ret_n = u.n;
    }
    free(u.all);
    return rc;
}
