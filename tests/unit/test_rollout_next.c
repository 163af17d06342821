// What the events of a rollout add up to and what is to be done next, by table: events in, step
// out. Times are in seconds.
#include "core/buf.h"
#include "rollout/next.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000

// --- the service
// ----------------------------------------------------------------------------------------------

static const struct gate gates[] = {{.name = "healthy", .kind = GATE_HTTP},
                                    {.name = "bake", .kind = GATE_BAKE}};

static const struct ring rings[] = {
    {.name = "canary",
     .batch = {true, false, 1},
     .after = gates,
     .n_after = 1,
     .after_timing = {.delay = 5, .every = 10, .timeout = 60},
     .deadline = 300},
    {.name = "early",
     .batch = {true, true, 50},
     .max_failures = {true, false, 1},
     .pause = 30,
     .before = gates,
     .n_before = 1,
     .before_timing = {.every = 10, .timeout = 60}},
    {.name = "all", .after = gates, .n_after = 2, .after_timing = {.every = 10, .timeout = 60}},
};

static struct service service(enum on_failure on_failure)
{
    return (struct service){.name = "shop",
                            .rings = rings,
                            .n_rings = sizeof rings / sizeof *rings,
                            .on_failure = on_failure};
}

// --- events from text: "SECONDS TYPE [RING] KEY=VALUE.." ; lists are a,b
// ---------------------------------------------------------------

static void set(struct arena *a, struct ledger_event *ev, struct dict *body, const char *key,
                const char *text)
{
    if (strcmp(key, "run") == 0) {
        ev->run = text;
    } else if (strcmp(key, "outcome") == 0) {
        ev->outcome = text;
    } else if (strcmp(key, "batch") == 0 || strcmp(key, "of") == 0) {
        dict_set(body, key, value_int(atoi(text)));
    } else if (strcmp(key, "hosts") == 0 || strcmp(key, "failed") == 0) {
        struct value l = value_list(a);
        char *copy = arena_strdup(a, text), *save;
        for (char *one = strtok_r(copy, ",", &save); one; one = strtok_r(NULL, ",", &save))
            list_add(l.u.list, value_str(a, one));
        dict_set(body, key, l);
    } else if (strcmp(key, "ok") == 0) {
        struct value l = value_list(a), one = value_dict(a);
        dict_set(one.u.dict, "gate", value_cstr("healthy"));
        dict_set(one.u.dict, "ok", value_bool(strcmp(text, "yes") == 0));
        dict_set(one.u.dict, "detail", value_cstr("503"));
        list_add(l.u.list, one);
        dict_set(body, "results", l);
    } else {
        dict_set(body, key, value_cstr(text));
    }
}

static void start_body(struct arena *a, struct dict *body)
{
    static const char *const names[] = {"canary", "early", "all"};
    static const char *const hosts[3][5] = {
        {"c1", "c2"}, {"e1", "e2", "e3", "e4"}, {"a1", "a2", "a3"}};
    struct value list = value_list(a), all = value_dict(a);
    for (size_t i = 0; i < 3; i++) {
        struct value mine = value_list(a);
        for (size_t k = 0; hosts[i][k]; k++)
            list_add(mine.u.list, value_cstr(hosts[i][k]));
        list_add(list.u.list, value_cstr(names[i]));
        dict_set(all.u.dict, names[i], mine);
    }
    dict_set(body, "rings", list);
    dict_set(body, "hosts", all);
    dict_set(body, "previous", value_cstr("1.0"));
}

static void add_events(struct rollout_state *s, const char *text)
{
    char *copy = arena_strdup(s->arena, text), *save;
    int64_t seq = 0;
    for (char *line = strtok_r(copy, ";", &save); line; line = strtok_r(NULL, ";", &save)) {
        char *inner, *word = strtok_r(line, " \n", &inner);
        struct value body = value_dict(s->arena);
        struct ledger_event ev = {.seq = seq++,
                                  .service = "shop",
                                  .release = "2.0",
                                  .rollout = "d-1",
                                  .actor = "ann",
                                  .body = body.u.dict};
        if (!word)
            continue;
        ev.time = (int64_t)atoi(word) * SECOND;
        ev.type = strtok_r(NULL, " \n", &inner);
        assert_non_null(ev.type);
        if (strcmp(ev.type, "rollout.started") == 0)
            start_body(s->arena, body.u.dict);
        while ((word = strtok_r(NULL, " \n", &inner))) {
            char *eq = strchr(word, '=');
            if (eq) {
                *eq = '\0';
                set(s->arena, &ev, body.u.dict, word, eq + 1);
            } else {
                ev.ring = word;
            }
        }
        rollout_state_add(s, &ev);
    }
}

