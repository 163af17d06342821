// What releases bring, from git repositories made here with fixed dates.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/file.h"
#include "flow/commits.h"
#include "flow/contents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY0 1767225600L // 2026-01-01T00:00:00Z

struct fixture {
    struct arena *a;
    char dir[40];
    struct commits *c;
    struct commits_range r;
    struct err e;
    char sha[16][41]; // by commit(), in order
    int n;
};

static int sh(struct fixture *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int sh(struct fixture *f, const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    buf_addf(&b, "cd %s && { ", f->dir);
    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    buf_adds(&b, "; } >/dev/null 2>&1");
    int rc = system(buf_str(&b));
    buf_release(&b);
    return rc;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->a = arena_new();
    strcpy(f->dir, "/tmp/andon-commits-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    setenv("HOME", f->dir, 1);
    setenv("XDG_CONFIG_HOME", f->dir, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("GIT_AUTHOR_NAME", "Ann", 1);
    setenv("GIT_AUTHOR_EMAIL", "ann@example.org", 1);
    setenv("GIT_COMMITTER_NAME", "Ann", 1);
    setenv("GIT_COMMITTER_EMAIL", "ann@example.org", 1);
    unsetenv("GIT_DIR");
    assert_int_equal(sh(f, "git init -q -b main repo"), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    commits_close(f->c);
    sh(f, "cd / && rm -rf %s", f->dir);
    err_release(&f->e);
    arena_free(f->a);
    free(f);
    return 0;
}

static void remember(struct fixture *f)
{
    char *text;
    size_t len;
    struct buf cmd = BUF_INIT;
    buf_addf(&cmd, "git -C %s/repo rev-parse HEAD > %s/sha", f->dir, f->dir);
    assert_int_equal(system(buf_str(&cmd)), 0);
    buf_release(&cmd);
    assert_int_equal(file_read(f->a, arena_printf(f->a, "%s/sha", f->dir), 100, &text, &len, &f->e),
                     0);
    snprintf(f->sha[f->n++], 41, "%.40s", text);
}

// A commit on the current branch at day `at`, authored at day `authored`; its number.
static int commit_at(struct fixture *f, const char *subject, int at, int authored)
{
    assert_int_equal(sh(f,
                        "cd repo && echo %s >%s.txt && git add . && GIT_AUTHOR_DATE='%ld +0200' "
                        "GIT_COMMITTER_DATE='%ld -0500' git commit -q -m '%s'",
                        subject, subject, DAY0 + 86400L * authored, DAY0 + 86400L * at, subject),
                     0);
    remember(f);
    return f->n - 1;
}

static int commit(struct fixture *f, const char *subject, int at)
{
    return commit_at(f, subject, at, at);
}

static void merge(struct fixture *f, const char *branch, int at)
{
    assert_int_equal(sh(f,
                        "cd repo && GIT_AUTHOR_DATE='%ld +0000' GIT_COMMITTER_DATE='%ld +0000' git "
                        "merge -q --no-ff -m merge %s",
                        DAY0 + 86400L * at, DAY0 + 86400L * at, branch),
                     0);
    remember(f);
}

static int open_repo(struct fixture *f, const char *name)
{
    commits_close(f->c);
    f->c = NULL;
    err_release(&f->e);
    return commits_open(arena_printf(f->a, "%s/%s", f->dir, name), &f->c, &f->e);
}

static int next(struct fixture *f, const char *sha)
{
    err_release(&f->e);
    return commits_next(f->c, sha, f->a, &f->r, &f->e);
}

static bool has(const struct fixture *f, const char *subject)
{
    for (size_t i = 0; i < f->r.n; i++)
        if (strcmp(f->r.commits[i].subject, subject) == 0)
            return true;
    return false;
}

static void test_linear(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 6; i++)
        commit_at(f, arena_printf(f->a, "c%d", i), i + 1, i);
    assert_int_equal(open_repo(f, "repo"), 0);
    assert_int_equal(commits_skip(f->c, f->sha[1], &f->e), 0);
    assert_int_equal(next(f, f->sha[3]), 0);
    assert_int_equal(f->r.n, 2);
    assert_string_equal(f->r.commits[0].id, f->sha[3]);
    // time zones do not matter: both times are moments
    assert_int_equal(f->r.commits[0].committed, (DAY0 + 86400 * 4) * 1000000);
    assert_int_equal(f->r.commits[0].authored, (DAY0 + 86400 * 3) * 1000000);
    assert_true(has(f, "c2") && has(f, "c3"));
    // what was deployed is not brought again: the same, an older, then a newer release
    assert_int_equal(next(f, f->sha[3]), 0);
    assert_int_equal(f->r.n, 0);
    assert_int_equal(next(f, f->sha[0]), 0);
    assert_int_equal(f->r.n, 0);
    assert_int_equal(next(f, f->sha[5]), 0);
    assert_int_equal(f->r.n, 2);
    assert_true(has(f, "c4") && has(f, "c5"));
}

static void test_short_ids_and_tags(void **state)
{
    struct fixture *f = *state;
    commit(f, "one", 1);
    commit(f, "two", 2);
    assert_int_equal(sh(f, "git -C repo tag -a -m v2 v2 && git -C repo rev-parse v2"), 0);
    assert_int_equal(open_repo(f, "repo"), 0);
    assert_int_equal(commits_skip(f->c, arena_printf(f->a, "%.8s", f->sha[0]), &f->e), 0);
    assert_int_equal(next(f, arena_printf(f->a, "%.10s", f->sha[1])), 0);
    assert_int_equal(f->r.n, 1);
    assert_int_equal(next(f, "main"), ERR_INVALID);
    assert_string_equal(err_msg(&f->e), "'main' is no id of a commit");
    assert_int_equal(next(f, "abc"), ERR_INVALID);
    assert_int_equal(next(f, "0123456789012345678901234567890123456789"), ERR_NOENT);
    assert_non_null(strstr(err_msg(&f->e), "is not in "));
}

static void test_merge(void **state)
{
    struct fixture *f = *state;
    commit(f, "base", 1);
    assert_int_equal(sh(f, "git -C repo checkout -q -b feature"), 0);
    commit(f, "f1", 2);
    commit(f, "f2", 4);
    assert_int_equal(sh(f, "git -C repo checkout -q main"), 0);
    commit(f, "m1", 3); // sha 3
    merge(f, "feature", 5);
    assert_int_equal(open_repo(f, "repo"), 0);
    assert_int_equal(commits_skip(f->c, f->sha[0], &f->e), 0);
    assert_int_equal(next(f, f->sha[3]), 0);
    assert_int_equal(f->r.n, 1);
    assert_int_equal(next(f, f->sha[4]), 0);
    assert_int_equal(f->r.merges, 1);
    assert_int_equal(f->r.n, 2);
    assert_true(has(f, "f1") && has(f, "f2"));
}

// A release from a branch that is rebased afterwards: the commits come again under other ids.
static void test_rebase(void **state)
{
    struct fixture *f = *state;
    commit(f, "base", 1);
    assert_int_equal(sh(f, "git -C repo checkout -q -b topic"), 0);
    commit(f, "t1", 2);
    commit(f, "t2", 3); // sha 2: released
    assert_int_equal(sh(f, "git -C repo checkout -q main"), 0);
    commit(f, "m1", 4);
    assert_int_equal(sh(f,
                        "git -C repo checkout -q topic && GIT_COMMITTER_DATE='%ld +0000' git "
                        "-C repo rebase -q main",
                        DAY0 + 86400L * 5),
                     0);
    commit(f, "t3", 6); // sha 4
    assert_int_equal(open_repo(f, "repo"), 0);
    assert_int_equal(commits_skip(f->c, f->sha[0], &f->e), 0);
    assert_int_equal(next(f, f->sha[2]), 0);
    assert_int_equal(f->r.n, 2);
    assert_int_equal(next(f, f->sha[4]), 0);
    assert_int_equal(f->r.rebased, 2);
    assert_int_equal(f->r.n, 2);
    assert_true(has(f, "m1") && has(f, "t3"));
    // the same where the first release was in production before the ledger began
    assert_int_equal(open_repo(f, "repo"), 0);
    assert_int_equal(commits_skip(f->c, f->sha[2], &f->e), 0);
    assert_int_equal(next(f, f->sha[4]), 0);
    assert_int_equal(f->r.rebased, 2);
    assert_int_equal(f->r.n, 2);
}

static void test_cherry_pick(void **state)
{
    struct fixture *f = *state;
    commit(f, "base", 1);
    commit(f, "fix", 2);   // sha 1
    commit(f, "other", 3); // sha 2
    assert_int_equal(sh(f,
                        "cd repo && git checkout -q -b hotfix %s && GIT_COMMITTER_DATE='%ld +0000' "
                        "git cherry-pick %s",
                        f->sha[0], DAY0 + 86400L * 4, f->sha[2]),
                     0);
    remember(f); // sha 3: base + other
    assert_int_equal(open_repo(f, "repo"), 0);
    assert_int_equal(commits_skip(f->c, f->sha[0], &f->e), 0);
    assert_int_equal(next(f, f->sha[3]), 0);
    assert_int_equal(f->r.n, 1);
    assert_int_equal(next(f, f->sha[2]), 0);
    assert_int_equal(f->r.n, 1);
    assert_int_equal(f->r.rebased, 1);
    assert_true(has(f, "fix"));
}

// A committer whose clock was years ahead, or behind.
static void test_clocks(void **state)
{
    struct fixture *f = *state;
    commit(f, "old", 1000);
    commit(f, "base", 2); // sha 1
    commit(f, "c2", -900);
    commit(f, "c3", 3); // sha 3
    commit(f, "c4", -300);
    assert_int_equal(open_repo(f, "repo"), 0);
    assert_int_equal(commits_skip(f->c, f->sha[1], &f->e), 0);
    assert_int_equal(next(f, f->sha[3]), 0);
    assert_int_equal(f->r.n, 2);
    assert_int_equal(next(f, f->sha[4]), 0);
    assert_int_equal(f->r.n, 1);
}

static void test_shallow(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 6; i++)
        commit(f, arena_printf(f->a, "c%d", i), i + 1);
    assert_int_equal(sh(f, "git clone -q --depth 3 file://%s/repo clone", f->dir), 0);
    assert_int_equal(open_repo(f, "clone"), 0);
    assert_true(commits_shallow(f->c));
    // behind the border: named, not a crash
    assert_int_equal(commits_skip(f->c, f->sha[1], &f->e), ERR_NOENT);
    assert_non_null(strstr(err_msg(&f->e), "which is a shallow clone"));
    // the border itself
    assert_int_equal(next(f, f->sha[5]), 0);
    assert_int_equal(f->r.n, 3);
    assert_int_equal(f->r.cut, 1);
    // within it
    assert_int_equal(open_repo(f, "clone"), 0);
    assert_int_equal(commits_skip(f->c, f->sha[4], &f->e), 0);
    assert_int_equal(next(f, f->sha[5]), 0);
    assert_int_equal(f->r.n, 1);
    assert_int_equal(f->r.cut, 0);
}

static void test_no_repository(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(open_repo(f, "nowhere"), ERR_NOENT);
    assert_non_null(strstr(err_msg(&f->e), "there is no git repository in "));
    assert_int_equal(sh(f, "mkdir plain"), 0);
    assert_int_equal(open_repo(f, "plain"), ERR_NOENT);
    // a folder inside one is as good
    commit(f, "one", 1);
    assert_int_equal(sh(f, "mkdir repo/services"), 0);
    assert_int_equal(open_repo(f, "repo/services"), 0);
}

static void test_broken(void **state)
{
    struct fixture *f = *state;
    commit(f, "one", 1);
    commit(f, "two", 2);
    assert_int_equal(sh(f, "o=repo/.git/objects/%.2s/%s && rm -f $o && echo rubbish >$o", f->sha[0],
                        f->sha[0] + 2),
                     0);
    assert_int_equal(open_repo(f, "repo"), 0);
    // the parent cannot be read: what is there is told, and that something is not
    assert_int_equal(next(f, f->sha[1]), 0);
    assert_int_equal(f->r.n, 1);
    assert_int_equal(f->r.cut, 1);
    assert_true(next(f, f->sha[0]) < 0);
    assert_true(*err_msg(&f->e));
}

// Someone else's repository is read only when safe.directory says so, as git does it.
static void test_owner(void **state)
{
    struct fixture *f = *state;
    commit(f, "one", 1);
    if (geteuid() != 0)
        skip();
    assert_int_equal(sh(f, "chown -R 65534 repo"), 0);
    unsetenv("SUDO_UID");
    assert_int_equal(open_repo(f, "repo"), ERR_INVALID);
    assert_non_null(strstr(err_msg(&f->e), "belongs to another user"));
    assert_non_null(strstr(err_msg(&f->e), "safe.directory"));
    assert_int_equal(sh(f, "git config --global --add safe.directory %s/repo", f->dir), 0);
    assert_int_equal(open_repo(f, "repo"), 0);
    assert_int_equal(next(f, f->sha[0]), 0);
}

// A user's settings that git cannot read either are named with their place.
static void test_settings(void **state)
{
    struct fixture *f = *state;
    commit(f, "one", 1);
    assert_int_equal(sh(f, "echo 'rubbish[[' >.gitconfig"), 0);
    assert_int_equal(open_repo(f, "repo"), ERR_IO);
    assert_non_null(strstr(err_msg(&f->e), ".gitconfig:1"));
}

// --- with a history
// ------------------------------------------------------------------------------------------------

static void add(struct flow_history *h, int day, const char *type, const char *release,
                const char *rollout, struct dict *body)
{
    struct ledger_event ev = {.seq = (int64_t)h->events,
                              .time = (DAY0 + 86400L * day) * 1000000,
                              .type = type,
                              .service = "shop",
                              .release = release,
                              .rollout = rollout,
                              .ring = strncmp(type, "ring.", 5) == 0 ? "production" : NULL,
                              .body = body};
    flow_history_add(h, &ev);
}

static void deliver(struct fixture *f, struct flow_history *h, int day, const char *release,
                    const char *commit_id, const char *repo)
{
    struct dict *of_release = value_dict(f->a).u.dict, *of_rollout = value_dict(f->a).u.dict;
    const char *id = arena_printf(f->a, "d-%s", release);
    struct value rings = value_list(f->a);
    list_add(rings.u.list, value_cstr("production"));
    if (commit_id)
        dict_set(of_release, "commit", value_cstr(commit_id));
    if (repo)
        dict_set(of_release, "repo", value_cstr(repo));
    dict_set(of_rollout, "rings", rings);
    add(h, day, "release.created", release, NULL, of_release);
    add(h, day, "rollout.started", release, id, of_rollout);
    add(h, day, "ring.passed", release, id, NULL);
}

static void test_contents(void **state)
{
    struct fixture *f = *state;
    struct flow_history h;
    size_t n;
    const char *repo = arena_printf(f->a, "%s/repo", f->dir);
    for (int i = 0; i < 5; i++)
        commit(f, arena_printf(f->a, "c%d", i), i + 1);
    flow_history_init(&h, f->a);
    deliver(f, &h, 10, "1", f->sha[1], repo);
    deliver(f, &h, 11, "2", f->sha[2], repo);
    deliver(f, &h, 12, "3", "0123456789012345678901234567890123456789", repo);
    deliver(f, &h, 13, "4", f->sha[4], repo);
    deliver(f, &h, 14, "5", NULL, repo);
    deliver(f, &h, 15, "6", f->sha[4], NULL);
    deliver(f, &h, 16, "7", f->sha[4], "https://example.org/shop.git");
    deliver(f, &h, 17, "8", f->sha[4], "/nowhere");
    flow_history_finish(&h);
    struct flow_contents *c = flow_contents_read(&h, "shop", NULL, f->a, &n);
    static const struct {
        size_t n;
        const char *note;
    } want[] = {{0, "1 (d-1) is the first deployment the ledger knows"},
                {1, NULL},
                {0, "release 3: commit 0123456789012345678901234567890123456789 is not in"},
                {2, NULL},
                {0, "releases without a commit"},
                {0, "releases without a repository"},
                {0, "https://example.org/shop.git is no folder here"},
                {0, "there is no git repository in /nowhere"}};
    assert_int_equal(n, 8);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(c[i].n, want[i].n);
        if (want[i].note)
            assert_non_null(strstr(c[i].note, want[i].note));
        else
            assert_null(c[i].note);
    }
    // --repo stands for what the releases say
    c = flow_contents_read(&h, "shop", repo, f->a, &n);
    assert_null(c[7].note);
    assert_int_equal(c[7].n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_linear, setup, teardown),
        cmocka_unit_test_setup_teardown(test_short_ids_and_tags, setup, teardown),
        cmocka_unit_test_setup_teardown(test_merge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rebase, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cherry_pick, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shallow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_repository, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_contents, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
