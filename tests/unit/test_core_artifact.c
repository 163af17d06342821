// What kind of archive a file is, by its name and by what it begins with.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/artifact.h"

#include <stdio.h>
#include <string.h>

#define GZIP "\x1f\x8b\x08"
#define XZ                                                                                         \
    "\xfd"                                                                                         \
    "7zXZ\0"
#define ZSTD "\x28\xb5\x2f\xfd"

static const struct {
    const char *name, *head;
    size_t n;
    enum artifact_form is;
} cases[] = {
    {"shop.tar", "", 0, ARTIFACT_TAR},
    {"shop.tar.gz", "", 0, ARTIFACT_TAR},
    {"SHOP.TGZ", "", 0, ARTIFACT_TAR},
    {"/a/b/shop-1.0.tar.zst", "", 0, ARTIFACT_TAR},
    {"shop.txz", "", 0, ARTIFACT_TAR},
    {"shop.tbz2", "", 0, ARTIFACT_TAR},
    {"shop.zip", "#!", 2, ARTIFACT_ZIP},
    {"shop.Zip", "", 0, ARTIFACT_ZIP},
    {"shop.jar", "PK\3\4", 4, ARTIFACT_FILE},
    {"shop.gz", GZIP, 3, ARTIFACT_FILE},
    {"shop.zst", ZSTD, 4, ARTIFACT_FILE},
    {"shop", GZIP, 3, ARTIFACT_TAR},
    {"shop", XZ, 6, ARTIFACT_TAR},
    {"shop", XZ, 5, ARTIFACT_FILE},
    {"shop", "BZh9", 4, ARTIFACT_TAR},
    {NULL, ZSTD, 4, ARTIFACT_TAR},
    {NULL, "PK\3\4", 4, ARTIFACT_FILE},
    {"shop",
     "\x7f"
     "ELF",
     4, ARTIFACT_FILE},
    {"shop", "", 0, ARTIFACT_FILE},
    {".zip", "", 0, ARTIFACT_FILE}, // a hidden file of that name, not an archive without one
    {"tar", "", 0, ARTIFACT_FILE},
};

static void names_and_beginnings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (artifact_form_of(cases[i].name, cases[i].head, cases[i].n) != cases[i].is)
            fail_msg(
                "%s (case %zu) is %s", cases[i].name ? cases[i].name : "-", i,
                artifact_form_name(artifact_form_of(cases[i].name, cases[i].head, cases[i].n)));
}

// By the sum in its header, which every kind of tar archive has, old ones without a name too.
static void a_tar_header_is_known(void **state)
{
    unsigned char head[ARTIFACT_HEAD] = {0};
    unsigned sum = 8 * ' ';
    (void)state;
    assert_false(artifact_is_tar(head, sizeof head));
    memcpy(head, "app", 3);
    memcpy(head + 124, "00000000002", 12);
    for (size_t i = 0; i < sizeof head; i++)
        sum += head[i];
    assert_true(snprintf((char *)head + 148, 8, "%06o", sum) > 0);
    assert_true(artifact_is_tar(head, sizeof head));
    assert_int_equal(artifact_form_of("shop", head, sizeof head), ARTIFACT_TAR);
    assert_false(artifact_is_tar(head, sizeof head - 1));
    head[0] = 'b';
    assert_false(artifact_is_tar(head, sizeof head));
    assert_int_equal(artifact_form_of("shop", head, sizeof head), ARTIFACT_FILE);
    memset(head + 148, ' ', 8);
    assert_false(artifact_is_tar(head, sizeof head));
}

static void zip_archives_are_known(void **state)
{
    (void)state;
    assert_true(artifact_is_zip("PK\3\4xx", 6));
    assert_true(artifact_is_zip("PK\5\6", 4)); // an empty one
    assert_false(artifact_is_zip("PK\3\4", 3));
    assert_false(artifact_is_zip("PKZIP", 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_beginnings),
        cmocka_unit_test(a_tar_header_is_known),
        cmocka_unit_test(zip_archives_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
