// The YAML reader: messages for the usual mistakes with their positions, limits, files and
// callbacks.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/file.h"
#include "yaml/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *text;
    unsigned line, col;
    const char *says; // part of the message
} mistakes[] = {
    {"a:\n\tb: c\n", 2, 1, "there is a tab; YAML is indented with spaces alone"},
    {"- a\n\t- b\n", 2, 1, "a tab is used for indentation"},
    {"a: {{ b }}\n", 1, 5, "a value that begins with {{ must be in quotes"},
    {"a: {{ b }}/c\n", 1, 5, "a value that begins with {{ must be in quotes"},
    {"a: {% if b %}c{% endif %}\n", 1, 5, "must be in quotes"},
    {"msg: hello: world\n", 1, 11, "the value contains \": \", so it must be in quotes"},
    {"- name: x\n    apt: y\n", 2, 8,
     "the line above already has a value, so this line is indented too far"},
    {"a: 1\n  b: 2\n", 2, 4, "indented too far"},
    {"a\nb: 1\n", 2, 2, "the line above has no colon"},
    {"a:\n  b: 1\n c: 2\n", 3, 2, "the indentation matches no line above"},
    {"a: \"b\nc: d\n", 1, 4, "this quote is not closed"},
    {"a: 'b\nc: d\n", 1, 4, "this quote is not closed"},
    {"a: [b, c\nd: e\n", 1, 4, "this [ has no matching ]"},
    {"a: {b: c\nd: e\n", 1, 4, "this { has no matching }"},
    {"a: \"b\" c\n", 1, 8, "there is text behind the closing quote"},
    {"a: \"\\d\"\n", 1, 5, "in double quotes a backslash begins an escape"},
    {"a: @b\n", 1, 4, "a value that begins with @ or ` must be in quotes"},
    {"a: %b\n", 1, 4, "a value that begins with % must be in quotes"},
    {"a: *b\n", 1, 4, "a value that begins with * must be in quotes"},
    {"a: !b c\n", 1, 4, "a value that begins with ! must be quoted"},
    {"a: - b\n", 1, 4, "a list item cannot begin here"},
    {"a:1\nb:2\nc: 3\n", 3, 2, "a key and value are not allowed here"},
    {"a: 1\nb:2\nc: 3\n", 3, 1, "a blank is missing behind the colon"},
    {"a: b\n- c\n", 2, 1, "a list item cannot follow a key"},
    {"a: 1\n---\nb: 2\n", 2, 1, "a second document begins here"},
    {"a: 2024-02-30\n", 1, 4, "the day is not in that month"},
    {"a: !!int x\n", 1, 4, "not a whole number"},
    {"a: !!python/object:os.x {}\n", 1, 4, "Python objects are not allowed"},
    {"a: &x 1\nb: &x 2\n", 2, 4, "already defined at line 1"},
    {"a: &x [*x]\n", 1, 8, "inside what it stands for"},
    {"? [a]\n: b\n", 1, 3, "a list cannot be a key"},
    {"a: b\xff\n", 1, 5, "this is not UTF-8 text"},
    {"a: b\x01\n", 1, 5, "there is a control character"},
    {"a: <<\n", 1, 4, "only allowed as a key"},
};

static void test_mistakes(void **state)
{
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct arena *a = arena_new();
        struct err e = ERR_INIT;
        struct value v;
        int rc =
            yaml_parse(a, mistakes[i].text, strlen(mistakes[i].text), "play.yml", NULL, &v, &e);
        if (rc != ERR_PARSE || e.pos.line != mistakes[i].line || e.pos.col != mistakes[i].col ||
            !strstr(err_msg(&e), mistakes[i].says) ||
            strcmp(src_name(e.pos.file), "play.yml") != 0) {
            bad++;
            print_error("%s-> %d %u:%u %s\n", mistakes[i].text, rc, e.pos.line, e.pos.col,
                        err_msg(&e));
        }
        err_release(&e);
        arena_free(a);
    }
    assert_int_equal(bad, 0);
}

static int parse(const char *text, size_t len, const struct yaml_opts *opts, struct err *e)
{
    struct arena *a = arena_new();
    struct value v;
    int rc = yaml_parse(a, text, len, "t", opts, &v, e);
    arena_free(a);
    return rc;
}

static void test_depth(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    buf_fill(&b, '[', 199);
    buf_fill(&b, ']', 199);
    assert_int_equal(parse(b.p, b.len, NULL, &e), 0);
    buf_clear(&b);
    buf_fill(&b, '[', 201);
    buf_fill(&b, ']', 201);
    assert_int_equal(parse(b.p, b.len, NULL, &e), ERR_LIMIT);
    buf_clear(&b);
    buf_fill(&b, '{', 100000);
    assert_true(parse(b.p, b.len, NULL, &e) < 0);
    buf_release(&b);
    err_release(&e);
}

// Nine levels of nine aliases each would be 9^9 values.
static void test_alias_bomb(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    buf_adds(&b, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 9; i++) {
        buf_addf(&b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++)
            buf_addf(&b, "%s*a%d", k ? "," : "", i - 1);
        buf_adds(&b, "]\n");
    }
    assert_int_equal(parse(b.p, b.len, NULL, &e), ERR_LIMIT);
    assert_non_null(strstr(err_msg(&e), "aliases stand for more than"));
    buf_release(&b);
    err_release(&e);
}

