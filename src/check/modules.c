// Which modules, filters and tests there are beside the native ones: those that the content brings
// along, and those of the installed Ansible (its folder of modules, and its table of plugins that
// moved to collections). Files are only looked at, never run.
#include "check/internal.h"

#include "config/installed.h"
#include "core/file.h"
#include "playbook/keywords.h"
#include "spec/spec.h"
#include "template/builtin.h"

#include <string.h>
#include <sys/stat.h>

#define MAX_NAMES 1024

static const char builtin_prefix[] = "ansible.builtin.", legacy_prefix[] = "ansible.legacy.";

static const char *without_builtin(const char *name)
{
    if (strncmp(name, builtin_prefix, sizeof builtin_prefix - 1) == 0)
        return name + sizeof builtin_prefix - 1;
    if (strncmp(name, legacy_prefix, sizeof legacy_prefix - 1) == 0)
        return name + sizeof legacy_prefix - 1;
    return name;
}

bool is_native(const char *name)
{
    size_t n;
    const char *const *statements = keyword_statements(&n);
    name = without_builtin(name);
    for (size_t i = 0; i < n; i++)
        if (strcmp(statements[i], name) == 0)
            return true;
    return spec_find(name) != NULL;
}

// --- what the content brings along ---------------------------------------------------------------

static void add_plugin(struct check *c, const char *path)
{
    char *text;
    size_t len;
    if (!dict_get(c->plugin_text, path) &&
        file_read(c->a, path, CHECK_MAX_FILE, &text, &len, NULL) == 0)
        dict_set(c->plugin_text, path, value_ref(text, len));
}

static void add_folder(struct check *c, const char *dir, bool modules)
{
    struct dict *names = value_dict(c->a).u.dict;
    struct dict_entry *it;
    plugin_files(c->a, dir, modules, names);
    if (modules) {
        dict_update(c->library, names);
        return;
    }
    DICT_EACH(names, it)
    {
        add_plugin(c, it->val.u.str.s);
    }
}

void add_library(struct check *c, const char *dir)
{
    static const struct {
        const char *name;
        bool modules;
    } rows[] = {{"library", true},         {"action_plugins", true},  {"plugins/modules", true},
                {"plugins/action", true},  {"filter_plugins", false}, {"test_plugins", false},
                {"plugins/filter", false}, {"plugins/test", false}};
    if (dict_get(c->library_dirs, dir))
        return;
    dict_set(c->library_dirs, dir, value_bool(true));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        add_folder(c, path_join(c->a, dir, rows[i].name), rows[i].modules);
}

// --- the installed Ansible -----------------------------------------------------------------------

static void find_ansible(struct check *c)
{
    const char *package = installed_package(c->a, installed_python(c->a));
    char *text;
    size_t len;
    c->ansible = c->routing = "";
    if (!package || file_read(c->a, path_join(c->a, package, "config/ansible_builtin_runtime.yml"),
                              CHECK_MAX_FILE, &text, &len, NULL) < 0)
        return;
    c->ansible = package;
    c->routing = text;
}

// True when the table says where a plugin of the kind moved to.
static bool routed(struct check *c, const char *kind, const char *name)
{
    const char *start = strstr(c->routing, arena_printf(c->a, "\n  %s:\n", kind));
    if (!start)
        return false;
    const char *at = strstr(start, arena_printf(c->a, "\n    %s:\n", name));
    const char *end = start + 1;
    while ((end = strchr(end, '\n')) && !(end[1] == ' ' && end[2] == ' ' && end[3] > ' '))
        end++;
    return at && (!end || at < end);
}

static bool has_ansible(struct check *c)
{
    if (!c->ansible)
        find_ansible(c);
    return *c->ansible;
}

static bool in_ansible(struct check *c, const char *name)
{
    struct stat st;
    static const char *const folders[] = {"modules", "plugins/action"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (stat(arena_printf(c->a, "%s/%s/%s.py", c->ansible, folders[i], name), &st) == 0)
            return true;
    return routed(c, "modules", name) || routed(c, "action", name);
}

// Modules of later ansible-cores than the one that may be installed.
static bool is_newer(const char *name)
{
    return strcmp(name, "deb822_repository") == 0 || strcmp(name, "dnf5") == 0 ||
           strcmp(name, "mount_facts") == 0 || strcmp(name, "systemd_service") == 0;
}

static bool is_somewhere(struct check *c, const char *name)
{
    if (strchr(name, '.')) // of a collection, which may be installed elsewhere
        return true;
    if (dict_get(c->library, name) || is_newer(name))
        return true;
    return has_ansible(c) ? in_ansible(c, name) : !module_near(c, name);
}

int module_exists(void *check, const char *name, const struct list *collections, struct err *e)
{
    (void)e;
    if (is_native(name))
        return MODULE_BUILTIN;
    // collections may bring along modules of any name
    bool any = collections && collections->len;
    return any || is_somewhere(check, without_builtin(name)) ? MODULE_FOREIGN : MODULE_NOWHERE;
}

const char *module_near(void *check, const char *name)
{
    size_t n, m;
    const struct module_spec *const *all = spec_all(&n);
    const char *const *statements = keyword_statements(&m), *names[MAX_NAMES];
    int k = 0;
    (void)check;
    for (size_t i = 0; i < n && k < MAX_NAMES; i++)
        names[k++] = all[i]->name;
    for (size_t i = 0; i < m && k < MAX_NAMES; i++)
        names[k++] = statements[i];
    return err_suggest(without_builtin(name), names, k);
}

// A plugin's Python text names what it offers in quotes.
static bool in_texts(struct check *c, const char *name)
{
    struct dict_entry *it;
    const char *forms[] = {arena_printf(c->a, "'%s'", name), arena_printf(c->a, "\"%s\"", name)};
    DICT_EACH(c->plugin_text, it)
    if (strstr(it->val.u.str.s, forms[0]) || strstr(it->val.u.str.s, forms[1]) ||
        strcmp(arena_strndup(c->a, path_base(it->key.u.str.s),
                             strcspn(path_base(it->key.u.str.s), ".")),
               name) == 0)
        return true;
    return false;
}

int plugin_exists(struct check *c, const char *name, bool test)
{
    const char *shortname = without_builtin(name);
    if (strchr(shortname, '.') || in_texts(c, shortname))
        return 1;
    if (!has_ansible(c) || c->unresolved)
        return -1;
    if (routed(c, test ? "test" : "filter", shortname) || (test && routed(c, "filter", shortname)))
        return 1;
    add_folder(c, path_join(c->a, c->ansible, "plugins/filter"), false);
    add_folder(c, path_join(c->a, c->ansible, "plugins/test"), false);
    return in_texts(c, shortname);
}
