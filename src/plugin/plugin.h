// What andon does not have itself: modules and plugins in Python (or any language) found along
// Ansible's search paths. Python on this side runs in one process of the user's own Ansible,
// started when it is first needed; modules are run on hosts by the helper.
#ifndef PLUGIN_PLUGIN_H
#define PLUGIN_PLUGIN_H

#include "config/config.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/value.h"

#include <stdbool.h>
#include <stddef.h>

struct plugins; // all of it, for one session

struct plugins_opts {
    const struct config *config;
    const char *server; // our program for the Python process (andon-plugins.py)
    // What plugins warn of. May be NULL.
    void (*warn)(void *data, const char *msg);
    // What they print. May be NULL.
    void (*display)(void *data, const char *text, bool error);
    // Decrypts what they read; path: the file it is from, or NULL. The result lives in a. NULL:
    // there are no passwords, which never leave this process.
    int (*decrypt)(void *data, struct arena *a, const char *path, const char *text, size_t len,
                   const char **ret, size_t *ret_len, struct err *e);
    void *data;
};

// opts' config and strings must outlive it. Nothing is searched or started yet.
struct plugins *plugins_new(const struct plugins_opts *opts);
// Ends the Python process. NULL is accepted.
void plugins_free(struct plugins *p);

// --- where to search. Folders are searched in the order they are added.

// The folder of a playbook: library/, filter_plugins/, ..., collections/.
void plugins_add_playbook(struct plugins *p, const char *dir);
// The folder of a role.
void plugins_add_role(struct plugins *p, const char *dir);

// --- modules

// How a module takes its arguments and what it is, found out from its text as Ansible does.
enum module_style {
    STYLE_PYTHON,    // imports ansible.module_utils: assembled by Ansible, arguments in its text
    STYLE_JSONARGS,  // has a mark in its text that JSON arguments replace
    STYLE_WANT_JSON, // gets a file of JSON
    STYLE_OLD,       // gets a file of key=value words
    STYLE_BINARY,    // is executed itself with a file of JSON
    STYLE_POWERSHELL,
};

struct plugin_module {
    const char *name, *path; // full name where it is in a collection; path NULL: an action alone
    enum module_style style;
    const char *interpreter; // of its first line: program and arguments, "" when it has none
    const char *action;      // path of an action plugin of the same name, or NULL
};

// The file that runs as module `name`: a full name (ns.collection.name) or a short one, for which
// the collections in the list (may be NULL) are searched first, then the folders of playbook and
// roles, the configured ones, and Ansible itself. NULL when andon has the module itself, or nobody
// has it. Answers are remembered until another folder is added.
const struct plugin_module *plugins_module(struct plugins *p, const char *name,
                                           const struct list *collections);
// Why a module that nobody has is perhaps meant otherwise ("it moved to the collection x.y, which
// is not installed"), in a; or NULL.
const char *plugins_module_hint(struct plugins *p, const char *name, struct arena *a);

// The full name of what a task's action leads to, redirects followed: "ping" is
// "ansible.builtin.ping", unless a folder of modules has one ("ansible.legacy.ping"). Belongs to p.
const char *plugins_resolve(struct plugins *p, const char *name, const struct list *collections);
// Whether the action with that full name is in an action group: "ns.collection.name", or a short
// name for Ansible's own. <0 when there is no such group.
int plugins_in_group(struct plugins *p, const char *group, const char *action, struct err *e)
    __attribute__((warn_unused_result));

// A module ready to be sent. Belongs to p.
struct plugin_payload {
    const char *data; // NULL: the module's file as it is
    size_t len;
    bool has_gap;
    size_t gap;          // where the arguments go, as a Python literal
    char digest[65];     // SHA-256
    const char *version; // of the Ansible that made it, or NULL
};
// Whether it is of a kind that andon cannot run: for Windows.
bool plugins_beyond_us(const struct plugin_module *m);
// Whether a module can be run at all: ERR_UNSUPPORTED, with why and what to install, when it is of
// a kind that andon cannot run or needs an Ansible that is not there.
int plugins_check(struct plugins *p, const struct plugin_module *m, struct err *e)
    __attribute__((warn_unused_result));
// What to send of a module. STYLE_PYTHON is assembled by Ansible. Done once.
int plugins_assemble(struct plugins *p, const struct plugin_module *m,
                     const struct plugin_payload **ret, struct err *e)
    __attribute__((warn_unused_result));
