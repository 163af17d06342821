// Goes through the sources: folders, files and host lists, trying the enabled kinds on each in
// order.
#include "inventory/source.h"

#include "config/path.h"
#include "core/file.h"
#include "inventory/address.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MAX_TEXT ((size_t)64 << 20)
#define MAX_FOLDER_DEPTH 20
#define VAULT_HEADER "$ANSIBLE_VAULT;"

// --- files
// ---------------------------------------------------------------------------------------------------

static void yaml_warning(void *data, struct pos pos, const char *msg)
{
    model_warn(data, pos, "%s", msg);
}

struct yaml_opts source_yaml_opts(struct inventory *inv)
{
    const char *dup = config_str(inv->opts.config, CONFIG_DUPLICATE_DICT_KEY);
    return (struct yaml_opts){.warn = yaml_warning,
                              .warn_data = inv,
                              .duplicates = !strcmp(dup, "error")    ? YAML_DUP_ERROR
                                            : !strcmp(dup, "ignore") ? YAML_DUP_IGNORE
                                                                     : YAML_DUP_WARN,
                              .json_first = true,
                              .decrypt = inv->opts.decrypt,
                              .decrypt_data = inv->opts.decrypt_data};
}

// Many control characters near the beginning; one or two may be a slip of the hand.
static bool is_binary(const char *text, size_t len)
{
    size_t n = len < 4096 ? len : 4096, controls = 0;
    for (size_t i = 0; i < n; i++)
        controls += ((unsigned char)text[i] < ' ' && !strchr("\t\n\r\f\v", text[i])) || !text[i];
    return controls >= 8 && controls * 20 > n;
}

int source_text(struct inventory *inv, const char *path, const char **ret, size_t *len,
                struct err *e)
{
    char *text;
    int rc = file_read(inv->a, path, MAX_TEXT, &text, len, e);
    *ret = text;
    if (rc == 0 && is_binary(text, *len))
        return err_set(e, ERR_PARSE, (struct pos){.file = src_file(path)},
                       "this is a binary file, not an inventory");
    if (rc < 0 || *len < strlen(VAULT_HEADER) ||
        memcmp(text, VAULT_HEADER, strlen(VAULT_HEADER)) != 0)
        return rc;
    if (!inv->opts.decrypt)
        return err_set(e, ERR_PARSE, (struct pos){src_file(path), 1, 1},
                       "this file is encrypted with Ansible Vault and there is no password");
    return inv->opts.decrypt(inv->opts.decrypt_data, inv->a, path, text, *len, ret, len, e);
}

