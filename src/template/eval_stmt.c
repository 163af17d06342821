// Runs statements: output, conditions, assignments, macros and the blocks that wrap others.
#include "template/args.h"
#include "template/eval.h"
#include "template/walk.h"

#include <string.h>

static void load_slots(struct ev *ev, const struct load *loads, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct load *l = &loads[i];
        struct value *slot = &ev->fr->slots[l->slot];
        if (l->kind == LOAD_RESOLVE) {
            *slot = (struct value){.type = SLOT_LAZY};
        } else if (l->kind == LOAD_ALIAS) {
            struct frame *f = ev->fr;
            for (int d = l->depth; d > 0; d--)
                f = f->up;
            *slot = f->slots[l->from];
        } else {
            *slot = (struct value){.type = SLOT_MISSING};
        }
    }
}

void enter_scope(struct ev *ev, const struct scope *s)
{
    load_slots(ev, s->loads, s->n);
}

void enter_scope_again(struct ev *ev, const struct scope *s)
{
    load_slots(ev, s->loads, s->n_again);
}

void enter_func(struct ev *ev, const struct func *f, struct frame *up)
{
    struct frame *fr = arena_alloc(ev->a, sizeof(struct frame) + f->n_slots * sizeof(struct value));
    fr->up = up;
    ev->fr = fr;
}

void set_exported(struct ev *ev, const struct name *name, const struct value *v, bool shown)
{
    struct ctx *c = ev->ctx;
    if (!c->vars)
        c->vars = value_dict(ev->a).u.dict;
    dict_setv(c->vars, value_ref(name->s, name->len), *v);
    if (!c->exported)
        c->exported = value_dict(ev->a).u.dict;
    if (shown)
        dict_setv(c->exported, value_ref(name->s, name->len), value_bool(true));
    else
        dict_del(c->exported, name->s);
}

int eval_captured(struct ev *ev, const struct node_list *body, struct value *ret)
{
    struct buf own;
    struct out out, *saved = ev->out;
    out_init(&out, session_buf(ev->ctx->ss, &own));
    ev->out = &out;
    int rc = eval_body(ev, body);
    if (rc >= 0) {
        int done = out_finish(ev, &out, ret);
        rc = done < 0 ? done : rc;
    }
    ev->out = saved;
    session_buf_done(ev->ctx->ss, out.b);
    return rc;
}

// jinja2 writes constants down as plain text when it compiles.
static void forget_markup(const struct node *n, struct value *v)
{
    if (is_markup(v) && node_is_constant(n))
        v->flags &= (uint8_t)~VALUE_MARKUP;
}

static int eval_output(struct ev *ev, const struct node *n)
{
    int rc = 0;
    if (n->op && ev->parent)
        return 0;
    for (uint32_t i = 0; rc == 0 && i < n->u.list.n; i++) {
        const struct node *x = n->u.list.items[i];
        struct value v;
        if (x->kind == N_DATA) {
            if (!out_add(ev->out, x->u.value.u.str.s, x->u.value.u.str.len))
                rc = out_data(ev, &x->u.value);
            continue;
        }
        const struct value *ready = eval_ready(ev, x);
        if (ready) {
            rc = out_value(ev, ready, true);
        } else {
            rc = eval_expr(ev, x, &v);
            if (rc == 0) {
                forget_markup(x, &v);
                rc = out_value(ev, &v, true);
            }
        }
        if (rc < 0)
            eval_failed(ev, x, rc);
    }
    return rc;
}

static int eval_if(struct ev *ev, const struct node *n)
{
    for (; n; n = n->u.cond.next) {
        bool yes = true;
        if (n->u.cond.test) {
            int rc = eval_yes(ev, n->u.cond.test, &yes);
            if (rc < 0)
                return eval_failed(ev, n->u.cond.test, rc);
        }
        if (yes)
            return eval_body(ev, &n->u.cond.body);
    }
    return 0;
}

static int eval_set(struct ev *ev, const struct node *n)
{
    struct value v;
    int rc = eval_expr(ev, n->u.set.value, &v);
    return rc < 0 ? rc : assign_target(ev, n->u.set.target, &v, n->flag);
}

static int eval_set_block(struct ev *ev, const struct node *n)
{
    struct value v;
    enter_scope(ev, n->u.set.scope);
    int rc = eval_captured(ev, n->u.set.body, &v);
    if (rc < 0)
        return rc;
    if (n->u.set.filter) {
        struct value text = v;
        int done = eval_filter(ev, n->u.set.filter, &text, &v);
        if (done < 0)
            return done;
    }
    if (ev->ctx->autoescape && v.type == VALUE_STRING)
        v.flags |= VALUE_MARKUP;
    int done = assign_target(ev, n->u.set.target, &v, n->flag);
    return done < 0 ? done : rc;
}

