// Templates made of others: blocks, extends, include, import.
#include "template/eval.h"

#include "core/file.h"

#include <string.h>
#include <sys/stat.h>

#define MAX_FILE ((size_t)64 << 20)
#define MAX_INCLUDES 40

// --- blocks
// ------------------------------------------------------------------------------------------------------

static struct block_stack *find_stack(const struct ctx *ctx, const char *name)
{
    for (struct block_stack *s = ctx->blocks; s; s = s->next)
        if (strcmp(s->name->s, name) == 0)
            return s;
    return NULL;
}

void add_blocks(struct ctx *ctx, struct arena *a, struct template *tpl)
{
    for (const struct block *b = tpl->blocks; b; b = b->next) {
        struct block_stack *s = find_stack(ctx, b->name->s);
        if (!s) {
            s = arena_new_of(a, struct block_stack);
            s->name = b->name;
            s->next = ctx->blocks;
            ctx->blocks = s;
        }
        s->impls = arena_room(a, s->impls, s->n, &s->cap, 2, sizeof *s->impls);
        s->impls[s->n++] = (struct block_impl){b, tpl};
    }
}

struct block_ref {
    struct ev ev;
    const struct block_stack *stack;
    size_t at;
};

static const struct value_ops block_ops;

static struct value block_value(struct ev *ev, const struct block_stack *s, size_t at)
{
    struct block_ref *r = arena_new_of(ev->a, struct block_ref);
    *r = (struct block_ref){*ev, s, at};
    return value_object(ev->a, &block_ops, r);
}

static int block_call(struct value_object *o, struct arena *a, const struct list *args,
                      const struct dict *kwargs, struct value *ret, struct err *e)
{
    struct block_ref *r = o->data;
    struct ev ev = r->ev;
    struct buf own;
    struct out out;
    (void)args;
    (void)kwargs;
    ev.a = a;
    ev.e = e;
    out_init(&out, session_buf(ev.ctx->ss, &own));
    out.text = true;
    ev.out = &out;
    bool convert = ev.ctx->convert, native = ev.ctx->native;
    int rc = run_block(&ev, r->stack, r->at, ev.ctx);
    ev.ctx->convert = ev.ctx->native = false; // a block's text is never read as a literal
    if (rc >= 0)
        rc = out_finish(&ev, &out, ret);
    ev.ctx->convert = convert;
    ev.ctx->native = native;
    session_buf_done(ev.ctx->ss, out.b);
    return rc;
}

static int block_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                     struct value *ret, struct err *e)
{
    struct block_ref *r = o->data;
    (void)a;
    (void)attr;
    (void)e;
    if (!value_eqs(key, "super"))
        return 0;
    if (r->at + 1 < r->stack->n)
        *ret = block_value(&r->ev, r->stack, r->at + 1);
    else
        *ret = value_undefined(a, "there is no parent block called '%s'.", r->stack->name->s);
    return 1;
}

static const struct value_ops block_ops = {
    .type_name = "jinja2.runtime.BlockReference", .get = block_get, .call = block_call};

static int self_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                    struct value *ret, struct err *e)
{
    struct ev *ev = o->data;
    (void)a;
    (void)attr;
    (void)e;
    const struct block_stack *s =
        key->type == VALUE_STRING ? find_stack(ev->ctx, key->u.str.s) : NULL;
    if (s)
        *ret = block_value(ev, s, 0);
    return s != NULL;
}

static const struct value_ops self_ops = {.type_name = "jinja2.runtime.TemplateReference",
                                          .get = self_get};

struct value self_value(struct ev *ev)
{
    struct ev *copy = arena_new_of(ev->a, struct ev);
    *copy = *ev;
    return value_object(ev->a, &self_ops, copy);
}

static struct value parent_block(struct ev *ev, const struct block_stack *s, size_t at)
{
    if (at + 1 < s->n)
        return block_value(ev, s, at + 1);
    return value_undefined(ev->a, "there is no parent block called '%s'.", s->name->s);
}

