// What docker_container wants of a container: its parameters in the words of the API, compared with
// what the daemon says, and the bodies of the calls that make or change it.
#include "node/modules/docker_convert.h"
#include "node/text.h"

#include <string.h>

// --- the table

#define HOST(name, key, kind)                                                                      \
    {                                                                                              \
        name, "HostConfig." key, DOCKER_##kind, false, NULL                                        \
    }
#define HOST_AS(name, key, kind, convert)                                                          \
    {                                                                                              \
        name, "HostConfig." key, DOCKER_##kind, false, convert                                     \
    }
#define LIMIT(name, key)                                                                           \
    {                                                                                              \
        name, "HostConfig." key, DOCKER_VALUE, true, NULL                                          \
    }
#define LIMIT_AS(name, key, convert)                                                               \
    {                                                                                              \
        name, "HostConfig." key, DOCKER_VALUE, true, convert                                       \
    }
#define CONFIG(name, key, kind)                                                                    \
    {                                                                                              \
        name, "Config." key, DOCKER_##kind, false, NULL                                            \
    }
#define CONFIG_AS(name, key, kind, convert)                                                        \
    {                                                                                              \
        name, "Config." key, DOCKER_##kind, false, convert                                         \
    }

const struct docker_option docker_options[] = {
    HOST("auto_remove", "AutoRemove", VALUE),
    LIMIT("blkio_weight", "BlkioWeight"),
    HOST("capabilities", "CapAdd", SET),
    HOST("cap_drop", "CapDrop", SET),
    HOST("cgroupns_mode", "CgroupnsMode", VALUE),
    HOST("cgroup_parent", "CgroupParent", VALUE),
    CONFIG_AS("command", "Cmd", LIST, docker_to_words),
    LIMIT("cpu_period", "CpuPeriod"),
    LIMIT("cpu_quota", "CpuQuota"),
    LIMIT("cpuset_cpus", "CpusetCpus"),
    LIMIT("cpuset_mems", "CpusetMems"),
    LIMIT("cpu_shares", "CpuShares"),
    CONFIG_AS("entrypoint", "Entrypoint", LIST, docker_to_words),
    HOST_AS("cpus", "NanoCpus", VALUE, docker_to_nanos),
    {"detach", "", DOCKER_VALUE, false, NULL},
    CONFIG("interactive", "OpenStdin", VALUE),
    HOST_AS("devices", "Devices", DICTS, docker_to_devices),
    HOST_AS("device_read_bps", "BlkioDeviceReadBps", DICTS, docker_to_rates),
    HOST_AS("device_write_bps", "BlkioDeviceWriteBps", DICTS, docker_to_rates),
    HOST_AS("device_read_iops", "BlkioDeviceReadIOps", DICTS, docker_to_rates),
    HOST_AS("device_write_iops", "BlkioDeviceWriteIOps", DICTS, docker_to_rates),
    HOST_AS("device_requests", "DeviceRequests", DICTS, docker_to_requests),
    HOST("dns_servers", "Dns", LIST),
    HOST("dns_opts", "DnsOptions", SET),
    HOST("dns_search_domains", "DnsSearch", LIST),
    CONFIG("domainname", "Domainname", VALUE),
    CONFIG("env", "Env", SET),
    HOST_AS("etc_hosts", "ExtraHosts", SET, docker_to_pairs),
    HOST("groups", "GroupAdd", SET),
    CONFIG_AS("healthcheck", "Healthcheck", DICT, docker_to_healthcheck),
    CONFIG("hostname", "Hostname", VALUE),
    CONFIG("image", "Image", VALUE),
    HOST("init", "Init", VALUE),
    HOST_AS("ipc_mode", "IpcMode", VALUE, docker_to_namespace),
    LIMIT_AS("kernel_memory", "KernelMemory", docker_to_size),
    CONFIG_AS("labels", "Labels", DICT, docker_to_strings),
    HOST_AS("links", "Links", SET, docker_to_links),
    HOST("log_driver", "LogConfig.Type", VALUE),
    HOST_AS("log_options", "LogConfig.Config", DICT, docker_to_strings),
    CONFIG_AS("mac_address", "MacAddress", VALUE, docker_to_mac),
    LIMIT_AS("memory", "Memory", docker_to_size),
    LIMIT_AS("memory_reservation", "MemoryReservation", docker_to_size),
    LIMIT_AS("memory_swap", "MemorySwap", docker_to_size),
    HOST("memory_swappiness", "MemorySwappiness", VALUE),
    CONFIG("stop_timeout", "StopTimeout", VALUE),
    HOST_AS("network_mode", "NetworkMode", VALUE, docker_to_namespace),
    HOST("oom_killer", "OomKillDisable", VALUE),
    HOST("oom_score_adj", "OomScoreAdj", VALUE),
    HOST_AS("pid_mode", "PidMode", VALUE, docker_to_namespace),
    HOST("pids_limit", "PidsLimit", VALUE),
    {"platform", "Platform", DOCKER_VALUE, false, NULL},
    HOST("privileged", "Privileged", VALUE),
    HOST("read_only", "ReadonlyRootfs", VALUE),
    LIMIT("restart_policy", "RestartPolicy.Name"),
    LIMIT("restart_retries", "RestartPolicy.MaximumRetryCount"),
    HOST("runtime", "Runtime", VALUE),
    HOST("security_opts", "SecurityOpt", SET),
    HOST_AS("shm_size", "ShmSize", VALUE, docker_to_size),
    CONFIG("stop_signal", "StopSignal", VALUE),
    HOST_AS("storage_opts", "StorageOpt", DICT, docker_to_strings),
    HOST_AS("sysctls", "Sysctls", DICT, docker_to_strings),
    HOST_AS("tmpfs", "Tmpfs", DICT, docker_to_tmpfs),
    CONFIG("tty", "Tty", VALUE),
    HOST_AS("ulimits", "Ulimits", DICTS, docker_to_ulimits),
    CONFIG("user", "User", VALUE),
    HOST("userns_mode", "UsernsMode", VALUE),
    HOST("uts", "UTSMode", VALUE),
    HOST("volume_driver", "VolumeDriver", VALUE),
    HOST("volumes_from", "VolumesFrom", SET),
    CONFIG("working_dir", "WorkingDir", VALUE),
    HOST_AS("mounts", "Mounts", DICTS, docker_convert_mounts),
    CONFIG("volumes", "Volumes", SET),
    HOST("volume_binds", "Binds", SET),
    CONFIG("exposed_ports", "ExposedPorts", SET),
    HOST("publish_all_ports", "PublishAllPorts", VALUE),
    HOST_AS("published_ports", "PortBindings", DICT, docker_convert_published),
};
const size_t docker_options_len = sizeof docker_options / sizeof *docker_options;
_Static_assert(sizeof docker_options / sizeof *docker_options <= DOCKER_OPTIONS_MAX,
               "struct container has room for every option");

