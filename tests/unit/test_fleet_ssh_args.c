// ssh's command line: what Ansible's ssh plugin would call, word by word and in its order.
#include "config/config.h"
#include "fleet/ssh_args.h"

#include "core/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NO_PW                                                                                      \
    "-o|KbdInteractiveAuthentication=no|-o|PreferredAuthentications=gssapi-with-mic,gssapi-keyex," \
    "hostbased,publickey|"                                                                         \
    "-o|PasswordAuthentication=no|"
#define ALIVE "-o|ServerAliveInterval=5|-o|ServerAliveCountMax=3|"

static const struct {
    const char *what;
    struct conn_params p;
    const char *dir;
    bool tty;
    const char *expect; // words joined by |; @ stands for the 16 hex digits of a control path
} lines[] = {
    {"defaults",
     {.host = "h1"},
     "/c",
     false,
     "ssh|-o|ControlMaster=auto|-o|ControlPersist=60s|" NO_PW
     "-o|ConnectTimeout=10|-o|ControlPath=\"/c/@\"|" ALIVE "h1"},
    {"name stands in for the address",
     {.name = "web"},
     NULL,
     false,
     "ssh|-o|ControlMaster=auto|-o|ControlPersist=60s|" NO_PW
     "-o|ConnectTimeout=10|-o|ControlPath=none|" ALIVE "web"},
    {"everything, in Ansible's order",
     {.host = "10.0.0.1",
      .port = 2222,
      .user = "joe",
      .private_key = "/k e y",
      .ssh_executable = "/opt/ssh",
      .ssh_args = "-C -o ControlMaster=auto -o ControlPersist=60s",
      .ssh_common_args = "-o ProxyJump=j",
      .ssh_extra_args = "-4 -o 'LogLevel ERROR'",
      .accept_any_host_key = true,
      .timeout = 33},
     "/c",
     true,
     "/opt/"
     "ssh|-C|-o|ControlMaster=auto|-o|ControlPersist=60s|-o|StrictHostKeyChecking=no|-o|Port=2222|"
     "-o|IdentityFile=\"/k e y\"|" NO_PW
     "-o|User=\"joe\"|-o|ConnectTimeout=33|-o|ProxyJump=j|-4|-o|LogLevel ERROR|"
     "-o|ControlPath=\"/c/@\"|" ALIVE "-tt|10.0.0.1"},
    {"a password",
     {.host = "h", .password = "secret", .ssh_args = ""},
     "/c",
     false,
     "ssh|-o|NumberOfPasswordPrompts=1|-o|ConnectTimeout=10|" ALIVE "h"},
    {"ssh_args without persistence: none of ours",
     {.host = "h", .ssh_args = "-o ControlMaster=no"},
     "/c",
     false,
     "ssh|-o|ControlMaster=no|" NO_PW "-o|ConnectTimeout=10|" ALIVE "h"},
    {"the user's own ControlPath stays",
     {.host = "h", .ssh_args = "-o ControlPersist=9 -o controlpath=/x"},
     "/c",
     false,
     "ssh|-o|ControlPersist=9|-o|controlpath=/x|" NO_PW "-o|ConnectTimeout=10|" ALIVE "h"},
    {"control_path as in ansible.cfg",
     {.host = "h", .control_path = "%(directory)s/%%h-%%r"},
     "/c",
     false,
     "ssh|-o|ControlMaster=auto|-o|ControlPersist=60s|" NO_PW
     "-o|ConnectTimeout=10|-o|ControlPath=\"/c/%h-%r\"|" ALIVE "h"},
    {"no kept connection",
     {.host = "h", .no_persist = true},
     "/c",
     false,
     "ssh|-o|ControlMaster=no|-o|ControlPath=none|-o|ControlMaster=auto|-o|ControlPersist="
     "60s|" NO_PW "-o|ConnectTimeout=10|" ALIVE "h"},
    {"the user's keep-alive stays",
     {.host = "h", .ssh_args = "-o ServerAliveInterval=60"},
     NULL,
     false,
     "ssh|-o|ServerAliveInterval=60|" NO_PW "-o|ConnectTimeout=10|h"},
    {"keep-alive left to the configuration",
     {.host = "h", .ssh_args = "", .alive_interval = -1},
     NULL,
     false,
     "ssh|" NO_PW "-o|ConnectTimeout=10|h"},
    {"a folder with a percent sign",
     {.host = "h"},
     "/100%",
     false,
     "ssh|-o|ControlMaster=auto|-o|ControlPersist=60s|" NO_PW
     "-o|ConnectTimeout=10|-o|ControlPath=\"/100%%/@\"|" ALIVE "h"},
    {"a folder too long for a socket",
     {.host = "h"},
     "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     false,
     "ssh|-o|ControlMaster=auto|-o|ControlPersist=60s|" NO_PW
     "-o|ConnectTimeout=10|-o|ControlPath=none|" ALIVE "h"},
};

static void join(struct buf *b, const struct argv *v)
{
    for (size_t i = 0; i < v->n; i++)
        buf_addf(b, "%s%s", i ? "|" : "", v->v[i]);
}

