// How one host goes through a play: lists of nodes, blocks with rescue and always, includes,
// handlers, meta tasks. Runs in the host's coroutine. The path (index at each level of the tree)
// orders hosts for the linear strategy.
#include "core/buf.h"
#include "run/internal.h"
#include "run/loop.h"

#include <string.h>

enum flow { FLOW_GO, FLOW_FAILED, FLOW_OUT };

static enum flow walk_list(struct rhost *h, const struct node_list *l);
static enum flow walk_node(struct rhost *h, struct node *n);
static enum flow flush_handlers(struct rhost *h);

// One level down; false: too deep, the run is stopped.
static bool push(struct rhost *h, struct pos pos)
{
    if (h->depth + 1 >= MAX_PATH) {
        run_stop(h->run, pos, "blocks and includes are nested too deeply (more than %d levels)",
                 MAX_PATH);
        return false;
    }
    h->path[++h->depth] = 0;
    return true;
}

static void pop(struct rhost *h)
{
    h->path[h->depth] = 0;
    h->depth--;
}

// --- tasks -------------------------------------------------------------------------------------

// ansible_failed_task: its keywords as written, its own name without its role ("" when it has
// none), and its arguments as they were meant for this host.
static void remember_failure(struct exec *x, struct rhost *h, const struct value *result,
                             const char *display)
{
    const struct task *t = x->task;
    if (h->failed_arena)
        run_retire(h->run, h->failed_arena);
    h->failed_arena = arena_new();
    struct value v = value_shallow(h->failed_arena, result), args = t->args;
    loop_strip_internal(v.u.dict);
    h->failed_result = value_copy(h->failed_arena, &v);
    value_mark_unsafe(&h->failed_result);
    const char *own = t->n.role && !t->implicit ? strstr(display, " : ") : NULL;
    const char *name = !t->name || !*t->name ? "" : own ? own + 3 : display;
    x->tpl.opts.fail_on_undefined = false;
    if (exec_template(x, &t->args, &args, NULL) < 0)
        args = t->args;
    struct value keywords = {.type = VALUE_DICT, .u.dict = (struct dict *)(uintptr_t)t->n.attrs};
    struct value task = value_copy(h->failed_arena, &keywords);
    dict_set(task.u.dict, "name", value_str(h->failed_arena, name));
    dict_set(task.u.dict, "action", value_str(h->failed_arena, t->action));
    dict_set(task.u.dict, "args", value_copy(h->failed_arena, &args));
    value_mark_unsafe(&task);
    h->failed_task = task;
}

// Whether the task's own block still has an always section to go through. As long as it has,
// Ansible does not count the host as failed, so its error is not everybody's.
static bool always_ahead(const struct task *t)
{
    const struct node *parent = t->n.parent;
    if (!parent || parent->kind != NODE_BLOCK)
        return false;
    const struct block *b = (const struct block *)(const void *)parent;
    for (size_t i = 0; i < b->always.len; i++)
        if (b->always.items[i] == &t->n)
            return false;
    return b->always.len > 0;
}

static enum flow task_failed(struct rhost *h, struct task *t, const struct value *result,
                             const char *name)
{
    struct run *r = h->run;
    struct arena *a = arena_new();
    struct exec x;
    int rc = 0;
    exec_init(&x, r, h, t, a);
    remember_failure(&x, h, result, name);
    if (dict_get(result->u.dict, "_andon_untold")) {
        ; // no result: nothing counts it
    } else if (h->rescues && t->handler) {
        h->stats.failed++; // as Ansible counts it, though the rescue section follows
    } else if (h->rescues && !dict_get(result->u.dict, "reason")) {
        h->stats.rescued++;
    } else {
        h->stats.failed++;
        if (!always_ahead(t) &&
            exec_attr_bool(&x, "any_errors_fatal",
                           config_bool(r->o.config, CONFIG_ANY_ERRORS_FATAL), &rc, NULL))
            r->fatal = true;
    }
    arena_free(a);
    return FLOW_FAILED;
}

// A play opts in to rescue sections that also catch lost hosts by a variable, which Ansible passes
// over.
static bool rescues_unreachable(struct rhost *h, struct task *t, struct arena *a)
{
    struct exec x;
    struct value v;
    exec_init(&x, h->run, h, t, a);
    if (exec_var(&x, "andon_rescue_unreachable", &v, NULL) <= 0)
        return false;
    exec_reset_connection(&x); // the rescue may bring the host back
    return v.type == VALUE_STRING ? value_parse_bool(v.u.str.s, v.u.str.len) == 1
                                  : value_truthy(&v);
}

