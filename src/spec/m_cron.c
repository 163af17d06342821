// Parameters of cron.
#include "spec/spec.h"

static const struct param params[] = {
    {.name = "name",
     .flags = PARAM_REQUIRED,
     .help = "Name of the job, kept in a comment in front of it; with env, of the variable."},
    {.name = "user", .help = "Whose crontab; in a cron_file, who runs the job."},
    {.name = "job", .aliases = "value", .help = "The command; with env, the variable's value."},
    {.name = "cron_file",
     .type = PARAM_PATH,
     .help = "File in /etc/cron.d (or a full path) instead of a user's crontab."},
    {.name = "state",
     .dflt = "present",
     .choices = "present|absent",
     .help = "Whether it is to be there."},
    {.name = "backup", .type = PARAM_BOOL, .dflt = "no", .help = "Keep the crontab as it was."},
    {.name = "minute", .dflt = "*", .help = "Minutes (0-59, *, */2, ...)."},
    {.name = "hour", .dflt = "*", .help = "Hours (0-23, *, */2, ...)."},
    {.name = "day", .dflt = "*", .aliases = "dom", .help = "Days of the month (1-31, ...)."},
    {.name = "month", .dflt = "*", .help = "Months (1-12, JAN-DEC, ...)."},
    {.name = "weekday", .dflt = "*", .aliases = "dow", .help = "Weekdays (0-6, SUN-SAT, ...)."},
    {.name = "special_time",
     .choices = "reboot|yearly|annually|monthly|weekly|daily|hourly",
     .help = "A time by its name instead of the fields."},
    {.name = "disabled", .type = PARAM_BOOL, .dflt = "no", .help = "Comment the job out."},
    {.name = "env",
     .type = PARAM_BOOL,
     .dflt = "no",
     .help = "Manage a variable instead of a job."},
    {.name = "insertafter", .help = "Put a new variable behind this one."},
    {.name = "insertbefore", .help = "Put a new variable in front of this one."},
    {0},
};

static const char *const exclusive[] = {"insertafter,insertbefore", NULL};

const struct module_spec spec_cron = {
    .name = "cron",
    .summary = "Manage jobs and variables of cron.",
    .flags = MODULE_CHECK | MODULE_DIFF | MODULE_UNDO,
    .params = params,
    .mutually_exclusive = exclusive,
};
