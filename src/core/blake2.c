// BLAKE2b without a key, of data that is in memory whole.
#include "core/blake2.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 128
#define ROUNDS 12
#define DIGEST 32

static const uint64_t start[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

// Which word of the block goes where in a round; the last two rounds are the first two again.
static const uint8_t order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint64_t rotate(uint64_t x, int n)
{
    return x >> n | x << (64 - n);
}

static inline __attribute__((always_inline)) void mix(uint64_t v[16], int a, int b, int c, int d,
                                                      uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = rotate(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = rotate(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 63);
}

// total: bytes up to and with this block.
static void compress(uint64_t h[8], const unsigned char *block, uint64_t total, int last)
{
    uint64_t v[16], m[16];
    memcpy(m, block, BLOCK);
    for (int i = 0; i < 16; i++)
        m[i] = le64toh(m[i]);
    memcpy(v, h, sizeof start);
    memcpy(v + 8, start, sizeof start);
    v[12] ^= total;
    if (last)
        v[14] = ~v[14];
    for (int r = 0; r < ROUNDS; r++) {
        const uint8_t *o = order[r % 10];
        mix(v, 0, 4, 8, 12, m[o[0]], m[o[1]]); // constant places: v is in registers
        mix(v, 1, 5, 9, 13, m[o[2]], m[o[3]]);
        mix(v, 2, 6, 10, 14, m[o[4]], m[o[5]]);
        mix(v, 3, 7, 11, 15, m[o[6]], m[o[7]]);
        mix(v, 0, 5, 10, 15, m[o[8]], m[o[9]]);
        mix(v, 1, 6, 11, 12, m[o[10]], m[o[11]]);
        mix(v, 2, 7, 8, 13, m[o[12]], m[o[13]]);
        mix(v, 3, 4, 9, 14, m[o[14]], m[o[15]]);
    }
    for (int i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
}

void blake2_hex(const void *data, size_t len, char out[BLAKE2_HEX])
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = data;
    unsigned char block[BLOCK] = {0};
    uint64_t h[8];
    size_t off = 0;
    memcpy(h, start, sizeof h);
    h[0] ^= 0x01010000 | DIGEST;
    for (; len - off > BLOCK; off += BLOCK)
        compress(h, p + off, off + BLOCK, 0);
    if (len)
        memcpy(block, p + off, len - off);
    compress(h, block, len, 1);
    for (int i = 0; i < DIGEST; i++) {
        unsigned b = h[i / 8] >> 8 * (i % 8) & 0xff;
        out[2 * i] = digits[b >> 4];
        out[2 * i + 1] = digits[b & 15];
    }
    out[2 * DIGEST] = '\0';
}
