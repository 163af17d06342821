// What every command that touches hosts needs: settings, inventory, loader, connections, an output.
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/git_state.h"
#include "cli/options.h"
#include "cli/output.h"
#include "plugin/plugin.h"
#include "run/run.h"
#include "vault/vault.h"

#define RUN_USAGE 2   // exit code for a wrong command line, as argparse's
#define RUN_REFUSED 3 // the policy does not allow it

struct session {
    struct arena *arena;
    struct options o;
    struct config *config;
    struct inventory *inventory;
    struct loader *loader;
    struct template_cache *cache;
    struct fleet *fleet;
    struct plugins *plugins; // what is not andon's own
    struct dict *extra_vars;
    struct output_opts out;
    struct run_opts run;
    const char **tags, **skip_tags;
    unsigned command; // enum option_command
    bool compat;      // called as ansible or ansible-playbook
    const char *program;
    char *ssh_password, *become_password;
    struct vault *vault;          // secrets of this command
    struct censor *censor;        // what must not stand in records, or NULL: nothing is recorded
    struct recorder *recorder;    // of runs, or NULL
    bool recorded;                // it writes
    struct git_query git;         // of the playbook's repository
    const char *undoes;           // the run that this one puts back, or NULL
    const char *actor;            // the verified principal who runs this, or NULL: who is logged in
    const struct dict *authority; // what allows the run (docs/EVENTS.md), or NULL: nothing does
    struct guard_addresses *addresses; // of protected hosts, or NULL: not read
    struct guard *guard;               // judges hosts that the run comes to meet; NULL: all may be
    bool secrets_as_given;  // only those the command line names: what settings name may be a script
    struct dict *pending;   // handlers an earlier run left undone, or NULL
    struct run *running;    // what Ctrl-C interrupts
    uv_signal_t signals[2]; // watched while running is set
};

// Reads the settings and options. Returns 0 or an exit code after printing why.
int session_options(struct session *s, const char *program, bool compat, int argc, char **argv,
                    unsigned command);
// Loads inventory and variables and opens the fleet; basedir is where relative things are looked
// for.
int session_open(struct session *s);
void session_close(struct session *s);
// Gives a session plugins, and inventory and loader what they ask them; and ends them.
void session_open_plugins(struct session *s);
// Refuses, or warns of, plugins that settings name and andon cannot use.
int session_check_plugins(struct session *s, struct err *e) __attribute__((warn_unused_result));
void session_inventory_plugins(struct session *s, struct inventory_opts *io);
void session_loader_plugins(struct session *s, struct loader_opts *lo);
// in behind the callback plugins of the user's Ansible, which are told everything too.
struct run_sink session_callbacks(struct session *s, struct run_sink in);
void session_close_plugins(struct session *s);
// A file of the program: where the environment variable says, else beside the program or in libexec
// of an installation.
const char *session_own_file(struct session *s, const char *env, const char *name);
// Fetches a URL from this machine for the url lookup, whose options opts are (url.c).
int session_fetch_url(struct session *s, struct arena *a, const char *url, const struct dict *opts,
                      struct value *ret, struct err *e);
// Prints an error as the program does (with position and line), to stderr.
void session_error(const struct session *s, const struct err *e);
// What the inventory has to warn of so far.
void session_warn_inventory(struct session *s);
// "PROGRAM: error: ..." for wrong options, to stderr.
void session_usage_error(const struct session *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// Gives the template room what it needs from other rooms.
void session_set_hooks(struct session *s);
// Where andon keeps its own files.
const char *session_state_dir(struct session *s);
// An absolute path, with ~ and variables expanded.
const char *session_path(struct session *s, const char *path);

// The password that a file holds or a script prints ("-": standard input), malloc'ed; an exit code
// after telling why not.
int session_password_file(struct session *s, const char *path, char **ret);

// --- vault
// Where the secrets of a command come from, besides the settings.
struct secret_opts {
    const struct list *first_ids, *ids, *files; // any may be NULL
    bool ask, create, ask_if_empty;             // as in struct vault_sources
};
// *ret is set even on failure.
int session_secrets(struct session *s, const struct secret_opts *o, struct vault **ret,
                    struct err *e);
// The secrets that options and settings of a run name.
int session_load_secrets(struct session *s, struct err *e);
// Decrypts a file (path) or an inline value (path NULL); data is the session.
int session_decrypt(void *data, struct arena *a, const char *path, const char *text, size_t len,
                    const char **ret, size_t *ret_len, struct err *e);
// The filters vault and unvault.
void session_set_vault_hooks(void);
// A secret that the session set by session_set_hooks is to keep out of its records.
void session_secret_met(const char *text, size_t len);

// Lets Ctrl-C and SIGTERM interrupt a run, until session_unwatch_signals; a second one ends the
// process.
void session_watch_signals(struct session *s, struct run *r);
void session_unwatch_signals(struct session *s);
// Whether there is a terminal with somebody at it, and we are in its foreground.
bool session_can_ask(void);
// Asks on the terminal (else on standard input): a malloc'ed line, or NULL at its end or when
// interrupted. data: the session.
char *session_ask(void *data, const char *text, bool hidden, int timeout_s);

// False, after saying why, when Ansible would not run in the environment's locale.
bool session_check_locale(void);

// The actions of `andon ledger`, a line each.
void ledger_actions_help(struct buf *b);

// Subcommands: argv[0] is the command's name.
int cmd_ledger(int argc, char **argv, bool compat);
int cmd_run(int argc, char **argv, bool compat);
int cmd_do(int argc, char **argv, bool compat);
int cmd_inventory(int argc, char **argv, bool compat);
int cmd_vault(int argc, char **argv, bool compat);
int cmd_release(int argc, char **argv, bool compat);
int cmd_approve(int argc, char **argv, bool compat);
int cmd_refuse(int argc, char **argv, bool compat);
int cmd_approvals(int argc, char **argv, bool compat);
int cmd_check(int argc, char **argv, bool compat);
int cmd_flow(int argc, char **argv, bool compat);
int cmd_incident(int argc, char **argv, bool compat);
int cmd_deploy(int argc, char **argv, bool compat);
int cmd_resume(int argc, char **argv, bool compat);
int cmd_rollback(int argc, char **argv, bool compat);
int cmd_status(int argc, char **argv, bool compat);
int cmd_pause(int argc, char **argv, bool compat);
int cmd_promote(int argc, char **argv, bool compat);
int cmd_stop(int argc, char **argv, bool compat);
int cmd_explain(int argc, char **argv, bool compat);
int cmd_doc(int argc, char **argv, bool compat);
int cmd_drift(int argc, char **argv, bool compat);
int cmd_log(int argc, char **argv, bool compat);
int cmd_who(int argc, char **argv, bool compat);
int cmd_audit(int argc, char **argv, bool compat);
int cmd_plan(int argc, char **argv, bool compat);
int cmd_undo(int argc, char **argv, bool compat);
int cmd_completion(int argc, char **argv, bool compat);

#endif
