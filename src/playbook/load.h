// Reading playbooks and task files into the model, statically at first and on demand for dynamic
// includes.
#ifndef PLAYBOOK_LOAD_H
#define PLAYBOOK_LOAD_H

#include "playbook/model.h"
#include "template/template.h"
#include "yaml/yaml.h"

enum module_home {
    MODULE_NOWHERE,
    MODULE_BUILTIN, // andon has it
    MODULE_FOREIGN, // runs through the user's own Ansible
};

// What is wrong with a piece that cannot be loaded.
enum load_problem {
    LOAD_OTHER, // shape, or by the error's code
    LOAD_YAML,  // the file is no YAML
    LOAD_KEYWORD,
    LOAD_KEYWORD_TYPE,
    LOAD_MODULE, // no module has the name
    LOAD_ROLE,   // no role has the name
};

struct loader_opts {
    const struct dict *extra_vars; // -e, or NULL
    struct dict *read; // path -> value of files read by loaders that live as long, or NULL
    const char *const *roles_path;       // configured folders, ends with NULL
    const char *const *collections_path; // configured folders, ends with NULL
    struct template_cache *cache;
    struct yaml_opts yaml;
    bool share_handlers; // uses of a role have the handlers of the first: to look at, not to run
    bool lax_keywords;   // keywords that an include cannot have are passed over with a warning
    // Where the module of a short or full name comes from (enum module_home); <0, and why in e,
    // when it exists but cannot be used. collections: those whose modules may be named without
    // them, or NULL. NULL: all names are taken.
    int (*module_known)(void *data, const char *name, const struct list *collections,
                        struct err *e);
    // <0, and why in e, when there is no group of modules of that name (module_defaults). May be
    // NULL.
    int (*group_known)(void *data, const char *name, struct err *e);
    // A suggestion for an unknown module name, or NULL.
    const char *(*module_suggest)(void *data, const char *name);
    // More to say of an unknown module ("it belongs to ..."), in a; or NULL.
    const char *(*module_hint)(void *data, const char *name, struct arena *a);
    // Told of the folder of each playbook and role before its tasks are read: plugins may lie
    // there.
    void (*entered)(void *data, const char *dir, bool is_role);
    void (*warn)(void *data, struct pos pos, const char *msg);
    // Told of every play, task, role or keyword that cannot be loaded; loading then goes on without
    // it. NULL: the first one ends the loading.
    void (*problem)(void *data, enum load_problem kind, const struct err *e);
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
    bool no_validate;            // rolespec_validate: false
    const struct dict *given;    // `vars:` of the entry, the import or the include
    const struct dict *item;     // of a loop: variables that tell uses apart; or NULL
    bool listed;                 // in `roles:` or as a dependency, not by include or import
    const struct dict *provided; // parameters of a roles: entry, to be checked too; or NULL
};
// The role that the arguments of an import or include name. NULL and ERR_INVALID: none, or no text.
const char *playbook_role_named(struct arena *a, const struct task *t, const struct dict *args,
                                struct err *e);
// A role for include_role at `task`, cached per task and arguments. Its handlers are added to the
// play.
int playbook_include_role(struct loader *l, struct task *task, const struct role_include *args,
                          struct include **ret, struct err *e) __attribute__((warn_unused_result));

// Where a file named in a task is: Ansible's search path for dir ("files", "templates", "vars",
// "tasks", ""): role, its parents, the task file's folder, the play. Returns the path in a, or NULL
// (then *ret_tried lists where it looked).
const char *playbook_find_file(struct arena *a, const struct node *n, const char *dir,
                               const char *name, const char *basedir, char **ret_tried);
// Where a file of tasks is. Handlers are looked for in handlers/ first, then in tasks/.
const char *playbook_find_tasks(struct arena *a, const struct node *n, bool handler,
                                const char *name, const char *basedir, char **ret_tried);
// The folders themselves (Ansible's ansible_search_path), ends with NULL.
const char *const *playbook_search_path(struct arena *a, const struct node *n, const char *basedir,
                                        size_t *ret_n);
// The collections whose modules a node may name without them: from the nearest `collections`, or
// within a role from its meta/main.yml and the collection it is in. NULL: none.
const struct list *playbook_collections(const struct node *n);
// Reads a variables file as a dict (empty when the file is), through the loader's cache.
int loader_vars_file(struct loader *l, const char *path, struct dict **ret, struct err *e)
    __attribute__((warn_unused_result));
// Reads any YAML file through the loader's cache.
int load_yaml(struct loader *l, const char *path, struct value *ret, struct err *e)
    __attribute__((warn_unused_result));
// Every file this loader has read so far: path -> value.
const struct dict *loader_files(const struct loader *l);
const struct loader_opts *loader_options(const struct loader *l);
struct arena *loader_arena(struct loader *l);

#endif
