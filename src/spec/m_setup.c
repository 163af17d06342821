// Parameters of setup.
#include "spec/spec.h"

static const struct param params[] = {
    {.name = "gather_subset",
     .type = PARAM_LIST,
     .dflt = "all",
     .help =
         "Groups of facts to gather: all, min, hardware, network, ...; with ! in front to leave "
         "one out."},
    {.name = "gather_timeout",
     .type = PARAM_INT,
     .dflt = "10",
     .help = "Seconds to wait for a fact that may hang, such as a network file system."},
    {.name = "filter",
     .type = PARAM_LIST,
     .help = "Patterns of fact names to return; all when empty."},
    {.name = "fact_path",
     .type = PARAM_PATH,
     .dflt = "/etc/ansible/facts.d",
     .help = "Folder with files *.fact of the host's own facts."},
    {0},
};

const struct module_spec spec_setup = {
    .name = "setup",
    .summary = "Gather facts about the host.",
    .flags = MODULE_CHECK,
    .params = params,
};
