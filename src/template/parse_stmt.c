// Statements, and the parser's entry.
#include "template/parse.h"

#include <string.h>

#define STACK_FOR_PARSING (96 * 1024)

static struct node *statement(struct parser *p);

// --- assignment targets
// ------------------------------------------------------------------------------------------

static const char *kind_name(const struct node *n)
{
    return n->kind == N_CONST   ? "const"
           : n->kind == N_LIST  ? "list"
           : n->kind == N_DICT  ? "dict"
           : n->kind == N_TUPLE ? "tuple"
                                : "expression";
}

static bool can_assign(const struct node *n)
{
    if (n->kind == N_TUPLE) {
        for (uint32_t i = 0; i < n->u.list.n; i++)
            if (!can_assign(n->u.list.items[i]))
                return false;
        return true;
    }
    return n->kind == N_NAME || n->kind == N_NSREF;
}

static struct node *target(struct parser *p, bool namespace)
{
    const struct token *k = p->cur;
    struct node *n;
    if (namespace && parse_look(p)->type == T_DOT) {
        n = node_new(p, N_NSREF, k->line);
        n->u.attr.obj = node_new(p, N_NAME, k->line);
        n->u.attr.obj->u.name = parse_expect_ident(p);
        if (!n->u.attr.obj->u.name)
            return NULL;
        parse_next(p);
        n->u.attr.name = parse_expect_ident(p);
        return n->u.attr.name ? n : NULL;
    }
    n = parse_tuple(p, true, true, false);
    if (n && !can_assign(n)) {
        parse_fail(p, k, "can't assign to '%s'", kind_name(n));
        return NULL;
    }
    return n;
}

static const struct name *name_target(struct parser *p)
{
    const struct token *k = p->cur;
    const struct name *n = parse_expect_ident(p);
    static const char *const words[] = {"true", "false", "none", "True", "False", "None"};
    for (size_t i = 0; n && i < sizeof words / sizeof *words; i++)
        if (strcmp(n->s, words[i]) == 0) {
            parse_fail(p, k, "can't assign to 'name'");
            return NULL;
        }
    return n;
}

// --- bodies
// ------------------------------------------------------------------------------------------------------

static void expected_tags(struct parser *p, struct buf *b)
{
    const char *const *ends = p->ends[p->n_ends - 1];
    for (size_t i = 0; ends[i]; i++)
        buf_addf(b, "%s'%s'", i ? " or " : "", ends[i]);
}

static bool is_expected(const struct parser *p, const char *tag)
{
    for (size_t i = 0; i < p->n_ends; i++)
        for (size_t j = 0; p->ends[i][j]; j++)
            if (strcmp(p->ends[i][j], tag) == 0)
                return true;
    return false;
}

// jinja2's long-winded help on a tag that does not fit (NULL: the end of the template).
static void bad_tag(struct parser *p, const char *tag, const struct token *at)
{
    struct buf b = BUF_INIT;
    if (tag)
        buf_addf(&b, "Encountered unknown tag '%s'.", tag);
    else
        buf_adds(&b, "Unexpected end of template.");
    if (p->n_ends) {
        if (tag && is_expected(p, tag))
            buf_adds(&b, " You probably made a nesting mistake. Jinja is expecting this tag, but "
                         "currently looking for ");
        else
            buf_adds(&b, " Jinja was looking for the following tags: ");
        expected_tags(p, &b);
        buf_addc(&b, '.');
    }
    if (p->n_tags)
        buf_addf(&b, " The innermost block that needs to be closed is '%s'.",
                 p->tags[p->n_tags - 1]);
    parse_fail(p, at, "%s", buf_str(&b));
    buf_release(&b);
}

static bool at_end_tag(const struct parser *p, const char *const *ends)
{
    for (size_t i = 0; ends && ends[i]; i++)
        if (parse_is(p, ends[i]))
            return true;
    return false;
}

static void flush_output(struct parser *p, struct nodes *body, struct nodes *out)
{
    if (!out->n)
        return;
    struct node *n = node_new(p, N_OUTPUT, out->items[0]->line);
    n->u.list = nodes_done(out);
    nodes_add(p, body, n);
    *out = (struct nodes){0};
}

