// File content between the controller and a task, in chunks the receiver grants.
#include "node/module.h"
#include "node/session.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int ask(struct session *s, enum frame_type type, unsigned source, unsigned chunks,
               struct err *e)
{
    struct buf b = BUF_INIT;
    wire_put_u32(&b, source);
    wire_put_u32(&b, chunks);
    int rc = session_send(s, type, b.p, b.len, e);
    buf_release(&b);
    return rc;
}

static int write_chunk(int fd, const char *p, size_t len, struct err *e)
{
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, ERR_IO, POS_NONE, "write failed: %s", strerror(errno));
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int module_receive(struct module *m, unsigned n, int fd, struct err *e)
{
    if (!m->session || m->session->in_fd < 0)
        return err_set(e, ERR_IO, POS_NONE, "there is no controller to get content from");
    int rc = ask(m->session, FRAME_NEED, n, FRAME_WINDOW, e);
    unsigned taken = 0;
    while (rc == 0) {
        struct frame f;
        rc = session_receive(m->session, &f, e);
        if (rc < 0 || (f.type != FRAME_DATA && f.type != FRAME_ABORT) ||
            wire_get_u32(f.payload) != n)
            continue;
        if (f.type == FRAME_ABORT)
            return err_set(e, ERR_IO, POS_NONE, "%.*s", (int)(f.len - 4), f.payload + 4);
        if (f.len == 4)
            return 0;
        rc = write_chunk(fd, f.payload + 4, f.len - 4, e);
        if (rc == 0 && ++taken == FRAME_WINDOW / 2) {
            rc = ask(m->session, FRAME_CREDIT, n, taken, e);
            taken = 0;
        }
    }
    return rc;
}

int module_send(struct module *m, unsigned n, int fd, struct err *e)
{
    if (!m->session || m->session->in_fd < 0)
        return err_set(e, ERR_IO, POS_NONE, "there is no controller to send content to");
    unsigned credit = FRAME_WINDOW; // granted by the task itself
    struct buf b = BUF_INIT;
    int rc = 0;
    for (bool end = false; rc == 0 && !end;) {
        struct frame f;
        while (rc == 0 && credit == 0) {
            rc = session_receive(m->session, &f, e);
            if (rc == 0 && f.type == FRAME_CREDIT && wire_get_u32(f.payload) == n)
                credit = wire_get_u32(f.payload + 4);
        }
        if (rc < 0)
            break;
        buf_clear(&b);
        wire_put_u32(&b, n);
        ssize_t got = read(fd, buf_reserve(&b, FRAME_CHUNK), FRAME_CHUNK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            rc = err_set(e, ERR_IO, POS_NONE, "read failed: %s", strerror(errno));
            buf_adds(&b, strerror(errno));
            session_send(m->session, FRAME_ABORT, b.p, b.len, NULL);
            break;
        }
        b.len += (size_t)got;
        end = got == 0;
        rc = session_send(m->session, FRAME_DATA, b.p, b.len, e);
        credit--;
    }
    buf_release(&b);
    return rc;
}
