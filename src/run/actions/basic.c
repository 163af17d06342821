// debug, fail, assert, set_fact, set_stats, gather_facts, raw: modules that need no files.
#include "core/buf.h"
#include "run/actions/actions.h"
#include "run/foreign.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *arg_str(struct exec *x, const struct dict *args, const char *key)
{
    const struct value *v = dict_get(args, key);
    return v && v->type != VALUE_NULL ? value_to_cstr(x->a, v) : NULL;
}

bool arg_bool(const struct dict *args, const char *key, bool dflt)
{
    return dict_bool(args, key, dflt);
}

static int check_names(struct exec *x, const char *module, const struct dict *args,
                       const char *const *known, struct value *result)
{
    struct dict_entry *it;
    struct buf b = BUF_INIT;
    DICT_EACH(args, it)
    {
        const char *k = value_to_cstr(x->a, &it->key);
        size_t i = 0;
        while (known[i] && strcmp(known[i], k) != 0)
            i++;
        if (!known[i])
            buf_addf(&b, "%s%s", b.len ? "," : "", k);
    }
    int rc = b.len ? ERR_INVALID : 0;
    if (rc < 0)
        action_fail(x, result, "Invalid options for %s: %s", module, buf_str(&b));
    buf_release(&b);
    return rc;
}

// The job was a module that is not ours: what it printed becomes its result.
static void async_foreign(struct exec *x, struct value *result)
{
    static const char *const keep[] = {"started", "finished", "ansible_job_id", "results_file"};
    struct value made = value_dict(x->a), of_module;
    foreign_job_result(x, result->u.dict, &of_module);
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
        if (dict_get(result->u.dict, keep[i]))
            dict_set(made.u.dict, keep[i], *dict_get(result->u.dict, keep[i]));
    dict_set(made.u.dict, "stdout", value_cstr(""));
    dict_set(made.u.dict, "stderr", value_cstr(""));
    dict_update(made.u.dict, of_module.u.dict);
    *result = made;
}

int action_async_status(struct exec *x, struct dict *args, struct value *result)
{
    struct dict *extra = value_dict(x->a).u.dict;
    dict_set(extra, "_async_dir", value_cstr(async_folder(x)));
    struct module_call c = {.module = "async_status",
                            .args = args,
                            .extra = extra,
                            .force_run = true,
                            .ignore_check = true};
    int rc = exec_module(x, &c, result);
    if (dict_bool(result->u.dict, "foreign", false))
        async_foreign(x, result);
    return rc;
}

int action_debug(struct exec *x, struct dict *args, struct value *result)
{
    static const char *const known[] = {"msg", "var", "verbosity", NULL};
    struct dict *d = result->u.dict;
    const struct value *msg = dict_get(args, "msg"), *var = dict_get(args, "var");
    int rc = check_names(x, "debug", args, known, result);
    if (rc < 0)
        return rc;
    if (msg && var)
        return action_fail(x, result, "'msg' and 'var' are incompatible options");
    const char *level =
        value_to_cstr(x->a, dict_get(args, "verbosity") ? dict_get(args, "verbosity")
                                                        : &(struct value){.type = VALUE_INT});
    char *end;
    int64_t verbosity = strtoll(level, &end, 10);
    if (*end || end == level)
        return action_fail(x, result,
                           "Unexpected failure during module execution: invalid literal for int() "
                           "with base 10: '%s'",
                           level);
    if (verbosity > x->run->o.verbosity) {
        dict_set(d, "skipped_reason", value_cstr("Verbosity threshold not met."));
        dict_set(d, "skipped", value_bool(true));
        return 0;
    }
    if (var) {
        struct value v;
        struct err e = ERR_INIT;
        const char *key = value_to_cstr(x->a, var);
        struct value text = value_strf(x->a, "{{%s}}", key);
        value_set_pos(&text, value_pos(var));
        bool expression = var->type == VALUE_STRING && !(var->flags & VALUE_UNSAFE);
        x->tpl.opts.keep_vault = true;
        int got = expression ? exec_template(x, &text, &v, &e) : 0;
        if (got == 0 && expression)
            got = template_find_unknown(&v, value_pos(var), &e);
        x->tpl.opts.keep_vault = false;
        if (var->type != VALUE_STRING) {
            v = *var;
        } else if (!expression) { // text that is not the playbook's
            v = text;
            v.flags |= VALUE_UNSAFE;
        } else if (got < 0 && e.code == ERR_UNKNOWN) {
            exec_unknown(x, &e);
            err_release(&e);
            return ERR_UNKNOWN;
        } else if (got < 0) {
            v = x->run->o.verbosity > 0
                    ? value_strf(x->a, "VARIABLE IS NOT DEFINED!: %s", err_msg(&e))
                    : value_cstr("VARIABLE IS NOT DEFINED!");
            if (e.code != ERR_UNDEFINED) {
                action_fail(x, result, "%s", task_error(x, "", &e, POS_NONE));
                err_release(&e);
                return ERR_FAILED;
            }
            err_release(&e);
        } else if (v.type == VALUE_UNDEFINED) {
            v = value_cstr("VARIABLE IS NOT DEFINED!");
        }
        if (v.type == VALUE_OBJECT && v.u.obj->ops->materialize)
            v.u.obj->ops->materialize(v.u.obj, x->a, &v, NULL);
        if (var->type != VALUE_STRING)
            key = arena_printf(x->a, "<class '%s'>", value_type_name(var));
        dict_set(d, key, v);
    } else {
        dict_set(d, "msg", msg ? *msg : value_cstr("Hello world!"));
    }
    dict_set(d, "_ansible_verbose_always", value_bool(true));
    dict_set(d, "failed", value_bool(false));
    return 0;
}

