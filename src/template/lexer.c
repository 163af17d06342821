// Splits template text into tokens by jinja2's rules: delimiters, white space control, raw blocks,
// line statements.
#include "template/lexer.h"

#include "core/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NESTING 256

enum start_kind { S_NONE, S_RAW, S_COMMENT, S_BLOCK, S_VARIABLE, S_LINE_STATEMENT, S_LINE_COMMENT };

struct delim {
    enum start_kind kind;
    const char *s;
    size_t len;
};

struct lexer {
    struct arena *a;
    const struct template_opts *o;
    const char *p, *end, *src; // current place
    uint32_t line;
    const char *line_at; // lines are counted up to here
    struct token_array *out;
    struct delim delims[5];
    size_t n_delims;
    bool starts[256];
    const char *var_end, *block_end, *comment_end, *block_start;
    bool line_starting;
    char nesting[MAX_NESTING];
    size_t depth;
};

static bool space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static bool at(const struct lexer *x, const char *p, const char *s)
{
    size_t n = strlen(s);
    return (size_t)(x->end - p) >= n && memcmp(p, s, n) == 0;
}

static const char *skip_space(const struct lexer *x, const char *p)
{
    while (p < x->end && space(*p))
        p++;
    return p;
}

static struct token *push(struct lexer *x, enum token_type type, const char *from, const char *to)
{
    struct token_array *t = x->out;
    t->items = arena_room(x->a, t->items, t->n, &t->cap, 32, sizeof *t->items);
    for (; x->line_at < from; x->line_at++)
        if (*x->line_at == '\n')
            x->line++;
    struct token *k = &t->items[t->n++];
    *k = (struct token){.type = (uint8_t)type,
                        .line = x->line,
                        .off = (uint32_t)(from - x->src),
                        .raw = (uint32_t)(to - from),
                        .s = from,
                        .len = (size_t)(to - from)};
    return k;
}

static void fail(struct lexer *x, const char *at_, const char *msg)
{
    struct token *k = push(x, T_ERROR, at_, at_);
    k->s = msg;
    k->len = strlen(msg);
}

// Replaces "\n" by the configured newline sequence.
static void set_text(struct lexer *x, struct token *k, const char *s, size_t len)
{
    const char *nl = x->o->newline_sequence;
    k->s = s;
    k->len = len;
    if (!nl || strcmp(nl, "\n") == 0 || !memchr(s, '\n', len))
        return;
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\n')
            buf_adds(&b, nl);
        else
            buf_addc(&b, s[i]);
    }
    k->s = arena_strndup(x->a, buf_str(&b), b.len);
    k->len = b.len;
    buf_release(&b);
}

static void add_data(struct lexer *x, const char *from, const char *to)
{
    if (from < to)
        set_text(x, push(x, T_DATA, from, to), from, (size_t)(to - from));
}

// --- tags
// -----------------------------------------------------------------------------------------------------

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static const char *digits(const char *p, const char *end)
{
    if (p >= end || !isdigit((unsigned char)*p))
        return NULL;
    while (p < end && (isdigit((unsigned char)*p) ||
                       (*p == '_' && p + 1 < end && isdigit((unsigned char)p[1]))))
        p++;
    return p;
}

// The end of a float at p, or NULL.
static const char *float_end(const struct lexer *x, const char *p)
{
    if (p > x->src && p[-1] == '.')
        return NULL;
    const char *q = digits(p, x->end);
    if (!q)
        return NULL;
    const char *frac = q < x->end && *q == '.' ? digits(q + 1, x->end) : NULL;
    const char *r = frac ? frac : q;
    if (r < x->end && (*r == 'e' || *r == 'E')) {
        const char *s = r + 1;
        if (s < x->end && (*s == '+' || *s == '-'))
            s++;
        s = digits(s, x->end);
        if (s)
            return s;
    }
    return frac;
}

static const char *radix_digits(const char *p, const char *end, const char *set)
{
    const char *last = NULL;
    while (p < end) {
        const char *q = *p == '_' ? p + 1 : p;
        if (q >= end || !*q || !strchr(set, tolower((unsigned char)*q)))
            break;
        last = p = q + 1;
    }
    return last;
}

