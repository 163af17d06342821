// Python's string operations on UTF-8.
#include "template/pystr.h"

#include "template/unicode.h"

#include <string.h>

static bool stripped(uint32_t cp, const struct text *chars)
{
    if (!chars)
        return uni_is(cp, UNI_SPACE);
    for (const char *p = chars->s, *end = p + chars->len; p < end;)
        if (utf8_next(&p, end) == cp)
            return true;
    return false;
}

struct text str_strip(struct text s, const struct text *chars, enum strip_side side)
{
    const char *start = s.s, *end = s.s + s.len;
    while ((side & STRIP_LEFT) && start < end) {
        const char *p = start;
        if (!stripped(utf8_next(&p, end), chars))
            break;
        start = p;
    }
    while ((side & STRIP_RIGHT) && start < end) {
        const char *prev = utf8_prev(start, end), *p = prev;
        if (!stripped(utf8_next(&p, end), chars))
            break;
        end = prev;
    }
    return (struct text){start, (size_t)(end - start)};
}

int64_t str_find(struct text s, struct text sub)
{
    if (!sub.len)
        return 0;
    const char *p = memmem(s.s, s.len, sub.s, sub.len);
    return p ? p - s.s : -1;
}

int64_t str_rfind(struct text s, struct text sub)
{
    if (sub.len > s.len)
        return -1;
    for (size_t i = s.len - sub.len + 1; i-- > 0;)
        if (memcmp(s.s + i, sub.s, sub.len) == 0)
            return (int64_t)i;
    return -1;
}

bool str_starts(struct text s, struct text prefix)
{
    return s.len >= prefix.len && memcmp(s.s, prefix.s, prefix.len) == 0;
}

bool str_ends(struct text s, struct text suffix)
{
    return s.len >= suffix.len && memcmp(s.s + s.len - suffix.len, suffix.s, suffix.len) == 0;
}

// Replacing the empty string puts new before every code point and at the end.
static void replace_empty(struct buf *b, struct text s, struct text new, int64_t count)
{
    const char *p = s.s, *end = p + s.len;
    while (count != 0) {
        buf_add(b, new.s, new.len);
        count--;
        if (p == end)
            break;
        const char *at = p;
        utf8_next(&p, end);
        buf_add(b, at, (size_t)(p - at));
    }
    buf_add(b, p, (size_t)(end - p));
}

void str_replace(struct buf *b, struct text s, struct text old, struct text new, int64_t count)
{
    if (!old.len) {
        replace_empty(b, s, new, count);
        return;
    }
    while (count != 0) {
        int64_t at = str_find(s, old);
        if (at < 0)
            break;
        buf_add(b, s.s, (size_t)at);
        buf_add(b, new.s, new.len);
        s.s += (size_t)at + old.len;
        s.len -= (size_t)at + old.len;
        count--;
    }
    buf_add(b, s.s, s.len);
}

static void add_piece(struct call *c, struct list *ret, const char *s, const char *end)
{
    list_add(ret, value_strn(c->arena, s, (size_t)(end - s)));
}

static void split_space(struct call *c, struct text s, int64_t max, struct list *ret)
{
    const char *p = s.s, *end = p + s.len;
    for (;;) {
        struct text rest = str_strip((struct text){p, (size_t)(end - p)}, NULL, STRIP_LEFT);
        if (!rest.len)
            return;
        p = rest.s;
        if (max == 0) {
            add_piece(c, ret, p, end);
            return;
        }
        const char *start = p, *stop = end;
        while (p < end) {
            const char *at = p;
            if (uni_is(utf8_next(&p, end), UNI_SPACE)) {
                stop = at;
                break;
            }
        }
        add_piece(c, ret, start, stop);
        if (stop == end)
            return;
        max--;
    }
}

