// Gates asked for real: processes, an HTTP server that behaves badly in every way, Prometheus'
// answers, canaries. Times are limits: whatever hangs is cut off at its own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "rollout/canary.h"
#include "rollout/gate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW INT64_C(1700000000000000)
#define MAX_GATES 64

static const char *const two_hosts[] = {"web1", "web2", NULL};

struct fixture {
    struct arena *a;
    struct gate_env env;
    struct gate gates[MAX_GATES];
    struct gate_result results[MAX_GATES];
    struct err e;
    char folder[64];
    int server_in, port, tls_port;
    pid_t server;
};

// --- a host sees {{ inventory_hostname }}, and {{ wrong }} is an error

static int expand(void *data, const char *host, const char *text, struct arena *a, const char **ret,
                  struct err *e)
{
    static const char name[] = "{{ inventory_hostname }}";
    (void)data;
    const char *at = strstr(text, name);
    if (strstr(text, "{{ wrong"))
        return err_set(e, ERR_UNDEFINED, POS_NONE, "'wrong' is undefined");
    *ret = at ? arena_printf(a, "%.*s%s%s", (int)(at - text), text, host ? host : "controller",
                             at + strlen(name))
              : text;
    return 0;
}

// The "run" is a script that prints what andon would.
static int command_argv(void *data, const struct gate *g, const char *const *hosts, struct arena *a,
                        const char *const **ret_argv, struct err *e)
{
    (void)data;
    (void)hosts;
    (void)e;
    const char **argv = arena_array(a, const char *, 4);
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = g->text;
    *ret_argv = argv;
    return 0;
}

