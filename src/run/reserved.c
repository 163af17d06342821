// Variables of a play that are called like keywords or functions: a warning each.
#include "playbook/keywords.h"
#include "run/internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_reserved(const char *name)
{
    static const char *const more[] = {"async_val", "cycler",    "dict",      "joiner", "lipsum",
                                       "lookup",    "loop_with", "namespace", "now",    "q",
                                       "query",     "range",     "undef",     "with_"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (strcmp(more[i], name) == 0)
            return true;
    return keyword_find(name) && strcmp(name, "listen") != 0 && strcmp(name, "vars") != 0;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(((const struct value *)x)->u.str.s, ((const struct value *)y)->u.str.s);
}

static void add_reserved(const struct dict *vars, struct dict *found)
{
    struct dict_entry *it;
    DICT_EACH(vars, it)
    if (it->key.type == VALUE_STRING && is_reserved(it->key.u.str.s))
        dict_setv(found, it->key, it->key);
}

void warn_reserved_names(struct run *r, const struct play *p)
{
    struct arena *a = arena_new();
    struct scope_list scopes = {.arena = a};
    struct dict *found = value_dict(a).u.dict;
    struct list *names = value_list(a).u.list;
    struct dict_entry *it;
    scope_add(&scopes, r->o.extra_vars);
    scopes_play_roles(p, &scopes);
    scope_add(&scopes, p->vars);
    scopes_defaults(NULL, p, &scopes);
    for (size_t i = 0; i < scopes.n; i++)
        add_reserved(scopes.d[i], found);
    DICT_EACH(found, it)
    list_add(names, it->key);
    if (names->len)
        qsort(names->items, names->len, sizeof *names->items, by_text);
    for (size_t i = 0; i < names->len && r->o.sink.warning; i++)
        r->o.sink.warning(
            r->o.sink.data, POS_NONE,
            arena_printf(a, "Found variable using reserved name: %s", names->items[i].u.str.s));
    arena_free(a);
}
