// Verification: an untouched ledger is found whole; each way to tamper with one is found and the
// event named; truncation behind a checkpoint, foreign keys and replaced content too.
#include "core/file.h"
#include "ledger/tree.h"
#include "ledger_test.h"

#include <sys/wait.h>

#define N_EVENTS 1000

struct told {
    size_t n;
    enum ledger_finding_kind kind[64];
    int64_t first[64], last[64];
    char text[64][300];
};

static void on_found(void *data, const struct ledger_finding *f)
{
    struct told *t = data;
    size_t i = t->n < 63 ? t->n : 63;
    t->kind[i] = f->kind;
    t->first[i] = f->first;
    t->last[i] = f->last;
    snprintf(t->text[i], sizeof t->text[i], "%s", f->text);
    assert_null(strchr(f->text, '\n'));
    t->n++;
}

static struct ledger_verified verify_with(const char *dir, struct told *t,
                                          struct ledger_verify_opts o)
{
    struct ledger_verified v;
    struct err e = ERR_INIT;
    *t = (struct told){0};
    o.found = on_found;
    o.data = t;
    if (ledger_verify(dir, &o, &v, &e) < 0)
        fail_msg("%s", err_msg(&e));
    assert_int_equal(v.findings, t->n);
    return v;
}

static struct ledger_verified verify(const char *dir, struct told *t)
{
    return verify_with(dir, t, (struct ledger_verify_opts){0});
}

static void sql(const char *dir, const char *statements)
{
    char command[8200];
    snprintf(command, sizeof command, "sqlite3 '%s/ledger.db' \"%s\"", dir, statements);
    assert_int_equal(system(command), 0);
}

static char *filled(int n)
{
    char *dir = test_dir();
    struct ledger *l = test_open(dir);
    test_fill(l, 0, n, 100);
    ledger_close(l);
    return dir;
}

static void an_untouched_ledger_is_whole(void **state)
{
    (void)state;
    // around the borders of the pieces that threads look at
    static const int sizes[] = {0, 1, 2, 255, 256, 257, 16383, 16384, 16385, 33000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *dir = filled(sizes[i]);
        struct ledger *l = test_open(dir);
        struct arena *a = arena_new();
        struct ledger_checkpoint c;
        struct told t;
        for (int threads = 0; threads < 4; threads += 3) {
            struct ledger_verified v =
                verify_with(dir, &t, (struct ledger_verify_opts){.threads = threads});
            assert_int_equal(t.n, 0);
            assert_int_equal(v.events, sizes[i]);
            if (sizes[i]) {
                assert_int_equal(ledger_newest(l, a, &c, NULL), 0);
                assert_int_equal(c.tree.size, sizes[i]);
                assert_true(merkle_equal(&c.tree.root, &v.root));
                assert_true(v.checkpoints >= 2); // the newest, and the file
            }
        }
        arena_free(a);
        ledger_close(l);
        test_dir_remove(dir);
    }
}

