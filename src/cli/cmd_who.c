// andon who HOST PATH|PACKAGE|NAME: every change to a thing on a host, by whom and on whose
// authority, with its difference.
#include "cli/event_text.h"
#include "cli/text.h"
#include "cli/when.h"

#include "core/buf.h"
#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct who {
    struct session *s;
    struct ledger *l;
    const char *host, *thing; // path without a slash at its end, package or name
    struct ledger_event *found;
    size_t n, cap;
    struct dict *runs; // id -> index into started + 1, 0: not known
    struct ledger_event *started;
    size_t n_started;
};

static const char *const types[] = {"change", "drift.found", NULL};

static void keep(struct who *w, const struct ledger_event *ev)
{
    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 64;
        w->found = xrealloc(w->found, w->cap * sizeof *w->found);
    }
    w->found[w->n++] = *ev;
}

static int keep_all(void *data, const struct ledger_event *ev)
{
    keep(data, ev);
    return 0;
}

// A change of a folder with all that is in it.
static int keep_tree(void *data, const struct ledger_event *ev)
{
    if (ev->body && dict_bool(ev->body, "tree", false))
        keep(data, ev);
    return 0;
}

static struct ledger_filter filter_of(const struct who *w, const struct ledger_filter *span)
{
    return (struct ledger_filter){
        .types = types, .host = w->host, .since = span->since, .until = span->until};
}

// The path itself, and the folders above that were changed as a whole.
static int find_path(struct who *w, const struct ledger_filter *span, struct err *e)
{
    struct arena *a = w->s->arena;
    struct ledger_filter f = filter_of(w, span);
    f.path = w->thing;
    int rc = ledger_each(w->l, &f, a, keep_all, w, e);
    if (strpbrk(w->thing, "*?["))
        return rc;
    f.path = arena_printf(a, "%s/", w->thing); // as a folder may be written
    if (rc == 0)
        rc = ledger_each(w->l, &f, a, keep_all, w, e);
    for (const char *up = path_dir(a, w->thing); rc == 0; up = path_dir(a, up)) {
        f.path = up;
        rc = ledger_each(w->l, &f, a, keep_tree, w, e);
        f.path = arena_printf(a, "%s/", up);
        if (rc == 0)
            rc = ledger_each(w->l, &f, a, keep_tree, w, e);
        if (strcmp(up, "/") == 0 || strcmp(up, ".") == 0)
            break;
    }
    return rc;
}

static int find_name(struct who *w, const struct ledger_filter *span, struct err *e)
{
    struct ledger_filter f = filter_of(w, span);
    f.package = w->thing;
    int rc = ledger_each(w->l, &f, w->s->arena, keep_all, w, e);
    f.package = NULL;
    f.name = w->thing;
    return rc < 0 ? rc : ledger_each(w->l, &f, w->s->arena, keep_all, w, e);
}

