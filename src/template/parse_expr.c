// Expressions: jinja2's precedence by climbing, so that one level of nesting costs little stack.
#include "template/parse.h"

#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 120
#define MAX_HEIGHT 400

// Binding powers, weakest first.
enum { BP_OR = 1, BP_AND, BP_NOT, BP_COMPARE, BP_ADD, BP_CONCAT, BP_MUL, BP_POW };

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
static struct node *on_items(struct parser *p, struct node *n, const struct nodes *l)
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

static struct node *make2(struct parser *p, enum node_kind kind, uint32_t line, struct node *x,
                          struct node *y)
{
    struct node *n = node_new(p, kind, line);
    n->u.kids.x = x;
    n->u.kids.y = y;
    return parse_on(p, n, x) ? parse_on(p, n, y) : NULL;
}

static struct node *make_const(struct parser *p, struct value v, uint32_t line)
{
    struct node *n = node_new(p, N_CONST, line);
    n->u.value = v;
    return n;
}

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
        return make_const(p, words[i].type == VALUE_BOOL ? value_bool(words[i].b) : value_null(),
                          k->line);
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
    return make_const(p, value_ref(text->s, text->len), k->line);
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
    return parse_expect(p, close) < 0 ? NULL : on_items(p, n, &items);
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
        return make_const(p, value_int(k->num.i), k->line);
    case T_FLOAT:
        parse_next(p);
        return make_const(p, value_float(k->num.f), k->line);
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
    return on_items(p, n, &items);
}

// --- calls, filters, tests, subscripts
// ---------------------------------------------------------------------------

struct arg_lists {
    struct nodes pos, kw, names; // names are N_NAME-less: kept as struct name in `node.u.name`
    struct call_args *args;
};

static int one_arg(struct parser *p, const struct token *open, struct arg_lists *l)
{
    struct call_args *a = l->args;
    bool star = p->cur->type == T_MUL, star2 = p->cur->type == T_POW;
    bool kw = p->cur->type == T_NAME && parse_look(p)->type == T_ASSIGN;
    bool ok = star    ? !a->dyn_args && !a->dyn_kwargs
              : star2 ? !a->dyn_kwargs
              : kw    ? !a->dyn_kwargs
                      : !a->dyn_args && !a->dyn_kwargs && !l->kw.n;
    if (!ok)
        return parse_fail(p, open, "invalid syntax for function call expression");
    struct node *key = NULL;
    if (kw) {
        key = node_new(p, N_NAME, p->cur->line);
        key->u.name = parse_intern(p, p->cur->s, p->cur->len);
        parse_next(p);
    }
    if (star || star2 || kw)
        parse_next(p);
    struct node *x = parse_expression(p, true);
    if (!x)
        return ERR_PARSE;
    if (star) {
        a->dyn_args = x;
    } else if (star2) {
        a->dyn_kwargs = x;
    } else if (kw) {
        nodes_add(p, &l->names, key);
        nodes_add(p, &l->kw, x);
    } else {
        nodes_add(p, &l->pos, x);
    }
    return 0;
}

static bool all_constant(const struct node_list *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (l->items[i]->kind != N_CONST)
            return false;
    return l->n > 0;
}

// Arguments that are constants are put together now instead of at every call.
static void fold_args(struct parser *p, struct call_args *a)
{
    if (!a->dyn_args && all_constant(&a->pos)) {
        struct value *v = arena_array(p->a, struct value, a->pos.n);
        for (uint32_t i = 0; i < a->pos.n; i++)
            v[i] = a->pos.items[i]->u.value;
        a->constants = v;
    }
    if (!a->dyn_kwargs && all_constant(&a->kw)) {
        struct dict *d = value_dict(p->a).u.dict;
        for (uint32_t i = 0; i < a->kw.n; i++)
            dict_setv(d, value_ref(a->kw_names[i]->s, a->kw_names[i]->len),
                      a->kw.items[i]->u.value);
        a->constant_kwargs = d;
    }
}

static struct call_args *parse_args(struct parser *p)
{
    const struct token *open = p->cur;
    struct arg_lists l = {.args = arena_new_of(p->a, struct call_args)};
    if (parse_expect(p, T_LPAREN) < 0)
        return NULL;
    for (bool more = false; p->cur->type != T_RPAREN; more = true) {
        if (more) {
            if (parse_expect(p, T_COMMA) < 0)
                return NULL;
            if (p->cur->type == T_RPAREN)
                break;
        }
        if (one_arg(p, open, &l) < 0)
            return NULL;
    }
    l.args->pos = nodes_done(&l.pos);
    l.args->kw = nodes_done(&l.kw);
    l.args->kw_names = arena_array(p->a, struct name *, l.kw.n);
    for (uint32_t i = 0; i < l.kw.n; i++)
        memcpy(&l.args->kw_names[i], &l.names.items[i]->u.name, sizeof(struct name *));
    fold_args(p, l.args);
    return parse_expect(p, T_RPAREN) < 0 ? NULL : l.args;
}

