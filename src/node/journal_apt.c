// dpkg's packages for the journal: versions, states and marks before, and going back to them.
#include "node/command.h"
#include "node/hold.h"
#include "node/journal_keyed.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>

#define STATUS "/var/lib/dpkg/status"
#define STATES "/var/lib/apt/extended_states"
#define KEY_ENDS "\t"

// Names that apt's extended states call automatically installed.
static struct dict *auto_names(struct arena *a)
{
    struct dict *d = value_dict(a).u.dict;
    const char *name = NULL, *v;
    for (char *c = text_read(a, STATES, NULL), *line; (line = text_line(&c));) {
        if ((v = text_after(line, "Package: ")))
            name = v;
        else if (name && strcmp(line, "Auto-Installed: 1") == 0)
            dict_set(d, name, value_bool(true));
    }
    return d;
}

struct stanza {
    const char *name, *arch, *version, *status;
};

static void add_stanza(struct buf *b, const struct stanza *s, const struct dict *automatic)
{
    if (s->name && s->status)
        buf_addf(b, "%s:%s\t%s\t%s\t%s\n", s->name, s->arch ? s->arch : "",
                 s->version ? s->version : "", s->status,
                 dict_get(automatic, s->name) ? "auto" : "manual");
}

// "NAME:ARCH \t VERSION \t WANT ERROR STATE \t auto" for each package dpkg knows.
static char *listing(struct arena *a)
{
    struct dict *automatic = auto_names(a);
    struct buf b = BUF_INIT;
    struct stanza s = {0};
    for (char *c = text_read(a, STATUS, NULL), *line; (line = text_line(&c));) {
        const char *v;
        if (!*line) {
            add_stanza(&b, &s, automatic);
            s = (struct stanza){0};
        } else if ((v = text_after(line, "Package: "))) {
            s.name = v;
        } else if ((v = text_after(line, "Architecture: "))) {
            s.arch = v;
        } else if ((v = text_after(line, "Version: "))) {
            s.version = v;
        } else if ((v = text_after(line, "Status: "))) {
            s.status = v;
        }
    }
    add_stanza(&b, &s, automatic);
    char *text = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return text;
}

static struct dict *lines_now(struct arena *a)
{
    const char *text = listing(a);
    return keyed_lines(a, text, strlen(text), KEY_ENDS);
}

const char *apt_state(struct module *m, const char *name, struct buf *keep)
{
    (void)name;
    if (keep)
        buf_adds(keep, listing(m->arena));
    return "";
}

const char *apt_after(struct module *m, const char *name, const char *kept)
{
    (void)name;
    return keyed_changes(m->arena, keyed_lines(m->arena, kept, strlen(kept), KEY_ENDS),
                         lines_now(m->arena));
}

// --- going back ----------------------------------------------------------------------------------

struct package {
    const char *name, *version;
    bool installed, there, automatic, held;
};

static struct package parse(struct arena *a, const char *line)
{
    struct package p = {0};
    char *c = arena_strdup(a, line ? line : ""), *f[4];
    int n = 0;
    for (char *s; n < 4 && (s = text_piece(&c, '\t'));)
        f[n++] = s;
    if (n < 4)
        return p;
    size_t len = strlen(f[0]);
    // apt-get knows packages for all architectures without one
    p.name = text_ends(f[0], ":all") ? arena_strndup(a, f[0], len - 4) : f[0];
    p.version = f[1];
    p.there = !text_ends(f[2], " not-installed");
    p.installed = text_ends(f[2], " installed");
    p.held = text_after(f[2], "hold ") != NULL;
    p.automatic = text_after(f[3], "auto") != NULL;
    return p;
}

// What apt is to do.
struct todo {
    struct list *install, *purge, *remove, *automatic, *manual, *hold, *unhold;
};

// What of the run's package tasks has to be taken back: for each package the state before the first
// task that changed it.
static struct todo plan(struct arena *a, const struct journal_log *log,
                        const struct journal_entry *en)
{
    struct dict *now = lines_now(a), *was = value_dict(a).u.dict;
    struct dict_entry *it;
    for (size_t i = 0; i < log->n; i++) {
        const struct journal_entry *one = &log->entries[i];
        if (strcmp(one->kind, en->kind) != 0)
            continue;
        struct dict *before = keyed_lines(a, one->raw, one->raw_len, KEY_ENDS);
        struct dict *changed = keyed_changed(a, one, before, now);
        DICT_EACH(changed, it)
        if (!dict_get(was, it->key.u.str.s))
            dict_set(was, it->key.u.str.s, value_cstr(dict_str(before, it->key.u.str.s, "")));
    }
    struct todo t = {value_list(a).u.list, value_list(a).u.list, value_list(a).u.list,
                     value_list(a).u.list, value_list(a).u.list, value_list(a).u.list,
                     value_list(a).u.list};
    DICT_EACH(was, it)
    {
        struct package old = parse(a, it->val.u.str.s),
                       cur = parse(a, dict_str(now, it->key.u.str.s, NULL));
        const char *name = cur.name ? cur.name : old.name;
        if (!name)
            continue;
        struct value v = value_cstr(name);
        if (old.installed && (!cur.installed || strcmp(old.version, cur.version) != 0))
            list_add(t.install, value_strf(a, "%s=%s", name, old.version));
        else if (!old.installed && old.there && cur.installed)
            list_add(t.remove, v);
        else if (!old.there && cur.there)
            list_add(t.purge, v);
        if (old.installed && old.automatic != (cur.installed && cur.automatic))
            list_add(old.automatic ? t.automatic : t.manual, v);
        if (old.installed && old.held != cur.held)
            list_add(old.held ? t.hold : t.unhold, v);
    }
    return t;
}

