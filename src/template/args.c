// Argument reading and Python-like conversions shared by the builtins.
#include "template/args.h"
#include "template/eval.h"

#include "template/unicode.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_DEPTH 200

static int vfail(const struct call *c, struct err *e, int code, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

static int vfail(const struct call *c, struct err *e, int code, const char *fmt, va_list ap)
{
    err_vset(e, code, c->pos, fmt, ap);
    return code;
}

int fail_type(const struct call *c, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfail(c, e, ERR_INVALID, fmt, ap);
    va_end(ap);
    return ERR_INVALID;
}

int fail_with(const struct call *c, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfail(c, e, ERR_FAILED, fmt, ap);
    va_end(ap);
    return ERR_FAILED;
}

int too_many(const struct call *c, struct err *e)
{
    return err_set(e, ERR_LIMIT, c->pos, "%s makes more than %zu items", c->name, ITEMS_MAX);
}

int fail_undefined(const struct call *c, const struct value *v, struct err *e)
{
    return err_set(e, v->flags & UNDEFINED_UNKNOWN ? ERR_UNKNOWN : ERR_UNDEFINED, c->pos, "%s",
                   undefined_text(c->t, c->arena, v));
}

static struct template_cache *cache_of(const struct call *c)
{
    return c->t ? c->t->cache : NULL;
}

struct buf call_buf(struct call *c)
{
    struct buf b = cache_buf_take(cache_of(c));
    b.max = OUTPUT_MAX;
    return b;
}

struct value take_buf(struct call *c, struct buf *b)
{
    struct value v = value_strn(c->arena, buf_str(b), b->len);
    c->too_large |= b->overflow;
    cache_buf_give(cache_of(c), b);
    return v;
}

void drop_buf(struct call *c, struct buf *b)
{
    c->too_large |= b->overflow;
    cache_buf_give(cache_of(c), b);
}

struct value str_from(struct call *c, const char *s, size_t len)
{
    return value_strn(c->arena, s, len);
}

struct value list_from(struct call *c, const struct value *items, size_t n)
{
    struct value v = value_list_of(c->arena, n);
    if (n)
        memcpy(v.u.list->items, items, n * sizeof *items);
    v.u.list->len = n;
    return v;
}

struct value tuple_of(struct call *c, const struct value *items, size_t n)
{
    struct value v = list_from(c, items, n);
    v.flags |= VALUE_TUPLE;
    return v;
}

struct value pair_of(struct call *c, struct value x, struct value y)
{
    struct value items[2] = {x, y};
    return tuple_of(c, items, 2);
}

const char *repr_of(struct call *c, const struct value *v)
{
    struct buf b = call_buf(c);
    value_repr(&b, v);
    return take_buf(c, &b).u.str.s;
}

const char *ascii_of(struct call *c, const struct value *v)
{
    const char *p = repr_of(c, v), *end = p + strlen(p);
    struct buf b = call_buf(c);
    while (p < end) {
        uint32_t cp = utf8_next(&p, end);
        if (cp < 0x80)
            buf_addc(&b, (char)cp);
        else
            buf_addf(&b, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%08x", cp);
    }
    return take_buf(c, &b).u.str.s;
}

const char *class_of(struct call *c, const struct value *v)
{
    return arena_printf(c->arena, "<class '%s'>", value_type_name(v));
}

struct text text_of(struct call *c, const struct value *v)
{
    if (v->type == VALUE_STRING && !(v->flags & VALUE_BYTES))
        return (struct text){v->u.str.s, v->u.str.len};
    struct buf b = call_buf(c);
    value_print(&b, v);
    struct value s = take_buf(c, &b);
    return (struct text){s.u.str.s, s.u.str.len};
}

struct text bare_text_of(struct call *c, const struct value *v)
{
    return v->type == VALUE_STRING ? (struct text){v->u.str.s, v->u.str.len} : text_of(c, v);
}

bool autoescapes(const struct call *c)
{
    const struct template_session *ss = c->t->session;
    return ss && ss->cur && ss->cur->autoescape;
}

int text_self(struct call *c, const char *attr, struct text *ret, struct err *e)
{
    if (c->self.type != VALUE_STRING)
        return fail_with(c, e, "'%s' object has no attribute '%s'", value_type_name(&c->self),
                         attr);
    *ret = (struct text){c->self.u.str.s, c->self.u.str.len};
    return 0;
}

bool is_strict(const struct value *v)
{
    return v->type == VALUE_UNDEFINED && !(v->flags & UNDEFINED_LENIENT);
}

bool self_ready(const struct builtin *fn, const struct value **self)
{
    static const struct value empty = {.type = VALUE_STRING, .u.str.s = ""};
    if ((*self)->type != VALUE_UNDEFINED)
        return true;
    if (fn->takes_undefined)
        return fn->takes_undefined != REFUSES;
    if (!is_strict(*self))
        *self = &empty;
    return *self == &empty;
}

const struct value *value_find_undefined(const struct value *v, int depth)
{
    const struct value *hit = NULL;
    struct dict_entry *d;
    if (v->type == VALUE_UNDEFINED)
        return v;
    if (depth > SEARCH_DEPTH)
        return NULL;
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len && !hit; i++)
        hit = value_find_undefined(&v->u.list->items[i], depth + 1);
    if (v->type == VALUE_DICT)
        DICT_EACH(v->u.dict, d)
    if (!hit)
        hit = value_find_undefined(&d->val, depth + 1);
    return hit;
}

int plain_of(struct call *c, const struct value *v, struct value *ret, struct err *e)
{
    struct value plain;
    *ret = *v;
    if (v->type != VALUE_OBJECT || !v->u.obj->ops->materialize)
        return 0;
    int rc = v->u.obj->ops->materialize(v->u.obj, c->arena, &plain, e);
    if (rc >= 0 && plain.type != VALUE_STRING) // a text is only how it prints
        *ret = plain;
    return rc;
}

struct dict *dict_of(struct call *c, const struct value *v)
{
    struct value p;
    if (v->type == VALUE_DICT)
        return v->u.dict;
    if (v->type != VALUE_OBJECT || plain_of(c, v, &p, NULL) < 0 || p.type != VALUE_DICT)
        return NULL;
    return p.u.dict;
}

int truth_of(struct call *c, const struct value *v, bool *ret, struct err *e)
{
    if (is_strict(v))
        return fail_undefined(c, v, e);
    struct value p;
    int rc = plain_of(c, v, &p, e);
    if (rc < 0)
        return rc;
    *ret = value_truthy(&p);
    return 0;
}

int index_of(struct call *c, const struct value *v, int64_t *ret, struct err *e)
{
    if (v->type == VALUE_UNDEFINED)
        return fail_undefined(c, v, e);
    if (v->type == VALUE_INT)
        *ret = v->u.i;
    else if (v->type == VALUE_BOOL)
        *ret = v->u.b;
    else
        return fail_type(c, e, "'%s' object cannot be interpreted as an integer",
                         value_type_name(v));
    return 0;
}

bool number_of(const struct value *v, double *ret)
{
    if (v->type == VALUE_INT)
        *ret = (double)v->u.i;
    else if (v->type == VALUE_FLOAT)
        *ret = v->u.f;
    else if (v->type == VALUE_BOOL)
        *ret = v->u.b;
    else
        return false;
    return true;
}

static void trim_space(const char **s, size_t *len)
{
    while (*len && isspace((unsigned char)**s)) {
        (*s)++;
        (*len)--;
    }
    while (*len && isspace((unsigned char)(*s)[*len - 1]))
        (*len)--;
}

// A number's text with white space and digits of any script made ASCII. False when it is too long.
static bool ascii_number(const char **s, size_t *len, char *room, size_t size)
{
    const char *p = *s, *end = p + *len;
    bool ascii = true;
    for (; p < end && ascii; p++)
        ascii = (unsigned char)*p < 0x80;
    if (ascii)
        return true;
    size_t n = 0;
    for (p = *s; p < end && n < size; n++) {
        uint32_t cp = utf8_next(&p, end);
        int digit = uni_digit_value(cp);
        if (digit >= 0)
            room[n] = (char)('0' + digit);
        else if (cp < 0x80)
            room[n] = (char)cp;
        else
            room[n] = uni_is(cp, UNI_SPACE) ? ' ' : '?';
    }
    *s = room;
    *len = n;
    return p == end;
}

bool parse_int(const char *s, size_t len, int base, int64_t *ret)
{
    char room[512];
    if (!ascii_number(&s, &len, room, sizeof room))
        return false;
    trim_space(&s, &len);
    bool neg = len && *s == '-';
    if (len && (*s == '-' || *s == '+')) {
        s++;
        len--;
    }
    int pre = 0;
    if (len > 1 && s[0] == '0' && strchr("xXoObB", s[1]))
        pre = s[1] == 'x' || s[1] == 'X' ? 16 : s[1] == 'o' || s[1] == 'O' ? 8 : 2;
    if (pre && (base == 0 || base == pre)) {
        s += 2;
        len -= 2;
        base = pre;
        if (len && *s == '_') {
            s++;
            len--;
        }
    } else if (base == 0) {
        // a leading zero is only allowed for zero itself
        for (size_t i = 0; len > 1 && *s == '0' && i < len; i++)
            if (s[i] != '0' && s[i] != '_')
                return false;
        base = 10;
    }
    uint64_t n = 0;
    bool digit = false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '_') {
            if (!digit || i + 1 == len)
                return false;
            digit = false;
            continue;
        }
        int d = isdigit((unsigned char)s[i])   ? s[i] - '0'
                : isalpha((unsigned char)s[i]) ? tolower((unsigned char)s[i]) - 'a' + 10
                                               : 99;
        if (d >= base)
            return false;
        if (__builtin_mul_overflow(n, (uint64_t)base, &n) ||
            __builtin_add_overflow(n, (uint64_t)d, &n))
            return false;
        digit = true;
    }
    if (!digit || n > (uint64_t)INT64_MAX + neg)
        return false;
    *ret = neg ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

