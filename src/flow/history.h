// What the ledger's events say of deliveries: releases, rollouts with their rings, incidents. Plain
// structs, filled from events alone; no file, no clock, no repository is looked at.
#ifndef FLOW_HISTORY_H
#define FLOW_HISTORY_H

#include "ledger/ledger.h"

#include <stdbool.h>

// The types of events a history is made of, besides runs that undo; ends with NULL. For a
// ledger_filter.
extern const char *const flow_event_types[];

#define FLOW_NO_EVENT (-1)

// A stretch of time, in microseconds since 1970. to is 0 while it lasts.
struct flow_span {
    int64_t from, to;
    const char *id; // of the run, where it is one
};
struct flow_spans {
    struct flow_span *at;
    size_t n, cap;
};

// A rollout in one of its rings.
struct flow_ring {
    const char *name;
    bool production;
    bool touched;        // a batch ran: hosts of the ring may have got the release
    int64_t entered;     // when the ring before had passed, or the rollout began
    int64_t ended;       // 0: under way
    bool passed, failed; // both: it failed, was mended and passed
    bool undone;
    bool entry;          // any event tells of it: it was reached
    const char *reason;  // of the failure, may be NULL
    int64_t first_batch; // 0: none ran
    int64_t failed_at;   // 0: it did not
    int64_t undone_at;
    int64_t working, approval, gates;                 // microseconds, once it has ended
    int64_t ev_entry, ev_ended, ev_failed, ev_undone; // numbers of events, FLOW_NO_EVENT
    int64_t ev_passed;                                //
    struct flow_spans batches, asked, sampling;       // what the sums are made of
};

enum flow_end {
    FLOW_ACTIVE,
    FLOW_DONE,
    FLOW_UNDONE,
    FLOW_REDEPLOYED,
    FLOW_HELD,
    FLOW_STOPPED,
    FLOW_PARTLY
};

struct flow_rollout {
    const char *id, *service, *release, *previous, *commit;
    bool rollback;
    int64_t started, finished; // finished 0: under way
    enum flow_end end;
    struct flow_ring *rings; // in order
    size_t n_rings;
    int64_t ev_started, ev_finished;
    // summed up by flow_history_finish
    bool reached;           // production hosts may have got the release
    int64_t reached_at;     // when the first of them could have
    int64_t deployed;       // when the last production ring first passed; 0: it did not
    int64_t ev_deployed;    // the event that says so
    int64_t over;           // the end of it in production: deployed, or the failure; 0: under way
    bool failed;            // in production: a ring failed, or it did not end well
    const char *why;        // it failed
    int64_t ev_failed;      // the event that says so
    int64_t restored;       // when the rollout itself had put production right; 0: it did not
    int64_t ev_restored;    //
    const char *taken_back; // a later rollback took this one back: its id
};

struct flow_release {
    const char *service, *version, *commit, *repo;
    int64_t created, ev_created;
};

struct flow_incident {
    const char *id, *service, *title, *severity, *noticed_by;
    const char *rollout;       // the deployment that caused it, NULL: not known, or none
    const char *ring, *gate;   // where a gate found it
    const char *restored_by;   // a rollout or run, NULL: not said
    int64_t began;             // as somebody said; 0: nobody did
    int64_t noticed;           //
    int64_t mitigated, closed; // 0: not yet
    int64_t ev_opened, ev_linked, ev_mitigated, ev_closed;
};

// Everything lives in arena.
struct flow_history {
    struct arena *arena;
    struct dict *texts;            // those of events that are kept
    struct flow_rollout *rollouts; // as they began
    size_t n_rollouts, cap_rollouts;
    struct flow_release *releases;
    size_t n_releases, cap_releases;
    struct flow_incident *incidents;
    size_t n_incidents, cap_incidents;
    struct dict *by_rollout, *by_release, *by_incident; // index by id
    struct dict *runs;   // rollout and ring of the runs of production batches
    struct dict *undoes; // run that undoes: the run it undoes
    size_t events;       // taken into account
    bool finished;
};

// An empty history in a.
void flow_history_init(struct flow_history *h, struct arena *a);
// Takes one event into account; they come in the order of the ledger, but for runs, which may come
// later. What it needs of an event it copies. Events that mean nothing to it are passed over.
void flow_history_add(struct flow_history *h, const struct ledger_event *ev);
// After the last event: sums up rings and rollouts, and what of them later events took back.
void flow_history_finish(struct flow_history *h);
// Reads all it needs from a ledger, and finishes.
int flow_history_load(struct flow_history *h, struct ledger *l, struct err *e)
    __attribute__((warn_unused_result));

// By id; NULL when there is none.
struct flow_rollout *flow_find_rollout(const struct flow_history *h, const char *id);
struct flow_incident *flow_find_incident(const struct flow_history *h, const char *id);
struct flow_release *flow_find_release(const struct flow_history *h, const char *service,
                                       const char *version);
// Names of the services there are, in the order of the alphabet; in the arena.
const char **flow_services(const struct flow_history *h, size_t *ret_n);
// Whether it hurt production: an incident of a rollout that never got there, or of a ring in front
// of it, was caught before.
bool flow_incident_in_production(const struct flow_history *h, const struct flow_incident *i);
// The moment an incident ended for those it hurt: mitigated or closed, whichever came first; 0
// while it lasts.
int64_t flow_incident_over(const struct flow_incident *i);
const char *flow_end_name(enum flow_end end);

#endif
