// The router: owns the controller's stream and passes frames between it, processes of one task at a
// time, and one further helper per become user. A poll loop; nothing here blocks on a task.
#include "node/router.h"
#include "node/session.h"

#include "core/file.h"
#include "core/json.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define OUT_HIGH (1u << 20)    // bytes waiting for the controller above which tasks are not read
#define TASK_IN_MAX (4u << 20) // bytes waiting for one task: more than its credit ever allows
#define HELPER_IN_HIGH                                                                             \
    (4u << 20)     // bytes waiting for a helper above which the controller is not read
#define LOOK_MS 50 // between looks at what a killed task left behind
#define READ_SIZE 65536

void queue_frame(struct queue *q, enum frame_type type, uint32_t id, const char *p, size_t len)
{
    if (q->off && q->off == q->b.len) {
        buf_clear(&q->b);
        q->off = 0;
    }
    frame_put(&q->b, type, id, p, len);
}

int queue_flush(struct queue *q, int fd)
{
    while (q->off < q->b.len) {
        ssize_t n = write(fd, q->b.p + q->off, q->b.len - q->off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        q->off += (size_t)n;
    }
    buf_clear(&q->b);
    q->off = 0;
    return 0;
}

// --- results made here
// -----------------------------------------------------------------------------------------

// more: further fields of the result, as JSON with a comma behind each.
static void fail_with(struct router *r, uint32_t id, const char *msg, const char *more)
{
    struct buf b = BUF_INIT;
    buf_addf(&b, "{\"changed\": false, \"failed\": true, %s\"msg\": ", more);
    json_write_string(&b, msg, strlen(msg), false);
    buf_addc(&b, '}');
    queue_frame(&r->to, FRAME_RESULT, id, b.p, b.len);
    buf_release(&b);
}

void router_fail(struct router *r, uint32_t id, const char *msg)
{
    fail_with(r, id, msg, "");
}

static void refuse(struct router *r, uint32_t id)
{
    fail_with(r, id, fence_refusal(r->task, r->fence.run), "\"_andon_given_up\": true, ");
}

static void send_hello(struct router *r)
{
    struct passwd *pw = getpwuid(getuid());
    const char *home = getenv("HOME");
    struct arena *a = arena_new();
    struct value v = value_dict(a);
    dict_set(v.u.dict, "version", value_int(WIRE_VERSION));
    dict_set(v.u.dict, "program", value_cstr(ANDON_VERSION));
    dict_set(v.u.dict, "pid", value_int(getpid()));
    dict_set(v.u.dict, "uid", value_int(getuid()));
    dict_set(v.u.dict, "user", pw ? value_str(a, pw->pw_name) : value_strf(a, "%u", getuid()));
    dict_set(v.u.dict, "home", value_str(a, home ? home : pw ? pw->pw_dir : "/"));
    struct buf b = BUF_INIT;
    json_write(&b, &v, NULL);
    queue_frame(&r->to, FRAME_HELLO, 0, b.p, b.len);
    buf_release(&b);
    arena_free(a);
}

// --- peers
// -----------------------------------------------------------------------------------------------------

static struct peer *peer_of(struct router *r, uint32_t id)
{
    for (struct peer *p = r->peers; p; p = p->next)
        if (p->kind == PEER_TASK ? p->id == id && !p->done : helper_has(p, id))
            return p;
    return NULL;
}

static void peer_free(struct peer *p)
{
    if (p->out == p->in)
        p->out = -1;
    close_fd(&p->in);
    close_fd(&p->out);
    frame_reader_release(&p->reader);
    buf_release(&p->to.b);
    become_free(p->become);
    shared_free(p->shared, p->ended);
    free(p->module);
    free(p->ids);
    free(p);
}

// --- frames
// ----------------------------------------------------------------------------------------------------

// Passes one frame of a peer on to the controller.
static void from_peer(struct router *r, struct peer *p, const struct frame *f)
{
    if (p->kind == PEER_HELPER) {
        p->deadline = 0; // it speaks: started
        if (!helper_has(p, f->id))
            return; // its HELLO
        if (f->type == FRAME_RESULT)
            helper_drop(p, f->id);
    } else {
        if (f->id != p->id)
            return;
        if (p->done) {
            if (f->type == FRAME_HELLO)
                router_task_idle(r, p);
            return;
        }
        p->done = f->type == FRAME_RESULT;
    }
    queue_frame(&r->to, f->type, f->id, f->payload, f->len);
}

// Somebody gave the run up: all that runs ends, as if the controller were gone, but it is told.
static void give_way(struct router *r)
{
    for (struct peer *p = r->peers; p; p = p->next) {
        if (p->kind == PEER_TASK && !p->done)
            refuse(r, p->id);
        for (size_t i = 0; i < p->n_ids; i++)
            refuse(r, p->ids[i]);
    }
    (void)!queue_flush(&r->to, r->out);
    r->failed = true;
}

static void begin_task(struct router *r, struct dict *task, const struct frame *f)
{
    fence_enter(&r->fence, dict_str(task, "run", ""));
    if (fence_is_up(&r->fence)) {
        refuse(r, f->id);
        return;
    }
    struct become *want = become_of(task);
    if (want)
        helper_task(r, task, f->id, want);
    else
        router_run_task(r, r->task, task, f);
}

static void new_task(struct router *r, const struct frame *f)
{
    struct arena *a = r->task;
    struct value v;
    struct err e = ERR_INIT;
    if (peer_of(r, f->id)) {
        r->failed = true; // two tasks under one number: nothing can be told apart any more
    } else if (json_parse(a, f->payload, f->len, &v, &e) < 0) {
        router_fail(r, f->id, arena_printf(a, "the task is not JSON: %s", err_msg(&e)));
        err_release(&e);
    } else if (v.type != VALUE_DICT) {
        router_fail(r, f->id, "the task is not a JSON object");
    } else {
        begin_task(r, v.u.dict, f);
    }
    arena_reset(a);
}

static void from_controller(struct router *r, const struct frame *f)
{
    if (f->type == FRAME_BYE) {
        r->closing = true;
        return;
    }
    if (f->type == FRAME_TASK) {
        new_task(r, f);
        return;
    }
    struct peer *p = peer_of(r, f->id);
    if (!p || f->type == FRAME_HELLO || f->type == FRAME_RESULT || f->type == FRAME_OUTPUT)
        return; // the task may just have ended
    if (p->kind == PEER_TASK && f->type == FRAME_CANCEL) {
        router_kill_task(r, p, "the task was cancelled");
        return;
    }
    queue_frame(&p->to, f->type, f->id, f->payload, f->len);
    if (p->kind == PEER_TASK && queue_len(&p->to) > TASK_IN_MAX)
        router_kill_task(r, p, "the controller sent more content than the task asked for");
}

static void read_controller(struct router *r)
{
    char block[READ_SIZE];
    ssize_t n = read(r->in, block, sizeof block);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        r->failed = true;
        return;
    }
    frame_feed(&r->reader, block, (size_t)n);
    struct frame f;
    int rc = 0;
    while (!r->failed && (rc = frame_next(&r->reader, &f, NULL)) > 0)
        from_controller(r, &f);
    if (rc < 0)
        r->failed = true;
}

