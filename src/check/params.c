// The parameters of a task against the table of its module. Values with templates in them are not
// known: only that they are given counts, and not even that where they may be `omit`.
#include "check/check.h"

#include "core/buf.h"
#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PARAMS 160

struct params {
    const struct task *task;
    const struct module_spec *spec;
    const struct dict *args;
    struct arena *a;
    check_told *fn;
    void *data;
};

static struct pos key_pos(const struct params *p, const struct value *key)
{
    struct pos pos = value_pos(key);
    return pos.line ? pos : p->task->n.pos;
}

static void tell(const struct params *p, enum check_id id, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void tell(const struct params *p, enum check_id id, struct pos pos, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    p->fn(p->data, id, pos, arena_vprintf(p->a, fmt, ap));
    va_end(ap);
}

static bool may_be_omitted(const struct value *v)
{
    return v->type == VALUE_NULL ||
           (v->type == VALUE_STRING && template_is_template(v->u.str.s, v->u.str.len));
}

// --- what others take ----------------------------------------------------------------------------

// Parameters of later ansible-cores than the one whose modules these are.
static const struct {
    const char *module, *name, *since;
} newer[] = {
    {"apt", "auto_install_module_deps", "2.19"},
    {"get_url", "ciphers", "2.14"},
    {"git", "gpg_allowlist", "2.20"},
    {"known_hosts", "checkmode_diff", "2.20"},
    {"user", "password_expire_account_disable", "2.17"},
    {"user", "uid_max", "2.18"},
    {"user", "uid_min", "2.18"},
};

static const char *since(const char *module, const char *name)
{
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++)
        if (strcmp(newer[i].module, module) == 0 && strcmp(newer[i].name, name) == 0)
            return newer[i].since;
    return NULL;
}

// service and package hand their parameters on to the module that does the work on the host.
static bool handed_on(const struct module_spec *m, const char *name)
{
    if (strcmp(m->name, "package") == 0)
        return true;
    const struct module_spec *systemd =
        strcmp(m->name, "service") == 0 ? spec_find("systemd") : NULL;
    return systemd && spec_param(systemd, name);
}

// --- names ---------------------------------------------------------------------------------------

static void unknown_name(const struct params *p, const struct value *key)
{
    const char *names[MAX_PARAMS];
    int n = 0;
    for (const struct param *row = p->spec->params; row && row->name && n < MAX_PARAMS; row++)
        names[n++] = row->name;
    if (handed_on(p->spec, key->u.str.s))
        return;
    const char *near = since(p->spec->name, key->u.str.s);
    if (near) {
        tell(p, CHECK_NEW_PARAMETER, key_pos(p, key),
             "parameter '%s' of module '%s' is new in ansible-core %s and not known here",
             key->u.str.s, p->spec->name, near);
        return;
    }
    near = err_suggest(key->u.str.s, names, n);
    tell(p, CHECK_UNKNOWN_PARAMETER, key_pos(p, key), "module '%s' has no parameter '%s'%s%s%s",
         p->spec->name, key->u.str.s, near ? " (did you mean '" : "", near ? near : "",
         near ? "'?)" : "");
}

// True when the parameter is given by its name or one of its aliases.
static bool given(const struct dict *args, const struct param *p)
{
    if (dict_get(args, p->name))
        return true;
    for (const char *s = p->aliases; s && *s;) {
        size_t n = strcspn(s, "|");
        if (dict_getn(args, s, n))
            return true;
        s += n + (s[n] == '|');
    }
    return false;
}

// --- values --------------------------------------------------------------------------------------

static const char *type_name(enum param_type t)
{
    static const char *const names[] = {"text",          "a path", "a whole number", "a number",
                                        "true or false", "a list", "a dictionary",   "any value",
                                        "JSON",          "a size"};
    return names[t];
}

// Validates one value as the only parameter of a module.
static int validate_one(const struct params *p, struct param row, const struct value *v,
                        struct err *e)
{
    struct dict *args = value_dict(p->a).u.dict, *done;
    row.flags &= ~(unsigned)PARAM_REQUIRED;
    const struct param rows[] = {row, {0}};
    const struct module_spec one = {.name = p->spec->name, .params = rows};
    dict_set(args, row.name, *v);
    return spec_validate(&one, p->a, args, &done, e);
}

static char *choices_text(struct arena *a, const char *choices)
{
    struct buf b = BUF_INIT;
    for (; *choices; choices++)
        if (*choices == '|')
            buf_adds(&b, ", ");
        else
            buf_addc(&b, *choices);
    char *ret = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return ret;
}

