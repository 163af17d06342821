// Fuzz target: any JSON object as the arguments of a module, which the helper validates. The first
// line names the module. Arguments that were found right are right when they are checked again.
#include "core/json.h"
#include "fuzz/fuzz.h"
#include "spec/spec.h"

#include <string.h>

static void validate(struct arena *a, const struct module_spec *spec, const struct dict *args)
{
    struct err e = ERR_INIT;
    struct dict *checked;
    struct value errors = value_list(a);
    int rc = spec_validate(spec, a, args, &checked, &e);
    if ((rc < 0) != (e.code != 0))
        __builtin_trap();
    err_release(&e);
    int all = spec_validate_all(spec, a, args, errors.u.list, &e);
    // both look at the same rules
    if (all == 0 && (rc == 0) != (errors.u.list->len == 0))
        __builtin_trap();
    err_release(&e);
    if (rc == 0)
        for (const struct param *p = spec->params; p && p->name; p++)
            if (!dict_get(checked, p->name) && !(p->flags & PARAM_LOCAL))
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data, *nl = size ? memchr(s, '\n', size) : NULL;
    if (!nl)
        return 0;
    struct arena *a = arena_new();
    const struct module_spec *spec = spec_find(arena_strndup(a, s, (size_t)(nl - s)));
    struct err e = ERR_INIT;
    struct value args;
    if (spec && json_parse(a, nl + 1, size - (size_t)(nl + 1 - s), &args, &e) == 0 &&
        args.type == VALUE_DICT)
        validate(a, spec, args.u.dict);
    err_release(&e);
    arena_free(a);
    return 0;
}
