// Passwords of PostgreSQL roles against what a server stores, and SQL's quoting.
#include "node/modules/postgres.h"
#include "node/modules/postgres_password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// The salt and iterations of the example in RFC 7677; and a password longer than a block.
#define PENCIL                                                                                     \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"    \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define LONG                                                                                       \
    "SCRAM-SHA-256$1:MDEyMzQ1Njc4OWFiY2RlZg==$uIkPzbPj4gMI5hf2zcbTWBEfEnzAJ/q8tQPGgnMTUlA=:"       \
    "VpkG55hrODD1dUTNGfzs2nKhOm889H4kjJ0W0bGjqlM="
#define X10 "xxxxxxxxxx"
#define SECRET_OF_BOB "md521f3163f8f86fa10bdefbfbd502a8f06"

static void passwords_are_told_apart(void **state)
{
    static const struct {
        const char *password, *stored;
        bool encrypted, same;
    } rows[] = {
        {"pencil", PENCIL, true, true},
        {"pencil", PENCIL, false, true},
        {"pen", PENCIL, true, false},
        {PENCIL, PENCIL, true, true},
        {LONG, PENCIL, true, false},
        {X10 X10 X10 X10 X10 X10 X10 X10 X10 X10, LONG, true, true},
        {X10 X10 X10 X10 X10 X10 X10 X10 X10, LONG, true, false},
        {"secret", SECRET_OF_BOB, true, true},
        {"other", SECRET_OF_BOB, true, false},
        {SECRET_OF_BOB, SECRET_OF_BOB, true, true},
        {"plain", "plain", false, true},
        {"secret", NULL, true, false},
        {"", NULL, true, true},
        {"", SECRET_OF_BOB, true, false},
        {"pencil", "SCRAM-SHA-256$0:W22Z$a:b", true, false},
        {"pencil", "SCRAM-SHA-256$99999999999:W22Z$a:b", true, false},
        {"pencil", "SCRAM-SHA-256$4096:not base64$a:b", true, false},
        {"pencil", "SCRAM-SHA-256$4096", true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(rows[i].same, postgres_password_is("bob", rows[i].password, rows[i].stored,
                                                            rows[i].encrypted));
}

static void texts_are_quoted(void **state)
{
    struct arena *a = *state;
    assert_string_equal("'it''s'", postgres_literal(a, "it's"));
    assert_string_equal("E'back\\\\slash'", postgres_literal(a, "back\\slash"));
    assert_string_equal("E'\\\\'' OR 1=1'", postgres_literal(a, "\\' OR 1=1"));
    assert_string_equal("\"odd \"\"name\"", postgres_identifier(a, "odd \"name"));
}

static int new_arena(void **state)
{
    *state = arena_new();
    return 0;
}

static int free_arena(void **state)
{
    arena_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_are_told_apart),
        cmocka_unit_test_setup_teardown(texts_are_quoted, new_arena, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
