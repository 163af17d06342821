// Content: all that is kept is what its name says, and all that events name is kept.
#include "ledger/verify.h"

#include "core/file.h"
#include "core/hash.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    unsigned char (*v)[DIGEST];
    size_t n, cap;
};

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool digest_of(const char *hex, size_t len, unsigned char ret[DIGEST])
{
    int high, low;
    if (len != LEDGER_DIGEST_HEX - 1)
        return false;
    for (int i = 0; i < DIGEST; i++) {
        if ((high = nibble(hex[2 * i])) < 0 || (low = nibble(hex[2 * i + 1])) < 0)
            return false;
        ret[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

// docs/EVENTS.md says of these that they are content.
static bool names_content(const struct value *key)
{
    return key->type == VALUE_STRING && (value_eqs(key, "artifact") || value_eqs(key, "diff") ||
                                         value_eqs(key, "file") || value_eqs(key, "plan"));
}

void named_note(struct chunk *c, const struct ledger_event *ev)
{
    struct named n = {.seq = ev->seq};
    const struct dict_entry *it;
    if (!ev->body)
        return;
    DICT_EACH(ev->body, it)
    {
        // most have another length
        if (it->val.type != VALUE_STRING || it->val.u.str.len != LEDGER_DIGEST_HEX - 1 ||
            !names_content(&it->key) || !digest_of(it->val.u.str.s, it->val.u.str.len, n.digest) ||
            (c->n_named && memcmp(c->named[c->n_named - 1].digest, n.digest, DIGEST) == 0))
            continue; // one change of many hosts has one difference
        if (c->n_named == c->cap_named) {
            c->cap_named = c->cap_named ? 2 * c->cap_named : 64;
            c->named = xrealloc(c->named, c->cap_named * sizeof *c->named);
        }
        c->named[c->n_named++] = n;
    }
}

static int by_digest(const void *x, const void *y)
{
    return memcmp(x, y, DIGEST);
}

static void keep(struct kept *k, const unsigned char digest[DIGEST])
{
    if (k->n == k->cap) {
        k->cap = k->cap ? 2 * k->cap : 1024;
        k->v = xrealloc(k->v, k->cap * sizeof *k->v);
    }
    memcpy(k->v[k->n++], digest, DIGEST);
}

static void look_at(struct verify *v, struct kept *k, const char *path, const char *name)
{
    unsigned char digest[DIGEST];
    char found[HASH_HEX_MAX];
    if (!digest_of(name, strlen(name), digest))
        return;
    keep(k, digest);
    v->ret->blobs++;
    if (v->o->blobs && (hash_file(HASH_SHA256, path, found, NULL) < 0 || strcmp(found, name) != 0))
        found_add(&v->found, FINDING_BLOB, -1, -1, "the content %s was altered or cannot be read",
                  name);
}

static void look_through(struct verify *v, struct kept *k, unsigned first)
{
    struct arena *a = arena_new();
    const char *folder = arena_printf(a, "%s/blobs/%02x", v->l->dir, first);
    DIR *d = opendir(folder);
    const struct dirent *it;
    while (d && (it = readdir(d)))
        look_at(v, k, path_join(a, folder, it->d_name),
                arena_printf(a, "%02x%s", first, it->d_name));
    if (d)
        closedir(d);
    arena_free(a);
}

static int by_digest_and_seq(const void *x, const void *y)
{
    const struct named *p = x, *q = y;
    int d = memcmp(p->digest, q->digest, DIGEST);
    return d ? d : p->seq < q->seq ? -1 : p->seq > q->seq;
}

static struct named *all_named(const struct verify *v, size_t *ret_n)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < v->n_chunks; i++)
        n += v->chunks[i].n_named;
    struct named *all = xcalloc(n + 1, sizeof *all);
    for (size_t i = 0; i < v->n_chunks; i++) {
        const struct chunk *c = &v->chunks[i];
        if (c->n_named)
            memcpy(all + k, c->named, c->n_named * sizeof *all);
        k += c->n_named;
    }
    if (n)
        qsort(all, n, sizeof *all, by_digest_and_seq);
    *ret_n = n;
    return all;
}

void verify_blobs(struct verify *v)
{
    struct kept kept = {0};
    size_t n;
    struct named *all = all_named(v, &n);
    for (unsigned i = 0; i < 256; i++)
        look_through(v, &kept, i);
    if (kept.n)
        qsort(kept.v, kept.n, sizeof *kept.v, by_digest);
    for (size_t i = 0; i < n; i++) {
        char hex[LEDGER_DIGEST_HEX];
        if ((i && memcmp(all[i].digest, all[i - 1].digest, DIGEST) == 0) ||
            (kept.n && bsearch(all[i].digest, kept.v, kept.n, sizeof *kept.v, by_digest)))
            continue;
        hash_to_hex(all[i].digest, DIGEST, hex);
        found_add(&v->found, FINDING_LOST, all[i].seq, all[i].seq, "%s", hex);
    }
    free(all);
    free(kept.v);
}
