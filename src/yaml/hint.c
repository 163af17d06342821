// Explains syntax errors: what libyaml found, the line it is in, and what a newcomer most likely
// did wrong.
#include "yaml/compose.h"

#include "core/buf.h"

#include <string.h>

// One line of the text, without its end.
struct line {
    const char *s;
    size_t len;
};

#define QUOTE_MAX 60

static struct line line_at(const struct compose *c, size_t number)
{
    const char *p = c->text, *end = c->text + c->len;
    for (; number > 0 && p < end; number--) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        p = nl ? nl + 1 : end;
    }
    const char *nl = memchr(p, '\n', (size_t)(end - p));
    size_t len = (size_t)((nl ? nl : end) - p);
    if (len && p[len - 1] == '\r')
        len--;
    return (struct line){p, len};
}

static size_t indent_of(struct line l)
{
    size_t n = 0;
    while (n < l.len && l.s[n] == ' ')
        n++;
    return n;
}

static bool blank_or_comment(struct line l)
{
    size_t n = indent_of(l);
    return n == l.len || l.s[n] == '#';
}

// The last line above number that says something; false when there is none.
static bool line_above(const struct compose *c, size_t number, struct line *ret)
{
    for (size_t tries = 0; number-- > 0 && tries < 50; tries++) {
        *ret = line_at(c, number);
        if (!blank_or_comment(*ret))
            return true;
    }
    return false;
}

static const char *find(struct line l, const char *what)
{
    return l.len ? memmem(l.s, l.len, what, strlen(what)) : NULL;
}

// Where the value of "key: value" or "- value" begins, or NULL.
static const char *value_of(struct line l)
{
    const char *p = find(l, ": "), *end = l.s + l.len;
    size_t n = indent_of(l);
    if (p)
        p += 2;
    else if (n + 1 < l.len && l.s[n] == '-' && l.s[n + 1] == ' ')
        p = l.s + n + 2;
    if (!p)
        return NULL;
    while (p < end && *p == ' ')
        p++;
    return p < end ? p : NULL;
}

static bool has_template_value(struct line l)
{
    const char *v = value_of(l);
    return v && (size_t)(l.s + l.len - v) >= 2 && v[0] == '{' && (v[1] == '{' || v[1] == '%');
}

// A value that begins with a quote and goes on behind the closing one: "a" b.
static bool text_after_quote(struct line l)
{
    const char *v = value_of(l), *end = l.s + l.len;
    if (!v || (*v != '"' && *v != '\''))
        return false;
    const char *close = memchr(v + 1, *v, (size_t)(end - v - 1));
    if (!close)
        return false;
    for (close++; close < end && *close == ' '; close++)
        continue;
    return close < end && *close != '#' && *close != ',' && *close != ':' && *close != close[-1];
}

static bool odd_quotes(struct line l, char quote)
{
    size_t n = 0;
    for (size_t i = 0; i < l.len; i++)
        n += l.s[i] == quote && !(i > 0 && l.s[i - 1] == '\\');
    return n % 2 == 1;
}

// "key:value": a colon with neither a blank behind it nor another before.
static bool colon_without_blank(struct line l)
{
    const char *colon = l.len ? memchr(l.s, ':', l.len) : NULL;
    return colon && colon + 1 < l.s + l.len && colon[1] != ' ' && colon[1] != '/';
}

#define HINT_TEMPLATE "a value that begins with {{ must be in quotes: \"{{ ... }}\""

static const char *hint_mapping_value(const struct compose *c, struct line l, size_t number,
                                      size_t col)
{
    struct line above;
    struct line left = {l.s, col < l.len ? col : l.len};
    if (has_template_value(l))
        return HINT_TEMPLATE;
    if (find(left, ": "))
        return "the value contains \": \", so it must be in quotes";
    if (!line_above(c, number, &above))
        return NULL;
    if (odd_quotes(above, '"') || odd_quotes(above, '\''))
        return "the line above has a quote that is not closed";
    if (value_of(above) && indent_of(l) > indent_of(above))
        return "the line above already has a value, so this line is indented too far";
    if (indent_of(l) >= indent_of(above) && !memchr(above.s, ':', above.len))
        return "the line above has no colon, or this line is indented wrongly";
    return "check the indentation of this line and the one above, and for a missing quote";
}

