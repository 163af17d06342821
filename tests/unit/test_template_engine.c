// The engine beyond the recorded cases: positions, safety of values, lifetimes, limits on a small
// stack.
#include "core/buf.h"
#include "template/args.h"
#include "template/hooks.h"
#include "template/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define STACK_SIZE (2048 * 1024) // the sanitizer's frames are several times larger
#else
#define STACK_SIZE (256 * 1024)
#endif

struct fixture {
    struct arena *a;
    struct templar t;
    struct dict *vars;
    struct err e;
    int gets;
};

static int get_var(void *data, struct arena *a, const char *name, struct value *ret, struct err *e)
{
    struct fixture *f = data;
    const struct value *v = dict_get(f->vars, name);
    (void)a;
    (void)e;
    f->gets++;
    if (v)
        *ret = *v;
    return v != NULL;
}

static int all_vars(void *data, struct arena *a, struct dict **ret, struct err *e)
{
    (void)a;
    (void)e;
    *ret = ((struct fixture *)data)->vars;
    return 0;
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.a = arena_new()};
    f.vars = value_dict(f.a).u.dict;
    f.t = (struct templar){
        .cache = template_cache_new(), .vars = {get_var, NULL, &f}, .opts = TEMPLATE_OPTS_DEFAULT};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    template_cache_free(f->t.cache);
    err_release(&f->e);
    arena_free(f->a);
    return 0;
}

static void set(struct fixture *f, const char *name, const char *text)
{
    dict_set(f->vars, name, value_str(f->a, text));
}

static int eval(struct fixture *f, const char *text, struct value *ret)
{
    struct value in = value_str(f->a, text);
    err_release(&f->e);
    *ret = value_null();
    return template_value(&f->t, f->a, &in, ret, &f->e);
}

static void expect(struct fixture *f, const char *text, const char *repr)
{
    struct value v;
    struct buf b = BUF_INIT;
    if (eval(f, text, &v) < 0)
        buf_addf(&b, "!%s", err_msg(&f->e));
    else
        value_repr(&b, &v);
    assert_string_equal(buf_str(&b), repr);
    buf_release(&b);
}

static void syntax_errors_have_positions(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        bool expression;
        unsigned line, col;
    } rows[] = {
        {"a\n{{ 1 + }}", false, 11, 8},
        {"{{ x", false, 10, 9},
        {"x ==", true, 10, 9},
        {"{% if x %}", false, 10, 15},
        {"a {{ 'x }}", false, 10, 10},
        {"{% nope %}", false, 10, 8},
        {"äö {{ ) }}", false, 10, 11},
        {"x y", true, 10, 7},
        {"\n\n  {{ x | nope }}", false, 12, 10},
        {"{{ a.b. }}", false, 10, 13},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pos pos = {.file = 1, .line = 10, .col = 5};
        struct err e = ERR_INIT;
        int rc = template_check_syntax(&f->t, rows[i].text, strlen(rows[i].text),
                                       rows[i].expression, pos, &e);
        assert_int_equal(rc, ERR_PARSE);
        if (e.pos.line != rows[i].line || e.pos.col != rows[i].col)
            fail_msg("%s: %u:%u (%s)", rows[i].text, e.pos.line, e.pos.col, err_msg(&e));
        err_release(&e);
    }
    assert_int_equal(template_check_syntax(&f->t, "x == 1", 6, true, POS_NONE, &f->e), 0);
}

static void errors_have_the_scalars_position(void **state)
{
    struct fixture *f = *state;
    struct value in = value_str(f->a, "{{ nosuch }}"), list = value_list(f->a), ret;
    value_set_pos(&in, (struct pos){.file = 3, .line = 7, .col = 9});
    list_add(list.u.list, in);
    assert_int_equal(template_value(&f->t, f->a, &list, &ret, &f->e), ERR_UNDEFINED);
    assert_int_equal(f->e.pos.line, 7);
    assert_int_equal(f->e.pos.col, 9);
    assert_string_equal(err_msg(&f->e), "'nosuch' is undefined");
}

