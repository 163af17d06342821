// The filters of ansible.utils on addresses: ipaddr, ipv4, ipv6, ipwrap, ipsubnet, nthhost, hwaddr,
// ...
#include "template/ipnet.h"
#include "template/pystr.h"
#include "template/rows.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define MAX_LIST 100000

static struct value addr_value(struct call *c, int version, const unsigned char addr[16],
                               int prefix)
{
    struct buf b = BUF_INIT;
    ipnet_add(&b, version, addr);
    if (prefix >= 0)
        buf_addf(&b, "/%d", prefix);
    return take_buf(c, &b);
}

static bool same_addr(const unsigned char *x, const unsigned char *y)
{
    return memcmp(x, y, 16) == 0;
}

// A network rather than a host in one: the address is the first of its block.
static bool is_network(const struct ipnet *n)
{
    unsigned char net[16];
    ipnet_network(n, net);
    return n->has_prefix && n->prefix < ipnet_bits(n) && same_addr(net, n->addr);
}

static struct value size_value(const struct ipnet *n)
{
    int free_bits = ipnet_bits(n) - n->prefix;
    return free_bits < 63 ? value_int((int64_t)1 << free_bits) : value_float(ldexp(1, free_bits));
}

static bool in_block(const struct ipnet *n, const char *const *blocks)
{
    for (; *blocks; blocks++) {
        struct ipnet b;
        if (ipnet_parse(text_lit(*blocks), &b) && ipnet_contains(&b, n))
            return true;
    }
    return false;
}

static const char *const private_blocks[] = {
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7",
    "fe80::/10",  "::1/128",       "192.0.2.0/24",   "240.0.0.0/4", "0.0.0.0/8",      NULL};
static const char *const loopback_blocks[] = {"127.0.0.0/8", "::1/128", NULL};
static const char *const multicast_blocks[] = {"224.0.0.0/4", "ff00::/8", NULL};
static const char *const link_local_blocks[] = {"169.254.0.0/16", "fe80::/10", NULL};

enum query {
    Q_DEFAULT,
    Q_ADDRESS,
    Q_BOOL,
    Q_BROADCAST,
    Q_HOST,
    Q_HOST_PREFIX,
    Q_IP_PREFIX,
    Q_LAST_USABLE,
    Q_LINK_LOCAL,
    Q_LOOPBACK,
    Q_MULTICAST,
    Q_NET,
    Q_NETMASK,
    Q_NETWORK,
    Q_NETWORK_NETMASK,
    Q_NETWORK_PREFIX,
    Q_FIRST_USABLE,
    Q_PREFIX,
    Q_PRIVATE,
    Q_PUBLIC,
    Q_RANGE_USABLE,
    Q_REVDNS,
    Q_SIZE,
    Q_SUBNET,
    Q_TYPE,
    Q_UNICAST,
    Q_VERSION,
    Q_WILDCARD,
    Q_WRAP,
    Q_INT,
};

static const struct {
    const char *name;
    enum query q;
} queries[] = {
    {"", Q_DEFAULT},
    {"address", Q_ADDRESS},
    {"address/prefix", Q_HOST_PREFIX},
    {"bool", Q_BOOL},
    {"broadcast", Q_BROADCAST},
    {"first_usable", Q_FIRST_USABLE},
    {"gateway", Q_HOST_PREFIX},
    {"gw", Q_HOST_PREFIX},
    {"host", Q_HOST},
    {"host/prefix", Q_HOST_PREFIX},
    {"hostmask", Q_WILDCARD},
    {"hostnet", Q_HOST_PREFIX},
    {"int", Q_INT},
    {"ip", Q_ADDRESS},
    {"ip/prefix", Q_IP_PREFIX},
    {"ip_netmask", Q_NETWORK_NETMASK},
    {"ip_wildcard", Q_WILDCARD},
    {"last_usable", Q_LAST_USABLE},
    {"link-local", Q_LINK_LOCAL},
    {"lo", Q_LOOPBACK},
    {"loopback", Q_LOOPBACK},
    {"multicast", Q_MULTICAST},
    {"net", Q_NET},
    {"netmask", Q_NETMASK},
    {"network", Q_NETWORK},
    {"network/prefix", Q_SUBNET},
    {"network_id", Q_NETWORK},
    {"network_netmask", Q_NETWORK_NETMASK},
    {"network_wildcard", Q_WILDCARD},
    {"prefix", Q_PREFIX},
    {"private", Q_PRIVATE},
    {"public", Q_PUBLIC},
    {"range_usable", Q_RANGE_USABLE},
    {"revdns", Q_REVDNS},
    {"router", Q_HOST_PREFIX},
    {"size", Q_SIZE},
    {"subnet", Q_SUBNET},
    {"type", Q_TYPE},
    {"unicast", Q_UNICAST},
    {"v4", Q_DEFAULT},
    {"version", Q_VERSION},
    {"wildcard", Q_WILDCARD},
    {"wrap", Q_WRAP},
};

