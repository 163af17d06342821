// What the files of the router share: bytes that wait to be written, its peers, and what becomes of
// them.
#ifndef NODE_ROUTER_H
#define NODE_ROUTER_H

#include "core/buf.h"
#include "core/value.h"
#include "node/become.h"
#include "node/fence.h"
#include "node/shared.h"
#include "wire/frame.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

#define START_TIMEOUT_MS 30000 // of a helper
#define GRACE_MS 2000          // from SIGTERM to SIGKILL

// Bytes waiting to be written.
struct queue {
    struct buf b;
    size_t off;
};

enum peer_kind { PEER_TASK, PEER_HELPER };

// A task process or a become helper.
struct peer {
    struct peer *next;
    enum peer_kind kind;
    pid_t pid;
    int in, out; // our ends; -1 when closed
    struct frame_reader reader;
    struct queue to;
    bool ended, done; // process gone; RESULT passed on (task)
    bool idle;        // done, and ready for another task
    int status;
    int64_t deadline;       // of the task's timeout, 0: none
    int64_t kill_at;        // when to follow SIGTERM by SIGKILL, 0: not
    const char *end_reason; // why we killed it
    bool leave;             // it goes on when we end, or has nothing left to end
    uint32_t id;            // task
    uint32_t timeout_s;
    char *module;
    struct shared *shared; // with the task's process
    struct become *become; // helper
    uint32_t *ids;         // tasks of the helper that wait for a RESULT
    size_t n_ids, cap_ids;
};

struct router {
    int in, out, sigchld;
    struct frame_reader reader;
    struct queue to;
    struct peer *peers;
    struct arena *task; // the one being looked at
    struct fence fence; // of the run whose tasks these are
    bool closing;       // BYE seen: finish what runs
    bool failed;        // stream at its end or broken
};

static inline size_t queue_len(const struct queue *q)
{
    return q->b.len - q->off;
}
// Adds a frame.
void queue_frame(struct queue *q, enum frame_type type, uint32_t id, const char *p, size_t len);
// Writes what can be written; <0 when the other side is gone.
int queue_flush(struct queue *q, int fd);

static inline void nonblock(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}
static inline void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

// A result that is a failure with this message.
void router_fail(struct router *r, uint32_t id, const char *msg);

// --- router_task.c: processes that run a task of this user
// Gives the task in f to a process that waits for one, or to a new one. Jobs always get a new one,
// which they go on from.
void router_run_task(struct router *r, struct arena *a, const struct dict *task,
                     const struct frame *f);
// Its process says that it can take another.
void router_task_idle(struct router *r, struct peer *p);
// Ends a task before its time; one that must not be left half done goes on unseen.
void router_kill_task(struct router *r, struct peer *p, const char *why);
// Tells the controller why a task ended without a result, or will not be waited for.
void router_tell_end(struct router *r, struct peer *p);

// --- router_helper.c: helpers of become users
// Sends the task to the helper of its become user, starting that first when there is none. Takes
// want.
void helper_task(struct router *r, struct dict *task, uint32_t id, struct become *want);
// Whether a task waits for its result; and that it does no more.
bool helper_has(const struct peer *p, uint32_t id);
void helper_drop(struct peer *p, uint32_t id);
// What it wrote, until it speaks frames. is_err: to its standard error.
void helper_starting(struct peer *p, const char *data, size_t len, bool is_err);
// Its process is gone: so are its tasks.
void helper_ended(struct router *r, struct peer *p);

#endif
