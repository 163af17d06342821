// Differences as they are shown, compared with what Ansible shows (tests/oracle/diffs.py), and
// texts broken into lines as Python does it.
#include "cli/output.h"
#include "cli/textwrap.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_row(struct arena *a, const struct dict *row, size_t number)
{
    char *env[] = {arena_printf(a, "ANSIBLE_DIFF_CONTEXT=%d", (int)dict_int(row, "context", 3)),
                   NULL};
    struct config_where where = {.environ = env, .cwd = "/nonexistent", .system = "/nonexistent"};
    struct output_opts o = {.columns = 80, .ansible = true};
    struct config *config;
    assert_int_equal(config_load(a, &where, &config, NULL), 0);
    o.config = config;
    o.color = dict_bool(row, "color", false);
    char *text = diff_text(&o, dict_get(row, "diff"));
    if (strcmp(text, dict_str(row, "text", "?")) != 0)
        fail_msg("row %zu: expected\n%s\ngot\n%s", number, dict_str(row, "text", "?"), text);
    free(text);
}

static void diffs_are_ansibles(void **state)
{
    struct arena *a = arena_new();
    char *text;
    size_t len, n = 0;
    (void)state;
    assert_int_equal(
        file_read(a, TEST_ROOT "/data/diffs.jsonl", (size_t)64 << 20, &text, &len, NULL), 0);
    for (char *line = text, *end; *line; line = end + 1) {
        struct value v;
        end = strchr(line, '\n');
        assert_non_null(end);
        assert_int_equal(json_parse(a, line, (size_t)(end - line), &v, NULL), 0);
        check_row(a, v.u.dict, ++n);
    }
    assert_true(n > 100);
    arena_free(a);
}

static void texts_are_wrapped(void **state)
{
    static const struct {
        size_t width;
        bool keep;
        const char *in, *out;
    } rows[] = {
        {10, false, "", ""},
        {10, false, "short", "short"},
        {10, false, "one two three four", "one two\nthree four"},
        {10, false, "well-known thing", "well-known\nthing"},
        {6, false, "well-known thing", "well-\nknown\nthing"},
        {8, false, "a-b 1-2-3-4-5", "a-b 1-2-\n3-4-5"},
        {10, false, "abcdefghijklmnop qr", "abcdefghij\nklmnop qr"},
        {10, false, "xx /a/very/long/path", "xx /a/very\n/long/path"},
        {10, false, "tab\there", "tab\nhere"},
        {10, false, "line\nbreak here", "line break\nhere"},
        {12, false, "one -- two three", "one -- two\nthree"},
        {8, false, "word--dash word", "word--\ndash\nword"},
        {10, true, "one two three four", "one two \nthree four"},
        {5, false, "üüü ööö", "üüü\nööö"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = BUF_INIT;
        text_wrap(&b, rows[i].in, rows[i].width, rows[i].keep);
        assert_string_equal(buf_str(&b), rows[i].out);
        buf_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(diffs_are_ansibles),
                                       cmocka_unit_test(texts_are_wrapped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