static const char *hint_expected(const struct compose *c, struct line l, size_t number)
{
    struct line above;
    if (has_template_value(l))
        return HINT_TEMPLATE;
    if (text_after_quote(l))
        return "there is text behind the closing quote; put the whole value in quotes";
    if (!line_above(c, number, &above))
        return NULL;
    if (has_template_value(above))
        return HINT_TEMPLATE;
    if (text_after_quote(above))
        return "the line above has text behind its closing quote; put the whole value in quotes";
    bool item = l.len > indent_of(l) && l.s[indent_of(l)] == '-';
    bool item_above = above.len > indent_of(above) && above.s[indent_of(above)] == '-';
    if (item && !item_above)
        return "a list item cannot follow a key of the same mapping; check the indentation";
    if (indent_of(l) != indent_of(above))
        return "the indentation matches no line above; lines that belong together start in the "
               "same column";
    return "check the indentation and the quotes of this line and the one above";
}

static const char *hint_token(struct line l, size_t col)
{
    char ch = col < l.len ? l.s[col] : '\0';
    if (ch == '\t')
        return "there is a tab; YAML is indented with spaces alone";
    if (ch == '%')
        return has_template_value(l) ? HINT_TEMPLATE
                                     : "a value that begins with % must be in quotes";
    if (ch == '@' || ch == '`')
        return "a value that begins with @ or ` must be in quotes";
    return NULL;
}

static const char *hint_colon(struct line l, size_t col)
{
    if (memchr(l.s, '\t', l.len < col + 1 ? l.len : col + 1))
        return "there is a tab; YAML is indented with spaces alone";
    if (colon_without_blank(l))
        return "a blank is missing behind the colon";
    if (odd_quotes(l, '"') || odd_quotes(l, '\''))
        return "a quote is not closed";
    return "a key needs a colon and a blank behind it, or this line belongs further in";
}

static const struct {
    const char *problem; // how libyaml's text begins
    const char *say;     // our words, NULL: libyaml's
    const char *hint;    // when it needs no look at the line
} plain_hints[] = {
    {"found unknown escape character", NULL,
     "in double quotes a backslash begins an escape; double it, or use single quotes"},
    {"found a tab character", "a tab is used for indentation",
     "YAML is indented with spaces alone"},
    {"block sequence entries are not allowed", "a list item cannot begin here",
     "put the \"- \" on its own line below the key"},
    {"did not find the expected <document start>",
     "there is content behind the end of the document", "check the indentation of this line"},
    {"found undefined tag handle", NULL, "a value that begins with ! must be in quotes"},
    {"invalid leading UTF-8 octet", "this is not UTF-8 text", "save the file in UTF-8"},
    {"invalid trailing UTF-8 octet", "this is not UTF-8 text", "save the file in UTF-8"},
    {"incomplete UTF-8 octet sequence", "this is not UTF-8 text", "save the file in UTF-8"},
    {"control characters are not allowed", "there is a control character",
     "remove it, or write it as an escape in double quotes"},
};

static bool begins(const char *s, const char *with)
{
    return !strncmp(s, with, strlen(with));
}