static int by_number(const void *x, const void *y)
{
    const struct ledger_event *a = x, *b = y;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static void sort(struct who *w)
{
    size_t kept = 0;
    if (w->n)
        qsort(w->found, w->n, sizeof *w->found, by_number);
    for (size_t i = 0; i < w->n; i++)
        if (!kept || w->found[i].seq != w->found[kept - 1].seq)
            w->found[kept++] = w->found[i];
    w->n = kept;
}

// --- what is told of a change
// ------------------------------------------------------------------------------------------

// run.started of a run, or NULL.
static const struct ledger_event *started(struct who *w, const char *run)
{
    static const char *const type[] = {"run.started", NULL};
    const struct ledger_filter f = {.types = type, .run = run, .limit = 1};
    const struct value *known = run ? dict_get(w->runs, run) : NULL;
    struct ledger_event *ev = NULL;
    size_t n = 0;
    if (!run)
        return NULL;
    if (known)
        return known->u.i ? &w->started[known->u.i - 1] : NULL;
    if (ledger_list(w->l, &f, w->s->arena, &ev, &n, NULL) < 0 || !n) {
        dict_set(w->runs, run, value_int(0));
        return NULL;
    }
    w->started = xrealloc(w->started, (w->n_started + 1) * sizeof *w->started);
    w->started[w->n_started++] = *ev;
    dict_set(w->runs, run, value_int((int64_t)w->n_started));
    return &w->started[w->n_started - 1];
}

static void put_task(struct buf *b, const struct ledger_event *ev)
{
    const char *task = event_str(ev, "task"), *module = event_str(ev, "module"),
               *at = event_str(ev, "at"), *item = event_str(ev, "item"),
               *other = event_str(ev, "for");
    if (!module)
        return;
    buf_adds(b, "  task ");
    if (task)
        buf_addf(b, "\"%s\" ", task);
    buf_addf(b, "(%s)", module);
    if (item)
        buf_addf(b, ", item %s", item);
    if (at)
        buf_addf(b, ", %s", at);
    if (other)
        buf_addf(b, ", delegated by %s", other);
    buf_addc(b, '\n');
}

static void put_run(struct who *w, struct buf *b, const struct ledger_event *ev)
{
    const struct ledger_event *run = started(w, ev->run);
    if (!ev->run)
        return;
    buf_addf(b, "  run %s", ev->run);
    if (run) {
        buf_adds(b, ": ");
        event_what(b, run);
        if (event_str(run, "commit"))
            buf_addf(b, ", commit %.12s%s", event_str(run, "commit"),
                     dict_bool(run->body, "dirty", false) ? " with changes" : "");
    }
    buf_addc(b, '\n');
    if (ev->release || ev->rollout)
        buf_addf(b, "  %s %s%s%s%s%s\n", ev->service ? ev->service : "release",
                 ev->release ? ev->release : "", ev->ring ? ", ring " : "",
                 ev->ring ? ev->ring : "", ev->rollout ? ", rollout " : "",
                 ev->rollout ? ev->rollout : "");
    buf_adds(b, "  authority: ");
    event_authority(b, run ? event_dict(run, "authority") : NULL);
    buf_addc(b, '\n');
}

static void print_change(struct who *w, const struct ledger_event *ev)
{
    struct buf head = BUF_INIT, b = BUF_INIT, clean = BUF_INIT;
    struct arena *a = arena_new();
    size_t len;
    bool drift = strcmp(ev->type, "drift.found") == 0;
    when_local(&head, ev->time);
    buf_addf(&head, "  %s  #%lld  ", drift ? "outside andon" : ev->actor, (long long)ev->seq);
    event_what(&head, ev);
    printf("%s\n", buf_str(&head));
    put_task(&b, ev);
    put_run(w, &b, ev);
    for (const char *line = buf_str(&b), *nl; (nl = strchr(line, '\n')); line = nl + 1) {
        buf_clear(&clean);
        text_add_clean(&clean, line, (size_t)(nl - line));
        printf("%s\n", buf_str(&clean));
    }
    const char *text = w->s->o.quiet ? NULL : event_diff(w->l, ev, a, &len);
    if (text)
        event_print_diff(&w->s->out, text, len);
    printf("\n");
    buf_release(&head);
    buf_release(&b);
    buf_release(&clean);
    arena_free(a);
}

static int show(struct who *w)
{
    bool json = w->s->o.output && strcmp(w->s->o.output, "json") == 0;
    size_t max = w->s->o.number > 0 ? (size_t)w->s->o.number : w->n,
           from = w->n > max ? w->n - max : 0;
    if (!w->n && !json)
        fprintf(stderr, "The ledger knows no change of %s on %s.\n", w->thing, w->host);
    for (size_t i = from; i < w->n; i++)
        if (json)
            event_print_json(w->l, &w->found[i], !w->s->o.quiet);
        else
            print_change(w, &w->found[i]);
    return 0;
}

static int look(struct session *s, struct ledger *l, const struct ledger_filter *span)
{
    struct err e = ERR_INIT;
    const char *thing = s->o.args->items[1].u.str.s;
    size_t n = strlen(thing);
    while (n > 1 && thing[n - 1] == '/')
        n--;
    struct who w = {.s = s,
                    .l = l,
                    .host = s->o.args->items[0].u.str.s,
                    .thing = arena_strndup(s->arena, thing, n),
                    .runs = value_dict(s->arena).u.dict};
    int rc = *w.thing == '/' ? find_path(&w, span, &e) : find_name(&w, span, &e);
    sort(&w);
    int code = rc < 0 ? events_fail(s, &e) : show(&w);
    free(w.found);
    free(w.started);
    return code;
}

int cmd_who(int argc, char **argv, bool compat)
{
    return events_command(argc, argv, compat, OPT_WHO, 2, 2,
                          "a host and a path, package or other name are required", look);
}
