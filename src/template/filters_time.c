// Time filters: to_datetime (Python's strptime) and strftime.
#include "template/datetime.h"
#include "template/pystr.h"
#include "template/rows.h"
#include "template/strptime.h"

#include "core/date.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday"};

struct parse {
    const char *p, *end;
    struct datetime d;
    int pm; // 0 not said, 1 am, 2 pm
    int hour12, yday;
};

static bool digits(struct parse *s, int min, int max, int lo, int hi, int *ret)
{
    int n = 0, v = 0;
    while (n < max && s->p + n < s->end && isdigit((unsigned char)s->p[n])) {
        int next = v * 10 + s->p[n] - '0';
        if (next > hi && n >= min)
            break;
        v = next;
        n++;
    }
    if (n < min || v < lo || v > hi)
        return false;
    s->p += n;
    *ret = v;
    return true;
}

// A name out of a list, in full or its first three letters; the index, or -1.
static int name(struct parse *s, const char *const *names, int n, bool full)
{
    for (int i = 0; i < n; i++) {
        size_t len = full ? strlen(names[i]) : 3;
        if ((size_t)(s->end - s->p) >= len && strncasecmp(s->p, names[i], len) == 0) {
            s->p += len;
            return i;
        }
    }
    return -1;
}

static bool offset(struct parse *s)
{
    int h = 0, m = 0;
    if (s->p < s->end && *s->p == 'Z') {
        s->p++;
    } else {
        if (s->p >= s->end || (*s->p != '+' && *s->p != '-'))
            return false;
        int sign = *s->p++ == '-' ? -1 : 1;
        if (!digits(s, 2, 2, 0, 23, &h))
            return false;
        s->p += s->p < s->end && *s->p == ':';
        if (!digits(s, 2, 2, 0, 59, &m))
            return false;
        s->d.offset = sign * (h * 3600 + m * 60);
    }
    s->d.aware = true;
    return true;
}

static bool fraction(struct parse *s)
{
    int n = 0;
    s->d.micro = 0;
    while (n < 6 && s->p < s->end && isdigit((unsigned char)*s->p)) {
        s->d.micro = s->d.micro * 10 + *s->p++ - '0';
        n++;
    }
    for (int k = n; k < 6; k++)
        s->d.micro *= 10;
    return n > 0;
}

static bool directive(struct parse *s, char k);

static bool directives(struct parse *s, const char *format)
{
    for (; *format; format++) {
        bool ok = *format == '%' ? directive(s, *++format) : s->p < s->end && *s->p++ == *format;
        if (!ok)
            return false;
    }
    return true;
}

static bool directive(struct parse *s, char k)
{
    int v;
    switch (k) {
    case 'Y':
        return digits(s, 4, 4, 0, 9999, &s->d.year);
    case 'y':
        if (!digits(s, 2, 2, 0, 99, &v))
            return false;
        s->d.year = v < 69 ? 2000 + v : 1900 + v;
        return true;
    case 'm':
        return digits(s, 1, 2, 1, 12, &s->d.month);
    case 'd':
        return digits(s, 1, 2, 1, 31, &s->d.day);
    case 'H':
        return digits(s, 1, 2, 0, 23, &s->d.hour);
    case 'I':
        return digits(s, 1, 2, 1, 12, &s->hour12);
    case 'M':
        return digits(s, 1, 2, 0, 59, &s->d.minute);
    case 'S':
        return digits(s, 1, 2, 0, 61, &s->d.second);
    case 'f':
        return fraction(s);
    case 'j':
        return digits(s, 1, 3, 1, 366, &s->yday);
    case 'w':
        return digits(s, 1, 1, 0, 6, &v);
    case 'u':
        return digits(s, 1, 1, 1, 7, &v);
    case 'b':
    case 'B':
        s->d.month = name(s, months, 12, k == 'B') + 1;
        return s->d.month > 0;
    case 'a':
    case 'A':
        return name(s, days, 7, k == 'A') >= 0;
    case 'p':
        s->pm = s->end - s->p >= 2 && strncasecmp(s->p, "AM", 2) == 0   ? 1
                : s->end - s->p >= 2 && strncasecmp(s->p, "PM", 2) == 0 ? 2
                                                                        : 0;
        s->p += 2;
        return s->pm > 0;
    case 'z':
        return offset(s);
    case 'Z':
        if (s->end - s->p >= 3 &&
            (strncasecmp(s->p, "UTC", 3) == 0 || strncasecmp(s->p, "GMT", 3) == 0))
            s->p += 3;
        return true;
    case 'x':
        return directives(s, "%m/%d/%y");
    case 'X':
        return directives(s, "%H:%M:%S");
    case 'c':
        return directives(s, "%a %b %d %H:%M:%S %Y");
    case '%':
        return s->p < s->end && *s->p++ == '%';
    default:
        return false;
    }
}

