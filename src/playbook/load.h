// Reading playbooks and task files into the model, statically at first and on demand for dynamic
// includes.
#ifndef PLAYBOOK_LOAD_H
#define PLAYBOOK_LOAD_H

#include "playbook/model.h"
#include "template/template.h"
#include "yaml/yaml.h"

struct loader_opts {
    const struct dict *extra_vars;       // -e, or NULL
    const char *const *roles_path;       // configured folders, ends with NULL
    const char *const *collections_path; // configured folders, ends with NULL
    struct template_cache *cache;
    struct yaml_opts yaml;
    // True when some module of that name exists (short or full name). NULL: all names are taken.
    bool (*module_known)(void *data, const char *name);
    // A suggestion for an unknown module name, or NULL.
    const char *(*module_suggest)(void *data, const char *name);
    void (*warn)(void *data, struct pos pos, const char *msg);
    void *data;
};

struct loader; // also caches the files read, so that dynamic includes parse a file once

struct loader *loader_new(const struct loader_opts *opts);
// Frees the loader and every playbook loaded with it.
void loader_free(struct loader *l);

// Reads a playbook with everything it imports statically. The result belongs to the loader.
int playbook_load(struct loader *l, const char *path, struct playbook **ret, struct err *e)
    __attribute__((warn_unused_result));
// A play made of values instead of a file (ad-hoc commands): ds is one play's dict.
int playbook_from_value(struct loader *l, const char *basedir, const struct value *ds,
                        struct playbook **ret, struct err *e) __attribute__((warn_unused_result));
// The tasks of a file for include_tasks at `task`, cached per task and file. apply: extra keywords
// or NULL.
int playbook_include_tasks(struct loader *l, struct task *task, const char *path,
                           const struct dict *apply, struct include **ret, struct err *e)
    __attribute__((warn_unused_result));

struct role_include {
    const char *name;
    const char *tasks_from, *vars_from, *defaults_from, *handlers_from; // NULL: main
    const struct dict *apply;
    bool public_vars, allow_duplicates;
    bool no_validate; // rolespec_validate: false
};
// A role for include_role at `task`, cached per task and arguments. Its handlers are added to the
// play.
int playbook_include_role(struct loader *l, struct task *task, const struct role_include *args,
                          struct include **ret, struct err *e) __attribute__((warn_unused_result));

// Where a file named in a task is: Ansible's search path for dir ("files", "templates", "vars",
// "tasks", ""): role, its parents, the task file's folder, the play. Returns the path in a, or NULL
// (then *ret_tried lists where it looked).
const char *playbook_find_file(struct arena *a, const struct node *n, const char *dir,
                               const char *name, const char *basedir, char **ret_tried);
// The folders themselves (Ansible's ansible_search_path), ends with NULL.
const char *const *playbook_search_path(struct arena *a, const struct node *n, const char *basedir,
                                        size_t *ret_n);
// Reads a variables file as a dict (empty when the file is), through the loader's cache.
int loader_vars_file(struct loader *l, const char *path, struct dict **ret, struct err *e)
    __attribute__((warn_unused_result));
const struct loader_opts *loader_options(const struct loader *l);
struct arena *loader_arena(struct loader *l);

#endif
