// Reports of andon flow as text, JSON and CSV.
#ifndef CLI_FLOW_OUTPUT_H
#define CLI_FLOW_OUTPUT_H

#include "flow/levels.h"
#include "flow/measures.h"

// What is shown: a bit per measure, and these.
enum flow_part {
    FLOW_PART_LEVELS = 1 << FLOW_MEASURES,
    FLOW_PART_STREAM = 2 << FLOW_MEASURES,
    FLOW_PART_TREND = 4 << FLOW_MEASURES,
    FLOW_PART_ALL = (8 << FLOW_MEASURES) - 1
};

struct flow_output {
    unsigned parts;
    bool explain;
    bool utf8;   // else bars are of '#'
    int columns; // of the terminal
    enum flow_period period;
};

void flow_print_text(const struct flow_output *o, const struct flow_report *r);
// All reports as one object.
void flow_print_json(const struct flow_output *o, const struct flow_report *r, size_t n);
// Lines for one report; the first prints the heading too.
void flow_print_csv(const struct flow_output *o, const struct flow_report *r, bool heading);

#endif
