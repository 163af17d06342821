// Modules that are not andon's own: the arguments and the interpreter Ansible would give them, and
// the program on its way to the host.
#include "run/foreign.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_TEXT ((size_t)256 << 20)
#define JSON_MARK "<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"

const struct plugin_module *foreign_module(struct exec *x)
{
    if (!x->run->o.plugins || x->task->implicit || *x->task->module == '_')
        return NULL;
    return plugins_module(x->run->o.plugins, x->task->action, playbook_collections(&x->task->n));
}

// --- arguments
// -------------------------------------------------------------------------------------------------

static void put(struct exec *x, struct dict *d, const char *name, struct value v)
{
    const char *key = arena_printf(x->a, "_ansible_%s", name);
    // of these some are newer than the installed Ansible
    if (plugins_knows_argument(x->run->o.plugins, name))
        dict_set(d, key, v);
}

static const char *remote_tmp(struct exec *x)
{
    const char *s = exec_var_str(target_exec(x), "ansible_remote_tmp");
    if (!s)
        s = config_str(x->run->o.config, CONFIG_REMOTE_TMP);
    // its default is a folder that Ansible makes by itself before; /tmp is there already
    return !s || strcmp(s, "~/.ansible/tmp") == 0 ? "/tmp" : s;
}

// The task's arguments with those that Ansible adds for its own use.
static struct dict *all_args(struct exec *x, const struct dict *args, const char *version)
{
    const struct config *c = x->run->o.config;
    struct dict *d = value_dict(x->a).u.dict;
    const char *facility = exec_var_str(x, "ansible_syslog_facility");
    dict_update(d, args);
    put(x, d, "check_mode", value_bool(x->check));
    put(x, d, "no_log", value_bool(x->no_log || config_bool(c, CONFIG_NO_TARGET_SYSLOG)));
    put(x, d, "debug", value_bool(config_bool(c, CONFIG_DEBUG)));
    put(x, d, "diff", value_bool(x->diff));
    put(x, d, "verbosity", value_int(x->run->o.verbosity));
    put(x, d, "version", value_cstr(version ? version : "2.14.18"));
    put(x, d, "module_name", value_cstr(x->task->action));
    put(x, d, "syslog_facility",
        value_cstr(facility ? facility : config_str(c, CONFIG_SYSLOG_FACILITY)));
    put(x, d, "selinux_special_fs", *config_get(c, CONFIG_SELINUX_SPECIAL_FS));
    put(x, d, "string_conversion_action", value_cstr(config_str(c, CONFIG_STRING_CONVERSION)));
    put(x, d, "socket", value_null());
    put(x, d, "shell_executable", value_cstr("/bin/sh"));
    put(x, d, "keep_remote_files", value_bool(false));
    put(x, d, "tmpdir", value_null());
    put(x, d, "remote_tmp", value_cstr(remote_tmp(x)));
    return d;
}

static struct value json_text(struct exec *x, struct dict *d, const char *around)
{
    struct buf b = BUF_INIT;
    struct value v = {.type = VALUE_DICT, .u.dict = d};
    if (around)
        buf_addf(&b, "{\"%s\": ", around);
    json_write(&b, &v, &(struct json_opts){.ascii = true});
    buf_adds(&b, around ? "}" : "");
    struct value s = value_strn(x->a, buf_str(&b), b.len);
    buf_release(&b);
    return s;
}

// ASCII text as a literal of Python.
static struct value python_literal(struct exec *x, const struct value *s, const char *prefix)
{
    struct buf b = BUF_INIT;
    buf_addf(&b, "%s'", prefix);
    for (size_t i = 0; i < s->u.str.len; i++) {
        char c = s->u.str.s[i];
        if (c == '\\' || c == '\'')
            buf_addc(&b, '\\');
        buf_addc(&b, c);
    }
    buf_addc(&b, '\'');
    struct value v = value_strn(x->a, buf_str(&b), b.len);
    buf_release(&b);
    return v;
}

static bool is_safe_word(const char *s)
{
    return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:"
                             ",./-")] == '\0';
}

