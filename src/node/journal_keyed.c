// Texts of lines with keys: what changed between two of them, and taking part of it back.
#include "node/journal_keyed.h"
#include "node/text.h"

#include "core/hash.h"

#include <string.h>

// The next line with its end; NULL behind the last.
static const char *next_line(const char **at, const char *end, size_t *ret_len)
{
    const char *line = *at, *nl = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
    if (line >= end)
        return NULL;
    *at = nl ? nl + 1 : end;
    *ret_len = (size_t)(*at - line);
    return line;
}

static const char *key_of(struct arena *a, const char *line, size_t len, const char *ends)
{
    size_t n = 0;
    while (n < len && line[n] != '\n' && !strchr(ends, line[n]))
        n++;
    return arena_strndup(a, line, n);
}

struct dict *keyed_lines(struct arena *a, const char *text, size_t len, const char *ends)
{
    struct dict *d = value_dict(a).u.dict;
    size_t n;
    for (const char *at = text, *line; (line = next_line(&at, text + len, &n));) {
        const char *key = key_of(a, line, n, ends), *had = dict_str(d, key, "");
        dict_set(d, key, value_cstr(arena_printf(a, "%s%.*s", had, (int)n, line)));
    }
    return d;
}

static const char *digest(struct arena *a, const char *text)
{
    char hex[HASH_HEX_MAX];
    if (!text)
        return "-";
    hash_hex(HASH_SHA256, text, strlen(text), hex);
    return arena_strndup(a, hex, 16);
}

static bool same(const char *x, const char *y)
{
    return x && y ? strcmp(x, y) == 0 : x == y;
}

const char *keyed_changes(struct arena *a, struct dict *before, struct dict *now)
{
    struct buf b = BUF_INIT;
    struct dict_entry *it;
    DICT_EACH(before, it)
    {
        const char *is = dict_str(now, it->key.u.str.s, NULL);
        if (!same(is, it->val.u.str.s))
            buf_addf(&b, "%s\t%s\n", it->key.u.str.s, digest(a, is));
    }
    DICT_EACH(now, it)
    if (!dict_get(before, it->key.u.str.s))
        buf_addf(&b, "%s\t%s\n", it->key.u.str.s, digest(a, it->val.u.str.s));
    const char *text = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return text;
}

struct dict *keyed_changed(struct arena *a, const struct journal_entry *en, struct dict *before,
                           struct dict *now)
{
    const char *text = en->after ? en->after : keyed_changes(a, before, now);
    return keyed_lines(a, text, strlen(text), "\t");
}

void keyed_check(struct arena *a, const struct journal_log *log, const struct journal_entry *en,
                 struct dict *now, const char *ends, struct list *conflicts)
{
    struct dict *seen = value_dict(a).u.dict;
    struct dict_entry *it;
    for (size_t i = (size_t)(en - log->entries) + 1; i-- > 0;) {
        const struct journal_entry *one = &log->entries[i];
        if (strcmp(one->kind, en->kind) != 0 || strcmp(one->name, en->name) != 0 || !one->after)
            continue;
        struct dict *before = keyed_lines(a, one->raw, one->raw_len, ends);
        struct dict *changed = keyed_changed(a, one, before, now);
        DICT_EACH(changed, it)
        {
            const char *key = it->key.u.str.s, *is = dict_str(now, key, NULL);
            const char *left = arena_printf(a, "%s\t%s\n", key, digest(a, is));
            if (dict_get(seen, key))
                continue;
            dict_set(seen, key, value_bool(true));
            if (strcmp(left, it->val.u.str.s) != 0 && !same(is, dict_str(before, key, NULL)))
                list_add(conflicts, value_strf(a, "%s of %s %s", key, en->name,
                                               is ? "was changed since" : "is gone"));
        }
    }
}

// Where in b the lines of a key end, 0 when it has none.
static size_t end_of(struct arena *a, const struct buf *b, const char *key, const char *ends)
{
    size_t n, last = 0;
    const char *text = buf_str(b);
    for (const char *at = text, *line; (line = next_line(&at, text + b->len, &n));)
        if (strcmp(key_of(a, line, n, ends), key) == 0)
            last = (size_t)(at - text);
    return last;
}

static void insert(struct buf *b, size_t at, const char *text)
{
    struct buf rest = BUF_INIT;
    buf_add(&rest, b->p + at, b->len - at);
    b->len = at;
    buf_adds(b, text);
    buf_add(b, rest.p, rest.len);
    buf_release(&rest);
}

const char *keyed_restore(struct arena *a, const char *text, const char *before_text,
                          const struct dict *changed, const char *ends, size_t *ret_len)
{
    struct buf b = BUF_INIT;
    size_t n, before_len = strlen(before_text);
    struct dict *before = keyed_lines(a, before_text, before_len, ends);
    struct dict *done = value_dict(a).u.dict;
    for (const char *at = text, *line; (line = next_line(&at, text + strlen(text), &n));) {
        const char *key = key_of(a, line, n, ends);
        if (!dict_get(changed, key))
            buf_add(&b, line, n);
        else if (!dict_get(done, key))
            buf_adds(&b, dict_str(before, key, ""));
        if (dict_get(changed, key))
            dict_set(done, key, value_bool(true));
    }
    // what is gone comes back behind its old neighbour
    const char *neighbour = NULL;
    for (const char *at = before_text, *line;
         (line = next_line(&at, before_text + before_len, &n));) {
        const char *key = key_of(a, line, n, ends);
        if (dict_get(changed, key) && !dict_get(done, key)) {
            size_t where = neighbour ? end_of(a, &b, neighbour, ends) : 0;
            insert(&b, neighbour && !where ? b.len : where, dict_str(before, key, ""));
            dict_set(done, key, value_bool(true));
        }
        neighbour = key;
    }
    *ret_len = b.len;
    const char *ret = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return ret;
}
