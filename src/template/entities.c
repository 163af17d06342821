// Replaces HTML's character references as browsers do: known names may lack their semicolon, and
// numbers of Windows' character set are understood.
#include "template/entities.h"
#include "template/unicode.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 32
#define NOT_A_CHARACTER 0xFFFD

// What 0x80 to 0x9F stand for.
static const uint32_t windows_1252[] = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

static bool is_no_character(uint32_t cp)
{
    return (cp >= 0x1 && cp <= 0x8) || cp == 0xb || (cp >= 0xe && cp <= 0x1f) ||
           (cp >= 0x7f && cp <= 0x9f) || (cp >= 0xfdd0 && cp <= 0xfdef) || (cp & 0xfffe) == 0xfffe;
}

static void add_number(struct buf *b, uint32_t cp)
{
    if (cp >= 0x80 && cp <= 0x9f)
        utf8_add(b, windows_1252[cp - 0x80]);
    else if (cp == 0 || (cp >= 0xd800 && cp <= 0xdfff) || cp > 0x10ffff)
        utf8_add(b, NOT_A_CHARACTER);
    else if (!is_no_character(cp))
        utf8_add(b, cp);
}

// A reference by number behind "&#"; how many bytes it takes, 0 when it is none.
static size_t by_number(struct buf *b, struct text t)
{
    bool hex = t.len && (*t.s == 'x' || *t.s == 'X');
    size_t i = hex, first = i;
    uint32_t cp = 0;
    for (; i < t.len && (hex ? isxdigit((unsigned char)t.s[i]) : isdigit((unsigned char)t.s[i]));
         i++) {
        unsigned char ch = (unsigned char)t.s[i];
        int digit = isdigit(ch) ? ch - '0' : tolower(ch) - 'a' + 10;
        if (cp <= 0x10ffff)
            cp = cp * (hex ? 16 : 10) + (uint32_t)digit;
    }
    if (i == first)
        return 0;
    add_number(b, cp);
    return i + (i < t.len && t.s[i] == ';');
}

static int compare(const void *key, const void *row)
{
    const struct text *t = key;
    const char *name = ((const struct entity *)row)->name;
    int cmp = strncmp(t->s, name, t->len);
    return cmp ? cmp : -(name[t->len] != '\0');
}

static void add_entity(struct buf *b, const struct entity *en)
{
    utf8_add(b, en->chars[0]);
    if (en->chars[1])
        utf8_add(b, en->chars[1]);
}

// A reference by name behind "&", the longest that is known; how many bytes it takes, 0 when it is
// none.
static size_t by_name(struct buf *b, struct text t)
{
    size_t n = 0, chars = 0;
    for (; n < t.len && chars < NAME_MAX_LEN && !strchr("\t\n\f <&#;", t.s[n]); chars++)
        do
            n++;
        while (n < t.len && ((unsigned char)t.s[n] & 0xc0) == 0x80);
    if (n && n < t.len && t.s[n] == ';')
        n++;
    for (; n > 1; n--) {
        struct text name = {t.s, n};
        const struct entity *en = bsearch(&name, entities, n_entities, sizeof *entities, compare);
        if (!en)
            continue;
        add_entity(b, en);
        return n;
    }
    return 0;
}

void html_unescape(struct buf *b, struct text t)
{
    for (size_t i = 0; i < t.len;) {
        size_t used = 0;
        if (t.s[i] == '&' && i + 1 < t.len)
            used = t.s[i + 1] == '#' ? by_number(b, (struct text){t.s + i + 2, t.len - i - 2})
                                     : by_name(b, (struct text){t.s + i + 1, t.len - i - 1});
        if (used)
            i += used + (t.s[i + 1] == '#' ? 2 : 1);
        else
            buf_addc(b, t.s[i++]);
    }
}
