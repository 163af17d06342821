// The gates of a rollout's rings: what they ask, with the variables of the ring's hosts.
#include "cli/deploy_children.h"

#include <stdlib.h>
#include <string.h>

struct host_vars {
    const struct dict *vars;
    const struct dict *extra;
    const struct value *release;
};

static int get_var(void *data, struct arena *a, const char *name, struct value *ret, struct err *e)
{
    const struct host_vars *h = data;
    const struct value *v = strcmp(name, "andon_release") == 0 ? h->release : NULL;
    (void)a;
    (void)e;
    if (!v)
        v = dict_get(h->extra, name);
    if (!v && h->vars)
        v = dict_get(h->vars, name);
    if (!v)
        return 0;
    *ret = *v;
    return 1;
}

struct gate_data {
    struct deploy *d;
    struct value release;
    struct arena *arena;
};

static int decrypt_value(void *data, struct arena *a, const struct value *v, struct value *ret,
                         struct err *e)
{
    const char *plain;
    size_t len;
    int rc = session_decrypt(data, a, NULL, v->u.str.s, v->u.str.len, &plain, &len, e);
    if (rc == 0)
        *ret = value_strn(a, plain, len);
    return rc;
}

// Text as a host's variables have it.
static int expand(void *data, const char *host, const char *text, struct arena *a, const char **ret,
                  struct err *e)
{
    struct gate_data *g = data;
    struct deploy *d = g->d;
    struct host_vars h = {.extra = d->s.extra_vars, .release = &g->release};
    struct host *found = host ? inventory_find_host(d->s.inventory, host) : NULL;
    struct value v = value_cstr(text), out;
    int rc = 0;
    if (found)
        rc = inventory_host_vars(d->s.inventory, found, d->service->dir, &h.vars, e);
    if (rc < 0)
        return rc;
    struct templar t = {.cache = d->s.cache,
                        .vars = {.get = get_var, .data = &h},
                        .paths = {.basedir = d->service->dir},
                        .opts = TEMPLATE_OPTS_DEFAULT,
                        .decrypt = decrypt_value,
                        .decrypt_data = &d->s,
                        .suggest = true};
    rc = template_value(&t, a, &v, &out, e);
    if (rc == 0)
        *ret = value_to_cstr(a, &out);
    return rc;
}

static int command_argv(void *data, const struct gate *gate, const char *const *hosts,
                        struct arena *a, const char *const **ret_argv, struct err *e)
{
    struct gate_data *g = data;
    struct child_args *args = arena_new_of(a, struct child_args);
    struct list *names = value_list(a).u.list;
    const char *vars;
    *args = (struct child_args){.a = a};
    for (size_t i = 0; hosts && hosts[i]; i++)
        list_add(names, value_cstr(hosts[i]));
    child_add(args, CHILD_SELF);
    if (gate->kind == GATE_PLAYBOOK) {
        struct batch_job job = {.ring = rollout_ring_now(&g->d->engine.state),
                                .release = g->d->engine.state.release};
        int rc = child_vars_file(g->d, &job, a, &vars, e);
        if (rc < 0)
            return rc;
        child_add(args, "run");
        child_add(args, gate->text);
        child_add(args, "-e");
        child_add(args, arena_printf(a, "@%s", vars));
        child_add(args, "-l");
        child_add(args, child_names(a, names));
    } else {
        child_add(args, "do");
        child_add(args, child_names(a, names));
        child_add(args, "-m");
        child_add(args, "shell");
        child_add(args, "-a");
        child_add(args, gate->text);
    }
    child_add_sources(args, g->d);
    child_add(args, "--output");
    child_add(args, "json");
    *ret_argv = args->v;
    return 0;
}

static const char *const *names_of(const struct list *l, struct arena *a)
{
    const char **names = arena_array(a, const char *, l->len + 1);
    for (size_t i = 0; i < l->len; i++)
        names[i] = value_to_cstr(a, &l->items[i]);
    return names;
}

// Hosts of rings that do not have the release yet: what a canary is compared with.
static const char *const *baseline(const struct deploy *d, const struct ring_state *r,
                                   struct arena *a)
{
    const struct rollout_state *s = &d->engine.state;
    struct list *l = value_list(a).u.list;
    for (size_t i = 0; i < s->n_rings; i++)
        for (size_t k = 0; &s->rings[i] > r && k < s->rings[i].hosts->len; k++)
            list_add(l, s->rings[i].hosts->items[k]);
    return names_of(l, a);
}

int deploy_sample(void *data, const struct ring_state *r, const struct gate *gates, size_t n,
                  size_t failed, struct arena *a, struct gate_result *results, struct err *e)
{
    struct deploy *d = data;
    const struct rollout_state *s = &d->engine.state;
    struct gate_data g = {.d = d, .arena = a};
    // in front of a ring its authority is known, and not in the ledger yet
    struct batch_job job = {.ring = r,
                            .release = s->release,
                            .authority =
                                r->authority ? r->authority : d->engine.approval.authority};
    int rc = child_release(d, &job, a, &g.release, e);
    if (rc < 0)
        return rc;
    const char *digest = s->artifact;
    struct gate_env env = {.service = s->service,
                           .release = s->release,
                           .rollout = s->id,
                           .ring = r->name,
                           .hosts = names_of(r->hosts, a),
                           .artifact = digest ? ledger_blob_path(d->ledger, digest, a) : NULL,
                           .commit = s->commit,
                           .ring_started = r->started,
                           .ring_finished = r->deployed,
                           .now = d->engine.hooks->now(d),
                           .n_failed = failed,
                           .baseline_hosts = baseline(d, r, a),
                           .data = &g,
                           .expand = expand,
                           .command_argv = command_argv};
    deploy_live(d, "  gates: asking %zu", n);
    // runs that gates start are the rollout's
    setenv("ANDON_CONTEXT", child_context(d, &job, a) + strlen("ANDON_CONTEXT="), 1);
    rc = gate_sample(gates, n, &env, a, results, d->signals, e);
    unsetenv("ANDON_CONTEXT");
    child_vars_remove(d, a);
    return rc;
}
