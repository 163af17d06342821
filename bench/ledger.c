// ledger DIR EVENTS [HOSTS]: fills a new ledger in DIR with a made-up history and measures
// appending (in batches of 500 and one by one, both durable), verification, and the queries behind
// `andon log`, `who` and `audit`. One JSON object.
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "ledger/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 500
#define HOSTS 500
#define RINGS 3
#define PER_HOST 9                         // events of a host in a run
#define RING_EVENTS (8 + hosts * PER_HOST) // of a ring, with its gates, batch and run
#define ROLLOUT_EVENTS (2 + RINGS * RING_EVENTS)
#define STEP 2000000 // microseconds between events: a million are 23 days
#define START 1780000000000000
#define REPS 7

static long hosts = 20; // of a ring

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void must(int rc, const struct err *e)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "ledger: %s\n", err_msg(e));
    exit(1);
}

// --- a made-up history
// ------------------------------------------------------------------------------------------

// What a run was allowed by: mostly its rollout; some by nothing, few by break-glass.
static void add_authority(struct arena *a, struct dict *body, long run)
{
    struct value v = value_dict(a);
    const char *kind = run % 97 == 5 ? "none" : run % 499 == 7 ? "break-glass" : "rollout";
    dict_set(v.u.dict, "kind", value_cstr(kind));
    dict_set(v.u.dict, "rule", value_cstr("deploy-by-team"));
    dict_set(body, "authority", v);
}

static void add_rings(struct arena *a, struct dict *body, const char *const *names)
{
    struct value rings = value_list(a);
    for (int i = 0; i < RINGS; i++)
        list_add(rings.u.list, value_cstr(names[i]));
    dict_set(body, "rings", rings);
    dict_set(body, "kind", value_cstr("deploy"));
    dict_set(body, "change", value_cstr("standard"));
}

// One of the events of a host: eight changes, then how it went.
static void host_event(struct arena *a, struct ledger_event *ev, struct dict *body, long i, long at,
                       long run)
{
    ev->host = arena_printf(a, "web%ld.example.org", (run * hosts + at / PER_HOST) % HOSTS);
    dict_set(body, "task", value_strf(a, "install configuration %ld", at % 40));
    dict_set(body, "at", value_cstr("roles/app/tasks/main.yml:14"));
    if (at % PER_HOST == PER_HOST - 1) {
        ev->type = "run.host";
        ev->outcome = i % 211 ? "changed" : "failed";
        return;
    }
    ev->type = "change";
    dict_set(body, "module", value_cstr("template"));
    dict_set(body, "undo", value_cstr("yes"));
    dict_set(body, "diff",
             value_cstr("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"));
    if (at % PER_HOST == 5) {
        dict_set(body, "kind", value_cstr("service"));
        dict_set(body, "name", value_strf(a, "unit%ld.service", i % 60));
    } else if (at % 7 == 0) {
        ev->package = arena_printf(a, "package%ld", i % 200);
    } else {
        ev->path = arena_printf(a, "/etc/app%ld/part%ld.conf", i % 100, at % 20);
    }
}

static void ring_event(struct arena *a, struct ledger_event *ev, struct dict *body, long i, long at,
                       long run)
{
    static const char *const before[] = {"ring.started", "gate.passed", "batch.started",
                                         "run.started"},
                             *const after[] = {"run.finished", "batch.finished", "gate.passed",
                                               "ring.passed"};
    long left = RING_EVENTS - at;
    if (at >= 4 && left > 4) {
        host_event(a, ev, body, i, at - 4, run);
        return;
    }
    ev->type = at < 4 ? before[at] : after[4 - left];
    if (strncmp(ev->type, "gate.", 5) == 0) {
        dict_set(body, "gate", value_cstr("smoke"));
        dict_set(body, "seconds", value_float(30.5));
    }
    if (strncmp(ev->type, "batch.", 6) == 0)
        dict_set(body, "action", value_cstr("deploy"));
    if (at == 3)
        add_authority(a, body, run);
    if (strcmp(ev->type, "run.finished") == 0) {
        dict_set(body, "hosts", value_int(hosts));
        dict_set(body, "changed", value_int(hosts));
    }
    if (strcmp(ev->type, "run.finished") == 0 || strcmp(ev->type, "batch.finished") == 0)
        ev->outcome = run % 50 ? "ok" : "failed";
    if (strncmp(ev->type, "run.", 4) != 0 && strncmp(ev->type, "batch.", 6) != 0)
        ev->run = NULL;
}

