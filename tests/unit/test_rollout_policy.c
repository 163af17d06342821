// Who may do what: one policy, and a table of requests with what becomes of them.
#include "core/file.h"
#include "rollout/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] = "groups:\n"
                           "  dev: [ann@example.org, ben@example.org]\n"
                           "  ops: ['*@ops.example.org', zoe@example.org]\n"
                           "protected_hosts: [prod]\n"
                           "rules:\n"
                           "  - name: not on our watch\n"
                           "    who: mallory@example.org\n"
                           "    may_not: all\n"
                           "  - name: no shop by ops\n"
                           "    who: ops\n"
                           "    may_not: [deploy]\n"
                           "    service: shop\n"
                           "    ring: rest\n"
                           "  - name: dev to canary\n"
                           "    who: dev\n"
                           "    may: [deploy, rollback]\n"
                           "    service: ['shop*']\n"
                           "    ring: canary\n"
                           "  - name: dev to rest\n"
                           "    who: dev\n"
                           "    may: deploy\n"
                           "    ring: rest\n"
                           "    when: mon-fri 08:00-17:00 UTC\n"
                           "    approvals: 2\n"
                           "    from: [dev, ops]\n"
                           "  - name: anyone to test\n"
                           "    who: anyone\n"
                           "    may: deploy\n"
                           "    ring: test\n"
                           "  - name: reviewers\n"
                           "    who: [dev, ops]\n"
                           "    may: approve\n"
                           "  - name: lone reviewer\n"
                           "    who: sol@example.org\n"
                           "    may: approve\n"
                           "    four_eyes: false\n"
                           "  - name: ops by hand\n"
                           "    who: ops\n"
                           "    may: run\n"
                           "    hosts: [db1, web*]\n"
                           "  - name: ben by hand\n"
                           "    who: ben@example.org\n"
                           "    may: run\n"
                           "    hosts: [prod]\n"
                           "    approvals: 1\n"
                           "  - name: nobody touches db9\n"
                           "    who: anyone\n"
                           "    may_not: run\n"
                           "    hosts: db9\n";

#define FRIDAY "2026-11-20 10:00"
#define NIGHT "2026-11-20 22:00"

