// Protected hosts by their addresses: what another inventory, or another line of this one, calls by
// another name is the same machine. Addresses are compared as they are written, nothing is looked
// up.
#include "cli/guard.h"

#include "core/file.h"
#include "rollout/policy.h"
#include "template/template.h"

#include <ctype.h>
#include <string.h>

#define ANY_PORT "*"

struct guard_addresses {
    struct dict *at; // "ADDRESS PORT": its index in all
    struct guard_meant *all;
    size_t n, cap;
};

// --- the address of a host
// ------------------------------------------------------------------------------------------

struct variables {
    const struct dict *extra, *host;
};

static int get_var(void *data, struct arena *a, const char *name, struct value *ret, struct err *e)
{
    const struct variables *v = data;
    const struct value *found = v->extra ? dict_get(v->extra, name) : NULL;
    (void)a;
    (void)e;
    if (!found && v->host)
        found = dict_get(v->host, name);
    if (found)
        *ret = *found;
    return found != NULL;
}

// The first of two variables that is set, as text; NULL: neither is, or what it is cannot be known
// before the run.
static const char *var_text(struct session *s, const struct variables *v, const char *name,
                            const char *other)
{
    struct templar t = {.cache = s->cache,
                        .vars = {.get = get_var, .data = (void *)(uintptr_t)v},
                        .paths = {.basedir = "."},
                        .opts = TEMPLATE_OPTS_DEFAULT};
    struct value raw, out;
    if (get_var((void *)(uintptr_t)v, s->arena, name, &raw, NULL) == 0 &&
        (!other || get_var((void *)(uintptr_t)v, s->arena, other, &raw, NULL) == 0))
        return NULL;
    if (template_value(&t, s->arena, &raw, &out, NULL) < 0)
        return "";
    return value_to_cstr(s->arena, &out);
}

// The folder whose group_vars and host_vars count beside those of the inventory.
static const char *basedir(const struct session *s)
{
    bool playbook = (s->command & OPT_RUN) && s->o.args->len;
    return playbook ? path_dir(s->arena, s->o.args->items[0].u.str.s) : NULL;
}

