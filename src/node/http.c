// An HTTP/1.1 client: requests, answers, redirects.
#include "node/http.h"

#include "core/file.h"
#include "core/hash.h"
#include "node/http_stream.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_REDIRECTS 10
#define BODY_MAX (64u << 20)

struct fetch {
    struct module *m;
    const struct http_request *req;
    struct http_response *res;
    const char *method, *url;
    struct http_url first; // what the user named: passwords are for that server alone
    bool with_body, redirected, auth_tried;
};

// --- URLs
// ------------------------------------------------------------------------------------------------------

static char *unquote(struct arena *a, const char *s, size_t n)
{
    char *out = arena_strndup(a, s, n);
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '%' && i + 2 < n + 0 && isxdigit((unsigned char)s[i + 1]) &&
            isxdigit((unsigned char)s[i + 2])) {
            const char hex[] = {s[i + 1], s[i + 2], '\0'};
            out[to++] = (char)strtol(hex, NULL, 16);
            i += 2;
        } else {
            out[to++] = s[i];
        }
    }
    out[to] = '\0';
    return out;
}

static int parse_url(struct arena *a, const char *url, struct http_url *u, struct err *e)
{
    *u = (struct http_url){0};
    const char *p = strstr(url, "://");
    if (strncasecmp(url, "https://", 8) == 0)
        u->tls = true;
    else if (strncasecmp(url, "http://", 7) != 0)
        return err_set(e, ERR_UNSUPPORTED, POS_NONE, "unknown url type: %.*s",
                       (int)strcspn(url, ":"), url);
    p += 3;
    size_t n = strcspn(p, "/?#");
    const char *at = memrchr(p, '@', n), *host = at ? at + 1 : p, *end = p + n;
    if (at) {
        const char *colon = memchr(p, ':', (size_t)(at - p));
        u->user = unquote(a, p, (size_t)((colon ? colon : at) - p));
        u->password = colon ? unquote(a, colon + 1, (size_t)(at - colon - 1)) : "";
    }
    const char *close = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
    const char *colon = memchr(close ? close : host, ':', (size_t)(end - (close ? close : host)));
    const char *host_end = colon ? colon : end;
    u->authority = arena_strndup(a, host, (size_t)(end - host));
    u->host = close ? arena_strndup(a, host + 1, (size_t)(close - host - 1))
                    : arena_strndup(a, host, (size_t)(host_end - host));
    u->port = colon    ? arena_strndup(a, colon + 1, (size_t)(end - colon - 1))
              : u->tls ? "443"
                       : "80";
    size_t path = strcspn(end, "#");
    u->path = arena_printf(a, "%s%.*s", *end == '/' ? "" : "/", (int)path, end);
    if (!*u->host || strspn(u->port, "0123456789") != strlen(u->port))
        return err_set(e, ERR_INVALID, POS_NONE, "malformed URL '%s'", url);
    return 0;
}

const char *http_absolute(struct arena *a, const char *base, const char *ref)
{
    if (strstr(ref, "://"))
        return ref;
    const char *host = strstr(base, "://");
    if (!host)
        return ref;
    host += 3;
    if (strncmp(ref, "//", 2) == 0)
        return arena_printf(a, "%.*s%s", (int)(host - 2 - base), base, ref);
    size_t root = (size_t)(host - base) + strcspn(host, "/?#");
    if (*ref == '/')
        return arena_printf(a, "%.*s%s", (int)root, base, ref);
    size_t path = root + strcspn(base + root, "?#");
    while (path > root && base[path - 1] != '/')
        path--;
    return arena_printf(a, "%.*s%s%s", (int)path, base, path == root ? "/" : "", ref);
}

const char *http_date(struct arena *a, time_t t)
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    gmtime_r(&t, &tm);
    return arena_printf(a, "%.3s, %02d %.3s %d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
                        tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour,
                        tm.tm_min, tm.tm_sec);
}

// --- the request
// -----------------------------------------------------------------------------------------------

static const struct value *user_header(const struct http_request *req, const char *name)
{
    struct dict_entry *entry;
    if (req->headers)
        DICT_EACH(req->headers, entry)
    if (entry->key.type == VALUE_STRING && strcasecmp(entry->key.u.str.s, name) == 0)
        return &entry->val;
    return NULL;
}

