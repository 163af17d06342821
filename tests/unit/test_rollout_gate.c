// Gates asked for real: processes, an HTTP server that behaves badly in every way, what needs
// nobody. Times are limits: whatever hangs is cut off at its own.
#include "gate_test.h"

#include <errno.h>
#include <sys/resource.h>

// --- commands

static const struct {
    const char *text;
    double timeout;
    enum gate_answer answer;
    const char *detail;
} commands[] = {
    {"true", 20, GATE_GREEN, "exit code 0"},
    {"echo fine", 20, GATE_GREEN, "exit code 0: fine"},
    {"echo one; echo two >&2; exit 3", 20, GATE_RED, "exit code 3, wanted exit code 0: one two"},
    {"seq 1 9; exit 1", 20, GATE_RED, "wanted exit code 0: 7 8 9"},
    {"printf 'a\\033[31mb\\377c\\n'; exit 1", 20, GATE_RED, ": a [31mb?c"},
    {"kill -9 $$", 20, GATE_RED, "ended by signal 9"},
    {"no-such-program-here", 20, GATE_RED, "exit code 127"},
    {"sleep 100", 0.4, GATE_RED, "not ended after 0.4 s"},
    {"yes", 0.4, GATE_RED, "not ended after 0.4 s"},
    {"test \"$ANDON_SERVICE/$ANDON_RELEASE/$ANDON_RING/$ANDON_HOSTS\" = 'shop/1.2/canary/web1 "
     "web2'",
     20, GATE_GREEN, "exit code 0"},
    {"test {{ inventory_hostname }} = controller", 20, GATE_GREEN, "exit code 0"},
    {"echo {{ wrong }}", 20, GATE_UNKNOWN, "'wrong' is undefined"},
    {"read line; echo \"<$line>\"", 20, GATE_GREEN, "<>"}, // nothing to read, and no waiting for it
};

static void commands_on_the_controller(void **state)
{
    struct fixture *f = *state;
    size_t n = sizeof commands / sizeof *commands;
    for (size_t i = 0; i < n; i++) {
        f->gates[i] = plain(GATE_COMMAND, commands[i].text);
        f->gates[i].timeout = commands[i].timeout;
    }
    int64_t began = clock_mono_ms();
    assert_int_equal(gate_sample(f->gates, n, &f->env, f->a, f->results, -1, &f->e), 0);
    assert_true(clock_mono_ms() - began < 10000);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(f->results[i].gate, &f->gates[i]);
        expect(&f->results[i], commands[i].answer, commands[i].detail);
    }
    const struct value *code = dict_get(f->results[2].values.u.dict, "exit");
    assert_true(code && code->u.i == 3);
}

static pid_t pid_in(struct fixture *f, const char *name)
{
    char *text;
    size_t len;
    const char *path = arena_printf(f->a, "%s/%s", f->folder, name);
    assert_int_equal(file_read(f->a, path, 100, &text, &len, &f->e), 0);
    return (pid_t)atoi(text);
}

// A process whose parent has gone may be a zombie for a moment: init is slow.
static void assert_gone(pid_t pid)
{
    for (int i = 0; i < 100 && kill(pid, 0) == 0; i++) {
        char state = 0;
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        FILE *stat = fopen(path, "r");
        if (!stat || (fscanf(stat, "%*d (%*[^)]) %c", &state) == 1 && state == 'Z')) {
            if (stat)
                fclose(stat);
            return;
        }
        fclose(stat);
        usleep(20000);
    }
    assert_true(kill(pid, 0) < 0 && errno == ESRCH);
}

static void children_are_killed(void **state)
{
    struct fixture *f = *state;
    struct gate g = plain(GATE_COMMAND, "sleep 100 & echo $! > %f/child; echo $$ > %f/shell; wait");
    g.timeout = 1.5; // long enough for it to be running then
    expect(ask(f, g), GATE_RED, "not ended after 1.5 s");
    assert_gone(pid_in(f, "child"));
    assert_gone(pid_in(f, "shell"));
    // One that does not listen.
    int64_t began = clock_mono_ms();
    g.text =
        "trap '' TERM; sleep 100 & echo $! > %f/child; echo $$ > %f/shell; while :; do wait; done";
    expect(ask(f, g), GATE_RED, "not ended after 1.5 s");
    assert_true(clock_mono_ms() - began < 10000);
    assert_gone(pid_in(f, "child"));
    assert_gone(pid_in(f, "shell"));
    // What it leaves behind when it ends in time is not waited for.
    began = clock_mono_ms();
    expect(ask(f, plain(GATE_COMMAND, "sleep 100 & echo $! > %f/child; echo left")), GATE_GREEN,
           "left");
    assert_true(clock_mono_ms() - began < 10000);
    kill(pid_in(f, "child"), SIGKILL);
}

