// Reading and replacing files on the host: temp file beside, fsync, owner, mode and extended
// attributes kept, rename.
#include "node/hold.h"
#include "node/journal.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define READ_MAX (256u << 20)

int host_read(struct module *m, const char *path, char **ret, size_t *ret_len, struct err *e)
{
    return file_read(m->arena, path, READ_MAX, ret, ret_len, e);
}

int host_copy_fd(int in, int out, struct err *e)
{
    char block[65536];
    for (;;) {
        ssize_t n = read(in, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, ERR_IO, POS_NONE, "read failed: %s", strerror(errno));
        if (n == 0)
            return 0;
        for (ssize_t off = 0; off < n;) {
            ssize_t w = write(out, block + off, (size_t)(n - off));
            if (w < 0 && errno != EINTR)
                return err_set(e, ERR_IO, POS_NONE, "write failed: %s", strerror(errno));
            off += w > 0 ? w : 0;
        }
    }
}

const char *host_realpath(struct arena *a, const char *path)
{
    char *real = realpath(path, NULL);
    if (real) {
        char *ret = arena_strdup(a, real);
        free(real);
        return ret;
    }
    struct stat st;
    char target[PATH_MAX];
    ssize_t n = lstat(path, &st) == 0 && S_ISLNK(st.st_mode)
                    ? readlink(path, target, sizeof target - 1)
                    : -1;
    const char *dir = path_dir(a, path);
    if (n > 0 && strlen(path) < PATH_MAX) { // a dangling link: where it would lead
        target[n] = '\0';
        return *target == '/' ? arena_strdup(a, target) : path_join(a, dir, target);
    }
    if (strcmp(dir, path) == 0 || strcmp(dir, ".") == 0)
        return arena_strdup(a, path);
    return path_join(a, host_realpath(a, dir), path_base(path));
}

// Copies the extended attributes (ACLs and labels too) of the open file from; what cannot be set is
// left out.
static void copy_xattrs(int from, int to)
{
    ssize_t len = flistxattr(from, NULL, 0);
    if (len <= 0 || len > 65536)
        return;
    char *names = xmalloc((size_t)len), *value = xmalloc(65536);
    len = flistxattr(from, names, (size_t)len);
    for (ssize_t i = 0; i < len; i += (ssize_t)strlen(names + i) + 1) {
        ssize_t n = fgetxattr(from, names + i, value, 65536);
        if (n >= 0)
            fsetxattr(to, names + i, value, (size_t)n, 0);
    }
    free(names);
    free(value);
}

// Whether Ansible would have made the file below the home folder and moved it here, so that it has
// our group even in a setgid folder. On another file system it copies, and the folder decides.
static bool moved_by_ansible(struct arena *a, const char *path)
{
    const char *dir = getenv("HOME");
    struct stat home, here;
    return dir && stat(dir, &home) == 0 && stat(path_dir(a, path), &here) == 0 &&
           home.st_dev == here.st_dev;
}

// Gives the temp file what the file it replaces has, or what a new file gets. ERR_IO when the owner
// cannot be kept.
static void take_over(struct arena *a, int fd, const char *path)
{
    struct stat st;
    int old = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (stat(path, &st) == 0) {
        if (fchown(fd, st.st_uid, st.st_gid) < 0 && fchown(fd, (uid_t)-1, st.st_gid) < 0)
            st.st_mode &= ~(mode_t)(S_ISUID | S_ISGID);
        fchmod(fd, st.st_mode & 07777u);
        if (old >= 0)
            copy_xattrs(old, fd);
    } else {
        mode_t mask = umask(0);
        umask(mask);
        if (moved_by_ansible(a, path) && fchown(fd, (uid_t)-1, getegid()) < 0)
            errno = 0; // then it keeps the folder's group
        fchmod(fd, 0666 & ~mask);
    }
    if (old >= 0)
        close(old);
}

// New content: what fd holds, or data when fd is -1.
struct source {
    int fd;
    const char *data;
    size_t len;
};

