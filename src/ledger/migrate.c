// Ledgers of earlier formats. All formats have entries with their hashes, checkpoints and keys in
// the same form, and those are not touched: roots, signatures and proofs stay what they were. What
// queries look at differs, and is made anew from the entries.
#include "ledger/internal.h"
#include "ledger/tree.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGES 1024 // copied at a time

// --- the copy
// ------------------------------------------------------------------------------------------

static const char *copy_path(struct ledger *l, int64_t version)
{
    return arena_printf(l->arena, "%s/ledger.db.format-%lld", l->dir, (long long)version);
}

static int cannot_copy(const char *path, const char *why, struct err *e)
{
    return err_set(e, ERR_IO, POS_NONE,
                   "the ledger is of an earlier andon, and no copy of it can be kept as '%s': %s",
                   path, why);
}

static int copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    int rc = b ? SQLITE_OK : sqlite3_errcode(to);
    while (b && (rc = sqlite3_backup_step(b, PAGES)) == SQLITE_OK)
        ;
    int end = sqlite3_backup_finish(b);
    return rc == SQLITE_DONE ? end : rc;
}

// By a connection of its own, which sees what was there before our transaction.
static int copy_into(struct ledger *l, const char *path, struct err *e)
{
    sqlite3 *from = NULL, *to = NULL;
    const char *own = path_join(l->arena, l->dir, "ledger.db");
    int rc = sqlite3_open_v2(own, &from, SQLITE_OPEN_READONLY, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK)
        rc = copy_pages(from, to);
    if (rc == SQLITE_OK) // one file, readable where nothing may be written
        rc = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    const char *why = sqlite3_errstr(rc);
    sqlite3_close(from);
    sqlite3_close(to);
    return rc == SQLITE_OK ? 0 : cannot_copy(path, why, e);
}

static int keep_copy(struct ledger *l, int64_t version, struct err *e)
{
    const char *path = copy_path(l, version), *tmp = arena_printf(l->arena, "%s.new", path);
    unlink(tmp); // of one who was killed
    int fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return cannot_copy(path, strerror(errno), e);
    int rc = copy_into(l, tmp, e);
    if (rc == 0 && (fsync(fd) < 0 || rename(tmp, path) < 0))
        rc = cannot_copy(path, strerror(errno), e);
    close(fd);
    if (rc < 0)
        unlink(tmp);
    return rc;
}

// --- what queries look at
// ------------------------------------------------------------------------------

// An entry that is no event any more (somebody altered it) has a row that says nothing:
// verification tells of it, here it is carried over.
static int add_row(struct ledger *l, struct arena *a, sqlite3_stmt *entry, struct err *e)
{
    struct ledger_event ev;
    const char *json = sqlite3_column_blob(entry, 1);
    size_t len = (size_t)sqlite3_column_bytes(entry, 1);
    if (entry_parse(a, json ? json : "", len, &ev, NULL) < 0)
        ev = (struct ledger_event){.time = l->last_time};
    ev.seq = sqlite3_column_int64(entry, 0);
    l->last_time = ev.time;
    l->edge.size = (uint64_t)ev.seq + 1;
    return append_row(l, a, &ev, e);
}

static int add_rows(struct ledger *l, struct err *e)
{
    sqlite3_stmt *st = db_prepare(l, "SELECT seq, json FROM entry ORDER BY seq", e);
    struct arena *a = arena_new();
    int rc = st ? 0 : l->failed;
    while (rc == 0 && (rc = db_step(l, st, e)) == 1) {
        rc = add_row(l, a, st, e);
        arena_reset(a);
    }
    sqlite3_finalize(st);
    arena_free(a);
    l->full_blocks = -1;
    return rc < 0 ? rc : posting_seal(l, e);
}

static int make_anew(struct ledger *l, struct err *e)
{
    int rc = db_exec(l, "DROP TABLE event; DROP TABLE name; DROP TABLE IF EXISTS posting;", e);
    if (rc == 0)
        rc = db_make_index(l, e);
    return rc < 0 ? rc : add_rows(l, e);
}

int db_migrate(struct ledger *l, int64_t version, struct err *e)
{
    int rc = db_exec(l, "BEGIN IMMEDIATE", e);
    if (rc < 0)
        return rc;
    rc = keep_copy(l, version, e);
    if (rc == 0)
        rc = make_anew(l, e);
    if (rc == 0)
        rc = db_exec(l, "COMMIT", e);
    if (rc < 0)
        sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
    l->edge = (struct merkle_edge){0}; // to be read when it is needed
    l->migrated_from = (int)version;
    return rc;
}

int ledger_migrate(const char *dir, int *ret_from, const char **ret_copy, struct arena *a,
                   struct err *e)
{
    struct ledger *l = NULL;
    if (access(path_join(a, dir, "ledger.db"), F_OK) < 0)
        return err_set(e, ERR_NOENT, POS_NONE, "there is no ledger in '%s'", dir);
    int rc = ledger_open(dir, NULL, &l, e);
    if (rc < 0)
        return rc;
    *ret_from = l->migrated_from;
    *ret_copy = *ret_from ? arena_strdup(a, copy_path(l, *ret_from)) : NULL;
    ledger_close(l);
    return 0;
}