static void names_are_found_without_running(void **state)
{
    struct fixture *f = *state;
    struct value in =
        value_str(f->a, "{{ a.b | default(c) }}{% for x in d if x > e %}{{ x ~ g }}{% endfor %}"
                        "{% set h = 1 %}{{ h }}{{ lookup('file', i) }}{{ range(3) }}");
    struct list *names;
    assert_int_equal(template_names(&f->t, f->a, &in, &names, &f->e), 0);
    static const char *const want[] = {"a", "c", "d", "i", "g", "e"};
    assert_int_equal(names->len, sizeof want / sizeof *want);
    for (size_t i = 0; i < names->len; i++)
        assert_string_equal(names->items[i].u.str.s, want[i]);
}

static void unsafe_text_is_never_templated(void **state)
{
    struct fixture *f = *state;
    struct value v, bad = value_str(f->a, "{{ secret }}"), list = value_list(f->a);
    set(f, "secret", "leaked");
    bad.flags |= VALUE_UNSAFE;
    dict_set(f->vars, "bad", bad);
    list_add(list.u.list, bad);
    dict_set(f->vars, "bads", list);
    expect(f, "{{ bad }}", "'{{ secret }}'");
    expect(f, "{{ bads }}", "['{{ secret }}']");
    expect(f, "{{ bads | first }}", "'{{ secret }}'");
    assert_int_equal(eval(f, "<{{ bad }}>", &v), 0);
    assert_true(v.flags & VALUE_UNSAFE);
    assert_int_equal(eval(f, "{{ bads | length }}", &v), 0);
    assert_true(v.flags & VALUE_UNSAFE);
    assert_int_equal(eval(f, "{{ ['x', bad] }}", &v), 0);
    assert_true(v.u.list->items[0].flags & VALUE_UNSAFE);
    assert_int_equal(eval(f, "{{ secret }}", &v), 0);
    assert_false(v.flags & VALUE_UNSAFE);
    // what came from it stays as it is in a second pass
    set(f, "wrap", "{{ bad }}");
    expect(f, "{{ wrap }}", "'{{ secret }}'");
    bool yes;
    assert_int_equal(template_condition(&f->t, f->a, &bad, &yes, &f->e), ERR_FAILED);
    assert_non_null(strstr(err_msg(&f->e), "Conditional is marked as unsafe"));
}

static int decrypt(void *data, struct arena *a, const struct value *v, struct value *ret,
                   struct err *e)
{
    ++*(int *)data;
    static const char header[] = "$ANSIBLE_VAULT;";
    if (strncmp(v->u.str.s, header, sizeof header - 1) != 0)
        return err_set(e, ERR_FAILED, POS_NONE, "no vault text");
    *ret = value_str(a, v->u.str.s + sizeof header - 1);
    return 0;
}

static void vault_values_are_decrypted_where_used(void **state)
{
    struct fixture *f = *state;
    int calls = 0;
    struct value secret = value_str(f->a, "$ANSIBLE_VAULT;pass{{ x }}"), d = value_dict(f->a), v;
    secret.flags |= VALUE_VAULT;
    dict_set(f->vars, "secret", secret);
    dict_set(d.u.dict, "k", secret);
    dict_set(f->vars, "d", d);
    assert_true(eval(f, "{{ secret }}", &v) < 0);
    assert_non_null(strstr(err_msg(&f->e), "no vault secrets"));
    f->t.decrypt = decrypt;
    f->t.decrypt_data = &calls;
    expect(f, "{{ secret }}", "'pass{{ x }}'");
    expect(f, "{{ d.k ~ '!' }}", "'pass{{ x }}!'");
    assert_int_equal(calls, 2);
    calls = 0;
    expect(f, "{{ secret }}{{ secret }}{{ d.k }}", "'pass{{ x }}pass{{ x }}pass{{ x }}'");
    assert_int_equal(calls, 3); // who decrypts remembers
    calls = 0;
    expect(f, "{{ [secret is vault_encrypted, d.k is vault_encrypted, 'x' is vault_encrypted] }}",
           "[True, True, False]");
    expect(f, "{{ d | length }} {{ [d] | first | length }}", "'1 1'");
    f->t.opts.keep_vault = true;
    assert_int_equal(eval(f, "{{ d }}", &v), 0);
    assert_true(dict_get(v.u.dict, "k")->flags & VALUE_VAULT);
    assert_int_equal(calls, 0); // nobody looked into it
    f->t.opts.keep_vault = false;
    expect(f, "{{ d }}", "{'k': 'pass{{ x }}'}");
    expect(f, "{{ 'pass{{ x }}' in [d.k] }} {{ d.values() | join('-') }} is {{ d }}",
           "\"True pass{{ x }} is {'k': 'pass{{ x }}'}\"");
    expect(f, "plain", "'plain'");
}

