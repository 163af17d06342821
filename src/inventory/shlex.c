// A word splitter: quotes, backslashes and comments.
#include "inventory/shlex.h"

#include "core/buf.h"

#include <string.h>

struct words {
    struct shlex_word *items;
    size_t len, cap;
};

static void add(struct arena *a, struct words *w, const struct buf *b, size_t col)
{
    if (w->len == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 8;
        struct shlex_word *items = arena_array(a, struct shlex_word, cap);
        if (w->len)
            memcpy(items, w->items, w->len * sizeof(items[0]));
        w->items = items;
        w->cap = cap;
    }
    w->items[w->len++] = (struct shlex_word){arena_strndup(a, buf_str(b), b->len), col};
}

// Reads what follows an opening quote into b; returns the position behind the closing one, or NULL.
static const char *quoted(const char *p, char quote, struct buf *b)
{
    for (; *p; p++) {
        if (*p == quote)
            return p + 1;
        if (quote == '"' && *p == '\\' && p[1]) {
            p++;
            if (*p != '\\' && *p != '"')
                buf_addc(b, '\\');
        }
        buf_addc(b, *p);
    }
    return NULL;
}

// Reads one word into b; returns the position behind it, or NULL with *why.
static const char *read_word(const char *p, struct buf *b, const char **why)
{
    while (*p && !strchr(" \t\r\n#", *p)) {
        if (*p == '"' || *p == '\'') {
            p = quoted(p + 1, *p, b);
            if (!p) {
                *why = "a quote is not closed";
                return NULL;
            }
        } else if (*p == '\\') {
            if (!p[1]) {
                *why = "the line ends in a backslash";
                return NULL;
            }
            buf_addc(b, p[1]);
            p += 2;
        } else {
            buf_addc(b, *p++);
        }
    }
    return p;
}

int shlex_split(struct arena *a, const char *line, struct shlex_word **ret, const char **why)
{
    struct words w = {0};
    struct buf b = BUF_INIT;
    const char *p = line;
    *why = NULL;
    for (;;) {
        p += strspn(p, " \t\r\n");
        if (!*p || *p == '#')
            break;
        size_t col = (size_t)(p - line);
        buf_clear(&b);
        p = read_word(p, &b, why);
        if (!p)
            break;
        add(a, &w, &b, col);
    }
    buf_release(&b);
    *ret = w.items;
    return *why ? -1 : (int)w.len;
}