// --- a step as text
// ----------------------------------------------------------------------------------------------

static void step_text(const struct step *st, char *out, size_t n)
{
    static const char *const kinds[] = {"wait",  "request", "gates", "gates-late", "ring-start",
                                        "batch", "check",   "pass",  "fail",       "hold",
                                        "undo",  "undone",  "end",   "none"};
    static const char *const waits[] = {"cord",     "paused", "held", "calendar",
                                        "approval", "pause",  "gates"};
    struct buf b = BUF_INIT;
    buf_adds(&b, kinds[st->kind]);
    if (st->kind == STEP_WAIT)
        buf_addf(&b, " %s", waits[st->wait]);
    if (st->ring)
        buf_addf(&b, " %s", st->ring->name);
    if (st->kind == STEP_BATCH || st->kind == STEP_BATCH_CHECK)
        buf_addf(&b, " %u/%u %zu+%zu", st->batch, st->of, st->from, st->n);
    if (st->kind == STEP_UNDO)
        buf_addf(&b, " %s%s", st->action == BATCH_UNDO ? "" : "redeploy ", st->run->run);
    if (st->outcome)
        buf_addf(&b, " %s", st->outcome);
    if (st->kind == STEP_RING_FAIL)
        buf_addf(&b, " (%s)", st->reason ? st->reason : st->gate);
    if (st->kind == STEP_WAIT && st->until)
        buf_addf(&b, " until %lld", (long long)(st->until / SECOND));
    snprintf(out, n, "%s", buf_str(&b));
    buf_release(&b);
}

// --- the table
// ----------------------------------------------------------------------------------------------

enum { UNDO = FAIL_UNDO, REDEPLOY = FAIL_REDEPLOY, HOLD = FAIL_HOLD };
enum { NOTHING, CORD = 1, CLOSED = 2, UNAPPROVED = 4 };

#define BEGUN "10 rollout.started; "
#define CANARY_IN                                                                                  \
    BEGUN "10 ring.started canary; 11 batch.started canary run=r1 batch=1 of=2 hosts=c1; "
#define CANARY_ONE CANARY_IN "20 batch.finished canary run=r1 outcome=ok failed=; "
#define CANARY_BOTH                                                                                \
    CANARY_ONE "21 batch.started canary run=r2 batch=2 of=2 hosts=c2; "                            \
               "30 batch.finished canary run=r2 outcome=ok failed=; "
#define CANARY_PASSED                                                                              \
    CANARY_BOTH "35 gate.sample canary when=after ok=yes; 35 gate.passed canary when=after; "      \
                "36 ring.passed canary; "
#define EARLY_ONE                                                                                  \
    CANARY_PASSED "37 gate.sample early when=before ok=yes; 37 gate.passed early when=before; "    \
                  "37 ring.started early; 38 batch.started early run=r3 batch=1 of=2 "             \
                  "hosts=e1,e2; 40 batch.finished early run=r3 outcome=ok failed=; "
#define EARLY_HURT                                                                                 \
    EARLY_ONE "71 batch.started early run=r4 batch=2 of=2 hosts=e3,e4; "                           \
              "80 batch.finished early run=r4 outcome=failed failed=e3,e4; "
#define EARLY_FAILED EARLY_HURT "80 ring.failed early reason=hurt; "

