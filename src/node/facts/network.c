// Facts about network interfaces and default routes, read from the kernel over rtnetlink and from
// /sys/class/net.
#include "node/facts/facts.h"
#include "node/facts/rtnetlink.h"
#include "node/module.h"
#include "node/text.h"

#include <arpa/inet.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define NL_BUF 65536

// One address of an interface.
struct address {
    struct address *next;
    int family;
    unsigned index;
    int prefix;
    bool secondary;
    bool peer; // point-to-point: the other end has another address
    int scope;
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    char broadcast[INET_ADDRSTRLEN]; // "" when there is none
    char label[IFNAMSIZ + 1];
};

struct network {
    struct facts *f;
    struct address *addresses;
    struct dict *interfaces;
    struct dict *default4, *default6;
    struct list *all4, *all6;
};

static int netlink_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct timeval tv = {.tv_sec = 3};
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    return fd;
}

// The attribute's payload when it has at least size bytes.
static const void *attr_data(const struct rtattr *attr, size_t size)
{
    return RTA_PAYLOAD(attr) >= size ? (const char *)attr + RTA_LENGTH(0) : NULL;
}

// Calls each() for every attribute of a message body.
typedef void attr_fn(void *data, int type, const struct rtattr *attr);

static void each_attr(const void *attrs, size_t len, attr_fn *each, void *data)
{
    const char *p = attrs;
    while (len >= sizeof(struct rtattr)) {
        struct rtattr head;
        memcpy(&head, p, sizeof(head));
        if (head.rta_len < sizeof(head) || head.rta_len > len)
            return;
        each(data, head.rta_type & NLA_TYPE_MASK, (const struct rtattr *)(const void *)p);
        size_t step = NL_ALIGN(head.rta_len);
        if (step >= len)
            return;
        p += step;
        len -= step;
    }
}

// Where address attributes are collected.
struct address_attrs {
    const unsigned char *local, *address, *broadcast;
    const char *label;
    size_t label_len;
    unsigned flags;
    size_t size; // bytes of an address
};

static void take_address_attr(void *data, int type, const struct rtattr *attr)
{
    struct address_attrs *x = data;
    const unsigned *flags;
    switch (type) {
    case IFA_LOCAL:
        x->local = attr_data(attr, x->size);
        break;
    case IFA_ADDRESS:
        x->address = attr_data(attr, x->size);
        break;
    case IFA_BROADCAST:
        x->broadcast = attr_data(attr, x->size);
        break;
    case IFA_LABEL:
        x->label = attr_data(attr, 1);
        x->label_len = RTA_PAYLOAD(attr);
        break;
    case IFA_FLAGS:
        flags = attr_data(attr, sizeof(*flags));
        if (flags)
            x->flags = *flags;
        break;
    default:
        break;
    }
}

static void add_address(struct network *n, const struct ifaddrmsg *msg, size_t len)
{
    if (msg->ifa_family != AF_INET && msg->ifa_family != AF_INET6)
        return;
    struct address_attrs x = {.flags = msg->ifa_flags, .size = msg->ifa_family == AF_INET ? 4 : 16};
    each_attr((const char *)msg + NL_ALIGN(sizeof(*msg)), len, take_address_attr, &x);
    const unsigned char *own = x.local ? x.local : x.address;
    if (!own)
        return;
    struct address *a = arena_new_of(n->f->a, struct address);
    a->family = msg->ifa_family;
    a->index = msg->ifa_index;
    a->prefix = msg->ifa_prefixlen;
    a->scope = msg->ifa_scope;
    a->secondary = x.flags & IFA_F_SECONDARY;
    a->peer = x.local && x.address && memcmp(x.local, x.address, x.size) != 0;
    inet_ntop(a->family, own, a->text, sizeof(a->text));
    if (a->family == AF_INET) {
        memcpy(&a->v4, own, 4);
        if (x.broadcast)
            inet_ntop(AF_INET, x.broadcast, a->broadcast, sizeof(a->broadcast));
    }
    if (x.label)
        snprintf(a->label, sizeof(a->label), "%.*s", (int)x.label_len, x.label);
    struct address **end = &n->addresses;
    while (*end)
        end = &(*end)->next;
    *end = a;
}

