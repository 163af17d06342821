// Inventories: messages with positions, levels and layers of variables, changes at run time, size
// and speed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/file.h"
#include "inventory/inventory.h"
#include "inventory/literal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct arena *a;
    char dir[40];
    char *env[8];
    size_t envs;
    struct inventory_opts opts;
    struct inventory *inv;
    struct err e;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->a = arena_new();
    strcpy(f->dir, "/tmp/andon-inventory-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->env[f->envs++] = arena_strdup(f->a, "HOME=/nonexistent");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int rc = system(arena_printf(f->a, "rm -rf %s", f->dir));
    err_release(&f->e);
    arena_free(f->a);
    free(f);
    return rc;
}

static const char *path(struct fixture *f, const char *name)
{
    return path_join(f->a, f->dir, name);
}

static void put(struct fixture *f, const char *name, const char *text)
{
    assert_int_equal(file_mkdirs(path_dir(f->a, path(f, name)), 0755, &f->e), 0);
    assert_int_equal(file_write_atomic(path(f, name), text, strlen(text), 0644, &f->e), 0);
}

static int load(struct fixture *f, const char *source)
{
    struct config_where where = {.environ = f->env, .cwd = f->dir, .system = "/nonexistent.cfg"};
    struct config *config;
    const char *sources[] = {strchr(source, ',') ? source : path(f, source)};
    err_release(&f->e);
    assert_int_equal(config_load(f->a, &where, &config, &f->e), 0);
    f->opts.config = config;
    return inventory_load(f->a, sources, 1, &f->opts, &f->inv, &f->e);
}

// Names of the hosts a pattern chooses, or the error.
static const char *match(struct fixture *f, const char *pattern, const char *limit)
{
    struct value v = value_cstr(pattern);
    struct inventory_hosts hosts;
    struct buf b = BUF_INIT;
    if (inventory_match(f->inv, f->a, &v, limit, NULL, &hosts, &f->e) < 0)
        return arena_strdup(f->a, err_msg(&f->e));
    for (size_t i = 0; i < hosts.len; i++)
        buf_addf(&b, "%s%s", i ? " " : "", hosts.hosts[i]->name);
    const char *ret = arena_strdup(f->a, buf_str(&b));
    buf_release(&b);
    return ret;
}

static const struct value *warning(struct fixture *f, const char *part)
{
    const struct list *l = inventory_warnings(f->inv);
    for (size_t i = 0; i < l->len; i++)
        if (strstr(l->items[i].u.str.s, part))
            return &l->items[i];
    return NULL;
}

// A source that cannot be read is told of with the place in the file.
static const struct {
    const char *file, *text;
    unsigned line, col;
    const char *says;
} mistakes[] = {
    {"hosts", "a\n[web\n", 2, 1, "no closing ]"},
    {"hosts", "a\n[we b]\n", 2, 1,
     "write [group], [group:vars] or [group:children] without blanks"},
    {"hosts", "a\n[web:childen]\n", 2, 1, "did you mean children?"},
    {"hosts", "a x\n", 1, 3, "\"name=value\""},
    {"hosts", "a\nb  x=1  y z=2\n", 2, 9, "not \"y\""},
    {"hosts", "a x='1\n", 1, 1, "a quote or backslash is not finished"},
    {"hosts", "[g:vars]\nx=1\n", 1, 1, "[g:vars] is for a group that is not defined"},
    {"hosts", "[g:children]\n\n  h\n", 3, 1, "has the group h, which is not defined"},
    {"hosts", "[g]\n[g:vars]\n  x\n", 3, 3, "\"name = value\""},
    {"hosts", "w[1:x]\n", 1, 1, "must have numbers or single letters"},
    {"hosts", "w[0:999999999]\n", 1, 1, "more than"},
    {"hosts", "[a:children]\nb\n[b:children]\na\n[b]\n", 4, 1, "cannot be a child of"},
    {"hosts.yml", "all:\n  hosts:\n    - a\n", 3, 5, "write \"name:\" without a dash"},
    {"hosts.yml", "all:\n  hosts:\n    1:\n", 3, 5, "put quotes around 1"},
    {"hosts.yml", "all:\n hosts:\n  a:\n b\n", 5, 1, "colon"},
    {"hosts.yml", "- a\n", 1, 1, "must be a mapping of groups, not a list"},
    {"hosts.yml", "plugin: aws_ec2\n", 1, 9, "the inventory plugin aws_ec2 is not available here"},
};

