// Scalar analysis after libyaml's rules, and PyYAML's implicit types.
#include "template/yaml_scalar.h"

#include "core/buf.h"
#include "core/hash.h"
#include "template/unicode.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

static bool is_break(uint32_t cp)
{
    return cp == '\r' || cp == '\n' || cp == 0x85 || cp == 0x2028 || cp == 0x2029;
}

static bool blank_or_end(const char *p, const char *end)
{
    if (p >= end)
        return true;
    const char *q = p;
    uint32_t cp = utf8_next(&q, end);
    return cp == ' ' || cp == '\t' || cp == 0 || is_break(cp);
}

static bool printable(uint32_t cp)
{
    return cp == 0x0A || (cp >= 0x20 && cp <= 0x7E) || (cp >= 0xA0 && cp <= 0xD7FF) ||
           (cp >= 0xE000 && cp <= 0xFFFD && cp != 0xFEFF);
}

// Indicators at the first character forbid a plain scalar, in block or flow context.
static void first_indicators(uint32_t cp, bool followed, bool *flow, bool *block)
{
    if (cp < 0x80 && strchr("#,[]{}&*!|>'\"%@`", (int)cp) && cp)
        *flow = *block = true;
    if (cp == '?' || cp == ':') {
        *flow = true;
        *block |= followed;
    }
    if (cp == '-' && followed)
        *flow = *block = true;
}

static void later_indicators(uint32_t cp, bool preceded, bool followed, bool *flow, bool *block)
{
    if (cp < 0x80 && strchr(",?[]{}", (int)cp) && cp)
        *flow = true;
    if (cp == ':') {
        *flow = true;
        *block |= followed;
    }
    if (cp == '#' && preceded)
        *flow = *block = true;
}

struct yaml_scalar yaml_analyze(const char *s, size_t len, bool unicode)
{
    if (!len)
        return (struct yaml_scalar){.block_plain = true, .single_quoted = true};
    bool block_ind = false, flow_ind = false, breaks = false, special = false;
    bool lead_space = false, lead_break = false, trail_space = false, trail_break = false;
    bool break_space = false, space_break = false, prev_space = false, prev_break = false,
         preceded = true;
    if (len >= 3 && (memcmp(s, "---", 3) == 0 || memcmp(s, "...", 3) == 0))
        block_ind = flow_ind = true;
    for (const char *p = s, *end = s + len; p < end;) {
        bool first = p == s;
        uint32_t cp = utf8_next(&p, end);
        bool last = p == end, followed = blank_or_end(p, end);
        if (first)
            first_indicators(cp, followed, &flow_ind, &block_ind);
        else
            later_indicators(cp, preceded, followed, &flow_ind, &block_ind);
        if (!printable(cp) || (cp >= 0x80 && !unicode))
            special = true;
        if (is_break(cp))
            breaks = true;
        if (cp == ' ') {
            lead_space |= first;
            trail_space |= last;
            break_space |= prev_break;
        } else if (is_break(cp)) {
            lead_break |= first;
            trail_break |= last;
            space_break |= prev_space;
        }
        prev_space = cp == ' ';
        prev_break = is_break(cp);
        preceded = cp == ' ' || cp == '\t' || is_break(cp);
    }
    struct yaml_scalar a = {breaks, true, true, true, true};
    if (lead_space || lead_break || trail_space || trail_break || breaks)
        a.flow_plain = a.block_plain = false;
    if (trail_space)
        a.block = false;
    if (break_space)
        a.flow_plain = a.block_plain = a.single_quoted = false;
    if (space_break || special)
        a.flow_plain = a.block_plain = a.single_quoted = a.block = false;
    a.flow_plain &= !flow_ind;
    a.block_plain &= !block_ind;
    return a;
}

static bool in_words(const char *s, size_t len, const char *words)
{
    for (const char *w = words; *w;) {
        size_t n = strcspn(w, " ");
        if (n == len && memcmp(w, s, n) == 0)
            return true;
        w += n + (w[n] == ' ');
    }
    return false;
}

// Length of the run of characters of set at s.
static size_t run(const char *s, const char *end, const char *set)
{
    size_t n = 0;
    while (s + n < end && s[n] && strchr(set, s[n]))
        n++;
    return n;
}

#define DIGITS "0123456789"
#define DIGITS_ "0123456789_"

// ":59:0..." of base-60 numbers: the length, 0 when there is none.
static size_t sexagesimal(const char *s, const char *end)
{
    size_t n = 0;
    while (s + n + 1 < end && s[n] == ':' && isdigit((unsigned char)s[n + 1])) {
        bool two = s + n + 2 < end && s[n + 1] <= '5' && isdigit((unsigned char)s[n + 2]);
        n += two ? 3 : 2;
    }
    return n;
}

