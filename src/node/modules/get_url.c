// get_url: a file from a web server.
#include "node/http.h"
#include "node/modules.h"

#include "core/file.h"
#include "core/hash.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

struct download {
    struct module *m;
    const char *url, *dest, *algorithm, *checksum; // checksum NULL: none wanted
    bool force;
    time_t have_since; // 0: no copy
    int64_t elapsed_s;
};

static void set_common(struct download *d)
{
    module_set_str(d->m, "url", d->url);
    module_set_str(d->m, "dest", d->dest);
    module_set(d->m, "elapsed", value_int(d->elapsed_s));
}

static const char *name_in_url(struct arena *a, const char *url)
{
    const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    size_t n = path ? strcspn(path, "?#") : 0;
    const char *whole = path ? arena_strndup(a, path, n) : "";
    const char *slash = strrchr(whole, '/'), *name = slash ? slash + 1 : whole;
    return *name ? name : "index.html";
}

// Fetches url into a temp file: its path; NULL when the task has ended (failed, or nothing new:
// result says so).
static const char *fetch(struct download *d, const char *url, bool conditional,
                         struct http_response *res)
{
    struct module *m = d->m;
    struct http_request req;
    struct err e = ERR_INIT;
    struct stat st;
    const char *tmp, *tmp_dest = module_str(m, "tmp_dest");
    if (tmp_dest && (stat(tmp_dest, &st) < 0 || !S_ISDIR(st.st_mode))) {
        module_fail(m,
                    stat(tmp_dest, &st) < 0 ? "%s directory does not exist."
                                            : "%s is a file but should be a directory.",
                    tmp_dest);
        return NULL;
    }
    http_request_init(m, &req);
    req.url = url;
    req.no_cache = d->force;
    if (m->check)
        req.method = "HEAD";
    if (conditional && d->have_since)
        req.if_modified = http_date(m->arena, d->have_since);
    const char *dir = path_dir(m->arena, d->dest);
    bool beside = !tmp_dest && !m->check && conditional && stat(d->dest, &st) == 0 &&
                  S_ISDIR(st.st_mode) == 0 && access(dir, W_OK) == 0;
    req.out_fd = host_tmpfile(m, tmp_dest ? tmp_dest : beside ? dir : NULL, &tmp, &e);
    if (req.out_fd < 0) {
        module_fail_err(m, &e);
        return NULL;
    }
    int64_t start = clock_mono_ms();
    http_fetch(m, &req, res);
    close(req.out_fd);
    d->elapsed_s = (clock_mono_ms() - start) / 1000;
    if (res->status == 200)
        return tmp;
    set_common(d);
    const char *msg = http_message(m, res);
    if (res->status == 304) {
        module_set(m, "status_code", value_int(304));
        module_set_str(m, "msg", msg);
    } else if (res->status < 0) {
        module_fail(m, "%s", msg);
    } else {
        module_set(m, "status_code", value_int(res->status));
        module_set_str(m, "response", msg);
        module_fail(m, "Request failed");
    }
    return NULL;
}

// Finds the digest for our file in the text of a checksum file.
static const char *find_checksum(struct download *d, char *text)
{
    const char *name = name_in_url(d->m->arena, d->url);
    char *save = NULL, *line = strtok_r(text, "\n", &save),
         *next = line ? strtok_r(NULL, "\n", &save) : NULL;
    if (line && !next && !strpbrk(line, " \t"))
        return line;
    for (; line; line = next, next = line ? strtok_r(NULL, "\n", &save) : NULL) {
        char *file = strchr(line, ' ');
        if (!file)
            continue;
        *file++ = '\0';
        if (*file == ' ' || *file == '*')
            file++;
        file += strspn(file, "./");
        file[strcspn(file, "\r")] = '\0';
        if (strcmp(file, name) == 0)
            return line;
    }
    return NULL;
}

// Reads the parameter checksum: ALGORITHM:DIGEST or ALGORITHM:URL. 0, or <0 with the task failed.
static int read_checksum(struct download *d)
{
    struct module *m = d->m;
    const char *text = module_str(m, "checksum"), *colon;
    if (!text || !*text)
        return 0;
    if (!(colon = strchr(text, ':'))) {
        set_common(d);
        return module_fail(m, "The checksum parameter has to be in format <algorithm>:<checksum>");
    }
    d->algorithm = arena_strndup(m->arena, text, (size_t)(colon - text));
    if (hash_by_name(d->algorithm) < 0)
        return module_fail(
            m,
            "Could not hash file '%s' with algorithm '%s'. Available algorithms: md5, sha1, "
            "sha224, sha256, sha384, sha512",
            d->dest, d->algorithm);
    const char *digest = colon + 1;
    if (strstr(digest, "://")) {
        struct http_response res;
        const char *url = digest, *tmp = fetch(d, url, false, &res);
        char *content;
        size_t len;
        if (!tmp)
            return ERR_FAILED;
        if (host_read(m, tmp, &content, &len, NULL) < 0 || !(digest = find_checksum(d, content)))
            return module_fail(m, "Unable to find a checksum for file '%s' in '%s'",
                               name_in_url(m->arena, d->url), url);
    }
    char *clean = arena_strdup(m->arena, digest);
    size_t n = 0;
    for (const char *p = digest; *p; p++)
        if (isalnum((unsigned char)*p) || *p == '_')
            clean[n++] = (char)tolower((unsigned char)*p);
    clean[n] = '\0';
    if (!n || strspn(clean, "0123456789abcdef") != n) {
        set_common(d);
        return module_fail(m, "The checksum format is invalid");
    }
    d->checksum = clean;
    return 0;
}

