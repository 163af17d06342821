// Calls to the Docker daemon, and comparing values with what it says.
#include "node/modules/docker.h"

#include "core/file.h"
#include "core/json.h"
#include "node/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// --- where the daemon is

// The parameter, or the environment's variable in its place.
static const char *setting(struct module *m, const char *param, const char *variable)
{
    const char *s = module_str(m, param), *env = getenv(variable);
    return s ? s : env && *env ? env : NULL;
}

static bool flag(struct module *m, const char *param, const char *variable)
{
    const char *s = setting(m, param, variable);
    return s && value_parse_bool(s, strlen(s)) == 1;
}

static const char *certificate(struct module *m, const char *param, const char *file)
{
    const char *s = module_str(m, param), *dir = getenv("DOCKER_CERT_PATH");
    return s ? s : dir && *dir ? path_join(m->arena, dir, file) : NULL;
}

static int find_daemon(struct docker *d)
{
    struct module *m = d->m;
    const char *host = setting(m, "docker_host", "DOCKER_HOST"), *rest;
    const char *timeout = setting(m, "timeout", "DOCKER_TIMEOUT");
    bool verify = flag(m, "validate_certs", "DOCKER_TLS_VERIFY");
    bool tls = verify || flag(m, "tls", "DOCKER_TLS");
    if (!host)
        host = "unix:///var/run/docker.sock";
    d->address = host;
    d->base = (struct http_request){.follow = "none",
                                    .validate_certs = verify,
                                    .agent = "andon",
                                    .timeout_s = timeout ? atoi(timeout) : 60,
                                    .out_fd = -1};
    if ((rest = text_after(host, "unix://")) || (rest = text_after(host, "http+unix://"))) {
        d->base.unix_socket = *rest == '/' ? rest : arena_printf(d->a, "/%s", rest);
        d->base.url = "http://localhost";
        d->where = "http+docker://localhost";
        return 0;
    }
    if (!(rest = text_after(host, "tcp://")) && !(rest = text_after(host, "http://")) &&
        !(rest = text_after(host, "https://")))
        return module_fail(m,
                           "docker_host: %s is not spoken; use unix://, tcp://, http:// or "
                           "https://",
                           host);
    tls = tls || text_after(host, "https://");
    const char *colon = strrchr(rest, ':');
    d->base.url =
        arena_printf(d->a, "%s://%.*s%s", tls ? "https" : "http", (int)strcspn(rest, "/"), rest,
                     colon ? ""
                     : tls ? ":2376"
                           : ":2375");
    d->base.ca_path = certificate(m, "ca_cert", "ca.pem");
    d->base.client_cert = certificate(m, "client_cert", "cert.pem");
    d->base.client_key = certificate(m, "client_key", "key.pem");
    d->where = d->base.url;
    return 0;
}

bool docker_has_api(const struct docker *d, const char *version)
{
    const char *minor = text_after(d->version, "1.");
    return !minor || atoi(minor) >= atoi(version + 2);
}

int docker_open(struct docker *d, struct module *m)
{
    struct value version;
    *d = (struct docker){.m = m, .a = m->arena, .prefix = ""};
    d->version = setting(m, "api_version", "DOCKER_API_VERSION");
    if (find_daemon(d) != 0)
        return ERR_FAILED;
    if (!d->version || strcmp(d->version, "auto") == 0) {
        if (docker_must(d, "GET", "/version", NULL, "Error while fetching server API version",
                        &version) != 0)
            return ERR_FAILED;
        d->version = docker_str(&version, "ApiVersion");
    }
    if (!docker_has_api(d, "1.25"))
        return module_fail(m, "Docker API version is %s. Minimum version required is 1.25.",
                           d->version);
    d->prefix = arena_printf(d->a, "/v%s", d->version);
    return 0;
}

// --- calls

