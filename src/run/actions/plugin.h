// Inside of action plugins: one that runs, and what it asks for.
#ifndef RUN_ACTIONS_PLUGIN_H
#define RUN_ACTIONS_PLUGIN_H

#include "plugin/plugin.h"
#include "run/internal.h"

struct action {
    struct exec *x;
    const char *what;       // it, for errors
    const char *action;     // as the plugin's task has it
    const char *connection; // a connection plugin of the user's own, or NULL: ours is used
    struct plugin_worker *worker;
};

// Does what the worker asks of the host in d (docs/PROTOCOL.md) and appends the answer to ret: 1; 0
// when d asks for nothing.
int plugin_serve(struct action *ac, const struct dict *d, struct buf *ret, struct err *e);

#endif
