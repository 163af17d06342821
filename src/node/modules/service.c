// service: picks the module for the host's service manager; for others (OpenRC, init scripts
// without a name of their own) it drives service(8), rc-service, update-rc.d, insserv and chkconfig
// itself.
#include "node/facts/facts.h"
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/modules/svc.h"
#include "node/text.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

enum enable_tool {
    ENABLE_NONE,
    ENABLE_SYSTEMD,
    ENABLE_OPENRC,
    ENABLE_UPDATE_RC,
    ENABLE_INSSERV,
    ENABLE_CHKCONFIG
};

struct service {
    struct module *m;
    const char *name, *script; // script NULL: none
    const char *control;       // systemctl, rc-service or service; NULL: the script itself
    const char *enable;        // the tool's path
    enum enable_tool tool;
    bool systemd, openrc;
    int running;   // 1, 0, -1 unknown
    int status_rc; // of the status command, -1: not asked
    bool crashed;
    bool enable_changed;
};

static bool systemd_runs(const char *systemctl)
{
    return systemctl && (text_exists("/run/systemd/system/") || text_exists("/dev/.run/systemd/") ||
                         text_exists("/dev/.systemd/"));
}

static int find_tools(struct service *s)
{
    struct module *m = s->m;
    struct stat st;
    const char *script = arena_printf(m->arena, "/etc/init.d/%s", s->name);
    const char *systemctl = proc_which(m->arena, "systemctl");
    const char *rc_service = proc_which(m->arena, "rc-service");
    if (stat(script, &st) == 0 && S_ISREG(st.st_mode))
        s->script = script;
    if (systemd_runs(systemctl)) {
        s->systemd = true;
        s->control = s->enable = systemctl;
        s->tool = ENABLE_SYSTEMD;
    } else if (rc_service) {
        s->openrc = true;
        s->control = rc_service;
        s->enable = proc_which(m->arena, "rc-update");
        s->tool = ENABLE_OPENRC;
        return 0;
    } else if (s->script) {
        static const struct {
            const char *name;
            enum enable_tool tool;
        } tools[] = {{"update-rc.d", ENABLE_UPDATE_RC},
                     {"insserv", ENABLE_INSSERV},
                     {"chkconfig", ENABLE_CHKCONFIG}};
        for (size_t i = 0; i < sizeof(tools) / sizeof(*tools) && !s->enable; i++) {
            s->enable = proc_which(m->arena, tools[i].name);
            s->tool = s->enable ? tools[i].tool : ENABLE_NONE;
        }
    }
    if (!s->enable)
        return svc_fail_missing(m, s->name, "host");
    if (!s->control)
        s->control = proc_which(m->arena, "service");
    if (!s->control && !s->script)
        return module_fail(m, "cannot find 'service' binary or init script for service,  possible "
                              "typo in service name?, aborting");
    return 0;
}

static int control(struct service *s, const char *action, struct svc_out *o)
{
    const char *args = module_str(s->m, "arguments");
    if (!args)
        args = "";
    if (s->systemd)
        return svc_run_line(s->m, o, "%s %s %s %s", s->control, action, s->name, args);
    if (s->control)
        return svc_run_line(s->m, o, "%s %s %s %s", s->control, s->name, action, args);
    return svc_run_line(s->m, o, "%s %s %s", s->script, action, args);
}