static void drain_frames(struct router *r, struct peer *p)
{
    struct frame f;
    int rc;
    while ((rc = frame_next(&p->reader, &f, NULL)) > 0)
        from_peer(r, p, &f);
    if (rc < 0) {
        if (p->kind == PEER_TASK)
            router_kill_task(r, p, "the task's process broke the protocol");
        else
            kill(p->pid, SIGTERM);
        p->out = p->in == p->out ? p->out : (close(p->out), -1);
    }
}

// Reads what a peer has written; false when there is nothing (more) to come now.
static bool read_peer(struct router *r, struct peer *p)
{
    char block[READ_SIZE];
    if (p->out < 0)
        return false;
    ssize_t n = read(p->out, block, sizeof block);
    if (n < 0 && errno == EINTR)
        return true;
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        if (p->out == p->in)
            p->in = -1;
        close_fd(&p->out);
        return false;
    }
    if (p->become && p->become->state != BECOME_READY) {
        helper_starting(p, block, (size_t)n, false);
        if (p->become->state != BECOME_READY)
            return p->out >= 0;
    } else {
        frame_feed(&p->reader, block, (size_t)n);
    }
    drain_frames(r, p);
    return true;
}

static void read_helper_errors(struct peer *p)
{
    char block[4096];
    ssize_t n = read(p->become->err, block, sizeof block);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0)
        close_fd(&p->become->err);
    else
        helper_starting(p, block, (size_t)n, true);
}

