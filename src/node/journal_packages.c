// Packages of pip and of rpm's kin for the journal: the versions there were, and going back to
// them. journal_apt.c does dpkg's.
#include "node/hold.h"
#include "node/journal_kinds.h"
#include "node/modules/pip_version.h"
#include "node/text.h"

#include <dirent.h>
#include <string.h>

#define DEBIAN_PACKAGES "/usr/lib/python3/dist-packages" // pip leaves alone what is there

// What of a task's packages has to come back and what to go, as the tool names them.
struct todo {
    struct list *install, *remove;
};

static const char *tell(struct module *m, const char *what, const struct todo *t)
{
    const char *back = t->install->len ? text_join(m->arena, t->install, " ") : NULL;
    const char *gone = t->remove->len ? text_join(m->arena, t->remove, " ") : NULL;
    return arena_printf(m->arena, "%s: %s%s%s%s%s", what, back ? "install " : "", back ? back : "",
                        back && gone ? ", " : "", gone ? "remove " : "",
                        gone   ? gone
                        : back ? ""
                               : "nothing");
}

static struct dict *lines_of(struct arena *a, const char *text, const char *ends)
{
    return keyed_lines(a, text, strlen(text), ends);
}

// --- pip: name is the command, "/srv/env/bin/pip3" or "/usr/bin/python3 -m pip.__main__"
// ------------------------------------------------------------------------------------------

#define PIP_ENDS "="

static int pip(struct module *m, const char *name, struct argv more, struct output *o,
               struct err *e)
{
    static const char *const settings[] = {"PIP_BREAK_SYSTEM_PACKAGES", "PIP_NO_INPUT",
                                           "PIP_DISABLE_PIP_VERSION_CHECK"};
    struct value env = value_dict(m->arena);
    struct argv v = argv_of(m->arena, NULL);
    for (char *c = arena_strdup(m->arena, name), *word; (word = text_field(&c));)
        argv_add(&v, word);
    for (size_t i = 0; i < more.n; i++)
        argv_add(&v, more.v[i]);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        dict_set(env.u.dict, settings[i], value_cstr("1"));
    struct proc_opts opts = {.clean_lang = true, .cwd = "/", .env = env.u.dict};
    struct proc p = {0};
    int rc = proc_run(m, v.v, &opts, &p, e);
    *o = (struct output){.rc = rc < 0 ? -1 : p.rc, .out = "", .err = ""};
    if (rc == 0) {
        o->out = arena_strdup(m->arena, buf_str(&p.out));
        o->err = text_strip(arena_strdup(m->arena, buf_str(&p.err)));
    }
    proc_release(&p);
    return rc;
}

// "NAME==VERSION" lines.
static const char *pip_list(struct module *m, const char *name)
{
    struct output o;
    struct argv v = argv_of(m->arena, "list", "--format=freeze", NULL);
    return pip(m, name, v, &o, NULL) == 0 && o.rc == 0 ? o.out : "";
}

static const char *pip_state(struct module *m, const char *name, struct buf *keep)
{
    if (keep)
        buf_adds(keep, pip_list(m, name));
    return "";
}

static const char *pip_after(struct module *m, const char *name, const char *kept)
{
    return keyed_changes(m->arena, lines_of(m->arena, kept, PIP_ENDS),
                         lines_of(m->arena, pip_list(m, name), PIP_ENDS));
}

static struct todo pip_todo(struct module *m, const struct journal_entry *en)
{
    struct arena *a = m->arena;
    struct dict *before = keyed_lines(a, en->raw, en->raw_len, PIP_ENDS);
    struct dict *now = lines_of(a, pip_list(m, en->name), PIP_ENDS);
    struct dict *changed = keyed_changed(a, en, before, now);
    struct todo t = {value_list(a).u.list, value_list(a).u.list};
    struct dict_entry *it;
    DICT_EACH(changed, it)
    {
        const char *key = it->key.u.str.s, *was = dict_str(before, key, NULL),
                   *is = dict_str(now, key, NULL);
        if (is && (!was || strcmp(was, is) != 0))
            list_add(t.remove, value_str(a, key));
        if (was && (!is || strcmp(was, is) != 0))
            list_add(t.install, value_strn(a, was, strcspn(was, "\n")));
    }
    return t;
}

