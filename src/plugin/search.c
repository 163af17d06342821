// Where things are: Ansible's search paths, the folders of collections, the installed Ansible and
// its Python.
#include "core/file.h"
#include "plugin/internal.h"
#include "yaml/yaml.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void paths_add(struct plugins *p, struct paths *l, const char *path)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i], path) == 0)
            return;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        const char **items = arena_array(p->arena, const char *, cap);
        if (l->n)
            memcpy(items, l->items, l->n * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = arena_strdup(p->arena, path);
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

// --- files of plugins
// -------------------------------------------------------------------------------------------------

static bool rejected(const char *name, bool any)
{
    static const char *const ends[] = {".pyc", ".pyo",   ".swp",  ".bak", "~",
                                       ".rpm", ".md",    ".txt",  ".rst", ".orig",
                                       ".cfg", ".retry", ".yaml", ".yml", ".ini"};
    size_t len = strlen(name);
    if (name[0] == '.' || strncmp(name, "__", 2) == 0)
        return true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (len > n && strcmp(name + len - n, ends[i]) == 0)
            return true;
    }
    return !any && (len < 4 || strcmp(name + len - 3, ".py") != 0);
}

// Adds the files of one folder by their names without extension; .py goes before others.
static void list_dir(struct plugins *p, struct dict *names, const char *dir, bool any, int depth)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *de; (de = readdir(d));) {
        const char *path = path_join(p->arena, dir, de->d_name), *dot = strrchr(de->d_name, '.');
        if (de->d_name[0] == '.' || strcmp(de->d_name, "__pycache__") == 0)
            continue;
        if (is_dir(path)) {
            if (depth < 2)
                list_dir(p, names, path, any, depth + 1);
            continue;
        }
        if (rejected(de->d_name, any))
            continue;
        size_t n = dot && dot != de->d_name ? (size_t)(dot - de->d_name) : strlen(de->d_name);
        const char *base = arena_strndup(p->arena, de->d_name, n);
        if (!dict_get(names, base) || (dot && strcmp(dot, ".py") == 0))
            dict_set(names, base, value_cstr(path));
    }
    closedir(d);
}

static const struct dict *listing(struct plugins *p, const char *dir, bool any)
{
    const char *key = arena_printf(p->arena, "%d%s", any, dir);
    const struct value *v = dict_get(p->listings, key);
    if (v)
        return v->u.dict;
    struct value names = value_dict(p->arena);
    list_dir(p, names.u.dict, dir, any, 0);
    dict_set(p->listings, key, names);
    return names.u.dict;
}

const char *file_in(struct plugins *p, const char *dir, const char *name, bool any)
{
    const struct value *v = dict_get(listing(p, dir, any), name);
    return v ? v->u.str.s : NULL;
}

const char *plugins_first(struct plugins *p, const char *dir)
{
    struct dict_entry *it;
    DICT_EACH(listing(p, dir, false), it)
    return it->val.u.str.s;
    return NULL;
}

// --- collections
// -------------------------------------------------------------------------------------------------

static const char *try_collection(struct plugins *p, const char *root, const char *name, size_t len)
{
    const char *dot = memchr(name, '.', len);
    if (!dot)
        return NULL;
    size_t n = strlen(root);
    static const char sub[] = "ansible_collections";
    bool there = n >= sizeof sub - 1 && strcmp(root + n - (sizeof sub - 1), sub) == 0;
    const char *dir =
        arena_printf(p->arena, "%s%s%s/%.*s/%.*s", root, there ? "" : "/", there ? "" : sub,
                     (int)(dot - name), name, (int)(len - (size_t)(dot + 1 - name)), dot + 1);
    return is_dir(dir) ? dir : NULL;
}

const char *collection_dir(struct plugins *p, const char *name, size_t len)
{
    const char *dir = NULL, *package;
    for (size_t i = 0; i < p->playbooks.n && !dir; i++)
        dir =
            try_collection(p, path_join(p->arena, p->playbooks.items[i], "collections"), name, len);
    const struct list *paths = config_list(p->o.config, CONFIG_COLLECTIONS_PATHS);
    for (size_t i = 0; i < paths->len && !dir; i++)
        dir = try_collection(p, paths->items[i].u.str.s, name, len);
    if (!dir && (package = ansible_package(p)))
        dir = try_collection(p, path_dir(p->arena, package), name, len);
    return dir;
}

// A collection's meta/runtime.yml, or Ansible's own; empty when there is none.
static const struct dict *runtime(struct plugins *p, const char *collection, size_t len)
{
    const char *key = arena_strndup(p->arena, collection, len), *path = NULL;
    const struct value *v = dict_get(p->runtimes, key);
    if (v)
        return v->u.dict;
    struct value doc;
    if (strcmp(key, "ansible.builtin") != 0)
        path = collection_dir(p, collection, len);
    else if (ansible_package(p))
        path = path_join(p->arena, ansible_package(p), "config/ansible_builtin_runtime.yml");
    if (path && strcmp(key, "ansible.builtin") != 0)
        path = path_join(p->arena, path, "meta/runtime.yml");
    if (!path || yaml_load_file(p->arena, path, NULL, &doc, NULL) < 0 || doc.type != VALUE_DICT)
        doc = value_dict(p->arena);
    dict_set(p->runtimes, key, doc);
    return doc.u.dict;
}

