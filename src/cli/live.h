// What commands print while they run (--live), told in whole lines although it comes in pieces.
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "cli/output.h"

struct live;

// A list that begins as NULL, freed by live_free.
void live_free(struct live *l);
// A piece of a host's output; prints the lines that are complete as "HOST | LINE".
void live_add(struct live **list, const struct output_opts *o, const char *host, int stream,
              const char *s, size_t len);
// Prints what is left of a host's output; host NULL: of all hosts.
void live_flush(struct live **list, const struct output_opts *o, const char *host);

#endif
