// Statements through psql, and reading what it prints.
#include "node/modules/postgres.h"
#include "node/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// What psql is told to print between results, rows and fields, and for null.
#define MARK_TABLE '\x1c'
#define MARK_NULL "\x1d"
#define MARK_ROW '\x1e'
#define MARK_FIELD '\x1f'
#define MARK_DONE "\x1d\x1d\x1d" // on a line of its own behind each statement

const char *postgres_literal(struct arena *a, const char *s)
{
    struct buf b = BUF_INIT;
    if (strchr(s, '\\'))
        buf_addc(&b, 'E');
    buf_addc(&b, '\'');
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\')
            buf_addc(&b, *s);
        buf_addc(&b, *s);
    }
    buf_addc(&b, '\'');
    const char *ret = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

const char *postgres_identifier(struct arena *a, const char *name)
{
    struct buf b = BUF_INIT;
    buf_addc(&b, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_addc(&b, '"');
        buf_addc(&b, *name);
    }
    buf_addc(&b, '"');
    const char *ret = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

struct list *postgres_split(struct arena *a, const char *s, bool upper)
{
    struct list *l = value_list(a).u.list;
    char *cursor = arena_strdup(a, s), *one;
    while ((one = text_piece(&cursor, ','))) {
        if (upper)
            for (char *c = one; *c; c++)
                *c = (char)toupper((unsigned char)*c);
        list_add(l, value_cstr(one));
    }
    return l;
}

// --- logging in

// A value of a connection string, quoted.
static void add_setting(struct buf *b, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    buf_addf(b, "%s%s='", b->len ? " " : "", key);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_addc(b, '\\');
        buf_addc(b, *value);
    }
    buf_addc(b, '\'');
}

static void add_more_settings(struct postgres *db, struct buf *b)
{
    const struct value *v = dict_get(db->m->args, "connect_params");
    struct dict_entry *it;
    if (!v || v->type != VALUE_DICT)
        return;
    DICT_EACH(v->u.dict, it)
    {
        const char *key = value_to_cstr(db->a, &it->key);
        if (strcmp(key, "password") == 0)
            dict_set(db->env, "PGPASSWORD", value_cstr(value_to_cstr(db->a, &it->val)));
        else
            add_setting(b, strcmp(key, "database") == 0 ? "dbname" : key,
                        value_to_cstr(db->a, &it->val));
    }
}

static const char *login_of(struct postgres *db, const char *database)
{
    struct module *m = db->m;
    const char *host = module_str(m, "login_host"), *socket = module_str(m, "login_unix_socket");
    struct buf b = BUF_INIT;
    if ((!*host || strcmp(host, "localhost") == 0) && socket && *socket)
        host = socket;
    add_setting(&b, "dbname", database);
    add_setting(&b, "host", host);
    buf_addf(&b, "%sport=%lld", b.len ? " " : "", (long long)module_int(m, "port", 5432));
    add_setting(&b, "user", module_str(m, "login_user"));
    add_setting(&b, "sslmode", module_str(m, "ssl_mode"));
    add_setting(&b, "sslrootcert", module_str(m, "ca_cert"));
    add_setting(&b, "sslcert", module_str(m, "ssl_cert"));
    add_setting(&b, "sslkey", module_str(m, "ssl_key"));
    add_more_settings(db, &b);
    const char *ret = arena_strdup(db->a, buf_str(&b));
    buf_release(&b);
    return ret;
}

int postgres_open(struct postgres *db, struct module *m, const char *database)
{
    const char *password = module_str(m, "login_password");
    *db = (struct postgres){.m = m, .a = m->arena, .env = value_dict(m->arena).u.dict};
    db->client = proc_which(m->arena, "psql");
    if (!db->client)
        return proc_fail_missing(m, "psql");
    if (password && *password)
        dict_set(db->env, "PGPASSWORD", value_cstr(password));
    dict_set(db->env, "PGCONNECT_TIMEOUT", value_cstr("60"));
    db->login = login_of(db, database);
    return 0;
}

// --- reading what psql prints

static struct value field_of(struct arena *a, const char *s, size_t len)
{
    if (len == 1 && *s == *MARK_NULL)
        return value_null();
    return value_strn(a, s, len);
}

static struct list *split_row(struct arena *a, const char *s, size_t len)
{
    struct list *row = value_list(a).u.list;
    const char *end = s + len;
    for (;;) {
        const char *stop = memchr(s, MARK_FIELD, (size_t)(end - s));
        if (!stop)
            stop = end;
        list_add(row, field_of(a, s, (size_t)(stop - s)));
        if (stop == end)
            return row;
        s = stop + 1;
    }
}

// Rows up to end; the first holds the names.
static void parse_table(struct arena *a, const char *s, const char *end, struct pg_result *ret)
{
    ret->columns = NULL;
    ret->rows = value_list(a).u.list;
    for (;;) {
        const char *stop = memchr(s, MARK_ROW, (size_t)(end - s));
        if (!stop)
            stop = end;
        struct list *row = split_row(a, s, (size_t)(stop - s));
        if (!ret->columns)
            ret->columns = row;
        else
            list_add(ret->rows, (struct value){.type = VALUE_LIST, .u.list = row});
        if (stop == end)
            return;
        s = stop + 1;
    }
}

