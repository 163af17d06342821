// The functions behind the rows of modules/table.c, one per row of modules.def.
#ifndef NODE_MODULES_H
#define NODE_MODULES_H

struct module;

#define MODULE(name) int mod_##name(struct module *m);
#include "node/modules.def"
#undef MODULE

#endif
