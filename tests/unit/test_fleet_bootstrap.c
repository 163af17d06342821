// The bootstrap with a stand-in for ssh that runs the command on this machine: shells, caches,
// folders, noise, failures.
#include "fleet_test.h"

#include <ftw.h>
#include <glob.h>
#include <sys/stat.h>

static struct events events;
static char home[64]; // of the "host", fresh for each test

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
    (void)st, (void)type, (void)w;
    return remove(path);
}

static int setup(void **state)
{
    (void)state;
    static const char *const vars[] = {"FAKE_BEFORE", "FAKE_SH", "FAKE_SHELL", "XDG_CACHE_HOME"};
    snprintf(home, sizeof home, "/tmp/andon-test-XXXXXX");
    if (!mkdtemp(home))
        return -1;
    for (size_t i = 0; i < sizeof vars / sizeof *vars; i++)
        unsetenv(vars[i]);
    setenv("FAKE_HOME", home, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&events.log);
    return nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const struct conn_params fake = {
    .host = "h", .ssh_executable = FAKE_SSH, .no_persist = true};

// Connects once with a fresh fleet; what happened is in events.log, the message is returned.
static const char *connect_with(const struct conn_params *params)
{
    static char msg[1024];
    struct fleet *f = test_fleet(&events);
    struct probe p;
    buf_clear(&events.log);
    probe_run(&p, f, test_conn(f, params), "ping", 0);
    snprintf(msg, sizeof msg, "%s", buf_str(&p.msg));
    assert_int_equal(p.status == CONN_OK, msg[0] == '\0');
    probe_release(&p);
    fleet_close(f, 2000);
    return msg;
}

// The text with every ~ replaced by the host's home; good until the next four calls.
static const char *at_home(const char *text)
{
    static struct buf ring[4];
    static unsigned next;
    struct buf *b = &ring[next++ % 4];
    buf_clear(b);
    for (; *text; text++)
        if (*text == '~')
            buf_adds(b, home);
        else
            buf_addc(b, *text);
    return buf_str(b);
}

static void expect_events(const char *text)
{
    assert_string_equal(buf_str(&events.log), at_home(text));
}

static void shell(const char *command)
{
    assert_int_equal(system(at_home(command)), 0);
}

static bool have(const char *program)
{
    char cmd[128];
    snprintf(cmd, sizeof cmd, "command -v %s >/dev/null", program);
    return system(cmd) == 0;
}

static int count(const char *pattern)
{
    char path[256];
    glob_t g;
    snprintf(path, sizeof path, "%s/%s", home, pattern);
    int n = glob(path, 0, NULL, &g) == 0 ? (int)g.gl_pathc : 0;
    globfree(&g);
    return n;
}

// --- shells

static const struct {
    const char *program, *sh, *login;
} shells[] = {
    {"sh", "", ""},       {"dash", "dash", ""}, {"bash", "bash", ""}, {"busybox", "busybox sh", ""},
    {"mksh", "mksh", ""}, {"bash", "", "bash"}, {"fish", "", "fish"}, {"csh", "", "csh"},
    {"tcsh", "", "tcsh"}, {"zsh", "", "zsh"},   {"mksh", "", "mksh"},
};

static void pushes_once_with_any_shell(void **state)
{
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (!have(shells[i].program))
            continue;
        setenv("FAKE_SH", shells[i].sh, 1);
        setenv("FAKE_SHELL", shells[i].login, 1);
        assert_string_equal(connect_with(&fake), "");
        expect_events("pushed ~/.cache/andon\nconnected \n");
        assert_string_equal(connect_with(&fake), "");
        expect_events("connected \n");
        assert_int_equal(count(".cache/andon/*"), 1);
        assert_int_equal(count(".cache/andon/.[a-z]*"), 0);
        struct stat st;
        assert_int_equal(stat(at_home("~/.cache/andon"), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        teardown(state);
        setup(state);
    }
}

// --- the cache

static void an_altered_helper_is_replaced(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        static const char *const alter[] = {
            "for f in ~/.cache/andon/node-*; do echo x >>$f; done",
            "for f in ~/.cache/andon/node-*; do rm $f; ln -s /bin/true $f; done",
            "for f in ~/.cache/andon/node-*; do rm $f; mkdir $f; touch $f/x; done",
        };
        assert_string_equal(connect_with(&fake), "");
        shell(alter[i]);
        assert_string_equal(connect_with(&fake), "");
        const char *want = at_home("altered ~/.cache/andon/node-");
        assert_int_equal(strncmp(buf_str(&events.log), want, strlen(want)), 0);
        const char *rest = strchr(buf_str(&events.log), '\n') + 1;
        assert_string_equal(rest, at_home("pushed ~/.cache/andon\nconnected \n"));
        assert_string_equal(connect_with(&fake), "");
        expect_events("connected \n");
    }
}

static void old_helpers_are_pruned(void **state)
{
    (void)state;
    shell("mkdir -p ~/.cache/andon; cd ~/.cache/andon; for i in 1 2 3 4 5; do touch -d 2020-01-0$i "
          "node-$i; done");
    assert_string_equal(connect_with(&fake), "");
    assert_int_equal(count(".cache/andon/node-*"), 3);
    assert_int_equal(count(".cache/andon/node-5"), 1);
    assert_int_equal(count(".cache/andon/node-3"), 0);
}

static void an_open_folder_is_closed(void **state)
{
    (void)state;
    shell("mkdir -p ~/.cache/andon; chmod 777 ~/.cache/andon");
    assert_string_equal(connect_with(&fake), "");
    shell("test $(stat -c %a ~/.cache/andon) = 700");
}

static void other_folders_are_tried(void **state)
{
    (void)state;
    static const char *const homes[] = {"-", "/proc/nowhere", "/dev/null"};
    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++) {
        setenv("FAKE_HOME", homes[i], 1);
        setenv("XDG_CACHE_HOME", home, 1);
        assert_string_equal(connect_with(&fake), "");
        if (i == 0)
            expect_events("fallback ~/andon\npushed ~/andon\nconnected \n");
        else
            expect_events("fallback ~/andon\nconnected \n");
    }
}

