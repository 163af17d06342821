// Paths: what a task is about to change of files, folders and trees is looked at and kept.
#include "node/journal_task.h"
#include "node/text.h"

#include "core/file.h"
#include "core/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 256
#define SMALL 4096 // a file for which there is room always

// --- content -------------------------------------------------------------------------------------

// Copies a file's content into the journal's folder; the name of the copy goes into d.
static int keep_blob(struct module *m, const char *path, struct dict *d, struct err *e)
{
    const char *dir = journal_folder(m);
    char *to = arena_printf(m->arena, "%s/b-XXXXXX", dir);
    if (journal_open(m, e) < 0)
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
    (void)file_sync_folder(dir);
    dict_set(d, "blob", value_cstr(path_base(to)));
    return rc;
}

// Adds the record of a path to b. Negative: it cannot be kept.
static int add_path(struct module *m, const char *path, bool attrs_only, struct buf *b,
                    struct err *e)
{
    struct file_look l;
    struct value v = journal_record(m, "before");
    file_look(m, path, !attrs_only, true, &l);
    dict_set(v.u.dict, "kind", value_cstr("path"));
    dict_set(v.u.dict, "name", value_str(m->arena, path));
    dict_set(v.u.dict, "was", l.data ? value_cstr(l.data) : value_null());
    dict_set(v.u.dict, "attr", value_cstr(l.attr));
    file_keep(m, path, &l, v.u.dict);
    if (l.data && *l.data == 'o') {
        journal_lost(m, path, "it is neither a file, a folder nor a link, or cannot be read");
    } else if (l.data && S_ISREG(l.st.st_mode) && l.st.st_size > SMALL &&
               !journal_room(m, (uint64_t)l.st.st_size)) {
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
    if (!journal_first(m, "path", dir, NULL))
        return 0;
    journal_watch(m, "path", dir);
    return add_path(m, dir, false, b, e);
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
    return journal_finish(m, &m->journal->collected, 0, &why, e);
}

int journal_path(struct module *m, const char *path, struct err *e)
{
    struct buf b = BUF_INIT;
    struct err why = ERR_INIT;
    if (passing(m, path))
        return 0;
    path = settle(m, path);
    int rc = add_missing(m, path, &b, &why);
    if (rc == 0 && journal_first(m, "path", path, NULL)) {
        journal_watch(m, "path", path);
        rc = add_path(m, path, false, &b, &why);
    }
    return journal_finish(m, &b, rc, &why, e);
}

void journal_covers(struct module *m, const char *path)
{
    if (!passing(m, path))
        journal_first(m, "path", settle(m, path), NULL);
}

int journal_attrs(struct module *m, const char *path, struct err *e)
{
    struct buf b = BUF_INIT;
    struct err why = ERR_INIT;
    if (passing(m, path))
        return 0;
    path = settle(m, path);
    if (journal_seen(m, "path", path) || !journal_first(m, "attrs", path, NULL))
        return 0;
    journal_watch(m, "attrs", path);
    return journal_finish(m, &b, add_path(m, path, true, &b, &why), &why, e);
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
    if (!journal_room(m, tree_bytes(m, path, (uint64_t)m->journal->max_bytes, 0))) {
        journal_lost(m, path, "the folder is larger than the journal has room for");
        return 0;
    }
    if (!journal_first(m, "path", path, NULL))
        return 0;
    journal_watch(m, "path", path);
    return journal_finish(m, &b, add_tree(m, path, &b, &why, 0), &why, e);
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
        if (journal_seen(m, "lost", path))
            return 0;
    }
    struct buf b = BUF_INIT;
    struct err why = ERR_INIT;
    int rc = journal_finish(m, &b, add_missing(m, path, &b, &why), &why, e);
    return rc < 0 ? rc : journal_thing(m, "tree", path, NULL, e);
}
