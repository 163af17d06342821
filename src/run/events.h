// What a run tells while it goes: a table of functions that an output implements. Any may be NULL.
// Everything pointed to is good during the call alone.
#ifndef RUN_EVENTS_H
#define RUN_EVENTS_H

#include "core/value.h"
#include "playbook/model.h"
#include "plugin/plugin.h"

#include <stdint.h>

enum task_status {
    STATUS_OK,
    STATUS_CHANGED,
    STATUS_SKIPPED,
    STATUS_FAILED,
    STATUS_UNREACHABLE,
    // a check run cannot know; `msg` of the result says why
    STATUS_UNKNOWN
};

struct task_event {
    const struct task *task;
    const char *name; // templated, with "role : " in front as Ansible shows it
    bool handler;
    bool no_log;
    const struct dict *args; // raw arguments (for display_args_to_stdout), NULL when secret
    const char *prefix;      // "TASK", "RUNNING HANDLER", "CLEANUP TASK"
    const char *path;        // file:line of the task
    size_t n_hosts;          // hosts that are about to run it
    bool free_strategy;      // the others come when they like; it may be told again
    bool again;              // a meta task, told before for another host
};

struct result_event {
    const struct task *task;
    const char *task_name;
    const char *host;
    const char *delegated; // host it ran on instead, or NULL
    enum task_status status;
    bool ignored; // failed or unreachable, but ignore_errors/ignore_unreachable
    bool no_log;
    bool check, diff;
    bool handler;
    bool loop;    // result of a whole loop (items were told before)
    bool include; // an include that is told by include()
    const struct dict *result;
    const struct dict *args;    // what the module was given, templated; NULL: it was not run
    const struct list *changes; // the differences, where record_diff asked for them; or NULL
    bool secret;                // what was sent came out of a vault: its text is not to be shown
    const struct value *item;   // of a loop item, its label; NULL otherwise
    struct pos pos;             // where a failure comes from, when known
    double seconds;
};

struct include_event {
    const char *file;
    const char *const *hosts;
    size_t n_hosts;
    const struct value *item; // label of the loop item, or NULL
    bool no_log;
};

struct retry_event {
    const struct task *task;
    const char *task_name, *host;
    int64_t left, retries, attempts;
    const struct dict *result;
};

struct host_stats {
    const char *host;
    unsigned ok, changed, unreachable, failed, skipped, rescued, ignored;
    unsigned unknown; // of a check run
};

struct stats_event {
    const struct host_stats *hosts; // sorted by name
    size_t n;
    bool check;                       // changed: would change
    const struct dict *custom;        // set_stats: host or "_run" -> dict, NULL when none
    const struct plugin_use *foreign; // what ran through the user's Ansible, dearest first
    size_t n_foreign;
    const char *recorded; // the id under which the run is recorded, or NULL
};

struct run_sink {
    void *data;
    void (*playbook_start)(void *data, const char *path);
    void (*play_start)(void *data, const struct play *p, const char *name, size_t n_hosts,
                       bool check);
    void (*no_hosts_matched)(void *data);
    void (*no_hosts_remaining)(void *data);
    void (*task_start)(void *data, const struct task_event *ev);
    // A task began on a host (for a live board); not shown by plain outputs.
    void (*host_start)(void *data, const struct task *t, const char *host);
    void (*item)(void *data, const struct result_event *ev);   // one loop item
    void (*result)(void *data, const struct result_event *ev); // a host finished the task
    void (*include)(void *data, const struct include_event *ev);
    void (*retry)(void *data, const struct retry_event *ev);
    // A look at a background job, and its end.
    void (*async_poll)(void *data, const char *host, const char *jid, bool finished);
    void (*async_end)(void *data, const char *host, const char *jid, bool failed);
    void (*notify)(void *data, const char *host, const char *handler);
    void (*output)(void *data, const char *host, int stream, const char *s,
                   size_t len); // live command output
    void (*warning)(void *data, struct pos pos, const char *msg);
    void (*deprecated)(void *data, const char *msg);
    void (*message)(void *data, const char *msg); // plain text for the user (pause, vars_prompt)
    void (*connection)(void *data, const char *host, const char *event,
                       const char *text); // verbose
    void (*stats)(void *data, const struct stats_event *ev);
    void (*tick)(void *data);  // about ten times a second while waiting
    void (*clear)(void *data); // the terminal is wanted for a question: live lines go
    void (*close)(void *data); // frees data; the last call
};

#endif
