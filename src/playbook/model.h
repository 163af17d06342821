// The checked model of a playbook: plays, blocks, tasks and roles as a tree of nodes that keep
// their raw keywords. Values stay untemplated; who runs the play templates them. Everything lives
// in the playbook's arena.
#ifndef PLAYBOOK_MODEL_H
#define PLAYBOOK_MODEL_H

#include "core/value.h"

#include <stdbool.h>
#include <stddef.h>

enum node_kind { NODE_PLAY, NODE_BLOCK, NODE_TASK, NODE_INCLUDE };

struct role;
struct play;

// What play, block, task and include have in common. Keywords are inherited along parent.
struct node {
    enum node_kind kind;
    struct node *parent;      // NULL for a play
    const struct dict *attrs; // keywords as written (never NULL)
    struct pos pos;
    struct role *role; // role the node belongs to, or NULL
    struct play *play;
    const char *file; // file it was read from
};

struct node_list {
    struct node **items;
    size_t len, cap;
};

enum task_kind {
    TASK_ACTION,
    TASK_META,
    TASK_INCLUDE_TASKS, // also the old `include`
    TASK_INCLUDE_ROLE,
};

struct task {
    struct node n;
    const char *name;   // as written, NULL when unnamed
    const char *action; // module name as written
    const char *module; // short name ("copy" for ansible.builtin.copy)
    enum task_kind kind;
    struct value args;        // dict of raw arguments, or a string that is a template giving a dict
    const struct value *loop; // NULL: no loop
    const char *loop_lookup;  // "items" of with_items; NULL for `loop`
    struct pos loop_pos;
    bool handler;
    bool foreign;  // the module is the user's own or Ansible's, not andon's
    bool dynamic;  // action is a template that only a host's variables resolve
    bool implicit; // made by us (gather_facts, flush)
    size_t number; // unique in the process, in order of loading
};

struct block {
    struct node n;
    struct node_list body, rescue, always;
};

// The place of a static or dynamic include in the tree: carries vars, tags, when of the including
// task.
struct include {
    struct node n;
    struct node_list body;
    const struct dict *params; // `vars` of the include: above task vars in precedence; or NULL
    const char *file_name;     // for messages
};

// What uses of a role have in common that are the same to Ansible: it runs once per host and play,
// unless it allows duplicates. Whoever is loaded last says whether it does.
struct role_use {
    struct value key; // name, parameters and what else tells uses apart
    bool allow_duplicates;
};

// One use of a role, with its own parameters.
struct role {
    const char *name;          // as written ("nginx", "acme.site.web")
    const char *path;          // folder
    struct role_use *use;      // shared with the same uses of the play
    struct dict *defaults;     // never NULL
    struct dict *vars;         // never NULL
    const struct dict *params; // unknown keys of the roles: entry, or `vars:` of include_role
    const struct dict *given;  // `vars:` of what uses it: they count as vars of the role
    struct role **deps;        // from meta/main.yml
    size_t n_deps;
    struct role *parent;    // the role that depends on or includes this one, NULL at top
    struct node_list tasks; // main
    struct node_list handlers;
    struct node *node; // NODE_INCLUDE that carries the keywords of the roles: entry
    bool public_vars;  // vars and defaults are visible to the rest of the play (static roles,
                       // public: true)
    bool from_include; // by include_role or import_role
    bool dependency;   // of its parent
    const struct value *argument_specs; // of the entry point, or NULL
    const struct list *collections;     // searched for modules, or NULL
    struct pos pos;
};

struct play {
    struct node n;
    const char *name;    // as written or the hosts pattern
    const char *basedir; // folder of the playbook file it stands in
    const struct value *hosts;
    struct dict *vars; // never NULL
    struct node_list pre_tasks, tasks, post_tasks, handlers;
    struct role **roles;
    size_t n_roles, cap_roles;
    const struct value *vars_files;
    const struct value *vars_prompt;
};

struct playbook {
    struct arena *arena;
    const char *path, *basedir;
    struct play **plays;
    size_t n_plays, cap_plays;
};

// Appends n to the list (arena-backed).
void node_list_add(struct arena *a, struct node_list *l, struct node *n);

static inline struct task *node_task(struct node *n)
{
    return n->kind == NODE_TASK ? (struct task *)(void *)n : NULL;
}
static inline struct block *node_block(struct node *n)
{
    return n->kind == NODE_BLOCK ? (struct block *)(void *)n : NULL;
}
static inline struct include *node_include(struct node *n)
{
    return n->kind == NODE_INCLUDE ? (struct include *)(void *)n : NULL;
}

// The nearest value of an inherited keyword from n upwards (task, block, include, role entry,
// play), or NULL.
const struct value *node_attr(const struct node *n, const char *key);
// The keyword of this very node, or NULL.
const struct value *node_own(const struct node *n, const char *key);

#endif
