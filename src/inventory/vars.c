// Variables of hosts: group_vars and host_vars files, the levels of precedence, and the merged
// result. What hosts in the same groups have in common is merged once and shared.
#include "inventory/model.h"

#include "core/file.h"
#include "inventory/address.h"
#include "inventory/source.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FOLDER_DEPTH 20

// --- files
// ---------------------------------------------------------------------------------------------------

// The names in a folder as a dict, or NULL when it is no folder. Each folder is read once.
static const struct dict *folder(struct inventory *inv, const char *path)
{
    const struct value *known = dict_get(inv->folders, path);
    if (known)
        return value_is(known, VALUE_DICT) ? known->u.dict : NULL;
    struct value names = value_null();
    struct stat st;
    DIR *dir = opendir(path);
    if (dir) {
        names = value_dict(inv->a);
        for (struct dirent *d; (d = readdir(dir));)
            dict_set(names.u.dict, d->d_name, value_bool(true));
        closedir(dir);
    } else if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
        model_warn(inv, (struct pos){.file = src_file(path)},
                   "%s is skipped, because it is not a folder", path);
    }
    dict_set(inv->folders, path, names);
    return dir ? names.u.dict : NULL;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
    return strcmp((*x)->d_name, (*y)->d_name);
}

// Variable files in a folder and those below it, in the order of their names.
static void find_in_folder(struct inventory *inv, const char *path, int depth, struct ptrs *out)
{
    struct dirent **entries;
    int n = depth < MAX_FOLDER_DEPTH ? scandir(path, &entries, NULL, by_name) : 0;
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name, *dot = strrchr(name, '.');
        if (name[0] != '.' && name[strlen(name) - 1] != '~') {
            char *full = path_join(inv->a, path, name);
            bool dir = is_folder(full);
            if (dir && !dot)
                find_in_folder(inv, full, depth + 1, out);
            else if (!dir && source_has_extension(inv, full, true))
                ptrs_add(inv->a, out, full);
        }
        free(entries[i]);
    }
    if (n > 0)
        free(entries);
}

// The files with the variables of one group or host in base/subdir.
static void find_files(struct inventory *inv, const char *base, const char *subdir,
                       const char *name, struct ptrs *out)
{
    const char *dir = path_join(inv->a, base, subdir);
    const struct dict *names = folder(inv, dir);
    const struct list *ext = config_list(inv->opts.config, CONFIG_YAML_EXTENSIONS);
    if (!names || name[0] == '/')
        return;
    for (size_t i = 0; i <= ext->len; i++) {
        const char *file =
            i == 0 ? name : arena_printf(inv->a, "%s%s", name, ext->items[i - 1].u.str.s);
        char *full = path_join(inv->a, dir, file);
        if (strchr(file, '/') ? access(full, F_OK) != 0 : !dict_get(names, file))
            continue;
        if (is_folder(full))
            find_in_folder(inv, full, 0, out);
        else
            ptrs_add(inv->a, out, full);
        return;
    }
}

// What a variable file holds: a dict, or null when it is empty. Each file is read once.
static int load_file(struct inventory *inv, const char *path, struct value *ret, struct err *e)
{
    const struct value *known = dict_get(inv->files, path);
    if (known) {
        *ret = *known;
        return 0;
    }
    struct yaml_opts opts = source_yaml_opts(inv);
    struct value v;
    int rc = yaml_load_file(inv->a, path, &opts, &v, e);
    if (rc < 0)
        return rc;
    if (!value_truthy(&v))
        v = value_null();
    else if (!value_is(&v, VALUE_DICT))
        return err_set(e, ERR_PARSE,
                       value_pos(&v).line ? value_pos(&v) : (struct pos){src_file(path), 1, 1},
                       "a file of variables must be a mapping, not a %s: write \"name: value\"",
                       value_type_name(&v));
    dict_set(inv->files, path, v);
    *ret = v;
    return 0;
}

