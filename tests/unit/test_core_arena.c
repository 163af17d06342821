// Memory: arenas keep everything apart and zeroed, bufs grow, keep their limit and their NUL.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/arena.h"
#include "core/buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void blocks_are_zeroed_aligned_and_apart(void **state)
{
    enum { N = 2000 };
    (void)state;
    struct arena *a = arena_new();
    unsigned char *p[N];
    size_t size[N];
    srand(1);
    for (size_t i = 0; i < N; i++) {
        size[i] = i % 97 == 0 ? 200000 : (size_t)(rand() % 300);
        p[i] = arena_alloc(a, size[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        for (size_t k = 0; k < size[i]; k++)
            assert_int_equal(p[i][k], 0);
        memset(p[i], (int)(i % 251) + 1, size[i]);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < size[i]; k++)
            assert_int_equal(p[i][k], i % 251 + 1);
    arena_free(a);
}

static void reset_keeps_one_block_and_gives_zeroes(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_int_equal(arena_bytes(a), 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 500; i++)
            memset(arena_alloc(a, 1000), 0xff, 1000);
        assert_true(arena_bytes(a) >= 500000);
        arena_reset(a);
        assert_true(arena_bytes(a) <= 70000);
        char *p = arena_alloc(a, 1000);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(p[i], 0);
    }
    memset(arena_alloc(a, 1 << 20), 1, 1 << 20); // a block too large to keep
    arena_reset(a);
    arena_reset(a);
    assert_true(arena_bytes(a) <= 70000);
    arena_free(a);
    arena_free(NULL);
}

static void adopted_arenas_live_as_long_and_stay_usable(void **state)
{
    (void)state;
    struct arena *a = arena_new(), *child = arena_new(), *grandchild = arena_new();
    char *p = arena_alloc(child, 5000), *q = arena_strdup(grandchild, "kept");
    arena_adopt(child, grandchild);
    arena_adopt(a, child);
    arena_adopt(a, NULL);
    assert_true(arena_bytes(a) >= 5000 && arena_bytes(a) >= arena_bytes(grandchild));
    memset(p, 1, 5000);
    assert_string_equal(q, "kept");
    memset(arena_alloc(child, 70000), 1, 70000); // would leak if the child were not freed too
    arena_reset(a);
    assert_int_equal(arena_bytes(a), 0);
    arena_adopt(a, arena_new());
    arena_free(a);
}

static void strings_are_copied(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char text[] = "a\0b";
    const char *n = arena_strndup(a, text, 3), *s = arena_strdup(a, text);
    text[0] = 'x';
    assert_memory_equal(n, "a\0b", 4);
    assert_string_equal(s, "a");
    assert_null(arena_strdup(a, NULL));
    assert_string_equal(arena_strndup(a, "", 0), "");
    assert_string_equal(arena_printf(a, "%s-%d", "x", 7), "x-7");
    char *wide = arena_printf(a, "%5000d", 1);
    assert_int_equal(strlen(wide), 5000);
    arena_free(a);
}

static void buf_grows_and_stays_terminated(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_string_equal(buf_str(&b), "");
    for (int i = 0; i < 1000; i++) {
        buf_addi(&b, i);
        buf_addc(&b, ',');
        assert_int_equal(b.p[b.len], 0);
    }
    assert_int_equal(b.len, 10 + 2 * 90 + 3 * 900 + 1000);
    assert_memory_equal(b.p, "0,1,2,3,", 8);
    buf_consume(&b, 2);
    assert_memory_equal(b.p, "1,2,3,", 6);
    buf_consume(&b, b.len + 100);
    assert_int_equal(b.len, 0);
    assert_string_equal(buf_str(&b), "");
    buf_addi(&b, INT64_MIN);
    assert_string_equal(buf_str(&b), "-9223372036854775808");
    buf_clear(&b);
    buf_addf(&b, "%s|%3d", "ab", 5);
    buf_fill(&b, '-', 3);
    assert_string_equal(buf_str(&b), "ab|  5---");
    char *p = buf_reserve(&b, 100);
    memcpy(p, "xyz", 4);
    b.len += 3;
    assert_string_equal(buf_str(&b), "ab|  5---xyz");
    char *own = buf_detach(&b);
    assert_string_equal(own, "ab|  5---xyz");
    assert_null(b.p);
    free(own);
    own = buf_detach(&b);
    assert_string_equal(own, "");
    free(own);
}

static void buf_keeps_its_limit(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    buf_adds(&b, "abc");
    assert_false(b.overflow);
    buf_adds(&b, "def");
    assert_true(b.overflow);
    assert_string_equal(buf_str(&b), "abc");
    buf_adds(&b, "de");
    assert_string_equal(buf_str(&b), "abcde");
    buf_addc(&b, 'f');
    buf_addf(&b, "%d", 1);
    buf_fill(&b, 'x', SIZE_MAX / 2);
    assert_null(buf_reserve(&b, 1));
    assert_string_equal(buf_str(&b), "abcde");
    buf_clear(&b);
    assert_false(b.overflow);
    buf_release(&b);
    assert_int_equal(b.max, 5);
}

static void buf_repeats_within_its_limit(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_repeat(&b, "ab", 2, 3);
    assert_string_equal(buf_str(&b), "ababab");
    buf_repeat(&b, "", 0, SIZE_MAX);
    buf_repeat(&b, "x", 1, 0);
    assert_false(b.overflow);
    buf_repeat(&b, "abc", 3, 2);
    assert_true(b.overflow);
    buf_clear(&b);
    buf_repeat(&b, "abc", 3, SIZE_MAX / 2);
    assert_true(b.overflow);
    assert_string_equal(buf_str(&b), "");
    buf_release(&b);
}

static void an_arena_says_when_it_is_full(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    arena_alloc(a, 1 << 20);
    assert_false(arena_full(a)); // no limit
    size_t before = arena_limit(a, 1 << 20);
    assert_false(arena_full(a));
    size_t inner = arena_limit(a, 1 << 10);
    arena_alloc(a, 1 << 14);
    assert_true(arena_full(a));
    arena_alloc(a, 1 << 14); // works all the same
    arena_limit_back(a, inner);
    assert_false(arena_full(a));
    arena_limit_back(a, before);
    arena_alloc(a, 4 << 20);
    assert_false(arena_full(a));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_aligned_and_apart),
        cmocka_unit_test(reset_keeps_one_block_and_gives_zeroes),
        cmocka_unit_test(adopted_arenas_live_as_long_and_stay_usable),
        cmocka_unit_test(strings_are_copied),
        cmocka_unit_test(buf_grows_and_stays_terminated),
        cmocka_unit_test(buf_keeps_its_limit),
        cmocka_unit_test(buf_repeats_within_its_limit),
        cmocka_unit_test(an_arena_says_when_it_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
