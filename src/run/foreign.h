// Modules that are not andon's own, run on the host as Ansible runs them.
#ifndef RUN_FOREIGN_H
#define RUN_FOREIGN_H

#include "plugin/plugin.h"
#include "run/internal.h"

// The file behind the task's module when it is not andon's own, else NULL.
const struct plugin_module *foreign_module(struct exec *x);
// Runs it: fills *result; 0, or a negative code after action_fail().
int action_foreign(struct exec *x, const struct plugin_module *m, struct dict *args,
                   struct value *result);
// What Ansible makes of a module's output: raw is the helper's result (rc, stdout, stderr).
void foreign_result(struct exec *x, const struct dict *raw, struct value *result);

#endif
