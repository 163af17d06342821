// Parameters of file, stat, slurp and tempfile.
#include "spec/spec.h"

static const struct param file_params[] = {
    {.name = "state",
     .choices = "absent|directory|file|hard|link|touch",
     .help = "What path is to be; default file, or directory with recurse, or what it is."},
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .aliases = "dest|name",
     .help = "The file, folder or link."},
    {.name = "_original_basename", .help = "Internal: name of the controller's file."},
    {.name = "recurse",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Set the attributes of everything in the folder as well."},
    {.name = "force",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Make links to what does not exist, and replace a file or folder by a link."},
    {.name = "follow",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Change what a link points to, not the link."},
    {.name = "_diff_peek", .type = PARAM_BOOL, .help = "Internal: only say whether it is binary."},
    {.name = "src", .type = PARAM_PATH, .help = "What the link points to."},
    {.name = "modification_time", .help = "Time of the last change: preserve, now or a date."},
    {.name = "modification_time_format",
     .dflt = "%Y%m%d%H%M.%S",
     .help = "Notation of modification_time, as strptime has it."},
    {.name = "access_time", .help = "Time of the last access: preserve, now or a date."},
    {.name = "access_time_format",
     .dflt = "%Y%m%d%H%M.%S",
     .help = "Notation of access_time, as strptime has it."},
    {0},
};

const struct module_spec spec_file = {
    .name = "file",
    .summary = "Manage files, folders, links and their attributes.",
    .flags = MODULE_FILE_ARGS | MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = file_params,
};

static const struct param stat_params[] = {
    {.name = "path",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .aliases = "dest|name",
     .help = "The file to look at."},
    {.name = "follow", .type = PARAM_BOOL, .dflt = "no", .help = "Follow links."},
    {.name = "get_md5", .type = PARAM_BOOL, .dflt = "no", .help = "No longer has an effect."},
    {.name = "get_checksum",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Return the digest of the content."},
    {.name = "get_mime",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .aliases = "mime|mime_type|mime-type",
     .help = "Return type and charset as the program file sees them."},
    {.name = "get_attributes",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .aliases = "attr|attributes",
     .help = "Return the attributes as lsattr sees them."},
    {.name = "checksum_algorithm",
     .dflt = "sha1",
     .choices = "md5|sha1|sha224|sha256|sha384|sha512",
     .aliases = "checksum|checksum_algo",
     .help = "Digest to use."},
    {0},
};

const struct module_spec spec_stat = {
    .name = "stat",
    .summary = "Tell what is known about a file.",
    .flags = MODULE_CHECK,
    .params = stat_params,
};

static const struct param slurp_params[] = {
    {.name = "src",
     .type = PARAM_PATH,
     .flags = PARAM_REQUIRED,
     .aliases = "path",
     .help = "The file to read."},
    {0},
};

const struct module_spec spec_slurp = {
    .name = "slurp",
    .summary = "Return the content of a file in base64.",
    .flags = MODULE_CHECK,
    .params = slurp_params,
};

static const struct param tempfile_params[] = {
    {.name = "state",
     .dflt = "file",
     .choices = "file|directory",
     .help = "Whether to make a file or a folder."},
    {.name = "path", .type = PARAM_PATH, .help = "Folder to make it in; default the system's."},
    {.name = "prefix", .dflt = "ansible.", .help = "How the name begins."},
    {.name = "suffix", .dflt = "", .help = "How the name ends."},
    {0},
};

const struct module_spec spec_tempfile = {
    .name = "tempfile",
    .flags = MODULE_UNDO,
    .summary = "Make a temporary file or folder.",
    .params = tempfile_params,
};