int source_set_vars(struct inventory *inv, const char *entity, const struct value *vars,
                    struct err *e)
{
    struct dict_entry *entry;
    if (!vars || !value_truthy(vars))
        return 0;
    if (!value_is(vars, VALUE_DICT))
        return err_set(e, ERR_PARSE, value_pos(vars),
                       "the variables of %s must be a mapping, not a %s", entity,
                       value_type_name(vars));
    DICT_EACH(vars->u.dict, entry)
    {
        int rc = model_set_var(inv, entity, entry->key, entry->val, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

bool source_has_extension(const struct inventory *inv, const char *path, bool none_ok)
{
    const char *base = path_base(path), *dot = strrchr(base, '.');
    if (!dot || dot == base)
        return none_ok;
    const struct list *valid = config_list(inv->opts.config, CONFIG_YAML_EXTENSIONS);
    for (size_t i = 0; i < valid->len; i++)
        if (value_eqs(&valid->items[i], dot))
            return true;
    return false;
}

// --- kinds
// ---------------------------------------------------------------------------------------------------

static bool is_list(const struct inventory *inv, const char *source)
{
    (void)inv;
    return strchr(source, ',') && access(source, F_OK) != 0;
}

static int add_listed(struct inventory *inv, const char *name, bool ranges, struct err *e)
{
    struct list *names = value_list(inv->a).u.list;
    const char *host;
    int port = -1;
    if (ranges) {
        int rc = address_expand(inv->a, name, POS_NONE, names, &port, e);
        if (rc < 0)
            return rc;
    } else {
        list_add(names, value_cstr(address_parse(inv->a, name, false, &host, &port) ? host : name));
    }
    for (size_t i = 0; i < names->len; i++)
        if (!model_find_host(inv, names->items[i].u.str.s))
            model_add_host(inv, names->items[i].u.str.s, inv->ungrouped, port);
    return 0;
}

static int read_list(struct inventory *inv, const char *source, bool ranges, struct err *e)
{
    while (*source) {
        size_t n = strcspn(source, ","), skip = strspn(source, " \t\n"), len = n;
        while (len > skip && strchr(" \t\n", source[len - 1]))
            len--;
        if (len > skip) {
            int rc = add_listed(inv, arena_strndup(inv->a, source + skip, len - skip), ranges, e);
            if (rc < 0)
                return rc;
        }
        source += n + (source[n] == ',');
    }
    return 0;
}

static int source_list(struct inventory *inv, const char *source, struct err *e)
{
    return read_list(inv, source, false, e);
}

static int source_ranged_list(struct inventory *inv, const char *source, struct err *e)
{
    return read_list(inv, source, true, e);
}

static bool readable(const struct inventory *inv, const char *path)
{
    (void)inv;
    return access(path, R_OK) == 0;
}

static bool is_script(const struct inventory *inv, const char *path)
{
    char start[2] = "";
    if (!readable(inv, path))
        return false;
    if (access(path, X_OK) == 0)
        return true;
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(start, 1, sizeof(start), f);
    fclose(f);
    return n == 2 && start[0] == '#' && start[1] == '!';
}

static bool is_yaml(const struct inventory *inv, const char *path)
{
    return readable(inv, path) && source_has_extension(inv, path, true);
}

static bool is_toml(const struct inventory *inv, const char *path)
{
    const char *dot = strrchr(path, '.');
    return readable(inv, path) && dot && !strcmp(dot, ".toml");
}

static int source_toml(struct inventory *inv, const char *path, struct err *e)
{
    (void)inv;
    return err_set(e, ERR_UNSUPPORTED, (struct pos){.file = src_file(path)},
                   "TOML inventories are not supported; write it as YAML or INI");
}

static const struct kind {
    const char *name;
    bool (*wants)(const struct inventory *inv, const char *source);
    int (*read)(struct inventory *inv, const char *source, struct err *e);
} kinds[] = {
    {"host_list", is_list, source_list},  {"advanced_host_list", is_list, source_ranged_list},
    {"script", is_script, source_script}, {"yaml", is_yaml, source_yaml},
    {"ini", readable, source_ini},        {"toml", is_toml, source_toml},
};

static const struct kind *find_kind(const char *name)
{
    const char *prefix = "ansible.builtin.";
    if (!strncmp(name, prefix, strlen(prefix)))
        name += strlen(prefix);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

// --- one source
// ----------------------------------------------------------------------------------------------

// Does the first line that says something look more like YAML than like INI?
static bool looks_like_yaml(struct inventory *inv, const char *path)
{
    const char *p;
    size_t len;
    if (source_text(inv, path, &p, &len, NULL) < 0)
        return false;
    for (;; p += strcspn(p, "\n")) {
        p += strspn(p, " \t\r\n");
        if (*p != '#')
            break;
    }
    len = strcspn(p, "\r\n#");
    while (len > 0 && p[len - 1] == ' ')
        len--;
    return len > 0 &&
           (p[len - 1] == ':' || *p == '{' || !strncmp(p, "---", 3) || !strncmp(p, "- ", 2));
}

// Several kinds may have failed on a file: is what this one says nearer to what the user meant?
static bool says_more(struct inventory *inv, const char *path, const struct kind *kind,
                      const struct err *before)
{
    if (!before->code || kind->read == source_toml)
        return true;
    return !source_has_extension(inv, path, false) && !looks_like_yaml(inv, path);
}

static int fail_source(struct inventory *inv, const char *source, struct err *why, struct err *e)
{
    bool fatal =
        inv->opts.strict || config_bool(inv->opts.config, CONFIG_INVENTORY_ANY_UNPARSED_FAILED);
    if (!why->code && !strcmp(source, "/etc/ansible/hosts") && access(source, F_OK) != 0)
        return 0;
    if (!why->code && access(source, F_OK) != 0)
        err_set(why, ERR_NOENT, POS_NONE, "there is no such file or folder");
    if (!why->code)
        err_set(why, ERR_INVALID, POS_NONE, "no kind of inventory fits it, or it cannot be read");
    err_wrap(why, "Unable to parse %s as an inventory source", source);
    if (fatal)
        return err_move(e, why);
    model_warn(inv, why->pos, "%s", err_msg(why));
    err_release(why);
    return 0;
}

static int read_file(struct inventory *inv, const char *source, bool *parsed, struct err *e)
{
    const struct list *enabled = config_list(inv->opts.config, CONFIG_INVENTORY_ENABLED);
    struct err why = ERR_INIT;
    struct stat st;
    inv->source = source;
    inv->source_dir =
        stat(source, &st) == 0 && S_ISREG(st.st_mode) ? path_dir(inv->a, source) : NULL;
    for (size_t i = 0; i < enabled->len && !*parsed; i++) {
        const char *name = enabled->items[i].u.str.s;
        const struct kind *kind = find_kind(name);
        struct err now = ERR_INIT;
        if (!kind && strcmp(name, "auto") != 0)
            model_warn(inv, POS_NONE, "the inventory plugin %s is not available and is skipped",
                       name);
        if (!kind || !kind->wants(inv, source))
            continue;
        if (kind->read(inv, source, &now) >= 0)
            *parsed = true;
        else if (says_more(inv, source, kind, &why))
            err_move(&why, &now);
        err_release(&now);
    }
    inv->source = inv->source_dir = NULL;
    if (!*parsed)
        return fail_source(inv, source, &why, e);
    err_release(&why);
    return 0;
}

// --- folders
// -------------------------------------------------------------------------------------------------

static bool matches(const char *regex, const char *text)
{
    int code;
    PCRE2_SIZE at;
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code, &at, NULL);
    if (!re)
        return false;
    pcre2_match_data *m = pcre2_match_data_create(1, NULL);
    int rc = pcre2_match(re, (PCRE2_SPTR)text, strlen(text), 0, 0, m, NULL);
    pcre2_match_data_free(m);
    pcre2_code_free(re);
    return rc > 0;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n >= k && !strcmp(s + n - k, end);
}

static bool ignored(const struct inventory *inv, const char *name)
{
    static const char *const always[] = {"host_vars", "group_vars", "vars_plugins"};
    if (name[0] == '.')
        return true;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (!strcmp(name, always[i]))
            return true;
    const struct list *ext = config_list(inv->opts.config, CONFIG_INVENTORY_IGNORE_EXTENSIONS);
    for (size_t i = 0; i < ext->len; i++)
        if (ends_with(name, ext->items[i].u.str.s))
            return true;
    const struct list *regex = config_list(inv->opts.config, CONFIG_INVENTORY_IGNORE_PATTERNS);
    for (size_t i = 0; i < regex->len; i++)
        if (matches(regex->items[i].u.str.s, name))
            return true;
    return false;
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
    return strcmp((*x)->d_name, (*y)->d_name);
}

static int read_source(struct inventory *inv, const char *source, int depth, bool *parsed,
                       struct err *e);

static int read_folder(struct inventory *inv, const char *path, int depth, bool *parsed,
                       struct err *e)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, by_name), rc = 0;
    if (n < 0)
        n = 0;
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        if (rc == 0 && !ignored(inv, name)) {
            bool one = false;
            rc = read_source(inv, path_join(inv->a, path, name), depth + 1, &one, e);
            *parsed = *parsed || one;
        }
        free(entries[i]);
    }
    if (n > 0)
        free(entries);
    if (rc == 0 && !*parsed) {
        struct err why = ERR_INIT;
        err_set(&why, ERR_NOENT, POS_NONE, "no file in this folder could be read as an inventory");
        rc = fail_source(inv, path, &why, e);
    }
    return rc;
}

