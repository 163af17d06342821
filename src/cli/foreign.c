// What is not andon's own, for a session: where modules come from, and the user's Ansible behind
// them.
#include "cli/session.h"
#include "core/file.h"
#include "playbook/keywords.h"
#include "spec/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *short_name(const char *name)
{
    bool ours =
        strncmp(name, "ansible.builtin.", 16) == 0 || strncmp(name, "ansible.legacy.", 15) == 0;
    return ours ? strrchr(name, '.') + 1 : name;
}

static int module_known(void *data, const char *name, const struct list *collections, struct err *e)
{
    struct session *s = data;
    size_t n;
    const char *const *statements = keyword_statements(&n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(short_name(name), statements[i]) == 0)
            return MODULE_BUILTIN;
    const struct plugin_module *m = plugins_module(s->plugins, name, collections);
    bool fails_later = s->compat && s->command == OPT_DO; // `ansible -m nosuch`: on each host
    if (!m)
        return spec_find(name) || fails_later ? MODULE_BUILTIN : MODULE_NOWHERE;
    int rc = plugins_check(s->plugins, m, e);
    if (rc < 0 && plugins_beyond_us(m)) { // matters only to the hosts a task is for
        if (!s->compat)
            print_warning(&s->out, "%s; a task with it fails", err_msg(e));
        err_release(e);
        return MODULE_FOREIGN;
    }
    return rc < 0 ? rc : MODULE_FOREIGN;
}

static const char *module_suggest(void *data, const char *name)
{
    size_t n, m;
    const struct module_spec *const *all = spec_all(&n);
    const char *const *statements = keyword_statements(&m);
    const char **names = xmalloc((n + m) * sizeof *names);
    int k = 0;
    (void)data;
    for (size_t i = 0; i < n; i++)
        names[k++] = all[i]->name;
    for (size_t i = 0; i < m; i++)
        names[k++] = statements[i];
    const char *near = err_suggest(name, names, k);
    free(names);
    return near;
}

static const char *module_hint(void *data, const char *name, struct arena *a)
{
    const struct session *s = data;
    return plugins_module_hint(s->plugins, name, a);
}

static int group_known(void *data, const char *name, struct err *e)
{
    const struct session *s = data;
    return plugins_in_group(s->plugins, name, "", e);
}

static void entered(void *data, const char *dir, bool is_role)
{
    struct session *s = data;
    if (is_role)
        plugins_add_role(s->plugins, dir);
    else
        plugins_add_playbook(s->plugins, dir);
}

static void warn(void *data, const char *msg)
{
    const struct session *s = data;
    print_warning(&s->out, "%s", msg);
}

static void show(void *data, const char *text, bool error)
{
    const struct session *s = data;
    const struct run_sink *sink = &s->run.sink;
    if (sink->clear)
        sink->clear(sink->data);
    if (sink->message && !error) {
        sink->message(sink->data, text);
        return;
    }
    fflush(stdout);
    fprintf(error ? stderr : stdout, "%s\n", text);
    fflush(stdout);
}

static int read_inventory(void *data, struct arena *a, const char *const *sources, size_t n,
                          struct value *ret, struct err *e)
{
    const struct session *s = data;
    return plugins_inventory(s->plugins, a, sources, n, s->extra_vars, ret, e);
}

void session_open_plugins(struct session *s)
{
    struct plugins_opts o = {.config = s->config,
                             .server = session_own_file(s, "ANDON_PLUGINS", "andon-plugins.py"),
                             .warn = warn,
                             .display = show,
                             .decrypt = vault_count(s->vault) ? session_decrypt : NULL,
                             .data = s};
    s->plugins = plugins_new(&o);
    plugins_set_hooks(s->plugins);
    // what lies beside a playbook may serve its inventory already
    for (size_t i = 0; s->command == OPT_RUN && i < s->o.args->len; i++)
        plugins_add_playbook(s->plugins, path_dir(s->arena, s->o.args->items[i].u.str.s));
    if (s->command != OPT_RUN && s->o.playbook_dir)
        plugins_add_playbook(s->plugins, s->o.playbook_dir);
}

