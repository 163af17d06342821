// Parameters of getent, hostname, package_facts and service_facts.
#include "spec/spec.h"

static const struct param getent_params[] = {
    {.name = "database", .flags = PARAM_REQUIRED, .help = "passwd, group, hosts, services, ..."},
    {.name = "key", .help = "The entry wanted; all when not given."},
    {.name = "service", .help = "The name service to ask, instead of those of nsswitch.conf."},
    {.name = "split", .help = "What separates the fields; a colon or blanks when not given."},
    {.name = "fail_key",
     .type = PARAM_BOOL,
     .dflt = "yes",
     .help = "Fail when the key is not there; else its fact is null."},
    {0},
};

const struct module_spec spec_getent = {
    .name = "getent",
    .summary = "Look up entries of the host's name services.",
    .flags = MODULE_CHECK,
    .params = getent_params,
};

static const struct param hostname_params[] = {
    {.name = "name", .flags = PARAM_REQUIRED, .help = "The host's name."},
    {.name = "use",
     .choices = "alpine|debian|freebsd|generic|macos|macosx|darwin|openbsd|openrc|redhat|sles|"
                "solaris|systemd",
     .help = "How it is kept, instead of what the host's distribution does."},
    {0},
};

const struct module_spec spec_hostname = {
    .name = "hostname",
    .summary = "Set the host's name.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = hostname_params,
};

static const struct param package_facts_params[] = {
    {.name = "manager",
     .type = PARAM_LIST,
     .dflt = "auto",
     .help = "Package managers to ask: auto, apt, rpm, apk, pacman."},
    {.name = "strategy",
     .dflt = "first",
     .choices = "first|all",
     .help = "Ask the first one that is there, or all."},
    {0},
};

const struct module_spec spec_package_facts = {
    .name = "package_facts",
    .summary = "Gather the installed packages as facts.",
    .flags = MODULE_CHECK,
    .params = package_facts_params,
};

static const struct param no_params[] = {{0}};

const struct module_spec spec_service_facts = {
    .name = "service_facts",
    .summary = "Gather the services and their states as facts.",
    .flags = MODULE_CHECK,
    .params = no_params,
};
