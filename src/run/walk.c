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

// --- tags --------------------------------------------------------------------------------------

static void add_tags(struct run *r, struct rhost *h, const struct node *n, struct arena *a,
                     struct list *ret)
{
    const struct value *raw = dict_get(n->attrs, "tags");
    struct value v;
    if (!raw || raw->type == VALUE_NULL)
        return;
    v = *raw;
    if (template_has_template(raw) && h) {
        struct exec x;
        exec_init(&x, r, h, NULL, a);
        if (exec_template(&x, raw, &v, NULL) < 0)
            v = *raw;
    }
    struct value list = v;
    if (v.type != VALUE_LIST) {
        list = value_list(a);
        list_add(list.u.list, v);
    }
    for (size_t i = 0; i < list.u.list->len; i++) {
        const char *s = value_to_cstr(a, &list.u.list->items[i]);
        while (*s) { // each may be several, separated by commas
            size_t len = strcspn(s, ",");
            const char *from = s + strspn(s, " ");
            size_t n_tag = from < s + len ? (size_t)(s + len - from) : 0;
            while (n_tag && from[n_tag - 1] == ' ')
                n_tag--;
            struct value tag = value_strn(a, from, n_tag);
            bool seen = false;
            for (size_t j = 0; j < ret->len; j++)
                seen = seen || value_equal(&ret->items[j], &tag);
            if (n_tag && !seen)
                list_add(ret, tag);
            s += len + (s[len] == ',');
        }
    }
}

void node_tags(struct run *r, struct rhost *h, const struct node *n, struct arena *a,
               struct list *ret)
{
    for (; n; n = n->parent)
        add_tags(r, h, n, a, ret);
}

static bool has(const struct list *tags, const char *tag)
{
    for (size_t i = 0; i < tags->len; i++)
        if (value_eqs(&tags->items[i], tag))
            return true;
    return false;
}

static bool has_any(const struct list *tags, const char *const *wanted)
{
    for (; wanted && *wanted; wanted++)
        if (has(tags, *wanted))
            return true;
    return false;
}

static bool wants(const char *const *list, const char *tag)
{
    for (; list && *list; list++)
        if (strcmp(*list, tag) == 0)
            return true;
    return false;
}

static bool only_selected(const struct list *tags, const char *const *only)
{
    bool untagged = tags->len == 0;
    if (has(tags, "always"))
        return true;
    if (wants(only, "all") && !has(tags, "never"))
        return true;
    if (has_any(tags, only))
        return true;
    if (wants(only, "tagged") && !untagged && !has(tags, "never"))
        return true;
    return wants(only, "untagged") && untagged;
}

bool task_selected(struct run *r, struct rhost *h, const struct node *n)
{
    static const char *const all[] = {"all", NULL};
    const char *const *only = r->o.tags && *r->o.tags ? r->o.tags : all, *const *skip =
                                                                             r->o.skip_tags;
    struct arena *a = arena_new();
    struct list *tags = value_list(a).u.list;
    node_tags(r, h, n, a, tags);
    bool run = only_selected(tags, only);
    if (run && skip) {
        if (wants(skip, "all"))
            run = has(tags, "always") && !wants(skip, "always");
        else if (has_any(tags, skip))
            run = false;
        else if (wants(skip, "tagged") && tags->len)
            run = false;
        else if (wants(skip, "untagged") && !tags->len)
            run = false;
    }
    arena_free(a);
    return run;
}

// --- notify ------------------------------------------------------------------------------------

static bool handler_named(struct run *r, struct rhost *h, const struct task *t, const char *name,
                          struct arena *a)
{
    if (!t->name)
        return false;
    const char *display = task_display_name(r, h, t, a);
    size_t n = strlen(display), m = strlen(name);
    if (strcmp(display, name) == 0)
        return true;
    // "role : name" is also known by its bare name
    return t->n.role && n > m && strcmp(display + n - m, name) == 0 && n >= m + 3 &&
           strncmp(display + n - m - 3, " : ", 3) == 0;
}

static bool handler_listens(struct run *r, struct rhost *h, const struct task *t, const char *topic,
                            struct arena *a)
{
    const struct value *raw = node_own(&t->n, "listen");
    struct value v;
    struct exec x;
    (void)r;
    if (!raw)
        return false;
    v = *raw;
    if (template_has_template(raw)) {
        exec_init(&x, r, h, (struct task *)(uintptr_t)t, a);
        if (exec_template(&x, raw, &v, NULL) < 0)
            return false;
    }
    if (v.type == VALUE_STRING)
        return value_eqs(&v, topic);
    for (size_t i = 0; v.type == VALUE_LIST && i < v.u.list->len; i++)
        if (value_eqs(&v.u.list->items[i], topic))
            return true;
    return false;
}

