// The Merkle tree of RFC 6962: hashing, the growing right edge, proofs and their verification (RFC
// 9162). Knows no storage: whoever keeps the hashes gives them by a function.
#ifndef LEDGER_MERKLE_H
#define LEDGER_MERKLE_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MERKLE_LEVELS 63
#define MERKLE_PROOF_MAX 64 // hashes of the longest proof

struct merkle_hash {
    unsigned char b[32];
};

// What hashes; one per thread. {0} works too, slower: for who needs few hashes.
struct merkle {
    struct evp_md_ctx_st *ctx;
    struct evp_md_st *md;
};
void merkle_init(struct merkle *m);
void merkle_release(struct merkle *m);

void merkle_leaf(struct merkle *m, const void *entry, size_t len, struct merkle_hash *ret);
void merkle_node(struct merkle *m, const struct merkle_hash *left, const struct merkle_hash *right,
                 struct merkle_hash *ret);
static inline bool merkle_equal(const struct merkle_hash *x, const struct merkle_hash *y)
{
    return __builtin_memcmp(x->b, y->b, sizeof x->b) == 0;
}

// A tree as it grows: the roots of its perfect subtrees, one per bit set in size, by their level.
struct merkle_edge {
    uint64_t size;
    struct merkle_hash h[MERKLE_LEVELS + 1];
};
// Adds a leaf. done gets the hashes that are final from now on (the leaf and the roots of all
// perfect subtrees it completes, by level); answers how many.
int merkle_push(struct merkle *m, struct merkle_edge *edge, const struct merkle_hash *leaf,
                struct merkle_hash done[MERKLE_LEVELS + 1]);
void merkle_edge_root(struct merkle *m, const struct merkle_edge *edge, struct merkle_hash *ret);

// Kept hashes: get gives the root of the perfect subtree `index` of 2^level leaves.
struct merkle_store {
    int (*get)(void *data, int level, uint64_t index, struct merkle_hash *ret, struct err *e);
    void *data;
    struct merkle *m;
};
// The edge of the tree of the first `size` leaves.
int merkle_edge_at(const struct merkle_store *s, uint64_t size, struct merkle_edge *ret,
                   struct err *e);
int merkle_root_at(const struct merkle_store *s, uint64_t size, struct merkle_hash *ret,
                   struct err *e);
// Proof that leaf `index` is in the tree of `size` leaves, index < size. ret_n hashes, from the
// leaf up.
int merkle_prove_inclusion(const struct merkle_store *s, uint64_t index, uint64_t size,
                           struct merkle_hash ret[MERKLE_PROOF_MAX], size_t *ret_n, struct err *e);
// Proof that the tree of `size` leaves begins with that of `old`, 0 < old <= size.
int merkle_prove_consistency(const struct merkle_store *s, uint64_t old, uint64_t size,
                             struct merkle_hash ret[MERKLE_PROOF_MAX], size_t *ret_n,
                             struct err *e);

bool merkle_verify_inclusion(uint64_t index, uint64_t size, const struct merkle_hash *leaf,
                             const struct merkle_hash *proof, size_t n,
                             const struct merkle_hash *root);
// Nothing can be proved from an empty tree, so old must not be 0.
bool merkle_verify_consistency(uint64_t old, uint64_t size, const struct merkle_hash *old_root,
                               const struct merkle_hash *root, const struct merkle_hash *proof,
                               size_t n);

#endif
