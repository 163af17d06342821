// Connections to hosts: OpenSSH children or local processes that run the helper, all driven by one
// libuv loop. Nothing here is thread-safe: a fleet belongs to the thread that made it, which must
// outlive it.
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include "core/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct fleet;
struct conn;

// --- the fleet

// One helper binary. Either path or data is given; data must outlive the fleet.
struct fleet_helper {
    const char *arch; // as `uname -m` says; NULL: this machine's
    const char *path;
    const void *data;
    size_t len;
};

enum fleet_event {
    FLEET_CONNECTED, // a session is ready; text: ""
    FLEET_LOST,      // a ready session ended by itself; text: why
    FLEET_RETRY,     // connecting failed and is tried again; text: why
    FLEET_PUSHED,    // the helper was put on the host; text: its folder there
    FLEET_ALTERED,  // a cached helper on the host was not ours and has been removed; text: its path
    FLEET_FALLBACK, // the usual cache folder cannot be used; text: the folder used instead
    FLEET_STALE,    // a kept connection did not answer and was replaced; text: its control socket
};

// What a question of ssh wants.
enum ask_kind {
    ASK_LINE,   // a line anybody may see: yes, a fingerprint
    ASK_SECRET, // a line nobody may see: a passphrase, a PIN
    ASK_NOTICE, // nothing: a security key waits to be touched
};

struct fleet_opts {
    const struct fleet_helper *helpers;
    size_t n_helpers;
    int max_connecting;      // handshakes under way at once; 0: 50
    const char *control_dir; // for control sockets; NULL: $ANDON_HOME/cp, else ~/.andon/cp
    const char *askpass; // program whose main() calls fleet_askpass_main(); NULL: this executable
    // Asks the person at the terminal what ssh wants to know (a key's passphrase, an unknown host
    // key) and returns the malloc'ed answer, or NULL to refuse. It blocks the loop; no deadline
    // passes meanwhile. Without it all questions are refused.
    char *(*ask)(void *data, const struct conn *c, enum ask_kind kind, const char *prompt);
    void (*on_event)(void *data, const struct conn *c, enum fleet_event event, const char *text);
    void *data; // for ask and on_event
};

// A new fleet with its own loop, owned by the caller. Raises the soft limit of open files to the
// hard one and ignores SIGPIPE. NULL and *e when the loop cannot be made.
struct fleet *fleet_new(const struct fleet_opts *opts, struct err *e);
// The loop. Idle connections do not keep it alive: uv_run() returns once no task is outstanding.
uv_loop_t *fleet_loop(struct fleet *f);
// Ends everything: outstanding tasks are done with CONN_CANCELLED, sessions get BYE and grace_ms to
// finish, then their processes are killed. Runs the loop until every child is gone, closes it and
// frees f. NULL is accepted.
void fleet_close(struct fleet *f, int grace_ms);
// Name of an event for logs: "connected", ...
const char *fleet_event_name(enum fleet_event event);
// The part of main() that answers ssh's question when the program is started as SSH_ASKPASS
// (ANDON_ASKPASS is in the environment): prints the answer for prompt argv[1]. Returns the exit
// code.
int fleet_askpass_main(int argc, char **argv);
// True when this process was started by ssh to ask, so that main() should call
// fleet_askpass_main().
bool fleet_is_askpass(void);

// --- connections

enum conn_transport { CONN_SSH, CONN_LOCAL };

// How to reach a host, named as Ansible's options are. Zero and NULL mean "not set". Strings are
// copied.
struct conn_params {
    enum conn_transport transport;
    const char *name; // inventory name, for messages; not part of the identity
    const char *host; // address; NULL: name
    int port;
    const char *user;
    const char *private_key;
    const char *password;       // for ssh; handed over a socket, never by argv, environment or file
    const char *ssh_executable; // NULL: ssh
    const char *ssh_args;       // NULL: the defaults (ssh_args.c)
    const char *ssh_common_args;
    const char *ssh_extra_args;
    const char *control_path;     // may hold %(directory)s; NULL: a hash of the login
    const char *control_path_dir; // NULL: the fleet's
    bool no_persist;              // neither use nor leave a kept connection
    bool accept_any_host_key;     // host_key_checking = False
    bool no_tty;                  // usetty = False (conn_raw only)
    int timeout;                  // seconds to connect; 0: 10
    int retries;                  // further attempts after a failure of the network
    int alive_interval; // seconds between probes of an idle peer; 0: 5, <0: leave it to ssh's
                        // configuration
};

