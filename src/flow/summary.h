// Of the flow room's own use: what follows from events once all are known.
#ifndef FLOW_SUMMARY_H
#define FLOW_SUMMARY_H

#include "flow/history.h"

// The length of time that spans cover within [from, to); what overlaps counts once. Sorts them.
int64_t flow_spans_cover(struct flow_spans *s, int64_t from, int64_t to);

#endif
