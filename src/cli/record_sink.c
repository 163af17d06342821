// What the recorder makes of the results of tasks: an event per thing that changed, one per
// failure.
#include "cli/record_parts.h"

#include "core/buf.h"
#include "rollout/drift.h"

#include <string.h>

#define LINE_MAX_BYTES 300
#define MSG_MAX 2000
#define LOST_MAX 50     // tasks that an event names
#define AFTER_MAX 30000 // bytes of states in one event
#define AFTER_STATE 120 // of one, about

static void set_line(struct recorder *r, struct dict *d, const char *key, const char *s)
{
    const char *text = record_line(r, s, LINE_MAX_BYTES);
    if (text && *text)
        dict_set(d, key, value_cstr(text));
}

static void set_item(struct recorder *r, struct dict *d, const struct value *item)
{
    struct buf b = BUF_INIT;
    if (!item)
        return;
    value_print(&b, item);
    set_line(r, d, "item", buf_str(&b));
    buf_release(&b);
}

// The host a task ran on. What delegate_to could not be told for is shown as a template, and no
// host.
static const char *where(const struct result_event *ev)
{
    return ev->delegated && !strstr(ev->delegated, "{{") ? ev->delegated : ev->host;
}

// What an event says of the task; of one with no_log the module alone.
static struct dict *task_body(struct recorder *r, const struct result_event *ev)
{
    struct dict *d = value_dict(r->pending).u.dict;
    const struct task *t = ev->task;
    dict_set(d, "module", value_str(r->pending, subject_module(t)));
    if (t->n.pos.line)
        dict_set(d, "at", value_strf(r->pending, "%s:%u", src_name(t->n.pos.file), t->n.pos.line));
    if (ev->no_log) {
        dict_set(d, "hidden", value_cstr("no_log"));
        return d;
    }
    set_line(r, d, "task", ev->task_name);
    set_item(r, d, ev->item);
    if (strcmp(where(ev), ev->host) != 0)
        dict_set(d, "for", value_str(r->pending, ev->host));
    return d;
}

// --- what a task left, for drift: states of paths and services, as the helper's journal tells them

// A state as it may stand in the ledger: of content that came out of a vault a keyed digest, as its
// own could be guessed from.
static struct value state_of(struct recorder *r, const struct result_event *ev, const char *name,
                             const struct value *state)
{
    struct value v = value_copy(r->pending, state);
    bool content = *name == '/' && v.type == VALUE_LIST && v.u.list->len &&
                   v.u.list->items[0].type == VALUE_STRING;
    if (ev->secret && content && strchr("fF", *v.u.list->items[0].u.str.s)) {
        const char *keyed =
            drift_keyed(r->ledger, where(ev), name, v.u.list->items[0].u.str.s, true, r->pending);
        v.u.list->items[0] = value_cstr(keyed ? keyed : "?");
    }
    return v;
}

// Adds what the task left to an event's body: all of it to its first event, of the others their own
// path.
static void set_after(struct recorder *r, struct dict *d, const struct result_event *ev,
                      const char *path, bool all)
{
    const struct value *after = dict_get(ev->result, "_andon_after");
    struct value kept = value_dict(r->pending);
    struct dict_entry *it;
    size_t bytes = 0;
    if (!after || after->type != VALUE_DICT)
        return;
    const struct value *state = path ? dict_get(after->u.dict, path) : NULL;
    if (state && strcmp(record_name(r, path), path) == 0)
        dict_set(kept.u.dict, path, state_of(r, ev, path, state));
    if (all)
        DICT_EACH(after->u.dict, it)
        {
            const char *name = it->key.type == VALUE_STRING ? it->key.u.str.s : "";
            if (*name != '/' && strncmp(name, "service:", 8) != 0 && strncmp(name, "apt:", 4) != 0)
                continue;
            bytes += strlen(name) +
                     (it->val.type == VALUE_STRING ? it->val.u.str.len : (size_t)AFTER_STATE);
            if (bytes > AFTER_MAX || strcmp(record_name(r, name), name) != 0)
                continue;
            dict_set(kept.u.dict, name, state_of(r, ev, name, &it->val));
        }
    if (kept.u.dict->len)
        dict_set(d, "after", kept);
}

// --- changes
// ------------------------------------------------------------------------------------------

// What of the run the undo could not take back.
static void set_lost(struct recorder *r, struct dict *d, const struct result_event *ev)
{
    const struct value *lost = dict_get(ev->result, "lost");
    struct value l = value_list(r->pending);
    for (size_t i = 0; lost && lost->type == VALUE_LIST && i < lost->u.list->len && i < LOST_MAX;
         i++)
        list_add(l.u.list,
                 value_cstr(record_line(r, value_to_cstr(r->pending, &lost->u.list->items[i]),
                                        LINE_MAX_BYTES)));
    if (l.u.list->len)
        dict_set(d, "lost", l);
}

