// mysql_user: users of a MySQL or MariaDB server, their passwords and privileges.
#include "node/modules.h"
#include "node/modules/mysql_journal.h"
#include "node/modules/mysql_privs.h"
#include "node/text.h"

#include "core/hash.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct mysql_user {
    struct mysql db;
    struct module *m;
    struct arena *a;
    const char *name, *host;
    const char *hash;   // of the password; NULL when none is given
    struct dict *privs; // wanted; NULL: not said
    const char *msg;
    bool changed, password_changed;
};

// 'name'@'host'
static const char *account(const struct mysql_user *t)
{
    return arena_printf(t->a, "%s@%s", mysql_literal(t->a, t->name), mysql_literal(t->a, t->host));
}

// Runs what changes the server, unless that is only checked.
static int change(struct mysql_user *t, const char *sql)
{
    t->changed = true;
    if (!t->m->check && mysql_journal(t->m, "mysql_user", account(t)) < 0)
        return ERR_FAILED;
    return t->m->check ? 0 : mysql_query(&t->db, NULL, "%s;", sql);
}

// The hash mysql_native_password keeps: * and twice SHA-1.
static const char *native_hash(struct arena *a, const char *password)
{
    unsigned char digest[HASH_MAX];
    char hex[HASH_HEX_MAX];
    struct hash h;
    if (!*password)
        return "";
    hash_init(&h, HASH_SHA1);
    hash_update(&h, password, strlen(password));
    hash_final(&h, digest);
    hash_hex(HASH_SHA1, digest, hash_size(HASH_SHA1), hex);
    for (char *c = hex; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return arena_printf(a, "*%s", hex);
}

// --- the account

static const char *authentication(const struct mysql_user *t)
{
    struct module *m = t->m;
    const char *plugin = module_str(m, "plugin"), *hash = module_str(m, "plugin_hash_string");
    const char *auth = module_str(m, "plugin_auth_string");
    if (plugin && hash)
        return arena_printf(t->a, " IDENTIFIED WITH %s AS %s", plugin, mysql_literal(t->a, hash));
    if (plugin && auth)
        return arena_printf(t->a, " IDENTIFIED WITH %s %s %s", plugin,
                            t->db.mariadb ? "USING" : "BY", mysql_literal(t->a, auth));
    if (plugin)
        return arena_printf(t->a, " IDENTIFIED WITH %s", plugin);
    if (!t->hash)
        return "";
    if (t->db.mariadb)
        return arena_printf(t->a, " IDENTIFIED BY PASSWORD %s", mysql_literal(t->a, t->hash));
    return arena_printf(t->a, " IDENTIFIED WITH mysql_native_password AS %s",
                        mysql_literal(t->a, t->hash));
}

// " REQUIRE ..." of tls_requires, "" when it is not given.
static const char *tls_clause(const struct mysql_user *t)
{
    const struct value *v = dict_get(t->m->args, "tls_requires");
    struct value parts = value_list(t->a);
    struct dict_entry *it;
    if (!v || v->type != VALUE_DICT)
        return "";
    if (!v->u.dict->len)
        return " REQUIRE NONE";
    DICT_EACH(v->u.dict, it)
    {
        const char *key = value_to_cstr(t->a, &it->key);
        bool bare = strcasecmp(key, "SSL") == 0 || strcasecmp(key, "X509") == 0;
        list_add(parts.u.list,
                 bare ? value_cstr(key)
                      : value_strf(t->a, "%s %s", key,
                                   mysql_literal(t->a, value_to_cstr(t->a, &it->val))));
    }
    return arena_printf(t->a, " REQUIRE %s", text_join(t->a, parts.u.list, " AND "));
}

static int set_limits(struct mysql_user *t)
{
    const struct value *v = dict_get(t->m->args, "resource_limits");
    struct value parts = value_list(t->a);
    struct dict_entry *it;
    if (!v || v->type != VALUE_DICT || !v->u.dict->len)
        return 0;
    static const struct {
        const char *limit, *column;
    } columns[] = {{"MAX_QUERIES_PER_HOUR", "max_questions"},
                   {"MAX_UPDATES_PER_HOUR", "max_updates"},
                   {"MAX_CONNECTIONS_PER_HOUR", "max_connections"},
                   {"MAX_USER_CONNECTIONS", "max_user_connections"},
                   {"MAX_STATEMENT_TIME", "max_statement_time"}};
    bool differs = false;
    DICT_EACH(v->u.dict, it)
    {
        const char *key = value_to_cstr(t->a, &it->key), *want = value_to_cstr(t->a, &it->val);
        size_t i = 0;
        while (i < 5 && strcasecmp(columns[i].limit, key) != 0)
            i++;
        if (i == 5)
            return module_fail(t->m, "unknown resource limit %s", key);
        struct mysql_rows rows;
        if (mysql_query(
                &t->db, &rows,
                "SELECT CAST(%s AS DECIMAL) = %s FROM mysql.user WHERE user = %s AND host = "
                "%s;",
                columns[i].column, mysql_literal(t->a, want), mysql_literal(t->a, t->name),
                mysql_literal(t->a, t->host)) != 0)
            return ERR_FAILED;
        differs = differs || strcmp(mysql_field(&rows, 0, 0), "1") != 0;
        list_add(parts.u.list, value_strf(t->a, "%s %s", columns[i].limit, want));
    }
    if (!differs)
        return 0;
    return change(t, arena_printf(t->a, "ALTER USER %s WITH %s", account(t),
                                  text_join(t->a, parts.u.list, " ")));
}

// --- passwords

static int current_hash(struct mysql_user *t, const char **ret_plugin, const char **ret_hash)
{
    struct mysql_rows rows;
    const char *column = t->db.mariadb
                             ? "COALESCE(NULLIF(authentication_string, ''), NULLIF(Password, ''))"
                             : "authentication_string";
    if (mysql_query(&t->db, &rows,
                    "SELECT plugin, %s FROM mysql.user WHERE user = %s AND host = %s;", column,
                    mysql_literal(t->a, t->name), mysql_literal(t->a, t->host)) != 0)
        return ERR_FAILED;
    *ret_plugin = mysql_field(&rows, 0, 0);
    *ret_hash = mysql_field(&rows, 0, 1);
    return 0;
}

static int update_password(struct mysql_user *t)
{
    struct module *m = t->m;
    const char *plugin, *have, *wanted = module_str(m, "plugin");
    const char *hash = module_str(m, "plugin_hash_string");
    if (strcmp(module_str(m, "update_password"), "always") != 0 || (!t->hash && !wanted))
        return 0;
    if (current_hash(t, &plugin, &have) != 0)
        return ERR_FAILED;
    if (wanted) {
        const char *auth = module_str(m, "plugin_auth_string");
        if (strcmp(plugin, wanted) == 0 && (!hash || strcmp(have, hash) == 0) &&
            (!auth || strcmp(have, auth) == 0))
            return 0;
    } else if (strcmp(have, t->hash) == 0) {
        return 0;
    }
    t->password_changed = true;
    t->msg = m->check ? "Password updated" : "Password updated (new style)";
    if (!wanted && t->db.mariadb)
        return change(t, arena_printf(t->a, "SET PASSWORD FOR %s = %s", account(t),
                                      mysql_literal(t->a, t->hash)));
    return change(t, arena_printf(t->a, "ALTER USER %s%s", account(t), authentication(t)));
}

// --- privileges

static int current_privs(struct mysql_user *t, struct dict **ret)
{
    struct mysql_rows rows;
    *ret = value_dict(t->a).u.dict;
    if (mysql_query(&t->db, &rows, "SHOW GRANTS FOR %s;", account(t)) != 0)
        return ERR_FAILED;
    for (size_t i = 0; i < rows.rows->len; i++)
        mysql_privs_add_grant(t->a, mysql_field(&rows, i, 0),
                              module_bool(t->m, "column_case_sensitive"), *ret);
    return 0;
}

// The items of x that are not in y; GRANT is apart, since it is no privilege by itself.
static struct list *without(struct arena *a, const struct list *x, const struct list *y)
{
    struct list *l = value_list(a).u.list;
    for (size_t i = 0; x && i < x->len; i++)
        if ((!y || !text_list_has(y, x->items[i].u.str.s)) && !value_eqs(&x->items[i], "USAGE") &&
            !value_eqs(&x->items[i], "GRANT"))
            list_add(l, x->items[i]);
    return l;
}

static int grant(struct mysql_user *t, const char *target, const struct list *privs, bool option)
{
    const char *what = privs->len ? text_join(t->a, privs, ",") : "USAGE";
    t->msg = "Privileges updated";
    return change(t, arena_printf(t->a, "GRANT %s ON %s TO %s%s", what, target, account(t),
                                  option ? " WITH GRANT OPTION" : ""));
}

static int revoke(struct mysql_user *t, const char *target, const struct list *privs, bool option)
{
    t->msg = "Privileges updated";
    if (option &&
        change(t, arena_printf(t->a, "REVOKE GRANT OPTION ON %s FROM %s", target, account(t))) != 0)
        return ERR_FAILED;
    if (!privs->len)
        return 0;
    return change(t, arena_printf(t->a, "REVOKE %s ON %s FROM %s", text_join(t->a, privs, ","),
                                  target, account(t)));
}

// MySQL 8 lists every privilege where ALL was granted.
static bool is_all(const struct list *l)
{
    return text_list_has(l, "ALL") || (l->len > 25 && text_list_has(l, "CREATE TABLESPACE"));
}

static int adjust(struct mysql_user *t, const char *target, const struct list *have,
                  const struct list *want)
{
    bool append = module_bool(t->m, "append_privs"), subtract = module_bool(t->m, "subtract_privs");
    bool had_option = have && text_list_has(have, "GRANT");
    bool want_option = want && text_list_has(want, "GRANT");
    if (subtract) {
        struct list *gone = value_list(t->a).u.list;
        for (size_t i = 0; want && have && i < want->len; i++)
            if (text_list_has(have, want->items[i].u.str.s) &&
                !value_eqs(&want->items[i], "GRANT") && !value_eqs(&want->items[i], "USAGE"))
                list_add(gone, want->items[i]);
        bool option = want_option && had_option;
        return gone->len || option ? revoke(t, target, gone, option) : 0;
    }
    bool all = have && is_all(have);
    if (want && text_list_has(want, "ALL") && all)
        return want_option == had_option || (append && !want_option) ? 0
               : want_option                                         ? grant(t, target, want, true)
                             : revoke(t, target, value_list(t->a).u.list, true);
    struct list *more = all && append ? value_list(t->a).u.list : without(t->a, want, have);
    struct list *less = append ? value_list(t->a).u.list : without(t->a, have, want);
    bool drop_option = had_option && !want_option && !append;
    if ((less->len || drop_option) && revoke(t, target, less, drop_option) != 0)
        return ERR_FAILED;
    bool new_option = want_option && !had_option;
    return more->len || new_option ? grant(t, target, more, new_option) : 0;
}

static int update_privs(struct mysql_user *t)
{
    struct dict *have;
    struct dict_entry *it;
    if (!t->privs)
        return 0;
    if (current_privs(t, &have) != 0)
        return ERR_FAILED;
    bool keep = module_bool(t->m, "append_privs") || module_bool(t->m, "subtract_privs");
    DICT_EACH(have, it)
    if (!keep && strcmp(t->name, "root") != 0 && !dict_getv(t->privs, &it->key) &&
        adjust(t, it->key.u.str.s, it->val.u.list, NULL) != 0)
        return ERR_FAILED;
    DICT_EACH(t->privs, it)
    {
        const struct value *had = dict_getv(have, &it->key);
        if (adjust(t, it->key.u.str.s, had ? had->u.list : NULL, it->val.u.list) != 0)
            return ERR_FAILED;
    }
    return 0;
}

// --- the user as a whole

static int add_user(struct mysql_user *t)
{
    struct dict_entry *it;
    if (module_bool(t->m, "host_all"))
        return module_fail(t->m, "host_all parameter cannot be used when adding a user");
    t->msg = "User added";
    t->password_changed = t->hash || module_str(t->m, "plugin");
    if (change(t, arena_printf(t->a, "CREATE USER %s%s%s", account(t), authentication(t),
                               tls_clause(t))) != 0)
        return ERR_FAILED;
    if (t->m->check || module_bool(t->m, "subtract_privs"))
        return 0;
    if (t->privs)
        DICT_EACH(t->privs, it)
    if (adjust(t, it->key.u.str.s, NULL, it->val.u.list) != 0)
        return ERR_FAILED;
    t->msg = "User added";
    return set_limits(t);
}

static int update_tls(struct mysql_user *t)
{
    struct mysql_rows rows;
    const char *want = tls_clause(t);
    if (!*want || mysql_query(&t->db, &rows, "SHOW CREATE USER %s;", account(t)) != 0)
        return *want ? ERR_FAILED : 0;
    const char *have = strstr(mysql_field(&rows, 0, 0), " REQUIRE ");
    bool none = !have || text_after(have, " REQUIRE NONE");
    if (strcmp(want, " REQUIRE NONE") == 0 ? none : have && text_after(have, want))
        return 0;
    t->msg = "TLS requires updated";
    return change(t, arena_printf(t->a, "ALTER USER %s%s", account(t), want));
}

static int update_user(struct mysql_user *t)
{
    t->msg = "User unchanged";
    if (update_password(t) != 0 || update_privs(t) != 0 || update_tls(t) != 0)
        return ERR_FAILED;
    return set_limits(t);
}

// The hosts of the accounts to work on; none when there is no such account.
static int find_hosts(struct mysql_user *t, struct mysql_rows *rows)
{
    const char *more = module_bool(t->m, "host_all")
                           ? ""
                           : arena_printf(t->a, " AND host = %s", mysql_literal(t->a, t->host));
    return mysql_query(&t->db, rows, "SELECT host FROM mysql.user WHERE user = %s%s;",
                       mysql_literal(t->a, t->name), more);
}

static int present(struct mysql_user *t, const struct mysql_rows *hosts)
{
    if (!hosts->rows->len)
        return add_user(t);
    const char *said = "User unchanged";
    for (size_t i = 0; i < hosts->rows->len; i++) {
        t->host = mysql_field(hosts, i, 0);
        if (update_user(t) != 0)
            return ERR_FAILED;
        if (strcmp(t->msg, "User unchanged") != 0)
            said = t->msg;
    }
    t->msg = said;
    return 0;
}

static int absent(struct mysql_user *t, const struct mysql_rows *hosts)
{
    t->msg = hosts->rows->len ? "User deleted" : "User doesn't exist";
    for (size_t i = 0; i < hosts->rows->len; i++) {
        t->host = mysql_field(hosts, i, 0);
        if (change(t, arena_printf(t->a, "DROP USER %s", account(t))) != 0)
            return ERR_FAILED;
    }
    return 0;
}

static void set_prelude(struct mysql_user *t)
{
    const struct value *vars = dict_get(t->m->args, "session_vars");
    struct buf b = BUF_INIT;
    struct dict_entry *it;
    if (!module_bool(t->m, "sql_log_bin"))
        buf_adds(&b, "SET SQL_LOG_BIN=0;");
    if (vars && vars->type == VALUE_DICT)
        DICT_EACH(vars->u.dict, it)
    buf_addf(&b, "SET SESSION %s = %s;", mysql_identifier(t->a, value_to_cstr(t->a, &it->key)),
             it->val.type == VALUE_INT ? value_to_cstr(t->a, &it->val)
                                       : mysql_literal(t->a, value_to_cstr(t->a, &it->val)));
    t->db.prelude = arena_strdup(t->a, buf_str(&b));
    buf_release(&b);
}

static int read_arguments(struct mysql_user *t)
{
    struct module *m = t->m;
    const struct value *priv = dict_get(m->args, "priv");
    const char *password = module_str(m, "password");
    struct err e = ERR_INIT;
    if (password)
        t->hash = module_bool(m, "encrypted") ? password : native_hash(t->a, password);
    if (password && module_bool(m, "encrypted") && *password &&
        (*password != '*' || strlen(password) != 41))
        return module_fail(m, "The password given is no hash of mysql_native_password");
    if (priv && priv->type != VALUE_NULL &&
        mysql_privs_parse(t->a, priv, module_bool(m, "column_case_sensitive"), &t->privs, &e) != 0)
        return module_fail_err(m, &e);
    return 0;
}

int mod_mysql_user(struct module *m)
{
    struct mysql_user t = {.m = m,
                           .a = m->arena,
                           .name = module_str(m, "name"),
                           .host = module_str(m, "host"),
                           .msg = ""};
    struct mysql_rows hosts;
    if (read_arguments(&t) != 0 || mysql_open(&t.db, m) != 0)
        return ERR_FAILED;
    set_prelude(&t);
    if (find_hosts(&t, &hosts) != 0)
        return ERR_FAILED;
    bool is_present = strcmp(module_str(m, "state"), "present") == 0;
    if (is_present ? present(&t, &hosts) != 0 : absent(&t, &hosts) != 0)
        return ERR_FAILED;
    module_changed(m, t.changed);
    module_set_str(m, "user", t.name);
    module_set_str(m, "msg", t.msg);
    // nobody knows what the password of a user that is not added would have been
    module_set(m, "password_changed",
               m->check && is_present && !hosts.rows->len ? value_null()
                                                          : value_bool(t.password_changed));
    return 0;
}
