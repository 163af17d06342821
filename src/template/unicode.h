// UTF-8 strings as sequences of code points, with the classes and case mappings of Python's str.
#ifndef TEMPLATE_UNICODE_H
#define TEMPLATE_UNICODE_H

#include "core/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum uni_class {
    UNI_ALPHA,
    UNI_LOWER,
    UNI_UPPER,
    UNI_SPACE,
    UNI_DECIMAL,
    UNI_DIGIT,
    UNI_NUMERIC,
    UNI_PRINTABLE,
};

// The code point at *p, which moves behind it (p < end). A byte that is not UTF-8 gives 0xDC00 +
// byte, as Python's surrogateescape does.
uint32_t utf8_next(const char **p, const char *end);
// The start of the code point that ends at p (start < p).
const char *utf8_prev(const char *start, const char *p);
// Appends a code point; 0xDC80..0xDCFF become the single byte they stand for.
void utf8_add(struct buf *b, uint32_t cp);
// Code points in s[0..len).
size_t utf8_count(const char *s, size_t len);
// Byte offset of code point n, len when there are fewer.
size_t utf8_offset(const char *s, size_t len, size_t n);
// True when all of s is well-formed UTF-8.
bool utf8_valid(const char *s, size_t len);

bool uni_is(uint32_t cp, enum uni_class k);
bool uni_is_alnum(uint32_t cp);
// Upper, lower or title case, cased by neither neighbour.
bool uni_is_cased(uint32_t cp);

// str.upper, str.lower, str.casefold , str.title, str.capitalize,
// str.swapcase: appended to b.
void str_upper(struct buf *b, const char *s, size_t len);
void str_lower(struct buf *b, const char *s, size_t len);
void str_casefold(struct buf *b, const char *s, size_t len);
void str_title(struct buf *b, const char *s, size_t len);
void str_capitalize(struct buf *b, const char *s, size_t len);
void str_swapcase(struct buf *b, const char *s, size_t len);

#endif
