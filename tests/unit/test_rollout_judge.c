// The canary judge: the published cases of Kayenta's test suites (tests/data/kayenta.jsonl, one per
// line), and what repeated looks do to its false alarms.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "rollout/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WITHIN 1e-6 // as MannWhitneySuite

static double number(const struct value *v)
{
    return v->type == VALUE_INT ? (double)v->u.i : v->type == VALUE_FLOAT ? v->u.f : NAN;
}

static double field(const struct dict *c, const char *key, double dflt)
{
    const struct value *v = dict_get(c, key);
    return v ? number(v) : dflt;
}

static struct sample list_of(struct arena *a, const struct dict *c, const char *key)
{
    const struct value *v = dict_get(c, key);
    assert_non_null(v);
    const struct list *l = v->u.list;
    double *d = arena_array(a, double, l->len + 1);
    for (size_t i = 0; i < l->len; i++)
        d[i] = number(&l->items[i]);
    return (struct sample){d, l->len};
}

static bool near(double want, double got, double within)
{
    if (isnan(want) ? isnan(got) : fabs(want - got) <= within)
        return true;
    print_error("wanted %.17g, got %.17g\n", want, got);
    return false;
}

// --- one function per suite: whether the case holds

static void limits(const struct dict *c, const char *key, double *low, double *high)
{
    const struct value *v = dict_get(c, key);
    if (!v)
        return;
    *low = number(&v->u.list->items[0]);
    *high = number(&v->u.list->items[1]);
}

static enum judge_direction direction_of(const struct dict *c)
{
    const char *d = dict_str(c, "direction", "");
    return strcmp(d, "increase") == 0   ? JUDGE_INCREASE
           : strcmp(d, "decrease") == 0 ? JUDGE_DECREASE
                                        : JUDGE_EITHER;
}

static bool classifier_case(struct arena *a, const struct dict *c)
{
    bool cles = strcmp(dict_str(c, "effect", ""), "cles") == 0;
    struct judge_rule rule;
    judge_rule_init(&rule, "metric", JUDGE_MEAN_RATIO);
    rule.effect = cles ? JUDGE_CLES : JUDGE_MEAN_RATIO;
    rule.tolerance = field(c, "tolerance", 0.25);
    rule.confidence = field(c, "confidence", 0.98);
    rule.direction = direction_of(c);
    rule.nan_is_zero = dict_bool(c, "nan_is_zero", false);
    rule.critical = dict_bool(c, "critical", false);
    limits(c, "allowed", &rule.allowed_decrease, &rule.allowed_increase);
    limits(c, "critical_limits", &rule.critical_decrease, &rule.critical_increase);
    struct sample ring = list_of(a, c, "ring"), baseline = list_of(a, c, "baseline");
    struct judge_result r = judge_compare(&rule, ring, baseline);
    if (strcmp(dict_str(c, "classifier", ""), "means") == 0)
        r.label = judge_means(&rule, ring, baseline);
    const char *label = dict_str(c, "label", NULL);
    if (label && strcmp(label, judge_label_name(r.label)) != 0) {
        print_error("wanted %s, got %s\n", label, judge_label_name(r.label));
        return false;
    }
    if (dict_get(c, "is_critical") && dict_bool(c, "is_critical", false) != r.critical)
        return false;
    if (dict_get(c, "ratio") && !near(field(c, "ratio", 0), r.ratio, 0))
        return false;
    struct judge_score score;
    judge_score(&rule, &r, 1, NULL, 0, a, &score);
    return !dict_bool(c, "reason", false) || (score.reason && *score.reason);
}

static bool at_ends(const struct rank_test *t, const struct dict *c)
{
    if (!dict_get(c, "ends"))
        return true;
    double z = -stats_normal_quantile((1 - field(c, "confidence", 0)) / 2);
    const struct list *ends = dict_get(c, "ends")->u.list, *f = dict_get(c, "at_ends")->u.list,
                      *roots = dict_get(c, "roots")->u.list;
    double low = t->x[0] - t->y[t->n - 1], high = t->x[t->m - 1] - t->y[0];
    bool ok = near(number(&ends->items[0]), low, WITHIN) &&
              near(number(&ends->items[1]), high, WITHIN) &&
              near(field(c, "critical_value", 0), z, WITHIN);
    for (int side = 0; side < 2; side++) {
        double q = side == 0 ? z : -z;
        const struct list *want = f->items[side].u.list;
        ok = ok && near(number(&want->items[0]), rank_test_z(t, low) - q, WITHIN) &&
             near(number(&want->items[1]), rank_test_z(t, high) - q, WITHIN) &&
             near(number(&roots->items[side]), rank_test_root(t, q, true), WITHIN);
    }
    return ok && near(number(&roots->items[2]), rank_test_root(t, 0, true), WITHIN);
}

