// YAML 1.1 implicit types, with the exact edges of PyYAML's resolver: yes/no words, octal by
// leading zero, base 60, floats that need a dot and a signed exponent.
#include "yaml/scalar.h"

#include "core/buf.h"
#include "core/hash.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// A cursor over text that is being matched.
struct scan {
    const char *p, *end;
};

static size_t eat_set(struct scan *s, const char *set)
{
    const char *from = s->p;
    while (s->p < s->end && *s->p && strchr(set, *s->p))
        s->p++;
    return (size_t)(s->p - from);
}

static bool eat_one(struct scan *s, const char *set)
{
    if (s->p == s->end || !*s->p || !strchr(set, *s->p))
        return false;
    s->p++;
    return true;
}

static bool at_end(const struct scan *s)
{
    return s->p == s->end;
}

#define DIGITS "0123456789"

// (:[0-5]?[0-9])+ , returning how many groups.
static int eat_base60(struct scan *s)
{
    int groups = 0;
    while (s->p < s->end && *s->p == ':') {
        struct scan t = {s->p + 1, s->end};
        const char *from = t.p;
        size_t n = eat_set(&t, DIGITS);
        if (n == 0 || n > 2 || (n == 2 && *from > '5'))
            break;
        *s = t;
        groups++;
    }
    return groups;
}

static bool is_int(const char *p, size_t len)
{
    struct scan s = {p, p + len};
    eat_one(&s, "-+");
    if (at_end(&s))
        return false;
    if (*s.p != '0') {
        if (!eat_one(&s, "123456789"))
            return false;
        eat_set(&s, DIGITS "_");
        return at_end(&s) || (eat_base60(&s) > 0 && at_end(&s));
    }
    s.p++;
    if (at_end(&s))
        return true;
    const char *set = "01234567_";
    if (*s.p == 'b' || *s.p == 'x') {
        set = *s.p == 'b' ? "01_" : "0123456789abcdefABCDEF_";
        s.p++;
    }
    return eat_set(&s, set) > 0 && at_end(&s);
}

static bool is_float(const char *p, size_t len)
{
    struct scan s = {p, p + len};
    bool sign = eat_one(&s, "-+");
    if (at_end(&s))
        return false;
    size_t rest = (size_t)(s.end - s.p);
    if (*s.p == '.') {
        if (rest == 4 &&
            (!memcmp(s.p, ".inf", 4) || !memcmp(s.p, ".Inf", 4) || !memcmp(s.p, ".INF", 4)))
            return true;
        if (sign)
            return false;
        if (rest == 4 &&
            (!memcmp(s.p, ".nan", 4) || !memcmp(s.p, ".NaN", 4) || !memcmp(s.p, ".NAN", 4)))
            return true;
        s.p++;
        if (!eat_one(&s, DIGITS))
            return false;
        eat_set(&s, DIGITS "_");
    } else {
        if (!eat_one(&s, DIGITS))
            return false;
        eat_set(&s, DIGITS "_");
        bool base60 = eat_base60(&s) > 0;
        if (!eat_one(&s, "."))
            return false;
        eat_set(&s, DIGITS "_");
        if (base60)
            return at_end(&s);
    }
    if (at_end(&s))
        return true;
    return eat_one(&s, "eE") && eat_one(&s, "-+") && eat_set(&s, DIGITS) > 0 && at_end(&s);
}

// One of the spellings word, Word, WORD.
static bool is_word(const char *s, size_t len, const char *word)
{
    if (strlen(word) != len || strncasecmp(s, word, len) != 0)
        return false;
    bool upper = isupper((unsigned char)s[0]);
    bool all = len > 1 && isupper((unsigned char)s[1]);
    for (size_t i = 1; i < len; i++)
        if ((isupper((unsigned char)s[i]) != 0) != (upper && all))
            return false;
    return true;
}

static const struct {
    const char *word;
    bool val;
} bool_words[] = {{"yes", true},    {"no", false}, {"true", true},
                  {"false", false}, {"on", true},  {"off", false}};

static bool is_bool(const char *s, size_t len)
{
    for (size_t i = 0; i < sizeof(bool_words) / sizeof(bool_words[0]); i++)
        if (is_word(s, len, bool_words[i].word))
            return true;
    return false;
}

enum scalar_kind scalar_resolve(const char *s, size_t len)
{
    if (len == 0)
        return SCALAR_NULL;
    switch (s[0]) {
    case '~':
        return len == 1 ? SCALAR_NULL : SCALAR_STR;
    case '<':
        return len == 2 && s[1] == '<' ? SCALAR_MERGE : SCALAR_STR;
    case '=':
        return len == 1 ? SCALAR_VALUE : SCALAR_STR;
    case 'n':
    case 'N':
        if (is_word(s, len, "null"))
            return SCALAR_NULL;
        return is_bool(s, len) ? SCALAR_BOOL : SCALAR_STR;
    case 'y':
    case 'Y':
    case 't':
    case 'T':
    case 'f':
    case 'F':
    case 'o':
    case 'O':
        return is_bool(s, len) ? SCALAR_BOOL : SCALAR_STR;
    case '-':
    case '+':
    case '.':
        break;
    default:
        if (!isdigit((unsigned char)s[0]))
            return SCALAR_STR;
    }
    if (is_float(s, len))
        return SCALAR_FLOAT;
    if (is_int(s, len))
        return SCALAR_INT;
    return timestamp_match(s, len) ? SCALAR_TIMESTAMP : SCALAR_STR;
}