// All addresses of the host, in the kernel's order.
static void read_addresses(struct network *n)
{
    struct {
        struct nlmsghdr head;
        struct ifaddrmsg msg;
    } req = {.head = {.nlmsg_len = sizeof(req),
                      .nlmsg_type = RTM_GETADDR,
                      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
             .msg = {.ifa_family = AF_UNSPEC}};
    int fd = netlink_open();
    if (fd < 0)
        return;
    char *buf = arena_alloc(n->f->a, NL_BUF);
    bool more = send(fd, &req, sizeof(req), 0) == (ssize_t)sizeof(req);
    while (more) {
        ssize_t len = recv(fd, buf, NL_BUF, 0);
        if (len <= 0)
            break;
        size_t left = (size_t)len;
        const char *p = buf;
        while (left >= sizeof(struct nlmsghdr)) {
            struct nlmsghdr head;
            memcpy(&head, p, sizeof(head));
            if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > left ||
                head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR) {
                more = false;
                break;
            }
            if (head.nlmsg_type == RTM_NEWADDR &&
                head.nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
                add_address(n, (const void *)(p + NLMSG_HDRLEN),
                            head.nlmsg_len - NLMSG_LENGTH(sizeof(struct ifaddrmsg)));
            size_t step = NL_ALIGN(head.nlmsg_len);
            if (step >= left)
                break;
            p += step;
            left -= step;
        }
    }
    close(fd);
}

// Where the answer about a route is collected.
struct route_attrs {
    const unsigned char *source, *gateway;
    const int *device;
    size_t size;
};

static void take_route_attr(void *data, int type, const struct rtattr *attr)
{
    struct route_attrs *x = data;
    if (type == RTA_PREFSRC)
        x->source = attr_data(attr, x->size);
    else if (type == RTA_GATEWAY)
        x->gateway = attr_data(attr, x->size);
    else if (type == RTA_OIF)
        x->device = attr_data(attr, sizeof(int));
}

static void route_facts(struct network *n, int family, const char *to, const void *msg, size_t len,
                        struct dict *out)
{
    struct rtmsg head;
    char text[INET6_ADDRSTRLEN], name[IFNAMSIZ + 1] = "";
    memcpy(&head, msg, sizeof(head));
    if (head.rtm_type != RTN_UNICAST)
        return;
    struct route_attrs x = {.size = family == AF_INET ? 4 : 16};
    each_attr((const char *)msg + NL_ALIGN(sizeof(head)), len - sizeof(head), take_route_attr, &x);
    if (x.gateway && inet_ntop(family, x.gateway, text, sizeof(text)) && strcmp(text, to) != 0)
        dict_set_text(out, n->f->a, "gateway", text);
    if (x.device && if_indextoname((unsigned)*x.device, name))
        dict_set_text(out, n->f->a, "interface", name);
    if (x.source && inet_ntop(family, x.source, text, sizeof(text)))
        dict_set_text(out, n->f->a, "address", text);
}

// The way to a far address: interface, own address and gateway.
static void read_route(struct network *n, int family, const char *to, struct dict *out)
{
    struct {
        struct nlmsghdr head;
        struct rtmsg msg;
        struct rtattr attr;
        unsigned char dst[16];
    } req = {.head = {.nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST}};
    size_t size = family == AF_INET ? 4 : 16;
    req.msg.rtm_family = (unsigned char)family;
    req.msg.rtm_dst_len = (unsigned char)(size * 8);
    req.msg.rtm_flags = RTM_F_LOOKUP_TABLE;
    req.attr.rta_type = RTA_DST;
    req.attr.rta_len = (unsigned short)RTA_LENGTH(size);
    req.head.nlmsg_len = (unsigned)(NLMSG_LENGTH(sizeof(req.msg)) + RTA_LENGTH(size));
    int fd = netlink_open();
    if (fd < 0)
        return;
    char *buf = arena_alloc(n->f->a, NL_BUF);
    if (inet_pton(family, to, req.dst) == 1 &&
        send(fd, &req, req.head.nlmsg_len, 0) == (ssize_t)req.head.nlmsg_len) {
        ssize_t len = recv(fd, buf, NL_BUF, 0);
        struct nlmsghdr head;
        if (len >= (ssize_t)NLMSG_LENGTH(sizeof(struct rtmsg))) {
            memcpy(&head, buf, sizeof(head));
            if (head.nlmsg_type == RTM_NEWROUTE && head.nlmsg_len <= (size_t)len &&
                head.nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)))
                route_facts(n, family, to, buf + NLMSG_HDRLEN, head.nlmsg_len - NLMSG_HDRLEN, out);
        }
    }
    close(fd);
}

