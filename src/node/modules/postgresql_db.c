// postgresql_db: databases of a PostgreSQL server, their dumps and restores.
#include "node/modules.h"
#include "node/modules/postgres.h"
#include "node/text.h"

#include <string.h>
#include <unistd.h>

struct pg_database {
    struct postgres db;
    struct module *m;
    struct arena *a;
    const char *name, *target;
    struct value commands;
    bool changed;
};

// What a row of pg_database tells; in the order of the query.
enum column { OWNER, ENCODING, SAME_ENCODING, COLLATE, CTYPE, LIMIT, TABLESPACE };

static int change(struct pg_database *t, const char *sql)
{
    struct err e = ERR_INIT;
    struct value all = value_list(t->a);
    size_t done;
    t->changed = true;
    if (t->m->check)
        return 0;
    list_add(t->commands.u.list, value_cstr(sql));
    list_add(all.u.list, value_cstr(sql));
    if (postgres_run(&t->db, all.u.list, NULL, &done, &e) == 0)
        return 0;
    int rc = module_fail(t->m, "Database query failed: %s", err_msg(&e));
    err_release(&e);
    return rc;
}

static const char *quoted(const struct pg_database *t, const char *param)
{
    return postgres_identifier(t->a, module_str(t->m, param));
}

static int find(struct pg_database *t, const char *name, struct pg_result *ret)
{
    return postgres_query(
        &t->db, ret,
        "SELECT rolname, pg_encoding_to_char(encoding), pg_char_to_encoding(%s) = encoding, "
        "datcollate, datctype, datconnlimit, spcname FROM pg_database JOIN pg_roles ON "
        "pg_roles.oid = datdba JOIN pg_tablespace ON pg_tablespace.oid = dattablespace WHERE "
        "datname = %s",
        postgres_literal(t->a, module_str(t->m, "encoding")), postgres_literal(t->a, name));
}

// --- present and absent

static int create(struct pg_database *t)
{
    static const struct {
        const char *param, *clause;
        enum { IDENTIFIER, LITERAL, BARE } how;
    } parts[] = {{"owner", "OWNER", IDENTIFIER},          {"template", "TEMPLATE", IDENTIFIER},
                 {"encoding", "ENCODING", LITERAL},       {"lc_collate", "LC_COLLATE", LITERAL},
                 {"lc_ctype", "LC_CTYPE", LITERAL},       {"tablespace", "TABLESPACE", IDENTIFIER},
                 {"conn_limit", "CONNECTION LIMIT", BARE}};
    const char *sql = arena_printf(t->a, "CREATE DATABASE %s", postgres_identifier(t->a, t->name));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *value = module_str(t->m, parts[i].param);
        if (!*value)
            continue;
        const char *text = parts[i].how == IDENTIFIER ? postgres_identifier(t->a, value)
                           : parts[i].how == LITERAL  ? postgres_literal(t->a, value)
                                                      : value;
        sql = arena_printf(t->a, "%s %s %s", sql, parts[i].clause, text);
    }
    return change(t, sql);
}

static bool differs(const struct pg_database *t, const char *param, const struct pg_result *have,
                    enum column column)
{
    const char *want = module_str(t->m, param), *is = postgres_field(have, 0, column);
    return *want && (!is || strcmp(want, is) != 0);
}

// What a database cannot be changed in. In check mode that only counts as a difference.
static int refuse(struct pg_database *t, const struct pg_result *have)
{
    const char *what = NULL, *is = NULL;
    if (*module_str(t->m, "encoding") && strcmp(postgres_field(have, 0, SAME_ENCODING), "t") != 0) {
        what = "Changing database encoding is not supported. Current encoding: ";
        is = postgres_field(have, 0, ENCODING);
    } else if (differs(t, "lc_collate", have, COLLATE)) {
        what = "Changing LC_COLLATE is not supported. Current LC_COLLATE: ";
        is = postgres_field(have, 0, COLLATE);
    } else if (differs(t, "lc_ctype", have, CTYPE)) {
        what = "Changing LC_CTYPE is not supported.Current LC_CTYPE: ";
        is = postgres_field(have, 0, CTYPE);
    }
    if (!what)
        return 0;
    t->changed = true;
    return t->m->check ? 0 : module_fail(t->m, "%s%s", what, is);
}

