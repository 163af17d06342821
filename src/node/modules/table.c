// The table of the helper's modules, sorted by name.
#include "node/module.h"
#include "node/modules.h"

#define MODULE(name) {#name, mod_##name},
const struct module_row module_table[] = {
#include "node/modules.def"
};
#undef MODULE

const size_t module_table_len = sizeof module_table / sizeof *module_table;
