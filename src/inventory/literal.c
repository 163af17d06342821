// A parser for Python's literals: numbers, strings, tuples, lists, dicts, sets, True, False and
// None.
#include "inventory/literal.h"

#include "core/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 100

struct lit {
    struct arena *a;
    const char *p;
    int depth;
};

static bool parse_expr(struct lit *l, struct value *ret);

static void skip(struct lit *l)
{
    l->p += strspn(l->p, " \t\f");
}

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

// --- numbers
// -------------------------------------------------------------------------------------------------

// Digits of a base, single underscores between them allowed, copied without those. Returns how
// many, 0 when malformed.
static size_t digits(const char **p, int base, char *out)
{
    size_t n = 0;
    for (const char *s = *p;; s++) {
        char c = (char)tolower((unsigned char)*s);
        int d = isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
        if (d < base) {
            out[n++] = *s;
        } else if (*s != '_' || n == 0 || s[-1] == '_') {
            *p = s;
            return n && s[-1] == '_' ? 0 : n;
        }
    }
}

static bool based_int(struct lit *l, int base, struct value *ret)
{
    char *out = arena_alloc(l->a, strlen(l->p) + 1);
    l->p += 2;
    l->p += *l->p == '_';
    if (!digits(&l->p, base, out) || name_char(*l->p))
        return false;
    errno = 0;
    unsigned long long u = strtoull(out, NULL, base);
    if (errno || u > INT64_MAX)
        return false;
    *ret = value_int((int64_t)u);
    return true;
}

static bool parse_number(struct lit *l, struct value *ret)
{
    const char *p = l->p;
    if (p[0] == '0' && p[1] && strchr("xXoObB", p[1]))
        return based_int(l, strchr("xX", p[1]) ? 16 : strchr("oO", p[1]) ? 8 : 2, ret);
    char *out = arena_alloc(l->a, strlen(p) + 2);
    size_t n = 0, whole = 0;
    bool is_float = false;
    if (*p != '.') {
        whole = n = digits(&p, 10, out);
        if (!n)
            return false;
    }
    if (*p == '.') {
        is_float = true;
        out[n++] = *p++;
        size_t frac = isdigit((unsigned char)*p) ? digits(&p, 10, out + n) : 0;
        if (!frac && (!whole || *p == '_' || p[-1] == '_'))
            return false;
        n += frac;
    }
    if (*p == 'e' || *p == 'E') {
        is_float = true;
        out[n++] = *p++;
        if (*p == '+' || *p == '-')
            out[n++] = *p++;
        size_t exp = digits(&p, 10, out + n);
        if (!exp)
            return false;
        n += exp;
    }
    out[n] = '\0';
    if (name_char(*p) || *p == '.')
        return false;
    l->p = p;
    if (is_float) {
        *ret = value_float(strtod(out, NULL));
        return true;
    }
    if (out[0] == '0' && strspn(out, "0") != n)
        return false; // 012 is no number
    errno = 0;
    long long i = strtoll(out, NULL, 10);
    *ret = errno ? value_ref(out, n) : value_int(i);
    return true;
}

static bool parse_signed(struct lit *l, struct value *ret)
{
    bool neg = *l->p++ == '-';
    skip(l);
    if ((!isdigit((unsigned char)*l->p) && *l->p != '.') || !parse_number(l, ret))
        return false;
    if (value_is(ret, VALUE_STRING)) {
        if (neg)
            *ret = value_strf(l->a, "-%s", ret->u.str.s);
    } else if (value_is(ret, VALUE_FLOAT)) {
        ret->u.f = neg ? -ret->u.f : ret->u.f;
    } else {
        ret->u.i = neg ? -ret->u.i : ret->u.i;
    }
    return true;
}

// --- strings
// -------------------------------------------------------------------------------------------------

