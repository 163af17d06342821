// difflib's SequenceMatcher: the longest common block first (the earliest among equals), then the
// same to its left and right. Elements of b that are very frequent start no match, as there.
#include "cli/seqmatch.h"

#include <stdlib.h>
#include <string.h>

#define POPULAR_FROM 200 // elements of b from which frequent ones are left out

struct block {
    size_t i, j, size;
};

struct range {
    size_t alo, ahi, blo, bhi;
};

struct matcher {
    const size_t *a, *b;
    size_t *first;     // by id: where its places in b begin in `places`; first[id + 1] ends them
    size_t *places;    // ascending per id
    size_t *length[2]; // of the match that ends at j, for this row of a and the one before
    size_t *row[2];    // the row length[][j] was written in
    size_t rows;       // rows looked at so far
};

static void index_b(struct matcher *mt, struct arena *ar, size_t m, size_t n_ids)
{
    size_t limit = m >= POPULAR_FROM ? m / 100 + 1 : m, at = 0;
    size_t *count = arena_array(ar, size_t, n_ids + 1);
    memset(count, 0, (n_ids + 1) * sizeof *count);
    for (size_t j = 0; j < m; j++)
        count[mt->b[j]]++;
    mt->first = arena_array(ar, size_t, n_ids + 1);
    mt->places = arena_array(ar, size_t, m + 1);
    for (size_t id = 0; id < n_ids; id++) {
        mt->first[id] = at;
        if (count[id] > limit)
            count[id] = 0;
        at += count[id];
    }
    mt->first[n_ids] = at;
    size_t *next = arena_array(ar, size_t, n_ids + 1);
    memcpy(next, mt->first, (n_ids + 1) * sizeof *next);
    for (size_t j = 0; j < m; j++)
        if (count[mt->b[j]])
            mt->places[next[mt->b[j]]++] = j;
}

static struct block longest(struct matcher *mt, struct range r)
{
    struct block best = {r.alo, r.blo, 0};
    mt->rows++; // nothing of an earlier call counts as the row before
    for (size_t i = r.alo; i < r.ahi; i++) {
        size_t row = ++mt->rows, now = row & 1, before = now ^ 1;
        for (size_t k = mt->first[mt->a[i]]; k < mt->first[mt->a[i] + 1]; k++) {
            size_t j = mt->places[k];
            if (j < r.blo)
                continue;
            if (j >= r.bhi)
                break;
            size_t size =
                j > 0 && mt->row[before][j - 1] == row - 1 ? mt->length[before][j - 1] + 1 : 1;
            mt->length[now][j] = size;
            mt->row[now][j] = row;
            if (size > best.size)
                best = (struct block){i + 1 - size, j + 1 - size, size};
        }
    }
    while (best.i > r.alo && best.j > r.blo && mt->a[best.i - 1] == mt->b[best.j - 1]) {
        best.i--;
        best.j--;
        best.size++;
    }
    while (best.i + best.size < r.ahi && best.j + best.size < r.bhi &&
           mt->a[best.i + best.size] == mt->b[best.j + best.size])
        best.size++;
    return best;
}

static int by_place(const void *x, const void *y)
{
    const struct block *p = x, *q = y;
    if (p->i != q->i)
        return p->i < q->i ? -1 : 1;
    return p->j < q->j ? -1 : p->j > q->j;
}

// All common blocks in order. At most one per element of the shorter side.
static size_t all_blocks(struct matcher *mt, struct arena *ar, size_t n, size_t m,
                         struct block **ret)
{
    size_t max = (n < m ? n : m) + 2, found = 0, waiting = 0;
    struct block *blocks = arena_array(ar, struct block, max);
    struct range *queue = arena_array(ar, struct range, 2 * max + 2);
    queue[waiting++] = (struct range){0, n, 0, m};
    while (waiting) {
        struct range r = queue[--waiting];
        struct block x = longest(mt, r);
        if (!x.size)
            continue;
        blocks[found++] = x;
        if (r.alo < x.i && r.blo < x.j)
            queue[waiting++] = (struct range){r.alo, x.i, r.blo, x.j};
        if (x.i + x.size < r.ahi && x.j + x.size < r.bhi)
            queue[waiting++] = (struct range){x.i + x.size, r.ahi, x.j + x.size, r.bhi};
    }
    if (found)
        qsort(blocks, found, sizeof *blocks, by_place);
    *ret = blocks;
    return found;
}

size_t seq_opcodes(struct arena *ar, const size_t *a, size_t n, const size_t *b, size_t m,
                   size_t n_ids, struct seq_op **ret)
{
    struct matcher mt = {.a = a, .b = b};
    struct block *blocks;
    index_b(&mt, ar, m, n_ids);
    for (size_t k = 0; k < 2; k++) {
        mt.length[k] = arena_array(ar, size_t, m + 1);
        mt.row[k] = arena_array(ar, size_t, m + 1);
        memset(mt.row[k], 0, (m + 1) * sizeof *mt.row[k]);
    }
    size_t count = all_blocks(&mt, ar, n, m, &blocks), len = 0, i = 0, j = 0;
    struct seq_op *ops = arena_array(ar, struct seq_op, 2 * count + 2);
    blocks[count] = (struct block){n, m, 0};
    for (size_t k = 0; k <= count; k++) {
        struct block x = blocks[k];
        while (k < count && x.i + x.size == blocks[k + 1].i && x.j + x.size == blocks[k + 1].j &&
               blocks[k + 1].size)
            x.size += blocks[++k].size;
        if (i < x.i || j < x.j)
            ops[len++] = (struct seq_op){false, i, x.i, j, x.j};
        i = x.i + x.size;
        j = x.j + x.size;
        if (x.size)
            ops[len++] = (struct seq_op){true, x.i, i, x.j, j};
    }
    *ret = ops;
    return len;
}
