// Processes of gates: each has a session of its own, so that it is ended with its children; what it
// prints is read all the time and kept within limits.
#include "rollout/gate_ask.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP_ERRORS (8u << 10)
#define READ_SIZE (64u << 10)
#define READ_TURN 16 // reads at once: others have their turn, and a leftover may print without end
#define KILL_AFTER 2000
#define GIVE_UP_AFTER 1000

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

// The environment of the process: ours and more, where more wins.
static char **environment(struct arena *a, const char *const *more)
{
    size_t n = 0, k = 0;
    while (environ[n])
        n++;
    while (more && more[k])
        k++;
    char **env = arena_array(a, char *, n + k + 1);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        bool ours = true;
        for (size_t j = 0; j < k; j++)
            ours = ours && strncmp(environ[i], more[j], strcspn(more[j], "=") + 1) != 0;
        if (ours)
            env[len++] = environ[i];
    }
    for (size_t j = 0; j < k; j++)
        env[len++] = arena_strdup(a, more[j]);
    return env;
}

static void __attribute__((noreturn))
run_child(const struct process *p, char **env, int out, int err, pid_t parent)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int s = 1; s < 32; s++)
        if (s != SIGKILL && s != SIGSTOP)
            sigaction(s, &dfl, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int in = open("/dev/null", O_RDONLY);
    if (getppid() != parent || in < 0)
        _exit(127);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(127);
    if (p->dir && chdir(p->dir) < 0) {
        dprintf(2, "cannot go to %s: %s\n", p->dir, strerror(errno));
        _exit(127);
    }
    execvpe(p->argv[0], (char *const *)(uintptr_t)p->argv, env);
    dprintf(2, "cannot run %s: %s\n", p->argv[0], strerror(errno));
    _exit(127);
}

static int make_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}

int gate_process_start(struct item *i, struct err *e)
{
    struct process *p = i->process;
    char **env = environment(i->q->a, p->env);
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    pid_t parent = getpid();
    bool ok = make_pipe(out) == 0 && (!p->split || make_pipe(err) == 0);
    p->pid = ok ? fork() : -1;
    if (p->pid == 0)
        run_child(p, env, out[1], p->split ? err[1] : out[1], parent);
    int why = errno;
    close_fd(&out[1]);
    close_fd(&err[1]);
    p->watch = p->pid > 0 ? pidfd_open(p->pid, 0) : -1;
    if (p->watch < 0) {
        if (p->pid > 0) {
            why = errno;
            kill(p->pid, SIGKILL);
            waitpid(p->pid, NULL, 0);
        }
        close_fd(&out[0]);
        close_fd(&err[0]);
        return err_set(e, ERR_IO, POS_NONE, "%s cannot be started: %s", p->argv[0], strerror(why));
    }
    p->out = out[0];
    p->err = err[0];
    return 0;
}

static void keep_end(struct buf *b, const char *s, size_t n, size_t keep, bool *cut)
{
    buf_add(b, s, n);
    if (b->len > 2 * keep) {
        buf_consume(b, b->len - keep);
        *cut = true;
    }
}

static void read_stream(int *fd, struct buf *into, size_t keep, bool *cut)
{
    static char data[READ_SIZE];
    for (int turn = 0; *fd >= 0 && turn < READ_TURN; turn++) {
        ssize_t n = read(*fd, data, sizeof data);
        if (n > 0)
            keep_end(into, data, (size_t)n, keep, cut);
        else if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        else
            close_fd(fd);
    }
}

static void read_both(struct process *p)
{
    bool cut = false;
    read_stream(&p->out, &p->output, p->keep, &p->cut);
    read_stream(&p->err, &p->errors, KEEP_ERRORS, &cut);
}

// Nothing more is wanted from it.
static void let_go(struct process *p)
{
    close_fd(&p->out);
    close_fd(&p->err);
    close_fd(&p->watch);
}

void gate_process_look(struct item *i, int64_t now)
{
    (void)now;
    struct process *p = i->process;
    struct pollfd ended = {.fd = p->watch, .events = POLLIN};
    // First whether it has ended, then what it printed: nothing of it is missed then. What its
    // children print later is not waited for.
    bool over = poll(&ended, 1, 0) == 1;
    read_both(p);
    if (!over)
        return;
    if (p->kill_at) // it was to end with its children; its number is still its own until waitpid
        kill(-p->pid, SIGKILL);
    waitpid(p->pid, &p->status, 0);
    let_go(p);
}

void gate_process_stop(struct item *i, int64_t now)
{
    struct process *p = i->process;
    if (p->watch < 0 || now < p->kill_at)
        return;
    if (p->killed) {
        i->error = "it could not be killed";
        let_go(p);
    } else if (p->kill_at) {
        kill(-p->pid, SIGKILL);
        p->killed = true;
        p->kill_at = now + GIVE_UP_AFTER;
    } else {
        kill(-p->pid, SIGTERM);
        p->kill_at = now + KILL_AFTER;
    }
}

void gate_process_release(struct item *i)
{
    struct process *p = i->process;
    while (i->state == ITEM_RUNNING && p->watch >= 0) {
        int64_t now = clock_mono_ms(), left = p->kill_at > now ? p->kill_at - now : 0;
        struct pollfd ended = {.fd = p->watch, .events = POLLIN};
        if (poll(&ended, 1, (int)left) == 1)
            gate_process_look(i, now);
        else
            gate_process_stop(i, clock_mono_ms());
    }
    buf_release(&p->output);
    buf_release(&p->errors);
}
