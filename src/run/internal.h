// Inside of the run room: the state of a run, its hosts and the task being executed on a host.
#ifndef RUN_INTERNAL_H
#define RUN_INTERNAL_H

#include "playbook/scopes.h"
#include "run/coro.h"
#include "run/run.h"

// Variables set at run time; see store.c for who frees their values.
struct store {
    struct arena *arena; // of the dicts themselves
    struct dict *d;
    struct dict *holders; // name -> VALUE_INT holding what keeps the value's arena
    size_t changes;       // counts what was set and cleared
};

// Variables that an include brought for one host (loop item, facts about it).
struct frame {
    struct frame *up;
    const struct dict *vars;
    const char *unknown; // check runs: why it is not known whether the include would be, or NULL
};

#define MAX_PATH 512 // levels of lists, blocks and includes in each other

struct rhost {
    struct run *run;
    struct host *inv;
    struct host *outside; // in its place when it is in no inventory
    const struct inventory *outside_of;
    const char *name;
    struct store facts;           // ansible_* facts and cacheable set_facts
    struct store set_facts;       // set_fact, register
    struct store included;        // include_vars
    struct arena *view_arena;     // of facts_view, NULL: nobody asked for it yet
    struct dict *facts_view;      // what ansible_facts was
    size_t view_of;               // after so many changes of facts
    struct dict *play_vars_files; // of the current play, or NULL
    struct host_stats stats;
    bool unreachable;
    bool failed;   // out of the current play
    bool gathered; // facts were collected (gathering: smart)
    bool ended;    // meta: end_host
    bool implicit; // localhost that is in no inventory
    size_t rank;   // place among the hosts of the play in the order of the inventory

    // within a play
    struct coro *coro;
    struct frame *frames;
    uint32_t path[MAX_PATH]; // place in the play, for lockstep (walk.c)
    unsigned depth;
    struct task *at;    // task it waits to run
    struct task *doing; // task it was let go on with
    bool waiting, running, done;
    bool passed_over; // the task it waits for is not to be run (--start-at-task, --step, meta)
    bool forced;      // runs handlers after a failure
    unsigned in_rescue,
        rescues; // rescue or always sections around; rescue sections that would catch a failure
    struct value failed_result, failed_task; // ansible_failed_result, ansible_failed_task
    struct arena *failed_arena;              // theirs; NULL: nothing failed
    struct task **notified;
    const char **notified_why; // for each, why it is not known whether it is (check runs), or NULL
    const char *handler_why;   // of the handler being run
    size_t n_notified, cap_notified;
    struct arena *play_arena;
    struct dict *roles; // address of a role_use -> VALUE_BOOL: whether it is finished here (false:
                        // one of its tasks has run)
    struct included *included_list; // what the include just run gave
    size_t n_included;
    struct arena *included_arena;
    bool leader, follow, follow_pending, follow_ready; // run_once: see schedule.c
    bool shares;                                       // the leader's result is everybody's
    enum task_status follow_status;
    struct conn **conns; // used so far, one reference each
    size_t n_conns;
    struct conn *conn_used; // outstanding task, for cancelling
    uint32_t conn_id;
    struct made *made;         // check runs: what tasks would have made (foresee.c)
    const char *unknown_names; // check runs: names may be undefined because of this, or NULL
    bool gave_up;              // runs before it may not go on there (run_opts.gives_up)
    bool refused;              // nor may this one: somebody gave it up
    bool journal_told;         // that its undo journal is in trouble
    uv_timer_t *nap;           // it sleeps, until this
    struct ear *ear;           // it waits for an action plugin
    int64_t started_ms;
};

// What a dynamic include gives on a host; one per loop item.
struct included {
    struct include *inc;
    struct dict *vars; // for its frame, or NULL
    const char *unknown;
    uint32_t place; // among those of all hosts of the round (include.c)
};

// Hosts that include the same go through it together, one such place after the other.
struct include_place {
    struct include_place *next;
    const struct include *inc;
    const struct dict *vars;
    const struct rhost *last; // that came here
};

// An include to be told at the end of the round.
struct pending_include {
    struct pending_include *next;
    const char *host, *file;
    struct value item, label; // of a loop
    bool has_label, no_log, told;
};

struct batch {
    struct rhost **hosts;
    size_t n;
};

// A host that waits until fewer action plugins run.
struct turn {
    struct turn *next;
    struct rhost *h;
};

