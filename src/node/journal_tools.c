// What tools of the host keep beside files, for the journal: firewall rules, modules of the kernel,
// generated locales, diversions, answers to packages' questions.
#include "node/journal_kinds.h"
#include "node/text.h"

#include "core/hash.h"

#include <stdlib.h>
#include <string.h>

// --- tables of iptables: "iptables filter"
// ------------------------------------------------------------------------------------------

#define CHAINS_MAX 5

static const struct {
    const char *table, *chains[CHAINS_MAX + 1];
} builtin[] = {
    {"filter", {"INPUT", "FORWARD", "OUTPUT"}},
    {"mangle", {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}},
    {"nat", {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}},
    {"raw", {"PREROUTING", "OUTPUT"}},
    {"security", {"INPUT", "FORWARD", "OUTPUT"}},
};

// Chains that are not as they are without any rule, and the rules, in their order; without
// counters. NULL: they cannot be read.
static const char *table_rules(struct module *m, const char *name)
{
    struct output o;
    size_t n = strcspn(name, " ");
    const char *save = arena_printf(m->arena, "%.*s-save", (int)n, name);
    struct argv v = argv_of(m->arena, save, "-t", name[n] ? name + n + 1 : "filter", NULL);
    if (journal_run(m, v, NULL, &o, NULL) < 0 || o.rc != 0)
        return NULL;
    struct buf b = BUF_INIT;
    for (char *c = arena_strdup(m->arena, o.out), *line; (line = text_line(&c));) {
        size_t len =
            *line == ':' && strchr(line, '[') ? (size_t)(strchr(line, '[') - line) : strlen(line);
        while (len && line[len - 1] == ' ')
            len--;
        line[len] = '\0';
        if (*line == '-' || (*line == ':' && !text_ends(line, " ACCEPT")))
            buf_addf(&b, "%s\n", line);
    }
    const char *text = arena_strdup(m->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

static const char *iptables_state(struct module *m, const char *name, struct buf *keep)
{
    const char *text = table_rules(m, name);
    if (keep && text)
        buf_adds(keep, text);
    return text ? journal_digest(m->arena, text) : "unknown";
}

static void iptables_check(struct module *m, const struct journal_log *log,
                           const struct journal_entry *en, struct list *conflicts)
{
    const char *now = iptables_state(m, en->name, NULL);
    (void)log;
    if (en->after && strcmp(now, en->after) != 0 && strcmp(now, en->was) != 0)
        list_add(conflicts, value_strf(m->arena, "the rules of %s were changed since", en->name));
}

static int iptables_restore(struct module *m, const struct journal_log *log,
                            const struct journal_entry *en, struct err *e)
{
    size_t n = strcspn(en->name, " ");
    const char *table = en->name[n] ? en->name + n + 1 : "filter";
    const char *kept = arena_strndup(m->arena, en->raw, en->raw_len);
    struct buf b = BUF_INIT;
    (void)log;
    if (strcmp(en->was, "unknown") == 0)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE, "the rules of %s could not be read before",
                       en->name);
    if (journal_thing(m, "iptables", en->name, NULL, e) < 0)
        return ERR_FAILED;
    buf_addf(&b, "*%s\n", table);
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        for (size_t k = 0; strcmp(builtin[i].table, table) == 0 && builtin[i].chains[k]; k++)
            if (!strstr(kept, arena_printf(m->arena, ":%s ", builtin[i].chains[k])))
                buf_addf(&b, ":%s ACCEPT [0:0]\n", builtin[i].chains[k]);
    // chains first: rules lead to them
    for (int rules = 0; rules < 2; rules++)
        for (char *c = arena_strdup(m->arena, kept), *line; (line = text_line(&c));)
            if ((*line == '-') == rules)
                buf_addf(&b, "%s%s\n", line, rules ? "" : " [0:0]");
    buf_adds(&b, "COMMIT\n");
    const char *tool = arena_printf(m->arena, "%.*s-restore", (int)n, en->name);
    int rc = journal_must(m, argv_of(m->arena, tool, "-w", "30", NULL), buf_str(&b), e);
    buf_release(&b);
    return rc;
}

// --- ufw: its files are paths; this is what of them is in force
// ------------------------------------------------------------------------------------------

// "active DIGEST" of what the kernel has of its rules, "inactive".
static const char *ufw_state(struct module *m, const char *name, struct buf *keep)
{
    static const char *const tables[] = {"iptables filter", "ip6tables filter"};
    struct output o;
    struct buf b = BUF_INIT;
    (void)name;
    (void)keep;
    if (journal_run(m, argv_of(m->arena, "ufw", "status", NULL), NULL, &o, NULL) < 0 || o.rc != 0)
        return "unknown";
    if (!text_after(o.out, "Status: active"))
        return "inactive";
    for (size_t i = 0; i < 2; i++) {
        const char *rules = table_rules(m, tables[i]);
        for (char *c = arena_strdup(m->arena, rules ? rules : ""), *line; (line = text_line(&c));)
            if (*line == ':' || strstr(line, "ufw")) // others have rules there, too
                buf_addf(&b, "%s\n", line);
    }
    const char *state = arena_printf(m->arena, "active %s", journal_digest(m->arena, buf_str(&b)));
    buf_release(&b);
    return state;
}

static int ufw_restore(struct module *m, const struct journal_log *log,
                       const struct journal_entry *en, struct err *e)
{
    bool was = text_after(en->was, "active ") != NULL;
    bool is = text_after(ufw_state(m, en->name, NULL), "active ") != NULL;
    struct argv v = argv_of(m->arena, "ufw", "--force",
                            !was ? "disable"
                            : is ? "reload"
                                 : "enable",
                            NULL);
    (void)log;
    if (journal_thing(m, "ufw", en->name, NULL, e) < 0)
        return ERR_FAILED;
    return journal_must(m, v, NULL, e);
}

// --- what firewalld has in force: "ZONE SETTING", "- port=80/tcp" in the default zone
// ------------------------------------------------------------------------------------------

static struct argv firewalld(struct module *m, const char *name, const char *verb)
{
    struct argv v = argv_of(m->arena, "firewall-cmd", NULL);
    size_t n = strcspn(name, " ");
    if (*name != '-')
        argv_addf(&v, "--zone=%.*s", (int)n, name);
    argv_addf(&v, "--%s-%s", verb, name[n] ? name + n + 1 : "");
    return v;
}

static const char *firewalld_state(struct module *m, const char *name, struct buf *keep)
{
    struct output o;
    (void)keep;
    if (journal_run(m, firewalld(m, name, "query"), NULL, &o, NULL) < 0)
        return "unknown";
    return o.rc == 0 ? "on" : o.rc == 1 ? "off" : "unknown";
}

static int firewalld_restore(struct module *m, const struct journal_log *log,
                             const struct journal_entry *en, struct err *e)
{
    bool on = strcmp(en->was, "on") == 0;
    (void)log;
    if (!on && strcmp(en->was, "off") != 0)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE, "firewalld did not tell what %s was before",
                       en->name);
    if (journal_thing(m, "firewalld", en->name, NULL, e) < 0)
        return ERR_FAILED;
    return journal_must(m, firewalld(m, en->name, on ? "add" : "remove"), NULL, e);
}

