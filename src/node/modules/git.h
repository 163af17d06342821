// What the halves of the git module share: running git, questions to a repository, changing a
// working copy.
#ifndef NODE_MODULES_GIT_H
#define NODE_MODULES_GIT_H

#include "node/module.h"

struct git {
    struct module *m;
    const char *exe, *repo, *dest, *version, *remote, *refspec;
    const char *git_dir; // where the repository itself is, separate_git_dir: where it is to be
    const char *separate;
    int64_t depth;
    bool bare, force, track;
};

// Runs git with the given words (up to a NULL) in cwd (NULL: anywhere); the exit code, or <0 with
// the task failed. The output is in the arena: *out, *err may be NULL.
int git_run(struct git *g, const char *cwd, const char **out, const char **err, ...)
    __attribute__((sentinel));
// As git_run for a NULL-terminated list of words.
int git_runv(struct git *g, const char *cwd, const char **out, const char **err,
             const char *const *words);
// As git_runv; a code other than 0 fails the task with what git said.
int git_must(struct git *g, const char *cwd, const char **out, const char *const *words);
// Puts the command line into the result's "cmd".
void git_report_cmd(struct git *g, const char *const *words);

// The commit ref stands for in dest ("" when none).
const char *git_commit(struct git *g, const char *ref);
// Whether version names a branch (a tag) there: 1, 0, <0 with the task failed.
int git_is_remote_branch(struct git *g, const char *remote, const char *version);
int git_is_remote_tag(struct git *g, const char *remote, const char *version);
// Whether dest has the branch.
bool git_is_local_branch(struct git *g, const char *branch);
// The branch HEAD is on (or the remote's HEAD); NULL when there is none, which fails the task if it
// is required.
const char *git_head_branch(struct git *g, bool required);
// The commit that version is at the remote, NULL with the task failed. cloning: there is no dest
// yet.
const char *git_remote_head(struct git *g, const char *remote, bool cloning);

int git_fetch(struct git *g, const char *version, bool force);
int git_switch(struct git *g);
int git_verify(struct git *g);
// 1 when submodules were brought up to date, 0 when there was nothing to do.
int git_submodules(struct git *g);
// Points the remote at repo: 1 when it was another, 0, or <0.
int git_set_remote_url(struct git *g);
// Whether the remote's URL differs from repo.
bool git_remote_url_differs(struct git *g, const char **ret_url);

#endif
