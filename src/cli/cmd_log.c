// andon log: what the ledger has recorded, newest last; --runs lists runs.
#include "cli/event_text.h"
#include "cli/when.h"

#include "core/buf.h"
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USUAL 100 // events that are shown when nobody says how many
#define PAGE 1000 // read at a time when all are

static bool as_json(const struct session *s)
{
    return s->o.output && strcmp(s->o.output, "json") == 0;
}

// "change,run.*" as an array that ends with NULL.
static const char *const *type_names(struct session *s)
{
    if (!s->o.type)
        return NULL;
    const char **out = arena_array(s->arena, const char *, strlen(s->o.type) + 2);
    size_t n = 0;
    for (const char *p = s->o.type; *p;) {
        size_t len = strcspn(p, ", ");
        if (len)
            out[n++] = arena_strndup(s->arena, p, len);
        p += len;
        p += strspn(p, ", ");
    }
    return n ? out : NULL;
}

static struct ledger_filter filter_of(struct session *s, const struct ledger_filter *span)
{
    const struct options *o = &s->o;
    return (struct ledger_filter){.types = type_names(s),
                                  .since = span->since,
                                  .until = span->until,
                                  .service = o->service,
                                  .rollout = o->rollout,
                                  .ring = o->ring,
                                  .run = o->run_id,
                                  .host = o->host,
                                  .actor = o->actor,
                                  .path = o->path,
                                  .package = o->package,
                                  .outcome = o->outcome};
}

static void print_events(struct session *s, struct event_table *t, const struct ledger_event *all,
                         size_t n)
{
    if (!as_json(s))
        event_table_widths(t, all, n);
    for (size_t i = 0; i < n; i++)
        if (as_json(s))
            event_print_json(t->l, &all[i], s->o.diff);
        else
            event_table_print(t, &all[i]);
}

// All that match, a page at a time.
static int print_all(struct session *s, struct event_table *t, struct ledger_filter *f)
{
    struct err e = ERR_INIT;
    int rc = 0;
    f->limit = PAGE;
    for (size_t n = PAGE; n == PAGE && rc == 0;) {
        struct arena *a = arena_new();
        struct ledger_event *all;
        rc = ledger_list(t->l, f, a, &all, &n, &e);
        if (rc == 0) {
            print_events(s, t, all, n);
            f->after = n ? all[n - 1].seq + 1 : 0;
        }
        arena_free(a);
    }
    return rc < 0 ? events_fail(s, &e) : 0;
}

static void reverse(struct ledger_event *all, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct ledger_event x = all[i];
        all[i] = all[n - 1 - i];
        all[n - 1 - i] = x;
    }
}

static int print_last(struct session *s, struct event_table *t, struct ledger_filter *f, size_t max)
{
    struct ledger_event *all;
    struct err e = ERR_INIT;
    size_t n;
    f->newest_first = true;
    f->limit = max + 1;
    if (ledger_list(t->l, f, s->arena, &all, &n, &e) < 0)
        return events_fail(s, &e);
    bool more = n > max;
    n = more ? max : n;
    reverse(all, n);
    print_events(s, t, all, n);
    if (more && s->o.number < 0)
        fprintf(stderr, "The last %zu events; -n N shows more, -n 0 all.\n", max);
    return 0;
}

// --- runs
// ------------------------------------------------------------------------------------------

struct run_row {
    const struct ledger_event *started, *finished; // finished NULL: it has not
};

static int one_of_run(struct ledger *l, struct arena *a, const char *type, const char *run,
                      const struct ledger_event **ret, struct err *e)
{
    const char *const types[] = {type, NULL};
    struct ledger_filter f = {.types = types, .run = run, .limit = 1};
    struct ledger_event *all;
    size_t n;
    int rc = ledger_list(l, &f, a, &all, &n, e);
    *ret = rc == 0 && n ? all : NULL;
    return rc;
}

