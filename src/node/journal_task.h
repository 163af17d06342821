// The journal of one task, inside: what the files that write it share.
#ifndef NODE_JOURNAL_TASK_H
#define NODE_JOURNAL_TASK_H

#include "node/journal.h"

struct journal {
    const char *root, *run, *name, *inverse, *trouble, *half;
    const char *module;
    int64_t task, runs, max_bytes;
    bool required, lost, kept, named, took_inverse, quiet, collects, hidden, hides;
    struct buf collected; // records that are still to be written
    int fd, crash;        // log, -1: not opened yet; records until the process is killed (tests)
    struct dict *seen;    // "kind name" -> what was kept of it
    struct dict *known;   // "kind name" -> [state before, state after]
    struct list *things;  // of {"kind", "name"} in their order
};

// --- journal_write.c
// The folder of the run's journal.
const char *journal_folder(struct module *m);
// Opens the log, making it and its folder where they are missing.
int journal_open(struct module *m, struct err *e);
// Whether so many bytes more may be kept.
bool journal_room(struct module *m, uint64_t bytes);
// A record to be filled, "k" being what.
struct value journal_record(struct module *m, const char *what);
// Writes records, durably but for those that nothing is to be put back by.
int journal_write(struct module *m, const struct buf *b, bool durably, struct err *e);
// The end of a hook: writes b, or keeps it where many are collected, or (rc < 0) tells why not.
int journal_finish(struct module *m, struct buf *b, int rc, struct err *why, struct err *e);
// Ends the helper where a test wants that.
void journal_may_crash(struct journal *j);

// --- journal.c
// Whether it is new to this task; from now on it is not.
bool journal_first(struct module *m, const char *kind, const char *name, const char *kept);
// What it is when the task has ended is told.
void journal_watch(struct module *m, const char *kind, const char *name);

#endif
