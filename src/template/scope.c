// Gives every name of a template its slot, by jinja2's scoping rules: a frame (loop body, macro,
// with, ...) sees the names of the frames around it; assigning makes a name the frame's own, filled
// from outside when the frame starts.
#include "template/parse.h"
#include "template/walk.h"

#include <string.h>

#define MAX_SLOTS 60000

// A function while its slots are given out.
struct fn {
    struct fn *up;
    struct func *func;
};

// What one frame knows of a name.
struct sym {
    const struct name *name;
    uint16_t slot;
    bool stored, loaded;
    uint8_t kind, depth; // of the load
    uint16_t from;
};

// Names of a frame that have a slot, shared by the copies made for the branches of an if.
struct idents {
    const struct name **names;
    uint16_t *slots;
    size_t n, cap;
};

struct symbols {
    struct symbols *parent;
    struct fn *fn;
    struct idents *ids;
    struct sym *items;
    size_t n, cap;
};

struct frame_info {
    struct symbols *sym;
    bool toplevel, check_output;
};

struct visitor {
    struct parser *p;
    struct symbols *sym;
    bool as_param;
};

static struct symbols *symbols_new(struct parser *p, struct symbols *parent, struct fn *fn)
{
    struct symbols *s = arena_new_of(p->tmp, struct symbols);
    s->parent = parent;
    s->fn = fn;
    s->ids = arena_new_of(p->tmp, struct idents);
    return s;
}

static struct sym *find_own(const struct symbols *s, const struct name *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].name == name)
            return &s->items[i];
    return NULL;
}

static struct sym *find_ref(const struct symbols *s, const struct name *name,
                            const struct symbols **where)
{
    for (; s; s = s->parent) {
        struct sym *y = find_own(s, name);
        if (y) {
            *where = s;
            return y;
        }
    }
    return NULL;
}

static uint8_t hops(const struct fn *from, const struct fn *to)
{
    uint8_t n = 0;
    for (; from && from != to; from = from->up)
        n++;
    return n;
}

static uint16_t slot_for(struct parser *p, struct symbols *s, const struct name *name)
{
    struct idents *d = s->ids;
    for (size_t i = 0; i < d->n; i++)
        if (d->names[i] == name)
            return d->slots[i];
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 8;
        const struct name **names = arena_array(p->tmp, const struct name *, cap);
        uint16_t *slots = arena_array(p->tmp, uint16_t, cap);
        for (size_t i = 0; i < d->n; i++) {
            names[i] = d->names[i];
            slots[i] = d->slots[i];
        }
        *d = (struct idents){names, slots, d->n, cap};
    }
    if (s->fn->func->n_slots >= MAX_SLOTS) {
        err_set(p->e, ERR_LIMIT, p->pos, "template uses too many names");
        return 0;
    }
    d->names[d->n] = name;
    return d->slots[d->n++] = s->fn->func->n_slots++;
}

static struct sym *define(struct parser *p, struct symbols *s, const struct name *name,
                          enum load_kind kind)
{
    struct sym *y = find_own(s, name);
    if (!y) {
        if (s->n == s->cap) {
            size_t cap = s->cap ? s->cap * 2 : 8;
            struct sym *items = arena_array(p->tmp, struct sym, cap);
            if (s->n)
                memcpy(items, s->items, s->n * sizeof *items);
            s->items = items;
            s->cap = cap;
        }
        y = &s->items[s->n++];
        *y = (struct sym){.name = name, .slot = slot_for(p, s, name)};
    }
    y->loaded = true;
    y->kind = (uint8_t)kind;
    return y;
}

static void alias(struct symbols *s, struct sym *y, const struct sym *outer,
                  const struct symbols *where)
{
    y->kind = LOAD_ALIAS;
    y->depth = hops(s->fn, where->fn);
    y->from = outer->slot;
}

