// Settings: where the file is found, how ini text is read, how values are typed, which source wins.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "config/config.h"
#include "config/ini.h"
#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A folder of its own for every test, with what config_load is to see.
struct fixture {
    struct arena *a;
    char dir[32];
    const char *env[16];
    size_t envs;
    struct config *c;
    struct err e;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->a = arena_new();
    strcpy(f->dir, "/tmp/andon-config-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->env[f->envs++] = arena_printf(f->a, "HOME=%s/home", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char cmd[64];
    snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
    int rc = system(cmd);
    err_release(&f->e);
    arena_free(f->a);
    free(f);
    return rc;
}

static const char *path(struct fixture *f, const char *name)
{
    return arena_printf(f->a, "%s/%s", f->dir, name);
}

static void put(struct fixture *f, const char *name, const char *text)
{
    struct err e = ERR_INIT;
    assert_int_equal(file_mkdirs(path_dir(f->a, path(f, name)), 0755, &e), 0);
    assert_int_equal(file_write_atomic(path(f, name), text, strlen(text), 0644, &e), 0);
}

static int load(struct fixture *f)
{
    struct config_where where = {.environ = (char *const *)(uintptr_t)f->env,
                                 .cwd = path(f, "work"),
                                 .system = path(f, "etc/ansible.cfg")};
    err_release(&f->e);
    return config_load(f->a, &where, &f->c, &f->e);
}

static void test_defaults(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f), 0);
    assert_null(config_file(f->c));
    assert_int_equal(config_int(f->c, CONFIG_FORKS), 5);
    assert_true(config_bool(f->c, CONFIG_HOST_KEY_CHECKING));
    assert_string_equal(config_str(f->c, CONFIG_BECOME_METHOD), "sudo");
    assert_null(config_str(f->c, CONFIG_REMOTE_USER));
    assert_int_equal(config_list(f->c, CONFIG_ROLES_PATH)->len, 3);
    assert_string_equal(config_list(f->c, CONFIG_ROLES_PATH)->items[0].u.str.s,
                        path(f, "home/.ansible/roles"));
    assert_string_equal(config_str(f->c, CONFIG_LOCAL_TMP), path(f, "home/.ansible/tmp"));
    assert_int_equal(config_list(f->c, CONFIG_PRECEDENCE)->len, 6);
    assert_int_equal(config_list(f->c, CONFIG_TAGS_RUN)->len, 0);
    assert_true(config_float(f->c, CONFIG_INTERNAL_POLL_INTERVAL) > 0.0009);
    assert_string_equal(config_origin(f->c, CONFIG_FORKS), "default");
}

// The first file in Ansible's order is used, and it alone.
static void test_search_order(void **state)
{
    struct fixture *f = *state;
    put(f, "etc/ansible.cfg", "[defaults]\nforks=1\n");
    assert_int_equal(load(f), 0);
    assert_int_equal(config_int(f->c, CONFIG_FORKS), 1);
    put(f, "home/.ansible.cfg", "[defaults]\nforks=2\n");
    assert_int_equal(load(f), 0);
    assert_int_equal(config_int(f->c, CONFIG_FORKS), 2);
    put(f, "work/ansible.cfg", "[defaults]\nforks=3\n");
    assert_int_equal(load(f), 0);
    assert_int_equal(config_int(f->c, CONFIG_FORKS), 3);
    assert_string_equal(config_file(f->c), path(f, "work/ansible.cfg"));
    put(f, "other/ansible.cfg", "[defaults]\nforks=4\n");
    f->env[f->envs++] = arena_printf(f->a, "ANSIBLE_CONFIG=%s/other", f->dir);
    assert_int_equal(load(f), 0);
    assert_int_equal(config_int(f->c, CONFIG_FORKS), 4);
    f->env[f->envs - 1] = "ANSIBLE_CONFIG=/nowhere.cfg";
    assert_int_equal(load(f), 0);
    assert_int_equal(config_int(f->c, CONFIG_FORKS), 3);
    f->env[--f->envs] = NULL;
    assert_int_equal(chmod(path(f, "work"), 0777), 0);
    assert_int_equal(load(f), 0);
    assert_int_equal(config_int(f->c, CONFIG_FORKS), 2);
    assert_int_equal(config_warnings(f->c)->len, 1);
}

