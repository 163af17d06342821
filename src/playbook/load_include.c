// Statements that bring other tasks: what they may say, static imports, and what dynamic includes
// give when a host comes to them.
#include "core/buf.h"
#include "playbook/keywords.h"
#include "playbook/kv.h"
#include "playbook/loader.h"

#include <string.h>

// --- what may stand there ------------------------------------------------------------------------

static bool named(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static bool of_role(const struct task *t)
{
    return strcmp(t->module, "include_role") == 0 || strcmp(t->module, "import_role") == 0;
}

static bool is_dynamic(const struct task *t)
{
    return strncmp(t->module, "include_", 8) == 0;
}

// Dynamic includes run nothing themselves: how something is run belongs to what they bring
// (`apply`).
static int check_keywords_of(struct loader *l, const struct where *w, struct task *t, struct err *e)
{
    struct value kept = {.type = VALUE_DICT};
    struct dict_entry *it;
    kept.u.dict = (struct dict *)(uintptr_t)t->n.attrs;
    kept = value_shallow(l->arena, &kept);
    DICT_EACH(t->n.attrs, it)
    {
        const struct keyword *kw = keyword_find(it->key.u.str.s);
        bool listens = kw && kw->scopes == KW_HANDLER;
        if (!kw || (listens && w->handlers) || (!listens && !is_dynamic(t)) ||
            kw->scopes & KW_INCLUDE)
            continue;
        if (l->opts.lax_keywords) {
            if (l->opts.warn)
                l->opts.warn(l->opts.data, value_pos(&it->key),
                             arena_printf(l->arena, "Ignoring invalid attribute: %s", kw->name));
            dict_delv(kept.u.dict, &it->key);
            continue;
        }
        l->kind = LOAD_KEYWORD;
        return err_set(e, ERR_INVALID, value_pos(&it->key).line ? value_pos(&it->key) : t->n.pos,
                       "'%s' is not a valid attribute for a %s", kw->name,
                       of_role(t)    ? "IncludeRole"
                       : w->handlers ? "HandlerTaskInclude"
                                     : "TaskInclude");
    }
    t->n.attrs = kept.u.dict;
    return 0;
}

static const char *raw_param(const struct value *args, const char *key)
{
    if (args->type != VALUE_DICT)
        return NULL;
    const char *s = dict_str(args->u.dict, "_raw_params", NULL);
    return s ? s : dict_str(args->u.dict, key, NULL);
}

static int check_options(const struct task *t, struct err *e)
{
    static const char *const of_tasks[] = {"_raw_params", "file", NULL};
    static const char *const of_roles[] = {
        "allow_duplicates",  "defaults_from", "handlers_from", "name", "role",
        "rolespec_validate", "tasks_from",    "vars_from",     NULL};
    static const char *const of_includes[] = {"apply", "public", NULL};
    struct dict_entry *it;
    if (t->args.type != VALUE_DICT || dict_get(t->args.u.dict, "_variable_params"))
        return 0;
    DICT_EACH(t->args.u.dict, it)
    {
        const char *k = it->key.type == VALUE_STRING ? it->key.u.str.s : "?";
        bool none =
            it->val.type == VALUE_NULL || (it->val.type == VALUE_DICT && !it->val.u.dict->len);
        if (named(k, of_role(t) ? of_roles : of_tasks) ||
            (named(k, of_includes) && (is_dynamic(t) || none)))
            continue;
        return err_set(e, ERR_INVALID, t->n.pos, "Invalid options for %s: %s", t->action, k);
    }
    if (of_role(t) ? !dict_get(t->args.u.dict, "name") && !dict_get(t->args.u.dict, "role")
                   : !raw_param(&t->args, "file"))
        return err_set(e, ERR_INVALID, t->n.pos,
                       of_role(t) ? "'name' is a required field for %s."
                                  : "No file specified for %s",
                       t->action);
    const struct value *apply = dict_get(t->args.u.dict, "apply");
    if (apply && apply->type != VALUE_DICT && apply->type != VALUE_NULL)
        return err_set(e, ERR_INVALID, t->n.pos, "Expected a dict for apply but got %s instead",
                       value_type_name(apply));
    return 0;
}

int load_check_include(struct loader *l, const struct where *w, struct task *t, struct err *e)
{
    int rc = check_keywords_of(l, w, t, e);
    return rc < 0 ? rc : check_options(t, e);
}

// --- static --------------------------------------------------------------------------------------

static const char *trimmed(struct arena *a, const char *s)
{
    while (*s == ' ' || *s == '\n')
        s++;
    size_t n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\n'))
        n--;
    return arena_strndup(a, s, n);
}

static int templated_name(struct loader *l, const struct task *t, const char *name,
                          const char **ret, struct err *e)
{
    struct value in = value_cstr(name), out;
    value_set_pos(&in, t->n.pos);
    int rc = static_template(l, &t->n, &in, &out, e);
    if (rc < 0) {
        err_wrap(e, "Error when evaluating the name of a static import (only variables known "
                    "before any host can be used)");
        return err_at(e, t->n.pos);
    }
    *ret = trimmed(l->arena, value_to_cstr(l->arena, &out));
    return 0;
}

// import_tasks: the file's tasks under an include node that carries this task's keywords.
int load_import_tasks(struct loader *l, const struct where *w, struct task *t,
                      struct node_list *ret, struct err *e)
{
    const char *file = raw_param(&t->args, "file"), *name;
    if (!file)
        return err_set(e, ERR_INVALID, t->n.pos, "No file specified for import_tasks");
    if (t->loop)
        return err_set(e, ERR_INVALID, t->loop_pos,
                       "You cannot use loops on 'import_tasks' statements. You should use "
                       "'include_tasks' instead.");
    int rc = templated_name(l, t, file, &name, e);
    if (rc < 0)
        return rc;
    char *tried = NULL;
    const char *path = playbook_find_tasks(l->arena, &t->n, w->handlers, name, w->basedir, &tried);
    if (!path)
        return err_set(e, ERR_NOENT, t->n.pos, "Could not find or access '%s' (looked in:%s)", name,
                       tried);
    struct include *inc = include_new(l, w, t->n.attrs, t->n.pos);
    const struct value *vars = dict_get(t->n.attrs, "vars");
    inc->file_name = path;
    if (strcmp(t->module, "include") == 0 && vars && vars->type == VALUE_DICT)
        inc->params = vars->u.dict;
    struct where in = *w;
    in.parent = &inc->n;
    in.file = path;
    if ((rc = load_task_file(l, &in, path, &inc->body, e)) < 0)
        return err_at(e, t->n.pos);
    node_list_add(l->arena, ret, &inc->n);
    return 0;
}

const char *playbook_role_named(struct arena *a, const struct task *t, const struct dict *args,
                                struct err *e)
{
    const struct value *v = dict_get(args, "name");
    if (!v || v->type == VALUE_NULL)
        v = dict_get(args, "role");
    if (!v || v->type == VALUE_NULL)
        (void)!err_set(e, ERR_INVALID, t->n.pos, "'name' is a required field for %s.", t->action);
    else if (v->type == VALUE_STRING)
        return v->u.str.s;
    else
        (void)!err_set(e, ERR_INVALID, t->n.pos, "Invalid role definition: %s",
                       value_to_cstr(a, v));
    return NULL;
}

int load_import_role(struct loader *l, const struct where *w, struct task *t, struct node_list *ret,
                     struct err *e)
{
    const char *name = playbook_role_named(l->arena, t, t->args.u.dict, e), *final;
    if (!name)
        return ERR_INVALID;
    if (t->loop)
        return err_set(e, ERR_INVALID, t->loop_pos,
                       "You cannot use loops on 'import_role' statements. You should use "
                       "'include_role' instead.");
    int rc = templated_name(l, t, name, &final, e);
    if (rc < 0)
        return rc;
    const struct dict *d = t->args.u.dict;
    struct role_include args = {.name = final,
                                .tasks_from = dict_str(d, "tasks_from", NULL),
                                .vars_from = dict_str(d, "vars_from", NULL),
                                .defaults_from = dict_str(d, "defaults_from", NULL),
                                .handlers_from = dict_str(d, "handlers_from", NULL),
                                .public_vars = true,
                                .allow_duplicates = dict_bool(d, "allow_duplicates", true),
                                .no_validate = !dict_bool(d, "rolespec_validate", true)};
    const struct value *vars = dict_get(t->n.attrs, "vars");
    struct include *inc;
    if (vars && vars->type == VALUE_DICT)
        args.given = vars->u.dict;
    rc = load_role(l, w, &args, t->n.attrs, NULL, t->n.pos, &inc, e);
    if (rc == 0)
        node_list_add(l->arena, ret, &inc->n);
    return rc;
}

// The old `include` is static unless it has a loop or a templated name. What stands behind the name
// are variables.
bool load_include_is_static(struct loader *l, struct task *t)
{
    if (t->args.type != VALUE_DICT || !dict_str(t->args.u.dict, "_raw_params", NULL))
        return false;
    struct value line = *dict_get(t->args.u.dict, "_raw_params");
    struct dict *vars = value_dict(l->arena).u.dict, *words;
    const struct value *own = dict_get(t->n.attrs, "vars");
    if (own && own->type == VALUE_DICT)
        dict_update(vars, own->u.dict);
    if (kv_parse(l->arena, line.u.str.s, line.u.str.len, false, t->n.pos, &words, NULL) == 0) {
        const struct value *file = dict_get(words, "_raw_params");
        if (file)
            dict_set(t->args.u.dict, "_raw_params", *file);
        dict_del(words, "_raw_params");
        dict_update(vars, words);
    }
    if (vars->len) {
        struct value attrs = {.type = VALUE_DICT}, copy, v = {.type = VALUE_DICT, .u.dict = vars};
        attrs.u.dict = (struct dict *)(uintptr_t)t->n.attrs;
        copy = value_shallow(l->arena, &attrs);
        dict_set(copy.u.dict, "vars", v);
        t->n.attrs = copy.u.dict;
    }
    line = *dict_get(t->args.u.dict, "_raw_params");
    return !t->loop && !template_is_template(line.u.str.s, line.u.str.len);
}

// --- dynamic -------------------------------------------------------------------------------------

// Remembers what a dynamic include at a task gave, under a text that says with what it was made.
static struct include *cached(struct loader *l, const char *key)
{
    const struct value *v = dict_get(l->includes, key);
    return v ? (struct include *)(uintptr_t)v->u.i : NULL;
}

static void cache(struct loader *l, const char *key, struct include *inc)
{
    dict_set(l->includes, key, value_int((int64_t)(uintptr_t)inc));
}

static int include_depth(const struct node *n)
{
    int depth = 0;
    for (; n; n = n->parent)
        depth += n->kind == NODE_INCLUDE;
    return depth;
}

static const struct dict *task_vars(const struct task *t)
{
    const struct value *v = dict_get(t->n.attrs, "vars");
    return v && v->type == VALUE_DICT ? v->u.dict : NULL;
}

// The keywords an include applies, kept as long as the loader: the caller's may belong to one task.
static const struct dict *kept_apply(struct loader *l, const struct dict *apply)
{
    struct value v = {.type = VALUE_DICT};
    if (!apply)
        return value_dict(l->arena).u.dict;
    v.u.dict = (struct dict *)(uintptr_t)apply;
    return value_copy(l->arena, &v).u.dict;
}

static int include_tasks(struct loader *l, struct task *task, const char *path,
                         const struct dict *apply, struct include **ret, struct err *e)
{
    if (include_depth(&task->n) > MAX_INCLUDE_DEPTH)
        return err_set(e, ERR_LIMIT, task->n.pos, "include_tasks goes deeper than %d levels: %s",
                       MAX_INCLUDE_DEPTH, path);
    path = arena_strdup(l->arena, path);
    struct where w = {.play = task->n.play,
                      .parent = task->n.parent,
                      .role = task->n.role,
                      .file = path,
                      .handlers = task->handler};
    struct include *inc = include_new(l, &w, kept_apply(l, apply), task->n.pos);
    inc->params = task_vars(task);
    inc->file_name = path;
    w.parent = &inc->n;
    l->depth = 0;
    int rc = load_task_file(l, &w, path, &inc->body, e);
    if (rc == 0)
        *ret = inc;
    return rc;
}

int playbook_include_tasks(struct loader *l, struct task *task, const char *path,
                           const struct dict *apply, struct include **ret, struct err *e)
{
    struct buf key = BUF_INIT;
    int rc = 0;
    buf_addf(&key, "%zu:%s", task->number, path);
    if (!(*ret = cached(l, buf_str(&key))) &&
        (rc = include_tasks(l, task, path, apply, ret, e)) == 0)
        cache(l, buf_str(&key), *ret);
    buf_release(&key);
    return rc;
}

static int include_role(struct loader *l, struct task *task, const struct role_include *args,
                        struct include **ret, struct err *e)
{
    if (include_depth(&task->n) > MAX_INCLUDE_DEPTH)
        return err_set(e, ERR_LIMIT, task->n.pos, "include_role goes deeper than %d levels: %s",
                       MAX_INCLUDE_DEPTH, args->name);
    struct where w = {
        .play = task->n.play, .parent = task->n.parent, .role = task->n.role, .file = task->n.file};
    const struct dict *vars = task_vars(task);
    struct role_include with = *args;
    with.given = vars;
    l->depth = 0;
    int rc = load_role(l, &w, &with, kept_apply(l, args->apply), vars, task->n.pos, ret, e);
    if (rc == 0)
        (*ret)->params = vars;
    return rc;
}

int playbook_include_role(struct loader *l, struct task *task, const struct role_include *args,
                          struct include **ret, struct err *e)
{
    const char *const from[] = {args->tasks_from, args->vars_from, args->defaults_from,
                                args->handlers_from};
    struct buf key = BUF_INIT;
    int rc = 0;
    buf_addf(&key, "%zu:role:%s", task->number, args->name);
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        buf_addf(&key, ":%s", from[i] ? from[i] : "");
    if (args->item) {
        struct value item = {.type = VALUE_DICT};
        item.u.dict = (struct dict *)(uintptr_t)args->item;
        value_repr(&key, &item);
    }
    if ((*ret = cached(l, buf_str(&key))))
        (*ret)->n.role->use->allow_duplicates = args->allow_duplicates;
    else if ((rc = include_role(l, task, args, ret, e)) == 0)
        cache(l, buf_str(&key), *ret);
    buf_release(&key);
    return rc;
}
