// ufw: the firewall as a whole, its defaults and logging, and its rules, by the program ufw.
#include "node/command.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>

struct ufw {
    struct module *m;
    struct arena *a;
    const char *tool;
    struct value commands;
    const char *status, *rules; // before anything is done
    bool changed, kept;
};

static int run(struct ufw *t, const struct argv *argv, const char **ret)
{
    struct output o;
    list_add(t->commands.u.list, value_cstr(argv_text(argv)));
    if (command_run(t->m, argv, NULL, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0) {
        module_set(t->m, "commands", t->commands);
        return module_fail(t->m, "%s", *o.err ? o.err : o.out);
    }
    if (ret)
        *ret = o.out;
    return 0;
}

// What is in force, then the files: these are put back first.
static int keep(struct ufw *t)
{
    if (t->m->check || t->kept)
        return 0;
    t->kept = true;
    return journal_thing(t->m, "ufw", "", NULL, NULL) < 0 ||
                   journal_whole(t->m, "/etc/ufw", NULL) < 0 ||
                   journal_path(t->m, "/etc/default/ufw", NULL) < 0
               ? ERR_FAILED
               : 0;
}

static struct argv start(struct ufw *t)
{
    struct argv argv = argv_of(t->a, t->tool, NULL);
    argv_add(&argv, t->m->check ? "--dry-run" : NULL);
    return argv;
}

static int read_status(struct ufw *t, const char **ret)
{
    struct argv argv = argv_of(t->a, t->tool, "status", "verbose", NULL);
    return run(t, &argv, ret);
}

// The lines of text with which ufw marks its rules.
static void add_tuples(struct ufw *t, const char *text, struct buf *to)
{
    for (char *c = arena_strdup(t->a, text), *line; (line = text_line(&c));)
        if (text_after(line, "### tuple"))
            buf_addf(to, "%s\n", line);
}

// All rules there are, wherever this version of ufw keeps them.
static const char *read_rules(struct ufw *t)
{
    static const char *const files[] = {"/lib/ufw/user.rules",     "/lib/ufw/user6.rules",
                                        "/etc/ufw/user.rules",     "/etc/ufw/user6.rules",
                                        "/var/lib/ufw/user.rules", "/var/lib/ufw/user6.rules"};
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *text = text_read(t->a, files[i], NULL);
        if (text)
            add_tuples(t, text, &b);
    }
    const char *s = arena_strdup(t->a, buf_str(&b));
    buf_release(&b);
    return s;
}

// --- the firewall as a whole

static int set_state(struct ufw *t, const char *state)
{
    static const struct {
        const char *state, *verb;
    } verbs[] = {
        {"disabled", "disable"}, {"enabled", "enable"}, {"reloaded", "reload"}, {"reset", "reset"}};
    size_t i = 0;
    while (strcmp(verbs[i].state, state) != 0)
        i++;
    bool active = strstr(t->status, " active") != NULL;
    if (i >= 2 || (i == 0) == active)
        t->changed = t->changed || i >= 2 || t->m->check;
    if (t->m->check)
        return 0;
    if ((i >= 2 || (i == 1) != active) && keep(t) < 0)
        return ERR_FAILED;
    struct argv argv = start(t);
    argv_option(&argv, "-f", verbs[i].verb);
    return run(t, &argv, NULL);
}

// "Logging: on (low)": whether that is what is wanted.
static bool logging_differs(struct ufw *t, const char *want)
{
    const char *s = strstr(t->status, "Logging: ");
    if (!s)
        return true;
    s += strlen("Logging: ");
    bool on = text_after(s, "on") != NULL;
    const char *paren = text_after(s, "on (");
    const char *level = paren ? arena_strndup(t->a, paren, strcspn(paren, ")")) : "";
    if (strcmp(want, "off") == 0)
        return on;
    return !on || (strcmp(want, "on") != 0 && strcmp(want, level) != 0);
}

static int set_logging(struct ufw *t, const char *want)
{
    bool differs = logging_differs(t, want);
    t->changed = t->changed || differs;
    if (t->m->check)
        return 0;
    if (differs && keep(t) < 0)
        return ERR_FAILED;
    struct argv argv = start(t);
    argv_option(&argv, "logging", want);
    return run(t, &argv, NULL);
}

