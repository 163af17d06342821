// The classes and case mappings of Python's str for code points.
#ifndef TEMPLATE_UNICODE_H
#define TEMPLATE_UNICODE_H

#include "core/utf8.h"

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

bool uni_is(uint32_t cp, enum uni_class k);
// What a decimal digit of any script stands for, -1 when it is none.
int uni_digit_value(uint32_t cp);
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
