// Installing packages with apt-get: what has to be done is decided from dpkg's own records where
// that is enough.
#include "node/journal.h"
#include "node/modules/apt.h"
#include "node/text.h"

#include <fnmatch.h>
#include <string.h>

// A package as the task names it.
struct spec {
    const char *text, *name, *cmp, *version; // cmp and version NULL when not given
};

// What is known of it.
struct status {
    bool installed;          // in any version
    bool wanted_installed;   // in a version that meets the spec
    const char *installable; // version to install, "" for "whatever apt takes", NULL none
};

static struct spec spec_split(struct arena *a, const char *text)
{
    struct spec s = {.text = text, .name = text};
    const char *eq = strchr(text, '=');
    if (!eq)
        return s;
    bool least = eq > text && eq[-1] == '>';
    s.name = arena_strndup(a, text, (size_t)(eq - text) - least);
    s.cmp = least ? ">=" : "=";
    s.version = eq + 1;
    return s;
}

static bool is_pattern(const char *s)
{
    return strpbrk(s, "*?[") != NULL;
}

static bool meets(const struct spec *s, const char *version)
{
    if (!s->cmp)
        return true;
    if (strcmp(s->cmp, "=") == 0)
        return fnmatch(s->version, version, FNM_NOESCAPE) == 0;
    return dpkg_version_compare(version, s->version) >= 0;
}

// A package that is not in the archive under this name: a virtual one, or none.
static int virtual_status(struct apt *t, const struct spec *s, struct status *ret)
{
    struct list *providers;
    if (apt_providers(t, s->name, &providers) != 0)
        return ERR_FAILED;
    if (providers->len == 0)
        return module_fail(t->m, "No package matching '%s' is available", s->name);
    if (providers->len == 1) {
        const struct dpkg_pkg *p = dpkg_find(&t->db, providers->items[0].u.str.s);
        if (p && p->installed) {
            ret->installed = true;
            ret->wanted_installed = meets(s, p->version);
        }
    }
    ret->installable = ret->installed ? NULL : "";
    return 0;
}

// upgrade: the newest version is wanted, so the archive is asked even when a fitting one is
// installed.
static int package_status(struct apt *t, const struct spec *s, bool upgrade, struct status *ret)
{
    const struct dpkg_pkg *p = dpkg_find(&t->db, s->name);
    const char *best;
    bool known;
    *ret = (struct status){.installed = p && p->installed};
    ret->wanted_installed = ret->installed && meets(s, p->version);
    bool newer_matters = upgrade || (s->cmp && strcmp(s->cmp, "=") == 0 && is_pattern(s->version));
    if (ret->wanted_installed && !newer_matters)
        return 0;
    if (apt_candidate(t, s->name, s->cmp, s->version, &best, &known) != 0)
        return ERR_FAILED;
    if (!known && !ret->installed)
        return virtual_status(t, s, ret);
    if (!best || (ret->installed && (strcmp(best, p->version) == 0 || !meets(s, best))))
        best = NULL;
    ret->installable = best;
    return 0;
}

// Names with wildcards become the names of all packages that match.
static int expand(struct apt *t, const struct list *specs, struct list **ret)
{
    struct value out = value_list(t->a);
    struct list *names = NULL;
    for (size_t i = 0; i < specs->len; i++) {
        struct spec s = spec_split(t->a, value_to_cstr(t->a, &specs->items[i]));
        if (!strpbrk(s.name, "*?[]!")) {
            list_add(out.u.list, value_cstr(s.text));
            continue;
        }
        size_t before = out.u.list->len;
        if (!names && apt_names(t, &names) != 0)
            return ERR_FAILED;
        for (size_t j = 0; j < names->len; j++)
            if (fnmatch(s.name, names->items[j].u.str.s, FNM_NOESCAPE) == 0)
                list_add(out.u.list, names->items[j]);
        if (out.u.list->len == before)
            return module_fail(t->m, "No package(s) matching '%s' available", s.name);
    }
    *ret = out.u.list;
    return 0;
}

static const char *opt(struct apt *t, const char *param, const char *text)
{
    return module_bool(t->m, param) ? text : "";
}

