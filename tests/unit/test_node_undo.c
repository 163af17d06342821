// The undo journal in a temporary folder: what a run of modules did there is put back, whole; after
// a kill at any record; not where somebody changed something since.
#include "node/journal.h"
#include "node/session.h"

#include "core/file.h"
#include "core/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define TASKS_MAX 4
#define LOOK                                                                                       \
    "cd '%s/w' && { find . -printf '%%p %%y %%m %%U %%G %%l\\n' | sort; find . -type f -print0 | " \
    "sort -z | xargs -0r sha256sum; }"

// What prepares the folder, then tasks: a module and its arguments (@ is the folder).
struct story {
    const char *before;
    struct {
        const char *module, *args;
    } tasks[TASKS_MAX];
};

static const struct story stories[] = {
    {":", {{"file", "{\"path\": \"@/a/b/c\", \"state\": \"directory\", \"mode\": \"0700\"}"}}},
    {"echo one >f; chmod 640 f",
     {{"lineinfile", "{\"path\": \"@/f\", \"line\": \"two\"}"},
      {"lineinfile", "{\"path\": \"@/f\", \"line\": \"three\", \"mode\": \"0600\"}"}}},
    {"echo one >f", {{"file", "{\"path\": \"@/f\", \"mode\": \"0711\"}"}}},
    {"mkdir -p t/u/v; echo x >t/u/f; ln -s nowhere t/l; chmod 511 t/u/v; printf '' >t/empty",
     {{"file", "{\"path\": \"@/t\", \"state\": \"absent\"}"}}},
    {"mkdir -p t/u; touch t/f t/u/g; chmod 700 t/u",
     {{"file",
       "{\"path\": \"@/t\", \"state\": \"directory\", \"recurse\": true, \"mode\": \"a+rX\"}"}}},
    {"echo x >f",
     {{"file", "{\"path\": \"@/f\", \"state\": \"absent\"}"},
      {"file", "{\"path\": \"@/f\", \"state\": \"directory\"}"},
      {"blockinfile", "{\"path\": \"@/f/g\", \"block\": \"b\", \"create\": true}"}}},
    {"ln -s old l",
     {{"file", "{\"path\": \"@/l\", \"src\": \"new\", \"state\": \"link\", "
               "\"force\": true}"},
      {"file", "{\"path\": \"@/h\", \"src\": \"none\", \"state\": \"link\", "
               "\"force\": true}"}}},
    {"head -c 300000 /dev/zero | tr '\\0' x >big; echo y >>big",
     {{"replace", "{\"path\": \"@/big\", \"regexp\": \"y\", \"replace\": \"z\"}"},
      {"replace", "{\"path\": \"@/big\", \"regexp\": \"z$\", \"replace\": \"\"}"}}},
    {"printf 'a=1\\n' >real; ln -s real l",
     {{"ini_file", "{\"path\": \"@/l\", \"section\": \"s\", \"option\": \"o\", \"value\": \"v\"}"},
      {"ini_file", "{\"path\": \"@/n/x\", \"section\": \"s\", \"option\": \"o\", \"value\": "
                   "\"v\"}"}}},
    {"mkdir p; echo 1 >p/1; echo old >out",
     {{"assemble", "{\"src\": \"@/p\", \"dest\": \"@/out\", \"backup\": true}"},
      {"file", "{\"path\": \"@/p\", \"state\": \"absent\"}"}}},
    {"touch made",
     {{"command", "{\"_raw_params\": \"rm @/made\"}"},
      {"file", "{\"path\": \"@/x\", \"state\": "
               "\"touch\"}"}}},
    {"echo 1 >one; echo 2 >two; mkdir d; echo 3 >d/three",
     {{"archive", "{\"path\": [\"@/one\", \"@/two\", \"@/d\"], \"dest\": \"@/a.tgz\", "
                  "\"remove\": true}"}}},
    {"mkdir -p app/node_modules/y; echo old >app/node_modules/y/i; echo '{}' >app/package.json; "
     "printf '#!/bin/sh\\n[ \"$1\" = list ] && { echo \"{}\"; exit; }\\nmkdir -p "
     "node_modules/x; echo 1 >node_modules/x/i; rm -r node_modules/y; echo new "
     ">package.json\\n' >npm; chmod +x npm",
     {{"npm", "{\"name\": \"x\", \"path\": \"@/app\", \"executable\": \"@/npm\"}"}}},
    {"touch \"$(printf 'sp ace')\"; mkdir tree; cp -r tree tree2",
     {{"copy", "{\"src\": \"@/sp ace\", \"dest\": \"@/new/deep/\", \"remote_src\": true}"},
      {"tempfile", "{\"path\": \"@/tree\"}"}}},
};

