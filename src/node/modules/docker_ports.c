// The ports of a container: docker_container's published_ports and exposed_ports.
#include "node/modules/docker_container.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>

struct range {
    long first, last;
};

static bool read_range(const char *text, struct range *ret)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    ret->first = ret->last = strtol(text, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        ret->last = strtol(end + 1, &end, 10);
    return *end == '\0' && ret->last >= ret->first && ret->last - ret->first < 65536;
}

static int bad_range(struct container *c, const char *text)
{
    return module_fail(c->m, "Invalid port%s: \"%s\"", strchr(text, '-') ? " range" : "", text);
}

// Takes text apart at colons outside of brackets; returns how many parts there are.
static size_t split(struct arena *a, const char *text, const char *parts[3])
{
    size_t n = 0;
    for (const char *p = text;; p++) {
        const char *start = p;
        for (bool in = false; *p && (in || *p != ':'); p++)
            in = *p == '[' || (in && *p != ']');
        if (n < 3)
            parts[n] = arena_strndup(a, start, (size_t)(p - start));
        n++;
        if (!*p)
            return n;
    }
}

// The address that ports without one are bound to.
static int default_ip(struct container *c, const char **ret)
{
    const char *given = module_str(c->m, "default_host_ip");
    static const char option[] = "com.docker.network.bridge.host_binding_ipv4";
    *ret = given ? given : "0.0.0.0";
    for (size_t i = 0; !given && c->networks.type == VALUE_LIST && i < c->networks.u.list->len;
         i++) {
        const struct value *options = docker_at(&c->networks.u.list->items[i], "_options");
        const char *ip =
            options && options->type == VALUE_DICT ? dict_str(options->u.dict, option, NULL) : NULL;
        if (ip && *ip) {
            *ret = ip;
            return 0;
        }
    }
    size_t n = strlen(*ret);
    if (**ret == '[' && (*ret)[n - 1] == ']')
        *ret = arena_strndup(c->a, *ret + 1, n - 2);
    else if (given && strspn(*ret, "0123456789.") != n &&
             strspn(*ret, "0123456789abcdefABCDEF:") != n)
        return module_fail(c->m,
                           "The value of default_host_ip must be an empty string, an IPv4 "
                           "address, or an IPv6 address. Got \"%s\" instead.",
                           given);
    return 0;
}

static int read_ip(struct container *c, const char *text, const char **ret)
{
    size_t n = strlen(text);
    *ret = text;
    if (n > 2 && *text == '[' && text[n - 1] == ']' &&
        strspn(text + 1, "0123456789abcdefABCDEF:") == n - 2)
        *ret = arena_strndup(c->a, text + 1, n - 2);
    else if (n && strspn(text, "0123456789.") != n)
        return module_fail(c->m,
                           "Bind addresses for published ports must be IPv4 or IPv6 addresses, "
                           "not hostnames. Use the dig lookup to resolve hostnames. (Found "
                           "hostname: %s)",
                           text);
    return 0;
}

static void bind_port(struct container *c, struct dict *to, long port, const char *protocol,
                      const char *ip, const char *host_port)
{
    const char *key = arena_printf(c->a, "%ld/%s", port, protocol);
    struct value entry = value_dict(c->a), *list = dict_get(to, key);
    dict_set(entry.u.dict, "HostIp", value_cstr(ip));
    dict_set(entry.u.dict, "HostPort", value_cstr(host_port));
    if (!list) {
        dict_set(to, key, value_list(c->a));
        list = dict_get(to, key);
    }
    list_add(list->u.list, entry);
}

// One published port: [[IP:]HOST:]CONTAINER[/PROTOCOL], each port maybe a range.
static int publish(struct container *c, const char *text, const char *ip, struct dict *to)
{
    const char *slash = strrchr(text, '/'), *parts[3], *host = "";
    const char *protocol = slash ? slash + 1 : "tcp";
    size_t n = split(c->a, slash ? arena_strndup(c->a, text, (size_t)(slash - text)) : text, parts);
    struct range inside, outside = {0, 0};
    if (n > 3)
        return module_fail(c->m,
                           "Invalid port description \"%s\" - expected 1 to 3 colon-separated "
                           "parts, but got %zu. Maybe you forgot to use square brackets ([...]) "
                           "around an IPv6 address?",
                           text, n);
    if (!read_range(parts[n - 1], &inside))
        return bad_range(c, parts[n - 1]);
    if (n == 3 && read_ip(c, parts[0], &ip) != 0)
        return ERR_FAILED;
    if (n > 1)
        host = parts[n - 2];
    if (*host && !read_range(host, &outside))
        return bad_range(c, host);
    bool one = inside.first == inside.last; // a range outside is then to choose from
    for (long i = 0; inside.first + i <= inside.last; i++) {
        if (!one && *host && outside.first + i > outside.last)
            break;
        bind_port(c, to, inside.first + i, protocol, ip,
                  one || !*host ? host : arena_printf(c->a, "%ld", outside.first + i));
    }
    return 0;
}

int docker_convert_published(struct container *c, const struct docker_option *o,
                             const struct value *arg, struct value *ret)
{
    const char *ip;
    (void)o;
    *ret = value_dict(c->a);
    if (default_ip(c, &ip) != 0)
        return ERR_FAILED;
    for (size_t i = 0; i < arg->u.list->len; i++) {
        const char *text = value_to_cstr(c->a, &arg->u.list->items[i]);
        if (strcmp(text, "all") == 0)
            return module_fail(
                c->m, "Specifying \"all\" in published_ports is no longer allowed. Set "
                      "publish_all_ports to \"true\" instead to randomly assign port mappings for "
                      "those not specified by published_ports.");
        if (publish(c, text, ip, ret->u.dict) != 0)
            return ERR_FAILED;
    }
    return 0;
}

// Whether "8000-8010/tcp" or "8000/tcp" holds a port.
static bool covers(struct arena *a, const char *exposed, const char *port)
{
    struct range r;
    size_t n = strcspn(exposed, "/"), m = strcspn(port, "/");
    long p = strtol(port, NULL, 10);
    return strcmp(exposed + n, port + m) == 0 && read_range(arena_strndup(a, exposed, n), &r) &&
           r.first <= p && p <= r.last;
}

struct value docker_exposed_ports(struct container *c, const struct value *published,
                                  const struct value *exposed)
{
    struct value ret = value_list(c->a);
    struct dict_entry *entry;
    for (size_t i = 0; exposed->type == VALUE_LIST && i < exposed->u.list->len; i++) {
        char *s = arena_strdup(c->a, value_to_cstr(c->a, &exposed->u.list->items[i]));
        s = text_strip(s);
        list_add(ret.u.list, strchr(s, '/') ? value_cstr(s) : value_strf(c->a, "%s/tcp", s));
    }
    if (published->type == VALUE_DICT)
        DICT_EACH(published->u.dict, entry)
        {
            bool there = false;
            for (size_t i = 0; i < ret.u.list->len; i++)
                there = there || covers(c->a, ret.u.list->items[i].u.str.s, entry->key.u.str.s);
            if (!there)
                list_add(ret.u.list, entry->key);
        }
    return ret;
}