static void sym_load(struct visitor *v, const struct name *name)
{
    const struct symbols *where;
    if (!find_ref(v->sym, name, &where))
        define(v->p, v->sym, name, LOAD_RESOLVE);
}

static void sym_store(struct visitor *v, const struct name *name)
{
    struct sym *y = find_own(v->sym, name);
    const struct symbols *where = NULL;
    if (!y) {
        const struct sym *outer = find_ref(v->sym->parent, name, &where);
        y = define(v->p, v->sym, name, LOAD_UNDEFINED);
        if (outer)
            alias(v->sym, y, outer, where);
    }
    y->stored = true;
}

static struct sym *sym_param(struct parser *p, struct symbols *s, const struct name *name)
{
    struct sym *y = define(p, s, name, LOAD_PARAMETER);
    y->stored = true;
    return y;
}

// --- what a frame's body loads and stores
// -------------------------------------------------------------------------

static int analyze(void *data, struct node *n, bool store);

static struct symbols *branch_copy(struct visitor *v)
{
    struct symbols *s = arena_new_of(v->p->tmp, struct symbols);
    *s = *v->sym;
    s->cap = s->n;
    s->items = arena_array(v->p->tmp, struct sym, s->n + 1);
    if (s->n)
        memcpy(s->items, v->sym->items, s->n * sizeof *s->items);
    return s;
}

// A name stored in some branches only keeps the value from outside in the others.
static void branch_merge(struct visitor *v, struct symbols *const branches[3])
{
    struct symbols *self = v->sym;
    for (int b = 0; b < 3; b++) {
        for (size_t i = 0; i < branches[b]->n; i++) {
            const struct sym *y = &branches[b]->items[i];
            struct sym *mine = find_own(self, y->name);
            if (mine && mine->stored)
                continue;
            int count = 0, earlier = 0;
            for (int c = 0; c < 3; c++) {
                const struct sym *o = find_own(branches[c], y->name);
                count += o && o->stored;
                earlier += c < b && o != NULL;
            }
            if (earlier && mine && !y->stored)
                continue;
            bool fresh = !mine;
            if (fresh)
                mine = define(v->p, self, y->name, (enum load_kind)y->kind);
            if (fresh || y->stored) {
                mine->kind = y->kind;
                mine->depth = y->depth;
                mine->from = y->from;
            }
            if (!count || count == 3) {
                if (count == 3 && b == 2)
                    mine->stored = true;
                continue;
            }
            const struct symbols *where = NULL;
            const struct sym *outer = find_ref(self->parent, y->name, &where);
            if (outer)
                alias(self, mine, outer, where);
            else
                mine->kind = LOAD_RESOLVE;
            if (b == 2)
                mine->stored = true;
        }
    }
    for (int b = 0; b < 3; b++)
        for (size_t i = 0; i < branches[b]->n; i++)
            if (branches[b]->items[i].stored) {
                struct sym *y = find_own(self, branches[b]->items[i].name);
                if (y)
                    y->stored = true;
            }
}

static void analyze_if(struct visitor *v, struct node *n)
{
    struct symbols *branches[3], *self = v->sym;
    analyze(v, n->u.cond.test, false);
    for (int b = 0; b < 3; b++) {
        v->sym = self;
        v->sym = branches[b] = branch_copy(v);
        if (b == 0)
            walk_list(n->u.cond.body, false, analyze, v);
        for (struct node *k = n->u.cond.next; b && k; k = k->u.cond.next) {
            if (b == 2 && !k->u.cond.test) {
                walk_list(k->u.cond.body, false, analyze, v);
            } else if (b == 1 && k->u.cond.test) {
                struct node alone = *k;
                alone.u.cond.next = NULL;
                analyze_if(v, &alone);
            }
        }
    }
    v->sym = self;
    branch_merge(v, branches);
}