// action, actor ("?" in front: not verified), service, ring ("!": protected), hosts ("a b"),
// author, starter, time; the verdict, the rule ("": none) and a part of the reason
static const struct {
    enum policy_action action;
    const char *actor, *service, *ring, *hosts, *author, *starter, *now;
    enum policy_verdict verdict;
    const char *rule, *reason;
    int approvals;
} cases[] = {
    {POLICY_DEPLOY, "ann@example.org", "shop", "!canary", 0, 0, 0, NIGHT, POLICY_ALLOWED,
     "dev to canary", "the rule 'dev to canary' allows it", 0},
    {POLICY_ROLLBACK, "ann@example.org", "shop-eu", "!canary", 0, 0, 0, NIGHT, POLICY_ALLOWED,
     "dev to canary", "", 0},
    {POLICY_DEPLOY, "ann@example.org", "till", "!canary", 0, 0, 0, NIGHT, POLICY_DENIED, "",
     "canary is protected, and no rule of", 0},
    {POLICY_DEPLOY, "ann@example.org", "till", "canary", 0, 0, 0, NIGHT, POLICY_ALLOWED, "",
     "nothing forbids it", 0},
    {POLICY_DEPLOY, "?ann@example.org", "shop", "!canary", 0, 0, 0, NIGHT, POLICY_DENIED, "",
     "is no verified signer", 0},
    {POLICY_DEPLOY, "?ann@host", "shop", "!test", 0, 0, 0, NIGHT, POLICY_DENIED, "",
     "is no verified signer", 0},
    {POLICY_DEPLOY, "?ann@host", "shop", "test", 0, 0, 0, NIGHT, POLICY_ALLOWED, "anyone to test",
     "", 0},
    {POLICY_DEPLOY, "zoe@example.org", "x", "!test", 0, 0, 0, NIGHT, POLICY_ALLOWED,
     "anyone to test", "", 0},
    {POLICY_DEPLOY, "ben@example.org", "shop", "!rest", 0, 0, 0, FRIDAY, POLICY_NEEDS_APPROVAL,
     "dev to rest", "with 2 approvals", 2},
    {POLICY_DEPLOY, "ben@example.org", "shop", "!rest", 0, 0, 0, NIGHT, POLICY_DENIED,
     "dev to rest", "but not now: outside of mon-fri 08:00-17:00 UTC", 0},
    {POLICY_DEPLOY, "zoe@example.org", "shop", "rest", 0, 0, 0, FRIDAY, POLICY_DENIED,
     "no shop by ops", "the rule 'no shop by ops' forbids it", 0},
    {POLICY_DEPLOY, "mallory@example.org", "x", "test", 0, 0, 0, FRIDAY, POLICY_DENIED,
     "not on our watch", "forbids it", 0},
    // what forbids also binds those nobody vouches for
    {POLICY_DEPLOY, "?mallory@example.org", "x", "test", 0, 0, 0, FRIDAY, POLICY_DENIED,
     "not on our watch", "forbids it", 0},
    // anyone may pull the cord, unless a rule forbids it
    {POLICY_STOP, "?x@host", "shop", "!rest", 0, 0, 0, NIGHT, POLICY_ALLOWED, "",
     "nothing forbids it", 0},
    {POLICY_STOP, "mallory@example.org", "shop", "rest", 0, 0, 0, NIGHT, POLICY_DENIED,
     "not on our watch", "", 0},
    // four eyes
    {POLICY_APPROVE, "ann@example.org", "shop", "!rest", 0, "Ben <ben@example.org>",
     "ben@example.org", FRIDAY, POLICY_ALLOWED, "reviewers", "", 0},
    {POLICY_APPROVE, "ann@example.org", "shop", "!rest", 0, "Ann A. <Ann@Example.org>",
     "ben@example.org", FRIDAY, POLICY_DENIED, "reviewers", "is the author of the commit", 0},
    {POLICY_APPROVE, "ann@example.org", "shop", "!rest", 0, 0, "ann@example.org", FRIDAY,
     POLICY_DENIED, "reviewers", "started it", 0},
    {POLICY_APPROVE, "x@ops.example.org", "shop", "!rest", 0, 0, "ann@example.org", FRIDAY,
     POLICY_ALLOWED, "reviewers", "", 0},
    {POLICY_APPROVE, "sol@example.org", "shop", "!rest", 0, "sol@example.org", "sol@example.org",
     FRIDAY, POLICY_ALLOWED, "lone reviewer", "", 0},
    {POLICY_APPROVE, "eve@example.org", "shop", "!rest", 0, 0, 0, FRIDAY, POLICY_DENIED, "",
     "no rule of", 0},
    {POLICY_APPROVE, "eve@example.org", "shop", "rest", 0, 0, "eve@example.org", FRIDAY,
     POLICY_DENIED, "", "started it", 0},
    // by hand
    {POLICY_RUN, "zoe@example.org", 0, 0, "!db1 web3", 0, 0, NIGHT, POLICY_ALLOWED, "ops by hand",
     "", 0},
    {POLICY_RUN, "zoe@example.org", 0, 0, "!db1 db2", 0, 0, NIGHT, POLICY_DENIED, "",
     "a host of it is protected", 0},
    {POLICY_RUN, "zoe@example.org", 0, 0, "!db1 db9", 0, 0, NIGHT, POLICY_DENIED,
     "nobody touches db9", "", 0},
    {POLICY_RUN, "ben@example.org", 0, 0, "!prod", 0, 0, NIGHT, POLICY_NEEDS_APPROVAL,
     "ben by hand", "with 1 approval", 1},
    {POLICY_RUN, "?ben@host", 0, 0, "test1", 0, 0, NIGHT, POLICY_ALLOWED, "", "nothing forbids it",
     0},
    // nobody is named
    {POLICY_UNDO, "ann@example.org", "shop", "!canary", 0, 0, 0, NIGHT, POLICY_DENIED, "", "", 0},
    {POLICY_PROMOTE, "ann@example.org", "shop", "canary", 0, 0, 0, NIGHT, POLICY_ALLOWED, "", "",
     0},
};

