// Small operations on the model.
#include "playbook/model.h"

#include <string.h>

void node_list_add(struct arena *a, struct node_list *l, struct node *n)
{
    if (l->len == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 4;
        struct node **items = arena_array(a, struct node *, cap);
        if (l->len)
            memcpy(items, l->items, l->len * sizeof(struct node *));
        l->items = items;
        l->cap = cap;
    }
    l->items[l->len++] = n;
}

const struct value *node_own(const struct node *n, const char *key)
{
    return dict_get(n->attrs, key);
}

const struct value *node_attr(const struct node *n, const char *key)
{
    for (; n; n = n->parent) {
        const struct value *v = dict_get(n->attrs, key);
        if (v && v->type != VALUE_NULL)
            return v;
    }
    return NULL;
}
