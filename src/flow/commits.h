// What each release brought that none before it had, from a git repository. Only reads objects; no
// hook, filter or program of the repository is run.
#ifndef FLOW_COMMITS_H
#define FLOW_COMMITS_H

#include "flow/measures.h"

struct commits;

// Opens the repository that path is in. ERR_NOENT when there is none, ERR_INVALID when it belongs
// to somebody else and git's safe.directory does not name it, ERR_IO for what cannot be read.
int commits_open(const char *path, struct commits **ret, struct err *e)
    __attribute__((warn_unused_result));
void commits_close(struct commits *c);

struct commits_range {
    struct flow_commit *commits; // newest first, without merges and what was rebased
    size_t n;
    size_t merges;  // have no change of their own
    size_t rebased; // another commit of the same author, time and subject was deployed before
    size_t cut;     // whose parents are not in the repository: a shallow clone
};

// What commit (an id, whole or at least 4 digits of it) contains, and no commit told of before
// does. ERR_NOENT when it is not in the repository, ERR_INVALID for what is no id.
int commits_next(struct commits *c, const char *commit, struct arena *a, struct commits_range *ret,
                 struct err *e) __attribute__((warn_unused_result));
// The same without telling: all that commit contains has been deployed before.
int commits_skip(struct commits *c, const char *commit, struct err *e)
    __attribute__((warn_unused_result));
bool commits_shallow(const struct commits *c);

#endif
