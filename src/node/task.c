// One task from its JSON to its result: environment, arguments, the module, secrets taken out.
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HIDDEN "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

static int compare(const void *key, const void *row)
{
    return strcmp(key, ((const struct module_row *)row)->name);
}

static const struct module_row *find_module(const char *name)
{
    return bsearch(name, module_table, module_table_len, sizeof *module_table, compare);
}

// --- secrets
// ---------------------------------------------------------------------------------------------------

// Adds all non-empty strings (and numbers as text) inside v.
static void collect(struct arena *a, const struct value *v, struct list *secrets)
{
    struct dict_entry *entry;
    switch ((enum value_type)v->type) {
    case VALUE_DICT:
        DICT_EACH(v->u.dict, entry)
        collect(a, &entry->val, secrets);
        break;
    case VALUE_LIST:
        for (size_t i = 0; i < v->u.list->len; i++)
            collect(a, &v->u.list->items[i], secrets);
        break;
    case VALUE_STRING:
        if (v->u.str.len)
            list_add(secrets, *v);
        break;
    case VALUE_INT:
    case VALUE_FLOAT:
        list_add(secrets, value_cstr(value_to_cstr(a, v)));
        break;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_UNDEFINED:
    case VALUE_OBJECT:
        break;
    }
}

static void collect_params(struct arena *a, const struct param *p, const struct dict *args,
                           struct list *secrets)
{
    for (; p && p->name; p++) {
        const struct value *v = dict_get(args, p->name);
        if (!v)
            continue;
        if (p->flags & PARAM_NO_LOG)
            collect(a, v, secrets);
        else if (p->sub && v->type == VALUE_DICT)
            collect_params(a, p->sub, v->u.dict, secrets);
        for (size_t i = 0; p->sub && v->type == VALUE_LIST && i < v->u.list->len; i++)
            if (v->u.list->items[i].type == VALUE_DICT)
                collect_params(a, p->sub, v->u.list->items[i].u.dict, secrets);
    }
}

static struct value hide_in_string(struct arena *a, const struct value *v,
                                   const struct list *secrets)
{
    struct value s = *v;
    for (size_t i = 0; i < secrets->len; i++) {
        const struct value *x = &secrets->items[i];
        if (s.u.str.len == x->u.str.len && memcmp(s.u.str.s, x->u.str.s, s.u.str.len) == 0)
            return value_cstr(HIDDEN);
        const char *at = s.u.str.s, *end = at + s.u.str.len;
        const char *hit = memmem(at, (size_t)(end - at), x->u.str.s, x->u.str.len);
        if (!hit)
            continue;
        struct buf b = BUF_INIT;
        for (; hit; hit = memmem(at, (size_t)(end - at), x->u.str.s, x->u.str.len)) {
            buf_add(&b, at, (size_t)(hit - at));
            buf_adds(&b, "********");
            at = hit + x->u.str.len;
        }
        buf_add(&b, at, (size_t)(end - at));
        s = value_strn(a, buf_str(&b), b.len);
        buf_release(&b);
    }
    return s;
}

static void hide(struct arena *a, struct value *v, const struct list *secrets)
{
    struct dict_entry *entry;
    if (v->type == VALUE_STRING)
        *v = hide_in_string(a, v, secrets);
    for (size_t i = 0; v->type == VALUE_LIST && i < v->u.list->len; i++)
        hide(a, &v->u.list->items[i], secrets);
    if (v->type == VALUE_DICT)
        DICT_EACH(v->u.dict, entry)
    hide(a, &entry->val, secrets);
}

// --- running
// ---------------------------------------------------------------------------------------------------

