// JSON: texts and what they are read and written as, what is refused and where, random round trips.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct arena *a;
    struct buf b;
    struct err e;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->a = arena_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    err_release(&f->e);
    buf_release(&f->b);
    arena_free(f->a);
    free(f);
    return 0;
}

static const char *again(struct fixture *f, const char *text, const struct json_opts *o)
{
    struct value v;
    buf_clear(&f->b);
    if (json_parse(f->a, text, strlen(text), &v, &f->e) < 0)
        return err_msg(&f->e);
    json_write(&f->b, &v, o);
    return buf_str(&f->b);
}

// What Python's json.dumps(json.loads(text), ensure_ascii=False) gives.
static const char *const pairs[][2] = {
    {"null", "null"},
    {" true ", "true"},
    {"false", "false"},
    {"0", "0"},
    {"-0", "0"},
    {"-0.0", "-0.0"},
    {"12", "12"},
    {"-7", "-7"},
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"1.5", "1.5"},
    {"1e3", "1000.0"},
    {"1E-7", "1e-07"},
    {"1e16", "1e+16"},
    {"123456789012345680.0", "1.2345678901234568e+17"},
    {"0.1", "0.1"},
    {"2.5e-324", "5e-324"},
    {"NaN", "NaN"},
    {"-Infinity", "-Infinity"},
    {"\"\"", "\"\""},
    {"\"a b\"", "\"a b\""},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
    {"\"\\u0041\\u00e9\\u20ac\"", "\"A\xc3\xa9\xe2\x82\xac\""},
    {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
    // half a pair stays alone, as in Python
    {"\"\\ud800\\u0041\"", "\"\xed\xa0\x80"
                           "A\""},
    {"\"\\ud83d\\ud83d\\ude00\"", "\"\xed\xa0\xbd\xf0\x9f\x98\x80\""},
    {"\"\\u0000\\u001f\"", "\"\\u0000\\u001f\""},
    {"\"\x7f\"", "\"\x7f\""},
    {"[]", "[]"},
    {"{}", "{}"},
    {"[1,[2,[]],{\"a\":{}}]", "[1, [2, []], {\"a\": {}}]"},
    {"{\"b\":1,\"a\":[true,null]}", "{\"b\": 1, \"a\": [true, null]}"},
    {"{\"a\":1,\"a\":2}", "{\"a\": 2}"},
    {"\t[\r\n1 ,\n2 ]\n", "[1, 2]"},
};

static void texts(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_string_equal(again(f, pairs[i][0], NULL), pairs[i][1]);
}

static void options(void **state)
{
    static const char text[] = "{\"b\": [1, {}], \"a\": \"\\u00e9\\ud83d\\ude00\"}";
    struct fixture *f = *state;
    assert_string_equal(
        again(f, text, &(struct json_opts){.indent = 2, .sort_keys = true}),
        "{\n  \"a\": \"\xc3\xa9\xf0\x9f\x98\x80\",\n  \"b\": [\n    1,\n    {}\n  ]\n}");
    assert_string_equal(again(f, text, &(struct json_opts){.ascii = true, .compact = true}),
                        "{\"b\":[1,{}],\"a\":\"\\u00e9\\ud83d\\ude00\"}");
    assert_string_equal(
        again(f, "[1,{\"a\":2}]", &(struct json_opts){.item_sep = ";", .key_sep = "="}),
        "[1;{\"a\"=2}]");
}

static const struct {
    const char *text;
    unsigned line, col;
} refused[] = {
    {"", 1, 1},
    {"  ", 1, 3},
    {"nul", 1, 1},
    {"tru", 1, 1},
    {"01", 1, 3},
    {"-", 1, 2},
    {"+1", 1, 1},
    {"1.", 1, 3},
    {".5", 1, 1},
    {"1e", 1, 3},
    {"1e+", 1, 4},
    {"0x10", 1, 2},
    {"1-2", 1, 4},
    {"--1", 1, 4},
    {"\"a", 1, 3},
    {"\"\\", 1, 3},
    {"\"\\x\"", 1, 4},
    {"\"\\u12\"", 1, 4},
    {"\"\\ud800\\u004\"", 1, 14},
    {"\"a\tb\"", 1, 4},
    {"\"a\nb\"", 2, 1},
    {"[", 1, 2},
    {"[1", 1, 3},
    {"[1,]", 1, 4},
    {"[,1]", 1, 2},
    {"[1 2]", 1, 5},
    {"{", 1, 2},
    {"{1:2}", 1, 2},
    {"{\"a\"}", 1, 6},
    {"{\"a\":}", 1, 6},
    {"{\"a\":1,}", 1, 8},
    {"{\"a\" 1}", 1, 7},
    {"1 2", 1, 3},
    {"[1]\n\n x", 3, 2},
    {"'a'", 1, 1},
};

