// The bootstrap's text and the reader of its answers, without any host.
#include "fleet/boot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const struct boot_helper two[] = {
    {"x86_64", "1111111111111111111111111111111111111111111111111111111111111111",
     "3333333333333333333333333333333333333333333333333333333333333333", 100, 0},
    {"aarch64", "2222222222222222222222222222222222222222222222222222222222222222",
     "4444444444444444444444444444444444444444444444444444444444444444", 200, 90},
};

static void the_command_survives_any_login_shell(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    for (size_t n = 1; n <= 2; n++) {
        const char *second = boot_script(a, two, n);
        const char *s = boot_command(a, two, n, second);
        const char *open = strchr(s, '\'');
        assert_non_null(open);
        assert_ptr_equal(strchr(open + 1, '\''),
                         s + strlen(s) - 1); // one quoted word, and it ends the line
        assert_null(strpbrk(s, "\\!\n"));
        assert_true(strlen(s) < 1000);
        assert_null(strstr(s, BOOT_MARK)); // an echo of the script is no answer
        assert_null(strstr(second, BOOT_MARK));
        assert_non_null(strstr(s, two[n - 1].sha256));
        assert_non_null(strstr(second, two[n - 1].sha256));
    }
    arena_free(a);
}

static const struct {
    const char *in;
    enum boot_verb verb;
    const char *arg;
    const char *rest; // what follows the answer
    const char *noise;
} rows[] = {
    {"@andon:1:run\nFRAMES", BOOT_RUN, "", "FRAMES", ""},
    {"\n@andon:1:script\n", BOOT_SCRIPT, "", "", ""},
    {"Welcome\n\n@andon:1:push x86_64 /h/.cache/andon\n", BOOT_PUSH, "x86_64 /h/.cache/andon", "",
     "Welcome\n"},
    {"@andon:1:pushz x86_64 /d\n", BOOT_PUSH_PACKED, "x86_64 /d", "", ""},
    {"no line end @andon:1:altered /a b\n\n@andon:1:run\n", BOOT_ALTERED, "/a b",
     "\n@andon:1:run\n", ""},
    {"@andon:1:fail arch ppc\r\n", BOOT_FAIL, "arch ppc", "", ""},
    {"@andon:1:fallback /tmp\n", BOOT_FALLBACK, "/tmp", "", ""},
    {"@andon:1:pushed /d\n", BOOT_PUSHED, "/d", "", ""},
    {"@andon:1:nonsense\n", BOOT_NOISE, "", "", ""},
    {"@andon:1:\n", BOOT_NOISE, "", "", ""},
    {"@andon:2:run\n", BOOT_MORE, "", "", "@andon:2:run\n"},
    {"@andon:1:run", BOOT_MORE, "", "", ""},
    {"", BOOT_MORE, "", "", ""},
};

static void reads_answers_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].in);
        for (size_t piece = 1; piece <= len + 1; piece++) {
            struct boot_reader r;
            boot_reader_init(&r);
            enum boot_verb v = BOOT_MORE;
            const char *arg = "";
            size_t at = 0;
            while (at < len && v == BOOT_MORE) {
                size_t used = 0;
                v = boot_feed(&r, rows[i].in + at, at + piece > len ? len - at : piece, &used,
                              &arg);
                at += used;
            }
            assert_int_equal(v, rows[i].verb);
            assert_string_equal(arg, rows[i].arg);
            assert_string_equal(rows[i].in + at, rows[i].rest);
            assert_string_equal(buf_str(&r.noise), rows[i].noise);
            boot_reader_release(&r);
        }
    }
}

static void gives_up_on_endless_noise(void **state)
{
    (void)state;
    char block[1000];
    for (int lines = 0; lines < 2; lines++) {
        struct boot_reader r;
        size_t used = 0, total = 0;
        const char *arg;
        memset(block, 'x', sizeof block);
        if (lines)
            block[sizeof block - 1] = '\n';
        boot_reader_init(&r);
        enum boot_verb v = BOOT_MORE;
        while (v == BOOT_MORE && total < 1000000) {
            v = boot_feed(&r, block, sizeof block, &used, &arg);
            total += used;
        }
        assert_int_equal(v, BOOT_NOISE);
        assert_in_range(total, BOOT_NOISE_MAX, 2 * BOOT_NOISE_MAX);
        boot_reader_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_survives_any_login_shell),
        cmocka_unit_test(reads_answers_in_pieces_of_any_size),
        cmocka_unit_test(gives_up_on_endless_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
