// Writing the journal: what a task is about to change is looked at, kept and made durable first.
#include "node/journal.h"
#include "node/text.h"

#include "core/file.h"
#include "core/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 256
#define RUN_NAME_MAX 128
#define SMALL 4096    // a file for which there is room always
#define DROP_MAX 1000 // journals that one run drops
#define SPARE_BYTES (64 << 10)

// The journal of one task.
struct journal {
    const char *root, *run, *name, *inverse, *trouble, *half;
    const char *module;
    int64_t task, runs, max_bytes;
    bool required, lost, kept, named, took_inverse, quiet, collects, hidden, hides;
    struct buf collected; // records that are still to be written
    int fd, crash;        // log, -1: not opened yet; records until the process is killed (tests)
    struct dict *seen;    // "kind name" -> what was kept of it
    struct dict *known;   // "kind name" -> [state before, state after]
    struct list *things;  // of {"kind", "name"} in their order
};

static const char *folder(struct module *m)
{
    return path_join(m->arena, m->journal->root, m->journal->run);
}

static bool good_name(const char *run)
{
    size_t n = strlen(run);
    return n && n < RUN_NAME_MAX && *run != '.' && !strchr(run, '/');
}

struct journal *journal_new(struct module *m, const struct dict *task)
{
    const struct value *v = dict_get(task, "journal");
    if (!v || v->type != VALUE_DICT || m->check || !good_name(dict_str(v->u.dict, "run", "")))
        return NULL;
    const struct dict *d = v->u.dict;
    struct journal *j = arena_new_of(m->arena, struct journal);
    *j = (struct journal){.root = journal_root(m->arena, dict_str(d, "dir", NULL)),
                          .run = dict_str(d, "run", ""),
                          .name = dict_str(d, "name", ""),
                          .inverse = dict_str(d, "inverse", NULL),
                          .module = dict_str(task, "module", ""),
                          .task = dict_int(d, "task", 0),
                          .runs = dict_int(d, "runs", 20),
                          .max_bytes = dict_int(d, "max_bytes", 256 << 20),
                          .required = dict_bool(d, "required", false),
                          .quiet = dict_bool(d, "quiet", false),
                          .hidden = dict_bool(d, "hidden", false),
                          .crash = (int)dict_int(d, "crash", 0),
                          .fd = -1,
                          .seen = value_dict(m->arena).u.dict,
                          .known = value_dict(m->arena).u.dict,
                          .things = value_list(m->arena).u.list};
    return j;
}

// --- the folder ----------------------------------------------------------------------------------

static void sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
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
    sync_folder(j->root);
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

static int open_log(struct module *m, struct err *e)
{
    struct journal *j = m->journal;
    const char *dir = folder(m), *path = path_join(m->arena, dir, "log");
    if (j->fd >= 0)
        return 0;
    if (make_folder(m, dir, e) < 0)
        return ERR_FAILED;
    int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        set_aside(m, dir);
        sync_folder(dir);
        j->half = journal_half(m->arena, j->root);
    }
    if (fd < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot open '%s': %s", path, strerror(errno));
    j->fd = fd;
    return 0;
}

// --- records -------------------------------------------------------------------------------------

// What cannot be kept: a failure where the run requires a journal.
static int trouble(struct module *m, struct err *why, struct err *e)
{
    struct journal *j = m->journal;
    j->trouble = arena_printf(m->arena, "the undo journal in %s cannot be written: %s", folder(m),
                              err_msg(why));
    err_release(why);
    j->lost = true;
    if (!j->required)
        return 0;
    return e ? err_set(e, ERR_IO, POS_NONE, "%s", j->trouble) : module_fail(m, "%s", j->trouble);
}

static void may_crash(struct journal *j)
{
    if (j->crash && --j->crash == 0)
        kill(0, SIGKILL);
}

// Writes records, durably but for those that nothing is to be put back by.
static int put(struct module *m, const struct buf *b, bool durably, struct err *e)
{
    struct journal *j = m->journal;
    struct err why = ERR_INIT;
    if (open_log(m, &why) < 0 || journal_append(j->fd, b, durably, &why) < 0)
        return trouble(m, &why, e);
    j->kept |= durably;
    may_crash(j);
    return 0;
}

