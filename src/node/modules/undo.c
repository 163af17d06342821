// _undo: puts back what a run has changed on this host, from its journal, last change first. Looks
// first whether everything is as the run left it, and changes nothing when it is not.
#include "node/fence.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/text.h"

#include "core/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLOSE_MS (5 * 60 * 1000) // for a package manager of the run to come to its end

struct undo {
    struct module *m;
    struct arena *a;
    struct journal_log log;
    bool force, packages; // packages: the run has changed more than paths
    struct list *conflicts, *actions, *failed;
    struct dict *paths; // all the run has touched
    bool reload;        // unit files were put back
};

static bool is_path(const struct journal_entry *en)
{
    return strcmp(en->kind, "path") == 0;
}

static void conflict(struct undo *u, const char *name, const char *what)
{
    list_add(u->conflicts, value_strf(u->a, "%s %s", name, what));
}

// --- is everything as the run left it? -----------------------------------------------------------

// A folder that the run made goes only with what the run has put there.
static void check_folder(struct undo *u, const struct journal_entry *en)
{
    DIR *d = u->packages ? NULL : opendir(en->name);
    struct dirent *ent;
    while (d && (ent = readdir(d))) {
        const char *path = path_join(u->a, en->name, ent->d_name);
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0 &&
            !dict_get(u->paths, path))
            conflict(u, path, "was not put there by the run, whose folder it is in");
    }
    if (d)
        closedir(d);
}

// data, attr: whether this entry is the last to say of them.
static void check_path(struct undo *u, const struct journal_entry *en, bool data, bool attr)
{
    struct file_look now;
    bool data_known = data && en->after, attr_known = attr && en->attr_after;
    file_look(u->m, en->name, data_known, false, &now);
    if (data_known && strcmp(now.data, en->after) != 0 && strcmp(now.data, en->was) != 0) {
        conflict(u, en->name,
                 *now.data == '-'    ? "is gone"
                 : *en->after == '-' ? "is there again"
                                     : "was changed since");
        return;
    }
    if (attr_known && strcmp(now.attr, en->attr_after) != 0 && strcmp(now.attr, en->attr) != 0)
        conflict(u, en->name,
                 *now.attr == '-' ? "is gone"
                                  : arena_printf(u->a, "is %s now, the run left it %s", now.attr,
                                                 en->attr_after));
    else if (data_known && *en->was == '-' && *now.data == 'd')
        check_folder(u, en);
}

static void check_thing(struct undo *u, const struct journal_entry *en)
{
    const struct journal_kind *k = journal_kind(en->kind);
    if (k && k->check) {
        k->check(u->m, &u->log, en, u->conflicts);
    } else if (k && k->state && en->after) {
        const char *now = k->state(u->m, en->name, NULL);
        if (strcmp(now, en->after) != 0 && strcmp(now, en->was) != 0)
            conflict(u, arena_printf(u->a, "%s %s", en->kind, en->name),
                     arena_printf(u->a, "is '%s' now, the run left it '%s'", now, en->after));
    }
}

// True when nothing was asked under that key yet.
static bool once(struct arena *a, struct dict *seen, const char *what, const char *name)
{
    const char *key = arena_printf(a, "%s %s", what, name);
    if (dict_get(seen, key))
        return false;
    dict_set(seen, key, value_bool(true));
    return true;
}

// What is still to be put back is compared with what the last task that touched it left. Of a task
// that was interrupted nothing is known, and nothing compared.
static void check(struct undo *u)
{
    struct dict *seen = value_dict(u->a).u.dict;
    for (size_t i = 0; i < u->log.n; i++) {
        const struct journal_entry *en = &u->log.entries[i];
        if (is_path(en))
            dict_set(u->paths, en->name, value_bool(true));
        else
            u->packages = true;
    }
    for (size_t i = u->log.n; i-- > 0;) {
        const struct journal_entry *en = &u->log.entries[i];
        if (en->undone)
            continue;
        if (is_path(en)) {
            bool data = !en->attrs_only && once(u->a, seen, "data", en->name);
            bool attr = once(u->a, seen, "attr", en->name);
            check_path(u, en, data, attr);
        } else if (once(u->a, seen, en->kind, en->name)) {
            check_thing(u, en);
        }
    }
}

// --- putting back --------------------------------------------------------------------------------