bool parse_float(const char *s, size_t len, double *ret)
{
    char tmp[512], room[512];
    if (!ascii_number(&s, &len, room, sizeof room))
        return false;
    trim_space(&s, &len);
    size_t n = 0;
    if (!len || len >= sizeof tmp)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '_') {
            if (!i || i + 1 == len || !isdigit((unsigned char)s[i - 1]) ||
                !isdigit((unsigned char)s[i + 1]))
                return false;
            continue;
        }
        if (s[i] == 'x' || s[i] == 'X' || s[i] == 'p' || s[i] == 'P' || s[i] == '(')
            return false;
        tmp[n++] = s[i];
    }
    tmp[n] = '\0';
    char *end;
    double f = strtod(tmp, &end);
    if (end == tmp || *end)
        return false;
    *ret = f;
    return true;
}

const struct value *call_arg(const struct call *c, size_t i, const char *name)
{
    if (i < c->n_args)
        return &c->args[i];
    return name && c->kwargs ? dict_get(c->kwargs, name) : NULL;
}

static bool listed(const char *const *names, const struct value *key)
{
    for (; *names; names++)
        if (value_eqs(key, *names))
            return true;
    return false;
}

static int check(const struct call *c, const char *const *names, size_t max, struct err *e)
{
    if (!c->n_args && !c->kwargs->len)
        return 0;
    if (c->n_args > max)
        return fail_type(c, e, "%s() takes at most %zu argument%s (%zu given)", c->name, max,
                         max == 1 ? "" : "s", c->n_args);
    struct dict_entry *d;
    DICT_EACH(c->kwargs, d)
    if (!listed(names, &d->key))
        return fail_type(c, e, "%s() got an unexpected keyword argument '%s'", c->name,
                         value_to_cstr(c->arena, &d->key));
    for (size_t i = 0; i < c->n_args && names[i]; i++)
        if (dict_get(c->kwargs, names[i]))
            return fail_type(c, e, "%s() got multiple values for argument '%s'", c->name, names[i]);
    return 0;
}