struct run {
    struct run_opts o;
    struct arena *arena;
    struct rhost **hosts; // every host ever seen
    size_t n_hosts, cap_hosts;
    struct dict *by_name; // name -> index
    struct playbook *pb;
    struct play *play;
    const char *play_name;     // templated
    bool play_check;           // its check mode
    struct batch batch;        // hosts of the current batch
    struct rhost **play_hosts; // all hosts of the play
    size_t n_play_hosts;
    struct dict *play_prompts; // answers to vars_prompt, or NULL
    struct arena *play_arena;
    struct node_list handlers; // flat list of the play's handlers in order
    struct arena **retired;
    size_t n_retired, cap_retired;
    unsigned executing;    // hosts inside a task
    unsigned n_workers;    // action plugins that run
    struct turn *turns;    // and who waits for one of them to end
    size_t handlers_roles; // number of roles when handlers was made
    size_t *handler_group; // for each handler its list; look-ups by name begin with the last list
    struct rhost **play_matched; // all hosts the pattern gives, lost ones too
    size_t n_play_matched;
    bool interrupted, end_play, end_batch, started; // started: --start-at-task was reached
    bool step_all, stopped, force_handlers;
    bool fatal;                    // any_errors_fatal or max_fail_percentage was hit
    bool halted;                   // the same, once the others have finished the task as well
    double max_fail_percentage;    // <0: none
    struct err stop;               // why the run was stopped
    int stop_code;                 // the exit code then, 0: RUN_ERROR
    const struct task *error_told; // whose error was told last
    struct task *gather_task;      // of the play, or NULL
    struct task flush_task;        // stands for the implicit flush_handlers
    struct pending_include *includes, **includes_tail;
    struct include_place *places;               // of the round
    struct addition *additions, *last_addition; // to the inventory (hosts.c)
    struct arena *round_arena;
    struct dict *custom_stats;
    struct dict *left;    // host -> list of {"play", "handler"}: handlers notified and not run
    size_t warnings_told; // of the inventory's
    uv_timer_t tick;
    bool tick_on;
    struct template_opts topts;
    int64_t journal_tasks; // modules sent so far, by which journals number them
    bool merge_hashes;     // hash_behaviour=merge
    bool inject_facts;     // inject_facts_as_vars: facts are variables too
    const char *fact_dir;  // folder of the fact cache, NULL: facts live as long as the run
};

// One task on one host.
struct exec {
    struct run *run;
    struct rhost *h;
    struct rhost *target; // where it runs: h, or the host delegated to
    struct task *task;
    const struct task *told; // what the sink knows the task by: task, or what it was made from
    struct arena *a;
    struct scope_list scopes;
    struct templar tpl;
    struct dict *locals;
    bool check, diff, no_log, ignore_errors, ignore_unreachable;
    const char *delegate_name; // NULL: not delegated
    const struct dict *environment;
    const struct dict *args; // of the execution at hand, templated; NULL: not that far
    struct list *notifies;   // handlers named by the executions so far
    struct brought *brought; // facts of the executions so far (facts.c)
    struct list *changes;    // what it changed, where run_opts.record_diff asks for it; or NULL
    bool secret;             // it sends what came out of a vault
    bool any_secret;         // an item of its loop did
    const char *name;        // templated task name
    struct pos fail_pos;
    const struct value *item;
    bool no_play; // without variables of the play and its roles
    bool as_is;   // the result is an action plugin's: nothing is added to it
    bool final;   // the plugin ended by an exception, so that nothing looks at its result
    bool raised;  // one that is an error of the plugin: nothing was done
    bool aborted; // an error that ends the task with all items of its loop
    int64_t retries_left;
    int timeout;
    // of a check run
    const char *unknown; // why the result cannot be known, or NULL
    bool maybe;          // not even whether the task would run
    bool on_host;        // a module has run
    bool foreseen;       // what it would make is remembered
    // whether what it changed can be undone ("yes", "no", "inverse"; NULL: it says nothing), and
    // the states it left
    const char *undo;
    struct value undo_after;
    // of a task that is about to reach its host
    const char *bad_field; // the first setting that cannot be templated, as a message, or NULL
    struct exec *asker;    // the task's own, when this one is of the host it is delegated to
};

