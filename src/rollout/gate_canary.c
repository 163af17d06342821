// The canary gate: asks for the values of each metric on the ring's hosts and on those of the
// baseline since the ring had the release, and has the judge compare them.
#include "core/json.h"
#include "rollout/canary.h"
#include "rollout/prometheus.h"

#include <math.h>
#include <string.h>
#include <sys/wait.h>

#define KEEP_JSON (8u << 20)
#define POINTS_MAX 200000  // of one metric and side
#define SERIES_STEPS 10000 // Prometheus answers with at most 11,000 values per series

enum side { RING, BASELINE };

struct look {
    struct canary c;
    double from, to, step; // seconds since 1970
};

// What an item asks for.
struct part {
    const struct canary_metric *metric;
    enum side side; // of a query
};

// Values that grow.
struct points {
    double *v;
    size_t n, cap;
};

// --- asking

static void first_problem(void *data, struct pos pos, const char *msg)
{
    err_set(data, ERR_INVALID, pos, "%s", msg);
}

static const char *const *hosts_of(const struct question *q, enum side side)
{
    return side == RING ? q->env->hosts : q->env->baseline_hosts;
}

static int ask_query(struct question *q, const struct canary_metric *m, enum side side,
                     const char *query, struct err *e)
{
    const struct look *look = q->data;
    struct request r;
    query = prometheus_hosts(q->a, query, hosts_of(q, side));
    int err = prometheus_request(q, q->gate->url, q->gate->method, query, look->from, look->to,
                                 look->step, &r, e);
    if (err < 0)
        return err;
    struct part *part = arena_new_of(q->a, struct part);
    *part = (struct part){m, side};
    ask_request(q, &r)->data = part;
    return 0;
}

// One query for all hosts of a side, or one for each.
static int ask_side(struct question *q, const struct canary_metric *m, enum side side,
                    struct err *e)
{
    const char *query;
    int err;
    if (!strstr(m->query, "{{"))
        return ask_query(q, m, side, m->query, e);
    for (const char *const *h = hosts_of(q, side); *h; h++)
        if ((err = ask_expand(q, *h, m->query, &query, e)) < 0 ||
            (err = ask_query(q, m, side, query, e)) < 0)
            return err;
    return 0;
}

static int ask_command(struct question *q, const struct canary_metric *m, struct err *e)
{
    const struct look *look = q->data;
    const char *const *common = ask_environment(q);
    const char **argv = arena_array(q->a, const char *, 4), *text;
    int err = ask_expand(q, NULL, m->command, &text, e);
    if (err < 0)
        return err;
    size_t n = 0;
    while (common[n])
        n++;
    const char **env = arena_array(q->a, const char *, n + 4);
    memcpy(env, common, n * sizeof *env);
    env[n++] = arena_printf(q->a, "ANDON_FROM=%.3f", look->from);
    env[n++] = arena_printf(q->a, "ANDON_TO=%.3f", look->to);
    env[n++] = arena_printf(q->a, "ANDON_STEP=%.3f", look->step);
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = text;
    struct part *part = arena_new_of(q->a, struct part);
    *part = (struct part){.metric = m};
    ask_process(
        q,
        &(struct process){
            .argv = argv, .env = env, .dir = ask_folder(q), .split = true, .keep = KEEP_JSON})
        ->data = part;
    return 0;
}

static int set_time(struct question *q, struct look *look, struct err *e)
{
    const struct gate_env *env = q->env;
    int64_t began = env->ring_finished ? env->ring_finished : env->ring_started;
    if (!began)
        return err_set(e, ERR_INVALID, q->gate->pos,
                       "the ring has not started: nothing to compare");
    look->from = (double)began / 1e6 + look->c.warm_up;
    look->to = (double)env->now / 1e6;
    if (look->c.window > 0)
        look->from = fmax(look->from, look->to - look->c.window);
    look->step = fmax(look->c.step, (look->to - look->from) / SERIES_STEPS);
    return 0;
}

static int canary_start(struct question *q, struct err *e)
{
    const struct gate *g = q->gate;
    struct look *look = q->data = arena_new_of(q->a, struct look);
    int err = 0;
    if (!g->canary || !canary_read(g->canary, q->a, first_problem, e, &look->c))
        return e->code ? e->code : err_set(e, ERR_INVALID, g->pos, "the gate has no canary");
    if (!q->env->baseline_hosts || !*q->env->baseline_hosts)
        return err_set(e, ERR_INVALID, g->pos, "there are no baseline hosts to compare with");
    if (ask_hosts(q) == 0)
        return err_set(e, ERR_INVALID, g->pos, "the ring has no hosts");
    if ((err = set_time(q, look, e)) < 0)
        return err;
    if (look->to - look->from < look->step) {
        ask_answer(q, GATE_UNKNOWN, NULL, "too early: nothing was measured yet");
        return 0;
    }
    for (size_t i = 0; i < look->c.n_metrics && err == 0; i++) {
        const struct canary_metric *m = &look->c.metrics[i];
        if (m->query && !g->url)
            return err_set(e, ERR_INVALID, m->pos,
                           "the gate does not say the url of its Prometheus");
        if (m->command)
            err = ask_command(q, m, e);
        else if ((err = ask_side(q, m, RING, e)) == 0)
            err = ask_side(q, m, BASELINE, e);
    }
    return err;
}

