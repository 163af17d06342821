// The two ends inside the helper: the router that owns the controller's stream, and a task
// process's line to it.
#ifndef NODE_SESSION_H
#define NODE_SESSION_H

#include "core/value.h"
#include "wire/frame.h"

#include <stdbool.h>

struct shared;

// A task process's line to the router. Blocking.
struct session {
    int in_fd, out_fd; // -1: a job's, nobody is at the other end
    uint32_t id;
    struct shared *shared; // with the router; NULL: nothing
    struct frame_reader reader;
};

// Sends one frame of the task whole. ERR_IO when the router is gone.
int session_send(struct session *s, enum frame_type type, const void *payload, size_t len,
                 struct err *e);
// Writes frames that are complete already. ERR_IO as above.
int session_write(struct session *s, const char *p, size_t len, struct err *e);
// Waits for the next frame, of whatever task; its payload is good until the next call. ERR_IO at
// the end of the stream.
int session_next(struct session *s, struct frame *ret, struct err *e);
// Waits for the next frame of this task.
int session_receive(struct session *s, struct frame *ret, struct err *e);

// Runs one task (docs/PROTOCOL.md) in this process and gives its result, a dict in the arena.
// Session may be NULL: then nothing can be received or sent.
void task_run(struct arena *a, const struct dict *task, struct session *s,
              struct value *ret_result);

// Serves the controller on in_fd and out_fd until the stream ends. Returns the exit code of the
// helper.
int router_serve(int in_fd, int out_fd);

#endif
