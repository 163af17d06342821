// What an audit of the ledger finds. Everything is asked for by what the ledger has indexes for:
// type, time, run, rollout and the marks of runs. So it takes the longer the more it finds, not the
// more runs there were.
#include "cli/audit.h"
#include "cli/event_text.h"

#include "core/buf.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct audit_kind audit_kinds[] = {
    {"unauthorised", "Changes that nothing allowed"},
    {"own-approval", "Approvals by the author of the change"},
    {"break-glass", "Break-glass"},
    {"checks-skipped", "Checks that were skipped"},
    {"redacted", "Content that was redacted"},
    {"drift", "Changes outside andon"},
    {"unfinished", "Runs that never finished"},
    {NULL, NULL},
};

static struct finding *find(struct audit *a, const char *kind, const struct ledger_event *ev)
{
    if (a->n == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 64;
        a->all = xrealloc(a->all, a->cap * sizeof *a->all);
    }
    struct finding *f = &a->all[a->n++];
    *f = (struct finding){.kind = kind,
                          .time = ev->time,
                          .actor = ev->actor,
                          .service = ev->service,
                          .run = ev->run,
                          .rollout = ev->rollout,
                          .host = ev->host,
                          .events = arena_array(a->arena, int64_t, 3)};
    f->events[f->n_events++] = ev->seq;
    return f;
}

static void rests_on(struct finding *f, const struct ledger_event *ev)
{
    if (ev && f->n_events < 3)
        f->events[f->n_events++] = ev->seq;
}

// The first event of that type of a run or rollout; NULL where there is none.
static int first_of(struct audit *a, const char *type, const char *run, const char *rollout,
                    const struct ledger_event **ret, struct err *e)
{
    const char *const types[] = {type, NULL};
    const struct ledger_filter f = {.types = types, .run = run, .rollout = rollout, .limit = 1};
    struct ledger_event *all;
    size_t n;
    int rc = ledger_list(a->ledger, &f, a->arena, &all, &n, e);
    *ret = rc == 0 && n ? all : NULL;
    return rc;
}

typedef int look_fn(struct audit *a, const struct ledger_event *ev, struct err *e);

