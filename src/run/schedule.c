// Who runs when. linear: all hosts stand before the same task, the earliest in the play goes first
// for everyone who stands there. free: each host goes on as soon as a fork is free.
#include "core/file.h"
#include "run/internal.h"
#include "run/loop.h"

#include <stdlib.h>
#include <string.h>

static int path_compare(const struct rhost *x, const struct rhost *y)
{
    unsigned depth = x->depth > y->depth ? x->depth : y->depth;
    for (unsigned i = 0; i <= depth; i++) {
        uint32_t p = i <= x->depth ? x->path[i] : 0, q = i <= y->depth ? y->path[i] : 0;
        if (p != q)
            return p < q ? -1 : 1;
    }
    return 0;
}

static bool may_go_on(const struct rhost *h)
{
    const struct run *r = h->run;
    if (r->interrupted || r->stopped || r->end_play || r->end_batch || h->unreachable || h->ended)
        return false;
    return !r->halted || h->in_rescue || h->forced;
}

bool schedule_arrive(struct rhost *h, struct task *t)
{
    if (!may_go_on(h))
        return false;
    h->at = t;
    h->waiting = true;
    h->running = false;
    h->follow = false;
    coro_yield();
    h->waiting = false;
    h->at = NULL;
    return may_go_on(h);
}

bool schedule_arrive_flush(struct rhost *h)
{
    return schedule_arrive(h, &h->run->flush_task);
}

// --- telling about tasks and includes ------------------------------------------------------------

// n_hosts: that run it together; 0: strategy free, whoever comes by.
static void tell_task(struct run *r, struct rhost *h, struct task *t, size_t n_hosts, bool again)
{
    struct arena *a = arena_new();
    if (t != &r->flush_task && r->o.sink.task_start) {
        const struct value *no_log = node_attr(&t->n, "no_log");
        struct task_event ev = {.task = t,
                                .handler = t->handler,
                                .n_hosts = n_hosts ? n_hosts : 1,
                                .again = again,
                                .free_strategy = !n_hosts};
        ev.name = task_display_name(r, h, t, a);
        ev.prefix = t->handler ? "RUNNING HANDLER" : "TASK";
        ev.no_log = no_log && no_log->type == VALUE_BOOL && no_log->u.b;
        ev.args = !ev.no_log && t->args.type == VALUE_DICT ? t->args.u.dict : NULL;
        ev.path =
            t->n.pos.file ? arena_printf(a, "%s:%u", src_name(t->n.pos.file), t->n.pos.line) : NULL;
        r->o.sink.task_start(r->o.sink.data, &ev);
    }
    arena_free(a);
}

void schedule_note_include(struct rhost *h, const char *file, const struct value *item,
                           const struct value *label, bool no_log)
{
    struct run *r = h->run;
    struct pending_include *p = arena_new_of(r->round_arena, struct pending_include);
    p->host = h->name;
    p->file = arena_strdup(r->round_arena, file);
    p->no_log = no_log;
    if (label) {
        p->has_label = true;
        p->label = value_copy(r->round_arena, label);
        p->item = value_copy(r->round_arena, item);
    }
    *r->includes_tail = p;
    r->includes_tail = &p->next;
}

static bool same_include(const struct pending_include *x, const struct pending_include *y)
{
    if (x->has_label != y->has_label || strcmp(x->file, y->file) != 0)
        return false;
    return !x->has_label || (value_equal(&x->item, &y->item) && value_equal(&x->label, &y->label));
}

static bool among(const char *const *hosts, size_t n, const char *host)
{
    while (n && strcmp(hosts[n - 1], host) != 0)
        n--;
    return n > 0;
}

// Tells the includes of a round, hosts with the same file together.
static void tell_includes(struct run *r)
{
    const char **hosts = xmalloc((r->batch.n + 1) * sizeof *hosts);
    for (struct pending_include *p = r->includes; p; p = p->next) {
        size_t n = 0;
        if (p->told)
            continue;
        for (struct pending_include *q = p; q; q = q->next)
            if (!q->told && same_include(p, q) && (q == p || !among(hosts, n, q->host))) {
                q->told = true;
                if (n < r->batch.n)
                    hosts[n++] = q->host;
            }
        struct include_event ev = {.file = p->file,
                                   .hosts = hosts,
                                   .n_hosts = n,
                                   .no_log = p->no_log,
                                   .item = p->has_label ? &p->label : NULL};
        if (r->o.sink.include)
            r->o.sink.include(r->o.sink.data, &ev);
    }
    free(hosts);
    r->includes = NULL;
    r->includes_tail = &r->includes;
    r->places = NULL;
    arena_reset(r->round_arena);
}

