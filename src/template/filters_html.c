// Filters for HTML and running text: escape, striptags, urlize, xmlattr, wordwrap.
#include "template/entities.h"
#include "template/pystr.h"
#include "template/regex.h"
#include "template/rows.h"
#include "template/unicode.h"

#include <string.h>

void str_escape(struct buf *b, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        const char *r = t.s[i] == '&'    ? "&amp;"
                        : t.s[i] == '<'  ? "&lt;"
                        : t.s[i] == '>'  ? "&gt;"
                        : t.s[i] == '"'  ? "&#34;"
                        : t.s[i] == '\'' ? "&#39;"
                                         : NULL;
        if (r)
            buf_adds(b, r);
        else
            buf_addc(b, t.s[i]);
    }
}

static struct value markup(struct call *c, struct buf *b)
{
    struct value v = take_buf(c, b);
    v.flags |= VALUE_MARKUP;
    return v;
}

// escape, e: Special characters of HTML escaped; what is marked safe stays.
BUILTIN(filter_escape)
{
    int rc = args_none(c, e);
    struct buf b = BUF_INIT;
    if (c->self.flags & VALUE_MARKUP)
        buf_add(&b, c->self.u.str.s, c->self.u.str.len);
    else
        str_escape(&b, text_of(c, &c->self));
    *ret = markup(c, &b);
    return rc;
}

// forceescape: Special characters of HTML escaped in any case.
BUILTIN(filter_forceescape)
{
    int rc = args_none(c, e);
    struct buf b = BUF_INIT;
    str_escape(&b, text_of(c, &c->self));
    *ret = markup(c, &b);
    return rc;
}

// striptags: Without HTML tags and comments, white space collapsed.
BUILTIN(filter_striptags)
{
    int rc = args_none(c, e);
    struct text t = text_of(c, &c->self);
    struct buf bare = BUF_INIT, b = BUF_INIT, out = BUF_INIT;
    for (size_t i = 0; i < t.len;) {
        struct text rest = {t.s + i, t.len - i};
        bool comment = str_starts(rest, text_lit("<!--"));
        int64_t end = comment          ? str_find(rest, text_lit("-->"))
                      : *rest.s == '<' ? str_find(rest, text_lit(">"))
                                       : -1;
        if (end >= 0)
            i += (size_t)end + (comment ? 3 : 1);
        else
            buf_addc(&bare, t.s[i++]);
    }
    struct value words = value_list(c->arena);
    str_split(c, (struct text){buf_str(&bare), bare.len}, NULL, -1, words.u.list);
    for (size_t i = 0; i < words.u.list->len; i++) {
        struct text word = text_of(c, &words.u.list->items[i]);
        buf_adds(&b, i ? " " : "");
        buf_add(&b, word.s, word.len);
    }
    html_unescape(&out, (struct text){buf_str(&b), b.len});
    buf_release(&bare);
    buf_release(&b);
    *ret = take_buf(c, &out);
    return rc;
}

// xmlattr: The items of a mapping as XML attributes; null and undefined ones left out.
BUILTIN(filter_xmlattr)
{
    bool space = true;
    int rc = args_read(c, e, "autospace:b", &space);
    if (rc < 0)
        return rc;
    struct dict *d = dict_of(c, &c->self);
    if (!d)
        return fail_with(c, e, "'%s' object has no attribute 'items'", value_type_name(&c->self));
    struct buf b = call_buf(c);
    struct dict_entry *en;
    DICT_EACH(d, en)
    {
        if (en->val.type == VALUE_NULL || en->val.type == VALUE_UNDEFINED)
            continue;
        if (en->key.type != VALUE_STRING)
            return fail_type(c, e, "expected string or bytes-like object, got '%s'",
                             value_type_name(&en->key));
        struct text key = text_of(c, &en->key);
        if (strpbrk(key.s, " \t\n\r\f\v/>="))
            return fail_with(c, e, "Invalid character in attribute name: %s", repr_of(c, &en->key));
        if (b.len || space)
            buf_addc(&b, ' ');
        str_escape(&b, key);
        buf_adds(&b, "=\"");
        if (en->val.flags & VALUE_MARKUP)
            buf_add(&b, en->val.u.str.s, en->val.u.str.len);
        else
            str_escape(&b, text_of(c, &en->val));
        buf_addc(&b, '"');
    }
    *ret = take_buf(c, &b);
    return 0;
}