// Whether Debian has put "NAME==VERSION" there: it comes to light again where pip's goes.
static bool debian_has(struct arena *a, const char *spec)
{
    size_t n = strcspn(spec, "=");
    const char *want = pip_canonical_name(a, arena_strndup(a, spec, n));
    const char *version = spec[n] ? spec + n + 2 : "";
    DIR *d = opendir(DEBIAN_PACKAGES);
    struct dirent *ent;
    bool found = false;
    while (d && !found && (ent = readdir(d))) {
        const char *dash = strchr(ent->d_name, '-');
        const char *rest = dash ? text_after(dash + 1, version) : NULL;
        found = rest && (*rest == '.' || *rest == '-') && strstr(rest, "-info") &&
                strcmp(pip_canonical_name(
                           a, arena_strndup(a, ent->d_name, (size_t)(dash - ent->d_name))),
                       want) == 0;
    }
    if (d)
        closedir(d);
    return found;
}

static struct argv pip_install(struct module *m, const struct journal_entry *en,
                               const struct list *specs)
{
    struct argv v = argv_of(m->arena, "install", "--no-deps", NULL);
    if (en->more)
        (void)!argv_line(m, &v, en->more);
    argv_add_list(&v, specs);
    return v;
}

// What has to come back is asked for first: an index may not have that version any more.
static void pip_check(struct module *m, const struct journal_log *log,
                      const struct journal_entry *en, struct list *conflicts)
{
    struct output o;
    struct list *specs = value_list(m->arena).u.list;
    keyed_check(m->arena, log, en, lines_of(m->arena, pip_list(m, en->name), PIP_ENDS), PIP_ENDS,
                conflicts);
    struct todo t = pip_todo(m, en);
    for (size_t i = 0; i < t.install->len; i++)
        if (!debian_has(m->arena, t.install->items[i].u.str.s))
            list_add(specs, t.install->items[i]);
    if (!specs->len)
        return;
    struct argv v = pip_install(m, en, specs);
    argv_add(&v, "--dry-run");
    if (pip(m, en->name, v, &o, NULL) < 0 || o.rc != 0)
        list_add(conflicts, value_strf(m->arena, "pip install %s would fail: %s",
                                       text_join(m->arena, specs, " "), o.err));
}

static const char *pip_tell(struct module *m, const struct journal_log *log,
                            const struct journal_entry *en)
{
    struct todo t = pip_todo(m, en);
    (void)log;
    return tell(m, en->name, &t);
}

