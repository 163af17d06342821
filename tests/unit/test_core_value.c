// Values: Python's str, repr, equality, order and truth, as Python 3.11 answered; copies;
// suggestions and errors.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct arena *a;
    struct buf b;
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
    buf_release(&f->b);
    arena_free(f->a);
    free(f);
    return 0;
}

// JSON text as a value, so that tables stay short.
static struct value of(struct fixture *f, const char *text)
{
    struct value v;
    struct err e = ERR_INIT;
    if (json_parse(f->a, text, strlen(text), &v, &e) < 0)
        fail_msg("%s: %s", text, err_msg(&e));
    return v;
}

// JSON, Python's str(), Python's repr().
static const char *const printed[][3] = {
    {"null", "None", "None"},
    {"true", "True", "True"},
    {"false", "False", "False"},
    {"-12", "-12", "-12"},
    {"1.0", "1.0", "1.0"},
    {"0.1", "0.1", "0.1"},
    {"1e15", "1000000000000000.0", "1000000000000000.0"},
    {"1e16", "1e+16", "1e+16"},
    {"1.5e300", "1.5e+300", "1.5e+300"},
    {"0.0001", "0.0001", "0.0001"},
    {"0.00001", "1e-05", "1e-05"},
    {"-2.5e-9", "-2.5e-09", "-2.5e-09"},
    {"123456.789", "123456.789", "123456.789"},
    {"NaN", "nan", "nan"},
    {"-Infinity", "-inf", "-inf"},
    {"\"a\"", "a", "'a'"},
    {"\"it's\"", "it's", "\"it's\""},
    {"\"say \\\"x\\\"\"", "say \"x\"", "'say \"x\"'"},
    {"\"both ' and \\\"\"", "both ' and \"", "'both \\' and \"'"},
    {"\"a\\nb\\tc\\\\\"", "a\nb\tc\\", "'a\\nb\\tc\\\\'"},
    {"\"\\u0001\\u007f\"", "\x01\x7f", "'\\x01\\x7f'"},
    {"\"\\u00e9\"", "\xc3\xa9", "'\xc3\xa9'"},
    {"[]", "[]", "[]"},
    {"{}", "{}", "{}"},
    {"[1, \"a\", null, [true]]", "[1, 'a', None, [True]]", "[1, 'a', None, [True]]"},
    {"{\"a\": 1, \"b\": {\"c\": [1.0]}}", "{'a': 1, 'b': {'c': [1.0]}}",
     "{'a': 1, 'b': {'c': [1.0]}}"},
};

static void prints_as_python(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof printed / sizeof *printed; i++) {
        struct value v = of(f, printed[i][0]);
        buf_clear(&f->b);
        value_print(&f->b, &v);
        assert_string_equal(buf_str(&f->b), printed[i][1]);
        assert_string_equal(value_to_cstr(f->a, &v), printed[i][1]);
        buf_clear(&f->b);
        value_repr(&f->b, &v);
        assert_string_equal(buf_str(&f->b), printed[i][2]);
    }
    struct value t = of(f, "[1]");
    t.flags |= VALUE_TUPLE;
    assert_string_equal(value_to_cstr(f->a, &t), "(1,)");
    t = of(f, "[1, \"b\"]");
    t.flags |= VALUE_TUPLE;
    assert_string_equal(value_to_cstr(f->a, &t), "(1, 'b')");
}

