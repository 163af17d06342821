// Dicts: random operations against a plain array that is searched from front to back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEYS 4096

struct pair {
    struct value key;
    int64_t val;
};

// Pairs in order of insertion.
struct model {
    struct pair pairs[MAX_KEYS];
    size_t n;
};

static long model_find(const struct model *m, const struct value *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (value_equal(&m->pairs[i].key, key))
            return (long)i;
    return -1;
}

static void model_set(struct model *m, struct value key, int64_t val)
{
    long i = model_find(m, &key);
    if (i >= 0)
        m->pairs[i].val = val;
    else
        m->pairs[m->n++] = (struct pair){key, val};
}

static bool model_del(struct model *m, const struct value *key)
{
    long i = model_find(m, key);
    if (i < 0)
        return false;
    memmove(&m->pairs[i], &m->pairs[i + 1], (m->n - (size_t)i - 1) * sizeof m->pairs[0]);
    m->n--;
    return true;
}

static void same(const struct model *m, const struct dict *d)
{
    struct dict_entry *e;
    size_t i = 0;
    assert_int_equal(d->len, m->n);
    DICT_EACH(d, e)
    {
        assert_true(i < m->n);
        assert_true(value_equal(&e->key, &m->pairs[i].key));
        assert_int_equal(e->val.u.i, m->pairs[i].val);
        i++;
    }
    assert_int_equal(i, m->n);
}

// A key out of `range` of each kind; 3, 3.0 and "3" are among them.
static struct value random_key(struct arena *a, int range)
{
    int n = rand() % range;
    switch (rand() % 5) {
    case 0:
        return value_int(n);
    case 1:
        return value_float(n);
    case 2:
        return value_bool(n & 1);
    case 3:
        return value_null();
    default:
        return value_strf(a, "%d", n);
    }
}

static void random_operations(int range, int steps)
{
    struct arena *a = arena_new();
    struct dict *d = value_dict(a).u.dict;
    struct model *m = calloc(1, sizeof *m);
    for (int i = 0; i < steps; i++) {
        struct value key = random_key(a, range);
        int what = rand() % 10;
        if (what < 5) {
            dict_setv(d, key, value_int(i));
            model_set(m, key, i);
        } else if (what < 8) {
            assert_int_equal(dict_delv(d, &key), model_del(m, &key));
        } else {
            const struct value *got = dict_getv(d, &key);
            long at = model_find(m, &key);
            assert_int_equal(got != NULL, at >= 0);
            if (got)
                assert_int_equal(got->u.i, m->pairs[at].val);
        }
        if (i % 64 == 0)
            same(m, d);
    }
    same(m, d);
    free(m);
    arena_free(a);
}

static void behaves_as_the_model(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 20; seed++) {
        srand(seed);
        random_operations(3, 2000);
        random_operations(12, 2000);
        random_operations(1000, 4000);
    }
}

static void survives_deleting_everything(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct dict *d = value_dict(a).u.dict;
    char key[16];
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 100; i++) {
            snprintf(key, sizeof key, "k%d", i);
            dict_set(d, key, value_int(i));
        }
        assert_int_equal(d->len, 100);
        for (int i = 0; i < 100; i++) {
            snprintf(key, sizeof key, "k%d", i);
            assert_true(dict_del(d, key));
            assert_false(dict_del(d, key));
            assert_null(dict_get(d, key));
        }
        assert_int_equal(d->len, 0);
        assert_int_equal(dict_next(d, 0), d->used);
    }
    assert_true(d->cap <= 400); // room does not grow with what was deleted
    arena_free(a);
}

static void keys_are_python_keys(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct dict *d = value_dict(a).u.dict;
    const struct value one = value_int(1), onef = value_float(1), yes = value_bool(true);
    dict_setv(d, one, value_int(10));
    dict_setv(d, onef, value_int(20));
    dict_setv(d, yes, value_int(30));
    assert_int_equal(d->len, 1);
    assert_int_equal(dict_getv(d, &one)->u.i, 30);
    assert_int_equal(d->entries[0].key.type, VALUE_INT); // the first key stays
    assert_null(dict_get(d, "1"));
    dict_setv(d, value_ref("a\0b", 3), value_int(1));
    dict_setv(d, value_ref("a\0c", 3), value_int(2));
    assert_int_equal(dict_getn(d, "a\0b", 3)->u.i, 1);
    assert_null(dict_get(d, "a"));
    arena_free(a);
}

static void c_string_keys_are_copied(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct dict *d = value_dict(a).u.dict, *copy = value_dict(a).u.dict;
    char key[] = "name";
    dict_set(d, key, value_cstr("x"));
    key[0] = 'g';
    assert_string_equal(dict_str(d, "name", "?"), "x");
    assert_string_equal(dict_str(d, "game", "?"), "?");
    dict_update(copy, d);
    dict_update(copy, NULL);
    assert_int_equal(copy->len, 1);
    assert_null(dict_get(NULL, "name"));
    arena_free(a);
}

static void short_reads_have_defaults(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct dict *d = value_dict(a).u.dict;
    dict_set(d, "yes", value_cstr("Yes"));
    dict_set(d, "odd", value_cstr("odd"));
    dict_set(d, "off", value_bool(false));
    dict_set(d, "two", value_int(2));
    dict_set(d, "f", value_float(2.9));
    dict_set(d, "list", value_list(a));
    assert_true(dict_bool(d, "yes", false));
    assert_false(dict_bool(d, "odd", false));
    assert_true(dict_bool(d, "odd", true));
    assert_false(dict_bool(d, "off", true));
    assert_true(dict_bool(d, "two", false));
    assert_true(dict_bool(d, "list", true));
    assert_true(dict_bool(d, "none", true));
    assert_int_equal(dict_int(d, "two", 7), 2);
    assert_int_equal(dict_int(d, "f", 7), 2);
    assert_int_equal(dict_int(d, "yes", 7), 7);
    assert_null(dict_str(d, "two", NULL));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_as_the_model),      cmocka_unit_test(survives_deleting_everything),
        cmocka_unit_test(keys_are_python_keys),      cmocka_unit_test(c_string_keys_are_copied),
        cmocka_unit_test(short_reads_have_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