// The command line, spaced as Ansible's so that messages agree.
static const char *install_line(struct apt *t, const char *packages, bool build_dep, bool fixed)
{
    struct module *m = t->m;
    struct arena *a = t->a;
    const char *check = m->check ? "--simulate" : "", *fix = fixed ? "--fix-broken" : "";
    const char *only = opt(t, "only_upgrade", "--only-upgrade");
    const char *force = opt(t, "force", "--force-yes");
    const char *keep = opt(t, "fail_on_autoremove", "--no-remove");
    const char *cmd;
    if (build_dep)
        cmd = arena_printf(a, "%s -y %s %s %s %s %s %s build-dep %s", t->apt_get, t->dpkg_options,
                           only, fix, force, keep, check, packages);
    else
        cmd = arena_printf(a, "%s -y %s %s %s %s %s %s %s install %s", t->apt_get, t->dpkg_options,
                           only, fix, force, opt(t, "autoremove", "--auto-remove"), keep, check,
                           packages);
    if (t->release)
        cmd = arena_printf(a, "%s -t '%s'", cmd, t->release);
    if (module_has(m, "install_recommends"))
        cmd = arena_printf(a, "%s -o APT::Install-Recommends=%s", cmd,
                           module_bool(m, "install_recommends") ? "yes" : "no");
    return arena_printf(a, "%s%s%s%s", cmd,
                        opt(t, "allow_unauthenticated", " --allow-unauthenticated"),
                        opt(t, "allow_downgrade", " --allow-downgrades"),
                        opt(t, "allow_change_held_packages", " --allow-change-held-packages"));
}

// The packages are what the user asked for, not dependencies. apt-mark is started only when apt
// thinks otherwise.
static int mark_manual(struct apt *t, const struct list *names)
{
    struct apt_out o;
    struct value mark = value_list(t->a);
    const char *states = text_read(t->a, "/var/lib/apt/extended_states", NULL);
    for (size_t i = 0; states && i < names->len; i++)
        if (apt_auto_installed(t->a, states, names->items[i].u.str.s, t->db.native))
            list_add(mark.u.list, names->items[i]);
    if (mark.u.list->len == 0)
        return 0;
    const char *tool = proc_which(t->a, "apt-mark");
    if (!tool) {
        module_warn(t->m, "Could not find apt-mark binary, not marking package(s) as manually "
                          "installed.");
        return 0;
    }
    const char *cmd = arena_printf(t->a, "%s manual %s", tool, text_join(t->a, mark.u.list, " "));
    if (journal_thing(t->m, "apt", "dpkg", NULL, NULL) < 0 || apt_run(t, cmd, &o) != 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0 : apt_fail(t, cmd, &o, true);
}

// Adds what is to be installed for one spec to words; ERR_FAILED after module_fail.
static int choose(struct apt *t, const struct spec *s, bool upgrade, struct list *words)
{
    struct status st;
    bool only_upgrade = module_bool(t->m, "only_upgrade");
    if (package_status(t, s, upgrade, &st) != 0)
        return ERR_FAILED;
    if (!st.installed && only_upgrade)
        return 0;
    if (!st.wanted_installed && !st.installable)
        return module_fail(t->m, "no available installation candidate for %s", s->text);
    bool pinned = s->cmp && strcmp(s->cmp, "=") == 0;
    if (st.installable && (!st.installed || upgrade || !st.wanted_installed)) {
        const char *version = *st.installable ? st.installable : s->version;
        list_add(words, version ? value_strf(t->a, "'%s=%s'", s->name, version)
                                : value_strf(t->a, "'%s'", s->name));
    } else if (st.wanted_installed && st.installable && pinned) {
        list_add(words, value_strf(t->a, "'%s=%s'", s->name, s->version));
    }
    return 0;
}

static int run_install(struct apt *t, const char *packages, bool build_dep, bool fixed)
{
    struct apt_out o;
    const char *cmd = install_line(t, packages, build_dep, fixed);
    if (apt_run_policed(t, cmd, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return apt_fail(t, cmd, &o, true);
    apt_set_output(t, &o, true);
    bool nothing = build_dep && strstr(o.out, "\n0 upgraded, 0 newly installed");
    module_changed(t->m, !nothing);
    return 0;
}

int apt_install(struct apt *t, const struct list *specs, bool upgrade, bool build_dep, bool fixed)
{
    struct value words = value_list(t->a), names = value_list(t->a);
    struct list *all = NULL;
    if (expand(t, specs, &all) != 0)
        return ERR_FAILED;
    for (size_t i = 0; i < all->len; i++) {
        struct spec s = spec_split(t->a, all->items[i].u.str.s);
        if (build_dep) {
            list_add(words.u.list, value_strf(t->a, "'%s'", s.text));
            continue;
        }
        list_add(names.u.list, value_cstr(s.name));
        if (choose(t, &s, upgrade, words.u.list) != 0)
            return ERR_FAILED;
    }
    module_changed(t->m, false);
    if (words.u.list->len > 0 &&
        run_install(t, text_join(t->a, words.u.list, " "), build_dep, fixed) != 0)
        return ERR_FAILED;
    if (!build_dep && !t->m->check)
        return mark_manual(t, names.u.list);
    return 0;
}