// --- /sys/class/net

static struct value name_list(struct facts *f, const char *dir)
{
    struct value v = value_list(f->a);
    struct list *names = facts_listdir(f, dir);
    for (size_t i = 0; i < names->len; i++)
        list_add(v.u.list, names->items[i]);
    return v;
}

static const char *link_base(struct facts *f, const char *path)
{
    char target[PATH_MAX];
    ssize_t n = readlink(arena_printf(f->a, "%s%s", f->root, path), target, sizeof(target) - 1);
    if (n <= 0)
        return NULL;
    target[n] = '\0';
    const char *slash = strrchr(target, '/');
    return arena_strdup(f->a, slash ? slash + 1 : target);
}

static const char *type_name(const char *number)
{
    static const char *const types[][2] = {{"1", "ether"},
                                           {"32", "infiniband"},
                                           {"512", "ppp"},
                                           {"772", "loopback"},
                                           {"65534", "tunnel"}};
    for (size_t i = 0; number && i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(number, types[i][0]) == 0)
            return types[i][1];
    return "unknown";
}

static void bonding_facts(struct facts *f, struct dict *d, const char *dir)
{
    static const char *const first_words[] = {"mode", "miimon", "lacp_rate"};
    char *slaves = facts_filef(f, "%s/bonding/slaves", dir);
    struct value l = value_list(f->a);
    for (char *w; (w = text_field(&slaves));)
        list_add(l.u.list, value_cstr(w));
    dict_set(d, "type", value_cstr("bonding"));
    dict_set(d, "slaves", l);
    for (size_t i = 0; i < sizeof(first_words) / sizeof(*first_words); i++) {
        char *s = facts_filef(f, "%s/bonding/%s", dir, first_words[i]);
        char *word = text_field(&s);
        dict_set(d, first_words[i], value_cstr(word ? word : ""));
    }
    char *primary = facts_filef(f, "%s/bonding/primary", dir);
    if (!primary)
        return;
    dict_set(d, "primary", value_cstr(primary));
    char *all = facts_filef(f, "%s/bonding/all_slaves_active", dir);
    if (all)
        dict_set(d, "all_slaves_active", value_bool(strcmp(all, "1") == 0));
}

static void bridge_facts(struct facts *f, struct dict *d, const char *dir)
{
    dict_set(d, "type", value_cstr("bridge"));
    dict_set(d, "interfaces", name_list(f, arena_printf(f->a, "%s/brif", dir)));
    char *id = facts_filef(f, "%s/bridge/bridge_id", dir);
    char *stp = facts_filef(f, "%s/bridge/stp_state", dir);
    if (id)
        dict_set(d, "id", value_cstr(id));
    if (stp)
        dict_set(d, "stp", value_bool(strcmp(stp, "1") == 0));
}

// What /sys says of one interface.
static void link_facts(struct facts *f, struct dict *d, const char *dir)
{
    char *mac = facts_filef(f, "%s/address", dir), *mtu = facts_filef(f, "%s/mtu", dir);
    char *state = facts_filef(f, "%s/operstate", dir), *speed = facts_filef(f, "%s/speed", dir);
    char *flags = facts_filef(f, "%s/flags", dir), *type = facts_filef(f, "%s/type", dir);
    const char *module = link_base(f, arena_printf(f->a, "%s/device/driver/module", dir));
    const char *device = link_base(f, arena_printf(f->a, "%s/device", dir));
    if (mac && strcmp(mac, "00:00:00:00:00:00") != 0)
        dict_set(d, "macaddress", value_cstr(mac));
    if (mtu)
        dict_set(d, "mtu", value_int(atoi(mtu)));
    if (state)
        dict_set(d, "active", value_bool(strcmp(state, "down") != 0));
    if (module)
        dict_set(d, "module", value_cstr(module));
    if (type)
        dict_set(d, "type", value_cstr(type_name(type)));
    if (facts_exists(f, arena_printf(f->a, "%s/bridge", dir)))
        bridge_facts(f, d, dir);
    if (facts_exists(f, arena_printf(f->a, "%s/bonding", dir)))
        bonding_facts(f, d, dir);
    if (facts_exists(f, arena_printf(f->a, "%s/bonding_slave", dir))) {
        char *perm = facts_filef(f, "%s/bonding_slave/perm_hwaddr", dir);
        dict_set(d, "perm_macaddress", value_cstr(perm ? perm : ""));
    }
    if (device)
        dict_set(d, "pciid", value_cstr(device));
    if (speed)
        dict_set(d, "speed", value_int(atoi(speed)));
    if (flags)
        dict_set(d, "promisc", value_bool((strtoul(flags, NULL, 16) & IFF_PROMISC) != 0));
}

