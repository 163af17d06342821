// The commit that a folder of a git repository stands at.
#ifndef CLI_GIT_STATE_H
#define CLI_GIT_STATE_H

#include "core/arena.h"

#include <stdbool.h>
#include <sys/types.h>

struct git_state {
    const char *commit; // hex, NULL: dir is in no repository, or git did not say
    bool dirty;         // files that git knows were changed since
};

// A question that git works on meanwhile; zeroed: none.
struct git_query {
    pid_t pid;
    int fd;
};
void git_query_start(struct git_query *q, struct arena *a, const char *dir);
// Waits for the answer, at most a second, and ends the question; a NULL: ends it at once.
struct git_state git_query_end(struct git_query *q, struct arena *a);

#endif