int action_fail_task(struct exec *x, struct dict *args, struct value *result)
{
    static const char *const known[] = {"msg", NULL};
    int rc = check_names(x, "fail", args, known, result);
    if (rc < 0)
        return rc;
    const struct value *msg = dict_get(args, "msg");
    action_fail(x, result, "Failed as requested from task");
    if (msg)
        dict_set(result->u.dict, "msg", *msg);
    return ERR_FAILED;
}

// A failure with a message and nothing else.
static int fail_bare(struct exec *x, struct value *result, const char *msg)
{
    *result = value_dict(x->a);
    action_fail(x, result, "%s", msg);
    dict_del(result->u.dict, "changed");
    return ERR_FAILED;
}

int action_assert(struct exec *x, struct dict *args, struct value *result)
{
    static const char *const known[] = {"fail_msg", "msg", "quiet", "success_msg", "that", NULL};
    struct dict *d = result->u.dict;
    const struct value *that = dict_get(args, "that");
    int rc = check_names(x, "assert", args, known, result);
    if (rc < 0)
        return rc;
    if (!that)
        return fail_bare(x, result, "conditional required in \"that\" string");
    const struct value *fail_msg = dict_get(args, "fail_msg"),
                       *ok_msg = dict_get(args, "success_msg");
    if (!fail_msg)
        fail_msg = dict_get(args, "msg");
    bool quiet = arg_bool(args, "quiet", false);
    struct value list = value_as_list(x->a, that);
    if (!quiet)
        dict_set(d, "_ansible_verbose_always", value_bool(true));
    for (size_t i = 0; i < list.u.list->len; i++) {
        const struct value *c = &list.u.list->items[i];
        struct err e = ERR_INIT;
        bool ok;
        if (template_condition(&x->tpl, x->a, c, &ok, &e) < 0) {
            fail_bare(x, result, task_error(x, "", &e, POS_NONE));
            err_release(&e);
            return ERR_FAILED;
        }
        if (!ok) {
            dict_set(d, "failed", value_bool(true));
            dict_set(d, "evaluated_to", value_bool(false));
            dict_set(d, "assertion", *c);
            dict_set(d, "msg", fail_msg ? *fail_msg : value_cstr("Assertion failed"));
            x->fail_pos = value_pos(c);
            return ERR_FAILED;
        }
    }
    dict_set(d, "changed", value_bool(false));
    dict_set(d, "msg", ok_msg ? *ok_msg : value_cstr("All assertions passed"));
    return 0;
}

static bool valid_name(const char *s)
{
    static const char *const reserved[] = {
        "True",  "False",  "None", "and",   "as",     "assert",   "break", "class", "continue",
        "def",   "del",    "elif", "else",  "except", "finally",  "for",   "from",  "global",
        "if",    "import", "in",   "is",    "lambda", "nonlocal", "not",   "or",    "pass",
        "raise", "return", "try",  "while", "with",   "yield",    "async", "await"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(s, reserved[i]) == 0)
            return false;
    if (!isalpha((unsigned char)*s) && *s != '_')
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_')
            return false;
    return true;
}

int action_set_fact(struct exec *x, struct dict *args, struct value *result)
{
    struct value facts = value_dict(x->a);
    struct dict_entry *it;
    bool cacheable = arg_bool(args, "cacheable", false);
    DICT_EACH(args, it)
    {
        const char *k = value_to_cstr(x->a, &it->key);
        struct value v = it->val;
        if (strcmp(k, "cacheable") == 0)
            continue;
        if (template_is_template(k, it->key.u.str.len)) {
            struct value name;
            if (exec_template(x, &it->key, &name, NULL) == 0)
                k = value_to_cstr(x->a, &name);
        }
        if (!valid_name(k))
            return action_fail(x, result,
                               "The variable name '%s' is not valid. Variables must start with a "
                               "letter or underscore character, and contain "
                               "only letters, numbers and underscores.",
                               k);
        if (v.type == VALUE_STRING && !x->run->topts.native) {
            static const char *const words[] = {"true", "false", "yes", "no"};
            for (size_t i = 0; i < 4; i++)
                if (v.type == VALUE_STRING && strcasecmp(v.u.str.s, words[i]) == 0)
                    v = value_bool(i % 2 == 0);
        }
        dict_set(facts.u.dict, k, v);
    }
    if (!facts.u.dict->len)
        return action_fail(
            x, result,
            "No key/value pairs provided, at least one is required for this action to succeed");
    dict_set(result->u.dict, "ansible_facts", facts);
    dict_set(result->u.dict, "_ansible_facts_cacheable", value_bool(cacheable));
    return 0;
}