static void what_is_no_vault_text_is_refused(void **state)
{
    struct fixture *f = *state;
    struct value junk = value_str(f->a, "junk"), d = value_dict(f->a), v;
    junk.flags |= VALUE_VAULT;
    dict_set(d.u.dict, "k", junk);
    dict_set(f->vars, "d", d);
    f->t.opts.keep_vault = true;
    assert_int_equal(eval(f, "{{ d }}", &v), ERR_FAILED);
    assert_non_null(strstr(err_msg(&f->e), "not vault encrypted"));
}

// fails: evaluating text gives this code, and the message has these words.
static void fails(struct fixture *f, const char *text, int code, const char *words)
{
    struct value v;
    assert_int_equal(eval(f, text, &v), code);
    if (!strstr(err_msg(&f->e), words))
        fail_msg("%s: '%s' is not in '%s'", text, words, err_msg(&f->e));
    err_release(&f->e);
}

static void what_only_a_run_can_tell_is_deferred(void **state)
{
    struct fixture *f = *state;
    struct value r = value_dict(f->a), all = value_dict(f->a), results = value_list(f->a);
    dict_set(r.u.dict, "changed", value_bool(true));
    template_mark_unknown(f->a, r.u.dict, "r", ", later");
    list_add(results.u.list, r);
    dict_set(all.u.dict, "results", results);
    dict_set(f->vars, "r", r);
    dict_set(f->vars, "all", all);
    dict_set(f->vars, "u", template_unknown(f->a, "u, later"));
    set(f, "made", "x{{ r.stdout }}");
    expect(f, "{{ r.changed }}", "True");
    expect(f, "{{ r is changed and r is not skipped }}", "True");
    expect(f, "{{ r is defined }} {{ r.get('changed') }} {{ r.skipped is defined }}",
           "'True True False'");
    expect(f, "{{ all.results | length }}", "'1'");
    expect(f, "{{ all.results | map(attribute='changed') | list }}", "[True]");
    fails(f, "{{ r.stdout }}", ERR_UNKNOWN, "r.stdout, later");
    fails(f, "{{ r['rc'] | default(0) }}", ERR_UNKNOWN, "r.rc, later");
    fails(f, "{{ r.get('rc', 0) }}", ERR_UNKNOWN, "r.rc, later");
    fails(f, "{{ r is failed }}", ERR_UNKNOWN, "r.failed, later");
    fails(f, "{{ u is defined }}", ERR_UNKNOWN, "u, later");
    fails(f, "{{ u.x.y }}", ERR_UNKNOWN, "u, later");
    fails(f, "{{ made }}", ERR_UNKNOWN, "r.stdout, later");
    fails(f, "{{ made is defined }}", ERR_UNKNOWN, "r.stdout, later");
    fails(f, "{{ all | to_json }}", ERR_UNKNOWN, "r, later");
    fails(f, "{{ r }}!", ERR_UNKNOWN, "r, later");
    fails(f, "{{ all.results | map(attribute='rc') | list }}", ERR_UNKNOWN, "r.rc, later");
    fails(f, "{% for x in u %}{% endfor %}", ERR_UNKNOWN, "u, later");
}

static void unknown_conditions_may_be_decided_by_others(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        int rc;
        bool yes;
    } rows[] = {{"u.x == 1", ERR_UNKNOWN, false},     {"u.x == 1 and false", 0, false},
                {"u.x == 1 or true", 0, true},        {"u.x == 1 and true", ERR_UNKNOWN, false},
                {"false and u.x", 0, false},          {"not u.x", ERR_UNKNOWN, false},
                {"u.x or nosuch", ERR_UNKNOWN, false}};
    dict_set(f->vars, "u", template_unknown(f->a, "u, later"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct value cond = value_cstr(rows[i].text);
        bool yes = false;
        assert_int_equal(template_condition(&f->t, f->a, &cond, &yes, &f->e), rows[i].rc);
        assert_true(rows[i].rc < 0 || yes == rows[i].yes);
        err_release(&f->e);
    }
}

