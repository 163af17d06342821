// A run as a child of the controller: its lines are read, it can be ended, and it does not outlive
// the controller.
#ifndef ROLLOUT_PROCESS_H
#define ROLLOUT_PROCESS_H

#include "core/buf.h"
#include "core/err.h"

struct process_opts {
    const char *const *argv; // argv[0] is a path
    const char *const *env;  // "NAME=value" to be added, ends with NULL; may be NULL
    const char *dir;         // to work in, NULL: here
    int keep_fd;             // the child holds it, too (lock.h); -1: none
    void *data;
    void (*line)(void *data, const char *s, size_t len); // of its standard output, without newline
    // Asked about ten times a second: 0, or the signal that is to end it. After 15 s more it is
    // killed.
    int (*tick)(void *data);
};

// Runs it to its end. *ret_status is its wait status; ret_errors gets the last 16 KiB of its
// standard error. ERR_IO when it cannot be started.
int process_run(const struct process_opts *o, int *ret_status, struct buf *ret_errors,
                struct err *e) __attribute__((warn_unused_result));

#endif