static void add_basic(struct buf *b, const char *name, const char *user, const char *password)
{
    struct buf plain = BUF_INIT;
    buf_addf(&plain, "%s:%s", user, password ? password : "");
    buf_addf(b, "%s: Basic ", name);
    base64_encode(b, plain.p, plain.len);
    buf_adds(b, "\r\n");
    explicit_bzero(plain.p, plain.len);
    buf_release(&plain);
}

static bool held_back(const struct fetch *f, const char *name)
{
    const struct list *l = f->req->unredirected;
    for (size_t i = 0; f->redirected && l && i < l->len; i++)
        if (strcasecmp(l->items[i].u.str.s, name) == 0)
            return true;
    return false;
}

// Whether u is on the server that the user named; a redirect may lead elsewhere.
static bool at_home(const struct fetch *f, const struct http_url *u)
{
    return !f->redirected || (u->tls == f->first.tls && strcasecmp(u->host, f->first.host) == 0 &&
                              strcmp(u->port, f->first.port) == 0);
}

static void add_user_headers(struct fetch *f, bool home, struct buf *b)
{
    struct dict_entry *entry;
    if (!f->req->headers)
        return;
    DICT_EACH(f->req->headers, entry)
    {
        const char *name = value_to_cstr(f->m->arena, &entry->key),
                   *val = value_to_cstr(f->m->arena, &entry->val);
        if (strpbrk(name, "\r\n:") || strpbrk(val, "\r\n") || held_back(f, name) ||
            (!home && strcasecmp(name, "Authorization") == 0))
            continue;
        buf_addf(b, "%s: %s\r\n", name, val);
    }
}

static void make_request(struct fetch *f, const struct http_url *u, const struct http_proxy *proxy,
                         struct buf *b)
{
    const struct http_request *req = f->req;
    bool whole = proxy->host && !u->tls, home = at_home(f, u);
    const char *user = u->user ? u->user : req->user,
               *password = u->user ? u->password : req->password;
    buf_addf(b, "%s ", f->method);
    if (whole)
        buf_addf(b, "http://%s", u->authority);
    buf_addf(b, "%s HTTP/1.1\r\n", u->path);
    if (!user_header(req, "Host"))
        buf_addf(b, "Host: %s\r\n", u->authority);
    if (!user_header(req, "User-Agent"))
        buf_addf(b, "User-Agent: %s\r\n", req->agent ? req->agent : "ansible-httpget");
    buf_adds(b, "Accept-Encoding: identity\r\nConnection: close\r\n");
    if (req->no_cache)
        buf_adds(b, "Cache-Control: no-cache\r\n");
    else if (req->if_modified)
        buf_addf(b, "If-Modified-Since: %s\r\n", req->if_modified);
    if (user && (u->user || home) && (u->user || req->force_basic || f->auth_tried) &&
        !user_header(req, "Authorization"))
        add_basic(b, "Authorization", user, password);
    if (whole && proxy->user)
        add_basic(b, "Proxy-Authorization", proxy->user, proxy->password);
    if (f->with_body && req->body && !user_header(req, "Content-Length"))
        buf_addf(b, "Content-Length: %zu\r\n", req->body_len);
    struct stat st;
    if (f->with_body && req->body_file && stat(req->body_file, &st) == 0)
        buf_addf(b, "Content-Length: %lld\r\n", (long long)st.st_size);
    if (f->with_body && req->body && !user_header(req, "Content-Type"))
        buf_adds(b, "Content-Type: application/x-www-form-urlencoded\r\n");
    add_user_headers(f, home, b);
    buf_adds(b, "\r\n");
    if (f->with_body && req->body)
        buf_add(b, req->body, req->body_len);
}

// Sends the file that is the body; its length is in the header already.
static int send_file(struct fetch *f, struct http_stream *s, struct err *e)
{
    char block[65536];
    int fd = open(f->req->body_file, O_RDONLY | O_CLOEXEC), rc = 0;
    ssize_t n = 0;
    if (fd < 0)
        return err_set(e, ERR_IO, POS_NONE, "cannot read %s: %s", f->req->body_file,
                       strerror(errno));
    while (rc == 0 && (n = read(fd, block, sizeof block)) > 0)
        rc = http_stream_write(s, block, (size_t)n, e);
    if (n < 0)
        rc = err_set(e, ERR_IO, POS_NONE, "cannot read %s: %s", f->req->body_file, strerror(errno));
    close(fd);
    return rc;
}

