// Which events of a block have a text in a column. A block is 4096 events; when it is full, one
// row per column and text is written with the places where it stands, and never again: indexes of
// SQLite's, which scatter their writes, made appending ten times as much work for the disk. The
// block that is still growing is looked through instead.
#include "ledger/internal.h"

#include <stdlib.h>
#include <string.h>

// Places of a posting: 16-bit numbers, or where that would be longer a bit for each.
#define LIST_MAX (POSTING_BYTES / 2 - 1)
#define SEEK_MAX 64 // ids of a condition that are looked up one by one

// --- sealing
// ------------------------------------------------------------------------------------------

// One text in one column of one event, sortable: column, id, place.
#define PLACE_BITS 12
#define ID_BITS 48
_Static_assert(LEDGER_BLOCK == 1 << PLACE_BITS, "places fit their bits");
_Static_assert(LEDGER_FIELDS <= 1 << (64 - PLACE_BITS - ID_BITS), "fields fit theirs");

static int by_value(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a < b ? -1 : a > b;
}

// The ids of all fields of a block, -1: none; malloc'ed.
static int read_block(struct ledger *l, int64_t block, int64_t (**ret)[LEDGER_FIELDS],
                      struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_ROWS, e);
    struct run_types types;
    int rc = st ? field_run_types(l, &types, e) : l->failed;
    if (rc < 0)
        return rc;
    int64_t(*ids)[LEDGER_FIELDS] = xcalloc(LEDGER_BLOCK, sizeof *ids);
    memset(ids, 0xff, LEDGER_BLOCK * sizeof *ids); // -1
    sqlite3_bind_int64(st, 1, block * LEDGER_BLOCK);
    sqlite3_bind_int64(st, 2, (block + 1) * LEDGER_BLOCK);
    while ((rc = db_step(l, st, e)) == 1)
        posting_row(st, ids[sqlite3_column_int64(st, 0) % LEDGER_BLOCK]);
    sqlite3_reset(st);
    field_open_runs(ids, &types);
    if (rc < 0)
        free(ids);
    else
        *ret = ids;
    return rc;
}

void posting_row(sqlite3_stmt *row, int64_t *ids)
{
    for (int i = 0; i < ROW_FIELDS; i++) {
        int64_t id = sqlite3_column_int64(row, 2 + i); // of NULL: 0, which is no number of ours
        if (id == 0 && sqlite3_column_type(row, 2 + i) == SQLITE_NULL)
            id = -1;
        else if (id < 0)
            id = -2;
        ids[i] = id;
    }
}

static size_t cells_of(int64_t (*ids)[LEDGER_FIELDS], uint64_t *cells)
{
    size_t n = 0;
    for (uint64_t place = 0; place < LEDGER_BLOCK; place++)
        for (uint64_t i = 0; i < LEDGER_FIELDS; i++)
            if (ids[place][i] >= 0)
                cells[n++] =
                    i << (PLACE_BITS + ID_BITS) | (uint64_t)ids[place][i] << PLACE_BITS | place;
    return n;
}

// Writes the places of n cells with the same column and id.
static int add_posting(struct ledger *l, int64_t block, const uint64_t *cells, size_t n,
                       struct err *e)
{
    unsigned char at[POSTING_BYTES] = {0};
    size_t len = n <= LIST_MAX ? 2 * n : POSTING_BYTES;
    sqlite3_stmt *st = db_stmt(l, STMT_ADD_POSTING, e);
    if (!st)
        return l->failed;
    for (size_t i = 0; i < n; i++) {
        unsigned place = (unsigned)(cells[i] % LEDGER_BLOCK);
        if (n <= LIST_MAX) {
            at[2 * i] = (unsigned char)(place >> 8);
            at[2 * i + 1] = (unsigned char)place;
        } else {
            at[place / 8] = (unsigned char)(at[place / 8] | 1u << place % 8);
        }
    }
    uint64_t key = cells[0] >> PLACE_BITS;
    sqlite3_bind_int64(st, 1, block);
    sqlite3_bind_int64(st, 2, (int64_t)(key >> ID_BITS));
    sqlite3_bind_int64(st, 3, (int64_t)(key & (((uint64_t)1 << ID_BITS) - 1)));
    sqlite3_bind_blob(st, 4, at, (int)len, SQLITE_STATIC);
    int rc = db_step(l, st, e);
    sqlite3_reset(st);
    return rc;
}

static int seal(struct ledger *l, int64_t block, struct err *e)
{
    int64_t(*ids)[LEDGER_FIELDS];
    int rc = read_block(l, block, &ids, e);
    if (rc < 0)
        return rc;
    uint64_t *cells = xcalloc((size_t)LEDGER_BLOCK * LEDGER_FIELDS, sizeof *cells);
    size_t n = cells_of(ids, cells);
    free(ids);
    qsort(cells, n, sizeof *cells, by_value);
    for (size_t i = 0, k; i < n && rc == 0; i = k) {
        for (k = i + 1; k < n && cells[k] >> PLACE_BITS == cells[i] >> PLACE_BITS;)
            k++;
        rc = add_posting(l, block, cells + i, k - i, e);
    }
    free(cells);
    return rc;
}

int posting_sealed(struct ledger *l, int64_t *ret, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_SEALED, e);
    int rc = st ? db_step(l, st, e) : l->failed;
    *ret = rc == 1 ? sqlite3_column_int64(st, 0) + 1 : 0;
    sqlite3_reset(st);
    return rc < 0 ? rc : 0;
}

