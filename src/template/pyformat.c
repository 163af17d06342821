// printf-style formatting with the % operator.
#include "template/pyformat.h"

#include "template/pystr.h"
#include "template/unicode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_WIDTH 100000

struct field {
    bool minus, plus, space, zero, alt;
    int64_t width, prec; // -1: not given
    char conv;
};

struct percent {
    struct call *c;
    struct text fmt;
    size_t i;
    const struct value *args;
    const struct dict *map;
    size_t next; // of a tuple
    bool mapped; // a %(name)s was used
    bool safe;   // the format is marked safe
    struct err *e;
};

static int next_arg(struct percent *p, const struct value **ret)
{
    bool tuple = p->args->type == VALUE_LIST && (p->args->flags & VALUE_TUPLE);
    if (tuple ? p->next < p->args->u.list->len : p->next == 0) {
        *ret = tuple ? &p->args->u.list->items[p->next] : p->args;
        p->next++;
        return 0;
    }
    return fail_type(p->c, p->e, "not enough arguments for format string");
}

// "(name)" at p->i, which must be in the mapping.
static int named_arg(struct percent *p, const struct value **ret)
{
    size_t start = ++p->i;
    int depth = 1;
    while (p->i < p->fmt.len && depth > 0) {
        depth += p->fmt.s[p->i] == '(' ? 1 : p->fmt.s[p->i] == ')' ? -1 : 0;
        p->i++;
    }
    if (!p->map)
        return fail_type(p->c, p->e, "format requires a mapping");
    if (depth > 0)
        return fail_with(p->c, p->e, "incomplete format key");
    size_t len = p->i - 1 - start;
    struct value *v = dict_getn(p->map, p->fmt.s + start, len);
    if (!v)
        return fail_with(p->c, p->e, "'%.*s'", (int)len, p->fmt.s + start);
    *ret = v;
    p->mapped = true;
    return 0;
}

static int number_or_star(struct percent *p, int64_t *ret)
{
    if (p->i < p->fmt.len && p->fmt.s[p->i] == '*') {
        const struct value *v;
        int rc = next_arg(p, &v);
        if (rc < 0)
            return rc;
        if (p->safe || (v->type != VALUE_INT && v->type != VALUE_BOOL))
            return fail_type(p->c, p->e, "* wants int");
        *ret = v->type == VALUE_INT ? v->u.i : v->u.b;
        p->i++;
    } else {
        *ret = 0;
        while (p->i < p->fmt.len && p->fmt.s[p->i] >= '0' && p->fmt.s[p->i] <= '9' &&
               *ret <= MAX_WIDTH)
            *ret = *ret * 10 + p->fmt.s[p->i++] - '0';
    }
    if (*ret > MAX_WIDTH || *ret < -MAX_WIDTH)
        return fail_with(p->c, p->e, "width too big");
    return 0;
}

static bool read_flag(struct field *f, char ch)
{
    switch (ch) {
    case '-':
        return f->minus = true;
    case '+':
        return f->plus = true;
    case ' ':
        return f->space = true;
    case '0':
        return f->zero = true;
    case '#':
        return f->alt = true;
    default:
        return false;
    }
}

static int read_field(struct percent *p, struct field *f)
{
    while (p->i < p->fmt.len && read_flag(f, p->fmt.s[p->i]))
        p->i++;
    int rc = number_or_star(p, &f->width);
    if (rc < 0)
        return rc;
    if (f->width < 0) {
        f->minus = true;
        f->width = -f->width;
    }
    f->prec = -1;
    if (p->i < p->fmt.len && p->fmt.s[p->i] == '.') {
        p->i++;
        rc = number_or_star(p, &f->prec);
        if (rc < 0)
            return rc;
    }
    while (p->i < p->fmt.len &&
           (p->fmt.s[p->i] == 'h' || p->fmt.s[p->i] == 'l' || p->fmt.s[p->i] == 'L'))
        p->i++;
    if (p->i >= p->fmt.len)
        return fail_with(p->c, p->e, "incomplete format");
    f->conv = p->fmt.s[p->i++];
    return 0;
}

