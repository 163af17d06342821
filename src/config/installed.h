// Where the installed Ansible is, and what lies in folders of plugins.
#ifndef CONFIG_INSTALLED_H
#define CONFIG_INSTALLED_H

#include "core/value.h"

// The Python that runs Ansible: ANDON_PYTHON, that of the first Ansible in PATH, or python3. NULL:
// there is none.
const char *installed_python(struct arena *a);
// The folder `ansible` that this Python has, or NULL.
const char *installed_package(struct arena *a, const char *python);
// Adds to ret_names the plugins in dir and its folders: name without extension -> path. any: files
// of any extension that may be programs (modules); else those that end in .py.
void plugin_files(struct arena *a, const char *dir, bool any, struct dict *ret_names);

#endif
