// Calendar arithmetic and the objects that carry it.
#include "template/datetime.h"

#include "core/date.h"
#include "core/file.h"
#include "template/strptime.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define DAY 86400
#define MICRO 1000000

// Microseconds since the epoch on the object's own clock (offset applied when aware).
static int64_t micros_of(const struct datetime *d)
{
    int64_t s =
        date_to_days(d->year, d->month, d->day) * DAY + d->hour * 3600 + d->minute * 60 + d->second;
    return (s - (d->aware ? d->offset : 0)) * MICRO + d->micro;
}

static struct datetime from_micros(int64_t us, const struct datetime *like)
{
    struct datetime d = {.aware = like->aware, .offset = like->offset};
    us += (int64_t)(like->aware ? like->offset : 0) * MICRO;
    int64_t s = us / MICRO, rest = us % MICRO;
    if (rest < 0) {
        rest += MICRO;
        s--;
    }
    int64_t days = s / DAY, sec = s % DAY;
    if (sec < 0) {
        sec += DAY;
        days--;
    }
    date_from_days(days, &d.year, &d.month, &d.day);
    d.hour = (int)(sec / 3600);
    d.minute = (int)(sec / 60 % 60);
    d.second = (int)(sec % 60);
    d.micro = (int)rest;
    return d;
}

static void add_offset(struct buf *b, int offset, bool colon)
{
    int a = offset < 0 ? -offset : offset;
    buf_addf(b, colon ? "%c%02d:%02d" : "%c%02d%02d", offset < 0 ? '-' : '+', a / 3600,
             a / 60 % 60);
}

static void add_iso(struct buf *b, const struct datetime *d, char sep)
{
    buf_addf(b, "%04d-%02d-%02d%c%02d:%02d:%02d", d->year, d->month, d->day, sep, d->hour,
             d->minute, d->second);
    if (d->micro)
        buf_addf(b, ".%06d", d->micro);
    if (d->aware)
        add_offset(b, d->offset, true);
}

static int weekday(const struct datetime *d) // Monday 0
{
    int64_t days = date_to_days(d->year, d->month, d->day);
    return (int)(((days + 3) % 7 + 7) % 7);
}

static int yearday(const struct datetime *d)
{
    return (int)(date_to_days(d->year, d->month, d->day) - date_to_days(d->year, 1, 1)) + 1;
}

static struct tm tm_of(const struct datetime *d)
{
    return (struct tm){
        .tm_year = d->year - 1900,
        .tm_mon = d->month - 1,
        .tm_mday = d->day,
        .tm_hour = d->hour,
        .tm_min = d->minute,
        .tm_sec = d->second,
        .tm_wday = (weekday(d) + 1) % 7,
        .tm_yday = yearday(d) - 1,
        .tm_isdst = -1,
    };
}

void add_strftime(struct buf *b, const char *format, const struct tm *tm)
{
    char tmp[1024];
    if (!*format)
        return;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    size_t n = strftime(tmp, sizeof tmp, format, tm);
#pragma GCC diagnostic pop
    buf_add(b, tmp, n);
}

static void strftime_into(struct buf *b, const struct datetime *d, struct text format)
{
    struct buf f = BUF_INIT;
    for (size_t i = 0; i < format.len; i++) {
        if (format.s[i] != '%' || i + 1 >= format.len) {
            buf_addc(&f, format.s[i]);
            continue;
        }
        char k = format.s[++i];
        if (k == 'f')
            buf_addf(&f, "%06d", d->micro);
        else if (k == 'z' && d->aware)
            add_offset(&f, d->offset, false);
        else if (k == 'Z' && d->aware && !d->offset)
            buf_adds(&f, "UTC");
        else if (k == 'Z' && d->aware) {
            buf_adds(&f, "UTC");
            add_offset(&f, d->offset, true);
        } else if (k == 's') {
            struct tm tm = tm_of(d);
            buf_addf(&f, "%lld", (long long)mktime(&tm));
        } else if (k != 'z' && k != 'Z') {
            buf_addc(&f, '%');
            buf_addc(&f, k);
        }
    }
    struct tm tm = tm_of(d);
    add_strftime(b, buf_str(&f), &tm);
    buf_release(&f);
}

static const struct datetime *dt(const struct value_object *o)
{
    return o->data;
}

