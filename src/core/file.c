// Whole-file reading, atomic writing, paths and the clock.
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int io_error(struct err *e, const char *what, const char *path)
{
    int code = errno == ENOENT || errno == ENOTDIR ? ERR_NOENT : ERR_IO;
    return err_set(e, code, POS_NONE, "%s '%s': %s", what, path, strerror(errno));
}

static int read_all(struct arena *a, int fd, const char *path, size_t max, size_t guess, char **ret,
                    size_t *ret_len, struct err *e)
{
    size_t cap = guess + 1 > 4096 ? guess + 1 : 4096, len = 0;
    char *b = xmalloc(cap);
    for (;;) {
        ssize_t n = read(fd, b + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(b);
            return io_error(e, "cannot read", path);
        }
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > max) {
            free(b);
            return err_set(e, ERR_LIMIT, POS_NONE, "'%s' is larger than %zu bytes", path, max);
        }
        if (len == cap)
            b = xrealloc(b, cap *= 2);
    }
    *ret = arena_strndup(a, b, len);
    *ret_len = len;
    free(b);
    return 0;
}

int file_open(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOATIME | flags);
    return fd < 0 && errno == EPERM ? open(path, O_RDONLY | O_CLOEXEC | flags) : fd;
}

int file_read(struct arena *a, const char *path, size_t max, char **ret, size_t *ret_len,
              struct err *e)
{
    struct stat st;
    int fd = file_open(path, 0);
    if (fd < 0)
        return io_error(e, "cannot open", path);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return err_set(e, ERR_IO, POS_NONE, "cannot read '%s': it is a directory", path);
    }
    size_t guess =
        S_ISREG(st.st_mode) && st.st_size > 0 && (size_t)st.st_size <= max ? (size_t)st.st_size : 0;
    int rc = read_all(a, fd, path, max, guess, ret, ret_len, e);
    close(fd);
    return rc;
}

static int write_all(int fd, const char *p, size_t len)
{
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
    struct arena *a = arena_new();
    char *tmp = arena_printf(a, "%s.XXXXXX", path);
    int rc = 0, fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0) {
        rc = io_error(e, "cannot write", path);
        goto out;
    }
    if (write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0) {
        rc = io_error(e, "cannot write", path);
        close(fd);
        unlink(tmp);
        goto out;
    }
    close(fd);
    if (rename(tmp, path) < 0) {
        rc = io_error(e, "cannot replace", path);
        unlink(tmp);
    }
out:
    arena_free(a);
    return rc;
}

int file_sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd), why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return rc;
}

int file_mkdirs(const char *path, mode_t mode, struct err *e)
{
    char *copy = xstrdup(path);
    int rc = 0;
    for (char *s = copy + 1; rc == 0; s++) {
        if (*s && *s != '/')
            continue;
        char old = *s;
        *s = '\0';
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            rc = io_error(e, "cannot create directory", copy);
        *s = old;
        if (!old)
            break;
    }
    free(copy);
    return rc;
}

char *path_join(struct arena *a, const char *dir, const char *name)
{
    if (name[0] == '/' || !dir || !*dir)
        return arena_strdup(a, name);
    size_t n = strlen(dir);
    return arena_printf(a, "%s%s%s", dir, dir[n - 1] == '/' ? "" : "/", name);
}

char *path_dir(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return arena_strdup(a, ".");
    return slash == path ? arena_strdup(a, "/") : arena_strndup(a, path, (size_t)(slash - path));
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int64_t clock_mono_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_real_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
