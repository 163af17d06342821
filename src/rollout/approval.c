// Approvals as events: what is signed, and which of them count.
#include "rollout/approval.h"

#include "core/buf.h"
#include "core/json.h"
#include "ledger/sshsig.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SKEW INT64_C(600000000) // between the signer's clock and the ledger's
#define MAX_APPROVALS 64

static void set_text(struct dict *d, const char *key, const char *s)
{
    if (s)
        dict_set(d, key, value_cstr(s));
}

static void set_list(struct dict *d, const char *key, const char *const *texts)
{
    struct value l = value_list(d->arena);
    for (const char *const *t = texts; t && *t; t++)
        list_add(l.u.list, value_cstr(*t));
    if (texts)
        dict_set(d, key, l);
}

static const char *stamp(struct arena *a, int64_t time)
{
    time_t t = (time_t)(time / 1000000);
    struct tm tm;
    char text[32];
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return arena_strdup(a, text);
}

static int64_t stamp_time(const char *s)
{
    struct tm tm = {0};
    const char *end = s ? strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
    return end && !*end ? (int64_t)timegm(&tm) * 1000000 : 0;
}

const char *approval_statement(struct arena *a, const char *verb, const struct approval_subject *s,
                               int64_t time)
{
    struct value v = value_dict(a);
    struct buf b = BUF_INIT;
    set_text(v.u.dict, "verb", verb);
    set_text(v.u.dict, "subject", s->subject);
    set_text(v.u.dict, "ring", s->ring);
    set_text(v.u.dict, "service", s->service);
    set_text(v.u.dict, "release", s->release);
    set_text(v.u.dict, "commit", s->commit);
    set_text(v.u.dict, "digest", s->digest);
    set_text(v.u.dict, "plan", s->plan);
    set_text(v.u.dict, "time", stamp(a, time));
    json_write(&b, &v, &(struct json_opts){.sort_keys = true, .compact = true});
    const char *text = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return text;
}

// --- asking
// ------------------------------------------------------------------------------------------

static const char *body_str(const struct ledger_event *ev, const char *key)
{
    return ev->body ? dict_str(ev->body, key, NULL) : NULL;
}

static bool same(const char *x, const char *y)
{
    return x && y ? strcmp(x, y) == 0 : x == y;
}

static bool is_about(const struct ledger_event *ev, const struct approval_subject *s)
{
    return same(body_str(ev, "subject"), s->subject) && same(ev->ring, s->ring);
}

static int each_about(struct ledger *l, const char *const *types, const struct approval_subject *s,
                      struct arena *a, int (*fn)(void *data, const struct ledger_event *ev),
                      void *data, struct err *e)
{
    struct ledger_filter f = {
        .types = types, .rollout = s->ring ? s->subject : NULL, .ring = s->ring};
    return ledger_each(l, &f, a, fn, data, e);
}

struct look {
    const struct approval_subject *s;
    bool found;
};

static int look_for(void *data, const struct ledger_event *ev)
{
    struct look *k = data;
    k->found = k->found || (is_about(ev, k->s) && same(body_str(ev, "plan"), k->s->plan));
    return 0;
}

int approval_request(struct ledger *l, const struct approval_subject *s, const char *by,
                     struct err *e)
{
    static const char *const types[] = {"approval.requested", NULL};
    struct arena *a = arena_new();
    struct look k = {.s = s};
    int rc = each_about(l, types, s, a, look_for, &k, e);
    if (rc == 0 && !k.found) {
        struct value body = value_dict(a);
        set_text(body.u.dict, "for", s->ring ? "ring" : "run");
        set_text(body.u.dict, "subject", s->subject);
        set_text(body.u.dict, "plan", s->plan);
        set_text(body.u.dict, "by", by);
        set_list(body.u.dict, "from", s->approvers);
        set_list(body.u.dict, "hosts", s->hosts);
        dict_set(body.u.dict, "need", value_int(s->need));
        dict_set(body.u.dict, "protected", value_bool(s->protected));
        dict_set(body.u.dict, "four_eyes", value_bool(s->four_eyes));
        struct ledger_event ev = {.type = "approval.requested",
                                  .actor = by,
                                  .service = s->service,
                                  .release = s->release,
                                  .rollout = s->ring ? s->subject : NULL,
                                  .ring = s->ring,
                                  .body = body.u.dict};
        rc = ledger_append(l, &ev, 1, e);
    }
    arena_free(a);
    return rc;
}

int approval_plan(struct ledger *l, const char *rollout, const char *ring, struct arena *a,
                  const char **ret, struct err *e)
{
    static const char *const types[] = {"approval.requested", NULL};
    struct ledger_filter f = {
        .types = types, .rollout = rollout, .ring = ring, .newest_first = true, .limit = 1};
    struct ledger_event *last;
    size_t n;
    int rc = ledger_list(l, &f, a, &last, &n, e);
    if (rc == 0)
        *ret = n ? body_str(&last[0], "plan") : NULL;
    return rc;
}

// --- counting
// ------------------------------------------------------------------------------------------

struct count {
    const struct policy *p;
    const char *allowed_signers;
    const struct approval_subject *s;
    struct arena *a;
    struct approval_state *state;
    const char **by;
    int64_t *events;
};

