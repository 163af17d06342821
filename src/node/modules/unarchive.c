// unarchive: extracts an archive with the host's tar or unzip, when what it holds is not there
// already.
#include "node/journal.h"
#include "node/modules/unarchive.h"

#include "node/http.h"
#include "node/modules.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

struct handler {
    const char *name, *magic, *flag;
    size_t magic_len;
};

static const struct handler handlers[] = {
    {"ZipArchive", "PK", NULL, 2},
    {"TgzArchive", "\x1f\x8b", "-z", 2},
    {"TarArchive", "", "", 0}, // GNU tar finds out about bzip2, xz and zstd by itself
};

int archive_run(struct archive *a, struct argv *v, struct proc *ret)
{
    struct err e = ERR_INIT;
    struct proc_opts opts = {.cwd = a->dest, .clean_lang = true};
    if (proc_run(a->m, v->v, &opts, ret, &e) < 0)
        return module_fail_err(a->m, &e);
    return 0;
}

bool archive_matches(const struct list *patterns, const char *path)
{
    for (size_t i = 0; patterns && i < patterns->len; i++) {
        const char *p = patterns->items[i].u.str.s;
        size_t n = strlen(p);
        if (fnmatch(p, path, FNM_NOESCAPE) == 0 ||
            (n && p[n - 1] == '/' && strncmp(p, path, n - 1) == 0 && !path[n - 1]))
            return true;
    }
    return false;
}

void archive_report(struct archive *a, const struct argv *v, const struct proc *p)
{
    struct value r = value_dict(a->m->arena);
    dict_set(r.u.dict, "cmd", argv_value(v));
    dict_set(r.u.dict, "rc", value_int(p->rc));
    dict_set(r.u.dict, "out", value_strn(a->m->arena, buf_str(&p->out), p->out.len));
    dict_set(r.u.dict, "err", value_strn(a->m->arena, buf_str(&p->err), p->err.len));
    module_set(a->m, "extract_results", r);
}

