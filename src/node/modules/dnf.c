// dnf and yum: packages of Red Hat's kin. rpm tells what is installed; dnf (or yum) is started only
// to change something.
#include "node/hold.h"
#include "node/journal.h"
#include "node/modules/dnf.h"
#include "node/modules.h"
#include "node/text.h"

#include <string.h>
#include <unistd.h>

struct argv dnf_start(struct dnf *t)
{
    static const struct {
        const char *param, *option;
    } lists[] = {{"enablerepo", "--enablerepo"},
                 {"disablerepo", "--disablerepo"},
                 {"exclude", "--exclude"},
                 {"enable_plugin", "--enableplugin"},
                 {"disable_plugin", "--disableplugin"}};
    static const struct {
        const char *param, *option;
        bool on;
    } flags[] = {{"disable_gpg_check", "--nogpgcheck", true},
                 {"skip_broken", "--skip-broken", true},
                 {"security", "--security", true},
                 {"bugfix", "--bugfix", true},
                 {"download_only", "--downloadonly", true},
                 {"allowerasing", "--allowerasing", true},
                 {"nobest", "--nobest", true},
                 {"cacheonly", "-C", true},
                 {"sslverify", "--setopt=sslverify=0", false},
                 {"install_weak_deps", "--setopt=install_weak_deps=0", false}};
    static const struct {
        const char *param, *option;
    } texts[] = {{"conf_file", "--config"},
                 {"releasever", "--releasever"},
                 {"download_dir", "--downloaddir"},
                 {"disable_excludes", "--disableexcludes"}};
    struct argv argv = argv_of(t->a, t->tool, NULL);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const struct list *l = module_list(t->m, lists[i].param);
        if (l && l->len)
            argv_addf(&argv, "%s=%s", lists[i].option, text_join(t->a, l, ","));
    }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (module_bool(t->m, flags[i].param) == flags[i].on)
            argv_add(&argv, flags[i].option);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (module_str(t->m, texts[i].param))
            argv_addf(&argv, "%s=%s", texts[i].option, module_str(t->m, texts[i].param));
    if (t->root)
        argv_addf(&argv, "--installroot=%s", t->root);
    return argv;
}

int dnf_run(struct dnf *t, const struct argv *argv, struct output *ret)
{
    struct proc_opts opts = {.clean_lang = true, .live = t->m->live};
    return command_run(t->m, argv, &opts, ret);
}

int dnf_fail(struct dnf *t, const char *msg, struct list *failures)
{
    struct value v = {.type = VALUE_LIST, .u.list = failures}, results = value_list(t->a);
    if (failures && failures->len)
        module_set(t->m, "failures", v);
    module_set(t->m, "rc", value_int(1));
    module_set(t->m, "results", results);
    return module_fail(t->m, "%s", msg);
}

// --- what a transaction does

// The package called name among those installed, or NULL.
static const char *find_installed(const struct dict *installed, const char *name)
{
    struct dict_entry *it;
    size_t n = strlen(name);
    DICT_EACH(installed, it)
    {
        const char *s = it->key.u.str.s, *rest = text_after(s, name);
        // name-version-release.arch: two more dashes
        if (rest && *rest == '-' && strchr(s + n + 1, '-') &&
            strchr(s + n + 1, '-') == strrchr(s, '-'))
            return s;
    }
    return NULL;
}

// What dnf would do, from its table: "Installing:" and the lines under it. Fills the results.
static void read_table(struct dnf *t, const char *out, const struct dict *installed)
{
    const char *verb = NULL;
    bool replaces = false;
    for (char *c = arena_strdup(t->a, out), *line; (line = text_line(&c));) {
        char *field[4] = {0}, *rest = line;
        size_t n = 0;
        if (!*line || text_after(line, "Transaction Summary"))
            verb = NULL;
        if (line[0] && line[0] != ' ' && line[strlen(line) - 1] == ':') {
            verb = strncmp(line, "Remov", 5) == 0 ? "Removed" : "Installed";
            replaces = text_after(line, "Upgrading") || text_after(line, "Downgrading");
        }
        if (!verb || line[0] != ' ')
            continue;
        while (n < 4 && (field[n] = text_field(&rest)))
            n++;
        if (n < 4)
            continue;
        list_add(t->results, value_strf(t->a, "%s: %s-%s.%s", verb, field[0], field[2], field[1]));
        const char *old = replaces ? find_installed(installed, field[0]) : NULL;
        if (old)
            list_add(t->results, value_strf(t->a, "Removed: %s", old));
    }
}

