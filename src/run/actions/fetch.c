// fetch: a file of the host, brought here.
#include "core/file.h"
#include "core/hash.h"
#include "run/actions/actions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fetch {
    struct exec *x;
    const char *dest, *tmp;
    int fd;
    bool failed;
    char *msg;
};

static int fetched(void *data, uint32_t n, const char *s, size_t len, const char *msg)
{
    struct fetch *f = data;
    (void)n;
    if (msg) {
        f->failed = true;
        f->msg = arena_strdup(f->x->a, msg);
        return 0;
    }
    if (f->fd < 0) {
        struct err e = ERR_INIT;
        char *tmp = arena_printf(f->x->a, "%s.XXXXXX", f->dest);
        if (file_mkdirs(path_dir(f->x->a, f->dest), 0755, &e) < 0 ||
            (f->fd = mkostemp(tmp, O_CLOEXEC)) < 0) {
            f->failed = true;
            f->msg = arena_printf(f->x->a, "cannot write %s: %s", f->dest,
                                  e.msg ? e.msg : strerror(errno));
            err_release(&e);
            return ERR_IO;
        }
        f->tmp = tmp;
        mode_t mask = umask(0);
        umask(mask);
        fchmod(f->fd, 0666 & ~mask);
    }
    while (len) {
        ssize_t w = write(f->fd, s, len);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0) {
            f->failed = true;
            f->msg = arena_printf(f->x->a, "cannot write %s: %s", f->dest, strerror(errno));
            return ERR_IO;
        }
        s += w;
        len -= (size_t)w;
    }
    return 0;
}

// Where the file goes here; NULL, with the failure in result, when it cannot go there.
static const char *fetch_dest(struct exec *x, const struct dict *args, const char *src,
                              const char *dest, struct value *result)
{
    const char *base = run_basedir(x->run);
    const char *home = getenv("HOME");
    if (dest[0] == '~' && home)
        dest = arena_printf(x->a, "%s%s", home, dest + 1);
    size_t n = strlen(dest);
    if (arg_bool(args, "flat", false)) {
        struct stat st;
        bool slash = n && dest[n - 1] == '/';
        dest = path_join(x->a, base, dest);
        if (slash)
            return path_join(x->a, dest, path_base(src));
        if (stat(dest, &st) == 0 && S_ISDIR(st.st_mode)) {
            action_fail(x, result,
                        "dest is an existing directory, use a trailing slash if you want to fetch "
                        "src into that directory");
            return NULL;
        }
        return dest;
    }
    const char *who = x->delegate_name ? x->delegate_name : x->h->name;
    return path_join(x->a, base,
                     arena_printf(x->a, "%s/%s/%s", dest, who, *src == '/' ? src + 1 : src));
}

// A path is text, and nothing else is taken for one.
static bool is_text(struct exec *x, const struct dict *args, const char *key, const char *called,
                    struct value *result)
{
    const struct value *v = dict_get(args, key);
    if (!v || v->type == VALUE_NULL || v->type == VALUE_STRING)
        return true;
    action_fail(x, result, "Invalid type supplied for %s option, it must be a string", called);
    return false;
}

int action_fetch(struct exec *x, struct dict *args, struct value *result)
{
    const char *src = arg_str(x, args, "src"), *dest = arg_str(x, args, "dest");
    struct dict *d = result->u.dict;
    char hex[HASH_HEX_MAX];
    if (!is_text(x, args, "src", "source", result) || !is_text(x, args, "dest", "dest", result))
        return ERR_FAILED;
    if (!src || !dest)
        return action_fail(x, result, "src and dest are required");
    if (x->check) {
        dict_set(d, "skipped", value_bool(true));
        dict_set(d, "msg", value_cstr("check mode not (yet) supported for this module"));
        return 0;
    }
    struct fetch f = {.x = x, .fd = -1, .dest = fetch_dest(x, args, src, dest, result)};
    if (!f.dest)
        return ERR_FAILED;
    struct dict *extra = value_dict(x->a).u.dict, *send = value_dict(x->a).u.dict;
    if (hash_file(HASH_SHA1, f.dest, hex, NULL) == 0)
        dict_set(extra, "_have_checksum", value_str(x->a, hex));
    dict_update(send, args);
    struct module_call c = {
        .module = "fetch", .args = send, .extra = extra, .on_file = fetched, .on_file_data = &f};
    int rc = exec_module(x, &c, result);
    d = result->u.dict;
    bool ok = rc == 0 && !f.failed && !dict_bool(d, "failed", false) &&
              !dict_bool(d, "unreachable", false);
    if (f.fd >= 0) {
        fsync(f.fd);
        close(f.fd);
        if (!ok || rename(f.tmp, f.dest) < 0)
            unlink(f.tmp);
    }
    if (f.failed)
        return action_fail(x, result, "%s", f.msg);
    if (ok && dict_get(d, "checksum")) {
        dict_set(d, "dest", value_str(x->a, f.dest));
        if (hash_file(HASH_MD5, f.dest, hex, NULL) == 0)
            dict_set(d, "md5sum", value_str(x->a, hex));
        dict_set(d, "changed", value_bool(f.fd >= 0));
        dict_del(d, "size");
        dict_del(d, "file");
        if (f.fd < 0) {
            dict_set(d, "file", value_str(x->a, src));
        } else {
            dict_set(d, "remote_checksum", *dict_get(d, "checksum"));
            dict_set(d, "remote_md5sum", value_null());
        }
    }
    return rc;
}
