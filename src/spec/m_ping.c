// Parameters of ping.
#include "spec/spec.h"

static const struct param params[] = {
    {.name = "data", .dflt = "pong", .help = "Text to answer with; crash makes the module fail."},
    {0},
};

const struct module_spec spec_ping = {
    .name = "ping",
    .summary = "Check that the host can be used.",
    .flags = MODULE_CHECK,
    .params = params,
};
