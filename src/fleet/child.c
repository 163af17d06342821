// Child processes of the fleet. They are started with vfork() and not uv_spawn(), because each must
// die with us (PR_SET_PDEATHSIG), get back the original limit of open files, and have one socket
// for both directions.
#include "fleet/child.h"

#include "core/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITE_LOW (64u << 10) // below this much unwritten, fill is asked for more
#define WRITE_TURN (1u << 20) // written at most before other connections have their turn
#define EXIT_DRAIN_MS 100     // how long an ended process's output may be held open by others
#define KEEP_CAP (8u << 10)   // larger write buffers are freed when empty

struct child {
    struct children *cs;
    struct child *prev, *next;
    pid_t pid;
    int status;
    bool exited, io_open, err_open, done, want_end, ending, broken;
    int tty; // our end of its terminal, or -1
    int open_handles;
    uv_pipe_t io, err;
    uv_timer_t drain;
    const struct child_ops *ops;
    void *data;
    struct buf out;    // to be written
    struct buf flying; // being written by req
    bool writing;
    uv_write_t req;
    uv_shutdown_t shutdown;
};

static void child_finish(struct child *c);

// --- starting

struct launch {
    const struct child_opts *o;
    const struct children *cs;
    int fd[3];
    pid_t parent;
    sigset_t mask;
    volatile int error;
};

// Runs in the vforked child: system calls only, nothing of the parent's memory may change but
// l->error.
static void __attribute__((noreturn)) launch_child(struct launch *l)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    for (int s = 1; s < 32; s++)
        if (s != SIGKILL && s != SIGSTOP)
            sigaction(s, &dfl, NULL);
    sigprocmask(SIG_SETMASK, &l->mask, NULL);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != l->parent)
        _exit(127);
    for (int i = 0; i < 3; i++)
        if (dup2(l->fd[i], i) < 0)
            goto fail;
    setrlimit(RLIMIT_NOFILE, &l->cs->nofile);
    char *const *argv = (char *const *)(uintptr_t)l->o->argv;
    char *const *env = l->o->env ? l->o->env : environ;
    if (l->o->exec_fd > 0)
        fexecve(l->o->exec_fd, argv, env);
    else
        execvpe(argv[0], argv, env);
fail:
    l->error = errno;
    _exit(127);
}

// The child's pid, or -1 with l->error set. Signals are blocked around vfork() so that no handler
// of ours runs in it.
static pid_t launch(struct launch *l)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &l->mask);
    l->parent = getpid();
    pid_t pid = vfork();
    if (pid == 0)
        launch_child(l);
    if (pid < 0)
        l->error = errno;
    pthread_sigmask(SIG_SETMASK, &l->mask, NULL);
    if (pid > 0 && l->error) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        pid = -1;
    }
    return pid;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

// Descriptors above 2, so that dup2() in the child cannot overwrite one before it is used.
static int above_stdio(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int up = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return up;
}

struct fds {
    int io[2], err[2], tty[2];
};

static void fds_close(struct fds *p)
{
    for (int i = 0; i < 2; i++) {
        close_fd(&p->io[i]);
        close_fd(&p->err[i]);
        close_fd(&p->tty[i]);
    }
}

static int fds_open(struct fds *p, bool tty)
{
    *p = (struct fds){{-1, -1}, {-1, -1}, {-1, -1}};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->io) || pipe2(p->err, O_CLOEXEC))
        return -1;
    if (tty) {
        if (openpty(&p->tty[0], &p->tty[1], NULL, NULL, NULL))
            return -1;
        fcntl(p->tty[0], F_SETFD, FD_CLOEXEC);
        fcntl(p->tty[1], F_SETFD, FD_CLOEXEC);
    }
    for (int i = 0; i < 2; i++) {
        p->io[i] = above_stdio(p->io[i]);
        p->err[i] = above_stdio(p->err[i]);
        p->tty[i] = above_stdio(p->tty[i]);
    }
    return 0;
}

// --- reading

