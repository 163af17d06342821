// The state of a rollout: what its events in the ledger add up to, and nothing else. A controller
// that was killed knows by it where the rollout stands. Also the state of the cord.
#ifndef ROLLOUT_STATE_H
#define ROLLOUT_STATE_H

#include "core/value.h"
#include "ledger/ledger.h"

#include <stdbool.h>

enum ring_stage { RING_WAITING, RING_RUNNING, RING_PASSED, RING_FAILED, RING_UNDONE };

enum batch_action { BATCH_DEPLOY, BATCH_UNDO, BATCH_REDEPLOY };

// One run of a batch. A batch that was cut short has several.
struct batch_run {
    const char *run, *ring;
    enum batch_action action;
    unsigned batch, of;       // from 1; of an undo, those of the run it undoes
    const char *undoes;       // of an undo: the run
    const struct list *hosts; // names
    bool finished, ok;
    bool again;                // a held rollout was resumed: it is to be run once more
    const struct list *failed; // names, when finished
    int64_t started, ended;    // microseconds
};

// The series of gate samples before or after a ring.
struct gate_series {
    unsigned samples;
    int64_t first, last; // time of samples
    int64_t green_since; // 0: the last one was not green
    bool passed, failed;
    const char *gate, *reason; // of the failure
    const char *red, *detail;  // the first gate that was not green in the last sample
};

// What was promoted past, as bits.
enum promoted {
    PROMOTED_BEFORE = 1,
    PROMOTED_AFTER = 2,
    PROMOTED_PAUSE = 4,
    PROMOTED_CALENDAR = 8
};

struct ring_state {
    const char *name;
    const struct list *hosts; // names, fixed when the rollout began
    enum ring_stage stage;
    int64_t started;    // first batch, 0: not yet
    int64_t deployed;   // last batch ended
    int64_t gates_from; // gates behind the ring count from then: deployed, or when it was resumed
    int64_t ended;      // passed or failed
    struct gate_series before, after;
    unsigned promoted;
    bool requested;                // approvals were asked for
    bool accepted;                 // promoted although hosts failed
    const struct value *authority; // by which it was started, or NULL
    const char *gate, *reason;
};

struct rollout_state {
    struct arena *arena;
    const char *id, *service, *release, *previous, *actor;
    const char *file, *service_file; // blob of andon.yml, and where it was
    const char *artifact, *commit;
    const struct dict *details; // body of rollout.started
    bool rollback, standard;
    int64_t started, last; // time of the first and the last event
    int64_t seen;          // number of the last event + 1
    struct ring_state *rings;
    size_t n_rings;
    struct batch_run *runs; // in the order they began
    size_t n_runs, cap_runs;
    bool paused, held;
    const char *why; // paused, held
    const char *incident;
    bool finished;
    int64_t ended;
    const char *outcome, *reason; // of the end
};

// An empty state whose memory is in a, which must outlive it.
void rollout_state_init(struct rollout_state *s, struct arena *a);
// Takes the next event of the rollout into account; what it points to is copied. Events that mean
// nothing to it are passed over, also those behind the end.
void rollout_state_add(struct rollout_state *s, const struct ledger_event *ev);

struct ring_state *rollout_state_ring(const struct rollout_state *s, const char *name);
// The newest deploying run of a batch, or NULL.
const struct batch_run *rollout_state_batch(const struct rollout_state *s,
                                            const struct ring_state *r, unsigned batch);
// Hosts that failed in the last runs of the ring's batches.
size_t rollout_state_failures(const struct rollout_state *s, const struct ring_state *r);
// Whether any host of the ring may have been touched by this rollout.
bool rollout_state_touched(const struct rollout_state *s, const struct ring_state *r);
// The run that put back what run did, when it ended; NULL.
const struct batch_run *rollout_state_undone(const struct rollout_state *s, const char *run);
// Names of hosts that could not be put back, in a.
struct list *rollout_state_left(const struct rollout_state *s, struct arena *a);
// One word for people: "running", "paused", "held", "undoing", or the outcome.
const char *rollout_state_word(const struct rollout_state *s);

// --- the cord
// What holds a service up: its own cord, or that of everything. automatic: a failed rollout pulled
// it.
struct cord {
    bool pulled, automatic;
    bool everything;
    int64_t time, seq;
    const char *actor, *reason, *rollout;
};
struct cords {
    struct arena *arena;
    const char *service; // NULL: any
    struct cord own, all;
};
void cords_init(struct cords *c, struct arena *a, const char *service);
void cords_add(struct cords *c, const struct ledger_event *ev);
// The cord that is in the way, or NULL. A cord that a failed rollout pulled does not stop a
// rollback.
const struct cord *cords_pulled(const struct cords *c, bool rollback);

#endif
