// One child process: stdin and stdout on one socket, stderr on a pipe, its own session, reaped on
// SIGCHLD.
#ifndef FLEET_CHILD_H
#define FLEET_CHILD_H

#include "core/buf.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <uv.h>

struct child;

// All children of a loop.
struct children {
    uv_loop_t *loop;
    uv_signal_t sigchld;
    struct child *first;
    size_t n;                 // children not yet freed
    struct rlimit nofile;     // limit the children get
    struct rlimit nofile_own; // limit of this process
    char *read_buf;           // shared by all reads, which are consumed at once
};

#define CHILD_READ_BUF (64u << 10)

struct child_ops {
    void (*on_out)(void *data, const char *s, size_t len); // len 0: end of its stdout
    void (*on_err)(void *data, const char *s, size_t len); // may be NULL
    // Adds more to write to out and returns true, or false when there is nothing now. May be NULL.
    bool (*fill)(void *data, struct buf *out);
    void (*on_exit)(void *data,
                    int status); // wait status; all output has been delivered. Last call.
};

struct child_opts {
    const char *const *argv; // argv[0] is searched in PATH unless fd or a path
    int exec_fd;             // >0: execute this descriptor instead
    char *const *env;        // NULL: ours
    bool tty;                // stdin is a new terminal (whose other end is held by us)
};

// Starts watching for exits on loop. Raises the limit of open files.
int children_init(struct children *cs, uv_loop_t *loop, struct err *e);
// Stops; every child must be gone. The loop has to run once more to close the handle.
void children_close(struct children *cs);

// Starts a process. NULL and *e on failure; else it is owned by cs and freed after on_exit.
struct child *child_spawn(struct children *cs, const struct child_opts *o,
                          const struct child_ops *ops, void *data, struct err *e);
// Where to append what shall be written to its stdin; call child_flush() after.
struct buf *child_out(struct child *c);
// Writes as much as its stdin takes now, asking fill for more; the rest goes on from the loop.
void child_flush(struct child *c);
// Writes a few bytes to its terminal, or to its stdin when it has none.
void child_type(struct child *c, const char *s, size_t len);
// Ends its stdin after what is still to be written.
void child_end(struct child *c);
// Signals the process and all it started (its process group).
void child_kill(struct child *c, int signum);
// Forgets ops and data: nothing is called any more. The process goes on until it ends or is killed.
void child_abandon(struct child *c);
pid_t child_pid(const struct child *c);
// The next child of the same loop, NULL at the end.
struct child *child_next(const struct child *c);

#endif
