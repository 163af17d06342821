// copy with remote_src: a file or folder that is on the host already.
#include "node/journal.h"
#include "node/modules/copy.h"

#include "core/file.h"
#include "core/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 256

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool ends_in_slash(const char *s)
{
    return *s && s[strlen(s) - 1] == '/';
}

static bool same_content(const char *x, const char *y)
{
    char hx[HASH_HEX_MAX], hy[HASH_HEX_MAX];
    return hash_file(HASH_SHA1, x, hx, NULL) == 0 && hash_file(HASH_SHA1, y, hy, NULL) == 0 &&
           strcmp(hx, hy) == 0;
}

// A copy of src in a temp file beside dest, with src's mode and times; NULL after a failure.
static const char *copy_to_temp(struct module *m, const char *src, const char *dest)
{
    struct err e = ERR_INIT;
    struct stat st;
    const char *tmp, *dir = path_dir(m->arena, host_realpath(m->arena, dest));
    int in = open(src, O_RDONLY | O_CLOEXEC);
    int out =
        in < 0 ? -1 : host_tmpfile(m, access(dir, W_OK) == 0 && !m->check ? dir : NULL, &tmp, &e);
    int rc = -1;
    if (in < 0)
        module_fail(m, "Source %s not readable", src);
    else if (out < 0 || host_copy_fd(in, out, &e) < 0)
        module_fail_err(m, &e);
    else
        rc = 0;
    if (rc == 0 && fstat(in, &st) == 0) {
        fchmod(out, st.st_mode & 07777u);
        futimens(out, (const struct timespec[]){st.st_atim, st.st_mtim});
    }
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return rc == 0 ? tmp : NULL;
}

// --- a folder
// --------------------------------------------------------------------------------------------------

struct tree {
    struct module *m;
    bool follow; // copy what links lead to
    bool changed;
    struct file_attrs owner; // owner and group for everything in the target
};

static int copy_tree(struct tree *t, const char *src, const char *dest, int depth);

static int own(struct tree *t, const char *path)
{
    if (t->m->check && access(path, F_OK) < 0)
        return 0;
    return file_set_attrs(t->m, path, &t->owner, false, &t->changed, NULL, NULL);
}

static int copy_link(struct tree *t, const char *src, const char *dest)
{
    char target[4096], have[4096];
    ssize_t n = readlink(src, target, sizeof target - 1), h = readlink(dest, have, sizeof have - 1);
    if (n < 0)
        return module_fail(t->m, "cannot read link '%s': %s", src, strerror(errno));
    target[n] = '\0';
    if (h == n && memcmp(target, have, (size_t)n) == 0)
        return own(t, dest);
    t->changed = true;
    if (t->m->check)
        return 0;
    if (journal_path(t->m, dest, NULL) < 0)
        return ERR_FAILED;
    unlink(dest);
    if (symlink(target, dest) < 0)
        return module_fail(t->m, "cannot make link '%s': %s", dest, strerror(errno));
    return own(t, dest);
}

static int copy_file(struct tree *t, const char *src, const char *dest, const struct stat *st)
{
    struct stat old;
    struct err e = ERR_INIT;
    bool there = stat(dest, &old) == 0;
    if (there && old.st_size == st->st_size && same_content(src, dest))
        return own(t, dest);
    t->changed = true;
    if (t->m->check)
        return 0;
    const char *tmp = copy_to_temp(t->m, src, dest);
    if (!tmp)
        return ERR_FAILED;
    if (host_install(t->m, tmp, dest, &e) < 0)
        return module_fail_err(t->m, &e);
    chmod(dest, st->st_mode & 07777u);
    if (!there)
        utimensat(AT_FDCWD, dest, (const struct timespec[]){st->st_atim, st->st_mtim}, 0);
    return own(t, dest);
}

static int copy_any(struct tree *t, const char *src, const char *dest, int depth)
{
    struct stat st;
    if ((t->follow ? stat(src, &st) : lstat(src, &st)) < 0)
        return module_fail(t->m, "cannot read '%s': %s", src, strerror(errno));
    if (S_ISLNK(st.st_mode))
        return copy_link(t, src, dest);
    if (S_ISDIR(st.st_mode))
        return copy_tree(t, src, dest, depth + 1);
    if (S_ISREG(st.st_mode))
        return copy_file(t, src, dest, &st);
    return module_fail(t->m, "cannot copy '%s': it is neither a file, a folder nor a link", src);
}

static int copy_tree(struct tree *t, const char *src, const char *dest, int depth)
{
    struct stat st;
    if (depth > MAX_DEPTH)
        return module_fail(t->m, "'%s' is nested too deep", src);
    if (!is_dir(dest)) {
        t->changed = true;
        if (!t->m->check) {
            if (journal_path(t->m, dest, NULL) < 0)
                return ERR_FAILED;
            if (host_mkdirs(dest, 0777, NULL) < 0)
                return module_fail(t->m, "cannot create folder '%s': %s", dest, strerror(errno));
            if (stat(src, &st) == 0)
                chmod(dest, st.st_mode & 07777u);
        }
    }
    DIR *d = opendir(src);
    if (!d)
        return module_fail(t->m, "cannot read folder '%s': %s", src, strerror(errno));
    struct dirent *ent;
    int rc = 0;
    while (rc == 0 && (ent = readdir(d)))
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            rc = copy_any(t, path_join(t->m->arena, src, ent->d_name),
                          path_join(t->m->arena, dest, ent->d_name), depth);
    closedir(d);
    return rc == 0 ? own(t, dest) : rc;
}

