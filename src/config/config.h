// Settings from ansible.cfg and the environment: one table of what can be set, and the values in
// force.
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "core/arena.h"
#include "core/err.h"
#include "core/value.h"

#include <stdbool.h>
#include <stdint.h>

enum config_id {
#define S(id, ...) CONFIG_##id,
#include "config/settings.inc"
#undef S
    CONFIG_COUNT,
};

enum config_type {
    CONFIG_ANY, // text; surrounding quotes are taken off
    CONFIG_STR, // the same
    CONFIG_BOOL,
    CONFIG_INT,
    CONFIG_FLOAT,
    CONFIG_LIST,     // of texts, separated by commas
    CONFIG_PATH,     // absolute, ~ and $VARIABLES expanded, relative to the file it stands in
    CONFIG_PATHSPEC, // list of paths, separated by colons
    CONFIG_PATHLIST, // list of paths, separated by commas
};

// One row of the table.
struct config_setting {
    const char *name; // Ansible's name for it
    enum config_type type;
    const char *ini;     // "section.key ...", the last one set counts
    const char *env;     // environment variables, the last one set counts
    const char *dflt;    // as it would stand in the file; NULL: not set
    const char *choices; // "a|b", or NULL
    const char *help;
};

// Where settings are looked for; for tests. NULL members: the process's own.
struct config_where {
    char *const *environ; // "NAME=value", NULL-terminated
    const char *cwd;
    const char *system; // "/etc/ansible/ansible.cfg"
};

struct config;

// The row of a setting.
const struct config_setting *config_setting(enum config_id id);
// The setting with Ansible's name ("DEFAULT_FORKS"), an ini name ("defaults.forks") or a variable
// ("ANSIBLE_FORKS"); -1 when there is none.
int config_find(const char *name);

// Reads the first of $ANSIBLE_CONFIG, ./ansible.cfg (not in a folder everyone may write),
// ~/.ansible.cfg and /etc/ansible/ansible.cfg, and the environment, which wins. where may be NULL.
// *ret lives in the arena. Wrong values are ERR_INVALID with the position in the file.
int config_load(struct arena *a, const struct config_where *where, struct config **ret,
                struct err *e) __attribute__((warn_unused_result));
// Path of the file that was read, or NULL.
const char *config_file(const struct config *c);
// What to warn the user of: a list of strings.
const struct list *config_warnings(const struct config *c);
// Where the value in force comes from: "default", "env: NAME", a file, or what config_set was
// given.
const char *config_origin(const struct config *c, enum config_id id);
// Overrides a setting with text as it would stand in the file (options of the command line).
int config_set(struct config *c, enum config_id id, const char *text, const char *origin,
               struct err *e);

// The value in force, typed; null when not set. Owned by the config.
const struct value *config_get(const struct config *c, enum config_id id);
// The same as text (NULL when not set), truth, number or list of strings (empty when not set).
const char *config_str(const struct config *c, enum config_id id);
bool config_bool(const struct config *c, enum config_id id);
int64_t config_int(const struct config *c, enum config_id id);
double config_float(const struct config *c, enum config_id id);
const struct list *config_list(const struct config *c, enum config_id id);
// Any key of the file as it stands there, for sections that the table does not have. NULL when not
// set.
const char *config_ini(const struct config *c, const char *section, const char *key);

#endif
