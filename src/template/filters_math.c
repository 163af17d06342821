// Filters on numbers: abs, round, log, pow, root, and sizes for people.
#include "template/pystr.h"
#include "template/regex.h"
#include "template/rows.h"
#include "template/unicode.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// abs: The absolute value.
BUILTIN(filter_abs)
{
    int rc = args_none(c, e);
    const struct value *v = &c->self;
    if (v->type == VALUE_FLOAT)
        *ret = value_float(fabs(v->u.f));
    else if (v->type == VALUE_INT)
        *ret = value_int(v->u.i < 0 ? -v->u.i : v->u.i);
    else if (v->type == VALUE_BOOL)
        *ret = value_int(v->u.b);
    else
        return fail_type(c, e, "bad operand type for abs(): '%s'", value_type_name(v));
    return rc;
}

// Round half to even at a decimal position, exactly as the decimal expansion says.
static double round_decimal(double f, int64_t digits)
{
    if (!isfinite(f) || digits > 300)
        return f;
    if (digits < 0) {
        double p = pow(10, (double)-digits);
        return nearbyint(f / p) * p;
    }
    char tmp[700];
    snprintf(tmp, sizeof tmp, "%.*f", (int)digits, f);
    return strtod(tmp, NULL);
}

static int64_t round_int(int64_t n, int64_t digits)
{
    if (digits >= 0)
        return n;
    if (digits < -18)
        return 0;
    int64_t p = 1;
    while (digits++ < 0)
        p *= 10;
    int64_t q = n / p, r = n % p;
    if (r < 0) {
        r += p;
        q--;
    }
    if (2 * r > p || (2 * r == p && (q & 1)))
        q++;
    return q * p;
}

// round: Rounded to precision digits; method common, ceil or floor.
BUILTIN(filter_round)
{
    int64_t precision = 0;
    struct text method = text_lit("common");
    double f;
    int rc = args_read(c, e, "precision:i method:s", &precision, &method);
    if (rc < 0)
        return rc;
    bool common = strcmp(method.s, "common") == 0, ceiling = strcmp(method.s, "ceil") == 0;
    if (!common && !ceiling && strcmp(method.s, "floor") != 0)
        return fail_with(c, e, "method must be common, ceil or floor");
    if (!number_of(&c->self, &f)) {
        if (common)
            return fail_type(c, e, "type %s doesn't define __round__ method",
                             value_type_name(&c->self));
        if (c->self.type == VALUE_STRING)
            return fail_type(c, e, "must be real number, not str");
        return fail_type(c, e, "unsupported operand type(s) for *: '%s' and 'int'",
                         value_type_name(&c->self));
    }
    if (common && c->self.type == VALUE_FLOAT) {
        *ret = value_float(round_decimal(f, precision));
    } else if (common) {
        *ret =
            value_int(round_int(c->self.type == VALUE_BOOL ? c->self.u.b : c->self.u.i, precision));
    } else {
        double p = pow(10, (double)precision);
        if (isinf(f * p) || isnan(f * p))
            return fail_with(c, e, "cannot convert float %s to integer",
                             isnan(f * p) ? "NaN" : "infinity");
        double whole = ceiling ? ceil(f * p) : floor(f * p);
        *ret = value_float((whole + 0.0) / p); // an integer in between: it has no -0
    }
    return 0;
}

static int real_arg(struct call *c, const char *what, const struct value *v, double *ret,
                    struct err *e)
{
    if (v->type == VALUE_UNDEFINED)
        return fail_undefined(c, v, e);
    if (!number_of(v, ret))
        return fail_type(c, e, "%s() can only be used on numbers: must be real number, not %s",
                         what, value_type_name(v));
    return 0;
}

