// The helper's two ends: a controller played by the test speaks frames with the router, which runs
// real modules in processes of their own.
#include "core/file.h"
#include "core/json.h"
#include "node/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define PATIENCE_MS 20000

static struct {
    pid_t pid;
    int to, from;
    struct frame_reader reader;
    struct arena *arena;
    char dir[64];
} helper;

static int setup(void **state)
{
    int to[2], from[2];
    (void)state;
    memset(&helper, 0, sizeof helper);
    helper.arena = arena_new();
    snprintf(helper.dir, sizeof helper.dir, "/tmp/andon-router-XXXXXX");
    if (!mkdtemp(helper.dir) || pipe(to) < 0 || pipe(from) < 0)
        return -1;
    helper.pid = fork();
    if (helper.pid == 0) {
        close(to[1]);
        close(from[0]);
        _exit(router_serve(to[0], from[1]));
    }
    close(to[0]);
    close(from[1]);
    helper.to = to[1];
    helper.from = from[0];
    return 0;
}

static void hang_up(void)
{
    if (helper.to >= 0)
        close(helper.to);
    helper.to = -1;
}

// Waits for the helper's end: its exit code.
static int ended(void)
{
    int status = 0;
    char rest[65536];
    struct pollfd p = {.fd = helper.from, .events = POLLIN};
    while (poll(&p, 1, PATIENCE_MS) > 0 && read(helper.from, rest, sizeof rest) > 0)
        ;
    assert_int_equal(waitpid(helper.pid, &status, 0), helper.pid);
    helper.pid = 0;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int teardown(void **state)
{
    (void)state;
    hang_up();
    if (helper.pid) {
        kill(helper.pid, SIGKILL);
        waitpid(helper.pid, NULL, 0);
    }
    close(helper.from);
    int rc = system(arena_printf(helper.arena, "rm -rf %s", helper.dir));
    frame_reader_release(&helper.reader);
    arena_free(helper.arena);
    return rc;
}

static void send_bytes(const void *p, size_t len)
{
    const char *s = p;
    for (size_t off = 0; off < len;) {
        ssize_t n = write(helper.to, s + off, len - off);
        assert_true(n > 0);
        off += (size_t)n;
    }
}

static void send_frame(enum frame_type type, uint32_t id, const void *p, size_t len)
{
    struct buf b = BUF_INIT;
    frame_put(&b, type, id, p, len);
    send_bytes(b.p, b.len);
    buf_release(&b);
}

static void send_task(uint32_t id, const char *json)
{
    send_frame(FRAME_TASK, id, json, strlen(json));
}

// The next frame; the test fails when none comes.
static struct frame receive(void)
{
    struct frame f;
    char block[65536];
    for (;;) {
        struct err e = ERR_INIT;
        int rc = frame_next(&helper.reader, &f, &e);
        if (rc < 0)
            fail_msg("%s", err_msg(&e));
        if (rc > 0)
            return f;
        struct pollfd p = {.fd = helper.from, .events = POLLIN};
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        ssize_t n = read(helper.from, block, sizeof block);
        if (n <= 0)
            fail_msg("the helper hung up");
        frame_feed(&helper.reader, block, (size_t)n);
    }
}

static struct dict *json_of(const struct frame *f)
{
    struct value v;
    assert_int_equal(json_parse(helper.arena, f->payload, f->len, &v, NULL), 0);
    assert_int_equal(v.type, VALUE_DICT);
    return v.u.dict;
}

static void hello(void)
{
    struct frame f = receive();
    assert_int_equal(f.type, FRAME_HELLO);
    const struct dict *d = json_of(&f);
    assert_int_equal(f.id, 0);
    assert_int_equal(dict_int(d, "version", 0), WIRE_VERSION);
    assert_int_equal(dict_int(d, "pid", 0), helper.pid);
    assert_int_equal(dict_int(d, "uid", -1), getuid());
}

// The result of task id, which must be the next frame.
static struct dict *result(uint32_t id)
{
    struct frame f = receive();
    assert_int_equal(f.type, FRAME_RESULT);
    assert_int_equal(f.id, id);
    return json_of(&f);
}

static void assert_failed(uint32_t id, const char *msg)
{
    const struct dict *d = result(id);
    assert_true(dict_bool(d, "failed", false));
    if (!strstr(dict_str(d, "msg", ""), msg))
        fail_msg("\"%s\" in place of \"%s\"", dict_str(d, "msg", ""), msg);
}

#define SHELL(id, text)                                                                            \
    send_task(id, arena_printf(helper.arena,                                                       \
                               "{\"module\": \"command\", \"args\": {\"_raw_params\": \"%s\", "    \
                               "\"_uses_shell\": true, \"chdir\": \"%s\"}%s}",                     \
                               text, helper.dir, more))

static const char *more = "";

static void greets_works_and_says_goodbye(void **state)
{
    (void)state;
    hello();
    send_task(7, "{\"module\": \"ping\", \"args\": {\"data\": \"x\"}}");
    assert_string_equal(dict_str(result(7), "ping", ""), "x");
    send_frame(FRAME_BYE, 0, NULL, 0);
    assert_int_equal(ended(), 0);
}

static void finishes_what_runs_before_it_leaves(void **state)
{
    (void)state;
    hello();
    SHELL(1, "sleep 0.3; echo done");
    send_frame(FRAME_BYE, 0, NULL, 0);
    assert_string_equal(dict_str(result(1), "stdout", ""), "done");
    assert_int_equal(ended(), 0);
}

static void runs_tasks_side_by_side(void **state)
{
    (void)state;
    uint64_t seen = 0;
    hello();
    int64_t before = clock_mono_ms();
    for (uint32_t id = 1; id <= 20; id++)
        SHELL(id, "sleep 0.5");
    for (int i = 0; i < 20; i++) {
        struct frame f = receive();
        assert_int_equal(f.type, FRAME_RESULT);
        assert_int_equal(dict_int(json_of(&f), "rc", -1), 0);
        seen |= 1ull << f.id;
    }
    assert_true(seen == ((1ull << 21) - 2));
    assert_true(clock_mono_ms() - before < 20 * 500);
}

static void a_task_may_be_cancelled(void **state)
{
    (void)state;
    hello();
    SHELL(3, "sleep 600");
    send_frame(FRAME_CANCEL, 3, NULL, 0);
    send_frame(FRAME_CANCEL, 99, NULL, 0); // unknown: ignored
    assert_failed(3, "the task was cancelled");
    SHELL(4, "trap '' TERM; sleep 600 & wait; wait");
    usleep(200000);
    send_frame(FRAME_CANCEL, 4, NULL, 0);
    assert_failed(4, "the task was cancelled");
}

static void a_task_has_its_time(void **state)
{
    (void)state;
    hello();
    more = ", \"timeout\": 1";
    SHELL(5, "sleep 600");
    more = "";
    assert_failed(5, "failed to execute in the expected time frame (1)");
}

static void a_crash_is_a_failed_result(void **state)
{
    (void)state;
    hello();
    SHELL(6, "kill -KILL $PPID; sleep 5");
    assert_failed(6, "the module command was ended by signal 9");
    SHELL(7, "echo still here");
    assert_string_equal(dict_str(result(7), "stdout", ""), "still here");
}

static void output_comes_while_a_command_runs(void **state)
{
    (void)state;
    struct buf out = BUF_INIT, err = BUF_INIT;
    struct frame f;
    hello();
    more = ", \"live\": true";
    SHELL(8, "echo one; echo two >&2; sleep 0.2; echo three");
    more = "";
    while ((f = receive()).type == FRAME_OUTPUT)
        buf_add(f.payload[0] == 1 ? &out : &err, f.payload + 1, f.len - 1);
    assert_int_equal(f.type, FRAME_RESULT);
    assert_string_equal(buf_str(&out), "one\nthree\n");
    assert_string_equal(buf_str(&err), "two\n");
    buf_release(&out);
    buf_release(&err);
}

// Starts a copy whose content the module then asks for.
static void ask_for_content(uint32_t id, const char *sha1, size_t size)
{
    send_task(id,
              arena_printf(helper.arena,
                           "{\"module\": \"copy\", \"args\": {\"dest\": \"%s/file\"}, \"extra\": "
                           "{\"_src_checksum\": \"%s\", \"_src_size\": %zu}}",
                           helper.dir, sha1, size));
    struct frame f = receive();
    assert_int_equal(f.type, FRAME_NEED);
    assert_int_equal(f.id, id);
    assert_int_equal(wire_get_u32(f.payload), 0);
    assert_int_equal(wire_get_u32(f.payload + 4), FRAME_WINDOW);
}

#define SHA1_HELLO "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"

static void content_is_asked_for_and_taken(void **state)
{
    (void)state;
    char *text;
    size_t len;
    hello();
    ask_for_content(9, SHA1_HELLO, 5);
    send_frame(FRAME_DATA, 9, "\0\0\0\0hel", 7);
    send_frame(FRAME_DATA, 9, "\0\0\0\0lo", 6);
    send_frame(FRAME_DATA, 9, "\0\0\0\0", 4);
    assert_true(dict_bool(result(9), "changed", false));
    assert_int_equal(file_read(helper.arena, arena_printf(helper.arena, "%s/file", helper.dir), 99,
                               &text, &len, NULL),
                     0);
    assert_string_equal(text, "hello");
}

static void damaged_content_is_not_installed(void **state)
{
    (void)state;
    hello();
    ask_for_content(9, SHA1_HELLO, 5);
    send_frame(FRAME_DATA, 9, "\0\0\0\0hexlo", 9);
    send_frame(FRAME_DATA, 9, "\0\0\0\0", 4);
    assert_true(dict_bool(result(9), "failed", false));
    assert_int_not_equal(access(arena_printf(helper.arena, "%s/file", helper.dir), F_OK), 0);
}

static void content_that_cannot_be_read_fails_the_task(void **state)
{
    (void)state;
    hello();
    ask_for_content(9, SHA1_HELLO, 5);
    send_frame(FRAME_ABORT, 9, "\0\0\0\0cannot read it", 18);
    assert_failed(9, "cannot read it");
    assert_int_not_equal(access(arena_printf(helper.arena, "%s/file", helper.dir), F_OK), 0);
}

static void a_flood_of_content_is_refused(void **state)
{
    (void)state;
    char chunk[4 + FRAME_CHUNK] = {0};
    hello();
    SHELL(10, "sleep 600"); // asks for nothing and reads nothing
    for (int i = 0; i < 80; i++)
        send_frame(FRAME_DATA, 10, chunk, sizeof chunk);
    assert_failed(10, "more content than the task asked for");
}

static void what_is_no_task_is_a_failed_result(void **state)
{
    (void)state;
    hello();
    send_task(1, "{\"module\": ");
    assert_failed(1, "the task is not JSON");
    send_task(2, "[1]");
    assert_failed(2, "the task is not a JSON object");
    send_task(3, "{}");
    assert_failed(3, "was not found on this host's helper");
    send_task(4, "{\"module\": \"nosuch\"}");
    assert_failed(4, "The module nosuch was not found");
    send_task(5, "{\"module\": \"copy\", \"args\": {}}");
    assert_failed(5, "missing required arguments: dest");
    send_task(6, "{\"module\": 7, \"args\": [], \"extra\": 1, \"env\": 2, \"become\": 3}");
    assert_failed(6, "was not found");
}

static void two_tasks_under_one_number_end_the_session(void **state)
{
    (void)state;
    hello();
    SHELL(1, "sleep 600");
    SHELL(1, "true");
    assert_int_equal(ended(), 1);
}

static void what_is_no_frame_ends_the_session(void **state)
{
    (void)state;
    hello();
    send_bytes("GET / HTTP/1.1\r\n\r\n", 18);
    assert_int_equal(ended(), 1);
}

static void a_frame_that_is_too_long_ends_the_session(void **state)
{
    (void)state;
    hello();
    send_bytes("\xff\xff\xff\xff\x02\0\0\0\1", 9);
    assert_int_equal(ended(), 1);
}

// Waits until no process has the mark in its command line any more.
static bool gone(const char *mark)
{
    for (int i = 0; i < 100; i++) {
        if (system(arena_printf(helper.arena, "pgrep -f '^sleep %s$' >/dev/null", mark)) != 0)
            return true;
        usleep(50000);
    }
    return false;
}

static void nothing_is_left_when_the_controller_hangs_up(void **state)
{
    (void)state;
    const char *mark = arena_printf(helper.arena, "86%d.5", (int)getpid());
    hello();
    SHELL(1, arena_printf(helper.arena, "sleep %s & sleep %s", mark, mark));
    usleep(300000);
    assert_false(system(arena_printf(helper.arena, "pgrep -f '^sleep %s$' >/dev/null", mark)));
    hang_up();
    assert_int_equal(ended(), 1);
    assert_true(gone(mark));
}

// Temporary files in the test's folder.
static bool left(void)
{
    return system(arena_printf(helper.arena, "ls -A %s | grep -q andon_tmp", helper.dir)) == 0;
}

static void until_left(void)
{
    for (int i = 0; i < 100 && !left(); i++)
        usleep(20000);
    assert_true(left());
}

static void temporary_files_go_with_the_task(void **state)
{
    (void)state;
    hello();
    ask_for_content(1, SHA1_HELLO, 5);
    send_frame(FRAME_DATA, 1, "\0\0\0\0hel", 7);
    until_left();
    send_frame(FRAME_CANCEL, 1, NULL, 0);
    assert_failed(1, "the task was cancelled");
    for (int i = 0; i < 200 && left(); i++)
        usleep(20000);
    assert_false(left());
    ask_for_content(2, SHA1_HELLO, 5);
    send_frame(FRAME_DATA, 2, "\0\0\0\0hel", 7);
    until_left();
    hang_up();
    assert_int_equal(ended(), 1);
    assert_false(left());
}

static void tasks_die_with_a_helper_that_is_killed(void **state)
{
    (void)state;
    const char *mark = arena_printf(helper.arena, "87%d.5", (int)getpid());
    hello();
    SHELL(1, arena_printf(helper.arena, "trap : TERM; sleep %s & sleep %s", mark, mark));
    usleep(300000);
    assert_false(system(arena_printf(helper.arena, "pgrep -f '^sleep %s$' >/dev/null", mark)));
    kill(helper.pid, SIGKILL);
    waitpid(helper.pid, NULL, 0);
    helper.pid = 0;
    assert_true(gone(mark));
}

static void output_has_a_limit(void **state)
{
    (void)state;
    hello();
    more = ", \"extra\": {\"_output_max\": 100000}";
    SHELL(1, "head -c 5000000 /dev/zero | tr '\\\\000' x; echo end; echo fine >&2");
    SHELL(2, "head -c 100000 /dev/zero | tr '\\\\000' y");
    more = "";
    for (int i = 0; i < 2; i++) {
        struct frame f = receive();
        assert_int_equal(f.type, FRAME_RESULT);
        const struct dict *d = json_of(&f);
        const struct value *out = dict_get(d, "stdout");
        const char *note = "\n[... 4834468 bytes left out ...]\n";
        assert_int_equal(dict_int(d, "rc", -1), 0);
        assert_int_equal(out->u.str.len, f.id == 1 ? 100000 + strlen(note) + 65535 : 100000);
        assert_true(f.id == 2 || memcmp(out->u.str.s + 100000, note, strlen(note)) == 0);
        assert_true(f.id == 2 || strcmp(out->u.str.s + out->u.str.len - 4, "xend") == 0);
        assert_int_equal(dict_get(d, "warnings") != NULL, f.id == 1);
    }
}

static void environment_folder_and_mask_are_the_tasks(void **state)
{
    (void)state;
    hello();
    send_task(1,
              arena_printf(helper.arena,
                           "{\"module\": \"command\", \"args\": {\"_raw_params\": \"echo $V; pwd; "
                           "umask\", \"_uses_shell\": true}, \"env\": {\"V\": \"val\"}, "
                           "\"cwd\": \"%s\", \"umask\": \"027\"}",
                           helper.dir));
    assert_string_equal(dict_str(result(1), "stdout", ""),
                        arena_printf(helper.arena, "val\n%s\n0027", helper.dir));
    SHELL(2, "echo ${V:-unset}");
    assert_string_equal(dict_str(result(2), "stdout", ""), "unset");
}

// --- processes of several tasks

// The process that does the task.
static pid_t worker_pid(uint32_t id)
{
    send_task(id, "{\"module\": \"stat\", \"args\": {\"path\": \"/proc/self\", "
                  "\"get_mime\": false}}");
    const struct value *stat = dict_get(result(id), "stat");
    assert_non_null(stat);
    return atoi(dict_str(stat->u.dict, "lnk_target", "0"));
}

static void a_process_that_is_as_it_was_goes_on(void **state)
{
    (void)state;
    hello();
    pid_t first = worker_pid(1);
    assert_int_not_equal(first, 0);
    for (uint32_t id = 2; id < 20; id++)
        assert_int_equal(worker_pid(id), first);
    send_task(20, arena_printf(helper.arena,
                               "{\"module\": \"file\", \"args\": {\"path\": \"%s/d\", \"state\": "
                               "\"directory\"}}",
                               helper.dir));
    assert_true(dict_bool(result(20), "changed", false));
    ask_for_content(21, SHA1_HELLO, 5);
    send_frame(FRAME_DATA, 21, "\0\0\0\0hello", 9);
    send_frame(FRAME_DATA, 21, "\0\0\0\0", 4);
    assert_true(dict_bool(result(21), "changed", false));
    assert_int_equal(worker_pid(22), first);
}

static void a_process_that_is_not_is_replaced(void **state)
{
    (void)state;
    static const char *const tasks[] = {
        "{\"module\": \"command\", \"args\": {\"_raw_params\": \"true\"}}",
        "{\"module\": \"ping\", \"env\": {\"A\": \"b\"}}",
        "{\"module\": \"ping\", \"cwd\": \"/proc\"}",
        "{\"module\": \"ping\", \"umask\": \"0123\"}",
        "{\"module\": \"slurp\", \"args\": {\"src\": \"/nonexistent\"}}",
    };
    hello();
    uint32_t id = 1;
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        pid_t before = worker_pid(id++);
        assert_int_equal(worker_pid(id++), before);
        send_task(id, tasks[i]);
        result(id++);
        if (worker_pid(id++) == before)
            fail_msg("goes on after %s", tasks[i]);
    }
}

