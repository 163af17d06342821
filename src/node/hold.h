// What a module says of its own end: what must not be left half done, and what must not be left
// behind.
#ifndef NODE_HOLD_H
#define NODE_HOLD_H

#include "node/module.h"

// Between these the task is not stopped, whatever happens to the controller, the connection or the
// task's time: packages being installed, accounts being changed. They nest. The end does not return
// when the task was to be stopped meanwhile.
void module_hold(struct module *m);
void module_release(struct module *m);

// A path the module removes or renames itself: while it is there, it is removed also when the task
// is killed.
void host_tmp_note(struct module *m, const char *path, bool there);

#endif