static struct value record(struct module *m, const char *what)
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

// Whether it is new to this task; from now on it is not.
static bool first_time(struct module *m, const char *kind, const char *name, const char *kept)
{
    struct journal *j = m->journal;
    const char *key = arena_printf(m->arena, "%s %s", kind, name);
    if (dict_get(j->seen, key))
        return false;
    dict_set(j->seen, key, value_cstr(kept ? kept : ""));
    return true;
}

static bool is_seen(const struct module *m, const char *kind, const char *name)
{
    return dict_get(m->journal->seen, arena_printf(m->arena, "%s %s", kind, name)) != NULL;
}

void journal_hide(struct module *m, bool hide)
{
    if (m->journal)
        m->journal->hides = hide;
}

static void watch(struct module *m, const char *kind, const char *name)
{
    struct value v = value_dict(m->arena);
    if (m->journal->hides)
        dict_set(v.u.dict, "hidden", value_bool(true));
    dict_set(v.u.dict, "kind", value_cstr(kind));
    dict_set(v.u.dict, "name", value_str(m->arena, name));
    list_add(m->journal->things, v);
}

void journal_lost(struct module *m, const char *what, const char *why)
{
    struct journal *j = m->journal;
    struct buf b = BUF_INIT;
    if (!j || !first_time(m, "lost", what, NULL))
        return;
    j->lost = true;
    struct value v = record(m, "lost");
    dict_set(v.u.dict, "what", value_str(m->arena, what));
    dict_set(v.u.dict, "why", value_str(m->arena, why));
    journal_put_record(&b, &v, NULL, 0);
    (void)!put(m, &b, false, NULL);
    buf_release(&b);
}

// --- content -------------------------------------------------------------------------------------

// Whether so many bytes more may be kept.
static bool room(struct module *m, uint64_t bytes)
{
    struct journal *j = m->journal;
    return bytes <= (uint64_t)j->max_bytes / 4 &&
           folder_bytes(m->arena, folder(m)) + bytes <= (uint64_t)j->max_bytes;
}

// Copies a file's content into the journal's folder; the name of the copy goes into d.
static int keep_blob(struct module *m, const char *path, struct dict *d, struct err *e)
{
    const char *dir = folder(m);
    char *to = arena_printf(m->arena, "%s/b-XXXXXX", dir);
    if (open_log(m, e) < 0)
        return ERR_FAILED;
    int in = file_open(path, O_NOFOLLOW | O_NONBLOCK);
    int out = in < 0 ? -1 : mkostemp(to, O_CLOEXEC);
    int rc = out < 0 ? err_set(e, ERR_IO, POS_NONE, "cannot copy '%s': %s", path, strerror(errno))
                     : host_copy_fd(in, out, e);
    if (rc == 0 && fsync(out) < 0)
        rc = err_set(e, ERR_IO, POS_NONE, "cannot sync: %s", strerror(errno));
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    if (rc < 0 && out >= 0)
        unlink(to);
    sync_folder(dir);
    dict_set(d, "blob", value_cstr(path_base(to)));
    return rc;
}

// Adds the record of a path to b. Negative: it cannot be kept.
static int add_path(struct module *m, const char *path, bool attrs_only, struct buf *b,
                    struct err *e)
{
    struct file_look l;
    struct value v = record(m, "before");
    file_look(m, path, !attrs_only, true, &l);
    dict_set(v.u.dict, "kind", value_cstr("path"));
    dict_set(v.u.dict, "name", value_str(m->arena, path));
    dict_set(v.u.dict, "was", l.data ? value_cstr(l.data) : value_null());
    dict_set(v.u.dict, "attr", value_cstr(l.attr));
    file_keep(m, path, &l, v.u.dict);
    if (l.data && *l.data == 'o') {
        journal_lost(m, path, "it is neither a file, a folder nor a link, or cannot be read");
    } else if (l.data && S_ISREG(l.st.st_mode) && l.st.st_size > SMALL &&
               !room(m, (uint64_t)l.st.st_size)) {
        journal_lost(m, path, "it is larger than the journal has room for");
        l.content = NULL;
    } else if (l.data && S_ISREG(l.st.st_mode) && !l.content &&
               keep_blob(m, path, v.u.dict, e) < 0) {
        return ERR_FAILED;
    }
    journal_put_record(b, &v, l.content, l.content ? (size_t)l.st.st_size : 0);
    return 0;
}

