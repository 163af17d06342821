// Who runs andon, as the ledger names him.
#ifndef CLI_ACTOR_H
#define CLI_ACTOR_H

#include "core/arena.h"

// "login@machine": the login is that of the session, which sudo and su leave as it is.
const char *actor_name(struct arena *a);
// The machine alone.
const char *actor_machine(struct arena *a);

#endif
