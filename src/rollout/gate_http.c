// The HTTP probe: status, latency and body of one URL, or of one per host.
#include "rollout/gate_ask.h"

#include <regex.h>
#include <string.h>

#define BODY_MAX (256u << 10) // read and searched of a body
#define SHOWN 3

// --- asking

static int header_list(struct question *q, const char *host, const char *const **ret, struct err *e)
{
    const struct dict *headers = q->gate->headers;
    size_t n = 0;
    struct dict_entry *h;
    *ret = NULL;
    if (!headers)
        return 0;
    const char **list = arena_array(q->a, const char *, headers->len + 1);
    DICT_EACH(headers, h)
    {
        const char *name = value_to_cstr(q->a, &h->key), *value = value_to_cstr(q->a, &h->val);
        int r = ask_expand(q, host, value, &value, e);
        if (r < 0)
            return r;
        if (strpbrk(name, "\r\n:") || strpbrk(value, "\r\n"))
            return err_set(e, ERR_INVALID, q->gate->pos, "the header '%s' is more than one line",
                           ask_line(q->a, name, SIZE_MAX, 60));
        // libcurl sends a header without a value only when it ends with a semicolon.
        list[n++] =
            *value ? arena_printf(q->a, "%s: %s", name, value) : arena_printf(q->a, "%s;", name);
    }
    *ret = list;
    return 0;
}

static bool same_lists(const char *const *a, const char *const *b)
{
    for (; a && b && *a && *b; a++, b++)
        if (strcmp(*a, *b) != 0)
            return false;
    return !(a && *a) && !(b && *b);
}

// Hosts for which URL and headers are the same share one request.
static int ask_one(struct question *q, const char *host, struct err *e)
{
    struct request r = {
        .method = q->gate->method, .tls_verify = q->gate->tls_verify, .max = BODY_MAX};
    int err = ask_expand(q, host, q->gate->text, &r.url, e);
    if (err < 0 || (err = header_list(q, host, &r.headers, e)) < 0)
        return err;
    for (struct item *i = q->first; i; i = i->next)
        if (strcmp(i->request->url, r.url) == 0 && same_lists(i->request->headers, r.headers)) {
            i->hosts++;
            return 0;
        }
    ask_request(q, &r)->host = host;
    return 0;
}

static int http_start(struct question *q, struct err *e)
{
    const struct gate *g = q->gate;
    regex_t check;
    if (g->body) {
        int bad = regcomp(&check, g->body, REG_EXTENDED | REG_NOSUB);
        if (bad)
            return err_set(e, ERR_INVALID, g->pos, "'%s' is no regular expression", g->body);
        regfree(&check);
    }
    if (!strstr(g->text, "{{"))
        return ask_one(q, NULL, e);
    if (ask_hosts(q) == 0)
        return err_set(e, ERR_INVALID, g->pos, "the ring has no hosts");
    for (const char *const *h = q->env->hosts; *h; h++) {
        int r = ask_one(q, *h, e);
        if (r < 0)
            return err_wrap(e, "%s", *h);
    }
    return 0;
}

// --- judging

static bool body_matches(const char *pattern, const struct buf *body)
{
    regex_t re;
    regmatch_t whole = {.rm_so = 0, .rm_eo = (regoff_t)body->len};
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE) != 0)
        return false;
    bool found = regexec(&re, buf_str(body), 1, &whole, REG_STARTEND) == 0;
    regfree(&re);
    return found;
}

// What is wrong with an answer, NULL when nothing is.
static const char *wrong(struct question *q, const struct item *i)
{
    const struct gate *g = q->gate;
    const struct request *r = i->request;
    int min = g->status_min ? g->status_min : 200, max = g->status_max ? g->status_max : 299;
    if (i->error)
        return i->error;
    if (r->status < min || r->status > max)
        return min == max ? arena_printf(q->a, "status %ld, wanted %d", r->status, min)
                          : arena_printf(q->a, "status %ld, wanted %d to %d", r->status, min, max);
    if (g->max_seconds > 0 && i->seconds > g->max_seconds)
        return arena_printf(q->a, "answered after %.3g s, wanted at most %.3g s", i->seconds,
                            g->max_seconds);
    if (g->body && !body_matches(g->body, &r->body))
        return arena_printf(q->a, "status %ld, but '%s' is not in %s '%s'", r->status, g->body,
                            r->cut ? "the first 256 KiB of the body" : "the body",
                            ask_line(q->a, buf_str(&r->body), r->body.len, 60));
    return NULL;
}

static void finish_one(struct question *q)
{
    const struct item *i = q->first;
    const char *why = wrong(q, i), *url = ask_url(q->a, i->request->url);
    struct value values = value_dict(q->a);
    if (i->request->status)
        dict_set(values.u.dict, "status", value_int(i->request->status));
    dict_set(values.u.dict, "seconds", value_float(i->seconds));
    if (why)
        ask_answer(q, GATE_RED, &values, "%s: %s", url, why);
    else
        ask_answer(q, GATE_GREEN, &values, "%s: status %ld in %.3g s", url, i->request->status,
                   i->seconds);
}

static void http_finish(struct question *q)
{
    size_t failed = 0, shown = 0, n = ask_hosts(q);
    double slowest = 0;
    struct buf b = BUF_INIT;
    if (!q->first->host) {
        finish_one(q);
        return;
    }
    for (const struct item *i = q->first; i; i = i->next) {
        const char *why = wrong(q, i);
        slowest = i->seconds > slowest ? i->seconds : slowest;
        if (!why)
            continue;
        failed += i->hosts;
        if (shown++ < SHOWN)
            buf_addf(&b, "%s%s: %s", b.len ? "; " : "", i->host, why);
    }
    size_t allowed = amount_of(q->gate->max_failed, n, 0);
    struct value values = value_dict(q->a);
    dict_set(values.u.dict, "hosts", value_int((int64_t)n));
    dict_set(values.u.dict, "failed", value_int((int64_t)failed));
    dict_set(values.u.dict, "slowest", value_float(slowest));
    if (failed)
        ask_answer(q, failed <= allowed ? GATE_GREEN : GATE_RED, &values,
                   "%zu of %zu hosts failed (%zu may): %s%s", failed, n, allowed, buf_str(&b),
                   shown > SHOWN ? "; ..." : "");
    else
        ask_answer(q, GATE_GREEN, &values, "%zu host%s answered, the slowest in %.3g s", n,
                   n == 1 ? "" : "s", slowest);
    buf_release(&b);
}

const struct gate_ops gate_http_ops = {http_start, http_finish};
