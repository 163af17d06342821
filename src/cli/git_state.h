// What git says of the repository that a folder is in.
#ifndef CLI_GIT_STATE_H
#define CLI_GIT_STATE_H

#include "core/arena.h"
#include "core/err.h"

#include <stdbool.h>

struct git_state {
    const char *commit; // hex, NULL: dir is in no repository, or git did not say
    bool dirty;         // files that git knows were changed since
};

// A question that git works on meanwhile; zeroed: none.
struct git_query {
    struct program *program;
};
void git_query_start(struct git_query *q, struct arena *a, const char *dir);
// Waits for the answer, at most a second, and ends the question; a NULL: ends it at once.
struct git_state git_query_end(struct git_query *q, struct arena *a);

struct revision {
    const char *commit;             // in full
    const char *author, *committer; // "Name <address>", by the repository's mailmap
    bool dirty;                     // tracked files differ from HEAD
};

// The commit that rev (NULL: HEAD) names in the repository that dir is in: 1 found, 0 dir is in no
// repository, or git is not there, or it has no commits yet and rev is NULL. ERR_NOENT for a rev it
// does not have.
int revision_find(struct arena *a, const char *dir, const char *rev, struct revision *ret,
                  struct err *e) __attribute__((warn_unused_result));

#endif