// One piece of data or {{ }}; 0 when something else follows.
static int output_item(struct parser *p, struct nodes *out)
{
    if (p->cur->type == T_DATA) {
        struct node *n = node_new(p, N_DATA, p->cur->line);
        n->u.value = value_strn(p->a, p->cur->s, p->cur->len);
        nodes_add(p, out, n);
        return parse_next(p) ? 1 : ERR_PARSE;
    }
    if (p->cur->type != T_VARIABLE_BEGIN)
        return 0;
    if (!parse_next(p))
        return ERR_PARSE;
    struct node *n = parse_tuple(p, false, true, false);
    if (!n)
        return ERR_PARSE;
    nodes_add(p, out, n);
    return parse_expect(p, T_VARIABLE_END) < 0 ? ERR_PARSE : 1;
}

static int subparse(struct parser *p, const char *const *ends, struct nodes *body)
{
    struct nodes out = {0};
    for (;;) {
        int rc = output_item(p, &out);
        if (rc < 0)
            return rc;
        if (rc)
            continue;
        flush_output(p, body, &out);
        if (p->cur->type == T_EOF)
            return 0;
        if (p->cur->type == T_ERROR)
            return parse_fail(p, p->cur, "%s", p->cur->s);
        if (parse_expect(p, T_BLOCK_BEGIN) < 0)
            return ERR_PARSE;
        if (at_end_tag(p, ends))
            return 0;
        struct node *n = statement(p);
        if (!n)
            return ERR_PARSE;
        nodes_add(p, body, n);
        if (parse_expect(p, T_BLOCK_END) < 0)
            return ERR_PARSE;
    }
}

int parse_body(struct parser *p, const char *const *ends, struct node_list *ret)
{
    struct nodes body = {0};
    if (p->cur->type == T_COLON)
        parse_next(p);
    if (parse_expect(p, T_BLOCK_END) < 0)
        return ERR_PARSE;
    if (p->n_ends == sizeof p->ends / sizeof *p->ends || !parse_enter(p))
        return err_set(p->e, ERR_LIMIT, p->pos, "statements are nested too deeply");
    p->ends[p->n_ends++] = ends;
    int rc = subparse(p, ends, &body);
    if (rc == 0 && p->cur->type == T_EOF) {
        bad_tag(p, NULL, p->cur);
        rc = ERR_PARSE;
    }
    p->n_ends--;
    p->depth--;
    *ret = nodes_done(&body);
    return rc;
}

// A body whose end tag is consumed.
static int closed_body(struct parser *p, const char *end, struct node_list *ret)
{
    const char **ends = arena_array(p->tmp, const char *, 2);
    ends[0] = end;
    int rc = parse_body(p, ends, ret);
    return rc < 0 ? rc : parse_next(p) ? 0 : ERR_PARSE;
}

// --- the statements
// ----------------------------------------------------------------------------------------------

static struct node *stmt_if(struct parser *p)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    struct node *first = NULL, **link = &first;
    for (;;) {
        struct node *n = node_new(p, N_IF, p->cur->line);
        parse_next(p); // if, elif
        *link = n;
        link = &n->u.cond.next;
        n->u.cond.test = parse_tuple(p, false, false, false);
        if (!n->u.cond.test || parse_body(p, ends, &n->u.cond.body) < 0)
            return NULL;
        if (parse_is(p, "elif"))
            continue;
        if (parse_skip_name(p, "else")) {
            *link = node_new(p, N_IF, p->cur->line);
            if (closed_body(p, "endif", &(*link)->u.cond.body) < 0)
                return NULL;
        } else {
            parse_next(p);
        }
        return first;
    }
}

