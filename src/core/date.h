// Dates of the proleptic Gregorian calendar as days since 1970-01-01.
#ifndef CORE_DATE_H
#define CORE_DATE_H

#include <stdint.h>

int64_t date_to_days(int64_t year, int month, int day);
void date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day);

#endif
