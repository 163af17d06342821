// Tokens of a template.
#ifndef TEMPLATE_LEXER_H
#define TEMPLATE_LEXER_H

#include "core/buf.h"
#include "template/template.h"

enum token_type {
    T_EOF,
    T_ERROR, // s is the message
    T_DATA,
    T_VARIABLE_BEGIN,
    T_VARIABLE_END,
    T_BLOCK_BEGIN,
    T_BLOCK_END,
    T_NAME,
    T_STRING,
    T_INT,
    T_FLOAT,
    T_ADD,
    T_SUB,
    T_DIV,
    T_FLOORDIV,
    T_MUL,
    T_MOD,
    T_POW,
    T_TILDE,
    T_LBRACKET,
    T_RBRACKET,
    T_LPAREN,
    T_RPAREN,
    T_LBRACE,
    T_RBRACE,
    T_EQ,
    T_NE,
    T_GT,
    T_GE,
    T_LT,
    T_LE,
    T_ASSIGN,
    T_DOT,
    T_COLON,
    T_PIPE,
    T_COMMA,
    T_SEMICOLON,
};

struct token {
    uint8_t type;
    uint32_t line;
    uint32_t off;  // bytes from the start of the normalised source
    uint32_t raw;  // bytes the token takes there
    const char *s; // T_DATA, T_NAME, T_STRING (unescaped), T_ERROR; NUL-terminated but for T_NAME
    size_t len;
    union {
        int64_t i;
        double f;
    } num;
};

struct token_array {
    struct token *items;
    size_t n, cap;
    const char *src; // source with normalised line ends
    size_t len;
};

// Where the text starts: in template data, or already inside an expression.
enum lex_start { LEX_TEMPLATE, LEX_EXPRESSION };

// Splits text into tokens, all in arena a; the last one is T_EOF or T_ERROR. Text that refers to
// the source stays there, so src must live as long.
void lex(struct arena *a, const struct template_opts *o, const char *src, size_t len,
         enum lex_start start, struct token_array *ret);
// Ansible's rule for strings in {{ }}: backslashes are doubled, so that the text is taken as
// written. Returns src itself when there is nothing to do.
const char *lex_escape_backslashes(struct arena *a, const struct template_opts *o, const char *src,
                                   size_t len, size_t *ret_len);
// Name of a token's type as in messages ("end of print statement", "+").
const char *token_type_name(enum token_type type);

#endif
