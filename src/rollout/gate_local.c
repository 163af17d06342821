// Gates that ask nobody: time baked, calendar window, health of the ring's own run.
#include "rollout/gate_ask.h"

#include <math.h>
#include <string.h>
#include <time.h>

// "1 h 05 min", "3 min 20 s", "12 s".
static const char *span(struct arena *a, double seconds)
{
    long long s = llround(seconds);
    if (s >= 86400)
        return arena_printf(a, "%lld d %lld h", s / 86400, s % 86400 / 3600);
    if (s >= 3600)
        return arena_printf(a, "%lld h %02lld min", s / 3600, s % 3600 / 60);
    return s >= 60 ? arena_printf(a, "%lld min %02lld s", s / 60, s % 60)
                   : arena_printf(a, "%lld s", s);
}

static int bake_start(struct question *q, struct err *e)
{
    const struct gate_env *env = q->env;
    int64_t from = env->ring_finished ? env->ring_finished : env->ring_started;
    if (!from)
        return err_set(e, ERR_INVALID, q->gate->pos, "the ring has not started: nothing bakes yet");
    double baked = (double)(env->now - from) / 1e6;
    struct value values = value_dict(q->a);
    dict_set(values.u.dict, "seconds", value_float(baked));
    if (baked < 0)
        ask_answer(q, GATE_RED, &values, "the clock was set back: the ring ended %s from now",
                   span(q->a, -baked));
    else if (baked < q->gate->seconds)
        ask_answer(q, GATE_RED, &values, "baked for %s of %s", span(q->a, baked),
                   span(q->a, q->gate->seconds));
    else
        ask_answer(q, GATE_GREEN, &values, "baked for %s", span(q->a, baked));
    return 0;
}

static int window_start(struct question *q, struct err *e)
{
    (void)e;
    const char *why = NULL;
    int64_t next = 0;
    struct value values = value_dict(q->a);
    if (calendar_allows(&q->gate->calendar, q->env->now, q->a, &why, &next)) {
        ask_answer(q, GATE_GREEN, NULL, "the calendar allows it");
        return 0;
    }
    char when[64] = "";
    if (next) {
        time_t t = (time_t)(next / 1000000);
        struct tm tm;
        strftime(when, sizeof when, "; open again %Y-%m-%d %H:%M %Z", localtime_r(&t, &tm));
        dict_set(values.u.dict, "next", value_int(next));
    }
    ask_answer(q, GATE_RED, &values, "%s%s", why ? why : "the calendar does not allow it", when);
    return 0;
}

static int health_start(struct question *q, struct err *e)
{
    (void)e;
    size_t n = ask_hosts(q), failed = q->env->n_failed;
    size_t allowed = amount_of(q->gate->max_failed, n, 0);
    struct value values = value_dict(q->a);
    dict_set(values.u.dict, "hosts", value_int((int64_t)n));
    dict_set(values.u.dict, "failed", value_int((int64_t)failed));
    if (failed)
        ask_answer(q, failed <= allowed ? GATE_GREEN : GATE_RED, &values,
                   "%zu of %zu hosts failed in the run (%zu may)", failed, n, allowed);
    else
        ask_answer(q, GATE_GREEN, &values, "no host failed in the run");
    return 0;
}

// They answer when they are started.
static void nothing(struct question *q)
{
    (void)q;
}

const struct gate_ops gate_bake_ops = {bake_start, nothing};
const struct gate_ops gate_window_ops = {window_start, nothing};
const struct gate_ops gate_health_ops = {health_start, nothing};
