// Whether a run by hand may touch the hosts it names.
#include "cli/guard.h"

#include "cli/identity.h"
#include "cli/requests.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct guard {
    struct session *s;
    const struct guard_job *job;
    struct policy *policy;
    struct ledger *ledger; // opened when first needed
    const char *actor;
    bool verified, protected;
    const char *which;               // a host that is protected
    const struct guard_meant *meant; // by whose address it is; NULL: by its name
    struct policy_decision decision;
    struct dict *judged; // hosts that were asked for
};

static int fail(struct session *s, struct err *e)
{
    session_error(s, e);
    err_release(e);
    return RUN_ERROR;
}

// --- hosts
// ------------------------------------------------------------------------------------------

static bool is_among(struct session *s, struct inventory *inv, const char *pattern,
                     const char *host)
{
    struct value v = value_cstr(pattern);
    struct inventory_hosts found = {0};
    if (inventory_match(inv, s->arena, &v, NULL, NULL, &found, NULL) < 0)
        return false;
    for (size_t i = 0; i < found.len; i++)
        if (strcmp(found.hosts[i]->name, host) == 0)
            return true;
    return false;
}

bool guard_host_matches(void *data, const char *pattern, const char *host)
{
    struct session *s = data;
    const struct guard_meant *m;
    return is_among(s, s->inventory, pattern, host) ||
           ((m = guard_meant(s, host)) && is_among(s, m->inventory, pattern, m->name));
}

// One of hosts that the policy protects. A pattern that cannot be read protects everything.
static int find_protected(struct guard *g, const char *const *hosts, struct err *e)
{
    struct session *s = g->s;
    for (const char *const *p = g->policy->protected_hosts; p && *p; p++) {
        struct value v = value_cstr(*p);
        struct inventory_hosts found = {0};
        int rc = inventory_match(s->inventory, s->arena, &v, NULL, NULL, &found, e);
        if (rc < 0)
            return err_wrap(e, "the protected hosts '%s' of %s", *p, g->policy->file);
        for (const char *const *h = hosts; *h; h++)
            for (size_t i = 0; i < found.len; i++)
                if (strcmp(found.hosts[i]->name, *h) == 0) {
                    g->protected = true;
                    g->which = *h;
                    g->meant = NULL;
                    return 0;
                }
    }
    int rc = guard_addresses_read(s, g->policy, e);
    for (const char *const *h = hosts; *h && rc == 0; h++) {
        const struct guard_meant *meant = guard_meant(s, *h);
        if (!meant)
            continue;
        g->protected = true;
        g->which = *h;
        g->meant = meant;
        return 0;
    }
    return rc;
}

// Hosts of delegate_to that count: those that are protected, and where all is forbidden that no
// rule allows any of the inventory. Other helpers of a play are no business of its rules.
static int add_reached(struct guard *g, struct err *e)
{
    struct arena *a = g->s->arena;
    const struct list *reached = g->job->reached;
    size_t n = 0;
    while (g->job->hosts[n])
        n++;
    const char **all = arena_array(a, const char *, n + (reached ? reached->len : 0) + 1);
    memcpy(all, g->job->hosts, n * sizeof *all);
    for (size_t i = 0; reached && i < reached->len; i++) {
        const char *one[] = {value_to_cstr(a, &reached->items[i]), NULL};
        bool before = g->protected;
        g->protected = false;
        int rc = find_protected(g, one, e);
        bool counts = g->protected ||
                      (g->policy->default_deny && inventory_find_host(g->s->inventory, one[0]));
        g->protected = g->protected || before;
        if (rc < 0)
            return rc;
        if (counts)
            all[n++] = one[0];
    }
    all[n] = NULL;
    struct guard_job *wider = arena_new_of(a, struct guard_job);
    *wider = *g->job;
    wider->hosts = all;
    g->job = wider;
    return 0;
}

// --- the ledger
// ------------------------------------------------------------------------------------------

static int open_ledger(struct guard *g, struct err *e)
{
    struct ledger_opts lo = {0};
    return g->ledger ? 0 : ledger_open(session_state_dir(g->s), &lo, &g->ledger, e);
}

static int append(struct guard *g, const char *type, const char *reason, struct err *e)
{
    struct value body = value_dict(g->s->arena);
    int rc = open_ledger(g, e);
    if (rc < 0)
        return rc;
    dict_set(body.u.dict, "action", value_cstr(g->s->undoes ? "undo" : "run"));
    dict_set(body.u.dict, "reason", value_cstr(reason));
    dict_set(body.u.dict, "command", value_cstr(g->job->command));
    if (g->decision.rule)
        dict_set(body.u.dict, "rule", value_cstr(g->decision.rule));
    if (g->meant)
        dict_set(body.u.dict, "meant", value_cstr(g->meant->name));
    struct ledger_event ev = {
        .type = type, .actor = g->actor, .host = g->which, .body = body.u.dict};
    return ledger_append(g->ledger, &ev, 1, e);
}

