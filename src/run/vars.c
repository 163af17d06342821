// Which variables a task on a host sees: scopes in Ansible's order of precedence, and the magic
// variables.
#include "core/file.h"
#include "run/internal.h"
#include "run/loop.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void exec_scopes(struct exec *x)
{
    struct scope_list *s = &x->scopes;
    const struct node *n = x->task ? &x->task->n : NULL;
    const struct play *p = x->no_play ? NULL : x->run->play;
    s->n = 0;
    s->arena = x->a;
    scope_add(s, x->run->o.extra_vars);
    for (const struct frame *f = x->h->frames; n && f; f = f->up)
        scope_add(s, f->vars);
    if (n)
        scopes_params(n, s);
    scope_add_growing(s, x->h->set_facts.d); // a loop's item sees what the one before has set
    scope_add_growing(s, x->h->included.d);
    if (n)
        scopes_task(n, s);
    if (p) {
        scopes_play_roles(p, s);
        scope_add(s, x->h->play_vars_files);
        scope_add(s, x->run->play_prompts);
        scope_add(s, p->vars);
    }
    if (x->run->inject_facts)
        scope_add_growing(s, x->h->facts.d);
    struct inventory_vars inv;
    run_inventory_vars(x->run, x->h, &inv);
    scope_add(s, inv.own);
    scope_add(s, inv.shared);
    scopes_defaults(n, p, s);
}

// --- magic variables ---------------------------------------------------------------------------

static int by_rank(const void *x, const void *y)
{
    const struct rhost *p = *(struct rhost *const *)x, *q = *(struct rhost *const *)y;
    return p->rank < q->rank ? -1 : p->rank > q->rank;
}

// Hosts in the order of the inventory, whatever the play's `order` says.
static struct rhost **ranked(struct arena *a, struct rhost *const *hosts, size_t n)
{
    struct rhost **sorted = arena_array(a, struct rhost *, n + 1);
    for (size_t i = 0; i < n; i++)
        sorted[i] = hosts[i];
    qsort(sorted, n, sizeof *sorted, by_rank);
    return sorted;
}

// end_host takes a host out of its batch; later ones of the play count it in again.
static bool left_batch(const struct rhost *h)
{
    const struct batch *b = &h->run->batch;
    for (size_t i = 0; h->ended && i < b->n; i++)
        if (b->hosts[i] == h)
            return true;
    return false;
}

static struct value names_of(struct arena *a, struct rhost *const *hosts, size_t n, bool alive_only)
{
    struct value v = value_list(a);
    for (size_t i = 0; i < n; i++)
        if (!alive_only || (!hosts[i]->failed && !hosts[i]->unreachable && !left_batch(hosts[i])))
            list_add(v.u.list, value_cstr(hosts[i]->name));
    return v;
}

static struct value strings(struct arena *a, const char *const *s)
{
    struct value v = value_list(a);
    for (; s && *s; s++)
        list_add(v.u.list, value_cstr(*s));
    return v;
}

// The facts of a host without the prefix of their names, made anew when they have changed. Keys and
// values are the store's, and the old dict goes as theirs do.
static struct value facts_view(struct run *r, struct rhost *h)
{
    struct dict_entry *it;
    if (!h->facts_view || h->view_of != h->facts.changes) {
        run_drop_view(r, h);
        h->view_arena = arena_new();
        h->facts_view = value_dict(h->view_arena).u.dict;
        h->view_of = h->facts.changes;
        dict_reserve(h->facts_view, h->facts.d->len);
        DICT_EACH(h->facts.d, it)
        {
            const char *k = it->key.u.str.s;
            bool strip = strncmp(k, "ansible_", 8) == 0 && strcmp(k, "ansible_local") != 0;
            struct value key = it->key;
            if (strip)
                key = value_ref(k + 8, it->key.u.str.len - 8);
            dict_setv(h->facts_view, key, it->val);
        }
    }
    return (struct value){.type = VALUE_DICT, .flags = VALUE_UNSAFE, .u.dict = h->facts_view};
}

