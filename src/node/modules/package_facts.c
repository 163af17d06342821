// package_facts: the packages that are installed.
#include "node/module.h"
#include "node/modules.h"
#include "node/modules/apt.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>

// Adds a package to the list under its name.
static void add_package(struct arena *a, struct dict *all, const char *name, struct value details)
{
    if (!dict_get(all, name))
        dict_set(all, name, value_list(a));
    list_add(dict_get(all, name)->u.list, details);
}

static struct value package(struct arena *a, const char *name, const char *version,
                            const char *source)
{
    struct value v = value_dict(a);
    dict_set(v.u.dict, "name", value_str(a, name));
    dict_set(v.u.dict, "version", value_str(a, version));
    dict_set(v.u.dict, "source", value_cstr(source));
    return v;
}

// --- apt

// Package source ("http://... suite/component arch Packages") to the origin its release names.
static struct dict *apt_origins(struct apt *t)
{
    struct dict *d = value_dict(t->a).u.dict;
    struct apt_out o = {0, "", ""};
    const char *source = NULL;
    if (apt_run(t, "apt-cache policy", &o) != 0)
        return d;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        char *s = text_strip(line);
        size_t digits = strspn(s, "-0123456789");
        if (digits && s[digits] == ' ') {
            source = s + digits + 1;
        } else if (source && text_after(s, "release ")) {
            char *origin = strstr(s, "o=");
            if (origin && (origin[-1] == ',' || origin[-1] == ' ')) {
                origin[2 + strcspn(origin + 2, ",")] = '\0';
                dict_set(d, source, value_cstr(origin + 2));
            }
            source = NULL;
        }
    }
    return d;
}

// Name of each package to the origin of its installed version.
static struct dict *apt_package_origins(struct apt *t, const struct list *names)
{
    struct dict *d = value_dict(t->a).u.dict, *origins = apt_origins(t);
    struct apt_out o = {0, "", ""};
    const char *name = NULL;
    bool installed = false;
    if (apt_run(t, arena_printf(t->a, "apt-cache policy %s", text_join(t->a, names, " ")), &o) != 0)
        return d;
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        if (*line != ' ') {
            line[strlen(line) - (text_ends(line, ":") ? 1 : 0)] = '\0';
            name = line;
            installed = false;
        } else if (text_after(line, " *** ")) {
            installed = true;
        } else if (text_after(line, "        ")) {
            char *s = text_strip(line);
            const char *source = s + strspn(s, "-0123456789");
            source += *source == ' ';
            if (installed && name && !dict_get(d, name))
                dict_set(d, name, value_cstr(dict_str(origins, source, "")));
        } else {
            installed = false;
        }
    }
    return d;
}

static int list_apt(struct module *m, struct dict *all, bool *ret_found)
{
    struct apt t = {.m = m, .a = m->arena};
    struct list *names = value_list(m->arena).u.list;
    if (!proc_which(m->arena, "apt-get") || !text_exists("/var/lib/dpkg/status"))
        return 0;
    *ret_found = true;
    dpkg_read(&t.db, m->arena);
    for (size_t i = 0; i < t.db.len; i++) {
        const struct dpkg_pkg *p = &t.db.pkgs[i];
        bool native = strcmp(p->arch, t.db.native) == 0 || strcmp(p->arch, "all") == 0;
        if (p->present)
            list_add(names, native ? value_cstr(p->name)
                                   : value_strf(m->arena, "%s:%s", p->name, p->arch));
    }
    struct dict *origins = apt_package_origins(&t, names);
    for (size_t i = 0; i < names->len; i++) {
        const char *name = names->items[i].u.str.s;
        const struct dpkg_pkg *p = dpkg_find(&t.db, name);
        if (!p)
            continue;
        struct value v = package(m->arena, name, p->version, "apt");
        dict_set(v.u.dict, "arch", value_cstr(p->arch));
        dict_set(v.u.dict, "category", value_cstr(p->section));
        dict_set(v.u.dict, "origin", value_cstr(dict_str(origins, name, "")));
        add_package(m->arena, all, name, v);
    }
    return 0;
}

// --- rpm, apk, pacman

static int run_tool(struct module *m, const char *const *argv, const char *tool, char **ret)
{
    struct proc_opts opts = {.clean_lang = true};
    struct proc p = {0};
    struct err e = ERR_INIT;
    if (proc_run(m, argv, &opts, &p, &e) != 0) {
        proc_release(&p);
        return module_fail_err(m, &e);
    }
    int rc = 0;
    if (p.rc != 0)
        rc = module_fail(m, "Failed to retrieve packages with %s: %s", tool, buf_str(&p.err));
    else
        *ret = arena_strndup(m->arena, buf_str(&p.out), p.out.len);
    proc_release(&p);
    return rc;
}