static const char waits[] = "{\"module\": \"wait_for\", \"args\": {\"timeout\": 600}%s}";

static void a_process_may_end_in_any_of_its_tasks(void **state)
{
    (void)state;
    hello();
    pid_t pid = worker_pid(1);
    send_task(2, arena_printf(helper.arena, waits, ""));
    send_task(3, "{\"module\": \"ping\"}"); // by another process meanwhile
    assert_string_equal(dict_str(result(3), "ping", ""), "pong");
    kill(pid, SIGUSR1);
    assert_failed(2, "the module wait_for was ended by signal 10");
    pid = worker_pid(4);
    send_task(5, arena_printf(helper.arena, waits, ""));
    send_frame(FRAME_CANCEL, 5, NULL, 0);
    assert_failed(5, "the task was cancelled");
    pid = worker_pid(6);
    send_task(7, arena_printf(helper.arena, waits, ", \"timeout\": 1"));
    assert_failed(7, "failed to execute in the expected time frame (1)");
    pid = worker_pid(8);
    kill(pid, SIGKILL); // while it does nothing
    usleep(200000);
    assert_int_not_equal(worker_pid(9), pid);
}

#if defined(__SANITIZE_ADDRESS__)
#define WORKER_GROWTH 32768 // what is freed stays in quarantine
#else
#define WORKER_GROWTH 4096
#endif

