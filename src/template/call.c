// Calling filters and tests by name, walking attribute paths and iterating: what map, select and
// their kin build on.
#include "template/args.h"
#include "template/eval.h"
#include "template/hooks.h"
#include "template/unicode.h"

#include <ctype.h>
#include <string.h>

int call_builtin(struct call *c, builtin_fn *fn, struct value *ret, struct err *e)
{
    int rc = fn(c, ret, e);
    if (c->too_large)
        return err_set(e, ERR_LIMIT, c->pos, "%s makes a text of more than %zu MB", c->name,
                       OUTPUT_MAX >> 20);
    if (arena_full(c->arena))
        return err_set(e, ERR_LIMIT, c->pos, "%s makes more than an evaluation may hold (%zu MB)",
                       c->name, MEMORY_MAX >> 20);
    if (rc >= 0 && (value_nodes(ret) > NODES_MAX || value_nodes(&c->self) > NODES_MAX))
        return err_set(e, ERR_LIMIT, c->pos, "%s makes a value of more than %zu parts", c->name,
                       NODES_MAX);
    return rc;
}

static int run(const struct callee *fn, struct call *from, const struct value *self,
               const struct value *args, size_t n_args, const struct dict *kwargs,
               struct value *ret, struct err *e)
{
    static const struct dict none;
    const struct builtin *row = fn->row;
    struct call c = {
        .t = from->t,
        .arena = from->arena,
        .args = args,
        .n_args = n_args,
        .kwargs = kwargs ? kwargs : &none,
        .pos = from->pos,
        .name = fn->name,
    };
    if (!self_ready(row, &self))
        return fail_undefined(&c, self, e);
    c.self = *self;
    int rc = template_hooks.unknown_seen ? unknown_call(&c, row, e) : 0;
    if (rc == 0 && template_hooks.vault_seen)
        rc = call_reveal(&c, row->fn, e);
    return rc < 0 ? rc : call_builtin(&c, row->fn, ret, e);
}

static int no_such(struct call *from, const struct callee *fn, struct err *e)
{
    return err_set(e, ERR_NOENT, from->pos, "Could not load \"%s\": '%s'", fn->name, fn->name);
}

bool gives_native_text(const char *name)
{
    static const char *const names[] = {"string",       "to_json", "to_nice_json", "to_yaml",
                                        "to_nice_yaml", "ppretty", "json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

int call_filter(struct call *from, struct callee *fn, const struct value *self,
                const struct value *args, size_t n_args, const struct dict *kwargs,
                struct value *ret, struct err *e)
{
    if (!fn->row && !(fn->row = filter_find(fn->name, strlen(fn->name))))
        return no_such(from, fn, e);
    int rc = run(fn, from, self, args, n_args, kwargs, ret, e);
    if (rc >= 0 && ret->type == VALUE_STRING && gives_native_text(fn->row->name))
        ret->flags |= VALUE_NATIVE_TEXT;
    return rc;
}

int call_test(struct call *from, struct callee *fn, const struct value *self,
              const struct value *args, size_t n_args, const struct dict *kwargs, bool *ret,
              struct err *e)
{
    struct value v = value_null();
    if (!fn->row && !(fn->row = test_find(fn->name, strlen(fn->name))))
        return no_such(from, fn, e);
    int rc = run(fn, from, self, args, n_args, kwargs, &v, e);
    if (rc < 0)
        return rc;
    *ret = value_truthy(&v);
    return 0;
}

static bool all_digits(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isdigit((unsigned char)s[i]))
            return false;
    return len > 0;
}

// One step of a path: digits are an index, anything else a key or attribute.
static int path_step(struct call *from, struct value *at, const char *part, size_t len, bool last,
                     struct err *e)
{
    int64_t n;
    const struct value *member = at->type == VALUE_DICT ? dict_getn(at->u.dict, part, len) : NULL;
    if (member && !all_digits(part, len)) {
        *at = *member;
        return 0;
    }
    struct value key = last ? value_ref(part, len) : value_strn(from->arena, part, len);
    if (all_digits(part, len) && parse_int(part, len, 10, &n))
        key = value_int(n);
    struct value next;
    int rc = value_getitem(from, at, &key, &next, e);
    if (rc >= 0)
        *at = next;
    return rc;
}

int value_getpath(struct call *from, const struct value *obj, const struct value *path,
                  const struct value *dflt, struct value *ret, struct err *e)
{
    struct value at = *obj;
    int rc = 0;
    if (path->type == VALUE_STRING) {
        const char *s = path->u.str.s, *end = s + path->u.str.len;
        for (;;) {
            const char *dot = memchr(s, '.', (size_t)(end - s));
            rc = path_step(from, &at, s, (size_t)((dot ? dot : end) - s), !dot, e);
            if (rc < 0)
                return rc;
            if (dflt && dflt->type != VALUE_NULL && at.type == VALUE_UNDEFINED)
                at = *dflt;
            if (!dot)
                break;
            s = dot + 1;
        }
    } else if (path->type != VALUE_NULL) {
        struct value next;
        rc = value_getitem(from, &at, path, &next, e);
        if (rc < 0)
            return rc;
        at = next;
        if (dflt && dflt->type != VALUE_NULL && at.type == VALUE_UNDEFINED)
            at = *dflt;
    }
    *ret = at;
    return 0;
}

void text_items(struct arena *a, const struct value *v, struct list *out)
{
    const char *p = v->u.str.s, *end = p + v->u.str.len;
    while (v->flags & VALUE_BYTES && p < end)
        list_add(out, value_int((unsigned char)*p++));
    while (p < end) {
        const char *at = p;
        utf8_next(&p, end);
        list_add(out, value_strn(a, at, (size_t)(p - at)));
    }
}

int value_iterate(struct call *from, const struct value *v, struct list **ret, struct err *e)
{
    struct value plain;
    int rc = plain_of(from, v, &plain, e);
    if (rc < 0)
        return rc;
    if (plain.type == VALUE_LIST) {
        *ret = plain.u.list;
        return 0;
    }
    if (is_strict(&plain))
        return fail_undefined(from, &plain, e);
    struct value out = value_list(from->arena);
    if (plain.type == VALUE_UNDEFINED) {
        // an inline if without else has no items
    } else if (plain.type == VALUE_STRING) {
        text_items(from->arena, &plain, out.u.list);
    } else if (plain.type == VALUE_DICT) {
        struct dict_entry *d;
        DICT_EACH(plain.u.dict, d)
        list_add(out.u.list, d->key);
    } else {
        return fail_type(from, e, "'%s' object is not iterable", value_type_name(&plain));
    }
    *ret = out.u.list;
    return 0;
}
