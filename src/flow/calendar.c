// Local weeks and months. mktime() knows of clock changes, so a week may have 167 hours.
#include "flow/calendar.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void local(int64_t t, struct tm *ret)
{
    time_t s = (time_t)(t / FLOW_SECOND - (t % FLOW_SECOND < 0));
    memset(ret, 0, sizeof *ret);
    localtime_r(&s, ret);
}

static int64_t midnight(struct tm *tm)
{
    tm->tm_hour = tm->tm_min = tm->tm_sec = 0;
    tm->tm_isdst = -1;
    return (int64_t)mktime(tm) * FLOW_SECOND;
}

int64_t flow_period_begin(enum flow_period p, int64_t t)
{
    struct tm tm;
    local(t, &tm);
    if (p == FLOW_MONTH)
        tm.tm_mday = 1;
    else
        tm.tm_mday -= (tm.tm_wday + 6) % 7;
    return midnight(&tm);
}

int64_t flow_period_next(enum flow_period p, int64_t t)
{
    struct tm tm;
    local(flow_period_begin(p, t), &tm);
    if (p == FLOW_MONTH)
        tm.tm_mon++;
    else
        tm.tm_mday += 7;
    return midnight(&tm);
}

void flow_period_label(enum flow_period p, int64_t t, char ret[FLOW_LABEL])
{
    struct tm tm;
    local(t, &tm);
    strftime(ret, FLOW_LABEL, p == FLOW_MONTH ? "%Y-%m" : "%G-W%V", &tm);
}

int64_t flow_day_number(int64_t t)
{
    struct tm tm;
    local(t, &tm);
    // as if the local clock were UTC: every local day has one number, whatever its length
    return (int64_t)timegm(&tm) / 86400;
}