int call_check_args(const struct call *c, const char *const *names, struct err *e)
{
    size_t max = 0;
    while (names[max])
        max++;
    return check(c, names, max, e);
}

int args_none(struct call *c, struct err *e)
{
    const char *const names[] = {NULL};
    return check(c, names, 0, e);
}

#define MAX_ARGS 16

struct word {
    char name[32];
    char type;
    bool required;
};

static size_t split_spec(const char *spec, struct word *words)
{
    size_t n = 0;
    while (*spec && n < MAX_ARGS) {
        size_t k = (size_t)(strchr(spec, ':') - spec);
        size_t keep = k < sizeof words[n].name ? k : sizeof words[n].name - 1;
        memcpy(words[n].name, spec, keep);
        words[n].name[keep] = '\0';
        words[n].type = spec[k + 1];
        spec += k + 2;
        words[n].required = *spec == '!';
        spec += strcspn(spec, " ");
        spec += *spec == ' ';
        n++;
    }
    return n;
}

static int store(struct call *c, char type, const char *name, const struct value *v, void *to,
                 struct err *e)
{
    if (v->type == VALUE_UNDEFINED && type != 'v' && (is_strict(v) || !strchr("bt", type)))
        return fail_undefined(c, v, e);
    switch (type) {
    case 'b':
        return truth_of(c, v, to, e);
    case 'i':
        return index_of(c, v, to, e);
    case 'I': {
        int64_t n = 0;
        int rc = index_of(c, v, &n, e);
        if (rc >= 0 && (n > INT32_MAX || n < INT32_MIN))
            rc = fail_with(c, e, "Python int too large to convert to C int");
        *(bool *)to = n != 0;
        return rc;
    }
    case 'f':
        if (!number_of(v, to))
            return fail_type(c, e, "must be real number, not %s", value_type_name(v));
        return 0;
    case 's':
        if (v->type != VALUE_STRING)
            return fail_type(c, e, "%s() argument '%s' must be str, not %s", c->name, name,
                             value_type_name(v));
        *(struct text *)to = (struct text){v->u.str.s, v->u.str.len};
        return 0;
    case 't':
        *(struct text *)to = text_of(c, v);
        return 0;
    default:
        *(const struct value **)to = v;
        return 0;
    }
}