static void test_environment_wins(void **state)
{
    struct fixture *f = *state;
    put(f, "work/ansible.cfg",
        "[defaults]\nforks = 9\nhost_key_checking = False\ntimeout=7\n[ssh_connection]\ntimeout = "
        "8\n");
    f->env[f->envs++] = "ANSIBLE_FORKS=20";
    f->env[f->envs++] = "ANSIBLE_GATHER_TIMEOUT=";
    f->env[f->envs++] = "NO_COLOR=1";
    f->env[f->envs++] = "ANSIBLE_NOCOLOR=0";
    assert_int_equal(load(f), 0);
    assert_int_equal(config_int(f->c, CONFIG_FORKS), 20);
    assert_string_equal(config_origin(f->c, CONFIG_FORKS), "env: ANSIBLE_FORKS");
    assert_false(config_bool(f->c, CONFIG_HOST_KEY_CHECKING));
    assert_false(config_bool(f->c, CONFIG_SSH_HOST_KEY_CHECKING));
    assert_int_equal(config_int(f->c, CONFIG_TIMEOUT), 7);
    assert_int_equal(config_int(f->c, CONFIG_SSH_TIMEOUT), 8);
    assert_int_equal(config_get(f->c, CONFIG_GATHER_TIMEOUT)->type, VALUE_NULL);
    assert_true(config_bool(f->c, CONFIG_NOCOLOR)); // the last name counts
    assert_int_equal(config_set(f->c, CONFIG_FORKS, "3", "-f", &f->e), 0);
    assert_int_equal(config_int(f->c, CONFIG_FORKS), 3);
    assert_int_equal(config_set(f->c, CONFIG_FORKS, "x", "-f", &f->e), ERR_INVALID);
}

static void test_types(void **state)
{
    struct fixture *f = *state;
    put(f, "work/ansible.cfg",
        "[defaults]\n"
        "inventory = hosts, ../inv/b ,/abs//x/./y/..\n"
        "roles_path = roles:~/r:$HOME/q:{{CWD}}/z\n"
        "private_key_file = keys/${KEY}\n"
        "remote_user = \"deploy\"\n"
        "callbacks_enabled = timer , 'profile tasks'\n"
        "ansible_managed: a = b ; comment\n"
        "nocows = maybe\n"
        "unknown_key = x\n"
        "[unknown section]\nkey = 1\n"
        "[ssh_connection]\nssh_args = -o A=b\n   -o C=d\n\n   -o E=f\n");
    f->env[f->envs++] = "KEY=id";
    f->env[f->envs++] = "ANSIBLE_LOG_PATH=log.txt";
    assert_int_equal(load(f), 0);
    const struct list *l = config_list(f->c, CONFIG_INVENTORY);
    assert_int_equal(l->len, 3);
    assert_string_equal(l->items[0].u.str.s, path(f, "work/hosts"));
    assert_string_equal(l->items[1].u.str.s, path(f, "inv/b"));
    assert_string_equal(l->items[2].u.str.s, "/abs/x");
    l = config_list(f->c, CONFIG_ROLES_PATH);
    assert_int_equal(l->len, 4);
    assert_string_equal(l->items[0].u.str.s, path(f, "work/roles"));
    assert_string_equal(l->items[1].u.str.s, path(f, "home/r"));
    assert_string_equal(l->items[2].u.str.s, path(f, "home/q"));
    assert_string_equal(l->items[3].u.str.s, path(f, "work/z"));
    assert_string_equal(config_str(f->c, CONFIG_PRIVATE_KEY_FILE), path(f, "work/keys/id"));
    assert_string_equal(config_str(f->c, CONFIG_LOG_PATH), path(f, "work/log.txt"));
    assert_string_equal(config_str(f->c, CONFIG_REMOTE_USER), "deploy");
    assert_string_equal(config_list(f->c, CONFIG_CALLBACKS_ENABLED)->items[1].u.str.s,
                        "profile tasks");
    assert_string_equal(config_str(f->c, CONFIG_ANSIBLE_MANAGED), "a = b");
    assert_false(config_bool(f->c, CONFIG_NOCOWS));
    assert_string_equal(config_str(f->c, CONFIG_SSH_ARGS), "-o A=b\n-o C=d\n\n-o E=f");
    assert_string_equal(config_ini(f->c, "unknown section", "key"), "1");
}

