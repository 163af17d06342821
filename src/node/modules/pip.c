// pip: Python packages, for the host or in a virtual environment.
#include "node/command.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/modules/pip_version.h"
#include "node/text.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pip {
    struct module *m;
    struct arena *a;
    const char *state, *env, *chdir;
    struct argv pip;    // the program, possibly with -m
    struct list *names; // requirements as they go to pip
    bool has_address;   // one of them is fetched from a repository
    struct value env_vars;
    bool made_env;
    const char *out, *err; // of everything that was run
};

static bool state_is(const struct pip *t, const char *state)
{
    return strcmp(t->state, state) == 0;
}

// quiet: what it prints does not go into the result.
static int run(struct pip *t, const struct argv *argv, bool quiet, struct output *o)
{
    struct proc_opts opts = {.cwd = t->chdir, .env = t->env_vars.u.dict, .clean_lang = true};
    if (command_run(t->m, argv, &opts, o) != 0)
        return ERR_FAILED;
    if (quiet)
        return 0;
    t->out = arena_printf(t->a, "%s%s", t->out, o->out);
    t->err = arena_printf(t->a, "%s%s", t->err, o->err);
    return 0;
}

static int fail(struct pip *t, const struct argv *argv)
{
    module_set(t->m, "cmd", argv_value(argv));
    return module_fail(t->m, "%s%s%s%s", *t->out ? "stdout: " : "", t->out,
                       *t->err ? "\n:stderr: " : "", t->err);
}

// --- names

static bool is_specifier(const char *s)
{
    s += strspn(s, " \t");
    return *s && strchr("<>=!~", *s);
}

