// The levels that DORA's reports named, per measure and year. Never one label for all: the reports
// of 2025 dropped the clusters for the same reason.
#ifndef FLOW_LEVELS_H
#define FLOW_LEVELS_H

#include "flow/measures.h"

#define FLOW_LEVEL_YEARS 3
// With fewer samples, or whole weeks of a frequency, no level is told.
#define FLOW_LEVEL_MIN 5
#define FLOW_LEVEL_MIN_WEEKS 4

struct flow_level {
    int year;
    const char *name; // elite, high, medium, low
    const char *what; // what the report says of it: "less than one day"
    bool doubtful;    // the figures are from memory, not from a source that was read
};

// The levels of a measure, oldest year first; 0 when there is no value, too few samples, or no
// report has levels of it.
size_t flow_levels(const struct flow_report *r, enum flow_measure_id id,
                   struct flow_level ret[FLOW_LEVEL_YEARS]);

#endif
