// The kinds of things that the journal knows, in tables of their files, and what these share.
#ifndef NODE_JOURNAL_KINDS_H
#define NODE_JOURNAL_KINDS_H

#include "node/command.h"
#include "node/journal_keyed.h"

struct journal_kinds {
    const struct journal_kind *kinds;
    size_t n;
};
extern const struct journal_kinds journal_kinds_tools;    // journal_tools.c
extern const struct journal_kinds journal_kinds_packages; // journal_packages.c
extern const struct journal_kinds journal_kinds_mysql;    // journal_mysql.c

// Runs a command in the C locale; what it printed, without the white space at the end of its
// errors. Negative when it cannot be started; another exit code than 0 is no error.
int journal_run(struct module *m, struct argv v, const char *input, struct output *ret,
                struct err *e);
// As journal_run; another exit code than 0 is an error.
int journal_must(struct module *m, struct argv v, const char *input, struct err *e);
// The beginning of a text's digest, in the arena: enough to tell whether it is the same.
const char *journal_digest(struct arena *a, const char *text);

#endif
