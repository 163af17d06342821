// Passwords and questions: a stand-in for ssh asks through SSH_ASKPASS as ssh would.
#include "fleet_test.h"

#define ASKPASS BUILD_ROOT "/tests/fleet/conn_ping" // its main() answers as andon's does

static struct events events;
static char asked[512]; // prompts that came to the person at the terminal

static char *ask(void *data, const struct conn *c, const char *prompt)
{
    (void)data;
    snprintf(asked + strlen(asked), sizeof asked - strlen(asked), "%s: %s|", conn_name(c), prompt);
    if (strstr(prompt, "refuse"))
        return NULL;
    return strdup("typed answer");
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
     "h: Enter passphrase for key k: |"},
    {"and may refuse", false, true, "q 'refuse this'; [ $r != 0 ]", "h: refuse this|"},
    {"both", true, true,
     "q 'Password:'; [ \"$a\" = \"sec ret'\" ] || exit 1; q 'Verification code: '; [ $r = 0 ]",
     "h: Verification code: |"},
    {"another connection's token is refused", true, false,
     "ANDON_ASKPASS=\"${ANDON_ASKPASS% *} 7\"; q 'Password:'; [ $r != 0 ]", ""},
    {"a broken token is refused", true, false,
     "ANDON_ASKPASS=\"${ANDON_ASKPASS% *} x\"; q 'Password:'; [ $r != 0 ]", ""},
    {"another socket is refused", true, false,
     "ANDON_ASKPASS='andon-other 1'; q 'Password:'; [ $r != 0 ]", ""},
    {"nobody to ask: ssh must not ask", false, false, "[ $SSH_ASKPASS_REQUIRE = never ]", ""},
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
        probe_run(&p, f, test_conn(f, &params), "ping", 0);
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
        cmocka_unit_test(without_a_fleet_there_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