static bool mannwhitney_case(struct arena *a, const struct dict *c)
{
    const struct value *v = dict_get(c, "quantile");
    if (v)
        return near(number(&v->u.list->items[1]),
                    stats_normal_quantile(number(&v->u.list->items[0])), WITHIN);
    struct rank_test t;
    rank_test_init(&t, list_of(a, c, "ring"), list_of(a, c, "baseline"));
    bool ok = at_ends(&t, c);
    v = dict_get(c, "z");
    for (size_t i = 0; v && i < v->u.list->len; i++) {
        const struct list *pair = v->u.list->items[i].u.list;
        ok = ok && near(number(&pair->items[1]), rank_test_z(&t, number(&pair->items[0])), WITHIN);
    }
    if (dict_get(c, "estimate")) {
        double alpha = 1 - field(c, "confidence", 0);
        struct shift s = rank_test_shift(&t, -stats_normal_quantile(alpha / 2));
        ok = ok && near(field(c, "low", 0), s.low, WITHIN) &&
             near(field(c, "high", 0), s.high, WITHIN) &&
             near(field(c, "estimate", 0), s.estimate, field(c, "estimate_within", WITHIN));
    }
    rank_test_release(&t);
    return ok;
}

static enum judge_label label_by_name(const char *name)
{
    for (int i = JUDGE_PASS; i <= JUDGE_NODATA_FAIL; i++)
        if (strcmp(judge_label_name((enum judge_label)i), name) == 0)
            return (enum judge_label)i;
    fail_msg("label '%s'", name);
    return JUDGE_PASS;
}

