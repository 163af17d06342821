// A task process's line to the router: whole frames, blocking.
#include "node/session.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int session_write(struct session *s, const char *p, size_t len, struct err *e)
{
    while (len) {
        ssize_t n = write(s->out_fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, ERR_IO, POS_NONE, "the session is closed: %s", strerror(errno));
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int session_send(struct session *s, enum frame_type type, const void *payload, size_t len,
                 struct err *e)
{
    struct buf b = BUF_INIT;
    frame_put(&b, type, s->id, payload, len);
    int rc = session_write(s, b.p, b.len, e);
    buf_release(&b);
    return rc;
}

int session_next(struct session *s, struct frame *ret, struct err *e)
{
    char block[16384];
    for (;;) {
        int rc = frame_next(&s->reader, ret, e);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        ssize_t n = read(s->in_fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(e, ERR_IO, POS_NONE, "the session is closed");
        frame_feed(&s->reader, block, (size_t)n);
    }
}

int session_receive(struct session *s, struct frame *ret, struct err *e)
{
    int rc;
    do {
        rc = session_next(s, ret, e);
    } while (rc == 0 && ret->id != s->id);
    return rc;
}