static bool is_notified(const struct rhost *h, const struct task *t)
{
    for (size_t i = 0; i < h->n_notified; i++)
        if (h->notified[i] == t)
            return true;
    return false;
}

static void mark_notified(struct rhost *h, struct task *t)
{
    if (is_notified(h, t))
        return;
    if (h->n_notified == h->cap_notified) {
        h->cap_notified = h->cap_notified ? h->cap_notified * 2 : 8;
        h->notified = xrealloc(h->notified, h->cap_notified * sizeof(struct task *));
    }
    h->notified[h->n_notified++] = t;
    struct run *r = h->run;
    if (r->o.sink.notify)
        r->o.sink.notify(r->o.sink.data, h->name, t->name ? t->name : t->action);
}

// Marks the handlers called name (the last one of that name) and all that listen to it. false:
// there is none.
bool handler_notify(struct rhost *h, const char *name, struct arena *a)
{
    struct run *r = h->run;
    bool found = false;
    if (r->handlers_roles != r->play->n_roles) // roles included meanwhile brought handlers
        collect_handlers(r, r->play);
    for (size_t end = r->handlers.len; end > 0 && !found;) {
        size_t start = end - 1;
        while (start > 0 && r->handler_group[start - 1] == r->handler_group[end - 1])
            start--;
        for (size_t i = start; i < end && !found; i++) {
            struct task *t = node_task(r->handlers.items[i]);
            if (t && handler_named(r, h, t, name, a)) {
                mark_notified(h, t);
                found = true;
            }
        }
        end = start;
    }
    for (size_t i = 0; i < r->handlers.len; i++) {
        struct task *t = node_task(r->handlers.items[i]);
        if (t && handler_listens(r, h, t, name, a)) {
            mark_notified(h, t);
            found = true;
        }
    }
    return found;
}

static bool notify_value(struct rhost *h, struct task *t, const struct value *raw, struct arena *a)
{
    struct exec x;
    struct value v;
    exec_init(&x, h->run, h, t, a);
    if (exec_template(&x, raw, &v, NULL) < 0)
        v = *raw;
    struct value list = v;
    if (v.type != VALUE_LIST) {
        list = value_list(a);
        list_add(list.u.list, v);
    }
    for (size_t i = 0; i < list.u.list->len; i++) {
        const char *name = value_to_cstr(a, &list.u.list->items[i]);
        if (*name && strcmp(name, omit_text) != 0 && !handler_notify(h, name, a)) {
            run_stop(h->run, t->n.pos,
                     "The requested handler '%s' was not found in either the main handlers list "
                     "nor in the listening handlers list",
                     name);
            return false;
        }
    }
    return true;
}

bool task_notify(struct rhost *h, struct task *t, struct arena *a)
{
    for (const struct node *n = &t->n; n; n = n->parent) {
        const struct value *raw = dict_get(n->attrs, "notify");
        if (raw && raw->type != VALUE_NULL && n->kind != NODE_PLAY && !notify_value(h, t, raw, a))
            return false;
    }
    return true;
}

static void collect(struct run *r, const struct node_list *l, size_t group)
{
    for (size_t i = 0; i < l->len; i++) {
        struct node *n = l->items[i];
        if (node_task(n)) {
            node_list_add(r->play_arena, &r->handlers, n);
            r->handler_group =
                xrealloc(r->handler_group, r->handlers.len * sizeof *r->handler_group);
            r->handler_group[r->handlers.len - 1] = group;
        } else if (node_include(n)) {
            collect(r, &node_include(n)->body, group);
        } else if (node_block(n)) {
            collect(r, &node_block(n)->body, group);
        }
    }
}

void collect_handlers(struct run *r, struct play *p)
{
    r->handlers.len = 0;
    for (size_t i = 0; i < p->n_roles; i++)
        collect(r, &p->roles[i]->handlers, i);
    collect(r, &p->handlers, p->n_roles);
    r->handlers_roles = p->n_roles;
}

// --- tasks -------------------------------------------------------------------------------------

static void remember_failure(struct rhost *h, struct task *t, const struct value *result,
                             const char *name)
{
    if (h->failed_arena)
        run_retire(h->run, h->failed_arena);
    h->failed_arena = arena_new();
    struct value v = value_shallow(h->failed_arena, result);
    loop_strip_internal(v.u.dict);
    h->failed_result = value_copy(h->failed_arena, &v);
    struct value task = value_dict(h->failed_arena);
    dict_set(task.u.dict, "name", value_str(h->failed_arena, name));
    dict_set(task.u.dict, "action", value_str(h->failed_arena, t->action));
    struct value args = value_copy(h->failed_arena, &t->args);
    dict_set(task.u.dict, "args", args);
    value_mark_unsafe(&task);
    h->failed_task = task;
}

