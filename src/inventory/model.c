// Groups, hosts and what connects them: depth, ancestors and membership follow Ansible's rules,
// which decide the order in which group variables are merged.
#include "inventory/model.h"

#include "core/buf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_GROUP_DEPTH 500 // walks up the graph recurse

void ptrs_add(struct arena *a, struct ptrs *p, void *item)
{
    p->items = arena_room(a, p->items, p->len, &p->cap, 4, sizeof *p->items);
    p->items[p->len++] = item;
}

bool ptrs_has(const struct ptrs *p, const void *item)
{
    for (size_t i = 0; i < p->len; i++)
        if (p->items[i] == item)
            return true;
    return false;
}

void ptrs_remove(struct ptrs *p, const void *item)
{
    for (size_t i = 0; i < p->len; i++) {
        if (p->items[i] == item) {
            memmove(&p->items[i], &p->items[i + 1], (p->len - i - 1) * sizeof(void *));
            p->len--;
            return;
        }
    }
}

void model_warn(struct inventory *inv, struct pos pos, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct value v = value_cstr(arena_vprintf(inv->a, fmt, ap));
    va_end(ap);
    for (size_t i = 0; i < inv->warnings->len; i++)
        if (value_equal(&inv->warnings->items[i], &v))
            return;
    value_set_pos(&v, pos);
    list_add(inv->warnings, v);
}

static void *find(const struct dict *index, const struct ptrs *all, const char *name)
{
    const struct value *v = dict_get(index, name);
    return v ? all->items[v->u.i] : NULL;
}

struct host *model_find_host(const struct inventory *inv, const char *name)
{
    return find(inv->host_index, &inv->hosts, name);
}

struct group *inventory_find_group(const struct inventory *inv, const char *name)
{
    return find(inv->group_index, &inv->groups, name);
}

// --- walking the graph
// ---------------------------------------------------------------------------------------

static void mark_up(struct group *g, unsigned mark)
{
    for (size_t i = 0; i < g->parents.len; i++) {
        struct group *p = g->parents.items[i];
        if (p->mark == mark)
            continue;
        p->mark = mark;
        mark_up(p, mark);
    }
}

unsigned model_mark_ancestors(struct inventory *inv, struct group *g)
{
    mark_up(g, ++inv->mark);
    return inv->mark;
}

// The group and all below it, each level in turn, into *out.
static void descendants(struct inventory *inv, struct group *g, struct ptrs *out)
{
    unsigned mark = ++inv->mark;
    g->mark = mark;
    ptrs_add(inv->a, out, g);
    for (size_t next = 0; next < out->len; next++) {
        struct group *at = out->items[next];
        for (size_t i = 0; i < at->children.len; i++) {
            struct group *c = at->children.items[i];
            if (c->mark == mark)
                continue;
            c->mark = mark;
            ptrs_add(inv->a, out, c);
        }
    }
}

struct inventory_hosts group_hosts(struct inventory *inv, struct group *g)
{
    if (!g->all_cached) {
        struct ptrs below = {0};
        descendants(inv, g, &below);
        unsigned mark = ++inv->mark;
        g->all_hosts.len = 0;
        for (size_t i = 0; i < below.len; i++) {
            const struct group *at = below.items[i];
            for (size_t k = 0; k < at->hosts.len; k++) {
                struct host *h = at->hosts.items[k];
                if (h->state->mark == mark || (g == inv->all && h->implicit))
                    continue;
                h->state->mark = mark;
                ptrs_add(inv->a, &g->all_hosts, h);
            }
        }
        g->all_cached = true;
    }
    return (struct inventory_hosts){(struct host **)g->all_hosts.items, g->all_hosts.len};
}

// Forgets what is cached about the hosts of g and of all above it.
static void changed_hosts(struct inventory *inv, struct group *g)
{
    g->all_cached = false;
    inv->groups_value = value_null();
    if (!g->parents.len)
        return;
    unsigned mark = model_mark_ancestors(inv, g);
    for (size_t i = 0; i < inv->groups.len; i++) {
        struct group *at = inv->groups.items[i];
        if (at->mark == mark)
            at->all_cached = false;
    }
}

// --- groups
// --------------------------------------------------------------------------------------------------

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

