// Lexer and Pratt parser of JMESPath.
#include "core/json.h"
#include "template/jmespath.h"
#include "template/unicode.h"

#include <ctype.h>
#include <string.h>

#define MAX_DEPTH 100
#define PROJECTION_STOP 10

enum token {
    T_END,
    T_NAME,
    T_QUOTED,
    T_LITERAL,
    T_NUMBER,
    T_CURRENT,
    T_RBRACKET,
    T_RPAREN,
    T_RBRACE,
    T_COMMA,
    T_COLON,
    T_REF,
    T_PIPE,
    T_OR,
    T_AND,
    T_COMPARE,
    T_FLATTEN,
    T_STAR,
    T_FILTER,
    T_DOT,
    T_NOT,
    T_LBRACE,
    T_LBRACKET,
    T_LPAREN,
};

static const unsigned char power[] = {
    [T_PIPE] = 1,    [T_OR] = 2,      [T_AND] = 3,       [T_COMPARE] = 5,
    [T_FLATTEN] = 9, [T_STAR] = 20,   [T_FILTER] = 21,   [T_DOT] = 40,
    [T_NOT] = 45,    [T_LBRACE] = 50, [T_LBRACKET] = 55, [T_LPAREN] = 60,
};

struct parser {
    struct call *c;
    struct text in;
    size_t i;
    enum token t; // the current one
    size_t at;    // where it starts
    struct text text;
    struct value val;
    int64_t n;
    char op;
    int depth;
    struct err *e;
};

static int bad(struct parser *p, const char *what)
{
    return fail_with(p->c, p->e,
                     "JMESPathError in json_query filter plugin:\nInvalid jmespath expression: %s "
                     "at column %zu, expression: \"%s\"",
                     what, p->at, p->in.s);
}

// Text between quotes; the quote itself can be escaped.
static bool quoted(struct parser *p, char quote, struct text *ret)
{
    size_t start = ++p->i;
    while (p->i < p->in.len && p->in.s[p->i] != quote)
        p->i += p->in.s[p->i] == '\\' && p->i + 1 < p->in.len ? 2 : 1;
    if (p->i >= p->in.len)
        return false;
    *ret = (struct text){p->in.s + start, p->i - start};
    p->i++;
    return true;
}

// Text without the backslashes in front of a quote.
static struct value unescaped(struct parser *p, struct text t, char quote)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < t.len; i++) {
        i += t.s[i] == '\\' && i + 1 < t.len && t.s[i + 1] == quote;
        buf_addc(&b, t.s[i]);
    }
    return take_buf(p->c, &b);
}

static int lex_quoted(struct parser *p, char ch)
{
    struct text t;
    if (!quoted(p, ch, &t))
        return bad(p, "unclosed delimiter");
    if (ch == '"') {
        struct value v;
        const char *json = arena_printf(p->c->arena, "\"%.*s\"", (int)t.len, t.s);
        if (json_parse(p->c->arena, json, t.len + 2, &v, NULL) < 0)
            return bad(p, "bad quoted identifier");
        p->t = T_QUOTED;
        p->text = (struct text){v.u.str.s, v.u.str.len};
        return 0;
    }
    p->t = T_LITERAL;
    p->val = unescaped(p, t, ch);
    if (ch == '`') {
        const char *s = p->val.u.str.s;
        if (json_parse(p->c->arena, s, p->val.u.str.len, &p->val, NULL) < 0) {
            while (isspace((unsigned char)*s)) // old form: bare text
                s++;
            p->val = value_cstr(s);
        }
    }
    return 0;
}

static bool follows(struct parser *p, char ch)
{
    if (p->i >= p->in.len || p->in.s[p->i] != ch)
        return false;
    p->i++;
    return true;
}

