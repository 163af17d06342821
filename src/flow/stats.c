// Percentiles by linear interpolation.
#include "flow/stats.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double stats_quantile(const double *sorted, size_t n, double q)
{
    if (!n)
        return NAN;
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n)
        return sorted[n - 1];
    return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

struct stats stats_of(double *values, size_t n)
{
    struct stats s = {
        .n = n, .median = NAN, .p75 = NAN, .p95 = NAN, .mean = NAN, .min = NAN, .max = NAN};
    double sum = 0;
    if (!n)
        return s;
    qsort(values, n, sizeof *values, compare);
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    s.median = stats_quantile(values, n, 0.5);
    if (n >= STATS_MIN_P75)
        s.p75 = stats_quantile(values, n, 0.75);
    if (n >= STATS_MIN_P95)
        s.p95 = stats_quantile(values, n, 0.95);
    s.mean = sum / (double)n;
    s.min = values[0];
    s.max = values[n - 1];
    return s;
}
