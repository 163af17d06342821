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
    p->has_vars = -1;
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
    p->has_vars = -1;
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

// One request with one value.
static int request(struct plugins *p, struct arena *a, const char *op, const char *what,
                   const struct value *v, struct value *ret, struct err *e)
{
    struct buf b = BUF_INIT;
    buf_addf(&b, "\"op\":\"%s\",\"request\":", op);
    codec_write(&b, a, v);
    int rc = process_request(p, a, buf_str(&b), NULL, what, ret, e);
    buf_release(&b);
    return rc;
}

// Is there a plugin file in the folders of that name, or the configured ones?
static bool any_file(struct plugins *p, const char *sub, enum config_id paths)
{
    const struct list *dirs = config_list(p->o.config, paths);
    for (size_t i = 0; i < p->folders.n; i++)
        if (plugins_first(p, path_join(p->arena, p->folders.items[i], sub)))
            return true;
    for (size_t i = 0; i < dirs->len; i++)
        if (plugins_first(p, dirs->items[i].u.str.s))
            return true;
    return false;
}

static bool is_own_vars(const struct value *name)
{
    return value_eqs(name, "host_group_vars") || value_eqs(name, "ansible.builtin.host_group_vars");
}

bool plugins_has_vars(struct plugins *p)
{
    const struct list *names = config_list(p->o.config, CONFIG_VARS_ENABLED);
    if (p->has_vars >= 0)
        return p->has_vars;
    bool found = false;
    for (size_t i = 0; i < names->len && !found; i++)
        found = !is_own_vars(&names->items[i]);
    p->has_vars = found || any_file(p, "vars_plugins", CONFIG_VARS_PLUGINS);
    return p->has_vars;
}

static void count_each(struct plugins *p, const char *kind, const struct value *names,
                       double seconds)
{
    for (size_t i = 0; names && names->type == VALUE_LIST && i < names->u.list->len; i++)
        plugins_count(p, kind, value_to_cstr(p->arena, &names->u.list->items[i]),
                      seconds / (double)names->u.list->len);
}

int plugins_vars(struct plugins *p, struct arena *a, const char *path, bool playbook,
                 const struct value *entity, struct value *ret, struct err *e)
{
    struct value v = value_dict(a);
    int64_t start = clock_mono_ms();
    dict_set(v.u.dict, "path", value_cstr(absolute(p, path)));
    dict_set(v.u.dict, "playbook", value_bool(playbook));
    dict_set(v.u.dict, "entity", *entity);
    int rc = request(p, a, "vars", "vars plugins", &v, ret, e);
    if (rc == 0 && ret->type != VALUE_DICT)
        rc = err_set(e, ERR_FAILED, POS_NONE, "vars plugins gave no dictionary");
    if (rc == 0)
        count_each(p, "vars", dict_get(ret->u.dict, "ran"),
                   (double)(clock_mono_ms() - start) / 1000.0);
    return rc;
}

bool plugins_has_callbacks(struct plugins *p)
{
    return config_list(p->o.config, CONFIG_CALLBACKS_ENABLED)->len ||
           any_file(p, "callback_plugins", CONFIG_CALLBACK_PLUGINS);
}

int plugins_callbacks(struct plugins *p, const struct value *opts, struct err *e)
{
    struct arena *a = arena_new();
    struct value v;
    int rc = request(p, a, "callbacks", "callback plugins", opts, &v, e);
    if (rc == 0)
        rc = v.type == VALUE_LIST ? (int)v.u.list->len : 0;
    arena_free(a);
    return rc;
}

int plugins_tell(struct plugins *p, const struct value *event, struct err *e)
{
    struct arena *a = arena_new();
    struct value v;
    int rc = request(p, a, "callback", "callback plugins", event, &v, e);
    for (size_t i = 0; rc == 0 && v.type == VALUE_LIST && i < v.u.list->len; i++) {
        const struct value *one = &v.u.list->items[i];
        if (one->type == VALUE_LIST && one->u.list->len == 2 &&
            one->u.list->items[1].type == VALUE_FLOAT)
            plugins_count(p, "callback", value_to_cstr(a, &one->u.list->items[0]),
                          one->u.list->items[1].u.f);
    }
    arena_free(a);
    return rc;
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