static struct value mask_value(struct call *c, const struct ipnet *n, bool inverted)
{
    struct ipnet m = *n;
    memset(m.addr, inverted ? 0 : 0xff, sizeof m.addr);
    unsigned char out[16];
    if (inverted)
        ipnet_broadcast(&m, out);
    else
        ipnet_network(&m, out);
    return addr_value(c, n->version, out, -1);
}

// "4.3.2.1.in-addr.arpa."
static struct value reverse_name(struct call *c, const struct ipnet *n)
{
    struct buf b = BUF_INIT;
    for (int i = n->version == 4 ? 3 : 15; i >= 0; i--)
        if (n->version == 4)
            buf_addf(&b, "%d.", n->addr[i]);
        else
            buf_addf(&b, "%x.%x.", n->addr[i] & 15, n->addr[i] >> 4);
    buf_adds(&b, n->version == 4 ? "in-addr.arpa." : "ip6.arpa.");
    return take_buf(c, &b);
}

static struct value usable(struct call *c, const struct ipnet *n, bool first)
{
    unsigned char at[16], out[16];
    int free_bits = ipnet_bits(n) - n->prefix;
    if (first)
        ipnet_network(n, at);
    else
        ipnet_broadcast(n, at);
    int64_t step = free_bits < 2 ? 0 : first ? 1 : n->version == 6 ? 0 : -1;
    ipnet_shift(n, at, step, out);
    return addr_value(c, n->version, out, -1);
}

static struct value when(bool yes, struct value v)
{
    return yes ? v : value_bool(false);
}

static struct value int_value(struct call *c, const struct ipnet *n)
{
    uint64_t v = 0;
    for (int i = 0; n->version == 4 && i < 4; i++)
        v = v << 8 | n->addr[i];
    (void)c;
    double f = 0;
    for (int i = 0; n->version == 6 && i < 16; i++)
        f = f * 256 + n->addr[i];
    return n->version == 4 ? value_int((int64_t)v) : value_float(f);
}