static char base[] = "/tmp/andon-undo-XXXXXX";

static void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    assert_int_equal(system(buf_str(&b)), 0);
    buf_release(&b);
}

static char *snapshot(struct arena *a)
{
    FILE *p = popen(arena_printf(a, LOOK, base), "r");
    char *text = arena_alloc(a, 65536);
    assert_non_null(p);
    text[fread(text, 1, 65535, p)] = '\0';
    pclose(p);
    return text;
}

static const char *with_folder(struct arena *a, const char *text)
{
    struct buf b = BUF_INIT;
    for (; *text; text++)
        if (*text == '@')
            buf_addf(&b, "%s/w", base);
        else
            buf_addc(&b, *text);
    const char *ret = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

static struct value parse(struct arena *a, const char *text)
{
    struct value v;
    assert_int_equal(json_parse(a, text, strlen(text), &v, NULL), 0);
    return v;
}

// One task under the journal of a run; crash: killed behind so many records, then -1 is returned.
static int run_task(struct arena *a, const char *run, int n, const char *module, const char *args,
                    const char *more, int crash, struct value *ret)
{
    struct value task = parse(
        a, arena_printf(a,
                        "{\"module\": \"%s\", \"args\": %s, \"journal\": {\"run\": \"%s\", "
                        "\"task\": %d, \"name\": \"task %d\", \"dir\": \"%s/j\", \"crash\": %d, "
                        "\"inverse\": \"touch %s/w/made\" %s}}",
                        module, with_folder(a, args), run, n, n, base, crash, base, more));
    if (!crash) {
        task_run(a, task.u.dict, NULL, ret);
        return dict_bool(ret->u.dict, "failed", false);
    }
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        setpgid(0, 0);
        task_run(a, task.u.dict, NULL, ret);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? -1 : 0;
}

static int undo(struct arena *a, const char *run, const char *by, const char *opts, int crash,
                struct value *ret)
{
    struct value task = parse(
        a, arena_printf(a,
                        "{\"module\": \"_undo\", \"extra\": {\"run\": \"%s\", \"op\": \"undo\", "
                        "\"dir\": \"%s/j\", \"by\": \"%s\"%s}, \"journal\": {\"run\": \"%s\", "
                        "\"task\": 1, \"dir\": \"%s/j\", \"crash\": %d}}",
                        run, base, by, opts, by, base, crash));
    if (!crash) {
        task_run(a, task.u.dict, NULL, ret);
        return dict_bool(ret->u.dict, "failed", false);
    }
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        setpgid(0, 0);
        task_run(a, task.u.dict, NULL, ret);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? -1 : 0;
}

static void prepare(const struct story *s)
{
    shell("rm -rf '%s/w' '%s/j'; mkdir '%s/w'; cd '%s/w' && { %s; }", base, base, base, base,
          s->before);
}

// The tasks, the last one killed behind `crash` records; -1 when it was.
static int run_story(struct arena *a, const struct story *s, const char *run, int crash)
{
    int rc = 0;
    for (int i = 0; i < TASKS_MAX && s->tasks[i].module && rc == 0; i++) {
        struct value v;
        bool last = i + 1 == TASKS_MAX || !s->tasks[i + 1].module;
        rc =
            run_task(a, run, i + 1, s->tasks[i].module, s->tasks[i].args, "", last ? crash : 0, &v);
        if (rc > 0)
            fail_msg("%s failed: %s", s->tasks[i].module, dict_str(v.u.dict, "msg", ""));
    }
    return rc;
}

static const char *text_of(struct arena *a, const struct value *v)
{
    struct buf b = BUF_INIT;
    json_write(&b, v, NULL);
    const char *s = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return s;
}

static void put_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct arena *a = arena_new();
        struct value v;
        prepare(&stories[i]);
        const char *before = snapshot(a);
        assert_int_equal(run_story(a, &stories[i], "r-1", 0), 0);
        const char *after = snapshot(a);
        assert_string_not_equal(before, after);
        if (undo(a, "r-1", "r-2", "", 0, &v) != 0)
            fail_msg("story %zu: %s", i, text_of(a, &v));
        assert_true(dict_bool(v.u.dict, "changed", false));
        assert_string_equal(before, snapshot(a));
        // a second time there is nothing to do
        assert_int_equal(undo(a, "r-1", "r-3", "", 0, &v), 0);
        assert_false(dict_bool(v.u.dict, "changed", false));
        // and the undo can be undone, but for what its commands did
        if (strcmp(stories[i].tasks[0].module, "command") != 0) {
            if (undo(a, "r-2", "r-4", "", 0, &v) != 0)
                fail_msg("story %zu, undo of the undo: %s", i, text_of(a, &v));
            assert_string_equal(after, snapshot(a));
        }
        arena_free(a);
    }
}