int posting_seal(struct ledger *l, struct err *e)
{
    int64_t sealed = 0, full = (int64_t)l->edge.size / LEDGER_BLOCK;
    if (full == l->full_blocks)
        return 0;
    int rc = posting_sealed(l, &sealed, e);
    for (; rc == 0 && sealed < full; sealed++)
        rc = seal(l, sealed, e);
    if (rc == 0)
        l->full_blocks = full;
    return rc;
}

// --- looking up
// ---------------------------------------------------------------------------------------

bool posting_read(const unsigned char *at, size_t len, struct places *ret)
{
    if (len == POSTING_BYTES) {
        for (size_t i = 0; i < POSTING_BYTES; i++)
            ret->bits[i / 8] |= (uint64_t)at[i] << 8 * (i % 8);
        return true;
    }
    for (size_t i = 0; i + 1 < len; i += 2) {
        unsigned place = (unsigned)at[i] << 8 | at[i + 1];
        if (place >= LEDGER_BLOCK)
            return false;
        ret->bits[place / 64] |= (uint64_t)1 << place % 64;
    }
    return len % 2 == 0;
}

static int take(struct ledger *l, sqlite3_stmt *st, struct places *ret, struct err *e)
{
    const unsigned char *at = sqlite3_column_blob(st, 1);
    return posting_read(at, (size_t)sqlite3_column_bytes(st, 1), ret)
               ? 0
               : db_damaged(l, e, "its index is none");
}

static bool has_id(const struct condition *c, int64_t id)
{
    size_t from = 0, to = c->n;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (c->ids[middle] < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from < c->n && c->ids[from] == id;
}

// A condition with few ids: each is looked up.
static int seek(struct ledger *l, int64_t block, const struct condition *c, struct places *ret,
                struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_POSTING, e);
    int rc = st ? 0 : l->failed;
    for (size_t i = 0; i < c->n && rc >= 0; i++) {
        sqlite3_bind_int64(st, 1, block);
        sqlite3_bind_int(st, 2, c->column);
        sqlite3_bind_int64(st, 3, c->ids[i]);
        if ((rc = db_step(l, st, e)) == 1)
            rc = take(l, st, ret, e);
        sqlite3_reset(st);
    }
    return rc;
}

// One with many: all texts of the column in this block are compared.
static int sift(struct ledger *l, int64_t block, const struct condition *c, struct places *ret,
                struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_POSTINGS, e);
    int rc;
    if (!st)
        return l->failed;
    sqlite3_bind_int64(st, 1, block);
    sqlite3_bind_int(st, 2, c->column);
    while ((rc = db_step(l, st, e)) == 1)
        if (has_id(c, sqlite3_column_int64(st, 0)) && (rc = take(l, st, ret, e)) < 0)
            break;
    sqlite3_reset(st);
    return rc;
}

static bool any(const struct places *p)
{
    uint64_t all = 0;
    for (size_t i = 0; i < LEDGER_BLOCK / 64; i++)
        all |= p->bits[i];
    return all != 0;
}

static int in_sealed(struct ledger *l, int64_t block, const struct condition *c, size_t n,
                     struct places *ret, struct err *e)
{
    memset(ret, 0xff, sizeof *ret);
    for (size_t i = 0; i < n && any(ret); i++) {
        struct places one = {{0}};
        int rc =
            c[i].n <= SEEK_MAX ? seek(l, block, &c[i], &one, e) : sift(l, block, &c[i], &one, e);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < LEDGER_BLOCK / 64; k++)
            ret->bits[k] &= one.bits[k];
    }
    return 0;
}

static bool row_matches(sqlite3_stmt *st, const struct condition *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c[i].column < ROW_FIELDS && (sqlite3_column_type(st, 2 + c[i].column) == SQLITE_NULL ||
                                         !has_id(&c[i], sqlite3_column_int64(st, 2 + c[i].column))))
            return false;
    return true;
}

// Of the places found, those whose FIELD_OPEN the condition has.
static int keep_open(struct ledger *l, int64_t block, const struct condition *c, struct places *ret,
                     struct err *e)
{
    int64_t(*ids)[LEDGER_FIELDS];
    int rc = read_block(l, block, &ids, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < LEDGER_BLOCK; i++)
        if (!has_id(c, ids[i][FIELD_OPEN]))
            ret->bits[i / 64] &= ~((uint64_t)1 << i % 64);
    free(ids);
    return 0;
}

static int in_growing(struct ledger *l, int64_t block, const struct condition *c, size_t n,
                      struct places *ret, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_ROWS, e);
    int rc;
    *ret = (struct places){{0}};
    if (!st)
        return l->failed;
    sqlite3_bind_int64(st, 1, block * LEDGER_BLOCK);
    sqlite3_bind_int64(st, 2, (block + 1) * LEDGER_BLOCK);
    while ((rc = db_step(l, st, e)) == 1) {
        uint64_t place = (uint64_t)sqlite3_column_int64(st, 0) % LEDGER_BLOCK;
        if (row_matches(st, c, n))
            ret->bits[place / 64] |= (uint64_t)1 << place % 64;
    }
    sqlite3_reset(st);
    for (size_t i = 0; i < n && rc == 0; i++)
        if (c[i].column == FIELD_OPEN)
            rc = keep_open(l, block, &c[i], ret, e);
    return rc;
}

int posting_find(struct ledger *l, int64_t block, int64_t sealed, const struct condition *c,
                 size_t n, struct places *ret, struct err *e)
{
    return block < sealed ? in_sealed(l, block, c, n, ret, e) : in_growing(l, block, c, n, ret, e);
}
