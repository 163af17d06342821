// Tasks of a connection: written to the helper, their sources streamed on credit, their results
// handed back.
#include "fleet/internal.h"

#include "core/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CANCEL_GRACE_MS 5000
#define CREDIT_MAX (1u << 16) // chunks a host may ask for ahead
#define DATA_BYTES (FRAME_CHUNK - 4)

// A source on its way to the host.
struct sender {
    struct sender *next;
    uint32_t n;
    uint32_t credit;
    uint64_t off;
    int fd; // of a path source, -1 before it is opened
};

// Content on its way from the host.
struct receipt {
    struct receipt *next;
    uint32_t n;
    uint32_t chunks; // taken and not yet given back as credit
};

struct task {
    struct task *next;
    uint32_t id;
    struct conn_task t;
    void (*done)(void *data, const struct conn_result *r);
    void *data;
    struct buf frame; // the TASK frame until it is sent
    bool sent;
    enum conn_status ends_as; // CONN_OK, or what a cancelled task is reported as
    uint64_t deadline;        // uv_now(); 0: none
    struct sender *senders;
    struct receipt *receipts;
};

// --- life

// Sets the length of the frame that begins at offset at of b, whose payload has been added behind
// the header.
static void set_length(struct buf *b, size_t at)
{
    struct buf n = BUF_INIT;
    wire_put_u32(&n, (uint32_t)(b->len - at - FRAME_HEADER));
    memcpy(b->p + at, n.p, 4);
    buf_release(&n);
}

static void task_free(struct task *k)
{
    for (struct sender *s = k->senders, *next; s; s = next) {
        next = s->next;
        if (s->fd >= 0)
            close(s->fd);
        free(s);
    }
    for (struct receipt *r = k->receipts, *next; r; r = next) {
        next = r->next;
        free(r);
    }
    buf_release(&k->frame);
    free(k);
}

static void task_unlink(struct conn *c, struct task *k)
{
    struct task **at = &c->tasks;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    if (!k->next)
        c->tasks_end = at;
}

// Takes a task off its connection and reports it. Nothing of the task may be used afterwards.
static void task_done(struct conn *c, struct task *k, struct conn_result *r)
{
    task_unlink(c, k);
    void (*done)(void *, const struct conn_result *) = k->done;
    void *data = k->data;
    task_free(k);
    if (!c->tasks)
        conn_dirty(c); // perhaps the session ends now
    done(data, r);
    fleet_idle(c->f);
}

static void task_end(struct conn *c, struct task *k, enum conn_status status, const char *msg)
{
    struct conn_result r = {.status = status, .msg = arena_strdup(k->t.arena, msg)};
    task_done(c, k, &r);
}

static struct task *task_find(const struct conn *c, uint32_t id)
{
    for (struct task *k = c->tasks; k; k = k->next)
        if (k->id == id)
            return k;
    return NULL;
}

uint32_t conn_submit(struct conn *c, const struct conn_task *t,
                     void (*done)(void *data, const struct conn_result *r), void *data)
{
    struct task *k = xcalloc(1, sizeof *k);
    k->id = c->next_id++;
    if (c->next_id == RAW_ID)
        c->next_id = 1;
    k->t = *t;
    k->done = done;
    k->data = data;
    frame_put_header(&k->frame, FRAME_TASK, k->id, 0);
    json_write(&k->frame, t->task, &(struct json_opts){.compact = true});
    set_length(&k->frame, 0);
    if (t->timeout_ms > 0) {
        k->deadline = uv_now(&c->f->loop) + (uint64_t)t->timeout_ms;
        fleet_wake_at(c->f, k->deadline);
    }
    *c->tasks_end = k;
    c->tasks_end = &k->next;
    fleet_busy(c->f);
    conn_dirty(c);
    return k->id;
}

static const char *const end_words[] = {
    [CONN_OK] = "",
    [CONN_UNREACHABLE] = "the host cannot be reached",
    [CONN_TIMEOUT] = "the task took longer than its timeout",
    [CONN_CANCELLED] = "the task was cancelled",
};

// Ends a task before its time. One that runs is given a while to be killed on the host.
static void task_stop(struct conn *c, struct task *k, enum conn_status as)
{
    if (k->ends_as != CONN_OK)
        return;
    k->ends_as = as;
    k->deadline = uv_now(&c->f->loop);
    if (k->sent && c->state == CONN_READY && c->child) {
        frame_put(child_out(c->child), FRAME_CANCEL, k->id, "", 0);
        conn_dirty(c);
        k->deadline += CANCEL_GRACE_MS;
    }
    fleet_wake_at(c->f, k->deadline);
}

