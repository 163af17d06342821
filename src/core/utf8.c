// UTF-8 as code points.
#include "core/utf8.h"

#include <string.h>

size_t utf8_decode(const char *s, size_t n, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char c = (unsigned char)*s;
    if (c < 0x80) {
        *ret = c;
        return 1;
    }
    size_t len = c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (!len || len > n)
        return 0;
    uint32_t cp = c & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            return 0;
        cp = cp << 6 | ((unsigned char)s[i] & 0x3f);
    }
    if (cp < least[len] || cp > 0x10ffff)
        return 0;
    *ret = cp;
    return len;
}

static bool is_half(uint32_t cp)
{
    return cp >= 0xd800 && cp <= 0xdfff;
}

uint32_t utf8_next(const char **p, const char *end)
{
    uint32_t cp;
    size_t n = utf8_decode(*p, (size_t)(end - *p), &cp);
    if (n && !is_half(cp)) {
        *p += n;
        return cp;
    }
    return 0xdc00u + (unsigned char)*(*p)++;
}

const char *utf8_prev(const char *start, const char *p)
{
    const char *end = p--;
    for (int i = 0; i < 3 && p > start && ((unsigned char)*p & 0xc0) == 0x80; i++)
        p--;
    const char *q = p;
    utf8_next(&q, end);
    return q == end ? p : end - 1;
}

size_t utf8_encode(char *out, uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, cp >>= 6)
        out[i] = (char)(0x80 | (cp & 0x3f));
    out[0] = (char)(lead[n] | cp);
    return n;
}

void utf8_add(struct buf *b, uint32_t cp)
{
    char s[4];
    if (cp >= 0xdc80 && cp <= 0xdcff)
        buf_addc(b, (char)(cp - 0xdc00));
    else
        buf_add(b, s, utf8_encode(s, cp));
}

size_t utf8_count(const char *s, size_t len)
{
    size_t n = 0;
    uint64_t eight;
    for (const char *p = s, *end = s + len; p < end; n++)
        if (end - p >= 8 && (memcpy(&eight, p, 8), !(eight & 0x8080808080808080u))) {
            p += 8;
            n += 7;
        } else if ((unsigned char)*p < 0x80) {
            p++;
        } else {
            utf8_next(&p, end);
        }
    return n;
}

size_t utf8_offset(const char *s, size_t len, size_t n)
{
    const char *p = s, *end = s + len;
    for (; n > 0 && p < end; n--)
        utf8_next(&p, end);
    return (size_t)(p - s);
}

// Bytes at s that begin a code point but do not end it; 1 where none begins.
static size_t broken_len(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t want = u[0] < 0xc2 || u[0] > 0xf4 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4, i = 1;
    unsigned char low = u[0] == 0xe0 ? 0xa0 : u[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = u[0] == 0xed ? 0x9f : u[0] == 0xf4 ? 0x8f : 0xbf;
    for (; i < want && i < n && u[i] >= low && u[i] <= high; i++) {
        low = 0x80;
        high = 0xbf;
    }
    return i;
}

void utf8_add_replaced(struct buf *b, const char *s, size_t len)
{
    for (size_t i = 0, n; i < len; i += n) {
        uint32_t cp;
        n = utf8_decode(s + i, len - i, &cp);
        if (n && !is_half(cp)) {
            buf_add(b, s + i, n);
        } else {
            buf_adds(b, "\xef\xbf\xbd");
            n = broken_len(s + i, len - i);
        }
    }
}

bool utf8_valid(const char *s, size_t len)
{
    uint32_t cp;
    for (size_t at = 0, n; at < len; at += n)
        if (!(n = utf8_decode(s + at, len - at, &cp)) || is_half(cp))
            return false;
    return true;
}
