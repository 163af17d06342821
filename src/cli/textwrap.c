// Python's textwrap.wrap with its default settings: words are broken at blanks, at hyphens between
// letters and around dashes; a word longer than a line is cut.
#include "cli/textwrap.h"

#include <string.h>

struct chunk {
    const char *s;
    size_t len;
};

struct wrapper {
    struct chunk *chunks;
    size_t n, cap;
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool is_letter(char c)
{
    return is_word(c) && !(c >= '0' && c <= '9');
}

static bool ends_word(char c)
{
    return is_word(c) || (c && strchr("!\"'&.,?", c));
}

// Length of a dash ("--" or longer) between words at s[i], 0: none begins there.
static size_t dash_at(const char *s, size_t i)
{
    size_t n = strspn(s + i, "-");
    return n >= 2 && i > 0 && ends_word(s[i - 1]) && is_word(s[i + n]) ? n : 0;
}

// True when a word may be broken behind the hyphen at s[p], which began at s[from].
static bool breaks_behind(const char *s, size_t p)
{
    if (s[p] != '-' || p < 2)
        return false;
    bool left = (is_letter(s[p - 1]) && is_letter(s[p - 2])) ||
                (p >= 3 && is_letter(s[p - 1]) && s[p - 2] == '-' && is_letter(s[p - 3]));
    const char *r = s + p + 1;
    return left && is_letter(r[0]) && (is_letter(r[1]) || (r[1] == '-' && is_letter(r[2])));
}

static size_t chunk_end(const char *s, size_t i)
{
    if (s[i] == ' ')
        return i + strspn(s + i, " ");
    size_t dash = dash_at(s, i);
    if (dash)
        return i + dash;
    for (size_t p = i + 1;; p++) {
        if (breaks_behind(s, p))
            return p + 1;
        if (!s[p] || s[p] == ' ' || dash_at(s, p))
            return p;
    }
}

static size_t chars(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

// Bytes of the first n characters.
static size_t bytes_of(const char *s, size_t len, size_t n)
{
    size_t i = 0;
    while (i < len && n--)
        do
            i++;
        while (i < len && ((unsigned char)s[i] & 0xc0) == 0x80);
    return i;
}

// Tabs to the next column of eight, other white space to blanks.
static void munge(struct buf *b, const char *s)
{
    size_t column = 0;
    for (; *s; s++) {
        if (*s == '\t') {
            size_t n = 8 - column % 8;
            buf_fill(b, ' ', n);
            column += n;
        } else {
            column = *s == '\n' || *s == '\r' ? 0 : column + (((unsigned char)*s & 0xc0) != 0x80);
            buf_addc(b, strchr("\n\v\f\r", *s) ? ' ' : *s);
        }
    }
}

// How much of a chunk longer than the line goes into the room that is left.
static size_t cut(const struct chunk *c, size_t room)
{
    size_t end = bytes_of(c->s, c->len, room);
    for (size_t i = end; i > 1; i--)
        if (c->s[i - 1] == '-') {
            if (strspn(c->s, "-") < i - 1)
                return i;
            break;
        }
    return end;
}

static bool blank(const char *s, size_t len)
{
    return strspn(s, " ") >= len;
}

void text_wrap(struct buf *b, const char *text, size_t width, bool keep_space)
{
    struct buf plain = BUF_INIT;
    munge(&plain, text);
    const char *s = buf_str(&plain);
    size_t i = 0;
    bool first = true;
    while (s[i]) {
        if (!keep_space && !first && s[i] == ' ')
            i = chunk_end(s, i);
        size_t from = i, used = 0, last = i; // last: where the line's last chunk begins
        while (s[i]) {
            size_t end = chunk_end(s, i), n = chars(s + i, end - i);
            if (used + n > width) {
                if (n > width && (!(i > from) || width > used)) {
                    struct chunk c = {s + i, end - i};
                    last = i;
                    i += cut(&c, width - used);
                }
                break;
            }
            used += n;
            last = i;
            i = end;
        }
        size_t to = i;
        if (!keep_space && to > from && blank(s + last, to - last))
            to = last;
        if (to > from) {
            buf_adds(b, first ? "" : "\n");
            buf_add(b, s + from, to - from);
            first = false;
        }
    }
    buf_release(&plain);
}
