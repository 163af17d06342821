// Visiting the children of a node.
#include "template/walk.h"

int walk_list(struct node_list l, bool store, walk_fn *fn, void *data)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < l.n; i++)
        rc = fn(data, l.items[i], store);
    return rc;
}

static int walk_one(struct node *n, bool store, walk_fn *fn, void *data)
{
    return n ? fn(data, n, store) : 0;
}

static int walk_args(const struct call_args *a, walk_fn *fn, void *data)
{
    int rc = 0;
    if (!a)
        return 0;
    rc = walk_list(a->pos, false, fn, data);
    if (rc == 0)
        rc = walk_list(a->kw, false, fn, data);
    if (rc == 0)
        rc = walk_one(a->dyn_args, false, fn, data);
    if (rc == 0)
        rc = walk_one(a->dyn_kwargs, false, fn, data);
    return rc;
}

static int walk_for(const struct for_loop *f, walk_fn *fn, void *data)
{
    int rc = walk_one(f->target, true, fn, data);
    if (rc == 0)
        rc = walk_one(f->iter, false, fn, data);
    if (rc == 0)
        rc = walk_list(f->body, false, fn, data);
    if (rc == 0)
        rc = walk_list(f->otherwise, false, fn, data);
    if (rc == 0)
        rc = walk_one(f->test, false, fn, data);
    return rc;
}

static int walk_if(struct node *n, walk_fn *fn, void *data)
{
    int rc = 0;
    for (; n && rc == 0; n = n->u.cond.next) {
        rc = walk_one(n->u.cond.test, false, fn, data);
        if (rc == 0)
            rc = walk_list(n->u.cond.body, false, fn, data);
    }
    return rc;
}

static int walk_set(struct node *n, walk_fn *fn, void *data)
{
    int rc = walk_one(n->u.set.target, true, fn, data);
    if (rc == 0)
        rc = walk_one(n->u.set.value, false, fn, data);
    if (rc == 0)
        rc = walk_one(n->u.set.filter, false, fn, data);
    if (rc == 0 && n->u.set.body)
        rc = walk_list(*n->u.set.body, false, fn, data);
    return rc;
}

static int walk_with(struct node *n, walk_fn *fn, void *data)
{
    int rc = walk_list(n->u.with->targets, true, fn, data);
    if (rc == 0)
        rc = walk_list(n->u.with->values, false, fn, data);
    if (rc == 0)
        rc = walk_list(n->u.with->body, false, fn, data);
    return rc;
}

static int walk_macro(const struct macro *m, walk_fn *fn, void *data)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < m->n_params; i++) {
        struct node param = {.kind = N_NAME, .u.name = m->params[i]};
        rc = fn(data, &param, true);
    }
    if (rc == 0)
        rc = walk_list(m->defaults, false, fn, data);
    if (rc == 0)
        rc = walk_list(m->func.body, false, fn, data);
    return rc;
}

int walk_children(struct node *n, bool store, walk_fn *fn, void *data)
{
    int rc = 0;
    switch ((enum node_kind)n->kind) {
    case N_CONST:
    case N_DATA:
    case N_NAME:
    case N_BREAK:
    case N_CONTINUE:
        return 0;
    case N_TUPLE:
    case N_LIST:
    case N_DICT:
    case N_CONCAT:
    case N_OUTPUT:
    case N_COMPARE:
        return walk_list(n->u.list, store, fn, data);
    case N_COND:
    case N_OR:
    case N_AND:
    case N_NOT:
    case N_BINARY:
    case N_NEG:
    case N_POS:
    case N_GETITEM:
    case N_SLICE:
    case N_DO:
        rc = walk_one(n->u.kids.x, false, fn, data);
        if (rc == 0)
            rc = walk_one(n->u.kids.y, false, fn, data);
        return rc ? rc : walk_one(n->u.kids.z, false, fn, data);
    case N_GETATTR:
    case N_NSREF:
        return walk_one(n->u.attr.obj, false, fn, data);
    case N_CALL:
    case N_FILTER:
    case N_TEST:
        rc = walk_one(n->u.call.obj, false, fn, data);
        return rc ? rc : walk_args(n->u.call.args, fn, data);
    case N_IF:
        return walk_if(n, fn, data);
    case N_FOR:
        return walk_for(n->u.loop, fn, data);
    case N_SET:
    case N_SETBLOCK:
        return walk_set(n, fn, data);
    case N_WITH:
        return walk_with(n, fn, data);
    case N_MACRO:
        return walk_macro(n->u.macro, fn, data);
    case N_CALLBLOCK:
        rc = fn(data, n->u.callblock.call, false);
        return rc ? rc : walk_macro(n->u.callblock.macro, fn, data);
    case N_FILTERBLOCK:
    case N_AUTOESCAPE:
        rc = walk_list(n->u.wrap.body, false, fn, data);
        return rc ? rc : walk_one(n->u.wrap.filter, false, fn, data);
    case N_BLOCK:
        return walk_list(n->u.block.block->func.body, false, fn, data);
    case N_EXTENDS:
    case N_INCLUDE:
    case N_IMPORT:
    case N_FROM:
        return fn(data, n->u.include->file, false);
    }
    return 0;
}

static int changes(void *data, struct node *n, bool store)
{
    (void)store;
    return n->kind == N_NAME || n->kind == N_CALL || walk_children(n, false, changes, data);
}

bool node_is_constant(const struct node *n)
{
    return !changes(NULL, (struct node *)(uintptr_t)n, false); // nothing is changed
}
