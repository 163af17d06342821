// Filters on URLs: urlsplit, urlencode, urldecode.
#include "template/pystr.h"
#include "template/rows.h"
#include "template/unicode.h"
#include "template/urls.h"

#include <ctype.h>
#include <string.h>

static struct text part(struct call *c, const char *s, size_t len)
{
    return (struct text){arena_strndup(c->arena, s, len), len};
}

// Length of the scheme, 0 when there is none.
static size_t scheme_len(struct text s)
{
    if (!s.len || !isalpha((unsigned char)*s.s))
        return 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.s[i] == ':')
            return i;
        if (!isalnum((unsigned char)s.s[i]) && !strchr("+-.", s.s[i]))
            return 0;
    }
    return 0;
}

int url_split(struct call *c, struct text in, struct url *ret, struct err *e)
{
    struct buf clean = call_buf(c);
    size_t skip = 0;
    while (skip < in.len && (unsigned char)in.s[skip] <= ' ')
        skip++;
    for (size_t i = skip; i < in.len; i++)
        if (!strchr("\t\r\n", in.s[i]))
            buf_addc(&clean, in.s[i]);
    struct value v = take_buf(c, &clean);
    struct text s = {v.u.str.s, v.u.str.len};
    struct url u;
    size_t n = scheme_len(s);
    struct buf lower = call_buf(c);
    str_lower(&lower, s.s, n);
    struct value scheme = take_buf(c, &lower);
    u.scheme = (struct text){scheme.u.str.s, scheme.u.str.len};
    if (n)
        s = (struct text){s.s + n + 1, s.len - n - 1};
    u.netloc = part(c, "", 0);
    if (str_starts(s, text_lit("//"))) {
        size_t end = 2;
        while (end < s.len && !strchr("/?#", s.s[end]))
            end++;
        u.netloc = part(c, s.s + 2, end - 2);
        s = (struct text){s.s + end, s.len - end};
        if ((memchr(u.netloc.s, '[', u.netloc.len) != NULL) !=
            (memchr(u.netloc.s, ']', u.netloc.len) != NULL))
            return fail_with(c, e, "Invalid IPv6 URL");
    }
    const char *hash = memchr(s.s, '#', s.len);
    u.fragment = hash ? part(c, hash + 1, (size_t)(s.s + s.len - hash) - 1) : part(c, "", 0);
    if (hash)
        s.len = (size_t)(hash - s.s);
    const char *mark = memchr(s.s, '?', s.len);
    u.query = mark ? part(c, mark + 1, (size_t)(s.s + s.len - mark) - 1) : part(c, "", 0);
    if (mark)
        s.len = (size_t)(mark - s.s);
    u.path = part(c, s.s, s.len);
    *ret = u;
    return 0;
}

static struct value text_or_null(struct text t)
{
    return t.s ? value_ref(t.s, t.len) : value_null();
}

// User, password, host and port inside a netloc.
static int netloc_parts(struct call *c, struct text n, struct dict *out, struct err *e)
{
    struct text user = {0}, password = {0}, host = n, port = {0};
    int64_t at = str_rfind(n, text_lit("@"));
    if (at >= 0) {
        user = part(c, n.s, (size_t)at);
        host = (struct text){n.s + at + 1, n.len - (size_t)at - 1};
        int64_t colon = str_find(user, text_lit(":"));
        if (colon >= 0) {
            password = part(c, user.s + colon + 1, user.len - (size_t)colon - 1);
            user = part(c, user.s, (size_t)colon);
        }
    }
    int64_t open = str_find(host, text_lit("[")), colon;
    if (open >= 0) {
        int64_t close = str_find(host, text_lit("]"));
        struct text rest = {host.s + close + 1, host.len - (size_t)close - 1};
        colon = str_find(rest, text_lit(":"));
        if (colon >= 0)
            port = part(c, rest.s + colon + 1, rest.len - (size_t)colon - 1);
        host = part(c, host.s + open + 1, (size_t)(close - open - 1));
    } else {
        colon = str_find(host, text_lit(":"));
        if (colon >= 0)
            port = part(c, host.s + colon + 1, host.len - (size_t)colon - 1);
        host = part(c, host.s, colon >= 0 ? (size_t)colon : host.len);
    }
    struct buf b = call_buf(c);
    str_lower(&b, host.s, host.len);
    dict_set(out, "hostname", b.len ? take_buf(c, &b) : value_null());
    buf_release(&b);
    dict_set(out, "username", text_or_null(user));
    dict_set(out, "password", text_or_null(password));
    dict_set(out, "port", value_null());
    if (port.len) {
        int64_t num;
        if (strspn(port.s, "0123456789") != port.len || !parse_int(port.s, port.len, 10, &num))
            return fail_with(c, e, "Port could not be cast to integer value as '%s'", port.s);
        if (num > 65535)
            return fail_with(c, e, "Port out of range 0-65535");
        dict_set(out, "port", value_int(num));
    }
    return 0;
}

