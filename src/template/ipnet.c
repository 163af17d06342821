// Addresses, masks and arithmetic on them.
#include "template/ipnet.h"

#include <arpa/inet.h>
#include <string.h>

int ipnet_bits(const struct ipnet *n)
{
    return n->version == 4 ? 32 : 128;
}

// Prefix length of a netmask (or of a wildcard mask), -1 when the bits are not in one run.
static int mask_prefix(const unsigned char m[4])
{
    uint32_t v = (uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 | (uint32_t)m[2] << 8 | m[3];
    if (v && !(v & 0x80000000u))
        v = ~v;
    int n = 0;
    while (n < 32 && (v << n & 0x80000000u))
        n++;
    return n == 32 || (v << n) == 0 ? n : -1;
}

bool ipnet_parse(struct text t, struct ipnet *ret)
{
    char tmp[64];
    int64_t p;
    struct ipnet n = {0};
    if (!t.len || t.len >= sizeof tmp)
        return false;
    memcpy(tmp, t.s, t.len);
    tmp[t.len] = '\0';
    char *slash = strchr(tmp, '/');
    if (slash)
        *slash++ = '\0';
    if (inet_pton(AF_INET, tmp, n.addr) == 1)
        n.version = 4;
    else if (inet_pton(AF_INET6, tmp, n.addr) == 1)
        n.version = 6;
    else
        return false;
    n.prefix = ipnet_bits(&n);
    n.has_prefix = slash != NULL;
    unsigned char mask[4];
    if (slash && n.version == 4 && inet_pton(AF_INET, slash, mask) == 1)
        n.prefix = mask_prefix(mask);
    else if (slash && strspn(slash, "0123456789") == strlen(slash) &&
             parse_int(slash, strlen(slash), 10, &p) && p <= ipnet_bits(&n))
        n.prefix = (int)p;
    else if (slash)
        return false;
    if (n.prefix < 0)
        return false;
    *ret = n;
    return true;
}

void ipnet_add(struct buf *b, int version, const unsigned char addr[16])
{
    char tmp[INET6_ADDRSTRLEN];
    if (inet_ntop(version == 4 ? AF_INET : AF_INET6, addr, tmp, sizeof tmp))
        buf_adds(b, tmp);
}

static void masked(const struct ipnet *n, bool ones, unsigned char out[16])
{
    memset(out, 0, 16);
    for (int i = 0; i < ipnet_bits(n); i++) {
        unsigned char bit = (unsigned char)(0x80 >> (i % 8));
        bool set = i < n->prefix ? n->addr[i / 8] & bit : ones;
        out[i / 8] |= set ? bit : 0;
    }
}

void ipnet_network(const struct ipnet *n, unsigned char out[16])
{
    masked(n, false, out);
}

void ipnet_broadcast(const struct ipnet *n, unsigned char out[16])
{
    masked(n, true, out);
}

bool ipnet_shift(const struct ipnet *n, const unsigned char addr[16], int64_t by,
                 unsigned char out[16])
{
    int len = n->version == 4 ? 4 : 16;
    int64_t carry = by;
    memset(out, 0, 16);
    for (int i = len - 1; i >= 0; i--) {
        int64_t v = addr[i] + carry % 256;
        carry /= 256;
        if (v < 0) {
            v += 256;
            carry--;
        } else if (v > 255) {
            v -= 256;
            carry++;
        }
        out[i] = (unsigned char)v;
    }
    return carry == 0;
}

bool ipnet_contains(const struct ipnet *n, const struct ipnet *x)
{
    if (n->version != x->version || x->prefix < n->prefix)
        return false;
    for (int i = 0; i < n->prefix; i++)
        if ((n->addr[i / 8] ^ x->addr[i / 8]) & (0x80 >> (i % 8)))
            return false;
    return true;
}