static void refusals_say_where(void **state)
{
    struct fixture *f = *state;
    struct value v;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *s = refused[i].text;
        if (json_parse(f->a, s, strlen(s), &v, &f->e) != ERR_PARSE)
            fail_msg("accepted: %s", s);
        if (f->e.pos.line != refused[i].line || f->e.pos.col != refused[i].col)
            fail_msg("%s: %s, not %u:%u", s, err_msg(&f->e), refused[i].line, refused[i].col);
    }
    assert_int_equal(json_parse(f->a, "1\0", 2, &v, &f->e), ERR_PARSE);
    assert_int_equal(json_parse(f->a, "[1\0]", 4, &v, &f->e), ERR_PARSE);
    assert_int_equal(json_parse(f->a, "\"a\0b\"", 5, &v, NULL), ERR_PARSE);
}

// Each beginning of a text is refused, and nothing behind it is read.
static void beginnings_are_refused(void **state)
{
    static const char text[] =
        "{\"a\": [1.5e3, \"x\\u00e9\\ud83d\\ude00\", {\"b\": null}], \"c\": -Infinity}";
    struct fixture *f = *state;
    struct value v;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *part =
            malloc(n ? n : 1); // exactly that long, so that the sanitizer sees reads behind it
        memcpy(part, text, n);
        assert_int_equal(json_parse(f->a, part, n, &v, &f->e), ERR_PARSE);
        free(part);
    }
    assert_int_equal(json_parse(f->a, text, sizeof text - 1, &v, &f->e), 0);
}

// What json_parse_in_place reads at the beginning of a text of just that length, as JSON; NULL: it
// refused.
static const char *in_place(struct fixture *f, const char *text, size_t len, size_t *ret_len)
{
    char *copy = malloc(len ? len : 1); // exactly that long: the sanitizer sees writes behind it
    struct value v;
    memcpy(copy, text, len);
    buf_clear(&f->b);
    int rc = json_parse_in_place(f->a, copy, len, &v, ret_len);
    if (rc == 0)
        json_write(&f->b, &v, NULL);
    free(copy);
    return rc == 0 ? buf_str(&f->b) : NULL;
}

static void reading_in_place_reads_the_same(void **state)
{
    static const char behind[] = " , \"next\"";
    static const char text[] =
        "{\"a\": [1.5e3, \"x\\u00e9\", {\"b\": null}], \"c\": \"long enough\"}";
    struct fixture *f = *state;
    size_t len;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buf t = BUF_INIT;
        buf_adds(&t, pairs[i][0]);
        while (t.len && strchr(" \t\r\n", t.p[t.len - 1]))
            t.len--;
        size_t value_len = t.len;
        assert_string_equal(in_place(f, t.p, t.len, &len), pairs[i][1]);
        assert_int_equal(len, value_len);
        buf_adds(&t, behind);
        assert_string_equal(in_place(f, t.p, t.len, &len), pairs[i][1]);
        assert_int_equal(len, value_len);
        buf_release(&t);
    }
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_null(in_place(f, text, n, &len));
    assert_non_null(in_place(f, text, sizeof text - 1, &len));
}

// At each distance from the beginning and the end, and whatever stands around it.
static void the_end_of_plain_text_is_found(void **state)
{
    static const unsigned char ends[] = {'"', '\\', 0, 0x1f, '\n'};
    static const unsigned char plain[] = {0x20, '!', '#', 'a', 0x7f, 0x80, 0xa2, 0xdc, 0xff};
    char text[40];
    (void)state;
    for (size_t k = 0; k < sizeof plain; k++)
        for (size_t n = 0; n < sizeof text; n++) {
            memset(text, plain[k], sizeof text);
            assert_ptr_equal(json_plain_end(text, text + n), text + n);
            for (size_t i = 0; i < sizeof ends; i++) {
                text[n] = (char)ends[i];
                assert_ptr_equal(json_plain_end(text, text + sizeof text), text + n);
            }
        }
}

