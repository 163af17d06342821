// Carries a rollout: asks rollout_next for the step, writes down that it begins, does it through
// hooks, writes down how it ended, until the rollout has finished or people must decide. Knows no
// clock, processes or hosts of its own.
#ifndef ROLLOUT_ENGINE_H
#define ROLLOUT_ENGINE_H

#include "rollout/next.h"

// One run of a batch, for hooks.
struct batch_job {
    enum batch_action action;
    const struct ring_state *ring;
    const struct ring *def;
    const char *run;     // its id, made by the engine
    const char *undoes;  // of an undo: the run
    const char *release; // to be put there; of an undo: NULL
    unsigned batch, of;
    const struct list *hosts;      // names
    int64_t deadline;              // by the clock of the hooks, 0: none
    const struct value *authority; // or NULL
};

struct batch_result {
    struct list *failed; // names, in the arena of the call; hosts that failed or were unreachable
    const char *detail;  // one line on the first failure, or NULL
    bool interrupted;    // the user wants to stop: it did not come to an end
    bool lost;           // it was killed, and not by us: what it did is not known
};

struct engine_approval {
    bool ok;
    bool ask;                      // somebody has to be asked
    const char *why;               // what is missing
    const struct value *authority; // what allows it
};

struct engine_hooks {
    void *data;
    // Microseconds that never jump or stand still, near the time of day.
    int64_t (*now)(void *data);
    // Waits until then at most; ERR_CANCELLED when the user wants to stop.
    int (*wait)(void *data, int64_t until);
    // Whether the calendar of the ring allows something new; *ret_why in a.
    bool (*open)(void *data, const struct ring *r, struct arena *a, const char **ret_why,
                 int64_t *ret_opens);
    // Who has approved of the ring.
    int (*approved)(void *data, const struct ring_state *r, const struct ring *def, struct arena *a,
                    struct engine_approval *ret, struct err *e);
    // Asks for approvals: appends approval.requested.
    int (*request)(void *data, const struct ring_state *r, const struct ring *def, struct err *e);
    int (*run)(void *data, const struct batch_job *job, struct arena *a, struct batch_result *ret,
               struct err *e);
    // As gate_sample.
    int (*sample)(void *data, const struct ring_state *r, const struct gate *gates, size_t n,
                  size_t failed, struct arena *a, struct gate_result *results, struct err *e);
    // For people. Any may be NULL: each event that is new; what is waited for.
    void (*tell)(void *data, const struct ledger_event *ev);
    void (*waiting)(void *data, const struct step *st, int64_t now);
};

struct engine {
    struct ledger *ledger;
    const struct service *service;
    const char *actor;
    const struct engine_hooks *hooks;
    struct arena *arena;
    struct rollout_state state;
    struct cords cords;
    int64_t seen;        // number of the next event to be read
    bool live;           // events that come now happen now
    int64_t approved_at; // size of the ledger the answer below is for, -1: none
    const struct ring_state *approved_ring;
    struct engine_approval approval;
    int64_t clear_since; // since when nothing is in the way of clear_ring, 0: something is
    const struct ring_state *clear_ring;
    const struct ring_state *asked; // approvals of it have been asked for by this controller
    struct arena *step_arena;
};

// Reads the rollout's events. ERR_NOENT when there is no such rollout.
int engine_open(struct engine *g, struct ledger *l, const char *rollout, const struct service *svc,
                const char *actor, const struct engine_hooks *hooks, struct err *e)
    __attribute__((warn_unused_result));
void engine_close(struct engine *g);
// Goes on until the rollout has finished or is held (0), the user wants to stop (ERR_CANCELLED), or
// the ledger cannot be written (ERR_IO): then nothing new has begun.
int engine_run(struct engine *g, struct err *e) __attribute__((warn_unused_result));
// Reads what is new in the ledger.
int engine_fetch(struct engine *g, struct err *e) __attribute__((warn_unused_result));
// The step that is next.
int engine_next(struct engine *g, struct step *ret, struct err *e)
    __attribute__((warn_unused_result));

#endif