static struct node *stmt_for(struct parser *p)
{
    static const char *const ends[] = {"endfor", "else", NULL};
    struct node *n = node_new(p, N_FOR, p->cur->line);
    struct for_loop *f = n->u.loop = arena_new_of(p->a, struct for_loop);
    parse_next(p);
    size_t mark = p->i;
    f->target = target(p, false);
    if (!f->target || parse_expect_name(p, "in") < 0)
        return NULL;
    f->iter = parse_tuple(p, false, false, false);
    if (!f->iter)
        return NULL;
    if (parse_skip_name(p, "if")) {
        f->test = parse_expression(p, true);
        if (!f->test)
            return NULL;
        // The filter runs in a frame of its own: the target is read a second time to get nodes of
        // its own.
        size_t here = p->i;
        p->cur = &p->toks.items[p->i = mark];
        f->test_target = target(p, false);
        p->cur = &p->toks.items[p->i = here];
    }
    f->recursive = parse_skip_name(p, "recursive");
    if (parse_body(p, ends, &f->body) < 0)
        return NULL;
    bool otherwise = parse_is(p, "else");
    parse_next(p);
    if (otherwise && closed_body(p, "endfor", &f->otherwise) < 0)
        return NULL;
    return n;
}

static struct node *stmt_set(struct parser *p)
{
    struct node *n = node_new(p, N_SET, p->cur->line);
    parse_next(p);
    n->u.set.target = target(p, true);
    if (!n->u.set.target)
        return NULL;
    if (p->cur->type == T_ASSIGN) {
        parse_next(p);
        n->u.set.value = parse_tuple(p, false, true, false);
        return n->u.set.value ? n : NULL;
    }
    n->kind = N_SETBLOCK;
    if (p->cur->type == T_PIPE && !(n->u.set.filter = parse_filter_chain(p, NULL, false)))
        return NULL;
    n->u.set.body = arena_new_of(p->a, struct node_list);
    n->u.set.scope = arena_new_of(p->a, struct scope);
    return closed_body(p, "endset", n->u.set.body) < 0 ? NULL : n;
}

static struct node *stmt_with(struct parser *p)
{
    struct node *n = node_new(p, N_WITH, p->cur->line);
    struct nodes targets = {0}, values = {0};
    n->u.with = arena_alloc(p->a, sizeof *n->u.with);
    parse_next(p);
    while (p->cur->type != T_BLOCK_END) {
        if (targets.n && parse_expect(p, T_COMMA) < 0)
            return NULL;
        struct node *x = target(p, false), *v;
        if (!x || parse_expect(p, T_ASSIGN) < 0 || !(v = parse_expression(p, true)))
            return NULL;
        nodes_add(p, &targets, x);
        nodes_add(p, &values, v);
    }
    n->u.with->targets = nodes_done(&targets);
    n->u.with->values = nodes_done(&values);
    return closed_body(p, "endwith", &n->u.with->body) < 0 ? NULL : n;
}

static struct node *stmt_autoescape(struct parser *p)
{
    struct node *n = node_new(p, N_AUTOESCAPE, p->cur->line);
    parse_next(p);
    n->u.wrap.scope = arena_new_of(p->a, struct scope);
    n->u.wrap.filter = parse_expression(p, true);
    if (!n->u.wrap.filter || closed_body(p, "endautoescape", &n->u.wrap.body) < 0)
        return NULL;
    return n;
}

static struct node *stmt_filter(struct parser *p)
{
    struct node *n = node_new(p, N_FILTERBLOCK, p->cur->line);
    parse_next(p);
    n->u.wrap.scope = arena_new_of(p->a, struct scope);
    n->u.wrap.filter = parse_filter_chain(p, NULL, true);
    if (!n->u.wrap.filter || closed_body(p, "endfilter", &n->u.wrap.body) < 0)
        return NULL;
    return n;
}

