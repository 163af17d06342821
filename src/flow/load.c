// A history from a ledger: the one file of the room that reads one.
#include "flow/history.h"

struct loading {
    struct flow_history *h;
    struct ledger *l;
    struct err *e;
};

static int on_event(void *data, const struct ledger_event *ev)
{
    struct loading *ld = data;
    flow_history_add(ld->h, ev);
    return 0;
}

// Of all runs those that undo others are few, so they are asked for by themselves.
static int on_undo(void *data, const struct ledger_event *ev)
{
    static const char *const types[] = {"run.finished", NULL};
    struct loading *ld = data;
    struct ledger_filter end = {.types = types, .run = ev->run, .after = ev->seq, .limit = 1};
    flow_history_add(ld->h, ev);
    return ledger_each(ld->l, &end, NULL, on_event, ld, ld->e);
}

static int load(void *data, struct ledger *l, struct err *e)
{
    const struct ledger_filter deliveries = {.types = flow_event_types},
                               undoes = {.marks = LEDGER_UNDOES};
    int rc = ledger_each(l, &deliveries, NULL, on_event, data, e);
    return rc < 0 ? rc : ledger_each(l, &undoes, NULL, on_undo, data, e);
}

int flow_history_load(struct flow_history *h, struct ledger *l, struct err *e)
{
    struct loading ld = {.h = h, .l = l, .e = e};
    int rc = ledger_read(l, load, &ld, e);
    if (rc == 0)
        flow_history_finish(h);
    return rc;
}