static int lex_sign(struct parser *p, char ch)
{
    static const char signs[] = "@])},:*.{(";
    static const enum token kinds[] = {T_CURRENT, T_RBRACKET, T_RPAREN, T_RBRACE, T_COMMA,
                                       T_COLON,   T_STAR,     T_DOT,    T_LBRACE, T_LPAREN};
    const char *hit = strchr(signs, ch);
    p->i++;
    if (hit)
        p->t = kinds[hit - signs];
    else if (ch == '[')
        p->t = follows(p, ']') ? T_FLATTEN : follows(p, '?') ? T_FILTER : T_LBRACKET;
    else if (ch == '|')
        p->t = follows(p, '|') ? T_OR : T_PIPE;
    else if (ch == '&')
        p->t = follows(p, '&') ? T_AND : T_REF;
    else if (ch == '!' && !follows(p, '='))
        p->t = T_NOT;
    else if (ch == '=' && !follows(p, '='))
        return bad(p, "unknown token '='");
    else if (strchr("!=<>", ch)) {
        p->t = T_COMPARE;
        p->op = ch;
        if ((ch == '<' || ch == '>') && follows(p, '='))
            p->op = ch == '<' ? 'l' : 'g';
    } else
        return bad(p, "unknown token");
    return 0;
}

static int advance(struct parser *p)
{
    while (p->i < p->in.len && isspace((unsigned char)p->in.s[p->i]))
        p->i++;
    p->at = p->i;
    if (p->i >= p->in.len) {
        p->t = T_END;
        return 0;
    }
    char ch = p->in.s[p->i];
    size_t start = p->i;
    if (isalpha((unsigned char)ch) || ch == '_') {
        while (p->i < p->in.len && (isalnum((unsigned char)p->in.s[p->i]) || p->in.s[p->i] == '_'))
            p->i++;
        p->t = T_NAME;
        p->text =
            (struct text){arena_strndup(p->c->arena, p->in.s + start, p->i - start), p->i - start};
        return 0;
    }
    if (ch == '"' || ch == '\'' || ch == '`')
        return lex_quoted(p, ch);
    if (isdigit((unsigned char)ch) || ch == '-') {
        p->i++;
        while (p->i < p->in.len && isdigit((unsigned char)p->in.s[p->i]))
            p->i++;
        p->t = T_NUMBER;
        return parse_int(p->in.s + start, p->i - start, 10, &p->n) ? 0 : bad(p, "bad number");
    }
    return ch ? lex_sign(p, ch) : bad(p, "unknown token");
}

static struct jp_node *make(struct parser *p, enum jp_kind k, struct jp_node *x, struct jp_node *y)
{
    struct jp_node *n = arena_new_of(p->c->arena, struct jp_node);
    *n = (struct jp_node){.kind = k, .x = x, .y = y};
    return n;
}

static int expect(struct parser *p, enum token t, const char *what)
{
    return p->t == t ? advance(p) : bad(p, what);
}

static int expression(struct parser *p, int rbp, struct jp_node **ret);

static void add_kid(struct parser *p, struct jp_node *n, struct text name, struct jp_node *kid)
{
    struct jp_node **kids = arena_array(p->c->arena, struct jp_node *, n->n_kids + 1);
    struct text *names = arena_array(p->c->arena, struct text, n->n_kids + 1);
    if (n->n_kids) {
        memcpy(kids, n->kids, n->n_kids * sizeof *kids);
        memcpy(names, n->names, n->n_kids * sizeof *names);
    }
    kids[n->n_kids] = kid;
    names[n->n_kids++] = name;
    n->kids = kids;
    n->names = names;
}

// Expressions separated by commas up to a closing token.
static int kids_until(struct parser *p, enum token close, bool named, struct jp_node *n)
{
    for (int rc = 0;;) {
        struct text name = {"", 0};
        struct jp_node *kid;
        if (named) {
            if (p->t != T_NAME && p->t != T_QUOTED)
                return bad(p, "expected a key");
            name = p->text;
            rc = advance(p);
            if (rc >= 0)
                rc = expect(p, T_COLON, "expected ':'");
        }
        if (rc >= 0)
            rc = expression(p, 0, &kid);
        if (rc < 0)
            return rc;
        add_kid(p, n, name, kid);
        if (p->t == close)
            return advance(p);
        rc = expect(p, T_COMMA, "expected ','");
        if (rc < 0)
            return rc;
    }
}

