// uri: a request to a web service.
#include "node/http.h"
#include "node/modules.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BOUNDARY "===============andon7349107431934"

struct call {
    struct module *m;
    struct http_request req;
    struct http_response res;
    struct value headers; // the user's, with our content type
    struct buf body;
};

// --- bodies
// ----------------------------------------------------------------------------------------------------

static void quote(struct buf *b, const char *s)
{
    for (; *s; s++)
        if (isalnum((unsigned char)*s) || strchr("_.-~", *s))
            buf_addc(b, *s);
        else if (*s == ' ')
            buf_addc(b, '+');
        else
            buf_addf(b, "%%%02X", (unsigned char)*s);
}

static void add_pair(struct call *c, const struct value *key, const struct value *val)
{
    if (val->type == VALUE_LIST) {
        for (size_t i = 0; i < val->u.list->len; i++)
            add_pair(c, key, &val->u.list->items[i]);
        return;
    }
    if (val->type == VALUE_NULL)
        return;
    if (c->body.len)
        buf_addc(&c->body, '&');
    quote(&c->body, value_to_cstr(c->m->arena, key));
    buf_addc(&c->body, '=');
    quote(&c->body, value_to_cstr(c->m->arena, val));
}

static int form_body(struct call *c, const struct value *v)
{
    struct dict_entry *entry;
    if (v->type == VALUE_DICT)
        DICT_EACH(v->u.dict, entry)
    add_pair(c, &entry->key, &entry->val);
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++) {
        const struct value *pair = &v->u.list->items[i];
        if (pair->type == VALUE_DICT)
            DICT_EACH(pair->u.dict, entry)
        add_pair(c, &entry->key, &entry->val);
        if (pair->type == VALUE_LIST && pair->u.list->len == 2)
            add_pair(c, &pair->u.list->items[0], &pair->u.list->items[1]);
        else if (pair->type != VALUE_DICT) {
            module_set(c->m, "elapsed", value_int(0));
            return module_fail(
                c->m, "failed to parse body as form_urlencoded: a list of pairs is wanted");
        }
    }
    return 0;
}

// One field of a multipart form: text, or {filename, content, mime_type}.
static int add_part(struct call *c, const char *name, const struct value *v)
{
    struct module *m = c->m;
    const struct dict *d = v->type == VALUE_DICT ? v->u.dict : NULL;
    const char *file = d ? dict_str(d, "filename", NULL) : NULL,
               *text = d ? dict_str(d, "content", NULL) : NULL;
    const char *mime = d ? dict_str(d, "mime_type", NULL) : NULL;
    char *data = NULL;
    size_t len = 0;
    struct err e = ERR_INIT;
    if (!d)
        text = value_to_cstr(m->arena, v);
    if (d && !file && !text)
        return module_fail(m, "failed to parse body as form-multipart: at least one of filename or "
                              "content must be provided");
    if (!text && host_read(m, file, &data, &len, &e) < 0)
        return module_fail_err(m, &e);
    buf_addf(&c->body, "--" BOUNDARY "\r\n");
    buf_addf(&c->body, "Content-Type: %s\r\n",
             mime   ? mime
             : file ? "application/octet-stream"
                    : "text/plain");
    buf_addf(&c->body, "Content-Disposition: form-data; name=\"%s\"", name);
    if (file)
        buf_addf(&c->body, "; filename=\"%s\"", path_base(file));
    buf_adds(&c->body, "\r\n\r\n");
    buf_add(&c->body, text ? text : data, text ? strlen(text) : len);
    buf_adds(&c->body, "\r\n");
    return 0;
}

static int multipart_body(struct call *c, const struct value *v)
{
    struct dict_entry *entry;
    if (v->type != VALUE_DICT)
        return module_fail(
            c->m, "failed to parse body as form-multipart: Mapping is required, cannot be type %s",
            value_type_name(v));
    DICT_EACH(v->u.dict, entry)
    if (add_part(c, value_to_cstr(c->m->arena, &entry->key), &entry->val) < 0)
        return ERR_FAILED;
    buf_adds(&c->body, "--" BOUNDARY "--\r\n");
    return 0;
}

static void content_type(struct call *c, const char *type, bool replace)
{
    struct dict_entry *entry;
    DICT_EACH(c->headers.u.dict, entry)
    if (entry->key.type == VALUE_STRING && strcasecmp(entry->key.u.str.s, "content-type") == 0) {
        if (replace)
            entry->val = value_cstr(type);
        return;
    }
    dict_set(c->headers.u.dict, "Content-Type", value_cstr(type));
}

