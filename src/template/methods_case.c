// Python's str methods about case and character classes.
#include "template/rows.h"
#include "template/unicode.h"

#include <string.h>

typedef void case_fn(struct buf *b, const char *s, size_t len);

static int recase(struct call *c, case_fn *fn, struct value *ret, struct err *e)
{
    int rc = args_none(c, e);
    struct buf b = call_buf(c);
    fn(&b, c->self.u.str.s, c->self.u.str.len);
    *ret = take_buf(c, &b);
    return rc;
}

// lower: Lower case.
BUILTIN(str_method_lower)
{
    return recase(c, str_lower, ret, e);
}

// upper: Upper case.
BUILTIN(str_method_upper)
{
    return recase(c, str_upper, ret, e);
}

// title: Every word begins with an upper-case letter.
BUILTIN(str_method_title)
{
    return recase(c, str_title, ret, e);
}

// capitalize: First character upper case, all others lower case.
BUILTIN(str_method_capitalize)
{
    return recase(c, str_capitalize, ret, e);
}

// swapcase: Upper and lower case exchanged.
BUILTIN(str_method_swapcase)
{
    return recase(c, str_swapcase, ret, e);
}

// casefold: Case folded for comparison.
BUILTIN(str_method_casefold)
{
    return recase(c, str_casefold, ret, e);
}

typedef bool class_fn(uint32_t cp);

// True when the text is not empty and every character is of the class.
static int every(struct call *c, class_fn *is, struct value *ret, struct err *e)
{
    const char *p = c->self.u.str.s, *end = p + c->self.u.str.len;
    bool yes = p < end;
    while (p < end && yes)
        yes = is(utf8_next(&p, end));
    *ret = value_bool(yes);
    return args_none(c, e);
}

static bool is_alpha(uint32_t cp)
{
    return uni_is(cp, UNI_ALPHA);
}

static bool is_decimal(uint32_t cp)
{
    return uni_is(cp, UNI_DECIMAL);
}

static bool is_digit(uint32_t cp)
{
    return uni_is(cp, UNI_DIGIT);
}

static bool is_numeric(uint32_t cp)
{
    return uni_is(cp, UNI_NUMERIC);
}

static bool is_space(uint32_t cp)
{
    return uni_is(cp, UNI_SPACE);
}

// isalpha: All characters are letters.
BUILTIN(str_method_isalpha)
{
    return every(c, is_alpha, ret, e);
}

// isalnum: All characters are letters or digits.
BUILTIN(str_method_isalnum)
{
    return every(c, uni_is_alnum, ret, e);
}

// isdecimal: All characters are decimal digits.
BUILTIN(str_method_isdecimal)
{
    return every(c, is_decimal, ret, e);
}

// isdigit: All characters are digits.
BUILTIN(str_method_isdigit)
{
    return every(c, is_digit, ret, e);
}

// isnumeric: All characters are numeric.
BUILTIN(str_method_isnumeric)
{
    return every(c, is_numeric, ret, e);
}

// isspace: All characters are white space.
BUILTIN(str_method_isspace)
{
    return every(c, is_space, ret, e);
}

// isascii: All characters are ASCII.
BUILTIN(str_method_isascii)
{
    bool yes = true;
    for (size_t i = 0; i < c->self.u.str.len && yes; i++)
        yes = (unsigned char)c->self.u.str.s[i] < 0x80;
    *ret = value_bool(yes);
    return args_none(c, e);
}

// isprintable: All characters can be shown.
BUILTIN(str_method_isprintable)
{
    bool yes = true;
    for (const char *p = c->self.u.str.s, *end = p + c->self.u.str.len; p < end && yes;)
        yes = uni_is(utf8_next(&p, end), UNI_PRINTABLE);
    *ret = value_bool(yes);
    return args_none(c, e);
}

// isidentifier: A valid name.
BUILTIN(str_method_isidentifier)
{
    const char *p = c->self.u.str.s, *start = p, *end = p + c->self.u.str.len;
    bool yes = p < end;
    while (p < end && yes) {
        bool first = p == start;
        uint32_t cp = utf8_next(&p, end);
        yes = cp == '_' || uni_is(cp, UNI_ALPHA) || (!first && uni_is(cp, UNI_DECIMAL));
    }
    *ret = value_bool(yes);
    return args_none(c, e);
}

static int one_case(struct call *c, enum uni_class k, struct value *ret, struct err *e)
{
    bool any = false, other = false;
    for (const char *p = c->self.u.str.s, *end = p + c->self.u.str.len; p < end;) {
        uint32_t cp = utf8_next(&p, end);
        bool hit = uni_is(cp, k);
        any |= hit;
        other |= !hit && uni_is_cased(cp);
    }
    *ret = value_bool(any && !other);
    return args_none(c, e);
}

// islower: All cased characters are lower case, and there is one.
BUILTIN(str_method_islower)
{
    return one_case(c, UNI_LOWER, ret, e);
}

// isupper: All cased characters are upper case, and there is one.
BUILTIN(str_method_isupper)
{
    return one_case(c, UNI_UPPER, ret, e);
}

// istitle: Every word begins with its only upper-case letter.
BUILTIN(str_method_istitle)
{
    bool cased = false, previous = false, yes = true;
    for (const char *p = c->self.u.str.s, *end = p + c->self.u.str.len; p < end && yes;) {
        uint32_t cp = utf8_next(&p, end);
        if (uni_is(cp, UNI_UPPER)) {
            yes = !previous;
            previous = cased = true;
        } else if (uni_is(cp, UNI_LOWER)) {
            yes = previous;
            previous = cased = true;
        } else {
            previous = false;
        }
    }
    *ret = value_bool(yes && cased);
    return args_none(c, e);
}
