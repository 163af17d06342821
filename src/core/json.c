// JSON reader (recursive descent with a depth limit) and writer.
#include "core/json.h"

#include "core/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    struct arena *a;
    const char *start, *p, *end;
    char *writable; // start, where strings may end in place; NULL: the text is not ours
    int depth;
    struct err *e;
};

static int fail(struct parser *ps, const char *what)
{
    struct pos pos = {.line = 1, .col = 1};
    for (const char *s = ps->start; s < ps->p; s++) {
        if (*s == '\n') {
            pos.line++;
            pos.col = 1;
        } else if (pos.col < UINT16_MAX) {
            pos.col++;
        }
    }
    return err_set(ps->e, ERR_PARSE, pos, "JSON: %s at line %u column %u", what, pos.line, pos.col);
}

static void skip_space(struct parser *ps)
{
    while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\n' || *ps->p == '\r'))
        ps->p++;
}

static int hex4(struct parser *ps, uint32_t *ret)
{
    uint32_t v = 0;
    if (ps->end - ps->p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = *ps->p++;
        uint32_t d;
        if (c >= '0' && c <= '9')
            d = (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            d = (uint32_t)((c | 32) - 'a' + 10);
        else
            return -1;
        v = v * 16 + d;
    }
    *ret = v;
    return 0;
}

static int parse_unicode(struct parser *ps, char *out, size_t *n)
{
    uint32_t c, low;
    if (hex4(ps, &c) < 0)
        return fail(ps, "bad \\u escape");
    if (c >= 0xd800 && c < 0xdc00 && ps->end - ps->p >= 6 && ps->p[0] == '\\' && ps->p[1] == 'u') {
        ps->p += 2;
        if (hex4(ps, &low) < 0)
            return fail(ps, "bad \\u escape");
        if (low >= 0xdc00 && low <= 0xdfff)
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        else // half a pair stays alone, as in Python
            ps->p -= 6;
    }
    *n += utf8_encode(out + *n, c);
    return 0;
}

static int parse_escape(struct parser *ps, char *out, size_t *n)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (ps->p >= ps->end)
        return fail(ps, "string does not end");
    char c = *ps->p++;
    if (c == 'u')
        return parse_unicode(ps, out, n);
    const char *at = c ? strchr(from, c) : NULL;
    if (!at)
        return fail(ps, "unknown escape");
    out[(*n)++] = to[at - from];
    return 0;
}

// Eight bytes at a time: whether one of them is below n (at most 128), or is c.
#define EACH_BYTE(c) (0x0101010101010101u * (unsigned char)(c))
#define ANY_BELOW(w, n) (((w)-EACH_BYTE(n)) & ~(w)&EACH_BYTE(0x80))
#define ANY_IS(w, c) ANY_BELOW((w) ^ EACH_BYTE(c), 1)

const char *json_plain_end(const char *s, const char *end)
{
    for (uint64_t w; end - s >= (ptrdiff_t)sizeof w; s += sizeof w) {
        memcpy(&w, s, sizeof w);
        if (ANY_BELOW(w, 0x20) | ANY_IS(w, '"') | ANY_IS(w, '\\'))
            break;
    }
    while (s < end && *s != '"' && *s != '\\' && (unsigned char)*s >= 0x20)
        s++;
    return s;
}

static int parse_string(struct parser *ps, struct value *ret)
{
    const char *s = ++ps->p;
    ps->p = json_plain_end(s, ps->end);
    if (ps->p < ps->end && *ps->p == '"') {
        size_t len = (size_t)(ps->p - s);
        *ret = ps->writable ? value_ref(s, len) : value_strn(ps->a, s, len);
        if (ps->writable)
            ps->writable[ps->p - ps->start] = '\0';
        ps->p++;
        return 0;
    }
    const char *q = ps->p; // with escapes: the result is never longer than the text
    while (q < ps->end && *q != '"')
        q += *q == '\\' && q + 1 < ps->end ? 2 : 1;
    char *out = arena_alloc(ps->a, (size_t)(q - s) + 1);
    size_t n = (size_t)(ps->p - s);
    memcpy(out, s, n);
    while (ps->p < ps->end && *ps->p != '"') {
        unsigned char c = (unsigned char)*ps->p++;
        if (c < 0x20)
            return fail(ps, "control character in string");
        if (c != '\\')
            out[n++] = (char)c;
        else if (parse_escape(ps, out, &n) < 0)
            return ERR_PARSE;
    }
    if (ps->p >= ps->end)
        return fail(ps, "string does not end");
    ps->p++;
    out[n] = '\0';
    *ret = value_ref(out, n);
    return 0;
}