static const struct {
    const char *events;
    int now, on_failure, conditions;
    const char *expected;
} table[] = {
    // the way through
    {"", 0, UNDO, NOTHING, "none"},
    {BEGUN, 10, UNDO, NOTHING, "ring-start canary"},
    {BEGUN "10 ring.started canary; ", 10, UNDO, NOTHING, "batch canary 1/2 0+1"},
    {CANARY_ONE, 21, UNDO, NOTHING, "batch canary 2/2 1+1"},
    {CANARY_BOTH, 31, UNDO, NOTHING, "wait gates canary until 35"},
    {CANARY_BOTH, 35, UNDO, NOTHING, "gates canary"},
    {CANARY_BOTH "35 gate.sample canary when=after ok=yes; 35 gate.passed canary when=after; ", 36,
     UNDO, NOTHING, "pass canary"},
    {CANARY_PASSED, 36, UNDO, NOTHING, "gates early"},
    {EARLY_ONE, 41, UNDO, NOTHING, "wait pause early until 70"},
    {EARLY_ONE, 70, UNDO, NOTHING, "batch early 2/2 2+2"},
    {EARLY_ONE "41 rollout.promoted early what=pause; ", 42, UNDO, NOTHING, "batch early 2/2 2+2"},
    {EARLY_ONE "71 ring.passed early; 72 ring.passed all; ", 73, UNDO, NOTHING, "end done"},
    {EARLY_ONE "71 rollout.finished outcome=stopped; ", 73, UNDO, NOTHING, "none"},
    // a batch that was cut short goes first, whatever came since
    {CANARY_IN, 15, UNDO, NOTHING, "check canary 1/2 0+1"},
    {CANARY_IN, 15, UNDO, CORD, "check canary 1/2 0+1"},
    {CANARY_IN "12 rollout.paused; ", 15, UNDO, CLOSED, "check canary 1/2 0+1"},
    {CANARY_IN "15 batch.started canary run=r9 batch=1 of=2 hosts=c1; "
               "16 batch.finished canary run=r9 outcome=ok failed=; ",
     20, UNDO, NOTHING, "batch canary 2/2 1+1"},
    // what is in the way
    {BEGUN, 10, UNDO, CORD, "wait cord canary"},
    {CANARY_ONE, 20, UNDO, CORD, "wait cord canary until 310"},
    {CANARY_ONE, 20, UNDO, CLOSED, "wait calendar canary until 310"},
    {CANARY_ONE "20 rollout.promoted canary what=calendar; ", 20, UNDO, CLOSED,
     "batch canary 2/2 1+1"},
    {CANARY_ONE "20 rollout.paused; ", 20, UNDO, NOTHING, "wait paused canary until 310"},
    {CANARY_ONE "20 rollout.paused; 21 rollout.resumed; ", 21, UNDO, NOTHING,
     "batch canary 2/2 1+1"},
    {BEGUN, 10, UNDO, UNAPPROVED, "request canary"},
    {BEGUN "10 approval.requested canary; ", 10, UNDO, UNAPPROVED, "wait approval canary"},
    {BEGUN "10 approval.requested canary; ", 10, UNDO, NOTHING, "ring-start canary"},
    {BEGUN "10 approval.requested canary; ", 10, UNDO, UNAPPROVED | CORD, "wait cord canary"},
    // deadlines fire, whatever is waited for
    {CANARY_ONE, 310, UNDO, CORD, "fail canary (not done within its deadline of 300 s)"},
    {CANARY_ONE "20 rollout.paused; ", 400, UNDO, NOTHING,
     "fail canary (not done within its deadline of 300 s)"},
    {CANARY_IN, 310, UNDO, NOTHING, "fail canary (not done within its deadline of 300 s)"},
    // gates
    {CANARY_BOTH "35 gate.sample canary when=after ok=no; ", 36, UNDO, NOTHING,
     "wait gates canary until 45"},
    {CANARY_BOTH "35 gate.sample canary when=after ok=no; ", 45, UNDO, NOTHING, "gates canary"},
    {CANARY_BOTH "35 gate.sample canary when=after ok=no; 89 gate.sample canary when=after ok=no; ",
     92, UNDO, NOTHING, "gates-late canary"},
    {CANARY_BOTH "35 gate.sample canary when=after ok=no; ", 200, UNDO, NOTHING,
     "gates-late canary"},
    {CANARY_BOTH "90 gate.failed canary when=after gate=healthy reason=503; ", 90, UNDO, NOTHING,
     "fail canary (503)"},
    {CANARY_BOTH "31 rollout.promoted canary what=after; ", 31, UNDO, NOTHING, "pass canary"},
    // a failure: the ring that hurts first, the newest run first, then what it went through
    {CANARY_IN "20 batch.finished canary run=r1 outcome=failed failed=c1; ", 20, UNDO, NOTHING,
     "fail canary (1 of 2 hosts failed)"},
    {EARLY_HURT, 80, UNDO, NOTHING, "fail early (2 of 4 hosts failed, 1 may)"},
    {EARLY_ONE "71 batch.started early run=r4 batch=2 of=2 hosts=e3,e4; "
               "80 batch.finished early run=r4 outcome=failed failed=e3; ",
     80, UNDO, NOTHING, "pass early"},
    {EARLY_FAILED, 80, UNDO, CORD | CLOSED, "undo early r4"},
    {EARLY_FAILED "80 rollout.paused; ", 80, UNDO, NOTHING, "undo early r4"},
    {EARLY_FAILED "81 batch.started early run=u1 action=undo undoes=r4 hosts=e3,e4; ", 82, UNDO,
     NOTHING, "undo early r4"},
#define PUT_BACK(n, run, of, left)                                                                 \
    "81 batch.started " of " run=" n " action=undo undoes=" run " hosts=x; "                       \
    "82 batch.finished " of " run=" n " action=undo outcome=ok failed=" left "; "
    {EARLY_FAILED PUT_BACK("u1", "r4", "early", ""), 83, UNDO, NOTHING, "undo early r3"},
    {EARLY_FAILED PUT_BACK("u1", "r4", "early", "") PUT_BACK("u2", "r3", "early", ""), 83, UNDO,
     NOTHING, "undone early"},
    {EARLY_FAILED PUT_BACK("u1", "r4", "early", "")
         PUT_BACK("u2", "r3", "early", "") "83 ring.undone early; ",
     83, UNDO, NOTHING, "undo canary r2"},
    {EARLY_FAILED PUT_BACK("u1", "r4", "early", "") PUT_BACK(
         "u2", "r3", "early", "") "83 ring.undone early; " PUT_BACK("u3", "r2", "canary", "")
         PUT_BACK("u4", "r1", "canary", "") "83 ring.undone canary; ",
     83, UNDO, NOTHING, "end early undone"},
    {EARLY_FAILED PUT_BACK("u1", "r4", "early", "e3") PUT_BACK(
         "u2", "r3", "early", "") "83 ring.undone early; " PUT_BACK("u3", "r2", "canary", "")
         PUT_BACK("u4", "r1", "canary", "") "83 ring.undone canary; ",
     83, UNDO, NOTHING, "end early partly"},
    // a batch that ran twice is put back twice, the newest first
    {CANARY_IN "15 batch.started canary run=r9 batch=1 of=2 hosts=c1; "
               "16 batch.finished canary run=r9 outcome=failed failed=c1; "
               "16 ring.failed canary reason=x; ",
     20, UNDO, NOTHING, "undo canary r9"},
    {CANARY_IN "15 batch.started canary run=r9 batch=1 of=2 hosts=c1; "
               "16 batch.finished canary run=r9 outcome=failed failed=c1; "
               "16 ring.failed canary reason=x; " PUT_BACK("u1", "r9", "canary", ""),
     20, UNDO, NOTHING, "undo canary r1"},
    // the previous release
    {EARLY_FAILED, 80, REDEPLOY, NOTHING, "undo early redeploy r4"},
    {EARLY_FAILED "81 batch.started early run=p1 action=redeploy batch=2 of=2 hosts=e3,e4; "
                  "82 batch.finished early run=p1 outcome=ok failed=; ",
     83, REDEPLOY, NOTHING, "undo early redeploy r3"},
    // holding
    {EARLY_FAILED, 80, HOLD, NOTHING, "hold early"},
    {EARLY_FAILED "80 rollout.held reason=hurt; ", 80, HOLD, NOTHING, "wait held early"},
    {EARLY_FAILED "80 rollout.held reason=hurt; 90 rollout.resumed; ", 200, HOLD, NOTHING,
     "batch early 2/2 2+2"},
    {EARLY_FAILED "80 rollout.held reason=hurt; 90 rollout.promoted early what=failed; ", 200, HOLD,
     NOTHING, "pass early"},
    {CANARY_PASSED "37 gate.failed early when=before reason=red; 37 ring.failed early reason=red; ",
     40, UNDO, NOTHING, "hold early"},
    // a rollback waits for nothing and is not put back itself
    {"10 rollout.started kind=rollback; 10 ring.passed canary; ", 11, UNDO, NOTHING,
     "ring-start early"},
    {"10 rollout.started kind=rollback; 10 ring.started canary; "
     "11 batch.started canary run=r1 batch=1 of=2 hosts=c1; "
     "12 batch.finished canary run=r1 outcome=failed failed=c1; 13 ring.failed canary reason=x; ",
     13, UNDO, NOTHING, "hold canary"},
};

