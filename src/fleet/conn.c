// One connection: its states, the start of its ssh or local helper, failures and retries, reset and
// end.
#include "fleet/internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT_ANSWER_MS 4000 // a kept connection that says nothing for so long is taken for dead
#define SLACK_MS 30000      // for logging in, beyond three times the timeout
#define HELLO_MS 20000
#define END_MS 5000 // for a session to finish after BYE
#define RESET_MS 3000
#define PAUSE_MAX_MS 30000

static void conn_start(struct conn *c);
static void session_failed(struct conn *c, const struct ssh_failure *why);

// --- state

void conn_dirty(struct conn *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    c->next_dirty = c->f->dirty;
    c->f->dirty = c;
}

void conn_set_state(struct conn *c, enum conn_state state, uint64_t ms)
{
    c->state = state;
    c->deadline = ms ? uv_now(&c->f->loop) + ms : 0;
    if (ms)
        fleet_wake_at(c->f, c->deadline);
}

static uint64_t connect_ms(const struct conn *c)
{
    int s = c->p.timeout > 0 ? c->p.timeout : SSH_TIMEOUT_DEFAULT;
    return (uint64_t)s * 3000 + SLACK_MS;
}

void conn_give_slot(struct conn *c)
{
    if (c->slot)
        c->f->connecting--;
    c->slot = false;
}

const char *conn_name(const struct conn *c)
{
    return c->p.name ? c->p.name : c->p.host ? c->p.host : "localhost";
}

const struct value *conn_hello(const struct conn *c)
{
    return c->state == CONN_READY ? &c->hello : NULL;
}

// --- the end of a session

// Forgets the process and what was read from it. The process itself goes on to its end.
static void drop_child(struct conn *c)
{
    if (c->child)
        child_abandon(c->child);
    c->child = NULL;
    boot_reader_release(&c->boot);
    frame_reader_release(&c->reader);
    buf_release(&c->err);
    arena_free(c->hello_arena);
    c->hello_arena = NULL;
    conn_give_slot(c);
}

static void kill_child(struct conn *c, int signum)
{
    if (c->child)
        child_kill(c->child, signum);
}

// What is known of why the session ended. rc <0: it has not ended by itself.
static struct ssh_failure why_ended(struct conn *c, struct arena *a, int rc)
{
    struct ssh_end end = {
        .err = buf_str(&c->err),
        .err_len = c->err.len,
        .out = buf_str(&c->boot.noise),
        .out_len = c->boot.noise.len,
        .rc = rc,
        .password = c->p.password != NULL,
        .lost = c->state == CONN_READY,
        .local = c->p.transport == CONN_LOCAL,
        .key = ssh_expand_home(a, c->p.private_key),
        .unasked = c->unasked,
    };
    if (end.local && rc == 255)
        end.rc = 254; // not ssh's code
    return ssh_failure(a, &end);
}

// Ends the attempt or session with a message of our own.
void conn_fail(struct conn *c, bool retry, const char *fmt, ...)
{
    struct arena *a = arena_new();
    va_list ap;
    va_start(ap, fmt);
    struct ssh_failure f = {.msg = arena_vprintf(a, fmt, ap), .retry = retry};
    va_end(ap);
    kill_child(c, SIGTERM);
    session_failed(c, &f);
    arena_free(a);
}

uint64_t retry_pause_ms(int attempt)
{
    uint64_t s = attempt < 6 ? (1u << attempt) - 1 : PAUSE_MAX_MS / 1000;
    return s * 1000 + 1;
}

// The session or the attempt at one is over: tries again or reports to the tasks.
static void session_failed(struct conn *c, const struct ssh_failure *why)
{
    bool was_ready = c->state == CONN_READY, was_ending = c->state == CONN_ENDING;
    bool try_fresh = c->mux_tried && !c->fresh && !was_ready && why->reason == SSH_STALE_MUX;
    drop_child(c);
    conn_set_state(c, CONN_IDLE, 0);
    conn_dirty(c);
    if (try_fresh && c->tasks) {
        c->fresh = true;
        if (c->line.control_path)
            unlink(c->line.control_path);
        fleet_emit(c, FLEET_STALE, c->line.control_path ? c->line.control_path : "");
        return;
    }
    c->fresh = false;
    if (was_ending)
        return;
    if (was_ready) {
        fleet_emit(c, FLEET_LOST, why->msg);
        tasks_fail(c, true, CONN_UNREACHABLE, why->msg);
        return;
    }
    if (why->retry && c->held_up && c->tasks) { // waited for a person, not for us
        fleet_emit(c, FLEET_RETRY, why->msg);
        return;
    }
    if (why->retry && c->attempt < c->p.retries && c->tasks) {
        conn_set_state(c, CONN_PAUSED, retry_pause_ms(c->attempt++));
        fleet_emit(c, FLEET_RETRY, why->msg);
        return;
    }
    c->attempt = 0;
    tasks_fail(c, false, CONN_UNREACHABLE, why->msg);
}