// RFC 8259's grammar of numbers: no leading zero, digits on both sides of the dot.
static bool strict_number(const char *s)
{
    s += *s == '-';
    if (*s < '0' || *s > '9' || (*s == '0' && s[1] >= '0' && s[1] <= '9'))
        return false;
    s += strspn(s, "0123456789");
    if (*s == '.' && !strspn(s + 1, "0123456789"))
        return false;
    return true; // strtod finds what is wrong behind
}

static int parse_number(struct parser *ps, struct value *ret)
{
    const char *s = ps->p;
    bool is_float = false;
    if (*ps->p == '-')
        ps->p++;
    while (ps->p < ps->end &&
           ((*ps->p >= '0' && *ps->p <= '9') || (*ps->p && strchr("+-.eE", *ps->p)))) {
        if (*ps->p < '0' || *ps->p > '9')
            is_float = true;
        ps->p++;
    }
    char text[64];
    size_t n = (size_t)(ps->p - s);
    if (n == 0 || n >= sizeof text || (n == 1 && *s == '-'))
        return fail(ps, "bad number");
    memcpy(text, s, n);
    text[n] = '\0';
    if (!strict_number(text))
        return fail(ps, "bad number");
    char *stop;
    errno = 0;
    if (!is_float) {
        long long i = strtoll(text, &stop, 10);
        if (errno == 0 && !*stop) {
            *ret = value_int(i);
            return 0;
        }
    }
    double f = strtod(text, &stop);
    if (*stop)
        return fail(ps, "bad number");
    *ret = value_float(f);
    return 0;
}

static int parse_value(struct parser *ps, struct value *ret);

static int parse_list(struct parser *ps, struct value *ret)
{
    struct value v = value_list(ps->a), item;
    ps->p++;
    for (skip_space(ps); ps->p < ps->end && *ps->p != ']'; skip_space(ps)) {
        if (v.u.list->len && *ps->p++ != ',')
            return fail(ps, "expected ',' or ']'");
        if (parse_value(ps, &item) < 0)
            return ERR_PARSE;
        list_add(v.u.list, item);
    }
    if (ps->p >= ps->end)
        return fail(ps, "list does not end");
    ps->p++;
    *ret = v;
    return 0;
}

static int parse_dict(struct parser *ps, struct value *ret)
{
    struct value v = value_dict(ps->a), key, item;
    bool first = true;
    ps->p++;
    for (skip_space(ps); ps->p < ps->end && *ps->p != '}'; skip_space(ps)) {
        if (!first && *ps->p++ != ',')
            return fail(ps, "expected ',' or '}'");
        first = false;
        skip_space(ps);
        if (ps->p >= ps->end || *ps->p != '"')
            return fail(ps, "expected a string as key");
        if (parse_string(ps, &key) < 0)
            return ERR_PARSE;
        skip_space(ps);
        if (ps->p >= ps->end || *ps->p++ != ':')
            return fail(ps, "expected ':'");
        if (parse_value(ps, &item) < 0)
            return ERR_PARSE;
        dict_setv(v.u.dict, key, item);
    }
    if (ps->p >= ps->end)
        return fail(ps, "object does not end");
    ps->p++;
    *ret = v;
    return 0;
}

static bool word(struct parser *ps, const char *w)
{
    size_t n = strlen(w);
    if ((size_t)(ps->end - ps->p) < n || memcmp(ps->p, w, n) != 0)
        return false;
    ps->p += n;
    return true;
}

static int parse_word(struct parser *ps, struct value *ret)
{
    if (*ps->p >= '0' && *ps->p <= '9')
        return parse_number(ps, ret);
    if (word(ps, "true"))
        *ret = value_bool(true);
    else if (word(ps, "false"))
        *ret = value_bool(false);
    else if (word(ps, "null"))
        *ret = value_null();
    else if (word(ps, "NaN"))
        *ret = value_float((double)NAN);
    else if (word(ps, "Infinity"))
        *ret = value_float((double)INFINITY);
    else if (word(ps, "-Infinity"))
        *ret = value_float(-(double)INFINITY);
    else if (*ps->p == '-')
        return parse_number(ps, ret);
    else
        return fail(ps, "expected a value");
    return 0;
}

