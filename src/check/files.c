// Files that tasks and plays name: whether they are there.
#include "check/internal.h"

#include "core/file.h"

#include <glob.h>
#include <string.h>
#include <sys/stat.h>

const char *any_arg(const struct task *t, const char *key)
{
    const struct value *v = t->args.type == VALUE_DICT ? dict_get(t->args.u.dict, key) : NULL;
    return v && v->type == VALUE_STRING && v->u.str.len ? v->u.str.s : NULL;
}

const char *static_arg(const struct task *t, const char *key)
{
    const char *s = any_arg(t, key);
    return s && !template_is_template(s, strlen(s)) ? s : NULL;
}

static struct pos arg_pos(const struct task *t, const char *key)
{
    const struct value *v = dict_get(t->args.u.dict, key);
    return v && value_pos(v).line ? value_pos(v) : t->n.pos;
}

static bool is_true(const struct task *t, const char *key)
{
    const struct value *v = dict_get(t->args.u.dict, key);
    if (v && v->type == VALUE_STRING)
        return value_parse_bool(v->u.str.s, v->u.str.len) != 0; // a template may be true
    return v && value_truthy(v);
}

// --- templated names -----------------------------------------------------------------------------

// The name with every template in it as a `*`; NULL when nothing else is left of it.
static const char *pattern_of(struct arena *a, const char *name)
{
    char *out = arena_alloc(a, strlen(name) + 1), *to = out;
    size_t fixed = 0;
    while (*name) {
        const char *end = strncmp(name, "{{", 2) == 0   ? strstr(name, "}}")
                          : strncmp(name, "{%", 2) == 0 ? strstr(name, "%}")
                                                        : NULL;
        if (end) {
            if (to == out || to[-1] != '*')
                *to++ = '*';
            name = end + 2;
        } else {
            fixed += *name != '/' && *name != '.';
            *to++ = *name++;
        }
    }
    return fixed ? out : NULL;
}

static size_t glob_each(const char *pattern, candidate_fn *fn, void *data)
{
    glob_t g = {0};
    size_t n = 0;
    if (glob(pattern, 0, NULL, &g) == 0)
        for (size_t i = 0; i < g.gl_pathc; i++) {
            struct stat st;
            if (stat(g.gl_pathv[i], &st) < 0 || !S_ISREG(st.st_mode))
                continue;
            fn(data, g.gl_pathv[i]);
            n++;
        }
    globfree(&g);
    return n;
}

size_t each_candidate(struct check *c, const struct node *n, const char *dir, const char *name,
                      candidate_fn *fn, void *data)
{
    size_t k, found = 0;
    const char *pattern = pattern_of(c->a, name);
    if (!pattern)
        return 0;
    if (pattern[0] == '*' && strchr(pattern, '/')) // "{{ role_path }}/vars/x.yml"
        pattern = strchr(pattern, '/') + 1;
    const char *const *dirs = playbook_search_path(c->a, n, NULL, &k);
    for (size_t i = 0; i < k; i++)
        found += glob_each(arena_printf(c->a, "%s/%s/%s", dirs[i], dir, pattern), fn, data);
    for (size_t i = 0; i < k && !found; i++)
        found += glob_each(arena_printf(c->a, "%s/%s", dirs[i], pattern), fn, data);
    return found;
}

// --- files of tasks ------------------------------------------------------------------------------

static const char *find(struct check *c, const struct task *t, const char *dir, const char *name)
{
    return playbook_find_file(c->a, &t->n, dir, name, t->n.play->basedir, NULL);
}

static void want(struct check *c, enum check_id id, const struct task *t, const char *key,
                 const char *dir, const char *name, const char *what)
{
    struct pos pos = arg_pos(t, key);
    if (c->root && (*name == '/' || *name == '~'))
        return; // of the machine that will run it
    if (find(c, t, dir, name))
        clear_finding(c, id, pos);
    else
        report_as(c, id, unless_whole(c, check_rule(id)->severity), pos,
                  "%s '%s' was not found in %s/ of the %s, nor beside the tasks", what, name, dir,
                  t->n.role ? "role or the play" : "play");
}

static void want_template(struct check *c, const struct task *t)
{
    const char *src = static_arg(t, "src");
    if (!src)
        return;
    const char *path = find(c, t, "templates", src);
    struct stat st;
    if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode))
        use_template_file(c, path, t->args.u.dict);
    want(c, CHECK_NO_TEMPLATE, t, "src", "templates", src, "the template");
}