void str_split(struct call *c, struct text s, const struct text *sep, int64_t max, struct list *ret)
{
    if (!sep) {
        split_space(c, s, max, ret);
        return;
    }
    for (;;) {
        int64_t at = max == 0 ? -1 : str_find(s, *sep);
        if (at < 0)
            break;
        add_piece(c, ret, s.s, s.s + at);
        s.s += (size_t)at + sep->len;
        s.len -= (size_t)at + sep->len;
        max--;
    }
    add_piece(c, ret, s.s, s.s + s.len);
}

static void reverse(struct list *l)
{
    for (size_t i = 0; i < l->len / 2; i++) {
        struct value t = l->items[i];
        l->items[i] = l->items[l->len - 1 - i];
        l->items[l->len - 1 - i] = t;
    }
}

static void rsplit_space(struct call *c, struct text s, int64_t max, struct list *ret)
{
    const char *start = s.s, *end = start + s.len;
    for (;;) {
        struct text rest =
            str_strip((struct text){start, (size_t)(end - start)}, NULL, STRIP_RIGHT);
        if (!rest.len)
            return;
        end = rest.s + rest.len;
        if (max == 0) {
            add_piece(c, ret, start, end);
            return;
        }
        const char *p = end;
        while (p > start) {
            const char *prev = utf8_prev(start, p), *q = prev;
            if (uni_is(utf8_next(&q, end), UNI_SPACE))
                break;
            p = prev;
        }
        add_piece(c, ret, p, end);
        end = p;
        max--;
    }
}

void str_rsplit(struct call *c, struct text s, const struct text *sep, int64_t max,
                struct list *ret)
{
    if (!sep) {
        rsplit_space(c, s, max, ret);
        reverse(ret);
        return;
    }
    for (;;) {
        int64_t at = max == 0 ? -1 : str_rfind(s, *sep);
        if (at < 0)
            break;
        add_piece(c, ret, s.s + (size_t)at + sep->len, s.s + s.len);
        s.len = (size_t)at;
        max--;
    }
    add_piece(c, ret, s.s, s.s + s.len);
    reverse(ret);
}

static bool is_line_end(uint32_t cp)
{
    return (cp >= 0x0A && cp <= 0x0D) || (cp >= 0x1C && cp <= 0x1E) || cp == 0x85 || cp == 0x2028 ||
           cp == 0x2029;
}

void str_splitlines(struct call *c, struct text s, bool keepends, struct list *ret)
{
    const char *p = s.s, *end = p + s.len;
    while (p < end) {
        const char *start = p, *stop = end;
        while (p < end) {
            const char *at = p;
            uint32_t cp = utf8_next(&p, end);
            if (!is_line_end(cp))
                continue;
            if (cp == '\r' && p < end && *p == '\n')
                p++;
            stop = at;
            break;
        }
        add_piece(c, ret, start, keepends ? p : stop);
    }
}

void str_pad(struct buf *b, struct text s, int64_t width, struct text fill, char align)
{
    int64_t n = (int64_t)utf8_count(s.s, s.len), pad = width > n ? width - n : 0;
    int64_t left = align == '>'   ? pad
                   : align == '^' ? pad / 2
                   : align == 'c' ? pad / 2 + (pad & width & 1)
                                  : 0;
    if (left)
        buf_repeat(b, fill.s, fill.len, (size_t)left);
    buf_add(b, s.s, s.len);
    if (pad > left)
        buf_repeat(b, fill.s, fill.len, (size_t)(pad - left));
}

struct text str_slice(struct text s, int64_t from, int64_t to)
{
    int64_t n = (int64_t)utf8_count(s.s, s.len);
    if (from < 0)
        from = from + n < 0 ? 0 : from + n;
    if (to < 0)
        to = to + n < 0 ? 0 : to + n;
    if (to > n)
        to = n;
    if (from >= to)
        return (struct text){s.s + s.len, 0};
    size_t a = utf8_offset(s.s, s.len, (size_t)from);
    size_t z = a + utf8_offset(s.s + a, s.len - a, (size_t)(to - from));
    return (struct text){s.s + a, z - a};
}
