// Playbook files: plays, import_playbook, and what a play holds.
#include "playbook/load.h"

#include "core/file.h"
#include "playbook/keywords.h"
#include "playbook/loader.h"
#include "playbook/scopes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct loader *loader_new(const struct loader_opts *opts)
{
    struct loader *l = xcalloc(1, sizeof *l);
    l->arena = arena_new();
    l->opts = *opts;
    l->files = value_dict(l->arena).u.dict;
    l->includes = value_dict(l->arena).u.dict;
    l->handlers = value_dict(l->arena).u.dict;
    return l;
}

void loader_free(struct loader *l)
{
    if (!l)
        return;
    arena_free(l->arena);
    free(l);
}

const struct loader_opts *loader_options(const struct loader *l)
{
    return &l->opts;
}

struct arena *loader_arena(struct loader *l)
{
    return l->arena;
}

bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int load_yaml(struct loader *l, const char *path, struct value *ret, struct err *e)
{
    const struct value *cached = dict_get(l->files, path);
    if (!cached && l->opts.read)
        cached = dict_get(l->opts.read, path);
    if (cached) {
        *ret = *cached;
        return 0;
    }
    struct yaml_opts o = l->opts.yaml;
    o.json_first = true;
    int rc = yaml_load_file(l->arena, path, &o, ret, e);
    if (rc == 0)
        dict_set(l->files, path, *ret);
    if (rc == 0 && l->opts.read)
        dict_set(l->opts.read, path, *ret);
    if (rc < 0)
        l->kind = LOAD_YAML;
    return rc;
}

const struct dict *loader_files(const struct loader *l)
{
    return l->files;
}

int loader_vars_file(struct loader *l, const char *path, struct dict **ret, struct err *e)
{
    struct value v;
    int rc = load_yaml(l, path, &v, e);
    if (rc < 0)
        return rc;
    if (v.type == VALUE_NULL)
        v = value_dict(l->arena);
    if (v.type != VALUE_DICT)
        return err_set(e, ERR_INVALID, value_pos(&v),
                       "%s must contain a dictionary of variables, but is a %s", path,
                       value_type_name(&v));
    *ret = v.u.dict;
    return 0;
}

static const char *scope_name(unsigned scope)
{
    switch (scope) {
    case KW_PLAY:
        return "a Play";
    case KW_BLOCK:
        return "a Block";
    case KW_ROLE:
        return "a RoleInclude";
    case KW_HANDLER:
        return "a Handler";
    default:
        return "a Task";
    }
}

