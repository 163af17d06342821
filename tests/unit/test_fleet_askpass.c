// Passwords and questions: a stand-in for ssh asks through SSH_ASKPASS as ssh would.
#include "fleet_test.h"

#define ASKPASS BUILD_ROOT "/tests/fleet/conn_ping" // its main() answers as andon's does

static struct events events;
static char asked[512]; // prompts that came to the person at the terminal

static char *ask(void *data, const struct conn *c, enum ask_kind kind, const char *prompt)
{
    static const char *const kinds[] = {[ASK_LINE] = "", [ASK_SECRET] = "*", [ASK_NOTICE] = "!"};
    (void)data;
    snprintf(asked + strlen(asked), sizeof asked - strlen(asked), "%s%s: %s|", kinds[kind],
             conn_name(c), prompt);
    if (strstr(prompt, "slow"))
        usleep(1500000);
    if (strstr(prompt, "refuse") || kind == ASK_NOTICE)
        return NULL;
    return strdup(strstr(prompt, "skip") ? "" : "typed answer");
}

static const struct {
    const char *what;
    bool password, asks;
    const char *before; // what ssh does; q asks and sets a, r to the exit code
    const char *asked;
} rows[] = {
    {"the password is given once", true, false,
     "q \"joe@h's password: \"; [ \"$a\" = \"sec ret'\" ] || exit 1; q \"joe@h's password: \"; [ "
     "$r != 0 ]",
     ""},
    {"an unknown host key is not answered with the password", true, false,
     "q \"Are you sure you want to continue connecting (yes/no/[fingerprint])? \"; [ $r != 0 ] && "
     "[ -z \"$a\" ]",
     ""},
    {"nor is a key's passphrase", true, false,
     "q \"Enter passphrase for key 'password_key': \"; [ $r != 0 ]", ""},
    {"the person is asked", false, true,
     "q 'Enter passphrase for key k: '; [ \"$a\" = 'typed answer' ]",
     "*h: Enter passphrase for key k: |"},
    {"a host key is asked for in the open", false, true,
     "q 'Sure (yes/no/[fingerprint])? '; [ $r = 0 ]", "h: Sure (yes/no/[fingerprint])? |"},
    {"a security key is only told of", false, true,
     "export SSH_ASKPASS_PROMPT=none; q 'Touch it'; [ -z \"$a\" ]", "!h: Touch it|"},
    {"a wrong passphrase is asked for again", false, true,
     "q 'Enter passphrase for key k: '; q 'Enter passphrase for key k: '",
     "*h: Enter passphrase for key k: |*h: Enter passphrase for key k: |"},
    {"nothing is an answer too", false, true, "q 'skip passphrase'; [ $r = 0 ] && [ -z \"$a\" ]",
     "*h: skip passphrase|"},
    {"and may refuse", false, true, "q 'refuse this'; [ $r != 0 ]", "*h: refuse this|"},
    {"both", true, true,
     "q 'Password:'; [ \"$a\" = \"sec ret'\" ] || exit 1; q 'Verification code: '; [ $r = 0 ]",
     "*h: Verification code: |"},
    {"another connection's token is refused", true, false,
     "ANDON_ASKPASS=\"${ANDON_ASKPASS% *} 7\"; q 'Password:'; [ $r != 0 ]", ""},
    {"a broken token is refused", true, false,
     "ANDON_ASKPASS=\"${ANDON_ASKPASS% *} x\"; q 'Password:'; [ $r != 0 ]", ""},
    {"another socket is refused", true, false,
     "ANDON_ASKPASS='andon-other 1'; q 'Password:'; [ $r != 0 ]", ""},
    {"nobody to ask", false, false, "q 'Enter passphrase for key k: '; [ $r != 0 ]", ""},
    {"time spent on a question does not count", false, true, "q 'slow'", "*h: slow|"},
    {"the password is nowhere to be seen", true, false,
     "run=$(env; cat /proc/$$/cmdline /proc/$$/environ | tr '\\0' '\\n'); case $run in *'sec "
     "'re[t]*) exit 1;; esac",
     ""},
};