static void stopped(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    f->gates[0] = plain(GATE_COMMAND, fill(f, "sleep 100 & echo $! > %f/child; echo x >&9; wait"));
    f->gates[0].timeout = 50;
    // The command itself says stop: it is running then for certain.
    assert_int_equal(dup2(ends[1], 9), 9);
    f->gates[1] = plain(GATE_HTTP, fill(f, "http://127.0.0.1:%p/hang"));
    int64_t began = clock_mono_ms();
    int r = gate_sample(f->gates, 2, &f->env, f->a, f->results, ends[0], &f->e);
    assert_int_equal(r, ERR_CANCELLED);
    assert_true(clock_mono_ms() - began < 10000);
    assert_gone(pid_in(f, "child"));
    close(9);
    close(ends[0]);
    close(ends[1]);
}

// --- on hosts

#define STATS(web1, web2)                                                                          \
    "echo '{\"event\": \"stats\", \"hosts\": {\"web1\": {" web1 "}, \"web2\": {" web2 "}}}'"

static void on_hosts(void **state)
{
    struct fixture *f = *state;
    struct gate g = plain(GATE_ON_HOSTS, STATS("\"ok\": 1", "\"ok\": 1"));
    expect(ask(f, g), GATE_GREEN, "2 hosts ok");
    g.text =
        "echo '{\"event\": \"result\", \"status\": \"failed\", \"host\": \"web2\", \"result\": "
        "{\"msg\": \"disk full\"}}';" STATS("\"ok\": 1", "\"failed\": 1") "; exit 2";
    expect(ask(f, g), GATE_RED, "1 of 2 hosts failed (0 may): web2; web2: disk full");
    g.max_failed = (struct amount){.set = true, .percent = true, .n = 50};
    expect(ask(f, g), GATE_GREEN, "1 of 2 hosts failed (1 may)");
    g.text = STATS("\"unreachable\": 1", "\"failed\": 1") "; exit 4";
    expect(ask(f, g), GATE_RED, "2 of 2 hosts failed (1 may): web1, web2");
    g.text = "echo '{\"event\": \"stats\", \"hosts\": {\"web1\": {\"ok\": 1}}}'";
    expect(ask(f, g), GATE_RED, "it ran on 1 of 2 hosts");
    g.kind = GATE_PLAYBOOK;
    expect(ask(f, g), GATE_GREEN, "1 host ok");
    g.text = "echo 'play.yml:3:5: wrong' >&2; exit 2";
    expect(ask(f, g), GATE_RED, "exit code 2: play.yml:3:5: wrong");
    g.text = "echo hello";
    expect(ask(f, g), GATE_RED, "exit code 0, but it said nothing of hosts");
    // Two million bytes before the last line do not hide it.
    g.text = "yes '{\"event\": \"task\"}' | head -n 100000; " STATS("\"ok\": 1", "\"ok\": 1");
    g.timeout = 20;
    expect(ask(f, g), GATE_GREEN, "2 hosts ok");
}

// --- HTTP

