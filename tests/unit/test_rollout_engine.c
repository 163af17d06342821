// A rollout is carried to its end by controllers that are killed at every instant, one after the
// other: the end is the one of a rollout that nobody disturbed, and nothing that is written down as
// done is done again. The world (hosts, what runs did to them, the clock) is shared memory, so that
// a killed controller leaves it as it is.
#include "core/file.h"
#include "rollout/engine.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND 1000000
#define N_HOSTS 7
#define MAX_ENTRIES 256

enum version { OLD = 1, NEW = 2, BROKEN = 3 };

struct journal_entry {
    char run[32];
    int host;
    int before;
    bool undone;
};

struct world {
    int64_t now;
    int calls, kill_at;
    int version[N_HOSTS];
    struct journal_entry journal[MAX_ENTRIES];
    int n_journal;
    // faults
    int bad_host;         // 0: none, else its number + 1
    const char *bad_ring; // whose gate after is red
    bool undo_fails;
    int kill_undos; // so many runs that put back are killed at once
    bool hang;      // runs take until their deadline
    bool hang_undo; // undos do
    int pull_at;    // the cord is pulled at this call and released a minute later
};

static struct world *world;
static char home[64];
static int64_t later;         // controllers live so much after now
static struct ledger *ledger; // of the controller

static const char *const hosts[N_HOSTS] = {"c1", "c2", "e1", "e2", "e3", "a1", "a2"};
static const char *const ring_names[] = {"canary", "early", "all"};
static const int first_host[] = {0, 2, 5, N_HOSTS};

static const struct gate healthy[] = {{.name = "healthy", .kind = GATE_HTTP}};
static const struct ring rings[] = {
    {.name = "canary",
     .batch = {true, false, 1},
     .after = healthy,
     .n_after = 1,
     .after_timing = {.delay = 1, .every = 5, .green_for = 6, .timeout = 60},
     .deadline = 600},
    {.name = "early",
     .batch = {true, false, 2},
     .pause = 20,
     .before = healthy,
     .n_before = 1,
     .before_timing = {.every = 5, .timeout = 60},
     .after = healthy,
     .n_after = 1,
     .after_timing = {.every = 5, .timeout = 60}},
    {.name = "all"},
};

// --- the controller's hooks
// -------------------------------------------------------------------------------------------

// A point at which a controller may be killed.
static void instant(void)
{
    if (++world->calls == world->kill_at)
        raise(SIGKILL);
}

static int64_t now_(void *data)
{
    (void)data;
    return world->now;
}

static int host_number(const char *name)
{
    for (int i = 0; i < N_HOSTS; i++)
        if (strcmp(hosts[i], name) == 0)
            return i;
    fail_msg("no host %s", name);
    return -1;
}

static void cord(const char *type)
{
    struct ledger_event ev = {.type = type, .service = "shop", .actor = "bob"};
    if (ledger_append(ledger, &ev, 1, NULL) < 0)
        abort();
}

static int wait_(void *data, int64_t until)
{
    (void)data;
    instant();
    if (world->pull_at && world->calls >= world->pull_at) {
        world->pull_at = 0;
        cord("cord.pulled");
        return 0;
    }
    if (until > world->now)
        world->now = until;
    return 0;
}

static void run_event(const struct batch_job *job, const char *type, const char *host,
                      const char *outcome)
{
    struct ledger_event ev = {.type = type,
                              .actor = "ann",
                              .service = "shop",
                              .rollout = "d-1",
                              .run = job->run,
                              .host = host,
                              .outcome = outcome};
    if (ledger_append(ledger, &ev, 1, NULL) < 0)
        abort();
}

static void deploy(const struct batch_job *job, int host, int to)
{
    if (world->version[host] == to)
        return;
    assert_true(world->n_journal < MAX_ENTRIES);
    struct journal_entry *j = &world->journal[world->n_journal];
    snprintf(j->run, sizeof j->run, "%s", job->run);
    j->host = host;
    j->before = world->version[host];
    world->n_journal++;
    instant(); // the journal comes first
    world->version[host] = to;
}

static void undo(const struct batch_job *job, int host)
{
    for (int i = world->n_journal; i > 0; i--) {
        struct journal_entry *j = &world->journal[i - 1];
        if (j->host != host || j->undone || strcmp(j->run, job->undoes) != 0)
            continue;
        world->version[host] = j->before;
        instant();
        j->undone = true;
    }
}

