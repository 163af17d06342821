// Zoneinfo files: the transitions they list, and the rule behind the last of them (a POSIX TZ
// text).
#include "core/zone.h"

#include "core/date.h"
#include "core/file.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE ((size_t)1 << 20)
#define DAY 86400

// When summer time begins or ends by a rule: the week-th weekday of a month, or a day of the year.
struct rule {
    enum { RULE_MONTH, RULE_JULIAN, RULE_DAY } kind;
    int month, week, weekday; // weekday 0: Sunday
    int day;                  // RULE_JULIAN: 1..365 without 29 February, RULE_DAY: 0..365
    int seconds;              // of the day, by the clock before the change
};

struct zone {
    size_t n;         // transitions
    int64_t *at;      // when
    int *offset;      // and what holds from then on
    int first_offset; // what holds before all of them
    bool has_rules;   // a footer: what holds behind all of them
    bool has_summer;
    int winter, summer; // offsets
    struct rule begins, ends;
};

// --- days
// ------------------------------------------------------------------------------------------

static bool is_leap(int64_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int days_in(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

int zone_is_date(int year, int month, int day)
{
    return year >= 1970 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_in(year, month);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int year_of(int64_t day)
{
    int year = (int)(1970 + floor_div(day * 400, 146097));
    while (date_to_days(year, 1, 1) > day)
        year--;
    while (date_to_days(year + 1, 1, 1) <= day)
        year++;
    return year;
}

// --- the rule in the footer: "CET-1CEST,M3.5.0,M10.5.0/3"
// ------------------------------------------------------------------------------------------

static bool read_name(const char **s)
{
    const char *p = *s;
    if (*p == '<') {
        p = strchr(p, '>');
        if (!p)
            return false;
        *s = p + 1;
        return true;
    }
    while (isalpha((unsigned char)*p))
        p++;
    bool some = p - *s >= 3;
    *s = p;
    return some;
}

static bool read_number(const char **s, int max, int *ret)
{
    char *end;
    if (!isdigit((unsigned char)**s))
        return false;
    long n = strtol(*s, &end, 10);
    *s = end;
    *ret = (int)n;
    return n <= max;
}

// [+-]hh[:mm[:ss]]
static bool read_clock(const char **s, int *ret)
{
    int sign = **s == '-' ? -1 : 1, part, total = 0, unit = 3600;
    *s += **s == '-' || **s == '+';
    for (;;) {
        if (!read_number(s, unit == 3600 ? 167 : 59, &part))
            return false;
        total += part * unit;
        if (**s != ':' || unit == 1)
            break;
        unit /= 60;
        ++*s;
    }
    *ret = sign * total;
    return true;
}

static bool read_rule(const char **s, struct rule *r)
{
    r->seconds = 7200;
    if (**s != ',')
        return false;
    ++*s;
    if (**s == 'M') {
        r->kind = RULE_MONTH;
        ++*s;
        if (!read_number(s, 12, &r->month) || r->month < 1 || *(*s)++ != '.' ||
            !read_number(s, 5, &r->week) || r->week < 1 || *(*s)++ != '.' ||
            !read_number(s, 6, &r->weekday))
            return false;
    } else {
        r->kind = **s == 'J' ? RULE_JULIAN : RULE_DAY;
        *s += **s == 'J';
        if (!read_number(s, 365, &r->day))
            return false;
    }
    if (**s != '/')
        return true;
    ++*s;
    return read_clock(s, &r->seconds);
}

static bool read_footer(const char *s, struct zone *z)
{
    if (!read_name(&s) || !read_clock(&s, &z->winter))
        return false;
    z->winter = -z->winter; // POSIX counts to the west
    z->has_rules = true;
    if (!*s)
        return true;
    if (!read_name(&s))
        return false;
    z->summer = z->winter + 3600;
    if (*s && *s != ',') {
        if (!read_clock(&s, &z->summer))
            return false;
        z->summer = -z->summer;
    }
    z->has_summer = read_rule(&s, &z->begins) && read_rule(&s, &z->ends) && !*s;
    return z->has_summer;
}

// The moment of a rule in a year, by a clock that has this offset.
static int64_t rule_moment(const struct rule *r, int year, int offset)
{
    int64_t day = date_to_days(year, 1, 1);
    if (r->kind == RULE_JULIAN) {
        day += r->day - 1 + (is_leap(year) && r->day >= 60);
    } else if (r->kind == RULE_DAY) {
        day += r->day;
    } else {
        day = date_to_days(year, r->month, 1);
        int first = (int)((day + 4) % 7); // 1970-01-01 was a Thursday; 0: Sunday
        int of_month = 1 + (r->weekday - first + 7) % 7 + (r->week - 1) * 7;
        while (of_month > days_in(year, r->month))
            of_month -= 7;
        day += of_month - 1;
    }
    return day * DAY + r->seconds - offset;
}

static int offset_by_rules(const struct zone *z, int64_t t)
{
    if (!z->has_summer)
        return z->winter;
    int year = year_of(floor_div(t + z->winter, DAY));
    int64_t from = rule_moment(&z->begins, year, z->winter),
            to = rule_moment(&z->ends, year, z->summer);
    bool summer = from < to ? t >= from && t < to : t >= from || t < to;
    return summer ? z->summer : z->winter;
}

// --- the file
// ------------------------------------------------------------------------------------------

static int64_t read_be(const unsigned char *p, size_t n)
{
    uint64_t v = p[0] & 0x80 ? ~(uint64_t)0 : 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

struct counts {
    size_t isut, isstd, leap, time, type, chars;
};

static bool read_header(const unsigned char *p, const unsigned char *end, struct counts *c)
{
    size_t *fields[] = {&c->isut, &c->isstd, &c->leap, &c->time, &c->type, &c->chars};
    if (end - p < 44 || memcmp(p, "TZif", 4) != 0)
        return false;
    for (size_t i = 0; i < 6; i++) {
        int64_t n = read_be(p + 20 + 4 * i, 4);
        if (n < 0 || n > 65535)
            return false;
        *fields[i] = (size_t)n;
    }
    return c->type > 0;
}

static size_t body_size(const struct counts *c, size_t wide)
{
    return c->time * (wide + 1) + c->type * 6 + c->chars + c->leap * (wide + 4) + c->isstd +
           c->isut;
}

static bool read_body(struct arena *a, const unsigned char *p, const struct counts *c, size_t wide,
                      struct zone *z)
{
    const unsigned char *index = p + c->time * wide, *types = index + c->time;
    z->n = c->time;
    z->at = arena_array(a, int64_t, c->time + 1);
    z->offset = arena_array(a, int, c->time + 1);
    z->first_offset = (int)read_be(types, 4);
    for (size_t i = 0; i < c->time; i++) {
        if (index[i] >= c->type)
            return false;
        z->at[i] = read_be(p + i * wide, wide);
        z->offset[i] = (int)read_be(types + (size_t)index[i] * 6, 4);
        if (z->offset[i] < -100000 || z->offset[i] > 100000)
            return false;
        if (i && z->at[i] < z->at[i - 1])
            return false;
    }
    return true;
}

static bool read_all(struct arena *a, const unsigned char *p, size_t len, struct zone *z)
{
    const unsigned char *end = p + len;
    struct counts c;
    size_t wide = 4;
    if (!read_header(p, end, &c))
        return false;
    if (p[4] >= '2') { // the same again with 64 bits
        size_t skip = 44 + body_size(&c, 4);
        if ((size_t)(end - p) < skip || !read_header(p + skip, end, &c))
            return false;
        p += skip;
        wide = 8;
    }
    size_t body = body_size(&c, wide);
    if ((size_t)(end - p) < 44 + body || !read_body(a, p + 44, &c, wide, z))
        return false;
    const char *footer = (const char *)p + 44 + body,
               *stop = wide == 8 && footer + 1 < (const char *)end && *footer == '\n'
                           ? memchr(footer + 1, '\n', (size_t)((const char *)end - footer - 1))
                           : NULL;
    if (!stop || stop == footer + 1)
        return true;
    return read_footer(arena_strndup(a, footer + 1, (size_t)(stop - footer - 1)), z);
}

int zone_read(struct arena *a, const void *data, size_t len, const struct zone **ret, struct err *e)
{
    struct zone *z = arena_new_of(a, struct zone);
    if (!read_all(a, data, len, z))
        return err_set(e, ERR_INVALID, POS_NONE, "this is no file of time zones");
    *ret = z;
    return 0;
}

int zone_load(struct arena *a, const char *name, const struct zone **ret, struct err *e)
{
    const char *env = getenv("TZ"), *path;
    char *data;
    size_t len;
    if ((!name || !*name) && env && *env)
        name = *env == ':' ? env + 1 : env;
    if (!name || !*name)
        path = "/etc/localtime";
    else if (*name == '/')
        path = name;
    else if (strstr(name, "..") || strpbrk(name, " \t\n"))
        return err_set(e, ERR_NOENT, POS_NONE, "there is no time zone '%s'", name);
    else
        path = arena_printf(a, "/usr/share/zoneinfo/%s", name);
    struct err why = ERR_INIT;
    int rc = file_read(a, path, MAX_FILE, &data, &len, &why);
    if (rc == 0)
        rc = zone_read(a, data, len, ret, &why);
    if (rc < 0 && (!name || !*name || strcmp(name, "UTC") == 0)) {
        *ret = arena_new_of(a, struct zone); // systems without zoneinfo have UTC
        rc = 0;
    } else if (rc < 0) {
        struct zone *z = arena_new_of(a, struct zone);
        if (name == env && read_footer(name, z)) { // TZ=CET-1CEST,M3.5.0,M10.5.0/3
            *ret = z;
            rc = 0;
        } else {
            rc = err_set(e, ERR_NOENT, POS_NONE, "there is no time zone '%s'", name);
        }
    }
    err_release(&why);
    return rc;
}

// --- asking
// ------------------------------------------------------------------------------------------

int zone_offset(const struct zone *z, int64_t t)
{
    if (!z->n || t < z->at[0])
        return !z->n && z->has_rules ? offset_by_rules(z, t) : z->first_offset;
    if (t >= z->at[z->n - 1] && z->has_rules)
        return offset_by_rules(z, t);
    size_t lo = 0, hi = z->n; // at[lo] <= t < at[hi]
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (z->at[mid] <= t)
            lo = mid;
        else
            hi = mid;
    }
    return z->offset[lo];
}

struct zone_time zone_at(const struct zone *z, int64_t t)
{
    int64_t local = t + zone_offset(z, t), day = floor_div(local, DAY);
    return (struct zone_time){.day = day,
                              .minute = (int)((local - day * DAY) / 60),
                              .weekday = (int)(((day + 3) % 7 + 7) % 7)};
}

int64_t zone_moment(const struct zone *z, int64_t day, int minute)
{
    int64_t wall = day * DAY + (int64_t)minute * 60;
    // Zones are at most a day from UTC. What a clock showed a day before and will show a day
    // later are the only offsets that can hold at this time.
    int before = zone_offset(z, wall - 2 * DAY), after = zone_offset(z, wall + 2 * DAY);
    int64_t first = wall - (before > after ? before : after),
            last = wall - (before > after ? after : before);
    if (first + zone_offset(z, first) == wall)
        return first;
    if (last + zone_offset(z, last) == wall)
        return last;
    // left out: the change lies between, and the wall shows more than wanted from then on
    while (last - first > 1) {
        int64_t mid = first + (last - first) / 2;
        if (mid + zone_offset(z, mid) >= wall)
            last = mid;
        else
            first = mid;
    }
    return last;
}