// --- hooks: paths --------------------------------------------------------------------------------

// A temporary file of ours is nothing to go back to.
static bool passing(struct module *m, const char *path)
{
    if (!m->journal || strstr(path, "/.andon_tmp_"))
        return true;
    if (utf8_valid(path, strlen(path)))
        return false;
    journal_lost(m, "a path that is no UTF-8", "its name cannot be written down");
    return true;
}

// The path without links above it, absolute, as far as it exists.
static const char *settle(struct module *m, const char *path)
{
    char cwd[4096];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    path = arena_strndup(m->arena, path, n);
    if (*path != '/' && getcwd(cwd, sizeof cwd))
        path = path_join(m->arena, cwd, path);
    if (n == 1 && *path == '/')
        return path;
    return path_join(m->arena, host_realpath(m->arena, path_dir(m->arena, path)), path_base(path));
}

// The folders above path that are missing, topmost first.
static int add_missing(struct module *m, const char *path, struct buf *b, struct err *e)
{
    const char *dir = path_dir(m->arena, path);
    struct stat st;
    if (lstat(dir, &st) == 0 || strcmp(dir, path) == 0)
        return 0;
    if (add_missing(m, dir, b, e) < 0)
        return ERR_FAILED;
    if (!first_time(m, "path", dir, NULL))
        return 0;
    watch(m, "path", dir);
    return add_path(m, dir, false, b, e);
}

static int finish(struct module *m, struct buf *b, int rc, struct err *why, struct err *e)
{
    if (rc == 0 && m->journal->collects) {
        buf_add(&m->journal->collected, b->p, b->len);
        b->len = 0;
    }
    rc = rc < 0 ? trouble(m, why, e) : b->len ? put(m, b, true, e) : 0;
    buf_release(b);
    return rc;
}

void journal_collect(struct module *m)
{
    if (m->journal)
        m->journal->collects = true;
}

bool journal_collects(const struct module *m)
{
    return m->journal && m->journal->collects;
}

int journal_flush(struct module *m, struct err *e)
{
    struct err why = ERR_INIT;
    if (!m->journal)
        return 0;
    m->journal->collects = false;
    return finish(m, &m->journal->collected, 0, &why, e);
}

int journal_path(struct module *m, const char *path, struct err *e)
{
    struct buf b = BUF_INIT;
    struct err why = ERR_INIT;
    if (passing(m, path))
        return 0;
    path = settle(m, path);
    int rc = add_missing(m, path, &b, &why);
    if (rc == 0 && first_time(m, "path", path, NULL)) {
        watch(m, "path", path);
        rc = add_path(m, path, false, &b, &why);
    }
    return finish(m, &b, rc, &why, e);
}

void journal_covers(struct module *m, const char *path)
{
    if (!passing(m, path))
        first_time(m, "path", settle(m, path), NULL);
}

int journal_attrs(struct module *m, const char *path, struct err *e)
{
    struct buf b = BUF_INIT;
    struct err why = ERR_INIT;
    if (passing(m, path))
        return 0;
    path = settle(m, path);
    if (is_seen(m, "path", path) || !first_time(m, "attrs", path, NULL))
        return 0;
    watch(m, "attrs", path);
    return finish(m, &b, add_path(m, path, true, &b, &why), &why, e);
}

