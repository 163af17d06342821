// Which YAML 1.1 type a plain scalar has, and its value. Internal to the room.
#ifndef YAML_SCALAR_H
#define YAML_SCALAR_H

#include "core/arena.h"
#include "core/value.h"

#include <stddef.h>

enum scalar_kind {
    SCALAR_STR,
    SCALAR_BOOL,
    SCALAR_INT,
    SCALAR_FLOAT,
    SCALAR_NULL,
    SCALAR_TIMESTAMP,
    SCALAR_BINARY,
    SCALAR_MERGE, // <<
    SCALAR_VALUE, // =
};

// The type that the text of an unquoted, untagged scalar has.
enum scalar_kind scalar_resolve(const char *s, size_t len);
// The value of text as kind, in the arena; s must be NUL-terminated in the arena. NULL on success,
// else why not.
const char *scalar_construct(struct arena *a, enum scalar_kind kind, const char *s, size_t len,
                             struct value *ret);
// The value of a timestamp as Python prints it. NULL on success, else why not.
const char *timestamp_construct(struct arena *a, const char *s, size_t len, struct value *ret);
// True when text is an implicit timestamp.
bool timestamp_match(const char *s, size_t len);

#endif
