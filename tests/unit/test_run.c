// What the run room does in time: strategy free, forks, throttle, interrupting; and its errors.
#include "run_test.h"

#include <time.h>

static struct arena *arena;
static char dir[64];
static int running, most, started; // hosts inside a task now, at most, in all

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    snprintf(dir, sizeof dir, "/tmp/andon-run-XXXXXX");
    running = most = started = 0;
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    int rc = chdir("/");
    rc |= system(arena_printf(arena, "rm -rf %s", dir));
    arena_free(arena);
    return rc;
}

static void files(const char *hosts, const char *site)
{
    test_write(arena, "hosts", hosts, strlen(hosts));
    test_write(arena, "site.yml", site, strlen(site));
}

#define FOUR                                                                                       \
    "a ansible_connection=local n=0.4\nb ansible_connection=local n=0\n"                           \
    "c ansible_connection=local n=0\nd ansible_connection=local n=0\n"

// Where a line stands in the log; it must be there.
static const char *at(const struct told *t, const char *line)
{
    const char *p = strstr(buf_str(&t->log), line);
    if (!p)
        fail_msg("no \"%s\" in:\n%s", line, buf_str(&t->log));
    return p;
}

static void free_does_not_wait_for_the_slow_host(void **state)
{
    (void)state;
    struct told t = {.arena = arena};
    files(FOUR, "- hosts: all\n  strategy: free\n  tasks:\n"
                "    - {name: one, command: 'sleep {{ n }}'}\n"
                "    - {name: two, command: 'echo {{ inventory_hostname }}'}\n");
    assert_int_equal(test_play(&t, (struct run_opts){.forks = 4}), 0);
    // b has done both while a is still at the first
    const char *two = at(&t, "task two\n");
    assert_true(strstr(two, "changed b\n") < strstr(at(&t, "task one\n"), "changed a\n"));
    at(&t, "stats a ok=2 changed=2");
    at(&t, "stats d ok=2 changed=2");
    buf_release(&t.log);
}

static void linear_waits_for_the_slow_host(void **state)
{
    (void)state;
    struct told t = {.arena = arena};
    files(FOUR, "- hosts: all\n  tasks:\n"
                "    - {name: one, command: 'sleep {{ n }}'}\n"
                "    - {name: two, command: 'echo {{ inventory_hostname }}'}\n");
    assert_int_equal(test_play(&t, (struct run_opts){.forks = 4}), 0);
    assert_true(at(&t, "changed a\n") < at(&t, "task two\n"));
    buf_release(&t.log);
}

static void count_started(struct told *t, const char *task, const char *host)
{
    (void)t, (void)task, (void)host;
    started++;
}

// How many ran at once, by the time stamps they left.
static int most_at_once(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[64];
    assert_non_null(f);
    for (running = most = 0; fgets(line, sizeof line, f);) {
        running += line[0] == '+' ? 1 : -1;
        most = running > most ? running : most;
    }
    fclose(f);
    return most;
}

#define WORK "shell: 'echo + >>log; sleep 0.2; echo - >>log', args: {chdir: "

static void forks_and_throttle_limit_what_runs_at_once(void **state)
{
    (void)state;
    static const struct {
        int forks;
        const char *throttle, *strategy;
        int most;
    } cases[] = {{4, "0", "linear", 4}, {2, "0", "linear", 2}, {4, "1", "linear", 1},
                 {2, "3", "linear", 2}, {2, "0", "free", 2},   {4, "0", "free", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told t = {.arena = arena, .on_host_start = count_started};
        started = 0;
        files(FOUR, arena_printf(arena,
                                 "- hosts: all\n  strategy: %s\n  tasks:\n"
                                 "    - {" WORK "%s}, throttle: %s}\n",
                                 cases[i].strategy, dir, cases[i].throttle));
        assert_int_equal(test_play(&t, (struct run_opts){.forks = cases[i].forks}), 0);
        assert_int_equal(most_at_once("log"), cases[i].most);
        assert_int_equal(started, 4);
        assert_int_equal(unlink("log"), 0);
        buf_release(&t.log);
    }
}

static void interrupt_second_task(struct told *t, const char *task, const char *host)
{
    (void)host;
    if (strcmp(task, "two") == 0)
        run_interrupt(t->run);
}

static void an_interrupt_ends_the_run(void **state)
{
    (void)state;
    struct told t = {.arena = arena, .on_host_start = interrupt_second_task};
    struct timespec before, after;
    files(FOUR, "- hosts: all\n  tasks:\n    - {name: one, debug: {msg: x}}\n"
                "    - {name: two, command: sleep 30}\n    - {name: three, debug: {msg: x}}\n"
                "- hosts: all\n  tasks: [{name: four, debug: {msg: x}}]\n");
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(test_play(&t, (struct run_opts){.forks = 4}), RUN_INTERRUPTED);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec < 10);
    at(&t, "task two\n");
    assert_null(strstr(buf_str(&t.log), "task three"));
    assert_null(strstr(buf_str(&t.log), "task four"));
    buf_release(&t.log);
}

