// Points in time as people write and read them.
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>

// Reads "2026-11-21", "2026-11-21 20:15", "2026-11-21T20:15:00Z" (without a zone: local time),
// "2h", "3 days ago", "today", "yesterday", "now" as microseconds since 1970. end: of a span of
// time, so that a day alone counts to its end. now: microseconds. ERR_INVALID.
int when_parse(const char *s, int64_t now, bool end, int64_t *ret, struct err *e)
    __attribute__((warn_unused_result));
// "2026-11-21 21:15:00 +01:00": local time with its zone, appended.
void when_local(struct buf *b, int64_t us);
const char *when_string(struct arena *a, int64_t us);

#endif
