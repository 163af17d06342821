#include "rollout/lock.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static char *lock_path(struct arena *a, const char *dir, const char *service)
{
    char *path = arena_printf(a, "%s/locks/%s.lock", dir, service);
    for (char *p = path + strlen(dir) + strlen("/locks/"); *p; p++)
        if (*p == '/')
            *p = '_';
    return path;
}

static pid_t written_pid(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    long pid = strtol(text, NULL, 10);
    return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM) ? (pid_t)pid : 0;
}

static int take(int fd, const char *path, pid_t *ret_holder, struct err *e)
{
    char text[32];
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return err_set(e, ERR_IO, POS_NONE, "cannot lock '%s': %s", path, strerror(errno));
        *ret_holder = written_pid(fd);
        return 0;
    }
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    // who holds it is only for messages: a full disk is no reason to stop
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) != n)
        (void)!ftruncate(fd, 0);
    return 1;
}

int lock_take(const char *dir, const char *service, int *ret_fd, pid_t *ret_holder, struct err *e)
{
    struct arena *a = arena_new();
    const char *path = lock_path(a, dir, service);
    int rc = file_mkdirs(path_dir(a, path), 0700, e), fd = -1;
    if (rc == 0) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        rc = fd < 0 ? err_set(e, ERR_IO, POS_NONE, "cannot open '%s': %s", path, strerror(errno))
                    : take(fd, path, ret_holder, e);
    }
    if (rc == 1)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    arena_free(a);
    return rc;
}

pid_t lock_holder(const char *dir, const char *service)
{
    struct arena *a = arena_new();
    int fd = open(lock_path(a, dir, service), O_RDWR | O_CLOEXEC);
    pid_t pid = 0;
    arena_free(a);
    if (fd < 0)
        return 0;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        pid = written_pid(fd);
    close(fd);
    return pid;
}

void lock_inherited(void)
{
    const char *text = getenv(LOCK_ENV);
    int fd = text ? atoi(text) : -1;
    if (fd > 2)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    unsetenv(LOCK_ENV);
}