static void what_ends_the_whole_run(void **state)
{
    (void)state;
    static const struct {
        const char *play, *error;
    } cases[] = {
        {"- hosts: all\n  strategy: sideways\n", "Invalid play strategy specified: sideways"},
        {"- hosts: all\n  vars_files: [nosuch.yml]\n  tasks: [{debug: {msg: x}}]\n",
         "vars file nosuch.yml was not found"},
        {"- hosts: all\n  tasks: [{debug: {msg: x}, changed_when: true, notify: nosuch}]\n",
         "The requested handler 'nosuch' was not found"},
        {"- hosts: '{{ nosuch }}'\n  tasks: [{debug: {msg: x}}]\n", "'nosuch' is undefined"},
        {"- hosts: all\n  vars_prompt: [{prompt: x}]\n", "missing 'name' key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told t = {.arena = arena};
        files("a ansible_connection=local\n", cases[i].play);
        assert_int_equal(test_play(&t, (struct run_opts){0}), RUN_ERROR);
        at(&t, cases[i].error);
        buf_release(&t.log);
    }
}

// ansible_facts is kept between tasks, but for what has changed meanwhile.
static void facts_are_those_of_the_moment(void **state)
{
    (void)state;
    struct told t = {.arena = arena};
    files(FOUR,
          "- hosts: all\n  gather_facts: false\n  tasks:\n"
          "    - {name: none, assert: {that: 'ansible_facts == {}'}}\n"
          "    - {name: one, set_fact: {ansible_x: 1, y: 1, cacheable: true}}\n"
          "    - {name: two, assert: {that: ['ansible_facts == {\"x\": 1, \"y\": 1}',\n"
          "        'hostvars.d.ansible_facts.x == 1']}}\n"
          "    - {name: again, set_fact: {ansible_x: 3, cacheable: true}}\n"
          "    - {name: three, assert: {that: 'ansible_facts.x == 3 and ansible_facts.y == 1'}}\n"
          "    - meta: clear_facts\n"
          "    - {name: gone, assert: {that: 'ansible_facts == {}'}}\n");
    assert_int_equal(test_play(&t, (struct run_opts){.forks = 4}), 0);
    at(&t, "stats a ok=6");
    buf_release(&t.log);
}

static void many_hosts_and_tasks_come_through(void **state)
{
    (void)state;
    struct told t = {.arena = arena};
    struct buf hosts = BUF_INIT, site = BUF_INIT;
    for (int i = 0; i < 300; i++)
        buf_addf(&hosts, "h%03d ansible_connection=local\n", i);
    buf_adds(&site, "- hosts: all\n  serial: 100\n  tasks:\n");
    for (int i = 0; i < 20; i++)
        buf_addf(&site, "    - {name: t%d, set_fact: {v%d: '{{ inventory_hostname }}-%d'}}\n", i, i,
                 i);
    buf_adds(&site, "    - {name: last, assert: {that: v7 == inventory_hostname ~ '-7'}}\n");
    files(buf_str(&hosts), buf_str(&site));
    assert_int_equal(test_play(&t, (struct run_opts){.forks = 50}), 0);
    at(&t, "stats h000 ok=21");
    at(&t, "stats h299 ok=21");
    buf_release(&hosts);
    buf_release(&site);
    buf_release(&t.log);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(free_does_not_wait_for_the_slow_host),
        TEST(linear_waits_for_the_slow_host),
        TEST(forks_and_throttle_limit_what_runs_at_once),
        TEST(an_interrupt_ends_the_run),
        TEST(what_ends_the_whole_run),
        TEST(facts_are_those_of_the_moment),
        TEST(many_hosts_and_tasks_come_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
