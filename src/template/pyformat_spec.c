// str.format: replacement fields and the format-spec mini language.
#include "template/datetime.h"
#include "template/pyformat.h"
#include "template/pystr.h"
#include "template/unicode.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_WIDTH 100000
#define MAX_DEPTH 2

struct spec {
    struct text fill;
    char align, sign, group, type;
    bool alt, zero;
    int64_t width, prec; // -1: none
};

static int64_t digits(struct text *t)
{
    if (!t->len || !isdigit((unsigned char)*t->s))
        return -1;
    int64_t n = 0;
    for (; t->len && isdigit((unsigned char)*t->s); t->s++, t->len--)
        if (n <= MAX_WIDTH)
            n = n * 10 + *t->s - '0';
    return n;
}

static bool take(struct text *t, const char *set, char *ret)
{
    if (!t->len || !*t->s || !strchr(set, *t->s))
        return false;
    *ret = *t->s++;
    t->len--;
    return true;
}

static int read_spec(struct call *c, const struct value *v, struct text t, struct spec *s,
                     struct err *e)
{
    const char *p = t.s;
    char ch;
    *s = (struct spec){.fill = text_lit(" "), .width = -1, .prec = -1};
    if (t.len) {
        utf8_next(&p, t.s + t.len);
        if (p < t.s + t.len && strchr("<>=^", *p)) {
            s->fill = (struct text){t.s, (size_t)(p - t.s)};
            s->align = *p;
            t.len -= (size_t)(p + 1 - t.s);
            t.s = p + 1;
        } else {
            take(&t, "<>=^", &s->align);
        }
    }
    take(&t, "+- ", &s->sign);
    take(&t, "z", &ch);
    s->alt = take(&t, "#", &ch);
    if (take(&t, "0", &ch)) {
        s->zero = true;
        if (!s->align) {
            s->align = v->type == VALUE_STRING ? '<' : '=';
            s->fill = text_lit("0");
        }
    }
    s->width = digits(&t);
    take(&t, ",_", &s->group);
    if (take(&t, ".", &ch)) {
        s->prec = digits(&t);
        if (s->prec < 0)
            return fail_with(c, e, "Format specifier missing precision");
    }
    if (s->width > MAX_WIDTH || s->prec > MAX_WIDTH)
        return fail_with(c, e, "Too many decimal digits in format string");
    if (t.len) {
        s->type = *t.s++;
        t.len--;
    }
    if (t.len)
        return fail_with(c, e, "Invalid format specifier");
    return 0;
}

// Inserts separators into the run of digits at the start of num.
static void add_grouped(struct buf *b, const char *num, char sep, size_t size)
{
    size_t n = strspn(num, "0123456789abcdefABCDEF");
    if (size == 3)
        n = strspn(num, "0123456789");
    for (size_t i = 0; i < n; i++) {
        if (i && sep && (n - i) % size == 0)
            buf_addc(b, sep);
        buf_addc(b, num[i]);
    }
    buf_adds(b, num + n);
}

static void add_padded_number(struct buf *b, const struct spec *s, bool negative,
                              const char *prefix, const char *num)
{
    struct buf body = BUF_INIT;
    bool bin = s->type && strchr("bxXo", s->type);
    add_grouped(&body, num, s->group, bin ? 4 : 3);
    const char *sign = negative ? "-" : s->sign == '+' ? "+" : s->sign == ' ' ? " " : "";
    int64_t len = (int64_t)(strlen(sign) + strlen(prefix) + body.len);
    int64_t pad = s->width > len ? s->width - len : 0;
    char align = s->align ? s->align : '>';
    int64_t left = align == '>' ? pad : align == '^' ? pad / 2 : 0;
    for (int64_t i = 0; i < left; i++)
        buf_add(b, s->fill.s, s->fill.len);
    buf_adds(b, sign);
    buf_adds(b, prefix);
    if (align == '=') {
        for (int64_t i = 0; i < pad; i++)
            buf_add(b, s->fill.s, s->fill.len);
        left = pad;
    }
    buf_add(b, buf_str(&body), body.len);
    for (int64_t i = left; i < pad; i++)
        buf_add(b, s->fill.s, s->fill.len);
    buf_release(&body);
}

static int bad_type(struct call *c, const struct spec *s, const struct value *v, struct err *e)
{
    return fail_with(c, e, "Unknown format code '%c' for object of type '%s'", s->type,
                     value_type_name(v));
}

