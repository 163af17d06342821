// hostvars: every host's variables, templated in that host's own context when they are looked at.
#include "run/internal.h"

#include <string.h>

static int one_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                   struct value *ret, struct err *e)
{
    struct exec *x = o->data;
    struct value raw;
    (void)attr;
    if (key->type != VALUE_STRING)
        return 0;
    int rc = x->tpl.vars.get(x, a, key->u.str.s, &raw, e);
    if (rc <= 0)
        return rc;
    bool strict = x->tpl.opts.fail_on_undefined;
    x->tpl.opts.fail_on_undefined = false; // Ansible leaves templates it cannot resolve as they are
    rc = template_value(&x->tpl, a, &raw, ret, e);
    x->tpl.opts.fail_on_undefined = strict;
    return rc < 0 ? rc : 1;
}

static int one_all(struct value_object *o, struct arena *a, struct value *ret, struct err *e)
{
    struct exec *x = o->data;
    struct value in = {.type = VALUE_DICT};
    int rc = x->tpl.vars.all(x, a, &in.u.dict, e);
    if (rc < 0)
        return rc;
    x->tpl.opts.fail_on_undefined = false;
    struct dict *d = value_dict(a).u.dict;
    struct dict_entry *it;
    DICT_EACH(in.u.dict, it)
    {
        struct value v;
        if (template_value(&x->tpl, a, &it->val, &v, NULL) == 0)
            dict_setv(d, it->key, v);
    }
    *ret = (struct value){.type = VALUE_DICT, .u.dict = d};
    return 0;
}

static const struct value_ops one_ops = {
    .type_name = "ansible.vars.hostvars.HostVarsVars",
    .get = one_get,
    .materialize = one_all,
};

// ansible_delegated_vars is a dict to templates.
static const struct value_ops delegated_ops = {
    .type_name = "dict",
    .get = one_get,
    .materialize = one_all,
};

// What hostvars has of a host: nothing of the play and its roles.
static struct value inventory_view(struct run *r, struct rhost *h, struct arena *a)
{
    struct exec *x = arena_new_of(a, struct exec);
    exec_init(x, r, h, NULL, a);
    x->tpl.opts.keep_vault = true;
    x->no_play = true;
    exec_scopes(x);
    return value_object(a, &one_ops, x);
}

struct value run_hostvars_of(struct run *r, struct rhost *h, struct arena *a)
{
    struct exec *x = arena_new_of(a, struct exec);
    exec_init(x, r, h, NULL, a);
    x->tpl.opts.keep_vault = true;
    return value_object(a, &delegated_ops, x);
}

static bool is_method(const char *name)
{
    static const char *const names[] = {"get", "items", "keys", "values"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int all_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                   struct value *ret, struct err *e)
{
    struct run *r = o->data;
    (void)e;
    if (key->type != VALUE_STRING)
        return 0;
    struct rhost *h = run_host_get(r, key->u.str.s, false);
    if (h && !h->inv) // a task was delegated there, but no inventory has it
        h = NULL;
    if (!h && attr && is_method(key->u.str.s))
        return 0;
    *ret = h ? inventory_view(r, h, a)
             : value_undefined(a, "\"hostvars['%s']\" is undefined", key->u.str.s);
    return 1;
}

static bool inventory_names_localhost(struct run *r)
{
    const struct host *h = inventory_find_host(r->o.inventory, "localhost");
    return h && !h->implicit;
}

static int all_hosts(struct value_object *o, struct arena *a, struct value *ret, struct err *e)
{
    struct run *r = o->data;
    struct list *names = run_all_hosts(r, a);
    (void)e;
    *ret = value_dict(a);
    if (!inventory_names_localhost(r)) // Ansible's has it too
        list_add(names, value_cstr("localhost"));
    for (size_t i = 0; i < names->len; i++) {
        struct rhost *h = run_host_get(r, names->items[i].u.str.s, false);
        if (h)
            dict_setv(ret->u.dict, names->items[i], inventory_view(r, h, a));
    }
    return 0;
}

static const struct value_ops all_ops = {
    .type_name = "ansible.vars.hostvars.HostVars",
    .get = all_get,
    .materialize = all_hosts,
};

struct value run_hostvars(struct exec *x)
{
    return value_object(x->a, &all_ops, x->run);
}
