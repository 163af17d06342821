// Hashing, proofs and verification. A tree of n leaves that is no power of two has on its left the
// largest perfect subtree that is smaller than it (RFC 6962, 2.1).
#include "ledger/merkle.h"

#include "core/hash.h"

#include <openssl/evp.h>
#include <string.h>

#define LEAF 0
#define NODE 1

void merkle_init(struct merkle *m)
{
    m->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    m->ctx = EVP_MD_CTX_new();
    if (!m->md || !m->ctx || EVP_DigestInit_ex(m->ctx, m->md, NULL) != 1)
        merkle_release(m);
}

void merkle_release(struct merkle *m)
{
    EVP_MD_CTX_free(m->ctx);
    EVP_MD_free(m->md);
    *m = (struct merkle){0};
}

// The hash of the byte kind and what follows. A small entry and it are one update.
static void digest(struct merkle *m, unsigned char kind, const void *p, size_t len,
                   struct merkle_hash *ret)
{
    unsigned char both[1024];
    bool small = len < sizeof both;
    both[0] = kind;
    if (small)
        memcpy(both + 1, p, len);
    if (m->ctx && EVP_DigestInit_ex(m->ctx, NULL, NULL) == 1 &&
        EVP_DigestUpdate(m->ctx, both, small ? 1 + len : 1) == 1 &&
        (small || EVP_DigestUpdate(m->ctx, p, len) == 1) &&
        EVP_DigestFinal_ex(m->ctx, ret->b, NULL) == 1)
        return;
    struct hash h;
    unsigned char out[HASH_MAX];
    hash_init(&h, HASH_SHA256);
    hash_update(&h, &kind, 1);
    hash_update(&h, p, len);
    hash_final(&h, out);
    memcpy(ret->b, out, sizeof ret->b);
}

void merkle_leaf(struct merkle *m, const void *entry, size_t len, struct merkle_hash *ret)
{
    digest(m, LEAF, entry, len, ret);
}

void merkle_node(struct merkle *m, const struct merkle_hash *left, const struct merkle_hash *right,
                 struct merkle_hash *ret)
{
    struct merkle_hash both[2] = {*left, *right};
    digest(m, NODE, both, sizeof both, ret);
}

int merkle_push(struct merkle *m, struct merkle_edge *edge, const struct merkle_hash *leaf,
                struct merkle_hash done[MERKLE_LEVELS + 1])
{
    int level = 0;
    done[0] = *leaf;
    for (; edge->size >> level & 1; level++)
        merkle_node(m, &edge->h[level], &done[level], &done[level + 1]);
    edge->h[level] = done[level];
    edge->size++;
    return level + 1;
}

void merkle_edge_root(struct merkle *m, const struct merkle_edge *edge, struct merkle_hash *ret)
{
    bool any = false;
    for (int level = 0; level <= MERKLE_LEVELS; level++) {
        if (!(edge->size >> level & 1))
            continue;
        if (any)
            merkle_node(m, &edge->h[level], ret, ret);
        else
            *ret = edge->h[level];
        any = true;
    }
    if (!any) { // the hash of nothing, without a byte in front
        struct hash h;
        unsigned char out[HASH_MAX];
        hash_init(&h, HASH_SHA256);
        hash_final(&h, out);
        memcpy(ret->b, out, sizeof ret->b);
    }
}