enum method {
    M_STRFTIME,
    M_ISOFORMAT,
    M_TIMESTAMP,
    M_DATE,
    M_TIME,
    M_WEEKDAY,
    M_ISOWEEKDAY,
    M_REPLACE,
    M_TOTAL_SECONDS
};

struct bound {
    const struct value_object *self;
    enum method m;
};

static struct value text_value(struct arena *a, struct buf *b)
{
    struct value v = value_strn(a, buf_str(b), b->len);
    buf_release(b);
    return v;
}

static int replaced(struct arena *a, struct datetime d, const struct dict *kwargs,
                    struct value *ret)
{
    struct {
        const char *name;
        int *to;
    } parts[] = {{"year", &d.year},        {"month", &d.month},   {"day", &d.day},
                 {"hour", &d.hour},        {"minute", &d.minute}, {"second", &d.second},
                 {"microsecond", &d.micro}};
    for (size_t i = 0; kwargs && i < sizeof parts / sizeof *parts; i++) {
        struct value *v = dict_get(kwargs, parts[i].name);
        if (v && v->type == VALUE_INT)
            *parts[i].to = (int)v->u.i;
    }
    if (kwargs && dict_get(kwargs, "tzinfo"))
        d.aware = false;
    *ret = datetime_value(a, &d);
    return 0;
}

static int bound_call(struct value_object *o, struct arena *a, const struct list *args,
                      const struct dict *kwargs, struct value *ret, struct err *e)
{
    const struct bound *bound = o->data;
    const struct datetime *d = dt(bound->self);
    struct buf b = BUF_INIT;
    switch (bound->m) {
    case M_STRFTIME:
        if (!args->len || args->items[0].type != VALUE_STRING)
            return err_set(e, ERR_INVALID, POS_NONE,
                           "strftime() takes exactly 1 argument (0 given)");
        strftime_into(&b, d, (struct text){args->items[0].u.str.s, args->items[0].u.str.len});
        *ret = text_value(a, &b);
        return 0;
    case M_ISOFORMAT:
        add_iso(&b, d,
                args->len && args->items[0].type == VALUE_STRING ? args->items[0].u.str.s[0] : 'T');
        *ret = text_value(a, &b);
        return 0;
    case M_TIMESTAMP: {
        struct tm tm = tm_of(d);
        double s = d->aware ? (double)(micros_of(d) / MICRO) : (double)mktime(&tm);
        *ret = value_float(s + d->micro / 1e6);
        return 0;
    }
    case M_DATE:
        *ret = value_strf(a, "%04d-%02d-%02d", d->year, d->month, d->day);
        return 0;
    case M_TIME:
        buf_addf(&b, "%02d:%02d:%02d", d->hour, d->minute, d->second);
        if (d->micro)
            buf_addf(&b, ".%06d", d->micro);
        *ret = text_value(a, &b);
        return 0;
    case M_WEEKDAY:
        *ret = value_int(weekday(d));
        return 0;
    case M_ISOWEEKDAY:
        *ret = value_int(weekday(d) + 1);
        return 0;
    case M_REPLACE:
        return replaced(a, *d, kwargs, ret);
    case M_TOTAL_SECONDS: {
        const struct timedelta *t = bound->self->data;
        *ret = value_float((double)(t->days * DAY + t->seconds) + (double)t->micros / 1e6);
        return 0;
    }
    }
    return ERR_INVALID;
}

static const struct value_ops bound_ops = {.type_name = "builtin_function_or_method",
                                           .call = bound_call};

static int bind(struct arena *a, struct value_object *o, enum method m, struct value *ret)
{
    struct bound *bound = arena_new_of(a, struct bound);
    *bound = (struct bound){o, m};
    *ret = value_object(a, &bound_ops, bound);
    return 1;
}