static void test_mistakes(void **state)
{
    struct fixture *f = *state;
    int bad = 0;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        put(f, mistakes[i].file, mistakes[i].text);
        assert_int_equal(load(f, mistakes[i].file), 0);
        const struct value *w = warning(f, "Unable to parse");
        const char *says = w ? w->u.str.s : "nothing";
        struct pos pos = w ? value_pos(w) : POS_NONE;
        assert_false(inventory_parsed(f->inv));
        if (!strstr(says, mistakes[i].says) || pos.line != mistakes[i].line ||
            pos.col != mistakes[i].col) {
            bad++;
            print_error("%s -> %u:%u %s\n", mistakes[i].text, pos.line, pos.col, says);
        }
        assert_string_equal(src_name(pos.file), path(f, mistakes[i].file));
    }
    assert_int_equal(bad, 0);
}

static void test_no_source(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f, "nowhere"), 0);
    assert_non_null(warning(f, "there is no such file or folder"));
    assert_non_null(warning(f, "No inventory was parsed"));
    f->env[f->envs++] = arena_strdup(f->a, "ANSIBLE_INVENTORY_UNPARSED_FAILED=1");
    assert_int_equal(load(f, "nowhere"), ERR_NOENT);
}

static void test_patterns(void **state)
{
    struct fixture *f = *state;
    put(f, "hosts", "[web]\nw[1:3]\n[db]\nd1\n");
    put(f, "limit", "w2\nd1\n");
    assert_int_equal(load(f, "hosts"), 0);
    assert_string_equal(match(f, "web", NULL), "w1 w2 w3");
    assert_string_equal(match(f, "all", arena_printf(f->a, "@%s", path(f, "limit"))), "w2 d1");
    assert_non_null(strstr(match(f, "all", "@/nowhere"), "limit"));
    assert_string_equal(match(f, "wep", NULL), "");
    assert_non_null(
        warning(f, "Could not match supplied host pattern, ignoring: wep (did you mean web?)"));
    assert_non_null(strstr(match(f, "web[7]", NULL), "more hosts than there are (3)"));
    assert_non_null(strstr(match(f, "~(", NULL), "regular expression"));
    struct value list = value_list(f->a);
    list_add(list.u.list, value_cstr("web"));
    list_add(list.u.list, value_cstr("!w2"));
    struct inventory_hosts hosts;
    assert_int_equal(inventory_match(f->inv, f->a, &list, NULL, "reverse_sorted", &hosts, &f->e),
                     0);
    struct buf b = BUF_INIT;
    inventory_print_hosts(&b, &hosts);
    assert_string_equal(buf_str(&b), "  hosts (2):\n    w3\n    w1\n");
    buf_release(&b);
    assert_int_equal(inventory_match(f->inv, f->a, &list, NULL, "shuffle", &hosts, &f->e), 0);
    assert_int_equal(hosts.len, 2);
    assert_int_equal(inventory_match(f->inv, f->a, &list, NULL, "odd", &hosts, &f->e), ERR_INVALID);
}

static const char *const level_values[LEVEL_COUNT] = {
    "all_inv", "all_file", "all_play", "g_inv", "g_file", "g_play", "h_inv", "h_file", "h_play"};

