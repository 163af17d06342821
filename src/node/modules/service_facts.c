// service_facts: the services of the host and whether they run.
#include "node/module.h"
#include "node/modules.h"
#include "node/modules/svc.h"
#include "node/text.h"

#include <string.h>

static void add_service(struct module *m, struct dict *all, const char *name, const char *state,
                        const char *status, const char *source)
{
    struct value v = value_dict(m->arena);
    dict_set(v.u.dict, "name", value_str(m->arena, name));
    dict_set(v.u.dict, "state", value_str(m->arena, state));
    if (status)
        dict_set(v.u.dict, "status", value_str(m->arena, status));
    dict_set(v.u.dict, "source", value_str(m->arena, source));
    dict_set(all, name, v);
}

// "service --status-all": " [ + ]  name".
static int list_sysvinit(struct module *m, struct dict *all)
{
    struct svc_out o;
    const char *argv[] = {"service", "--status-all", NULL};
    if (svc_run(m, argv, &o) != 0)
        return ERR_FAILED;
    if (o.rc == 4 && !text_exists("/etc/init.d"))
        return 0;
    if (o.rc != 0)
        module_warn(m, "Unable to query 'service' tool (%d): %s", o.rc, o.err);
    for (char *c = arena_strdup(m->arena, o.out), *line; (line = text_line(&c));) {
        const char *s = line + strspn(line, " \t");
        if (strncmp(s, "[ ", 2) != 0 || (s[2] != '+' && s[2] != '-') ||
            strncmp(s + 3, " ]", 2) != 0)
            continue;
        const char *name = s + 5 + strspn(s + 5, " \t");
        if (*name && name > s + 5)
            add_service(m, all, name, s[2] == '+' ? "running" : "stopped", NULL, "sysv");
    }
    return 0;
}

// One line of chkconfig: name, then 0:off 1:off ...; true when it is one.
static bool chkconfig_line(char *line, const char **ret_name, bool *ret_enabled)
{
    char *name = text_field(&line);
    bool enabled = false;
    int levels = 0;
    for (char *w; name && (w = text_field(&line)); levels++) {
        if (strlen(w) < 4 || w[1] != ':')
            return false;
        enabled = enabled || strcmp(w, "3:on") == 0;
    }
    *ret_name = name;
    *ret_enabled = enabled;
    return name && levels == 7;
}

static int list_chkconfig(struct module *m, struct dict *all)
{
    struct svc_out o;
    if (svc_run_line(m, &o, "chkconfig") != 0)
        return ERR_FAILED;
    if (!strstr(o.out, "0:") && strstr(o.err, "--list") &&
        svc_run_line(m, &o, "chkconfig --list") != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(m->arena, o.out), *line; (line = text_line(&c));) {
        const char *name;
        bool enabled;
        struct svc_out s;
        if (!chkconfig_line(line, &name, &enabled))
            continue;
        if (svc_run_line(m, &s, "service %s status", name) != 0)
            return ERR_FAILED;
        add_service(m, all, name, s.rc == 0 ? "running" : "stopped",
                    enabled ? "enabled" : "disabled", "sysv");
    }
    return 0;
}

// Runlevels of a service in the output of rc-update show, null when it is in none.
static struct value openrc_levels(struct module *m, const char *shown, const char *name)
{
    for (char *c = arena_strdup(m->arena, shown), *line; (line = text_line(&c));) {
        char *levels = strchr(line, '|');
        if (!levels)
            continue;
        *levels++ = '\0';
        if (strcmp(text_strip(line), name) != 0)
            continue;
        struct value l = value_list(m->arena);
        for (char *w; (w = text_field(&levels));)
            list_add(l.u.list, value_cstr(w));
        return l.u.list->len ? l : value_null();
    }
    return value_null();
}

static int list_openrc(struct module *m, struct dict *all)
{
    struct svc_out status, show;
    if (svc_run_line(m, &status, "rc-status -a -s -m") != 0 ||
        svc_run_line(m, &show, "rc-update show -v") != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(m->arena, status.out), *line; (line = text_line(&c));) {
        if (*line != ' ')
            continue;
        for (char *p = line; *p; p++)
            if (*p == '[' || *p == ']')
                *p = ' ';
        char *name = text_field(&line), *state = name ? text_field(&line) : NULL;
        if (!state)
            continue;
        add_service(m, all, name, state, NULL, "openrc");
        dict_set(dict_get(all, name)->u.dict, "runlevels", openrc_levels(m, show.out, name));
    }
    return 0;
}

