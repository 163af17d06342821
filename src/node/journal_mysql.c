// Accounts, databases and variables of a MySQL or MariaDB server for the journal. Things are named
// with what it takes to log in, "'bob'@'localhost' (config_file=/root/.my.cnf)", but for a
// password, which is not kept.
#include "node/journal_kinds.h"
#include "node/modules/mysql_journal.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>

static const char *const login_keys[] = {"config_file", "login_unix_socket", "login_user",
                                         "login_host", "login_port"};
#define NO_SUCH_GRANT "1141" // the server's error for an account that is not there
#define LOGIN_KEYS (sizeof login_keys / sizeof *login_keys)

// --- logging in

// A module of its own, for what mysql_open wants of one: its failures are not the task's.
static struct module guest(struct module *m, struct value args)
{
    struct module sub = *m;
    sub.args = args.u.dict;
    sub.result = value_dict(m->arena).u.dict;
    sub.journal = NULL;
    sub.recorded = NULL;
    return sub;
}

static int open_as(struct mysql *db, struct module *sub, struct err *e)
{
    if (mysql_open(db, sub) == 0)
        return 0;
    return err_set(e, ERR_FAILED, POS_NONE, "%s", dict_str(sub->result, "msg", "no login"));
}

// "THING (KEY=VALUE, ..)" of the task's own login.
static const char *name_of(struct module *m, const char *thing)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < LOGIN_KEYS; i++) {
        const char *s = module_str(m, login_keys[i]);
        bool usual =
            s && ((strcmp(login_keys[i], "login_host") == 0 && strcmp(s, "localhost") == 0) ||
                  (strcmp(login_keys[i], "login_port") == 0 && strcmp(s, "3306") == 0));
        if (s && *s && !usual)
            buf_addf(&b, "%s%s=%s", b.len ? ", " : " (", login_keys[i], s);
    }
    const char *name = arena_printf(m->arena, "%s%s%s", thing, buf_str(&b), b.len ? ")" : "");
    buf_release(&b);
    return name;
}

// The login behind a name; *ret_thing is what stands in front.
static struct value login_of(struct arena *a, const char *name, const char **ret_thing)
{
    struct value args = value_dict(a);
    const char *open = strstr(name, " (");
    for (const char *next = open; next && (next = strstr(next + 1, " ("));)
        open = next;
    dict_set(args.u.dict, "login_host", value_cstr("localhost"));
    *ret_thing =
        open && text_ends(name, ")") ? arena_strndup(a, name, (size_t)(open - name)) : name;
    if (*ret_thing == name)
        return args;
    char *c = arena_strndup(a, open + 2, strlen(open) - 3);
    for (char *one; (one = text_piece(&c, ','));) {
        one = text_strip(one);
        char *eq = strchr(one, '=');
        if (!eq)
            continue;
        *eq = '\0';
        struct value v = value_cstr(eq + 1);
        if (strcmp(one, "login_port") == 0)
            v = value_int(strtoll(eq + 1, NULL, 10));
        dict_set(args.u.dict, one, v);
    }
    return args;
}

struct server {
    struct module sub;
    struct mysql db;
    const char *thing;
};

static int open_server(struct server *s, struct module *m, const char *name, struct err *e)
{
    s->sub = guest(m, login_of(m->arena, name, &s->thing));
    return open_as(&s->db, &s->sub, e);
}

static int run(struct server *s, const char *sql, struct err *e)
{
    return mysql_try(&s->db, sql, NULL, e);
}

int mysql_journal(struct module *m, const char *kind, const char *thing)
{
    struct server s;
    struct err e = ERR_INIT;
    if (!m->journal)
        return 0;
    const char *name = name_of(m, thing);
    if (open_server(&s, m, name, &e) == 0 &&
        strcmp(journal_kind(kind)->state(m, name, NULL), "unknown") != 0)
        return journal_thing(m, kind, name, NULL, NULL);
    err_release(&e);
    journal_lost(m, thing,
                 "the server does not tell what it is without the task's login_password, which is "
                 "not kept");
    return 0;
}

// --- accounts

