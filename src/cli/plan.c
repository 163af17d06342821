// A plan: what a dry run would change, in which hosts that would change in the same way are one
// group, and whether each task could be undone. Everybody who is shown a dry run is shown this.
#include "cli/plan.h"

#include "cli/censor.h"
#include "cli/source.h"
#include "core/json.h"
#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

#define HOSTS_SHOWN 8 // names of a group

// Hosts on which a task would do the same.
struct group {
    enum task_status status;
    const char *item, *text; // label or NULL; differences, or why
    struct list *hosts;
};

struct plan_task {
    const struct task *task;
    const char *name, *at, *undo, *why; // why: it cannot be undone
    struct group *groups;
    size_t n, cap;
};

struct plan {
    struct session *s;
    struct arena *a; // its own
    struct plan_task *tasks;
    size_t n, cap;
    struct dict *hosts;   // all that took part -> whether anything would change
    struct output_opts o; // without colours: what is grouped is text
    bool failed, unreachable;
};

// --- collecting ----------------------------------------------------------------------------------

// Whether what a task changes could be put back: by its journal, by the inverse it declares, not.
static const char *undo_of(const struct result_event *ev, const char **ret_why)
{
    const struct task *t = ev->task;
    const struct module_spec *spec = spec_find(t->module);
    const struct value *vars = node_own(&t->n, "vars");
    const struct dict *args = ev->args                     ? ev->args
                              : t->args.type == VALUE_DICT ? t->args.u.dict
                                                           : NULL;
    const char *why = spec_no_undo(spec, args);
    if (!why)
        return "yes";
    if (vars && vars->type == VALUE_DICT && dict_get(vars->u.dict, "andon_undo"))
        return "inverse";
    if (spec && spec->flags & MODULE_CONTROLLER && !spec->no_undo)
        return NULL; // it changes nothing on hosts
    *ret_why = why;
    return "no";
}

static struct plan_task *task_of(struct plan *p, const struct result_event *ev)
{
    const struct task *t = ev->task;
    for (size_t i = p->n; i-- > 0;)
        if (p->tasks[i].task == t && strcmp(p->tasks[i].name, ev->task_name) == 0)
            return &p->tasks[i];
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->tasks = xrealloc(p->tasks, p->cap * sizeof *p->tasks);
    }
    struct plan_task *one = &p->tasks[p->n++];
    *one = (struct plan_task){
        .task = t,
        .name = arena_strdup(p->a, ev->task_name),
        .at =
            t->n.pos.line ? arena_printf(p->a, "%s:%u", source_name(t->n.pos), t->n.pos.line) : ""};
    one->undo = undo_of(ev, &one->why);
    return one;
}

// What is told of a result: its differences, or its message.
static const char *text_of(struct plan *p, const struct result_event *ev)
{
    const struct value *diff = dict_get(ev->result, "diff");
    if (ev->no_log || ev->secret)
        return "(hidden)\n";
    if (ev->status != STATUS_CHANGED)
        return arena_printf(p->a, "%s\n", dict_str(ev->result, "msg", ""));
    if (!diff)
        return "";
    char *text = diff_text(&p->o, diff);
    const char *kept = arena_strdup(p->a, text);
    free(text);
    return kept;
}

static bool same(const char *x, const char *y)
{
    return x && y ? strcmp(x, y) == 0 : x == y;
}

static void add(struct plan *p, const struct result_event *ev)
{
    struct plan_task *t = task_of(p, ev);
    const char *text = text_of(p, ev),
               *item = ev->item ? arena_strdup(p->a, value_to_cstr(p->a, ev->item)) : NULL;
    for (size_t i = 0; i < t->n; i++)
        if (t->groups[i].status == ev->status && same(t->groups[i].item, item) &&
            strcmp(t->groups[i].text, text) == 0) {
            list_add(t->groups[i].hosts, value_str(p->a, ev->host));
            return;
        }
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 4;
        t->groups = xrealloc(t->groups, t->cap * sizeof *t->groups);
    }
    struct group *g = &t->groups[t->n++];
    *g = (struct group){
        .status = ev->status, .item = item, .text = text, .hosts = value_list(p->a).u.list};
    list_add(g->hosts, value_str(p->a, ev->host));
}

