// Expressions: jinja2's precedence by climbing, so that one level of nesting costs little stack.
#include "template/parse.h"

#include <stdio.h>
#include <string.h>

enum { BP_OR = 1, BP_AND, BP_NOT, BP_COMPARE, BP_ADD, BP_CONCAT, BP_MUL, BP_POW };

// --- primary expressions
// -----------------------------------------------------------------------------------

static struct node *name_or_constant(struct parser *p)
{
    static const struct {
        const char *s;
        uint8_t type;
        bool b;
    } words[] = {{"true", VALUE_BOOL, true},  {"false", VALUE_BOOL, false},
                 {"True", VALUE_BOOL, true},  {"False", VALUE_BOOL, false},
                 {"none", VALUE_NULL, false}, {"None", VALUE_NULL, false}};
    const struct token *k = p->cur;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!parse_is(p, words[i].s))
            continue;
        parse_next(p);
        return parse_make_const(
            p, words[i].type == VALUE_BOOL ? value_bool(words[i].b) : value_null(), k->line);
    }
    struct node *n = node_new(p, N_NAME, k->line);
    n->u.name = parse_intern(p, k->s, k->len);
    parse_next(p);
    return n;
}

// One or more adjacent string literals.
static struct node *string_literal(struct parser *p)
{
    const struct token *k = p->cur;
    struct buf b = BUF_INIT;
    for (; p->cur->type == T_STRING; parse_next(p))
        buf_add(&b, p->cur->s, p->cur->len);
    // equal literals are one object, as Python's (sameas)
    const struct name *text = parse_intern(p, buf_str(&b), b.len);
    buf_release(&b);
    return parse_make_const(p, value_ref(text->s, text->len), k->line);
}

// Items up to the closing bracket; with colon pairs for dicts.
static struct node *list_literal(struct parser *p, enum token_type close, bool pairs)
{
    struct node *n = node_new(p, pairs ? N_DICT : N_LIST, p->cur->line);
    struct nodes items = {0};
    parse_next(p);
    while (p->cur->type != close) {
        if (items.n && parse_expect(p, T_COMMA) < 0)
            return NULL;
        if (p->cur->type == close)
            break;
        struct node *x = parse_expression(p, true);
        if (!x)
            return NULL;
        nodes_add(p, &items, x);
        if (!pairs)
            continue;
        if (parse_expect(p, T_COLON) < 0 || !(x = parse_expression(p, true)))
            return NULL;
        nodes_add(p, &items, x);
    }
    n->u.list = nodes_done(&items);
    return parse_expect(p, close) < 0 ? NULL : parse_on_items(p, n, &items);
}

struct node *parse_primary(struct parser *p)
{
    const struct token *k = p->cur;
    struct node *n;
    switch (k->type) {
    case T_NAME:
        return name_or_constant(p);
    case T_STRING:
        return string_literal(p);
    case T_INT:
        parse_next(p);
        return parse_make_const(p, value_int(k->num.i), k->line);
    case T_FLOAT:
        parse_next(p);
        return parse_make_const(p, value_float(k->num.f), k->line);
    case T_LPAREN:
        parse_next(p);
        n = parse_tuple(p, false, true, true);
        return n && parse_expect(p, T_RPAREN) < 0 ? NULL : n;
    case T_LBRACKET:
        return list_literal(p, T_RBRACKET, false);
    case T_LBRACE:
        return list_literal(p, T_RBRACE, true);
    default:
        parse_fail(p, k, "unexpected '%s'", token_text(p, k));
        return NULL;
    }
}

struct node *parse_tuple(struct parser *p, bool simplified, bool with_cond, bool parentheses)
{
    struct nodes items = {0};
    bool is_tuple = false;
    uint32_t line = p->cur->line;
    for (;;) {
        if (items.n && parse_expect(p, T_COMMA) < 0)
            return NULL;
        enum token_type t = (enum token_type)p->cur->type;
        if (t == T_VARIABLE_END || t == T_BLOCK_END || t == T_RPAREN)
            break;
        struct node *x = simplified ? parse_primary(p) : parse_expression(p, with_cond);
        if (!x)
            return NULL;
        nodes_add(p, &items, x);
        if (p->cur->type != T_COMMA)
            break;
        is_tuple = true;
        line = p->cur->line;
    }
    if (!is_tuple && items.n)
        return items.items[0];
    if (!is_tuple && !parentheses) {
        parse_fail(p, p->cur, "Expected an expression, got '%s'", token_text(p, p->cur));
        return NULL;
    }
    struct node *n = node_new(p, N_TUPLE, line);
    n->u.list = nodes_done(&items);
    return parse_on_items(p, n, &items);
}

// --- operators
// ---------------------------------------------------------------------------------------------------

static struct node *negate(struct parser *p, struct node *x, bool minus, uint32_t line)
{
    if (x->kind == N_CONST && minus && x->u.value.type == VALUE_INT && x->u.value.u.i != INT64_MIN)
        return parse_make_const(p, value_int(-x->u.value.u.i), line);
    if (x->kind == N_CONST && minus && x->u.value.type == VALUE_FLOAT)
        return parse_make_const(p, value_float(-x->u.value.u.f), line);
    return parse_make2(p, minus ? N_NEG : N_POS, line, x, NULL);
}