static int analyze(void *data, struct node *n, bool store)
{
    struct visitor *v = data;
    switch (n->kind) {
    case N_NAME:
        if (store && v->as_param)
            sym_param(v->p, v->sym, n->u.name);
        else if (store)
            sym_store(v, n->u.name);
        else
            sym_load(v, n->u.name);
        return 0;
    case N_IF:
        analyze_if(v, n);
        return 0;
    case N_FOR:
        return analyze(v, n->u.loop->iter, false);
    case N_SET:
        analyze(v, n->u.set.value, false);
        return analyze(v, n->u.set.target, true);
    case N_SETBLOCK:
        return analyze(v, n->u.set.target, true);
    case N_NSREF:
        return analyze(v, n->u.attr.obj, false);
    case N_WITH:
        return walk_list(n->u.with->values, false, analyze, v);
    case N_MACRO:
        sym_store(v, n->u.macro->name);
        return 0;
    case N_CALLBLOCK:
        return analyze(v, n->u.callblock.call, false);
    case N_FILTERBLOCK:
        return analyze(v, n->u.wrap.filter, false);
    case N_BLOCK:
    case N_AUTOESCAPE:
        return 0;
    case N_IMPORT:
        analyze(v, n->u.include->file, false);
        sym_store(v, n->u.include->target);
        return 0;
    case N_FROM:
        analyze(v, n->u.include->file, false);
        for (uint32_t i = 0; i < n->u.include->n_names; i++)
            sym_store(v, n->u.include->names[i].alias);
        return 0;
    default:
        return walk_children(n, store, analyze, v);
    }
}

struct search {
    const char *name;
    bool found;
};

static int undeclared_visit(void *data, struct node *n, bool store)
{
    struct search *s = data;
    if (n->kind == N_BLOCK)
        return 0;
    if (n->kind == N_NAME && strcmp(n->u.name->s, s->name) == 0) {
        s->found = !store;
        return 1;
    }
    return walk_children(n, store, undeclared_visit, s);
}

// True when body uses name before it assigns it.
static bool undeclared(struct node_list body, const char *name)
{
    struct search s = {name, false};
    walk_list(body, false, undeclared_visit, &s);
    return s.found;
}

static int scoped_visit(void *data, struct node *n, bool store)
{
    if (n->kind == N_BLOCK && n->u.block.block->scoped)
        return 1;
    return walk_children(n, store, scoped_visit, data);
}

static int loop_store_visit(void *data, struct node *n, bool store)
{
    if (n->kind == N_NAME && store && strcmp(n->u.name->s, "loop") == 0)
        return 1;
    return walk_children(n, store, loop_store_visit, data);
}

// --- giving slots to the nodes
// -----------------------------------------------------------------------------------

struct resolver {
    struct parser *p;
    struct frame_info fr;
};

static int resolve(void *data, struct node *n, bool store);

static void export_scope(struct parser *p, const struct symbols *s, struct scope *ret)
{
    ret->loads = arena_array(p->a, struct load, s->n);
    ret->n = 0;
    for (int constant = 0; constant < 2; constant++) {
        for (size_t i = 0; i < s->n; i++) {
            const struct sym *y = &s->items[i];
            bool is_constant = y->kind == LOAD_RESOLVE && !y->stored;
            if (y->loaded && y->kind != LOAD_PARAMETER && is_constant == constant)
                ret->loads[ret->n++] = (struct load){y->name, y->slot, y->kind, y->depth, y->from};
        }
        if (!constant)
            ret->n_again = ret->n;
    }
}

static void visible_names(struct resolver *r, struct visible **ret, uint32_t *ret_n)
{
    uint32_t n = 0, cap = 0;
    for (struct symbols *s = r->fr.sym; s; s = s->parent)
        cap += (uint32_t)s->n;
    struct visible *v = *ret = arena_array(r->p->a, struct visible, cap);
    for (struct symbols *s = r->fr.sym; s; s = s->parent)
        for (size_t i = 0; i < s->n; i++) {
            const struct symbols *where = NULL;
            uint32_t j = 0;
            while (j < n && v[j].name != s->items[i].name)
                j++;
            if (!s->items[i].stored || j < n)
                continue;
            const struct sym *y = find_ref(r->fr.sym, s->items[i].name, &where);
            if (y)
                v[n++] = (struct visible){y->name, hops(r->fr.sym->fn, where->fn), y->slot};
        }
    *ret_n = n;
}

