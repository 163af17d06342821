// Full names of actions, and action groups: what "group/NAME" in module_defaults stands for.
#include "plugin/internal.h"
#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

#define MAX_REDIRECTS 10
#define BUILTIN "ansible.builtin"
#define LEGACY "ansible.legacy"

// --- full names
// -------------------------------------------------------------------------------------------------

static const char *resolve(struct plugins *p, const char *name, const struct list *collections,
                           int depth);

// Where plugin_routing sends an action of a collection, or NULL.
static const char *redirected(struct plugins *p, const char *collection, size_t len,
                              const char *name)
{
    const char *to = routed(p, collection, len, "action", name);
    return to ? to : routed(p, collection, len, "modules", name);
}

static const char *full_name(struct plugins *p, const char *collection, const char *name, int depth)
{
    const char *to = redirected(p, collection, strlen(collection), name),
               *full = arena_printf(p->arena, "%s.%s", collection, name);
    if (to && depth < MAX_REDIRECTS)
        return resolve(p, to, NULL, depth + 1);
    // what andon has itself has one name, whatever is installed
    const struct module_spec *spec = spec_find(full);
    if (!spec || !spec->collections)
        return full;
    return arena_printf(p->arena, "%.*s.%s", (int)strcspn(spec->collections, "|"),
                        spec->collections, spec->name);
}

static bool has_action(struct plugins *p, const char *collection, const char *name)
{
    size_t len = strlen(collection);
    if (spec_find(arena_printf(p->arena, "%s.%s", collection, name)))
        return true;
    const char *dir = collection_dir(p, collection, len);
    return dir && (redirected(p, collection, len, name) ||
                   collection_file(p, dir, "action", name, false) ||
                   collection_file(p, dir, "modules", name, true));
}

static const char *resolve_short(struct plugins *p, const char *name,
                                 const struct list *collections, int depth)
{
    for (size_t i = 0; collections && i < collections->len; i++) {
        const char *c = value_to_cstr(p->arena, &collections->items[i]);
        if (strcmp(c, BUILTIN) != 0 && strcmp(c, LEGACY) != 0 && has_action(p, c, name))
            return full_name(p, c, name, depth);
    }
    if (local_file(p, "action_plugins", CONFIG_ACTION_PLUGINS, name, false) ||
        local_file(p, "library", CONFIG_LIBRARY, name, true))
        return arena_printf(p->arena, LEGACY ".%s", name);
    return full_name(p, BUILTIN, name, depth);
}

static const char *resolve(struct plugins *p, const char *name, const struct list *collections,
                           int depth)
{
    size_t len = collection_of(name);
    if (!len)
        return resolve_short(p, name, collections, depth);
    if (len == strlen(LEGACY) && strncmp(name, LEGACY, len) == 0)
        return resolve_short(p, name + len + 1, NULL, depth);
    return full_name(p, arena_strndup(p->arena, name, len), name + len + 1, depth);
}

const char *plugins_resolve(struct plugins *p, const char *name, const struct list *collections)
{
    struct buf key = BUF_INIT;
    buf_adds(&key, name);
    for (size_t i = 0; collections && i < collections->len; i++)
        buf_addf(&key, " %s", value_to_cstr(p->arena, &collections->items[i]));
    const struct value *known = dict_get(p->resolved, buf_str(&key));
    const char *full = known ? known->u.str.s : resolve(p, name, collections, 0);
    if (!known)
        dict_set(p->resolved, buf_str(&key), value_cstr(full));
    buf_release(&key);
    return full;
}

// --- groups
// -------------------------------------------------------------------------------------------------

static void warn(struct plugins *p, const char *group, const char *what)
{
    if (p->o.warn)
        p->o.warn(p->o.data, arena_printf(p->arena,
                                          "Invalid metadata was found for action_group %s while "
                                          "loading module_defaults. %s",
                                          group, what));
}

