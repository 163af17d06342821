// Python's str methods that search, split, join, pad and replace.
#include "template/passwords.h"
#include "template/pyformat.h"
#include "template/pystr.h"
#include "template/rows.h"
#include "template/unicode.h"

#include <string.h>

static struct text self_text(const struct call *c)
{
    return (struct text){c->self.u.str.s, c->self.u.str.len};
}

// A separator argument: NULL for null or none.
static int sep_arg(struct call *c, const struct value *v, struct text *sep, bool *given,
                   struct err *e)
{
    *given = v && v->type != VALUE_NULL;
    if (!*given)
        return 0;
    if (v->type == VALUE_UNDEFINED)
        return fail_undefined(c, v, e);
    if (v->type != VALUE_STRING)
        return fail_type(c, e, "must be str or None, not %s", value_type_name(v));
    *sep = text_of(c, v);
    return sep->len ? 0 : fail_with(c, e, "empty separator");
}

static int split_with(struct call *c, bool from_right, struct value *ret, struct err *e)
{
    const struct value *v = NULL;
    struct text sep = {"", 0};
    int64_t max = -1;
    bool given;
    int rc = args_read(c, e, "sep:v maxsplit:i", &v, &max);
    if (rc >= 0)
        rc = sep_arg(c, v, &sep, &given, e);
    if (rc < 0)
        return rc;
    *ret = value_list(c->arena);
    if (from_right)
        str_rsplit(c, self_text(c), given ? &sep : NULL, max, ret->u.list);
    else
        str_split(c, self_text(c), given ? &sep : NULL, max, ret->u.list);
    return 0;
}

// split: Pieces between sep, at most maxsplit cuts.
BUILTIN(str_method_split)
{
    return split_with(c, false, ret, e);
}

// rsplit: As split, cutting from the right.
BUILTIN(str_method_rsplit)
{
    return split_with(c, true, ret, e);
}

// splitlines: The lines, without their ends unless keepends.
BUILTIN(str_method_splitlines)
{
    bool keep = false;
    int rc = args_read(c, e, "keepends:I", &keep);
    *ret = value_list(c->arena);
    if (rc >= 0)
        str_splitlines(c, self_text(c), keep, ret->u.list);
    return rc;
}

static int strip_with(struct call *c, enum strip_side side, struct value *ret, struct err *e)
{
    const struct value *v = NULL;
    struct text set = {"", 0};
    int rc = args_read(c, e, "chars:v", &v);
    if (rc < 0)
        return rc;
    bool given = v && v->type != VALUE_NULL;
    if (given && v->type != VALUE_STRING)
        return fail_type(c, e, "%s arg must be None or str", c->name);
    if (given)
        set = text_of(c, v);
    struct text t = str_strip(self_text(c), given ? &set : NULL, side);
    *ret = str_from(c, t.s, t.len);
    return 0;
}

// strip: Without white space (or chars) at both ends.
BUILTIN(str_method_strip)
{
    return strip_with(c, STRIP_BOTH, ret, e);
}

// lstrip: Without white space (or chars) at the start.
BUILTIN(str_method_lstrip)
{
    return strip_with(c, STRIP_LEFT, ret, e);
}

// rstrip: Without white space (or chars) at the end.
BUILTIN(str_method_rstrip)
{
    return strip_with(c, STRIP_RIGHT, ret, e);
}

// The part of the text that optional start and end arguments (at first and first + 1) select; *at
// is its first code point.
static int window(struct call *c, size_t first, struct text *ret, int64_t *at, struct err *e)
{
    if (c->n_args <= first) {
        *ret = self_text(c);
        *at = 0;
        return 0;
    }
    int64_t n = (int64_t)utf8_count(c->self.u.str.s, c->self.u.str.len), from = 0, to = n;
    int rc = 0;
    if (c->n_args > first + 2)
        return fail_type(c, e, "%s() takes at most 3 arguments (%zu given)", c->name, c->n_args);
    if (c->n_args > first && c->args[first].type != VALUE_NULL)
        rc = index_of(c, &c->args[first], &from, e);
    if (rc >= 0 && c->n_args > first + 1 && c->args[first + 1].type != VALUE_NULL)
        rc = index_of(c, &c->args[first + 1], &to, e);
    if (rc < 0)
        return rc;
    if (from < 0)
        from = from + n < 0 ? 0 : from + n;
    if (to < 0)
        to = to + n < 0 ? 0 : to + n;
    *ret = str_slice(self_text(c), from, to);
    *at = from;
    if (from > n || from > to)
        ret->s = NULL;
    return 0;
}

