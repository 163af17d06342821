// Runs that a service has given up on hosts: they failed there, were lost or have no end, and what
// they began may still be at work behind a connection that broke. The next run ends it first.
#include "cli/deploy_children.h"

#include <string.h>

#define LOOK_BACK 500 // events of batches
#define RUNS_MAX 20   // told to a run

struct lookup {
    struct arena *a;
    const struct batch_job *job;
    struct dict *ended; // runs with an end
    struct value runs;
};

static bool shares_host(const struct lookup *u, const struct value *names)
{
    for (size_t i = 0; names && names->type == VALUE_LIST && i < names->u.list->len; i++)
        for (size_t k = 0; k < u->job->hosts->len; k++)
            if (value_equal(&names->u.list->items[i], &u->job->hosts->items[k]))
                return true;
    return false;
}

// Newest first: the end of a run comes before its beginning.
static int take_batch(void *data, const struct ledger_event *ev)
{
    struct lookup *u = data;
    bool end = strcmp(ev->type, "batch.finished") == 0;
    if (!ev->run || !ev->body || dict_get(u->ended, ev->run))
        return 0;
    if (end)
        dict_setv(u->ended, value_str(u->a, ev->run), value_bool(true));
    bool own = strcmp(ev->run, u->job->run) == 0 ||
               (u->job->undoes && strcmp(ev->run, u->job->undoes) == 0); // the undo does it itself
    if (!own && shares_host(u, dict_get(ev->body, end ? "failed" : "hosts")))
        list_add(u->runs.u.list, value_str(u->a, ev->run));
    return u->runs.u.list->len >= RUNS_MAX;
}

struct value child_gives_up(struct deploy *d, const struct batch_job *job, struct arena *a)
{
    static const char *const types[] = {"batch.started", "batch.finished", NULL};
    struct ledger_filter f = {
        .types = types, .service = d->name, .newest_first = true, .limit = LOOK_BACK};
    struct lookup u = {.a = a, .job = job, .ended = value_dict(a).u.dict, .runs = value_list(a)};
    (void)!ledger_each(d->ledger, &f, a, take_batch, &u, NULL);
    return u.runs;
}
