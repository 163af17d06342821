// Controller parts of modules: the table of actions.
#include "run/actions/actions.h"

#include "core/buf.h"
#include "run/loop.h"

#include <stdlib.h>
#include <string.h>

static const struct action_row table[] = {
    {"_andon_state", action_state},
    {"_andon_undo", action_undo},
    {"add_host", action_add_host},
    {"assemble", action_assemble},
    {"assert", action_assert},
    {"async_status", action_async_status},
    {"copy", action_copy},
    {"debug", action_debug},
    {"fail", action_fail_task},
    {"fetch", action_fetch},
    {"gather_facts", action_gather_facts},
    {"group_by", action_group_by},
    {"include_vars", action_include_vars},
    {"pause", action_pause},
    {"raw", action_raw},
    {"reboot", action_reboot},
    {"release", action_release},
    {"script", action_script},
    {"set_fact", action_set_fact},
    {"set_stats", action_set_stats},
    {"synchronize", action_synchronize},
    {"template", action_template},
    {"unarchive", action_unarchive},
    {"uri", action_uri},
    {"validate_argument_spec", action_validate_argument_spec},
    {"wait_for_connection", action_wait_for_connection},
};

static int by_name(const void *key, const void *row)
{
    return strcmp(key, ((const struct action_row *)row)->name);
}

action_fn *action_find(const char *module)
{
    const struct action_row *row =
        bsearch(module, table, sizeof table / sizeof *table, sizeof *table, by_name);
    return row ? row->run : NULL;
}

int action_fail(struct exec *x, struct value *result, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *msg = arena_vprintf(x->a, fmt, ap);
    va_end(ap);
    if (result->type != VALUE_DICT)
        *result = value_dict(x->a);
    dict_set(result->u.dict, "failed", value_bool(true));
    dict_set(result->u.dict, "msg", value_cstr(msg));
    if (!dict_get(result->u.dict, "changed"))
        dict_set(result->u.dict, "changed", value_bool(false));
    return ERR_FAILED;
}
