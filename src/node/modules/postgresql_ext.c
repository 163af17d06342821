// postgresql_ext: extensions of a PostgreSQL database.
#include "node/modules.h"
#include "node/modules/postgres.h"

#include <string.h>

struct extension {
    struct postgres db;
    struct module *m;
    struct arena *a;
    const char *name, *version; // wanted; NULL: any
    const char *installed;      // NULL: it is not
    bool available;             // in some version
    bool version_available;     // in the wanted one
    struct value queries;
};

static int look(struct extension *t)
{
    const char *name = postgres_literal(t->a, t->name);
    struct pg_result r;
    if (postgres_query(&t->db, &r,
                       "SELECT (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = "
                       "%s), count(*), count(*) FILTER (WHERE version = %s) FROM "
                       "pg_available_extension_versions WHERE name = %s",
                       name, postgres_literal(t->a, t->version ? t->version : ""), name) != 0)
        return ERR_FAILED;
    t->installed = postgres_field(&r, 0, 0);
    t->available = strcmp(postgres_field(&r, 0, 1), "0") != 0;
    t->version_available = strcmp(postgres_field(&r, 0, 2), "0") != 0;
    return 0;
}

static int change(struct extension *t, const char *sql)
{
    struct err e = ERR_INIT;
    struct value all = value_list(t->a);
    size_t done;
    list_add(all.u.list, value_cstr(sql));
    if (!t->m->check)
        list_add(t->queries.u.list, value_cstr(sql));
    if (t->m->check || postgres_run(&t->db, all.u.list, NULL, &done, &e) == 0) {
        module_changed(t->m, true);
        return 0;
    }
    int rc = module_fail(t->m, "Management of PostgreSQL extension failed: %s", err_msg(&e));
    err_release(&e);
    return rc;
}

static int create(struct extension *t)
{
    const char *schema = module_str(t->m, "schema");
    const char *sql = arena_printf(t->a, "CREATE EXTENSION %s", postgres_identifier(t->a, t->name));
    if (schema && *schema)
        sql = arena_printf(t->a, "%s WITH SCHEMA %s", sql, postgres_identifier(t->a, schema));
    if (t->version && strcmp(t->version, "latest") != 0)
        sql = arena_printf(t->a, "%s VERSION %s", sql, postgres_literal(t->a, t->version));
    if (module_bool(t->m, "cascade"))
        sql = arena_printf(t->a, "%s CASCADE", sql);
    return change(t, sql);
}

static int update(struct extension *t)
{
    const char *name = postgres_identifier(t->a, t->name);
    struct pg_result paths;
    if (strcmp(t->version, "latest") == 0)
        return change(t, arena_printf(t->a, "ALTER EXTENSION %s UPDATE", name));
    if (postgres_query(&t->db, &paths,
                       "SELECT path FROM pg_extension_update_paths(%s) WHERE source = %s AND "
                       "target = %s AND path IS NOT NULL",
                       postgres_literal(t->a, t->name), postgres_literal(t->a, t->installed),
                       postgres_literal(t->a, t->version)) != 0)
        return ERR_FAILED;
    if (!paths.rows->len)
        return module_fail(t->m,
                           "Passed version '%s' has no valid update path from the currently "
                           "installed version '%s' or the passed version is not available",
                           t->version, t->installed);
    return change(t, arena_printf(t->a, "ALTER EXTENSION %s UPDATE TO %s", name,
                                  postgres_literal(t->a, t->version)));
}

static int present(struct extension *t)
{
    if (t->installed)
        return !t->version || strcmp(t->version, t->installed) == 0 ? 0 : update(t);
    if (t->version && strcmp(t->version, "latest") != 0 && !t->version_available)
        return module_fail(t->m, "Passed version '%s' is not available", t->version);
    if (!t->version && !t->available)
        return module_fail(t->m, "Extension %s is not available", t->name);
    return create(t);
}

static int absent(struct extension *t)
{
    if (t->version)
        module_warn(t->m, "Parameter version is ignored when state=absent");
    if (!t->installed)
        return 0;
    return change(t, arena_printf(t->a, "DROP EXTENSION %s%s", postgres_identifier(t->a, t->name),
                                  module_bool(t->m, "cascade") ? " CASCADE" : ""));
}

int mod_postgresql_ext(struct module *m)
{
    struct extension t = {.m = m,
                          .a = m->arena,
                          .name = module_str(m, "ext"),
                          .version = module_str(m, "version"),
                          .queries = value_list(m->arena)};
    if (postgres_open(&t.db, m, module_str(m, "db")) != 0 || look(&t) != 0)
        return ERR_FAILED;
    module_changed(m, false);
    if ((strcmp(module_str(m, "state"), "present") == 0 ? present(&t) : absent(&t)) != 0)
        return ERR_FAILED;
    module_set_str(m, "db", module_str(m, "db"));
    module_set_str(m, "ext", t.name);
    module_set(m, "queries", t.queries);
    return 0;
}
