// What ssh and login shells print, and the one line made of it. The texts are OpenSSH 9.2's own.
#include "fleet/ssh_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define FAILED "Failed to connect to the host via ssh: "

static const struct {
    const char *err, *out;
    int rc;
    bool password, lost;
    enum ssh_reason reason;
    bool retry;
    const char *msg;
} rows[] = {
    {"ssh: connect to host 10.0.0.9 port 22: Connection refused\r\n", "", 255, false, false,
     SSH_NETWORK, true, FAILED "ssh: connect to host 10.0.0.9 port 22: Connection refused"},
    {"ssh: connect to host 10.0.0.9 port 22: Connection timed out\r\n", "", 255, false, false,
     SSH_NETWORK, true, FAILED "ssh: connect to host 10.0.0.9 port 22: Connection timed out"},
    {"ssh: connect to host x port 22: No route to host\n", "", 255, false, false, SSH_NETWORK, true,
     FAILED "ssh: connect to host x port 22: No route to host"},
    {"Connection timed out during banner exchange\nConnection to 10.0.0.9 port 22 timed out\n", "",
     255, false, false, SSH_NETWORK, true, FAILED "Connection timed out during banner exchange"},
    {"ssh: Could not resolve hostname nope: Name or service not known\r\n", "", 255, false, false,
     SSH_NAME, true, FAILED "ssh: Could not resolve hostname nope: Name or service not known"},
    {"Warning: Permanently added '10.0.0.9' (ED25519) to the list of known "
     "hosts.\r\nroot@10.0.0.9: Permission denied "
     "(publickey,password).\r\n",
     "", 255, false, false, SSH_AUTH, false,
     FAILED "root@10.0.0.9: Permission denied (publickey,password)."},
    {"root@10.0.0.9: Permission denied (publickey,password).\r\n", "", 255, true, false, SSH_AUTH,
     false,
     FAILED
     "Invalid/incorrect username/password: root@10.0.0.9: Permission denied (publickey,password)."},
    {"No ED25519 host key is known for 10.0.0.9 and you have requested strict checking.\r\nHost "
     "key verification "
     "failed.\r\n",
     "", 255, false, false, SSH_HOST_KEY, false,
     FAILED "Host key verification failed. (the host's key is not in known_hosts; connect once by "
            "hand or add it with "
            "ssh-keyscan)"},
    {"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n@    WARNING: REMOTE HOST "
     "IDENTIFICATION HAS "
     "CHANGED!     @\r\n@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\nIT IS "
     "POSSIBLE THAT SOMEONE IS "
     "DOING SOMETHING NASTY!\r\nHost key verification failed.\r\n",
     "", 255, false, false, SSH_HOST_KEY, false,
     FAILED "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! (the host's key is not the one in "
            "known_hosts; if the host was "
            "reinstalled, remove the old key with ssh-keygen -R)"},
    {"mux_client_request_session: read from master failed: Broken pipe\r\n", "", 255, false, false,
     SSH_STALE_MUX, true,
     FAILED "mux_client_request_session: read from master failed: Broken pipe"},
    {"Control socket connect(/c/x): Connection refused\r\nssh: connect to host h port 22: No route "
     "to host\r\n",
     "", 255, false, false, SSH_NETWORK, true,
     FAILED "ssh: connect to host h port 22: No route to host"},
    {"command-line line 0: Bad configuration option: nonsense\n", "", 255, false, false, SSH_USAGE,
     false, FAILED "command-line line 0: Bad configuration option: nonsense"},
    {"Connection closed by 10.0.0.9 port 22\r\n", "", 255, false, false, SSH_NETWORK, true,
     FAILED "Connection closed by 10.0.0.9 port 22"},
    {"", "", 255, false, false, SSH_OTHER, true, FAILED "ssh ended without saying why"},
    {"", "This account is currently not available.\n", 1, false, false, SSH_NO_SHELL, false,
     FAILED "the account cannot run commands: This account is currently not available. (its shell "
            "is nologin)"},
    {"", "Welcome!\nThis service allows sftp connections only.\n", 1, false, false, SSH_NO_SHELL,
     false,
     FAILED "the account cannot run commands: This service allows sftp connections only. (the "
            "account may only use "
            "sftp)"},
    {"bash: line 1: exec: /bin/sh: not found\n", "", 127, false, false, SSH_NO_SHELL, false,
     FAILED "the account cannot run commands: bash: line 1: exec: /bin/sh: not found"},
    {"", "", 3, false, false, SSH_OTHER, false,
     FAILED "the session ended with code 3 before the helper was started"},
    {"", "", -1, false, false, SSH_OTHER, false,
     FAILED "the session ended before the helper was started"},
    {"Connection to 10.0.0.9 closed by remote host.\r\n", "", 255, false, true, SSH_NETWORK, true,
     "Lost the connection to the host: Connection to 10.0.0.9 closed by remote host."},
    {"Timeout, server 10.0.0.9 not responding.\r\n", "", 255, false, true, SSH_NETWORK, true,
     "Lost the connection to the host: Timeout, server 10.0.0.9 not responding."},
    {"", "", 255, false, true, SSH_OTHER, true,
     "Lost the connection to the host: it was closed without a word (a process was killed there, "
     "or the network is gone)"},
    {"Segmentation fault\n", "", 139, false, true, SSH_OTHER, false,
     "Lost the connection to the host: Segmentation fault"},
    {"evil \033[2J\a title\n", "", 1, false, false, SSH_OTHER, false, FAILED "evil  [2J  title"},
};

static void makes_one_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *a = arena_new();
        struct ssh_end end = {.err = rows[i].err,
                              .err_len = strlen(rows[i].err),
                              .out = rows[i].out,
                              .out_len = strlen(rows[i].out),
                              .rc = rows[i].rc,
                              .password = rows[i].password,
                              .lost = rows[i].lost};
        struct ssh_failure f = ssh_failure(a, &end);
        if (strcmp(f.msg, rows[i].msg) != 0)
            fail_msg("row %zu:\n   %s\nnot %s", i, f.msg, rows[i].msg);
        if (f.reason != rows[i].reason || f.retry != rows[i].retry)
            fail_msg("row %zu (%s): reason %d, retry %d", i, f.msg, f.reason, f.retry);
        arena_free(a);
    }
}

static void shortens_long_lines(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char line[5000];
    memset(line, 'x', sizeof line);
    struct ssh_end end = {.err = line, .err_len = sizeof line, .out = "", .rc = 1};
    assert_true(strlen(ssh_failure(a, &end).msg) < 600);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_one_line),
        cmocka_unit_test(shortens_long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