// What plugins give of one entity in one place; NULL members: nothing.
struct from_plugins {
    const struct dict *before, *after; // those that stand before the files, or after them
};

static const struct dict *dict_member(const struct value *v, const char *key)
{
    const struct value *d = dict_get(v->u.dict, key);
    return value_is(d, VALUE_DICT) ? d->u.dict : NULL;
}

static struct value entity_value(struct inventory *inv, const char *kind, const char *name,
                                 struct dict *vars)
{
    struct value v = value_dict(inv->a), of = {.type = VALUE_DICT, .u.dict = vars};
    dict_set(v.u.dict, "kind", value_cstr(kind));
    dict_set(v.u.dict, "name", value_cstr(name));
    dict_set(v.u.dict, "vars", of);
    return v;
}

static struct value host_entity(struct inventory *inv, const struct host *h)
{
    struct value v = entity_value(inv, "host", h->name, h->vars);
    dict_set(v.u.dict, "groups", host_group_names(h, inv->a));
    return v;
}

static struct value group_entity(struct inventory *inv, struct group *g)
{
    struct value v = entity_value(inv, "group", g->name, g->vars), names = value_list(inv->a);
    struct inventory_hosts hosts = group_hosts(inv, g);
    for (size_t i = 0; i < hosts.len; i++)
        list_add(names.u.list, value_cstr(hosts.hosts[i]->name));
    dict_set(v.u.dict, "hosts", names);
    return v;
}

static int ask_plugins(struct inventory *inv, const char *base, bool playbook, const struct host *h,
                       struct group *g, struct from_plugins *ret, struct err *e)
{
    struct value v, entity;
    if (!inv->opts.vars)
        return 0;
    entity = g ? group_entity(inv, g) : host_entity(inv, h);
    int rc = inv->opts.vars(inv->opts.plugins_data, inv->a, base, playbook, &entity, &v, e);
    if (rc > 0)
        *ret = (struct from_plugins){dict_member(&v, "before"), dict_member(&v, "after")};
    return rc < 0 ? rc : 0;
}

// Adds to d the files of one entity in one place.
static int add_files(struct inventory *inv, const char *base, const char *subdir, const char *name,
                     struct dict *d, struct err *e)
{
    struct ptrs files = {0};
    find_files(inv, base, subdir, name, &files);
    for (size_t i = 0; i < files.len; i++) {
        struct value v = value_null();
        int rc = load_file(inv, files.items[i], &v, e);
        if (rc < 0)
            return rc;
        if (value_is(&v, VALUE_DICT))
            inventory_combine(d, v.u.dict, inv->merge);
    }
    return 0;
}

// The folder beside which an inventory source has its variable files, or NULL.
static const char *source_base(struct inventory *inv, const char *source)
{
    if (is_folder(source))
        return source;
    return strchr(source, ',') && access(source, F_OK) != 0 ? NULL : path_dir(inv->a, source);
}

// --- levels
// --------------------------------------------------------------------------------------------------

static int by_merge_order(const void *x, const void *y)
{
    const struct group *a = *(struct group *const *)x, *b = *(struct group *const *)y;
    if (a->depth != b->depth)
        return a->depth < b->depth ? -1 : 1;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return strcmp(a->name, b->name);
}

// The host's groups but all, those merged first coming first.
static struct ptrs sorted_groups(struct inventory *inv, const struct host *h)
{
    struct ptrs groups = {0};
    for (size_t i = 0; i < h->n_groups; i++)
        if (h->groups[i] != inv->all)
            ptrs_add(inv->a, &groups, h->groups[i]);
    if (groups.len)
        qsort(groups.items, groups.len, sizeof(groups.items[0]), by_merge_order);
    return groups;
}