static void check_value(const struct params *p, const struct param *row,
                        const struct dict_entry *it)
{
    struct err e = ERR_INIT;
    struct pos pos = value_pos(&it->val).line ? value_pos(&it->val) : key_pos(p, &it->key);
    struct param bare = *row;
    if (it->val.type == VALUE_NULL || template_has_template(&it->val))
        return;
    bare.choices = NULL;
    bare.sub = NULL;
    if (validate_one(p, bare, &it->val, &e) < 0) {
        tell(p, CHECK_PARAMETER_TYPE, pos, "parameter '%s' of module '%s' takes %s, not '%s'",
             it->key.u.str.s, p->spec->name, type_name(row->type), value_to_cstr(p->a, &it->val));
        goto out;
    }
    bare.choices = row->choices;
    if (validate_one(p, bare, &it->val, &e) < 0) {
        tell(p, CHECK_PARAMETER_CHOICE, pos,
             "parameter '%s' of module '%s' takes one of %s, not '%s'", it->key.u.str.s,
             p->spec->name, choices_text(p->a, row->choices), value_to_cstr(p->a, &it->val));
        goto out;
    }
    if (row->sub && validate_one(p, *row, &it->val, &e) < 0)
        tell(p, CHECK_UNKNOWN_PARAMETER, pos, "parameter '%s' of module '%s': %s", it->key.u.str.s,
             p->spec->name, err_msg(&e));
out:
    err_release(&e);
}

// --- what goes together --------------------------------------------------------------------------

// The module's rules alone, for parameters of any type.
static int validate_rules(const struct params *p, bool exclusive, const struct dict *args,
                          struct err *e)
{
    struct param rows[MAX_PARAMS + 1];
    struct dict *done;
    size_t n = 0;
    for (const struct param *row = p->spec->params; row && row->name && n < MAX_PARAMS; row++) {
        rows[n] = *row;
        rows[n].flags &= ~(unsigned)PARAM_REQUIRED;
        rows[n].choices = NULL;
        rows[n].sub = NULL;
        rows[n++].type = PARAM_RAW;
    }
    rows[n] = (struct param){0};
    struct module_spec spec = *p->spec;
    spec.params = rows;
    spec.flags &= ~(unsigned)MODULE_FILE_ARGS;
    if (exclusive)
        spec.required_by = spec.required_if = spec.required_one_of = spec.required_together = NULL;
    else
        spec.mutually_exclusive = NULL;
    return spec_validate(&spec, p->a, args, &done, e);
}

static void check_rules(const struct params *p, bool exclusive)
{
    struct dict *args = value_dict(p->a).u.dict;
    struct dict_entry *it;
    struct err e = ERR_INIT;
    struct module_spec bare = *p->spec;
    bare.flags &= ~(unsigned)MODULE_FILE_ARGS;
    DICT_EACH(p->args, it)
    if (it->key.type == VALUE_STRING && spec_param(&bare, it->key.u.str.s) &&
        !(exclusive && may_be_omitted(&it->val)))
        dict_setv(args, it->key, it->val);
    if (validate_rules(p, exclusive, args, &e) < 0)
        tell(p, CHECK_PARAMETER_RULE, p->task->n.pos, "module '%s': %s", p->spec->name,
             err_msg(&e));
    err_release(&e);
}

static void check_required(const struct params *p)
{
    for (const struct param *row = p->spec->params; row && row->name; row++)
        if (row->flags & PARAM_REQUIRED && !given(p->args, row))
            tell(p, CHECK_MISSING_PARAMETER, p->task->n.pos, "module '%s' needs the parameter '%s'",
                 p->spec->name, row->name);
}

static bool start(struct params *p, const struct task *t, struct arena *a, check_told *fn,
                  void *data)
{
    const struct module_spec *m = t->kind == TASK_ACTION ? spec_find(t->module) : NULL;
    if (!m || m->flags & MODULE_NO_SPEC || t->args.type != VALUE_DICT || t->implicit ||
        t->foreign || dict_get(t->args.u.dict, "_variable_params"))
        return false;
    *p = (struct params){
        .task = t, .spec = m, .args = t->args.u.dict, .a = a, .fn = fn, .data = data};
    return true;
}

static bool is_plain_key(const struct value *key)
{
    return key->type == VALUE_STRING && *key->u.str.s != '_' &&
           !template_is_template(key->u.str.s, key->u.str.len);
}

// What module_defaults, the free form or another module give may be what is missing.
static bool may_lack(const struct params *p)
{
    struct dict_entry *it;
    DICT_EACH(p->args, it)
    if (it->key.type == VALUE_STRING && !spec_param(p->spec, it->key.u.str.s) &&
        handed_on(p->spec, it->key.u.str.s))
        return true;
    return p->spec->flags & MODULE_FREE_FORM || node_attr(&p->task->n, "module_defaults");
}

void check_parameter_names(const struct task *t, struct arena *a, check_told *fn, void *data)
{
    struct params p;
    struct dict_entry *it;
    if (!start(&p, t, a, fn, data))
        return;
    DICT_EACH(p.args, it)
    if (is_plain_key(&it->key) && !spec_param(p.spec, it->key.u.str.s))
        unknown_name(&p, &it->key);
    if (!may_lack(&p))
        check_required(&p);
}

void check_parameter_values(const struct task *t, struct arena *a, check_told *fn, void *data)
{
    struct params p;
    struct dict_entry *it;
    if (!start(&p, t, a, fn, data))
        return;
    DICT_EACH(p.args, it)
    {
        const struct param *row =
            is_plain_key(&it->key) ? spec_param(p.spec, it->key.u.str.s) : NULL;
        if (row)
            check_value(&p, row, it);
    }
    check_rules(&p, true);
    if (!may_lack(&p))
        check_rules(&p, false);
}