// Replaces the 16 hex digits behind the folder by @.
static void hide_hash(struct buf *b)
{
    char *p = b->p ? strstr(b->p, "ControlPath=\"") : NULL;
    char *slash = p ? strchr(p, '/') : NULL;
    char *last = slash ? strchr(slash + 1, '/') : NULL;
    if (!last || strspn(last + 1, "0123456789abcdef") != 16)
        return;
    last[1] = '@';
    memmove(last + 2, last + 17, strlen(last + 17) + 1);
}

static void builds_the_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct arena *a = arena_new();
        struct ssh_line l;
        struct buf b = BUF_INIT;
        struct err e = ERR_INIT;
        if (ssh_line(a, &lines[i].p, lines[i].dir, lines[i].tty, &l, &e))
            fail_msg("%s: %s", lines[i].what, err_msg(&e));
        join(&b, &l.argv);
        hide_hash(&b);
        if (strcmp(buf_str(&b), lines[i].expect) != 0)
            fail_msg("%s:\n   %s\nnot %s", lines[i].what, buf_str(&b), lines[i].expect);
        assert_null(l.argv.v[l.argv.n]);
        buf_release(&b);
        arena_free(a);
    }
}

static const struct {
    struct conn_params p;
    const char *msg;
} wrong[] = {
    {{.name = NULL}, "the host has no address"},
    {{.host = "-oProxyCommand=x"}, "\"-oProxyCommand=x\" cannot be a host: it starts with a dash"},
    {{.host = "h", .user = "-l"}, "\"-l\" cannot be a user name"},
    {{.host = "h", .user = "a\"b"}, "\"a\"b\" cannot be a user name"},
    {{.host = "h", .private_key = "/k\"ey"}, "ssh cannot be given the key file \"/k\"ey\""},
    {{.host = "h", .port = 70000}, "70000 is not a port"},
    {{.host = "h", .ssh_args = "-o 'x"},
     "a quote or backslash is not finished in the ssh arguments \"-o 'x\""},
};

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct arena *a = arena_new();
        struct ssh_line l;
        struct err e = ERR_INIT;
        assert_true(ssh_line(a, &wrong[i].p, NULL, false, &l, &e) < 0);
        assert_string_equal(err_msg(&e), wrong[i].msg);
        err_release(&e);
        arena_free(a);
    }
}

// Expected words as Python's shlex.split gives them; NULL: an error there, too.
static const struct {
    const char *in, *expect;
} words[] = {
    {"", ""},
    {"  a  b\tc\n", "a|b|c"},
    {"-o 'A B' \"C D\"", "-o|A B|C D"},
    {"a'b'\"c\"d", "abcd"},
    {"\"x\\\"y\\\\z\\n\"", "x\"y\\z\\n"},
    {"'x\\y'", "x\\y"},
    {"a\\ b \\'", "a b|'"},
    {"'' b", "|b"},
    {"'open", NULL},
    {"\"open", NULL},
    {"end\\", NULL},
};

static void splits_as_shlex(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct arena *a = arena_new();
        struct argv v;
        struct buf b = BUF_INIT;
        int rc = ssh_split_args(a, words[i].in, &v, NULL);
        if (words[i].expect) {
            assert_int_equal(rc, 0);
            join(&b, &v);
            assert_string_equal(buf_str(&b), words[i].expect);
        } else {
            assert_int_equal(rc, ERR_PARSE);
        }
        buf_release(&b);
        arena_free(a);
    }
}

static void login_decides_the_control_path(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct ssh_line l1, l2, l3;
    struct conn_params p = {.host = "h", .user = "joe"}, q = p;
    q.private_key = "/other";
    assert_int_equal(ssh_line(a, &p, "/c", false, &l1, NULL), 0);
    assert_int_equal(ssh_line(a, &p, "/c", true, &l2, NULL), 0);
    assert_int_equal(ssh_line(a, &q, "/c", false, &l3, NULL), 0);
    assert_string_equal(l1.control_path, l2.control_path);
    assert_string_not_equal(l1.control_path, l3.control_path);
    assert_true(l1.keeps);
    struct argv v = ssh_control_argv(a, &l1, "exit");
    assert_string_equal(v.v[v.n - 3], "-O");
    assert_string_equal(v.v[v.n - 2], "exit");
    assert_string_equal(v.v[v.n - 1], "h");
    arena_free(a);
}

static void limits_the_words(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct buf b = BUF_INIT;
    struct ssh_line l;
    for (int i = 0; i < 2 * SSH_ARGS_MAX; i++)
        buf_adds(&b, "-v ");
    struct conn_params p = {.host = "h", .ssh_args = buf_str(&b)};
    assert_int_equal(ssh_line(a, &p, NULL, false, &l, NULL), ERR_LIMIT);
    buf_release(&b);
    arena_free(a);
}

// The setting's default and that of callers who have no settings are one.
static void the_default_is_that_of_the_settings(void **state)
{
    (void)state;
    assert_string_equal(config_setting(CONFIG_SSH_ARGS)->dflt, SSH_ARGS_DEFAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_is_that_of_the_settings),
        cmocka_unit_test(builds_the_line),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(splits_as_shlex),
        cmocka_unit_test(login_decides_the_control_path),
        cmocka_unit_test(limits_the_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