static void each_way_to_tamper_is_found_and_the_event_named(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum ledger_finding_kind kind;
        int64_t first, last;
        const char *text;
    } cases[] = {
        {"UPDATE entry SET json = replace(json, 'web', 'www') WHERE seq = 17", FINDING_ALTERED, 17,
         17, "event 17: altered: the entry is not what was recorded"},
        {"UPDATE entry SET json = replace(json, 'desk', 'dusk') WHERE seq BETWEEN 40 AND 44",
         FINDING_ALTERED, 40, 44, "events 40 to 44: altered: the entry is not what was recorded"},
        {"UPDATE entry SET json = X'00' WHERE seq = 999", FINDING_ALTERED, 999, 999, NULL},
        {"UPDATE event SET host = (SELECT id FROM name WHERE text = 'web1') WHERE seq = 3",
         FINDING_COLUMNS, 3, 3,
         "event 3: altered for queries (its column host says 'web1', its entry "
         "'web3')"},
        {"UPDATE name SET text = 'eve@desk' WHERE text = 'bob@desk'", FINDING_COLUMNS, 3, 3, NULL},
        {"UPDATE event SET mark = 0 WHERE seq = 20", FINDING_COLUMNS, 20, 20,
         "event 20: altered for queries (its column mark is not its entry's)"},
        {"UPDATE event SET name = NULL WHERE seq = 11", FINDING_COLUMNS, 11, 11, NULL},
        {"UPDATE event SET actor = 999999 WHERE seq = 5", FINDING_COLUMNS, 5, 5, NULL},
        {"UPDATE event SET actor = -1 WHERE seq = 5", FINDING_COLUMNS, 5, 5,
         "event 5: altered for queries (its column actor says '(nothing)', its entry "
         "'ann@desk')"},
        {"UPDATE event SET actor = 0 WHERE seq = 5", FINDING_COLUMNS, 5, 5, NULL},
        {"UPDATE event SET incident = -1 WHERE seq = 5", FINDING_COLUMNS, 5, 5, NULL},
        {"UPDATE event SET incident = 0 WHERE seq = 5", FINDING_COLUMNS, 5, 5, NULL},
        {"UPDATE event SET mark = -1 WHERE seq = 5", FINDING_COLUMNS, 5, 5, NULL},
        {"UPDATE event SET actor = NULL WHERE seq = 5", FINDING_COLUMNS, 5, 5, NULL},
        {"UPDATE event SET time = time + 1 WHERE seq = 5", FINDING_COLUMNS, 5, 5,
         "event 5: altered for queries (its column time is not its entry's)"},
        {"DELETE FROM event WHERE seq = 700", FINDING_COLUMNS, 700, 700,
         "event 700: altered for queries (queries do not see it)"},
        {"DELETE FROM entry WHERE seq = 700; DELETE FROM event WHERE seq = 700", FINDING_MISSING,
         700, 700, "event 700: removed from the ledger"},
        {"DELETE FROM entry WHERE seq = 255", FINDING_MISSING, 255, 255, NULL},
        {"DELETE FROM entry WHERE seq BETWEEN 100 AND 299; DELETE FROM event WHERE seq BETWEEN 100 "
         "AND 299",
         FINDING_MISSING, 100, 299, "events 100 to 299: removed from the ledger"},
        // two entries change places
        {"CREATE TEMP TABLE t AS SELECT seq, json FROM entry WHERE seq IN (8, 12); UPDATE entry "
         "SET "
         "json = (SELECT json FROM t WHERE t.seq = 20 - entry.seq) WHERE seq IN (8, 12)",
         FINDING_MOVED, 8, 8, "event 8: reordered (it is what was recorded as event 12)"},
        // the hash of one goes with it
        {"UPDATE entry SET hashes = zeroblob(32) WHERE seq = 20", FINDING_HASHES, 20, 21, NULL},
        {"UPDATE entry SET hashes = substr(hashes, 1, 32) WHERE seq = 21", FINDING_HASHES, 21, 21,
         NULL},
        {"UPDATE entry SET hashes = substr(hashes, 1, 64) || zeroblob(64) WHERE seq = 7",
         FINDING_HASHES, 4, 7, NULL},
        // removed, and all behind it given a new number
        {"DELETE FROM entry WHERE seq = 500; DELETE FROM event WHERE seq = 500; "
         "UPDATE entry SET seq = seq - 1 WHERE seq > 500; UPDATE event SET seq = seq - 1 WHERE seq "
         "> 500",
         FINDING_HASHES, 500, 998, NULL},
        // the tail
        {"DELETE FROM entry WHERE seq >= 990; DELETE FROM event WHERE seq >= 990",
         FINDING_TRUNCATED, 990, 999, NULL},
        {"DELETE FROM entry WHERE seq >= 990; DELETE FROM event WHERE seq >= 990; DELETE FROM "
         "checkpoint WHERE size > 990",
         FINDING_TRUNCATED, 990, 999,
         "events 990 to 999: cut off at the end of the ledger (the checkpoint in the file "
         "'checkpoint')"},
        {"DELETE FROM checkpoint WHERE size = 1000; UPDATE entry SET seq = seq WHERE seq = 0",
         FINDING_UNSIGNED, 100, 999, NULL},
        {"UPDATE checkpoint SET note = replace(note, 'test', 'tost')", FINDING_CHECKPOINT, -1, -1,
         NULL},
        {"UPDATE checkpoint SET note = 'nothing' WHERE size = 1000", FINDING_CHECKPOINT, -1, -1,
         NULL},
        {"UPDATE meta SET value = replace(value, 'test', 'tost') WHERE key = 'vkey'",
         FINDING_CHECKPOINT, -1, -1, NULL},
        {"INSERT INTO event(seq, time, type) VALUES(-5, 1, 1)", FINDING_HASHES, -1, -1, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *dir = filled(N_EVENTS);
        struct told t;
        sql(dir, cases[i].sql);
        verify(dir, &t);
        bool found = false;
        for (size_t k = 0; k < t.n && k < 64; k++)
            found = found || (t.kind[k] == cases[i].kind && t.first[k] == cases[i].first &&
                              t.last[k] == cases[i].last &&
                              (!cases[i].text || strcmp(t.text[k], cases[i].text) == 0));
        if (!found)
            fail_msg("case %zu (%s): %zu findings, the first: %s", i, cases[i].sql, t.n,
                     t.n ? t.text[0] : "none");
        test_dir_remove(dir);
    }
}

