// Hosts of the run and what it needs of the inventory; hosts and groups added while running.
#include "run/internal.h"

#include <stdlib.h>
#include <string.h>

struct rhost *run_host(struct run *r, const char *name)
{
    const struct value *v = dict_get(r->by_name, name);
    return v ? r->hosts[v->u.i] : NULL;
}

static struct rhost *add(struct run *r, struct host *inv, const char *name)
{
    struct rhost *h = xcalloc(1, sizeof *h);
    h->run = r;
    h->inv = inv;
    h->name = inv ? inv->name : arena_strdup(r->arena, name);
    h->implicit = inv && inv->implicit;
    store_init(&h->facts);
    store_init(&h->set_facts);
    store_init(&h->included);
    if (r->n_hosts == r->cap_hosts) {
        r->cap_hosts = r->cap_hosts ? r->cap_hosts * 2 : 64;
        r->hosts = xrealloc(r->hosts, r->cap_hosts * sizeof(struct rhost *));
    }
    dict_set(r->by_name, h->name, value_int((int64_t)r->n_hosts));
    r->hosts[r->n_hosts++] = h;
    fact_cache_load(h);
    return h;
}

struct rhost *run_host_get(struct run *r, const char *name, bool make)
{
    struct rhost *h = run_host(r, name);
    if (h)
        return h;
    struct host *inv = inventory_find_host(r->o.inventory, name);
    if (!inv && !make)
        return NULL;
    return add(r, inv, name);
}

void run_inventory_vars(struct run *r, struct rhost *h, struct inventory_vars *ret)
{
    struct err e = ERR_INIT;
    *ret = (struct inventory_vars){0};
    if (!h->inv && h->outside_of != r->o.inventory) {
        h->outside = inventory_outside_host(r->o.inventory, h->name);
        h->outside_of = r->o.inventory;
    }
    struct host *inv = h->inv ? h->inv : h->outside;
    if (inventory_host_layers(r->o.inventory, inv, run_basedir(r), ret, &e) < 0)
        run_stop(r, e.pos, "%s", err_msg(&e));
    err_release(&e);
}

struct value run_groups(struct run *r)
{
    return inventory_groups(r->o.inventory);
}

struct value run_group_names(struct run *r, struct rhost *h, struct arena *a)
{
    (void)r;
    return h->inv ? host_group_names(h->inv, a) : value_list(a);
}

struct list *run_all_hosts(struct run *r, struct arena *a)
{
    struct list *l = value_list(a).u.list;
    for (size_t i = 0; i < inventory_host_count(r->o.inventory); i++)
        list_add(l, value_cstr(inventory_host(r->o.inventory, i)->name));
    return l;
}

// What add_host and group_by did, done again when the inventory is read anew.
struct addition {
    struct addition *next;
    const char *name;          // of the host or the group
    const char *member;        // that joins the group; NULL: it is a host
    const struct list *groups; // the host's, or the group's parents
    const struct dict *vars;   // of the host
};

static bool add_to_inventory(struct run *r, const struct addition *p)
{
    bool changed = false;
    struct err e = ERR_INIT;
    struct inventory *inv = r->o.inventory;
    struct host *h = p->member ? inventory_find_host(inv, p->member) : NULL;
    int rc = 0;
    if (!p->member)
        rc = inventory_add_host(inv, p->name, p->vars, p->groups, &changed, &e);
    else if (h)
        rc = inventory_add_to_group(inv, h, p->name, p->groups, &changed, &e);
    if (rc < 0)
        run_stop(r, e.pos, "%s", err_msg(&e));
    err_release(&e);
    return changed;
}

static void remember(struct run *r, const struct addition *p)
{
    struct addition *own = arena_new_of(r->arena, struct addition);
    struct value groups = {.type = VALUE_LIST}, vars = {.type = VALUE_DICT};
    groups.u.list = (struct list *)(uintptr_t)p->groups;
    vars.u.dict = (struct dict *)(uintptr_t)p->vars;
    *own = (struct addition){.name = arena_strdup(r->arena, p->name),
                             .member = arena_strdup(r->arena, p->member),
                             .groups = p->groups ? value_copy(r->arena, &groups).u.list : NULL,
                             .vars = p->vars ? value_copy(r->arena, &vars).u.dict : NULL};
    if (r->last_addition)
        r->last_addition->next = own;
    else
        r->additions = own;
    r->last_addition = own;
}

bool run_add_host(struct run *r, const char *name, const struct list *groups,
                  const struct dict *vars)
{
    struct addition a = {.name = name, .groups = groups, .vars = vars};
    bool changed = add_to_inventory(r, &a);
    struct rhost *h = run_host(r, name);
    if (h && !h->inv)
        h->inv = inventory_find_host(r->o.inventory, name);
    remember(r, &a);
    return changed;
}

bool run_add_group(struct run *r, const char *group, const struct list *parents, const char *host)
{
    struct addition a = {.name = group, .member = host, .groups = parents};
    bool changed = add_to_inventory(r, &a);
    if (changed)
        remember(r, &a);
    return changed;
}

void run_refresh_inventory(struct run *r)
{
    struct inventory *fresh;
    struct err e = ERR_INIT;
    if (!r->o.reload_inventory)
        return;
    if (r->o.reload_inventory(r->o.prompt_data, &fresh, &e) < 0) {
        run_stop(r, e.pos, "%s", err_msg(&e));
        err_release(&e);
        return;
    }
    r->o.inventory = fresh;
    r->warnings_told = 0;
    for (const struct addition *p = r->additions; p; p = p->next)
        add_to_inventory(r, p);
    for (size_t i = 0; i < r->n_hosts; i++)
        r->hosts[i]->inv = inventory_find_host(fresh, r->hosts[i]->name);
}

int run_match(struct run *r, const char *pattern, const char *order, const char ***ret_names,
              size_t *ret_n, struct err *e)
{
    struct inventory_hosts hosts;
    struct value v = value_cstr(pattern);
    int rc = inventory_match(r->o.inventory, r->arena, &v, r->o.limit, order, &hosts, e);
    if (rc < 0)
        return rc;
    const struct list *w = inventory_warnings(r->o.inventory);
    for (; r->warnings_told < w->len; r->warnings_told++)
        if (r->o.sink.warning)
            r->o.sink.warning(r->o.sink.data, value_pos(&w->items[r->warnings_told]),
                              value_to_cstr(r->arena, &w->items[r->warnings_told]));
    *ret_names = arena_array(r->arena, const char *, hosts.len + 1);
    for (size_t i = 0; i < hosts.len; i++)
        (*ret_names)[i] = hosts.hosts[i]->name;
    *ret_n = hosts.len;
    return 0;
}
