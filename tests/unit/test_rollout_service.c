// Service files: what is read, every mistake with its place and suggestion, and the examples of
// docs/SERVICE.md.
#include "core/file.h"
#include "rollout/service.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/andon-service-XXXXXX";

static const char *const folders[] = {"deploy", "inventory"};
static const char *const files[] = {"site.yml", "verify.yml", "hosts", "deploy/site.yml",
                                    "andon.yml"};

static void put(const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    char path[200];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        if (mkdir(path, 0700) < 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put(files[i], "- hosts: all\n");
    return 0;
}

static int tear_down(void **state)
{
    char path[200];
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        rmdir(path);
    }
    return rmdir(dir);
}

struct told {
    char text[8000];
    size_t n;
};

static void tell(void *data, struct pos pos, const char *msg)
{
    struct told *t = data;
    size_t len = strlen(t->text);
    snprintf(t->text + len, sizeof t->text - len, "%u:%u: %s\n", pos.line, pos.col, msg);
    t->n++;
}

static struct service *load(const char *text, struct told *t)
{
    char path[200];
    struct service *s = NULL;
    struct err e = ERR_INIT;
    *t = (struct told){{0}, 0};
    put("andon.yml", text);
    snprintf(path, sizeof path, "%s/andon.yml", dir);
    int rc = service_load(path, &s, tell, t, &e);
    if ((rc == 0) != (t->n == 0))
        fail_msg("answer %d with %zu problems: %s%s", rc, t->n, t->text, err_msg(&e));
    err_release(&e);
    return s;
}

static struct service *good(const char *text)
{
    struct told t;
    struct service *s = load(text, &t);
    if (!s)
        fail_msg("%s%s", t.text, text);
    return s;
}

#define TOP "service: shop\ndeploy: site.yml\n"
#define RINGS "rings:\n  - canary: web1\n  - rest: web\n"

static void test_simple(void **state)
{
    struct service *s = good(TOP RINGS);
    (void)state;
    assert_string_equal(s->name, "shop");
    assert_true(strncmp(s->playbook, dir, strlen(dir)) == 0);
    assert_int_equal(s->n_rings, 2);
    assert_string_equal(s->rings[0].name, "canary");
    assert_string_equal(s->rings[0].hosts, "web1");
    assert_false(s->rings[0].production);
    assert_true(s->rings[1].production);
    assert_false(s->rings[1].batch.set);
    assert_true(s->rings[1].max_failures.set);
    assert_int_equal(s->on_failure, FAIL_UNDO);
    assert_int_equal(s->on_busy, BUSY_REFUSE);
    assert_false(s->standard);
    assert_int_equal(s->keep, 5);
    assert_ptr_equal(service_ring(s, "rest"), &s->rings[1]);
    assert_null(service_ring(s, "nosuch"));
    service_free(s);
}

static void test_whole(void **state)
{
    struct service *s =
        good("service: shop\nowner: team-shop\ndescription: The shop\ndeploy: site.yml\n"
             "vars: {port: 80}\ninventory: [hosts, 'a,b,']\non_failure: hold\non_busy: wait\n"
             "change: standard\nrehearsed_within: 36h\nkeep: 3\nzone: Europe/Berlin\n"
             "windows: mon-fri 08:00-17:00\nfreezes:\n  - from: 2026-12-20\n    to: 2027-01-03\n"
             "    reason: Christmas\n"
             "every_ring:\n  batch: 25%\n  after:\n    - bake: 5m\n"
             "rings:\n  - canary:\n      hosts: web1\n      batch: 1\n      production: true\n"
             "  - name: rest\n    hosts: web:!web1\n    max_failures: 10%\n    pause: 30\n"
             "    approvals: 2\n    protected: true\n    deadline: 1h30m\n    windows: daily\n"
             "    freezes: 2026-11-27 to 2026-11-30\n"
             "    before:\n      - window: mon-thu 09:00-12:00 UTC\n"
             "    after:\n      gates:\n        - http: 'http://{{ inventory_hostname }}/health'\n"
             "          status: 200\n          latency: 500ms\n          body: ^ok\n"
             "          max_failed: 1\n          name: front\n"
             "        - prometheus: rate(errors[5m])\n          url: http://p:9090\n          max: "
             "0.01\n"
             "        - command: ./smoke.sh\n        - on_hosts: 'true'\n        - playbook: "
             "verify.yml\n"
             "        - health\n        - health: 5%\n      delay: 10s\n      every: 5\n"
             "      green_for: 2m\n      timeout: 20m\n");
    (void)state;
    const struct ring *canary = &s->rings[0], *rest = &s->rings[1];
    assert_true(s->standard && s->rehearsed_within == 36 * 3600.0);
    assert_string_equal(s->inventories[1], "a,b,");
    assert_true(canary->production && !rest->production);
    assert_true(!canary->batch.percent && canary->batch.n == 1);
    assert_true(rest->batch.percent && rest->batch.n == 25);
    assert_int_equal(canary->n_after, 1);
    assert_int_equal(canary->after[0].kind, GATE_BAKE);
    assert_string_equal(canary->after[0].name, "bake 5m");
    assert_true(canary->after_timing.timeout == 1200);
    assert_int_equal(canary->calendar.n_windows, 1);
    assert_int_equal(canary->calendar.n_freezes, 1);
    assert_string_equal(canary->calendar.freezes[0].reason, "Christmas");
    assert_int_equal(rest->calendar.n_freezes, 2);
    assert_string_equal(rest->calendar.windows[0].text, "daily");
    assert_true(rest->deadline == 5400 && rest->pause == 30 && rest->approvals == 2);
    assert_true(rest->protected);
    assert_int_equal(rest->n_before, 1);
    assert_int_equal(rest->before[0].kind, GATE_WINDOW);
    assert_int_equal(rest->n_after, 7);
    const struct gate *g = rest->after;
    assert_string_equal(g[0].name, "front");
    assert_true(g[0].status_min == 200 && g[0].status_max == 200 && g[0].max_seconds == 0.5);
    assert_true(isnan(g[1].min) && g[1].max == 0.01);
    assert_string_equal(g[2].name, "command ./smoke.sh");
    assert_true(g[2].timeout == 30 && g[2].tls_verify);
    assert_int_equal(g[5].kind, GATE_HEALTH);
    assert_true(g[5].max_failed.set && g[5].max_failed.n == 0);
    assert_true(g[6].max_failed.percent && g[6].max_failed.n == 5);
    assert_true(rest->after_timing.delay == 10 && rest->after_timing.every == 5);
    assert_true(rest->after_timing.green_for == 120 && rest->after_timing.timeout == 1200);
    service_free(s);
}

