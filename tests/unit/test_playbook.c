// Loading of playbooks: the model that comes of them, and what is said of wrong ones, with the
// place.
#include "core/buf.h"
#include "core/file.h"
#include "playbook/load.h"
#include "spec/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct arena *arena;
static struct template_cache *cache;
static struct loader *loader;
static char dir[64];

static int module_known(void *data, const char *name, const struct list *collections, struct err *e)
{
    static const char *const pseudo[] = {"import_playbook", "import_role",   "import_tasks",
                                         "include_role",    "include_tasks", "meta"};
    (void)data, (void)collections, (void)e;
    for (size_t i = 0; i < sizeof pseudo / sizeof *pseudo; i++)
        if (strcmp(name, pseudo[i]) == 0)
            return MODULE_BUILTIN;
    return spec_find(name) ? MODULE_BUILTIN : MODULE_NOWHERE;
}

static void new_loader(void)
{
    struct value extra = value_dict(arena);
    dict_set(extra.u.dict, "from_extra", value_cstr("one"));
    struct loader_opts o = {
        .extra_vars = extra.u.dict, .cache = cache, .module_known = module_known};
    loader = loader_new(&o);
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    cache = template_cache_new();
    new_loader();
    snprintf(dir, sizeof dir, "/tmp/andon-playbook-XXXXXX");
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    int rc = chdir("/") | system(arena_printf(arena, "rm -rf %s", dir));
    loader_free(loader);
    template_cache_free(cache);
    arena_free(arena);
    return rc;
}

static void put(const char *path, const char *text)
{
    struct err e = ERR_INIT;
    if (file_mkdirs(path_dir(arena, path), 0755, &e) < 0 ||
        file_write_atomic(path, text, strlen(text), 0644, &e) < 0)
        fail_msg("%s: %s", path, err_msg(&e));
}

static struct playbook *load(const char *text)
{
    struct playbook *pb;
    struct err e = ERR_INIT;
    put("site.yml", text);
    if (playbook_load(loader, "site.yml", &pb, &e) < 0)
        fail_msg("%s:%u:%u: %s", src_name(e.pos.file), e.pos.line, e.pos.col, err_msg(&e));
    return pb;
}

static struct task *task_at(const struct node_list *l, size_t i)
{
    struct task *t = i < l->len ? node_task(l->items[i]) : NULL;
    if (!t)
        abort();
    return t;
}

static const struct block *block_at(const struct node_list *l, size_t i)
{
    const struct block *b = i < l->len ? node_block(l->items[i]) : NULL;
    if (!b)
        abort();
    return b;
}

// The tree below a list in one line: tasks by name, [blocks], (includes).
static void draw(struct buf *b, const struct node_list *l)
{
    for (size_t i = 0; i < l->len; i++) {
        struct node *n = l->items[i];
        buf_adds(b, i ? " " : "");
        if (node_task(n)) {
            const struct task *t = task_at(l, i);
            buf_adds(b, t->name ? t->name : t->module);
        } else if (node_include(n)) {
            buf_addc(b, '(');
            const struct include *inc = node_include(n);
            if (inc)
                draw(b, &inc->body);
            buf_addc(b, ')');
        } else {
            const struct block *block = block_at(l, i);
            buf_addc(b, '[');
            draw(b, &block->body);
            buf_adds(b, block->rescue.len ? " ! " : "");
            draw(b, &block->rescue);
            buf_adds(b, block->always.len ? " * " : "");
            draw(b, &block->always);
            buf_addc(b, ']');
        }
    }
}

static void assert_tree(const struct node_list *l, const char *want)
{
    struct buf b = BUF_INIT;
    draw(&b, l);
    assert_string_equal(buf_str(&b), want);
    buf_release(&b);
}

