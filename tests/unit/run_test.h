// Helpers of the run room's tests: a playbook in a folder of its own, run with the real helper over
// connections of kind local, and a sink that writes down what it is told.
#ifndef RUN_TEST_H
#define RUN_TEST_H

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "run/run.h"
#include "spec/spec.h"
#include "template/hooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct told {
    struct arena *arena;
    struct buf log; // a line per event, as tests/oracle/run/told.py writes them
    struct run *run;
    void (*on_host_start)(struct told *t, const char *task, const char *host); // or NULL
};

static inline void told_word(struct told *t, const struct value *v)
{
    struct json_opts json = {.sort_keys = true, .ascii = true};
    buf_addc(&t->log, ' ');
    json_write(&t->log, v, &json);
}

static inline void told_play(void *data, const struct play *p, const char *name, size_t n,
                             bool check)
{
    struct told *t = data;
    (void)p, (void)n, (void)check;
    buf_addf(&t->log, "play %s\n", name);
}

static inline void told_no_match(void *data)
{
    buf_adds(&((struct told *)data)->log, "no hosts matched\n");
}

static inline void told_none_left(void *data)
{
    buf_adds(&((struct told *)data)->log, "no hosts remaining\n");
}

static inline void told_task(void *data, const struct task_event *ev)
{
    struct told *t = data;
    if (ev->task->kind != TASK_META)
        buf_addf(&t->log, "%s %s\n", ev->handler ? "handler" : "task", ev->name);
}

static inline void told_host_start(void *data, const struct task *task, const char *host)
{
    struct told *t = data;
    if (t->on_host_start)
        t->on_host_start(t, task->name ? task->name : task->action, host);
}

static inline void told_outcome(struct told *t, const char *prefix, const struct result_event *ev)
{
    static const char *const words[] = {"ok", "changed", "skipped", "failed", "unreachable"};
    static const char *const speaking[] = {"debug", "fail", "assert"};
    const struct value *msg = dict_get(ev->result, "msg");
    if (ev->task->kind == TASK_META)
        return;
    buf_addf(&t->log, "%s%s %s", prefix, words[ev->status], ev->host);
    if (ev->ignored && ev->status == STATUS_FAILED && !ev->item)
        buf_adds(&t->log, " ignored");
    if (ev->item)
        told_word(t, ev->item);
    for (size_t i = 0; msg && ev->status != STATUS_UNREACHABLE && i < 3; i++)
        if (strcmp(ev->task->module, speaking[i]) == 0 && !dict_get(ev->result, "results"))
            told_word(t, msg);
    buf_addc(&t->log, '\n');
}

static inline void told_item(void *data, const struct result_event *ev)
{
    told_outcome(data, "item ", ev);
}

static inline void told_result(void *data, const struct result_event *ev)
{
    if (!ev->include || ev->status > STATUS_CHANGED) // else told_include() tells it
        told_outcome(data, "", ev);
}

static inline void told_include(void *data, const struct include_event *ev)
{
    struct told *t = data;
    buf_addf(&t->log, "include %s ", path_base(ev->file));
    for (size_t i = 0; i < ev->n_hosts; i++)
        buf_addf(&t->log, "%s%s", i ? "," : "", ev->hosts[i]);
    buf_addc(&t->log, '\n');
}

static inline void told_retry(void *data, const struct retry_event *ev)
{
    buf_addf(&((struct told *)data)->log, "retry %s %lld\n", ev->host, (long long)ev->left);
}

static inline void told_stats(void *data, const struct stats_event *ev)
{
    struct told *t = data;
    for (size_t i = 0; i < ev->n; i++) {
        const struct host_stats *h = &ev->hosts[i];
        buf_addf(&t->log,
                 "stats %s ok=%u changed=%u unreachable=%u failed=%u skipped=%u rescued=%u "
                 "ignored=%u\n",
                 h->host, h->ok, h->changed, h->unreachable, h->failed, h->skipped, h->rescued,
                 h->ignored);
    }
}

