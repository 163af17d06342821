// What stands behind an operand: calls, attributes, subscripts, filters and tests.
#include "template/parse.h"

#include <stdio.h>
#include <string.h>

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
    const struct value dict = {.type = VALUE_DICT, .u.dict = &none}, str = value_ref("", 0);
    struct node *n = node_new(p, N_GETATTR, line);
    n->u.attr.obj = obj;
    n->u.attr.name = name;
    n->u.attr.dict_method = method_find(&dict, name->s, name->len);
    n->u.attr.str_method = method_find(&str, name->s, name->len);
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
    return parse_make2(p, N_GETITEM, line, obj, parse_make_const(p, value_int(k->num.i), k->line));
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
    return parse_make2(p, N_GETITEM, line, obj, arg);
}

struct node *parse_postfix(struct parser *p, struct node *n)
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
        x = x ? parse_postfix(p, x) : NULL;
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

struct node *parse_filter_expr(struct parser *p, struct node *n)
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
