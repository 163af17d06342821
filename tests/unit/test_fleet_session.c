// Sessions over the local transport with a helper that does what the test asks: results, content in
// both directions, lost helpers, limits in time, and the end of a fleet.
#include "fleet_test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static struct events events;

static int open_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

// Every test: no descriptor and no child is left behind.
static int fds_before;

static int setup(void **state)
{
    (void)state;
    fleet_close(test_fleet(&events), 0); // libuv keeps two descriptors of its own
    fds_before = open_fds();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&events.log);
    int pid = waitpid(-1, NULL, WNOHANG);
    if (pid != -1 || errno != ECHILD) {
        print_error("a child is left\n");
        return -1;
    }
    if (open_fds() != fds_before) {
        print_error("%d descriptors are left\n", open_fds() - fds_before);
        return -1;
    }
    return 0;
}

static void pings(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    struct probe p;
    probe_run(&p, f, c, "ping", 0);
    assert_int_equal(p.status, CONN_OK);
    assert_string_equal(buf_str(&p.result), "{\"ping\": \"pong\", \"changed\": false}");
    assert_string_equal(dict_str(conn_hello(c)->u.dict, "user", ""), "fake");
    assert_string_equal(buf_str(&events.log), "connected \n");
    probe_release(&p);
    fleet_close(f, 1000);
}

static void runs_many_at_once_in_one_session(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    static struct probe p[200];
    for (int i = 0; i < 200; i++) {
        probe_init(&p[i], i % 2 ? "big" : "ping", 10000 * i);
        probe_submit(&p[i], c);
        assert_int_equal(p[i].calls, 0);
    }
    run(f);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(p[i].calls, 1);
        assert_int_equal(p[i].status, CONN_OK);
        if (i % 2)
            assert_int_equal(p[i].result.len, strlen("{\"s\": \"\"}") + 10000 * (size_t)i);
        probe_release(&p[i]);
    }
    assert_string_equal(buf_str(&events.log), "connected \n");
    fleet_close(f, 1000);
}

static void same_login_same_connection(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn_params p = {.host = "h", .user = "u"}, q = p;
    struct conn *c = test_conn(f, &p);
    p.name = "other name";
    assert_ptr_equal(c, test_conn(f, &p));
    q.password = "x";
    assert_ptr_not_equal(c, test_conn(f, &q));
    q = p;
    q.port = 23;
    assert_ptr_not_equal(c, test_conn(f, &q));
    fleet_close(f, 0);
}

// --- content

#define BIG (7u * 1024 * 1024 + 13)

static long read_pattern(void *ctx, uint64_t off, void *buf, size_t n, struct err *e)
{
    (void)ctx;
    if (off > 100000)
        return err_set(e, ERR_IO, POS_NONE, "broke at %d", 100000);
    memset(buf, 1, n);
    return (long)n;
}

static void sends_sources(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    char path[] = "/tmp/andon-test-XXXXXX";
    int fd = mkstemp(path);
    char *big = malloc(BIG);
    uint64_t sum = 0;
    for (size_t i = 0; i < BIG; i++)
        sum += (unsigned char)(big[i] = (char)(i * 7));
    assert_int_equal(write(fd, big, BIG), BIG);
    close(fd);
    const struct conn_source sources[] = {
        {.path = path},           {.data = big, .len = BIG}, {.data = "", .len = 0},
        {.path = "/nonexistent"}, {.read = read_pattern},    {.path = "/dev/zero"},
    };
    char whole[100];
    snprintf(whole, sizeof whole, "{\"size\": %u, \"sum\": %llu}", BIG, (unsigned long long)sum);
    const char *expect[] = {
        whole,
        whole,
        "{\"size\": 0, \"sum\": 0}",
        "{\"failed\": true, \"msg\": \"cannot read \\\"/nonexistent\\\": No such file or "
        "directory\"}",
        "{\"failed\": true, \"msg\": \"broke at 100000\"}",
        "{\"failed\": true, \"msg\": \"\\\"/dev/zero\\\" is not a regular file\"}",
        "{\"failed\": true, \"msg\": \"the task has no such source\"}",
    };
    for (int i = 0; i < 7; i++) {
        struct probe p;
        probe_init(&p, "need", i);
        p.t.sources = sources;
        p.t.n_sources = 6;
        probe_submit(&p, c);
        run(f);
        assert_int_equal(p.calls, 1);
        assert_int_equal(p.status, CONN_OK);
        assert_string_equal(buf_str(&p.result), expect[i]);
        probe_release(&p);
    }
    unlink(path);
    free(big);
    fleet_close(f, 1000);
}