static int compare(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static bool group_scores(struct arena *a, const struct dict *c, const struct judge_score *s)
{
    if (!dict_get(c, "group_scores"))
        return true;
    struct sample want = list_of(a, c, "group_scores");
    if (want.n != s->n_groups)
        return false;
    double *got = arena_array(a, double, want.n + 1);
    for (size_t i = 0; i < want.n; i++)
        got[i] = s->groups[i].score;
    qsort(got, want.n, sizeof *got, compare);
    return memcmp(got, want.v, want.n * sizeof *got) == 0;
}

static bool scorer_case(struct arena *a, const struct dict *c)
{
    const struct list *metrics = dict_get(c, "metrics")->u.list;
    const struct dict *weights = dict_get(c, "weights")->u.dict;
    struct judge_rule *rules = arena_array(a, struct judge_rule, metrics->len);
    struct judge_result *results = arena_array(a, struct judge_result, metrics->len);
    struct judge_weight *w = arena_array(a, struct judge_weight, weights->len + 1);
    size_t n_weights = 0;
    struct dict_entry *e;
    DICT_EACH(weights, e)
    w[n_weights++] = (struct judge_weight){e->key.u.str.s, number(&e->val)};
    for (size_t i = 0; i < metrics->len; i++) {
        const struct dict *m = metrics->items[i].u.dict;
        const struct list *groups = dict_get(m, "groups")->u.list;
        const char **names = arena_array(a, const char *, groups->len + 1);
        for (size_t k = 0; k < groups->len; k++)
            names[k] = groups->items[k].u.str.s;
        judge_rule_init(&rules[i], "metric", JUDGE_MEAN_RATIO);
        rules[i].groups = names;
        results[i].label = label_by_name(dict_str(m, "label", ""));
        results[i].critical = dict_bool(m, "critical", false);
    }
    struct judge_score s;
    judge_score(rules, results, metrics->len, w, n_weights, a, &s);
    return near(field(c, "score", -1), s.score, 0) && group_scores(a, c, &s);
}

static bool detector_case(struct arena *a, const struct dict *c)
{
    struct sample s = list_of(a, c, "values");
    const struct list *want = dict_get(c, "outliers")->u.list;
    bool *got = arena_array(a, bool, s.n + 1);
    if (strcmp(dict_str(c, "detector", ""), "iqr") == 0)
        stats_outliers_iqr(s, field(c, "factor", 0), false, got);
    else
        stats_outliers_sigma(s, field(c, "factor", 0), got);
    for (size_t i = 0; i < s.n; i++)
        if (want->items[i].u.b != got[i])
            return false;
    return want->len == s.n;
}

static bool summary_case(const struct list *want, struct sample s, double within)
{
    struct summary got = stats_summary(s);
    double v[] = {got.min, got.max, got.mean, got.sd, (double)got.n};
    for (size_t i = 0; i < 5; i++)
        if (!near(number(&want->items[i]), v[i], i == 3 ? within : 0))
            return false;
    return true;
}

static bool statistic_case(struct arena *a, const struct dict *c)
{
    static const struct {
        const char *name;
        double (*fn)(struct sample x, struct sample y);
    } effects[] = {
        {"mean_ratio", stats_mean_ratio}, {"cohen_d", stats_cohen_d}, {"cles", stats_cles}};
    double within = field(c, "within", 0);
    for (size_t i = 0; i < 3; i++)
        if (dict_get(c, effects[i].name))
            return near(field(c, effects[i].name, 0),
                        effects[i].fn(list_of(a, c, "ring"), list_of(a, c, "baseline")), within);
    struct sample s = list_of(a, c, "values");
    const struct value *v = dict_get(c, "percentiles");
    for (size_t i = 0; v && i < v->u.list->len; i++) {
        const struct value *p = v->u.list->items[i].u.list->items;
        if (!near(number(&p[1]), stats_percentile(s, number(&p[0])), number(&p[2])))
            return false;
    }
    return v || summary_case(dict_get(c, "summary")->u.list, s, within);
}

// Kayenta adds its noise to five values and knows what its generator gives; with ours it takes more
// values to come near.
static bool noise_case(struct arena *a, const struct dict *c)
{
    enum { N = 10000 };
    double *v = arena_array(a, double, N);
    struct random random = {12345};
    stats_add_noise(v, N, field(c, "mean", 0), field(c, "sd", 0), &random);
    struct summary s = stats_summary((struct sample){v, N});
    return near(field(c, "mean", 0), s.mean, field(c, "within", 0) / 5) &&
           near(field(c, "sd", 0), s.sd, field(c, "within", 0) / 5);
}

static bool transform_case(struct arena *a, const struct dict *c)
{
    const char *what = dict_str(c, "do", "");
    if (strcmp(what, "noise") == 0)
        return noise_case(a, c);
    struct sample s = list_of(a, c, "values"), want = list_of(a, c, "result");
    double *v = arena_array(a, double, s.n + 1);
    memcpy(v, s.v, s.n * sizeof *v);
    bool *marked = arena_array(a, bool, s.n + 1);
    size_t n = s.n;
    if (strcmp(what, "drop_nan") == 0) {
        n = stats_drop_nan(v, n);
    } else if (strcmp(what, "zero_nan") == 0) {
        stats_zero_nan(v, n);
    } else {
        if (strcmp(what, "drop_iqr") == 0)
            stats_outliers_iqr(s, field(c, "factor", 0), false, marked);
        else
            stats_outliers_sigma(s, field(c, "factor", 0), marked);
        n = stats_drop_marked(v, n, marked);
    }
    return n == want.n && memcmp(v, want.v, n * sizeof *v) == 0;
}

static const struct {
    const char *suite;
    bool (*holds)(struct arena *a, const struct dict *c);
    size_t cases;
} suites[] = {
    {"classifier", classifier_case, 37}, {"mannwhitney", mannwhitney_case, 7},
    {"scorer", scorer_case, 13},         {"detector", detector_case, 6},
    {"statistic", statistic_case, 18},   {"transform", transform_case, 6},
};

static void published_cases(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char *text;
    size_t len, seen[6] = {0}, wrong = 0;
    struct err e = ERR_INIT;
    assert_int_equal(file_read(a, TEST_ROOT "/data/kayenta.jsonl", 4u << 20, &text, &len, &e), 0);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        struct value v;
        assert_int_equal(json_parse(a, line, strlen(line), &v, &e), 0);
        const char *suite = dict_str(v.u.dict, "suite", ""), *name = dict_str(v.u.dict, "name", "");
        size_t i = 0;
        while (strcmp(suites[i].suite, suite) != 0)
            i++;
        seen[i]++;
        if (!suites[i].holds(a, v.u.dict)) {
            print_error("%s: %s\n", suite, name);
            wrong++;
        }
    }
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(seen[i], suites[i].cases);
    assert_int_equal(wrong, 0);
    arena_free(a);
}