static void add_spec_float(struct buf *b, const struct spec *s, double d)
{
    struct buf num = BUF_INIT;
    double a = fabs(d);
    bool negative = signbit(d) && !isnan(d);
    char type = s->type == 'n' ? 'g' : s->type == '%' ? 'f' : s->type ? s->type : 'r';
    int prec = s->prec < 0 ? 6 : (int)s->prec;
    if (s->type == '%')
        a *= 100;
    char fmt[8];
    snprintf(fmt, sizeof fmt, "%%%s.*%c", s->alt ? "#" : "", type == 'r' ? 'g' : type);
    if (type == 'r' && s->prec < 0) {
        value_print_float(&num, a);
    } else {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        buf_addf(&num, fmt, type == 'r' && prec == 0 ? 1 : prec, a);
#pragma GCC diagnostic pop
        if (type == 'r' && isfinite(a) && !strpbrk(buf_str(&num), ".e"))
            buf_adds(&num, ".0");
    }
    if (s->type == '%')
        buf_addc(&num, '%');
    add_padded_number(b, s, negative, "", buf_str(&num));
    buf_release(&num);
}

static int add_spec_int(struct call *c, const struct value *v, const struct spec *s, struct buf *b,
                        struct err *e)
{
    int64_t n = v->type == VALUE_BOOL ? v->u.b : v->u.i;
    if (s->type && strchr("eEfFgG%", s->type)) {
        add_spec_float(b, s, (double)n);
        return 0;
    }
    if (s->prec >= 0)
        return fail_with(c, e, "Precision not allowed in integer format specifier");
    uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    struct buf num = BUF_INIT;
    const char *prefix = "";
    switch (s->type) {
    case 'b':
        prefix = "0b";
        for (int bit = 63, seen = 0; bit >= 0; bit--) {
            seen |= (int)(u >> bit & 1) | (bit == 0);
            if (seen)
                buf_addc(&num, u >> bit & 1 ? '1' : '0');
        }
        break;
    case 'o':
        prefix = "0o";
        buf_addf(&num, "%llo", (unsigned long long)u);
        break;
    case 'x':
        prefix = "0x";
        buf_addf(&num, "%llx", (unsigned long long)u);
        break;
    case 'X':
        prefix = "0X";
        buf_addf(&num, "%llX", (unsigned long long)u);
        break;
    case 'c':
        if (n < 0 || n > 0x10FFFF)
            return fail_with(c, e, "%%c arg not in range(0x110000)");
        utf8_add(&num, (uint32_t)u);
        str_pad(b, (struct text){num.p, num.len}, s->width, s->fill, s->align ? s->align : '<');
        buf_release(&num);
        return 0;
    case 0:
    case 'd':
    case 'n':
        buf_addf(&num, "%llu", (unsigned long long)u);
        break;
    default:
        return bad_type(c, s, v, e);
    }
    add_padded_number(b, s, n < 0, s->alt ? prefix : "", buf_str(&num));
    buf_release(&num);
    return 0;
}

int py_format_value(struct call *c, const struct value *v, struct text spec, struct buf *b,
                    struct err *e)
{
    if (is_strict(v))
        return fail_undefined(c, v, e);
    if (!spec.len) {
        struct text t = text_of(c, v);
        buf_add(b, t.s, t.len);
        return 0;
    }
    if (datetime_is(v))
        return datetime_strftime(v, spec, b, e);
    if (v->type == VALUE_STRING && v->flags & VALUE_BYTES)
        return fail_type(c, e, "unsupported format string passed to bytes.__format__");
    struct spec s;
    int rc = read_spec(c, v, spec, &s, e);
    if (rc < 0)
        return rc;
    if (v->type == VALUE_INT || v->type == VALUE_BOOL)
        return add_spec_int(c, v, &s, b, e);
    if (v->type == VALUE_FLOAT) {
        if (s.type && !strchr("eEfFgGn%", s.type))
            return bad_type(c, &s, v, e);
        add_spec_float(b, &s, v->u.f);
        return 0;
    }
    if (v->type != VALUE_STRING)
        return fail_type(c, e, "unsupported format string passed to %s.__format__",
                         value_type_name(v));
    if (s.type && s.type != 's')
        return bad_type(c, &s, v, e);
    if (s.group)
        return fail_with(c, e, "Cannot specify '%c' with 's'.", s.group);
    if (s.sign)
        return fail_with(c, e, "Sign not allowed in string format specifier");
    if (s.align == '=')
        return fail_with(c, e, "'=' alignment not allowed in string format specifier");
    struct text t = {v->u.str.s, v->u.str.len};
    if (s.prec >= 0)
        t = str_slice(t, 0, s.prec);
    str_pad(b, t, s.width, s.fill, s.align ? s.align : '<');
    return 0;
}

