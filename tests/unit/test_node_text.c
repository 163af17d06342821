// Cutting small texts: lines, fields, shell words.
#include "node/text.h"

#include "core/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void test_lines(void **state)
{
    char text[] = "one\r\n\ntwo words\nlast";
    char *c = text, *line;
    static const char *const want[] = {"one", "", "two words", "last"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        line = text_line(&c);
        assert_string_equal(line, want[i]);
    }
    assert_null(text_line(&c));
    char *none = NULL;
    assert_null(text_line(&none));
    assert_null(text_field(&none));
    assert_null(text_piece(&none, ':'));
}

static void test_fields(void **state)
{
    char text[] = "  a\t bc  ", pieces[] = "x::y:";
    char *c = text, *p = pieces;
    static const char *const want[] = {"x", "", "y", ""};
    (void)state;
    assert_string_equal(text_field(&c), "a");
    assert_string_equal(text_field(&c), "bc");
    assert_null(text_field(&c));
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(text_piece(&p, ':'), want[i]);
    assert_null(text_piece(&p, ':'));
    char padded[] = " \t x y \n";
    assert_string_equal(text_strip(padded), "x y");
    assert_true(text_ends("a.fact", ".fact"));
    assert_false(text_ends("t", ".fact"));
    assert_true(text_is_number("042"));
    assert_false(text_is_number(""));
    assert_false(text_is_number("-1"));
}

// Words joined by "|", or the message of the error.
static const char *split(struct arena *a, const char *s, bool posix)
{
    struct list *l = NULL;
    struct err e = ERR_INIT;
    if (shlex_split(a, s, posix, &l, &e) != 0) {
        const char *msg = arena_strdup(a, err_msg(&e));
        err_release(&e);
        return msg;
    }
    return text_join(a, l, "|");
}

static void test_shlex(void **state)
{
    // as Python's shlex.split(s) and shlex.split(s, posix=False)
    static const struct {
        const char *in, *posix, *plain;
    } rows[] = {
        {"", "", ""},
        {"a b\tc\nd", "a|b|c|d", "a|b|c|d"},
        {"a 'b c' \"d e\"", "a|b c|d e", "a|'b c'|\"d e\""},
        {"a\\ b c", "a b|c", "a\\|b|c"},
        {"x'y'z", "xyz", "x'y'z"},
        {"\"a\\\"b\\n\"", "a\"b\\n", "\"a\\\"|b\\n\""},
        {"'' x", "|x", "''|x"},
        {"k=\"v w\"", "k=v w", "k=\"v|w\""},
        {"a 'b", "No closing quotation", "No closing quotation"},
        {"a\\", "No escaped character", "a\\"},
        {"#no comment", "#no|comment", "#no|comment"},
    };
    struct arena *a = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_string_equal(split(a, rows[i].in, true), rows[i].posix);
        assert_string_equal(split(a, rows[i].in, false), rows[i].plain);
    }
    assert_string_equal(shlex_quote(a, "plain-1.0_x@%+=:,./"), "plain-1.0_x@%+=:,./");
    assert_string_equal(shlex_quote(a, ""), "''");
    assert_string_equal(shlex_quote(a, "it's $x"), "'it'\"'\"'s $x'");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_shlex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
