// Gates that ask for metrics: Prometheus' answers, good and bad, and canaries; with the real one
// where it is installed.
#include "gate_test.h"

#include "rollout/canary.h"

#include <arpa/inet.h>
#include <sys/socket.h>

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

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus),   cmocka_unit_test(real_prometheus),
        cmocka_unit_test(canaries),     cmocka_unit_test(canaries_by_command),
        cmocka_unit_test(canary_dicts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
