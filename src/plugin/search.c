// Where things are: Ansible's search paths, the folders of collections, the installed Ansible and
// its Python.
#include "config/installed.h"
#include "core/file.h"
#include "plugin/internal.h"
#include "yaml/yaml.h"

#include <string.h>
#include <sys/stat.h>

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

static const struct dict *listing(struct plugins *p, const char *dir, bool any)
{
    const char *key = arena_printf(p->arena, "%d%s", any, dir);
    const struct value *v = dict_get(p->listings, key);
    if (v)
        return v->u.dict;
    struct value names = value_dict(p->arena);
    plugin_files(p->arena, dir, any, names.u.dict);
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

// What plugin_routing says of a plugin, or NULL.
static const struct dict *routing_of(struct plugins *p, const char *collection, size_t len,
                                     const char *kind, const char *name)
{
    const struct dict *routing = runtime_section(p, collection, len, "plugin_routing");
    const struct value *v = routing ? dict_get(routing, kind) : NULL;
    v = v && v->type == VALUE_DICT ? dict_get(v->u.dict, name) : NULL;
    return v && v->type == VALUE_DICT ? v->u.dict : NULL;
}

const char *routed(struct plugins *p, const char *collection, size_t len, const char *kind,
                   const char *name)
{
    const struct dict *d = routing_of(p, collection, len, kind, name);
    return d ? dict_str(d, "redirect", NULL) : NULL;
}

const char *routed_to_action(struct plugins *p, const char *collection, size_t len,
                             const char *module)
{
    const struct dict *d = routing_of(p, collection, len, "modules", module);
    return d ? dict_str(d, "action_plugin", NULL) : NULL;
}

// --- the installed Ansible
// -------------------------------------------------------------------------------------------------

const char *ansible_python(struct plugins *p)
{
    if (!p->python) {
        const char *found = installed_python(p->arena);
        p->python = found ? found : "";
    }
    return *p->python ? p->python : NULL;
}

const char *ansible_package(struct plugins *p)
{
    if (!p->package) {
        const char *found = installed_package(p->arena, ansible_python(p));
        p->package = found ? found : "";
    }
    return *p->package ? p->package : NULL;
}
