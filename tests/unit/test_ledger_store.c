// The ledger's store: what is appended is read back, by every filter; transactions are whole or
// nothing; bad events and bad files are refused with one clear line.
#include "core/file.h"
#include "core/json.h"
#include "ledger/tree.h"
#include "ledger_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define N_EVENTS 9000 // two full blocks and one that grows

// --- what is written is read
// --------------------------------------------------------------------------

static void an_event_is_read_back(void **state)
{
    (void)state;
    char *dir = test_dir();
    struct ledger *l = test_open(dir);
    struct arena *a = arena_new();
    struct value body = value_dict(a);
    dict_set(body.u.dict, "z", value_str(a, "last"));
    dict_set(body.u.dict, "a", value_float(1.5));
    struct ledger_event in[2] = {{.type = "incident.opened",
                                  .actor = "ann",
                                  .service = "shop",
                                  .release = "1.2",
                                  .rollout = "d-1",
                                  .ring = "canary",
                                  .run = "r-1",
                                  .host = "web1",
                                  .path = "/etc/\"quoted\"\n",
                                  .package = "nginx",
                                  .outcome = "ok",
                                  .incident = "i-1",
                                  .body = body.u.dict},
                                 {.type = "breakglass", .time = 5}};
    struct ledger_event out;
    struct buf b = BUF_INIT;
    assert_int_equal(ledger_append(l, in, 2, NULL), 0);
    assert_int_equal(in[0].seq, 0);
    assert_int_equal(in[1].seq, 1);
    assert_true(in[0].time > 1700000000000000);
    assert_true(in[1].time == in[0].time); // never before the one in front
    assert_int_equal(ledger_get(l, 0, a, &out, NULL), 1);
    ledger_event_json(&b, &out);
    char time[LEDGER_TIME], want[1024];
    ledger_time(in[0].time, time);
    snprintf(want, sizeof want,
             "{\"actor\":\"ann\",\"body\":{\"a\":1.5,\"z\":\"last\"},\"host\":\"web1\","
             "\"incident\":\"i-1\",\"outcome\":\"ok\",\"package\":\"nginx\","
             "\"path\":\"/etc/\\\"quoted\\\"\\n\",\"release\":\"1.2\",\"ring\":\"canary\","
             "\"rollout\":\"d-1\",\"run\":\"r-1\",\"service\":\"shop\",\"time\":\"%s\","
             "\"type\":\"incident.opened\"}",
             time);
    assert_string_equal(buf_str(&b), want);
    assert_int_equal(ledger_get(l, 1, a, &out, NULL), 1);
    assert_string_equal(out.actor, ledger_actor(a));
    assert_string_equal(dict_str(out.body, "clock", ""), "1970-01-01T00:00:00.000005Z");
    assert_null(out.run);
    assert_int_equal(ledger_get(l, 2, a, &out, NULL), 0);
    assert_int_equal(ledger_get(l, -1, a, &out, NULL), 0);
    buf_release(&b);
    arena_free(a);
    ledger_close(l);
    test_dir_remove(dir);
}

