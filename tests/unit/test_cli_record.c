// Parts of the recorder: points in time, texts without secrets, what a change was made to.
#include "cli/censor.h"
#include "cli/subject.h"
#include "cli/when.h"

#include "core/json.h"
#include "ledger/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOW INT64_C(1795294800000000) // 2026-11-21 21:00:00 UTC

static void points_in_time(void **state)
{
    static const struct {
        const char *text;
        bool end;
        const char *want; // RFC 3339, NULL: none
    } rows[] = {
        {"now", false, "2026-11-21T21:00:00.000000Z"},
        {"2h", false, "2026-11-21T19:00:00.000000Z"},
        {"90 minutes ago", false, "2026-11-21T19:30:00.000000Z"},
        {"1 day", false, "2026-11-20T21:00:00.000000Z"},
        {"2w", false, "2026-11-07T21:00:00.000000Z"},
        {"30s", false, "2026-11-21T20:59:30.000000Z"},
        // New York is five hours behind in November, four in July
        {"today", false, "2026-11-21T05:00:00.000000Z"},
        {"today", true, "2026-11-22T05:00:00.000000Z"},
        {"yesterday", false, "2026-11-20T05:00:00.000000Z"},
        {"yesterday", true, "2026-11-21T05:00:00.000000Z"},
        {"2026-07-01", false, "2026-07-01T04:00:00.000000Z"},
        {"2026-07-01", true, "2026-07-02T04:00:00.000000Z"},
        {"2026-07-01 12:30", false, "2026-07-01T16:30:00.000000Z"},
        {"2026-07-01 12:30", true, "2026-07-01T16:30:00.000000Z"},
        {"2026-07-01T12:30:15.25Z", false, "2026-07-01T12:30:15.250000Z"},
        {"2026-07-01T12:30:15.123456789+02:00", false, "2026-07-01T10:30:15.123456Z"},
        {"2026-07-01 12:30:15 -0330", false, "2026-07-01T16:00:15.000000Z"},
        {"2024-02-29Z", false, "2024-02-29T00:00:00.000000Z"},
        {"2023-02-29", false, NULL},
        {"2026-13-01", false, NULL},
        {"2026-07-01T25:00", false, NULL},
        {"2026-07-01T12:30:15X", false, NULL},
        {"2026-07-01T12:30:15+2:00", false, NULL},
        {"2x", false, NULL},
        {"h", false, NULL},
        {"-2h", false, NULL},
        {"2h later", false, NULL},
        {"", false, NULL},
    };
    (void)state;
    setenv("TZ", "America/New_York", 1);
    tzset();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = ERR_INIT;
        char got[LEDGER_TIME];
        int64_t us = 0;
        int rc = when_parse(rows[i].text, NOW, rows[i].end, &us, &e);
        ledger_time(us, got);
        if (!rows[i].want ? rc != ERR_INVALID : rc != 0 || strcmp(got, rows[i].want) != 0)
            fail_msg("'%s': %d, %s", rows[i].text, rc, got);
        err_release(&e);
    }
    struct buf b = BUF_INIT;
    when_local(&b, NOW);
    assert_string_equal(buf_str(&b), "2026-11-21 16:00:00 -05:00");
    buf_release(&b);
}

static const char *censored(struct censor *c, struct arena *a, const char *s, bool name)
{
    struct buf b = BUF_INIT;
    (name ? censor_name : censor_text)(c, s, strlen(s), &b);
    const char *out = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return out;
}

static void secrets_are_hidden(void **state)
{
    static const char file[] = "user: postgresql\npw: fileS3cret\nport: 5432\nflag: yes\nid: ab\n"
                               "key: |\n  first line of it\n  second line of it\n";
    static const struct {
        const char *in, *text, *name;
    } rows[] = {
        {"nothing here", "nothing here", "nothing here"},
        {"x hunter2 y", "x ******** y", "x ******** y"},
        {"hunter2hunter2", "****************", "****************"},
        {"hunter22", "********", "********"}, // the longer one first
        {"aHVudGVyMjI=", "********=", "********="},
        {"aHVudGVyMjIK", "********", "********"},
        {"pin 42, 421", "pin ********, 421", "pin ********, 421"},
        {"fileS3cret", "********", "********"},
        {"postgresql on 5432", "******** on ********", "postgresql on 5432"},
        {"ab yes", "ab yes", "ab yes"},
        {"+  second line of it", "+  ********", "+  ********"},
        {"", "", ""},
    };
    struct arena *a = arena_new();
    struct censor *c = censor_new();
    (void)state;
    censor_add(c, "hunter2", 7);
    censor_add(c, "hunter22\n", 9);
    censor_add(c, "hunter2", 7);
    censor_add(c, "42", 2);
    censor_add_file(c, "vars.yml", file, strlen(file));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(censored(c, a, rows[i].in, false), rows[i].text);
        assert_string_equal(censored(c, a, rows[i].in, true), rows[i].name);
    }
    censor_free(c);
    assert_string_equal(censored(NULL, a, "hunter2", false), "hunter2");
    censor_add(NULL, "x", 1);
    arena_free(a);
}