static int run_(void *data, const struct batch_job *job, struct arena *a, struct batch_result *ret,
                struct err *e)
{
    struct list *failed = value_list(a).u.list;
    (void)data;
    (void)e;
    instant();
    run_event(job, "run.started", NULL, NULL);
    world->now += SECOND;
    if (job->action == BATCH_UNDO && world->kill_undos > 0) {
        world->kill_undos--;
        ret->failed = (struct list *)(uintptr_t)job->hosts;
        ret->lost = true;
        return 0;
    }
    bool new = job->action == BATCH_DEPLOY;
    bool hangs = job->deadline && (new ? world->hang : world->hang_undo);
    int64_t limit = job->def->deadline > 0 ? (int64_t)job->def->deadline : 1800;
    if (!new && job->deadline != world->now - SECOND + limit * SECOND)
        abort(); // putting back ends in any case
    if (hangs)
        world->now = job->deadline + SECOND;
    for (size_t i = 0; i < job->hosts->len; i++) {
        int host = host_number(value_to_cstr(a, &job->hosts->items[i]));
        bool bad = new && world->bad_host == host + 1;
        instant();
        if (job->action == BATCH_UNDO && !world->undo_fails && !hangs)
            undo(job, host);
        else if (job->action != BATCH_UNDO)
            deploy(job, host, !new ? OLD : bad ? BROKEN : NEW);
        bad = bad || (job->action == BATCH_UNDO && world->undo_fails);
        if (bad || hangs || (world->hang && new))
            list_add(failed, job->hosts->items[i]);
        if (!hangs || new)
            run_event(job, "run.host", hosts[host], bad ? "failed" : "changed");
    }
    instant();
    if (!hangs)
        run_event(job, "run.finished", NULL, failed->len ? "failed" : "ok");
    instant();
    ret->failed = failed;
    return 0;
}

static int sample_(void *data, const struct ring_state *r, const struct gate *gates, size_t n,
                   size_t failed, struct arena *a, struct gate_result *results, struct err *e)
{
    (void)data;
    (void)failed;
    (void)a;
    (void)e;
    instant();
    for (size_t i = 0; i < n; i++) {
        bool red = world->bad_ring && strcmp(world->bad_ring, r->name) == 0;
        results[i] = (struct gate_result){.gate = &gates[i],
                                          .answer = red ? GATE_RED : GATE_GREEN,
                                          .detail = red ? "503" : "200"};
    }
    return 0;
}

static void tell_(void *data, const struct ledger_event *ev)
{
    (void)data;
    (void)ev;
    instant();
}

static void waiting_(void *data, const struct step *st, int64_t now)
{
    (void)data;
    (void)now;
    if (st->wait == WAIT_CORD) {
        world->now += 60 * SECOND;
        cord("cord.released");
    }
}

static const struct engine_hooks hooks = {
    .now = now_, .wait = wait_, .run = run_, .sample = sample_, .tell = tell_, .waiting = waiting_};

// --- a rollout
// ----------------------------------------------------------------------------------------------

static void start_rollout(bool previous)
{
    struct arena *a = arena_new();
    struct value body = value_dict(a), list = value_list(a), all = value_dict(a);
    for (int i = 0; i < 3; i++) {
        struct value mine = value_list(a);
        for (int k = first_host[i]; k < first_host[i + 1]; k++)
            list_add(mine.u.list, value_cstr(hosts[k]));
        list_add(list.u.list, value_cstr(ring_names[i]));
        dict_set(all.u.dict, ring_names[i], mine);
    }
    dict_set(body.u.dict, "rings", list);
    dict_set(body.u.dict, "hosts", all);
    if (previous)
        dict_set(body.u.dict, "previous", value_cstr("1.0"));
    struct ledger_event ev = {.type = "rollout.started",
                              .actor = "ann",
                              .service = "shop",
                              .release = "2.0",
                              .rollout = "d-1",
                              .body = body.u.dict};
    struct ledger *l;
    assert_int_equal(ledger_open(home, &(struct ledger_opts){0}, &l, NULL), 0);
    assert_int_equal(ledger_append(l, &ev, 1, NULL), 0);
    ledger_close(l);
    arena_free(a);
}

