// Hosts and groups from inventory sources, their variables, and the patterns that choose among
// them.
#ifndef INVENTORY_INVENTORY_H
#define INVENTORY_INVENTORY_H

#include "config/config.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inventory;
struct group;

// A host. Hosts are never moved or freed while the inventory lives; treat all members as read-only.
struct host {
    const char *name;
    unsigned index;    // 0, 1, ... in the order of appearance; the implicit localhost takes one too
    bool implicit;     // localhost that no source names
    struct dict *vars; // set in inventory sources or by add_host
    struct group **groups; // all it is in, ancestors included, in no order that matters
    size_t n_groups;
    struct host_state *state; // the room's own
};

// What a load needs from outside.
struct inventory_opts {
    const struct config *config;
    // Decrypts vault-encrypted variable files, as in struct yaml_opts. NULL: they are errors.
    int (*decrypt)(void *data, struct arena *a, const char *path, const char *text, size_t len,
                   const char **ret, size_t *ret_len, struct err *e);
    void *decrypt_data;
    bool strict; // a source that cannot be read is an error, whatever the settings say
    // Reads sources with the inventory plugins of the user's Ansible, all together: what an
    // inventory script would print, with _meta. NULL: a source that names a plugin is an error.
    int (*plugins)(void *data, struct arena *a, const char *const *sources, size_t n,
                   struct value *ret, struct err *e);
    void *plugins_data;
    // Variables that vars plugins of the user's Ansible have for a host or group, as plugins_vars()
    // gives them: 1, or 0 when there are no such plugins. NULL: there are none.
    int (*vars)(void *data, struct arena *a, const char *path, bool playbook,
                const struct value *entity, struct value *ret, struct err *e);
};

// Hosts chosen by a pattern.
struct inventory_hosts {
    struct host **hosts;
    size_t len;
};

// --- loading
// -------------------------------------------------------------------------------------------------

// Reads sources in order: files (INI, YAML), executable scripts, folders of these, and host lists
// ("a,b,"). Everything lives in the arena. What cannot be read is a warning, as in Ansible, unless
// the settings or opts say otherwise.
int inventory_load(struct arena *a, const char *const *sources, size_t n,
                   const struct inventory_opts *opts, struct inventory **ret, struct err *e)
    __attribute__((warn_unused_result));
// What to warn the user of so far: a list of strings with positions where a file is to blame. It
// grows.
const struct list *inventory_warnings(const struct inventory *inv);
// The sources as a list of texts: absolute paths, and lists of hosts as they were given.
struct value inventory_sources(const struct inventory *inv, struct arena *a);
// True when at least one source could be read.
bool inventory_parsed(const struct inventory *inv);

// --- hosts and groups
// ----------------------------------------------------------------------------------------

// Number of hosts, and the i-th of them in inventory order (the implicit localhost is not among
// them).
size_t inventory_host_count(const struct inventory *inv);
struct host *inventory_host(const struct inventory *inv, size_t i);
// The host of that name, or NULL. The implicit localhost is made when a name of localhost is asked
// for.
struct host *inventory_find_host(struct inventory *inv, const char *name);
// A host that no source names, for its variables: what is said for all, and its host_vars.
struct host *inventory_outside_host(struct inventory *inv, const char *name);
// The group of that name, or NULL.
struct group *inventory_find_group(const struct inventory *inv, const char *name);
const char *group_name(const struct group *g);
// Number of groups, and the i-th of them in the order of their appearance ("all" and "ungrouped"
// come first).
size_t inventory_group_count(const struct inventory *inv);
struct group *inventory_group(const struct inventory *inv, size_t i);
// All hosts of a group and of those below it. Valid until the inventory changes.
struct inventory_hosts group_hosts(struct inventory *inv, struct group *g);
// The magic variable `groups`: a dict of group name -> list of host names. Made anew after changes.
struct value inventory_groups(struct inventory *inv);

// --- choosing hosts
// ------------------------------------------------------------------------------------------