void conn_cancel(struct conn *c, uint32_t id)
{
    struct task *k = id & RAW_ID ? NULL : task_find(c, id);
    if (id & RAW_ID)
        raw_cancel(c->f, id);
    else if (k)
        task_stop(c, k, CONN_CANCELLED);
}

void tasks_put_off(struct conn *c, uint64_t ms)
{
    for (struct task *k = c->tasks; k; k = k->next)
        if (k->deadline)
            k->deadline += ms;
}

uint64_t tasks_tick(struct conn *c, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    for (struct task *k = c->tasks, *after; k; k = after) {
        after = k->next;
        if (!k->deadline)
            continue;
        if (k->deadline <= now && k->ends_as == CONN_OK)
            task_stop(c, k, CONN_TIMEOUT);
        if (k->deadline <= now) {
            // The callback may end or add other tasks of this connection: start over.
            task_end(c, k, k->ends_as, end_words[k->ends_as]);
            after = c->tasks;
            next = UINT64_MAX;
        } else if (k->deadline < next) {
            next = k->deadline;
        }
    }
    return next;
}

void tasks_send(struct conn *c)
{
    for (struct task *k = c->tasks; k; k = k->next) {
        if (k->sent || k->ends_as != CONN_OK)
            continue;
        struct buf *out = child_out(c->child);
        buf_add(out, k->frame.p, k->frame.len);
        buf_release(&k->frame);
        k->sent = true;
    }
}

bool tasks_next_sent(const struct conn *c, uint32_t *id)
{
    for (const struct task *k = c->tasks; k; k = k->next)
        if (k->sent && k->id > *id) {
            *id = k->id;
            return true;
        }
    return false;
}

void tasks_fail(struct conn *c, bool sent_only, enum conn_status status, const char *msg)
{
    // Tasks that callbacks add meanwhile are not meant.
    uint32_t last = c->next_id;
    for (struct task *k = c->tasks; k && k->id != last;) {
        if (sent_only && !k->sent) {
            k = k->next;
            continue;
        }
        bool stopped = k->ends_as != CONN_OK;
        task_end(c, k, stopped ? k->ends_as : status, stopped ? end_words[k->ends_as] : msg);
        k = c->tasks;
    }
}

// --- content for the host

static struct sender **sender_at(struct task *k, uint32_t n)
{
    struct sender **at = &k->senders;
    while (*at && (*at)->n != n)
        at = &(*at)->next;
    return at;
}