static int check_keyword(struct loader *l, const struct dict_entry *it, unsigned scope,
                         struct err *e)
{
    if (it->key.type != VALUE_STRING)
        return err_set(e, ERR_INVALID, value_pos(&it->key), "keywords must be text, found a %s",
                       value_type_name(&it->key));
    const char *name = it->key.u.str.s;
    const struct keyword *k = keyword_find(name);
    if (k && (k->scopes & scope)) {
        l->kind = LOAD_KEYWORD_TYPE;
        int rc = keyword_check(k, &it->key, &it->val, e);
        if (rc == 0)
            rc = check_debugger(&it->key, &it->val, e);
        return rc;
    }
    const char *near = keyword_suggest(name, scope);
    l->kind = LOAD_KEYWORD;
    return err_set(e, ERR_INVALID, value_pos(&it->key),
                   "'%s' is not a valid attribute for %s%s%s%s", name, scope_name(scope),
                   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

int check_keywords(struct loader *l, const struct dict *d, unsigned scope, struct err *e)
{
    struct dict_entry *it;
    int rc = 0;
    DICT_EACH(d, it)
    if ((rc = load_recover(l, check_keyword(l, it, scope, e), e)) < 0)
        return rc;
    l->kind = LOAD_OTHER;
    return 0;
}

int load_recover(struct loader *l, int rc, struct err *e)
{
    if (rc >= 0 || !l->opts.problem)
        return rc;
    l->opts.problem(l->opts.data, l->kind, e);
    l->kind = LOAD_OTHER;
    err_release(e);
    return 0;
}

// One key of module_defaults: a group, or what a task would run.
static int check_default(struct loader *l, const struct value *key, const struct list *collections,
                         struct err *e)
{
    static const char group[] = "group/";
    const char *name = value_to_cstr(l->arena, key);
    int rc = 0;
    if (strncmp(name, group, sizeof group - 1) == 0)
        rc =
            l->opts.group_known ? l->opts.group_known(l->opts.data, name + sizeof group - 1, e) : 0;
    else if (l->opts.module_known)
        rc = l->opts.module_known(l->opts.data, name, collections, e);
    if (rc < 0)
        return err_at(e, value_pos(key));
    if (rc != MODULE_NOWHERE || !l->opts.module_known ||
        strncmp(name, group, sizeof group - 1) == 0)
        return 0;
    l->kind = LOAD_MODULE;
    return err_set(e, ERR_INVALID, value_pos(key),
                   "Could not resolve action %s%s in module_defaults",
                   strchr(name, '.') ? "" : "ansible.legacy.", name);
}

int load_check_defaults(struct loader *l, const struct node *n, struct err *e)
{
    const struct value *v = dict_get(n->attrs, "module_defaults");
    struct dict_entry *it;
    int rc = 0;
    if (!v || v->type == VALUE_NULL)
        return 0;
    struct value all = value_as_list(l->arena, v);
    for (size_t i = 0; i < all.u.list->len; i++) {
        const struct value *one = &all.u.list->items[i];
        if (one->type != VALUE_DICT)
            return err_set(
                e, ERR_INVALID, value_pos(one),
                "The field 'module_defaults' is supposed to be a dictionary or list of "
                "dictionaries, the keys of which must be static action, module, or group "
                "names. Only the values may contain templates. For example: {'ping': "
                "\"{{ ping_defaults }}\"}");
        DICT_EACH(one->u.dict, it)
        if ((rc = load_recover(l, check_default(l, &it->key, playbook_collections(n), e), e)) < 0)
            return rc;
    }
    return 0;
}

int static_template(struct loader *l, const struct node *n, const struct value *in,
                    struct value *ret, struct err *e)
{
    if (!template_has_template(in)) {
        *ret = *in;
        return 0;
    }
    struct static_scope s;
    struct templar t;
    static_scope_init(&s, l, n);
    static_scope_templar(&s, &t);
    return template_value(&t, l->arena, in, ret, e);
}

static int load_roles(struct loader *l, const struct where *w, const struct value *roles,
                      struct node_list *ret, struct err *e)
{
    if (!roles || roles->type == VALUE_NULL)
        return 0;
    if (roles->type != VALUE_LIST)
        return err_set(e, ERR_INVALID, value_pos(roles), "'roles' must be a list, but is a %s",
                       value_type_name(roles));
    for (size_t i = 0; i < roles->u.list->len; i++) {
        struct include *inc = NULL;
        int depth = l->depth, rc = load_role_entry(l, w, &roles->u.list->items[i], &inc, e);
        if (rc < 0)
            l->depth = depth;
        if ((rc = load_recover(l, rc, e)) < 0)
            return rc;
        if (inc)
            node_list_add(l->arena, ret, &inc->n);
    }
    return 0;
}

static int load_section(struct loader *l, const struct where *w, const struct dict *ds,
                        const char *key, struct node_list *ret, struct err *e)
{
    const struct value *v = dict_get(ds, key);
    struct where here = *w;
    here.handlers = strcmp(key, "handlers") == 0;
    if (!v || v->type == VALUE_NULL)
        return 0;
    return load_recover(l, load_tasks(l, &here, v, ret, e), e);
}

static int merge_vars_list(struct loader *l, const struct value *v, struct dict *ret, struct err *e)
{
    if (v->type == VALUE_DICT) {
        dict_update(ret, v->u.dict);
        return 0;
    }
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->u.list->len; i++) {
            const struct value *item = &v->u.list->items[i];
            if (item->type != VALUE_DICT)
                return err_set(e, ERR_INVALID, value_pos(item),
                               "'vars' must be a dictionary or a list of dictionaries");
            dict_update(ret, item->u.dict);
        }
        return 0;
    }
    (void)l;
    if (v->type == VALUE_NULL)
        return 0;
    return err_set(e, ERR_INVALID, value_pos(v),
                   "'vars' must be a dictionary or a list of dictionaries");
}

static int check_hosts(const struct play *p, const struct value *ds, struct err *e)
{
    if (!p->hosts)
        return err_set(e, ERR_INVALID, value_pos(ds),
                       "the field 'hosts' is required but was not set");
    if (p->hosts->type == VALUE_NULL || (p->hosts->type == VALUE_STRING && !p->hosts->u.str.len) ||
        (p->hosts->type == VALUE_LIST && !p->hosts->u.list->len))
        return err_set(e, ERR_INVALID, value_pos(p->hosts),
                       "Hosts list cannot be empty. Please check your playbook");
    if (p->hosts->type == VALUE_DICT)
        return err_set(e, ERR_INVALID, value_pos(p->hosts),
                       "Hosts list must be a sequence or string. Please check your playbook.");
    if (p->hosts->type == VALUE_LIST)
        for (size_t i = 0; i < p->hosts->u.list->len; i++)
            if (p->hosts->u.list->items[i].type == VALUE_NULL)
                return err_set(e, ERR_INVALID, value_pos(p->hosts),
                               "Hosts list cannot contain values of 'None'");
    return 0;
}

