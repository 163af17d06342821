// The Mann-Whitney test: rank sums with corrections for ties and continuity, the interval of the
// shift by inverting the test, and the critical value for repeated looks.
#include "rollout/stats.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define ROOT_TOLERANCE 1e-4
#define ROOT_STEPS 1000

void rank_test_init(struct rank_test *t, struct sample x, struct sample y)
{
    *t = (struct rank_test){.x = stats_sorted(x), .y = stats_sorted(y), .m = x.n, .n = y.n};
}

void rank_test_release(struct rank_test *t)
{
    free(t->x);
    free(t->y);
    *t = (struct rank_test){0};
}

struct ranks {
    double sum;  // of the ranks of x - mu
    double ties; // sum of t^3 - t over groups of t equal values
};

// Both sides are sorted, and x - mu is in the order of x: one merge finds the groups of equal
// values, whose members share the mean of their ranks.
static struct ranks rank(const struct rank_test *t, double mu)
{
    struct ranks r = {0};
    size_t i = 0, j = 0;
    while (i < t->m || j < t->n) {
        size_t before = i + j, xs = i;
        double v = j >= t->n || (i < t->m && t->x[i] - mu <= t->y[j]) ? t->x[i] - mu : t->y[j];
        while (i < t->m && t->x[i] - mu == v)
            i++;
        while (j < t->n && t->y[j] == v)
            j++;
        double group = (double)(i + j - before);
        r.sum += (double)(i - xs) * ((double)before + (group + 1) / 2);
        r.ties += group * group * group - group;
    }
    return r;
}

double rank_test_z(const struct rank_test *t, double mu)
{
    double m = (double)t->m, n = (double)t->n;
    struct ranks r = rank(t, mu);
    double w = r.sum - m * (m + 1) / 2 - m * n / 2;
    double variance = m * n / 12 * (m + n + 1 - r.ties / ((m + n) * (m + n - 1)));
    if (!(variance > 0))
        return NAN;
    return (w - (w > 0 ? 0.5 : w < 0 ? -0.5 : 0)) / sqrt(variance);
}

double stats_cles(struct sample x, struct sample y)
{
    struct rank_test t;
    rank_test_init(&t, x, y);
    double m = (double)x.n, n = (double)y.n;
    double r = (rank(&t, 0).sum - m * (m + 1) / 2) / (m * n);
    rank_test_release(&t);
    return r;
}

// --- where z has a value: Brent's method (R. P. Brent, Algorithms for Minimization without
// Derivatives, 1973, chapter 4)

struct point {
    double at, f;
};

// The next step from b by interpolation through the points, or by halving (half) where that is not
// safe. c lies on the other side of the root, last was the step before.
static double brent_step(struct point a, struct point b, struct point c, double last,
                         double tolerance)
{
    double half = (c.at - b.at) / 2, p, q;
    if (fabs(last) < tolerance || fabs(a.f) <= fabs(b.f))
        return half;
    double s = b.f / a.f;
    if (a.at == c.at) { // a line through two points
        p = 2 * half * s;
        q = 1 - s;
    } else { // an inverse parabola through three
        double u = a.f / c.f, v = b.f / c.f;
        p = s * (2 * half * u * (u - v) - (b.at - a.at) * (v - 1));
        q = (u - 1) * (v - 1) * (s - 1);
    }
    if (p > 0)
        q = -q;
    p = fabs(p);
    bool inside = p < 1.5 * half * q - fabs(tolerance * q) / 2, shrinks = p < fabs(last * q / 2);
    return inside && shrinks ? p / q : half;
}

static double brent(const struct rank_test *t, double z, struct point a, struct point b)
{
    struct point c = a;
    for (int i = 0; i < ROOT_STEPS; i++) {
        double last = b.at - a.at;
        if (fabs(c.f) < fabs(b.f)) {
            a = b;
            b = c;
            c = a;
        }
        double tolerance = 2 * DBL_EPSILON * fabs(b.at) + ROOT_TOLERANCE / 2;
        if (fabs(c.at - b.at) / 2 <= tolerance || b.f == 0)
            break;
        double step = brent_step(a, b, c, last, tolerance);
        if (fabs(step) < tolerance)
            step = step > 0 ? tolerance : -tolerance;
        a = b;
        b.at += step;
        b.f = rank_test_z(t, b.at) - z;
        if ((b.f > 0 && c.f > 0) || (b.f < 0 && c.f < 0))
            c = a;
    }
    return b.at;
}

double rank_test_root(const struct rank_test *t, double z, bool inside)
{
    struct point low = {.at = t->x[0] - t->y[t->n - 1]}, high = {.at = t->x[t->m - 1] - t->y[0]};
    low.f = rank_test_z(t, low.at) - z;
    high.f = rank_test_z(t, high.at) - z;
    if (low.f == 0 || (!inside && low.f <= 0))
        return low.at;
    if (high.f == 0 || (!inside && high.f >= 0))
        return high.at;
    return brent(t, z, low, high);
}

struct shift rank_test_shift(const struct rank_test *t, double z)
{
    return (struct shift){.low = rank_test_root(t, z, false),
                          .high = rank_test_root(t, -z, false),
                          .estimate = rank_test_root(t, 0, true)};
}

// --- critical values

// Acklam's rational approximation, then one step of Halley's method with erfc, which leaves only
// rounding.
double stats_normal_quantile(double p)
{
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,
                               -2.759285104469687e+02, 1.383577518672690e+02,
                               -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,
                               -1.556989798598866e+02, 6.680131188771972e+01,
                               -1.328068155288572e+01, 1};
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01,
                               -2.400758277161838e+00, -2.549732539343734e+00,
                               4.374664141464968e+00,  2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                               3.754408661907416e+00, 1};
    double tail = p < 0.5 ? p : 1 - p, x;
    if (tail < 0.02425) {
        double q = sqrt(-2 * log(tail)), num = 0, den = 0;
        for (size_t i = 0; i < 6; i++)
            num = num * q + c[i];
        for (size_t i = 0; i < 5; i++)
            den = den * q + d[i];
        x = num / den;
    } else {
        double q = tail - 0.5, r = q * q, num = 0, den = 0;
        for (size_t i = 0; i < 6; i++) {
            num = num * r + a[i];
            den = den * r + b[i];
        }
        x = num * q / den;
    }
    double error = erfc(-x / M_SQRT2) / 2 - tail;
    double u = error * sqrt(2 * M_PI) * exp(x * x / 2);
    x -= u / (1 + x * u / 2);
    return p < 0.5 ? x : -x;
}

double stats_always_valid_z(double n, double plan, double alpha)
{
    double l = -2 * log(alpha), r2 = (l + log(1 + l)) / plan, nr = n * r2;
    return sqrt(2 * (1 + 1 / nr) * log(sqrt(nr + 1) / alpha));
}