void run_drop_view(struct run *r, struct rhost *h)
{
    if (h->view_arena)
        run_retire(r, h->view_arena);
    h->view_arena = NULL;
    h->facts_view = NULL;
}

static struct value version_dict(struct arena *a)
{
    struct value v = value_dict(a);
    dict_set(v.u.dict, "full", value_cstr("2.14.18"));
    dict_set(v.u.dict, "major", value_int(2));
    dict_set(v.u.dict, "minor", value_int(14));
    dict_set(v.u.dict, "revision", value_int(18));
    dict_set(v.u.dict, "string", value_cstr("2.14.18"));
    return v;
}

enum role_kind { ROLES_DIRECT = 1, ROLES_DEPENDENT = 2 };

// Names of the roles of the play: those it names (each time), those they depend on, or both (once).
static struct value role_names(struct arena *a, const struct play *p, unsigned kinds)
{
    struct value v = value_list(a);
    for (size_t i = 0; i < p->n_roles; i++) {
        const struct role *r = p->roles[i];
        if (!r->public_vars || !(kinds & (r->dependency ? ROLES_DEPENDENT : ROLES_DIRECT)))
            continue;
        struct value name = value_cstr(r->name);
        bool seen = false;
        for (size_t j = 0; kinds != ROLES_DIRECT && j < v.u.list->len; j++)
            seen = seen || value_equal(&v.u.list->items[j], &name);
        if (!seen)
            list_add(v.u.list, name);
    }
    return v;
}

// The roles that include or import r, the nearest first.
static struct value parents(struct arena *a, const struct role *r, bool paths)
{
    struct value v = value_list(a);
    for (; r->parent && r->from_include; r = r->parent)
        list_add(v.u.list, value_cstr(paths ? r->parent->path : r->parent->name));
    return v;
}

// Variables that depend on the play.
static bool magic_play(struct exec *x, const char *name, struct value *ret)
{
    struct run *r = x->run;
    if (!r->play || x->no_play)
        return false;
    if (strcmp(name, "ansible_play_hosts") == 0)
        *ret = names_of(x->a, ranked(x->a, r->play_hosts, r->n_play_hosts), r->n_play_hosts, true);
    else if (strcmp(name, "ansible_play_hosts_all") == 0) // with those that failed in earlier plays
        *ret = names_of(x->a, ranked(x->a, r->play_matched, r->n_play_matched), r->n_play_matched,
                        false);
    else if (strcmp(name, "ansible_play_batch") == 0 || strcmp(name, "play_hosts") == 0)
        *ret = names_of(x->a, r->batch.hosts, r->batch.n, true);
    else if (strcmp(name, "ansible_play_name") == 0)
        *ret = value_cstr(r->play_name ? r->play_name : "");
    else if (strcmp(name, "ansible_play_role_names") == 0 || strcmp(name, "role_names") == 0)
        *ret = role_names(x->a, r->play, ROLES_DIRECT);
    else if (strcmp(name, "ansible_role_names") == 0)
        *ret = role_names(x->a, r->play, ROLES_DIRECT | ROLES_DEPENDENT);
    else if (strcmp(name, "ansible_dependent_role_names") == 0)
        *ret = role_names(x->a, r->play, ROLES_DEPENDENT);
    else
        return false;
    return true;
}

static bool magic_role(struct exec *x, const char *name, struct value *ret)
{
    const struct role *r = x->task ? x->task->n.role : NULL;
    if (!r)
        return false;
    if (strcmp(name, "role_name") == 0 || strcmp(name, "ansible_role_name") == 0)
        *ret = value_cstr(r->name);
    else if (strcmp(name, "role_path") == 0)
        *ret = value_cstr(r->path);
    else if (strcmp(name, "role_uuid") == 0)
        *ret = value_strf(x->a, "%p", (const void *)r);
    else if (strcmp(name, "ansible_parent_role_names") == 0 && r->from_include && r->parent)
        *ret = parents(x->a, r, false);
    else if (strcmp(name, "ansible_parent_role_paths") == 0 && r->from_include && r->parent)
        *ret = parents(x->a, r, true);
    else
        return false;
    return true;
}

