// Inside of the plugin room: the session's state, the process, values on the wire.
#ifndef PLUGIN_INTERNAL_H
#define PLUGIN_INTERNAL_H

#include "core/buf.h"
#include "plugin/plugin.h"

#include <sys/types.h>

// Frames of both kinds of talk: the length, big endian, then JSON.
#define FRAME_HEAD 4
#define FRAME_LIMIT ((size_t)256 << 20)

static inline void frame_head(unsigned char *head, size_t len)
{
    for (int i = 0; i < FRAME_HEAD; i++)
        head[i] = (unsigned char)(len >> (8 * (FRAME_HEAD - 1 - i)));
}

static inline size_t frame_length(const unsigned char *head)
{
    return (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
}

struct paths { // a growing list, owned strings in the session's arena
    const char **items;
    size_t n, cap;
};

struct process {
    pid_t pid; // 0: not running
    int to, from, errors;
    int pass;        // descriptors go this way
    struct buf said; // the end of its error output
    unsigned starts;
    bool ready;
};

struct plugins {
    struct plugins_opts o;
    struct arena *arena;
    struct paths folders;                // of playbooks and roles, in order
    struct paths playbooks;              // of playbooks alone, for collections/
    size_t told_folders, told_playbooks; // known to the Python process
    const char *python;      // interpreter of the installed Ansible; "" none, NULL not looked for
    const char *package;     // its folder `ansible`; "" when not found
    struct dict *listings;   // folder -> dict of names without extension -> path
    struct dict *modules;    // question -> VALUE_INT of struct plugin_module, 0 for none
    struct dict *known;      // path -> VALUE_INT of struct plugin_module
    struct dict *payloads;   // path -> VALUE_INT of struct plugin_payload
    struct dict *runtimes;   // collection -> its meta/runtime.yml
    struct dict *resolved;   // question -> full name of an action
    struct dict *groups;     // action group -> names of its actions
    struct dict *rows;       // "filter name" -> VALUE_INT of struct builtin, 0 for none
    struct dict *texts;      // kind -> text of all local plugin files
    int has_vars;            // vars plugins: 1 there may be some, 0 none, <0 not looked for
    struct dict *arguments;  // internal arguments modules know; NULL: not told
    const char *error_class; // Python class of the last error, in the request's arena; NULL: usual
    const char *error_cause; // what is told once more behind it, likewise; NULL: nothing
    struct process proc;
    struct plugin_use *uses;
    size_t n_uses, cap_uses;
};

// --- search.c
void paths_add(struct plugins *p, struct paths *l, const char *path);
// The folder of a collection "ns.name", or NULL.
const char *collection_dir(struct plugins *p, const char *name, size_t len);
// The file of plugin `name` directly in dir or one of its folders, or NULL. any: whatever its
// extension (modules); else .py alone.
const char *file_in(struct plugins *p, const char *dir, const char *name, bool any);
// The folder `ansible` of the installed Ansible, or NULL.
const char *ansible_package(struct plugins *p);
// The Python that runs Ansible, or NULL.
const char *ansible_python(struct plugins *p);
// A section (plugin_routing, action_groups) of a collection's meta/runtime.yml, or NULL.
const struct dict *runtime_section(struct plugins *p, const char *collection, size_t len,
                                   const char *section);
// Where a redirect of a name in plugin_routing leads: kind is "modules", "filter", ... NULL: none.
const char *routed(struct plugins *p, const char *collection, size_t len, const char *kind,
                   const char *name);
// The action plugin that plugin_routing names for a module, or NULL.
const char *routed_to_action(struct plugins *p, const char *collection, size_t len,
                             const char *module);

// --- modules.c
// The length of "ns.collection" in a full name, 0 for a short one.
size_t collection_of(const char *name);
// plugins/SUB/name of a collection; dots in name are folders.
const char *collection_file(struct plugins *p, const char *dir, const char *sub, const char *name,
                            bool any);
// The file of a short name in the folders of playbook and roles and the configured ones.
const char *local_file(struct plugins *p, const char *sub, enum config_id paths, const char *name,
                       bool any);

// --- codec.c
// Appends v as JSON in which types that JSON lacks are marked. hostvars: a value that stands for
// the variable hostvars.
void codec_write(struct buf *b, struct arena *a, const struct value *v);
// Undoes the marks in a value that was read from JSON.
int codec_read(struct arena *a, const struct value *in, struct value *ret, struct err *e);

// --- process.c
// What the other side may ask for while it works.
struct var_source {
    // 1 found, 0 not, <0 error. host NULL: the host at hand.
    int (*get)(void *data, struct arena *a, const char *host, const char *name, struct value *ret,
               struct err *e);
    int (*names)(void *data, struct arena *a, const char *host, struct list **ret, struct err *e);
    void *data;
};
// Sends a request (JSON of its members without braces, as codec_write makes) and waits for the
// answer. what names the thing in errors ("the filter 'x'").
int process_request(struct plugins *p, struct arena *a, const char *members,
                    const struct var_source *vars, const char *what, struct value *ret,
                    struct err *e) __attribute__((warn_unused_result));
// Answers what the other side asks in d by appending to ret: 1, nothing appended when it was news;
// 0 when d is no question.
int process_question(struct plugins *p, const struct var_source *vars, struct arena *a,
                     const struct dict *d, struct buf *ret, struct err *e);
// Starts the process without waiting for it, so that it is ready when it is needed.
void process_prepare(struct plugins *p);
void process_end(struct plugins *p);

// --- worker.c
struct plugins *worker_plugins(const struct plugin_worker *w);
// Takes a frame that has come whole from the front of b: 1, its JSON in *ret; 0: more is needed.
int frame_take(struct buf *b, struct arena *a, const char *what, struct value *ret, struct err *e)
    __attribute__((warn_unused_result));

#endif
