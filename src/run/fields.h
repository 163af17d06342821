// Keywords of a task, evaluated for its host or loop item.
#ifndef RUN_FIELDS_H
#define RUN_FIELDS_H

#include "run/internal.h"

// The first keyword that cannot be evaluated; name NULL: all can be. Whoever has it frees e.
struct bad_field {
    const char *name;
    struct err e;
};

// Sets what x has of keywords: check, diff, no_log and so on.
void fields_resolve(struct exec *x, struct bad_field *bad);
// Sets the host the task runs on where delegate_to names another.
int fields_delegate(struct exec *x, struct err *e);
// Adds to the result of a delegated task what Ansible adds of the host it ran on.
void fields_add_delegated(struct exec *x, struct dict *result);
// The result of a task that is not tried because of e, in a keyword, or in its arguments when field
// is NULL. Mostly, later items of its loop are not tried either.
void fields_refuse(struct exec *x, const char *field, const struct err *e, struct value *result);

#endif
