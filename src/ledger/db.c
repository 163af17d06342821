// The SQLite side: opening, making, statements, and what its errors mean to people.
#include "ledger/internal.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION 0x616e646e // "andn"
#define VERSION 3
#define BUSY_MS 30000

// Events are narrow rows of numbers, found by their postings (postings.c); what is hashed lies
// beside them. `hashes` are the leaf and the roots of the perfect subtrees it completes, so each
// hash of the tree has its place and none is ever rewritten.
static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE entry(seq INTEGER PRIMARY KEY, hashes BLOB NOT NULL, json BLOB NOT NULL);"
    "CREATE TABLE checkpoint(size INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " kept INTEGER NOT NULL, note TEXT NOT NULL);";
static const char index_schema[] =
    "CREATE TABLE name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, first INTEGER NOT NULL);"
    "CREATE TABLE posting(block INTEGER, field INTEGER, id INTEGER, at BLOB NOT NULL,"
    " PRIMARY KEY(block, field, id)) WITHOUT ROWID;";

static const char *const sql[LEDGER_STMTS] = {
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_READ] = "BEGIN",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
    [STMT_SAVE] = "SAVEPOINT part",
    [STMT_RELEASE] = "RELEASE part",
    [STMT_UNDO] = "ROLLBACK TO part",
    [STMT_LAST] = "SELECT seq, time FROM event ORDER BY seq DESC LIMIT 1",
    [STMT_ENTRY] = "SELECT json FROM entry WHERE seq = ?",
    [STMT_ENTRIES] = "SELECT json, seq FROM entry WHERE seq >= ? AND seq <= ?",
    [STMT_HASHES] = "SELECT hashes FROM entry WHERE seq = ?",
    [STMT_TIME_FROM] = "SELECT seq, time FROM event WHERE seq >= ? ORDER BY seq LIMIT 1",
    [STMT_ROWS] = "SELECT * FROM event WHERE seq >= ? AND seq < ?",
    [STMT_SEALED] = "SELECT block FROM posting ORDER BY block DESC LIMIT 1",
    [STMT_ADD_POSTING] = "INSERT INTO posting VALUES(?,?,?,?)",
    [STMT_POSTING] = "SELECT id, at FROM posting WHERE block = ? AND field = ? AND id = ?",
    [STMT_POSTINGS] = "SELECT id, at FROM posting WHERE block = ? AND field = ?",
    [STMT_MATCHING] = "SELECT id, first FROM name WHERE text GLOB ? AND text >= ?",
    [STMT_NAME_ID] = "SELECT id, first FROM name WHERE text = ?",
    [STMT_NAME_ADD] = "INSERT INTO name(text, first) VALUES(?,?)",
    [STMT_ADD_EVENT] = "INSERT INTO event VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STMT_ADD_ENTRY] = "INSERT INTO entry VALUES(?,?,?)",
    [STMT_META] = "SELECT value FROM meta WHERE key = ?",
    [STMT_SET_META] = "INSERT OR REPLACE INTO meta VALUES(?,?)",
    [STMT_NEWEST] = "SELECT size, time, kept, note FROM checkpoint ORDER BY size DESC",
    [STMT_ADD_CHECKPOINT] = "INSERT INTO checkpoint VALUES(?,?,?,?)",
    [STMT_DROP_CHECKPOINT] = "DELETE FROM checkpoint WHERE size = ?",
};

// --- errors
// -------------------------------------------------------------------------------------------

int db_damaged(struct ledger *l, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err_vset(e, ERR_INVALID, POS_NONE, fmt, ap);
    va_end(ap);
    return err_wrap(e, "the ledger '%s/ledger.db' is damaged ('andon ledger verify' says where)",
                    l->dir);
}

int db_fail(struct ledger *l, struct err *e)
{
    const char *why = l->db ? sqlite3_errmsg(l->db) : "out of memory";
    int code = l->db ? sqlite3_errcode(l->db) & 0xff : SQLITE_NOMEM;
    switch (code) {
    case SQLITE_FULL:
        return l->failed =
                   err_set(e, ERR_IO, POS_NONE,
                           "the ledger '%s/ledger.db' cannot be written: the disk is full", l->dir);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return l->failed = err_set(
                   e, ERR_IO, POS_NONE,
                   "the ledger '%s/ledger.db' is busy: another process has been writing for "
                   "%d seconds",
                   l->dir, l->busy_ms / 1000);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return l->failed = err_set(
                   e, ERR_INVALID, POS_NONE,
                   "the ledger '%s/ledger.db' is damaged (%s): put back a copy of it", l->dir, why);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return l->failed =
                   err_set(e, ERR_IO, POS_NONE, "the ledger '%s/ledger.db' cannot be %s: %s",
                           l->dir, l->read_only ? "read" : "written", why);
    default:
        return l->failed =
                   err_set(e, ERR_IO, POS_NONE, "the ledger '%s/ledger.db': %s", l->dir, why);
    }
}