// Whether the statement says just this. NULL, or what differs.
static const char *differs(struct count *c, const struct ledger_event *ev, const char *verb)
{
    static const char *const fields[] = {"subject", "ring",   "service", "release",
                                         "commit",  "digest", "plan"};
    const struct approval_subject *s = c->s;
    const char *const wanted[] = {s->subject, s->ring,   s->service, s->release,
                                  s->commit,  s->digest, s->plan};
    const char *text = body_str(ev, "statement");
    struct value v;
    if (!text || json_parse(c->a, text, strlen(text), &v, NULL) < 0 || v.type != VALUE_DICT)
        return "it has no statement";
    if (!same(dict_str(v.u.dict, "verb", NULL), verb))
        return "its statement says something else";
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!same(dict_str(v.u.dict, fields[i], NULL), wanted[i]))
            return arena_printf(c->a, "it is of another %s", fields[i]);
    int64_t said = stamp_time(dict_str(v.u.dict, "time", NULL));
    if (!said || llabs(said - ev->time) > SKEW)
        return "the time in its statement is not that of its event";
    return NULL;
}

bool approval_allowed(const struct policy *p, const struct approval_subject *s,
                      const char *principal, bool verified, int64_t now, struct arena *a,
                      struct policy_decision *ret)
{
    struct policy_request q = {.action = POLICY_APPROVE,
                               .actor = principal,
                               .verified = verified,
                               .service = s->service,
                               .ring = s->ring,
                               .protected = s->protected,
                               .author = s->four_eyes ? s->author : NULL,
                               .committer = s->four_eyes ? s->committer : NULL,
                               .starter = s->four_eyes ? s->starter : NULL,
                               .hosts = s->hosts,
                               .now = now};
    const char *why = policy_own_change(&q, a); // whatever the rule says that lets him approve
    if (!why && !policy_is_among(p, s->approvers, principal))
        why = arena_printf(a, "%s is not among those who are asked", principal);
    if (why)
        *ret = (struct policy_decision){.verdict = POLICY_DENIED, .reason = why};
    else
        policy_decide(p, &q, a, ret);
    return ret->verdict != POLICY_DENIED;
}

// NULL when the event counts, else why it does not. *ret_principal is who signed.
static const char *invalid(struct count *c, const struct ledger_event *ev, const char *verb,
                           const char **ret_principal)
{
    const char *statement = body_str(ev, "statement"), *signature = body_str(ev, "signature"),
               *claimed = body_str(ev, "principal"), *why = differs(c, ev, verb);
    struct policy_decision d;
    struct err e = ERR_INIT;
    if (why)
        return why;
    if (!signature || !claimed)
        return "it is not signed";
    if (sshsig_verify(c->a, c->allowed_signers, claimed, SSHSIG_NAMESPACE, statement,
                      strlen(statement), signature, ev->time, ret_principal, &e) < 0) {
        why = arena_strdup(c->a, err_msg(&e));
        err_release(&e);
        return why;
    }
    return approval_allowed(c->p, c->s, *ret_principal, true, ev->time, c->a, &d) ? NULL : d.reason;
}

static void forget(struct count *c, const char *principal)
{
    struct approval_state *st = c->state;
    for (int i = 0; i < st->have; i++)
        if (policy_same_person(c->by[i], principal)) {
            c->by[i] = c->by[--st->have];
            c->events[i] = c->events[st->have];
            c->by[st->have] = NULL;
            return;
        }
}

// In the order they were given: the last word of each person counts.
static int count_one(void *data, const struct ledger_event *ev)
{
    struct count *c = data;
    struct approval_state *st = c->state;
    const char *principal = NULL;
    bool given = strcmp(ev->type, "approval.given") == 0;
    if (!is_about(ev, c->s))
        return 0;
    const char *why = invalid(c, ev, given ? "approve" : "refuse", &principal);
    if (why) {
        st->ignored = arena_printf(c->a, "%s of %s does not count: %s",
                                   given ? "the approval" : "the refusal",
                                   ev->actor ? ev->actor : "somebody", why);
        return 0;
    }
    forget(c, principal);
    if (given && st->have < MAX_APPROVALS) {
        c->by[st->have] = principal;
        c->events[st->have++] = ev->seq;
        if (policy_same_person(st->refused_by, principal))
            st->refused_by = st->refused_why = NULL;
    } else if (!given) {
        const char *reason = body_str(ev, "reason");
        st->refused_by = principal;
        st->refused_why = reason ? reason : "";
    }
    return 0;
}

int approval_count(struct ledger *l, const struct policy *p, const char *allowed_signers,
                   const struct approval_subject *s, struct arena *a, struct approval_state *ret,
                   struct err *e)
{
    static const char *const types[] = {"approval.given", "approval.refused", NULL};
    struct count c = {.p = p,
                      .allowed_signers = allowed_signers,
                      .s = s,
                      .a = a,
                      .state = ret,
                      .by = arena_array(a, const char *, MAX_APPROVALS + 1),
                      .events = arena_array(a, int64_t, MAX_APPROVALS + 1)};
    *ret = (struct approval_state){.need = s->need, .by = c.by, .events = c.events};
    return each_about(l, types, s, a, count_one, &c, e);
}
