// Parameters of the modules that carry content: assemble, copy, fetch.
#include "spec/spec.h"

static const struct param copy_params[] = {
    {.name = "src",
     .type = PARAM_PATH,
     .help = "File or folder on the controller, or on the host with remote_src."},
    {.name = "_original_basename", .help = "Internal: name of the controller's file."},
    {.name = "content", .flags = PARAM_NO_LOG, .help = "The content itself, instead of src."},
    {.name = "dest",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .help = "Where it goes on the host."},
    {.name = "backup", .type = PARAM_BOOL, .dflt = "no", .help = "Keep a copy of the old file."},
    {.name = "force", .type = PARAM_BOOL, .dflt = "yes", .help = "Replace a file that differs."},
    {.name = "validate", .help = "Command that must accept the new file, given as %s."},
    {.name = "directory_mode", .type = PARAM_RAW, .help = "Permissions of folders that are made."},
    {.name = "remote_src", .type = PARAM_BOOL, .help = "src is on the host."},
    {.name = "local_follow", .type = PARAM_BOOL, .help = "Copy what links in src lead to."},
    {.name = "checksum", .help = "SHA-1 the content must have."},
    {.name = "decrypt",
     .type = PARAM_BOOL,
     .flags = PARAM_LOCAL,
     .dflt = "yes",
     .help = "Decrypt a source encrypted with vault."},
    {.name = "follow", .type = PARAM_BOOL, .dflt = "no", .help = "Write through a link at dest."},
    {0},
};

const struct module_spec spec_copy = {
    .name = "copy",
    .summary = "Copy files to the host.",
    .flags = MODULE_ACTION | MODULE_FILE_ARGS | MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = copy_params,
};

static const struct param fetch_params[] = {
    {.name = "src", .type = PARAM_PATH, .flags = PARAM_REQUIRED, .help = "File on the host."},
    {.name = "dest",
     .flags = PARAM_REQUIRED,
     .help = "Folder on the controller; the host's name goes below it."},
    {.name = "flat", .type = PARAM_BOOL, .dflt = "no", .help = "Use dest as it is."},
    {.name = "fail_on_missing",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "A missing file is a failure."},
    {.name = "validate_checksum",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Compare digests afterwards."},
    {0},
};

const struct module_spec spec_fetch = {
    .name = "fetch",
    .summary = "Bring a file of the host to the controller.",
    .flags = MODULE_ACTION,
    .params = fetch_params,
};

static const struct param assemble_params[] = {
    {.name = "src",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .help = "Folder of the fragments."},
    {.name = "delimiter", .help = "What goes between fragments."},
    {.name = "dest", .type = PARAM_PATH, .flags = PARAM_REQUIRED, .help = "The file made of them."},
    {.name = "backup", .type = PARAM_BOOL, .dflt = "no", .help = "Keep a copy of the old file."},
    {.name = "remote_src", .type = PARAM_BOOL, .dflt = "yes", .help = "src is on the host."},
    {.name = "regexp", .help = "Only fragments whose name it finds."},
    {.name = "ignore_hidden",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Leave out names that begin with a dot."},
    {.name = "decrypt",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Decrypt fragments encrypted with vault."},
    {.name = "validate", .help = "Command that must accept the new file, given as %s."},
    {0},
};

const struct module_spec spec_assemble = {
    .name = "assemble",
    .summary = "Make a file of fragments.",
    .flags = MODULE_ACTION | MODULE_FILE_ARGS | MODULE_UNDO,
    .params = assemble_params,
};
