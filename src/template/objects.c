// Values with behaviour that templates make: macros, bound methods, global functions, namespaces.
#include "template/eval.h"

#include <string.h>

// What an object needs to go on evaluating when it is called.
struct closure {
    struct ctx *ctx;
    struct template *tpl;
    struct frame *fr;
    const struct macro *macro;
};

struct method {
    struct ctx *ctx;
    struct value self;
    const struct builtin *fn;
};

static const struct dict no_kwargs;

// --- macros
// ------------------------------------------------------------------------------------------------------

struct macro_call {
    const struct macro *m;
    const struct list *args;
    struct dict *kwargs; // a copy: what is taken is removed
};

static struct value undefined_param(struct ev *ev, const char *name)
{
    return value_undefined(ev->a, "parameter '%s' was not provided", name);
}

static int fill_defaults(struct ev *ev, const struct macro *m)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < m->n_params; i++) {
        struct value *slot = &ev->fr->slots[m->param_slots[i]];
        if (slot->type != SLOT_MISSING)
            continue;
        if (i + m->defaults.n >= m->n_params)
            rc = eval_expr(ev, m->defaults.items[i + m->defaults.n - m->n_params], slot);
        else
            *slot = undefined_param(ev, m->params[i]->s);
    }
    return rc;
}

static int take_params(struct ev *ev, const struct macro_call *k, struct value *slots)
{
    const struct macro *m = k->m;
    bool found_caller = k->args->len >= m->n_params && m->explicit_caller;
    for (uint32_t i = 0; i < m->n_params; i++) {
        struct value *slot = &slots[m->param_slots[i]];
        *slot = (struct value){.type = SLOT_MISSING};
        if (i < k->args->len) {
            *slot = k->args->items[i];
            continue;
        }
        const struct value *kw = dict_get(k->kwargs, m->params[i]->s);
        if (kw)
            *slot = *kw;
        dict_del(k->kwargs, m->params[i]->s);
        found_caller |= strcmp(m->params[i]->s, "caller") == 0;
    }
    if (m->uses_caller && !found_caller) {
        const struct value *kw = dict_get(k->kwargs, "caller");
        slots[m->caller_slot] = kw ? *kw : value_undefined(ev->a, "No caller defined");
        dict_del(k->kwargs, "caller");
    }
    return 0;
}

static int take_rest(struct ev *ev, const struct macro_call *k, struct value *slots)
{
    const struct macro *m = k->m;
    const char *name = m->name ? m->name->s : "None";
    const char *q = m->name ? "'" : "";
    struct dict_entry *d;
    if (m->uses_kwargs) {
        slots[m->kwargs_slot] = (struct value){.type = VALUE_DICT, .u.dict = k->kwargs};
    } else if (k->kwargs->len) {
        if (dict_get(k->kwargs, "caller"))
            return type_error(
                ev,
                "macro %s%s%s was invoked with two values for the special caller argument. "
                "This is most likely a bug.",
                q, name, q);
        DICT_EACH(k->kwargs, d)
        return type_error(ev, "macro %s%s%s takes no keyword argument '%s'", q, name, q,
                          d->key.type == VALUE_STRING ? d->key.u.str.s : "?");
    }
    if (m->uses_varargs) {
        struct value rest = value_list(ev->a);
        rest.flags = VALUE_TUPLE;
        for (size_t i = m->n_params; i < k->args->len; i++)
            list_add(rest.u.list, k->args->items[i]);
        slots[m->varargs_slot] = rest;
    } else if (k->args->len > m->n_params) {
        return type_error(ev, "macro %s%s%s takes not more than %u argument(s)", q, name, q,
                          m->n_params);
    }
    return 0;
}

