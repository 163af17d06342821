// The parameters of docker_container in the words of the API.
#include "node/modules/docker_convert.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>

int docker_bytes(struct container *c, const char *name, const char *text, struct value *ret)
{
    int64_t n;
    if (!spec_size(text, &n))
        return module_fail(c->m,
                           "Failed to convert %s to bytes: human_to_bytes() can't interpret "
                           "following number: %.*s (original input string: %s)",
                           name, (int)strspn(text, "0123456789."), text, text);
    *ret = value_int(n);
    return 0;
}

CONVERT(docker_to_size)
{
    const char *text = value_to_cstr(c->a, arg);
    if (strcmp(o->name, "memory_swap") == 0 &&
        (strcmp(text, "unlimited") == 0 || strcmp(text, "-1") == 0)) {
        *ret = value_int(-1);
        return 0;
    }
    return docker_bytes(c, o->name, text, ret);
}

// A command line, cut as a shell would, or a list of its words.
CONVERT(docker_to_words)
{
    struct err e = ERR_INIT;
    const struct value *v = arg;
    struct value line;
    *ret = value_list(c->a);
    if (strcmp(module_str(c->m, "command_handling"), "compatibility") == 0) {
        if (!value_truthy(arg)) {
            *ret = value_undefined(c->a, "%s", o->name);
            return 0;
        }
        if (arg->type == VALUE_LIST) {
            line = value_cstr(text_join(c->a, arg->u.list, " "));
            v = &line;
        }
    }
    if (v->type != VALUE_LIST) {
        if (shlex_split(c->a, value_to_cstr(c->a, v), true, &ret->u.list, &e) != 0)
            return module_fail_err(c->m, &e);
        return 0;
    }
    for (size_t i = 0; i < v->u.list->len; i++)
        list_add(ret->u.list, value_cstr(value_to_cstr(c->a, &v->u.list->items[i])));
    return 0;
}

CONVERT(docker_to_nanos)
{
    (void)o;
    double cpus = arg->type == VALUE_INT ? (double)arg->u.i : arg->u.f;
    (void)c;
    *ret = value_int((int64_t)(cpus * 1e9 + 0.5));
    return 0;
}

CONVERT(docker_to_strings)
{
    (void)o;
    *ret = docker_strings(c->a, arg);
    return 0;
}

CONVERT(docker_to_pairs) // "key:value" of each
{
    struct dict_entry *entry;
    (void)o;
    *ret = value_list(c->a);
    DICT_EACH(arg->u.dict, entry)
    list_add(ret->u.list, value_strf(c->a, "%s:%s", value_to_cstr(c->a, &entry->key),
                                     value_to_cstr(c->a, &entry->val)));
    return 0;
}

CONVERT(docker_to_mac)
{
    (void)o;
    char *s = arena_strdup(c->a, value_to_cstr(c->a, arg));
    for (char *p = s; *p; p++)
        *p = *p == '-' ? ':' : *p;
    *ret = value_cstr(s);
    return 0;
}

// "container:NAME" with the container's id.
CONVERT(docker_to_namespace)
{
    const char *text = value_to_cstr(c->a, arg), *name = text_after(text, "container:");
    struct value other;
    (void)o;
    *ret = *arg;
    if (!name)
        return 0;
    int found = docker_get(&c->d, docker_path(&c->d, "/containers/%s/json", name), &other);
    if (found < 0)
        return ERR_FAILED;
    if (found)
        *ret = value_strf(c->a, "container:%s", docker_str(&other, "Id"));
    else
        module_warn(c->m, "Cannot find a container with name or ID \"%s\"", name);
    return 0;
}

CONVERT(docker_to_links) // as inspecting shows them: /other:/this/alias
{
    (void)o;
    *ret = value_list(c->a);
    for (size_t i = 0; i < arg->u.list->len; i++) {
        const char *s = arg->u.list->items[i].u.str.s, *colon = strchr(s, ':');
        list_add(ret->u.list, value_strf(c->a, "/%.*s:/%s/%s", (int)strcspn(s, ":"), s,
                                         module_str(c->m, "name"), colon ? colon + 1 : s));
    }
    return 0;
}