static int datetime_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                        struct value *ret, struct err *e)
{
    (void)e;
    (void)attr;
    static const struct {
        const char *name;
        enum method m;
    } methods[] = {{"strftime", M_STRFTIME},
                   {"isoformat", M_ISOFORMAT},
                   {"timestamp", M_TIMESTAMP},
                   {"date", M_DATE},
                   {"time", M_TIME},
                   {"weekday", M_WEEKDAY},
                   {"isoweekday", M_ISOWEEKDAY},
                   {"replace", M_REPLACE}};
    const struct datetime *d = dt(o);
    const struct {
        const char *name;
        int val;
    } parts[] = {{"year", d->year},        {"month", d->month},   {"day", d->day},
                 {"hour", d->hour},        {"minute", d->minute}, {"second", d->second},
                 {"microsecond", d->micro}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (value_eqs(key, parts[i].name)) {
            *ret = value_int(parts[i].val);
            return 1;
        }
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (value_eqs(key, methods[i].name))
            return bind(a, o, methods[i].m, ret);
    return 0;
}

static int datetime_plain(struct value_object *o, struct arena *a, struct value *ret, struct err *e)
{
    (void)e;
    struct buf b = BUF_INIT;
    add_iso(&b, dt(o), ' ');
    *ret = text_value(a, &b);
    return 0;
}

static void datetime_repr(const struct value_object *o, struct buf *b)
{
    const struct datetime *d = o->data;
    buf_addf(b, "datetime.datetime(%d, %d, %d, %d, %d", d->year, d->month, d->day, d->hour,
             d->minute);
    if (d->second || d->micro)
        buf_addf(b, ", %d", d->second);
    if (d->micro)
        buf_addf(b, ", %d", d->micro);
    if (d->aware && !d->offset)
        buf_adds(b, ", tzinfo=datetime.timezone.utc");
    else if (d->aware)
        buf_addf(b, ", tzinfo=datetime.timezone(datetime.timedelta(seconds=%d))", d->offset);
    buf_addc(b, ')');
}

struct value datetime_iso(struct arena *a, const struct value *v)
{
    struct buf b = BUF_INIT;
    add_iso(&b, dt(v->u.obj), 'T');
    return text_value(a, &b);
}

static const struct value_ops datetime_ops = {
    .type_name = "datetime",
    .get = datetime_get,
    .materialize = datetime_plain,
    .repr = datetime_repr,
};

static int timedelta_get(struct value_object *o, struct arena *a, const struct value *key,
                         bool attr, struct value *ret, struct err *e)
{
    (void)e;
    (void)attr;
    const struct timedelta *t = o->data;
    if (value_eqs(key, "days"))
        *ret = value_int(t->days);
    else if (value_eqs(key, "seconds"))
        *ret = value_int(t->seconds);
    else if (value_eqs(key, "microseconds"))
        *ret = value_int(t->micros);
    else if (value_eqs(key, "total_seconds"))
        return bind(a, o, M_TOTAL_SECONDS, ret);
    else
        return 0;
    return 1;
}

static int timedelta_plain(struct value_object *o, struct arena *a, struct value *ret,
                           struct err *e)
{
    (void)e;
    const struct timedelta *t = o->data;
    struct buf b = BUF_INIT;
    if (t->days)
        buf_addf(&b, "%lld day%s, ", (long long)t->days, t->days == 1 || t->days == -1 ? "" : "s");
    buf_addf(&b, "%lld:%02lld:%02lld", (long long)t->seconds / 3600,
             (long long)t->seconds / 60 % 60, (long long)t->seconds % 60);
    if (t->micros)
        buf_addf(&b, ".%06lld", (long long)t->micros);
    *ret = text_value(a, &b);
    return 0;
}

static void timedelta_repr(const struct value_object *o, struct buf *b)
{
    const struct timedelta *t = o->data;
    const struct {
        const char *name;
        int64_t n;
    } parts[] = {{"days", t->days}, {"seconds", t->seconds}, {"microseconds", t->micros}};
    const char *comma = "";
    buf_adds(b, "datetime.timedelta(");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].n)
            continue;
        buf_addf(b, "%s%s=%lld", comma, parts[i].name, (long long)parts[i].n);
        comma = ", ";
    }
    buf_adds(b, *comma ? ")" : "0)");
}

static const struct value_ops timedelta_ops = {
    .type_name = "timedelta",
    .get = timedelta_get,
    .materialize = timedelta_plain,
    .repr = timedelta_repr,
};

bool datetime_is(const struct value *v)
{
    return v->type == VALUE_OBJECT && v->u.obj->ops == &datetime_ops;
}

bool timedelta_is(const struct value *v)
{
    return v->type == VALUE_OBJECT && v->u.obj->ops == &timedelta_ops;
}