static void set_slot(struct resolver *r, struct node *n)
{
    const struct symbols *where = r->fr.sym;
    const struct sym *y = find_ref(r->fr.sym, n->u.name, &where);
    if (!y)
        y = define(r->p, r->fr.sym, n->u.name, LOAD_RESOLVE);
    n->slot = y->slot;
    n->depth = hops(r->fr.sym->fn, where->fn);
}

static uint16_t own_slot(struct resolver *r, const struct name *name)
{
    struct node n = {.kind = N_NAME, .u.name = name};
    set_slot(r, &n);
    return n.slot;
}

// Resolves a body in a new frame with the given symbols, and exports the loads.
static int resolve_in(struct resolver *r, struct symbols *s, struct node_list body,
                      struct scope *scope)
{
    struct frame_info saved = r->fr;
    r->fr.sym = s;
    r->fr.toplevel = false;
    int rc = walk_list(body, false, resolve, r);
    export_scope(r->p, s, scope);
    r->fr = saved;
    return rc;
}

static int in_frame(struct resolver *r, struct symbols *s, struct node *n, bool store)
{
    struct frame_info saved = r->fr;
    r->fr.sym = s;
    r->fr.toplevel = false;
    int rc = n ? resolve(r, n, store) : 0;
    r->fr = saved;
    return rc;
}

static int resolve_for(struct resolver *r, struct node *n)
{
    struct for_loop *f = n->u.loop;
    struct parser *p = r->p;
    struct fn own = {.up = r->fr.sym->fn}, *fn = r->fr.sym->fn;
    if (loop_store_visit(NULL, n, false))
        return err_set(p->e, ERR_PARSE, p->pos,
                       "Can't assign to special loop variable in for-loop target");
    if (f->recursive) {
        f->func = arena_new_of(p->a, struct func);
        own.func = f->func;
        fn = &own;
    }
    f->extended = f->recursive || undeclared(f->body, "loop") || scoped_visit(NULL, n, false);
    struct symbols *body = symbols_new(p, r->fr.sym, fn), *test = symbols_new(p, r->fr.sym, fn),
                   *other = symbols_new(p, r->fr.sym, fn);
    if (f->extended)
        f->loop_slot = sym_param(p, body, parse_intern(p, "loop", 4))->slot;
    struct visitor v = {p, body, true};
    analyze(&v, f->target, true);
    v.as_param = false;
    walk_list(f->body, false, analyze, &v);
    v.sym = other;
    walk_list(f->otherwise, false, analyze, &v);
    if (f->test) {
        v.sym = test;
        v.as_param = true;
        analyze(&v, f->test_target, true);
        v.as_param = false;
        analyze(&v, f->test, false);
    }
    int rc = resolve(r, f->iter, false);
    if (rc == 0)
        rc = in_frame(r, body, f->target, true);
    if (rc == 0)
        rc = in_frame(r, test, f->test_target, true);
    if (rc == 0)
        rc = in_frame(r, test, f->test, false);
    if (rc == 0)
        rc = resolve_in(r, body, f->body, &f->body_scope);
    if (rc == 0)
        rc = resolve_in(r, other, f->otherwise, &f->else_scope);
    export_scope(p, test, &f->test_scope);
    return rc;
}