static void want_file(struct check *c, const struct task *t, const char *key)
{
    const char *src = static_arg(t, key);
    if (!src || is_true(t, "remote_src") || strstr(src, "://"))
        return;
    want(c, CHECK_NO_FILE, t, key, "files", src, "the file");
}

static void want_script(struct check *c, const struct task *t)
{
    const char *key = any_arg(t, "_raw_params") ? "_raw_params" : "cmd", *line = static_arg(t, key);
    if (line && *line != '"' && *line != '\'')
        want(c, CHECK_NO_FILE, t, key, "files", arena_strndup(c->a, line, strcspn(line, " \t\n")),
             "the script");
}

void rule_files(struct check *c, const struct task *t)
{
    if (t->args.type != VALUE_DICT)
        return;
    if (strcmp(t->module, "template") == 0)
        want_template(c, t);
    else if (strcmp(t->module, "copy") == 0 || strcmp(t->module, "unarchive") == 0)
        want_file(c, t, "src");
    else if (strcmp(t->module, "script") == 0)
        want_script(c, t);
}

// A file that a templated name may mean: what is no file of variables is not meant.
static void read_candidate(void *data, const char *path)
{
    struct check *c = data;
    struct value doc;
    if (load_yaml(c->loader, arena_strdup(c->a, path), &doc, NULL) == 0 && doc.type == VALUE_DICT)
        read_vars_file(c, path);
}

// --- files of variables --------------------------------------------------------------------------

static void read_vars_dir(struct check *c, const char *dir)
{
    static const char *const forms[] = {"%s/*.yml", "%s/*.yaml", "%s/*.json", "%s/*/*.yml"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const char *end = forms[i] + 2;
        glob_each(arena_printf(c->a, "%s%s", dir, end), read_vars_file, c);
    }
}

void follow_include_vars(struct check *c, const struct task *t)
{
    if (strcmp(t->module, "include_vars") != 0 || t->args.type != VALUE_DICT)
        return;
    const char *key = any_arg(t, "file") ? "file" : any_arg(t, "dir") ? "dir" : "_raw_params";
    const char *name = any_arg(t, key);
    if (!name)
        return;
    if (template_is_template(name, strlen(name))) {
        if (!each_candidate(c, &t->n, "vars", name, read_candidate, c))
            c->open = true;
        return;
    }
    name = arena_strndup(c->a, name, strcspn(name, " \n"));
    const char *path = find(c, t, "vars", name);
    struct stat st;
    if (strcmp(key, "dir") == 0 && path)
        read_vars_dir(c, path);
    else if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode))
        read_vars_file(c, path);
    if (!path || strcmp(key, "dir") != 0)
        want(c, CHECK_NO_VARS, t, key, "vars", name, "the file of variables");
}

// A relative name beside the playbook, as the run looks for it.
static const char *vars_file(struct check *c, const struct play *p, const char *name)
{
    return playbook_find_file(c->a, &p->n, "vars", name, p->basedir, NULL);
}

static void vars_file_entry(struct check *c, const struct play *p, const struct value *v)
{
    if (v->type == VALUE_LIST) { // the first that exists
        for (size_t i = 0; i < v->u.list->len; i++)
            if (v->u.list->items[i].type == VALUE_STRING) {
                const char *path = vars_file(c, p, v->u.list->items[i].u.str.s);
                if (path)
                    read_vars_file(c, path);
                else
                    c->open = true;
            }
        return;
    }
    if (v->type != VALUE_STRING)
        return;
    if (template_is_template(v->u.str.s, v->u.str.len)) {
        if (!each_candidate(c, &p->n, "vars", v->u.str.s, read_candidate, c))
            c->open = true;
        return;
    }
    const char *path = vars_file(c, p, v->u.str.s);
    if (path) {
        read_vars_file(c, path);
    } else {
        c->open = true;
        report_as(c, CHECK_NO_VARS, unless_whole(c, CHECK_ERROR), value_pos(v),
                  "the file of variables '%s' was not found beside the playbook", v->u.str.s);
    }
}

void rule_vars_files(struct check *c, const struct play *p)
{
    const struct value *v = p->vars_files;
    if (v && v->type == VALUE_LIST)
        for (size_t i = 0; i < v->u.list->len; i++)
            vars_file_entry(c, p, &v->u.list->items[i]);
    else if (v)
        vars_file_entry(c, p, v);
}