// --- modules of the kernel
// ------------------------------------------------------------------------------------------

static const char *kmod_state(struct module *m, const char *name, struct buf *keep)
{
    char *want = arena_strdup(m->arena, name);
    (void)keep;
    for (char *c = want; *c; c++)
        *c = *c == '-' ? '_' : *c;
    for (char *c = text_read(m->arena, "/proc/modules", NULL), *line; (line = text_line(&c));) {
        const char *word = text_field(&line);
        if (word && strcmp(word, want) == 0)
            return "loaded";
    }
    return "-";
}

static int kmod_restore(struct module *m, const struct journal_log *log,
                        const struct journal_entry *en, struct err *e)
{
    bool was = strcmp(en->was, "loaded") == 0;
    struct argv v = argv_of(m->arena, "modprobe", NULL);
    (void)log;
    if (journal_thing(m, "kmod", en->name, NULL, e) < 0)
        return ERR_FAILED;
    argv_add(&v, was ? NULL : "-r");
    argv_add(&v, en->name);
    return journal_must(m, v, NULL, e);
}

// --- locales: which ones are to be is in a file, and these are those there are
// ------------------------------------------------------------------------------------------

static const char *locales_state(struct module *m, const char *name, struct buf *keep)
{
    struct output o;
    (void)name;
    (void)keep;
    if (journal_run(m, argv_of(m->arena, "locale", "-a", NULL), NULL, &o, NULL) < 0 || o.rc != 0)
        return "unknown";
    return journal_digest(m->arena, o.out);
}

