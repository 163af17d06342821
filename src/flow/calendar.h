// Weeks and months as people count them: in local time, weeks beginning on Monday (ISO 8601).
#ifndef FLOW_CALENDAR_H
#define FLOW_CALENDAR_H

#include <stdint.h>

enum flow_period { FLOW_WEEK, FLOW_MONTH };

#define FLOW_SECOND INT64_C(1000000)
#define FLOW_DAY (86400 * FLOW_SECOND)
#define FLOW_LABEL 16

// The beginning of the period that holds t, and of the one behind it; microseconds UTC.
int64_t flow_period_begin(enum flow_period p, int64_t t);
int64_t flow_period_next(enum flow_period p, int64_t t);
// "2026-W47" or "2026-11".
void flow_period_label(enum flow_period p, int64_t t, char ret[FLOW_LABEL]);
// The day of t as a number that is the same for all moments of a local day.
int64_t flow_day_number(int64_t t);

#endif
