// Writing: transactions, texts by number, and appending. The tree's edge lives in memory between
// appends and is read anew when another process has written.
#include "ledger/internal.h"

#include "core/file.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 50000 // texts remembered; then we forget all and begin anew

// --- transactions
// -------------------------------------------------------------------------------------

static void forget(struct ledger *l)
{
    l->fresh = false;
    arena_reset(l->names_arena);
    l->names = value_dict(l->names_arena).u.dict;
}

// Makes edge and last_time those of the database as this transaction sees it. First in a
// transaction it must also be what was signed.
static int refresh(struct ledger *l, bool first, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_LAST, e);
    int rc = st ? db_step(l, st, e) : l->failed;
    uint64_t size = rc == 1 ? (uint64_t)sqlite3_column_int64(st, 0) + 1 : 0;
    int64_t last = rc == 1 ? sqlite3_column_int64(st, 1) : 0;
    sqlite3_reset(st);
    if (rc < 0 || (l->fresh && size == l->edge.size))
        return rc < 0 ? rc : 0;
    struct merkle_store store = hashes_store(l);
    if ((rc = merkle_edge_at(&store, size, &l->edge, e)) < 0)
        return rc;
    if (first && (rc = sign_check(l, e)) < 0)
        return rc;
    l->last_time = last;
    l->full_blocks = -1;
    l->fresh = true;
    return 0;
}

// SQLite gives up a whole transaction by itself after some errors; what comes then must not be one
// of its own.
static int undone(struct ledger *l, struct err *e)
{
    return err_set(e, ERR_IO, POS_NONE,
                   "the ledger '%s/ledger.db': the transaction was undone after an error", l->dir);
}

int append_begin(struct ledger *l, struct err *e)
{
    if (l->read_only)
        return err_set(e, ERR_IO, POS_NONE, "the ledger '%s/ledger.db' is open for reading only",
                       l->dir);
    if (l->depth && sqlite3_get_autocommit(l->db))
        return undone(l, e);
    int rc = db_run(l, l->depth ? STMT_SAVE : STMT_BEGIN, e);
    if (rc < 0)
        return rc;
    if (l->depth++ == 0)
        l->appended = false;
    rc = refresh(l, l->depth == 1, e);
    return rc < 0 ? append_end(l, rc, e) : 0;
}

static int commit(struct ledger *l, struct err *e)
{
    int rc = blob_sync(l, e);
    if (rc == 0 && !l->fresh) // a part was undone
        rc = refresh(l, false, e);
    if (rc == 0 && l->appended)
        rc = posting_seal(l, e);
    if (rc == 0)
        rc = sign_checkpoint(l, e);
    return rc < 0 ? rc : db_run(l, STMT_COMMIT, e);
}

int append_end(struct ledger *l, int rc, struct err *e)
{
    bool lost = sqlite3_get_autocommit(l->db) != 0;
    if (lost && rc >= 0)
        rc = undone(l, e);
    l->depth--;
    if (rc >= 0) {
        int end = l->depth ? db_run(l, STMT_RELEASE, e) : commit(l, e);
        rc = end < 0 ? end : rc;
    }
    if (rc >= 0)
        return rc;
    forget(l);
    if (l->depth && !lost) {
        (void)db_run(l, STMT_UNDO, NULL);
        (void)db_run(l, STMT_RELEASE, NULL);
    } else if (!sqlite3_get_autocommit(l->db)) {
        (void)db_run(l, STMT_ROLLBACK, NULL);
    }
    return rc;
}

int ledger_transact(struct ledger *l, int (*fn)(void *data, struct ledger *l, struct err *e),
                    void *data, struct err *e)
{
    int rc = append_begin(l, e);
    return rc < 0 ? rc : append_end(l, fn(data, l, e), e);
}

// --- texts
// --------------------------------------------------------------------------------------------

int name_find(struct ledger *l, const char *text, int64_t *ret, int64_t *ret_first, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_NAME_ID, e);
    if (!st)
        return l->failed;
    sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
    int rc = db_step(l, st, e);
    if (rc == 1)
        *ret = sqlite3_column_int64(st, 0);
    if (rc == 1 && ret_first)
        *ret_first = sqlite3_column_int64(st, 1);
    sqlite3_reset(st);
    return rc;
}

static int name_add(struct ledger *l, const char *text, int64_t seq, int64_t *ret, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_NAME_ADD, e);
    if (!st)
        return l->failed;
    sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, seq);
    int rc = db_step(l, st, e);
    sqlite3_reset(st);
    *ret = sqlite3_last_insert_rowid(l->db);
    return rc;
}

