// Where variables are used: templates in tasks, in files of variables and in template files. At the
// end, what is used and defined nowhere.
#include "check/internal.h"

#include "core/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_TEMPLATE ((size_t)1 << 20)
#define MAX_DEPTH 60

// --- what a template says ------------------------------------------------------------------------

struct look {
    struct check *c;
    struct pos pos;
    bool certain;
};

static void on_use(void *data, const char *name, unsigned line, bool certain)
{
    struct look *l = data;
    struct check *c = l->c;
    if (is_magic(name))
        return;
    struct use u = {.name = arena_strdup(c->a, name),
                    .pos = l->pos,
                    .play = c->play,
                    .certain = certain && l->certain};
    u.pos = source_find(c, l->pos, line, name);
    vec_add(&c->uses, &u);
}

static void on_guard(void *data, const char *name)
{
    struct look *l = data;
    if (!dict_get(l->c->guarded, name))
        dict_set(l->c->guarded, name, value_bool(true));
}

static void tell_unknown(struct check *c, const char *name, bool test, struct pos pos)
{
    int exists = plugin_exists(c, name, test);
    const char *what = test ? "test" : "filter";
    if (exists == 0)
        report_as(c, CHECK_UNKNOWN_FILTER, CHECK_ERROR, pos,
                  "there is no %s '%s': neither native, nor in the content, nor in the installed "
                  "Ansible",
                  what, name);
    else if (first_time(c, what, name))
        report(c, CHECK_UNKNOWN_FILTER, pos, "%s '%s' is not native; it runs by way of Ansible",
               what, name);
}

static void on_unknown(void *data, const char *name, bool test, unsigned line)
{
    struct look *l = data;
    tell_unknown(l->c, name, test, source_find(l->c, l->pos, line, name));
}

static void tell_syntax(struct check *c, struct err *e, struct pos start)
{
    struct pos pos = e->pos.line ? source_inside(c, start, e->pos) : start;
    bool too_big =
        strstr(err_msg(e), "does not fit in 64 bits") != NULL; // Python has no such limit
    if (!too_big)
        report(c, CHECK_TEMPLATE_SYNTAX, pos, "%s", err_msg(e));
    err_release(e);
}

static void look_at(struct check *c, const struct value *v, enum scan_form form, bool certain)
{
    struct look l = {.c = c, .pos = value_pos(v), .certain = certain};
    const struct scan_sink sink = {on_use, on_guard, on_unknown, &l};
    struct err e = ERR_INIT;
    if (v->flags & (VALUE_UNSAFE | VALUE_VAULT))
        return;
    if (form == SCAN_STRING && !template_is_template(v->u.str.s, v->u.str.len))
        return;
    if (scan_text(c->cache, v->u.str.s, v->u.str.len, form, l.pos, &sink, &e) < 0)
        tell_syntax(c, &e, l.pos);
}

static void use_any(struct check *c, const struct value *v, bool certain, int depth)
{
    struct dict_entry *it;
    if (depth > MAX_DEPTH)
        return;
    if (v->type == VALUE_STRING)
        look_at(c, v, SCAN_STRING, certain);
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++)
        use_any(c, &v->u.list->items[i], certain, depth + 1);
    if (v->type != VALUE_DICT)
        return;
    DICT_EACH(v->u.dict, it)
    {
        if (it->key.type == VALUE_STRING)
            look_at(c, &it->key, SCAN_STRING, certain);
        use_any(c, &it->val, certain, depth + 1);
    }
}

void use_value(struct check *c, const struct value *v, bool certain)
{
    use_any(c, v, certain, 0);
}

void use_condition(struct check *c, const struct value *v, bool certain)
{
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->u.list->len; i++)
            use_condition(c, &v->u.list->items[i], certain && i == 0);
        return;
    }
    if (v->type != VALUE_STRING || !v->u.str.len)
        return;
    bool braces = template_is_template(v->u.str.s, v->u.str.len);
    look_at(c, v, braces ? SCAN_STRING : SCAN_CONDITION, certain);
}

void use_expression(struct check *c, const struct value *v)
{
    if (v->type == VALUE_STRING && v->u.str.len)
        look_at(c, v, SCAN_EXPRESSION, false);
}

// --- template files ------------------------------------------------------------------------------

static void set_options(struct template_opts *o, const struct dict *args)
{
    const struct {
        const char *name, **field;
    } texts[] = {
        {"block_start_string", &o->block_start},       {"block_end_string", &o->block_end},
        {"variable_start_string", &o->variable_start}, {"variable_end_string", &o->variable_end},
        {"comment_start_string", &o->comment_start},   {"comment_end_string", &o->comment_end}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct value *v = dict_get(args, texts[i].name);
        if (v && v->type == VALUE_STRING)
            *texts[i].field = v->u.str.s;
    }
}

void use_template_file(struct check *c, const char *path, const struct dict *args)
{
    struct template_opts o = TEMPLATE_OPTS_DEFAULT;
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    char *text;
    size_t len;
    if (dict_get(c->seen_templates, path))
        goto out;
    dict_set(c->seen_templates, path, value_bool(true));
    o.convert_data = false;
    if (args)
        set_options(&o, args);
    if (file_read(a, path, MAX_TEMPLATE, &text, &len, NULL) < 0)
        goto out;
    struct look l = {.c = c,
                     .pos = {.file = src_file(arena_strdup(c->a, path)), .line = 1, .col = 1}};
    const struct scan_sink sink = {on_use, on_guard, on_unknown, &l};
    if (scan_file(NULL, a, text, len, path, &o, &sink, &e) < 0)
        tell_syntax(c, &e, (struct pos){.file = l.pos.file});
out:
    arena_free(a);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && strcmp(s + n - m, end) == 0;
}