// --- run_once ------------------------------------------------------------------------------------

enum once { ONCE_EACH, ONCE_ALONE, ONCE_FOR_ALL };

// A keyword of the scheduler's own is the play's: what is wrong with it ends the run.
static void stop_at(struct run *r, const struct task *t, const struct err *e)
{
    run_stop(r,
             r->o.ansible_wording ? POS_NONE
             : e->pos.line        ? e->pos
                                  : t->n.pos,
             "%s", err_msg(e));
}

// Whether one host runs the task for all (run_once). add_host runs once as well, but what it
// registers is that host's.
static enum once is_once(struct run *r, struct rhost *h, struct task *t)
{
    struct arena *a = arena_new();
    struct exec x;
    struct err e = ERR_INIT;
    int rc = 0;
    enum once once = ONCE_EACH;
    if (t->kind != TASK_META) {
        exec_init(&x, r, h, t, a);
        if (exec_attr_bool(&x, "run_once", false, &rc, &e))
            once = ONCE_FOR_ALL;
        else if (strcmp(t->module, "add_host") == 0)
            once = ONCE_ALONE;
        if (rc < 0)
            stop_at(r, t, &e);
        err_release(&e);
    }
    arena_free(a);
    return once;
}

// What a deferred set_fact left on h.
static void share_unknown(struct rhost *h, struct rhost *to, const struct task *t)
{
    struct dict_entry *it;
    to->unknown_names = h->unknown_names;
    if (strcmp(t->module, "set_fact") != 0 || t->args.type != VALUE_DICT)
        return;
    DICT_EACH(t->args.u.dict, it)
    {
        const struct value *v = dict_getv(h->set_facts.d, &it->key);
        if (v && it->key.type == VALUE_STRING)
            store_set(h->run, &to->set_facts, it->key.u.str.s, v);
    }
}

// What it registers is everybody's, also of those that have left the play.
static void share_registered(struct rhost *h, const struct task *t)
{
    struct run *r = h->run;
    const struct value *reg = node_own(&t->n, "register");
    if (!reg || reg->type != VALUE_STRING)
        return;
    for (size_t i = 0; i < r->batch.n; i++) {
        struct rhost *o = r->batch.hosts[i];
        if (o != h && !o->unreachable)
            store_set(r, &o->set_facts, reg->u.str.s, dict_get(h->set_facts.d, reg->u.str.s));
    }
}

void schedule_share(struct rhost *h, const struct task *t, enum task_status status)
{
    struct run *r = h->run;
    if (!h->leader)
        return;
    h->leader = false;
    if (h->shares)
        share_registered(h, t);
    for (size_t i = 0; i < r->batch.n; i++) {
        struct rhost *o = r->batch.hosts[i];
        if (o == h || !o->follow_pending)
            continue;
        if (status == STATUS_UNKNOWN)
            share_unknown(h, o, t);
        o->follow_status = status == STATUS_CHANGED ? STATUS_OK : status;
        o->follow = true;
        o->follow_ready = true;
    }
    if (status == STATUS_UNREACHABLE || h->unreachable)
        for (size_t i = 0; i < r->batch.n; i++)
            r->batch.hosts[i]->follow_pending = false;
}

// --- the loop ------------------------------------------------------------------------------------

static void resume(struct rhost *h)
{
    h->waiting = false;
    h->running = true;
    h->doing = h->at;
    h->started_ms = clock_mono_ms();
    coro_resume(h->coro);
    if (h->waiting || h->done)
        h->running = false;
}

void schedule_wake(struct rhost *h)
{
    coro_resume(h->coro);
    if (h->waiting || h->done)
        h->running = false;
}

static size_t count_running(const struct run *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->batch.n; i++)
        n += r->batch.hosts[i]->running;
    return n;
}