static int macro_call(struct value_object *o, struct arena *a, const struct list *args,
                      const struct dict *kwargs, struct value *ret, struct err *e)
{
    const struct closure *c = o->data;
    struct ev ev = {.ctx = c->ctx, .tpl = c->tpl, .a = a, .e = e};
    struct dict none = {.arena = a};
    struct macro_call k = {c->macro, args, &none};
    if (c->macro->uses_kwargs || (kwargs && kwargs->len)) {
        k.kwargs = value_dict(a).u.dict;
        dict_update(k.kwargs, kwargs);
    }
    int rc = session_check_stack(c->ctx->ss, c->ctx->pos, e);
    if (rc == 0)
        rc = session_check_memory(a, c->ctx->pos, e);
    if (rc < 0)
        return rc;
    enter_func(&ev, &c->macro->func, c->fr);
    rc = take_params(&ev, &k, ev.fr->slots);
    if (rc == 0)
        rc = take_rest(&ev, &k, ev.fr->slots);
    enter_scope(&ev, &c->macro->func.scope);
    if (rc == 0)
        rc = fill_defaults(&ev, c->macro);
    if (rc == 0)
        rc = eval_captured(&ev, &c->macro->func.body, ret);
    if (rc == 0 && c->ctx->autoescape && ret->type == VALUE_STRING)
        ret->flags |= VALUE_MARKUP;
    return rc;
}

static int macro_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                     struct value *ret, struct err *e)
{
    const struct macro *m = ((const struct closure *)o->data)->macro;
    (void)attr;
    (void)e;
    if (value_eqs(key, "name")) {
        *ret = m->name ? value_cstr(m->name->s) : value_null();
    } else if (value_eqs(key, "arguments")) {
        *ret = value_list(a);
        ret->flags = VALUE_TUPLE;
        for (uint32_t i = 0; i < m->n_params; i++)
            list_add(ret->u.list, value_cstr(m->params[i]->s));
    } else if (value_eqs(key, "catch_kwargs")) {
        *ret = value_bool(m->uses_kwargs);
    } else if (value_eqs(key, "catch_varargs")) {
        *ret = value_bool(m->uses_varargs);
    } else if (value_eqs(key, "caller")) {
        *ret = value_bool(m->uses_caller);
    } else {
        return 0;
    }
    return 1;
}

static int macro_text(struct value_object *o, struct arena *a, struct value *ret, struct err *e)
{
    const struct macro *m = ((const struct closure *)o->data)->macro;
    (void)e;
    *ret = m->name ? value_strf(a, "<Macro '%s'>", m->name->s) : value_cstr("<Macro anonymous>");
    return 0;
}

static const struct value_ops macro_ops = {.type_name = "jinja2.runtime.Macro",
                                           .get = macro_get,
                                           .call = macro_call,
                                           .materialize = macro_text};

struct value macro_value(struct ev *ev, const struct macro *m)
{
    struct closure *c = arena_new_of(ev->a, struct closure);
    *c = (struct closure){ev->ctx, ev->tpl, ev->fr, m};
    return value_object(ev->a, &macro_ops, c);
}

// --- bound methods and global functions
// ------------------------------------------------------------------------

static int method_call(struct value_object *o, struct arena *a, const struct list *args,
                       const struct dict *kwargs, struct value *ret, struct err *e)
{
    const struct method *m = o->data;
    struct call c = {.t = m->ctx->t,
                     .arena = a,
                     .self = m->self,
                     .args = args->items,
                     .n_args = args->len,
                     .kwargs = kwargs ? kwargs : &no_kwargs,
                     .pos = m->ctx->pos,
                     .name = m->fn->name};
    struct template_session *ss = m->ctx->ss;
    struct ctx *cur = ss->cur;
    ss->cur = m->ctx;
    *ret = value_null();
    int rc = call_builtin(&c, m->fn->fn, ret, e);
    ss->cur = cur;
    return rc;
}

static int method_text(struct value_object *o, struct arena *a, struct value *ret, struct err *e)
{
    const struct method *m = o->data;
    (void)e;
    *ret = value_strf(a, "<built-in method %s of %s object at %p>", m->fn->name,
                      value_type_name(&m->self), o->data);
    return 0;
}

static int function_text(struct value_object *o, struct arena *a, struct value *ret, struct err *e)
{
    const struct method *m = o->data;
    (void)e;
    *ret = value_strf(a, "<function %s at %p>", m->fn->name, o->data);
    return 0;
}

