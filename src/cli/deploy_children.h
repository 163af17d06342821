// Arguments, variables and surroundings of what a rollout starts, shared by its runs and gates.
#ifndef CLI_DEPLOY_CHILDREN_H
#define CLI_DEPLOY_CHILDREN_H

#include "cli/deploy.h"

#define CHILD_SELF "/proc/self/exe"

// Arguments of a child; those too many are dropped. All in a.
struct child_args {
    struct arena *a;
    const char *v[256];
    size_t n;
};
void child_add(struct child_args *args, const char *s);
void child_add_sources(struct child_args *args, const struct deploy *d);
// Names with commas between.
const char *child_names(struct arena *a, const struct list *names);
// The release that a job puts on hosts, as the play's andon_release.
int child_release(struct deploy *d, const struct batch_job *job, struct arena *a, struct value *ret,
                  struct err *e);
// Writes the variables of a run into a file of ours: what the service file gives may not stand in
// argv.
int child_vars_file(struct deploy *d, const struct batch_job *job, struct arena *a,
                    const char **ret, struct err *e);
// Away with it once the run has ended.
void child_vars_remove(const struct deploy *d, struct arena *a);
// What the run of a ring would change, as a blob: its digest, in a. (deploy_plan.c)
int deploy_plan_ring(struct deploy *d, const struct ring_state *r, const struct ring *def,
                     struct arena *a, const char **ret, struct err *e);
// "ANDON_CONTEXT=...": what a run is part of. A job without a run: what a gate of its ring asks.
const char *child_context(struct deploy *d, const struct batch_job *job, struct arena *a);
// Runs of the service that were given up on hosts of the job, as a list of ids. (deploy_fence.c)
struct value child_gives_up(struct deploy *d, const struct batch_job *job, struct arena *a);

#endif
