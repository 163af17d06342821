// Evaluates expressions by walking the tree. Frames are small and the recursion is bounded by the C
// stack left.
#include "template/eval.h"
#include "template/hooks.h"
#include "template/pystr.h"
#include "template/walk.h"

#include <string.h>

#define NOINLINE __attribute__((noinline))

int eval_undefined(struct ev *ev, const struct value *v)
{
    int code = v->flags & UNDEFINED_UNKNOWN ? ERR_UNKNOWN : ERR_UNDEFINED;
    return err_set(ev->e, code, ev->ctx->pos, "%s", undefined_text(ev->ctx->t, ev->a, v));
}

int eval_truth(struct ev *ev, const struct value *v, bool *ret)
{
    if (v->type == VALUE_BOOL) {
        *ret = v->u.b;
        return 0;
    }
    if (v->type == VALUE_UNDEFINED && !(v->flags & UNDEFINED_LENIENT))
        return eval_undefined(ev, v);
    if (v->type == VALUE_OBJECT) {
        struct value plain;
        int rc = make_plain(ev, v, &plain);
        if (rc < 0)
            return rc;
        *ret = value_truthy(&plain);
        return 0;
    }
    *ret = value_truthy(v);
    return 0;
}

// The value of n, in room when it is not at hand; NULL and *rc on failure.
static inline const struct value *operand(struct ev *ev, const struct node *n, struct value *room,
                                          int *rc)
{
    const struct value *v = eval_ready(ev, n);
    if (v)
        return v;
    *rc = eval_expr(ev, n, room);
    return *rc < 0 ? NULL : room;
}

int eval_yes(struct ev *ev, const struct node *n, bool *ret)
{
    struct value room;
    int rc = 0;
    const struct value *v = operand(ev, n, &room, &rc);
    return v ? eval_truth(ev, v, ret) : rc;
}

struct value *slot_of(struct ev *ev, const struct node *n)
{
    struct frame *f = ev->fr;
    for (int d = n->depth; d > 0; d--)
        f = f->up;
    return &f->slots[n->slot];
}

static NOINLINE int load_name(struct ev *ev, const struct node *n, struct value *slot,
                              struct value *ret)
{
    if (slot->type == SLOT_LAZY) {
        struct value v;
        int rc = resolve_name(ev, n->u.name, &v);
        if (rc < 0)
            return rc;
        *slot = v;
    }
    *ret = *slot;
    if (slot->type == SLOT_MISSING)
        *ret = value_undefined(ev->a, "'%s' is undefined", n->u.name->s);
    return 0;
}

static int check_nodes(struct ev *ev, const struct value *v)
{
    if (value_nodes(v) <= NODES_MAX)
        return 0;
    return err_set(ev->e, ERR_LIMIT, ev->ctx->pos, "value of more than %zu parts", NODES_MAX);
}

static NOINLINE int eval_items(struct ev *ev, const struct node *n, struct value *ret)
{
    struct value r = value_list_of(ev->a, n->u.list.n), v;
    if (n->kind == N_TUPLE)
        r.flags |= VALUE_TUPLE;
    for (uint32_t i = 0; i < n->u.list.n; i++) {
        int rc = eval_raw(ev, n->u.list.items[i], &v);
        if (rc < 0)
            return rc;
        list_add(r.u.list, v);
    }
    *ret = r;
    return check_nodes(ev, &r);
}

static NOINLINE int eval_dict(struct ev *ev, const struct node *n, struct value *ret)
{
    struct value r = value_dict(ev->a), k, v;
    for (uint32_t i = 0; i + 1 < n->u.list.n; i += 2) {
        int rc = eval_expr(ev, n->u.list.items[i], &k);
        if (rc == 0)
            rc = eval_raw(ev, n->u.list.items[i + 1], &v);
        if (rc < 0)
            return rc;
        if (k.type == VALUE_UNDEFINED)
            return eval_undefined(ev, &k);
        if (k.type == VALUE_DICT || (k.type == VALUE_LIST && !(k.flags & VALUE_TUPLE)))
            return type_error(ev, "unhashable type: '%s'", value_type_name(&k));
        dict_setv(r.u.dict, k, v);
    }
    *ret = r;
    return check_nodes(ev, &r);
}

