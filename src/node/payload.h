// Programs the controller sends, by their digest.
#ifndef NODE_PAYLOAD_H
#define NODE_PAYLOAD_H

#include "node/module.h"

// The content of source 0, whose SHA-256 is digest: from this user's cache when it is there and
// whole, else from the controller. In the arena. keep: put it there; not for what holds arguments,
// which may be secret.
int payload_get(struct module *m, const char *digest, bool keep, const char **ret, size_t *ret_len,
                struct err *e) __attribute__((warn_unused_result));

// Gets the program of a task of _foreign now and leaves it in the task: a job has no controller to
// ask.
int foreign_fetch(struct arena *a, const struct dict *task, struct session *s, struct err *e)
    __attribute__((warn_unused_result));

#endif
