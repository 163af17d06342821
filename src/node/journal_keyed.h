// Things that are lists of lines with a key each: account files, dpkg's packages. Only the lines
// that a task changed are compared and put back.
#ifndef NODE_JOURNAL_KEYED_H
#define NODE_JOURNAL_KEYED_H

#include "node/journal.h"

// The lines of a text by key: all lines of one key together, with their ends. ends: the characters
// that end a key.
struct dict *keyed_lines(struct arena *a, const char *text, size_t len, const char *ends);
// "KEY\tDIGEST" for each key that differs, "-" where it is not there now.
const char *keyed_changes(struct arena *a, struct dict *before, struct dict *now);
// The keys that an entry's task changed: as its end tells, else what differs from now.
struct dict *keyed_changed(struct arena *a, const struct journal_entry *en, struct dict *before,
                           struct dict *now);
// Adds a conflict for each key that is neither as the run left nor as it found it.
void keyed_check(struct arena *a, const struct journal_log *log, const struct journal_entry *en,
                 struct dict *now, const char *ends, struct list *conflicts);
// The text with the keys in changed as they are in before; new ones behind what they stood behind.
const char *keyed_restore(struct arena *a, const char *text, const char *before_text,
                          const struct dict *changed, const char *ends, size_t *ret_len);

// dpkg's packages (journal_apt.c)
const char *apt_state(struct module *m, const char *name, struct buf *keep);
const char *apt_after(struct module *m, const char *name, const char *kept);
void apt_check(struct module *m, const struct journal_log *log, const struct journal_entry *en,
               struct list *conflicts);
const char *apt_tell(struct module *m, const struct journal_log *log,
                     const struct journal_entry *en);
int apt_restore(struct module *m, const struct journal_log *log, const struct journal_entry *en,
                struct err *e);

#endif
