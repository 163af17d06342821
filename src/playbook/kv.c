// Free-form arguments. Words end at blanks and line ends outside quotes and template delimiters.
#include "playbook/kv.h"

#include "core/buf.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

struct scan {
    const char *p, *end;
};

static bool at(const struct scan *s, const char *two)
{
    return s->end - s->p >= 2 && s->p[0] == two[0] && s->p[1] == two[1];
}

static bool is_gap(char c)
{
    return c == ' ' || c == '\n';
}

// Moves over one word; false when a quote or template does not end.
static bool skip_word(struct scan *s)
{
    char quote = 0;
    int depth = 0;
    for (const char *start = s->p; s->p < s->end; s->p++) {
        char c = *s->p;
        bool escaped = s->p > start && s->p[-1] == '\\';
        if (depth && (at(s, "}}") || at(s, "%}") || at(s, "#}"))) {
            depth--;
            s->p++;
        } else if (at(s, "{{") || at(s, "{%") || at(s, "{#")) {
            depth++;
            s->p++;
        } else if (depth) {
            continue;
        } else if ((c == '"' || c == '\'') && escaped) {
            continue;
        } else if (quote) {
            if (c == quote)
                quote = 0;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (is_gap(c)) {
            break;
        }
    }
    return !quote && !depth;
}

static unsigned hex_digits(const char *s, const char *end, int n)
{
    unsigned v = 0;
    for (int i = 0; i < n; i++) {
        if (s + i >= end || !isxdigit((unsigned char)s[i]))
            return UINT_MAX;
        int c = tolower((unsigned char)s[i]);
        v = v * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return v;
}

static size_t put_utf8(char *out, unsigned c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n] | c);
    return n;
}

// Python's backslash escapes, as Ansible undoes them in key=value text. Never longer than the
// input.
static size_t decode_escapes(char *out, const char *s, size_t n)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    const char *end = s + n;
    char *o = out;
    while (s < end) {
        if (*s != '\\' || s + 1 >= end) {
            *o++ = *s++;
            continue;
        }
        const char *known = s[1] ? strchr(from, s[1]) : NULL;
        int digits = s[1] == 'x' ? 2 : s[1] == 'u' ? 4 : s[1] == 'U' ? 8 : 0;
        unsigned c = digits ? hex_digits(s + 2, end, digits) : UINT_MAX;
        if (known) {
            *o++ = to[known - from];
            s += 2;
        } else if (c <= 0x10ffff) {
            o += put_utf8(o, c);
            s += 2 + digits;
        } else {
            *o++ = *s++;
        }
    }
    return (size_t)(o - out);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// s without white space around it and then without quotes.
static struct value bare(struct arena *a, const char *s, size_t n, bool quotes, struct pos pos)
{
    for (; n && is_space(*s); n--)
        s++;
    while (n && is_space(s[n - 1]))
        n--;
    if (quotes && n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0]) {
        s++;
        n -= 2;
    }
    struct value v = value_strn(a, s, n);
    value_set_pos(&v, pos);
    v.flags |= VALUE_PLAIN_STR;
    return v;
}

// Where the "=" of key=value is: the first behind a key of one character at least that no backslash
// stands before. NULL: none.
static const char *find_equals(const char *s, const char *end)
{
    for (const char *p = s + 1; p < end; p++)
        if (*p == '=' && p[-1] != '\\')
            return p;
    return NULL;
}

// Keys that command-like modules take out of a raw command line.
static bool raw_key(const char *s, size_t n)
{
    static const char *const keys[] = {
        "creates", "removes",           "chdir",           "executable", "warn",
        "stdin",   "stdin_add_newline", "strip_empty_ends"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strlen(keys[i]) == n && memcmp(keys[i], s, n) == 0)
            return true;
    return false;
}

// Appends a word to the raw text: with a blank between them unless a line ended there.
static void add_raw(struct buf *b, const char *s, size_t n)
{
    if (b->len && b->p[b->len - 1] != '\n')
        buf_addc(b, ' ');
    buf_add(b, s, n);
}

// As add_raw, \= being =.
static void add_unescaped(struct buf *b, const char *s, size_t n)
{
    struct buf plain = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        if (s[i] != '\\' || i + 1 == n || s[i + 1] != '=')
            buf_addc(&plain, s[i]);
    add_raw(b, buf_str(&plain), plain.len);
    buf_release(&plain);
}

// One word with the white space behind it, of which the last blank only separates.
static void take_word(struct arena *a, const char *s, size_t n, bool raw, struct pos pos,
                      struct dict *d, struct buf *rest)
{
    char *text = arena_alloc(a, n + 1);
    size_t len = decode_escapes(text, s, n);
    const char *eq = find_equals(text, text + len);
    if (!eq && memchr(text, '=', len) && len > 1) {
        add_unescaped(rest, text, len);
    } else if (!eq || (raw && !raw_key(text, (size_t)(eq - text)))) {
        add_raw(rest, s, n);
    } else {
        struct value key = bare(a, text, (size_t)(eq - text), false, pos);
        dict_setv(d, key, bare(a, eq + 1, (size_t)(text + len - eq - 1), true, pos));
    }
}

int kv_parse(struct arena *a, const char *text, size_t len, bool raw, struct pos pos,
             struct dict **ret, struct err *e)
{
    struct scan s = {text, text + len};
    struct dict *d = value_dict(a).u.dict;
    struct buf rest = BUF_INIT;
    while (s.p < s.end && is_gap(*s.p))
        s.p++;
    while (s.p < s.end) {
        const char *word = s.p;
        if (!skip_word(&s)) {
            buf_release(&rest);
            return err_set(
                e, ERR_PARSE, pos,
                "failed at splitting arguments, either an unbalanced jinja2 block or quotes: %.*s",
                (int)(len < 200 ? len : 200), text);
        }
        bool continued = s.p - word == 1 && *word == '\\' && s.p < s.end && *s.p == '\n';
        const char *gap = s.p;
        while (s.p < s.end && is_gap(*s.p))
            s.p++;
        size_t n = (size_t)(s.p - word);
        if (s.p > gap && s.p[-1] == ' ')
            n--;
        if (!continued)
            take_word(a, word, n, raw, pos, d, &rest);
    }
    if (rest.len) {
        struct value v = value_strn(a, buf_str(&rest), rest.len);
        value_set_pos(&v, pos);
        dict_set(d, "_raw_params", v);
    }
    buf_release(&rest);
    *ret = d;
    return 0;
}