static int64_t utc(const char *s)
{
    struct tm tm = {0};
    strptime(s, "%Y-%m-%d %H:%M", &tm);
    return (int64_t)timegm(&tm) * 1000000;
}

static struct policy *load(const char *yaml, char *told, size_t size);

static const char *const *hosts_of(struct arena *a, const char *s)
{
    const char **list = arena_array(a, const char *, 8);
    size_t n = 0;
    if (!s)
        return NULL;
    for (s += *s == '!'; *s && n < 7;) {
        size_t len = strcspn(s, " ");
        list[n++] = arena_strndup(a, s, len);
        s += len + (s[len] == ' ');
    }
    return list;
}

static void test_cases(void **state)
{
    char told[500];
    struct policy *p = load(text, told, sizeof told);
    int bad = 0;
    (void)state;
    if (!p)
        fail_msg("%s", told);
    assert_string_equal(p->protected_hosts[0], "prod");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new();
        const char *ring = cases[i].ring, *actor = cases[i].actor, *hosts = cases[i].hosts;
        struct policy_request q = {.action = cases[i].action,
                                   .actor = actor + (*actor == '?'),
                                   .verified = *actor != '?',
                                   .service = cases[i].service,
                                   .ring = ring ? ring + (*ring == '!') : NULL,
                                   .protected = (ring && *ring == '!') || (hosts && *hosts == '!'),
                                   .author = cases[i].author,
                                   .starter = cases[i].starter,
                                   .hosts = hosts_of(a, hosts),
                                   .now = utc(cases[i].now)};
        struct policy_decision d;
        policy_decide(p, &q, a, &d);
        if (d.verdict != cases[i].verdict || strcmp(d.rule ? d.rule : "", cases[i].rule) != 0 ||
            !strstr(d.reason, cases[i].reason) || d.approvals != cases[i].approvals) {
            print_error("case %zu: %d by '%s', %d approvals: %s\n", i, (int)d.verdict,
                        d.rule ? d.rule : "", d.approvals, d.reason);
            bad++;
        }
        arena_free(a);
    }
    assert_int_equal(bad, 0);
    policy_free(p);
}

// A ring's own number of approvals counts where it is more, and without any rule.
static void test_ring_wants_approvals(void **state)
{
    char told[500];
    struct policy *p = load(text, told, sizeof told), *none = load("", told, sizeof told);
    struct arena *a = arena_new();
    struct policy_decision d;
    struct policy_request q = {.action = POLICY_DEPLOY,
                               .actor = "ann@example.org",
                               .verified = true,
                               .service = "shop",
                               .ring = "rest",
                               .approvals = 3,
                               .now = utc(FRIDAY)};
    (void)state;
    policy_decide(p, &q, a, &d);
    assert_int_equal(d.approvals, 3);
    assert_string_equal(d.approvers[1], "ops");
    q.approvals = 1;
    policy_decide(p, &q, a, &d);
    assert_int_equal(d.approvals, 2);
    policy_decide(none, &q, a, &d);
    assert_int_equal(d.verdict, POLICY_NEEDS_APPROVAL);
    assert_int_equal(d.approvals, 1);
    assert_null(d.approvers);
    assert_true(d.four_eyes);
    // who starts it must be known, or he could approve it himself
    q.verified = false;
    policy_decide(none, &q, a, &d);
    assert_int_equal(d.verdict, POLICY_DENIED);
    assert_non_null(strstr(d.reason, "cannot be verified"));
    q.approvals = 0;
    policy_decide(none, &q, a, &d);
    assert_int_equal(d.verdict, POLICY_ALLOWED);
    q.protected = true;
    policy_decide(none, &q, a, &d);
    assert_int_equal(d.verdict, POLICY_DENIED);
    policy_free(p);
    policy_free(none);
    arena_free(a);
}

static void test_default_deny(void **state)
{
    char told[500];
    struct policy *p = load("default: deny\nrules:\n  - {name: r, who: anyone, may: deploy, ring: "
                            "canary}\n",
                            told, sizeof told);
    struct arena *a = arena_new();
    struct policy_decision d;
    struct policy_request q = {.action = POLICY_DEPLOY, .actor = "x@host", .ring = "canary"};
    (void)state;
    policy_decide(p, &q, a, &d);
    assert_int_equal(d.verdict, POLICY_ALLOWED);
    q.ring = "rest";
    policy_decide(p, &q, a, &d);
    assert_int_equal(d.verdict, POLICY_DENIED);
    policy_free(p);
    arena_free(a);
}