// Adds what the server answers, a line each.
static int ask(struct server *s, const char *what, struct buf *b, struct err *e)
{
    struct mysql_rows rows;
    if (mysql_try(&s->db, arena_printf(s->db.a, "%s %s;", what, s->thing), &rows, e) != 0)
        return ERR_FAILED;
    for (size_t i = 0; i < rows.rows->len; i++)
        buf_addf(b, "%s\n", mysql_field(&rows, i, 0));
    return 0;
}

// CREATE USER and GRANT statements that make the account as it is, a line each; "" without one,
// NULL where the server does not tell (before MySQL 5.7 and MariaDB 10.2).
static const char *statements(struct server *s)
{
    struct err e = ERR_INIT;
    struct buf create = BUF_INIT, grants = BUF_INIT;
    const char *text = NULL;
    if (ask(s, "SHOW GRANTS FOR", &grants, &e) != 0)
        text = strstr(err_msg(&e), "ERROR " NO_SUCH_GRANT " ") ? "" : NULL;
    else if (ask(s, "SHOW CREATE USER", &create, &e) == 0)
        text = arena_printf(s->db.a, "%s%s", buf_str(&create), buf_str(&grants));
    err_release(&e);
    buf_release(&create);
    buf_release(&grants);
    return text;
}

static const char *user_state(struct module *m, const char *name, struct buf *keep)
{
    struct server s;
    struct err e = ERR_INIT;
    const char *text = open_server(&s, m, name, &e) == 0 ? statements(&s) : NULL;
    err_release(&e);
    if (keep && text)
        buf_adds(keep, text);
    return !text ? "unknown" : *text ? journal_digest(m->arena, text) : "-";
}

static void user_check(struct module *m, const struct journal_log *log,
                       const struct journal_entry *en, struct list *conflicts)
{
    const char *now = user_state(m, en->name, NULL);
    (void)log;
    if (strcmp(now, "unknown") == 0)
        list_add(conflicts, value_strf(m->arena, "the server does not tell what %s is", en->name));
    else if (en->after && strcmp(now, en->after) != 0 && strcmp(now, en->was) != 0)
        list_add(conflicts, value_strf(m->arena, "the account %s was changed since", en->name));
}