// new into old as Ansible adds statistics up: numbers, text, lists, mappings; what is of another
// type changes nothing.
static struct value add_stat(struct arena *a, struct value *old, struct value new)
{
    struct dict_entry *it;
    if (old->type != new.type)
        return *old;
    switch ((int)new.type) {
    case VALUE_INT:
        return value_int(old->u.i + new.u.i);
    case VALUE_FLOAT:
        return value_float(old->u.f + new.u.f);
    case VALUE_STRING:
        return value_strf(a, "%s%s", old->u.str.s, new.u.str.s);
    case VALUE_LIST:
        for (size_t i = 0; i < new.u.list->len; i++)
            list_add(old->u.list, new.u.list->items[i]);
        return *old;
    case VALUE_DICT:
        DICT_EACH(new.u.dict, it)
        {
            struct value *had = dict_getv(old->u.dict, &it->key);
            bool merge = had && had->type == VALUE_DICT && it->val.type == VALUE_DICT;
            dict_setv(old->u.dict, it->key, merge ? add_stat(a, had, it->val) : it->val);
        }
        return *old;
    default:
        return new;
    }
}

// The data with templates in its keys filled in; their values are by now.
static int stat_data(struct exec *x, const struct dict *args, struct value *ret,
                     struct value *result)
{
    const struct value *data = dict_get(args, "data");
    struct dict_entry *it;
    *ret = value_dict(x->a);
    if (!data)
        return 0;
    if (data->type != VALUE_DICT)
        return action_fail(x, result, "The 'data' option needs to be a dictionary/hash");
    DICT_EACH(data->u.dict, it)
    {
        const char *k = value_to_cstr(x->a, &it->key);
        struct value name;
        if (template_is_template(k, strlen(k)) && exec_template(x, &it->key, &name, NULL) == 0)
            k = value_to_cstr(x->a, &name);
        if (!valid_name(k))
            return action_fail(x, result,
                               "The variable name '%s' is not valid. Variables must start with a "
                               "letter or underscore character, and contain only letters, "
                               "numbers and underscores.",
                               k);
        dict_set(ret->u.dict, k, it->val);
    }
    return 0;
}

int action_set_stats(struct exec *x, struct dict *args, struct value *result)
{
    struct run *r = x->run;
    bool per_host = arg_bool(args, "per_host", false),
         aggregate = arg_bool(args, "aggregate", true);
    const char *who = per_host ? x->h->name : "_run";
    struct value data, stats = value_dict(x->a);
    struct dict_entry *it;
    if (stat_data(x, args, &data, result) != 0)
        return ERR_FAILED;
    if (data.u.dict->len && !dict_get(r->custom_stats, who))
        dict_set(r->custom_stats, who, value_dict(r->arena));
    DICT_EACH(data.u.dict, it)
    {
        struct dict *have = dict_get(r->custom_stats, who)->u.dict;
        struct value v = value_copy(r->arena, &it->val), *old = dict_getv(have, &it->key);
        dict_setv(have, value_copy(r->arena, &it->key),
                  old && aggregate ? add_stat(r->arena, old, v) : v);
    }
    dict_set(stats.u.dict, "data", data);
    dict_set(stats.u.dict, "per_host", value_bool(per_host));
    dict_set(stats.u.dict, "aggregate", value_bool(aggregate));
    dict_set(result->u.dict, "ansible_stats", stats);
    dict_set(result->u.dict, "changed", value_bool(false));
    return 0;
}

int action_gather_facts(struct exec *x, struct dict *args, struct value *result)
{
    struct dict *send = value_dict(x->a).u.dict;
    static const char *const keys[] = {"gather_subset", "gather_timeout", "filter", "fact_path"};
    for (size_t i = 0; i < 4; i++)
        if (dict_get(args, keys[i]))
            dict_set(send, keys[i], *dict_get(args, keys[i]));
    struct module_call c = {.module = "setup", .args = send, .force_run = true};
    int rc = exec_module(x, &c, result);
    struct dict *d = result->u.dict;
    if (rc == 0 && dict_get(d, "ansible_facts") &&
        dict_get(d, "ansible_facts")->type == VALUE_DICT) {
        struct dict *f = dict_get(d, "ansible_facts")->u.dict;
        dict_set(f, "module_setup", value_bool(true));
    }
    return rc;
}

int action_raw(struct exec *x, struct dict *args, struct value *result)
{
    const char *command = arg_str(x, args, "_raw_params");
    struct dict *d = result->u.dict;
    if (x->check) {
        dict_set(d, "skipped", value_bool(true));
        return 0;
    }
    if (!command)
        command = "";
    int rc = exec_raw(x, command, arg_str(x, args, "executable"), result);
    if (rc < 0 || result->u.dict != d || dict_bool(d, "unreachable", false))
        return rc;
    dict_set(d, "changed", value_bool(true));
    if (dict_int(d, "rc", 0) != 0) {
        dict_set(d, "failed", value_bool(true));
        dict_set(d, "msg", value_cstr("non-zero return code"));
    }
    return 0;
}