static bool magic_run(struct exec *x, const char *name, struct value *ret)
{
    struct run *r = x->run;
    if (strcmp(name, "ansible_check_mode") == 0)
        *ret = value_bool(r->o.check);
    else if (strcmp(name, "ansible_diff_mode") == 0)
        *ret = value_bool(r->o.diff);
    else if (strcmp(name, "ansible_forks") == 0)
        *ret = value_int(r->o.forks);
    else if (strcmp(name, "ansible_verbosity") == 0)
        *ret = value_int(r->o.verbosity);
    else if (strcmp(name, "ansible_version") == 0)
        *ret = version_dict(x->a);
    else if (strcmp(name, "ansible_run_tags") == 0)
        *ret = r->o.tags && *r->o.tags ? strings(x->a, r->o.tags)
                                       : strings(x->a, (const char *const[]){"all", NULL});
    else if (strcmp(name, "ansible_skip_tags") == 0)
        *ret = strings(x->a, r->o.skip_tags);
    else if (strcmp(name, "ansible_limit") == 0 && r->o.limit)
        *ret = value_cstr(r->o.limit);
    else if (strcmp(name, "playbook_dir") == 0)
        *ret = value_cstr(run_basedir(r));
    else if (strcmp(name, "ansible_inventory_sources") == 0)
        *ret = inventory_sources(r->o.inventory, x->a);
    else if (strcmp(name, "ansible_playbook_python") == 0)
        *ret = value_cstr("/usr/bin/python3");
    else if (strcmp(name, "omit") == 0)
        *ret = value_cstr(omit_text());
    else if (strcmp(name, "groups") == 0)
        *ret = run_groups(r);
    else if (strcmp(name, "ansible_config_file") == 0)
        *ret = config_file(r->o.config) ? value_cstr(config_file(r->o.config)) : value_null();
    else
        return false;
    return true;
}

static bool magic_host(struct exec *x, const char *name, struct value *ret)
{
    if (strcmp(name, "inventory_hostname") == 0) {
        *ret = value_cstr(x->h->name);
    } else if (strcmp(name, "inventory_hostname_short") == 0) {
        *ret = value_strn(x->a, x->h->name, strcspn(x->h->name, "."));
    } else if (strcmp(name, "group_names") == 0) {
        *ret = run_group_names(x->run, x->h, x->a);
    } else if (strcmp(name, "ansible_facts") == 0) {
        *ret = facts_view(x->run, x->h);
    } else if (strcmp(name, "ansible_local") == 0 && !x->run->inject_facts &&
               dict_get(x->h->facts.d, name)) {
        *ret = *dict_get(x->h->facts.d, name);
    } else if (strcmp(name, "hostvars") == 0) {
        *ret = run_hostvars(x);
    } else if (strcmp(name, "ansible_search_path") == 0 && x->task) {
        size_t n;
        *ret = strings(x->a, playbook_search_path(x->a, &x->task->n, run_basedir(x->run), &n));
    } else if (strcmp(name, "ansible_failed_result") == 0 && x->h->failed_arena) {
        *ret = x->h->failed_result;
    } else if (strcmp(name, "ansible_failed_task") == 0 && x->h->failed_arena) {
        *ret = x->h->failed_task;
    } else {
        return false;
    }
    return true;
}

