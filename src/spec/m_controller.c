// Parameters of the modules that run on the controller.
#include "spec/spec.h"

#include <stddef.h>

static const struct param none[] = {{0}};

static const struct param debug_params[] = {
    {.name = "msg", .type = PARAM_RAW, .dflt = "Hello world!", .help = "What to print."},
    {.name = "var", .type = PARAM_RAW, .help = "A variable or expression to print."},
    {.name = "verbosity", .type = PARAM_INT, .dflt = "0", .help = "Print only with that many -v."},
    {0},
};
const struct module_spec spec_debug = {.name = "debug",
                                       .summary = "Print a message or variable",
                                       .flags = MODULE_CONTROLLER | MODULE_CHECK,
                                       .params = debug_params,
                                       .mutually_exclusive =
                                           (const char *const[]){"msg,var", NULL}};

static const struct param fail_params[] = {
    {.name = "msg", .type = PARAM_RAW, .dflt = "Failed as requested from task", .help = "Why."},
    {0},
};
const struct module_spec spec_fail = {.name = "fail",
                                      .summary = "Fail with a message",
                                      .flags = MODULE_CONTROLLER | MODULE_CHECK,
                                      .params = fail_params};

static const struct param assert_params[] = {
    {.name = "that",
     .type = PARAM_RAW,
     .flags = PARAM_REQUIRED,
     .help = "Conditions that must hold."},
    {.name = "fail_msg", .type = PARAM_RAW, .aliases = "msg", .help = "Message when one does not."},
    {.name = "success_msg", .type = PARAM_RAW, .help = "Message when all hold."},
    {.name = "quiet", .type = PARAM_BOOL, .dflt = "no", .help = "Say less."},
    {0},
};
const struct module_spec spec_assert = {.name = "assert",
                                        .summary = "Check conditions",
                                        .flags = MODULE_CONTROLLER | MODULE_CHECK,
                                        .params = assert_params};

const struct module_spec spec_set_fact = {.name = "set_fact",
                                          .summary = "Set variables of the host",
                                          .flags =
                                              MODULE_CONTROLLER | MODULE_CHECK | MODULE_NO_SPEC,
                                          .params = none};

static const struct param set_stats_params[] = {
    {.name = "data",
     .type = PARAM_DICT,
     .flags = PARAM_REQUIRED,
     .help = "Values to show in the recap."},
    {.name = "per_host", .type = PARAM_BOOL, .dflt = "no", .help = "Keep them for each host."},
    {.name = "aggregate", .type = PARAM_BOOL, .dflt = "yes", .help = "Add to what is there."},
    {0},
};
const struct module_spec spec_set_stats = {.name = "set_stats",
                                           .summary = "Set statistics of the run",
                                           .flags = MODULE_CONTROLLER | MODULE_CHECK,
                                           .params = set_stats_params};

const struct module_spec spec_add_host = {.name = "add_host",
                                          .summary = "Add a host to the inventory in memory",
                                          .flags = MODULE_CONTROLLER | MODULE_CHECK |
                                                   MODULE_NO_SPEC | MODULE_FREE_FORM,
                                          .params = none};

static const struct param group_by_params[] = {
    {.name = "key", .type = PARAM_STR, .flags = PARAM_REQUIRED, .help = "Name of the group."},
    {.name = "parents", .type = PARAM_LIST, .dflt = "all", .help = "Groups it belongs to."},
    {0},
};
const struct module_spec spec_group_by = {.name = "group_by",
                                          .summary = "Put the host into a group",
                                          .flags =
                                              MODULE_CONTROLLER | MODULE_CHECK | MODULE_FREE_FORM,
                                          .params = group_by_params};

