// Where foreign modules are found, what kind of program they are, and values on their way to Python
// and back. What the Python process does is tested by tests/cli/foreign.bats and the differential
// suite.
#include "core/json.h"
#include "plugin/internal.h"
#include "template/datetime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct arena *a;
    struct plugins *p;
    char dir[64];
};

static const char *path(struct fixture *f, const char *name)
{
    return arena_printf(f->a, "%s/%s", f->dir, name);
}

// Writes a file below the test's folder, with the folders it needs.
static void put(struct fixture *f, const char *name, const char *text, size_t len)
{
    char *full = arena_printf(f->a, "%s/%s", f->dir, name);
    for (char *s = full + 1; (s = strchr(s, '/')); s++) {
        *s = '\0';
        mkdir(full, 0755);
        *s = '/';
    }
    FILE *out = fopen(full, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    fclose(out);
}

static void put_text(struct fixture *f, const char *name, const char *text)
{
    put(f, name, text, strlen(text));
}

static int setup(void **state)
{
    static struct fixture f;
    struct config *config;
    f = (struct fixture){.a = arena_new()};
    snprintf(f.dir, sizeof f.dir, "/tmp/andon-plugin-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    char *const env[] = {arena_printf(f.a, "ANSIBLE_LIBRARY=%s/configured", f.dir),
                         arena_printf(f.a, "ANSIBLE_COLLECTIONS_PATH=%s/installed", f.dir), NULL};
    setenv("ANDON_PYTHON", path(&f, "no-python"), 1);
    unsetenv("HOME");
    struct config_where where = {.environ = env, .cwd = f.dir, .system = "/nonexistent"};
    assert_int_equal(config_load(f.a, &where, &config, NULL), 0);
    struct plugins_opts o = {.config = config, .server = "/nonexistent"};
    f.p = plugins_new(&o);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char *command = arena_printf(f->a, "rm -rf '%s'", f->dir);
    plugins_free(f->p);
    assert_int_equal(system(command), 0);
    arena_free(f->a);
    return 0;
}

static void expect_at(struct fixture *f, const char *name, const struct list *collections,
                      const char *where)
{
    const struct plugin_module *m = plugins_module(f->p, name, collections);
    if (!where) {
        assert_null(m);
        return;
    }
    assert_non_null(m);
    char *real = realpath(path(f, where), NULL);
    assert_string_equal(m->path, real);
    free(real);
}

static void modules_are_found_in_order(void **state)
{
    struct fixture *f = *state;
    put_text(f, "configured/deep/one.py", "#!/usr/bin/python\n");
    put_text(f, "configured/both.py", "#!/usr/bin/python\n");
    put_text(f, "play/library/both.sh", "#!/bin/sh\n");
    put_text(f, "play/library/note.md", "text\n");
    put_text(f, "role/library/both.py", "#!/usr/bin/python\n");
    put_text(f, "role/library/copy.py", "#!/usr/bin/python\n");
    expect_at(f, "one", NULL, "configured/deep/one.py");
    expect_at(f, "both", NULL, "configured/both.py");
    plugins_add_playbook(f->p, path(f, "play"));
    expect_at(f, "both", NULL,
              "play/library/both.sh"); // what was remembered does not hold any more
    expect_at(f, "note", NULL, NULL);
    expect_at(f, "copy", NULL, NULL); // ours
    plugins_add_role(f->p, path(f, "role"));
    expect_at(f, "both", NULL, "play/library/both.sh");
    expect_at(f, "copy", NULL, "role/library/copy.py");
    expect_at(f, "ansible.legacy.copy", NULL, "role/library/copy.py");
    expect_at(f, "ansible.builtin.copy", NULL, NULL);
    expect_at(f, "nowhere", NULL, NULL);
}

static void collections_are_searched(void **state)
{
    struct fixture *f = *state;
    struct list *names = value_list(f->a).u.list;
    static const char base[] = "installed/ansible_collections/acme/site";
    list_add(names, value_cstr("ansible.builtin"));
    list_add(names, value_cstr("acme.site"));
    put_text(f, arena_printf(f->a, "%s/plugins/modules/thing.py", base), "#!/usr/bin/python\n");
    put_text(f, arena_printf(f->a, "%s/plugins/modules/sub/deep.py", base), "#!/usr/bin/python\n");
    put_text(f, arena_printf(f->a, "%s/meta/runtime.yml", base),
             "plugin_routing:\n  modules:\n    old: {redirect: acme.site.thing}\n"
             "    loop: {redirect: acme.site.loop}\n");
    put_text(f, "play/collections/ansible_collections/near/by/plugins/modules/m.py",
             "#!/usr/bin/python\n");
    const char *thing = arena_printf(f->a, "%s/plugins/modules/thing.py", base);
    expect_at(f, "acme.site.thing", NULL, thing);
    expect_at(f, "acme.site.sub.deep", NULL,
              arena_printf(f->a, "%s/plugins/modules/sub/deep.py", base));
    expect_at(f, "acme.site.old", NULL, thing);
    expect_at(f, "acme.site.loop", NULL, NULL);
    expect_at(f, "thing", NULL, NULL);
    expect_at(f, "thing", names, thing);
    expect_at(f, "near.by.m", NULL, NULL);
    plugins_add_playbook(f->p, path(f, "play"));
    expect_at(f, "near.by.m", NULL,
              "play/collections/ansible_collections/near/by/plugins/modules/m.py");
    assert_null(plugins_module_hint(f->p, "acme.site.none", f->a));
    assert_non_null(strstr(plugins_module_hint(f->p, "a.b.c", f->a), "collection a.b, which"));
}

static void kinds_of_programs_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum module_style style;
    } rows[] = {
        {"#!/usr/bin/python\nfrom ansible.module_utils.basic import *\n", STYLE_PYTHON},
        {"if 1:\n    import ansible.module_utils.basic\n", STYLE_PYTHON},
        {"from ..module_utils.x import y\n", STYLE_PYTHON},
        {"from ansible_collections.a.b.plugins.module_utils.x import y\n", STYLE_PYTHON},
        {"#<<INCLUDE_ANSIBLE_MODULE_COMMON>>\n", STYLE_PYTHON},
        {"# from ansible.module_utils.basic import *\n", STYLE_OLD},
        {"from ansible_collections.a.b.plugins.other import y\n", STYLE_OLD},
        {"import json\n", STYLE_OLD},
        {"# WANT_JSON\n", STYLE_WANT_JSON},
        {"x = '<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>' # WANT_JSON\n", STYLE_JSONARGS},
        {"#Requires -Module Ansible.ModuleUtils.Legacy\n", STYLE_POWERSHELL},
        {"\177ELF", STYLE_BINARY},
        {"a\001b", STYLE_BINARY},
        {"\303\244", STYLE_OLD},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *name = arena_printf(f->a, "m%zu", i);
        put_text(f, arena_printf(f->a, "configured/%s", name), rows[i].text);
    }
    put(f, "configured/nul", "a\0b", 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct plugin_module *m = plugins_module(f->p, arena_printf(f->a, "m%zu", i), NULL);
        assert_non_null(m);
        if (m->style != rows[i].style)
            fail_msg("%s: %d, not %d", rows[i].text, m->style, rows[i].style);
    }
    assert_int_equal(plugins_module(f->p, "nul", NULL)->style, STYLE_BINARY);
    assert_string_equal(plugins_module(f->p, "m0", NULL)->interpreter, "/usr/bin/python");
}

