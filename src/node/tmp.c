// Temp files and folders of a task, folders made and trees removed.
#include "node/hold.h"
#include "node/session.h"
#include "node/shared.h"

#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 256

struct module_tmp {
    struct module_tmp *next;
    const char *path;
};

static void remember(struct module *m, const char *path)
{
    struct module_tmp *t = arena_new_of(m->arena, struct module_tmp);
    *t = (struct module_tmp){.next = m->tmp, .path = path};
    m->tmp = t;
    host_tmp_note(m, path, true);
}

void host_tmp_note(struct module *m, const char *path, bool there)
{
    struct shared *s = m->session ? m->session->shared : NULL;
    if (there)
        shared_add(s, path);
    else
        shared_drop(s, path);
}

static char *template_in(struct module *m, const char *dir)
{
    if (!dir)
        dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/tmp";
    return arena_printf(m->arena, "%s/.andon_tmp_XXXXXX", dir);
}

int host_tmpfile(struct module *m, const char *dir, const char **ret_path, struct err *e)
{
    char *path = template_in(m, dir);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot make a temporary file in '%s': %s",
                       path_dir(m->arena, path), strerror(errno));
    remember(m, path);
    *ret_path = path;
    return fd;
}

const char *host_tmpdir(struct module *m, const char *dir, struct err *e)
{
    char *path = template_in(m, dir);
    if (!mkdtemp(path)) {
        err_set(e, ERR_IO, POS_NONE, "cannot make a temporary folder in '%s': %s",
                path_dir(m->arena, path), strerror(errno));
        return NULL;
    }
    remember(m, path);
    return path;
}

void host_tmp_cleanup(struct module *m)
{
    for (; m->tmp; m->tmp = m->tmp->next) {
        host_remove(m->tmp->path, NULL);
        host_tmp_note(m, m->tmp->path, false);
    }
}

static void clean_up(void *data)
{
    host_tmp_cleanup(data);
}

void module_hold(struct module *m)
{
    shared_hold(m->session ? m->session->shared : NULL);
}

void module_release(struct module *m)
{
    shared_release(m->session ? m->session->shared : NULL, clean_up, m);
}

int host_mkdirs(const char *path, mode_t mode, struct err *e)
{
    char *copy = xstrdup(path);
    int rc = 0;
    for (char *p = copy + 1; rc == 0; p++) {
        if (*p != '/' && *p)
            continue;
        char c = *p;
        *p = '\0';
        struct stat st;
        if (mkdir(copy, mode) < 0 && !(stat(copy, &st) == 0 && S_ISDIR(st.st_mode)))
            rc = err_set(e, ERR_IO, POS_NONE, "[Errno %d] %s: b'%s'", errno, strerror(errno), copy);
        *p = c;
        if (!c)
            break;
    }
    free(copy);
    return rc;
}

static int remove_at(int dir, const char *name, int depth);

static int remove_children(int dir, const char *name, int depth)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    int rc = 0;
    struct dirent *ent;
    while (rc == 0 && (ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            rc = remove_at(fd, ent->d_name, depth + 1);
    int saved = errno;
    closedir(d);
    errno = saved;
    return rc;
}

static int remove_at(int dir, const char *name, int depth)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    int saved = errno;
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)) {
        errno = saved;
        return -1;
    }
    if (depth > MAX_DEPTH) {
        errno = ELOOP;
        return -1;
    }
    if (remove_children(dir, name, depth) < 0)
        return -1;
    return unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -1 : 0;
}

int host_remove(const char *path, struct err *e)
{
    if (remove_at(AT_FDCWD, path, 0) == 0)
        return 0;
    return err_set(e, ERR_IO, POS_NONE, "[Errno %d] %s: '%s'", errno, strerror(errno), path);
}
