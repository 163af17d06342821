// Commands run through ssh (or /bin/sh) alone, without the helper: what the module raw needs.
#include "fleet/internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define MAX_OUTPUT (64u << 20)
#define KILL_MS 2000

struct raw {
    struct raw *next;
    uint32_t id;
    struct conn *c;
    struct conn_raw_opts o; // strings are ours
    struct arena *arena;
    void (*done)(void *data, const struct conn_raw_result *r);
    void *data;
    struct child *child;
    struct buf out, err;
    bool tty, answered, waiting;
    int attempt;
    enum conn_status ends_as;
    uint64_t deadline; // 0: none
    uint64_t start_at; // of the next attempt
};

static void raw_unlink(struct raw *w)
{
    struct fleet *f = w->c->f;
    struct raw **at = &f->raws;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    if (!w->next)
        f->raws_end = at;
}

static void raw_done(struct raw *w, enum conn_status status, int rc, const char *msg)
{
    struct fleet *f = w->c->f;
    raw_unlink(w);
    struct conn_raw_result r = {
        .status = status,
        .msg = msg,
        .rc = rc,
        .out = buf_str(&w->out),
        .out_len = w->out.len,
        .err = buf_str(&w->err),
        .err_len = w->err.len,
    };
    w->done(w->data, &r);
    buf_release(&w->out);
    buf_release(&w->err);
    arena_free(w->arena);
    free(w);
    fleet_idle(f);
}

static const char *end_words(const struct raw *w)
{
    return w->ends_as == CONN_TIMEOUT ? "the command took longer than its timeout"
                                      : "the command was cancelled";
}

static void raw_again_or_fail(struct raw *w, int rc)
{
    struct ssh_end end = {
        .err = buf_str(&w->err),
        .err_len = w->err.len,
        .out = "",
        .rc = rc,
        .password = w->c->p.password != NULL,
        .key = ssh_expand_home(w->arena, w->c->p.private_key),
        .unasked = w->c->unasked,
    };
    struct ssh_failure f = ssh_failure(w->arena, &end);
    if (!f.retry || w->attempt >= w->c->p.retries) {
        raw_done(w, CONN_UNREACHABLE, rc, f.msg);
        return;
    }
    fleet_emit(w->c, FLEET_RETRY, f.msg);
    w->start_at = uv_now(&w->c->f->loop) + retry_pause_ms(w->attempt++);
    w->waiting = true;
    buf_clear(&w->out);
    buf_clear(&w->err);
    fleet_wake_at(w->c->f, w->start_at);
}

static void on_raw_exit(void *data, int status)
{
    struct raw *w = data;
    w->child = NULL;
    w->c->f->connecting--;
    int rc = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (w->ends_as != CONN_OK)
        raw_done(w, w->ends_as, rc, end_words(w));
    else if (rc == 255 && w->c->p.transport == CONN_SSH)
        raw_again_or_fail(w, rc);
    else
        raw_done(w, CONN_OK, rc, "");
}

static void keep(struct raw *w, struct buf *b, const char *s, size_t len)
{
    size_t max = w->o.max_output ? w->o.max_output : MAX_OUTPUT;
    if (len > max - b->len)
        len = max - b->len;
    buf_add(b, s, len);
    size_t n = w->o.prompt ? strlen(w->o.prompt) : 0;
    if (!n || w->answered || b->len < n || memcmp(b->p + b->len - n, w->o.prompt, n) != 0)
        return;
    w->answered = true;
    b->len -= n; // the prompt is no output
    b->p[b->len] = '\0';
    child_type(w->child, w->o.answer, strlen(w->o.answer));
    child_type(w->child, "\n", 1);
}

static void on_raw_out(void *data, const char *s, size_t len)
{
    struct raw *w = data;
    keep(w, &w->out, s, len);
}

static void on_raw_err(void *data, const char *s, size_t len)
{
    struct raw *w = data;
    keep(w, &w->err, s, len);
}

static const struct child_ops raw_ops = {on_raw_out, on_raw_err, NULL, on_raw_exit};

// argv for this command, in a.
static const char **raw_argv(struct raw *w, struct arena *a)
{
    struct conn *c = w->c;
    const char *command = w->o.command;
    if (c->p.transport == CONN_LOCAL) {
        const char **v = arena_array(a, const char *, 4);
        v[0] = "/bin/sh";
        v[1] = "-c";
        v[2] = command;
        return v;
    }
    const struct argv *l = &c->line.argv;
    const char **v = arena_array(a, const char *, l->n + 3);
    size_t n = 0;
    for (size_t i = 0; i + 1 < l->n; i++)
        v[n++] = l->v[i];
    if (w->tty)
        v[n++] = "-tt";
    v[n++] = l->v[l->n - 1];
    v[n] = command[0] == '-' ? arena_printf(a, " %s", command) : command; // not an option of ssh
    return v;
}