static void undefined_names_name_the_nearest(void **state)
{
    struct fixture *f = *state;
    struct value d = value_dict(f->a);
    dict_set(d.u.dict, "version", value_int(1));
    dict_set(f->vars, "packages", d);
    f->t.suggest = true;
    f->t.vars.all = all_vars;
    fails(f, "{{ pakages }}", ERR_UNDEFINED, "'pakages' is undefined. Did you mean 'packages'?");
    fails(f, "{{ packages.verison }}", ERR_UNDEFINED, "'verison'. Did you mean 'version'?");
    fails(f, "{{ packages['verison'] | upper }}", ERR_UNDEFINED, "Did you mean 'version'?");
    fails(f, "{{ quite_different }}", ERR_UNDEFINED, "'quite_different' is undefined");
    struct value v;
    assert_true(eval(f, "{{ quite_different }}", &v) < 0);
    assert_null(strstr(err_msg(&f->e), "Did you mean"));
    f->t.suggest = false;
    assert_true(eval(f, "{{ pakages }}", &v) < 0);
    assert_null(strstr(err_msg(&f->e), "Did you mean"));
}

static void originals_stay_as_they_are(void **state)
{
    struct fixture *f = *state;
    struct value l = value_list(f->a), d = value_dict(f->a);
    list_add(l.u.list, value_int(1));
    dict_set(d.u.dict, "l", l);
    dict_set(f->vars, "l", l);
    dict_set(f->vars, "d", d);
    set(f, "ref", "{{ l }}");
    expect(f, "{% set _ = l.append(2) %}{{ l }}", "[1, 2]");
    expect(f, "{% set _ = ref.append(2) %}{{ ref }}", "[1, 2]");
    expect(f, "{% set _ = d.l.append(2) %}{% set _ = d.update({'x': 1}) %}{{ d }}",
           "{'l': [1, 2], 'x': 1}");
    expect(f, "{% set x = l %}{% set _ = x.append(3) %}{{ l }}{{ ref }}", "'[1, 3][1]'");
    expect(f, "{{ l }}", "[1]");
    expect(f, "{{ d }}", "{'l': [1]}");
    assert_int_equal(l.u.list->len, 1);
}

static void results_outlive_the_parsed_template(void **state)
{
    struct fixture *f = *state;
    struct value list, text, dict;
    set(f, "x", "{{ ['var const'] }}");
    assert_int_equal(eval(f, "{{ ['const', {'k': 'v'}] }}", &list), 0);
    assert_int_equal(eval(f, "{{ 'just text' }}", &text), 0);
    assert_int_equal(eval(f, "{{ x }}", &dict), 0);
    template_cache_free(f->t.cache);
    f->t.cache = template_cache_new();
    assert_string_equal(value_to_cstr(f->a, &list), "['const', {'k': 'v'}]");
    assert_string_equal(text.u.str.s, "just text");
    assert_string_equal(value_to_cstr(f->a, &dict), "['var const']");
    f->t.cache = (template_cache_free(f->t.cache), NULL);
    assert_int_equal(eval(f, "{{ x }}{{ ['uncached'] }}", &list), 0);
    assert_string_equal(list.u.str.s, "['var const']['uncached']");
}

static void many_templates_are_dropped_again(void **state)
{
    struct fixture *f = *state;
    struct value v;
    for (int i = 0; i < 20000; i++) {
        char text[64];
        struct arena *a = arena_new();
        snprintf(text, sizeof text, "{{ %d + 1 }}", i);
        struct value in = value_str(a, text);
        assert_int_equal(template_value(&f->t, a, &in, &v, &f->e), 0);
        arena_free(a);
    }
    expect(f, "{{ 1 + 1 }}", "'2'");
}