// --- store.c
void store_init(struct store *s);
void store_release(struct store *s);
// Copies v in under name; the value it replaces is freed once nothing can refer to it.
void store_set(struct run *r, struct store *s, const char *name, const struct value *v);
// Copies all of d in (keys that are text), sharing one arena.
void store_set_all(struct run *r, struct store *s, const struct dict *d);
void store_clear(struct run *r, struct store *s);
void run_retire(struct run *r, struct arena *a);
void run_free_retired(struct run *r);

// --- factcache.c
// Finds out from the settings where facts are kept.
void fact_cache_open(struct run *r);
void fact_cache_load(struct rhost *h);
void fact_cache_save(struct rhost *h);
void fact_cache_forget(struct rhost *h);
// Facts of a host, kept where the settings say. gathered: it is all there is to know of it.
void host_set_facts(struct rhost *h, const struct dict *facts, bool gathered);
void host_clear_facts(struct rhost *h);

// --- facts.c
// A copy of facts, in a, without those that say how a host is reached, of which it warns.
struct dict *facts_allowed(struct run *r, struct arena *a, const struct dict *facts);

// --- hosts.c
struct rhost *run_host(struct run *r, const char *name); // known to the run or NULL
struct rhost *run_host_get(struct run *r, const char *name,
                           bool make); // from the inventory; make: also unknown ones
// Inventory variables of a host in two layers (inventory.h).
void run_inventory_vars(struct run *r, struct rhost *h, struct inventory_vars *ret);
// The `groups` dict, and the names of the groups of a host.
struct value run_groups(struct run *r);
struct value run_group_names(struct run *r, struct rhost *h, struct arena *a);
// Names of all hosts of the inventory, as a list of strings.
struct list *run_all_hosts(struct run *r, struct arena *a);
// add_host: true when something changed. group_by: the same for a group, its parents and a host in
// it.
bool run_add_host(struct run *r, const char *name, const struct list *groups,
                  const struct dict *vars);
bool run_add_group(struct run *r, const char *group, const struct list *parents, const char *host);
// Reads the inventory anew; hosts that are in it no more, or were added by the play, lose what they
// had of it.
void run_refresh_inventory(struct run *r);
// Names of the hosts a pattern gives, after --limit, in the play's order.
int run_match(struct run *r, const char *pattern, const char *order, const char ***ret_names,
              size_t *ret_n, struct err *e);

// --- hostvars.c
struct value run_hostvars(struct exec *x);
// The variables of one host, as an object.
struct value run_hostvars_of(struct run *r, struct rhost *h, struct arena *a);

// --- vars.c
void exec_scopes(struct exec *x);
// A templar with the variables of h (and of task's node when given).
void exec_init(struct exec *x, struct run *r, struct rhost *h, struct task *t, struct arena *a);
// For templates at n that no host evaluates: what is known statically, and variables of the run.
// t refers to s, which must outlive it.
void run_static_templar(struct run *r, const struct node *n, struct static_scope *s,
                        struct templar *t);
// The variables that are the task's alone (loop item, result so far) become locals.
void exec_set_locals(struct exec *x, struct dict *locals);
// The variable `name`, templated: 1, 0, <0.
int exec_var(struct exec *x, const char *name, struct value *ret, struct err *e);
// Same as text; NULL when undefined, empty or not templatable.
const char *exec_var_str(struct exec *x, const char *name);
int exec_template(struct exec *x, const struct value *in, struct value *ret, struct err *e);
// An inherited keyword, templated: 1 when present.
int exec_attr(struct exec *x, const char *key, struct value *ret, struct err *e);
bool exec_attr_bool(struct exec *x, const char *key, bool dflt, int *rc, struct err *e);
// Forgets the dict that ansible_facts was for a host.
void run_drop_view(struct run *r, struct rhost *h);