static int locales_restore(struct module *m, const struct journal_log *log,
                           const struct journal_entry *en, struct err *e)
{
    struct argv v = argv_of(m->arena, "locale-gen", NULL);
    (void)log;
    argv_add(&v, text_exists("/etc/locale.gen") ? NULL : "--purge");
    if (journal_thing(m, "locales", en->name, NULL, e) < 0)
        return ERR_FAILED;
    return journal_must(m, v, NULL, e);
}

// --- diversions of dpkg; the files are paths
// ------------------------------------------------------------------------------------------

static const char *divert_says(struct module *m, const char *what, const char *path)
{
    struct output o;
    if (journal_run(m, argv_of(m->arena, "dpkg-divert", what, path, NULL), NULL, &o, NULL) < 0 ||
        o.rc != 0)
        return "";
    return text_strip(arena_strdup(m->arena, o.out));
}

// "HOLDER TARGET", "-" without one.
static const char *divert_state(struct module *m, const char *name, struct buf *keep)
{
    const char *holder = divert_says(m, "--listpackage", name);
    (void)keep;
    return *holder ? arena_printf(m->arena, "%s %s", holder, divert_says(m, "--truename", name))
                   : "-";
}

static int divert_restore(struct module *m, const struct journal_log *log,
                          const struct journal_entry *en, struct err *e)
{
    bool is = strcmp(divert_state(m, en->name, NULL), "-") != 0;
    size_t n = strcspn(en->was, " ");
    const char *holder = arena_strndup(m->arena, en->was, n);
    struct argv gone = argv_of(m->arena, "dpkg-divert", "--no-rename", "--remove", en->name, NULL);
    struct argv back = argv_of(m->arena, "dpkg-divert", "--no-rename", NULL);
    (void)log;
    if (journal_thing(m, "divert", en->name, NULL, e) < 0 ||
        (is && journal_must(m, gone, NULL, e) < 0))
        return ERR_FAILED;
    if (!en->was[n])
        return 0;
    if (strcmp(holder, "LOCAL") == 0)
        argv_add(&back, "--local");
    else
        argv_option(&back, "--package", holder);
    argv_option(&back, "--divert", en->was + n + 1);
    argv_option(&back, "--add", en->name);
    return journal_must(m, back, NULL, e);
}

// --- answers to packages' questions: "PACKAGE QUESTION"
// ------------------------------------------------------------------------------------------

// Has debconf do commands, a line each; what it answers to them, each line a code and more.
static int debconf(struct module *m, const char *name, const char *commands, struct output *o,
                   struct err *e)
{
    const char *package = arena_strndup(m->arena, name, strcspn(name, " "));
    struct argv v = argv_of(m->arena, "debconf-communicate", "-fnoninteractive", package, NULL);
    const char *input = arena_printf(m->arena, "CAPB escape\n%s", commands);
    return journal_run(m, v, input, o, e);
}

static const char *question_of(const char *name)
{
    const char *space = strchr(name, ' ');
    return space ? space + 1 : name;
}

