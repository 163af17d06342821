// One score of many metrics: the share that passed in each group, weighed by group.
#include "rollout/judge.h"

#include <math.h>
#include <string.h>

#define TOO_MANY_WITHOUT_DATA 50 // percent

static size_t group_at(struct judge_group *groups, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(groups[i].name, name) == 0)
            return i;
    groups[*n] = (struct judge_group){.name = name};
    return (*n)++;
}

static bool is_member(const struct judge_rule *rule, const char *group)
{
    for (const char *const *g = rule->groups; g && *g; g++)
        if (strcmp(*g, group) == 0)
            return true;
    return false;
}

static void score_group(struct judge_group *g, const struct judge_rule *rules,
                        const struct judge_result *results, size_t n)
{
    size_t pass = 0, judged = 0;
    for (size_t i = 0; i < n; i++) {
        if (rules[i].muted || !is_member(&rules[i], g->name))
            continue;
        pass += results[i].label == JUDGE_PASS;
        judged += results[i].label != JUDGE_NODATA;
    }
    g->no_data = judged == 0;
    g->score = judged ? 100 * ((double)pass / (double)judged) : 0;
}

static const struct judge_weight *weight_of(const char *group, const struct judge_weight *weights,
                                            size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(weights[i].group, group) == 0)
            return &weights[i];
    return NULL;
}

// Groups without a weight share what the others leave of 100; one without data counts as good.
static double weighed(const struct judge_group *groups, size_t n,
                      const struct judge_weight *weights, size_t n_weights)
{
    double rest = 100, score = 0;
    size_t unweighed = 0;
    for (size_t i = 0; i < n_weights; i++)
        rest -= weights[i].weight;
    for (size_t i = 0; i < n; i++)
        unweighed += !weight_of(groups[i].name, weights, n_weights);
    for (size_t i = 0; i < n; i++) {
        const struct judge_weight *w = weight_of(groups[i].name, weights, n_weights);
        double weight = w ? w->weight : rest / (double)unweighed;
        score += (groups[i].no_data ? 100 : groups[i].score) * (weight / 100);
    }
    return floor(score * 100 + 0.5) / 100;
}

// Why everything has failed whatever the groups say, or NULL.
static const char *verdict(const struct judge_rule *rules, const struct judge_result *results,
                           size_t n, struct arena *a)
{
    size_t nodata = 0, counted = 0;
    for (size_t i = 0; i < n; i++) {
        if (rules[i].muted)
            continue;
        counted++;
        nodata += results[i].label == JUDGE_NODATA;
        if (results[i].critical && results[i].label != JUDGE_PASS)
            return arena_printf(a, "the critical metric '%s' is judged %s", rules[i].name,
                                judge_label_name(results[i].label));
    }
    if (counted && 100 * nodata >= TOO_MANY_WITHOUT_DATA * counted)
        return arena_printf(a, "%zu of %zu metrics have no data", nodata, counted);
    return NULL;
}

void judge_score(const struct judge_rule *rules, const struct judge_result *results, size_t n,
                 const struct judge_weight *weights, size_t n_weights, struct arena *a,
                 struct judge_score *ret)
{
    size_t most = 0, n_groups = 0;
    for (size_t i = 0; i < n; i++)
        for (const char *const *g = rules[i].groups; g && *g; g++)
            most++;
    struct judge_group *groups = arena_array(a, struct judge_group, most + 1);
    for (size_t i = 0; i < n; i++)
        for (const char *const *g = rules[i].groups; g && *g && !rules[i].muted; g++)
            group_at(groups, &n_groups, *g);
    for (size_t i = 0; i < n_groups; i++)
        score_group(&groups[i], rules, results, n);
    ret->groups = groups;
    ret->n_groups = n_groups;
    ret->reason = verdict(rules, results, n, a);
    ret->score = ret->reason ? 0 : weighed(groups, n_groups, weights, n_weights);
}