// The name that force_valid_group_names leaves; tells of characters that no variable name may have.
static const char *safe_name(struct inventory *inv, const char *name)
{
    const char *how = config_str(inv->opts.config, CONFIG_FORCE_VALID_GROUP_NAMES);
    bool bad = isdigit((unsigned char)name[0]);
    for (const char *p = name; *p; p++)
        bad = bad || !word_char(*p);
    if (!bad || !strcmp(how, "ignore"))
        return name;
    bool keep = !strcmp(how, "never");
    if (strcmp(how, "silently") != 0 && !inv->warned_names)
        model_warn(
            inv, POS_NONE,
            "Invalid characters were found in group names %s, the first being \"%s\": a group name "
            "should be letters, digits and _",
            keep ? "but not replaced" : "and replaced", name);
    inv->warned_names = true;
    if (keep)
        return name;
    char *out = arena_strdup(inv->a, name);
    for (char *p = out; *p; p++)
        if (!word_char(*p) || (p == out && isdigit((unsigned char)*p)))
            *p = '_';
    return out;
}

struct group *model_add_group(struct inventory *inv, const char *name)
{
    struct group *g = inventory_find_group(inv, name);
    if (g)
        return g;
    name = safe_name(inv, name);
    g = inventory_find_group(inv, name);
    if (g)
        return g;
    g = arena_new_of(inv->a, struct group);
    g->name = arena_strdup(inv->a, name);
    g->priority = 1;
    g->vars = value_dict(inv->a).u.dict;
    dict_set(inv->group_index, g->name, value_int((int64_t)inv->groups.len));
    ptrs_add(inv->a, &inv->groups, g);
    inv->groups_value = value_null();
    return g;
}

static bool host_in(const struct host *h, const struct group *g)
{
    for (size_t i = 0; i < h->n_groups; i++)
        if (h->groups[i] == g)
            return true;
    return false;
}

static void host_gets(struct inventory *inv, struct host *h, struct group *g)
{
    if (host_in(h, g))
        return;
    struct host_state *s = h->state;
    h->groups = arena_room(inv->a, h->groups, h->n_groups, &s->groups_cap, 4, sizeof *h->groups);
    h->groups[h->n_groups++] = g;
    s->own_ready = false;
}

static void gets_marked(struct inventory *inv, struct host *h, unsigned mark)
{
    for (size_t i = 0; i < inv->groups.len; i++) {
        struct group *g = inv->groups.items[i];
        if (g->mark == mark)
            host_gets(inv, h, g);
    }
}

static void gets_ancestors(struct inventory *inv, struct host *h, struct group *g)
{
    for (size_t i = 0; i < g->parents.len; i++) {
        struct group *p = g->parents.items[i];
        if (host_in(h, p))
            continue; // then it has the parent's ancestors too
        host_gets(inv, h, p);
        gets_ancestors(inv, h, p);
    }
}

// Pushes a new depth down the graph, level by level; false when it gets too deep.
static bool deepen(struct inventory *inv, struct group *g)
{
    struct ptrs level = g->children;
    for (int depth = g->depth + 1; level.len; depth++) {
        struct ptrs next = {0};
        if (depth > MAX_GROUP_DEPTH)
            return false;
        for (size_t i = 0; i < level.len; i++) {
            struct group *c = level.items[i];
            if (c->depth >= depth)
                continue;
            c->depth = depth;
            for (size_t k = 0; k < c->children.len; k++)
                if (!ptrs_has(&next, c->children.items[k]))
                    ptrs_add(inv->a, &next, c->children.items[k]);
        }
        level = next;
    }
    return true;
}

int model_add_child(struct inventory *inv, struct group *parent, struct group *child,
                    struct pos pos, struct err *e)
{
    if (parent == child)
        return err_set(e, ERR_INVALID, pos, "the group %s cannot be a child of itself",
                       child->name);
    if (ptrs_has(&parent->children, child))
        return 0;
    unsigned mark = model_mark_ancestors(inv, parent);
    if (child->mark == mark)
        return err_set(e, ERR_INVALID, pos,
                       "the group %s cannot be a child of %s, because %s is already below %s",
                       child->name, parent->name, parent->name, child->name);
    ptrs_add(inv->a, &parent->children, child);
    if (child->depth < parent->depth + 1)
        child->depth = parent->depth + 1;
    if (child->depth > MAX_GROUP_DEPTH || !deepen(inv, child))
        return err_set(e, ERR_LIMIT, pos, "groups are nested more than %d deep at %s",
                       MAX_GROUP_DEPTH, child->name);
    ptrs_add(inv->a, &child->parents, parent);
    struct inventory_hosts below = group_hosts(inv, child);
    mark = model_mark_ancestors(inv, parent);
    parent->mark = mark;
    for (size_t i = 0; i < below.len; i++)
        gets_marked(inv, below.hosts[i], mark);
    changed_hosts(inv, parent);
    inv->vars_gen++;
    return 0;
}