// `user` of a play is an old name of remote_user.
static struct value without_user(struct loader *l, const struct value *ds)
{
    const struct value *user = dict_get(ds->u.dict, "user");
    if (!user || dict_get(ds->u.dict, "remote_user"))
        return *ds;
    struct value copy = value_shallow(l->arena, ds), key = value_cstr("remote_user");
    value_set_pos(&copy, value_pos(ds));
    value_set_pos(&key, value_pos(user));
    dict_setv(copy.u.dict, key, *user);
    dict_del(copy.u.dict, "user");
    return copy;
}

static int load_play(struct loader *l, const char *file, const struct value *written,
                     struct play **ret, struct err *e)
{
    struct value whole = without_user(l, written), *ds = &whole;
    struct play *p = arena_new_of(l->arena, struct play);
    int rc = check_keywords(l, ds->u.dict, KW_PLAY, e);
    if (rc < 0)
        return rc;
    p->n = (struct node){
        .kind = NODE_PLAY, .attrs = ds->u.dict, .pos = value_pos(ds), .play = p, .file = file};
    p->basedir = path_dir(l->arena, file);
    if ((rc = load_recover(l, load_check_defaults(l, &p->n, e), e)) < 0)
        return rc;
    p->hosts = dict_get(ds->u.dict, "hosts");
    if ((rc = load_recover(l, check_hosts(p, ds, e), e)) < 0)
        return rc;
    p->vars = value_dict(l->arena).u.dict;
    const struct value *vars = dict_get(ds->u.dict, "vars");
    if (vars && (rc = load_recover(l, merge_vars_list(l, vars, p->vars, e), e)) < 0)
        return rc;
    p->vars_files = dict_get(ds->u.dict, "vars_files");
    p->vars_prompt = dict_get(ds->u.dict, "vars_prompt");
    const struct value *name = dict_get(ds->u.dict, "name");
    p->name = name && name->type != VALUE_NULL ? value_to_cstr(l->arena, name) : NULL;
    struct where w = {.play = p, .parent = &p->n, .file = file, .basedir = p->basedir};
    struct node_list roles = {0};
    if ((rc = load_recover(l, load_roles(l, &w, dict_get(ds->u.dict, "roles"), &roles, e), e)) <
            0 ||
        (rc = load_section(l, &w, ds->u.dict, "handlers", &p->handlers, e)) < 0 ||
        (rc = load_section(l, &w, ds->u.dict, "pre_tasks", &p->pre_tasks, e)) < 0)
        return rc;
    for (size_t i = 0; i < roles.len; i++)
        node_list_add(l->arena, &p->tasks, roles.items[i]);
    if ((rc = load_section(l, &w, ds->u.dict, "tasks", &p->tasks, e)) < 0 ||
        (rc = load_section(l, &w, ds->u.dict, "post_tasks", &p->post_tasks, e)) < 0)
        return rc;
    *ret = p;
    return 0;
}

static void add_play(struct loader *l, struct playbook *pb, struct play *p)
{
    if (pb->n_plays == pb->cap_plays) {
        size_t cap = pb->cap_plays ? pb->cap_plays * 2 : 4;
        struct play **plays = arena_array(l->arena, struct play *, cap);
        if (pb->n_plays)
            memcpy(plays, pb->plays, pb->n_plays * sizeof(struct play *));
        pb->plays = plays;
        pb->cap_plays = cap;
    }
    pb->plays[pb->n_plays++] = p;
}

static int load_file(struct loader *l, struct playbook *pb, const char *path,
                     const struct node *parent, struct err *e);

static const struct value *import_key(const struct dict *d)
{
    static const char *const names[] = {"import_playbook", "ansible.builtin.import_playbook",
                                        "ansible.legacy.import_playbook"};
    for (size_t i = 0; i < 3; i++)
        if (dict_get(d, names[i]))
            return dict_get(d, names[i]);
    return NULL;
}

