// Parameters of the modules that change text files: blockinfile, lineinfile, replace.
#include "spec/spec.h"

static const struct param blockinfile_params[] = {
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .aliases = "dest|destfile|name",
     .help = "The file to change."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether the block is to be there."},
    {.name = "marker",
     .dflt = "# {mark} ANSIBLE MANAGED BLOCK",
     .help = "The lines around the block; {mark} becomes marker_begin and marker_end."},
    {.name = "block",
     .dflt = "",
     .aliases = "content",
     .help = "The lines; none removes the block."},
    {.name = "insertafter", .help = "Expression of the line to insert behind, or EOF."},
    {.name = "insertbefore", .help = "Expression of the line to insert before, or BOF."},
    {.name = "create", .type = PARAM_BOOL, .dflt = "no", .help = "Make the file if it is missing."},
    {.name = "backup", .type = PARAM_BOOL, .dflt = "no", .help = "Keep a copy of the old file."},
    {.name = "validate", .help = "Command that must accept the new file, given as %s."},
    {.name = "marker_begin", .dflt = "BEGIN", .help = "The {mark} of the opening line."},
    {.name = "marker_end", .dflt = "END", .help = "The {mark} of the closing line."},
    {0},
};

const struct module_spec spec_blockinfile = {
    .name = "blockinfile",
    .summary = "Keep a block of lines between markers in a file.",
    .flags = MODULE_FILE_ARGS | MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = blockinfile_params,
    .mutually_exclusive = (const char *const[]){"insertbefore,insertafter", NULL},
};

static const struct param lineinfile_params[] = {
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .aliases = "dest|destfile|name",
     .help = "The file to change."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether the line is to be there."},
    {.name = "regexp",
     .aliases = "regex",
     .help = "Expression that finds the line to replace or remove."},
    {.name = "search_string", .help = "Text that finds the line, instead of an expression."},
    {.name = "line", .aliases = "value", .help = "The line."},
    {.name = "insertafter", .help = "Expression of the line to insert behind, EOF or BOF."},
    {.name = "insertbefore", .help = "Expression of the line to insert before, or BOF."},
    {.name = "backrefs",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Fill groups of regexp into line; nothing is done where regexp does not match."},
    {.name = "create", .type = PARAM_BOOL, .dflt = "no", .help = "Make the file if it is missing."},
    {.name = "backup", .type = PARAM_BOOL, .dflt = "no", .help = "Keep a copy of the old file."},
    {.name = "firstmatch",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Use the first line that matches, not the last."},
    {.name = "validate", .help = "Command that must accept the new file, given as %s."},
    {0},
};

const struct module_spec spec_lineinfile = {
    .name = "lineinfile",
    .summary = "Keep one line in a file.",
    .flags = MODULE_FILE_ARGS | MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = lineinfile_params,
    .mutually_exclusive = (const char *const[]){"insertbefore,insertafter", "regexp,search_string",
                                                "backrefs,search_string", NULL},
};

static const struct param replace_params[] = {
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .aliases = "dest|destfile|name",
     .help = "The file to change."},
    {.name = "regexp",
     .flags = PARAM_REQUIRED,
     .help = "Expression to look for; ^ and $ match at lines."},
    {.name = "replace", .dflt = "", .help = "What to put in its place, with \\1 or \\g<name>."},
    {.name = "after", .help = "Expression; only what follows it is changed."},
    {.name = "before", .help = "Expression; only what precedes it is changed."},
    {.name = "backup", .type = PARAM_BOOL, .dflt = "no", .help = "Keep a copy of the old file."},
    {.name = "validate", .help = "Command that must accept the new file, given as %s."},
    {.name = "encoding", .dflt = "utf-8", .help = "Encoding of the file."},
    {0},
};

const struct module_spec spec_replace = {
    .name = "replace",
    .summary = "Replace all matches of an expression in a file.",
    .flags = MODULE_FILE_ARGS | MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = replace_params,
};
