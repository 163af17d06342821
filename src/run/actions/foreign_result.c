// What a module printed becomes a result as Ansible makes it: JSON between lines of junk, or the
// failure to find any.
#include "core/buf.h"
#include "core/json.h"
#include "run/foreign.h"

#include <string.h>

struct lines {
    const char *s;
    size_t len;
};

static struct lines strip(struct lines l)
{
    while (l.len && strchr(" \t\r\n\f\v", *l.s))
        l.s++, l.len--;
    while (l.len && strchr(" \t\r\n\f\v", l.s[l.len - 1]))
        l.len--;
    return l;
}

// The line that begins at s.
static struct lines line_at(const char *s, const char *end)
{
    const char *nl = memchr(s, '\n', (size_t)(end - s));
    return (struct lines){s, (size_t)((nl ? nl : end) - s)};
}

// From the first line that opens an object to the last that closes one; false when there is none.
// What follows is junk to warn of.
static bool find_json(struct lines all, struct lines *ret, struct lines *ret_junk)
{
    const char *end = all.s + all.len, *start = NULL, *stop = NULL;
    for (const char *s = all.s; s < end;) {
        struct lines l = line_at(s, end), bare = strip(l);
        if (!start && bare.len && *bare.s == '{')
            start = s;
        if (start && bare.len && bare.s[bare.len - 1] == '}')
            stop = l.s + l.len;
        s = l.s + l.len + 1;
    }
    if (!start || !stop)
        return false;
    *ret = (struct lines){start, (size_t)(stop - start)};
    *ret_junk = (struct lines){stop, (size_t)(end - stop)};
    return true;
}

static void tell_warning(struct exec *x, const char *msg)
{
    const struct run_sink *s = &x->run->o.sink;
    if (s->warning)
        s->warning(s->data, POS_NONE, msg);
}

// What stood behind the JSON, as a warning; NULL: nothing.
static const char *junk_warning(struct exec *x, struct lines junk)
{
    if (!strip(junk).len)
        return NULL;
    if (*junk.s == '\n')
        junk.s++, junk.len--;
    while (junk.len && junk.s[junk.len - 1] == '\n')
        junk.len--;
    return arena_printf(x->a, "Module invocation had junk after the JSON data: %.*s", (int)junk.len,
                        junk.s);
}

static bool starts_with(const struct value *v, const char *s)
{
    return v && v->type == VALUE_STRING && strncmp(v->u.str.s, s, strlen(s)) == 0;
}

static struct value no_json(struct exec *x, const struct dict *raw)
{
    struct value v = value_dict(x->a);
    const struct value *out = dict_get(raw, "stdout"), *err = dict_get(raw, "stderr"),
                       *rc = dict_get(raw, "rc");
    const char *what = "MODULE FAILURE";
    dict_set(v.u.dict, "failed", value_bool(true));
    dict_set(v.u.dict, "module_stdout", *out);
    dict_set(v.u.dict, "module_stderr", *err);
    if (starts_with(err, "Traceback"))
        dict_set(v.u.dict, "exception", *err);
    else if (starts_with(out, "Traceback"))
        dict_set(v.u.dict, "exception", *out);
    if (rc->u.i == 127 && strstr(err->u.str.s, ": not found"))
        what = "The module failed to execute correctly, you probably need to set the interpreter.";
    dict_set(v.u.dict, "msg", value_strf(x->a, "%s\nSee stdout/stderr for the exact error", what));
    dict_set(v.u.dict, "rc", *rc);
    return v;
}

// Keys that mean something to Ansible itself are not the module's to set.
static void clean(struct exec *x, struct dict *d)
{
    struct value names = value_list(x->a);
    struct dict_entry *it;
    DICT_EACH(d, it)
    {
        if (strncmp(it->key.u.str.s, "_ansible_", 9) == 0 || value_eqs(&it->key, "add_host") ||
            value_eqs(&it->key, "add_group"))
            list_add(names.u.list, it->key);
    }
    for (size_t i = 0; i < names.u.list->len; i++)
        dict_delv(d, &names.u.list->items[i]);
    const struct value *results = dict_get(d, "results");
    if (results && results->type != VALUE_LIST) {
        dict_set(d, "ansible_module_results", *results);
        dict_del(d, "results");
        tell_warning(x, "Found internal 'results' key in module return, renamed to "
                        "'ansible_module_results'.");
    }
}

static void add_warning(struct exec *x, struct dict *d, struct value text)
{
    struct value *told = dict_get(d, "warnings");
    if (!told || told->type != VALUE_LIST) {
        dict_set(d, "warnings", value_list(x->a));
        told = dict_get(d, "warnings");
    }
    list_add(told->u.list, text);
}

// The Python that was found is a fact from now on.
static void add_discovered(struct exec *x, const struct dict *raw, struct dict *d)
{
    const struct value *python = dict_get(raw, "discovered"), *warnings = dict_get(raw, "warnings");
    struct value *facts = dict_get(d, "ansible_facts");
    if (!python)
        return;
    if (!facts || facts->type != VALUE_DICT) {
        dict_set(d, "ansible_facts", value_dict(x->a));
        facts = dict_get(d, "ansible_facts");
    }
    dict_set(facts->u.dict, "discovered_interpreter_python", *python);
    for (size_t i = 0; warnings && warnings->type == VALUE_LIST && i < warnings->u.list->len; i++)
        add_warning(x, d, warnings->u.list->items[i]);
}

static void finish(struct exec *x, const struct dict *raw, struct value *result)
{
    clean(x, result->u.dict);
    add_discovered(x, raw, result->u.dict);
    value_mark_unsafe(result);
}

// The object among what was printed; *ret_warning is NULL or of what came behind it.
static bool parse(struct exec *x, const struct dict *raw, struct value *ret,
                  const char **ret_warning)
{
    const struct value *out = dict_get(raw, "stdout");
    struct lines json, junk;
    if (!find_json((struct lines){out->u.str.s, out->u.str.len}, &json, &junk) ||
        json_parse(x->a, json.s, json.len, ret, NULL) < 0 || ret->type != VALUE_DICT)
        return false;
    *ret_warning = junk_warning(x, junk);
    return true;
}

void foreign_result(struct exec *x, const struct dict *raw, struct value *result)
{
    const char *warning = NULL;
    if (!parse(x, raw, result, &warning))
        *result = no_json(x, raw);
    else if (warning)
        tell_warning(x, warning);
    finish(x, raw, result);
}

void foreign_job_result(struct exec *x, const struct dict *raw, struct value *result)
{
    const struct value *err = dict_get(raw, "stderr");
    const char *warning = NULL;
    bool found = parse(x, raw, result, &warning);
    if (!found) {
        *result = no_json(x, raw);
        dict_set(result->u.dict, "data", *dict_get(raw, "stdout"));
        dict_del(result->u.dict, "module_stdout");
        dict_del(result->u.dict, "module_stderr");
        dict_del(result->u.dict, "rc");
    }
    if (!found || err->u.str.len)
        dict_set(result->u.dict, "stderr", *err);
    if (warning)
        add_warning(x, result->u.dict, value_str(x->a, warning));
    finish(x, raw, result);
}