static NOINLINE int eval_cond(struct ev *ev, const struct node *n, struct value *ret)
{
    bool yes;
    int rc = eval_yes(ev, n->u.kids.x, &yes);
    if (rc < 0)
        return rc;
    if (yes)
        return eval_expr(ev, n->u.kids.y, ret);
    if (n->u.kids.z)
        return eval_expr(ev, n->u.kids.z, ret);
    *ret = value_undefined(
        ev->a,
        "the inline if-expression on line %u evaluated to false and no else section "
        "was defined.",
        n->line);
    ret->flags |= UNDEFINED_LENIENT;
    return 0;
}

// `unknown and false` is false, `unknown or true` is true; e keeps the error when it is neither.
static NOINLINE int decided_by_other(struct ev *ev, const struct node *n, struct value *ret)
{
    struct err *first = ev->e, other = ERR_INIT;
    bool yes;
    ev->e = &other;
    int rc = eval_expr(ev, n->u.kids.y, ret);
    if (rc == 0)
        rc = eval_truth(ev, ret, &yes);
    ev->e = first;
    err_release(&other);
    if (rc < 0 || yes != (n->kind == N_OR))
        return ERR_UNKNOWN;
    err_release(first);
    ev->ctx->ss->failed_in = NULL;
    return 0;
}

static NOINLINE int eval_logic(struct ev *ev, const struct node *n, struct value *ret)
{
    bool yes;
    int rc = eval_expr(ev, n->u.kids.x, ret);
    if (rc == 0)
        rc = eval_truth(ev, ret, &yes);
    if (rc == ERR_UNKNOWN && ev->ctx->condition)
        return decided_by_other(ev, n, ret);
    if (rc < 0 || yes == (n->kind == N_OR))
        return rc;
    return eval_expr(ev, n->u.kids.y, ret);
}

static NOINLINE int eval_not(struct ev *ev, const struct node *n, struct value *ret)
{
    bool yes;
    int rc = eval_yes(ev, n->u.kids.x, &yes);
    if (rc == 0)
        *ret = value_bool(!yes);
    return rc;
}

static NOINLINE int eval_compare(struct ev *ev, const struct node *n, struct value *ret)
{
    const struct node_list *l = &n->u.compare.list;
    struct value room[2];
    bool yes = true;
    int rc = 0;
    const struct value *x = operand(ev, l->items[0], &room[0], &rc);
    for (uint32_t i = 1; rc == 0 && yes && i < l->n; i++) {
        const struct value *y = operand(ev, l->items[i], &room[i & 1], &rc);
        if (rc == 0)
            rc = op_compare(ev, (enum compare_op)n->u.compare.ops[i - 1], x, y, &yes);
        x = y;
    }
    *ret = value_bool(yes);
    return rc;
}

static NOINLINE int eval_binary(struct ev *ev, const struct node *n, struct value *ret)
{
    struct value room[2];
    int rc = 0;
    const struct value *x = operand(ev, n->u.kids.x, &room[0], &rc);
    const struct value *y = rc == 0 ? operand(ev, n->u.kids.y, &room[1], &rc) : NULL;
    if (rc == 0)
        rc = op_binary(ev, (enum binary_op)n->op, x, y, ret);
    return rc < 0 ? rc : check_nodes(ev, ret);
}

static NOINLINE int eval_unary(struct ev *ev, const struct node *n, struct value *ret)
{
    struct value x;
    int rc = eval_expr(ev, n->u.kids.x, &x);
    return rc < 0 ? rc : op_negate(ev, n->kind == N_NEG, &x, ret);
}

