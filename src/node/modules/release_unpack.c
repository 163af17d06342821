// release: an artifact becomes a folder, in a place of its own until it is whole and on the disk;
// and old folders go.
#include "node/modules/release.h"

#include "core/file.h"
#include "core/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 200

// --- unpacking
// ------------------------------------------------------------------------------------------

static int receive(struct host_release *h, const char **ret_file, char *hex)
{
    struct module *m = h->m;
    struct err e = ERR_INIT;
    const char *want = module_str(m, "digest");
    int rc = 0;
    if (module_bool(m, "remote_src")) {
        *ret_file = module_str(m, "artifact");
    } else {
        int fd = host_tmpfile(m, h->releases, ret_file, &e);
        if (fd < 0)
            return module_fail_err(m, &e);
        rc = module_receive(m, 0, fd, &e);
        close(fd);
    }
    if (rc < 0 || hash_file(HASH_SHA256, *ret_file, hex, &e) < 0)
        return module_fail_err(m, &e);
    if (want && strcasecmp(want, hex) != 0)
        return module_fail(m,
                           "the artifact has the digest %.16s..., not %.16s...: nothing was "
                           "unpacked",
                           hex, want);
    return 0;
}

static int give_all(struct host_release *h, const char *path, uid_t uid, gid_t gid, int depth)
{
    DIR *d = depth < MAX_DEPTH ? opendir(path) : NULL;
    int rc = 0;
    if (!d)
        return module_fail(h->m, "cannot look into %s: %s", path, strerror(errno));
    for (struct dirent *de; rc == 0 && (de = readdir(d));) {
        struct stat st;
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
            continue;
        const char *sub = path_join(h->m->arena, path, de->d_name);
        if (lchown(sub, uid, gid) < 0 || lstat(sub, &st) < 0)
            rc = module_fail(h->m, "cannot change the owner of %s: %s", sub, strerror(errno));
        else if (S_ISDIR(st.st_mode))
            rc = give_all(h, sub, uid, gid, depth + 1);
    }
    closedir(d);
    return rc;
}

// Owner and group hold for all that was unpacked, mode for the folder.
static int dress(struct host_release *h, const char *dir)
{
    struct module *m = h->m;
    struct file_attrs attrs = file_attrs_of(m);
    uid_t uid = (uid_t)-1;
    gid_t gid = (gid_t)-1, unused;
    bool changed = false;
    if (attrs.owner && !host_user(m, attrs.owner, &uid, &unused, NULL))
        return module_fail(m, "there is no user '%s'", attrs.owner);
    if (attrs.group && !host_group(m, attrs.group, &gid))
        return module_fail(m, "there is no group '%s'", attrs.group);
    if (chmod(dir, 0755) < 0)
        return module_fail(m, "cannot change the mode of %s: %s", dir, strerror(errno));
    if ((attrs.owner || attrs.group) && give_all(h, dir, uid, gid, 0) != 0)
        return ERR_FAILED;
    return file_set_attrs(m, dir, &attrs, false, &changed, NULL, NULL) < 0 ? ERR_FAILED : 0;
}

