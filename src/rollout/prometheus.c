// Prometheus' HTTP API (/api/v1/query and /api/v1/query_range): requests and answers.
#include "rollout/prometheus.h"

#include "core/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (16u << 20)
#define LABELS_MAX 80
#define GET_MAX 4000 // longer queries go into the body: servers limit URLs

// --- requests

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-_.~", c);
}

static void add_form(struct buf *b, const char *name, const char *value)
{
    buf_addf(b, "%s%s=", b->len ? "&" : "", name);
    for (; *value; value++)
        if (is_unreserved(*value))
            buf_addc(b, *value);
        else
            buf_addf(b, "%%%02X", (unsigned char)*value);
}

int prometheus_request(struct question *q, const char *url, const char *method, const char *query,
                       double from, double to, double step, struct request *ret, struct err *e)
{
    struct arena *a = q->a;
    int err = ask_expand(q, NULL, url, &url, e);
    if (err < 0)
        return err;
    size_t len = strlen(url);
    while (len && url[len - 1] == '/')
        len--;
    struct buf form = BUF_INIT;
    add_form(&form, "query", query);
    if (step > 0) {
        add_form(&form, "start", arena_printf(a, "%.3f", from));
        add_form(&form, "end", arena_printf(a, "%.3f", to));
        add_form(&form, "step", arena_printf(a, "%.3f", step));
    } else {
        add_form(&form, "time", arena_printf(a, "%.3f", to));
    }
    bool get = !(method && strcmp(method, "POST") == 0) && form.len <= GET_MAX;
    const char *path = step > 0 ? "query_range" : "query", *body = arena_strdup(a, buf_str(&form));
    *ret = (struct request){.tls_verify = q->gate->tls_verify, .max = ANSWER_MAX};
    ret->url =
        arena_printf(a, "%.*s/api/v1/%s%s%s", (int)len, url, path, get ? "?" : "", get ? body : "");
    ret->post = get ? NULL : body;
    buf_release(&form);
    return 0;
}

// What a regular expression means something by is put into brackets: unlike a backslash, these need
// no care inside the quotes of a query.
static void add_literal(struct buf *b, const char *s)
{
    for (; *s; s++)
        if (strchr(".+*?()|[]{}$", *s))
            buf_addf(b, "[%c]", *s);
        else if (*s != '^' && *s != '\\' && *s != '"' && *s != '\'' && *s != '`')
            buf_addc(b, *s);
        else
            buf_addc(b, '.');
}

const char *prometheus_hosts(struct arena *a, const char *query, const char *const *hosts)
{
    static const char name[] = "$hosts";
    struct buf b = BUF_INIT;
    for (const char *at; (at = strstr(query, name)); query = at + strlen(name)) {
        buf_add(&b, query, (size_t)(at - query));
        for (const char *const *h = hosts; h && *h; h++) {
            if (h != hosts)
                buf_addc(&b, '|');
            add_literal(&b, *h);
        }
    }
    buf_adds(&b, query);
    const char *s = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return s;
}

// --- answers

// [seconds, "value"]: Prometheus writes values as text, for NaN and the infinite.
static bool read_point(const struct value *v, double *time, double *value)
{
    if (v->type != VALUE_LIST || v->u.list->len != 2)
        return false;
    const struct value *t = &v->u.list->items[0], *s = &v->u.list->items[1];
    if (t->type != VALUE_FLOAT && t->type != VALUE_INT)
        return false;
    *time = t->type == VALUE_INT ? (double)t->u.i : t->u.f;
    if (s->type != VALUE_STRING || s->u.str.len == 0)
        return false;
    char *end;
    *value = strtod(s->u.str.s, &end);
    return end == s->u.str.s + s->u.str.len;
}