// "Web1.Example.ORG." and "web1.example.org" are one.
static const char *plain(struct arena *a, const char *host)
{
    size_t n = strlen(host);
    bool bracketed = n > 2 && host[0] == '[' && host[n - 1] == ']';
    char *p = arena_strndup(a, host + bracketed, n - (bracketed ? 2 : 0));
    for (char *c = p; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    n = strlen(p);
    if (n > 1 && p[n - 1] == '.')
        p[n - 1] = '\0';
    return p;
}

// Where a host of an inventory is reached; one that it does not have, by its name. here: by this
// command, whose line may say something else. NULL: it is this machine, or not known before the
// run. *ret_port: "" the usual.
static const char *address_of(struct session *s, struct inventory *inv, const char *name, bool here,
                              const char **ret_port)
{
    struct host *h = inventory_find_host(inv, name);
    struct variables v = {.extra = here ? s->extra_vars : NULL};
    *ret_port = "";
    if (h && inventory_host_vars(inv, h, basedir(s), &v.host, NULL) < 0)
        return NULL;
    const char *how = var_text(s, &v, "ansible_connection", NULL),
               *host = var_text(s, &v, "ansible_host", "ansible_ssh_host"),
               *port = var_text(s, &v, "ansible_port", "ansible_ssh_port");
    if (!how)
        how = h && h->implicit          ? "local"
              : here && s->o.connection ? s->o.connection
                                        : config_str(s->config, CONFIG_TRANSPORT);
    if ((how && (strcmp(how, "local") == 0 || strcmp(how, "ansible.builtin.local") == 0)) ||
        (host && !*host))
        return NULL;
    if (!port && config_int(s->config, CONFIG_REMOTE_PORT))
        port = arena_printf(s->arena, "%lld", (long long)config_int(s->config, CONFIG_REMOTE_PORT));
    if (port && strcmp(port, "22") != 0)
        *ret_port = port;
    return plain(s->arena, host ? host : name);
}

// --- those of protected hosts
// ------------------------------------------------------------------------------------------

static void note(struct session *s, struct guard_addresses *g, struct inventory *inv,
                 const char *name, const char *address, const char *port)
{
    const char *key = arena_printf(s->arena, "%s %s", address, port);
    if (dict_get(g->at, key))
        return;
    g->all = arena_room(s->arena, g->all, g->n, &g->cap, 16, sizeof *g->all);
    dict_set(g->at, key, value_int((int64_t)g->n));
    g->all[g->n++] =
        (struct guard_meant){.name = name,
                             .address = *port && strcmp(port, ANY_PORT) != 0
                                            ? arena_printf(s->arena, "%s port %s", address, port)
                                            : address,
                             .inventory = inv};
}

// A pattern that is one name may be an address itself.
static bool is_name(const char *pattern)
{
    return *pattern && !strpbrk(pattern, "*?[]!&,~ ") && *pattern != '@';
}

static void note_of(struct session *s, struct guard_addresses *g, const struct policy *p,
                    struct inventory *inv)
{
    for (const char *const *pattern = p->protected_hosts; *pattern; pattern++) {
        struct value v = value_cstr(*pattern);
        struct inventory_hosts found = {0};
        if (inventory_match(inv, s->arena, &v, NULL, NULL, &found, NULL) < 0)
            continue; // of this inventory it names nothing
        for (size_t i = 0; i < found.len; i++) {
            const char *port, *address = address_of(s, inv, found.hosts[i]->name, false, &port);
            if (address)
                note(s, g, inv, found.hosts[i]->name, address, port);
        }
        if (!found.len && is_name(*pattern))
            note(s, g, inv, *pattern, plain(s->arena, *pattern), ANY_PORT);
    }
}

// The inventory where protected hosts stand, where it is not the one of this run: what the policy
// names, else the one that is used when none is given.
static int other_inventory(struct session *s, const struct policy *p, struct inventory **ret,
                           struct err *e)
{
    const struct list *usual = config_list(s->config, CONFIG_INVENTORY);
    struct inventory_opts io = {
        .config = s->config, .decrypt = session_decrypt, .decrypt_data = s, .strict = true};
    const char **from;
    size_t n = 0;
    *ret = NULL;
    session_inventory_plugins(s, &io);
    if (p->inventory) {
        while (p->inventory[n])
            n++;
        int rc = inventory_load(s->arena, p->inventory, n, &io, ret, e);
        return rc < 0 ? err_wrap(e, "the inventory of %s", p->file) : 0;
    }
    if (!s->o.inventories->len || !usual || !usual->len)
        return 0;
    from = arena_array(s->arena, const char *, usual->len);
    for (; n < usual->len; n++)
        from[n] = usual->items[n].u.str.s;
    if (inventory_load(s->arena, from, n, &io, ret, NULL) < 0)
        *ret = NULL; // there is none: nobody said that there is
    return 0;
}

int guard_addresses_read(struct session *s, const struct policy *p, struct err *e)
{
    struct inventory *other;
    if (s->addresses || !p->protected_hosts)
        return 0;
    struct guard_addresses *g = arena_new_of(s->arena, struct guard_addresses);
    g->at = value_dict(s->arena).u.dict;
    int rc = other_inventory(s, p, &other, e);
    if (rc < 0)
        return rc;
    note_of(s, g, p, s->inventory);
    if (other)
        note_of(s, g, p, other);
    s->addresses = g;
    return 0;
}

const struct guard_meant *guard_meant(struct session *s, const char *host)
{
    const struct guard_addresses *g = s->addresses;
    const char *port, *address = g && g->n ? address_of(s, s->inventory, host, true, &port) : NULL;
    const struct value *at =
        address ? dict_get(g->at, arena_printf(s->arena, "%s %s", address, port)) : NULL;
    if (address && !at)
        at = dict_get(g->at, arena_printf(s->arena, "%s %s", address, ANY_PORT));
    return at ? &g->all[at->u.i] : NULL;
}