// --- remote.c
// Runs a module on the target host with templated args; *result gets its dict. Waits in the
// coroutine.
struct module_call {
    const char *module;
    struct dict *args;
    struct dict *extra; // or NULL
    const struct conn_source *sources;
    size_t n_sources;
    int (*on_file)(void *data, uint32_t n, const char *s, size_t len, const char *msg);
    void *on_file_data;
    bool force_run;          // run even though the module knows no check mode
    bool ignore_check;       // tell the module it is no check run
    struct dict *async;      // start it as a job with this (docs/PROTOCOL.md), or NULL
    bool here;               // on this machine, as the user who runs andon
    bool bare;               // without the task's environment
    bool as_login;           // without become
    const char *become_user; // where the task becomes someone: this one, or NULL
};
int exec_module(struct exec *x, const struct module_call *c, struct value *result);
// Waits in the coroutine; exec_wake ends it early.
void exec_sleep(struct exec *x, double seconds);
void exec_wake(struct rhost *h);
// journal.c: the part of a task message that asks for an undo journal; null: none is to be kept.
struct value exec_journal(struct exec *x, const struct module_call *c);
// Before a host's first module: has its helper end what is left of runs that were given up. False:
// it did not, and the result says why.
bool exec_give_up(struct exec *x, struct value *result);
// Takes out of a result what the helper says of the journal.
void exec_take_journal(struct exec *x, struct value *result);
// What is done without the helper, which would refuse it: true when the helper has refused other
// tasks, because the run was given up on the target. The result is a failure then.
bool exec_refused(struct exec *x, struct value *result);
// What is known of it becomes part of the task's result, for sinks alone.
void exec_tell_journal(struct exec *x, struct dict *result);
// async.c: the task's module as a background job, watched until it ends unless poll is 0.
struct async_task {
    int64_t limit; // seconds; 0: not in the background
    double poll;
};
int async_read(struct exec *x, struct async_task *ret, struct err *e);
// What makes a module a job (docs/PROTOCOL.md).
struct dict *async_job(struct exec *x, const struct async_task *t);
int async_run(struct exec *x, const struct async_task *t, struct dict *args, struct value *result);
// The folder of jobs on the host.
const char *async_folder(struct exec *x);
// --- raw.c
// s in single quotes for a shell.
const char *shell_quote(struct arena *a, const char *s);
int exec_raw(struct exec *x, const char *command, const char *executable, struct value *result);
// --- login.c
// x, or when the task is delegated one with the variables of the host it runs on.
struct exec *target_exec(struct exec *x);
int exec_reset_connection(struct exec *x);
// How another program reaches the task's own host as its connection does, from this machine or from
// the host delegated to.
struct remote_shell {
    const char *const *ssh;  // words of ssh without the host, ends with NULL
    const char *host;        // its address; NULL: it is where the program runs
    const char *become_user; // whom the task becomes there by sudo, NULL: nobody
    bool from_here;          // the program runs on this machine
};
struct remote_shell_opts {
    int port;                // 0: the connection's
    const char *private_key; // NULL: the connection's
    bool keep_user;          // log in as the connection does
    bool verify_host,
        ssh_args; // from a host delegated to: check keys, use the connection's options
};
// <0 after action_fail().
int exec_remote_shell(struct exec *x, const struct remote_shell_opts *o, struct remote_shell *ret,
                      struct value *result);
// Takes over a reference to a connection used for the target.
void conn_keep(struct exec *x, struct conn *c);
const char *exec_connection(struct exec *x); // "ssh" or "local"
// The user, address, port and so on the target is reached with by ssh.
void exec_login(struct exec *x, struct conn_params *p);
// The become part of the task message; null when the task runs as the login user. What cannot be
// evaluated is x->bad_field then.
struct value exec_become(struct exec *x);

