// Distributions: percentiles of samples, and when there are too few of them to name one.
#ifndef FLOW_STATS_H
#define FLOW_STATS_H

#include <stdbool.h>
#include <stddef.h>

// Below these numbers of samples a percentile says more about chance than about the work: with
// fewer than 20 values the 95th percentile is the greatest or a mix of the two greatest.
#define STATS_MIN_P75 4
#define STATS_MIN_P95 20

struct stats {
    size_t n;
    double median, p75, p95, mean, min, max; // NaN where there are too few samples
};

// Of values[0..n), which get sorted. Percentiles are interpolated linearly between the two nearest
// ranks (Hyndman and Fan's type 7).
struct stats stats_of(double *values, size_t n);
// The q-quantile (0..1) of sorted values, NaN when there are none.
double stats_quantile(const double *sorted, size_t n, double q);

#endif