static void text_that_is_no_utf8_is_found_again(void **state)
{
    (void)state;
    char *dir = test_dir();
    struct ledger *l = test_open(dir);
    struct arena *a = arena_new();
    struct ledger_event ev = {.type = "change", .run = "r", .host = "h", .path = "/a\xff/b"},
                        *found;
    struct ledger_filter f = {.path = "/a\xef\xbf\xbd/b"};
    size_t n;
    assert_int_equal(ledger_append(l, &ev, 1, NULL), 0);
    assert_int_equal(ledger_list(l, &f, a, &found, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_string_equal(found[0].path, f.path);
    arena_free(a);
    ledger_close(l);
    test_dir_remove(dir);
}

// A clock that was ahead and is put right: what follows keeps the time and says what the clock
// said.
static void a_clock_that_was_ahead_is_told(void **state)
{
    const int64_t noon = 1700000000000000, hour = INT64_C(3600) * 1000000;
    (void)state;
    char *dir = test_dir(), said[LEDGER_TIME];
    struct ledger *l = test_open(dir);
    struct arena *a = arena_new();
    struct value body = value_dict(a);
    struct ledger_event out;
    dict_set(body.u.dict, "reason", value_cstr("late"));
    assert_int_equal(ledger_ahead(l), 0);
    struct ledger_event in[] = {
        {.type = "breakglass", .time = noon + 2 * hour},
        {.type = "breakglass", .time = noon, .body = body.u.dict},
        {.type = "breakglass", .time = noon + 1},
        {.type = "breakglass", .time = noon + 2 * hour - LEDGER_BEHIND, .body = body.u.dict},
        {.type = "breakglass", .time = noon + 3 * hour, .body = body.u.dict}};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        assert_int_equal(ledger_append(l, &in[i], 1, NULL), 0);
    ledger_time(noon, said);
    assert_int_equal(ledger_get(l, 1, a, &out, NULL), 1);
    assert_true(out.time == noon + 2 * hour);
    assert_string_equal(dict_str(out.body, "clock", ""), said);
    assert_string_equal(dict_str(out.body, "reason", ""), "late");
    assert_null(dict_get(body.u.dict, "clock")); // the caller's own is as it was
    ledger_time(noon + 1, said);
    assert_int_equal(ledger_get(l, 2, a, &out, NULL), 1);
    assert_string_equal(dict_str(out.body, "clock", ""), said);
    assert_int_equal(ledger_get(l, 3, a, &out, NULL), 1); // writers side by side
    assert_true(out.time == noon + 2 * hour);
    assert_null(dict_get(out.body, "clock"));
    assert_int_equal(ledger_get(l, 4, a, &out, NULL), 1);
    assert_true(out.time == noon + 3 * hour);
    assert_null(dict_get(out.body, "clock"));
    struct ledger_event future = {.type = "breakglass", .time = clock_real_us() + 2 * hour};
    assert_int_equal(ledger_append(l, &future, 1, NULL), 0);
    assert_true(ledger_ahead(l) == future.time);
    ledger_close(l);
    struct ledger_verified v;
    assert_int_equal(ledger_verify(dir, NULL, &v, NULL), 0);
    assert_int_equal(v.findings, 0);
    arena_free(a);
    test_dir_remove(dir);
}

static void times_are_rfc_3339(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {951782400000001, "2000-02-29T00:00:00.000001Z"},
        {951868799999999, "2000-02-29T23:59:59.999999Z"},
        {951868800000000, "2000-03-01T00:00:00.000000Z"},
        {1795294532123456, "2026-11-21T20:55:32.123456Z"},
        {4107542399000000, "2100-02-28T23:59:59.000000Z"},
        {4107542400000000, "2100-03-01T00:00:00.000000Z"},
        {253402300799999999, "9999-12-31T23:59:59.999999Z"},
    };
    static const char *const bad[] = {"",
                                      "2026-11-21",
                                      "2026-11-21T20:55:32Z",
                                      "2026-13-21T20:55:32.123456Z",
                                      "2026-11-21T24:55:32.123456Z",
                                      "2026-11-21 20:55:32.123456Z",
                                      "2026-11-21T20:55:32.123456+"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[LEDGER_TIME];
        int64_t us = -1;
        ledger_time(cases[i].us, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(ledger_time_parse(text, &us), 0);
        assert_true(us == cases[i].us);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t us;
        assert_int_equal(ledger_time_parse(bad[i], &us), ERR_PARSE);
    }
}

// --- filters
// ------------------------------------------------------------------------------------------

// Whether the i-th event of test_event passes, by looking at all of it.
static bool passes(const struct ledger_filter *f, const struct ledger_event *ev)
{
    const char *const want[] = {f->run, f->host, f->actor, f->outcome};
    const char *const have[] = {ev->run, ev->host, ev->actor, ev->outcome};
    for (size_t i = 0; i < 4; i++)
        if (want[i] && (!have[i] || strcmp(want[i], have[i]) != 0))
            return false;
    int run = (int)dict_int(ev->body, "n", 0) / 20;
    bool starts = strcmp(ev->type, "run.started") == 0;
    unsigned marks = !starts         ? 0
                     : run % 3       ? LEDGER_UNAUTHORISED
                     : run % 15 == 0 ? LEDGER_BREAK_GLASS
                                     : 0;
    if (starts && run % 7 == 0)
        marks |= LEDGER_UNDOES;
    if (f->marks && !(marks & f->marks))
        return false;
    const char *unit = ev->body ? dict_str(ev->body, "name", NULL) : NULL;
    if (f->name &&
        (!unit || strncmp(unit, f->name, 5) != 0 || (f->name[5] && strcmp(unit, f->name) != 0)))
        return false;
    if (f->path && strcmp(f->path, "/etc/*/[1-3].conf") == 0)
        return ev->path && ev->path[9] >= '1' && ev->path[9] <= '3';
    if (f->path)
        return ev->path && strcmp(ev->path, f->path) == 0;
    if (!f->types)
        return true;
    bool any = false;
    for (const char *const *t = f->types; *t; t++)
        any = any || strcmp(*t, ev->type) == 0 ||
              (strcmp(*t, "run.*") == 0 && strncmp(ev->type, "run.", 4) == 0);
    return any;
}

static void compare(struct ledger *l, const struct ledger_filter *f, const struct ledger_event *all,
                    size_t *ret_total)
{
    static int want[N_EVENTS];
    struct arena *a = arena_new();
    struct ledger_event *found;
    size_t n, k = 0;
    for (int i = 0; i < N_EVENTS; i++)
        if (i >= f->after && (!f->before || i < f->before) && passes(f, &all[i]))
            want[k++] = i;
    assert_int_equal(ledger_list(l, f, a, &found, &n, NULL), 0);
    size_t expected = f->limit && f->limit < k ? f->limit : k;
    assert_int_equal(n, expected);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(found[i].seq, want[f->newest_first ? k - 1 - i : i]);
    *ret_total += n;
    arena_free(a);
}

static void filters_find_what_a_look_at_all_finds(void **state)
{
    (void)state;
    static const char *const runs[] = {"run.*", NULL},
                             *const some[] = {"run.finished", "change", NULL},
                             *const none[] = {"cord.pulled", "nonsense", NULL};
    static const struct ledger_filter cases[] = {
        {.run = NULL},
        {.host = "web3"},
        {.host = "web3", .run = "r-3"},
        {.host = "nobody"},
        {.run = "r-1"},
        {.run = "r-440"},
        {.actor = "bob@desk"},
        {.outcome = "failed"},
        {.actor = "bob@desk", .host = "web0"},
        {.types = runs},
        {.types = some},
        {.types = none},
        {.types = runs, .outcome = "ok"},
        {.path = "/etc/app/2.conf"},
        {.path = "/etc/*/[1-3].conf"},
        {.path = "/etc/*/[1-3].conf", .host = "web1"},
        {.path = "*nothing*"},
        {.name = "unit3"},
        {.name = "unit3.service"},
        {.name = "unit3", .host = "web1"},
        {.name = "unit"},
        {.marks = LEDGER_UNAUTHORISED},
        {.marks = LEDGER_BREAK_GLASS},
        {.marks = LEDGER_BREAK_GLASS | LEDGER_UNDOES},
        {.marks = LEDGER_UNDOES, .actor = "ann@desk"},
    };
    char *dir = test_dir();
    struct ledger *l = test_open(dir);
    size_t total = 0;
    static struct ledger_event all[N_EVENTS];
    struct arena *a = arena_new();
    for (int i = 0; i < N_EVENTS; i++) {
        all[i] = test_event(a, i);
        if (!all[i].actor)
            all[i].actor = ledger_actor(a);
    }
    test_fill(l, 0, N_EVENTS, 137);
    assert_int_equal(ledger_size(l), N_EVENTS);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int how = 0; how < 16; how++) {
            struct ledger_filter f = cases[i];
            f.newest_first = how & 1;
            f.limit = how & 2 ? 5 : 0;
            f.after = how & 4 ? 4100 : 0;
            f.before = how & 8 ? 8333 : 0;
            compare(l, &f, all, &total);
        }
    assert_true(total > 100000);
    arena_free(a);
    ledger_close(l);
    test_dir_remove(dir);
}

// Runs whose beginning and end lie in different blocks, or in the block that still grows.
static void runs_that_did_not_end_are_found(void **state)
{
    (void)state;
    char *dir = test_dir();
    struct ledger *l = test_open(dir);
    struct arena *a = arena_new();
    struct ledger_event *found;
    size_t n;
    test_fill(l, 0, N_EVENTS - 27, 137); // the last run is in the middle of it
    assert_int_equal(ledger_unended(l, &(struct ledger_filter){0}, a, &found, &n, NULL), 0);
    assert_int_equal(n, (N_EVENTS - 40) / 20 / 50 + 1);
    for (size_t i = 0; i + 1 < n; i++)
        assert_int_equal(found[i].seq, (49 + 50 * (int)i) * 20);
    assert_int_equal(found[n - 1].seq, N_EVENTS - 40);
    assert_string_equal(found[n - 1].type, "run.started");
    // those that began before the span are not asked for, an end behind it counts
    struct ledger_filter span = {.since = found[2].time, .until = found[4].time};
    struct ledger_event *some;
    size_t k;
    assert_int_equal(ledger_unended(l, &span, a, &some, &k, NULL), 0);
    size_t want = 0;
    for (size_t i = 0; i < n; i++)
        want += found[i].time >= span.since && found[i].time < span.until;
    assert_int_equal(k, want);
    arena_free(a);
    ledger_close(l);
    test_dir_remove(dir);
}

static int count_fleeting(void *data, const struct ledger_event *ev)
{
    int *n = data;
    assert_int_equal(ev->seq, *n);
    assert_int_equal(dict_int(ev->body, "n", -1), *n);
    ++*n;
    return 0;
}

static void events_need_not_be_kept(void **state)
{
    (void)state;
    char *dir = test_dir();
    struct ledger *l = test_open(dir);
    int n = 0;
    test_fill(l, 0, 1000, 100);
    assert_int_equal(ledger_each(l, NULL, NULL, count_fleeting, &n, NULL), 0);
    assert_int_equal(n, 1000);
    ledger_close(l);
    test_dir_remove(dir);
}

static void times_choose_events(void **state)
{
    (void)state;
    char *dir = test_dir();
    struct ledger *l = test_open(dir);
    struct arena *a = arena_new();
    for (int i = 0; i < 50; i++) {
        struct ledger_event ev = {.type = "breakglass",
                                  .time = 1000 + 10 * (i / 5)}; // five at once
        assert_int_equal(ledger_append(l, &ev, 1, NULL), 0);
    }
    static const struct {
        int64_t since, until;
        size_t n;
        int64_t first;
    } cases[] = {{0, 0, 50, 0},    {1000, 1010, 5, 0},   {1001, 1011, 5, 5},
                 {1090, 0, 5, 45}, {1091, 0, 0, 0},      {0, 1000, 0, 0},
                 {0, 1001, 5, 0},  {1020, 1050, 15, 10}, {1, 5000, 50, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ledger_filter f = {.since = cases[i].since, .until = cases[i].until};
        struct ledger_event *found;
        size_t n;
        assert_int_equal(ledger_list(l, &f, a, &found, &n, NULL), 0);
        assert_int_equal(n, cases[i].n);
        assert_true(n == 0 || found[0].seq == cases[i].first);
    }
    arena_free(a);
    ledger_close(l);
    test_dir_remove(dir);
}

struct visits {
    struct ledger *l;
    int n, stop_at;
};

static int append_while_reading(void *data, const struct ledger_event *ev)
{
    struct visits *v = data;
    struct ledger_event more = {.type = "run.started", .run = "r-new"};
    assert_int_equal(ev->seq, v->n);
    assert_int_equal(ledger_append(v->l, &more, 1, NULL), 0);
    return ++v->n == v->stop_at ? 7 : 0;
}

static void a_reader_may_append_and_stop(void **state)
{
    (void)state;
    char *dir = test_dir();
    struct ledger *l = test_open(dir);
    struct arena *a = arena_new();
    struct visits v = {.l = l};
    test_fill(l, 0, 200, 200);
    assert_int_equal(ledger_each(l, NULL, a, append_while_reading, &v, NULL), 0);
    assert_int_equal(v.n, 200); // not those that came meanwhile
    v = (struct visits){.l = l, .stop_at = 70};
    assert_int_equal(ledger_each(l, NULL, a, append_while_reading, &v, NULL), 7);
    assert_int_equal(ledger_size(l), 470);
    arena_free(a);
    ledger_close(l);
    test_dir_remove(dir);
}

// --- what is refused
// ----------------------------------------------------------------------------------

static void bad_events_are_refused_and_none_of_their_batch_stays(void **state)
{
    (void)state;
    static const struct {
        struct ledger_event ev;
        int code;
        const char *say;
    } cases[] = {
        {{.type = "run.startd", .run = "r"},
         ERR_INVALID,
         "'run.startd' is no type of event (did you mean 'run.started'?)"},
        {{.run = "r"}, ERR_INVALID, "'' is no type of event"},
        {{.type = "run.started"}, ERR_INVALID, "an event 'run.started' needs the field 'run'"},
        {{.type = "change", .run = "r", .host = ""},
         ERR_INVALID,
         "an event 'change' needs the field 'host'"},
        {{.type = "rollout.finished", .rollout = "d"},
         ERR_INVALID,
         "an event 'rollout.finished' needs the field 'outcome'"},
    };
    char *dir = test_dir();
    struct ledger *l = test_open(dir);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ledger_event batch[2] = {{.type = "run.started", .run = "good"}, cases[i].ev};
        struct err e = ERR_INIT;
        assert_int_equal(ledger_append(l, batch, 2, &e), cases[i].code);
        assert_string_equal(err_msg(&e), cases[i].say);
        err_release(&e);
    }
    assert_int_equal(ledger_size(l), 0);
    char *big = xmalloc(70000);
    memset(big, 'x', 69999);
    big[69999] = '\0';
    struct ledger_event batch[2] = {{.type = "run.started", .run = "good"},
                                    {.type = "run.started", .run = "r", .path = big}};
    struct err e = ERR_INIT;
    assert_int_equal(ledger_append(l, batch, 2, &e), ERR_LIMIT);
    assert_non_null(strstr(err_msg(&e), "too long"));
    err_release(&e);
    assert_int_equal(ledger_size(l), 0);
    test_fill(l, 0, 3, 3); // and it goes on
    assert_int_equal(ledger_size(l), 3);
    free(big);
    ledger_close(l);
    test_dir_remove(dir);
}

// The names and needs of events.inc are those of docs/EVENTS.md.
static void the_documentation_lists_the_same_types(void **state)
{
    (void)state;
#define NEEDS(column) ""
#define EVENT(name, needs) name,
    static const char *const names[] = {
#include "ledger/events.inc"
    };
    struct arena *a = arena_new();
    char *text;
    size_t len, documented = 0;
    assert_int_equal(file_read(a, TEST_ROOT "/../docs/EVENTS.md", 1 << 20, &text, &len, NULL), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strstr(text, arena_printf(a, "`%s`", names[i])))
            fail_msg("docs/EVENTS.md does not have %s", names[i]);
        if (i)
            assert_true(strcmp(names[i - 1], names[i]) < 0);
    }
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *cell_end = strncmp(line, "| `", 3) == 0 ? strchr(line + 2, '|') : NULL;
        bool type = cell_end && memchr(line, '.', (size_t)(cell_end - line));
        for (char *p = line; type && p < cell_end; p++)
            documented += *p == '`';
        if (cell_end && (!strncmp(line, "| `change`", 10) || !strncmp(line, "| `breakglass`", 14)))
            documented += 2;
    }
    assert_int_equal(documented / 2, sizeof names / sizeof *names);
    arena_free(a);
}

