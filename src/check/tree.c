// A whole repository: finds its playbooks, roles, files of variables and inventories by convention.
#include "check/internal.h"

#include "core/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_DEPTH 16
#define MAX_INVENTORY ((size_t)1 << 20)

struct tree {
    struct check *c;
    const char *root;
    struct vec yaml;  // paths of files that may be playbooks
    struct vec other; // paths of files that only define variables for us
    struct vec roles; // folders
    struct vec vars;  // group_vars and host_vars
    struct vec inventories;
    struct vec requirements;
};

static bool has(struct arena *a, const char *dir, const char *name)
{
    struct stat st;
    return stat(path_join(a, dir, name), &st) == 0;
}

static bool has_main(struct arena *a, const char *dir, const char *sub)
{
    return has(a, dir, arena_printf(a, "%s/main.yml", sub)) ||
           has(a, dir, arena_printf(a, "%s/main.yaml", sub));
}

static bool is_role(struct arena *a, const char *dir)
{
    bool other = has_main(a, dir, "meta") || has_main(a, dir, "defaults") ||
                 has_main(a, dir, "handlers") || has_main(a, dir, "vars");
    bool among = strcmp(path_base(path_dir(a, dir)), "roles") == 0;
    return (has_main(a, dir, "tasks") && (other || among)) || (among && other);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static bool is_inventory(const char *path, const char *name)
{
    return strncmp(name, "hosts", 5) == 0 || strncmp(name, "inventory", 9) == 0 ||
           ends_with(name, ".ini") ||
           (strstr(path, "/inventor") && (!strchr(name, '.') || ends_with(name, ".cfg")));
}

static void add_file(struct tree *t, const char *path, bool ours)
{
    const char *name = path_base(path);
    if (ends_with(name, ".yml") || ends_with(name, ".yaml")) {
        vec_add(ours ? &t->yaml : &t->other, &path);
        if (strstr(name, "requirements"))
            vec_add(&t->requirements, &path);
    } else if (is_inventory(path, name)) {
        vec_add(&t->inventories, &path);
    }
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void discover(struct tree *t, const char *dir, bool ours, int depth);

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static void add_dir(struct tree *t, const char *dir, const char *path, bool ours, bool in_role,
                    int depth)
{
    static const char *const foreign[] = {"node_modules", "venv", "__pycache__",
                                          "ansible_collections", NULL};
    static const char *const plugins[] = {"library",        "plugins",      "action_plugins",
                                          "filter_plugins", "test_plugins", NULL};
    // molecule's scenarios set variables of the role but are not looked at themselves
    static const char *const apart[] = {"molecule", "files", "templates", "docs", NULL};
    static const char *const of_role[] = {"tasks", "handlers", "defaults", "vars", "meta", NULL};
    const char *name = path_base(path);
    if (is_one_of(name, foreign))
        return;
    if (is_one_of(name, plugins))
        add_library(t->c, dir);
    if (strcmp(name, "group_vars") == 0 || strcmp(name, "host_vars") == 0) {
        vec_add(ours ? &t->vars : &t->other, &path);
        return;
    }
    discover(t, path, ours && !is_one_of(name, apart) && !(in_role && is_one_of(name, of_role)),
             depth + 1);
}

static void discover(struct tree *t, const char *dir, bool ours, int depth)
{
    struct arena *a = t->c->a;
    struct vec names = {.size = sizeof(char *)};
    DIR *d = depth < MAX_DEPTH ? opendir(dir) : NULL;
    bool role = ours && is_role(a, dir);
    for (struct dirent *de; d && (de = readdir(d));) {
        const char *path = path_join(a, dir, de->d_name);
        if (de->d_name[0] != '.')
            vec_add(&names, &path);
    }
    if (d)
        closedir(d);
    if (role)
        vec_add(&t->roles, &dir);
    if (names.len)
        qsort(names.items, names.len, sizeof(char *), by_name);
    for (size_t i = 0; i < names.len; i++) {
        const char *path = *VEC_AT(&names, const char *, i);
        struct stat st;
        if (lstat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            add_dir(t, dir, path, ours, role, depth);
        else if (S_ISREG(st.st_mode))
            add_file(t, path, ours);
    }
    free(names.items);
}

// --- what is found -------------------------------------------------------------------------------

// The folders that hold roles.
static const char *const *role_paths(struct tree *t)
{
    struct arena *a = t->c->a;
    const char **dirs = arena_array(a, const char *, t->roles.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < t->roles.len; i++) {
        const char *dir = path_dir(a, *VEC_AT(&t->roles, const char *, i));
        size_t k = 0;
        while (k < n && strcmp(dirs[k], dir) != 0)
            k++;
        if (k == n)
            dirs[n++] = dir;
    }
    return dirs;
}

static void require(struct check *c, const char *name)
{
    size_t len = strlen(name);
    const char *base = path_base(name);
    dict_set(c->requirements, name, value_bool(true));
    if (ends_with(base, ".git"))
        dict_set(c->requirements, arena_strndup(c->a, base, strlen(base) - 4), value_bool(true));
    else if (len)
        dict_set(c->requirements, base, value_bool(true));
}

static void read_requirements(struct check *c, const char *path)
{
    struct value doc;
    if (load_yaml(c->loader, path, &doc, NULL) < 0)
        return;
    const struct value *list = doc.type == VALUE_DICT ? dict_get(doc.u.dict, "roles") : &doc;
    for (size_t i = 0; list && list->type == VALUE_LIST && i < list->u.list->len; i++) {
        const struct value *item = &list->u.list->items[i];
        if (item->type == VALUE_STRING)
            require(c, item->u.str.s);
        if (item->type != VALUE_DICT)
            continue;
        static const char *const keys[] = {"name", "src", "role"};
        for (size_t k = 0; k < 3; k++)
            if (dict_str(item->u.dict, keys[k], NULL))
                require(c, dict_str(item->u.dict, keys[k], NULL));
    }
}

static bool is_playbook(const struct value *doc)
{
    if (doc->type != VALUE_LIST || !doc->u.list->len)
        return false;
    for (size_t i = 0; i < doc->u.list->len; i++) {
        const struct value *v = &doc->u.list->items[i];
        if (v->type != VALUE_DICT)
            return false;
        if (dict_get(v->u.dict, "hosts") || dict_get(v->u.dict, "import_playbook") ||
            dict_get(v->u.dict, "ansible.builtin.import_playbook"))
            return true;
    }
    return false;
}

// A file that is no YAML is told of when its text begins plays.
static void check_yaml(struct check *c, const char *path)
{
    struct value doc;
    struct playbook *pb;
    struct err e = ERR_INIT;
    if (is_other(c, path))
        return;
    if (load_yaml(c->loader, path, &doc, &e) < 0) {
        size_t len;
        char *text;
        if (e.pos.line && file_read(c->a, path, CHECK_MAX_FILE, &text, &len, NULL) == 0 &&
            (strncmp(text, "- hosts:", 8) == 0 || strstr(text, "\n- hosts:"))) {
            on_problem(c, LOAD_YAML, &e);
            dict_set(c->seen_files, path, value_bool(true));
        }
    } else if (is_playbook(&doc)) {
        if (playbook_load(c->loader, path, &pb, &e) < 0)
            on_problem(c, LOAD_OTHER, &e);
        else
            walk_playbook(c, pb);
    }
    err_release(&e);
}

// --- roles that no playbook uses -----------------------------------------------------------------

static void check_role(struct tree *t, const char *role, const char *tasks_from)
{
    struct check *c = t->c;
    struct value play = value_dict(c->a), tasks = value_list(c->a), task = value_dict(c->a),
                 args = value_dict(c->a);
    dict_set(args.u.dict, "name", value_cstr(role));
    if (tasks_from)
        dict_set(args.u.dict, "tasks_from", value_cstr(tasks_from));
    dict_set(task.u.dict, "import_role", args);
    list_add(tasks.u.list, task);
    dict_set(play.u.dict, "hosts", value_cstr("all"));
    dict_set(play.u.dict, "tasks", tasks);
    check_synthetic(c, t->root, &play);
}

// Files of tasks of a role that nothing was seen to include.
static void check_rest(struct tree *t, const char *role, const char *dir, const char *below)
{
    struct check *c = t->c;
    DIR *d = opendir(dir);
    for (struct dirent *de; d && (de = readdir(d));) {
        struct stat st;
        struct value doc;
        const char *path = path_join(c->a, dir, de->d_name);
        const char *name = arena_printf(c->a, "%s%s", below, de->d_name);
        if (de->d_name[0] == '.' || stat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            check_rest(t, role, path, arena_printf(c->a, "%s/", name));
        else if ((ends_with(name, ".yml") || ends_with(name, ".yaml")) &&
                 !dict_get(c->seen_files, path) &&
                 (load_yaml(c->loader, path, &doc, NULL) < 0 || doc.type == VALUE_LIST))
            check_role(t, role, name);
    }
    if (d)
        closedir(d);
}

static void check_roles(struct tree *t)
{
    struct check *c = t->c;
    for (size_t i = 0; i < t->roles.len; i++) {
        const char *role = *VEC_AT(&t->roles, const char *, i);
        if (!dict_get(c->seen_roles, role))
            check_role(t, role, NULL);
        check_rest(t, role, path_join(c->a, role, "tasks"), "");
    }
}

// --- all of it -----------------------------------------------------------------------------------

// Files that are not checked still say which variables and modules there are.
static void read_others(struct tree *t)
{
    for (size_t i = 0; i < t->other.len; i++) {
        struct value doc;
        if (load_yaml(t->c->loader, *VEC_AT(&t->other, const char *, i), &doc, NULL) < 0)
            continue;
    }
    for (size_t i = 0; i < t->inventories.len; i++) {
        char *text;
        size_t len;
        if (file_read(t->c->a, *VEC_AT(&t->inventories, const char *, i), MAX_INVENTORY, &text,
                      &len, NULL) == 0)
            define_ini(t->c, text);
    }
}

static void check_all(struct tree *t)
{
    struct check *c = t->c;
    begin(c, role_paths(t));
    read_others(t);
    for (size_t i = 0; i < t->requirements.len; i++)
        read_requirements(c, *VEC_AT(&t->requirements, const char *, i));
    for (size_t i = 0; i < t->vars.len; i++)
        read_outside(c, *VEC_AT(&t->vars, const char *, i));
    for (size_t i = 0; i < t->roles.len; i++)
        add_library(c, *VEC_AT(&t->roles, const char *, i));
    for (size_t i = 0; i < t->yaml.len; i++)
        check_yaml(c, *VEC_AT(&t->yaml, const char *, i));
    check_roles(t);
}

int check_tree(struct check *c, const char *dir, struct err *e)
{
    char *full = realpath(dir, NULL);
    if (!full)
        return err_set(e, ERR_NOENT, POS_NONE, "there is no folder %s", dir);
    struct tree t = {.c = c, .root = arena_strdup(c->a, full)};
    struct vec *lists[] = {&t.yaml, &t.other, &t.roles, &t.vars, &t.inventories, &t.requirements};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        lists[i]->size = sizeof(char *);
    free(full);
    c->root = t.root;
    add_library(c, t.root);
    c->root_is_role = is_role(c->a, t.root);
    discover(&t, t.root, true, 0);
    check_all(&t);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        free(lists[i]->items);
    return 0;
}
