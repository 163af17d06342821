// Modules that are not andon's own, run on the host as Ansible runs them.
#ifndef RUN_FOREIGN_H
#define RUN_FOREIGN_H

#include "plugin/plugin.h"
#include "run/internal.h"

// The file behind the task's module when it is not andon's own, else NULL.
const struct plugin_module *foreign_module(struct exec *x);
// Runs it: fills *result; 0, or a negative code after action_fail(). job: starts it in the
// background (docs/PROTOCOL.md), or NULL.
int action_foreign(struct exec *x, const struct plugin_module *m, struct dict *args,
                   struct dict *job, struct value *result);
// Runs the action plugin of that name, in Python: fills *result; 0, or a negative code after
// action_fail(). connection: a connection plugin of the user's own that reaches the host; NULL:
// ours does.
int action_plugin(struct exec *x, const char *name, const char *connection, struct dict *args,
                  struct value *result);
// The connection plugin of the user's own that the task reaches its host by, or NULL.
const char *foreign_connection(struct exec *x);
// Ends the waiting of a host for its plugin, after an interrupt.
void plugin_wake(struct rhost *h);
// What Ansible makes of a module's output: raw is the helper's result (rc, stdout, stderr).
void foreign_result(struct exec *x, const struct dict *raw, struct value *result);
// The same of a background job, whose result has other names for what could not be read.
void foreign_job_result(struct exec *x, const struct dict *raw, struct value *result);

#endif