// --- ends
// ------------------------------------------------------------------------------------------------------

static void mark_ended(struct router *r)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (struct peer *p = r->peers; p; p = p->next)
            if (p->pid == pid && !p->ended) {
                p->ended = true;
                p->status = status;
            }
}

static void reap(struct router *r)
{
    struct signalfd_siginfo info;
    while (read(r->sigchld, &info, sizeof info) > 0)
        ;
    mark_ended(r);
    for (struct peer **at = &r->peers; *at;) {
        struct peer *p = *at;
        if (!p->ended) {
            at = &p->next;
            continue;
        }
        while (read_peer(r, p))
            ;
        if (p->become && p->become->err >= 0)
            read_helper_errors(p);
        if (p->kind == PEER_HELPER)
            helper_ended(r, p);
        else if (!p->done) {
            router_tell_end(r, p);
            if (!p->kill_at)
                kill(-p->pid, SIGKILL); // what a module that crashed has started
        }
        p->done = true;
        if (p->kind == PEER_TASK && p->kill_at) { // what it left behind gets its grace
            at = &p->next;
            continue;
        }
        *at = p->next;
        peer_free(p);
    }
}

// Does what is due; true when a process was killed for good.
static bool check_timers(struct router *r)
{
    int64_t now = clock_mono_ms();
    bool killed = false;
    for (struct peer *p = r->peers; p; p = p->next) {
        if (p->kill_at && now >= p->kill_at) {
            kill(-p->pid, SIGKILL);
            p->kill_at = 0;
            killed = true;
        }
        if (!p->deadline || now < p->deadline)
            continue;
        if (p->kind == PEER_TASK) {
            p->deadline = 0;
            router_kill_task(r, p, NULL);
        } else {
            p->deadline = now + START_TIMEOUT_MS;
            kill(p->pid, SIGKILL);
            if (p->become->pty) // its owner may be root, but the terminal is ours
                close_fd(&p->in), p->out = -1;
        }
    }
    return killed;
}

static int next_timer(const struct router *r)
{
    int64_t next = 0;
    for (const struct peer *p = r->peers; p; p = p->next) {
        if (p->kill_at && (!next || p->kill_at < next))
            next = p->kill_at;
        if (p->deadline && (!next || p->deadline < next))
            next = p->deadline;
    }
    if (!next)
        return -1;
    int64_t left = next - clock_mono_ms();
    return left > 0 ? (int)left : 0;
}

// --- the loop
// --------------------------------------------------------------------------------------------------

#define OWN_POLLED 4
// What is polled: the controller, SIGCHLD, who gives the run up, and up to three descriptors per
// peer.
struct polled {
    struct pollfd *fds;
    size_t n, cap;
};

static size_t poll_add(struct polled *s, int fd, short events)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->fds = xrealloc(s->fds, s->cap * sizeof *s->fds);
    }
    s->fds[s->n] = (struct pollfd){.fd = events ? fd : -1, .events = events};
    return s->n++;
}

static bool may_write(const struct peer *p)
{
    return p->in >= 0 && queue_len(&p->to) && (!p->become || p->become->state == BECOME_READY);
}

static void collect_polled(struct router *r, struct polled *s)
{
    bool room = queue_len(&r->to) < OUT_HIGH, listen = !r->closing;
    for (struct peer *p = r->peers; p; p = p->next)
        if (p->kind == PEER_HELPER && queue_len(&p->to) > HELPER_IN_HIGH)
            listen = false;
    s->n = 0;
    poll_add(s, r->in, listen ? POLLIN : 0);
    poll_add(s, r->out, queue_len(&r->to) ? POLLOUT : 0);
    poll_add(s, r->sigchld, POLLIN);
    poll_add(s, r->fence.fd, r->fence.fd >= 0 ? POLLIN : 0);
    for (struct peer *p = r->peers; p; p = p->next) {
        poll_add(s, p->out, p->out >= 0 && room ? POLLIN : 0);
        poll_add(s, p->in, may_write(p) ? POLLOUT : 0);
        poll_add(s, p->become ? p->become->err : -1, p->become && p->become->err >= 0 ? POLLIN : 0);
    }
}