static void killed_at_any_record(void **state)
{
    (void)state;
    size_t kills = 0;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++)
        for (int crash = 1, rc = -1; rc < 0 && crash < 20; crash++) {
            struct arena *a = arena_new();
            struct value v;
            prepare(&stories[i]);
            const char *before = snapshot(a);
            rc = run_story(a, &stories[i], "r-1", crash);
            kills += rc < 0;
            if (undo(a, "r-1", "r-2", "", 0, &v) != 0)
                fail_msg("story %zu killed at %d: %s", i, crash, text_of(a, &v));
            shell("find '%s/w' -name '.andon_tmp_*' -delete", base);
            assert_string_equal(before, snapshot(a));
            arena_free(a);
        }
    assert_true(kills > 12);
}

static void undo_killed(void **state)
{
    (void)state;
    size_t kills = 0;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++)
        for (int crash = 1, rc = -1; rc < 0 && crash < 20; crash++) {
            struct arena *a = arena_new();
            struct value v;
            prepare(&stories[i]);
            const char *before = snapshot(a);
            run_story(a, &stories[i], "r-1", 0);
            rc = undo(a, "r-1", "r-2", "", crash, &v);
            kills += rc < 0;
            const char *half = journal_half(a, arena_printf(a, "%s/j", base));
            if (half) // it says so as long as it has not come to its end
                assert_string_equal(half, "r-1");
            else
                assert_string_equal(before, snapshot(a));
            if (undo(a, "r-1", "r-3", "", 0, &v) != 0)
                fail_msg("story %zu killed at %d: %s", i, crash, text_of(a, &v));
            shell("find '%s/w' -name '.andon_tmp_*' -delete", base);
            assert_string_equal(before, snapshot(a));
            assert_null(journal_half(a, arena_printf(a, "%s/j", base)));
            arena_free(a);
        }
    assert_true(kills > 12);
}

