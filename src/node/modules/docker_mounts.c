// What is mounted in a container: docker_container's mounts and volumes.
#include "node/modules/docker_container.h"
#include "node/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- mounts

// A member of a mount: the parameter's name, where the API has it, the only type that takes it, and
// what is read when the daemon does not say it.
static const struct {
    const char *name, *key, *type;
    enum value_type none;
} members[] = {
    {"target", "Target", NULL, VALUE_NULL},
    {"source", "Source", NULL, VALUE_NULL},
    {"type", "Type", NULL, VALUE_NULL},
    {"read_only", "ReadOnly", NULL, VALUE_BOOL},
    {"consistency", "Consistency", NULL, VALUE_NULL},
    {"propagation", "BindOptions.Propagation", "bind", VALUE_NULL},
    {"no_copy", "VolumeOptions.NoCopy", "volume", VALUE_BOOL},
    {"labels", "VolumeOptions.Labels", "volume", VALUE_DICT},
    {"volume_driver", "VolumeOptions.DriverConfig.Name", "volume", VALUE_NULL},
    {"volume_options", "VolumeOptions.DriverConfig.Options", "volume", VALUE_DICT},
    {"tmpfs_size", "TmpfsOptions.SizeBytes", "tmpfs", VALUE_NULL},
    {"tmpfs_mode", "TmpfsOptions.Mode", "tmpfs", VALUE_NULL},
};
enum { SOURCE = 1, READ_ONLY = 3, MEMBERS = sizeof members / sizeof *members };

static int convert_member(struct container *c, const char *target, const char *name,
                          struct value *v)
{
    const char *text = value_to_cstr(c->a, v);
    char *end;
    if (strcmp(name, "tmpfs_size") == 0)
        return docker_bytes(c, "tmpfs_size of mount", text, v);
    if (strcmp(name, "tmpfs_mode") != 0)
        return 0;
    *v = value_int(strtol(text, &end, 8));
    return *end || !*text
               ? module_fail(c->m, "tmp_fs mode of mount \"%s\" is not an octal string!", target)
               : 0;
}

static int convert_mount(struct container *c, const struct value *arg, struct value *ret)
{
    const char *type = docker_str(arg, "type"), *target = docker_str(arg, "target");
    *ret = value_dict(c->a);
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct value *v = docker_at(arg, members[i].name);
        if (!v || v->type == VALUE_NULL)
            continue;
        if (members[i].type && strcmp(members[i].type, type) != 0)
            return module_fail(c->m,
                               "%s cannot be specified for mount \"%s\" of type \"%s\" (needs "
                               "type \"%s\")",
                               members[i].name, target, type, members[i].type);
        struct value copy = *v;
        if (convert_member(c, target, members[i].name, &copy) != 0)
            return ERR_FAILED;
        dict_set(ret->u.dict, members[i].name, copy);
    }
    if (!dict_get(ret->u.dict, "source") && strcmp(type, "volume") != 0 &&
        strcmp(type, "tmpfs") != 0)
        return module_fail(c->m, "source must be specified for mount \"%s\" of type \"%s\"", target,
                           type);
    return 0;
}

// The path inside the container that "/host:/path:ro" or "/path" is about.
static const char *target_of(struct arena *a, const char *volume)
{
    const char *colon = strchr(volume, ':');
    const char *from = colon && colon[1] == '/' ? colon + 1 : volume;
    return arena_strndup(a, from, strcspn(from, ":"));
}

