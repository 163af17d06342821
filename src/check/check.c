// A check from its beginning to its end: loaders and what they tell, playbooks, files of variables.
#include "check/internal.h"

#include "core/file.h"
#include "template/hooks.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_ROLE_PATHS 256

// --- what loaders tell ---------------------------------------------------------------------------

// "ns.collection.name": the playbook or role of a collection.
static bool is_full_name(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot && strchr(dot + 1, '.') && !strpbrk(name, "/ ");
}

static bool is_vault(struct check *c, struct pos pos)
{
    const struct source *s = source_get(c, pos.file);
    return s->text && strncmp(s->text, "$ANSIBLE_VAULT;", 15) == 0;
}

// The first word in quotes of a message (not the n't of "couldn't").
static const char *quoted(struct arena *a, const char *msg)
{
    const char *from = strstr(msg, " '"), *to = from ? strchr(from + 2, '\'') : NULL;
    return to ? arena_strndup(a, from + 2, (size_t)(to - from - 2)) : "";
}

static void missing_role(struct check *c, const struct err *e)
{
    const char *name = quoted(c->a, err_msg(e)), *dot = strchr(name, '.');
    const char *file = src_name(e->pos.file);
    c->play_open = c->open = c->unresolved = true;
    if (!c->root) {
        report(c, CHECK_NO_ROLE, e->pos, "%s", err_msg(e));
        return;
    }
    // what Galaxy installs is named in requirements, or has the name of its author in it
    if (dict_get(c->requirements, name) || strchr(name, '/') || strstr(name, "://") ||
        (c->root_is_role && strstr(path_base(c->root), dot ? strrchr(name, '.') + 1 : name)))
        return;
    bool from_outside = dot || strstr(file, "/meta/") || c->synthetic;
    report_as(c, CHECK_NO_ROLE, from_outside ? CHECK_NOTE : CHECK_WARNING, e->pos,
              "the role '%s' is not in this repository", name);
}

// A name that no native module is like may belong to something that is built or installed first.
static void missing_module(struct check *c, const struct err *e)
{
    const char *name = quoted(c->a, err_msg(e));
    const char *near = module_near(c, name);
    report_as(c, CHECK_MODULE, c->root && !near ? CHECK_WARNING : CHECK_ERROR, e->pos,
              "there is no module '%s'%s%s%s", name, near ? " (did you mean '" : "",
              near ? near : "", near ? "'?)" : "");
    c->play_open = c->open = true;
}

void on_problem(void *check, enum load_problem kind, const struct err *e)
{
    struct check *c = check;
    enum check_id id = CHECK_SHAPE;
    if (is_vault(c, e->pos)) { // what is in it is not known without its password
        c->open = c->play_open = true;
        return;
    }
    switch (kind) {
    case LOAD_YAML:
        c->open = c->play_open = true;
        id = e->code == ERR_NOENT ? CHECK_NO_TASKS : CHECK_YAML;
        break;
    case LOAD_KEYWORD:
        id = CHECK_KEYWORD;
        break;
    case LOAD_KEYWORD_TYPE:
        if (e->code == ERR_UNSUPPORTED) { // no mistake, but not for us
            report_as(c, CHECK_KEYWORD_TYPE, CHECK_WARNING, e->pos, "%s", err_msg(e));
            return;
        }
        id = CHECK_KEYWORD_TYPE;
        break;
    case LOAD_MODULE:
        missing_module(c, e);
        return;
    case LOAD_ROLE:
        missing_role(c, e);
        return;
    case LOAD_OTHER:
        if (strncmp(err_msg(e), "the role '", 10) == 0) {
            missing_role(c, e);
            return;
        }
        if (e->code == ERR_UNDEFINED) { // the name of a static import
            c->open = c->play_open = true;
            if (!c->root)
                report_as(c, CHECK_UNDEFINED, CHECK_WARNING, e->pos, "%s", err_msg(e));
            return;
        }
        id = e->code == ERR_NOENT ? CHECK_NO_TASKS : CHECK_SHAPE;
        if (strncmp(err_msg(e), "Invalid variable name", 21) == 0)
            id = CHECK_BAD_NAME;
        if (c->root && id == CHECK_NO_TASKS && is_full_name(path_base(err_msg(e)))) {
            report_as(c, id, CHECK_NOTE, e->pos, "the collection of '%s' is not in this repository",
                      path_base(err_msg(e)));
            return;
        }
        break;
    }
    c->play_open = true;
    const char *msg = arena_strndup(c->a, err_msg(e), strcspn(err_msg(e), "\n"));
    const char *places = strstr(msg, " (looked in:");
    bool outside = id == CHECK_NO_TASKS && !strstr(src_name(e->pos.file), "/roles/");
    report_as(c, id, outside ? unless_whole(c, CHECK_ERROR) : check_rule(id)->severity, e->pos,
              "%.*s", places ? (int)(places - msg) : (int)strlen(msg), msg);
}

