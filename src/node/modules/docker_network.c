// docker_network: a network is there as described and containers are connected to it, or it is
// gone.
#include "node/modules.h"
#include "node/modules/docker.h"
#include "node/text.h"

#include <arpa/inet.h>
#include <string.h>

struct network {
    struct docker d;
    struct module *m;
    struct arena *a;
    const char *name;
    struct value have, actions;
    struct docker_diff diff;
    struct value connected; // names of the containers wanted
};

static bool exists(const struct network *n)
{
    return n->have.type == VALUE_DICT;
}

static int refresh(struct network *n)
{
    return docker_get(&n->d, docker_path(&n->d, "/networks/%s", n->name), &n->have) < 0 ? ERR_FAILED
                                                                                        : 0;
}

static void did(struct network *n, struct value action)
{
    list_add(n->actions.u.list, action);
    module_changed(n->m, true);
}

// --- what differs

static void compare(struct network *n, const char *param, const char *path,
                    enum docker_compare kind, enum docker_mode mode)
{
    struct value want = *dict_get(n->m->args, param), none = value_null();
    const struct value *have = docker_at(&n->have, path);
    if (want.type == VALUE_NULL)
        return;
    if (want.type == VALUE_DICT)
        want = docker_strings(n->a, &want);
    if (!docker_same(kind, mode, &want, have ? have : &none))
        docker_diff_add(&n->diff, param, want, have ? *have : none);
}

static const char *const ipam_keys[][2] = {{"subnet", "Subnet"},
                                           {"iprange", "IPRange"},
                                           {"gateway", "Gateway"},
                                           {"aux_addresses", "AuxiliaryAddresses"}};

// A block of ipam_config in the words of the API.
static struct value ipam_block(struct network *n, const struct value *block)
{
    struct value ret = value_dict(n->a);
    for (size_t i = 0; i < sizeof ipam_keys / sizeof *ipam_keys; i++) {
        const struct value *v = docker_at(block, ipam_keys[i][0]);
        if (v && v->type != VALUE_NULL)
            dict_set(ret.u.dict, ipam_keys[i][1], *v);
    }
    return ret;
}

// The block the network has for the same kind of addresses.
static const struct value *same_family(const struct list *have, const struct value *want)
{
    bool six = strchr(docker_str(want, "Subnet"), ':') != NULL;
    for (size_t i = 0; i < have->len; i++)
        if ((strchr(docker_str(&have->items[i], "Subnet"), ':') != NULL) == six)
            return &have->items[i];
    return NULL;
}

static void compare_ipam(struct network *n)
{
    const struct list *l = module_list(n->m, "ipam_config");
    const struct value *have = docker_at(&n->have, "IPAM.Config");
    bool none = !have || have->type != VALUE_LIST || !have->u.list->len;
    for (size_t i = 0; l && i < l->len; i++) {
        struct value want = ipam_block(n, &l->items[i]);
        const struct value *block = none ? NULL : same_family(have->u.list, &want);
        for (size_t j = 0; j < sizeof ipam_keys / sizeof *ipam_keys; j++) {
            const struct value *to_be = docker_at(&want, ipam_keys[j][1]),
                               *is = docker_at(block, ipam_keys[j][1]);
            if (to_be && !(is && value_equal(is, to_be)))
                docker_diff_add(&n->diff,
                                arena_printf(n->a, "ipam_config[%zu].%s", i, ipam_keys[j][0]),
                                *to_be, is ? *is : value_null());
        }
    }
}

// A network is not removed for one that cannot be made.
static int check_subnets(struct network *n)
{
    const struct list *l = module_list(n->m, "ipam_config");
    for (size_t i = 0; l && i < l->len; i++) {
        const char *subnet = docker_str(&l->items[i], "subnet"), *slash = strchr(subnet, '/');
        unsigned char address[16];
        const char *host = slash ? arena_strndup(n->a, subnet, (size_t)(slash - subnet)) : "";
        bool good =
            slash && text_is_number(slash + 1) &&
            (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1);
        if (*subnet && !good)
            return module_fail(n->m, "\"%s\" is not a valid CIDR", subnet);
    }
    return 0;
}