static const char *tell_path(struct undo *u, const struct journal_entry *en)
{
    if (en->attrs_only)
        return arena_printf(u->a, "give %s its owner and mode back: %s", en->name, en->attr);
    return arena_printf(u->a, *en->was == '-' ? "remove %s" : "put %s back", en->name);
}

static const char *tell_thing(struct undo *u, const struct journal_kind *k,
                              const struct journal_entry *en)
{
    const char *verb = k ? k->verb : en->kind;
    if (!verb)
        return k->tell(u->m, &u->log, en);
    if (*en->name)
        return arena_printf(u->a, "%s %s", verb, en->name);
    return text_ends(verb, " of")
               ? arena_printf(u->a, "%s %s", verb, host_user_name(u->m, geteuid()))
               : verb;
}

static const char *tell_entry(struct undo *u, const struct journal_entry *en)
{
    return is_path(en) ? tell_path(u, en) : tell_thing(u, journal_kind(en->kind), en);
}

// Whether there is something to do: paths that are as they were are left alone.
static bool differs(struct undo *u, const struct journal_entry *en)
{
    struct file_look now;
    const struct journal_kind *k = journal_kind(en->kind);
    if (k && k->after && en->after && !*en->after)
        return false; // the task changed nothing of it
    if (!is_path(en))
        return !k || !k->state || !en->was || !*en->was ||
               strcmp(k->state(u->m, en->name, NULL), en->was) != 0;
    file_look(u->m, en->name, !en->attrs_only, false, &now);
    return (!en->attrs_only && strcmp(now.data, en->was) != 0) || strcmp(now.attr, en->attr) != 0;
}

static void add_diff(struct undo *u, const struct journal_entry *en)
{
    struct file_look now;
    if (!u->m->diff || !is_path(en) || en->attrs_only || dict_get(en->d, "blob") ||
        dict_get(en->d, "hidden"))
        return;
    file_look(u->m, en->name, true, true, &now);
    size_t len = now.content ? (size_t)now.st.st_size : 0;
    bool text = (*en->was == 'f' || *en->was == '-') && (*now.data == 'f' || *now.data == '-') &&
                !memchr(en->raw, 0, en->raw_len) && !(now.content && memchr(now.content, 0, len));
    if (text)
        module_diff(u->m, now.content, len, en->raw, en->raw_len, en->name, en->name);
}

static void reload_units(struct undo *u)
{
    const char *const argv[] = {"systemctl", "daemon-reload", NULL};
    struct proc p = {0};
    if (u->reload && text_exists("/run/systemd/system"))
        (void)!proc_run(u->m, argv, NULL, &p, NULL);
    proc_release(&p);
    u->reload = false;
}

static int restore(struct undo *u, const struct journal_entry *en, struct err *e)
{
    const struct journal_kind *k = journal_kind(en->kind);
    if (is_path(en)) {
        u->reload |= strstr(en->name, "/systemd/") != NULL;
        return file_restore(u->m, en, u->log.dir, e);
    }
    if (!k)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE, "this helper knows no '%s'", en->kind);
    reload_units(u);
    return k->restore(u->m, &u->log, en, e);
}

// Of things that are put back together, whether this is the first.
static bool waits(const struct undo *u, size_t i)
{
    const struct journal_entry *en = &u->log.entries[i];
    const struct journal_kind *k = journal_kind(en->kind);
    for (size_t n = 0; k && k->together && n < i; n++)
        if (strcmp(u->log.entries[n].kind, en->kind) == 0 &&
            strcmp(u->log.entries[n].name, en->name) == 0)
            return true;
    return false;
}

static void put_back(struct undo *u, const struct journal_entry *en)
{
    struct err e = ERR_INIT;
    if (!differs(u, en))
        return;
    list_add(u->actions, value_cstr(tell_entry(u, en)));
    add_diff(u, en);
    journal_hide(u->m, dict_bool(en->d, "hidden", false));
    int rc = u->m->check ? 0 : restore(u, en, &e);
    journal_hide(u->m, false);
    if (rc == 0)
        return;
    list_add(u->failed, value_strf(u->a, "%s: %s", en->name, err_msg(&e)));
    err_release(&e);
}