struct urlize {
    struct call *c;
    int64_t limit; // <0: none
    const char *rel, *target;
    const struct list *schemes;
    struct regex *http, *mail;
    struct buf *b;
};

static bool found(struct regex *re, struct text t)
{
    const size_t *g;
    return regex_search(re, t, 0, true, false, &g, NULL) == 1;
}

static void add_link(struct urlize *u, const char *scheme, struct text to, struct text shown,
                     bool attrs)
{
    buf_addf(u->b, "<a href=\"%s%.*s\"%s%s>", scheme, (int)to.len, to.s, attrs ? u->rel : "",
             attrs ? u->target : "");
    if (attrs && u->limit >= 0 && (int64_t)utf8_count(shown.s, shown.len) > u->limit) {
        struct text cut = str_slice(shown, 0, u->limit);
        buf_addf(u->b, "%.*s...</a>", (int)cut.len, cut.s);
    } else {
        buf_addf(u->b, "%.*s</a>", (int)shown.len, shown.s);
    }
}

static size_t count_of(struct text t, const char *what)
{
    size_t n = 0;
    for (int64_t at; (at = str_find(t, text_lit(what))) >= 0; n++)
        t = (struct text){t.s + at + strlen(what), t.len - (size_t)at - strlen(what)};
    return n;
}

// Splits what clings to a word off its ends; brackets opened inside are given back.
static void word_ends(struct text w, struct text *head, struct text *mid, struct text *tail)
{
    static const char *const heads[] = {"(", "<", "&lt;"};
    static const char *const tails[] = {")", ">", ".", ",", "\n", "&gt;"};
    static const char *const pairs[][2] = {{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}};
    *mid = w;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < 3; i++)
            if (str_starts(*mid, text_lit(heads[i]))) {
                mid->s += strlen(heads[i]);
                mid->len -= strlen(heads[i]);
                more = true;
            }
    }
    *head = (struct text){w.s, (size_t)(mid->s - w.s)};
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < 6; i++)
            if (str_ends(*mid, text_lit(tails[i]))) {
                mid->len -= strlen(tails[i]);
                more = true;
            }
    }
    *tail = (struct text){mid->s + mid->len, (size_t)(w.s + w.len - mid->s - mid->len)};
    for (int i = 0; i < 3; i++) {
        size_t open = count_of(*mid, pairs[i][0]), close = count_of(*mid, pairs[i][1]);
        size_t give = count_of(*tail, pairs[i][1]);
        if (open <= close)
            continue;
        for (size_t k = 0; k < open && k < give; k++) {
            size_t n = (size_t)str_find(*tail, text_lit(pairs[i][1])) + strlen(pairs[i][1]);
            mid->len += n;
            tail->s += n;
            tail->len -= n;
        }
    }
}

static void urlize_word(struct urlize *u, struct text w)
{
    struct text head, mid, tail;
    word_ends(w, &head, &mid, &tail);
    buf_add(u->b, head.s, head.len);
    bool scheme = str_starts(mid, text_lit("https://")) || str_starts(mid, text_lit("http://"));
    struct text rest = {mid.s + 7, mid.len > 7 ? mid.len - 7 : 0};
    if (found(u->http, mid)) {
        add_link(u, scheme ? "" : "https://", mid, mid, true);
    } else if (str_starts(mid, text_lit("mailto:")) && found(u->mail, rest)) {
        add_link(u, "", mid, rest, false);
    } else if (memchr(mid.s, '@', mid.len) && !str_starts(mid, text_lit("www.")) &&
               !memchr(mid.s, ':', mid.len) && found(u->mail, mid)) {
        add_link(u, "mailto:", mid, mid, false);
    } else {
        bool linked = false;
        for (size_t i = 0; u->schemes && i < u->schemes->len && !linked; i++) {
            struct text s = text_of(u->c, &u->schemes->items[i]);
            if (mid.len != s.len && str_starts(mid, s)) {
                int64_t keep = u->limit;
                u->limit = -1;
                add_link(u, "", mid, mid, true);
                u->limit = keep;
                linked = true;
            }
        }
        if (!linked)
            buf_add(u->b, mid.s, mid.len);
    }
    buf_add(u->b, tail.s, tail.len);
}

