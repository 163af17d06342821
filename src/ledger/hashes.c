// Where the hashes of the tree lie: the root of a perfect subtree beside the last event it holds.
#include "ledger/internal.h"

#include <string.h>

static int get_hash(void *data, int level, uint64_t index, struct merkle_hash *ret, struct err *e)
{
    struct ledger *l = data;
    sqlite3_stmt *st = db_stmt(l, STMT_HASHES, e);
    if (!st)
        return l->failed;
    uint64_t seq = ((index + 1) << level) - 1;
    sqlite3_bind_int64(st, 1, (int64_t)seq);
    int rc = db_step(l, st, e);
    if (rc == 1) {
        const struct merkle_hash *h = sqlite3_column_blob(st, 0);
        size_t n = (size_t)sqlite3_column_bytes(st, 0) / sizeof *h;
        if (h && n > (size_t)level)
            *ret = h[level];
        else
            rc = 0;
    }
    sqlite3_reset(st);
    if (rc == 0)
        return db_damaged(l, e, "event %llu has no hash of level %d", (unsigned long long)seq,
                          level);
    return rc < 0 ? rc : 0;
}

struct merkle_store hashes_store(struct ledger *l)
{
    return (struct merkle_store){.get = get_hash, .data = l, .m = &l->hashing};
}