static int pip_act(struct module *m, const struct journal_entry *en, struct argv v, struct err *e)
{
    struct output o;
    if (pip(m, en->name, v, &o, e) < 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0 : err_set(e, ERR_FAILED, POS_NONE, "pip %s failed: %s", v.v[0], o.err);
}

static int pip_restore(struct module *m, const struct journal_log *log,
                       const struct journal_entry *en, struct err *e)
{
    struct todo t = pip_todo(m, en);
    struct argv gone = argv_of(m->arena, "uninstall", "-y", NULL);
    (void)log;
    if (journal_thing(m, "pip", en->name, en->more, e) < 0)
        return ERR_FAILED;
    argv_add_list(&gone, t.remove);
    if (t.remove->len && pip_act(m, en, gone, e) < 0)
        return ERR_FAILED;
    t = pip_todo(m, en);
    return t.install->len ? pip_act(m, en, pip_install(m, en, t.install), e) : 0;
}

// --- dnf and yum
// ------------------------------------------------------------------------------------------

#define RPM_ENDS "\t"

static const char *dnf_tool(struct module *m)
{
    static const char *const names[] = {"dnf", "dnf5", "yum", "microdnf"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (proc_which(m->arena, names[i]))
            return names[i];
    return names[0];
}

// "NAME.ARCH \t NAME-EPOCH:VERSION-RELEASE.ARCH" lines; of some packages several versions are
// there.
static const char *rpm_list(struct module *m)
{
    struct output o;
    struct argv v = argv_of(m->arena, "rpm", "-qa", "--qf",
                            "%{NAME}.%{ARCH}\\t%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}."
                            "%{ARCH}\\n",
                            NULL);
    struct buf b = BUF_INIT;
    if (journal_run(m, v, NULL, &o, NULL) < 0)
        return "";
    for (char *c = arena_strdup(m->arena, o.out), *line; (line = text_line(&c));)
        if (!text_after(line, "gpg-pubkey."))
            buf_addf(&b, "%s\n", line);
    const char *text = arena_strdup(m->arena, buf_str(&b));
    buf_release(&b);
    return text;
}

static const char *dnf_state(struct module *m, const char *name, struct buf *keep)
{
    (void)name;
    if (keep)
        buf_adds(keep, rpm_list(m));
    return "";
}

static const char *dnf_after(struct module *m, const char *name, const char *kept)
{
    (void)name;
    return keyed_changes(m->arena, lines_of(m->arena, kept, RPM_ENDS),
                         lines_of(m->arena, rpm_list(m), RPM_ENDS));
}

// Adds the versions in lines that other does not have; without their epochs, which rpm does not
// take.
static void add_versions(struct arena *a, struct list *l, const char *lines, const char *other,
                         bool epochs)
{
    for (char *c = arena_strdup(a, lines ? lines : ""), *line; (line = text_line(&c));) {
        const char *tab = strchr(line, '\t');
        if (!tab || (other && strstr(other, arena_printf(a, "%s\n", tab))))
            continue;
        const char *colon = strchr(tab, ':'), *dash = colon;
        while (dash && *dash != '-')
            dash--;
        list_add(l, epochs || !colon
                        ? value_str(a, tab + 1)
                        : value_strf(a, "%.*s%s", (int)(dash - tab), tab + 1, colon + 1));
    }
}

static struct todo dnf_todo(struct module *m, const struct journal_entry *en)
{
    struct arena *a = m->arena;
    struct dict *before = keyed_lines(a, en->raw, en->raw_len, RPM_ENDS);
    struct dict *now = lines_of(a, rpm_list(m), RPM_ENDS);
    struct dict *changed = keyed_changed(a, en, before, now);
    struct todo t = {value_list(a).u.list, value_list(a).u.list};
    struct dict_entry *it;
    DICT_EACH(changed, it)
    {
        const char *was = dict_str(before, it->key.u.str.s, NULL),
                   *is = dict_str(now, it->key.u.str.s, NULL);
        size_t had = t.install->len;
        add_versions(a, t.install, was, is, true);
        if (t.install->len == had || (is && strchr(is, '\n') != strrchr(is, '\n')))
            add_versions(a, t.remove, is, was, false); // another version replaces the one there is
    }
    return t;
}

static int dnf(struct module *m, const char *answer, const char *verb, const struct list *specs,
               struct output *o, struct err *e)
{
    // what else nobody needs any more is not the run's
    struct argv v = argv_of(m->arena, dnf_tool(m), answer,
                            "--setopt=clean_requirements_on_remove=False", verb, NULL);
    argv_add_list(&v, specs);
    return journal_run(m, v, NULL, o, e);
}

static void dnf_check(struct module *m, const struct journal_log *log,
                      const struct journal_entry *en, struct list *conflicts)
{
    struct output o;
    keyed_check(m->arena, log, en, lines_of(m->arena, rpm_list(m), RPM_ENDS), RPM_ENDS, conflicts);
    struct todo t = dnf_todo(m, en);
    if (t.install->len && (dnf(m, "--assumeno", "install", t.install, &o, NULL) < 0 ||
                           (o.rc != 0 && !strstr(o.err, "Operation aborted"))))
        list_add(conflicts, value_strf(m->arena, "dnf install %s would fail: %s",
                                       text_join(m->arena, t.install, " "), o.err));
    struct argv v = argv_of(m->arena, "rpm", "-e", "--test", NULL);
    argv_add_list(&v, t.remove);
    if (t.remove->len && (journal_run(m, v, NULL, &o, NULL) < 0 || o.rc != 0))
        list_add(conflicts,
                 value_strf(m->arena, "packages that the run installed are needed: %s", o.err));
}

static const char *dnf_tell(struct module *m, const struct journal_log *log,
                            const struct journal_entry *en)
{
    struct todo t = dnf_todo(m, en);
    (void)log;
    return tell(m, "packages", &t);
}

static int dnf_act(struct module *m, const char *verb, const struct list *specs, struct err *e)
{
    struct output o;
    if (!specs->len)
        return 0;
    module_hold(m);
    int rc = dnf(m, "-y", verb, specs, &o, e);
    module_release(m);
    if (rc < 0)
        return ERR_FAILED;
    return o.rc == 0 ? 0
                     : err_set(e, ERR_FAILED, POS_NONE, "dnf %s %s failed: %s", verb,
                               text_join(m->arena, specs, " "), o.err);
}

static int dnf_restore(struct module *m, const struct journal_log *log,
                       const struct journal_entry *en, struct err *e)
{
    struct todo t = dnf_todo(m, en);
    (void)log;
    if (journal_accounts(m, e) < 0 || journal_links(m, e) < 0 ||
        journal_thing(m, "dnf", en->name, NULL, e) < 0 || dnf_act(m, "remove", t.remove, e) < 0)
        return ERR_FAILED;
    return dnf_act(m, "install", t.install, e);
}

static const struct journal_kind kinds[] = {
    {"dnf", dnf_state, dnf_after, dnf_check, dnf_restore, NULL, dnf_tell, false},
    {"pip", pip_state, pip_after, pip_check, pip_restore, NULL, pip_tell, false},
};

const struct journal_kinds journal_kinds_packages = {kinds, sizeof kinds / sizeof *kinds};