static enum flow after_task(struct rhost *h, struct task *t, enum task_status status,
                            const struct value *result, struct arena *a)
{
    struct run *r = h->run;
    bool ignored = dict_bool(result->u.dict, "_andon_ignored", false);
    if (h->unreachable && h->rescues && rescues_unreachable(h, t, a)) {
        h->unreachable = false;
        h->stats.unreachable--;
        return task_failed(h, t, result, task_display_name(r, h, t, a));
    }
    if (h->unreachable) {
        struct exec x;
        int rc = 0;
        exec_init(&x, r, h, t, a);
        if (exec_attr_bool(&x, "any_errors_fatal", false, &rc, NULL))
            r->fatal = true;
        return FLOW_OUT;
    }
    if (status == STATUS_FAILED && !ignored)
        return task_failed(h, t, result, task_display_name(r, h, t, a));
    return r->stopped ? FLOW_OUT : FLOW_GO;
}

static enum flow walk_included(struct rhost *h)
{
    include_order(h);
    // the list is taken over: included tasks may include again
    struct included *list = h->included_list;
    size_t n = h->n_included;
    struct arena *arena = h->included_arena;
    enum flow f = FLOW_GO;
    h->included_list = NULL;
    h->n_included = 0;
    h->included_arena = NULL;
    bool down = push(h, list[0].inc->n.pos);
    for (size_t i = 0; i < n && f == FLOW_GO; i++) {
        struct frame frame = {.up = h->frames, .vars = list[i].vars, .unknown = list[i].unknown};
        if (!down || !push(h, list[i].inc->n.pos)) {
            f = FLOW_OUT;
            break;
        }
        h->path[h->depth - 1] = list[i].place;
        h->frames = &frame;
        f = walk_node(h, &list[i].inc->n);
        pop(h);
        h->frames = frame.up;
    }
    if (down)
        pop(h);
    if (arena)
        run_retire(h->run, arena);
    return f;
}

static enum flow walk_meta(struct rhost *h, struct task *t)
{
    switch (meta_run(h, t)) {
    case META_OUT:
        return FLOW_OUT;
    case META_FLUSH:
        return flush_handlers(h);
    case META_GO:
        break;
    }
    return FLOW_GO;
}

// A role runs once per host and play for the same parameters, unless it allows duplicates: its
// tasks are passed over, those of roles it depends on or imports are looked at by themselves.
static bool role_already_done(struct rhost *h, const struct task *t)
{
    const struct role *r = t->n.role;
    if (!r || r->use->allow_duplicates)
        return false;
    struct value key = value_int((int64_t)(uintptr_t)r->use);
    const struct value *done = dict_getv(h->roles, &key);
    return done && done->u.b;
}

// Only a role of which a task has run, and not all were skipped, counts as done at its end.
static void role_has_run(struct rhost *h, const struct task *t, enum task_status status)
{
    const struct role *r = t->n.role;
    if (!r || status == STATUS_SKIPPED || status == STATUS_UNREACHABLE)
        return;
    struct value key = value_int((int64_t)(uintptr_t)r->use);
    if (!dict_getv(h->roles, &key))
        dict_setv(h->roles, key, value_bool(false));
}

static enum flow walk_task(struct rhost *h, struct task *t)
{
    struct run *r = h->run;
    if (!t->handler && (role_already_done(h, t) || !task_selected(r, h, &t->n)))
        return FLOW_GO;
    if (!schedule_arrive(h, t))
        return FLOW_OUT;
    if (h->passed_over) {
        h->passed_over = false;
        return FLOW_GO;
    }
    if (t->kind == TASK_META)
        return walk_meta(h, t);
    struct arena *a = arena_new();
    struct value result;
    enum task_status status;
    if (h->follow) { // run_once: another host ran it
        status = h->follow_status;
        arena_free(a);
        if (status == STATUS_FAILED && !h->rescues)
            r->fatal = true;
        return status == STATUS_FAILED ? FLOW_FAILED : FLOW_GO;
    } else {
        status = task_run(r, h, t, a, &result);
        role_has_run(h, t, status);
        schedule_share(h, t, status);
    }
    enum flow f = after_task(h, t, status, &result, a);
    arena_free(a);
    if (f == FLOW_GO && h->n_included)
        return walk_included(h);
    h->n_included = 0; // of items before the one that failed
    return f;
}

// Section number `at` of a block.
static enum flow walk_section(struct rhost *h, uint32_t at, const struct block *b,
                              const struct node_list *l)
{
    h->path[h->depth] = at;
    if (!push(h, b->n.pos))
        return FLOW_OUT;
    enum flow f = walk_list(h, l);
    pop(h);
    return f;
}

