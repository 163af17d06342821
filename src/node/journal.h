// The undo journal: before a task changes something, what it was is written down durably, in one
// folder per run and user (docs/UNDO.md). Nothing is opened or looked at for a task that changes
// nothing. The functions do nothing where no journal is kept (check mode, turned off, unit tests).
#ifndef NODE_JOURNAL_H
#define NODE_JOURNAL_H

#include "node/module.h"

struct journal;

// The journal that the TASK asks for, NULL when it does not; freed with the module's arena.
struct journal *journal_new(struct module *m, const struct dict *task);
// What came of it, as `_andon` of the result: docs/PROTOCOL.md. Writes what the task left behind.
void journal_end(struct module *m);

// --- before something is changed
// All of these: 0, or an error (the task must not go on) in *e, or in the result when e is NULL.
// That happens only where the run requires a journal; else the task goes on and its result says
// why it cannot be undone. What a task names twice is kept once.

// A path that is about to be made, written, replaced or removed, and the folders above it that are
// missing. A folder itself, without what is in it.
int journal_path(struct module *m, const char *path, struct err *e);
// A path whose owner, mode, flags or extended attributes alone are about to change.
int journal_attrs(struct module *m, const char *path, struct err *e);
// A path that is removed or changed with all that is in it.
int journal_tree(struct module *m, const char *path, struct err *e);
// A tree that comes, goes or changes as a whole (a clone, a home).
int journal_whole(struct module *m, const char *path, struct err *e);
// From now on the paths that are named are written down by journal_flush alone: many at once.
void journal_collect(struct module *m);
bool journal_collects(const struct module *m);
int journal_flush(struct module *m, struct err *e);
// A thing that is no path, by its kind (journal_kind) and name, such as "service", "ssh".
// more: what its restoring needs beside its state, or NULL.
int journal_thing(struct module *m, const char *kind, const char *name, const char *more,
                  struct err *e);
// The files of accounts and groups.
int journal_accounts(struct module *m, struct err *e);
// The links that start services at boot.
int journal_links(struct module *m, struct err *e);
// A service that is about to be started, enabled ... verb: "restart" and "reload" are done again by
// the undo, behind all else. scope: "user", "global" or NULL.
int journal_service(struct module *m, const char *scope, const char *name, const char *verb,
                    struct err *e);
// As journal_service, by a module that has just asked the service's script: runs is its answer, and
// what the verb leaves is known without asking again.
int journal_service_known(struct module *m, const char *name, const char *verb, bool runs,
                          struct err *e);
// What is known of a thing before and after the task, which then is not asked for again.
void journal_known(struct module *m, const char *kind, const char *name, const char *before,
                   const char *after);
// In an undo, whether what comes now is nobody's to read: told in no difference, by no digest.
void journal_hide(struct module *m, bool hide);
// A path of which a thing already keeps what is needed: its writing is not written down as well.
void journal_covers(struct module *m, const char *path);
// What is changed cannot be put back.
void journal_lost(struct module *m, const char *what, const char *why);
// An undo that was interrupted, the run of that name, had changed things here which nobody was told
// of: they count as this task's, and journal_seen knows them.
void journal_adopt(struct module *m, const char *run);
// Whether the task has named it already: a kind of journal_kind, "path" or "attrs".
bool journal_seen(const struct module *m, const char *kind, const char *name);
// The task declares its inverse, and is about to do what it takes back.
int journal_inverse(struct module *m, struct err *e);

// --- kinds of things

// One record of a journal.
struct journal_entry {
    int64_t number; // of the record
    int64_t task;   // of the run
    const char *task_name, *module;
    const char *kind, *name; // "path" and the path, or a thing
    const char *was;         // its state before; NULL where it has none
    const char *after; // its state when the task had ended, NULL: it never did, or nothing is known
    const char *attr, *attr_after; // of a path
    const char *more;
    const struct dict *d; // all of the record
    const char *raw;      // content kept in the record
    size_t raw_len;
    bool attrs_only, ended, undone;
};

struct journal_log;