static void keeps_the_order_of_tasks_blocks_and_imports(void **state)
{
    (void)state;
    put("more.yml", "- {name: m1, debug: }\n- import_tasks: deeper/d.yml\n");
    put("deeper/d.yml", "- {name: d1, debug: }\n");
    struct playbook *pb = load("- hosts: all\n"
                               "  pre_tasks: [{name: p, debug: }]\n"
                               "  tasks:\n"
                               "    - {name: a, debug: }\n"
                               "    - block:\n"
                               "        - {name: b, debug: }\n"
                               "      rescue: [{name: c, debug: }]\n"
                               "      always: [{name: d, debug: }]\n"
                               "    - import_tasks: more.yml\n"
                               "    - {name: dynamic, include_tasks: more.yml}\n"
                               "  post_tasks: [{name: q, debug: }]\n"
                               "  handlers: [{name: h, debug: }]\n"
                               "- hosts: none\n");
    assert_int_equal(pb->n_plays, 2);
    assert_tree(&pb->plays[0]->pre_tasks, "p");
    assert_tree(&pb->plays[0]->tasks, "a [b ! c * d] (m1 (d1)) dynamic");
    assert_tree(&pb->plays[0]->post_tasks, "q");
    assert_tree(&pb->plays[0]->handlers, "h");
    assert_tree(&pb->plays[1]->tasks, "");
}

static void inherits_keywords_from_the_outside(void **state)
{
    (void)state;
    struct playbook *pb = load("- hosts: all\n"
                               "  remote_user: play\n"
                               "  become: true\n"
                               "  tasks:\n"
                               "    - block:\n"
                               "        - {debug: , become: false}\n"
                               "      remote_user: block\n"
                               "    - {debug: }\n");
    const struct node_list *l = &pb->plays[0]->tasks;
    const struct node *inner = block_at(l, 0)->body.items[0];
    assert_string_equal(node_attr(inner, "remote_user")->u.str.s, "block");
    assert_false(value_truthy(node_attr(inner, "become")));
    assert_string_equal(node_attr(l->items[1], "remote_user")->u.str.s, "play");
    assert_null(node_own(l->items[1], "remote_user"));
    assert_null(node_attr(inner, "delegate_to"));
}

static void reads_arguments_in_all_their_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *task, *module, *key, *want;
    } cases[] = {
        {"copy: {dest: /x}", "copy", "dest", "/x"},
        {"copy: dest=/x content='a b'", "copy", "content", "a b"},
        {"ansible.builtin.copy: dest=/x", "copy", "dest", "/x"},
        {"action: copy dest=/x", "copy", "dest", "/x"},
        {"action: {module: copy, dest: /x}", "copy", "dest", "/x"},
        {"local_action: copy dest=/x", "copy", "dest", "/x"},
        {"copy: dest=/x\n      args: {content: more}", "copy", "content", "more"},
        {"command: ls -l chdir=/tmp", "command", "_raw_params", "ls -l"},
        {"command: ls -l chdir=/tmp", "command", "chdir", "/tmp"},
        {"copy: '{{ all_of_it }}'", "copy", "_variable_params", "{{ all_of_it }}"},
        {"meta: flush_handlers", "meta", "_raw_params", "flush_handlers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        loader_free(loader);
        new_loader();
        struct playbook *pb =
            load(arena_printf(arena, "- hosts: all\n  tasks:\n    - %s\n", cases[i].task));
        const struct task *t = task_at(&pb->plays[0]->tasks, 0);
        assert_string_equal(t->module, cases[i].module);
        assert_string_equal(dict_str(t->args.u.dict, cases[i].key, "(none)"), cases[i].want);
    }
}