// Bytes of the files in a tree, up to the limit.
static uint64_t tree_bytes(struct module *m, const char *path, uint64_t max, int depth)
{
    struct stat st;
    struct dirent *ent;
    if (lstat(path, &st) < 0)
        return 0;
    uint64_t n = 256 + (S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0);
    DIR *d = S_ISDIR(st.st_mode) && depth < MAX_DEPTH ? opendir(path) : NULL;
    while (d && n <= max && (ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            n += tree_bytes(m, path_join(m->arena, path, ent->d_name), max, depth + 1);
    if (d)
        closedir(d);
    return n;
}

// What is in a folder first: what is put back in reverse order begins with the folder.
static int add_tree(struct module *m, const char *path, struct buf *b, struct err *e, int depth)
{
    struct stat st;
    struct dirent *ent;
    int rc = 0;
    DIR *d =
        depth < MAX_DEPTH && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    while (d && rc == 0 && (ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            rc = add_tree(m, path_join(m->arena, path, ent->d_name), b, e, depth + 1);
    if (d)
        closedir(d);
    return rc == 0 ? add_path(m, path, false, b, e) : rc;
}

int journal_tree(struct module *m, const char *path, struct err *e)
{
    struct buf b = BUF_INIT;
    struct err why = ERR_INIT;
    struct stat st;
    if (passing(m, path))
        return 0;
    path = settle(m, path);
    if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return journal_path(m, path, e);
    if (!room(m, tree_bytes(m, path, (uint64_t)m->journal->max_bytes, 0))) {
        journal_lost(m, path, "the folder is larger than the journal has room for");
        return 0;
    }
    if (!first_time(m, "path", path, NULL))
        return 0;
    watch(m, "path", path);
    return finish(m, &b, add_tree(m, path, &b, &why, 0), &why, e);
}

int journal_whole(struct module *m, const char *path, struct err *e)
{
    struct stat st;
    if (passing(m, path))
        return 0;
    path = settle(m, path);
    if (lstat(path, &st) == 0) {
        if (journal_tree(m, path, e) < 0)
            return ERR_FAILED;
        if (is_seen(m, "lost", path))
            return 0;
    }
    struct buf b = BUF_INIT;
    struct err why = ERR_INIT;
    int rc = finish(m, &b, add_missing(m, path, &b, &why), &why, e);
    return rc < 0 ? rc : journal_thing(m, "tree", path, NULL, e);
}

// --- hooks: things -------------------------------------------------------------------------------

void journal_known(struct module *m, const char *kind, const char *name, const char *before,
                   const char *after)
{
    struct value v = value_list(m->arena);
    if (!m->journal)
        return;
    list_add(v.u.list, value_cstr(before));
    list_add(v.u.list, value_cstr(after));
    dict_set(m->journal->known, arena_printf(m->arena, "%s %s", kind, name), v);
}

// The state the module knows, before (0) or after (1) its work; else NULL.
static const char *known(struct module *m, const char *kind, const char *name, int when)
{
    const char *key = arena_printf(m->arena, "%s %s", kind, name);
    const struct value *v = dict_get(m->journal->known, key);
    return v ? v->u.list->items[when].u.str.s : NULL;
}

int journal_thing(struct module *m, const char *kind, const char *name, const char *more,
                  struct err *e)
{
    struct buf b = BUF_INIT, keep = BUF_INIT;
    struct err why = ERR_INIT;
    if (!m->journal || is_seen(m, kind, name))
        return 0;
    const char *was = known(m, kind, name, 0);
    if (!was)
        was = journal_kind(kind)->state(m, name, &keep);
    struct value v = record(m, "before");
    first_time(m, kind, name, arena_strndup(m->arena, buf_str(&keep), keep.len));
    watch(m, kind, name);
    dict_set(v.u.dict, "kind", value_cstr(kind));
    dict_set(v.u.dict, "name", value_str(m->arena, name));
    dict_set(v.u.dict, "was", value_cstr(was));
    if (more)
        dict_set(v.u.dict, "more", value_str(m->arena, more));
    journal_put_record(&b, &v, keep.p, keep.len);
    buf_release(&keep);
    return finish(m, &b, 0, &why, e);
}

int journal_inverse(struct module *m, struct err *e)
{
    struct journal *j = m->journal;
    struct buf b = BUF_INIT;
    struct err why = ERR_INIT;
    if (!j || !j->inverse || j->took_inverse)
        return 0;
    j->took_inverse = true;
    struct value v = record(m, "before");
    dict_set(v.u.dict, "kind", value_cstr("command"));
    dict_set(v.u.dict, "name", value_cstr(j->inverse));
    journal_put_record(&b, &v, NULL, 0);
    return finish(m, &b, 0, &why, e);
}

// --- the end of the task -------------------------------------------------------------------------

// The state now of a thing the task has touched: one text, of a path both of its parts.
static struct value state_now(struct module *m, const char *kind, const char *name)
{
    struct file_look l;
    bool attrs = strcmp(kind, "attrs") == 0;
    if (!attrs && strcmp(kind, "path") != 0) {
        const char *left = known(m, kind, name, 1);
        if (left && !dict_bool(m->result, "failed", false))
            return value_cstr(left);
        const struct journal_kind *k = journal_kind(kind);
        const char *key = arena_printf(m->arena, "%s %s", kind, name);
        return value_cstr(k->after ? k->after(m, name, dict_str(m->journal->seen, key, ""))
                                   : k->state(m, name, NULL));
    }
    file_look(m, name, !attrs, false, &l);
    struct value v = value_list(m->arena);
    list_add(v.u.list, l.data ? value_cstr(l.data) : value_null());
    list_add(v.u.list, value_cstr(l.attr));
    return v;
}

// A state that does not tell the digest of a content, from which that could be guessed.
static struct value without_content(struct module *m, const struct value *state)
{
    struct value v = value_copy(m->arena, state);
    struct value *data = v.type == VALUE_LIST && v.u.list->len ? &v.u.list->items[0] : NULL;
    if (data && data->type == VALUE_STRING && strchr("fF", *data->u.str.s))
        *data = value_cstr("?");
    return v;
}

// What the task left, into its journal (no need to wait for the disk: without it nothing is
// compared) and the result.
static void tell_after(struct module *m, struct dict *out)
{
    struct journal *j = m->journal;
    struct value v = record(m, "after"), is = value_list(m->arena), shown = value_dict(m->arena);
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < j->things->len; i++) {
        const struct dict *t = j->things->items[i].u.dict;
        const char *kind = dict_str(t, "kind", ""), *name = dict_str(t, "name", "");
        struct value one = value_list(m->arena), state = state_now(m, kind, name);
        list_add(one.u.list, value_cstr(kind));
        list_add(one.u.list, value_cstr(name));
        list_add(one.u.list, state);
        list_add(is.u.list, one);
        const char *key =
            strcmp(kind, "attrs") == 0 ? name : arena_printf(m->arena, "%s:%s", kind, name);
        if (strcmp(kind, "path") == 0)
            key = name;
        if (dict_bool(t, "hidden", false))
            state = without_content(m, &state);
        dict_set(shown.u.dict, key, state);
    }
    dict_set(v.u.dict, "is", is);
    dict_set(out, "after", shown);
    journal_put_record(&b, &v, NULL, 0);
    may_crash(j);
    if (j->fd >= 0)
        (void)!journal_append(j->fd, &b, false, NULL);
    buf_release(&b);
}

void journal_end(struct module *m)
{
    struct journal *j = m->journal;
    if (!j)
        return;
    struct value out = value_dict(m->arena);
    bool changed = dict_bool(m->result, "changed", false);
    bool inner = *j->module == '_' && strcmp(j->module, "_foreign") != 0;
    const char *why = changed && !inner ? spec_no_undo(m->spec, m->args) : NULL;
    if (why) {
        (void)!journal_inverse(m, NULL);
        if (!j->took_inverse && !j->quiet)
            journal_lost(m, j->module, why);
        j->lost |= !j->took_inverse;
    }
    if (j->kept)
        tell_after(m, out.u.dict);
    if (j->kept || changed)
        dict_set(out.u.dict, "undo",
                 value_cstr(j->lost           ? "no"
                            : j->took_inverse ? "inverse"
                                              : "yes"));
    if (j->trouble)
        dict_set(out.u.dict, "trouble", value_cstr(j->trouble));
    if (j->half)
        dict_set(out.u.dict, "half", value_cstr(j->half));
    if (j->fd >= 0)
        close(j->fd);
    j->fd = -1;
    if (out.u.dict->len)
        module_set(m, "_andon", out);
}