struct journal_kind {
    const char *name;
    // The thing's state as a short text, in the arena: equal texts, equal states. What is to be
    // kept for restoring goes into *keep (may be NULL).
    const char *(*state)(struct module *m, const char *name, struct buf *keep);
    // NULL: state. What the task changed, given what was kept before: lines, each a key and what
    // is there now.
    const char *(*after)(struct module *m, const char *name, const char *kept);
    // NULL: the state is compared. Adds to conflicts (texts) what is not as the run left it.
    void (*check)(struct module *m, const struct journal_log *log, const struct journal_entry *en,
                  struct list *conflicts);
    // Brings it to what it was. Negative with the reason in *e.
    int (*restore)(struct module *m, const struct journal_log *log, const struct journal_entry *en,
                   struct err *e);
    const char *verb; // what is done to it, for people; NULL: tell says it
    const char *(*tell)(struct module *m, const struct journal_log *log,
                        const struct journal_entry *en);
    bool together; // all of a run's are put back at once, in the place of the first
};
// Restarts or reloads a service if it runs.
int service_bounce(struct module *m, const char *name, const char *verb, struct err *e);
const struct journal_kind *journal_kind(const char *name);

// --- files (journal_file.c)

#define JOURNAL_INLINE_MAX (64u << 10) // content of a file kept in its record

// What a path is. data: "-" nothing, "d", "f DIGEST", "F SIZE MTIME" (a large file), "l TARGET",
// "o" (anything else); attr: "0644 0 0", then flags and the digest of extended attributes if it has
// any;
// "-" for nothing.
struct file_look {
    const char *data, *attr;
    struct stat st;
    const char *content; // of a file of at most JOURNAL_INLINE_MAX, when asked for
};
void file_look(struct module *m, const char *path, bool data, bool content, struct file_look *ret);
// Writes what restoring needs beside that into d (times, extended attributes).
void file_keep(struct module *m, const char *path, const struct file_look *l, struct dict *d);
// Puts a path back. blobs: the folder of the journal the entry is from.
int file_restore(struct module *m, const struct journal_entry *en, const char *blobs,
                 struct err *e);
// The digest of a whole tree, "-" when there is nothing.
const char *file_tree_state(struct module *m, const char *path);

// --- reading (journal_log.c)

// Whether that is the name of a run, of fewer than max bytes, and so of a folder's entry.
bool journal_good_run(const char *run, size_t max);
// The folder of all journals of the user this process runs as, in the arena.
const char *journal_root(struct arena *a, const char *given);

struct journal_log {
    struct arena *arena;
    int64_t did; // all from this number on are put back
    const char *dir;
    struct journal_entry *entries; // in the order they were written
    size_t n, cap;
    struct list *lost; // {"task", "what", "why"}
    bool undoing, undone, damaged;
    const char *by; // the run that undoes it, or did
    int64_t task_max;
};
// ERR_NOENT when there is none of that run.
int journal_read(struct arena *a, const char *root, const char *run, struct journal_log *ret,
                 struct err *e);
// Notes in the journal of a run that is being undone: durable when it returns.
int journal_note(const struct journal_log *log, const char *key, struct value v, struct err *e);
// The runs that have a journal, oldest first, as a list of strings.
struct list *journal_runs(struct arena *a, const char *root);
// The run whose undo was interrupted, NULL when there is none.
const char *journal_half(struct arena *a, const char *root);

// A record as it stands in the log: 8 bytes of mark, u32 length of the JSON, u32 of the raw content
// (big endian), both, and 8 bytes of the SHA-256 over all but the mark.
#define JOURNAL_MARK                                                                               \
    "\x89"                                                                                         \
    "andonJ\n"
#define JOURNAL_HEADER 16
#define JOURNAL_SUM 8
#define JOURNAL_SPARE "spare" // a file beside the log, of no content, that goes when an undo begins
void journal_put_record(struct buf *b, const struct value *v, const char *raw, size_t raw_len);
// Appends what b holds to the log of dir (made where it is missing), whole or not at all.
int journal_append(int fd, const struct buf *b, bool sync, struct err *e);

#endif
