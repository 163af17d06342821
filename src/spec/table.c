// The table of all module specs and the look-up by name.
#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

#define SPEC(name) extern const struct module_spec spec_##name;
#include "spec/specs.def"
#undef SPEC

#define SPEC(name) &spec_##name,
static const struct module_spec *const table[] = {
#include "spec/specs.def"
    NULL,
};
#undef SPEC

#define TABLE_LEN (sizeof table / sizeof *table - 1)

static const char *short_name(const char *name)
{
    static const char *const prefixes[] = {"ansible.builtin.", "ansible.legacy.", "ansible.posix."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return name + strlen(prefixes[i]);
    return name;
}

static int compare(const void *key, const void *row)
{
    return strcmp(key, (*(const struct module_spec *const *)row)->name);
}

const struct module_spec *spec_find(const char *name)
{
    const struct module_spec *const *row =
        bsearch(short_name(name), table, TABLE_LEN, sizeof *table, compare);
    return row ? *row : NULL;
}

const struct module_spec *const *spec_all(size_t *ret_n)
{
    *ret_n = TABLE_LEN;
    return table;
}