static void compare_all(struct network *n)
{
    compare(n, "driver", "Driver", DOCKER_VALUE, DOCKER_STRICT);
    compare(n, "driver_options", "Options", DOCKER_DICT, DOCKER_MORE);
    compare(n, "ipam_driver", "IPAM.Driver", DOCKER_VALUE, DOCKER_STRICT);
    compare(n, "ipam_driver_options", "IPAM.Options", DOCKER_DICT, DOCKER_STRICT);
    compare(n, "enable_ipv6", "EnableIPv6", DOCKER_VALUE, DOCKER_STRICT);
    compare(n, "internal", "Internal", DOCKER_VALUE, DOCKER_STRICT);
    compare(n, "scope", "Scope", DOCKER_VALUE, DOCKER_STRICT);
    compare(n, "attachable", "Attachable", DOCKER_VALUE, DOCKER_STRICT);
    compare(n, "labels", "Labels", DOCKER_DICT, DOCKER_MORE);
    compare_ipam(n);
}

// --- containers

static bool is_connected(const struct network *n, const char *name)
{
    const struct value *all = docker_at(&n->have, "Containers");
    struct dict_entry *entry;
    if (all && all->type == VALUE_DICT)
        DICT_EACH(all->u.dict, entry)
    if (strcmp(docker_str(&entry->val, "Name"), name) == 0 ||
        strcmp(value_to_cstr(n->a, &entry->key), name) == 0)
        return true;
    return false;
}

static int move_container(struct network *n, const char *verb, const char *container)
{
    struct value body = value_dict(n->a);
    bool off = *verb == 'd';
    did(n, value_strf(n->a, "%sonnected container %s", off ? "Disc" : "C", container));
    if (n->m->check)
        return 0;
    dict_set(body.u.dict, "Container", value_cstr(container));
    if (off)
        dict_set(body.u.dict, "Force", value_bool(true));
    return docker_must(
        &n->d, "POST",
        arena_printf(n->a, "%s/%s", docker_path(&n->d, "/networks/%s", n->name), verb), &body,
        "An unexpected Docker error occurred", NULL);
}

static int connect_wanted(struct network *n)
{
    for (size_t i = 0; i < n->connected.u.list->len; i++) {
        const char *name = value_to_cstr(n->a, &n->connected.u.list->items[i]);
        if (is_connected(n, name))
            continue;
        docker_diff_add(&n->diff, arena_printf(n->a, "connected.%s", name), value_bool(true),
                        value_bool(false));
        if (move_container(n, "connect", name) != 0)
            return ERR_FAILED;
    }
    return 0;
}

// Disconnects those not wanted, or all.
static int disconnect(struct network *n, bool all)
{
    const struct value *containers = docker_at(&n->have, "Containers");
    struct dict_entry *entry;
    if (!containers || containers->type != VALUE_DICT)
        return 0;
    DICT_EACH(containers->u.dict, entry)
    {
        const char *name = docker_str(&entry->val, "Name");
        if (!all && text_list_has(n->connected.u.list, name))
            continue;
        docker_diff_add(&n->diff, arena_printf(n->a, "connected.%s", name), value_bool(false),
                        value_bool(true));
        if (move_container(n, "disconnect", name) != 0)
            return ERR_FAILED;
    }
    return 0;
}

// No list means: those there are.
static void read_connected(struct network *n)
{
    const struct list *l = module_list(n->m, "connected");
    const struct value *have = docker_at(&n->have, "Containers");
    struct dict_entry *entry;
    n->connected = value_list(n->a);
    for (size_t i = 0; l && i < l->len; i++)
        list_add(n->connected.u.list, l->items[i]);
    if (!n->connected.u.list->len && have && have->type == VALUE_DICT)
        DICT_EACH(have->u.dict, entry)
    list_add(n->connected.u.list, value_cstr(docker_str(&entry->val, "Name")));
}

// --- states

