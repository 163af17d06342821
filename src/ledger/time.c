// Times of events: microseconds since 1970 in UTC, and as RFC 3339.
#include "ledger/ledger.h"

#include <stdio.h>
#include <string.h>

#define DAY 86400
#define SECOND 1000000
#define LAST_SECOND 253402300799 // of the year 9999

// Days since 1970 of a date in the proleptic Gregorian calendar, counted in years that begin in
// March, and back.
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int *y, int *m, int *d)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100),
            month = (5 * of_year + 2) / 153;
    *d = (int)(of_year - (153 * month + 2) / 5 + 1);
    *m = (int)(month < 10 ? month + 3 : month - 9);
    *y = (int)(year + era * 400 + (*m <= 2));
}

void ledger_time(int64_t us, char ret[LEDGER_TIME])
{
    int y, m, d;
    int64_t s = us / SECOND - (us % SECOND < 0), rest = us - s * SECOND;
    if (s < 0)
        s = rest = 0;
    if (s > LAST_SECOND)
        s = LAST_SECOND;
    date_of(s / DAY, &y, &m, &d);
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
    *ret = ((days_of(part[0], part[1], part[2]) * 24 + part[3]) * 60 + part[4]) * 60 * SECOND +
           part[5] * SECOND + part[6];
    return 0;
}