static int copy_folder(struct module *m, const char *src, const char *dest)
{
    struct tree t = {.m = m, .follow = module_bool(m, "local_follow"), .owner = file_attrs_of(m)};
    t.owner.mode = NULL;
    t.owner.attributes = NULL;
    const char *target = ends_in_slash(src) ? dest : path_join(m->arena, dest, path_base(src));
    const char *shown =
        is_dir(dest) ? path_join(m->arena, dest, ends_in_slash(src) ? "" : path_base(src)) : dest;
    if (copy_tree(&t, src, target, 0) < 0)
        return ERR_FAILED;
    module_changed(m, t.changed);
    module_set_str(m, "dest", shown);
    module_set_str(m, "src", src);
    module_set(m, "md5sum", value_null());
    module_set(m, "checksum", value_null());
    const struct file_attrs attrs = file_attrs_of(m);
    bool changed = false;
    const char *final = dict_str(m->result, "dest", dest);
    if (!(m->check && access(final, F_OK) < 0) &&
        file_set_attrs(m, final, &attrs, false, &changed, NULL, NULL) < 0)
        return ERR_FAILED;
    module_changed(m, changed);
    return 0;
}

// --- a file
// ----------------------------------------------------------------------------------------------------

static int settle_dest(struct module *m, const char *src, const char **dest)
{
    if (ends_in_slash(*dest)) {
        const char *dir = arena_strndup(m->arena, *dest, strlen(*dest) - 1);
        if (*dir && access(dir, F_OK) < 0) {
            if (m->check) {
                module_changed(m, true);
                module_set_str(m, "src", src);
                module_set(m, "msg",
                           value_strf(m->arena, "dest directory %s would be created", dir));
                return 1;
            }
            if (copy_make_folders(m, dir) < 0)
                return ERR_FAILED;
        }
    }
    if (is_dir(*dest))
        *dest = path_join(m->arena, *dest, path_base(src));
    return 0;
}

static int put_file(struct module *m, const char *src, const char *dest, bool follow)
{
    char have[HASH_HEX_MAX] = "", want[HASH_HEX_MAX] = "", md5[HASH_HEX_MAX] = "";
    struct stat st;
    hash_file(HASH_SHA1, src, want, NULL);
    hash_file(HASH_MD5, src, md5, NULL);
    const char *expected = module_str(m, "checksum");
    if (expected && *expected && strcmp(expected, want) != 0) {
        module_set_str(m, "checksum", want);
        module_set_str(m, "expected_checksum", expected);
        return module_fail(m, "Copied file does not match the expected checksum. Transfer failed.");
    }
    bool there = access(dest, F_OK) == 0, link = lstat(dest, &st) == 0 && S_ISLNK(st.st_mode);
    if (there && link && follow) {
        dest = host_realpath(m->arena, dest);
        link = false;
    }
    if (there && !module_bool(m, "force")) {
        module_set_str(m, "msg", "file already exists");
        module_set_str(m, "src", src);
        module_set_str(m, "dest", dest);
        return 0;
    }
    const char *dir = path_dir(m->arena, dest);
    if (!there && access(dir, F_OK) < 0)
        return module_fail(m, "Destination directory %s does not exist", dir);
    if (access(dir, W_OK) < 0 && !module_bool(m, "unsafe_writes"))
        return module_fail(m, "Destination %s not writable", dir);
    if (there)
        hash_file(HASH_SHA1, dest, have, NULL);
    bool changed = strcmp(have, want) != 0 || link;
    if (changed && !m->check) {
        const char *tmp = copy_to_temp(m, src, dest);
        if (!tmp || copy_install(m, tmp, dest, follow) < 0)
            return ERR_FAILED;
    }
    struct file_attrs attrs = file_attrs_of(m);
    if (file_set_attrs(m, dest, &attrs, follow, &changed, NULL, NULL) < 0)
        return ERR_FAILED;
    module_changed(m, changed);
    module_set_str(m, "dest", dest);
    module_set_str(m, "src", src);
    module_set_str(m, "md5sum", md5);
    module_set_str(m, "checksum", want);
    return 0;
}

int copy_remote(struct module *m)
{
    const char *src = module_str(m, "src"), *dest = module_str(m, "dest");
    struct stat st;
    if (!src)
        return module_fail(m, "remote_src needs src");
    if (stat(src, &st) < 0)
        return module_fail(m, "Source %s not found", src);
    if (access(src, R_OK) < 0)
        return module_fail(m, "Source %s not readable", src);
    if (value_eqs(dict_get(m->args, "mode"), "preserve"))
        dict_set(m->args, "mode", value_strf(m->arena, "0%03o", st.st_mode & 07777u));
    if (S_ISDIR(st.st_mode))
        return copy_folder(m, src, dest);
    if (!S_ISREG(st.st_mode))
        return module_fail(m, "Cannot copy invalid source '%s': not a file", src);
    int rc = settle_dest(m, src, &dest);
    return rc != 0 ? (rc < 0 ? rc : 0) : put_file(m, src, dest, module_bool(m, "follow"));
}
