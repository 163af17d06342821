// postgresql_query: statements and their rows from a PostgreSQL database.
#include "node/modules.h"
#include "node/modules/postgres.h"
#include "node/text.h"

#include "core/json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct pg_task {
    struct postgres db;
    struct module *m;
    struct arena *a;
    const struct value *args; // list or dict to put into the statements; NULL: none
    struct list *asked;       // as the task gave them
    struct list *sql;         // with the arguments put in
    bool changed;
    int64_t rowcount;
};

// --- arguments in statements

// A text as an element of an array: quoted, since it may look like something else.
static void add_element(struct buf *b, const char *s)
{
    buf_addc(b, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_addc(b, '\\');
        buf_addc(b, *s);
    }
    buf_addc(b, '"');
}

// A list as PostgreSQL reads arrays: {1, "a"}.
static const char *array_text(struct arena *a, const struct list *l)
{
    struct buf b = BUF_INIT;
    buf_addc(&b, '{');
    for (size_t i = 0; i < l->len; i++) {
        const struct value *v = &l->items[i];
        buf_adds(&b, i ? ", " : "");
        if (v->type == VALUE_LIST)
            buf_adds(&b, array_text(a, v->u.list));
        else if (v->type == VALUE_STRING)
            add_element(&b, v->u.str.s);
        else
            buf_adds(&b, v->type == VALUE_NULL ? "NULL" : value_to_cstr(a, v));
    }
    buf_addc(&b, '}');
    const char *ret = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

static void add_argument(struct pg_task *t, struct buf *b, const struct value *v)
{
    switch ((int)v->type) {
    case VALUE_NULL:
        buf_adds(b, "NULL");
        return;
    case VALUE_BOOL:
        buf_adds(b, v->u.b ? "true" : "false");
        return;
    case VALUE_INT:
    case VALUE_FLOAT:
        buf_adds(b, value_to_cstr(t->a, v));
        return;
    case VALUE_LIST:
        buf_adds(b, postgres_literal(t->a, array_text(t->a, v->u.list)));
        return;
    default:
        buf_adds(b, postgres_literal(t->a, value_to_cstr(t->a, v)));
    }
}

// Puts the argument that s (behind a %) asks for into b; the rest of s, or NULL after module_fail.
static const char *place(struct pg_task *t, struct buf *b, const char *s, size_t *n)
{
    const struct value *v = NULL;
    if (*s == '%') {
        buf_addc(b, '%');
        return s + 1;
    }
    if (*s == '(' && t->args->type == VALUE_DICT) {
        const char *end = strstr(s, ")s");
        const char *key = end ? arena_strndup(t->a, s + 1, (size_t)(end - s - 1)) : "";
        v = dict_get(t->args->u.dict, key);
        s = end ? end + 2 : s;
        if (!v)
            module_fail(t->m, "the statement needs an argument '%s'", key);
    } else if (*s == 's' && t->args->type == VALUE_LIST && *n < t->args->u.list->len) {
        v = &t->args->u.list->items[(*n)++];
        s++;
    } else {
        module_fail(t->m, "the statement does not fit its arguments at '%%%s'", s);
    }
    if (!v)
        return NULL;
    add_argument(t, b, v);
    return s;
}

static const char *filled(struct pg_task *t, const char *sql)
{
    struct buf b = BUF_INIT;
    size_t n = 0;
    if (!t->args)
        return sql;
    for (const char *s = sql; s && *s;) {
        if (*s != '%') {
            buf_addc(&b, *s++);
            continue;
        }
        s = place(t, &b, s + 1, &n);
        if (!s) {
            buf_release(&b);
            return NULL;
        }
    }
    const char *ret = arena_strdup(t->a, buf_str(&b));
    buf_release(&b);
    return ret;
}

// --- values of columns

static struct value array_value(struct arena *a, const char *type, const char **s);

// A field of the type PostgreSQL names it by, as Python's driver would give it.
static struct value typed(struct arena *a, const char *type, const char *s)
{
    static const char *const integers[] = {"smallint", "integer", "bigint", "oid"};
    static const char *const floats[] = {"real", "double precision", "numeric"};
    size_t len = strlen(type);
    if (len > 2 && strcmp(type + len - 2, "[]") == 0)
        return array_value(a, arena_strndup(a, type, len - 2), &s);
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
        if (strcmp(type, integers[i]) == 0)
            return value_int(strtoll(s, NULL, 10));
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        if (strncmp(type, floats[i], strlen(floats[i])) == 0)
            return value_float(strtod(s, NULL));
    if (strcmp(type, "boolean") == 0)
        return value_bool(*s == 't');
    if (strcmp(type, "json") == 0 || strcmp(type, "jsonb") == 0) {
        struct value v;
        struct err e = ERR_INIT;
        if (json_parse(a, s, strlen(s), &v, &e) == 0)
            return v;
        err_release(&e);
    }
    if (strncmp(type, "timestamp", 9) == 0 && strlen(s) > 10 && s[10] == ' ') {
        char *iso =
            arena_printf(a, "%s%s", s, strlen(s) > 2 && s[strlen(s) - 3] == '+' ? ":00" : "");
        iso[10] = 'T';
        return value_cstr(iso);
    }
    return value_str(a, s);
}

// {1,2,{3}} up to its closing brace; *s is moved behind it.
static struct value array_value(struct arena *a, const char *type, const char **s)
{
    struct value l = value_list(a);
    if (**s != '{')
        return value_str(a, *s);
    ++*s;
    while (**s && **s != '}') {
        if (**s == '{') {
            list_add(l.u.list, array_value(a, type, s));
        } else {
            struct buf b = BUF_INIT;
            bool quoted = **s == '"';
            *s += quoted;
            while (**s && (quoted ? **s != '"' : **s != ',' && **s != '}')) {
                *s += **s == '\\' && (*s)[1];
                buf_addc(&b, *(*s)++);
            }
            *s += quoted && **s;
            bool null = !quoted && strcmp(buf_str(&b), "NULL") == 0;
            list_add(l.u.list, null ? value_null() : typed(a, type, arena_strdup(a, buf_str(&b))));
            buf_release(&b);
        }
        *s += **s == ',';
    }
    *s += **s == '}';
    return l;
}

// The rows of a result as dicts; types: what \gdesc told.
static struct value rows_of(struct arena *a, const struct pg_result *r,
                            const struct pg_result *types)
{
    struct value rows = value_list(a);
    if (!r->columns)
        return value_dict(a); // as Ansible's
    for (size_t i = 0; i < r->rows->len; i++) {
        struct value row = value_dict(a);
        for (size_t c = 0; c < r->columns->len; c++) {
            const char *text = postgres_field(r, i, c), *type = postgres_field(types, c, 1);
            dict_set(row.u.dict, value_to_cstr(a, &r->columns->items[c]),
                     text ? typed(a, type ? type : "text", text) : value_null());
        }
        list_add(rows.u.list, row);
    }
    return rows;
}

// --- running

// The statements of the task in the order they go to psql: around each its description, and all of
// them in a transaction.
static struct list *script_of(struct pg_task *t)
{
    const struct list *path = module_list(t->m, "search_path");
    bool autocommit = module_bool(t->m, "autocommit");
    struct list *l = value_list(t->a).u.list;
    list_add(l, value_cstr(autocommit ? "SELECT 1" : "BEGIN"));
    list_add(l, path && path->len
                    ? value_strf(t->a, "SET search_path TO %s", text_join(t->a, path, ","))
                    : value_cstr("SELECT 1"));
    for (size_t i = 0; i < t->sql->len; i++) {
        const char *sql = t->sql->items[i].u.str.s;
        char *bare = text_strip(arena_strdup(t->a, sql));
        size_t len = strlen(bare);
        while (len && (bare[len - 1] == ';' || isspace((unsigned char)bare[len - 1])))
            bare[--len] = '\0';
        // several statements in one cannot be described
        list_add(l, strchr(bare, ';') ? value_cstr("SELECT 1")
                                      : value_strf(t->a, "%s\n\\gdesc", bare));
        list_add(l, value_cstr(sql));
    }
    list_add(l, value_cstr(autocommit ? "SELECT 1" : t->m->check ? "ROLLBACK" : "COMMIT"));
    return l;
}

// What psql does not print a tag for is told by its first word.
static const char *status_of(struct arena *a, const char *sql, const struct pg_result *r)
{
    static const char *const words[] = {"SHOW", "EXPLAIN", "FETCH"};
    while (isspace((unsigned char)*sql))
        sql++;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncasecmp(sql, words[i], strlen(words[i])) == 0 && r->columns)
            return strcmp(words[i], "FETCH") == 0 ? arena_printf(a, "FETCH %zu", r->rows->len)
                                                  : words[i];
    return r->tag;
}