// urlsplit: The parts of a URL, or the one called query.
BUILTIN(filter_urlsplit)
{
    const struct value *query = NULL;
    struct text q = {"", 0};
    struct url u;
    int rc = args_read(c, e, "query:v alias:v", &query, &(const struct value *){NULL});
    if (rc < 0)
        return rc;
    if (query && value_truthy(query))
        q = text_of(c, query);
    rc = url_split(c, text_of(c, &c->self), &u, e);
    if (rc < 0)
        return rc;
    struct value net = value_dict(c->arena), all = value_dict(c->arena);
    rc = netloc_parts(c, u.netloc, net.u.dict, e);
    if (rc < 0)
        return rc;
    static const char *const order[] = {"fragment", "hostname", "netloc", "password", "path",
                                        "port",     "query",    "scheme", "username"};
    dict_set(net.u.dict, "fragment", text_or_null(u.fragment));
    dict_set(net.u.dict, "netloc", text_or_null(u.netloc));
    dict_set(net.u.dict, "path", text_or_null(u.path));
    dict_set(net.u.dict, "query", text_or_null(u.query));
    dict_set(net.u.dict, "scheme", text_or_null(u.scheme));
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        dict_set(all.u.dict, order[i], *dict_get(net.u.dict, order[i]));
    *ret = all;
    if (!q.len)
        return 0;
    struct value *one = dict_get(all.u.dict, q.s);
    if (!one)
        return fail_with(c, e, "urlsplit: unknown URL component: %s", q.s);
    *ret = *one;
    return 0;
}

void url_quote(struct buf *b, struct text s, const char *safe)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char ch = (unsigned char)s.s[i];
        if (isalnum(ch) || (ch && strchr("_.-~", ch)) || (ch && strchr(safe, ch)))
            buf_addc(b, s.s[i]);
        else
            buf_addf(b, "%%%02X", ch);
    }
}

static void quote_plus(struct call *c, struct buf *b, const struct value *v)
{
    struct buf tmp = BUF_INIT;
    url_quote(&tmp, text_of(c, v), "");
    str_replace(b, (struct text){buf_str(&tmp), tmp.len}, text_lit("%20"), text_lit("+"), -1);
    buf_release(&tmp);
}

static int query_part(struct call *c, struct buf *b, const struct value *key,
                      const struct value *val, struct err *e)
{
    if (is_strict(key) || is_strict(val))
        return fail_undefined(c, is_strict(key) ? key : val, e);
    if (b->len)
        buf_addc(b, '&');
    quote_plus(c, b, key);
    buf_addc(b, '=');
    quote_plus(c, b, val);
    return 0;
}

// A pair of a list as name and value.
static int query_pair(struct call *c, struct buf *b, const struct value *v, struct err *e)
{
    struct list *pair;
    if (is_strict(v))
        return fail_undefined(c, v, e);
    if (value_iterate(c, v, &pair, NULL) < 0)
        return fail_type(c, e, "cannot unpack non-iterable %s object", value_type_name(v));
    if (pair->len < 2)
        return fail_with(c, e, "not enough values to unpack (expected 2, got %zu)", pair->len);
    if (pair->len > 2)
        return fail_with(c, e, "too many values to unpack (expected 2)");
    return query_part(c, b, &pair->items[0], &pair->items[1], e);
}

// urlencode: Percent-encoded text, or a query string of a mapping or pairs.
BUILTIN(filter_urlencode)
{
    int rc = args_none(c, e);
    if (rc < 0)
        return rc;
    struct buf b = call_buf(c);
    struct dict *d = dict_of(c, &c->self);
    struct dict_entry *en;
    if (d) {
        DICT_EACH(d, en)
        if (rc >= 0)
            rc = query_part(c, &b, &en->key, &en->val, e);
    } else if (c->self.type == VALUE_LIST) {
        for (size_t i = 0; i < c->self.u.list->len && rc >= 0; i++)
            rc = query_pair(c, &b, &c->self.u.list->items[i], e);
    } else {
        url_quote(&b, text_of(c, &c->self), "/");
    }
    *ret = take_buf(c, &b);
    return rc;
}

// The bytes behind percent signs become text once the ASCII around them ends, as in Python.
static void flush_bytes(struct buf *bytes, struct buf *b)
{
    utf8_add_replaced(b, buf_str(bytes), bytes->len);
    buf_clear(bytes);
}

// urldecode: Percent-encoding and + undone.
BUILTIN(filter_urldecode)
{
    struct text s;
    int rc = args_none(c, e);
    if (rc >= 0)
        rc = text_self(c, "replace", &s, e);
    if (rc < 0)
        return rc;
    struct buf b = call_buf(c), bytes = BUF_INIT;
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.s[i] >= 0x80) {
            flush_bytes(&bytes, &b);
            buf_addc(&b, s.s[i]);
        } else if (s.s[i] == '%' && i + 2 < s.len && isxdigit((unsigned char)s.s[i + 1]) &&
                   isxdigit((unsigned char)s.s[i + 2])) {
            int64_t n = 0;
            parse_int(s.s + i + 1, 2, 16, &n);
            buf_addc(&bytes, (char)n);
            i += 2;
        } else {
            buf_addc(&bytes, s.s[i] == '+' ? ' ' : s.s[i]);
        }
    }
    flush_bytes(&bytes, &b);
    buf_release(&bytes);
    *ret = take_buf(c, &b);
    return rc;
}
