// What the files of this room share: the fleet, a connection and its tasks.
#ifndef FLEET_INTERNAL_H
#define FLEET_INTERNAL_H

#include "core/arena.h"
#include "core/buf.h"
#include "fleet/boot.h"
#include "fleet/child.h"
#include "fleet/fleet.h"
#include "fleet/ssh_args.h"
#include "fleet/ssh_error.h"
#include "wire/frame.h"

#define STDERR_KEPT (8u << 10) // of a session, for its error message

// --- helper binaries (helper.c)

struct helper {
    struct fleet_helper given;
    const char *arch;
    const char *data;
    size_t len;
    const char *gz; // packed by gzip, or NULL
    size_t gz_len;
    bool mapped;
    int fd; // to execute it here, -1 until needed
    char sha256[65], blake2[65];
};

struct helpers {
    struct helper *v;
    size_t n;
    bool ready;          // binaries loaded
    const char *command; // remote command, the same for all hosts; NULL before helpers_name
    const char *script;  // its second part
};

// Loads the binaries, once. ERR_NOENT, ERR_IO or ERR_INVALID.
int helpers_load(struct fleet *f, struct err *e);
// The same for other hosts: names the binaries by their digests and writes the scripts.
int helpers_name(struct fleet *f, struct err *e);
const struct helper *helpers_find(const struct fleet *f, const char *arch);
// A descriptor from which the helper of this machine can be executed, owned by the fleet; <0 on
// failure.
int helpers_local_fd(struct fleet *f, struct err *e);
void helpers_release(struct fleet *f);

// --- the fleet (fleet.c)

struct askpass;

struct fleet {
    uv_loop_t loop;
    struct arena *arena;
    struct fleet_opts opts;
    struct helpers helpers;
    struct children children;
    uv_prepare_t prepare; // runs what callbacks have put off, and writes
    uv_async_t hold;      // keeps the loop alive while work is outstanding
    uv_timer_t tick;      // task deadlines and ends of sessions, armed for the earliest
    uint64_t tick_at;
    size_t busy;
    struct conn **conns;
    size_t n_conns, cap_conns;
    struct dict *by_login;               // login key to index in conns
    struct conn *dirty;                  // connections to look at before the loop sleeps
    struct conn *waiting, **waiting_end; // for a place among those connecting
    int connecting;
    struct raw *raws, **raws_end;
    uint32_t next_raw;
    bool new_raws;           // since they were last started
    const char *control_dir; // checked and ready, NULL: none to be had
    bool control_dir_known;
    struct askpass *askpass;
    bool closing;
};

// The folder for control sockets, made when needed: wanted if that is set and usable, else the
// fleet's. NULL when there is none.
const char *fleet_control_dir(struct fleet *f, const char *wanted);
// Work outstanding: while any is, the loop stays alive.
void fleet_busy(struct fleet *f);
void fleet_idle(struct fleet *f);
// Makes sure deadlines are looked at no later than at (uv_now() milliseconds).
void fleet_wake_at(struct fleet *f, uint64_t at);
void fleet_emit(struct conn *c, enum fleet_event event, const char *text);
// The loop stood still for ms milliseconds: puts off all deadlines by as much.
void fleet_stood_still(struct fleet *f, uint64_t ms);

// --- connections (conn.c)

enum conn_state {
    CONN_IDLE,
    CONN_WAITING,  // for a place among those connecting
    CONN_PAUSED,   // before another attempt
    CONN_BOOTING,  // ssh runs, the script answers
    CONN_STARTING, // the helper runs, HELLO has not come
    CONN_READY,
    CONN_ENDING,    // BYE is written
    CONN_RESETTING, // ssh -O exit runs
};

struct task;

struct conn {
    struct fleet *f;
    struct arena *arena; // parameters
    struct conn_params p;
    struct ssh_line line;
    bool line_known;
    int refs;
    enum conn_state state;
    uint64_t deadline; // of the state, 0: none
    int attempt;
    bool fresh;     // do not use the kept connection (again)
    bool mux_tried; // this attempt may run over a kept connection
    bool want_reset, dirty, slot;
    struct conn *next_dirty, *next_waiting;
    struct child *child;
    struct boot_reader boot;
    int pushes;
    const char *push; // of a helper's binary, left to send
    size_t push_left;
    const char *script; // left to send
    struct frame_reader reader;
    struct buf err; // the session's stderr, its end
    struct arena *hello_arena;
    struct value hello;
    struct task *tasks, **tasks_end;
    uint32_t next_id;
    uint64_t token;      // names this connection to askpass
    bool password_given; // to this attempt
    bool held_up;        // a question to the person stood in the way of this attempt
    char *unasked;       // what this attempt's ssh asked and nobody was there to answer
    unsigned answered;   // number of the passphrase this attempt got last
};

// Puts the connection on the list of those looked at before the loop sleeps.
void conn_dirty(struct conn *c);
// Does what was put off: connects, sends tasks, resets, ends.
void conn_step(struct conn *c);
// Looks at deadlines; returns the next one or UINT64_MAX.
uint64_t conn_tick(struct conn *c, uint64_t now);
// Begins to end the session, for fleet_close.
void conn_close(struct conn *c);
void conn_free(struct conn *c);
// Enters a state that may last ms milliseconds (0: for ever).
void conn_set_state(struct conn *c, enum conn_state state, uint64_t ms);
// Gives back the place among those connecting, if it has one.
void conn_give_slot(struct conn *c);
// Ends the attempt or session with a message; retry: another attempt may help.
void conn_fail(struct conn *c, bool retry, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// on_exit of the session's process.
void conn_session_exit(void *data, int status);
// How a session's process is read and written (session.c).
extern const struct child_ops session_ops;
// ssh's command line for this connection.
int conn_line(struct conn *c, struct err *e);
// Milliseconds to wait after that many failed attempts.
uint64_t retry_pause_ms(int attempt);
// The environment for its ssh, in a.
char **conn_env(struct conn *c, struct arena *a);

// --- tasks (task.c)

// Writes tasks that wait for the session.
void tasks_send(struct conn *c);
// Handles one frame of a session; <0 and *e when it breaks the protocol.
int tasks_frame(struct conn *c, const struct frame *fr, struct err *e);
// Adds DATA frames to out while there is credit; false when there is nothing to send.
bool tasks_fill(struct conn *c, struct buf *out);
// Ends all tasks (only those already sent, when sent_only) with status and msg.
void tasks_fail(struct conn *c, bool sent_only, enum conn_status status, const char *msg);
uint64_t tasks_tick(struct conn *c, uint64_t now);
// Puts off all deadlines.
void tasks_put_off(struct conn *c, uint64_t ms);
// Sets *id to the first id behind it of a task that was sent; false at the end.
bool tasks_next_sent(const struct conn *c, uint32_t *id);

// --- raw commands (raw.c)

// Ids of raw commands have this bit, ids of tasks do not: conn_cancel() takes both.
#define RAW_ID (1u << 31)

// Kills the raw command of that id.
void raw_cancel(struct fleet *f, uint32_t id);
// Starts those whose time has come, while there are places.
void raws_start(struct fleet *f);
uint64_t raws_tick(struct fleet *f, uint64_t now);
// Puts off all deadlines.
void raws_put_off(struct fleet *f, uint64_t ms);
void raws_cancel_all(struct fleet *f);

// --- questions of ssh (askpass.c)

// Opens the socket on which askpass programs ask. NULL and *e on failure.
struct askpass *askpass_new(struct fleet *f, struct err *e);
void askpass_free(struct askpass *a);
// Forgets what was asked and answered, before another attempt.
void askpass_restart(struct conn *c);
#endif
