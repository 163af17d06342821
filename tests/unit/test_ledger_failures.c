// What can go wrong below the ledger: every write and every sync that may fail does, once and for
// good; a full disk; a folder that is read-only; a writer that does not let go. Each is one clear
// error, what was recorded stays, and afterwards the ledger is whole.
#include "core/file.h"
#include "ledger/tree.h"
#include "ledger_test.h"

#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>

// --- a file system that fails
// -------------------------------------------------------------------------

static struct {
    sqlite3_vfs vfs, *real;
    long countdown; // fails when it reaches 0; <0: never
    bool for_good;  // and ever after
    int code;
    bool failed;
} shim;

struct shim_file {
    sqlite3_file base;
    sqlite3_file real[]; // as large as the real one's
};

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct shim_file *)(void *)f)->real;
}

static bool fails(void)
{
    if (shim.countdown < 0)
        return false;
    if (shim.countdown > 0) {
        shim.countdown--;
        return false;
    }
    if (!shim.for_good)
        shim.countdown = -1;
    shim.failed = true;
    return true;
}

static int on_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}
static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}
static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    return fails() ? shim.code : real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
}
static int on_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return fails() ? SQLITE_IOERR_TRUNCATE : real_of(f)->pMethods->xTruncate(real_of(f), n);
}
static int on_sync(sqlite3_file *f, int flags)
{
    return fails() ? SQLITE_IOERR_FSYNC : real_of(f)->pMethods->xSync(real_of(f), flags);
}
static int on_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), ret);
}
static int on_lock(sqlite3_file *f, int kind)
{
    return real_of(f)->pMethods->xLock(real_of(f), kind);
}
static int on_unlock(sqlite3_file *f, int kind)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), kind);
}
static int on_check_lock(sqlite3_file *f, int *ret)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}
static int on_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}
static int on_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}
static int on_device(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}
static int on_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, ret);
}
static int on_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}
static void on_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}
static int on_shm_unmap(sqlite3_file *f, int remove)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods methods = {
    2,           on_close,       on_read,       on_write,   on_truncate, on_sync,   on_size,
    on_lock,     on_unlock,      on_check_lock, on_control, on_sector,   on_device, on_shm_map,
    on_shm_lock, on_shm_barrier, on_shm_unmap,  NULL,       NULL};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    (void)vfs;
    int rc = shim.real->xOpen(shim.real, name, real_of(f), flags, ret_flags);
    f->pMethods = rc == SQLITE_OK || real_of(f)->pMethods ? &methods : NULL;
    return rc;
}

static void shim_install(void)
{
    if (!shim.real) {
        shim.real = sqlite3_vfs_find(NULL);
        shim.vfs = *shim.real;
        shim.vfs.zName = "failing";
        shim.vfs.szOsFile = (int)sizeof(struct shim_file) + shim.real->szOsFile;
        shim.vfs.xOpen = on_open;
    }
    shim.countdown = -1;
    assert_int_equal(sqlite3_vfs_register(&shim.vfs, 1), SQLITE_OK);
}

static void shim_remove(void)
{
    assert_int_equal(sqlite3_vfs_unregister(&shim.vfs), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_register(shim.real, 1), SQLITE_OK);
}

// --- the sweep
// ----------------------------------------------------------------------------------------

#define BEFORE 30
#define BATCH 10

static void assert_whole(const char *dir)
{
    struct ledger_verified v;
    struct err e = ERR_INIT;
    if (ledger_verify(dir, NULL, &v, &e) < 0)
        fail_msg("%s", err_msg(&e));
    assert_int_equal(v.findings, 0);
}

static bool append_batch(struct ledger *l)
{
    struct arena *a = arena_new();
    struct ledger_event events[BATCH];
    struct err e = ERR_INIT;
    for (int i = 0; i < BATCH; i++)
        events[i] = test_event(a, i);
    int rc = ledger_append(l, events, BATCH, &e);
    assert_true((rc < 0) == (*err_msg(&e) != '\0'));
    assert_null(strchr(err_msg(&e), '\n'));
    err_release(&e);
    arena_free(a);
    return rc == 0;
}

// Opens and appends thrice while the n-th write fails. The batches that were recorded.
static int work_while_failing(const char *dir, long n, bool for_good, int code)
{
    struct ledger *l = NULL;
    int good = 0;
    shim_install();
    shim.failed = false;
    shim.for_good = for_good;
    shim.code = code;
    shim.countdown = n;
    if (ledger_open(dir, NULL, &l, NULL) == 0)
        for (int i = 0; i < 3; i++)
            good += append_batch(l);
    ledger_close(l);
    shim_remove();
    return good;
}