// The difference between what was installed and what is.
static void compare(struct dnf *t, const struct dict *before, const struct dict *after)
{
    struct dict_entry *it;
    DICT_EACH(after, it)
    if (!dict_getv(before, &it->key))
        list_add(t->results, value_strf(t->a, "Installed: %s", it->key.u.str.s));
    DICT_EACH(before, it)
    if (!dict_getv(after, &it->key))
        list_add(t->results, value_strf(t->a, "Removed: %s", it->key.u.str.s));
}

static int failed(struct dnf *t, const struct output *o)
{
    static const char *const marks[] = {"No match for argument: ", "No package ",
                                        "Unable to find a match: "};
    struct list *failures = value_list(t->a).u.list;
    const char *both = arena_printf(t->a, "%s\n%s", o->out, o->err);
    bool missing = false;
    for (char *c = arena_strdup(t->a, both), *line; (line = text_line(&c));) {
        const char *name = text_after(line, marks[0]);
        if (!name && text_after(line, marks[1]))
            name =
                arena_strndup(t->a, line + strlen(marks[1]), strcspn(line + strlen(marks[1]), " "));
        if (name)
            list_add(failures, value_strf(t->a, "No package %s available.", name));
        missing = missing || name;
    }
    if (missing)
        return dnf_fail(t, "Failed to install some of the specified packages", failures);
    char *said = arena_strdup(t->a, *o->err ? o->err : o->out);
    return dnf_fail(t, text_strip(said), NULL);
}

// Runs one verb over the specs; in check mode dnf only says what it would do.
static int transact(struct dnf *t, const char *verb, const struct list *specs)
{
    struct argv argv = dnf_start(t);
    struct dict *before, *after;
    struct output o;
    argv_add(&argv, t->m->check ? "--assumeno" : "-y");
    argv_line(t->m, &argv, verb);
    for (size_t i = 0; specs && i < specs->len; i++)
        argv_add(&argv, specs->items[i].u.str.s);
    if (dnf_installed(t, &before) != 0)
        return ERR_FAILED;
    if (!t->m->check && !t->root &&
        (journal_accounts(t->m, NULL) < 0 || journal_links(t->m, NULL) < 0 ||
         journal_thing(t->m, "dnf", "rpm", NULL, NULL) < 0))
        return ERR_FAILED;
    if (!t->m->check && t->root)
        journal_lost(t->m, t->root, "what is in another root is not kept");
    if (!t->m->check)
        module_hold(t->m); // a transaction stopped half-way leaves packages twice
    int rc = dnf_run(t, &argv, &o);
    if (!t->m->check)
        module_release(t->m);
    if (rc != 0)
        return ERR_FAILED;
    if (t->m->check) {
        size_t had = t->results->len;
        read_table(t, o.out, before);
        return o.rc == 0 || t->results->len > had || strstr(o.err, "Operation aborted")
                   ? 0
                   : failed(t, &o);
    }
    if (o.rc != 0)
        return failed(t, &o);
    if (module_bool(t->m, "download_only") && !strstr(o.out, "Nothing to do"))
        list_add(t->results, value_cstr("Downloaded packages"));
    if (dnf_installed(t, &after) != 0)
        return ERR_FAILED;
    for (size_t i = 0; specs && i < specs->len; i++)
        if (text_ends(specs->items[i].u.str.s, ".rpm"))
            list_add(t->results, value_strf(t->a, "Installed %s", specs->items[i].u.str.s));
    compare(t, before, after);
    return 0;
}

// --- states

// Sorts the names into those installed and those not.
static int sort_names(struct dnf *t, const struct list *names, struct list **ret_have,
                      struct list **ret_lack)
{
    *ret_have = value_list(t->a).u.list;
    *ret_lack = value_list(t->a).u.list;
    for (size_t i = 0; i < names->len; i++) {
        int rc = dnf_is_installed(t, names->items[i].u.str.s);
        if (rc < 0)
            return ERR_FAILED;
        list_add(rc ? *ret_have : *ret_lack, names->items[i]);
    }
    return 0;
}