static void add_host_inventory(struct inventory *inv, const struct host *h, struct dict *d)
{
    const struct host_state *s = h->state;
    if (!h->implicit) {
        dict_set(d, "inventory_file", s->source ? value_cstr(s->source) : value_null());
        dict_set(d, "inventory_dir", s->source_dir ? value_cstr(s->source_dir) : value_null());
    }
    inventory_combine(d, h->vars, inv->merge);
    const char *dot = address_is_ip(h->name) ? NULL : strchr(h->name, '.');
    size_t len = dot ? (size_t)(dot - h->name) : strlen(h->name);
    dict_set(d, "inventory_hostname", value_cstr(h->name));
    dict_set(d, "inventory_hostname_short", value_strn(d->arena, h->name, len));
    dict_set(d, "group_names", host_group_names(h, d->arena));
}

// Adds one level to d. groups are the host's groups in merge order.
static int add_level(struct inventory *inv, const struct host *h, const struct ptrs *groups,
                     const char *basedir, enum inventory_level level, struct dict *d, struct err *e)
{
    struct group *all[] = {inv->all};
    struct ptrs just_all = {(void **)all, 1, 1};
    bool of_all = level <= LEVEL_ALL_PLAYBOOK, of_host = level >= LEVEL_HOST_INVENTORY;
    const struct ptrs *entities = of_all ? &just_all : groups;
    const char *subdir = of_host ? "host_vars" : "group_vars";
    size_t n = of_host ? 1 : entities->len;
    if (level == LEVEL_HOST_INVENTORY) {
        add_host_inventory(inv, h, d);
        return 0;
    }
    if (level == LEVEL_ALL_INVENTORY || level == LEVEL_GROUPS_INVENTORY) {
        for (size_t i = 0; i < n; i++)
            inventory_combine(d, ((struct group *)entities->items[i])->vars, inv->merge);
        return 0;
    }
    bool playbook = level == LEVEL_ALL_PLAYBOOK || level == LEVEL_GROUPS_PLAYBOOK ||
                    level == LEVEL_HOST_PLAYBOOK;
    size_t places = playbook ? basedir != NULL : inv->sources.len;
    for (size_t p = 0; p < places; p++) {
        const char *base = playbook ? basedir : source_base(inv, inv->sources.items[p]);
        for (size_t i = 0; base && i < n; i++) {
            struct group *g = of_host ? NULL : entities->items[i];
            struct from_plugins more = {0};
            int rc = ask_plugins(inv, base, playbook, g ? NULL : h, g, &more, e);
            if (more.before)
                inventory_combine(d, more.before, inv->merge);
            if (rc == 0)
                rc = add_files(inv, base, subdir, g ? g->name : h->name, d, e);
            if (rc < 0)
                return rc;
            if (more.after)
                inventory_combine(d, more.after, inv->merge);
        }
    }
    return 0;
}

int inventory_level_vars(struct inventory *inv, struct host *h, const char *basedir,
                         enum inventory_level level, struct arena *a, struct dict **ret,
                         struct err *e)
{
    struct dict *d = value_dict(a).u.dict;
    struct ptrs groups = sorted_groups(inv, h);
    int rc = add_level(inv, h, &groups, basedir, level, d, e);
    if (rc == 0)
        *ret = d;
    return rc;
}

// --- the two layers
// ------------------------------------------------------------------------------------------

static const struct {
    const char *name; // in the setting `precedence`
    enum inventory_level level;
} precedence[] = {
    {"all_inventory", LEVEL_ALL_INVENTORY},
    {"groups_inventory", LEVEL_GROUPS_INVENTORY},
    {"all_plugins_inventory", LEVEL_ALL_FILES},
    {"all_plugins_play", LEVEL_ALL_PLAYBOOK},
    {"groups_plugins_inventory", LEVEL_GROUPS_FILES},
    {"groups_plugins_play", LEVEL_GROUPS_PLAYBOOK},
};