static void every_write_that_fails_leaves_a_whole_ledger(void **state)
{
    (void)state;
    static const struct {
        bool for_good;
        int code;
    } ways[] = {{false, SQLITE_IOERR_WRITE}, {true, SQLITE_IOERR_WRITE}, {true, SQLITE_FULL}};
    int failures = 0;
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        bool more = true;
        for (long n = 0; more; n++) {
            char *dir = test_dir();
            struct ledger *l = test_open(dir);
            test_fill(l, 0, BEFORE, BEFORE);
            ledger_close(l);
            int good = work_while_failing(dir, n, ways[way].for_good, ways[way].code);
            more = shim.failed;
            failures += more;
            l = test_open(dir);
            // what was said to be recorded is; a commit that could not be synced may be there too
            int64_t added = ledger_size(l) - BEFORE;
            assert_int_equal(added % BATCH, 0);
            assert_true(added >= (int64_t)good * BATCH && added <= 3 * (int64_t)BATCH);
            assert_true(append_batch(l));
            ledger_close(l);
            assert_whole(dir);
            test_dir_remove(dir);
        }
    }
    assert_true(failures > 30);
}

static void a_ledger_that_could_not_be_made_is_made_later(void **state)
{
    (void)state;
    bool more = true;
    for (long n = 0; more; n++) {
        char *dir = test_dir();
        (void)work_while_failing(dir, n, true, SQLITE_FULL);
        more = shim.failed;
        struct ledger *l = test_open(dir);
        assert_true(append_batch(l));
        ledger_close(l);
        assert_whole(dir);
        test_dir_remove(dir);
    }
}

// --- a small disk
// -------------------------------------------------------------------------------------

// What happens in a mount namespace of its own: exits 77 where there may be none.
static void on_small_disk(const char *dir)
{
    struct ledger *l = NULL;
    struct err e = ERR_INIT;
    char path[4200], digest[LEDGER_DIGEST_HEX], *big = xcalloc(1, 1 << 20);
    if ((unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", dir, "tmpfs", 0, "size=600k") < 0)
        _exit(77);
    snprintf(path, sizeof path, "%s/home", dir);
    l = test_open(path);
    int good = 0;
    while (append_batch(l))
        good++;
    struct ledger_event ev = {.type = "breakglass"};
    assert_true(good > 3);
    while (ledger_append(l, &ev, 1, &e) == 0)
        good++;
    assert_non_null(strstr(err_msg(&e), "the disk is full"));
    err_release(&e);
    assert_int_equal(ledger_blob_put(l, big, 1 << 20, digest, &e), ERR_IO);
    assert_non_null(strstr(err_msg(&e), "No space left on device"));
    err_release(&e);
    int64_t size = ledger_size(l);
    assert_true(size >= good);
    ledger_close(l);
    assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT, "size=4m"), 0); // room again
    l = test_open(path);
    assert_int_equal(ledger_size(l), size);
    assert_true(append_batch(l));
    ledger_close(l);
    assert_whole(path);

    assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_whole(path);
    int rc = ledger_open(path, NULL, &l, &e);
    if (rc == 0) {
        rc = ledger_append(l, &ev, 1, &e);
        ledger_close(l);
    }
    assert_int_equal(rc, ERR_IO);
    assert_non_null(strstr(err_msg(&e), "cannot be written"));
    _exit(0);
}

static void a_full_disk_and_one_that_is_read_only_are_told(void **state)
{
    (void)state;
    char *dir = test_dir();
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        on_small_disk(dir);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    test_dir_remove(dir);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("no mount namespace here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

// --- a writer that does not let go
// --------------------------------------------------------------------

static int hold(void *data, struct ledger *l, struct err *e)
{
    const char *dir = data;
    struct ledger *other = NULL;
    struct ledger_event ev = {.type = "breakglass"};
    struct err why = ERR_INIT;
    assert_int_equal(ledger_append(l, &ev, 1, e), 0);
    assert_int_equal(ledger_open(dir, &(struct ledger_opts){.busy_ms = 50}, &other, &why), 0);
    assert_int_equal(ledger_size(other), 0); // readers do not wait, and see what is committed
    assert_int_equal(ledger_append(other, &ev, 1, &why), ERR_IO);
    assert_non_null(strstr(err_msg(&why), "is busy"));
    err_release(&why);
    ledger_close(other);
    return 0;
}

static void a_busy_ledger_is_told(void **state)
{
    (void)state;
    char *dir = test_dir();
    struct ledger *l = test_open(dir);
    assert_int_equal(ledger_transact(l, hold, dir, NULL), 0);
    assert_int_equal(ledger_size(l), 1);
    ledger_close(l);
    assert_whole(dir);
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_write_that_fails_leaves_a_whole_ledger),
        cmocka_unit_test(a_ledger_that_could_not_be_made_is_made_later),
        cmocka_unit_test(a_full_disk_and_one_that_is_read_only_are_told),
        cmocka_unit_test(a_busy_ledger_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