// --- answers become values

static void add_point(struct points *p, double v, struct arena *a)
{
    if (p->n >= POINTS_MAX)
        return;
    if (p->n == p->cap) {
        double *more = arena_array(a, double, 2 * p->cap + 64);
        if (p->n)
            memcpy(more, p->v, p->n * sizeof *more);
        p->v = more;
        p->cap = 2 * p->cap + 64;
    }
    p->v[p->n++] = v;
}

// Prometheus leaves out what it does not have; the judge is told of it.
static void add_missing(struct points *p, const struct look *look, size_t have, struct arena *a)
{
    size_t want = (size_t)((look->to - look->from) / look->step) + 1;
    for (; have < want; have++)
        add_point(p, NAN, a);
}

static int take_query(struct question *q, const struct item *i, struct points *into, struct err *e)
{
    struct prometheus_answer answer;
    int err = prometheus_read(i, q->a, &answer, e);
    if (err < 0)
        return err_wrap(e, "%s", ask_url(q->a, i->request->url));
    for (size_t s = 0; s < answer.n; s++) {
        for (size_t k = 0; k < answer.series[s].n; k++)
            add_point(into, answer.series[s].values[k], q->a);
        add_missing(into, q->data, answer.series[s].n, q->a);
    }
    if (answer.n == 0)
        add_missing(into, q->data, 0, q->a);
    return 0;
}

static bool take_list(const struct dict *d, const char *key, struct points *into, struct arena *a)
{
    const struct value *v = dict_get(d, key);
    if (!v || v->type != VALUE_LIST)
        return false;
    for (size_t i = 0; i < v->u.list->len; i++) {
        const struct value *x = &v->u.list->items[i];
        if (x->type == VALUE_INT)
            add_point(into, (double)x->u.i, a);
        else if (x->type == VALUE_FLOAT || x->type == VALUE_NULL)
            add_point(into, x->type == VALUE_NULL ? NAN : x->u.f, a);
        else
            return false;
    }
    return true;
}

static int take_command(struct question *q, const struct item *i, struct points sides[2],
                        struct err *e)
{
    const struct process *p = i->process;
    struct value v;
    bool ok = !i->error && !i->late && WIFEXITED(p->status) && WEXITSTATUS(p->status) == 0;
    if (!ok)
        return err_set(e, ERR_FAILED, POS_NONE, "%s: %s", ask_ending(q->a, i),
                       ask_last_lines(q->a, &p->errors));
    if (p->cut)
        return err_set(e, ERR_LIMIT, POS_NONE, "it prints more than %u MiB", KEEP_JSON >> 20);
    if (json_parse(q->a, buf_str(&p->output), p->output.len, &v, NULL) < 0 ||
        v.type != VALUE_DICT || !take_list(v.u.dict, "ring", &sides[RING], q->a) ||
        !take_list(v.u.dict, "baseline", &sides[BASELINE], q->a))
        return err_set(e, ERR_INVALID, POS_NONE,
                       "it does not print {\"ring\": [numbers], \"baseline\": [numbers]}, but '%s'",
                       ask_line(q->a, buf_str(&p->output), p->output.len, 60));
    return 0;
}

// All values of one metric.
static int take_metric(struct question *q, const struct canary_metric *m, struct points sides[2],
                       struct err *e)
{
    for (const struct item *i = q->first; i; i = i->next) {
        const struct part *part = i->data;
        if (part->metric != m)
            continue;
        int err =
            i->process ? take_command(q, i, sides, e) : take_query(q, i, &sides[part->side], e);
        if (err < 0)
            return err_wrap(e, "%s", m->rule.name);
    }
    return 0;
}

// --- the verdict

static struct value number_or_null(double v)
{
    return isfinite(v) ? value_float(v) : value_null();
}

static struct value side_values(const struct summary *s, struct arena *a)
{
    struct value v = value_dict(a);
    dict_set(v.u.dict, "n", value_int((int64_t)s->n));
    dict_set(v.u.dict, "mean", number_or_null(s->mean));
    dict_set(v.u.dict, "sd", number_or_null(s->sd));
    return v;
}

