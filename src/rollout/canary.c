// Reads the canary dict of a gate.
#include "rollout/canary.h"

#include "rollout/reader.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define DEFAULT_POINTS 50
#define DEFAULT_PLAN 200
#define MOST_POINTS 100000

// As it is written.
struct written {
    int points, plan;
    bool repeated;
    double step, warm_up, window, pass, marginal;
    const struct dict *groups;
};

struct written_metric {
    const char *name, *query, *command;
    const char *const *groups;
    int direction, effect, nan, outliers;
    bool critical, must_have_data, muted;
    double outlier_factor, allowed_decrease, allowed_increase, critical_decrease, critical_increase;
};

#define AT(field) .offset = offsetof(struct written, field)
static const struct key canary_keys[] = {
    {"groups", KEY_DICT, AT(groups), .help = "Weight of each group of metrics, of 100."},
    {"marginal", KEY_NUMBER, AT(marginal), .dflt = "75", .help = "The score called marginal."},
    {"metrics", KEY_OTHER, .flags = KEY_REQUIRED, .help = "What is compared."},
    {"pass", KEY_NUMBER, AT(pass), .dflt = "95", .help = "The score that passes."},
    {"plan", KEY_COUNT, AT(plan), .dflt = "200", .help = "Values per side it sees best at."},
    {"points", KEY_COUNT, AT(points), .dflt = "50", .help = "Values per side it needs."},
    {"repeated", KEY_BOOL, AT(repeated), .dflt = "true", .help = "Corrects for repeated looks."},
    {"step", KEY_SECONDS, AT(step), .dflt = "15s", .help = "Time between values."},
    {"warm_up", KEY_SECONDS, AT(warm_up), .dflt = "0", .help = "Not looked at after the run."},
    {"window", KEY_SECONDS, AT(window), .help = "How far it looks back at most."},
    {0},
};
#undef AT

#define AT(field) .offset = offsetof(struct written_metric, field)
static const struct key metric_keys[] = {
    {"allowed_decrease", KEY_NUMBER, AT(allowed_decrease), .help = "Effects above are no finding."},
    {"allowed_increase", KEY_NUMBER, AT(allowed_increase), .help = "Effects below are no finding."},
    {"command", KEY_TEXT, AT(command), .help = "Prints the values of both sides as JSON."},
    {"critical", KEY_BOOL, AT(critical), .help = "A finding fails everything."},
    {"critical_decrease", KEY_NUMBER, AT(critical_decrease), .help = "From this effect down."},
    {"critical_increase", KEY_NUMBER, AT(critical_increase), .help = "From this effect up."},
    {"direction", KEY_CHOICE, AT(direction), .choices = "either|increase|decrease",
     .help = "Which differences are findings."},
    {"effect", KEY_CHOICE, AT(effect), .choices = "mean_ratio|cles",
     .help = "Size of a difference."},
    {"groups", KEY_TEXTS, AT(groups), .help = "Groups it belongs to."},
    {"must_have_data", KEY_BOOL, AT(must_have_data), .help = "No data is a failure."},
    {"muted", KEY_BOOL, AT(muted), .help = "Shown, but does not count."},
    {"name", KEY_TEXT, AT(name), .flags = KEY_REQUIRED, .help = "Its name."},
    {"nan", KEY_CHOICE, AT(nan), .choices = "remove|replace",
     .help = "Missing values go, or are 0."},
    {"outlier_factor", KEY_NUMBER, AT(outlier_factor), .dflt = "3",
     .help = "Where outliers begin."},
    {"outliers", KEY_CHOICE, AT(outliers), .choices = "keep|remove",
     .help = "What happens to them."},
    {"query", KEY_TEXT, AT(query), .help = "PromQL with $hosts or {{ inventory_hostname }}."},
    {0},
};
#undef AT

// --- metrics

static void check_metric(struct reader *r, struct pos pos, const struct written_metric *w)
{
    const double *limits[] = {&w->allowed_decrease, &w->allowed_increase, &w->critical_decrease,
                              &w->critical_increase};
    for (size_t i = 0; i < 4; i++)
        if (*limits[i] < 0)
            reader_problem(r, pos, "an effect of '%s' is below 0", w->name);
    if (!(w->outlier_factor > 0))
        reader_problem(r, pos, "'outlier_factor' of '%s' is more than 0", w->name);
    if (!w->query == !w->command)
        reader_problem(r, pos, "the metric '%s' has either 'query' or 'command'", w->name);
    else if (w->query && !strstr(w->query, "{{") && !strstr(w->query, "$hosts"))
        reader_problem(r, pos,
                       "the query of '%s' says neither $hosts nor {{ inventory_hostname }}: ring "
                       "and baseline would be the same",
                       w->name);
}

static void or_default(double written, double *field)
{
    if (!isnan(written))
        *field = written;
}

static void read_metric(struct reader *r, const struct value *v, double plan,
                        struct canary_metric *m)
{
    static const char *const all[] = {"metrics", NULL};
    struct written_metric w = {.groups = all,
                               .outlier_factor = 3,
                               .allowed_decrease = NAN,
                               .allowed_increase = NAN,
                               .critical_decrease = NAN,
                               .critical_increase = NAN};
    m->pos = value_pos(v);
    if (!reader_mapping(r, v, metric_keys, &w, "a metric"))
        return;
    check_metric(r, m->pos, &w);
    struct judge_rule *rule = &m->rule;
    judge_rule_init(rule, w.name, (enum judge_effect)w.effect);
    m->query = w.query;
    m->command = w.command;
    rule->groups = w.groups;
    rule->direction = (enum judge_direction)w.direction;
    rule->nan_is_zero = w.nan == 1;
    rule->drop_outliers = w.outliers == 1;
    rule->outlier_factor = w.outlier_factor;
    rule->critical = w.critical;
    rule->required = w.must_have_data;
    rule->muted = w.muted;
    rule->plan = plan;
    or_default(w.allowed_decrease, &rule->allowed_decrease);
    or_default(w.allowed_increase, &rule->allowed_increase);
    or_default(w.critical_decrease, &rule->critical_decrease);
    or_default(w.critical_increase, &rule->critical_increase);
}

