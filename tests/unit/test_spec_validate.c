// Argument validation: a table of arguments and the message Ansible gives, or the validated
// arguments as JSON.
#include "core/buf.h"
#include "core/json.h"
#include "spec/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct param sub_params[] = {
    {.name = "key", .flags = PARAM_REQUIRED},
    {.name = "size", .type = PARAM_BYTES, .dflt = "1K"},
    {0},
};

static const struct param params[] = {
    {.name = "path", .type = PARAM_PATH, .flags = PARAM_REQUIRED, .aliases = "dest|name"},
    {.name = "state", .choices = "absent|present|on|off", .dflt = "present"},
    {.name = "count", .type = PARAM_INT},
    {.name = "ratio", .type = PARAM_FLOAT},
    {.name = "force", .type = PARAM_BOOL, .dflt = "no"},
    {.name = "codes", .type = PARAM_LIST, .elements = PARAM_INT},
    {.name = "kinds", .type = PARAM_LIST, .choices = "a|b"},
    {.name = "opts", .type = PARAM_DICT},
    {.name = "items", .type = PARAM_LIST, .elements = PARAM_DICT, .sub = sub_params},
    {.name = "json", .type = PARAM_JSONARG},
    {.name = "raw", .type = PARAM_RAW},
    {0},
};

static const struct module_spec spec = {
    .name = "demo",
    .params = params,
    .mutually_exclusive = (const char *const[]){"count,ratio", NULL},
    .required_together = (const char *const[]){"opts,json", NULL},
    .required_if = (const char *const[]){"state=absent:raw,codes", "state=off?raw,codes", NULL},
    .required_by = (const char *const[]){"kinds:force,raw", NULL},
};

static const char *const failures[][2] = {
    {"{}", "missing required arguments: path"},
    {"{\"foo\": 1, \"bar\": 1}", "missing required arguments: path"},
    {"{\"path\": \"a\", \"foo\": 1, \"bar\": 2}",
     "Unsupported parameters for (demo) module: bar, foo. Supported parameters include: codes, "
     "count, force, items, "
     "json, kinds, opts, path, ratio, raw, state (dest, name)."},
    {"{\"path\": \"a\", \"state\": \"gone\"}",
     "value of state must be one of: absent, present, on, off, got: gone"},
    {"{\"path\": \"a\", \"state\": null}",
     "value of state must be one of: absent, present, on, off, got: None"},
    {"{\"path\": \"a\", \"count\": 1, \"ratio\": 2}",
     "parameters are mutually exclusive: count|ratio"},
    {"{\"path\": \"a\", \"count\": \"1x\"}",
     "argument 'count' is of type <class 'str'> and we were unable to convert to int: <class "
     "'str'> cannot be "
     "converted to an int"},
    {"{\"path\": \"a\", \"count\": 1.5}", "argument 'count' is of type <class 'float'> and we were "
                                          "unable to convert to int: <class 'float'> cannot be "
                                          "converted to an int"},
    {"{\"path\": \"a\", \"codes\": [1, \"b\"]}",
     "Elements value for option 'codes' is of type <class 'str'> and we were unable to convert to "
     "int: <class 'str'> "
     "cannot be converted to an int"},
    {"{\"path\": \"a\", \"codes\": {\"a\": 1}}",
     "argument 'codes' is of type <class 'dict'> and we were unable to convert to list: <class "
     "'dict'> cannot be "
     "converted to a list"},
    {"{\"path\": \"a\", \"opts\": \"a\"}",
     "argument 'opts' is of type <class 'str'> and we were unable to convert to dict: dictionary "
     "requested, could not "
     "parse JSON or key=value"},
    {"{\"path\": \"a\", \"kinds\": \"a,c,d\"}",
     "value of kinds must be one or more of: a, b. Got no match for: c, d"},
    {"{\"path\": \"a\", \"opts\": \"a=b\"}", "parameters are required together: opts, json"},
    {"{\"path\": \"a\", \"state\": \"absent\", \"raw\": 1}",
     "state is absent but all of the following are missing: codes"},
    {"{\"path\": \"a\", \"state\": \"off\"}",
     "state is off but any of the following are missing: raw, codes"},
    {"{\"path\": \"a\", \"kinds\": [\"a\"]}", "missing parameter(s) required by 'kinds': raw"},
    {"{\"path\": \"a\", \"items\": [{\"size\": 1}]}",
     "missing required arguments: key found in items"},
    {"{\"path\": \"a\", \"items\": [1]}",
     "Elements value for option 'items' is of type <class 'int'> and we were unable to convert to "
     "dict: <class 'int'> "
     "cannot be converted to a dict"},
    {"{\"path\": \"a\", \"items\": [{\"key\": 1, \"foo\": 1}]}",
     "Unsupported parameters for (demo) module: items.foo. Supported parameters include: key, "
     "size."},
};