static int systemd_status(struct service *s)
{
    struct svc_out o;
    if (svc_run_line(s->m, &o, "%s show '%s'", s->control, s->name) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return module_fail(s->m, "failure %d running systemctl show for '%s': %s", o.rc, s->name,
                           o.err);
    if (strstr(o.out, "LoadState=not-found"))
        return module_fail(s->m, "systemd could not find the requested service \"'%s'\": %s",
                           s->name, o.err);
    struct value status = systemctl_show_parse(s->m->arena, o.out);
    const char *active = dict_str(status.u.dict, "ActiveState", NULL);
    if (!active)
        return module_fail(s->m, "No ActiveState value in systemctl show output for '%s'", s->name);
    s->running = strcmp(active, "active") == 0;
    s->crashed = strcmp(active, "failed") == 0;
    return 0;
}

// What a status command says in one line: 1, 0 or -1.
static int line_meaning(struct service *s, const char *out)
{
    size_t lines = 0, n = strlen(s->name);
    char *text = arena_strdup(s->m->arena, out);
    for (char *p = text; *p; p++) {
        lines += *p == '\n';
        *p = (char)tolower((unsigned char)*p);
    }
    if (lines > 1)
        return -1;
    for (char *p; n && (p = strcasestr(text, s->name));)
        memmove(p, p + n, strlen(p + n) + 1);
    bool negated = strstr(text, "not ") != NULL;
    if (strstr(text, "stop"))
        return 0;
    if (strstr(text, "run"))
        return !negated;
    if (strstr(text, "start") && !negated)
        return 1;
    if (strstr(text, "could not access pid file") || strstr(text, "is dead and pid file exists") ||
        strstr(text, "dead but subsys locked") || strstr(text, "dead but pid file exists"))
        return 0;
    return -1;
}

static int find_running(struct service *s)
{
    const char *pattern = module_str(s->m, "pattern");
    struct svc_out o;
    if (pattern && *pattern) {
        s->running = svc_process_running(s->m, pattern);
        return 0;
    }
    if (s->systemd)
        return systemd_status(s);
    if (control(s, "status", &o) != 0)
        return ERR_FAILED;
    s->status_rc = o.rc;
    if (s->openrc) {
        s->running = strstr(o.out, "started") != NULL;
        s->crashed = strstr(o.err, "crashed") != NULL;
        return 0;
    }
    if ((o.rc >= 1 && o.rc <= 4) || o.rc == 69)
        s->running = 0;
    if (s->running < 0)
        s->running = line_meaning(s, o.out);
    if (s->running < 0 && o.rc == 0)
        s->running = 1;
    if (s->running < 0 && strcmp(s->name, "iptables") == 0 && strstr(o.out, "ACCEPT"))
        s->running = 1;
    return 0;
}

// --- start at boot

static int fail_output(struct service *s, const struct svc_out *o)
{
    return module_fail(s->m, "%s", *o->err ? o->err : o->out);
}

static int enable_update_rc(struct service *s, bool wanted)
{
    struct module *m = s->m;
    struct svc_out o;
    if (svc_glob(arena_printf(m->arena, "/etc/rc?.d/S??%s", s->name)) == wanted)
        return 0;
    s->enable_changed = true;
    if (m->check)
        return 0;
    if (journal_service(m, NULL, s->name, NULL, NULL) < 0)
        return ERR_FAILED;
    if (wanted && !svc_glob(arena_printf(m->arena, "/etc/rc?.d/K??%s", s->name))) {
        if (svc_run_line(m, &o, "%s %s defaults", s->enable, s->name) != 0)
            return ERR_FAILED;
        if (o.rc != 0)
            return fail_output(s, &o);
    }
    if (svc_run_line(m, &o, "%s %s %s", s->enable, s->name, wanted ? "enable" : "disable") != 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0 : fail_output(s, &o);
}

static int enable_insserv(struct service *s, bool wanted)
{
    struct module *m = s->m;
    struct svc_out o;
    if (svc_run_line(m, &o, "%s -n %s-v %s", s->enable, wanted ? "" : "-r ", s->name) != 0)
        return ERR_FAILED;
    s->enable_changed = strstr(o.err, wanted ? "enable service" : "remove service") != NULL;
    if (m->check || !s->enable_changed)
        return 0;
    if (journal_service(m, NULL, s->name, NULL, NULL) < 0 ||
        svc_run_line(m, &o, "%s %s%s", s->enable, wanted ? "" : "-r ", s->name) != 0)
        return ERR_FAILED;
    if (o.rc == 0 && !*o.err)
        return 0;
    return module_fail(m, "Failed to %s service. rc: %d, out: %s, err: %s",
                       wanted ? "install" : "remove", o.rc, o.out, o.err);
}

// Runs the tool that was found to be needed; order of words as each tool has it.
static int enable_run(struct service *s, const char *action, bool name_first, const char *behind)
{
    struct module *m = s->m;
    struct svc_out o;
    s->enable_changed = true;
    if (m->check)
        return 0;
    if (journal_service(m, NULL, s->name, NULL, NULL) < 0 ||
        svc_run_line(m, &o, "%s %s %s %s", s->enable, name_first ? s->name : action,
                     name_first ? action : s->name, behind) != 0)
        return ERR_FAILED;
    if (o.rc == 0)
        return 0;
    if (*o.err)
        return module_fail(m, "Error when trying to %s %s: rc=%d %s", action, s->name, o.rc, o.err);
    return module_fail(m, "Failure for %s %s: rc=%d %s", action, s->name, o.rc, o.out);
}

static int enable_chkconfig(struct service *s, bool wanted)
{
    struct module *m = s->m;
    struct svc_out o;
    const char *action = wanted ? "on" : "off";
    for (int round = 0; round < 2; round++) {
        if (svc_run_line(m, &o, "%s --list %s", s->enable, s->name) != 0)
            return ERR_FAILED;
        if (round || !strstr(o.err, arena_printf(m->arena, "chkconfig --add %s", s->name)))
            break;
        struct svc_out ignored;
        if (svc_run_line(m, &ignored, "%s --add %s", s->enable, s->name) != 0)
            return ERR_FAILED;
    }
    if (!strstr(o.out, s->name))
        return module_fail(m, "service %s does not support chkconfig", s->name);
    if (strstr(o.out, arena_printf(m->arena, "3:%s", action)) &&
        strstr(o.out, arena_printf(m->arena, "5:%s", action)))
        return 0;
    return enable_run(s, action, true, "");
}

static int enable_systemd(struct service *s, bool wanted)
{
    struct svc_out o;
    if (svc_run_line(s->m, &o, "%s is-enabled %s", s->enable, s->name) != 0)
        return ERR_FAILED;
    bool enabled = o.rc == 0;
    if (!enabled && !text_after(o.out, "disabled") && s->script && access(s->script, X_OK) == 0)
        enabled = svc_glob(arena_printf(s->m->arena, "/etc/rc?.d/S??%s", s->name));
    return enabled == wanted ? 0 : enable_run(s, wanted ? "enable" : "disable", false, "");
}

static int enable_openrc(struct service *s, bool wanted)
{
    struct module *m = s->m;
    struct svc_out o;
    const char *level = module_str(m, "runlevel");
    if (!level)
        level = "default";
    if (svc_run_line(m, &o, "%s show", s->enable) != 0)
        return ERR_FAILED;
    bool has = false;
    for (char *data = arena_strdup(m->arena, o.out), *line; (line = text_line(&data));) {
        char *levels = strchr(line, '|');
        if (!levels)
            continue;
        *levels++ = '\0';
        if (strcmp(text_strip(line), s->name) != 0)
            continue;
        for (char *w; (w = text_field(&levels));)
            has = has || strcmp(w, level) == 0;
        break;
    }
    return has == wanted ? 0 : enable_run(s, wanted ? "add" : "delete", false, level);
}

static int handle_enabled(struct service *s)
{
    bool wanted = module_bool(s->m, "enabled");
    if (!s->enable)
        return module_fail(s->m,
                           "cannot detect command to enable service %s, typo or init system "
                           "potentially unknown",
                           s->name);
    switch (s->tool) {
    case ENABLE_SYSTEMD:
        return enable_systemd(s, wanted);
    case ENABLE_OPENRC:
        return enable_openrc(s, wanted);
    case ENABLE_UPDATE_RC:
        return enable_update_rc(s, wanted);
    case ENABLE_INSSERV:
        return enable_insserv(s, wanted);
    case ENABLE_CHKCONFIG:
        return enable_chkconfig(s, wanted);
    case ENABLE_NONE:
        break;
    }
    return 0;
}

// --- running state

static int restart(struct service *s, struct svc_out *o)
{
    struct svc_out stop, start;
    if (s->openrc)
        return control(s, "restart", o);
    if (control(s, "stop", &stop) != 0)
        return ERR_FAILED;
    sleep((unsigned)module_int(s->m, "sleep", 0));
    if (control(s, "start", &start) != 0)
        return ERR_FAILED;
    if (stop.rc != 0 && start.rc == 0)
        *o = start;
    else
        *o = (struct svc_out){stop.rc + start.rc,
                              arena_printf(s->m->arena, "%s%s", stop.out, start.out),
                              arena_printf(s->m->arena, "%s%s", stop.err, start.err)};
    return 0;
}

static int handle_state(struct service *s, const char *state)
{
    struct module *m = s->m;
    struct svc_out o = {0, "", ""};
    if (find_running(s) != 0)
        return ERR_FAILED;
    if (s->running < 0)
        return module_fail(m, "failed determining service state, possible typo of service name?");
    bool started = strcmp(state, "started") == 0, reloaded = strcmp(state, "reloaded") == 0;
    bool stopped = strcmp(state, "stopped") == 0, restarted = strcmp(state, "restarted") == 0;
    bool change = restarted || reloaded || (started && !s->running) || (stopped && s->running);
    if (change && m->check) {
        svc_forget(m);
        module_changed(m, true);
        module_set_str(m, "msg", "service state changed");
        return 0;
    }
    if (change) {
        if (s->openrc && s->crashed && (started || (reloaded && !s->running)) &&
            svc_run_line(m, &o, "%s %s zap", s->control, s->name) != 0)
            return ERR_FAILED;
        const char *action = stopped ? "stop" : reloaded && s->running ? "reload" : "start";
        const char *verb = restarted ? "restart" : action;
        bool plain = s->status_rc >= 0 && (s->status_rc == 0) == (s->running == 1);
        if ((plain ? journal_service_known(m, s->name, verb, s->running, NULL)
                   : journal_service(m, NULL, s->name, verb, NULL)) < 0)
            return ERR_FAILED;
        if ((restarted ? restart(s, &o) : control(s, action, &o)) != 0)
            return ERR_FAILED;
        if (o.rc != 0 && !strstr(o.err, "Job is already running"))
            return fail_output(s, &o);
    }
    module_changed(m, change);
    module_set_str(m, "state", stopped ? "stopped" : "started");
    return 0;
}

static int run_tools(struct module *m)
{
    struct service s = {.m = m, .name = module_str(m, "name"), .running = -1, .status_rc = -1};
    const char *state = module_str(m, "state");
    if (find_tools(&s) != 0)
        return ERR_FAILED;
    module_set_str(m, "name", s.name);
    module_changed(m, false);
    if (module_has(m, "enabled")) {
        if (handle_enabled(&s) != 0)
            return ERR_FAILED;
        module_changed(m, s.enable_changed);
        module_set(m, "enabled", value_bool(module_bool(m, "enabled")));
    }
    return state ? handle_state(&s, state) : 0;
}

static int run_generic(struct module *m)
{
    int rc = run_tools(m);
    if (rc != 0)
        svc_forget(m);
    return rc;
}

// Parameters that systemd has no use for are named in a warning, as Ansible does.
static void warn_unused(struct module *m)
{
    static const char *const unused[] = {"pattern", "runlevel", "sleep", "arguments"};
    for (size_t i = 0; i < sizeof(unused) / sizeof(*unused); i++) {
        const char *val = module_str(m, unused[i]);
        bool given = module_has(m, unused[i]) && !(val && !*val) &&
                     !(val && strcmp(unused[i], "runlevel") == 0 && strcmp(val, "default") == 0);
        if (given)
            module_warn(m, "Ignoring \"%s\" as it is not used in \"systemd\"", unused[i]);
    }
}

static const char *service_manager(struct module *m)
{
    const char *use = module_str(m, "use");
    if (use && *use && strcasecmp(use, "auto") != 0)
        return use;
    struct facts f = {.a = m->arena,
                      .out = value_dict(m->arena).u.dict,
                      .all = value_dict(m->arena).u.dict,
                      .root = ""};
    facts_service_mgr(&f);
    return dict_str(f.out, "service_mgr", "service");
}

int mod_service(struct module *m)
{
    const char *use = service_manager(m);
    if (strcasecmp(use, "systemd") == 0 || strcasecmp(use, "systemd_service") == 0) {
        warn_unused(m);
        return run_systemd(m);
    }
    if (strcasecmp(use, "sysvinit") == 0)
        return run_sysvinit(m);
    return run_generic(m);
}
