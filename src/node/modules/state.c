// _state: what files, packages and services are now, in the words the journal uses for what tasks
// leave, and since when, where the host knows it. Changes nothing.
#include "node/command.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/modules/dpkg.h"
#include "node/text.h"

#include "core/file.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG "/var/log/dpkg.log"
#define STATUS "/var/lib/dpkg/status"

struct looking {
    struct module *m;
    struct dpkg_db db;
    bool has_db;
    struct dict *package_times; // name -> seconds, from dpkg's log; NULL: not read yet
    struct dict *rpms;          // name -> state and since; NULL: not read yet
    const char *rpm_unable;     // why it cannot say; NULL: it can
};

static void look_file(struct looking *l, const char *path, struct dict *ret)
{
    struct file_look look;
    file_look(l->m, path, true, false, &look);
    dict_set(ret, "state", value_cstr(look.data));
    dict_set(ret, "attr", value_cstr(look.attr));
    if (strcmp(look.attr, "-") != 0)
        dict_set(ret, "since", value_int(look.st.st_ctim.tv_sec));
}

// --- packages

// "2026-11-21 20:15:00 upgrade curl:amd64 7.88-1 7.90-1", in local time.
static void take_line(struct looking *l, char *line)
{
    static const char *const verbs[] = {"install", "upgrade", "remove", "purge"};
    char *day = text_field(&line), *hour = text_field(&line), *verb = text_field(&line),
         *name = text_field(&line);
    struct tm tm = {.tm_isdst = -1};
    bool known = false;
    for (size_t i = 0; verb && i < sizeof verbs / sizeof *verbs; i++)
        known = known || strcmp(verb, verbs[i]) == 0;
    if (!known || !name)
        return;
    const char *when = arena_printf(l->m->arena, "%s %s", day, hour);
    if (!strptime(when, "%Y-%m-%d %H:%M:%S", &tm))
        return;
    name[strcspn(name, ":")] = '\0';
    dict_set(l->package_times, name, value_int(mktime(&tm)));
}

static void read_log(struct looking *l, const char *path)
{
    char *text = text_read(l->m->arena, path, NULL);
    for (char *line; (line = text_line(&text));)
        take_line(l, line);
}

static void look_dpkg(struct looking *l, const char *name, struct dict *ret)
{
    if (!l->has_db)
        dpkg_read(&l->db, l->m->arena);
    l->has_db = true;
    if (!l->package_times) {
        l->package_times = value_dict(l->m->arena).u.dict;
        read_log(l, LOG ".1");
        read_log(l, LOG);
    }
    const struct dpkg_pkg *p = dpkg_find(&l->db, name);
    const struct value *since = dict_get(l->package_times, name);
    dict_set(ret, "state", value_cstr(p && p->present ? p->version : "-"));
    if (since)
        dict_set(ret, "since", *since);
}

// Whether rpm has a database: asking it, where it is a program alone, would make one.
static bool has_rpm(struct module *m)
{
    static const char *const files[] = {"rpmdb.sqlite", "Packages", "Packages.db"};
    const char *home = getenv("HOME");
    const char *const folders[] = {
        "/var/lib/rpm", "/usr/lib/sysimage/rpm",
        arena_printf(m->arena, "%s/.rpmdb", home ? home : "/root")}; // Debian's
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        for (size_t k = 0; k < sizeof files / sizeof *files; k++)
            if (text_exists(path_join(m->arena, folders[i], files[k])))
                return proc_which(m->arena, "rpm") != NULL;
    return false;
}

// All packages of rpm, once: of some there are several versions.
static void read_rpms(struct looking *l)
{
    struct arena *a = l->m->arena;
    struct output o;
    struct argv v =
        argv_of(a, "rpm", "-qa", "--qf", "%{name}\\t%{evr}.%{arch}\\t%{installtime}\\n", NULL);
    const struct proc_opts opts = {.clean_lang = true, .cwd = "/"};
    l->rpms = value_dict(a).u.dict;
    if (!has_rpm(l->m)) {
        l->rpm_unable = "it has neither dpkg nor rpm, whose packages alone are followed";
        return;
    }
    if (command_run(l->m, &v, &opts, &o) != 0 || o.rc != 0) {
        l->rpm_unable = "rpm does not say what is installed";
        return;
    }
    for (char *c = arena_strdup(a, o.out), *line; (line = text_line(&c));) {
        char *name = text_piece(&line, '\t'), *version = text_piece(&line, '\t'),
             *time = text_piece(&line, '\t');
        if (!name || !version || !time)
            continue;
        const struct value *had = dict_get(l->rpms, name);
        struct value one = value_dict(a);
        const char *before = had ? dict_str(had->u.dict, "state", "") : "";
        int64_t since = strtoll(time, NULL, 10), last = had ? dict_int(had->u.dict, "since", 0) : 0;
        dict_set(one.u.dict, "state", value_strf(a, "%s%s%s", before, *before ? " " : "", version));
        dict_set(one.u.dict, "since", value_int(since > last ? since : last));
        dict_set(l->rpms, name, one);
    }
}

static bool look_rpm(struct looking *l, const char *name, struct dict *ret)
{
    if (!l->rpms)
        read_rpms(l);
    const struct value *is = dict_get(l->rpms, name);
    if (is)
        dict_update(ret, is->u.dict);
    return is != NULL;
}

// dpkg's, or rpm's where dpkg does not have it: hosts with both have few of one.
static void look_package(struct looking *l, const char *name, struct dict *ret)
{
    bool dpkg = text_exists(STATUS);
    if (dpkg)
        look_dpkg(l, name, ret);
    if ((dpkg && strcmp(dict_str(ret, "state", "-"), "-") != 0) || look_rpm(l, name, ret) || dpkg)
        return;
    if (l->rpm_unable)
        dict_set(ret, "unable", value_cstr(l->rpm_unable));
    else
        dict_set(ret, "state", value_cstr("-"));
}

// --- services

static void look_service(struct looking *l, const char *name, struct dict *ret)
{
    struct output o;
    dict_set(ret, "state", value_cstr(journal_kind("service")->state(l->m, name, NULL)));
    const char *bare = strrchr(name, ' ');
    if (!text_exists("/run/systemd/system") || bare)
        return;
    struct argv v = argv_of(l->m->arena, "systemctl", "show", "-p", "StateChangeTimestamp",
                            "--value", "--timestamp=unix", name, NULL);
    const struct proc_opts opts = {.clean_lang = true, .cwd = "/"};
    if (command_run(l->m, &v, &opts, &o) == 0 && o.rc == 0 && *o.out == '@')
        dict_set(ret, "since", value_int(strtoll(o.out + 1, NULL, 10)));
}

static const struct {
    const char *kind;
    void (*look)(struct looking *l, const char *name, struct dict *ret);
} kinds[] = {{"file", look_file}, {"package", look_package}, {"service", look_service}};

int mod__state(struct module *m)
{
    const struct value *things = dict_get(m->extra, "things");
    struct value all = value_list(m->arena);
    struct looking l = {.m = m};
    module_changed(m, false);
    for (size_t i = 0; things && things->type == VALUE_LIST && i < things->u.list->len; i++) {
        const struct value *t = &things->u.list->items[i];
        struct value one = value_dict(m->arena);
        const char *kind = t->type == VALUE_DICT ? dict_str(t->u.dict, "kind", "") : "";
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (strcmp(kinds[k].kind, kind) == 0)
                kinds[k].look(&l, dict_str(t->u.dict, "name", ""), one.u.dict);
        list_add(all.u.list, one);
    }
    module_set(m, "states", all);
    return 0;
}
