// Cutting a line into words as a POSIX shell does, by the rules of Python's shlex.
#ifndef CORE_SHLEX_H
#define CORE_SHLEX_H

#include "core/buf.h"

#include <stdbool.h>
#include <stddef.h>

// Where the cutting stands and how it is done; set at and the flags, the rest 0. word belongs to
// the caller, who releases it.
struct shlex {
    const char *at;    // what is still to be read
    bool comments;     // "#" outside quotes ends the line
    bool keep_quotes;  // Python's posix=False: quotes stay, a closing one ends the word, "\" is
                       // nothing special
    struct buf word;   // the word found
    const char *start; // where it begins
    const char *why;   // what is wrong, in Python's words
};

// Finds the next word: 1, 0 at the end of the line, -1 with why for a quote or backslash that is
// not finished.
int shlex_next(struct shlex *x);

#endif
