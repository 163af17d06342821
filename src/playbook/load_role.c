// Roles: where they are, their files, their dependencies.
#include "config/path.h"
#include "core/buf.h"
#include "core/file.h"
#include "playbook/keywords.h"
#include "playbook/loader.h"
#include "template/paths.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

// dir/name without "..", by its letters alone: a folder on the way need not exist.
static const char *role_path(struct arena *a, const char *dir, const char *name)
{
    const char *path = path_join(a, dir, name);
    struct buf b = BUF_INIT;
    path_norm(&b, (struct text){path, strlen(path)});
    path = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return path;
}

static bool try_role(struct arena *a, struct list *tried, const char *dir, const char *name,
                     const char **ret)
{
    const char *path = role_path(a, dir, name);
    list_add(tried, value_cstr(dir));
    if (!is_dir(path))
        return false;
    *ret = path;
    return true;
}

// ns.collection.role below one of the folders collections are in, or NULL.
static const char *role_below(struct loader *l, const char *root, const char *name)
{
    const char *dot = strchr(name, '.'), *dot2 = strchr(dot + 1, '.');
    const char *path =
        arena_printf(l->arena, "%s/ansible_collections/%.*s/%.*s/roles/%s", root, (int)(dot - name),
                     name, (int)(dot2 - dot - 1), dot + 1, dot2 + 1);
    return is_dir(path) ? path : NULL;
}

// A role by its full name: in collections/ beside the playbook, then in the configured folders.
static bool find_collection_role(struct loader *l, const char *name, const char *basedir,
                                 const char **ret)
{
    const char *dot = strchr(name, '.'), *dot2 = dot ? strchr(dot + 1, '.') : NULL;
    if (!dot2 || strchr(name, '/'))
        return false;
    const char *path = role_below(l, path_join(l->arena, basedir, "collections"), name);
    for (const char *const *p = l->opts.collections_path; p && *p && !path; p++)
        path = role_below(l, *p, name);
    if (path)
        *ret = path;
    return path != NULL;
}

static int find_role(struct loader *l, const struct where *w, const char *name, struct pos pos,
                     const char **ret, struct err *e)
{
    struct arena *a = l->arena;
    struct list *tried = value_list(a).u.list;
    const char *basedir = w->basedir ? w->basedir : path_dir(a, w->play->n.file);
    if (find_collection_role(l, name, basedir, ret))
        return 0;
    const char *path = path_home(a, arena_strdup(a, name));
    if (*path == '/' && is_dir(path)) {
        *ret = path;
        return 0;
    }
    if (try_role(a, tried, path_join(a, basedir, "roles"), name, ret))
        return 0;
    for (const char *const *p = l->opts.roles_path; p && *p; p++)
        if (try_role(a, tried, *p, name, ret))
            return 0;
    if (w->role && try_role(a, tried, path_dir(a, w->role->path), name, ret))
        return 0;
    if (w->role && try_role(a, tried, path_join(a, w->role->path, "roles"), name, ret))
        return 0;
    if (try_role(a, tried, basedir, name, ret))
        return 0;
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < tried->len; i++)
        buf_addf(&b, "%s%s", i ? ":" : "", tried->items[i].u.str.s);
    l->kind = LOAD_ROLE;
    int rc = err_set(e, ERR_NOENT, pos, "the role '%s' was not found in %s", name, buf_str(&b));
    buf_release(&b);
    return rc;
}

// dir/main or dir/NAME with one of the known endings, or NULL.
static const char *role_file(struct arena *a, const char *dir, const char *name)
{
    static const char *const ends[] = {".yml", ".yaml", ".json", ""};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const char *path = arena_printf(a, "%s/%s%s", dir, name, ends[i]);
        if (is_file(path))
            return path;
    }
    return NULL;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