static void test_levels(void **state)
{
    struct fixture *f = *state;
    put(f, "hosts", "[all:vars]\nv=all_inv\n[g]\nh.example.com v=h_inv\n[g:vars]\nv=g_inv\n");
    put(f, "group_vars/all.yml", "v: all_file\n");
    put(f, "group_vars/g.yml", "v: g_file\n");
    put(f, "host_vars/h.example.com.yml", "v: h_file\n");
    put(f, "play/group_vars/all", "v: all_play\n");
    put(f, "play/group_vars/g", "v: g_play\n");
    put(f, "play/host_vars/h.example.com", "v: h_play\n");
    assert_int_equal(load(f, "hosts"), 0);
    struct host *h = inventory_find_host(f->inv, "h.example.com");
    for (int i = 0; i < LEVEL_COUNT; i++) {
        struct dict *d;
        assert_int_equal(inventory_level_vars(f->inv, h, path(f, "play"), (enum inventory_level)i,
                                              f->a, &d, &f->e),
                         0);
        assert_string_equal(dict_str(d, "v", ""), level_values[i]);
    }
    const struct dict *all;
    assert_int_equal(inventory_host_vars(f->inv, h, path(f, "play"), &all, &f->e), 0);
    assert_string_equal(dict_str(all, "v", ""), "h_play");
    assert_int_equal(value_pos(dict_get(all, "v")).line, 1);
    assert_string_equal(dict_str(all, "inventory_hostname", ""), "h.example.com");
    assert_string_equal(dict_str(all, "inventory_hostname_short", ""), "h");
    assert_string_equal(dict_str(all, "inventory_file", ""), path(f, "hosts"));
    assert_string_equal(dict_str(all, "inventory_dir", ""), f->dir);
    assert_int_equal(dict_get(all, "group_names")->u.list->len, 1);
    assert_int_equal(inventory_host_vars(f->inv, h, NULL, &all, &f->e), 0);
    assert_string_equal(dict_str(all, "v", ""), "h_file");
    struct value groups = inventory_groups(f->inv);
    assert_int_equal(groups.u.dict->len, 3);
    assert_int_equal(dict_get(groups.u.dict, "all")->u.list->len, 1);
}

static void test_bad_variables(void **state)
{
    struct fixture *f = *state;
    const struct dict *d;
    put(f, "hosts", "h\n");
    put(f, "host_vars/h.yml", "a: 1\nb: c: d\n");
    assert_int_equal(load(f, "hosts"), 0);
    assert_int_equal(inventory_host_vars(f->inv, inventory_host(f->inv, 0), NULL, &d, &f->e),
                     ERR_PARSE);
    assert_int_equal(f->e.pos.line, 2);
    assert_string_equal(src_name(f->e.pos.file), path(f, "host_vars/h.yml"));
    put(f, "host_vars/h.yml", "$ANSIBLE_VAULT;1.1;AES256\n33\n");
    assert_int_equal(load(f, "hosts"), 0);
    assert_int_equal(inventory_host_vars(f->inv, inventory_host(f->inv, 0), NULL, &d, &f->e),
                     ERR_PARSE);
}

static int decrypt(void *data, struct arena *a, const char *file, const char *text, size_t len,
                   const char **ret, size_t *ret_len, struct err *e)
{
    (void)a, (void)file, (void)text, (void)len, (void)e;
    *ret = data;
    *ret_len = strlen(data);
    return 0;
}

static void test_decrypt(void **state)
{
    struct fixture *f = *state;
    const struct dict *d;
    static char plain[] = "secret: x\n";
    put(f, "hosts", "h\n");
    put(f, "group_vars/all/vault.yml", "$ANSIBLE_VAULT;1.1;AES256\n33\n");
    f->opts.decrypt = decrypt;
    f->opts.decrypt_data = plain;
    assert_int_equal(load(f, "hosts"), 0);
    assert_int_equal(inventory_host_vars(f->inv, inventory_host(f->inv, 0), NULL, &d, &f->e), 0);
    assert_string_equal(dict_str(d, "secret", ""), "x");
}

