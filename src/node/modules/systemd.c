// systemd: units, through systemctl.
#include "node/facts/facts.h"
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/modules/svc.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Where one task stands.
struct unit {
    struct module *m;
    const char *name, *ctl; // systemctl with its options
    struct dict *status;
    bool init_script, known; // known: systemd has it
    bool changed;
};

// Runs systemctl VERB 'NAME' ...
static int ctl(struct unit *u, struct svc_out *o, const char *verb, const char *behind)
{
    return svc_run_line(u->m, o, "%s %s %s%s", u->ctl, verb, shlex_quote(u->m->arena, u->name),
                        behind);
}

static bool was_ignored(const char *out)
{
    return !strchr(out, '=') &&
           (strstr(out, "ignoring request") || strstr(out, "ignoring command"));
}

static bool is_line(const char *out, const char *word)
{
    size_t n = strlen(word);
    return strncmp(out, word, n) == 0 && (out[n] == '\0' || (out[n] == '\n' && !out[n + 1]));
}

// The unit by is-enabled or list-unit-files, where show does not work (in a chroot).
static int find_otherwise(struct unit *u)
{
    static const char *const states[] = {
        "enabled", "enabled-runtime", "linked",   "linked-runtime", "masked",   "masked-runtime",
        "static",  "indirect",        "disabled", "generated",      "transient"};
    struct svc_out o;
    if (ctl(u, &o, "is-enabled", "") != 0)
        return ERR_FAILED;
    char *word = text_strip(arena_strdup(u->m->arena, o.out));
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
        u->known = u->known || strcmp(word, states[i]) == 0;
    if (u->known)
        return 0;
    if (ctl(u, &o, "list-unit-files", "") != 0)
        return ERR_FAILED;
    u->known = o.rc == 0;
    if (u->known)
        return 0;
    if (svc_run_line(u->m, &o, "%s", u->ctl) != 0)
        return ERR_FAILED;
    if (o.rc != 0) {
        module_set(u->m, "rc", value_int(o.rc));
        module_set_str(u->m, "stdout", o.out);
        module_set_str(u->m, "stderr", o.err);
        module_set_str(u->m, "cmd", u->ctl);
        char *msg = arena_strdup(u->m->arena, o.err);
        text_rstrip(msg);
        return module_fail(u->m, "%s", msg);
    }
    return 0;
}

// Instances whose name cannot go over the bus: the template's existence and is-active tell.
static int find_instance(struct unit *u, const char *shown)
{
    struct svc_out o;
    struct arena *a = u->m->arena;
    u->status = systemctl_show_parse(a, shown).u.dict;
    const char *at = strchr(u->name, '@');
    const char *base = at ? arena_strndup(a, u->name, (size_t)(at - u->name) + 1) : u->name;
    if (svc_run_line(u->m, &o, "%s list-unit-files %s", u->ctl,
                     shlex_quote(a, arena_printf(a, "%s*", base))) != 0)
        return ERR_FAILED;
    u->known = strstr(o.out, base) != NULL;
    if (ctl(u, &o, "is-active", "") != 0)
        return ERR_FAILED;
    dict_set(u->status, "ActiveState", value_cstr(text_strip(arena_strdup(a, o.out))));
    return 0;
}

static int find_unit(struct unit *u)
{
    struct svc_out o;
    if (ctl(u, &o, "show", "") != 0)
        return ERR_FAILED;
    if (o.rc == 0 && !was_ignored(o.out) && !was_ignored(o.err)) {
        u->status = systemctl_show_parse(u->m->arena, o.out).u.dict;
        const char *load = dict_str(u->status, "LoadState", NULL);
        const char *error = dict_str(u->status, "LoadError", NULL);
        u->known = load && strcmp(load, "not-found") != 0;
        if (u->known && strcmp(load, "masked") != 0 && error)
            return module_fail(u->m, "Error loading unit file '%s': %s", u->name, error);
        return 0;
    }
    if (o.rc == 1 && strstr(o.err, "Failed to parse bus message"))
        return find_instance(u, o.out);
    return find_otherwise(u);
}

static int require_unit(struct unit *u)
{
    return u->known || u->init_script ? 0 : svc_fail_missing(u->m, u->name, "host");
}

static int handle_masked(struct unit *u)
{
    struct svc_out o;
    bool wanted = module_bool(u->m, "masked");
    if (ctl(u, &o, "is-enabled", "") != 0)
        return ERR_FAILED;
    if ((strcmp(text_strip(arena_strdup(u->m->arena, o.out)), "masked") == 0) == wanted)
        return 0;
    u->changed = true;
    if (u->m->check)
        return 0;
    if (journal_service(u->m, module_str(u->m, "scope"), u->name, NULL, NULL) < 0 ||
        ctl(u, &o, wanted ? "mask" : "unmask", "") != 0)
        return ERR_FAILED;
    return o.rc != 0 ? require_unit(u) : 0;
}

