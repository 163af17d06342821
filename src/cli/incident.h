// The actions of andon incident.
#ifndef CLI_INCIDENT_H
#define CLI_INCIDENT_H

#include "cli/session.h"

#include "flow/history.h"

struct incident_job {
    struct session *session;
    struct arena *arena;
    struct ledger *ledger;
    const char *actor;
    const char *arg, *arg2;   // behind the action
    int64_t now, at, started; // microseconds; at and started 0: not given
};

// Each prints what it did and returns 0, or fills *e.
int incident_open(struct incident_job *j, struct err *e);
int incident_close(struct incident_job *j, struct err *e);
int incident_mitigate(struct incident_job *j, struct err *e);
int incident_link(struct incident_job *j, struct err *e);
int incident_list(struct incident_job *j, struct err *e);
int incident_show(struct incident_job *j, struct err *e);

// All incidents of the ledger, and the one that is meant by j->arg (ERR_NOENT with the nearest).
int incident_load(struct incident_job *j, struct flow_history *ret, struct err *e);
int incident_find(struct incident_job *j, struct flow_history *h, struct flow_incident **ret,
                  struct err *e);

// The actions as help shows them.
void incident_actions_help(struct buf *b);

#endif