int datetime_strptime(struct call *c, struct text in, struct text format, struct datetime *ret,
                      struct err *e)
{
    struct parse s = {.p = in.s, .end = in.s + in.len, .d = {1900, 1, 1, 0, 0, 0, 0, false, 0}};
    for (size_t i = 0; i < format.len; i++) {
        bool ok = true;
        if (format.s[i] == '%') {
            char k = i + 1 < format.len ? format.s[++i] : '\0';
            if (!k)
                return fail_with(c, e, "stray %% in format '%s'", format.s);
            if (!strchr("YymdHIMSfjwubBaApzZxXc%UWGV", k))
                return fail_with(c, e, "'%c' is a bad directive in format '%s'", k, format.s);
            ok = directive(&s, k);
        } else if (isspace((unsigned char)format.s[i])) {
            ok = s.p < s.end && isspace((unsigned char)*s.p);
            while (s.p < s.end && isspace((unsigned char)*s.p))
                s.p++;
            while (i + 1 < format.len && isspace((unsigned char)format.s[i + 1]))
                i++;
        } else {
            ok = s.p < s.end && tolower((unsigned char)*s.p) == tolower((unsigned char)format.s[i]);
            s.p++;
        }
        if (!ok)
            return fail_with(c, e, "time data %s does not match format '%s'", repr_of(c, &c->self),
                             format.s);
    }
    if (s.p < s.end)
        return fail_with(c, e, "unconverted data remains: %s", s.p);
    if (s.hour12)
        s.d.hour = s.hour12 % 12 + (s.pm == 2 ? 12 : 0);
    if (s.yday)
        date_from_days(date_to_days(s.d.year, 1, 1) + s.yday - 1, &s.d.year, &s.d.month, &s.d.day);
    int y, m, d;
    date_from_days(date_to_days(s.d.year, s.d.month, s.d.day), &y, &m, &d);
    if (m != s.d.month || d != s.d.day)
        return fail_with(c, e, "day is out of range for month");
    *ret = s.d;
    return 0;
}

// to_datetime: The date a text stands for, read by format.
BUILTIN(filter_to_datetime)
{
    struct text format = text_lit("%Y-%m-%d %H:%M:%S");
    struct datetime d;
    int rc = args_read(c, e, "format:s", &format);
    if (rc < 0)
        return rc;
    if (c->self.type != VALUE_STRING)
        return fail_type(c, e, "strptime() argument 1 must be str, not %s",
                         c->self.type == VALUE_NULL ? "None" : value_type_name(&c->self));
    rc = datetime_strptime(c, text_of(c, &c->self), format, &d, e);
    if (rc >= 0)
        *ret = datetime_value(c->arena, &d);
    return rc;
}

// strftime: The time second (now unless given; seconds since 1970) written by the format.
BUILTIN(filter_strftime)
{
    const struct value *second = NULL;
    bool utc = false;
    double f;
    time_t t = time(NULL);
    struct tm tm;
    int rc = args_read(c, e, "second:v utc:b", &second, &utc);
    if (rc < 0)
        return rc;
    if (second && second->type == VALUE_UNDEFINED)
        return fail_undefined(c, second, e);
    if (second && second->type != VALUE_NULL) {
        struct text s = text_of(c, second);
        if (!number_of(second, &f) &&
            !(second->type == VALUE_STRING && parse_float(s.s, s.len, &f)))
            return fail_with(c, e, "Invalid value for epoch value (%s)", s.s);
        t = (time_t)f - (f < 0 && (double)(time_t)f != f);
    }
    if (c->self.type != VALUE_STRING)
        return fail_type(c, e, "strftime() argument 1 must be str, not %s",
                         value_type_name(&c->self));
    if (utc)
        gmtime_r(&t, &tm);
    else
        localtime_r(&t, &tm);
    struct buf b = BUF_INIT;
    add_strftime(&b, c->self.u.str.s, &tm);
    *ret = take_buf(c, &b);
    return 0;
}
