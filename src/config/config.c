// Finds the configuration file and gives every setting its typed value.
#include "config/config.h"

#include "config/ini.h"
#include "config/path.h"
#include "core/buf.h"
#include "core/file.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COLORS                                                                                     \
    "black|bright gray|blue|white|green|bright blue|cyan|bright green|red|bright cyan|purple|"     \
    "bright red|yellow|bright purple|dark gray|bright yellow|magenta|bright magenta|normal"
#define MAX_FILE ((size_t)4 << 20)

static const struct config_setting settings[CONFIG_COUNT] = {
#define S(id, name, type, ini, env, dflt, choices, help)                                           \
    [CONFIG_##id] = {name, CONFIG_##type, ini, env, dflt, choices, help},
#include "config/settings.inc"
#undef S
};

struct setting {
    struct value val;
    const char *origin;
};

struct config {
    struct arena *a;
    char *const *environ;
    const char *cwd;
    const char *file; // NULL: none
    struct ini ini;
    struct list *warnings;
    struct setting set[CONFIG_COUNT];
};

const struct config_setting *config_setting(enum config_id id)
{
    return &settings[id];
}

// Calls its body with each blank-separated word of a list.
#define EACH_WORD(word, len, list)                                                                 \
    for (const char *word = (list); (len = strcspn(word, " ")) > 0;                                \
         word += len + (word[len] == ' '))

static bool has_word(const char *list, const char *name)
{
    size_t n;
    EACH_WORD(w, n, list)
    if (strlen(name) == n && !strncmp(w, name, n))
        return true;
    return false;
}

int config_find(const char *name)
{
    for (int i = 0; i < CONFIG_COUNT; i++)
        if (!strcmp(settings[i].name, name))
            return i;
    for (int i = 0; i < CONFIG_COUNT; i++)
        if (has_word(settings[i].ini, name) || has_word(settings[i].env, name))
            return i;
    return -1;
}

static const char *env_n(const struct config *c, const char *name, size_t n)
{
    for (char *const *p = c->environ; p && *p; p++)
        if (!strncmp(*p, name, n) && (*p)[n] == '=')
            return *p + n + 1;
    return NULL;
}

static const char *get_env(void *data, const char *name)
{
    return env_n(data, name, strlen(name));
}

static char *resolve(struct config *c, const char *path, const char *base)
{
    const char *cwd = strstr(path, "{{CWD}}");
    if (cwd)
        path = arena_printf(c->a, "%.*s%s%s", (int)(cwd - path), path, c->cwd,
                            cwd + strlen("{{CWD}}"));
    return path_unfrack(c->a, path, base, get_env, c);
}

// --- typing
// --------------------------------------------------------------------------------------------------

static struct value unquoted(struct arena *a, const char *s, size_t len)
{
    if (len > 1 && s[0] == s[len - 1] && (s[0] == '"' || s[0] == '\'') && s[len - 2] != '\\')
        return value_strn(a, s + 1, len - 2);
    return value_strn(a, s, len);
}

static struct value split(struct config *c, enum config_type type, const char *text,
                          const char *base)
{
    struct value v = value_list(c->a);
    const char *sep = type == CONFIG_PATHSPEC ? ":" : ",";
    if (!*text && type == CONFIG_LIST)
        return v;
    for (;;) {
        size_t n = strcspn(text, sep);
        const char *s = text;
        size_t len = n;
        if (type != CONFIG_PATHSPEC) {
            for (; len && isspace((unsigned char)*s); s++)
                len--;
            while (len && isspace((unsigned char)s[len - 1]))
                len--;
        }
        struct value item = unquoted(c->a, s, len);
        if (type != CONFIG_LIST)
            item = value_cstr(resolve(c, arena_strndup(c->a, s, len), base));
        list_add(v.u.list, item);
        if (!text[n])
            return v;
        text += n + 1;
    }
}

// Is text one of "a|b"?
static bool is_choice(const char *choices, const char *text)
{
    size_t n, len = strlen(text);
    for (const char *p = choices; *p; p += n + (p[n] == '|')) {
        n = strcspn(p, "|");
        if (n == len && !strncmp(p, text, n))
            return true;
    }
    return false;
}

// Makes the value of text; base is where relative paths begin. NULL on success, else what is wrong.
static const char *make_value(struct config *c, const struct config_setting *s, const char *text,
                              const char *base, struct value *ret)
{
    char *end;
    errno = 0;
    switch (s->type) {
    case CONFIG_BOOL:
        *ret = value_bool(value_parse_bool(text, strlen(text)) == 1);
        break;
    case CONFIG_INT:
        *ret = value_int(strtoll(text, &end, 10));
        if (end == text || *end || errno)
            return "must be a whole number";
        break;
    case CONFIG_FLOAT:
        *ret = value_float(strtod(text, &end));
        if (end == text || *end || errno)
            return "must be a number";
        break;
    case CONFIG_PATH:
        *ret = value_cstr(resolve(c, text, base));
        break;
    case CONFIG_LIST:
    case CONFIG_PATHSPEC:
    case CONFIG_PATHLIST:
        *ret = split(c, s->type, text, base);
        break;
    case CONFIG_ANY:
    case CONFIG_STR:
        *ret = unquoted(c->a, text, strlen(text));
        if (s->choices && !is_choice(s->choices, ret->u.str.s))
            return "is not one of the choices";
        break;
    }
    return NULL;
}

static int bad_value(const struct config_setting *s, const char *text, const char *why,
                     struct pos pos, const char *origin, struct err *e)
{
    const char *dot = strchr(s->ini, '.');
    const char *key = dot ? dot + 1 : s->name;
    bool file = pos.file != 0;
    return err_set(e, ERR_INVALID, pos, "%.*s%s%s = \"%.80s\" %s%s%s", (int)strcspn(key, " "), key,
                   file ? "" : " from ", file ? "" : origin, text, why, s->choices ? ": " : "",
                   s->choices ? s->choices : "");
}

static int set_text(struct config *c, enum config_id id, const char *text, const char *base,
                    struct pos pos, const char *origin, struct err *e)
{
    const struct config_setting *s = &settings[id];
    struct value v;
    const char *why = make_value(c, s, text, base, &v);
    if (why)
        return bad_value(s, text, why, pos, origin, e);
    value_set_pos(&v, pos);
    c->set[id] = (struct setting){v, origin};
    return 0;
}

// --- where values come from
// ----------------------------------------------------------------------------------

static int set_default(struct config *c, enum config_id id, struct err *e)
{
    const char *text = settings[id].dflt;
    struct buf b = BUF_INIT;
    c->set[id] = (struct setting){value_null(), "default"};
    if (!text)
        return 0;
    bool home = text[0] == '@'; // stands at the start of the text alone
    if (home)
        buf_adds(&b, config_str(c, CONFIG_HOME));
    buf_adds(&b, text + home);
    int rc = set_text(c, id, buf_str(&b), c->cwd, POS_NONE, "default", e);
    buf_release(&b);
    return rc;
}

static int set_from_env(struct config *c, enum config_id id, struct err *e)
{
    const char *text = NULL, *origin = NULL;
    size_t n;
    EACH_WORD(w, n, settings[id].env)
    {
        const char *val = env_n(c, w, n);
        if (!val)
            continue;
        text = val;
        origin = arena_printf(c->a, "env: %.*s", (int)n, w);
    }
    if (!text)
        return 0;
    if (!*text && (settings[id].type == CONFIG_INT || settings[id].type == CONFIG_FLOAT))
        return 0; // empty is not set
    int rc = set_text(c, id, text, c->cwd, POS_NONE, origin, e);
    return rc < 0 ? rc : 1;
}

static int set_from_file(struct config *c, enum config_id id, struct err *e)
{
    const struct value *found = NULL;
    size_t n;
    EACH_WORD(w, n, settings[id].ini)
    {
        const char *dot = memchr(w, '.', n);
        const char *section = arena_strndup(c->a, w, (size_t)(dot - w));
        const struct value *v =
            ini_get(&c->ini, section, arena_strndup(c->a, dot + 1, n - (size_t)(dot + 1 - w)));
        found = v ? v : found;
    }
    if (!found)
        return 0;
    return set_text(c, id, found->u.str.s, path_dir(c->a, c->file), value_pos(found), c->file, e);
}

static int set_all(struct config *c, struct err *e)
{
    for (int i = 0; i < CONFIG_COUNT; i++) {
        enum config_id id = (enum config_id)i;
        int rc = set_default(c, id, e);
        if (rc == 0)
            rc = set_from_env(c, id, e);
        if (rc == 0 && c->file)
            rc = set_from_file(c, id, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

// --- the file
// ------------------------------------------------------------------------------------------------

static bool readable(const char *path)
{
    return access(path, R_OK) == 0;
}

static const char *find_file(struct config *c, const char *system)
{
    struct stat st;
    const char *named = env_n(c, "ANSIBLE_CONFIG", strlen("ANSIBLE_CONFIG"));
    if (named) {
        named = path_unfrack(c->a, named, c->cwd, get_env, c);
        if (stat(named, &st) == 0 && S_ISDIR(st.st_mode))
            named = path_join(c->a, named, "ansible.cfg");
        if (readable(named))
            return named;
    }
    const char *local = path_join(c->a, c->cwd, "ansible.cfg");
    if (readable(local)) {
        if (stat(c->cwd, &st) == 0 && !(st.st_mode & S_IWOTH))
            return local;
        list_add(c->warnings,
                 value_strf(c->a,
                            "%s is ignored because everyone may write in its folder; set "
                            "ANSIBLE_CONFIG to use it all the same",
                            local));
    }
    const char *user = path_unfrack(c->a, "~/.ansible.cfg", c->cwd, get_env, c);
    if (readable(user))
        return user;
    return readable(system) ? system : NULL;
}

static int read_file(struct config *c, struct err *e)
{
    const char *dot = strrchr(path_base(c->file), '.');
    char *text;
    size_t len;
    if (!dot || (strcmp(dot, ".cfg") != 0 && strcmp(dot, ".ini") != 0))
        return err_set(e, ERR_INVALID, POS_NONE,
                       "the configuration file %s must have the extension .cfg or .ini", c->file);
    int rc = file_read(c->a, c->file, MAX_FILE, &text, &len, e);
    return rc < 0 ? rc : ini_parse(c->a, text, len, c->file, &c->ini, e);
}

int config_load(struct arena *a, const struct config_where *where, struct config **ret,
                struct err *e)
{
    static const struct config_where none;
    where = where ? where : &none;
    struct config *c = arena_new_of(a, struct config);
    c->a = a;
    c->environ = where->environ ? where->environ : environ;
    c->warnings = value_list(a).u.list;
    c->cwd = where->cwd;
    if (!c->cwd) {
        char *cwd = getcwd(NULL, 0);
        c->cwd = arena_strdup(a, cwd ? cwd : "/");
        free(cwd);
    }
    c->file = find_file(c, where->system ? where->system : "/etc/ansible/ansible.cfg");
    int rc = c->file ? read_file(c, e) : 0;
    if (rc == 0)
        rc = set_all(c, e);
    if (rc == 0)
        *ret = c;
    return rc;
}

int config_set(struct config *c, enum config_id id, const char *text, const char *origin,
               struct err *e)
{
    return set_text(c, id, text, c->cwd, POS_NONE, arena_strdup(c->a, origin), e);
}

// --- reading
// -------------------------------------------------------------------------------------------------

const char *config_file(const struct config *c)
{
    return c->file;
}

const struct list *config_warnings(const struct config *c)
{
    return c->warnings;
}

const char *config_origin(const struct config *c, enum config_id id)
{
    return c->set[id].origin;
}

const struct value *config_get(const struct config *c, enum config_id id)
{
    return &c->set[id].val;
}

const char *config_str(const struct config *c, enum config_id id)
{
    const struct value *v = &c->set[id].val;
    if (value_is(v, VALUE_NULL))
        return NULL;
    return value_is(v, VALUE_STRING) ? v->u.str.s : value_to_cstr(c->a, v);
}

bool config_bool(const struct config *c, enum config_id id)
{
    return value_truthy(&c->set[id].val);
}

int64_t config_int(const struct config *c, enum config_id id)
{
    const struct value *v = &c->set[id].val;
    return value_is(v, VALUE_INT) ? v->u.i : 0;
}

double config_float(const struct config *c, enum config_id id)
{
    const struct value *v = &c->set[id].val;
    return value_is(v, VALUE_FLOAT) ? v->u.f : (double)config_int(c, id);
}

const struct list *config_list(const struct config *c, enum config_id id)
{
    static const struct list empty;
    const struct value *v = &c->set[id].val;
    return value_is(v, VALUE_LIST) ? v->u.list : &empty;
}

const char *config_ini(const struct config *c, const char *section, const char *key)
{
    const struct value *v = ini_get(&c->ini, section, key);
    return v ? v->u.str.s : NULL;
}