static const struct handler *pick(const char *src)
{
    char head[8] = {0};
    int fd = open(src, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : 0;
    if (fd >= 0)
        close(fd);
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
        if (n >= (ssize_t)handlers[i].magic_len &&
            memcmp(head, handlers[i].magic, handlers[i].magic_len) == 0)
            return &handlers[i];
    return &handlers[sizeof handlers / sizeof *handlers - 1];
}

// Brings the archive here when the controller has it or src is a URL.
static int get_source(struct archive *a)
{
    struct module *m = a->m;
    struct err e = ERR_INIT;
    const char *tmp;
    bool remote = module_bool(m, "remote_src") || !module_bool(m, "copy");
    if (remote && !strstr(a->src, "://"))
        return 0;
    int fd = host_tmpfile(m, NULL, &tmp, &e);
    if (fd < 0)
        return module_fail_err(m, &e);
    int rc = 0;
    if (remote) {
        struct http_request req;
        struct http_response res;
        http_request_init(m, &req);
        req.url = a->src;
        req.use_proxy = true;
        req.timeout_s = 30;
        req.out_fd = fd;
        http_fetch(m, &req, &res);
        if (res.status != 200)
            rc = module_fail(m, "Failure downloading %s, %s", a->src, http_message(m, &res));
    } else if (module_receive(m, 0, fd, &e) < 0) {
        rc = module_fail_err(m, &e);
    }
    close(fd);
    a->src = tmp;
    return rc;
}

static int check_source(struct archive *a)
{
    struct stat st;
    if (stat(a->dest, &st) < 0 || !S_ISDIR(st.st_mode))
        return module_fail(a->m, "dest '%s' must be an existing dir", a->dest);
    if (stat(a->src, &st) < 0)
        return module_fail(a->m, "Source '%s' does not exist", a->src);
    if (access(a->src, R_OK) < 0)
        return module_fail(a->m, "Source '%s' not readable", a->src);
    if (st.st_size == 0)
        return module_fail(a->m, "Invalid archive '%s', the file is 0 bytes", a->src);
    return 0;
}

// Owner, group, mode on all that the archive holds, and on the folders at its top.
static int set_attrs(struct archive *a, bool *changed)
{
    struct file_attrs attrs = file_attrs_of(a->m);
    for (size_t i = 0; i < a->files->len; i++) {
        const char *file = a->files->items[i].u.str.s,
                   *path = path_join(a->m->arena, a->dest, file);
        struct stat st;
        if (lstat(path, &st) < 0)
            continue;
        if (file_set_attrs(a->m, path, &attrs, false, changed, NULL, NULL) < 0)
            return ERR_FAILED;
        const char *slash = strchr(file, '/');
        const char *top =
            slash ? arena_printf(a->m->arena, "%s/%.*s", a->dest, (int)(slash - file), file) : NULL;
        if (top && file_set_attrs(a->m, top, &attrs, false, changed, NULL, NULL) < 0)
            return ERR_FAILED;
    }
    return 0;
}

// All that the archive holds may be written, in one go.
static int keep(struct archive *a)
{
    journal_collect(a->m);
    for (size_t i = 0; i < a->files->len; i++)
        if (journal_path(a->m, path_join(a->m->arena, a->dest, a->files->items[i].u.str.s), NULL) <
            0)
            return ERR_FAILED;
    return journal_flush(a->m, NULL);
}

static int unpack(struct archive *a, bool zip)
{
    struct module *m = a->m;
    bool same = false, changed = false;
    if ((zip ? zip_compare(a, &same) : tar_compare(a, &same)) < 0)
        return ERR_FAILED;
    if (a->diff.len) {
        struct value d = value_dict(m->arena);
        dict_set(d.u.dict, "prepared", value_strn(m->arena, a->diff.p, a->diff.len));
        module_set(m, "diff", d);
    }
    if (m->check) {
        module_changed(m, !same);
        return 0;
    }
    if (!same) {
        if (keep(a) < 0)
            return ERR_FAILED;
        if ((zip ? zip_extract(a) : tar_extract(a)) < 0)
            return ERR_FAILED;
        changed = true;
    }
    if (set_attrs(a, &changed) < 0)
        return ERR_FAILED;
    module_changed(m, changed);
    return 0;
}

int mod_unarchive(struct module *m)
{
    struct archive a = {
        .m = m,
        .src = module_str(m, "src"),
        .dest = module_str(m, "dest"),
        .owner = module_str(m, "owner"),
        .group = module_str(m, "group"),
        .exclude = module_list(m, "exclude"),
        .include = module_list(m, "include"),
        .opts = module_list(m, "extra_opts"),
        .files = value_list(m->arena).u.list,
        .wanted = value_list(m->arena).u.list,
    };
    a.mode = file_attrs_of(m).mode;
    const char *creates = module_str(m, "creates");
    if (creates && access(creates, F_OK) == 0) {
        module_set(m, "skipped", value_bool(true));
        module_set(m, "msg", value_strf(m->arena, "skipped, since %s exists", creates));
        return 0;
    }
    if (get_source(&a) < 0 || check_source(&a) < 0)
        return ERR_FAILED;
    const struct handler *h = pick(a.src);
    bool zip = !h->flag;
    a.flag = zip ? "" : h->flag;
    if (!zip && m->check) {
        module_set(m, "skipped", value_bool(true));
        module_set_str(
            m, "msg",
            "remote module (ansible.legacy.unarchive) does not support check mode when using gtar");
        return 0;
    }
    const char *tool = zip ? "unzip" : "tar";
    if (!proc_which(m->arena, tool))
        return module_fail(
            m,
            "Failed to find handler for \"%s\". Make sure the required command to extract the file "
            "is installed.\nUnable to find required '%s' binary in the path; install the package "
            "%s",
            a.src, tool, tool);
    if ((zip ? zip_list(&a) : tar_list(&a)) < 0)
        return ERR_FAILED;
    module_set_str(m, "handler", h->name);
    module_set_str(m, "dest", a.dest);
    module_set_str(m, "src", a.src);
    int rc = unpack(&a, zip);
    if (rc == 0 && module_bool(m, "list_files"))
        module_set(m, "files", (struct value){.type = VALUE_LIST, .u.list = a.files});
    buf_release(&a.diff);
    return rc;
}