static const char *int_end(const struct lexer *x, const char *p, int *base)
{
    *base = 10;
    if (*p != '0')
        return digits(p, x->end);
    if (p + 1 < x->end) {
        int c = tolower((unsigned char)p[1]);
        const char *q = c == 'x'   ? radix_digits(p + 2, x->end, "0123456789abcdef")
                        : c == 'o' ? radix_digits(p + 2, x->end, "01234567")
                        : c == 'b' ? radix_digits(p + 2, x->end, "01")
                                   : NULL;
        if (q) {
            *base = c == 'x' ? 16 : c == 'o' ? 8 : 2;
            return q;
        }
    }
    for (p++; p < x->end; p++)
        if (*p != '0' && !(*p == '_' && p + 1 < x->end && p[1] == '0'))
            break;
    return p;
}

static bool lex_number(struct lexer *x)
{
    if (!isdigit((unsigned char)*x->p))
        return false;
    char text[80];
    size_t n = 0;
    int base = 10;
    const char *from = x->p, *to = float_end(x, from);
    bool is_float = to != NULL;
    if (!to)
        to = int_end(x, from, &base);
    for (const char *q = base == 10 ? from : from + 2; q < to; q++) {
        if (*q == '_')
            continue;
        if (n + 1 >= sizeof text) {
            fail(x, from, "number is too long");
            return true;
        }
        text[n++] = *q;
    }
    text[n] = '\0';
    struct token *k = push(x, is_float ? T_FLOAT : T_INT, from, to);
    errno = 0;
    if (is_float)
        k->num.f = strtod(text, NULL);
    else
        k->num.i = strtoll(text, NULL, base);
    x->p = to;
    if (!is_float && errno == ERANGE) {
        x->out->n--;
        fail(x, from, "integer does not fit in 64 bits");
    }
    return true;
}

// A \x, \u or \U escape with n hex digits at s; returns the digits used or -1.
static int hex_escape(struct buf *b, const char *s, const char *end, int n)
{
    uint32_t c = 0;
    for (int i = 0; i < n; i++) {
        if (s + i >= end || !isxdigit((unsigned char)s[i]))
            return -1;
        int d = tolower((unsigned char)s[i]);
        c = c << 4 | (uint32_t)(d <= '9' ? d - '0' : d - 'a' + 10);
    }
    if (c > 0x10ffff)
        return -1;
    utf8_add(b, c);
    return n;
}

// Python's unicode-escape decoding of s into b; a message on failure.
static const char *unescape(struct buf *b, const char *s, const char *end)
{
    static const char plain[] = "\\'\"abfnrtv", codes[] = "\\'\"\a\b\f\n\r\t\v";
    while (s < end) {
        const char *bs = memchr(s, '\\', (size_t)(end - s));
        buf_add(b, s, (size_t)((bs ? bs : end) - s));
        if (!bs)
            break;
        s = bs + 1;
        if (s >= end)
            return "\\ at end of string";
        char c = *s++;
        const char *hit = c ? strchr(plain, c) : NULL;
        if (hit) {
            buf_addc(b, codes[hit - plain]);
        } else if (c == 'x' || c == 'u' || c == 'U') {
            int n = hex_escape(b, s, end, c == 'x' ? 2 : c == 'u' ? 4 : 8);
            if (n < 0)
                return c == 'x'   ? "truncated \\xXX escape"
                       : c == 'u' ? "truncated \\uXXXX escape"
                                  : "truncated \\UXXXXXXXX escape";
            s += n;
        } else if (c >= '0' && c <= '7') {
            uint32_t v = (uint32_t)(c - '0');
            for (int i = 0; i < 2 && s < end && *s >= '0' && *s <= '7'; i++)
                v = v * 8 + (uint32_t)(*s++ - '0');
            utf8_add(b, v);
        } else if (c == 'N') {
            return "unknown Unicode character name";
        } else if (c != '\n') {
            buf_addc(b, '\\');
            buf_addc(b, c);
        }
    }
    return NULL;
}

