// Rules about definitions of variables: their names, and what has no effect because of another.
#include "check/internal.h"

#include "core/file.h"

#include <string.h>

static void check_name(struct check *c, const char *name, struct pos pos, const char *where)
{
    if (template_is_template(name, strlen(name)))
        return;
    if (!is_identifier(name))
        report(c, CHECK_BAD_NAME, pos, "'%s' is no name for a variable (in %s)", name, where);
    else if (is_read_only_magic(name))
        report(c, CHECK_RESERVED_NAME, pos, "'%s' is set by Ansible itself; %s has no effect on it",
               name, where);
}

static void check_vars(struct check *c, const struct value *v)
{
    struct dict_entry *it;
    if (v->type != VALUE_DICT)
        return;
    DICT_EACH(v->u.dict, it)
    if (it->key.type == VALUE_STRING)
        check_name(c, it->key.u.str.s, value_pos(&it->key), "vars");
}

void rule_names(struct check *c, const struct node *n)
{
    const struct value *vars = node_own(n, "vars"), *reg = node_own(n, "register");
    if (vars)
        check_vars(c, vars);
    for (size_t i = 0; vars && vars->type == VALUE_LIST && i < vars->u.list->len; i++)
        check_vars(c, &vars->u.list->items[i]);
    if (reg && reg->type == VALUE_STRING)
        check_name(c, reg->u.str.s, value_pos(reg), "register");
}

// "roles/x/vars/main.yml:3"
static const char *place(struct check *c, struct pos pos)
{
    return arena_printf(c->a, "%s:%u", src_name(pos.file), pos.line);
}

static void check_shadowed(struct check *c, const struct dict *d, int level, const char *what)
{
    struct dict_entry *it;
    if (c->synthetic)
        return;
    DICT_EACH(d, it)
    {
        const struct value *out =
            it->key.type == VALUE_STRING ? dict_get(c->outside, it->key.u.str.s) : NULL;
        if (!out)
            continue;
        report(
            c, CHECK_SHADOWED, value_pos(out),
            "'%s' from the inventory (level %d) does not reach %s, which set it at level %d (%s)",
            it->key.u.str.s, (int)out->u.i, what, level, place(c, value_pos(&it->key)));
    }
}

static bool in_file(const struct value *key, const char *part)
{
    return strstr(src_name(value_pos(key).file), part) != NULL;
}

void rule_role_vars(struct check *c, const struct role *r)
{
    struct dict_entry *it;
    use_value(c, &(struct value){.type = VALUE_DICT, .u.dict = r->defaults}, false);
    use_value(c, &(struct value){.type = VALUE_DICT, .u.dict = r->vars}, false);
    add_library(c, r->path);
    read_vars_folder(c, path_join(c->a, r->path, "defaults"));
    read_vars_folder(c, path_join(c->a, r->path, "vars"));
    use_template_dir(c, arena_printf(c->a, "%s/templates", r->path));
    DICT_EACH(r->defaults, it)
    {
        const struct dict_entry *e = NULL;
        struct dict_entry *v;
        DICT_EACH(r->vars, v)
        if (value_equal(&v->key, &it->key))
            e = v;
        if (e && in_file(&it->key, "/defaults/main") && in_file(&e->key, "/vars/main"))
            report(c, CHECK_DEAD_DEFAULT, value_pos(&it->key),
                   "the default of '%s' (level 2) never applies: the role sets it at level 15 (%s)",
                   it->key.u.str.s, place(c, value_pos(&e->key)));
    }
    check_shadowed(c, r->vars, 15, arena_printf(c->a, "the vars of role '%s'", r->name));
}

void rule_play_vars(struct check *c, const struct play *p)
{
    check_shadowed(c, p->vars, 12, "the vars of a play");
}