static void take(struct plan *p, const struct result_event *ev)
{
    bool ignored = ev->ignored;
    if (!dict_get(p->hosts, ev->host))
        dict_set(p->hosts, ev->host, value_bool(false));
    if (ev->include || ev->status == STATUS_OK || ev->status == STATUS_SKIPPED)
        return;
    if (ev->status == STATUS_CHANGED)
        dict_set(p->hosts, ev->host, value_bool(true));
    p->failed |= ev->status == STATUS_FAILED && !ignored;
    p->unreachable |= ev->status == STATUS_UNREACHABLE && !ignored;
    add(p, ev);
}

static void on_item(void *data, const struct result_event *ev)
{
    take(data, ev);
}

static void on_result(void *data, const struct result_event *ev)
{
    if (!ev->loop) // its items were told
        take(data, ev);
}

static void on_warning(void *data, struct pos pos, const char *msg)
{
    const struct plan *p = data;
    (void)pos;
    print_warning(&p->s->out, "%s", msg);
}

struct plan *plan_new(struct session *s)
{
    struct plan *p = xcalloc(1, sizeof *p);
    *p = (struct plan){.s = s, .a = arena_new(), .o = s->out};
    p->hosts = value_dict(p->a).u.dict;
    p->o.color = false;
    s->run.check = s->run.diff = s->run.defer_unknown = true;
    s->run.undo = false;
    return p;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        free(p->tasks[i].groups);
    free(p->tasks);
    arena_free(p->a);
    free(p);
}

struct run_sink plan_sink(struct plan *p)
{
    return (struct run_sink){
        .data = p, .item = on_item, .result = on_result, .warning = on_warning};
}

int plan_code(const struct plan *p)
{
    return p->failed ? RUN_FAILED : p->unreachable ? RUN_UNREACHABLE : 0;
}

// --- telling -------------------------------------------------------------------------------------

static int by_text(const void *x, const void *y)
{
    return strcmp(((const struct value *)x)->u.str.s, ((const struct value *)y)->u.str.s);
}

// The largest group first: what differs from it stands out.
static int by_size(const void *x, const void *y)
{
    const struct group *a = x, *b = y;
    if (a->hosts->len != b->hosts->len)
        return a->hosts->len < b->hosts->len ? 1 : -1;
    int n = strcmp(a->hosts->items[0].u.str.s, b->hosts->items[0].u.str.s);
    n = n ? n : strcmp(a->item ? a->item : "", b->item ? b->item : "");
    return n ? n : strcmp(a->text, b->text);
}

static void sort(struct plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct plan_task *t = &p->tasks[i];
        for (size_t k = 0; k < t->n; k++)
            qsort(t->groups[k].hosts->items, t->groups[k].hosts->len,
                  sizeof *t->groups[k].hosts->items, by_text);
        qsort(t->groups, t->n, sizeof *t->groups, by_size);
    }
}

static const char *word(enum task_status status)
{
    switch (status) {
    case STATUS_CHANGED:
        return "would change";
    case STATUS_FAILED:
        return "would fail";
    case STATUS_UNREACHABLE:
        return "not reached";
    case STATUS_UNKNOWN:
        return "can't know";
    case STATUS_OK:
    case STATUS_SKIPPED:
        break;
    }
    return "ok";
}

static void add_group(struct buf *b, const struct group *g)
{
    buf_addf(b, "  %zu %s %s:", g->hosts->len, g->hosts->len == 1 ? "host" : "hosts",
             word(g->status));
    for (size_t i = 0; i < g->hosts->len && i < HOSTS_SHOWN; i++)
        buf_addf(b, " %s", g->hosts->items[i].u.str.s);
    if (g->hosts->len > HOSTS_SHOWN)
        buf_addf(b, " and %zu more", g->hosts->len - HOSTS_SHOWN);
    buf_addf(b, "%s%s\n", g->item ? "; item " : "", g->item ? g->item : "");
    for (const char *s = g->text; *s;) {
        size_t n = strcspn(s, "\n");
        if (n)
            buf_addf(b, "      %.*s\n", (int)n, s);
        s += n + (s[n] == '\n');
    }
}

