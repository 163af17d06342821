// What the files of this room share: the open ledger and its statements.
#ifndef LEDGER_INTERNAL_H
#define LEDGER_INTERNAL_H

#include "core/buf.h"
#include "ledger/ledger.h"
#include "ledger/merkle.h"
#include "ledger/note.h"

#include <sqlite3.h>

// The fields of an event that have a column, an index and a place in the filter.
enum ledger_column {
    COL_ACTOR,
    COL_HOST,
    COL_INCIDENT,
    COL_OUTCOME,
    COL_PACKAGE,
    COL_PATH,
    COL_RELEASE,
    COL_RING,
    COL_ROLLOUT,
    COL_RUN,
    COL_SERVICE,
    COL_TYPE,
    LEDGER_COLUMNS
};
struct ledger_column_row {
    const char *name;
    size_t in_event, in_filter; // offsets of the texts; in_filter 0: not there (type)
};
extern const struct ledger_column_row ledger_columns[LEDGER_COLUMNS]; // sorted by name

// What events are found by besides: FIELD_NAME and FIELD_MARK stand in a row beside the columns,
// FIELD_OPEN follows from the rows of a block.
enum ledger_field {
    FIELD_NAME = LEDGER_COLUMNS, // of what is no file or package
    FIELD_MARK,                  // bits of enum ledger_mark
    FIELD_OPEN,                  // OPEN_*
    LEDGER_FIELDS
};
#define ROW_FIELDS (FIELD_MARK + 1)
// run.started without its run.finished in the same block, and the other way round.
#define OPEN_STARTED 1
#define OPEN_FINISHED 2
#define LEDGER_MARKS (LEDGER_UNAUTHORISED | LEDGER_BREAK_GLASS | LEDGER_UNDOES)
#define OPEN_SHIFT 8 // where they stand in a filter's marks

static inline const char *event_text(const struct ledger_event *ev, int column)
{
    return *(const char *const *)(const void *)((const char *)ev + ledger_columns[column].in_event);
}
static inline void event_set_text(struct ledger_event *ev, int column, const char *text)
{
    *(const char **)(void *)((char *)ev + ledger_columns[column].in_event) = text;
}

enum ledger_stmt {
    STMT_BEGIN,
    STMT_READ,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_SAVE,
    STMT_RELEASE,
    STMT_UNDO,
    STMT_LAST,
    STMT_ENTRY,
    STMT_ENTRIES,
    STMT_HASHES,
    STMT_TIME_FROM,
    STMT_ROWS,
    STMT_SEALED,
    STMT_ADD_POSTING,
    STMT_POSTING,
    STMT_POSTINGS,
    STMT_MATCHING,
    STMT_NAME_ID,
    STMT_NAME_ADD,
    STMT_ADD_EVENT,
    STMT_ADD_ENTRY,
    STMT_META,
    STMT_SET_META,
    STMT_NEWEST,
    STMT_ADD_CHECKPOINT,
    STMT_DROP_CHECKPOINT,
    LEDGER_STMTS
};

#define LEDGER_SECRET 32

struct ledger {
    sqlite3 *db;
    struct arena *arena; // of what lives as long as the ledger
    const char *dir;
    const char *actor; // of events that name none
    bool read_only;
    int migrated_from; // the format it had when it was opened, 0: that of now
    int busy_ms;
    int failed; // code of SQLite's last error
    sqlite3_stmt *stmts[LEDGER_STMTS];
    int depth;               // transactions inside each other
    bool appended;           // something was, in this transaction
    bool fresh;              // edge and last_time are those of the database
    int64_t full_blocks;     // blocks that were full and are sealed, as far as we know
    struct merkle_edge edge; // of the tree with what was appended so far
    int64_t last_time;       // of the last event
    struct merkle hashing;
    struct note_signer signer; // key NULL until it is needed
    bool has_secret;
    unsigned char secret[LEDGER_SECRET]; // of keyed digests
    struct note_signer next;             // while the key is changed: what signs from then on
    struct arena *names_arena;
    struct dict *names; // text: id, as far as they were needed
    struct arena *unsynced_arena;
    struct list *unsynced; // digests of blobs that are to be on disk before the next commit
};

