// Variables set while running. Values set together share an arena, which is freed when the last of
// them has been overwritten and no host is inside a task any more (arguments under way may refer to
// it).
#include "run/internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct holder {
    struct arena *arena;
    size_t refs;
};

void store_init(struct store *s)
{
    s->arena = arena_new();
    s->d = value_dict(s->arena).u.dict;
    s->holders = value_dict(s->arena).u.dict;
    s->changes++;
}

static struct holder *holder_of(const struct value *v)
{
    return (struct holder *)(uintptr_t)v->u.i;
}

// Drops one value's hold; the arena goes to r's retired ones, or at once without r.
static void drop(struct run *r, struct holder *h)
{
    if (--h->refs)
        return;
    if (r)
        run_retire(r, h->arena);
    else
        arena_free(h->arena);
    free(h);
}

static void drop_all(struct run *r, struct store *s)
{
    struct dict_entry *it;
    DICT_EACH(s->holders, it)
    drop(r, holder_of(&it->val));
}

void store_release(struct store *s)
{
    if (!s->arena)
        return;
    drop_all(NULL, s);
    arena_free(s->arena);
    *s = (struct store){0};
}

void run_retire(struct run *r, struct arena *a)
{
    if (r->n_retired == r->cap_retired) {
        r->cap_retired = r->cap_retired ? r->cap_retired * 2 : 64;
        r->retired = xrealloc(r->retired, r->cap_retired * sizeof(struct arena *));
    }
    r->retired[r->n_retired++] = a;
}

void run_free_retired(struct run *r)
{
    if (r->executing)
        return;
    for (size_t i = 0; i < r->n_retired; i++)
        arena_free(r->retired[i]);
    r->n_retired = 0;
}

static void set_held(struct run *r, struct store *s, const char *name, struct value copy,
                     struct holder *h)
{
    struct value *old = dict_get(s->holders, name), hold = value_int((int64_t)(uintptr_t)h);
    h->refs++;
    s->changes++;
    if (old) {
        drop(r, holder_of(old));
        dict_set(s->d, name, copy);
        *old = hold;
    } else {
        struct value key = value_strn(s->arena, name, strlen(name));
        dict_setv(s->d, key, copy);
        dict_setv(s->holders, key, hold);
    }
}

void store_set(struct run *r, struct store *s, const char *name, const struct value *v)
{
    struct holder *h = xcalloc(1, sizeof *h);
    h->arena = arena_new();
    set_held(r, s, name, value_copy(h->arena, v), h);
}

void store_set_all(struct run *r, struct store *s, const struct dict *d)
{
    struct dict_entry *it;
    if (!d->len)
        return;
    struct holder *h = xcalloc(1, sizeof *h);
    h->arena = arena_new();
    if (!s->d->len) { // facts, mostly
        dict_reserve(s->d, d->len);
        dict_reserve(s->holders, d->len);
    }
    DICT_EACH(d, it)
    if (it->key.type == VALUE_STRING)
        set_held(r, s, it->key.u.str.s, value_copy(h->arena, &it->val), h);
}

void store_clear(struct run *r, struct store *s)
{
    drop_all(r, s);
    run_retire(r, s->arena);
    store_init(s);
}