// "Default: deny (incoming), allow (outgoing), disabled (routed)"; /etc/default/ufw says it while
// the firewall is off.
static const char *current_default(struct ufw *t, const char *direction)
{
    const char *line = strstr(t->status, "Default: ");
    const char *mark = arena_printf(t->a, " (%s)", direction);
    const char *at = line ? strstr(line, mark) : NULL;
    if (at) {
        const char *from = at;
        while (from > line && from[-1] != ' ')
            from--;
        return arena_strndup(t->a, from, (size_t)(at - from));
    }
    static const struct {
        const char *direction, *key;
    } keys[] = {{"incoming", "DEFAULT_INPUT_POLICY="},
                {"outgoing", "DEFAULT_OUTPUT_POLICY="},
                {"routed", "DEFAULT_FORWARD_POLICY="}};
    const char *policy = "";
    for (char *c = text_read(t->a, "/etc/default/ufw", NULL), *l; c && (l = text_line(&c));)
        for (size_t i = 0; i < 3; i++)
            if (strcmp(keys[i].direction, direction) == 0 && text_after(l, keys[i].key))
                policy = text_after(l, keys[i].key);
    policy += *policy == '"';
    return text_after(policy, "DROP")     ? "deny"
           : text_after(policy, "ACCEPT") ? "allow"
           : text_after(policy, "REJECT") ? "reject"
                                          : "";
}

static int set_default(struct ufw *t, const char *want)
{
    const char *direction = module_str(t->m, "direction");
    if (direction && (strcmp(direction, "in") == 0 || strcmp(direction, "out") == 0))
        return module_fail(t->m, "For default, direction must be one of \"outgoing\", \"incoming\" "
                                 "and \"routed\", or direction must not be specified.");
    const char *have = current_default(t, direction ? direction : "incoming");
    if (strcmp(have, want) != 0)
        t->changed = true;
    if (t->m->check)
        return 0;
    if (strcmp(have, want) != 0 && keep(t) < 0)
        return ERR_FAILED;
    struct argv argv = start(t);
    argv_option(&argv, "default", want);
    argv_add(&argv, direction);
    return run(t, &argv, NULL);
}

// --- rules

// Number of the rules of one kind, and of all, in the numbered list.
static int count_rules(struct ufw *t, int *ret_v4, int *ret_v6)
{
    struct argv argv = argv_of(t->a, t->tool, "status", "numbered", NULL);
    const char *out;
    *ret_v4 = *ret_v6 = 0;
    if (run(t, &argv, &out) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(t->a, out), *line; (line = text_line(&c));) {
        if (*line != '[')
            continue;
        if (strstr(line, "(v6)"))
            ++*ret_v6;
        else
            ++*ret_v4;
    }
    return 0;
}

// The number at which the rule is inserted; 0: not at a number, <0 after a failure.
static int insert_at(struct ufw *t)
{
    const char *base = module_str(t->m, "insert_relative_to");
    int v4, v6, number = (int)module_int(t->m, "insert", 0);
    if (!module_has(t->m, "insert") || strcmp(base, "zero") == 0)
        return number;
    if (count_rules(t, &v4, &v6) != 0)
        return ERR_FAILED;
    int from = strcmp(base, "first-ipv4") == 0   ? 1
               : strcmp(base, "last-ipv4") == 0  ? (v4 > 0 ? v4 : 1)
               : strcmp(base, "first-ipv6") == 0 ? v4 + 1
                                                 : v4 + (v6 > 0 ? v6 : 1);
    number += from;
    return number > v4 + v6 ? 0 : number; // behind the last one is where rules go anyway
}

static void words(struct argv *argv, const char *w1, const char *w2, const char *value)
{
    if (!value)
        return;
    argv_add(argv, w1);
    argv_add(argv, w2);
    argv_add(argv, value);
}

static int rule_command(struct ufw *t, const char *rule, struct argv *ret)
{
    struct module *m = t->m;
    int number = insert_at(t);
    if (number < 0)
        return ERR_FAILED;
    *ret = start(t);
    argv_add(ret, module_bool(m, "route") ? "route" : NULL);
    argv_add(ret, module_bool(m, "delete") ? "delete" : NULL);
    if (number > 0)
        argv_option(ret, "insert", arena_printf(t->a, "%d", number));
    argv_add(ret, rule);
    argv_add(ret, module_str(m, "direction"));
    words(ret, "on", NULL, module_str(m, "interface"));
    words(ret, "in", "on", module_str(m, "interface_in"));
    words(ret, "out", "on", module_str(m, "interface_out"));
    argv_add(ret, module_bool(m, "log") ? "log" : NULL);
    words(ret, "from", NULL, module_str(m, "from_ip"));
    words(ret, "port", NULL, module_str(m, "from_port"));
    words(ret, "to", NULL, module_str(m, "to_ip"));
    words(ret, "port", NULL, module_str(m, "to_port"));
    words(ret, "proto", NULL, module_str(m, "proto"));
    words(ret, "app", NULL, module_str(m, "name"));
    words(ret, "comment", NULL, module_str(m, "comment"));
    return 0;
}

