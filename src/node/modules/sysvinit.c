// sysvinit: services that are init scripts, with their start links.
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/modules/svc.h"
#include "node/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Where one task stands.
struct sysv {
    struct module *m;
    const char *name, *script;
    bool started;
    bool plain; // the exit code of its script says the same
    bool changed;
};

static char *lower_without(struct arena *a, const char *text, const char *name)
{
    char *s = arena_strdup(a, text), *out = s;
    char *low = arena_strdup(a, name);
    for (char *p = s; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (char *p = low; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    size_t n = strlen(low);
    for (const char *p = s; *p;) {
        if (n && strncmp(p, low, n) == 0)
            p += n;
        else
            *out++ = *p++;
    }
    *out = '\0';
    return s;
}

static bool has_any(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strstr(s, *words))
            return true;
    return false;
}

// Reads a status command's answer: 1 started, 0 stopped, -1 cannot be told.
static int status_meaning(struct module *m, const char *name, const struct svc_out *o)
{
    static const char *const down[] = {
        "stop", "is dead ", "dead but ", "could not access pid file", "inactive", NULL};
    static const char *const up[] = {"run", "start", "active", NULL};
    size_t lines = 0;
    for (const char *p = o->out; *p; p++)
        lines += *p == '\n';
    if (strcmp(name, "iptables") == 0 && strstr(o->out, "ACCEPT"))
        return 1;
    if (lines <= 1) {
        const char *text = lower_without(m->arena, o->out, name);
        if (has_any(text, down))
            return 0;
        if (has_any(text, up) && !strstr(text, "not "))
            return 1;
    }
    if ((o->rc >= 1 && o->rc <= 4) || o->rc == 69)
        return 0;
    return o->rc == 0 ? 1 : -1;
}

// Whether service(8) is Debian's and would do no more than run the script with a clean environment.
static bool service_is_plain(struct sysv *s)
{
    return text_exists("/etc/debian_version") && !text_exists("/run/systemd/system") &&
           !text_exists("/run/openrc/started") && *s->name != '/' && access(s->script, X_OK) == 0;
}

static void copy_env(struct dict *env, const char *name)
{
    const char *s = getenv(name);
    dict_set(env, name, value_cstr(s ? s : ""));
}

// Asks for the status: by service(8), or without its detour through another shell.
static int ask_status(struct sysv *s, struct svc_out *o)
{
    struct module *m = s->m;
    const char *service = proc_which(m->arena, "service");
    if (service && service_is_plain(s)) {
        const char *argv[] = {s->script, "status", NULL};
        struct value env = value_dict(m->arena);
        dict_set(env.u.dict, "LANG", value_cstr("C"));
        dict_set(env.u.dict, "LC_ALL", value_cstr("C"));
        copy_env(env.u.dict, "PATH");
        copy_env(env.u.dict, "TERM");
        return svc_run_in(m, argv, env.u.dict, o);
    }
    const char *argv[] = {service ? service : s->script, service ? s->name : "status",
                          service ? "status" : NULL, NULL};
    return svc_run(m, argv, o);
}

static int find_status(struct sysv *s)
{
    struct module *m = s->m;
    struct svc_out o;
    const char *pattern = module_str(m, "pattern");
    if (pattern && *pattern) {
        s->started = svc_process_running(m, pattern);
        if (!s->started)
            module_warn(m, "Unable to determine if service is up, assuming it is down");
        return 0;
    }
    if (ask_status(s, &o) != 0)
        return ERR_FAILED;
    int meaning = status_meaning(m, s->name, &o);
    if (meaning < 0 && svc_process_running(m, s->name)) {
        module_warn(m, "Used ps output to match service name and determine it is up, this is very "
                       "unreliable");
        meaning = 1;
    }
    if (meaning < 0)
        module_warn(m, "Unable to determine if service is up, assuming it is down");
    s->started = meaning == 1;
    s->plain = s->started == (o.rc == 0);
    return 0;
}

// The part of result.status for one action; o NULL: nothing was run.
static void set_status(struct module *m, struct dict *status, const char *key, bool changed,
                       const struct svc_out *o)
{
    struct value *old = dict_get(status, key);
    struct value v = old ? *old : value_dict(m->arena);
    dict_set(v.u.dict, "changed", value_bool(changed));
    dict_set(v.u.dict, "rc", o ? value_int(o->rc) : value_null());
    dict_set(v.u.dict, "stdout", o ? value_cstr(o->out) : value_null());
    dict_set(v.u.dict, "stderr", o ? value_cstr(o->err) : value_null());
    dict_set(status, key, v);
}

static int change_enabled(struct sysv *s, bool enabled, const struct list *levels,
                          struct svc_out *ret)
{
    struct module *m = s->m;
    const char *rc_d = proc_which(m->arena, "update-rc.d"),
               *chk = proc_which(m->arena, "chkconfig");
    *ret = (struct svc_out){0, "", ""};
    if (levels && rc_d)
        return svc_run_line(m, ret, "%s %s %s %s", rc_d, s->name, enabled ? "enable" : "disable",
                            text_join(m->arena, levels, " "));
    if (levels && chk)
        return svc_run_line(m, ret, "%s --level %s %s %s", chk, text_join(m->arena, levels, ""),
                            s->name, enabled ? "on" : "off");
    if (rc_d)
        return svc_run_line(m, ret, "%s %s %s", rc_d, s->name, enabled ? "defaults" : "disable");
    if (chk)
        return svc_run_line(m, ret, "%s %s %s", chk, s->name, enabled ? "on" : "off");
    return 0;
}

static int handle_enabled(struct sysv *s, struct dict *status)
{
    struct module *m = s->m;
    const struct list *levels = module_list(m, "runlevels");
    bool wanted = module_bool(m, "enabled"), given = module_has(m, "enabled"), change = false;
    struct svc_out o;
    if (levels && levels->len > 0) {
        struct value v = value_dict(m->arena), shown = value_list(m->arena);
        for (size_t i = 0; i < levels->len; i++) {
            const char *level = value_to_cstr(m->arena, &levels->items[i]);
            list_add(shown.u.list, value_cstr(level));
            if (!given || sysv_is_enabled(m, s->name, level) != wanted)
                change = true;
        }
        dict_set(v.u.dict, "runlevels", shown);
        dict_set(status, "enabled", v);
    } else {
        levels = NULL;
        change = given && sysv_is_enabled(m, s->name, NULL) != wanted;
    }
    s->changed |= change;
    set_status(m, status, "enabled", change, NULL);
    if (!change || m->check)
        return 0;
    if (journal_service(m, NULL, s->name, NULL, NULL) < 0 ||
        change_enabled(s, wanted, levels, &o) != 0)
        return ERR_FAILED;
    set_status(m, status, "enabled", true, &o);
    if (strstr(o.err, "illegal runlevel specified"))
        return module_fail(m, "Illegal runlevel specified for enable operation on service %s",
                           s->name);
    return 0;
}

static int run_script(struct sysv *s, const char *action, const char *shown, struct svc_out *ret)
{
    struct module *m = s->m;
    const char *args = module_str(m, "arguments");
    if (svc_run_line(m, ret, "%s %s %s", s->script, action, args ? args : "") != 0)
        return ERR_FAILED;
    if (ret->rc == 0)
        return 0;
    module_set(m, "rc", value_int(ret->rc));
    module_set_str(m, "stdout", ret->out);
    module_set_str(m, "stderr", ret->err);
    return module_fail(m, "Failed to %s service: %s", shown, s->name);
}

static int handle_state(struct sysv *s, struct dict *status)
{
    static const struct {
        const char *state, *action;
    } actions[] = {{"reloaded", "reload"},
                   {"restarted", "restart"},
                   {"started", "start"},
                   {"stopped", "stop"}};
    struct module *m = s->m;
    const char *state = module_str(m, "state"), *action = NULL;
    set_status(m, status, state ? state : "null", false, NULL);
    for (size_t i = 0; state && i < sizeof(actions) / sizeof(*actions); i++)
        if (strcmp(state, actions[i].state) == 0)
            action = actions[i].action;
    if (!action)
        return 0;
    bool start = strcmp(action, "start") == 0, stop = strcmp(action, "stop") == 0;
    bool restart = strcmp(action, "restart") == 0;
    if ((start && s->started) || (stop && !s->started))
        return 0;
    s->changed = true;
    set_status(m, status, state, true, NULL);
    if (m->check)
        return 0;
    struct svc_out o = {0, "", ""};
    if ((s->plain ? journal_service_known(m, s->name, action, s->started, NULL)
                  : journal_service(m, NULL, s->name, action, NULL)) < 0)
        return ERR_FAILED;
    if (restart) {
        // a script's own restart cannot be relied on
        if (run_script(s, "stop", action, &o) != 0)
            return ERR_FAILED;
        sleep((unsigned)module_int(m, "sleep", 1));
    }
    if (run_script(s, restart ? "start" : action, action, &o) != 0)
        return ERR_FAILED;
    set_status(m, status, state, true, &o);
    return 0;
}

int run_sysvinit(struct module *m)
{
    struct sysv s = {.m = m, .name = module_str(m, "name")};
    struct value status = value_dict(m->arena);
    if (!sysv_exists(m, s.name))
        return svc_fail_missing(m, s.name, "");
    s.script = sysv_script(m, s.name);
    module_set_str(m, "name", s.name);
    module_set(m, "status", status);
    if ((module_has(m, "state") && find_status(&s) != 0) ||
        handle_enabled(&s, status.u.dict) != 0 || handle_state(&s, status.u.dict) != 0) {
        if (!text_after(dict_str(m->result, "msg", ""), "Illegal runlevel"))
            svc_forget(m);
        return ERR_FAILED;
    }
    module_changed(m, s.changed);
    return 0;
}

int mod_sysvinit(struct module *m)
{
    return run_sysvinit(m);
}
