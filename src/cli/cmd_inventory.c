// andon inventory --list | --graph | --host NAME: what an inventory holds; also ansible-inventory.
#include "cli/session.h"

#include "core/buf.h"
#include "core/json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 100

static const struct json_opts indented = {.indent = 4, .sort_keys = true};

static void print_node(const char *mark, const char *name, const char *end, int depth)
{
    for (int i = 0; i < depth; i++)
        fputs("  |", stdout);
    printf("%s%s%s%s\n", depth ? "--" : "", mark, name, end);
}

// A group with its children and hosts below it. Hosts of "all" are shown in its children.
static void graph(const struct dict *groups, const char *name, int depth)
{
    const struct value *g = dict_get(groups, name);
    print_node("@", name, ":", depth);
    if (!g || g->type != VALUE_DICT || depth > MAX_DEPTH)
        return;
    const struct value *children = dict_get(g->u.dict, "children"),
                       *hosts = dict_get(g->u.dict, "hosts");
    for (size_t i = 0; children && i < children->u.list->len; i++)
        graph(groups, children->u.list->items[i].u.str.s, depth + 1);
    for (size_t i = 0; hosts && i < hosts->u.list->len; i++)
        print_node("", hosts->u.list->items[i].u.str.s, "", depth + 1);
}

static int bad_choice(const struct session *s, const char *msg)
{
    struct err e = ERR_INIT;
    err_set(&e, ERR_INVALID, POS_NONE, "%s", msg);
    session_error(s, &e);
    err_release(&e);
    return RUN_BAD_OPTIONS;
}

static int print_host(struct session *s, const struct dict *all)
{
    struct inventory_hosts hosts;
    struct value pattern = value_cstr(s->o.host), none = value_dict(s->arena);
    if (inventory_match(s->inventory, s->arena, &pattern, NULL, NULL, &hosts, NULL) < 0 ||
        hosts.len != 1)
        return bad_choice(s, "You must pass a single valid host to --host parameter");
    const struct value *meta = dict_get(all, "_meta"),
                       *vars = meta ? dict_get(meta->u.dict, "hostvars") : NULL,
                       *own = vars ? dict_get(vars->u.dict, hosts.hosts[0]->name) : NULL;
    print_value(own ? own : &none, &indented);
    return 0;
}

static int show(struct session *s)
{
    struct value all;
    struct err e = ERR_INIT;
    char cwd[4096];
    const char *dir = s->o.playbook_dir ? s->o.playbook_dir : getcwd(cwd, sizeof cwd) ? cwd : ".";
    if (inventory_list(s->inventory, dir, s->arena, &all, &e) < 0) {
        session_error(s, &e);
        err_release(&e);
        return RUN_ERROR;
    }
    if (s->o.host)
        return print_host(s, all.u.dict);
    if (s->o.list)
        print_value(&all, &indented);
    else
        graph(all.u.dict, s->o.args->len ? s->o.args->items[0].u.str.s : "all", 0);
    return 0;
}

int cmd_inventory(int argc, char **argv, bool compat)
{
    struct session s;
    int code = session_options(&s, argv[0], compat, argc, argv, OPT_INVENTORY);
    if (code) {
        arena_free(s.arena);
        return code < 0 ? 0 : code;
    }
    int chosen = s.o.list + s.o.graph + (s.o.host != NULL);
    if (chosen != 1) {
        code = bad_choice(&s, chosen ? "Conflicting options used, only one of --host, --graph or "
                                       "--list can be used at the same time."
                                     : "No action selected, at least one of --host, --graph or "
                                       "--list needs to be specified.");
        arena_free(s.arena);
        return code;
    }
    code = session_open(&s);
    if (code == 0) {
        session_warn_inventory(&s);
        code = show(&s);
    }
    session_close(&s);
    return code;
}
