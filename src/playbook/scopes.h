// The variables a node of the model brings, as a chain of dicts from the most special to the most
// general, and a templar over those known before any host (for static imports).
#ifndef PLAYBOOK_SCOPES_H
#define PLAYBOOK_SCOPES_H

#include "playbook/load.h"

// Zeroed, with arena set, it is an empty list. It refers to itself: not to be copied.
struct scope_list {
    struct arena *arena; // where the list grows once it is longer than `few`
    const struct dict **d;
    size_t n, cap;
    const struct dict *few[64];
};

// Appends d; NULL and empty ones are left out.
void scope_add(struct scope_list *s, const struct dict *d);
// Appends d, which may be filled later.
void scope_add_growing(struct scope_list *s, const struct dict *d);

// The value of the most special scope that has name, or NULL.
const struct value *scope_find(const struct scope_list *s, const char *name);

// Appends, most special first: parameters of dynamic includes around n, then of n's role and its
// parents.
void scopes_params(const struct node *n, struct scope_list *s);
// Appends: vars of the task, its blocks and includes (innermost first), then vars of n's role with
// its dependencies.
void scopes_task(const struct node *n, struct scope_list *s);
// Appends vars of the roles of the play that are visible to everyone (last role first).
void scopes_play_roles(const struct play *p, struct scope_list *s);
// Appends defaults: of n's role (with dependencies), then of the play's roles.
void scopes_defaults(const struct node *n, const struct play *p, struct scope_list *s);

// What is known without a host.
struct static_scope {
    struct scope_list list;
    struct loader *loader;
    const struct node *node;
    // Variables of the run, which win; 1 found, 0 not. May be NULL.
    int (*magic)(struct static_scope *s, struct arena *a, const char *name, struct value *ret);
    void *magic_data;
};
void static_scope_init(struct static_scope *s, struct loader *l, const struct node *n);
// t refers to s, which must outlive it.
void static_scope_templar(struct static_scope *s, struct templar *t);

#endif