// The module with these arguments in its text, for payloads without a gap; in a.
int plugins_assemble_with(struct plugins *p, const struct plugin_module *m, const struct dict *args,
                          struct arena *a, struct plugin_payload *ret, struct err *e)
    __attribute__((warn_unused_result));
// Whether modules of the installed Ansible know the internal argument ("_ansible_diff").
bool plugins_knows_argument(const struct plugins *p, const char *name);

// --- workers: processes for what takes its time and talks with hosts (action plugins)

struct plugin_worker;
struct templar;

// A process forked from the Python process; what names the thing it is for in errors.
int worker_new(struct plugins *p, const char *what, struct plugin_worker **ret, struct err *e)
    __attribute__((warn_unused_result));
// Ends it. NULL is accepted.
void worker_free(struct plugin_worker *w);
// Readable when worker_receive may have something.
int worker_fd(const struct plugin_worker *w);
// Sends a JSON object.
int worker_send(struct plugin_worker *w, const char *what, const struct buf *message, struct err *e)
    __attribute__((warn_unused_result));
// The next JSON object it sent: 1, or 0 when none has come yet. Never waits. <0: it has ended.
int worker_receive(struct plugin_worker *w, struct arena *a, const char *what, struct value *ret,
                   struct err *e) __attribute__((warn_unused_result));
// Answers what it asks of variables by appending to ret, with those t sees: 1, nothing appended
// when it was news; 0 when d is no such question.
int worker_question(struct plugin_worker *w, struct templar *t, struct arena *a,
                    const struct dict *d, struct buf *ret, struct err *e);
// Values on this line: JSON in which types that JSON lacks are marked.
void plugins_encode(struct buf *b, struct arena *a, const struct value *v);
int plugins_decode(struct arena *a, const struct value *in, struct value *ret, struct err *e)
    __attribute__((warn_unused_result));

// --- filters, tests, lookups

// Makes p what templates ask for filters, tests and lookups that the template room lacks.
// Process-wide.
void plugins_set_hooks(struct plugins *p);

// --- other plugins

// Where a plugin of a kind ("connection", "callback", "strategy", "vars", "become", "cache") would
// be found, or NULL. For messages.
const char *plugins_find(struct plugins *p, const char *kind, const char *name, struct arena *a);
// The first plugin file (.py) directly in a folder or one below, or NULL. Belongs to p.
const char *plugins_first(struct plugins *p, const char *dir);
// Inventory sources read by Ansible's inventory plugins, which see the variables of -e, as an
// inventory script prints them.
int plugins_inventory(struct plugins *p, struct arena *a, const char *const *sources, size_t n,
                      const struct dict *extra_vars, struct value *ret, struct err *e)
    __attribute__((warn_unused_result));

// Whether there may be vars plugins other than host_group_vars, so that asking them is worth it.
bool plugins_has_vars(struct plugins *p);
// Variables that vars plugins have for a host or group at a path: *ret has "before" and "after"
// (what host_group_vars gives), both dicts. entity: "kind" ("host" or "group"), "name", "vars",
// "groups" or "hosts". playbook: the path is the playbook's folder, not an inventory source's.
int plugins_vars(struct plugins *p, struct arena *a, const char *path, bool playbook,
                 const struct value *entity, struct value *ret, struct err *e)
    __attribute__((warn_unused_result));

// --- callback plugins: what is told of a run

// Whether settings name callbacks or there are files of any, so that starting them is worth it.
bool plugins_has_callbacks(struct plugins *p);
// Loads them: how many there are, or <0. opts: "stdout" (the plugin that prints, or null),
// "verbosity", "columns", "color", "options" (of the command line).
int plugins_callbacks(struct plugins *p, const struct value *opts, struct err *e);
// Tells them an event, a dict with the name of their method as "event".
int plugins_tell(struct plugins *p, const struct value *event, struct err *e);

// --- what it cost

struct plugin_use {
    const char *kind, *name; // "module", "filter", "test", "lookup"
    unsigned count;
    double seconds;
};
// Counts one use.
void plugins_count(struct plugins *p, const char *kind, const char *name, double seconds);
// All uses so far, the most expensive first. Valid until the next call.
size_t plugins_uses(struct plugins *p, const struct plugin_use **ret);

#endif