static int pour(const struct source *src, int out, struct err *e)
{
    if (src->fd >= 0) {
        lseek(src->fd, 0, SEEK_SET);
        return host_copy_fd(src->fd, out, e);
    }
    for (size_t off = 0; off < src->len;) {
        ssize_t n = write(out, src->data + off, src->len - off);
        if (n < 0 && errno != EINTR)
            return err_set(e, ERR_IO, POS_NONE, "write failed: %s", strerror(errno));
        off += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

// Writes the content over path itself; for unsafe_writes.
static int write_in_place(const struct source *src, const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_set(e, ERR_IO, POS_NONE, "Could not write data to file (%s): %s", path,
                       strerror(errno));
    int rc = pour(src, fd, e);
    if (rc == 0 && fsync(fd) < 0 && errno != EINVAL)
        rc = err_set(e, ERR_IO, POS_NONE, "cannot sync '%s': %s", path, strerror(errno));
    close(fd);
    return rc;
}

// Puts the content at path.
static int install(struct module *m, const struct source *src, const char *path, struct err *e)
{
    const char *dir = path_dir(m->arena, path);
    char *tmp = arena_printf(m->arena, "%s/.andon_tmp_XXXXXX", dir);
    bool unsafe = module_bool(m, "unsafe_writes");
    int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0 && unsafe)
        return write_in_place(src, path, e);
    if (fd < 0)
        return err_set(
            e, ERR_IO, POS_NONE,
            "The destination directory (%s) is not writable by the current user. Error was: "
            "[Errno %d] %s: b'%s'",
            dir, errno, strerror(errno), tmp);
    host_tmp_note(m, tmp, true);
    int rc = pour(src, fd, e);
    take_over(m->arena, fd, path);
    if (rc == 0 && fsync(fd) < 0)
        rc = err_set(e, ERR_IO, POS_NONE, "cannot sync '%s': %s", tmp, strerror(errno));
    close(fd);
    if (rc == 0 && rename(tmp, path) < 0) {
        bool busy = errno == EBUSY || errno == ETXTBSY || errno == EXDEV || errno == EPERM ||
                    errno == EACCES;
        rc = err_set(e, ERR_IO, POS_NONE, "Could not replace file: %s to %s: [Errno %d] %s", tmp,
                     path, errno, strerror(errno));
        if (unsafe && busy)
            rc = write_in_place(src, path, e);
    } else if (rc == 0) {
        host_tmp_note(m, tmp, false);
        (void)file_sync_folder(dir);
        return 0;
    }
    unlink(tmp);
    host_tmp_note(m, tmp, false);
    return rc;
}

int host_write(struct module *m, const char *path, const void *data, size_t len, struct err *e)
{
    return host_replace(m, host_realpath(m->arena, path), data, len, e);
}

int host_replace(struct module *m, const char *path, const void *data, size_t len, struct err *e)
{
    if (journal_path(m, path, e) < 0)
        return ERR_FAILED;
    return install(m, &(struct source){.fd = -1, .data = data, .len = len}, path, e);
}

// Renames tmp over path when both are in one folder, so that big content is not written twice.
// False: not done.
static bool install_beside(struct module *m, int fd, const char *tmp, const char *path)
{
    const char *dir = path_dir(m->arena, path);
    if (strcmp(dir, path_dir(m->arena, tmp)) != 0)
        return false;
    take_over(m->arena, fd, path);
    if (fsync(fd) < 0 || rename(tmp, path) < 0)
        return false;
    (void)file_sync_folder(dir);
    return true;
}

int host_install(struct module *m, const char *tmp, const char *path, struct err *e)
{
    int fd = open(tmp, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot open '%s': %s", tmp, strerror(errno));
    int rc = 0;
    path = host_realpath(m->arena, path);
    if (journal_path(m, path, e) < 0) {
        close(fd);
        return ERR_FAILED;
    }
    if (!install_beside(m, fd, tmp, path)) {
        rc = install(m, &(struct source){.fd = fd}, path, e);
        if (rc == 0)
            unlink(tmp);
    }
    close(fd);
    return rc;
}

const char *host_backup(struct module *m, const char *path, struct err *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return NULL;
    time_t now = time(NULL);
    struct tm tm;
    char stamp[64];
    localtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%d@%H:%M:%S~", &tm);
    const char *to = arena_printf(m->arena, "%s.%d.%s", path, (int)getpid(), stamp);
    if (journal_path(m, to, e) < 0)
        return NULL;
    int in = open(path, O_RDONLY | O_CLOEXEC), out = -1;
    if (in >= 0)
        out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = 0;
    if (out >= 0)
        host_tmp_note(m, to, true);
    if (in < 0 || out < 0) {
        rc = err_set(e, ERR_IO, POS_NONE, "Could not make backup of %s to %s: [Errno %d] %s", path,
                     to, errno, strerror(errno));
    } else {
        rc = host_copy_fd(in, out, e);
        take_over(m->arena, out, path);
        futimens(out, (const struct timespec[]){st.st_atim, st.st_mtim});
    }
    if (in >= 0)
        close(in);
    if (out >= 0) {
        close(out);
        if (rc != 0)
            unlink(to); // half a backup is none
        host_tmp_note(m, to, false);
    }
    return rc == 0 ? to : NULL;
}
