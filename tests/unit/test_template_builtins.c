// Filters, tests and methods against the answers of Ansible recorded by tests/oracle/filters.py.
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "template/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILES TEST_ROOT "/data/lookup_files"

// The value that encoded JSON stands for (see the oracle).
static struct value decode(struct arena *a, const struct value *v)
{
    struct value out, *x;
    if (v->type == VALUE_LIST) {
        out = value_list(a);
        for (size_t i = 0; i < v->u.list->len; i++)
            list_add(out.u.list, decode(a, &v->u.list->items[i]));
        return out;
    }
    if (v->type != VALUE_DICT)
        return *v;
    if ((x = dict_get(v->u.dict, "__t__"))) {
        out = decode(a, x);
        out.flags |= VALUE_TUPLE;
        return out;
    }
    if ((x = dict_get(v->u.dict, "__u__")))
        return value_undefined(a, "%s", x->u.str.s);
    if ((x = dict_get(v->u.dict, "__m__"))) {
        out = *x;
        out.flags |= VALUE_MARKUP;
        return out;
    }
    out = value_dict(a);
    if ((x = dict_get(v->u.dict, "__d__"))) {
        for (size_t i = 0; i < x->u.list->len; i++) {
            struct list *pair = x->u.list->items[i].u.list;
            dict_setv(out.u.dict, decode(a, &pair->items[0]), decode(a, &pair->items[1]));
        }
        return out;
    }
    struct dict_entry *d;
    DICT_EACH(v->u.dict, d)
    dict_setv(out.u.dict, d->key, decode(a, &d->val));
    return out;
}

static struct value tagged(struct arena *a, const char *tag, struct value v)
{
    struct value out = value_dict(a);
    dict_set(out.u.dict, tag, v);
    return out;
}

// The JSON that the oracle would write for v.
static struct value encode(struct arena *a, const struct value *v)
{
    struct value out;
    struct dict_entry *d;
    switch ((enum value_type)v->type) {
    case VALUE_LIST:
        out = value_list(a);
        for (size_t i = 0; i < v->u.list->len; i++)
            list_add(out.u.list, encode(a, &v->u.list->items[i]));
        return v->flags & VALUE_TUPLE ? tagged(a, "__t__", out) : out;
    case VALUE_DICT: {
        bool text = true;
        DICT_EACH(v->u.dict, d)
        text = text && d->key.type == VALUE_STRING;
        out = text ? value_dict(a) : value_list(a);
        DICT_EACH(v->u.dict, d)
        {
            struct value val = encode(a, &d->val), pair = value_list(a);
            if (text) {
                dict_setv(out.u.dict, d->key, val);
                continue;
            }
            list_add(pair.u.list, encode(a, &d->key));
            list_add(pair.u.list, val);
            list_add(out.u.list, pair);
        }
        return text ? out : tagged(a, "__d__", out);
    }
    case VALUE_UNDEFINED:
        return tagged(a, "__u__", value_ref(v->u.str.s, v->u.str.len));
    case VALUE_STRING:
        out = *v;
        out.flags = 0;
        return v->flags & VALUE_MARKUP ? tagged(a, "__m__", out) : out;
    case VALUE_OBJECT:
        if (v->u.obj->ops->materialize && strcmp(v->u.obj->ops->type_name, "_GroupTuple") == 0) {
            v->u.obj->ops->materialize(v->u.obj, a, &out, NULL);
            return encode(a, &out);
        }
        out = value_list(a);
        list_add(out.u.list, value_cstr(v->u.obj->ops->type_name));
        list_add(out.u.list, value_str(a, value_to_cstr(a, v)));
        return tagged(a, "__o__", out);
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
        break;
    }
    return *v;
}

static const char *json_of(struct arena *a, const struct value *v)
{
    struct buf b = BUF_INIT;
    json_write(&b, v, NULL);
    const char *s = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return s;
}

static const struct value *field(const struct value *row, const char *name)
{
    return dict_get(row->u.dict, name);
}

static int get_var(void *data, struct arena *a, const char *name, struct value *ret, struct err *e)
{
    const struct value *v = dict_get(data, name);
    (void)a;
    (void)e;
    if (v)
        *ret = *v;
    return v != NULL;
}

static int all_vars(void *data, struct arena *a, struct dict **ret, struct err *e)
{
    (void)a;
    (void)e;
    *ret = data;
    return 0;
}

// A whole template; paths of the test files are put as {FILES} in what it gives.
static int run_template(struct arena *a, const struct value *row, struct value *vars,
                        struct value *ret, struct err *e)
{
    static const char *const dirs[] = {FILES};
    struct templar t = {
        .vars = {get_var, all_vars, vars->u.dict},
        .paths = {dirs, 1, FILES},
        .opts = TEMPLATE_OPTS_DEFAULT,
    };
    t.cache = template_cache_new();
    int rc = template_value(&t, a, field(row, "n"), ret, e);
    template_cache_free(t.cache);
    return rc;
}

