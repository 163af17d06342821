// Tags of tasks, and whether --tags and --skip-tags select one.
#include "run/internal.h"

#include <string.h>

// Tags as the host has them; without one, where they are only shown, as they are for all.
static struct value templated(struct run *r, struct rhost *h, const struct node *n,
                              const struct value *raw, struct arena *a)
{
    struct value v = *raw;
    struct err e = ERR_INIT;
    struct task here = {.n = *n};
    if (h) {
        struct exec x;
        exec_init(&x, r, h, &here, a);
        if (exec_template(&x, raw, &v, &e) < 0)
            v = *raw;
        if (e.code == ERR_UNDEFINED) // nobody can say whether the task is wanted
            run_stop(r, r->o.ansible_wording ? POS_NONE : value_pos(raw), "%s", err_msg(&e));
    } else {
        struct static_scope s;
        struct templar t;
        run_static_templar(r, n, &s, &t);
        if (template_value(&t, a, raw, &v, &e) < 0)
            v = *raw;
    }
    err_release(&e);
    return v;
}

static void add_tags(struct run *r, struct rhost *h, const struct node *n, struct arena *a,
                     struct list *ret)
{
    const struct value *raw = dict_get(n->attrs, "tags");
    if (!raw || raw->type == VALUE_NULL)
        return;
    struct value v = template_has_template(raw) ? templated(r, h, n, raw, a) : *raw;
    struct value list = value_as_list(a, &v);
    for (size_t i = 0; i < list.u.list->len; i++) {
        const char *s = value_to_cstr(a, &list.u.list->items[i]);
        while (*s) { // each may be several, separated by commas
            size_t len = strcspn(s, ",");
            const char *from = s + strspn(s, " ");
            size_t n_tag = from < s + len ? (size_t)(s + len - from) : 0;
            while (n_tag && from[n_tag - 1] == ' ')
                n_tag--;
            struct value tag = value_strn(a, from, n_tag);
            bool seen = false;
            for (size_t j = 0; j < ret->len; j++)
                seen = seen || value_equal(&ret->items[j], &tag);
            if (n_tag && !seen)
                list_add(ret, tag);
            s += len + (s[len] == ',');
        }
    }
}

void node_tags(struct run *r, struct rhost *h, const struct node *n, struct arena *a,
               struct list *ret)
{
    for (; n; n = n->parent)
        add_tags(r, h, n, a, ret);
}

static bool has(const struct list *tags, const char *tag)
{
    for (size_t i = 0; i < tags->len; i++)
        if (value_eqs(&tags->items[i], tag))
            return true;
    return false;
}

static bool has_any(const struct list *tags, const char *const *wanted)
{
    for (; wanted && *wanted; wanted++)
        if (has(tags, *wanted))
            return true;
    return false;
}

static bool wants(const char *const *list, const char *tag)
{
    for (; list && *list; list++)
        if (strcmp(*list, tag) == 0)
            return true;
    return false;
}

static bool only_selected(const struct list *tags, const char *const *only)
{
    bool untagged = tags->len == 0;
    if (has(tags, "always"))
        return true;
    if (wants(only, "all") && !has(tags, "never"))
        return true;
    if (has_any(tags, only))
        return true;
    if (wants(only, "tagged") && !untagged && !has(tags, "never"))
        return true;
    return wants(only, "untagged") && untagged;
}

bool task_selected(struct run *r, struct rhost *h, const struct node *n)
{
    static const char *const all[] = {"all", NULL};
    const char *const *only = r->o.tags && *r->o.tags ? r->o.tags : all, *const *skip =
                                                                             r->o.skip_tags;
    struct arena *a = arena_new();
    struct list *tags = value_list(a).u.list;
    node_tags(r, h, n, a, tags);
    bool run = only_selected(tags, only);
    if (run && skip) {
        if (wants(skip, "all"))
            run = has(tags, "always") && !wants(skip, "always");
        else if (has_any(tags, skip))
            run = false;
        else if (wants(skip, "tagged") && tags->len)
            run = false;
        else if (wants(skip, "untagged") && !tags->len)
            run = false;
    }
    arena_free(a);
    return run;
}
