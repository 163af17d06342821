// Calendar functions shared by dates, strptime and the time filters.
#ifndef TEMPLATE_STRPTIME_H
#define TEMPLATE_STRPTIME_H

#include "core/buf.h"

#include <stdint.h>
#include <time.h>

// Days since 1970-01-01 of a date in the Gregorian calendar, and back.
int64_t days_from_civil(int64_t y, int m, int d);
void civil_from_days(int64_t days, int *y, int *m, int *d);
// Appends strftime(format).
void add_strftime(struct buf *b, const char *format, const struct tm *tm);

#endif