// --- the answer
// ------------------------------------------------------------------------------------------------

static void add_cookie(struct fetch *f, const char *text)
{
    const char *eq = strchr(text, '=');
    size_t end = strcspn(text, ";");
    if (!eq || (size_t)(eq - text) > end)
        return;
    dict_set(f->res->cookies, arena_strndup(f->m->arena, text, (size_t)(eq - text)),
             value_strn(f->m->arena, eq + 1, end - (size_t)(eq + 1 - text)));
}

static void add_header(struct fetch *f, char *line)
{
    char *colon = strchr(line, ':');
    if (!colon)
        return;
    *colon = '\0';
    char *val = colon + 1 + strspn(colon + 1, " \t");
    for (char *p = line; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    const char *had = dict_str(f->res->headers, line, NULL);
    if (strcmp(line, "set-cookie") == 0)
        add_cookie(f, val);
    dict_set(f->res->headers, line,
             had ? value_strf(f->m->arena, "%s, %s", had, val) : value_str(f->m->arena, val));
}

static int read_head(struct fetch *f, struct http_stream *s, struct err *e)
{
    char *line;
    do {
        if (http_stream_line(s, f->m->arena, &line, e) < 0)
            return e->code;
        if (strncmp(line, "HTTP/", 5) != 0 || strlen(line) < 12)
            return err_set(e, ERR_PARSE, POS_NONE, "the server did not answer in HTTP");
        f->res->status = atoi(line + 9);
        f->res->reason = strlen(line) > 13 ? arena_strdup(f->m->arena, line + 13) : "";
        f->res->headers = value_dict(f->m->arena).u.dict;
        for (int n = 0;; n++) {
            if (n > 500)
                return err_set(e, ERR_LIMIT, POS_NONE, "the server sent too many headers");
            if (http_stream_line(s, f->m->arena, &line, e) < 0)
                return e->code;
            if (!*line)
                break;
            add_header(f, line);
        }
    } while (f->res->status >= 100 && f->res->status < 200);
    return 0;
}

// Takes len bytes of the body (REST: until the end of the stream).
#define REST ((uint64_t)-1)
static int take_body(struct fetch *f, struct http_stream *s, uint64_t len, int fd, struct err *e)
{
    while (len) {
        const char *p;
        size_t n = http_stream_some(s, len == REST || len > 65536 ? 65536 : (size_t)len, &p, e);
        if (n == 0)
            return e->code ? e->code
                   : len == REST
                       ? 0
                       : err_set(e, ERR_IO, POS_NONE, "the connection ended within the content");
        if (fd < 0)
            buf_add(&f->res->body, p, n);
        for (size_t off = 0; fd >= 0 && off < n;) {
            ssize_t w = write(fd, p + off, n - off);
            if (w < 0 && errno != EINTR)
                return err_set(e, ERR_IO, POS_NONE, "cannot write the content: %s",
                               strerror(errno));
            off += w > 0 ? (size_t)w : 0;
        }
        if (f->res->body.overflow)
            return err_set(e, ERR_LIMIT, POS_NONE, "the content is larger than 64 MiB");
        if (len != REST)
            len -= n;
    }
    return 0;
}

static int take_chunks(struct fetch *f, struct http_stream *s, int fd, struct err *e)
{
    char *line;
    for (;;) {
        if (http_stream_line(s, f->m->arena, &line, e) < 0)
            return e->code;
        uint64_t n = strtoull(line, NULL, 16);
        if (!isxdigit((unsigned char)*line) || n > (1ull << 40))
            return err_set(e, ERR_PARSE, POS_NONE, "malformed chunk in the answer");
        if (n == 0)
            return 0;
        if (take_body(f, s, n, fd, e) < 0 || http_stream_line(s, f->m->arena, &line, e) < 0)
            return e->code;
    }
}

static int read_body(struct fetch *f, struct http_stream *s, struct err *e)
{
    int status = f->res->status;
    bool good = status >= 200 && status < 300;
    int fd = good ? f->req->out_fd : -1;
    if (strcmp(f->method, "HEAD") == 0 || status == 204 || status == 304)
        return 0;
    const char *length = dict_str(f->res->headers, "content-length", NULL);
    if (strcasestr(dict_str(f->res->headers, "transfer-encoding", ""), "chunked"))
        return take_chunks(f, s, fd, e);
    return take_body(f, s, length ? strtoull(length, NULL, 10) : REST, fd, e);
}

// --- one round and the next
// ------------------------------------------------------------------------------------

static int round_trip(struct fetch *f, struct err *e)
{
    struct http_url u;
    struct http_proxy proxy = {0};
    struct http_stream *s;
    int rc = parse_url(f->m->arena, f->url, &u, e);
    if (rc == 0 && !f->redirected)
        f->first = u;
    if (rc == 0 && f->req->use_proxy && !f->req->unix_socket)
        http_proxy_for(f->m->arena, &u, &proxy);
    if (rc < 0 || (rc = http_stream_open(f->m, f->req, &u, &proxy, &s, e)) < 0)
        return rc;
    struct buf request = BUF_INIT;
    make_request(f, &u, &proxy, &request);
    rc = http_stream_write(s, request.p, request.len, e);
    explicit_bzero(request.p, request.len);
    buf_release(&request);
    if (rc == 0 && f->with_body && f->req->body_file)
        rc = send_file(f, s, e);
    buf_release(&f->res->body);
    buf_init(&f->res->body, BODY_MAX);
    if (rc == 0)
        rc = read_head(f, s, e);
    if (rc == 0)
        rc = read_body(f, s, e);
    http_stream_close(s, e);
    return rc;
}

// Whether the answer is a redirect to follow; sets up the next round.
static bool follow(struct fetch *f)
{
    int status = f->res->status;
    const char *to = dict_str(f->res->headers, "location", NULL), *how = f->req->follow;
    bool get = strcmp(f->method, "GET") == 0 || strcmp(f->method, "HEAD") == 0;
    bool known = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    if (!known || !to || strcmp(how, "none") == 0 || strcmp(how, "no") == 0)
        return false;
    if (!get && strcmp(how, "safe") == 0)
        return false;
    if (!get && strcmp(how, "urllib2") == 0 && status >= 307)
        return false;
    f->url = http_absolute(f->m->arena, f->url, to);
    f->redirected = true;
    if (status == 303 || (status < 303 && strcmp(f->method, "POST") == 0)) {
        if (strcmp(f->method, "HEAD") != 0)
            f->method = "GET";
        f->with_body = false;
    }
    return true;
}

static bool try_auth(struct fetch *f)
{
    if (f->res->status != 401 || f->auth_tried || !f->req->user || f->req->force_basic)
        return false;
    f->auth_tried = true;
    return strncasecmp(dict_str(f->res->headers, "www-authenticate", ""), "basic", 5) == 0;
}

// file:// names a file of the host itself.
static int fetch_local(struct fetch *f, struct err *e)
{
    const char *path = f->url + strlen("file://");
    struct stat st;
    if (strncmp(path, "localhost/", 10) == 0)
        path += 9;
    path = unquote(f->m->arena, path, strlen(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        int code = fd < 0 ? errno : EISDIR;
        if (fd >= 0)
            close(fd);
        return err_set(e, ERR_IO, POS_NONE, "[Errno %d] %s: '%s'", code, strerror(code), path);
    }
    int rc = 0;
    buf_init(&f->res->body, BODY_MAX);
    if (strcmp(f->method, "HEAD") != 0 && f->req->out_fd >= 0) {
        rc = host_copy_fd(fd, f->req->out_fd, e);
    } else if (strcmp(f->method, "HEAD") != 0) {
        char block[65536];
        for (ssize_t n; (n = read(fd, block, sizeof block)) > 0;)
            buf_add(&f->res->body, block, (size_t)n);
    }
    close(fd);
    f->res->status = 200;
    f->res->reason = "OK";
    f->res->local = true;
    dict_set(f->res->headers, "content-length",
             value_strf(f->m->arena, "%lld", (long long)st.st_size));
    return rc;
}

// Takes gzip off what came, with the host's gzip.
static int unpack(struct fetch *f, struct err *e)
{
    int fd = f->res->status >= 200 && f->res->status < 300 ? f->req->out_fd : -1;
    const char *const argv[] = {"gzip", "-dc", NULL};
    struct proc p;
    char *data = f->res->body.p;
    size_t len = f->res->body.len;
    if (!f->req->decompress ||
        strcasecmp(dict_str(f->res->headers, "content-encoding", ""), "gzip") != 0)
        return 0;
    if (fd >= 0 &&
        host_read(f->m, arena_printf(f->m->arena, "/proc/self/fd/%d", fd), &data, &len, e) < 0)
        return e->code;
    if (!len)
        return 0;
    struct proc_opts opts = {.stdin_data = data, .stdin_len = len};
    if (proc_run(f->m, argv, &opts, &p, e) < 0)
        return e->code;
    int rc = p.rc == 0 && !p.truncated
                 ? 0
                 : err_set(e, ERR_PARSE, POS_NONE, "the content is not proper gzip");
    if (rc == 0 && fd < 0) {
        buf_release(&f->res->body);
        buf_init(&f->res->body, BODY_MAX);
        buf_add(&f->res->body, buf_str(&p.out), p.out.len);
    } else if (rc == 0 && (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
        rc = err_set(e, ERR_IO, POS_NONE, "cannot write the content: %s", strerror(errno));
    }
    for (size_t off = 0; rc == 0 && fd >= 0 && off < p.out.len;) {
        ssize_t n = write(fd, p.out.p + off, p.out.len - off);
        if (n < 0 && errno != EINTR)
            rc = err_set(e, ERR_IO, POS_NONE, "cannot write the content: %s", strerror(errno));
        off += n > 0 ? (size_t)n : 0;
    }
    proc_release(&p);
    return rc;
}

int http_fetch(struct module *m, const struct http_request *req, struct http_response *ret)
{
    *ret = (struct http_response){.status = -1, .url = req->url};
    ret->headers = value_dict(m->arena).u.dict;
    ret->cookies = value_dict(m->arena).u.dict;
    struct fetch f = {
        .m = m, .req = req, .res = ret, .method = req->method, .url = req->url, .with_body = true};
    for (int i = 0; i <= MAX_REDIRECTS; i++) {
        struct err e = ERR_INIT;
        bool local = strncasecmp(f.url, "file://", 7) == 0 && !f.redirected;
        if ((local ? fetch_local(&f, &e) : round_trip(&f, &e)) < 0 || unpack(&f, &e) < 0) {
            ret->status = -1;
            ret->error =
                e.code == ERR_TIMEOUT
                    ? "Connection failure: timed out"
                    : arena_printf(m->arena, "Request failed: <urlopen error %s>", err_msg(&e));
            err_release(&e);
            return ERR_IO;
        }
        ret->url = f.url;
        if (local || (!follow(&f) && !try_auth(&f)))
            return 0;
    }
    ret->error = "The HTTP server returned a redirect error that would lead to an infinite loop.";
    return ERR_LIMIT;
}

void http_request_init(struct module *m, struct http_request *req)
{
    *req = (struct http_request){
        .method = "GET",
        .url = module_str(m, "url"),
        .unredirected = module_list(m, "unredirected_headers"),
        .agent = module_str(m, "http_agent"),
        .user = module_str(m, "url_username"),
        .password = module_str(m, "url_password"),
        .client_cert = module_str(m, "client_cert"),
        .client_key = module_str(m, "client_key"),
        .follow = "urllib2",
        .force_basic = module_bool(m, "force_basic_auth"),
        .use_proxy = module_bool(m, "use_proxy"),
        .validate_certs = module_bool(m, "validate_certs"),
        .no_cache = module_bool(m, "force"),
        .decompress = module_bool(m, "decompress"),
        .timeout_s = (int)module_int(m, "timeout", 10),
        .out_fd = -1,
    };
    const struct value *headers = dict_get(m->args, "headers");
    req->headers = headers && headers->type == VALUE_DICT ? headers->u.dict : NULL;
}

const char *http_message(struct module *m, const struct http_response *res)
{
    if (res->status < 0)
        return res->error;
    if (res->status >= 200 && res->status < 300)
        return arena_printf(m->arena, "OK (%s bytes)",
                            dict_str(res->headers, "content-length", "unknown"));
    return arena_printf(m->arena, "HTTP Error %d: %s", res->status, res->reason);
}