int docker_option_index(const char *name)
{
    for (size_t i = 0; i < docker_options_len; i++)
        if (strcmp(docker_options[i].name, name) == 0)
            return (int)i;
    return -1;
}

// What was asked for, VALUE_UNDEFINED for nothing.
static struct value *want(struct container *c, const char *name)
{
    return &c->want[docker_option_index(name)];
}

static bool given(const struct value *v)
{
    return v->type != VALUE_UNDEFINED;
}

// Ports and volumes stand in several places of the API.
static void spread(struct container *c)
{
    struct value *published = want(c, "published_ports"), *exposed = want(c, "exposed_ports");
    if (given(published) || given(exposed))
        *exposed = docker_exposed_ports(c, published, exposed);
    if (module_has(c->m, "volumes")) {
        *want(c, "volumes") = docker_volumes(c, false);
        *want(c, "volume_binds") = docker_volumes(c, true);
    }
}

int docker_read_options(struct container *c)
{
    for (size_t i = 0; i < docker_options_len; i++) {
        const struct docker_option *o = &docker_options[i];
        const struct value *arg = dict_get(c->m->args, o->name);
        c->want[i] = value_undefined(c->a, "%s", o->name);
        if (!arg || arg->type == VALUE_NULL)
            continue;
        c->want[i] = *arg;
        if (o->convert && o->convert(c, o, arg, &c->want[i]) != 0)
            return ERR_FAILED;
    }
    *want(c, "env") = value_undefined(c->a, "env");
    if (docker_read_env(c, want(c, "env")) != 0)
        return ERR_FAILED;
    spread(c);
    return 0;
}

// --- comparing

static int read_mode(struct container *c, const char *key, const char *text)
{
    const struct param *p = spec_param(c->m->spec, key);
    const char *name = p ? p->name : key;
    int i = docker_option_index(name);
    bool networks = strcmp(name, "networks") == 0;
    enum docker_mode mode = strcmp(text, "strict") == 0   ? DOCKER_STRICT
                            : strcmp(text, "ignore") == 0 ? DOCKER_IGNORE
                                                          : DOCKER_MORE;
    if ((i < 0 && !networks) || strcmp(name, "volume_binds") == 0)
        return module_fail(c->m, "Unknown module option '%s' in comparisons dict!", key);
    if (mode == DOCKER_MORE && strcmp(text, "allow_more_present") != 0)
        return module_fail(c->m, "Unknown comparison mode '%s'!", text);
    if (mode == DOCKER_MORE && i >= 0 && docker_options[i].kind == DOCKER_VALUE)
        return module_fail(c->m,
                           "Option '%s' is a value and not a set/list/dict, so its comparison "
                           "cannot be %s",
                           key, text);
    if (networks)
        c->networks_mode = mode;
    else
        c->mode[i] = mode;
    return 0;
}

