// Privileges of MySQL users, taken apart.
#include "node/modules/mysql_privs.h"

#include "core/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// "target=PRIV|PRIV target=..." of what was read.
static const char *shown(struct arena *a, const struct dict *privs)
{
    struct buf b = BUF_INIT;
    struct dict_entry *it;
    DICT_EACH(privs, it)
    {
        buf_addf(&b, "%s%s=", b.len ? " " : "", it->key.u.str.s);
        for (size_t i = 0; i < it->val.u.list->len; i++)
            buf_addf(&b, "%s%s", i ? "|" : "", it->val.u.list->items[i].u.str.s);
    }
    const char *s = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return s;
}

static void tasks_and_servers_agree(void **state)
{
    static const struct {
        const char *task, *grant;
        bool keep;
        const char *want;
    } rows[] = {
        {"shop.*:select,insert", "GRANT SELECT, INSERT ON `shop`.* TO `a`@`b`", false,
         "`shop`.*=SELECT|INSERT"},
        {"shop.*:ALL PRIVILEGES,GRANT",
         "GRANT ALL PRIVILEGES ON `shop`.* TO `a`@`b` WITH GRANT OPTION", false,
         "`shop`.*=ALL|GRANT"},
        {"shop.item:select (Name),update",
         "GRANT SELECT (Name), UPDATE ON `shop`.`item` TO `a`@`b`", false,
         "`shop`.`item`=SELECT (NAME)|UPDATE"},
        {"shop.item:select (Name)", "GRANT SELECT (Name) ON `shop`.`item` TO `a`@`b`", true,
         "`shop`.`item`=SELECT (Name)"},
    };
    struct arena *a = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = ERR_INIT;
        struct value priv = value_str(a, rows[i].task);
        struct dict *wanted, *granted = value_dict(a).u.dict;
        assert_int_equal(0, mysql_privs_parse(a, &priv, rows[i].keep, &wanted, &e));
        dict_del(wanted, "*.*");
        assert_string_equal(rows[i].want, shown(a, wanted));
        mysql_privs_add_grant(a, rows[i].grant, rows[i].keep, granted);
        assert_string_equal(rows[i].want, shown(a, granted));
    }
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
        cmocka_unit_test_setup_teardown(tasks_and_servers_agree, new_arena, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