// --- what Kayenta's suites leave open

static void values_as_they_come(void **state)
{
    (void)state;
    double ring[40], baseline[40];
    for (int i = 0; i < 40; i++) {
        ring[i] = 20 + i % 7;
        baseline[i] = 10 + i % 7;
    }
    struct judge_rule rule;
    judge_rule_init(&rule, "latency", JUDGE_MEAN_RATIO);
    struct sample r = {ring, 40}, b = {baseline, 40};
    assert_int_equal(judge_metric(&rule, r, b).label, JUDGE_HIGH);
    ring[3] = NAN;
    ring[4] = 1e6;
    rule.drop_outliers = true;
    struct judge_result got = judge_metric(&rule, r, b);
    assert_int_equal(got.label, JUDGE_HIGH);
    // The 99th percentile of 39 values lies below the largest, which is dropped.
    assert_int_equal(got.ring.n, 38);
    for (int i = 0; i < 40; i++)
        ring[i] = NAN;
    assert_int_equal(judge_metric(&rule, r, b).label, JUDGE_NODATA);
    rule.required = true;
    assert_int_equal(judge_metric(&rule, r, b).label, JUDGE_NODATA_FAIL);
    rule.critical = true;
    assert_int_equal(judge_metric(&rule, r, b).label, JUDGE_NODATA);
    rule.nan_is_zero = true;
    assert_int_equal(judge_metric(&rule, r, b).label, JUDGE_LOW);
}

static void muted_metrics_do_not_count(void **state)
{
    (void)state;
    static const char *const groups[] = {"g", NULL};
    struct arena *a = arena_new();
    struct judge_rule rules[2];
    struct judge_result results[2] = {{.label = JUDGE_PASS},
                                      {.label = JUDGE_HIGH, .critical = true}};
    struct judge_score s;
    for (int i = 0; i < 2; i++) {
        judge_rule_init(&rules[i], i ? "loud" : "quiet", JUDGE_CLES);
        rules[i].groups = groups;
    }
    judge_score(rules, results, 2, NULL, 0, a, &s);
    assert_true(s.score == 0);
    assert_string_equal(s.reason, "the critical metric 'loud' is judged high");
    rules[1].muted = true;
    judge_score(rules, results, 2, NULL, 0, a, &s);
    assert_true(s.score == 100);
    assert_null(s.reason);
    arena_free(a);
}

// --- repeated looks
// Ring and baseline have the same distribution. They are looked at 60 times while their values
// become more, at 10 to 800 per side. A look that finds a difference is a false alarm; of
// all rollouts, at most 2 % may have one. For a single look Kayenta's rule keeps that. Its
// tolerance hides some of what repeated looks do; the test alone shows all of it.

#define SERIES 1200
#define LOOKS 60
#define FIRST 10
#define LAST 800

struct alarms {
    int plain, valid;           // series with an alarm at any look
    int last;                   // of the plain rule at the last look alone
    int test_plain, test_valid; // at any look, by the test alone
    int test_last;
};

// Whether the rule finds anything. What no test at its critical value finds is not worked out.
static bool alarm(const struct judge_rule *rule, struct sample x, struct sample y, double z,
                  double critical)
{
    return fabs(z) > critical && judge_compare(rule, x, y).label != JUDGE_PASS;
}