static int remove_network(struct network *n)
{
    if (!exists(n))
        return 0;
    if (disconnect(n, true) != 0)
        return ERR_FAILED;
    did(n, value_strf(n->a, "Removed network %s", n->name));
    if (n->m->check)
        return 0;
    int rc = docker_must(&n->d, "DELETE", docker_path(&n->d, "/networks/%s", n->name), NULL,
                         "An unexpected Docker error occurred", NULL);
    n->have = value_null();
    return rc;
}

static struct value create_body(struct network *n)
{
    static const char *const plain[][2] = {{"name", "Name"},
                                           {"driver", "Driver"},
                                           {"ipam_driver", "IPAM.Driver"},
                                           {"enable_ipv6", "EnableIPv6"},
                                           {"internal", "Internal"},
                                           {"scope", "Scope"},
                                           {"attachable", "Attachable"},
                                           {"driver_options", "Options"},
                                           {"labels", "Labels"},
                                           {"ipam_driver_options", "IPAM.Options"}};
    struct value body = value_dict(n->a), blocks = value_list(n->a);
    const struct list *l = module_list(n->m, "ipam_config");
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        const struct value *v = dict_get(n->m->args, plain[i][0]);
        if (v->type != VALUE_NULL)
            docker_put(body.u.dict, plain[i][1],
                       v->type == VALUE_DICT ? docker_strings(n->a, v) : *v);
    }
    for (size_t i = 0; l && i < l->len; i++)
        list_add(blocks.u.list, ipam_block(n, &l->items[i]));
    if (l)
        docker_put(body.u.dict, "IPAM.Config", blocks);
    dict_set(body.u.dict, "CheckDuplicate", value_bool(true));
    return body;
}

static int create_network(struct network *n)
{
    struct value body = create_body(n), answer;
    did(n,
        value_strf(n->a, "Created network %s with driver %s", n->name, module_str(n->m, "driver")));
    if (n->m->check)
        return 0;
    if (docker_must(&n->d, "POST", "/networks/create", &body, "An unexpected Docker error occurred",
                    &answer) != 0)
        return ERR_FAILED;
    docker_warnings(&n->d, &answer);
    return refresh(n);
}

static int present(struct network *n)
{
    bool there = exists(n);
    if (check_subnets(n) != 0)
        return ERR_FAILED;
    if (there)
        compare_all(n);
    bool anew = there && (module_bool(n->m, "force") || docker_differs(&n->diff));
    if (anew && remove_network(n) != 0)
        return ERR_FAILED;
    if (anew)
        n->have = value_null();
    dict_set(n->diff.before.u.dict, "exists", value_bool(there));
    dict_set(n->diff.after.u.dict, "exists", value_bool(true));
    if (!exists(n) && create_network(n) != 0)
        return ERR_FAILED;
    if (connect_wanted(n) != 0)
        return ERR_FAILED;
    if (!module_bool(n->m, "appends") && disconnect(n, false) != 0)
        return ERR_FAILED;
    if (refresh(n) != 0)
        return ERR_FAILED;
    module_set(n->m, "network", n->have);
    return 0;
}

static int absent(struct network *n)
{
    bool there = exists(n);
    dict_set(n->diff.before.u.dict, "exists", value_bool(there));
    dict_set(n->diff.after.u.dict, "exists", value_bool(false));
    return remove_network(n);
}

int mod_docker_network(struct module *m)
{
    struct network n = {
        .m = m, .a = m->arena, .name = module_str(m, "name"), .actions = value_list(m->arena)};
    docker_diff_init(&n.diff, n.a);
    module_changed(m, false);
    if (docker_open(&n.d, m) != 0 || refresh(&n) != 0)
        return ERR_FAILED;
    read_connected(&n);
    bool gone = strcmp(module_str(m, "state"), "absent") == 0;
    if ((gone ? absent(&n) : present(&n)) != 0)
        return docker_end(m, ERR_FAILED);
    if (gone || m->check || module_bool(m, "debug"))
        module_set(m, "actions", n.actions);
    docker_tell_diff(m, &n.diff);
    return 0;
}