// What nearly every call is: arguments that fit. False when something is wrong with them; then
// read_all says what.
static bool read_right(struct call *c, const char *spec, va_list ap)
{
    size_t i = 0, by_name = 0;
    for (const char *p = spec; *p; i++) {
        if (i >= c->n_args && !c->kwargs->len)
            return !strchr(p, '!');
        const char *name = p, *colon = strchr(p, ':');
        void *to = va_arg(ap, void *);
        const struct value *v = NULL;
        if (i < c->n_args)
            v = &c->args[i];
        else if (c->kwargs->len > by_name &&
                 (v = dict_getn(c->kwargs, name, (size_t)(colon - name))))
            by_name++;
        p = colon + 2;
        if (v ? store(c, colon[1], "", v, to, NULL) < 0 : *p == '!')
            return false;
        p += *p == '!';
        p += *p == ' ';
    }
    return i >= c->n_args && by_name == c->kwargs->len;
}

static int read_all(struct call *c, struct err *e, const char *spec, va_list ap)
{
    struct word words[MAX_ARGS];
    const char *names[MAX_ARGS + 1];
    size_t n = split_spec(spec, words);
    for (size_t i = 0; i < n; i++)
        names[i] = words[i].name;
    names[n] = NULL;
    int rc = check(c, names, n, e);
    for (size_t i = 0; i < n && rc >= 0; i++) {
        void *to = va_arg(ap, void *);
        const struct value *v = call_arg(c, i, names[i]);
        if (v)
            rc = store(c, words[i].type, names[i], v, to, e);
        else if (words[i].required)
            rc = fail_type(c, e, "%s() missing 1 required positional argument: '%s'", c->name,
                           names[i]);
    }
    return rc;
}

int args_read(struct call *c, struct err *e, const char *spec, ...)
{
    va_list ap;
    va_start(ap, spec);
    bool right = read_right(c, spec, ap);
    va_end(ap);
    if (right)
        return 0;
    va_start(ap, spec);
    int rc = read_all(c, e, spec, ap);
    va_end(ap);
    return rc;
}