static int parse_value(struct parser *ps, struct value *ret)
{
    skip_space(ps);
    if (ps->p >= ps->end)
        return fail(ps, "expected a value");
    if (*ps->p == '"')
        return parse_string(ps, ret);
    if (*ps->p != '[' && *ps->p != '{')
        return parse_word(ps, ret);
    if (++ps->depth > JSON_MAX_DEPTH)
        return fail(ps, "nested too deeply");
    int rc = *ps->p == '[' ? parse_list(ps, ret) : parse_dict(ps, ret);
    ps->depth--;
    return rc;
}

int json_parse(struct arena *a, const char *s, size_t len, struct value *ret, struct err *e)
{
    struct parser ps = {.a = a, .start = s, .p = s, .end = s + len, .e = e};
    struct value v;
    if (parse_value(&ps, &v) < 0)
        return ERR_PARSE;
    skip_space(&ps);
    if (ps.p != ps.end)
        return fail(&ps, "extra data");
    *ret = v;
    return 0;
}

int json_parse_in_place(struct arena *a, char *s, size_t len, struct value *ret, size_t *ret_len)
{
    struct parser ps = {.a = a, .start = s, .p = s, .end = s + len, .writable = s};
    struct value v;
    if (parse_value(&ps, &v) < 0)
        return ERR_PARSE;
    *ret = v;
    *ret_len = (size_t)(ps.p - s);
    return 0;
}

// --- writing -----------------------------------------------------------------------------------

static void write_wide(struct buf *b, const char *s, size_t n, uint32_t cp, bool ascii)
{
    if (!ascii)
        buf_add(b, s, n);
    else if (cp < 0x10000)
        buf_addf(b, "\\u%04x", cp);
    else
        buf_addf(b, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
                 0xdc00 + ((cp - 0x10000) & 0x3ff));
}

void json_write_string(struct buf *b, const char *s, size_t len, bool ascii)
{
    buf_addc(b, '"');
    for (size_t i = 0; i < len;) {
        size_t run = i;
        while (run < len && (unsigned char)s[run] >= 0x20 && (unsigned char)s[run] < 0x7f &&
               s[run] != '"' && s[run] != '\\')
            run++;
        buf_add(b, s + i, run - i);
        if ((i = run) >= len)
            break;
        unsigned char c = (unsigned char)s[i];
        static const char esc[] = "\"\\\b\f\n\r\t", name[] = "\"\\bfnrt";
        const char *at = c ? strchr(esc, c) : NULL;
        uint32_t cp = 0xfffd;
        size_t n = 1;
        if (at)
            buf_addf(b, "\\%c", name[at - esc]);
        else if (c < 0x20)
            buf_addf(b, "\\u%04x", c);
        else if (c == 0x7f)
            buf_addc(b, (char)c);
        else if ((n = utf8_decode(s + i, len - i, &cp)) != 0)
            write_wide(b, s + i, n, cp, ascii);
        else {
            write_wide(b, "\xef\xbf\xbd", 3, 0xfffd, ascii);
            n = 1;
        }
        i += n;
    }
    buf_addc(b, '"');
}

struct writer {
    struct buf *b;
    const struct json_opts *o;
    const char *item_sep, *key_sep;
};

static void write_depth(struct writer *w, const struct value *v, int depth);

static void newline(struct writer *w, int depth)
{
    if (w->o->indent) {
        buf_addc(w->b, '\n');
        buf_repeat(w->b, " ", 1, (size_t)w->o->indent * (size_t)depth);
    }
}

static void write_list(struct writer *w, const struct list *l, int depth)
{
    buf_addc(w->b, '[');
    for (size_t i = 0; i < l->len; i++) {
        if (i)
            buf_adds(w->b, w->item_sep);
        newline(w, depth + 1);
        write_depth(w, &l->items[i], depth + 1);
    }
    if (l->len)
        newline(w, depth);
    buf_addc(w->b, ']');
}

static void write_key(struct writer *w, const struct value *k)
{
    if (k->type == VALUE_STRING) {
        json_write_string(w->b, k->u.str.s, k->u.str.len, w->o->ascii);
        return;
    }
    struct buf t = BUF_INIT;
    if (k->type == VALUE_BOOL)
        buf_adds(&t, k->u.b ? "true" : "false");
    else if (k->type == VALUE_NULL)
        buf_adds(&t, "null");
    else
        value_print(&t, k);
    json_write_string(w->b, buf_str(&t), t.len, w->o->ascii);
    buf_release(&t);
}

