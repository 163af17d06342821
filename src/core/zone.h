// Time zones from the system's zoneinfo files (RFC 8536), for times in zones other than the
// process's own. The C library knows only one zone at a time, and changing it changes it for all.
#ifndef CORE_ZONE_H
#define CORE_ZONE_H

#include "core/arena.h"
#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

struct zone;

// A moment as a clock on the wall of the zone shows it.
struct zone_time {
    int64_t day; // days since 1970-01-01
    int minute;  // of the day
    int weekday; // 0: Monday
};

// The zone called name ("Europe/Berlin", "UTC"), in a; NULL or "" is the process's own ($TZ, else
// /etc/localtime). ERR_NOENT when there is none of that name, ERR_INVALID for a file that is none.
int zone_load(struct arena *a, const char *name, const struct zone **ret, struct err *e)
    __attribute__((warn_unused_result));
// The same from the bytes of a file.
int zone_read(struct arena *a, const void *data, size_t len, const struct zone **ret, struct err *e)
    __attribute__((warn_unused_result));
// Seconds east of UTC at t (seconds since 1970).
int zone_offset(const struct zone *z, int64_t t);
struct zone_time zone_at(const struct zone *z, int64_t t);
// The first moment at or behind which the wall shows day and minute or later: a time that a clock
// change leaves out is the moment of the change, of one that comes twice it is the first.
int64_t zone_moment(const struct zone *z, int64_t day, int minute);
// Whether there is such a date, from 1970 to 9999.
int zone_is_date(int year, int month, int day);

#endif
