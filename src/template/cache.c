// Parsed templates, found by a hash of text and options, the least recently used dropped first.
#include "template/cache.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEMPLATES 8192
#define MAX_BYTES ((size_t)64 << 20)
#define BUCKETS 4096
#define SPARE_BUFS 8
#define SPARE_MAX ((size_t)256 << 10)

struct template_cache {
    struct template *buckets[BUCKETS];
    struct template *newest, *oldest;
    size_t n, bytes;
    struct buf spare[SPARE_BUFS];
    size_t n_spare;
};

struct template_cache *template_cache_new(void)
{
    return xcalloc(1, sizeof(struct template_cache));
}

static void unlink_age(struct template_cache *c, struct template *t)
{
    if (t->newer)
        t->newer->older = t->older;
    else
        c->newest = t->older;
    if (t->older)
        t->older->newer = t->newer;
    else
        c->oldest = t->newer;
    t->newer = t->older = NULL;
}

static void link_newest(struct template_cache *c, struct template *t)
{
    t->older = c->newest;
    if (c->newest)
        c->newest->newer = t;
    c->newest = t;
    if (!c->oldest)
        c->oldest = t;
}

static void drop(struct template_cache *c, struct template *t)
{
    struct template **at = &c->buckets[t->key % BUCKETS];
    while (*at != t)
        at = &(*at)->same_bucket;
    *at = t->same_bucket;
    unlink_age(c, t);
    c->n--;
    c->bytes -= arena_bytes(t->arena);
    template_unref(t);
}

void template_cache_free(struct template_cache *c)
{
    if (!c)
        return;
    while (c->oldest)
        drop(c, c->oldest);
    while (c->n_spare)
        buf_release(&c->spare[--c->n_spare]);
    free(c);
}

struct buf cache_buf_take(struct template_cache *c)
{
    struct buf b = BUF_INIT;
    if (c && c->n_spare)
        b = c->spare[--c->n_spare];
    b.len = 0;
    b.overflow = false;
    return b;
}

void cache_buf_give(struct template_cache *c, struct buf *b)
{
    if (!c || c->n_spare == SPARE_BUFS || b->cap > SPARE_MAX)
        buf_release(b);
    else
        c->spare[c->n_spare++] = *b;
    *b = (struct buf)BUF_INIT;
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    const unsigned char *s = p;
    uint64_t lane[4] = {h, h ^ 1, h ^ 2, h ^ 3}, w;
    for (; n >= 32; n -= 32, s += 32)
        for (int i = 0; i < 4; i++) {
            memcpy(&w, s + 8 * i, 8);
            lane[i] = (lane[i] ^ w) * 0x9fb21c651e98df25u;
            lane[i] ^= lane[i] >> 32;
        }
    h = lane[0] ^ (lane[1] << 7 | lane[1] >> 57) ^ (lane[2] << 17 | lane[2] >> 47) ^
        (lane[3] << 29 | lane[3] >> 35);
    for (; n >= 8; n -= 8, s += 8) {
        memcpy(&w, s, 8);
        h = (h ^ w) * 0x9fb21c651e98df25u;
        h ^= h >> 32;
    }
    for (; n; n--, s++)
        h = (h ^ *s) * 0x100000001b3u;
    return h ^ h >> 29;
}

static uint64_t mix_str(uint64_t h, const char *s)
{
    return s ? mix(h * 31 + 1, s, strlen(s)) : h * 31 + 2;
}

// A hash of everything but the text that changes how it is parsed.
static uint64_t make_settings(const struct template_opts *o, const char *name, enum cache_form form)
{
    uint64_t h = 0x243f6a8885a308d3u ^ (uint64_t)form << 3 ^ o->trim_blocks ^
                 (uint64_t)o->lstrip_blocks << 1 ^ (uint64_t)o->keep_trailing_newline << 2;
    if (o->newline_sequence && strcmp(o->newline_sequence, "\n") != 0)
        h = mix_str(h, o->newline_sequence);
    const char *const rest[] = {o->block_start,           o->block_end,           o->variable_start,
                                o->variable_end,          o->comment_start,       o->comment_end,
                                o->line_statement_prefix, o->line_comment_prefix, name};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        if (rest[i])
            h = mix_str(h ^ (i + 1) << 56, rest[i]);
    return h;
}

static bool is_for(const struct template *t, uint64_t settings, const char *text, size_t len)
{
    return t->settings == settings && t->len == len && memcmp(t->src, text, len) == 0;
}

const char *cache_source(struct arena *a, const struct template_opts *o, enum cache_form form,
                         const char *text, size_t len, size_t *ret_len)
{
    *ret_len = len;
    if (form == FORM_STRING)
        return lex_escape_backslashes(a, o, text, len, ret_len);
    if (form != FORM_CONDITION)
        return text;
    const char *s =
        arena_printf(a, "{%% if %.*s %%} True {%% else %%} False {%% endif %%}", (int)len, text);
    return lex_escape_backslashes(a, o, s, strlen(s), ret_len);
}

static int parse(const struct template_opts *o, const char *text, size_t len, const char *name,
                 enum cache_form form, struct pos pos, struct template **ret, struct err *e)
{
    struct arena *tmp = arena_new();
    size_t n;
    const char *s = cache_source(tmp, o, form, text, len, &n);
    if (form == FORM_CONDITION && pos.line) // so that columns are those of the condition
        pos.col = pos.col > 6 ? (uint16_t)(pos.col - 6) : 1;
    int rc = template_parse(
        o, s, n, name, form == FORM_EXPRESSION ? PARSE_EXPRESSION : PARSE_TEMPLATE, pos, ret, e);
    if (rc == 0 && s != text) {
        (*ret)->src = arena_strndup((*ret)->arena, text, len);
        (*ret)->len = len;
    }
    arena_free(tmp);
    return rc;
}

int cache_get(struct template_cache *c, const struct template_opts *o, const char *text, size_t len,
              const char *name, enum cache_form form, struct pos pos, struct template **ret,
              struct err *e)
{
    if (!c)
        return parse(o, text, len, name, form, pos, ret, e);
    uint64_t settings = make_settings(o, name, form);
    if (c->newest && is_for(c->newest, settings, text, len)) {
        template_ref(*ret = c->newest);
        return 0;
    }
    uint64_t key = mix(settings ^ len, text, len);
    for (struct template *t = c->buckets[key % BUCKETS]; t; t = t->same_bucket) {
        if (t->key != key || !is_for(t, settings, text, len))
            continue;
        unlink_age(c, t);
        link_newest(c, t);
        template_ref(*ret = t);
        return 0;
    }
    int rc = parse(o, text, len, name, form, pos, ret, e);
    if (rc < 0)
        return rc;
    struct template *t = *ret;
    size_t bytes = arena_bytes(t->arena);
    if (bytes > MAX_BYTES / 4)
        return 0;
    t->key = key;
    t->settings = settings;
    t->same_bucket = c->buckets[key % BUCKETS];
    c->buckets[key % BUCKETS] = t;
    link_newest(c, t);
    template_ref(t);
    c->n++;
    c->bytes += bytes;
    while (c->n > MAX_TEMPLATES || c->bytes > MAX_BYTES)
        drop(c, c->oldest);
    return 0;
}