// All of it on the disk, then under its name. The note is there first: a folder with its name and
// without note would look like somebody else's.
static int settle(struct host_release *h, const char *dir, const char *hex)
{
    struct module *m = h->m;
    struct err e = ERR_INIT;
    const char *note = arena_printf(m->arena, "%s\n", hex);
    int fd = open(h->releases, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : syncfs(fd);
    if (rc == 0 && file_write_atomic(release_note(h, h->version), note, strlen(note), 0644, &e) < 0)
        rc = module_fail_err(m, &e);
    else if (rc < 0 || rename(dir, h->dir) < 0 || fsync(fd) < 0)
        rc = module_fail(m, "cannot put version %s into %s: %s", h->version, h->releases,
                         strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

int release_unpack(struct host_release *h)
{
    struct module *m = h->m;
    struct err e = ERR_INIT;
    char hex[HASH_HEX_MAX];
    const char *file, *dir;
    if (receive(h, &file, hex) != 0)
        return ERR_FAILED;
    dir = host_tmpdir(m, h->releases, &e);
    if (!dir)
        return module_fail_err(m, &e);
    if (release_extract(h, file, dir) != 0 || dress(h, dir) != 0)
        return ERR_FAILED;
    if (!module_bool(m, "remote_src"))
        unlink(file); // where it still is: before all of it is brought to the disk
    return settle(h, dir, hex);
}

// --- what goes
// ------------------------------------------------------------------------------------------

// Under a name of its own first: what is interrupted leaves a leftover, not half a version.
int release_remove(struct host_release *h, const char *version)
{
    struct module *m = h->m;
    struct err e = ERR_INIT;
    const char *dir = path_join(m->arena, h->releases, version),
               *away = arena_printf(m->arena, "%s/.andon_tmp_%s", h->releases, version);
    if (host_remove(away, &e) < 0)
        return module_fail_err(m, &e);
    if (rename(dir, away) < 0 && errno != ENOENT)
        return module_fail(m, "cannot remove %s: %s", dir, strerror(errno));
    unlink(release_note(h, version));
    return host_remove(away, &e) < 0 ? module_fail_err(m, &e) : 0;
}

struct old {
    const char *version;
    struct timespec when; // it was unpacked
};

static int newest_first(const void *x, const void *y)
{
    const struct old *a = x, *b = y;
    if (a->when.tv_sec != b->when.tv_sec)
        return a->when.tv_sec < b->when.tv_sec ? 1 : -1;
    if (a->when.tv_nsec != b->when.tv_nsec)
        return a->when.tv_nsec < b->when.tv_nsec ? 1 : -1;
    return strcmp(a->version, b->version);
}

static bool is_linked(const struct host_release *h, const char *version)
{
    return strcmp(version, h->version) == 0 || (h->current && strcmp(version, h->current) == 0) ||
           (h->previous && strcmp(version, h->previous) == 0);
}

// The whole versions there are, and what no task holds any more.
static size_t look(struct host_release *h, struct old **ret, struct list *leftovers)
{
    struct old *all = NULL;
    size_t n = 0;
    DIR *d = opendir(h->releases);
    for (struct dirent *de; d && (de = readdir(d));) {
        const char *digest;
        struct stat st;
        if (strncmp(de->d_name, ".andon_tmp_", 11) == 0)
            list_add(leftovers,
                     value_str(h->m->arena, path_join(h->m->arena, h->releases, de->d_name)));
        if (de->d_name[0] == '.' || !release_has(h, de->d_name, &digest) ||
            stat(release_note(h, de->d_name), &st) < 0)
            continue;
        all = xrealloc(all, (n + 1) * sizeof *all);
        all[n++] = (struct old){arena_strdup(h->m->arena, de->d_name), st.st_mtim};
    }
    if (d)
        closedir(d);
    if (n)
        qsort(all, n, sizeof *all, newest_first);
    *ret = all;
    return n;
}

int release_prune(struct host_release *h, int64_t keep, struct list *removed)
{
    struct module *m = h->m;
    struct old *all;
    struct list *leftovers = value_list(m->arena).u.list;
    size_t n = look(h, &all, leftovers);
    int64_t kept = 0;
    int rc = 0;
    for (size_t i = 0; i < n; i++)
        kept += is_linked(h, all[i].version);
    for (size_t i = 0; keep > 0 && i < n && rc == 0; i++) {
        if (is_linked(h, all[i].version) || kept++ < keep)
            continue;
        module_changed(m, true);
        list_add(removed, value_cstr(all[i].version));
        if (m->check)
            continue;
        rc = release_remove(h, all[i].version);
    }
    free(all);
    for (size_t i = 0; i < leftovers->len && !m->check; i++)
        host_remove(leftovers->items[i].u.str.s, NULL);
    return rc;
}
