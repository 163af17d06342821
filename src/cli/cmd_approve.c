// andon approve, refuse, approvals: what waits for a second pair of eyes, and the word of those who
// looked, signed.
#include "cli/identity.h"
#include "cli/requests.h"
#include "cli/text.h"
#include "cli/when.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_PLAN ((size_t)8 << 20)

struct approve {
    struct session s;
    struct arena *a;
    struct ledger *ledger;
    struct policy *policy;
    bool json;
};

static int fail(struct approve *c, struct err *e)
{
    session_error(&c->s, e);
    err_release(e);
    return RUN_ERROR;
}

// --- what is looked at
// ------------------------------------------------------------------------------------------

// The one request that is meant: 0, or an error that lists what there is.
static int pick(struct approve *c, const char *id, struct request *ret, struct err *e)
{
    struct request *all;
    struct buf b = BUF_INIT;
    size_t n, waiting = 0;
    int rc = requests_list(&c->s, c->ledger, c->policy, id, c->s.o.ring, c->a, &all, &n, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        if (all[i].over)
            continue;
        *ret = all[i]; // of two for the same ring the later one: its plan is the one that holds
        if (!waiting || strcmp(buf_str(&b), all[i].subject.ring ? all[i].subject.ring : "") != 0)
            waiting++;
        buf_clear(&b);
        buf_adds(&b, all[i].subject.ring ? all[i].subject.ring : "");
    }
    buf_release(&b);
    if (waiting == 1)
        return 0;
    if (waiting > 1)
        return err_set(e, ERR_INVALID, POS_NONE,
                       "several rings of %s wait for approval: say which with --ring", id);
    return err_set(e, ERR_NOENT, POS_NONE,
                   n ? "nothing of %s waits for approval any more"
                     : "nothing called %s waits for approval (andon approvals lists what does)",
                   id);
}

static int show_plan(struct approve *c, const struct request *r, struct err *e)
{
    const struct approval_subject *s = &r->subject;
    const char *text;
    size_t len;
    printf("%s\n%s, asked for by %s at %s; %d of %d approvals\n", request_words(r, c->a),
           s->subject, r->by ? r->by : "?", when_string(c->a, r->time), r->state.have, s->need);
    if (s->commit)
        printf("commit %s%s%s%s%s\n", s->commit, s->author ? " by " : "",
               s->author ? s->author : "", s->committer ? ", committed by " : "",
               s->committer ? s->committer : "");
    if (!s->plan) {
        printf("No dry run was recorded with it.\n");
        return 0;
    }
    int rc = ledger_blob_get(c->ledger, s->plan, MAX_PLAN, c->a, &text, &len, e);
    if (rc < 0)
        return err_wrap(e, "the plan of it cannot be shown");
    struct buf b = BUF_INIT;
    text_add_clean(&b, text, len);
    printf("\n%s%s\n", buf_str(&b), b.len && b.p[b.len - 1] == '\n' ? "" : "\n");
    buf_release(&b);
    return 0;
}

// Yes on the terminal, or --yes. 1, 0 for no, or <0 where nobody can be asked.
static int ask(struct approve *c, const char *verb, struct err *e)
{
    if (c->s.o.yes)
        return 1;
    if (!session_can_ask())
        return err_set(e, ERR_INVALID, POS_NONE, "there is no terminal to ask on: say --yes");
    fflush(stdout);
    char *answer = session_ask(&c->s, arena_printf(c->a, "%s this? [y/N] ", verb), false, 0);
    int yes = answer && strncasecmp(answer, "y", 1) == 0;
    free(answer);
    return yes;
}

// --- the word
// ------------------------------------------------------------------------------------------