static int alter(struct pg_database *t, const struct pg_result *have)
{
    const char *name = postgres_identifier(t->a, t->name);
    if (refuse(t, have) != 0)
        return ERR_FAILED;
    if (differs(t, "owner", have, OWNER) &&
        change(t, arena_printf(t->a, "ALTER DATABASE %s OWNER TO %s", name, quoted(t, "owner"))))
        return ERR_FAILED;
    if (differs(t, "conn_limit", have, LIMIT) &&
        change(t, arena_printf(t->a, "ALTER DATABASE %s CONNECTION LIMIT %s", name,
                               module_str(t->m, "conn_limit"))))
        return ERR_FAILED;
    if (differs(t, "tablespace", have, TABLESPACE))
        return change(t, arena_printf(t->a, "ALTER DATABASE %s SET TABLESPACE %s", name,
                                      quoted(t, "tablespace")));
    return 0;
}

static int present(struct pg_database *t)
{
    struct pg_result have;
    if (find(t, t->name, &have) != 0)
        return ERR_FAILED;
    return have.rows->len ? alter(t, &have) : create(t);
}

static int absent(struct pg_database *t)
{
    struct pg_result have;
    if (find(t, t->name, &have) != 0)
        return ERR_FAILED;
    if (!have.rows->len)
        return 0;
    return change(t, arena_printf(t->a, "DROP DATABASE %s%s", postgres_identifier(t->a, t->name),
                                  module_bool(t->m, "force") ? " WITH (FORCE)" : ""));
}

static int rename_it(struct pg_database *t)
{
    struct pg_result source, target;
    if (find(t, t->name, &source) != 0 || find(t, t->target, &target) != 0)
        return ERR_FAILED;
    if (source.rows->len && target.rows->len)
        return module_fail(t->m, "Both the source and the target databases exist.");
    if (!source.rows->len && !target.rows->len)
        return module_fail(t->m, "The source and the target databases do not exist.");
    if (!source.rows->len)
        return 0;
    return change(t, arena_printf(t->a, "ALTER DATABASE %s RENAME TO %s",
                                  postgres_identifier(t->a, t->name),
                                  postgres_identifier(t->a, t->target)));
}

// --- dump and restore

// How a target is written and read, by the end of its name.
struct format {
    const char *end, *option, *pack, *unpack;
};

static const struct format *format_of(const char *target)
{
    static const struct format table[] = {{".tar", "t", NULL, NULL},
                                          {".pgc", "c", NULL, NULL},
                                          {".dir", "d", NULL, NULL},
                                          {".gz", NULL, "gzip", "zcat"},
                                          {".bz2", NULL, "bzip2", "bzcat"},
                                          {".xz", NULL, "xz", "xzcat"},
                                          {"", NULL, NULL, NULL}};
    const struct format *f = table;
    while (!text_ends(target, f->end))
        f++;
    return f;
}

static const char *login_flags(const struct pg_database *t)
{
    const char *host = module_str(t->m, "login_host"), *flags = "";
    const char *socket = module_str(t->m, "login_unix_socket");
    if ((!*host || strcmp(host, "localhost") == 0) && *socket)
        host = socket;
    if (*host)
        flags = arena_printf(t->a, " --host=%s", shlex_quote(t->a, host));
    return arena_printf(t->a, "%s --port=%lld --username=%s", flags,
                        (long long)module_int(t->m, "port", 5432),
                        shlex_quote(t->a, module_str(t->m, "login_user")));
}

// Runs a line of the shell; a failure inside of a pipe counts.
static int run_line(struct pg_database *t, const char *line, bool piped)
{
    struct module *m = t->m;
    struct argv argv = argv_of(t->a, piped ? "bash" : "sh", NULL);
    struct output o;
    argv_line(m, &argv, piped ? "-o pipefail -c" : "-c");
    argv_add(&argv, line);
    struct proc_opts opts = {.clean_lang = true, .env = t->db.env, .live = m->live};
    list_add(t->commands.u.list, value_cstr(line));
    if (command_run(m, &argv, &opts, &o) != 0)
        return ERR_FAILED;
    module_set(m, "rc", value_int(o.rc));
    module_set_str(m, "cmd", line);
    module_set_str(m, o.rc ? "stdout" : "stderr", o.rc ? o.out : o.err);
    t->changed = true;
    if (o.rc != 0)
        return module_fail(m, "%s", o.err);
    module_set_str(m, "msg", o.out);
    return 0;
}

