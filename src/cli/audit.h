// What an audit of the ledger finds in a span of time.
#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

#include "ledger/ledger.h"

// One finding. Everything lives in the audit's arena.
struct finding {
    const char *kind; // a name of audit_kinds
    int64_t time;
    const char *actor, *service, *run, *rollout, *host; // any may be NULL
    const char *what;                                   // a line
    int64_t *events;                                    // numbers of the events it rests on
    size_t n_events;
};

struct audit_kind {
    const char *name;  // "unauthorised", ...
    const char *title; // "Changes that nothing allowed"
};
// In the order of a report; ends with a NULL name.
extern const struct audit_kind audit_kinds[];

struct audit {
    struct ledger *ledger;
    struct arena *arena;
    const char *service; // of it alone, or NULL
    int64_t since, until;
    const char *machine;       // where processes of run.started can be looked for
    struct ledger_event *ends; // run.finished since the beginning of the span, when they were read
    struct dict *end_of;       // run -> index into ends
    struct ledger_event *requests;
    struct dict *request_of; // subject -> index into requests
    struct finding *all;
    size_t n, cap;
};

// Fills all with what there is, by time within a kind; audit_release frees that.
int audit_run(struct audit *a, struct err *e) __attribute__((warn_unused_result));
void audit_release(struct audit *a);

#endif
