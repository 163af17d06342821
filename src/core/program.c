// Children with their three streams, by posix_spawn and poll.
#include "core/program.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_OUTPUT ((size_t)1 << 20)

struct child {
    pid_t pid;
    int in, out, err; // our ends, -1: closed
    size_t sent;
};

// Ours with what is given in front: the first of a name counts for getenv, so ours go where they
// are the same.
static char **environment(const char *const *more)
{
    size_t n = 0, k = 0;
    while (environ[n])
        n++;
    while (more && more[k])
        k++;
    char **env = xcalloc(n + k + 1, sizeof *env);
    size_t at = 0;
    for (size_t i = 0; i < k; i++)
        env[at++] = xstrdup(more[i]);
    for (size_t i = 0; i < n; i++) {
        bool ours = true;
        for (size_t j = 0; j < k; j++) {
            size_t len = strcspn(more[j], "=") + 1;
            ours = ours && strncmp(environ[i], more[j], len) != 0;
        }
        if (ours)
            env[at++] = xstrdup(environ[i]);
    }
    return env;
}

static void environment_free(char **env)
{
    for (char **p = env; *p; p++)
        free(*p);
    free(env);
}

static int start(const char *const *argv, const struct program_opts *o, const int fds[3],
                 pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    char **env = environment(o->env);
    char **args = xcalloc(1, sizeof *args);
    size_t n = 0;
    for (; argv[n]; n++) {
        args = xrealloc(args, (n + 2) * sizeof *args);
        args[n] = xstrdup(argv[n]);
        args[n + 1] = NULL;
    }
    sigemptyset(&none);
    sigemptyset(&all);
    sigaddset(&all, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                            (o->no_terminal ? POSIX_SPAWN_SETSID : 0)));
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    if (fds[0] < 0 && !o->input_is_ours)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (o->cwd)
        posix_spawn_file_actions_addchdir_np(&actions, o->cwd);
    int rc = posix_spawnp(pid, argv[0], &actions, &attr, args, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    environment_free(env);
    environment_free(args);
    return rc;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_streams(struct child *c)
{
    close_fd(&c->in);
    close_fd(&c->out);
    close_fd(&c->err);
}

static void give(struct child *c, const struct program_opts *o)
{
    ssize_t n = send(c->in, o->input + c->sent, o->input_len - c->sent, MSG_NOSIGNAL);
    if (n > 0)
        c->sent += (size_t)n;
    if (c->sent == o->input_len || (n < 0 && errno != EINTR && errno != EAGAIN))
        close_fd(&c->in);
}

// False when that is more than fits. It may be a password: nothing of it stays here.
static bool take(int *fd, struct buf *b)
{
    char chunk[16384];
    ssize_t n = read(*fd, chunk, sizeof chunk);
    if (n > 0) {
        size_t len = (size_t)n, room = b->max - b->len;
        buf_add(b, chunk, len < room ? len : room);
        explicit_bzero(chunk, len);
        return len <= room;
    }
    if (n == 0 || (errno != EINTR && errno != EAGAIN))
        close_fd(fd);
    return true;
}

// Until its streams are closed: 0, ERR_TIMEOUT, ERR_LIMIT.
static int talk(struct child *c, const struct program_opts *o, struct program_result *r)
{
    int64_t until = o->timeout_ms ? clock_mono_ms() + o->timeout_ms : 0;
    while (c->out >= 0 || c->err >= 0) {
        struct pollfd fds[3] = {{c->in, POLLOUT, 0}, {c->out, POLLIN, 0}, {c->err, POLLIN, 0}};
        int64_t left = until ? until - clock_mono_ms() : -1;
        if (until && left <= 0)
            return ERR_TIMEOUT;
        if (poll(fds, 3, (int)left) < 0 && errno != EINTR)
            return 0;
        if (c->in >= 0 && fds[0].revents)
            give(c, o);
        if (c->out >= 0 && fds[1].revents && !take(&c->out, &r->out) && o->more_is_error)
            return ERR_LIMIT;
        if (c->err >= 0 && fds[2].revents)
            take(&c->err, &r->err);
    }
    return 0;
}

// Both ends of the three streams: theirs in fds, ours in c.
static bool make_streams(const struct program_opts *o, struct child *c, int fds[3])
{
    int pair[2];
    if (o->input) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
            return false;
        c->in = pair[0];
        fds[0] = pair[1];
        fcntl(c->in, F_SETFL, O_NONBLOCK);
    }
    if (pipe2(pair, O_CLOEXEC) < 0)
        return false;
    c->out = pair[0];
    fds[1] = pair[1];
    if (o->error_to_terminal)
        return true;
    if (pipe2(pair, O_CLOEXEC) < 0)
        return false;
    c->err = pair[0];
    fds[2] = pair[1];
    return true;
}