static int name_id(struct ledger *l, const char *text, int64_t seq, int64_t *ret, struct err *e)
{
    const struct value *known = dict_get(l->names, text);
    if (known) {
        *ret = known->u.i;
        return 0;
    }
    int rc = name_find(l, text, ret, NULL, e);
    if (rc == 0)
        rc = name_add(l, text, seq, ret, e);
    if (rc < 0)
        return rc;
    if (l->names->len >= NAMES_MAX) {
        arena_reset(l->names_arena);
        l->names = value_dict(l->names_arena).u.dict;
    }
    dict_set(l->names, text, value_int(*ret));
    return 0;
}

// --- appending
// ----------------------------------------------------------------------------------------

int append_row(struct ledger *l, struct arena *a, const struct ledger_event *ev, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_ADD_EVENT, e);
    const char *name = entry_text(a, field_name(ev));
    int64_t id[ROW_FIELDS];
    int rc = st ? 0 : l->failed;
    for (int i = 0; i < ROW_FIELDS && rc == 0; i++) {
        const char *text = i < LEDGER_COLUMNS ? event_text(ev, i) : i == FIELD_NAME ? name : NULL;
        id[i] = -1;
        if (text)
            rc = name_id(l, text, ev->seq, &id[i], e);
    }
    if (rc < 0)
        return rc;
    if (field_marks(ev))
        id[FIELD_MARK] = field_marks(ev);
    sqlite3_bind_int64(st, 1, ev->seq);
    sqlite3_bind_int64(st, 2, ev->time);
    for (int i = 0; i < ROW_FIELDS; i++)
        if (id[i] >= 0)
            sqlite3_bind_int64(st, 3 + i, id[i]);
        else
            sqlite3_bind_null(st, 3 + i);
    rc = db_step(l, st, e);
    sqlite3_reset(st);
    return rc;
}

static int add_entry_row(struct ledger *l, int64_t seq, const struct buf *json, struct err *e)
{
    struct merkle_hash leaf, done[MERKLE_LEVELS + 1];
    sqlite3_stmt *st = db_stmt(l, STMT_ADD_ENTRY, e);
    if (!st)
        return l->failed;
    merkle_leaf(&l->hashing, json->p, json->len, &leaf);
    int n = merkle_push(&l->hashing, &l->edge, &leaf, done);
    sqlite3_bind_int64(st, 1, seq);
    sqlite3_bind_blob(st, 2, done, n * (int)sizeof *done, SQLITE_STATIC);
    sqlite3_bind_blob(st, 3, json->p, (int)json->len, SQLITE_STATIC);
    int rc = db_step(l, st, e);
    sqlite3_reset(st);
    return rc;
}

// What an event says whose time is not the clock's: that it was then, by the clock.
static const struct dict *with_clock(struct arena *a, const struct dict *body, int64_t clock)
{
    struct value both = value_dict(a);
    char text[LEDGER_TIME];
    ledger_time(clock, text);
    dict_update(both.u.dict, body);
    dict_set(both.u.dict, "clock", value_str(a, text));
    return both.u.dict;
}

static int append_one(struct ledger *l, struct arena *a, const struct ledger_event *ev,
                      int64_t *ret_time, struct err *e)
{
    struct ledger_event c = entry_clean(a, ev);
    struct buf json = BUF_INIT;
    if (!c.actor)
        c.actor = l->actor;
    c.seq = (int64_t)l->edge.size;
    c.time = ev->time ? ev->time : clock_real_us();
    if (l->last_time - c.time > LEDGER_BEHIND)
        c.body = with_clock(a, c.body, c.time);
    if (c.time < l->last_time)
        c.time = l->last_time;
    ledger_event_json(&json, &c);
    int rc = 0;
    if (json.len > LEDGER_ENTRY_MAX)
        rc = err_set(e, ERR_LIMIT, POS_NONE,
                     "an event '%s' of %zu bytes is too long for the ledger (at most %d)", c.type,
                     json.len, LEDGER_ENTRY_MAX);
    if (rc == 0 && (rc = append_row(l, a, &c, e)) == 0)
        rc = add_entry_row(l, c.seq, &json, e);
    buf_release(&json);
    l->last_time = *ret_time = c.time;
    l->appended = true;
    return rc;
}

int ledger_append(struct ledger *l, struct ledger_event *events, size_t n, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = entry_check(&events[i], e);
    if (rc < 0 || n == 0 || (rc = append_begin(l, e)) < 0)
        return rc;
    int64_t first = (int64_t)l->edge.size, *times = xcalloc(n, sizeof *times);
    struct arena *a = arena_new();
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = append_one(l, a, &events[i], &times[i], e);
    rc = append_end(l, rc, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        events[i].seq = first + (int64_t)i;
        events[i].time = times[i];
    }
    arena_free(a);
    free(times);
    return rc;
}