static const char *const successes[][2] = {
    {"{\"dest\": 5}", "{\"path\": \"5\"}"},
    {"{\"path\": \"$ANDON_TEST_VAR/x\"}", "{\"path\": \"/some/where/x\"}"},
    {"{\"path\": \"~/x${ANDON_TEST_NONE}\"}", "{\"path\": \"/home/me/x${ANDON_TEST_NONE}\"}"},
    {"{\"path\": \"a\", \"state\": false, \"raw\": [1]}", "{\"state\": \"off\", \"raw\": [1]}"},
    {"{\"path\": \"a\", \"count\": \" 1_000 \", \"force\": \"Yes\"}",
     "{\"count\": 1000, \"force\": true}"},
    {"{\"path\": \"a\", \"ratio\": \"2.5\", \"codes\": \"1,2\"}",
     "{\"ratio\": 2.5, \"codes\": [1, 2]}"},
    {"{\"path\": \"a\", \"opts\": \"a=1, b='x y'\", \"json\": [1]}",
     "{\"opts\": {\"a\": \"1\", \"b\": \"x y\"}, \"json\": \"[1]\"}"},
    {"{\"path\": \"a\", \"opts\": \"{'a': [1, None, True]}\", \"json\": \" {} \"}",
     "{\"opts\": {\"a\": [1, null, true]}, \"json\": \"{}\"}"},
    {"{\"path\": \"a\", \"items\": [{\"key\": 1}, {\"key\": 2, \"size\": \"1.5MB\"}]}",
     "{\"items\": [{\"key\": \"1\", \"size\": 1024}, {\"key\": \"2\", \"size\": 1572864}]}"},
    {"{\"path\": \"a\"}",
     "{\"state\": \"present\", \"count\": null, \"force\": false, \"codes\": null}"},
};

static struct value parse(struct arena *a, const char *json)
{
    struct value v;
    assert_int_equal(json_parse(a, json, strlen(json), &v, NULL), 0);
    return v;
}

static void messages_are_ansibles(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct arena *a = arena_new();
        struct value args = parse(a, failures[i][0]);
        struct dict *ret;
        struct err e = ERR_INIT;
        assert_int_equal(spec_validate(&spec, a, args.u.dict, &ret, &e), ERR_INVALID);
        assert_string_equal(err_msg(&e), failures[i][1]);
        err_release(&e);
        arena_free(a);
    }
}

static void values_are_converted(void **state)
{
    (void)state;
    setenv("ANDON_TEST_VAR", "/some/where", 1);
    setenv("HOME", "/home/me", 1);
    for (size_t i = 0; i < sizeof successes / sizeof *successes; i++) {
        struct arena *a = arena_new();
        struct value args = parse(a, successes[i][0]), want = parse(a, successes[i][1]);
        struct dict *got;
        struct err e = ERR_INIT;
        assert_int_equal(spec_validate(&spec, a, args.u.dict, &got, &e), 0);
        struct dict_entry *entry;
        DICT_EACH(want.u.dict, entry)
        {
            const struct value *v = dict_getv(got, &entry->key);
            assert_non_null(v);
            assert_string_equal(value_to_cstr(a, v), value_to_cstr(a, &entry->val));
            assert_true(value_equal(v, &entry->val));
        }
        assert_int_equal(got->len, sizeof params / sizeof *params - 1);
        arena_free(a);
    }
}

static void table_is_sorted_and_documented(void **state)
{
    (void)state;
    size_t n;
    const struct module_spec *const *all = spec_all(&n);
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        if (i)
            assert_true(strcmp(all[i - 1]->name, all[i]->name) < 0);
        assert_ptr_equal(spec_find(all[i]->name), all[i]);
        assert_non_null(all[i]->summary);
        for (const struct param *p = all[i]->params; p && p->name; p++)
            if (!p->help)
                fail_msg("%s.%s has no help", all[i]->name, p->name);
    }
    assert_ptr_equal(spec_find("ansible.builtin.slurp"), spec_find("slurp"));
    assert_null(spec_find("no_such_module"));
}

// As os_hardening's, which has 166.
static void a_role_may_have_hundreds_of_arguments(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    struct dict *options = value_dict(a).u.dict, *args = value_dict(a).u.dict;
    struct list *errors = value_list(a).u.list;
    struct err e = ERR_INIT;
    for (int i = 0; i < 700; i++) {
        struct value option = value_dict(a);
        dict_set(option.u.dict, "type", value_cstr("int"));
        dict_set(options, arena_printf(a, "option_%d", i), option);
        dict_set(args, arena_printf(a, "option_%d", i), value_cstr("1"));
    }
    assert_int_equal(spec_validate_value(options, a, args, errors, &e), 0);
    assert_int_equal(errors->len, 0);
    dict_set(args, "option_699", value_cstr("x"));
    dict_set(args, "option_700", value_cstr("1"));
    assert_int_equal(spec_validate_value(options, a, args, errors, &e), 0);
    assert_int_equal(errors->len, 2);
    assert_non_null(strstr(errors->items[1].u.str.s, "option_700. Supported"));
    assert_non_null(strstr(errors->items[1].u.str.s, "option_699"));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_ansibles),
        cmocka_unit_test(values_are_converted),
        cmocka_unit_test(table_is_sorted_and_documented),
        cmocka_unit_test(a_role_may_have_hundreds_of_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