int docker_read_comparisons(struct container *c)
{
    const struct value *all = dict_get(c->m->args, "comparisons");
    const struct dict *d = all && all->type == VALUE_DICT ? all->u.dict : NULL;
    const char *every = d ? dict_str(d, "*", NULL) : NULL;
    struct dict_entry *entry;
    if (every && strcmp(every, "strict") != 0 && strcmp(every, "ignore") != 0)
        return module_fail(c->m, "The wildcard can only be used with comparison modes 'strict' and "
                                 "'ignore'!");
    enum docker_mode base = every && *every == 'i' ? DOCKER_IGNORE : DOCKER_STRICT;
    for (size_t i = 0; i < docker_options_len; i++) {
        enum docker_compare kind = docker_options[i].kind;
        c->mode[i] = every || kind == DOCKER_VALUE || kind == DOCKER_LIST ? base : DOCKER_MORE;
    }
    if (!every)
        c->mode[docker_option_index("stop_timeout")] = DOCKER_IGNORE;
    c->networks_mode = every && module_has(c->m, "networks") ? base : DOCKER_MORE;
    if (!every && module_bool(c->m, "ignore_image"))
        c->mode[docker_option_index("image")] = DOCKER_IGNORE;
    if (!every && module_bool(c->m, "purge_networks"))
        c->networks_mode = DOCKER_STRICT;
    if (d)
        DICT_EACH(d, entry)
    if (!value_eqs(&entry->key, "*") &&
        read_mode(c, value_to_cstr(c->a, &entry->key), value_to_cstr(c->a, &entry->val)) != 0)
        return ERR_FAILED;
    c->mode[docker_option_index("volume_binds")] = c->mode[docker_option_index("volumes")];
    return 0;
}

static struct value keys(struct arena *a, const struct value *d)
{
    struct value ret = value_list(a);
    struct dict_entry *entry;
    if (d && d->type == VALUE_DICT)
        DICT_EACH(d->u.dict, entry)
    list_add(ret.u.list, entry->key);
    return ret;
}

static void add_missing(struct list *to, const struct value *from)
{
    for (size_t i = 0; from->type == VALUE_LIST && i < from->u.list->len; i++)
        if (!text_list_has(to, value_to_cstr(to->arena, &from->u.list->items[i])))
            list_add(to, from->u.list->items[i]);
}

// What is to be there: also what comes from the image.
static struct value expected(struct container *c, size_t i)
{
    const char *name = docker_options[i].name;
    struct value ret = c->want[i];
    const struct value *image = docker_at(&c->image, docker_options[i].key);
    if (strcmp(name, "env") == 0) {
        struct value merged = value_list(c->a);
        if (image && image->type == VALUE_LIST)
            add_missing(merged.u.list, image);
        for (size_t j = 0; ret.type == VALUE_LIST && j < ret.u.list->len; j++)
            docker_add_env(c, merged.u.list, ret.u.list->items[j].u.str.s);
        return merged;
    }
    if (strcmp(name, "exposed_ports") == 0 || strcmp(name, "volumes") == 0) {
        struct value merged = keys(c->a, image);
        add_missing(merged.u.list, &ret);
        return merged.u.list->len || *name == 'e' ? merged : value_undefined(c->a, "%s", name);
    }
    if (strcmp(name, "volume_binds") == 0 && !given(&ret))
        return value_list(c->a);
    if (strcmp(name, "labels") == 0 && given(&ret) && image && image->type == VALUE_DICT &&
        strcmp(module_str(c->m, "image_label_mismatch"), "ignore") == 0) {
        struct value merged = value_shallow(c->a, image);
        dict_update(merged.u.dict, ret.u.dict);
        return merged;
    }
    return ret;
}

static struct value present(struct container *c, size_t i)
{
    const struct docker_option *o = &docker_options[i];
    const struct value *v = docker_at(&c->have, o->key);
    if (strcmp(o->name, "detach") == 0) {
        const struct value *out = docker_at(&c->have, "Config.AttachStdout"),
                           *err = docker_at(&c->have, "Config.AttachStderr");
        return value_bool(!(out && err && value_truthy(out) && value_truthy(err)));
    }
    if (strcmp(o->name, "mounts") == 0)
        return docker_mounts_had(c->a, v);
    if (strcmp(o->name, "exposed_ports") == 0 ||
        (v && v->type == VALUE_DICT && strcmp(o->name, "volumes") == 0))
        return keys(c->a, v);
    if (strcmp(o->name, "healthcheck") == 0 && (!v || v->type == VALUE_NULL)) {
        struct value none = value_dict(c->a);
        dict_set(none.u.dict, "Test", docker_health_test(c, NULL));
        return none;
    }
    return v ? *v : value_null();
}

