// Background jobs: tasks that go on without the session, their state in files as Ansible has them.
#ifndef NODE_ASYNC_H
#define NODE_ASYNC_H

#include "core/value.h"

struct session;

// Starts the task of this process as a job of its own session; the result says its id and file.
// task["async"] has jid (the id's beginning), limit (seconds) and dir.
// s: where what the job needs of the controller comes from, before it is on its own.
void async_start(struct arena *a, const struct dict *task, struct session *s,
                 struct value *ret_result);
// The folder with "~" made the user's home.
const char *async_dir(struct arena *a, const char *dir);

#endif
