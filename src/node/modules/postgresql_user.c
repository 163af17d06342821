// postgresql_user: roles of a PostgreSQL server, their passwords, attributes and groups.
#include "node/modules.h"
#include "node/modules/postgres.h"
#include "node/modules/postgres_password.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>

struct pg_user {
    struct postgres db;
    struct module *m;
    struct arena *a;
    const char *name;
    const char *password, *expires; // NULL: not said
    struct list *flags;             // "CREATEDB", "NOLOGIN"
    bool public;                    // the name stands for everybody
    struct list *sql;               // what will be run, in one transaction
    struct value queries;           // the same as shown: without the password
};

// What is known of the role; in the order of the query.
enum column {
    PASSWORD,
    SUPERUSER,
    CREATEROLE,
    CREATEDB,
    INHERIT,
    LOGIN,
    REPLICATION,
    BYPASSRLS,
    LIMIT,
    SAME_EXPIRY,
    COMMENT,
};

static const char *const flag_names[] = {"SUPERUSER", "CREATEROLE",  "CREATEDB", "INHERIT",
                                         "LOGIN",     "REPLICATION", "BYPASSRLS"};

static void run_later(struct pg_user *t, const char *sql, const char *shown)
{
    list_add(t->sql, value_cstr(sql));
    list_add(t->queries.u.list, value_cstr(shown ? shown : sql));
}

// --- the role as it is

// The query for the role in a table of the server; password: the expression that gives it there.
static const char *look_query(const struct pg_user *t, const char *password, const char *table)
{
    const char *expiry =
        t->expires ? arena_printf(t->a, "%s::timestamptz", postgres_literal(t->a, t->expires))
                   : "rolvaliduntil";
    return arena_printf(t->a,
                        "SELECT %s, rolsuper, rolcreaterole, rolcreatedb, rolinherit, rolcanlogin, "
                        "rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil IS NOT DISTINCT "
                        "FROM %s, pg_catalog.shobj_description(oid, 'pg_authid') FROM %s WHERE "
                        "rolname = %s",
                        password, expiry, table, postgres_literal(t->a, t->name));
}

static int look(struct pg_user *t, struct pg_result *ret)
{
    struct value all = value_list(t->a);
    struct err e = ERR_INIT;
    size_t done;
    bool skip = module_bool(t->m, "no_password_changes");
    list_add(all.u.list, value_cstr(look_query(t, "rolpassword", "pg_authid")));
    if (!skip && postgres_run(&t->db, all.u.list, ret, &done, &e) == 0)
        return 0;
    // who may not see passwords still sees roles
    if (!skip && !strstr(err_msg(&e), "permission denied"))
        return module_fail_err(t->m, &e);
    err_release(&e);
    return postgres_query(&t->db, ret, "%s", look_query(t, "'?'", "pg_roles"));
}

static bool flags_differ(const struct pg_user *t, const struct pg_result *have)
{
    for (size_t i = 0; i < t->flags->len; i++) {
        const char *flag = t->flags->items[i].u.str.s;
        bool want = strncmp(flag, "NO", 2) != 0;
        size_t k = 0;
        while (strcmp(flag_names[k], want ? flag : flag + 2) != 0)
            k++;
        if ((strcmp(postgres_field(have, 0, SUPERUSER + k), "t") == 0) != want)
            return true;
    }
    return false;
}

// --- the account

// " CONNECTION LIMIT 5", " VALID UNTIL '...'" when they are asked for.
static const char *limit_clause(const struct pg_user *t)
{
    return module_has(t->m, "conn_limit")
               ? arena_printf(t->a, " CONNECTION LIMIT %lld",
                              (long long)module_int(t->m, "conn_limit", -1))
               : "";
}

static const char *expiry_clause(const struct pg_user *t)
{
    return t->expires ? arena_printf(t->a, " VALID UNTIL %s", postgres_literal(t->a, t->expires))
                      : "";
}

static const char *flags_text(const struct pg_user *t)
{
    return text_join(t->a, t->flags, " ");
}