// --- db.c
// The prepared statement, ready to be bound; NULL with an error.
sqlite3_stmt *db_stmt(struct ledger *l, enum ledger_stmt which, struct err *e);
// Prepares a statement made for one use.
sqlite3_stmt *db_prepare(struct ledger *l, const char *sql, struct err *e);
// Steps: 1 a row, 0 the end, <0 error.
int db_step(struct ledger *l, sqlite3_stmt *st, struct err *e);
// Runs to the end and resets.
int db_run(struct ledger *l, enum ledger_stmt which, struct err *e);
int db_exec(struct ledger *l, const char *sql, struct err *e);
// Says what SQLite's last error means here.
int db_fail(struct ledger *l, struct err *e);
// Something is stored that andon does not write.
int db_damaged(struct ledger *l, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// A fact of the ledger as a whole, in the arena; NULL when it is not there.
const char *db_meta(struct ledger *l, struct arena *a, const char *key, struct err *e);
// Makes the tables that queries look at, empty.
int db_make_index(struct ledger *l, struct err *e);
int db_set_meta(struct ledger *l, const char *key, const char *value, struct err *e);

// --- migrate.c
// Brings a ledger of an earlier format to that of now, with a copy of what it was kept beside it.
// The folder is locked.
int db_migrate(struct ledger *l, int64_t version, struct err *e);

// --- entry.c
// Why ev may not be recorded: ERR_INVALID; 0 when it may.
int entry_check(const struct ledger_event *ev, struct err *e);
// A copy whose texts are those that the JSON will hold: UTF-8, and NULL instead of empty.
struct ledger_event entry_clean(struct arena *a, const struct ledger_event *ev);
// Reads an entry; strings in a. ERR_PARSE.
int entry_parse(struct arena *a, const char *json, size_t len, struct ledger_event *ret,
                struct err *e);
// Calls fn with each known type.
void entry_types(void (*fn)(void *data, const char *type), void *data);

// A text as the JSON will hold it.
const char *entry_text(struct arena *a, const char *s);

// --- fields.c
// The name of a service, user, ... that a change or drift is of; NULL: none.
const char *field_name(const struct ledger_event *ev);
// Bits of enum ledger_mark; 0: none.
int64_t field_marks(const struct ledger_event *ev);
// The ids of two types, -1: there is no such event yet.
struct run_types {
    int64_t started, finished;
};
int field_run_types(struct ledger *l, struct run_types *ret, struct err *e);
// Fills FIELD_OPEN of a block from its columns; -1: none.
void field_open_runs(int64_t (*ids)[LEDGER_FIELDS], const struct run_types *types);

// --- append.c
// A transaction, or a part of the one we are in; what *_end gets decides whether it stays.
int append_begin(struct ledger *l, struct err *e);
int append_end(struct ledger *l, int rc, struct err *e);
// Writes what queries look at of an event.
int append_row(struct ledger *l, struct arena *a, const struct ledger_event *ev, struct err *e);
// The id of a text and the first event that has it (ret_first may be NULL): 1 found, 0 not there,
// <0 error.
int name_find(struct ledger *l, const char *text, int64_t *ret, int64_t *ret_first, struct err *e);

// --- postings.c
#define LEDGER_BLOCK 4096
#define POSTING_BYTES (LEDGER_BLOCK / 8)
// A set of places in a block.
struct places {
    uint64_t bits[LEDGER_BLOCK / 64];
};
// A column or field that must have one of these texts; ids ascending.
struct condition {
    int column;   // or enum ledger_field
    int64_t *ids; // owned
    size_t n;
};
// Writes the postings of all blocks that have become full.
int posting_seal(struct ledger *l, struct err *e);
// How many blocks, from the first, have postings.
int posting_sealed(struct ledger *l, int64_t *ret, struct err *e);
// The ids in a row of events (STMT_ROWS), as far as ROW_FIELDS; -1: none, -2: none that andon
// writes.
void posting_row(sqlite3_stmt *row, int64_t *ids);
// Adds the places of a stored posting; false when it is none.
bool posting_read(const unsigned char *at, size_t len, struct places *ret);
// The events of a block that meet all conditions.
int posting_find(struct ledger *l, int64_t block, int64_t sealed, const struct condition *c,
                 size_t n, struct places *ret, struct err *e);

// --- hashes.c
// The hashes kept in the database, as a store for proofs.
struct merkle_store hashes_store(struct ledger *l);

// --- blob.c
// Has the disk keep what was put since the last time.
int blob_sync(struct ledger *l, struct err *e);

// --- sign.c
// Makes the key of a new ledger and notes its name and public key. origin NULL: the usual one.
int sign_make(struct ledger *l, const char *origin, struct err *e);
// Has the key loaded that the ledger names, in l->signer. Where a process was killed while it
// changed the key, the files are put right.
int sign_load(struct ledger *l, struct err *e);
// Where a new key lies until the ledger names it, in a.
char *sign_new_key_path(struct ledger *l, struct arena *a);
// Signs the tree as it is, inside the transaction that made it so; with both keys where the key is
// changed.
int sign_checkpoint(struct ledger *l, struct err *e);
// Whether the tree is that of the newest checkpoint: what somebody altered is not to be signed.
int sign_check(struct ledger *l, struct err *e);
// Writes the newest checkpoint to dir/checkpoint, for people to carry away.
void sign_publish(struct ledger *l);

#endif
