// What git says of a commit.
#ifndef CLI_REVISION_H
#define CLI_REVISION_H

#include "core/arena.h"
#include "core/err.h"

#include <stdbool.h>

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