static void raw_start(struct raw *w)
{
    struct conn *c = w->c;
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    w->tty = c->p.transport == CONN_SSH && !c->p.no_tty && !w->o.stdin_len;
    struct child_opts o = {.argv = raw_argv(w, a), .tty = w->tty};
    if (c->p.transport == CONN_SSH)
        o.env = conn_env(c, a);
    w->waiting = false;
    askpass_restart(c);
    w->child = child_spawn(&c->f->children, &o, &raw_ops, w, &e);
    arena_free(a);
    if (!w->child) {
        char *msg = arena_printf(w->arena, "Failed to connect to the host: %s", err_msg(&e));
        err_release(&e);
        raw_done(w, CONN_UNREACHABLE, -1, msg);
        return;
    }
    c->f->connecting++;
    buf_add(child_out(w->child), w->o.stdin_data, w->o.stdin_len);
    child_flush(w->child);
    if (!w->o.prompt)
        child_end(w->child);
}

void raws_start(struct fleet *f)
{
    uint64_t now = uv_now(&f->loop);
    for (struct raw *w = f->raws, *next; w && f->connecting < f->opts.max_connecting; w = next) {
        next = w->next;
        if (w->waiting && w->ends_as == CONN_OK && w->start_at <= now)
            raw_start(w);
    }
}

uint32_t conn_raw(struct conn *c, const struct conn_raw_opts *o,
                  void (*done)(void *data, const struct conn_raw_result *r), void *data)
{
    struct fleet *f = c->f;
    struct raw *w = xcalloc(1, sizeof *w);
    w->id = f->next_raw++ | RAW_ID;
    w->c = c;
    w->arena = arena_new();
    w->o = *o;
    w->o.command = arena_strdup(w->arena, o->command);
    w->o.stdin_data = arena_strndup(w->arena, o->stdin_data ? o->stdin_data : "", o->stdin_len);
    w->o.prompt = arena_strdup(w->arena, o->answer ? o->prompt : NULL);
    w->o.answer = arena_strdup(w->arena, o->answer);
    w->done = done;
    w->data = data;
    w->waiting = true;
    if (o->timeout_ms > 0)
        w->deadline = uv_now(&f->loop) + (uint64_t)o->timeout_ms;
    *f->raws_end = w;
    f->raws_end = &w->next;
    fleet_busy(f);
    f->new_raws = true;
    if (w->deadline)
        fleet_wake_at(f, w->deadline);
    return w->id;
}

// Ends a command before its time; one that ignores SIGTERM is killed a little later.
static void raw_stop(struct raw *w, enum conn_status as)
{
    uint64_t now = uv_now(&w->c->f->loop);
    bool again = w->ends_as != CONN_OK;
    if (!again)
        w->ends_as = as;
    w->deadline = w->child ? now + KILL_MS : now;
    if (w->child)
        child_kill(w->child, again ? SIGKILL : SIGTERM);
    fleet_wake_at(w->c->f, w->deadline);
}

void raw_cancel(struct fleet *f, uint32_t id)
{
    for (struct raw *w = f->raws; w; w = w->next)
        if (w->id == id && w->ends_as == CONN_OK)
            raw_stop(w, CONN_CANCELLED);
}

void raws_put_off(struct fleet *f, uint64_t ms)
{
    for (struct raw *w = f->raws; w; w = w->next)
        if (w->deadline)
            w->deadline += ms;
}

uint64_t raws_tick(struct fleet *f, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    for (struct raw *w = f->raws, *after; w; w = after) {
        after = w->next;
        if (w->deadline && w->deadline <= now) {
            raw_stop(w, CONN_TIMEOUT);
            if (!w->child) {
                // The callback may end or add others: start over.
                raw_done(w, w->ends_as, -1, end_words(w));
                after = f->raws;
                next = UINT64_MAX;
                continue;
            }
        }
        if (w->deadline && w->deadline < next)
            next = w->deadline;
        if (w->waiting && w->start_at > now && w->start_at < next)
            next = w->start_at;
    }
    return next;
}

void raws_cancel_all(struct fleet *f)
{
    for (struct raw *w = f->raws; w; w = w->next)
        if (w->ends_as == CONN_OK)
            raw_stop(w, CONN_CANCELLED);
}
