// The process that runs tasks, one after the other.
#ifndef NODE_WORKER_H
#define NODE_WORKER_H

#include "core/value.h"
#include "node/session.h"

// Runs the task, then those that come as frames, and never returns. Behind the RESULT of a
// task a frame HELLO with the same id says that another one may be sent. Without it, and when
// the stream ends, the process ends: a task goes to a process that is as new, or to a new one.
_Noreturn void worker_run(struct arena *a, const struct dict *task, struct session s);

#endif