static bool digest_is(const struct download *d, const char *path, char got[HASH_HEX_MAX])
{
    got[0] = '\0';
    hash_file((enum hash_alg)hash_by_name(d->algorithm), path, got, NULL);
    return strcmp(got, d->checksum) == 0;
}

static int apply_attrs(struct download *d, bool *changed)
{
    struct file_attrs attrs = file_attrs_of(d->m);
    return file_set_attrs(d->m, d->dest, &attrs, false, changed, NULL, NULL);
}

// The name the server gives, "" when none.
static const char *served_name(struct arena *a, const struct http_response *res)
{
    const char *s = strstr(dict_str(res->headers, "content-disposition", ""), "filename=");
    if (!s)
        return "";
    s += strlen("filename=");
    s += *s == '"';
    return path_base(arena_strndup(a, s, strcspn(s, "\";")));
}

static void set_sums(struct download *d, const char *src, const char *dest)
{
    module_set(d->m, "checksum_src", src && *src ? value_str(d->m->arena, src) : value_null());
    module_set(d->m, "checksum_dest", dest && *dest ? value_str(d->m->arena, dest) : value_null());
}

static int put(struct download *d, const char *tmp, const struct http_response *res)
{
    struct module *m = d->m;
    struct err e = ERR_INIT;
    char src[HASH_HEX_MAX] = "", have[HASH_HEX_MAX] = "", got[HASH_HEX_MAX], md5[HASH_HEX_MAX] = "";
    const char *dir = path_dir(m->arena, d->dest), *backup = NULL;
    bool there = access(d->dest, F_OK) == 0, changed = false;
    set_common(d);
    module_set_str(m, "src", tmp);
    hash_file(HASH_SHA1, tmp, src, NULL);
    if (there)
        hash_file(HASH_SHA1, d->dest, have, NULL);
    set_sums(d, src, have);
    if (there ? access(d->dest, W_OK) < 0 : access(dir, W_OK) < 0)
        return module_fail(m,
                           there || access(dir, F_OK) == 0 ? "Destination %s is not writable"
                                                           : "Destination %s does not exist",
                           there ? d->dest : dir);
    module_set_str(m, "msg", http_message(m, res));
    if (m->check) {
        module_changed(m, strcmp(src, have) != 0);
        return 0;
    }
    if (d->checksum && !digest_is(d, tmp, got)) { // before the old file is touched
        module_changed(m, strcmp(src, have) != 0);
        return module_fail(m, "The checksum for %s did not match %s; it was %s.", d->dest,
                           d->checksum, got);
    }
    if (strcmp(src, have) != 0) {
        if (module_bool(m, "backup") && there && !(backup = host_backup(m, d->dest, &e)))
            return module_fail_err(m, &e);
        if (host_install(m, tmp, d->dest, &e) < 0) {
            int rc = module_fail(m, "failed to copy %s to %s: %s", tmp, d->dest, err_msg(&e));
            err_release(&e);
            return rc;
        }
        changed = true;
    }
    if (apply_attrs(d, &changed) < 0)
        return ERR_FAILED;
    hash_file(HASH_MD5, d->dest, md5, NULL);
    module_changed(m, changed);
    module_set_str(m, "md5sum", md5);
    module_set(m, "status_code", res->local ? value_null() : value_int(res->status));
    if (backup)
        module_set_str(m, "backup_file", backup);
    return 0;
}

int mod_get_url(struct module *m)
{
    struct download d = {.m = m, .url = module_str(m, "url"), .dest = module_str(m, "dest")};
    struct stat st;
    char got[HASH_HEX_MAX];
    d.force = module_bool(m, "force");
    if (read_checksum(&d) < 0)
        return ERR_FAILED;
    bool there = stat(d.dest, &st) == 0, dir = there && S_ISDIR(st.st_mode);
    if (there && !dir) {
        bool right = d.checksum && !d.force && digest_is(&d, d.dest, got);
        if (right) {
            bool changed = false;
            set_common(&d);
            set_sums(&d, NULL, NULL);
            if (apply_attrs(&d, &changed) < 0)
                return ERR_FAILED;
            module_changed(m, changed);
            module_set_str(m, "msg",
                           changed ? "file already exists but file attributes changed"
                                   : "file already exists");
            return 0;
        }
        d.have_since = st.st_mtime;
        d.force |= d.checksum != NULL;
    }
    struct http_response res;
    const char *tmp = fetch(&d, d.url, true, &res);
    if (!tmp)
        return dict_get(m->result, "failed") ? ERR_FAILED : 0;
    if (dir) {
        const char *name = served_name(m->arena, &res);
        d.dest = path_join(m->arena, d.dest, *name ? name : name_in_url(m->arena, res.url));
    }
    return put(&d, tmp, &res);
}
