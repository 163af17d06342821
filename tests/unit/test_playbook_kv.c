// Splitting of free-form arguments, against Ansible's answers (tests/oracle/playbook.py).
#include "core/file.h"
#include "core/json.h"
#include "playbook/kv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static int wrong;

static void one(struct arena *a, const struct dict *d)
{
    const struct value *s = dict_get(d, "s"), *want = dict_get(d, "r");
    bool raw = dict_bool(d, "raw", false);
    if (want->type == VALUE_NULL && (!s->u.str.len || s->u.str.s[0] == ' '))
        return; // Ansible stumbles over a blank in front; its YAML never gives it one
    struct dict *got = NULL;
    struct err e = ERR_INIT;
    int rc = kv_parse(a, s->u.str.s, s->u.str.len, raw, POS_NONE, &got, &e);
    struct value v = rc < 0 ? value_null() : (struct value){.type = VALUE_DICT, .u.dict = got};
    if (rc < 0)
        assert_int_not_equal(err_msg(&e)[0], '\0');
    if (!value_equal(&v, want)) {
        struct buf x = BUF_INIT, y = BUF_INIT;
        json_write(&x, want, NULL);
        json_write(&y, &v, NULL);
        print_error("%s%s\n  want %s\n  got  %s %s\n", s->u.str.s, raw ? " (raw)" : "", buf_str(&x),
                    buf_str(&y), err_msg(&e));
        buf_release(&x);
        buf_release(&y);
        wrong++;
    }
    err_release(&e);
}

static void same_as_ansible(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char *text;
    size_t len;
    int n = 0;
    assert_int_equal(file_read(a, TEST_ROOT "/unit/data/kv.jsonl", 8 << 20, &text, &len, NULL), 0);
    for (char *line = text, *next; *line; line = next, n++) {
        struct value v;
        next = strchr(line, '\n');
        assert_non_null(next);
        *next++ = '\0';
        assert_int_equal(json_parse(a, line, strlen(line), &v, NULL), 0);
        one(a, v.u.dict);
    }
    arena_free(a);
    print_message("%d texts\n", n);
    assert_true(n > 200);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_ansible)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
