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
    // these repositories need not outlive a power failure
    setenv("GIT_CONFIG_COUNT", "2", 1);
    setenv("GIT_CONFIG_KEY_0", "core.fsync", 1);
    setenv("GIT_CONFIG_VALUE_0", "none", 1);
    setenv("GIT_CONFIG_KEY_1", "gc.auto", 1);
    setenv("GIT_CONFIG_VALUE_1", "0", 1);
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

// --- Apache DevLake's table of change lead times (backend/plugins/dora/e2e/change_lead_time,
// Apache-2.0), numbers re-typed: which deployment brought a pull request's merge commit first, and
// how long after the merge. A repository is a service; commits stand where commits_diffs.csv has
// them.
// ------------------------------------------------------------------------------------------------

// A commit at an exact time.
static const char *commit_time(struct fixture *f, const char *subject, const char *time)
{
    assert_int_equal(sh(f,
                        "cd repo && echo %s >file && git add . && GIT_AUTHOR_DATE='%s' "
                        "GIT_COMMITTER_DATE='%s' git commit -q -m %s",
                        subject, time, time, subject),
                     0);
    remember(f);
    return f->sha[f->n - 1];
}

struct deployment {
    const char *pipeline, *commit, *time, *ring; // time of its end
    bool success;
};

static void devlake_deploy(struct fixture *f, struct flow_history *h, const struct deployment *d)
{
    struct dict *of_release = value_dict(f->a).u.dict, *of_rollout = value_dict(f->a).u.dict;
    struct value rings = value_list(f->a);
    int64_t t;
    assert_int_equal(ledger_time_parse(d->time, &t), 0);
    list_add(rings.u.list, value_cstr("staging"));
    list_add(rings.u.list, value_cstr("production"));
    dict_set(of_rollout, "rings", rings);
    dict_set(of_release, "commit", value_cstr(d->commit));
    dict_set(of_release, "repo", value_cstr(arena_printf(f->a, "%s/repo", f->dir)));
    const struct ledger_event events[] = {
        {.type = "release.created", .body = of_release},
        {.type = "rollout.started", .body = of_rollout},
        {.type = "batch.started", .ring = d->ring, .run = d->pipeline},
        {.type = d->success ? "ring.passed" : "ring.failed", .ring = d->ring},
        {.type = "rollout.finished", .outcome = d->success ? "done" : "undone"}};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        struct ledger_event ev = events[i];
        ev.seq = (int64_t)h->events;
        ev.time = t;
        ev.service = "REPO111";
        ev.release = d->pipeline;
        ev.rollout = d->pipeline;
        flow_history_add(h, &ev);
    }
}

static void test_devlake_lead_time(void **state)
{
    struct fixture *f = *state;
    struct flow_history h;
    struct flow_report r;
    struct flow_opts o = {.service = "REPO111", .until = INT64_MAX / 2};
    size_t n;
    commit_time(f, "pr_merge_commit0", "2022-02-10T04:51:47Z");
    const char *c1 = commit_time(f, "commit1", "2023-04-10T06:51:47Z");
    commit_time(f, "pr_merge_commit1", "2023-04-11T05:51:47Z");
    commit_time(f, "pr_merge_commit2", "2023-04-12T05:51:47Z");
    // pull request 3 was merged after its deployment, as the table has it for another repository
    commit_time(f, "pr_merge_commit3", "2023-04-14T06:53:51Z");
    const char *c5 = commit_time(f, "commit5", "2023-04-13T07:29:14Z");
    const char *c8 = commit_time(f, "pr_merge_commit4", "2023-04-13T08:55:01Z");
    const char *c11 = commit_time(f, "pr_merge_commit5", "2023-04-13T08:55:01Z");
    const struct deployment all[] = {
        {"pipeline1", c1, "2023-04-10T06:52:47.000000Z", "production", true},
        {"pipeline4", c5, "2023-04-13T07:29:14.000000Z", "production", true},
        {"pipeline5", c8, "2023-04-13T07:37:30.000000Z", "staging", true},
        {"pipeline6", c5, "2023-04-13T07:52:26.000000Z", "production", true},
        {"pipeline7", c11, "2023-04-13T07:55:39.000000Z", "production", false}};
    flow_history_init(&h, f->a);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        devlake_deploy(f, &h, &all[i]);
    flow_history_finish(&h);
    o.contents = flow_contents_read(&h, "REPO111", NULL, f->a, &n);
    o.n_contents = n;
    flow_report_make(&h, &o, f->a, &r);
    // pr_deploy_time in minutes, rounded up: pr1 2978, pr2 1538; pr3 empty, since less than
    // nothing; pr0 empty, being in the first deployment; pr4 and pr5 empty, on staging and failed.
    // commit5 is nobody's merge.
    static const struct {
        const char *subject;
        double minutes; // < 0: left out
    } want[] = {{"commit5", 0},
                {"pr_merge_commit1", 2978},
                {"pr_merge_commit2", 1538},
                {"pr_merge_commit3", -1}};
    const struct flow_measure *m = &r.measures[FLOW_LEAD_TIME];
    assert_int_equal(m->n, 4);
    for (size_t i = 0; i < 4; i++) {
        size_t k = 0;
        while (k + 1 < m->n && !strstr(m->samples[k].what, want[i].subject))
            k++;
        const struct flow_sample *s = &m->samples[k];
        assert_non_null(strstr(s->what, want[i].subject));
        assert_non_null(strstr(s->what, "(pipeline4)"));
        assert_int_equal(s->left_out != NULL, want[i].minutes < 0);
        if (!s->left_out)
            assert_int_equal((int)((s->value + 59) / 60), (int)want[i].minutes);
    }
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
        cmocka_unit_test_setup_teardown(test_devlake_lead_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