// What is wrong, and what is told of it: all of it, in order.
static const struct {
    const char *text, *told;
} mistakes[] = {
#include "data/service/mistakes.inc"
};

static void test_mistakes(void **state)
{
    int bad = 0;
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct told t;
        struct service *s = load(mistakes[i].text, &t);
        char wanted[4000], *at = wanted;
        // DIR stands for the folder
        for (const char *p = mistakes[i].told; *p;) {
            if (strncmp(p, "DIR", 3) == 0) {
                at = stpcpy(at, dir);
                p += 3;
            } else {
                *at++ = *p++;
            }
        }
        *at = '\0';
        if (s || strcmp(t.text, wanted) != 0) {
            print_error("--- of\n%s--- wanted\n%s--- told\n%s", mistakes[i].text, wanted, t.text);
            bad++;
        }
        service_free(s);
    }
    assert_int_equal(bad, 0);
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        double seconds; // <0: none
    } cases[] = {{"90", 90},     {"90s", 90},     {"15m", 900},   {"2h", 7200},   {"3d", 259200},
                 {"1w", 604800}, {"1h30m", 5400}, {"500ms", 0.5}, {"1.5h", 5400}, {"", -1},
                 {"m", -1},      {"1x", -1},      {"1h30", -1},   {"-1s", -1},    {"1 h", -1},
                 {"9999d", -1},  {"nan", -1},     {"inf", -1},    {"1e9h", -1},   {"0x10", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct value v = value_cstr(cases[i].text);
        struct err e = ERR_INIT;
        double s = -1;
        int rc = duration_parse(&v, &s, &e);
        if (rc < 0 ? cases[i].seconds >= 0 : fabs(s - cases[i].seconds) > 1e-9)
            fail_msg("'%s' gives %g (%s)", cases[i].text, s, err_msg(&e));
        err_release(&e);
    }
}

static void test_amounts(void **state)
{
    static const struct {
        struct amount a;
        size_t of, is;
    } cases[] = {{{true, true, 25}, 8, 2},  {{true, true, 25}, 7, 1},
                 {{true, true, 100}, 7, 7}, {{true, true, 1}, 50, 0},
                 {{true, false, 3}, 2, 2},  {{true, false, 3}, 9, 3},
                 {{true, true, 70}, 10, 7}, {{0}, 9, 42}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(amount_of(cases[i].a, cases[i].of, 42), cases[i].is);
}

static void test_find_file(void **state)
{
    char sub[200];
    struct arena *a = arena_new();
    (void)state;
    put("andon.yml", TOP RINGS);
    snprintf(sub, sizeof sub, "%s/a", dir);
    assert_int_equal(mkdir(sub, 0700), 0);
    const char *path = service_find_file(a, sub);
    assert_non_null(path);
    assert_string_equal(path_base(path), "andon.yml");
    assert_int_equal(rmdir(sub), 0);
    arena_free(a);
}

// Every ```yaml block of docs/SERVICE.md that begins with "service:" is a service file as it
// stands; the others are parts of one, and stand there for the eye.
static void test_documentation(void **state)
{
    struct arena *a = arena_new();
    char *text;
    size_t len, n = 0;
    (void)state;
    assert_int_equal(file_read(a, TEST_ROOT "/../docs/SERVICE.md", 1 << 20, &text, &len, NULL), 0);
    for (char *p = text; (p = strstr(p, "```yaml\n"));) {
        p += strlen("```yaml\n");
        char *end = strstr(p, "```");
        assert_non_null(end);
        const char *block = arena_strndup(a, p, (size_t)(end - p));
        p = end + 3;
        if (strncmp(block, "service:", 8) == 0) {
            service_free(good(block));
        } else {
            const char *whole = strncmp(block, "rings:", 6) == 0
                                    ? arena_printf(a, TOP "%s", block)
                                    : arena_printf(a, TOP "%s" RINGS, block);
            service_free(good(whole));
        }
        n++;
    }
    assert_true(n >= 5);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_mistakes),      cmocka_unit_test(test_durations),
        cmocka_unit_test(test_amounts),       cmocka_unit_test(test_find_file),
        cmocka_unit_test(test_documentation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