// vars/main may be a folder: all its files in order.
static int load_vars_dir(struct loader *l, const char *dir, struct dict *ret, struct err *e)
{
    const char *names[256];
    size_t n = 0;
    DIR *d = opendir(dir);
    if (!d)
        return 0;
    for (struct dirent *de; (de = readdir(d)) && n < 256;)
        if (de->d_name[0] != '.' && de->d_name[strlen(de->d_name) - 1] != '~')
            names[n++] = path_join(l->arena, dir, de->d_name);
    closedir(d);
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        struct dict *vars;
        int rc = is_dir(names[i]) ? load_vars_dir(l, names[i], ret, e)
                                  : loader_vars_file(l, names[i], &vars, e);
        if (rc < 0)
            return rc;
        if (!is_dir(names[i]))
            dict_update(ret, vars);
    }
    return 0;
}

static int load_role_vars(struct loader *l, const struct role *r, const char *sub, const char *from,
                          struct dict **ret, struct err *e)
{
    const char *dir = path_join(l->arena, r->path, sub),
               *file = role_file(l->arena, dir, from ? from : "main");
    *ret = value_dict(l->arena).u.dict;
    if (file)
        return loader_vars_file(l, file, ret, e);
    const char *folder = path_join(l->arena, dir, from ? from : "main");
    if (is_dir(folder))
        return load_vars_dir(l, folder, *ret, e);
    if (from)
        return err_set(e, ERR_NOENT, r->pos, "Could not find specified file in role: %s/%s", sub,
                       from);
    return 0;
}

static int load_role_tasks(struct loader *l, const struct where *w, const struct role *r,
                           const char *sub, const char *from, struct node_list *ret, struct err *e)
{
    const char *dir = path_join(l->arena, r->path, sub),
               *file = role_file(l->arena, dir, from ? from : "main");
    if (!file && from)
        return err_set(e, ERR_NOENT, r->pos, "Could not find specified file in role: %s/%s", sub,
                       from);
    if (!file)
        return 0;
    struct where in = *w;
    in.file = file;
    in.handlers = strcmp(sub, "handlers") == 0;
    return load_task_file(l, &in, file, ret, e);
}

static int load_deps(struct loader *l, const struct where *w, struct role *r, struct include *inc,
                     const struct value *deps, struct err *e)
{
    if (!deps || deps->type == VALUE_NULL)
        return 0;
    if (deps->type != VALUE_LIST)
        return err_set(e, ERR_INVALID, value_pos(deps), "Expected role dependencies to be a list.");
    r->deps = arena_array(l->arena, struct role *, deps->u.list->len + 1);
    for (size_t i = 0; i < deps->u.list->len; i++) {
        struct include *dep = NULL;
        int depth = l->depth, rc = load_role_entry(l, w, &deps->u.list->items[i], &dep, e);
        if (rc < 0)
            l->depth = depth;
        if ((rc = load_recover(l, rc, e)) < 0)
            return rc;
        if (!dep)
            continue;
        dep->n.role->parent = r;
        dep->n.role->dependency = true;
        r->deps[r->n_deps++] = dep->n.role;
        node_list_add(l->arena, &inc->body, &dep->n);
    }
    return 0;
}

// The collection a role is in, and those its meta/main.yml names.
static const struct list *role_collections(struct loader *l, const char *name,
                                           const struct dict *meta)
{
    const char *dot = strchr(name, '.'), *dot2 = dot ? strchr(dot + 1, '.') : NULL;
    const struct value *more = meta ? dict_get(meta, "collections") : NULL;
    struct list *found = value_list(l->arena).u.list;
    if (dot2 && !strchr(name, '/'))
        list_add(found, value_strn(l->arena, name, (size_t)(dot2 - name)));
    for (size_t i = 0; more && more->type == VALUE_LIST && i < more->u.list->len; i++)
        list_add(found, more->u.list->items[i]);
    return found->len ? found : NULL;
}

