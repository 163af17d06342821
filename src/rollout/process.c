#include "rollout/process.h"

#include "core/file.h"
#include "rollout/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)16 << 20) // results of commands hold 4 MiB a stream
#define ERRORS_MAX ((size_t)16 << 10)
#define TICK_MS 100
#define KILL_MS 15000

struct process {
    const struct process_opts *o;
    pid_t pid;
    int out, err; // read ends, -1: at their end
    int ended;    // readable when the child has ended, -1: the kernel does not tell
    struct buf line, *errors;
    bool skip;      // the rest of a line that is too long
    int64_t ending; // when it was told to end, 0: not yet
    bool killed;
};

// --- in the child
// ---------------------------------------------------------------------------------------------

static void exec_child(const struct process_opts *o, pid_t parent, int out, int err)
{
    char number[16];
    int null = open("/dev/null", O_RDWR);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    setpgid(0, 0); // Ctrl-C is the controller's
    // Told to end when the controller dies; which it may have done already.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
        (o->dir && chdir(o->dir) < 0))
        _exit(127);
    for (size_t i = 0; o->env && o->env[i]; i++)
        putenv((char *)(uintptr_t)o->env[i]);
    if (o->keep_fd >= 0) {
        snprintf(number, sizeof number, "%d", o->keep_fd);
        setenv(LOCK_ENV, number, 1);
        fcntl(o->keep_fd, F_SETFD, 0);
    }
    execv(o->argv[0], (char *const *)(uintptr_t)o->argv);
    _exit(127);
}

static int start(struct process *p, struct err *e)
{
    int out[2], err[2];
    pid_t parent = getpid();
    if (pipe2(out, O_CLOEXEC) < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot start a run: %s", strerror(errno));
    if (pipe2(err, O_CLOEXEC) < 0) {
        close(out[0]);
        close(out[1]);
        return err_set(e, ERR_IO, POS_NONE, "cannot start a run: %s", strerror(errno));
    }
    p->pid = fork();
    if (p->pid == 0)
        exec_child(p->o, parent, out[1], err[1]);
    int why = errno;
    close(out[1]);
    close(err[1]);
    p->out = out[0];
    p->err = err[0];
    p->ended = p->pid > 0 ? pidfd_open(p->pid, 0) : -1;
    if (p->pid > 0)
        return 0;
    close(out[0]);
    close(err[0]);
    return err_set(e, ERR_IO, POS_NONE, "cannot start a run: %s", strerror(why));
}

// --- what it says
// ---------------------------------------------------------------------------------------------

static void take_lines(struct process *p, const char *s, size_t n)
{
    while (n) {
        const char *end = memchr(s, '\n', n);
        size_t len = end ? (size_t)(end - s) : n;
        if (!p->skip)
            buf_add(&p->line, s, len);
        p->skip = p->skip || p->line.overflow;
        if (end) {
            if (!p->skip && p->o->line)
                p->o->line(p->o->data, buf_str(&p->line), p->line.len);
            buf_clear(&p->line);
            p->line.overflow = p->skip = false;
        }
        s += len + (end ? 1 : 0);
        n -= len + (end ? 1 : 0);
    }
}

static void take_errors(struct process *p, const char *s, size_t n)
{
    buf_add(p->errors, s, n);
    if (p->errors->len > ERRORS_MAX)
        buf_consume(p->errors, p->errors->len - ERRORS_MAX);
}

// Reads what is there; closes at the end.
static void read_some(struct process *p, int *fd)
{
    char block[16384];
    ssize_t n = read(*fd, block, sizeof block);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        close(*fd);
        *fd = -1;
    } else if (fd == &p->out) {
        take_lines(p, block, (size_t)n);
    } else {
        take_errors(p, block, (size_t)n);
    }
}

static bool read_ready(struct process *p, int timeout)
{
    struct pollfd fds[3] = {{.fd = p->out, .events = POLLIN},
                            {.fd = p->err, .events = POLLIN},
                            {.fd = p->ended, .events = POLLIN}};
    if (poll(fds, 3, timeout) <= 0)
        return false;
    if (fds[0].revents)
        read_some(p, &p->out);
    if (fds[1].revents)
        read_some(p, &p->err);
    return true;
}

// --- its end
// ----------------------------------------------------------------------------------------------

static void end_when_told(struct process *p)
{
    int64_t now = clock_mono_ms();
    if (!p->ending) {
        int sig = p->o->tick ? p->o->tick(p->o->data) : 0;
        if (!sig)
            return;
        kill(p->pid, sig);
        p->ending = now;
    } else if (!p->killed && now - p->ending > KILL_MS) {
        kill(-p->pid, SIGKILL);
        kill(p->pid, SIGKILL);
        p->killed = true;
    }
}

int process_run(const struct process_opts *o, int *ret_status, struct buf *ret_errors,
                struct err *e)
{
    struct process p = {.o = o, .errors = ret_errors};
    int status = 0, rc = start(&p, e);
    if (rc < 0)
        return rc;
    buf_init(&p.line, LINE_MAX_BYTES);
    for (;;) {
        // when both ends are closed poll waits for the child's end alone
        read_ready(&p, TICK_MS);
        pid_t got = waitpid(p.pid, &status, WNOHANG);
        if (got == p.pid || (got < 0 && errno != EINTR))
            break;
        end_when_told(&p);
    }
    if (p.ended >= 0)
        close(p.ended);
    p.ended = -1;
    // What it started may hold the pipes for long: only what is there now counts.
    while ((p.out >= 0 || p.err >= 0) && read_ready(&p, 0))
        ;
    if (p.out >= 0)
        close(p.out);
    if (p.err >= 0)
        close(p.err);
    buf_release(&p.line);
    *ret_status = status;
    return 0;
}