static int refused(struct approve *c, const struct request *r, const char *actor,
                   const struct policy_decision *d)
{
    struct value body = value_dict(c->a);
    struct err e = ERR_INIT;
    dict_set(body.u.dict, "action", value_cstr("approve"));
    dict_set(body.u.dict, "reason", value_cstr(d->reason));
    if (d->rule)
        dict_set(body.u.dict, "rule", value_cstr(d->rule));
    struct ledger_event ev = {.type = "policy.denied",
                              .actor = actor,
                              .service = r->subject.service,
                              .release = r->subject.release,
                              .rollout = r->subject.ring ? r->subject.subject : NULL,
                              .ring = r->subject.ring,
                              .body = body.u.dict};
    if (ledger_append(c->ledger, &ev, 1, &e) < 0)
        return fail(c, &e);
    fprintf(stderr, "andon: refused: %s\n", d->reason);
    return RUN_REFUSED;
}

static int sign(struct approve *c, const struct request *r, const char *verb,
                const char **ret_statement, const char **ret_signature, const char **ret_principal,
                struct err *e)
{
    *ret_statement = approval_statement(c->a, verb, &r->subject, clock_real_us());
    int rc = identity_sign(&c->s, *ret_statement, true, ret_signature, ret_principal, e);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return err_set(e, ERR_NOENT, POS_NONE,
                       "an approval is signed, and there is no key to sign with: set signing_key "
                       "in the section [andon], add one to the agent, or make ~/.ssh/id_ed25519");
    if (!*ret_principal)
        return err_set(e, ERR_INVALID, POS_NONE,
                       "your key is not in %s, or not valid now: an approval of nobody counts for "
                       "nothing",
                       identity_signers(&c->s));
    return 0;
}

static int record(struct approve *c, const struct request *r, bool given, const char *statement,
                  const char *signature, const char *principal, struct err *e)
{
    const struct approval_subject *s = &r->subject;
    struct value body = value_dict(c->a);
    const struct {
        const char *key, *text;
    } texts[] = {
        {"for", s->ring ? "ring" : "run"}, {"subject", s->subject},  {"plan", s->plan},
        {"statement", statement},          {"signature", signature}, {"principal", principal},
        {"reason", c->s.o.reason}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].text)
            dict_set(body.u.dict, texts[i].key, value_cstr(texts[i].text));
    struct ledger_event ev = {.type = given ? "approval.given" : "approval.refused",
                              .actor = principal,
                              .service = s->service,
                              .release = s->release,
                              .rollout = s->ring ? s->subject : NULL,
                              .ring = s->ring,
                              .body = body.u.dict};
    return ledger_append(c->ledger, &ev, 1, e);
}

static int speak(struct approve *c, const char *id, bool given)
{
    struct request r = {0};
    struct err e = ERR_INIT;
    const char *verb = given ? "approve" : "refuse", *statement, *signature, *principal = NULL;
    struct policy_decision d;
    struct approval_state state;
    int rc = pick(c, id, &r, &e);
    if (rc == 0)
        rc = show_plan(c, &r, &e);
    if (rc == 0)
        rc = ask(c, given ? "Approve" : "Refuse", &e);
    if (rc < 0)
        return fail(c, &e);
    if (rc == 0) {
        printf("Nothing was done.\n");
        return RUN_ERROR;
    }
    if (sign(c, &r, verb, &statement, &signature, &principal, &e) < 0)
        return fail(c, &e);
    if (!approval_allowed(c->policy, &r.subject, principal, true, clock_real_us(), c->a, &d))
        return refused(c, &r, principal, &d);
    if (record(c, &r, given, statement, signature, principal, &e) < 0 ||
        approval_count(c->ledger, c->policy, identity_signers(&c->s), &r.subject, c->a, &state,
                       &e) < 0)
        return fail(c, &e);
    if (given)
        printf("%s approved %s: %d of %d approvals\n", principal, request_words(&r, c->a),
               state.have, r.subject.need);
    else
        printf("%s refused %s\n", principal, request_words(&r, c->a));
    return 0;
}

// --- what waits
// ------------------------------------------------------------------------------------------