struct formatter {
    struct call *c;
    const struct value *args;
    size_t n_args;
    const struct dict *kwargs;
    size_t next;
    int numbering; // 1 automatic, 2 manual
    bool safe;     // the format is marked safe
    struct err *e;
};

static int switch_numbering(struct formatter *f, int to)
{
    if (f->numbering && f->numbering != to)
        return fail_with(f->c, f->e, "cannot switch from %s field %s to %s",
                         to == 2 ? "automatic" : "manual", to == 2 ? "numbering" : "specification",
                         to == 2 ? "manual field specification" : "automatic field numbering");
    f->numbering = to;
    return 0;
}

static int field_root(struct formatter *f, const char *s, size_t len, struct value *ret)
{
    int64_t n = 0;
    bool number = len && isdigit((unsigned char)*s) && parse_int(s, len, 10, &n);
    if (!len || number) {
        int rc = switch_numbering(f, len ? 2 : 1);
        if (rc < 0)
            return rc;
        if (!len)
            n = (int64_t)f->next++;
        if ((size_t)n >= f->n_args)
            return fail_with(f->c, f->e,
                             "Replacement index %lld out of range for positional args tuple",
                             (long long)n);
        *ret = f->args[n];
        return 0;
    }
    struct value *v = f->kwargs ? dict_getn(f->kwargs, s, len) : NULL;
    if (!v)
        return fail_with(f->c, f->e, "'%.*s'", (int)len, s);
    *ret = *v;
    return 0;
}

// .name of a value: plain values have none but methods.
static int field_attr(struct formatter *f, const struct value *v, const struct value *key,
                      struct value *ret)
{
    if (v->type == VALUE_UNDEFINED)
        return fail_undefined(f->c, v, f->e);
    *ret = value_undefined(f->c->arena, "none");
    if (v->type == VALUE_OBJECT) {
        int rc = value_getattr(f->c, v, key->u.str.s, ret, f->e);
        if (rc < 0)
            return rc;
    }
    if (ret->type == VALUE_UNDEFINED)
        return fail_with(f->c, f->e, "'%s' object has no attribute '%s'", value_type_name(v),
                         key->u.str.s);
    return 0;
}

static int field_item(struct formatter *f, const struct value *v, const struct value *key,
                      struct value *ret)
{
    struct value p;
    int rc = plain_of(f->c, v, &p, f->e);
    if (rc < 0)
        return rc;
    if (p.type == VALUE_UNDEFINED)
        return fail_undefined(f->c, v, f->e);
    bool text = key->type == VALUE_STRING;
    if (p.type == VALUE_LIST && text)
        return fail_type(f->c, f->e, "%s indices must be integers or slices, not str",
                         value_type_name(&p));
    if (p.type == VALUE_STRING && text)
        return fail_type(f->c, f->e, "string indices must be integers, not 'str'");
    if (p.type != VALUE_LIST && p.type != VALUE_STRING && p.type != VALUE_DICT)
        return fail_type(f->c, f->e, "'%s' object is not subscriptable", value_type_name(&p));
    if (p.type == VALUE_DICT) {
        struct value *hit = dict_getv(p.u.dict, key);
        if (!hit)
            return fail_with(f->c, f->e, "%s", repr_of(f->c, key));
        *ret = *hit;
        return 0;
    }
    rc = value_getitem(f->c, &p, key, ret, f->e);
    if (rc >= 0 && ret->type == VALUE_UNDEFINED && p.type == VALUE_LIST && key->type == VALUE_INT &&
        key->u.i >= 0 && (size_t)key->u.i < p.u.list->len) // the item there is
        return fail_undefined(f->c, ret, f->e);
    if (rc >= 0 && ret->type == VALUE_UNDEFINED)
        return fail_with(f->c, f->e, "%s index out of range",
                         p.type == VALUE_STRING ? "string" : value_type_name(&p));
    return rc;
}

