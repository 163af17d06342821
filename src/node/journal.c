// The journal of a task: what it has named already, things that are no paths, and what the task
// left when it ended.
#include "node/journal_task.h"
#include "node/text.h"

#include <string.h>
#include <unistd.h>

#define RUN_NAME_MAX 128

struct journal *journal_new(struct module *m, const struct dict *task)
{
    const struct value *v = dict_get(task, "journal");
    if (!v || v->type != VALUE_DICT || m->check ||
        !journal_good_run(dict_str(v->u.dict, "run", ""), RUN_NAME_MAX))
        return NULL;
    const struct dict *d = v->u.dict;
    struct journal *j = arena_new_of(m->arena, struct journal);
    *j = (struct journal){.root = journal_root(m->arena, dict_str(d, "dir", NULL)),
                          .run = dict_str(d, "run", ""),
                          .name = dict_str(d, "name", ""),
                          .inverse = dict_str(d, "inverse", NULL),
                          .module = dict_str(task, "module", ""),
                          .task = dict_int(d, "task", 0),
                          .runs = dict_int(d, "runs", 20),
                          .max_bytes = dict_int(d, "max_bytes", 256 << 20),
                          .required = dict_bool(d, "required", false),
                          .quiet = dict_bool(d, "quiet", false),
                          .hidden = dict_bool(d, "hidden", false),
                          .crash = (int)dict_int(d, "crash", 0),
                          .fd = -1,
                          .seen = value_dict(m->arena).u.dict,
                          .known = value_dict(m->arena).u.dict,
                          .things = value_list(m->arena).u.list};
    return j;
}

// --- what was named already ----------------------------------------------------------------------

// Whether it is new to this task; from now on it is not.
bool journal_first(struct module *m, const char *kind, const char *name, const char *kept)
{
    struct journal *j = m->journal;
    const char *key = arena_printf(m->arena, "%s %s", kind, name);
    if (dict_get(j->seen, key))
        return false;
    dict_set(j->seen, key, value_cstr(kept ? kept : ""));
    return true;
}

bool journal_seen(const struct module *m, const char *kind, const char *name)
{
    return m->journal &&
           dict_get(m->journal->seen, arena_printf(m->arena, "%s %s", kind, name)) != NULL;
}

void journal_hide(struct module *m, bool hide)
{
    if (m->journal)
        m->journal->hides = hide;
}

void journal_watch(struct module *m, const char *kind, const char *name)
{
    struct value v = value_dict(m->arena);
    if (m->journal->hides)
        dict_set(v.u.dict, "hidden", value_bool(true));
    dict_set(v.u.dict, "kind", value_cstr(kind));
    dict_set(v.u.dict, "name", value_str(m->arena, name));
    list_add(m->journal->things, v);
}

void journal_lost(struct module *m, const char *what, const char *why)
{
    struct journal *j = m->journal;
    struct buf b = BUF_INIT;
    if (!j || !journal_first(m, "lost", what, NULL))
        return;
    j->lost = true;
    struct value v = journal_record(m, "lost");
    dict_set(v.u.dict, "what", value_str(m->arena, what));
    dict_set(v.u.dict, "why", value_str(m->arena, why));
    journal_put_record(&b, &v, NULL, 0);
    (void)!journal_write(m, &b, false, NULL);
    buf_release(&b);
}

// --- hooks: things -------------------------------------------------------------------------------

void journal_known(struct module *m, const char *kind, const char *name, const char *before,
                   const char *after)
{
    struct value v = value_list(m->arena);
    if (!m->journal)
        return;
    list_add(v.u.list, value_cstr(before));
    list_add(v.u.list, value_cstr(after));
    dict_set(m->journal->known, arena_printf(m->arena, "%s %s", kind, name), v);
}

// The state the module knows, before (0) or after (1) its work; else NULL.
static const char *known(struct module *m, const char *kind, const char *name, int when)
{
    const char *key = arena_printf(m->arena, "%s %s", kind, name);
    const struct value *v = dict_get(m->journal->known, key);
    return v ? v->u.list->items[when].u.str.s : NULL;
}

int journal_thing(struct module *m, const char *kind, const char *name, const char *more,
                  struct err *e)
{
    struct buf b = BUF_INIT, keep = BUF_INIT;
    struct err why = ERR_INIT;
    if (!m->journal || journal_seen(m, kind, name))
        return 0;
    const char *was = known(m, kind, name, 0);
    if (!was)
        was = journal_kind(kind)->state(m, name, &keep);
    struct value v = journal_record(m, "before");
    journal_first(m, kind, name, arena_strndup(m->arena, buf_str(&keep), keep.len));
    journal_watch(m, kind, name);
    dict_set(v.u.dict, "kind", value_cstr(kind));
    dict_set(v.u.dict, "name", value_str(m->arena, name));
    dict_set(v.u.dict, "was", value_cstr(was));
    if (more)
        dict_set(v.u.dict, "more", value_str(m->arena, more));
    journal_put_record(&b, &v, keep.p, keep.len);
    buf_release(&keep);
    return journal_finish(m, &b, 0, &why, e);
}

