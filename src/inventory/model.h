// The graph of groups and hosts while it is built. Internal to the room.
#ifndef INVENTORY_MODEL_H
#define INVENTORY_MODEL_H

#include "inventory/inventory.h"

// A growing array of pointers in an arena.
struct ptrs {
    void **items;
    size_t len, cap;
};

void ptrs_add(struct arena *a, struct ptrs *p, void *item);
bool ptrs_has(const struct ptrs *p, const void *item);
void ptrs_remove(struct ptrs *p, const void *item);

struct group {
    const char *name;
    int depth;
    int64_t priority;
    struct dict *vars;
    struct ptrs hosts; // direct members
    struct ptrs children, parents;
    struct ptrs all_hosts; // of the whole subtree, when cached
    bool all_cached;
    unsigned mark;
};

struct host_state {
    struct ptrs direct; // groups it was put into itself
    const char *source; // where it was first seen, or NULL
    const char *source_dir;
    unsigned mark;
    size_t groups_cap;
    // variables
    bool own_ready;
    const struct dict *shared;
    struct dict *own;
    struct dict *merged;
    const char *basedir;
    unsigned vars_gen;
};

struct inventory {
    struct arena *a;
    struct inventory_opts opts;
    const char *cwd;
    struct ptrs sources; // as given, paths absolute
    struct ptrs hosts, groups;
    struct dict *host_index, *group_index; // name -> position
    struct group *all, *ungrouped;
    struct host *localhost;
    const char *source; // the one being read
    const char *source_dir;
    struct list *warnings;
    bool parsed, warned_names;
    unsigned mark, host_ids;
    struct value groups_value; // cached, null when it must be made
    // variables
    bool merge;           // hash_behaviour
    unsigned vars_gen;    // counts changes of group variables
    struct dict *files;   // path -> what a variable file holds
    struct dict *folders; // path -> names in it
    struct dict *shared;  // groups and basedir -> merged dict
    unsigned shared_gen;  // vars_gen of that
};

// Makes an inventory with its groups all and ungrouped.
struct inventory *model_new(struct arena *a, const struct inventory_opts *opts);
void model_warn(struct inventory *inv, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// The group, made when new. The name in force may differ from the one given
// (force_valid_group_names).
struct group *model_add_group(struct inventory *inv, const char *name);
// The host, made when new (then with port as ansible_port unless -1), put into g (may be NULL).
struct host *model_add_host(struct inventory *inv, const char *name, struct group *g, int port);
int model_add_child(struct inventory *inv, struct group *parent, struct group *child,
                    struct pos pos, struct err *e);
// Puts the host into the group; true when it was not there.
bool model_join(struct inventory *inv, struct group *g, struct host *h);
// Sets a variable of the group, or else the host, of that name (in this order, as Ansible does).
int model_set_var(struct inventory *inv, const char *entity, struct value key, struct value val,
                  struct err *e);
// Brings groups without parents under all and hosts without groups under ungrouped.
int model_reconcile(struct inventory *inv, struct err *e);
struct host *model_find_host(const struct inventory *inv, const char *name);
bool model_is_localhost(const char *name);
// Marks g's ancestors (not g itself) with a new mark, which is returned.
unsigned model_mark_ancestors(struct inventory *inv, struct group *g);

#endif
