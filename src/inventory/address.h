// Host names as they are written in inventories and patterns: ports, ranges, what looks like an
// address. Internal.
#ifndef INVENTORY_ADDRESS_H
#define INVENTORY_ADDRESS_H

#include "core/arena.h"
#include "core/err.h"
#include "core/value.h"

#define ADDRESS_MAX_HOSTS 100000 // that one range may stand for

// Takes text as a host name or address, with ranges when they are allowed, and perhaps a port.
// False when it is none; else *host is the part without port and *port the port or -1.
bool address_parse(struct arena *a, const char *text, bool ranges, const char **host, int *port);
// True for an IPv4 or IPv6 address.
bool address_is_ip(const char *text);
// The hosts that a name in an inventory stands for: adds a string to names for each. *port is -1
// when there is none.
int address_expand(struct arena *a, const char *text, struct pos pos, struct list *names, int *port,
                   struct err *e);

#endif