static const char *labels_of(const struct dict *series, struct arena *a)
{
    const struct value *metric = dict_get(series, "metric");
    struct buf b = BUF_INIT;
    struct dict_entry *l;
    if (metric && metric->type == VALUE_DICT)
        DICT_EACH(metric->u.dict, l)
    if (l->key.type == VALUE_STRING && l->val.type == VALUE_STRING &&
        strcmp(l->key.u.str.s, "__name__") != 0)
        buf_addf(&b, "%s%s=\"%s\"", b.len ? ", " : "", l->key.u.str.s, l->val.u.str.s);
    const char *s = arena_printf(a, "{%s}", ask_line(a, buf_str(&b), b.len, LABELS_MAX));
    buf_release(&b);
    return s;
}

static bool read_series(const struct dict *d, struct arena *a, struct prometheus_series *ret)
{
    const struct value *values = dict_get(d, "values"), *value = dict_get(d, "value");
    size_t n = values ? (values->type == VALUE_LIST ? values->u.list->len : 0) : 1;
    double *t = arena_array(a, double, n + 1), *v = arena_array(a, double, n + 1);
    if (values ? values->type != VALUE_LIST : !value)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!read_point(values ? &values->u.list->items[i] : value, &t[i], &v[i]))
            return false;
    *ret = (struct prometheus_series){labels_of(d, a), t, v, n};
    return true;
}

static bool read_data(const struct dict *data, struct arena *a, struct prometheus_answer *ret)
{
    const char *type = dict_str(data, "resultType", "");
    const struct value *result = dict_get(data, "result");
    if (!result || result->type != VALUE_LIST)
        return false;
    const struct list *l = result->u.list;
    if (strcmp(type, "scalar") == 0) {
        struct prometheus_series *s = arena_new_of(a, struct prometheus_series);
        double *point = arena_array(a, double, 2);
        *s = (struct prometheus_series){"", &point[0], &point[1], 1};
        *ret = (struct prometheus_answer){s, 1, false};
        return read_point(result, &point[0], &point[1]);
    }
    if (strcmp(type, "vector") != 0 && strcmp(type, "matrix") != 0)
        return false;
    struct prometheus_series *s = arena_array(a, struct prometheus_series, l->len + 1);
    for (size_t i = 0; i < l->len; i++)
        if (l->items[i].type != VALUE_DICT || !read_series(l->items[i].u.dict, a, &s[i]))
            return false;
    *ret = (struct prometheus_answer){s, l->len, strcmp(type, "matrix") == 0};
    return true;
}

static int not_prometheus(const struct item *i, struct arena *a, struct err *e)
{
    const struct request *r = i->request;
    return err_set(e, ERR_INVALID, POS_NONE, "status %ld, but no answer of Prometheus: '%s'",
                   r->status, ask_line(a, buf_str(&r->body), r->body.len, 60));
}

int prometheus_read(const struct item *i, struct arena *a, struct prometheus_answer *ret,
                    struct err *e)
{
    const struct request *r = i->request;
    struct value v;
    if (i->error)
        return err_set(e, ERR_IO, POS_NONE, "%s", i->error);
    if (r->cut)
        return err_set(e, ERR_LIMIT, POS_NONE, "the answer is longer than %u MiB",
                       ANSWER_MAX >> 20);
    if (json_parse(a, buf_str(&r->body), r->body.len, &v, NULL) < 0 || v.type != VALUE_DICT)
        return not_prometheus(i, a, e);
    const char *status = dict_str(v.u.dict, "status", "");
    const struct value *data = dict_get(v.u.dict, "data");
    if (strcmp(status, "error") == 0)
        return err_set(e, ERR_FAILED, POS_NONE, "Prometheus says %s: %s",
                       dict_str(v.u.dict, "errorType", "error"), dict_str(v.u.dict, "error", ""));
    if (strcmp(status, "success") != 0 || r->status < 200 || r->status > 299 || !data ||
        data->type != VALUE_DICT || !read_data(data->u.dict, a, ret))
        return not_prometheus(i, a, e);
    return 0;
}
