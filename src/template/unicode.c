// Character classes and case mappings over the generated tables.
#include "template/unicode.h"

#include "template/unicode_tables.h"

#include <string.h>

static const struct uni_range *range_of(const struct uni_range *r, size_t n, uint32_t cp)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (cp < r[mid].first)
            hi = mid;
        else if (cp > r[mid].last)
            lo = mid + 1;
        else
            return &r[mid];
    }
    return NULL;
}

static bool in_ranges(const struct uni_range *r, size_t n, uint32_t cp)
{
    return range_of(r, n, cp) != NULL;
}

int uni_digit_value(uint32_t cp)
{
    const struct uni_range *r = range_of(uni_decimal, uni_decimal_n, cp);
    return r ? (int)((cp - r->first) % 10) : -1; // digits come in runs from 0 to 9
}

bool uni_is(uint32_t cp, enum uni_class k)
{
    switch (k) {
    case UNI_ALPHA:
        return in_ranges(uni_alpha, uni_alpha_n, cp);
    case UNI_LOWER:
        return in_ranges(uni_lower, uni_lower_n, cp);
    case UNI_UPPER:
        return in_ranges(uni_upper, uni_upper_n, cp);
    case UNI_SPACE:
        return in_ranges(uni_space, uni_space_n, cp);
    case UNI_DECIMAL:
        return in_ranges(uni_decimal, uni_decimal_n, cp);
    case UNI_DIGIT:
        return in_ranges(uni_digit, uni_digit_n, cp);
    case UNI_NUMERIC:
        return in_ranges(uni_numeric, uni_numeric_n, cp);
    case UNI_PRINTABLE:
        return utf8_printable(cp);
    }
    return false;
}

bool uni_is_alnum(uint32_t cp)
{
    return uni_is(cp, UNI_ALPHA) || uni_is(cp, UNI_DECIMAL) || uni_is(cp, UNI_DIGIT) ||
           uni_is(cp, UNI_NUMERIC);
}

// The four title-case digraphs and the Greek letters with iota subscript.
static bool is_titlecase(uint32_t cp)
{
    return cp == 0x1C5 || cp == 0x1C8 || cp == 0x1CB || cp == 0x1F2 ||
           (cp >= 0x1F88 && cp <= 0x1F8F) || (cp >= 0x1F98 && cp <= 0x1F9F) ||
           (cp >= 0x1FA8 && cp <= 0x1FAF) || cp == 0x1FBC || cp == 0x1FCC || cp == 0x1FFC;
}

bool uni_is_cased(uint32_t cp)
{
    return uni_is(cp, UNI_LOWER) || uni_is(cp, UNI_UPPER) || is_titlecase(cp);
}

struct case_table {
    const struct uni_map *map;
    size_t n;
    const struct uni_special *special;
    size_t n_special;
};

// Appends the mapping of cp; false when the table has none.
static bool map_add(struct buf *b, const struct case_table *t, uint32_t cp)
{
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const struct uni_map *m = &t->map[mid];
        if (cp < m->first) {
            hi = mid;
        } else if (cp > m->last) {
            lo = mid + 1;
        } else {
            if ((cp - m->first) % m->step)
                break;
            utf8_add(b, (uint32_t)((int32_t)cp + m->delta));
            return true;
        }
    }
    for (size_t i = 0; i < t->n_special; i++) {
        if (t->special[i].from != cp)
            continue;
        for (int k = 0; k < 3 && t->special[i].to[k]; k++)
            utf8_add(b, t->special[i].to[k]);
        return true;
    }
    return false;
}

static void add_upper(struct buf *b, uint32_t cp)
{
    const struct case_table t = {uni_to_upper, uni_to_upper_n, uni_to_upper_special,
                                 uni_to_upper_special_n};
    if (cp < 0x80)
        buf_addc(b, (char)(cp >= 'a' && cp <= 'z' ? cp - 32 : cp));
    else if (!map_add(b, &t, cp))
        utf8_add(b, cp);
}

static void add_title(struct buf *b, uint32_t cp)
{
    const struct case_table t = {uni_to_title, uni_to_title_n, uni_to_title_special,
                                 uni_to_title_special_n};
    if (cp < 0x80 || !map_add(b, &t, cp))
        add_upper(b, cp);
}