static int handle_enabled(struct unit *u)
{
    struct module *m = u->m;
    struct svc_out o;
    bool wanted = module_bool(m, "enabled"), enabled = false;
    const char *scope = module_str(m, "scope");
    if (require_unit(u) != 0 || ctl(u, &o, "is-enabled", " -l") != 0)
        return ERR_FAILED;
    if (o.rc == 0) {
        enabled = !is_line(o.out, "indirect") && !is_line(o.out, "alias");
    } else if (o.rc == 1) {
        bool system = !scope || strcmp(scope, "system") == 0;
        char *word = text_strip(arena_strdup(m->arena, o.out));
        enabled = system && u->init_script && !text_ends(word, "disabled") &&
                  sysv_is_enabled(m, u->name, NULL);
    }
    module_set(m, "enabled", value_bool(enabled));
    if (enabled == wanted)
        return 0;
    u->changed = true;
    module_set(m, "enabled", value_bool(!enabled));
    if (m->check)
        return 0;
    const char *action = wanted ? "enable" : "disable";
    if (journal_service(m, scope, u->name, NULL, NULL) < 0 || ctl(u, &o, action, "") != 0)
        return ERR_FAILED;
    if (o.rc != 0) {
        module_set(m, "enabled", value_bool(enabled));
        return module_fail(m, "Unable to %s service %s: %s%s", action, u->name, o.out, o.err);
    }
    return 0;
}

static bool is_chroot(struct module *m)
{
    struct facts f = {.a = m->arena, .out = value_dict(m->arena).u.dict, .root = ""};
    facts_chroot(&f);
    return dict_bool(f.out, "is_chroot", false);
}

// What systemctl has to do to reach the state, or NULL.
static const char *state_action(const char *state, const char *active)
{
    bool running = strcmp(active, "active") == 0 || strcmp(active, "activating") == 0;
    if (strcmp(state, "started") == 0)
        return running ? NULL : "start";
    if (strcmp(state, "stopped") == 0)
        return running || strcmp(active, "deactivating") == 0 ? "stop" : NULL;
    if (!running)
        return "start";
    return strcmp(state, "restarted") == 0 ? "restart" : "reload";
}

static int handle_state(struct unit *u)
{
    struct module *m = u->m;
    struct svc_out o;
    const char *state = module_str(m, "state"), *active = dict_str(u->status, "ActiveState", NULL);
    const char *offline = getenv("SYSTEMD_OFFLINE");
    if (require_unit(u) != 0)
        return ERR_FAILED;
    bool bounce = strcmp(state, "restarted") == 0 || strcmp(state, "reloaded") == 0;
    module_set_str(m, "state", active && bounce ? "started" : state);
    if (!active) {
        if (!is_chroot(m) && !(offline && strcmp(offline, "1") == 0))
            return module_fail(m, "Service is in unknown state");
        module_warn(m, "Target is a chroot or systemd is offline. This can lead to false positives "
                       "or prevent the init system tools from working.");
        return 0;
    }
    const char *action = state_action(state, active);
    if (!action)
        return 0;
    u->changed = true;
    if (m->check)
        return 0;
    if (journal_service(m, module_str(m, "scope"), u->name, action, NULL) < 0 ||
        ctl(u, &o, action, "") != 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0 : module_fail(m, "Unable to %s service %s: %s", action, u->name, o.err);
}

static int reload_daemon(struct unit *u, const char *param, const char *verb)
{
    struct svc_out o;
    if (!module_bool(u->m, param) || u->m->check)
        return 0;
    if (svc_run_line(u->m, &o, "%s %s", u->ctl, verb) != 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0 : module_fail(u->m, "failure %d during %s: %s", o.rc, verb, o.err);
}

static int handle_unit(struct unit *u)
{
    struct module *m = u->m;
    u->init_script = sysv_exists(m, u->name);
    if (find_unit(u) != 0)
        return ERR_FAILED;
    module_set(m, "status", (struct value){.type = VALUE_DICT, .u.dict = u->status});
    if (u->init_script && !u->known)
        module_warn(m,
                    "The service (%s) is actually an init script but the system is managed by "
                    "systemd",
                    u->name);
    if (module_has(m, "masked") && handle_masked(u) != 0)
        return ERR_FAILED;
    if (module_has(m, "enabled") && handle_enabled(u) != 0)
        return ERR_FAILED;
    return module_has(m, "state") ? handle_state(u) : 0;
}

int run_systemd(struct module *m)
{
    struct unit u = {.m = m, .name = module_str(m, "name")};
    const char *path = proc_which(m->arena, "systemctl"), *scope = module_str(m, "scope");
    const char *bad = u.name ? strpbrk(u.name, "*?[") : NULL;
    if (bad)
        return module_fail(m,
                           "This module does not currently support using glob patterns, found '%c' "
                           "in service name: %s",
                           *bad, u.name);
    if (!path)
        return proc_fail_missing(m, "systemctl");
    if (!getenv("XDG_RUNTIME_DIR"))
        setenv("XDG_RUNTIME_DIR", arena_printf(m->arena, "/run/user/%u", (unsigned)geteuid()), 1);
    bool scoped = scope && strcmp(scope, "system") != 0;
    u.ctl = arena_printf(m->arena, "%s%s%s%s%s", path, scoped ? " --" : "", scoped ? scope : "",
                         module_bool(m, "no_block") ? " --no-block" : "",
                         module_bool(m, "force") ? " --force" : "");
    struct value status = value_dict(m->arena);
    u.status = status.u.dict;
    module_set(m, "name", u.name ? value_str(m->arena, u.name) : value_null());
    module_set(m, "status", status);
    module_changed(m, false);
    if (reload_daemon(&u, "daemon_reload", "daemon-reload") != 0 ||
        reload_daemon(&u, "daemon_reexec", "daemon-reexec") != 0)
        return ERR_FAILED;
    if (u.name && handle_unit(&u) != 0) {
        svc_forget(m);
        return ERR_FAILED;
    }
    module_changed(m, u.changed);
    return 0;
}

int mod_systemd(struct module *m)
{
    return run_systemd(m);
}

int mod_systemd_service(struct module *m)
{
    return run_systemd(m);
}