int run_block(struct ev *ev, const struct block_stack *s, size_t at, struct ctx *ctx)
{
    const struct block_impl *impl = &s->impls[at];
    struct ev inner = {.ctx = ctx, .out = ev->out, .a = ev->a, .e = ev->e, .tpl = impl->tpl};
    int rc = session_check_stack(ctx->ss, ctx->pos, ev->e);
    if (rc < 0)
        return rc;
    enter_func(&inner, &impl->block->func, NULL);
    enter_scope(&inner, &impl->block->func.scope);
    if (impl->block->uses_self)
        inner.fr->slots[impl->block->self_slot] = self_value(&inner);
    if (impl->block->uses_super)
        inner.fr->slots[impl->block->super_slot] = parent_block(&inner, s, at);
    rc = eval_body(&inner, &impl->block->func.body);
    return rc > 0 ? 0 : rc;
}

// What the context shows to a template or block entered from here: its own names and the visible
// frames'.
static const struct dict *derived_locals(struct ev *ev, const struct visible *v, uint32_t n)
{
    struct value d = value_dict(ev->a);
    if (ev->ctx->locals)
        dict_update(d.u.dict, ev->ctx->locals);
    if (ev->ctx->vars)
        dict_update(d.u.dict, ev->ctx->vars);
    for (uint32_t i = 0; i < n; i++) {
        struct node at = {.kind = N_NAME, .depth = (uint8_t)v[i].depth, .slot = v[i].slot};
        const struct value *slot = slot_of(ev, &at);
        const char *name = v[i].name->s;
        if (slot->type != SLOT_MISSING && slot->type != SLOT_LAZY)
            dict_setv(d.u.dict, value_cstr(name), *slot);
    }
    return d.u.dict;
}

int eval_block(struct ev *ev, const struct node *n)
{
    const struct block *b = n->u.block.block;
    if (n->flag && ev->parent)
        return 0;
    const struct block_stack *s = find_stack(ev->ctx, b->name->s);
    if (!s)
        return other_error(ev, "KeyError", "'%s'", b->name->s);
    if (b->required && s->n <= 1)
        return other_error(ev, "jinja2.exceptions.TemplateRuntimeError",
                           "Required block '%s' not found", b->name->s);
    if (!b->scoped)
        return run_block(ev, s, 0, ev->ctx);
    struct ctx *inner = arena_new_of(ev->a, struct ctx);
    *inner = *ev->ctx;
    inner->locals = derived_locals(ev, n->u.block.visible, n->u.block.n_visible);
    inner->vars = NULL;
    int rc = run_block(ev, s, 0, inner);
    ev->ctx->unsafe |= inner->unsafe;
    return rc;
}

// --- files
// -------------------------------------------------------------------------------------------------------

