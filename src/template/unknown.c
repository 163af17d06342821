// Values that a check run cannot know: results of tasks it does not run, and what is made of them.
// Whoever touches one gets ERR_UNKNOWN and with it the reason, so that it can be deferred.
#include "template/eval.h"
#include "template/hooks.h"

#include <string.h>

#define ANY_MEMBER ".*"

struct value template_unknown(struct arena *a, const char *why)
{
    struct value v = value_undefined(a, "%s", why);
    v.flags |= UNDEFINED_UNKNOWN;
    template_hooks.unknown_seen = true;
    return v;
}

void template_mark_unknown(struct arena *a, struct dict *d, const char *name, const char *why)
{
    dict_set(d, TEMPLATE_UNKNOWN, value_strf(a, "%s" ANY_MEMBER "%s", name, why));
    template_hooks.unknown_seen = true;
}

static const struct value *mark_of(const struct value *v)
{
    return v->type == VALUE_DICT ? dict_get(v->u.dict, TEMPLATE_UNKNOWN) : NULL;
}

// The first thing in v that is not known, or NULL.
static const struct value *find_unknown(const struct value *v, int depth)
{
    const struct value *found = mark_of(v);
    struct dict_entry *d;
    if (found || depth > 100)
        return found;
    if (v->type == VALUE_UNDEFINED)
        return v->flags & UNDEFINED_UNKNOWN ? v : NULL;
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->u.list->len && !found; i++)
            found = find_unknown(&v->u.list->items[i], depth + 1);
    } else if (v->type == VALUE_DICT) {
        DICT_EACH(v->u.dict, d)
        if ((found = find_unknown(&d->val, depth + 1)))
            return found;
    }
    return found;
}

// "r.*, known once ..." as an error about one member, or about all of it (NULL).
static int tell(const struct value *why, const char *member, struct pos pos, struct err *e)
{
    const char *s = why->u.str.s, *gap = why->type == VALUE_STRING ? strstr(s, ANY_MEMBER) : NULL;
    if (!gap)
        return err_set(e, ERR_UNKNOWN, pos, "%s", s);
    return err_set(e, ERR_UNKNOWN, pos, "%.*s%s%s%s", (int)(gap - s), s, member ? "." : "",
                   member ? member : "", gap + strlen(ANY_MEMBER));
}

int template_find_unknown(const struct value *v, struct pos pos, struct err *e)
{
    const struct value *found = template_hooks.unknown_seen ? find_unknown(v, 0) : NULL;
    return found ? tell(found, NULL, pos, e) : 0;
}

// Members that say a task did not get so far: a result that lacks them says it did.
static bool lacked_for_sure(const struct value *obj, const char *key)
{
    static const char *const keys[] = {"skipped", "unreachable", "skip_reason", "results",
                                       "exception"};
    if (dict_get(obj->u.dict, TEMPLATE_MAY_SKIP))
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

int unknown_member(const struct value *obj, const char *key, struct pos pos, struct err *e)
{
    const struct value *mark = mark_of(obj);
    return !mark || lacked_for_sure(obj, key) ? 0 : tell(mark, key, pos, e);
}

// Filters that hand values on, or look at members one by one.
static bool passes_on(const struct call *c)
{
    static const char *const names[] = {"attr",   "count",  "default",    "d",       "first",
                                        "items",  "last",   "length",     "list",    "map",
                                        "reject", "select", "selectattr", "reverse", "rejectattr"};
    if (c->self.type == VALUE_UNDEFINED)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(c->name, names[i]) == 0)
            return true;
    // r.get('rc') is known where rc is
    return strcmp(c->name, "get") == 0 && c->n_args && c->self.type == VALUE_DICT &&
           dict_getv(c->self.u.dict, &c->args[0]);
}

int unknown_call(const struct call *c, const struct builtin *fn, struct err *e)
{
    bool undefined = c->self.type == VALUE_UNDEFINED;
    if (passes_on(c) || (fn->takes_undefined == true && !undefined))
        return 0;
    if (strcmp(c->name, "get") == 0 && c->n_args && c->args[0].type == VALUE_STRING)
        return c->self.type == VALUE_DICT ? unknown_member(&c->self, c->args[0].u.str.s, c->pos, e)
                                          : 0;
    int rc = template_find_unknown(&c->self, c->pos, e);
    for (size_t i = 0; rc == 0 && i < c->n_args; i++)
        rc = template_find_unknown(&c->args[i], c->pos, e);
    return rc;
}