// The i-th event of the history: rollouts of 20 services through three rings, a run in each.
static struct ledger_event made_up(struct arena *a, long i)
{
    static const char *const rings[RINGS] = {"canary", "early", "production"};
    long rollout = i / ROLLOUT_EVENTS, at = i % ROLLOUT_EVENTS, ring = (at - 1) / RING_EVENTS,
         run = rollout * RINGS + ring;
    struct ledger_event ev = {.time = START + i * STEP,
                              .actor = arena_printf(a, "user%ld@example.org", rollout % 30),
                              .service = arena_printf(a, "service%ld", rollout % 20),
                              .release = arena_printf(a, "1.%ld", rollout / 20),
                              .rollout = arena_printf(a, "d-260101-000000-%05ld", rollout)};
    struct value body = value_dict(a);
    ev.body = body.u.dict;
    if (at == 0) {
        ev.type = "rollout.started";
        add_rings(a, body.u.dict, rings);
        return ev;
    }
    if (at == ROLLOUT_EVENTS - 1) {
        ev.type = "rollout.finished";
        ev.outcome = rollout % 50 ? "done" : "undone";
        return ev;
    }
    ev.ring = rings[ring];
    ev.run = arena_printf(a, "r-260101-000000-%05ld", run);
    ring_event(a, &ev, body.u.dict, i, (at - 1) % RING_EVENTS, run);
    return ev;
}

static double fill(struct ledger *l, long n)
{
    struct err e = ERR_INIT;
    double spent = 0;
    for (long i = 0; i < n; i += BATCH) {
        struct arena *a = arena_new();
        struct ledger_event events[BATCH];
        size_t k = 0;
        for (; k < BATCH && i + (long)k < n; k++)
            events[k] = made_up(a, i + (long)k);
        double before = now();
        must(ledger_append(l, events, k, &e), &e);
        spent += now() - before;
        arena_free(a);
    }
    return (double)n / spent;
}

static double one_by_one(struct ledger *l, long from)
{
    struct err e = ERR_INIT;
    struct arena *a = arena_new();
    double before = now();
    for (long i = 0; i < 200; i++) {
        struct ledger_event ev = made_up(a, from + i);
        must(ledger_append(l, &ev, 1, &e), &e);
    }
    double rate = 200 / (now() - before);
    arena_free(a);
    return rate;
}

static int by_size(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return a < b ? -1 : a > b;
}

static const char *const audit_types[] = {"breakglass",  "approval.*",    "checks.skipped",
                                          "drift.found", "policy.denied", NULL};
static const char *const run_types[] = {"run.*", NULL}, *const change[] = {"change", NULL};