static int dot_rhs(struct parser *p, int rbp, struct jp_node **ret)
{
    if (p->t == T_NAME || p->t == T_QUOTED || p->t == T_STAR)
        return expression(p, rbp, ret);
    bool list = p->t == T_LBRACKET;
    if (!list && p->t != T_LBRACE)
        return bad(p, "expected a name, '*', '[' or '{'");
    int rc = advance(p);
    *ret = make(p, list ? JP_LIST : JP_HASH, NULL, NULL);
    return rc < 0 ? rc : kids_until(p, list ? T_RBRACKET : T_RBRACE, !list, *ret);
}

// What is applied to every item of a projection.
static int projection_rhs(struct parser *p, int rbp, struct jp_node **ret)
{
    if (power[p->t] < PROJECTION_STOP) {
        *ret = make(p, JP_IDENTITY, NULL, NULL);
        return 0;
    }
    if (p->t == T_LBRACKET || p->t == T_FILTER)
        return expression(p, rbp, ret);
    if (p->t != T_DOT)
        return bad(p, "syntax error");
    int rc = advance(p);
    return rc < 0 ? rc : dot_rhs(p, rbp, ret);
}

static int projection(struct parser *p, enum jp_kind k, struct jp_node *left, int rbp,
                      struct jp_node **ret)
{
    struct jp_node *right;
    int rc = projection_rhs(p, rbp, &right);
    *ret = make(p, k, left, right);
    return rc;
}

// "3]" or "1:2:3]" behind a bracket.
static int index_or_slice(struct parser *p, struct jp_node *left, struct jp_node **ret)
{
    struct jp_node *n = make(p, JP_INDEX, left, NULL);
    int part = 0, rc = 0;
    for (; rc >= 0 && p->t != T_RBRACKET; rc = advance(p)) {
        if (p->t == T_COLON && part < 2) {
            part++;
            n->kind = JP_SLICE;
        } else if (p->t == T_NUMBER && !n->given[part]) {
            n->part[part] = n->n = p->n;
            n->given[part] = true;
        } else {
            return bad(p, "bad index");
        }
    }
    if (rc >= 0)
        rc = advance(p);
    *ret = n;
    if (rc < 0 || n->kind == JP_INDEX)
        return rc;
    return projection(p, JP_PROJECT, n, power[T_STAR], ret);
}

static int filter(struct parser *p, struct jp_node *left, struct jp_node **ret)
{
    struct jp_node *cond, *right;
    int rc = expression(p, 0, &cond);
    if (rc >= 0)
        rc = expect(p, T_RBRACKET, "expected ']'");
    if (rc < 0)
        return rc;
    if (p->t == T_FLATTEN)
        right = make(p, JP_IDENTITY, NULL, NULL);
    else
        rc = projection_rhs(p, power[T_FILTER], &right);
    if (rc < 0)
        return rc;
    *ret = make(p, JP_FILTER, left, right);
    (*ret)->z = cond;
    return 0;
}

static int bracket(struct parser *p, struct jp_node *left, bool prefix, struct jp_node **ret)
{
    struct jp_node *from = left ? left : make(p, JP_IDENTITY, NULL, NULL);
    if (p->t == T_NUMBER || p->t == T_COLON)
        return index_or_slice(p, from, ret);
    if (p->t == T_STAR) {
        size_t i = p->i;
        while (i < p->in.len && isspace((unsigned char)p->in.s[i]))
            i++;
        if (!prefix || (i < p->in.len && p->in.s[i] == ']')) {
            int rc = advance(p);
            if (rc >= 0)
                rc = expect(p, T_RBRACKET, "expected ']'");
            return rc < 0 ? rc : projection(p, JP_PROJECT, from, power[T_STAR], ret);
        }
    }
    if (!prefix)
        return bad(p, "expected a number, ':' or '*'");
    *ret = make(p, JP_LIST, NULL, NULL);
    return kids_until(p, T_RBRACKET, false, *ret);
}