static void test_run_time(void **state)
{
    struct fixture *f = *state;
    const struct dict *d;
    bool changed;
    put(f, "hosts", "[web]\na\n[web:vars]\nx=1\n[late:vars]\n[late]\n");
    put(f, "group_vars/late.yml", "y: 2\n");
    assert_int_equal(load(f, "hosts"), 0);
    struct host *a = inventory_find_host(f->inv, "a");
    assert_int_equal(inventory_host_vars(f->inv, a, NULL, &d, &f->e), 0);
    assert_null(dict_get(d, "y"));

    struct value vars = value_dict(f->a), groups = value_list(f->a);
    dict_set(vars.u.dict, "k", value_int(7));
    list_add(groups.u.list, value_cstr("web"));
    list_add(groups.u.list, value_cstr("made"));
    assert_int_equal(inventory_add_host(f->inv, "b", vars.u.dict, groups.u.list, &changed, &f->e),
                     0);
    assert_true(changed);
    assert_int_equal(inventory_add_host(f->inv, "b", vars.u.dict, groups.u.list, &changed, &f->e),
                     0);
    assert_false(changed);
    assert_string_equal(match(f, "web", NULL), "a b");
    assert_string_equal(match(f, "made", NULL), "b");
    struct host *b = inventory_find_host(f->inv, "b");
    assert_int_equal(b->index, 1);
    assert_int_equal(inventory_host_vars(f->inv, b, NULL, &d, &f->e), 0);
    assert_int_equal(dict_int(d, "k", 0), 7);
    assert_int_equal(dict_int(d, "x", 0), 1);
    assert_int_equal(dict_get(d, "inventory_file")->type, VALUE_NULL);

    struct value parents = value_list(f->a);
    list_add(parents.u.list, value_cstr("late"));
    assert_int_equal(inventory_add_to_group(f->inv, a, "os_x", parents.u.list, &changed, &f->e), 0);
    assert_true(changed);
    assert_int_equal(inventory_add_to_group(f->inv, a, "os_x", parents.u.list, &changed, &f->e), 0);
    assert_false(changed);
    assert_int_equal(inventory_host_vars(f->inv, a, NULL, &d, &f->e), 0);
    assert_int_equal(dict_int(d, "y", 0), 2);
    assert_int_equal(dict_get(d, "group_names")->u.list->len, 3);
    assert_string_equal(match(f, "late", NULL), "a");
    assert_int_equal(dict_get(inventory_groups(f->inv).u.dict, "os_x")->u.list->len, 1);
    assert_int_equal(inventory_add_host(f->inv, "", NULL, NULL, &changed, &f->e), ERR_INVALID);
}

static void test_localhost(void **state)
{
    struct fixture *f = *state;
    put(f, "hosts", "a\n[all:vars]\nx=1\n");
    assert_int_equal(load(f, "hosts"), 0);
    struct host *h = inventory_find_host(f->inv, "localhost");
    const struct dict *d;
    assert_true(h->implicit);
    assert_int_equal(inventory_host_count(f->inv), 1);
    assert_int_equal(inventory_host_vars(f->inv, h, NULL, &d, &f->e), 0);
    assert_string_equal(dict_str(d, "ansible_connection", ""), "local");
    assert_int_equal(dict_int(d, "x", 0), 1);
    assert_null(inventory_find_host(f->inv, "b"));
}

// A chain of groups without end is refused, whichever way round it is written.
static void test_deep_groups(void **state)
{
    struct fixture *f = *state;
    for (int up = 0; up < 2; up++) {
        struct buf b = BUF_INIT;
        for (int i = 0; i < 20000; i++) {
            int n = up ? 20000 - i : i;
            buf_addf(&b, "[g%d:children]\ng%d\n", n, n + 1);
        }
        buf_adds(&b, up ? "[g20001]\n" : "[g20000]\n");
        put(f, "hosts", buf_str(&b));
        buf_release(&b);
        assert_int_equal(load(f, "hosts"), 0);
        assert_false(inventory_parsed(f->inv));
    }
    put(f, "hosts", "[a-b]\nx\n[c-d]\ny\n");
    assert_int_equal(load(f, "hosts"), 0);
    assert_int_equal(inventory_warnings(f->inv)->len, 1); // one for all group names
}

