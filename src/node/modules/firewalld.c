// firewalld: settings of a zone and zones themselves, by firewall-cmd, or by firewall-offline-cmd
// where the daemon does not run.
#include "node/command.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include <string.h>

struct firewalld {
    struct module *m;
    struct arena *a;
    bool offline, permanent, immediate, enable;
    const char *zone; // NULL: the default one
    bool changed;
};

// A kind of setting of a zone: its options are --query-NAME, --add-NAME and --remove-NAME.
static const struct kind {
    const char *param, *name, *label;
    bool flag; // has no value of its own: the parameter says whether it is to be on
} kinds[] = {
    {"icmp_block", "icmp-block", "icmp-block", false},
    {"icmp_block_inversion", "icmp-block-inversion", "icmp-block-inversion", true},
    {"interface", "interface", "interface", false},
    {"masquerade", "masquerade", "masquerade", true},
    {"port", "port", "port", false},
    {"port_forward", "forward-port", "port_forward", false},
    {"protocol", "protocol", "protocol", false},
    {"rich_rule", "rich-rule", "rich_rule", false},
    {"service", "service", "service", false},
    {"source", "source", "source", false},
};

static struct argv start(const struct firewalld *t, bool permanent, bool with_zone)
{
    struct argv argv = argv_of(t->a, t->offline ? "firewall-offline-cmd" : "firewall-cmd", NULL);
    if (permanent && !t->offline)
        argv_add(&argv, "--permanent");
    if (t->zone && with_zone)
        argv_addf(&argv, "--zone=%s", t->zone);
    return argv;
}

static int must(struct firewalld *t, const struct argv *argv, struct output *o)
{
    if (command_run(t->m, argv, NULL, o) != 0)
        return ERR_FAILED;
    if (o->rc == 0)
        return 0;
    char *said = arena_strdup(t->a, *o->err ? o->err : o->out);
    text_rstrip(said);
    module_set_str(t->m, "cmd", argv_text(argv));
    module_set(t->m, "rc", value_int(o->rc));
    return module_fail(t->m, "ERROR: Exception caught: %s", said);
}

static const char *option(const struct firewalld *t, const char *verb, const struct kind *k,
                          const char *value)
{
    if (k->flag)
        return arena_printf(t->a, "--%s-%s", verb, k->name);
    return arena_printf(t->a, "--%s-%s=%s", verb, k->name, value);
}