// Pads digits (without sign) as the flags say, with zeros before them up to the precision.
static void add_number(struct buf *b, const struct field *f, bool negative, const char *prefix,
                       const char *digits, int64_t least)
{
    const char *sign = negative ? "-" : f->plus ? "+" : f->space ? " " : "";
    size_t n = strlen(digits), zeros = least > (int64_t)n ? (size_t)least - n : 0;
    size_t len = strlen(sign) + strlen(prefix) + zeros + n;
    size_t pad = f->width > (int64_t)len ? (size_t)f->width - len : 0;
    if (!f->minus && !f->zero)
        buf_fill(b, ' ', pad);
    buf_adds(b, sign);
    buf_adds(b, prefix);
    if (!f->minus && f->zero)
        buf_fill(b, '0', pad);
    buf_fill(b, '0', zeros);
    buf_add(b, digits, n);
    if (f->minus)
        buf_fill(b, ' ', pad);
}

// A float of any size as a whole number.
static int add_whole(struct percent *p, const struct field *f, double d, struct buf *b)
{
    char digits[400]; // the largest has 309
    if (!isfinite(d))
        return fail_with(p->c, p->e, "cannot convert float %s to integer",
                         isnan(d) ? "NaN" : "infinity");
    snprintf(digits, sizeof digits, "%.0f", fabs(trunc(d)));
    add_number(b, f, trunc(d) < 0, "", digits, f->prec);
    return 0;
}

static int no_number(struct percent *p, const struct field *f, const struct value *v, bool hex)
{
    return fail_type(p->c, p->e, "%%%c format: %s is required, not %s", f->conv,
                     hex ? "an integer" : "a real number", value_type_name(v));
}

static int add_int(struct percent *p, const struct field *f, const struct value *v, struct buf *b)
{
    int64_t n;
    bool hex = strchr("xXo", f->conv) != NULL;
    if (p->safe && hex) // what stands for the argument is not an integer itself
        return no_number(p, f, v, true);
    if (v->type == VALUE_INT || v->type == VALUE_BOOL)
        n = v->type == VALUE_INT ? v->u.i : v->u.b;
    else if (v->type == VALUE_FLOAT && !hex)
        return add_whole(p, f, v->u.f, b);
    else if (!p->safe || v->type != VALUE_STRING)
        return no_number(p, f, v, hex);
    else if (!parse_int(v->u.str.s, v->u.str.len, 10, &n))
        return fail_with(p->c, p->e, "invalid literal for int() with base 10: %s",
                         repr_of(p->c, v));
    uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    unsigned base = f->conv == 'o' ? 8 : hex ? 16 : 10;
    const char *figures = f->conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[32], *digits = text + sizeof text - 1;
    *digits = '\0';
    do
        *--digits = figures[u % base];
    while (u /= base);
    const char *prefix = !f->alt          ? ""
                         : f->conv == 'x' ? "0x"
                         : f->conv == 'X' ? "0X"
                         : f->conv == 'o' ? "0o"
                                          : "";
    add_number(b, f, n < 0, prefix, digits, f->prec);
    return 0;
}

static int add_float(struct percent *p, struct field *f, const struct value *v, struct buf *b)
{
    double d;
    bool text = p->safe && v->type == VALUE_STRING;
    if (text && !parse_float(v->u.str.s, v->u.str.len, &d))
        return fail_with(p->c, p->e, "could not convert string to float: %s", repr_of(p->c, v));
    if (!text && !number_of(v, &d))
        return fail_type(p->c, p->e, "must be real number, not %s", value_type_name(v));
    char fmt[16], conv = f->conv;
    struct buf digits = BUF_INIT;
    snprintf(fmt, sizeof fmt, "%%%s.*%c", f->alt ? "#" : "", conv);
    int prec = f->prec < 0 ? 6 : (int)f->prec;
    bool negative = signbit(d) && !isnan(d);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    buf_addf(&digits, fmt, prec, fabs(d));
#pragma GCC diagnostic pop
    if (!isfinite(d))
        f->zero = false;
    add_number(b, f, negative, "", buf_str(&digits), 0);
    buf_release(&digits);
    return 0;
}