static void without_python_there_is_one_error(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    const struct plugin_payload *payload;
    put_text(f, "configured/m.py", "#!/usr/bin/python\nfrom ansible.module_utils.basic import *\n");
    put_text(f, "configured/s.sh", "#!/bin/sh\n");
    const struct plugin_module *m = plugins_module(f->p, "m", NULL);
    assert_true(plugins_check(f->p, m, &e) < 0);
    err_release(&e);
    assert_true(plugins_assemble(f->p, m, &payload, &e) < 0);
    err_release(&e);
    m = plugins_module(f->p, "s", NULL);
    assert_int_equal(plugins_check(f->p, m, &e), 0);
    assert_int_equal(plugins_assemble(f->p, m, &payload, &e), 0);
    assert_null(payload->data);
    assert_int_equal(strlen(payload->digest), 64);
}

// v written, read as JSON, and read back.
static struct value round_trip(struct fixture *f, const struct value *v)
{
    struct buf b = BUF_INIT;
    struct value raw, back;
    codec_write(&b, f->a, v);
    assert_int_equal(json_parse(f->a, b.p, b.len, &raw, NULL), 0);
    assert_int_equal(codec_read(f->a, &raw, &back, NULL), 0);
    buf_release(&b);
    return back;
}

static void values_keep_their_types(void **state)
{
    struct fixture *f = *state;
    struct value list = value_list(f->a), dict = value_dict(f->a), v;
    const struct datetime d = {
        .year = 2020, .month = 2, .day = 29, .hour = 23, .micro = 7, .aware = true, .offset = 3600};
    list.flags = VALUE_TUPLE;
    list_add(list.u.list, value_int(INT64_MIN));
    list_add(list.u.list, value_float(0.1));
    list_add(list.u.list, value_null());
    dict_setv(dict.u.dict, value_int(1), list);
    dict_set(dict.u.dict, "$andon", value_cstr("no tag"));
    v = round_trip(f, &dict);
    assert_true(value_equal(&v, &dict));
    struct value one = value_int(1);
    assert_true(dict_getv(v.u.dict, &one)->flags & VALUE_TUPLE);
    struct value s = value_strn(f->a, "\xff\0x", 3);
    v = round_trip(f, &s);
    assert_true(value_equal(&v, &s));
    assert_false(v.flags & VALUE_BYTES);
    s.flags = VALUE_BYTES;
    assert_true(round_trip(f, &s).flags & VALUE_BYTES);
    s = value_cstr("{{ x }}");
    s.flags = VALUE_UNSAFE;
    assert_true(round_trip(f, &s).flags & VALUE_UNSAFE);
    s = value_undefined(f->a, "'x' is undefined");
    v = round_trip(f, &s);
    assert_int_equal(v.type, VALUE_UNDEFINED);
    assert_string_equal(v.u.str.s, "'x' is undefined");
    s = datetime_value(f->a, &d);
    v = round_trip(f, &s);
    assert_string_equal(value_to_cstr(f->a, &v), value_to_cstr(f->a, &s));
    s = timedelta_value(f->a, -90000000001);
    v = round_trip(f, &s);
    assert_string_equal(value_to_cstr(f->a, &v), value_to_cstr(f->a, &s));
}

static void nonsense_from_the_process_is_an_error(void **state)
{
    static const char *const texts[] = {
        "{\"$andon\":\"dict\",\"v\":[[1]]}",     "{\"$andon\":\"dict\",\"v\":[1]}",
        "{\"$andon\":\"datetime\",\"v\":[1,2]}", "{\"$andon\":\"bytes\",\"v\":\"*\"}",
        "{\"$andon\":\"timedelta\",\"v\":null}", "[{\"a\":{\"$andon\":\"tuple\",\"v\":true}}]",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct value raw, v;
        struct err e = ERR_INIT;
        assert_int_equal(json_parse(f->a, texts[i], strlen(texts[i]), &raw, NULL), 0);
        if (codec_read(f->a, &raw, &v, &e) >= 0)
            fail_msg("%s was read", texts[i]);
        err_release(&e);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(modules_are_found_in_order),       T(collections_are_searched),
        T(kinds_of_programs_are_told_apart), T(without_python_there_is_one_error),
        T(values_keep_their_types),          T(nonsense_from_the_process_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
