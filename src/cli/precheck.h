// What can be found wrong in a playbook before any host is touched, beyond its syntax.
#ifndef CLI_PRECHECK_H
#define CLI_PRECHECK_H

#include "playbook/load.h"

// Checks the parameters of every task of known modules: names that do not exist and required ones
// that are missing. Values are not looked at. ERR_INVALID with the position of the first mistake.
int precheck(const struct playbook *pb, struct err *e) __attribute__((warn_unused_result));

#endif