// Two values, then what x == y and x < y are in Python; '!' where it raises a TypeError.
static const struct {
    const char *x, *y;
    char equal, less;
} compared[] = {
    {"1", "1", 'y', 'n'},
    {"1", "1.0", 'y', 'n'},
    {"true", "1", 'y', 'n'},
    {"false", "0.0", 'y', 'n'},
    {"1", "2", 'n', 'y'},
    {"1.5", "2", 'n', 'y'},
    {"true", "2", 'n', 'y'},
    {"\"a\"", "\"b\"", 'n', 'y'},
    {"\"a\"", "\"ab\"", 'n', 'y'},
    {"\"b\"", "\"ab\"", 'n', 'n'},
    {"\"\"", "\"\"", 'y', 'n'},
    {"\"Z\"", "\"a\"", 'n', 'y'},
    {"\"\\u00e9\"", "\"z\"", 'n', 'n'},
    {"1", "\"1\"", 'n', '!'},
    {"null", "null", 'y', '!'},
    {"null", "0", 'n', '!'},
    {"[]", "[]", 'y', 'n'},
    {"[1]", "[1, 0]", 'n', 'y'},
    {"[1, 2]", "[1, 3]", 'n', 'y'},
    {"[2]", "[1, 3]", 'n', 'n'},
    {"[1, \"a\"]", "[1, 2]", 'n', '!'},
    {"[1, \"a\"]", "[2, 1]", 'n', 'y'},
    {"[]", "{}", 'n', '!'},
    {"{}", "{}", 'y', '!'},
    {"{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1.0}", 'y', '!'},
    {"{\"a\": 1}", "{\"a\": 2}", 'n', '!'},
    {"{\"a\": 1}", "{\"b\": 1}", 'n', '!'},
    {"NaN", "NaN", 'n', 'n'},
    {"1", "Infinity", 'n', 'y'},
    {"[[1], {\"a\": [null]}]", "[[true], {\"a\": [null]}]", 'y', 'n'},
};

static void compares_as_python(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++) {
        struct value x = of(f, compared[i].x), y = of(f, compared[i].y);
        int order = 0;
        bool refused = value_compare(&x, &y, &order, NULL) < 0;
        char less = refused ? '!' : order < 0 ? 'y' : 'n', equal = value_equal(&x, &y) ? 'y' : 'n';
        if (equal != compared[i].equal || less != compared[i].less)
            fail_msg("%s and %s: equal %c, less %c", compared[i].x, compared[i].y, equal, less);
        if (equal == 'y' && value_hash(&x) != value_hash(&y))
            fail_msg("%s and %s: equal, but different hashes", compared[i].x, compared[i].y);
    }
}

static void truth(void **state)
{
    static const char *const no[] = {"null", "false", "0", "0.0", "\"\"", "[]", "{}"};
    static const char *const yes[] = {"true",  "1",   "-0.5",      "\"0\"",
                                      "\" \"", "[0]", "{\"\": 0}", "NaN"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        struct value v = of(f, no[i]);
        assert_false(value_truthy(&v));
    }
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        struct value v = of(f, yes[i]);
        assert_true(value_truthy(&v));
    }
    struct value u = value_undefined(f->a, "'%s' is undefined", "x");
    assert_false(value_truthy(&u));
    assert_string_equal(u.u.str.s, "'x' is undefined");
}

static void copies_are_deep(void **state)
{
    struct fixture *f = *state;
    struct arena *from = arena_new();
    struct value v = value_dict(from), l = value_list(from);
    list_add(l.u.list, value_str(from, "item"));
    dict_set(v.u.dict, "list", l);
    dict_setv(v.u.dict, value_list(from), value_str(from, "behind a list"));
    value_mark_unsafe(&v);
    struct value copy = value_copy(f->a, &v);
    assert_true(value_equal(&copy, &v));
    arena_free(from); // a sanitized run reports what still refers to it
    assert_string_equal(value_to_cstr(f->a, &copy), "{'list': ['item'], []: 'behind a list'}");
    assert_true(dict_get(copy.u.dict, "list")->u.list->items[0].flags & VALUE_UNSAFE);
    list_add(dict_get(copy.u.dict, "list")->u.list, value_int(1));
    assert_int_equal(dict_get(copy.u.dict, "list")->u.list->len, 2);
}

static void shallow_copies_share(void **state)
{
    struct fixture *f = *state;
    struct value v = of(f, "{\"l\": [1]}"), s = value_shallow(f->a, &v);
    dict_set(s.u.dict, "x", value_int(1));
    assert_null(dict_get(v.u.dict, "x"));
    list_add(dict_get(s.u.dict, "l")->u.list, value_int(2));
    assert_int_equal(dict_get(v.u.dict, "l")->u.list->len, 2);
}

// A list that holds itself ends every walk over it.
static void loops_end(void **state)
{
    struct fixture *f = *state;
    struct value x = value_list(f->a), y = value_list(f->a);
    list_add(x.u.list, y);
    list_add(y.u.list, x);
    assert_false(value_equal(&x, &y));
    value_print(&f->b, &x);
    json_write(&f->b, &x, NULL);
    struct value copy = value_copy(f->a, &x);
    assert_int_equal(copy.u.list->len, 1);
}