static const struct dict *parse(struct arena *a, const char *json)
{
    struct value v;
    assert_int_equal(json_parse(a, json, strlen(json), &v, NULL), 0);
    return v.u.dict;
}

static void subjects(void **state)
{
    static const struct {
        const char *action, *args, *result;
        const char *want; // "what name: detail; ..."
    } rows[] = {
        {"copy", "{\"dest\": \"/etc/\", \"mode\": \"0644\"}", "{\"dest\": \"/etc/motd\"}",
         "file /etc/motd: mode 0644"},
        {"ansible.builtin.template", "{\"src\": \"a.j2\", \"dest\": \"/a\"}", "{}",
         "file /a: src a.j2"},
        {"file", "{\"path\": \"/x\", \"state\": \"absent\"}", "{\"path\": \"/x\"}",
         "file /x: state absent"},
        {"systemd", "{\"name\": \"nginx\", \"state\": \"restarted\", \"enabled\": true}", "{}",
         "service nginx: state restarted, enabled True"},
        {"command", "{\"_raw_params\": \"touch x\"}", "{\"cmd\": [\"touch\", \"x\"]}",
         "command -: touch x"},
        {"apt", "{\"name\": [\"nginx=1.2\", \"curl\"], \"state\": \"present\"}",
         "{\"stdout\": \"Reading...\\nUnpacking nginx (1.2) ...\\nSetting up libx:amd64 (3-1) "
         "...\\nSetting up nginx (1.2) ...\\nRemoving old (0.9) ...\\n\"}",
         "package libx: installed 3-1; package nginx: installed 1.2; package old: removed 0.9"},
        {"apt", "{\"name\": \"nginx=1.2,curl\", \"state\": \"latest\"}", "{}",
         "package nginx: state latest; package curl: state latest"},
        {"dnf", "{\"name\": \"nginx\"}",
         "{\"results\": [\"Installed: nginx-core-1:1.20-1.el9.x86_64\", \"Removed: x\"]}",
         "package nginx-core: installed 1:1.20-1.el9.x86_64"},
        {"dnf", "{\"name\": \"probe\", \"state\": \"latest\"}",
         "{\"results\": [\"Installed: probe-2-1.noarch\", \"Installed: libx-1-1.noarch\", "
         "\"Removed: probe-1-1.noarch\", \"Removed: old-3-1.noarch\"]}",
         "package probe: installed 2-1.noarch; package old: removed 3-1.noarch; package libx: "
         "installed 1-1.noarch"},
        {"pip", "{\"name\": [\"flask>=2\", \"x[y]\"]}", "{}", "package flask: -; package x: -"},
        {"user", "{\"name\": \"ann\", \"password\": \"h\"}", "{}", "user ann: -"},
        {"sysctl", "{\"name\": \"vm.swappiness\", \"value\": \"1\"}", "{}",
         "sysctl vm.swappiness: value 1"},
        {"ini_file", "{\"path\": \"/i\", \"value\": \"secret\"}", "{}", "file /i: -"},
        {"acme.web.site", "{\"name\": \"shop\"}", "{}", "site shop: -"},
        {"acme.web.conf", "{\"path\": \"/shop.conf\"}", "{}", "file /shop.conf: -"},
        {"acme.web.odd", "{}", "{}", "odd -: -"},
        {"set_fact", "{\"a\": 1}", "{}", ""},
        {"add_host", "{\"name\": \"h\"}", "{}", ""},
    };
    struct arena *a = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct task t = {.action = rows[i].action};
        struct result_event ev = {
            .task = &t, .args = parse(a, rows[i].args), .result = parse(a, rows[i].result)};
        size_t n;
        const struct subject *all = subjects_of(&ev, a, &n);
        struct buf b = BUF_INIT;
        for (size_t k = 0; k < n; k++)
            buf_addf(&b, "%s%s %s: %s", k ? "; " : "", all[k].what, all[k].name ? all[k].name : "-",
                     all[k].detail ? all[k].detail : "-");
        assert_string_equal(buf_str(&b), rows[i].want);
        buf_release(&b);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_in_time),
        cmocka_unit_test(secrets_are_hidden),
        cmocka_unit_test(subjects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
