// Running a playbook over hosts: strategies, loops, handlers, results. Publishes events to a sink.
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "config/config.h"
#include "fleet/fleet.h"
#include "inventory/inventory.h"
#include "playbook/load.h"
#include "plugin/plugin.h"
#include "run/events.h"

// Exit codes as ansible-playbook's.
enum run_exit {
    RUN_OK = 0,
    RUN_ERROR = 1,
    RUN_FAILED = 2,
    RUN_UNREACHABLE = 4,
    RUN_PARSER = 4,
    RUN_BAD_OPTIONS = 5,
    RUN_INTERRUPTED = 99
};

struct run_opts {
    struct inventory *inventory;
    struct loader *loader;
    struct fleet *fleet;
    struct plugins *plugins; // modules that are not andon's own; NULL: there are none
    const struct config *config;
    struct template_cache *cache;
    struct run_sink sink;
    const struct dict *extra_vars; // never NULL
    const char *limit;             // --limit pattern or NULL
    const char *const *tags;       // ends with NULL; NULL: all
    const char *const *skip_tags;
    int forks;
    bool check, diff;
    const char *run_id;          // of this run, or NULL
    const struct list *gives_up; // ids of runs that may not go on where this one comes, or NULL
    const bool *recorded;        // whether a record is kept under that id, which may end; or NULL
    bool record_diff;   // changes are told with their differences (result_event.changes) even
                        // where diff mode is off; results stay as they are without it
    bool defer_unknown; // a check run tells what it cannot know, where Ansible skips or fails
    bool force_handlers;
    bool become;                             // -b
    const char *become_method, *become_user; // NULL: not on the command line
    const char *become_password, *ssh_password;
    const char *remote_user, *private_key, *connection;
    const char *ssh_common_args, *ssh_extra_args;
    int timeout; // 0: configured
    int verbosity;
    const struct dict *pending; // host -> handlers an earlier run left undone, or NULL
    const char *start_at_task;
    bool step;
    bool ansible_wording; // failure messages carry Ansible's "The error appears to be in" text
    bool live_output;
    // Decrypts a file or an inline value, as in struct yaml_opts (path NULL: inline).
    int (*decrypt)(void *data, struct arena *a, const char *path, const char *text, size_t len,
                   const char **ret, size_t *ret_len, struct err *e);
    void *decrypt_data;
    // Asks on the terminal: a malloc'ed answer or NULL. For vars_prompt, pause, --step.
    char *(*prompt)(void *data, const char *text, bool hidden, int timeout_s);
    void *prompt_data; // of the other functions here, too
    // Whether the run may touch a host: asked for those of each play, and for one that a task is
    // delegated to. An error ends the play, or fails the task. NULL: all.
    int (*reach)(void *data, const char *host, struct err *e);
    // Is told every password and private answer that the run meets, or NULL.
    void (*secret)(void *data, const char *text, size_t len);
    bool flush_cache; // forget what the fact cache has
    // Reads the inventory's sources anew (meta: refresh_inventory).
    int (*reload_inventory)(void *data, struct inventory **ret, struct err *e);
    bool undo;          // hosts keep undo journals under run_id
    bool undo_required; // a task whose journal cannot be written fails before it changes anything
    int64_t undo_runs, undo_bytes; // what a host keeps of them
    // An error that costs hosts their place in the play without being the result of a task.
    void (*error)(void *data, const struct err *e);
};

struct run;
// A run over opts, which must outlive it.
struct run *run_new(const struct run_opts *opts);
void run_free(struct run *r);
// Runs all plays of a playbook. Returns an enum run_exit; *e is set when the run could not go on
// (RUN_ERROR).
int run_playbook(struct run *r, struct playbook *pb, struct err *e);
// Tells the sink the statistics of everything run so far.
void run_stats(struct run *r);
// The numbers of every host that took part so far, sorted by name, in a.
struct host_stats *run_host_stats(struct run *r, struct arena *a, size_t *ret_n);
// Hosts that failed or were unreachable, for retry files; names owned by the run.
size_t run_failed_hosts(struct run *r, const char **names, size_t max);
// What is to be remembered: host -> {"failed", "unreachable", "handlers"}, for every host that took
// part (an empty dict: all went well). In a.
void run_outcome(struct run *r, struct arena *a, struct dict *ret);
// False while --start-at-task has not been met.
bool run_started(const struct run *r);
// Stops as soon as possible (from a signal handler of the loop): tasks are cancelled.
void run_interrupt(struct run *r);

// --list-tasks, --list-tags: calls fn for each task of a play that the tags select, with its name
// and all its tags.
int run_list_tasks(struct run *r, struct playbook *pb, struct play *p,
                   void (*fn)(void *data, const struct play *p, const struct task *t,
                              const char *name, const struct list *tags),
                   void *data, struct err *e);
// The tags of a play itself, appended to ret.
void run_play_tags(struct run *r, struct play *p, struct arena *a, struct list *ret);
// What a play is called: its templated name, or its hosts pattern. In a.
const char *run_play_title(struct run *r, struct play *p, const char *pattern, struct arena *a);
// The templated hosts pattern of a play and the hosts it gives.
int run_play_hosts(struct run *r, struct playbook *pb, struct play *p, struct value *ret_pattern,
                   const char ***ret_names, size_t *ret_n, struct err *e);

#endif
