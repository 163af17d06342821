// What the room needs from others without depending on them: set once at start by whoever links
// them.
#ifndef TEMPLATE_HOOKS_H
#define TEMPLATE_HOOKS_H

#include "core/value.h"

struct builtin;
struct templar;

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
    // A filter (test: a test) by its name as written that the room does not have, or, with own,
    // that is to be used instead of the one it has. NULL: there is none. The row stays valid.
    const struct builtin *(*foreign)(bool test, const char *name, size_t len, bool own);
    // Runs a lookup the room does not have, or, with own, one that is to be used instead of the one
    // it has; *ret is a list. ERR_NOENT, and nothing in e: there is no such lookup.
    int (*foreign_lookup)(struct templar *t, struct arena *a, const char *name, bool own,
                          const struct list *terms, const struct dict *kwargs, struct value *ret,
                          struct err *e);
    // Encrypts and decrypts a text with a password (the filters vault and unvault; a text that is
    // not encrypted stays). salt NULL: a random one.
    int (*vault)(struct arena *a, const struct value *plain, const struct value *password,
                 const char *id, const char *salt, size_t salt_len, struct value *ret,
                 struct err *e);
    int (*unvault)(struct arena *a, const struct value *text, const struct value *password,
                   const char *id, struct value *ret, struct err *e);
    // The engine's own: it has met a value that is still encrypted, so it must look for them.
    bool vault_seen;
    // Likewise: there are values that a check run cannot know.
    bool unknown_seen;
    // Shows a warning to the user.
    void (*warn)(const char *message);
};

// The process-wide hooks; set members before the first template is evaluated.
extern struct template_hooks template_hooks;

#endif
