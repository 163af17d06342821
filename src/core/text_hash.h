// How keys are hashed, for value.c and dict.c alone: nearly every look-up begins with it.
#ifndef CORE_TEXT_HASH_H
#define CORE_TEXT_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START 2166136261u

static inline uint32_t hash_bytes(const void *p, size_t n, uint32_t h)
{
    const unsigned char *s = p;
    uint64_t x = h, w;
    for (; n >= 8; n -= 8, s += 8) {
        memcpy(&w, s, 8);
        x = (x ^ w) * 0x9fb21c651e98df25u;
        x ^= x >> 29;
    }
    if (n) {
        w = n;
        if (n >= 4) {
            uint32_t low, high;
            memcpy(&low, s, 4);
            memcpy(&high, s + n - 4, 4);
            w ^= (uint64_t)high << 32 ^ (uint64_t)low << 4;
        } else {
            w ^= (uint64_t)s[0] << 8 ^ (uint64_t)s[n / 2] << 16 ^ (uint64_t)s[n - 1] << 24;
        }
        x = (x ^ w) * 0x9fb21c651e98df25u;
    }
    return (uint32_t)(x ^ x >> 32);
}

#endif
