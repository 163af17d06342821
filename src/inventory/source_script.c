// Executable inventories: the program is asked with --list, and with --host for each host when that
// has no _meta.
#include "inventory/source.h"

#include "core/json.h"
#include "core/program.h"

#include <errno.h>
#include <string.h>

#define MAX_OUTPUT ((size_t)64 << 20)

static struct pos in_file(const char *path)
{
    return (struct pos){.file = src_file(path)};
}

// Runs the program; its output is in ret, which is to be released in any case.
static int run(const char *const argv[], struct program_result *ret, struct err *e)
{
    struct program_opts o = {
        .input_is_ours = true, .max_output = MAX_OUTPUT, .more_is_error = true};
    int rc = program_run(argv, &o, ret, NULL), no = ret->error;
    if (rc == ERR_LIMIT)
        return err_set(e, rc, in_file(argv[0]), "the inventory script wrote more than %zu MB",
                       MAX_OUTPUT >> 20);
    if (rc < 0)
        return err_set(e, ERR_IO, in_file(argv[0]), "the inventory script cannot be run: %s%s",
                       strerror(no),
                       no == EACCES    ? " (chmod +x it)"
                       : no == ENOEXEC ? " (it needs a first line #!)"
                                       : "");
    if (ret->status != 0)
        return err_set(e, ERR_FAILED, in_file(argv[0]),
                       "the inventory script failed with %s %d: %.*s",
                       ret->signal ? "signal" : "status", ret->signal ? ret->signal : ret->status,
                       (int)strcspn(buf_str(&ret->err), "\n"), buf_str(&ret->err));
    return 0;
}

// Runs the program and reads its output as a JSON dict.
static int run_json(struct inventory *inv, const char *path, const char *option, const char *host,
                    struct value *ret, struct err *e)
{
    const char *argv[] = {path, option, host, NULL};
    struct program_result r;
    struct err why = ERR_INIT;
    int rc = run(argv, &r, e);
    const char *out = buf_str(&r.out);
    if (rc == 0 && host && !out[strspn(out, " \t\r\n")])
        *ret = value_dict(inv->a);
    else if (rc == 0 && json_parse(inv->a, out, r.out.len, ret, &why) < 0)
        rc = err_set(e, ERR_PARSE, in_file(path),
                     "what the inventory script wrote for %s is not JSON: %s", option,
                     err_msg(&why));
    else if (rc == 0 && !value_is(ret, VALUE_DICT))
        rc = err_set(e, ERR_PARSE, in_file(path),
                     "what the inventory script wrote for %s must be a JSON dict", option);
    err_release(&why);
    program_release(&r);
    return rc;
}

static int read_hosts(struct inventory *inv, const char *path, struct group *g,
                      const struct value *hosts, struct ptrs *seen, struct err *e)
{
    if (!value_is(hosts, VALUE_LIST))
        return err_set(e, ERR_PARSE, in_file(path), "the hosts of the group %s must be a list",
                       g->name);
    for (size_t i = 0; i < hosts->u.list->len; i++) {
        const struct value *name = &hosts->u.list->items[i];
        if (!value_is(name, VALUE_STRING) || !name->u.str.len)
            return err_set(e, ERR_PARSE, in_file(path), "a host of the group %s has no name",
                           g->name);
        struct host *h = model_add_host(inv, name->u.str.s, g, -1);
        ptrs_add(inv->a, seen, h);
    }
    return 0;
}

