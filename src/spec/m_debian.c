// Parameters of the modules for Debian and its kin beside apt: apt_key, apt_repository,
// deb822_repository, debconf, dpkg_divert, dpkg_selections.
#include "spec/spec.h"

static const struct param apt_key_params[] = {
    {.name = "id", .help = "The key's id or fingerprint."},
    {.name = "data", .help = "The key itself."},
    {.name = "file", .type = PARAM_PATH, .help = "File with the key, on the host."},
    {.name = "keyring",
     .type = PARAM_PATH,
     .help = "Keyring file in /etc/apt/trusted.gpg.d to use."},
    {.name = "url", .help = "Address of the key."},
    {.name = "keyserver", .help = "Server to ask for the key."},
    {.name = "validate_certs",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Check the certificate of the address."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether apt is to trust the key."},
    {0},
};

const struct module_spec spec_apt_key = {
    .name = "apt_key",
    .summary = "Manage the keys that apt trusts.",
    .flags = MODULE_CHECK | MODULE_UNDO,
    .params = apt_key_params,
    .mutually_exclusive = (const char *const[]){"data,file,keyserver,url", NULL},
};

static const struct param apt_repository_params[] = {
    {.name = "repo",
     .flags = PARAM_REQUIRED,
     .help = "The line of sources.list, or ppa:OWNER/NAME on Ubuntu."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether it is to be there."},
    {.name = "mode", .type = PARAM_RAW, .help = "Mode of new files."},
    {.name = "update_cache",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .aliases = "update-cache",
     .help = "Update the lists of the archive after a change."},
    {.name = "update_cache_retries",
     .type = PARAM_INT,
     .dflt = "5",
     .help = "How often to try the update."},
    {.name = "update_cache_retry_max_delay",
     .type = PARAM_INT,
     .dflt = "12",
     .help = "Longest pause between tries, in seconds."},
    {.name = "filename",
     .help = "Name of the file in sources.list.d, without .list; made from the address if not "
             "given."},
    {.name = "install_python_apt",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Accepted and not needed: nothing is done in Python."},
    {.name = "validate_certs",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Check the certificate of the server that knows the PPAs."},
    {.name = "codename", .help = "Name of the distribution's release for a PPA."},
    {0},
};

const struct module_spec spec_apt_repository = {
    .name = "apt_repository",
    .summary = "Manage apt's sources in one-line style.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = apt_repository_params,
};

static const struct param deb822_params[] = {
    {.name = "name",
     .flags = PARAM_REQUIRED,
     .help = "Name of the source and, made fit for it, of its file."},
    {.name = "allow_downgrade_to_insecure",
     .type = PARAM_BOOL,
     .help = "Let a signed source become an unsigned one."},
    {.name = "allow_insecure", .type = PARAM_BOOL, .help = "Let it be unsigned."},
    {.name = "allow_weak", .type = PARAM_BOOL, .help = "Let it be signed weakly."},
    {.name = "architectures", .type = PARAM_LIST, .help = "Its architectures."},
    {.name = "by_hash", .type = PARAM_BOOL, .help = "Whether to fetch lists by their hash."},
    {.name = "check_date", .type = PARAM_BOOL, .help = "Whether a date in the future matters."},
    {.name = "check_valid_until", .type = PARAM_BOOL, .help = "Whether Valid-Until matters."},
    {.name = "components", .type = PARAM_LIST, .help = "Its components, such as main."},
    {.name = "date_max_future", .type = PARAM_INT, .help = "Seconds a date may be ahead."},
    {.name = "enabled", .type = PARAM_BOOL, .help = "Whether apt uses it."},
    {.name = "inrelease_path", .help = "Where InRelease is, from the address on."},
    {.name = "languages", .type = PARAM_LIST, .help = "Languages of descriptions to fetch."},
    {.name = "mode", .type = PARAM_RAW, .dflt = "0644", .help = "Mode of the file."},
    {.name = "pdiffs", .type = PARAM_BOOL, .help = "Whether to fetch lists as differences."},
    {.name = "signed_by",
     .help = "The key: an address, a path, a fingerprint or the armoured key itself."},
    {.name = "suites",
     .type = PARAM_LIST,
     .help = "Its suites, or exact paths that end with a slash."},
    {.name = "targets", .type = PARAM_LIST, .help = "What apt fetches from it."},
    {.name = "trusted", .type = PARAM_BOOL, .help = "Whether to trust it without a signature."},
    {.name = "types",
     .type = PARAM_LIST,
     .dflt = "deb",
     .choices = "deb|deb-src",
     .help = "Binary packages, sources or both."},
    {.name = "uris", .type = PARAM_LIST, .help = "Its addresses."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether it is to be there."},
    {0},
};

const struct module_spec spec_deb822_repository = {
    .name = "deb822_repository",
    .summary = "Manage apt's sources in deb822 style.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = deb822_params,
};

static const struct param debconf_params[] = {
    {.name = "name", .flags = PARAM_REQUIRED, .aliases = "pkg", .help = "The package."},
    {.name = "question", .aliases = "selection|setting", .help = "The question to answer."},
    {.name = "vtype",
     .choices = "boolean|error|multiselect|note|password|seen|select|string|text|title",
     .help = "Kind of the answer."},
    {.name = "value", .aliases = "answer", .help = "The answer."},
    {.name = "unseen",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Do not mark the question as asked."},
    {0},
};

const struct module_spec spec_debconf = {
    .name = "debconf",
    .summary = "Answer the questions of packages before they ask.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = debconf_params,
    .required_together = (const char *const[]){"question,vtype,value", NULL},
};

static const struct param divert_params[] = {
    {.name = "path", .type = PARAM_PATH, .flags = PARAM_REQUIRED, .help = "The file."},
    {.name = "state",
     .dflt = "present",
     .choices = "absent|present",
     .help = "Whether packages' versions of it go elsewhere."},
    {.name = "holder", .help = "Package whose own version stays; none: the administrator's."},
    {.name = "divert", .type = PARAM_PATH, .help = "Where they go; PATH.distrib if not given."},
    {.name = "rename", .type = PARAM_BOOL, .dflt = "no", .help = "Move the file there, or back."},
    {.name = "force",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Move it even over a file that is there."},
    {0},
};

const struct module_spec spec_dpkg_divert = {
    .name = "dpkg_divert",
    .collections = "community.general",
    .summary = "Keep a file from being overwritten by packages.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = divert_params,
};

static const struct param selections_params[] = {
    {.name = "name", .flags = PARAM_REQUIRED, .help = "The package."},
    {.name = "selection",
     .flags = PARAM_REQUIRED,
     .choices = "install|hold|deinstall|purge",
     .help = "What dpkg is to do with it."},
    {0},
};

const struct module_spec spec_dpkg_selections = {
    .name = "dpkg_selections",
    .summary = "Tell dpkg what to do with a package.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = selections_params,
};