// The one entry of a group that is about the group itself: a mapping with the key metadata.
static const struct value *group_metadata(const struct list *entries, size_t *ret_n)
{
    const struct value *found = NULL;
    *ret_n = 0;
    for (size_t i = 0; i < entries->len; i++)
        if (entries->items[i].type == VALUE_DICT && ++*ret_n == 1)
            found = &entries->items[i];
    return found;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

// The keys of d in alphabetical order, all but one.
static const char *keys_of(struct plugins *p, const struct dict *d, const char *without)
{
    struct buf b = BUF_INIT;
    struct dict_entry *it;
    const char **keys = arena_array(p->arena, const char *, d->len + 1);
    size_t n = 0;
    DICT_EACH(d, it)
    {
        keys[n++] = value_to_cstr(p->arena, &it->key);
    }
    qsort(keys, n, sizeof *keys, by_text);
    for (size_t i = 0; i < n; i++)
        if (!without || strcmp(keys[i], without) != 0)
            buf_addf(&b, "%s%s", b.len ? ", " : "", keys[i]);
    const char *s = arena_strdup(p->arena, buf_str(&b));
    buf_release(&b);
    return s;
}

// Says what is wrong with a group's metadata, each kind of mistake in a sentence.
static void check_metadata(struct plugins *p, const char *group, const struct value *entry,
                           size_t n)
{
    struct arena *a = p->arena;
    struct buf b = BUF_INIT;
    const struct value *about = dict_get(entry->u.dict, "metadata");
    if (n > 1)
        buf_adds(&b, "The group contains multiple metadata entries.");
    if (entry->u.dict->len != 1 || !about)
        buf_addf(&b, "%sThe only expected key is metadata, but got keys: %s", b.len ? " " : "",
                 keys_of(p, entry->u.dict, NULL));
    if (about && about->type != VALUE_DICT) {
        buf_addf(&b, "%sThe metadata is not a dictionary. Got %s", b.len ? " " : "",
                 value_to_cstr(a, about));
    } else if (about) {
        const struct value *extends = dict_get(about->u.dict, "extend_group");
        const char *unknown = keys_of(p, about->u.dict, "extend_group");
        if (*unknown)
            buf_addf(&b, "%sThe metadata contains unexpected keys: %s", b.len ? " " : "", unknown);
        if (extends && extends->type != VALUE_LIST && extends->type != VALUE_STRING)
            buf_addf(&b,
                     "%sThe metadata contains unexpected key types: extend_group is %s (expected "
                     "type list)",
                     b.len ? " " : "", value_to_cstr(a, extends));
    }
    if (b.len)
        warn(p, group, buf_str(&b));
    buf_release(&b);
}

static int add_group(struct plugins *p, const char *group, struct dict *names, int depth,
                     struct err *e);

static void extend(struct plugins *p, const char *collection, const struct value *entry,
                   struct dict *names, int depth)
{
    const struct value *about = dict_get(entry->u.dict, "metadata");
    const struct value *extends =
        about && about->type == VALUE_DICT ? dict_get(about->u.dict, "extend_group") : NULL;
    size_t n = !extends                        ? 0
               : extends->type == VALUE_STRING ? 1
               : extends->type == VALUE_LIST   ? extends->u.list->len
                                               : 0;
    for (size_t i = 0; i < n; i++) {
        const struct value *one =
            extends->type == VALUE_LIST ? &extends->u.list->items[i] : extends;
        const char *name = value_to_cstr(p->arena, one);
        if (!collection_of(name))
            name = arena_printf(p->arena, "%s.%s", collection, name);
        struct err none = ERR_INIT; // what is extended may be of a collection that is not there
        if (add_group(p, name, names, depth + 1, &none) < 0)
            err_release(&none);
    }
}

// Adds the full names of a group's actions to names.
static int add_group(struct plugins *p, const char *group, struct dict *names, int depth,
                     struct err *e)
{
    size_t len = collection_of(group);
    const char *collection = len ? arena_strndup(p->arena, group, len) : BUILTIN;
    const char *name = len ? group + len + 1 : group;
    if (strcmp(collection, LEGACY) == 0)
        collection = BUILTIN;
    const struct dict *all = runtime_section(p, collection, strlen(collection), "action_groups");
    const struct value *entries = all ? dict_get(all, name) : NULL;
    if (!entries && all)
        entries = dict_get(all, arena_printf(p->arena, "%s.%s", collection, name));
    if (!entries || entries->type != VALUE_LIST)
        return err_set(e, ERR_INVALID, POS_NONE,
                       "Error loading module_defaults: could not resolve the module_defaults group "
                       "%s.%s",
                       collection, name);
    const char *key = arena_printf(p->arena, "group/%s.%s", collection, name);
    if (dict_get(names, key) || depth > MAX_REDIRECTS)
        return 0; // groups may extend each other
    dict_set(names, key, value_bool(true));
    for (size_t i = 0; i < entries->u.list->len; i++) {
        const struct value *v = &entries->u.list->items[i];
        if (v->type != VALUE_STRING)
            continue;
        const char *action = collection_of(v->u.str.s)
                                 ? v->u.str.s
                                 : arena_printf(p->arena, "%s.%s", collection, v->u.str.s);
        dict_set(names, resolve(p, action, NULL, 0), value_bool(true));
    }
    size_t n;
    const struct value *about = group_metadata(entries->u.list, &n);
    if (!about)
        return 0;
    if (config_bool(p->o.config, CONFIG_VALIDATE_ACTION_GROUPS))
        check_metadata(p, arena_printf(p->arena, "%s.%s", collection, name), about, n);
    extend(p, collection, about, names, depth);
    return 0;
}

int plugins_in_group(struct plugins *p, const char *group, const char *action, struct err *e)
{
    const struct value *known = dict_get(p->groups, group);
    if (!known) {
        struct value names = value_dict(p->arena);
        int rc = add_group(p, group, names.u.dict, 0, e);
        if (rc < 0)
            return rc;
        dict_set(p->groups, group, names);
        known = dict_get(p->groups, group);
    }
    return dict_get(known->u.dict, action) != NULL;
}
