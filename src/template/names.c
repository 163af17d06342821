// Static looks at templates: the variables they refer to, and their syntax.
#include "template/eval.h"
#include "template/walk.h"

#include <string.h>

struct collector {
    struct templar *t;
    struct arena *a;
    struct value names; // dict used as an ordered set
    struct err *e;
};

static void add_scope(struct collector *c, const struct scope *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        const struct name *n = s->loads[i].name;
        if (s->loads[i].kind != LOAD_RESOLVE || engine_global(n->s, n->len) ||
            global_find(n->s, n->len))
            continue;
        dict_set(c->names.u.dict, n->s, value_bool(true));
    }
}

static int visit(void *data, struct node *n, bool store)
{
    struct collector *c = data;
    switch (n->kind) {
    case N_FOR:
        add_scope(c, &n->u.loop->body_scope);
        add_scope(c, &n->u.loop->test_scope);
        add_scope(c, &n->u.loop->else_scope);
        break;
    case N_WITH:
        add_scope(c, &n->u.with->scope);
        break;
    case N_MACRO:
        add_scope(c, &n->u.macro->func.scope);
        break;
    case N_CALLBLOCK:
        add_scope(c, &n->u.callblock.macro->func.scope);
        break;
    case N_FILTERBLOCK:
    case N_AUTOESCAPE:
        add_scope(c, n->u.wrap.scope);
        break;
    case N_SETBLOCK:
        add_scope(c, n->u.set.scope);
        break;
    case N_BLOCK:
        add_scope(c, &n->u.block.block->func.scope);
        break;
    default:
        break;
    }
    return walk_children(n, store, visit, c);
}

void template_free_names(const struct template *tpl, struct dict *ret)
{
    struct collector c = {.names = {.type = VALUE_DICT, .u.dict = ret}};
    add_scope(&c, &tpl->root.scope);
    walk_list(tpl->root.body, false, visit, &c);
}

static int collect(struct collector *c, const struct value *v, int depth)
{
    int rc = 0;
    if (depth > 100)
        return 0;
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; rc == 0 && i < v->u.list->len; i++)
            rc = collect(c, &v->u.list->items[i], depth + 1);
    } else if (v->type == VALUE_DICT) {
        struct dict_entry *d;
        DICT_EACH(v->u.dict, d)
        if ((rc = collect(c, &d->val, depth + 1)) < 0)
            break;
    } else if (v->type == VALUE_STRING && !(v->flags & (VALUE_UNSAFE | VALUE_VAULT)) &&
               template_is_template(v->u.str.s, v->u.str.len)) {
        struct template *tpl;
        rc = cache_get(c->t->cache, &c->t->opts, v->u.str.s, v->u.str.len, NULL, FORM_STRING,
                       value_pos(v), &tpl, c->e);
        if (rc < 0)
            return rc;
        template_free_names(tpl, c->names.u.dict);
        template_unref(tpl);
    }
    return rc;
}

int template_names(struct templar *t, struct arena *a, const struct value *in, struct list **ret,
                   struct err *e)
{
    struct collector c = {t, a, value_dict(a), e};
    int rc = collect(&c, in, 0);
    if (rc < 0)
        return rc;
    struct value names = value_list(a);
    struct dict_entry *d;
    DICT_EACH(c.names.u.dict, d)
    list_add(names.u.list, d->key);
    *ret = names.u.list;
    return 0;
}

int template_check_syntax(struct templar *t, const char *text, size_t len, bool is_expression,
                          struct pos pos, struct err *e)
{
    struct template *tpl;
    int rc = cache_get(t->cache, &t->opts, text, len, NULL,
                       is_expression ? FORM_EXPRESSION : FORM_STRING, pos, &tpl, e);
    if (rc == 0)
        template_unref(tpl);
    return rc;
}
