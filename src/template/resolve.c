// Variables by name: the context's own, then the play's (templated once per session), then global
// functions.
#include "template/eval.h"

#include <string.h>

bool value_has_unsafe(const struct value *v, bool keys, int depth)
{
    if (v->type == VALUE_STRING)
        return v->flags & VALUE_UNSAFE;
    if (depth > 100)
        return false;
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->u.list->len; i++)
            if (value_has_unsafe(&v->u.list->items[i], keys, depth + 1))
                return true;
    } else if (v->type == VALUE_DICT) {
        struct dict_entry *d;
        DICT_EACH(v->u.dict, d)
        if (value_has_unsafe(&d->val, keys, depth + 1) || (keys && d->key.flags & VALUE_UNSAFE))
            return true;
    }
    return false;
}

bool value_is_plain(const struct value *v, int depth, bool *unsafe)
{
    switch (v->type) {
    case VALUE_STRING:
        *unsafe |= (v->flags & VALUE_UNSAFE) != 0;
        return !(v->flags & VALUE_VAULT) &&
               (v->flags & VALUE_UNSAFE || !memchr(v->u.str.s, '{', v->u.str.len));
    case VALUE_LIST:
        if (v->flags & VALUE_TUPLE || depth > 99 || value_nodes(v) > NODES_MAX)
            return false;
        for (size_t i = 0; i < v->u.list->len; i++)
            if (!value_is_plain(&v->u.list->items[i], depth + 1, unsafe))
                return false;
        return true;
    case VALUE_DICT: {
        const struct dict *d = v->u.dict;
        if (depth > 99 || value_nodes(v) > NODES_MAX)
            return false;
        for (size_t i = 0; i < d->used; i++) {
            const struct dict_entry *x = &d->entries[i];
            if (!x->live)
                continue;
            if (x->val.type >= VALUE_STRING && !value_is_plain(&x->val, depth + 1, unsafe))
                return false;
        }
        return true;
    }
    default:
        return true;
    }
}

// --- the memo
// ----------------------------------------------------------------------------------------------------

static struct memo_entry *memo_find(struct template_session *ss, const struct name *n)
{
    if (!ss->memo_size)
        return NULL;
    size_t mask = ss->memo_size - 1;
    for (size_t i = n->hash & mask;; i = (i + 1) & mask) {
        struct memo_entry *m = &ss->memo[i];
        if (!m->state || (m->hash == n->hash && (m->name == n->s || strcmp(m->name, n->s) == 0)))
            return m;
    }
}

// Room for the names of the template that asks first; most are a variable or two.
static size_t first_size(const struct template *tpl)
{
    size_t size = 8, names = tpl ? tpl->root.scope.n : 0;
    while (size <= names * 2 && size < 256)
        size *= 2;
    return size;
}

static struct memo_entry *memo_slot(struct template_session *ss, const struct template *tpl,
                                    const struct name *n)
{
    if (ss->memo_n * 2 >= ss->memo_size) {
        struct memo_entry *old = ss->memo;
        size_t size = ss->memo_size;
        ss->memo_size = size ? size * 2 : first_size(tpl);
        ss->memo = arena_array(ss->arena, struct memo_entry, ss->memo_size);
        for (size_t i = 0; i < size; i++) {
            if (!old[i].state)
                continue;
            struct name key = {.s = old[i].name, .hash = old[i].hash};
            *memo_find(ss, &key) = old[i];
        }
    }
    return memo_find(ss, n);
}

// --- the play's variables
// ----------------------------------------------------------------------------------------

// "{{ x }}: 'x' is undefined": what a variable says that could not be templated.
static struct value undefined_variable(struct ev *ev, const struct value *raw, struct err *why)
{
    struct buf b = BUF_INIT;
    value_print(&b, raw);
    struct value v = value_undefined(ev->ctx->ss->arena, "%s: %s", buf_str(&b), err_msg(why));
    buf_release(&b);
    err_release(why);
    return v;
}

static int nested_error(struct ev *ev, const struct value *raw, struct err *why)
{
    struct template_session *ss = ev->ctx->ss;
    if (why->code == ERR_LIMIT || why->code == ERR_UNKNOWN)
        return err_move(ev->e, why);
    struct buf b = BUF_INIT;
    value_print(&b, raw);
    int rc =
        err_set(ev->e, ERR_FAILED, why->pos,
                "An unhandled exception occurred while templating '%s'. Error was a <class '%s'>, "
                "original message: %s",
                buf_str(&b), ss->exc ? ss->exc : "ansible.errors.AnsibleError", err_msg(why));
    ss->exc = NULL;
    err_release(why);
    buf_release(&b);
    return rc;
}

