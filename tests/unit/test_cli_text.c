// Text on a terminal: widths, cuts, harmless output of hosts, excerpts of files.
#include "cli/source.h"
#include "cli/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void counts_columns_not_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t columns;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"\xc3\xa4\xc3\xb6", 2},
        {"e\xcc\x81", 1},
        {"\xe6\x97\xa5\xe6\x9c\xac", 4},
        {"\xf0\x9f\x9a\x80", 2},
        {"\xff\xfe", 2},
        {"\xc3", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(text_columns(cases[i].s, strlen(cases[i].s)), cases[i].columns);
}

static void cuts_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t max;
        const char *want;
    } cases[] = {
        {"short", 5, "short"},
        {"longer", 5, "long\xe2\x80\xa6"},
        {"\xc3\xa4\xc3\xb6\xc3\xbc", 2, "\xc3\xa4\xe2\x80\xa6"},
        {"\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5\xe2\x80\xa6"},
        {"\xe6\x97\xa5\xe6\x9c\xac", 2, "\xe2\x80\xa6"},
        {"x", 0, ""},
        {"xy", 1, "\xe2\x80\xa6"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = BUF_INIT;
        text_add_cut(&b, cases[i].s, cases[i].max);
        assert_string_equal(buf_str(&b), cases[i].want);
        assert_true(text_columns(buf_str(&b), b.len) <= cases[i].max);
        buf_release(&b);
    }
}

static void pads_to_columns(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    text_add_padded(&b, "\xc3\xa4", 3);
    text_add_padded(&b, "long", 2);
    assert_string_equal(buf_str(&b), "\xc3\xa4  long");
    buf_release(&b);
}

static void hosts_cannot_steer_the_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *s, *want;
    } cases[] = {
        {"plain\ttext\nline", "plain\ttext\nline"},
        {"\033[31mred\033[0m", "red"},
        {"\033]0;title\aafter", "after"},
        {"\033]0;title\033\\after", "after"},
        {"\033Pq\033\\x", "x"},
        {"\033]never ended\nnext", "never ended\nnext"},
        {"\033(Bx\033=y", "xy"},
        {"a\033", "a"},
        {"a\033[12;3", "a"},
        {"10%\r50%\r100%\n", "100%\n"},
        {"kept\r\nlines\r\n", "kept\nlines\n"},
        {"last\r", "last"},
        {"one\ntwo\rthree", "one\nthree"},
        {"bell\a nul\001", "bell^G nul^A"},
        {"del\x7f c1\xc2\x9b", "del\\x7f c1\\x9b"},
        {"bad\xff utf\xc3", "bad\\xff utf\\xc3"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = BUF_INIT;
        text_add_clean(&b, cases[i].s, strlen(cases[i].s));
        assert_string_equal(buf_str(&b), cases[i].want);
        buf_release(&b);
    }
    struct buf b = BUF_INIT;
    text_add_clean(&b, "a\0b", 3);
    assert_string_equal(buf_str(&b), "a^@b");
    buf_release(&b);
}

// The excerpt of a file with this text.
static void excerpt(struct buf *b, const char *text, size_t len, unsigned line, uint16_t col)
{
    char path[] = "/tmp/andon-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
    source_add_line(b, "", (struct pos){.file = src_file(path), .line = line, .col = col});
    unlink(path);
}

static void shows_the_line_with_a_caret(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
        uint16_t col;
        const char *want;
    } cases[] = {
        {"a: 1\nb: x\n", 2, 4, "    2 | b: x\n      |    ^\n"},
        {"a: 1\nb: x", 2, 1, "    2 | b: x\n      | ^\n"},
        {"\tb: x\n", 1, 3, "    1 | \tb: x\n      | \t ^\n"},
        {"\xc3\xa4: x\n", 1, 4, "    1 | \xc3\xa4: x\n      |    ^\n"},
        {"\xe6\x97\xa5: x\n", 1, 2, "    1 | \xe6\x97\xa5: x\n      |   ^\n"},
        {"a\n", 1, 9, "    1 | a\n      |  ^\n"},
        {"a\n", 3, 1, ""},
        {"a\n", 0, 0, ""},
        {"\033[2Ja: b\r\n", 1, 5, "    1 | a: b\n      | ^\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = BUF_INIT;
        excerpt(&b, cases[i].text, strlen(cases[i].text), cases[i].line, cases[i].col);
        assert_string_equal(buf_str(&b), cases[i].want);
        buf_release(&b);
    }
}

static void a_line_without_end_is_shown_in_part(void **state)
{
    (void)state;
    size_t len = 300000;
    char *text = malloc(len);
    struct buf b = BUF_INIT;
    memset(text, 'x', len);
    text[50000] = 'Y';
    excerpt(&b, text, len, 1, 50001);
    assert_true(b.len < 600);
    const char *line = strstr(buf_str(&b), "| ") + 2, *caret = strstr(line, "| ") + 2;
    assert_int_equal(strchr(line, 'Y') - line, strchr(caret, '^') - caret);
    buf_release(&b);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_columns_not_bytes),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(pads_to_columns),
        cmocka_unit_test(hosts_cannot_steer_the_terminal),
        cmocka_unit_test(shows_the_line_with_a_caret),
        cmocka_unit_test(a_line_without_end_is_shown_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
