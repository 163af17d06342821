// Handlers: the list of a play's, which of them a task notifies, and for which hosts.
#include "run/internal.h"
#include "run/loop.h"

#include <string.h>

static void warn_unusable(struct run *r, const struct task *t, const struct err *e, struct arena *a)
{
    if (node_own(&t->n, "listen") || !r->o.sink.warning)
        return;
    r->o.sink.warning(
        r->o.sink.data, t->n.pos,
        arena_printf(a,
                     "Handler '%s' is unusable because it has no listen topics and the name could "
                     "not be templated (host-specific variables are not supported in handler "
                     "names). The error: %s",
                     t->name, err_msg(e)));
}

// The handler's name, made of what is known without a host; NULL when it has none.
static const char *handler_name(struct run *r, const struct task *t, struct arena *a)
{
    struct static_scope s;
    struct templar tpl;
    struct err e = ERR_INIT;
    if (!t->name)
        return NULL;
    struct value in = value_cstr(t->name), out;
    if (!template_is_template(in.u.str.s, in.u.str.len))
        return t->name;
    run_static_templar(r, &t->n, &s, &tpl);
    tpl.repeat_causes = r->o.ansible_wording;
    if (template_value(&tpl, a, &in, &out, &e) == 0)
        return value_to_cstr(a, &out);
    warn_unusable(r, t, &e, a);
    err_release(&e);
    return NULL;
}

// A role's handler is also known as "role : name".
static bool handler_named(struct run *r, const struct task *t, const char *wanted, struct arena *a)
{
    const char *name = handler_name(r, t, a);
    if (!name)
        return false;
    return strcmp(name, wanted) == 0 ||
           (t->n.role && strcmp(arena_printf(a, "%s : %s", t->n.role->name, name), wanted) == 0);
}

static bool handler_listens(const struct task *t, const char *topic)
{
    const struct value *v = node_own(&t->n, "listen");
    if (!v || v->type == VALUE_STRING)
        return v && value_eqs(v, topic);
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++)
        if (value_eqs(&v->u.list->items[i], topic))
            return true;
    return false;
}

bool handler_notified(const struct rhost *h, const struct task *t)
{
    for (size_t i = 0; i < h->n_notified; i++)
        if (h->notified[i] == t)
            return true;
    return false;
}

static void mark_notified(struct rhost *h, struct task *t, const char *why)
{
    for (size_t i = 0; i < h->n_notified; i++)
        if (h->notified[i] == t) {
            if (!why)
                h->notified_why[i] = NULL;
            return;
        }
    if (h->n_notified == h->cap_notified) {
        h->cap_notified = h->cap_notified ? h->cap_notified * 2 : 8;
        h->notified = xrealloc(h->notified, h->cap_notified * sizeof(struct task *));
        h->notified_why = xrealloc(h->notified_why, h->cap_notified * sizeof(char *));
    }
    h->notified_why[h->n_notified] = arena_strdup(h->run->arena, why);
    h->notified[h->n_notified++] = t;
    struct run *r = h->run;
    if (r->o.sink.notify)
        r->o.sink.notify(r->o.sink.data, h->name, t->name ? t->name : t->action);
}

// Marks the handlers called name (the last one of that name) and all that listen to it. false:
// there is none.
bool handler_notify(struct rhost *h, const char *name, const char *why, struct arena *a)
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
            if (t && handler_named(r, t, name, a)) {
                mark_notified(h, t, why);
                found = true;
            }
        }
        end = start;
    }
    for (size_t i = 0; i < r->handlers.len; i++) {
        struct task *t = node_task(r->handlers.items[i]);
        if (t && handler_listens(t, name)) {
            mark_notified(h, t, why);
            found = true;
        }
    }
    return found;
}

// No handler is called name: what that means. false: the run is stopped.
static bool missing_handler(struct run *r, const struct task *t, const char *name, struct arena *a)
{
    const char *msg = arena_printf(a,
                                   "The requested handler '%s' was not found in either the main "
                                   "handlers list nor in the listening handlers list",
                                   name);
    if (config_bool(r->o.config, CONFIG_ERROR_ON_MISSING_HANDLER)) {
        run_stop(r, r->o.ansible_wording ? POS_NONE : t->n.pos, "%s", msg);
        return false;
    }
    if (r->o.sink.warning)
        r->o.sink.warning(r->o.sink.data, t->n.pos, msg);
    return true;
}

// Adds the names a `notify` gives, templated, to the list.
static int add_names(struct exec *x, const struct value *raw, struct list *names, struct err *e)
{
    struct value v;
    int rc = exec_template(x, raw, &v, e);
    if (rc < 0)
        return err_at(e, value_pos(raw));
    struct value list = value_as_list(x->a, &v);
    for (size_t i = 0; i < list.u.list->len; i++) {
        const char *name = value_to_cstr(x->a, &list.u.list->items[i]);
        if (*name && strcmp(name, omit_text()) != 0)
            list_add(names, value_str(names->arena, name));
    }
    return 0;
}

int task_notifies(struct exec *x, struct list *names, struct err *e)
{
    const struct node *n = &x->task->n;
    while (n->kind != NODE_PLAY && n->parent && !dict_get(n->attrs, "notify"))
        n = n->parent;
    const struct value *raw = n->kind == NODE_PLAY ? NULL : dict_get(n->attrs, "notify");
    return raw && raw->type != VALUE_NULL ? add_names(x, raw, names, e) : 0;
}

bool task_notify(struct rhost *h, struct task *t, const struct list *names, const char *why,
                 struct arena *a)
{
    for (size_t i = 0; i < names->len; i++) {
        const char *name = value_to_cstr(a, &names->items[i]);
        if (!handler_notify(h, name, why, a) && !missing_handler(h->run, t, name, a))
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

// Whether a role came by include_role or import_role, or as a dependency of one that did.
static bool is_included(const struct role *r)
{
    while (r->dependency && r->parent)
        r = r->parent;
    return r->from_include;
}

// Handlers of the listed roles, of the play, of included roles: later ones hide earlier ones of
// their name.
void collect_handlers(struct run *r, struct play *p)
{
    size_t group = 0;
    r->handlers.len = 0;
    for (size_t i = 0; i < p->n_roles; i++)
        if (!is_included(p->roles[i]))
            collect(r, &p->roles[i]->handlers, group++);
    collect(r, &p->handlers, group++);
    for (size_t i = 0; i < p->n_roles; i++)
        if (is_included(p->roles[i]))
            collect(r, &p->roles[i]->handlers, group++);
    r->handlers_roles = p->n_roles;
}
