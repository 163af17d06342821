// Differences as the helper tells them for the record of changes: cut to what differs, and bounded.
#include "node/module.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct dict *recorded(struct arena *a, const char *before, size_t before_len,
                             const char *after, size_t after_len)
{
    struct module m = {.arena = a, .result = value_dict(a).u.dict, .record = true};
    struct value d = value_dict(a);
    dict_set(d.u.dict, "path", value_cstr("/f"));
    dict_set(d.u.dict, "before", value_strn(a, before, before_len));
    dict_set(d.u.dict, "after", value_strn(a, after, after_len));
    module_record(&m, d);
    assert_int_equal(m.result->len, 0);
    return m.recorded ? m.recorded->items[0].u.dict : NULL;
}

static void only_what_differs(void **state)
{
    static const struct {
        const char *before, *after;
        int first;
        const char *want_before, *want_after;
    } rows[] = {
        {"", "a\n", 0, "", "a\n"},
        {"a\n", "", 0, "a\n", ""},
        {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nX\n6\n7\n8\n9\n", 1, "2\n3\n4\n5\n6\n7\n8\n",
         "2\n3\n4\nX\n6\n7\n8\n"},
        {"1\n2\n3\n4\n5\n", "1\n2\n3\n4\n5\n6\n", 2, "3\n4\n5\n", "3\n4\n5\n6\n"},
        {"1\n2\n3\n4\n5\n", "0\n1\n2\n3\n4\n5\n", 0, "1\n2\n3\n", "0\n1\n2\n3\n"},
        // the same line twice: only one of them goes
        {"x\nx\nx\n", "x\nx\n", 0, "x\nx\nx\n", "x\nx\n"},
        // no line break at the end
        {"1\n2\nab", "1\n2\nac", 0, "1\n2\nab", "1\n2\nac"},
        {"ab", "cb", 0, "ab", "cb"},
        {"b", "a\nb", 0, "b", "a\nb"},
        {"b", "ab", 0, "b", "ab"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *a = arena_new();
        const char *x = rows[i].before, *y = rows[i].after;
        struct dict *d = recorded(a, x, strlen(x), y, strlen(y));
        assert_non_null(d);
        assert_string_equal(dict_str(d, "before", "?"), rows[i].want_before);
        assert_string_equal(dict_str(d, "after", "?"), rows[i].want_after);
        assert_int_equal(dict_int(d, "first_line", 0), rows[i].first);
        assert_string_equal(dict_str(d, "path", "?"), "/f");
        arena_free(a);
    }
}

// Every pair of small texts: what was cut off is the same in both, and whole lines.
static void nothing_gets_lost(void **state)
{
    static const char *const pieces[] = {"a\n", "b\n", "\n", "a"};
    char texts[4 * 4 * 4 * 4 + 1][9];
    size_t n = 0;
    (void)state;
    for (int i = 0; i < 256; i++)
        snprintf(texts[n++], sizeof texts[0], "%s%s%s%s", pieces[i & 3], pieces[i >> 2 & 3],
                 pieces[i >> 4 & 3], pieces[i >> 6 & 3]);
    texts[n++][0] = '\0';
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            struct arena *a = arena_new();
            const char *x = texts[i], *y = texts[k];
            struct dict *d = recorded(a, x, strlen(x), y, strlen(y));
            assert_true((d == NULL) == (strcmp(x, y) == 0));
            if (d) {
                const char *before = dict_str(d, "before", "?"), *after = dict_str(d, "after", "?");
                size_t at = 0;
                for (int64_t line = dict_int(d, "first_line", 0); line > 0; line--)
                    at += strcspn(x + at, "\n") + 1;
                assert_memory_equal(x, y, at);
                assert_memory_equal(x + at, before, strlen(before));
                assert_memory_equal(y + at, after, strlen(after));
                assert_string_equal(x + at + strlen(before), y + at + strlen(after));
            }
            arena_free(a);
        }
}

static void large_and_binary_are_digests(void **state)
{
    struct arena *a = arena_new();
    char *large = arena_alloc(a, 400000);
    (void)state;
    memset(large, 'x', 399999);
    struct dict *d = recorded(a, "a\n", 2, large, 399999);
    assert_null(dict_get(d, "after"));
    assert_string_equal(dict_str(d, "before_sha256", "?"),
                        "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7");
    assert_int_equal(strlen(dict_str(d, "after_sha256", "?")), 64);
    d = recorded(a, "a\0b", 3, "c", 1);
    assert_null(dict_get(d, "before"));
    assert_non_null(dict_get(d, "before_sha256"));
    // one line at the end of much is one line
    for (size_t i = 0; i < 399999; i += 10)
        large[i] = '\n';
    char *more = arena_strndup(a, large, 399999);
    more[399995] = 'y';
    d = recorded(a, large, 399999, more, 399999);
    assert_non_null(dict_get(d, "before"));
    assert_true(strlen(dict_str(d, "before", "")) < 100);
    arena_free(a);
}

// Many files at once: the later ones have their digests.
static void a_result_stays_small(void **state)
{
    struct arena *a = arena_new();
    struct module m = {.arena = a, .result = value_dict(a).u.dict, .record = true};
    size_t texts = 0, bytes = 0;
    char text[100001];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 1200; i++)
        module_diff(&m, "", 0, text, sizeof text - 1, NULL, NULL);
    assert_int_equal(m.recorded->len, 1000);
    for (size_t i = 0; i < m.recorded->len; i++) {
        const struct value *after = dict_get(m.recorded->items[i].u.dict, "after");
        texts += after != NULL;
        bytes += after ? after->u.str.len : 0;
        assert_true(after || dict_get(m.recorded->items[i].u.dict, "after_sha256"));
    }
    assert_int_equal(texts, 20);
    assert_true(bytes <= (size_t)2 << 20);
    arena_free(a);
}

static void nothing_without_a_record(void **state)
{
    struct arena *a = arena_new();
    struct module m = {.arena = a, .result = value_dict(a).u.dict};
    (void)state;
    assert_false(module_wants_diff(&m));
    module_diff(&m, "a", 1, "b", 1, NULL, NULL);
    assert_null(m.recorded);
    assert_int_equal(m.result->len, 0);
    m.diff = true;
    module_diff(&m, "a", 1, "b", 1, NULL, NULL);
    assert_null(m.recorded);
    assert_non_null(dict_get(m.result, "diff"));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_differs),
        cmocka_unit_test(nothing_gets_lost),
        cmocka_unit_test(large_and_binary_are_digests),
        cmocka_unit_test(a_result_stays_small),
        cmocka_unit_test(nothing_without_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