static int read_children(struct inventory *inv, const char *path, struct group *g,
                         const struct value *children, struct err *e)
{
    if (!value_is(children, VALUE_LIST))
        return err_set(e, ERR_PARSE, in_file(path), "the children of the group %s must be a list",
                       g->name);
    for (size_t i = 0; i < children->u.list->len; i++) {
        const struct value *name = &children->u.list->items[i];
        if (!value_is(name, VALUE_STRING) || !name->u.str.len)
            return err_set(e, ERR_PARSE, in_file(path), "a child of the group %s has no name",
                           g->name);
        int rc = model_add_child(inv, g, model_add_group(inv, name->u.str.s), in_file(path), e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_group(struct inventory *inv, const char *path, const char *name,
                      const struct value *data, struct ptrs *seen, struct err *e)
{
    struct group *g = model_add_group(inv, name);
    if (!value_is(data, VALUE_DICT))
        return read_hosts(inv, path, g, data, seen, e);
    const struct value *hosts = dict_get(data->u.dict, "hosts");
    const struct value *vars = dict_get(data->u.dict, "vars");
    const struct value *children = dict_get(data->u.dict, "children");
    struct value self = value_list(inv->a);
    if (!hosts && !vars && !children) { // the short form: a host with its variables
        list_add(self.u.list, value_cstr(g->name));
        hosts = &self;
        vars = data;
    }
    int rc = hosts ? read_hosts(inv, path, g, hosts, seen, e) : 0;
    if (rc == 0 && vars && !value_is(vars, VALUE_DICT))
        rc = err_set(e, ERR_PARSE, in_file(path), "the vars of the group %s must be a dict",
                     g->name);
    if (rc == 0 && vars)
        rc = source_set_vars(inv, g->name, vars, e);
    if (rc == 0 && children)
        rc = read_children(inv, path, g, children, e);
    return rc;
}

// Groups with their hosts, children and variables, then the variables of hosts under _meta; without
// that the script (path, when asked is true) is asked for each host.
static int read_document(struct inventory *inv, const char *path, const struct dict *data,
                         bool asked, struct err *e)
{
    struct ptrs seen = {0};
    struct dict_entry *entry;
    int rc = 0;
    const struct value *meta = dict_get(data, "_meta"), *hostvars = NULL;
    if (meta && value_is(meta, VALUE_DICT))
        hostvars = dict_get(meta->u.dict, "hostvars");
    if (hostvars && !value_is(hostvars, VALUE_DICT))
        return err_set(e, ERR_PARSE, in_file(path), "hostvars under _meta must be a dict");
    DICT_EACH(data, entry)
    {
        if (rc == 0 && !value_eqs(&entry->key, "_meta"))
            rc = read_group(inv, path, entry->key.u.str.s, &entry->val, &seen, e);
    }
    unsigned mark = ++inv->mark;
    for (size_t i = 0; rc == 0 && i < seen.len; i++) {
        struct host *h = seen.items[i];
        struct value one = value_null();
        if (h->state->mark == mark)
            continue;
        h->state->mark = mark;
        const struct value *vars = hostvars ? dict_get(hostvars->u.dict, h->name) : &one;
        if (!hostvars && asked)
            rc = run_json(inv, path, "--host", h->name, &one, e);
        if (rc == 0)
            rc = source_set_vars(inv, h->name, vars, e);
    }
    return rc;
}

int source_script(struct inventory *inv, const char *path, struct err *e)
{
    struct value data;
    int rc = run_json(inv, path, "--list", NULL, &data, e);
    return rc < 0 ? rc : read_document(inv, path, data.u.dict, true, e);
}

int source_plugin(struct inventory *inv, const char *path, const struct value *plugin,
                  struct err *e)
{
    struct value data;
    if (!inv->opts.plugins)
        return err_set(e, ERR_UNSUPPORTED, value_pos(plugin),
                       "the inventory plugin %s is not available here",
                       value_to_cstr(inv->a, plugin));
    const char **sources = arena_array(inv->a, const char *, inv->sources.len + 1);
    for (size_t i = 0; i < inv->sources.len; i++)
        sources[i] = inv->sources.items[i];
    int rc = inv->opts.plugins(inv->opts.plugins_data, inv->a, sources, inv->sources.len, &data, e);
    if (rc < 0)
        return err_at(e, value_pos(plugin));
    if (!value_is(&data, VALUE_DICT))
        return err_set(e, ERR_PARSE, value_pos(plugin), "the inventory plugin %s gave no inventory",
                       value_to_cstr(inv->a, plugin));
    return read_document(inv, path, data.u.dict, false, e);
}