static enum flow task_failed(struct rhost *h, struct task *t, const struct value *result,
                             const char *name)
{
    struct run *r = h->run;
    struct arena *a = arena_new();
    struct exec x;
    int rc = 0;
    exec_init(&x, r, h, t, a);
    remember_failure(h, t, result, name);
    if (h->rescues && !dict_get(result->u.dict, "reason")) {
        h->stats.rescued++;
    } else {
        h->stats.failed++;
        if (exec_attr_bool(&x, "any_errors_fatal",
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
        struct frame frame = {.up = h->frames, .vars = list[i].vars};
        if (!down || !push(h, list[i].inc->n.pos)) {
            f = FLOW_OUT;
            break;
        }
        h->path[h->depth - 1] = (uint32_t)i;
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

static bool is_meta(const struct task *t, const char *what)
{
    const char *raw = t->args.type == VALUE_DICT ? dict_str(t->args.u.dict, "_raw_params", "") : "";
    return strcmp(raw, what) == 0;
}

static enum flow walk_meta(struct rhost *h, struct task *t)
{
    struct run *r = h->run;
    struct arena *a = arena_new();
    struct value result;
    enum flow f = FLOW_GO;
    if (is_meta(t, "flush_handlers") && !node_attr(&t->n, "when")) {
        arena_free(a);
        return flush_handlers(h);
    }
    bool run = meta_condition(r, h, t, a, &result);
    if (!run) {
        // skipped
    } else if (is_meta(t, "flush_handlers")) {
        f = flush_handlers(h);
    } else if (is_meta(t, "end_host")) {
        h->ended = true;
        f = FLOW_OUT;
    } else if (is_meta(t, "end_play")) {
        r->end_play = true;
        f = FLOW_OUT;
    } else if (is_meta(t, "end_batch")) {
        r->end_batch = true;
        f = FLOW_OUT;
    } else if (is_meta(t, "clear_facts")) {
        store_clear(r, &h->facts);
        h->gathered = false;
    } else if (is_meta(t, "clear_host_errors")) {
        for (size_t i = 0; i < r->n_play_matched; i++)
            r->play_matched[i]->failed = r->play_matched[i]->unreachable = false;
    } else if (is_meta(t, "reset_connection")) {
        struct exec x;
        exec_init(&x, r, h, t, a);
        exec_reset_connection(&x);
    } else if (!is_meta(t, "noop") && !is_meta(t, "refresh_inventory") &&
               !is_meta(t, "role_complete")) {
        run_stop(r, t->n.pos, "invalid meta action requested: %s",
                 t->args.type == VALUE_DICT ? dict_str(t->args.u.dict, "_raw_params", "") : "");
        f = FLOW_OUT;
    }
    arena_free(a);
    return f;
}

static enum flow walk_task(struct rhost *h, struct task *t)
{
    struct run *r = h->run;
    if (!t->handler && !task_selected(r, h, &t->n))
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
        schedule_share(h, t, status, &result);
    }
    enum flow f = after_task(h, t, status, &result, a);
    arena_free(a);
    if (f == FLOW_GO && h->n_included)
        f = walk_included(h);
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

// A role runs once per host and play for the same parameters, unless it allows duplicates.
static bool role_already_done(struct rhost *h, const struct include *inc)
{
    const struct role *r = inc->n.role;
    return r && r->node == &inc->n && !r->allow_duplicates && dict_get(h->roles_done, r->unique);
}

static enum flow walk_include(struct rhost *h, struct include *inc)
{
    const struct role *r = inc->n.role;
    if (role_already_done(h, inc))
        return FLOW_GO;
    if (!push(h, inc->n.pos))
        return FLOW_OUT;
    enum flow f = walk_list(h, &inc->body);
    pop(h);
    if (f == FLOW_GO && r && r->node == &inc->n)
        dict_set(h->roles_done, r->unique, value_bool(true));
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
        if (!is_notified(h, t))
            continue;
        for (size_t j = 0; j < h->n_notified; j++)
            if (h->notified[j] == t)
                h->notified[j] = h->notified[--h->n_notified];
        h->path[h->depth] = (uint32_t)i;
        f = walk_task(h, t);
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
        if (r->force_handlers && h->n_notified && !r->interrupted) {
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
