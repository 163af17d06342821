// Processes that run tasks, one at a time each, as the router's own user.
#include "node/router.h"
#include "node/session.h"
#include "node/worker.h"

#include "core/file.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

// Tells the controller why a task ended without a result, or will not be waited for.
void router_tell_end(struct router *r, struct peer *p)
{
    struct buf msg = BUF_INIT;
    if (p->end_reason)
        buf_adds(&msg, p->end_reason);
    else if (p->timeout_s && !p->deadline)
        buf_addf(
            &msg,
            "The %s action failed to execute in the expected time frame (%u) and was terminated",
            p->module, p->timeout_s);
    else if (WIFSIGNALED(p->status))
        buf_addf(&msg, "the module %s was ended by signal %d (%s)", p->module, WTERMSIG(p->status),
                 strsignal(WTERMSIG(p->status)));
    else
        buf_addf(&msg, "the module %s ended with code %d and without a result", p->module,
                 WEXITSTATUS(p->status));
    if (!p->ended)
        buf_adds(&msg, " (what it changes must not be left half done: that goes on to its end on "
                       "the host)");
    router_fail(r, p->id, msg.p);
    buf_release(&msg);
}

// Ends a task before its time; one that must not be left half done goes on unseen.
void router_kill_task(struct router *r, struct peer *p, const char *why)
{
    if (p->kind != PEER_TASK || p->ended || p->done)
        return;
    if (!p->end_reason)
        p->end_reason = why;
    if (shared_let_finish(p->shared)) {
        router_tell_end(r, p);
        p->done = true;
        return;
    }
    kill(-p->pid, SIGTERM);
    p->kill_at = clock_mono_ms() + GRACE_MS;
}

static _Noreturn void task_process(struct router *r, struct arena *a, const struct dict *task,
                                   struct session s)
{
    setpgid(0, 0);
    shared_die_with_router(s.shared);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (struct peer *p = r->peers; p; p = p->next) {
        close_fd(&p->in);
        close_fd(&p->out);
        if (p->become)
            close_fd(&p->become->err);
    }
    close_fd(&r->sigchld); // r->fence stays: while this process is there, the run is at work
    int null = open("/dev/null", O_RDWR);
    dup2(null, r->in);
    dup2(null, r->out);
    if (null > 2)
        close(null);
    worker_run(a, task, s);
}

static void task_begins(struct peer *p, const struct dict *task, uint32_t id)
{
    p->id = id;
    p->done = p->idle = false;
    free(p->module);
    p->module = xstrdup(dict_str(task, "module", ""));
    p->timeout_s = (uint32_t)dict_int(task, "timeout", 0);
    p->deadline = p->timeout_s ? clock_mono_ms() + (int64_t)p->timeout_s * 1000 : 0;
}

static struct peer *idle_process(const struct router *r)
{
    struct peer *p = r->peers;
    while (p && !p->idle)
        p = p->next;
    return p;
}

// A process says that it can take another task. One of them is enough.
void router_task_idle(struct router *r, struct peer *p)
{
    p->deadline = 0;
    if (p->kill_at || p->in < 0)
        return;
    if (idle_process(r) || queue_len(&p->to) || r->closing)
        close_fd(&p->in); // its end
    else
        p->idle = true;
}

// Starts a process for the task.
static void start_task(struct router *r, struct arena *a, const struct dict *task, uint32_t id)
{
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) < 0) {
        router_fail(r, id, "cannot start the task: too many open files");
        return;
    }
    if (pipe2(from, O_CLOEXEC) < 0) {
        close(to[0]);
        close(to[1]);
        router_fail(r, id, "cannot start the task: too many open files");
        return;
    }
    struct session s = {.in_fd = to[0], .out_fd = from[1], .id = id, .shared = shared_new()};
    pid_t pid = fork();
    if (pid == 0) {
        close(to[1]);
        close(from[0]);
        task_process(r, a, task, s);
    }
    close(to[0]);
    close(from[1]);
    if (pid < 0) {
        close(to[1]);
        close(from[0]);
        shared_free(s.shared, true);
        router_fail(r, id, arena_printf(a, "cannot start the task: %s", strerror(errno)));
        return;
    }
    setpgid(pid, pid);
    nonblock(to[1]);
    nonblock(from[0]);
    struct peer *p = xcalloc(1, sizeof *p);
    *p =
        (struct peer){.next = r->peers, .kind = PEER_TASK, .pid = pid, .in = to[1], .out = from[0]};
    task_begins(p, task, id);
    p->shared = s.shared;
    r->peers = p;
}

// Gives the task to a process that waits for one, or to a new one. Jobs always get a new one, which
// they go on from.
void router_run_task(struct router *r, struct arena *a, const struct dict *task,
                     const struct frame *f)
{
    struct peer *p = dict_get(task, "async") ? NULL : idle_process(r);
    if (!p) {
        start_task(r, a, task, f->id);
        return;
    }
    task_begins(p, task, f->id);
    queue_frame(&p->to, FRAME_TASK, f->id, f->payload, f->len);
    if (queue_flush(&p->to, p->in) < 0)
        close_fd(&p->in); // it has died, which will be told
}
