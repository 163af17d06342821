// What the parser's parts stand on: nodes, names, and the tokens in front of it.
#include "template/parse.h"

#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 120
#define MAX_HEIGHT 400

struct node *node_new(struct parser *p, enum node_kind kind, uint32_t line)
{
    struct node *n = arena_new_of(p->a, struct node);
    n->kind = (uint8_t)kind;
    n->line = line;
    n->off = p->cur ? p->cur->off : 0;
    return n;
}

void nodes_add(struct parser *p, struct nodes *l, struct node *n)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 4;
        struct node **items = arena_array(p->a, struct node *, cap);
        if (l->n)
            memcpy(items, l->items, l->n * sizeof(struct node *));
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = n;
}

// A list's height is that of its tallest item.
struct node *parse_on_items(struct parser *p, struct node *n, const struct nodes *l)
{
    for (uint32_t i = 0; n && i < l->n; i++)
        n = parse_on(p, n, l->items[i]);
    return n;
}

struct node_list nodes_done(const struct nodes *l)
{
    return (struct node_list){l->items, l->n};
}

const struct name *parse_intern(struct parser *p, const char *s, size_t len)
{
    struct value v = value_ref(s, len);
    uint32_t hash = value_hash(&v);
    if (p->n_names >= p->names_size) {
        size_t size = p->names_size ? p->names_size * 2 : 32;
        struct name **names = arena_array(p->tmp, struct name *, size);
        for (size_t i = 0; i < p->names_size; i++)
            for (struct name *n = p->names[i], *next; n; n = next) {
                next = n->next;
                n->next = names[n->hash & (size - 1)];
                names[n->hash & (size - 1)] = n;
            }
        p->names = names;
        p->names_size = size;
    }
    struct name **slot = &p->names[hash & (p->names_size - 1)];
    for (struct name *n = *slot; n; n = n->next)
        if (n->hash == hash && n->len == len && memcmp(n->s, s, len) == 0)
            return n;
    struct name *n = arena_new_of(p->a, struct name);
    *n = (struct name){arena_strndup(p->a, s, len), (uint32_t)len, hash, *slot};
    *slot = n;
    p->n_names++;
    return n;
}

int parse_fail(struct parser *p, const struct token *at, const char *fmt, ...)
{
    if (p->e && p->e->code)
        return p->e->code;
    struct pos pos = p->pos;
    uint32_t line = 1, col = 1, off = at->off;
    for (const char *s = p->toks.src; s < p->toks.src + off; s++) {
        if (*s == '\n') {
            line++;
            col = 1;
        } else if (((unsigned char)*s & 0xc0) != 0x80) {
            col++;
        }
    }
    if (!pos.line)
        pos.line = pos.col = 1;
    col = line == 1 ? pos.col + col - 1 : col;
    pos.col = (uint16_t)(col > UINT16_MAX ? UINT16_MAX : col);
    pos.line += line - 1;
    va_list ap;
    va_start(ap, fmt);
    int rc = err_vset(p->e, ERR_PARSE, pos, fmt, ap);
    va_end(ap);
    return rc;
}

bool parse_enter(struct parser *p)
{
    if (++p->depth <= MAX_DEPTH && (char *)__builtin_frame_address(0) > p->stack)
        return true;
    if (!p->e || !p->e->code)
        err_set(p->e, ERR_LIMIT, p->pos, "recursive loop detected in template string");
    return false;
}

const struct token *parse_look(const struct parser *p)
{
    return p->i + 1 < p->toks.n ? &p->toks.items[p->i + 1] : p->cur;
}

// Moves on; an error token is raised when it becomes current, as jinja2's lazy stream does.
bool parse_next(struct parser *p)
{
    if (p->i + 1 < p->toks.n)
        p->cur = &p->toks.items[++p->i];
    if (p->cur->type != T_ERROR)
        return true;
    parse_fail(p, p->cur, "%s", p->cur->s);
    return false;
}

bool parse_is(const struct parser *p, const char *name)
{
    return p->cur->type == T_NAME && p->cur->len == strlen(name) &&
           memcmp(p->cur->s, name, p->cur->len) == 0;
}

bool parse_skip_name(struct parser *p, const char *name)
{
    if (!parse_is(p, name))
        return false;
    parse_next(p);
    return true;
}

const char *token_text(struct parser *p, const struct token *k)
{
    return k->type == T_NAME ? arena_strndup(p->tmp, k->s, k->len)
                             : token_type_name((enum token_type)k->type);
}

static int expected(struct parser *p, const char *what)
{
    if (p->cur->type == T_ERROR)
        return parse_fail(p, p->cur, "%s", p->cur->s);
    if (p->cur->type == T_EOF)
        return parse_fail(p, p->cur, "unexpected end of template, expected '%s'.", what);
    return parse_fail(p, p->cur, "expected token '%s', got '%s'", what, token_text(p, p->cur));
}

int parse_expect(struct parser *p, enum token_type type)
{
    if (p->cur->type != type)
        return expected(p, token_type_name(type));
    return parse_next(p) ? 0 : ERR_PARSE;
}

int parse_expect_name(struct parser *p, const char *name)
{
    if (!parse_is(p, name))
        return expected(p, name);
    return parse_next(p) ? 0 : ERR_PARSE;
}

const struct name *parse_expect_ident(struct parser *p)
{
    if (p->cur->type != T_NAME) {
        expected(p, "name");
        return NULL;
    }
    const struct name *n = parse_intern(p, p->cur->s, p->cur->len);
    return parse_next(p) ? n : NULL;
}

struct node *parse_on(struct parser *p, struct node *n, const struct node *child)
{
    if (child && child->off < n->off)
        n->off = child->off;
    if (child && child->height >= n->height)
        n->height = (uint16_t)(child->height + 1);
    if (n->height <= MAX_HEIGHT)
        return n;
    if (!p->e->code)
        err_set(p->e, ERR_LIMIT, p->pos, "recursive loop detected in template string");
    return NULL;
}

struct node *parse_make2(struct parser *p, enum node_kind kind, uint32_t line, struct node *x,
                         struct node *y)
{
    struct node *n = node_new(p, kind, line);
    n->u.kids.x = x;
    n->u.kids.y = y;
    return parse_on(p, n, x) ? parse_on(p, n, y) : NULL;
}

struct node *parse_make_const(struct parser *p, struct value v, uint32_t line)
{
    struct node *n = node_new(p, N_CONST, line);
    n->u.value = v;
    return n;
}