static void test_table(void **state)
{
    (void)state;
    size_t bad = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct arena *a = arena_new();
        struct rollout_state s;
        struct service svc = service((enum on_failure)table[i].on_failure);
        struct cord cord = {.pulled = true, .reason = "smoke"};
        struct conditions c = {.cord = table[i].conditions & CORD ? &cord : NULL,
                               .closed = table[i].conditions & CLOSED,
                               .unapproved = table[i].conditions & UNAPPROVED,
                               .ask = true};
        char got[256];
        rollout_state_init(&s, a);
        add_events(&s, table[i].events);
        struct step st = rollout_next(&s, &svc, (int64_t)table[i].now * SECOND, &c);
        step_text(&st, got, sizeof got);
        if (strcmp(got, table[i].expected) != 0) {
            printf("row %zu: got '%s', expected '%s'\n  %s\n", i, got, table[i].expected,
                   table[i].events);
            bad++;
        }
        arena_free(a);
    }
    assert_int_equal(bad, 0);
}

// Events of another rollout, and those behind the end, mean nothing.
static void test_foreign(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct rollout_state s;
    rollout_state_init(&s, a);
    add_events(&s, CANARY_ONE "30 rollout.finished outcome=stopped reason=enough; "
                              "31 ring.started early; ");
    assert_true(s.finished);
    assert_string_equal(s.outcome, "stopped");
    assert_int_equal(s.rings[1].stage, RING_WAITING);
    assert_int_equal(rollout_state_failures(&s, &s.rings[0]), 0);
    struct ledger_event other = {.type = "ring.started", .rollout = "d-2", .ring = "all"};
    rollout_state_init(&s, a);
    add_events(&s, BEGUN);
    rollout_state_add(&s, &other);
    assert_int_equal(s.rings[2].stage, RING_WAITING);
    arena_free(a);
}