// The edge of the leaves [from, to), which are a subtree of some tree: from is 0 or a multiple of a
// power of two that is not below to - from.
static int edge_of(const struct merkle_store *s, uint64_t from, uint64_t to,
                   struct merkle_edge *ret, struct err *e)
{
    uint64_t size = to - from;
    ret->size = size;
    for (int level = 0; level <= MERKLE_LEVELS && size >> level; level++) {
        int rc = 0;
        if (size >> level & 1)
            rc = s->get(s->data, level, (to >> level) - 1, &ret->h[level], e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int merkle_edge_at(const struct merkle_store *s, uint64_t size, struct merkle_edge *ret,
                   struct err *e)
{
    return edge_of(s, 0, size, ret, e);
}

static int subtree(const struct merkle_store *s, uint64_t from, uint64_t to,
                   struct merkle_hash *ret, struct err *e)
{
    struct merkle_edge edge;
    int rc = edge_of(s, from, to, &edge, e);
    if (rc == 0)
        merkle_edge_root(s->m, &edge, ret);
    return rc;
}

int merkle_root_at(const struct merkle_store *s, uint64_t size, struct merkle_hash *ret,
                   struct err *e)
{
    return subtree(s, 0, size, ret, e);
}

// Where a tree of n > 1 leaves is divided.
static uint64_t split(uint64_t n)
{
    return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

static void reverse(struct merkle_hash *h, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct merkle_hash t = h[i];
        h[i] = h[n - 1 - i];
        h[n - 1 - i] = t;
    }
}

int merkle_prove_inclusion(const struct merkle_store *s, uint64_t index, uint64_t size,
                           struct merkle_hash ret[MERKLE_PROOF_MAX], size_t *ret_n, struct err *e)
{
    uint64_t from = 0, to = size;
    size_t n = 0;
    if (index >= size)
        return err_set(e, ERR_INVALID, POS_NONE, "a tree of %llu has no leaf %llu",
                       (unsigned long long)size, (unsigned long long)index);
    while (to - from > 1) { // from the root down to the leaf; what is not on the way proves
        uint64_t middle = from + split(to - from);
        bool left = index < middle;
        int rc = left ? subtree(s, middle, to, &ret[n], e) : subtree(s, from, middle, &ret[n], e);
        if (rc < 0)
            return rc;
        n++;
        if (left)
            to = middle;
        else
            from = middle;
    }
    reverse(ret, n);
    *ret_n = n;
    return 0;
}

int merkle_prove_consistency(const struct merkle_store *s, uint64_t old, uint64_t size,
                             struct merkle_hash ret[MERKLE_PROOF_MAX], size_t *ret_n, struct err *e)
{
    uint64_t from = 0, to = size;
    size_t n = 0;
    bool known = true; // the subtree we are in is the whole old tree, whose root the reader has
    if (old == 0 || old > size)
        return err_set(e, ERR_INVALID, POS_NONE,
                       "nothing proves that a tree of %llu is the beginning of one of %llu",
                       (unsigned long long)old, (unsigned long long)size);
    while (old != to) {
        uint64_t middle = from + split(to - from);
        bool left = old <= middle;
        int rc = left ? subtree(s, middle, to, &ret[n], e) : subtree(s, from, middle, &ret[n], e);
        if (rc < 0)
            return rc;
        n++;
        if (left) {
            to = middle;
        } else {
            from = middle;
            known = false;
        }
    }
    if (!known) {
        int rc = subtree(s, from, to, &ret[n], e);
        if (rc < 0)
            return rc;
        n++;
    }
    reverse(ret, n);
    *ret_n = n;
    return 0;
}

bool merkle_verify_inclusion(uint64_t index, uint64_t size, const struct merkle_hash *leaf,
                             const struct merkle_hash *proof, size_t n,
                             const struct merkle_hash *root)
{
    struct merkle m = {0};
    struct merkle_hash r = *leaf;
    if (index >= size)
        return false;
    uint64_t fn = index, sn = size - 1;
    for (size_t i = 0; i < n; i++) {
        if (sn == 0)
            return false;
        if (fn & 1 || fn == sn) {
            merkle_node(&m, &proof[i], &r, &r);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            merkle_node(&m, &r, &proof[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && merkle_equal(&r, root);
}

bool merkle_verify_consistency(uint64_t old, uint64_t size, const struct merkle_hash *old_root,
                               const struct merkle_hash *root, const struct merkle_hash *proof,
                               size_t n)
{
    struct merkle m = {0};
    if (old == 0 || old > size)
        return false;
    if (old == size)
        return n == 0 && merkle_equal(old_root, root);
    if (n == 0)
        return false;
    uint64_t fn = old - 1, sn = size - 1;
    bool whole = (old & (old - 1)) == 0; // a perfect old tree is not repeated in the proof
    size_t i = whole ? 0 : 1;
    for (; fn & 1; fn >>= 1)
        sn >>= 1;
    struct merkle_hash fr = whole ? *old_root : proof[0], sr = fr;
    for (; i < n; i++) {
        if (sn == 0)
            return false;
        if (fn & 1 || fn == sn) {
            merkle_node(&m, &proof[i], &fr, &fr);
            merkle_node(&m, &proof[i], &sr, &sr);
            while (!(fn & 1) && fn) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            merkle_node(&m, &sr, &proof[i], &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && merkle_equal(&fr, old_root) && merkle_equal(&sr, root);
}