// --- hosts
// ---------------------------------------------------------------------------------------------------

bool model_is_localhost(const char *name)
{
    return !strcmp(name, "localhost") || !strcmp(name, "127.0.0.1") || !strcmp(name, "::1");
}

static struct host *new_host(struct inventory *inv, const char *name)
{
    struct host *h = arena_new_of(inv->a, struct host);
    h->state = arena_new_of(inv->a, struct host_state);
    h->name = arena_strdup(inv->a, name);
    h->index = inv->host_ids++;
    h->vars = value_dict(inv->a).u.dict;
    return h;
}

bool model_join(struct inventory *inv, struct group *g, struct host *h)
{
    if (ptrs_has(&h->state->direct, g))
        return false;
    ptrs_add(inv->a, &h->state->direct, g);
    ptrs_add(inv->a, &g->hosts, h);
    gets_ancestors(inv, h, g);
    host_gets(inv, h, g);
    changed_hosts(inv, g);
    return true;
}

static void leave(struct inventory *inv, struct group *g, struct host *h)
{
    ptrs_remove(&h->state->direct, g);
    ptrs_remove(&g->hosts, h);
    struct ptrs groups = {(void **)h->groups, h->n_groups, 0};
    ptrs_remove(&groups, g);
    h->n_groups = groups.len;
    h->state->own_ready = false;
    changed_hosts(inv, g);
}

struct host *model_add_host(struct inventory *inv, const char *name, struct group *g, int port)
{
    struct host *h = model_find_host(inv, name);
    if (!h) {
        h = new_host(inv, name);
        h->state->source = inv->source;
        h->state->source_dir = inv->source_dir;
        if (port >= 0)
            dict_set(h->vars, "ansible_port", value_int(port));
        dict_set(inv->host_index, h->name, value_int((int64_t)inv->hosts.len));
        ptrs_add(inv->a, &inv->hosts, h);
        if (model_is_localhost(name) && (!inv->localhost || inv->localhost->implicit))
            inv->localhost = h;
        else if (model_is_localhost(name))
            model_warn(inv, POS_NONE, "%s is another name of localhost, which is %s already", name,
                       inv->localhost->name);
    }
    if (g)
        model_join(inv, g, h);
    return h;
}

struct host *inventory_find_host(struct inventory *inv, const char *name)
{
    struct host *h = model_find_host(inv, name);
    if (h || !model_is_localhost(name))
        return h;
    if (!inv->localhost) {
        h = new_host(inv, name);
        h->implicit = true;
        dict_set(h->vars, "ansible_python_interpreter", value_cstr("/usr/bin/python3"));
        dict_set(h->vars, "ansible_connection", value_cstr("local"));
        inv->localhost = h;
    }
    return inv->localhost;
}

struct host *inventory_outside_host(struct inventory *inv, const char *name)
{
    struct host *h = new_host(inv, name);
    h->implicit = true;
    return h;
}

// --- variables
// -----------------------------------------------------------------------------------------------

void inventory_combine(struct dict *d, const struct dict *src, bool merge)
{
    struct dict_entry *e;
    DICT_EACH(src, e)
    {
        const struct value *old =
            merge && value_is(&e->val, VALUE_DICT) ? dict_getv(d, &e->key) : NULL;
        if (!old || !value_is(old, VALUE_DICT)) {
            dict_setv(d, e->key, e->val);
            continue;
        }
        struct value both = value_dict(d->arena);
        dict_update(both.u.dict, old->u.dict);
        value_set_pos(&both, value_pos(&e->val));
        inventory_combine(both.u.dict, e->val.u.dict, true);
        dict_setv(d, e->key, both);
    }
}

