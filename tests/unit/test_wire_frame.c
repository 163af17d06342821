// Frames: what is written is read back, in pieces of any size; what is not ours is refused.
#include "wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void reads_back_in_pieces_of_any_size(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    frame_put(&out, FRAME_TASK, 7, "hello", 5);
    frame_put(&out, FRAME_BYE, 0, NULL, 0);
    frame_put(&out, FRAME_DATA, 0xfffffffe, "\0\0\0\1x", 5);
    for (size_t piece = 1; piece <= out.len; piece++) {
        struct frame_reader r = {0};
        struct frame f;
        int seen = 0;
        for (size_t at = 0; at < out.len; at += piece) {
            frame_feed(&r, out.p + at, at + piece > out.len ? out.len - at : piece);
            while (frame_next(&r, &f, NULL) == 1) {
                seen++;
                if (seen == 1) {
                    assert_int_equal(f.type, FRAME_TASK);
                    assert_int_equal(f.id, 7);
                    assert_int_equal(f.len, 5);
                    assert_memory_equal(f.payload, "hello", 5);
                } else if (seen == 3) {
                    assert_true(f.id == 0xfffffffe);
                    assert_int_equal(wire_get_u32(f.payload), 1);
                }
            }
        }
        assert_int_equal(seen, 3);
        frame_reader_release(&r);
    }
    buf_release(&out);
}

static void refuses_what_is_not_a_frame(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        int code;
    } cases[] = {
        {"\0\0\0\1\0\0\0\0\0x", 10, ERR_PARSE},       // type 0
        {"\0\0\0\1\x0b\0\0\0\0x", 10, ERR_PARSE},     // type 11
        {"\4\0\0\1\2\0\0\0\0", 9, ERR_LIMIT},         // one byte too long
        {"\0\0\0\3\6\0\0\0\0abc", 12, ERR_PARSE},     // DATA without a source
        {"\0\0\0\7\5\0\0\0\0abcdefg", 16, ERR_PARSE}, // NEED too short
        {"bash: andon-node: not found\n", 28, ERR_PARSE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame_reader r = {0};
        struct frame f;
        struct err e = ERR_INIT;
        frame_feed(&r, cases[i].bytes, cases[i].len);
        assert_int_equal(frame_next(&r, &f, &e), cases[i].code);
        err_release(&e);
        frame_reader_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_in_pieces_of_any_size),
        cmocka_unit_test(refuses_what_is_not_a_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