// Whether the setting is on: 1, 0 or <0 after a failure.
static int is_on(struct firewalld *t, bool permanent, const struct kind *k, const char *value)
{
    struct argv argv = start(t, permanent, true);
    struct output o;
    argv_add(&argv, option(t, "query", k, value));
    if (command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    if (o.rc == 0 || (o.rc == 1 && text_after(o.out, "no")))
        return o.rc == 0;
    return must(t, &argv, &o);
}

// Files are all there is of what is permanent.
static int keep_files(struct firewalld *t)
{
    return t->m->check ? 0 : journal_whole(t->m, "/etc/firewalld", NULL);
}

// What is in force, by "ZONE SETTING" with - for the default zone.
static int keep_setting(struct firewalld *t, const struct kind *k, const char *value, bool moves)
{
    const char *name = arena_printf(t->a, "%s %s%s%s", t->zone ? t->zone : "-", k->name,
                                    k->flag ? "" : "=", k->flag ? "" : value);
    if (!moves)
        return journal_thing(t->m, "firewalld", name, NULL, NULL);
    journal_lost(t->m, name, "in which zone it was in force is not kept");
    return 0;
}

// Turns it on or off in one of the two configurations, when it is not like that.
static int set_one(struct firewalld *t, bool permanent, const struct kind *k, const char *value,
                   bool on)
{
    struct output o;
    int have = is_on(t, permanent, k, value);
    if (have < 0)
        return ERR_FAILED;
    if (have == on)
        return 0;
    t->changed = true;
    if (t->m->check)
        return 0;
    bool moves = strcmp(k->param, "interface") == 0 || strcmp(k->param, "source") == 0;
    if (permanent ? keep_files(t) < 0 : keep_setting(t, k, value, moves) < 0)
        return ERR_FAILED;
    struct argv argv = start(t, permanent, true);
    argv_add(&argv, option(t, !on ? "remove" : moves ? "change" : "add", k, value));
    if (on && !permanent && module_int(t->m, "timeout", 0) > 0)
        argv_addf(&argv, "--timeout=%d", (int)module_int(t->m, "timeout", 0));
    return must(t, &argv, &o);
}

// The setting's value as firewall-cmd takes it; fails the task when it is malformed.
static const char *value_of(struct firewalld *t, const struct kind *k)
{
    if (strcmp(k->param, "port_forward") == 0) {
        const struct list *l = module_list(t->m, "port_forward");
        if (l->len != 1) {
            module_fail(t->m, "Only one port forward supported at a time");
            return NULL;
        }
        const struct dict *d = l->items[0].u.dict;
        return arena_printf(t->a, "port=%s:proto=%s:toport=%s:toaddr=%s", dict_str(d, "port", ""),
                            dict_str(d, "proto", ""), dict_str(d, "toport", ""),
                            dict_str(d, "toaddr", ""));
    }
    const char *s = module_str(t->m, k->param);
    if (strcmp(k->param, "port") == 0 && !strchr(s, '/')) {
        module_fail(t->m, "improper port format (missing protocol?)");
        return NULL;
    }
    return s;
}

static const char *how(const struct firewalld *t)
{
    return t->permanent && t->immediate ? "Permanent and Non-Permanent(immediate) operation"
           : t->permanent               ? "Permanent operation"
                                        : "Non-permanent operation";
}

static void say(struct firewalld *t, const char *what)
{
    module_set(
        t->m, "msg",
        value_strf(t->a, "%s%s%s%s", how(t), t->changed ? ", " : "", t->changed ? what : "",
                   t->offline ? ", (offline operation: only on-disk configs were altered)" : ""));
}

static int set_kind(struct firewalld *t, const struct kind *k)
{
    const char *value = value_of(t, k), *state = module_str(t->m, "state");
    bool on = t->enable;
    if (!value)
        return ERR_FAILED;
    if (k->flag) {
        int truth = value_parse_bool(value, strlen(value));
        on = on == (truth == 1);
    }
    if ((t->permanent && set_one(t, true, k, value, on) != 0) ||
        (t->immediate && set_one(t, false, k, value, on) != 0))
        return ERR_FAILED;
    if (k->flag)
        say(t, arena_printf(t->a, "%s %s from zone %s", on ? "Added" : "Removed", k->label,
                            t->zone ? t->zone : "default"));
    else
        say(t, arena_printf(t->a, "Changed %s %s to %s", k->label, value, state));
    return 0;
}

// --- zones

static int only_permanent(struct firewalld *t)
{
    if (t->permanent && !t->immediate)
        return 0;
    return module_fail(t->m, "Zone operations must be permanent. Make sure you didn't set the "
                             "'permanent' flag to 'false' or the 'immediate' flag to 'true'.");
}

static int set_target(struct firewalld *t, const char *target)
{
    struct output o;
    if (only_permanent(t) != 0)
        return ERR_FAILED;
    const char *want = t->enable ? target : "default";
    struct argv argv = start(t, true, true);
    argv_add(&argv, "--get-target");
    if (must(t, &argv, &o) != 0)
        return ERR_FAILED;
    const char *have = text_strip(arena_strdup(t->a, o.out));
    t->changed = strcmp(have, want) != 0;
    if (t->changed && !t->m->check) {
        argv = start(t, true, true);
        argv_addf(&argv, "--set-target=%s", want);
        if (keep_files(t) < 0 || must(t, &argv, &o) != 0)
            return ERR_FAILED;
    }
    say(t, arena_printf(t->a, "Changed zone %s to %s", t->zone, module_str(t->m, "state")));
    return 0;
}

static int set_zone(struct firewalld *t)
{
    struct output o;
    bool there = false;
    if (!t->zone)
        return module_fail(t->m, "No valid firewalld operation was asked for");
    if (only_permanent(t) != 0)
        return ERR_FAILED;
    struct argv argv = start(t, true, false);
    argv_add(&argv, "--get-zones");
    if (must(t, &argv, &o) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(t->a, o.out), *w; (w = text_field(&c));)
        there = there || strcmp(w, t->zone) == 0;
    t->changed = there != t->enable;
    if (t->changed && !t->m->check) {
        argv = start(t, true, false);
        argv_addf(&argv, "--%s-zone=%s", t->enable ? "new" : "delete", t->zone);
        if (keep_files(t) < 0 || must(t, &argv, &o) != 0)
            return ERR_FAILED;
    }
    say(t, arena_printf(t->a, "%s zone %s", t->enable ? "Added" : "Removed", t->zone));
    return 0;
}

static int apply(struct firewalld *t)
{
    const char *state = module_str(t->m, "state");
    bool zone_state = strcmp(state, "present") == 0 || strcmp(state, "absent") == 0;
    if (module_str(t->m, "target"))
        return set_target(t, module_str(t->m, "target"));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!module_has(t->m, kinds[i].param))
            continue;
        if (zone_state && !kinds[i].flag)
            return module_fail(
                t->m, "absent and present state can only be used in zone level operations");
        return set_kind(t, &kinds[i]);
    }
    return set_zone(t);
}

int mod_firewalld(struct module *m)
{
    struct firewalld t = {.m = m,
                          .a = m->arena,
                          .permanent = module_bool(m, "permanent"),
                          .immediate = module_bool(m, "immediate"),
                          .zone = module_str(m, "zone")};
    const char *state = module_str(m, "state");
    t.enable = strcmp(state, "enabled") == 0 || strcmp(state, "present") == 0;
    t.immediate = t.immediate || !t.permanent;
    if (!proc_which(m->arena, "firewall-cmd"))
        return proc_fail_missing(m, "firewall-cmd");
    struct argv argv = argv_of(m->arena, "firewall-cmd", "--state", NULL);
    t.offline = !command_ok(m, &argv);
    if (t.offline && t.immediate)
        return module_fail(m, "firewall is not currently running, unable to perform immediate "
                              "actions without a running firewall daemon");
    if (t.offline && !proc_which(m->arena, "firewall-offline-cmd"))
        return proc_fail_missing(m, "firewall-offline-cmd");
    module_changed(m, false);
    if (apply(&t) != 0)
        return ERR_FAILED;
    module_changed(m, t.changed);
    return 0;
}
