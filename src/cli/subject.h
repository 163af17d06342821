// What a change was made to: the paths, packages or other things that a module's arguments and
// result name.
#ifndef CLI_SUBJECT_H
#define CLI_SUBJECT_H

#include "run/events.h"

enum subject_kind {
    SUBJECT_NONE, // nothing on the host changes by it
    SUBJECT_FILE,
    SUBJECT_TREE, // a folder and what is below
    SUBJECT_PACKAGE,
    SUBJECT_OTHER // named: service, user, ...; or a command
};

struct subject {
    enum subject_kind kind;
    const char *what;   // "file", "package", "service", "user", "command", ...
    const char *name;   // path, package or name; NULL: not known
    const char *detail; // one line, or NULL
};

// The subjects of a result that changed something, at least one unless the module changes nothing
// on hosts. In a.
struct subject *subjects_of(const struct result_event *ev, struct arena *a, size_t *ret_n);
// The module's name without the collection that andon takes it for.
const char *subject_module(const struct task *t);

#endif
