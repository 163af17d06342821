// What tests of the ledger share: a folder of their own, and events to fill it.
#ifndef TESTS_LEDGER_TEST_H
#define TESTS_LEDGER_TEST_H

#include "ledger/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static inline char *test_dir(void)
{
    // in memory where there is such a folder: these tests wait for nothing else but fsync
    char *dir = xstrdup(access("/dev/shm", W_OK) == 0 ? "/dev/shm/andon-ledger.XXXXXX"
                                                      : "/tmp/andon-ledger.XXXXXX");
    assert_non_null(mkdtemp(dir));
    return dir;
}

static inline void test_dir_remove(char *dir)
{
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
    free(dir);
}

static inline struct ledger *test_open(const char *dir)
{
    struct ledger *l = NULL;
    struct err e = ERR_INIT;
    if (ledger_open(dir, &(struct ledger_opts){.origin = "test/andon"}, &l, &e) < 0)
        fail_msg("%s", err_msg(&e));
    return l;
}

// The i-th event of a made-up history: runs of 20 events on 7 hosts, of which every third is
// allowed by a rule, some by break-glass; each 50th does not end. The 11th of a run changes a unit.
static inline struct ledger_event test_event(struct arena *a, int i)
{
    struct ledger_event ev = {.type = "change",
                              .actor = i % 3 ? "ann@desk" : "bob@desk",
                              .run = arena_printf(a, "r-%d", i / 20),
                              .host = arena_printf(a, "web%d", i % 7),
                              .path = arena_printf(a, "/etc/app/%d.conf", i % 5)};
    if (i % 20 == 0)
        ev = (struct ledger_event){.type = "run.started", .actor = "ann@desk", .run = ev.run};
    if (i % 20 == 19)
        ev = (struct ledger_event){
            .type = "run.finished", .run = ev.run, .outcome = i % 60 == 59 ? "failed" : "ok"};
    struct value body = value_dict(a), authority = value_dict(a);
    if (i % 20 == 19 && i / 20 % 50 == 49)
        ev = (struct ledger_event){
            .type = "task.failed", .run = ev.run, .host = "web0", .outcome = "failed"};
    if (i % 20 == 11) {
        ev.path = NULL;
        dict_set(body.u.dict, "name",
                 value_strf(a, "unit%d%s", i / 20 % 9, i / 20 % 2 ? ".service" : ""));
    }
    if (i % 20 == 0 && i / 20 % 3 == 0) {
        dict_set(authority.u.dict, "kind", value_cstr(i / 20 % 15 ? "rule" : "break-glass"));
        dict_set(body.u.dict, "authority", authority);
    }
    if (i % 20 == 0 && i / 20 % 7 == 0)
        dict_set(body.u.dict, "undoes", value_cstr("r-1"));
    dict_set(body.u.dict, "n", value_int(i));
    ev.body = body.u.dict;
    return ev;
}

// Appends n events from number `from` on, `batch` at a time.
static inline void test_fill(struct ledger *l, int from, int n, int batch)
{
    struct err e = ERR_INIT;
    for (int i = 0; i < n; i += batch) {
        struct arena *a = arena_new();
        int k = n - i < batch ? n - i : batch;
        struct ledger_event *events = arena_array(a, struct ledger_event, k);
        for (int j = 0; j < k; j++)
            events[j] = test_event(a, from + i + j);
        if (ledger_append(l, events, (size_t)k, &e) < 0)
            fail_msg("%s", err_msg(&e));
        arena_free(a);
    }
}

#endif