struct value datetime_value(struct arena *a, const struct datetime *d)
{
    struct datetime *copy = arena_new_of(a, struct datetime);
    *copy = *d;
    return value_object(a, &datetime_ops, copy);
}

struct value timedelta_value(struct arena *a, int64_t us)
{
    struct timedelta *t = arena_new_of(a, struct timedelta);
    int64_t s = us / MICRO;
    t->micros = us % MICRO;
    if (t->micros < 0) {
        t->micros += MICRO;
        s--;
    }
    t->days = s / DAY;
    t->seconds = s % DAY;
    if (t->seconds < 0) {
        t->seconds += DAY;
        t->days--;
    }
    return value_object(a, &timedelta_ops, t);
}

struct datetime datetime_now(bool utc)
{
    int64_t us = clock_real_us();
    time_t s = (time_t)(us / MICRO);
    struct tm tm;
    if (utc)
        gmtime_r(&s, &tm);
    else
        localtime_r(&s, &tm);
    return (struct datetime){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                             tm.tm_hour,        tm.tm_min,     tm.tm_sec,
                             (int)(us % MICRO), false,         0};
}

int datetime_strftime(const struct value *v, struct text format, struct buf *b, struct err *e)
{
    if (!datetime_is(v))
        return err_set(e, ERR_INVALID, POS_NONE, "not a date");
    strftime_into(b, dt(v->u.obj), format);
    return 0;
}

static int64_t delta_micros(const struct timedelta *t)
{
    return (t->days * DAY + t->seconds) * MICRO + t->micros;
}

int datetime_compare(const struct value *x, const struct value *y, int *ret)
{
    int64_t a, b;
    if (datetime_is(x) && datetime_is(y)) {
        a = micros_of(dt(x->u.obj));
        b = micros_of(dt(y->u.obj));
    } else if (timedelta_is(x) && timedelta_is(y)) {
        a = delta_micros(x->u.obj->data);
        b = delta_micros(y->u.obj->data);
    } else {
        return 0;
    }
    *ret = a < b ? -1 : a > b;
    return 1;
}

static int scaled(struct arena *a, char op, const struct value *x, const struct value *y,
                  struct value *ret, struct err *e)
{
    double n, us = (double)delta_micros(x->u.obj->data);
    if (op == '/' && timedelta_is(y)) {
        double d = (double)delta_micros(y->u.obj->data);
        if (d == 0)
            return err_set(e, ERR_FAILED, POS_NONE, "division by zero");
        *ret = value_float(us / d);
        return 1;
    }
    if (!number_of(y, &n))
        return 0;
    if (op == '/' && n == 0)
        return err_set(e, ERR_FAILED, POS_NONE, "division by zero");
    *ret = timedelta_value(a, (int64_t)nearbyint(op == '*' ? us * n : us / n));
    return 1;
}

int datetime_binary(struct arena *a, char op, const struct value *x, const struct value *y,
                    struct value *ret, struct err *e)
{
    if (op == '*' && timedelta_is(y))
        return scaled(a, op, y, x, ret, e);
    if ((op == '*' || op == '/') && timedelta_is(x))
        return scaled(a, op, x, y, ret, e);
    int64_t sign = op == '-' ? -1 : 1;
    if (op != '+' && op != '-')
        return 0;
    if (datetime_is(x) && datetime_is(y) && op == '-') {
        if (dt(x->u.obj)->aware != dt(y->u.obj)->aware)
            return err_set(e, ERR_INVALID, POS_NONE,
                           "can't subtract offset-naive and offset-aware datetimes");
        *ret = timedelta_value(a, micros_of(dt(x->u.obj)) - micros_of(dt(y->u.obj)));
        return 1;
    }
    if (timedelta_is(x) && timedelta_is(y)) {
        *ret =
            timedelta_value(a, delta_micros(x->u.obj->data) + sign * delta_micros(y->u.obj->data));
        return 1;
    }
    const struct value *date = datetime_is(x) ? x : y, *delta = datetime_is(x) ? y : x;
    if (datetime_is(date) && timedelta_is(delta) && (op == '+' || date == x)) {
        struct datetime d = from_micros(
            micros_of(dt(date->u.obj)) + sign * delta_micros(delta->u.obj->data), dt(date->u.obj));
        *ret = datetime_value(a, &d);
        return 1;
    }
    return 0;
}
