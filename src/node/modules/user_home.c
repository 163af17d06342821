// Home folders: copied from a skeleton, owned by the user.
#include "node/modules/user_home.h"
#include "node/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 64

static int fail_os(struct module *m, const char *path)
{
    return module_fail(m, "[Errno %d] %s: '%s'", errno, strerror(errno), path);
}

static int copy_file(struct module *m, const char *from, const char *to, const struct stat *st)
{
    struct err e = ERR_INIT;
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in < 0)
        return fail_os(m, from);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = out < 0 ? fail_os(m, to) : host_copy_fd(in, out, &e);
    struct timespec times[2] = {st->st_atim, st->st_mtim};
    if (out >= 0 && rc == 0 && (fchmod(out, st->st_mode & 07777) != 0 || futimens(out, times) != 0))
        rc = fail_os(m, to);
    close(in);
    if (out >= 0 && close(out) != 0 && rc == 0)
        rc = fail_os(m, to);
    if (e.code)
        return module_fail_err(m, &e);
    return rc;
}

static int copy_entry(struct module *m, const char *from, const char *to, int depth);

static int copy_folder(struct module *m, const char *from, const char *to, const struct stat *st,
                       int depth)
{
    DIR *d = depth < DEPTH_MAX ? opendir(from) : NULL;
    if (!d)
        return fail_os(m, from);
    int rc = mkdir(to, 0700) != 0 ? fail_os(m, to) : 0;
    for (struct dirent *de; rc == 0 && (de = readdir(d));)
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            rc = copy_entry(m, arena_printf(m->arena, "%s/%s", from, de->d_name),
                            arena_printf(m->arena, "%s/%s", to, de->d_name), depth + 1);
    closedir(d);
    struct timespec times[2] = {st->st_atim, st->st_mtim};
    if (rc == 0 && (chmod(to, st->st_mode & 07777) != 0 || utimensat(AT_FDCWD, to, times, 0) != 0))
        rc = fail_os(m, to);
    return rc;
}

static int copy_entry(struct module *m, const char *from, const char *to, int depth)
{
    struct stat st;
    char target[PATH_MAX];
    if (lstat(from, &st) != 0)
        return fail_os(m, from);
    if (S_ISDIR(st.st_mode))
        return copy_folder(m, from, to, &st, depth);
    if (S_ISREG(st.st_mode))
        return copy_file(m, from, to, &st);
    if (!S_ISLNK(st.st_mode))
        return 0;
    ssize_t n = readlink(from, target, sizeof(target) - 1);
    if (n < 0)
        return fail_os(m, from);
    target[n] = '\0';
    return symlink(target, to) == 0 ? 0 : fail_os(m, to);
}

// Permissions that login.defs gives new homes, -1 when it says nothing.
static int home_mode(struct module *m)
{
    int mode = -1;
    for (char *c = text_read(m->arena, "/etc/login.defs", NULL), *line; (line = text_line(&c));) {
        const char *val = text_after(line, "UMASK");
        if (!val || (*val != ' ' && *val != '\t'))
            continue;
        val += strspn(val, " \t");
        if (text_is_number(val))
            mode = 0777 & ~(int)strtol(val, NULL, 8);
    }
    return mode;
}

int home_create(struct module *m, const char *path, const char *skeleton)
{
    struct err e = ERR_INIT;
    struct stat st;
    if (text_exists(path))
        return 0;
    const char *skel = skeleton ? skeleton : "/etc/skel";
    char *parent = arena_strdup(m->arena, path), *slash = strrchr(parent, '/');
    if (slash && slash > parent) {
        *slash = '\0';
        if (host_mkdirs(parent, 0777, &e) != 0)
            return module_fail_err(m, &e);
    }
    if (stat(skel, &st) == 0) {
        if (copy_folder(m, skel, path, &st, 0) != 0)
            return ERR_FAILED;
    } else if (mkdir(path, 0777) != 0) {
        return fail_os(m, path);
    }
    int mode = home_mode(m);
    return mode >= 0 && chmod(path, (mode_t)mode) != 0 ? fail_os(m, path) : 0;
}

static int chown_tree(struct module *m, const char *path, uid_t uid, gid_t gid, int depth)
{
    struct stat st;
    if (lchown(path, uid, gid) != 0 || lstat(path, &st) != 0)
        return fail_os(m, path);
    DIR *d = S_ISDIR(st.st_mode) && depth < DEPTH_MAX ? opendir(path) : NULL;
    int rc = 0;
    for (struct dirent *de; d && rc == 0 && (de = readdir(d));)
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            rc = chown_tree(m, arena_printf(m->arena, "%s/%s", path, de->d_name), uid, gid,
                            depth + 1);
    if (d)
        closedir(d);
    return rc;
}

int home_chown(struct module *m, const char *path, uid_t uid, gid_t gid)
{
    return chown_tree(m, path, uid, gid, 0);
}
