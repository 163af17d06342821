// Runs programs of the host for modules: output collected (and forwarded while it comes, when
// asked), a limit on its size and on the time. Ends when the program has ended, even if something
// it left behind holds its output open.
#include "node/module.h"
#include "node/proc_cut.h"
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
#define READ_TURN (1u << 20) // taken at once: what a program left behind may print without end
#define SBIN_DIRS "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"

// One of its streams.
struct stream {
    int fd; // our end; -1 when closed
    unsigned char number;
    struct buf *into;
    struct buf tail; // what did not fit, its end
    uint64_t total;
};

// One running program.
struct running {
    struct module *m;
    const struct proc_opts *opts;
    struct proc *ret;
    pid_t pid;
    int in; // our end; -1 when closed
    struct stream out, err;
    int sigchld;
    size_t in_off;
    int64_t deadline;
    bool ended;
    size_t tail; // kept of what does not fit
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

// --- the environment of a program

// Where name=... stands in env, or its end.
static size_t env_find(char **env, const char *name)
{
    size_t i = 0, n = strlen(name);
    while (env[i] && !(strncmp(env[i], name, n) == 0 && env[i][n] == '='))
        i++;
    return i;
}

// Sets a variable, or removes it (NULL value). There is room for one more.
static void env_set(struct arena *a, char **env, const char *name, const char *value)
{
    size_t i = env_find(env, name);
    if (!*name || strchr(name, '='))
        return;
    if (value) {
        if (!env[i])
            env[i + 1] = NULL;
        env[i] = arena_printf(a, "%s=%s", name, value);
    } else {
        for (; env[i]; i++)
            env[i] = env[i + 1];
    }
}

static char **make_env(struct arena *a, const struct proc_opts *opts)
{
    static const char *const locale[] = {"LANG", "LC_ALL", "LC_MESSAGES", "LC_CTYPE"};
    const size_t n_locale = sizeof locale / sizeof *locale;
    if (!opts->only_env && !opts->clean_lang && !opts->env)
        return environ;
    size_t n = 0;
    while (!opts->only_env && environ && environ[n])
        n++;
    char **env = arena_array(a, char *, n + n_locale + (opts->env ? opts->env->len : 0) + 1);
    if (n)
        memcpy(env, environ, n * sizeof *env);
    for (size_t i = 0; opts->clean_lang && i < n_locale; i++)
        env_set(a, env, locale[i], "C");
    if (opts->clean_lang)
        env_set(a, env, "LANGUAGE", NULL);
    struct dict_entry *entry;
    if (opts->env)
        DICT_EACH(opts->env, entry)
    env_set(a, env, value_to_cstr(a, &entry->key),
            entry->val.type == VALUE_NULL ? NULL : value_to_cstr(a, &entry->val));
    return env;
}

// --- starting

struct launch {
    const char *path;
    char **argv, **env;
    const struct proc_opts *opts;
    int fd[3];
    volatile int error; // why it could not be started
};

// Runs in the vforked child, in our memory: system calls only. Never returns.
static _Noreturn void launch_child(struct launch *l)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < 3; i++)
        if (dup2(l->fd[i], i) < 0)
            goto fail;
    if (l->opts->tty) {
        setsid();
        ioctl(1, TIOCSCTTY, 0);
    }
    if (l->opts->cwd && chdir(l->opts->cwd) < 0)
        goto fail;
    execve(l->path, l->argv, l->env);
fail:
    l->error = errno;
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

static void close_pipes(int p[3][2])
{
    for (int i = 0; i < 3; i++) {
        close_fd(&p[i][0]);
        close_fd(&p[i][1]);
    }
}

