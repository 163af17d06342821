// Jinja2's filters on text: case, trimming, replacing, indenting, cutting and counting.
#include "template/pyformat.h"
#include "template/pystr.h"
#include "template/rows.h"
#include "template/unicode.h"

#include <string.h>

typedef void case_fn(struct buf *b, const char *s, size_t len);

// Text that is marked safe stays so where only its form changes.
static struct value same_kind(const struct call *c, struct value v)
{
    if (c->self.type == VALUE_STRING)
        v.flags |= c->self.flags & VALUE_MARKUP;
    return v;
}

static int recase(struct call *c, case_fn *fn, struct value *ret, struct err *e)
{
    int rc = args_none(c, e);
    if (rc < 0)
        return rc;
    struct text t = text_of(c, &c->self);
    struct buf b = call_buf(c);
    fn(&b, t.s, t.len);
    *ret = same_kind(c, take_buf(c, &b));
    return 0;
}

// lower: Lower case.
BUILTIN(filter_lower)
{
    return recase(c, str_lower, ret, e);
}

// upper: Upper case.
BUILTIN(filter_upper)
{
    return recase(c, str_upper, ret, e);
}

// capitalize: First character upper case, all others lower case.
BUILTIN(filter_capitalize)
{
    return recase(c, str_capitalize, ret, e);
}

// title: Every word starts with an upper-case letter; words begin behind white space and any of
// -({[<.
BUILTIN(filter_title)
{
    int rc = args_none(c, e);
    if (rc < 0)
        return rc;
    struct text t = text_of(c, &c->self);
    struct buf b = call_buf(c);
    const char *p = t.s, *end = p + t.len;
    while (p < end) {
        const char *word = p, *q = p;
        uint32_t cp = utf8_next(&q, end);
        if (uni_is(cp, UNI_SPACE) || (cp < 0x80 && strchr("-({[<", (int)cp))) {
            buf_add(&b, p, (size_t)(q - p));
            p = q;
            continue;
        }
        for (p = q; p < end; p = q) {
            q = p;
            cp = utf8_next(&q, end);
            if (uni_is(cp, UNI_SPACE) || (cp < 0x80 && strchr("-({[<", (int)cp)))
                break;
        }
        q = word;
        utf8_next(&q, end);
        str_upper(&b, word, (size_t)(q - word));
        str_lower(&b, q, (size_t)(p - q));
    }
    *ret = take_buf(c, &b);
    return 0;
}

// string: Text of any value.
BUILTIN(filter_string)
{
    int rc = args_none(c, e);
    struct text t = text_of(c, &c->self);
    bool text = c->self.type == VALUE_STRING && !(c->self.flags & VALUE_BYTES);
    *ret = text ? c->self : value_ref(t.s, t.len);
    ret->flags &= (uint8_t)~VALUE_MARKUP;
    return rc;
}

// trim: Without leading and trailing white space (or characters of chars).
BUILTIN(filter_trim)
{
    const struct value *chars = NULL;
    int rc = args_read(c, e, "chars:v", &chars);
    if (rc < 0)
        return rc;
    struct text set;
    bool given = chars && chars->type != VALUE_NULL;
    if (given && chars->type != VALUE_STRING)
        return fail_type(c, e, "strip arg must be None or str");
    if (given)
        set = text_of(c, chars);
    struct text t = str_strip(text_of(c, &c->self), given ? &set : NULL, STRIP_BOTH);
    *ret = same_kind(c, str_from(c, t.s, t.len));
    return 0;
}

// The text of v, escaped where that is asked for and it is not marked safe.
static struct text safe_text(struct call *c, const struct value *v, bool escape)
{
    if (!escape || is_markup(v))
        return text_of(c, v);
    struct buf b = call_buf(c);
    str_escape(&b, text_of(c, v));
    struct value s = take_buf(c, &b);
    return (struct text){s.u.str.s, s.u.str.len};
}

