// The parser's own state, shared by the expression, statement and scope parts.
#ifndef TEMPLATE_PARSE_H
#define TEMPLATE_PARSE_H

#include "template/ast.h"
#include "template/lexer.h"

enum parse_mode { PARSE_TEMPLATE, PARSE_EXPRESSION };

// A node list while it grows.
struct nodes {
    struct node **items;
    uint32_t n, cap;
};

struct parser {
    struct template *tpl;
    struct arena *a;   // of the template
    struct arena *tmp; // freed after parsing
    struct token_array toks;
    size_t i;
    const struct token *cur;
    struct err *e;
    struct pos pos; // where the text starts
    char *stack;    // lowest address the parser may use
    int depth;
    const char *tags[64]; // open statements
    size_t n_tags;
    const char *const *ends[64]; // what each open statement list is waiting for
    size_t n_ends;
    struct name **names; // intern table
    size_t n_names, names_size;
};

// Parses text into *ret (one reference, owned by the caller). Errors are jinja2's messages with the
// position in the text, counted from pos. ERR_LIMIT when nested too deeply.
int template_parse(const struct template_opts *o, const char *text, size_t len, const char *name,
                   enum parse_mode mode, struct pos pos, struct template **ret, struct err *e);
void template_ref(struct template *t);
void template_unref(struct template *t);

// parse_expr.c
struct node *parse_expression(struct parser *p, bool with_cond);
struct node *parse_primary(struct parser *p);
// jinja2's parse_tuple: one expression, or several with commas.
struct node *parse_tuple(struct parser *p, bool simplified, bool with_cond, bool parentheses);

// parse_stmt.c
int parse_body(struct parser *p, const char *const *end_tags, struct node_list *ret);

// scope.c: gives every name its slot.
int scope_resolve(struct parser *p, struct node_list body);

// parse_call.c: what stands behind an operand, and filters and tests behind that.
struct node *parse_postfix(struct parser *p, struct node *n);
struct node *parse_filter_expr(struct parser *p, struct node *n);
struct node *parse_filter_chain(struct parser *p, struct node *subject, bool start_inline);

// parse.c
struct node *node_new(struct parser *p, enum node_kind kind, uint32_t line);
void nodes_add(struct parser *p, struct nodes *l, struct node *n);
struct node_list nodes_done(const struct nodes *l);
const struct name *parse_intern(struct parser *p, const char *s, size_t len);
int parse_fail(struct parser *p, const struct token *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool parse_next(struct parser *p); // false: an error was met
bool parse_is(const struct parser *p, const char *name);
bool parse_skip_name(struct parser *p, const char *name);
int parse_expect(struct parser *p, enum token_type type);
int parse_expect_name(struct parser *p, const char *name);
const struct name *parse_expect_ident(struct parser *p);
const struct token *parse_look(const struct parser *p);
const char *token_text(struct parser *p, const struct token *k);
bool parse_enter(struct parser *p); // deeper; false when too deep
// Notes that n stands on child; NULL when the tree gets too tall (long chains of operators nest to
// the left).
struct node *parse_on(struct parser *p, struct node *n, const struct node *child);
struct node *parse_on_items(struct parser *p, struct node *n, const struct nodes *l);
struct node *parse_make2(struct parser *p, enum node_kind kind, uint32_t line, struct node *x,
                         struct node *y);
struct node *parse_make_const(struct parser *p, struct value v, uint32_t line);

#endif