static void altered_postings_are_found(void **state)
{
    (void)state;
    static const char *const tampered[] = {
        "DELETE FROM posting WHERE block = 1 AND field = 1 AND id = (SELECT id FROM name WHERE "
        "text "
        "= 'web3')",
        "UPDATE posting SET at = substr(at, 1, length(at) - 2) WHERE block = 1 AND length(at) < "
        "512",
        "UPDATE posting SET at = zeroblob(512) WHERE block = 1 AND length(at) = 512",
        "UPDATE posting SET id = 99999 WHERE block = 1 AND field = 1 AND id = (SELECT id FROM name "
        "WHERE text = 'web3')",
        // the marks of runs, the names in bodies, runs that reach over the border of a block
        "DELETE FROM posting WHERE block = 1 AND field = 12",
        "DELETE FROM posting WHERE block = 1 AND field = 13",
        "DELETE FROM posting WHERE block = 1 AND field = 14",
        "UPDATE posting SET id = 3 WHERE block = 1 AND field = 14 AND id = 1",
        "UPDATE name SET first = 9000 WHERE text = 'web3'",
    };
    for (size_t i = 0; i < sizeof tampered / sizeof *tampered; i++) {
        char *dir = filled(10000);
        struct told t;
        sql(dir, tampered[i]);
        verify(dir, &t);
        assert_true(t.n >= 1);
        assert_int_equal(t.kind[0], FINDING_COLUMNS);
        if (i < 8) {
            assert_int_equal(t.first[0], 4096);
            assert_int_equal(t.last[0], 8191);
        }
        test_dir_remove(dir);
    }
}

// Rebuilds an altered ledger as somebody would who knows the format but not the key: every hash
// fits, the last checkpoints do not.
static void what_was_replaced_with_all_its_hashes_is_found_by_checkpoints(void **state)
{
    (void)state;
    char *dir = filled(20000), *forged = test_dir(), command[9000];
    struct ledger *l = test_open(dir), *f = test_open(forged);
    struct arena *a = arena_new();
    struct ledger_event *all;
    size_t n;
    struct told t;
    assert_int_equal(ledger_list(l, NULL, a, &all, &n, NULL), 0);
    all[9999].host = "elsewhere";
    assert_int_equal(ledger_append(f, all, n, NULL), 0);
    ledger_close(l);
    ledger_close(f);
    snprintf(
        command, sizeof command,
        "sqlite3 '%s/ledger.db' \"ATTACH '%s/ledger.db' AS f; DELETE FROM entry; INSERT INTO "
        "entry SELECT * FROM f.entry; DELETE FROM name; INSERT INTO name SELECT * FROM f.name; "
        "DELETE FROM event; INSERT INTO event SELECT * FROM f.event; DELETE FROM posting; INSERT "
        "INTO "
        "posting SELECT * FROM f.posting;\"",
        dir, forged);
    assert_int_equal(system(command), 0);
    verify(dir, &t);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.kind[0], FINDING_REPLACED);
    // between the kept checkpoints around it
    assert_true(t.first[0] > 4000 && t.first[0] <= 9999 && t.last[0] >= 9999 && t.last[0] < 14000);
    arena_free(a);
    test_dir_remove(dir);
    test_dir_remove(forged);
}

