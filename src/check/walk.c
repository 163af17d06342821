// Goes through the model of a playbook, dynamic includes and roles with it, and asks every rule.
#include "check/internal.h"

#include "core/file.h"

#include <string.h>

#define MAX_INCLUDES 60

typedef void task_rule(struct check *, const struct task *);

// Asked once for every task, in the first play that has it.
static task_rule *const once[] = {rule_keywords,   rule_parameters,  rule_modes, rule_modules,
                                  rule_conditions, rule_idempotence, rule_latest};
// Asked in every play, since the play decides.
static task_rule *const always[] = {rule_files, follow_include_vars, note_handlers};

static void visit_list(struct check *c, const struct node_list *l);

// --- whether something is certain to run ---------------------------------------------------------

static bool has_tag(const struct node *n, const char *tag)
{
    const struct value *v = node_own(n, "tags");
    if (v && v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->u.list->len; i++)
            if (value_eqs(&v->u.list->items[i], tag))
                return true;
        return false;
    }
    return v && v->type == VALUE_STRING && strstr(v->u.str.s, tag);
}

bool is_conditional(const struct check *c, const struct node *n)
{
    if (c->root || c->synthetic || c->maybe)
        return true;
    for (; n; n = n->parent) {
        const struct value *ignore = node_own(n, "ignore_errors");
        if (has_tag(n, "never") || (ignore && value_truthy(ignore)) ||
            (n->kind == NODE_BLOCK && ((const struct block *)(const void *)n)->rescue.len))
            return true;
    }
    return false;
}

static bool above_has_when(const struct node *n)
{
    for (n = n->parent; n; n = n->parent)
        if (node_own(n, "when"))
            return true;
    return false;
}

// --- templates -----------------------------------------------------------------------------------

struct certainty {
    bool when, loop, args;
};

static bool is_condition(const char *key)
{
    return strcmp(key, "when") == 0 || strcmp(key, "until") == 0 ||
           strcmp(key, "changed_when") == 0 || strcmp(key, "failed_when") == 0;
}

static bool is_one_of(const char *key, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(*list, key) == 0)
            return true;
    return false;
}

// Keywords of any node. Those that hold other nodes are visited by themselves, the module's
// arguments come apart.
static void use_keyword(struct check *c, const char *key, const struct value *v,
                        const struct certainty *sure)
{
    static const char *const nodes[] = {"block",      "rescue", "always",   "tasks", "pre_tasks",
                                        "post_tasks", "roles",  "handlers", "args",  NULL};
    static const char *const loose[] = {"name",         "vars",       "tags",  "notify", "listen",
                                        "loop_control", "vars_files", "hosts", NULL};
    static const char *const needed[] = {"environment", "become_user", "delegate_to", "remote_user",
                                         NULL};
    if (is_one_of(key, nodes))
        return;
    if (is_condition(key))
        use_condition(c, v, sure->when && strcmp(key, "when") == 0);
    else if (strcmp(key, "loop") == 0 || strncmp(key, "with_", 5) == 0)
        use_value(c, v, sure->loop && strcmp(key, "loop") == 0);
    else if (is_one_of(key, loose))
        use_value(c, v, false);
    else if (is_one_of(key, needed))
        use_value(c, v, sure->args);
}

static void use_keywords(struct check *c, const struct node *n, const struct certainty *sure)
{
    struct dict_entry *it;
    DICT_EACH(n->attrs, it)
    if (it->key.type == VALUE_STRING)
        use_keyword(c, it->key.u.str.s, &it->val, sure);
}

static void use_args(struct check *c, const struct task *t, bool certain)
{
    struct dict_entry *it;
    if (t->args.type != VALUE_DICT) {
        use_value(c, &t->args, certain);
        return;
    }
    bool asserts = strcmp(t->module, "assert") == 0, debug = strcmp(t->module, "debug") == 0;
    DICT_EACH(t->args.u.dict, it)
    {
        if (asserts && value_eqs(&it->key, "that"))
            use_condition(c, &it->val, certain);
        else if (debug && value_eqs(&it->key, "var"))
            use_expression(c, &it->val);
        else
            use_value(c, &it->val, certain && !asserts);
    }
}

static void use_task(struct check *c, const struct task *t)
{
    bool base = !is_conditional(c, &t->n) && !t->handler && !above_has_when(&t->n),
         when = node_own(&t->n, "when") != NULL;
    struct certainty sure = {
        .when = base && !t->loop, .loop = base && !when, .args = base && !when && !t->loop};
    use_keywords(c, &t->n, &sure);
    use_args(c, t, sure.args);
}

