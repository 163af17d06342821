// The table of all module specs and the look-up by name.
#include "spec/spec.h"

#include <stdbool.h>
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

static int compare(const void *key, const void *row)
{
    return strcmp(key, (*(const struct module_spec *const *)row)->name);
}

static const struct module_spec *find_short(const char *name)
{
    const struct module_spec *const *row = bsearch(name, table, TABLE_LEN, sizeof *table, compare);
    return row ? *row : NULL;
}

// Whether one of the names in list ("a.b|c.d") is name[0..len).
static bool in_collections(const char *list, const char *name, size_t len)
{
    while (list && *list) {
        size_t n = strcspn(list, "|");
        if (n == len && strncmp(list, name, len) == 0)
            return true;
        list += n + (list[n] == '|');
    }
    return false;
}

const struct module_spec *spec_find(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!dot)
        return find_short(name);
    // ansible-core redirects the names of modules that have moved to a collection
    static const char core[] = "ansible.builtin|ansible.legacy";
    size_t len = (size_t)(dot - name);
    const struct module_spec *spec = find_short(dot + 1);
    if (spec && (in_collections(core, name, len) || in_collections(spec->collections, name, len)))
        return spec;
    return NULL;
}

const struct module_spec *const *spec_all(size_t *ret_n)
{
    *ret_n = TABLE_LEN;
    return table;
}