// Whether what a dry run would write holds another set of rules.
static bool dry_run_differs(struct ufw *t, const char *out)
{
    struct buf would = BUF_INIT;
    add_tuples(t, out, &would);
    bool differs = false, has4 = false, has6 = false;
    for (char *c = arena_strdup(t->a, buf_str(&would)), *line; (line = text_line(&c));) {
        differs = differs || !strstr(t->rules, arena_printf(t->a, "%s\n", line));
        has6 = has6 || strstr(line, "::/0");
        has4 = has4 || !strstr(line, "::/0");
    }
    // fewer rules of a kind than there were: one is to go
    size_t n_would = 0, n_have = 0;
    for (char *c = arena_strdup(t->a, buf_str(&would)); text_line(&c);)
        n_would++;
    for (char *c = arena_strdup(t->a, t->rules), *line; (line = text_line(&c));)
        n_have += strstr(line, "::/0") ? has6 : has4;
    bool silent = strstr(out, "Skipping") != NULL || strstr(out, "Could not delete") != NULL;
    buf_release(&would);
    if (module_bool(t->m, "delete"))
        return !silent;
    return differs || (!silent && n_would != n_have);
}

// Before a rule is really set: whether that would change anything, for the journal.
static int keep_before_rule(struct ufw *t, const struct argv *argv)
{
    struct argv dry = argv_of(t->a, t->tool, "--dry-run", NULL);
    struct output o;
    if (t->m->check || !t->m->journal)
        return 0;
    for (size_t i = 1; i < argv->n; i++)
        argv_add(&dry, argv->v[i]);
    if (command_run(t->m, &dry, NULL, &o) != 0)
        return ERR_FAILED;
    return o.rc == 0 && dry_run_differs(t, o.out) ? keep(t) : 0;
}

static int set_rule(struct ufw *t, const char *rule)
{
    struct module *m = t->m;
    const char *direction = module_str(m, "direction"), *out;
    struct argv argv;
    if (direction && strcmp(direction, "in") != 0 && strcmp(direction, "out") != 0)
        return module_fail(m,
                           "For rules, direction must be one of \"in\" and \"out\", or direction "
                           "must not be specified.");
    if (!module_bool(m, "route") && module_str(m, "interface_in") && module_str(m, "interface_out"))
        return module_fail(m, "Only route rules can combine interface_in and interface_out");
    if (rule_command(t, rule, &argv) != 0 || keep_before_rule(t, &argv) < 0 ||
        run(t, &argv, &out) != 0)
        return ERR_FAILED;
    if (m->check)
        t->changed = t->changed || dry_run_differs(t, out);
    return 0;
}

int mod_ufw(struct module *m)
{
    static const struct {
        const char *param;
        int (*set)(struct ufw *t, const char *value);
    } parts[] = {{"state", set_state},
                 {"default", set_default},
                 {"rule", set_rule},
                 {"logging", set_logging}};
    struct ufw t = {.m = m, .a = m->arena, .commands = value_list(m->arena)};
    const char *after;
    t.tool = proc_which(m->arena, "ufw");
    if (!t.tool)
        return proc_fail_missing(m, "ufw");
    if (read_status(&t, &t.status) != 0)
        return ERR_FAILED;
    t.rules = read_rules(&t);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *value = module_str(m, parts[i].param);
        if (value && parts[i].set(&t, value) != 0)
            return ERR_FAILED;
    }
    if (!m->check) {
        if (read_status(&t, &after) != 0)
            return ERR_FAILED;
        t.changed =
            t.changed || strcmp(t.status, after) != 0 || strcmp(t.rules, read_rules(&t)) != 0;
        if (t.changed && !t.kept)
            journal_lost(m, "ufw", "what it was to change could not be foretold");
        char *msg = arena_strdup(m->arena, after);
        text_rstrip(msg);
        module_set_str(m, "msg", msg);
    }
    module_changed(m, t.changed);
    module_set(m, "commands", t.commands);
    return 0;
}