static bool is_bad(const char *word)
{
    return word && (strcmp(word, "not-found") == 0 || strcmp(word, "masked") == 0 ||
                    strcmp(word, "failed") == 0);
}

// A line of list-units: an optional dot, unit, load, active, sub, description.
static void unit_line(struct module *m, struct dict *all, char *line)
{
    char *f[64];
    int n = 0, at = 0;
    const char *bad = NULL;
    for (char *w; n < 64 && (w = text_field(&line));)
        f[n++] = w;
    for (int i = 0; i < n && !bad; i++)
        if (is_bad(f[i]))
            bad = f[i];
    // units in a bad state have a dot in front
    if (n > 0 && !text_ends(f[0], ".service") && n > 1 && text_ends(f[1], ".service"))
        at = 1;
    if (n < at + 4)
        return;
    add_service(m, all, f[at], strcmp(f[at + 3], "running") == 0 ? "running" : "stopped",
                bad ? bad : f[at + 2], "systemd");
}

static int unit_file_line(struct module *m, struct dict *all, char *line)
{
    char *name = text_field(&line), *status = name ? text_field(&line) : NULL;
    struct value *known = name ? dict_get(all, name) : NULL;
    struct svc_out o;
    if (!status)
        return 0;
    if (known) {
        if (!is_bad(dict_str(known->u.dict, "status", "")))
            dict_set(known->u.dict, "status", value_str(m->arena, status));
        return 0;
    }
    if (svc_run_line(m, &o, "systemctl show %s --property=ActiveState",
                     shlex_quote(m->arena, name)) != 0)
        return ERR_FAILED;
    const char *state = text_after(o.out, "ActiveState=");
    char *shown = text_strip(arena_strdup(m->arena, o.rc == 0 && state ? state : "unknown"));
    add_service(m, all, name, shown, status, "systemd");
    return 0;
}

static int list_systemd(struct module *m, struct dict *all)
{
    struct svc_out o;
    if (svc_run_line(m, &o, "systemctl list-units --no-pager --type service --all") != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        module_warn(m, "Could not list units from systemd: %s", o.err);
    for (char *c = arena_strdup(m->arena, o.rc == 0 ? o.out : ""), *line; (line = text_line(&c));)
        if (strstr(line, ".service"))
            unit_line(m, all, line);
    if (svc_run_line(m, &o, "systemctl list-unit-files --no-pager --type service --all") != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        module_warn(m, "Could not get unit files data from systemd: %s", o.err);
    for (char *c = arena_strdup(m->arena, o.rc == 0 ? o.out : ""), *line; (line = text_line(&c));)
        if (strstr(line, ".service") && unit_file_line(m, all, line) != 0)
            return ERR_FAILED;
    return 0;
}

int mod_service_facts(struct module *m)
{
    struct value all = value_dict(m->arena), facts = value_dict(m->arena);
    bool service = proc_which(m->arena, "service"), chkconfig = proc_which(m->arena, "chkconfig");
    bool rc_status = proc_which(m->arena, "rc-status");
    const char *first = text_read_stripped(m->arena, "/proc/1/comm");
    int rc = 0;
    if (service && !chkconfig && !rc_status)
        rc = list_sysvinit(m, all.u.dict);
    if (rc == 0 && chkconfig)
        rc = list_chkconfig(m, all.u.dict);
    else if (rc == 0 && rc_status && proc_which(m->arena, "rc-update"))
        rc = list_openrc(m, all.u.dict);
    if (rc == 0 && first && strstr(first, "systemd") && proc_which(m->arena, "systemctl"))
        rc = list_systemd(m, all.u.dict);
    if (rc != 0)
        return rc;
    if (all.u.dict->len == 0) {
        module_set(m, "skipped", value_bool(true));
        module_set_str(m, "msg",
                       "Failed to find any services. This can be due to privileges or "
                       "some other configuration issue.");
        return 0;
    }
    dict_set(facts.u.dict, "services", all);
    module_set(m, "ansible_facts", facts);
    return 0;
}