static inline struct run_sink told_sink(struct told *t)
{
    return (struct run_sink){.data = t,
                             .play_start = told_play,
                             .no_hosts_matched = told_no_match,
                             .no_hosts_remaining = told_none_left,
                             .task_start = told_task,
                             .host_start = told_host_start,
                             .item = told_item,
                             .result = told_result,
                             .include = told_include,
                             .retry = told_retry,
                             .stats = told_stats};
}

static inline int test_module_known(void *data, const char *name, const struct list *collections,
                                    struct err *e)
{
    static const char *const pseudo[] = {"import_playbook", "import_role",   "import_tasks",
                                         "include_role",    "include_tasks", "meta"};
    (void)data, (void)collections, (void)e;
    for (size_t i = 0; i < sizeof pseudo / sizeof *pseudo; i++)
        if (strcmp(name, pseudo[i]) == 0)
            return MODULE_BUILTIN;
    return spec_find(name) ? MODULE_BUILTIN : MODULE_NOWHERE;
}

static inline int test_yaml_load(struct arena *a, const char *text, size_t len, bool all,
                                 struct value *ret, struct err *e)
{
    return all ? yaml_parse_all(a, text, len, "text", NULL, ret, e)
               : yaml_parse(a, text, len, "text", NULL, ret, e);
}

// Writes a file into the current folder, with the folders above it.
static inline void test_write(struct arena *a, const char *path, const char *text, size_t len)
{
    struct err e = ERR_INIT;
    if (file_mkdirs(path_dir(a, path), 0755, &e) < 0 ||
        file_write_atomic(path, text, len, 0644, &e) < 0)
        fail_msg("%s: %s", path, err_msg(&e));
}

// Runs site.yml of the current folder with its inventory "hosts"; o holds what else is wanted.
// Returns the exit code; an error of the whole run is written into the log.
static inline int test_play(struct told *t, struct run_opts o)
{
    char home[] = "HOME=/nonexistent", gathering[] = "ANSIBLE_GATHERING=explicit";
    char *env[] = {home, gathering, NULL}, cwd[4096];
    struct config_where where = {.environ = env, .system = "/nonexistent"};
    static const struct fleet_helper helper = {.path = BUILD_ROOT "/andon-node"};
    const char *source = "hosts";
    struct config *config;
    struct playbook *pb;
    struct err e = ERR_INIT;
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(config_load(t->arena, &where, &config, &e), 0);
    struct inventory_opts io = {.config = config};
    assert_int_equal(inventory_load(t->arena, &source, 1, &io, &o.inventory, &e), 0);
    template_hooks.yaml_load = test_yaml_load;
    if (!o.extra_vars)
        o.extra_vars = value_dict(t->arena).u.dict;
    o.cache = template_cache_new();
    struct loader_opts lo = {
        .extra_vars = o.extra_vars, .cache = o.cache, .module_known = test_module_known};
    struct fleet_opts fo = {.helpers = &helper, .n_helpers = 1, .control_dir = cwd};
    o.loader = loader_new(&lo);
    o.fleet = fleet_new(&fo, &e);
    assert_non_null(o.fleet);
    o.config = config;
    o.sink = told_sink(t);
    o.forks = o.forks ? o.forks : 1;
    t->run = run_new(&o);
    int code = playbook_load(o.loader, "site.yml", &pb, &e) < 0 ? RUN_PARSER
                                                                : run_playbook(t->run, pb, &e);
    if (e.code)
        buf_addf(&t->log, "error %s\n", err_msg(&e));
    err_release(&e);
    if (code != RUN_ERROR)
        run_stats(t->run);
    run_free(t->run);
    fleet_close(o.fleet, 500);
    loader_free(o.loader);
    template_cache_free(o.cache);
    return code;
}

#endif