// A digest of the answer and whether it counts as asked, "-" without one. Kept: both.
static const char *debconf_state(struct module *m, const char *name, struct buf *keep)
{
    struct output o;
    const char *q = question_of(name), *value, *seen;
    const char *commands =
        arena_printf(m->arena, "GET %s\nFGET %s seen\nMETAGET %s type\n", q, q, q);
    if (debconf(m, name, commands, &o, NULL) < 0)
        return "-";
    char *c = arena_strdup(m->arena, o.out);
    (void)!text_line(&c); // of CAPB
    value = text_line(&c);
    seen = text_line(&c);
    if (!value || !seen || (*value != '0' && *value != '1') || *seen != '0') // 1: it is escaped
        return "-";
    const char *type = text_line(&c);
    size_t at = type ? strcspn(type, " ") : 0;
    type = type && type[at] ? type + at + 1 : "string";
    value += strcspn(value, " ");
    seen = text_after(seen, "0 ") ? text_after(seen, "0 ") : "false";
    if (keep)
        buf_addf(keep, "%s %s%s\nSET %s%s\nFSET %s seen %s\n", name, type, value, q, value, q,
                 seen);
    return arena_printf(m->arena, "%s %s", journal_digest(m->arena, value), seen);
}

static void debconf_check(struct module *m, const struct journal_log *log,
                          const struct journal_entry *en, struct list *conflicts)
{
    const char *now = debconf_state(m, en->name, NULL);
    // a package that came later in the run takes its questions along
    for (const struct journal_entry *x = en + 1; x < log->entries + log->n; x++)
        if (strcmp(x->kind, "apt") == 0)
            return;
    if (en->after && strcmp(now, en->after) != 0 && strcmp(now, en->was) != 0)
        list_add(conflicts, value_strf(m->arena, "the answer to %s was changed since", en->name));
}

static int debconf_restore(struct module *m, const struct journal_log *log,
                           const struct journal_entry *en, struct err *e)
{
    struct output o;
    bool none = strcmp(en->was, "-") == 0;
    char *kept = arena_strndup(m->arena, en->raw, en->raw_len);
    const char *answer = none ? NULL : text_line(&kept); // "PACKAGE QUESTION TYPE VALUE"
    const char *commands =
        none ? arena_printf(m->arena, "UNREGISTER %s\n", question_of(en->name)) : kept;
    (void)log;
    if (journal_thing(m, "debconf", en->name, NULL, e) < 0)
        return ERR_FAILED;
    // the question itself may be gone
    if (answer && strcmp(debconf_state(m, en->name, NULL), "-") == 0 &&
        journal_must(m, argv_of(m->arena, "debconf-set-selections", NULL),
                     arena_printf(m->arena, "%s\n", answer), e) < 0)
        return ERR_FAILED;
    if (!commands || debconf(m, en->name, commands, &o, e) < 0)
        return ERR_FAILED;
    if (strcmp(debconf_state(m, en->name, NULL), en->was) == 0)
        return 0;
    return err_set(e, ERR_FAILED, POS_NONE, "debconf did not take the answer back: %s",
                   *o.err ? o.err : o.out);
}

static const struct journal_kind kinds[] = {
    {"debconf", debconf_state, NULL, debconf_check, debconf_restore, "put back the answer to", NULL,
     false},
    {"divert", divert_state, NULL, NULL, divert_restore, "put back the diversion of", NULL, false},
    {"firewalld", firewalld_state, NULL, NULL, firewalld_restore, "put back firewalld's setting",
     NULL, false},
    {"iptables", iptables_state, NULL, iptables_check, iptables_restore, "put back the rules of",
     NULL, false},
    {"kmod", kmod_state, NULL, NULL, kmod_restore, "put back the kernel's module", NULL, false},
    {"locales", locales_state, NULL, NULL, locales_restore, "generate the locales there were", NULL,
     false},
    {"ufw", ufw_state, NULL, NULL, ufw_restore, "put back the firewall", NULL, false},
};

const struct journal_kinds journal_kinds_tools = {kinds, sizeof kinds / sizeof *kinds};