// Pipe pairs [reading, writing] for in, out and err; ours are 0w 1r 2r. Without data for in, that
// is /dev/null.
static int make_pipes(int p[3][2], bool data)
{
    for (int i = 0; i < 3; i++)
        p[i][0] = p[i][1] = -1;
    if (!data)
        p[0][0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = data ? 0 : 1; i < 3; i++)
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

// vfork(): a copy of our page tables, which the program drops at once, would cost more than the
// rest.
static pid_t launch(struct launch *l)
{
    pid_t pid = vfork();
    if (pid == 0)
        launch_child(l);
    if (pid < 0)
        l->error = errno;
    return pid;
}

static int start(struct running *r, struct arena *a, const char *path, const char *const *argv,
                 struct err *e)
{
    int p[3][2];
    struct launch l = {.path = path,
                       .argv = (char **)(uintptr_t)argv,
                       .env = make_env(a, r->opts),
                       .opts = r->opts};
    if (make_pipes(p, r->opts->stdin_data != NULL) < 0) {
        int rc = err_set(e, ERR_IO, POS_NONE, "cannot make a pipe: %s", strerror(errno));
        close_pipes(p);
        return rc;
    }
    if (r->opts->tty)
        use_terminal(p[1], p[2]);
    l.fd[0] = p[0][0];
    l.fd[1] = p[1][1];
    l.fd[2] = p[2][1];
    r->pid = launch(&l);
    close_fd(&p[0][0]);
    close_fd(&p[1][1]);
    close_fd(&p[2][1]);
    r->in = p[0][1];
    r->out.fd = p[1][0];
    r->err.fd = p[2][0];
    if (l.error) {
        if (r->pid > 0)
            waitpid(r->pid, NULL, 0);
        return err_set(e, l.error == ENOENT ? ERR_NOENT : ERR_IO, POS_NONE, "cannot run '%s': %s",
                       argv[0], strerror(l.error));
    }
    if (r->in >= 0)
        nonblock(r->in);
    nonblock(r->out.fd);
    nonblock(r->err.fd);
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

// Adds to what is kept of a stream: its beginning, and of the rest the end.
static void keep(const struct running *r, struct stream *s, const char *data, size_t len)
{
    size_t tail = r->tail;
    s->total += len;
    size_t room = s->into->max - s->into->len, n = len < room ? len : room;
    buf_add(s->into, data, n);
    if (n == len)
        return;
    s->into->overflow = true;
    if (tail)
        buf_add(&s->tail, data + n, len - n);
    if (s->tail.len > 2 * tail)
        buf_consume(&s->tail, s->tail.len - tail);
}

// Puts the end behind the beginning.
static void join(const struct running *r, struct stream *s)
{
    struct buf *b = s->into;
    size_t n = s->tail.len < r->tail ? s->tail.len : r->tail;
    if (b->overflow && n) {
        b->max = 0;
        buf_addf(b, "\n[... %llu bytes left out ...]\n",
                 (unsigned long long)(s->total - b->len - n));
        buf_add(b, s->tail.p + s->tail.len - n, n);
    }
    buf_release(&s->tail);
}

// Takes what there is on one of the streams, at most so much; closes it at its end.
static void take_output(struct running *r, struct stream *s, size_t most)
{
    char block[32768];
    for (size_t taken = 0; s->fd >= 0 && taken < most;) {
        ssize_t n = read(s->fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            close_fd(&s->fd);
            return;
        }
        taken += (size_t)n;
        keep(r, s, block, (size_t)n);
        forward(r, s->number, block, (size_t)n);
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
        take_output(r, &r->out, READ_TURN);
        take_output(r, &r->err, READ_TURN);
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
                                {.fd = r->out.fd, .events = POLLIN},
                                {.fd = r->err.fd, .events = POLLIN},
                                {.fd = r->in, .events = POLLOUT}};
        int n = poll(fds, 4, wait);
        if (r->deadline && clock_mono_ms() >= r->deadline) {
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
    return proc_run_cut(m, argv, opts, NULL, ret, e);
}

int proc_run_cut(struct module *m, const char *const *argv, const struct proc_opts *opts,
                 struct proc_cut *cut, struct proc *ret, struct err *e)
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
    size_t max = cut ? cut->max : opts->max_output ? opts->max_output : MAX_OUTPUT;
    buf_init(&ret->out, max);
    buf_init(&ret->err, max);
    sigset_t chld, old;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, &old);
    struct running r = {.m = m, .opts = opts, .ret = ret, .in = -1, .tail = cut ? cut->tail : 0};
    r.out = (struct stream){.fd = -1, .number = 1, .into = &ret->out};
    r.err = (struct stream){.fd = -1, .number = 2, .into = &ret->err};
    r.sigchld = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    if (opts->timeout_ms)
        r.deadline = clock_mono_ms() + opts->timeout_ms;
    int rc = start(&r, a, path, argv, e);
    if (rc == 0)
        supervise(&r);
    close_fd(&r.in);
    close_fd(&r.out.fd);
    close_fd(&r.err.fd);
    close_fd(&r.sigchld);
    sigprocmask(SIG_SETMASK, &old, NULL);
    ret->truncated = ret->out.overflow || ret->err.overflow;
    join(&r, &r.out);
    join(&r, &r.err);
    if (cut) {
        cut->out_total = r.out.total;
        cut->err_total = r.err.total;
    }
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