static int each(struct audit *a, const struct ledger_filter *f, look_fn *fn, struct err *e)
{
    struct ledger_event *all;
    size_t n;
    int rc = ledger_list(a->ledger, f, a->arena, &all, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = fn(a, &all[i], e);
    return rc;
}

// All of a type in the span of time.
static int of_type(struct audit *a, const char *type, look_fn *fn, struct err *e)
{
    const char *const types[] = {type, NULL};
    const struct ledger_filter f = {
        .types = types, .service = a->service, .since = a->since, .until = a->until};
    return each(a, &f, fn, e);
}

// All runs that are marked so.
static int marked(struct audit *a, enum ledger_mark mark, look_fn *fn, struct err *e)
{
    const struct ledger_filter f = {
        .marks = mark, .service = a->service, .since = a->since, .until = a->until};
    return each(a, &f, fn, e);
}

static const char *text_of(struct audit *a, struct buf *b)
{
    const char *s = arena_strdup(a->arena, buf_str(b));
    buf_release(b);
    return s;
}

// --- runs
// ------------------------------------------------------------------------------------------

// Still at work here: it would be early to call it unfinished.
static bool is_running(const struct audit *a, const struct ledger_event *started)
{
    const char *machine = event_str(started, "machine");
    int64_t pid = event_int(started, "pid");
    return machine && a->machine && strcmp(machine, a->machine) == 0 && pid > 1 &&
           (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

// How a run ended that nothing allowed: where they are many, their ends have been read together.
static int end_of(struct audit *a, const struct ledger_event *started,
                  const struct ledger_event **ret, struct err *e)
{
    if (!a->end_of)
        return first_of(a, "run.finished", started->run, NULL, ret, e);
    const struct value *end = dict_get(a->end_of, started->run);
    *ret = end ? &a->ends[end->u.i] : NULL;
    return 0;
}

static int look_at_unauthorised(struct audit *a, const struct ledger_event *started, struct err *e)
{
    const struct ledger_event *change = NULL, *finished = NULL;
    struct buf b = BUF_INIT;
    int rc = end_of(a, started, &finished, e);
    if (rc < 0 || (finished && !event_int(finished, "changed")))
        return rc;
    rc = first_of(a, "change", started->run, NULL, &change, e);
    if (rc < 0 || !change)
        return rc;
    struct finding *f = find(a, "unauthorised", started);
    event_what(&b, started);
    if (finished)
        buf_addf(&b, ": %lld host%s changed", (long long)event_int(finished, "changed"),
                 event_int(finished, "changed") == 1 ? "" : "s");
    buf_addf(&b, ", first %s: ", change->host);
    event_what(&b, change);
    f->what = text_of(a, &b);
    rests_on(f, change);
    rests_on(f, finished);
    return 0;
}

#define MANY 3000 // runs from which on all ends are read, instead of each run's

// What finished, by run.
static int read_ends(struct audit *a, struct err *e)
{
    static const char *const types[] = {"run.finished", NULL};
    const struct ledger_filter f = {.types = types, .since = a->since, .service = a->service};
    size_t n = 0;
    int rc = ledger_list(a->ledger, &f, a->arena, &a->ends, &n, e);
    a->end_of = value_dict(a->arena).u.dict;
    for (size_t i = 0; i < n && rc == 0; i++)
        dict_set(a->end_of, a->ends[i].run, value_int((int64_t)i));
    return rc;
}

static int unauthorised(struct audit *a, struct err *e)
{
    const struct ledger_filter f = {
        .marks = LEDGER_UNAUTHORISED, .service = a->service, .since = a->since, .until = a->until};
    struct ledger_event *all;
    size_t n;
    int rc = ledger_list(a->ledger, &f, a->arena, &all, &n, e);
    if (rc == 0 && n > MANY)
        rc = read_ends(a, e);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = look_at_unauthorised(a, &all[i], e);
    return rc;
}

static int look_at_forced(struct audit *a, const struct ledger_event *started, struct err *e)
{
    struct buf b = BUF_INIT;
    (void)e;
    event_what(&b, started);
    buf_addf(&b, ": %s", dict_str(event_dict(started, "authority"), "reason", "no reason"));
    find(a, "break-glass", started)->what = text_of(a, &b);
    return 0;
}

static int unfinished(struct audit *a, struct err *e)
{
    const struct ledger_filter span = {.service = a->service, .since = a->since, .until = a->until};
    struct ledger_event *all;
    size_t n;
    int rc = ledger_unended(a->ledger, &span, a->arena, &all, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct buf b = BUF_INIT;
        if (is_running(a, &all[i]))
            continue;
        event_what(&b, &all[i]);
        find(a, "unfinished", &all[i])->what = text_of(a, &b);
    }
    return rc;
}

// --- approvals
// ------------------------------------------------------------------------------------------

// What was asked for, by its id: an approval names that alone.
static int read_requests(struct audit *a, struct err *e)
{
    static const char *const types[] = {"approval.requested", NULL};
    const struct ledger_filter f = {.types = types};
    size_t n = 0;
    int rc = ledger_list(a->ledger, &f, a->arena, &a->requests, &n, e);
    a->request_of = value_dict(a->arena).u.dict;
    for (size_t i = 0; i < n && rc == 0; i++)
        if (event_str(&a->requests[i], "subject"))
            dict_set(a->request_of, event_str(&a->requests[i], "subject"), value_int((int64_t)i));
    return rc;
}

// "Ann <ann@example.org>" and "ann@example.org" are one person; so is the bare name.
static bool same_person(const char *x, const char *y)
{
    if (!x || !y)
        return false;
    if (strcasecmp(x, y) == 0)
        return true;
    const char *open = strchr(y, '<'), *close = open ? strchr(open, '>') : NULL;
    size_t n = strlen(x);
    return close && (size_t)(close - open) == n + 1 && strncasecmp(open + 1, x, n) == 0;
}

// What was asked for under an id, by the requests that read_requests found; NULL: nothing.
static const struct ledger_event *request_of(const struct audit *a, const char *subject)
{
    const struct value *at = subject ? dict_get(a->request_of, subject) : NULL;
    return at ? &a->requests[at->u.i] : NULL;
}

// How the approver is the author of what was approved; NULL: he is not. *ret_by: the event that
// says so.
static const char *authorship(struct audit *a, const struct ledger_event *approval,
                              const struct ledger_event **ret_by, struct err *e, int *rc)
{
    const char *who = event_str(approval, "principal");
    const struct ledger_event *ev = NULL, *release = NULL;
    const char *const types[] = {"release.created", NULL};
    who = who ? who : approval->actor;
    if (approval->rollout)
        *rc = first_of(a, "rollout.started", NULL, approval->rollout, &ev, e);
    else
        ev = request_of(a, event_str(approval, "subject"));
    *ret_by = ev;
    if (*rc == 0 && ev && same_person(who, ev->actor))
        return approval->rollout ? "started it" : "asked for it";
    const char *service = approval->service ? approval->service
                          : ev              ? ev->service
                                            : NULL,
               *version = approval->release ? approval->release
                          : ev              ? ev->release
                                            : NULL;
    if (*rc < 0 || !service || !version)
        return NULL;
    const struct ledger_filter f = {
        .types = types, .service = service, .release = version, .newest_first = true, .limit = 1};
    struct ledger_event *all;
    size_t n;
    *rc = ledger_list(a->ledger, &f, a->arena, &all, &n, e);
    *ret_by = release = *rc == 0 && n ? all : NULL;
    if (!release)
        return NULL;
    return same_person(who, event_str(release, "author"))      ? "wrote its commit"
           : same_person(who, event_str(release, "committer")) ? "committed it"
           : same_person(who, release->actor)                  ? "made the release"
                                                               : NULL;
}

static int look_at_approval(struct audit *a, const struct ledger_event *ev, struct err *e)
{
    const struct ledger_event *by = NULL;
    int rc = 0;
    const char *how = authorship(a, ev, &by, e, &rc);
    if (rc < 0 || !how)
        return rc;
    struct buf b = BUF_INIT;
    struct finding *f = find(a, "own-approval", ev);
    const char *who = event_str(ev, "principal");
    const char *what = by && !ev->rollout ? event_str(by, "command") : NULL;
    buf_addf(&b, "%s approved ", who ? who : ev->actor);
    if (what)
        buf_adds(&b, what);
    else
        event_where(&b, ev);
    buf_addf(&b, " and %s", how);
    f->what = text_of(a, &b);
    rests_on(f, by);
    return 0;
}

// --- events that are findings by themselves
// ------------------------------------------------------------------------------------------

static int plain(struct audit *a, const struct ledger_event *ev, const char *kind)
{
    struct buf b = BUF_INIT;
    struct finding *f = find(a, kind, ev);
    event_where(&b, ev);
    buf_adds(&b, ": ");
    event_what(&b, ev);
    f->what = text_of(a, &b);
    return 0;
}

static int look_at_breakglass(struct audit *a, const struct ledger_event *ev, struct err *e)
{
    (void)e;
    return plain(a, ev, "break-glass");
}

static int look_at_skipped(struct audit *a, const struct ledger_event *ev, struct err *e)
{
    (void)e;
    return plain(a, ev, "checks-skipped");
}

static int look_at_redacted(struct audit *a, const struct ledger_event *ev, struct err *e)
{
    (void)e;
    return plain(a, ev, "redacted");
}

static int look_at_drift(struct audit *a, const struct ledger_event *ev, struct err *e)
{
    (void)e;
    return plain(a, ev, "drift");
}

// --- all
// ------------------------------------------------------------------------------------------

static int kind_rank(const char *kind)
{
    int i = 0;
    while (audit_kinds[i].name && strcmp(audit_kinds[i].name, kind) != 0)
        i++;
    return i;
}

static int by_kind_and_number(const void *x, const void *y)
{
    const struct finding *a = x, *b = y;
    int d = kind_rank(a->kind) - kind_rank(b->kind);
    return d ? d : a->events[0] < b->events[0] ? -1 : a->events[0] > b->events[0];
}

static int look(void *data, struct ledger *l, struct err *e)
{
    struct audit *a = data;
    (void)l;
    int rc = unauthorised(a, e);
    if (rc == 0)
        rc = marked(a, LEDGER_BREAK_GLASS, look_at_forced, e);
    if (rc == 0)
        rc = unfinished(a, e);
    if (rc == 0)
        rc = read_requests(a, e);
    if (rc == 0)
        rc = of_type(a, "approval.given", look_at_approval, e);
    if (rc == 0)
        rc = of_type(a, "breakglass", look_at_breakglass, e);
    if (rc == 0)
        rc = of_type(a, "checks.skipped", look_at_skipped, e);
    if (rc == 0)
        rc = of_type(a, "content.redacted", look_at_redacted, e);
    if (rc == 0)
        rc = of_type(a, "drift.found", look_at_drift, e);
    return rc;
}

int audit_run(struct audit *a, struct err *e)
{
    int rc = ledger_read(a->ledger, look, a, e);
    if (a->n)
        qsort(a->all, a->n, sizeof *a->all, by_kind_and_number);
    return rc;
}

void audit_release(struct audit *a)
{
    free(a->all);
    a->all = NULL;
    a->n = a->cap = 0;
}
