// Regular expressions as Python's re has them, for the modules that take them: small, static, with
// limits on time and memory. Classes, lazy, greedy and possessive repeats, named groups,
// back-references, look-around, conditionals, flags.
#ifndef NODE_REGEX_H
#define NODE_REGEX_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

enum regex_flag {
    REGEX_IGNORECASE = 1,
    REGEX_MULTILINE = 2,
    REGEX_DOTALL = 4,
    REGEX_VERBOSE = 8,
    REGEX_TEXT = 16, // a str pattern: characters are UTF-8 code points; otherwise bytes
    REGEX_ASCII = 32,
};

struct regex;

// A group's place in the subject; start is REGEX_NONE when it took no part.
#define REGEX_NONE ((size_t)-1)
struct regex_span {
    size_t start, end;
};

// Compiles pattern[0..len); it lives in the arena. NULL with Python's message in e when it is
// wrong.
struct regex *regex_compile(struct arena *a, const char *pattern, size_t len, unsigned flags,
                            struct err *e);
// As regex_compile, for a C string.
struct regex *regex_compile_str(struct arena *a, const char *pattern, unsigned flags,
                                struct err *e);
// The flags in effect, those set in the pattern included.
unsigned regex_flags(const struct regex *r);
// Number of groups, the whole match (0) included.
size_t regex_groups(const struct regex *r);
// Number of the group called name[0..len), or -1.
int regex_group_named(const struct regex *r, const char *name, size_t len);
// Searches s from byte `from` (re.search): 1 found, spans filled (regex_groups() of them); 0 not
// found; ERR_LIMIT when it took too many steps. spans may be NULL.
int regex_search(const struct regex *r, const char *s, size_t len, size_t from,
                 struct regex_span *spans, struct err *e);
// As regex_search, at `from` only (re.match).
int regex_match(const struct regex *r, const char *s, size_t len, size_t from,
                struct regex_span *spans, struct err *e);
// re.subn: appends s with every match replaced by the template; the number of matches, or <0.
long regex_subn(const struct regex *r, const char *s, size_t len, const char *template,
                struct buf *out, struct err *e);
// match.expand: appends the template with \1, \g<name> ... filled from spans.
int regex_expand(const struct regex *r, const char *s, const struct regex_span *spans,
                 const char *template, struct buf *out, struct err *e);

#endif
