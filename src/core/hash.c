// MD5 (RFC 1321) and the SHA family (FIPS 180-4), plus hex and base64.
#include "core/hash.h"

#include "core/buf.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const struct {
    const char *name;
    size_t size, block;
} algs[] = {
    [HASH_MD5] = {"md5", 16, 64},        [HASH_SHA1] = {"sha1", 20, 64},
    [HASH_SHA224] = {"sha224", 28, 64},  [HASH_SHA256] = {"sha256", 32, 64},
    [HASH_SHA384] = {"sha384", 48, 128}, [HASH_SHA512] = {"sha512", 64, 128},
};

// Round constants: the first 32 or 64 bits of the fractional parts of the cube roots of the first
// 80 primes.
static const uint64_t k512[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

// MD5's sines: floor(2^32 * |sin(i + 1)|).
static const uint32_t kmd5[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static inline uint32_t rol(uint32_t x, unsigned n)
{
    return (x << n) | (x >> (32 - n));
}

static inline uint32_t ror32(uint32_t x, unsigned n)
{
    return (x >> n) | (x << (32 - n));
}

static inline uint64_t ror64(uint64_t x, unsigned n)
{
    return (x >> n) | (x << (64 - n));
}

static inline uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void md5_block(uint32_t h[8], const unsigned char *p)
{
    static const unsigned char shift[16] = {7, 12, 17, 22, 5, 9,  14, 20,
                                            4, 11, 16, 23, 6, 10, 15, 21};
    uint32_t w[16], a = h[0], b = h[1], c = h[2], d = h[3];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] | (uint32_t)p[4 * i + 1] << 8 | (uint32_t)p[4 * i + 2] << 16 |
               (uint32_t)p[4 * i + 3] << 24;
    for (unsigned i = 0; i < 64; i++) {
        uint32_t f;
        unsigned g;
        if (i < 16) {
            f = (b & c) | (~b & d);
            g = i;
        } else if (i < 32) {
            f = (d & b) | (~d & c);
            g = (5 * i + 1) & 15;
        } else if (i < 48) {
            f = b ^ c ^ d;
            g = (3 * i + 5) & 15;
        } else {
            f = c ^ (b | ~d);
            g = (7 * i) & 15;
        }
        uint32_t t = d;
        d = c;
        c = b;
        b += rol(a + f + kmd5[i] + w[g], shift[(i / 16) * 4 + (i & 3)]);
        a = t;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
}

static inline void sha1_step(uint32_t a, uint32_t *b, uint32_t *e, uint32_t f, uint32_t w)
{
    *e += rol(a, 5) + f + w;
    *b = rol(*b, 30);
}

#define SHA1_CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define SHA1_PARITY(x, y, z) ((x) ^ (y) ^ (z))
#define SHA1_MOST(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))
// Twenty rounds, five at a time: then every variable is in its own place again.
#define SHA1_TWENTY(f, k, from)                                                                    \
    for (int i = (from); i < (from) + 20; i += 5) {                                                \
        sha1_step(a, &b, &e, f(b, c, d), (k) + w[i]);                                              \
        sha1_step(e, &a, &d, f(a, b, c), (k) + w[i + 1]);                                          \
        sha1_step(d, &e, &c, f(e, a, b), (k) + w[i + 2]);                                          \
        sha1_step(c, &d, &b, f(d, e, a), (k) + w[i + 3]);                                          \
        sha1_step(b, &c, &a, f(c, d, e), (k) + w[i + 4]);                                          \
    }

static void sha1_block(uint32_t h[8], const unsigned char *p)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++)
        w[i] = be32(p + 4 * i);
    for (int i = 16; i < 80; i++)
        w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    SHA1_TWENTY(SHA1_CHOOSE, 0x5a827999, 0)
    SHA1_TWENTY(SHA1_PARITY, 0x6ed9eba1, 20)
    SHA1_TWENTY(SHA1_MOST, 0x8f1bbcdc, 40)
    SHA1_TWENTY(SHA1_PARITY, 0xca62c1d6, 60)
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

// One round, without moving the variables: the caller names each by the place it has come to.
static inline void sha256_step(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e,
                               uint32_t f, uint32_t g, uint32_t *h, uint32_t w)
{
    uint32_t t = *h + (ror32(e, 6) ^ ror32(e, 11) ^ ror32(e, 25)) + (g ^ (e & (f ^ g))) + w;
    *d += t;
    *h = t + (ror32(a, 2) ^ ror32(a, 13) ^ ror32(a, 22)) + ((a & b) | (c & (a | b)));
}

static void sha256_block(uint32_t h[8], const unsigned char *p)
{
    uint32_t w[64];
    for (int i = 0; i < 16; i++)
        w[i] = be32(p + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + (ror32(x, 7) ^ ror32(x, 18) ^ (x >> 3)) + w[i - 7] +
               (ror32(y, 17) ^ ror32(y, 19) ^ (y >> 10));
    }
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], last = h[7];
    for (int i = 0; i < 64; i++)
        w[i] += (uint32_t)(k512[i] >> 32);
    for (int i = 0; i < 64; i += 8) {
        sha256_step(a, b, c, &d, e, f, g, &last, w[i]);
        sha256_step(last, a, b, &c, d, e, f, &g, w[i + 1]);
        sha256_step(g, last, a, &b, c, d, e, &f, w[i + 2]);
        sha256_step(f, g, last, &a, b, c, d, &e, w[i + 3]);
        sha256_step(e, f, g, &last, a, b, c, &d, w[i + 4]);
        sha256_step(d, e, f, &g, last, a, b, &c, w[i + 5]);
        sha256_step(c, d, e, &f, g, last, a, &b, w[i + 6]);
        sha256_step(b, c, d, &e, f, g, last, &a, w[i + 7]);
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
    h[5] += f;
    h[6] += g;
    h[7] += last;
}

static void sha512_block(uint64_t h[8], const unsigned char *p)
{
    uint64_t w[80];
    for (int i = 0; i < 16; i++)
        w[i] = (uint64_t)be32(p + 8 * i) << 32 | be32(p + 8 * i + 4);
    for (int i = 16; i < 80; i++) {
        uint64_t x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + (ror64(x, 1) ^ ror64(x, 8) ^ (x >> 7)) + w[i - 7] +
               (ror64(y, 19) ^ ror64(y, 61) ^ (y >> 6));
    }
    uint64_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], last = h[7];
    for (int i = 0; i < 80; i++) {
        uint64_t t1 = last + (ror64(e, 14) ^ ror64(e, 18) ^ ror64(e, 41)) + ((e & f) ^ (~e & g)) +
                      k512[i] + w[i];
        uint64_t t2 = (ror64(a, 28) ^ ror64(a, 34) ^ ror64(a, 39)) + ((a & b) ^ (a & c) ^ (b & c));
        last = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
    h[5] += f;
    h[6] += g;
    h[7] += last;
}

int hash_by_name(const char *name)
{
    char plain[16];
    size_t n = 0;
    for (; *name && n < sizeof plain - 1; name++)
        if (*name != '-')
            plain[n++] = *name;
    plain[n] = '\0';
    for (size_t i = 0; i < sizeof algs / sizeof *algs; i++)
        if (!*name && strcasecmp(plain, algs[i].name) == 0)
            return (int)i;
    return -1;
}

size_t hash_size(enum hash_alg alg)
{
    return algs[alg].size;
}

void hash_init(struct hash *h, enum hash_alg alg)
{
    // Initial values of FIPS 180-4; MD5 and SHA-1 share their first four words.
    static const uint32_t h1[8] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    static const uint32_t h224[8] = {0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939,
                                     0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4};
    static const uint32_t h256[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    static const uint64_t h384[8] = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17,
                                     0x152fecd8f70e5939, 0x67332667ffc00b31, 0x8eb44a8768581511,
                                     0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};
    static const uint64_t h512[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                     0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                     0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    static const void *const init[] = {h1, h1, h224, h256, h384, h512};
    *h = (struct hash){.alg = alg};
    memcpy(&h->h, init[alg], alg >= HASH_SHA384 ? 64 : 32);
}

static void one_block(struct hash *h, const unsigned char *p)
{
    switch (h->alg) {
    case HASH_MD5:
        md5_block(h->h.w32, p);
        break;
    case HASH_SHA1:
        sha1_block(h->h.w32, p);
        break;
    case HASH_SHA224:
    case HASH_SHA256:
        sha256_block(h->h.w32, p);
        break;
    case HASH_SHA384:
    case HASH_SHA512:
        sha512_block(h->h.w64, p);
        break;
    }
}

void hash_update(struct hash *h, const void *data, size_t len)
{
    const unsigned char *p = data;
    size_t block = algs[h->alg].block;
    h->total += len;
    while (len) {
        if (!h->fill && len >= block) {
            one_block(h, p);
            p += block;
            len -= block;
            continue;
        }
        size_t n = block - h->fill < len ? block - h->fill : len;
        memcpy(h->block + h->fill, p, n);
        h->fill += n;
        p += n;
        len -= n;
        if (h->fill == block) {
            one_block(h, h->block);
            h->fill = 0;
        }
    }
}

void hash_final(struct hash *h, unsigned char out[HASH_MAX])
{
    size_t block = algs[h->alg].block, tail = block == 128 ? 16 : 8;
    uint64_t bits = h->total * 8;
    unsigned char len[16] = {0};
    for (size_t i = 0; i < 8; i++)
        len[h->alg == HASH_MD5 ? i : tail - 1 - i] = (unsigned char)(bits >> (8 * i));
    hash_update(h, "\x80", 1);
    while (h->fill != block - tail)
        hash_update(h, "", 1);
    hash_update(h, len, tail);
    for (size_t i = 0; i < algs[h->alg].size; i++) {
        if (block == 128)
            out[i] = (unsigned char)(h->h.w64[i / 8] >> (56 - 8 * (i % 8)));
        else if (h->alg == HASH_MD5)
            out[i] = (unsigned char)(h->h.w32[i / 4] >> (8 * (i % 4)));
        else
            out[i] = (unsigned char)(h->h.w32[i / 4] >> (24 - 8 * (i % 4)));
    }
}

void hash_to_hex(const unsigned char *in, size_t n, char *out)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[in[i] >> 4];
        out[2 * i + 1] = digit[in[i] & 15];
    }
    out[2 * n] = '\0';
}