// A plugin that prints instead of us does so where we print as Ansible does.
static void warn_of_printer(struct session *s, const char *name)
{
    static const char *const like_ours[] = {"default", "ansible.builtin.default", "minimal",
                                            "ansible.builtin.minimal"};
    for (size_t i = 0; i < sizeof like_ours / sizeof *like_ours; i++)
        if (strcmp(name, like_ours[i]) == 0)
            return;
    const char *file = plugins_find(s->plugins, "callback", name, s->arena);
    if (!s->compat || !file)
        print_warning(
            &s->out,
            "the callback plugin %s%s%s%s of the setting stdout_callback does not print: %s", name,
            file ? " (" : "", file ? file : "", file ? ")" : "",
            file ? "andon has its own output (ansible-playbook has the plugin's)"
                 : "it was not found");
}

// Without a plugin that is named variables would be missing. Ansible says nothing.
static int check_vars_plugin(struct session *s, const char *name, struct err *e)
{
    if (s->compat || strcmp(name, "host_group_vars") == 0 ||
        strcmp(name, "ansible.builtin.host_group_vars") == 0 ||
        plugins_find(s->plugins, "vars", name, s->arena))
        return 0;
    return err_set(e, ERR_NOENT, POS_NONE,
                   "the vars plugin %s of the setting vars_plugins_enabled was not found", name);
}

int session_check_plugins(struct session *s, struct err *e)
{
    const struct list *vars = config_list(s->config, CONFIG_VARS_ENABLED);
    const char *own = config_str(s->config, CONFIG_STDOUT_CALLBACK);
    int rc = 0;
    for (size_t i = 0; i < vars->len && rc == 0; i++)
        rc = check_vars_plugin(s, vars->items[i].u.str.s, e);
    if (own)
        warn_of_printer(s, own);
    return rc;
}

static int read_vars(void *data, struct arena *a, const char *path, bool playbook,
                     const struct value *entity, struct value *ret, struct err *e)
{
    const struct session *s = data;
    if (!plugins_has_vars(s->plugins))
        return 0;
    int rc = plugins_vars(s->plugins, a, path, playbook, entity, ret, e);
    return rc < 0 ? rc : 1;
}

void session_inventory_plugins(struct session *s, struct inventory_opts *io)
{
    io->plugins = read_inventory;
    io->vars = read_vars;
    io->plugins_data = s;
}

void session_loader_plugins(struct session *s, struct loader_opts *lo)
{
    s->run.plugins = s->plugins;
    lo->module_known = module_known;
    lo->group_known = group_known;
    lo->module_suggest = module_suggest;
    lo->module_hint = module_hint;
    lo->entered = entered;
}

void session_close_plugins(struct session *s)
{
    plugins_set_hooks(NULL);
    plugins_free(s->plugins);
    s->plugins = NULL;
}

// --- what it cost
// -------------------------------------------------------------------------------------------------

void print_foreign(const struct stats_event *ev)
{
    for (size_t i = 0; i < ev->n_foreign; i++) {
        const struct plugin_use *u = &ev->foreign[i];
        printf("%s%s %s (%u time%s, %.1fs)", i ? ", " : "through your Ansible: ", u->kind, u->name,
               u->count, u->count == 1 ? "" : "s", u->seconds);
    }
    if (ev->n_foreign)
        printf("\n");
}

struct value foreign_value(struct arena *a, const struct stats_event *ev)
{
    struct value list = value_list(a);
    for (size_t i = 0; i < ev->n_foreign; i++) {
        const struct plugin_use *u = &ev->foreign[i];
        struct value one = value_dict(a);
        dict_set(one.u.dict, "kind", value_cstr(u->kind));
        dict_set(one.u.dict, "name", value_cstr(u->name));
        dict_set(one.u.dict, "count", value_int(u->count));
        dict_set(one.u.dict, "seconds", value_float(u->seconds));
        list_add(list.u.list, one);
    }
    return list;
}
