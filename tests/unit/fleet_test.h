// Helpers of the fleet's tests: a fleet with the stand-in helper, tasks that record how they ended.
#ifndef FLEET_TEST_H
#define FLEET_TEST_H

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "fleet/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define FAKE_NODE BUILD_ROOT "/tests/fleet/fake_node"
#define FAKE_SSH TEST_ROOT "/fleet/fake_ssh"

struct events {
    struct buf log; // "name text\n" each, without addresses
};

static inline void log_event(void *data, const struct conn *c, enum fleet_event event,
                             const char *text)
{
    struct events *l = data;
    (void)c;
    buf_addf(&l->log, "%s %s\n", fleet_event_name(event), text);
}

static inline struct fleet *test_fleet(struct events *l)
{
    static const struct fleet_helper helper = {.path = FAKE_NODE};
    struct err e = ERR_INIT;
    struct fleet_opts o = {.helpers = &helper, .n_helpers = 1, .on_event = log_event, .data = l};
    struct fleet *f = fleet_new(&o, &e);
    if (!f)
        fail_msg("%s", err_msg(&e));
    return f;
}

// A task and how it ended.
struct probe {
    struct arena *arena;
    struct value task;
    struct conn_task t;
    int calls; // of done
    enum conn_status status;
    struct buf result; // as JSON
    struct buf msg;
    struct buf output;
    uint64_t received;
    int files_ended;
    uint32_t id;
};

static inline void probe_done(void *data, const struct conn_result *r)
{
    struct probe *p = data;
    p->calls++;
    p->status = r->status;
    buf_clear(&p->result);
    buf_clear(&p->msg);
    if (r->status == CONN_OK)
        json_write(&p->result, &r->value, NULL);
    buf_adds(&p->msg, r->msg);
}

static inline void probe_output(void *data, int stream, const char *s, size_t len)
{
    struct probe *p = data;
    buf_addf(&p->output, "%d:%.*s ", stream, (int)len, s);
}

static inline int probe_file(void *data, uint32_t n, const char *s, size_t len, const char *msg)
{
    struct probe *p = data;
    (void)s;
    if (n != 0 || msg)
        return -1;
    p->received += len;
    p->files_ended += len == 0;
    return 0;
}

static inline void probe_init(struct probe *p, const char *what, int64_t n)
{
    *p = (struct probe){.arena = arena_new()};
    p->task = value_dict(p->arena);
    dict_set(p->task.u.dict, "do", value_cstr(what));
    dict_set(p->task.u.dict, "n", value_int(n));
    p->t = (struct conn_task){
        .arena = p->arena, .task = &p->task, .on_output = probe_output, .on_file = probe_file};
}

static inline void probe_submit(struct probe *p, struct conn *c)
{
    p->id = conn_submit(c, &p->t, probe_done, p);
}

static inline void probe_release(struct probe *p)
{
    arena_free(p->arena);
    buf_release(&p->result);
    buf_release(&p->msg);
    buf_release(&p->output);
}

static inline void run(struct fleet *f)
{
    uv_run(fleet_loop(f), UV_RUN_DEFAULT);
}

// Runs one task to its end; the probe is released by the caller.
static inline void probe_run(struct probe *p, struct fleet *f, struct conn *c, const char *what,
                             int64_t n)
{
    probe_init(p, what, n);
    probe_submit(p, c);
    run(f);
    assert_int_equal(p->calls, 1);
}

static inline struct conn *test_conn(struct fleet *f, const struct conn_params *p)
{
    struct err e = ERR_INIT;
    struct conn *c = fleet_conn(f, p, &e);
    if (!c)
        fail_msg("%s", err_msg(&e));
    return c;
}

static inline struct conn *local_conn(struct fleet *f)
{
    return test_conn(f, &(struct conn_params){.transport = CONN_LOCAL, .name = "local"});
}

#endif