static void queries(struct ledger *l, long n, struct arena *a, struct value ret)
{
    int64_t middle = START + n / 2 * STEP, day = (int64_t)86400 * 1000000;
    const struct {
        const char *name;
        struct ledger_filter f;
    } all[] = {
        {"log, the last 50", {.limit = 50, .newest_first = true}},
        {"log of a service", {.service = "service7", .limit = 50, .newest_first = true}},
        {"log of a host", {.host = "web77.example.org", .limit = 50, .newest_first = true}},
        {"log of a ring", {.ring = "early", .limit = 50, .newest_first = true}},
        {"log of an actor", {.actor = "user9@example.org", .limit = 50, .newest_first = true}},
        {"log of an hour", {.since = middle, .until = middle + day / 24}},
        {"log of a path", {.path = "/etc/app7/part3.conf", .limit = 50, .newest_first = true}},
        {"log of paths by pattern", {.path = "*app7/*", .limit = 50, .newest_first = true}},
        {"log of a pattern nothing matches", {.path = "*nothing*"}},
        {"log of a package", {.package = "package7", .limit = 50, .newest_first = true}},
        {"failures", {.outcome = "failed", .limit = 50, .newest_first = true}},
        {"failures of a service and ring",
         {.outcome = "failed", .service = "service7", .ring = "early", .limit = 50}},
        {"runs, the last 50", {.types = run_types, .limit = 50, .newest_first = true}},
        {"all of a run", {.run = "r-260101-000000-00777"}},
        {"all of a rollout", {.rollout = "d-260101-000000-00077"}},
        {"who: a path on a host", {.host = "web77.example.org", .path = "/etc/app7/part3.conf"}},
        {"who: paths on a host by pattern",
         {.host = "web77.example.org", .path = "/etc/app7/*", .types = change}},
        {"who: a service on a host", {.host = "web77.example.org", .name = "unit7"}},
        {"runs by break-glass", {.marks = LEDGER_BREAK_GLASS}},
        {"audit of a week", {.types = audit_types, .since = middle, .until = middle + 7 * day}},
        {"two of many, none of both", {.types = change, .outcome = "changed", .limit = 50}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double ms[REPS];
        size_t found = 0;
        for (int rep = 0; rep < REPS; rep++) {
            struct arena *scratch = arena_new();
            struct ledger_event *events;
            struct err e = ERR_INIT;
            double before = now();
            must(ledger_list(l, &all[i].f, scratch, &events, &found, &e), &e);
            ms[rep] = (now() - before) * 1000;
            arena_free(scratch);
        }
        qsort(ms, REPS, sizeof *ms, by_size);
        struct value row = value_dict(a);
        dict_set(row.u.dict, "ms", value_float(ms[REPS / 2]));
        dict_set(row.u.dict, "worst", value_float(ms[REPS - 1]));
        dict_set(row.u.dict, "found", value_int((int64_t)found));
        dict_set(ret.u.dict, all[i].name, row);
    }
}

int main(int argc, char **argv)
{
    struct err e = ERR_INIT;
    struct ledger *l = NULL;
    struct ledger_verified v;
    struct arena *a = arena_new();
    struct value all = value_dict(a), asked = value_dict(a);
    struct buf b = BUF_INIT;
    long n = argc >= 3 ? strtol(argv[2], NULL, 10) : 0;
    if (argc == 4)
        hosts = strtol(argv[3], NULL, 10);
    if (n < 10000 || hosts < 1 || argc > 4) {
        fprintf(stderr, "usage: ledger DIR EVENTS [HOSTS-OF-A-RING] (at least 10000 events)\n");
        return 2;
    }
    must(ledger_open(argv[1], &(struct ledger_opts){.origin = "bench/andon"}, &l, &e), &e);
    if (ledger_size(l) != 0) {
        fprintf(stderr, "ledger: '%s' has a ledger already\n", argv[1]);
        return 2;
    }
    char hello[LEDGER_DIGEST_HEX]; // the difference that all changes name
    must(ledger_blob_put(l, "hello", 5, hello, &e), &e);
    dict_set(all.u.dict, "batched", value_float(fill(l, n)));
    dict_set(all.u.dict, "single", value_float(one_by_one(l, n)));
    double before = now();
    must(ledger_verify(argv[1], NULL, &v, &e), &e);
    dict_set(all.u.dict, "verify", value_float(now() - before));
    dict_set(all.u.dict, "findings", value_int((int64_t)v.findings));
    queries(l, n, a, asked);
    dict_set(all.u.dict, "queries", asked);
    ledger_close(l);
    json_write(&b, &all, &(struct json_opts){.indent = 1});
    printf("%s\n", buf_str(&b));
    buf_release(&b);
    arena_free(a);
    return v.findings != 0;
}