static void loads_roles_with_all_their_parts(void **state)
{
    (void)state;
    put("roles/base/tasks/main.yml", "- {name: base, debug: }\n");
    put("roles/r/tasks/main.yml", "- {name: r1, debug: }\n- import_tasks: sub.yml\n");
    put("roles/r/tasks/sub.yml", "- {name: r2, debug: }\n");
    put("roles/r/handlers/main.yml", "- {name: rh, debug: }\n");
    put("roles/r/defaults/main.yml", "d: default\n");
    put("roles/r/vars/main/a.yml", "v: 1\n");
    put("roles/r/vars/main/b.yml", "w: 2\n");
    put("roles/r/meta/main.yml", "dependencies: [{role: base, p: 3}]\nallow_duplicates: true\n");
    put("roles/r/files/f.txt", "x");
    struct playbook *pb = load("- hosts: all\n  roles: [{role: r, x: 1, tags: t}]\n");
    const struct play *p = pb->plays[0];
    const struct role *r = NULL;
    for (size_t i = 0; i < p->n_roles; i++)
        if (strcmp(p->roles[i]->name, "r") == 0)
            r = p->roles[i];
    if (!r)
        abort();
    assert_int_equal(r->n_deps, 1);
    assert_string_equal(r->deps[0]->name, "base");
    assert_int_equal(dict_int(r->deps[0]->params, "p", 0), 3);
    assert_true(r->use->allow_duplicates);
    assert_string_equal(dict_str(r->defaults, "d", ""), "default");
    assert_int_equal(dict_int(r->vars, "v", 0), 1);
    assert_int_equal(dict_int(r->vars, "w", 0), 2);
    assert_int_equal(dict_int(r->params, "x", 0), 1);
    assert_tree(&r->handlers, "rh");
    assert_tree(&p->tasks, "((base) r1 (r2))");
    const struct node *n = r->node;
    assert_string_equal(node_attr(n, "tags")->u.str.s, "t");
    const char *found = playbook_find_file(arena, n, "files", "f.txt", p->basedir, NULL);
    assert_non_null(found);
    assert_non_null(strstr(found, "roles/r/files/f.txt"));
    char *tried;
    assert_null(playbook_find_file(arena, n, "files", "nosuch", p->basedir, &tried));
    assert_non_null(strstr(tried, "roles/r/files/nosuch"));
}

static void includes_are_loaded_when_asked_for(void **state)
{
    (void)state;
    put("more.yml", "- {name: m1, debug: }\n");
    put("roles/r/tasks/other.yml", "- {name: other, debug: }\n");
    struct playbook *pb = load("- hosts: all\n  tasks:\n    - include_tasks: more.yml\n"
                               "    - include_role: {name: r, tasks_from: other}\n");
    struct task *t = task_at(&pb->plays[0]->tasks, 0), *u = task_at(&pb->plays[0]->tasks, 1);
    struct include *inc, *again;
    assert_int_equal(t->kind, TASK_INCLUDE_TASKS);
    assert_int_equal(u->kind, TASK_INCLUDE_ROLE);
    assert_int_equal(playbook_include_tasks(loader, t, "more.yml", NULL, &inc, NULL), 0);
    assert_tree(&inc->body, "m1");
    assert_int_equal(playbook_include_tasks(loader, t, "more.yml", NULL, &again, NULL), 0);
    assert_ptr_equal(inc, again);
    struct role_include args = {.name = "r", .tasks_from = "other"};
    assert_int_equal(playbook_include_role(loader, u, &args, &inc, NULL), 0);
    struct err e = ERR_INIT;
    assert_true(playbook_include_tasks(loader, t, "nosuch.yml", NULL, &inc, &e) < 0);
    assert_non_null(strstr(err_msg(&e), "nosuch.yml"));
    err_release(&e);
    args.name = "nosuch";
    assert_int_equal(playbook_include_role(loader, u, &args, &inc, &e), ERR_NOENT);
    assert_non_null(strstr(err_msg(&e), "'nosuch'"));
    err_release(&e);
}

