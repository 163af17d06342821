// Parameters of async_status.
#include "spec/spec.h"

static const struct param params[] = {
    {.name = "jid",
     .flags = PARAM_REQUIRED,
     .help = "The job's id, as ansible_job_id of the task."},
    {.name = "mode",
     .dflt = "status",
     .choices = "cleanup|status",
     .help = "How it stands, or remove what is kept about it."},
    {0},
};

const struct module_spec spec_async_status = {
    .name = "async_status",
    .summary = "Look at a task that runs in the background.",
    .params = params,
};
