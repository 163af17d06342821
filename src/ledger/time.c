// Times of events: microseconds since 1970 in UTC, and as RFC 3339.
#include "ledger/ledger.h"

#include "core/date.h"

#include <stdio.h>
#include <string.h>

#define DAY 86400
#define SECOND 1000000
#define LAST_SECOND 253402300799 // of the year 9999

void ledger_time(int64_t us, char ret[LEDGER_TIME])
{
    int y, m, d;
    int64_t s = us / SECOND - (us % SECOND < 0), rest = us - s * SECOND;
    if (s < 0)
        s = rest = 0;
    if (s > LAST_SECOND)
        s = LAST_SECOND;
    date_from_days(s / DAY, &y, &m, &d);
    int t = (int)(s % DAY);
    snprintf(ret, LEDGER_TIME, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ", (unsigned)y % 10000,
             (unsigned)m % 100, (unsigned)d % 100, (unsigned)t / 3600 % 100, (unsigned)t / 60 % 60,
             (unsigned)t % 60, (unsigned)rest % SECOND);
}

int ledger_time_parse(const char *s, int64_t *ret)
{
    static const char form[] = "0000-00-00T00:00:00.000000Z";
    int64_t part[7] = {0}; // what lies between the signs
    int k = 0;
    if (strlen(s) != sizeof form - 1)
        return ERR_PARSE;
    for (size_t i = 0; form[i]; i++) {
        if (form[i] != '0' && s[i] != form[i])
            return ERR_PARSE;
        if (form[i] != '0')
            k++;
        else if (s[i] < '0' || s[i] > '9')
            return ERR_PARSE;
        else
            part[k] = part[k] * 10 + (s[i] - '0');
    }
    if (part[0] < 1970 || part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 ||
        part[3] > 23 || part[4] > 59 || part[5] > 59)
        return ERR_PARSE;
    *ret = ((date_to_days(part[0], (int)part[1], (int)part[2]) * 24 + part[3]) * 60 + part[4]) *
               60 * SECOND +
           part[5] * SECOND + part[6];
    return 0;
}