static void says_what_is_wrong_and_where(void **state)
{
    (void)state;
#define TASKS "- hosts: all\n  tasks:\n"
    static const struct {
        const char *text;
        unsigned line, col;
        const char *msg;
    } cases[] = {
        {"", 0, 0, "Empty playbook"},
        {"hosts: all\n", 1, 1, "list"},
        {"- text\n", 1, 3, ""},
        {"- tasks: []\n", 1, 3, "the field 'hosts' is required"},
        {"- hosts: []\n", 1, 10, "Hosts list cannot be empty"},
        {"- hosts: [a, null]\n", 1, 10, "cannot contain values of 'None'"},
        {"- hosts: all\n  taks: []\n", 2, 3, "(did you mean 'tasks'?)"},
        {"- hosts: all\n  become: maybe\n", 2, 11, "'become' should be true or false"},
        {"- hosts: all\n  vars: text\n", 2, 9, "'vars' must be a dictionary"},
        {"- hosts: all\n  vars: [text]\n", 2, 10, "'vars' must be a dictionary"},
        {"- hosts: all\n  roles: nosuch\n", 2, 10, "'roles' must be a list"},
        {"- hosts: all\n  roles:\n    - nosuch\n", 3, 7, "the role 'nosuch' was not found"},
        {"- hosts: all\n  roles: [{x: 1}]\n", 2, 11, "role"},
        {"- hosts: all\n  tasks: text\n", 2, 10, ""},
        {TASKS "    - text\n", 3, 7, "a task must be a dictionary"},
        {TASKS "    - name: x\n", 3, 7, "no module/action detected in task."},
        {TASKS "    - {debug: , copy: }\n", 3, 7, "conflicting action statements: debug, copy"},
        {TASKS "    - {debug: , wehn: x}\n", 3, 17, "(did you mean 'when'?)"},
        {TASKS "    - nosuch: x\n", 3, 7, "couldn't resolve module/action 'nosuch'"},
        {TASKS "    - {debug: , args: 3}\n", 3, 23, "'args' must be a dictionary"},
        {TASKS "    - copy: [a]\n", 3, 13, "a list"},
        {TASKS "    - copy: a=1 b\n", 3, 13, "extra params"},
        {TASKS "    - copy: a='1\n", 3, 13, "quot"},
        {TASKS "    - {debug: , loop: [1], with_items: [2]}\n", 3, 28, "duplicate loop"},
        {TASKS "    - {debug: , with_items: }\n", 3, 17, "you must specify a value"},
        {TASKS "    - {1: x}\n", 3, 8, "must be text"},
        {TASKS "    - rescue: []\n", 3, 7, ""},
        {TASKS "    - import_tasks: nosuch.yml\n", 3, 7, "nosuch.yml"},
        {TASKS "    - {import_tasks: x.yml, loop: [1]}\n", 3, 0, "loop"},
        {TASKS "    - import_role: {}\n", 3, 7, "'name' is a required field"},
        {TASKS "    - debug:\n        msg: x\n       when: y\n", 5, 8, ""},
        {"- import_playbook: nosuch.yml\n", 1, 20, "nosuch.yml"},
        {"- import_playbook:\n", 1, 0, "playbook import parameter is missing"},
        {"- import_playbook: site.yml\n", 0, 0, "import each other without end"},
        {"- hosts: all\n\ttasks: []\n", 2, 1, "tab"},
        {"- hosts: {{ x }}\n", 1, 11, "quotes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct playbook *pb;
        struct err e = ERR_INIT;
        loader_free(loader);
        new_loader();
        put("site.yml", cases[i].text);
        bool refused = playbook_load(loader, "site.yml", &pb, &e) < 0;
        if (!refused || (cases[i].line && e.pos.line != cases[i].line) ||
            (cases[i].col && e.pos.col != cases[i].col) || !strstr(err_msg(&e), cases[i].msg))
            fail_msg("%s  want %u:%u %s\n  got  %u:%u %s", cases[i].text, cases[i].line,
                     cases[i].col, cases[i].msg, e.pos.line, e.pos.col,
                     refused ? err_msg(&e) : "(accepted)");
        err_release(&e);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(keeps_the_order_of_tasks_blocks_and_imports), TEST(inherits_keywords_from_the_outside),
        TEST(reads_arguments_in_all_their_shapes),         TEST(loads_roles_with_all_their_parts),
        TEST(includes_are_loaded_when_asked_for),          TEST(says_what_is_wrong_and_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
