// Parameters of authorized_key, known_hosts and synchronize.
#include "spec/spec.h"

static const struct param authorized_key_params[] = {
    {.name = "user", .flags = PARAM_REQUIRED, .help = "Whose keys."},
    {.name = "key",
     .flags = PARAM_REQUIRED,
     .help = "Public keys, one per line, or the address of a web page with them."},
    {.name = "path",
     .type = PARAM_PATH,
     .help = "The file, when it is not .ssh/authorized_keys in the user's home."},
    {.name = "manage_dir",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Make the folder of the file, and give it to the user."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether the keys are to be in the file."},
    {.name = "key_options", .help = "Options in front of the keys."},
    {.name = "exclusive",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Take all other keys out of the file."},
    {.name = "comment", .help = "Comment of the keys instead of their own."},
    {.name = "validate_certs",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Check the certificate of the web page."},
    {.name = "follow",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Write to where a link at the path leads instead of replacing it."},
    {0},
};

const struct module_spec spec_authorized_key = {
    .name = "authorized_key",
    .collections = "ansible.posix",
    .summary = "Manage the keys that may log in as a user.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = authorized_key_params,
};

static const struct param known_hosts_params[] = {
    {.name = "name",
     .flags = PARAM_REQUIRED,
     .aliases = "host",
     .help = "The host, as ssh names it ([host]:port for other ports)."},
    {.name = "key", .help = "The line to be in the file: hosts, type and key."},
    {.name = "path",
     .type = PARAM_PATH,
     .dflt = "~/.ssh/known_hosts",
     .help = "The known_hosts file."},
    {.name = "hash_host", .type = PARAM_BOOL, .dflt = "no", .help = "Hash the name of the host."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether the key (or any key of the host) is to be in the file."},
    {0},
};

const struct module_spec spec_known_hosts = {
    .name = "known_hosts",
    .summary = "Manage the keys of hosts in a known_hosts file.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = known_hosts_params,
};