static struct value as_value(struct approve *c, const struct request *r)
{
    const struct approval_subject *s = &r->subject;
    struct value v = value_dict(c->a), by = value_list(c->a);
    char time[LEDGER_TIME];
    ledger_time(r->time, time);
    const struct {
        const char *key, *text;
    } texts[] = {{"id", s->subject},      {"ring", s->ring},
                 {"service", s->service}, {"release", s->release},
                 {"plan", s->plan},       {"command", r->command},
                 {"by", r->by},           {"refused_by", r->state.refused_by}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].text)
            dict_set(v.u.dict, texts[i].key, value_cstr(texts[i].text));
    for (int i = 0; i < r->state.have; i++)
        list_add(by.u.list, value_cstr(r->state.by[i]));
    dict_set(v.u.dict, "time", value_str(c->a, time));
    dict_set(v.u.dict, "need", value_int(s->need));
    dict_set(v.u.dict, "approved_by", by);
    return v;
}

static int list(struct approve *c)
{
    struct request *all = NULL;
    struct err e = ERR_INIT;
    size_t n = 0, shown = 0;
    if (c->ledger && requests_list(&c->s, c->ledger, c->policy, NULL, NULL, c->a, &all, &n, &e) < 0)
        return fail(c, &e);
    for (size_t i = 0; i < n; i++) {
        const struct request *r = &all[i];
        if (r->over)
            continue;
        shown++;
        if (c->json) {
            struct value v = as_value(c, r);
            print_value(&v, NULL);
            continue;
        }
        printf("%-24s  %d of %d  %s, asked for by %s at %s\n", r->subject.subject, r->state.have,
               r->subject.need, request_words(r, c->a), r->by ? r->by : "?",
               when_string(c->a, r->time));
        if (r->state.refused_by)
            printf("%-24s  refused by %s%s%s\n", "", r->state.refused_by,
                   *r->state.refused_why ? ": " : "", r->state.refused_why);
        if (r->state.ignored)
            printf("%-24s  %s\n", "", r->state.ignored);
    }
    if (!shown && !c->json)
        printf("Nothing waits for approval.\n");
    return 0;
}

// --- the commands
// ------------------------------------------------------------------------------------------

static int start(struct approve *c, int argc, char **argv, bool compat, bool read_only, size_t args,
                 const char *wants)
{
    struct err e = ERR_INIT;
    int code = session_options(&c->s, argv[0], compat, argc, argv, OPT_APPROVE);
    c->a = c->s.arena;
    if (code)
        return code < 0 ? -1 : RUN_USAGE;
    c->json = c->s.o.output && strcmp(c->s.o.output, "json") == 0;
    if (c->s.o.args->len != args) {
        session_usage_error(&c->s, "%s", wants);
        return RUN_USAGE;
    }
    if (identity_policy(&c->s, &c->policy, &e) < 0)
        return fail(c, &e);
    struct ledger_opts lo = {.read_only = read_only};
    int rc = ledger_open(session_state_dir(&c->s), &lo, &c->ledger, &e);
    if (rc == ERR_NOENT && read_only)
        err_release(&e);
    else if (rc < 0)
        return fail(c, &e);
    return 0;
}

static int end(struct approve *c, int code)
{
    ledger_close(c->ledger);
    policy_free(c->policy);
    arena_free(c->a);
    return code < 0 ? 0 : code;
}

int cmd_approve(int argc, char **argv, bool compat)
{
    struct approve c = {0};
    int code = start(&c, argc, argv, compat, false, 1, "say what: the id of a rollout or request");
    return end(&c, code ? code : speak(&c, c.s.o.args->items[0].u.str.s, true));
}

int cmd_refuse(int argc, char **argv, bool compat)
{
    struct approve c = {0};
    int code = start(&c, argc, argv, compat, false, 1, "say what: the id of a rollout or request");
    if (!code && (!c.s.o.reason || !*c.s.o.reason)) {
        session_usage_error(&c.s, "say why with --reason");
        code = RUN_USAGE;
    }
    return end(&c, code ? code : speak(&c, c.s.o.args->items[0].u.str.s, false));
}

int cmd_approvals(int argc, char **argv, bool compat)
{
    struct approve c = {0};
    int code = start(&c, argc, argv, compat, true, 0, "it takes no arguments");
    return end(&c, code ? code : list(&c));
}
