// What the room needs from others without depending on them: set once at start by whoever links
// them.
#ifndef TEMPLATE_HOOKS_H
#define TEMPLATE_HOOKS_H

#include "core/value.h"

struct template_hooks {
    // Parses one YAML document (all: every document, into a list), as yaml.safe_load. NULL:
    // from_yaml fails.
    int (*yaml_load)(struct arena *a, const char *text, size_t len, bool all, struct value *ret,
                     struct err *e);
    // Content of a file, decrypted when it is a vault file. NULL: files are read as they are.
    int (*read_file)(struct arena *a, const char *path, char **ret, size_t *ret_len, struct err *e);
    // Hosts matching a list of patterns among groups (the inventory_hostnames lookup).
    int (*inventory_hostnames)(struct arena *a, const struct list *patterns,
                               const struct value *groups, struct value *ret, struct err *e);
    // An ansible.cfg setting by name: 1 found, 0 unknown (the config lookup).
    int (*config)(struct arena *a, const char *name, const char *plugin_type,
                  const char *plugin_name, struct value *ret, struct err *e);
    // Fetches a URL: the body (the url lookup); opts are the lookup's options.
    int (*fetch_url)(struct arena *a, const char *url, const struct dict *opts, struct value *ret,
                     struct err *e);
    // Shows a warning to the user.
    void (*warn)(const char *message);
};

// The process-wide hooks; set members before the first template is evaluated.
extern struct template_hooks template_hooks;

#endif
