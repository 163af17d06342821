// Handlers that a failure left undone: remembered for the next run, which notifies them again.
#include "run/internal.h"

#include <string.h>

static const char *play_key(const struct run *r)
{
    return r->play_name ? r->play_name : "";
}

static bool same(const struct value *entry, const char *play, const char *handler)
{
    return entry->type == VALUE_DICT && strcmp(dict_str(entry->u.dict, "play", ""), play) == 0 &&
           (!handler || strcmp(dict_str(entry->u.dict, "handler", ""), handler) == 0);
}

static void add(struct run *r, const char *host, const char *play, const char *handler)
{
    struct value *list = dict_get(r->left, host), entry = value_dict(r->arena);
    if (!list) {
        dict_set(r->left, host, value_list(r->arena));
        list = dict_get(r->left, host);
    }
    for (size_t i = 0; i < list->u.list->len; i++)
        if (same(&list->u.list->items[i], play, handler))
            return;
    dict_set(entry.u.dict, "play", value_str(r->arena, play));
    dict_set(entry.u.dict, "handler", value_str(r->arena, handler));
    list_add(list->u.list, entry);
}

void pending_init(struct run *r)
{
    struct dict_entry *it;
    r->left = value_dict(r->arena).u.dict;
    if (!r->o.pending)
        return;
    DICT_EACH(r->o.pending, it)
    for (size_t i = 0; it->val.type == VALUE_LIST && i < it->val.u.list->len; i++) {
        const struct value *v = &it->val.u.list->items[i];
        if (v->type == VALUE_DICT)
            add(r, it->key.u.str.s, dict_str(v->u.dict, "play", ""),
                dict_str(v->u.dict, "handler", ""));
    }
}

void pending_notify(struct rhost *h)
{
    struct run *r = h->run;
    struct value *list = dict_get(r->left, h->name);
    for (size_t i = list ? list->u.list->len : 0; i-- > 0;) {
        const struct value entry = list->u.list->items[i];
        if (!same(&entry, play_key(r), NULL))
            continue;
        const char *name = dict_str(entry.u.dict, "handler", "");
        struct arena *a = arena_new();
        if (!handler_notify(h, name, NULL, a) && r->o.sink.warning)
            r->o.sink.warning(r->o.sink.data, POS_NONE,
                              arena_printf(a,
                                           "the handler '%s', which an earlier run left undone on "
                                           "%s, is not there any more",
                                           name, h->name));
        arena_free(a);
        list_remove(list->u.list, i);
    }
}

void pending_keep(struct rhost *h)
{
    struct run *r = h->run;
    struct arena *a = arena_new();
    for (size_t i = 0; i < h->n_notified; i++)
        add(r, h->name, play_key(r), task_display_name(r, h, h->notified[i], a));
    arena_free(a);
}

// What is to be remembered of a host; an empty dict: nothing.
static struct value outcome_of(struct run *r, const struct rhost *h, struct arena *a)
{
    struct value v = value_dict(a);
    const struct value *left = dict_get(r->left, h->name);
    if (h->failed)
        dict_set(v.u.dict, "failed", value_bool(true));
    if (h->unreachable)
        dict_set(v.u.dict, "unreachable", value_bool(true));
    if (left && left->u.list->len)
        dict_set(v.u.dict, "handlers", value_copy(a, left));
    return v;
}

void run_outcome(struct run *r, struct arena *a, struct dict *ret)
{
    for (size_t i = 0; i < r->n_hosts; i++) {
        const struct rhost *h = r->hosts[i];
        const struct host_stats *s = &h->stats;
        if (h->failed || h->unreachable || s->ok || s->skipped || s->failed || s->rescued ||
            s->unknown)
            dict_set(ret, h->name, outcome_of(r, h, a));
    }
}