CONVERT(docker_to_devices)
{
    (void)o;
    *ret = value_list(c->a);
    for (size_t i = 0; i < arg->u.list->len; i++) {
        struct value v = value_dict(c->a);
        char *rest = arena_strdup(c->a, arg->u.list->items[i].u.str.s);
        const char *outside = text_piece(&rest, ':'), *inside = text_piece(&rest, ':'),
                   *rights = text_piece(&rest, ':');
        dict_set(v.u.dict, "CgroupPermissions", value_cstr(rights ? rights : "rwm"));
        dict_set(v.u.dict, "PathInContainer", value_cstr(inside ? inside : outside));
        dict_set(v.u.dict, "PathOnHost", value_cstr(outside));
        list_add(ret->u.list, v);
    }
    return 0;
}

CONVERT(docker_to_rates)
{
    *ret = value_list(c->a);
    for (size_t i = 0; i < arg->u.list->len; i++) {
        const struct value *item = &arg->u.list->items[i], *rate = docker_at(item, "rate");
        struct value v = value_dict(c->a), n = *rate;
        if (rate->type == VALUE_STRING && docker_bytes(c, o->name, rate->u.str.s, &n) != 0)
            return ERR_FAILED;
        dict_set(v.u.dict, "Path", *docker_at(item, "path"));
        dict_set(v.u.dict, "Rate", n);
        list_add(ret->u.list, v);
    }
    return 0;
}

CONVERT(docker_to_requests)
{
    static const char *const names[][2] = {{"driver", "Driver"},
                                           {"count", "Count"},
                                           {"device_ids", "DeviceIDs"},
                                           {"capabilities", "Capabilities"},
                                           {"options", "Options"}};
    (void)o;
    *ret = value_list(c->a);
    for (size_t i = 0; i < arg->u.list->len; i++) {
        struct value v = value_dict(c->a);
        for (size_t j = 0; j < sizeof names / sizeof *names; j++)
            dict_set(v.u.dict, names[j][1], *docker_at(&arg->u.list->items[i], names[j][0]));
        list_add(ret->u.list, v);
    }
    return 0;
}

CONVERT(docker_to_ulimits) // nofile:SOFT[:HARD]
{
    (void)o;
    *ret = value_list(c->a);
    for (size_t i = 0; i < arg->u.list->len; i++) {
        struct value v = value_dict(c->a);
        char *rest = arena_strdup(c->a, arg->u.list->items[i].u.str.s);
        const char *name = text_piece(&rest, ':'), *soft = text_piece(&rest, ':'),
                   *hard = text_piece(&rest, ':');
        hard = hard ? hard : soft;
        dict_set(v.u.dict, "Name", value_cstr(name));
        dict_set(v.u.dict, "Soft", value_int(soft ? atoll(soft) : 0));
        dict_set(v.u.dict, "Hard", value_int(hard ? atoll(hard) : 0));
        list_add(ret->u.list, v);
    }
    return 0;
}

CONVERT(docker_to_tmpfs) // path[:options]
{
    (void)o;
    *ret = value_dict(c->a);
    for (size_t i = 0; i < arg->u.list->len; i++) {
        const char *s = arg->u.list->items[i].u.str.s, *colon = strchr(s, ':');
        dict_set(ret->u.dict, arena_strndup(c->a, s, strcspn(s, ":")),
                 value_cstr(colon ? colon + 1 : ""));
    }
    return 0;
}