static struct node *unary(struct parser *p, bool with_filter)
{
    struct node *n;
    uint32_t line = p->cur->line;
    bool minus = p->cur->type == T_SUB;
    if (!parse_enter(p))
        return NULL;
    if (minus || p->cur->type == T_ADD) {
        parse_next(p);
        n = unary(p, false);
        n = n ? negate(p, n, minus, line) : NULL;
    } else {
        n = parse_primary(p);
    }
    n = n ? parse_postfix(p, n) : NULL;
    if (n && with_filter)
        n = parse_filter_expr(p, n);
    p->depth--;
    return n;
}

// The binary operator at the current token: its binding power, or 0.
static int binary_power(const struct parser *p, uint8_t *op)
{
    switch (p->cur->type) {
    case T_POW:
        *op = OP_POW;
        return BP_POW;
    case T_MUL:
        *op = OP_MUL;
        return BP_MUL;
    case T_DIV:
        *op = OP_DIV;
        return BP_MUL;
    case T_FLOORDIV:
        *op = OP_FLOORDIV;
        return BP_MUL;
    case T_MOD:
        *op = OP_MOD;
        return BP_MUL;
    case T_ADD:
        *op = OP_ADD;
        return BP_ADD;
    case T_SUB:
        *op = OP_SUB;
        return BP_ADD;
    case T_TILDE:
        return BP_CONCAT;
    case T_EQ:
        *op = CMP_EQ;
        return BP_COMPARE;
    case T_NE:
        *op = CMP_NE;
        return BP_COMPARE;
    case T_LT:
        *op = CMP_LT;
        return BP_COMPARE;
    case T_LE:
        *op = CMP_LE;
        return BP_COMPARE;
    case T_GT:
        *op = CMP_GT;
        return BP_COMPARE;
    case T_GE:
        *op = CMP_GE;
        return BP_COMPARE;
    case T_NAME:
        break;
    default:
        return 0;
    }
    *op = parse_is(p, "in") ? CMP_IN : CMP_NOTIN;
    const struct token *next = parse_look(p);
    if (parse_is(p, "in") || (parse_is(p, "not") && next->type == T_NAME && next->len == 2 &&
                              memcmp(next->s, "in", 2) == 0))
        return BP_COMPARE;
    return parse_is(p, "and") ? BP_AND : parse_is(p, "or") ? BP_OR : 0;
}

static struct node *binary(struct parser *p, int min);

// a < b < c ... and a ~ b ~ c ... become one node each.
static struct node *chain(struct parser *p, struct node *left, int bp)
{
    struct nodes items = {0};
    uint8_t ops[64], op = 0;
    uint32_t line = p->cur->line;
    nodes_add(p, &items, left);
    while (binary_power(p, &op) == bp) {
        if (bp == BP_COMPARE) {
            if (items.n >= sizeof ops) {
                parse_fail(p, p->cur, "too many comparisons in a chain");
                return NULL;
            }
            ops[items.n - 1] = op;
            if (op == CMP_NOTIN)
                parse_next(p);
        }
        parse_next(p);
        struct node *x = binary(p, bp + 1);
        if (!x)
            return NULL;
        nodes_add(p, &items, x);
    }
    struct node *n = node_new(p, bp == BP_COMPARE ? N_COMPARE : N_CONCAT, line);
    n->u.compare.list = nodes_done(&items);
    if (bp == BP_COMPARE) {
        n->u.compare.ops = arena_alloc(p->a, items.n);
        memcpy(n->u.compare.ops, ops, items.n - 1);
    }
    return parse_on_items(p, n, &items);
}

static struct node *binary(struct parser *p, int min)
{
    struct node *left;
    if (!parse_enter(p))
        return NULL;
    if (min <= BP_NOT && parse_is(p, "not")) {
        uint32_t line = p->cur->line;
        parse_next(p);
        left = binary(p, BP_NOT);
        left = left ? parse_make2(p, N_NOT, line, left, NULL) : NULL;
    } else {
        left = unary(p, true);
    }
    uint8_t op = 0;
    int bp;
    while (left && (bp = binary_power(p, &op)) >= min && bp) {
        if (bp == BP_COMPARE || bp == BP_CONCAT) {
            left = chain(p, left, bp);
            continue;
        }
        uint32_t line = p->cur->line;
        parse_next(p);
        struct node *right = binary(p, bp + 1);
        left = right ? parse_make2(p,
                                   bp == BP_OR    ? N_OR
                                   : bp == BP_AND ? N_AND
                                                  : N_BINARY,
                                   line, left, right)
                     : NULL;
        if (left)
            left->op = op;
    }
    p->depth--;
    return left;
}

struct node *parse_expression(struct parser *p, bool with_cond)
{
    struct node *first = binary(p, BP_OR);
    while (first && with_cond && parse_is(p, "if")) {
        struct node *n = node_new(p, N_COND, p->cur->line);
        parse_next(p);
        n->u.kids.y = first;
        n->u.kids.x = binary(p, BP_OR);
        if (!n->u.kids.x)
            return NULL;
        if (parse_skip_name(p, "else")) {
            if (!parse_enter(p))
                return NULL;
            n->u.kids.z = parse_expression(p, true);
            p->depth--;
            if (!n->u.kids.z)
                return NULL;
        }
        n = parse_on(p, n, first);
        if (!n || !parse_on(p, n, n->u.kids.z))
            return NULL;
        first = n;
    }
    return first && p->e && p->e->code ? NULL : first;
}