static void answers_what_ssh_asks(void **state)
{
    (void)state;
    static const struct fleet_helper helper = {.path = FAKE_NODE};
    char home[] = "/tmp/andon-test-XXXXXX";
    assert_non_null(mkdtemp(home));
    setenv("FAKE_HOME", home, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fleet_opts o = {.helpers = &helper,
                               .n_helpers = 1,
                               .on_event = log_event,
                               .data = &events,
                               .askpass = ASKPASS,
                               .ask = rows[i].asks ? ask : NULL};
        struct fleet *f = fleet_new(&o, NULL);
        struct buf before = BUF_INIT;
        struct probe p;
        buf_addf(
            &before,
            "q() { a=$(\"$SSH_ASKPASS\" \"$1\"); r=$?; }; export ANDON_ASKPASS; { %s; } || exit 99",
            rows[i].before);
        setenv("FAKE_BEFORE", buf_str(&before), 1);
        asked[0] = '\0';
        struct conn_params params = {.host = "h",
                                     .ssh_executable = FAKE_SSH,
                                     .no_persist = true,
                                     .password = rows[i].password ? "sec ret'" : NULL};
        probe_run(&p, f, test_conn(f, &params), "ping", strstr(rows[i].before, "slow") ? 1000 : 0);
        if (p.status != CONN_OK)
            fail_msg("%s: %s", rows[i].what, buf_str(&p.msg));
        assert_string_equal(asked, rows[i].asked);
        buf_release(&before);
        probe_release(&p);
        fleet_close(f, 1000);
    }
    buf_release(&events.log);
    unsetenv("FAKE_BEFORE");
    char cmd[64];
    snprintf(cmd, sizeof cmd, "rm -r %s", home);
    assert_int_equal(system(cmd), 0);
}

// The person types a key's passphrase for the first host; the others get the same.
static void a_passphrase_is_asked_for_once(void **state)
{
    (void)state;
    static const struct fleet_helper helper = {.path = FAKE_NODE};
    static const char *const hosts[] = {"h1", "h2", "h3"};
    char home[] = "/tmp/andon-test-XXXXXX", cmd[64];
    assert_non_null(mkdtemp(home));
    setenv("FAKE_HOME", home, 1);
    setenv("FAKE_BEFORE",
           "a=$(\"$SSH_ASKPASS\" \"Enter passphrase for key 'k': \"); "
           "[ \"$a\" = 'typed answer' ] || exit 99",
           1);
    struct fleet_opts o = {.helpers = &helper,
                           .n_helpers = 1,
                           .on_event = log_event,
                           .data = &events,
                           .askpass = ASKPASS,
                           .ask = ask};
    struct fleet *f = fleet_new(&o, NULL);
    asked[0] = '\0';
    for (size_t i = 0; i < 3; i++) {
        struct probe p;
        struct conn_params params = {
            .host = hosts[i], .ssh_executable = FAKE_SSH, .no_persist = true};
        probe_run(&p, f, test_conn(f, &params), "ping", 0);
        assert_int_equal(p.status, CONN_OK);
        probe_release(&p);
    }
    assert_string_equal(asked, "*h1: Enter passphrase for key 'k': |");
    fleet_close(f, 1000);
    buf_release(&events.log);
    unsetenv("FAKE_BEFORE");
    snprintf(cmd, sizeof cmd, "rm -r %s", home);
    assert_int_equal(system(cmd), 0);
}

static void without_a_fleet_there_is_no_answer(void **state)
{
    (void)state;
    char *argv[] = {(char[]){"andon"}, (char[]){"Password:"}, NULL};
    unsetenv("ANDON_ASKPASS");
    assert_false(fleet_is_askpass());
    assert_int_equal(fleet_askpass_main(2, argv), 1);
    setenv("ANDON_ASKPASS", "no-space", 1);
    assert_true(fleet_is_askpass());
    assert_int_equal(fleet_askpass_main(2, argv), 1);
    setenv("ANDON_ASKPASS",
           "a-name-that-is-much-too-long-for-a-socket-address-a-name-that-is-much-too-long-for-a-"
           "socket-"
           "address-xxxxxxxxxxxxxxxxxxxxx 1",
           1);
    assert_int_equal(fleet_askpass_main(2, argv), 1);
    assert_int_equal(fleet_askpass_main(1, argv), 1);
    unsetenv("ANDON_ASKPASS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_what_ssh_asks),
        cmocka_unit_test(a_passphrase_is_asked_for_once),
        cmocka_unit_test(without_a_fleet_there_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