static void authorise(struct guard *g, const char *kind, const char *rule, const char *reason,
                      const struct approval_state *st)
{
    struct arena *a = g->s->arena;
    struct value v = value_dict(a), list = value_list(a);
    dict_set(v.u.dict, "kind", value_cstr(kind));
    if (rule)
        dict_set(v.u.dict, "rule", value_str(a, rule));
    if (reason)
        dict_set(v.u.dict, "reason", value_str(a, reason));
    for (int i = 0; st && i < st->have; i++)
        list_add(list.u.list, value_int(st->events[i]));
    if (st)
        dict_set(v.u.dict, "approvals", list);
    g->s->authority = v.u.dict;
    if (g->verified)
        g->s->actor = g->actor;
}

// --- rollouts
// ------------------------------------------------------------------------------------------

static int last_event(void *data, const struct ledger_event *ev)
{
    *(struct ledger_event *)data = *ev;
    return 0;
}

static bool names_all(const struct value *list, const char *const *hosts)
{
    if (!list || list->type != VALUE_LIST)
        return false;
    for (; *hosts; hosts++) {
        bool found = false;
        for (size_t i = 0; i < list->u.list->len && !found; i++)
            found = value_eqs(&list->u.list->items[i], *hosts);
        if (!found)
            return false;
    }
    return true;
}

// The hosts of all rings: what gates ask belongs to no batch.
static const struct value *all_rings(struct arena *a, const struct dict *rings)
{
    struct value *all = arena_new_of(a, struct value);
    struct dict_entry *it;
    *all = value_list(a);
    DICT_EACH(rings, it)
    for (size_t i = 0; it->val.type == VALUE_LIST && i < it->val.u.list->len; i++)
        list_add(all->u.list, it->val.u.list->items[i]);
    return all;
}

// A run that a rollout began: the ledger knows the rollout as under way, and the hosts as those of
// its ring. ANDON_CONTEXT alone, which anybody can set, is no authority.
static int is_of_rollout(struct guard *g, bool *ret, struct err *e)
{
    static const char *const types[] = {"rollout.started", "rollout.finished", NULL};
    struct arena *a = g->s->arena;
    const char *text = getenv("ANDON_CONTEXT");
    struct value v;
    *ret = false;
    if (!text || json_parse(a, text, strlen(text), &v, NULL) < 0 || v.type != VALUE_DICT)
        return 0;
    const char *rollout = dict_str(v.u.dict, "rollout", NULL),
               *ring = dict_str(v.u.dict, "ring", NULL);
    struct ledger_event last = {0};
    struct ledger_filter f = {.types = types, .rollout = rollout};
    int rc = rollout ? open_ledger(g, e) : 0;
    if (rc < 0 || !rollout)
        return rc;
    rc = ledger_each(g->ledger, &f, a, last_event, &last, e);
    if (rc < 0 || !last.type || strcmp(last.type, "rollout.started") != 0 || !last.body)
        return rc < 0 ? rc : 0;
    const struct value *hosts = dict_get(last.body, "hosts");
    if (hosts && hosts->type == VALUE_DICT)
        *ret = names_all(ring ? dict_get(hosts->u.dict, ring) : all_rings(a, hosts->u.dict),
                         g->job->hosts);
    return 0;
}

// --- by hand
// ------------------------------------------------------------------------------------------

// The protected host, for people: "web1", or "x, which is web1 by its address 10.0.0.5,".
static const char *which_host(const struct guard *g)
{
    return !g->protected || !g->which ? NULL
           : g->meant ? arena_printf(g->s->arena, "%s, by its address %s the host %s,", g->which,
                                     g->meant->address, g->meant->name)
                      : g->which;
}

static void decide(struct guard *g)
{
    struct policy_request q = {.action = g->s->undoes ? POLICY_UNDO : POLICY_RUN,
                               .actor = g->actor,
                               .verified = g->verified,
                               .protected = g->protected,
                               .which = which_host(g),
                               .hosts = g->job->hosts,
                               .host_matches = guard_host_matches,
                               .data = g->s,
                               .now = clock_real_us()};
    policy_decide(g->policy, &q, g->s->arena, &g->decision);
}

