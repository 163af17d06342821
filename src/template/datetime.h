// datetime and timedelta objects: what to_datetime and now() give.
#ifndef TEMPLATE_DATETIME_H
#define TEMPLATE_DATETIME_H

#include "template/args.h"

struct datetime {
    int year, month, day, hour, minute, second, micro;
    bool aware; // has an offset
    int offset; // seconds east of UTC
};

struct timedelta {
    int64_t days;
    int64_t seconds; // 0..86399
    int64_t micros;  // 0..999999
};

// The text of a date in ISO 8601's form, as JSON has it.
struct value datetime_iso(struct arena *a, const struct value *v);
bool datetime_is(const struct value *v);
bool timedelta_is(const struct value *v);
struct value datetime_value(struct arena *a, const struct datetime *d);
struct value timedelta_value(struct arena *a, int64_t micros);
// Now, in UTC or local time, without an offset (as datetime.now() and utcnow() are).
struct datetime datetime_now(bool utc);
// Appends strftime(format) of a datetime value.
int datetime_strftime(const struct value *v, struct text format, struct buf *b, struct err *e);
// datetime.strptime.
int datetime_strptime(struct call *c, struct text s, struct text format, struct datetime *ret,
                      struct err *e);
// x op y for dates and differences: op is '-', '+', '*' or '/'. 1 when *ret was set, 0 when neither
// is a date, <0 error.
int datetime_binary(struct arena *a, char op, const struct value *x, const struct value *y,
                    struct value *ret, struct err *e);
// Order of two dates or two differences: 1 and *ret, or 0 when they are not both of one kind.
int datetime_compare(const struct value *x, const struct value *y, int *ret);

#endif
