// IPv4 and IPv6 addresses with their network, as the ipaddr filters see them.
#ifndef TEMPLATE_IPNET_H
#define TEMPLATE_IPNET_H

#include "template/args.h"

struct ipnet {
    int version;            // 4 or 6
    unsigned char addr[16]; // the first 4 bytes for version 4
    int prefix;
    bool has_prefix; // written with one
};

// Reads an address with or without prefix ("10.0.0.1/24", "10.0.0.1/255.255.255.0", "::1"). False
// when it is none.
bool ipnet_parse(struct text t, struct ipnet *ret);
// Appends an address in its shortest form.
void ipnet_add(struct buf *b, int version, const unsigned char addr[16]);
int ipnet_bits(const struct ipnet *n);
// First and last address of the network.
void ipnet_network(const struct ipnet *n, unsigned char out[16]);
void ipnet_broadcast(const struct ipnet *n, unsigned char out[16]);
// addr + by, false when that leaves the address space.
bool ipnet_shift(const struct ipnet *n, const unsigned char addr[16], int64_t by,
                 unsigned char out[16]);
// True when x's network lies inside n's.
bool ipnet_contains(const struct ipnet *n, const struct ipnet *x);

#endif