static int read_source(struct inventory *inv, const char *source, int depth, bool *parsed,
                       struct err *e)
{
    struct stat st;
    if (stat(source, &st) == 0 && S_ISDIR(st.st_mode)) {
        if (depth >= MAX_FOLDER_DEPTH)
            return err_set(e, ERR_LIMIT, POS_NONE, "inventory folders are nested too deep: %s",
                           source);
        return read_folder(inv, source, depth, parsed, e);
    }
    return read_file(inv, source, parsed, e);
}

// --- all sources
// ---------------------------------------------------------------------------------------------

static const char *process_env(void *data, const char *name)
{
    (void)data;
    return getenv(name);
}

int inventory_load(struct arena *a, const char *const *sources, size_t n,
                   const struct inventory_opts *opts, struct inventory **ret, struct err *e)
{
    struct inventory *inv = model_new(a, opts);
    char *cwd = getcwd(NULL, 0);
    inv->cwd = arena_strdup(a, cwd ? cwd : "/");
    free(cwd);
    for (size_t i = 0; i < n; i++) {
        bool parsed = false;
        const char *s = sources[i];
        if (!*s)
            continue;
        s = strchr(s, ',') ? arena_strdup(a, s) : path_unfrack(a, s, inv->cwd, process_env, NULL);
        ptrs_add(a, &inv->sources, (void *)(uintptr_t)s);
        int rc = read_source(inv, s, 0, &parsed, e);
        if (rc < 0)
            return rc;
        inv->parsed = inv->parsed || parsed;
    }
    if (inv->parsed) {
        int rc = model_reconcile(inv, e);
        if (rc < 0)
            return rc;
    } else if (config_bool(opts->config, CONFIG_INVENTORY_UNPARSED_FAILED)) {
        return err_set(e, ERR_NOENT, POS_NONE,
                       "no inventory could be read; check -i and the configuration");
    } else if (config_bool(opts->config, CONFIG_INVENTORY_UNPARSED_WARNING)) {
        model_warn(inv, POS_NONE, "No inventory was parsed, only implicit localhost is available");
    }
    *ret = inv;
    return 0;
}
