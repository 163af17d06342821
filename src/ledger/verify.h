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

struct chunk {
    int64_t first, end; // events [first, end)
    struct known_edge edge;
    struct merkle_hash upper[MERKLE_LEVELS + 1]; // stored beside the last event, above CHUNK_LEVEL
    size_t n_upper;
    int64_t first_time, last_time; // -1: there is none
    struct found_list found;
    struct altered *altered;
    size_t n_altered, cap_altered;
};
void chunk_release(struct chunk *c);

// The texts behind the numbers in columns, and how many blocks have postings.
struct text {
    const char *text; // NULL: no such number
    int64_t first;    // event, by what the table says
};
struct texts {
    struct text *v;
    int64_t n;
    int64_t sealed;
};

// Looks at the events of a chunk.
int chunk_scan(struct ledger *l, const struct texts *texts, struct chunk *c, struct err *e);

#endif