static bool lex_string(struct lexer *x)
{
    char q = *x->p;
    if (q != '\'' && q != '"')
        return false;
    const char *from = x->p, *s = from + 1;
    bool escapes = false;
    while (s < x->end && *s != q) {
        if (*s == '\\') {
            escapes = true;
            if (++s >= x->end)
                return false;
        }
        s++;
    }
    if (s >= x->end)
        return false;
    struct token *k = push(x, T_STRING, from, s + 1);
    x->p = s + 1;
    set_text(x, k, from + 1, (size_t)(s - from - 1));
    const char *msg = NULL;
    if (escapes) {
        struct buf b = BUF_INIT;
        msg = unescape(&b, k->s, k->s + k->len);
        k->s = arena_strndup(x->a, buf_str(&b), b.len);
        k->len = b.len;
        buf_release(&b);
    } else if (k->s == from + 1) {
        k->s = arena_strndup(x->a, k->s, k->len);
    }
    if (msg) {
        x->out->n--;
        fail(x, from, msg);
    }
    return true;
}

static const struct {
    char s[3];
    uint8_t type;
} operators[] = {
    {"//", T_FLOORDIV}, {"**", T_POW},   {"==", T_EQ},      {"!=", T_NE},      {">=", T_GE},
    {"<=", T_LE},       {"+", T_ADD},    {"-", T_SUB},      {"/", T_DIV},      {"*", T_MUL},
    {"%", T_MOD},       {"~", T_TILDE},  {"[", T_LBRACKET}, {"]", T_RBRACKET}, {"(", T_LPAREN},
    {")", T_RPAREN},    {"{", T_LBRACE}, {"}", T_RBRACE},   {">", T_GT},       {"<", T_LT},
    {"=", T_ASSIGN},    {".", T_DOT},    {":", T_COLON},    {"|", T_PIPE},     {",", T_COMMA},
    {";", T_SEMICOLON},
};

static void balance(struct lexer *x, const char *from, char c)
{
    if (c == '{' || c == '(' || c == '[') {
        if (x->depth == MAX_NESTING)
            fail(x, from, "too many nested parentheses");
        else
            x->nesting[x->depth++] = c == '{' ? '}' : c == '(' ? ')' : ']';
    } else if (c == '}' || c == ')' || c == ']') {
        if (x->depth == 0)
            fail(x, from, arena_printf(x->a, "unexpected '%c'", c));
        else if (x->nesting[--x->depth] != c)
            fail(x, from,
                 arena_printf(x->a, "unexpected '%c', expected '%c'", c, x->nesting[x->depth]));
    }
}

static bool lex_operator(struct lexer *x)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const char *s = operators[i].s, *from = x->p;
        if (*s != *from || !at(x, from, s))
            continue;
        size_t n = x->out->n;
        balance(x, from, *s);
        if (x->out->n != n)
            return true;
        x->p += strlen(s);
        push(x, operators[i].type, from, x->p);
        return true;
    }
    return false;
}

static void unexpected_char(struct lexer *x)
{
    size_t at_ = 0;
    for (const char *q = x->src; q < x->p; q++)
        at_ += ((unsigned char)*q & 0xc0) != 0x80;
    size_t n = 1;
    while (x->p + n < x->end && ((unsigned char)x->p[n] & 0xc0) == 0x80)
        n++;
    struct value v = value_ref(arena_strndup(x->a, x->p, n), n);
    struct buf b = BUF_INIT;
    value_repr(&b, &v);
    fail(x, x->p, arena_printf(x->a, "unexpected char %s at %zu", buf_str(&b), at_));
    buf_release(&b);
}

// One token inside a tag.
static void lex_tag_token(struct lexer *x)
{
    char c = *x->p;
    if (space(c)) {
        x->p = skip_space(x, x->p);
    } else if (lex_number(x)) {
    } else if (name_char(c)) {
        const char *from = x->p;
        while (x->p < x->end && name_char(*x->p))
            x->p++;
        push(x, T_NAME, from, x->p);
    } else if (!lex_string(x) && !lex_operator(x)) {
        unexpected_char(x);
    }
}

