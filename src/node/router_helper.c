// Helpers of other users: a task with become goes to the one of its user, which is this program
// once more, at the end of sudo or its kin.
#include "node/router.h"

#include "core/file.h"
#include "core/json.h"

#include <stdlib.h>
#include <string.h>

bool helper_has(const struct peer *p, uint32_t id)
{
    for (size_t i = 0; i < p->n_ids; i++)
        if (p->ids[i] == id)
            return true;
    return false;
}

void helper_drop(struct peer *p, uint32_t id)
{
    for (size_t i = 0; i < p->n_ids; i++)
        if (p->ids[i] == id) {
            p->ids[i] = p->ids[--p->n_ids];
            return;
        }
}

static void helper_add(struct peer *p, uint32_t id)
{
    if (p->n_ids == p->cap_ids) {
        p->cap_ids = p->cap_ids ? p->cap_ids * 2 : 8;
        p->ids = xrealloc(p->ids, p->cap_ids * sizeof *p->ids);
    }
    p->ids[p->n_ids++] = id;
}

static struct peer *helper_for(struct router *r, struct become *want)
{
    for (struct peer *p = r->peers; p; p = p->next)
        if (p->kind == PEER_HELPER && !p->ended && p->become->state != BECOME_FAILED &&
            strcmp(p->become->key, want->key) == 0)
            return p;
    return NULL;
}

// Sends the task to the helper of its become user, starting that first when there is none. Takes
// want.
void helper_task(struct router *r, struct dict *task, uint32_t id, struct become *want)
{
    struct peer *p = helper_for(r, want);
    if (p) {
        become_free(want);
    } else {
        struct err e = ERR_INIT;
        if (become_start(want, task, &e) < 0) {
            struct arena *a = arena_new();
            struct buf result = BUF_INIT;
            struct value v = become_unstarted(a, &e);
            json_write(&result, &v, NULL);
            queue_frame(&r->to, FRAME_RESULT, id, result.p, result.len);
            buf_release(&result);
            arena_free(a);
            err_release(&e);
            become_free(want);
            return;
        }
        p = xcalloc(1, sizeof *p);
        *p = (struct peer){.next = r->peers,
                           .kind = PEER_HELPER,
                           .pid = want->pid,
                           .in = want->in,
                           .out = want->out};
        p->become = want;
        p->deadline = clock_mono_ms() + START_TIMEOUT_MS;
        r->peers = p;
    }
    dict_del(task, "become");
    struct value v = {.type = VALUE_DICT, .u.dict = task};
    struct buf b = BUF_INIT;
    json_write(&b, &v, NULL);
    queue_frame(&p->to, FRAME_TASK, id, b.p, b.len);
    helper_add(p, id);
    buf_release(&b);
}

// Queues the helper's own binary in front of what waits for the other side.
static void send_binary(struct peer *p)
{
    struct arena *a = arena_new();
    char *data;
    size_t len;
    if (file_read(a, "/proc/self/exe", FRAME_MAX, &data, &len, NULL) < 0) {
        p->become->state = BECOME_FAILED;
        arena_free(a);
        return;
    }
    struct buf all = BUF_INIT;
    buf_add(&all, data, len);
    buf_add(&all, p->to.b.p + p->to.off, queue_len(&p->to));
    buf_release(&p->to.b);
    p->to = (struct queue){.b = all};
    p->become->state = BECOME_READY;
    arena_free(a);
}

void helper_starting(struct peer *p, const char *data, size_t len, bool is_err)
{
    struct become *b = p->become;
    become_feed(b, data, len, is_err);
    if (b->state == BECOME_SENDING)
        send_binary(p);
    if (b->state == BECOME_FAILED && p->in >= 0) {
        if (p->in == p->out)
            p->out = -1;
        close_fd(&p->in);
    }
    if (b->state == BECOME_READY && b->text.len) {
        frame_feed(&p->reader, b->text.p, b->text.len);
        buf_release(&b->text);
    }
}

void helper_ended(struct router *r, struct peer *p)
{
    struct arena *a = arena_new();
    struct buf result = BUF_INIT;
    bool started = !p->deadline && p->become->state == BECOME_READY;
    const char *msg = arena_printf(a, "the helper of user %s ended unexpectedly", p->become->user);
    if (!started) {
        struct value v = become_failure(a, p->become, p->status);
        json_write(&result, &v, NULL);
    }
    for (size_t i = 0; i < p->n_ids; i++)
        if (started)
            router_fail(r, p->ids[i], msg);
        else
            queue_frame(&r->to, FRAME_RESULT, p->ids[i], result.p, result.len);
    p->n_ids = 0;
    buf_release(&result);
    arena_free(a);
    p->become->state = BECOME_FAILED;
}
