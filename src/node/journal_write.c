// Writing the journal: its folder, its bounds, and records that are on the disk before what they
// are about is changed.
#include "node/journal_task.h"
#include "node/text.h"

#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DROP_MAX 1000 // journals that one run drops
#define SPARE_BYTES (64 << 10)

// --- the folder ----------------------------------------------------------------------------------

const char *journal_folder(struct module *m)
{
    return path_join(m->arena, m->journal->root, m->journal->run);
}

static uint64_t folder_bytes(struct arena *a, const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *ent;
    struct stat st;
    uint64_t n = 0;
    while (d && (ent = readdir(d)))
        if (strcmp(ent->d_name, JOURNAL_SPARE) != 0 &&
            lstat(path_join(a, dir, ent->d_name), &st) == 0 && S_ISREG(st.st_mode))
            n += (uint64_t)st.st_size;
    if (d)
        closedir(d);
    return n;
}

// Drops the oldest journals, so that with this run's there are no more than asked for, in number
// and in bytes. One whose undo was interrupted stays.
static void prune(struct module *m)
{
    const struct journal *j = m->journal;
    struct list *runs = journal_runs(m->arena, j->root);
    uint64_t bytes = 0;
    int64_t n = (int64_t)runs->len;
    for (size_t i = 0; i < runs->len; i++)
        bytes += folder_bytes(m->arena, path_join(m->arena, j->root, runs->items[i].u.str.s));
    for (size_t i = 0; i < runs->len && i < DROP_MAX; i++) {
        const char *run = runs->items[i].u.str.s, *dir = path_join(m->arena, j->root, run);
        if (n < j->runs && bytes <= (uint64_t)j->max_bytes)
            return;
        if (strcmp(run, j->run) == 0 || text_exists(path_join(m->arena, dir, "half")))
            continue;
        bytes -= folder_bytes(m->arena, dir);
        n--;
        (void)!host_remove(dir, NULL);
    }
}

static int make_folder(struct module *m, const char *dir, struct err *e)
{
    const struct journal *j = m->journal;
    struct stat st;
    if (lstat(dir, &st) == 0)
        return S_ISDIR(st.st_mode) && st.st_uid == geteuid()
                   ? 0
                   : err_set(e, ERR_IO, POS_NONE, "'%s' is not ours", dir);
    mode_t mask = umask(0);
    int rc = host_mkdirs(j->root, 0711, e); // others may see that there is one of a run
    umask(mask);
    if (rc < 0)
        return rc;
    prune(m);
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return err_set(e, ERR_IO, POS_NONE, "cannot make '%s': %s", dir, strerror(errno));
    (void)file_sync_folder(j->root);
    return 0;
}

// Room that the undo gives back to itself: what it has to note fits on a disk that the run filled.
static void set_aside(struct module *m, const char *dir)
{
    int fd = open(path_join(m->arena, dir, JOURNAL_SPARE),
                  O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        (void)!posix_fallocate(fd, 0, SPARE_BYTES);
        close(fd);
    }
}

int journal_open(struct module *m, struct err *e)
{
    struct journal *j = m->journal;
    const char *dir = journal_folder(m), *path = path_join(m->arena, dir, "log");
    if (j->fd >= 0)
        return 0;
    if (make_folder(m, dir, e) < 0)
        return ERR_FAILED;
    int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        set_aside(m, dir);
        (void)file_sync_folder(dir);
        j->half = journal_half(m->arena, j->root);
    }
    if (fd < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot open '%s': %s", path, strerror(errno));
    j->fd = fd;
    return 0;
}

// Whether so many bytes more may be kept.
bool journal_room(struct module *m, uint64_t bytes)
{
    struct journal *j = m->journal;
    return bytes <= (uint64_t)j->max_bytes / 4 &&
           folder_bytes(m->arena, journal_folder(m)) + bytes <= (uint64_t)j->max_bytes;
}

// --- records -------------------------------------------------------------------------------------

// What cannot be kept: a failure where the run requires a journal.
static int journal_trouble(struct module *m, struct err *why, struct err *e)
{
    struct journal *j = m->journal;
    j->trouble = arena_printf(m->arena, "the undo journal in %s cannot be written: %s",
                              journal_folder(m), err_msg(why));
    err_release(why);
    j->lost = true;
    if (!j->required)
        return 0;
    return e ? err_set(e, ERR_IO, POS_NONE, "%s", j->trouble) : module_fail(m, "%s", j->trouble);
}

void journal_may_crash(struct journal *j)
{
    if (j->crash && --j->crash == 0)
        kill(0, SIGKILL);
}

// Writes records, durably but for those that nothing is to be put back by.
int journal_write(struct module *m, const struct buf *b, bool durably, struct err *e)
{
    struct journal *j = m->journal;
    struct err why = ERR_INIT;
    if (journal_open(m, &why) < 0 || journal_append(j->fd, b, durably, &why) < 0)
        return journal_trouble(m, &why, e);
    j->kept |= durably;
    journal_may_crash(j);
    return 0;
}

struct value journal_record(struct module *m, const char *what)
{
    struct journal *j = m->journal;
    struct value v = value_dict(m->arena);
    dict_set(v.u.dict, "k", value_cstr(what));
    dict_set(v.u.dict, "task", value_int(j->task));
    if (j->hidden || j->hides)
        dict_set(v.u.dict, "hidden", value_bool(true));
    if (!j->named) {
        j->named = true;
        dict_set(v.u.dict, "task_name", value_cstr(j->name));
        dict_set(v.u.dict, "module", value_cstr(j->module));
        dict_set(v.u.dict, "time", value_int(clock_real_us()));
    }
    return v;
}

int journal_finish(struct module *m, struct buf *b, int rc, struct err *why, struct err *e)
{
    if (rc == 0 && m->journal->collects) {
        buf_add(&m->journal->collected, b->p, b->len);
        b->len = 0;
    }
    rc = rc < 0 ? journal_trouble(m, why, e) : b->len ? journal_write(m, b, true, e) : 0;
    buf_release(b);
    return rc;
}
