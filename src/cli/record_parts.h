// Inside of the recorder: its state, and what its parts ask of each other.
#ifndef CLI_RECORD_PARTS_H
#define CLI_RECORD_PARTS_H

#include "cli/censor.h"
#include "cli/record.h"
#include "cli/subject.h"
#include "ledger/ledger.h"

// The rollout that a run is part of; NULL where it is of none.
struct record_context {
    const char *service, *release, *rollout, *ring;
    const char *run;               // the id that the rollout has given it, or NULL
    bool gate;                     // a gate of the rollout asks
    struct value batch, authority; // null when not said
    struct value gives_up;         // runs that may not go on, a list of ids, or null
};

struct recorder {
    struct session *s;
    struct ledger *ledger; // NULL: nothing is recorded (any more)
    struct record_context context;
    const char *id, *actor;
    bool begun;
    int64_t begun_ms;
    // events that wait to be written, in an arena of their own
    struct arena *pending;
    struct ledger_event *events;
    size_t n, cap;
    int64_t since_ms; // when the first of them came
    // of the run as a whole
    struct arena *arena;
    struct dict *seconds; // host -> time its tasks took
    struct dict *digests; // SHA-256 of a difference -> digest of its text in the ledger
};

// --- record.c
// A new event of this run, to be filled; good until the next one.
struct ledger_event *record_event(struct recorder *r, const char *type, const char *host);
// Writes what waits, if it has waited long enough.
void record_tick(struct recorder *r);

// --- record_context.c
// Reads ANDON_CONTEXT: whether the run says that it is part of a rollout. Warns where it is
// malformed.
bool record_context_read(struct recorder *r);
// Drops, with a warning, a context whose rollout the ledger does not know as active.
void record_context_verify(struct recorder *r);

// --- record_sink.c
struct run_sink record_sink(struct recorder *r);

// --- record_started.c
// The body of run.started.
struct value record_started(struct recorder *r, struct arena *a);

// --- record_diff.c
// Puts the differences of a change into the ledger: the digest, or NULL where there is nothing to
// show. changes: those with this path alone; path NULL: all, and the result's own.
const char *record_diff(struct recorder *r, const struct result_event *ev, const char *path);

// --- record_text.c: what may stand in events; results live as long as the events that wait.
// Text without secrets, cut to max bytes; NULL stays NULL. What looks like a password given to a
// command or in a URL is hidden, too.
const char *record_text(struct recorder *r, const char *s, size_t max);
// The same in one line.
const char *record_line(struct recorder *r, const char *s, size_t max);
// The same for paths and names.
const char *record_name(struct recorder *r, const char *s);
// The whole of a difference without secrets, appended to out.
void record_censor(struct recorder *r, const char *s, size_t len, struct buf *out);

#endif
