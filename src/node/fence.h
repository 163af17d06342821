// A run that was given up on this host - it is undone, or its rollout goes on with another - must
// not go on here: its controller may have been cut off or asleep, know nothing of that, and come
// back. A mark on the disk refuses its tasks from then on; helpers and background jobs that still
// work for it are told, and end as if helpers had lost their controller.
#ifndef NODE_FENCE_H
#define NODE_FENCE_H

#include "core/arena.h"
#include "core/err.h"

#include <stdbool.h>

// --- who works for a run

struct fence {
    char *run, *folder; // of the run that tasks are of; of this user's marks
    int fd;             // where others find this process by its run; -1: nowhere
};
#define FENCE_INIT                                                                                 \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

// The run that the coming task is of; can be found by it from now on, as can be its tasks'
// processes.
void fence_enter(struct fence *f, const char *run);
// A job of the run, which goes on without a helper, can be found by it.
void fence_enter_job(struct fence *f, const char *run);
// What is said of all that is refused or ended for this.
const char *fence_refusal(struct arena *a, const char *run);
// Whether the run was given up.
bool fence_is_up(const struct fence *f);
// Whether somebody who may has come to f->fd, to give the run up.
bool fence_called(struct fence *f);
void fence_release(struct fence *f);

// --- who gives a run up

// Marks the run, durably, and waits until nobody works for it any more: ERR_FAILED after wait_ms. A
// mark that cannot be written is no failure, as what is undone may be what filled the disk:
// *unmarked says why.
int fence_put_up(const char *run, int wait_ms, struct err *unmarked, struct err *e)
    __attribute__((warn_unused_result));

#endif