// n hexadecimal digits at *p as a character.
static bool hex_escape(const char **p, int n, struct buf *b)
{
    unsigned long c = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        char ch = (char)tolower((unsigned char)**p);
        if (!isxdigit((unsigned char)ch))
            return false;
        c = c * 16 + (unsigned long)(ch <= '9' ? ch - '0' : ch - 'a' + 10);
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return false;
    utf8_add(b, (uint32_t)c);
    return true;
}

// The escape behind a backslash.
static bool escape(const char **p, bool bytes, struct buf *b)
{
    static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
    char c = *(*p)++;
    const char *at = c ? strchr(from, c) : NULL;
    if (at) {
        buf_addc(b, to[at - from]);
        return true;
    }
    if (c >= '0' && c <= '7') {
        unsigned long v = (unsigned long)(c - '0');
        for (int i = 0; i < 2 && **p >= '0' && **p <= '7'; i++)
            v = v * 8 + (unsigned long)(*(*p)++ - '0');
        utf8_add(b, (uint32_t)v);
        return true;
    }
    if (c == 'x')
        return hex_escape(p, 2, b);
    if (!bytes && (c == 'u' || c == 'U'))
        return hex_escape(p, c == 'u' ? 4 : 8, b);
    if (c == 'N' && !bytes)
        return false;
    buf_addc(b, '\\');
    if (c)
        buf_addc(b, c);
    return c != '\0';
}

// One quoted piece into b.
static bool quoted(struct lit *l, bool raw, bool bytes, struct buf *b)
{
    char q = *l->p;
    bool triple = l->p[1] == q && l->p[2] == q;
    const char *p = l->p + (triple ? 3 : 1);
    while (*p) {
        if (*p == q && (!triple || (p[1] == q && p[2] == q))) {
            l->p = p + (triple ? 3 : 1);
            return true;
        }
        if (bytes && (unsigned char)*p >= 0x80)
            return false;
        if (*p != '\\') {
            buf_addc(b, *p++);
        } else if (raw) {
            buf_addc(b, *p++);
            if (*p)
                buf_addc(b, *p++);
        } else {
            p++;
            if (!escape(&p, bytes, b))
                return false;
        }
    }
    return false;
}

// Letters before a quote: how many, and what they mean. 0 when they are no string's.
static bool prefix(const char *p, size_t *len, bool *raw, bool *bytes)
{
    *raw = *bytes = false;
    for (*len = 0; p[*len] && strchr("rRbBuU", p[*len]) && *len < 2; ++*len) {
        char c = (char)tolower((unsigned char)p[*len]);
        *raw = *raw || c == 'r';
        *bytes = *bytes || c == 'b';
    }
    if (*len == 2 && !(*raw && *bytes))
        return false;
    return p[*len] == '"' || p[*len] == '\'';
}

static bool parse_string(struct lit *l, struct value *ret)
{
    struct buf b = BUF_INIT;
    bool raw, bytes, first_bytes = false, ok = true;
    size_t len;
    for (int n = 0; ok && prefix(l->p, &len, &raw, &bytes); n++) {
        if (n == 0)
            first_bytes = bytes;
        l->p += len;
        ok = bytes == first_bytes && quoted(l, raw, bytes, &b);
        skip(l);
    }
    if (ok)
        *ret = value_strn(l->a, buf_str(&b), b.len);
    buf_release(&b);
    return ok;
}

// --- containers
// ----------------------------------------------------------------------------------------------

// Items up to the closing character, which is taken. *comma tells whether there was one.
static bool items(struct lit *l, char close, struct list *out, bool *comma)
{
    *comma = false;
    for (;;) {
        struct value v;
        skip(l);
        if (*l->p == close)
            break;
        if (out->len && !*comma)
            return false;
        if (!parse_expr(l, &v))
            return false;
        list_add(out, v);
        skip(l);
        *comma = *l->p == ',';
        if (*comma)
            l->p++;
        else if (*l->p != close)
            return false;
    }
    if (close)
        l->p++;
    return true;
}

