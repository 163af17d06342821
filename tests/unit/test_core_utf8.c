// UTF-8: what is well-formed, what is not, and the way back.
#include "core/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *s;
    size_t len;
    uint32_t cp; // of the first character; 0: not UTF-8
} rows[] = {
    {"a", 1, 'a'},
    {"\x7f", 1, 0x7f},
    {"\xc2\x80", 2, 0x80},
    {"\xdf\xbf", 2, 0x7ff},
    {"\xe0\xa0\x80", 3, 0x800},
    {"\xef\xbf\xbf", 3, 0xffff},
    {"\xf0\x90\x80\x80", 4, 0x10000},
    {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
    {"\x80", 1, 0},             // begins nothing
    {"\xc0\x80", 2, 0},         // longer than need be
    {"\xc1\xbf", 2, 0},         //
    {"\xe0\x9f\xbf", 3, 0},     //
    {"\xf0\x8f\xbf\xbf", 4, 0}, //
    {"\xf4\x90\x80\x80", 4, 0}, // beyond the last one
    {"\xf5\x80\x80\x80", 4, 0}, //
    {"\xe2\x82", 2, 0},         // cut short
    {"\xe2\x28\xa1", 3, 0},     // interrupted
    {"\xff", 1, 0},
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t cp = 0;
        const char *p = rows[i].s, *end = p + rows[i].len;
        size_t n = utf8_decode(p, rows[i].len, &cp);
        uint32_t next = utf8_next(&p, end);
        assert_int_equal(n, rows[i].cp ? rows[i].len : 0);
        assert_int_equal(next, rows[i].cp ? rows[i].cp : 0xdc00u + (unsigned char)*rows[i].s);
        assert_int_equal(p - rows[i].s, rows[i].cp ? rows[i].len : 1);
        assert_int_equal(utf8_valid(rows[i].s, rows[i].len), rows[i].cp != 0);
    }
}

static void test_back(void **state)
{
    struct buf b = BUF_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[4];
        const char *p = rows[i].s, *end = p + rows[i].len;
        if (rows[i].cp) {
            assert_int_equal(utf8_encode(out, rows[i].cp), rows[i].len);
            assert_memory_equal(out, rows[i].s, rows[i].len);
            assert_ptr_equal(utf8_prev(rows[i].s, end), rows[i].s);
        }
        buf_clear(&b);
        while (p < end)
            utf8_add(&b, utf8_next(&p, end));
        assert_int_equal(b.len, rows[i].len);
        assert_memory_equal(b.p, rows[i].s, b.len);
    }
    buf_release(&b);
}

static void test_halves(void **state)
{
    uint32_t cp = 0;
    (void)state;
    assert_int_equal(utf8_decode("\xed\xa0\x80", 3, &cp), 3);
    assert_int_equal(cp, 0xd800);
    assert_false(utf8_valid("\xed\xa0\x80", 3));
    assert_int_equal(utf8_count("\xed\xa0\x80", 3), 3);
}

static void test_count(void **state)
{
    const char *s = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xff!";
    (void)state;
    assert_int_equal(utf8_count(s, strlen(s)), 6);
    const char *longer = "0123456789abcdef\xc3\xa4"
                         "01234567\xe2\x82\xac"
                         "x";
    assert_int_equal(utf8_count(longer, strlen(longer)), 27);
    assert_int_equal(utf8_count(longer, 5), 5);
    assert_int_equal(utf8_offset(s, strlen(s), 3), 6);
    assert_int_equal(utf8_offset(s, strlen(s), 99), strlen(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_back),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