static void add_change(struct recorder *r, const struct result_event *ev, const struct subject *s,
                       const char *diff, bool first)
{
    struct dict *d = task_body(r, ev);
    struct ledger_event *e = record_event(r, "change", where(ev));
    const struct value *undo = dict_get(ev->result, "_andon_undo");
    bool undone = dict_bool(ev->result, "_andon_undone", false);
    e->body = d;
    if (undo && undo->type == VALUE_STRING)
        dict_set(d, "undo", value_str(r->pending, undo->u.str.s));
    if (undone)
        dict_set(d, "undone", value_bool(true));
    if (ev->no_log)
        return;
    if (undone && first)
        set_lost(r, d, ev);
    dict_set(d, "kind", value_str(r->pending, s->what));
    if (s->kind == SUBJECT_FILE || s->kind == SUBJECT_TREE)
        e->path = record_name(r, s->name);
    else if (s->kind == SUBJECT_PACKAGE)
        e->package = record_name(r, s->name);
    else if (s->name)
        dict_set(d, "name", value_cstr(record_name(r, s->name)));
    if (s->kind == SUBJECT_TREE)
        dict_set(d, "tree", value_bool(true));
    set_line(r, d, "detail", s->detail);
    if (ev->secret)
        dict_set(d, "hidden", value_cstr("vault"));
    if (diff)
        dict_set(d, "diff", value_cstr(diff));
    set_after(r, d, ev, e->path, first);
}

// Of a folder the files that changed, where the module tells them. false: it does not.
static bool add_files(struct recorder *r, const struct result_event *ev, const struct subject *s)
{
    const char *last = NULL;
    size_t n = 0;
    for (size_t i = 0; ev->changes && i < ev->changes->len; i++) {
        const struct value *v = &ev->changes->items[i];
        const char *path = v->type == VALUE_DICT ? dict_str(v->u.dict, "path", NULL) : NULL;
        if (!path || (last && strcmp(path, last) == 0))
            continue;
        last = path;
        n++;
    }
    if (n < 2)
        return false;
    last = NULL;
    bool first = true;
    for (size_t i = 0; i < ev->changes->len; i++) {
        const struct value *v = &ev->changes->items[i];
        const char *path = v->type == VALUE_DICT ? dict_str(v->u.dict, "path", NULL) : NULL;
        if (!path || (last && strcmp(path, last) == 0))
            continue;
        struct subject one = *s;
        one.name = last = path;
        add_change(r, ev, &one, record_diff(r, ev, path), first);
        first = false;
    }
    return true;
}

static void changed(struct recorder *r, const struct result_event *ev)
{
    size_t n;
    struct arena *a = arena_new();
    const struct subject *all = subjects_of(ev, a, &n);
    if (n == 1 && all[0].kind == SUBJECT_FILE && !ev->no_log && add_files(r, ev, &all[0]))
        n = 0;
    const char *diff = n && !ev->no_log ? record_diff(r, ev, NULL) : NULL;
    for (size_t i = 0; i < n; i++) {
        add_change(r, ev, &all[i], diff, i == 0);
        if (ev->no_log)
            break; // that something changed is all there is to say
    }
    arena_free(a);
}

// --- failures
// ------------------------------------------------------------------------------------------

static void failed(struct recorder *r, const struct result_event *ev)
{
    struct dict *d = task_body(r, ev);
    struct ledger_event *e = record_event(r, "task.failed", where(ev));
    const struct value *rc = dict_get(ev->result, "rc");
    e->outcome = ev->status == STATUS_UNREACHABLE ? "unreachable" : "failed";
    e->body = d;
    if (ev->ignored)
        dict_set(d, "ignored", value_bool(true));
    if (dict_bool(ev->result, "changed", false))
        dict_set(d, "changed", value_bool(true));
    if (ev->no_log)
        return;
    const struct value *msg = dict_get(ev->result, "msg");
    if (msg)
        dict_set(d, "msg", value_cstr(record_text(r, value_to_cstr(r->pending, msg), MSG_MAX)));
    if (rc && rc->type == VALUE_INT)
        dict_set(d, "rc", *rc);
}

static void take(struct recorder *r, const struct result_event *ev)
{
    if (!r->ledger || !r->begun || ev->check)
        return;
    if (ev->status == STATUS_FAILED || ev->status == STATUS_UNREACHABLE)
        failed(r, ev);
    if (ev->status == STATUS_FAILED && dict_bool(ev->result, "_andon_undone", false))
        changed(r, ev); // an undo that failed with one thing has put others back
    else if (ev->status == STATUS_CHANGED && !ev->include)
        changed(r, ev);
    record_tick(r);
}

// --- the sink
// ------------------------------------------------------------------------------------------

static void item(void *data, const struct result_event *ev)
{
    take(data, ev);
}

static void result(void *data, const struct result_event *ev)
{
    struct recorder *r = data;
    if (!ev->loop) // its items were told before
        take(r, ev);
    const struct value *had = dict_get(r->seconds, ev->host);
    dict_set(r->seconds, ev->host, value_float((had ? had->u.f : 0) + ev->seconds));
}

static void tick(void *data)
{
    record_tick(data);
}

struct run_sink record_sink(struct recorder *r)
{
    return (struct run_sink){.data = r, .item = item, .result = result, .tick = tick};
}
