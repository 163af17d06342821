// Listings of an inventory: --list-hosts and ansible-inventory --list.
#include "inventory/model.h"

#include <string.h>

// Variables that ansible-inventory leaves out.
static const char *const internal_vars[] = {
    "ansible_config_file",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_playbook_python",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "group_names",
    "groups",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "omit",
    "playbook_dir",
};

void inventory_print_hosts(struct buf *b, const struct inventory_hosts *hosts)
{
    buf_addf(b, "  hosts (%zu):\n", hosts->len);
    for (size_t i = 0; i < hosts->len; i++)
        buf_addf(b, "    %s\n", hosts->hosts[i]->name);
}

static void list_group(struct inventory *inv, struct arena *a, struct group *g, unsigned mark,
                       struct dict *out)
{
    struct value children = value_list(a), hosts = value_list(a), v = value_dict(a);
    for (size_t i = 0; i < g->children.len; i++) {
        struct group *c = g->children.items[i];
        list_add(children.u.list, value_cstr(c->name));
    }
    for (size_t i = 0; g != inv->all && i < g->hosts.len; i++)
        list_add(hosts.u.list, value_cstr(((struct host *)g->hosts.items[i])->name));
    if (children.u.list->len)
        dict_set(v.u.dict, "children", children);
    if (hosts.u.list->len)
        dict_set(v.u.dict, "hosts", hosts);
    if (v.u.dict->len)
        dict_set(out, g->name, v);
    for (size_t i = 0; i < g->children.len; i++) {
        struct group *c = g->children.items[i];
        if (c->mark == mark)
            continue;
        c->mark = mark;
        list_group(inv, a, c, mark, out);
    }
}

int inventory_list(struct inventory *inv, const char *basedir, struct arena *a, struct value *ret,
                   struct err *e)
{
    struct value v = value_dict(a), meta = value_dict(a), hostvars = value_dict(a);
    list_group(inv, a, inv->all, ++inv->mark, v.u.dict);
    struct inventory_hosts all = group_hosts(inv, inv->all);
    for (size_t i = 0; i < all.len; i++) {
        const struct dict *vars;
        struct value own = value_dict(a);
        int rc = inventory_host_vars(inv, all.hosts[i], basedir, &vars, e);
        if (rc < 0)
            return rc;
        dict_update(own.u.dict, vars);
        for (size_t k = 0; k < sizeof(internal_vars) / sizeof(internal_vars[0]); k++)
            dict_del(own.u.dict, internal_vars[k]);
        if (own.u.dict->len)
            dict_set(hostvars.u.dict, all.hosts[i]->name, own);
    }
    dict_set(meta.u.dict, "hostvars", hostvars);
    dict_set(v.u.dict, "_meta", meta);
    *ret = v;
    return 0;
}
