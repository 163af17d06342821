// A history from a ledger: the one file of the room that reads one.
#include "flow/history.h"

static int on_event(void *data, const struct ledger_event *ev)
{
    flow_history_add(data, ev);
    return 0;
}

int flow_history_load(struct flow_history *h, struct ledger *l, struct err *e)
{
    struct ledger_filter f = {.types = flow_event_types};
    int rc = ledger_each(l, &f, h->arena, on_event, h, e);
    if (rc == 0)
        flow_history_finish(h);
    return rc;
}
