// Python's str() and repr() of values.
#include "core/value.h"

#include "core/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 600 // beyond what JSON and YAML may hold

// Shortest %.{p}g text that reads back as f.
static void shortest(double f, char *out, size_t size)
{
    for (int p = 1; p <= 17; p++) {
        snprintf(out, size, "%.*e", p - 1, f);
        if (strtod(out, NULL) == f)
            return;
    }
}

void value_print_float(struct buf *b, double f)
{
    if (isnan(f)) {
        buf_adds(b, "nan");
        return;
    }
    if (isinf(f)) {
        buf_adds(b, f < 0 ? "-inf" : "inf");
        return;
    }
    char sci[40], digits[24];
    shortest(f, sci, sizeof sci);
    int n = 0, exp = 0;
    for (const char *s = sci; *s; s++) {
        if (*s >= '0' && *s <= '9')
            digits[n++] = *s;
        else if (*s == 'e') {
            exp = atoi(s + 1);
            break;
        }
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    if (signbit(f))
        buf_addc(b, '-');
    if (exp < -4 || exp >= 16) { // Python's repr switches to an exponent here
        buf_addc(b, digits[0]);
        if (n > 1) {
            buf_addc(b, '.');
            buf_add(b, digits + 1, (size_t)n - 1);
        }
        buf_addf(b, "e%c%02d", exp < 0 ? '-' : '+', abs(exp));
    } else if (exp < 0) {
        buf_adds(b, "0.");
        buf_fill(b, '0', (size_t)(-exp - 1));
        buf_add(b, digits, (size_t)n);
    } else {
        for (int i = 0; i <= exp; i++)
            buf_addc(b, i < n ? digits[i] : '0');
        buf_addc(b, '.');
        if (n > exp + 1)
            buf_add(b, digits + exp + 1, (size_t)(n - exp - 1));
        else
            buf_addc(b, '0');
    }
}

static void repr_string(struct buf *b, const char *s, size_t len, bool bytes)
{
    char q = memchr(s, '\'', len) && !memchr(s, '"', len) ? '"' : '\'';
    if (bytes)
        buf_addc(b, 'b');
    buf_addc(b, q);
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)s[i];
        uint32_t cp;
        size_t n;
        if (c == '\\' || c == q)
            buf_addf(b, "\\%c", c);
        else if (c == '\n')
            buf_adds(b, "\\n");
        else if (c == '\r')
            buf_adds(b, "\\r");
        else if (c == '\t')
            buf_adds(b, "\\t");
        else if (c < 0x20 || c == 0x7f || (bytes && c > 0x7f))
            buf_addf(b, "\\x%02x", c);
        else if (c < 0x80)
            buf_addc(b, (char)c);
        else if ((n = utf8_decode(s + i, len - i, &cp)) == 0)
            buf_addf(b, "\\udc%02x", c); // Python's surrogateescape
        else {
            if (utf8_printable(cp))
                buf_add(b, s + i, n);
            else if (cp < 0x100)
                buf_addf(b, "\\x%02x", cp);
            else
                buf_addf(b, cp < 0x10000 ? "\\u%04x" : "\\U%08x", cp);
            i += n;
            continue;
        }
        i++;
    }
    buf_addc(b, q);
}

static void print_depth(struct buf *b, const struct value *v, bool repr, int depth);

static void print_list(struct buf *b, const struct value *v, int depth)
{
    const struct list *l = v->u.list;
    bool tuple = v->flags & VALUE_TUPLE;
    buf_addc(b, tuple ? '(' : '[');
    for (size_t i = 0; i < l->len; i++) {
        if (i)
            buf_adds(b, ", ");
        print_depth(b, &l->items[i], true, depth + 1);
    }
    if (tuple && l->len == 1)
        buf_addc(b, ',');
    buf_addc(b, tuple ? ')' : ']');
}

static void print_dict(struct buf *b, const struct dict *d, int depth)
{
    struct dict_entry *e;
    bool first = true;
    buf_addc(b, '{');
    DICT_EACH(d, e)
    {
        if (!first)
            buf_adds(b, ", ");
        first = false;
        print_depth(b, &e->key, true, depth + 1);
        buf_adds(b, ": ");
        print_depth(b, &e->val, true, depth + 1);
    }
    buf_addc(b, '}');
}

static void print_object(struct buf *b, const struct value *v, bool repr, int depth)
{
    if (repr && v->u.obj->ops->repr) {
        v->u.obj->ops->repr(v->u.obj, b);
        return;
    }
    struct arena *a = arena_new();
    struct value plain;
    if (v->u.obj->ops->materialize && v->u.obj->ops->materialize(v->u.obj, a, &plain, NULL) == 0 &&
        plain.type != VALUE_OBJECT)
        print_depth(b, &plain, repr && !v->u.obj->ops->constant && !v->u.obj->ops->call,
                    depth + 1); // functions have no quotes
    else
        buf_addf(b, "<%s object>", v->u.obj->ops->type_name);
    arena_free(a);
}

static void print_depth(struct buf *b, const struct value *v, bool repr, int depth)
{
    if (b->overflow)
        return;
    if (depth > MAX_DEPTH) {
        buf_adds(b, "...");
        return;
    }
    switch ((enum value_type)v->type) {
    case VALUE_NULL:
        buf_adds(b, "None");
        break;
    case VALUE_BOOL:
        buf_adds(b, v->u.b ? "True" : "False");
        break;
    case VALUE_INT:
        buf_addi(b, v->u.i);
        break;
    case VALUE_FLOAT:
        value_print_float(b, v->u.f);
        break;
    case VALUE_STRING:
        if (repr && v->flags & VALUE_MARKUP) {
            buf_adds(b, "Markup(");
            repr_string(b, v->u.str.s, v->u.str.len, false);
            buf_addc(b, ')');
        } else if (repr || (v->flags & VALUE_BYTES))
            repr_string(b, v->u.str.s, v->u.str.len, v->flags & VALUE_BYTES);
        else
            buf_add(b, v->u.str.s, v->u.str.len);
        break;
    case VALUE_LIST:
        print_list(b, v, depth);
        break;
    case VALUE_DICT:
        print_dict(b, v->u.dict, depth);
        break;
    case VALUE_UNDEFINED:
        if (repr) // VALUE_PLAIN: jinja2's own, of an inline if without else
            buf_adds(b, v->flags & VALUE_PLAIN ? "Undefined" : "AnsibleUndefined");
        break;
    case VALUE_OBJECT:
        print_object(b, v, repr, depth);
        break;
    }
}

void value_print(struct buf *b, const struct value *v)
{
    print_depth(b, v, false, 0);
}

void value_repr(struct buf *b, const struct value *v)
{
    print_depth(b, v, true, 0);
}

const char *value_to_cstr(struct arena *a, const struct value *v)
{
    if (v->type == VALUE_STRING && !(v->flags & VALUE_BYTES))
        return v->u.str.s;
    struct buf b = BUF_INIT;
    value_print(&b, v);
    char *s = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return s;
}