// Whether a command tag tells that something was changed.
static bool tag_changes(const char *tag)
{
    if (strstr(tag, "SELECT"))
        return false;
    if (!strstr(tag, "UPDATE") && !strstr(tag, "INSERT") && !strstr(tag, "DELETE"))
        return true;
    const char *count = strrchr(tag, ' ');
    return !count || strcmp(count, " 0") != 0;
}

static int64_t count_of(const char *tag)
{
    const char *last = strrchr(tag, ' ');
    return last && text_is_number(last + 1) ? strtoll(last + 1, NULL, 10) : 0;
}

static int run(struct pg_task *t)
{
    struct list *script = script_of(t);
    struct pg_result *results = arena_alloc(t->a, (script->len + 1) * sizeof *results);
    struct value all = value_list(t->a), last = value_dict(t->a);
    struct err e = ERR_INIT;
    const char *status = "";
    size_t done;
    if (postgres_run(&t->db, script, results, &done, &e) != 0) {
        size_t at = done < 2 ? 0 : (done - 2) / 2;
        const char *sql = at < t->asked->len ? t->asked->items[at].u.str.s : "";
        struct value list = {.type = VALUE_LIST, .u.list = t->asked};
        int rc = done < 2 ? module_fail(t->m, "%s", err_msg(&e))
                          : module_fail(t->m, "Cannot execute SQL '%s' %s: %s, query list: %s", sql,
                                        t->args ? value_to_cstr(t->a, t->args) : "None",
                                        err_msg(&e), value_to_cstr(t->a, &list));
        err_release(&e);
        return rc;
    }
    for (size_t i = 0; i < t->sql->len; i++) {
        const struct pg_result *types = &results[2 + 2 * i], *r = types + 1;
        status = status_of(t->a, t->sql->items[i].u.str.s, r);
        last = rows_of(t->a, r, types);
        list_add(all.u.list, last);
        t->rowcount += r->columns ? (int64_t)r->rows->len : count_of(status);
        t->changed = t->changed || tag_changes(status);
    }
    module_set_str(t->m, "statusmessage", status);
    module_set(t->m, "query_result", last);
    module_set(t->m, "query_all_results", all);
    module_set(t->m, "rowcount", value_int(t->rowcount));
    return 0;
}