static int by_key(const void *x, const void *y)
{
    const struct value *p = &(*(struct dict_entry *const *)x)->key;
    const struct value *q = &(*(struct dict_entry *const *)y)->key;
    int c = 0;
    if (value_compare(p, q, &c, NULL) < 0)
        c = (int)p->type - (int)q->type;
    return c;
}

static void write_entry(struct writer *w, const struct dict_entry *e, bool first, int depth)
{
    if (!first)
        buf_adds(w->b, w->item_sep);
    newline(w, depth + 1);
    write_key(w, &e->key);
    buf_adds(w->b, w->key_sep);
    write_depth(w, &e->val, depth + 1);
}

static void write_dict(struct writer *w, const struct dict *d, int depth)
{
    struct dict_entry *e;
    bool first = true;
    buf_addc(w->b, '{');
    if (w->o->sort_keys && d->len > 1) {
        struct dict_entry **order = xmalloc(d->len * sizeof *order);
        size_t n = 0;
        DICT_EACH(d, e)
        order[n++] = e;
        qsort(order, n, sizeof *order, by_key);
        for (size_t i = 0; i < n; i++)
            write_entry(w, order[i], i == 0, depth);
        free(order);
    } else {
        DICT_EACH(d, e)
        {
            write_entry(w, e, first, depth);
            first = false;
        }
    }
    if (d->len)
        newline(w, depth);
    buf_addc(w->b, '}');
}

// A value that is still encrypted, as Ansible's encoder writes it: nothing secret shows.
static void write_vault(struct writer *w, const struct value *v, int depth)
{
    struct dict_entry e = {.key = value_cstr("__ansible_vault"),
                           .val = value_ref(v->u.str.s, v->u.str.len)};
    buf_addc(w->b, '{');
    write_entry(w, &e, true, depth);
    newline(w, depth);
    buf_addc(w->b, '}');
}

static void write_float(struct buf *b, double f)
{
    if (isnan(f))
        buf_adds(b, "NaN");
    else if (isinf(f))
        buf_adds(b, f < 0 ? "-Infinity" : "Infinity");
    else
        value_print_float(b, f);
}

static void write_object(struct writer *w, const struct value *v, int depth)
{
    struct arena *a = arena_new();
    struct value plain;
    if (v->u.obj->ops->materialize && v->u.obj->ops->materialize(v->u.obj, a, &plain, NULL) == 0 &&
        plain.type != VALUE_OBJECT)
        write_depth(w, &plain, depth + 1);
    else
        json_write_string(w->b, v->u.obj->ops->type_name, strlen(v->u.obj->ops->type_name), true);
    arena_free(a);
}

static void write_depth(struct writer *w, const struct value *v, int depth)
{
    if (w->b->overflow)
        return;
    if (depth > JSON_MAX_DEPTH) {
        buf_adds(w->b, "null");
        return;
    }
    switch ((enum value_type)v->type) {
    case VALUE_NULL:
    case VALUE_UNDEFINED:
        buf_adds(w->b, "null");
        break;
    case VALUE_BOOL:
        buf_adds(w->b, v->u.b ? "true" : "false");
        break;
    case VALUE_INT:
        buf_addf(w->b, "%lld", (long long)v->u.i);
        break;
    case VALUE_FLOAT:
        if (w->o->strict && !isfinite(v->u.f))
            buf_adds(w->b, "null");
        else
            write_float(w->b, v->u.f);
        break;
    case VALUE_STRING:
        if (v->flags & VALUE_VAULT)
            write_vault(w, v, depth);
        else
            json_write_string(w->b, v->u.str.s, v->u.str.len, w->o->ascii);
        break;
    case VALUE_LIST:
        write_list(w, v->u.list, depth);
        break;
    case VALUE_DICT:
        write_dict(w, v->u.dict, depth);
        break;
    case VALUE_OBJECT:
        write_object(w, v, depth);
        break;
    }
}

void json_write(struct buf *b, const struct value *v, const struct json_opts *opts)
{
    static const struct json_opts dflt = {0};
    struct writer w = {.b = b, .o = opts ? opts : &dflt};
    w.item_sep = w.o->item_sep ? w.o->item_sep : w.o->indent || w.o->compact ? "," : ", ";
    w.key_sep = w.o->key_sep ? w.o->key_sep : w.o->compact ? ":" : ": ";
    write_depth(&w, v, 0);
}
