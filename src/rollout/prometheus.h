// Queries of Prometheus' HTTP API: how they are sent and what the answers mean.
#ifndef ROLLOUT_PROMETHEUS_H
#define ROLLOUT_PROMETHEUS_H

#include "core/value.h"
#include "rollout/gate_ask.h"

// One value of an instant query, or one series of a range query.
struct prometheus_series {
    const char *labels;   // {instance="a", job="b"}, shortened
    const double *times;  // seconds
    const double *values; // may be NaN and infinite
    size_t n;
};
struct prometheus_answer {
    const struct prometheus_series *series;
    size_t n;
    bool ranges; // series of values over time, not one value each
};

// The answer to a request in i. ERR_FAILED with what Prometheus says is wrong, ERR_INVALID when it
// is no answer of Prometheus.
int prometheus_read(const struct item *i, struct arena *a, struct prometheus_answer *ret,
                    struct err *e);

// A request for a query now, or over from..to (seconds since 1970) in steps when step > 0. url is
// that of the server; the method is POST where that is said or the query is long, else GET.
int prometheus_request(struct question *q, const char *url, const char *method, const char *query,
                       double from, double to, double step, struct request *ret, struct err *e);
// The query with $hosts replaced by a regular expression of the hosts' names.
const char *prometheus_hosts(struct arena *a, const char *query, const char *const *hosts);

#endif