static void on_alloc(uv_handle_t *h, size_t want, uv_buf_t *b)
{
    (void)want;
    const struct child *c = h->data;
    *b = uv_buf_init(c->cs->read_buf, CHILD_READ_BUF);
}

static void on_closed(uv_handle_t *h)
{
    struct child *c = h->data;
    if (--c->open_handles > 0)
        return;
    struct children *cs = c->cs;
    if (c->prev)
        c->prev->next = c->next;
    else
        cs->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    cs->n--;
    buf_release(&c->out);
    buf_release(&c->flying);
    free(c);
}

// Called when the process has ended and no output can follow: last words, then the handles are
// closed.
static void child_finish(struct child *c)
{
    if (c->done)
        return;
    c->done = true;
    close_fd(&c->tty);
    uv_close((uv_handle_t *)&c->io, on_closed);
    uv_close((uv_handle_t *)&c->err, on_closed);
    uv_close((uv_handle_t *)&c->drain, on_closed);
    if (c->ops)
        c->ops->on_exit(c->data, c->status);
    c->ops = NULL;
}

static void maybe_finish(struct child *c)
{
    if (c->exited && !c->io_open && !c->err_open)
        child_finish(c);
}

static void on_io(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct child *c = s->data;
    if (n > 0) {
        if (c->ops)
            c->ops->on_out(c->data, b->base, (size_t)n);
        return;
    }
    if (n == 0)
        return;
    uv_read_stop(s);
    c->io_open = false;
    if (c->ops)
        c->ops->on_out(c->data, "", 0);
    maybe_finish(c);
}

static void on_err(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct child *c = s->data;
    if (n > 0) {
        if (c->ops && c->ops->on_err)
            c->ops->on_err(c->data, b->base, (size_t)n);
        return;
    }
    if (n == 0)
        return;
    uv_read_stop(s);
    c->err_open = false;
    maybe_finish(c);
}

// --- writing

static void shed(struct buf *b)
{
    if (b->cap > KEEP_CAP)
        buf_release(b);
    else
        buf_clear(b);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    (void)req;
    (void)status;
}

static void on_written(uv_write_t *req, int status)
{
    struct child *c = req->data;
    c->writing = false;
    shed(&c->flying);
    if (status < 0)
        c->broken = true;
    if (!c->done)
        child_flush(c);
}

static void write_rest(struct child *c)
{
    struct buf t = c->flying;
    c->flying = c->out;
    c->out = t;
    uv_buf_t b = uv_buf_init(c->flying.p, (unsigned)c->flying.len);
    c->req.data = c;
    if (uv_write(&c->req, (uv_stream_t *)&c->io, &b, 1, on_written) == 0)
        c->writing = true;
    else
        c->broken = true;
}

void child_flush(struct child *c)
{
    size_t turn = 0;
    while (!c->writing && !c->broken && !c->done) {
        while (c->out.len < WRITE_LOW && c->ops && c->ops->fill && c->ops->fill(c->data, &c->out))
            ;
        if (c->out.len == 0) {
            shed(&c->out);
            break;
        }
        uv_buf_t b = uv_buf_init(c->out.p, (unsigned)c->out.len);
        int n = turn < WRITE_TURN ? uv_try_write((uv_stream_t *)&c->io, &b, 1) : UV_EAGAIN;
        if (n < 0 && n != UV_EAGAIN) {
            c->broken = true; // its end is closed: the exit tells
            return;
        }
        if (n > 0) {
            turn += (size_t)n;
            buf_consume(&c->out, (size_t)n);
        }
        if (c->out.len)
            write_rest(c);
    }
    if (c->want_end && !c->ending && !c->writing && !c->broken && !c->done && c->out.len == 0) {
        c->ending = true;
        uv_shutdown(&c->shutdown, (uv_stream_t *)&c->io, on_shutdown);
    }
}

struct buf *child_out(struct child *c)
{
    return &c->out;
}

void child_type(struct child *c, const char *s, size_t len)
{
    if (c->tty >= 0) {
        (void)!write(c->tty, s, len);
        return;
    }
    buf_add(&c->out, s, len);
    child_flush(c);
}

