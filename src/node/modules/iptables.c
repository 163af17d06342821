// iptables: rules, chains and policies, asked for and changed with the host's iptables.
#include "node/command.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/modules/dpkg.h"
#include "node/text.h"

#include <string.h>
#include <strings.h>

struct iptables {
    struct module *m;
    struct arena *a;
    const char *tool, *chain, *table, *jump, *wait;
    struct argv rule;
};

static const char *str(const struct iptables *t, const char *name)
{
    return module_str(t->m, name);
}

// --- the rule

// flag value, or ! flag value for a value that begins with !.
static void option(struct iptables *t, const char *flag, const char *value)
{
    if (!value)
        return;
    if (*value == '!') {
        argv_add(&t->rule, "!");
        argv_option(&t->rule, flag, value + 1);
    } else {
        argv_option(&t->rule, flag, value);
    }
}

static void param(struct iptables *t, const char *flag, const char *name)
{
    option(t, flag, str(t, name));
}

static void words(struct iptables *t, const char *flag, const struct list *l)
{
    if (l && l->len)
        argv_option(&t->rule, flag, text_join(t->a, l, ","));
}

static void match(struct iptables *t, bool needed, const char *name)
{
    if (needed)
        argv_option(&t->rule, "-m", name);
}

static void flags_of_tcp(struct iptables *t)
{
    const struct value *v = dict_get(t->m->args, "tcp_flags");
    if (!v || v->type != VALUE_DICT)
        return;
    const struct value *mask = dict_get(v->u.dict, "flags"),
                       *set = dict_get(v->u.dict, "flags_set");
    if (!mask || mask->type != VALUE_LIST || !set || set->type != VALUE_LIST)
        return;
    argv_option(&t->rule, "--tcp-flags", text_join(t->a, mask->u.list, ","));
    argv_add(&t->rule, text_join(t->a, set->u.list, ","));
}

static void connection_state(struct iptables *t, const struct list *matches)
{
    const struct list *states = module_list(t->m, "ctstate");
    bool named = text_list_has(matches, "conntrack"), old = text_list_has(matches, "state");
    match(t, !named && !old && states && states->len, "conntrack");
    words(t, old && !named ? "--state" : "--ctstate", states);
}

static void ranges_and_sets(struct iptables *t, const struct list *matches)
{
    bool range = str(t, "src_range") || str(t, "dst_range");
    match(t, range && !text_list_has(matches, "iprange"), "iprange");
    param(t, "--src-range", "src_range");
    param(t, "--dst-range", "dst_range");
    match(t, str(t, "match_set") && !text_list_has(matches, "set"), "set");
    if (str(t, "match_set")) {
        param(t, "--match-set", "match_set");
        argv_add(&t->rule, str(t, "match_set_flags"));
    }
}

static void limits_and_owners(struct iptables *t)
{
    match(t, str(t, "limit") || str(t, "limit_burst"), "limit");
    param(t, "--limit", "limit");
    param(t, "--limit-burst", "limit_burst");
    match(t, str(t, "uid_owner") != NULL, "owner");
    param(t, "--uid-owner", "uid_owner");
    match(t, str(t, "gid_owner") != NULL, "owner");
    param(t, "--gid-owner", "gid_owner");
}

static void targets(struct iptables *t)
{
    if (!t->jump && str(t, "reject_with"))
        argv_option(&t->rule, "-j", "REJECT");
    param(t, "--set-dscp", "set_dscp_mark");
    param(t, "--set-dscp-class", "set_dscp_mark_class");
    param(t, "--reject-with", "reject_with");
}

static void build_rule(struct iptables *t)
{
    const struct list *matches = module_list(t->m, "match");
    bool v6 = strcmp(str(t, "ip_version"), "ipv6") == 0;
    t->rule = argv_of(t->a, NULL);
    option(t, "-w", t->wait);
    param(t, "-p", "protocol");
    param(t, "-s", "source");
    param(t, "-d", "destination");
    for (size_t i = 0; i < matches->len; i++)
        option(t, "-m", matches->items[i].u.str.s);
    flags_of_tcp(t);
    option(t, "-j", t->jump);
    if (t->jump && strcasecmp(t->jump, "tee") == 0)
        param(t, "--gateway", "gateway");
    param(t, "--log-prefix", "log_prefix");
    param(t, "--log-level", "log_level");
    param(t, "--to-destination", "to_destination");
    match(t, module_list(t->m, "destination_ports") && module_list(t->m, "destination_ports")->len,
          "multiport");
    words(t, "--dports", module_list(t->m, "destination_ports"));
    param(t, "--to-source", "to_source");
    param(t, "-g", "goto");
    param(t, "-i", "in_interface");
    param(t, "-o", "out_interface");
    param(t, "-f", "fragment");
    param(t, "-c", "set_counters");
    param(t, "--source-port", "source_port");
    param(t, "--destination-port", "destination_port");
    param(t, "--to-ports", "to_ports");
    if (strcmp(str(t, "syn"), "negate") == 0)
        argv_add(&t->rule, "!");
    if (strcmp(str(t, "syn"), "ignore") != 0)
        argv_add(&t->rule, "--syn");
    connection_state(t, matches);
    ranges_and_sets(t, matches);
    limits_and_owners(t);
    targets(t);
    param(t, v6 ? "--icmpv6-type" : "--icmp-type", "icmp_type");
    match(t, str(t, "comment") != NULL, "comment");
    param(t, "--comment", "comment");
}

// --- running iptables

