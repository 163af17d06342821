// Measures connections: connects to hosts (one address per line of a file, or "local") and runs
// `ping` on each.
//   conn_ping [-h helper] [-n tasks] [-f connecting] [-a ssh_args] [-c common_args] [-u user] [-p
//   port] [-P password]
//             [-r raw command] [-j task] [-q] hosts.txt|local|address ...
#include "fleet/fleet.h"

#include "core/file.h"
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct state {
    struct fleet *f;
    struct conn_params p;
    const char *raw, *json;
    int tasks;
    bool quiet, reset;
    int hosts, ok, failed;
    int64_t start;
    uint64_t received;
};

struct host {
    struct state *s;
    struct conn *c;
    struct arena *a;
    struct value task;
    int left;
};

static void host_end(struct host *h, bool ok, const char *msg)
{
    struct state *s = h->s;
    if (ok)
        s->ok++;
    else
        s->failed++;
    if (!ok)
        printf("%s: %s\n", conn_name(h->c), msg);
}

static void on_done(void *data, const struct conn_result *r);

static int on_file(void *data, uint32_t n, const char *s, size_t len, const char *msg)
{
    struct host *h = data;
    (void)n, (void)s;
    h->s->received += len;
    return msg ? -1 : 0;
}

static void submit(struct host *h)
{
    struct conn_task t = {.arena = h->a, .task = &h->task, .on_file = on_file};
    conn_submit(h->c, &t, on_done, h);
}

static void on_done(void *data, const struct conn_result *r)
{
    struct host *h = data;
    if (r->status != CONN_OK || --h->left == 0) {
        host_end(h, r->status == CONN_OK, r->msg);
        return;
    }
    if (h->s->reset)
        conn_reset(h->c);
    submit(h);
}

static void on_raw(void *data, const struct conn_raw_result *r)
{
    struct host *h = data;
    host_end(h, r->status == CONN_OK, r->msg);
    if (r->status == CONN_OK && !h->s->quiet)
        printf("%s: rc %d, out %zu bytes: %s, err: %s\n", conn_name(h->c), r->rc, r->out_len,
               r->out, r->err);
}

static void add_host(struct state *s, const char *name)
{
    struct host *h = calloc(1, sizeof *h);
    struct err e = ERR_INIT;
    struct conn_params p = s->p;
    p.name = name;
    p.transport = strcmp(name, "local") == 0 ? CONN_LOCAL : CONN_SSH;
    h->s = s;
    h->a = arena_new();
    h->task = value_dict(h->a);
    dict_set(h->task.u.dict, "module", value_cstr("ping"));
    dict_set(h->task.u.dict, "args", value_dict(h->a));
    if (s->json && json_parse(h->a, s->json, strlen(s->json), &h->task, &e))
        fprintf(stderr, "-j: %s\n", err_msg(&e));
    h->left = s->tasks;
    h->c = fleet_conn(s->f, &p, &e);
    s->hosts++;
    if (!h->c) {
        printf("%s: %s\n", name, err_msg(&e));
        s->failed++;
    } else if (s->raw) {
        conn_raw(h->c, &(struct conn_raw_opts){.command = s->raw}, on_raw, h);
    } else {
        submit(h);
    }
}

static void add_file(struct state *s, const char *path)
{
    struct arena *a = arena_new();
    char *text = NULL;
    size_t len = 0;
    if (file_read(a, path, 1 << 20, &text, &len, NULL)) {
        add_host(s, path);
        return;
    }
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        add_host(s, strndup(line, strcspn(line, " \t")));
    arena_free(a);
}

static void on_event(void *data, const struct conn *c, enum fleet_event event, const char *text)
{
    const struct state *s = data;
    if (!s->quiet)
        printf("%6lld ms %s: %s %s\n", (long long)(clock_mono_ms() - s->start), conn_name(c),
               fleet_event_name(event), text);
}

static void option(int c, char *arg, struct state *s, struct fleet_opts *o, struct fleet_helper *h)
{
    const struct {
        int c;
        const char **text;
        int *number;
        bool *flag;
    } rows[] = {
        {'h', &h->path, NULL, NULL},
        {'n', NULL, &s->tasks, NULL},
        {'f', NULL, &o->max_connecting, NULL},
        {'a', &s->p.ssh_args, NULL, NULL},
        {'c', &s->p.ssh_common_args, NULL, NULL},
        {'e', &s->p.ssh_executable, NULL, NULL},
        {'u', &s->p.user, NULL, NULL},
        {'p', NULL, &s->p.port, NULL},
        {'P', &s->p.password, NULL, NULL},
        {'r', &s->raw, NULL, NULL},
        {'j', &s->json, NULL, NULL},
        {'t', NULL, &s->p.timeout, NULL},
        {'R', NULL, &s->p.retries, NULL},
        {'k', NULL, NULL, &s->p.no_persist},
        {'q', NULL, NULL, &s->quiet},
        {'x', NULL, NULL, &s->reset},
        {'H', NULL, NULL, &s->p.accept_any_host_key},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].c != c)
            continue;
        if (rows[i].text)
            *rows[i].text = arg;
        else if (rows[i].number)
            *rows[i].number = atoi(arg);
        else
            *rows[i].flag = true;
        return;
    }
    exit(2);
}

static double cpu_s(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
           (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    struct state s = {.tasks = 1, .start = clock_mono_ms()};
    struct fleet_helper helper = {.path = "build/andon-node"};
    struct fleet_opts o = {.helpers = &helper, .n_helpers = 1, .on_event = on_event, .data = &s};
    struct err e = ERR_INIT;
    if (fleet_is_askpass())
        return fleet_askpass_main(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int c; (c = getopt(argc, argv, "h:n:f:a:c:e:u:p:P:r:j:t:R:kqxH")) != -1;) {
        option(c, optarg, &s, &o, &helper);
    }
    s.f = fleet_new(&o, &e);
    if (!s.f) {
        fprintf(stderr, "%s\n", err_msg(&e));
        return 1;
    }
    for (int i = optind; i < argc; i++)
        add_file(&s, argv[i]);
    uv_run(fleet_loop(s.f), UV_RUN_DEFAULT);
    long long done = clock_mono_ms() - s.start;
    struct rusage self, kids;
    getrusage(RUSAGE_SELF, &self);
    fleet_close(s.f, 2000);
    getrusage(RUSAGE_CHILDREN, &kids);
    printf("%d hosts, %d ok, %d failed: %lld ms, closed after %lld ms; %llu MB received; maxrss "
           "%ld KB; cpu self "
           "%.3f s, children %.3f s\n",
           s.hosts, s.ok, s.failed, done, (long long)(clock_mono_ms() - s.start),
           (unsigned long long)(s.received >> 20), self.ru_maxrss, cpu_s(&self), cpu_s(&kids));
    return s.failed ? 1 : 0;
}