static int concat_piece(struct ev *ev, struct buf *b, const struct value *v, bool escape,
                        bool *unsafe)
{
    struct value p;
    if (v->type == VALUE_UNDEFINED)
        return v->flags & UNDEFINED_LENIENT ? 0 : eval_undefined(ev, v);
    int rc = make_text(ev, v, &p);
    if (rc == 0 && template_hooks.vault_seen)
        rc = value_reveal(ev->ctx->t, ev->ctx->ss->arena, &p, 0, ev->e);
    if (rc < 0)
        return rc;
    *unsafe |= (p.flags & VALUE_UNSAFE) != 0;
    bool text = p.type == VALUE_STRING && !(p.flags & VALUE_BYTES);
    if (escape && !is_markup(&p)) {
        const char *s = text ? p.u.str.s : value_to_cstr(ev->a, &p);
        str_escape(b, (struct text){s, text ? p.u.str.len : strlen(s)});
    } else if (text) {
        buf_add(b, p.u.str.s, p.u.str.len);
    } else {
        value_print(b, &p);
    }
    return 0;
}

static NOINLINE int eval_concat(struct ev *ev, const struct node *n, struct value *ret)
{
    struct value *v = values_push(ev->ctx->ss, n->u.list.n);
    bool unsafe = false, escape = false;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < n->u.list.n; i++) {
        rc = eval_expr(ev, n->u.list.items[i], &v[i]);
        escape |= ev->ctx->autoescape && rc == 0 && is_markup(&v[i]);
    }
    escape = escape && !node_is_constant(n);
    struct buf own, *b = session_buf(ev->ctx->ss, &own);
    for (uint32_t i = 0; rc == 0 && i < n->u.list.n; i++)
        rc = concat_piece(ev, b, &v[i], escape, &unsafe);
    values_pop(ev->ctx->ss, n->u.list.n);
    if (rc == 0 && b->overflow)
        rc = err_set(ev->e, ERR_LIMIT, ev->ctx->pos, "string is larger than %zu MB",
                     OUTPUT_MAX >> 20);
    if (rc == 0) {
        *ret = value_strn(ev->a, buf_str(b), b->len);
        ret->flags = (unsafe ? VALUE_UNSAFE : 0) | (escape ? VALUE_MARKUP : 0);
    }
    session_buf_done(ev->ctx->ss, b);
    return rc;
}

static NOINLINE int eval_getattr(struct ev *ev, const struct node *n, struct value *ret)
{
    struct value room;
    int rc = 0;
    const struct value *obj = operand(ev, n->u.attr.obj, &room, &rc);
    return rc < 0 ? rc : get_attr(ev, obj, n->u.attr.name, n->u.attr.dict_method, ret);
}

static NOINLINE int eval_slice(struct ev *ev, const struct node *n, struct value *ret)
{
    struct value obj, part[3];
    const struct node *s = n->u.kids.y;
    const struct node *const bounds[3] = {s->u.kids.x, s->u.kids.y, s->u.kids.z};
    int rc = eval_expr(ev, n->u.kids.x, &obj);
    for (int i = 0; rc == 0 && i < 3; i++) {
        part[i] = value_null();
        if (bounds[i])
            rc = eval_expr(ev, bounds[i], &part[i]);
    }
    return rc < 0 ? rc : op_slice(ev, &obj, part, ret);
}

static NOINLINE int eval_getitem(struct ev *ev, const struct node *n, struct value *ret)
{
    struct value room[2];
    int rc = 0;
    if (n->u.kids.y->kind == N_SLICE)
        return eval_slice(ev, n, ret);
    const struct value *obj = operand(ev, n->u.kids.x, &room[0], &rc);
    const struct value *key = rc == 0 ? operand(ev, n->u.kids.y, &room[1], &rc) : NULL;
    return rc < 0 ? rc : get_item(ev, obj, key, ret);
}

int eval_failed(struct ev *ev, const struct node *n, int rc)
{
    struct template_session *ss = ev->ctx->ss;
    if (ss->failed_in != ev->tpl) {
        ss->failed_in = ev->tpl;
        ss->failed_off = n->off;
    }
    return rc;
}

