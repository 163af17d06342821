// Service files and policies for `andon check`, whose room does not know them.
#ifndef CLI_CHECK_SERVICE_H
#define CLI_CHECK_SERVICE_H

#include "check/check.h"

// Whether path is a service file (andon.yml) or a policy (policy.yml with its keys); then its
// mistakes are told to the check.
bool check_service_file(void *data, struct check *c, const char *path);

#endif