const char *docker_quote(struct arena *a, const char *s)
{
    struct buf b = BUF_INIT;
    for (; *s; s++)
        if (isalnum((unsigned char)*s) || strchr("_.-~/:", *s))
            buf_addc(&b, *s);
        else
            buf_addf(&b, "%%%02X", (unsigned char)*s);
    char *ret = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

const char *docker_path(struct docker *d, const char *fmt, ...)
{
    va_list ap;
    struct buf b = BUF_INIT;
    va_start(ap, fmt);
    for (const char *c = fmt; *c; c++) {
        if (c[0] == '%' && c[1] == 's') {
            buf_adds(&b, docker_quote(d->a, va_arg(ap, const char *)));
            c++;
        } else {
            buf_addc(&b, *c);
        }
    }
    va_end(ap);
    char *ret = arena_strdup(d->a, buf_str(&b));
    buf_release(&b);
    return ret;
}

static const char *refusal(struct docker *d, const struct docker_call *call,
                           const struct http_response *res, const struct docker_answer *answer)
{
    const char *why = docker_str(&answer->value, "message");
    if (!*why)
        why = buf_str(&answer->body);
    return arena_printf(d->a, "%d %s for %s%s%s: %s%s%s%s", res->status,
                        res->status >= 500 ? "Server Error" : "Client Error", d->where, d->prefix,
                        call->path, res->reason, *why ? " (\"" : "", why, *why ? "\")" : "");
}

static void add_headers(struct docker *d, const struct docker_call *call, struct http_request *req)
{
    struct value headers = value_dict(d->a);
    if (call->body || call->file)
        dict_set(headers.u.dict, "Content-Type",
                 value_cstr(call->file ? "application/x-tar" : "application/json"));
    const char *colon = call->auth ? strchr(call->auth, ':') : NULL;
    if (colon)
        dict_set(headers.u.dict, arena_strndup(d->a, call->auth, (size_t)(colon - call->auth)),
                 value_cstr(colon + 2));
    req->headers = headers.u.dict;
}

// Why there was no answer, without the words in which get_url tells it.
static const char *reason(struct arena *a, const char *error)
{
    const char *from = error ? strstr(error, "<urlopen error ") : NULL;
    if (!from)
        return error ? error : "it did not answer";
    from += strlen("<urlopen error ");
    return arena_strndup(a, from, strcspn(from, ">"));
}

int docker_try(struct docker *d, const struct docker_call *call, struct docker_answer *ret)
{
    struct http_request req = d->base;
    struct http_response res;
    struct buf body = BUF_INIT;
    *ret = (struct docker_answer){.value = value_null()};
    req.method = call->method;
    req.url = arena_printf(d->a, "%s%s%s", d->base.url, d->prefix, call->path);
    req.timeout_s = call->timeout_s < 0 ? 0 : call->timeout_s ? call->timeout_s : req.timeout_s;
    req.out_fd = call->out_fd ? call->out_fd : -1;
    req.body_file = call->file;
    if (call->body)
        json_write(&body, call->body, NULL);
    if (!call->file && strcmp(call->method, "GET") != 0) {
        req.body = buf_str(&body);
        req.body_len = body.len;
    }
    add_headers(d, call, &req);
    int rc = http_fetch(d->m, &req, &res);
    if (body.p)
        explicit_bzero(body.p, body.len);
    buf_release(&body);
    if (rc < 0)
        return module_fail(d->m, "Error connecting to the Docker daemon at %s: %s", d->address,
                           reason(d->a, res.error));
    ret->status = res.status;
    ret->body = res.body;
    struct err e = ERR_INIT;
    if (res.body.len && json_parse(d->a, res.body.p, res.body.len, &ret->value, &e) != 0)
        ret->value = value_null(); // a stream, or text
    err_release(&e);
    if (res.status >= 400)
        d->error = refusal(d, call, &res, ret);
    return res.status;
}

int docker_must(struct docker *d, const char *method, const char *path, const struct value *body,
                const char *what, struct value *ret)
{
    struct docker_answer answer;
    int status =
        docker_try(d, &(struct docker_call){.method = method, .path = path, .body = body}, &answer);
    buf_release(&answer.body);
    if (status < 0)
        return ERR_FAILED;
    if (status >= 400)
        return module_fail(d->m, "%s%s%s", what ? what : "", what ? ": " : "", d->error);
    if (ret)
        *ret = answer.value;
    return 0;
}

int docker_get(struct docker *d, const char *path, struct value *ret)
{
    struct docker_answer answer;
    int status = docker_try(d, &(struct docker_call){.method = "GET", .path = path}, &answer);
    buf_release(&answer.body);
    *ret = answer.value;
    if (status < 0)
        return ERR_FAILED;
    bool none = status == 404 || // a name that cannot be is of nothing either
                (status == 400 && strstr(d->error, "invalid reference format"));
    if (none)
        *ret = value_null();
    if (status >= 400 && !none)
        return module_fail(d->m, "An unexpected Docker error occurred: %s", d->error);
    return !none;
}

void docker_warnings(struct docker *d, const struct value *answer)
{
    const struct value *w = docker_at(answer, "Warnings");
    for (size_t i = 0; w && w->type == VALUE_LIST && i < w->u.list->len; i++)
        module_warn(d->m, "Docker warning: %s", value_to_cstr(d->a, &w->u.list->items[i]));
}

// --- values

const struct value *docker_at(const struct value *v, const char *path)
{
    while (v && *path) {
        size_t n = strcspn(path, ".");
        if (v->type != VALUE_DICT)
            return NULL;
        v = dict_getn(v->u.dict, path, n);
        path += n + (path[n] == '.');
    }
    return v;
}

void docker_put(struct dict *d, const char *path, struct value v)
{
    size_t n = strcspn(path, ".");
    if (!path[n]) {
        dict_set(d, path, v);
        return;
    }
    struct value *sub = dict_getn(d, path, n);
    if (!sub) {
        dict_set(d, arena_strndup(d->arena, path, n), value_dict(d->arena));
        sub = dict_getn(d, path, n);
    }
    docker_put(sub->u.dict, path + n + 1, v);
}

const char *docker_str(const struct value *v, const char *path)
{
    const struct value *at = docker_at(v, path);
    return at && at->type == VALUE_STRING ? at->u.str.s : "";
}

struct value docker_strings(struct arena *a, const struct value *v)
{
    struct value ret = value_dict(a);
    struct dict_entry *entry;
    if (v && v->type == VALUE_DICT)
        DICT_EACH(v->u.dict, entry)
    dict_setv(ret.u.dict, entry->key,
              entry->val.type == VALUE_BOOL ? value_cstr(entry->val.u.b ? "true" : "false")
                                            : value_cstr(value_to_cstr(a, &entry->val)));
    return ret;
}

static bool is_empty(const struct value *v)
{
    return v->type == VALUE_NULL || (v->type == VALUE_LIST && !v->u.list->len) ||
           (v->type == VALUE_DICT && !v->u.dict->len);
}

// Whether every entry of want is in have.
static bool dict_within(const struct value *want, const struct value *have)
{
    struct dict_entry *entry;
    if (want->type != VALUE_DICT || have->type != VALUE_DICT)
        return value_equal(want, have);
    DICT_EACH(want->u.dict, entry)
    {
        const struct value *v = dict_getv(have->u.dict, &entry->key);
        if (!v || !(value_equal(v, &entry->val) || (is_empty(v) && is_empty(&entry->val))))
            return false;
    }
    return true;
}

static bool has_item(const struct list *l, const struct value *item, bool dicts)
{
    for (size_t i = 0; i < l->len; i++)
        if (dicts ? dict_within(item, &l->items[i]) : value_equal(item, &l->items[i]))
            return true;
    return false;
}

static bool items_within(const struct list *want, const struct list *have, bool dicts)
{
    for (size_t i = 0; i < want->len; i++)
        if (!has_item(have, &want->items[i], dicts))
            return false;
    return true;
}

// Whether want's items appear in have in this order.
static bool subsequence(const struct list *want, const struct list *have)
{
    size_t at = 0;
    for (size_t i = 0; at < want->len && i < have->len; i++)
        at += value_equal(&want->items[at], &have->items[i]);
    return at == want->len;
}

static bool lists_same(enum docker_compare kind, bool strict, const struct list *want,
                       const struct list *have)
{
    bool dicts = kind == DOCKER_DICTS;
    if (kind == DOCKER_LIST)
        return strict ? want->len == have->len && subsequence(want, have) : subsequence(want, have);
    if (!items_within(want, have, dicts))
        return false;
    return !strict || (dicts ? want->len == have->len : items_within(have, want, false));
}

bool docker_same(enum docker_compare kind, enum docker_mode mode, const struct value *want,
                 const struct value *have)
{
    if (mode == DOCKER_IGNORE)
        return true;
    if (kind == DOCKER_VALUE)
        return value_equal(want, have);
    if (is_empty(want) || is_empty(have)) // none and an empty list are the same
        return is_empty(want) && (mode == DOCKER_MORE || is_empty(have));
    if (kind != DOCKER_DICT && want->type == VALUE_LIST && have->type == VALUE_LIST)
        return lists_same(kind, mode == DOCKER_STRICT, want->u.list, have->u.list);
    return dict_within(want, have) && (mode == DOCKER_MORE || dict_within(have, want));
}

// --- differences

void docker_diff_init(struct docker_diff *diff, struct arena *a)
{
    diff->before = value_dict(a);
    diff->after = value_dict(a);
    diff->list = value_list(a);
    diff->image = false;
}

void docker_diff_add(struct docker_diff *diff, const char *name, struct value want,
                     struct value have)
{
    struct arena *a = diff->list.u.list->arena;
    struct value item = value_dict(a), pair = value_dict(a);
    dict_set(diff->before.u.dict, name, have);
    dict_set(diff->after.u.dict, name, want);
    dict_set(pair.u.dict, "parameter", want);
    dict_set(pair.u.dict, "container", have);
    dict_set(item.u.dict, name, pair);
    list_add(diff->list.u.list, item);
}

bool docker_differs(const struct docker_diff *diff)
{
    return diff->list.u.list->len != 0;
}

void docker_tell_diff(struct module *m, const struct docker_diff *diff)
{
    struct value v = value_dict(m->arena);
    if (!m->diff && !module_bool(m, "debug"))
        return;
    dict_set(v.u.dict, "before", diff->before);
    dict_set(v.u.dict, "after", diff->after);
    if (docker_differs(diff))
        dict_set(v.u.dict, "differences", diff->list);
    if (diff->image)
        dict_set(v.u.dict, "image_different", value_bool(true));
    module_set(m, "diff", v);
}

int docker_end(struct module *m, int rc)
{
    if (rc != 0)
        module_set(m, "changed", value_bool(false));
    return rc;
}
