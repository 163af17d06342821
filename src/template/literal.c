// Reads Python literals as ast.literal_eval does: what Ansible makes of rendered text that looks
// like a list or dict.
#include "template/eval.h"

#include "core/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 90

struct reader {
    struct arena *a;
    const char *p, *end;
    bool json_words;
    int depth;
};

static bool read_value(struct reader *r, struct value *ret);

static bool at_line_end(const struct reader *r)
{
    return r->p < r->end && (*r->p == '\n' || *r->p == '\r');
}

// White space and comments, and inside brackets line ends; outside a line end ends the expression.
static void skip(struct reader *r)
{
    while (r->p < r->end && (r->depth || !at_line_end(r))) {
        if (*r->p == '#') {
            while (r->p < r->end && *r->p != '\n')
                r->p++;
        } else if (*r->p == '\\' && r->p + 1 < r->end && r->p[1] == '\n') {
            r->p += 2;
        } else if (strchr(" \t\r\n\f", *r->p) && *r->p) {
            r->p++;
        } else {
            break;
        }
    }
}

static void skip_lines(struct reader *r)
{
    for (skip(r); at_line_end(r); skip(r))
        r->p++;
}

static bool word(struct reader *r, const char *w)
{
    size_t n = strlen(w);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, w, n) != 0)
        return false;
    if (r->p + n < r->end && (isalnum((unsigned char)r->p[n]) || r->p[n] == '_'))
        return false;
    r->p += n;
    return true;
}

static bool read_word(struct reader *r, struct value *ret)
{
    static const struct {
        const char *s;
        bool json;
        uint8_t type;
        bool b;
    } words[] = {{"True", false, VALUE_BOOL, true},  {"False", false, VALUE_BOOL, false},
                 {"None", false, VALUE_NULL, false}, {"true", true, VALUE_BOOL, true},
                 {"false", true, VALUE_BOOL, false}, {"null", true, VALUE_NULL, false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if ((words[i].json && !r->json_words) || !word(r, words[i].s))
            continue;
        *ret = words[i].type == VALUE_BOOL ? value_bool(words[i].b) : value_null();
        return true;
    }
    return false;
}

// --- numbers
// -----------------------------------------------------------------------------------------------------

static bool digit_run(struct reader *r, char *out, size_t *n, size_t max, int base)
{
    bool any = false;
    for (; r->p < r->end; r->p++) {
        char c = *r->p;
        if (c == '_') {
            if (!any || r->p + 1 >= r->end || !isalnum((unsigned char)r->p[1]))
                return false;
            continue;
        }
        int d = isdigit((unsigned char)c)                ? c - '0'
                : isalpha((unsigned char)c) && base > 10 ? tolower((unsigned char)c) - 'a' + 10
                                                         : 99;
        if (d >= base)
            break;
        if (*n + 1 >= max)
            return false;
        out[(*n)++] = c;
        any = true;
    }
    return any;
}

static bool read_number(struct reader *r, bool negative, struct value *ret)
{
    char text[400];
    size_t n = 0;
    int base = 10;
    bool is_float = false;
    if (negative)
        text[n++] = '-';
    size_t first = n;
    if (r->end - r->p > 2 && r->p[0] == '0' && isalpha((unsigned char)r->p[1])) {
        int c = tolower((unsigned char)r->p[1]);
        base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
        if (base != 10)
            r->p += r->p[2] == '_' ? 3 : 2;
    }
    if (r->p < r->end && *r->p != '.' && !digit_run(r, text, &n, sizeof text - 40, base))
        return false;
    if (base == 10 && r->p < r->end && *r->p == '.') {
        is_float = true;
        text[n++] = *r->p++;
        if (!(r->p < r->end && isdigit((unsigned char)*r->p) &&
              digit_run(r, text, &n, sizeof text - 30, 10)) &&
            n == first + 1)
            return false;
    }
    if (base == 10 && r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        is_float = true;
        text[n++] = *r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            text[n++] = *r->p++;
        if (!digit_run(r, text, &n, sizeof text - 2, 10))
            return false;
    }
    if (r->p < r->end && (isalnum((unsigned char)*r->p) || *r->p == '_'))
        return false;
    text[n] = '\0';
    if (is_float) {
        *ret = value_float(strtod(text, NULL));
        return true;
    }
    if (base == 10 && text[first] == '0' && strspn(text + first, "0") != n - first)
        return false;
    errno = 0;
    *ret = value_int(strtoll(text, NULL, base));
    return errno == 0;
}

// --- strings
// -----------------------------------------------------------------------------------------------------

static void add_code(struct buf *b, uint32_t c, bool bytes)
{
    if (bytes)
        buf_addc(b, (char)c);
    else
        utf8_add(b, c);
}

static bool hex(struct reader *r, int n, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < n; i++, r->p++) {
        if (r->p >= r->end || !isxdigit((unsigned char)*r->p))
            return false;
        int d = tolower((unsigned char)*r->p);
        *ret = *ret << 4 | (uint32_t)(d <= '9' ? d - '0' : d - 'a' + 10);
    }
    return *ret <= 0x10ffff;
}

