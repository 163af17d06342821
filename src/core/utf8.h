// UTF-8 as code points: the one place that decodes and encodes it.
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include "core/buf.h"

// The code point at s (n > 0 bytes left) and its length in bytes; 0 when it is not well-formed.
// Code points that stand for halves of a pair (U+D800..U+DFFF) are let through, as JSON may hold
// them.
size_t utf8_decode(const char *s, size_t n, uint32_t *ret);
// The code point at *p, which moves behind it (p < end). A byte that is not UTF-8 gives 0xDC00 +
// byte, as Python's surrogateescape does.
uint32_t utf8_next(const char **p, const char *end);
// The start of the code point that ends at p (start < p).
const char *utf8_prev(const char *start, const char *p);
// Writes a code point to out (room for 4 bytes) and returns its length.
size_t utf8_encode(char *out, uint32_t cp);
// Appends a code point; 0xDC80..0xDCFF become the single byte they stand for.
void utf8_add(struct buf *b, uint32_t cp);
// Code points in s[0..len).
size_t utf8_count(const char *s, size_t len);
// Byte offset of code point n, len when there are fewer.
size_t utf8_offset(const char *s, size_t len, size_t n);
// Whether Python's repr() shows the code point as it is.
bool utf8_printable(uint32_t cp);
// Appends s with U+FFFD for what is not UTF-8, as Python's errors='replace': one for each beginning
// of a code point that does not go on, and for each other byte.
void utf8_add_replaced(struct buf *b, const char *s, size_t len);
// True when all of s is well-formed UTF-8.
bool utf8_valid(const char *s, size_t len);

#endif