// Who it is by the user's key, where the name alone is not enough.
static int identify(struct guard *g, struct err *e)
{
    struct arena *a = g->s->arena;
    const char *statement, *signature, *principal = NULL;
    char time[LEDGER_TIME];
    ledger_time(clock_real_us(), time);
    statement =
        arena_printf(a, "{\"time\":\"%s\",\"verb\":\"run\",\"what\":\"%s\"}", time, g->job->what);
    int rc = identity_sign(g->s, statement, false, &signature, &principal, e);
    if (rc > 0 && principal) {
        g->actor = principal;
        g->verified = true;
        decide(g);
    }
    return rc < 0 ? rc : 0;
}

// An approved request for just this that was not used yet. *ret_near: the last one that is not
// approved enough.
static int find_approval(struct guard *g, const struct request **ret, const struct request **near,
                         struct err *e)
{
    struct request *all;
    size_t n;
    int rc = open_ledger(g, e);
    if (rc == 0)
        rc = requests_list(g->s, g->ledger, g->policy, NULL, NULL, g->s->arena, &all, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct request *r = &all[i];
        if (!r->what || strcmp(r->what, g->job->what) != 0 || r->over)
            continue;
        bool enough = !r->state.refused_by && r->state.have >= r->subject.need &&
                      r->state.have >= g->decision.approvals;
        *(enough ? ret : near) = r;
    }
    return rc;
}

static int by_approval(struct guard *g, bool *ret, struct err *e)
{
    const struct request *found = NULL, *near = NULL;
    struct arena *a = g->s->arena;
    int rc = find_approval(g, &found, &near, e);
    *ret = found != NULL;
    if (found) {
        authorise(g, "approval", g->decision.rule, NULL, &found->state);
    } else if (near && near->state.refused_by) {
        g->decision.reason =
            arena_printf(a, "%s refused it: %s", near->state.refused_by, near->state.refused_why);
    } else if (near) {
        g->decision.reason =
            arena_printf(a, "the request %s has %d of %d approvals%s%s", near->subject.subject,
                         near->state.have, near->subject.need, near->state.ignored ? "; " : "",
                         near->state.ignored ? near->state.ignored : "");
    }
    return rc;
}

static int break_glass(struct guard *g, struct err *e)
{
    const char *reason = g->s->o.break_glass;
    int rc = append(g, "breakglass", reason, e);
    if (rc < 0)
        return err_wrap(e, "break-glass is not possible where it cannot be recorded");
    authorise(g, "break-glass", NULL, reason, NULL);
    print_warning(&g->s->out,
                  "BREAK-GLASS by %s: %s. What is done to protected hosts now is without approval, "
                  "and is recorded as such.",
                  g->actor, reason);
    return 0;
}

static int refuse(struct guard *g)
{
    struct err e = ERR_INIT;
    if (append(g, "policy.denied", g->decision.reason, &e) < 0)
        return fail(g->s, &e);
    fprintf(stderr, "andon: refused: %s\n", g->decision.reason);
    fprintf(stderr, "  To have it approved:  the same command with --request, then andon approve "
                    "by others\n"
                    "  In an emergency:      the same command with --break-glass REASON; it is "
                    "recorded\n");
    return RUN_REFUSED;
}

static int judge(struct guard *g, bool *ret_ok, struct err *e)
{
    bool of_rollout = false;
    int rc = is_of_rollout(g, &of_rollout, e);
    *ret_ok = true;
    if (rc < 0)
        return rc;
    if (of_rollout) {
        authorise(g, "rollout", NULL, NULL, NULL);
        return 0;
    }
    rc = find_protected(g, g->job->hosts, e);
    if (rc == 0)
        rc = add_reached(g, e);
    if (rc < 0 || (!g->protected && !g->policy->n_rules && !g->policy->default_deny))
        return rc;
    decide(g);
    if (g->decision.verdict != POLICY_ALLOWED && (rc = identify(g, e)) < 0)
        return rc;
    if (g->decision.verdict == POLICY_ALLOWED) {
        authorise(g, g->decision.rule ? "rule" : "none", g->decision.rule, NULL, NULL);
        return 0;
    }
    bool approved = false;
    // what a rule forbids, or allows at another time, no approval makes right
    bool may_be_approved = g->decision.verdict == POLICY_NEEDS_APPROVAL || !g->decision.rule;
    if (may_be_approved && (rc = by_approval(g, &approved, e)) < 0)
        return rc;
    if (!approved && g->s->o.break_glass)
        return break_glass(g, e);
    *ret_ok = approved;
    return 0;
}