static bool is_mutator(const struct name *n)
{
    static const char *const names[] = {"append",     "extend",  "insert",  "pop",
                                        "remove",     "clear",   "update",  "sort",
                                        "setdefault", "reverse", "popitem", "add"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], n->s) == 0)
            return true;
    return false;
}

static struct node *make_call(struct parser *p, struct node *callee)
{
    struct node *n = node_new(p, N_CALL, p->cur->line);
    n->u.call.obj = callee;
    n->u.call.args = parse_args(p);
    return n->u.call.args ? parse_on(p, n, callee) : NULL;
}

static struct node *subscribed(struct parser *p)
{
    struct node *n = node_new(p, N_SLICE, p->cur->line);
    if (p->cur->type != T_COLON) {
        struct node *x = parse_expression(p, true);
        if (!x || p->cur->type != T_COLON)
            return x;
        n->u.kids.x = x;
    }
    parse_next(p);
    if (p->cur->type != T_COLON && p->cur->type != T_RBRACKET && p->cur->type != T_COMMA &&
        !(n->u.kids.y = parse_expression(p, true)))
        return NULL;
    if (p->cur->type == T_COLON) {
        parse_next(p);
        if (p->cur->type != T_RBRACKET && p->cur->type != T_COMMA &&
            !(n->u.kids.z = parse_expression(p, true)))
            return NULL;
    }
    return n;
}

static struct node *make_getattr(struct parser *p, struct node *obj, const struct name *name,
                                 uint32_t line)
{
    struct dict none = {0};
    struct value dummy = {.type = VALUE_DICT, .u.dict = &none};
    struct node *n = node_new(p, N_GETATTR, line);
    n->u.attr.obj = obj;
    n->u.attr.name = name;
    n->u.attr.dict_method = method_find(&dummy, name->s, name->len);
    if (is_mutator(name))
        p->tpl->mutates = true;
    return parse_on(p, n, obj);
}

static struct node *dot(struct parser *p, struct node *obj)
{
    uint32_t line = p->cur->line;
    parse_next(p);
    const struct token *k = p->cur;
    if (k->type == T_NAME) {
        const struct name *name = parse_intern(p, k->s, k->len);
        parse_next(p);
        return make_getattr(p, obj, name, line);
    }
    if (k->type != T_INT) {
        if (k->type != T_ERROR)
            parse_next(p);
        parse_fail(p, k, "expected name or number");
        return NULL;
    }
    parse_next(p);
    return make2(p, N_GETITEM, line, obj, make_const(p, value_int(k->num.i), k->line));
}

static struct node *subscript(struct parser *p, struct node *obj)
{
    uint32_t line = p->cur->line;
    struct nodes items = {0};
    parse_next(p);
    while (p->cur->type != T_RBRACKET) {
        if (items.n && parse_expect(p, T_COMMA) < 0)
            return NULL;
        struct node *x = subscribed(p);
        if (!x)
            return NULL;
        nodes_add(p, &items, x);
    }
    if (parse_expect(p, T_RBRACKET) < 0)
        return NULL;
    struct node *arg = items.n == 1 ? items.items[0] : node_new(p, N_TUPLE, line);
    if (items.n != 1)
        arg->u.list = nodes_done(&items);
    else if (arg->kind == N_CONST && arg->u.value.type == VALUE_STRING &&
             is_mutator(parse_intern(p, arg->u.value.u.str.s, arg->u.value.u.str.len)))
        p->tpl->mutates = true;
    return make2(p, N_GETITEM, line, obj, arg);
}

static struct node *postfix(struct parser *p, struct node *n)
{
    while (n) {
        if (p->cur->type == T_DOT)
            n = dot(p, n);
        else if (p->cur->type == T_LBRACKET)
            n = subscript(p, n);
        else if (p->cur->type == T_LPAREN)
            n = make_call(p, n);
        else
            break;
    }
    return n;
}

// A filter's or test's dotted name.
static const struct name *dotted(struct parser *p)
{
    const struct name *first = parse_expect_ident(p);
    if (!first || p->cur->type != T_DOT)
        return first;
    struct buf b = BUF_INIT;
    buf_add(&b, first->s, first->len);
    while (p->cur->type == T_DOT) {
        parse_next(p);
        const struct name *n = parse_expect_ident(p);
        if (!n) {
            buf_release(&b);
            return NULL;
        }
        buf_addc(&b, '.');
        buf_add(&b, n->s, n->len);
    }
    first = parse_intern(p, buf_str(&b), b.len);
    buf_release(&b);
    return first;
}

