// Running a program that may print more than anybody wants.
#ifndef NODE_PROC_CUT_H
#define NODE_PROC_CUT_H

#include "node/module.h"

#include <stdint.h>

// Of each stream the first max bytes are kept, and of more than that the last tail bytes as well,
// with a line between that says how much is left out. The program is read to its end all the same.
struct proc_cut {
    size_t max, tail;
    uint64_t out_total, err_total; // bytes it printed, filled in
};

// As proc_run; max_output of opts does not count.
int proc_run_cut(struct module *m, const char *const *argv, const struct proc_opts *opts,
                 struct proc_cut *cut, struct proc *ret, struct err *e);

#endif