static void on_duplicate(void *check, struct pos pos, const char *msg)
{
    report(check, CHECK_DUPLICATE_KEY, pos, "%s", msg);
}

static void on_entered(void *check, const char *dir, bool is_role)
{
    (void)is_role;
    add_library(check, dir);
}

static void on_warning(void *check, struct pos pos, const char *msg)
{
    (void)check;
    (void)pos;
    (void)msg;
}

// --- beginning and end ---------------------------------------------------------------------------

struct check *check_new(const struct check_opts *opts)
{
    struct check *c = xcalloc(1, sizeof *c);
    c->opts = *opts;
    c->a = arena_new();
    c->cache = opts->loader.cache;
    template_hooks.foreign = scan_foreign;
    c->opts.loader.problem = on_problem;
    c->opts.loader.module_known = module_exists;
    c->opts.loader.module_suggest = module_near;
    c->opts.loader.module_hint = NULL;
    c->opts.loader.entered = on_entered;
    c->opts.loader.warn = on_warning;
    c->opts.loader.data = c;
    c->opts.loader.read = value_dict(c->a).u.dict; // all loaders live as long as the check
    c->opts.loader.yaml.warn = on_duplicate;
    c->opts.loader.yaml.warn_data = c;
    struct dict **dicts[] = {
        &c->defined,        &c->guarded,    &c->outside,       &c->seen_files,
        &c->seen_tasks,     &c->seen_nodes, &c->seen_handlers, &c->seen_roles,
        &c->seen_templates, &c->notified,   &c->told_once,     &c->library,
        &c->plugin_text,    &c->near,       &c->library_dirs,  &c->requirements,
    };
    for (size_t i = 0; i < sizeof dicts / sizeof *dicts; i++)
        *dicts[i] = value_dict(c->a).u.dict;
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        c->reported[i] = value_dict(c->a).u.dict;
        c->cleared[i] = value_dict(c->a).u.dict;
    }
    c->findings.size = sizeof(struct check_finding);
    c->uses.size = sizeof(struct use);
    c->handlers.size = c->all_handlers.size = sizeof(struct handler);
    c->notices.size = sizeof(struct notice);
    c->notify_patterns.size = sizeof(char *);
    c->loaders.size = sizeof(struct loader *);
    return c;
}

void check_free(struct check *c)
{
    if (!c)
        return;
    struct vec *vecs[] = {&c->findings,     &c->uses,    &c->handlers,
                          &c->all_handlers, &c->notices, &c->notify_patterns};
    for (size_t i = 0; i < sizeof vecs / sizeof *vecs; i++)
        free(vecs[i]->items);
    for (size_t i = 0; i < c->loaders.len; i++)
        loader_free(*VEC_AT(&c->loaders, struct loader *, i));
    free(c->loaders.items);
    arena_free(c->a);
    free(c);
}

void begin(struct check *c, const char *const *more_roles)
{
    struct loader_opts lo = c->opts.loader;
    const char **roles = arena_array(c->a, const char *, MAX_ROLE_PATHS + 1);
    size_t n = 0;
    for (; more_roles && *more_roles && n < MAX_ROLE_PATHS; more_roles++)
        roles[n++] = *more_roles;
    for (const char *const *p = lo.roles_path; p && *p && n < MAX_ROLE_PATHS; p++)
        roles[n++] = *p;
    lo.roles_path = roles;
    lo.share_handlers = true;
    c->loader = loader_new(&lo);
    c->unresolved = false;
    vec_add(&c->loaders, &c->loader);
    const struct dict *extra = lo.extra_vars;
    struct dict_entry *it;
    if (extra)
        DICT_EACH(extra, it)
    if (it->key.type == VALUE_STRING)
        define(c, it->key.u.str.s, POS_NONE);
}

// --- files of variables --------------------------------------------------------------------------

void read_vars_file(void *check, const char *path)
{
    struct check *c = check;
    struct err e = ERR_INIT;
    struct dict *d;
    path = arena_strdup(c->a, path);
    if (loader_vars_file(c->loader, path, &d, &e) < 0) {
        c->open = true;
        on_problem(c, e.code == ERR_PARSE || e.code == ERR_LIMIT ? LOAD_YAML : LOAD_OTHER, &e);
        err_release(&e);
    } else if (first_time(c, "vars", path)) {
        dict_set(c->seen_files, path, value_bool(true));
        use_value(c, &(struct value){.type = VALUE_DICT, .u.dict = d}, false);
    }
}

static bool is_yaml(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot &&
           (strcmp(dot, ".yml") == 0 || strcmp(dot, ".yaml") == 0 || strcmp(dot, ".json") == 0);
}