// --- statements
// ---------------------------------------------------------------------------------------

sqlite3_stmt *db_prepare(struct ledger *l, const char *text, struct err *e)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(l->db, text, -1, &st, NULL) != SQLITE_OK)
        db_fail(l, e);
    return st;
}

sqlite3_stmt *db_stmt(struct ledger *l, enum ledger_stmt which, struct err *e)
{
    if (!l->stmts[which])
        l->stmts[which] = db_prepare(l, sql[which], e);
    return l->stmts[which];
}

int db_step(struct ledger *l, sqlite3_stmt *st, struct err *e)
{
    int rc = sqlite3_step(st);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : db_fail(l, e);
}

int db_run(struct ledger *l, enum ledger_stmt which, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, which, e);
    int rc = st ? db_step(l, st, e) : l->failed;
    sqlite3_reset(st);
    return rc;
}

int db_exec(struct ledger *l, const char *text, struct err *e)
{
    return sqlite3_exec(l->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(l, e);
}

static int number(struct ledger *l, const char *text, int64_t *ret, struct err *e)
{
    sqlite3_stmt *st = db_prepare(l, text, e);
    int rc = st ? db_step(l, st, e) : l->failed;
    if (rc >= 0)
        *ret = rc ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_finalize(st);
    return rc < 0 ? rc : 0;
}

const char *db_meta(struct ledger *l, struct arena *a, const char *key, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_META, e);
    const char *value = NULL;
    if (!st)
        return NULL;
    sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
    if (db_step(l, st, e) == 1)
        value = arena_strdup(a, (const char *)sqlite3_column_text(st, 0));
    sqlite3_reset(st);
    return value;
}

int db_set_meta(struct ledger *l, const char *key, const char *value, struct err *e)
{
    sqlite3_stmt *st = db_stmt(l, STMT_SET_META, e);
    if (!st)
        return l->failed;
    sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 2, value, -1, SQLITE_STATIC);
    int rc = db_step(l, st, e);
    sqlite3_reset(st);
    return rc;
}

// --- opening
// ------------------------------------------------------------------------------------------

static char *db_path(struct ledger *l)
{
    return path_join(l->arena, l->dir, "ledger.db");
}

// The name as a URI, for a folder nobody can write to: SQLite would make its index of the log
// there. Nothing may have been left in the log.
static int open_immutable(struct ledger *l, struct err *e)
{
    struct stat st;
    struct buf b = BUF_INIT;
    const char *path = db_path(l);
    if (stat(arena_printf(l->arena, "%s-wal", path), &st) == 0 && st.st_size > 0)
        return db_fail(l, e);
    buf_adds(&b, "file:");
    for (const char *s = path; *s; s++)
        if (*s == '?' || *s == '#' || *s == '%')
            buf_addf(&b, "%%%02X", (unsigned char)*s);
        else
            buf_addc(&b, *s);
    buf_adds(&b, "?immutable=1");
    sqlite3_close(l->db);
    int rc = sqlite3_open_v2(buf_str(&b), &l->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    buf_release(&b);
    return rc == SQLITE_OK ? 0 : db_fail(l, e);
}

static int settings(struct ledger *l, struct err *e)
{
    sqlite3_extended_result_codes(l->db, 1);
    sqlite3_busy_timeout(l->db, l->busy_ms);
    // A writer's pages wait for its commit. Who reads goes through the ledger once: more pages than
    // the processor's cache holds would be new memory for each.
    int rc =
        db_exec(l, l->read_only ? "PRAGMA cache_size = -2048" : "PRAGMA cache_size = -32768", e);
    if (rc < 0)
        return rc;
    return db_exec(l,
                   "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000;"
                   "PRAGMA temp_store = MEMORY;"
                   "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
                   e);
}

static int open_file(struct ledger *l, struct err *e)
{
    const char *path = db_path(l);
    if (!l->read_only) { // SQLite would make it with the umask alone
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int why = errno;
        if (fd < 0 && access(path, F_OK) < 0)
            return err_set(e, ERR_IO, POS_NONE, "the ledger '%s' cannot be made: %s", path,
                           strerror(why));
        if (fd >= 0)
            close(fd);
    }
    int flags = l->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (sqlite3_open_v2(path, &l->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return db_fail(l, e);
    return settings(l, e);
}

static int read_version(struct ledger *l, int64_t *ret, struct err *e)
{
    static const char count[] = "SELECT count(*) FROM sqlite_master";
    int64_t app = 0, version = 0, tables = 0;
    // first: where another makes them right now, what is read behind is theirs already
    int rc = number(l, count, &tables, e);
    if (rc < 0 && l->read_only && (sqlite3_errcode(l->db) & 0xff) == SQLITE_CANTOPEN) {
        err_release(e);
        rc = open_immutable(l, e);
        if (rc == 0)
            rc = settings(l, e);
        if (rc == 0)
            rc = number(l, count, &tables, e);
    }
    if (rc == 0)
        rc = number(l, "PRAGMA user_version", &version, e);
    if (rc == 0)
        rc = number(l, "PRAGMA application_id", &app, e);
    if (rc < 0)
        return rc;
    if (tables && app != APPLICATION)
        return err_set(e, ERR_INVALID, POS_NONE, "'%s/ledger.db' is no ledger of andon", l->dir);
    if (version > VERSION)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE,
                       "the ledger '%s/ledger.db' is of a newer andon (version %d, we know %d)",
                       l->dir, (int)version, VERSION);
    if (tables && version < VERSION && l->read_only)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE,
                       "the ledger '%s/ledger.db' has format %d of an earlier andon: 'andon ledger "
                       "migrate' brings it to format %d and keeps a copy",
                       l->dir, (int)version, VERSION);
    *ret = tables ? version : 0;
    return 0;
}

int db_make_index(struct ledger *l, struct err *e)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, index_schema);
    buf_adds(&b, "CREATE TABLE event(seq INTEGER PRIMARY KEY, time INTEGER NOT NULL");
    for (int i = 0; i < LEDGER_COLUMNS; i++)
        buf_addf(&b, ", %s INTEGER", ledger_columns[i].name);
    buf_adds(&b, ", name INTEGER, mark INTEGER);");
    buf_addf(&b, "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION, VERSION);
    int rc = db_exec(l, buf_str(&b), e);
    buf_release(&b);
    return rc;
}