// A raw variable as templates see it, and whether something in it is unsafe.
static int cook(struct ev *ev, const struct value *raw, struct value *ret, bool *unsafe)
{
    struct ctx *c = ev->ctx;
    struct err why = ERR_INIT;
    *ret = *raw;
    *unsafe = false;
    if (value_is_plain(raw, 0, unsafe))
        return 0;
    static const struct template_opts modes[2] = {
        {.trim_blocks = true,
         .newline_sequence = "\n",
         .convert_data = true,
         .fail_on_undefined = true,
         .keep_vault = true},
        {.trim_blocks = true,
         .newline_sequence = "\n",
         .convert_data = true,
         .fail_on_undefined = true,
         .keep_vault = true,
         .native = true},
    };
    struct ctx *cur = c->ss->cur;
    int rc = template_nested(c->t, c->ss->arena, raw, &modes[c->opts.native], ret, &why, 0);
    c->ss->cur = cur;
    *unsafe = rc >= 0 && value_has_unsafe(ret, false, 0);
    if (rc < 0 && why.code == ERR_UNDEFINED) {
        *ret = undefined_variable(ev, raw, &why);
        return 0;
    }
    return rc < 0 ? nested_error(ev, raw, &why) : 0;
}

int find_raw(struct templar *t, struct arena *a, const struct name *n, struct value *raw,
             struct err *e)
{
    const struct value *local = t->locals ? dict_gethash(t->locals, n->s, n->len, n->hash) : NULL;
    if (local) {
        *raw = *local;
        return 1;
    }
    int rc = t->vars.get ? t->vars.get(t->vars.data, a, n->s, raw, e) : 0;
    if (rc == 0 && t->vars.all && n->len == 4 && memcmp(n->s, "vars", 4) == 0) {
        struct dict *all;
        rc = t->vars.all(t->vars.data, a, &all, e);
        if (rc < 0)
            return rc;
        *raw = (struct value){.type = VALUE_DICT, .u.dict = all};
        return 1;
    }
    return rc;
}

static int resolve_variable(struct ev *ev, const struct name *n, struct value *ret, bool *unsafe)
{
    struct template_session *ss = ev->ctx->ss;
    struct memo_entry *m = memo_slot(ss, ev->tpl, n);
    const struct memo_entry *table = ss->memo;
    struct value raw;
    if (m->state == MEMO_KNOWN || m->state == MEMO_MISSING) {
        *ret = m->v;
        *unsafe = m->unsafe;
        return m->state == MEMO_KNOWN;
    }
    if (m->state == MEMO_BUSY)
        return err_set(ev->e, ERR_LIMIT, ev->ctx->pos,
                       "recursive loop detected in template string");
    int rc = find_raw(ev->ctx->t, ss->arena, n, &raw, ev->e);
    if (rc < 0)
        return rc;
    if (!m->state) {
        *m = (struct memo_entry){.hash = n->hash, .name = n->s};
        ss->memo_n++;
    }
    m->state = MEMO_BUSY;
    struct value v = value_null();
    bool is_vars = n->len == 4 && memcmp(n->s, "vars", 4) == 0 && rc && raw.type == VALUE_DICT;
    if (rc && is_vars) {
        v = raw;
        value_has_vault(&raw);
        *unsafe = value_has_unsafe(&v, false, 0);
    } else if (rc && raw.type == VALUE_UNDEFINED) {
        rc = eval_undefined(ev, &raw);
    } else if (rc && (rc = cook(ev, &raw, &v, unsafe)) >= 0) {
        rc = 1;
    }
    if (ss->memo != table) // it has moved
        m = memo_find(ss, n);
    m->state = rc < 0 ? MEMO_FAILED : rc ? MEMO_KNOWN : MEMO_MISSING;
    if (rc < 0)
        return rc;
    m->v = *ret = v;
    m->unsafe = *unsafe;
    return rc;
}

int resolve_name(struct ev *ev, const struct name *name, struct value *ret)
{
    struct ctx *c = ev->ctx;
    const struct value *own =
        c->vars ? dict_gethash(c->vars, name->s, name->len, name->hash) : NULL;
    bool unsafe = false;
    if (!own && c->locals)
        own = dict_gethash(c->locals, name->s, name->len, name->hash);
    if (own) {
        *ret = *own;
        unsafe = !c->unsafe && value_has_unsafe(own, false, 0);
    } else {
        int rc = c->globals_only ? 0 : resolve_variable(ev, name, ret, &unsafe);
        if (rc < 0)
            return rc;
        if (rc && c->mutates && (ret->type == VALUE_LIST || ret->type == VALUE_DICT))
            *ret = value_copy(c->ss->arena, ret);
        const struct builtin *g = rc ? NULL : engine_global(name->s, name->len);
        if (!rc && !g)
            g = global_find(name->s, name->len);
        if (g)
            *ret = builtin_value(ev, g);
        else if (!rc)
            *ret = (struct value){.type = SLOT_MISSING};
    }
    if (unsafe)
        c->unsafe = true;
    return 0;
}
