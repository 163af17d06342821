// The command line of ssh, built as Ansible's ssh plugin builds it.
#ifndef FLEET_SSH_ARGS_H
#define FLEET_SSH_ARGS_H

#include "core/arena.h"
#include "core/err.h"
#include "fleet/fleet.h"

#define SSH_ARGS_DEFAULT "-o ControlMaster=auto -o ControlPersist=60s"
#define SSH_TIMEOUT_DEFAULT 10
#define SSH_ALIVE_DEFAULT 5
#define SSH_ALIVE_COUNT 3
#define SSH_ARGS_MAX 512 // words

// A list of words that ends with NULL.
struct argv {
    const char **v;
    size_t n;
};

// The words of a command line as Python's shlex.split() finds them. ERR_PARSE for an open quote.
int ssh_split_args(struct arena *a, const char *s, struct argv *ret, struct err *e);

struct ssh_line {
    struct argv argv;         // program, options, host; the caller's command follows
    bool keeps;               // the arguments ask for kept connections
    const char *control_path; // the socket of the kept connection, NULL when there is none or it is
                              // not ours to know
};

// Builds ssh's argv up to the host, in a. dir is the folder for control sockets (NULL: no kept
// connections unless the parameters name a control path). tty adds -tt.
int ssh_line(struct arena *a, const struct conn_params *p, const char *dir, bool tty,
             struct ssh_line *ret, struct err *e);
// argv for `ssh -O op` on the same kept connection.
struct argv ssh_control_argv(struct arena *a, const struct ssh_line *l, const char *op);

// path with a leading ~ expanded; NULL stays.
const char *ssh_expand_home(struct arena *a, const char *path);

#endif
