// Workers: processes made from the Python process by forking, one for each action that runs. They
// speak over lines of their own, which the run's loop watches, so that none waits for another.
#include "core/file.h"
#include "core/json.h"
#include "plugin/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_MS 60000 // until it takes what it has asked for

struct plugin_worker {
    struct plugins *p;
    pid_t pid;
    int fd;
    struct buf in;
    bool ended;
};

// Hands one end of a line to the Python process, which gives it to the worker it makes.
static int pass_fd(int over, int fd)
{
    char byte = 0;
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(over, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int fork_worker(struct plugins *p, const char *what, int fd, pid_t *ret, struct err *e)
{
    struct arena *a = arena_new();
    struct value v;
    // the first request starts the process where it does not run yet
    int rc = process_request(p, a, "\"op\":\"ping\"", NULL, what, &v, e);
    if (rc == 0 && pass_fd(p->proc.pass, fd) < 0)
        rc =
            err_set(e, ERR_IO, POS_NONE, "%s cannot be given a process: %s", what, strerror(errno));
    if (rc == 0)
        rc = process_request(p, a, "\"op\":\"fork\"", NULL, what, &v, e);
    if (rc == 0 && (v.type != VALUE_INT || v.u.i <= 0))
        rc = err_set(e, ERR_FAILED, POS_NONE, "%s was given no process", what);
    if (rc == 0)
        *ret = (pid_t)v.u.i;
    arena_free(a);
    return rc;
}

int worker_new(struct plugins *p, const char *what, struct plugin_worker **ret, struct err *e)
{
    int fds[2];
    pid_t pid = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return err_set(e, ERR_IO, POS_NONE, "%s cannot be started: %s", what, strerror(errno));
    int rc = fork_worker(p, what, fds[1], &pid, e);
    close(fds[1]);
    if (rc < 0) {
        close(fds[0]);
        return rc;
    }
    struct plugin_worker *w = xcalloc(1, sizeof *w);
    *w = (struct plugin_worker){.p = p, .pid = pid, .fd = fds[0], .in = BUF_INIT};
    fcntl(w->fd, F_SETFL, O_NONBLOCK);
    *ret = w;
    return 0;
}

int worker_fd(const struct plugin_worker *w)
{
    return w->fd;
}

void worker_free(struct plugin_worker *w)
{
    if (!w)
        return;
    if (!w->ended)
        kill(w->pid, SIGKILL); // its parent has not waited for it: the number is still its own
    close(w->fd);
    buf_release(&w->in);
    free(w);
}

int worker_send(struct plugin_worker *w, const char *what, const struct buf *message, struct err *e)
{
    unsigned char head[FRAME_HEAD];
    struct buf b = BUF_INIT;
    int rc = 0;
    if (message->len > FRAME_LIMIT)
        return err_set(e, ERR_LIMIT, POS_NONE, "%s was given more than %zu MB", what,
                       FRAME_LIMIT >> 20);
    frame_head(head, message->len);
    buf_add(&b, head, sizeof head);
    buf_add(&b, message->p, message->len);
    for (size_t at = 0; rc == 0 && at < b.len;) {
        ssize_t n = send(w->fd, b.p + at, b.len - at, MSG_NOSIGNAL);
        struct pollfd p = {w->fd, POLLOUT, 0};
        if (n > 0)
            at += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR)
            rc = err_set(e, ERR_FAILED, POS_NONE, "the Python process of %s has ended", what);
        else if (poll(&p, 1, SEND_MS) == 0)
            rc =
                err_set(e, ERR_TIMEOUT, POS_NONE, "the Python process of %s does not listen", what);
    }
    buf_release(&b);
    return rc;
}

// A frame that has come whole is taken from the front of b: 1; else 0.
int frame_take(struct buf *b, struct arena *a, const char *what, struct value *ret, struct err *e)
{
    const unsigned char *h = (const unsigned char *)b->p;
    if (b->len < FRAME_HEAD)
        return 0;
    size_t len = frame_length(h);
    if (len > FRAME_LIMIT)
        return err_set(e, ERR_LIMIT, POS_NONE, "%s gave more than %zu MB", what, FRAME_LIMIT >> 20);
    if (b->len - FRAME_HEAD < len)
        return 0;
    int rc = json_parse(a, b->p + FRAME_HEAD, len, ret, e);
    buf_consume(b, FRAME_HEAD + len);
    if (rc == 0 && ret->type != VALUE_DICT)
        rc = err_set(e, ERR_PARSE, POS_NONE, "the Python process sent no JSON object");
    return rc < 0 ? rc : 1;
}

int worker_receive(struct plugin_worker *w, struct arena *a, const char *what, struct value *ret,
                   struct err *e)
{
    for (;;) {
        int rc = frame_take(&w->in, a, what, ret, e);
        if (rc != 0)
            return rc;
        ssize_t n = read(w->fd, buf_reserve(&w->in, 65536), 65536);
        if (n > 0) {
            w->in.len += (size_t)n;
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        w->ended = true;
        return err_set(e, ERR_FAILED, POS_NONE, "the Python process ended while it worked on %s",
                       what);
    }
}

struct plugins *worker_plugins(const struct plugin_worker *w)
{
    return w->p;
}

void plugins_encode(struct buf *b, struct arena *a, const struct value *v)
{
    codec_write(b, a, v);
}

int plugins_decode(struct arena *a, const struct value *in, struct value *ret, struct err *e)
{
    return codec_read(a, in, ret, e);
}