// What a query gives for an address; false when it does not apply.
static struct value answer(struct call *c, enum query q, const struct ipnet *n, struct value self)
{
    unsigned char net[16], last[16];
    bool network = is_network(n), single = n->prefix == ipnet_bits(n);
    ipnet_network(n, net);
    ipnet_broadcast(n, last);
    int v = n->version;
    switch (q) {
    case Q_DEFAULT:
        return self;
    case Q_ADDRESS:
        return when(!network, addr_value(c, v, n->addr, -1));
    case Q_BOOL:
        return value_bool(true);
    case Q_BROADCAST:
        return when(!single && v == 4, addr_value(c, v, last, -1));
    case Q_HOST:
    case Q_HOST_PREFIX:
        return when(!network,
                    addr_value(c, v, n->addr, n->has_prefix || q == Q_HOST ? n->prefix : -1));
    case Q_IP_PREFIX:
        return when(!network && n->has_prefix, addr_value(c, v, n->addr, n->prefix));
    case Q_FIRST_USABLE:
        return when(!single, usable(c, n, true));
    case Q_LAST_USABLE:
        return when(!single, usable(c, n, false));
    case Q_RANGE_USABLE:
        return when(!single, value_strf(c->arena, "%s-%s", usable(c, n, true).u.str.s,
                                        usable(c, n, false).u.str.s));
    case Q_LINK_LOCAL:
        return when(in_block(n, link_local_blocks), self);
    case Q_LOOPBACK:
        return when(in_block(n, loopback_blocks), self);
    case Q_MULTICAST:
        return when(in_block(n, multicast_blocks), self);
    case Q_UNICAST:
        return when(!in_block(n, multicast_blocks), self);
    case Q_PRIVATE:
        return when(in_block(n, private_blocks), self);
    case Q_PUBLIC:
        return when(!in_block(n, private_blocks) && !in_block(n, multicast_blocks), self);
    case Q_NET:
        return when(network, addr_value(c, v, net, n->prefix));
    case Q_SUBNET:
    case Q_NETWORK_PREFIX:
        return addr_value(c, v, net, n->prefix);
    case Q_NETMASK:
        return mask_value(c, n, false);
    case Q_WILDCARD:
        return mask_value(c, n, true);
    case Q_NETWORK:
        return addr_value(c, v, net, -1);
    case Q_NETWORK_NETMASK:
        return value_strf(c->arena, "%s %s", addr_value(c, v, net, -1).u.str.s,
                          mask_value(c, n, false).u.str.s);
    case Q_PREFIX:
        return value_int(n->prefix);
    case Q_REVDNS:
        return reverse_name(c, n);
    case Q_SIZE:
        return size_value(n);
    case Q_TYPE:
        return value_cstr(network ? "network" : "address");
    case Q_VERSION:
        return value_int(v);
    case Q_WRAP:
        return v == 6 ? value_strf(c->arena, "[%s]", addr_value(c, v, n->addr, -1).u.str.s) : self;
    case Q_INT:
        return int_value(c, n);
    }
    return value_bool(false);
}

static bool find_query(const char *name, enum query *ret)
{
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        if (strcmp(queries[i].name, name) == 0) {
            *ret = queries[i].q;
            return true;
        }
    return false;
}

// One address against a query: false when it is none or does not fit.
static int one_address(struct call *c, const struct value *v, struct text query, int version,
                       struct value *ret, struct err *e)
{
    struct ipnet n, in;
    struct text t = text_of(c, v);
    enum query q;
    int64_t nth;
    *ret = value_bool(false);
    if (v->type == VALUE_BOOL || v->type == VALUE_NULL || !ipnet_parse(t, &n) ||
        (version && n.version != version))
        return 0;
    if (find_query(query.s, &q)) {
        *ret = answer(c, q, &n, v->type == VALUE_STRING ? *v : value_ref(t.s, t.len));
    } else if (parse_int(query.s, query.len, 10, &nth)) {
        unsigned char from[16], at[16];
        if (nth < 0)
            ipnet_broadcast(&n, from);
        else
            ipnet_network(&n, from);
        struct ipnet hit = {.version = n.version, .prefix = ipnet_bits(&n)};
        if (ipnet_shift(&n, from, nth < 0 ? nth + 1 : nth, at)) {
            memcpy(hit.addr, at, 16);
            if (ipnet_contains(&n, &hit))
                *ret = addr_value(c, n.version, at, n.prefix);
        }
    } else if (ipnet_parse(query, &in)) {
        *ret = when(ipnet_contains(&in, &n), *v);
    } else {
        return fail_with(c, e, "ipaddr: unknown filter type: %s", query.s);
    }
    return 0;
}

// A single value gives its answer, a list the answers of those that have one.
static int addresses(struct call *c, const struct value *v, struct text query, int version,
                     int depth, struct value *ret, struct err *e)
{
    if (v->type == VALUE_UNDEFINED)
        return fail_undefined(c, v, e);
    if (v->type != VALUE_LIST || depth > 20)
        return one_address(c, v, query, version, ret, e);
    struct value out = value_list(c->arena);
    for (size_t i = 0; i < v->u.list->len; i++) {
        struct value x;
        int rc = addresses(c, &v->u.list->items[i], query, version, depth + 1, &x, e);
        if (rc < 0)
            return rc;
        if (value_truthy(&x))
            list_add(out.u.list, x);
    }
    *ret = out;
    return 0;
}

