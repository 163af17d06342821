// Module parameter tables: one const row per module and parameter, and the validation that Ansible
// does with its argument_spec. Used by the static check, the controller and the helper alike.
#ifndef SPEC_SPEC_H
#define SPEC_SPEC_H

#include "core/err.h"
#include "core/value.h"

enum param_type {
    PARAM_STR,     // scalars become strings as Python's str() would print them
    PARAM_PATH,    // as STR, with ~ and $VAR expanded on the host
    PARAM_INT,     //
    PARAM_FLOAT,   //
    PARAM_BOOL,    //
    PARAM_LIST,    // a string is split at commas
    PARAM_DICT,    // a string "k=v,k2=v2" or JSON becomes a dict
    PARAM_RAW,     // any value, unchanged
    PARAM_JSONARG, // dict or list becomes JSON text
    PARAM_BYTES,   // "10M" becomes a number of bytes
    PARAM_BITS,    // "10Mb" becomes a number of bits
};

enum param_flag {
    PARAM_REQUIRED = 1,
    PARAM_NO_LOG = 2, // the value is a secret
    PARAM_DEPRECATED = 4,
    PARAM_LOCAL = 8, // the controller's own: not among the supported ones a message lists
};

// Texts for people, which only the controller shows. The helper keeps room for none: the compiler
// cuts them off.
#ifdef ANDON_NODE
#define SPEC_TEXT(name) char name[1]
#else
#define SPEC_TEXT(name) const char *name
#endif

struct param {
    const char *name;
    enum param_type type;
    enum param_type elements; // of a PARAM_LIST; unset means PARAM_STR, say PARAM_RAW for none
    unsigned flags;           // enum param_flag
    SPEC_TEXT(help);          // one sentence
    const char *dflt;    // default as text in the type's notation ("yes", "10", "a,b"); NULL: null
    const char *choices; // "present|absent", NULL: any
    const char *aliases; // "dest|path", NULL: none
    const struct param
        *sub; // parameters of a dict, or of each dict of a list; ends with a NULL name
};

enum module_flag {
    MODULE_FREE_FORM = 1,  // accepts a raw string: command, shell, raw, script, meta, include*
    MODULE_CONTROLLER = 2, // runs on the controller only (debug, set_fact, ...)
    MODULE_ACTION = 4,    // has a controller part in front of the host part (copy, template, fetch)
    MODULE_FILE_ARGS = 8, // also takes mode, owner, group, seuser, ..., attributes, unsafe_writes
    MODULE_CHECK = 16,    // supports check mode (others are skipped in it)
    MODULE_DIFF = 32,     // supports diff mode
    MODULE_NO_SPEC = 64,  // takes any parameter (set_fact, add_host)
    MODULE_UNDO = 128,    // the helper's journal has all that its undo needs
};

// What of a module's changes cannot be put back, where its flags have MODULE_UNDO or not.
struct undo_limit {
    const char *param;  // NULL: all
    const char *values; // "absent|import": when it has one of these; NULL: when it is given
    const char *why;    // goes on "cannot be undone because ..."; the last row of a table has none
};

// Rules name parameters in one string each; every list of rules ends with NULL and may itself be
// NULL.
struct module_spec {
    const char *name;           // short name, without ansible.builtin.
    const char *collections;    // "ansible.posix|community.general" whose names it also has; NULL:
                                // ansible-core's own
    unsigned flags;             // enum module_flag
    SPEC_TEXT(summary);         // one line
    const struct param *params; // ends with a NULL name
    const char *const *mutually_exclusive; // "a,b"
    const char *const *required_together;  // "a,b"
    const char *const *required_one_of;    // "a,b"
    const char *const *required_if;        // "state=present:a,b" all of; "state=present?a,b" any of
    const char *const *required_by;        // "a:b,c": a needs b and c
    const struct undo_limit *no_undo;      // NULL: see flags
};

// The spec of a module by short or full name (ansible.builtin.x, ansible.legacy.x, or x in one of
// its collections), or NULL.
const struct module_spec *spec_find(const char *name);
// Why what a module changes with these arguments (raw or validated) cannot be undone; NULL: it can.
const char *spec_no_undo(const struct module_spec *spec, const struct dict *args);
// All specs sorted by name.
const struct module_spec *const *spec_all(size_t *ret_n);
// Checks args as Ansible does (unknown names, aliases, required, types, choices, rules), and gives
// a dict with every parameter present: given ones coerced, others at their default or null.
// Messages are worded as Ansible's.
int spec_validate(const struct module_spec *spec, struct arena *a, const struct dict *args,
                  struct dict **ret_args, struct err *e) __attribute__((warn_unused_result));
// The same without stopping at the first error: the messages of all go to ret_errors (in a).
// Negative when the check could not be done.
int spec_validate_all(const struct module_spec *spec, struct arena *a, const struct dict *args,
                      struct list *ret_errors, struct err *e) __attribute__((warn_unused_result));
// Checks args against an argument specification that is itself a value (the options of a role's
// meta/argument_specs.yml): the messages of all that is wrong go to ret_errors (in a).
int spec_validate_value(const struct dict *options, struct arena *a, const struct dict *args,
                        struct list *ret_errors, struct err *e) __attribute__((warn_unused_result));
// A size for people in bytes ("10M", "1.5 GB", "512"): false when there is no number or the unit is
// unknown.
bool spec_size(const char *s, int64_t *ret);
// The parameter called name or having it as an alias (file arguments included), or NULL.
const struct param *spec_param(const struct module_spec *spec, const char *name);

#endif