// One controller; the wait status of its process. Exit code 0: it came to an end.
static int controller(enum on_failure on_failure, int kill_at)
{
    fflush(NULL);
    world->calls = 0;
    world->kill_at = kill_at;
    world->now = clock_real_us() + later; // as that of the ledger
    pid_t pid = fork();
    if (pid == 0) {
        struct service svc = {
            .name = "shop", .rings = rings, .n_rings = 3, .on_failure = on_failure};
        struct engine g;
        struct err e = ERR_INIT;
        int rc = ledger_open(home, &(struct ledger_opts){0}, &ledger, &e);
        if (rc == 0)
            rc = engine_open(&g, ledger, "d-1", &svc, "ann", &hooks, &e);
        if (rc == 0)
            rc = engine_run(&g, &e);
        if (rc < 0)
            fprintf(stderr, "controller: %s\n", err_msg(&e));
        _exit(rc < 0);
    }
    int status;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

struct summary {
    char outcome[32];
    int version[N_HOSTS];
    int repeated, ends, passed;
};

struct finished {
    char key[64];
};
struct scan {
    struct summary *s;
    struct finished done[64];
    int n_done;
};

static int look(void *data, const struct ledger_event *ev)
{
    struct scan *scan = data;
    struct finished one = {{0}};
    if (strncmp(ev->type, "batch.", 6) == 0)
        snprintf(one.key, sizeof one.key, "%s %s %lld %s", dict_str(ev->body, "action", ""),
                 ev->ring, (long long)dict_int(ev->body, "batch", 0),
                 dict_str(ev->body, "undoes", ""));
    if (strcmp(ev->type, "batch.finished") == 0 && scan->n_done < 64)
        scan->done[scan->n_done++] = one;
    for (int i = 0; strcmp(ev->type, "batch.started") == 0 && i < scan->n_done; i++)
        scan->s->repeated += strcmp(scan->done[i].key, one.key) == 0;
    scan->s->passed += strcmp(ev->type, "ring.passed") == 0;
    if (strcmp(ev->type, "rollout.finished") == 0) {
        scan->s->ends++;
        snprintf(scan->s->outcome, sizeof scan->s->outcome, "%s", ev->outcome);
    }
    if (strcmp(ev->type, "rollout.held") == 0)
        snprintf(scan->s->outcome, sizeof scan->s->outcome, "held");
    return 0;
}

static struct summary summarize(void)
{
    struct summary s = {.ends = 0};
    struct scan scan = {.s = &s};
    struct ledger *l;
    struct arena *a = arena_new();
    struct ledger_filter f = {.rollout = "d-1"};
    assert_int_equal(ledger_open(home, &(struct ledger_opts){0}, &l, NULL), 0);
    assert_int_equal(ledger_each(l, &f, a, look, &scan, NULL), 0);
    ledger_close(l);
    arena_free(a);
    memcpy(s.version, world->version, sizeof s.version);
    return s;
}

// --- scenarios
// ----------------------------------------------------------------------------------------------

static const struct scenario {
    const char *name;
    enum on_failure on_failure;
    int bad_host;
    const char *bad_ring;
    bool undo_fails, hang, hang_undo;
    int kill_undos, pull_at;
    bool no_previous;
    const char *outcome, *versions; // of the hosts: o old, n new, b broken
} scenarios[] = {
    {.name = "good", .outcome = "done", .versions = "nnnnnnn"},
    {.name = "canary host fails", .bad_host = 1, .outcome = "undone", .versions = "ooooooo"},
    {.name = "gate red", .bad_ring = "canary", .outcome = "undone", .versions = "ooooooo"},
    {.name = "host fails later", .bad_host = 4, .outcome = "undone", .versions = "ooooooo"},
    {.name = "redeploy",
     .on_failure = FAIL_REDEPLOY,
     .bad_host = 4,
     .outcome = "redeployed",
     .versions = "ooooooo"},
    {.name = "nothing to redeploy",
     .on_failure = FAIL_REDEPLOY,
     .bad_host = 4,
     .no_previous = true,
     .outcome = "undone",
     .versions = "ooooooo"},
    {.name = "hold",
     .on_failure = FAIL_HOLD,
     .bad_host = 4,
     .outcome = "held",
     .versions = "nnnbooo"},
    {.name = "gate in front red", .bad_ring = "early", .outcome = "held", .versions = "nnooooo"},
    {.name = "undo fails",
     .bad_host = 2,
     .undo_fails = true,
     .outcome = "partly",
     .versions = "nbooooo"},
    {.name = "undo killed",
     .bad_host = 2,
     .kill_undos = 1,
     .outcome = "undone",
     .versions = "ooooooo"},
    {.name = "deadline", .hang = true, .outcome = "undone", .versions = "ooooooo"},
    {.name = "undo hangs",
     .bad_host = 2,
     .hang_undo = true,
     .outcome = "partly",
     .versions = "nbooooo"},
    {.name = "cord", .pull_at = 5, .outcome = "done", .versions = "nnnnnnn"},
};

static void prepare(const struct scenario *sc)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", home);
    if (system(command) != 0 || mkdir(home, 0700) != 0)
        fail_msg("cannot make %s", home);
    memset(world, 0, sizeof *world);
    for (int i = 0; i < N_HOSTS; i++)
        world->version[i] = OLD;
    world->bad_host = sc->bad_host;
    world->bad_ring = sc->bad_ring;
    world->undo_fails = sc->undo_fails;
    world->kill_undos = sc->kill_undos;
    world->hang = sc->hang;
    world->hang_undo = sc->hang_undo;
    world->pull_at = sc->pull_at;
    start_rollout(!sc->no_previous);
}

