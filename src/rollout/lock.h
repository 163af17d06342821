// One controller per service: a lock that the kernel gives back when its holder dies, and that the
// runs it started inherit, so that nobody goes on while one of them still works on hosts.
#ifndef ROLLOUT_LOCK_H
#define ROLLOUT_LOCK_H

#include "core/err.h"

#include <sys/types.h>

// Takes the lock of a service in dir/locks: 1 and the descriptor (close-on-exec), or 0 when it is
// held: *ret_holder is the controller's process, 0 when that has died and a run of it is ending.
int lock_take(const char *dir, const char *service, int *ret_fd, pid_t *ret_holder, struct err *e)
    __attribute__((warn_unused_result));
// Whether a living controller holds it; its process.
pid_t lock_holder(const char *dir, const char *service);

// Name of the variable that tells a run which descriptor it holds the lock by.
#define LOCK_ENV "ANDON_LOCK_FD"
// In a run: keeps the lock to this process, away from what it starts.
void lock_inherited(void);

#endif
