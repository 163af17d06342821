// One child at a time, with its three streams, by posix_spawn and poll.
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

int program_run(const char *const *argv, const struct program_opts *opts,
                struct program_result *ret, struct err *e)
{
    struct child c = {.in = -1, .out = -1, .err = -1};
    int fds[3] = {-1, -1, -1}, status = 0;
    size_t max = opts->max_output ? opts->max_output : MAX_OUTPUT;
    *ret = (struct program_result){0};
    buf_init(&ret->out, max);
    buf_init(&ret->err, max);
    int rc = make_streams(opts, &c, fds) ? start(argv, opts, fds, &c.pid) : errno;
    for (int i = 0; i < 3; i++)
        close_fd(&fds[i]);
    if (rc != 0) {
        ret->error = rc;
        rc = err_set(e, rc == ENOENT ? ERR_NOENT : ERR_IO, POS_NONE, "cannot run %s: %s", argv[0],
                     strerror(rc));
    } else {
        rc = talk(&c, opts, ret);
        if (rc != 0)
            kill(c.pid, SIGKILL);
        while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR)
            continue;
        ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        ret->status = ret->signal ? 128 + ret->signal : WEXITSTATUS(status);
        if (rc == ERR_TIMEOUT)
            err_set(e, rc, POS_NONE, "%s took longer than %d s", argv[0],
                    (opts->timeout_ms + 999) / 1000);
        if (rc == ERR_LIMIT)
            err_set(e, rc, POS_NONE, "%s wrote more than %zu KiB", argv[0], max >> 10);
    }
    close_fd(&c.in);
    close_fd(&c.out);
    close_fd(&c.err);
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