static int add_text(struct percent *p, const struct field *f, const struct value *v, struct buf *b)
{
    if (f->conv == 's' && is_strict(v))
        return fail_undefined(p->c, v, p->e);
    struct text t = f->conv == 's'   ? text_of(p->c, v)
                    : f->conv == 'a' ? text_lit(ascii_of(p->c, v))
                                     : text_lit(repr_of(p->c, v));
    bool markup = f->conv == 's' && is_markup(v);
    if (p->safe && !markup) {
        struct buf escaped = call_buf(p->c);
        str_escape(&escaped, t);
        struct value s = take_buf(p->c, &escaped);
        t = (struct text){s.u.str.s, s.u.str.len};
    }
    if (f->prec >= 0)
        t = str_slice(t, 0, f->prec);
    str_pad(b, t, f->width, text_lit(" "), f->minus ? '<' : '>');
    return 0;
}

static int add_char(struct percent *p, const struct field *f, const struct value *v, struct buf *b)
{
    struct buf one = BUF_INIT;
    if (p->safe)
        return fail_type(p->c, p->e, "%%c requires int or char");
    if (v->type == VALUE_STRING && utf8_count(v->u.str.s, v->u.str.len) == 1)
        buf_add(&one, v->u.str.s, v->u.str.len);
    else if (v->type == VALUE_BOOL)
        utf8_add(&one, v->u.b);
    else if (v->type == VALUE_INT && v->u.i >= 0 && v->u.i < 0x110000)
        utf8_add(&one, (uint32_t)v->u.i);
    else if (v->type == VALUE_INT)
        return fail_with(p->c, p->e, "%%c arg not in range(0x110000)");
    else
        return fail_type(p->c, p->e, "%%c requires int or char");
    str_pad(b, (struct text){one.p, one.len}, f->width, text_lit(" "), f->minus ? '<' : '>');
    buf_release(&one);
    return 0;
}

static int convert(struct percent *p, struct field *f, const struct value *v, struct buf *b)
{
    if (v->type == VALUE_UNDEFINED && !strchr("sra", f->conv))
        return fail_undefined(p->c, v, p->e);
    switch (f->conv) {
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        return add_int(p, f, v, b);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        return add_float(p, f, v, b);
    case 's':
    case 'r':
    case 'a':
        return add_text(p, f, v, b);
    case 'c':
        return add_char(p, f, v, b);
    default:
        return fail_with(p->c, p->e, "unsupported format character '%c' (0x%x) at index %zu",
                         f->conv, (unsigned char)f->conv, utf8_count(p->fmt.s, p->i - 1));
    }
}

static int one(struct percent *p, struct buf *b)
{
    struct field f = {0};
    const struct value *v = NULL;
    int rc = 0;
    if (p->i < p->fmt.len && p->fmt.s[p->i] == '(')
        rc = named_arg(p, &v);
    if (rc >= 0)
        rc = read_field(p, &f);
    if (rc < 0)
        return rc;
    if (f.conv == '%') {
        buf_addc(b, '%');
        return 0;
    }
    if (!v)
        rc = next_arg(p, &v);
    return rc < 0 ? rc : convert(p, &f, v, b);
}

int py_percent(struct call *c, struct text fmt, const struct value *args, struct buf *b,
               struct err *e)
{
    bool tuple = args->type == VALUE_LIST && (args->flags & VALUE_TUPLE);
    struct percent p = {.c = c,
                        .fmt = fmt,
                        .args = args,
                        .map = tuple ? NULL : dict_of(c, args),
                        .safe = is_markup(&c->self),
                        .e = e};
    while (p.i < fmt.len) {
        const char *hit = memchr(fmt.s + p.i, '%', fmt.len - p.i);
        size_t n = hit ? (size_t)(hit - fmt.s) - p.i : fmt.len - p.i;
        buf_add(b, fmt.s + p.i, n);
        p.i += n;
        if (!hit)
            break;
        p.i++;
        int rc = one(&p, b);
        if (rc < 0)
            return rc;
    }
    size_t have = tuple ? args->u.list->len : p.map || args->type == VALUE_LIST ? 0 : 1;
    if (p.next < have && !p.mapped)
        return fail_type(c, e, "not all arguments converted during string formatting");
    return 0;
}