void child_end(struct child *c)
{
    c->want_end = true;
    child_flush(c);
}

// --- ending

void child_kill(struct child *c, int signum)
{
    if (c->exited)
        return;
    kill(c->pid, signum);
    kill(-c->pid, signum);
}

void child_abandon(struct child *c)
{
    c->ops = NULL;
}

pid_t child_pid(const struct child *c)
{
    return c->pid;
}

struct child *child_next(const struct child *c)
{
    return c->next;
}

static void on_drained(uv_timer_t *t)
{
    child_finish(t->data);
}

static void on_sigchld(uv_signal_t *h, int signum)
{
    (void)signum;
    struct children *cs = h->data;
    for (struct child *c = cs->first; c; c = c->next) {
        if (c->exited || waitpid(c->pid, &c->status, WNOHANG) != c->pid)
            continue;
        c->exited = true;
        uv_timer_start(&c->drain, on_drained, EXIT_DRAIN_MS, 0);
        maybe_finish(c);
    }
}

// --- setting up

int children_init(struct children *cs, uv_loop_t *loop, struct err *e)
{
    *cs = (struct children){.loop = loop};
    getrlimit(RLIMIT_NOFILE, &cs->nofile);
    cs->nofile_own = cs->nofile;
    cs->nofile_own.rlim_cur = cs->nofile.rlim_max;
    setrlimit(RLIMIT_NOFILE, &cs->nofile_own);
    int rc = uv_signal_init(loop, &cs->sigchld);
    if (rc == 0)
        rc = uv_signal_start(&cs->sigchld, on_sigchld, SIGCHLD);
    if (rc < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot watch for ended processes: %s",
                       uv_strerror(rc));
    cs->sigchld.data = cs;
    uv_unref((uv_handle_t *)&cs->sigchld);
    cs->read_buf = xmalloc(CHILD_READ_BUF);
    return 0;
}

void children_close(struct children *cs)
{
    uv_close((uv_handle_t *)&cs->sigchld, NULL);
    free(cs->read_buf);
    cs->read_buf = NULL;
    setrlimit(RLIMIT_NOFILE, &cs->nofile);
}

static void open_pipe(struct child *c, uv_pipe_t *p, int fd, uv_read_cb cb)
{
    uv_pipe_init(c->cs->loop, p, 0);
    p->data = c;
    c->open_handles++;
    uv_pipe_open(p, fd);
    uv_read_start((uv_stream_t *)p, on_alloc, cb);
    uv_unref((uv_handle_t *)p);
}

struct child *child_spawn(struct children *cs, const struct child_opts *o,
                          const struct child_ops *ops, void *data, struct err *e)
{
    struct fds p;
    if (fds_open(&p, o->tty)) {
        int n = errno;
        fds_close(&p);
        err_set(e, ERR_IO, POS_NONE, "cannot start %s: %s", o->argv[0], strerror(n));
        return NULL;
    }
    struct launch l = {.o = o, .cs = cs, .fd = {o->tty ? p.tty[1] : p.io[1], p.io[1], p.err[1]}};
    pid_t pid = launch(&l);
    if (pid < 0) {
        fds_close(&p);
        err_set(e, l.error == ENOENT ? ERR_NOENT : ERR_IO, POS_NONE, "cannot start %s: %s",
                o->argv[0], strerror(l.error));
        return NULL;
    }
    close_fd(&p.io[1]);
    close_fd(&p.err[1]);
    close_fd(&p.tty[1]);
    struct child *c = xcalloc(1, sizeof *c);
    *c = (struct child){.cs = cs, .pid = pid, .ops = ops, .data = data, .tty = p.tty[0]};
    c->io_open = c->err_open = true;
    open_pipe(c, &c->io, p.io[0], on_io);
    open_pipe(c, &c->err, p.err[0], on_err);
    uv_timer_init(cs->loop, &c->drain);
    uv_unref((uv_handle_t *)&c->drain);
    c->drain.data = c;
    c->open_handles++;
    c->next = cs->first;
    if (c->next)
        c->next->prev = c;
    cs->first = c;
    cs->n++;
    return c;
}