// meta/main.yml: dependencies and, for roles that are listed, allow_duplicates; argument specs from
// there or meta/argument_specs.yml.
static int load_meta(struct loader *l, const struct where *w, struct role *r, struct include *inc,
                     const char *entry, struct err *e)
{
    const char *dir = path_join(l->arena, r->path, "meta"),
               *file = role_file(l->arena, dir, "main"),
               *specs = role_file(l->arena, dir, "argument_specs");
    struct dict *meta = NULL, *spec = NULL;
    int rc;
    if (file && (rc = loader_vars_file(l, file, &meta, e)) < 0)
        return err_wrap(e, "the 'meta/main.yml' for role %s", r->name);
    if (specs && (rc = loader_vars_file(l, specs, &spec, e)) < 0)
        return rc;
    const struct value *all = dict_get(spec ? spec : meta, "argument_specs");
    if (all && all->type == VALUE_DICT)
        r->argument_specs = dict_get(all->u.dict, entry ? path_base(entry) : "main");
    r->collections = role_collections(l, r->name, meta);
    if (!meta)
        return 0;
    if (!r->from_include)
        r->use->allow_duplicates = dict_bool(meta, "allow_duplicates", false);
    return load_deps(l, w, r, inc, dict_get(meta, "dependencies"), e);
}

static struct role *role_new(struct loader *l, const struct where *w,
                             const struct role_include *args, const char *path, struct pos pos)
{
    struct role *r = arena_new_of(l->arena, struct role);
    *r = (struct role){.name = arena_strdup(l->arena, args->name),
                       .path = path,
                       .parent = w->role,
                       .public_vars = args->public_vars,
                       .from_include = !args->listed,
                       .pos = pos};
    return r;
}

static void play_add_role(struct loader *l, struct play *p, struct role *r)
{
    if (p->n_roles == p->cap_roles) {
        size_t cap = p->cap_roles ? p->cap_roles * 2 : 8;
        struct role **roles = arena_array(l->arena, struct role *, cap);
        if (p->n_roles)
            memcpy(roles, p->roles, p->n_roles * sizeof(struct role *));
        p->roles = roles;
        p->cap_roles = cap;
    }
    p->roles[p->n_roles++] = r;
}

static void add_to_key(struct dict *key, const char *name, const struct value *v)
{
    bool none = !v || v->type == VALUE_NULL || (v->type == VALUE_LIST && !v->u.list->len) ||
                (v->type == VALUE_DICT && !v->u.dict->len);
    if (!none)
        dict_set(key, name, *v);
}

// Tags and conditions, which may stand alone, as a list.
static void add_list_to_key(struct loader *l, struct dict *key, const char *name,
                            const struct value *v)
{
    if (!v)
        return;
    struct value list = value_list(l->arena);
    if (v->type == VALUE_STRING && strcmp(name, "tags") == 0) {
        for (const char *s = v->u.str.s; *s; s += *s == ',') {
            while (*s == ' ')
                s++;
            size_t n = strcspn(s, ","), kept = n;
            while (kept && s[kept - 1] == ' ')
                kept--;
            list_add(list.u.list, value_strn(l->arena, s, kept));
            s += n;
        }
    } else {
        list = value_as_list(l->arena, v);
    }
    add_to_key(key, name, &list);
}

static struct value use_key(struct loader *l, const struct role *r, const struct dict *attrs,
                            const struct role_include *args)
{
    struct value key = value_dict(l->arena), v = {.type = VALUE_DICT};
    const char *const from[] = {args->tasks_from, args->vars_from, args->defaults_from,
                                args->handlers_from};
    struct dict *d = key.u.dict;
    dict_set(d, "name", value_cstr(r->name));
    dict_set(d, "included", value_bool(!args->listed));
    if (args->listed) { // what else an import or an include says is that task's
        add_list_to_key(l, d, "tags", dict_get(attrs, "tags"));
        add_list_to_key(l, d, "when", dict_get(attrs, "when"));
        v.u.dict = (struct dict *)(uintptr_t)r->params;
        add_to_key(d, "params", v.u.dict ? &v : NULL);
    }
    v.u.dict = (struct dict *)(uintptr_t)args->given;
    add_to_key(d, "vars", v.u.dict ? &v : NULL);
    v.u.dict = (struct dict *)(uintptr_t)args->item;
    if (v.u.dict && v.u.dict->len)
        dict_set(d, "item", value_copy(l->arena, &v));
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        if (from[i])
            dict_setv(d, value_int((int64_t)i), value_cstr(from[i]));
    return key;
}

