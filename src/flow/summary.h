// Of the room's own use: what follows from events once all are known, and what it is kept by.
#ifndef FLOW_SUMMARY_H
#define FLOW_SUMMARY_H

#include "flow/history.h"

// The length of time that spans cover within [from, to); what overlaps counts once. Sorts them.
int64_t flow_spans_cover(struct flow_spans *s, int64_t from, int64_t to);

// What a release of a service is kept by in a dict.
const char *flow_key(struct arena *a, const char *service, const char *version);

#endif