static void receives_files(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    struct probe p;
    probe_run(&p, f, c, "send", 100);
    assert_int_equal(p.status, CONN_OK);
    assert_int_equal(p.received, 100 * (65536 - 4));
    assert_int_equal(p.files_ended, 1);
    probe_release(&p);
    fleet_close(f, 1000);
}

static void unwanted_files_cancel_the_task(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    struct probe p;
    probe_init(&p, "send", 100);
    p.t.on_file = NULL;
    probe_submit(&p, c);
    run(f);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.status, CONN_CANCELLED);
    probe_release(&p);
    fleet_close(f, 1000);
}

static void forwards_output(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct probe p;
    probe_run(&p, f, local_conn(f), "output", 0);
    assert_string_equal(buf_str(&p.output), "1:one 2:two ");
    assert_string_equal(buf_str(&p.result), "{\"rc\": 0}");
    probe_release(&p);
    fleet_close(f, 1000);
}

// --- sessions that break

static const struct {
    const char *what;
    int n;
    const char *msg;
} breaks[] = {
    {"exit", 3, "Lost the connection to the host: fake: exiting"},
    {"exit", 255, "Lost the connection to the host: fake: exiting"},
    {"garbage", 0, "The host does not keep to the protocol: "},
    {"badjson", 0, "The host does not keep to the protocol: "},
};

static void tells_lost_sessions_once_and_connects_again(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        struct probe p, q, r;
        probe_init(&p, breaks[i].what, breaks[i].n);
        probe_init(&q, "sleep", 5000);
        probe_submit(&p, c);
        probe_submit(&q, c);
        run(f);
        assert_int_equal(p.calls, 1);
        assert_int_equal(q.calls, 1);
        assert_int_equal(p.status, CONN_UNREACHABLE);
        assert_int_equal(q.status, CONN_UNREACHABLE);
        if (strncmp(buf_str(&p.msg), breaks[i].msg, strlen(breaks[i].msg)) != 0)
            fail_msg("%s: %s", breaks[i].what, buf_str(&p.msg));
        assert_string_equal(buf_str(&p.msg), buf_str(&q.msg));
        probe_run(&r, f, c, "ping", 0);
        assert_int_equal(r.status, CONN_OK);
        probe_release(&p);
        probe_release(&q);
        probe_release(&r);
    }
    fleet_close(f, 1000);
}

static void a_killed_helper_is_told(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct probe p;
    probe_run(&p, f, local_conn(f), "kill", 0);
    assert_int_equal(p.status, CONN_UNREACHABLE);
    probe_release(&p);
    fleet_close(f, 1000);
}

static const struct {
    struct fleet_helper helper;
    const char *msg;
} helpers[] = {
    {{.path = "/nonexistent/node"},
     "Failed to connect to the host: cannot read the helper \"/nonexistent/node\": No such file or "
     "directory"},
    {{.path = "/bin/true"},
     "Failed to start the helper: the session ended with code 0 before the helper was started"},
    {{.path = "/bin/echo"}, "The host does not keep to the protocol: "},
    {{.path = FAKE_NODE, .arch = "pdp11"},
     "Failed to connect to the host: there is no helper for this machine's architecture"},
};

static void tells_helpers_that_cannot_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++) {
        struct fleet *f =
            fleet_new(&(struct fleet_opts){.helpers = &helpers[i].helper, .n_helpers = 1}, NULL);
        struct probe p;
        probe_run(&p, f, local_conn(f), "ping", 0);
        assert_int_equal(p.status, CONN_UNREACHABLE);
        if (strncmp(buf_str(&p.msg), helpers[i].msg, strlen(helpers[i].msg)) != 0)
            fail_msg("%zu: %s", i, buf_str(&p.msg));
        probe_release(&p);
        fleet_close(f, 1000);
    }
}

// --- time