static void set_up_process(struct module *m, const struct dict *task)
{
    const struct value *env = dict_get(task, "env"), *mask = dict_get(task, "umask");
    struct dict_entry *entry;
    if (env && env->type == VALUE_DICT)
        DICT_EACH(env->u.dict, entry)
    setenv(value_to_cstr(m->arena, &entry->key), value_to_cstr(m->arena, &entry->val), 1);
    if (mask && mask->type == VALUE_STRING)
        umask((mode_t)strtoul(mask->u.str.s, NULL, 8) & 0777);
    else if (mask && mask->type == VALUE_INT)
        umask((mode_t)mask->u.i & 0777);
    const char *cwd = dict_str(task, "cwd", NULL);
    if (cwd && chdir(cwd) < 0)
        module_warn(m, "cannot change into '%s': %s", cwd, strerror(errno));
}

static const struct dict *dict_of(struct arena *a, const struct dict *task, const char *key)
{
    const struct value *v = dict_get(task, key);
    return v && v->type == VALUE_DICT ? v->u.dict : value_dict(a).u.dict;
}

static void finish(struct module *m, const struct dict *given)
{
    const char *path = dict_str(m->result, "path", NULL);
    if (!dict_get(m->result, "changed"))
        module_set(m, "changed", value_bool(false));
    if (!path)
        path = dict_str(m->result, "dest", NULL);
    if (path && *path && !m->no_details)
        file_add_result(m, path);
    struct value secrets = value_list(m->arena), result = {.type = VALUE_DICT, .u.dict = m->result};
    if (m->verbosity >= 3 && m->spec) {
        struct value invocation = value_dict(m->arena);
        struct value shown = {.type = VALUE_DICT,
                              .u.dict = m->args ? m->args : value_dict(m->arena).u.dict};
        dict_set(invocation.u.dict, "module_args", value_copy(m->arena, &shown));
        module_set(m, "invocation", invocation);
    }
    if (m->recorded && dict_bool(m->result, "changed", false))
        module_set(m, "_andon_changes", (struct value){.type = VALUE_LIST, .u.list = m->recorded});
    if (m->spec && !(m->spec->flags & MODULE_NO_SPEC)) {
        collect_params(m->arena, m->spec->params, given, secrets.u.list);
        if (m->args)
            collect_params(m->arena, m->spec->params, m->args, secrets.u.list);
    }
    if (secrets.u.list->len)
        hide(m->arena, &result, secrets.u.list);
}

void task_run(struct arena *a, const struct dict *task, struct session *s, struct value *ret_result)
{
    *ret_result = value_dict(a);
    const char *name = dict_str(task, "module", "");
    struct module m = {
        .arena = a,
        .spec = spec_find(name),
        .extra = value_dict(a).u.dict,
        .result = ret_result->u.dict,
        .check = dict_bool(task, "check", false),
        .diff = dict_bool(task, "diff", false),
        .record = dict_bool(task, "record", false) && !dict_bool(task, "diff", false),
        .live = dict_bool(task, "live", false),
        .verbosity = (int)dict_int(task, "verbosity", 0),
        .session = s,
    };
    const struct dict *args = dict_of(a, task, "args");
    dict_update(m.extra, dict_of(a, task, "extra"));
    set_up_process(&m, task);
    m.journal = journal_new(&m, task);
    // internal modules have no spec: what they are given was checked elsewhere
    const struct module_row *row =
        m.spec || *name == '_' ? find_module(m.spec ? m.spec->name : name) : NULL;
    struct err e = ERR_INIT;
    if (!row)
        module_fail(&m, "The module %s was not found on this host's helper", name);
    else if (!m.spec)
        row->run(&m);
    else if (spec_validate(m.spec, a, args, &m.args, &e) < 0)
        module_fail_err(&m, &e);
    else if (m.check && !(m.spec->flags & MODULE_CHECK)) {
        module_set(&m, "skipped", value_bool(true));
        module_set(&m, "msg",
                   value_strf(a, "remote module (%s%s) does not support check mode",
                              m.spec->flags & MODULE_ACTION ? "ansible.legacy." : "",
                              m.spec->name));
    } else {
        row->run(&m);
    }
    host_tmp_cleanup(&m);
    finish(&m, args);
    journal_end(&m); // behind the secrets: what is kept tells none
}
