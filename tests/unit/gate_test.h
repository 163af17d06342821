// What tests of gates share: hosts and a controller made up, the server that behaves badly, and one
// gate asked.
#ifndef TESTS_GATE_TEST_H
#define TESTS_GATE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "rollout/gate.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW INT64_C(1700000000000000)
#define MAX_GATES 64

static const char *const two_hosts[] = {"web1", "web2", NULL};

struct fixture {
    struct arena *a;
    struct gate_env env;
    struct gate gates[MAX_GATES];
    struct gate_result results[MAX_GATES];
    struct err e;
    char folder[64];
    int server_in, port, tls_port;
    pid_t server;
};

// --- a host sees {{ inventory_hostname }}, and {{ wrong }} is an error

static inline int expand(void *data, const char *host, const char *text, struct arena *a,
                         const char **ret, struct err *e)
{
    static const char name[] = "{{ inventory_hostname }}";
    (void)data;
    const char *at = strstr(text, name);
    if (strstr(text, "{{ wrong"))
        return err_set(e, ERR_UNDEFINED, POS_NONE, "'wrong' is undefined");
    *ret = at ? arena_printf(a, "%.*s%s%s", (int)(at - text), text, host ? host : "controller",
                             at + strlen(name))
              : text;
    return 0;
}

// The "run" is a script that prints what andon would.
static inline int command_argv(void *data, const struct gate *g, const char *const *hosts,
                               struct arena *a, const char *const **ret_argv, struct err *e)
{
    (void)data;
    (void)hosts;
    (void)e;
    const char **argv = arena_array(a, const char *, 4);
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = g->text;
    *ret_argv = argv;
    return 0;
}

static inline void start_server(struct fixture *f)
{
    int in[2], out[2];
    char line[64] = "";
    assert_int_equal(pipe(in) | pipe(out), 0);
    f->server = fork();
    if (f->server == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execlp("python3", "python3", TEST_ROOT "/fixtures/gate_server.py", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    f->server_in = in[1];
    size_t n = 0;
    while (n < sizeof line - 1 && read(out[0], line + n, 1) == 1 && line[n] != '\n')
        n++;
    close(out[0]);
    assert_int_equal(sscanf(line, "%d %d", &f->port, &f->tls_port), 2);
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->a = arena_new();
    snprintf(f->folder, sizeof f->folder, "/tmp/andon-gate-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->env = (struct gate_env){.service = "shop",
                               .release = "1.2",
                               .rollout = "d-1",
                               .ring = "canary",
                               .hosts = two_hosts,
                               .now = NOW,
                               .expand = expand,
                               .command_argv = command_argv};
    start_server(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->server_in);
    waitpid(f->server, NULL, 0);
    char *command = arena_printf(f->a, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
    arena_free(f->a);
    err_release(&f->e);
    free(f);
    return 0;
}

static inline struct gate plain(enum gate_kind kind, const char *text)
{
    return (struct gate){.name = "gate",
                         .kind = kind,
                         .text = text,
                         .timeout = 20,
                         .tls_verify = true,
                         .min = NAN,
                         .max = NAN};
}

// Text with %p and %t as the ports of the server and of its twin with TLS, %f the folder.
static inline const char *fill(struct fixture *f, const char *text)
{
    struct buf b = BUF_INIT;
    for (; text && *text; text++)
        if (text[0] == '%' && (text[1] == 'p' || text[1] == 't'))
            buf_addi(&b, *++text == 'p' ? f->port : f->tls_port);
        else if (text[0] == '%' && text[1] == 'f' && *++text)
            buf_adds(&b, f->folder);
        else
            buf_addc(&b, *text);
    const char *s = text ? arena_strdup(f->a, buf_str(&b)) : NULL;
    buf_release(&b);
    return s;
}

static inline const struct gate_result *ask(struct fixture *f, struct gate g)
{
    g.text = fill(f, g.text);
    g.url = fill(f, g.url);
    f->gates[0] = g;
    err_release(&f->e);
    assert_int_equal(gate_sample(f->gates, 1, &f->env, f->a, f->results, -1, &f->e), 0);
    return &f->results[0];
}

static inline void expect(const struct gate_result *r, enum gate_answer answer, const char *detail)
{
    if (r->answer != answer || !strstr(r->detail, detail) || strchr(r->detail, '\n'))
        fail_msg("wanted %d '%s', got %d '%s'", answer, detail, r->answer, r->detail);
}

#endif