void hash_hex(enum hash_alg alg, const void *data, size_t len, char out[HASH_HEX_MAX])
{
    struct hash h;
    unsigned char digest[HASH_MAX];
    hash_init(&h, alg);
    hash_update(&h, data, len);
    hash_final(&h, digest);
    hash_to_hex(digest, algs[alg].size, out);
}

int hash_file(enum hash_alg alg, const char *path, char out[HASH_HEX_MAX], struct err *e)
{
    struct hash h;
    unsigned char digest[HASH_MAX], b[16384];
    int fd = file_open(path, 0);
    ssize_t n = -1;
    hash_init(&h, alg);
    while (fd >= 0 && ((n = read(fd, b, sizeof b)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0)
            hash_update(&h, b, (size_t)n);
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return err_set(e, saved == ENOENT ? ERR_NOENT : ERR_IO, POS_NONE, "cannot read '%s': %s",
                       path, strerror(saved));
    hash_final(&h, digest);
    hash_to_hex(digest, algs[alg].size, out);
    return 0;
}

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *b, const void *data, size_t len)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v =
            (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
        char out[4] = {b64[v >> 18], b64[(v >> 12) & 63], n > 1 ? b64[(v >> 6) & 63] : '=',
                       n > 2 ? b64[v & 63] : '='};
        buf_add(b, out, 4);
    }
}

int base64_decode(struct buf *b, const char *s, size_t len)
{
    uint32_t v = 0;
    int n = 0, pad = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] && strchr(" \t\r\n", s[i]))
            continue;
        const char *at = s[i] ? strchr(b64, s[i]) : NULL;
        if (s[i] == '=')
            pad++;
        else if (!at || pad)
            return ERR_INVALID;
        v = v << 6 | (s[i] == '=' ? 0 : (uint32_t)(at - b64));
        if (++n == 4) {
            char out[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
            if (pad > 2)
                return ERR_INVALID;
            buf_add(b, out, (size_t)(3 - pad));
            n = 0;
            v = 0;
        }
    }
    return n == 0 ? 0 : ERR_INVALID;
}