static bool safe_name(const char *s)
{
    for (const char *p = s; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return false;
        p += n + (p[n] == '/');
    }
    return *s != '\0';
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

// The path of a template by name: in each folder's templates/, then in the folder.
static const char *find_file(struct ev *ev, const char *name)
{
    const struct template_paths *p = &ev->ctx->t->paths;
    struct arena *a = ev->a;
    while (*name == '/')
        name++;
    if (!safe_name(name))
        return NULL;
    for (size_t i = 0; i < p->n; i++) {
        const char *sub = arena_printf(a, "%s/templates/%s", p->dirs[i], name);
        const char *here = arena_printf(a, "%s/%s", p->dirs[i], name);
        if (is_file(sub))
            return sub;
        if (is_file(here))
            return here;
    }
    const char *base = arena_printf(a, "%s/%s", p->basedir ? p->basedir : ".", name);
    return is_file(base) ? base : NULL;
}

static int load(struct ev *ev, const char *name, struct template **ret)
{
    const char *path = find_file(ev, name);
    char *text;
    size_t len;
    if (!path)
        return ERR_NOENT;
    int rc = file_read(ev->a, path, MAX_FILE, &text, &len, ev->e);
    if (rc < 0)
        return rc == ERR_NOENT ? ERR_IO : rc;
    struct pos pos = {.file = src_file(path), .line = 1, .col = 1};
    rc = cache_get(ev->ctx->t->cache, &ev->ctx->opts, text, len, name, FORM_FILE, pos, ret, ev->e);
    if (rc == ERR_PARSE && ev->e) // jinja2 says it of the file, without Ansible's words around it
        ev->e->code = rc = ERR_FAILED;
    return rc == ERR_NOENT ? ERR_FAILED : rc;
}

static int not_found(struct ev *ev, const char *what)
{
    int rc = other_error(ev, "jinja2.exceptions.TemplateNotFound", "%s", what);
    if (ev->e)
        ev->e->code = ERR_NOENT;
    (void)rc;
    return ERR_NOENT;
}

// A template by name, or the first of a list that exists. ERR_NOENT when there is none.
static int load_value(struct ev *ev, const struct node *file, struct template **ret)
{
    struct value v, plain;
    int rc = eval_expr(ev, file, &v);
    if (rc == 0)
        rc = make_plain(ev, &v, &plain);
    if (rc < 0)
        return rc;
    if (plain.type == VALUE_UNDEFINED)
        return eval_undefined(ev, &plain);
    if (plain.type == VALUE_STRING) {
        rc = load(ev, plain.u.str.s, ret);
        return rc == ERR_NOENT ? not_found(ev, plain.u.str.s) : rc;
    }
    if (plain.type != VALUE_LIST)
        return type_error(ev, "'%s' object is not iterable", value_type_name(&plain));
    struct buf b = BUF_INIT;
    rc = ERR_NOENT;
    for (size_t i = 0; rc == ERR_NOENT && i < plain.u.list->len; i++) {
        const struct value *name = &plain.u.list->items[i];
        buf_addf(&b, "%s%s", i ? ", " : "", name->type == VALUE_STRING ? name->u.str.s : "?");
        if (name->type == VALUE_STRING)
            rc = load(ev, name->u.str.s, ret);
    }
    if (rc == ERR_NOENT) {
        const char *what =
            !plain.u.list->len
                ? "Tried to select from an empty list of templates."
                : arena_printf(ev->a, "none of the templates given were found: %s", buf_str(&b));
        not_found(ev, what);
    }
    buf_release(&b);
    return rc;
}

// The context another template runs in. Its references are kept by the session's arena until the
// end.
static int new_ctx(struct ev *ev, const struct include *inc, struct template *tpl, struct ctx **ret)
{
    struct ctx *c = arena_new_of(ev->a, struct ctx);
    const struct ctx *o = ev->ctx;
    *c = (struct ctx){.ss = o->ss,
                      .t = o->t,
                      .tpl = tpl,
                      .globals_only = inc->with_context ? o->globals_only : true,
                      .convert = o->convert,
                      .native = o->native,
                      .mutates = tpl->mutates,
                      .pos = o->pos,
                      .opts = o->opts,
                      .depth = o->depth + 1};
    if (inc->with_context)
        c->locals = derived_locals(ev, inc->visible, inc->n_visible);
    add_blocks(c, ev->a, tpl);
    *ret = c;
    if (c->depth > MAX_INCLUDES)
        return err_set(ev->e, ERR_LIMIT, o->pos, "recursive loop detected in template string");
    return session_check_stack(o->ss, o->pos, ev->e);
}

int eval_include(struct ev *ev, const struct node *n)
{
    struct template *tpl;
    struct ctx *ctx;
    int rc = load_value(ev, n->u.include->file, &tpl);
    if (rc == ERR_NOENT && n->u.include->ignore_missing) {
        if (ev->e)
            err_release(ev->e);
        return 0;
    }
    if (rc < 0)
        return rc;
    session_keep(ev->ctx->ss, tpl);
    rc = new_ctx(ev, n->u.include, tpl, &ctx);
    if (rc < 0)
        return rc;
    struct ev inner = {.ctx = ctx, .out = ev->out, .a = ev->a, .e = ev->e, .tpl = tpl};
    rc = eval_template(&inner, tpl);
    ev->ctx->unsafe |= ctx->unsafe;
    return rc;
}

// --- modules
// -----------------------------------------------------------------------------------------------------

struct module {
    struct ctx *ctx;
    struct value body;
    const char *name;
};

static int module_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                      struct value *ret, struct err *e)
{
    const struct module *m = o->data;
    (void)a;
    (void)attr;
    (void)e;
    if (!m->ctx->exported || !dict_getv(m->ctx->exported, key))
        return 0;
    const struct value *v = dict_getv(m->ctx->vars, key);
    if (v)
        *ret = *v;
    return v != NULL;
}

