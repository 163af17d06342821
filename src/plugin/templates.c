// Filters, tests and lookups of the user's own Ansible, called like ours: the rows that stand for
// them, and the variables they may read.
#include "core/file.h"
#include "plugin/internal.h"
#include "template/builtin.h"
#include "template/hooks.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAX_PLUGIN ((size_t)8 << 20)

// The hooks of the template room are process-wide, so whom they ask is too.
static struct plugins *hooked;

// --- which there are
// -------------------------------------------------------------------------------------------------

static void add_texts(struct plugins *p, struct buf *b, const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *de; (de = readdir(d));) {
        size_t n = strlen(de->d_name), len;
        char *text;
        if (n < 4 || strcmp(de->d_name + n - 3, ".py") != 0)
            continue;
        if (file_read(p->arena, path_join(p->arena, dir, de->d_name), MAX_PLUGIN, &text, &len,
                      NULL) == 0)
            buf_add(b, text, len);
        buf_addc(b, '\n');
    }
    closedir(d);
}

// The text of all filter (test) plugins of the user's own. They are few and small; it says without
// starting Python whether a name is likely to be among them.
static const struct value *local_text(struct plugins *p, bool test)
{
    const char *kind = test ? "test_plugins" : "filter_plugins";
    const struct value *v = dict_get(p->texts, kind);
    if (v)
        return v;
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < p->folders.n; i++)
        add_texts(p, &b, path_join(p->arena, p->folders.items[i], kind));
    const struct list *l =
        config_list(p->o.config, test ? CONFIG_TEST_PLUGINS : CONFIG_FILTER_PLUGINS);
    for (size_t i = 0; i < l->len; i++)
        add_texts(p, &b, l->items[i].u.str.s);
    dict_set(p->texts, kind, value_strn(p->arena, buf_str(&b), b.len));
    buf_release(&b);
    return dict_get(p->texts, kind);
}

// Does the name stand there in quotes?
static bool is_quoted_in(const struct value *text, const char *name, size_t len)
{
    const char *s = text->u.str.s, *end = s + text->u.str.len;
    for (; (s = memmem(s, (size_t)(end - s), name, len)); s++)
        if (s > text->u.str.s && s + len < end && (s[-1] == '\'' || s[-1] == '"') &&
            s[len] == s[-1])
            return true;
    return false;
}

static int foreign_filter(struct call *c, struct value *ret, struct err *e);
static int foreign_test(struct call *c, struct value *ret, struct err *e);

static const struct builtin *new_row(struct plugins *p, bool test, const char *name)
{
    struct builtin row = {.name = name,
                          .fn = test ? foreign_test : foreign_filter,
                          .takes_undefined = true,
                          .help = "A plugin of the user's own Ansible."};
    struct builtin *copy = arena_alloc(p->arena, sizeof row);
    memcpy(copy, &row, sizeof row);
    return copy;
}

// Asks the process. Without Ansible the name counts as known where its text was seen, so that its
// use says what is missing.
static bool ask(struct plugins *p, bool test, const char *name, bool likely)
{
    struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct value v, text = value_cstr(name);
    struct buf b = BUF_INIT;
    buf_addf(&b, "\"op\":\"has\",\"kind\":\"%s\",\"name\":", test ? "test" : "filter");
    codec_write(&b, a, &text);
    int rc =
        process_request(p, a, buf_str(&b), NULL,
                        arena_printf(a, "the %s '%s'", test ? "test" : "filter", name), &v, &e);
    bool found = rc < 0 ? likely : v.type == VALUE_DICT && dict_bool(v.u.dict, "found", false);
    buf_release(&b);
    err_release(&e);
    arena_free(a);
    return found;
}

static bool exists(struct plugins *p, bool test, const char *name, size_t len, bool own)
{
    const char *dot = strrchr(name, '.');
    const struct value *text = local_text(p, test);
    bool likely = dot ? collection_dir(p, name, (size_t)(dot - name)) != NULL
                      : text->u.str.len && is_quoted_in(text, name, len);
    // Ansible's own are all built in, and what is nowhere is not worth a Python
    if (!likely && (own || dot || !text->u.str.len))
        return false;
    return ask(p, test, name, likely);
}