static int signature(struct parser *p, struct macro *m)
{
    const struct name *params[256];
    struct nodes defaults = {0};
    if (parse_expect(p, T_LPAREN) < 0)
        return ERR_PARSE;
    while (p->cur->type != T_RPAREN) {
        if (m->n_params && parse_expect(p, T_COMMA) < 0)
            return ERR_PARSE;
        if (m->n_params == sizeof params / sizeof *params)
            return parse_fail(p, p->cur, "a macro takes at most 256 parameters");
        const struct name *n = name_target(p);
        if (!n)
            return ERR_PARSE;
        params[m->n_params++] = n;
        if (p->cur->type == T_ASSIGN) {
            parse_next(p);
            struct node *x = parse_expression(p, true);
            if (!x)
                return ERR_PARSE;
            nodes_add(p, &defaults, x);
        } else if (defaults.n) {
            return parse_fail(p, p->cur, "non-default argument follows default argument");
        }
    }
    m->params = arena_array(p->a, const struct name *, m->n_params);
    m->param_slots = arena_array(p->a, uint16_t, m->n_params);
    memcpy(m->params, params, m->n_params * sizeof *params);
    m->defaults = nodes_done(&defaults);
    return parse_expect(p, T_RPAREN);
}

static struct node *stmt_macro(struct parser *p)
{
    struct node *n = node_new(p, N_MACRO, p->cur->line);
    struct macro *m = n->u.macro = arena_new_of(p->a, struct macro);
    parse_next(p);
    m->name = name_target(p);
    if (!m->name || signature(p, m) < 0)
        return NULL;
    return closed_body(p, "endmacro", &m->func.body) < 0 ? NULL : n;
}

static struct node *stmt_call(struct parser *p)
{
    const struct token *k = p->cur;
    struct node *n = node_new(p, N_CALLBLOCK, k->line);
    struct macro *m = n->u.callblock.macro = arena_new_of(p->a, struct macro);
    parse_next(p);
    if (p->cur->type == T_LPAREN && signature(p, m) < 0)
        return NULL;
    n->u.callblock.call = parse_expression(p, true);
    if (!n->u.callblock.call)
        return NULL;
    if (n->u.callblock.call->kind != N_CALL) {
        parse_fail(p, k, "expected call");
        return NULL;
    }
    return closed_body(p, "endcall", &m->func.body) < 0 ? NULL : n;
}

static bool only_space(const struct node_list *body)
{
    for (uint32_t i = 0; i < body->n; i++) {
        const struct node *o = body->items[i];
        if (o->kind != N_OUTPUT)
            return false;
        for (uint32_t j = 0; j < o->u.list.n; j++) {
            const struct node *d = o->u.list.items[j];
            if (d->kind != N_DATA ||
                strspn(d->u.value.u.str.s, " \t\r\n\v\f") != d->u.value.u.str.len)
                return false;
        }
    }
    return true;
}

static struct node *stmt_block(struct parser *p)
{
    const struct token *k = p->cur;
    struct node *n = node_new(p, N_BLOCK, k->line);
    struct block *b = n->u.block.block = arena_new_of(p->a, struct block);
    parse_next(p);
    b->name = parse_expect_ident(p);
    if (!b->name)
        return NULL;
    b->scoped = parse_skip_name(p, "scoped");
    b->required = parse_skip_name(p, "required");
    if (p->cur->type == T_SUB) {
        parse_fail(p, p->cur,
                   "Block names in Jinja have to be valid Python identifiers and may not "
                   "contain hyphens, use an underscore instead.");
        return NULL;
    }
    if (closed_body(p, "endblock", &b->func.body) < 0)
        return NULL;
    if (b->required && !only_space(&b->func.body)) {
        parse_fail(p, p->cur, "Required blocks can only contain comments or whitespace");
        return NULL;
    }
    parse_skip_name(p, b->name->s);
    for (struct block *o = p->tpl->blocks; o; o = o->next)
        if (o->name == b->name) {
            parse_fail(p, k, "block '%s' defined twice", b->name->s);
            return NULL;
        }
    b->next = p->tpl->blocks;
    p->tpl->blocks = b;
    return n;
}

// "with context" or "without context"; true when it was there.
static bool import_context(struct parser *p, struct include *inc)
{
    const struct token *next = parse_look(p);
    bool with = parse_is(p, "with");
    if ((!with && !parse_is(p, "without")) || next->type != T_NAME || next->len != 7 ||
        memcmp(next->s, "context", 7) != 0)
        return false;
    inc->with_context = with;
    parse_next(p);
    parse_next(p);
    return true;
}