int docker_convert_mounts(struct container *c, const struct docker_option *o,
                          const struct value *arg, struct value *ret)
{
    (void)o;
    const struct list *volumes = module_list(c->m, "volumes");
    *ret = value_list(c->a);
    for (size_t i = 0; i < arg->u.list->len; i++) {
        struct value mount;
        if (convert_mount(c, &arg->u.list->items[i], &mount) != 0)
            return ERR_FAILED;
        const char *target = docker_str(&mount, "target");
        for (size_t j = 0; volumes && j < volumes->len; j++)
            if (strcmp(target_of(c->a, volumes->items[j].u.str.s), target) == 0)
                return module_fail(
                    c->m, "The mount point \"%s\" appears both in the volumes and mounts option",
                    target);
        for (size_t j = 0; j < i; j++)
            if (strcmp(docker_str(&ret->u.list->items[j], "target"), target) == 0)
                return module_fail(
                    c->m, "The mount point \"%s\" appears twice in the mounts option", target);
        list_add(ret->u.list, mount);
    }
    return 0;
}

struct value docker_mounts_body(struct arena *a, const struct value *mounts)
{
    struct value ret = value_list(a);
    for (size_t i = 0; i < mounts->u.list->len; i++) {
        struct value mount = value_dict(a);
        for (size_t j = 0; j < MEMBERS; j++) {
            const struct value *v = docker_at(&mounts->u.list->items[i], members[j].name);
            if (v || j == SOURCE || j == READ_ONLY) // null is told too
                docker_put(mount.u.dict, members[j].key, v ? *v : value_null());
        }
        list_add(ret.u.list, mount);
    }
    return ret;
}

struct value docker_mounts_had(struct arena *a, const struct value *mounts)
{
    struct value ret = value_list(a);
    for (size_t i = 0; mounts && mounts->type == VALUE_LIST && i < mounts->u.list->len; i++) {
        struct value mount = value_dict(a);
        for (size_t j = 0; j < MEMBERS; j++) {
            const struct value *v = docker_at(&mounts->u.list->items[i], members[j].key);
            dict_set(mount.u.dict, members[j].name,
                     v                               ? *v
                     : members[j].none == VALUE_BOOL ? value_bool(false)
                     : members[j].none == VALUE_DICT ? value_dict(a)
                                                     : value_null());
        }
        list_add(ret.u.list, mount);
    }
    return ret;
}

// --- volumes

static bool is_mode(const char *s)
{
    static const char modes[] = ",rw,ro,z,Z,consistent,delegated,cached,rprivate,private,rshared,"
                                "shared,rslave,slave,nocopy,";
    for (size_t n; *s; s += n + (s[n] == ',')) {
        char word[32];
        n = strcspn(s, ",");
        if (n + 3 > sizeof word)
            return false;
        word[0] = ',';
        memcpy(word + 1, s, n);
        memcpy(word + n + 1, ",", 2);
        if (!strstr(modes, word))
            return false;
    }
    return true;
}

// ~ and relative paths as the API wants them: from the root.
static const char *host_path(struct arena *a, const char *path)
{
    const char *home = getenv("HOME");
    char cwd[PATH_MAX];
    if (*path == '~' && home && (path[1] == '/' || !path[1]))
        return arena_printf(a, "%s%s", home, path + 1);
    if (*path == '.' && getcwd(cwd, sizeof cwd))
        return host_realpath(a, arena_printf(a, "%s/%s", cwd, path));
    return path;
}

// "host:path[:mode]" as a bind; NULL for a volume that is only named.
static const char *bind_of(struct arena *a, const char *volume)
{
    const char *colon = strchr(volume, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
    if (!colon || (!second && is_mode(colon + 1)))
        return NULL;
    const char *host = host_path(a, arena_strndup(a, volume, (size_t)(colon - volume)));
    return arena_printf(a, "%s%s%s", host, colon, second ? "" : ":rw");
}

struct value docker_volumes(struct container *c, bool binds)
{
    const struct list *volumes = module_list(c->m, "volumes");
    struct value ret = value_list(c->a);
    for (size_t i = 0; volumes && i < volumes->len; i++) {
        const char *text = volumes->items[i].u.str.s, *bind = bind_of(c->a, text);
        if (binds ? bind != NULL : bind == NULL)
            list_add(ret.u.list, value_cstr(binds ? bind : text));
    }
    return ret;
}
