// Inside of the playbook room: what the loading files share.
#ifndef PLAYBOOK_LOADER_H
#define PLAYBOOK_LOADER_H

#include "playbook/load.h"

#define MAX_INCLUDE_DEPTH 100

struct loader {
    struct arena *arena;
    struct loader_opts opts;
    struct dict *files;    // path -> parsed value
    struct dict *includes; // cache key -> VALUE_INT holding a struct include *
    struct dict *handlers; // share_handlers: path -> VALUE_INT holding a struct node_list *
    size_t next_task;
    int depth;              // of static includes under way
    enum load_problem kind; // of the error being returned
};

// Where tasks are being read.
struct where {
    struct play *play;
    struct node *parent;
    struct role *role;
    const char *file; // current file
    const char *basedir;
    bool handlers;
};

// What a failed piece means: its code, or 0 when somebody was told and loading goes on without it.
int load_recover(struct loader *l, int rc, struct err *e);
int load_tasks(struct loader *l, const struct where *w, const struct value *list,
               struct node_list *ret, struct err *e);
int load_task_file(struct loader *l, const struct where *w, const char *path, struct node_list *ret,
                   struct err *e);
// load_include.c: whether an include or import says only what it may; what imports bring; and
// whether the old `include` is one, whose text becomes variables.
int load_check_include(struct loader *l, const struct where *w, struct task *t, struct err *e);
int load_import_tasks(struct loader *l, const struct where *w, struct task *t,
                      struct node_list *ret, struct err *e);
int load_import_role(struct loader *l, const struct where *w, struct task *t, struct node_list *ret,
                     struct err *e);
bool load_include_is_static(struct loader *l, struct task *t);
// One entry of `roles:` or `dependencies:` (string or dict): loads the role and returns its node.
int load_role_entry(struct loader *l, const struct where *w, const struct value *entry,
                    struct include **ret, struct err *e);
int load_role(struct loader *l, const struct where *w, const struct role_include *args,
              const struct dict *attrs, const struct dict *params, struct pos pos,
              struct include **ret, struct err *e);
// Checks the keys and types of a mapping against a scope's keywords. allow_other: unknown keys are
// left alone.
int check_keywords(struct loader *l, const struct dict *d, unsigned scope, struct err *e);
// Refuses a `debugger` keyword that would start one; other keys are fine.
int check_debugger(const struct value *key, const struct value *v, struct err *e);
// Whether the keys of a node's module_defaults are modules and groups.
int load_check_defaults(struct loader *l, const struct node *n, struct err *e);
// Templates a static value with the variables known before any host: extra vars, and the node's
// chain.
int static_template(struct loader *l, const struct node *n, const struct value *in,
                    struct value *ret, struct err *e);
struct include *include_new(struct loader *l, const struct where *w, const struct dict *attrs,
                            struct pos pos);
bool is_file(const char *path);
bool is_dir(const char *path);

#endif
