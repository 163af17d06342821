// Python's re on PCRE2: patterns and replacement templates are translated, the rest is the same
// engine family.
#include "template/regex.h"

#include "template/unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT 20000000

struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    uint32_t groups;
};

static int bad(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int bad(struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err_vset(e, ERR_FAILED, POS_NONE, fmt, ap);
    va_end(ap);
    return ERR_FAILED;
}

// State of a translation; positions in messages count code points as Python does.
struct tr {
    struct text in;
    size_t i;
    struct buf *out;
    bool in_class;
    bool repeated; // the last thing translated was a quantifier
    struct err *e;
};

static size_t position(const struct tr *t, size_t at)
{
    return utf8_count(t->in.s, at);
}

static int hex_escape(struct tr *t, size_t digits)
{
    const char *p = t->in.s + t->i + 2;
    size_t n = 0;
    while (n < digits && t->i + 2 + n < t->in.len && isxdigit((unsigned char)p[n]))
        n++;
    if (n != digits)
        return bad(t->e, "incomplete escape \\%.*s at position %zu", (int)(n + 1), p - 1,
                   position(t, t->i));
    buf_addf(t->out, "\\x{%.*s}", (int)n, p);
    t->i += 2 + n;
    return 0;
}

// A backslash at t->i.
static int tr_escape(struct tr *t)
{
    if (t->i + 1 >= t->in.len)
        return bad(t->e, "bad escape (end of pattern) at position %zu", position(t, t->i));
    char c = t->in.s[t->i + 1];
    switch (c) {
    case 'x':
        return hex_escape(t, 2);
    case 'u':
        return hex_escape(t, 4);
    case 'U':
        return hex_escape(t, 8);
    case 'Z':
        if (!t->in_class) {
            buf_adds(t->out, "\\z");
            t->i += 2;
            return 0;
        }
        break;
    case '0':
        buf_adds(t->out, "\\0");
        t->i += 2;
        for (int k = 0; k < 2 && t->i < t->in.len && t->in.s[t->i] >= '0' && t->in.s[t->i] <= '7';
             k++)
            buf_addc(t->out, t->in.s[t->i++]);
        return 0;
    default:
        break;
    }
    const char *known = t->in_class ? "dDsSwWabfnrtv" : "dDsSwWabBAfnrtv";
    if (isalpha((unsigned char)c) && !strchr(known, c))
        return bad(t->e, "bad escape \\%c at position %zu", c, position(t, t->i));
    if (c == 'v') {
        buf_adds(t->out, "\\x0b"); // a class of white space in PCRE2
    } else if (!isalnum((unsigned char)c) && (unsigned char)c < 0x80 &&
               !isprint((unsigned char)c)) {
        buf_addf(t->out, "\\x%02x", (unsigned char)c);
    } else if ((unsigned char)c >= 0x80) {
        t->i += 1; // the code point itself follows
        return 0;
    } else {
        buf_addc(t->out, '\\');
        buf_addc(t->out, c);
    }
    t->i += 2;
    return 0;
}

static int tr_class(struct tr *t)
{
    size_t start = t->i;
    t->in_class = true;
    buf_addc(t->out, '[');
    t->i++;
    if (t->i < t->in.len && t->in.s[t->i] == '^') {
        buf_addc(t->out, '^');
        t->i++;
    }
    if (t->i < t->in.len && t->in.s[t->i] == ']') {
        buf_adds(t->out, "\\]");
        t->i++;
    }
    while (t->i < t->in.len && t->in.s[t->i] != ']') {
        int rc = 0;
        if (t->in.s[t->i] == '\\')
            rc = tr_escape(t);
        else if (t->in.s[t->i] == '[') {
            buf_adds(t->out, "\\[");
            t->i++;
        } else
            buf_addc(t->out, t->in.s[t->i++]);
        if (rc < 0)
            return rc;
    }
    t->in_class = false;
    if (t->i >= t->in.len)
        return bad(t->e, "unterminated character set at position %zu", position(t, start));
    buf_addc(t->out, ']');
    t->i++;
    return 0;
}

// "(?aiLmsux)" or "(?i:": flags Python knows and PCRE2 does not are dropped.
static int tr_flags(struct tr *t)
{
    size_t j = t->i + 2;
    buf_adds(t->out, "(?");
    while (j < t->in.len && strchr("aiLmsux-", t->in.s[j])) {
        if (strchr("imsx-", t->in.s[j]))
            buf_addc(t->out, t->in.s[j]);
        j++;
    }
    if (j >= t->in.len)
        return bad(t->e, "missing -, : or ) at position %zu", position(t, j));
    t->i = j;
    return 0;
}

static int tr_group(struct tr *t)
{
    const char *p = t->in.s + t->i;
    size_t left = t->in.len - t->i;
    if (left > 1 && p[1] == '*')
        return bad(t->e, "nothing to repeat at position %zu", position(t, t->i + 1));
    if (left < 3 || p[1] != '?') {
        buf_addc(t->out, '(');
        t->i++;
        return 0;
    }
    if (strchr("aiLmsux", p[2]) || (p[2] == '-' && left > 3 && isalpha((unsigned char)p[3])))
        return tr_flags(t);
    if (p[2] == 'P' && left > 4 && p[3] == '<' && isdigit((unsigned char)p[4])) {
        const char *end = memchr(p + 4, '>', left - 4);
        return bad(t->e, "bad character in group name '%.*s' at position %zu",
                   (int)(end ? end - p - 4 : 1), p + 4, position(t, t->i + 4));
    }
    if (p[2] == 'P') {
        if (left > 3 && p[3] != '<' && p[3] != '=')
            return bad(t->e, "unknown extension ?P%c at position %zu", p[3], position(t, t->i + 1));
    } else if (p[2] == '<') {
        if (left > 3 && p[3] != '=' && p[3] != '!')
            return bad(t->e, "unknown extension ?<%c at position %zu", p[3], position(t, t->i + 1));
    } else if (!strchr(":=!>#(", p[2])) {
        return bad(t->e, "unknown extension ?%c at position %zu", p[2], position(t, t->i + 1));
    }
    size_t n = p[2] == '<' || p[2] == 'P' ? 4 : 3;
    if (n > left)
        return bad(t->e, "unexpected end of pattern at position %zu", position(t, t->in.len));
    buf_add(t->out, p, n);
    t->i += n;
    return 0;
}

static int translate(struct tr *t)
{
    while (t->i < t->in.len) {
        char c = t->in.s[t->i];
        int rc = 0;
        if (c == '*' && t->repeated)
            return bad(t->e, "multiple repeat at position %zu", position(t, t->i));
        t->repeated = c == '*' || c == '+' || (c == '?' && !t->repeated);
        if (c == '\\') {
            rc = tr_escape(t);
        } else if (c == '[') {
            rc = tr_class(t);
        } else if (c == '(') {
            rc = tr_group(t);
        } else if (c == '{' && t->i + 2 < t->in.len && t->in.s[t->i + 1] == ',' &&
                   isdigit((unsigned char)t->in.s[t->i + 2])) {
            buf_adds(t->out, "{0");
            t->i++;
        } else {
            buf_addc(t->out, c);
            t->i++;
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

// Python's words for the errors PCRE2 finds.
static int compile_error(const struct tr *t, int code, size_t at, struct err *e)
{
    static const struct {
        int code;
        const char *msg;
    } words[] = {
        {PCRE2_ERROR_QUANTIFIER_INVALID, "nothing to repeat"},
        {PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS, "missing ), unterminated subpattern"},
        {PCRE2_ERROR_UNMATCHED_CLOSING_PARENTHESIS, "unbalanced parenthesis"},
        {PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH, "look-behind requires fixed-width pattern"},
        {PCRE2_ERROR_CLASS_RANGE_ORDER, "bad character range"},
        {PCRE2_ERROR_QUANTIFIER_OUT_OF_ORDER, "min repeat greater than max repeat"},
        {PCRE2_ERROR_BAD_SUBPATTERN_REFERENCE, "invalid group reference"},
    };
    if (code == PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH)
        return bad(e, "look-behind requires fixed-width pattern");
    if (code == PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS) {
        // Python names the opening one
        int depth = 0;
        size_t open = 0, stack[64];
        for (size_t i = 0; i < t->in.len; i++) {
            if (t->in.s[i] == '\\')
                i++;
            else if (t->in.s[i] == '(' && depth < 64)
                stack[depth++] = i;
            else if (t->in.s[i] == ')' && depth > 0)
                depth--;
        }
        if (depth > 0)
            open = stack[depth - 1];
        return bad(e, "missing ), unterminated subpattern at position %zu", position(t, open));
    }
    if (code == PCRE2_ERROR_QUANTIFIER_INVALID ||
        code == PCRE2_ERROR_UNMATCHED_CLOSING_PARENTHESIS) {
        size_t back = code == PCRE2_ERROR_QUANTIFIER_INVALID && at > 0 ? at - 1 : at;
        return bad(e, "%s at position %zu",
                   words[code == PCRE2_ERROR_QUANTIFIER_INVALID ? 0 : 2].msg,
                   back > t->in.len ? t->in.len : back);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].code == code)
            return bad(e, "%s at position %zu", words[i].msg, at);
    PCRE2_UCHAR msg[128];
    pcre2_get_error_message(code, msg, sizeof msg);
    return bad(e, "%s at position %zu", (const char *)msg, at);
}

int regex_compile(struct text pattern, int flags, struct regex **ret, struct err *e)
{
    struct buf out = BUF_INIT;
    struct tr t = {.in = pattern, .out = &out, .e = e};
    int rc = translate(&t);
    if (rc < 0) {
        buf_release(&out);
        return rc;
    }
    uint32_t opts = PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    opts |= flags & REGEX_IGNORECASE ? PCRE2_CASELESS : 0;
    opts |= flags & REGEX_MULTILINE ? PCRE2_MULTILINE : 0;
    opts |= flags & REGEX_DOTALL ? PCRE2_DOTALL : 0;
    opts |= flags & REGEX_VERBOSE ? PCRE2_EXTENDED : 0;
    int code;
    size_t at;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)buf_str(&out), out.len, opts, &code, &at, NULL);
    buf_release(&out);
    if (!re)
        return compile_error(&t, code, at, e);
    struct regex *r = xcalloc(1, sizeof *r);
    r->code = re;
    r->match = pcre2_match_data_create_from_pattern(re, NULL);
    r->limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(r->limits, MATCH_LIMIT);
    pcre2_pattern_info(re, PCRE2_INFO_CAPTURECOUNT, &r->groups);
    *ret = r;
    return 0;
}

void regex_free(struct regex *re)
{
    if (!re)
        return;
    pcre2_match_context_free(re->limits);
    pcre2_match_data_free(re->match);
    pcre2_code_free(re->code);
    free(re);
}

int regex_search(struct regex *re, struct text s, size_t start, bool anchored, bool not_empty,
                 const size_t **ret_groups, struct err *e)
{
    if (start > s.len)
        return 0;
    uint32_t opts = (anchored ? PCRE2_ANCHORED : 0) | (not_empty ? PCRE2_NOTEMPTY_ATSTART : 0);
    int rc = pcre2_match(re->code, (PCRE2_SPTR)s.s, s.len, start, opts, re->match, re->limits);
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    if (rc < 0) {
        PCRE2_UCHAR msg[128];
        pcre2_get_error_message(rc, msg, sizeof msg);
        return bad(e, "regular expression failed: %s", (const char *)msg);
    }
    *ret_groups = pcre2_get_ovector_pointer(re->match);
    return 1;
}

size_t regex_groups(const struct regex *re)
{
    return re->groups;
}

int regex_group_number(const struct regex *re, const char *name, size_t len)
{
    char tmp[128];
    if (len >= sizeof tmp)
        return -1;
    memcpy(tmp, name, len);
    tmp[len] = '\0';
    int n = pcre2_substring_number_from_name(re->code, (PCRE2_SPTR)tmp);
    return n < 0 ? -1 : n;
}

static void add_group(struct buf *b, struct text s, const size_t *groups, size_t n)
{
    if (groups[2 * n] != PCRE2_UNSET && groups[2 * n + 1] >= groups[2 * n])
        buf_add(b, s.s + groups[2 * n], groups[2 * n + 1] - groups[2 * n]);
}

// "\g<name>" or "\g<3>" at tpl.s[*i]: the group it names.
static int template_name(const struct regex *re, struct text tpl, size_t *i, size_t *ret,
                         struct err *e)
{
    size_t start = *i + 3, end = start;
    if (*i + 2 >= tpl.len || tpl.s[*i + 2] != '<')
        return bad(e, "missing < at position %zu", utf8_count(tpl.s, *i + 2));
    while (end < tpl.len && tpl.s[end] != '>')
        end++;
    if (end >= tpl.len)
        return bad(e, "missing >, unterminated name at position %zu", utf8_count(tpl.s, start));
    if (end == start)
        return bad(e, "missing group name at position %zu", utf8_count(tpl.s, start));
    int64_t n;
    if (parse_int(tpl.s + start, end - start, 10, &n)) {
        if (n < 0 || n > (int64_t)re->groups)
            return bad(e, "invalid group reference %lld at position %zu", (long long)n,
                       utf8_count(tpl.s, start));
    } else {
        n = regex_group_number(re, tpl.s + start, end - start);
        if (n < 0)
            return bad(e, "unknown group name '%.*s'", (int)(end - start), tpl.s + start);
    }
    *i = end + 1;
    *ret = (size_t)n;
    return 0;
}

// "\12", or an octal escape: 1 when it was a character.
static int template_digits(const struct regex *re, struct text tpl, size_t *i, size_t *group,
                           struct buf *b, struct err *e)
{
    const char *p = tpl.s + *i + 1;
    size_t left = tpl.len - *i - 1, n = 1;
    if (*p == '0') {
        int v = 0;
        for (n = 1; n < 3 && n < left && p[n] >= '0' && p[n] <= '7'; n++)
            v = v * 8 + p[n] - '0';
        utf8_add(b, (uint32_t)v);
        *i += 1 + n;
        return 1;
    }
    size_t g = (size_t)(*p - '0');
    if (left > 1 && isdigit((unsigned char)p[1])) {
        if (left > 2 && p[0] < '8' && p[1] < '8' && p[2] >= '0' && p[2] <= '7') {
            utf8_add(b, (uint32_t)((p[0] - '0') * 64 + (p[1] - '0') * 8 + p[2] - '0'));
            *i += 4;
            return 1;
        }
        g = g * 10 + (size_t)(p[1] - '0');
        n = 2;
    }
    if (g > re->groups)
        return bad(e, "invalid group reference %zu at position %zu", g, utf8_count(tpl.s, *i + 1));
    *i += 1 + n;
    *group = g;
    return 0;
}

// Appends the replacement template for one match.
static int expand(const struct regex *re, struct text s, const size_t *groups, struct text tpl,
                  struct buf *b, struct err *e)
{
    static const char names[] = "abfnrtv\\", codes[] = "\a\b\f\n\r\t\v\\";
    for (size_t i = 0; i < tpl.len;) {
        if (tpl.s[i] != '\\') {
            buf_addc(b, tpl.s[i++]);
            continue;
        }
        if (i + 1 >= tpl.len)
            return bad(e, "bad escape (end of pattern) at position %zu", utf8_count(tpl.s, i));
        char c = tpl.s[i + 1];
        const char *simple = strchr(names, c);
        size_t group = 0;
        int rc = 0;
        if (c == 'g') {
            rc = template_name(re, tpl, &i, &group, e);
        } else if (isdigit((unsigned char)c)) {
            rc = template_digits(re, tpl, &i, &group, b, e);
        } else if (simple && c) {
            buf_addc(b, codes[simple - names]);
            i += 2;
            continue;
        } else if (isalpha((unsigned char)c)) {
            return bad(e, "bad escape \\%c at position %zu", c, utf8_count(tpl.s, i));
        } else {
            buf_addc(b, '\\');
            i++;
            continue;
        }
        if (rc < 0)
            return rc;
        if (rc == 0)
            add_group(b, s, groups, group);
    }
    return 0;
}

int regex_sub(struct regex *re, struct text s, struct text template, size_t count, struct buf *b,
              struct err *e)
{
    size_t at = 0, copied = 0, done = 0;
    bool not_empty = false;
    while ((!count || done < count) && !b->overflow) {
        const size_t *g;
        int rc = regex_search(re, s, at, false, not_empty, &g, e);
        if (rc < 0)
            return rc;
        if (!rc)
            break;
        size_t from = g[0], to = g[1];
        buf_add(b, s.s + copied, from - copied);
        rc = expand(re, s, g, template, b, e);
        if (rc < 0)
            return rc;
        copied = at = to;
        not_empty = from == to;
        done++;
    }
    if (!done) { // a broken template is an error even when nothing matches
        struct buf none = BUF_INIT;
        size_t *unset = xmalloc(sizeof(size_t) * 2 * (re->groups + 1));
        memset(unset, 0xff, sizeof(size_t) * 2 * (re->groups + 1));
        int rc = expand(re, s, unset, template, &none, e);
        free(unset);
        buf_release(&none);
        if (rc < 0)
            return rc;
    }
    buf_add(b, s.s + copied, s.len - copied);
    return 0;
}

void regex_escape(struct buf *b, struct text s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.s[i] && strchr("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", s.s[i]))
            buf_addc(b, '\\');
        buf_addc(b, s.s[i]);
    }
}