// Services that the run restarted or reloaded run with what was put back only once they are
// again.
static void restart_services(struct undo *u)
{
    struct dict *seen = value_dict(u->a).u.dict;
    for (size_t i = 0; i < u->log.n; i++) {
        const struct journal_entry *en = &u->log.entries[i];
        struct err e = ERR_INIT;
        if (strcmp(en->kind, "service") != 0 || !en->more || !once(u->a, seen, "", en->name))
            continue;
        list_add(u->actions, value_strf(u->a, "%s service %s", en->more, en->name));
        if (!u->m->check && service_bounce(u->m, en->name, en->more, &e) < 0)
            list_add(u->failed, value_strf(u->a, "service %s: %s", en->name, err_msg(&e)));
        err_release(&e);
    }
}

// How far it came is noted behind each task, so that an interrupted undo goes on there. What
// failed, and all before it, counts as not done.
static int run_back(struct undo *u, struct err *e)
{
    bool noted = u->m->check;
    if (!noted && journal_note(&u->log, "undoing", value_cstr(dict_str(u->m->extra, "by", "")), e))
        return ERR_FAILED;
    for (size_t i = u->log.n; i-- > 0;) {
        const struct journal_entry *en = &u->log.entries[i];
        if (en->undone)
            continue;
        if (!waits(u, i))
            put_back(u, en);
        bool last = i == 0 || u->log.entries[i - 1].task != en->task;
        if (last && !noted && !u->failed->len &&
            journal_note(&u->log, "did", value_int(en->number), e) < 0)
            return ERR_FAILED;
    }
    if (!u->m->check)
        reload_units(u);
    restart_services(u);
    if (noted || u->failed->len)
        return 0;
    return journal_note(&u->log, "undone", value_bool(true), e);
}

// --- the module ----------------------------------------------------------------------------------

static void set_list(struct module *m, const char *key, struct list *l)
{
    if (l->len)
        module_set(m, key, (struct value){.type = VALUE_LIST, .u.list = l});
}

static void tell_lost(struct undo *u)
{
    struct list *l = value_list(u->a).u.list;
    for (size_t i = 0; i < u->log.lost->len; i++) {
        const struct dict *d = u->log.lost->items[i].u.dict;
        const char *task = dict_str(d, "task_name", NULL);
        for (size_t k = 0; !task && k < u->log.n; k++)
            if (u->log.entries[k].task == dict_int(d, "task", -1))
                task = u->log.entries[k].task_name;
        list_add(l, value_strf(u->a, "%s%s%s: %s", task ? task : "", task && *task ? ": " : "",
                               dict_str(d, "what", ""), dict_str(d, "why", "")));
    }
    set_list(u->m, "lost", l);
}

static int perform(struct undo *u)
{
    struct module *m = u->m;
    struct err e = ERR_INIT;
    const char *before = u->log.undoing && !u->log.undone ? u->log.by : NULL;
    check(u);
    set_list(m, "conflicts", u->conflicts);
    if (u->conflicts->len && !u->force)
        return module_fail(m, "%zu things are not as the run left them", u->conflicts->len);
    int rc = run_back(u, &e);
    if (before && *before && !m->check)
        journal_adopt(m, before);
    if (rc < 0)
        return module_fail_err(m, &e);
    module_changed(m, u->actions->len > 0);
    set_list(m, "actions", u->actions);
    set_list(m, "left", u->failed);
    if (u->failed->len)
        return module_fail(m, "%zu things could not be put back", u->failed->len);
    return 0;
}

// Whether the undo that came to no end, whose journal was read, has put it back.
static bool is_back(struct undo *u, const struct journal_entry *en)
{
    bool named = journal_seen(u->m, en->kind, en->name) ||
                 (is_path(en) && journal_seen(u->m, "attrs", en->name));
    return named && (en->undone || !differs(u, en));
}

// What an undo that came to no end has put back, and what is left of it.
static int rest(struct undo *u)
{
    journal_adopt(u->m, dict_str(u->m->extra, "by", ""));
    u->m->check = true;
    for (size_t i = u->log.n; i-- > 0;) {
        const struct journal_entry *en = &u->log.entries[i];
        if (waits(u, i))
            continue;
        if (is_back(u, en))
            list_add(u->actions, value_cstr(tell_entry(u, en)));
        else if (!en->undone && differs(u, en))
            list_add(u->failed, value_cstr(tell_entry(u, en)));
    }
    set_list(u->m, "actions", u->actions);
    set_list(u->m, "left", u->failed);
    return 0;
}