// replace: Every (or the first count) occurrence of old replaced by new.
BUILTIN(filter_replace)
{
    const struct value *old = NULL, *new = NULL, *count = NULL;
    int64_t n = -1;
    int rc = args_read(c, e, "old:v! new:v! count:v", &old, &new, &count);
    if (rc >= 0 && (is_strict(old) || is_strict(new)))
        rc = fail_undefined(c, is_strict(old) ? old : new, e);
    if (rc >= 0 && count && count->type != VALUE_NULL)
        rc = index_of(c, count, &n, e);
    if (rc < 0)
        return rc;
    bool safe = autoescapes(c) && (is_markup(&c->self) || is_markup(old) || is_markup(new));
    struct text s = safe_text(c, &c->self, safe);
    struct buf b = call_buf(c);
    str_replace(&b, s, safe_text(c, old, safe), safe_text(c, new, safe), n);
    *ret = take_buf(c, &b);
    ret->flags |= safe ? VALUE_MARKUP : 0;
    return 0;
}

// indent: Lines indented by width blanks (or a text); the first one too with first, blank ones with
// blank.
BUILTIN(filter_indent)
{
    const struct value *width = NULL;
    bool first = false, blank = false;
    int64_t n = 4;
    if (c->self.type == VALUE_STRING && c->self.flags & VALUE_BYTES)
        return fail_type(c, e, "can't concat str to bytes");
    int rc = args_read(c, e, "width:v first:b blank:b", &width, &first, &blank);
    if (rc >= 0 && width && width->type != VALUE_STRING && !is_number(width) &&
        width->type != VALUE_UNDEFINED)
        rc = fail_type(c, e, "can't multiply sequence by non-int of type '%s'",
                       value_type_name(width));
    else if (rc >= 0 && width && width->type != VALUE_STRING)
        rc = index_of(c, width, &n, e);
    if (rc < 0)
        return rc;
    if (c->self.type != VALUE_STRING)
        return fail_type(c, e, "unsupported operand type(s) for +=: '%s' and 'str'",
                         value_type_name(&c->self));
    struct buf pad = call_buf(c), b = call_buf(c);
    if (width && width->type == VALUE_STRING)
        buf_add(&pad, width->u.str.s, width->u.str.len);
    else if (n > 0)
        buf_fill(&pad, ' ', (size_t)n);
    struct value lines = value_list(c->arena);
    struct value text = value_strf(c->arena, "%s", "");
    struct buf joined = call_buf(c);
    buf_add(&joined, c->self.u.str.s, c->self.u.str.len);
    buf_addc(&joined, '\n');
    text = take_buf(c, &joined);
    str_splitlines(c, (struct text){text.u.str.s, text.u.str.len}, false, lines.u.list);
    for (size_t i = 0; i < lines.u.list->len; i++) {
        const struct value *l = &lines.u.list->items[i];
        if (i)
            buf_addc(&b, '\n');
        if (i ? blank || l->u.str.len : first)
            buf_add(&b, buf_str(&pad), pad.len);
        buf_add(&b, l->u.str.s, l->u.str.len);
    }
    drop_buf(c, &pad);
    *ret = same_kind(c, take_buf(c, &b));
    return 0;
}

// center: Centred in width columns.
BUILTIN(filter_center)
{
    int64_t width = 80;
    int rc = args_read(c, e, "width:i", &width);
    if (rc < 0)
        return rc;
    struct buf b = call_buf(c);
    str_pad(&b, text_of(c, &c->self), width, text_lit(" "), 'c');
    *ret = same_kind(c, take_buf(c, &b));
    return 0;
}

