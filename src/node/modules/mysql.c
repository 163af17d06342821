// Queries through the mysql client.
#include "node/modules/mysql.h"
#include "node/text.h"

#include <string.h>
#include <unistd.h>

// --- the file with the credentials

// A value in an option file: quoted, so that blanks and # stay.
static void add_setting(struct buf *b, const char *key, const char *value)
{
    if (!value)
        return;
    buf_addf(b, "%s=\"", key);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            buf_addc(b, '\\');
        buf_addc(b, *value);
    }
    buf_adds(b, "\"\n");
}

static int write_defaults(struct mysql *db, bool implicit)
{
    struct module *m = db->m;
    const char *config = module_str(m, "config_file"), *host = module_str(m, "login_host");
    const char *socket = module_str(m, "login_unix_socket");
    bool has_config = config && *config && access(config, R_OK) == 0;
    bool defer = has_config && module_bool(m, "config_overrides_defaults");
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    int64_t port = module_int(m, "login_port", 3306);
    int fd = host_tmpfile(m, NULL, &db->defaults, &e);
    if (fd < 0)
        return module_fail_err(m, &e);
    if (has_config && !implicit)
        buf_addf(&b, "!include %s\n", config);
    buf_adds(&b, "[client]\n");
    add_setting(&b, "user", implicit ? "root" : module_str(m, "login_user"));
    add_setting(&b, "password", implicit ? "" : module_str(m, "login_password"));
    add_setting(&b, "socket", socket);
    if (!socket && !(defer && strcmp(host, "localhost") == 0))
        add_setting(&b, "host", host);
    if (!socket && strcmp(host, "localhost") != 0 && !(defer && port == 3306))
        buf_addf(&b, "port=%lld\n", (long long)port);
    add_setting(&b, "ssl-ca", module_str(m, "ca_cert"));
    add_setting(&b, "ssl-cert", module_str(m, "client_cert"));
    add_setting(&b, "ssl-key", module_str(m, "client_key"));
    buf_addf(&b, "[mysql]\nconnect-timeout=%lld\n",
             (long long)module_int(m, "connect_timeout", 30));
    bool ok = write(fd, b.p, b.len) == (ssize_t)b.len;
    buf_release(&b);
    close(fd);
    return ok ? 0 : module_fail(m, "cannot write %s", db->defaults);
}

void mysql_add_login(const struct mysql *db, struct argv *argv, bool only)
{
    argv_addf(argv, only ? "--defaults-file=%s" : "--defaults-extra-file=%s", db->defaults);
}

// --- queries

// Undoes the client's escapes; NULL stands for the value without one.
static struct value field_value(struct arena *a, const char *s, size_t len)
{
    if (len == 4 && memcmp(s, "NULL", 4) == 0)
        return value_null();
    char *out = arena_alloc(a, len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] != '\\' || i + 1 >= len) {
            out[n++] = s[i];
            continue;
        }
        char c = s[++i];
        out[n++] = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c);
    }
    return value_ref(out, n);
}

static void parse_rows(struct arena *a, const char *text, struct mysql_rows *ret)
{
    ret->rows = value_list(a).u.list;
    while (*text) {
        struct value row = value_list(a);
        size_t len = strcspn(text, "\n");
        const char *end = text + len;
        for (const char *s = text; s <= end;) {
            size_t n = strcspn(s, "\t\n");
            if (s + n > end)
                n = (size_t)(end - s);
            list_add(row.u.list, field_value(a, s, n));
            s += n + 1;
        }
        list_add(ret->rows, row);
        text = *end ? end + 1 : end;
    }
}

int mysql_try(struct mysql *db, const char *sql, struct mysql_rows *ret, struct err *e)
{
    struct argv argv = argv_of(db->a, db->client, NULL);
    struct output o;
    mysql_add_login(db, &argv, true);
    argv_line(db->m, &argv, "--batch --skip-column-names --default-character-set=utf8mb4");
    if (module_bool(db->m, "force_context"))
        argv_add(&argv, "mysql");
    const char *text = arena_printf(db->a, "%s%s", db->prelude ? db->prelude : "", sql);
    struct proc_opts opts = {.stdin_data = text, .stdin_len = strlen(text), .clean_lang = true};
    if (command_run(db->m, &argv, &opts, &o) != 0)
        return err_set(e, ERR_FAILED, POS_NONE, "%s", dict_str(db->m->result, "msg", ""));
    if (o.rc != 0) {
        char *said = arena_strdup(db->a, o.err);
        return err_set(e, ERR_FAILED, POS_NONE, "%s", text_strip(said));
    }
    if (ret)
        parse_rows(db->a, o.out, ret);
    return 0;
}

int mysql_query(struct mysql *db, struct mysql_rows *ret, const char *fmt, ...)
{
    struct err e = ERR_INIT;
    va_list ap;
    va_start(ap, fmt);
    const char *sql = arena_vprintf(db->a, fmt, ap);
    va_end(ap);
    return mysql_try(db, sql, ret, &e) == 0 ? 0 : module_fail_err(db->m, &e);
}

const char *mysql_field(const struct mysql_rows *rows, size_t row, size_t col)
{
    const struct list *l = row < rows->rows->len ? rows->rows->items[row].u.list : NULL;
    return l && col < l->len && l->items[col].type == VALUE_STRING ? l->items[col].u.str.s : "";
}

const char *mysql_literal(struct arena *a, const char *s)
{
    struct buf b = BUF_INIT;
    buf_addc(&b, '\'');
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\')
            buf_addc(&b, '\\');
        buf_addc(&b, *s);
    }
    buf_addc(&b, '\'');
    const char *ret = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

const char *mysql_identifier(struct arena *a, const char *name)
{
    struct buf b = BUF_INIT;
    buf_addc(&b, '`');
    for (; *name; name++) {
        if (*name == '`')
            buf_addc(&b, '`');
        buf_addc(&b, *name);
    }
    buf_addc(&b, '`');
    const char *ret = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

// --- logging in

static int ask_version(struct mysql *db, struct err *e)
{
    struct mysql_rows rows;
    if (mysql_try(db, "SELECT VERSION();", &rows, e) != 0)
        return ERR_FAILED;
    db->version = mysql_field(&rows, 0, 0);
    db->mariadb = strstr(db->version, "MariaDB") != NULL;
    return 0;
}

int mysql_open(struct mysql *db, struct module *m)
{
    struct err e = ERR_INIT;
    *db = (struct mysql){.m = m, .a = m->arena};
    db->client = proc_which(m->arena, "mysql");
    if (!db->client)
        db->client = proc_which(m->arena, "mariadb");
    if (!db->client)
        return proc_fail_missing(m, "mysql");
    if (module_bool(m, "check_implicit_admin")) {
        if (write_defaults(db, true) != 0)
            return ERR_FAILED;
        if (ask_version(db, &e) == 0)
            return 0;
        err_release(&e);
        dict_del(m->result, "failed");
        dict_del(m->result, "msg");
    }
    if (write_defaults(db, false) != 0)
        return ERR_FAILED;
    if (ask_version(db, &e) == 0)
        return 0;
    const char *config = module_str(m, "config_file");
    int rc = module_fail(m,
                         "unable to connect to database, check login_user and login_password are "
                         "correct or %s has the credentials. Exception message: %s",
                         config ? config : "", err_msg(&e));
    err_release(&e);
    return rc;
}
