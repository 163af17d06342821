// andon-node, the helper on a host: `andon-node serve` speaks frames with the controller on stdin
// and stdout.
#include "node/module.h"
#include "node/session.h"

#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Makes PATH hold the sbin folders, which non-interactive sessions of ordinary users lack.
static void extend_path(void)
{
    static const char *const dirs[] = {"/usr/local/sbin", "/usr/sbin", "/sbin"};
    const char *path = getenv("PATH");
    if (!path || !*path) {
        setenv("PATH", DEFAULT_PATH, 1);
        return;
    }
    struct buf b = BUF_INIT;
    buf_adds(&b, path);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        const char *at = strstr(b.p, dirs[i]);
        size_t n = strlen(dirs[i]);
        while (at && !((at == b.p || at[-1] == ':') && (at[n] == ':' || !at[n])))
            at = strstr(at + 1, dirs[i]);
        if (!at)
            buf_addf(&b, ":%s", dirs[i]);
    }
    setenv("PATH", b.p, 1);
    buf_release(&b);
}

// `andon-node run MODULE [--check] [--diff] < args.json`: one module by hand, its result as JSON on
// stdout.
static int run_once(int argc, char **argv)
{
    struct arena *a = arena_new();
    struct buf in = BUF_INIT, out = BUF_INIT;
    struct value args, task = value_dict(a), result;
    struct err e = ERR_INIT;
    ssize_t n;
    while ((n = read(STDIN_FILENO, buf_reserve(&in, 65536), 65536)) > 0)
        in.len += (size_t)n;
    if (in.len == 0)
        args = value_dict(a);
    else if (json_parse(a, in.p, in.len, &args, &e) != 0) {
        fprintf(stderr, "andon-node: arguments: %s\n", err_msg(&e));
        return 2;
    }
    dict_set(task.u.dict, "module", value_cstr(argv[2]));
    dict_set(task.u.dict, "args", args);
    for (int i = 3; i < argc; i++) {
        dict_set(
            task.u.dict, "check",
            value_bool(dict_bool(task.u.dict, "check", false) || strcmp(argv[i], "--check") == 0));
        dict_set(
            task.u.dict, "diff",
            value_bool(dict_bool(task.u.dict, "diff", false) || strcmp(argv[i], "--diff") == 0));
    }
    task_run(a, task.u.dict, NULL, &result);
    json_write(&out, &result, NULL);
    puts(buf_str(&out));
    int rc = dict_bool(result.u.dict, "failed", false);
    buf_release(&in);
    buf_release(&out);
    arena_free(a);
    return rc;
}

// Becoming another user keeps the working folder, which that user may not be allowed to enter.
static void leave_closed_folder(void)
{
    const char *home = getenv("HOME");
    if (access(".", R_OK | X_OK) == 0 || (home && chdir(home) == 0))
        return;
    if (chdir("/") < 0)
        perror("andon-node: chdir");
}

int main(int argc, char **argv)
{
    bool remove = argc == 4 && strcmp(argv[2], "--remove") == 0;
    if ((argc == 2 || remove) && strcmp(argv[1], "serve") == 0) {
        extend_path();
        leave_closed_folder();
        int rc = router_serve(STDIN_FILENO, STDOUT_FILENO);
        if (remove) // the temporary folder this copy was started from
            host_remove(argv[3], NULL);
        return rc;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("andon-node %s (protocol %d)\n", ANDON_VERSION, WIRE_VERSION);
        return 0;
    }
    if (argc >= 3 && strcmp(argv[1], "run") == 0) {
        extend_path();
        return run_once(argc, argv);
    }
    fprintf(stderr,
            "usage: andon-node serve | run MODULE [--check] [--diff] < args.json | --version\n");
    return 2;
}