// truncate: Cut to length characters, at a word's end unless killwords.
BUILTIN(filter_truncate)
{
    int64_t length = 255, leeway = 5;
    bool kill = false;
    struct text end = text_lit("...");
    const struct value *lw = NULL;
    int rc = args_read(c, e, "length:i killwords:b end:s leeway:v", &length, &kill, &end, &lw);
    if (rc >= 0 && lw && lw->type != VALUE_NULL)
        rc = index_of(c, lw, &leeway, e);
    if (rc < 0)
        return rc;
    int64_t tail = (int64_t)utf8_count(end.s, end.len);
    if (length < tail)
        return fail_with(c, e, "expected length >= %lld, got %lld", (long long)tail,
                         (long long)length);
    if (leeway < 0)
        return fail_with(c, e, "expected leeway >= 0, got %lld", (long long)leeway);
    if (c->self.type == VALUE_LIST ||
        c->self.type == VALUE_DICT) { // has a length, and may be short enough
        size_t n = c->self.type == VALUE_LIST ? c->self.u.list->len : c->self.u.dict->len;
        *ret = c->self;
        return (int64_t)n <= length + leeway
                   ? 0
                   : fail_type(c, e, "can only concatenate list (not \"str\") to list");
    }
    if (c->self.type != VALUE_STRING)
        return fail_type(c, e, "object of type '%s' has no len()", value_type_name(&c->self));
    struct text t = {c->self.u.str.s, c->self.u.str.len};
    bool bytes = c->self.flags & VALUE_BYTES;
    if ((int64_t)(bytes ? t.len : utf8_count(t.s, t.len)) <= length + leeway) {
        *ret = c->self;
        return 0;
    }
    if (bytes)
        return fail_type(c, e, "can't concat str to bytes");
    t = str_slice(t, 0, length - tail);
    int64_t space = kill ? -1 : str_rfind(t, text_lit(" "));
    if (space >= 0)
        t.len = (size_t)space;
    struct buf b = call_buf(c);
    buf_add(&b, t.s, t.len);
    buf_add(&b, end.s, end.len);
    *ret = same_kind(c, take_buf(c, &b));
    return 0;
}

// wordcount: Number of words.
BUILTIN(filter_wordcount)
{
    int rc = args_none(c, e);
    if (rc < 0)
        return rc;
    struct text t = text_of(c, &c->self);
    int64_t n = 0;
    bool in = false;
    for (const char *p = t.s, *end = p + t.len; p < end;) {
        uint32_t cp = utf8_next(&p, end);
        bool word = cp == '_' || uni_is_alnum(cp);
        n += word && !in;
        in = word;
    }
    *ret = value_int(n);
    return 0;
}

// format: printf-style formatting of the text with the arguments.
BUILTIN(filter_format)
{
    if (c->n_args && c->kwargs->len)
        return fail_with(c, e, "can't handle positional and keyword arguments at the same time");
    struct dict kwargs = *c->kwargs;
    struct list given = {.arena = c->arena, .len = c->n_args, .cap = c->n_args};
    memcpy(&given.items, &c->args, sizeof given.items);
    struct value args = {.type = VALUE_LIST, .flags = VALUE_TUPLE, .u.list = &given};
    if (kwargs.len)
        args = (struct value){.type = VALUE_DICT, .u.dict = &kwargs};
    struct buf b = call_buf(c);
    int rc = py_percent(c, text_of(c, &c->self), &args, &b, e);
    *ret = same_kind(c, take_buf(c, &b));
    return rc;
}

// reverse: Characters of a text or items of a sequence in reverse order.
BUILTIN(filter_reverse)
{
    int rc = args_none(c, e);
    if (rc < 0)
        return rc;
    if (c->self.type == VALUE_STRING) {
        struct buf b = call_buf(c);
        for (const char *s = c->self.u.str.s, *p = s + c->self.u.str.len; p > s;) {
            const char *prev = utf8_prev(s, p);
            buf_add(&b, prev, (size_t)(p - prev));
            p = prev;
        }
        *ret = same_kind(c, take_buf(c, &b));
        return 0;
    }
    struct list *l;
    if (is_strict(&c->self))
        return fail_undefined(c, &c->self, e);
    rc = value_iterate(c, &c->self, &l, NULL);
    if (rc < 0)
        return fail_with(c, e, "argument must be iterable");
    *ret = value_list(c->arena);
    for (size_t i = l->len; i-- > 0;)
        list_add(ret->u.list, l->items[i]);
    return 0;
}
