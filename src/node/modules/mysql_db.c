// mysql_db: databases of a MySQL or MariaDB server, their dumps and imports.
#include "node/modules.h"
#include "node/journal.h"
#include "node/modules/mysql_journal.h"
#include "node/text.h"

#include <string.h>

struct mysql_task {
    struct mysql db;
    struct module *m;
    struct arena *a;
    const struct list *names;
    const char *state, *target;
    bool all;
    struct value commands;
};

static bool state_is(const struct mysql_task *t, const char *state)
{
    return strcmp(t->state, state) == 0;
}

static int find_existing(struct mysql_task *t, struct list **ret)
{
    struct mysql_rows rows;
    *ret = value_list(t->a).u.list;
    if (mysql_query(&t->db, &rows, "SHOW DATABASES;") != 0)
        return ERR_FAILED;
    for (size_t i = 0; i < rows.rows->len; i++)
        list_add(*ret, value_cstr(mysql_field(&rows, i, 0)));
    return 0;
}

static int create(struct mysql_task *t, const char *name)
{
    const char *encoding = module_str(t->m, "encoding"), *collation = module_str(t->m, "collation");
    const char *sql = arena_printf(t->a, "CREATE DATABASE %s", mysql_identifier(t->a, name));
    if (*encoding)
        sql = arena_printf(t->a, "%s CHARACTER SET %s", sql, mysql_literal(t->a, encoding));
    if (*collation)
        sql = arena_printf(t->a, "%s COLLATE %s", sql, mysql_literal(t->a, collation));
    list_add(t->commands.u.list, value_cstr(sql));
    if (!t->m->check && mysql_journal(t->m, "mysql_db", name) < 0)
        return ERR_FAILED;
    return t->m->check ? 0 : mysql_query(&t->db, NULL, "%s;", sql);
}

static int drop(struct mysql_task *t, const char *name)
{
    const char *sql = arena_printf(t->a, "DROP DATABASE %s", mysql_identifier(t->a, name));
    list_add(t->commands.u.list, value_cstr(sql));
    return t->m->check ? 0 : mysql_query(&t->db, NULL, "%s;", sql);
}

static int create_or_drop(struct mysql_task *t, const struct list *existing, bool present)
{
    bool changed = false;
    for (size_t i = 0; i < t->names->len; i++) {
        const char *name = t->names->items[i].u.str.s;
        if (text_list_has(existing, name) == present)
            continue;
        if ((present ? create(t, name) : drop(t, name)) != 0)
            return ERR_FAILED;
        changed = true;
    }
    module_changed(t->m, changed);
    return 0;
}

// --- dumps