static bool whole_number(struct arena *a, const struct value *v, int64_t *ret)
{
    char *end;
    const char *s = value_to_cstr(a, v);
    *ret = v->type == VALUE_BOOL    ? v->u.b
           : v->type == VALUE_FLOAT ? (int64_t)v->u.f
                                    : strtoll(s, &end, 10);
    return v->type != VALUE_STRING || (end > s && !*end);
}

static size_t throttle_of(struct run *r, struct rhost *h, struct task *t)
{
    struct arena *a = arena_new();
    struct exec x;
    struct value v;
    int64_t want = 0;
    size_t n = (size_t)(r->o.forks > 0 ? r->o.forks : 1);
    if (t->kind != TASK_META && node_attr(&t->n, "throttle")) {
        exec_init(&x, r, h, t, a);
        int rc = exec_attr(&x, "throttle", &v, NULL);
        if (rc < 0 || (rc > 0 && !whole_number(a, &v, &want)))
            run_stop(r, t->n.pos, "Failed to convert the throttle value to an integer.");
        if (want > 0 && (size_t)want < n)
            n = (size_t)want;
    }
    arena_free(a);
    return n;
}

static void wait_events(struct run *r)
{
    uv_run(fleet_loop(r->o.fleet), UV_RUN_ONCE);
}

// Lets the hosts of a group run the task they stand before, at most `limit` at once.
static void run_group(struct run *r, struct rhost **group, size_t n, size_t limit)
{
    for (size_t i = 0; i < n; i++) {
        while (count_running(r) >= limit)
            wait_events(r);
        resume(group[i]); // after an interrupt it ends at once
    }
    while (count_running(r))
        wait_events(r);
}

static void run_once(struct run *r, struct rhost **group, size_t n, bool shares)
{
    struct rhost *leader = group[0];
    leader->leader = true;
    leader->shares = shares;
    for (size_t i = 1; i < n; i++)
        group[i]->follow_pending = true;
    run_group(r, group, 1, 1);
    leader->leader = leader->shares = false;
    for (size_t i = 1; i < n; i++) {
        struct rhost *o = group[i];
        o->follow_pending = false;
        if (o->follow_ready) {
            o->follow_ready = false;
            resume(o);
        } else { // the leader was lost: nobody can go on without its result
            r->fatal = r->halted = true;
            resume(o);
        }
    }
    while (count_running(r))
        wait_events(r);
}

// A meta task is told anew for each host that does it.
static void run_meta(struct run *r, struct rhost **group, size_t n, struct task *t)
{
    bool each = meta_for_each_host(t);
    for (size_t i = 0; i < n; i++) {
        if (i && !each)
            group[i]->passed_over = true;
        else if (may_go_on(group[i]))
            tell_task(r, group[i], t, n, i > 0);
        run_group(r, group + i, 1, 1);
    }
}

static bool step_refused(struct run *r, struct rhost *h, struct task *t)
{
    if (!r->o.step || r->step_all || t->kind == TASK_META || !r->o.prompt)
        return false;
    struct arena *a = arena_new();
    const char *text = arena_printf(a, "Perform task: %s (N)o/(y)es/(c)ontinue: ",
                                    arena_printf(a, "TASK: %s", task_display_name(r, h, t, a)));
    char *answer = r->o.prompt(r->o.prompt_data, text, false, 0);
    char c = answer ? answer[0] | 32 : 'n';
    free(answer);
    arena_free(a);
    r->step_all = c == 'c';
    return c != 'y' && c != 'c';
}

// --start-at-task: tasks before it are passed over.
static bool before_start(struct run *r, struct rhost *h, struct task *t)
{
    if (r->started || !r->o.start_at_task)
        return false;
    if (t->implicit || t->kind == TASK_META)
        return t->kind != TASK_META && !t->implicit;
    struct arena *a = arena_new();
    const char *name = task_display_name(r, h, t, a);
    r->started = start_matches(r->o.start_at_task, name, t->name);
    arena_free(a);
    return !r->started;
}

static void skip_group(struct run *r, struct rhost **group, size_t n)
{
    for (size_t i = 0; i < n; i++)
        group[i]->passed_over = true;
    run_group(r, group, n, n + 1);
}

