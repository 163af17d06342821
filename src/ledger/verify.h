// Between the two halves of verification: looking at a piece of the events (verify_scan.c), which
// several threads do, and putting the pieces together (verify.c).
#ifndef LEDGER_VERIFY_H
#define LEDGER_VERIFY_H

#include "ledger/internal.h"
#include "ledger/tree.h"

#define CHUNK_LEVEL 14 // a piece is a perfect subtree of 2^14 events
#define CHUNK ((int64_t)1 << CHUNK_LEVEL)

struct found {
    enum ledger_finding_kind kind;
    int64_t first, last;
    char *detail; // owned, may be NULL
};
struct found_list {
    struct found *v;
    size_t n, cap;
};
void found_add(struct found_list *list, enum ledger_finding_kind kind, int64_t first, int64_t last,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void found_release(struct found_list *list);

// The tree's edge while it is recomputed; a hash is unknown where events are missing.
struct known_edge {
    struct merkle_hash h[MERKLE_LEVELS + 1];
    bool known[MERKLE_LEVELS + 1];
};
// A hash at `level` that ends with event `last`, and the hashes stored from the next level on; goes
// up to `top`. Where both are known they must agree.
struct rise {
    int64_t last;
    int level, top;
    struct merkle_hash h;
    bool known;
    const struct merkle_hash *stored; // those of level + 1, level + 2, ...
    size_t n;
};
void known_edge_push(struct known_edge *edge, struct merkle *m, const struct rise *up,
                     struct found_list *found);

// An entry whose hash is not the stored one.
struct altered {
    int64_t seq;
    struct merkle_hash is, was;
};

// Content that an event names, by its SHA-256.
#define DIGEST 32
struct named {
    unsigned char digest[DIGEST];
    int64_t seq, last; // of neighbours that name the same
};
// An event that says that content was taken away.
struct redacted {
    unsigned char digest[DIGEST];
    int64_t seq, time;
    char *by, *reason; // owned
};
// An event that says that the key was changed.
struct rotation {
    int64_t seq;
    char *old, *new; // owned
};

struct chunk {
    int64_t first, end; // events [first, end)
    struct known_edge edge;
    struct merkle_hash upper[MERKLE_LEVELS + 1]; // stored beside the last event, above CHUNK_LEVEL
    size_t n_upper;
    int64_t first_time, last_time; // -1: there is none
    struct found_list found;
    struct altered *altered;
    size_t n_altered, cap_altered;
    struct named *named;
    size_t n_named, cap_named;
    struct rotation *rotations;
    size_t n_rotations;
    struct redacted *redacted;
    size_t n_redacted;
};
void chunk_release(struct chunk *c);
// Notes the content that an event names. (verify_blobs.c)
void named_note(struct chunk *c, const struct ledger_event *ev);
// Notes the content that an event says was taken away.
void redacted_note(struct chunk *c, const struct ledger_event *ev);
// Notes a change of the key. (verify_keys.c)
void rotation_note(struct chunk *c, const struct ledger_event *ev);

// The texts behind the numbers in columns, and how many blocks have postings.
struct text {
    const char *text; // NULL: no such number
    int64_t first;    // event, by what the table says
};
struct texts {
    struct text *v;
    int64_t n;
    int64_t sealed;
    struct run_types runs;
};

// A verification.
struct verify {
    const struct ledger_verify_opts *o;
    struct ledger *l;
    struct arena *a;
    const char *file; // the checkpoint beside the ledger, NULL: none
    int64_t size;
    struct texts texts;
    struct chunk *chunks;
    size_t n_chunks;
    struct known_edge edge; // above the chunks
    struct found_list found;
    struct ledger_verified *ret;
    struct err *e;
};

// Whether the checkpoints are of this tree, and signed with the key of their time. (verify_keys.c)
int verify_checkpoints(struct verify *v);
// Whether the content that events name is there and is what its name says. (verify_blobs.c)
void verify_blobs(struct verify *v);

// Looks at the events of a chunk.
int chunk_scan(struct ledger *l, const struct texts *texts, struct chunk *c, struct err *e);

#endif
