// Excerpts of the user's files for messages.
#include "cli/source.h"

#include "cli/text.h"

#include "core/arena.h"
#include "core/file.h"

#include <string.h>
#include <unistd.h>

#define MAX_SOURCE ((size_t)8 << 20)
#define MAX_SHOWN 160 // bytes of a line that are shown
#define MAX_BEFORE 100

struct text_line {
    const char *s, *before;
    size_t len, before_len;
};

const char *source_name(struct pos pos)
{
    char cwd[4096];
    const char *name = src_name(pos.file);
    size_t n = getcwd(cwd, sizeof cwd) ? strlen(cwd) : 0;
    bool below = n > 1 && strncmp(name, cwd, n) == 0 && name[n] == '/' && name[n + 1];
    return below ? name + n + 1 : name;
}

static bool find_line(struct arena *a, struct pos pos, struct text_line *ret)
{
    char *text;
    size_t len;
    if (!pos.line || file_read(a, src_name(pos.file), MAX_SOURCE, &text, &len, NULL) < 0 || !len)
        return false;
    const char *end = text + len, *line = text, *before = NULL;
    for (unsigned n = 1; n < pos.line; n++) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        if (!nl)
            return false;
        before = line;
        line = nl + 1;
    }
    const char *nl = memchr(line, '\n', (size_t)(end - line));
    *ret = (struct text_line){.s = line,
                              .before = before ? before : line,
                              .len = (size_t)((nl ? nl : end) - line),
                              .before_len = before ? (size_t)(line - 1 - before) : 0};
    return true;
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

static bool inside(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void source_add_line(struct buf *b, const char *indent, struct pos pos)
{
    struct arena *a = arena_new();
    struct text_line l;
    if (find_line(a, pos, &l)) {
        size_t at = bytes_of(l.s, l.len, pos.col ? pos.col - 1u : 0), from = 0, to = l.len;
        if (at > MAX_BEFORE)
            for (from = at - MAX_BEFORE; from < at - MAX_BEFORE + 3 && inside(l.s[from]);)
                from++;
        if (to - from > MAX_SHOWN + 3)
            for (to = from + MAX_SHOWN; to < from + MAX_SHOWN + 3 && inside(l.s[to]);)
                to++;
        buf_addf(b, "%s%5u | %s", indent, pos.line, from ? "..." : "");
        size_t start = b->len;
        text_add_clean(b, l.s + from, at - from);
        size_t shown = b->len - start;
        text_add_clean(b, l.s + at, to - at);
        struct buf head = BUF_INIT; // tabs stay tabs, so that the caret stands where it belongs
        for (size_t i = 0; i < shown; i++) {
            char c = b->p[start + i];
            if (c == '\t')
                buf_addc(&head, c);
            else
                buf_fill(&head, ' ', inside(c) ? 0 : 1);
        }
        size_t wide = text_columns(b->p + start, shown), plain = 0;
        for (size_t i = 0; i < head.len; i++)
            plain += head.p[i] == ' ';
        if (wide > plain)
            buf_fill(&head, ' ', wide - plain);
        buf_addf(b, "%s\n%s      | %s%s", to < l.len ? "..." : "", indent, from ? "   " : "",
                 buf_str(&head));
        if (pos.col)
            buf_addc(b, '^');
        buf_addc(b, '\n');
        buf_release(&head);
    }
    arena_free(a);
}

void source_add_ansible(struct buf *b, struct pos pos)
{
    struct arena *a = arena_new();
    struct text_line l;
    if (find_line(a, pos, &l))
        buf_addf(b,
                 "\nThe error appears to be in '%s': line %u, column %u, but may\nbe elsewhere "
                 "in the file depending on the exact syntax problem.\n\nThe offending line "
                 "appears to be:\n\n%.*s\n%.*s\n%*s^ here\n",
                 src_name(pos.file), pos.line, pos.col, (int)l.before_len, l.before, (int)l.len,
                 l.s, pos.col ? pos.col - 1 : 0, "");
    arena_free(a);
}