static void sender_drop(struct sender **at)
{
    struct sender *s = *at;
    *at = s->next;
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

static void put_abort(struct buf *out, uint32_t id, uint32_t n, const char *msg)
{
    frame_put_header(out, FRAME_ABORT, id, 4 + strlen(msg));
    wire_put_u32(out, n);
    buf_adds(out, msg);
}

static int source_open(const struct conn_source *src, struct sender *s, struct err *e)
{
    s->fd = open(src->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (s->fd < 0 || fstat(s->fd, &st))
        return err_set(e, ERR_IO, POS_NONE, "cannot read \"%s\": %s", src->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_IO, POS_NONE, "\"%s\" is not a regular file", src->path);
    return 0;
}

// Reads up to n bytes of a source to p: the count, 0 at its end, <0 and *e.
static long source_read(const struct conn_source *src, struct sender *s, char *p, size_t n,
                        struct err *e)
{
    if (src->data || (!src->path && !src->read)) {
        size_t left = s->off < src->len ? src->len - (size_t)s->off : 0;
        size_t take = left < n ? left : n;
        if (take)
            memcpy(p, (const char *)src->data + s->off, take);
        return (long)take;
    }
    if (src->read)
        return src->read(src->ctx, s->off, p, n, e);
    if (s->fd < 0 && source_open(src, s, e))
        return ERR_IO;
    ssize_t got = pread(s->fd, p, n, (off_t)s->off);
    if (got < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot read \"%s\": %s", src->path, strerror(errno));
    return got;
}

// Writes the next DATA (or ABORT) frame of *at.
static void sender_step(struct task *k, struct sender **at, struct buf *out)
{
    struct sender *s = *at;
    struct err e = ERR_INIT;
    size_t begin = out->len;
    frame_put_header(out, FRAME_DATA, k->id, 0);
    wire_put_u32(out, s->n);
    long n = source_read(&k->t.sources[s->n], s, buf_reserve(out, DATA_BYTES), DATA_BYTES, &e);
    if (n < 0 || n > (long)DATA_BYTES) {
        out->len = begin;
        put_abort(out, k->id, s->n, e.code ? err_msg(&e) : "the content cannot be read");
        err_release(&e);
        sender_drop(at);
        return;
    }
    out->len += (size_t)n;
    set_length(out, begin);
    s->off += (uint64_t)n;
    s->credit--;
    if (n == 0)
        sender_drop(at);
}

bool tasks_fill(struct conn *c, struct buf *out)
{
    for (struct task *k = c->tasks; k; k = k->next) {
        for (struct sender **at = &k->senders; *at; at = &(*at)->next) {
            if (!(*at)->credit)
                continue;
            sender_step(k, at, out);
            return true;
        }
    }
    return false;
}

static void on_need(struct conn *c, struct task *k, const struct frame *fr)
{
    uint32_t n = wire_get_u32(fr->payload), credit = wire_get_u32(fr->payload + 4);
    conn_dirty(c);
    if (!k || n >= k->t.n_sources) {
        put_abort(child_out(c->child), fr->id, n, "the task has no such source");
        return;
    }
    struct sender **at = sender_at(k, n);
    if (!*at) {
        if (fr->type == FRAME_CREDIT) // of a source already sent
            return;
        *at = xcalloc(1, sizeof **at);
        (*at)->n = n;
        (*at)->fd = -1;
    }
    if (credit > CREDIT_MAX - (*at)->credit)
        credit = CREDIT_MAX - (*at)->credit;
    (*at)->credit += credit;
}

// --- content from the host

// Gives the host further credit for content that has been taken.
static void receipt_count(struct conn *c, struct task *k, uint32_t n)
{
    struct receipt *r = k->receipts;
    while (r && r->n != n)
        r = r->next;
    if (!r) {
        r = xcalloc(1, sizeof *r);
        r->n = n;
        r->next = k->receipts;
        k->receipts = r;
    }
    if (++r->chunks < FRAME_WINDOW / 2)
        return;
    struct buf *out = child_out(c->child);
    frame_put_header(out, FRAME_CREDIT, k->id, 8);
    wire_put_u32(out, n);
    wire_put_u32(out, r->chunks);
    r->chunks = 0;
    conn_dirty(c);
}

static void on_data(struct conn *c, struct task *k, const struct frame *fr)
{
    if (!k || k->ends_as != CONN_OK)
        return;
    uint32_t n = wire_get_u32(fr->payload);
    const char *s = fr->payload + 4;
    size_t len = fr->len - 4;
    int rc = -1;
    if (k->t.on_file && fr->type == FRAME_ABORT) {
        char *msg = arena_strndup(k->t.arena, s, len);
        rc = k->t.on_file(k->data, n, NULL, 0, msg);
    } else if (k->t.on_file) {
        rc = k->t.on_file(k->data, n, s, len, NULL);
    }
    // The sink may have cancelled the task, which does not free it.
    if (rc < 0)
        task_stop(c, k, CONN_CANCELLED);
    else if (len && fr->type == FRAME_DATA)
        receipt_count(c, k, n);
}

// --- frames

static int on_result(struct conn *c, struct task *k, const struct frame *fr, struct err *e)
{
    if (!k) // of a task given up before
        return 0;
    struct conn_result r = {.status = k->ends_as, .msg = end_words[k->ends_as]};
    int rc = json_parse(k->t.arena, fr->payload, fr->len, &r.value, e);
    if (rc == 0 && r.value.type != VALUE_DICT)
        rc = err_set(e, ERR_PARSE, POS_NONE, "a result that is no dictionary");
    if (rc == 0)
        task_done(c, k, &r);
    return rc;
}

int tasks_frame(struct conn *c, const struct frame *fr, struct err *e)
{
    static const size_t least[] = {[FRAME_OUTPUT] = 1, [FRAME_NEED] = 8,  [FRAME_DATA] = 4,
                                   [FRAME_CREDIT] = 8, [FRAME_ABORT] = 4, [FRAME_BYE] = 0};
    if (fr->len < least[fr->type])
        return err_set(e, ERR_PARSE, POS_NONE, "a frame of type %d is too short", fr->type);
    struct task *k = task_find(c, fr->id);
    if (k && !k->sent)
        return err_set(e, ERR_PARSE, POS_NONE, "a frame for task %u, which was not sent", fr->id);
    switch (fr->type) {
    case FRAME_RESULT:
        return on_result(c, k, fr, e);
    case FRAME_OUTPUT:
        if (k && k->t.on_output && k->ends_as == CONN_OK)
            k->t.on_output(k->data, fr->payload[0], fr->payload + 1, fr->len - 1);
        return 0;
    case FRAME_NEED:
    case FRAME_CREDIT:
        on_need(c, k, fr);
        return 0;
    case FRAME_DATA:
    case FRAME_ABORT:
        on_data(c, k, fr);
        return 0;
    case FRAME_HELLO:
    case FRAME_TASK:
    case FRAME_CANCEL:
    case FRAME_BYE:
        break;
    }
    return err_set(e, ERR_PARSE, POS_NONE, "a frame of type %d, which only a controller sends",
                   fr->type);
}
