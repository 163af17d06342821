// Statistics of samples: moments, quantiles, outliers, effect sizes, the Mann-Whitney test with its
// confidence interval, and the critical value of a test that is looked at again and again.
// docs/GATES.md has the formulas and where they come from.
#ifndef ROLLOUT_STATS_H
#define ROLLOUT_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Values belong to whoever made them and hold no NaN.
struct sample {
    const double *v;
    size_t n;
};

struct summary {
    double min, max, mean, sd; // sd with n - 1; all 0 without values
    size_t n;
};
struct summary stats_summary(struct sample s);
double stats_mean(struct sample s); // NaN without values
// The p-th percentile (0..100), interpolated as R's type 7; NaN without values.
double stats_percentile(struct sample s, double p);
// The values in rising order, malloc'ed.
double *stats_sorted(struct sample s);

// Drops NaN, or makes them 0, in place; the new length.
size_t stats_drop_nan(double *v, size_t n);
void stats_zero_nan(double *v, size_t n);

// Sets out[i] where v[i] lies beyond Q1 - factor * IQR or Q3 + factor * IQR; `wide` moves the
// fences out to the 1st and 99th percentile where these lie further out.
void stats_outliers_iqr(struct sample s, double factor, bool wide, bool *out);
// Sets out[i] where v[i] is more than k standard deviations (with n) off the mean.
void stats_outliers_sigma(struct sample s, double k, bool *out);
// Drops the marked values in place; the new length.
size_t stats_drop_marked(double *v, size_t n, const bool *marked);

// mean(x) / mean(y); NaN when either is 0.
double stats_mean_ratio(struct sample x, struct sample y);
// The chance that a value of x is larger than one of y, ties counting half.
double stats_cles(struct sample x, struct sample y);
// |mean(x) - mean(y)| in pooled standard deviations.
double stats_cohen_d(struct sample x, struct sample y);

// The z that a standard normal is below with probability p (0 < p < 1).
double stats_normal_quantile(double p);

// x and y sorted, for many evaluations of the test on the same data.
struct rank_test {
    double *x, *y;
    size_t m, n;
};
void rank_test_init(struct rank_test *t, struct sample x, struct sample y);
void rank_test_release(struct rank_test *t);
// The standardised rank sum of x - mu among y, corrected for ties and continuity; NaN when all are
// tied.
double rank_test_z(const struct rank_test *t, double mu);
// Where rank_test_z is z, within 1e-4 by Brent's method, on the differences x - y can have. Clamped
// to the ends unless `inside`.
double rank_test_root(const struct rank_test *t, double z, bool inside);

// By how much x lies above y: the Hodges-Lehmann estimate and the interval at critical value z.
struct shift {
    double low, high, estimate;
};
struct shift rank_test_shift(const struct rank_test *t, double z);

// The critical value for a two-sided test at level alpha that stays valid however often it is
// looked at while the information n grows (normal mixture); tightest at n = plan.
double stats_always_valid_z(double n, double plan, double alpha);

// A small generator of random numbers: the same seed, the same numbers.
struct random {
    uint64_t s;
};
double random_uniform(struct random *r); // 0..1, without the ends
double random_normal(struct random *r);
void stats_add_noise(double *v, size_t n, double mean, double sd, struct random *r);

#endif
