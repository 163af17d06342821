// Reading checkpoints and making proofs.
#include "ledger/internal.h"
#include "ledger/tree.h"

#include <stdlib.h>
#include <string.h>

int ledger_vkey(struct ledger *l, struct arena *a, const char **ret, struct err *e)
{
    const char *vkey = db_meta(l, a, "vkey", e);
    if (!vkey)
        return db_damaged(l, e, "it has no public key");
    *ret = vkey;
    return 0;
}

static int read_checkpoint(struct ledger *l, sqlite3_stmt *st, struct arena *a,
                           struct ledger_checkpoint *ret, struct err *e)
{
    const char *note = (const char *)sqlite3_column_text(st, 3);
    struct ledger_checkpoint c = {.note = arena_strdup(a, note ? note : ""),
                                  .time = sqlite3_column_int64(st, 1)};
    if (note_checkpoint_parse(c.note, strlen(c.note), &c.tree, e) < 0)
        return db_damaged(l, e, "the checkpoint of %lld events is none",
                          (long long)sqlite3_column_int64(st, 0));
    *ret = c;
    return 0;
}

int ledger_newest(struct ledger *l, struct arena *a, struct ledger_checkpoint *ret, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_NEWEST, e);
    int rc = st ? db_step(l, st, e) : l->failed;
    if (rc == 1)
        rc = read_checkpoint(l, st, a, ret, e);
    else if (rc == 0)
        rc = err_set(e, ERR_NOENT, POS_NONE, "the ledger in '%s' has no events", l->dir);
    sqlite3_reset(st);
    return rc;
}

int ledger_checkpoints(struct ledger *l, struct arena *a, struct ledger_checkpoint **ret,
                       size_t *ret_n, struct err *e)
{
    sqlite3_stmt *st =
        db_prepare(l, "SELECT size, time, kept, note FROM checkpoint ORDER BY size", e);
    struct ledger_checkpoint *all = NULL;
    size_t n = 0, cap = 0;
    int rc = st ? 0 : l->failed;
    while (st && (rc = db_step(l, st, e)) == 1) {
        if (n == cap)
            all = xrealloc(all, (cap = cap ? 2 * cap : 64) * sizeof *all);
        if (read_checkpoint(l, st, a, &all[n], NULL) < 0) // for verification to tell
            all[n] = (struct ledger_checkpoint){.note = "",
                                                .time = sqlite3_column_int64(st, 1),
                                                .tree.size = (uint64_t)sqlite3_column_int64(st, 0)};
        n++;
    }
    sqlite3_finalize(st);
    if (rc == 0) {
        *ret = arena_array(a, struct ledger_checkpoint, n ? n : 1);
        if (n)
            memcpy(*ret, all, n * sizeof *all);
        *ret_n = n;
    }
    free(all);
    return rc;
}

// Whether the ledger has as many events as a proof is about.
static int enough(struct ledger *l, uint64_t size, struct err *e)
{
    int64_t have = ledger_size(l);
    if (have >= 0 && size && size <= (uint64_t)have)
        return 0;
    return err_set(e, have < 0 ? ERR_IO : ERR_NOENT, POS_NONE,
                   "the ledger in '%s' has %lld events: there is no tree of %llu", l->dir,
                   (long long)have, (unsigned long long)size);
}

int ledger_prove(struct ledger *l, int64_t seq, uint64_t size, struct ledger_proof *ret,
                 struct err *e)
{
    struct merkle_store store = hashes_store(l);
    int rc = enough(l, size, e);
    if (rc == 0 && (seq < 0 || (uint64_t)seq >= size))
        rc = err_set(e, ERR_NOENT, POS_NONE, "there is no event %lld among the first %llu",
                     (long long)seq, (unsigned long long)size);
    if (rc == 0)
        rc = store.get(store.data, 0, (uint64_t)seq, &ret->leaf, e);
    if (rc == 0)
        rc = merkle_root_at(&store, size, &ret->root, e);
    if (rc == 0)
        rc = merkle_prove_inclusion(&store, (uint64_t)seq, size, ret->hashes, &ret->n, e);
    return rc;
}

int ledger_prove_prefix(struct ledger *l, uint64_t old, uint64_t size, struct ledger_proof *ret,
                        struct err *e)
{
    struct merkle_store store = hashes_store(l);
    int rc = enough(l, size, e);
    if (rc == 0)
        rc = merkle_root_at(&store, size, &ret->root, e);
    if (rc == 0)
        rc = merkle_prove_consistency(&store, old, size, ret->hashes, &ret->n, e);
    return rc;
}