static void read_metrics(struct reader *r, const struct value *v, double plan, struct canary *c)
{
    if (v->type != VALUE_LIST || v->u.list->len == 0) {
        reader_problem(r, value_pos(v), "'metrics' is a list of metrics");
        return;
    }
    const struct list *l = v->u.list;
    struct canary_metric *m = arena_array(r->a, struct canary_metric, l->len);
    for (size_t i = 0; i < l->len; i++) {
        read_metric(r, &l->items[i], plan, &m[i]);
        for (size_t k = 0; k < i; k++)
            if (m[i].rule.name && m[k].rule.name && strcmp(m[i].rule.name, m[k].rule.name) == 0)
                reader_problem(r, m[i].pos, "two metrics are called '%s'", m[i].rule.name);
    }
    c->metrics = m;
    c->n_metrics = l->len;
}

// --- groups

static bool in_use(const struct canary *c, const char *group)
{
    for (size_t i = 0; i < c->n_metrics; i++)
        for (const char *const *g = c->metrics[i].rule.groups; g && *g; g++)
            if (strcmp(*g, group) == 0)
                return true;
    return false;
}

static void read_weights(struct reader *r, const struct dict *groups, struct canary *c)
{
    struct judge_weight *w = arena_array(r->a, struct judge_weight, groups->len + 1);
    double sum = 0;
    struct dict_entry *g;
    DICT_EACH(groups, g)
    {
        const char *name = value_to_cstr(r->a, &g->key);
        const struct value *v = &g->val;
        double weight = v->type == VALUE_INT     ? (double)v->u.i
                        : v->type == VALUE_FLOAT ? v->u.f
                                                 : -1;
        if (!(weight >= 0 && weight <= 100))
            reader_problem(r, value_pos(&g->key), "the weight of '%s' is a number from 0 to 100",
                           name);
        else if (!in_use(c, name))
            reader_problem(r, value_pos(&g->key), "no metric is in the group '%s'", name);
        sum += weight;
        w[c->n_weights++] = (struct judge_weight){name, weight};
    }
    if (sum > 100 + 1e-9)
        reader_problem(r, groups->len ? value_pos(&groups->entries[0].key) : POS_NONE,
                       "the weights of the groups make more than 100");
    c->weights = w;
}

// --- the whole

static void check_whole(struct reader *r, struct pos pos, const struct written *w)
{
    if (w->step < 0.1)
        reader_problem(r, pos, "'step' is at least 100ms");
    if (w->points < 2 || w->points > MOST_POINTS)
        reader_problem(r, pos, "'points' is from 2 to %d", MOST_POINTS);
    if (w->plan < 2)
        reader_problem(r, pos, "'plan' is at least 2");
    if (!(w->pass >= 0 && w->pass <= 100 && w->marginal >= 0 && w->marginal <= w->pass))
        reader_problem(r, pos, "'pass' is from 0 to 100, and 'marginal' is not above it");
    if (w->window > 0 && w->window < w->step * w->points)
        reader_problem(r, pos, "'window' is too short for %d points in steps of %g s", w->points,
                       w->step);
}

bool canary_read(const struct dict *d, struct arena *a,
                 void (*problem)(void *data, struct pos pos, const char *msg), void *data,
                 struct canary *ret)
{
    struct err first = ERR_INIT;
    struct reader r = {.a = a, .problem = problem, .data = data, .e = &first};
    struct written w = {.points = DEFAULT_POINTS,
                        .plan = DEFAULT_PLAN,
                        .repeated = true,
                        .step = 15,
                        .pass = 95,
                        .marginal = 75};
    struct value v = {.type = VALUE_DICT, .u.dict = (struct dict *)(uintptr_t)d};
    size_t i = dict_next(d, 0);
    if (i < d->used)
        value_set_pos(&v, value_pos(&d->entries[i].key));
    *ret = (struct canary){0};
    if (reader_mapping(&r, &v, canary_keys, &w, "a canary")) {
        check_whole(&r, value_pos(&v), &w);
        read_metrics(&r, dict_get(d, "metrics"), w.repeated ? w.plan : 0, ret);
        if (w.groups)
            read_weights(&r, w.groups, ret);
    }
    ret->step = w.step;
    ret->warm_up = w.warm_up;
    ret->window = w.window;
    ret->points = (size_t)w.points;
    ret->pass = w.pass;
    ret->marginal = w.marginal;
    err_release(&first);
    return r.problems == 0;
}

bool canary_check(const struct dict *d,
                  void (*problem)(void *data, struct pos pos, const char *msg), void *data)
{
    struct arena *a = arena_new();
    struct canary c;
    bool ok = canary_read(d, a, problem, data, &c);
    arena_free(a);
    return ok;
}

bool canary_queries(const struct dict *d)
{
    const struct list *l = dict_get(d, "metrics")->u.list;
    for (size_t i = 0; i < l->len; i++)
        if (dict_get(l->items[i].u.dict, "query"))
            return true;
    return false;
}
