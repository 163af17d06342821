// Where in its file an error in a template is: the failing expression, not the beginning of the
// text.
#include "template/eval.h"

#include "core/file.h"

#include <ctype.h>
#include <string.h>

#define MAX_SOURCE ((size_t)8 << 20)
#define MAX_WORD 40

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

// s moved on to `to`, counting lines and characters.
static struct pos advance(struct pos at, const char *s, const char *to)
{
    uint32_t line = at.line, col = at.col;
    for (; s < to; s++) {
        if (*s == '\n') {
            line++;
            col = 1;
        } else if (((unsigned char)*s & 0xc0) != 0x80) {
            col++;
        }
    }
    at.line = line;
    at.col = (uint16_t)(col > UINT16_MAX ? UINT16_MAX : col);
    return at;
}

// The place pos stands for in text.
static const char *find_pos(const char *text, size_t len, struct pos pos)
{
    const char *s = text, *end = text + len;
    for (uint32_t line = 1; line < pos.line; line++) {
        s = memchr(s, '\n', (size_t)(end - s));
        if (!s)
            return NULL;
        s++;
    }
    for (uint32_t col = 1; s < end && *s != '\n' && col < pos.col; col++)
        do
            s++;
        while (s < end && ((unsigned char)*s & 0xc0) == 0x80);
    return s;
}

// The next occurrence of word between s and end that is no part of a longer word.
static const char *next_word(const char *s, const char *end, const char *word, size_t n)
{
    bool whole = word_char(*word);
    for (const char *p = s; n && (p = memmem(p, (size_t)(end - p), word, n)); p++)
        if (!whole || ((p == s || !word_char(p[-1])) && (p + n == end || !word_char(p[n]))))
            return p;
    return NULL;
}

// The name an error is about stands behind the beginning of the expression.
static const char *blamed(const char *src, const char *end, const char *from, const char *msg)
{
    static const char *const marks[] = {"has no attribute '", "'"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *s = i ? (*msg == '\'' ? msg : NULL) : strstr(msg, marks[i]);
        size_t n = 0;
        if (!s)
            continue;
        s += strlen(marks[i]);
        while (word_char(s[n]))
            n++;
        const char *found = s[n] == '\'' ? next_word(from, end, s, n) : NULL;
        if (found && (i == 0 || strncmp(s + n, "' is undefined", 14) == 0))
            return found;
    }
    (void)src;
    return from;
}

struct pos template_locate(struct arena *a, struct pos at, bool whole_file, const char *src,
                           size_t len, size_t off, const char *msg)
{
    const char *end = src + len, *from = blamed(src, end, src + (off < len ? off : len), msg);
    if (whole_file)
        return advance(at, src, from);
    char *text;
    size_t text_len, n = 0, before = 0;
    while (from + n < end && n < MAX_WORD && word_char(from[n]))
        n++;
    if (!n)
        while (from + n < end && n < MAX_WORD && !strchr(" \t\n'\"\\", from[n]))
            n++;
    if (!n || !at.line || !at.file ||
        file_read(a, src_name(at.file), MAX_SOURCE, &text, &text_len, NULL) < 0)
        return at;
    // quotes, indents and folded lines are in the file, the words are the same
    for (const char *p = src; (p = next_word(p, from, from, n)); p += n)
        before++;
    const char *start = find_pos(text, text_len, at), *p = start;
    for (; p && (p = next_word(p, text + text_len, from, n)) && before; p += n)
        before--;
    return p ? advance(at, start, p) : at;
}