// The accounts that have a journal of the run in their homes, for root.
static void tell_users(struct module *m, const char *run)
{
    struct list *l = value_list(m->arena).u.list;
    char *c = geteuid() == 0 ? text_read(m->arena, "/etc/passwd", NULL) : NULL;
    for (char *line; (line = text_line(&c));) {
        char *f[6];
        int n = 0;
        for (char *p; n < 6 && (p = text_piece(&line, ':'));)
            f[n++] = p;
        if (n == 6 && strcmp(f[2], "0") != 0 &&
            text_exists(arena_printf(m->arena, "%s/.local/state/andon/journal/%s/log", f[5], run)))
            list_add(l, value_str(m->arena, f[0]));
    }
    set_list(m, "users", l);
}

static const char *state_of(const struct journal_log *log)
{
    if (log->undone)
        return log->lost->len ? "partly undone" : "undone";
    return log->undoing ? "half" : "kept";
}

// What there is of the run, and whose undo was interrupted.
static int look(struct module *m, const char *root, const char *run)
{
    struct journal_log log;
    struct err e = ERR_INIT;
    const char *half = journal_half(m->arena, root);
    if (half)
        module_set_str(m, "half", half);
    tell_users(m, run);
    module_set_str(m, "user", host_user_name(m, geteuid()));
    module_set(
        m, "root",
        value_bool(text_exists(arena_printf(m->arena, "/var/lib/andon/journal/%s", run)) && *run));
    module_set(m, "is_root", value_bool(geteuid() == 0));
    if (*run && journal_read(m->arena, root, run, &log, &e) == 0) {
        module_set_str(m, "state", state_of(&log));
        module_set_str(m, "by", log.by);
        module_set(m, "entries", value_int((int64_t)log.n));
    } else if (e.code && e.code != ERR_NOENT) {
        return module_fail_err(m, &e);
    }
    err_release(&e);
    return 0;
}

static int give_up(struct module *m, const char *run)
{
    struct err e = ERR_INIT, unmarked = ERR_INIT;
    int rc = fence_put_up(run, CLOSE_MS, &unmarked, &e);
    if (unmarked.code)
        module_warn(m, "should a controller of %s come back, it goes on here: %s", run,
                    err_msg(&unmarked));
    err_release(&unmarked);
    return rc < 0 ? module_fail_err(m, &e) : 0;
}

// Nothing more of the run is done here, nor of an undo of it that did not come to its end.
static int close_run(struct module *m, const char *root, const char *run)
{
    struct journal_log log;
    if (give_up(m, run) < 0)
        return ERR_FAILED;
    if (journal_read(m->arena, root, run, &log, NULL) < 0 || !log.undoing || log.undone ||
        !log.by || !*log.by || strcmp(log.by, dict_str(m->extra, "by", "")) == 0)
        return 0;
    return give_up(m, log.by);
}

int mod__undo(struct module *m)
{
    const char *root = journal_root(m->arena, dict_str(m->extra, "dir", NULL));
    const char *run = dict_str(m->extra, "run", ""), *op = dict_str(m->extra, "op", "look");
    struct undo u = {.m = m,
                     .a = m->arena,
                     .force = dict_bool(m->extra, "force", false),
                     .conflicts = value_list(m->arena).u.list,
                     .actions = value_list(m->arena).u.list,
                     .failed = value_list(m->arena).u.list,
                     .paths = value_dict(m->arena).u.dict};
    struct err e = ERR_INIT;
    module_changed(m, false);
    if (strcmp(op, "look") == 0)
        return look(m, root, run);
    if (strcmp(op, "close") == 0)
        return close_run(m, root, run);
    if (journal_read(m->arena, root, run, &u.log, &e) < 0)
        return module_fail_err(m, &e);
    tell_lost(&u);
    if (u.log.undone && !u.force) {
        module_set_str(m, "state", "undone");
        return 0;
    }
    for (size_t i = 0; u.log.undone && i < u.log.n; i++)
        u.log.entries[i].undone = false; // once more
    if (u.log.damaged)
        module_warn(m, "a part of the journal in %s cannot be read", u.log.dir);
    if (strcmp(op, "check") == 0) {
        check(&u);
        set_list(m, "conflicts", u.conflicts);
        return 0;
    }
    return strcmp(op, "rest") == 0 ? rest(&u) : perform(&u);
}