static void changed_since(void **state)
{
    static const struct {
        size_t story;
        const char *change, *conflict;
    } cases[] = {
        {1, "echo four >>f", "/w/f was changed since"},
        {1, "chmod 666 f", "/w/f is 0666"},
        {1, "rm f", "/w/f is gone"},
        {0, "touch a/b/c/mine", "a/b/c/mine was not put there by the run"},
        {3, "echo mine >t", "/w/t is there again"},
        {6, "ln -sfn else l", "/w/l was changed since"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new();
        struct value v;
        prepare(&stories[cases[i].story]);
        run_story(a, &stories[cases[i].story], "r-1", 0);
        shell("cd '%s/w' && %s", base, cases[i].change);
        const char *after = snapshot(a);
        assert_int_equal(undo(a, "r-1", "r-2", "", 0, &v), 1);
        if (!strstr(text_of(a, &v), cases[i].conflict))
            fail_msg("'%s' is not in %s", cases[i].conflict, text_of(a, &v));
        assert_string_equal(after, snapshot(a));
        assert_null(journal_half(a, arena_printf(a, "%s/j", base)));
        arena_free(a);
    }
    struct arena *a = arena_new();
    struct value v;
    prepare(&stories[1]);
    const char *before = snapshot(a);
    run_story(a, &stories[1], "r-1", 0);
    shell("cd '%s/w' && echo four >>f", base);
    assert_int_equal(undo(a, "r-1", "r-2", ", \"force\": true", 0, &v), 0);
    assert_string_equal(before, snapshot(a));
    arena_free(a);
}

static void bounded(void **state)
{
    struct arena *a = arena_new();
    struct value v;
    const char *small = ", \"runs\": 3, \"max_bytes\": 40000";
    (void)state;
    shell("rm -rf '%s/w' '%s/j'; mkdir '%s/w'; head -c 20000 /dev/zero >'%s/w/big'", base, base,
          base, base);
    for (int i = 1; i <= 9; i++)
        assert_int_equal(run_task(a, arena_printf(a, "r-%d", i), 1, "lineinfile",
                                  arena_printf(a,
                                               "{\"path\": \"@/f\", \"create\": true, \"line\": "
                                               "\"%d\"}",
                                               i),
                                  small, 0, &v),
                         0);
    struct list *runs = journal_runs(a, arena_printf(a, "%s/j", base));
    assert_int_equal(runs->len, 3);
    assert_string_equal(runs->items[0].u.str.s, "r-7");
    // what is too large is said to be lost, and the task goes on
    assert_int_equal(
        run_task(a, "r-9", 2, "file", "{\"path\": \"@/big\", \"state\": \"absent\"}", small, 0, &v),
        0);
    assert_non_null(strstr(text_of(a, &v), "\"undo\": \"no\""));
    arena_free(a);
}

static void says_what_it_cannot(void **state)
{
    struct arena *a = arena_new();
    struct value v;
    (void)state;
    shell("rm -rf '%s/w' '%s/j'; mkdir '%s/w'; touch '%s/j'", base, base, base, base);
    // no journal can be made: without a need for it the task goes on
    assert_int_equal(
        run_task(a, "r-1", 1, "file", "{\"path\": \"@/x\", \"state\": \"touch\"}", "", 0, &v), 0);
    assert_non_null(strstr(text_of(a, &v), "cannot be written"));
    assert_int_equal(run_task(a, "r-1", 2, "file", "{\"path\": \"@/y\", \"state\": \"touch\"}",
                              ", \"required\": true", 0, &v),
                     1);
    shell("test ! -e '%s/w/y' && rm '%s/j'", base, base);
    // nothing changes: nothing is made
    assert_int_equal(
        run_task(a, "r-1", 3, "file", "{\"path\": \"@/x\", \"state\": \"file\"}", "", 0, &v), 0);
    shell("test ! -e '%s/j'", base);
    assert_null(dict_get(v.u.dict, "_andon"));
    arena_free(a);
}

// A record that was being written when the power went, and one that is damaged.
static void damaged_log(void **state)
{
    struct arena *a = arena_new();
    struct value v;
    (void)state;
    prepare(&stories[1]);
    const char *before = snapshot(a);
    run_story(a, &stories[1], "r-1", 0);
    shell("printf '\\211andonJ\\n\\0\\0\\1' >>'%s/j/r-1/log'", base);
    assert_int_equal(undo(a, "r-1", "r-2", "", 0, &v), 0);
    assert_string_equal(before, snapshot(a));
    prepare(&stories[1]);
    run_story(a, &stories[1], "r-1", 0);
    shell("printf X | dd of='%s/j/r-1/log' bs=1 seek=60 conv=notrunc 2>/dev/null", base);
    assert_int_equal(undo(a, "r-1", "r-2", "", 0, &v), 0);
    assert_non_null(strstr(text_of(a, &v), "cannot be read"));
    arena_free(a);
}

static int remove_base(void **state)
{
    (void)state;
    shell("chmod -R u+rwx '%s'; rm -rf '%s'", base, base);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_back),    cmocka_unit_test(killed_at_any_record),
        cmocka_unit_test(undo_killed), cmocka_unit_test(changed_since),
        cmocka_unit_test(bounded),     cmocka_unit_test(says_what_it_cannot),
        cmocka_unit_test(damaged_log),
    };
    if (!mkdtemp(base))
        return 1;
    return cmocka_run_group_tests(tests, NULL, remove_base);
}