// --- the cord
// -----------------------------------------------------------------------------------------------

static const struct {
    const char *type, *service, *rollout;
    bool deploy, rollback; // stopped afterwards
} pulls[] = {
    {"cord.released", "shop", NULL, false, false},
    {"cord.pulled", "other", NULL, false, false},
    {"cord.pulled", "shop", "d-1", true, false},
    {"cord.released", "shop", NULL, false, false},
    {"cord.pulled", "shop", NULL, true, true},
    {"cord.pulled", NULL, NULL, true, true},
    {"cord.released", "shop", NULL, true, true},
    {"cord.released", NULL, NULL, false, false},
    {"cord.pulled", "shop", NULL, true, true},
    {"cord.pulled", "shop", "d-1", true, true}, // a person pulled it first
};

static void test_cord(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct cords c;
    cords_init(&c, a, "shop");
    for (size_t i = 0; i < sizeof pulls / sizeof *pulls; i++) {
        struct ledger_event ev = {.type = pulls[i].type,
                                  .service = pulls[i].service,
                                  .rollout = pulls[i].rollout,
                                  .actor = "ann"};
        cords_add(&c, &ev);
        assert_int_equal(cords_pulled(&c, false) != NULL, pulls[i].deploy);
        assert_int_equal(cords_pulled(&c, true) != NULL, pulls[i].rollback);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_cord),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