static bool hashable(const struct value *v)
{
    if (value_is(v, VALUE_DICT))
        return false;
    if (!value_is(v, VALUE_LIST))
        return true;
    for (size_t i = 0; i < v->u.list->len; i++)
        if (!hashable(&v->u.list->items[i]))
            return false;
    return v->flags & VALUE_TUPLE;
}

static bool parse_braces(struct lit *l, struct value *ret)
{
    struct value dict = value_dict(l->a), set = value_list(l->a);
    for (bool comma = true;; comma = *l->p == ',' && l->p++) {
        struct value key, val;
        skip(l);
        if (*l->p == '}')
            break;
        if (!comma || !parse_expr(l, &key) || !hashable(&key))
            return false;
        skip(l);
        if (*l->p == ':') {
            l->p++;
            if (set.u.list->len || !parse_expr(l, &val))
                return false;
            dict_setv(dict.u.dict, key, val);
        } else if (dict.u.dict->len) {
            return false;
        } else {
            size_t i = 0;
            while (i < set.u.list->len && !value_equal(&set.u.list->items[i], &key))
                i++;
            if (i == set.u.list->len)
                list_add(set.u.list, key);
        }
        skip(l);
    }
    l->p++;
    *ret = set.u.list->len ? set : dict;
    return true;
}

static bool parse_parens(struct lit *l, struct value *ret)
{
    struct value v = value_list(l->a);
    bool comma;
    if (!items(l, ')', v.u.list, &comma))
        return false;
    if (v.u.list->len == 1 && !comma) {
        *ret = v.u.list->items[0];
        return true;
    }
    v.flags |= VALUE_TUPLE;
    *ret = v;
    return true;
}

static bool parse_word(struct lit *l, struct value *ret)
{
    static const struct {
        const char *word;
        struct value val;
    } words[] = {{"True", {.type = VALUE_BOOL, .u.b = true}},
                 {"False", {.type = VALUE_BOOL, .u.b = false}},
                 {"None", {.type = VALUE_NULL}}};
    size_t n = 0;
    while (name_char(l->p[n]))
        n++;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i].word) == n && !strncmp(l->p, words[i].word, n)) {
            *ret = words[i].val;
            l->p += n;
            return true;
        }
    }
    return false;
}

static bool parse_one(struct lit *l, struct value *ret)
{
    size_t len;
    bool raw, bytes, comma;
    skip(l);
    char c = *l->p;
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)l->p[1])))
        return parse_number(l, ret);
    if (c == '-' || c == '+')
        return parse_signed(l, ret);
    if (prefix(l->p, &len, &raw, &bytes))
        return parse_string(l, ret);
    if (c == '[' || c == '(' || c == '{') {
        l->p++;
        if (c == '{')
            return parse_braces(l, ret);
        if (c == '(')
            return parse_parens(l, ret);
        *ret = value_list(l->a);
        return items(l, ']', ret->u.list, &comma);
    }
    return parse_word(l, ret);
}

static bool parse_expr(struct lit *l, struct value *ret)
{
    if (++l->depth > MAX_DEPTH)
        return false;
    bool ok = parse_one(l, ret);
    l->depth--;
    return ok;
}

struct value literal_value(struct arena *a, const char *text)
{
    struct lit l = {a, text, 0};
    struct value v;
    bool ok = parse_expr(&l, &v);
    skip(&l);
    if (ok && *l.p == ',') { // a, b: a tuple without parentheses
        struct value tuple = value_list(a);
        tuple.flags |= VALUE_TUPLE;
        list_add(tuple.u.list, v);
        while (ok && *l.p == ',') {
            l.p++;
            skip(&l);
            if (!*l.p || *l.p == '#')
                break;
            ok = parse_expr(&l, &v);
            if (ok)
                list_add(tuple.u.list, v);
            skip(&l);
        }
        v = tuple;
    }
    if (!ok || (*l.p && *l.p != '#'))
        return value_str(a, text);
    return v;
}
