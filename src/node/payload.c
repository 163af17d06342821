// Programs the controller sends, kept under their digest so that the same one is sent once: below
// the user's cache folder when that is private, else nowhere.
#include "node/payload.h"

#include "core/file.h"
#include "core/hash.h"
#include "node/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "module-"
#define KEEP_DAYS 30

static bool is_private(const char *dir)
{
    struct stat st;
    return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           !(st.st_mode & 022);
}

// The folder programs are kept in; NULL when there is none that only this user may write.
static const char *cache_dir(struct arena *a)
{
    const char *home = getenv("HOME");
    if (!home || *home != '/' || !home[1])
        home = geteuid() == 0 ? "/root" : NULL;
    if (!home || !is_private(home))
        return NULL;
    const char *dir = arena_printf(a, "%s/.cache/andon", home);
    if (access(dir, F_OK) < 0 && host_mkdirs(dir, 0700, NULL) < 0)
        return NULL;
    return is_private(dir) ? dir : NULL;
}

// Removes what nobody has used for long.
static void prune(struct arena *a, const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    time_t old = time(NULL) - KEEP_DAYS * 86400;
    for (struct dirent *de; (de = readdir(d));) {
        const char *path = path_join(a, dir, de->d_name);
        struct stat st;
        if (strncmp(de->d_name, PREFIX, strlen(PREFIX)) == 0 && lstat(path, &st) == 0 &&
            st.st_mtime < old)
            unlink(path);
    }
    closedir(d);
}

static char *read_checked(struct arena *a, const char *path, const char *digest, size_t *ret_len)
{
    char hex[HASH_HEX_MAX];
    char *text = text_read(a, path, ret_len);
    if (!text)
        return NULL;
    hash_hex(HASH_SHA256, text, *ret_len, hex);
    return strcmp(hex, digest) == 0 ? text : NULL;
}

static int receive(struct module *m, const char *dir, const char **ret_path, struct err *e)
{
    int fd = host_tmpfile(m, dir, ret_path, e);
    if (fd < 0)
        return fd;
    int rc = module_receive(m, 0, fd, e);
    if (close(fd) != 0 && rc == 0)
        rc = err_set(e, ERR_IO, POS_NONE, "cannot write %s: %s", *ret_path, strerror(errno));
    return rc;
}

int payload_get(struct module *m, const char *digest, bool keep, const char **ret, size_t *ret_len,
                struct err *e)
{
    const char *dir = keep ? cache_dir(m->arena) : NULL, *kept = NULL, *path;
    if (strspn(digest, "0123456789abcdef") != 64 || digest[64])
        return err_set(e, ERR_INVALID, POS_NONE, "the digest of the module is none");
    if (dir) {
        kept = arena_printf(m->arena, "%s/" PREFIX "%s", dir, digest);
        if ((*ret = read_checked(m->arena, kept, digest, ret_len))) {
            utimensat(AT_FDCWD, kept, NULL, 0);
            return 0;
        }
    }
    int rc = receive(m, dir, &path, e);
    if (rc < 0 && dir) // the folder's file system may be full or read-only
        rc = receive(m, NULL, &path, e);
    if (rc < 0)
        return rc;
    *ret = read_checked(m->arena, path, digest, ret_len);
    if (!*ret)
        return err_set(e, ERR_IO, POS_NONE, "the module did not arrive whole");
    if (kept && rename(path, kept) == 0)
        prune(m->arena, dir);
    return 0;
}
