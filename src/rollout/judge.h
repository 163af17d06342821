// The canary judge: is a metric of a ring higher or lower than the same metric of a baseline, and
// what do all metrics together say. The rules are those of Kayenta's NetflixACAJudge-v1.0, with a
// critical value that allows to look again and again (docs/GATES.md).
#ifndef ROLLOUT_JUDGE_H
#define ROLLOUT_JUDGE_H

#include "core/arena.h"
#include "rollout/stats.h"

enum judge_label { JUDGE_PASS, JUDGE_HIGH, JUDGE_LOW, JUDGE_NODATA, JUDGE_NODATA_FAIL };
enum judge_direction { JUDGE_EITHER, JUDGE_INCREASE, JUDGE_DECREASE };
enum judge_effect { JUDGE_MEAN_RATIO, JUDGE_CLES };

// How one metric is judged.
struct judge_rule {
    const char *name;
    const char *const *groups; // ends with NULL
    enum judge_direction direction;
    bool nan_is_zero;        // else they are dropped
    bool drop_outliers;      // beyond the fences of
    double outlier_factor;   // times the interquartile range
    bool critical, required; // no data of a required one counts as a failure
    bool muted;              // judged and shown, but does not count
    enum judge_effect effect;
    double allowed_decrease, allowed_increase;   // effects up to these are no finding
    double critical_decrease, critical_increase; // beyond these a critical metric ends it
    double tolerance, confidence;                // 0.25, 0.98
    // Values per side at which repeated looks see best; 0: for a single look only, as Kayenta.
    double plan;
};
// Kayenta's defaults.
void judge_rule_init(struct judge_rule *r, const char *name, enum judge_effect effect);

struct judge_result {
    enum judge_label label;
    bool critical;        // a critical metric that fails everything
    double ratio, effect; // of the means; of the rule's measure. NaN: cannot be computed
    struct shift shift;   // of the ring above the baseline; NaN where not computed
    double z;             // critical value used, 0 where no test was made
    struct summary ring, baseline;
};

// Judges the values of a ring against those of a baseline; they may hold NaN.
struct judge_result judge_metric(const struct judge_rule *rule, struct sample ring,
                                 struct sample baseline);
// The same for values without NaN and outliers.
struct judge_result judge_compare(const struct judge_rule *rule, struct sample ring,
                                  struct sample baseline);
// Compares means alone: Kayenta's MeanInequalityClassifier.
enum judge_label judge_means(const struct judge_rule *rule, struct sample ring,
                             struct sample baseline);
const char *judge_label_name(enum judge_label l);

struct judge_weight {
    const char *group;
    double weight; // of 100
};
struct judge_group {
    const char *name;
    double score;
    bool no_data;
};
struct judge_score {
    double score; // 0..100
    const struct judge_group *groups;
    size_t n_groups;
    const char *reason; // why it is 0 whatever the groups say, else NULL
};
// All metrics together; results[i] belongs to rules[i]. The answer lives in a.
void judge_score(const struct judge_rule *rules, const struct judge_result *results, size_t n,
                 const struct judge_weight *weights, size_t n_weights, struct arena *a,
                 struct judge_score *ret);

#endif
