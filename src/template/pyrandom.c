// The Mersenne Twister with Python's seeding, and the sampling functions on top.
#include "template/pyrandom.h"

#include "core/hash.h"
#include "template/unicode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define N 624
#define M 397

static void init_genrand(struct pyrandom *r, uint32_t s)
{
    r->state[0] = s;
    for (uint32_t i = 1; i < N; i++)
        r->state[i] = 1812433253u * (r->state[i - 1] ^ (r->state[i - 1] >> 30)) + i;
    r->at = N;
}

static void init_by_array(struct pyrandom *r, const uint32_t *key, size_t len)
{
    init_genrand(r, 19650218u);
    uint32_t *mt = r->state;
    size_t i = 1, j = 0;
    for (size_t k = N > len ? N : len; k; k--) {
        mt[i] = (mt[i] ^ ((mt[i - 1] ^ (mt[i - 1] >> 30)) * 1664525u)) + key[j] + (uint32_t)j;
        if (++i >= N) {
            mt[0] = mt[N - 1];
            i = 1;
        }
        if (++j >= len)
            j = 0;
    }
    for (size_t k = N - 1; k; k--) {
        mt[i] = (mt[i] ^ ((mt[i - 1] ^ (mt[i - 1] >> 30)) * 1566083941u)) - (uint32_t)i;
        if (++i >= N) {
            mt[0] = mt[N - 1];
            i = 1;
        }
    }
    mt[0] = 0x80000000u;
}

static uint32_t next32(struct pyrandom *r)
{
    uint32_t *mt = r->state, y;
    if (r->system) {
        if (getrandom(&y, sizeof y, 0) != sizeof y)
            y = 0;
        return y;
    }
    if (r->at >= N) {
        for (int k = 0; k < N; k++) {
            y = (mt[k] & 0x80000000u) | (mt[(k + 1) % N] & 0x7fffffffu);
            mt[k] = mt[(k + M) % N] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
        }
        r->at = 0;
    }
    y = mt[r->at++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

void pyrandom_system(struct pyrandom *r)
{
    r->system = true;
}

// A big number given as big-endian bytes becomes the key, least significant word first.
static void seed_bytes(struct pyrandom *r, const unsigned char *s, size_t len)
{
    while (len > 1 && !*s) {
        s++;
        len--;
    }
    size_t n = (len + 3) / 4;
    uint32_t *key = xcalloc(n ? n : 1, sizeof *key);
    for (size_t i = 0; i < len; i++)
        key[i / 4] |= (uint32_t)s[len - 1 - i] << (8 * (i % 4));
    init_by_array(r, key, n ? n : 1);
    free(key);
}

static void seed_int(struct pyrandom *r, uint64_t u)
{
    unsigned char be[8];
    for (int i = 0; i < 8; i++)
        be[i] = (unsigned char)(u >> (56 - 8 * i));
    seed_bytes(r, be, 8);
}

// hash() of a float, which is what Random(1.5) is seeded with.
static uint64_t float_hash(double f)
{
    const int bits = 61;
    const uint64_t mod = (1ull << 61) - 1;
    int e;
    double m = frexp(fabs(f), &e);
    uint64_t x = 0;
    while (m != 0) {
        x = ((x << 28) & mod) | x >> (bits - 28);
        m *= 268435456.0;
        e -= 28;
        uint64_t y = (uint64_t)m;
        m -= (double)y;
        x += y;
        if (x >= mod)
            x -= mod;
    }
    e = e >= 0 ? e % bits : bits - 1 - ((-1 - e) % bits);
    x = ((x << e) & mod) | x >> (bits - e);
    return x;
}

bool pyrandom_seed(struct pyrandom *r, const struct value *seed)
{
    r->system = false;
    if (seed->type == VALUE_STRING) {
        struct hash h;
        size_t len = seed->u.str.len;
        unsigned char *all = xmalloc(len + 64), digest[HASH_MAX];
        memcpy(all, seed->u.str.s, len);
        hash_init(&h, HASH_SHA512);
        hash_update(&h, all, len);
        hash_final(&h, digest);
        memcpy(all + len, digest, 64);
        seed_bytes(r, all, len + 64);
        free(all);
    } else if (seed->type == VALUE_INT) {
        seed_int(r, seed->u.i < 0 ? 0 - (uint64_t)seed->u.i : (uint64_t)seed->u.i);
    } else if (seed->type == VALUE_BOOL) {
        seed_int(r, seed->u.b);
    } else if (seed->type == VALUE_FLOAT && isfinite(seed->u.f)) {
        seed_int(r, float_hash(seed->u.f));
    } else {
        return false;
    }
    return true;
}

static uint64_t getrandbits(struct pyrandom *r, int k)
{
    if (k <= 32)
        return next32(r) >> (32 - k);
    uint64_t low = next32(r);
    return low | (uint64_t)(next32(r) >> (64 - k)) << 32;
}

uint64_t pyrandom_below(struct pyrandom *r, uint64_t n)
{
    int k = n ? 64 - __builtin_clzll(n) : 1;
    uint64_t v = getrandbits(r, k);
    while (v >= n)
        v = getrandbits(r, k);
    return v;
}

__extension__ typedef __int128 wide;

bool pyrandom_range(struct pyrandom *r, int64_t start, int64_t stop, int64_t step, int64_t *ret)
{
    wide width = (wide)stop - start, n = 0; // up to 2^64
    if (step > 0)
        n = width <= 0 ? 0 : (width + step - 1) / step;
    else if (step < 0)
        n = width >= 0 ? 0 : (width + step + 1) / step;
    if (n <= 0)
        return false;
    *ret = (int64_t)(start + (wide)step * pyrandom_below(r, (uint64_t)n));
    return true;
}

void pyrandom_shuffle(struct pyrandom *r, struct value *items, size_t n)
{
    for (size_t i = n; i-- > 1;) {
        size_t j = (size_t)pyrandom_below(r, i + 1);
        struct value t = items[i];
        items[i] = items[j];
        items[j] = t;
    }
}

void pyrandom_text(struct pyrandom *r, struct text chars, int64_t length, struct buf *b)
{
    size_t n = utf8_count(chars.s, chars.len);
    for (int64_t i = 0; n && i < length; i++) {
        const char *p = chars.s + utf8_offset(chars.s, chars.len, (size_t)pyrandom_below(r, n)),
                   *q = p;
        utf8_next(&q, chars.s + chars.len);
        buf_add(b, p, (size_t)(q - p));
    }
}