// The statement twice: as it is run, and with names where Ansible shows names.
static void create(struct pg_user *t)
{
    const char *name = postgres_identifier(t->a, t->name), *limit = limit_clause(t);
    const char *kind = module_bool(t->m, "encrypted") ? "ENCRYPTED" : "UNENCRYPTED";
    const char *sql = arena_printf(t->a, "CREATE USER %s", name), *shown = sql;
    if (t->password && *t->password) {
        shown = arena_printf(t->a, "%s WITH %s PASSWORD %%(password)s", sql, kind);
        sql = arena_printf(t->a, "%s WITH %s PASSWORD %s", sql, kind,
                           postgres_literal(t->a, t->password));
    }
    run_later(t, arena_printf(t->a, "%s%s%s %s", sql, expiry_clause(t), limit, flags_text(t)),
              arena_printf(t->a, "%s%s%s %s", shown, t->expires ? " VALID UNTIL %(expires)s" : "",
                           limit, flags_text(t)));
}

static void alter(struct pg_user *t, const struct pg_result *have)
{
    const char *limit = limit_clause(t), *has_limit = postgres_field(have, 0, LIMIT);
    const char *kind = module_bool(t->m, "encrypted") ? "ENCRYPTED" : "UNENCRYPTED";
    const char *sql = arena_printf(t->a, "ALTER USER %s", postgres_identifier(t->a, t->name));
    const char *shown = sql;
    bool skip = module_bool(t->m, "no_password_changes");
    bool password = !skip && t->password &&
                    !postgres_password_is(t->name, t->password, postgres_field(have, 0, PASSWORD),
                                          module_bool(t->m, "encrypted"));
    bool expiry = !skip && t->expires && strcmp(postgres_field(have, 0, SAME_EXPIRY), "t") != 0;
    bool count =
        !skip && *limit && module_int(t->m, "conn_limit", -1) != strtoll(has_limit, NULL, 10);
    if (!password && !expiry && !count && !flags_differ(t, have))
        return;
    if (password && *t->password) {
        shown =
            arena_printf(t->a, "%s WITH %s PASSWORD %%(password)s %s", sql, kind, flags_text(t));
        sql = arena_printf(t->a, "%s WITH %s PASSWORD %s %s", sql, kind,
                           postgres_literal(t->a, t->password), flags_text(t));
    } else if (password) {
        sql = shown = arena_printf(t->a, "%s WITH PASSWORD NULL %s", sql, flags_text(t));
    } else if (t->flags->len) {
        sql = shown = arena_printf(t->a, "%s WITH %s", sql, flags_text(t));
    }
    if (!skip) {
        shown = arena_printf(t->a, "%s%s%s", shown, t->expires ? " VALID UNTIL %(expires)s" : "",
                             limit);
        sql = arena_printf(t->a, "%s%s%s", sql, expiry_clause(t), limit);
    }
    run_later(t, sql, shown);
}

// --- privileges in the old way: "CONNECT/table:SELECT,INSERT"

static const char database_privs[] = "CREATE,CONNECT,TEMPORARY";
static const char table_privs[] = "SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER";

static int normalize(struct pg_user *t, const char *text, bool table, struct list **ret)
{
    struct list *given = postgres_split(t->a, text, true);
    struct list *known = postgres_split(t->a, table ? table_privs : database_privs, false);
    *ret = value_list(t->a).u.list;
    for (size_t i = 0; i < given->len; i++) {
        const char *one = text_strip(arena_strdup(t->a, given->items[i].u.str.s));
        if (!table && strcmp(one, "TEMP") == 0)
            one = "TEMPORARY";
        if (strcmp(one, "ALL") == 0) {
            *ret = known;
            return 0;
        }
        if (*one && !text_list_has(known, one))
            return module_fail(t->m, "Invalid privs specified for %s: %s",
                               table ? "table" : "database", one);
        if (*one && !text_list_has(*ret, one))
            list_add(*ret, value_cstr(one));
    }
    return 0;
}

// "schema.table" as two identifiers.
static const char *table_name(struct pg_user *t, const char *name)
{
    const char *dot = strchr(name, '.');
    if (!dot)
        return postgres_identifier(t->a, name);
    return arena_printf(t->a, "%s.%s",
                        postgres_identifier(t->a, arena_strndup(t->a, name, (size_t)(dot - name))),
                        postgres_identifier(t->a, dot + 1));
}