static int make_all(struct ledger *l, const char *origin, struct err *e)
{
    int rc = db_exec(l, "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE;", e);
    if (rc == 0 && (rc = db_exec(l, schema, e)) == 0 && (rc = db_make_index(l, e)) == 0 &&
        (rc = sign_make(l, origin, e)) == 0)
        rc = db_exec(l, "COMMIT", e);
    if (rc < 0)
        sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

// Makes it, or brings it to the format of now. Of two that open it at once one does so, the other
// waits at the lock of the folder.
static int make(struct ledger *l, const char *origin, struct err *e)
{
    int64_t version = 0;
    int fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        err_set(e, ERR_IO, POS_NONE, "cannot lock '%s': %s", l->dir, strerror(errno));
        if (fd >= 0)
            close(fd);
        return ERR_IO;
    }
    int rc = read_version(l, &version, e);
    if (rc == 0 && version == 0)
        rc = make_all(l, origin, e);
    else if (rc == 0 && version < VERSION)
        rc = db_migrate(l, version, e);
    close(fd);
    return rc;
}

static int open_all(struct ledger *l, const char *origin, struct err *e)
{
    int64_t version = 0;
    int rc = l->read_only ? 0 : file_mkdirs(l->dir, 0700, e);
    if (rc < 0)
        return ERR_IO;
    if (l->read_only && access(db_path(l), F_OK) < 0)
        return err_set(e, ERR_NOENT, POS_NONE, "there is no ledger in '%s'", l->dir);
    if ((rc = open_file(l, e)) < 0 || (rc = read_version(l, &version, e)) < 0)
        return rc;
    if (version == 0 && l->read_only)
        return err_set(e, ERR_NOENT, POS_NONE, "there is no ledger in '%s'", l->dir);
    return version < VERSION ? make(l, origin, e) : 0;
}

int ledger_open(const char *dir, const struct ledger_opts *opts, struct ledger **ret, struct err *e)
{
    struct ledger *l = xcalloc(1, sizeof *l);
    l->arena = arena_new();
    l->names_arena = arena_new();
    l->names = value_dict(l->names_arena).u.dict;
    l->unsynced_arena = arena_new();
    l->unsynced = value_list(l->unsynced_arena).u.list;
    l->dir = arena_strdup(l->arena, dir);
    l->actor = ledger_actor(l->arena);
    l->read_only = opts && opts->read_only;
    l->busy_ms = opts && opts->busy_ms ? opts->busy_ms : BUSY_MS;
    merkle_init(&l->hashing);
    int rc = open_all(l, opts ? opts->origin : NULL, e);
    if (rc < 0)
        ledger_close(l);
    else
        *ret = l;
    return rc;
}

void ledger_close(struct ledger *l)
{
    if (!l)
        return;
    if (l->db && !l->read_only)
        (void)blob_sync(l, NULL);
    if (l->db && l->signer.key)
        sign_publish(l);
    for (int i = 0; i < LEDGER_STMTS; i++)
        sqlite3_finalize(l->stmts[i]);
    sqlite3_close(l->db);
    merkle_release(&l->hashing);
    note_signer_release(&l->signer);
    note_signer_release(&l->next);
    arena_free(l->unsynced_arena);
    arena_free(l->names_arena);
    arena_free(l->arena);
    free(l);
}