static bool affix(struct call *c, struct text t, const struct value *v, bool start)
{
    struct text a = text_of(c, v);
    return t.s && (start ? str_starts(t, a) : str_ends(t, a));
}

static int affixed(struct call *c, bool start, struct value *ret, struct err *e)
{
    struct text t;
    int64_t at;
    if (!c->n_args)
        return fail_type(c, e, "%s() takes at least 1 argument (0 given)", c->name);
    int rc = window(c, 1, &t, &at, e);
    if (rc < 0)
        return rc;
    const struct value *v = &c->args[0];
    if (v->type == VALUE_UNDEFINED)
        return fail_undefined(c, v, e);
    bool tuple = v->type == VALUE_LIST && (v->flags & VALUE_TUPLE), yes = false;
    if (!tuple && v->type != VALUE_STRING)
        return fail_type(c, e, "%s first arg must be str or a tuple of str, not %s", c->name,
                         value_type_name(v));
    if (!tuple)
        yes = affix(c, t, v, start);
    for (size_t i = 0; tuple && i < v->u.list->len && !yes; i++) {
        const struct value *it = &v->u.list->items[i];
        if (it->type != VALUE_STRING)
            return fail_type(c, e, "tuple for %s must only contain str, not %s", c->name,
                             value_type_name(it));
        yes = affix(c, t, it, start);
    }
    *ret = value_bool(yes);
    return 0;
}

// startswith: The text begins with a prefix (or one of a tuple).
BUILTIN(str_method_startswith)
{
    return affixed(c, true, ret, e);
}

// endswith: The text ends with a suffix (or one of a tuple).
BUILTIN(str_method_endswith)
{
    return affixed(c, false, ret, e);
}

static int search(struct call *c, bool last, bool must, struct value *ret, struct err *e)
{
    struct text t;
    int64_t first, hit;
    if (!c->n_args)
        return fail_type(c, e, "%s() takes at least 1 argument (0 given)", c->name);
    int rc = window(c, 1, &t, &first, e);
    if (rc < 0)
        return rc;
    if (c->args[0].type == VALUE_UNDEFINED)
        return fail_undefined(c, &c->args[0], e);
    if (c->args[0].type != VALUE_STRING)
        return fail_type(c, e, "must be str, not %s", value_type_name(&c->args[0]));
    struct text sub = text_of(c, &c->args[0]);
    hit = !t.s ? -1 : last ? str_rfind(t, sub) : str_find(t, sub);
    if (hit < 0 && must)
        return fail_with(c, e, "substring not found");
    *ret = value_int(hit < 0 ? -1 : first + (int64_t)utf8_count(t.s, (size_t)hit));
    return 0;
}

// find: Index of the first occurrence, -1 when there is none.
BUILTIN(str_method_find)
{
    return search(c, false, false, ret, e);
}

// rfind: Index of the last occurrence, -1 when there is none.
BUILTIN(str_method_rfind)
{
    return search(c, true, false, ret, e);
}

// index: As find, but an error when there is none.
BUILTIN(str_method_index)
{
    return search(c, false, true, ret, e);
}

// rindex: As rfind, but an error when there is none.
BUILTIN(str_method_rindex)
{
    return search(c, true, true, ret, e);
}

// count: Number of occurrences that do not overlap.
BUILTIN(str_method_count)
{
    struct text t;
    int64_t first, n = 0, at;
    if (!c->n_args || c->args[0].type != VALUE_STRING)
        return fail_type(c, e, "must be str, not %s",
                         c->n_args ? value_type_name(&c->args[0]) : "nothing");
    int rc = window(c, 1, &t, &first, e);
    if (rc < 0)
        return rc;
    struct text sub = text_of(c, &c->args[0]);
    if (!sub.len)
        n = t.s ? (int64_t)utf8_count(t.s, t.len) + 1 : 0;
    while (sub.len && t.s && (at = str_find(t, sub)) >= 0) {
        n++;
        t = (struct text){t.s + at + sub.len, t.len - (size_t)at - sub.len};
    }
    *ret = value_int(n);
    return 0;
}