static void test_documents(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct value v;
    static const char text[] = "a: &x 1\n---\n- b\n--- &x c\n...\n";
    assert_int_equal(yaml_parse_all(a, text, strlen(text), "t", NULL, &v, &e), 0);
    assert_int_equal(v.u.list->len, 3);
    assert_int_equal(dict_int(v.u.list->items[0].u.dict, "a", 0), 1);
    assert_true(value_eqs(&v.u.list->items[1].u.list->items[0], "b"));
    assert_true(value_eqs(&v.u.list->items[2], "c"));
    assert_int_equal(value_pos(&v.u.list->items[2]).line, 4);
    assert_int_equal(yaml_parse_all(a, "", 0, "t", NULL, &v, &e), 0);
    assert_int_equal(v.u.list->len, 0);
    arena_free(a);
}

// !unsafe reaches everything inside, but not what shares an anchor with it.
static void test_unsafe(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct value v;
    static const char text[] = "a: &x {k: '{{ y }}'}\nb: !unsafe [*x, {m: [z]}]\n";
    assert_int_equal(yaml_parse(a, text, strlen(text), "t", NULL, &v, &e), 0);
    const struct dict *d = v.u.dict;
    assert_int_equal(dict_get(dict_get(d, "a")->u.dict, "k")->flags & VALUE_UNSAFE, 0);
    const struct list *b = dict_get(d, "b")->u.list;
    assert_int_equal(dict_get(b->items[0].u.dict, "k")->flags & VALUE_UNSAFE, VALUE_UNSAFE);
    assert_int_equal(dict_get(b->items[1].u.dict, "m")->u.list->items[0].flags & VALUE_UNSAFE,
                     VALUE_UNSAFE);
    arena_free(a);
}

static void test_json_positions(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct value v;
    static const char text[] = "{\"a\": [1e3,\n  \"x\"]}";
    struct yaml_opts opts = {.json_first = true};
    assert_int_equal(yaml_parse(a, text, strlen(text), "t", &opts, &v, &e), 0);
    const struct value *list = dict_get(v.u.dict, "a");
    assert_int_equal(list->u.list->items[0].type, VALUE_FLOAT);
    assert_int_equal(value_pos(&list->u.list->items[1]).line, 2);
    assert_int_equal(value_pos(&list->u.list->items[1]).col, 3);
    assert_int_equal(yaml_parse(a, text, strlen(text), "t", NULL, &v, &e), 0);
    assert_int_equal(dict_get(v.u.dict, "a")->u.list->items[0].type, VALUE_STRING);
    arena_free(a);
}

static int decrypt(void *data, struct arena *a, const char *path, const char *text, size_t len,
                   const char **ret, size_t *ret_len, struct err *e)
{
    (void)a, (void)path, (void)e;
    assert_int_equal(strncmp(text, "$ANSIBLE_VAULT;1.1", 18), 0);
    assert_true(len > 18);
    *ret = data;
    *ret_len = strlen(data);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    struct err e = ERR_INIT;
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, &e), 0);
}

static void test_files(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct value v;
    char dir[] = "/tmp/andon-yaml-XXXXXX";
    assert_non_null(mkdtemp(dir));
    const char *path = arena_printf(a, "%s/x.yml", dir);
    assert_int_equal(yaml_load_file(a, path, NULL, &v, &e), ERR_NOENT);
    write_file(path, "a: yes\n");
    assert_int_equal(yaml_load_file(a, path, NULL, &v, &e), 0);
    assert_true(dict_bool(v.u.dict, "a", false));
    assert_string_equal(src_name(value_pos(&v).file), path);
    write_file(path, "$ANSIBLE_VAULT;1.1;AES256\n3334\n");
    assert_int_equal(yaml_load_file(a, path, NULL, &v, &e), ERR_PARSE);
    assert_non_null(strstr(err_msg(&e), "encrypted"));
    struct yaml_opts opts = {.decrypt = decrypt, .decrypt_data = (void *)(uintptr_t) "s: secret\n"};
    assert_int_equal(yaml_load_file(a, path, &opts, &v, &e), 0);
    assert_string_equal(dict_str(v.u.dict, "s", ""), "secret");
    static const char *const broken[] = {"s: secret: x\n", "s: *secret\n",      "s: !secret x\n",
                                         "s: 'secret\n",   "s: !!int secret\n", "s: @secret\n"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        opts.decrypt_data = (void *)(uintptr_t)broken[i]; // what was decrypted is never shown
        assert_int_equal(yaml_load_file(a, path, &opts, &v, &e), ERR_PARSE);
        assert_null(strstr(err_msg(&e), "secret"));
    }
    err_release(&e);
    unlink(path);
    rmdir(dir);
    arena_free(a);
}

static void test_duplicates_refused(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct yaml_opts opts = {.duplicates = YAML_DUP_ERROR};
    static const char text[] = "a: 1\nb: 2\na: 3\n";
    assert_int_equal(parse(text, strlen(text), &opts, &e), ERR_PARSE);
    assert_int_equal(e.pos.line, 3);
    opts.duplicates = YAML_DUP_IGNORE;
    assert_int_equal(parse(text, strlen(text), &opts, &e), 0);
    err_release(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),   cmocka_unit_test(test_depth),
        cmocka_unit_test(test_alias_bomb), cmocka_unit_test(test_documents),
        cmocka_unit_test(test_unsafe),     cmocka_unit_test(test_json_positions),
        cmocka_unit_test(test_files),      cmocka_unit_test(test_duplicates_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