static int with_query(struct call *c, int version, struct value *ret, struct err *e)
{
    struct text query = {"", 0};
    const struct value *ignored = NULL;
    int rc = args_read(c, e, "query:t version:v alias:v", &query, &ignored, &ignored);
    if (rc >= 0 && ignored && ignored->type == VALUE_INT && !version)
        version = (int)ignored->u.i;
    return rc < 0 ? rc : addresses(c, &c->self, query, version, 0, ret, e);
}

// ipaddr: The address when it is one, or what query asks about it; lists are filtered.
BUILTIN(filter_ipaddr)
{
    return with_query(c, 0, ret, e);
}

// ipv4: As ipaddr, for IPv4 only.
BUILTIN(filter_ipv4)
{
    return with_query(c, 4, ret, e);
}

// ipv6: As ipaddr, for IPv6 only.
BUILTIN(filter_ipv6)
{
    return with_query(c, 6, ret, e);
}

static struct value wrapped(struct call *c, const struct value *v)
{
    struct ipnet n;
    struct text t = text_of(c, v);
    if (v->type != VALUE_STRING || !ipnet_parse(t, &n) || n.version != 6)
        return *v;
    if (!n.has_prefix)
        return value_strf(c->arena, "[%s]", t.s);
    int64_t slash = str_find(t, text_lit("/"));
    return value_strf(c->arena, "[%.*s]%s", (int)slash, t.s, t.s + slash);
}

// ipwrap: IPv6 addresses in brackets, everything else as it is.
BUILTIN(filter_ipwrap)
{
    const struct value *ignored = NULL;
    int rc = args_read(c, e, "query:v", &ignored);
    if (c->self.type != VALUE_LIST) {
        *ret = wrapped(c, &c->self);
        return rc;
    }
    *ret = value_list(c->arena);
    for (size_t i = 0; i < c->self.u.list->len; i++)
        list_add(ret->u.list, wrapped(c, &c->self.u.list->items[i]));
    return rc;
}

// nthhost: The nth address of a network.
BUILTIN(filter_nthhost)
{
    struct text t;
    int64_t nth = 0;
    struct ipnet n;
    unsigned char from[16], at[16];
    int rc = args_read(c, e, "query:t!", &t);
    *ret = value_bool(false);
    if (rc < 0 || !parse_int(t.s, t.len, 10, &nth) || !ipnet_parse(text_of(c, &c->self), &n))
        return rc;
    if (nth < 0)
        ipnet_broadcast(&n, from);
    else
        ipnet_network(&n, from);
    struct ipnet hit = {.version = n.version, .prefix = ipnet_bits(&n)};
    if (!ipnet_shift(&n, from, nth < 0 ? nth + 1 : nth, at))
        return 0;
    memcpy(hit.addr, at, 16);
    if (ipnet_contains(&n, &hit))
        *ret = addr_value(c, n.version, at, -1);
    return 0;
}

// ipsubnet: The network of an address; with a prefix length how many such networks it has, and with
// an index the one at it.
BUILTIN(filter_ipsubnet)
{
    struct text query = {"", 0}, index = {"", 0};
    struct ipnet n;
    int64_t prefix, at;
    unsigned char net[16], out[16];
    int rc = args_read(c, e, "query:t index:t", &query, &index);
    *ret = value_bool(false);
    if (rc < 0 || !ipnet_parse(text_of(c, &c->self), &n))
        return rc;
    ipnet_network(&n, net);
    if (!query.len) {
        *ret = addr_value(c, n.version, net, n.prefix);
        return 0;
    }
    if (!parse_int(query.s, query.len, 10, &prefix) || prefix < 0 || prefix > ipnet_bits(&n))
        return 0;
    if (!is_network(&n) && n.has_prefix == false) { // the network of an address
        struct ipnet up = n;
        up.prefix = (int)prefix;
        ipnet_network(&up, net);
        *ret = addr_value(c, n.version, net, up.prefix);
        return 0;
    }
    if (prefix < n.prefix)
        return 0;
    int64_t count = prefix - n.prefix < 62 ? (int64_t)1 << (prefix - n.prefix) : INT64_MAX;
    if (!index.len) {
        *ret = value_int(count);
        return 0;
    }
    if (!parse_int(index.s, index.len, 10, &at))
        return 0;
    at += at < 0 ? count : 0;
    int shift = ipnet_bits(&n) - (int)prefix;
    if (at < 0 || at >= count || shift > 62 || at > INT64_MAX >> shift)
        return 0;
    if (ipnet_shift(&n, net, at << shift, out))
        *ret = addr_value(c, n.version, out, (int)prefix);
    return 0;
}