static bool is_int(const char *s, const char *end)
{
    s += s < end && (*s == '-' || *s == '+');
    if (s >= end)
        return false;
    if (*s == '0') {
        if (s + 1 == end)
            return true;
        if (s[1] == 'b')
            return s + 2 < end && run(s + 2, end, "01_") == (size_t)(end - s - 2);
        if (s[1] == 'x')
            return s + 2 < end &&
                   run(s + 2, end, "0123456789abcdefABCDEF_") == (size_t)(end - s - 2);
        return run(s + 1, end, "01234567_") == (size_t)(end - s - 1);
    }
    if (!isdigit((unsigned char)*s))
        return false;
    s += run(s, end, DIGITS_);
    return s == end || s + sexagesimal(s, end) == end;
}

static const char *exponent(const char *s, const char *end)
{
    if (s + 2 < end && (*s == 'e' || *s == 'E') && (s[1] == '-' || s[1] == '+') &&
        run(s + 2, end, DIGITS))
        return s + 2 + run(s + 2, end, DIGITS);
    return s;
}

static bool is_float(const char *s, const char *end)
{
    size_t n = (size_t)(end - s);
    if (in_words(s, n, ".nan .NaN .NAN"))
        return true;
    const char *p = s;
    if (*p == '.' && p + 1 < end && isdigit((unsigned char)p[1]))
        return exponent(p + 1 + run(p + 1, end, DIGITS_), end) == end;
    p += *p == '-' || *p == '+';
    if (in_words(p, (size_t)(end - p), ".inf .Inf .INF"))
        return true;
    if (p >= end || !isdigit((unsigned char)*p))
        return false;
    p += run(p, end, DIGITS_);
    size_t sixty = sexagesimal(p, end);
    p += sixty;
    if (p >= end || *p != '.')
        return false;
    p++;
    p += run(p, end, DIGITS_);
    return p == end || (!sixty && exponent(p, end) == end);
}

// Exactly min..max digits; NULL when not.
static const char *some_digits(const char *s, const char *end, size_t min, size_t max)
{
    size_t n = 0;
    while (s && n < max && s + n < end && isdigit((unsigned char)s[n]))
        n++;
    return s && n >= min ? s + n : NULL;
}

static const char *one_of(const char *s, const char *end, const char *set)
{
    return s && s < end && *s && strchr(set, *s) ? s + 1 : NULL;
}

static bool is_timestamp(const char *s, const char *end)
{
    const char *p = one_of(some_digits(s, end, 4, 4), end, "-");
    const char *day = one_of(some_digits(p, end, 2, 2), end, "-");
    if ((day = some_digits(day, end, 2, 2)) && day == end)
        return true;
    p = one_of(some_digits(p, end, 1, 2), end, "-");
    p = some_digits(p, end, 1, 2);
    if (!p || p == end)
        return false;
    if (*p == 'T' || *p == 't')
        p++;
    else if (!run(p, end, " \t"))
        return false;
    else
        p += run(p, end, " \t");
    p = one_of(some_digits(p, end, 1, 2), end, ":");
    p = one_of(some_digits(p, end, 2, 2), end, ":");
    p = some_digits(p, end, 2, 2);
    if (!p)
        return false;
    if (p < end && *p == '.')
        p += 1 + run(p + 1, end, DIGITS);
    if (p == end)
        return true;
    p += run(p, end, " \t");
    if (p < end && *p == 'Z')
        return p + 1 == end;
    p = some_digits(one_of(p, end, "+-"), end, 1, 2);
    if (p && p < end && *p == ':')
        p = some_digits(p + 1, end, 2, 2);
    return p == end;
}

bool yaml_resolves(const char *s, size_t len)
{
    static const char words[] =
        "yes Yes YES no No NO true True TRUE false False FALSE on On ON off Off OFF "
        "null Null NULL ~ << = ! & *";
    if (!len || in_words(s, len, words))
        return true;
    if (!strchr("-+0123456789.", *s) || !*s)
        return false;
    const char *end = s + len;
    return is_int(s, end) || is_float(s, end) || is_timestamp(s, end);
}

void yaml_binary(struct buf *b, const void *data, size_t len)
{
    const size_t most = 76;
    struct buf plain = BUF_INIT;
    base64_encode(&plain, data, len);
    for (size_t i = 0; i < plain.len; i += most) {
        buf_add(b, plain.p + i, plain.len - i < most ? plain.len - i : most);
        buf_addc(b, '\n');
    }
    buf_release(&plain);
}