static const struct builtin *find_row(bool test, const char *name, size_t len, bool own)
{
    struct plugins *p = hooked;
    const char *key = arena_printf(p->arena, "%d%.*s", test, (int)len, name);
    const struct value *v = dict_get(p->rows, key);
    if (v)
        return (const struct builtin *)(uintptr_t)v->u.i;
    const char *copy = key + 1;
    const struct builtin *row = exists(p, test, copy, len, own) ? new_row(p, test, copy) : NULL;
    dict_set(p->rows, key, value_int((int64_t)(uintptr_t)row));
    return row;
}

// --- variables for them
// -------------------------------------------------------------------------------------------------

static int get_of_host(struct templar *t, struct arena *a, const char *host, const char *name,
                       struct value *ret, struct err *e)
{
    struct value all, one, key = value_cstr(host);
    int rc = t->vars.get(t->vars.data, a, "hostvars", &all, e);
    if (rc <= 0 || all.type != VALUE_OBJECT || !all.u.obj->ops->get)
        return rc < 0 ? rc : 0;
    rc = all.u.obj->ops->get(all.u.obj, a, &key, false, &one, e);
    if (rc <= 0 || one.type != VALUE_OBJECT || !one.u.obj->ops->get)
        return rc < 0 ? rc : 0;
    key = value_cstr(name);
    return one.u.obj->ops->get(one.u.obj, a, &key, false, ret, e);
}

static int get_variable(void *data, struct arena *a, const char *host, const char *name,
                        struct value *ret, struct err *e)
{
    struct templar *t = data;
    const struct value *local = t->locals ? dict_get(t->locals, name) : NULL;
    if (host)
        return get_of_host(t, a, host, name, ret, e);
    if (local) {
        *ret = *local;
        return 1;
    }
    return t->vars.get ? t->vars.get(t->vars.data, a, name, ret, e) : 0;
}

static void add_names(struct list *l, const struct dict *d)
{
    struct dict_entry *it;
    DICT_EACH(d, it)
    {
        if (it->key.type == VALUE_STRING)
            list_add(l, it->key);
    }
}

static int variable_names(void *data, struct arena *a, const char *host, struct list **ret,
                          struct err *e)
{
    struct templar *t = data;
    struct value all, one, plain, key = value_cstr(host ? host : "");
    struct dict *d = NULL;
    *ret = value_list(a).u.list;
    if (!host) {
        int rc = t->vars.all ? t->vars.all(t->vars.data, a, &d, e) : 0;
        if (rc == 0 && d)
            add_names(*ret, d);
        if (t->locals)
            add_names(*ret, t->locals);
        return rc;
    }
    if (t->vars.get(t->vars.data, a, "hostvars", &all, e) > 0 && all.type == VALUE_OBJECT &&
        all.u.obj->ops->get(all.u.obj, a, &key, false, &one, e) > 0 && one.type == VALUE_OBJECT &&
        one.u.obj->ops->materialize(one.u.obj, a, &plain, e) == 0 && plain.type == VALUE_DICT)
        add_names(*ret, plain.u.dict);
    return 0;
}

// --- calling
// -------------------------------------------------------------------------------------------------

static void add_member(struct buf *b, struct arena *a, const char *name, struct value v)
{
    buf_addf(b, ",\"%s\":", name);
    codec_write(b, a, &v);
}

static int request(struct plugins *p, struct templar *t, struct arena *a, const char *kind,
                   const char *name, const struct buf *b, struct value *ret, struct err *e)
{
    struct var_source vars = {.get = get_variable, .names = variable_names, .data = t};
    int64_t start = clock_mono_ms();
    int rc = process_request(p, a, buf_str(b), &vars, arena_printf(a, "the %s '%s'", kind, name),
                             ret, e);
    plugins_count(p, kind, name, (double)(clock_mono_ms() - start) / 1000.0);
    return rc;
}