// --- transactions
// -------------------------------------------------------------------------------------

struct step {
    bool fail_inside, fail;
};

static int in_part(void *data, struct ledger *l, struct err *e)
{
    const struct step *s = data;
    struct ledger_event ev = {.type = "run.started", .run = "inner"};
    int rc = ledger_append(l, &ev, 1, e);
    return rc < 0 ? rc : s->fail_inside ? err_set(e, ERR_FAILED, POS_NONE, "no") : 0;
}

static int in_whole(void *data, struct ledger *l, struct err *e)
{
    const struct step *s = data;
    struct ledger_event ev = {.type = "run.started", .run = "outer"}, bad = {.type = "nonsense"};
    assert_int_equal(ledger_append(l, &ev, 1, e), 0);
    assert_int_equal(ledger_append(l, &bad, 1, NULL), ERR_INVALID);
    assert_int_equal(ledger_transact(l, in_part, data, NULL), s->fail_inside ? ERR_FAILED : 0);
    assert_int_equal(ledger_append(l, &ev, 1, e), 0);
    return s->fail ? err_set(e, ERR_FAILED, POS_NONE, "no") : 42;
}

static void transactions_are_whole_or_nothing(void **state)
{
    (void)state;
    static const struct {
        struct step step;
        int rc;
        int64_t adds;
    } cases[] = {{{false, false}, 42, 3},
                 {{true, false}, 42, 2},
                 {{false, true}, ERR_FAILED, 0},
                 {{true, true}, ERR_FAILED, 0}};
    char *dir = test_dir();
    struct ledger *l = test_open(dir);
    int64_t size = 0;
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct step s = cases[i].step;
            assert_int_equal(ledger_transact(l, in_whole, &s, NULL), cases[i].rc);
            size += cases[i].adds;
            assert_int_equal(ledger_size(l), size);
        }
    ledger_close(l);
    l = test_open(dir); // which compares the tree with its checkpoint at the first append
    test_fill(l, 0, 1, 1);
    ledger_close(l);
    test_dir_remove(dir);
}