static void a_folder_of_somebody_else_is_not_used(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    shell("mkdir -p ~/.cache/andon; chown 12345 ~/.cache/andon");
    setenv("XDG_CACHE_HOME", at_home("~/xdg"), 1);
    assert_string_equal(connect_with(&fake), "");
    expect_events("fallback ~/xdg/andon\npushed ~/xdg/andon\nconnected \n");
}

// A folder for PATH that lacks it.
static void hide_sha256sum(void)
{
    shell("mkdir ~/bin; for p in sh head cat ls mkdir chmod rm mv uname id wc; do ln -s $(command "
          "-v $p) ~/bin/$p; done");
}

static void without_sha256sum_nothing_is_kept(void **state)
{
    (void)state;
    hide_sha256sum();
    setenv("FAKE_BEFORE", at_home("PATH=~/bin"), 1);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(connect_with(&fake), "");
        assert_non_null(strstr(buf_str(&events.log), "pushed"));
        assert_int_equal(count(".cache/andon/*"), 0);
        assert_int_equal(count(".cache/andon/.[a-z]*"), 0);
    }
}

// Connects with a helper that has another file beside it, made by the command. True when all went
// well.
static bool push_with(const char *make)
{
    char path[128];
    snprintf(path, sizeof path, "%s/given", home);
    const struct fleet_helper given = {.path = path};
    struct fleet_opts o = {
        .helpers = &given, .n_helpers = 1, .on_event = log_event, .data = &events};
    struct probe p;
    shell("rm -rf ~/.cache ~/used; cp " FAKE_NODE " ~/given");
    shell(make);
    struct fleet *f = fleet_new(&o, NULL);
    buf_clear(&events.log);
    probe_run(&p, f, test_conn(f, &fake), "ping", 0);
    bool ok = p.status == CONN_OK;
    if (ok) {
        expect_events("pushed ~/.cache/andon\nconnected \n");
        shell("cmp -s ~/.cache/andon/node-* ~/given");
    }
    probe_release(&p);
    fleet_close(f, 1000);
    return ok;
}

static void push_packed(const char *pack)
{
    assert_true(push_with(pack));
}

static bool unpacked_there(void)
{
    return count("used") == 1;
}

static void the_helper_travels_packed(void **state)
{
    (void)state;
    shell("mkdir ~/spy; printf '#!/bin/sh\\n>~/used; exec %s \"$@\"\\n' $(command -v gzip) "
          ">~/spy/gzip; chmod +x ~/spy/gzip");
    setenv("FAKE_BEFORE", at_home("PATH=~/spy:$PATH"), 1);
    push_packed("gzip -1nkf ~/given");
    assert_true(unpacked_there());
    push_packed("head -c 99999 /dev/zero | gzip -n >~/given.gz"); // of another size: not offered
    assert_false(unpacked_there());
    push_packed("gzip -1nkf ~/given; printf damaged | dd of=~/given.gz bs=1 seek=5000 conv=notrunc "
                "2>/dev/null");
    assert_true(unpacked_there()); // refused, and sent again as it is
}