static bool as_expected(const struct scenario *sc, const struct summary *s, int kill_at)
{
    char versions[N_HOSTS + 1] = {0};
    for (int i = 0; i < N_HOSTS; i++)
        versions[i] = " onb"[s->version[i]];
    bool held = strcmp(sc->outcome, "held") == 0, good = strcmp(s->outcome, sc->outcome) == 0 &&
                                                         strcmp(versions, sc->versions) == 0 &&
                                                         s->repeated == 0 && s->ends == !held;
    if (!good)
        printf("%s, killed at %d: outcome '%s', hosts %s, %d batches repeated, %d ends\n", sc->name,
               kill_at, s->outcome, versions, s->repeated, s->ends);
    return good;
}

static void test_kills(void **state)
{
    (void)state;
    // all instants take a minute: scripts/fault asks for them
    int bad = 0, kills = 0, stride = getenv("ANDON_FAULT_ALL") ? 1 : 7;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        const struct scenario *sc = &scenarios[i];
        prepare(sc);
        assert_int_equal(controller(sc->on_failure, 0), 0);
        struct summary s = summarize();
        int instants = world->calls;
        assert_true(instants > 10);
        bad += !as_expected(sc, &s, 0);
        // the last instants come after the end is written down
        for (int k = 1 + (int)i % stride; k < instants; k += stride) {
            prepare(sc);
            int status = controller(sc->on_failure, k);
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            assert_int_equal(controller(sc->on_failure, 0), 0);
            s = summarize();
            bad += !as_expected(sc, &s, k);
            kills++;
        }
    }
    printf("%d controllers killed\n", kills);
    assert_int_equal(bad, 0);
}

// Killed again and again, each a little further than the one before.
static void test_many_kills(void **state)
{
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        const struct scenario *sc = &scenarios[i];
        int status, n = 0;
        prepare(sc);
        do
            status = controller(sc->on_failure, 4 + 2 * n);
        while (status != 0 && ++n < 200);
        assert_int_equal(status, 0);
        struct summary s = summarize();
        bad += !as_expected(sc, &s, n);
    }
    assert_int_equal(bad, 0);
}

static int one_more(void *data, const struct ledger_event *ev)
{
    (void)ev;
    ++*(int *)data;
    return 0;
}

static int count_events(const char *type)
{
    const char *const types[] = {type, NULL};
    struct ledger_filter f = {.types = types, .rollout = "d-1"};
    struct arena *a = arena_new();
    struct ledger *l;
    int n = 0;
    assert_int_equal(ledger_open(home, &(struct ledger_opts){0}, &l, NULL), 0);
    assert_int_equal(ledger_each(l, &f, a, one_more, &n, NULL), 0);
    ledger_close(l);
    arena_free(a);
    return n;
}

// The controller is lost while the canary ring is at work, and the next one comes when its deadline
// and the time of its gates are over: the ring has failed, although its gates are green by now.
static void test_late(void **state)
{
    static const struct scenario in_batch = {.name = "late",
                                             .bad_ring = "canary",
                                             .outcome = "undone",
                                             .versions = "ooooooo"},
                                 untouched = {.name = "late, nothing touched",
                                              .outcome = "held",
                                              .versions = "ooooooo"},
                                 not_begun = {.name = "ring not begun",
                                              .outcome = "done",
                                              .versions = "nnnnnnn"};
    int bad = 0, fired = 0, over = 0;
    (void)state;
    for (int k = 1; !over; k += 2) {
        prepare(&in_batch);
        int status = controller(FAIL_UNDO, k);
        over = !WIFSIGNALED(status);
        const struct scenario *expected = count_events("batch.started")  ? &in_batch
                                          : count_events("ring.started") ? &untouched
                                                                         : &not_begun;
        world->bad_ring = NULL;
        later = INT64_C(3600) * SECOND;
        assert_int_equal(controller(FAIL_UNDO, 0), 0);
        later = 0;
        struct summary s = summarize();
        bad += !as_expected(expected, &s, k);
        fired += expected == &in_batch && !over;
    }
    assert_int_equal(bad, 0);
    assert_true(fired > 10);
}

// Killed every time: then its hosts are named as not put back.
static void test_undo_killed(void **state)
{
    static const struct scenario sc = {.name = "undo killed for ever",
                                       .bad_host = 2,
                                       .kill_undos = 3,
                                       .outcome = "partly",
                                       .versions = "obooooo"};
    (void)state;
    prepare(&sc);
    assert_int_equal(controller(FAIL_UNDO, 0), 0);
    struct summary s = summarize();
    assert_true(as_expected(&sc, &s, 0));
}

static int setup(void **state)
{
    (void)state;
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    // in memory: the disk's own safety is the ledger's test
    const char *dir = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(home, sizeof home, "%s/andon-engine.%d", dir, (int)getpid());
    return world == MAP_FAILED;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", home);
    return system(command) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kills),
        cmocka_unit_test(test_many_kills),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_undo_killed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
