// Classifies one metric: missing data, identical data, then the test and the size of the effect.
#include "rollout/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOISE_SCALE 1e-5
#define NOISE_SEED 20180420u // any: the same data always gets the same verdict

const char *judge_label_name(enum judge_label l)
{
    static const char *const names[] = {"pass", "high", "low", "no data", "no data (required)"};
    return names[l];
}

void judge_rule_init(struct judge_rule *r, const char *name, enum judge_effect effect)
{
    double dflt = effect == JUDGE_CLES ? 0.5 : 1;
    *r = (struct judge_rule){.name = name,
                             .outlier_factor = 3,
                             .effect = effect,
                             .allowed_decrease = dflt,
                             .allowed_increase = dflt,
                             .critical_decrease = dflt,
                             .critical_increase = dflt,
                             .tolerance = 0.25,
                             .confidence = 0.98};
}

static struct judge_result result(enum judge_label label, double ratio, bool critical)
{
    return (struct judge_result){.label = label,
                                 .critical = critical,
                                 .ratio = ratio,
                                 .effect = NAN,
                                 .shift = {NAN, NAN, NAN}};
}

static struct judge_result without_data(const struct judge_rule *rule)
{
    if (rule->nan_is_zero)
        return result(JUDGE_PASS, 1, false);
    if (rule->required && !rule->critical)
        return result(JUDGE_NODATA_FAIL, 1, false);
    return result(JUDGE_NODATA, 1, rule->critical);
}

static bool same_values(struct sample x, struct sample y)
{
    if (x.n != y.n)
        return false;
    double *a = stats_sorted(x), *b = stats_sorted(y);
    bool same = true;
    for (size_t i = 0; i < x.n && same; i++)
        same = a[i] == b[i];
    free(a);
    free(b);
    return same;
}

static bool constant(struct sample s)
{
    for (size_t i = 1; i < s.n; i++)
        if (s.v[i] != s.v[0])
            return false;
    return true;
}

// Two sides that are constant have no variance to test with: both get a little noise.
static void add_noise(struct sample *s, struct random *random)
{
    double *v = xmalloc(s->n * sizeof *v);
    memcpy(v, s->v, s->n * sizeof *v);
    stats_add_noise(v, s->n, 0, fabs(v[0]) * NOISE_SCALE, random);
    s->v = v;
}

static double critical_value(const struct judge_rule *rule, double m, double n)
{
    double alpha = 1 - rule->confidence;
    if (!(rule->plan > 0))
        return -stats_normal_quantile(alpha / 2);
    // A difference of two means has the information of mn/(m+n) values.
    return stats_always_valid_z(m * n / (m + n), rule->plan / 2, alpha);
}

static bool wants(const struct judge_rule *rule, enum judge_direction d)
{
    return rule->direction == d || rule->direction == JUDGE_EITHER;
}

// An effect that cannot be computed does not hold a finding back.
static bool above(double effect, double limit)
{
    return isnan(effect) || effect >= limit;
}

static bool below(double effect, double limit)
{
    return isnan(effect) || effect <= limit;
}

static enum judge_label label_of(const struct judge_rule *rule, const struct judge_result *r)
{
    double bound = rule->tolerance * fabs(r->shift.estimate);
    if (wants(rule, JUDGE_INCREASE) && r->shift.low > bound &&
        above(r->effect, rule->allowed_increase))
        return JUDGE_HIGH;
    if (wants(rule, JUDGE_DECREASE) && r->shift.high < -bound &&
        below(r->effect, rule->allowed_decrease))
        return JUDGE_LOW;
    return JUDGE_PASS;
}

static struct judge_result test(const struct judge_rule *rule, struct sample ring,
                                struct sample baseline)
{
    struct random random = {NOISE_SEED};
    bool noise = constant(ring) && constant(baseline);
    if (noise) {
        add_noise(&ring, &random);
        add_noise(&baseline, &random);
    }
    struct judge_result r = result(JUDGE_PASS, stats_mean_ratio(ring, baseline), false);
    r.effect = rule->effect == JUDGE_CLES ? stats_cles(ring, baseline) : r.ratio;
    r.z = critical_value(rule, (double)ring.n, (double)baseline.n);
    struct rank_test t;
    rank_test_init(&t, ring, baseline);
    r.shift = rank_test_shift(&t, r.z);
    rank_test_release(&t);
    if (noise) {
        free((void *)(uintptr_t)ring.v);
        free((void *)(uintptr_t)baseline.v);
    }
    r.label = label_of(rule, &r);
    r.critical =
        rule->critical && ((r.label == JUDGE_HIGH && above(r.effect, rule->critical_increase)) ||
                           (r.label == JUDGE_LOW && below(r.effect, rule->critical_decrease)));
    return r;
}

struct judge_result judge_compare(const struct judge_rule *rule, struct sample ring,
                                  struct sample baseline)
{
    struct judge_result r;
    if (ring.n == 0 || baseline.n == 0)
        r = without_data(rule);
    else if (same_values(ring, baseline) ||
             (constant(ring) && constant(baseline) && ring.v[0] == baseline.v[0]))
        r = result(JUDGE_PASS, 1, false);
    else
        r = test(rule, ring, baseline);
    r.ring = stats_summary(ring);
    r.baseline = stats_summary(baseline);
    return r;
}

enum judge_label judge_means(const struct judge_rule *rule, struct sample ring,
                             struct sample baseline)
{
    if (ring.n == 0 || baseline.n == 0)
        return without_data(rule).label;
    double x = stats_mean(ring), y = stats_mean(baseline);
    if (x > y && wants(rule, JUDGE_INCREASE))
        return JUDGE_HIGH;
    return x < y && wants(rule, JUDGE_DECREASE) ? JUDGE_LOW : JUDGE_PASS;
}

// --- values as they come

static struct sample clean(const struct judge_rule *rule, struct sample s, double *into)
{
    if (s.n)
        memcpy(into, s.v, s.n * sizeof *into);
    size_t n = s.n;
    if (rule->nan_is_zero)
        stats_zero_nan(into, n);
    else
        n = stats_drop_nan(into, n);
    if (rule->drop_outliers && n) {
        bool *marked = xcalloc(n, sizeof *marked);
        stats_outliers_iqr((struct sample){into, n}, rule->outlier_factor, true, marked);
        n = stats_drop_marked(into, n, marked);
        free(marked);
    }
    return (struct sample){into, n};
}

struct judge_result judge_metric(const struct judge_rule *rule, struct sample ring,
                                 struct sample baseline)
{
    double *x = xmalloc((ring.n + 1) * sizeof *x), *y = xmalloc((baseline.n + 1) * sizeof *y);
    struct judge_result r = judge_compare(rule, clean(rule, ring, x), clean(rule, baseline, y));
    free(x);
    free(y);
    return r;
}