// The controller's src, in a temp file; NULL after a failure.
static const char *receive(struct call *c)
{
    struct err e = ERR_INIT;
    const char *tmp;
    int fd = host_tmpfile(c->m, NULL, &tmp, &e);
    int rc =
        fd < 0 || dict_int(c->m->extra, "_src_size", 0) == 0 ? 0 : module_receive(c->m, 0, fd, &e);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && rc == 0)
        return tmp;
    module_fail_err(c->m, &e);
    return NULL;
}

static int make_body(struct call *c)
{
    struct module *m = c->m;
    const struct value *v = dict_get(m->args, "body");
    const char *format = module_str(m, "body_format"), *src = module_str(m, "src");
    struct err e = ERR_INIT;
    int rc = 0;
    if (src) {
        char *data;
        size_t len;
        const char *sent = dict_str(m->extra, "_src_checksum", NULL) ? receive(c) : src;
        if (!sent)
            return ERR_FAILED;
        if (host_read(m, sent, &data, &len, &e) < 0) {
            err_release(&e);
            module_set(m, "elapsed", value_int(0));
            return module_fail(m, "Unable to open source file %s", src);
        }
        buf_add(&c->body, data, len);
    } else if (strcmp(format, "form-multipart") == 0) {
        rc = multipart_body(c, v);
        content_type(c, "multipart/form-data; boundary=\"" BOUNDARY "\"", true);
    } else if (strcmp(format, "raw") != 0) {
        bool json = strcmp(format, "json") == 0;
        if (v->type == VALUE_STRING)
            buf_add(&c->body, v->u.str.s, v->u.str.len);
        else if (json)
            json_write(&c->body, v, &(struct json_opts){.ascii = true});
        else
            rc = form_body(c, v);
        content_type(c, json ? "application/json" : "application/x-www-form-urlencoded", false);
    } else if (v->type == VALUE_NULL) {
        return 0;
    } else if (v->type == VALUE_STRING) {
        buf_add(&c->body, v->u.str.s, v->u.str.len);
    } else {
        json_write(&c->body, v, &(struct json_opts){.ascii = true});
    }
    c->req.body = buf_str(&c->body);
    c->req.body_len = c->body.len;
    return rc;
}

// --- results
// ---------------------------------------------------------------------------------------------------

static bool status_wanted(const struct module *m, int status)
{
    const struct list *l = module_list(m, "status_code");
    for (size_t i = 0; i < l->len; i++)
        if (l->items[i].u.i == status)
            return true;
    return false;
}

static bool looks_like_json(const struct http_response *res)
{
    const char *type = dict_str(res->headers, "content-type", "");
    const char *sub = strchr(type, '/');
    if (!sub)
        return false;
    size_t n = strcspn(++sub, "; ");
    const char *plus = memchr(sub, '+', n);
    if (plus) {
        n -= (size_t)(plus + 1 - sub);
        sub = plus + 1;
    }
    return (n == 4 && strncasecmp(sub, "json", 4) == 0) ||
           (n == 10 && strncasecmp(sub, "javascript", 10) == 0);
}

static void set_headers(struct call *c)
{
    struct dict_entry *entry;
    DICT_EACH(c->res.headers, entry)
    {
        char *key = arena_strdup(c->m->arena, entry->key.u.str.s);
        for (char *p = key; *p; p++)
            if (*p == '-')
                *p = '_';
        module_set(c->m, key, entry->val);
    }
    const char *location = dict_str(c->m->result, "location", NULL);
    if (location)
        module_set_str(c->m, "location", http_absolute(c->m->arena, c->req.url, location));
    if (c->res.status < 200 || c->res.status >= 300)
        return; // Ansible gives cookies of good answers alone
    struct value cookies = {.type = VALUE_DICT, .u.dict = c->res.cookies};
    struct buf b = BUF_INIT;
    DICT_EACH(c->res.cookies, entry)
    buf_addf(&b, "%s%s=%s", b.len ? "; " : "", entry->key.u.str.s, entry->val.u.str.s);
    module_set(c->m, "cookies", cookies);
    module_set_str(c->m, "cookies_string", buf_str(&b));
    buf_release(&b);
}