// A thousand hosts: shared variables are shared, and it is quick.
static void test_thousand(void **state)
{
    struct fixture *f = *state;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 100; i++)
        buf_addf(&b, "var_%d: [1, 2, {k: 'some text {{ var_%d }}'}]\n", i, i);
    put(f, "group_vars/web.yml", buf_str(&b));
    buf_release(&b);
    put(f, "hosts", "[web]\nnode[0001:1000].example.com ansible_user=root n=1\n");
    int64_t start = clock_real_us();
    assert_int_equal(load(f, "hosts"), 0);
    int64_t loaded = clock_real_us();
    assert_int_equal(inventory_host_count(f->inv), 1000);
    struct inventory_vars first, v;
    assert_int_equal(inventory_host_layers(f->inv, inventory_host(f->inv, 0), NULL, &first, &f->e),
                     0);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(inventory_host_layers(f->inv, inventory_host(f->inv, i), NULL, &v, &f->e),
                         0);
        assert_ptr_equal(v.shared, first.shared);
        assert_int_equal(dict_int(v.own, "n", 0), 1);
    }
    int64_t done = clock_real_us();
    print_message("1000 hosts: load %lld us, variables %lld us, %zu KB\n",
                  (long long)(loaded - start), (long long)(done - loaded),
                  arena_bytes(f->a) / 1024);
    assert_true(arena_bytes(f->a) < (size_t)8 << 20);
    assert_true(done - start < 2000000); // generous: shared machines, sanitizers
}

static const struct {
    const char *text, *repr;
} literals[] = {
    {"123456789012345678901234567890", "'123456789012345678901234567890'"},
    {"-9223372036854775807", "-9223372036854775807"},
    {"{1, 2, 1}", "[1, 2]"},
    {"(1, 'a')", "(1, 'a')"},
    {"1,", "(1,)"},
    {"[1, [2, {'a': (3,)}], ]", "[1, [2, {'a': (3,)}]]"},
    {"{'a': 1, 2: None,}", "{'a': 1, 2: None}"},
    {"{[1]: 2}", "'{[1]: 2}'"},
    {"{'a': 1, 2}", "\"{'a': 1, 2}\""},
    {"[1 2]", "'[1 2]'"},
    {"[1,,2]", "'[1,,2]'"},
    {"5 # five", "5"},
    {"'a' \"b\" # c", "'ab'"},
    {"rb'\\n'", "'\\\\n'"},
    {"bu'x'", "\"bu'x'\""},
    {"'\\ud800'", "\"'\\\\ud800'\""},
    {"1e5", "100000.0"},
    {"1.e2", "100.0"},
    {"1_0.5_0", "10.5"},
    {"1._5", "'1._5'"},
    {"0x_f", "15"},
    {"0x", "'0x'"},
    {"0_0", "0"},
    {"0_7", "'0_7'"},
    {"0b12", "'0b12'"},
    {"5m", "'5m'"},
    {"- 5", "-5"},
    {"True", "True"},
    {"Trueish", "'Trueish'"},
    {"", "''"},
};

static void test_literals(void **state)
{
    struct fixture *f = *state;
    int bad = 0;
    for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
        struct buf b = BUF_INIT;
        struct value v = literal_value(f->a, literals[i].text);
        value_repr(&b, &v);
        if (strcmp(buf_str(&b), literals[i].repr) != 0) {
            bad++;
            print_error("%s -> %s, not %s\n", literals[i].text, buf_str(&b), literals[i].repr);
        }
        buf_release(&b);
    }
    struct buf deep = BUF_INIT;
    buf_fill(&deep, '[', 100000);
    assert_int_equal(literal_value(f->a, buf_str(&deep)).type, VALUE_STRING);
    buf_release(&deep);
    assert_int_equal(bad, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_mistakes),      T(test_no_source),   T(test_patterns), T(test_levels),
        T(test_bad_variables), T(test_decrypt),     T(test_run_time), T(test_localhost),
        T(test_thousand),      T(test_deep_groups), T(test_literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