// --- addresses to facts

static struct dict *interface_dict(struct network *n, const char *name)
{
    return dict_get(n->interfaces, name)->u.dict;
}

static struct value v4_fact(struct facts *f, const struct address *a)
{
    struct value v = value_dict(f->a);
    int prefix = a->peer ? 32 : a->prefix;
    uint32_t mask = prefix == 0 ? 0 : htonl(~(uint32_t)0 << (32 - prefix));
    struct in_addr net = {a->v4.s_addr & mask}, netmask = {mask};
    char text[INET_ADDRSTRLEN];
    dict_set_text(v.u.dict, f->a, "address", a->text);
    dict_set_text(v.u.dict, f->a, "broadcast", a->peer ? "" : a->broadcast);
    dict_set_text(v.u.dict, f->a, "netmask", inet_ntop(AF_INET, &netmask, text, sizeof(text)));
    dict_set_text(v.u.dict, f->a, "network", inet_ntop(AF_INET, &net, text, sizeof(text)));
    dict_set(v.u.dict, "prefix", value_strf(f->a, "%d", prefix));
    return v;
}

static void append_to(struct facts *f, struct dict *d, const char *key, const struct value *v)
{
    if (!dict_get(d, key))
        dict_set(d, key, value_list(f->a));
    if (v)
        list_add(dict_get(d, key)->u.list, value_shallow(f->a, v));
}

// What default_ipv4 and default_ipv6 have of the interface.
static void default_link(struct network *n, struct dict *out, const char *device)
{
    struct dict *d = interface_dict(n, device);
    struct value *mtu = dict_get(d, "mtu");
    char *mac = facts_filef(n->f, "/sys/class/net/%s/address", device);
    dict_set(out, "macaddress", value_cstr(mac ? mac : ""));
    if (mtu)
        dict_set(out, "mtu", *mtu);
    dict_set(out, "type", value_str(n->f->a, dict_str(d, "type", "unknown")));
}

static void v4_facts(struct network *n, const char *device, const struct address *a)
{
    struct facts *f = n->f;
    const char *name = a->label[0] ? a->label : device;
    struct value v = v4_fact(f, a);
    if (strcmp(name, device) != 0)
        dict_set(n->interfaces, name, value_dict(f->a));
    struct dict *d = interface_dict(n, name);
    if (!a->secondary && !dict_get(d, "ipv4"))
        dict_set(d, "ipv4", v);
    else
        append_to(f, d, "ipv4_secondaries", &v);
    if (a->secondary)
        append_to(f, interface_dict(n, device), "ipv4_secondaries",
                  strcmp(name, device) != 0 ? &v : NULL);
    if (strcmp(dict_str(n->default4, "address", ""), a->text) == 0) {
        dict_update(n->default4, v.u.dict);
        default_link(n, n->default4, device);
        dict_set_text(n->default4, f->a, "alias", name);
    }
    if (!text_after(a->text, "127."))
        list_add(n->all4, value_cstr(a->text));
}

static const char *scope_name(struct facts *f, int scope)
{
    switch (scope) {
    case RT_SCOPE_UNIVERSE:
        return "global";
    case RT_SCOPE_SITE:
        return "site";
    case RT_SCOPE_LINK:
        return "link";
    case RT_SCOPE_HOST:
        return "host";
    case RT_SCOPE_NOWHERE:
        return "nowhere";
    default:
        return arena_printf(f->a, "%d", scope);
    }
}

static void v6_facts(struct network *n, const char *device, const struct address *a)
{
    struct facts *f = n->f;
    struct value v = value_dict(f->a);
    dict_set_text(v.u.dict, f->a, "address", a->text);
    dict_set(v.u.dict, "prefix", value_strf(f->a, "%d", a->prefix));
    dict_set_text(v.u.dict, f->a, "scope", scope_name(f, a->scope));
    append_to(f, interface_dict(n, device), "ipv6", &v);
    if (strcmp(dict_str(n->default6, "address", ""), a->text) == 0) {
        dict_set(n->default6, "prefix", *dict_get(v.u.dict, "prefix"));
        dict_set(n->default6, "scope", *dict_get(v.u.dict, "scope"));
        default_link(n, n->default6, device);
    }
    if (strcmp(a->text, "::1") != 0)
        list_add(n->all6, value_cstr(a->text));
}