static void writers_take_turns(void **state)
{
    (void)state;
    enum { WRITERS = 4, EACH = 120 };
    char *dir = test_dir();
    pid_t pid[WRITERS];
    for (int w = 0; w < WRITERS; w++)
        if ((pid[w] = fork()) == 0) { // the first to come makes the ledger
            struct ledger *l = test_open(dir);
            test_fill(l, w * EACH, EACH, 1 + w);
            ledger_close(l);
            _exit(0);
        }
    for (int w = 0; w < WRITERS; w++) {
        int status = -1;
        assert_int_equal(waitpid(pid[w], &status, 0), pid[w]);
        assert_int_equal(status, 0);
    }
    struct ledger *l = test_open(dir);
    struct arena *a = arena_new();
    struct ledger_event *all;
    size_t n;
    bool seen[WRITERS * EACH] = {false};
    assert_int_equal(ledger_list(l, NULL, a, &all, &n, NULL), 0);
    assert_int_equal(n, WRITERS * EACH);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(all[i].seq, i);
        assert_true(i == 0 || all[i].time >= all[i - 1].time);
        seen[dict_int(all[i].body, "n", 0)] = true;
    }
    for (size_t i = 0; i < n; i++)
        assert_true(seen[i]);
    arena_free(a);
    ledger_close(l);
    test_dir_remove(dir);
}