static void template_dir(struct check *c, const char *dir, int depth)
{
    DIR *d = depth < 10 ? opendir(dir) : NULL;
    for (struct dirent *de; d && (de = readdir(d));) {
        struct stat st;
        const char *path = path_join(c->a, dir, de->d_name);
        if (de->d_name[0] == '.' || lstat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            template_dir(c, path, depth + 1);
        else if (ends_with(path, ".j2") && S_ISREG(st.st_mode))
            use_template_file(c, path, NULL);
    }
    if (d)
        closedir(d);
}

void use_template_dir(struct check *c, const char *dir)
{
    template_dir(c, dir, 0);
}

// --- the end -------------------------------------------------------------------------------------

// A defined name that differs in one letter, digits and a plural's s apart; or NULL.
static const char *near_name(const struct check *c, const char *name)
{
    size_t n = strlen(name);
    struct dict_entry *it;
    if (n < 6)
        return NULL;
    DICT_EACH(c->defined, it)
    {
        const char *s = it->key.u.str.s;
        size_t m = it->key.u.str.len, i = 0;
        if (m + 1 < n || m > n + 1)
            continue;
        while (name[i] && name[i] == s[i])
            i++;
        const char *x = name + i, *y = s + i;
        bool swap =
            m == n && x[0] && x[1] && x[0] == y[1] && x[1] == y[0] && strcmp(x + 2, y + 2) == 0;
        bool other = m == n && *x && strcmp(x + 1, y + 1) == 0;
        bool more = m + 1 == n && strcmp(x + 1, y) == 0, less = m == n + 1 && strcmp(x, y + 1) == 0;
        const char *odd = more || other ? x : y;
        if ((more || less) && (!odd[1] || odd[1] == '_') && strchr("s_", *odd))
            continue; // singular and plural
        if (!(swap || other || more || less) || !*odd || !odd[1] || strchr("0123456789_", *odd) ||
            (other && strchr("0123456789_", *y)))
            continue;
        return s;
    }
    return NULL;
}

// How many of the hosts of the play lack the variable; *ret_total: of how many, *ret_host: the
// first.
static size_t lacking(struct check *c, const struct use *u, size_t *ret_total,
                      const char **ret_host)
{
    struct inventory *inv = c->opts.inventory;
    struct inventory_hosts hosts = {0};
    size_t n = 0;
    *ret_total = 0;
    if (!inv || !u->play || !u->play->hosts || template_has_template(u->play->hosts) ||
        inventory_match(inv, c->a, u->play->hosts, NULL, NULL, &hosts, NULL) < 0)
        return 0;
    *ret_total = hosts.len;
    for (size_t i = 0; i < hosts.len; i++) {
        struct inventory_vars v;
        if (inventory_host_layers(inv, hosts.hosts[i], u->play->basedir, &v, NULL) < 0)
            return 0;
        if ((v.own && dict_get(v.own, u->name)) || (v.shared && dict_get(v.shared, u->name)))
            continue;
        if (!n++)
            *ret_host = hosts.hosts[i]->name;
    }
    return n;
}

// Tells where it is certain that hosts lack the variable; true when something was said.
static bool certain_use(struct check *c, const struct use *u)
{
    size_t total, n;
    const char *host = NULL;
    if (!u->certain || c->root || c->open || !(n = lacking(c, u, &total, &host)))
        return false;
    if (n == total)
        report(c, CHECK_UNDEFINED, u->pos, "'%s' is undefined", u->name);
    else
        report_as(c, CHECK_UNDEFINED, CHECK_WARNING, u->pos,
                  "'%s' is undefined on %zu of %zu hosts of the play, such as %s", u->name, n,
                  total, host);
    return true;
}

static bool in_inventory(struct check *c, const struct use *u)
{
    struct inventory *inv = c->opts.inventory;
    for (size_t i = 0; inv && i < inventory_host_count(inv); i++) {
        struct inventory_vars v;
        if (inventory_host_layers(inv, inventory_host(inv, i), u->play ? u->play->basedir : NULL,
                                  &v, NULL) == 0 &&
            ((v.own && dict_get(v.own, u->name)) || (v.shared && dict_get(v.shared, u->name))))
            return true;
    }
    return false;
}

static void finish_use(struct check *c, const struct use *u)
{
    if (dict_get(c->defined, u->name) || dict_get(c->guarded, u->name) || certain_use(c, u) ||
        in_inventory(c, u))
        return;
    struct value *known = dict_get(c->near, u->name);
    const char *near = known ? known->u.str.s : near_name(c, u->name);
    if (!known)
        dict_set(c->near, u->name, (struct value){.type = VALUE_NULL, .u.str.s = near});
    if (near)
        report(c, CHECK_MISSPELT, u->pos, "'%s' is defined nowhere (did you mean '%s'?)", u->name,
               near);
    else if (first_time(c, "variable", u->name))
        report(c, CHECK_UNKNOWN_VARIABLE, u->pos, "'%s' is defined nowhere here", u->name);
}

void finish_uses(struct check *c)
{
    for (size_t i = 0; i < c->uses.len; i++)
        finish_use(c, VEC_AT(&c->uses, struct use, i));
}