// A whole ledger made anew with another key, and one put back from an old copy.
static void a_checkpoint_kept_elsewhere_tells_of_other_ledgers(void **state)
{
    (void)state;
    char *dir = filled(300), *other = filled(400), *note, *vkey, path[4200];
    struct arena *a = arena_new();
    struct told t;
    size_t len;
    snprintf(path, sizeof path, "%s/checkpoint", dir);
    assert_int_equal(file_read(a, path, 10000, &note, &len, NULL), 0);
    snprintf(path, sizeof path, "%s/ledger.pub", dir);
    assert_int_equal(file_read(a, path, 10000, &vkey, &len, NULL), 0);
    vkey[strcspn(vkey, "\n")] = '\0';

    struct ledger_verify_opts o = {.vkey = vkey, .checkpoint = note};
    verify_with(dir, &t, o);
    assert_int_equal(t.n, 0);
    verify_with(other, &t, o);
    assert_true(t.n >= 2);
    assert_int_equal(t.kind[0], FINDING_CHECKPOINT);
    o = (struct ledger_verify_opts){.checkpoint = note};
    verify_with(other, &t, o); // whose own key it trusts, by which the note is not signed
    assert_int_equal(t.n, 1);
    assert_int_equal(t.kind[0], FINDING_CHECKPOINT);

    struct ledger *l = test_open(dir);
    test_fill(l, 300, 100, 10);
    ledger_close(l);
    verify_with(dir, &t, (struct ledger_verify_opts){.checkpoint = note});
    assert_int_equal(t.n, 0);
    arena_free(a);
    test_dir_remove(dir);
    test_dir_remove(other);
}

static void altered_content_is_found_when_asked_for(void **state)
{
    (void)state;
    char *dir = test_dir(), digest[LEDGER_DIGEST_HEX];
    struct ledger *l = test_open(dir);
    struct arena *a = arena_new();
    struct told t;
    for (int i = 0; i < 20; i++)
        assert_int_equal(ledger_blob_put(l, &i, sizeof i, digest, NULL), 0);
    struct ledger_verified v = verify_with(dir, &t, (struct ledger_verify_opts){.blobs = true});
    assert_int_equal(v.blobs, 20);
    assert_int_equal(t.n, 0);
    assert_int_equal(file_write_atomic(ledger_blob_path(l, digest, a), "x", 1, 0600, NULL), 0);
    verify_with(dir, &t, (struct ledger_verify_opts){.blobs = true});
    assert_int_equal(t.n, 1);
    assert_int_equal(t.kind[0], FINDING_BLOB);
    assert_non_null(strstr(t.text[0], digest));
    verify(dir, &t);
    assert_int_equal(t.n, 0);
    arena_free(a);
    ledger_close(l);
    test_dir_remove(dir);
}

static void put_event(struct ledger *l, const char *type, const char *key, const char *text)
{
    struct arena *a = arena_new();
    struct value body = value_dict(a);
    dict_set(body.u.dict, key, value_cstr(text));
    struct ledger_event ev = {.type = type,
                              .run = "r-1",
                              .host = "web1",
                              .service = "shop",
                              .release = "1",
                              .body = body.u.dict};
    assert_int_equal(ledger_append(l, &ev, 1, NULL), 0);
    arena_free(a);
}

static void content_that_is_gone_is_named(void **state)
{
    (void)state;
    char *dir = filled(100), kept[LEDGER_DIGEST_HEX], lost[3][LEDGER_DIGEST_HEX];
    struct ledger *l = test_open(dir);
    struct arena *a = arena_new();
    struct told t;
    static const char *const types[] = {"change", "release.created", "approval.requested"},
                             *const keys[] = {"diff", "artifact", "plan"};
    assert_int_equal(ledger_blob_put(l, "here", 4, kept, NULL), 0);
    put_event(l, "change", "diff", kept);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ledger_blob_put(l, types[i], 5, lost[i], NULL), 0);
        put_event(l, types[i], keys[i], lost[i]);
    }
    put_event(l, "change", "diff", lost[0]); // told once, for the first that names it
    verify(dir, &t);
    assert_int_equal(t.n, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(unlink(ledger_blob_path(l, lost[i], a)), 0);
    verify(dir, &t);
    assert_int_equal(t.n, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t.kind[i], FINDING_LOST);
        assert_int_equal(t.first[i], 101 + i);
        assert_non_null(strstr(t.text[i], lost[i]));
    }
    arena_free(a);
    ledger_close(l);
    test_dir_remove(dir);
}

// --- keys
// ------------------------------------------------------------------------------------------

static void read_to(const char *dir, const char *name, char **ret, struct arena *a)
{
    char path[4200];
    size_t len;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(file_read(a, path, 10000, ret, &len, NULL), 0);
}

static void shell(const char *dir, const char *commands)
{
    char command[9000];
    snprintf(command, sizeof command, "cd '%s' && %s", dir, commands);
    assert_int_equal(system(command), 0);
}