// --- the ends of tags
// -----------------------------------------------------------------------------------------

// Where the text behind an end delimiter goes on when `end` closes a tag at p (with its + or -
// sign), or NULL.
static const char *close_at(const struct lexer *x, const char *p, const char *end, bool plus,
                            bool trim)
{
    size_t n = strlen(end);
    if (*p == '-' && at(x, p + 1, end))
        return skip_space(x, p + 1 + n);
    if (plus && *p == '+' && at(x, p + 1, end))
        return p + 1 + n;
    if (at(x, p, end)) {
        p += n;
        return trim && p < x->end && *p == '\n' ? p + 1 : p;
    }
    return NULL;
}

// `\s*(\n|$)`: the end of a line statement at p, or NULL.
static const char *line_end(const struct lexer *x, const char *p)
{
    const char *q = skip_space(x, p), *nl = NULL;
    if (q == x->end)
        return q;
    for (const char *r = p; r < q; r++)
        if (*r == '\n')
            nl = r + 1;
    return nl;
}

static void lex_tag(struct lexer *x, enum start_kind kind)
{
    while (x->out->n == 0 || x->out->items[x->out->n - 1].type != T_ERROR) {
        const char *p = x->p, *next = NULL;
        bool line = kind == S_LINE_STATEMENT;
        if (p >= x->end && !(line && x->depth == 0))
            return;
        if (x->depth == 0) {
            if (line)
                next = line_end(x, p);
            else if (kind == S_BLOCK)
                next = close_at(x, p, x->block_end, true, x->o->trim_blocks);
            else
                next = close_at(x, p, x->var_end, false, false);
        }
        if (next) {
            push(x, kind == S_VARIABLE ? T_VARIABLE_END : T_BLOCK_END, p, next);
            x->p = next;
            x->line_starting = next > p && next[-1] == '\n';
            return;
        }
        lex_tag_token(x);
    }
}

// --- template data
// --------------------------------------------------------------------------------------------

// Behind "{%- raw -%}" at p, or NULL when there is no raw tag. *sign gets the sign of the start.
static const char *raw_tag(const struct lexer *x, const char *p, const char *word, bool end_tag,
                           char *sign)
{
    if (!at(x, p, x->block_start))
        return NULL;
    p += strlen(x->block_start);
    *sign = p < x->end && (*p == '-' || *p == '+') ? *p : 0;
    if (*sign)
        p++;
    p = skip_space(x, p);
    if (!at(x, p, word))
        return NULL;
    p = skip_space(x, p + strlen(word));
    if (p >= x->end)
        return NULL;
    return close_at(x, p, x->block_end, end_tag, end_tag && x->o->trim_blocks);
}

static const char *strip_before(const struct lexer *x, const char *from, const char *to, char sign,
                                enum start_kind kind)
{
    if (sign == '-') {
        while (to > from && space(to[-1]))
            to--;
    } else if (sign != '+' && x->o->lstrip_blocks && kind != S_VARIABLE) {
        const char *l = to;
        while (l > from && l[-1] != '\n')
            l--;
        if (l > from || x->line_starting) {
            const char *q = l;
            while (q < to && space(*q))
                q++;
            if (q == to)
                return l;
        }
    }
    return to;
}

static void lex_raw(struct lexer *x)
{
    for (const char *p = x->p; p < x->end; p++) {
        char sign;
        const char *next = *p == *x->block_start ? raw_tag(x, p, "endraw", true, &sign) : NULL;
        if (!next)
            continue;
        add_data(x, x->p, strip_before(x, x->p, p, sign, S_RAW));
        x->p = next;
        x->line_starting = next[-1] == '\n';
        return;
    }
    fail(x, x->p, "Missing end of raw directive");
}

static void lex_comment(struct lexer *x)
{
    for (const char *p = x->p; p < x->end; p++) {
        const char *next = close_at(x, p, x->comment_end, true, x->o->trim_blocks);
        if (!next)
            continue;
        x->p = next;
        x->line_starting = next[-1] == '\n';
        return;
    }
    fail(x, x->p, "Missing end of comment tag");
}