static void variables_are_resolved_once(void **state)
{
    struct fixture *f = *state;
    set(f, "a", "{{ b }}{{ b }}");
    set(f, "b", "{{ c }}{{ c }}");
    set(f, "c", "x");
    f->gets = 0;
    expect(f, "{{ a }}{{ a }}{{ b }}{{ c }}{% for i in [1, 2, 3] %}{{ a }}{% endfor %}",
           "'xxxxxxxxxxxxxxxxxxxxxxx'");
    assert_true(f->gets <= 6);
    set(f, "r1", "{{ r2 }}");
    set(f, "r2", "{{ r1 }}");
    expect(f, "{{ r1 }}", "!recursive loop detected in template string: {{ r1 }}");
    expect(f, "{{ 'fine' }}", "'fine'"); // and nothing is left behind
}

static void locals_shadow_variables(void **state)
{
    struct fixture *f = *state;
    struct value l = value_dict(f->a);
    set(f, "item", "outer");
    set(f, "uses", "<{{ item }}>");
    dict_set(l.u.dict, "item", value_str(f->a, "{{ 'in' ~ 'ner' }}"));
    expect(f, "{{ item }} {{ uses }}", "'outer <outer>'");
    f->t.locals = l.u.dict;
    expect(f, "{{ item }} {{ uses }}", "'inner <inner>'");
    f->t.locals = NULL;
    expect(f, "{{ item }} {{ uses }}", "'outer <outer>'");
}

static int host_get(struct value_object *o, struct arena *a, const struct value *key, bool attr,
                    struct value *ret, struct err *e)
{
    (void)o;
    (void)attr;
    if (value_eqs(key, "broken"))
        return err_set(e, ERR_FAILED, POS_NONE, "broken host");
    if (!value_eqs(key, "addr"))
        return 0;
    *ret = value_str(a, "192.0.2.1");
    return 1;
}

static void objects_answer_by_their_functions(void **state)
{
    struct fixture *f = *state;
    static const struct value_ops ops = {.type_name = "ansible.vars.hostvars.HostVarsVars",
                                         .get = host_get};
    dict_set(f->vars, "h", value_object(f->a, &ops, NULL));
    expect(f, "{{ h.addr }}{{ h['addr'] }}", "'192.0.2.1192.0.2.1'");
    expect(f, "{{ h.nope }}",
           "!'ansible.vars.hostvars.HostVarsVars object' has no attribute 'nope'");
    expect(f, "{{ h.nope | default('d') }}{{ h.nope is defined }}", "'dFalse'");
    expect(f, "{{ h.broken }}", "!broken host");
}

static int foreign(struct templar *t, struct arena *a, const char *name, bool own,
                   const struct list *terms, const struct dict *kwargs, struct value *ret,
                   struct err *e)
{
    (void)t;
    (void)own;
    if (strcmp(name, "my.own.lookup") != 0)
        return ERR_NOENT;
    *ret = value_list(a);
    for (size_t i = 0; i < terms->len; i++)
        list_add(ret->u.list, terms->items[i]);
    list_add(ret->u.list, value_int((int64_t)kwargs->len));
    if (terms->len && value_eqs(&terms->items[0], "fail"))
        return err_set(e, ERR_FAILED, POS_NONE, "it failed");
    return 0;
}

static void unknown_lookups_go_elsewhere(void **state)
{
    struct fixture *f = *state;
    struct value v;
    expect(f, "{{ lookup('my.own.lookup') }}", "!lookup plugin (my.own.lookup) not found");
    template_hooks.foreign_lookup = foreign;
    expect(f, "{{ lookup('my.other.lookup') }}", "!lookup plugin (my.other.lookup) not found");
    expect(f, "{{ query('my.own.lookup', 'a', 'b', opt=1) }}", "['a', 'b', 1]");
    expect(f, "{{ lookup('my.own.lookup', 'a', 'b', opt=1, wantlist=True) }}", "['a', 'b', 1]");
    expect(f, "{{ q('my.own.lookup', '{{ 1 + 1 }}') }}", "['2', 0]");
    expect(f, "{{ lookup('my.own.lookup', 'fail') }}", "!it failed");
    expect(f, "{{ lookup('my.own.lookup', 'fail', errors='ignore') }}", "''");
    expect(f, "{{ q('my.own.lookup', 'fail', errors='warn') }}", "[]");
    expect(f, "{{ q('my.own.lookup', nosuch) }}", "!'nosuch' is undefined");
    assert_int_equal(eval(f, "{{ q('my.own.lookup', 'a') }}", &v), 0);
    assert_true(v.u.list->items[0].flags & VALUE_UNSAFE);
    template_hooks.foreign_lookup = NULL;
}

