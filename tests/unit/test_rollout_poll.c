// What a series of samples means: tables of times and samples, with clocks that jump and
// controllers that sleep.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "rollout/gate.h"

#include <stdio.h>
#include <string.h>

#define START INT64_C(1700000000000000)
#define MAX_STEPS 12

// One step: at so many seconds a sample is complete (g green, r red), or only the time is looked at
// (-). Then the verdict: p(ending), P(assed), F(ailed); and when the next sample is due, in
// seconds.
struct step {
    double at;
    char sample, verdict;
    double next;
};

static const struct {
    const char *name;
    struct gate_timing timing; // delay, every, green_for, timeout
    struct step steps[MAX_STEPS];
} series[] = {
    {"green at once", {0, 15, 0, 900}, {{0, 'g', 'P', 15}}},
    {"first sample after the delay", {300, 15, 0, 900}, {{0, '-', 'p', 300}, {300, 'g', 'P', 315}}},
    {"red, then green",
     {0, 15, 0, 900},
     {{0, 'r', 'p', 15}, {15, 'r', 'p', 30}, {30, 'g', 'P', 45}}},
    {"green long enough",
     {0, 60, 120, 900},
     {{0, 'g', 'p', 60}, {60, 'g', 'p', 120}, {120, 'g', 'P', 180}}},
    {"a red sample begins the green time anew",
     {0, 60, 120, 900},
     {{0, 'g', 'p', 60},
      {60, 'g', 'p', 120},
      {119, 'r', 'p', 179},
      {179, 'g', 'p', 239},
      {239, 'g', 'p', 299},
      {299, 'g', 'P', 359}}},
    {"the timeout fires without a sample",
     {0, 15, 0, 60},
     {{0, 'r', 'p', 15}, {59.9, '-', 'p', 15}, {60, '-', 'F', 15}}},
    {"never green", {0, 30, 0, 60}, {{0, 'r', 'p', 30}, {30, 'r', 'p', 60}, {60, 'r', 'F', 60}}},
    {"green with the last sample", {0, 30, 0, 60}, {{0, 'r', 'p', 30}, {60, 'g', 'P', 60}}},
    {"a sample that comes too late", {0, 30, 0, 60}, {{0, 'r', 'p', 30}, {60.5, 'g', 'F', 60}}},
    {"green, but not long enough before the timeout",
     {0, 20, 60, 70},
     {{0, 'r', 'p', 20},
      {20, 'g', 'p', 40},
      {40, 'g', 'p', 60},
      {60, 'g', 'p', 70},
      {70, 'g', 'F', 70}}},
    {"the next sample is not later than the timeout",
     {0, 40, 0, 60},
     {{0, 'r', 'p', 40}, {40, 'r', 'p', 60}}},
    {"a delay longer than the timeout", {120, 15, 0, 60}, {{0, '-', 'p', 60}, {60, '-', 'F', 60}}},
    {"slow samples keep their green time",
     {0, 15, 60, 900},
     {{25, 'g', 'p', 40}, {55, 'g', 'p', 70}, {85, 'g', 'P', 100}}},
    {"a verdict stays",
     {0, 15, 0, 60},
     {{0, 'g', 'P', 15}, {15, 'r', 'P', 15}, {100, '-', 'P', 15}}},
    {"a failure stays", {0, 15, 0, 60}, {{61, '-', 'F', 0}, {62, 'g', 'F', 0}}},
    // The controller sleeps.
    {"asleep over the deadline, then green",
     {0, 15, 0, 900},
     {{0, 'r', 'p', 15}, {7200, 'g', 'F', 900}}},
    {"asleep over the deadline, then looked at",
     {0, 15, 0, 900},
     {{0, 'r', 'p', 15}, {7200, '-', 'F', 15}}},
    {"asleep: nobody saw that it stayed green",
     {0, 15, 300, 3600},
     {{0, 'g', 'p', 15},
      {15, 'g', 'p', 30},
      {1000, 'g', 'p', 1015},
      {1015, 'g', 'p', 1030},
      {1060, 'g', 'p', 1075},
      {1120, 'g', 'p', 1135},
      {1180, 'g', 'p', 1195},
      {1240, 'g', 'p', 1255},
      {1300, 'g', 'P', 1315}}},
    // The clock is set.
    {"set back an hour: the deadline still comes after 60 s",
     {0, 15, 0, 60},
     {{0, 'r', 'p', 15},
      {30, 'r', 'p', 45},
      {-3570, 'r', 'p', -3555},
      {-3541, '-', 'p', -3555},
      {-3540, '-', 'F', -3555}}},
    {"set back an hour: green time counts on",
     {0, 15, 30, 900},
     {{0, 'g', 'p', 15}, {15, 'g', 'p', 30}, {-3585, 'g', 'p', -3570}, {-3570, 'g', 'P', -3555}}},
    {"set back before the first sample",
     {60, 15, 0, 900},
     {{10, '-', 'p', 60}, {-3590, '-', 'p', -3540}, {-3540, 'g', 'P', -3525}}},
    {"set forward over the deadline", {0, 15, 0, 900}, {{0, 'r', 'p', 15}, {86400, 'g', 'F', 900}}},
    {"an interval of nothing", {0, 0, 0, 900}, {{0, 'r', 'p', 0.01}, {0.01, 'g', 'P', 0.02}}},
};

static int64_t time_of(double seconds)
{
    return START + (int64_t)(seconds * 1e6 + (seconds < 0 ? -0.5 : 0.5));
}

static void tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        struct gate_poll p;
        gate_poll_init(&p, &series[i].timing, START);
        for (const struct step *s = series[i].steps; s->sample; s++) {
            enum gate_verdict v = s->sample == '-'
                                      ? gate_poll_check(&p, time_of(s->at))
                                      : gate_poll_add(&p, time_of(s->at), s->sample == 'g');
            const char verdict = "pPF"[v];
            bool due = v == GATES_PENDING && p.next != time_of(s->next);
            if (verdict != s->verdict || due || v != p.verdict)
                fail_msg("%s, at %g s: %c, next after %.6g s", series[i].name, s->at, verdict,
                         (double)(p.next - START) / 1e6);
        }
    }
}

// A thousand random series against the rules said again, slowly: the same verdict at the same step.
static void said_again(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 1000; round++) {
        struct gate_timing t = {round % 3 * 5, 10, round % 4 * 10, 100};
        struct gate_poll p;
        gate_poll_init(&p, &t, START);
        double now = t.delay, green = -1;
        enum gate_verdict v = GATES_PENDING;
        while (v == GATES_PENDING) {
            seed = seed * 1103515245u + 12345u;
            bool ok = (seed >> 16) % 3 != 0;
            enum gate_verdict want = GATES_PENDING;
            green = !ok ? -1 : green < 0 ? now : green;
            if (now > 100)
                want = GATES_FAILED;
            else if (green >= 0 && now - green >= t.green_for)
                want = GATES_PASSED;
            else if (now == 100)
                want = GATES_FAILED;
            v = gate_poll_add(&p, time_of(now), ok);
            assert_int_equal(v, want);
            now = (double)(p.next - START) / 1e6;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables), cmocka_unit_test(said_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
