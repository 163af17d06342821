// Our inventories against what Ansible made of the same files (tests/oracle/inventory_oracle.py):
// groups, hosts, merged variables, host patterns.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "inventory/inventory.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_ITEMS 80

// One case of cases.txt while it is read.
struct test_case {
    const char *name;
    const char *env[MAX_ITEMS + 1], *sources[MAX_ITEMS], *matches[MAX_ITEMS];
    size_t n_env, n_sources, n_matches;
    const char *playbook;
};

static int failures, compared;
static char *expected; // the rest of expected.txt

static void check(const char *line, const char *got)
{
    char *nl = strchr(expected, '\n');
    assert_non_null(nl);
    *nl = '\0';
    const char *want = expected;
    expected = nl + 1;
    size_t len = strlen(line);
    if (strncmp(want, line, len) != 0 || want[len] != '\t')
        fail_msg("\"%s\" has no expectation (but \"%.60s\"): run tests/oracle/inventory_oracle.py",
                 line, want);
    want += len + 1;
    compared++;
    if (!strcmp(want, got))
        return;
    failures++;
    print_error("%s:\n  want %s\n  got  %s\n", line, want, got);
}

static void write_file(struct arena *a, const char *path, const char *text, size_t len, mode_t mode)
{
    struct err e = ERR_INIT;
    assert_int_equal(file_mkdirs(path_dir(a, path), 0755, &e), 0);
    assert_int_equal(file_write_atomic(path, text, len, mode, &e), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static char *trimmed(struct arena *a, const char *s, size_t len)
{
    for (; len && isspace((unsigned char)*s); s++)
        len--;
    while (len && isspace((unsigned char)s[len - 1]))
        len--;
    return arena_strndup(a, s, len);
}

static void run_match(struct arena *a, struct inventory *inv, const char *name, const char *match)
{
    const char *part[3] = {"", "", ""};
    struct inventory_hosts hosts;
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    const char *p = match;
    for (int i = 0; i < 3 && *p; i++) {
        size_t n = strcspn(p, "|");
        part[i] = trimmed(a, p, n);
        p += n + (p[n] == '|');
    }
    struct value pattern = value_cstr(part[0]);
    int rc = inventory_match(inv, a, &pattern, *part[1] ? part[1] : NULL, *part[2] ? part[2] : NULL,
                             &hosts, &e);
    for (size_t i = 0; rc == 0 && i < hosts.len; i++)
        buf_addf(&b, "%s%s", i ? " " : "", hosts.hosts[i]->name);
    check(arena_printf(a, "%s\tmatch\t%s", name, match), rc < 0 ? "error" : buf_str(&b));
    buf_release(&b);
    err_release(&e);
}

static void run_case(struct arena *a, struct test_case *c)
{
    struct config_where where = {.environ = (char *const *)(uintptr_t)c->env,
                                 .system = "/nonexistent/ansible.cfg"};
    struct inventory_opts opts = {0};
    struct config *config;
    struct inventory *inv = NULL;
    struct err e = ERR_INIT;
    struct value list;
    struct buf b = BUF_INIT;
    c->env[c->n_env++] = "HOME=/nonexistent";
    c->env[c->n_env] = NULL;
    if (!c->n_sources)
        c->sources[c->n_sources++] = "hosts";
    assert_int_equal(config_load(a, &where, &config, &e), 0);
    opts.config = config;
    int rc = inventory_load(a, c->sources, c->n_sources, &opts, &inv, &e);
    if (rc == 0)
        rc = inventory_list(inv, c->playbook ? c->playbook : ".", a, &list, &e);
    struct json_opts json = {.sort_keys = true};
    if (rc == 0)
        json_write(&b, &list, &json);
    else
        buf_adds(&b, "\"error\"");
    if (rc < 0)
        assert_int_not_equal(err_msg(&e)[0], '\0');
    check(arena_printf(a, "%s\tlist", c->name), buf_str(&b));
    for (size_t i = 0; i < c->n_matches; i++) {
        // Afresh each time, because asking for localhost may make it.
        if (inv && inventory_load(a, c->sources, c->n_sources, &opts, &inv, &e) == 0)
            run_match(a, inv, c->name, c->matches[i]);
        else
            check(arena_printf(a, "%s\tmatch\t%s", c->name, c->matches[i]), "error");
    }
    buf_release(&b);
    err_release(&e);
}

// Is s the start of a directive? Then its argument is given too.
static bool directive(const char *s, const char *word, size_t len, struct arena *a, char **arg)
{
    size_t n = strlen(word);
    if (len < n || strncmp(s, word, n) != 0)
        return false;
    *arg = arena_strndup(a, s + n, len - n);
    return true;
}

// Reads a case up to the next one, writes its files into the current folder, and runs it.
static const char *read_case(struct arena *a, const char *p)
{
    struct test_case c = {0};
    const char *file = NULL, *text = NULL;
    mode_t mode = 0644;
    bool first = true;
    for (;;) {
        size_t len = strcspn(p, "\n");
        char *arg = NULL;
        bool next = directive(p, "=== ", len, a, &arg) || !*p;
        if (next || *p == '@') {
            if (file)
                write_file(a, file, text, (size_t)(p - text), mode);
            file = NULL;
        }
        if (next && !first)
            break;
        if (first)
            c.name = arg;
        else if (directive(p, "@file ", len, a, &arg) || directive(p, "@exec ", len, a, &arg)) {
            file = arg;
            mode = p[1] == 'e' ? 0755 : 0644;
            text = p + len + 1;
        } else if (directive(p, "@source ", len, a, &arg))
            c.sources[c.n_sources++] = arg;
        else if (directive(p, "@env ", len, a, &arg))
            c.env[c.n_env++] = arg;
        else if (directive(p, "@match ", len, a, &arg))
            c.matches[c.n_matches++] = arg;
        else if (directive(p, "@playbook ", len, a, &arg))
            c.playbook = arg;
        first = false;
        p += len + (p[len] == '\n');
    }
    run_case(a, &c);
    return p;
}

static char *read_data(struct arena *a, const char *name)
{
    char *s;
    size_t len;
    struct err e = ERR_INIT;
    if (file_read(a, arena_printf(a, "%s/oracle/inventory/%s", TEST_ROOT, name), 16 << 20, &s, &len,
                  &e) < 0)
        fail_msg("%s", err_msg(&e));
    return s;
}

static void test_same_as_ansible(void **state)
{
    (void)state;
    struct arena *data = arena_new();
    expected = read_data(data, "expected.txt");
    const char *p = read_data(data, "cases.txt");
    int cases = 0;
    while (*p) {
        struct arena *a = arena_new();
        char dir[] = "/tmp/andon-inventory-XXXXXX";
        assert_non_null(mkdtemp(dir));
        assert_int_equal(chdir(dir), 0);
        p = read_case(a, p);
        assert_int_equal(chdir("/"), 0);
        assert_int_equal(system(arena_printf(a, "rm -rf %s", dir)), 0);
        arena_free(a);
        cases++;
    }
    assert_int_equal(*expected, '\0');
    arena_free(data);
    print_message("%d inventories, %d results\n", cases, compared);
    assert_true(cases >= 80);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_as_ansible)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
