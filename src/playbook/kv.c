// Free-form arguments. Words end at white space outside quotes and template delimiters.
#include "playbook/kv.h"

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

// Moves over one word; false when a quote or template does not end.
static bool skip_word(struct scan *s)
{
    char quote = 0;
    int depth = 0;
    for (; s->p < s->end; s->p++) {
        char c = *s->p;
        if (depth && (at(s, "}}") || at(s, "%}") || at(s, "#}"))) {
            depth--;
            s->p++;
        } else if (at(s, "{{") || at(s, "{%") || at(s, "{#")) {
            depth++;
            s->p++;
        } else if (depth) {
            continue;
        } else if (c == '\\' && s->p + 1 < s->end) {
            s->p++;
        } else if (quote) {
            if (c == quote)
                quote = 0;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
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

static struct value unquoted(struct arena *a, const char *s, size_t n, struct pos pos)
{
    if (n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0]) {
        s++;
        n -= 2;
    }
    char *text = arena_alloc(a, n + 1);
    struct value v = value_ref(text, decode_escapes(text, s, n));
    value_set_pos(&v, pos);
    return v;
}

// Where the "=" of key=value is, or NULL: the key must be a plain word.
static const char *find_equals(const char *s, const char *end)
{
    const char *p = s;
    while (p < end && (*p == '_' || *p == '-' || *p == '.' || (*p >= '0' && *p <= '9') ||
                       (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')))
        p++;
    return p > s && p < end && *p == '=' ? p : NULL;
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

int kv_parse(struct arena *a, const char *text, size_t len, bool raw, struct pos pos,
             struct dict **ret, struct err *e)
{
    struct scan s = {text, text + len};
    struct dict *d = value_dict(a).u.dict;
    char *rest = arena_alloc(a, len + 1);
    size_t n_rest = 0;
    while (s.p < s.end) {
        while (s.p < s.end && strchr(" \t\n\r", *s.p))
            s.p++;
        const char *word = s.p;
        if (!skip_word(&s))
            return err_set(
                e, ERR_PARSE, pos,
                "failed at splitting arguments, either an unbalanced jinja2 block or quotes: %.*s",
                (int)len, text);
        if (s.p == word)
            break;
        const char *eq = find_equals(word, s.p);
        if (eq && (!raw || raw_key(word, (size_t)(eq - word)))) {
            struct value key = value_strn(a, word, (size_t)(eq - word));
            value_set_pos(&key, pos);
            dict_setv(d, key, unquoted(a, eq + 1, (size_t)(s.p - eq - 1), pos));
        } else {
            // with the white space behind it: a raw command keeps its own, the last newline too
            const char *end = s.p;
            while (end < s.end && strchr(" \t\n\r", *end))
                end++;
            memcpy(rest + n_rest, word, (size_t)(end - word));
            n_rest += (size_t)(end - word);
        }
    }
    if (n_rest) {
        struct value v = value_ref(arena_strndup(a, rest, n_rest), n_rest);
        value_set_pos(&v, pos);
        dict_set(d, "_raw_params", v);
    }
    *ret = d;
    return 0;
}
