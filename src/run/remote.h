// Waiting for what a host does, for modules and raw commands alike.
#ifndef RUN_REMOTE_H
#define RUN_REMOTE_H

#include "run/internal.h"

struct wait {
    struct exec *x;
    struct conn_result r;
    bool done, sleeping;
};

// Waits in the coroutine for w to be done, which request id of c is to bring about.
void wait_for(struct exec *x, struct wait *w, struct conn *c, uint32_t id);
// The host's request has ended: its coroutine goes on.
void wait_over(struct wait *w);
// The target's connection, or one to this machine; NULL when there is none, and the result says
// why.
struct conn *exec_conn(struct exec *x, bool here, struct value *result);
// The result of a task whose host was not reached.
void unreachable(struct exec *x, const char *msg, struct value *result);
// Bytes of each stream of a command that a result holds; which setting says so.
#define OUTPUT_MAX "ANDON_OUTPUT_MAX"
size_t output_max(void);

#endif
