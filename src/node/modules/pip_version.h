// Python's package names and version specifiers (PEP 440, PEP 503).
#ifndef NODE_MODULES_PIP_VERSION_H
#define NODE_MODULES_PIP_VERSION_H

#include "core/arena.h"

#include <stdbool.h>

// A requirement such as "Django>=1.8,<2".
struct pip_requirement {
    const char *name;  // as given, extras included; the whole text when it is an address
    const char *specs; // "" for none
    bool plain;        // a name with specifiers, no address
};

struct pip_requirement pip_requirement_parse(struct arena *a, const char *text);
// The name as it is compared: lower case, without extras, runs of -_. as one dash.
const char *pip_canonical_name(struct arena *a, const char *name);
// Order of two versions: <0, 0, >0.
int pip_version_compare(const char *x, const char *y);
// Whether version satisfies every specifier of specs.
bool pip_version_satisfies(struct arena *a, const char *version, const char *specs);

#endif