// "name.attr[key]..."
static int field_value(struct formatter *f, struct text name, struct value *ret)
{
    size_t i = 0;
    while (i < name.len && name.s[i] != '.' && name.s[i] != '[')
        i++;
    struct value v;
    int rc = field_root(f, name.s, i, &v);
    while (rc >= 0 && i < name.len) {
        bool attr = name.s[i++] == '.';
        size_t start = i;
        while (i < name.len && (attr ? name.s[i] != '.' && name.s[i] != '[' : name.s[i] != ']'))
            i++;
        struct value next, key = value_strn(f->c->arena, name.s + start, i - start);
        int64_t n;
        if (!attr && i > start && isdigit((unsigned char)name.s[start]) &&
            parse_int(name.s + start, i - start, 10, &n))
            key = value_int(n);
        rc = attr ? field_attr(f, &v, &key, &next) : field_item(f, &v, &key, &next);
        if (rc >= 0)
            v = next;
        i += !attr;
    }
    *ret = v;
    return rc;
}

// A formatted value; into text marked safe what is not marked goes escaped.
static int add_field(struct formatter *f, const struct value *v, struct text spec, struct buf *b)
{
    bool markup = is_markup(v);
    if (!f->safe)
        return py_format_value(f->c, v, spec, b, f->e);
    if (markup && spec.len)
        return fail_with(f->c, f->e, "Unsupported format specification for Markup.");
    struct buf one = call_buf(f->c);
    int rc = py_format_value(f->c, v, spec, &one, f->e);
    if (markup)
        buf_add(b, buf_str(&one), one.len);
    else
        str_escape(b, (struct text){buf_str(&one), one.len});
    drop_buf(f->c, &one);
    return rc;
}

static int format_into(struct formatter *f, struct text fmt, struct buf *b, int depth);

// One replacement field; body is what stands between the braces.
static int replacement(struct formatter *f, struct text body, struct buf *b, int depth)
{
    size_t n = 0;
    int square = 0;
    while (n < body.len && (square || (body.s[n] != '!' && body.s[n] != ':'))) {
        square += body.s[n] == '[' ? 1 : body.s[n] == ']' ? -1 : 0;
        n++;
    }
    struct value v;
    int rc = field_value(f, (struct text){body.s, n}, &v);
    if (rc < 0)
        return rc;
    if (n < body.len && body.s[n] == '!') {
        if (n + 1 >= body.len || !strchr("rsa", body.s[n + 1]))
            return fail_with(f->c, f->e, "Unknown conversion specifier %c",
                             n + 1 < body.len ? body.s[n + 1] : ' ');
        struct text t = body.s[n + 1] == 's'   ? text_of(f->c, &v)
                        : body.s[n + 1] == 'a' ? text_lit(ascii_of(f->c, &v))
                                               : text_lit(repr_of(f->c, &v));
        v = value_ref(t.s, t.len);
        n += 2;
    }
    struct buf spec = BUF_INIT;
    if (n < body.len && body.s[n] == ':') {
        if (depth >= MAX_DEPTH)
            return fail_with(f->c, f->e, "Max string recursion exceeded");
        rc = format_into(f, (struct text){body.s + n + 1, body.len - n - 1}, &spec, depth + 1);
    }
    if (rc >= 0)
        rc = add_field(f, &v, (struct text){buf_str(&spec), spec.len}, b);
    buf_release(&spec);
    return rc;
}

static int format_into(struct formatter *f, struct text fmt, struct buf *b, int depth)
{
    for (size_t i = 0; i < fmt.len;) {
        char ch = fmt.s[i];
        if (ch != '{' && ch != '}') {
            buf_addc(b, ch);
            i++;
            continue;
        }
        if (i + 1 < fmt.len && fmt.s[i + 1] == ch && depth == 0) {
            buf_addc(b, ch);
            i += 2;
            continue;
        }
        if (ch == '}')
            return fail_with(f->c, f->e, "Single '}' encountered in format string");
        if (i + 1 >= fmt.len)
            return fail_with(f->c, f->e, "Single '{' encountered in format string");
        size_t start = ++i;
        int nested = 1;
        while (i < fmt.len && nested > 0) {
            nested += fmt.s[i] == '{' ? 1 : fmt.s[i] == '}' ? -1 : 0;
            i++;
        }
        if (nested > 0)
            return fail_with(f->c, f->e, "expected '}' before end of string");
        int rc = replacement(f, (struct text){fmt.s + start, i - 1 - start}, b, depth);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int py_format(struct call *c, struct text fmt, const struct value *args, size_t n_args,
              const struct dict *kwargs, struct buf *b, struct err *e)
{
    struct formatter f = {.c = c,
                          .args = args,
                          .n_args = n_args,
                          .kwargs = kwargs,
                          .safe = is_markup(&c->self),
                          .e = e};
    return format_into(&f, fmt, b, 0);
}
