// Two units at most: nobody compares deployments of days by their seconds.
#include "cli/length.h"

#include <math.h>

void length_add(struct buf *b, double seconds)
{
    if (isnan(seconds)) {
        buf_addc(b, '-');
        return;
    }
    long long s = llround(seconds), m = llround(seconds / 60), h = llround(seconds / 3600);
    if (seconds > 0 && seconds < 10 && (double)s != seconds)
        buf_addf(b, "%.1fs", seconds);
    else if (s < 60)
        buf_addf(b, "%llds", s);
    else if (m < 60)
        buf_addf(b, "%lldm", m);
    else if (m < 24 * 60)
        buf_addf(b, "%lldh %02lldm", m / 60, m % 60);
    else
        buf_addf(b, "%lldd %02lldh", h / 24, h % 24);
}
