// setup: facts about the host, chosen by gather_subset and filter.
#include "node/facts/facts.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/text.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

typedef void collect_fn(struct facts *f);

// Collectors in the order they run: one comes behind those it needs. gather_subset takes a
// collector's name or one of its facts'.
static const struct collector {
    const char *name;
    collect_fn *collect;
    const char *facts; // names that also choose it, separated by a blank
    const char *needs;
    const char *prefix; // of the facts; NULL: "ansible_"
    bool minimal;       // part of the subset "min"
} collectors[] = {
    {"platform", facts_platform,
     "system kernel kernel_version machine python_version architecture machine_id", "", NULL, true},
    {"distribution", facts_distribution,
     "distribution_version distribution_release distribution_major_version os_family", "", NULL,
     true},
    {"lsb", facts_lsb, "", "", NULL, true},
    {"selinux", facts_selinux, "", "", NULL, true},
    {"apparmor", facts_apparmor, "", "", NULL, true},
    {"chroot", facts_chroot, "is_chroot", "", NULL, false},
    {"fips", facts_fips, "", "", NULL, true},
    {"python", facts_python, "", "", NULL, true},
    {"caps", facts_caps, "system_capabilities system_capabilities_enforced", "", NULL, true},
    {"pkg_mgr", facts_pkg_mgr, "", "distribution", NULL, true},
    {"service_mgr", facts_service_mgr, "", "platform distribution", NULL, true},
    {"cmdline", facts_cmdline, "", "", NULL, true},
    {"date_time", facts_date_time, "", "", NULL, true},
    {"env", facts_env, "", "", NULL, true},
    {"loadavg", facts_loadavg, "", "", NULL, false},
    {"ssh_pub_keys", facts_ssh_pub_keys,
     "ssh_host_pub_keys ssh_host_key_dsa_public ssh_host_key_rsa_public ssh_host_key_ecdsa_public "
     "ssh_host_key_ed25519_public",
     "", NULL, true},
    {"user", facts_user,
     "user_id user_uid user_gid user_gecos user_dir user_shell real_user_id effective_user_id "
     "effective_group_ids",
     "", NULL, true},
    {"virtual", facts_virtual,
     "virtualization_type virtualization_role virtualization_tech_guest virtualization_tech_host",
     "", NULL, false},
    {"hardware", facts_hardware, "processor processor_cores processor_count mounts devices",
     "platform", NULL, false},
    {"dns", facts_dns, "", "", NULL, true},
    {"fibre_channel_wwn", facts_fibre_channel, "", "", NULL, false},
    {"network", facts_network,
     "interfaces default_ipv4 default_ipv6 all_ipv4_addresses all_ipv6_addresses",
     "platform distribution", NULL, false},
    {"iscsi", facts_iscsi, "", "", NULL, false},
    {"nvme", facts_nvme, "", "", NULL, false},
    {"local", facts_local, "", "", NULL, true},
    {"facter", facts_facter, "", "", "facter_", false},
    {"ohai", facts_ohai, "", "", "ohai_", false},
};
#define COLLECTORS (sizeof(collectors) / sizeof(*collectors))

// Sets or clears each word of a text in a dict used as a set.
static void set_words(struct arena *a, struct dict *set, const char *words, bool on)
{
    for (char *w, *c = arena_strdup(a, words); (w = text_field(&c));) {
        if (on)
            dict_set(set, w, value_bool(true));
        else
            dict_del(set, w);
    }
}

// Every name of the collectors (and of their facts), in the set.
static void add_all(struct arena *a, struct dict *set)
{
    for (size_t i = 0; i < COLLECTORS; i++) {
        dict_set(set, collectors[i].name, value_bool(true));
        set_words(a, set, collectors[i].facts, true);
    }
}

static void add_minimal(struct dict *set)
{
    for (size_t i = 0; i < COLLECTORS; i++)
        if (collectors[i].minimal)
            dict_set(set, collectors[i].name, value_bool(true));
}

static const struct collector *collector_named(const char *name)
{
    for (size_t i = 0; i < COLLECTORS; i++)
        if (strcmp(collectors[i].name, name) == 0)
            return &collectors[i];
    return NULL;
}