// --- the task

// The script's statements: the whole, or one for each semicolon.
static int read_script(struct pg_task *t, const char *path)
{
    size_t len;
    char *text = text_read(t->a, path, &len), *one;
    if (!text)
        return module_fail(t->m, "Cannot read file '%s'", path);
    if (module_bool(t->m, "as_single_query") || !strchr(text, ';')) {
        list_add(t->asked, value_cstr(text));
        return 0;
    }
    while ((one = text_piece(&text, ';')))
        if (*text_strip(arena_strdup(t->a, one)))
            list_add(t->asked, value_cstr(one));
    return 0;
}

static int read_arguments(struct pg_task *t)
{
    struct module *m = t->m;
    const struct value *query = dict_get(m->args, "query");
    const char *path = module_str(m, "path_to_script");
    const struct list *positional = module_list(m, "positional_args");
    const struct value *named = dict_get(m->args, "named_args");
    bool given = query && value_truthy(query);
    if (given && query->type != VALUE_STRING && query->type != VALUE_LIST)
        return module_fail(m, "query argument must be of type string or list");
    if (module_bool(m, "autocommit") && m->check)
        return module_fail(m, "Using autocommit is mutually exclusive with check_mode");
    if (path && given)
        return module_fail(m, "path_to_script is mutually exclusive with query");
    if (positional && positional->len)
        t->args = dict_get(m->args, "positional_args");
    else if (named && named->type == VALUE_DICT && named->u.dict->len)
        t->args = named;
    if (path && read_script(t, path) != 0)
        return ERR_FAILED;
    if (given && query->type == VALUE_STRING)
        list_add(t->asked, *query);
    for (size_t i = 0; given && query->type == VALUE_LIST && i < query->u.list->len; i++)
        list_add(t->asked, value_cstr(value_to_cstr(t->a, &query->u.list->items[i])));
    for (size_t i = 0; i < t->asked->len; i++) {
        const char *sql = filled(t, t->asked->items[i].u.str.s);
        if (!sql)
            return ERR_FAILED;
        list_add(t->sql, value_cstr(sql));
    }
    return 0;
}

int mod_postgresql_query(struct module *m)
{
    struct pg_task t = {.m = m,
                        .a = m->arena,
                        .asked = value_list(m->arena).u.list,
                        .sql = value_list(m->arena).u.list};
    const char *database = module_str(m, "db");
    if (!database || !*database)
        module_warn(m, "Database name has not been passed, used default database to connect to.");
    if (read_arguments(&t) != 0 || postgres_open(&t.db, m, database) != 0)
        return ERR_FAILED;
    t.db.encoding = module_str(m, "encoding");
    if (run(&t) != 0)
        return ERR_FAILED;
    module_changed(m, t.changed);
    module_set_str(m, "query", t.sql->len ? t.sql->items[t.sql->len - 1].u.str.s : "");
    module_set(m, "query_list", (struct value){.type = VALUE_LIST, .u.list = t.asked});
    return 0;
}
