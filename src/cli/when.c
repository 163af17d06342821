// Points in time: dates, RFC 3339, spans back from now, and a few words.
#include "cli/when.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

static int bad(const char *s, struct err *e)
{
    return err_set(e, ERR_INVALID, POS_NONE,
                   "'%s' is no point in time (such as 2026-11-21, '2026-11-21 20:15', "
                   "2026-11-21T20:15:00Z, 2h, '3 days ago', today, yesterday)",
                   s);
}

// The start of the day so many days from the one of now.
static int64_t day_start(int64_t now, int days)
{
    struct tm tm;
    time_t t = (time_t)(now / SECOND);
    localtime_r(&t, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_mday += days;
    tm.tm_isdst = -1;
    return (int64_t)mktime(&tm) * SECOND;
}

static int64_t unit_of(const char *s, size_t n)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"seconds", SECOND}, {"minutes", 60 * SECOND}, {"hours", 3600 * SECOND},
                 {"days", DAY},       {"weeks", 7 * DAY},       {"mins", 60 * SECOND},
                 {"secs", SECOND}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t full = strlen(units[i].name);
        if ((n == 1 && *s == *units[i].name) ||
            (n > 1 && (n == full || n == full - 1) && strncmp(s, units[i].name, n) == 0))
            return units[i].us;
    }
    return 0;
}

// "2h", "90 minutes", "3 days ago".
static bool parse_span(const char *s, int64_t now, int64_t *ret)
{
    char *end;
    long long n = strtoll(s, &end, 10);
    if (end == s || n < 0 || n > 1000000)
        return false;
    end += strspn(end, " ");
    size_t len = 0;
    while (isalpha((unsigned char)end[len]))
        len++;
    int64_t unit = len ? unit_of(end, len) : 0;
    end += len;
    end += strspn(end, " ");
    if (!unit || (*end && strcmp(end, "ago") != 0))
        return false;
    *ret = now - n * unit;
    return true;
}

// Digits of a fixed number; false: others.
static bool digits(const char **s, int n, int *ret)
{
    *ret = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (!isdigit((unsigned char)**s))
            return false;
        *ret = *ret * 10 + (**s - '0');
    }
    return true;
}

static bool parse_clock(const char **s, struct tm *tm, int64_t *us)
{
    if (!digits(s, 2, &tm->tm_hour) || *(*s)++ != ':' || !digits(s, 2, &tm->tm_min))
        return false;
    if (**s == ':' && (++*s, !digits(s, 2, &tm->tm_sec)))
        return false;
    if (**s == '.')
        for (int64_t unit = SECOND / 10; isdigit((unsigned char)*++*s); unit /= 10)
            *us += (**s - '0') * unit;
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

// "Z", "+01:00", " -0500" or nothing (local time).
static bool parse_zone(const char *s, bool *local, int *seconds)
{
    int hours, minutes;
    *local = false;
    s += *s == ' ';
    if (strcmp(s, "Z") == 0 || strcmp(s, "z") == 0)
        return true;
    *local = !*s;
    if (!*s)
        return true;
    int sign = *s == '-' ? -1 : 1;
    if ((*s != '+' && *s != '-') || (s++, !digits(&s, 2, &hours)))
        return false;
    s += *s == ':';
    if (!digits(&s, 2, &minutes) || *s || hours > 23 || minutes > 59)
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool days_fit(const struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = tm->tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
           tm->tm_mday <= days[tm->tm_mon] + (leap && tm->tm_mon == 1);
}

static bool parse_date(const char *s, bool end, int64_t *ret)
{
    struct tm tm = {.tm_isdst = -1};
    int64_t us = 0;
    int seconds = 0;
    bool local, day = true;
    if (!digits(&s, 4, &tm.tm_year) || *s++ != '-' || !digits(&s, 2, &tm.tm_mon) || *s++ != '-' ||
        !digits(&s, 2, &tm.tm_mday))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    if (!days_fit(&tm))
        return false;
    if ((*s == 'T' || *s == 't' || *s == ' ') && isdigit((unsigned char)s[1])) {
        s++;
        day = false;
        if (!parse_clock(&s, &tm, &us))
            return false;
    }
    if (!parse_zone(s, &local, &seconds))
        return false;
    if (day && end)
        tm.tm_mday++;
    *ret = ((int64_t)(local ? mktime(&tm) : timegm(&tm)) - seconds) * SECOND + us;
    return true;
}

int when_parse(const char *s, int64_t now, bool end, int64_t *ret, struct err *e)
{
    if (strcmp(s, "now") == 0)
        *ret = now;
    else if (strcmp(s, "today") == 0)
        *ret = day_start(now, end ? 1 : 0);
    else if (strcmp(s, "yesterday") == 0)
        *ret = day_start(now, end ? 0 : -1);
    else if (!parse_date(s, end, ret) && !parse_span(s, now, ret))
        return bad(s, e);
    return 0;
}

void when_local(struct buf *b, int64_t us)
{
    struct tm tm;
    char text[40], zone[8];
    time_t t = (time_t)(us / SECOND);
    localtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S ", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    buf_adds(b, text);
    buf_add(b, zone, 3);
    buf_addc(b, ':');
    buf_adds(b, zone + 3);
}

const char *when_string(struct arena *a, int64_t us)
{
    struct buf b = BUF_INIT;
    when_local(&b, us);
    const char *text = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return text;
}