static void add_names(struct buf *b, struct arena *a, const char *what, const struct list *l)
{
    if (l->len)
        buf_addf(b, "%s%s %s", b->len ? ", " : "", what, text_join(a, l, " "));
}

const char *apt_tell(struct module *m, const struct journal_log *log,
                     const struct journal_entry *en)
{
    struct todo t = plan(m->arena, log, en);
    struct buf b = BUF_INIT;
    add_names(&b, m->arena, "install", t.install);
    add_names(&b, m->arena, "purge", t.purge);
    add_names(&b, m->arena, "remove", t.remove);
    add_names(&b, m->arena, "mark as automatic", t.automatic);
    add_names(&b, m->arena, "mark as manual", t.manual);
    add_names(&b, m->arena, "hold", t.hold);
    add_names(&b, m->arena, "unhold", t.unhold);
    const char *text = arena_printf(m->arena, "packages: %s", b.len ? buf_str(&b) : "nothing");
    buf_release(&b);
    return text;
}

static struct argv start(struct arena *a, const char *verb, const char *more,
                         const struct list *words)
{
    struct argv v = argv_of(a, "apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=60", "-o",
                            "Dpkg::Options::=--force-confold", "--allow-downgrades",
                            "--allow-change-held-packages", NULL);
    argv_add(&v, more);
    argv_add(&v, verb);
    argv_add_list(&v, words);
    return v;
}

static int run(struct module *m, const struct argv *v, struct output *o, struct err *e)
{
    struct value env = value_dict(m->arena);
    dict_set(env.u.dict, "DEBIAN_FRONTEND", value_cstr("noninteractive"));
    struct proc_opts opts = {.env = env.u.dict, .clean_lang = true};
    struct proc p = {0};
    int rc = proc_run(m, v->v, &opts, &p, e);
    if (rc == 0)
        *o = (struct output){p.rc, arena_strdup(m->arena, buf_str(&p.out)),
                             text_strip(arena_strdup(m->arena, buf_str(&p.err))), p.out.len};
    proc_release(&p);
    return rc;
}

static bool named(const struct list *l, const char *name)
{
    for (size_t i = 0; i < l->len; i++) {
        const char *s = l->items[i].u.str.s;
        size_t n = strcspn(s, ":=");
        if (strncmp(s, name, n) == 0 && (!name[n] || name[n] == ':'))
            return true;
    }
    return false;
}

// What apt-get says it would do with words: an error, or packages that would go with them.
static void simulate(struct module *m, const struct todo *t, const char *verb,
                     const struct list *words, struct list *conflicts)
{
    struct output o;
    struct err e = ERR_INIT;
    struct argv v = start(m->arena, verb, "-s", words);
    if (!words->len)
        return;
    if (run(m, &v, &o, &e) < 0 || o.rc != 0) {
        list_add(conflicts,
                 value_strf(m->arena, "apt-get %s %s would fail: %s", verb,
                            text_join(m->arena, words, " "), e.code ? err_msg(&e) : o.err));
        err_release(&e);
        return;
    }
    for (char *c = arena_strdup(m->arena, o.out), *line; (line = text_line(&c));) {
        const char *gone = text_after(line, "Remv ");
        gone = gone ? gone : text_after(line, "Purg ");
        const char *name = gone ? arena_strndup(m->arena, gone, strcspn(gone, " ")) : NULL;
        if (name && !named(t->purge, name) && !named(t->remove, name))
            list_add(conflicts, value_strf(m->arena,
                                           "package %s, which the run did not install, would have "
                                           "to go",
                                           name));
    }
}

void apt_check(struct module *m, const struct journal_log *log, const struct journal_entry *en,
               struct list *conflicts)
{
    keyed_check(m->arena, log, en, lines_now(m->arena), KEY_ENDS, conflicts);
    struct todo t = plan(m->arena, log, en);
    simulate(m, &t, "install", t.install, conflicts);
    simulate(m, &t, "purge", t.purge, conflicts);
    simulate(m, &t, "remove", t.remove, conflicts);
}

static int act(struct module *m, const char *verb, const struct list *words, struct err *e)
{
    struct output o;
    struct argv v = start(m->arena, verb, NULL, words);
    if (!words->len)
        return 0;
    if (run(m, &v, &o, e) < 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0
                     : err_set(e, ERR_FAILED, POS_NONE, "apt-get %s %s failed: %s", verb,
                               text_join(m->arena, words, " "), o.err);
}

static int mark(struct module *m, const char *verb, const struct list *words, struct err *e)
{
    struct output o;
    struct argv v = argv_of(m->arena, "apt-mark", verb, NULL);
    argv_add_list(&v, words);
    if (!words->len)
        return 0;
    if (run(m, &v, &o, e) < 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0 : err_set(e, ERR_FAILED, POS_NONE, "apt-mark %s failed: %s", verb, o.err);
}

int apt_restore(struct module *m, const struct journal_log *log, const struct journal_entry *en,
                struct err *e)
{
    struct todo t = plan(m->arena, log, en);
    if (journal_accounts(m, e) < 0 || journal_links(m, e) < 0 ||
        journal_thing(m, "apt", en->name, NULL, e) < 0)
        return ERR_FAILED;
    module_hold(m);
    int rc = act(m, "install", t.install, e);
    if (rc == 0)
        rc = act(m, "purge", t.purge, e);
    if (rc == 0)
        rc = act(m, "remove", t.remove, e);
    if (rc == 0)
        rc = mark(m, "auto", t.automatic, e);
    if (rc == 0)
        rc = mark(m, "manual", t.manual, e);
    if (rc == 0)
        rc = mark(m, "hold", t.hold, e);
    if (rc == 0)
        rc = mark(m, "unhold", t.unhold, e);
    module_release(m);
    return rc;
}
