// lookup(), query() and q(): finding the lookup, templating its terms, joining its results,
// handling errors=.
#include "template/args.h"
#include "template/eval.h"
#include "template/hooks.h"

#include <string.h>

static const char *plain_name(const char *name)
{
    static const char *const prefixes[] = {"ansible.builtin.", "ansible.legacy."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return name + strlen(prefixes[i]);
    return name;
}

// How a failing lookup reads. Errors that a lookup raises itself keep their words.
static int explain_failure(const struct templar *t, const char *name, int rc, struct err *e)
{
    if (rc >= 0 || !e || t->opts.own_words || rc == ERR_UNDEFINED || rc == ERR_UNSUPPORTED ||
        rc == ERR_LIMIT || rc == ERR_FAILED || rc == ERR_UNKNOWN)
        return rc;
    struct err why = ERR_INIT;
    err_move(&why, e);
    rc = err_set(
        e, ERR_FAILED, why.pos,
        "An unhandled exception occurred while running the lookup plugin '%s'. Error was a "
        "<class 'ansible.errors.AnsibleError'>, original message: %s%s%s",
        name, err_msg(&why), t->repeat_causes ? ". " : "", t->repeat_causes ? err_msg(&why) : "");
    err_release(&why);
    return rc;
}

static int run_lookup(struct templar *t, struct arena *a, const char *name,
                      const struct list *terms, const struct dict *kwargs, struct value *ret,
                      struct err *e)
{
    const char *plain = plain_name(name);
    const struct lookup_row *row = lookup_find(plain, strlen(plain));
    int rc = ERR_NOENT;
    // the user's own lookups go before ours of the same name, as in Ansible
    if (template_hooks.foreign_lookup && !(row && plain != name))
        rc = template_hooks.foreign_lookup(t, a, name, row != NULL, terms, kwargs, ret, e);
    if (rc != ERR_NOENT)
        return rc;
    if (row) {
        struct call c = {.t = t,
                         .arena = a,
                         .args = terms->items,
                         .n_args = terms->len,
                         .kwargs = kwargs,
                         .name = row->name};
        return explain_failure(t, name, row->fn(&c, terms, ret, e), e);
    }
    return err_set(e, ERR_UNSUPPORTED, POS_NONE, "lookup plugin (%s) not found", name);
}

// Strings are joined with commas; a lone other value is given itself.
static void join(struct arena *a, struct value *v)
{
    const struct list *l = v->u.list;
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < l->len; i++) {
        if (l->items[i].type != VALUE_STRING) {
            buf_release(&b);
            if (l->len == 1)
                *v = l->items[0];
            return;
        }
        if (i)
            buf_addc(&b, ',');
        buf_add(&b, l->items[i].u.str.s, l->items[i].u.str.len);
    }
    uint8_t native = l->items[0].flags & VALUE_NATIVE_TEXT;
    *v = value_strn(a, buf_str(&b), b.len);
    v->flags = native;
    buf_release(&b);
}

// A plugin may give a mapping: joined as Python does, which goes through its keys.
static struct value keys_of(struct arena *a, const struct dict *d)
{
    struct value l = value_list(a);
    struct dict_entry *it;
    DICT_EACH(d, it)
    list_add(l.u.list, it->key);
    return l;
}

static bool want(const struct dict *kwargs, const char *key, bool dflt)
{
    const struct value *v = dict_get(kwargs, key);
    return v ? value_truthy(v) : dflt;
}

static struct dict *plain_options(struct arena *a, const struct dict *kwargs)
{
    struct value d = value_dict(a);
    if (kwargs)
        dict_update(d.u.dict, kwargs);
    dict_del(d.u.dict, "wantlist");
    dict_del(d.u.dict, "errors");
    dict_del(d.u.dict, "allow_unsafe");
    return d.u.dict;
}

int template_lookup(struct templar *t, struct arena *a, const char *name, const struct list *terms,
                    const struct dict *kwargs, bool wantlist, struct value *ret, struct err *e)
{
    static const struct dict none;
    const struct dict *given = kwargs ? kwargs : &none;
    const char *errors = dict_str(given, "errors", "strict");
    bool ignore = strcmp(errors, "warn") == 0 || strcmp(errors, "ignore") == 0;
    struct err local = ERR_INIT;
    struct value v = value_list(a);
    struct template_session mine;
    int rc = session_enter(t, a, &mine, e);
    if (rc < 0)
        return rc;
    wantlist = want(given, "wantlist", wantlist);
    rc = run_lookup(t, a, name, terms, plain_options(a, given), &v, &local);
    struct ctx *cur = t->session ? t->session->cur : NULL;
    session_leave(t, &mine);
    if (rc < 0 && ignore && rc != ERR_UNDEFINED && rc != ERR_UNSUPPORTED && rc != ERR_UNKNOWN) {
        err_release(&local);
        *ret = wantlist ? value_list(a) : value_null();
        return 0;
    }
    if (rc < 0)
        return err_move(e, &local);
    if (v.type == VALUE_DICT && !wantlist)
        v = keys_of(a, v.u.dict);
    if (v.type == VALUE_LIST && v.u.list->len && !want(given, "allow_unsafe", false)) {
        if (!wantlist)
            join(a, &v);
        v = value_copy(a, &v);
        value_mark_unsafe(&v);
        if (cur)
            cur->unsafe = true;
    }
    *ret = v;
    return 0;
}

static int call_lookup(struct call *c, bool wantlist, struct value *ret, struct err *e)
{
    const struct value *name = c->n_args ? &c->args[0] : dict_get(c->kwargs, "name");
    if (!name)
        return err_set(e, ERR_INVALID, c->pos,
                       "Templar._lookup() missing 1 required positional argument: 'name'");
    if (name->type == VALUE_UNDEFINED)
        return err_set(e, ERR_UNDEFINED, c->pos, "%s", name->u.str.s);
    if (name->type != VALUE_STRING)
        return err_set(e, ERR_FAILED, c->pos, "lookup plugin (%s) not found",
                       value_to_cstr(c->arena, name));
    struct value terms = value_list(c->arena), done;
    for (size_t i = 1; i < c->n_args; i++) {
        const struct value *undef = value_find_undefined(&c->args[i], 0);
        if (undef && is_strict(undef))
            return fail_undefined(c, undef, e);
        list_add(terms.u.list, c->args[i]);
    }
    int rc = template_value(c->t, c->arena, &terms, &done, e);
    if (rc < 0)
        return rc;
    struct dict_entry *d;
    DICT_EACH(c->kwargs, d)
    if (d->val.type == VALUE_UNDEFINED && !value_eqs(&d->key, "default")) // may not be needed
        return fail_undefined(c, &d->val, e);
    struct dict *kwargs = value_dict(c->arena).u.dict;
    dict_update(kwargs, c->kwargs);
    dict_del(kwargs, "name");
    if (wantlist)
        dict_set(kwargs, "wantlist", value_bool(true));
    return template_lookup(c->t, c->arena, name->u.str.s, done.u.list, kwargs, wantlist, ret, e);
}

int global_lookup(struct call *c, struct value *ret, struct err *e)
{
    return call_lookup(c, false, ret, e);
}

int global_query(struct call *c, struct value *ret, struct err *e)
{
    return call_lookup(c, true, ret, e);
}
