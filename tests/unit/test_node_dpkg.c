// dpkg's records and the order of Debian versions.
#include "node/modules/dpkg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const char status[] = "Package: dpkg\n"
                             "Status: install ok installed\n"
                             "Architecture: amd64\n"
                             "Version: 1.21.22\n"
                             "Description: tool\n"
                             " Package: not-this-one\n"
                             "\n"
                             "Package: libfoo\n"
                             "Status: install ok installed\n"
                             "Section: libs\n"
                             "Architecture: i386\n"
                             "Version: 1:2.0-1\n"
                             "\n"
                             "Package: exim4\n"
                             "Status: deinstall ok config-files\n"
                             "Architecture: all\n"
                             "Version: 4.96-15\n"
                             "Provides: default-mta, mail-transport-agent\n"
                             "\n"
                             "Package: half\n"
                             "Status: install ok half-configured\n"
                             "Architecture: amd64\n"
                             "Version: 1\n"
                             "\n"
                             "Package: postfix\n"
                             "Status: hold ok installed\n"
                             "Architecture: amd64\n"
                             "Version: 3.7.6-0+deb12u2\n"
                             "Provides: mail-transport-agent (= 1), libx (= 3)\n";

static void test_status(void **state)
{
    struct arena *a = arena_new();
    struct dpkg_db db;
    (void)state;
    dpkg_parse(&db, a, arena_strdup(a, status));
    assert_int_equal(db.len, 5);
    assert_string_equal(db.native, "amd64");
    assert_null(dpkg_find(&db, "not-this-one"));
    assert_null(dpkg_find(&db, "dpk"));
    assert_string_equal(dpkg_find(&db, "dpkg")->version, "1.21.22");
    assert_string_equal(dpkg_find(&db, "dpkg:amd64")->name, "dpkg");
    assert_null(dpkg_find(&db, "libfoo"));
    assert_string_equal(dpkg_find(&db, "libfoo:i386")->section, "libs");
    assert_string_equal(dpkg_find(&db, "libfoo:any")->arch, "i386");
    assert_false(dpkg_find(&db, "exim4")->installed);
    assert_false(dpkg_find(&db, "exim4")->present);
    assert_false(dpkg_find(&db, "half")->installed);
    assert_true(dpkg_find(&db, "half")->present);
    assert_true(dpkg_find(&db, "postfix")->installed);
    assert_string_equal(dpkg_provider(&db, "mail-transport-agent")->name, "postfix");
    assert_string_equal(dpkg_provider(&db, "libx")->name, "postfix");
    assert_null(dpkg_provider(&db, "default-mta"));
    assert_null(dpkg_provider(&db, "mail"));
    arena_free(a);
}

static void test_status_hostile(void **state)
{
    static const char *const texts[] = {"",
                                        "\n\n\n",
                                        "Package",
                                        "Package:",
                                        ":\n:\n",
                                        "Status: x\n\n",
                                        "Package: a\nStatus:\nVersion",
                                        "Provides: ,,,\nPackage: b"};
    struct arena *a = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct dpkg_db db;
        dpkg_parse(&db, a, arena_strdup(a, texts[i]));
        assert_null(dpkg_find(&db, "nothing"));
        assert_null(dpkg_provider(&db, "nothing"));
    }
    arena_free(a);
}

static void test_versions(void **state)
{
    // sorted; neighbours differ
    static const char *const order[] = {"0~~",
                                        "0~",
                                        "0",
                                        "0a",
                                        "0+",
                                        "0.1",
                                        "1.0~rc1",
                                        "1.0",
                                        "1.0-0.1",
                                        "1.0-1",
                                        "1.0-1+deb12u1",
                                        "1.0-1+deb12u10",
                                        "1.0+dfsg",
                                        "1.2",
                                        "1.10",
                                        "2",
                                        "10",
                                        "1:0.1",
                                        "2:0"};
    size_t n = sizeof(order) / sizeof(*order);
    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            int c = dpkg_version_compare(order[i], order[j]);
            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
        }
    assert_int_equal(dpkg_version_compare("1.01", "1.1"), 0);
    assert_int_equal(dpkg_version_compare("0:1", "1"), 0);
    assert_int_equal(dpkg_version_compare("1-0", "1"), 0);
}

static void test_auto_installed(void **state)
{
    static const char text[] = "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\n"
                               "Package: b\nArchitecture: amd64\nAuto-Installed: 0\n\n"
                               "Package: c\nArchitecture: i386\nAuto-Installed: 1\n";
    struct arena *a = arena_new();
    (void)state;
    assert_true(apt_auto_installed(a, text, "a", "amd64"));
    assert_false(apt_auto_installed(a, text, "b", "amd64"));
    assert_false(apt_auto_installed(a, text, "c", "amd64"));
    assert_true(apt_auto_installed(a, text, "c:i386", "amd64"));
    assert_false(apt_auto_installed(a, text, "d", "amd64"));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_status_hostile),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_auto_installed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
