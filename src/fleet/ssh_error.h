// What ssh says when it fails, as one clear line.
#ifndef FLEET_SSH_ERROR_H
#define FLEET_SSH_ERROR_H

#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum ssh_reason {
    SSH_OTHER,
    SSH_NETWORK,   // refused, no route, timed out, closed: may pass, worth a retry
    SSH_NAME,      // the name cannot be resolved
    SSH_AUTH,      // no accepted key or password
    SSH_HOST_KEY,  // unknown or changed
    SSH_USAGE,     // bad option or configuration
    SSH_NO_SHELL,  // connected, but the account runs no commands
    SSH_STALE_MUX, // the kept connection is of no use
};

struct ssh_failure {
    enum ssh_reason reason;
    const char *msg; // "Failed to connect to the host via ssh: ...", in the arena
    bool retry;      // another attempt may help
};

// How an ssh ended.
struct ssh_end {
    const char *err; // its stderr
    size_t err_len;
    const char *out; // what the host printed instead of starting the helper
    size_t out_len;
    int rc;              // exit code; <0: it was killed or never ended
    bool password;       // one was given
    bool lost;           // the session had been ready
    bool local;          // no ssh was involved
    const char *key;     // the private key file it was told to use, or NULL
    const char *unasked; // a question of its that nobody was there to answer, or NULL
};

// Judges the end of an ssh; the message is made in a.
struct ssh_failure ssh_failure(struct arena *a, const struct ssh_end *end);

#endif