static int twice(struct call *c, struct value *ret, struct err *e)
{
    if (c->self.type != VALUE_INT)
        return fail_with(c, e, "no number");
    *ret = value_int(2 * c->self.u.i);
    return 0;
}

// "twice" is only found abroad; "abs" is ours, but the user has one of that name.
static const struct builtin *foreign_row(bool test, const char *name, size_t len, bool own)
{
    static const struct builtin row = {"twice", twice, false, "Twice the number."};
    bool known = (len == 5 && memcmp(name, "twice", 5) == 0 && !own) ||
                 (len == 3 && memcmp(name, "abs", 3) == 0 && own);
    return known && !test ? &row : NULL;
}

static void unknown_filters_go_elsewhere(void **state)
{
    struct fixture *f = *state;
    expect(f, "{{ 4 | twice }}",
           "!template error while templating string: Could not load \"twice\": 'twice'. String: {{ "
           "4 | twice }}");
    expect(f, "{{ -4 | abs }}", "'4'");
    template_hooks.foreign = foreign_row;
    expect(f, "{{ 4 | twice }}", "'8'");
    expect(f, "{{ [1, 2] | map('twice') | list }}", "[2, 4]");
    expect(f, "{{ 'x' | twice }}", "!no number");
    expect(f, "{{ (-4) | abs | string }}", "'-8'");
    expect(f, "{{ 4 is twice }}",
           "!template error while templating string: Could not load \"twice\": 'twice'. String: {{ "
           "4 is twice }}");
    template_hooks.foreign = NULL;
}

static void options_change_what_results_are(void **state)
{
    struct fixture *f = *state;
    struct value v;
    f->t.opts.fail_on_undefined = false;
    expect(f, "{{ nosuch }} x", "'{{ nosuch }} x'");
    f->t.opts.fail_on_undefined = true;
    f->t.opts.native = true;
    expect(f, "{{ 1 + 1 }}", "2");
    expect(f, "{{ none }}", "None");
    expect(f, "{{ 1 }}{{ 2 }}", "12");
    expect(f, "{{ [1, 2] | join }}", "12");
    expect(f, "{{ 1.5 }} ", "1.5");
    f->t.opts.native = false;
    f->t.opts.keep_unsafe = true;
    assert_int_equal(eval(f, "{{ 'a' }}", &v), 0);
    assert_true(v.flags & VALUE_UNSAFE);
    f->t.opts.keep_unsafe = false;
    f->t.max_rounds = 10;
    expect(f, "{% for x in range(11) %}{{ x }}{% endfor %}", "!loops took more than 10 rounds");
    f->t.max_rounds = 0;
    expect(f, "{{ 'x' * 300000000 }}", "!result of more than 64 MB or 4194304 items");
    expect(f, "{{ [1] * 300000000 }}", "!result of more than 64 MB or 4194304 items");
    assert_int_equal(template_expression(&f->t, f->a, "1 + 1 == 2 and 'yes'", POS_NONE, &v, &f->e),
                     0);
    assert_true(value_eqs(&v, "yes"));
    assert_int_equal(template_expression(&f->t, f->a, "[1, 2][5]", POS_NONE, &v, &f->e),
                     ERR_UNDEFINED);
}

static void templates_are_recognised(void **state)
{
    (void)state;
    assert_true(template_is_template("a {{ b", 6));
    assert_true(template_is_template("{% if", 5));
    assert_true(template_is_template("{#", 2));
    assert_false(template_is_template("{ {", 3));
    assert_false(template_is_template("a {", 3));
    assert_false(template_is_template("", 0));
}

// --- a small stack
// -----------------------------------------------------------------------------------------------

static struct {
    ucontext_t main, co;
    struct fixture *f;
    char *stack;
    const char *text;
    int rc;
} co;

static void co_main(void)
{
    struct value v;
    co.rc = eval(co.f, co.text, &v);
}