static int merge_shared(struct inventory *inv, const struct host *h, const struct ptrs *groups,
                        const char *basedir, struct dict *d, struct err *e)
{
    const struct list *order = config_list(inv->opts.config, CONFIG_PRECEDENCE);
    for (size_t i = 0; i < order->len; i++) {
        size_t k = 0, n = sizeof(precedence) / sizeof(precedence[0]);
        while (k < n && !value_eqs(&order->items[i], precedence[k].name))
            k++;
        if (k == n) {
            model_warn(inv, POS_NONE, "Ignoring unknown variable precedence entry: %s",
                       order->items[i].u.str.s);
            continue;
        }
        int rc = add_level(inv, h, groups, basedir, precedence[k].level, d, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

// The merged variables of a set of groups: made once for all hosts that are in just these.
static int shared_vars(struct inventory *inv, struct host *h, const char *basedir,
                       const struct dict **ret, struct err *e)
{
    struct ptrs groups = sorted_groups(inv, h);
    struct buf key = BUF_INIT;
    buf_adds(&key, basedir ? basedir : "");
    for (size_t i = 0; i < groups.len; i++)
        buf_addf(&key, "\n%s", ((struct group *)groups.items[i])->name);
    const struct value *known = dict_getn(inv->shared, buf_str(&key), key.len);
    int rc = 0;
    if (known) {
        *ret = known->u.dict;
    } else {
        struct value v = value_dict(inv->a);
        rc = merge_shared(inv, h, &groups, basedir, v.u.dict, e);
        if (rc == 0) {
            dict_set(inv->shared, buf_str(&key), v);
            *ret = v.u.dict;
        }
    }
    buf_release(&key);
    return rc;
}

static int own_vars(struct inventory *inv, struct host *h, const char *basedir,
                    const struct dict *shared, struct dict **ret, struct err *e)
{
    struct dict *d = value_dict(inv->a).u.dict;
    if (inv->merge) // dicts of both layers melt into one
        dict_update(d, shared);
    for (int level = LEVEL_HOST_INVENTORY; level < LEVEL_COUNT; level++) {
        int rc = add_level(inv, h, NULL, basedir, (enum inventory_level)level, d, e);
        if (rc < 0)
            return rc;
    }
    *ret = d;
    return 0;
}

static bool same(const char *x, const char *y)
{
    return x == y || (x && y && !strcmp(x, y));
}

int inventory_host_layers(struct inventory *inv, struct host *h, const char *basedir,
                          struct inventory_vars *ret, struct err *e)
{
    struct host_state *s = h->state;
    bool fresh = s->own_ready && same(s->basedir, basedir);
    int rc = 0;
    if (inv->shared_gen != inv->vars_gen) {
        inv->shared = value_dict(inv->a).u.dict;
        inv->shared_gen = inv->vars_gen;
    }
    if (!fresh || s->vars_gen != inv->vars_gen) {
        const struct dict *shared;
        s->merged = NULL;
        rc = shared_vars(inv, h, basedir, &shared, e);
        if (rc == 0 && (!fresh || inv->merge))
            rc = own_vars(inv, h, basedir, shared, &s->own, e);
        if (rc < 0)
            return rc;
        s->shared = shared;
        s->vars_gen = inv->vars_gen;
        s->basedir = fresh ? s->basedir : arena_strdup(inv->a, basedir);
        s->own_ready = true;
    }
    *ret = (struct inventory_vars){s->shared, s->own};
    return 0;
}

int inventory_host_vars(struct inventory *inv, struct host *h, const char *basedir,
                        const struct dict **ret, struct err *e)
{
    struct inventory_vars layers;
    int rc = inventory_host_layers(inv, h, basedir, &layers, e);
    if (rc < 0)
        return rc;
    if (!h->state->merged) {
        struct dict *d = value_dict(inv->a).u.dict;
        dict_update(d, layers.shared);
        dict_update(d, layers.own);
        h->state->merged = d;
    }
    *ret = h->state->merged;
    return 0;
}
