// Text on a terminal: how wide it is, where to cut it, and what of a host's output is safe to
// print.
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include "core/buf.h"

// Columns a UTF-8 text of len bytes takes (wide East Asian characters count two, combining marks
// none).
size_t text_columns(const char *s, size_t len);
// Appends s, cut with an ellipsis where it is wider than max columns.
void text_add_cut(struct buf *b, const char *s, size_t max);
// Appends s and blanks up to a width of columns; what is wider stays whole.
void text_add_padded(struct buf *b, const char *s, size_t columns);
// Appends what a host or a file says so that it cannot steer the terminal: escape sequences are
// dropped, of a line that overwrites itself the last state is kept, other control characters and
// bytes that are no UTF-8 are written out.
void text_add_clean(struct buf *b, const char *s, size_t len);

#endif