// Three keys, each with events of its time; vkeys gets their public halves.
static char *rotated(char *vkeys[3], struct arena *a)
{
    char *dir = filled(100);
    struct ledger *l = test_open(dir);
    for (int i = 0; i < 3; i++) {
        if (i)
            assert_int_equal(ledger_rotate_key(l, "as every year", NULL), 0);
        test_fill(l, 100 * i + 100, 50, 10);
        read_to(dir, "ledger.pub", &vkeys[i], a);
        vkeys[i][strcspn(vkeys[i], "\n")] = '\0';
    }
    ledger_close(l);
    assert_string_not_equal(vkeys[0], vkeys[1]);
    assert_string_not_equal(vkeys[1], vkeys[2]);
    return dir;
}

static void a_new_key_is_followed_from_each_that_was(void **state)
{
    (void)state;
    char *vkeys[3], *note, *old_note;
    struct arena *a = arena_new();
    char *dir = rotated(vkeys, a), *other = filled(10);
    struct told t;
    read_to(dir, "checkpoint", &note, a);
    verify(dir, &t);
    assert_int_equal(t.n, 0);
    for (int i = 0; i < 3; i++) {
        verify_with(dir, &t, (struct ledger_verify_opts){.vkey = vkeys[i], .checkpoint = note});
        assert_int_equal(t.n, 0);
    }
    char *foreign;
    read_to(other, "ledger.pub", &foreign, a);
    foreign[strcspn(foreign, "\n")] = '\0';
    verify_with(dir, &t, (struct ledger_verify_opts){.vkey = foreign});
    assert_true(t.n >= 2);
    assert_int_equal(t.kind[0], FINDING_CHECKPOINT);
    // a checkpoint from before the change, kept elsewhere
    struct ledger *l = test_open(dir);
    struct ledger_checkpoint *all;
    size_t n;
    assert_int_equal(ledger_checkpoints(l, a, &all, &n, NULL), 0);
    old_note = (char *)(uintptr_t)all[0].note;
    ledger_close(l);
    verify_with(dir, &t, (struct ledger_verify_opts){.checkpoint = old_note});
    assert_int_equal(t.n, 0);
    arena_free(a);
    test_dir_remove(dir);
    test_dir_remove(other);
}

static void a_change_of_the_key_cannot_be_forged(void **state)
{
    (void)state;
    static const char *const tampered[] = {
        // the new key's signature on the checkpoint of the change
        "UPDATE checkpoint SET note = substr(note, 1, length(note) - length(rtrim(note, "
        "char(10))) + instr(note, char(8212)) + 100) WHERE size = 151",
        "DELETE FROM checkpoint WHERE size = 151",
        // the key that the ledger names
        "UPDATE meta SET value = (SELECT value FROM meta WHERE key = 'origin') || '+00+x' WHERE "
        "key "
        "= 'vkey'",
    };
    for (size_t i = 0; i < sizeof tampered / sizeof *tampered; i++) {
        char *vkeys[3];
        struct arena *a = arena_new();
        char *dir = rotated(vkeys, a);
        struct told t;
        sql(dir, tampered[i]);
        verify(dir, &t);
        assert_true(t.n >= 1);
        assert_int_equal(t.kind[0], FINDING_CHECKPOINT);
        if (i < 2)
            assert_int_equal(t.first[t.n - 1], 150);
        arena_free(a);
        test_dir_remove(dir);
    }
    // an event that says so, by one who has another key
    char *dir = filled(100), *other = filled(10);
    struct arena *a = arena_new();
    struct value body = value_dict(a);
    struct ledger *l = test_open(dir);
    struct ledger_event ev = {.type = "key.rotated", .body = body.u.dict};
    char *ours, *theirs;
    struct told t;
    read_to(dir, "ledger.pub", &ours, a);
    read_to(other, "ledger.pub", &theirs, a);
    ours[strcspn(ours, "\n")] = theirs[strcspn(theirs, "\n")] = '\0';
    dict_set(body.u.dict, "old", value_cstr(ours));
    dict_set(body.u.dict, "new", value_cstr(theirs));
    assert_int_equal(ledger_append(l, &ev, 1, NULL), 0);
    ledger_close(l);
    verify(dir, &t);
    assert_true(t.n >= 1);
    assert_int_equal(t.kind[0], FINDING_CHECKPOINT);
    arena_free(a);
    test_dir_remove(dir);
    test_dir_remove(other);
}

static int append_one(const char *dir)
{
    struct ledger *l = test_open(dir);
    struct ledger_event ev = {.type = "breakglass"};
    int rc = ledger_append(l, &ev, 1, NULL);
    ledger_close(l);
    return rc;
}