// Resident memory of a process in KiB.
static long memory_of(pid_t pid)
{
    long pages = 0;
    FILE *f = fopen(arena_printf(helper.arena, "/proc/%d/statm", (int)pid), "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void memory_does_not_grow_with_tasks(void **state)
{
    (void)state;
    long before = 0, after = 0, most = 0;
    hello();
    for (uint32_t id = 1; id <= 2000; id++) {
        pid_t pid = worker_pid(id);
        if (id % 100 == 99) {
            long now = memory_of(pid);
            most = now > most ? now : most;
        }
        if (id == 400)
            before = memory_of(helper.pid);
    }
    after = memory_of(helper.pid);
    assert_true(after - before < 1024);
    assert_true(most - after < WORKER_GROWTH);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(greets_works_and_says_goodbye),
        TEST(finishes_what_runs_before_it_leaves),
        TEST(runs_tasks_side_by_side),
        TEST(a_task_may_be_cancelled),
        TEST(a_task_has_its_time),
        TEST(a_crash_is_a_failed_result),
        TEST(output_comes_while_a_command_runs),
        TEST(content_is_asked_for_and_taken),
        TEST(damaged_content_is_not_installed),
        TEST(content_that_cannot_be_read_fails_the_task),
        TEST(a_flood_of_content_is_refused),
        TEST(what_is_no_task_is_a_failed_result),
        TEST(two_tasks_under_one_number_end_the_session),
        TEST(what_is_no_frame_ends_the_session),
        TEST(a_frame_that_is_too_long_ends_the_session),
        TEST(nothing_is_left_when_the_controller_hangs_up),
        TEST(temporary_files_go_with_the_task),
        TEST(tasks_die_with_a_helper_that_is_killed),
        TEST(output_has_a_limit),
        TEST(environment_folder_and_mask_are_the_tasks),
        TEST(a_process_that_is_as_it_was_goes_on),
        TEST(a_process_that_is_not_is_replaced),
        TEST(a_process_may_end_in_any_of_its_tasks),
        TEST(memory_does_not_grow_with_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