static int latest(struct dnf *t, const struct list *have, const struct list *lack, bool all)
{
    if (all)
        return transact(t, "upgrade", NULL);
    if (lack->len && !module_bool(t->m, "update_only") && transact(t, "install", lack) != 0)
        return ERR_FAILED;
    // a package file is its own newest version, and a group is upgraded by its name
    struct list *upgrade = value_list(t->a).u.list, *groups = value_list(t->a).u.list;
    for (size_t i = 0; i < have->len; i++) {
        const char *s = have->items[i].u.str.s;
        if (*s == '@')
            list_add(groups, value_cstr(s + 1));
        else if (!text_ends(s, ".rpm"))
            list_add(upgrade, have->items[i]);
    }
    if (groups->len && transact(t, "group upgrade", groups) != 0)
        return ERR_FAILED;
    return upgrade->len ? transact(t, "upgrade", upgrade) : 0;
}

static int absent(struct dnf *t, const struct list *have)
{
    for (size_t i = 0; i < have->len; i++)
        if (text_ends(have->items[i].u.str.s, ".rpm"))
            return dnf_fail(t, "Cannot remove paths -- please specify package name.", NULL);
    if (have->len && transact(t, "remove", have) != 0)
        return ERR_FAILED;
    return module_bool(t->m, "autoremove") ? transact(t, "autoremove", NULL) : 0;
}

static int refresh(struct dnf *t)
{
    struct argv argv = dnf_start(t);
    struct output o;
    argv_add(&argv, "makecache");
    if (dnf_run(t, &argv, &o) != 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0 : failed(t, &o);
}

static int apply(struct dnf *t, const struct list *names)
{
    const char *state = module_str(t->m, "state");
    struct list *have, *lack;
    bool remove = state ? strcmp(state, "absent") == 0 || strcmp(state, "removed") == 0
                        : module_bool(t->m, "autoremove");
    bool all = names->len == 1 && value_eqs(&names->items[0], "*");
    if (sort_names(t, names, &have, &lack) != 0)
        return ERR_FAILED;
    if (remove)
        return absent(t, have);
    if (state && strcmp(state, "latest") == 0)
        return latest(t, have, lack, all);
    return lack->len ? transact(t, "install", lack) : 0;
}

// name as a list of texts, "a,b" and "a, b" being two.
static struct list *find_names(struct module *m)
{
    struct list *names = value_list(m->arena).u.list;
    const struct list *given = module_list(m, "name");
    for (size_t i = 0; given && i < given->len; i++)
        for (char *c = arena_strdup(m->arena, given->items[i].u.str.s), *s;
             (s = text_piece(&c, ','));)
            if (*(s = text_strip(s)))
                list_add(names, value_cstr(s));
    return names;
}

static const char *find_tool(struct module *m)
{
    static const char *const names[] = {"dnf", "dnf5", "yum", "microdnf"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (proc_which(m->arena, names[i]))
            return proc_which(m->arena, names[i]);
    return NULL;
}

static int run(struct module *m)
{
    const char *root = module_str(m, "installroot"), *list = module_str(m, "list");
    struct dnf t = {.m = m,
                    .a = m->arena,
                    .tool = find_tool(m),
                    .root = strcmp(root, "/") == 0 ? NULL : root,
                    .results = value_list(m->arena).u.list};
    struct list *names = find_names(m);
    if (!t.tool)
        return proc_fail_missing(m, "dnf");
    if (!proc_which(m->arena, "rpm"))
        return proc_fail_missing(m, "rpm");
    if (geteuid() != 0 && !list)
        return dnf_fail(&t, "This command has to be run under the root user.", NULL);
    if (module_bool(m, "update_cache") && !m->check && refresh(&t) != 0)
        return ERR_FAILED;
    if (list)
        return dnf_list(&t, list);
    if (apply(&t, names) != 0)
        return ERR_FAILED;
    bool cache_only =
        module_bool(m, "update_cache") && !names->len && !module_bool(m, "autoremove");
    module_changed(m, t.results->len > 0);
    module_set(m, "results", (struct value){.type = VALUE_LIST, .u.list = t.results});
    module_set(m, "rc", value_int(0));
    module_set_str(
        m, "msg",
        t.results->len
            ? (m->check ? "Check mode: No changes made, but would have if not in check mode" : "")
        : cache_only ? "Cache updated"
                     : "Nothing to do");
    return 0;
}

int mod_dnf(struct module *m)
{
    return run(m);
}

int mod_yum(struct module *m)
{
    return run(m);
}