struct program {
    struct child child;
    struct program_opts opts;
    struct program_result result;
    const char *name;
};

static int begin(struct program *p, const char *const *argv, const struct program_opts *opts,
                 struct err *e)
{
    int fds[3] = {-1, -1, -1};
    size_t max = opts->max_output ? opts->max_output : MAX_OUTPUT;
    *p =
        (struct program){.child = {.in = -1, .out = -1, .err = -1}, .opts = *opts, .name = argv[0]};
    buf_init(&p->result.out, max);
    buf_init(&p->result.err, max);
    int rc = make_streams(opts, &p->child, fds) ? start(argv, opts, fds, &p->child.pid) : errno;
    for (int i = 0; i < 3; i++)
        close_fd(&fds[i]);
    if (rc == 0)
        return 0;
    p->result.error = rc;
    close_streams(&p->child);
    return err_set(e, rc == ENOENT ? ERR_NOENT : ERR_IO, POS_NONE, "cannot run %s: %s", argv[0],
                   strerror(rc));
}

static int finish(struct program *p, int timeout_ms, struct program_result *ret, struct err *e)
{
    int status = 0;
    p->opts.timeout_ms = timeout_ms;
    int rc = timeout_ms < 0 ? ERR_TIMEOUT : talk(&p->child, &p->opts, &p->result);
    if (rc != 0)
        kill(p->child.pid, SIGKILL);
    while (waitpid(p->child.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close_streams(&p->child);
    p->result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    p->result.status = p->result.signal ? 128 + p->result.signal : WEXITSTATUS(status);
    *ret = p->result;
    if (rc == ERR_TIMEOUT)
        err_set(e, rc, POS_NONE, "%s took longer than %d s", p->name, (timeout_ms + 999) / 1000);
    if (rc == ERR_LIMIT)
        err_set(e, rc, POS_NONE, "%s wrote more than %zu KiB", p->name, p->result.out.max >> 10);
    return rc;
}

int program_run(const char *const *argv, const struct program_opts *opts,
                struct program_result *ret, struct err *e)
{
    struct program p;
    int rc = begin(&p, argv, opts, e);
    *ret = p.result;
    return rc < 0 ? rc : finish(&p, opts->timeout_ms, ret, e);
}

int program_start(const char *const *argv, const struct program_opts *opts, struct program **ret,
                  struct err *e)
{
    struct program *p = xcalloc(1, sizeof *p);
    int rc = begin(p, argv, opts, e);
    if (rc < 0)
        free(p);
    else
        *ret = p;
    return rc;
}

int program_finish(struct program *p, int timeout_ms, struct program_result *ret, struct err *e)
{
    int rc = finish(p, timeout_ms, ret, e);
    free(p);
    return rc;
}

void program_release(struct program_result *r)
{
    buf_release(&r->out);
    buf_release(&r->err);
}

const char *program_last_line(struct arena *a, const struct buf *b)
{
    const char *s = b->p ? b->p : "", *end = s + b->len;
    while (end > s && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
        end--;
    const char *start = end;
    while (start > s && start[-1] != '\n' && start[-1] != '\r')
        start--;
    return arena_strndup(a, start, (size_t)(end - start));
}
