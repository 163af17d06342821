// _andon_state: asks the helper what files, packages and services are now. No playbook can name it;
// its argument `things` has what is asked for by host.
#include "run/actions/actions.h"

int action_state(struct exec *x, struct dict *args, struct value *result)
{
    const struct value *all = dict_get(args, "things");
    const struct value *things =
        all && all->type == VALUE_DICT ? dict_get(all->u.dict, x->target->name) : NULL;
    struct value extra = value_dict(x->a);
    dict_set(extra.u.dict, "things", things ? *things : value_list(x->a));
    struct module_call c = {.module = "_state",
                            .args = value_dict(x->a).u.dict,
                            .extra = extra.u.dict,
                            .bare = true,
                            .ignore_check = true};
    return exec_module(x, &c, result);
}