static void serve_peers(struct router *r, const struct polled *s, struct peer *first)
{
    size_t i = OWN_POLLED;
    for (struct peer *p = first; p && i + 2 < s->n; p = p->next, i += 3) {
        if (s->fds[i].revents)
            read_peer(r, p);
        if (s->fds[i + 1].revents && may_write(p) && queue_flush(&p->to, p->in) < 0 &&
            p->in != p->out)
            close_fd(&p->in);
        if (p->become && s->fds[i + 2].revents && p->become->err >= 0)
            read_helper_errors(p);
    }
}

static bool idle(const struct router *r)
{
    for (const struct peer *p = r->peers; p; p = p->next)
        if (p->kind == PEER_TASK ? !p->done : p->n_ids > 0)
            return false;
    return queue_len(&r->to) == 0;
}

static void loop(struct router *r)
{
    struct polled s = {0};
    while (!r->failed && !(r->closing && idle(r))) {
        collect_polled(r, &s);
        if (poll(s.fds, s.n, next_timer(r)) < 0 && errno != EINTR)
            break;
        struct peer *first =
            r->peers; // new peers come in front, so the polled ones keep their order
        serve_peers(r, &s, first);
        if (s.fds[0].revents)
            read_controller(r);
        if (s.fds[1].revents && queue_flush(&r->to, r->out) < 0)
            r->failed = true;
        if (s.fds[2].revents)
            reap(r);
        if (s.fds[3].revents && fence_called(&r->fence))
            give_way(r);
        if (check_timers(r))
            reap(r);
        if (queue_len(&r->to) && queue_flush(&r->to, r->out) < 0)
            r->failed = true;
    }
    free(s.fds);
}

// Whether something of the peer runs that is to end.
static bool is_left(const struct peer *p)
{
    return p->leave ? false : !p->ended || (p->kind == PEER_TASK && kill(-p->pid, 0) == 0);
}

// Waits until all has ended, GRACE_MS at most. Of what tasks left behind nobody tells, so that is
// looked at now and then.
static bool all_ended(struct router *r)
{
    for (int64_t until = clock_mono_ms() + GRACE_MS;;) {
        struct signalfd_siginfo info;
        struct pollfd fd = {.fd = r->sigchld, .events = POLLIN};
        bool left = false;
        while (read(r->sigchld, &info, sizeof info) > 0)
            ;
        mark_ended(r);
        for (struct peer *p = r->peers; p; p = p->next)
            left |= is_left(p);
        if (!left || clock_mono_ms() >= until)
            return !left;
        poll(&fd, 1, LOOK_MS);
    }
}

// Ends what runs: tasks by SIGTERM and, if that does not do, SIGKILL; helpers of other users by the
// end of their input.
static void shut_down(struct router *r)
{
    for (struct peer *p = r->peers; p; p = p->next) {
        bool runs = p->kind == PEER_TASK && (!p->ended || p->kill_at);
        p->leave = p->kind == PEER_TASK && (!runs || (!p->ended && shared_let_finish(p->shared)));
        if (runs && !p->leave)
            kill(-p->pid, SIGTERM);
        if (p->in == p->out)
            p->out = -1;
        close_fd(&p->in);
        close_fd(&p->out);
    }
    if (!all_ended(r)) {
        for (struct peer *p = r->peers; p; p = p->next)
            if (p->kind == PEER_TASK && is_left(p))
                kill(-p->pid, SIGKILL);
        all_ended(r);
    }
    while (r->peers) {
        struct peer *p = r->peers;
        r->peers = p->next;
        peer_free(p);
    }
}

int router_serve(int in_fd, int out_fd)
{
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct router r = {.in = in_fd, .out = out_fd, .task = arena_new(), .fence = FENCE_INIT};
    r.sigchld = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    nonblock(in_fd);
    nonblock(out_fd);
    send_hello(&r);
    loop(&r);
    bool clean = r.closing && !r.failed;
    shut_down(&r);
    fence_release(&r.fence);
    frame_reader_release(&r.reader);
    buf_release(&r.to.b);
    arena_free(r.task);
    return clean ? 0 : 1;
}