static size_t changing_hosts(const struct plan *p)
{
    size_t n = 0;
    struct dict_entry *it;
    DICT_EACH(p->hosts, it)
    n += it->val.u.b;
    return n;
}

// Without secrets, where the plan is to be kept; b is released.
static void put_clean(const struct plan *p, struct buf *ret, struct buf *b)
{
    if (p->s->censor)
        censor_text(p->s->censor, buf_str(b), b->len, ret);
    else
        buf_add(ret, buf_str(b), b->len);
    buf_release(b);
}

void plan_text(struct plan *p, struct buf *ret)
{
    struct buf plain = BUF_INIT, *b = &plain;
    sort(p);
    size_t undo[3] = {0}, changing = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_task *t = &p->tasks[i];
        bool changes = false;
        buf_addf(b, "\n%s", t->name);
        if (*t->at)
            buf_addf(b, "  (%s)", t->at);
        buf_addf(b, "%s%s%s%s\n", t->undo ? "  undo: " : "", t->undo ? t->undo : "",
                 t->why ? ", cannot be undone because " : "", t->why ? t->why : "");
        for (size_t k = 0; k < t->n; k++) {
            add_group(b, &t->groups[k]);
            changes = changes || t->groups[k].status == STATUS_CHANGED;
        }
        changing += changes;
        if (changes && t->undo)
            undo[strcmp(t->undo, "yes") == 0 ? 0 : strcmp(t->undo, "inverse") == 0 ? 1 : 2]++;
    }
    buf_addf(
        b,
        "\n%zu hosts, %zu would change; %zu tasks would change something: %zu can be undone, %zu "
        "by the inverse they declare, %zu not\n",
        p->hosts->len, changing_hosts(p), changing, undo[0], undo[1], undo[2]);
    put_clean(p, ret, b);
}

static struct value group_value(const struct plan *p, const struct group *g)
{
    struct value v = value_dict(p->a), hosts = {.type = VALUE_LIST, .u.list = g->hosts};
    dict_set(v.u.dict, "outcome", value_cstr(word(g->status)));
    dict_set(v.u.dict, "hosts", hosts);
    dict_set(v.u.dict, "n", value_int((int64_t)g->hosts->len));
    if (g->item)
        dict_set(v.u.dict, "item", value_cstr(g->item));
    if (*g->text)
        dict_set(v.u.dict, g->status == STATUS_CHANGED ? "diff" : "msg", value_cstr(g->text));
    return v;
}

void plan_json(struct plan *p, struct buf *ret)
{
    struct buf b = BUF_INIT;
    sort(p);
    struct value v = value_dict(p->a), tasks = value_list(p->a), books = value_list(p->a);
    for (size_t i = 0; i < p->s->o.args->len; i++)
        list_add(books.u.list, value_cstr(session_path(p->s, p->s->o.args->items[i].u.str.s)));
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_task *t = &p->tasks[i];
        struct value one = value_dict(p->a), groups = value_list(p->a);
        for (size_t k = 0; k < t->n; k++)
            list_add(groups.u.list, group_value(p, &t->groups[k]));
        dict_set(one.u.dict, "task", value_cstr(t->name));
        dict_set(one.u.dict, "module", value_cstr(t->task->module));
        dict_set(one.u.dict, "at", value_cstr(t->at));
        dict_set(one.u.dict, "undo", t->undo ? value_cstr(t->undo) : value_null());
        if (t->why)
            dict_set(one.u.dict, "undo_why", value_cstr(t->why));
        dict_set(one.u.dict, "groups", groups);
        list_add(tasks.u.list, one);
    }
    dict_set(v.u.dict, "playbooks", books);
    dict_set(v.u.dict, "hosts", value_int((int64_t)p->hosts->len));
    dict_set(v.u.dict, "changing", value_int((int64_t)changing_hosts(p)));
    dict_set(v.u.dict, "tasks", tasks);
    json_write(&b, &v, &(struct json_opts){.sort_keys = true, .compact = true});
    put_clean(p, ret, &b);
}