static struct argv command(struct iptables *t, const char *action, bool with_rule)
{
    struct argv argv = argv_of(t->a, t->tool, "-t", t->table, action, t->chain, NULL);
    if (strcmp(action, "-I") == 0)
        argv_add(&argv, str(t, "rule_num"));
    for (size_t i = 0; with_rule && i < t->rule.n; i++)
        argv_add(&argv, t->rule.v[i]);
    if (!with_rule)
        argv_option(&argv, "-w", t->wait);
    return argv;
}

// The table, before it changes.
static int keep(struct iptables *t)
{
    const char *name = strcmp(str(t, "ip_version"), "ipv6") == 0 ? "ip6tables" : "iptables";
    return journal_thing(t->m, "iptables", arena_printf(t->a, "%s %s", name, t->table), NULL, NULL);
}

static int act(struct iptables *t, const char *action, bool with_rule)
{
    struct argv argv = command(t, action, with_rule);
    struct output o;
    return keep(t) < 0 ? ERR_FAILED : command_must(t->m, &argv, NULL, &o);
}

static bool is_there(struct iptables *t, const char *action, bool with_rule)
{
    struct argv argv = command(t, action, with_rule);
    return command_ok(t->m, &argv);
}

static int set_policy(struct iptables *t, const char *policy)
{
    struct argv argv = command(t, "-L", false);
    struct output o;
    if (command_must(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    // Chain INPUT (policy ACCEPT)
    const char *s = strstr(o.out, "(policy ");
    const char *have = s ? arena_strndup(t->a, s + 8, strcspn(s + 8, " )")) : NULL;
    if (!have)
        return module_fail(t->m, "Can't detect current policy");
    bool changed = strcmp(have, policy) != 0;
    module_changed(t->m, changed);
    if (!changed || t->m->check)
        return 0;
    argv = command(t, "-P", false);
    argv_add(&argv, policy);
    return keep(t) < 0 ? ERR_FAILED : command_must(t->m, &argv, NULL, &o);
}

static int set_chain(struct iptables *t, bool present)
{
    bool there = is_there(t, "-L", false);
    module_changed(t->m, there != present);
    if (there == present || t->m->check || !module_bool(t->m, "chain_management"))
        return 0;
    return act(t, present ? "-N" : "-X", false);
}

static int set_rule(struct iptables *t, bool present)
{
    bool there = is_there(t, "-C", true);
    module_changed(t->m, there != present);
    if (there == present || t->m->check)
        return 0;
    if (!present)
        return act(t, "-D", true);
    if (module_bool(t->m, "chain_management") && !is_there(t, "-L", false) &&
        act(t, "-N", false) != 0)
        return ERR_FAILED;
    return act(t, strcmp(str(t, "action"), "insert") == 0 ? "-I" : "-A", true);
}

// --- before anything is done

static int find_jump(struct iptables *t)
{
    bool logs = str(t, "log_prefix") || str(t, "log_level");
    if (!logs)
        return 0;
    if (!t->jump)
        t->jump = "LOG";
    return strcmp(t->jump, "LOG") == 0
               ? 0
               : module_fail(t->m, "Logging options can only be used with the LOG jump target.");
}

// The lock can be waited for since 1.4.20, for a number of seconds since 1.6.0.
static int find_wait(struct iptables *t)
{
    struct argv argv = argv_of(t->a, t->tool, "--version", NULL);
    struct output o;
    if (!t->wait)
        return 0;
    if (command_must(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    const char *v = strchr(o.out, 'v') ? strchr(o.out, 'v') + 1 : "";
    v = arena_strndup(t->a, v, strspn(v, "0123456789."));
    if (dpkg_version_compare(v, "1.4.20") < 0)
        t->wait = NULL;
    else if (dpkg_version_compare(v, "1.6.0") < 0)
        t->wait = "";
    return 0;
}

// shown: the rule as the task has it, before a jump to LOG is added.
static void set_result(struct iptables *t, const char *shown)
{
    struct module *m = t->m;
    module_changed(m, false);
    module_set(m, "failed", value_bool(false));
    module_set_str(m, "ip_version", str(t, "ip_version"));
    module_set_str(m, "table", t->table);
    module_set_str(m, "chain", t->chain);
    module_set(m, "flush", value_bool(module_bool(m, "flush")));
    module_set_str(m, "rule", shown);
    module_set_str(m, "state", str(t, "state"));
    module_set(m, "chain_management", value_bool(module_bool(m, "chain_management")));
}

int mod_iptables(struct module *m)
{
    struct iptables t = {
        .m = m, .a = m->arena, .table = module_str(m, "table"), .chain = module_str(m, "chain")};
    bool present = strcmp(module_str(m, "state"), "present") == 0;
    const char *name = strcmp(module_str(m, "ip_version"), "ipv6") == 0 ? "ip6tables" : "iptables";
    t.tool = proc_which(m->arena, name);
    if (!t.tool)
        return proc_fail_missing(m, name);
    if (!t.chain && !module_bool(m, "flush"))
        return module_fail(m, "Either chain or flush parameter must be specified.");
    t.jump = module_str(m, "jump");
    t.wait = module_str(m, "wait");
    build_rule(&t);
    const char *shown = argv_text(&t.rule);
    if (find_jump(&t) != 0 || find_wait(&t) != 0)
        return ERR_FAILED;
    build_rule(&t);
    set_result(&t, shown);
    if (module_bool(m, "flush")) {
        module_changed(m, true);
        return m->check ? 0 : act(&t, "-F", false);
    }
    if (module_str(m, "policy"))
        return set_policy(&t, module_str(m, "policy"));
    return t.rule.n ? set_rule(&t, present) : set_chain(&t, present);
}