// The connection for these parameters; asking again with the same login gives the same one with one
// more reference. It connects at the first task, and again after a failure. ERR_INVALID when the
// parameters cannot be right.
struct conn *fleet_conn(struct fleet *f, const struct conn_params *p, struct err *e);
struct conn *conn_ref(struct conn *c);
// Gives a reference back; the last one ends the session once its tasks are done. NULL is accepted.
void conn_unref(struct conn *c);
const char *conn_name(const struct conn *c);
// The words of ssh for this connection, the host last, then NULL; they live as long as it does.
// NULL for one that is not by ssh, or with *e.
const char *const *conn_ssh_argv(struct conn *c, struct err *e);
// What the helper said of itself (dict of HELLO), NULL while not connected.
const struct value *conn_hello(const struct conn *c);
// Ends the session and the kept connection behind it; tasks in flight are UNREACHABLE, later ones
// connect anew.
void conn_reset(struct conn *c);

// --- tasks

// Content a task may ask for. One of path, data and read is set; all must stay until done is
// called.
struct conn_source {
    const char *path; // a local file, opened when the host asks
    const void *data;
    size_t len;
    // Fills buf with up to n bytes from offset off: the count, 0 at the end, <0 and *e on failure.
    long (*read)(void *ctx, uint64_t off, void *buf, size_t n, struct err *e);
    void *ctx;
};

struct conn_task {
    struct arena *arena; // where the result is made; must live until done is called
    const struct value
        *task; // the TASK message (docs/PROTOCOL.md); written out before conn_submit returns
    const struct conn_source *sources;
    size_t n_sources;
    int timeout_ms; // counted from the submission; 0: none
    // Live output of a command; stream is 1 or 2. May be NULL.
    void (*on_output)(void *data, int stream, const char *s, size_t len);
    // Content the host sends as source number n: pieces in order, then len 0 at the end; msg is set
    // instead when the host failed to read it. <0 cancels the task. May be NULL (then content is
    // refused).
    int (*on_file)(void *data, uint32_t n, const char *s, size_t len, const char *msg);
};

enum conn_status { CONN_OK, CONN_UNREACHABLE, CONN_TIMEOUT, CONN_CANCELLED };

struct conn_result {
    enum conn_status status;
    struct value value; // the RESULT message when CONN_OK
    const char *msg;    // one line why not, else ""; both live in the task's arena
};

// Hands a task to the host, connecting first where needed. done is called exactly once, from the
// loop and never from here. Returns the task's id (not 0).
uint32_t conn_submit(struct conn *c, const struct conn_task *t,
                     void (*done)(void *data, const struct conn_result *r), void *data);
// Asks the host to kill a task; done follows with CONN_CANCELLED. Takes ids of conn_raw() as well;
// unknown ones are ignored.
void conn_cancel(struct conn *c, uint32_t id);

// --- commands without the helper

struct conn_raw_opts {
    const char *command; // for the user's login shell (ssh) or /bin/sh (local)
    const char *stdin_data;
    size_t stdin_len;
    int timeout_ms;    // 0: none
    size_t max_output; // per stream; 0: 64 MiB, what is beyond is dropped
    // When a line of output ends with prompt, answer and a newline are written once (become
    // passwords); both or none.
    const char *prompt;
    const char *answer;
};

struct conn_raw_result {
    enum conn_status status;
    const char *msg; // as in conn_result; valid during done
    int rc;
    const char *out, *err; // NUL-terminated behind their lengths, valid during done
    size_t out_len, err_len;
};

// Runs a command through ssh alone (module raw). done is called exactly once, from the loop.
// Returns an id.
uint32_t conn_raw(struct conn *c, const struct conn_raw_opts *o,
                  void (*done)(void *data, const struct conn_raw_result *r), void *data);

#endif