static struct node *include_node(struct parser *p, enum node_kind kind)
{
    struct node *n = node_new(p, kind, p->cur->line);
    n->u.include = arena_new_of(p->a, struct include);
    p->tpl->mutates = true; // what the other file does is not known here
    parse_next(p);
    n->u.include->file = parse_expression(p, true);
    return n->u.include->file ? n : NULL;
}

static struct node *stmt_extends(struct parser *p)
{
    p->tpl->has_extends = true;
    return include_node(p, N_EXTENDS);
}

static struct node *stmt_include(struct parser *p)
{
    struct node *n = include_node(p, N_INCLUDE);
    if (!n)
        return NULL;
    const struct token *next = parse_look(p);
    if (parse_is(p, "ignore") && next->type == T_NAME && next->len == 7 &&
        memcmp(next->s, "missing", 7) == 0) {
        n->u.include->ignore_missing = true;
        parse_next(p);
        parse_next(p);
    }
    n->u.include->with_context = true;
    import_context(p, n->u.include);
    return n;
}

static struct node *stmt_import(struct parser *p)
{
    struct node *n = include_node(p, N_IMPORT);
    if (!n || parse_expect_name(p, "as") < 0)
        return NULL;
    n->u.include->target = name_target(p);
    if (!n->u.include->target)
        return NULL;
    import_context(p, n->u.include);
    return n;
}

static struct node *stmt_from(struct parser *p)
{
    struct from_name names[256];
    struct node *n = include_node(p, N_FROM);
    if (!n || parse_expect_name(p, "import") < 0)
        return NULL;
    struct include *inc = n->u.include;
    for (;;) {
        if (inc->n_names && parse_expect(p, T_COMMA) < 0)
            return NULL;
        if (p->cur->type == T_NAME && import_context(p, inc))
            break;
        const struct token *k = p->cur;
        if (inc->n_names == sizeof names / sizeof *names) {
            parse_fail(p, k, "at most 256 names can be imported at once");
            return NULL;
        }
        struct from_name *f = &names[inc->n_names];
        f->name = f->alias = name_target(p);
        if (!f->name)
            return NULL;
        if (f->name->s[0] == '_') {
            parse_fail(p, k, "names starting with an underline can not be imported");
            return NULL;
        }
        if (parse_skip_name(p, "as") && !(f->alias = name_target(p)))
            return NULL;
        inc->n_names++;
        if (import_context(p, inc) || p->cur->type != T_COMMA)
            break;
    }
    inc->names = arena_array(p->a, struct from_name, inc->n_names);
    memcpy(inc->names, names, inc->n_names * sizeof *names);
    return n;
}

static struct node *stmt_print(struct parser *p)
{
    struct node *n = node_new(p, N_OUTPUT, p->cur->line);
    struct nodes items = {0};
    parse_next(p);
    while (p->cur->type != T_BLOCK_END) {
        if (items.n && parse_expect(p, T_COMMA) < 0)
            return NULL;
        struct node *x = parse_expression(p, true);
        if (!x)
            return NULL;
        nodes_add(p, &items, x);
    }
    n->u.list = nodes_done(&items);
    return n;
}

static struct node *stmt_do(struct parser *p)
{
    struct node *n = node_new(p, N_DO, p->cur->line);
    parse_next(p);
    n->u.kids.x = parse_tuple(p, false, true, false);
    return n->u.kids.x ? n : NULL;
}

static struct node *stmt_break(struct parser *p)
{
    struct node *n = node_new(p, parse_is(p, "break") ? N_BREAK : N_CONTINUE, p->cur->line);
    return parse_next(p) ? n : NULL;
}

static const struct {
    const char *name;
    struct node *(*parse)(struct parser *p);
} statements[] = {
    {"autoescape", stmt_autoescape},
    {"block", stmt_block},
    {"break", stmt_break},
    {"call", stmt_call},
    {"continue", stmt_break},
    {"do", stmt_do},
    {"extends", stmt_extends},
    {"filter", stmt_filter},
    {"for", stmt_for},
    {"from", stmt_from},
    {"if", stmt_if},
    {"import", stmt_import},
    {"include", stmt_include},
    {"macro", stmt_macro},
    {"print", stmt_print},
    {"set", stmt_set},
    {"with", stmt_with},
};

