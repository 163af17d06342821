// Chains of variables along the model.
#include "playbook/scopes.h"

#include "playbook/loader.h"

#include <string.h>

void scope_add(struct scope_list *s, const struct dict *d)
{
    if (d && d->len)
        scope_add_growing(s, d);
}

void scope_add_growing(struct scope_list *s, const struct dict *d)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : sizeof s->few / sizeof *s->few;
        const struct dict **more =
            s->cap ? arena_array(s->arena, const struct dict *, cap) : s->few;
        if (s->cap)
            memcpy(more, s->d, s->n * sizeof *more);
        s->d = more;
        s->cap = cap;
    }
    s->d[s->n++] = d;
}

const struct value *scope_find(const struct scope_list *s, const char *name)
{
    struct value key = value_cstr(name);
    uint32_t hash = value_hash(&key);
    for (size_t i = 0; i < s->n; i++) {
        const struct value *v = dict_gethash(s->d[i], name, key.u.str.len, hash);
        if (v)
            return v;
    }
    return NULL;
}

static const struct dict *own_vars(const struct node *n)
{
    const struct value *v = dict_get(n->attrs, "vars");
    return v && v->type == VALUE_DICT ? v->u.dict : NULL;
}

void scopes_params(const struct node *n, struct scope_list *s)
{
    const struct role *last = NULL;
    for (const struct node *at = n; at; at = at->parent)
        if (at->kind == NODE_INCLUDE)
            scope_add(s, ((const struct include *)(const void *)at)->params);
    for (const struct role *r = n->role; r && r != last; last = r, r = r->parent)
        scope_add(s, r->params);
}

static void role_vars(const struct role *r, struct scope_list *s, int depth)
{
    if (depth > MAX_INCLUDE_DEPTH)
        return;
    scope_add(s, r->vars);
    scope_add(s, r->given);
    for (size_t i = r->n_deps; i-- > 0;)
        role_vars(r->deps[i], s, depth + 1);
}

static void role_defaults(const struct role *r, struct scope_list *s, int depth)
{
    if (depth > MAX_INCLUDE_DEPTH)
        return;
    scope_add(s, r->defaults);
    for (size_t i = r->n_deps; i-- > 0;)
        role_defaults(r->deps[i], s, depth + 1);
}

void scopes_task(const struct node *n, struct scope_list *s)
{
    for (const struct node *at = n; at && at->kind != NODE_PLAY; at = at->parent)
        if (at->kind != NODE_INCLUDE || !at->role || at->role->from_include || at->role->node != at)
            scope_add(s, own_vars(at));
    if (n->role)
        role_vars(n->role, s, 0);
    for (const struct role *r = n->role ? n->role->parent : NULL; r; r = r->parent) {
        scope_add(s, r->vars); // not those of what else it depends on
        scope_add(s, r->given);
    }
}

void scopes_play_roles(const struct play *p, struct scope_list *s)
{
    for (size_t i = p->n_roles; i-- > 0;)
        if (p->roles[i]->public_vars)
            role_vars(p->roles[i], s, 0);
}

void scopes_defaults(const struct node *n, const struct play *p, struct scope_list *s)
{
    const struct role *own = n ? n->role : NULL;
    for (const struct role *r = own; r; r = r->parent)
        scope_add(s, r->defaults);
    for (size_t i = own ? own->n_deps : 0; i-- > 0;)
        role_defaults(own->deps[i], s, 0);
    for (size_t i = p ? p->n_roles : 0; i-- > 0;)
        if (p->roles[i]->public_vars)
            role_defaults(p->roles[i], s, 0);
}

void static_scope_init(struct static_scope *s, struct loader *l, const struct node *n)
{
    *s = (struct static_scope){.loader = l, .node = n, .list.arena = l->arena};
    scope_add(&s->list, l->opts.extra_vars);
    scopes_params(n, &s->list);
    scopes_task(n, &s->list);
    if (n->play) {
        scopes_play_roles(n->play, &s->list);
        scope_add(&s->list, n->play->vars);
    }
    for (const struct node *at = n; at; at = at->parent)
        if (at->kind == NODE_PLAY)
            scope_add(&s->list, own_vars(at));
    scopes_defaults(n, n->play, &s->list);
}

static int static_get(void *data, struct arena *a, const char *name, struct value *ret,
                      struct err *e)
{
    struct static_scope *s = data;
    (void)e;
    if (s->magic && s->magic(s, a, name, ret))
        return 1;
    if (strcmp(name, "playbook_dir") == 0 && s->node->play && s->node->play->basedir) {
        *ret = value_cstr(s->node->play->basedir);
        return 1;
    }
    if (strcmp(name, "ansible_play_name") == 0 && s->node->play && s->node->play->name) {
        *ret = value_cstr(s->node->play->name);
        return 1;
    }
    const struct value *v = scope_find(&s->list, name);
    if (v) {
        *ret = *v;
        return 1;
    }
    if (strcmp(name, "role_path") == 0 && s->node->role) {
        *ret = value_cstr(s->node->role->path);
        return 1;
    }
    if (strcmp(name, "role_name") == 0 && s->node->role) {
        *ret = value_cstr(s->node->role->name);
        return 1;
    }
    return 0;
}

// An inline !vault value.
static int static_decrypt(void *data, struct arena *a, const struct value *v, struct value *ret,
                          struct err *e)
{
    const struct static_scope *s = data;
    const struct yaml_opts *y = &s->loader->opts.yaml;
    const char *plain;
    size_t len;
    int rc = y->decrypt(y->decrypt_data, a, NULL, v->u.str.s, v->u.str.len, &plain, &len, e);
    if (rc == 0)
        *ret = value_ref(plain, len);
    return rc;
}

void static_scope_templar(struct static_scope *s, struct templar *t)
{
    *t = (struct templar){.cache = s->loader->opts.cache,
                          .vars = {.get = static_get, .data = s},
                          .opts = TEMPLATE_OPTS_DEFAULT,
                          .decrypt = s->loader->opts.yaml.decrypt ? static_decrypt : NULL,
                          .decrypt_data = s};
}
