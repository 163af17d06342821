// The ledger: append-only events in SQLite, hashed into an RFC 6962 Merkle tree, and content by
// digest beside it. One folder; several andon processes may use it at once. What an event may say
// is in events.inc and docs/EVENTS.md.
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "core/err.h"
#include "core/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The longest entry, as C2SP tlog-tiles can carry: larger content goes into a blob.
#define LEDGER_ENTRY_MAX 65535
#define LEDGER_DIGEST_HEX 65            // SHA-256 in hex with its NUL
#define LEDGER_BEHIND INT64_C(60000000) // microseconds; writers that wait are seconds behind
#define LEDGER_TIME 28                  // "2026-11-21T20:55:32.123456Z" with its NUL

struct ledger;

struct ledger_opts {
    bool read_only;     // nothing is made or written; ERR_NOENT when there is no ledger
    int busy_ms;        // how long to wait for another writer; 0: 30 s
    const char *origin; // the name of a ledger that is made now; NULL: "MACHINE/andon"
};

// Opens dir/ledger.db, making it (and the key of its checkpoints) where it is missing and
// read_only is not set. ERR_IO, ERR_INVALID for what is no ledger, ERR_UNSUPPORTED for one of a
// newer andon.
int ledger_open(const char *dir, const struct ledger_opts *opts, struct ledger **ret, struct err *e)
    __attribute__((warn_unused_result));
void ledger_close(struct ledger *l);

// One event. Texts that do not apply are NULL or empty. What is not a field of its own is in body.
struct ledger_event {
    int64_t seq;  // number in the tree from 0; set by ledger_append
    int64_t time; // microseconds since 1970, UTC; 0: now, set by ledger_append
    const char *type;
    const char *actor; // who: the principal of a verified signature; NULL: ledger_actor()
    const char *service, *release, *rollout, *ring;
    const char *run, *host;
    const char *path, *package;
    const char *outcome;
    const char *incident;
    const struct dict *body; // may be NULL
};

// Appends n events in one durable transaction, all or none, and sets their seq and time. Times
// never go back: an event gets at least the time of the one before it, and where that is more than
// LEDGER_BEHIND later, what is recorded has the time it would have had as "clock" in its body.
// Inside ledger_transact it joins that transaction. ERR_INVALID for an unknown type or a missing
// field, ERR_LIMIT for an entry that is too long, ERR_IO (full disk, ...).
int ledger_append(struct ledger *l, struct ledger_event *events, size_t n, struct err *e)
    __attribute__((warn_unused_result));

// Runs fn with the write lock held: what it reads stays true until what it appended is written. A
// negative answer of fn undoes its appends and is the result.
int ledger_transact(struct ledger *l, int (*fn)(void *data, struct ledger *l, struct err *e),
                    void *data, struct err *e) __attribute__((warn_unused_result));

// Runs fn, all of whose reading sees one state of the ledger, which is locked but once. It may not
// append. A negative answer is the result.
int ledger_read(struct ledger *l, int (*fn)(void *data, struct ledger *l, struct err *e),
                void *data, struct err *e) __attribute__((warn_unused_result));

// What the body of a run.started says, as far as it can be asked for.
enum ledger_mark {
    LEDGER_UNAUTHORISED = 1, // nothing allowed it, and it is no check
    LEDGER_BREAK_GLASS = 2,
    LEDGER_UNDOES = 4, // another run
};

// Which events. NULL and 0 do not restrict. path and package match as a whole, or as a shell
// pattern (GLOB) when they hold one of *?[ .
struct ledger_filter {
    const char *const *types; // ends with NULL; "ring.*" stands for all that begin with "ring."
    const char *service, *release, *rollout, *ring, *run, *host, *actor, *path, *package, *outcome,
        *incident;
    const char *name; // of a service, user, ... that changed; a unit's also without its .service
    unsigned marks;   // any of enum ledger_mark
    int64_t since, until;  // microseconds, since included, until not
    int64_t after, before; // seq: only those > after - 1 and < before (0: no bound)
    bool newest_first;
    size_t limit;
};

// Calls fn for each event until it answers other than 0, which is then the result. What the event
// points to lives in a, or with a NULL only until fn returns; fn may append to the ledger.
int ledger_each(struct ledger *l, const struct ledger_filter *f, struct arena *a,
                int (*fn)(void *data, const struct ledger_event *ev), void *data, struct err *e);
// All of them as an array in a.
int ledger_list(struct ledger *l, const struct ledger_filter *f, struct arena *a,
                struct ledger_event **ret, size_t *ret_n, struct err *e);
// The run.started of a span and service that have no run.finished, whenever.
int ledger_unended(struct ledger *l, const struct ledger_filter *span, struct arena *a,
                   struct ledger_event **ret, size_t *ret_n, struct err *e);
// One event by its number: 1 found, 0 not there, <0 error.
int ledger_get(struct ledger *l, int64_t seq, struct arena *a, struct ledger_event *ret,
               struct err *e);
// How many events there are.
int64_t ledger_size(struct ledger *l);
// The time of the newest event where this machine's clock is more than LEDGER_BEHIND behind it: one
// of the two is or was wrong. Else 0.
int64_t ledger_ahead(struct ledger *l);

// An event as the JSON that is hashed: keys sorted, no spaces. In the buffer, appended.
void ledger_event_json(struct buf *b, const struct ledger_event *ev);

// A time as RFC 3339 in UTC, and back (only what ledger_time writes: ERR_PARSE).
void ledger_time(int64_t us, char ret[LEDGER_TIME]);
int ledger_time_parse(const char *s, int64_t *ret);

// Who runs this process: "login@machine", in a. Behind sudo it is who logged in, where the kernel
// knows.
const char *ledger_actor(struct arena *a);

// --- content by digest, in dir/blobs
// Keeps len bytes; ret_digest gets the SHA-256 in hex. Keeping the same twice is one.
int ledger_blob_put(struct ledger *l, const void *data, size_t len,
                    char ret_digest[LEDGER_DIGEST_HEX], struct err *e);
// Keeps a file's content, with bounded memory; ret_size may be NULL.
int ledger_blob_put_file(struct ledger *l, const char *path, char ret_digest[LEDGER_DIGEST_HEX],
                         int64_t *ret_size, struct err *e);
// Reads one, at most max bytes (ERR_LIMIT), verifying its digest (ERR_INVALID). ERR_NOENT.
int ledger_blob_get(struct ledger *l, const char *digest, size_t max, struct arena *a,
                    const char **ret, size_t *ret_len, struct err *e);
// Where it lies, in a; NULL when it is not there. The content is not verified.
const char *ledger_blob_path(struct ledger *l, const char *digest, struct arena *a);

// --- what must not be guessed
// Digest of n texts that only this ledger can make: with the key in dir/secret.key. make: the key
// is made where there is none; else that is ERR_NOENT.
int ledger_keyed_digest(struct ledger *l, const char *const *texts, size_t n, bool make,
                        char ret[LEDGER_DIGEST_HEX], struct err *e)
    __attribute__((warn_unused_result));

// --- ids: a letter, time and chance, such as r-261121-205532-k3f9: sorts by time, is easily typed
void ledger_new_id(char letter, char ret[32]);

#endif