// --- dynamic includes ----------------------------------------------------------------------------

struct entering {
    struct check *c;
    struct task *t;
};

static bool enter(struct check *c, const struct task *t, const char *what)
{
    const char *key =
        arena_printf(c->a, "%s|%s|%d", what, t->n.role ? t->n.role->path : "", t->handler);
    if (dict_get(c->entered, key) || c->depth > MAX_INCLUDES)
        return false;
    dict_set(c->entered, key, value_bool(true));
    return true;
}

static void visit_included(struct check *c, const struct include *inc)
{
    c->depth++;
    visit_list(c, &inc->body);
    c->depth--;
}

static void cannot_load(struct check *c, struct err *e)
{
    c->opts.loader.problem(c, LOAD_OTHER, e);
    c->play_open = true;
    err_release(e);
}

static void include_file(void *data, const char *path)
{
    struct entering *in = data;
    struct include *inc;
    struct err e = ERR_INIT;
    if (!enter(in->c, in->t, path))
        return;
    if (playbook_include_tasks(in->c->loader, in->t, path, NULL, &inc, &e) < 0)
        cannot_load(in->c, &e);
    else
        visit_included(in->c, inc);
}

// A file that a templated name may mean: what is no list of tasks is not meant.
static void include_candidate(void *data, const char *path)
{
    struct entering *in = data;
    struct value doc;
    path = arena_strdup(in->c->a, path);
    if (load_yaml(in->c->loader, path, &doc, NULL) == 0 && is_task_list(&doc))
        include_file(in, path);
}

// The name with a loop's item put in; NULL when there is more to it.
static const char *with_item(struct check *c, const char *name, const struct value *item)
{
    static const char *const forms[] = {"{{ item }}", "{{item}}"};
    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(name, forms[i]);
        if (at && item->type == VALUE_STRING)
            return arena_printf(c->a, "%.*s%s%s", (int)(at - name), name, item->u.str.s,
                                at + strlen(forms[i]));
    }
    return NULL;
}

typedef void named_fn(struct entering *in, const char *name);

// Calls fn for each name that a task may mean: as written, or for every item of a fixed loop.
static void each_name(struct entering *in, const char *name, named_fn *fn)
{
    const struct value *loop = in->t->loop;
    if (!template_is_template(name, strlen(name)) || !loop || loop->type != VALUE_LIST) {
        fn(in, name);
        return;
    }
    for (size_t i = 0; i < loop->u.list->len; i++) {
        const char *one = with_item(in->c, name, &loop->u.list->items[i]);
        fn(in, one ? one : name);
    }
}

static void include_named_tasks(struct entering *in, const char *name)
{
    struct check *c = in->c;
    const char *dir = in->t->handler ? "handlers" : "tasks";
    if (template_is_template(name, strlen(name))) {
        if (!each_candidate(c, &in->t->n, dir, name, include_candidate, in))
            c->play_open = c->open = true;
        return;
    }
    name = arena_strndup(c->a, name, strcspn(name, " \n"));
    const char *path =
        playbook_find_tasks(c->a, &in->t->n, in->t->handler, name, in->t->n.play->basedir, NULL);

    if (path) {
        clear_finding(c, CHECK_NO_TASKS, in->t->n.pos);
        include_file(in, path);
    } else {
        c->play_open = true;
        report_as(c, CHECK_NO_TASKS, in->t->n.role ? CHECK_ERROR : unless_whole(c, CHECK_ERROR),
                  in->t->n.pos, "the file of tasks '%s' was not found", name);
    }
}

static void include_named_role(struct entering *in, const char *name)
{
    struct check *c = in->c;
    struct task *t = in->t;
    struct include *inc;
    struct err e = ERR_INIT;
    struct role_include ri = {.name = name,
                              .tasks_from = static_arg(t, "tasks_from"),
                              .vars_from = static_arg(t, "vars_from"),
                              .defaults_from = static_arg(t, "defaults_from"),
                              .handlers_from = static_arg(t, "handlers_from"),
                              .no_validate = true,
                              .allow_duplicates = true};
    if (template_is_template(name, strlen(name)) || (any_arg(t, "tasks_from") && !ri.tasks_from)) {
        c->play_open = c->open = true;
        return;
    }
    if (!enter(c, t, arena_printf(c->a, "role %s %s", name, ri.tasks_from ? ri.tasks_from : "")))
        return;
    if (playbook_include_role(c->loader, t, &ri, &inc, &e) < 0)
        cannot_load(c, &e);
    else
        visit_included(c, inc);
}