static int set_priority(struct group *g, const struct value *val, struct err *e)
{
    int64_t n = 0;
    char *end = NULL;
    if (value_is(val, VALUE_INT))
        n = val->u.i;
    else if (value_is(val, VALUE_FLOAT) && val->u.f > -1e15 && val->u.f < 1e15)
        n = (int64_t)val->u.f;
    else if (value_is(val, VALUE_BOOL))
        n = val->u.b;
    else if (value_is(val, VALUE_STRING))
        n = strtoll(val->u.str.s, &end, 10);
    else
        return 0;
    if (end && (end == val->u.str.s || *end))
        return err_set(e, ERR_INVALID, value_pos(val),
                       "ansible_group_priority of %s must be a whole number", g->name);
    g->priority = n;
    return 0;
}

int model_set_var(struct inventory *inv, const char *entity, struct value key, struct value val,
                  struct err *e)
{
    struct group *g = inventory_find_group(inv, entity);
    struct host *h = g ? NULL : model_find_host(inv, entity);
    if (!g && !h)
        return err_set(e, ERR_NOENT, value_pos(&key), "there is no group or host called %s",
                       entity);
    if (g) {
        inv->vars_gen++;
        if (value_eqs(&key, "ansible_group_priority"))
            return set_priority(g, &val, e);
    } else {
        h->state->own_ready = false;
    }
    struct dict *d = g ? g->vars : h->vars;
    const struct value *old = inv->merge && value_is(&val, VALUE_DICT) ? dict_getv(d, &key) : NULL;
    if (old && value_is(old, VALUE_DICT)) {
        struct dict *one = value_dict(inv->a).u.dict;
        dict_setv(one, key, val);
        inventory_combine(d, one, true);
    } else {
        dict_setv(d, key, val);
    }
    return 0;
}

// --- rules
// ---------------------------------------------------------------------------------------------------

static void reconcile_host(struct inventory *inv, struct host *h)
{
    bool ungrouped = host_in(h, inv->ungrouped), other = false;
    for (size_t i = 0; i < h->n_groups; i++)
        other = other || (h->groups[i] != inv->all && h->groups[i] != inv->ungrouped);
    if (ungrouped && other)
        leave(inv, inv->ungrouped, h);
    else if (!ungrouped && !other && !h->implicit)
        model_join(inv, inv->ungrouped, h);
}

int model_reconcile(struct inventory *inv, struct err *e)
{
    for (size_t i = 0; i < inv->groups.len; i++) {
        struct group *g = inv->groups.items[i];
        if (g == inv->all || g->parents.len)
            continue;
        int rc = model_add_child(inv, inv->all, g, POS_NONE, e);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < inv->hosts.len; i++) {
        struct host *h = inv->hosts.items[i];
        reconcile_host(inv, h);
        if (inventory_find_group(inv, h->name))
            model_warn(inv, POS_NONE, "Found both group and host with same name: %s", h->name);
    }
    return 0;
}

struct inventory *model_new(struct arena *a, const struct inventory_opts *opts)
{
    struct inventory *inv = arena_new_of(a, struct inventory);
    inv->a = a;
    inv->opts = *opts;
    inv->warnings = value_list(a).u.list;
    inv->host_index = value_dict(a).u.dict;
    inv->group_index = value_dict(a).u.dict;
    inv->files = value_dict(a).u.dict;
    inv->folders = value_dict(a).u.dict;
    inv->shared = value_dict(a).u.dict;
    inv->merge = !strcmp(config_str(opts->config, CONFIG_HASH_BEHAVIOUR), "merge");
    inv->all = model_add_group(inv, "all");
    inv->ungrouped = model_add_group(inv, "ungrouped");
    struct err ignored = ERR_INIT;
    if (model_add_child(inv, inv->all, inv->ungrouped, POS_NONE, &ignored) < 0)
        err_release(&ignored);
    return inv;
}

// --- reading
// -------------------------------------------------------------------------------------------------

struct value inventory_sources(const struct inventory *inv, struct arena *a)
{
    struct value v = value_list(a);
    for (size_t i = 0; i < inv->sources.len; i++)
        list_add(v.u.list, value_cstr(inv->sources.items[i]));
    return v;
}

const struct list *inventory_warnings(const struct inventory *inv)
{
    return inv->warnings;
}

bool inventory_parsed(const struct inventory *inv)
{
    return inv->parsed;
}

