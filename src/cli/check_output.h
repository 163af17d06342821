// The forms in which `andon check` prints its findings.
#ifndef CLI_CHECK_OUTPUT_H
#define CLI_CHECK_OUTPUT_H

#include "check/check.h"
#include "cli/output.h"

struct check_result {
    struct check *check;
    const struct check_finding *findings;
    size_t n;
    struct check_stats stats;
    int64_t ms;
    bool quiet; // no notes
    const struct output_opts *out;
};

// Grouped by file, each with its line, and a summary.
void check_print_text(const struct check_result *r);
// One object per line and finding.
void check_print_json(const struct check_result *r);
// SARIF 2.1.0, for code hosts and editors.
void check_print_sarif(const struct check_result *r);

#endif
