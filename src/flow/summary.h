// Of the flow room's own use: what follows from events once all are known, and times as text.
#ifndef FLOW_SUMMARY_H
#define FLOW_SUMMARY_H

#include "flow/history.h"

// RFC 3339 with any offset, with or without fractions, to microseconds. ERR_INVALID.
int flow_time_parse(const char *s, int64_t *ret);

// The length of time that spans cover within [from, to); what overlaps counts once. Sorts them.
int64_t flow_spans_cover(struct flow_spans *s, int64_t from, int64_t to);

#endif
