// Drift: what the ledger makes one expect of a host, what differs, and what is told of it once.
#include "ledger_test.h"

#include "core/json.h"
#include "rollout/drift.h"

struct fixture {
    struct arena *a;
    char *dir;
    struct ledger *l;
    struct err e;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->a = arena_new();
    f->dir = test_dir();
    f->l = test_open(f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ledger_close(f->l);
    test_dir_remove(f->dir);
    arena_free(f->a);
    err_release(&f->e);
    free(f);
    return 0;
}

static struct value json(struct fixture *f, const char *text)
{
    struct value v;
    if (json_parse(f->a, text, strlen(text), &v, &f->e) < 0)
        fail_msg("%s: %s", text, err_msg(&f->e));
    return v;
}

// A change on web1 by a run; path and package may be NULL.
static int64_t change(struct fixture *f, const char *run, const char *path, const char *package,
                      const char *body)
{
    struct value b = json(f, body);
    struct ledger_event ev = {.type = "change",
                              .actor = "ann@desk",
                              .run = run,
                              .host = "web1",
                              .path = path,
                              .package = package,
                              .body = b.u.dict};
    assert_int_equal(ledger_append(f->l, &ev, 1, &f->e), 0);
    return ev.time;
}

static struct drift_host expected(struct fixture *f)
{
    struct drift_host h;
    assert_int_equal(drift_expected(f->l, "web1", f->a, &h, &f->e), 0);
    return h;
}

static struct drift_finding *compare(struct fixture *f, const struct drift_host *h,
                                     const char *answer, size_t *n)
{
    struct drift_finding *found;
    struct value v = json(f, answer);
    assert_int_equal(drift_compare(h, &v, f->a, &found, n, &f->e), 0);
    return found;
}

#define DIGEST1 "f 1111111111111111"
#define DIGEST2 "f 2222222222222222"

static void what_is_expected(void **state)
{
    struct fixture *f = *state;
    change(f, "r-1", "/etc/motd", NULL,
           "{\"after\": {\"/etc/motd\": [\"" DIGEST1 "\", \"0644 0 0\"]}}");
    change(f, "r-2", "/etc/motd", NULL, "{\"after\": {\"/etc/motd\": [null, \"0600 0 0\"]}}");
    change(f, "r-2", NULL, NULL, "{\"after\": {\"service:cron\": \"enabled running\"}}");
    change(f, "r-3", NULL, "curl", "{\"detail\": \"installed 7.88-1\"}");
    change(f, "r-3", NULL, "wget", "{\"detail\": \"removed 1.21\"}");
    change(f, "r-3", NULL, "nano", "{\"detail\": \"state present\"}");
    change(f, "r-3", "/etc/gone", NULL,
           "{\"after\": {\"/etc/gone\": [\"-\", \"-\"], \"lines:/etc/passwd\": \"x\"}}");
    struct drift_host h = expected(f);
    assert_int_equal(h.n, 5);
    assert_string_equal(h.things[0].name, "/etc/motd");
    assert_string_equal(h.things[0].state, DIGEST1);
    assert_string_equal(h.things[0].attr, "0600 0 0");
    assert_string_equal(h.things[0].run, "r-2");
    assert_string_equal(h.things[1].name, "cron");
    assert_string_equal(h.things[2].state, "7.88-1");
    assert_string_equal(h.things[3].state, "-");
    assert_string_equal(h.things[4].state, "-");
    struct buf b = BUF_INIT;
    struct value question = drift_question(&h, f->a);
    json_write(&b, &question, NULL);
    assert_string_equal(
        buf_str(&b),
        "[{\"kind\": \"file\", \"name\": \"/etc/motd\"}, {\"kind\": \"service\", \"name\": "
        "\"cron\"}, {\"kind\": \"package\", \"name\": \"curl\"}, {\"kind\": \"package\", "
        "\"name\": \"wget\"}, {\"kind\": \"file\", \"name\": \"/etc/gone\"}]");
    buf_release(&b);
    // Another host has nothing.
    assert_int_equal(drift_expected(f->l, "web2", f->a, &h, &f->e), 0);
    assert_int_equal(h.n, 0);
}

static void what_differs(void **state)
{
    static const struct {
        const char *answer, *expected, *found;
    } cases[] = {
        {"{\"state\": \"" DIGEST1 "\", \"attr\": \"0644 0 0\"}", NULL, NULL},
        {"{\"state\": \"" DIGEST2 "\", \"attr\": \"0644 0 0\", \"since\": 5}",
         "sha256 111111111111", "sha256 222222222222"},
        {"{\"state\": \"" DIGEST1 "\", \"attr\": \"0666 0 0\"}", "mode 0644, owner 0:0",
         "mode 0666, owner 0:0"},
        {"{\"state\": \"" DIGEST2 "\", \"attr\": \"0644 7 0\"}",
         "sha256 111111111111, mode 0644, owner 0:0", "sha256 222222222222, mode 0644, owner 7:0"},
        {"{\"state\": \"-\", \"attr\": \"-\"}", "sha256 111111111111", "nothing"},
        {"{\"state\": \"d\", \"attr\": \"0644 0 0\"}", "sha256 111111111111", "a folder"},
        {"{\"state\": \"l /etc/passwd\", \"attr\": \"0644 0 0\"}", "sha256 111111111111",
         "a link to /etc/passwd"},
        {"{\"state\": \"o\", \"attr\": \"0644 0 0\"}", "sha256 111111111111", "something else"},
        {"{}", NULL, NULL}, // the host could not say
    };
    struct fixture *f = *state;
    change(f, "r-1", "/etc/motd", NULL,
           "{\"after\": {\"/etc/motd\": [\"" DIGEST1 "\", \"0644 0 0\"]}}");
    struct drift_host h = expected(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n;
        struct drift_finding *found =
            compare(f, &h, arena_printf(f->a, "[%s]", cases[i].answer), &n);
        assert_int_equal(n, cases[i].found ? 1 : 0);
        if (!n)
            continue;
        assert_string_equal(found->expected, cases[i].expected);
        assert_string_equal(found->found, cases[i].found);
        assert_int_equal(found->since, i == 1 ? 5000000 : 0);
    }
    struct value wrong = json(f, "[]");
    struct drift_finding *none;
    size_t n;
    assert_int_equal(drift_compare(&h, &wrong, f->a, &none, &n, &f->e), ERR_INVALID);
    assert_string_equal(err_msg(&f->e), "web1 does not answer what it was asked");
}

// What andon itself changed without knowing the outcome is no drift.
static void what_is_not_known(void **state)
{
    struct fixture *f = *state;
    size_t n;
    change(f, "r-1", "/etc/motd", NULL,
           "{\"after\": {\"/etc/motd\": [\"" DIGEST1 "\", \"0644 0 0\"]}}");
    int64_t hidden = change(f, "r-2", NULL, NULL, "{\"module\": \"copy\", \"hidden\": \"no_log\"}");
    struct drift_host h = expected(f);
    const char *then = arena_printf(
        f->a, "[{\"state\": \"" DIGEST2 "\", \"attr\": \"0644 0 0\", \"since\": %lld}]",
        (long long)(hidden / 1000000 - 20));
    const char *later = arena_printf(
        f->a, "[{\"state\": \"" DIGEST2 "\", \"attr\": \"0644 0 0\", \"since\": %lld}]",
        (long long)(hidden / 1000000 + 4000));
    compare(f, &h, then, &n);
    assert_int_equal(n, 0);
    compare(f, &h, later, &n);
    assert_int_equal(n, 1);
    // From a vault: its content is not written down, its mode is.
    change(f, "r-3", "/etc/motd", NULL, "{\"after\": {\"/etc/motd\": [\"?\", \"0600 0 0\"]}}");
    h = expected(f);
    assert_int_equal(h.n, 1);
    assert_null(h.things[0].state);
    assert_string_equal(h.things[0].attr, "0600 0 0");
    // Packages that an undo put back.
    change(f, "r-3", NULL, "curl",
           "{\"detail\": \"installed 7.88-1\", \"after\": {\"apt:\": \"curl:amd64\\tdigest\\n\"}}");
    assert_int_equal(expected(f).n, 2);
    change(f, "r-4", NULL, NULL,
           "{\"kind\": \"apt\", \"after\": {\"apt:\": \"wget:amd64\\t-\\ncurl:amd64\\t-\\n\"}}");
    assert_int_equal(expected(f).n, 1);
    // By a module that says nothing of what it left.
    change(f, "r-4", "/etc/motd", NULL, "{\"module\": \"foreign\"}");
    assert_int_equal(expected(f).n, 0);
}

static size_t events(struct fixture *f)
{
    static const char *const types[] = {"drift.found", NULL};
    struct ledger_filter filter = {.types = types};
    struct ledger_event *all;
    size_t n;
    assert_int_equal(ledger_list(f->l, &filter, f->a, &all, &n, &f->e), 0);
    return n;
}

static void told_once(void **state)
{
    struct fixture *f = *state;
    size_t n, fresh;
    change(f, "r-1", "/etc/motd", NULL,
           "{\"after\": {\"/etc/motd\": [\"" DIGEST1 "\", \"0644 0 0\"]}}");
    change(f, "r-1", NULL, "curl", "{\"detail\": \"installed 7.88-1\"}");
    change(f, "r-1", NULL, NULL, "{\"after\": {\"service:cron\": \"enabled running\"}}");
    struct drift_host h = expected(f);
    static const char answer[] =
        "[{\"state\": \"" DIGEST2 "\", \"attr\": \"0644 0 0\"}, {\"state\": \"7.90-1\"}, "
        "{\"state\": \"enabled stopped\", \"since\": 1700000000}]";
    struct drift_finding *found = compare(f, &h, answer, &n);
    assert_int_equal(n, 3);
    assert_int_equal(drift_record(f->l, "web1", found, n, &fresh, &f->e), 0);
    assert_int_equal(fresh, 3);
    assert_int_equal(drift_record(f->l, "web1", found, n, &fresh, &f->e), 0);
    assert_int_equal(fresh, 0);
    assert_int_equal(events(f), 3);
    // Changed again: the file is new, the others are known.
    found = compare(f, &h,
                    "[{\"state\": \"-\", \"attr\": \"-\"}, {\"state\": \"7.90-1\"}, {\"state\": "
                    "\"enabled stopped\"}]",
                    &n);
    assert_int_equal(drift_record(f->l, "web1", found, n, &fresh, &f->e), 0);
    assert_int_equal(fresh, 1);
    // Put right by andon, and changed as before: that is new.
    change(f, "r-2", NULL, NULL, "{\"after\": {\"service:cron\": \"enabled running\"}}");
    h = expected(f);
    found = compare(f, &h, answer, &n);
    assert_int_equal(drift_record(f->l, "web1", found, n, &fresh, &f->e), 0);
    assert_int_equal(fresh, 2); // and the file, that was something else in between
    static const char *const types[] = {"drift.found", NULL};
    struct ledger_filter filter = {.types = types, .path = "/etc/motd", .newest_first = true};
    struct ledger_event *all;
    assert_int_equal(ledger_list(f->l, &filter, f->a, &all, &n, &f->e), 0);
    assert_string_equal(dict_str(all[0].body, "expected", ""), "sha256 111111111111");
    assert_string_equal(dict_str(all[0].body, "run", ""), "r-1");
    filter = (struct ledger_filter){.types = types};
    assert_int_equal(ledger_list(f->l, &filter, f->a, &all, &n, &f->e), 0);
    assert_string_equal(dict_str(all[2].body, "unit", ""), "cron");
    assert_string_equal(dict_str(all[2].body, "since", ""), "2023-11-14T22:13:20.000000Z");
}

// Content out of a vault: compared, and never told.
static void what_a_vault_held_is_compared_by_a_keyed_digest(void **state)
{
    struct fixture *f = *state;
    const char *keyed = drift_keyed(f->l, "web1", "/etc/key", DIGEST1, true, f->a),
               *elsewhere = drift_keyed(f->l, "web2", "/etc/key", DIGEST1, true, f->a),
               *again = drift_keyed(f->l, "web1", "/etc/key", DIGEST1, true, f->a);
    size_t n;
    assert_non_null(keyed);
    assert_int_equal(strlen(keyed), 2 + 8 + 1 + 64);
    assert_null(strstr(keyed, "1111"));
    assert_string_equal(keyed, again);
    assert_string_not_equal(keyed, elsewhere);
    change(f, "r-1", "/etc/key", NULL,
           arena_printf(f->a, "{\"after\":{\"/etc/key\":[\"%s\",\"0600 0 0\"]}}", keyed));
    struct drift_host h = expected(f);
    assert_int_equal(h.n, 1);
    compare(f, &h, "[{\"state\":\"" DIGEST1 "\",\"attr\":\"0600 0 0\"}]", &n);
    assert_int_equal(n, 0);
    struct drift_finding *d =
        compare(f, &h, "[{\"state\":\"" DIGEST2 "\",\"attr\":\"0600 0 0\"}]", &n);
    assert_int_equal(n, 1);
    assert_string_equal(d->expected, "content out of a vault");
    assert_string_equal(d->found, "other content");
    d = compare(f, &h, "[{\"state\":\"-\",\"attr\":\"-\"}]", &n);
    assert_int_equal(n, 1);
    assert_string_equal(d->found, "nothing");
    // without the key nothing is said of the content
    ledger_close(f->l);
    unlink(arena_printf(f->a, "%s/secret.key", f->dir));
    assert_int_equal(ledger_open(f->dir, &(struct ledger_opts){.read_only = true}, &f->l, NULL), 0);
    h = expected(f);
    d = compare(f, &h, "[{\"state\":\"" DIGEST2 "\",\"attr\":\"0644 0 0\"}]", &n);
    assert_int_equal(n, 1);
    assert_string_equal(d->expected, "mode 0600, owner 0:0");
    assert_string_equal(d->found, "mode 0644, owner 0:0");
}

#define INSTALLED(version) "{\"detail\":\"installed " version "\"}"

static void of_rpm_several_versions_may_be_there(void **state)
{
    struct fixture *f = *state;
    size_t n;
    change(f, "r-1", NULL, "kernel", INSTALLED("6.2-1.x86_64"));
    struct drift_host h = expected(f);
    compare(f, &h, "[{\"state\":\"6.1-1.x86_64 6.2-1.x86_64\"}]", &n);
    assert_int_equal(n, 0);
    compare(f, &h, "[{\"state\":\"6.2-1.x86_64\"}]", &n);
    assert_int_equal(n, 0);
    struct drift_finding *d =
        compare(f, &h, "[{\"state\":\"6.1-1.x86_64 6.2-1.x86_64.1\",\"since\":7}]", &n);
    assert_int_equal(n, 1);
    assert_string_equal(d->expected, "6.2-1.x86_64");
    assert_string_equal(d->found, "6.1-1.x86_64 6.2-1.x86_64.1");
    assert_int_equal(d->since, 7000000);
    d = compare(f, &h, "[{\"state\":\"-\"}]", &n);
    assert_int_equal(n, 1);
    assert_string_equal(d->found, "not installed");
}

// What rpm's tasks leave, in the words of the helper's journal.
static void what_rpm_left_is_known_or_forgotten(void **state)
{
    static const char after[] = "{\"detail\":\"removed 6.1-1.x86_64\",\"after\":{\"dnf:rpm\":"
                                "\"kernel.x86_64\\t0123456789abcdef\\nold.noarch\\t-\\n"
                                "python3.11.x86_64\\t0123456789abcdef\\n\"}}";
    struct fixture *f = *state;
    change(f, "r-1", NULL, "python3.11", INSTALLED("3.11-1.x86_64"));
    change(f, "r-1", NULL, "python3", INSTALLED("3.9-1.x86_64"));
    change(f, "r-2", NULL, "kernel", after);
    change(f, "r-2", NULL, "old", "{\"detail\":\"removed 1-1.noarch\"}");
    change(f, "r-2", NULL, "python3", "{\"detail\":\"removed 3.9-1.x86_64\"}");
    struct drift_host h = expected(f);
    // one kernel is left, and of python3.11 nobody says which
    assert_int_equal(h.n, 2);
    assert_int_equal(h.unknown, 2);
    assert_string_equal(h.things[0].name, "python3");
    assert_string_equal(h.things[0].state, "-");
    assert_string_equal(h.things[1].name, "old");
    assert_string_equal(h.things[1].state, "-");
    change(f, "r-3", NULL, "kernel", "{\"detail\":\"removed 6.2-1.x86_64\"}"); // another run's
    h = expected(f);
    assert_int_equal(h.n, 3);
}

static void what_the_host_cannot_look_at_is_counted(void **state)
{
    struct fixture *f = *state;
    size_t n;
    const char *why = NULL;
    change(f, "r-1", NULL, "curl", "{\"detail\":\"installed 7.90-1\"}");
    change(f, "r-1", NULL, "nano", "{\"detail\":\"state present\"}");
    struct drift_host h = expected(f);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.unknown, 1);
    const char *answer = "[{\"unable\":\"it has no dpkg\"}]";
    struct value v = json(f, answer);
    compare(f, &h, answer, &n);
    assert_int_equal(n, 0);
    assert_int_equal(drift_unable(&v, &why), 1);
    assert_string_equal(why, "it has no dpkg");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_expected, setup, teardown),
        cmocka_unit_test_setup_teardown(what_differs, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_known, setup, teardown),
        cmocka_unit_test_setup_teardown(told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_vault_held_is_compared_by_a_keyed_digest, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(of_rpm_several_versions_may_be_there, setup, teardown),
        cmocka_unit_test_setup_teardown(what_rpm_left_is_known_or_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_host_cannot_look_at_is_counted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