// What of the privileges was granted to the role itself.
static int granted(struct pg_user *t, const char *name, bool table, struct list **ret)
{
    const char *dot = strchr(name, '.'), *user = postgres_literal(t->a, t->name);
    struct pg_result r;
    int rc;
    if (table)
        rc = postgres_query(
            &t->db, &r,
            "SELECT privilege_type FROM information_schema.role_table_grants WHERE grantee = %s "
            "AND table_name = %s AND table_schema = %s",
            user, postgres_literal(t->a, dot ? dot + 1 : name),
            postgres_literal(t->a,
                             dot ? arena_strndup(t->a, name, (size_t)(dot - name)) : "public"));
    else
        rc = postgres_query(&t->db, &r,
                            "SELECT x.privilege_type FROM pg_database, aclexplode(datacl) x WHERE "
                            "datname = %s AND (x.grantee = (SELECT oid FROM pg_roles WHERE rolname "
                            "= %s) OR x.grantee = 0 AND %s = 'PUBLIC')",
                            postgres_literal(t->a, name), user, user);
    *ret = value_list(t->a).u.list;
    for (size_t i = 0; rc == 0 && i < r.rows->len; i++)
        list_add(*ret, value_cstr(postgres_field(&r, i, 0)));
    return rc;
}

static int change_privs(struct pg_user *t, bool grant)
{
    const char *priv = module_str(t->m, "priv"), *db = module_str(t->m, "db"), *one;
    char *cursor = priv ? arena_strdup(t->a, priv) : NULL;
    const char *who = t->public ? "PUBLIC" : postgres_identifier(t->a, t->name);
    while (cursor && (one = text_piece(&cursor, '/'))) {
        const char *colon = strrchr(one, ':');
        const char *name = colon ? arena_strndup(t->a, one, (size_t)(colon - one)) : db;
        struct list *want, *have;
        if (normalize(t, colon ? colon + 1 : one, colon != NULL, &want) != 0 ||
            granted(t, name, colon != NULL, &have) != 0)
            return ERR_FAILED;
        size_t missing = 0;
        for (size_t i = 0; i < want->len; i++)
            missing += !text_list_has(have, want->items[i].u.str.s);
        if (grant ? missing == 0 : missing == want->len)
            continue;
        run_later(t,
                  arena_printf(t->a, "%s %s ON %s %s %s %s", grant ? "GRANT" : "REVOKE",
                               text_join(t->a, want, ", "), colon ? "TABLE" : "DATABASE",
                               colon ? table_name(t, name) : postgres_identifier(t->a, db),
                               grant ? "TO" : "FROM", who),
                  NULL);
    }
    return 0;
}

// --- groups and comment

static int join_groups(struct pg_user *t)
{
    const struct list *groups = module_list(t->m, "groups");
    struct pg_result r;
    for (size_t i = 0; groups && i < groups->len; i++) {
        const char *group = text_strip(arena_strdup(t->a, groups->items[i].u.str.s));
        if (postgres_query(&t->db, &r,
                           "SELECT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles u ON u.oid "
                           "= member WHERE roleid = r.oid AND u.rolname = %s) FROM pg_roles r "
                           "WHERE r.rolname = %s",
                           postgres_literal(t->a, t->name), postgres_literal(t->a, group)) != 0)
            return ERR_FAILED;
        if (!r.rows->len)
            return module_fail(t->m, "Role %s does not exist", group);
        if (strcmp(postgres_field(&r, 0, 0), "t") != 0)
            run_later(t,
                      arena_printf(t->a, "GRANT %s TO %s", postgres_identifier(t->a, group),
                                   postgres_identifier(t->a, t->name)),
                      NULL);
    }
    return 0;
}

static void comment_on(struct pg_user *t, const struct pg_result *have)
{
    const char *want = module_str(t->m, "comment"), *is = postgres_field(have, 0, COMMENT);
    if (want && (!is || strcmp(want, is) != 0))
        run_later(t,
                  arena_printf(t->a, "COMMENT ON ROLE %s IS %s", postgres_identifier(t->a, t->name),
                               postgres_literal(t->a, want)),
                  NULL);
}

// --- the task

