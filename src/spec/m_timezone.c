// Parameters of timezone.
#include "spec/spec.h"

static const struct param params[] = {
    {.name = "name", .help = "Time zone of the system clock, such as Europe/Berlin."},
    {.name = "hwclock",
     .choices = "local|UTC",
     .aliases = "rtc",
     .help = "Whether the hardware clock is in UTC or in local time."},
    {0},
};

const struct module_spec spec_timezone = {
    .name = "timezone",
    .collections = "community.general",
    .summary = "Set the time zone of the host.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = params,
    .required_one_of = (const char *const[]){"name,hwclock", NULL},
};