// replace: Occurrences of old (the first count of them) replaced by new.
BUILTIN(str_method_replace)
{
    struct text old, new;
    int64_t count = -1;
    int rc = args_read(c, e, "old:s! new:s! count:i", &old, &new, &count);
    if (rc < 0)
        return rc;
    struct buf b = call_buf(c);
    str_replace(&b, self_text(c), old, new, count);
    *ret = take_buf(c, &b);
    return 0;
}

// join: The items of a list with the text between them.
BUILTIN(str_method_join)
{
    const struct value *v = NULL;
    struct list *l;
    struct buf b = call_buf(c);
    int rc = args_read(c, e, "iterable:v!", &v);
    if (rc >= 0 && value_iterate(c, v, &l, NULL) < 0)
        rc = is_strict(v) ? fail_undefined(c, v, e) : fail_type(c, e, "can only join an iterable");
    for (size_t i = 0; rc >= 0 && i < l->len; i++) {
        const struct value *it = &l->items[i];
        if (it->type == VALUE_UNDEFINED)
            rc = fail_undefined(c, it, e);
        else if (it->type != VALUE_STRING)
            rc = fail_type(c, e, "sequence item %zu: expected str instance, %s found", i,
                           value_type_name(it));
        if (i)
            buf_add(&b, c->self.u.str.s, c->self.u.str.len);
        if (rc >= 0)
            buf_add(&b, it->u.str.s, it->u.str.len);
    }
    *ret = take_buf(c, &b);
    return rc;
}

// format: Replacement fields filled from the arguments.
BUILTIN(str_method_format)
{
    struct buf b = call_buf(c);
    int rc = py_format(c, self_text(c), c->args, c->n_args, c->kwargs, &b, e);
    *ret = take_buf(c, &b);
    return rc;
}

// format_map: Replacement fields filled from a mapping.
BUILTIN(str_method_format_map)
{
    const struct value *v = NULL;
    struct call plain = *c;
    struct buf b = call_buf(c);
    plain.self.flags &= (uint8_t)~VALUE_MARKUP; // Markup has no format_map of its own
    int rc = args_read(c, e, "mapping:v!", &v);
    struct dict *d = rc < 0 ? NULL : dict_of(c, v);
    if (rc >= 0 && !d)
        rc = fail_type(c, e, "'%s' object is not subscriptable", value_type_name(v));
    if (rc >= 0)
        rc = py_format(&plain, self_text(c), NULL, 0, d, &b, e);
    *ret = take_buf(c, &b);
    return rc;
}

static int pad_with(struct call *c, char align, struct value *ret, struct err *e)
{
    int64_t width = 0;
    struct text fill = {" ", 1};
    int rc = args_read(c, e, "width:i! fillchar:s", &width, &fill);
    if (rc >= 0 && utf8_count(fill.s, fill.len) != 1)
        rc = fail_type(c, e, "The fill character must be exactly one character long");
    if (rc < 0)
        return rc;
    struct buf b = call_buf(c);
    str_pad(&b, self_text(c), width, fill, align);
    *ret = take_buf(c, &b);
    return 0;
}

// ljust: Filled up on the right.
BUILTIN(str_method_ljust)
{
    return pad_with(c, '<', ret, e);
}

// rjust: Filled up on the left.
BUILTIN(str_method_rjust)
{
    return pad_with(c, '>', ret, e);
}

// center: Filled up on both sides.
BUILTIN(str_method_center)
{
    return pad_with(c, 'c', ret, e);
}

// zfill: Filled up with zeros behind the sign.
BUILTIN(str_method_zfill)
{
    int64_t width = 0;
    int rc = args_read(c, e, "width:i!", &width);
    if (rc < 0)
        return rc;
    struct text t = self_text(c);
    struct buf b = call_buf(c);
    int64_t n = (int64_t)utf8_count(t.s, t.len);
    if (t.len && (*t.s == '-' || *t.s == '+') && width > n) {
        buf_addc(&b, *t.s);
        t = (struct text){t.s + 1, t.len - 1};
        width--;
    }
    str_pad(&b, t, width, text_lit("0"), '>');
    *ret = take_buf(c, &b);
    return 0;
}

