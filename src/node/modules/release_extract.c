// release: what an artifact holds, into a folder: a tar archive by tar, a zip archive by unzip, and
// any other file as it is.
#include "node/modules/release.h"

#include "core/file.h"
#include "core/artifact.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER ".andon_unzipped" // where it is until its leading folders are gone

struct artifact {
    struct host_release *h;
    const char *file, *into;
    const char *name; // of the artifact where it was made
    int64_t strip;
    unsigned char head[ARTIFACT_HEAD];
    size_t n;
};

static int read_head(struct artifact *a)
{
    int fd = open(a->file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, a->head, sizeof a->head) : -1;
    if (n < 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return module_fail(a->h->m, "cannot read %s: %s", a->file, strerror(why));
    }
    close(fd);
    a->n = (size_t)n;
    return 0;
}

// Runs what unpacks; exit codes up to `most` are good.
static int run(struct artifact *a, const char *const *argv, int most)
{
    struct module *m = a->h->m;
    struct proc p;
    struct err e = ERR_INIT;
    if (!proc_which(m->arena, argv[0]))
        return proc_fail_missing(m, argv[0]);
    int rc = proc_run(m, argv, &(struct proc_opts){.cwd = a->into, .clean_lang = true}, &p, &e);
    if (rc < 0)
        return module_fail_err(m, &e);
    if (p.rc < 0 || p.rc > most)
        rc = module_fail(m, "the artifact cannot be unpacked: %s",
                         p.err.len   ? buf_str(&p.err)
                         : p.out.len ? buf_str(&p.out)
                                     : arena_printf(m->arena, "%s failed", argv[0]));
    proc_release(&p);
    return rc;
}

static int untar(struct artifact *a)
{
    struct module *m = a->h->m;
    const char *argv[10] = {"tar", "-x"};
    const struct compression *c = compression_of(a->head, a->n);
    size_t n = 2;
    if (c && !proc_which(m->arena, c->program))
        return proc_fail_missing(m, c->program);
    if (c)
        argv[n++] = c->flag;
    argv[n++] = "-o"; // they belong to who unpacks them
    if (a->strip > 0)
        argv[n++] = arena_printf(m->arena, "--strip-components=%lld", (long long)a->strip);
    argv[n++] = "-f";
    argv[n++] = a->file;
    return run(a, argv, 0);
}

// --- zip
// ------------------------------------------------------------------------------------------

// Moves what lies `depth` folders below `from` to `to`; what lies higher stays, as tar leaves it
// out.
static int lift(struct artifact *a, const char *from, const char *to, int64_t depth)
{
    struct module *m = a->h->m;
    DIR *d = opendir(from);
    int rc = 0;
    if (!d)
        return module_fail(m, "cannot look into %s: %s", from, strerror(errno));
    for (struct dirent *de; rc == 0 && (de = readdir(d));) {
        struct stat st;
        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
            continue;
        const char *path = path_join(m->arena, from, de->d_name),
                   *goal = path_join(m->arena, to, de->d_name);
        if (depth > 0) {
            if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
                rc = lift(a, path, to, depth - 1);
        } else if (lstat(goal, &st) == 0) {
            rc = module_fail(m,
                             "the artifact cannot be unpacked: without %lld leading folder%s there "
                             "are two named %s",
                             (long long)a->strip, a->strip == 1 ? "" : "s", de->d_name);
        } else if (rename(path, goal) < 0) {
            rc = module_fail(m, "cannot move %s: %s", path, strerror(errno));
        }
    }
    closedir(d);
    return rc;
}

static int unzip(struct artifact *a)
{
    struct module *m = a->h->m;
    struct err e = ERR_INIT;
    const char *in = a->strip > 0 ? path_join(m->arena, a->into, FOLDER) : a->into;
    const char *argv[] = {"unzip", "-q", "-o", a->file, "-d", in, NULL};
    if (!artifact_is_zip(a->head, a->n))
        return module_fail(m, "the artifact cannot be unpacked: it is no zip archive");
    if (run(a, argv, 1) != 0) // 1: there were warnings, and all was unpacked
        return ERR_FAILED;
    if (a->strip <= 0)
        return 0;
    if (lift(a, in, a->into, a->strip) != 0)
        return ERR_FAILED;
    return host_remove(in, &e) < 0 ? module_fail_err(m, &e) : 0;
}

// --- a file
// ------------------------------------------------------------------------------------------

// Programs and scripts may be run.
static bool is_program(const struct artifact *a)
{
    return a->n >= 4 && (memcmp(a->head, "#!", 2) == 0 || memcmp(a->head,
                                                                 "\x7f"
                                                                 "ELF",
                                                                 4) == 0);
}

static int copy_file(const char *from, const char *to, struct err *e)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), why = errno,
        out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = 0;
    if (in < 0)
        rc = err_set(e, ERR_IO, POS_NONE, "cannot read %s: %s", from, strerror(why));
    else if (out < 0)
        rc = err_set(e, ERR_IO, POS_NONE, "cannot make %s: %s", to, strerror(errno));
    else
        rc = host_copy_fd(in, out, e);
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return rc;
}

static int put_file(struct artifact *a)
{
    struct module *m = a->h->m;
    struct err e = ERR_INIT;
    const char *name = a->name;
    if (a->strip > 0)
        return module_fail(m, "strip is for archives, and %s is a single file", name);
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return module_fail(m, "'%s' is no name for a file", name);
    const char *to = path_join(m->arena, a->into, name);
    if (module_bool(m, "remote_src")) {
        if (copy_file(a->file, to, &e) < 0)
            return module_fail_err(m, &e);
    } else if (rename(a->file, to) < 0) { // it was received for this alone
        return module_fail(m, "cannot make %s: %s", to, strerror(errno));
    }
    if (chmod(to, is_program(a) ? 0755 : 0644) < 0)
        return module_fail(m, "cannot change the mode of %s: %s", to, strerror(errno));
    return 0;
}

int release_extract(struct host_release *h, const char *file, const char *into)
{
    struct module *m = h->m;
    const char *name = module_str(m, "name"), *format = module_str(m, "format");
    struct artifact a = {
        .h = h, .file = file, .into = into, .strip = module_int(m, "strip", 0), .name = name};
    if (!a.name)
        a.name = path_base(module_str(m, "artifact"));
    if (read_head(&a) != 0)
        return ERR_FAILED;
    if (strcmp(format, "auto") == 0)
        format = artifact_form_name(artifact_form_of(a.name, a.head, a.n));
    module_set(m, "format", value_cstr(format));
    return strcmp(format, "tar") == 0   ? untar(&a)
           : strcmp(format, "zip") == 0 ? unzip(&a)
                                        : put_file(&a);
}