static void address_facts(struct network *n, const char *device, bool secondary)
{
    unsigned index = if_nametoindex(device);
    for (const struct address *a = n->addresses; a; a = a->next) {
        if (a->index != index || a->secondary != secondary)
            continue;
        if (a->family == AF_INET)
            v4_facts(n, device, a);
        else
            v6_facts(n, device, a);
    }
}

// --- ethtool, where it is installed

// Words behind prefix in text, in lower case.
static struct value words_after(struct facts *f, const char *text, const char *prefix)
{
    struct value v = value_list(f->a);
    for (const char *p = text; (p = strstr(p, prefix));) {
        p += strlen(prefix);
        size_t n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
        char *word = arena_strndup(f->a, p, n);
        for (char *c = word; *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c + 32);
        if (n)
            list_add(v.u.list, value_cstr(word));
    }
    return v;
}

static void ethtool_features(struct facts *f, struct dict *d, const char *device)
{
    const char *argv[] = {"ethtool", "-k", device, NULL};
    char *out = facts_run(f, argv);
    if (!out)
        return;
    struct value v = value_dict(f->a);
    for (char *line; (line = text_line(&out));) {
        char *val = strstr(line, ": ");
        if (!val)
            continue;
        *val = '\0';
        char *key = text_strip(line);
        for (char *c = key; *c; c++)
            if (*c == '-')
                *c = '_';
        dict_set(v.u.dict, key, value_cstr(text_strip(val + 2)));
    }
    dict_set(d, "features", v);
}

static void ethtool_timestamps(struct facts *f, struct dict *d, const char *device)
{
    const char *argv[] = {"ethtool", "-T", device, NULL};
    char *out = facts_run(f, argv);
    if (!out)
        return;
    dict_set(d, "timestamping", words_after(f, out, "SOF_TIMESTAMPING_"));
    dict_set(d, "hw_timestamp_filters", words_after(f, out, "HWTSTAMP_FILTER_"));
    const char *clock = strstr(out, "PTP Hardware Clock: ");
    if (clock && clock[20] >= '0' && clock[20] <= '9')
        dict_set(d, "phc_index", value_int(atoi(clock + 20)));
}

void facts_network(struct facts *f)
{
    struct value interfaces = value_dict(f->a), d4 = value_dict(f->a), d6 = value_dict(f->a),
                 all4 = value_list(f->a), all6 = value_list(f->a), names = value_list(f->a);
    struct network n = {f, NULL, interfaces.u.dict, d4.u.dict, d6.u.dict, all4.u.list, all6.u.list};
    read_addresses(&n);
    read_route(&n, AF_INET, "8.8.8.8", n.default4);
    read_route(&n, AF_INET6, "2404:6800:400a:800::1012", n.default6);
    bool ethtool = f->module && proc_which(f->a, "ethtool");
    struct list *devices = facts_listdir(f, "/sys/class/net");
    for (size_t i = 0; i < devices->len; i++) {
        const char *device = devices->items[i].u.str.s;
        const char *dir = arena_printf(f->a, "/sys/class/net/%s", device);
        if (!facts_exists(f, arena_printf(f->a, "%s/.", dir)))
            continue; // bonding_masters is a file
        struct value v = value_dict(f->a);
        dict_set(v.u.dict, "device", value_cstr(device));
        dict_set(n.interfaces, device, v);
        link_facts(f, v.u.dict, dir);
        address_facts(&n, device, false);
        address_facts(&n, device, true);
        if (ethtool) {
            ethtool_features(f, v.u.dict, device);
            ethtool_timestamps(f, v.u.dict, device);
        }
    }
    struct dict_entry *e;
    DICT_EACH(n.interfaces, e)
    {
        char *name = arena_strdup(f->a, e->key.u.str.s);
        for (char *c = name; *c; c++)
            if (*c == ':')
                *c = '_';
        list_add(names.u.list, value_cstr(name));
        dict_set(f->out, name, e->val);
    }
    dict_set(f->out, "interfaces", names);
    dict_set(f->out, "default_ipv4", d4);
    dict_set(f->out, "default_ipv6", d6);
    dict_set(f->out, "all_ipv4_addresses", all4);
    dict_set(f->out, "all_ipv6_addresses", all6);
}