int journal_inverse(struct module *m, struct err *e)
{
    struct journal *j = m->journal;
    struct buf b = BUF_INIT;
    struct err why = ERR_INIT;
    if (!j || !j->inverse || j->took_inverse)
        return 0;
    j->took_inverse = true;
    struct value v = journal_record(m, "before");
    dict_set(v.u.dict, "kind", value_cstr("command"));
    dict_set(v.u.dict, "name", value_cstr(j->inverse));
    journal_put_record(&b, &v, NULL, 0);
    return journal_finish(m, &b, 0, &why, e);
}

// --- what an undo did before it was interrupted -------------------------------------------------

void journal_adopt(struct module *m, const char *run)
{
    struct journal *j = m->journal;
    struct journal_log log;
    if (!j || journal_read(m->arena, j->root, run, &log, NULL) < 0)
        return;
    bool own = strcmp(run, j->run) == 0;
    for (size_t i = 0; i < log.n; i++) {
        const struct journal_entry *en = &log.entries[i];
        const char *kind = en->attrs_only ? "attrs" : en->kind;
        if (en->ended ||
            !journal_first(m, kind, en->name, arena_strndup(m->arena, en->raw, en->raw_len)))
            continue;
        journal_hide(m, dict_bool(en->d, "hidden", false));
        journal_watch(m, kind, en->name);
        journal_hide(m, false);
        j->kept = true;
        if (own && journal_open(m, NULL) == 0)
            j->task = en->task; // whose end is told herewith
    }
}

// --- the end of the task -------------------------------------------------------------------------

// The state now of a thing the task has touched: one text, of a path both of its parts.
static struct value state_now(struct module *m, const char *kind, const char *name)
{
    struct file_look l;
    bool attrs = strcmp(kind, "attrs") == 0;
    if (!attrs && strcmp(kind, "path") != 0) {
        const char *left = known(m, kind, name, 1);
        if (left && !dict_bool(m->result, "failed", false))
            return value_cstr(left);
        const struct journal_kind *k = journal_kind(kind);
        const char *key = arena_printf(m->arena, "%s %s", kind, name);
        return value_cstr(k->after ? k->after(m, name, dict_str(m->journal->seen, key, ""))
                                   : k->state(m, name, NULL));
    }
    file_look(m, name, !attrs, false, &l);
    struct value v = value_list(m->arena);
    list_add(v.u.list, l.data ? value_cstr(l.data) : value_null());
    list_add(v.u.list, value_cstr(l.attr));
    return v;
}

// A state that does not tell the digest of a content, from which that could be guessed.
static struct value without_content(struct module *m, const struct value *state)
{
    struct value v = value_copy(m->arena, state);
    struct value *data = v.type == VALUE_LIST && v.u.list->len ? &v.u.list->items[0] : NULL;
    if (data && data->type == VALUE_STRING && strchr("fF", *data->u.str.s))
        *data = value_cstr("?");
    return v;
}

// What the task left, into its journal (no need to wait for the disk: without it nothing is
// compared) and the result.
static void tell_after(struct module *m, struct dict *out)
{
    struct journal *j = m->journal;
    struct value v = journal_record(m, "after"), is = value_list(m->arena),
                 shown = value_dict(m->arena);
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < j->things->len; i++) {
        const struct dict *t = j->things->items[i].u.dict;
        const char *kind = dict_str(t, "kind", ""), *name = dict_str(t, "name", "");
        struct value one = value_list(m->arena), state = state_now(m, kind, name);
        list_add(one.u.list, value_cstr(kind));
        list_add(one.u.list, value_cstr(name));
        list_add(one.u.list, state);
        list_add(is.u.list, one);
        const char *key =
            strcmp(kind, "attrs") == 0 ? name : arena_printf(m->arena, "%s:%s", kind, name);
        if (strcmp(kind, "path") == 0)
            key = name;
        if (dict_bool(t, "hidden", false))
            state = without_content(m, &state);
        dict_set(shown.u.dict, key, state);
    }
    dict_set(v.u.dict, "is", is);
    dict_set(out, "after", shown);
    journal_put_record(&b, &v, NULL, 0);
    journal_may_crash(j);
    if (j->fd >= 0)
        (void)!journal_append(j->fd, &b, false, NULL);
    buf_release(&b);
}

void journal_end(struct module *m)
{
    struct journal *j = m->journal;
    if (!j)
        return;
    struct value out = value_dict(m->arena);
    bool changed = dict_bool(m->result, "changed", false);
    bool inner = *j->module == '_' && strcmp(j->module, "_foreign") != 0;
    const char *why = changed && !inner ? spec_no_undo(m->spec, m->args) : NULL;
    if (why) {
        (void)!journal_inverse(m, NULL);
        if (!j->took_inverse && !j->quiet)
            journal_lost(m, j->module, why);
        j->lost |= !j->took_inverse;
    }
    if (j->kept)
        tell_after(m, out.u.dict);
    if (j->kept || changed)
        dict_set(out.u.dict, "undo",
                 value_cstr(j->lost           ? "no"
                            : j->took_inverse ? "inverse"
                                              : "yes"));
    if (j->trouble)
        dict_set(out.u.dict, "trouble", value_cstr(j->trouble));
    if (j->half)
        dict_set(out.u.dict, "half", value_cstr(j->half));
    if (j->fd >= 0)
        close(j->fd);
    j->fd = -1;
    if (out.u.dict->len)
        module_set(m, "_andon", out);
}