static void each_file(struct check *c, const char *dir, bool any_name,
                      void (*fn)(void *c, const char *path))
{
    DIR *d = opendir(dir);
    for (struct dirent *de; d && (de = readdir(d));) {
        struct stat st;
        const char *path = path_join(c->a, dir, de->d_name);
        if (de->d_name[0] == '.' || stat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            each_file(c, path, any_name, fn);
        else if (is_yaml(de->d_name) || (any_name && !strchr(de->d_name, '.')))
            fn(c, path);
    }
    if (d)
        closedir(d);
}

void read_vars_folder(struct check *c, const char *dir)
{
    each_file(c, dir, false, read_vars_file);
}

// True when an inventory stands beside a folder of group_vars.
static bool beside_inventory(struct check *c, const char *dir)
{
    static const char *const names[] = {"hosts",         "hosts.ini",     "hosts.yml", "hosts.yaml",
                                        "inventory.ini", "inventory.yml", "inventory"};
    const char *parent = path_dir(c->a, dir);
    struct stat st;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (stat(path_join(c->a, parent, names[i]), &st) == 0 && S_ISREG(st.st_mode))
            return true;
    return strstr(path_base(parent), "inventor") != NULL;
}

// Ansible's level of a file of group_vars or host_vars.
static int level_of(struct check *c, const char *path)
{
    const char *at = strstr(path, "/group_vars/");
    const char *vars = at ? at : strstr(path, "/host_vars/");
    if (!vars)
        return 0;
    bool inventory = beside_inventory(c, arena_printf(c->a, "%.*s/x", (int)(vars - path), path));
    if (!at)
        return inventory ? 9 : 10;
    at += strlen("/group_vars/");
    bool all = strncmp(at, "all", 3) == 0 && (at[3] == '/' || at[3] == '.' || !at[3]);
    return all ? (inventory ? 4 : 5) : (inventory ? 6 : 7);
}

static void read_outside_file(void *check, const char *path)
{
    struct check *c = check;
    struct dict *d;
    struct dict_entry *it;
    read_vars_file(c, path);
    if (loader_vars_file(c->loader, path, &d, NULL) < 0)
        return;
    DICT_EACH(d, it)
    {
        struct value level = value_int(level_of(c, path));
        value_set_pos(&level, value_pos(&it->key));
        if (it->key.type == VALUE_STRING && !dict_get(c->outside, it->key.u.str.s))
            dict_set(c->outside, it->key.u.str.s, level);
    }
}

void read_outside(struct check *c, const char *dir)
{
    each_file(c, dir, true, read_outside_file);
}

// --- playbooks -----------------------------------------------------------------------------------

void check_synthetic(struct check *c, const char *basedir, const struct value *ds)
{
    struct playbook *pb;
    struct err e = ERR_INIT;
    c->synthetic = true;
    if (playbook_from_value(c->loader, basedir, ds, &pb, &e) < 0) {
        on_problem(c, LOAD_OTHER, &e);
        err_release(&e);
    } else {
        walk_playbook(c, pb);
    }
    c->synthetic = false;
}

void check_task_file(struct check *c, const char *path)
{
    struct value play = value_dict(c->a), tasks = value_list(c->a), task = value_dict(c->a);
    dict_set(task.u.dict, "import_tasks", value_cstr(path));
    list_add(tasks.u.list, task);
    dict_set(play.u.dict, "hosts", value_cstr("all"));
    dict_set(play.u.dict, "tasks", tasks);
    check_synthetic(c, path_dir(c->a, path), &play);
}

bool is_task_list(const struct value *doc)
{
    const struct value *first =
        doc->type == VALUE_LIST && doc->u.list->len ? &doc->u.list->items[0] : NULL;
    return first && first->type == VALUE_DICT && !dict_get(first->u.dict, "hosts") &&
           !dict_get(first->u.dict, "import_playbook") &&
           !dict_get(first->u.dict, "ansible.builtin.import_playbook");
}

bool is_other(struct check *c, const char *path)
{
    bool other = c->opts.other && c->opts.other(c->opts.other_data, c, path);
    if (other)
        dict_set(c->seen_files, path, value_bool(true));
    return other;
}

int check_playbook(struct check *c, const char *path, struct err *e)
{
    struct playbook *pb;
    struct value doc;
    char *full = realpath(path, NULL);
    const char *file = full ? arena_strdup(c->a, full) : path;
    free(full);
    c->root = NULL;
    if (is_other(c, file))
        return 0;
    begin(c, NULL);
    const char *dir = path_dir(c->a, file);
    read_outside(c, path_join(c->a, dir, "group_vars"));
    read_outside(c, path_join(c->a, dir, "host_vars"));
    if (load_yaml(c->loader, file, &doc, NULL) == 0 && is_task_list(&doc)) {
        check_task_file(c, file);
        return 0;
    }
    int rc = playbook_load(c->loader, file, &pb, e);
    if (rc < 0 && e->pos.line) { // a finding like others
        on_problem(c, e->code == ERR_PARSE ? LOAD_YAML : LOAD_OTHER, e);
        dict_set(c->seen_files, file, value_bool(true));
        err_release(e);
        return 0;
    }
    if (rc == 0)
        walk_playbook(c, pb);
    return rc;
}