static void start_server(struct fixture *f)
{
    int in[2], out[2];
    char line[64] = "";
    assert_int_equal(pipe(in) | pipe(out), 0);
    f->server = fork();
    if (f->server == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execlp("python3", "python3", TEST_ROOT "/fixtures/gate_server.py", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    f->server_in = in[1];
    size_t n = 0;
    while (n < sizeof line - 1 && read(out[0], line + n, 1) == 1 && line[n] != '\n')
        n++;
    close(out[0]);
    assert_int_equal(sscanf(line, "%d %d", &f->port, &f->tls_port), 2);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->a = arena_new();
    snprintf(f->folder, sizeof f->folder, "/tmp/andon-gate-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->env = (struct gate_env){.service = "shop",
                               .release = "1.2",
                               .rollout = "d-1",
                               .ring = "canary",
                               .hosts = two_hosts,
                               .now = NOW,
                               .expand = expand,
                               .command_argv = command_argv};
    start_server(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->server_in);
    waitpid(f->server, NULL, 0);
    char *command = arena_printf(f->a, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
    arena_free(f->a);
    err_release(&f->e);
    free(f);
    return 0;
}

static struct gate plain(enum gate_kind kind, const char *text)
{
    return (struct gate){.name = "gate",
                         .kind = kind,
                         .text = text,
                         .timeout = 5,
                         .tls_verify = true,
                         .min = NAN,
                         .max = NAN};
}

// Text with %p and %t as the ports of the server and of its twin with TLS, %f the folder.
static const char *fill(struct fixture *f, const char *text)
{
    struct buf b = BUF_INIT;
    for (; text && *text; text++)
        if (text[0] == '%' && (text[1] == 'p' || text[1] == 't'))
            buf_addi(&b, *++text == 'p' ? f->port : f->tls_port);
        else if (text[0] == '%' && text[1] == 'f' && *++text)
            buf_adds(&b, f->folder);
        else
            buf_addc(&b, *text);
    const char *s = text ? arena_strdup(f->a, buf_str(&b)) : NULL;
    buf_release(&b);
    return s;
}

static const struct gate_result *ask(struct fixture *f, struct gate g)
{
    g.text = fill(f, g.text);
    g.url = fill(f, g.url);
    f->gates[0] = g;
    err_release(&f->e);
    assert_int_equal(gate_sample(f->gates, 1, &f->env, f->a, f->results, -1, &f->e), 0);
    return &f->results[0];
}

static void expect(const struct gate_result *r, enum gate_answer answer, const char *detail)
{
    if (r->answer != answer || !strstr(r->detail, detail) || strchr(r->detail, '\n'))
        fail_msg("wanted %d '%s', got %d '%s'", answer, detail, r->answer, r->detail);
}

// --- commands

static const struct {
    const char *text;
    double timeout;
    enum gate_answer answer;
    const char *detail;
} commands[] = {
    {"true", 5, GATE_GREEN, "exit code 0"},
    {"echo fine", 5, GATE_GREEN, "exit code 0: fine"},
    {"echo one; echo two >&2; exit 3", 5, GATE_RED, "exit code 3, wanted exit code 0: one two"},
    {"seq 1 9; exit 1", 5, GATE_RED, "wanted exit code 0: 7 8 9"},
    {"printf 'a\\033[31mb\\377c\\n'; exit 1", 5, GATE_RED, ": a [31mb?c"},
    {"kill -9 $$", 5, GATE_RED, "ended by signal 9"},
    {"no-such-program-here", 5, GATE_RED, "exit code 127"},
    {"sleep 100", 0.4, GATE_RED, "not ended after 0.4 s"},
    {"yes", 0.4, GATE_RED, "not ended after 0.4 s"},
    {"test \"$ANDON_SERVICE/$ANDON_RELEASE/$ANDON_RING/$ANDON_HOSTS\" = 'shop/1.2/canary/web1 "
     "web2'",
     5, GATE_GREEN, "exit code 0"},
    {"test {{ inventory_hostname }} = controller", 5, GATE_GREEN, "exit code 0"},
    {"echo {{ wrong }}", 5, GATE_UNKNOWN, "'wrong' is undefined"},
    {"read line; echo \"<$line>\"", 5, GATE_GREEN, "<>"}, // nothing to read, and no waiting for it
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
    assert_true(clock_mono_ms() - began < 3000);
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
    assert_true(clock_mono_ms() - began < 6000);
    assert_gone(pid_in(f, "child"));
    assert_gone(pid_in(f, "shell"));
    // What it leaves behind when it ends in time is not waited for.
    began = clock_mono_ms();
    expect(ask(f, plain(GATE_COMMAND, "sleep 100 & echo $! > %f/child; echo left")), GATE_GREEN,
           "left");
    assert_true(clock_mono_ms() - began < 2000);
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
    assert_true(clock_mono_ms() - began < 4000);
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
    {"http://127.0.0.1:%p/ok", NULL, NULL, 0, 0, 5, false, GATE_GREEN, "/ok: status 200 in "},
    {"http://127.0.0.1:%p/ok", "version 1\\.[0-9]", NULL, 0, 0, 5, false, GATE_GREEN, "status 200"},
    {"http://127.0.0.1:%p/ok", "^version 2", NULL, 0, 0, 5, false, GATE_RED,
     "status 200, but '^version 2' is not in the body 'all good, version 1.2'"},
    {"http://127.0.0.1:%p/ok", "(", NULL, 0, 0, 5, false, GATE_UNKNOWN,
     "'(' is no regular expression"},
    {"http://127.0.0.1:%p/zero", "two", NULL, 0, 0, 5, false, GATE_GREEN, "status 200"},
    {"http://127.0.0.1:%p/status/503", NULL, NULL, 0, 0, 5, false, GATE_RED,
     "status 503, wanted 200 to 299"},
    {"http://127.0.0.1:%p/status/503", NULL, NULL, 503, 0, 5, false, GATE_GREEN, "status 503 in"},
    {"http://127.0.0.1:%p/ok", NULL, NULL, 204, 0, 5, false, GATE_RED, "status 200, wanted 204"},
    {"http://127.0.0.1:%p/redirect", NULL, NULL, 0, 0, 5, false, GATE_RED,
     "status 301, wanted 200 to 299"},
    {"http://127.0.0.1:%p/late/0.4", NULL, NULL, 0, 0.2, 5, false, GATE_RED,
     "wanted at most 0.2 s"},
    {"http://127.0.0.1:%p/late/0.1", NULL, NULL, 0, 3, 5, false, GATE_GREEN, "status 200"},
    {"http://127.0.0.1:%p/hang", NULL, NULL, 0, 0, 0.5, false, GATE_RED, "no answer within 0.5 s"},
    {"http://127.0.0.1:%p/drip", NULL, NULL, 0, 0, 2, false, GATE_RED,
     "status 200, but no end of the answer within 2 s"},
    {"http://127.0.0.1:%p/huge", "first line", NULL, 0, 0, 5, false, GATE_GREEN, "status 200"},
    {"http://127.0.0.1:%p/huge", "last line", NULL, 0, 0, 5, false, GATE_RED,
     "not in the first 256 KiB of the body"},
    {"http://127.0.0.1:%p/drop", NULL, NULL, 0, 0, 5, false, GATE_RED, "Empty reply from server"},
    {"http://127.0.0.1:%p/echo", "POST token=secret", "POST", 0, 0, 5, false, GATE_GREEN,
     "status 200"},
    {"http://127.0.0.1:%p/echo", "PUT token", "PUT", 0, 0, 5, false, GATE_GREEN, "status 200"},
    {"http://127.0.0.1:%p/ok", NULL, "HEAD", 0, 0, 5, false, GATE_GREEN, "status 200"},
    {"http://127.0.0.1:1/ok", NULL, NULL, 0, 0, 5, false, GATE_RED,
     "cannot connect: Connection refused"},
    {"http://no-such-host.invalid/ok", NULL, NULL, 0, 0, 5, false, GATE_RED, "resolve host"},
    {"https://127.0.0.1:%t/ok", NULL, NULL, 0, 0, 5, false, GATE_RED, "certificate"},
    {"https://127.0.0.1:%t/ok", NULL, NULL, 0, 0, 5, true, GATE_GREEN, "status 200"},
    {"https://127.0.0.1:%p/ok", NULL, NULL, 0, 0, 5, true, GATE_RED, "SSL"},
    {"file:///etc/passwd", NULL, NULL, 0, 0, 5, false, GATE_RED, "not supported"},
    {"http://user:pass@127.0.0.1:%p/status/500?token=secret", NULL, NULL, 0, 0, 5, false, GATE_RED,
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
    assert_true(clock_mono_ms() - began < 5000);
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
    assert_true(clock_mono_ms() - began < 3000);
    f->env.hosts = two_hosts;
}

// --- Prometheus

static const struct {
    const char *query;
    double min, max;
    bool empty_ok;
    enum gate_answer answer;
    const char *detail;
} queries[] = {
    {"good", 0.99, NAN, false, GATE_GREEN, "0.999, wanted at least 0.99"},
    {"good", NAN, 0.5, false, GATE_RED, "0.999 of {}, wanted at most 0.5"},
    {"up", 0.5, NAN, false, GATE_RED, "0.25 of {instance=\"web2\"}, wanted at least 0.5"},
    {"up", 0, 1, false, GATE_GREEN, "is the worst of 2, wanted 0 to 1"},
    {"up", 2, NAN, false, GATE_RED, "(and 1 more of 2)"},
    {"scalar", 0.9, 1, false, GATE_GREEN, "0.99, wanted 0.9 to 1"},
    {"nan", 0, NAN, false, GATE_RED, "nan of {instance=\"web1\"}, wanted at least 0"},
    {"nan", NAN, NAN, false, GATE_RED, "nan of"},
    {"inf", NAN, 5, false, GATE_RED, "inf of {}, wanted at most 5"},
    {"inf", 5, NAN, false, GATE_GREEN, "inf, wanted at least 5"},
    {"empty", 0, NAN, false, GATE_RED, "the query finds no sample"},
    {"empty", 0, NAN, true, GATE_GREEN, "which is fine"},
    {"text", 0, NAN, false, GATE_UNKNOWN, "no answer of Prometheus"},
    {"bad(", 0, NAN, false, GATE_UNKNOWN,
     "Prometheus says bad_data: parse error: unclosed left parenthesis"},
    {"html", 0, NAN, false, GATE_UNKNOWN,
     "status 200, but no answer of Prometheus: '<html><body>Sign in"},
    {"other", 0, NAN, false, GATE_UNKNOWN, "no answer of Prometheus"},
    {"range", 0, NAN, false, GATE_UNKNOWN, "ranges, not with numbers"},
};

static void prometheus(void **state)
{
    struct fixture *f = *state;
    size_t n = sizeof queries / sizeof *queries;
    for (size_t i = 0; i < n; i++) {
        struct gate *g = &f->gates[i];
        *g = plain(GATE_PROMETHEUS, queries[i].query);
        g->url = fill(f, "http://127.0.0.1:%p/prom/");
        g->method = i % 2 ? "POST" : "GET";
        g->min = queries[i].min;
        g->max = queries[i].max;
        g->empty_ok = queries[i].empty_ok;
    }
    assert_int_equal(gate_sample(f->gates, n, &f->env, f->a, f->results, -1, &f->e), 0);
    for (size_t i = 0; i < n; i++)
        expect(&f->results[i], queries[i].answer, queries[i].detail);
    struct gate g = plain(GATE_PROMETHEUS, "good");
    g.url = "http://127.0.0.1:1";
    expect(ask(f, g), GATE_UNKNOWN,
           "http://127.0.0.1:1/api/v1/query: cannot connect: Connection refused");
    g.url = "http://127.0.0.1:%p/hang?";
    g.timeout = 0.4;
    expect(ask(f, g), GATE_UNKNOWN, "no answer within 0.4 s");
    g.url = NULL;
    expect(ask(f, g), GATE_UNKNOWN, "does not say the url");
}

static const struct dict *dict_of(struct fixture *f, const char *json)
{
    struct value v;
    json = fill(f, json);
    assert_int_equal(json_parse(f->a, json, strlen(json), &v, &f->e), 0);
    return v.u.dict;
}

static struct gate canary(struct fixture *f, const char *json)
{
    struct gate g = plain(GATE_CANARY, NULL);
    g.canary = dict_of(f, json);
    g.url = "http://127.0.0.1:%p/prom";
    return g;
}

// The real one, where it is installed (Debian's package prometheus): it watches itself.

static pid_t start_prometheus(struct fixture *f, int port)
{
    char *config = arena_printf(f->a, "%s/prometheus.yml", f->folder);
    char *text = arena_printf(f->a,
                              "scrape_configs: [{job_name: self, scrape_interval: 1s, "
                              "static_configs: [{targets: ['127.0.0.1:%d']}]}]\n",
                              port);
    assert_int_equal(file_write_atomic(config, text, strlen(text), 0600, &f->e), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char file[128], data[128], listen[64];
        snprintf(file, sizeof file, "--config.file=%s", config);
        snprintf(data, sizeof data, "--storage.tsdb.path=%s/data", f->folder);
        snprintf(listen, sizeof listen, "--web.listen-address=127.0.0.1:%d", port);
        execlp("prometheus", "prometheus", file, data, listen, "--log.level=error", (char *)NULL);
        _exit(127);
    }
    return pid;
}

// A port that was free a moment ago.
static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static void real_prometheus(void **state)
{
    static const char *const self[] = {"127.0.0.1", NULL};
    struct fixture *f = *state;
    if (system("command -v prometheus >/dev/null") != 0)
        skip();
    int port = free_port();
    pid_t pid = start_prometheus(f, port);
    f->env.hosts = f->env.baseline_hosts = self;
    f->env.now = clock_real_us();
    struct gate g = plain(GATE_PROMETHEUS, "up{instance=~\"($hosts):[0-9]+\"}");
    g.url = arena_printf(f->a, "http://127.0.0.1:%d/", port);
    g.min = 1;
    for (int i = 0; i < 100 && ask(f, g)->answer != GATE_GREEN; i++) {
        usleep(100000);
        f->env.now = clock_real_us();
    }
    expect(&f->results[0], GATE_GREEN, "1, wanted at least 1");
    g.method = "POST";
    g.text = "sum(rate(up[1m])";
    expect(ask(f, g), GATE_UNKNOWN, "Prometheus says bad_data: ");
    g.text = "scalar(vector(0))";
    expect(ask(f, g), GATE_RED, "0, wanted at least 1");
    g.text = "vector(0) / 0";
    expect(ask(f, g), GATE_RED, "nan of {}");
    g.text = "no_such_metric";
    expect(ask(f, g), GATE_RED, "the query finds no sample");
    g.text = "up[1m]";
    expect(ask(f, g), GATE_UNKNOWN, "ranges, not with numbers");
    // A canary of values that are the same on both sides.
    f->env.ring_finished = f->env.now - INT64_C(60000000);
    struct gate c = canary(
        f, "{\"step\": 1, \"points\": 20, \"metrics\": [{\"name\": \"now\", "
           "\"query\": \"vector(time()) * 0 + count(up{instance!~'$hosts'} or vector(1))\"}]}");
    c.url = g.url;
    expect(ask(f, c), GATE_GREEN, "score 100");
    const struct value *metrics = dict_get(f->results[0].values.u.dict, "metrics");
    const struct dict *ring = dict_get(metrics->u.list->items[0].u.dict, "ring")->u.dict;
    assert_int_equal(dict_int(ring, "n", 0), 61);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    f->env = (struct gate_env){.service = "shop",
                               .hosts = two_hosts,
                               .now = NOW,
                               .expand = expand,
                               .command_argv = command_argv};
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

// --- canary

static void canaries(void **state)
{
    static const char *const ring[] = {"ring1", "ring2", NULL},
                             *const slow[] = {"slow1", "ring2", NULL},
                             *const baseline[] = {"base1", "base2.example", "base3", NULL};
    struct fixture *f = *state;
    f->env.hosts = ring;
    struct gate g =
        canary(f, "{\"metrics\": [{\"name\": \"latency\", \"direction\": \"increase\","
                  "\"query\": \"latency{instance=~\\\"$hosts\\\"}\", \"critical\": true}]}");
    expect(ask(f, g), GATE_UNKNOWN, "no baseline hosts");
    f->env.baseline_hosts = baseline;
    expect(ask(f, g), GATE_UNKNOWN, "the ring has not started");
    f->env.ring_finished = NOW - INT64_C(5000000);
    expect(ask(f, g), GATE_UNKNOWN, "too early: nothing was measured yet");
    f->env.ring_finished = NOW - INT64_C(90000000);
    expect(ask(f, g), GATE_UNKNOWN, "too early: latency has 14 of 50 values");
    f->env.ring_finished = NOW - INT64_C(1800000000);
    expect(ask(f, g), GATE_GREEN,
           "score 100 of 100 (95 passes): every metric is as on the baseline");
    assert_false(f->results[0].final);
    f->env.hosts = slow;
    expect(ask(f, g), GATE_RED,
           "score 0 of 100, wanted 95: the critical metric 'latency' is judged high; latency high "
           "(mean 15");
    assert_true(f->results[0].final);
    const struct value *metrics = dict_get(f->results[0].values.u.dict, "metrics");
    const struct dict *m = metrics->u.list->items[0].u.dict;
    assert_int_equal(dict_int(dict_get(m, "ring")->u.dict, "n", 0), 2 * 121);
    assert_int_equal(dict_int(dict_get(m, "baseline")->u.dict, "n", 0), 3 * 121);
    // One query per host; only falling values are findings.
    g = canary(f, "{\"metrics\": [{\"name\": \"latency\", \"direction\": \"decrease\","
                  "\"query\": \"latency{instance=\\\"{{ inventory_hostname }}\\\"}\"}]}");
    expect(ask(f, g), GATE_GREEN, "score 100");
    // One metric of two groups is bad: 40 of 100 are left.
    g = canary(f, "{\"groups\": {\"speed\": 60, \"errors\": 40}, \"metrics\": ["
                  "{\"name\": \"latency\", \"groups\": \"speed\", \"query\": "
                  "\"l{instance=~\\\"$hosts\\\"}\"},"
                  "{\"name\": \"errors\", \"groups\": \"errors\", \"nan\": \"replace\","
                  "\"query\": \"nothing{instance=~\\\"$hosts\\\"}\"}]}");
    expect(ask(f, g), GATE_RED, "score 40 of 100, wanted 95: latency high");
    assert_false(f->results[0].final);
    g = canary(f, "{\"metrics\": [{\"name\": \"errors\", \"query\": "
                  "\"nothing{instance=~\\\"$hosts\\\"}\"}]}");
    expect(ask(f, g), GATE_RED, "1 of 1 metrics have no data; errors no data");
    g = canary(f, "{\"metrics\": [{\"name\": \"errors\", \"query\": \"bad(\\\"$hosts\"}]}");
    g.url = "http://127.0.0.1:1/";
    expect(ask(f, g), GATE_UNKNOWN,
           "errors: http://127.0.0.1:1/api/v1/query_range: cannot connect");
}

static void canaries_by_command(void **state)
{
    static const char *const baseline[] = {"base1", NULL};
    struct fixture *f = *state;
    f->env.hosts = two_hosts;
    f->env.baseline_hosts = baseline;
    f->env.ring_finished = NOW - INT64_C(1800000000);
    struct gate g = canary(
        f, "{\"points\": 20, \"metrics\": [{\"name\": \"m\", \"command\":"
           "\"test \\\"$ANDON_BASELINE_HOSTS\\\" = base1 && test $ANDON_TO = 1700000000.000 &&"
           "echo \\\"{\\\\\\\"ring\\\\\\\": [$(seq -s, 21 60)], \\\\\\\"baseline\\\\\\\": [null, "
           "$(seq -s, 1 40)]}\\\"\"}]}");
    expect(ask(f, g), GATE_RED, "score 0 of 100, wanted 95: m high (mean 40.5, baseline 20.5)");
    assert_false(f->results[0].final);
    g = canary(f, "{\"metrics\": [{\"name\": \"m\", \"command\": \"echo hello\"}]}");
    expect(ask(f, g), GATE_UNKNOWN,
           "m: it does not print {\"ring\": [numbers], \"baseline\": [numbers]}, but 'hello'");
    g = canary(f,
               "{\"metrics\": [{\"name\": \"m\", \"command\": \"echo no database >&2; exit 4\"}]}");
    expect(ask(f, g), GATE_UNKNOWN, "m: exit code 4: no database");
    g = canary(f, "{\"metrics\": [{\"name\": \"m\", \"command\": \"sleep 60\"}]}");
    g.timeout = 0.3;
    expect(ask(f, g), GATE_UNKNOWN, "m: not ended after 0.3 s");
}

static const struct {
    const char *json, *problem; // NULL: none
} dicts[] = {
    {"{\"metrics\": [{\"name\": \"m\", \"query\": \"x{$hosts}\"}]}", NULL},
    {"{\"metrics\": [{\"name\": \"m\", \"command\": \"x\", \"allowed_increase\": 1.2}], \"step\": "
     "\"30s\"}",
     NULL},
    {"{}", "needs the key 'metrics'"},
    {"{\"metrics\": []}", "'metrics' is a list of metrics"},
    {"{\"metrcs\": []}", "did you mean 'metrics'"},
    {"{\"metrics\": [{\"name\": \"m\"}]}", "has either 'query' or 'command'"},
    {"{\"metrics\": [{\"query\": \"x{$hosts}\"}]}", "needs the key 'name'"},
    {"{\"metrics\": [{\"name\": \"m\", \"query\": \"up\"}]}",
     "ring and baseline would be the same"},
    {"{\"metrics\": [{\"name\": \"m\", \"command\": \"x\", \"directon\": \"up\"}]}",
     "did you mean 'direction'"},
    {"{\"metrics\": [{\"name\": \"m\", \"command\": \"x\", \"direction\": \"up\"}]}", "direction"},
    {"{\"metrics\": [{\"name\": \"m\", \"command\": \"x\"}, {\"name\": \"m\", \"command\": "
     "\"x\"}]}",
     "two metrics are called 'm'"},
    {"{\"metrics\": [{\"name\": \"m\", \"command\": \"x\"}], \"groups\": {\"g\": 10}}",
     "no metric is in the group 'g'"},
    {"{\"metrics\": [{\"name\": \"m\", \"command\": \"x\"}], \"groups\": {\"metrics\": 110}}",
     "from 0 to 100"},
    {"{\"metrics\": [{\"name\": \"m\", \"command\": \"x\"}], \"pass\": 50, \"marginal\": 60}",
     "'marginal' is not above it"},
    {"{\"metrics\": [{\"name\": \"m\", \"command\": \"x\"}], \"window\": 60}",
     "'window' is too short"},
    {"{\"metrics\": [{\"name\": \"m\", \"command\": \"x\", \"critical_increase\": -1}]}",
     "below 0"},
};

static void take_problem(void *data, struct pos pos, const char *msg)
{
    struct buf *b = data;
    (void)pos;
    buf_addf(b, "%s\n", msg);
}

static void canary_dicts(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof dicts / sizeof *dicts; i++) {
        struct buf b = BUF_INIT;
        bool ok = canary_check(dict_of(f, dicts[i].json), take_problem, &b);
        if (ok != !dicts[i].problem || (!ok && !strstr(buf_str(&b), dicts[i].problem)))
            fail_msg("%s: '%s'", dicts[i].json, buf_str(&b));
        buf_release(&b);
    }
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
    assert_true(clock_mono_ms() - began < 3000);
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
        cmocka_unit_test(prometheus),
        cmocka_unit_test(real_prometheus),
        cmocka_unit_test(local_gates),
        cmocka_unit_test(canaries),
        cmocka_unit_test(canaries_by_command),
        cmocka_unit_test(canary_dicts),
        cmocka_unit_test(at_the_same_time),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