static void the_old_key_signs_no_more(void **state)
{
    (void)state;
    char *dir = filled(20), *pub, *now;
    struct arena *a = arena_new();
    struct ledger *l = test_open(dir), *second = test_open(dir);
    struct told t;
    struct ledger_event ev = {.type = "breakglass"};
    shell(dir, "cp ledger.key old.key");
    assert_int_equal(ledger_append(second, &ev, 1, NULL), 0); // which has it loaded
    assert_int_equal(ledger_rotate_key(l, NULL, NULL), 0);
    assert_int_equal(ledger_append(second, &ev, 1, NULL), 0); // and takes the new one
    ledger_close(second);
    ledger_close(l);
    verify(dir, &t);
    assert_int_equal(t.n, 0);
    shell(dir, "! cmp -s ledger.key old.key && [ $(stat -c %a ledger.key) = 600 ] && [ ! -e "
               "ledger.key.new ]");
    // killed between the ledger's word and the files
    read_to(dir, "ledger.pub", &pub, a);
    shell(dir, "mv ledger.key ledger.key.new && cp old.key ledger.key && echo old >ledger.pub");
    assert_int_equal(append_one(dir), 0);
    read_to(dir, "ledger.pub", &now, a);
    assert_string_equal(pub, now);
    shell(dir, "! cmp -s ledger.key old.key && [ ! -e ledger.key.new ]");
    // killed before: what lies there is made anew
    shell(dir, "cp old.key ledger.key.new");
    assert_int_equal(append_one(dir), 0);
    l = test_open(dir);
    assert_int_equal(ledger_rotate_key(l, NULL, NULL), 0);
    ledger_close(l);
    verify(dir, &t);
    assert_int_equal(t.n, 0);
    shell(dir, "cp old.key ledger.key");
    assert_int_equal(append_one(dir), ERR_INVALID);
    arena_free(a);
    test_dir_remove(dir);
}

static void a_ledger_that_is_being_written_is_whole(void **state)
{
    (void)state;
    char *dir = filled(500);
    struct told t;
    pid_t pid = fork(), ended = 0;
    if (pid == 0) {
        for (int i = 0; i < 150; i++) { // the file of the checkpoint is written at each end
            struct ledger *l = test_open(dir);
            test_fill(l, 0, 20, 10);
            ledger_close(l);
        }
        _exit(0);
    }
    size_t wrong = 0;
    while ((ended = waitpid(pid, NULL, WNOHANG)) == 0) {
        verify(dir, &t);
        wrong += t.n;
    }
    assert_int_equal(ended, pid);
    assert_int_equal(wrong, 0);
    test_dir_remove(dir);
}

static void what_was_altered_is_not_signed_again(void **state)
{
    (void)state;
    static const char *const tampered[] = {
        "DELETE FROM entry WHERE seq >= 990; DELETE FROM event WHERE seq >= 990",
        "DELETE FROM checkpoint",
        "UPDATE entry SET hashes = zeroblob(length(hashes)) WHERE seq = 999",
    };
    for (size_t i = 0; i < sizeof tampered / sizeof *tampered; i++) {
        char *dir = filled(N_EVENTS);
        sql(dir, tampered[i]);
        struct ledger *l = test_open(dir);
        struct ledger_event ev = {.type = "breakglass"};
        struct err e = ERR_INIT;
        assert_int_equal(ledger_append(l, &ev, 1, &e), ERR_INVALID);
        assert_non_null(strstr(err_msg(&e), "is damaged ('andon ledger verify' says where)"));
        err_release(&e);
        ledger_close(l);
        test_dir_remove(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_ledger_is_whole),
        cmocka_unit_test(each_way_to_tamper_is_found_and_the_event_named),
        cmocka_unit_test(altered_postings_are_found),
        cmocka_unit_test(content_that_is_gone_is_named),
        cmocka_unit_test(a_new_key_is_followed_from_each_that_was),
        cmocka_unit_test(a_change_of_the_key_cannot_be_forged),
        cmocka_unit_test(the_old_key_signs_no_more),
        cmocka_unit_test(what_was_replaced_with_all_its_hashes_is_found_by_checkpoints),
        cmocka_unit_test(a_checkpoint_kept_elsewhere_tells_of_other_ledgers),
        cmocka_unit_test(altered_content_is_found_when_asked_for),
        cmocka_unit_test(a_ledger_that_is_being_written_is_whole),
        cmocka_unit_test(what_was_altered_is_not_signed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
