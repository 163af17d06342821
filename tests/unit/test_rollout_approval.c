// Which approvals count: real signatures, in a real ledger.
#include "core/file.h"
#include "core/program.h"
#include "ledger/sshsig.h"
#include "rollout/approval.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/andon-approval-XXXXXX";
static struct arena *a;
static struct ledger *l;
static struct policy *policy;
static const char *signers;
static int number; // of the subject at hand

static void sh(const char *script)
{
    const char *const argv[] = {"sh", "-ec", script, NULL};
    struct program_result r;
    struct program_opts o = {.cwd = dir, .timeout_ms = 30000, .no_terminal = true};
    if (program_run(argv, &o, &r, NULL) < 0 || r.status != 0)
        fail_msg("%s: %s", script, buf_str(&r.err));
    program_release(&r);
}

static int set_up(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    a = arena_new();
    if (!mkdtemp(dir))
        return -1;
    sh("for k in ann ben cat old out; do ssh-keygen -q -t ed25519 -N '' -f $k; done;"
       "for k in ann ben cat; do echo $k@example.org \"$(cut -d' ' -f1,2 $k.pub)\"; done >signers;"
       "echo old@example.org 'valid-before=\"20200101Z\"' \"$(cut -d' ' -f1,2 old.pub)\" >>signers;"
       "printf 'rules:\\n  - {name: r, who: \"[abco]*@example.org\", may: approve}\\n' "
       ">policy.yml");
    signers = path_join(a, dir, "signers");
    if (policy_load(path_join(a, dir, "policy.yml"), &policy, NULL, NULL, &e) < 0 ||
        ledger_open(path_join(a, dir, "state"), &(struct ledger_opts){0}, &l, &e) < 0)
        fail_msg("%s", err_msg(&e));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ledger_close(l);
    policy_free(policy);
    sh("rm -rf -- \"$PWD\"");
    arena_free(a);
    return 0;
}

// A subject that nothing was said of yet.
static struct approval_subject fresh(void)
{
    return (struct approval_subject){.subject = arena_printf(a, "d-%d", ++number),
                                     .ring = "rest",
                                     .service = "shop",
                                     .release = "1.0",
                                     .commit = "c0ffee",
                                     .digest = "d1",
                                     .plan = "p1",
                                     .author = "Ann <ann@example.org>",
                                     .starter = "ben@example.org",
                                     .protected = true,
                                     .need = 1,
                                     .four_eyes = true};
}

// What somebody says of a subject, as an event. said: the subject as it stands in his statement.
static void say(const char *who, const char *verb, const struct approval_subject *s,
                const struct approval_subject *said, int64_t time, const char *key)
{
    struct sshsig_key k = {.file = path_join(a, dir, key), .origin = key};
    const char *statement = approval_statement(a, verb, said, time ? time : clock_real_us()), *sig;
    struct err e = ERR_INIT;
    if (sshsig_sign(a, &k, SSHSIG_NAMESPACE, statement, strlen(statement), false, &sig, &e) < 0)
        fail_msg("%s", err_msg(&e));
    struct value body = value_dict(a);
    dict_set(body.u.dict, "for", value_cstr("ring"));
    dict_set(body.u.dict, "subject", value_cstr(s->subject));
    dict_set(body.u.dict, "statement", value_cstr(statement));
    dict_set(body.u.dict, "signature", value_cstr(sig));
    dict_set(body.u.dict, "principal", value_cstr(who));
    dict_set(body.u.dict, "reason", value_cstr("because"));
    struct ledger_event ev = {.type = strcmp(verb, "approve") == 0 ? "approval.given"
                                                                   : "approval.refused",
                              .actor = who,
                              .service = s->service,
                              .release = s->release,
                              .rollout = s->subject,
                              .ring = s->ring,
                              .body = body.u.dict};
    if (ledger_append(l, &ev, 1, &e) < 0)
        fail_msg("%s", err_msg(&e));
}

static struct approval_state count(const struct approval_subject *s)
{
    struct approval_state st;
    struct err e = ERR_INIT;
    if (approval_count(l, policy, signers, s, a, &st, &e) < 0)
        fail_msg("%s", err_msg(&e));
    return st;
}

static void expect(const struct approval_subject *s, int have, const char *ignored)
{
    struct approval_state st = count(s);
    if (st.have != have || !ignored != !st.ignored || (ignored && !strstr(st.ignored, ignored)))
        fail_msg("%s: %d count, ignored: %s", s->subject, st.have,
                 st.ignored ? st.ignored : "none");
}

static void test_counts(void **state)
{
    struct approval_subject s = fresh();
    (void)state;
    expect(&s, 0, NULL);
    say("cat@example.org", "approve", &s, &s, 0, "cat");
    expect(&s, 1, NULL);
    say("cat@example.org", "approve", &s, &s, 0, "cat"); // once is enough
    struct approval_state st = count(&s);
    assert_int_equal(st.have, 1);
    assert_string_equal(st.by[0], "cat@example.org");
    assert_null(st.by[1]);
    // of another ring, and of another rollout
    struct approval_subject other = s;
    other.ring = "canary";
    expect(&other, 0, NULL);
}

