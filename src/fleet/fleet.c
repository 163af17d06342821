// The fleet: its loop, the connections by login, the places among those connecting, deadlines, and
// the end of it all.
#include "fleet/internal.h"

#include "core/file.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECTING_DEFAULT 50
#define CONTROL_DIR_MAX 72 // leaves room for a name and ssh's own suffix in a socket's address
#define KILL_GRACE_MS 500

// --- the loop

void fleet_busy(struct fleet *f)
{
    if (f->busy++ == 0)
        uv_ref((uv_handle_t *)&f->hold);
}

void fleet_idle(struct fleet *f)
{
    if (--f->busy == 0)
        uv_unref((uv_handle_t *)&f->hold);
}

void fleet_emit(struct conn *c, enum fleet_event event, const char *text)
{
    const struct fleet_opts *o = &c->f->opts;
    if (o->on_event)
        o->on_event(o->data, c, event, text);
}

void fleet_stood_still(struct fleet *f, uint64_t ms)
{
    uv_update_time(&f->loop);
    raws_put_off(f, ms);
    for (size_t i = 0; i < f->n_conns; i++) {
        struct conn *c = f->conns[i];
        if (c->deadline)
            c->deadline += ms;
        c->held_up = c->held_up || c->state == CONN_BOOTING;
        tasks_put_off(c, ms);
    }
}

const char *fleet_event_name(enum fleet_event event)
{
    static const char *const names[] = {
        [FLEET_CONNECTED] = "connected", [FLEET_LOST] = "lost",       [FLEET_RETRY] = "retry",
        [FLEET_PUSHED] = "pushed",       [FLEET_ALTERED] = "altered", [FLEET_FALLBACK] = "fallback",
        [FLEET_STALE] = "stale",
    };
    return (size_t)event < sizeof names / sizeof *names ? names[event] : "unknown";
}

static void on_tick(uv_timer_t *t)
{
    struct fleet *f = t->data;
    uint64_t now = uv_now(&f->loop), next = raws_tick(f, now);
    f->tick_at = UINT64_MAX;
    for (size_t i = 0; i < f->n_conns; i++) {
        uint64_t at = conn_tick(f->conns[i], now);
        if (at < next)
            next = at;
    }
    if (next != UINT64_MAX)
        fleet_wake_at(f, next);
}

void fleet_wake_at(struct fleet *f, uint64_t at)
{
    if (at >= f->tick_at)
        return;
    uint64_t now = uv_now(&f->loop);
    f->tick_at = at;
    uv_timer_start(&f->tick, on_tick, at > now ? at - now : 0, 0);
}

// Before the loop sleeps: everything that callbacks have asked for.
static void on_prepare(uv_prepare_t *h)
{
    struct fleet *f = h->data;
    struct conn *c = f->dirty;
    f->dirty = NULL;
    while (c) {
        struct conn *next = c->next_dirty;
        c->dirty = false;
        conn_step(c);
        c = next;
    }
    while (f->waiting && f->connecting < f->opts.max_connecting) {
        c = f->waiting;
        f->waiting = c->next_waiting;
        if (!f->waiting)
            f->waiting_end = &f->waiting;
        c->state = CONN_IDLE;
        conn_step(c);
    }
    f->new_raws = false;
    raws_start(f);
    if (f->dirty || f->new_raws) // asked for by callbacks just now: do not sleep
        fleet_wake_at(f, uv_now(&f->loop));
}

static void on_hold(uv_async_t *h)
{
    (void)h;
}

