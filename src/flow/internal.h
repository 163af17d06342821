// What the files of the flow room share: making samples, notes and the parts of a report.
#ifndef FLOW_INTERNAL_H
#define FLOW_INTERNAL_H

#include "flow/measures.h"

// A report in the making.
struct making {
    const struct flow_history *h;
    const struct flow_opts *o;
    struct arena *a;
    struct flow_report *r;
    const struct flow_rollout **mine; // rollouts of the service, as they began
    size_t n_mine;
    struct dict *fixes; // rollouts that put an incident right: the incident's index
};

// Adds a sample of n events, those that are FLOW_NO_EVENT left out.
struct flow_sample *add_sample(struct making *m, enum flow_measure_id id, double value,
                               int64_t time, const char *what, const int64_t *events, size_t n);
#define EVENTS(...)                                                                                \
    (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)
void add_note(struct making *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Sums up the samples of a measure.
void sum_measure(struct arena *a, struct flow_measure *m, enum flow_unit unit);

bool within(const struct making *m, int64_t t);
bool ours(const struct making *m, const char *service);
// A rollout of the service that counts as a deployment to production in the time asked for.
bool is_deployment(const struct making *m, const struct flow_rollout *r);

void measure_failures(struct making *m); // recovery, detect, mitigate, between
void make_stream(struct making *m);      // the value stream
void make_trend(struct making *m);       // buckets, and the frequency

#endif