// The runs that match, newest first, at most max (0: all).
static int list_runs(struct session *s, struct ledger *l, const struct ledger_filter *span,
                     size_t max, struct run_row **ret, size_t *ret_n, struct err *e)
{
    static const char *const started[] = {"run.started", NULL}, *const host[] = {"run.host", NULL};
    const char *outcome = s->o.outcome, *of_host = s->o.host;
    struct ledger_filter f = filter_of(s, span);
    struct ledger_event *all;
    size_t n, kept = 0;
    f.types = of_host ? host : started; // of a host: by what it was in
    f.outcome = NULL;
    f.path = f.package = NULL;
    f.newest_first = true;
    f.limit = outcome ? 0 : max;
    int rc = ledger_list(l, &f, s->arena, &all, &n, e);
    if (rc < 0)
        return rc;
    struct run_row *rows = arena_array(s->arena, struct run_row, n + 1);
    for (size_t i = 0; i < n && rc == 0 && (!max || kept < max); i++) {
        struct run_row row = {.started = &all[i]};
        if (of_host)
            rc = one_of_run(l, s->arena, "run.started", all[i].run, &row.started, e);
        if (rc == 0)
            rc = one_of_run(l, s->arena, "run.finished", all[i].run, &row.finished, e);
        const char *how = row.finished ? row.finished->outcome : "unfinished";
        if (rc == 0 && row.started && (!outcome || strcmp(outcome, how) == 0))
            rows[kept++] = row;
    }
    *ret = rows;
    *ret_n = kept;
    return rc;
}

static void print_run_json(const struct run_row *r)
{
    struct arena *a = arena_new();
    struct buf command = BUF_INIT;
    char when[LEDGER_TIME];
    struct value v = value_dict(a);
    struct dict *d = v.u.dict;
    ledger_time(r->started->time, when);
    event_command(&command, r->started);
    dict_set(d, "run", value_cstr(r->started->run));
    dict_set(d, "time", value_cstr(when));
    dict_set(d, "actor", value_cstr(r->started->actor));
    dict_set(d, "what", value_cstr(buf_str(&command)));
    dict_set(d, "check",
             value_bool(r->started->body && dict_bool(r->started->body, "check", false)));
    dict_set(d, "hosts", r->finished ? value_int(event_int(r->finished, "hosts")) : value_null());
    dict_set(d, "changed",
             r->finished ? value_int(event_int(r->finished, "changed")) : value_null());
    dict_set(d, "outcome", value_cstr(r->finished ? r->finished->outcome : "unfinished"));
    if (r->started->rollout)
        dict_set(d, "rollout", value_cstr(r->started->rollout));
    print_value(&v, &(struct json_opts){.strict = true});
    buf_release(&command);
    arena_free(a);
}

static void print_run(const struct run_row *r, size_t actor)
{
    struct buf when = BUF_INIT, command = BUF_INIT, hosts = BUF_INIT;
    when_local(&when, r->started->time);
    event_what(&command, r->started);
    if (r->finished)
        buf_addf(&hosts, "%lld", (long long)event_int(r->finished, "hosts"));
    printf("%-20s  %s  %-*s  %-11s  %5s %-5s  %s\n", r->started->run, buf_str(&when), (int)actor,
           r->started->actor, r->finished ? r->finished->outcome : "unfinished",
           r->finished ? buf_str(&hosts) : "?",
           r->finished && event_int(r->finished, "hosts") == 1 ? "host" : "hosts",
           buf_str(&command));
    buf_release(&when);
    buf_release(&command);
    buf_release(&hosts);
}

static int print_runs(struct session *s, struct ledger *l, const struct ledger_filter *span)
{
    struct run_row *rows;
    struct err e = ERR_INIT;
    size_t n, actor = 0,
              max = s->o.number < 0 && !as_json(s) ? USUAL
                    : s->o.number > 0              ? (size_t)s->o.number
                                                   : 0;
    if (list_runs(s, l, span, max, &rows, &n, &e) < 0)
        return events_fail(s, &e);
    for (size_t i = 0; i < n; i++)
        actor = strlen(rows[i].started->actor) > actor ? strlen(rows[i].started->actor) : actor;
    for (size_t i = n; i-- > 0;)
        if (as_json(s))
            print_run_json(&rows[i]);
        else
            print_run(&rows[i], actor);
    return 0;
}

static int print(struct session *s, struct ledger *l, const struct ledger_filter *span)
{
    struct event_table t = {.o = &s->out, .l = l, .diff = s->o.diff};
    struct ledger_filter f = filter_of(s, span);
    if (s->o.runs)
        return print_runs(s, l, span);
    if (s->o.number == 0 || (s->o.number < 0 && as_json(s)))
        return print_all(s, &t, &f);
    return print_last(s, &t, &f, s->o.number < 0 ? USUAL : (size_t)s->o.number);
}

int cmd_log(int argc, char **argv, bool compat)
{
    return events_command(argc, argv, compat, OPT_LOG, 0, 0, NULL, print);
}
