// Matching of two sequences as Python's difflib does it, so that differences come out in the same
// hunks.
#ifndef CLI_SEQMATCH_H
#define CLI_SEQMATCH_H

#include "core/arena.h"

#include <stdbool.h>

// a[a1..a2) became b[b1..b2); equal: they are the same.
struct seq_op {
    bool equal;
    size_t a1, a2, b1, b2;
};

// How a[0..n) becomes b[0..m): difflib's opcodes, *ret in the arena. Elements are numbers below
// n_ids, equal when the numbers are. Returns how many operations there are (0: both are empty).
size_t seq_opcodes(struct arena *ar, const size_t *a, size_t n, const size_t *b, size_t m,
                   size_t n_ids, struct seq_op **ret);

#endif