static const char *with_arguments(const struct pg_database *t, const char *line, const char *param)
{
    const char *more = module_str(t->m, param);
    return more && *more ? arena_printf(t->a, "%s %s ", line, more) : line;
}

static int dump(struct pg_database *t)
{
    const struct format *f = format_of(t->target);
    const char *program = proc_which(t->a, "pg_dump"), *to = shlex_quote(t->a, t->target);
    if (!program)
        return proc_fail_missing(t->m, "pg_dump");
    const char *line =
        arena_printf(t->a, "%s %s%s", program, shlex_quote(t->a, t->name), login_flags(t));
    if (f->option)
        line = arena_printf(t->a, "%s --format=%s", line, f->option);
    line = with_arguments(t, with_arguments(t, line, "dump_extra_args"), "target_opts");
    if (f->pack)
        return run_line(t, arena_printf(t->a, "%s | %s > %s", line, f->pack, to), true);
    bool folder = f->option && *f->option == 'd';
    return run_line(t, arena_printf(t->a, "%s %s %s", line, folder ? "-f" : ">", to), false);
}

static int restore(struct pg_database *t)
{
    const struct format *f = format_of(t->target);
    const char *name = f->option ? "pg_restore" : "psql", *from = shlex_quote(t->a, t->target);
    const char *program = proc_which(t->a, name);
    if (!program)
        return proc_fail_missing(t->m, name);
    if (!text_exists(t->target))
        return module_fail(t->m, "%s does not exist on the host", t->target);
    const char *line =
        arena_printf(t->a, "%s --dbname=%s%s", program, shlex_quote(t->a, t->name), login_flags(t));
    if (f->option)
        line = arena_printf(t->a, "%s --format=%s", line, f->option);
    line = with_arguments(t, line, "target_opts");
    if (f->unpack)
        return run_line(t, arena_printf(t->a, "%s %s | %s", f->unpack, from, line), true);
    bool folder = f->option && *f->option == 'd';
    return run_line(t, arena_printf(t->a, "%s %s %s", line, folder ? "" : "<", from), false);
}

// --- the task

static int check_arguments(struct pg_database *t)
{
    if (strcmp(module_str(t->m, "state"), "rename") != 0)
        return 0;
    if (!*module_str(t->m, "target"))
        return module_fail(
            t->m, "The \"target\" option must be defined when the \"rename\" option is used.");
    if (strcmp(t->name, t->target) == 0)
        return module_fail(t->m,
                           "The \"name/db\" option and the \"target\" option cannot be the same.");
    if (strcmp(module_str(t->m, "maintenance_db"), t->name) == 0)
        return module_fail(
            t->m, "The \"maintenance_db\" option and the \"name/db\" option cannot be the same.");
    return 0;
}

int mod_postgresql_db(struct module *m)
{
    static const struct {
        const char *state;
        int (*run)(struct pg_database *t);
        bool changes_files; // and is left alone in check mode
    } states[] = {{"absent", absent, false},
                  {"dump", dump, true},
                  {"present", present, false},
                  {"rename", rename_it, false},
                  {"restore", restore, true}};
    struct pg_database t = {.m = m,
                            .a = m->arena,
                            .name = module_str(m, "db"),
                            .target = module_str(m, "target"),
                            .commands = value_list(m->arena)};
    size_t i = 0;
    while (strcmp(states[i].state, module_str(m, "state")) != 0)
        i++;
    if (check_arguments(&t) != 0)
        return ERR_FAILED;
    if (!*t.target) {
        char cwd[4096];
        if (!getcwd(cwd, sizeof cwd))
            return module_fail(m, "cannot tell the current folder");
        t.target = arena_printf(t.a, "%s/%s.sql", cwd, t.name);
    }
    if (postgres_open(&t.db, m, module_str(m, "maintenance_db")) != 0)
        return ERR_FAILED;
    bool left_alone = states[i].changes_files && m->check;
    if (!left_alone && states[i].run(&t) != 0)
        return ERR_FAILED;
    module_changed(m, t.changed);
    if (!states[i].changes_files || m->check)
        module_set_str(m, "db", t.name);
    module_set(m, "executed_commands", t.commands);
    return 0;
}