static int loop_init(struct fleet *f, struct err *e)
{
    int rc = uv_loop_init(&f->loop);
    if (rc < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot make an event loop: %s", uv_strerror(rc));
    rc = children_init(&f->children, &f->loop, e);
    if (rc) {
        uv_loop_close(&f->loop);
        return rc;
    }
    uv_prepare_init(&f->loop, &f->prepare);
    uv_prepare_start(&f->prepare, on_prepare);
    uv_async_init(&f->loop, &f->hold, on_hold);
    uv_timer_init(&f->loop, &f->tick);
    f->prepare.data = f->hold.data = f->tick.data = f;
    uv_unref((uv_handle_t *)&f->prepare);
    uv_unref((uv_handle_t *)&f->hold);
    uv_unref((uv_handle_t *)&f->tick);
    f->tick_at = UINT64_MAX;
    return 0;
}

struct fleet *fleet_new(const struct fleet_opts *opts, struct err *e)
{
    struct fleet *f = xcalloc(1, sizeof *f);
    f->opts = *opts;
    if (f->opts.max_connecting <= 0)
        f->opts.max_connecting = CONNECTING_DEFAULT;
    f->waiting_end = &f->waiting;
    f->raws_end = &f->raws;
    if (loop_init(f, e)) {
        free(f);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    f->arena = arena_new();
    f->by_login = value_dict(f->arena).u.dict;
    struct fleet_helper *helpers = arena_array(f->arena, struct fleet_helper, opts->n_helpers + 1);
    for (size_t i = 0; i < opts->n_helpers; i++) {
        helpers[i] = opts->helpers[i];
        helpers[i].arch = arena_strdup(f->arena, helpers[i].arch);
        helpers[i].path = arena_strdup(f->arena, helpers[i].path);
    }
    f->opts.helpers = helpers;
    f->opts.control_dir = arena_strdup(f->arena, opts->control_dir);
    f->opts.askpass = arena_strdup(f->arena, opts->askpass);
    return f;
}

uv_loop_t *fleet_loop(struct fleet *f)
{
    return &f->loop;
}

// --- folder of control sockets

// True when path is a folder of ours that nobody else can enter; it is made when it is not there.
static bool private_dir(const char *path)
{
    struct err e = ERR_INIT;
    struct stat st;
    int rc = file_mkdirs(path, 0700, &e);
    err_release(&e);
    if (rc || lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return false;
    return (st.st_mode & 077) == 0 || chmod(path, 0700) == 0;
}

static bool usable_dir(const char *d)
{
    return d && d[0] == '/' && strlen(d) <= CONTROL_DIR_MAX && !strchr(d, '"') && private_dir(d);
}

// The first usable folder, looked for once.
static const char *default_control_dir(struct fleet *f)
{
    if (f->control_dir_known)
        return f->control_dir;
    f->control_dir_known = true;
    const char *home = getenv("HOME"), *andon = getenv("ANDON_HOME"),
               *run = getenv("XDG_RUNTIME_DIR");
    struct arena *a = f->arena;
    const char *candidates[] = {
        f->opts.control_dir,
        andon && *andon ? arena_printf(a, "%s/cp", andon) : NULL,
        home && *home ? arena_printf(a, "%s/.andon/cp", home) : NULL,
        run && *run ? arena_printf(a, "%s/andon-cp", run) : NULL,
        arena_printf(a, "/tmp/.andon-cp-%u", (unsigned)geteuid()),
    };
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates && !f->control_dir; i++)
        if (usable_dir(candidates[i]))
            f->control_dir = candidates[i];
    return f->control_dir;
}

const char *fleet_control_dir(struct fleet *f, const char *wanted)
{
    const char *home = getenv("HOME");
    if (wanted && wanted[0] == '~' && wanted[1] == '/' && home)
        wanted = arena_printf(f->arena, "%s%s", home, wanted + 1);
    return usable_dir(wanted) ? wanted : default_control_dir(f);
}

// --- connections by login

static void key_str(struct buf *b, const char *s)
{
    if (s)
        buf_add(b, s, strlen(s) + 1);
    buf_addc(b, s ? 'x' : '-');
    buf_addc(b, '\0');
}

// All that distinguishes one login from another; the name does so only where it is the address.
static void login_key(struct buf *b, const struct conn_params *p)
{
    buf_addf(b, "%d %d %d %d %d %d %d %d ", p->transport, p->port, p->no_persist,
             p->accept_any_host_key, p->no_tty, p->timeout, p->retries, p->alive_interval);
    if (p->transport == CONN_LOCAL)
        return;
    const char *const words[] = {
        p->host ? p->host : p->name,
        p->user,
        p->private_key,
        p->password,
        p->ssh_executable,
        p->ssh_args,
        p->ssh_common_args,
        p->ssh_extra_args,
        p->control_path,
        p->control_path_dir,
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        key_str(b, words[i]);
}

static void params_copy(struct arena *a, struct conn_params *to, const struct conn_params *p)
{
    *to = *p;
    const char **const words[] = {
        &to->name,
        &to->host,
        &to->user,
        &to->private_key,
        &to->password,
        &to->ssh_executable,
        &to->ssh_args,
        &to->ssh_common_args,
        &to->ssh_extra_args,
        &to->control_path,
        &to->control_path_dir,
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        *words[i] = arena_strdup(a, *words[i]);
}

static struct conn *conn_make(struct fleet *f, const struct conn_params *p, struct err *e)
{
    struct conn *c = xcalloc(1, sizeof *c);
    c->f = f;
    c->arena = arena_new();
    c->next_id = 1;
    c->tasks_end = &c->tasks;
    params_copy(c->arena, &c->p, p);
    if (p->transport == CONN_SSH && conn_line(c, e)) {
        conn_free(c);
        return NULL;
    }
    if (f->n_conns == f->cap_conns) {
        f->cap_conns = f->cap_conns ? 2 * f->cap_conns : 16;
        f->conns = xrealloc(f->conns, f->cap_conns * sizeof *f->conns);
    }
    f->conns[f->n_conns++] = c;
    c->token = f->n_conns;
    return c;
}

struct conn *fleet_conn(struct fleet *f, const struct conn_params *p, struct err *e)
{
    struct buf key = BUF_INIT;
    login_key(&key, p);
    const struct value *at = dict_getn(f->by_login, key.p, key.len);
    struct conn *c = at ? f->conns[at->u.i] : conn_make(f, p, e);
    if (c)
        c->refs++;
    if (c && !at)
        dict_setv(f->by_login, value_strn(f->arena, key.p, key.len),
                  value_int((int64_t)f->n_conns - 1));
    buf_release(&key);
    return c;
}

struct conn *conn_ref(struct conn *c)
{
    c->refs++;
    return c;
}

void conn_unref(struct conn *c)
{
    if (c && --c->refs == 0)
        conn_dirty(c);
}

// --- the end

static void kill_all(struct fleet *f, int signum)
{
    for (struct child *c = f->children.first; c; c = child_next(c))
        child_kill(c, signum);
}

// Runs the loop until no child is left or ms have passed.
static void run_down(struct fleet *f, uint64_t ms)
{
    uint64_t end = uv_now(&f->loop) + ms;
    while (f->children.n && uv_now(&f->loop) < end) {
        fleet_wake_at(f, end);
        uv_run(&f->loop, UV_RUN_ONCE);
    }
}

void fleet_close(struct fleet *f, int grace_ms)
{
    if (!f)
        return;
    uv_update_time(&f->loop);
    f->closing = true;
    fleet_busy(f);
    raws_cancel_all(f);
    for (size_t i = 0; i < f->n_conns; i++)
        conn_close(f->conns[i]);
    run_down(f, grace_ms > 0 ? (uint64_t)grace_ms : 0);
    kill_all(f, SIGTERM);
    run_down(f, KILL_GRACE_MS);
    kill_all(f, SIGKILL);
    run_down(f, UINT32_MAX);
    for (size_t i = 0; i < f->n_conns; i++)
        tasks_fail(f->conns[i], false, CONN_CANCELLED, "the run has ended");
    children_close(&f->children);
    askpass_free(f->askpass);
    uv_close((uv_handle_t *)&f->prepare, NULL);
    uv_close((uv_handle_t *)&f->hold, NULL);
    uv_close((uv_handle_t *)&f->tick, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    uv_loop_close(&f->loop);
    for (size_t i = 0; i < f->n_conns; i++)
        conn_free(f->conns[i]);
    free(f->conns);
    helpers_release(f);
    arena_free(f->arena);
    free(f);
}
