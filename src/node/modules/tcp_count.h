// Counting a port's TCP connections as the kernel lists them.
#ifndef NODE_MODULES_TCP_COUNT_H
#define NODE_MODULES_TCP_COUNT_H

#include "node/module.h"

// The kernel's number of a connection state ("ESTABLISHED"), or -1.
int tcp_state(const char *name);
// Connections to the local address host and port that are in one of active_connection_states and
// not from exclude_hosts. <0 when a name cannot be resolved.
long tcp_count(struct module *m, const char *host, int port, struct err *e);

#endif