static void a_task_has_its_timeout(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    struct probe p, q;
    int64_t start = clock_mono_ms();
    probe_init(&p, "sleep", 20000);
    p.t.timeout_ms = 100;
    probe_submit(&p, c);
    run(f);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.status, CONN_TIMEOUT);
    assert_true(clock_mono_ms() - start < 15000);
    probe_run(&q, f, c, "ping", 0); // the session goes on
    assert_int_equal(q.status, CONN_OK);
    assert_string_equal(buf_str(&events.log), "connected \n");
    probe_release(&p);
    probe_release(&q);
    fleet_close(f, 1000);
}

static void cancels_waiting_and_running_tasks(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    struct probe p, q;
    probe_run(&q, f, c, "ping", 0);
    probe_init(&p, "sleep", 20000);
    probe_submit(&p, c);
    conn_cancel(c, p.id); // not yet sent
    run(f);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.status, CONN_CANCELLED);
    probe_submit(&p, c);
    for (int i = 0; i < 3; i++)
        uv_run(fleet_loop(f), UV_RUN_NOWAIT);
    assert_int_equal(p.calls, 1);
    conn_cancel(c, p.id);
    run(f);
    assert_int_equal(p.calls, 2);
    assert_int_equal(p.status, CONN_CANCELLED);
    conn_cancel(c, p.id); // unknown by now
    probe_release(&p);
    probe_release(&q);
    fleet_close(f, 1000);
}

// --- ends

static void close_cancels_what_runs(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    struct probe p, q, r;
    probe_init(&p, "sleep", 20000);
    probe_init(&q, "deaf", 0);
    probe_init(&r, "ping", 0);
    probe_submit(&p, c);
    probe_submit(&q, test_conn(f, &(struct conn_params){.transport = CONN_LOCAL, .port = 1}));
    for (int i = 0; i < 50; i++) {
        uv_run(fleet_loop(f), UV_RUN_NOWAIT);
        usleep(1000);
    }
    probe_submit(&r, test_conn(f, &(struct conn_params){.transport = CONN_LOCAL,
                                                        .port = 2})); // not even started
    int64_t start = clock_mono_ms();
    fleet_close(f, 300);
    assert_in_range(clock_mono_ms() - start, 300, 15000); // the deaf one is killed
    assert_int_equal(p.calls, 1);
    assert_int_equal(q.calls, 1);
    assert_int_equal(r.calls, 1);
    assert_int_equal(p.status, CONN_CANCELLED);
    assert_int_equal(q.status, CONN_CANCELLED);
    assert_int_equal(r.status, CONN_CANCELLED);
    probe_release(&p);
    probe_release(&q);
    probe_release(&r);
}

static void reset_fails_what_runs_and_connects_again(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    struct probe p, q, r;
    probe_run(&q, f, c, "ping", 0);
    int64_t pid = dict_int(conn_hello(c)->u.dict, "pid", 0);
    probe_init(&p, "sleep", 3000);
    probe_submit(&p, c);
    uv_run(fleet_loop(f), UV_RUN_NOWAIT);
    conn_reset(c);
    probe_init(&r, "ping", 0);
    run(f);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.status, CONN_UNREACHABLE);
    assert_string_equal(buf_str(&p.msg), "the connection was reset");
    probe_submit(&r, c);
    run(f);
    assert_int_equal(r.status, CONN_OK);
    assert_int_not_equal(dict_int(conn_hello(c)->u.dict, "pid", 0), pid);
    probe_release(&p);
    probe_release(&q);
    probe_release(&r);
    fleet_close(f, 1000);
}

static void on_nothing(uv_timer_t *t)
{
    (void)t;
}

static void the_last_reference_ends_the_session(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    struct probe p;
    conn_ref(c);
    probe_run(&p, f, c, "ping", 0);
    pid_t pid = (pid_t)dict_int(conn_hello(c)->u.dict, "pid", 0);
    conn_unref(c);
    uv_run(fleet_loop(f), UV_RUN_NOWAIT);
    assert_int_equal(kill(pid, 0), 0);
    conn_unref(c);
    uv_timer_t t; // idle connections do not keep the loop going, so that it has to be kept
    uv_timer_init(fleet_loop(f), &t);
    uv_timer_start(&t, on_nothing, 1, 1);
    for (int i = 0; i < 2000 && kill(pid, 0) == 0; i++)
        uv_run(fleet_loop(f), UV_RUN_ONCE);
    uv_close((uv_handle_t *)&t, NULL);
    assert_int_equal(kill(pid, 0), -1);
    probe_release(&p);
    fleet_close(f, 1000);
}

