// The file parameters that many modules share (MODULE_FILE_ARGS).
#include "spec/internal.h"

const struct param spec_file_params[] = {
    {.name = "mode", .type = PARAM_RAW, .help = "Permissions, octal or symbolic."},
    {.name = "owner", .help = "Name or number of the owner."},
    {.name = "group", .help = "Name or number of the group."},
    {.name = "seuser", .help = "User part of the SELinux context."},
    {.name = "serole", .help = "Role part of the SELinux context."},
    {.name = "selevel", .help = "Level part of the SELinux context."},
    {.name = "setype", .help = "Type part of the SELinux context."},
    {.name = "attributes", .aliases = "attr", .help = "Attributes as chattr takes them."},
    {.name = "unsafe_writes",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Write in place where an atomic replacement is not possible."},
    {0},
};
