// fetch: a file of the host, brought here.
#include "config/path.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/hash.h"
#include "run/actions/actions.h"
#include "run/foreign.h"
#include "template/paths.h"

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
// A path without double slashes, "." and "..".
static const char *plain_path(struct arena *a, const char *path)
{
    struct buf b = BUF_INIT;
    path_norm(&b, (struct text){path, strlen(path)});
    path = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return path;
}

static const char *fetch_dest(struct exec *x, const struct dict *args, const char *src,
                              const char *dest, struct value *result)
{
    const char *base = run_basedir(x->run);
    dest = path_home(x->a, dest);
    size_t n = strlen(dest);
    if (arg_bool(args, "flat", false)) {
        struct stat st;
        bool slash = n && dest[n - 1] == '/';
        dest = path_join(x->a, base, dest);
        if (slash)
            return plain_path(x->a, path_join(x->a, dest, path_base(src)));
        if (stat(dest, &st) == 0 && S_ISDIR(st.st_mode)) {
            action_fail(x, result,
                        "dest is an existing directory, use a trailing slash if you want to fetch "
                        "src into that directory");
            return NULL;
        }
        return plain_path(x->a, dest);
    }
    const char *who = x->delegate_name ? x->delegate_name : x->h->name;
    dest = arena_printf(x->a, "%s/%s/%s", dest, who, *src == '/' ? src + 1 : src);
    return plain_path(x->a, path_join(x->a, base, dest));
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

// Closes what was written; what is whole takes the place of dest.
static void finish_file(struct fetch *f, bool whole)
{
    if (f->fd < 0)
        return;
    fsync(f->fd);
    close(f->fd);
    if (!whole || rename(f->tmp, f->dest) < 0)
        unlink(f->tmp);
}

// A module called slurp that the user put in the place of Ansible's, which Ansible reads files with
// when it becomes another user; NULL: there is none, or the task becomes nobody.
static const struct plugin_module *own_slurp(struct exec *x)
{
    const struct plugin_module *m =
        x->run->o.plugins ? plugins_module(x->run->o.plugins, "ansible.legacy.slurp", NULL) : NULL;
    return m && m->path && exec_become(x).type == VALUE_DICT ? m : NULL;
}

// Fetches by that module. Nothing it says but the content counts.
static int fetch_slurped(struct exec *x, const struct plugin_module *m, const char *src,
                         struct fetch *f, struct value *result)
{
    struct dict *args = value_dict(x->a).u.dict, *d;
    struct value answer = value_dict(x->a);
    struct buf content = BUF_INIT;
    char sum[HASH_HEX_MAX], old[HASH_HEX_MAX] = "", md5[HASH_HEX_MAX];
    dict_set(args, "src", value_cstr(src));
    int rc = action_foreign(x, m, args, NULL, &answer);
    const char *text = dict_str(answer.u.dict, "content", NULL);
    if (rc < 0 || !text || dict_bool(answer.u.dict, "failed", false)) {
        *result = answer;
        return rc;
    }
    if (base64_decode(&content, text, strlen(text)) < 0) {
        buf_release(&content);
        return action_fail(x, result, "what the module slurp answered for %s is no base64", src);
    }
    hash_hex(HASH_SHA1, buf_str(&content), content.len, sum);
    hash_hex(HASH_MD5, buf_str(&content), content.len, md5);
    bool changed = hash_file(HASH_SHA1, f->dest, old, NULL) < 0 || strcmp(old, sum) != 0;
    if (changed)
        (void)!fetched(f, 0, buf_str(&content), content.len, NULL);
    buf_release(&content);
    finish_file(f, !f->failed);
    if (f->failed)
        return action_fail(x, result, "%s", f->msg);
    d = result->u.dict;
    dict_set(d, "changed", value_bool(changed));
    dict_set(d, "dest", value_str(x->a, f->dest));
    dict_set(d, "checksum", value_str(x->a, sum));
    dict_set(d, "md5sum", value_str(x->a, md5));
    if (!changed) {
        dict_set(d, "file", value_str(x->a, src));
    } else {
        dict_set(d, "remote_checksum", value_str(x->a, sum));
        dict_set(d, "remote_md5sum", value_null());
    }
    return 0;
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
    const struct plugin_module *slurp = own_slurp(x);
    if (slurp)
        return fetch_slurped(x, slurp, src, &f, result);
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
    finish_file(&f, ok);
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