static int module_text(struct value_object *o, struct arena *a, struct value *ret, struct err *e)
{
    (void)a;
    (void)e;
    *ret = ((const struct module *)o->data)->body;
    return 0;
}

static const struct value_ops module_ops = {.type_name = "jinja2.environment.TemplateModule",
                                            .get = module_get,
                                            .materialize = module_text};

// Runs a template for the names it sets.
static int make_module(struct ev *ev, const struct node *n, struct value *ret)
{
    struct template *tpl;
    struct ctx *ctx;
    struct buf own;
    struct out out;
    int rc = load_value(ev, n->u.include->file, &tpl);
    if (rc < 0)
        return rc;
    session_keep(ev->ctx->ss, tpl);
    rc = new_ctx(ev, n->u.include, tpl, &ctx);
    if (rc < 0)
        return rc;
    struct module *m = arena_new_of(ev->a, struct module);
    *m = (struct module){ctx, value_ref("", 0), tpl->name};
    out_init(&out, session_buf(ctx->ss, &own));
    struct ev inner = {.ctx = ctx, .out = &out, .a = ev->a, .e = ev->e, .tpl = tpl};
    rc = eval_template(&inner, tpl);
    inner.tpl = tpl;
    if (rc == 0)
        rc = out_finish(&inner, &out, &m->body);
    session_buf_done(ctx->ss, out.b);
    ev->ctx->unsafe |= ctx->unsafe;
    *ret = value_object(ev->a, &module_ops, m);
    return rc;
}

int eval_import(struct ev *ev, const struct node *n)
{
    const struct include *inc = n->u.include;
    struct value mod, v;
    int rc = make_module(ev, n, &mod);
    if (rc < 0)
        return rc;
    if (n->kind == N_IMPORT) {
        ev->fr->slots[inc->target_slot] = mod;
        if (n->flag)
            set_exported(ev, inc->target, &mod, false);
        return 0;
    }
    for (uint32_t i = 0; rc >= 0 && i < inc->n_names; i++) {
        const struct from_name *f = &inc->names[i];
        struct value key = value_ref(f->name->s, f->name->len);
        rc = module_get(mod.u.obj, ev->a, &key, true, &v, ev->e);
        if (rc == 0)
            v = value_undefined(
                ev->a,
                "the template '%s' (imported on line %u) does not export the requested "
                "name '%s'",
                ((const struct module *)mod.u.obj->data)->name, n->line, f->name->s);
        ev->fr->slots[f->slot] = v;
        if (n->flag)
            set_exported(ev, f->alias, &v, false);
    }
    return rc < 0 ? rc : 0;
}

int eval_extends(struct ev *ev, const struct node *n)
{
    struct template *tpl;
    if (ev->parent)
        return other_error(ev, "jinja2.exceptions.TemplateRuntimeError", "extended multiple times");
    int rc = load_value(ev, n->u.include->file, &tpl);
    if (rc < 0)
        return rc;
    session_keep(ev->ctx->ss, tpl);
    add_blocks(ev->ctx, ev->a, tpl);
    ev->ctx->mutates |= tpl->mutates;
    ev->parent = tpl;
    return 0;
}