// --- raw

struct raw_probe {
    int calls, rc;
    enum conn_status status;
    char out[256], err[256];
    size_t out_len;
};

static void raw_probe_done(void *data, const struct conn_raw_result *r)
{
    struct raw_probe *p = data;
    p->calls++;
    p->rc = r->rc;
    p->status = r->status;
    p->out_len = r->out_len;
    snprintf(p->out, sizeof p->out, "%s", r->out);
    snprintf(p->err, sizeof p->err, "%s", r->err);
}

static const struct {
    struct conn_raw_opts o;
    enum conn_status status;
    int rc;
    const char *out, *err;
} raws[] = {
    {{.command = "echo out; echo err >&2; exit 3"}, CONN_OK, 3, "out\n", "err\n"},
    {{.command = "cat", .stdin_data = "hello", .stdin_len = 5}, CONN_OK, 0, "hello", ""},
    {{.command = "cat"}, CONN_OK, 0, "", ""},
    {{.command = "kill -9 $$"}, CONN_OK, 137, "", ""},
    {{.command = "sleep 30", .timeout_ms = 100}, CONN_TIMEOUT, 143, "", ""},
    {{.command = "printf 'Password: '; read x; echo \"got $x\"",
      .prompt = "Password: ",
      .answer = "abc"},
     CONN_OK,
     0,
     "got abc\n",
     ""},
    {{.command = "yes | head -c 100000", .max_output = 10}, CONN_OK, 0, "y\ny\ny\ny\ny\n", ""},
};

static void runs_raw_commands(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    enum { N = sizeof raws / sizeof *raws };
    struct raw_probe p[N] = {0};
    for (size_t i = 0; i < N; i++)
        conn_raw(c, &raws[i].o, raw_probe_done, &p[i]);
    run(f);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(p[i].calls, 1);
        assert_int_equal(p[i].status, raws[i].status);
        assert_int_equal(p[i].rc, raws[i].rc);
        assert_string_equal(p[i].out, raws[i].out);
        assert_string_equal(p[i].err, raws[i].err);
    }
    fleet_close(f, 1000);
}

static void cancels_raw_commands(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct conn *c = local_conn(f);
    struct raw_probe p = {0}, q = {0};
    uint32_t id = conn_raw(c, &(struct conn_raw_opts){.command = "sleep 30"}, raw_probe_done, &p);
    uv_run(fleet_loop(f), UV_RUN_NOWAIT);
    conn_cancel(c, id);
    conn_cancel(c,
                conn_raw(c, &(struct conn_raw_opts){.command = "echo never"}, raw_probe_done, &q));
    run(f);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.status, CONN_CANCELLED);
    assert_int_equal(q.calls, 1);
    assert_int_equal(q.status, CONN_CANCELLED);
    assert_int_equal(q.out_len, 0);
    fleet_close(f, 1000);
}

static void close_cancels_raw_commands(void **state)
{
    (void)state;
    struct fleet *f = test_fleet(&events);
    struct raw_probe p = {0}, q = {0};
    struct conn *c = local_conn(f);
    conn_raw(c, &(struct conn_raw_opts){.command = "trap '' TERM; while :; do sleep 1; done"},
             raw_probe_done, &p);
    for (int i = 0; i < 50; i++) {
        uv_run(fleet_loop(f), UV_RUN_NOWAIT);
        usleep(1000);
    }
    conn_raw(c, &(struct conn_raw_opts){.command = "echo never"}, raw_probe_done, &q);
    fleet_close(f, 100);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.status, CONN_CANCELLED);
    assert_int_equal(q.calls, 1);
    assert_int_equal(q.status, CONN_CANCELLED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(pings),
        T(runs_many_at_once_in_one_session),
        T(same_login_same_connection),
        T(sends_sources),
        T(receives_files),
        T(unwanted_files_cancel_the_task),
        T(forwards_output),
        T(tells_lost_sessions_once_and_connects_again),
        T(a_killed_helper_is_told),
        T(tells_helpers_that_cannot_start),
        T(a_task_has_its_timeout),
        T(cancels_waiting_and_running_tasks),
        T(close_cancels_what_runs),
        T(reset_fails_what_runs_and_connects_again),
        T(the_last_reference_ends_the_session),
        T(runs_raw_commands),
        T(cancels_raw_commands),
        T(close_cancels_raw_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
