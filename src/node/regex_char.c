// Characters of regular expressions: classes, sets, case and UTF-8.
#include "node/regex_program.h"

#include "core/utf8.h"

#include <wctype.h>

static bool is_space(uint32_t c, bool text)
{
    if ((c >= 9 && c <= 13) || c == ' ')
        return true;
    if (!text)
        return false;
    return (c >= 0x1c && c <= 0x1f) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static bool is_word(uint32_t c, bool text)
{
    if (c < 128)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_';
    return text && iswalnum((wint_t)c);
}

// Decimal digits of other scripts come in blocks of ten; these are the common ones.
static bool is_digit(uint32_t c, bool text)
{
    static const uint32_t zeros[] = {0x660, 0x6f0,  0x7c0,  0x966,  0x9e6, 0xa66, 0xae6,
                                     0xb66, 0xbe6,  0xc66,  0xce6,  0xd66, 0xe50, 0xed0,
                                     0xf20, 0x1040, 0x17e0, 0x1810, 0xff10};
    if (c < 128 || !text)
        return c >= '0' && c <= '9';
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        if (c >= zeros[i] && c < zeros[i] + 10)
            return true;
    return false;
}

bool re_in_class(uint32_t c, enum re_class class, bool text)
{
    return class == CLASS_DIGIT   ? is_digit(c, text)
           : class == CLASS_SPACE ? is_space(c, text)
                                  : is_word(c, text);
}

uint32_t re_lower(uint32_t c, bool text)
{
    if (c < 128)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return text ? (uint32_t)towlower((wint_t)c) : c;
}

uint32_t re_upper(uint32_t c, bool text)
{
    if (c < 128)
        return c >= 'a' && c <= 'z' ? c - 32 : c;
    return text ? (uint32_t)towupper((wint_t)c) : c;
}

static bool holds(const struct re_set *set, uint32_t c, bool text)
{
    if (c < 256 && (set->bits[c >> 3] & (1u << (c & 7))))
        return true;
    for (size_t i = 0; i < set->n_ranges; i++)
        if (c >= set->ranges[i].lo && c <= set->ranges[i].hi)
            return true;
    for (int k = 0; c >= 128 && k < 3; k++) {
        bool in = re_in_class(c, (enum re_class)k, text);
        if (((set->classes >> k & 1) && in) || ((set->not_classes >> k & 1) && !in))
            return true;
    }
    return false;
}

bool re_in_set(const struct re_set *set, uint32_t c, bool fold, bool text)
{
    bool in = holds(set, c, text);
    if (!in && fold)
        in = holds(set, re_lower(c, text), text) || holds(set, re_upper(c, text), text);
    return in != set->negated;
}

size_t re_decode(const char *s, const char *end, uint32_t *ret_c)
{
    size_t n = utf8_decode(s, (size_t)(end - s), ret_c);
    if (n)
        return n;
    *ret_c = (unsigned char)*s;
    return 1;
}

void re_encode(struct buf *b, uint32_t c, bool text)
{
    char s[4];
    if (text)
        buf_add(b, s, utf8_encode(s, c));
    else
        buf_addc(b, (char)c);
}
