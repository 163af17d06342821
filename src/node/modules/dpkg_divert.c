// dpkg_divert: where dpkg puts a package's version of a file that is kept for somebody else.
#include "node/command.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/modules/dpkg.h"
#include "node/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// What dpkg knows of one path; holder and target are NULL without a diversion.
struct diversion {
    const char *holder, *target;
};

struct divert {
    struct module *m;
    struct arena *a;
    const char *tool, *path;
    bool rename, can_say_no; // knows --no-rename
    struct diversion before, wanted;
    struct value commands, messages;
};

static bool same_text(const char *x, const char *y)
{
    return x && y ? strcmp(x, y) == 0 : x == y;
}

static bool same(const struct diversion *x, const struct diversion *y)
{
    return same_text(x->holder, y->holder) && same_text(x->target, y->target);
}

static struct value text_or_null(const char *s)
{
    return s ? value_cstr(s) : value_null();
}

static struct value show(const struct divert *t, const struct diversion *d)
{
    struct value v = value_dict(t->a);
    dict_set(v.u.dict, "divert", text_or_null(d->target));
    dict_set(v.u.dict, "holder", text_or_null(d->holder));
    dict_set(v.u.dict, "path", value_cstr(t->path));
    dict_set(v.u.dict, "state", value_cstr(d->target ? "present" : "absent"));
    return v;
}

static const char *line(struct divert *t, const struct output *o)
{
    char *s = arena_strdup(t->a, o->out);
    text_rstrip(s);
    return s;
}