// What this use has in common with others in the play that are the same.
static struct role_use *use_of(struct loader *l, const struct play *p, struct value key)
{
    for (size_t i = 0; i < p->n_roles; i++)
        if (value_equal(&p->roles[i]->use->key, &key))
            return p->roles[i]->use;
    struct role_use *use = arena_new_of(l->arena, struct role_use);
    use->key = key;
    return use;
}

// The task that checks the role's arguments before its other tasks, as a line of a task file.
static struct value validation_task(struct loader *l, const struct role *r, const char *entry,
                                    const struct dict *provided)
{
    struct arena *a = l->arena;
    struct value task = value_dict(a), action = value_dict(a), context = value_dict(a),
                 params = value_dict(a), tags = value_list(a), list = value_list(a);
    const struct dict *spec = r->argument_specs->u.dict;
    const struct value *options = dict_get(spec, "options"),
                       *about = dict_get(spec, "short_description");
    if (provided)
        dict_update(params.u.dict, provided);
    dict_set(context.u.dict, "type", value_cstr("role"));
    const char *dot = strchr(r->name, '.'), *dot2 = dot ? strchr(dot + 1, '.') : NULL;
    dict_set(context.u.dict, "name",
             value_cstr(dot2 && !strchr(r->name, '/') ? dot2 + 1 : r->name)); // in its collection
    dict_set(context.u.dict, "argument_spec_name", value_cstr(entry));
    dict_set(context.u.dict, "path", value_cstr(r->path));
    dict_set(action.u.dict, "module", value_cstr("ansible.builtin.validate_argument_spec"));
    dict_set(action.u.dict, "argument_spec", options ? *options : value_dict(a));
    dict_set(action.u.dict, "provided_arguments", params);
    dict_set(action.u.dict, "validate_args_context", context);
    list_add(tags.u.list, value_cstr("always"));
    dict_set(task.u.dict, "name",
             value_strf(a, "Validating arguments against arg spec '%s'%s%s", entry,
                        about ? " - " : "", about ? value_to_cstr(a, about) : ""));
    dict_set(task.u.dict, "action", action);
    dict_set(task.u.dict, "tags", tags);
    value_set_pos(&task, value_pos(r->argument_specs));
    list_add(list.u.list, task);
    return list;
}

static int add_validation(struct loader *l, const struct where *w, const struct role *r,
                          const struct role_include *args, struct node_list *ret, struct err *e)
{
    if (!r->argument_specs || r->argument_specs->type != VALUE_DICT || args->no_validate ||
        !r->argument_specs->u.dict->len)
        return 0;
    const char *entry = args->tasks_from ? path_base(args->tasks_from) : "main";
    struct value list = validation_task(l, r, entry, args->provided);
    return load_tasks(l, w, &list, ret, e);
}

static int load_handlers(struct loader *l, const struct where *w, struct role *r, const char *from,
                         struct err *e)
{
    const char *key = arena_printf(l->arena, "%s:%s", r->path, from ? from : "");
    const struct value *v = l->opts.share_handlers ? dict_get(l->handlers, key) : NULL;
    if (v) {
        r->handlers = *(struct node_list *)(uintptr_t)v->u.i;
        return 0;
    }
    int rc = load_role_tasks(l, w, r, "handlers", from, &r->handlers, e);
    if (rc == 0 && l->opts.share_handlers)
        dict_set(l->handlers, key, value_int((int64_t)(uintptr_t)&r->handlers));
    return rc;
}