static void depth_is_limited(void **state)
{
    struct fixture *f = *state;
    struct value v;
    for (int depth = JSON_MAX_DEPTH - 1; depth <= JSON_MAX_DEPTH + 1; depth++) {
        struct buf t = BUF_INIT;
        buf_fill(&t, '[', (size_t)depth);
        buf_fill(&t, ']', (size_t)depth);
        assert_int_equal(json_parse(f->a, t.p, t.len, &v, &f->e),
                         depth <= JSON_MAX_DEPTH ? 0 : ERR_PARSE);
        if (depth <= JSON_MAX_DEPTH) { // and what may be read can be copied, compared and written
            struct value copy = value_copy(f->a, &v);
            assert_true(value_equal(&copy, &v));
            buf_clear(&f->b);
            json_write(&f->b, &copy, NULL);
            assert_string_equal(buf_str(&f->b), buf_str(&t));
        }
        buf_release(&t);
    }
    struct buf t = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_adds(&t, "{\"a\":[");
    assert_int_equal(json_parse(f->a, t.p, t.len, &v, &f->e), ERR_PARSE);
    buf_release(&t);
}

static void long_texts(void **state)
{
    struct fixture *f = *state;
    struct value v;
    struct buf t = BUF_INIT;
    buf_addc(&t, '"');
    buf_fill(&t, 'x', 3 << 20);
    buf_addc(&t, '"');
    assert_int_equal(json_parse(f->a, t.p, t.len, &v, &f->e), 0);
    assert_int_equal(v.u.str.len, 3 << 20);
    buf_clear(&t);
    buf_fill(&t, '9', 100); // numbers longer than 63 characters are refused, not cut
    assert_int_equal(json_parse(f->a, t.p, t.len, &v, &f->e), ERR_PARSE);
    buf_release(&t);
}

static void broken_utf8_becomes_replacements(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"\x80", "\xc0\xaf", "\xed\xa0", "\xf5\x80\x80\x80",
                                      "\xe2\x82"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_clear(&f->b);
        json_write_string(&f->b, bad[i], strlen(bad[i]), false);
        assert_non_null(strstr(buf_str(&f->b), "\xef\xbf\xbd"));
        buf_clear(&f->b);
        json_write_string(&f->b, bad[i], strlen(bad[i]), true);
        assert_non_null(strstr(buf_str(&f->b), "\\ufffd"));
    }
}

static struct value random_value(struct arena *a, int depth)
{
    switch (rand() % (depth > 4 ? 5 : 7)) {
    case 0:
        return value_null();
    case 1:
        return value_bool(rand() % 2);
    case 2:
        return value_int((int64_t)((uint64_t)rand() << 33 ^ (uint64_t)rand() << 8) - rand());
    case 3:
        return value_float(ldexp((double)rand() / 3.0 - 2e8, rand() % 300 - 150));
    case 4: {
        char s[12];
        size_t n = (size_t)(rand() % 12);
        for (size_t i = 0; i < n; i++)
            s[i] = (char)(rand() % 127 + 1);
        return value_strn(a, s, n);
    }
    case 5: {
        struct value v = value_list(a);
        for (int n = rand() % 6; n > 0; n--)
            list_add(v.u.list, random_value(a, depth + 1));
        return v;
    }
    default: {
        struct value v = value_dict(a);
        for (int n = rand() % 12; n > 0; n--)
            dict_setv(v.u.dict, value_strf(a, "k%d\n\"", rand() % 20), random_value(a, depth + 1));
        return v;
    }
    }
}

static void random_values_come_back(void **state)
{
    struct fixture *f = *state;
    struct value back;
    for (unsigned seed = 0; seed < 2000; seed++) {
        srand(seed);
        struct value v = random_value(f->a, 0);
        struct json_opts o = {.indent = rand() % 3,
                              .ascii = rand() % 2,
                              .sort_keys = rand() % 2,
                              .compact = rand() % 2};
        buf_clear(&f->b);
        json_write(&f->b, &v, &o);
        assert_int_equal(json_parse(f->a, f->b.p, f->b.len, &back, &f->e), 0);
        assert_true(value_equal(&v, &back));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts, setup, teardown),
        cmocka_unit_test_setup_teardown(options, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals_say_where, setup, teardown),
        cmocka_unit_test_setup_teardown(beginnings_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_in_place_reads_the_same, setup, teardown),
        cmocka_unit_test(the_end_of_plain_text_is_found),
        cmocka_unit_test_setup_teardown(depth_is_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(long_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_utf8_becomes_replacements, setup, teardown),
        cmocka_unit_test_setup_teardown(random_values_come_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