static struct value metric_values(const struct judge_rule *rule, const struct judge_result *r,
                                  struct arena *a)
{
    struct value v = value_dict(a);
    dict_set(v.u.dict, "name", value_cstr(rule->name));
    dict_set(v.u.dict, "label", value_cstr(judge_label_name(r->label)));
    dict_set(v.u.dict, "ratio", number_or_null(r->ratio));
    dict_set(v.u.dict, "effect", number_or_null(r->effect));
    dict_set(v.u.dict, "low", number_or_null(r->shift.low));
    dict_set(v.u.dict, "high", number_or_null(r->shift.high));
    dict_set(v.u.dict, "estimate", number_or_null(r->shift.estimate));
    dict_set(v.u.dict, "z", number_or_null(r->z));
    dict_set(v.u.dict, "ring", side_values(&r->ring, a));
    dict_set(v.u.dict, "baseline", side_values(&r->baseline, a));
    return v;
}

// Which metrics are not as the baseline, as text.
static const char *findings(struct question *q, const struct judge_rule *rules,
                            const struct judge_result *results, size_t n)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        if (results[i].label == JUDGE_PASS)
            continue;
        buf_addf(&b, "%s%s %s", b.len ? ", " : "", rules[i].name,
                 judge_label_name(results[i].label));
        if (results[i].label == JUDGE_HIGH || results[i].label == JUDGE_LOW)
            buf_addf(&b, " (mean %.4g, baseline %.4g)", results[i].ring.mean,
                     results[i].baseline.mean);
    }
    const char *s = b.len ? arena_strdup(q->a, buf_str(&b)) : "every metric is as on the baseline";
    buf_release(&b);
    return s;
}

static void answer_score(struct question *q, const struct judge_rule *rules,
                         const struct judge_result *results, size_t n)
{
    const struct canary *c = &((struct look *)q->data)->c;
    struct judge_score score;
    struct value values = value_dict(q->a), list = value_list(q->a);
    judge_score(rules, results, n, c->weights, c->n_weights, q->a, &score);
    for (size_t i = 0; i < n; i++) {
        list_add(list.u.list, metric_values(&rules[i], &results[i], q->a));
        // Found by a test that stays valid however often it looks: no later look takes it back.
        q->result->final |= !rules[i].muted && results[i].critical && rules[i].plan > 0 &&
                            (results[i].label == JUDGE_HIGH || results[i].label == JUDGE_LOW);
    }
    dict_set(values.u.dict, "score", value_float(score.score));
    dict_set(values.u.dict, "metrics", list);
    const char *what = findings(q, rules, results, n);
    if (score.score >= c->pass)
        ask_answer(q, GATE_GREEN, &values, "score %g of 100 (%g passes): %s", score.score, c->pass,
                   what);
    else
        ask_answer(q, GATE_RED, &values, "score %g of 100%s, wanted %g: %s%s%s", score.score,
                   score.score >= c->marginal ? " (marginal)" : "", c->pass,
                   score.reason ? score.reason : "", score.reason ? "; " : "", what);
}

// Whether there is too little to judge by; a side without any value is for the judge to say.
static bool too_few(const struct judge_result *r, size_t points)
{
    return (r->ring.n && r->ring.n < points) || (r->baseline.n && r->baseline.n < points);
}

static void canary_finish(struct question *q)
{
    const struct look *look = q->data;
    const struct canary *c = &look->c;
    struct judge_rule *rules = arena_array(q->a, struct judge_rule, c->n_metrics);
    struct judge_result *results = arena_array(q->a, struct judge_result, c->n_metrics);
    struct err e = ERR_INIT;
    for (size_t i = 0; i < c->n_metrics; i++) {
        struct points sides[2] = {0};
        if (take_metric(q, &c->metrics[i], sides, &e) < 0) {
            ask_answer(q, GATE_UNKNOWN, NULL, "%s", err_msg(&e));
            err_release(&e);
            return;
        }
        rules[i] = c->metrics[i].rule;
        results[i] = judge_metric(&rules[i], (struct sample){sides[RING].v, sides[RING].n},
                                  (struct sample){sides[BASELINE].v, sides[BASELINE].n});
        size_t few =
            results[i].ring.n < results[i].baseline.n ? results[i].ring.n : results[i].baseline.n;
        bool early = !results[i].ring.n && !results[i].baseline.n && c->metrics[i].query &&
                     sides[RING].n < c->points;
        if (!rules[i].muted && (early || too_few(&results[i], c->points))) {
            ask_answer(q, GATE_UNKNOWN, NULL, "too early: %s has %zu of %zu values", rules[i].name,
                       few, c->points);
            return;
        }
    }
    answer_score(q, rules, results, c->n_metrics);
}

const struct gate_ops gate_canary_ops = {canary_start, canary_finish};