static void one_series(struct random *random, const struct judge_rule *plain,
                       const struct judge_rule *valid, struct alarms *count)
{
    static double x[LAST], y[LAST];
    bool found_plain = false, found_valid = false, test_plain = false, test_valid = false;
    for (size_t i = 0; i < LAST; i++) {
        x[i] = exp(random_normal(random));
        y[i] = exp(random_normal(random));
    }
    for (int look = 0; look < LOOKS; look++) {
        double share = (double)look / (LOOKS - 1);
        size_t n = (size_t)lround(FIRST * pow((double)LAST / FIRST, share));
        struct rank_test t;
        struct sample sx = {x, n}, sy = {y, n};
        rank_test_init(&t, sx, sy);
        double z = rank_test_z(&t, 0);
        rank_test_release(&t);
        double fixed = -stats_normal_quantile((1 - plain->confidence) / 2),
               always = stats_always_valid_z((double)n / 2, valid->plan / 2, 1 - valid->confidence);
        bool found = alarm(plain, sx, sy, z, fixed);
        found_plain |= found;
        found_valid |= alarm(valid, sx, sy, z, always);
        test_plain |= fabs(z) > fixed;
        test_valid |= fabs(z) > always;
        count->last += look == LOOKS - 1 && found;
        count->test_last += look == LOOKS - 1 && fabs(z) > fixed;
    }
    count->test_plain += test_plain;
    count->test_valid += test_valid;
    count->plain += found_plain;
    count->valid += found_valid;
}

static void repeated_looks(void **state)
{
    (void)state;
    struct judge_rule plain, valid;
    struct alarms count = {0};
    struct random random = {20261121};
    judge_rule_init(&plain, "metric", JUDGE_MEAN_RATIO);
    valid = plain;
    valid.plan = 200;
    for (int i = 0; i < SERIES; i++)
        one_series(&random, &plain, &valid, &count);
    double nominal = (1 - plain.confidence) * SERIES;
    print_message("false alarms in %d series: one look %d, %d looks %d, always valid %d (nominal "
                  "%.0f)\n",
                  SERIES, count.last, LOOKS, count.plain, count.valid, nominal);
    print_message("by the test alone: one look %d, %d looks %d, always valid %d\n", count.test_last,
                  LOOKS, count.test_plain, count.test_valid);
    assert_true(fabs(count.test_last - nominal) < 4 * sqrt(nominal));
    assert_true(count.test_plain > 3 * nominal);
    assert_true(count.test_valid <= nominal);
    assert_true(count.last <= nominal);
    assert_true(count.plain > nominal);
    assert_true(count.valid <= nominal);
}

// What is really worse is found all the same: a ring whose values are half as large again.
static void differences_are_found(void **state)
{
    (void)state;
    struct judge_rule rule;
    struct random random = {7};
    int found = 0;
    judge_rule_init(&rule, "metric", JUDGE_MEAN_RATIO);
    rule.plan = 200;
    for (int i = 0; i < 50; i++) {
        double x[200], y[200];
        for (int k = 0; k < 200; k++) {
            x[k] = 1.5 * exp(0.5 * random_normal(&random));
            y[k] = exp(0.5 * random_normal(&random));
        }
        found += judge_compare(&rule, (struct sample){x, 200}, (struct sample){y, 200}).label ==
                 JUDGE_HIGH;
    }
    assert_true(found >= 45);
}

// Figures of the formula itself: 1.55 times as wide as a fixed test at n = S with 95 % (reference
// simulations of GrowthBook's sequential tests).
static void critical_values(void **state)
{
    (void)state;
    double fixed = -stats_normal_quantile(0.025);
    assert_true(fabs(fixed - 1.959963984540054) < 1e-12);
    double ratio = stats_always_valid_z(5000, 5000, 0.05) / fixed;
    assert_true(ratio > 1.5 && ratio < 1.6);
    assert_true(fabs(stats_normal_quantile(1e-9) + 5.997807015007774) < 1e-9);
    for (double p = 0.001; p < 1; p += 0.001)
        assert_true(fabs(erfc(-stats_normal_quantile(p) / sqrt(2)) / 2 - p) < 1e-13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_cases),
        cmocka_unit_test(values_as_they_come),
        cmocka_unit_test(muted_metrics_do_not_count),
        cmocka_unit_test(critical_values),
        cmocka_unit_test(repeated_looks),
        cmocka_unit_test(differences_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
