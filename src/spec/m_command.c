// Parameters of command, shell and script.
#include "spec/spec.h"

static const struct param command_params[] = {
    {.name = "_raw_params", .aliases = "cmd", .help = "The command line to run."},
    {.name = "_uses_shell", .type = PARAM_BOOL, .dflt = "no", .help = "Run it through /bin/sh."},
    {.name = "argv",
     .type = PARAM_LIST,
     .help = "The command as a list of words, instead of a line."},
    {.name = "chdir", .type = PARAM_PATH, .help = "Folder to change into first."},
    {.name = "creates",
     .type = PARAM_PATH,
     .help = "File or pattern; when it exists the command is not run."},
    {.name = "executable", .help = "No longer has an effect here; see shell."},
    {.name = "removes",
     .type = PARAM_PATH,
     .help = "File or pattern; when it does not exist the command is not run."},
    {.name = "stdin", .help = "Text given to the command on its standard input."},
    {.name = "stdin_add_newline",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "End the text of stdin with a newline."},
    {.name = "strip_empty_ends",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Drop line ends at the end of stdout and stderr."},
    {0},
};

static const struct undo_limit command_no_undo[] = {
    {NULL, NULL,
     "a command may have done anything: andon_undo in its vars declares what takes it back"},
    {0},
};

const struct module_spec spec_command = {
    .name = "command",
    .summary = "Run a program without a shell.",
    .flags = MODULE_FREE_FORM | MODULE_ACTION | MODULE_CHECK,
    .no_undo = command_no_undo,
    .params = command_params,
};

static const struct param shell_params[] = {
    {.name = "_raw_params", .aliases = "cmd", .help = "The command line for the shell."},
    {.name = "_uses_shell", .type = PARAM_BOOL, .dflt = "yes", .help = "Always on."},
    {.name = "argv",
     .type = PARAM_LIST,
     .help = "The command as a list of words; they are quoted."},
    {.name = "chdir", .type = PARAM_PATH, .help = "Folder to change into first."},
    {.name = "creates",
     .type = PARAM_PATH,
     .help = "File or pattern; when it exists the command is not run."},
    {.name = "executable", .help = "Full path of the shell to use instead of /bin/sh."},
    {.name = "removes",
     .type = PARAM_PATH,
     .help = "File or pattern; when it does not exist the command is not run."},
    {.name = "stdin", .help = "Text given to the command on its standard input."},
    {.name = "stdin_add_newline",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "End the text of stdin with a newline."},
    {.name = "strip_empty_ends",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Drop line ends at the end of stdout and stderr."},
    {0},
};

const struct module_spec spec_shell = {
    .name = "shell",
    .summary = "Run a line of shell.",
    .flags = MODULE_FREE_FORM | MODULE_CHECK,
    .no_undo = command_no_undo,
    .params = shell_params,
};

static const struct param script_params[] = {
    {.name = "_raw_params",
     .aliases = "cmd",
     .help = "Path of the script on the controller, followed by its arguments."},
    {.name = "chdir", .help = "Absolute folder to change into first."},
    {.name = "creates", .help = "File; when it exists the script is not run."},
    {.name = "decrypt",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Decrypt a script that is encrypted with vault."},
    {.name = "executable", .help = "Interpreter to run the script with."},
    {.name = "removes", .help = "File; when it does not exist the script is not run."},
    {0},
};

const struct module_spec spec_script = {
    .name = "script",
    .summary = "Run a script of the controller on the host.",
    .flags = MODULE_FREE_FORM | MODULE_ACTION | MODULE_CHECK,
    .no_undo = command_no_undo,
    .params = script_params,
};
