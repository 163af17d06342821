// Python's methods and attributes of numbers.
#include "template/rows.h"

#include <math.h>
#include <string.h>

static int64_t self_int(const struct call *c)
{
    return c->self.type == VALUE_BOOL ? c->self.u.b : c->self.u.i;
}

// bit_length: Bits needed for the absolute value.
BUILTIN(int_method_bit_length)
{
    int64_t n = self_int(c);
    uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    *ret = value_int(u ? 64 - __builtin_clzll(u) : 0);
    return args_none(c, e);
}

// bit_count: Ones in the binary form of the absolute value.
BUILTIN(int_method_bit_count)
{
    int64_t n = self_int(c);
    *ret = value_int(__builtin_popcountll(n < 0 ? 0 - (uint64_t)n : (uint64_t)n));
    return args_none(c, e);
}

// conjugate: The number itself.
BUILTIN(int_method_conjugate)
{
    *ret = value_int(self_int(c));
    return args_none(c, e);
}

// as_integer_ratio: The number over one.
BUILTIN(int_method_as_integer_ratio)
{
    *ret = pair_of(c, value_int(self_int(c)), value_int(1));
    return args_none(c, e);
}

// is_integer: A whole number.
BUILTIN(float_method_is_integer)
{
    *ret = value_bool(isfinite(c->self.u.f) && floor(c->self.u.f) == c->self.u.f);
    return args_none(c, e);
}

// conjugate: The number itself.
BUILTIN(float_method_conjugate)
{
    *ret = c->self;
    return args_none(c, e);
}
