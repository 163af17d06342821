// The keywords of plays, roles, blocks and tasks (https://docs.ansible.com: playbook keywords).
#include "playbook/keywords.h"

#include "core/err.h"

#include <stdlib.h>
#include <string.h>

#define P KW_PLAY
#define R KW_ROLE
#define B KW_BLOCK
#define T (KW_TASK | KW_HANDLER)
#define ALL (P | R | B | T)

static const struct keyword table[] = {
    {"action", T, KWT_ANY, "The module to run, with its arguments."},
    {"always", B, KWT_LIST, "Tasks that run whatever happened in the block."},
    {"any_errors_fatal", ALL, KWT_BOOL, "A failure on one host ends the play for all."},
    {"args", T, KWT_DICT, "Further arguments of the module."},
    {"async", T, KWT_INT, "Longest run time in seconds of a task run in the background."},
    {"become", ALL, KWT_BOOL, "Run as another user."},
    {"become_exe", ALL, KWT_STR, "The program that changes user."},
    {"become_flags", ALL, KWT_STR, "Flags for the program that changes user."},
    {"become_method", ALL, KWT_STR, "How to change user: sudo, su, doas."},
    {"become_user", ALL, KWT_STR, "The user to become."},
    {"block", B, KWT_LIST, "Tasks of the block."},
    {"changed_when", T, KWT_COND, "Condition for the task to count as changed."},
    {"check_mode", ALL, KWT_BOOL, "Force check mode on or off."},
    {"collections", ALL, KWT_STR_LIST, "Where modules are searched."},
    {"connection", ALL, KWT_STR, "How to reach the host: ssh, local."},
    {"debugger", ALL, KWT_STR, "There is no debugger; only never is taken."},
    {"delay", T, KWT_NUMBER, "Seconds between retries."},
    {"delegate_facts", R | B | T, KWT_BOOL, "Facts belong to the host delegated to."},
    {"delegate_to", R | B | T, KWT_STR, "Run on that host instead."},
    {"diff", ALL, KWT_BOOL, "Show differences."},
    {"environment", ALL, KWT_ANY, "Environment variables of the task."},
    {"fact_path", P, KWT_STR, "Folder of local facts."},
    {"failed_when", T, KWT_COND, "Condition for the task to count as failed."},
    {"force_handlers", P, KWT_BOOL, "Run notified handlers even after a failure."},
    {"gather_facts", P, KWT_BOOL, "Collect facts before the first task."},
    {"gather_subset", P, KWT_LIST, "Which facts to collect."},
    {"gather_timeout", P, KWT_INT, "Seconds for each collector of facts."},
    {"handlers", P, KWT_LIST, "Tasks that run when notified."},
    {"hosts", P, KWT_ANY, "Pattern of hosts."},
    {"ignore_errors", ALL, KWT_BOOL, "Go on after a failure."},
    {"ignore_unreachable", ALL, KWT_BOOL, "Go on after a host could not be reached."},
    {"listen", KW_HANDLER, KWT_STR_LIST, "Topics that notify this handler."},
    {"local_action", T, KWT_ANY, "As action, on the controller."},
    {"loop", T, KWT_ANY, "List to run the task over."},
    {"loop_control", T, KWT_DICT, "loop_var, index_var, label, pause, extended."},
    {"max_fail_percentage", P, KWT_NUMBER, "Share of failed hosts that ends the play."},
    {"module_defaults", ALL, KWT_ANY, "Default arguments by module."},
    {"name", ALL, KWT_STR, "What the task does."},
    {"no_log", ALL, KWT_BOOL, "Keep arguments and results secret."},
    {"notify", B | T, KWT_STR_LIST, "Handlers to run when the task changed something."},
    {"order", P, KWT_STR, "Order of hosts."},
    {"poll", T, KWT_INT, "Seconds between looks at an async task."},
    {"port", ALL, KWT_INT, "Port of the connection."},
    {"post_tasks", P, KWT_LIST, "Tasks after the others."},
    {"pre_tasks", P, KWT_LIST, "Tasks before roles."},
    {"register", T, KWT_STR, "Variable that gets the result."},
    {"remote_user", ALL, KWT_STR, "User of the connection."},
    {"rescue", B, KWT_LIST, "Tasks that run when a task of the block failed."},
    {"retries", T, KWT_INT, "How often to try again with until."},
    {"roles", P, KWT_LIST, "Roles of the play."},
    {"run_once", ALL, KWT_BOOL, "Run for one host of the batch only."},
    {"serial", P, KWT_ANY, "Size of the batches of hosts."},
    {"strategy", P, KWT_STR, "linear, free, host_pinned."},
    {"tags", ALL, KWT_STR_LIST, "Labels to select tasks by."},
    {"tasks", P, KWT_LIST, "Tasks of the play."},
    {"throttle", ALL, KWT_INT, "How many hosts may run the task at once."},
    {"timeout", ALL, KWT_INT, "Longest run time of a task in seconds."},
    {"until", T, KWT_COND, "Condition that ends retrying."},
    {"vars", ALL, KWT_DICT, "Variables."},
    {"vars_files", P, KWT_ANY, "Files with variables."},
    {"vars_prompt", P, KWT_LIST, "Variables to ask for."},
    {"when", R | B | T, KWT_COND, "Condition for running."},
};

static int by_name(const void *key, const void *row)
{
    return strcmp(key, ((const struct keyword *)row)->name);
}

const struct keyword *keyword_find(const char *name)
{
    return bsearch(name, table, sizeof table / sizeof *table, sizeof *table, by_name);
}

const struct keyword *keyword_all(size_t *ret_n)
{
    *ret_n = sizeof table / sizeof *table;
    return table;
}

const char *keyword_suggest(const char *name, unsigned scope)
{
    const char *names[sizeof table / sizeof *table];
    int n = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].scopes & scope)
            names[n++] = table[i].name;
    return err_suggest(name, names, n);
}