static int resolve_macro(struct resolver *r, struct macro *m)
{
    struct parser *p = r->p;
    struct fn fn = {r->fr.sym->fn, &m->func};
    struct symbols *s = symbols_new(p, r->fr.sym, &fn);
    struct visitor v = {p, s, false};
    bool own_kwargs = false, own_varargs = false;
    for (uint32_t i = 0; i < m->n_params; i++) {
        m->param_slots[i] = sym_param(p, s, m->params[i])->slot;
        m->explicit_caller |= strcmp(m->params[i]->s, "caller") == 0;
        own_kwargs |= strcmp(m->params[i]->s, "kwargs") == 0;
        own_varargs |= strcmp(m->params[i]->s, "varargs") == 0;
    }
    walk_list(m->defaults, false, analyze, &v);
    walk_list(m->func.body, false, analyze, &v);
    if (undeclared(m->func.body, "caller")) {
        for (uint32_t i = 0; i + m->defaults.n < m->n_params; i++)
            if (strcmp(m->params[i]->s, "caller") == 0)
                return err_set(
                    p->e, ERR_PARSE, p->pos,
                    "When defining macros or call blocks the special \"caller\" argument "
                    "must be omitted or be given a default.");
        m->uses_caller = true;
        if (!m->explicit_caller)
            m->caller_slot = sym_param(p, s, parse_intern(p, "caller", 6))->slot;
    }
    if (undeclared(m->func.body, "kwargs") && !own_kwargs) {
        m->uses_kwargs = true;
        m->kwargs_slot = sym_param(p, s, parse_intern(p, "kwargs", 6))->slot;
    }
    if (undeclared(m->func.body, "varargs") && !own_varargs) {
        m->uses_varargs = true;
        m->varargs_slot = sym_param(p, s, parse_intern(p, "varargs", 7))->slot;
    }
    bool check = r->fr.check_output;
    int rc = 0;
    r->fr.check_output = false;
    for (uint32_t i = 0; rc == 0 && i < m->defaults.n; i++)
        rc = in_frame(r, s, m->defaults.items[i], false);
    if (rc == 0)
        rc = resolve_in(r, s, m->func.body, &m->func.scope);
    r->fr.check_output = check;
    return rc;
}

static int resolve_set(struct resolver *r, struct node *n)
{
    n->flag = r->fr.toplevel;
    if (n->kind == N_SET) {
        int rc = resolve(r, n->u.set.value, false);
        return rc ? rc : resolve(r, n->u.set.target, true);
    }
    struct symbols *s = symbols_new(r->p, r->fr.sym, r->fr.sym->fn);
    struct visitor v = {r->p, s, false};
    bool check = r->fr.check_output;
    walk_list(*n->u.set.body, false, analyze, &v);
    r->fr.check_output = false;
    int rc = in_frame(r, s, n->u.set.filter, false);
    if (rc == 0)
        rc = resolve_in(r, s, *n->u.set.body, n->u.set.scope);
    r->fr.check_output = check;
    return rc ? rc : resolve(r, n->u.set.target, true);
}

static int resolve_with(struct resolver *r, struct node *n)
{
    struct symbols *s = symbols_new(r->p, r->fr.sym, r->fr.sym->fn);
    struct visitor v = {r->p, s, true};
    walk_list(n->u.with->targets, true, analyze, &v);
    v.as_param = false;
    walk_list(n->u.with->body, false, analyze, &v);
    int rc = walk_list(n->u.with->values, false, resolve, r);
    for (uint32_t i = 0; rc == 0 && i < n->u.with->targets.n; i++)
        rc = in_frame(r, s, n->u.with->targets.items[i], true);
    return rc ? rc : resolve_in(r, s, n->u.with->body, &n->u.with->scope);
}

static int resolve_wrap(struct resolver *r, struct node *n)
{
    struct symbols *s = symbols_new(r->p, r->fr.sym, r->fr.sym->fn);
    struct visitor v = {r->p, s, false};
    walk_list(n->u.wrap.body, false, analyze, &v);
    analyze(&v, n->u.wrap.filter, false);
    int rc = in_frame(r, s, n->u.wrap.filter, false);
    return rc ? rc : resolve_in(r, s, n->u.wrap.body, n->u.wrap.scope);
}