// The line of a command tag at the end of the text, which is cut off; NULL when there is none.
static const char *cut_tag(struct arena *a, const char *s, const char **end, bool after_table)
{
    static const char *const counted[] = {"INSERT ", "UPDATE ", "DELETE ", "MERGE "};
    const char *line = *end;
    while (line > s && line[-1] != '\n')
        line--;
    bool is_tag = !after_table && line < *end;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        is_tag = is_tag || (line > s && text_after(line, counted[i]));
    if (!is_tag)
        return NULL;
    const char *tag = arena_strndup(a, line, (size_t)(*end - line));
    *end = line > s ? line - 1 : line;
    return tag;
}

// What one statement printed: the last table in it and the last tag. One newline ends it; others
// belong to the last field.
static void parse_result(struct arena *a, const char *s, const char *end, struct pg_result *ret)
{
    const char *table = NULL;
    *ret = (struct pg_result){.tag = ""};
    if (end > s && end[-1] == '\n')
        end--;
    for (const char *c = s; c < end; c++)
        if (*c == MARK_TABLE)
            table = c;
    const char *tag = cut_tag(a, table ? table : s, &end, table != NULL);
    if (table) {
        const char *rows = table + 1 < end && table[1] == MARK_ROW ? table + 2 : table + 1;
        parse_table(a, rows, end, ret);
    }
    ret->tag = tag ? tag : table ? arena_printf(a, "SELECT %zu", ret->rows->len) : "";
}

static size_t parse_results(struct arena *a, const char *out, struct pg_result *results, size_t n)
{
    size_t done = 0;
    for (const char *end; done < n && (end = strstr(out, MARK_DONE)); done++) {
        parse_result(a, out, end, &results[done]);
        out = end + strlen(MARK_DONE);
        out += *out == '\n';
    }
    return done;
}

// The server's message without psql's own words.
static const char *message_of(struct arena *a, const char *said)
{
    const char *error = strstr(said, "ERROR:  ");
    const char *failed = text_after(said, "psql: error: ");
    char *text = arena_strdup(a, error ? error + 8 : failed ? failed : said);
    return text_strip(text);
}

// --- running

static const char *script_of(struct postgres *db, const struct list *sql)
{
    const char *role = module_str(db->m, "session_role");
    struct buf b = BUF_INIT;
    if (db->encoding)
        buf_addf(&b, "\\encoding '%s'\n", db->encoding);
    buf_addf(&b, "%s%s;\n\\echo " MARK_DONE "\n", role && *role ? "SET ROLE " : "SELECT 1",
             role && *role ? postgres_identifier(db->a, role) : "");
    for (size_t i = 0; i < sql->len; i++)
        buf_addf(&b, "%s\n;\n\\echo " MARK_DONE "\n", sql->items[i].u.str.s);
    const char *ret = arena_strdup(db->a, buf_str(&b));
    buf_release(&b);
    return ret;
}

int postgres_run(struct postgres *db, const struct list *sql, struct pg_result *results,
                 size_t *ret_done, struct err *e)
{
    struct argv argv = argv_of(db->a, db->client, "--no-psqlrc", "--no-password", NULL);
    struct output o;
    argv_line(db->m, &argv, "-v ON_ERROR_STOP=1 -P format=unaligned -P footer=off -P pager=off -d");
    argv_add(&argv, db->login);
    argv_addf(&argv, "--pset=title=%c", MARK_TABLE);
    argv_addf(&argv, "--pset=null=%s", MARK_NULL);
    argv_addf(&argv, "--pset=fieldsep=%c", MARK_FIELD);
    argv_addf(&argv, "--pset=recordsep=%c", MARK_ROW);
    const char *text = script_of(db, sql);
    struct proc_opts opts = {
        .stdin_data = text, .stdin_len = strlen(text), .clean_lang = true, .env = db->env};
    struct pg_result *all = arena_alloc(db->a, (sql->len + 1) * sizeof *all);
    *ret_done = 0;
    if (command_run(db->m, &argv, &opts, &o) != 0)
        return err_set(e, ERR_FAILED, POS_NONE, "%s", dict_str(db->m->result, "msg", ""));
    size_t done = parse_results(db->a, o.out, all, sql->len + 1);
    *ret_done = done ? done - 1 : 0;
    if (results)
        memcpy(results, all + 1, *ret_done * sizeof *all);
    if (o.rc == 0 && done == sql->len + 1)
        return 0;
    const char *said = message_of(db->a, o.err);
    if (o.rc == 2) // psql could not connect
        return err_set(e, ERR_FAILED, POS_NONE, "unable to connect to database: %s", said);
    if (done == 0)
        return err_set(e, ERR_FAILED, POS_NONE, "Could not switch role: %s", said);
    return err_set(e, ERR_FAILED, POS_NONE, "%s", said);
}

int postgres_query(struct postgres *db, struct pg_result *ret, const char *fmt, ...)
{
    struct err e = ERR_INIT;
    struct value sql = value_list(db->a);
    size_t done;
    va_list ap;
    va_start(ap, fmt);
    list_add(sql.u.list, value_cstr(arena_vprintf(db->a, fmt, ap)));
    va_end(ap);
    return postgres_run(db, sql.u.list, ret, &done, &e) == 0 ? 0 : module_fail_err(db->m, &e);
}

const char *postgres_field(const struct pg_result *r, size_t row, size_t col)
{
    const struct list *l = r->rows && row < r->rows->len ? r->rows->items[row].u.list : NULL;
    return l && col < l->len && l->items[col].type == VALUE_STRING ? l->items[col].u.str.s : NULL;
}