// key=value words, for modules of the oldest kind.
static struct value words_text(struct exec *x, const struct dict *d)
{
    struct buf b = BUF_INIT;
    struct dict_entry *it;
    DICT_EACH(d, it)
    {
        const char *s = value_to_cstr(x->a, &it->val);
        buf_addf(&b, "%s=", value_to_cstr(x->a, &it->key));
        if (is_safe_word(s)) {
            buf_addf(&b, "%s ", s);
            continue;
        }
        buf_addc(&b, '\'');
        for (; *s; s++)
            buf_adds(&b, *s == '\'' ? "'\"'\"'" : (const char[]){*s, '\0'});
        buf_adds(&b, "' ");
    }
    struct value v = value_strn(x->a, buf_str(&b), b.len);
    buf_release(&b);
    return v;
}

// --- interpreter
// -------------------------------------------------------------------------------------------------

static bool is_discovery(const char *s)
{
    return !*s || strcmp(s, "auto") == 0 || strcmp(s, "auto_legacy") == 0 ||
           strcmp(s, "auto_silent") == 0 || strcmp(s, "auto_legacy_silent") == 0;
}

// The Python of the host: named, found before, or NULL and the way to find it in *ret_mode.
static const char *host_python(struct exec *x, const char **ret_mode)
{
    struct exec *t = target_exec(x);
    const char *s = exec_var_str(t, "ansible_python_interpreter");
    if (!s && t->h->implicit)
        s = exec_var_str(t, "ansible_playbook_python");
    if (!s)
        s = config_str(x->run->o.config, CONFIG_INTERPRETER_PYTHON);
    if (s && !is_discovery(s))
        return s;
    const struct value *known = dict_get(t->h->facts.d, "discovered_interpreter_python");
    if (known && known->type == VALUE_STRING && known->u.str.len)
        return known->u.str.s;
    *ret_mode = s && *s ? s : "auto";
    return NULL;
}

// Sets interpreter and, where a Python is to be looked for, discover.
static void add_interpreter(struct exec *x, const struct plugin_module *m, struct dict *extra)
{
    const char *line = m->interpreter, *mode = NULL;
    if (m->style == STYLE_BINARY)
        return;
    if (!*line)
        line = "/usr/bin/python";
    size_t n = strcspn(line, " \t");
    const char *program = arena_strndup(x->a, line, n), *rest = line + n + strspn(line + n, " \t");
    const char *name = path_base(program), *other;
    if (strcmp(name, "python") == 0)
        other = host_python(x, &mode);
    else
        other = exec_var_str(target_exec(x), arena_printf(x->a, "ansible_%s_interpreter", name));
    if (mode)
        dict_set(extra, "discover", value_cstr(mode));
    else
        rest = arena_printf(x->a, "%s%s%s", other ? other : program, *rest ? " " : "", rest);
    dict_set(extra, "interpreter", value_cstr(rest));
}

// --- the program
// -------------------------------------------------------------------------------------------------

struct shipment {
    struct dict *extra;
    struct conn_source source;
};

static void ship_text(struct exec *x, struct shipment *s, const char *text, size_t len)
{
    char hex[HASH_HEX_MAX];
    hash_hex(HASH_SHA256, text, len, hex);
    dict_set(s->extra, "digest", value_str(x->a, hex));
    dict_set(s->extra, "once", value_bool(true)); // it holds the arguments
    s->source = (struct conn_source){.data = text, .len = len};
}

static void ship_payload(struct exec *x, const struct plugin_module *m,
                         const struct plugin_payload *p, struct shipment *s)
{
    struct stat st = {0};
    dict_set(s->extra, "digest", value_str(x->a, p->digest));
    s->source = (struct conn_source){.data = p->data, .len = p->len};
    if (!p->data && stat(m->path, &st) == 0)
        s->source = (struct conn_source){.path = m->path, .len = (size_t)st.st_size};
}

static int pack_python(struct exec *x, const struct plugin_module *m, const struct dict *args,
                       struct shipment *s, struct err *e)
{
    struct plugins *p = x->run->o.plugins;
    const struct plugin_payload *payload;
    int rc = plugins_assemble(p, m, &payload, e);
    if (rc < 0)
        return rc;
    struct dict *all = all_args(x, args, payload->version);
    if (payload->has_gap) {
        struct value json = json_text(x, all, "ANSIBLE_MODULE_ARGS");
        dict_set(s->extra, "literal", python_literal(x, &json, ""));
        dict_set(s->extra, "gap", value_int((int64_t)payload->gap));
        ship_payload(x, m, payload, s);
        return 0;
    }
    struct plugin_payload whole;
    rc = plugins_assemble_with(p, m, all, x->a, &whole, e);
    if (rc == 0) {
        dict_set(s->extra, "literal", value_cstr(""));
        ship_text(x, s, whole.data, whole.len);
    }
    return rc;
}

