// What run.started says of a run.
#include "cli/record_parts.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/hash.h"
#include "playbook/kv.h"
#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGS_MAX 8000
#define NAMES_MAX 200 // of a list

static void add_names(struct recorder *r, struct dict *d, const char *key, const struct list *l)
{
    struct value out = value_list(r->pending);
    for (size_t i = 0; l && i < l->len && i < NAMES_MAX; i++)
        list_add(out.u.list,
                 value_cstr(record_text(r, value_to_cstr(r->pending, &l->items[i]), 300)));
    if (out.u.list->len)
        dict_set(d, key, out);
}

static const char *full_path(struct recorder *r, const char *path)
{
    char *real = realpath(path, NULL);
    const char *s = real ? arena_strdup(r->pending, real) : session_path(r->s, path);
    free(real);
    return s;
}

// The playbooks, the digest of the text of the first, and the state of its repository.
static void add_playbooks(struct recorder *r, struct dict *d)
{
    const struct list *args = r->s->o.args;
    const char *first = full_path(r, args->items[0].u.str.s);
    char hex[HASH_HEX_MAX];
    dict_set(d, "playbook", value_cstr(first));
    if (hash_file(HASH_SHA256, first, hex, NULL) == 0)
        dict_set(d, "digest", value_str(r->pending, hex));
    struct value more = value_list(r->pending);
    for (size_t i = 1; i < args->len && i < NAMES_MAX; i++)
        list_add(more.u.list, value_cstr(full_path(r, args->items[i].u.str.s)));
    if (more.u.list->len)
        dict_set(d, "more", more);
    struct git_state git = git_query_end(&r->s->git, r->pending);
    if (git.commit) {
        dict_set(d, "commit", value_cstr(git.commit));
        dict_set(d, "dirty", value_bool(git.dirty));
    }
}

void record_prepare(struct session *s)
{
    const char *first = s->o.args->items[0].u.str.s;
    if (record_wanted(s))
        git_query_start(&s->git, s->arena, path_dir(s->arena, session_path(s, first)));
}

// Whether the parameter of a module is secret by its specification.
static bool is_secret(const struct module_spec *spec, const char *name)
{
    for (const struct param *p = spec ? spec->params : NULL; p && p->name; p++)
        if (p->flags & PARAM_NO_LOG && strcmp(p->name, name) == 0)
            return true;
    return false;
}

// The arguments of `do`: those of secret parameters become secrets of this session.
static void meet_secret_args(struct recorder *r, const char *module, const char *text)
{
    const struct module_spec *spec = spec_find(module);
    struct dict *args;
    struct dict_entry *it;
    if (kv_parse(r->pending, text, strlen(text), true, POS_NONE, &args, NULL) < 0)
        return;
    DICT_EACH(args, it)
    {
        const char *name = value_to_cstr(r->pending, &it->key);
        if (is_secret(spec, name) && it->val.type == VALUE_STRING)
            censor_add(r->s->censor, it->val.u.str.s, it->val.u.str.len);
    }
}

static void add_module(struct recorder *r, struct dict *d)
{
    const struct options *o = &r->s->o;
    const char *module =
                   o->module_name ? o->module_name : config_str(r->s->config, CONFIG_MODULE_NAME),
               *args =
                   o->module_args ? o->module_args : config_str(r->s->config, CONFIG_MODULE_ARGS);
    dict_set(d, "module", value_str(r->pending, module));
    dict_set(d, "pattern", value_str(r->pending, o->args->items[0].u.str.s));
    if (!args || !*args)
        return;
    meet_secret_args(r, module, args);
    dict_set(d, "args", value_cstr(record_text(r, args, ARGS_MAX)));
}

const char *record_machine(struct arena *a)
{
    char name[256] = "localhost";
    gethostname(name, sizeof name - 1);
    return arena_strdup(a, name);
}

static void add_authority(struct recorder *r, struct dict *d)
{
    const struct dict *given = r->s->authority;
    const struct value *said = &r->context.authority;
    bool of_rollout = r->context.run || r->context.gate;
    struct value v = value_dict(r->pending);
    if (of_rollout && said->type == VALUE_DICT) // says more than that it is of a rollout
        v = *said;
    else if (given)
        v.u.dict = (struct dict *)(uintptr_t)given;
    else if (of_rollout)
        dict_set(v.u.dict, "kind", value_cstr("rollout"));
    else
        dict_set(v.u.dict, "kind", value_cstr("none"));
    dict_set(d, "authority", v);
}

struct value record_started(struct recorder *r, struct arena *a)
{
    const struct session *s = r->s;
    struct value v = value_dict(a);
    struct dict *d = v.u.dict;
    bool adhoc = s->command == OPT_DO;
    dict_set(d, "command", value_cstr(s->undoes ? "undo" : adhoc ? "do" : "run"));
    if (s->compat)
        dict_set(d, "as", value_str(a, s->program));
    if (s->undoes)
        dict_set(d, "undoes", value_cstr(record_name(r, s->undoes)));
    else if (adhoc)
        add_module(r, d);
    else
        add_playbooks(r, d);
    add_names(r, d, "inventory",
              s->o.inventories->len ? s->o.inventories : config_list(s->config, CONFIG_INVENTORY));
    add_names(r, d, "tags", s->o.tags);
    add_names(r, d, "skip_tags", s->o.skip_tags);
    if (s->o.limit)
        dict_set(d, "limit", value_cstr(record_text(r, s->o.limit, 2000)));
    if (s->run.check)
        dict_set(d, "check", value_bool(true));
    if (r->context.batch.type != VALUE_NULL)
        dict_set(d, "batch", r->context.batch);
    dict_set(d, "machine", value_cstr(record_machine(a)));
    dict_set(d, "pid", value_int(getpid()));
    add_authority(r, d);
    return v;
}
