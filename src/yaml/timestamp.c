// YAML 1.1 dates and times. Ansible turns them into Python dates; what a template prints of those
// is kept as a string.
#include "yaml/scalar.h"

#include <stdint.h>

struct timestamp {
    int year, month, day;
    bool has_time;
    int hour, minute, second, micros;
    enum { ZONE_NONE, ZONE_UTC, ZONE_OFFSET } zone;
    int zone_minutes; // signed
};

struct scan {
    const char *p, *end;
};

// min to max digits into *ret.
static bool number(struct scan *s, int min, int max, int *ret)
{
    int n = 0, val = 0;
    while (n < max && s->p < s->end && *s->p >= '0' && *s->p <= '9') {
        val = val * 10 + (*s->p++ - '0');
        n++;
    }
    *ret = val;
    return n >= min;
}

static bool literal(struct scan *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static int blanks(struct scan *s)
{
    int n = 0;
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t')) {
        s->p++;
        n++;
    }
    return n;
}

static bool zone(struct scan *s, struct timestamp *t)
{
    if (literal(s, 'Z')) {
        t->zone = ZONE_UTC;
        return true;
    }
    bool neg = literal(s, '-');
    int hours, minutes = 0;
    if ((!neg && !literal(s, '+')) || !number(s, 1, 2, &hours))
        return false;
    if (literal(s, ':') && !number(s, 2, 2, &minutes))
        return false;
    t->zone = ZONE_OFFSET;
    t->zone_minutes = (hours * 60 + minutes) * (neg ? -1 : 1);
    return true;
}

// Digits of a second's fraction; those behind the sixth are dropped.
static void fraction(struct scan *s, struct timestamp *t)
{
    int digits = 0, ignored;
    for (int d; s->p < s->end && digits < 6 && number(s, 1, 1, &d); digits++)
        t->micros = t->micros * 10 + d;
    for (; digits < 6; digits++)
        t->micros *= 10;
    while (s->p < s->end && number(s, 1, 1, &ignored))
        continue;
}

static bool parse(const char *text, size_t len, struct timestamp *t)
{
    struct scan s = {text, text + len};
    *t = (struct timestamp){0};
    if (!number(&s, 4, 4, &t->year) || !literal(&s, '-'))
        return false;
    const char *month = s.p;
    if (!number(&s, 1, 2, &t->month) || !literal(&s, '-') || !number(&s, 1, 2, &t->day))
        return false;
    if (s.p == s.end)
        return s.p - month == 5; // a date alone has two digits each
    if (!literal(&s, 'T') && !literal(&s, 't') && blanks(&s) == 0)
        return false;
    t->has_time = true;
    if (!number(&s, 1, 2, &t->hour) || !literal(&s, ':') || !number(&s, 2, 2, &t->minute) ||
        !literal(&s, ':') || !number(&s, 2, 2, &t->second))
        return false;
    if (literal(&s, '.'))
        fraction(&s, t);
    if (s.p == s.end)
        return true;
    blanks(&s);
    return zone(&s, t) && s.p == s.end;
}

bool timestamp_match(const char *s, size_t len)
{
    struct timestamp t;
    return parse(s, len, &t);
}

static const char *check(const struct timestamp *t)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (t->year < 1)
        return "the year of a date must be 1 or later";
    if (t->month < 1 || t->month > 12)
        return "the month of a date must be 1 to 12";
    bool leap = (t->year % 4 == 0 && t->year % 100 != 0) || t->year % 400 == 0;
    int last = days[t->month - 1] + (t->month == 2 && leap);
    if (t->day < 1 || t->day > last)
        return "the day is not in that month";
    if (t->hour > 23 || t->minute > 59 || t->second > 59)
        return "not a time of day";
    if (t->zone_minutes <= -24 * 60 || t->zone_minutes >= 24 * 60)
        return "the time zone is a day or more off";
    return NULL;
}

const char *timestamp_construct(struct arena *a, const char *s, size_t len, struct value *ret)
{
    struct timestamp t;
    if (!parse(s, len, &t))
        return "not a date or time";
    const char *why = check(&t);
    if (why)
        return why;
    if (!t.has_time) {
        *ret = value_strf(a, "%04d-%02d-%02d", t.year, t.month, t.day);
        return NULL;
    }
    const char *micros = t.micros ? arena_printf(a, ".%06d", t.micros) : "";
    const char *offset = "";
    int m = t.zone_minutes < 0 ? -t.zone_minutes : t.zone_minutes;
    if (t.zone != ZONE_NONE)
        offset = arena_printf(a, "%c%02d:%02d", t.zone_minutes < 0 ? '-' : '+', m / 60, m % 60);
    *ret = value_strf(a, "%04d-%02d-%02d %02d:%02d:%02d%s%s", t.year, t.month, t.day, t.hour,
                      t.minute, t.second, micros, offset);
    return NULL;
}