// A copy without underscores, and without a sign, which goes to *neg.
static char *strip_number(struct arena *a, const char *s, size_t len, bool *neg)
{
    char *out = arena_alloc(a, len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (s[i] != '_')
            out[n++] = s[i];
    out[n] = '\0';
    *neg = out[0] == '-';
    return out[0] == '-' || out[0] == '+' ? out + 1 : out;
}

// A whole number outside 64 bits as a string of decimal digits.
static struct value big_int(struct arena *a, const char *digits, int base, bool neg)
{
    size_t len = strlen(digits), n = 1;
    // One input digit never makes more than two decimal ones.
    unsigned char *dec = arena_alloc(a, 2 * len + 2);
    for (size_t i = 0; i < len; i++) {
        char c = (char)tolower((unsigned char)digits[i]);
        unsigned carry = (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
        for (size_t k = 0; k < n; k++) {
            carry += dec[k] * (unsigned)base;
            dec[k] = (unsigned char)(carry % 10);
            carry /= 10;
        }
        for (; carry; carry /= 10)
            dec[n++] = (unsigned char)(carry % 10);
    }
    char *out = arena_alloc(a, n + 2), *p = out;
    if (neg)
        *p++ = '-';
    while (n > 0)
        *p++ = (char)('0' + dec[--n]);
    return value_ref(out, (size_t)(p - out));
}

static const char *construct_base60(const char *p, bool neg, struct value *ret)
{
    int64_t total = 0;
    for (;;) {
        char *end;
        errno = 0;
        long long part = strtoll(p, &end, 10);
        if (end == p || errno || __builtin_mul_overflow(total, 60, &total) ||
            __builtin_add_overflow(total, part, &total))
            return "the base 60 number is too large";
        if (!*end)
            break;
        p = end + 1;
    }
    *ret = value_int(neg ? -total : total);
    return NULL;
}

#define BIG_INT_MAX 512 // digits; the conversion is quadratic

static const char *construct_int(struct arena *a, const char *s, size_t len, struct value *ret)
{
    bool neg;
    if (!is_int(s, len))
        return "not a whole number";
    const char *p = strip_number(a, s, len, &neg);
    if (strchr(p, ':'))
        return construct_base60(p, neg, ret);
    int base = 10;
    if (p[0] == '0' && p[1]) {
        base = p[1] == 'x' ? 16 : p[1] == 'b' ? 2 : 8;
        p += base == 8 ? 1 : 2;
    }
    if (!*p)
        return "a number without digits";
    errno = 0;
    unsigned long long u = strtoull(p, NULL, base);
    if (errno == 0 && u <= (unsigned long long)INT64_MAX + neg) {
        *ret = value_int(neg ? (int64_t)(0 - u) : (int64_t)u);
        return NULL;
    }
    if (strlen(p) > BIG_INT_MAX)
        return "the number has too many digits";
    *ret = big_int(a, p, base, neg);
    return NULL;
}

static const char *construct_float(struct arena *a, const char *s, size_t len, struct value *ret)
{
    bool neg;
    const char *p = strip_number(a, s, len, &neg);
    double f = 0;
    if (!strcasecmp(p, ".inf")) {
        f = INFINITY;
    } else if (!strcasecmp(p, ".nan")) {
        *ret = value_float(NAN);
        return NULL;
    } else {
        for (;;) {
            char *end;
            if (!isdigit((unsigned char)*p) && *p != '.')
                return "not a number";
            f = f * 60 + strtod(p, &end);
            if (end == p || (*end && *end != ':') || strpbrk(p, "xX"))
                return "not a number";
            if (!*end)
                break;
            p = end + 1;
        }
    }
    *ret = value_float(neg ? -f : f);
    return NULL;
}

static const char *construct_bool(const char *s, size_t len, struct value *ret)
{
    for (size_t i = 0; i < sizeof(bool_words) / sizeof(bool_words[0]); i++) {
        if (strlen(bool_words[i].word) == len && !strncasecmp(s, bool_words[i].word, len)) {
            *ret = value_bool(bool_words[i].val);
            return NULL;
        }
    }
    return "not a boolean";
}

static const char *construct_binary(struct arena *a, const char *s, size_t len, struct value *ret)
{
    struct buf b = BUF_INIT;
    int rc = base64_decode(&b, s, len);
    if (rc >= 0) {
        *ret = value_strn(a, buf_str(&b), b.len);
        ret->flags |= VALUE_BYTES;
    }
    buf_release(&b);
    return rc < 0 ? "not base64" : NULL;
}

const char *scalar_construct(struct arena *a, enum scalar_kind kind, const char *s, size_t len,
                             struct value *ret)
{
    switch (kind) {
    case SCALAR_STR:
        *ret = value_ref(s, len);
        return NULL;
    case SCALAR_NULL:
        *ret = value_null();
        return NULL;
    case SCALAR_BOOL:
        return construct_bool(s, len, ret);
    case SCALAR_INT:
        return construct_int(a, s, len, ret);
    case SCALAR_FLOAT:
        return construct_float(a, s, len, ret);
    case SCALAR_TIMESTAMP:
        return timestamp_construct(a, s, len, ret);
    case SCALAR_BINARY:
        return construct_binary(a, s, len, ret);
    case SCALAR_MERGE:
    case SCALAR_VALUE:
        break;
    }
    return "only allowed as a key";
}