static int run(struct pg_user *t, struct err *e)
{
    struct value script = value_list(t->a);
    size_t done;
    if (!t->sql->len)
        return 0;
    list_add(script.u.list, value_cstr("BEGIN"));
    for (size_t i = 0; i < t->sql->len; i++)
        list_add(script.u.list, t->sql->items[i]);
    list_add(script.u.list, value_cstr(t->m->check ? "ROLLBACK" : "COMMIT"));
    return postgres_run(&t->db, script.u.list, NULL, &done, e);
}

static int present(struct pg_user *t, const struct pg_result *have, bool exists)
{
    struct err e = ERR_INIT;
    if (t->public && t->password)
        return module_fail(t->m, "cannot change the password for PUBLIC user");
    if (t->public && t->flags->len)
        return module_fail(t->m, "cannot change the role_attr_flags for PUBLIC user");
    if (!exists)
        create(t);
    else if (!t->public)
        alter(t, have);
    if (change_privs(t, true) != 0 || join_groups(t) != 0)
        return ERR_FAILED;
    if (!t->public)
        comment_on(t, have);
    module_changed(t->m, t->sql->len > 0);
    if (run(t, &e) == 0)
        return 0;
    if (exists)
        return module_fail_err(t->m, &e);
    int rc =
        module_fail(t->m, "Unable to add user with given requirement due to : %s", err_msg(&e));
    err_release(&e);
    return rc;
}

static int absent(struct pg_user *t, bool exists)
{
    struct err e = ERR_INIT;
    if (!exists)
        return 0;
    if (t->m->check) {
        module_changed(t->m, true);
        module_set(t->m, "user_removed", value_bool(true));
        return 0;
    }
    if (change_privs(t, false) != 0)
        return ERR_FAILED;
    bool revoked = t->sql->len > 0;
    if (run(t, &e) != 0)
        return module_fail_err(t->m, &e);
    t->sql = value_list(t->a).u.list;
    run_later(t, arena_printf(t->a, "DROP USER %s", postgres_identifier(t->a, t->name)), NULL);
    bool removed = run(t, &e) == 0;
    err_release(&e);
    if (!removed && module_bool(t->m, "fail_on_user"))
        return module_fail(t->m, "Unable to remove user");
    module_changed(t->m, revoked || removed);
    module_set(t->m, "user_removed", value_bool(removed));
    return 0;
}

static int read_flags(struct pg_user *t)
{
    struct list *given = postgres_split(t->a, module_str(t->m, "role_attr_flags"), true);
    t->flags = value_list(t->a).u.list;
    for (size_t i = 0; i < given->len; i++) {
        const char *flag = given->items[i].u.str.s, *bare = text_after(flag, "NO");
        bool known = false;
        if (!*flag)
            continue;
        for (size_t k = 0; k < sizeof flag_names / sizeof *flag_names; k++)
            known = known || strcmp(flag_names[k], bare ? bare : flag) == 0;
        if (!known)
            return module_fail(t->m, "Invalid role_attr_flags specified: %s", flag);
        if (!text_list_has(t->flags, flag))
            list_add(t->flags, value_cstr(flag));
    }
    return 0;
}

int mod_postgresql_user(struct module *m)
{
    struct pg_user t = {.m = m,
                        .a = m->arena,
                        .name = module_str(m, "user"),
                        .password = module_str(m, "password"),
                        .expires = module_str(m, "expires"),
                        .sql = value_list(m->arena).u.list,
                        .queries = value_list(m->arena)};
    struct pg_result have;
    const char *database = module_str(m, "db");
    if (!*database && module_str(m, "priv"))
        return module_fail(m, "privileges require a database to be specified");
    t.public = strcmp(t.name, "PUBLIC") == 0;
    if (read_flags(&t) != 0 || postgres_open(&t.db, m, database) != 0 || look(&t, &have) != 0)
        return ERR_FAILED;
    bool exists = t.public || have.rows->len > 0;
    module_changed(m, false);
    bool wanted = strcmp(module_str(m, "state"), "present") == 0;
    if ((wanted ? present(&t, &have, exists) : absent(&t, exists)) != 0)
        return ERR_FAILED;
    module_set_str(m, "user", t.name);
    module_set(m, "queries", t.queries);
    return 0;
}