static struct node *statement(struct parser *p)
{
    const struct token *k = p->cur;
    if (k->type != T_NAME) {
        parse_fail(p, k, k->type == T_ERROR ? "%s" : "tag name expected", k->s);
        return NULL;
    }
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        if (!parse_is(p, statements[i].name))
            continue;
        if (p->n_tags == sizeof p->tags / sizeof *p->tags) {
            err_set(p->e, ERR_LIMIT, p->pos, "statements are nested too deeply");
            return NULL;
        }
        p->tags[p->n_tags++] = statements[i].name;
        struct node *n = statements[i].parse(p);
        p->n_tags--;
        return p->e->code ? NULL : n;
    }
    bad_tag(p, token_text(p, k), k);
    return NULL;
}

// --- entry
// -------------------------------------------------------------------------------------------------------

// A lone {{ }} of names and subscripts: what it gives cannot hold constants of the template.
static bool only_refers(const struct node *n)
{
    while (n->kind == N_GETATTR || n->kind == N_GETITEM) {
        if (n->kind == N_GETITEM && n->u.kids.y->kind == N_SLICE)
            return false;
        n = n->kind == N_GETATTR ? n->u.attr.obj : n->u.kids.x;
    }
    return n->kind == N_NAME;
}

static int parse_all(struct parser *p, enum parse_mode mode, struct node_list *body)
{
    struct nodes items = {0};
    p->cur = &p->toks.items[0];
    if (p->cur->type == T_ERROR)
        return parse_fail(p, p->cur, "%s", p->cur->s);
    if (mode == PARSE_TEMPLATE) {
        int rc = subparse(p, NULL, &items);
        *body = nodes_done(&items);
        return rc;
    }
    struct node *n = parse_expression(p, true);
    if (!n)
        return ERR_PARSE;
    if (p->cur->type != T_EOF) {
        struct buf b = BUF_INIT;
        buf_adds(&b, p->cur->type == T_ERROR ? p->cur->s : "chunk after expression");
        parse_fail(p, p->cur, "%s", buf_str(&b));
        buf_release(&b);
        return ERR_PARSE;
    }
    nodes_add(p, &items, n);
    *body = nodes_done(&items);
    return 0;
}

int template_parse(const struct template_opts *o, const char *text, size_t len, const char *name,
                   enum parse_mode mode, struct pos pos, struct template **ret, struct err *e)
{
    struct arena *a = arena_new();
    struct err local = ERR_INIT;
    struct template *t = arena_new_of(a, struct template);
    t->arena = a;
    t->refs = 1;
    t->name = arena_strdup(a, name);
    t->src = arena_strndup(a, text, len);
    t->len = len;
    struct parser p = {.tpl = t, .a = a, .tmp = arena_new(), .e = &local, .pos = pos};
    p.stack = (char *)__builtin_frame_address(0) - STACK_FOR_PARSING;
    struct node_list body = {0};
    lex(p.tmp, o, t->src, len, mode == PARSE_TEMPLATE ? LEX_TEMPLATE : LEX_EXPRESSION, &p.toks);
    int rc = parse_all(&p, mode, &body);
    if (rc == 0 && local.code)
        rc = local.code;
    if (rc == 0)
        rc = scope_resolve(&p, body);
    if (rc == 0 && mode == PARSE_EXPRESSION)
        t->reference = only_refers(body.items[0]);
    else if (rc == 0 && body.n == 1 && body.items[0]->kind == N_OUTPUT &&
             body.items[0]->u.list.n == 1)
        t->reference = only_refers(body.items[0]->u.list.items[0]);
    arena_free(p.tmp);
    if (rc < 0) {
        rc = local.code ? local.code : rc;
        err_move(e, &local);
        arena_free(a);
        return rc;
    }
    err_release(&local);
    *ret = t;
    return 0;
}

void template_ref(struct template *t)
{
    t->refs++;
}

void template_unref(struct template *t)
{
    if (t && --t->refs == 0)
        arena_free(t->arena);
}