// The account is there and other than it was: it keeps its name and gets all else anew.
static int user_alter(struct server *s, const char *create, struct err *e)
{
    struct arena *a = s->db.a;
    const char *rest = text_after(create, "CREATE USER ");
    if (!rest)
        return err_set(e, ERR_INVALID, POS_NONE, "the record of %s is damaged", s->thing);
    if (run(s, arena_printf(a, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM %s;", s->thing), e) != 0)
        return ERR_FAILED;
    return run(s, arena_printf(a, "ALTER USER %s;", rest), e);
}

static int user_restore(struct module *m, const struct journal_log *log,
                        const struct journal_entry *en, struct err *e)
{
    struct server s;
    (void)log;
    if (open_server(&s, m, en->name, e) != 0 ||
        journal_thing(m, "mysql_user", en->name, NULL, e) < 0)
        return ERR_FAILED;
    const char *now = statements(&s);
    bool there = now && *now;
    if (!now || strcmp(en->was, "unknown") == 0)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE, "the server does not tell what %s is",
                       s.thing);
    if (strcmp(en->was, "-") == 0)
        return there ? run(&s, arena_printf(m->arena, "DROP USER %s;", s.thing), e) : 0;
    char *c = arena_strndup(m->arena, en->raw, en->raw_len), *line = text_line(&c);
    if (!line)
        return err_set(e, ERR_INVALID, POS_NONE, "the record of %s is damaged", en->name);
    int rc = there ? user_alter(&s, line, e) : run(&s, arena_printf(m->arena, "%s;", line), e);
    while (rc == 0 && (line = text_line(&c)))
        rc = run(&s, arena_printf(m->arena, "%s;", line), e);
    now = rc == 0 ? statements(&s) : NULL;
    if (rc == 0 && (!now || strcmp(journal_digest(m->arena, now), en->was) != 0))
        rc = err_set(e, ERR_FAILED, POS_NONE, "the server did not take all of %s back", en->name);
    return rc;
}

// --- databases, of which only those that the run made can go again

static int count_tables(struct server *s, long *ret, struct err *e)
{
    struct mysql_rows rows;
    struct arena *a = s->db.a;
    const char *sql = arena_printf(a,
                                   "SELECT (SELECT COUNT(*) FROM information_schema.schemata "
                                   "WHERE schema_name = %s), (SELECT COUNT(*) FROM "
                                   "information_schema.tables WHERE table_schema = %s);",
                                   mysql_literal(a, s->thing), mysql_literal(a, s->thing));
    if (mysql_try(&s->db, sql, &rows, e) != 0)
        return ERR_FAILED;
    bool there = strcmp(mysql_field(&rows, 0, 0), "0") != 0;
    *ret = there ? strtol(mysql_field(&rows, 0, 1), NULL, 10) : -1;
    return 0;
}

static const char *db_state(struct module *m, const char *name, struct buf *keep)
{
    struct server s;
    struct err e = ERR_INIT;
    long tables = -1;
    (void)keep;
    int rc = open_server(&s, m, name, &e);
    if (rc == 0)
        rc = count_tables(&s, &tables, &e);
    err_release(&e);
    return rc != 0 ? "unknown" : tables < 0 ? "-" : "there";
}

static void db_check(struct module *m, const struct journal_log *log,
                     const struct journal_entry *en, struct list *conflicts)
{
    struct server s;
    struct err e = ERR_INIT;
    long tables = -1;
    (void)log;
    if (open_server(&s, m, en->name, &e) != 0 || count_tables(&s, &tables, &e) != 0)
        list_add(conflicts, value_strf(m->arena, "database %s: %s", en->name, err_msg(&e)));
    else if (tables > 0 && strcmp(en->was, "-") == 0)
        list_add(conflicts, value_strf(m->arena, "database %s would go with %ld table%s in it",
                                       en->name, tables, tables == 1 ? "" : "s"));
    err_release(&e);
}

static int db_restore(struct module *m, const struct journal_log *log,
                      const struct journal_entry *en, struct err *e)
{
    struct server s;
    (void)log;
    if (open_server(&s, m, en->name, e) != 0)
        return ERR_FAILED;
    if (strcmp(en->was, "-") != 0)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE, "what the database held is gone");
    journal_lost(m, en->name, "a dropped database does not come back");
    return run(&s, arena_printf(m->arena, "DROP DATABASE %s;", mysql_identifier(m->arena, s.thing)),
               e);
}

// --- variables

static const char *variable_state(struct module *m, const char *name, struct buf *keep)
{
    struct server s;
    struct mysql_rows rows;
    struct err e = ERR_INIT;
    (void)keep;
    int rc = open_server(&s, m, name, &e);
    if (rc == 0)
        rc = mysql_try(&s.db,
                       arena_printf(m->arena, "SHOW GLOBAL VARIABLES WHERE Variable_name = %s;",
                                    mysql_literal(m->arena, s.thing)),
                       &rows, &e);
    err_release(&e);
    return rc == 0 && rows.rows->len ? mysql_field(&rows, 0, 1) : "unknown";
}

static int variable_restore(struct module *m, const struct journal_log *log,
                            const struct journal_entry *en, struct err *e)
{
    struct server s;
    (void)log;
    if (open_server(&s, m, en->name, e) != 0 ||
        journal_thing(m, "mysql_variable", en->name, NULL, e) < 0)
        return ERR_FAILED;
    bool number = *en->was && strspn(en->was, "0123456789.") == strlen(en->was);
    const char *name = mysql_identifier(m->arena, s.thing);
    return run(&s,
               arena_printf(m->arena, "SET GLOBAL %s = %s;", name,
                            number ? en->was : mysql_literal(m->arena, en->was)),
               e);
}

static const struct journal_kind kinds[] = {
    {"mysql_db", db_state, NULL, db_check, db_restore, "drop database", NULL, false},
    {"mysql_user", user_state, NULL, user_check, user_restore, "put back the database user", NULL,
     false},
    {"mysql_variable", variable_state, NULL, NULL, variable_restore, "put back the server's", NULL,
     false},
};

const struct journal_kinds journal_kinds_mysql = {kinds, sizeof kinds / sizeof *kinds};