static int eval_on_small_stack(struct fixture *f, const char *text)
{
    co.f = f;
    co.text = text;
    getcontext(&co.co);
    co.co.uc_stack.ss_sp = co.stack;
    co.co.uc_stack.ss_size = STACK_SIZE;
    co.co.uc_link = &co.main;
    makecontext(&co.co, co_main, 0);
    swapcontext(&co.main, &co.co);
    return co.rc;
}

static const char *repeated(struct fixture *f, const char *before, const char *mid,
                            const char *after, int n)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, "{{ ");
    for (int i = 0; i < n; i++)
        buf_adds(&b, before);
    buf_adds(&b, mid);
    for (int i = 0; i < n; i++)
        buf_adds(&b, after);
    buf_adds(&b, " }}");
    char *s = arena_strndup(f->a, buf_str(&b), b.len);
    buf_release(&b);
    return s;
}

static void deep_things_fail_cleanly(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *before, *mid, *after;
    } rows[] = {{"(", "1", ")"},           {"[", "1", "]"},
                {"{'a': ", "1", "}"},      {"-", "1", ""},
                {"not ", "t", ""},         {"", "1", " + 1"},
                {"", "1", " * 2"},         {"", "x", ".a"},
                {"", "x", "['a']"},        {"", "1", " | int"},
                {"", "x", "()"},           {"1 + (", "1", ")"},
                {"", "t", " and t"},       {"", "t", " or no"},
                {"1 if t else ", "1", ""}, {"", "1", " if t else 1"},
                {"", "1", " ** 1"},        {"dict(a=", "1", ")"},
                {"", "1", " is defined"},  {"'a' ~ (", "1", ")"},
                {"[1][", "0", "]"},        {"1 == (", "1", ")"},
                {"", "1", " ~ 1"}};
    co.stack = xmalloc(STACK_SIZE);
    dict_set(f->vars, "t", value_bool(true));
    dict_set(f->vars, "no", value_bool(false));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *s = repeated(f, rows[i].before, rows[i].mid, rows[i].after, 5000);
        int rc = eval_on_small_stack(f, s);
        if (rc == 0 && strcmp(rows[i].after, " ~ 1") != 0)
            fail_msg("%s%s%s worked", rows[i].before, rows[i].mid, rows[i].after);
        s = repeated(f, rows[i].before, rows[i].mid, rows[i].after, 30);
        rc = eval_on_small_stack(f, s);
        if (rc == ERR_LIMIT)
            fail_msg("%s: 30 levels are too deep: %s", s, err_msg(&f->e));
    }
    for (int i = 0; i < 500; i++)
        set(f, arena_printf(f->a, "v%d", i), arena_printf(f->a, "{{ v%d ~ 'x' }}", i + 1));
    set(f, "v500", "end");
    assert_int_equal(eval_on_small_stack(f, "{{ v0 }}"), ERR_LIMIT);
    assert_int_equal(eval_on_small_stack(f, "{{ v480 }}"), 0);
    assert_int_equal(
        eval_on_small_stack(f, "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}"),
        ERR_LIMIT);
    assert_int_equal(
        eval_on_small_stack(f, "{% for x in [[]] recursive %}{{ loop([[]]) }}{% endfor %}"),
        ERR_LIMIT);
    assert_int_equal(eval_on_small_stack(f, "{{ '[' * 5000 ~ ']' * 5000 }}"), 0); // stays text
    free(co.stack);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(syntax_errors_have_positions),
        T(errors_have_the_scalars_position),
        T(names_are_found_without_running),
        T(unsafe_text_is_never_templated),
        T(vault_values_are_decrypted_where_used),
        T(what_is_no_vault_text_is_refused),
        T(what_only_a_run_can_tell_is_deferred),
        T(unknown_conditions_may_be_decided_by_others),
        T(undefined_names_name_the_nearest),
        T(originals_stay_as_they_are),
        T(results_outlive_the_parsed_template),
        T(many_templates_are_dropped_again),
        T(variables_are_resolved_once),
        T(locals_shadow_variables),
        T(objects_answer_by_their_functions),
        T(unknown_lookups_go_elsewhere),
        T(unknown_filters_go_elsewhere),
        T(options_change_what_results_are),
        T(templates_are_recognised),
        T(deep_things_fail_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