void conn_session_exit(void *data, int status)
{
    struct conn *c = data;
    c->child = NULL;
    if (c->state == CONN_ENDING) {
        drop_child(c);
        conn_set_state(c, CONN_IDLE, 0);
        conn_dirty(c);
        return;
    }
    int rc = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    struct arena *a = arena_new();
    struct ssh_failure f = why_ended(c, a, rc);
    session_failed(c, &f);
    arena_free(a);
}

// --- starting

int conn_line(struct conn *c, struct err *e)
{
    if (c->line_known)
        return 0;
    int rc = ssh_line(c->arena, &c->p, fleet_control_dir(c->f, c->p.control_path_dir), false,
                      &c->line, e);
    c->line_known = rc == 0;
    return rc;
}

const char *const *conn_ssh_argv(struct conn *c, struct err *e)
{
    return c->p.transport == CONN_SSH && conn_line(c, e) == 0 ? c->line.argv.v : NULL;
}

// argv of the session's ssh, in a.
static const char **session_argv(struct conn *c, struct arena *a)
{
    const char **v = arena_array(a, const char *, c->line.argv.n + 4);
    size_t n = 0, i = 0;
    v[n++] = c->line.argv.v[i++];
    if (c->fresh && !c->line.control_path) { // kept where we cannot see: go around it
        v[n++] = "-o";
        v[n++] = "ControlPath=none";
    }
    while (i < c->line.argv.n)
        v[n++] = c->line.argv.v[i++];
    v[n++] = c->f->helpers.command;
    v[n] = NULL;
    return v;
}

static int spawn_ssh(struct conn *c, struct err *e)
{
    int rc = conn_line(c, e);
    if (rc)
        return rc;
    struct arena *a = arena_new();
    struct child_opts o = {.argv = session_argv(c, a), .env = conn_env(c, a)};
    c->mux_tried = c->line.control_path ? access(c->line.control_path, F_OK) == 0 : c->line.keeps;
    c->child = child_spawn(&c->f->children, &o, &session_ops, c, e);
    arena_free(a);
    if (!c->child)
        return e->code;
    conn_set_state(c, CONN_BOOTING,
                   c->mux_tried && c->line.control_path && !c->fresh ? KEPT_ANSWER_MS
                                                                     : connect_ms(c));
    return 0;
}

static int spawn_local(struct conn *c, struct err *e)
{
    static const char *const argv[] = {"andon-node", "serve", NULL};
    int fd = helpers_local_fd(c->f, e);
    if (fd < 0)
        return fd;
    struct child_opts o = {.argv = argv, .exec_fd = fd};
    c->child = child_spawn(&c->f->children, &o, &session_ops, c, e);
    if (!c->child)
        return e->code;
    conn_set_state(c, CONN_STARTING, HELLO_MS);
    return 0;
}

// Starts ssh or the local helper; the connection has its place among those connecting.
static void conn_start(struct conn *c)
{
    struct err e = ERR_INIT;
    c->slot = true;
    c->f->connecting++;
    boot_reader_init(&c->boot);
    c->pushes = 0;
    askpass_restart(c);
    c->push = NULL;
    c->script = NULL;
    bool local = c->p.transport == CONN_LOCAL;
    int rc = local ? helpers_load(c->f, &e) : helpers_name(c->f, &e);
    if (rc == 0)
        rc = local ? spawn_local(c, &e) : spawn_ssh(c, &e);
    if (rc)
        conn_fail(c, false, "Failed to connect to the host: %s", err_msg(&e));
    err_release(&e);
}

static void conn_connect(struct conn *c)
{
    struct fleet *f = c->f;
    if (f->connecting < f->opts.max_connecting) {
        conn_start(c);
        return;
    }
    conn_set_state(c, CONN_WAITING, 0);
    c->next_waiting = NULL;
    *f->waiting_end = c;
    f->waiting_end = &c->next_waiting;
}

// --- ending

static void say_bye(struct conn *c)
{
    frame_put(child_out(c->child), FRAME_BYE, 0, "", 0);
    child_end(c->child);
    conn_set_state(c, CONN_ENDING, END_MS);
}

static void on_reset_exit(void *data, int status)
{
    struct conn *c = data;
    (void)status;
    drop_child(c);
    conn_set_state(c, CONN_IDLE, 0);
    conn_dirty(c);
    fleet_idle(c->f);
}