// log: The logarithm to base (e unless given).
BUILTIN(filter_log)
{
    const struct value *base = NULL;
    double x, b = M_E;
    int rc = args_read(c, e, "base:v", &base);
    if (rc >= 0)
        rc = real_arg(c, "log", &c->self, &x, e);
    if (rc >= 0 && x <= 0)
        rc = fail_with(c, e, "math domain error");
    if (rc >= 0 && base)
        rc = real_arg(c, "log", base, &b, e);
    if (rc < 0)
        return rc;
    if (b <= 0)
        return fail_with(c, e, "math domain error");
    double lb = log(b);
    if (lb == 0)
        return fail_with(c, e, "float division by zero");
    *ret = value_float(b == 10 ? log10(x) : log(x) / lb);
    return 0;
}

// pow: The value to the power of y.
BUILTIN(filter_pow)
{
    const struct value *arg = NULL;
    double x, y;
    int rc = args_read(c, e, "y:v!", &arg);
    if (rc >= 0)
        rc = real_arg(c, "pow", &c->self, &x, e);
    if (rc >= 0)
        rc = real_arg(c, "pow", arg, &y, e);
    if (rc < 0)
        return rc;
    double r = pow(x, y);
    if ((isnan(r) && !isnan(x) && !isnan(y)) || (x == 0 && y < 0))
        return fail_with(c, e, "math domain error");
    if (isinf(r) && isfinite(x) && isfinite(y))
        return fail_with(c, e, "math range error");
    *ret = value_float(r);
    return 0;
}

// root: The base-th root (square root unless given).
BUILTIN(filter_root)
{
    const struct value *base = NULL;
    double x, b = 2;
    int rc = args_read(c, e, "base:v", &base);
    if (rc >= 0 && base && !number_of(base, &b)) {
        struct text t = text_of(c, base);
        if (base->type != VALUE_STRING || !parse_float(t.s, t.len, &b))
            return fail_type(
                c, e, "root() can only be used on numbers: could not convert string to float: %s",
                repr_of(c, base));
    }
    if (rc >= 0 && b == 0)
        rc = fail_with(c, e, "float division by zero");
    if (rc >= 0)
        rc = real_arg(c, "root", &c->self, &x, e);
    if (rc < 0)
        return rc;
    double r = b == 2 ? sqrt(x) : pow(x, 1.0 / b);
    if (isnan(r) && !isnan(x))
        return fail_type(c, e, "root() can only be used on numbers: math domain error");
    *ret = value_float(r);
    return 0;
}

// filesizeformat: A size in bytes for people: 1.3 MB (or MiB with binary).
BUILTIN(filter_filesizeformat)
{
    static const char units[] = "kMGTPEZY";
    bool binary = false;
    double n;
    int rc = args_read(c, e, "binary:b", &binary);
    if (rc < 0)
        return rc;
    if (!number_of(&c->self, &n)) {
        if (c->self.type != VALUE_STRING)
            return fail_type(c, e, "float() argument must be a string or a real number, not '%s'",
                             value_type_name(&c->self));
        if (!parse_float(c->self.u.str.s, c->self.u.str.len, &n))
            return fail_with(c, e, "could not convert string to float: %s", repr_of(c, &c->self));
    }
    double base = binary ? 1024 : 1000, unit = base;
    if (n == 1) {
        *ret = value_cstr("1 Byte");
    } else if (n < base && isinf(n)) {
        return fail_with(c, e, "cannot convert float infinity to integer");
    } else if (n < base) {
        *ret = value_strf(c->arena, "%.0f Bytes", trunc(n) + 0.0); // never -0
    } else {
        int i = 0;
        for (unit = base * base; !(n < unit) && i < 7; i++)
            unit *= base;
        char name = binary && i == 0 ? 'K' : units[i];
        *ret = value_strf(c->arena, "%.1f %c%sB", base * n / unit, name, binary ? "i" : "");
    }
    return 0;
}

static const struct size_range {
    char letter;
    int bits;
} size_ranges[] = {{'Y', 80}, {'Z', 70}, {'E', 60}, {'P', 50}, {'T', 40},
                   {'G', 30}, {'M', 20}, {'K', 10}, {'B', 0}};
#define N_RANGES (sizeof size_ranges / sizeof *size_ranges)