// --- mistakes
// ------------------------------------------------------------------------------------------

static void tell(void *data, struct pos pos, const char *msg)
{
    char *told = data;
    size_t len = strlen(told);
    snprintf(told + len, 500 - len, "%u:%u: %s\n", pos.line, pos.col, msg);
}

static struct policy *load(const char *yaml, char *told, size_t size)
{
    char path[] = "/tmp/andon-policy-XXXXXX";
    struct policy *p = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && size == 500);
    assert_true(write(fd, yaml, strlen(yaml)) == (ssize_t)strlen(yaml));
    close(fd);
    *told = '\0';
    if (policy_load(path, &p, tell, told, NULL) < 0)
        p = NULL;
    unlink(path);
    return p;
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *yaml, *told;
    } wrong[] = {
        {"rule: []\n", "1:1: a policy has no key 'rule' (did you mean 'rules'?)\n"},
        {"rules: x\n", "1:8: 'rules' is a list of rules\n"},
        {"rules: [{name: a, who: anyone, may: [deply]}]\n",
         "1:37: there is no action 'deply' (did you mean 'deploy'?)\n"},
        {"rules: [{name: a, may: deploy}]\n",
         "1:9: a rule needs the key 'who' (a list, or anyone)\n"},
        {"rules: [{name: a, who: anyone}]\n", "1:9: a rule says either 'may' or 'may_not'\n"},
        {"rules: [{who: anyone, may: deploy}]\n", "1:9: a rule needs the key 'name'\n"},
        {"groups: {ops: [a@b]}\nrules: [{name: a, who: opps, may: deploy}]\n",
         "2:24: 'opps' is no group of this policy, and principals have an @ (did you mean "
         "'ops'?)\n"},
        {"rules: [{name: a, who: anyone, may: deploy, from: [x@y]}]\n",
         "1:51: 'from' belongs to 'approvals'\n"},
        {"rules: [{name: a, who: anyone, may_not: deploy, approvals: 1}]\n",
         "1:9: a rule that forbids asks for no approvals\n"},
        {"groups: {ops: [1]}\n", "1:16: a group is a list of principals\n"},
        {"default: maybe\n", "1:10: 'default' is allow or deny, not 'maybe'\n"},
    };
    int bad = 0;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char told[500];
        struct policy *p = load(wrong[i].yaml, told, sizeof told);
        if (p || strcmp(told, wrong[i].told) != 0) {
            print_error("--- of\n%s--- wanted\n%s--- told\n%s", wrong[i].yaml, wrong[i].told, told);
            bad++;
        }
        policy_free(p);
    }
    assert_int_equal(bad, 0);
}

static void test_no_file(void **state)
{
    struct policy *p;
    (void)state;
    assert_int_equal(policy_load("/nonexistent/policy.yml", &p, NULL, NULL, NULL), 0);
    assert_null(p->file);
    assert_int_equal(p->n_rules, 0);
    policy_free(p);
}

// The examples of docs/POLICY.md are policies.
static void test_documentation(void **state)
{
    struct arena *a = arena_new();
    char *doc, told[500];
    size_t len, n = 0;
    (void)state;
    assert_int_equal(file_read(a, TEST_ROOT "/../docs/POLICY.md", 1 << 20, &doc, &len, NULL), 0);
    for (char *s = doc; (s = strstr(s, "```yaml\n")); n++) {
        s += strlen("```yaml\n");
        char *end = strstr(s, "```");
        assert_non_null(end);
        struct policy *p = load(arena_strndup(a, s, (size_t)(end - s)), told, sizeof told);
        if (!p)
            fail_msg("%s", told);
        policy_free(p);
        s = end + 3;
    }
    assert_true(n >= 1);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),        cmocka_unit_test(test_ring_wants_approvals),
        cmocka_unit_test(test_default_deny), cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_no_file),      cmocka_unit_test(test_documentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
