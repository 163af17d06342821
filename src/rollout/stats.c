// Moments, quantiles, outliers, effect sizes and random numbers.
#include "rollout/stats.h"

#include "core/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double stats_mean(struct sample s)
{
    if (s.n == 0)
        return NAN;
    double sum = 0, rest = 0;
    for (size_t i = 0; i < s.n; i++)
        sum += s.v[i];
    double mean = sum / (double)s.n;
    // A second pass takes back most of what rounding lost.
    for (size_t i = 0; i < s.n; i++)
        rest += s.v[i] - mean;
    return mean + rest / (double)s.n;
}

// Sum of squares around the mean, with the same correction.
static double squares(struct sample s, double mean)
{
    double sum = 0, rest = 0;
    for (size_t i = 0; i < s.n; i++) {
        double d = s.v[i] - mean;
        sum += d * d;
        rest += d;
    }
    return sum - rest * rest / (double)s.n;
}

struct summary stats_summary(struct sample s)
{
    struct summary r = {.n = s.n};
    if (s.n == 0)
        return r;
    r.min = r.max = s.v[0];
    for (size_t i = 1; i < s.n; i++) {
        r.min = fmin(r.min, s.v[i]);
        r.max = fmax(r.max, s.v[i]);
    }
    r.mean = stats_mean(s);
    r.sd = s.n > 1 ? sqrt(squares(s, r.mean) / (double)(s.n - 1)) : 0;
    return r;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double *stats_sorted(struct sample s)
{
    double *v = xmalloc((s.n ? s.n : 1) * sizeof *v);
    if (s.n)
        memcpy(v, s.v, s.n * sizeof *v);
    qsort(v, s.n, sizeof *v, compare_doubles);
    return v;
}

static double percentile_of_sorted(const double *v, size_t n, double p)
{
    double at = p / 100 * (double)(n - 1);
    size_t i = at <= 0 ? 0 : (size_t)at;
    if (i + 1 >= n)
        return v[n - 1];
    return v[i] + (at - (double)i) * (v[i + 1] - v[i]);
}

double stats_percentile(struct sample s, double p)
{
    if (s.n == 0)
        return NAN;
    double *v = stats_sorted(s);
    double r = percentile_of_sorted(v, s.n, p);
    free(v);
    return r;
}

// --- missing and odd values

size_t stats_drop_nan(double *v, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i]))
            v[kept++] = v[i];
    return kept;
}

void stats_zero_nan(double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(v[i]))
            v[i] = 0;
}

void stats_outliers_iqr(struct sample s, double factor, bool wide, bool *out)
{
    if (s.n == 0)
        return;
    double *v = stats_sorted(s);
    double q1 = percentile_of_sorted(v, s.n, 25), q3 = percentile_of_sorted(v, s.n, 75);
    double low = q1 - factor * (q3 - q1), high = q3 + factor * (q3 - q1);
    if (wide) {
        low = fmin(low, percentile_of_sorted(v, s.n, 1));
        high = fmax(high, percentile_of_sorted(v, s.n, 99));
    }
    free(v);
    for (size_t i = 0; i < s.n; i++)
        out[i] = s.v[i] < low || s.v[i] > high;
}

void stats_outliers_sigma(struct sample s, double k, bool *out)
{
    if (s.n == 0)
        return;
    double mean = stats_mean(s), sd = sqrt(squares(s, mean) / (double)s.n);
    for (size_t i = 0; i < s.n; i++)
        out[i] = fabs(s.v[i] - mean) > k * sd;
}

size_t stats_drop_marked(double *v, size_t n, const bool *marked)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!marked[i])
            v[kept++] = v[i];
    return kept;
}

// --- effect sizes

double stats_mean_ratio(struct sample x, struct sample y)
{
    double mx = stats_mean(x), my = stats_mean(y);
    return mx == 0 || my == 0 ? NAN : mx / my;
}

double stats_cohen_d(struct sample x, struct sample y)
{
    double mx = stats_mean(x), my = stats_mean(y);
    double pooled = (squares(x, mx) + squares(y, my)) / (double)(x.n + y.n - 2);
    return fabs(mx - my) / sqrt(pooled);
}

// --- random numbers (splitmix64, Box and Muller)

double random_uniform(struct random *r)
{
    uint64_t z = (r->s += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return ((double)(z >> 11) + 0.5) * 0x1p-53;
}

double random_normal(struct random *r)
{
    double u = random_uniform(r), angle = 2 * M_PI * random_uniform(r);
    return sqrt(-2 * log(u)) * cos(angle);
}

void stats_add_noise(double *v, size_t n, double mean, double sd, struct random *r)
{
    for (size_t i = 0; i < n; i++)
        v[i] += mean + sd * random_normal(r);
}