static enum flow walk_block(struct rhost *h, struct block *b)
{
    if (!push(h, b->n.pos))
        return FLOW_OUT;
    h->rescues += b->rescue.len > 0;
    enum flow f = walk_section(h, 0, b, &b->body);
    h->rescues -= b->rescue.len > 0;
    if (f == FLOW_FAILED && b->rescue.len) {
        h->in_rescue++;
        f = walk_section(h, 1, b, &b->rescue);
        h->in_rescue--;
        if (f == FLOW_OUT && h->ended) // end_host: nothing rescued it
            h->failed = true;
    }
    if (f != FLOW_OUT && b->always.len) {
        h->in_rescue++;
        enum flow g = walk_section(h, 2, b, &b->always);
        h->in_rescue--;
        f = f == FLOW_GO || g == FLOW_OUT ? g : f;
    }
    pop(h);
    return f;
}

static enum flow walk_include(struct rhost *h, struct include *inc)
{
    const struct role *r = inc->n.role;
    if (!push(h, inc->n.pos))
        return FLOW_OUT;
    enum flow f = walk_list(h, &inc->body);
    pop(h);
    struct value key = value_int((int64_t)(uintptr_t)(r ? r->use : NULL));
    if (f == FLOW_GO && r && r->node == &inc->n && dict_getv(h->roles, &key))
        dict_setv(h->roles, key, value_bool(true));
    return f;
}

static enum flow walk_node(struct rhost *h, struct node *n)
{
    switch (n->kind) {
    case NODE_TASK:
        return walk_task(h, node_task(n));
    case NODE_BLOCK:
        return walk_block(h, node_block(n));
    case NODE_INCLUDE:
        return walk_include(h, node_include(n));
    case NODE_PLAY:
        break;
    }
    return FLOW_GO;
}

static enum flow walk_list(struct rhost *h, const struct node_list *l)
{
    enum flow f = FLOW_GO;
    for (size_t i = 0; i < l->len && f == FLOW_GO; i++) {
        h->path[h->depth] = (uint32_t)i;
        f = walk_node(h, l->items[i]);
    }
    return f;
}

static enum flow flush_handlers(struct rhost *h)
{
    struct run *r = h->run;
    enum flow f = FLOW_GO;
    if (r->handlers_roles != r->play->n_roles)
        collect_handlers(r, r->play);
    if (!push(h, POS_NONE))
        return FLOW_OUT;
    for (size_t i = 0; i < r->handlers.len && f == FLOW_GO; i++) {
        struct task *t = node_task(r->handlers.items[i]);
        if (!handler_notified(h, t))
            continue;
        for (size_t j = 0; j < h->n_notified; j++)
            if (h->notified[j] == t) {
                h->handler_why = h->notified_why[j];
                h->notified[j] = h->notified[--h->n_notified];
                h->notified_why[j] = h->notified_why[h->n_notified];
            }
        h->path[h->depth] = (uint32_t)i;
        f = walk_task(h, t);
        h->handler_why = NULL;
    }
    pop(h);
    return f;
}

// Places of the sections in a play; what follows each is its flush of handlers.
enum { SECTION_PRE = 1, SECTION_TASKS = 3, SECTION_POST = 5 };

static enum flow section(struct rhost *h, unsigned number, const struct node_list *l)
{
    h->path[0] = number;
    if (!push(h, POS_NONE))
        return FLOW_OUT;
    enum flow f = walk_list(h, l);
    pop(h);
    if (f == FLOW_GO && number == SECTION_TASKS)
        pending_notify(h);
    if (f == FLOW_GO) {
        h->path[0] = number + 1;
        if (schedule_arrive_flush(h))
            f = flush_handlers(h);
        else
            f = FLOW_OUT;
    }
    return f;
}

void host_walk(void *arg)
{
    struct rhost *h = arg;
    struct run *r = h->run;
    struct play *p = r->play;
    h->depth = 0;
    memset(h->path, 0, sizeof h->path);
    enum flow f = FLOW_GO;
    if (r->gather_task && !h->ended) {
        if (play_wants_facts(r, h))
            f = walk_task(h, r->gather_task);
    }
    if (f == FLOW_GO)
        play_load_vars_files(r, h);
    if (f == FLOW_GO)
        f = section(h, SECTION_PRE, &p->pre_tasks);
    if (f == FLOW_GO)
        f = section(h, SECTION_TASKS, &p->tasks);
    if (f == FLOW_GO)
        f = section(h, SECTION_POST, &p->post_tasks);
    if (f == FLOW_FAILED) {
        h->failed = true;
        if (r->force_handlers && h->n_notified && !r->interrupted && !r->fatal) {
            h->path[0] += h->path[0] % 2; // where the others flush theirs
            h->forced = true;
            if (schedule_arrive_flush(h))
                flush_handlers(h);
            h->forced = false;
        }
    }
    if (f != FLOW_GO && h->n_notified && !h->ended && !r->end_play && !r->end_batch)
        pending_keep(h);
    h->done = true;
    h->at = NULL;
}