static void replace_all(struct buf *b, const char *s, size_t len, const char *what,
                        const struct value *with)
{
    const char *end = s + len;
    for (const char *hit; (hit = memmem(s, (size_t)(end - s), what, strlen(what)));
         s = hit + strlen(what)) {
        buf_add(b, s, (size_t)(hit - s));
        buf_add(b, with->u.str.s, with->u.str.len);
    }
    buf_add(b, s, (size_t)(end - s));
}

// A module with marks in its text where arguments and settings go.
static int pack_marked(struct exec *x, const struct plugin_module *m, const struct dict *args,
                       struct shipment *s, struct err *e)
{
    struct value json = json_text(x, all_args(x, args, NULL), NULL);
    struct value version = value_cstr("2.14.18"), bytes = python_literal(x, &json, "b");
    struct buf list = BUF_INIT;
    const struct list *fs = config_list(x->run->o.config, CONFIG_SELINUX_SPECIAL_FS);
    for (size_t i = 0; i < fs->len; i++)
        buf_addf(&list, "%s%s", i ? "," : "", fs->items[i].u.str.s);
    struct value special = value_strn(x->a, buf_str(&list), list.len);
    buf_release(&list);
    version = python_literal(x, &version, "");
    const struct {
        const char *mark;
        const struct value *with;
    } marks[] = {{"\"<<ANSIBLE_VERSION>>\"", &version},
                 {"\"<<INCLUDE_ANSIBLE_MODULE_COMPLEX_ARGS>>\"", &bytes},
                 {"<<SELINUX_SPECIAL_FILESYSTEMS>>", &special},
                 {JSON_MARK, &json}};
    char *text;
    size_t len;
    int rc = file_read(x->a, m->path, MAX_TEXT, &text, &len, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        struct buf b = BUF_INIT;
        replace_all(&b, text, len, marks[i].mark, marks[i].with);
        text = arena_strndup(x->a, buf_str(&b), b.len);
        len = b.len;
        buf_release(&b);
    }
    ship_text(x, s, text, len);
    return 0;
}

static int pack_file(struct exec *x, const struct plugin_module *m, const struct dict *args,
                     struct shipment *s, struct err *e)
{
    const struct plugin_payload *payload;
    int rc = plugins_assemble(x->run->o.plugins, m, &payload, e);
    if (rc < 0)
        return rc;
    struct dict *all = all_args(x, args, NULL);
    dict_set(s->extra, "arguments",
             m->style == STYLE_OLD ? words_text(x, all) : json_text(x, all, NULL));
    ship_payload(x, m, payload, s);
    return 0;
}

static int pack(struct exec *x, const struct plugin_module *m, const struct dict *args,
                struct shipment *s, struct err *e)
{
    int rc = plugins_check(x->run->o.plugins, m, e);
    if (rc < 0)
        return rc;
    s->extra = value_dict(x->a).u.dict;
    dict_set(s->extra, "name", value_cstr(m->name));
    dict_set(s->extra, "file", value_cstr(path_base(m->path)));
    dict_set(s->extra, "host", value_cstr(x->target->name));
    add_interpreter(x, m, s->extra);
    if (m->style == STYLE_PYTHON)
        return pack_python(x, m, args, s, e);
    return m->style == STYLE_JSONARGS ? pack_marked(x, m, args, s, e) : pack_file(x, m, args, s, e);
}

int action_foreign(struct exec *x, const struct plugin_module *m, struct dict *args,
                   struct dict *job, struct value *result)
{
    struct shipment s = {0};
    struct err e = ERR_INIT;
    struct value raw = value_dict(x->a);
    int64_t start = clock_mono_ms();
    int rc = pack(x, m, args, &s, &e);
    if (rc < 0) {
        action_fail(x, result, "%s", task_error(x, "", &e, x->task->n.pos));
        err_release(&e);
        return rc;
    }
    struct module_call c = {.module = "_foreign",
                            .args = value_dict(x->a).u.dict,
                            .extra = s.extra,
                            .sources = &s.source,
                            .n_sources = 1,
                            .async = job};
    rc = exec_module(x, &c, &raw);
    plugins_count(x->run->o.plugins, "module", m->name, (double)(clock_mono_ms() - start) / 1000.0);
    if (rc < 0 || !dict_get(raw.u.dict, "stdout"))
        *result = raw; // it did not come to run
    else
        foreign_result(x, raw.u.dict, result);
    return rc;
}
