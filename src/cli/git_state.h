// The commit that a folder of a git repository stands at.
#ifndef CLI_GIT_STATE_H
#define CLI_GIT_STATE_H

#include "core/arena.h"

#include <stdbool.h>

struct git_state {
    const char *commit; // hex, NULL: dir is in no repository, or git did not say
    bool dirty;         // files that git knows were changed since
};

// Asks git, for at most a second.
struct git_state git_state_of(struct arena *a, const char *dir);

#endif