// A capital sigma at the end of a word has a lower-case form of its own.
static bool final_sigma(const char *s, const char *at, const char *behind, const char *end)
{
    bool before = false;
    for (const char *p = at; p > s;) {
        const char *q = p = utf8_prev(s, p);
        uint32_t cp = utf8_next(&q, end);
        if (uni_is_cased(cp)) {
            before = true;
            break;
        }
        if (cp != '\'' && cp != '.' && cp != 0x2019 && cp != 0xAD)
            break;
    }
    if (!before)
        return false;
    for (const char *p = behind; p < end;) {
        uint32_t cp = utf8_next(&p, end);
        if (uni_is_cased(cp))
            return false;
        if (cp != '\'' && cp != '.' && cp != 0x2019 && cp != 0xAD)
            break;
    }
    return true;
}

static void add_lower(struct buf *b, uint32_t cp, const char *s, const char *at, const char *behind,
                      const char *end)
{
    const struct case_table t = {uni_to_lower, uni_to_lower_n, uni_to_lower_special,
                                 uni_to_lower_special_n};
    if (cp < 0x80)
        buf_addc(b, (char)(cp >= 'A' && cp <= 'Z' ? cp + 32 : cp));
    else if (cp == 0x3A3)
        utf8_add(b, final_sigma(s, at, behind, end) ? 0x3C2 : 0x3C3);
    else if (!map_add(b, &t, cp))
        utf8_add(b, cp);
}

// ASCII text, which most is: letters from..from+25 get the other case. False when there is anything
// else in it.
static bool ascii_case(struct buf *b, const char *s, size_t len, char from)
{
    char *to = buf_reserve(b, len);
    if (!to)
        return false;
    unsigned char seen = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        seen |= c;
        to[i] = (char)((unsigned char)(c - (unsigned char)from) < 26 ? c ^ 0x20 : c);
    }
    if (seen & 0x80)
        return false;
    to[len] = '\0';
    b->len += len;
    return true;
}

void str_upper(struct buf *b, const char *s, size_t len)
{
    if (ascii_case(b, s, len, 'a'))
        return;
    for (const char *p = s, *end = s + len; p < end;)
        add_upper(b, utf8_next(&p, end));
}

void str_lower(struct buf *b, const char *s, size_t len)
{
    if (ascii_case(b, s, len, 'A'))
        return;
    for (const char *p = s, *end = s + len; p < end;) {
        const char *at = p;
        uint32_t cp = utf8_next(&p, end);
        add_lower(b, cp, s, at, p, end);
    }
}

void str_casefold(struct buf *b, const char *s, size_t len)
{
    const struct case_table t = {uni_to_fold, uni_to_fold_n, uni_to_fold_special,
                                 uni_to_fold_special_n};
    for (const char *p = s, *end = s + len; p < end;) {
        uint32_t cp = utf8_next(&p, end);
        if (cp == 0x3A3)
            utf8_add(b, 0x3C3);
        else if (cp < 0x80 || !map_add(b, &t, cp))
            add_lower(b, cp, s, p, p, end);
    }
}

void str_title(struct buf *b, const char *s, size_t len)
{
    bool in_word = false;
    for (const char *p = s, *end = s + len; p < end;) {
        const char *at = p;
        uint32_t cp = utf8_next(&p, end);
        if (in_word)
            add_lower(b, cp, s, at, p, end);
        else
            add_title(b, cp);
        in_word = uni_is_cased(cp);
    }
}

void str_capitalize(struct buf *b, const char *s, size_t len)
{
    for (const char *p = s, *end = s + len; p < end;) {
        const char *at = p;
        uint32_t cp = utf8_next(&p, end);
        if (at == s)
            add_title(b, cp);
        else
            add_lower(b, cp, s, at, p, end);
    }
}

void str_swapcase(struct buf *b, const char *s, size_t len)
{
    for (const char *p = s, *end = s + len; p < end;) {
        const char *at = p;
        uint32_t cp = utf8_next(&p, end);
        if (uni_is(cp, UNI_UPPER))
            add_lower(b, cp, s, at, p, end);
        else if (uni_is(cp, UNI_LOWER))
            add_upper(b, cp);
        else
            utf8_add(b, cp);
    }
}