static int eval_with(struct ev *ev, const struct node *n)
{
    size_t count = n->u.with->values.n;
    struct value *vals = values_push(ev->ctx->ss, count);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = eval_expr(ev, n->u.with->values.items[i], &vals[i]);
    if (rc == 0)
        enter_scope(ev, &n->u.with->scope);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = assign_target(ev, n->u.with->targets.items[i], &vals[i], false);
    values_pop(ev->ctx->ss, count);
    return rc < 0 ? rc : eval_body(ev, &n->u.with->body);
}

static int eval_macro(struct ev *ev, const struct node *n)
{
    struct value v = macro_value(ev, n->u.macro);
    ev->fr->slots[n->slot] = v;
    if (n->flag)
        set_exported(ev, n->u.macro->name, &v, n->u.macro->name->s[0] != '_');
    return 0;
}

static int eval_call_block(struct ev *ev, const struct node *n)
{
    struct value caller = macro_value(ev, n->u.callblock.macro), v;
    int rc = eval_call_with(ev, n->u.callblock.call, &caller, &v);
    return rc < 0 ? rc : out_value(ev, &v, false);
}

static int eval_filter_block(struct ev *ev, const struct node *n)
{
    struct value text, v;
    enter_scope(ev, n->u.wrap.scope);
    int rc = eval_captured(ev, &n->u.wrap.body, &text);
    if (rc < 0)
        return rc;
    int done = eval_filter(ev, n->u.wrap.filter, &text, &v);
    if (done == 0)
        done = out_value(ev, &v, false);
    return done < 0 ? done : rc;
}

static int eval_autoescape(struct ev *ev, const struct node *n)
{
    struct value v;
    bool on, saved = ev->ctx->autoescape;
    enter_scope(ev, n->u.wrap.scope);
    int rc = eval_expr(ev, n->u.wrap.filter, &v);
    if (rc == 0)
        rc = eval_truth(ev, &v, &on);
    if (rc < 0)
        return rc;
    ev->ctx->autoescape = on;
    rc = eval_body(ev, &n->u.wrap.body);
    ev->ctx->autoescape = saved;
    return rc;
}

static int eval_do(struct ev *ev, const struct node *n)
{
    struct value v;
    return eval_expr(ev, n->u.kids.x, &v);
}

static int eval_statement(struct ev *ev, const struct node *n)
{
    switch (n->kind) {
    case N_OUTPUT:
        return eval_output(ev, n);
    case N_IF:
        return eval_if(ev, n);
    case N_FOR:
        return eval_for(ev, n);
    case N_SET:
        return eval_set(ev, n);
    case N_SETBLOCK:
        return eval_set_block(ev, n);
    case N_WITH:
        return eval_with(ev, n);
    case N_MACRO:
        return eval_macro(ev, n);
    case N_CALLBLOCK:
        return eval_call_block(ev, n);
    case N_FILTERBLOCK:
        return eval_filter_block(ev, n);
    case N_BLOCK:
        return eval_block(ev, n);
    case N_EXTENDS:
        return eval_extends(ev, n);
    case N_INCLUDE:
        return eval_include(ev, n);
    case N_IMPORT:
    case N_FROM:
        return eval_import(ev, n);
    case N_AUTOESCAPE:
        return eval_autoescape(ev, n);
    case N_DO:
        return eval_do(ev, n);
    case N_BREAK:
        return FLOW_BREAK;
    case N_CONTINUE:
        return FLOW_CONTINUE;
    default:
        return err_set(ev->e, ERR_INVALID, ev->ctx->pos, "this is not a statement");
    }
}

int eval_body(struct ev *ev, const struct node_list *body)
{
    int rc = session_check_stack(ev->ctx->ss, ev->ctx->pos, ev->e);
    for (uint32_t i = 0; rc == 0 && i < body->n; i++)
        rc = eval_statement(ev, body->items[i]);
    return rc;
}

int eval_template(struct ev *ev, struct template *tpl)
{
    struct frame *saved = ev->fr;
    struct template *saved_tpl = ev->tpl, *saved_parent = ev->parent;
    int rc = 0;
    // A chain of parents, each run in the same context.
    for (int links = 0; rc == 0 && tpl; links++) {
        if (links > 50) {
            rc = err_set(ev->e, ERR_LIMIT, ev->ctx->pos,
                         "recursive loop detected in template string");
            break;
        }
        ev->tpl = tpl;
        ev->parent = NULL;
        enter_func(ev, &tpl->root, NULL);
        enter_scope(ev, &tpl->root.scope);
        if (tpl->uses_self)
            ev->fr->slots[tpl->self_slot] = self_value(ev);
        rc = eval_body(ev, &tpl->root.body);
        rc = rc > 0 ? 0 : rc;
        tpl = ev->parent;
    }
    ev->fr = saved;
    ev->tpl = saved_tpl;
    ev->parent = saved_parent;
    return rc;
}