static void lex_line_comment(struct lexer *x)
{
    const char *nl = memchr(x->p, '\n', (size_t)(x->end - x->p));
    x->p = nl ? nl : x->end;
    x->line_starting = false;
}

// The place behind a line statement or comment prefix that starts at p, or NULL.
static const char *line_prefix(const struct lexer *x, const struct delim *d, const char *p)
{
    bool bol = p == x->src || p[-1] == '\n';
    const char *q = p;
    if (d->kind == S_LINE_STATEMENT) {
        if (!bol)
            return NULL;
        while (q < x->end && (*q == ' ' || *q == '\t' || *q == '\v'))
            q++;
    } else {
        if (!bol && space(p[-1]))
            return NULL;
        while (q < x->end && space(*q) && *q != '\n' && *q != '\r')
            q++;
    }
    return at(x, q, d->s) ? q + d->len : NULL;
}

// Which tag starts at p; *behind is the place behind its delimiter.
static enum start_kind start_at(const struct lexer *x, const char *p, const char **behind)
{
    char sign;
    const char *raw = *p == *x->block_start ? raw_tag(x, p, "raw", false, &sign) : NULL;
    if (raw) {
        *behind = p + strlen(x->block_start);
        return S_RAW;
    }
    for (size_t i = 0; i < x->n_delims; i++) {
        const struct delim *d = &x->delims[i];
        if (d->kind == S_LINE_STATEMENT || d->kind == S_LINE_COMMENT) {
            const char *q = line_prefix(x, d, p);
            if (q) {
                *behind = q;
                return d->kind;
            }
        } else if (at(x, p, d->s)) {
            *behind = p + d->len;
            return d->kind;
        }
    }
    return S_NONE;
}

static bool has_line_rules(const struct lexer *x)
{
    return x->o->line_statement_prefix || x->o->line_comment_prefix;
}

// Data up to the next tag, and that tag.
static void lex_data(struct lexer *x)
{
    const char *p = x->p, *behind = NULL;
    enum start_kind kind = S_NONE;
    bool every = has_line_rules(x);
    for (; p < x->end; p++) {
        if (!every && !x->starts[(unsigned char)*p])
            continue;
        kind = start_at(x, p, &behind);
        if (kind != S_NONE)
            break;
    }
    if (kind == S_NONE) {
        add_data(x, x->p, x->end);
        x->p = x->end;
        return;
    }
    char sign = behind < x->end && (*behind == '-' || *behind == '+') ? *behind : 0;
    add_data(x, x->p, strip_before(x, x->p, p, sign, kind));
    x->p = behind + (sign != 0);
    x->line_starting = x->p[-1] == '\n';
    if (kind == S_RAW) {
        x->p = raw_tag(x, p, "raw", false, &sign);
        x->line_starting = x->p[-1] == '\n';
        lex_raw(x);
    } else if (kind == S_COMMENT) {
        lex_comment(x);
    } else if (kind == S_LINE_COMMENT) {
        lex_line_comment(x);
    } else {
        push(x, kind == S_VARIABLE ? T_VARIABLE_BEGIN : T_BLOCK_BEGIN, p, x->p);
        lex_tag(x, kind);
    }
}

// --- set up
// ---------------------------------------------------------------------------------------------------

static void add_delim(struct lexer *x, enum start_kind kind, const char *s)
{
    if (!s || !*s)
        return;
    struct delim d = {kind, s, strlen(s)};
    size_t i = x->n_delims++;
    while (i > 0 && x->delims[i - 1].len < d.len) { // the longest wins; callers give ties in order
        x->delims[i] = x->delims[i - 1];
        i--;
    }
    x->delims[i] = d;
    x->starts[(unsigned char)*s] = true;
}

static const char *either(const char *s, const char *dflt)
{
    return s && *s ? s : dflt;
}