static const struct {
    const char *url, *body, *method;
    int status;
    double latency, timeout;
    bool no_verify;
    enum gate_answer answer;
    const char *detail;
} probes[] = {
    {"http://127.0.0.1:%p/ok", NULL, NULL, 0, 0, 20, false, GATE_GREEN, "/ok: status 200 in "},
    {"http://127.0.0.1:%p/ok", "version 1\\.[0-9]", NULL, 0, 0, 20, false, GATE_GREEN,
     "status 200"},
    {"http://127.0.0.1:%p/ok", "^version 2", NULL, 0, 0, 20, false, GATE_RED,
     "status 200, but '^version 2' is not in the body 'all good, version 1.2'"},
    {"http://127.0.0.1:%p/ok", "(", NULL, 0, 0, 20, false, GATE_UNKNOWN,
     "'(' is no regular expression"},
    {"http://127.0.0.1:%p/zero", "two", NULL, 0, 0, 20, false, GATE_GREEN, "status 200"},
    {"http://127.0.0.1:%p/status/503", NULL, NULL, 0, 0, 20, false, GATE_RED,
     "status 503, wanted 200 to 299"},
    {"http://127.0.0.1:%p/status/503", NULL, NULL, 503, 0, 20, false, GATE_GREEN, "status 503 in"},
    {"http://127.0.0.1:%p/ok", NULL, NULL, 204, 0, 20, false, GATE_RED, "status 200, wanted 204"},
    {"http://127.0.0.1:%p/redirect", NULL, NULL, 0, 0, 20, false, GATE_RED,
     "status 301, wanted 200 to 299"},
    {"http://127.0.0.1:%p/late/0.4", NULL, NULL, 0, 0.2, 20, false, GATE_RED,
     "wanted at most 0.2 s"},
    {"http://127.0.0.1:%p/late/0.1", NULL, NULL, 0, 15, 20, false, GATE_GREEN, "status 200"},
    {"http://127.0.0.1:%p/hang", NULL, NULL, 0, 0, 0.5, false, GATE_RED, "no answer within 0.5 s"},
    {"http://127.0.0.1:%p/drip", NULL, NULL, 0, 0, 2, false, GATE_RED,
     "status 200, but no end of the answer within 2 s"},
    {"http://127.0.0.1:%p/huge", "first line", NULL, 0, 0, 20, false, GATE_GREEN, "status 200"},
    {"http://127.0.0.1:%p/huge", "last line", NULL, 0, 0, 20, false, GATE_RED,
     "not in the first 256 KiB of the body"},
    {"http://127.0.0.1:%p/drop", NULL, NULL, 0, 0, 20, false, GATE_RED, "Empty reply from server"},
    {"http://127.0.0.1:%p/echo", "POST token=secret", "POST", 0, 0, 20, false, GATE_GREEN,
     "status 200"},
    {"http://127.0.0.1:%p/echo", "PUT token", "PUT", 0, 0, 20, false, GATE_GREEN, "status 200"},
    {"http://127.0.0.1:%p/ok", NULL, "HEAD", 0, 0, 20, false, GATE_GREEN, "status 200"},
    {"http://127.0.0.1:1/ok", NULL, NULL, 0, 0, 20, false, GATE_RED,
     "cannot connect: Connection refused"},
    {"http://no-such-host.invalid/ok", NULL, NULL, 0, 0, 20, false, GATE_RED, "resolve host"},
    {"https://127.0.0.1:%t/ok", NULL, NULL, 0, 0, 20, false, GATE_RED, "certificate"},
    {"https://127.0.0.1:%t/ok", NULL, NULL, 0, 0, 20, true, GATE_GREEN, "status 200"},
    {"https://127.0.0.1:%p/ok", NULL, NULL, 0, 0, 20, true, GATE_RED, "SSL"},
    {"file:///etc/passwd", NULL, NULL, 0, 0, 20, false, GATE_RED, "not supported"},
    {"http://user:pass@127.0.0.1:%p/status/500?token=secret", NULL, NULL, 0, 0, 20, false, GATE_RED,
     "/status/500: status 500"},
};

static void http_probes(void **state)
{
    struct fixture *f = *state;
    size_t n = sizeof probes / sizeof *probes;
    struct value headers = value_dict(f->a);
    dict_set(headers.u.dict, "X-Token", value_cstr("secret"));
    for (size_t i = 0; i < n; i++) {
        struct gate *g = &f->gates[i];
        *g = plain(GATE_HTTP, fill(f, probes[i].url));
        g->body = probes[i].body;
        g->method = probes[i].method;
        g->status_min = g->status_max = probes[i].status;
        g->max_seconds = probes[i].latency;
        g->timeout = probes[i].timeout;
        g->tls_verify = !probes[i].no_verify;
        g->headers = headers.u.dict;
    }
    int64_t began = clock_mono_ms();
    assert_int_equal(gate_sample(f->gates, n, &f->env, f->a, f->results, -1, &f->e), 0);
    assert_true(clock_mono_ms() - began < 15000);
    for (size_t i = 0; i < n; i++) {
        expect(&f->results[i], probes[i].answer, probes[i].detail);
        assert_null(strstr(f->results[i].detail, "secret"));
        assert_null(strstr(f->results[i].detail, "pass@"));
    }
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    assert_true(use.ru_maxrss < 200000); // KiB; sanitizers take most of it
}

