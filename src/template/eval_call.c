// Calls: arguments, filters, tests, methods, and whatever else can be called.
#include "template/eval.h"
#include "template/hooks.h"
#include "template/rows.h"

#include <string.h>

static const struct dict no_kwargs;

struct arg_set {
    const struct value *args;
    size_t n;
    const struct dict *kwargs;
    size_t pushed;
};

static int add_dynamic(struct ev *ev, const struct node *star, struct list **ret)
{
    struct value v;
    int rc = eval_expr(ev, star, &v);
    if (rc < 0)
        return rc;
    if (v.type != VALUE_LIST && v.type != VALUE_DICT && v.type != VALUE_STRING &&
        v.type != VALUE_OBJECT && v.type != VALUE_UNDEFINED)
        return type_error(ev, "argument after * must be an iterable, not %s", value_type_name(&v));
    return iterate(ev, &v, ret);
}

static int keyword_args(struct ev *ev, const struct call_args *a, struct arg_set *s)
{
    struct value d = value_dict(ev->a), v;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < a->kw.n; i++) {
        rc = eval_raw(ev, a->kw.items[i], &v);
        if (rc == 0)
            dict_setv(d.u.dict, value_ref(a->kw_names[i]->s, a->kw_names[i]->len), v);
    }
    if (rc == 0 && a->dyn_kwargs) {
        struct value more;
        rc = eval_expr(ev, a->dyn_kwargs, &more);
        if (rc == 0)
            rc = make_plain(ev, &more, &v);
        if (rc == 0 && v.type == VALUE_UNDEFINED)
            rc = eval_undefined(ev, &v);
        if (rc == 0 && v.type != VALUE_DICT)
            rc = type_error(ev, "argument after ** must be a mapping, not %s", value_type_name(&v));
        if (rc == 0)
            dict_update(d.u.dict, v.u.dict);
    }
    s->kwargs = d.u.dict;
    return rc;
}

static int positional_args(struct ev *ev, const struct call_args *a, struct arg_set *s)
{
    struct list *dyn = NULL;
    int rc = 0;
    if (a->dyn_args && (rc = add_dynamic(ev, a->dyn_args, &dyn)) < 0)
        return rc;
    s->pushed = a->pos.n + (dyn ? dyn->len : 0);
    struct value *v = s->pushed ? values_push(ev->ctx->ss, s->pushed) : NULL;
    s->args = v;
    for (; rc == 0 && s->n < a->pos.n; s->n++)
        rc = eval_raw(ev, a->pos.items[s->n], &v[s->n]);
    for (size_t i = 0; rc == 0 && dyn && i < dyn->len && s->n < s->pushed; i++)
        v[s->n++] = dyn->items[i];
    return rc;
}

static int eval_args(struct ev *ev, const struct call_args *a, struct arg_set *s)
{
    *s = (struct arg_set){.kwargs = &no_kwargs};
    if (!a)
        return 0;
    int rc = 0;
    if (a->constants) {
        s->args = a->constants;
        s->n = a->pos.n;
    } else if (a->pos.n || a->dyn_args) {
        rc = positional_args(ev, a, s);
    }
    if (a->constant_kwargs)
        s->kwargs = a->constant_kwargs;
    else if (rc == 0 && (a->kw.n || a->dyn_kwargs))
        rc = keyword_args(ev, a, s);
    return rc;
}