static int resolve_block(struct resolver *r, struct node *n)
{
    struct block *b = n->u.block.block;
    struct parser *p = r->p;
    struct fn fn = {NULL, &b->func};
    n->flag = r->fr.toplevel;
    if (b->scoped)
        visible_names(r, &n->u.block.visible, &n->u.block.n_visible);
    struct resolver inner = {p, {symbols_new(p, NULL, &fn), false, false}};
    b->uses_self = undeclared(b->func.body, "self");
    if (b->uses_self)
        b->self_slot = sym_param(p, inner.fr.sym, parse_intern(p, "self", 4))->slot;
    b->uses_super = undeclared(b->func.body, "super");
    if (b->uses_super)
        b->super_slot = sym_param(p, inner.fr.sym, parse_intern(p, "super", 5))->slot;
    struct visitor v = {p, inner.fr.sym, false};
    walk_list(b->func.body, false, analyze, &v);
    int rc = walk_list(b->func.body, false, resolve, &inner);
    export_scope(p, inner.fr.sym, &b->func.scope);
    return rc;
}

static int resolve_include(struct resolver *r, struct node *n)
{
    struct include *inc = n->u.include;
    n->flag = r->fr.toplevel;
    if (n->kind == N_EXTENDS && !r->fr.toplevel)
        return err_set(r->p->e, ERR_PARSE, r->p->pos,
                       "cannot use extend from a non top-level scope");
    int rc = resolve(r, inc->file, false);
    if (n->kind == N_IMPORT)
        inc->target_slot = own_slot(r, inc->target);
    for (uint32_t i = 0; i < inc->n_names; i++)
        inc->names[i].slot = own_slot(r, inc->names[i].alias);
    if (inc->with_context)
        visible_names(r, &inc->visible, &inc->n_visible);
    return rc;
}

static int resolve(void *data, struct node *n, bool store)
{
    struct resolver *r = data;
    switch (n->kind) {
    case N_NAME:
        set_slot(r, n);
        return 0;
    case N_OUTPUT:
        n->op = r->fr.check_output;
        return walk_list(n->u.list, false, resolve, r);
    case N_FOR:
        return resolve_for(r, n);
    case N_SET:
    case N_SETBLOCK:
        return resolve_set(r, n);
    case N_WITH:
        return resolve_with(r, n);
    case N_MACRO:
        n->flag = r->fr.toplevel;
        n->slot = own_slot(r, n->u.macro->name);
        return resolve_macro(r, n->u.macro);
    case N_CALLBLOCK: {
        int rc = resolve_macro(r, n->u.callblock.macro);
        return rc ? rc : resolve(r, n->u.callblock.call, false);
    }
    case N_FILTERBLOCK:
    case N_AUTOESCAPE:
        return resolve_wrap(r, n);
    case N_BLOCK:
        return resolve_block(r, n);
    case N_EXTENDS:
    case N_INCLUDE:
    case N_IMPORT:
    case N_FROM:
        return resolve_include(r, n);
    default:
        return walk_children(n, store, resolve, r);
    }
}

int scope_resolve(struct parser *p, struct node_list body)
{
    struct template *t = p->tpl;
    struct fn fn = {NULL, &t->root};
    struct resolver r = {p, {symbols_new(p, NULL, &fn), true, t->has_extends}};
    t->uses_self = undeclared(body, "self");
    if (t->uses_self)
        t->self_slot = sym_param(p, r.fr.sym, parse_intern(p, "self", 4))->slot;
    struct visitor v = {p, r.fr.sym, false};
    walk_list(body, false, analyze, &v);
    int rc = walk_list(body, false, resolve, &r);
    export_scope(p, r.fr.sym, &t->root.scope);
    t->root.body = body;
    return rc < 0 ? rc : p->e->code;
}