// What to say of a problem in its line, and the hint for it (or NULL).
static const char *explain(const struct compose *c, const yaml_mark_t *mark, const char *problem,
                           const char **hint)
{
    struct line l = line_at(c, mark->line);
    *hint = NULL;
    for (size_t i = 0; i < sizeof(plain_hints) / sizeof(plain_hints[0]); i++) {
        if (begins(problem, plain_hints[i].problem)) {
            *hint = plain_hints[i].hint;
            return plain_hints[i].say ? plain_hints[i].say : problem;
        }
    }
    if (begins(problem, "mapping values are not allowed")) {
        *hint = hint_mapping_value(c, l, mark->line, mark->column);
        return "a key and value are not allowed here";
    }
    if (begins(problem, "could not find expected ':'")) {
        size_t number = mark->line;
        if (c->parser.context && c->parser.context_mark.line < number)
            number = c->parser.context_mark.line;
        l = line_at(c, number);
        *hint = hint_colon(l, l.len);
        return "a colon is missing behind the key";
    }
    if (begins(problem, "did not find expected"))
        *hint = hint_expected(c, l, mark->line);
    if (begins(problem, "found character that cannot start any token")) {
        *hint = hint_token(l, mark->column);
        return "no value can begin with this character";
    }
    return problem;
}

static int set_error(struct compose *c, const yaml_mark_t *mark, const char *say, const char *hint)
{
    struct line l = line_at(c, mark->line);
    size_t skip = indent_of(l);
    struct buf b = BUF_INIT;
    buf_adds(&b, say);
    if (!c->opts->hide_text && skip < l.len) {
        size_t n = l.len - skip;
        bool cut = n > QUOTE_MAX;
        if (cut)
            for (n = QUOTE_MAX; n > 0 && ((unsigned char)l.s[skip + n] & 0xC0) == 0x80; n--)
                continue;
        buf_adds(&b, ", in `");
        for (size_t i = 0; i < n; i++)
            buf_addc(&b, (unsigned char)l.s[skip + i] < ' ' ? ' ' : l.s[skip + i]);
        buf_adds(&b, cut ? "...`" : "`");
    }
    if (hint)
        buf_addf(&b, ": %s", hint);
    int rc = err_set(c->e, ERR_PARSE, compose_pos(c, mark), "%s", buf_str(&b));
    buf_release(&b);
    return rc;
}

// libyaml's reader gives an offset alone.
static yaml_mark_t mark_of_offset(const struct compose *c, size_t offset)
{
    yaml_mark_t m = {.index = offset};
    for (size_t i = 0; i < offset && i < c->len; i++) {
        if (c->text[i] == '\n') {
            m.line++;
            m.column = 0;
        } else if (((unsigned char)c->text[i] & 0xC0) != 0x80) {
            m.column++;
        }
    }
    return m;
}

int hint_syntax(struct compose *c)
{
    const yaml_parser_t *p = &c->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return err_set(c->e, ERR_LIMIT, compose_pos(c, &p->mark), "not enough memory");
    const char *problem = p->problem ? p->problem : "malformed YAML", *hint;
    yaml_mark_t mark =
        p->error == YAML_READER_ERROR ? mark_of_offset(c, p->problem_offset) : p->problem_mark;
    bool end = begins(problem, "found unexpected end of stream") ||
               begins(problem, "found unexpected document indicator");
    if (end && p->context && strstr(p->context, "quoted scalar"))
        return set_error(c, &p->context_mark, "this quote is not closed", NULL);
    if (p->context && begins(problem, "did not find expected ',' or") &&
        p->context_mark.line < mark.line) {
        bool list = strstr(problem, "']'") != NULL;
        return set_error(c, &p->context_mark,
                         list ? "this [ has no matching ]" : "this { has no matching }", NULL);
    }
    const char *say = explain(c, &mark, problem, &hint);
    return set_error(c, &mark, say, hint);
}

int hint_unhashable(struct compose *c, const yaml_mark_t *mark, const char *type)
{
    struct line l = line_at(c, mark->line);
    char say[64];
    snprintf(say, sizeof(say), "a %s cannot be a key", type);
    return set_error(c, mark, say, find(l, "{{") ? HINT_TEMPLATE : NULL);
}

int hint_undefined_alias(struct compose *c, const yaml_mark_t *mark, const char *name)
{
    char say[160] = "this alias has no anchor above";
    if (!c->opts->hide_text)
        snprintf(say, sizeof(say), "the alias *%.80s has no anchor &%.40s above", name, name);
    return set_error(c, mark, say, "a value that begins with * must be in quotes");
}