// Functions outside the tables of builtins get plain text. Constants are never encrypted.
static int reveal_args(struct ev *ev, struct arg_set *s)
{
    struct template_session *ss = ev->ctx->ss;
    struct value *args = (struct value *)(uintptr_t)s->args;
    struct dict_entry *d;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n; i++)
        if (value_has_vault(&args[i]))
            rc = value_reveal(ev->ctx->t, ss->arena, &args[i], 0, ev->e);
    if (rc < 0)
        return rc;
    DICT_EACH(s->kwargs, d)
    {
        rc = value_reveal(ev->ctx->t, ss->arena, &d->val, 0, ev->e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void args_done(struct ev *ev, const struct arg_set *s)
{
    if (s->pushed)
        values_pop(ev->ctx->ss, s->pushed);
}

static __attribute__((noinline)) int run_builtin(struct ev *ev, const struct builtin *fn,
                                                 const char *name, const struct value *self,
                                                 const struct value *args, size_t n,
                                                 const struct dict *kwargs, struct value *ret)
{
    struct call c = {.t = ev->ctx->t,
                     .arena = ev->a,
                     .self = *self,
                     .args = args,
                     .n_args = n,
                     .kwargs = kwargs,
                     .pos = ev->ctx->pos,
                     .name = name};
    struct ctx *cur = ev->ctx->ss->cur;
    ev->ctx->ss->cur = ev->ctx;
    if (session_check_stack(ev->ctx->ss, ev->ctx->pos, ev->e) < 0)
        return ERR_LIMIT;
    struct value r = value_null();
    int rc = template_hooks.unknown_seen ? unknown_call(&c, fn, ev->e) : 0;
    if (rc == 0 && template_hooks.vault_seen)
        rc = call_reveal(&c, fn->fn, ev->e);
    if (rc == 0)
        rc = call_builtin(&c, fn->fn, &r, ev->e);
    ev->ctx->ss->cur = cur;
    if (rc < 0)
        return err_at(ev->e, ev->ctx->pos);
    *ret = r;
    return 0;
}

static int filter_with(struct ev *ev, const struct node *n, const struct value *self,
                       struct value *ret)
{
    const struct builtin *fn = n->u.call.fn;
    struct arg_set s;
    int rc = eval_args(ev, n->u.call.args, &s);
    if (rc == 0 && !self_ready(fn, &self))
        rc = eval_undefined(ev, self);
    if (rc == 0)
        rc = run_builtin(ev, fn, n->u.call.name->s, self, s.args, s.n, s.kwargs, ret);
    args_done(ev, &s);
    if (rc == 0 && n->flag && ret->type == VALUE_STRING)
        ret->flags |= VALUE_NATIVE_TEXT;
    return rc;
}

int eval_filter(struct ev *ev, const struct node *n, const struct value *subject, struct value *ret)
{
    const struct node *obj = n->u.call.obj;
    const struct value *self = obj ? eval_ready_raw(ev, obj) : subject;
    struct value v;
    int rc = 0;
    if (!self) {
        rc = obj->kind == N_FILTER && subject ? eval_filter(ev, obj, subject, &v)
                                              : eval_raw(ev, obj, &v);
        self = &v;
    }
    return rc < 0 ? rc : filter_with(ev, n, self, ret);
}

int eval_test(struct ev *ev, const struct node *n, struct value *ret)
{
    const struct builtin *fn = n->u.call.fn;
    const struct value *self = eval_ready_raw(ev, n->u.call.obj);
    struct value v;
    struct arg_set s;
    bool yes = false;
    int rc = self ? 0 : eval_raw(ev, n->u.call.obj, &v);
    if (rc < 0)
        return rc;
    if (!self)
        self = &v;
    rc = eval_args(ev, n->u.call.args, &s);
    if (rc == 0 && !self_ready(fn, &self))
        rc = eval_undefined(ev, self);
    if (rc == 0)
        rc = run_builtin(ev, fn, n->u.call.name->s, self, s.args, s.n, s.kwargs, ret);
    args_done(ev, &s);
    if (rc == 0 && n->op && (rc = eval_truth(ev, ret, &yes)) == 0)
        *ret = value_bool(!yes);
    return rc;
}

int call_value(struct ev *ev, const struct value *fn, const struct value *args, size_t n_args,
               const struct dict *kwargs, struct value *ret)
{
    if (fn->type == VALUE_UNDEFINED)
        return eval_undefined(ev, fn);
    if (fn->type == VALUE_DICT || (fn->type == VALUE_LIST && !(fn->flags & VALUE_TUPLE)))
        return type_error(ev, "unhashable type: '%s'", value_type_name(fn));
    if (fn->type != VALUE_OBJECT || !fn->u.obj->ops->call)
        return type_error(ev, "'%s' object is not callable", value_type_name(fn));
    if (session_check_stack(ev->ctx->ss, ev->ctx->pos, ev->e) < 0)
        return ERR_LIMIT;
    struct list l = {.arena = ev->a, .len = n_args, .cap = n_args};
    memcpy(&l.items, &args, sizeof args);
    int rc = fn->u.obj->ops->call(fn->u.obj, ev->a, &l, kwargs, ret, ev->e);
    return rc < 0 ? err_at(ev->e, ev->ctx->pos) : 0;
}

// Methods of text but format take no bytes.
static int no_bytes(struct ev *ev, const char *name, const struct arg_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->args[i].type == VALUE_STRING && s->args[i].flags & VALUE_BYTES)
            return type_error(ev, "%s() argument %zu must be str, not bytes", name, i + 1);
    return 0;
}

static const struct builtin of_markup = {.fn = markup_method};

// obj.method(...): without making an object of the method.
static int call_method(struct ev *ev, const struct node *n, bool *done, struct value *callee,
                       struct value *ret)
{
    const struct node *attr = n->u.call.obj;
    struct value obj;
    int rc = eval_expr(ev, attr->u.attr.obj, &obj);
    *done = false;
    if (rc < 0)
        return rc;
    const struct builtin *m = NULL;
    if (obj.type == VALUE_DICT)
        m = attr->u.attr.dict_method;
    else if (obj.type == VALUE_STRING && !(obj.flags & VALUE_BYTES))
        m = attr->u.attr.str_method;
    else if (obj.type != VALUE_OBJECT && obj.type != VALUE_UNDEFINED)
        m = method_find(&obj, attr->u.attr.name->s, attr->u.attr.name->len);
    if (!m)
        return get_attr(ev, &obj, attr->u.attr.name, attr->u.attr.dict_method, callee);
    struct arg_set s;
    *done = true;
    rc = eval_args(ev, n->u.call.args, &s);
    if (rc == 0 && m == attr->u.attr.str_method && strncmp(m->name, "format", 6) != 0)
        rc = no_bytes(ev, m->name, &s);
    if (rc == 0 && obj.type == VALUE_STRING && obj.flags & VALUE_MARKUP)
        rc = run_builtin(ev, &of_markup, m->name, &obj, s.args, s.n, s.kwargs, ret);
    else if (rc == 0)
        rc = run_builtin(ev, m, m->name, &obj, s.args, s.n, s.kwargs, ret);
    args_done(ev, &s);
    return rc;
}

int eval_call_with(struct ev *ev, const struct node *n, const struct value *caller,
                   struct value *ret)
{
    struct value fn;
    struct arg_set s;
    bool done = false;
    int rc = n->u.call.obj->kind == N_GETATTR && !caller ? call_method(ev, n, &done, &fn, ret)
                                                         : eval_expr(ev, n->u.call.obj, &fn);
    if (rc < 0 || done)
        return rc;
    rc = eval_args(ev, n->u.call.args, &s);
    if (rc == 0 && template_hooks.vault_seen)
        rc = reveal_args(ev, &s);
    if (rc == 0 && caller) {
        struct value d = value_dict(ev->a);
        dict_update(d.u.dict, s.kwargs);
        dict_set(d.u.dict, "caller", *caller);
        s.kwargs = d.u.dict;
    }
    if (rc == 0)
        rc = call_value(ev, &fn, s.args, s.n, s.kwargs, ret);
    args_done(ev, &s);
    return rc;
}

int eval_call(struct ev *ev, const struct node *n, struct value *ret)
{
    return eval_call_with(ev, n, NULL, ret);
}