// "1m30s" in nanoseconds; -1 when it is none.
static int64_t duration(const char *s)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {
        {"h", 3600000000000}, {"ms", 1000000}, {"m", 60000000000}, {"us", 1000}, {"s", 1000000000}};
    int64_t total = 0;
    if (!*s)
        return -1;
    while (*s) {
        char *end;
        long long n = strtoll(s, &end, 10);
        size_t i = 0, all = sizeof units / sizeof *units;
        while (i < all && !text_after(end, units[i].unit))
            i++;
        if (end == s || i == all || n < 0)
            return -1;
        total += n * units[i].ns;
        s = end + strlen(units[i].unit);
    }
    return total;
}

struct value docker_health_test(struct container *c, const struct value *test)
{
    struct value list = value_list(c->a);
    if (!test || !value_truthy(test)) {
        list_add(list.u.list, value_cstr("NONE"));
        return list;
    }
    if (test->type != VALUE_LIST) {
        list_add(list.u.list, value_cstr("CMD-SHELL"));
        list_add(list.u.list, value_cstr(value_to_cstr(c->a, test)));
        return list;
    }
    for (size_t i = 0; i < test->u.list->len; i++)
        list_add(list.u.list, value_cstr(value_to_cstr(c->a, &test->u.list->items[i])));
    return list;
}

CONVERT(docker_to_healthcheck)
{
    static const char *const times[][2] = {
        {"interval", "Interval"}, {"timeout", "Timeout"}, {"start_period", "StartPeriod"}};
    (void)o;
    *ret = value_dict(c->a);
    dict_set(ret->u.dict, "Test", docker_health_test(c, docker_at(arg, "test")));
    for (size_t i = 0; i < 3; i++) {
        const char *text = docker_str(arg, times[i][0]);
        int64_t ns = duration(text);
        if (*text && ns < 0)
            return module_fail(c->m, "Invalid time duration - \"%s\"", text);
        if (*text)
            dict_set(ret->u.dict, times[i][1], value_int(ns));
    }
    const struct value *retries = docker_at(arg, "retries");
    if (retries && retries->type != VALUE_NULL)
        dict_set(ret->u.dict, "Retries", *retries);
    return 0;
}

// Adds NAME=VALUE to a list, in the place of one with the same name.
void docker_add_env(struct container *c, struct list *env, const char *line)
{
    size_t n = strcspn(line, "=") + 1;
    for (size_t i = 0; i < env->len; i++)
        if (strncmp(env->items[i].u.str.s, line, n) == 0) {
            env->items[i] = value_cstr(line);
            return;
        }
    list_add(env, value_str(c->a, line));
}

static int read_env_file(struct container *c, struct list *env)
{
    const char *path = module_str(c->m, "env_file");
    char *text;
    size_t len;
    struct err e = ERR_INIT;
    if (!path)
        return 0;
    if (host_read(c->m, path, &text, &len, &e) != 0)
        return module_fail_err(c->m, &e);
    for (char *line; (line = text_line(&text));) {
        line = text_strip(line);
        if (!*line || *line == '#')
            continue;
        if (!strchr(line, '='))
            return module_fail(c->m, "Invalid line in environment file %s:\n%s", path, line);
        docker_add_env(c, env, line);
    }
    return 0;
}

int docker_read_env(struct container *c, struct value *ret)
{
    const struct value *arg = dict_get(c->m->args, "env");
    struct dict_entry *entry;
    if (!module_has(c->m, "env") && !module_has(c->m, "env_file"))
        return 0;
    *ret = value_list(c->a);
    if (read_env_file(c, ret->u.list) != 0)
        return ERR_FAILED;
    if (arg->type == VALUE_DICT)
        DICT_EACH(arg->u.dict, entry)
        {
            const char *key = value_to_cstr(c->a, &entry->key);
            if (entry->val.type != VALUE_STRING)
                return module_fail(
                    c->m,
                    "Non-string value found for env option. Ambiguous env options must "
                    "be wrapped in quotes to avoid them being interpreted. Key: %s",
                    key);
            docker_add_env(c, ret->u.list, arena_printf(c->a, "%s=%s", key, entry->val.u.str.s));
        }
    return 0;
}
