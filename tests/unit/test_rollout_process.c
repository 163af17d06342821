// Runs as children: what they say, how they are told to end, that they do not outlive their
// controller; and the lock they inherit.
#include "rollout/lock.h"
#include "rollout/process.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct heard {
    char text[256];
    int lines, ticks, end_after; // ticks until it is told to end, 0: never
};

static void line(void *data, const char *s, size_t len)
{
    struct heard *h = data;
    size_t n = strlen(h->text);
    snprintf(h->text + n, sizeof h->text - n, "%.*s|", (int)len, s);
    h->lines++;
}

static int tick(void *data)
{
    struct heard *h = data;
    return ++h->ticks == h->end_after ? SIGTERM : 0;
}

static int shell(struct heard *h, const char *script, int keep_fd, struct buf *errors)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const char *const env[] = {"GIVEN=yes", NULL};
    struct process_opts o = {.argv = argv,
                             .env = env,
                             .dir = "/",
                             .keep_fd = keep_fd,
                             .data = h,
                             .line = line,
                             .tick = tick};
    int status = -1;
    struct err e = ERR_INIT;
    assert_int_equal(process_run(&o, &status, errors, &e), 0);
    err_release(&e);
    return status;
}

static void test_output(void **state)
{
    struct heard h = {.lines = 0};
    struct buf errors = BUF_INIT;
    (void)state;
    int status =
        shell(&h, "echo one; printf two; sleep 0.3; echo; pwd; echo $GIVEN; echo bad >&2; exit 3",
              -1, &errors);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_string_equal(h.text, "one|two|/|yes|");
    assert_string_equal(buf_str(&errors), "bad\n");
    buf_release(&errors);
}

// What a run started may hold its pipes; the run's end is the end.
static void test_held_pipes(void **state)
{
    struct heard h = {.lines = 0};
    struct buf errors = BUF_INIT;
    (void)state;
    time_t began = time(NULL);
    int status = shell(&h, "sleep 5 & echo done", -1, &errors);
    assert_int_equal(status, 0);
    assert_string_equal(h.text, "done|");
    assert_true(time(NULL) - began < 4);
    buf_release(&errors);
}

static void test_told_to_end(void **state)
{
    struct heard h = {.end_after = 3};
    struct buf errors = BUF_INIT;
    (void)state;
    int status =
        shell(&h, "trap 'echo ends; exit 7' TERM; while :; do sleep 0.1; done", -1, &errors);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_string_equal(h.text, "ends|");
    buf_release(&errors);
}

// Takes the lock as a process of its own would.
static int try_lock(const char *dir, pid_t *holder)
{
    int fd = -1;
    struct err e = ERR_INIT;
    int rc = lock_take(dir, "shop", &fd, holder, &e);
    assert_true(rc >= 0);
    err_release(&e);
    if (fd >= 0)
        close(fd);
    return rc;
}

// kill -9 of a controller: its run is told to end, and until it has the lock is not free.
static void test_lost_controller(void **state)
{
    char dir[] = "/tmp/andon-lock.XXXXXX", command[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    pid_t controller = fork();
    if (controller == 0) {
        struct heard h = {.lines = 0};
        struct buf errors = BUF_INIT;
        int fd;
        pid_t holder;
        if (lock_take(dir, "shop", &fd, &holder, NULL) != 1)
            _exit(1);
        (void)shell(&h, "trap 'sleep 1; exit' TERM; while :; do sleep 0.1; done", fd, &errors);
        _exit(0);
    }
    pid_t holder = 0;
    for (int i = 0; i < 100 && lock_holder(dir, "shop") != controller; i++)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    assert_int_equal(try_lock(dir, &holder), 0);
    assert_int_equal(holder, controller);
    kill(controller, SIGKILL);
    waitpid(controller, NULL, 0);
    assert_int_equal(try_lock(dir, &holder), 0);
    assert_int_equal(holder, 0); // nobody any more: its run
    int rc = 0;
    for (int i = 0; i < 100 && (rc = try_lock(dir, &holder)) == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    assert_int_equal(rc, 1);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_held_pipes),
        cmocka_unit_test(test_told_to_end),
        cmocka_unit_test(test_lost_controller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