static const struct value_ops method_ops = {
    .type_name = "builtin_function_or_method", .call = method_call, .materialize = method_text};
static const struct value_ops function_ops = {
    .type_name = "function", .call = method_call, .materialize = function_text};

bool is_function(const struct value *v)
{
    const struct value_ops *ops = v->type == VALUE_OBJECT ? v->u.obj->ops : NULL;
    return ops && (ops == &macro_ops || ops == &method_ops || ops == &function_ops);
}

struct value bound_method(struct ev *ev, const struct value *self, const struct builtin *fn)
{
    struct method *m = arena_new_of(ev->a, struct method);
    *m = (struct method){ev->ctx, *self, fn};
    return value_object(ev->a, &method_ops, m);
}

struct value builtin_value(struct ev *ev, const struct builtin *fn)
{
    struct method *m = arena_new_of(ev->a, struct method);
    *m = (struct method){ev->ctx, value_null(), fn};
    return value_object(ev->a, &function_ops, m);
}

// --- namespaces
// --------------------------------------------------------------------------------------------------

static int ns_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                  struct value *ret, struct err *e)
{
    const struct value *v = dict_getv(o->data, key);
    (void)a;
    (void)attr;
    (void)e;
    if (v)
        *ret = *v;
    return v != NULL;
}

static int ns_set(struct value_object *o, const struct value *key, const struct value *val,
                  struct err *e)
{
    (void)e;
    dict_setv(o->data, *key, *val);
    return 0;
}

static int ns_text(struct value_object *o, struct arena *a, struct value *ret, struct err *e)
{
    struct value d = {.type = VALUE_DICT, .u.dict = o->data};
    struct buf b = BUF_INIT;
    (void)e;
    value_print(&b, &d);
    *ret = value_strf(a, "<Namespace %s>", buf_str(&b));
    buf_release(&b);
    return 0;
}

static const struct value_ops ns_ops = {
    .type_name = "jinja2.utils.Namespace", .get = ns_get, .set = ns_set, .materialize = ns_text};

// namespace(mapping_or_pairs, **values)
static int global_namespace(struct call *c, struct value *ret, struct err *e)
{
    struct value d = value_dict(c->arena);
    if (c->n_args > 1)
        return err_set(e, ERR_INVALID, c->pos, "dict expected at most 1 argument, got %zu",
                       c->n_args);
    if (c->n_args && c->args[0].type == VALUE_DICT) {
        dict_update(d.u.dict, c->args[0].u.dict);
    } else if (c->n_args && c->args[0].type == VALUE_LIST) {
        const struct list *l = c->args[0].u.list;
        for (size_t i = 0; i < l->len; i++) {
            if (l->items[i].type != VALUE_LIST || l->items[i].u.list->len != 2)
                return err_set(
                    e, ERR_INVALID, c->pos,
                    "cannot convert dictionary update sequence element #%zu to a sequence", i);
            dict_setv(d.u.dict, l->items[i].u.list->items[0], l->items[i].u.list->items[1]);
        }
    } else if (c->n_args) {
        return err_set(e, ERR_INVALID, c->pos, "'%s' object is not iterable",
                       value_type_name(&c->args[0]));
    }
    dict_update(d.u.dict, c->kwargs);
    *ret = value_object(c->arena, &ns_ops, d.u.dict);
    return 0;
}

static const struct builtin engine_globals[] = {
    {"lookup", global_lookup, true, "runs a lookup and joins its results with commas"},
    {"namespace", global_namespace, true, "an object whose attributes {% set %} can change"},
    {"q", global_query, true, "short for query"},
    {"query", global_query, true, "runs a lookup and gives its list"},
};

const struct builtin *engine_global(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof engine_globals / sizeof *engine_globals; i++)
        if (strlen(engine_globals[i].name) == len && memcmp(engine_globals[i].name, name, len) == 0)
            return &engine_globals[i];
    return NULL;
}