// What Ansible fills in from the connection when the inventory does not say it.
static bool fallback(struct exec *x, const char *name, struct value *ret)
{
    const struct value *v = NULL;
    if (strcmp(name, "ansible_host") == 0 || strcmp(name, "ansible_ssh_host") == 0) {
        *ret = value_cstr(x->h->name);
        return true;
    }
    if (strcmp(name, "ansible_connection") == 0) {
        *ret = value_cstr(x->h->implicit         ? "local"
                          : x->run->o.connection ? x->run->o.connection
                                                 : "ssh");
        return true;
    }
    if (strcmp(name, "ansible_user") == 0 || strcmp(name, "ansible_ssh_user") == 0) {
        v = x->task ? node_attr(&x->task->n, "remote_user") : NULL;
        if (v)
            *ret = *v;
        else if (x->run->o.remote_user)
            *ret = value_cstr(x->run->o.remote_user);
        return v || x->run->o.remote_user;
    }
    return false;
}

static bool is_magic_prefix(const char *name)
{
    // the first letters of all magic names: most look-ups end here
    return strchr("aghiopr", name[0]) != NULL;
}

// hash_behaviour=merge: the value in the first scope from number i on that has one, and when it is
// a dict, on top of those of the same name in weaker scopes. NULL: no scope has it.
static const struct value *merged(struct exec *x, const char *name, size_t i)
{
    const struct value *v = NULL, *under;
    while (i < x->scopes.n && !(v = dict_get(x->scopes.d[i], name)))
        i++;
    if (!v || v->type != VALUE_DICT || !(under = merged(x, name, i + 1)) ||
        under->type != VALUE_DICT)
        return v;
    struct value *both = arena_new_of(x->a, struct value);
    *both = value_shallow(x->a, under);
    inventory_combine(both->u.dict, v->u.dict, true);
    return both;
}

static int vars_get(void *data, struct arena *a, const char *name, struct value *ret, struct err *e)
{
    struct exec *x = data;
    (void)a;
    (void)e;
    if (is_magic_prefix(name) && (magic_host(x, name, ret) || magic_run(x, name, ret) ||
                                  magic_role(x, name, ret) || magic_play(x, name, ret)))
        return 1;
    const struct value *v = scope_find(&x->scopes, name);
    if (v) {
        *ret = x->run->merge_hashes ? *merged(x, name, 0) : *v;
        return 1;
    }
    return fallback(x, name, ret);
}

static int vars_all(void *data, struct arena *a, struct dict **ret, struct err *e)
{
    static const char *const magic[] = {"inventory_hostname",
                                        "inventory_hostname_short",
                                        "group_names",
                                        "ansible_facts",
                                        "groups",
                                        "playbook_dir",
                                        "ansible_play_hosts",
                                        "ansible_play_batch",
                                        "ansible_play_hosts_all",
                                        "play_hosts",
                                        "role_name",
                                        "role_path",
                                        "ansible_role_names",
                                        "ansible_check_mode",
                                        "ansible_version",
                                        "ansible_verbosity",
                                        "ansible_run_tags",
                                        "ansible_skip_tags",
                                        "ansible_play_name",
                                        "ansible_diff_mode",
                                        "ansible_forks",
                                        "ansible_inventory_sources",
                                        "omit",
                                        "ansible_connection",
                                        "ansible_user",
                                        "inventory_dir",
                                        "inventory_file"};
    struct exec *x = data;
    struct dict *d = value_dict(a).u.dict;
    struct value v;
    for (size_t i = x->scopes.n; i-- > 0;)
        inventory_combine(d, x->scopes.d[i], x->run->merge_hashes);
    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
        if (vars_get(x, a, magic[i], &v, e) > 0)
            dict_set(d, magic[i], v);
    *ret = d;
    return 0;
}

// An inline !vault value.
static int decrypt_value(void *data, struct arena *a, const struct value *v, struct value *ret,
                         struct err *e)
{
    const struct run_opts *o = data;
    const char *plain;
    size_t len;
    int rc = o->decrypt(o->decrypt_data, a, NULL, v->u.str.s, v->u.str.len, &plain, &len, e);
    if (rc == 0)
        *ret = value_ref(plain, len);
    return rc;
}

