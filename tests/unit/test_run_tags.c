// Which tasks --tags and --skip-tags select, against Ansible's answers (tests/oracle/playbook.py).
#include "run_test.h"
#include "run/internal.h"

// The words of a comma-separated field, ending with NULL.
static const char **words(struct arena *a, const char *s)
{
    const char **out = arena_array(a, const char *, 16);
    size_t n = 0;
    while (*s) {
        size_t len = strcspn(s, ",");
        assert_true(n < 15);
        out[n++] = arena_strndup(a, s, len);
        s += len + (s[len] == ',');
    }
    return out;
}

static bool selected(struct arena *a, const char *tags, const char *only, const char *skip)
{
    struct run r = {.o = {.tags = words(a, only), .skip_tags = words(a, skip)}};
    struct node n = {.kind = NODE_TASK};
    struct value attrs = value_dict(a), list = value_list(a);
    for (const char **w = words(a, tags); *w; w++)
        list_add(list.u.list, value_cstr(*w));
    dict_set(attrs.u.dict, "tags", list);
    n.attrs = attrs.u.dict;
    return task_selected(&r, NULL, &n);
}

static void same_as_ansible(void **state)
{
    (void)state;
    struct arena *data = arena_new();
    char *text;
    size_t len;
    int n = 0, wrong = 0;
    assert_int_equal(file_read(data, TEST_ROOT "/unit/data/tags.tsv", 8 << 20, &text, &len, NULL),
                     0);
    for (char *line = text, *next; *line; line = next, n++) {
        struct arena *a = arena_new();
        char *field[4], *p = line;
        next = strchr(line, '\n');
        assert_non_null(next);
        *next++ = '\0';
        for (int i = 0; i < 4; i++) {
            field[i] = strsep(&p, "\t");
            assert_non_null(field[i]);
        }
        if (selected(a, field[0], field[1], field[2]) != (*field[3] == '1') && wrong++ < 20)
            print_error("tags [%s] with --tags [%s] --skip-tags [%s] should%s run\n", field[0],
                        field[1], field[2], *field[3] == '1' ? "" : " not");
        arena_free(a);
    }
    arena_free(data);
    print_message("%d selections\n", n);
    assert_true(n > 2000);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_ansible)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