// The digests beside a helper are believed while they are of its size and no older.
static void digests_are_read_where_they_are_fresh(void **state)
{
    (void)state;
    assert_true(push_with("echo $(stat -c %s ~/given) $(sha256sum <~/given | cut -c1-64) "
                          "$(b2sum -l 256 <~/given | cut -c1-64) >~/given.sums"));
    assert_false(push_with("printf '%s %064d %064d\n' $(stat -c %s ~/given) 0 0 >~/given.sums"));
    assert_true(push_with("printf '%s %064d %064d\n' 1 0 0 >~/given.sums"));
    assert_true(push_with("printf '%s %064d %063d\n' $(stat -c %s ~/given) 0 0 >~/given.sums"));
    assert_true(push_with("printf '%s %064d %064d\n' $(stat -c %s ~/given) 0 0 >~/given.sums; "
                          "touch -d @1 ~/given.sums"));
}

static void a_host_with_little_gets_it_as_it_is(void **state)
{
    (void)state;
    hide_sha256sum();
    shell("ln -s $(command -v sha256sum) ~/bin");
    setenv("FAKE_BEFORE", at_home("PATH=~/bin"), 1);
    push_packed("gzip -1nkf ~/given");
    assert_string_equal(connect_with(&fake), ""); // nor is b2sum there to check it
    expect_events("connected \n");
}

static void the_helper_has_the_users_umask(void **state)
{
    (void)state;
    setenv("FAKE_BEFORE", at_home("umask 027; [ ! -e ~/bin ] || PATH=~/bin"), 1);
    for (int i = 0; i < 3; i++) { // pushed, cached, and used once
        struct fleet *f = test_fleet(&events);
        struct conn *c = test_conn(f, &fake);
        struct probe p;
        if (i == 2)
            hide_sha256sum();
        probe_run(&p, f, c, "ping", 0);
        assert_int_equal(p.status, CONN_OK);
        assert_int_equal(dict_int(conn_hello(c)->u.dict, "umask", 0), 027);
        probe_release(&p);
        fleet_close(f, 1000);
    }
}

// --- failures

static const struct {
    const char *before;
    const char *msg; // its beginning
} fails[] = {
    {"echo Welcome; echo; echo motd >&2; printf 'no line end'", ""},
    {"yes welcome | head -c 60000", ""},
    {"yes welcome | head -c 200000",
     "The host prints too much before the helper starts: check its login shell's profile"},
    {"head -c 200000 /dev/zero", "The host prints too much before the helper starts"},
    {"echo This account is currently not available.; exit 1",
     "Failed to connect to the host via ssh: the account cannot run commands: This account is "
     "currently not available."},
    {"exit 0", "Failed to connect to the host via ssh: the session ended with code 0 before the "
               "helper was started"},
    {"echo 'u@h: Permission denied (publickey).' >&2; exit 255",
     "Failed to connect to the host via ssh: u@h: Permission denied (publickey)."},
    {"echo @andon:1:push vax /x", "The host asks for the helper in a way that makes no sense"},
    {"echo @andon:1:run; echo; echo garbage", "The host does not keep to the protocol: "},
    {"echo @andon:1:dance", "The host prints too much"},
    {"echo '@andon:1:fail something else'",
     "The helper cannot be started on the host: something else"},
    {"kill -9 $$",
     "Failed to connect to the host via ssh: the session ended before the helper was started"},
};

static void tells_why_it_cannot_start(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fails / sizeof *fails; i++) {
        setenv("FAKE_BEFORE", fails[i].before, 1);
        const char *msg = connect_with(&fake);
        if (strncmp(msg, fails[i].msg, strlen(fails[i].msg)) != 0 || (!fails[i].msg[0] && msg[0]))
            fail_msg("%s: %s", fails[i].before, msg);
    }
}

static void tells_other_architectures_and_missing_programs(void **state)
{
    (void)state;
    static const struct fleet_helper vax = {.path = FAKE_NODE, .arch = "vax"};
    struct fleet *f = fleet_new(&(struct fleet_opts){.helpers = &vax, .n_helpers = 1}, NULL);
    struct probe p;
    probe_run(&p, f, test_conn(f, &fake), "ping", 0);
    assert_int_equal(
        strncmp(buf_str(&p.msg), "There is no helper for the host's architecture (", 48), 0);
    probe_release(&p);
    fleet_close(f, 1000);
    struct conn_params q = fake;
    q.ssh_executable = "/nonexistent/ssh";
    assert_string_equal(
        connect_with(&q),
        "Failed to connect to the host: cannot start /nonexistent/ssh: No such file or directory");
}