static int query(struct divert *t, struct diversion *ret)
{
    struct argv argv = argv_of(t->a, t->tool, "--listpackage", t->path, NULL);
    struct output o;
    *ret = (struct diversion){0};
    if (command_must(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    if (!*o.out)
        return 0;
    ret->holder = line(t, &o);
    argv = argv_of(t->a, t->tool, "--truename", t->path, NULL);
    if (command_must(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    ret->target = line(t, &o);
    return 0;
}

static int check_version(struct divert *t)
{
    struct argv argv = argv_of(t->a, t->tool, "--version", NULL);
    struct output o;
    if (command_must(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    const char *version = o.out + strcspn(o.out, "0123456789");
    version = arena_strndup(t->a, version, strspn(version, "0123456789."));
    t->can_say_no = dpkg_version_compare(version, "1.19.1") >= 0;
    return dpkg_version_compare(version, "1.15.0") >= 0
               ? 0
               : module_fail(t->m, "Unsupported dpkg version (<1.15.0).");
}

// The command that adds the wanted diversion, or removes what is there. test: it only pretends.
static struct argv command(struct divert *t, bool rename, bool test)
{
    const char *holder = t->wanted.holder, *target = module_str(t->m, "divert");
    struct argv argv = argv_of(t->a, t->tool, NULL);
    if (test)
        argv_add(&argv, "--test");
    if (rename || t->can_say_no)
        argv_add(&argv, rename ? "--rename" : "--no-rename");
    if (!t->wanted.target) {
        argv_option(&argv, "--remove", t->path);
        return argv;
    }
    if (strcmp(holder, "LOCAL") == 0)
        argv_add(&argv, "--local");
    else
        argv_option(&argv, "--package", holder);
    if (target && *target)
        argv_option(&argv, "--divert", target);
    argv_option(&argv, "--add", t->path);
    return argv;
}

static int fail(struct divert *t, const struct argv *argv, const struct output *o, const char *msg)
{
    struct module *m = t->m;
    module_changed(m, false);
    module_set_str(m, "cmd", argv_text(argv));
    module_set(m, "rc", value_int(o->rc));
    module_set_str(m, "stdout", o->out);
    module_set_str(m, "stderr", o->err);
    module_set(m, "diversion", show(t, &t->before));
    return module_fail(m, "%s", msg);
}

static void say(struct divert *t, const struct argv *argv, const char *message)
{
    list_add(t->commands.u.list, value_cstr(argv_text(argv)));
    list_add(t->messages.u.list, value_cstr(message));
}

// dpkg-divert refused to add or remove: a file is in the way of the renaming. With force it goes.
static int clear_the_way(struct divert *t, const struct argv *shown, const struct argv *argv,
                         struct output *o)
{
    struct module *m = t->m;
    bool adding = t->wanted.target != NULL;
    const char *other = adding ? t->wanted.target : t->before.target;
    const char *victim = adding ? t->wanted.target : t->path;
    if (!t->rename || !text_exists(t->path) || !other || !text_exists(other))
        return fail(t, shown, o, "Unexpected error while changing state of the diversion.");
    if (!module_bool(m, "force"))
        return fail(t, shown, o, "Set 'force' param to True to force renaming of files.");
    if (m->check)
        return 0;
    if (unlink(victim) != 0)
        return fail(t, shown, o,
                    arena_printf(t->a, "Failed to remove %s: [Errno %d] %s: b'%s'", victim, errno,
                                 strerror(errno), victim));
    return command_must(m, argv, NULL, o);
}

// Another holder or target: dpkg-divert changes neither, so the old diversion goes first.
static int exchange(struct divert *t, struct argv shown)
{
    struct module *m = t->m;
    struct argv remove = argv_of(t->a, t->tool, NULL), really;
    struct output o;
    if (t->can_say_no)
        argv_add(&remove, "--no-rename");
    argv_option(&remove, "--remove", t->path);
    really = remove;
    if (m->check) {
        really = argv_of(t->a, t->tool, "--test", NULL);
        if (t->can_say_no)
            argv_add(&really, "--no-rename");
        argv_option(&really, "--remove", t->path);
    }
    if (command_must(m, &really, NULL, &o) != 0)
        return ERR_FAILED;
    say(t, &remove, line(t, &o));
    if (t->rename)
        shown = command(t, false, false);
    if (m->check) {
        say(t, &shown, "Running in check mode");
        return 0;
    }
    if (command_must(m, &shown, NULL, &o) != 0)
        return ERR_FAILED;
    say(t, &shown, line(t, &o));
    // the diverted file follows where it can, so that it is not left without an owner
    const char *old = t->before.target, *new = t->wanted.target;
    if (strcmp(old, new) != 0 && text_exists(old) && !text_exists(new) && rename(old, new) != 0)
        module_warn(m, "cannot rename %s to %s: %s", old, new, strerror(errno));
    return 0;
}

// The diversion, and the files that are renamed with it.
static int keep(struct divert *t)
{
    const char *const paths[] = {t->path, t->before.target, t->wanted.target};
    if (journal_thing(t->m, "divert", t->path, NULL, NULL) < 0)
        return ERR_FAILED;
    for (size_t i = 0; i < 3; i++)
        if (paths[i] && journal_path(t->m, paths[i], NULL) < 0)
            return ERR_FAILED;
    return 0;
}

static int change(struct divert *t)
{
    struct argv shown = command(t, t->rename, false);
    bool test = t->m->check || same(&t->before, &t->wanted);
    struct argv argv = command(t, t->rename, test);
    struct output o;
    if ((!test && keep(t) < 0) || command_run(t->m, &argv, NULL, &o) != 0)
        return ERR_FAILED;
    bool had = t->before.target != NULL, want = t->wanted.target != NULL;
    if (o.rc != 0 && had == want)
        return exchange(t, shown);
    if (o.rc != 0 && clear_the_way(t, &shown, &argv, &o) != 0)
        return ERR_FAILED;
    say(t, &shown, line(t, &o));
    return 0;
}

int mod_dpkg_divert(struct module *m)
{
    const char *holder = module_str(m, "holder"), *target = module_str(m, "divert");
    struct divert t = {.m = m,
                       .a = m->arena,
                       .path = module_str(m, "path"),
                       .rename = module_bool(m, "rename"),
                       .commands = value_list(m->arena),
                       .messages = value_list(m->arena)};
    struct diversion after;
    t.tool = proc_which(m->arena, "dpkg-divert");
    if (!t.tool)
        return proc_fail_missing(m, "dpkg-divert");
    if (strcmp(module_str(m, "state"), "present") == 0) {
        t.wanted.holder = holder && *holder ? holder : "LOCAL";
        t.wanted.target = target && *target ? target : arena_printf(m->arena, "%s.distrib", t.path);
    }
    if (check_version(&t) != 0 || query(&t, &t.before) != 0 || change(&t) != 0)
        return ERR_FAILED;
    after = t.wanted;
    if (!m->check && query(&t, &after) != 0)
        return ERR_FAILED;
    struct value diff = value_dict(m->arena);
    if (module_wants_diff(m)) {
        dict_set(diff.u.dict, "before", show(&t, &t.before));
        dict_set(diff.u.dict, "after", show(&t, &after));
        module_record(m, diff);
    }
    if (!same(&after, &t.wanted))
        return module_fail(m, "Unexpected error: see stdout and stderr for details.");
    module_changed(m, !same(&after, &t.before));
    module_set(m, "diversion", show(&t, &after));
    module_set(m, "commands", t.commands);
    module_set(m, "messages", t.messages);
    module_set(m, "diff", m->diff ? diff : value_dict(m->arena));
    return 0;
}
