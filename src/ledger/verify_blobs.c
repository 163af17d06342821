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

void named_note(struct chunk *c, const struct ledger_event *ev)
{
    struct named n = {.seq = ev->seq, .last = ev->seq};
    const struct dict_entry *it;
    if (!ev->body)
        return;
    DICT_EACH(ev->body, it)
    {
        if (!ledger_names_content(&it->key, &it->val) ||
            !digest_of(it->val.u.str.s, it->val.u.str.len, n.digest))
            continue;
        if (c->n_named && memcmp(c->named[c->n_named - 1].digest, n.digest, DIGEST) == 0) {
            c->named[c->n_named - 1].last = ev->seq; // one change of many hosts has one difference
            continue;
        }
        if (c->n_named == c->cap_named) {
            c->cap_named = c->cap_named ? 2 * c->cap_named : 64;
            c->named = xrealloc(c->named, c->cap_named * sizeof *c->named);
        }
        c->named[c->n_named++] = n;
    }
}

void redacted_note(struct chunk *c, const struct ledger_event *ev)
{
    const struct value *all = ev->body ? dict_get(ev->body, "digests") : NULL;
    if (strcmp(ev->type, "content.redacted") != 0 || !all || all->type != VALUE_LIST)
        return;
    for (size_t i = 0; i < all->u.list->len; i++) {
        const struct value *v = &all->u.list->items[i];
        struct redacted r = {.seq = ev->seq, .time = ev->time};
        if (v->type != VALUE_STRING || !digest_of(v->u.str.s, v->u.str.len, r.digest))
            continue;
        r.by = xstrdup(ev->actor ? ev->actor : "?");
        r.reason = xstrdup(dict_str(ev->body, "reason", ""));
        c->redacted = xrealloc(c->redacted, (c->n_redacted + 1) * sizeof *c->redacted);
        c->redacted[c->n_redacted++] = r;
    }
}

// The newest that took this content away, NULL: nobody did.
static const struct redacted *redaction_of(const struct verify *v, const unsigned char *digest)
{
    const struct redacted *found = NULL;
    for (size_t i = 0; i < v->n_chunks; i++)
        for (size_t k = 0; k < v->chunks[i].n_redacted; k++)
            if (memcmp(v->chunks[i].redacted[k].digest, digest, DIGEST) == 0)
                found = &v->chunks[i].redacted[k];
    return found;
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

// n events, in their order, that name the same content. Who names it behind its redaction has kept
// it anew.
static void judge_content(struct verify *v, const struct named *by, size_t n, bool kept)
{
    char hex[LEDGER_DIGEST_HEX], time[LEDGER_TIME];
    const struct redacted *r = redaction_of(v, by->digest);
    bool away = r && r->seq > by[n - 1].last;
    if (kept && !away)
        return;
    hash_to_hex(by->digest, DIGEST, hex);
    if (r)
        ledger_time(r->time, time);
    if (kept)
        found_add(&v->found, FINDING_BLOB, -1, -1,
                  "the content %s was redacted by %s (event %lld), and is still there", hex, r->by,
                  (long long)r->seq);
    else if (away)
        found_add(&v->found, FINDING_REDACTED, by->seq, by->seq, "%s by %s, %.10s, event %lld: %s",
                  hex, r->by, time, (long long)r->seq, r->reason);
    else
        found_add(&v->found, FINDING_LOST, by->seq, by->seq, "%s", hex);
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
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && memcmp(all[i].digest, all[end].digest, DIGEST) == 0;)
            end++;
        judge_content(v, all + i, end - i,
                      kept.n && bsearch(all[i].digest, kept.v, kept.n, sizeof *kept.v, by_digest));
    }
    free(all);
    free(kept.v);
}
