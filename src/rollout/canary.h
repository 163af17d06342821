// The `canary` dict of a gate: which metrics are compared, how they are asked for and judged.
// docs/GATES.md has its keys.
#ifndef ROLLOUT_CANARY_H
#define ROLLOUT_CANARY_H

#include "core/value.h"
#include "rollout/judge.h"

struct canary_metric {
    struct judge_rule rule;
    const char *query;   // of Prometheus; either this
    const char *command; // or this, which prints {"ring": [...], "baseline": [...]}
    struct pos pos;
};

struct canary {
    const struct canary_metric *metrics;
    size_t n_metrics;
    const struct judge_weight *weights; // of groups
    size_t n_weights;
    double step;           // seconds between the values of a series
    double warm_up;        // seconds after the ring's end that are not looked at
    double window;         // seconds looked back at most, 0: to the ring's end
    size_t points;         // values each side needs before it is judged
    double pass, marginal; // scores
};

// Checks and reads a canary dict. Every mistake is told to `problem` (may be NULL); false when
// there is one. What is read lives in a.
bool canary_read(const struct dict *d, struct arena *a,
                 void (*problem)(void *data, struct pos pos, const char *msg), void *data,
                 struct canary *ret);
// Only checks.
bool canary_check(const struct dict *d,
                  void (*problem)(void *data, struct pos pos, const char *msg), void *data);
// Whether a checked one asks Prometheus for any metric.
bool canary_queries(const struct dict *d);

#endif
