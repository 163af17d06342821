// Differences for the record of changes that the controller keeps: cut to what differs, so that one
// line in a large file costs one line, and bounded.
#include "node/module.h"

#include "core/hash.h"

#include <string.h>

#define CONTEXT 3                    // equal lines kept on each side, as in unified diffs
#define TEXT_MAX ((size_t)128 << 10) // of each side, once it is cut
#define ALL_MAX ((size_t)2 << 20)    // of all texts of a task: a result has to fit into a frame
#define ENTRIES_MAX 1000             // of a task

struct text {
    const char *s;
    size_t len;
};

// Bytes of whole lines that both begin with.
static size_t equal_head(struct text a, struct text b)
{
    size_t n = a.len < b.len ? a.len : b.len, i = 0, line = 0;
    for (; i < n && a.s[i] == b.s[i]; i++)
        if (a.s[i] == '\n')
            line = i + 1;
    return line;
}

// Bytes of whole lines that both end with.
static size_t equal_tail(struct text a, struct text b)
{
    size_t n = a.len < b.len ? a.len : b.len, i = 0, line = 0;
    for (; i < n && a.s[a.len - 1 - i] == b.s[b.len - 1 - i]; i++)
        if (i && a.s[a.len - 1 - i] == '\n')
            line = i;
    // all of one is the end of the other: its first line is whole there behind a line break
    const struct text *longer = a.len > b.len ? &a : &b;
    if (i == n && longer->len > n && longer->s[longer->len - 1 - i] == '\n')
        line = i;
    return line;
}

// Where the last CONTEXT lines of s[0..n) begin.
static size_t back(const char *s, size_t n)
{
    for (int lines = 0; n; n--)
        if (s[n - 1] == '\n' && lines++ == CONTEXT)
            return n;
    return 0;
}

// Where the first CONTEXT lines of s[from..len) end.
static size_t ahead(const char *s, size_t from, size_t len)
{
    for (int lines = 0; from < len && lines < CONTEXT; from++)
        lines += s[from] == '\n';
    return from;
}

static int64_t count_lines(const char *s, size_t len)
{
    int64_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += s[i] == '\n';
    return n;
}

static bool is_binary(struct text t)
{
    return t.len && memchr(t.s, 0, t.len) != NULL;
}

static void put_digests(struct module *m, struct dict *d, struct text before, struct text after)
{
    char hex[HASH_HEX_MAX];
    hash_hex(HASH_SHA256, before.s, before.len, hex);
    dict_set(d, "before_sha256", value_str(m->arena, hex));
    hash_hex(HASH_SHA256, after.s, after.len, hex);
    dict_set(d, "after_sha256", value_str(m->arena, hex));
}

// The part of both that differs, with the lines around it; first_line says how many are left out.
static void put_texts(struct module *m, struct dict *d, struct text before, struct text after)
{
    size_t head = equal_head(before, after), from = back(before.s, head);
    struct text x = {before.s + head, before.len - head}, y = {after.s + head, after.len - head};
    size_t tail = equal_tail(x, y);
    size_t x_end = ahead(before.s, before.len - tail, before.len),
           y_end = ahead(after.s, after.len - tail, after.len);
    size_t bytes = x_end + y_end - 2 * from;
    if (x_end - from > TEXT_MAX || y_end - from > TEXT_MAX || bytes > ALL_MAX - m->recorded_bytes) {
        put_digests(m, d, before, after);
        return;
    }
    m->recorded_bytes += bytes;
    if (from)
        dict_set(d, "first_line", value_int(count_lines(before.s, from)));
    dict_set(d, "before", value_strn(m->arena, before.s + from, x_end - from));
    dict_set(d, "after", value_strn(m->arena, after.s + from, y_end - from));
}

static bool is_text(const struct value *v)
{
    return v && v->type == VALUE_STRING;
}

void module_record(struct module *m, struct value v)
{
    static const char *const kept[] = {"path",          "before_header", "after_header",
                                       "before_sha256", "after_sha256",  NULL};
    const struct value *before = dict_get(v.u.dict, "before"), *after = dict_get(v.u.dict, "after"),
                       *prepared = dict_get(v.u.dict, "prepared"), *part;
    if (!m->record || (m->recorded && m->recorded->len >= ENTRIES_MAX))
        return;
    struct value one = value_dict(m->arena);
    struct dict *d = one.u.dict;
    for (size_t i = 0; kept[i]; i++)
        if ((part = dict_get(v.u.dict, kept[i])))
            dict_set(d, kept[i], *part);
    if (is_text(before) && is_text(after)) {
        struct text x = {before->u.str.s, before->u.str.len},
                    y = {after->u.str.s, after->u.str.len};
        if (x.len == y.len && memcmp(x.s, y.s, x.len) == 0)
            return;
        if (is_binary(x) || is_binary(y))
            put_digests(m, d, x, y);
        else
            put_texts(m, d, x, y);
    } else if (before && after) {
        dict_set(d, "before", value_copy(m->arena, before));
        dict_set(d, "after", value_copy(m->arena, after));
    } else if (is_text(prepared)) {
        size_t n = prepared->u.str.len;
        dict_set(d, "prepared",
                 value_strn(m->arena, prepared->u.str.s, n < TEXT_MAX ? n : TEXT_MAX));
    }
    if (!m->recorded)
        m->recorded = value_list(m->arena).u.list;
    list_add(m->recorded, one);
}
