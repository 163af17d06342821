// The networks that a container of docker_container is connected to.
#include "node/modules/docker_container.h"
#include "node/text.h"

#include <string.h>

// The members of a network that matter when connecting, with NULL where the daemon has nothing.
static const struct {
    const char *name, *have, *key;
} members[] = {
    {"ipv4_address", "IPAMConfig.IPv4Address", "IPAMConfig.IPv4Address"},
    {"ipv6_address", "IPAMConfig.IPv6Address", "IPAMConfig.IPv6Address"},
    {"aliases", "Aliases", "Aliases"},
    {"links", "Links", "Links"},
};
enum { MEMBERS = sizeof members / sizeof *members };

int docker_read_networks(struct container *c)
{
    const struct list *l = module_list(c->m, "networks");
    c->networks = value_null();
    if (!l)
        return 0;
    c->networks = value_list(c->a);
    for (size_t i = 0; i < l->len; i++) {
        struct value net = value_shallow(c->a, &l->items[i]), info;
        const char *name = docker_str(&net, "name");
        int found = docker_get(&c->d, docker_path(&c->d, "/networks/%s", name), &info);
        if (found < 0)
            return ERR_FAILED;
        if (!found)
            return module_fail(
                c->m, "Parameter error: network named %s could not be found. Does it exist?", name);
        dict_set(net.u.dict, "id", *docker_at(&info, "Id"));
        const struct value *options = docker_at(&info, "Options");
        if (options && strcmp(docker_str(&info, "Driver"), "bridge") == 0)
            dict_set(net.u.dict, "_options", *options);
        list_add(c->networks.u.list, net);
    }
    return 0;
}

// "other:alias" of each, as the daemon shows it.
static struct value links(struct arena *a, const struct value *v)
{
    struct value ret = value_list(a);
    for (size_t i = 0; i < v->u.list->len; i++) {
        const char *s = v->u.list->items[i].u.str.s;
        list_add(ret.u.list, strchr(s, ':') ? value_cstr(s) : value_strf(a, "%s:%s", s, s));
    }
    return ret;
}

// A wanted member, NULL when it does not matter.
static const struct value *wanted(struct arena *a, const struct value *net, size_t i,
                                  struct value *room)
{
    const struct value *v = docker_at(net, members[i].name);
    if (!v || !value_truthy(v))
        return NULL;
    if (strcmp(members[i].name, "links") != 0)
        return v;
    *room = links(a, v);
    return room;
}

static bool connection_differs(struct arena *a, const struct value *net, const struct value *have)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        struct value room, none = value_null();
        const struct value *want = wanted(a, net, i, &room), *is = docker_at(have, members[i].have);
        if (want && !docker_same(want->type == VALUE_LIST ? DOCKER_SET : DOCKER_VALUE, DOCKER_MORE,
                                 want, is ? is : &none))
            return true;
    }
    return false;
}

// The parameter without what only we know.
static struct value shown(struct arena *a, const struct value *net)
{
    struct value ret = value_shallow(a, net);
    dict_del(ret.u.dict, "_options");
    return ret;
}

static struct value shown_connection(struct arena *a, const char *name, const struct value *have)
{
    struct value ret = value_dict(a);
    dict_set(ret.u.dict, "name", value_cstr(name));
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct value *is = docker_at(have, members[i].have);
        dict_set(ret.u.dict, members[i].name, is ? *is : value_null());
    }
    return ret;
}

static int disconnect(struct container *c, const char *name, const char *id)
{
    struct value body = value_dict(c->a);
    docker_action(c, "removed_from_network", value_cstr(name));
    if (c->m->check)
        return 0;
    dict_set(body.u.dict, "Container", value_cstr(docker_str(&c->have, "Id")));
    return docker_must(&c->d, "POST", docker_path(&c->d, "/networks/%s/disconnect", id), &body,
                       arena_printf(c->a, "Error disconnecting container from network %s", name),
                       NULL);
}

static int connect_to(struct container *c, const struct value *net)
{
    const char *name = docker_str(net, "name");
    struct value body = value_dict(c->a), endpoint = value_dict(c->a);
    docker_action(c, "added_to_network", value_cstr(name));
    dict_set(c->actions.u.list->items[c->actions.u.list->len - 1].u.dict, "network_parameters",
             shown(c->a, net));
    if (c->m->check)
        return 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        struct value room;
        const struct value *want = wanted(c->a, net, i, &room);
        if (want)
            docker_put(endpoint.u.dict, members[i].key, *want);
    }
    dict_set(body.u.dict, "Container", value_cstr(docker_str(&c->have, "Id")));
    dict_set(body.u.dict, "EndpointConfig", endpoint);
    return docker_must(&c->d, "POST",
                       docker_path(&c->d, "/networks/%s/connect", docker_str(net, "id")), &body,
                       arena_printf(c->a, "Error connecting container to network %s", name), NULL);
}

// Connects to one wanted network, again where the connection is another one.
static int update_one(struct container *c, const struct value *net)
{
    const char *name = docker_str(net, "name");
    const struct value *all = docker_at(&c->have, "NetworkSettings.Networks");
    const struct value *have = all && all->type == VALUE_DICT ? dict_get(all->u.dict, name) : NULL;
    if (have && !connection_differs(c->a, net, have))
        return 0;
    docker_diff_add(&c->diff, arena_printf(c->a, "network.%s", name), shown(c->a, net),
                    have ? shown_connection(c->a, name, have) : value_null());
    module_changed(c->m, true);
    if (have && disconnect(c, name, docker_str(net, "id")) != 0)
        return ERR_FAILED;
    return connect_to(c, net);
}

static bool is_wanted(const struct container *c, const char *name)
{
    for (size_t i = 0; c->networks.type == VALUE_LIST && i < c->networks.u.list->len; i++)
        if (strcmp(docker_str(&c->networks.u.list->items[i], "name"), name) == 0)
            return true;
    return false;
}

// Leaves the networks that are not wanted.
static int purge(struct container *c)
{
    const struct value *all = docker_at(&c->have, "NetworkSettings.Networks");
    struct dict_entry *entry;
    if (!all || all->type != VALUE_DICT)
        return 0;
    DICT_EACH(all->u.dict, entry)
    {
        const char *name = value_to_cstr(c->a, &entry->key);
        if (is_wanted(c, name))
            continue;
        struct value was = value_dict(c->a);
        dict_set(was.u.dict, "name", value_cstr(name));
        dict_set(was.u.dict, "id", value_cstr(docker_str(&entry->val, "NetworkID")));
        docker_diff_add(&c->diff, arena_printf(c->a, "network.%s", name), value_null(), was);
        module_changed(c->m, true);
        if (disconnect(c, name, name) != 0)
            return ERR_FAILED;
    }
    return 0;
}

int docker_update_networks(struct container *c, bool created)
{
    size_t actions = c->actions.u.list->len;
    bool strict = (c->networks_mode == DOCKER_STRICT && c->networks.type == VALUE_LIST) ||
                  module_bool(c->m, "purge_networks");
    if (c->networks.type == VALUE_LIST && (c->networks_mode != DOCKER_IGNORE || created))
        for (size_t i = 0; i < c->networks.u.list->len; i++)
            if (update_one(c, &c->networks.u.list->items[i]) != 0)
                return ERR_FAILED;
    if (strict && purge(c) != 0)
        return ERR_FAILED;
    if (c->actions.u.list->len > actions && !c->m->check)
        return docker_refresh(c, docker_str(&c->have, "Id"));
    return 0;
}