// rel="..." of sorted, distinct words.
static const char *rel_attribute(struct call *c, struct text rel, bool nofollow)
{
    struct value words = value_list(c->arena), seen = value_dict(c->arena);
    str_split(c, rel, NULL, -1, words.u.list);
    list_add(words.u.list, value_cstr("noopener"));
    if (nofollow)
        list_add(words.u.list, value_cstr("nofollow"));
    struct buf b = call_buf(c);
    for (;;) {
        const struct value *least = NULL;
        for (size_t i = 0; i < words.u.list->len; i++) {
            const struct value *w = &words.u.list->items[i];
            if (!dict_getv(seen.u.dict, w) && (!least || strcmp(w->u.str.s, least->u.str.s) < 0))
                least = w;
        }
        if (!least)
            break;
        dict_setv(seen.u.dict, *least, value_null());
        buf_addf(&b, "%s", b.len ? " " : " rel=\"");
        str_escape(&b, (struct text){least->u.str.s, least->u.str.len});
    }
    buf_addc(&b, '"');
    return take_buf(c, &b).u.str.s;
}

// urlize: URLs and mail addresses in a text made links.
BUILTIN(filter_urlize)
{
    static const char http[] =
        "((https?://|www\\.)(([\\w%-]+\\.)+)?([a-z]{2,63}|xn--[\\w%]{2,59})|([\\w%-]{2,63}\\.)+"
        "(com|net|int|edu|gov|org|info|mil)|(https?://"
        ")((([\\d]{1,3})(\\.[\\d]{1,3}){3})|(\\[([\\da-f]"
        "{0,4}:){2}([\\da-f]{0,4}:?){1,6}\\])))(?::[\\d]{1,5})?(?:[/?#]\\S*)?$";
    const struct value *limit = NULL, *target = NULL, *rel = NULL, *schemes = NULL;
    bool nofollow = false;
    struct urlize u = {.c = c, .limit = -1, .target = ""};
    int rc = args_read(c, e, "trim_url_limit:v nofollow:b target:v rel:v extra_schemes:v", &limit,
                       &nofollow, &target, &rel, &schemes);
    if (rc >= 0 && limit && limit->type != VALUE_NULL)
        rc = index_of(c, limit, &u.limit, e);
    if (rc < 0)
        return rc;
    u.rel = rel_attribute(c, rel && value_truthy(rel) ? text_of(c, rel) : text_lit(""), nofollow);
    struct buf esc = BUF_INIT, b = BUF_INIT;
    if (target && value_truthy(target)) {
        str_escape(&esc, text_of(c, target));
        u.target = arena_printf(c->arena, " target=\"%s\"", buf_str(&esc));
        buf_clear(&esc);
    }
    if (schemes && schemes->type == VALUE_LIST)
        u.schemes = schemes->u.list;
    rc = regex_compile(text_lit(http), REGEX_IGNORECASE, &u.http, e);
    if (rc >= 0)
        rc = regex_compile(text_lit("\\S+@\\w[\\w.-]*\\.\\w+$"), 0, &u.mail, e);
    u.b = &b;
    if (c->self.flags & VALUE_MARKUP)
        buf_add(&esc, c->self.u.str.s, c->self.u.str.len);
    else
        str_escape(&esc, text_of(c, &c->self));
    const char *p = buf_str(&esc), *end = p + esc.len;
    while (rc >= 0 && p < end) {
        const char *start = p, *at = p;
        while (p < end && (at = p, !uni_is(utf8_next(&p, end), UNI_SPACE)))
            at = p;
        if (at > start)
            urlize_word(&u, (struct text){start, (size_t)(at - start)});
        buf_add(&b, at, (size_t)(p - at));
    }
    buf_release(&esc);
    regex_free(u.http);
    regex_free(u.mail);
    *ret = take_buf(c, &b);
    return rc;
}