static const struct builtin *find_builtin(struct parser *p, bool test, const struct name *name,
                                          const struct token *at)
{
    static const char prefix[] = "ansible.builtin.", legacy[] = "ansible.legacy.";
    const char *s = name->s;
    size_t len = name->len;
    if (strncmp(s, prefix, sizeof prefix - 1) == 0) {
        s += sizeof prefix - 1;
        len -= sizeof prefix - 1;
    } else if (strncmp(s, legacy, sizeof legacy - 1) == 0) {
        s += sizeof legacy - 1;
        len -= sizeof legacy - 1;
    }
    const struct builtin *b = test ? test_find(s, len) : filter_find(s, len);
    if (b)
        return b;
    const char *last = strrchr(name->s, '.');
    if (last && last == strchr(name->s, '.'))
        parse_fail(p, at, "Could not load \"%s\": 'invalid plugin name: %s'", name->s, name->s);
    else if (!last)
        parse_fail(p, at, "Could not load \"%s\": '%s'", name->s, name->s);
    else
        parse_fail(
            p, at,
            "Could not load \"%s\": 'Invalid plugin FQCN (%s): unable to locate collection %.*s'",
            name->s, name->s, (int)(last - name->s), name->s);
    return NULL;
}

// Filters whose text Ansible keeps as text (STRING_TYPE_FILTERS).
static bool gives_native_text(const char *name)
{
    static const char *const names[] = {"string",       "to_json", "to_nice_json", "to_yaml",
                                        "to_nice_yaml", "ppretty", "json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

struct node *parse_filter_chain(struct parser *p, struct node *n, bool start_inline)
{
    while (p->cur->type == T_PIPE || start_inline) {
        if (!start_inline)
            parse_next(p);
        start_inline = false;
        const struct token *k = p->cur;
        struct node *f = node_new(p, N_FILTER, k->line);
        f->u.call.obj = n;
        f->u.call.name = dotted(p);
        if (!f->u.call.name)
            return NULL;
        if (p->cur->type == T_LPAREN && !(f->u.call.args = parse_args(p)))
            return NULL;
        f->u.call.fn = find_builtin(p, false, f->u.call.name, k);
        if (!f->u.call.fn)
            return NULL;
        f->flag = gives_native_text(f->u.call.fn->name);
        n = parse_on(p, f, n);
        if (!n)
            return NULL;
    }
    return n;
}

static bool starts_operand(const struct parser *p)
{
    switch (p->cur->type) {
    case T_NAME:
        return !parse_is(p, "else") && !parse_is(p, "or") && !parse_is(p, "and");
    case T_STRING:
    case T_INT:
    case T_FLOAT:
    case T_LBRACKET:
    case T_LBRACE:
        return true;
    default:
        return false;
    }
}

static struct node *parse_test(struct parser *p, struct node *subject)
{
    struct node *n = node_new(p, N_TEST, p->cur->line);
    parse_next(p);
    n->op = parse_skip_name(p, "not");
    const struct token *k = p->cur;
    n->u.call.obj = subject;
    n->u.call.name = dotted(p);
    if (!n->u.call.name)
        return NULL;
    if (p->cur->type == T_LPAREN) {
        n->u.call.args = parse_args(p);
        if (!n->u.call.args)
            return NULL;
    } else if (starts_operand(p)) {
        if (parse_is(p, "is")) {
            parse_fail(p, p->cur, "You cannot chain multiple tests with is");
            return NULL;
        }
        struct nodes one = {0};
        struct node *x = parse_primary(p);
        x = x ? postfix(p, x) : NULL;
        if (!x)
            return NULL;
        nodes_add(p, &one, x);
        n->u.call.args = arena_new_of(p->a, struct call_args);
        n->u.call.args->pos = nodes_done(&one);
        fold_args(p, n->u.call.args);
    }
    n->u.call.fn = find_builtin(p, true, n->u.call.name, k);
    return n->u.call.fn ? parse_on(p, n, subject) : NULL;
}

static struct node *filter_expr(struct parser *p, struct node *n)
{
    while (n) {
        if (p->cur->type == T_PIPE)
            n = parse_filter_chain(p, n, false);
        else if (parse_is(p, "is"))
            n = parse_test(p, n);
        else if (p->cur->type == T_LPAREN)
            n = make_call(p, n);
        else
            break;
    }
    return n;
}

// --- operators
// ---------------------------------------------------------------------------------------------------

static struct node *negate(struct parser *p, struct node *x, bool minus, uint32_t line)
{
    if (x->kind == N_CONST && minus && x->u.value.type == VALUE_INT && x->u.value.u.i != INT64_MIN)
        return make_const(p, value_int(-x->u.value.u.i), line);
    if (x->kind == N_CONST && minus && x->u.value.type == VALUE_FLOAT)
        return make_const(p, value_float(-x->u.value.u.f), line);
    return make2(p, minus ? N_NEG : N_POS, line, x, NULL);
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
    n = n ? postfix(p, n) : NULL;
    if (n && with_filter)
        n = filter_expr(p, n);
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
    return on_items(p, n, &items);
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
        left = left ? make2(p, N_NOT, line, left, NULL) : NULL;
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
        left = right ? make2(p,
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