// Labels of the image that nobody asked for.
static int check_labels(struct container *c, size_t i)
{
    const struct value *image = docker_at(&c->image, "Config.Labels");
    struct buf names = BUF_INIT;
    struct dict_entry *entry;
    if (c->mode[i] != DOCKER_STRICT || !image || image->type != VALUE_DICT ||
        strcmp(module_str(c->m, "image_label_mismatch"), "fail") != 0)
        return 0;
    DICT_EACH(image->u.dict, entry)
    if (!dict_getv(c->want[i].u.dict, &entry->key))
        buf_addf(&names, "%s\"%s\"", names.len ? ", " : "", value_to_cstr(c->a, &entry->key));
    int rc = names.len
                 ? module_fail(c->m,
                               "Some labels should be removed but are present in the base image. "
                               "You can set image_label_mismatch to 'ignore' to ignore this "
                               "error. Labels: %s",
                               buf_str(&names))
                 : 0;
    buf_release(&names);
    return rc;
}

int docker_compare_options(struct container *c, bool update, struct docker_diff *diff)
{
    for (size_t i = 0; i < docker_options_len; i++) {
        const struct docker_option *o = &docker_options[i];
        if (o->update != update || strcmp(o->name, "image") == 0)
            continue;
        struct value is = present(c, i), to_be = expected(c, i);
        if (!given(&to_be) || docker_same(o->kind, c->mode[i], &to_be, &is))
            continue;
        if (strcmp(o->name, "labels") == 0 && check_labels(c, i) != 0)
            return ERR_FAILED;
        docker_diff_add(diff, o->name, to_be, is);
    }
    return 0;
}

// --- bodies

// {"name": {}, ...} of a list of names
static struct value as_set(struct arena *a, const struct value *list)
{
    struct value ret = value_dict(a);
    for (size_t i = 0; i < list->u.list->len; i++)
        dict_setv(ret.u.dict, list->u.list->items[i], value_dict(a));
    return ret;
}

static void put_attached(struct container *c, struct dict *body)
{
    struct value *detach = want(c, "detach"), *interactive = want(c, "interactive");
    bool attach = !given(detach) || !value_truthy(detach);
    bool in = attach && given(interactive) && value_truthy(interactive);
    dict_set(body, "AttachStdout", value_bool(attach));
    dict_set(body, "AttachStderr", value_bool(attach));
    dict_set(body, "AttachStdin", value_bool(in));
    dict_set(body, "StdinOnce", value_bool(in));
    if (!given(interactive))
        dict_set(body, "OpenStdin", value_null());
}

struct value docker_create_body(struct container *c, const char *image)
{
    struct value body = value_dict(c->a);
    for (size_t i = 0; i < docker_options_len; i++) {
        const struct docker_option *o = &docker_options[i];
        struct value v = c->want[i];
        if (!given(&v) || strcmp(o->name, "detach") == 0)
            continue;
        if (strcmp(o->name, "mounts") == 0)
            v = docker_mounts_body(c->a, &v);
        else if (strcmp(o->name, "exposed_ports") == 0 || strcmp(o->name, "volumes") == 0)
            v = as_set(c->a, &v);
        const char *key = text_after(o->key, "Config.");
        docker_put(body.u.dict, key ? key : o->key, v);
    }
    put_attached(c, body.u.dict);
    if (!dict_get(body.u.dict, "ExposedPorts"))
        dict_set(body.u.dict, "ExposedPorts", value_dict(c->a));
    dict_set(body.u.dict, "Image", value_cstr(image));
    return body;
}

struct value docker_update_body(struct container *c, const struct docker_diff *diff)
{
    struct value body = value_dict(c->a);
    const struct dict *after = diff->after.u.dict;
    bool restart = dict_get(after, "restart_policy") || dict_get(after, "restart_retries");
    for (size_t i = 0; i < docker_options_len; i++) {
        const struct docker_option *o = &docker_options[i];
        bool with = restart && text_after(o->name, "restart_"); // these go together
        if (o->update && given(&c->want[i]) && (with || dict_get(after, o->name)))
            docker_put(body.u.dict, text_after(o->key, "HostConfig."), c->want[i]);
    }
    return body;
}