static int call(struct call *c, const char *kind, struct value *ret, struct err *e)
{
    struct buf b = BUF_INIT;
    struct list args = {.arena = c->arena, .len = c->n_args, .cap = c->n_args};
    memcpy(&args.items, &c->args, sizeof c->args);
    struct value l = {.type = VALUE_LIST, .u.list = &args}, k = {.type = VALUE_DICT};
    k.u.dict = (struct dict *)(uintptr_t)c->kwargs;
    buf_addf(&b, "\"op\":\"%s\"", kind);
    add_member(&b, c->arena, "name", value_cstr(c->name));
    add_member(&b, c->arena, "value", c->self);
    add_member(&b, c->arena, "args", l);
    add_member(&b, c->arena, "kwargs", k);
    hooked->error_class = NULL;
    int rc = request(hooked, c->t, c->arena, kind, c->name, &b, ret, e);
    if (rc < 0 && hooked->error_class)
        call_set_class(c, hooked->error_class);
    buf_release(&b);
    return rc;
}

static int foreign_filter(struct call *c, struct value *ret, struct err *e)
{
    return call(c, "filter", ret, e);
}

static int foreign_test(struct call *c, struct value *ret, struct err *e)
{
    return call(c, "test", ret, e);
}

static bool local_lookup(struct plugins *p, const char *name)
{
    bool found = false;
    for (size_t i = 0; i < p->folders.n && !found; i++)
        found = file_in(p, path_join(p->arena, p->folders.items[i], "lookup_plugins"), name, false);
    const struct list *l = config_list(p->o.config, CONFIG_LOOKUP_PLUGINS);
    for (size_t i = 0; i < l->len && !found; i++)
        found = file_in(p, l->items[i].u.str.s, name, false);
    return found;
}

// own: is there one to be used instead of ours?
static bool look_for_lookup(struct plugins *p, const char *name, bool own)
{
    static const char ours[] = "ansible.builtin";
    const char *dot = strrchr(name, '.');
    if (dot)
        return !own && collection_dir(p, name, (size_t)(dot - name)) != NULL;
    bool local = local_lookup(p, name);
    if (local || own || !ansible_package(p))
        return local;
    return file_in(p, path_join(p->arena, ansible_package(p), "plugins/lookup"), name, false) ||
           routed(p, ours, sizeof ours - 1, "lookup", name);
}

static bool lookup_exists(struct plugins *p, const char *name, bool own)
{
    char key[256];
    if ((size_t)snprintf(key, sizeof key, "lookup%d %s", own, name) >= sizeof key)
        return look_for_lookup(p, name, own);
    const struct value *v = dict_get(p->rows, key);
    if (v)
        return v->u.i != 0;
    bool found = look_for_lookup(p, name, own);
    dict_set(p->rows, arena_strdup(p->arena, key), value_int(found));
    return found;
}

static int run_lookup(struct templar *t, struct arena *a, const char *name, bool own,
                      const struct list *terms, const struct dict *kwargs, struct value *ret,
                      struct err *e)
{
    struct buf b = BUF_INIT;
    struct value l = {.type = VALUE_LIST}, k = {.type = VALUE_DICT};
    if (!lookup_exists(hooked, name, own))
        return ERR_NOENT;
    l.u.list = (struct list *)(uintptr_t)terms;
    k.u.dict = (struct dict *)(uintptr_t)kwargs;
    buf_adds(&b, "\"op\":\"lookup\"");
    add_member(&b, a, "name", value_cstr(name));
    add_member(&b, a, "terms", l);
    add_member(&b, a, "kwargs", k);
    hooked->error_cause = NULL;
    int rc = request(hooked, t, a, "lookup", name, &b, ret, e);
    buf_release(&b);
    if (rc < 0 && t->repeat_causes && hooked->error_cause && e) {
        const char *msg = arena_printf(a, "%s. %s", err_msg(e), hooked->error_cause);
        err_release(e);
        err_set(e, rc, POS_NONE, "%s", msg);
    }
    return rc;
}

int worker_question(struct plugin_worker *w, struct templar *t, struct arena *a,
                    const struct dict *d, struct buf *ret, struct err *e)
{
    struct var_source vars = {.get = get_variable, .names = variable_names, .data = t};
    return process_question(worker_plugins(w), &vars, a, d, ret, e);
}

void plugins_set_hooks(struct plugins *p)
{
    hooked = p;
    template_hooks.foreign = p ? find_row : NULL;
    template_hooks.foreign_lookup = p ? run_lookup : NULL;
}
