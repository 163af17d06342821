// The string operations that filters and str methods share, as Python defines them (code points,
// Unicode white space).
#ifndef TEMPLATE_PYSTR_H
#define TEMPLATE_PYSTR_H

#include "template/args.h"

enum strip_side { STRIP_LEFT = 1, STRIP_RIGHT = 2, STRIP_BOTH = 3 };

// s without the code points in chars (NULL: white space) at its ends.
struct text str_strip(struct text s, const struct text *chars, enum strip_side side);
// Appends s with old replaced by new, at most count times (<0: all).
void str_replace(struct buf *b, struct text s, struct text old, struct text new, int64_t count);
// Pieces of s between sep (NULL: runs of white space), at most max splits (<0: all).
void str_split(struct call *c, struct text s, const struct text *sep, int64_t max,
               struct list *ret);
void str_rsplit(struct call *c, struct text s, const struct text *sep, int64_t max,
                struct list *ret);
void str_splitlines(struct call *c, struct text s, bool keepends, struct list *ret);
// Byte offset of the first (last) occurrence in s[from..to), or -1.
int64_t str_find(struct text s, struct text sub);
int64_t str_rfind(struct text s, struct text sub);
// Appends s padded to width code points; align is '<', '>', '^' (format) or
// 'c' (str.center, which puts an odd blank elsewhere).
void str_pad(struct buf *b, struct text s, int64_t width, struct text fill, char align);
// The code points from..to of s (Python slice rules for negative and missing bounds).
struct text str_slice(struct text s, int64_t from, int64_t to);
bool str_starts(struct text s, struct text prefix);
bool str_ends(struct text s, struct text suffix);

static inline struct text text_lit(const char *s)
{
    return (struct text){s, __builtin_strlen(s)};
}

// Appends s with the special characters of HTML escaped.
void str_escape(struct buf *b, struct text s);

#endif
