// Small operations on the model.
#include "playbook/model.h"

#include <string.h>

void node_list_add(struct arena *a, struct node_list *l, struct node *n)
{
    l->items = arena_room(a, l->items, l->len, &l->cap, 4, sizeof *l->items);
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