static void http_per_host(void **state)
{
    static const char *const hosts[] = {"web1", "bad1", "web2", "bad2", NULL};
    struct fixture *f = *state;
    struct gate g = plain(GATE_HTTP, "http://127.0.0.1:%p/host/{{ inventory_hostname }}");
    g.body = "I am";
    expect(ask(f, g), GATE_GREEN, "2 hosts answered, the slowest in ");
    f->env.hosts = hosts;
    expect(ask(f, g), GATE_RED,
           "2 of 4 hosts failed (0 may): bad1: status 500, wanted 200 to 299; bad2: ");
    g.max_failed = (struct amount){.set = true, .n = 2};
    expect(ask(f, g), GATE_GREEN, "2 of 4 hosts failed (2 may)");
    assert_int_equal(dict_int(f->results[0].values.u.dict, "failed", -1), 2);
    g.text = "http://127.0.0.1:%p/{{ wrong }}";
    expect(ask(f, g), GATE_UNKNOWN, "web1: 'wrong' is undefined");
    f->env.hosts = two_hosts;
}

static void http_many_hosts(void **state)
{
    enum { N = 300 };
    struct fixture *f = *state;
    const char *hosts[N + 1];
    for (int i = 0; i < N; i++)
        hosts[i] = arena_printf(f->a, "host%d", i);
    hosts[N] = NULL;
    f->env.hosts = hosts;
    struct gate g = plain(GATE_HTTP, "http://127.0.0.1:%p/host/{{ inventory_hostname }}");
    g.timeout = 30;
    expect(ask(f, g), GATE_GREEN, "300 hosts answered");
    // All hang: one deadline for all, also for those that were not even asked.
    g.text = "http://127.0.0.1:%p/hang?{{ inventory_hostname }}";
    g.timeout = 1;
    int64_t began = clock_mono_ms();
    expect(ask(f, g), GATE_RED, "300 of 300 hosts failed");
    assert_true(clock_mono_ms() - began < 10000);
    f->env.hosts = two_hosts;
}

// --- without asking anybody

static void local_gates(void **state)
{
    struct fixture *f = *state;
    struct gate g = plain(GATE_BAKE, NULL);
    g.seconds = 3600;
    expect(ask(f, g), GATE_UNKNOWN, "the ring has not started");
    f->env.ring_started = NOW - INT64_C(7200000000);
    expect(ask(f, g), GATE_GREEN, "baked for 2 h 00 min");
    f->env.ring_finished = NOW - INT64_C(125000000);
    expect(ask(f, g), GATE_RED, "baked for 2 min 05 s of 1 h 00 min");
    f->env.ring_finished = NOW + INT64_C(60000000);
    expect(ask(f, g), GATE_RED, "the clock was set back");
    f->env.ring_started = f->env.ring_finished = 0;
    g = plain(GATE_HEALTH, NULL);
    expect(ask(f, g), GATE_GREEN, "no host failed in the run");
    f->env.n_failed = 1;
    expect(ask(f, g), GATE_RED, "1 of 2 hosts failed in the run (0 may)");
    g.max_failed = (struct amount){.set = true, .percent = true, .n = 50};
    expect(ask(f, g), GATE_GREEN, "(1 may)");
    f->env.n_failed = 0;
    struct calendar_freeze freeze = {NOW - 1000000, NOW + 1000000, "inventory day", POS_NONE};
    g = plain(GATE_WINDOW, NULL);
    expect(ask(f, g), GATE_GREEN, "the calendar allows it");
    g.calendar = (struct calendar){.freezes = &freeze, .n_freezes = 1};
    expect(ask(f, g), GATE_RED, "inventory day");
}

// All of it at the same time takes as long as the slowest alone.
static void at_the_same_time(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++) {
        f->gates[i] = i % 2 ? plain(GATE_COMMAND, "sleep 0.5")
                            : plain(GATE_HTTP, fill(f, "http://127.0.0.1:%p/late/0.5"));
    }
    int64_t began = clock_mono_ms();
    assert_int_equal(gate_sample(f->gates, 20, &f->env, f->a, f->results, -1, &f->e), 0);
    assert_true(clock_mono_ms() - began < 6000);
    for (int i = 0; i < 20; i++) {
        expect(&f->results[i], GATE_GREEN, "");
        assert_true(f->results[i].seconds >= 0.4);
    }
    assert_int_equal(gate_sample(f->gates, 0, &f->env, f->a, f->results, -1, &f->e), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_on_the_controller),
        cmocka_unit_test(children_are_killed),
        cmocka_unit_test(stopped),
        cmocka_unit_test(on_hosts),
        cmocka_unit_test(http_probes),
        cmocka_unit_test(http_per_host),
        cmocka_unit_test(http_many_hosts),
        cmocka_unit_test(local_gates),
        cmocka_unit_test(at_the_same_time),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