static void check_percentage(struct run *r)
{
    size_t failed = 0;
    if (r->max_fail_percentage < 0 || r->fatal)
        return;
    for (size_t i = 0; i < r->batch.n; i++)
        failed += r->batch.hosts[i]->failed || r->batch.hosts[i]->unreachable;
    if ((double)failed * 100.0 / (double)r->batch.n > r->max_fail_percentage) {
        r->fatal = true;
        if (r->o.sink.no_hosts_remaining) // told once more when the batch ends, as Ansible does
            r->o.sink.no_hosts_remaining(r->o.sink.data);
    }
}

// One round: the earliest task anyone stands before. false when nobody waits.
static bool linear_round(struct run *r, struct rhost **group)
{
    struct rhost *first = NULL;
    size_t n = 0;
    r->halted = r->fatal;
    for (size_t i = 0; i < r->batch.n; i++) {
        struct rhost *h = r->batch.hosts[i];
        if (h->waiting && (!first || path_compare(h, first) < 0))
            first = h;
    }
    if (!first)
        return false;
    struct task *t = first->at;
    for (size_t i = 0; i < r->batch.n; i++) {
        struct rhost *h = r->batch.hosts[i];
        if (h->waiting && h->at == t && path_compare(h, first) == 0)
            group[n++] = h;
    }
    if (before_start(r, first, t) || step_refused(r, first, t)) {
        skip_group(r, group, n);
        return true;
    }
    if (t->kind == TASK_META && t != &r->flush_task) {
        run_meta(r, group, n, t);
        return true;
    }
    enum once once = is_once(r, first, t);
    if (may_go_on(first))
        tell_task(r, first, t, n, false);
    if (n > 0 && once != ONCE_EACH)
        run_once(r, group, n, once == ONCE_FOR_ALL);
    else
        run_group(r, group, n, throttle_of(r, first, t));
    tell_includes(r);
    run_free_retired(r);
    check_percentage(r);
    return true;
}

// Hosts that run t now; the free strategies have each at a task of its own.
static size_t count_at(const struct run *r, const struct task *t)
{
    size_t n = 0;
    for (size_t i = 0; i < r->batch.n; i++)
        n += r->batch.hosts[i]->running && r->batch.hosts[i]->doing == t;
    return n;
}

static void free_release(struct run *r, struct task **shown)
{
    size_t forks = (size_t)(r->o.forks > 0 ? r->o.forks : 1);
    for (size_t i = 0; i < r->batch.n && count_running(r) < forks; i++) {
        struct rhost *h = r->batch.hosts[i];
        if (!h->waiting)
            continue;
        struct task *t = h->at;
        if (t != &r->flush_task && count_at(r, t) >= throttle_of(r, h, t))
            continue;
        if (t != &r->flush_task && t != *shown && may_go_on(h)) {
            tell_task(r, h, t, 0, false);
            *shown = t;
        }
        resume(h);
        tell_includes(r);
    }
}

static bool anyone_left(const struct run *r)
{
    for (size_t i = 0; i < r->batch.n; i++)
        if (!r->batch.hosts[i]->done)
            return true;
    return false;
}

void schedule_batch(struct run *r, bool linear)
{
    struct rhost **group = xmalloc((r->batch.n + 1) * sizeof *group);
    struct task *shown = NULL;
    for (size_t i = 0; i < r->batch.n; i++) {
        r->batch.hosts[i]->done = false;
        r->batch.hosts[i]->coro = coro_new(host_walk, r->batch.hosts[i]);
        resume(r->batch.hosts[i]);
    }
    while (count_running(r))
        wait_events(r);
    while (linear && linear_round(r, group))
        ;
    while (!linear && anyone_left(r)) {
        r->halted = r->fatal;
        free_release(r, &shown);
        run_free_retired(r);
        if (count_running(r))
            wait_events(r);
        tell_includes(r);
    }
    for (size_t i = 0; i < r->batch.n; i++) {
        struct rhost *h = r->batch.hosts[i];
        if (h->waiting) { // run_once whose leader was lost
            h->unreachable = true;
            resume(h);
        }
        coro_free(h->coro);
        h->coro = NULL;
    }
    run_free_retired(r);
    free(group);
}