// --- action.c
typedef int action_fn(struct exec *x, struct dict *args, struct value *result);
struct action_row {
    const char *name;
    action_fn *run;
};
// The controller's part of a module, or NULL when the host does all.
action_fn *action_find(const char *module);
// result = {failed: true, msg}.
int action_fail(struct exec *x, struct value *result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// --- unknown.c: check runs that tell what they cannot know
bool exec_defers(const struct exec *x);
// "task 'x' (site.yml:5)"
const char *exec_where(struct exec *x);
// The task depends on what e (ERR_UNKNOWN) says.
void exec_unknown(struct exec *x, const struct err *e);
// It is not known whether the task would run.
void exec_maybe(struct exec *x, const char *why);
bool task_never_changes(const struct task *t);
bool task_runs_command(const struct task *t);
// The result of a task that is deferred because of x->unknown.
void unknown_result(struct exec *x, struct value *result);
void unknown_effects(struct exec *x);
// What a result is to later tasks under the name it is registered by.
struct value unknown_registered(struct exec *x, const char *name, const struct value *result);
// --- foresee.c
// Looks at the result of a module in a check run in the light of what earlier tasks would have
// made; may set x->unknown or change the result.
void foresee(struct exec *x, const struct dict *args, struct value *result);
// The task is deferred and might do anything.
void foresee_unknown(struct exec *x);

// --- message.c
// The message for an error in a task, prefix first. In Ansible's wording an excerpt of the file
// follows when pos is known: where it has an object of the playbook to blame.
const char *task_error(struct exec *x, const char *prefix, const struct err *e, struct pos pos);

// A condition is evaluated that has braces around it, as Ansible warns of.
void task_warn_condition(struct exec *x, const struct value *cond);

// --- attempt.c
// Runs the action with until, retries and delay around it, then failed_when and changed_when.
// *result lives in x->a, and what earlier attempts left there is freed.
void task_attempts(struct exec *x, struct dict *args, struct value *result);

// --- task.c
// Runs the task on its host with loops, retries and registering; tells the sink. *ret is the final
// result.
enum task_status task_run(struct run *r, struct rhost *h, struct task *t, struct arena *a,
                          struct value *ret);
enum task_status result_status(const struct dict *d);
// The `when` of a meta task; a condition that fails stops the run.
bool meta_condition(struct run *r, struct rhost *h, struct task *t, struct arena *a);
const char *task_display_name(struct run *r, struct rhost *h, const struct task *t,
                              struct arena *a);

// --- walk.c
void host_walk(void *arg); // the coroutine of a host; arg: struct rhost *

// --- handlers.c
// The handlers an execution of the task (of its item) would notify, added to names.
int task_notifies(struct exec *x, struct list *names, struct err *e);
// Notifies the handlers a changed task names; why: it is not known to change, or NULL. false: one
// does not exist, the run is stopped.
bool task_notify(struct rhost *h, struct task *t, const struct list *names, const char *why,
                 struct arena *a);
bool handler_notified(const struct rhost *h, const struct task *t);
// Builds the flat list of handlers of the play.
void collect_handlers(struct run *r, struct play *p);

// --- tags.c
bool task_selected(struct run *r, struct rhost *h, const struct node *n);
void node_tags(struct run *r, struct rhost *h, const struct node *n, struct arena *a,
               struct list *ret);

// --- meta.c
enum meta_flow { META_GO, META_OUT, META_FLUSH }; // go on; out of the play; run the handlers
// Does what the meta task says, if its condition holds for the host.
enum meta_flow meta_run(struct rhost *h, struct task *t);
// False when one host does it for all that stand before it.
bool meta_for_each_host(const struct task *t);

// --- schedule.c
// Runs the batch's coroutines to their ends.
void schedule_batch(struct run *r, bool linear);
// Called by a host's coroutine before each task: waits for its turn. false: the play is over for
// this host.
bool schedule_arrive(struct rhost *h, struct task *t);

bool schedule_arrive_flush(struct rhost *h);
// Goes on with a coroutine whose outstanding work is done; from loop callbacks.
void schedule_wake(struct rhost *h);
// Remembers an include to be told at the end of the round.
void schedule_note_include(struct rhost *h, const char *file, const struct value *item,
                           const struct value *label, bool no_log);
// After a run_once task: gives what it registered to the other hosts of the batch, and lets them go
// on.
void schedule_share(struct rhost *h, const struct task *t, enum task_status status);

// --- play.c
// The folder relative names of the current play start from.
const char *run_basedir(const struct run *r);
// Ends the whole run with an error.
void run_stop(struct run *r, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool play_wants_facts(struct run *r, struct rhost *h);
void play_load_vars_files(struct run *r, struct rhost *h);
bool start_matches(const char *wanted, const char *display, const char *name);

// Notifies the handler of that name and those that listen to it; false: there is none.
bool handler_notify(struct rhost *h, const char *name, const char *why, struct arena *a);

// --- pending.c
void pending_init(struct run *r);
// Notifies what an earlier run left undone in this play.
void pending_notify(struct rhost *h);
// Remembers what is notified and will not be run now.
void pending_keep(struct rhost *h);

// --- prompt.c
// Asks for the play's vars_prompt.
int play_ask_vars(struct run *r, struct play *p, struct err *e);
// --- reserved.c
void warn_reserved_names(struct run *r, const struct play *p);

// --- include.c
// Loads what an include task gives for this host (and loop item) and remembers it for walk.c.
int include_prepare(struct exec *x, struct dict *args, struct value *result);
// Puts what the host has included in the order all hosts of the round go through it.
void include_order(struct rhost *h);

#endif