static const struct param include_vars_params[] = {
    {.name = "file", .type = PARAM_PATH, .help = "File to read."},
    {.name = "dir", .type = PARAM_PATH, .help = "Folder to read."},
    {.name = "name", .type = PARAM_STR, .help = "Variable that gets them all."},
    {.name = "depth",
     .type = PARAM_INT,
     .dflt = "0",
     .help = "How deep to go into folders; 0: all the way."},
    {.name = "files_matching", .type = PARAM_STR, .help = "Regular expression for names."},
    {.name = "ignore_files", .type = PARAM_LIST, .help = "Names to leave out."},
    {.name = "extensions", .type = PARAM_LIST, .dflt = "json,yaml,yml", .help = "Endings to read."},
    {.name = "ignore_unknown_extensions",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Pass over other endings."},
    {.name = "hash_behaviour",
     .type = PARAM_STR,
     .choices = "replace|merge",
     .help = "How dictionaries combine."},
    {0},
};
const struct module_spec spec_include_vars = {.name = "include_vars",
                                              .summary = "Read variables from files",
                                              .flags = MODULE_CONTROLLER | MODULE_CHECK |
                                                       MODULE_FREE_FORM,
                                              .params = include_vars_params};

static const struct param pause_params[] = {
    {.name = "minutes", .type = PARAM_RAW, .help = "How long to wait."},
    {.name = "seconds", .type = PARAM_RAW, .help = "How long to wait."},
    {.name = "prompt", .type = PARAM_STR, .help = "Text to show."},
    {.name = "echo", .type = PARAM_BOOL, .dflt = "yes", .help = "Show what is typed."},
    {0},
};
const struct module_spec spec_pause = {.name = "pause",
                                       .summary = "Wait for a time or for the user",
                                       .flags = MODULE_CONTROLLER | MODULE_CHECK,
                                       .params = pause_params,
                                       .mutually_exclusive =
                                           (const char *const[]){"minutes,seconds", NULL}};

static const struct param wait_for_connection_params[] = {
    {.name = "connect_timeout", .type = PARAM_INT, .dflt = "5", .help = "Seconds for one attempt."},
    {.name = "delay", .type = PARAM_INT, .dflt = "0", .help = "Seconds before the first attempt."},
    {.name = "sleep", .type = PARAM_INT, .dflt = "1", .help = "Seconds between attempts."},
    {.name = "timeout", .type = PARAM_INT, .dflt = "600", .help = "Seconds in all."},
    {0},
};
const struct module_spec spec_wait_for_connection = {.name = "wait_for_connection",
                                                     .summary =
                                                         "Wait until the host can be reached",
                                                     .flags = MODULE_CONTROLLER | MODULE_CHECK,
                                                     .params = wait_for_connection_params};

static const struct param raw_params[] = {
    {.name = "free_form", .type = PARAM_STR, .help = "The command."},
    {.name = "executable", .type = PARAM_STR, .help = "The shell to use."},
    {0},
};
static const struct undo_limit command_no_undo[] = {
    {NULL, NULL,
     "a command may have done anything: andon_undo in its vars declares what takes it back"},
    {0},
};

const struct module_spec spec_raw = {.name = "raw",
                                     .summary = "Run a command without any helper",
                                     .flags = MODULE_CONTROLLER | MODULE_FREE_FORM,
                                     .no_undo = command_no_undo,
                                     .params = raw_params};

static const struct param reboot_params[] = {
    {.name = "pre_reboot_delay",
     .type = PARAM_INT,
     .dflt = "0",
     .aliases = "pre_reboot_delay_sec",
     .help = "Seconds the host waits before it goes down, in whole minutes."},
    {.name = "post_reboot_delay",
     .type = PARAM_INT,
     .dflt = "0",
     .aliases = "post_reboot_delay_sec",
     .help = "Seconds to wait before the host is asked whether it is back."},
    {.name = "reboot_timeout",
     .type = PARAM_INT,
     .dflt = "600",
     .aliases = "reboot_timeout_sec",
     .help = "Seconds for the host to come back, and again for the test command."},
    {.name = "connect_timeout",
     .type = PARAM_INT,
     .aliases = "connect_timeout_sec",
     .help = "Accepted; ssh's own timeout counts."},
    {.name = "test_command",
     .type = PARAM_STR,
     .dflt = "whoami",
     .help = "Command that has to succeed afterwards."},
    {.name = "msg",
     .type = PARAM_STR,
     .dflt = "Reboot initiated by Ansible",
     .help = "What users on the host are told."},
    {.name = "search_paths",
     .type = PARAM_LIST,
     .dflt = "/sbin,/bin,/usr/sbin,/usr/bin,/usr/local/sbin",
     .help = "Folders in which shutdown is looked for."},
    {.name = "boot_time_command",
     .type = PARAM_STR,
     .dflt = "cat /proc/sys/kernel/random/boot_id",
     .help = "Command whose output is another after each boot."},
    {.name = "reboot_command",
     .type = PARAM_STR,
     .help = "Command that restarts the host, instead of shutdown."},
    {0},
};
const struct module_spec spec_reboot = {.name = "reboot",
                                        .summary = "Restart the host and wait until it is back",
                                        .flags = MODULE_CONTROLLER | MODULE_CHECK,
                                        .params = reboot_params};

static const struct param template_params[] = {
    {.name = "src",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .help = "Template on the controller."},
    {.name = "dest", .type = PARAM_PATH, .flags = PARAM_REQUIRED, .help = "File on the host."},
    {.name = "backup", .type = PARAM_BOOL, .dflt = "no", .help = "Keep a copy of the old file."},
    {.name = "force", .type = PARAM_BOOL, .dflt = "yes", .help = "Replace an existing file."},
    {.name = "follow", .type = PARAM_BOOL, .dflt = "no", .help = "Follow a link at dest."},
    {.name = "validate",
     .type = PARAM_STR,
     .help = "Command that checks the new file, %s stands for it."},
    {.name = "block_start_string",
     .type = PARAM_STR,
     .dflt = "{%",
     .help = "Start of a statement."},
    {.name = "block_end_string", .type = PARAM_STR, .dflt = "%}", .help = "End of a statement."},
    {.name = "variable_start_string",
     .type = PARAM_STR,
     .dflt = "{{",
     .help = "Start of an expression."},
    {.name = "variable_end_string",
     .type = PARAM_STR,
     .dflt = "}}",
     .help = "End of an expression."},
    {.name = "comment_start_string", .type = PARAM_STR, .help = "Start of a comment."},
    {.name = "comment_end_string", .type = PARAM_STR, .help = "End of a comment."},
    {.name = "trim_blocks",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Drop the newline after a statement."},
    {.name = "lstrip_blocks",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Drop white space before a statement."},
    {.name = "newline_sequence",
     .type = PARAM_STR,
     .dflt = "\\n",
     .choices = "\\n|\\r|\\r\\n|\n|\r|\r\n",
     .help = "End of lines."},
    {.name = "output_encoding",
     .type = PARAM_STR,
     .dflt = "utf-8",
     .help = "Encoding of the file."},
    {0},
};
const struct module_spec spec_template = {.name = "template",
                                          .summary = "Put a rendered template on the host",
                                          .flags = MODULE_ACTION | MODULE_FILE_ARGS | MODULE_CHECK |
                                                   MODULE_DIFF | MODULE_UNDO,
                                          .params = template_params};

const struct module_spec spec_gather_facts = {.name = "gather_facts",
                                              .summary = "Collect facts of the host",
                                              .flags =
                                                  MODULE_ACTION | MODULE_CHECK | MODULE_NO_SPEC,
                                              .params = none};

static const struct param validate_argument_spec_params[] = {
    {.name = "argument_spec",
     .type = PARAM_DICT,
     .flags = PARAM_REQUIRED,
     .help = "The arguments and what may be given for them."},
    {.name = "provided_arguments",
     .type = PARAM_DICT,
     .help = "Arguments to check beside the variables of those names."},
    {.name = "validate_args_context",
     .type = PARAM_DICT,
     .help = "What is checked, for the result."},
    {0},
};
const struct module_spec spec_validate_argument_spec = {
    .name = "validate_argument_spec",
    .summary = "Check variables against an argument specification",
    .flags = MODULE_CONTROLLER | MODULE_CHECK,
    .params = validate_argument_spec_params};