size_t inventory_host_count(const struct inventory *inv)
{
    return inv->hosts.len;
}

struct host *inventory_host(const struct inventory *inv, size_t i)
{
    return inv->hosts.items[i];
}

size_t inventory_group_count(const struct inventory *inv)
{
    return inv->groups.len;
}

struct group *inventory_group(const struct inventory *inv, size_t i)
{
    return inv->groups.items[i];
}

const char *group_name(const struct group *g)
{
    return g->name;
}

struct value inventory_groups(struct inventory *inv)
{
    if (!value_is(&inv->groups_value, VALUE_NULL))
        return inv->groups_value;
    struct value v = value_dict(inv->a);
    for (size_t i = 0; i < inv->groups.len; i++) {
        struct group *g = inv->groups.items[i];
        struct inventory_hosts hosts = group_hosts(inv, g);
        struct value names = value_list(inv->a);
        for (size_t k = 0; k < hosts.len; k++)
            list_add(names.u.list, value_cstr(hosts.hosts[k]->name));
        dict_set(v.u.dict, g->name, names);
    }
    inv->groups_value = v;
    return v;
}

static int by_text(const void *x, const void *y)
{
    const struct value *a = x, *b = y;
    return strcmp(a->u.str.s, b->u.str.s);
}

struct value host_group_names(const struct host *h, struct arena *a)
{
    struct value v = value_list(a);
    for (size_t i = 0; i < h->n_groups; i++)
        if (strcmp(h->groups[i]->name, "all") != 0)
            list_add(v.u.list, value_cstr(h->groups[i]->name));
    if (v.u.list->len)
        qsort(v.u.list->items, v.u.list->len, sizeof(struct value), by_text);
    return v;
}

// --- run time
// ------------------------------------------------------------------------------------------------

// Has the host every variable of vars with the same value already?
static bool has_vars(const struct host *h, const struct dict *vars)
{
    struct dict_entry *e;
    DICT_EACH(vars, e)
    {
        const struct value *old = dict_getv(h->vars, &e->key);
        if (!old || !value_equal(old, &e->val))
            return false;
    }
    return true;
}

int inventory_add_host(struct inventory *inv, const char *name, const struct dict *vars,
                       const struct list *groups, bool *changed, struct err *e)
{
    if (!*name)
        return err_set(e, ERR_INVALID, POS_NONE, "a host must have a name");
    struct host *h = model_find_host(inv, name);
    bool any = !h;
    inv->source = inv->source_dir = NULL;
    h = model_add_host(inv, name, h ? NULL : inv->all, -1);
    if (vars && !has_vars(h, vars)) {
        struct value given = {.type = VALUE_DICT, .u.dict = (struct dict *)(uintptr_t)vars};
        inventory_combine(h->vars, value_copy(inv->a, &given).u.dict, inv->merge);
        h->state->own_ready = false;
        any = true;
    }
    for (size_t i = 0; groups && i < groups->len; i++) {
        if (!value_is(&groups->items[i], VALUE_STRING) || !groups->items[i].u.str.len)
            return err_set(e, ERR_INVALID, value_pos(&groups->items[i]),
                           "a group must have a name");
        const char *group = groups->items[i].u.str.s;
        any = !inventory_find_group(inv, group) || any;
        any = model_join(inv, model_add_group(inv, group), h) || any;
    }
    *changed = any;
    return any ? model_reconcile(inv, e) : 0;
}

int inventory_add_to_group(struct inventory *inv, struct host *h, const char *group,
                           const struct list *parents, bool *changed, struct err *e)
{
    size_t before = inv->groups.len;
    struct group *g = model_add_group(inv, group);
    bool any = false;
    for (size_t i = 0; parents && i < parents->len; i++) {
        struct group *p = model_add_group(inv, value_to_cstr(inv->a, &parents->items[i]));
        any = any || !ptrs_has(&p->children, g);
        int rc = model_add_child(inv, p, g, POS_NONE, e);
        if (rc < 0)
            return rc;
    }
    struct inventory_hosts in = group_hosts(inv, g);
    size_t at = 0;
    while (at < in.len && in.hosts[at] != h)
        at++;
    if (at == in.len)
        any = model_join(inv, g, h) || any;
    *changed = any || inv->groups.len > before;
    return *changed ? model_reconcile(inv, e) : 0;
}
