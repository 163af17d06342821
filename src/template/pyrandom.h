// Python's random.Random (Mersenne Twister, seeded as Python seeds it) and the system's randomness
// behind one face.
#ifndef TEMPLATE_PYRANDOM_H
#define TEMPLATE_PYRANDOM_H

#include "template/args.h"

struct pyrandom {
    bool system; // getrandom() instead of the twister
    uint32_t state[624];
    int at;
};

// Randomness from the kernel.
void pyrandom_system(struct pyrandom *r);
// random.Random(seed): an int, float or string. False for a seed Python refuses.
bool pyrandom_seed(struct pyrandom *r, const struct value *seed);
// A number below n (n > 0), as _randbelow.
uint64_t pyrandom_below(struct pyrandom *r, uint64_t n);
// randrange(start, stop, step): false when the range is empty.
bool pyrandom_range(struct pyrandom *r, int64_t start, int64_t stop, int64_t step, int64_t *ret);
// random.shuffle of values.
void pyrandom_shuffle(struct pyrandom *r, struct value *items, size_t n);
// length characters picked from chars (code points), as Ansible's random_password.
void pyrandom_text(struct pyrandom *r, struct text chars, int64_t length, struct buf *b);

#endif