static int parted(struct call *c, bool last, struct value *ret, struct err *e)
{
    struct text sep, t = self_text(c);
    int rc = args_read(c, e, "sep:s!", &sep);
    if (rc >= 0 && !sep.len)
        rc = fail_with(c, e, "empty separator");
    if (rc < 0)
        return rc;
    int64_t at = last ? str_rfind(t, sep) : str_find(t, sep);
    struct value whole = c->self, none = value_cstr(""); // itself, as Python gives it
    struct value v[3] = {last ? none : whole, none, last ? whole : none};
    if (at >= 0) {
        v[0] = str_from(c, t.s, (size_t)at);
        v[1] = str_from(c, sep.s, sep.len);
        v[2] = str_from(c, t.s + at + sep.len, t.len - (size_t)at - sep.len);
    }
    *ret = tuple_of(c, v, 3);
    return 0;
}

// partition: What is before the first sep, sep, and what is behind it.
BUILTIN(str_method_partition)
{
    return parted(c, false, ret, e);
}

// rpartition: What is before the last sep, sep, and what is behind it.
BUILTIN(str_method_rpartition)
{
    return parted(c, true, ret, e);
}

// removeprefix: Without the prefix, if it begins with it.
BUILTIN(str_method_removeprefix)
{
    struct text p, t = self_text(c);
    int rc = args_read(c, e, "prefix:s!", &p);
    if (rc >= 0)
        *ret = str_starts(t, p) ? str_from(c, t.s + p.len, t.len - p.len) : c->self;
    return rc;
}

// removesuffix: Without the suffix, if it ends with it.
BUILTIN(str_method_removesuffix)
{
    struct text p, t = self_text(c);
    int rc = args_read(c, e, "suffix:s!", &p);
    if (rc >= 0)
        *ret = p.len && str_ends(t, p) ? str_from(c, t.s, t.len - p.len) : c->self;
    return rc;
}

// expandtabs: Tabs replaced by blanks up to the next multiple of tabsize.
BUILTIN(str_method_expandtabs)
{
    int64_t size = 8, col = 0;
    int rc = args_read(c, e, "tabsize:i", &size);
    if (rc < 0)
        return rc;
    struct buf b = call_buf(c);
    struct text t = self_text(c);
    for (const char *p = t.s, *end = p + t.len; p < end;) {
        const char *at = p;
        uint32_t cp = utf8_next(&p, end);
        if (cp == '\t') {
            int64_t n = size > 0 ? size - col % size : 0;
            buf_fill(&b, ' ', (size_t)n);
            col += n;
            continue;
        }
        buf_add(&b, at, (size_t)(p - at));
        col = cp == '\n' || cp == '\r' ? 0 : col + 1;
    }
    *ret = take_buf(c, &b);
    return 0;
}

// translate: Characters replaced by a mapping from code points.
BUILTIN(str_method_translate)
{
    const struct value *v = NULL;
    int rc = args_read(c, e, "table:v!", &v);
    struct dict *d = rc < 0 ? NULL : dict_of(c, v);
    if (rc >= 0 && !d)
        rc = fail_type(c, e, "'%s' object is not subscriptable", value_type_name(v));
    if (rc < 0)
        return rc;
    struct buf b = call_buf(c);
    struct text t = self_text(c);
    for (const char *p = t.s, *end = p + t.len; p < end;) {
        const char *at = p;
        struct value key = value_int(utf8_next(&p, end)), *to = dict_getv(d, &key);
        if (!to)
            buf_add(&b, at, (size_t)(p - at));
        else if (to->type == VALUE_INT)
            utf8_add(&b, (uint32_t)to->u.i);
        else if (to->type == VALUE_STRING)
            buf_add(&b, to->u.str.s, to->u.str.len);
    }
    *ret = take_buf(c, &b);
    return 0;
}

// encode: The bytes in an encoding.
BUILTIN(str_method_encode)
{
    struct text enc = text_lit("utf-8"), errors = {"", 0};
    int rc = args_read(c, e, "encoding:s errors:s", &enc, &errors);
    if (rc >= 0)
        rc = text_encode(c, self_text(c), enc, ret, e);
    if (rc >= 0)
        ret->flags |= VALUE_BYTES;
    return rc;
}

// decode: Text of bytes in an encoding.
BUILTIN(str_method_decode)
{
    struct text enc = text_lit("utf-8"), errors = {"", 0};
    int rc = args_read(c, e, "encoding:s errors:s", &enc, &errors);
    return rc < 0 ? rc : text_decode(c, self_text(c), enc, ret, e);
}

// __len__: Number of characters.
BUILTIN(str_method_len)
{
    *ret = value_int((int64_t)utf8_count(c->self.u.str.s, c->self.u.str.len));
    return args_none(c, e);
}
