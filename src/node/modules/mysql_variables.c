// mysql_variables: global variables of a MySQL or MariaDB server.
#include "node/modules.h"
#include "node/modules/mysql_journal.h"
#include "node/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_name(const char *s)
{
    for (const char *c = s; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '.')
            return false;
    return *s != '\0';
}

static bool is_number(const char *s)
{
    char *end;
    if (!*s)
        return false;
    strtod(s, &end);
    return *end == '\0';
}

// ON and 1, 010 and 10 are the same.
static bool same(const char *x, const char *y)
{
    if (strcmp(x, y) == 0)
        return true;
    if (is_number(x) && is_number(y))
        return strtod(x, NULL) == strtod(y, NULL);
    int bx = value_parse_bool(x, strlen(x)), by = value_parse_bool(y, strlen(y));
    return bx >= 0 && bx == by;
}

static int current(struct mysql *db, const char *name, const char *mode, struct mysql_rows *rows)
{
    if (strcmp(mode, "persist_only") == 0)
        return mysql_query(db, rows,
                           "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM "
                           "performance_schema.persisted_variables WHERE VARIABLE_NAME = %s;",
                           mysql_literal(db->a, name));
    return mysql_query(db, rows, "SHOW GLOBAL VARIABLES WHERE Variable_name = %s;",
                       mysql_literal(db->a, name));
}

int mod_mysql_variables(struct module *m)
{
    const char *name = module_str(m, "variable"), *value = module_str(m, "value");
    const char *mode = module_str(m, "mode");
    struct mysql db;
    struct mysql_rows rows;
    if (!is_name(name))
        return module_fail(m, "invalid variable name \"%s\"", name);
    if (mysql_open(&db, m) != 0 || current(&db, name, mode, &rows) != 0)
        return ERR_FAILED;
    bool persist_only = strcmp(mode, "persist_only") == 0;
    if (!rows.rows->len && !persist_only)
        return module_fail(m, "Variable not available \"%s\"", name);
    const char *have = rows.rows->len ? mysql_field(&rows, 0, 1) : NULL;
    if (!value) {
        module_set_str(m, "msg", have);
        return 0;
    }
    if (have && same(have, value)) {
        module_changed(m, false);
        module_set_str(m, "msg", "Variable is already set to requested value.");
        return 0;
    }
    const char *scope = persist_only                   ? "PERSIST_ONLY"
                        : strcmp(mode, "persist") == 0 ? "PERSIST"
                                                       : "GLOBAL";
    bool bare = is_number(value);
    const char *sql =
        arena_printf(m->arena, "SET %s %s = %s", scope, mysql_identifier(m->arena, name),
                     bare ? value : mysql_literal(m->arena, value));
    if (strcmp(mode, "global") == 0 && mysql_journal(m, "mysql_variable", name) < 0)
        return ERR_FAILED;
    if (mysql_query(&db, NULL, "%s;", sql) != 0)
        return ERR_FAILED;
    struct value queries = value_list(m->arena);
    list_add(queries.u.list, value_cstr(sql));
    module_changed(m, true);
    module_set(
        m, "msg",
        value_strf(m->arena, "Variable change succeeded prev_value=%s", have ? have : "None"));
    module_set(m, "queries", queries);
    return 0;
}
