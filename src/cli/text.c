// Widths of characters as terminals draw them, and text of hosts made harmless.
#include "cli/text.h"

#include "core/utf8.h"

#include <stdbool.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

// The character at s: its number into *ret, its length in bytes; 0 when it is no UTF-8.
static size_t decode(const char *s, size_t len, unsigned *ret)
{
    const char *p = s;
    *ret = utf8_next(&p, s + len);
    return *ret >= 0xdc80 && *ret <= 0xdcff ? 0 : (size_t)(p - s);
}

static bool is_wide(unsigned cp)
{
    static const unsigned ranges[][2] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                                         {0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                         {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (cp >= ranges[i][0] && cp <= ranges[i][1])
            return true;
    return false;
}

static size_t columns_of(unsigned cp)
{
    if (is_wide(cp))
        return 2;
    return cp < 0x20 || (cp >= 0x300 && cp <= 0x36f) || (cp >= 0x200b && cp <= 0x200f) ||
                   (cp >= 0xfe00 && cp <= 0xfe0f)
               ? 0
               : 1;
}

size_t text_columns(const char *s, size_t len)
{
    size_t columns = 0;
    for (size_t i = 0; i < len;) {
        unsigned cp = 0;
        size_t n = decode(s + i, len - i, &cp);
        columns += n ? columns_of(cp) : 1;
        i += n ? n : 1;
    }
    return columns;
}

void text_add_cut(struct buf *b, const char *s, size_t max)
{
    size_t len = strlen(s), columns = 0, i = 0;
    if (text_columns(s, len) <= max) {
        buf_add(b, s, len);
        return;
    }
    while (i < len && max) {
        unsigned cp = 0;
        size_t n = decode(s + i, len - i, &cp), w = n ? columns_of(cp) : 1;
        if (columns + w > max - 1)
            break;
        columns += w;
        i += n ? n : 1;
    }
    buf_add(b, s, i);
    if (max)
        buf_adds(b, ELLIPSIS);
}

void text_add_padded(struct buf *b, const char *s, size_t columns)
{
    size_t len = strlen(s), w = text_columns(s, len);
    buf_add(b, s, len);
    buf_fill(b, ' ', w < columns ? columns - w : 0);
}

// Length of the escape sequence that begins at s.
static size_t escape_len(const char *s, size_t len)
{
    size_t i = 2;
    if (len < 2)
        return len;
    if (s[1] == '[') { // CSI: parameters, then a letter
        while (i < len && (unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x40)
            i++;
        return i < len ? i + 1 : i;
    }
    if (!strchr("]PX^_", s[1]))
        return s[1] >= 0x20 && s[1] <= 0x2f && len > 2 ? 3 : 2;
    for (; i < len; i++) { // a string, up to BEL or ST
        if (s[i] == '\a')
            return i + 1;
        if (s[i] == '\033' && i + 1 < len && s[i + 1] == '\\')
            return i + 2;
        if (s[i] == '\n') // never ended: not taken for one
            return 2;
    }
    return len;
}

static void add_control(struct buf *b, unsigned c)
{
    if (c < 0x20)
        buf_addf(b, "^%c", '@' + c);
    else
        buf_addf(b, "\\x%02x", c);
}

void text_add_clean(struct buf *b, const char *s, size_t len)
{
    size_t line = b->len; // where the current line begins
    for (size_t i = 0; i < len;) {
        unsigned cp = (unsigned char)s[i];
        if (cp == 0x1b) {
            i += escape_len(s + i, len - i);
            continue;
        }
        if (cp == '\r') {
            size_t n = 1;
            while (i + n < len && s[i + n] == '\r')
                n++;
            // What follows writes over the line.
            if (i + n < len && s[i + n] != '\n' && b->len > line) {
                b->len = line;
                b->p[b->len] = '\0';
            }
            i += n;
            continue;
        }
        size_t n = decode(s + i, len - i, &cp);
        if (n == 0 || (n == 1 && cp < 0x20 && cp != '\n' && cp != '\t') ||
            (cp >= 0x7f && cp < 0xa0)) {
            add_control(b, n ? cp : (unsigned char)s[i]);
            i += n ? n : 1;
            continue;
        }
        buf_add(b, s + i, n);
        i += n;
        if (cp == '\n')
            line = b->len;
    }
}