static int static_magic(struct static_scope *s, struct arena *a, const char *name,
                        struct value *ret)
{
    struct exec x = {.run = s->magic_data, .a = a};
    if (!is_magic_prefix(name) ||
        strcmp(name, "playbook_dir") == 0) // the play's, which may not run yet
        return 0;
    if (strcmp(name, "hostvars") == 0)
        *ret = run_hostvars(&x);
    else if (!magic_run(&x, name, ret) &&
             !(x.run->play == s->node->play && magic_play(&x, name, ret)))
        return 0;
    return 1;
}

void run_static_templar(struct run *r, const struct node *n, struct static_scope *s,
                        struct templar *t)
{
    static_scope_init(s, r->o.loader, n);
    s->magic = static_magic;
    s->magic_data = r;
    static_scope_templar(s, t);
}

void exec_init(struct exec *x, struct run *r, struct rhost *h, struct task *t, struct arena *a)
{
    *x = (struct exec){.run = r,
                       .h = h,
                       .target = h,
                       .task = t,
                       .told = t,
                       .a = a,
                       .check = r->o.check,
                       .diff = r->o.diff};
    x->locals = value_dict(a).u.dict;
    exec_scopes(x);
    x->tpl = (struct templar){.cache = r->o.cache,
                              .vars = {.get = vars_get, .all = vars_all, .data = x},
                              .opts = r->topts,
                              .suggest = !r->o.ansible_wording,
                              .repeat_causes = r->o.ansible_wording,
                              .locals = x->locals};
    if (t) {
        size_t n;
        x->tpl.paths.dirs = playbook_search_path(a, &t->n, run_basedir(r), &n);
        x->tpl.paths.n = n;
    }
    x->tpl.paths.basedir = run_basedir(r);
    if (r->o.decrypt) {
        x->tpl.decrypt = decrypt_value;
        x->tpl.decrypt_data = (void *)(uintptr_t)&r->o;
    }
}

void exec_set_locals(struct exec *x, struct dict *locals)
{
    x->locals = locals;
    x->tpl.locals = locals;
}

int exec_template(struct exec *x, const struct value *in, struct value *ret, struct err *e)
{
    return template_value(&x->tpl, x->a, in, ret, e);
}

int exec_var(struct exec *x, const char *name, struct value *ret, struct err *e)
{
    struct value raw;
    int rc = vars_get(x, x->a, name, &raw, e);
    if (rc <= 0)
        return rc;
    if ((rc = exec_template(x, &raw, ret, e)) < 0)
        return rc;
    return 1;
}

const char *exec_var_str(struct exec *x, const char *name)
{
    struct value v;
    if (exec_var(x, name, &v, NULL) <= 0 || v.type == VALUE_NULL)
        return NULL;
    const char *s = value_to_cstr(x->a, &v);
    return *s ? s : NULL;
}

int exec_attr(struct exec *x, const char *key, struct value *ret, struct err *e)
{
    const struct value *raw = x->task ? node_attr(&x->task->n, key) : NULL;
    if (!raw)
        return 0;
    int rc = exec_template(x, raw, ret, e);
    if (rc < 0)
        return err_at(e, value_pos(raw));
    if (ret->type == VALUE_STRING && strcmp(ret->u.str.s, omit_text()) == 0)
        return 0;
    return ret->type == VALUE_NULL ? 0 : 1;
}

bool exec_attr_bool(struct exec *x, const char *key, bool dflt, int *rc, struct err *e)
{
    struct value v;
    int got = exec_attr(x, key, &v, e);
    if (got < 0)
        *rc = got;
    if (got <= 0)
        return dflt;
    if (v.type == VALUE_STRING) {
        int b = value_parse_bool(v.u.str.s, v.u.str.len);
        if (b < 0)
            *rc = err_set(
                e, ERR_INVALID, x->task->n.pos,
                "the field '%s' has an invalid value (%s), and could not be converted to a bool.",
                key, v.u.str.s);
        return b == 1;
    }
    return value_truthy(&v);
}
