// Parameters of service, systemd and sysvinit.
#include "spec/spec.h"

static const char *const state_or_enabled[] = {"state,enabled", NULL};

static const struct param service_params[] = {
    {.name = "name", .flags = PARAM_REQUIRED, .help = "The service."},
    {.name = "state",
     .choices = "reloaded|restarted|started|stopped",
     .help = "What it is to be; restarted and reloaded always act."},
    {.name = "sleep", .type = PARAM_INT, .help = "Seconds between stop and start of a restart."},
    {.name = "pattern",
     .help = "Text of a process's command line that tells that the service runs, instead of asking "
             "for its status."},
    {.name = "enabled", .type = PARAM_BOOL, .help = "Whether it starts at boot."},
    {.name = "runlevel", .dflt = "default", .help = "Runlevel, with OpenRC."},
    {.name = "arguments", .dflt = "", .aliases = "args", .help = "More words for the init script."},
    {.name = "use", .dflt = "auto", .help = "The service manager to use, instead of the host's."},
    {0},
};

const struct module_spec spec_service = {
    .name = "service",
    .summary = "Start, stop and enable services, with whatever manages them on the host.",
    .flags = MODULE_CHECK | MODULE_UNDO,
    .params = service_params,
    .required_one_of = state_or_enabled,
};

static const struct param systemd_params[] = {
    {.name = "name", .aliases = "service|unit", .help = "The unit, with or without .service."},
    {.name = "state",
     .choices = "reloaded|restarted|started|stopped",
     .help = "What it is to be; restarted and reloaded always act."},
    {.name = "enabled", .type = PARAM_BOOL, .help = "Whether it starts at boot."},
    {.name = "force", .type = PARAM_BOOL, .help = "Override existing links."},
    {.name = "masked", .type = PARAM_BOOL, .help = "Whether it cannot be started at all."},
    {.name = "daemon_reload",
     .type = PARAM_BOOL,
     .dflt = "no",
     .aliases = "daemon-reload",
     .help = "Make systemd read unit files again first."},
    {.name = "daemon_reexec",
     .type = PARAM_BOOL,
     .dflt = "no",
     .aliases = "daemon-reexec",
     .help = "Make systemd execute itself again first."},
    {.name = "scope",
     .dflt = "system",
     .choices = "system|user|global",
     .help = "Whose service manager."},
    {.name = "no_block", .type = PARAM_BOOL, .dflt = "no", .help = "Do not wait until it is done."},
    {0},
};

static const char *const systemd_one_of[] = {"state,enabled,masked,daemon_reload,daemon_reexec",
                                             NULL};
static const char *const systemd_by[] = {"state:name", "enabled:name", "masked:name", NULL};

const struct module_spec spec_systemd = {
    .name = "systemd",
    .summary = "Manage systemd units.",
    .flags = MODULE_CHECK | MODULE_UNDO,
    .params = systemd_params,
    .required_one_of = systemd_one_of,
    .required_by = systemd_by,
};

const struct module_spec spec_systemd_service = {
    .name = "systemd_service",
    .summary = "Manage systemd units.",
    .flags = MODULE_CHECK | MODULE_UNDO,
    .params = systemd_params,
    .required_one_of = systemd_one_of,
    .required_by = systemd_by,
};

static const struct param sysvinit_params[] = {
    {.name = "name", .flags = PARAM_REQUIRED, .aliases = "service", .help = "The init script."},
    {.name = "state",
     .choices = "started|stopped|restarted|reloaded",
     .help = "What it is to be; restarted and reloaded always act."},
    {.name = "enabled", .type = PARAM_BOOL, .help = "Whether it starts at boot."},
    {.name = "sleep",
     .type = PARAM_INT,
     .dflt = "1",
     .help = "Seconds between stop and start of a restart."},
    {.name = "pattern",
     .help = "Text of a process's command line that tells that the service runs."},
    {.name = "arguments", .aliases = "args", .help = "More words for the init script."},
    {.name = "runlevels", .type = PARAM_LIST, .help = "Runlevels that enabled is about."},
    {.name = "daemonize",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Run the script detached; scripts always are here."},
    {0},
};

const struct module_spec spec_sysvinit = {
    .name = "sysvinit",
    .summary = "Manage services that are init scripts.",
    .flags = MODULE_CHECK | MODULE_UNDO,
    .params = sysvinit_params,
    .required_one_of = state_or_enabled,
};