// Line ends become "\n" and one trailing newline goes, as jinja2 does before it looks at anything.
static const char *normalise(struct arena *a, const struct template_opts *o, const char *s,
                             size_t *len)
{
    if (memchr(s, '\r', *len)) {
        char *r = arena_alloc(a, *len + 1);
        size_t n = 0;
        for (size_t i = 0; i < *len; i++) {
            if (s[i] == '\r' && i + 1 < *len && s[i + 1] == '\n')
                continue;
            r[n++] = s[i] == '\r' ? '\n' : s[i];
        }
        s = r;
        *len = n;
    }
    if (!o->keep_trailing_newline && *len && s[*len - 1] == '\n')
        --*len;
    return s;
}

void lex(struct arena *a, const struct template_opts *o, const char *src, size_t len,
         enum lex_start start, struct token_array *ret)
{
    *ret = (struct token_array){0};
    src = normalise(a, o, src, &len);
    struct lexer x = {.a = a,
                      .o = o,
                      .p = src,
                      .src = src,
                      .end = src + len,
                      .line = 1,
                      .line_at = src,
                      .out = ret,
                      .line_starting = true};
    ret->src = src;
    ret->len = len;
    x.block_start = either(o->block_start, "{%");
    x.block_end = either(o->block_end, "%}");
    x.var_end = either(o->variable_end, "}}");
    x.comment_end = either(o->comment_end, "#}");
    add_delim(&x, S_VARIABLE, either(o->variable_start, "{{"));
    add_delim(&x, S_LINE_STATEMENT, o->line_statement_prefix);
    add_delim(&x, S_LINE_COMMENT, o->line_comment_prefix);
    add_delim(&x, S_COMMENT, either(o->comment_start, "{#"));
    add_delim(&x, S_BLOCK, x.block_start);
    if (len >= UINT32_MAX) {
        fail(&x, src, "template is too large");
        return;
    }
    if (start == LEX_EXPRESSION) {
        while (x.p < x.end && (ret->n == 0 || ret->items[ret->n - 1].type != T_ERROR))
            lex_tag_token(&x);
    }
    while (x.p < x.end && (ret->n == 0 || ret->items[ret->n - 1].type != T_ERROR))
        lex_data(&x);
    if (ret->n == 0 || ret->items[ret->n - 1].type != T_ERROR)
        push(&x, T_EOF, x.end, x.end);
}

const char *lex_escape_backslashes(struct arena *a, const struct template_opts *o, const char *src,
                                   size_t len, size_t *ret_len)
{
    *ret_len = len;
    if (!memchr(src, '\\', len) || !memmem(src, len, "{{", 2))
        return src;
    struct token_array t;
    lex(a, o, src, len, LEX_TEMPLATE, &t);
    struct buf b = BUF_INIT;
    size_t from = 0;
    bool in_var = false;
    for (size_t i = 0; i < t.n; i++) {
        const struct token *k = &t.items[i];
        if (k->type == T_VARIABLE_BEGIN || k->type == T_VARIABLE_END)
            in_var = k->type == T_VARIABLE_BEGIN;
        if (!in_var || k->type != T_STRING)
            continue;
        buf_add(&b, t.src + from, k->off - from);
        for (uint32_t j = 0; j < k->raw; j++) {
            char c = t.src[k->off + j];
            if (c == '\\')
                buf_addc(&b, c);
            buf_addc(&b, c);
        }
        from = k->off + k->raw;
    }
    if (from == 0 && t.items[t.n - 1].type != T_EOF) {
        buf_release(&b);
        return src;
    }
    buf_add(&b, t.src + from, t.len - from);
    char *r = arena_strndup(a, buf_str(&b), b.len);
    *ret_len = b.len;
    buf_release(&b);
    return r;
}

const char *token_type_name(enum token_type type)
{
    static const char *const names[] = {
        [T_EOF] = "end of template",
        [T_DATA] = "template data / text",
        [T_VARIABLE_BEGIN] = "begin of print statement",
        [T_VARIABLE_END] = "end of print statement",
        [T_BLOCK_BEGIN] = "begin of statement block",
        [T_BLOCK_END] = "end of statement block",
        [T_NAME] = "name",
        [T_STRING] = "string",
        [T_INT] = "integer",
        [T_FLOAT] = "float",
    };
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].type == type)
            return operators[i].s;
    return type < sizeof names / sizeof *names && names[type] ? names[type] : "?";
}
