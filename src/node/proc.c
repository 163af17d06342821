// Runs programs of the host for modules: output collected (and forwarded while it comes, when
// asked), a limit on its size and on the time. Ends when the program has ended, even if something
// it left behind holds its output open.
#include "node/module.h"
#include "node/session.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_OUTPUT (64u << 20)
#define SBIN_DIRS "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"

// One running program.
struct running {
    struct module *m;
    const struct proc_opts *opts;
    struct proc *ret;
    pid_t pid;
    int in, out, err; // our ends; -1 when closed
    int sigchld;
    size_t in_off;
    int64_t deadline;
    bool ended;
};

static bool is_program(const char *path)
{
    struct stat st;
    return access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static const char *search(struct arena *a, const char *dirs, const char *name)
{
    while (dirs && *dirs) {
        size_t n = strcspn(dirs, ":");
        const char *path = arena_printf(a, "%.*s/%s", (int)n, dirs, name);
        if (n && is_program(path))
            return path;
        dirs += n + (dirs[n] == ':');
    }
    return NULL;
}

const char *proc_which(struct arena *a, const char *name)
{
    if (strchr(name, '/'))
        return is_program(name) ? arena_strdup(a, name) : NULL;
    const char *path = search(a, getenv("PATH"), name);
    return path ? path : search(a, SBIN_DIRS, name);
}

int proc_fail_missing(struct module *m, const char *name)
{
    const char *path = getenv("PATH");
    return module_fail(m, "Failed to find required executable \"%s\" in paths: %s", name,
                       path ? path : SBIN_DIRS);
}

static void apply_env(const struct proc_opts *opts)
{
    if (opts->only_env)
        clearenv();
    if (opts->clean_lang) {
        static const char *const names[] = {"LANG", "LC_ALL", "LC_MESSAGES", "LC_CTYPE"};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            setenv(names[i], "C", 1);
        unsetenv("LANGUAGE");
    }
    if (!opts->env)
        return;
    struct arena *a = arena_new();
    struct dict_entry *entry;
    DICT_EACH(opts->env, entry)
    {
        const char *key = value_to_cstr(a, &entry->key);
        if (entry->val.type == VALUE_NULL)
            unsetenv(key);
        else
            setenv(key, value_to_cstr(a, &entry->val), 1);
    }
    arena_free(a);
}

// In the new process: never returns. A failure to start is told through report_fd as an errno.
static void exec_child(const char *path, const char *const *argv, const struct proc_opts *opts,
                       const int fds[3], int report_fd)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    int bad = 0;
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            bad = errno;
    if (opts->tty) {
        setsid();
        ioctl(1, TIOCSCTTY, 0);
    }
    if (!bad && opts->cwd && chdir(opts->cwd) < 0)
        bad = errno;
    if (!bad) {
        apply_env(opts);
        char **args = (char **)(uintptr_t)argv;
        execv(path, args);
        bad = errno;
    }
    ssize_t ignored = write(report_fd, &bad, sizeof bad);
    (void)ignored;
    _exit(127);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void nonblock(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

// Pipe pairs [reading, writing] for in, out, err and the report; ours are 0w 1r 2r 3r.
static int make_pipes(int p[4][2])
{
    for (int i = 0; i < 4; i++)
        p[i][0] = p[i][1] = -1;
    for (int i = 0; i < 4; i++)
        if (pipe2(p[i], O_CLOEXEC) < 0)
            return -1;
    return 0;
}

// Puts a terminal in the place of the pipes of out and err.
static void use_terminal(int out[2], int err[2])
{
    int ours, theirs;
    if (openpty(&ours, &theirs, NULL, NULL, NULL) < 0)
        return; // a host without pseudo-terminals: the streams stay apart
    fcntl(ours, F_SETFD, FD_CLOEXEC);
    fcntl(theirs, F_SETFD, FD_CLOEXEC);
    close_fd(&out[0]);
    close_fd(&out[1]);
    close_fd(&err[1]);
    out[0] = ours;
    out[1] = theirs;
    err[1] = fcntl(theirs, F_DUPFD_CLOEXEC, 0);
}

static int start(struct running *r, const char *path, const char *const *argv, struct err *e)
{
    int p[4][2], bad = 0;
    if (make_pipes(p) < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot make a pipe: %s", strerror(errno));
    if (!r->opts->stdin_data) {
        close_fd(&p[0][0]);
        p[0][0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    if (r->opts->tty)
        use_terminal(p[1], p[2]);
    r->pid = fork();
    if (r->pid == 0)
        exec_child(path, argv, r->opts, (const int[]){p[0][0], p[1][1], p[2][1]}, p[3][1]);
    int fork_errno = errno;
    close_fd(&p[0][0]);
    close_fd(&p[1][1]);
    close_fd(&p[2][1]);
    close_fd(&p[3][1]);
    r->in = p[0][1];
    r->out = p[1][0];
    r->err = p[2][0];
    if (r->pid < 0)
        bad = fork_errno;
    else if (read(p[3][0], &bad, sizeof bad) != sizeof bad)
        bad = 0;
    close_fd(&p[3][0]);
    if (!r->opts->stdin_data)
        close_fd(&r->in);
    if (bad) {
        if (r->pid > 0)
            waitpid(r->pid, NULL, 0);
        errno = bad;
        return err_set(e, bad == ENOENT ? ERR_NOENT : ERR_IO, POS_NONE, "cannot run '%s': %s",
                       argv[0], strerror(bad));
    }
    if (r->in >= 0)
        nonblock(r->in);
    nonblock(r->out);
    nonblock(r->err);
    return 0;
}

static void forward(struct running *r, unsigned char stream, const char *data, size_t len)
{
    if (!r->opts->live || !r->m || !r->m->session || !len)
        return;
    struct buf b = BUF_INIT;
    buf_addc(&b, (char)stream);
    buf_add(&b, data, len);
    session_send(r->m->session, FRAME_OUTPUT, b.p, b.len, NULL);
    buf_release(&b);
}

// Takes what there is on one of the streams; closes it at its end.
static void take_output(struct running *r, int *fd, struct buf *into, unsigned char stream)
{
    char block[32768];
    while (*fd >= 0) {
        ssize_t n = read(*fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close_fd(fd);
            return;
        }
        buf_add(into, block, (size_t)n);
        forward(r, stream, block, (size_t)n);
    }
}

static void give_input(struct running *r)
{
    while (r->in >= 0 && r->in_off < r->opts->stdin_len) {
        ssize_t n = write(r->in, r->opts->stdin_data + r->in_off, r->opts->stdin_len - r->in_off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break;
        r->in_off += (size_t)n;
    }
    close_fd(&r->in);
}

static void check_ended(struct running *r)
{
    struct signalfd_siginfo info;
    ssize_t ignored = read(r->sigchld, &info, sizeof info);
    (void)ignored;
    int status;
    if (r->ended || waitpid(r->pid, &status, WNOHANG) != r->pid)
        return;
    r->ended = true;
    r->ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    r->ret->rc = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void supervise(struct running *r)
{
    for (;;) {
        take_output(r, &r->out, &r->ret->out, 1);
        take_output(r, &r->err, &r->ret->err, 2);
        if (r->ended)
            return;
        check_ended(r);
        if (r->ended)
            continue;
        int wait = -1;
        if (r->deadline) {
            int64_t left = r->deadline - clock_mono_ms();
            wait = left > 0 ? (int)left : 0;
        }
        struct pollfd fds[4] = {{.fd = r->sigchld, .events = POLLIN},
                                {.fd = r->out, .events = POLLIN},
                                {.fd = r->err, .events = POLLIN},
                                {.fd = r->in, .events = POLLOUT}};
        int n = poll(fds, 4, wait);
        if (n == 0 && r->deadline) {
            r->ret->timed_out = true;
            r->deadline = 0;
            kill(r->pid, SIGKILL);
        }
        if (n > 0 && fds[3].revents)
            give_input(r);
    }
}

int proc_run(struct module *m, const char *const *argv, const struct proc_opts *opts,
             struct proc *ret, struct err *e)
{
    static const struct proc_opts no_opts;
    if (!opts)
        opts = &no_opts;
    *ret = (struct proc){.rc = -1};
    struct arena *a = arena_new();
    const char *path = proc_which(a, argv[0]);
    if (!path) {
        int rc =
            err_set(e, ERR_NOENT, POS_NONE, "cannot run '%s': No such file or directory", argv[0]);
        if (strchr(argv[0], '/') && access(argv[0], F_OK) == 0)
            rc = err_set(e, ERR_IO, POS_NONE, "cannot run '%s': Permission denied", argv[0]);
        arena_free(a);
        return rc;
    }
    size_t max = opts->max_output ? opts->max_output : MAX_OUTPUT;
    buf_init(&ret->out, max);
    buf_init(&ret->err, max);
    sigset_t chld, old;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, &old);
    struct running r = {.m = m, .opts = opts, .ret = ret, .in = -1, .out = -1, .err = -1};
    r.sigchld = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    if (opts->timeout_ms)
        r.deadline = clock_mono_ms() + opts->timeout_ms;
    int rc = start(&r, path, argv, e);
    if (rc == 0)
        supervise(&r);
    close_fd(&r.in);
    close_fd(&r.out);
    close_fd(&r.err);
    close_fd(&r.sigchld);
    sigprocmask(SIG_SETMASK, &old, NULL);
    ret->truncated = ret->out.overflow || ret->err.overflow;
    arena_free(a);
    return rc;
}

int proc_shell(struct module *m, const char *command, const struct proc_opts *opts,
               struct proc *ret, struct err *e)
{
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    return proc_run(m, argv, opts, ret, e);
}

void proc_release(struct proc *p)
{
    buf_release(&p->out);
    buf_release(&p->err);
}
