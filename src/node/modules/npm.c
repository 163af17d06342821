// npm: packages of Node.js, for the host or in a folder.
#include "node/command.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include "core/file.h"
#include "core/json.h"

#include <string.h>
#include <sys/stat.h>

struct npm {
    struct module *m;
    struct arena *a;
    struct argv base;         // npm and what may come in front of it
    const char *path, *label; // label: name or name@version
    struct list *present, *missing;
};

static void flags(const struct npm *t, struct argv *argv)
{
    static const struct {
        const char *param, *flag;
    } table[] = {{"global", "--global"},
                 {"production", "--production"},
                 {"ignore_scripts", "--ignore-scripts"},
                 {"unsafe_perm", "--unsafe-perm"},
                 {"no_optional", "--no-optional"},
                 {"no_bin_links", "--no-bin-links"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (module_bool(t->m, table[i].param))
            argv_add(argv, table[i].flag);
    argv_option(argv, "--registry", module_str(t->m, "registry"));
}

// Runs "npm VERB.. [NAME] FLAGS"; any: other exit codes than 0 are no failure.
static int run(struct npm *t, const char *verb, bool with_name, bool any, struct output *o)
{
    struct argv argv = argv_of(t->a, NULL);
    for (size_t i = 0; i < t->base.n; i++)
        argv_add(&argv, t->base.v[i]);
    if (argv_line(t->m, &argv, verb) != 0)
        return ERR_FAILED;
    if (with_name)
        argv_add(&argv, t->label);
    flags(t, &argv);
    struct proc_opts opts = {.cwd = t->path};
    return any ? command_run(t->m, &argv, &opts, o) : command_must(t->m, &argv, &opts, o);
}

// Sorts what `npm list` knows into what is there and what is not.
static int list_packages(struct npm *t)
{
    struct output o;
    struct value tree;
    struct dict_entry *it;
    const char *name = module_str(t->m, "name");
    t->present = value_list(t->a).u.list;
    t->missing = value_list(t->a).u.list;
    if (run(t, "list --json --long", false, true, &o) != 0)
        return ERR_FAILED;
    if (json_parse(t->a, o.out, o.out_len, &tree, NULL) != 0 || tree.type != VALUE_DICT)
        return module_fail(t->m, "Failed to parse NPM output with error %s", o.err);
    const struct value *deps = dict_get(tree.u.dict, "dependencies");
    if (deps && deps->type == VALUE_DICT)
        DICT_EACH(deps->u.dict, it)
        {
            const struct dict *d = it->val.type == VALUE_DICT ? it->val.u.dict : NULL;
            bool missing = !d || dict_bool(d, "missing", false) || dict_bool(d, "invalid", false);
            const char *dep = value_to_cstr(t->a, &it->key);
            list_add(missing ? t->missing : t->present, value_cstr(dep));
            const char *version = d ? dict_str(d, "version", NULL) : NULL;
            if (!missing && version)
                list_add(t->present, value_strf(t->a, "%s@%s", dep, version));
        }
    if (name && !text_list_has(t->present, t->label))
        list_add(t->missing, value_cstr(name));
    return 0;
}

// Whether npm knows newer versions of what is there.
static int is_outdated(struct npm *t, bool *ret)
{
    struct output o;
    const char *name = module_str(t->m, "name");
    *ret = false;
    if (run(t, "outdated", false, true, &o) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        const char *word = text_field(&line);
        bool heading = !word || strcmp(word, "Package") == 0;
        *ret = *ret || (!heading && (!name || strncmp(word, name, strlen(name)) == 0));
    }
    return 0;
}

static const char *says(struct npm *t, const char *what)
{
    struct output o;
    struct argv argv = argv_of(t->a, NULL);
    for (size_t i = 0; i < t->base.n; i++)
        argv_add(&argv, t->base.v[i]);
    argv_add(&argv, what);
    argv_add(&argv, "--global");
    if (command_run(t->m, &argv, NULL, &o) != 0 || o.rc != 0)
        return "";
    return text_strip(arena_strdup(t->a, o.out));
}

// All that npm writes: packages are folders, and commands links to them.
static int keep(struct npm *t)
{
    static const char *const files[] = {"package.json", "package-lock.json", "npm-shrinkwrap.json"};
    struct module *m = t->m;
    const char *prefix = m->journal && !t->path ? says(t, "prefix") : NULL;
    if (!m->journal)
        return 0;
    if (prefix && *prefix != '/') {
        journal_lost(m, "npm", "npm does not tell its prefix");
        return 0;
    }
    if (prefix)
        return journal_whole(m, path_join(t->a, prefix, "lib/node_modules"), NULL) < 0 ||
                       journal_whole(m, path_join(t->a, prefix, "bin"), NULL) < 0
                   ? ERR_FAILED
                   : 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (journal_path(m, path_join(t->a, t->path, files[i]), NULL) < 0)
            return ERR_FAILED;
    return journal_whole(m, path_join(t->a, t->path, "node_modules"), NULL);
}

static int change(struct npm *t, const char *verb)
{
    struct output o;
    module_changed(t->m, true);
    if (!t->m->check && keep(t) < 0)
        return ERR_FAILED;
    return t->m->check ? 0 : run(t, verb, module_str(t->m, "name") != NULL, false, &o);
}

static int latest(struct npm *t)
{
    bool outdated;
    if (t->missing->len)
        return change(t, "install");
    if (is_outdated(t, &outdated) != 0)
        return ERR_FAILED;
    return outdated ? change(t, module_str(t->m, "name") ? "install" : "update") : 0;
}

static int apply(struct npm *t)
{
    struct module *m = t->m;
    const char *state = module_str(m, "state"), *name = module_str(m, "name");
    if (module_bool(m, "ci"))
        return change(t, "ci");
    if (list_packages(t) != 0)
        return ERR_FAILED;
    if (strcmp(state, "present") == 0)
        return t->missing->len ? change(t, "install") : 0;
    if (strcmp(state, "latest") == 0)
        return latest(t);
    if (!text_list_has(t->present, name))
        return 0;
    t->label = name;
    return change(t, "uninstall");
}

int mod_npm(struct module *m)
{
    struct npm t = {.m = m, .a = m->arena, .path = module_str(m, "path")};
    const char *name = module_str(m, "name"), *version = module_str(m, "version");
    const char *executable = module_str(m, "executable");
    struct err e = ERR_INIT;
    struct stat st;
    if (!t.path && !module_bool(m, "global"))
        return module_fail(m, "path must be specified when not using global");
    if (!executable && !proc_which(m->arena, "npm"))
        return proc_fail_missing(m, "npm");
    t.base = argv_of(m->arena, NULL);
    if (executable ? argv_line(m, &t.base, executable) != 0 : false)
        return ERR_FAILED;
    if (!executable)
        argv_add(&t.base, proc_which(m->arena, "npm"));
    if (module_bool(m, "global"))
        t.path = NULL;
    t.label = name && version ? arena_printf(m->arena, "%s@%s", name, version) : name;
    module_changed(m, false);
    if (t.path && stat(t.path, &st) == 0 && !S_ISDIR(st.st_mode))
        return module_fail(m, "path %s is not a directory", t.path);
    if (t.path && !text_exists(t.path)) {
        if (m->check) {
            module_changed(m, strcmp(module_str(m, "state"), "absent") != 0);
            return 0;
        }
        if (journal_path(m, t.path, NULL) < 0)
            return ERR_FAILED;
        if (host_mkdirs(t.path, 0777, &e) != 0)
            return module_fail_err(m, &e);
    }
    return apply(&t);
}
