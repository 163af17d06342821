// Becoming another user: one further helper per user, started through sudo, su or doas and kept for
// later tasks.
#ifndef NODE_BECOME_H
#define NODE_BECOME_H

#include "core/buf.h"
#include "core/value.h"

#include <stdbool.h>
#include <sys/types.h>

enum become_state {
    BECOME_STARTING, // waiting for the prompt or for the other side to speak
    BECOME_SENDING,  // the other user has no copy of the helper: it goes first
    BECOME_READY,    // frames flow
    BECOME_FAILED,
};

struct become {
    char *key; // what makes two become requests the same helper
    char *method, *user, *password;
    bool pty;
    enum become_state state;
    pid_t pid;
    int in, out, err; // ours; in == out for a pty, err -1 there
    struct buf text;  // what came on out before the helper spoke
    struct buf errors;
    bool password_sent, password_refused;
};

// Reads the task's "become"; NULL when there is none or it asks for the user we are. Owned by the
// caller.
struct become *become_of(const struct dict *task);
void become_free(struct become *b);
// Starts the other helper. <0 with a message for the task's result when it cannot be.
int become_start(struct become *b, const struct dict *task, struct err *e);
// Takes bytes the method or the starting helper wrote (is_err: on its stderr). When the state
// becomes READY or SENDING, text holds what already belongs to the frames.
void become_feed(struct become *b, const char *data, size_t len, bool is_err);
// The result of a task for whose helper the program was not even started.
struct value become_unstarted(struct arena *a, const struct err *e);
// The result of a task whose helper could not be started; status is how the method ended, as wait()
// tells it.
struct value become_failure(struct arena *a, const struct become *b, int status);

#endif
