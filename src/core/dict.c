// Insertion-ordered dicts: entries in an array, an open-addressing index once there are more than
// eight.
#include "core/value.h"

#include "core/text_hash.h"

#include <string.h>

#define SMALL 8

static bool key_equal(const struct dict_entry *e, const struct value *key, uint32_t hash)
{
    if (e->hash != hash || !e->live)
        return false;
    if (e->key.type == VALUE_STRING && key->type == VALUE_STRING)
        return e->key.u.str.len == key->u.str.len &&
               (e->key.u.str.s == key->u.str.s ||
                memcmp(e->key.u.str.s, key->u.str.s, key->u.str.len) == 0);
    return value_equal(&e->key, key);
}

static bool is_text(const struct dict_entry *e, const char *s, size_t len, uint32_t hash)
{
    return e->hash == hash && e->live && e->key.type == VALUE_STRING && e->key.u.str.len == len &&
           (e->key.u.str.s == s || memcmp(e->key.u.str.s, s, len) == 0);
}

// The value behind a text, which nearly every key is, or NULL.
static struct value *find_text(const struct dict *d, const char *s, size_t len, uint32_t hash)
{
    struct dict_entry *e = d->entries;
    if (!d->index) {
        for (const struct dict_entry *end = e + d->used; e < end; e++)
            if (is_text(e, s, len, hash))
                return &e->val;
        return NULL;
    }
    size_t mask = d->index_size - 1;
    for (size_t slot = hash & mask; d->index[slot]; slot = (slot + 1) & mask)
        if (is_text(&e[d->index[slot] - 1], s, len, hash))
            return &e[d->index[slot] - 1].val;
    return NULL;
}

// The entry number of key, or -1.
static long find(const struct dict *d, const struct value *key, uint32_t hash)
{
    if (!d->index) {
        for (size_t i = 0; i < d->used; i++)
            if (key_equal(&d->entries[i], key, hash))
                return (long)i;
        return -1;
    }
    size_t mask = d->index_size - 1;
    for (size_t slot = hash & mask; d->index[slot]; slot = (slot + 1) & mask) {
        uint32_t i = d->index[slot] - 1;
        if (key_equal(&d->entries[i], key, hash))
            return (long)i;
    }
    return -1;
}

static void index_insert(struct dict *d, uint32_t entry)
{
    size_t mask = d->index_size - 1, slot = d->entries[entry].hash & mask;
    while (d->index[slot])
        slot = (slot + 1) & mask;
    d->index[slot] = entry + 1;
}

// Gives it room for cap entries, dropping deleted ones, and rebuilds the index.
static void resize(struct dict *d, size_t cap)
{
    struct dict_entry *entries = arena_array(d->arena, struct dict_entry, cap);
    size_t n = 0;
    for (size_t i = 0; i < d->used; i++)
        if (d->entries[i].live)
            entries[n++] = d->entries[i];
    d->entries = entries;
    d->used = n;
    d->cap = cap;
    d->index = NULL;
    if (cap <= SMALL)
        return;
    size_t size = 16;
    while (size < cap * 2)
        size *= 2;
    d->index = arena_array(d->arena, uint32_t, size);
    d->index_size = size;
    for (size_t i = 0; i < n; i++)
        index_insert(d, (uint32_t)i);
}

void dict_reserve(struct dict *d, size_t n)
{
    if (n > d->cap)
        resize(d, n);
}

struct value *dict_getv(const struct dict *d, const struct value *key)
{
    if (!d || !d->len)
        return NULL;
    if (key->type == VALUE_STRING)
        return find_text(d, key->u.str.s, key->u.str.len,
                         hash_bytes(key->u.str.s, key->u.str.len, HASH_START));
    long i = find(d, key, value_hash(key));
    return i < 0 ? NULL : &d->entries[i].val;
}

struct value *dict_gethash(const struct dict *d, const char *key, size_t len, uint32_t hash)
{
    return d && d->len ? find_text(d, key, len, hash) : NULL;
}

struct value *dict_getn(const struct dict *d, const char *key, size_t len)
{
    return d && d->len ? find_text(d, key, len, hash_bytes(key, len, HASH_START)) : NULL;
}

struct value *dict_get(const struct dict *d, const char *key)
{
    return dict_getn(d, key, strlen(key));
}

void dict_setv(struct dict *d, struct value key, struct value v)
{
    uint32_t hash = value_hash(&key);
    long i = d->len ? find(d, &key, hash) : -1;
    value_count(&d->nodes, &v);
    if (i >= 0) {
        d->entries[i].val = v;
        return;
    }
    if (d->used == d->cap)
        resize(d, d->len < SMALL / 2 ? SMALL / 2 : d->len * 2);
    d->entries[d->used] = (struct dict_entry){.key = key, .val = v, .hash = hash, .live = true};
    if (d->index)
        index_insert(d, (uint32_t)d->used);
    d->used++;
    d->len++;
}

void dict_set(struct dict *d, const char *key, struct value v)
{
    size_t len = strlen(key);
    struct value *old = dict_getn(d, key, len);
    if (old)
        *old = v;
    else
        dict_setv(d, value_strn(d->arena, key, len), v);
}

bool dict_delv(struct dict *d, const struct value *key)
{
    long i = d->len ? find(d, key, value_hash(key)) : -1;
    if (i < 0)
        return false;
    d->entries[i].live = false;
    d->len--;
    return true;
}

bool dict_del(struct dict *d, const char *key)
{
    struct value k = value_cstr(key);
    return dict_delv(d, &k);
}

void dict_update(struct dict *d, const struct dict *src)
{
    struct dict_entry *e;
    if (src)
        DICT_EACH(src, e)
    dict_setv(d, e->key, e->val);
}

size_t dict_next(const struct dict *d, size_t i)
{
    while (i < d->used && !d->entries[i].live)
        i++;
    return i;
}

const char *dict_str(const struct dict *d, const char *key, const char *dflt)
{
    const struct value *v = dict_get(d, key);
    return v && v->type == VALUE_STRING ? v->u.str.s : dflt;
}

int64_t dict_int(const struct dict *d, const char *key, int64_t dflt)
{
    const struct value *v = dict_get(d, key);
    if (v && v->type == VALUE_INT)
        return v->u.i;
    if (v && v->type == VALUE_FLOAT)
        return (int64_t)v->u.f;
    return dflt;
}

bool dict_bool(const struct dict *d, const char *key, bool dflt)
{
    const struct value *v = dict_get(d, key);
    if (!v)
        return dflt;
    if (v->type == VALUE_BOOL)
        return v->u.b;
    if (v->type == VALUE_INT)
        return v->u.i != 0;
    if (v->type == VALUE_STRING) {
        int b = value_parse_bool(v->u.str.s, v->u.str.len);
        return b < 0 ? dflt : b == 1;
    }
    return dflt;
}