static bool read_escape(struct reader *r, struct buf *b, bool bytes)
{
    static const char plain[] = "\\'\"abfnrtv", codes[] = "\\'\"\a\b\f\n\r\t\v";
    if (r->p >= r->end)
        return false;
    char c = *r->p++;
    uint32_t code;
    const char *hit = c ? strchr(plain, c) : NULL;
    if (hit) {
        buf_addc(b, codes[hit - plain]);
    } else if (c == 'x' || (!bytes && (c == 'u' || c == 'U'))) {
        if (!hex(r, c == 'x' ? 2 : c == 'u' ? 4 : 8, &code))
            return false;
        if (code >= 0xdc80 && code <= 0xdcff) // a byte that was not UTF-8
            buf_addc(b, (char)(code - 0xdc00));
        else
            add_code(b, code, bytes);
    } else if (c >= '0' && c <= '7') {
        code = (uint32_t)(c - '0');
        for (int i = 0; i < 2 && r->p < r->end && *r->p >= '0' && *r->p <= '7'; i++)
            code = code * 8 + (uint32_t)(*r->p++ - '0');
        add_code(b, code, bytes);
    } else if (c == 'N' && !bytes) {
        return false;
    } else if (c != '\n') {
        buf_addc(b, '\\');
        buf_addc(b, c);
    }
    return true;
}

// One string literal without its prefix, appended to b.
static bool read_quoted(struct reader *r, struct buf *b, bool raw, bool bytes)
{
    char q = *r->p;
    bool triple = r->end - r->p >= 3 && r->p[1] == q && r->p[2] == q;
    r->p += triple ? 3 : 1;
    while (r->p < r->end) {
        char c = *r->p;
        if (c == q && (!triple || (r->end - r->p >= 3 && r->p[1] == q && r->p[2] == q))) {
            r->p += triple ? 3 : 1;
            return true;
        }
        if (c == '\n' && !triple)
            return false;
        r->p++;
        if (c == '\\' && raw && r->p < r->end) {
            buf_addc(b, c);
            buf_addc(b, *r->p++);
        } else if (c == '\\') {
            if (!read_escape(r, b, bytes))
                return false;
        } else {
            buf_addc(b, c);
        }
    }
    return false;
}

// The length of a string prefix (r, b, u, rb) before a quote, or -1.
static int prefix(const struct reader *r, bool *raw, bool *bytes)
{
    *raw = *bytes = false;
    for (int i = 0; i < 3 && r->p + i < r->end; i++) {
        char c = r->p[i];
        if (c == '\'' || c == '"')
            return i;
        if (i == 2)
            break;
        if ((c == 'r' || c == 'R') && !*raw)
            *raw = true;
        else if ((c == 'b' || c == 'B') && !*bytes)
            *bytes = true;
        else if ((c != 'u' && c != 'U') || i ||
                 (r->p + 1 < r->end && r->p[1] != '\'' && r->p[1] != '"'))
            return -1;
    }
    return -1;
}

