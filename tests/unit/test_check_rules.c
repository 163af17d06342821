// Every rule of the check room: content in which it finds something, and content in which it does
// not. Cases are small repositories, built in a folder that is removed again.
#include "check/check.h"
#include "core/file.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PLAY "- hosts: all\n  gather_facts: false\n"
#define TASKS PLAY "  tasks:\n"

struct file {
    const char *path, *text;
};

struct rule_case {
    const char *label;
    enum check_id id;
    bool whole; // the folder is checked, else site.yml alone
    struct file files[6];
    unsigned line, col; // of the finding; 0: the rule must be silent
};

static const struct rule_case cases[] = {
#include "data/check/cases.inc"
};

static const char pattern[] = "/tmp/andon-check-XXXXXX";
static char dir[sizeof pattern];

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void build(const struct rule_case *k)
{
    for (const struct file *f = k->files; f < k->files + 6 && f->path; f++) {
        struct arena *a = arena_new();
        const char *path = path_join(a, dir, f->path);
        assert_int_equal(file_mkdirs(path_dir(a, path), 0700, NULL), 0);
        assert_int_equal(file_write_atomic(path, f->text, strlen(f->text), 0600, NULL), 0);
        arena_free(a);
    }
}

static const char *problem(const struct rule_case *k, const struct check_finding *f, size_t n)
{
    static char text[256];
    size_t found = 0, right = 0;
    for (size_t i = 0; i < n; i++) {
        if (f[i].id != k->id)
            continue;
        found++;
        right += f[i].pos.line == k->line && f[i].pos.col == k->col;
        snprintf(text, sizeof text, "%s at %u:%u: %.150s", k->label, f[i].pos.line, f[i].pos.col,
                 f[i].msg);
    }
    if (!k->line && !found)
        return NULL;
    if (k->line && found == 1 && right == 1)
        return NULL;
    if (found)
        return text;
    snprintf(text, sizeof text, "%s: nothing found", k->label);
    return text;
}

static bool run_case(const struct rule_case *k)
{
    struct arena *a = arena_new();
    struct check_opts o = {.loader.cache = template_cache_new()};
    struct inventory *inv;
    struct config *config;
    const struct config_where where = {.cwd = "/nonexistent", .system = "/nonexistent"};
    static const char *const sources[] = {"h1,h2"};
    memcpy(dir, pattern, sizeof dir);
    assert_non_null(mkdtemp(dir));
    build(k);
    assert_int_equal(config_load(a, &where, &config, NULL), 0);
    struct inventory_opts io = {.config = config};
    assert_int_equal(inventory_load(a, sources, 1, &io, &inv, NULL), 0);
    if (!k->whole)
        o.inventory = inv;
    struct check *c = check_new(&o);
    struct err e = ERR_INIT;
    int rc =
        k->whole ? check_tree(c, dir, &e) : check_playbook(c, path_join(a, dir, "site.yml"), &e);
    if (rc < 0)
        fail_msg("%s: %s", k->label, err_msg(&e));
    struct check_stats stats;
    size_t n;
    const struct check_finding *f = check_finish(c, &n, &stats);
    const char *bad = problem(k, f, n);
    if (bad)
        print_error("%s %s\n", check_rule(k->id)->code, bad);
    check_free(c);
    template_cache_free(o.loader.cache);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    arena_free(a);
    return !bad;
}

static void test_cases(void **state)
{
    int bad = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        bad += !run_case(&cases[i]);
    assert_int_equal(bad, 0);
}

// Each rule has a case that finds and one that does not.
static void test_every_rule_has_cases(void **state)
{
    (void)state;
    for (int id = 0; id < CHECK_COUNT; id++) {
        int finds = 0, silent = 0;
        if (id == CHECK_SERVICE || id == CHECK_POLICY)
            continue; // found by another room: tests/cli/service.bats
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            finds += (int)cases[i].id == id && cases[i].line;
            silent += (int)cases[i].id == id && !cases[i].line;
        }
        if (!finds || !silent)
            fail_msg("%s has no case that %s", check_rule((enum check_id)id)->code,
                     finds ? "is silent" : "finds something");
    }
}

static void test_table(void **state)
{
    (void)state;
    for (int id = 0; id < CHECK_COUNT; id++) {
        const struct check_rule *r = check_rule((enum check_id)id);
        assert_int_equal(check_find_rule(r->code, strlen(r->code)), id);
        assert_int_equal(check_find_rule(r->name, strlen(r->name)), id);
        assert_true(*r->title && *r->why && *r->wrong && *r->right);
        if (id)
            assert_true(strcmp(check_rule((enum check_id)(id - 1))->code, r->code) < 0);
    }
    assert_int_equal(check_find_rule("AC000", 5), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_every_rule_has_cases),
        cmocka_unit_test(test_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
