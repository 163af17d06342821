// Secrets that a command has met, and texts without them.
#include "cli/censor.h"

#include "core/hash.h"
#include "core/value.h"
#include "yaml/yaml.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STARS "********"
#define SHORT 4    // shorter ones count where they stand as a word, and not of files
#define LINE_MIN 8 // a line of a longer secret is a secret of its own from here on
#define NAME_MIN 8 // a value of a file may be hidden in names from here on
#define FILE_MAX ((size_t)1 << 20) // of an encrypted file that is looked into

struct secret {
    char *s;
    size_t len;
    bool of_file; // one of many values, which need not all be secrets
};

struct censor {
    struct secret *all;
    size_t n, cap;
    bool sorted;
    struct arena *arena; // of the names and hashes below
    struct dict *known;  // SHA-256 of each
    struct dict *files;
};

struct censor *censor_new(void)
{
    struct censor *c = xcalloc(1, sizeof *c);
    c->arena = arena_new();
    c->known = value_dict(c->arena).u.dict;
    c->files = value_dict(c->arena).u.dict;
    return c;
}

void censor_free(struct censor *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++) {
        explicit_bzero(c->all[i].s, c->all[i].len);
        free(c->all[i].s);
    }
    free(c->all);
    arena_free(c->arena);
    free(c);
}

static void trim(const char **s, size_t *len)
{
    while (*len && isspace((unsigned char)**s))
        ++*s, --*len;
    while (*len && isspace((unsigned char)(*s)[*len - 1]))
        --*len;
}

static void add(struct censor *c, const char *s, size_t len, bool of_file)
{
    char hex[HASH_HEX_MAX];
    trim(&s, &len);
    if (len < 2 || (of_file && len < SHORT))
        return;
    hash_hex(HASH_SHA256, s, len, hex);
    hex[of_file ? 63 : 64] = '\0'; // the same as a secret of its own is kept apart
    if (dict_get(c->known, hex))
        return;
    dict_set(c->known, hex, value_bool(true));
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 32;
        c->all = xrealloc(c->all, c->cap * sizeof *c->all);
    }
    c->all[c->n++] = (struct secret){xstrndup(s, len), len, of_file};
    c->sorted = false;
}

static void add_lines(struct censor *c, const char *s, size_t len, bool of_file)
{
    for (const char *end = s + len; s < end;) {
        const char *nl = memchr(s, '\n', (size_t)(end - s));
        size_t n = (size_t)((nl ? nl : end) - s);
        if (n >= LINE_MIN)
            add(c, s, n, of_file);
        s += n + 1;
    }
}

// Its base64 text, alone and with the line break that tools leave at the end.
static void add_encoded(struct censor *c, const char *s, size_t len, bool of_file)
{
    trim(&s, &len);
    if (len < SHORT || len > FILE_MAX)
        return;
    for (int with_break = 0; with_break < 2; with_break++) {
        struct buf plain = BUF_INIT, b = BUF_INIT;
        buf_add(&plain, s, len);
        if (with_break)
            buf_addc(&plain, '\n');
        base64_encode(&b, plain.p, plain.len);
        while (b.len && b.p[b.len - 1] == '=')
            b.len--;
        add(c, b.p, b.len, of_file);
        explicit_bzero(plain.p, plain.len);
        explicit_bzero(b.p, b.len);
        buf_release(&plain);
        buf_release(&b);
    }
}

static void add_one(struct censor *c, const char *s, size_t len, bool of_file)
{
    add(c, s, len, of_file);
    if (memchr(s, '\n', len))
        add_lines(c, s, len, of_file);
    add_encoded(c, s, len, of_file);
}

void censor_add(struct censor *c, const char *s, size_t len)
{
    if (c && len)
        add_one(c, s, len, false);
}

static void add_values(struct censor *c, const struct value *v, int depth)
{
    struct dict_entry *it;
    char number[32];
    if (v->type == VALUE_STRING && !(v->flags & VALUE_VAULT))
        add_one(c, v->u.str.s, v->u.str.len, true);
    if (v->type == VALUE_INT)
        add(c, number, (size_t)snprintf(number, sizeof number, "%lld", (long long)v->u.i), true);
    if (depth > 100)
        return;
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++)
        add_values(c, &v->u.list->items[i], depth + 1);
    if (v->type == VALUE_DICT)
        DICT_EACH(v->u.dict, it) add_values(c, &it->val, depth + 1);
}

void censor_add_file(struct censor *c, const char *path, const char *s, size_t len)
{
    struct value v;
    if (!c || dict_get(c->files, path))
        return;
    dict_set(c->files, path, value_bool(true));
    len = len < FILE_MAX ? len : FILE_MAX;
    struct arena *a = arena_new();
    if (!memchr(s, 0, len) && yaml_parse(a, s, len, path, NULL, &v, NULL) == 0 &&
        (v.type == VALUE_DICT || v.type == VALUE_LIST))
        add_values(c, &v, 0);
    else
        add_lines(c, s, len, true);
    arena_free(a);
}

// --- texts
// ------------------------------------------------------------------------------------------

static int longest_first(const void *x, const void *y)
{
    const struct secret *a = x, *b = y;
    return a->len < b->len ? 1 : a->len > b->len ? -1 : memcmp(a->s, b->s, a->len);
}

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

// The next place of a secret in s[from..len), or NULL.
static const char *find(const struct secret *x, const char *s, size_t from, size_t len)
{
    const char *at = s + from, *end = s + len;
    while ((at = memmem(at, (size_t)(end - at), x->s, x->len))) {
        if (x->len >= SHORT ||
            ((at == s || !in_word(at[-1])) && (at + x->len == end || !in_word(at[x->len]))))
            return at;
        at++;
    }
    return NULL;
}

static bool is_plain_word(const struct secret *x)
{
    for (size_t i = 0; i < x->len; i++)
        if (x->s[i] < 'a' || x->s[i] > 'z')
            return false;
    return true;
}

static bool hides_in_names(const struct secret *x)
{
    return !x->of_file || (x->len >= NAME_MIN && !is_plain_word(x));
}

static bool replace(const struct secret *x, struct buf *b, size_t start)
{
    const char *at = find(x, b->p + start, 0, b->len - start);
    struct buf out = BUF_INIT;
    if (!at)
        return false;
    const char *s = b->p + start;
    size_t len = b->len - start, from = 0;
    for (; at; at = find(x, s, from, len)) {
        buf_add(&out, s + from, (size_t)(at - s) - from);
        buf_adds(&out, STARS);
        from = (size_t)(at - s) + x->len;
    }
    buf_add(&out, s + from, len - from);
    explicit_bzero(b->p + start, len);
    b->len = start;
    buf_add(b, out.p, out.len);
    buf_release(&out);
    return true;
}

static bool censor(struct censor *c, const char *s, size_t len, bool name, struct buf *out)
{
    size_t start = out->len;
    bool any = false;
    buf_add(out, s, len);
    if (!c || !len || out->overflow)
        return false;
    if (!c->sorted && c->n)
        qsort(c->all, c->n, sizeof *c->all, longest_first);
    c->sorted = true;
    for (size_t i = 0; i < c->n; i++)
        if (c->all[i].len <= out->len - start && (!name || hides_in_names(&c->all[i])))
            any |= replace(&c->all[i], out, start);
    return any;
}

bool censor_text(struct censor *c, const char *s, size_t len, struct buf *out)
{
    return censor(c, s, len, false, out);
}

bool censor_name(struct censor *c, const char *s, size_t len, struct buf *out)
{
    return censor(c, s, len, true, out);
}
