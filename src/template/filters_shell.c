// Filters for configuration files and command lines: quote, comment, split.
#include "template/pystr.h"
#include "template/rows.h"

#include <ctype.h>
#include <string.h>

// quote: Quoted for the shell.
BUILTIN(filter_quote)
{
    int rc = args_none(c, e);
    struct text t = c->self.type == VALUE_NULL ? text_lit("") : text_of(c, &c->self);
    bool safe = t.len > 0;
    for (size_t i = 0; i < t.len && safe; i++)
        safe = t.s[i] && (isalnum((unsigned char)t.s[i]) || strchr("_@%+=:,./-", t.s[i]));
    if (safe) {
        *ret = str_from(c, t.s, t.len);
        ret->flags |= is_markup(&c->self) ? VALUE_MARKUP : 0;
        return rc;
    }
    bool markup = is_markup(&c->self); // quotes that are put into it are escaped
    struct text quote = text_lit(markup ? "&#39;" : "'");
    struct buf b = call_buf(c);
    buf_add(&b, quote.s, quote.len);
    str_replace(&b, t, quote, text_lit(markup ? "&#39;&#34;&#39;&#34;&#39;" : "'\"'\"'"), -1);
    buf_add(&b, quote.s, quote.len);
    *ret = take_buf(c, &b);
    ret->flags |= markup ? VALUE_MARKUP : 0;
    return rc;
}

static const struct comment_style {
    const char *name, *decoration, *beginning, *end;
} comment_styles[] = {
    {"c", "// ", "", ""},    {"cblock", " * ", "/*", " */"}, {"erlang", "% ", "", ""},
    {"plain", "# ", "", ""}, {"xml", " - ", "<!--", "-->"},
};

struct comment {
    struct text newline, beginning, prefix, decoration, postfix, end;
    int64_t prefix_count, postfix_count;
};

static int comment_options(struct call *c, struct comment *o, struct err *e)
{
    struct text style = text_lit("plain");
    const struct comment_style *s = NULL;
    const struct value *v = call_arg(c, 0, "style");
    if (c->n_args > 1)
        return fail_type(c, e,
                         "comment() takes from 1 to 2 positional arguments but %zu were given",
                         c->n_args + 1);
    if (v)
        style = text_of(c, v);
    for (size_t i = 0; i < sizeof comment_styles / sizeof *comment_styles; i++)
        if (strcmp(style.s, comment_styles[i].name) == 0)
            s = &comment_styles[i];
    if (!s)
        return fail_with(c, e, "'%s'", style.s);
    *o = (struct comment){.newline = text_lit("\n"), .prefix_count = 1, .postfix_count = 1};
    o->decoration = text_lit(s->decoration);
    o->beginning = text_lit(s->beginning);
    o->end = text_lit(s->end);
    if ((v = dict_get(c->kwargs, "decoration")))
        o->decoration = text_of(c, v);
    o->prefix = o->postfix = str_strip(o->decoration, NULL, STRIP_RIGHT);
    const struct {
        const char *name;
        struct text *to;
    } texts[] = {{"newline", &o->newline},
                 {"beginning", &o->beginning},
                 {"prefix", &o->prefix},
                 {"postfix", &o->postfix},
                 {"end", &o->end}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if ((v = dict_get(c->kwargs, texts[i].name)))
            *texts[i].to = v->type == VALUE_NULL ? text_lit("") : text_of(c, v);
    int64_t n;
    if ((v = dict_get(c->kwargs, "prefix_count"))) {
        struct text t = text_of(c, v);
        if (!parse_int(t.s, t.len, 10, &n))
            return fail_with(c, e, "invalid literal for int() with base 10: %s", repr_of(c, v));
        o->prefix_count = n;
    }
    if ((v = dict_get(c->kwargs, "postfix_count")))
        return index_of(c, v, &o->postfix_count, e);
    return 0;
}

static bool same_text(struct text x, struct text y)
{
    return x.len == y.len && memcmp(x.s, y.s, x.len) == 0;
}

// comment: The text as a comment: style plain, erlang, c, cblock or xml; decoration, prefix,
// beginning, end, ... adjust it.
BUILTIN(filter_comment)
{
    struct comment o;
    int rc = comment_options(c, &o, e);
    if (rc < 0)
        return rc;
    if (c->self.type != VALUE_STRING)
        return fail_with(c, e, "'%s' object has no attribute 'replace'", value_type_name(&c->self));
    if (c->self.flags & VALUE_BYTES)
        return fail_type(c, e, "a bytes-like object is required, not 'str'");
    struct buf b = call_buf(c), body = call_buf(c), deco = call_buf(c), trimmed = call_buf(c);
    if (o.beginning.len) {
        buf_add(&b, o.beginning.s, o.beginning.len);
        buf_add(&b, o.newline.s, o.newline.len);
    }
    for (int64_t i = 0; o.prefix.len && i < o.prefix_count && !b.overflow; i++) {
        if (!same_text(o.prefix, o.newline))
            buf_add(&b, o.prefix.s, o.prefix.len);
        buf_add(&b, o.newline.s, o.newline.len);
    }
    // every line decorated, then lines that hold only the decoration trimmed
    buf_add(&deco, o.newline.s, o.newline.len);
    buf_add(&deco, o.decoration.s, o.decoration.len);
    buf_add(&body, o.decoration.s, o.decoration.len);
    str_replace(&body, text_of(c, &c->self), o.newline, (struct text){buf_str(&deco), deco.len},
                -1);
    buf_clear(&deco);
    buf_add(&deco, o.decoration.s, o.decoration.len);
    buf_add(&deco, o.newline.s, o.newline.len);
    struct text bare = str_strip(o.decoration, NULL, STRIP_RIGHT);
    buf_add(&trimmed, bare.s, bare.len);
    buf_add(&trimmed, o.newline.s, o.newline.len);
    str_replace(&b, (struct text){buf_str(&body), body.len},
                (struct text){buf_str(&deco), deco.len},
                (struct text){buf_str(&trimmed), trimmed.len}, -1);
    for (int64_t i = 0; (o.newline.len || o.postfix.len) && i < o.postfix_count && !b.overflow;
         i++) {
        buf_add(&b, o.newline.s, o.newline.len);
        buf_add(&b, o.postfix.s, o.postfix.len);
    }
    if (o.end.len) {
        buf_add(&b, o.newline.s, o.newline.len);
        buf_add(&b, o.end.s, o.end.len);
    }
    drop_buf(c, &body);
    drop_buf(c, &deco);
    drop_buf(c, &trimmed);
    *ret = take_buf(c, &b);
    return 0;
}

// split: The pieces between sep (white space unless given), at most maxsplit cuts.
BUILTIN(filter_split)
{
    const struct value *sep = NULL;
    int64_t max = -1;
    struct text s;
    int rc = args_read(c, e, "sep:v maxsplit:i", &sep, &max);
    if (rc >= 0 && (c->self.type != VALUE_STRING || c->self.flags & VALUE_BYTES))
        rc = fail_type(c, e, "descriptor 'split' for 'str' objects doesn't apply to a '%s' object",
                       value_type_name(&c->self));
    if (rc < 0)
        return rc;
    bool given = sep && sep->type != VALUE_NULL;
    if (given && sep->type != VALUE_STRING)
        return fail_type(c, e, "must be str or None, not %s", value_type_name(sep));
    struct text by = given ? text_of(c, sep) : text_lit("");
    if (given && !by.len)
        return fail_with(c, e, "empty separator");
    s = text_of(c, &c->self);
    *ret = value_list(c->arena);
    str_split(c, s, given ? &by : NULL, max, ret->u.list);
    return 0;
}
