// YAML inventories: groups with hosts, vars and children, nested.
#include "inventory/source.h"

#include "inventory/address.h"

#include <string.h>

#define MAX_GROUP_DEPTH 200

static int read_group(struct inventory *inv, const struct value *name, const struct value *data,
                      int depth, struct group **ret, struct err *e);

static int read_host(struct inventory *inv, struct group *g, const struct value *pattern,
                     const struct value *vars, struct err *e)
{
    struct list *names = value_list(inv->a).u.list;
    int port;
    if (!value_is(pattern, VALUE_STRING))
        return err_set(e, ERR_PARSE, value_pos(pattern),
                       "a host must be text: put quotes around %s", value_to_cstr(inv->a, pattern));
    if (!pattern->u.str.len)
        return err_set(e, ERR_PARSE, value_pos(pattern), "a host must have a name");
    int rc = address_expand(inv->a, pattern->u.str.s, value_pos(pattern), names, &port, e);
    for (size_t i = 0; rc == 0 && i < names->len; i++) {
        model_add_host(inv, names->items[i].u.str.s, g, port);
        rc = source_set_vars(inv, names->items[i].u.str.s, vars, e);
    }
    return rc;
}

static int read_children(struct inventory *inv, struct group *g, const struct dict *children,
                         int depth, struct err *e)
{
    struct dict_entry *entry;
    DICT_EACH(children, entry)
    {
        struct group *child;
        int rc = read_group(inv, &entry->key, &entry->val, depth + 1, &child, e);
        if (rc == 0)
            rc = model_add_child(inv, g, child, value_pos(&entry->key), e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

// One of the parts of a group: vars, children or hosts.
static int read_part(struct inventory *inv, struct group *g, const struct value *key,
                     const struct value *data, int depth, struct err *e)
{
    struct dict_entry *entry;
    if (value_is(data, VALUE_NULL))
        return 0;
    if (!value_is(data, VALUE_DICT)) {
        model_warn(inv, value_pos(key),
                   "the key %s in the group %s is skipped, because it is not a mapping",
                   value_to_cstr(inv->a, key), g->name);
        return 0;
    }
    if (value_eqs(key, "vars"))
        return source_set_vars(inv, g->name, data, e);
    if (value_eqs(key, "children"))
        return read_children(inv, g, data->u.dict, depth, e);
    if (!value_eqs(key, "hosts")) {
        model_warn(inv, value_pos(key),
                   "the key %s in the group %s is skipped: only vars, children and hosts are known",
                   value_to_cstr(inv->a, key), g->name);
        return 0;
    }
    DICT_EACH(data->u.dict, entry)
    {
        int rc = read_host(inv, g, &entry->key, &entry->val, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

// A part that is a mere name stands for a mapping with that key.
static int normalize_parts(struct inventory *inv, struct dict *d, const char *group, struct err *e)
{
    static const char *const parts[] = {"vars", "children", "hosts"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct value *v = dict_get(d, parts[i]);
        if (!v || value_is(v, VALUE_DICT) || value_is(v, VALUE_NULL))
            continue;
        if (!value_is(v, VALUE_STRING))
            return err_set(
                e, ERR_PARSE, value_pos(v),
                "%s of the group %s must be a mapping, not a %s: write \"name:\" without a dash",
                parts[i], group, value_type_name(v));
        struct value map = value_dict(inv->a);
        value_set_pos(&map, value_pos(v));
        dict_setv(map.u.dict, *v, value_null());
        *v = map;
    }
    return 0;
}

static int read_group(struct inventory *inv, const struct value *name, const struct value *data,
                      int depth, struct group **ret, struct err *e)
{
    struct dict_entry *entry;
    if (!value_is(name, VALUE_STRING) || !name->u.str.len)
        return err_set(e, ERR_PARSE, value_pos(name), "a group must be text: put quotes around %s",
                       value_to_cstr(inv->a, name));
    if (depth > MAX_GROUP_DEPTH)
        return err_set(e, ERR_LIMIT, value_pos(name), "groups are nested more than %d deep",
                       MAX_GROUP_DEPTH);
    if (!value_is(data, VALUE_DICT) && !value_is(data, VALUE_NULL)) {
        model_warn(inv, value_pos(name),
                   "%s is skipped, because it is no group: a group is a mapping", name->u.str.s);
        *ret = inventory_find_group(inv, name->u.str.s);
        return *ret || depth == 0
                   ? 0
                   : err_set(e, ERR_PARSE, value_pos(name), "%s is not a group", name->u.str.s);
    }
    struct group *g = model_add_group(inv, name->u.str.s);
    *ret = g;
    if (value_is(data, VALUE_NULL))
        return 0;
    int rc = normalize_parts(inv, data->u.dict, g->name, e);
    if (rc < 0)
        return rc;
    DICT_EACH(data->u.dict, entry)
    {
        rc = read_part(inv, g, &entry->key, &entry->val, depth, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int source_yaml(struct inventory *inv, const char *path, struct err *e)
{
    struct yaml_opts opts = source_yaml_opts(inv);
    struct value data;
    struct dict_entry *entry;
    struct group *g;
    int rc = yaml_load_file(inv->a, path, &opts, &data, e);
    if (rc < 0)
        return rc;
    struct pos top = {src_file(path), 1, 1};
    if (!value_truthy(&data))
        return err_set(e, ERR_PARSE, top, "the inventory is empty");
    if (!value_is(&data, VALUE_DICT))
        return err_set(e, ERR_PARSE, value_pos(&data).line ? value_pos(&data) : top,
                       "a YAML inventory must be a mapping of groups, not a %s",
                       value_type_name(&data));
    const struct value *plugin = dict_get(data.u.dict, "plugin");
    if (plugin && value_truthy(plugin))
        return source_plugin(inv, path, plugin, e);
    DICT_EACH(data.u.dict, entry)
    {
        rc = read_group(inv, &entry->key, &entry->val, 0, &g, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}