// Hosts that a pattern (a string, or a list of strings) chooses, of which limit (-l, or NULL)
// leaves some, in the order asked for (NULL, "inventory", "reverse_inventory", "sorted",
// "reverse_sorted", "shuffle"). The array lives in a. A pattern that names nothing is a warning
// (inventory_warnings) or ERR_NOENT, by the settings; a bad subscript or regular expression is
// ERR_INVALID.
int inventory_match(struct inventory *inv, struct arena *a, const struct value *pattern,
                    const char *limit, const char *order, struct inventory_hosts *ret,
                    struct err *e) __attribute__((warn_unused_result));
// Appends what `ansible --list-hosts` prints.
void inventory_print_hosts(struct buf *b, const struct inventory_hosts *hosts);
// What `ansible-inventory --list` prints, as a value in a: groups, and the variables of each host
// under _meta.
int inventory_list(struct inventory *inv, const char *basedir, struct arena *a, struct value *ret,
                   struct err *e) __attribute__((warn_unused_result));

// --- variables
// -----------------------------------------------------------------------------------------------

// Where variables of a host come from, in Ansible's usual order, the weakest first.
enum inventory_level {
    LEVEL_ALL_INVENTORY,    // group "all" in inventory sources
    LEVEL_ALL_FILES,        // group_vars/all beside the sources
    LEVEL_ALL_PLAYBOOK,     // group_vars/all beside the playbook
    LEVEL_GROUPS_INVENTORY, // other groups in inventory sources
    LEVEL_GROUPS_FILES,     // group_vars/* beside the sources
    LEVEL_GROUPS_PLAYBOOK,  // group_vars/* beside the playbook
    LEVEL_HOST_INVENTORY,   // the host in inventory sources, and the inventory_* and group_names
                            // variables
    LEVEL_HOST_FILES,       // host_vars/* beside the sources
    LEVEL_HOST_PLAYBOOK,    // host_vars/* beside the playbook
    LEVEL_COUNT,
};

// A host's variables in two layers, which saves memory when many hosts are in the same groups: what
// own does not have is to be looked up in shared. Values are raw (untemplated); neither dict may be
// changed.
struct inventory_vars {
    const struct dict *shared; // of its groups; the same dict for all hosts in the same groups
    const struct dict *own;
};

// The variables of a host in layers, cached. basedir is the folder of the playbook, or NULL. Good
// until the host or its groups change; the memory stays. ERR_PARSE etc. when a variable file cannot
// be read.
int inventory_host_layers(struct inventory *inv, struct host *h, const char *basedir,
                          struct inventory_vars *ret, struct err *e)
    __attribute__((warn_unused_result));
// The same as one merged dict, cached per host.
int inventory_host_vars(struct inventory *inv, struct host *h, const char *basedir,
                        const struct dict **ret, struct err *e) __attribute__((warn_unused_result));
// The variables of one level alone, in a (for questions such as "where does this value come from").
int inventory_level_vars(struct inventory *inv, struct host *h, const char *basedir,
                         enum inventory_level level, struct arena *a, struct dict **ret,
                         struct err *e) __attribute__((warn_unused_result));
// Sorted names of the host's groups without "all": the variable group_names. In a.
struct value host_group_names(const struct host *h, struct arena *a);
// Sets every key of src in d; with merge, dicts are merged into dicts (hash_behaviour).
void inventory_combine(struct dict *d, const struct dict *src, bool merge);

// --- changes at run time
// -------------------------------------------------------------------------------------

// The add_host module: makes the host when it is new, sets variables (dict, may be NULL) and adds
// it to groups (list of names, may be NULL). What is passed is copied. *changed says whether
// anything did.
int inventory_add_host(struct inventory *inv, const char *name, const struct dict *vars,
                       const struct list *groups, bool *changed, struct err *e)
    __attribute__((warn_unused_result));
// The group_by module: puts a host into a group, made when new, below the groups in parents (list
// of names, may be NULL).
int inventory_add_to_group(struct inventory *inv, struct host *h, const char *group,
                           const struct list *parents, bool *changed, struct err *e)
    __attribute__((warn_unused_result));

#endif
