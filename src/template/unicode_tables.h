// The generated tables behind unicode.h.
#ifndef TEMPLATE_UNICODE_TABLES_H
#define TEMPLATE_UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

// An inclusive range of code points.
struct uni_range {
    uint32_t first, last;
};

// Every step-th code point of first..last maps to itself plus delta.
struct uni_map {
    uint32_t first, last;
    uint32_t step;
    int32_t delta;
};

// A mapping to up to three code points (0 ends).
struct uni_special {
    uint32_t from;
    uint32_t to[3];
};

extern const struct uni_range uni_alpha[], uni_lower[], uni_upper[], uni_space[];
extern const struct uni_range uni_decimal[], uni_digit[], uni_numeric[];
extern const size_t uni_alpha_n, uni_lower_n, uni_upper_n, uni_space_n;
extern const size_t uni_decimal_n, uni_digit_n, uni_numeric_n;
extern const struct uni_map uni_to_lower[], uni_to_upper[], uni_to_title[], uni_to_fold[];
extern const size_t uni_to_lower_n, uni_to_upper_n, uni_to_title_n, uni_to_fold_n;
extern const struct uni_special uni_to_lower_special[], uni_to_upper_special[],
    uni_to_title_special[], uni_to_fold_special[];
extern const size_t uni_to_lower_special_n, uni_to_upper_special_n, uni_to_title_special_n,
    uni_to_fold_special_n;

#endif
