// Parameters inside of parameters that are given as text. Ansible reads all of them for secrets
// before it looks at anything else.
#include "spec/internal.h"

#define MAX_DEPTH 8

// A text where a dict of parameters is wanted must be one written as text.
static int readable_value(struct arena *a, const struct param *p, const struct value *v, int depth,
                          struct err *e)
{
    struct value d = *v;
    int rc = v->type == VALUE_STRING ? spec_coerce(a, PARAM_DICT, v, &d, e) : 0;
    return rc < 0 || d.type != VALUE_DICT ? rc : spec_readable(a, p->sub, d.u.dict, depth + 1, e);
}

int spec_readable(struct arena *a, const struct param *rows, const struct dict *given, int depth,
                  struct err *e)
{
    int rc = 0;
    for (const struct param *p = rows; rc == 0 && p->name && depth < MAX_DEPTH; p++) {
        const struct value *v = p->sub ? dict_get(given, p->name) : NULL;
        if (!v || v->type != VALUE_LIST) {
            rc = v ? readable_value(a, p, v, depth, e) : 0;
            continue;
        }
        for (size_t i = 0; rc == 0 && i < v->u.list->len; i++)
            rc = readable_value(a, p, &v->u.list->items[i], depth, e);
    }
    return rc;
}