// Writes the content to dest where it differs.
static int save(struct call *c, const char *dest)
{
    struct module *m = c->m;
    struct stat st;
    struct err e = ERR_INIT;
    char have[HASH_HEX_MAX] = "", got[HASH_HEX_MAX];
    bool changed = true;
    if (stat(dest, &st) == 0 && S_ISDIR(st.st_mode)) {
        const char *url = c->res.url, *path = strstr(url, "://");
        path = path ? strchr(path + 3, '/') : NULL;
        const char *whole = path ? arena_strndup(m->arena, path, strcspn(path, "?#")) : "/";
        const char *name = strrchr(whole, '/') + 1;
        dest = path_join(m->arena, dest, *name ? name : "index.html");
    }
    if (status_wanted(m, c->res.status) && c->res.status != 304) {
        hash_hex(HASH_SHA1, buf_str(&c->res.body), c->res.body.len, got);
        hash_file(HASH_SHA1, dest, have, NULL);
        if (strcmp(have, got) != 0 &&
            host_write(m, dest, buf_str(&c->res.body), c->res.body.len, &e) < 0)
            return module_fail_err(m, &e);
        struct file_attrs attrs = file_attrs_of(m);
        if (file_set_attrs(m, dest, &attrs, false, &changed, NULL, NULL) < 0)
            return ERR_FAILED;
        module_changed(m, changed);
    }
    module_set_str(m, "path", dest);
    return 0;
}

static int report(struct call *c)
{
    struct module *m = c->m;
    struct http_response *res = &c->res;
    bool wanted = status_wanted(m, res->status), json = looks_like_json(res);
    const char *dest = module_str(m, "dest"), *msg = http_message(m, res);
    set_headers(c);
    module_set(m, "status", value_int(res->status));
    module_set_str(m, "url", res->url);
    module_set_str(m, "msg", msg);
    module_set(m, "redirected", value_bool(strcmp(res->url, c->req.url) != 0));
    if (dest && res->status > 0 && save(c, dest) < 0)
        return ERR_FAILED;
    struct value js;
    if (json && json_parse(m->arena, buf_str(&res->body), res->body.len, &js, NULL) == 0)
        module_set(m, "json", js);
    if (module_bool(m, "return_content"))
        module_set(m, "content", value_strn(m->arena, buf_str(&res->body), res->body.len));
    else if (wanted && !json && (res->status >= 300 || res->status < 200))
        module_set(m, "body", value_strn(m->arena, buf_str(&res->body), res->body.len));
    if (wanted)
        return 0;
    struct value codes = {.type = VALUE_LIST};
    codes.u.list = dict_get(m->args, "status_code")->u.list;
    return module_fail(m, "Status code was %d and not %s: %s", res->status,
                       value_to_cstr(m->arena, &codes), msg);
}

// creates and removes: true when there is nothing to do.
static bool skipped(struct module *m)
{
    const char *creates = module_str(m, "creates"), *removes = module_str(m, "removes");
    bool skip = true;
    if (creates && access(creates, F_OK) == 0)
        module_set(m, "stdout", value_strf(m->arena, "skipped, since '%s' exists", creates));
    else if (removes && access(removes, F_OK) < 0)
        module_set(m, "stdout",
                   value_strf(m->arena, "skipped, since '%s' does not exist", removes));
    else
        skip = false;
    return skip;
}

int mod_uri(struct module *m)
{
    struct call c = {.m = m, .headers = value_dict(m->arena)};
    struct stat st;
    char *method = arena_strdup(m->arena, module_str(m, "method"));
    for (char *p = method; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    if (!*method || strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(method))
        return module_fail(
            m, "Parameter 'method' needs to be a single word in uppercase, like GET or POST.");
    if (skipped(m))
        return 0;
    http_request_init(m, &c.req);
    if (!strchr(c.req.url, ':')) {
        module_set(m, "status", value_int(-1));
        module_set_str(m, "url", c.req.url);
        return module_fail(m, "unknown url type: '%s'", c.req.url);
    }
    if (c.req.headers)
        dict_update(c.headers.u.dict, c.req.headers);
    c.req.headers = c.headers.u.dict;
    c.req.method = method;
    c.req.follow = module_str(m, "follow_redirects");
    c.req.unix_socket = module_str(m, "unix_socket");
    c.req.ca_path = module_str(m, "ca_path");
    const char *dest = module_str(m, "dest");
    if (dest && stat(dest, &st) == 0 && S_ISREG(st.st_mode))
        c.req.if_modified = http_date(m->arena, st.st_mtime);
    int rc = make_body(&c);
    if (rc == 0) {
        int64_t start = clock_mono_ms();
        http_fetch(m, &c.req, &c.res);
        module_set(m, "elapsed", value_int((clock_mono_ms() - start) / 1000));
        rc = report(&c);
    }
    buf_release(&c.body);
    buf_release(&c.res.body);
    return rc;
}