static void several_architectures_work(void **state)
{
    (void)state;
    static const struct fleet_helper both[] = {{.path = "/bin/true", .arch = "vax"},
                                               {.path = FAKE_NODE}};
    struct fleet *f = fleet_new(&(struct fleet_opts){.helpers = both, .n_helpers = 2}, NULL);
    struct conn_params q = fake;
    struct probe p, r;
    probe_run(&p, f, test_conn(f, &fake), "ping", 0);
    assert_int_equal(p.status, CONN_OK);
    q.port = 1;
    probe_run(&r, f, test_conn(f, &q), "ping", 0);
    assert_int_equal(r.status, CONN_OK);
    probe_release(&p);
    probe_release(&r);
    fleet_close(f, 1000);
}

static void network_failures_are_tried_again(void **state)
{
    (void)state;
    struct conn_params q = fake;
    q.retries = 2;
    setenv("FAKE_BEFORE",
           at_home("echo x >>~/tries; [ $(wc -l <~/tries) -eq 3 ] || { echo 'ssh: connect to host "
                   "h port 22: Connection refused' >&2; exit 255; }"),
           1);
    assert_string_equal(connect_with(&q), "");
    expect_events("retry Failed to connect to the host via ssh: ssh: connect to host h port 22: "
                  "Connection refused\n"
                  "retry Failed to connect to the host via ssh: ssh: connect to host h port 22: "
                  "Connection refused\n"
                  "pushed ~/.cache/andon\nconnected \n");
    setenv("FAKE_BEFORE", "echo 'u@h: Permission denied (publickey).' >&2; exit 255", 1);
    connect_with(&q);
    expect_events("");
}

static void a_kept_connection_that_hangs_is_replaced(void **state)
{
    (void)state;
    struct conn_params q = fake;
    q.no_persist = false;
    const char *dir = q.control_path_dir = at_home("~/cp");
    q.control_path = "%(directory)s/socket";
    assert_int_equal(mkdir(dir, 0700), 0);
    fclose(fopen(at_home("~/cp/socket"), "w"));
    setenv("FAKE_BEFORE", at_home("[ ! -e ~/cp/socket ] || sleep 100"), 1);
    int64_t start = clock_mono_ms();
    assert_string_equal(connect_with(&q), "");
    assert_in_range(clock_mono_ms() - start, 3000, 30000);
    const char *want = at_home("stale ~/cp/socket\npushed ");
    assert_int_equal(strncmp(buf_str(&events.log), want, strlen(want)), 0);
}

static void only_so_many_connect_at_once(void **state)
{
    (void)state;
    enum { N = 12, AT_ONCE = 3 };
    static const struct fleet_helper helper = {.path = FAKE_NODE};
    struct fleet *f = fleet_new(
        &(struct fleet_opts){.helpers = &helper, .n_helpers = 1, .max_connecting = AT_ONCE}, NULL);
    struct probe p[N];
    setenv("FAKE_BEFORE",
           at_home("mkdir ~/now.$$; ls -d ~/now.* | wc -l >>~/seen; sleep 0.1; rmdir ~/now.$$"), 1);
    for (int i = 0; i < N; i++) {
        struct conn_params q = fake;
        q.port = i + 1;
        probe_init(&p[i], "ping", 0);
        probe_submit(&p[i], test_conn(f, &q));
    }
    run(f);
    for (int i = 0; i < N; i++) {
        assert_int_equal(p[i].status, CONN_OK);
        probe_release(&p[i]);
    }
    shell("test \"$(sort -n ~/seen | tail -1)\" -eq 3");
    fleet_close(f, 1000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(pushes_once_with_any_shell),
        T(an_altered_helper_is_replaced),
        T(old_helpers_are_pruned),
        T(an_open_folder_is_closed),
        T(other_folders_are_tried),
        T(a_folder_of_somebody_else_is_not_used),
        T(without_sha256sum_nothing_is_kept),
        T(the_helper_travels_packed),
        T(digests_are_read_where_they_are_fresh),
        T(a_host_with_little_gets_it_as_it_is),
        T(the_helper_has_the_users_umask),
        T(tells_why_it_cannot_start),
        T(tells_other_architectures_and_missing_programs),
        T(several_architectures_work),
        T(network_failures_are_tried_again),
        T(a_kept_connection_that_hangs_is_replaced),
        T(only_so_many_connect_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