// Whether there is anything to be asked. What changes nothing is free.
static bool is_wanted(struct guard *g, int *ret_code)
{
    const struct options *o = &g->s->o;
    struct err e = ERR_INIT;
    *ret_code = 0;
    if (o->request)
        return true;
    if (o->check || o->syntax_check || o->list_hosts || o->list_tasks || o->list_tags)
        return false;
    if (identity_policy(g->s, &g->policy, &e) < 0) {
        *ret_code = fail(g->s, &e);
        return false;
    }
    return g->policy->protected_hosts || g->policy->n_rules || g->policy->default_deny;
}

static int check(struct guard *g)
{
    struct err e = ERR_INIT;
    bool ok = true;
    if (g->s->o.request)
        return 0;
    int rc = judge(g, &ok, &e), code = rc < 0 ? fail(g->s, &e) : ok ? 0 : refuse(g);
    ledger_close(g->ledger);
    g->ledger = NULL;
    return code;
}

// --- hosts that a run comes to meet
// ------------------------------------------------------------------------------------------

// Whether what allows the run is for all that its playbook does.
static bool covers_all(const struct session *s)
{
    const char *kind = s->authority ? dict_str(s->authority, "kind", "none") : "none";
    return strcmp(kind, "rollout") == 0 || strcmp(kind, "approval") == 0 ||
           strcmp(kind, "break-glass") == 0;
}

static void keep(struct guard *g, int code)
{
    if (code || !g->policy || g->s->o.request || covers_all(g->s)) {
        policy_free(g->policy);
        return;
    }
    g->judged = value_dict(g->s->arena).u.dict;
    for (const char *const *h = g->job->hosts; *h; h++)
        dict_set(g->judged, *h, value_bool(true));
    g->s->guard = g;
}

static int deny(struct guard *g, const char *host, struct err *e)
{
    int rc = append(g, "policy.denied", g->decision.reason, e);
    if (rc < 0)
        return rc;
    return err_set(e, ERR_INVALID, POS_NONE,
                   "this run may not touch %s, which it was not known to reach when it was "
                   "allowed: %s",
                   host, g->decision.reason);
}

static int judge_one(struct guard *g, const char *host, struct err *e)
{
    const char *one[] = {host, NULL};
    struct guard_job job = {.hosts = one, .command = g->job->command, .what = g->job->what};
    const struct guard_job *whole = g->job;
    g->job = &job;
    g->protected = false;
    g->meant = NULL;
    int rc = find_protected(g, one, e);
    bool asks =
        g->protected || (g->policy->default_deny && inventory_find_host(g->s->inventory, host));
    if (rc == 0 && asks)
        decide(g);
    if (rc == 0 && asks && g->decision.verdict != POLICY_ALLOWED && !g->verified)
        rc = identify(g, e);
    if (rc == 0 && asks && g->decision.verdict != POLICY_ALLOWED) {
        rc = g->s->o.break_glass ? break_glass(g, e) : deny(g, host, e);
        ledger_close(g->ledger);
        g->ledger = NULL;
    }
    g->job = whole;
    return rc;
}

int guard_reach(void *data, const char *host, struct err *e)
{
    struct session *s = data;
    struct guard *g = s->guard;
    if (!g || dict_get(g->judged, host))
        return 0;
    int rc = judge_one(g, host, e);
    if (rc == 0)
        dict_set(g->judged, arena_strdup(s->arena, host), value_bool(true));
    return rc;
}

void guard_end(struct session *s)
{
    if (s->guard)
        policy_free(s->guard->policy);
    s->guard = NULL;
}

// --- before it begins
// ------------------------------------------------------------------------------------------

static struct guard *guard_of(struct session *s, const struct guard_job *j)
{
    struct guard *g = arena_new_of(s->arena, struct guard);
    *g = (struct guard){.s = s, .job = j, .actor = ledger_actor(s->arena)};
    return g;
}

int guard_run(struct session *s, struct run *r, struct guard_job *j)
{
    struct guard *g = guard_of(s, j);
    int code;
    // a playbook that cannot be read is told of by who runs it
    if (!is_wanted(g, &code)) {
        policy_free(g->policy);
        return code;
    }
    if (guard_job_of_playbooks(s, r, j, NULL) < 0) {
        policy_free(g->policy);
        return 0;
    }
    code = check(g);
    keep(g, code);
    return code;
}

int guard_do(struct session *s, const char *module, const char *pattern,
             const struct inventory_hosts *hosts, struct guard_job *j)
{
    struct guard *g = guard_of(s, j);
    int code;
    if (is_wanted(g, &code)) {
        guard_job_of_module(s, module, pattern, hosts, j);
        code = check(g);
    }
    policy_free(g->policy);
    return code;
}
