// The session's plugins as a whole: making and freeing, folders, what was used.
#include "plugin/plugin.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "plugin/internal.h"

#include <stdlib.h>
#include <string.h>

static struct dict *new_dict(struct plugins *p)
{
    return value_dict(p->arena).u.dict;
}

struct plugins *plugins_new(const struct plugins_opts *opts)
{
    struct plugins *p = xcalloc(1, sizeof *p);
    p->o = *opts;
    p->arena = arena_new();
    p->listings = new_dict(p);
    p->modules = new_dict(p);
    p->known = new_dict(p);
    p->payloads = new_dict(p);
    p->runtimes = new_dict(p);
    p->resolved = new_dict(p);
    p->groups = new_dict(p);
    p->rows = new_dict(p);
    p->texts = new_dict(p);
    return p;
}

void plugins_free(struct plugins *p)
{
    if (!p)
        return;
    process_end(p);
    buf_release(&p->proc.said);
    free(p->uses);
    arena_free(p->arena);
    free(p);
}

// What was not found may be there now, and what was found may be hidden by something nearer.
static void forget(struct plugins *p)
{
    p->modules = new_dict(p);
    p->rows = new_dict(p);
    p->texts = new_dict(p);
    p->runtimes = new_dict(p);
    p->resolved = new_dict(p);
    p->groups = new_dict(p);
}

static const char *absolute(struct plugins *p, const char *dir)
{
    char *real = realpath(dir, NULL);
    const char *s = arena_strdup(p->arena, real ? real : dir);
    free(real);
    return s;
}

void plugins_add_role(struct plugins *p, const char *dir)
{
    size_t before = p->folders.n;
    paths_add(p, &p->folders, absolute(p, dir));
    if (p->folders.n != before)
        forget(p);
}

void plugins_add_playbook(struct plugins *p, const char *dir)
{
    paths_add(p, &p->playbooks, absolute(p, dir));
    plugins_add_role(p, dir);
}

int plugins_inventory(struct plugins *p, struct arena *a, const char *const *sources, size_t n,
                      const struct dict *extra_vars, struct value *ret, struct err *e)
{
    struct value l = value_list(a), extra = {.type = VALUE_DICT};
    struct buf b = BUF_INIT;
    int64_t start = clock_mono_ms();
    for (size_t i = 0; i < n; i++)
        list_add(l.u.list, value_cstr(sources[i]));
    buf_adds(&b, "\"op\":\"inventory\",\"sources\":");
    codec_write(&b, a, &l);
    extra.u.dict = (struct dict *)(uintptr_t)extra_vars;
    buf_adds(&b, ",\"extra\":");
    json_write(&b, &extra, NULL);
    int rc =
        process_request(p, a, buf_str(&b), NULL,
                        arena_printf(a, "the inventory '%s'", n ? sources[n - 1] : ""), ret, e);
    buf_release(&b);
    plugins_count(p, "inventory", n ? path_base(sources[n - 1]) : "",
                  (double)(clock_mono_ms() - start) / 1000.0);
    return rc;
}

void plugins_count(struct plugins *p, const char *kind, const char *name, double seconds)
{
    size_t i = 0;
    while (i < p->n_uses &&
           (strcmp(p->uses[i].kind, kind) != 0 || strcmp(p->uses[i].name, name) != 0))
        i++;
    if (i == p->n_uses) {
        if (p->n_uses == p->cap_uses) {
            p->cap_uses = p->cap_uses ? p->cap_uses * 2 : 16;
            p->uses = xrealloc(p->uses, p->cap_uses * sizeof *p->uses);
        }
        p->uses[p->n_uses++] =
            (struct plugin_use){.kind = kind, .name = arena_strdup(p->arena, name)};
    }
    p->uses[i].count++;
    p->uses[i].seconds += seconds;
}

static int by_cost(const void *x, const void *y)
{
    const struct plugin_use *a = x, *b = y;
    if (a->seconds != b->seconds)
        return a->seconds < b->seconds ? 1 : -1;
    return strcmp(a->name, b->name);
}

size_t plugins_uses(struct plugins *p, const struct plugin_use **ret)
{
    if (p->n_uses)
        qsort(p->uses, p->n_uses, sizeof *p->uses, by_cost);
    *ret = p->uses;
    return p->n_uses;
}
