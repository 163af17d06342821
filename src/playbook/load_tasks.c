// Lists of tasks: blocks, tasks with their module and arguments.
#include "core/buf.h"
#include "core/file.h"
#include "playbook/keywords.h"
#include "playbook/kv.h"
#include "playbook/loader.h"
#include "spec/spec.h"

#include <stdio.h>
#include <string.h>

struct include *include_new(struct loader *l, const struct where *w, const struct dict *attrs,
                            struct pos pos)
{
    struct include *inc = arena_new_of(l->arena, struct include);
    inc->n = (struct node){.kind = NODE_INCLUDE,
                           .parent = w->parent,
                           .attrs = attrs,
                           .pos = pos,
                           .role = w->role,
                           .play = w->play,
                           .file = w->file};
    return inc;
}

// The name of a module without its collection, where that collection is one andon knows it in.
static const char *strip_namespace(const char *name)
{
    static const char *const prefixes[] = {"ansible.builtin.", "ansible.legacy."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return name + strlen(prefixes[i]);
    const struct module_spec *spec = spec_find(name);
    return spec ? spec->name : name;
}

static bool in_list(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

// Modules whose text argument is a line, with some key=value options taken out.
static const char *const freeform[] = {"command",     "shell",     "raw",     "script",
                                       "win_command", "win_shell", "include", NULL};
// These may be left with text that is no key=value.
static const char *const raw_ok[] = {
    "command", "shell",         "raw",          "script",       "win_command", "win_shell",
    "include", "include_tasks", "include_role", "import_tasks", "import_role", "import_playbook",
    "meta",    "include_vars",  "add_host",     "group_by",     "set_fact",    NULL};

// These bring other tasks.
static const char *const statements[] = {"include_tasks", "include_role", "import_tasks",
                                         "import_role", NULL};

struct action {
    const char *name;
    struct value args; // dict, or a template string
    bool local, foreign;
    bool dynamic; // name is a template that needs a host
};

// Length of the module's name at the beginning of s.
static size_t name_length(const char *s)
{
    const char *end = strncmp(s, "{{", 2) == 0 ? strstr(s, "}}") : NULL;
    size_t from = end ? (size_t)(end - s) + 2 : 0;
    return from + strcspn(s + from, " \t\n");
}

// The module a task names; a template is resolved now when no host is needed for it.
static void set_name(struct loader *l, const struct where *w, const char *s, size_t len,
                     struct pos pos, struct action *act)
{
    struct value name = value_strn(l->arena, s, len), done;
    value_set_pos(&name, pos);
    act->name = name.u.str.s;
    if (!template_is_template(s, len))
        return;
    act->dynamic = static_template(l, &w->play->n, &name, &done, NULL) < 0;
    if (!act->dynamic)
        act->name = value_to_cstr(l->arena, &done);
}

// Arguments from what stands behind the module's name.
static int parse_args(struct loader *l, const char *module, const struct value *v,
                      const struct value *more, struct value *ret, struct err *e)
{
    struct dict *d = NULL;
    const char *shortname = strip_namespace(module);
    *ret = value_dict(l->arena);
    value_set_pos(ret, value_pos(v));
    if (more && more->type == VALUE_DICT)
        dict_update(ret->u.dict, more->u.dict);
    else if (more && more->type == VALUE_STRING)
        dict_set(ret->u.dict, "_variable_params", *more);
    else if (more && more->type != VALUE_NULL)
        return err_set(e, ERR_INVALID, value_pos(more), "'args' must be a dictionary, but is a %s",
                       value_type_name(more));
    if (v->type == VALUE_DICT) {
        dict_update(ret->u.dict, v->u.dict);
        return 0;
    }
    if (v->type == VALUE_NULL)
        return 0;
    if (v->type == VALUE_LIST)
        return err_set(e, ERR_INVALID, value_pos(v), "unexpected parameter type in action: a list");
    struct value text = *v;
    if (v->type != VALUE_STRING)
        text = value_str(l->arena, value_to_cstr(l->arena, v));
    value_set_pos(&text, value_pos(v));
    bool raw = in_list(shortname, freeform);
    int rc = kv_parse(l->arena, text.u.str.s, text.u.str.len, raw, value_pos(v), &d, e);
    if (rc < 0)
        return rc;
    struct value *rest = dict_get(d, "_raw_params");
    if (rest && raw)
        rest->flags |= v->flags & VALUE_UNSAFE;
    if (rest && !in_list(shortname, raw_ok)) {
        if (d->len == 1 && template_is_template(rest->u.str.s, rest->u.str.len)) {
            dict_del(d, "_raw_params"); // module: "{{ arguments }}"
            dict_set(d, "_variable_params", *rest);
        } else {
            return err_set(e, ERR_INVALID, value_pos(v),
                           "this task '%s' has extra params, which is only allowed in the "
                           "following modules: command, shell, "
                           "script, raw, meta, include_vars, include_tasks, include_role, "
                           "import_tasks, import_role, add_host, "
                           "group_by, set_fact. Found: %s",
                           module, rest->u.str.s);
        }
    }
    dict_update(ret->u.dict, d);
    return 0;
}

// action: / local_action: in their two shapes.
static int parse_action_key(struct loader *l, const struct where *w, const struct value *v,
                            const struct value *more, struct action *act, struct err *e)
{
    if (v->type == VALUE_DICT) {
        const struct value *module = dict_get(v->u.dict, "module");
        if (!module || module->type != VALUE_STRING)
            return err_set(e, ERR_INVALID, value_pos(v), "no module/action detected in task.");
        size_t len = name_length(module->u.str.s);
        set_name(l, w, module->u.str.s, len, value_pos(module), act);
        struct value rest = value_shallow(l->arena, v), text;
        dict_del(rest.u.dict, "module");
        value_set_pos(&rest, value_pos(v));
        if (!module->u.str.s[len])
            return parse_args(l, act->name, &rest, more, &act->args, e);
        text = value_cstr(module->u.str.s + len);
        int rc = parse_args(l, act->name, &text, &rest, &act->args, e);
        return rc;
    }
    if (v->type != VALUE_STRING)
        return err_set(e, ERR_INVALID, value_pos(v), "unexpected type for an action: %s",
                       value_type_name(v));
    const char *s = v->u.str.s;
    while (*s == ' ' || *s == '\n')
        s++;
    size_t len = name_length(s);
    set_name(l, w, s, len, value_pos(v), act);
    struct value rest = value_cstr(s[len] ? s + len + 1 : "");
    value_set_pos(&rest, value_pos(v));
    return parse_args(l, act->name, &rest, more, &act->args, e);
}

static int unknown_module(struct loader *l, const struct value *key, struct err *e)
{
    const char *name = key->u.str.s;
    const char *near = keyword_suggest(name, KW_TASK);
    const char *near_module =
        l->opts.module_suggest ? l->opts.module_suggest(l->opts.data, name) : NULL;
    if (near_module)
        near = near_module;
    l->kind = LOAD_MODULE;
    const char *hint =
        l->opts.module_hint ? l->opts.module_hint(l->opts.data, name, l->arena) : NULL;
    if (hint) // the name is right
        return err_set(e, ERR_INVALID, value_pos(key), "couldn't resolve module/action '%s': %s",
                       name, hint);
    return err_set(e, ERR_INVALID, value_pos(key),
                   "couldn't resolve module/action '%s'. This often indicates a misspelling, "
                   "missing collection, or incorrect "
                   "module path.%s%s%s",
                   name, near ? " Did you mean '" : "", near ? near : "", near ? "'?" : "");
}

// An enum module_home, or <0 with the error at the name.
static int find_module(struct loader *l, const struct node *here, const struct value *name,
                       struct pos pos, struct err *e)
{
    if (!l->opts.module_known)
        return MODULE_BUILTIN;
    int home = l->opts.module_known(l->opts.data, name->u.str.s, playbook_collections(here), e);
    return home < 0 ? err_at(e, pos) : home;
}

// Finds the module key of a task: the one key that is no keyword.
static int find_action(struct loader *l, const struct where *w, const struct dict *ds,
                       unsigned scope, struct pos pos, struct action *act, struct err *e)
{
    struct dict_entry *it;
    const struct value *more = dict_get(ds, "args");
    const struct node here = {.attrs = ds, .parent = w->parent, .role = w->role};
    DICT_EACH(ds, it)
    {
        if (it->key.type != VALUE_STRING)
            return err_set(e, ERR_INVALID, value_pos(&it->key),
                           "task keywords must be text, found a %s", value_type_name(&it->key));
        const char *k = it->key.u.str.s;
        bool action = strcmp(k, "action") == 0, local = strcmp(k, "local_action") == 0;
        const struct keyword *kw = keyword_find(k);
        if (!action && !local &&
            ((kw && (kw->scopes & (scope | KW_HANDLER))) || strncmp(k, "with_", 5) == 0))
            continue;
        int home = action || local ? MODULE_BUILTIN
                                   : find_module(l, &here, &it->key, value_pos(&it->key), e);
        if (home < 0)
            return home;
        if (home == MODULE_NOWHERE) {
            l->kind = LOAD_KEYWORD;
            if (act->name && keyword_suggest(k, KW_TASK))
                return err_set(e, ERR_INVALID, value_pos(&it->key),
                               "conflicting action statements: %s, %s (did you mean '%s'?)",
                               act->name, k, keyword_suggest(k, KW_TASK));
            if (act->name)
                return err_set(e, ERR_INVALID, pos, "conflicting action statements: %s, %s",
                               act->name, k);
            return unknown_module(l, &it->key, e);
        }
        if (act->name)
            return err_set(e, ERR_INVALID, pos, "conflicting action statements: %s, %s", act->name,
                           k);
        int rc;
        if (action || local) {
            rc = parse_action_key(l, w, &it->val, more, act, e);
            act->local = local;
            if (rc < 0)
                return rc;
            struct value key = value_cstr(act->name);
            value_set_pos(&key, value_pos(&it->val));
            if (act->dynamic)
                continue;
            if ((home = find_module(l, &here, &key, value_pos(&key), e)) == MODULE_NOWHERE)
                return unknown_module(l, &key, e);
            rc = home < 0 ? home : 0;
        } else {
            act->name = k;
            rc = parse_args(l, k, &it->val, more, &act->args, e);
        }
        if (rc < 0)
            return rc;
        act->foreign = home == MODULE_FOREIGN;
    }
    if (!act->name)
        return err_set(e, ERR_INVALID, pos, "no module/action detected in task.");
    return 0;
}

static int find_loop(struct task *t, struct err *e)
{
    struct dict_entry *it;
    DICT_EACH(t->n.attrs, it)
    {
        const char *k = it->key.u.str.s;
        bool with = strncmp(k, "with_", 5) == 0;
        if (!with && (strcmp(k, "loop") != 0 || it->val.type == VALUE_NULL))
            continue;
        if (t->loop)
            return err_set(e, ERR_INVALID, value_pos(&it->key), "duplicate loop in task: %s", k);
        if (with && it->val.type == VALUE_NULL)
            return err_set(e, ERR_FAILED, value_pos(&it->key),
                           "you must specify a value when using %s", k);
        t->loop = &it->val;
        t->loop_lookup = with ? k + 5 : NULL;
        t->loop_pos = value_pos(&it->key);
    }
    return 0;
}

// What a result is registered as must be usable as a variable.
static int check_register(const struct task *t, struct err *e)
{
    const struct value *v = dict_get(t->n.attrs, "register");
    if (!v || v->type != VALUE_STRING)
        return 0;
    size_t n = 0;
    for (const char *s = v->u.str.s; n < v->u.str.len; n++) {
        unsigned char c = (unsigned char)s[n];
        bool letter = c == '_' || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 0x80;
        if (!letter && !(n && c >= '0' && c <= '9'))
            break;
    }
    if (n && n == v->u.str.len)
        return 0;
    return err_set(e, ERR_INVALID, value_pos(v),
                   "Invalid variable name in 'register' specified: '%s'", v->u.str.s);
}

static enum task_kind kind_of(const char *module)
{
    if (strcmp(module, "meta") == 0)
        return TASK_META;
    if (strcmp(module, "include_tasks") == 0 || strcmp(module, "include") == 0)
        return TASK_INCLUDE_TASKS;
    return strcmp(module, "include_role") == 0 ? TASK_INCLUDE_ROLE : TASK_ACTION;
}

static struct task *task_new(struct loader *l, const struct where *w, const struct dict *attrs,
                             struct pos pos)
{
    struct task *t = arena_new_of(l->arena, struct task);
    t->n = (struct node){.kind = NODE_TASK,
                         .parent = w->parent,
                         .attrs = attrs,
                         .pos = pos,
                         .role = w->role,
                         .play = w->play,
                         .file = w->file};
    t->handler = w->handlers;
    t->number = ++l->next_task;
    return t;
}

// local_action is delegate_to: localhost.
static const struct dict *local_attrs(struct loader *l, const struct dict *ds)
{
    struct value v = {.type = VALUE_DICT}, copy;
    v.u.dict = (struct dict *)(uintptr_t)ds;
    copy = value_shallow(l->arena, &v);
    dict_set(copy.u.dict, "delegate_to", value_cstr("localhost"));
    return copy.u.dict;
}

static int load_task(struct loader *l, const struct where *w, const struct value *v,
                     struct node_list *ret, struct err *e)
{
    const struct dict *ds = v->u.dict;
    struct action act = {0};
    struct pos pos = value_pos(v);
    int rc = find_action(l, w, ds, KW_TASK, pos, &act, e);
    if (rc < 0)
        return rc;
    struct dict_entry *it;
    bool include = in_list(strip_namespace(act.name), statements); // has its own
    DICT_EACH(ds, it)
    {
        const struct keyword *kw = keyword_find(it->key.u.str.s);
        unsigned scope = include || w->handlers ? KW_TASK | KW_HANDLER : KW_TASK;
        if (kw && !(kw->scopes & scope) && strcmp(kw->name, act.name) != 0) {
            l->kind = LOAD_KEYWORD;
            return err_set(e, ERR_INVALID, value_pos(&it->key),
                           "'%s' is not a valid attribute for a %s", kw->name,
                           w->handlers ? "Handler" : "Task");
        }
        l->kind = LOAD_KEYWORD_TYPE;
        if (kw && (rc = check_debugger(&it->key, &it->val, e)) < 0)
            return rc;
        l->kind = LOAD_OTHER;
    }
    struct task *t = task_new(l, w, act.local ? local_attrs(l, ds) : ds, pos);
    t->action = act.name;
    t->dynamic = act.dynamic;
    t->module = strip_namespace(act.name);
    t->kind = kind_of(t->module);
    t->args = act.args;
    t->foreign = act.foreign;
    const struct value *name = dict_get(ds, "name");
    t->name = name && name->type != VALUE_NULL ? value_to_cstr(l->arena, name) : NULL;
    if ((rc = find_loop(t, e)) < 0 || (rc = check_register(t, e)) < 0 ||
        (rc = load_check_defaults(l, &t->n, e)) < 0)
        return rc;
    if (strcmp(t->module, "include") == 0 && load_include_is_static(l, t))
        return load_import_tasks(l, w, t, ret, e);
    if (in_list(t->module, statements) && (rc = load_check_include(l, w, t, e)) < 0)
        return rc;
    if (strcmp(t->module, "import_tasks") == 0)
        return load_import_tasks(l, w, t, ret, e);
    if (strcmp(t->module, "import_role") == 0)
        return load_import_role(l, w, t, ret, e);
    if (w->handlers && strcmp(t->module, "include_role") == 0)
        return err_set(e, ERR_INVALID, pos, "Using 'include_role' as a handler is not supported.");
    node_list_add(l->arena, ret, &t->n);
    return 0;
}

// A list of tasks of the block that w->parent is. One without a value has most likely lost them to
// their indentation.
static int load_section(struct loader *l, const struct where *w, const char *name,
                        struct node_list *ret, struct err *e)
{
    const struct value *list = dict_get(w->parent->attrs, name);
    if (list && list->type == VALUE_NULL)
        return err_set(e, ERR_INVALID, value_pos(list).line ? value_pos(list) : w->parent->pos,
                       "'%s' must be a list of tasks, but is empty", name);
    return list ? load_tasks(l, w, list, ret, e) : 0;
}

static int load_block(struct loader *l, const struct where *w, const struct value *v,
                      struct node_list *ret, struct err *e)
{
    struct block *b = arena_new_of(l->arena, struct block);
    b->n = (struct node){.kind = NODE_BLOCK,
                         .parent = w->parent,
                         .attrs = v->u.dict,
                         .pos = value_pos(v),
                         .role = w->role,
                         .play = w->play,
                         .file = w->file};
    int rc = check_keywords(l, v->u.dict, KW_BLOCK, e);
    if (rc < 0 || (rc = load_check_defaults(l, &b->n, e)) < 0)
        return rc;
    if (w->handlers && w->parent && w->parent->kind == NODE_BLOCK)
        return err_set(e, ERR_INVALID, value_pos(v),
                       "Using a block as a handler is not supported.");
    struct where in = *w;
    in.parent = &b->n;
    const struct value *rescue = dict_get(v->u.dict, "rescue"),
                       *always = dict_get(v->u.dict, "always");
    if (!dict_get(v->u.dict, "block") && (rescue || always))
        return err_set(e, ERR_INVALID, value_pos(v), "'%s' keyword cannot be used without 'block'",
                       rescue ? "rescue" : "always");
    if ((rc = load_section(l, &in, "block", &b->body, e)) < 0 ||
        (rc = load_section(l, &in, "rescue", &b->rescue, e)) < 0 ||
        (rc = load_section(l, &in, "always", &b->always, e)) < 0)
        return rc;
    node_list_add(l->arena, ret, &b->n);
    return 0;
}

int load_tasks(struct loader *l, const struct where *w, const struct value *list,
               struct node_list *ret, struct err *e)
{
    if (list->type == VALUE_NULL)
        return 0;
    if (list->type != VALUE_LIST)
        return err_set(e, ERR_INVALID, value_pos(list),
                       "a list of tasks is expected here, found a %s", value_type_name(list));
    if (++l->depth > MAX_INCLUDE_DEPTH)
        return err_set(
            e, ERR_LIMIT, value_pos(list),
            "blocks or imports are nested too deeply (more than %d), or import each other",
            MAX_INCLUDE_DEPTH);
    int rc = 0;
    int depth = l->depth;
    for (size_t i = 0; i < list->u.list->len && rc == 0; i++) {
        const struct value *v = &list->u.list->items[i];
        if (v->type == VALUE_NULL)
            continue;
        if (v->type != VALUE_DICT)
            rc = err_set(e, ERR_INVALID, value_pos(v), "a task must be a dictionary, found a %s%s",
                         value_type_name(v),
                         v->type == VALUE_STRING ? " (is a ':' missing behind the module name?)"
                                                 : "");
        else if (dict_get(v->u.dict, "block") || dict_get(v->u.dict, "rescue") ||
                 dict_get(v->u.dict, "always"))
            rc = load_block(l, w, v, ret, e);
        else
            rc = load_task(l, w, v, ret, e);
        rc = load_recover(l, rc, e);
        l->depth = depth;
    }
    l->depth--;
    return rc;
}

int load_task_file(struct loader *l, const struct where *w, const char *path, struct node_list *ret,
                   struct err *e)
{
    struct value doc;
    int rc = load_yaml(l, path, &doc, e);
    if (rc < 0)
        return rc;
    if (doc.type == VALUE_NULL)
        return 0;
    if (doc.type != VALUE_LIST)
        return err_set(e, ERR_INVALID, value_pos(&doc),
                       "included task files must contain a list of tasks: %s", path);
    return load_tasks(l, w, &doc, ret, e);
}
