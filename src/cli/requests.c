// Requests for approval, read from their events.
#include "cli/requests.h"

#include "cli/identity.h"
#include "core/file.h"
#include "rollout/release.h"

#include <string.h>

struct reading {
    struct ledger *l;
    const char *subject, *ring;
    struct arena *a;
    struct request *all;
    size_t n, cap;
    struct err *e;
};

static const char *const *texts_of(struct arena *a, const struct value *v)
{
    if (!v || v->type != VALUE_LIST)
        return NULL;
    const char **list = arena_array(a, const char *, v->u.list->len + 1);
    for (size_t i = 0; i < v->u.list->len; i++)
        list[i] = value_to_cstr(a, &v->u.list->items[i]);
    return list;
}

static int read_one(void *data, const struct ledger_event *ev)
{
    struct reading *r = data;
    const struct dict *b = ev->body;
    const char *subject = b ? dict_str(b, "subject", NULL) : NULL;
    struct release release;
    if (!subject || (r->subject && strcmp(subject, r->subject) != 0) ||
        (r->ring && (!ev->ring || strcmp(ev->ring, r->ring) != 0)))
        return 0;
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 16;
        struct request *more = arena_array(r->a, struct request, cap);
        for (size_t i = 0; i < r->n; i++)
            more[i] = r->all[i];
        r->all = more;
        r->cap = cap;
    }
    struct request *q = &r->all[r->n++];
    *q = (struct request){.by = dict_str(b, "by", ev->actor),
                          .command = dict_str(b, "command", NULL),
                          .what = dict_str(b, "what", NULL),
                          .time = ev->time,
                          .seq = ev->seq};
    q->subject = (struct approval_subject){
        .subject = subject,
        .ring = ev->ring,
        .service = ev->service,
        .release = ev->release,
        .plan = dict_str(b, "plan", NULL),
        .starter = q->by,
        .protected = dict_bool(b, "protected", false),
        .need = (int)dict_int(b, "need", 1),
        .approvers = texts_of(r->a, dict_get(b, "from")),
        .four_eyes = dict_bool(b, "four_eyes", true),
        .hosts = texts_of(r->a, dict_get(b, "hosts")),
    };
    if (!ev->service || !ev->release)
        return 0;
    int rc = release_find(r->l, ev->service, ev->release, r->a, &release, r->e);
    if (rc == 1) {
        q->subject.commit = release.commit;
        q->subject.digest = release.digest;
        q->subject.author = release.author;
        q->subject.committer = release.committer;
    }
    return rc < 0 ? rc : 0;
}

static int any_event(void *data, const struct ledger_event *ev)
{
    (void)ev;
    *(bool *)data = true;
    return 1;
}

struct use {
    int64_t *events; // of approvals
    int n;
    bool used;
};

static int look_at_run(void *data, const struct ledger_event *ev)
{
    struct use *u = data;
    const struct value *authority = ev->body ? dict_get(ev->body, "authority") : NULL,
                       *list = authority && authority->type == VALUE_DICT
                                   ? dict_get(authority->u.dict, "approvals")
                                   : NULL;
    for (size_t i = 0; list && list->type == VALUE_LIST && i < list->u.list->len; i++)
        for (int k = 0; k < u->n; k++)
            u->used = u->used || list->u.list->items[i].u.i == u->events[k];
    return u->used;
}

// Whether there is nothing to be approved any more.
static int find_over(struct ledger *l, struct request *q, struct arena *a, struct err *e)
{
    static const char *const ends[] = {"rollout.finished", NULL},
                             *const starts[] = {"ring.started", "ring.passed", NULL},
                             *const runs[] = {"run.started", NULL};
    const struct approval_subject *s = &q->subject;
    if (!s->ring) {
        struct use u = {0};
        u.n = q->state.have;
        u.events = arena_array(a, int64_t, u.n + 1);
        for (int i = 0; i < u.n; i++)
            u.events[i] = q->state.events[i];
        struct ledger_filter f = {.types = runs, .since = q->time};
        int rc = u.n ? ledger_each(l, &f, a, look_at_run, &u, e) : 0;
        q->over = u.used || clock_real_us() - q->time > REQUEST_LIFE;
        return rc < 0 ? rc : 0;
    }
    struct ledger_filter end = {.types = ends, .rollout = s->subject, .limit = 1},
                         start = {
                             .types = starts, .rollout = s->subject, .ring = s->ring, .limit = 1};
    int rc = ledger_each(l, &end, a, any_event, &q->over, e);
    if (rc >= 0 && !q->over)
        rc = ledger_each(l, &start, a, any_event, &q->over, e);
    return rc < 0 ? rc : 0;
}

int requests_list(struct session *s, struct ledger *l, const struct policy *p, const char *subject,
                  const char *ring, struct arena *a, struct request **ret, size_t *ret_n,
                  struct err *e)
{
    static const char *const types[] = {"approval.requested", NULL};
    struct reading r = {.l = l, .subject = subject, .ring = ring, .a = a, .e = e};
    struct ledger_filter f = {.types = types, .ring = ring};
    int rc = ledger_each(l, &f, a, read_one, &r, e);
    for (size_t i = 0; i < r.n && rc >= 0; i++) {
        rc = approval_count(l, p, identity_signers(s), &r.all[i].subject, a, &r.all[i].state, e);
        if (rc >= 0)
            rc = find_over(l, &r.all[i], a, e);
    }
    if (rc < 0)
        return rc;
    *ret = r.all;
    *ret_n = r.n;
    return 0;
}

const char *request_words(const struct request *r, struct arena *a)
{
    const struct approval_subject *s = &r->subject;
    if (!s->ring)
        return r->command ? r->command : "a run";
    return arena_printf(a, "%s %s to the ring %s", s->service ? s->service : "?",
                        s->release ? s->release : "?", s->ring);
}