static bool read_strings(struct reader *r, struct value *ret)
{
    struct buf b = BUF_INIT;
    bool raw, bytes, all_bytes = false, ok = true, first = true;
    for (int n; ok && (n = prefix(r, &raw, &bytes)) >= 0; first = false) {
        if (!first && bytes != all_bytes)
            ok = false;
        all_bytes = bytes;
        r->p += n;
        ok = ok && read_quoted(r, &b, raw, bytes);
        skip(r);
    }
    if (ok) {
        *ret = value_strn(r->a, buf_str(&b), b.len);
        ret->flags = all_bytes ? VALUE_BYTES : 0;
    }
    buf_release(&b);
    return ok;
}

// --- containers
// --------------------------------------------------------------------------------------------------

static bool at(struct reader *r, char c)
{
    skip(r);
    if (r->p >= r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

static bool read_items(struct reader *r, char close, struct value *list, bool *trailing)
{
    *trailing = false;
    while (!at(r, close)) {
        struct value v;
        if (list->u.list->len && !*trailing)
            return false;
        if (!read_value(r, &v))
            return false;
        list_add(list->u.list, v);
        *trailing = at(r, ',');
    }
    return true;
}

static bool hashable(const struct value *v)
{
    if (v->type == VALUE_DICT || (v->type == VALUE_LIST && !(v->flags & VALUE_TUPLE)))
        return false;
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++)
        if (!hashable(&v->u.list->items[i]))
            return false;
    return true;
}

static bool read_dict(struct reader *r, struct value *ret)
{
    bool comma = true;
    *ret = value_dict(r->a);
    while (!at(r, '}')) {
        struct value k, v;
        if (!comma || !read_value(r, &k) || !hashable(&k) || !at(r, ':') || !read_value(r, &v))
            return false;
        dict_setv(ret->u.dict, k, v);
        comma = at(r, ',');
    }
    return true;
}

static bool read_bracket(struct reader *r, char open, struct value *ret)
{
    bool trailing, ok;
    if (++r->depth > MAX_DEPTH)
        return false;
    if (open == '{') {
        ok = read_dict(r, ret);
    } else {
        struct value list = value_list(r->a);
        ok = read_items(r, open == '[' ? ']' : ')', &list, &trailing);
        *ret = list;
        if (ok && open == '(') {
            ret->flags = VALUE_TUPLE;
            if (list.u.list->len == 1 && !trailing)
                *ret = list.u.list->items[0];
        }
    }
    r->depth--;
    return ok;
}

static bool read_value(struct reader *r, struct value *ret)
{
    bool raw, bytes;
    skip(r);
    if (r->p >= r->end)
        return false;
    char c = *r->p;
    if (c == '[' || c == '{' || c == '(') {
        r->p++;
        return read_bracket(r, c, ret);
    }
    if (prefix(r, &raw, &bytes) >= 0)
        return read_strings(r, ret);
    bool minus = c == '-';
    if (minus || c == '+') {
        r->p++;
        skip(r);
        if (r->p >= r->end || (!isdigit((unsigned char)*r->p) && *r->p != '.'))
            return false;
        return read_number(r, minus, ret);
    }
    if (isdigit((unsigned char)c) ||
        (c == '.' && r->p + 1 < r->end && isdigit((unsigned char)r->p[1])))
        return read_number(r, false, ret);
    return read_word(r, ret);
}

// Blanks behind the last line break are an indentation of nothing to Python.
static bool ends_indented(const char *s, size_t len)
{
    size_t n = len;
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    return n < len && n && (s[n - 1] == '\n' || s[n - 1] == '\r');
}

bool literal_eval(struct arena *a, const char *s, size_t len, bool json_words, struct value *ret)
{
    struct reader r = {a, s, s + len, json_words, 0};
    struct value v;
    if (memchr(s, '\0', len) || ends_indented(s, len))
        return false;
    skip_lines(&r);
    if (!read_value(&r, &v))
        return false;
    if (at(&r, ',')) { // a tuple without parentheses
        struct value tuple = value_list(a);
        tuple.flags = VALUE_TUPLE;
        list_add(tuple.u.list, v);
        do {
            skip(&r);
            if (r.p == r.end || at_line_end(&r))
                break;
            if (!read_value(&r, &v))
                return false;
            list_add(tuple.u.list, v);
        } while (at(&r, ','));
        v = tuple;
    }
    skip_lines(&r);
    if (r.p != r.end)
        return false;
    *ret = v;
    return true;
}
