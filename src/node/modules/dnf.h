// What the files of dnf and yum share.
#ifndef NODE_MODULES_DNF_H
#define NODE_MODULES_DNF_H

#include "node/command.h"

struct dnf {
    struct module *m;
    struct arena *a;
    const char *tool;     // dnf or yum
    const char *root;     // installroot; NULL for the host's own
    struct list *results; // "Installed: ..." and so on
};

// The command with the task's options that are about repositories and the like.
struct argv dnf_start(struct dnf *t);
// Runs it. ERR_FAILED after module_fail when it cannot be started.
int dnf_run(struct dnf *t, const struct argv *argv, struct output *ret);
// Fails the task with msg, rc 1, failures and results.
int dnf_fail(struct dnf *t, const char *msg, struct list *failures);
// All packages installed, "name-[epoch:]version-release.arch", as dict keys.
int dnf_installed(struct dnf *t, struct dict **ret);
// Whether what spec names is installed (a package, one with its version, a pattern, a file, what
// some package provides, a group): 1, 0, <0 after a failure.
int dnf_is_installed(struct dnf *t, const char *spec);
// The task's list.
int dnf_list(struct dnf *t, const char *what);

#endif