static const char *without_paths(struct arena *a, const char *s)
{
    struct buf b = BUF_INIT;
    for (const char *hit; (hit = strstr(s, FILES)); s = hit + strlen(FILES)) {
        buf_add(&b, s, (size_t)(hit - s));
        buf_adds(&b, "{FILES}");
    }
    buf_adds(&b, s);
    const char *out = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return out;
}

static int run_row(struct arena *a, const struct value *row, struct value *self, struct value *ret,
                   struct err *e)
{
    struct dict none = {0};
    const struct value *args = field(row, "a"), *kw = field(row, "w");
    struct value argv = args ? decode(a, args) : value_list(a), kwv = value_dict(a);
    if (kw)
        kwv = decode(a, kw);
    const char *name = field(row, "n")->u.str.s, *kind = field(row, "k")->u.str.s;
    if (*kind == 'x')
        return run_template(a, row, self, ret, e);
    struct templar t = {0};
    struct callee fn = {.name = name};
    struct call c = {.t = &t, .arena = a, .kwargs = &none, .name = name};
    if (*kind == 'f')
        return call_filter(&c, &fn, self, argv.u.list->items, argv.u.list->len, kwv.u.dict, ret, e);
    if (*kind == 't') {
        bool yes = false;
        int rc =
            call_test(&c, &fn, self, argv.u.list->items, argv.u.list->len, kwv.u.dict, &yes, e);
        *ret = value_bool(yes);
        return rc;
    }
    const struct builtin *m = method_find(self, name, strlen(name));
    if (!m)
        return err_set(e, ERR_FAILED, POS_NONE, "'%s' object has no attribute '%s'",
                       value_type_name(self), name);
    c.self = *self;
    c.args = argv.u.list->items;
    c.n_args = argv.u.list->len;
    c.kwargs = kwv.u.dict;
    return m->fn(&c, ret, e);
}

static char class_of_error(int rc)
{
    return rc == ERR_INVALID ? 'T' : rc == ERR_UNDEFINED ? 'U' : 'F';
}

// 0 when the row gives what was recorded; otherwise both are printed.
static int check_row(const char *file, int line, const char *text, size_t len)
{
    struct arena *a = arena_new();
    struct value row, ret = value_null();
    struct err e = ERR_INIT;
    int bad = 1;
    if (json_parse(a, text, len, &row, &e) < 0) {
        print_message("%s:%d: %s\n", file, line, err_msg(&e));
        goto out;
    }
    struct value self = decode(a, field(&row, "s"));
    int rc = run_row(a, &row, &self, &ret, &e);
    const struct value *want = field(&row, "r"), *want_e = field(&row, "e"),
                       *after = field(&row, "s2");
    bool loose = field(&row, "x") != NULL;
    const char *got = "";
    if (rc >= 0) {
        struct value enc = encode(a, &ret);
        got = without_paths(a, json_of(a, &enc));
        bad = !want || strcmp(got, json_of(a, want)) != 0;
        if (!bad && after) {
            enc = encode(a, &self);
            got = json_of(a, &enc);
            bad = strcmp(got, json_of(a, after)) != 0;
        }
    } else {
        got = arena_printf(a, "error %c: %s", class_of_error(rc), err_msg(&e));
        bad = !want_e || (!loose && strcmp(err_msg(&e), want_e->u.str.s) != 0);
        char class = class_of_error(rc);
        if (field(&row, "k")->u.str.s[0] == 'x' && class == 'T')
            class = 'F';
        bad |= want_e && class != field(&row, "c")->u.str.s[0];
    }
    if (bad)
        print_message("%s:%d: %.*s\n    got %s\n", file, line, (int)len, text, got);
out:
    err_release(&e);
    arena_free(a);
    return bad;
}

static void check_file(void **state)
{
    const char *path = *state;
    struct arena *a = arena_new();
    char *text;
    size_t len;
    struct err e = ERR_INIT;
    assert_int_equal(file_read(a, path, 64 << 20, &text, &len, &e), 0);
    int bad = 0, line = 0;
    for (char *p = text, *end = text + len; p < end;) {
        char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);
        bad += check_row(path, ++line, p, n);
        p += n + 1;
    }
    arena_free(a);
    if (bad)
        print_message("%d of %d rows differ\n", bad, line);
    assert_true(line > 0);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[64];
    int n = 0;
    setenv("TZ", "UTC", 1);
    setenv("ANDON_V", "val", 1);
    setenv("ANDON_TEST_VAR", "set in test", 1);
    for (int i = 1; i < argc && n < 64; i++)
        tests[n++] = (struct CMUnitTest){argv[i], check_file, NULL, NULL, argv[i]};
    return n ? _cmocka_run_group_tests("builtins", tests, (size_t)n, NULL, NULL) : 1;
}