static int list_rpm(struct module *m, struct dict *all, bool *ret_found)
{
    const char *argv[] = {"rpm", "-qa", "--qf",
                          "%{NAME}\\t%{VERSION}\\t%{RELEASE}\\t%{EPOCH}\\t%{ARCH}\\n", NULL};
    char *out = NULL;
    if (!proc_which(m->arena, "rpm"))
        return 0;
    if (run_tool(m, argv, "rpm", &out) != 0)
        return ERR_FAILED;
    for (char *line; (line = text_line(&out));) {
        char *f[5];
        int n = 0;
        for (char *p; n < 5 && (p = text_piece(&line, '\t'));)
            f[n++] = p;
        if (n < 5)
            continue;
        struct value v = package(m->arena, f[0], f[1], "rpm");
        dict_set(v.u.dict, "release", value_cstr(f[2]));
        dict_set(v.u.dict, "epoch",
                 text_is_number(f[3]) ? value_int(strtoll(f[3], NULL, 10)) : value_null());
        dict_set(v.u.dict, "arch", strcmp(f[4], "(none)") == 0 ? value_null() : value_cstr(f[4]));
        add_package(m->arena, all, f[0], v);
        *ret_found = true;
    }
    return 0;
}

// apk's own record: paragraphs with P:name and V:version-rN.
static int list_apk(struct module *m, struct dict *all, bool *ret_found)
{
    char *c = text_read(m->arena, "/lib/apk/db/installed", NULL);
    const char *name = NULL;
    *ret_found = c != NULL;
    for (char *line; (line = text_line(&c));) {
        if (text_after(line, "P:")) {
            name = line + 2;
        } else if (name && text_after(line, "V:")) {
            char *dash = strrchr(line, '-');
            if (dash)
                *dash++ = '\0';
            struct value v = package(m->arena, name, line + 2, "apk");
            dict_set(v.u.dict, "release", value_cstr(dash ? dash : ""));
            add_package(m->arena, all, name, v);
            name = NULL;
        }
    }
    return 0;
}

static void add_pacman(struct module *m, struct dict *all, const struct dict *fields)
{
    const char *name = dict_str(fields, "Name", NULL),
               *given = dict_str(fields, "Provides", "None");
    struct value provides = value_null();
    if (!name)
        return;
    if (strcmp(given, "None") != 0) {
        provides = value_list(m->arena);
        for (char *w, *c = arena_strdup(m->arena, given); (w = text_field(&c));) {
            w[strcspn(w, "=")] = '\0';
            list_add(provides.u.list, value_cstr(w));
        }
    }
    struct value v = package(m->arena, name, dict_str(fields, "Version", ""), "pacman");
    dict_set(v.u.dict, "arch", value_str(m->arena, dict_str(fields, "Architecture", "")));
    dict_set(v.u.dict, "provides", provides);
    add_package(m->arena, all, name, v);
}

static int list_pacman(struct module *m, struct dict *all, bool *ret_found)
{
    const char *argv[] = {"pacman", "-Qi", NULL};
    char *out = NULL;
    struct dict *fields = value_dict(m->arena).u.dict;
    if (!proc_which(m->arena, "pacman"))
        return 0;
    if (run_tool(m, argv, "pacman", &out) != 0)
        return ERR_FAILED;
    *ret_found = true;
    for (char *line; (line = text_line(&out));) {
        char *sep = strstr(line, " : ");
        if (!*line) {
            add_pacman(m, all, fields);
            fields = value_dict(m->arena).u.dict;
        } else if (sep && *line != ' ') {
            *sep = '\0';
            text_rstrip(line);
            dict_set(fields, line, value_cstr(sep + 3));
        }
    }
    add_pacman(m, all, fields);
    return 0;
}

static const struct {
    const char *name;
    int (*list)(struct module *m, struct dict *all, bool *ret_found);
} managers[] = {{"apt", list_apt}, {"rpm", list_rpm}, {"apk", list_apk}, {"pacman", list_pacman}};
#define MANAGERS (sizeof(managers) / sizeof(*managers))

// Whether a manager is asked for, by its name or by auto.
static bool is_asked(const struct list *given, const char *name)
{
    return text_list_has(given, name) || text_list_has(given, "auto");
}

static int check_names(struct module *m, const struct list *given)
{
    static const char *const known[] = {"auto", "apt", "rpm", "apk", "pacman"};
    for (size_t i = 0; i < given->len; i++) {
        bool ok = false;
        for (size_t j = 0; j < sizeof(known) / sizeof(*known); j++)
            ok = ok || value_eqs(&given->items[i], known[j]);
        if (!ok)
            return module_fail(m, "Unsupported package managers requested: %s",
                               value_to_cstr(m->arena, &given->items[i]));
    }
    return 0;
}

int mod_package_facts(struct module *m)
{
    const struct list *asked = module_list(m, "manager");
    struct value all = value_dict(m->arena), facts = value_dict(m->arena);
    bool first = strcmp(module_str(m, "strategy"), "first") == 0, any = false;
    struct list *given = value_list(m->arena).u.list;
    for (size_t i = 0; asked && i < asked->len; i++) {
        char *s = arena_strdup(m->arena, value_to_cstr(m->arena, &asked->items[i]));
        for (char *c = s; *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c + 32);
        list_add(given, value_cstr(s));
    }
    if (check_names(m, given) != 0)
        return ERR_FAILED;
    for (size_t i = 0; i < MANAGERS && !(any && first); i++) {
        bool found = false;
        if (is_asked(given, managers[i].name) && managers[i].list(m, all.u.dict, &found) != 0)
            return ERR_FAILED;
        any = any || found;
    }
    if (!any)
        return module_fail(
            m,
            "Could not detect a supported package manager from the following list: "
            "%s, or the required Python library is not installed. Check warnings for "
            "details.",
            text_join(m->arena, given, ", "));
    dict_set(facts.u.dict, "packages", all);
    module_set(m, "ansible_facts", facts);
    return 0;
}