// import_playbook: the plays of another file, with this entry's vars, tags and when put in front of
// theirs.
static int import_playbook(struct loader *l, struct playbook *pb, const char *file,
                           const struct value *ds, const struct node *parent, struct err *e)
{
    const struct value *what = import_key(ds->u.dict);
    struct node *n = arena_new_of(l->arena, struct node);
    struct value name;
    *n = (struct node){.kind = NODE_PLAY, .attrs = ds->u.dict, .pos = value_pos(ds), .file = file};
    n->parent = arena_new_of(l->arena, struct node);
    if (parent)
        *n->parent = *parent;
    else
        n->parent = NULL;
    int rc = static_template(l, n, what, &name, e);
    if (rc < 0)
        return err_at(e, value_pos(what));
    if (name.type != VALUE_STRING || !name.u.str.len)
        return err_set(e, ERR_INVALID, value_pos(ds), "playbook import parameter is missing");
    const char *dir = path_dir(l->arena, file), *path = path_join(l->arena, dir, name.u.str.s);
    if (!is_file(path))
        return err_set(e, ERR_NOENT, value_pos(what), "the playbook to import was not found: %s",
                       path);
    rc = load_file(l, pb, path, n, e);
    return rc < 0 ? err_at(e, value_pos(what)) : 0;
}

static int load_entry(struct loader *l, struct playbook *pb, const char *path,
                      const struct value *ds, const struct node *parent, struct err *e)
{
    if (ds->type != VALUE_DICT)
        return err_set(e, ERR_INVALID, value_pos(ds),
                       "playbook entries must be either valid plays or 'import_playbook' "
                       "statements, found a %s",
                       value_type_name(ds));
    if (import_key(ds->u.dict))
        return import_playbook(l, pb, path, ds, parent, e);
    struct play *p;
    int rc = load_play(l, path, ds, &p, e);
    if (rc < 0)
        return rc;
    if (parent) {
        struct node *up = arena_new_of(l->arena, struct node);
        *up = *parent;
        p->n.parent = up;
        const struct value *vars = dict_get(parent->attrs, "vars");
        if (vars && vars->type == VALUE_DICT)
            dict_update(p->vars, vars->u.dict);
    }
    add_play(l, pb, p);
    return 0;
}

static int load_file(struct loader *l, struct playbook *pb, const char *path,
                     const struct node *parent, struct err *e)
{
    struct value doc;
    if (++l->depth > MAX_INCLUDE_DEPTH)
        return err_set(e, ERR_LIMIT, POS_NONE, "playbooks import each other without end: %s", path);
    if (l->opts.entered)
        l->opts.entered(l->opts.data, path_dir(l->arena, path), false);
    int rc = load_yaml(l, path, &doc, e);
    if (rc < 0)
        return rc;
    struct pos start = {.file = src_file(path), .line = 1, .col = 1};
    if (doc.type == VALUE_NULL)
        return err_set(e, ERR_INVALID, start, "Empty playbook, nothing to do: %s", path);
    if (doc.type != VALUE_LIST)
        return err_set(e, ERR_INVALID, value_pos(&doc),
                       "A playbook must be a list of plays, got a %s instead: %s",
                       value_type_name(&doc), path);
    int depth = l->depth;
    for (size_t i = 0; i < doc.u.list->len && rc == 0; i++) {
        rc = load_recover(l, load_entry(l, pb, path, &doc.u.list->items[i], parent, e), e);
        l->depth = depth;
    }
    l->depth--;
    return rc;
}

static struct playbook *playbook_new(struct loader *l, const char *path, const char *basedir)
{
    struct playbook *pb = arena_new_of(l->arena, struct playbook);
    *pb = (struct playbook){
        .arena = l->arena, .path = arena_strdup(l->arena, path), .basedir = basedir};
    return pb;
}

static const char *absolute(struct arena *a, const char *path)
{
    char *real = realpath(path, NULL);
    const char *copy = arena_strdup(a, real ? real : path);
    free(real);
    return copy;
}

int playbook_load(struct loader *l, const char *path, struct playbook **ret, struct err *e)
{
    if (!is_file(path))
        return err_set(e, ERR_NOENT, POS_NONE,
                       is_dir(path) ? "the playbook: %s does not appear to be a file"
                                    : "the playbook: %s could not be found",
                       path);
    const char *full = absolute(l->arena, path);
    struct playbook *pb = playbook_new(l, full, path_dir(l->arena, full));
    l->depth = 0;
    int rc = load_file(l, pb, full, NULL, e);
    if (rc == 0)
        *ret = pb;
    return rc;
}

int playbook_from_value(struct loader *l, const char *basedir, const struct value *ds,
                        struct playbook **ret, struct err *e)
{
    struct playbook *pb = playbook_new(l, "", arena_strdup(l->arena, basedir));
    struct play *p;
    if (l->opts.entered)
        l->opts.entered(l->opts.data, basedir, false);
    int rc = load_play(l, path_join(l->arena, basedir, "adhoc"), ds, &p, e);
    if (rc < 0)
        return rc;
    add_play(l, pb, p);
    *ret = pb;
    return 0;
}
