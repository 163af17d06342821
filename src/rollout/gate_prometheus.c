// The Prometheus gate: every sample a query answers with lies between two thresholds.
#include "rollout/prometheus.h"

#include <math.h>
#include <string.h>

static int prometheus_start(struct question *q, struct err *e)
{
    const struct gate *g = q->gate;
    struct request r;
    const char *query;
    if (!g->url)
        return err_set(e, ERR_INVALID, g->pos, "the gate does not say the url of its Prometheus");
    int err = ask_expand(q, NULL, g->text, &query, e);
    if (err < 0)
        return err;
    query = prometheus_hosts(q->a, query, q->env->hosts);
    err = prometheus_request(q, g->url, g->method, query, 0, (double)q->env->now / 1e6, 0, &r, e);
    if (err == 0)
        ask_request(q, &r);
    return err;
}

static bool within(const struct gate *g, double v)
{
    return !isnan(v) && (isnan(g->min) || v >= g->min) && (isnan(g->max) || v <= g->max);
}

static const char *wanted(const struct gate *g, struct arena *a)
{
    if (!isnan(g->min) && !isnan(g->max))
        return arena_printf(a, "wanted %.6g to %.6g", g->min, g->max);
    if (!isnan(g->min))
        return arena_printf(a, "wanted at least %.6g", g->min);
    return isnan(g->max) ? "wanted any number" : arena_printf(a, "wanted at most %.6g", g->max);
}

// How far a value lies outside; for the worst of many.
static double distance(const struct gate *g, double v)
{
    if (isnan(v))
        return INFINITY;
    double under = isnan(g->min) ? -INFINITY : g->min - v,
           over = isnan(g->max) ? -INFINITY : v - g->max;
    return fmax(under, over);
}

static void judge(struct question *q, const struct prometheus_answer *answer)
{
    const struct gate *g = q->gate;
    const struct prometheus_series *worst = &answer->series[0];
    double low = NAN, high = NAN;
    size_t bad = 0;
    for (size_t k = 0; k < answer->n; k++) {
        const struct prometheus_series *s = &answer->series[k];
        bad += !within(g, s->values[0]);
        low = fmin(low, s->values[0]); // fmin and fmax pass over NaN
        high = fmax(high, s->values[0]);
        if (distance(g, s->values[0]) > distance(g, worst->values[0]))
            worst = s;
    }
    struct value values = value_dict(q->a);
    dict_set(values.u.dict, "samples", value_int((int64_t)answer->n));
    if (!isnan(low)) {
        dict_set(values.u.dict, "min", isinf(low) ? value_null() : value_float(low));
        dict_set(values.u.dict, "max", isinf(high) ? value_null() : value_float(high));
    }
    const char *others =
        bad > 1 ? arena_printf(q->a, " (and %zu more of %zu)", bad - 1, answer->n) : "";
    if (bad)
        ask_answer(q, GATE_RED, &values, "%g%s%s, %s%s", worst->values[0],
                   *worst->labels ? " of " : "", worst->labels, wanted(g, q->a), others);
    else
        ask_answer(q, GATE_GREEN, &values, "%g%s, %s", worst->values[0],
                   answer->n > 1 ? arena_printf(q->a, " is the worst of %zu", answer->n) : "",
                   wanted(g, q->a));
}

static void prometheus_finish(struct question *q)
{
    const struct item *i = q->first;
    struct prometheus_answer answer = {0};
    struct err e = ERR_INIT;
    struct value values = value_dict(q->a);
    if (prometheus_read(i, q->a, &answer, &e) < 0) {
        ask_answer(q, GATE_UNKNOWN, NULL, "%s: %s", ask_url(q->a, i->request->url), err_msg(&e));
        err_release(&e);
        return;
    }
    dict_set(values.u.dict, "samples", value_int((int64_t)answer.n));
    if (answer.ranges)
        ask_answer(q, GATE_UNKNOWN, NULL, "the query answers with ranges, not with numbers");
    else if (answer.n == 0)
        ask_answer(q, q->gate->empty_ok ? GATE_GREEN : GATE_RED, &values,
                   "the query finds no sample%s", q->gate->empty_ok ? ", which is fine" : "");
    else
        judge(q, &answer);
}

const struct gate_ops gate_prometheus_ops = {prometheus_start, prometheus_finish};
