// Which Python of this host runs modules.
#ifndef NODE_PYTHON_H
#define NODE_PYTHON_H

#include "node/module.h"

// The Python that belongs to this distribution, else the first that is found; NULL: there is none.
// mode is Ansible's: auto, auto_silent, auto_legacy, auto_legacy_silent. What is doubtful is a
// warning of the result that names the host.
const char *python_discover(struct module *m, const char *mode, const char *host);

#endif