// Twelve hex digits of a hardware address, in any of the common writings.
static bool hw_digits(struct text t, char out[13])
{
    size_t n = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (t.s[i] && strchr(":-.", t.s[i]))
            continue;
        if (!isxdigit((unsigned char)t.s[i]) || n >= 12)
            return false;
        out[n++] = (char)tolower((unsigned char)t.s[i]);
    }
    out[n < 13 ? n : 12] = '\0';
    return n == 12;
}

// hwaddr, macaddr: The hardware address when it is one, or in the form query names: bare, bool,
// cisco, linux, unix, win.
BUILTIN(filter_hwaddr)
{
    struct text query = {"", 0};
    char d[13];
    int rc = args_read(c, e, "query:t alias:v", &query, &(const struct value *){NULL});
    *ret = value_bool(false);
    if (rc < 0 || c->self.type != VALUE_STRING || !hw_digits(text_of(c, &c->self), d))
        return rc;
    static const struct {
        const char *name, *sep;
        size_t group;
    } forms[] = {{"bare", "", 12}, {"cisco", ".", 4}, {"linux", ":", 2}, {"unix", ":", 2},
                 {"win", "-", 2},  {"eui48", "-", 2}, {"pgsql", ":", 6}, {"postgresql", ":", 6}};
    if (!query.len) {
        *ret = c->self;
        return 0;
    }
    if (strcmp(query.s, "bool") == 0) {
        *ret = value_bool(true);
        return 0;
    }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (strcmp(query.s, forms[i].name) != 0)
            continue;
        struct buf b = BUF_INIT;
        bool upper = strcmp(query.s, "win") == 0 || strcmp(query.s, "eui48") == 0 ||
                     strcmp(query.s, "bare") == 0;
        for (size_t k = 0; k < 12; k++) {
            if (k && k % forms[i].group == 0)
                buf_adds(&b, forms[i].sep);
            buf_addc(&b, upper ? (char)toupper((unsigned char)d[k]) : d[k]);
        }
        *ret = take_buf(c, &b);
        return 0;
    }
    return fail_with(c, e, "hwaddr: unknown filter type: %s", query.s);
}

// network_in_network, network_in_usable: The address or network of the argument lies inside the
// network.
BUILTIN(filter_network_in_network)
{
    struct text t;
    struct ipnet n, x;
    int rc = args_read(c, e, "test:t!", &t);
    *ret = value_bool(rc >= 0 && ipnet_parse(text_of(c, &c->self), &n) && ipnet_parse(t, &x) &&
                      ipnet_contains(&n, &x));
    return rc;
}

// ipmath: The address moved by a number.
BUILTIN(filter_ipmath)
{
    int64_t by = 0;
    struct ipnet n;
    unsigned char out[16];
    int rc = args_read(c, e, "amount:i!", &by);
    if (rc < 0)
        return rc;
    if (!ipnet_parse(text_of(c, &c->self), &n))
        return fail_with(c, e, "You must pass a valid IP address; %s is invalid",
                         text_of(c, &c->self).s);
    if (!ipnet_shift(&n, n.addr, by, out))
        return fail_with(c, e, "result outside valid IP address boundary");
    *ret = addr_value(c, n.version, out, -1);
    return 0;
}