static void follow(struct check *c, struct task *t)
{
    struct entering in = {c, t};
    const char *name;
    bool maybe = t->loop || node_own(&t->n, "when");
    c->maybe += maybe;
    if (t->kind == TASK_INCLUDE_TASKS) {
        name = any_arg(t, "file") ? any_arg(t, "file") : any_arg(t, "_raw_params");
        if (name)
            each_name(&in, name, include_named_tasks);
    } else if (t->kind == TASK_INCLUDE_ROLE) {
        name = any_arg(t, "name") ? any_arg(t, "name") : any_arg(t, "role");
        if (name)
            each_name(&in, name, include_named_role);
    }
    c->maybe -= maybe;
}

// --- nodes ---------------------------------------------------------------------------------------

static void see_file(struct check *c, const struct node *n)
{
    if (n->file && *n->file && !dict_get(c->seen_files, n->file))
        dict_set(c->seen_files, n->file, value_bool(true));
}

static void visit_task(struct check *c, struct task *t)
{
    if (t->implicit || !t->n.pos.line)
        return;
    bool first = first_at(c->seen_tasks, t->n.pos);
    if (first)
        rule_names(c, &t->n);
    for (size_t i = 0; first && i < sizeof once / sizeof *once; i++)
        once[i](c, t);
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        always[i](c, t);
    if (first || !c->root)
        use_task(c, t);
    note_notify(c, &t->n);
    follow(c, t);
}

static void visit_block(struct check *c, const struct block *b)
{
    static const struct certainty none = {0};
    if (first_at(c->seen_nodes, b->n.pos)) {
        rule_names(c, &b->n);
        use_keywords(c, &b->n, &none);
    }
    note_notify(c, &b->n);
    visit_list(c, &b->body);
    c->maybe++;
    visit_list(c, &b->rescue);
    c->maybe--;
    visit_list(c, &b->always);
}

static void visit_include(struct check *c, const struct include *inc)
{
    static const struct certainty none = {0};
    see_file(c, &inc->n);
    if (first_at(c->seen_nodes, inc->n.pos)) {
        rule_names(c, &inc->n);
        use_keywords(c, &inc->n, &none);
    }
    if (node_own(&inc->n, "include"))
        report(
            c, CHECK_OLD_INCLUDE, inc->n.pos,
            "'include' no longer exists in ansible-core 2.16: write import_tasks or include_tasks");
    visit_list(c, &inc->body);
}

static void visit_list(struct check *c, const struct node_list *l)
{
    for (size_t i = 0; i < l->len; i++) {
        struct node *n = l->items[i];
        see_file(c, n);
        if (node_task(n))
            visit_task(c, node_task(n));
        else if (node_block(n))
            visit_block(c, node_block(n));
        else if (node_include(n))
            visit_include(c, node_include(n));
    }
}

// --- roles and plays -----------------------------------------------------------------------------

static void visit_role(struct check *c, const struct role *r)
{
    if (!dict_get(c->seen_roles, r->path)) {
        dict_set(c->seen_roles, r->path, value_bool(true));
        rule_role_vars(c, r);
        rule_same_handlers(c, &r->handlers);
    }
    struct value list = value_int((int64_t)(uintptr_t)r->handlers.items);
    if (dict_getv(c->entered, &list)) // of another use of the role
        return;
    dict_setv(c->entered, list, value_bool(true));
    visit_list(c, &r->handlers);
}

static void visit_play(struct check *c, const struct play *p)
{
    static const struct certainty none = {0};
    const struct node_list *lists[] = {&p->pre_tasks, &p->tasks, &p->post_tasks, &p->handlers};
    c->play = p;
    c->play_open = c->unresolved;
    c->entered = value_dict(c->a).u.dict;
    see_file(c, &p->n);
    add_library(c, p->basedir);
    rule_names(c, &p->n);
    rule_vars_files(c, p);
    rule_play_vars(c, p);
    use_keywords(c, &p->n, &none);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        visit_list(c, lists[i]);
    for (size_t i = 0; i < p->n_roles; i++) // grows with every include_role
        visit_role(c, p->roles[i]);
    rule_same_handlers(c, &p->handlers);
    rule_handlers(c);
    c->play = NULL;
}

void walk_playbook(struct check *c, const struct playbook *pb)
{
    for (size_t i = 0; i < pb->n_plays; i++)
        visit_play(c, pb->plays[i]);
}