static void a_killed_writer_leaves_whole_batches(void **state)
{
    (void)state;
    enum { BATCH = 50 };
    char *dir = test_dir();
    ledger_close(test_open(dir));
    int64_t before = 0, grown = 0;
    for (int round = 0; round < 12; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            struct ledger *l = test_open(dir);
            for (;;)
                test_fill(l, 0, BATCH, BATCH);
        }
        usleep(20000 + 7000 * (unsigned)round);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        struct ledger *l = test_open(dir);
        int64_t now = ledger_size(l);
        assert_int_equal(now % BATCH, 0);
        assert_true(now >= before);
        grown += now > before;
        before = now;
        test_fill(l, 0, BATCH, BATCH); // which needs the tree and its checkpoint to agree
        before += BATCH;
        ledger_close(l);
    }
    assert_true(grown > 0);
    test_dir_remove(dir);
}

// --- files
// --------------------------------------------------------------------------------------------

static void files_are_for_their_owner_alone(void **state)
{
    (void)state;
    static const char *const private[] = {"ledger.db", "ledger.key", "ledger.db-wal",
                                          "ledger.db-shm"};
    char *dir = test_dir(), path[4200];
    struct stat st;
    mode_t old = umask(0);
    struct ledger *l = test_open(dir);
    test_fill(l, 0, 5, 5);
    umask(old);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, private[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    ledger_close(l);
    snprintf(path, sizeof path, "%s/deeper/down", dir);
    l = test_open(path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    ledger_close(l);
    test_dir_remove(dir);
}

static int open_code(const char *dir, bool read_only, char *ret_msg, size_t size)
{
    struct ledger *l = NULL;
    struct err e = ERR_INIT;
    struct ledger_event ev = {.type = "breakglass"};
    int rc =
        ledger_open(dir, &(struct ledger_opts){.read_only = read_only, .busy_ms = 100}, &l, &e);
    if (rc == 0) // what opening cannot see, writing does
        rc = read_only ? 0 : ledger_append(l, &ev, 1, &e);
    snprintf(ret_msg, size, "%s", err_msg(&e));
    assert_null(strchr(ret_msg, '\n'));
    err_release(&e);
    ledger_close(l);
    return rc;
}

static void write_file(const char *dir, const char *name, const char *data, size_t len)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(file_write_atomic(path, data, len, 0600, NULL), 0);
}

static void what_is_no_ledger_is_refused(void **state)
{
    (void)state;
    char *dir = test_dir(), msg[1000], path[4200];
    assert_int_equal(open_code(dir, true, msg, sizeof msg), ERR_NOENT);
    assert_non_null(strstr(msg, "there is no ledger in"));
    write_file(dir, "ledger.db",
               "this is no database, but it is long enough to be read as one....."
               "...................................................",
               110);
    assert_int_equal(open_code(dir, false, msg, sizeof msg), ERR_INVALID);
    assert_non_null(strstr(msg, "is damaged"));
    snprintf(path, sizeof path, "cd '%s' && rm ledger.db && sqlite3 ledger.db 'CREATE TABLE t(x)'",
             dir);
    if (system(path) == 0) {
        assert_int_equal(open_code(dir, false, msg, sizeof msg), ERR_INVALID);
        assert_non_null(strstr(msg, "is no ledger of andon"));
    }
    snprintf(path, sizeof path, "%s/file/below", dir);
    write_file(dir, "file", "x", 1);
    assert_int_equal(open_code(path, false, msg, sizeof msg), ERR_IO);
    test_dir_remove(dir);
}

static void a_newer_ledger_is_not_touched(void **state)
{
    (void)state;
    char *dir = test_dir(), msg[1000], command[4200];
    ledger_close(test_open(dir));
    snprintf(command, sizeof command, "sqlite3 '%s/ledger.db' 'PRAGMA user_version = 99'", dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(open_code(dir, false, msg, sizeof msg), ERR_UNSUPPORTED);
    assert_non_null(strstr(msg, "newer andon"));
    test_dir_remove(dir);
}

static void a_lost_key_is_told(void **state)
{
    (void)state;
    char *dir = test_dir(), msg[1000], path[4200];
    struct ledger *l = test_open(dir);
    test_fill(l, 0, 5, 5);
    ledger_close(l);
    snprintf(path, sizeof path, "%s/ledger.key", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_code(dir, false, msg, sizeof msg), ERR_NOENT);
    assert_non_null(strstr(msg, "without the ledger's key"));
    assert_int_equal(open_code(dir, true, msg, sizeof msg), 0);
    test_dir_remove(dir);
}

static void a_damaged_page_is_told(void **state)
{
    (void)state;
    char *dir = test_dir(), msg[1000], path[4200];
    struct ledger *l = test_open(dir);
    test_fill(l, 0, 3000, 500);
    ledger_close(l);
    snprintf(path, sizeof path, "%s/ledger.db", dir);
    int fd = open(path, O_RDWR);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    char noise[4096];
    memset(noise, 0xa5, sizeof noise);
    for (off_t at = 4096; at + 4096 <= st.st_size; at += 4096)
        assert_int_equal(pwrite(fd, noise, sizeof noise, at), sizeof noise);
    close(fd);
    assert_int_equal(open_code(dir, false, msg, sizeof msg), ERR_INVALID);
    assert_non_null(strstr(msg, "is damaged"));
    test_dir_remove(dir);
}

// --- blobs
// --------------------------------------------------------------------------------------------

static void content_is_kept_once_and_verified(void **state)
{
    (void)state;
    char *dir = test_dir(), digest[LEDGER_DIGEST_HEX], again[LEDGER_DIGEST_HEX];
    struct ledger *l = test_open(dir);
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    const char *data;
    size_t len;
    int64_t size;
    assert_int_equal(ledger_blob_put(l, "hello", 5, digest, NULL), 0);
    assert_string_equal(digest, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_int_equal(ledger_blob_put(l, "hello", 5, again, NULL), 0);
    assert_string_equal(digest, again);
    assert_int_equal(ledger_blob_get(l, digest, 5, a, &data, &len, NULL), 0);
    assert_memory_equal(data, "hello", 5);
    assert_int_equal(len, 5);
    assert_int_equal(ledger_blob_get(l, digest, 4, a, &data, &len, NULL), ERR_LIMIT);
    write_file(dir, "big", arena_alloc(a, 300000), 300000);
    assert_int_equal(ledger_blob_put_file(l, arena_printf(a, "%s/big", dir), digest, &size, NULL),
                     0);
    assert_int_equal(size, 300000);
    assert_non_null(ledger_blob_path(l, digest, a));
    assert_int_equal(ledger_blob_put_file(l, "/nonexistent", digest, NULL, NULL), ERR_NOENT);
    assert_null(ledger_blob_path(l, "../../../../etc/passwd", a));
    memset(again, '0', 64);
    assert_int_equal(ledger_blob_get(l, again, 10, a, &data, &len, NULL), ERR_NOENT);
    // altered behind our back: told, and put right by the next that brings it
    assert_int_equal(ledger_blob_put(l, "hello", 5, digest, NULL), 0);
    assert_int_equal(file_write_atomic(ledger_blob_path(l, digest, a), "HELLO", 5, 0600, NULL), 0);
    assert_int_equal(ledger_blob_get(l, digest, 5, a, &data, &len, &e), ERR_INVALID);
    assert_non_null(strstr(err_msg(&e), "is altered"));
    assert_int_equal(ledger_blob_put(l, "hello", 5, digest, NULL), 0);
    assert_int_equal(ledger_blob_get(l, digest, 5, a, &data, &len, NULL), 0);
    test_fill(l, 0, 1, 1);
    err_release(&e);
    arena_free(a);
    ledger_close(l);
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_read_back),
        cmocka_unit_test(text_that_is_no_utf8_is_found_again),
        cmocka_unit_test(a_clock_that_was_ahead_is_told),
        cmocka_unit_test(times_are_rfc_3339),
        cmocka_unit_test(filters_find_what_a_look_at_all_finds),
        cmocka_unit_test(runs_that_did_not_end_are_found),
        cmocka_unit_test(events_need_not_be_kept),
        cmocka_unit_test(times_choose_events),
        cmocka_unit_test(a_reader_may_append_and_stop),
        cmocka_unit_test(bad_events_are_refused_and_none_of_their_batch_stays),
        cmocka_unit_test(the_documentation_lists_the_same_types),
        cmocka_unit_test(transactions_are_whole_or_nothing),
        cmocka_unit_test(writers_take_turns),
        cmocka_unit_test(a_killed_writer_leaves_whole_batches),
        cmocka_unit_test(files_are_for_their_owner_alone),
        cmocka_unit_test(what_is_no_ledger_is_refused),
        cmocka_unit_test(a_newer_ledger_is_not_touched),
        cmocka_unit_test(a_lost_key_is_told),
        cmocka_unit_test(a_damaged_page_is_told),
        cmocka_unit_test(content_is_kept_once_and_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
