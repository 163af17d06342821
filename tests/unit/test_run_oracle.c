// What the run room tells of a playbook against what Ansible told of the same one
// (tests/oracle/run_oracle.py): order of tasks and hosts, results, handlers, statistics, exit
// codes.
#include "run_test.h"

struct test_case {
    const char *name, *args;
};

static int failures, cases;

static const char *next_line(const char *p)
{
    p += strcspn(p, "\n");
    return p + (*p == '\n');
}

// The words of @args that the cases use.
static void set_args(struct arena *a, const char *args, struct run_opts *o)
{
    const char **tags = arena_array(a, const char *, 4), **skip = arena_array(a, const char *, 4);
    struct value extra = value_dict(a);
    char *save = NULL, *copy = arena_strdup(a, args ? args : "");
    for (char *s = strtok_r(copy, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
        if (strcmp(s, "--force-handlers") == 0) {
            o->force_handlers = true;
            continue;
        }
        if (strcmp(s, "-C") == 0) {
            o->check = true;
            continue;
        }
        char *val = strtok_r(NULL, " ", &save);
        assert_non_null(val);
        if (strcmp(s, "-t") == 0) {
            *tags = val;
            o->tags = tags;
        } else if (strcmp(s, "--skip-tags") == 0) {
            *skip = val;
            o->skip_tags = skip;
        } else if (strcmp(s, "-l") == 0) {
            o->limit = val;
        } else if (strcmp(s, "--start-at-task") == 0) {
            o->start_at_task = val;
        } else if (strcmp(s, "-e") == 0) {
            size_t n = strcspn(val, "=");
            dict_set(extra.u.dict, arena_strndup(a, val, n), value_cstr(val + n + 1));
        } else {
            fail_msg("unknown argument %s", s);
        }
    }
    o->extra_vars = extra.u.dict;
}

// Writes the files of the case at p into the current folder; its directives into *c.
static void write_case(struct arena *a, const char *p, struct test_case *c)
{
    const char *file = NULL, *text = NULL;
    c->name = arena_strndup(a, p + 4, strcspn(p + 4, "\n"));
    for (p = next_line(p);; p = next_line(p)) {
        bool end = !*p || strncmp(p, "=== ", 4) == 0;
        if (file && (end || *p == '@'))
            test_write(a, file, text, (size_t)(p - text));
        if (end)
            return;
        if (strncmp(p, "@args ", 6) == 0) {
            c->args = arena_strndup(a, p + 6, strcspn(p + 6, "\n"));
        } else if (strncmp(p, "@file ", 6) == 0) {
            file = arena_strndup(a, p + 6, strcspn(p + 6, "\n"));
            text = next_line(p);
        }
    }
}

// The lines of the case's name in what was recorded.
static const char *wanted(struct arena *a, const char *expected, const char *name)
{
    const char *mark = arena_printf(a, "=== %s\n", name);
    const char *from = strncmp(expected, mark, strlen(mark)) == 0
                           ? expected
                           : strstr(expected, arena_printf(a, "\n%s", mark));
    if (!from)
        fail_msg("\"%s\" was not recorded: run tests/oracle/run_oracle.py", name);
    if (!from)
        abort();
    from = next_line(*from == '\n' ? from + 1 : from);
    const char *to = strstr(from, "\n=== ");
    return arena_strndup(a, from, to ? (size_t)(to + 1 - from) : strlen(from));
}

static void run_case(const char *p, const char *expected)
{
    struct arena *a = arena_new();
    struct told t = {.arena = a};
    struct test_case c = {0};
    struct run_opts o = {0};
    char dir[] = "/tmp/andon-run-XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    write_case(a, p, &c);
    set_args(a, c.args, &o);
    int code = test_play(&t, o);
    buf_addf(&t.log, "exit %d\n", code);
    const char *want = wanted(a, expected, c.name);
    cases++;
    if (strcmp(buf_str(&t.log), want) != 0) {
        failures++;
        print_error("=== %s\n--- wanted\n%s--- got\n%s", c.name, want, buf_str(&t.log));
    }
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(system(arena_printf(a, "rm -rf %s", dir)), 0);
    buf_release(&t.log);
    arena_free(a);
}

static char *read_data(struct arena *a, const char *name)
{
    char *s;
    size_t len;
    struct err e = ERR_INIT;
    if (file_read(a, arena_printf(a, "%s/oracle/run/%s", TEST_ROOT, name), 16 << 20, &s, &len, &e) <
        0)
        fail_msg("%s", err_msg(&e));
    return s;
}

static void same_as_ansible(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const char *expected = read_data(a, "expected.txt");
    for (const char *p = read_data(a, "cases.txt"); *p; p = next_line(p))
        if (strncmp(p, "=== ", 4) == 0)
            run_case(p, expected);
    arena_free(a);
    print_message("%d playbooks\n", cases);
    assert_true(cases >= 50);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_ansible)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