// The program that packs or unpacks the target, by the end of its name; NULL for plain SQL.
static const char *packer(const struct mysql_task *t)
{
    static const struct {
        const char *end, *program;
    } table[] = {{".gz", "gzip"}, {".bz2", "bzip2"}, {".xz", "xz"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (text_ends(t->target, table[i].end))
            return table[i].program;
    return NULL;
}

static const char *quoted(const struct mysql_task *t, const struct argv *argv)
{
    struct value words = value_list(t->a);
    for (size_t i = 0; i < argv->n; i++)
        list_add(words.u.list, value_cstr(shlex_quote(t->a, argv->v[i])));
    return text_join(t->a, words.u.list, " ");
}

// Runs a line of the shell; its own text is what executed_commands shows.
static int run_line(struct mysql_task *t, const char *line)
{
    struct module *m = t->m;
    const char *shell = module_bool(m, "pipefail") ? "bash" : "sh";
    struct argv argv = argv_of(t->a, shell, NULL);
    struct output o;
    argv_line(m, &argv, module_bool(m, "pipefail") ? "-o pipefail -c" : "-c");
    argv_add(&argv, line);
    struct proc_opts opts = {.cwd = module_str(m, "chdir"), .clean_lang = true, .live = m->live};
    list_add(t->commands.u.list, value_cstr(line));
    if (command_run(m, &argv, &opts, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return module_fail(m, "%s", *o.err ? o.err : o.out);
    module_set_str(m, "msg", o.out);
    return 0;
}

static int dump(struct mysql_task *t)
{
    static const struct {
        const char *param, *option;
    } flags[] = {{"force", "--force"},
                 {"single_transaction", "--single-transaction=true"},
                 {"quick", "--quick"},
                 {"hex_blob", "--hex-blob"},
                 {"skip_lock_tables", "--skip-lock-tables"}};
    struct module *m = t->m;
    const char *program = proc_which(t->a, "mysqldump"), *pack = packer(t);
    const struct list *ignored = module_list(m, "ignore_tables");
    if (!program)
        program = proc_which(t->a, "mariadb-dump");
    if (!program)
        return proc_fail_missing(m, "mysqldump");
    struct argv argv = argv_of(t->a, program, NULL);
    mysql_add_login(&t->db, &argv, module_bool(m, "restrict_config_file"));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (module_bool(m, flags[i].param))
            argv_add(&argv, flags[i].option);
    if (*module_str(m, "encoding"))
        argv_addf(&argv, "--default-character-set=%s", module_str(m, "encoding"));
    if (module_int(m, "master_data", 0))
        argv_addf(&argv, "--master-data=%d", (int)module_int(m, "master_data", 0));
    for (size_t i = 0; i < ignored->len; i++)
        argv_addf(&argv, "--ignore-table=%s", ignored->items[i].u.str.s);
    if (t->all)
        argv_add(&argv, "--all-databases");
    else if (t->names->len > 1)
        argv_add(&argv, "--databases");
    for (size_t i = 0; !t->all && i < t->names->len; i++)
        argv_add(&argv, t->names->items[i].u.str.s);
    const char *line = quoted(t, &argv);
    if (module_str(m, "dump_extra_args"))
        line = arena_printf(t->a, "%s %s", line, module_str(m, "dump_extra_args"));
    if (pack)
        line = arena_printf(t->a, "%s | %s", line, pack);
    return run_line(t, arena_printf(t->a, "%s > %s", line, shlex_quote(t->a, t->target)));
}

static int import(struct mysql_task *t)
{
    struct module *m = t->m;
    const char *pack = packer(t), *from = shlex_quote(t->a, t->target);
    struct argv argv = argv_of(t->a, t->db.client, NULL);
    if (!text_exists(t->target))
        return module_fail(m, "target %s does not exist on the host", t->target);
    mysql_add_login(&t->db, &argv, module_bool(m, "restrict_config_file"));
    if (module_bool(m, "force"))
        argv_add(&argv, "--force");
    if (*module_str(m, "encoding"))
        argv_addf(&argv, "--default-character-set=%s", module_str(m, "encoding"));
    if (!t->all) {
        argv_add(&argv, "--one-database");
        argv_add(&argv, t->names->items[0].u.str.s);
    }
    const char *line = quoted(t, &argv);
    return run_line(t, pack ? arena_printf(t->a, "%s -dc %s | %s", pack, from, line)
                            : arena_printf(t->a, "%s < %s", line, from));
}

// Every database of the task must be there to be dumped.
static int check_there(struct mysql_task *t, const struct list *existing)
{
    struct value missing = value_list(t->a);
    for (size_t i = 0; i < t->names->len; i++)
        if (!text_list_has(existing, t->names->items[i].u.str.s))
            list_add(missing.u.list, value_strf(t->a, "'%s'", t->names->items[i].u.str.s));
    if (t->all || !missing.u.list->len)
        return 0;
    return module_fail(t->m, "Cannot dump database(s) %s - not found",
                       text_join(t->a, missing.u.list, ", "));
}

static int dump_or_import(struct mysql_task *t, const struct list *existing)
{
    bool dumps = state_is(t, "dump");
    if (dumps && check_there(t, existing) != 0)
        return ERR_FAILED;
    module_changed(t->m, true);
    if (t->m->check)
        return 0;
    for (size_t i = 0; !dumps && !t->all && i < t->names->len; i++)
        if (!text_list_has(existing, t->names->items[i].u.str.s) &&
            create(t, t->names->items[i].u.str.s) != 0)
            return ERR_FAILED;
    if (dumps && journal_path(t->m, t->target, NULL) < 0)
        return ERR_FAILED;
    return dumps ? dump(t) : import(t);
}

static int check_arguments(const struct mysql_task *t)
{
    bool dumps = state_is(t, "dump"), imports = state_is(t, "import");
    if ((dumps || imports) && !t->target)
        return module_fail(t->m, "with state=%s target is required", t->state);
    if (t->all && !dumps && !imports)
        return module_fail(t->m,
                           "name is not allowed to equal 'all' unless state equals import, or "
                           "dump.");
    if (imports && t->names->len > 1)
        return module_fail(t->m, "Multiple databases are not supported when state=import");
    return 0;
}

int mod_mysql_db(struct module *m)
{
    struct mysql_task t = {.m = m,
                           .a = m->arena,
                           .names = module_list(m, "name"),
                           .state = module_str(m, "state"),
                           .target = module_str(m, "target"),
                           .commands = value_list(m->arena)};
    struct list *existing;
    t.all = text_list_has(t.names, "all");
    if (check_arguments(&t) != 0 || mysql_open(&t.db, m) != 0 || find_existing(&t, &existing) != 0)
        return ERR_FAILED;
    bool files = state_is(&t, "dump") || state_is(&t, "import");
    if (files ? dump_or_import(&t, existing) != 0
              : create_or_drop(&t, existing, state_is(&t, "present")) != 0)
        return ERR_FAILED;
    struct value names = {.type = VALUE_LIST};
    names.u.list = dict_get(m->args, "name")->u.list;
    module_set_str(m, "db", t.all ? "all" : text_join(m->arena, t.names, " "));
    module_set(m, "db_list", names);
    if (!m->check)
        module_set(m, "executed_commands", t.commands);
    return 0;
}
