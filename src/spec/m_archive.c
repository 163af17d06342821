// Parameters of archive.
#include "spec/spec.h"

static const struct param archive_params[] = {
    {.name = "path",
     .type = PARAM_LIST,
     .elements = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .help = "Files and folders on the host, or patterns for them."},
    {.name = "format", .dflt = "gz", .choices = "bz2|gz|tar|xz|zip", .help = "How it is packed."},
    {.name = "dest",
     .type = PARAM_PATH,
     .help = "The archive; a single file may do without and gets the format as its ending."},
    {.name = "exclude_path",
     .type = PARAM_LIST,
     .elements = PARAM_PATH,
     .dflt = "",
     .help = "Of the paths given, those that are left out."},
    {.name = "exclusion_patterns",
     .type = PARAM_LIST,
     .elements = PARAM_PATH,
     .help = "Patterns for what is left out below them."},
    {.name = "force_archive",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Make an archive even of a single file, which is only compressed otherwise."},
    {.name = "remove", .type = PARAM_BOOL, .dflt = "no", .help = "Remove what was packed."},
    {0},
};

const struct module_spec spec_archive = {
    .name = "archive",
    .collections = "community.general",
    .summary = "Pack files and folders into an archive.",
    .flags = MODULE_FILE_ARGS | MODULE_CHECK | MODULE_UNDO,
    .params = archive_params,
};
