// The keywords of plays, roles, blocks and tasks (https://docs.ansible.com: playbook keywords).
#include "playbook/keywords.h"

#include "core/err.h"
#include "playbook/loader.h"

#include <stdlib.h>
#include <string.h>

#define P KW_PLAY
#define R KW_ROLE
#define B KW_BLOCK
#define T (KW_TASK | KW_HANDLER)
#define ALL (P | R | B | T)
#define I KW_INCLUDE

static const struct keyword table[] = {
    {"action", T | I, KWT_ANY, "The module to run, with its arguments."},
    {"always", B, KWT_LIST, "Tasks that run whatever happened in the block."},
    {"any_errors_fatal", ALL, KWT_BOOL, "A failure on one host ends the play for all."},
    {"args", T | I, KWT_DICT, "Further arguments of the module."},
    {"async", T, KWT_INT, "Longest run time in seconds of a task run in the background."},
    {"become", ALL, KWT_BOOL, "Run as another user."},
    {"become_exe", ALL, KWT_STR, "The program that changes user."},
    {"become_flags", ALL, KWT_STR, "Flags for the program that changes user."},
    {"become_method", ALL, KWT_STR, "How to change user: sudo, su, doas."},
    {"become_user", ALL, KWT_STR, "The user to become."},
    {"block", B, KWT_LIST, "Tasks of the block."},
    {"changed_when", T, KWT_COND, "Condition for the task to count as changed."},
    {"check_mode", ALL, KWT_BOOL, "Force check mode on or off."},
    {"collections", ALL | I, KWT_STR_LIST, "Where modules are searched."},
    {"connection", ALL, KWT_STR, "How to reach the host: ssh, local."},
    {"debugger", ALL | I, KWT_STR, "There is no debugger; only never is taken."},
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
    {"ignore_errors", ALL | I, KWT_BOOL, "Go on after a failure."},
    {"ignore_unreachable", ALL, KWT_BOOL, "Go on after a host could not be reached."},
    {"listen", KW_HANDLER, KWT_STR_LIST, "Topics that notify this handler."},
    {"local_action", T, KWT_ANY, "As action, on the controller."},
    {"loop", T | I, KWT_ANY, "List to run the task over."},
    {"loop_control", T | I, KWT_DICT, "loop_var, index_var, label, pause, extended."},
    {"max_fail_percentage", P, KWT_NUMBER, "Share of failed hosts that ends the play."},
    {"module_defaults", ALL, KWT_ANY, "Default arguments by module."},
    {"name", ALL | I, KWT_STR, "What the task does."},
    {"no_log", ALL | I, KWT_BOOL, "Keep arguments and results secret."},
    {"notify", B | T, KWT_STR_LIST, "Handlers to run when the task changed something."},
    {"order", P, KWT_STR, "Order of hosts."},
    {"poll", T, KWT_INT, "Seconds between looks at an async task."},
    {"port", ALL, KWT_INT, "Port of the connection."},
    {"post_tasks", P, KWT_LIST, "Tasks after the others."},
    {"pre_tasks", P, KWT_LIST, "Tasks before roles."},
    {"register", T | I, KWT_STR, "Variable that gets the result."},
    {"remote_user", ALL, KWT_STR, "User of the connection."},
    {"rescue", B, KWT_LIST, "Tasks that run when a task of the block failed."},
    {"retries", T, KWT_INT, "How often to try again with until."},
    {"roles", P, KWT_LIST, "Roles of the play."},
    {"run_once", ALL | I, KWT_BOOL, "Run for one host of the batch only."},
    {"serial", P, KWT_ANY, "Size of the batches of hosts."},
    {"strategy", P, KWT_STR, "linear, free, host_pinned."},
    {"tags", ALL | I, KWT_STR_LIST, "Labels to select tasks by."},
    {"tasks", P, KWT_LIST, "Tasks of the play."},
    {"throttle", ALL, KWT_INT, "How many hosts may run the task at once."},
    {"timeout", ALL | I, KWT_INT, "Longest run time of a task in seconds."},
    {"until", T, KWT_COND, "Condition that ends retrying."},
    {"vars", ALL | I, KWT_DICT, "Variables."},
    {"vars_files", P, KWT_ANY, "Files with variables."},
    {"vars_prompt", P, KWT_LIST, "Variables to ask for."},
    {"when", R | B | T | I, KWT_COND, "Condition for running."},
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

// Numbers may be written as text or come of a template; null stands for none. A percentage has its
// sign.
static bool is_number(const struct value *v, bool whole)
{
    char *end;
    if (v->type != VALUE_STRING || template_is_template(v->u.str.s, v->u.str.len))
        return v->type == VALUE_NULL || v->type == VALUE_INT || v->type == VALUE_STRING ||
               v->type == VALUE_BOOL || v->type == VALUE_FLOAT;
    if (whole)
        strtoll(v->u.str.s, &end, 10);
    else
        strtod(v->u.str.s, &end);
    end += *end == '%' && !whole;
    return end > v->u.str.s && !*end;
}

int keyword_check(const struct keyword *k, const struct value *key, const struct value *v,
                  struct err *e)
{
    struct pos pos = value_pos(v).line ? value_pos(v) : value_pos(key);
    bool text = v->type == VALUE_STRING;
    switch (k->type) {
    case KWT_LIST:
        if (v->type != VALUE_LIST && v->type != VALUE_NULL && !text)
            return err_set(e, ERR_INVALID, pos, "'%s' must be a list, but is a %s", k->name,
                           value_type_name(v));
        break;
    case KWT_DICT:
        if (v->type != VALUE_DICT && v->type != VALUE_NULL && v->type != VALUE_LIST && !text)
            return err_set(e, ERR_INVALID, pos, "'%s' must be a dictionary, but is a %s", k->name,
                           value_type_name(v));
        break;
    case KWT_STR:
        if (v->type == VALUE_LIST || v->type == VALUE_DICT)
            return err_set(e, ERR_INVALID, pos, "the field '%s' should be a string, but is a %s",
                           k->name, value_type_name(v));
        break;
    case KWT_BOOL:
        if (v->type == VALUE_LIST || v->type == VALUE_DICT ||
            (text && !template_is_template(v->u.str.s, v->u.str.len) &&
             value_parse_bool(v->u.str.s, v->u.str.len) < 0))
            return err_set(e, ERR_INVALID, pos, "the field '%s' should be true or false, not '%s'",
                           k->name, text ? v->u.str.s : value_type_name(v));
        break;
    case KWT_INT:
    case KWT_NUMBER:
        if (!is_number(v, k->type == KWT_INT))
            return err_set(e, ERR_INVALID, pos, "the field '%s' should be a %snumber, not '%s'",
                           k->name, k->type == KWT_INT ? "whole " : "",
                           text ? v->u.str.s : value_type_name(v));
        break;
    case KWT_STR_LIST:
    case KWT_COND:
    case KWT_ANY:
        break;
    }
    return 0;
}

// There is no debugger: what would start it is refused, lest a run waits for nobody.
int check_debugger(const struct value *key, const struct value *v, struct err *e)
{
    static const char *const names[] = {"always", "on_failed", "on_unreachable", "on_skipped"};
    struct pos pos = value_pos(v).line ? value_pos(v) : value_pos(key);
    if (!value_eqs(key, "debugger") || v->type == VALUE_NULL || value_eqs(v, "never"))
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_eqs(v, names[i]))
            return err_set(e, ERR_UNSUPPORTED, pos,
                           "andon has no task debugger: leave 'debugger: %s' out, or say never",
                           names[i]);
    return err_set(e, ERR_INVALID, pos,
                   "'%s' is not a valid value for debugger. Must be one of always, on_failed, "
                   "on_unreachable, on_skipped, never",
                   v->type == VALUE_STRING ? v->u.str.s : value_type_name(v));
}

const char *const *keyword_statements(size_t *ret_n)
{
    static const char *const names[] = {
        "import_playbook", "import_role",   "import_tasks", "include",
        "include_role",    "include_tasks", "meta"};
    *ret_n = sizeof names / sizeof *names;
    return names;
}
