// Which variables there are: every way in which content defines one, wherever it stands, and the
// names that Ansible sets itself.
#include "check/internal.h"

#include "playbook/kv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 60

// Set by Ansible whatever content says; sorted.
static const char *const fixed[] = {
    "ansible_check_mode", "ansible_play_batch",
    "ansible_play_hosts", "ansible_play_hosts_all",
    "ansible_version",    "groups",
    "hostvars",           "playbook_dir",
    "role_name",          "role_path",
};

// Names that exist without being defined, beside the above and ansible_*; sorted.
static const char *const magic[] = {
    "None",
    "andon_release",
    "caller",
    "environment",
    "false",
    "group_names",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "item",
    "kwargs",
    "loop",
    "molecule_ephemeral_directory",
    "molecule_file",
    "molecule_yml",
    "none",
    "omit",
    "packages",
    "play_hosts",
    "role_names",
    "role_uuid",
    "self",
    "services",
    "super",
    "template_destpath",
    "template_fullpath",
    "template_host",
    "template_mtime",
    "template_path",
    "template_run_date",
    "template_uid",
    "true",
    "varargs",
    "vars",
};

static int by_name(const void *key, const void *row)
{
    return strcmp(key, *(const char *const *)row);
}

#define LISTED(list, name) (bsearch(name, list, sizeof list / sizeof *list, sizeof *list, by_name))

bool is_read_only_magic(const char *name)
{
    return LISTED(fixed, name) != NULL;
}

bool is_magic(const char *name)
{
    return strncmp(name, "ansible_", 8) == 0 || strncmp(name, "getent_", 7) == 0 ||
           is_read_only_magic(name) || LISTED(magic, name);
}

bool is_identifier(const char *s)
{
    static const char *const words[] = {
        "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
        "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
        "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
        "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};
    if (!isalpha((unsigned char)*s) && *s != '_')
        return false;
    for (const char *p = s; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_')
            return false;
    return !LISTED(words, s);
}

void define(struct check *c, const char *name, struct pos pos)
{
    struct value v = value_null();
    if (template_is_template(name, strlen(name))) {
        c->open = true;
        return;
    }
    value_set_pos(&v, pos);
    if (!dict_get(c->defined, name))
        dict_set(c->defined, name, v);
}

static void define_keys(struct check *c, const struct value *v)
{
    struct dict_entry *it;
    if (v->type != VALUE_DICT)
        return;
    DICT_EACH(v->u.dict, it)
    if (it->key.type == VALUE_STRING)
        define(c, it->key.u.str.s, value_pos(&it->key));
}

static void define_text(struct check *c, const struct value *v)
{
    if (v && v->type == VALUE_STRING)
        define(c, v->u.str.s, value_pos(v));
}

// "a=1 b=2" as set_fact and includes take it.
static void define_words(struct check *c, const struct value *v)
{
    struct dict *d;
    struct dict_entry *it;
    if (kv_parse(c->a, v->u.str.s, v->u.str.len, false, value_pos(v), &d, NULL) < 0)
        return;
    DICT_EACH(d, it)
    if (*it->key.u.str.s != '_')
        define(c, it->key.u.str.s, value_pos(v));
}

static void define_either(struct check *c, const struct value *v)
{
    if (v->type == VALUE_STRING)
        define_words(c, v);
    else
        define_keys(c, v);
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

// vars: a dict or a list of them.
static void define_vars(struct check *c, const struct value *v)
{
    define_keys(c, v);
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++)
        define_keys(c, &v->u.list->items[i]);
}

// Entries of a list whose name is a variable, or (all) whose every key is.
static void define_entries(struct check *c, const struct value *v, bool all)
{
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++) {
        const struct value *item = &v->u.list->items[i];
        if (item->type != VALUE_DICT)
            continue;
        if (all)
            define_keys(c, item);
        else
            define_text(c, dict_get(item->u.dict, "name"));
    }
}

static void define_loop_names(struct check *c, const struct value *v)
{
    if (v->type != VALUE_DICT)
        return;
    define_text(c, dict_get(v->u.dict, "loop_var"));
    define_text(c, dict_get(v->u.dict, "index_var"));
}

// hosts of an inventory in YAML: each host's mapping holds its variables.
static void define_hosts(struct check *c, const struct value *v)
{
    struct dict_entry *it;
    if (v->type != VALUE_DICT)
        return;
    DICT_EACH(v->u.dict, it)
    define_keys(c, &it->val);
}

static void define_action(struct check *c, const struct value *v)
{
    if (v->type == VALUE_STRING && strncmp(v->u.str.s, "set_fact ", 9) == 0)
        define_words(c, v);
    else if (v->type == VALUE_DICT && dict_str(v->u.dict, "module", NULL) &&
             strcmp(last_part(dict_str(v->u.dict, "module", "")), "set_fact") == 0)
        define_keys(c, v);
}

static void define_by_key(struct check *c, const char *key, const struct value *v)
{
    const char *name = last_part(key);
    if (strcmp(name, "vars") == 0)
        define_vars(c, v);
    else if (strcmp(name, "register") == 0)
        define_text(c, v);
    else if (strcmp(name, "set_fact") == 0 || strcmp(name, "add_host") == 0)
        define_either(c, v);
    else if (strcmp(name, "loop_control") == 0)
        define_loop_names(c, v);
    else if (strcmp(name, "vars_prompt") == 0)
        define_entries(c, v, false);
    else if (strcmp(name, "roles") == 0 || strcmp(name, "dependencies") == 0)
        define_entries(c, v, true);
    else if (strcmp(name, "hosts") == 0)
        define_hosts(c, v);
    else if (strcmp(name, "options") == 0 || strcmp(name, "data") == 0)
        define_keys(c, v);
    else if (strcmp(name, "include_vars") == 0 && v->type == VALUE_DICT)
        define_text(c, dict_get(v->u.dict, "name"));
    else if (strcmp(name, "action") == 0 || strcmp(name, "local_action") == 0)
        define_action(c, v);
    else if (v->type == VALUE_STRING &&
             (strncmp(name, "include", 7) == 0 || strncmp(name, "import", 6) == 0))
        define_words(c, v);
    else if (strcmp(name, "args") == 0)
        define_keys(c, v); // of a set_fact, maybe
}

static void look(struct check *c, const struct value *v, int depth)
{
    struct dict_entry *it;
    if (depth > MAX_DEPTH)
        return;
    if (v->type == VALUE_LIST)
        for (size_t i = 0; i < v->u.list->len; i++)
            look(c, &v->u.list->items[i], depth + 1);
    if (v->type != VALUE_DICT)
        return;
    DICT_EACH(v->u.dict, it)
    {
        if (it->key.type != VALUE_STRING)
            continue;
        define_by_key(c, it->key.u.str.s, &it->val);
        look(c, &it->val, depth + 1);
    }
}

void define_document(struct check *c, const struct value *doc)
{
    define_keys(c, doc);
    look(c, doc, 0);
}

void define_ini(struct check *c, const char *text)
{
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        const char *p = line + strspn(line, " \t"), *end = line + len;
        for (; *p != '#' && *p != ';' && p < end;) {
            size_t n = 0;
            while (p + n < end && (isalnum((unsigned char)p[n]) || p[n] == '_'))
                n++;
            const char *eq = p + n + strspn(p + n, " \t");
            if (n && eq < end && *eq == '=')
                define(c, arena_strndup(c->a, p, n), POS_NONE);
            p += n ? n : 1;
        }
        line = *end ? end + 1 : end;
    }
}