static const struct {
    const char *text;
    unsigned line, col;
    const char *says;
} mistakes[] = {
    {"forks = 5\n", 1, 1, "put [defaults] above it"},
    {"[defaults]\n\nforks\n", 3, 1, "a line must be"},
    {"[defaults]\nforks = many\n", 2, 1, "forks = \"many\" must be a whole number"},
    {"[defaults]\ngathering = no\n", 2, 1, "implicit|explicit|smart"},
    {"[defaults]\na=1\n[x]\n[defaults]\n", 4, 1, "the section [defaults] is already"},
    {"[defaults]\na=1\nA: 2\n", 3, 1, "the key \"a\" is already"},
    {"[defaults]\n= 1\n", 2, 1, "the key is missing"},
};

static void test_mistakes(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        put(f, "work/ansible.cfg", mistakes[i].text);
        assert_true(load(f) < 0);
        assert_non_null(strstr(err_msg(&f->e), mistakes[i].says));
        assert_int_equal(f->e.pos.line, mistakes[i].line);
        assert_int_equal(f->e.pos.col, mistakes[i].col);
        assert_string_equal(src_name(f->e.pos.file), path(f, "work/ansible.cfg"));
    }
    unlink(path(f, "work/ansible.cfg"));
    f->env[f->envs++] = "ANSIBLE_FORKS=x";
    assert_int_equal(load(f), ERR_INVALID);
    assert_non_null(strstr(err_msg(&f->e), "forks from env: ANSIBLE_FORKS = \"x\""));
}

static void test_ini_text(void **state)
{
    struct fixture *f = *state;
    struct ini ini;
    static const char text[] =
        "# c\n; d\n[DEFAULT]\nz = 9\n[a] junk\r\nK : v=1:2 # kept\nm = x;y ;z\n"
        "  # not part\n  more\ne =\n[b:c]\nk=\n\n  late\n";
    assert_int_equal(ini_parse(f->a, text, strlen(text), "t", &ini, &f->e), 0);
    assert_string_equal(ini_get(&ini, "a", "k")->u.str.s, "v=1:2 # kept");
    assert_string_equal(ini_get(&ini, "a", "m")->u.str.s, "x;y\nmore");
    assert_string_equal(ini_get(&ini, "a", "e")->u.str.s, "");
    assert_string_equal(ini_get(&ini, "a", "z")->u.str.s, "9");
    assert_string_equal(ini_get(&ini, "b:c", "k")->u.str.s, "\n\nlate");
    assert_null(ini_get(&ini, "nope", "z"));
    assert_int_equal(value_pos(ini_get(&ini, "a", "m")).line, 7);
}

// Every row is usable and documented.
static void test_table(void **state)
{
    (void)state;
    for (int i = 0; i < CONFIG_COUNT; i++) {
        const struct config_setting *s = config_setting((enum config_id)i);
        assert_true(strlen(s->help) > 5);
        assert_true(*s->ini || *s->env);
        assert_int_equal(config_find(s->name), i);
    }
    assert_int_equal(config_find("defaults.forks"), CONFIG_FORKS);
    assert_int_equal(config_find("ANSIBLE_FORKS"), CONFIG_FORKS);
    assert_int_equal(config_find("defaults.fork"), -1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_defaults), T(test_search_order), T(test_environment_wins),
        T(test_types),    T(test_mistakes),     T(test_ini_text),
        T(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