// human_readable: A number of bytes (bits with isbits) as 1.00 KB, in unit when given.
BUILTIN(filter_human_readable)
{
    bool bits = false;
    const struct value *unit = NULL;
    double n;
    int rc = args_read(c, e, "isbits:b unit:v", &bits, &unit);
    if (rc < 0)
        return rc;
    if (!number_of(&c->self, &n)) {
        const char *type = value_type_name(&c->self);
        if (unit && unit->type != VALUE_NULL)
            return fail_type(c, e,
                             "human_readable() failed on bad input: unsupported operand type(s) "
                             "for /: '%s' and 'int'",
                             type);
        return fail_type(c, e,
                         "human_readable() failed on bad input: '>=' not supported between "
                         "instances of '%s' and 'int'",
                         type);
    }
    size_t i = 0;
    struct text u = {0};
    if (unit && unit->type != VALUE_NULL)
        u = text_of(c, unit);
    for (; i < N_RANGES - 1; i++) {
        if (u.s ? u.len == 1 && toupper((unsigned char)*u.s) == size_ranges[i].letter
                : n >= ldexp(1, size_ranges[i].bits))
            break;
    }
    const char *name = bits ? "bits" : "Bytes";
    double size = n / ldexp(1, size_ranges[i].bits);
    if (size_ranges[i].bits)
        *ret = value_strf(c->arena, "%.2f %c%c", size, size_ranges[i].letter, name[0]);
    else
        *ret = value_strf(c->arena, "%.2f %s", size, name);
    return 0;
}

// The unit behind a number: its factor, or -1 when it is not one.
static double unit_factor(struct text unit, bool bits)
{
    char first = (char)toupper((unsigned char)*unit.s);
    size_t i = 0;
    while (i < N_RANGES && size_ranges[i].letter != first)
        i++;
    if (i == N_RANGES)
        return -1;
    if (unit.len > 1 && !strcasestr(unit.s, bits ? "bit" : "byte") &&
        unit.s[1] != (bits ? 'b' : 'B'))
        return -1;
    return ldexp(1, size_ranges[i].bits);
}

static bool is_space(uint32_t cp)
{
    return uni_is(cp, UNI_SPACE);
}

static bool is_digit(uint32_t cp)
{
    return uni_digit_value(cp) >= 0;
}

// Where the characters of that kind end.
static const char *skip(const char *p, const char *end, bool (*kind)(uint32_t cp))
{
    for (const char *next = p; p < end; p = next)
        if (!kind(utf8_next(&next, end)))
            break;
    return p;
}

// human_to_bytes: The number of bytes (bits with isbits) that "10M" or "2 KB" stands for.
BUILTIN(filter_human_to_bytes)
{
    const struct value *dflt = NULL, *isbits = NULL;
    bool bits = false;
    int rc = args_read(c, e, "default_unit:v isbits:v", &dflt, &isbits);
    bool unknown = isbits && is_strict(isbits); // an error of the text to Ansible
    if (rc >= 0 && isbits && !unknown)
        rc = truth_of(c, isbits, &bits, e);
    if (rc < 0)
        return rc;
    struct text t = text_of(c, &c->self);
    const char *end = t.s + t.len, *p = skip(t.s, end, is_space), *number = p;
    p = skip(p, end, is_digit);
    if (p < end && *p == '.')
        p = skip(p + 1, end, is_digit);
    double num, factor = 1;
    if (!parse_float(number, (size_t)(p - number), &num))
        return fail_with(c, e, "human_to_bytes() can't interpret following string: %s", t.s);
    p = skip(p, end, is_space);
    size_t n = 0;
    while (isalpha((unsigned char)p[n]))
        n++;
    struct text unit = {arena_strndup(c->arena, p, n), n};
    if (!n && dflt && dflt->type == VALUE_STRING)
        unit = text_of(c, dflt);
    if (unit.len) {
        factor = unit_factor(unit, bits);
        if (factor < 0 || unknown)
            return fail_with(c, e, "human_to_bytes() can't interpret following string: %s", t.s);
    }
    double r = nearbyint(num * factor);
    *ret = fabs(r) < 9.2e18 ? value_int((int64_t)r) : value_float(r);
    return 0;
}