const struct dict *runtime_section(struct plugins *p, const char *collection, size_t len,
                                   const char *section)
{
    const struct value *v = dict_get(runtime(p, collection, len), section);
    return v && v->type == VALUE_DICT ? v->u.dict : NULL;
}

const char *routed(struct plugins *p, const char *collection, size_t len, const char *kind,
                   const char *name)
{
    const struct dict *routing = runtime_section(p, collection, len, "plugin_routing");
    const struct value *v = routing ? dict_get(routing, kind) : NULL;
    v = v && v->type == VALUE_DICT ? dict_get(v->u.dict, name) : NULL;
    return v && v->type == VALUE_DICT ? dict_str(v->u.dict, "redirect", NULL) : NULL;
}

// --- the installed Ansible
// -------------------------------------------------------------------------------------------------

static const char *in_path(struct plugins *p, const char *name)
{
    const char *path = getenv("PATH");
    for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *path;) {
        size_t n = strcspn(path, ":");
        const char *full = arena_printf(p->arena, "%.*s/%s", (int)n, path, name);
        if (n && access(full, X_OK) == 0 && !is_dir(full))
            return full;
        path += n + (path[n] == ':');
    }
    return NULL;
}

// The Python in the first line of a script, or NULL. Programs called ansible may be andon itself.
static const char *shebang_python(struct plugins *p, const char *script)
{
    char line[512];
    int fd = open(script, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        close(fd);
    if (n < 3 || memcmp(line, "#!", 2) != 0)
        return NULL;
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    char *word = line + 2 + strspn(line + 2, " \t");
    size_t len = strcspn(word, " \t");
    if (len >= 4 && strncmp(word + len - 4, "/env", 4) == 0) {
        word += len + strspn(word + len, " \t");
        len = strcspn(word, " \t");
        return strncmp(word, "python", 6) == 0 ? in_path(p, arena_strndup(p->arena, word, len))
                                               : NULL;
    }
    word[len] = '\0';
    return strncmp(path_base(word), "python", 6) == 0 && access(word, X_OK) == 0
               ? arena_strdup(p->arena, word)
               : NULL;
}

// The Python of the first program of that name in PATH that is a script of Python's.
static const char *script_python(struct plugins *p, const char *name)
{
    const char *path = getenv("PATH"), *found = NULL;
    for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *path && !found;) {
        size_t n = strcspn(path, ":");
        const char *script = arena_printf(p->arena, "%.*s/%s", (int)n, path, name);
        if (n && access(script, X_OK) == 0 && !is_dir(script))
            found = shebang_python(p, script);
        path += n + (path[n] == ':');
    }
    return found;
}

const char *ansible_python(struct plugins *p)
{
    static const char *const scripts[] = {"ansible", "ansible-playbook", "ansible-doc"};
    if (p->python)
        return *p->python ? p->python : NULL;
    const char *env = getenv("ANDON_PYTHON"), *found = env && *env ? env : NULL;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts && !found; i++)
        found = script_python(p, scripts[i]);
    if (!found)
        found = in_path(p, "python3");
    p->python = found ? found : "";
    return found;
}

static const char *first_dir(struct plugins *p, const char *pattern)
{
    glob_t g;
    const char *found = NULL;
    if (glob(pattern, 0, NULL, &g) == 0)
        for (size_t i = g.gl_pathc; i-- > 0 && !found;) // the newest Python comes last
            if (is_dir(g.gl_pathv[i]))
                found = arena_strdup(p->arena, g.gl_pathv[i]);
    globfree(&g);
    return found;
}

const char *ansible_package(struct plugins *p)
{
    static const char *const below[] = {
        "lib/python3*/site-packages/ansible", "local/lib/python3*/dist-packages/ansible",
        "lib/python3/dist-packages/ansible", "lib64/python3*/site-packages/ansible"};
    if (p->package)
        return *p->package ? p->package : NULL;
    const char *python = ansible_python(p), *home = getenv("HOME"), *found = NULL;
    p->package = "";
    if (!python)
        return NULL;
    const char *prefix = path_dir(p->arena, path_dir(p->arena, python));
    for (size_t i = 0; i < sizeof below / sizeof *below && !found; i++)
        found = first_dir(p, path_join(p->arena, prefix, below[i]));
    if (!found && home)
        found = first_dir(p, arena_printf(p->arena, "%s/.local/%s", home, below[0]));
    if (found)
        p->package = found;
    return found;
}