static bool is_repository(const char *s)
{
    static const char *const kinds[] = {"git+", "hg+", "svn+", "bzr+"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(s, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

// "a>1,<2, b" was cut at every comma: specifiers go back to what they belong to.
static struct list *whole_names(struct arena *a, const struct list *l)
{
    struct list *names = value_list(a).u.list;
    for (size_t i = 0; l && i < l->len; i++) {
        const char *rest = value_to_cstr(a, &l->items[i]);
        for (char *c = arena_strdup(a, rest), *one; (one = text_piece(&c, ','));) {
            one = text_strip(one);
            if (is_specifier(one) && names->len) {
                struct value *last = &names->items[names->len - 1];
                *last = value_strf(a, "%s,%s", last->u.str.s, one);
            } else if (*one) {
                list_add(names, value_cstr(one));
            }
        }
    }
    return names;
}

static int compare_texts(const void *x, const void *y)
{
    return strcmp(((const struct value *)x)->u.str.s, ((const struct value *)y)->u.str.s);
}

// A name and its specifiers in order and without blanks, as Python's packaging shows them to pip.
static const char *tidy(struct arena *a, const char *name, const char *version)
{
    struct pip_requirement r = pip_requirement_parse(a, name);
    struct value l = value_list(a);
    if (!r.plain)
        return name;
    if (version)
        r.specs = is_specifier(version) ? version : arena_printf(a, "==%s", version);
    for (char *c = arena_strdup(a, r.specs), *one; (one = text_piece(&c, ','));) {
        struct buf b = BUF_INIT;
        for (; *one; one++)
            if (*one != ' ')
                buf_addc(&b, *one);
        if (b.len)
            list_add(l.u.list, value_strn(a, b.p, b.len));
        buf_release(&b);
    }
    if (l.u.list->len)
        qsort(l.u.list->items, l.u.list->len, sizeof *l.u.list->items, compare_texts);
    return arena_printf(a, "%s%s", r.name, text_join(a, l.u.list, ","));
}

static int find_names(struct pip *t)
{
    struct module *m = t->m;
    const char *version = module_str(m, "version");
    t->names = whole_names(t->a, module_list(m, "name"));
    if (version && t->names->len > 1)
        return module_fail(m, "'version' argument is ambiguous when installing multiple package "
                              "distributions. Please specify version restrictions next to each "
                              "package in 'name' argument.");
    for (size_t i = 0; i < t->names->len; i++) {
        const char *name = t->names->items[i].u.str.s;
        if (version && *pip_requirement_parse(t->a, name).specs)
            return module_fail(m, "The 'version' argument conflicts with any version specifier "
                                  "provided along with a package name. Please keep the version "
                                  "specifier, but remove the 'version' argument.");
        t->has_address = t->has_address || is_repository(name);
        t->names->items[i] = value_cstr(tidy(t->a, name, version));
    }
    return 0;
}

// --- pip and the virtual environment

static int make_env(struct pip *t)
{
    struct module *m = t->m;
    const char *command = module_str(m, "virtualenv_command");
    const char *python = module_str(m, "virtualenv_python");
    struct argv argv = argv_of(t->a, NULL);
    struct output o;
    if (argv_line(m, &argv, command) != 0)
        return ERR_FAILED;
    if (!argv.n || !proc_which(t->a, argv.v[0]))
        return proc_fail_missing(m, argv.n ? argv.v[0] : "virtualenv");
    argv.v[0] = proc_which(t->a, argv.v[0]);
    if (module_bool(m, "virtualenv_site_packages"))
        argv_add(&argv, "--system-site-packages");
    bool builtin = strstr(command, "pyvenv") || strstr(command, "-m venv");
    if (builtin && python)
        return module_fail(m, "virtualenv_python should not be used when using the venv module or "
                              "pyvenv as virtualenv_command");
    if (!builtin && (python || proc_which(t->a, "python3")))
        argv_addf(&argv, "-p%s", python ? python : proc_which(t->a, "python3"));
    argv_add(&argv, t->env);
    if (journal_whole(m, t->env, NULL) < 0 || run(t, &argv, false, &o) != 0)
        return ERR_FAILED;
    t->made_env = true;
    return o.rc == 0 ? 0 : fail(t, &argv);
}

// The pip of the host: that of its Python, else one in the search path.
static int host_pip(struct pip *t)
{
    static const char *const names[] = {"pip3", "pip"};
    const char *python = proc_which(t->a, "python3"), *found = NULL;
    if (python) {
        struct argv has = argv_of(t->a, python, "-c", "import pip", NULL);
        if (command_ok(t->m, &has)) {
            t->pip = argv_of(t->a, python, "-m", "pip.__main__", NULL);
            return 0;
        }
    }
    for (size_t i = 0; i < 2 && !found; i++)
        found = proc_which(t->a, names[i]);
    if (!found)
        return module_fail(t->m, "Unable to find any of pip3, pip to use.  pip needs to be "
                                 "installed.");
    t->pip = argv_of(t->a, found, NULL);
    return 0;
}

static int find_pip(struct pip *t)
{
    const char *executable = module_str(t->m, "executable");
    static const char *const names[] = {"pip3", "pip"};
    if (executable) {
        const char *path = proc_which(t->a, executable);
        if (!path)
            return proc_fail_missing(t->m, executable);
        t->pip = argv_of(t->a, path, NULL);
        return 0;
    }
    if (!t->env)
        return host_pip(t);
    for (size_t i = 0; i < 2; i++) {
        const char *path = arena_printf(t->a, "%s/bin/%s", t->env, names[i]);
        if (access(path, X_OK) != 0)
            continue;
        t->pip = argv_of(t->a, path, NULL);
        const char *old = getenv("PATH");
        dict_set(t->env_vars.u.dict, "PATH", value_strf(t->a, "%s/bin:%s", t->env, old ? old : ""));
        return 0;
    }
    return module_fail(t->m,
                       "Unable to find pip in the virtualenv, %s, under any of these names: "
                       "pip3, pip. Make sure pip is present in the virtualenv.",
                       t->env);
}

// --- what is installed

// "name==version" lines.
static int installed(struct pip *t, const char **ret, struct argv *ret_argv)
{
    struct argv argv = t->pip;
    struct output o;
    argv.v = NULL;
    argv.n = argv.cap = 0;
    for (size_t i = 0; i < t->pip.n; i++)
        argv_add(&argv, t->pip.v[i]);
    if (argv_line(t->m, &argv, "list --format=freeze") != 0 || run(t, &argv, !t->m->check, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return fail(t, &argv);
    *ret = o.out;
    *ret_argv = argv;
    return 0;
}

static bool is_installed(struct pip *t, const char *list, const char *name)
{
    struct pip_requirement r = pip_requirement_parse(t->a, name);
    const char *wanted = pip_canonical_name(t->a, r.name);
    for (char *c = arena_strdup(t->a, list), *line; (line = text_line(&c));) {
        char *eq = strstr(line, "==");
        if (!r.plain || !eq)
            continue;
        *eq = '\0';
        if (strcmp(pip_canonical_name(t->a, line), wanted) == 0)
            return pip_version_satisfies(t->a, text_strip(eq + 2), r.specs);
    }
    return false;
}

static int check(struct pip *t)
{
    struct module *m = t->m;
    const char *list;
    struct argv argv;
    bool changed = false;
    if (module_str(m, "extra_args") || module_str(m, "requirements") || state_is(t, "latest") ||
        !t->names->len) {
        module_changed(m, true);
        return 0;
    }
    if (installed(t, &list, &argv) != 0)
        return ERR_FAILED;
    for (size_t i = 0; i < t->names->len && !changed; i++) {
        bool there = is_installed(t, list, t->names->items[i].u.str.s);
        changed = (state_is(t, "present") && !there) || (state_is(t, "absent") && there);
    }
    module_changed(m, changed);
    module_set_str(m, "cmd", argv_text(&argv));
    module_set_str(m, "stdout", t->out);
    module_set_str(m, "stderr", t->err);
    return 0;
}

// --- changing it

static int build_command(struct pip *t, struct argv *ret)
{
    struct module *m = t->m;
    const char *extra = module_str(m, "extra_args");
    const char *verb = state_is(t, "present")  ? "install"
                       : state_is(t, "absent") ? "uninstall -y"
                       : state_is(t, "latest") ? "install -U"
                                               : "install -U --force-reinstall";
    *ret = t->pip;
    if (argv_line(m, ret, verb) != 0 || (extra && argv_line(m, ret, extra) != 0))
        return ERR_FAILED;
    if (module_bool(m, "editable")) {
        struct value have = argv_value(ret);
        if (!text_list_has(have.u.list, "-e"))
            argv_add(ret, "-e");
    }
    for (size_t i = 0; i < t->names->len; i++)
        argv_add(ret, t->names->items[i].u.str.s);
    if (!t->names->len)
        argv_option(ret, "-r", module_str(m, "requirements"));
    return 0;
}

// Whether pip will find everything as it is to be.
static int has_nothing_to_do(struct pip *t, bool *ret)
{
    const char *list;
    struct argv argv;
    *ret = false;
    if (!t->names->len || module_str(t->m, "extra_args") || t->has_address ||
        (!state_is(t, "present") && !state_is(t, "absent")))
        return 0;
    const char *out = t->out, *err = t->err;
    int rc = installed(t, &list, &argv);
    t->out = out;
    t->err = err;
    for (size_t i = 0; rc == 0 && i < t->names->len; i++)
        if (is_installed(t, list, t->names->items[i].u.str.s) != state_is(t, "present"))
            return 0;
    *ret = rc == 0;
    return rc;
}

// Folders of the host's own Python, which pip removes when nothing is left in them.
static int keep_folders(struct pip *t)
{
    static const char *const patterns[] = {"/usr/local/bin", "/usr/local/lib/python3*/*-packages"};
    glob_t g = {0};
    journal_collect(t->m);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        for (size_t k = glob(patterns[i], 0, NULL, &g) == 0 ? g.gl_pathc : 0; k-- > 0;)
            (void)!journal_path(t->m, g.gl_pathv[k], NULL);
        globfree(&g);
    }
    return journal_flush(t->m, NULL);
}

// The packages there are. An environment that the task makes goes as a whole.
static int keep(struct pip *t)
{
    const char *extra = module_str(t->m, "extra_args");
    bool nothing = t->made_env || !t->m->journal;
    if (!nothing && has_nothing_to_do(t, &nothing) < 0)
        return ERR_FAILED;
    if (nothing)
        return 0;
    if (keep_folders(t) < 0)
        return ERR_FAILED;
    return journal_thing(t->m, "pip", argv_text(&t->pip), extra, NULL);
}

static int apply(struct pip *t, const struct argv *argv)
{
    const char *before = NULL, *after = NULL;
    bool compare = module_str(t->m, "requirements") || t->has_address;
    struct argv list;
    struct output o;
    if (keep(t) < 0)
        return ERR_FAILED;
    if ((compare && installed(t, &before, &list) != 0) || run(t, argv, false, &o) != 0)
        return ERR_FAILED;
    bool gone = state_is(t, "absent") && o.rc == 1 &&
                (strstr(o.out, "not installed") || strstr(o.err, "not installed"));
    if (o.rc != 0 && !gone)
        return fail(t, argv);
    bool changed;
    if (state_is(t, "absent"))
        changed = strstr(o.out, "Successfully uninstalled") != NULL;
    else if (!compare)
        changed = strstr(o.out, "Successfully installed") != NULL;
    else if (installed(t, &after, &list) != 0)
        return ERR_FAILED;
    else
        changed = strcmp(before, after) != 0;
    module_changed(t->m, changed || t->made_env);
    return 0;
}

static void set_result(struct pip *t, const struct argv *argv)
{
    static const char *const shown[] = {"version", "state", "requirements"};
    struct module *m = t->m;
    module_set(m, "cmd", argv_value(argv));
    module_set(m, "name", *dict_get(m->args, "name"));
    for (size_t i = 0; i < 3; i++)
        module_set_str(m, shown[i], module_str(m, shown[i]));
    module_set_str(m, "virtualenv", t->env);
    module_set_str(m, "stdout", t->out);
    module_set_str(m, "stderr", t->err);
}

static int set_umask(struct module *m)
{
    const char *mask = module_str(m, "umask");
    char *end;
    if (!mask)
        return 0;
    unsigned long n = strtoul(mask, &end, 8);
    if (*end || !*mask)
        return module_fail(m, "umask must be an octal integer");
    umask((mode_t)n & 0777);
    return 0;
}

int mod_pip(struct module *m)
{
    const char *dir = module_str(m, "chdir");
    struct pip t = {.m = m,
                    .a = m->arena,
                    .state = module_str(m, "state"),
                    .env = module_str(m, "virtualenv"),
                    .chdir = dir ? dir : "/tmp",
                    .env_vars = value_dict(m->arena),
                    .out = "",
                    .err = ""};
    struct argv argv;
    if (module_str(m, "version") && state_is(&t, "latest"))
        return module_fail(m, "version is incompatible with state=latest");
    if (set_umask(m) != 0)
        return ERR_FAILED;
    if (t.env && *t.env != '/')
        t.env = arena_printf(m->arena, "%s/%s", t.chdir, t.env);
    if (t.env && !text_exists(arena_printf(m->arena, "%s/bin/activate", t.env))) {
        if (m->check) {
            module_changed(m, true);
            return 0;
        }
        if (make_env(&t) != 0)
            return ERR_FAILED;
    }
    if (find_pip(&t) != 0 || find_names(&t) != 0)
        return ERR_FAILED;
    if (m->check)
        return check(&t);
    if (!t.names->len && !module_str(m, "requirements")) {
        module_warn(m, "No valid name or requirements file found.");
        return 0;
    }
    if (build_command(&t, &argv) != 0 || apply(&t, &argv) != 0)
        return ERR_FAILED;
    set_result(&t, &argv);
    return 0;
}
