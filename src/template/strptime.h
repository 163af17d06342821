// Calendar functions shared by dates, strptime and the time filters.
#ifndef TEMPLATE_STRPTIME_H
#define TEMPLATE_STRPTIME_H

#include "core/buf.h"

#include <stdint.h>
#include <time.h>

// Appends strftime(format).
void add_strftime(struct buf *b, const char *format, const struct tm *tm);

#endif
