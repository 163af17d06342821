// wordwrap: Python's textwrap for single lines.
#include "template/pystr.h"
#include "template/regex.h"
#include "template/rows.h"
#include "template/unicode.h"

#include <string.h>

static bool is_blank(struct text t)
{
    return strspn(t.s, " \t\n\v\f\r") >= t.len;
}

// The chunks a line may be broken between: words, white space, parts behind hyphens.
static int chunks_of(struct call *c, struct text line, bool hyphens, struct list *out,
                     struct err *e)
{
    static const char with_hyphens[] =
        "(?:[\\t\\n\\x0b\\x0c\\r ]+"
        "|(?<=[\\w!\"'&.,?])-{2,}(?=\\w)"
        "|[^\\t\\n\\x0b\\x0c\\r "
        "](?:-(?:(?<=[^\\d\\W]{2}-)|(?<=[^\\d\\W]-[^\\d\\W]-))(?=[^\\d\\W]-?[^\\d\\W])"
        "|(?=[\\t\\n\\x0b\\x0c\\r ]|\\Z)|(?<=[\\w!\"'&.,?])(?=-{2,}\\w)"
        "|[^\\t\\n\\x0b\\x0c\\r "
        "]*?(?:-(?:(?<=[^\\d\\W]{2}-)|(?<=[^\\d\\W]-[^\\d\\W]-))(?=[^\\d\\W]-?[^\\d\\W])"
        "|(?=[\\t\\n\\x0b\\x0c\\r ]|\\Z)|(?<=[\\w!\"'&.,?])(?=-{2,}\\w))))";
    static const char simple[] = "[\\t\\n\\x0b\\x0c\\r ]+|[^\\t\\n\\x0b\\x0c\\r ]+";
    struct regex *re;
    int rc = regex_compile(text_lit(hyphens ? with_hyphens : simple), 0, &re, e);
    size_t at = 0;
    const size_t *g;
    while (rc >= 0 && at < line.len && (rc = regex_search(re, line, at, false, true, &g, e)) == 1) {
        if (g[0] > at)
            list_add(out, value_strn(c->arena, line.s + at, g[0] - at));
        list_add(out, value_strn(c->arena, line.s + g[0], g[1] - g[0]));
        at = g[1] > g[0] ? g[1] : g[1] + 1;
    }
    if (rc >= 0 && at < line.len)
        list_add(out, value_strn(c->arena, line.s + at, line.len - at));
    regex_free(re);
    return rc < 0 ? rc : 0;
}

struct wrap {
    struct call *c;
    int64_t width;
    bool break_long, hyphens;
    struct text sep;
    struct buf *out;
    bool first; // no line written yet
};

static int64_t width_of(const struct value *v)
{
    return (int64_t)utf8_count(v->u.str.s, v->u.str.len);
}

// Cuts the front of a chunk that fits no line; returns the bytes taken.
static size_t long_part(struct wrap *w, const struct value *chunk, int64_t room)
{
    struct text t = {chunk->u.str.s, chunk->u.str.len};
    int64_t n = room;
    if (w->hyphens && (int64_t)utf8_count(t.s, t.len) > room) {
        struct text head = str_slice(t, 0, room);
        int64_t dash = str_rfind(head, text_lit("-"));
        if (dash > 0 && strspn(head.s, "-") < (size_t)dash)
            n = (int64_t)utf8_count(t.s, (size_t)dash + 1);
    }
    return utf8_offset(t.s, t.len, (size_t)n);
}

static void wrap_chunks(struct wrap *w, struct list *chunks)
{
    size_t at = 0;
    while (at < chunks->len) {
        struct value line = value_list(w->c->arena);
        int64_t len = 0;
        struct value *head = &chunks->items[at];
        if (!w->first && is_blank((struct text){head->u.str.s, head->u.str.len}) && at)
            at++;
        for (; at < chunks->len && len + width_of(&chunks->items[at]) <= w->width; at++) {
            len += width_of(&chunks->items[at]);
            list_add(line.u.list, chunks->items[at]);
        }
        if (at < chunks->len && width_of(&chunks->items[at]) > w->width) {
            struct value *chunk = &chunks->items[at];
            int64_t room = w->width < 1 ? 1 : w->width - len;
            if (w->break_long) {
                size_t n = long_part(w, chunk, room);
                list_add(line.u.list, value_strn(w->c->arena, chunk->u.str.s, n));
                *chunk = value_strn(w->c->arena, chunk->u.str.s + n, chunk->u.str.len - n);
                at += chunk->u.str.len == 0;
            } else if (!line.u.list->len) {
                list_add(line.u.list, *chunk);
                at++;
            }
        }
        size_t n = line.u.list->len;
        if (n && is_blank((struct text){line.u.list->items[n - 1].u.str.s,
                                        line.u.list->items[n - 1].u.str.len}))
            n--;
        if (!n)
            continue;
        if (!w->first)
            buf_add(w->out, w->sep.s, w->sep.len);
        w->first = false;
        for (size_t i = 0; i < n; i++)
            buf_add(w->out, line.u.list->items[i].u.str.s, line.u.list->items[i].u.str.len);
    }
}

// wordwrap: Lines broken at width; wrapstring stands between them.
BUILTIN(filter_wordwrap)
{
    const struct value *sep = NULL;
    struct buf b = call_buf(c);
    struct wrap w = {
        .c = c, .width = 79, .break_long = true, .hyphens = true, .sep = {"\n", 1}, .out = &b};
    int rc = args_read(c, e, "width:i break_long_words:b wrapstring:v break_on_hyphens:b", &w.width,
                       &w.break_long, &sep, &w.hyphens);
    if (rc < 0)
        return rc;
    if (c->self.type != VALUE_STRING)
        return fail_with(c, e, "'%s' object has no attribute 'splitlines'",
                         value_type_name(&c->self));
    if (sep && sep->type != VALUE_NULL)
        w.sep = text_of(c, sep);
    if (c->self.flags & VALUE_BYTES && c->self.u.str.len)
        return fail_type(c, e, "cannot use a string pattern on a bytes-like object");
    if (w.width <= 0 && c->self.u.str.len)
        return fail_with(c, e, "invalid width %lld (must be > 0)", (long long)w.width);
    struct value lines = value_list(c->arena);
    str_splitlines(c, bare_text_of(c, &c->self), false, lines.u.list);
    for (size_t i = 0; i < lines.u.list->len && rc >= 0; i++) {
        struct value chunks = value_list(c->arena);
        if (i)
            buf_add(&b, w.sep.s, w.sep.len);
        w.first = true;
        const struct value *l = &lines.u.list->items[i];
        rc = chunks_of(c, (struct text){l->u.str.s, l->u.str.len}, w.hyphens, chunks.u.list, e);
        if (rc >= 0)
            wrap_chunks(&w, chunks.u.list);
    }
    *ret = take_buf(c, &b);
    return rc;
}