static int prefix(struct parser *p, struct jp_node **ret)
{
    enum token t = p->t;
    struct jp_node *n = make(p, JP_IDENTITY, NULL, NULL), *x;
    n->text = p->text;
    n->val = p->val;
    *ret = n;
    int rc = t == T_END ? bad(p, "unexpected end") : advance(p);
    if (rc < 0)
        return rc;
    switch ((int)t) {
    case T_NAME:
    case T_QUOTED:
        n->kind = JP_FIELD;
        return t == T_QUOTED && p->t == T_LPAREN
                   ? bad(p, "quoted identifier not allowed for function names")
                   : 0;
    case T_LITERAL:
        n->kind = JP_LITERAL;
        return 0;
    case T_CURRENT:
        n->kind = JP_CURRENT;
        return 0;
    case T_STAR:
        if (p->t == T_RBRACKET) {
            *ret = make(p, JP_VALUES, n, make(p, JP_IDENTITY, NULL, NULL));
            return 0;
        }
        return projection(p, JP_VALUES, n, power[T_STAR], ret);
    case T_FILTER:
        return filter(p, n, ret);
    case T_FLATTEN:
        return projection(p, JP_PROJECT, make(p, JP_FLATTEN, n, NULL), power[T_FLATTEN], ret);
    case T_LBRACE:
        n->kind = JP_HASH;
        return kids_until(p, T_RBRACE, true, n);
    case T_LBRACKET:
        return bracket(p, NULL, true, ret);
    case T_LPAREN:
        rc = expression(p, 0, ret);
        return rc < 0 ? rc : expect(p, T_RPAREN, "expected ')'");
    case T_NOT:
    case T_REF:
        rc = expression(p, power[t == T_NOT ? T_NOT : T_LPAREN], &x);
        *ret = make(p, t == T_NOT ? JP_NOT : JP_REF, x, NULL);
        return rc;
    default:
        return bad(p, "syntax error");
    }
}

static int infix(struct parser *p, struct jp_node *left, struct jp_node **ret)
{
    enum token t = p->t;
    char op = p->op;
    struct jp_node *right;
    int rc = advance(p);
    if (rc < 0)
        return rc;
    switch ((int)t) {
    case T_DOT:
        if (p->t == T_STAR) {
            rc = advance(p);
            return rc < 0 ? rc : projection(p, JP_VALUES, left, power[T_STAR], ret);
        }
        rc = dot_rhs(p, power[T_DOT], &right);
        *ret = make(p, JP_SUB, left, right);
        return rc;
    case T_PIPE:
    case T_OR:
    case T_AND:
    case T_COMPARE:
        rc = expression(p, power[t], &right);
        *ret = make(p,
                    t == T_PIPE  ? JP_SUB
                    : t == T_OR  ? JP_OR
                    : t == T_AND ? JP_AND
                                 : JP_COMPARE,
                    left, right);
        (*ret)->op = op;
        return rc;
    case T_LPAREN:
        if (left->kind != JP_FIELD)
            return bad(p, "invalid function name");
        *ret = make(p, JP_CALL, NULL, NULL);
        (*ret)->text = left->text;
        return p->t == T_RPAREN ? advance(p) : kids_until(p, T_RPAREN, false, *ret);
    case T_FILTER:
        return filter(p, left, ret);
    case T_FLATTEN:
        return projection(p, JP_PROJECT, make(p, JP_FLATTEN, left, NULL), power[T_FLATTEN], ret);
    case T_LBRACKET:
        return bracket(p, left, false, ret);
    default:
        return bad(p, "syntax error");
    }
}

static int expression(struct parser *p, int rbp, struct jp_node **ret)
{
    if (++p->depth > MAX_DEPTH)
        return bad(p, "nested too deeply");
    int rc = prefix(p, ret);
    while (rc >= 0 && rbp < power[p->t])
        rc = infix(p, *ret, ret);
    p->depth--;
    return rc;
}

int jp_parse(struct call *c, struct text expr, struct jp_node **ret, struct err *e)
{
    struct parser p = {.c = c, .in = expr, .e = e};
    int rc = advance(&p);
    if (rc >= 0)
        rc = expression(&p, 0, ret);
    if (rc >= 0 && p.t != T_END)
        rc = bad(&p, "unexpected token");
    return rc;
}