int load_role(struct loader *l, const struct where *w, const struct role_include *args,
              const struct dict *attrs, const struct dict *params, struct pos pos,
              struct include **ret, struct err *e)
{
    const char *path = NULL;
    int rc = find_role(l, w, args->name, pos, &path, e);
    if (rc < 0)
        return rc;
    if (++l->depth > MAX_INCLUDE_DEPTH)
        return err_set(e, ERR_LIMIT, pos,
                       "A recursion loop was detected with the roles specified: %s", args->name);
    if (l->opts.entered)
        l->opts.entered(l->opts.data, path, true);
    struct role *r = role_new(l, w, args, path, pos);
    struct where in = *w;
    in.role = r;
    struct include *inc = include_new(l, &in, attrs, pos);
    r->node = &inc->n;
    r->params = params;
    r->given = args->given;
    r->use = use_of(l, w->play, use_key(l, r, attrs, args));
    if (r->from_include)
        r->use->allow_duplicates = args->allow_duplicates;
    in.parent = &inc->n;
    inc->file_name = path;
    struct node_list tasks = {0};
    if ((rc = load_recover(
             l, load_role_vars(l, r, "defaults", args->defaults_from, &r->defaults, e), e)) < 0 ||
        (rc = load_recover(l, load_role_vars(l, r, "vars", args->vars_from, &r->vars, e), e)) < 0 ||
        (rc = load_recover(l, load_meta(l, &in, r, inc, args->tasks_from, e), e)) < 0 ||
        (rc = load_recover(l, load_handlers(l, &in, r, args->handlers_from, e), e)) < 0 ||
        (rc = load_recover(l, add_validation(l, &in, r, args, &tasks, e), e)) < 0 ||
        (rc = load_recover(l, load_role_tasks(l, &in, r, "tasks", args->tasks_from, &tasks, e),
                           e)) < 0)
        return rc;
    for (size_t i = 0; i < tasks.len; i++)
        node_list_add(l->arena, &inc->body, tasks.items[i]);
    play_add_role(l, w->play, r);
    l->depth--;
    *ret = inc;
    return 0;
}

// Splits a roles: entry into keywords (attrs) and parameters (everything else).
static void split_entry(struct loader *l, const struct value *entry, struct dict **attrs,
                        struct dict **params)
{
    struct dict_entry *it;
    *attrs = value_dict(l->arena).u.dict;
    *params = value_dict(l->arena).u.dict;
    DICT_EACH(entry->u.dict, it)
    {
        const char *k = it->key.u.str.s;
        const struct keyword *kw = it->key.type == VALUE_STRING ? keyword_find(k) : NULL;
        if (kw && (kw->scopes & KW_ROLE))
            dict_setv(*attrs, it->key, it->val);
        else if (it->key.type == VALUE_STRING && strcmp(k, "role") != 0 && strcmp(k, "src") != 0 &&
                 strcmp(k, "scm") != 0 && strcmp(k, "version") != 0)
            dict_setv(*params, it->key, it->val);
    }
}

int load_role_entry(struct loader *l, const struct where *w, const struct value *entry,
                    struct include **ret, struct err *e)
{
    struct dict *attrs = value_dict(l->arena).u.dict, *params = NULL;
    const struct value *name = entry;
    if (entry->type == VALUE_DICT) {
        name = dict_get(entry->u.dict, "role");
        if (!name)
            name = dict_get(entry->u.dict, "name");
        if (!name)
            name = dict_get(entry->u.dict, "src");
        split_entry(l, entry, &attrs, &params);
    }
    if (!name || name->type != VALUE_STRING || !name->u.str.len)
        return err_set(e, ERR_INVALID, value_pos(entry),
                       "role definitions must contain a role name");
    struct value final;
    struct node here = {.kind = NODE_INCLUDE,
                        .parent = w->parent,
                        .attrs = attrs,
                        .play = w->play,
                        .role = w->role,
                        .file = w->file};
    int rc = static_template(l, &here, name, &final, e);
    if (rc < 0)
        return err_at(e, value_pos(name));
    if ((rc = load_check_defaults(l, &here, e)) < 0)
        return rc;
    struct role_include args = {.name = value_to_cstr(l->arena, &final),
                                .public_vars = !w->role || w->role->public_vars,
                                .listed = true};
    const struct value *vars = dict_get(attrs, "vars");
    if (vars && vars->type == VALUE_DICT)
        args.given = vars->u.dict;
    if (params && params->len)
        args.provided = params;
    return load_role(l, w, &args, attrs, params, value_pos(name), ret, e);
}
