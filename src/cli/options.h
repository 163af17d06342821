// Options of the command line: one row each, parsed into struct options.
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "core/value.h"

#include <stdbool.h>

enum option_command {
    OPT_RUN = 1,
    OPT_DO = 2,
    OPT_INVENTORY = 4,
    OPT_VAULT = 8,
    OPT_CHECK = 16,
    OPT_LEDGER = 64,
    OPT_LOG = 128,
    OPT_RELEASE = 256,
    OPT_DEPLOY = 512, // all commands about rollouts
    OPT_UNDO = 1024,
    OPT_FLOW = 2048,
    OPT_INCIDENT = 4096,
    OPT_APPROVE = 8192,
    OPT_DRIFT = 16384,
    OPT_WHO = 32768,
    OPT_AUDIT = 65536,
    OPT_PLAN = 131072,
    OPT_EVENTS = OPT_LOG | OPT_WHO | OPT_AUDIT,                     // what reads the ledger
    OPT_HOSTS = OPT_RUN | OPT_DO | OPT_UNDO | OPT_DRIFT | OPT_PLAN, // what connects to hosts
    OPT_ALL = OPT_HOSTS | OPT_INVENTORY
};

struct options {
    struct arena *arena;
    struct list *inventories, *extra_vars, *tags, *skip_tags, *vault_ids, *vault_files, *names,
        *only, *args; // of strings; args: what is no option
    const char *limit, *module_name, *module_args, *user, *private_key, *connection,
        *ssh_common_args, *ssh_extra_args, *become_method, *become_user, *start_at_task, *output,
        *tree, *playbook_dir, *become_password_file, *connection_password_file, *host, *ignored,
        *output_file, *encrypt_vault_id, *new_vault_id, *new_vault_password_file, *stdin_name;
    const char *service, *since, *until, *rollout;                           // what of the ledger
    const char *ring, *actor, *path, *package, *outcome, *type, *run_id;     // log
    const char *format, *to, *from, *key, *checkpoint, *origin, *size, *old; // ledger
    const char *by, *repo, *at, *started, *noticed_by, *severity, *reason;   // flow, incident
    const char *artifact, *commit, *digest, *service_file;                   // release
    const char *break_glass;                                                 // run, do
    bool blobs, explain, authored, all, runs;
    bool force, status;   // undo
    const char *deadline; // undo
    const char *out_file; // plan
    int number;
    int forks, timeout, verbosity, background, poll;
    bool check, diff, become, ask_pass, ask_become_pass, ask_vault_pass, list_hosts, list_tasks,
        list_tags, syntax_check, step, force_handlers, flush_cache, one_line, help, version, list,
        graph, live, quiet, failed, drop_handlers, ask_text, show_input, strict, yes, request,
        let_go;
};

// Parses argv[1..argc) for a command. ERR_INVALID with a message that names the option and a near
// one.
int options_parse(struct options *o, struct arena *a, int argc, char **argv, unsigned command,
                  struct err *e);
// The help text of a command, appended to b.
struct buf;
void options_help(struct buf *b, unsigned command);
// The same as paragraphs of a man page, and as the words a shell may complete.
void options_man(struct buf *b, unsigned command);
void options_words(struct buf *b, unsigned command);

#endif
