// What a task's process shares with the router that started it: what to remove when the process is
// killed, and whether it may be killed at this moment.
#ifndef NODE_SHARED_H
#define NODE_SHARED_H

#include <stdbool.h>

struct shared;

// --- the router's side

// Before the fork. NULL when there is no memory; all calls accept that.
struct shared *shared_new(void);
// Frees s; ended: the process is gone, what it left of its temporary files and folders is removed.
void shared_free(struct shared *s, bool ended);
// Whether the task is at something that must not be left half done. Asks it to
// end itself behind that.
bool shared_let_finish(struct shared *s);

// --- the task's side, in its process

// A path to remove when the process is killed; drop: it is gone or nobody else's business any more.
void shared_add(struct shared *s, const char *path);
void shared_drop(struct shared *s, const char *path);
// Ends this process with its children should the router die.
void shared_die_with_router(struct shared *s);
// Begin and end of what must not be left half done; these nest. The end does not come back when the
// task was to be stopped meanwhile: remove() is called with data, and the process ends.
void shared_hold(struct shared *s);
void shared_release(struct shared *s, void (*remove)(void *data), void *data);

#endif