static void lists(void **state)
{
    struct fixture *f = *state;
    struct list *l = value_list(f->a).u.list;
    for (int i = 0; i < 100; i++)
        list_insert(l, (size_t)i / 2, value_int(i));
    assert_int_equal(l->len, 100);
    list_remove(l, 99);
    list_remove(l, 0);
    assert_int_equal(l->len, 98);
    while (l->len)
        list_remove(l, l->len / 2);
    list_insert(l, 0, value_int(7));
    assert_int_equal(l->items[0].u.i, 7);
}

static void words_for_truth(void **state)
{
    (void)state;
    assert_int_equal(value_parse_bool("YES", 3), 1);
    assert_int_equal(value_parse_bool("t", 1), 1);
    assert_int_equal(value_parse_bool("off", 3), 0);
    assert_int_equal(value_parse_bool("0", 1), 0);
    assert_int_equal(value_parse_bool("", 0), -1);
    assert_int_equal(value_parse_bool("yess", 4), -1);
    assert_int_equal(value_parse_bool("2", 1), -1);
}

static void positions(void **state)
{
    struct fixture *f = *state;
    struct value v = of(f, "1");
    value_set_pos(&v, (struct pos){.file = 16383, .line = 262143, .col = 65535});
    assert_int_equal(value_pos(&v).file, 16383);
    assert_int_equal(value_pos(&v).line, 262143);
    value_set_pos(&v, (struct pos){.file = 1, .line = 300000, .col = 1});
    assert_int_equal(value_pos(&v).line, 262143); // the last that fits
}

static void suggestions(void **state)
{
    static const char *const names[] = {"gather_facts", "hosts", NULL,
                                        "become_user",  "tags",  "when"};
    static const char *const near[][2] = {
        {"gather_fact", "gather_facts"},
        {"gatherfacts", "gather_facts"},
        {"hots", "hosts"},
        {"HOSTS", "hosts"},
        {"ohsts", "hosts"},
        {"becom_user", "become_user"},
        {"wehn", "when"},
        {"tagz", "tags"},
        {"zzzzzz", NULL},
        {"x", NULL},
    };
    char huge[500];
    (void)state;
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        const char *got = err_suggest(near[i][0], names, 6);
        if (near[i][1])
            assert_string_equal(got ? got : "(none)", near[i][1]);
        else if (got)
            fail_msg("%s: %s", near[i][0], got);
    }
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    assert_null(err_suggest(huge, names, 6));
    assert_null(err_suggest("hosts", names, 0));
}

static void errors_keep_position_and_cause(void **state)
{
    struct err e = ERR_INIT, other = ERR_INIT;
    struct pos pos = {.file = src_file("a.yml"), .line = 3, .col = 4};
    (void)state;
    assert_string_equal(err_msg(&e), "");
    assert_int_equal(err_set(&e, ERR_PARSE, POS_NONE, "bad %s", "thing"), ERR_PARSE);
    assert_int_equal(err_at(&e, pos), ERR_PARSE);
    assert_int_equal(err_at(&e, (struct pos){.line = 9}), ERR_PARSE);
    assert_int_equal(err_wrap(&e, "reading '%s'", "x"), ERR_PARSE);
    assert_string_equal(err_msg(&e), "reading 'x': bad thing");
    assert_int_equal(e.pos.line, 3);
    assert_string_equal(src_name(e.pos.file), "a.yml");
    assert_int_equal(src_file("a.yml"), pos.file);
    assert_string_equal(src_name(0), "");
    err_set(&e, ERR_IO, POS_NONE, "again: %s", err_msg(&e)); // from its own text
    assert_string_equal(err_msg(&e), "again: reading 'x': bad thing");
    assert_int_equal(err_move(&other, &e), ERR_IO);
    assert_int_equal(e.code, 0);
    assert_int_equal(err_move(NULL, &other), ERR_IO);
    assert_null(other.msg);
    assert_int_equal(err_set(NULL, ERR_LIMIT, POS_NONE, "nobody hears"), ERR_LIMIT);
}

#define WITH(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(prints_as_python),
        WITH(compares_as_python),
        WITH(truth),
        WITH(copies_are_deep),
        WITH(shallow_copies_share),
        WITH(loops_end),
        WITH(lists),
        WITH(words_for_truth),
        WITH(positions),
        WITH(suggestions),
        WITH(errors_keep_position_and_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