// What was approved must be what is asked about, to the letter.
static void test_other_content(void **state)
{
    static const struct {
        size_t field;
        const char *name;
    } fields[] = {{offsetof(struct approval_subject, release), "release"},
                  {offsetof(struct approval_subject, commit), "commit"},
                  {offsetof(struct approval_subject, digest), "digest"},
                  {offsetof(struct approval_subject, plan), "plan"},
                  {offsetof(struct approval_subject, service), "service"},
                  {offsetof(struct approval_subject, ring), "ring"}};
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct approval_subject s = fresh(), said = s;
        *(const char **)(void *)((char *)&said + fields[i].field) = "another";
        say("cat@example.org", "approve", &s, &said, 0, "cat");
        expect(&s, 0, arena_printf(a, "it is of another %s", fields[i].name));
    }
    struct approval_subject s = fresh(), first = fresh();
    say("cat@example.org", "approve", &s, &first, 0, "cat"); // shown again for another rollout
    expect(&s, 0, "it is of another subject");
    say("cat@example.org", "approve", &s, &s, clock_real_us() - INT64_C(3600000000), "cat");
    expect(&s, 0, "the time in its statement is not that of its event");
}

static void test_signers(void **state)
{
    struct approval_subject s = fresh();
    (void)state;
    say("cat@example.org", "approve", &s, &s, 0, "ann"); // with somebody else's key
    expect(&s, 0, "the approval of cat@example.org does not count");
    say("out@example.org", "approve", &s, &s, 0, "out"); // nobody's
    expect(&s, 0, "the signer is not in");
    say("old@example.org", "approve", &s, &s, 0, "old"); // not any more
    expect(&s, 0, "not valid at that time");
}

static void test_altered(void **state)
{
    struct approval_subject s = fresh();
    const char *statement = approval_statement(a, "approve", &s, clock_real_us());
    struct value body = value_dict(a);
    (void)state;
    dict_set(body.u.dict, "subject", value_cstr(s.subject));
    dict_set(body.u.dict, "statement", value_cstr(statement));
    dict_set(body.u.dict, "principal", value_cstr("cat@example.org"));
    struct ledger_event ev = {.type = "approval.given",
                              .actor = "cat@example.org",
                              .rollout = s.subject,
                              .ring = s.ring,
                              .body = body.u.dict};
    dict_set(body.u.dict, "signature", value_cstr("")); // the ledger wants one
    assert_int_equal(ledger_append(l, &ev, 1, NULL), 0);
    expect(&s, 0, "does not count");
}

static void test_four_eyes(void **state)
{
    struct approval_subject s = fresh();
    (void)state;
    say("ann@example.org", "approve", &s, &s, 0, "ann");
    expect(&s, 0, "ann@example.org is the author of the commit");
    say("ben@example.org", "approve", &s, &s, 0, "ben");
    expect(&s, 0, "ben@example.org started it");
    s.committer = "Cat <cat@example.org>";
    say("cat@example.org", "approve", &s, &s, 0, "cat");
    expect(&s, 0, "cat@example.org made the commit");
    s.four_eyes = false;
    expect(&s, 3, NULL);
}

static void test_who_is_asked(void **state)
{
    static const char *const only[] = {"ann@example.org", NULL};
    struct approval_subject s = fresh();
    (void)state;
    s.approvers = only;
    say("cat@example.org", "approve", &s, &s, 0, "cat");
    expect(&s, 0, "cat@example.org is not among those who are asked");
}

static void test_refused(void **state)
{
    struct approval_subject s = fresh();
    (void)state;
    say("cat@example.org", "approve", &s, &s, 0, "cat");
    say("cat@example.org", "refuse", &s, &s, 0, "cat");
    struct approval_state st = count(&s);
    assert_int_equal(st.have, 0);
    assert_string_equal(st.refused_by, "cat@example.org");
    assert_string_equal(st.refused_why, "because");
    say("cat@example.org", "approve", &s, &s, 0, "cat");
    st = count(&s);
    assert_int_equal(st.have, 1);
    assert_null(st.refused_by);
    // nobody refuses who may not approve
    say("ben@example.org", "refuse", &s, &s, 0, "ben");
    assert_null(count(&s).refused_by);
}

static void test_requested_once(void **state)
{
    struct approval_subject s = fresh();
    int64_t before = ledger_size(l);
    (void)state;
    assert_int_equal(approval_request(l, &s, "ben@example.org", NULL), 0);
    assert_int_equal(approval_request(l, &s, "ben@example.org", NULL), 0);
    assert_int_equal(ledger_size(l), before + 1);
    s.plan = "p2";
    assert_int_equal(approval_request(l, &s, "ben@example.org", NULL), 0);
    assert_int_equal(ledger_size(l), before + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),    cmocka_unit_test(test_other_content),
        cmocka_unit_test(test_signers),   cmocka_unit_test(test_altered),
        cmocka_unit_test(test_four_eyes), cmocka_unit_test(test_who_is_asked),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_requested_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
