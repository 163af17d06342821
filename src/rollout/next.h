// The next step of a rollout: a pure function of its state, the service file, the time and what
// else must hold. It does nothing itself, so all of it is tested by tables.
#ifndef ROLLOUT_NEXT_H
#define ROLLOUT_NEXT_H

#include "rollout/gate.h"
#include "rollout/state.h"

// What the state alone does not say, for the ring that is next.
struct conditions {
    const struct cord *cord; // that is in the way, or NULL
    bool closed;             // by the calendar
    const char *closed_why;
    int64_t opens;            // when it next opens, 0: not within a year
    bool unapproved, ask;     // ask: and somebody is to be asked for it
    const char *approval_why; // what is missing
    int64_t clear_since;      // since when none of these is in the way: gates count from then
};

enum step_kind {
    STEP_WAIT,        // until `until`, or until the ledger or a condition changes
    STEP_REQUEST,     // ask for approvals of the ring
    STEP_GATES,       // take a sample
    STEP_GATES_LATE,  // their time is over
    STEP_RING_START,  //
    STEP_BATCH,       // run it
    STEP_BATCH_CHECK, // it began and did not end as far as the state knows: look, then run again
    STEP_RING_PASS,
    STEP_RING_FAIL,
    STEP_HOLD,
    STEP_UNDO, // put back what a run did
    STEP_RING_UNDONE,
    STEP_FINISH,
    STEP_NONE, // it has finished
};

enum wait_for {
    WAIT_CORD,
    WAIT_PAUSED,
    WAIT_HELD,
    WAIT_CALENDAR,
    WAIT_APPROVAL,
    WAIT_PAUSE,
    WAIT_GATES
};

struct step {
    enum step_kind kind;
    struct ring_state *ring; // NULL where none is meant
    const struct ring *def;  // the ring in the service file
    // a batch
    enum batch_action action;
    unsigned batch, of;
    size_t from, n;              // hosts of the ring
    const struct batch_run *run; // to look at, or to put back
    // gates
    bool after;
    struct gate_poll poll;
    // waiting
    enum wait_for wait;
    int64_t until; // microseconds, 0: no end
    // why, in the arena of the state; outcome of STEP_FINISH
    const char *reason, *gate, *outcome;
};

struct step rollout_next(const struct rollout_state *s, const struct service *svc, int64_t now,
                         const struct conditions *c);

// The ring that is next or at work, NULL when all have passed.
struct ring_state *rollout_ring_now(const struct rollout_state *s);
// When the ring that is at work must have passed, 0: never.
int64_t rollout_deadline(const struct rollout_state *s, const struct service *svc);
// Batches of a ring, at least one host each.
unsigned rollout_batches(const struct ring *def, size_t hosts);
// What is done about a failure of this ring.
enum on_failure rollout_on_failure(const struct rollout_state *s, const struct service *svc,
                                   const struct ring_state *r);
// Gates that a rollback does not wait for: time, windows, statistics.
bool rollout_gate_waits(const struct gate *g);

#endif