static int eval_compound(struct ev *ev, const struct node *n, struct value *ret)
{
    switch (n->kind) {
    case N_TUPLE:
    case N_LIST:
        return eval_items(ev, n, ret);
    case N_DICT:
        return eval_dict(ev, n, ret);
    case N_COND:
        return eval_cond(ev, n, ret);
    case N_OR:
    case N_AND:
        return eval_logic(ev, n, ret);
    case N_NOT:
        return eval_not(ev, n, ret);
    case N_COMPARE:
        return eval_compare(ev, n, ret);
    case N_BINARY:
        return eval_binary(ev, n, ret);
    case N_NEG:
    case N_POS:
        return eval_unary(ev, n, ret);
    case N_CONCAT:
        return eval_concat(ev, n, ret);
    case N_GETATTR:
        return eval_getattr(ev, n, ret);
    case N_GETITEM:
        return eval_getitem(ev, n, ret);
    case N_CALL:
        return eval_call(ev, n, ret);
    case N_FILTER:
        return eval_filter(ev, n, NULL, ret);
    case N_TEST:
        return eval_test(ev, n, ret);
    default:
        return err_set(ev->e, ERR_INVALID, ev->ctx->pos, "this cannot be evaluated");
    }
}

int eval_raw(struct ev *ev, const struct node *n, struct value *ret)
{
    switch (n->kind) {
    case N_CONST:
        *ret = n->u.value;
        return 0;
    case N_NAME: {
        struct value *slot = slot_of(ev, n);
        if (slot->type >= SLOT_MISSING) {
            int got = load_name(ev, n, slot, ret);
            return got < 0 ? eval_failed(ev, n, got) : 0;
        }
        *ret = *slot;
        return 0;
    }
    default:
        break;
    }
    int rc = session_check_stack(ev->ctx->ss, ev->ctx->pos, ev->e);
    if (rc == 0)
        rc = eval_compound(ev, n, ret);
    return rc < 0 ? eval_failed(ev, n, rc) : rc;
}

int eval_expr(struct ev *ev, const struct node *n, struct value *ret)
{
    int rc = eval_raw(ev, n, ret);
    if (rc == 0 && ret->type == VALUE_STRING && ret->flags & VALUE_VAULT)
        return value_reveal_text(ev->ctx->t, ev->ctx->ss->arena, ret, ev->e);
    return rc;
}

// --- assignment
// --------------------------------------------------------------------------------------------------

static int assign_tuple(struct ev *ev, const struct node *target, const struct value *v,
                        bool export)
{
    struct list *l;
    struct value plain;
    size_t want = target->u.list.n;
    int rc = 0;
    if (v->type == VALUE_LIST) {
        l = v->u.list;
    } else {
        rc = make_plain(ev, v, &plain);
        if (rc < 0)
            return rc;
        if (plain.type == VALUE_UNDEFINED)
            return eval_undefined(ev, &plain);
        if (plain.type != VALUE_LIST && plain.type != VALUE_DICT && plain.type != VALUE_STRING)
            return type_error(ev, "cannot unpack non-iterable %s object", value_type_name(&plain));
        rc = iterate(ev, &plain, &l);
        if (rc < 0)
            return rc;
    }
    if (l->len > want)
        return other_error(ev, "ValueError", "too many values to unpack (expected %zu)", want);
    if (l->len < want)
        return other_error(ev, "ValueError", "not enough values to unpack (expected %zu, got %zu)",
                           want, l->len);
    for (size_t i = 0; rc == 0 && i < want; i++)
        rc = assign_target(ev, target->u.list.items[i], &l->items[i], export);
    return rc;
}

int assign_target(struct ev *ev, const struct node *target, const struct value *v, bool export)
{
    if (target->kind == N_TUPLE)
        return assign_tuple(ev, target, v, export);
    if (target->kind == N_NAME) {
        *slot_of(ev, target) = *v;
        if (export)
            set_exported(ev, target->u.name, v, target->u.name->s[0] != '_');
        return 0;
    }
    struct value ns;
    int rc = eval_expr(ev, target->u.attr.obj, &ns);
    if (rc < 0)
        return rc;
    if (ns.type != VALUE_OBJECT || !ns.u.obj->ops->set)
        return other_error(ev, "jinja2.exceptions.TemplateRuntimeError",
                           "cannot assign attribute on non-namespace object");
    struct value key = value_ref(target->u.attr.name->s, target->u.attr.name->len);
    return ns.u.obj->ops->set(ns.u.obj, &key, v, ev->e);
}
