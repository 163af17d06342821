// module_defaults: arguments that tasks of a module, or of a group of modules, have without saying
// so.
#include "plugin/plugin.h"
#include "run/loop.h"

#include <string.h>

#define GROUP "group/"
#define BUILTIN "ansible.builtin."
#define LEGACY "ansible.legacy."

static const char *full_name(struct exec *x, const char *name, const struct list *collections)
{
    if (x->run->o.plugins)
        return plugins_resolve(x->run->o.plugins, name, collections);
    if (strncmp(name, LEGACY, sizeof LEGACY - 1) == 0)
        name += sizeof LEGACY - 1;
    return strchr(name, '.') ? name : arena_printf(x->a, BUILTIN "%s", name);
}

// One mapping of modules and groups to arguments. What an inner one says of a name replaces what
// an outer one says of it.
static int add_mapping(struct exec *x, const struct value *mapping, struct dict *merged,
                       struct err *e)
{
    struct dict_entry *it;
    if (mapping->type != VALUE_DICT)
        return 0;
    DICT_EACH(mapping->u.dict, it)
    {
        const char *name = value_to_cstr(x->a, &it->key);
        struct value args = it->val;
        int rc = args.type == VALUE_STRING ? exec_template(x, &it->val, &args, e) : 0;
        if (rc < 0)
            return rc;
        if (args.type != VALUE_DICT)
            continue;
        bool group = strncmp(name, GROUP, sizeof GROUP - 1) == 0;
        dict_set(merged, group ? name : full_name(x, name, NULL), args);
    }
    return 0;
}

// What holds for n and everything around it.
static int collect(struct exec *x, const struct node *n, struct dict *merged, struct err *e)
{
    int rc = n->parent ? collect(x, n->parent, merged, e) : 0;
    const struct value *v = dict_get(n->attrs, "module_defaults");
    if (rc < 0 || !v)
        return rc;
    if (v->type != VALUE_LIST)
        return add_mapping(x, v, merged, e);
    for (size_t i = 0; rc == 0 && i < v->u.list->len; i++)
        rc = add_mapping(x, &v->u.list->items[i], merged, e);
    return rc;
}

static int add_groups(struct exec *x, const struct dict *merged, const char *action,
                      struct dict *args, struct err *e)
{
    struct dict_entry *it;
    DICT_EACH(merged, it)
    {
        const char *name = value_to_cstr(x->a, &it->key);
        if (strncmp(name, GROUP, sizeof GROUP - 1) != 0 || !x->run->o.plugins)
            continue;
        int rc = plugins_in_group(x->run->o.plugins, name + sizeof GROUP - 1, action, e);
        if (rc < 0)
            return rc;
        if (rc > 0)
            dict_update(args, it->val.u.dict);
    }
    return 0;
}

static void add_named(const struct dict *merged, const char *name, struct dict *args)
{
    const struct value *v = dict_get(merged, name);
    if (v)
        dict_update(args, v->u.dict);
}

// Groups first, so that what is said of the module itself wins.
static int add_action(struct exec *x, const struct dict *merged, const char *action,
                      struct dict *args, struct err *e)
{
    int rc = add_groups(x, merged, action, args, e);
    if (rc < 0)
        return rc;
    // a module of the playbook's own hides Ansible's of that name, but not its defaults
    if (strncmp(action, BUILTIN, sizeof BUILTIN - 1) == 0)
        add_named(merged, arena_printf(x->a, LEGACY "%s", action + sizeof BUILTIN - 1), args);
    add_named(merged, action, args);
    return 0;
}

int defaults_apply(struct exec *x, struct dict *args, struct err *e)
{
    const struct node *n = &x->task->n;
    while (n && !dict_get(n->attrs, "module_defaults"))
        n = n->parent;
    if (!n)
        return 0;
    struct dict *merged = value_dict(x->a).u.dict;
    int rc = collect(x, &x->task->n, merged, e);
    const char *action = full_name(x, x->task->action, playbook_collections(&x->task->n));
    if (rc == 0 && strcmp(action, BUILTIN "gather_facts") == 0)
        rc = add_action(x, merged, BUILTIN "setup", args, e);
    return rc < 0 ? rc : add_action(x, merged, action, args, e);
}
