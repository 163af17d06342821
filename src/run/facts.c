// Facts in results: the rest of the task sees them at once, and they become the host's when the
// task has ended well.
#include "run/internal.h"
#include "run/loop.h"

#include <string.h>

// The facts of one execution, until the task has ended.
struct brought {
    struct brought *next;
    struct rhost *to;
    const struct dict *facts;
    bool delegated, cacheable;
};

static bool sets_variables(const struct exec *x)
{
    return strcmp(x->task->module, "set_fact") == 0 || strcmp(x->task->module, "include_vars") == 0;
}

// What says how a host is reached, and with which programs, is not for the host to say.
static bool is_reserved(const char *name)
{
    static const char *const names[] = {"ansible_connection", "ansible_facts",
                                        "ansible_host",       "ansible_module_compression",
                                        "ansible_password",   "ansible_pipelining",
                                        "ansible_port",       "ansible_playbook_python",
                                        "ansible_rsync_path", "ansible_private_key_file",
                                        "ansible_shell_type", "ansible_shell_executable",
                                        "ansible_timeout",    "ansible_user"};
    static const char *const prefixes[] = {"ansible_become",    "ansible_local_", "ansible_ssh_",
                                           "ansible_paramiko_", "ansible_su_",    "ansible_sudo_"};
    static const char suffix[] = "_interpreter";
    size_t len = strlen(name);
    if (strncmp(name, "ansible_", 8) != 0 || strncmp(name, "ansible_ssh_host_key_", 21) == 0)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return len >= sizeof suffix && strcmp(name + len + 1 - sizeof suffix, suffix) == 0;
}

struct dict *facts_allowed(struct run *r, struct arena *a, const struct dict *facts)
{
    struct dict *kept = value_dict(a).u.dict;
    struct dict_entry *it;
    dict_reserve(kept, facts->len);
    DICT_EACH(facts, it)
    {
        if (it->key.type != VALUE_STRING || !is_reserved(it->key.u.str.s))
            dict_setv(kept, it->key, it->val);
        else if (r->o.sink.warning)
            r->o.sink.warning(
                r->o.sink.data, POS_NONE,
                arena_printf(a, "Removed restricted key from module data: %s", it->key.u.str.s));
    }
    return kept;
}

static const struct dict *facts_of(const struct dict *result)
{
    const struct value *v = dict_get(result, "ansible_facts");
    return v && v->type == VALUE_DICT ? v->u.dict : NULL;
}

static bool delegates(struct exec *x)
{
    int rc = 0;
    return x->delegate_name && exec_attr_bool(x, "delegate_facts", false, &rc, NULL);
}

// Whether anything of the task is evaluated after its first result.
static bool looks_again(const struct exec *x)
{
    const struct node *n = &x->task->n;
    return x->task->loop || node_own(n, "changed_when") || node_own(n, "failed_when") ||
           node_own(n, "until");
}

void facts_show(struct exec *x, const struct dict *result)
{
    const struct dict *facts = facts_of(result);
    if (!facts || !looks_again(x) || (sets_variables(x) && delegates(x)))
        return;
    if (sets_variables(x))
        dict_update(x->locals, facts);
    else if (x->run->inject_facts) // ansible_facts has them when the task has ended
        dict_update(x->locals, facts_allowed(x->run, x->a, facts));
}

void facts_note(struct exec *x, const struct dict *result)
{
    const struct dict *facts = facts_of(result);
    if (!facts)
        return;
    struct brought *b = arena_new_of(x->a, struct brought);
    b->delegated = delegates(x);
    b->to = b->delegated ? x->target : x->h;
    b->facts = facts;
    b->cacheable = dict_bool(result, "_ansible_facts_cacheable", false);
    struct brought **end = &x->brought;
    while (*end)
        end = &(*end)->next;
    *end = b;
}

static void store(struct exec *x, struct rhost *h, const struct brought *b)
{
    const char *module = x->task->module;
    bool include_vars = strcmp(module, "include_vars") == 0,
         set_fact = strcmp(module, "set_fact") == 0,
         gathers = strcmp(module, "setup") == 0 || strcmp(module, "gather_facts") == 0;
    if (include_vars)
        store_set_all(x->run, &h->included, b->facts);
    else if (set_fact)
        store_set_all(x->run, &h->set_facts, b->facts);
    if (set_fact ? b->cacheable : !include_vars)
        host_set_facts(h, b->facts, gathers && h == b->to);
}

void facts_keep(struct exec *x)
{
    struct run *r = x->run;
    for (const struct brought *b = x->brought; b; b = b->next) {
        store(x, b->to, b);
        for (size_t i = 0; x->h->shares && !b->delegated && i < r->batch.n; i++) // run_once
            if (r->batch.hosts[i] != x->h && !r->batch.hosts[i]->unreachable)
                store(x, r->batch.hosts[i], b);
    }
}
