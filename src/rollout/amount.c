// Numbers of hosts, plain or as a share.
#include "rollout/service.h"

#include <math.h>

size_t amount_of(struct amount a, size_t of, size_t if_unset)
{
    if (!a.set)
        return if_unset;
    double n = a.percent ? floor(a.n * (double)of / 100 + 1e-9) : a.n;
    return n < 0 ? 0 : n > (double)of ? of : (size_t)n;
}