static int compare_strings(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int fail_subset(struct module *m, const char *name, const struct dict *valid)
{
    const char **names = arena_array(m->arena, const char *, valid->len);
    size_t n = 0;
    struct dict_entry *e;
    struct value l = value_list(m->arena);
    DICT_EACH(valid, e)
    names[n++] = e->key.u.str.s;
    qsort(names, n, sizeof(*names), compare_strings);
    for (size_t i = 0; i < n; i++)
        list_add(l.u.list, value_cstr(names[i]));
    return module_fail(m,
                       "Bad subset '%s' given to Ansible. gather_subset options allowed: all, %s",
                       name, text_join(m->arena, l.u.list, ", "));
}

// Excludes one name ("!" already taken off), with all that belongs to it.
static void exclude(struct arena *a, struct dict *excluded, const char *name)
{
    const struct collector *c = collector_named(name);
    if (strcmp(name, "min") == 0) {
        add_minimal(excluded);
        return;
    }
    if (strcmp(name, "all") == 0) {
        add_all(a, excluded);
        for (size_t i = 0; i < COLLECTORS; i++)
            if (collectors[i].minimal)
                dict_del(excluded, collectors[i].name);
        return;
    }
    if (c)
        set_words(a, excluded, c->facts, true);
    dict_set(excluded, name, value_bool(true));
}

// Works gather_subset out to the set of names of collectors and facts.
static int choose(struct module *m, const struct list *subset, struct dict *chosen)
{
    struct arena *a = m->arena;
    struct dict *valid = value_dict(a).u.dict, *excluded = value_dict(a).u.dict;
    struct dict *named = value_dict(a).u.dict;
    add_all(a, valid);
    add_minimal(chosen);
    for (size_t i = 0; i < subset->len; i++) {
        const char *name = value_to_cstr(a, &subset->items[i]);
        if (strcmp(name, "min") == 0) {
            add_minimal(chosen);
        } else if (strcmp(name, "all") == 0) {
            add_all(a, chosen);
        } else if (*name == '!') {
            exclude(a, excluded, name + 1);
        } else {
            if (!dict_get(valid, name))
                return fail_subset(m, name, valid);
            dict_set(named, name, value_bool(true));
            dict_set(chosen, name, value_bool(true));
        }
    }
    struct dict_entry *e;
    DICT_EACH(excluded, e)
    if (!dict_getv(named, &e->key))
        dict_delv(chosen, &e->key);
    return 0;
}

static bool is_chosen(struct arena *a, const struct collector *c, const struct dict *chosen)
{
    if (dict_get(chosen, c->name))
        return true;
    for (char *w, *words = arena_strdup(a, c->facts); (w = text_field(&words));)
        if (dict_get(chosen, w))
            return true;
    return false;
}

// Adds what chosen collectors need; one pass is enough, since what is needed needs nothing itself.
static void add_needs(struct arena *a, struct dict *chosen)
{
    for (size_t i = 0; i < COLLECTORS; i++)
        if (is_chosen(a, &collectors[i], chosen))
            set_words(a, chosen, collectors[i].needs, true);
}

static bool filter_takes(struct arena *a, const struct list *filter, const char *name)
{
    if (!filter || filter->len == 0)
        return true;
    for (size_t i = 0; i < filter->len; i++) {
        const char *pattern = value_to_cstr(a, &filter->items[i]);
        if (!*pattern || fnmatch(pattern, name, FNM_NOESCAPE) == 0)
            return true;
        if (text_after(pattern, "ansible_") || text_after(pattern, "facter") ||
            text_after(pattern, "ohai"))
            continue;
        if (fnmatch(arena_printf(a, "ansible_%s", pattern), name, FNM_NOESCAPE) == 0)
            return true;
    }
    return false;
}

// Moves the facts of one collector to the result, with their prefix.
static void publish(struct module *m, const struct facts *f, const char *prefix, struct dict *out)
{
    const struct list *filter = module_list(m, "filter");
    struct dict_entry *e;
    DICT_EACH(f->out, e)
    {
        char *name = arena_printf(m->arena, "%s%s", prefix, e->key.u.str.s);
        for (char *c = name; *c && *prefix; c++)
            if (*c == '-')
                *c = '_';
        if (filter_takes(m->arena, filter, name))
            dict_set(out, name, e->val);
    }
}

int mod_setup(struct module *m)
{
    struct value all = value_dict(m->arena), shown = value_dict(m->arena);
    struct dict *chosen = value_dict(m->arena).u.dict;
    struct value everything = value_list(m->arena);
    list_add(everything.u.list, value_cstr("all"));
    const struct list *subset = module_list(m, "gather_subset");
    if (!subset || subset->len == 0)
        subset = everything.u.list;
    if (choose(m, subset, chosen) != 0)
        return ERR_FAILED;
    add_needs(m->arena, chosen);
    struct facts f = {.a = m->arena,
                      .all = all.u.dict,
                      .module = m,
                      .root = "",
                      .fact_path = module_str(m, "fact_path"),
                      .timeout_s = (int)module_int(m, "gather_timeout", 10)};
    for (size_t i = 0; i < COLLECTORS; i++) {
        const struct collector *c = &collectors[i];
        if (!is_chosen(m->arena, c, chosen))
            continue;
        f.out = value_dict(m->arena).u.dict;
        c->collect(&f);
        if (!c->prefix)
            dict_update(f.all, f.out);
        publish(m, &f, c->prefix ? c->prefix : "ansible_", shown.u.dict);
    }
    f.out = value_dict(m->arena).u.dict;
    struct value given = value_list(m->arena);
    for (size_t i = 0; i < subset->len; i++)
        list_add(given.u.list, subset->items[i]);
    dict_set(f.out, "gather_subset", given);
    dict_set(f.out, "module_setup", value_bool(true));
    publish(m, &f, "", shown.u.dict);
    module_set(m, "ansible_facts", shown);
    module_changed(m, false);
    return 0;
}
