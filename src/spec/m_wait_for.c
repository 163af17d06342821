// Parameters of wait_for.
#include "spec/spec.h"

static const struct param params[] = {
    {.name = "host", .dflt = "127.0.0.1", .help = "Name or address of the port's host."},
    {.name = "timeout", .type = PARAM_INT, .dflt = "300", .help = "Seconds to wait at most."},
    {.name = "connect_timeout",
     .type = PARAM_INT,
     .dflt = "5",
     .help = "Seconds that one connection may take."},
    {.name = "delay", .type = PARAM_INT, .dflt = "0", .help = "Seconds before the first look."},
    {.name = "port", .type = PARAM_INT, .help = "The port."},
    {.name = "active_connection_states",
     .type = PARAM_LIST,
     .dflt = "ESTABLISHED,FIN_WAIT1,FIN_WAIT2,SYN_RECV,SYN_SENT,TIME_WAIT",
     .help = "States of connections that count as active, with drained."},
    {.name = "path", .type = PARAM_PATH, .help = "The file, instead of a port."},
    {.name = "search_regex",
     .help = "Pattern that has to be in the file, or in what the port sends."},
    {.name = "state",
     .dflt = "started",
     .choices = "absent|drained|present|started|stopped",
     .help = "What is waited for."},
    {.name = "exclude_hosts",
     .type = PARAM_LIST,
     .help = "Hosts whose connections do not count, with drained."},
    {.name = "sleep", .type = PARAM_INT, .dflt = "1", .help = "Seconds between looks."},
    {.name = "msg", .help = "The message of a failure, instead of the usual one."},
    {0},
};

const struct module_spec spec_wait_for = {
    .name = "wait_for",
    .summary = "Wait for a port or a file.",
    .params = params,
};
