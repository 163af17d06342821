// Splitting a line into words as a POSIX shell does, by the rules of Python's shlex. Internal to
// the room.
#ifndef INVENTORY_SHLEX_H
#define INVENTORY_SHLEX_H

#include "core/arena.h"

#include <stddef.h>

struct shlex_word {
    const char *s;
    size_t col; // bytes from the start of the line
};

// Splits line; "#" begins a comment outside quotes. Returns the number of words, or -1 and what is
// wrong in *why.
int shlex_split(struct arena *a, const char *line, struct shlex_word **ret, const char **why);

#endif