static void on_reset_out(void *data, const char *s, size_t len)
{
    (void)data;
    (void)s;
    (void)len;
}

static const struct child_ops reset_ops = {on_reset_out, NULL, NULL, on_reset_exit};

// Ends the kept connection behind the session.
static void end_master(struct conn *c)
{
    struct err e = ERR_INIT;
    if (c->p.transport != CONN_SSH || conn_line(c, &e) || !c->line.keeps) {
        err_release(&e);
        return;
    }
    struct arena *a = arena_new();
    struct argv v = ssh_control_argv(a, &c->line, "exit");
    struct child_opts o = {.argv = v.v};
    c->child = child_spawn(&c->f->children, &o, &reset_ops, c, &e);
    if (c->child) {
        conn_set_state(c, CONN_RESETTING, RESET_MS);
        fleet_busy(c->f);
    }
    err_release(&e);
    arena_free(a);
}

static void do_reset(struct conn *c)
{
    if (c->state == CONN_WAITING || c->state == CONN_PAUSED || c->state == CONN_RESETTING) {
        c->want_reset = false; // nothing is open yet, or being closed already
        return;
    }
    if (c->state == CONN_ENDING)
        return; // when that is over
    c->want_reset = false;
    tasks_fail(c, true, CONN_UNREACHABLE, "the connection was reset");
    if (c->state == CONN_READY) {
        c->want_reset = true;
        say_bye(c);
        return;
    }
    kill_child(c, SIGTERM);
    drop_child(c);
    conn_set_state(c, CONN_IDLE, 0);
    end_master(c);
}

void conn_reset(struct conn *c)
{
    c->want_reset = true;
    conn_dirty(c);
}

void conn_step(struct conn *c)
{
    if (c->want_reset)
        do_reset(c);
    if (c->f->closing) {
        tasks_fail(c, false, CONN_CANCELLED, "the run has ended");
        return;
    }
    if (c->state == CONN_IDLE && c->tasks) {
        conn_connect(c);
    } else if (c->state == CONN_READY) {
        tasks_send(c);
        if (c->refs == 0 && !c->tasks)
            say_bye(c);
    }
    if (c->child && c->state != CONN_RESETTING)
        child_flush(c->child);
}

void conn_close(struct conn *c)
{
    c->want_reset = false;
    if (c->state == CONN_READY) {
        for (uint32_t id = 0; tasks_next_sent(c, &id);)
            frame_put(child_out(c->child), FRAME_CANCEL, id, "", 0);
        say_bye(c);
    } else if (c->state != CONN_ENDING && c->state != CONN_RESETTING) {
        kill_child(c, SIGTERM);
        drop_child(c);
        conn_set_state(c, CONN_IDLE, 0);
    }
    tasks_fail(c, false, CONN_CANCELLED, "the run has ended");
}

void conn_free(struct conn *c)
{
    if (c->state == CONN_RESETTING)
        fleet_idle(c->f);
    drop_child(c);
    askpass_restart(c);
    arena_free(c->arena);
    free(c);
}

// --- deadlines

static void state_expired(struct conn *c)
{
    struct arena *a;
    struct ssh_failure f;
    switch (c->state) {
    case CONN_PAUSED:
        conn_set_state(c, CONN_IDLE, 0);
        conn_dirty(c);
        break;
    case CONN_BOOTING:
        if (c->mux_tried && !c->fresh && c->line.control_path && !c->script && !c->pushes) {
            kill_child(c, SIGKILL);
            session_failed(
                c, &(struct ssh_failure){.reason = SSH_STALE_MUX, .retry = true, .msg = ""});
            break;
        }
        if (c->err.len || c->boot.noise.len) {
            a = arena_new();
            kill_child(c, SIGTERM);
            f = why_ended(c, a, -1);
            session_failed(c, &f);
            arena_free(a);
            break;
        }
        conn_fail(c, true,
                  "Failed to connect to the host via ssh: the host did not start a shell in time "
                  "(it hangs, or the "
                  "account may only use sftp)");
        break;
    case CONN_STARTING:
        conn_fail(c, false, "The helper was started on the host but does not answer");
        break;
    case CONN_READY:
        conn_fail(c, false, "Lost the connection to the host: the session has ended");
        break;
    case CONN_ENDING:
    case CONN_RESETTING:
        kill_child(c, SIGKILL);
        c->deadline = 0;
        break;
    case CONN_IDLE:
    case CONN_WAITING:
        break;
    }
}

uint64_t conn_tick(struct conn *c, uint64_t now)
{
    if (c->deadline && c->deadline <= now) {
        c->deadline = 0;
        state_expired(c);
    }
    uint64_t next = tasks_tick(c, now);
    return c->deadline && c->deadline < next ? c->deadline : next;
}
