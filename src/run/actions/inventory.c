// add_host and group_by: hosts and groups made while running.
#include "inventory/address.h"
#include "run/actions/actions.h"

#include <string.h>

static struct list *names(struct exec *x, const struct value *v)
{
    struct list *l = value_list(x->a).u.list;
    if (v && v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->u.list->len; i++)
            list_add(l, value_cstr(value_to_cstr(x->a, &v->u.list->items[i])));
    } else if (v && v->type != VALUE_NULL) {
        const char *s = value_to_cstr(x->a, v);
        while (*s) {
            size_t n = strcspn(s, ",");
            const char *from = s + strspn(s, " ");
            size_t len = from < s + n ? (size_t)(s + n - from) : 0;
            while (len && from[len - 1] == ' ')
                len--;
            if (len)
                list_add(l, value_strn(x->a, from, len));
            s += n + (s[n] == ',');
        }
    }
    return l;
}

static const struct value *first(const struct dict *args, const char *const *keys)
{
    for (; *keys; keys++)
        if (dict_get(args, *keys))
            return dict_get(args, *keys);
    return NULL;
}

int action_add_host(struct exec *x, struct dict *args, struct value *result)
{
    static const char *const name_keys[] = {"name", "hostname", "host", NULL};
    static const char *const group_keys[] = {"groupname", "groups", "group", NULL};
    const struct value *raw = dict_get(args, "_raw_params");
    if (raw && raw->type == VALUE_DICT) { // add_host: "{{ all_of_it }}"
        struct dict *both = value_dict(x->a).u.dict;
        dict_update(both, raw->u.dict);
        dict_del(args, "_raw_params");
        dict_update(both, args);
        args = both;
        raw = NULL;
    }
    const struct value *name = first(args, name_keys), *group = first(args, group_keys);
    if (raw || !name || name->type == VALUE_NULL)
        return action_fail(x, result, "name, host or hostname needs to be provided");
    static const char *const special[] = {"name", "hostname", "groupname", "groups"};
    const char *host = value_to_cstr(x->a, name), *bare;
    int port = -1;
    struct list *groups = names(x, group);
    struct value vars = value_dict(x->a);
    struct dict_entry *it;
    DICT_EACH(args, it)
    {
        bool is_special = false;
        for (size_t i = 0; i < sizeof special / sizeof *special; i++)
            is_special = is_special || value_eqs(&it->key, special[i]);
        if (!is_special)
            dict_setv(vars.u.dict, it->key, it->val);
    }
    if (address_parse(x->a, host, false, &bare, &port)) {
        host = bare;
        if (port > 0)
            dict_set(vars.u.dict, "ansible_ssh_port", value_int(port));
    }
    bool changed = run_add_host(x->run, host, groups, vars.u.dict);
    struct value info = value_dict(x->a), group_list = {.type = VALUE_LIST, .u.list = groups};
    dict_set(info.u.dict, "host_name", value_cstr(host));
    dict_set(info.u.dict, "groups", group_list);
    dict_set(info.u.dict, "host_vars", vars);
    dict_set(result->u.dict, "add_host", info);
    dict_set(result->u.dict, "changed", value_bool(changed));
    return 0;
}

int action_group_by(struct exec *x, struct dict *args, struct value *result)
{
    const struct value *key = dict_get(args, "key");
    if (!key || key->type == VALUE_NULL)
        return action_fail(x, result, "the 'key' param is required when using group_by");
    char *group = arena_strdup(x->a, value_to_cstr(x->a, key));
    struct list *parents = names(x, dict_get(args, "parents"));
    if (!parents->len)
        list_add(parents, value_cstr("all"));
    for (char *s = group; *s; s++)
        if (*s == ' ')
            *s = '-';
    for (size_t i = 0; i < parents->len; i++)
        for (char *s = (char *)(uintptr_t)parents->items[i].u.str.s; *s; s++)
            if (*s == ' ')
                *s = '-';
    bool changed = run_add_group(x->run, group, parents, x->h->name);
    struct value list = {.type = VALUE_LIST, .u.list = parents};
    dict_set(result->u.dict, "add_group", value_cstr(group));
    dict_set(result->u.dict, "parent_groups", list);
    dict_set(result->u.dict, "changed", value_bool(changed));
    return 0;
}
