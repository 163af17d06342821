// Visiting the children of a node in the order jinja2 lists them.
#ifndef TEMPLATE_WALK_H
#define TEMPLATE_WALK_H

#include "template/ast.h"

// Called for each child; store is true for names that are assigned. Anything but 0 stops and is
// returned.
typedef int walk_fn(void *data, struct node *n, bool store);

int walk_children(struct node *n, bool store, walk_fn *fn, void *data);
int walk_list(struct node_list l, bool store, walk_fn *fn, void *data);
// True for an expression that jinja2 can work out when it compiles: no names, no calls.
bool node_is_constant(const struct node *n);
// Sets every variable the template takes from its context as a key of ret.
void template_free_names(const struct template *tpl, struct dict *ret);

#endif
