// docker_* modules against a daemon of ours, on a socket, that gives prepared answers: what they
// make of these. tests/oracle/docker.py compares the same with Ansible, with a real daemon.
#include "core/file.h"
#include "core/json.h"
#include "node/module.h"
#include "node/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define ANSWERS_MAX 4

// One call that the daemon answers, and how: "POST /images/load" is 200 where no status is given.
struct call_answer {
    const char *call;
    int status;
    const char *body;
};

// A task ("@" is a folder, "'" stands for a quotation mark), and what its result holds at some
// keys (JSON; "-": there is no such key).
struct step {
    const char *module, *args;
    struct call_answer answers[ANSWERS_MAX];
    struct {
        const char *key, *is;
    } want[ANSWERS_MAX];
};

// --- the daemon

// The request's first line without the API's version, as "GET /volumes/v". Reads all of the
// request, for the client writes it first.
static void hear(int fd, char line[256])
{
    struct buf b = BUF_INIT;
    char method[16] = "", path[200] = "";
    for (size_t want = 0; !want || b.len < want;) {
        ssize_t n = recv(fd, buf_reserve(&b, 4096), 4095, 0);
        if (n <= 0)
            break;
        b.len += (size_t)n;
        b.p[b.len] = '\0';
        const char *end = strstr(b.p, "\r\n\r\n"), *length = strcasestr(b.p, "content-length:");
        if (end && !want)
            want = (size_t)(end + 4 - b.p) + (length ? strtoul(length + 15, NULL, 10) : 0);
    }
    sscanf(buf_str(&b), "%15s %199s", method, path);
    const char *rest = strncmp(path, "/v1.", 4) == 0 ? strchr(path + 1, '/') : path;
    snprintf(line, 256, "%s %s", method, rest ? rest : "");
    buf_release(&b);
}

static void answer(int fd, const struct call_answer *answers)
{
    static const struct call_answer version = {"GET /version", 200, "{'ApiVersion': '1.41'}"},
                                    none = {"", 404, "{'message': 'no such thing'}"};
    const struct call_answer *found = &none;
    char line[256];
    hear(fd, line);
    if (strcmp(line, version.call) == 0)
        found = &version;
    for (size_t i = 0; i < ANSWERS_MAX && answers[i].call; i++)
        if (strcmp(line, answers[i].call) == 0)
            found = &answers[i];
    dprintf(fd, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n", found->status ? found->status : 200,
            strlen(found->body));
    for (const char *p = found->body; *p; p++)
        dprintf(fd, "%c", *p == '\'' ? '"' : *p);
}

static pid_t serve(const char *dir, const struct call_answer *answers)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s/socket", dir);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(listener, 16), 0);
    pid_t pid = fork();
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (pid == 0) {
        int fd = accept(listener, NULL, NULL);
        answer(fd, answers);
        close(fd);
    }
    close(listener);
    return pid;
}

// --- the tasks

static struct value parse(struct arena *a, const char *dir, const char *text)
{
    struct buf b = BUF_INIT;
    struct value v;
    struct err e = ERR_INIT;
    for (const char *p = text; *p; p++)
        if (*p == '@')
            buf_adds(&b, dir);
        else
            buf_addc(&b, *p == '\'' ? '"' : *p);
    if (json_parse(a, buf_str(&b), b.len, &v, &e) != 0)
        fail_msg("%s: %s", buf_str(&b), err_msg(&e));
    buf_release(&b);
    return v;
}

static void check_result(struct arena *a, const char *dir, const struct step *s,
                         const struct dict *result)
{
    for (size_t i = 0; i < ANSWERS_MAX && s->want[i].key; i++) {
        const struct value *is = dict_get(result, s->want[i].key);
        bool none = strcmp(s->want[i].is, "-") == 0;
        struct value want = none ? value_null() : parse(a, dir, s->want[i].is);
        if (none ? is != NULL : !is || !value_equal(is, &want))
            fail_msg("%s %s: %s is %s, not %s", s->module, s->args, s->want[i].key,
                     is ? value_to_cstr(a, is) : "not there", s->want[i].is);
    }
}

static void run_step(const struct step *s)
{
    char dir[] = "/tmp/andon-test-XXXXXX";
    struct arena *a = arena_new();
    struct value task = value_dict(a), args, result;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(file_write_atomic(arena_printf(a, "%s/images.tar", dir), "tar", 3, 0600, NULL),
                     0);
    args = parse(a, dir, s->args);
    dict_set(args.u.dict, "docker_host", value_strf(a, "unix://%s/socket", dir));
    dict_set(task.u.dict, "module", value_cstr(s->module));
    dict_set(task.u.dict, "args", args);
    dict_set(task.u.dict, "diff", value_bool(true));
    pid_t daemon = serve(dir, s->answers);
    task_run(a, task.u.dict, NULL, &result);
    kill(daemon, SIGKILL);
    waitpid(daemon, NULL, 0);
    check_result(a, dir, s, result.u.dict);
    host_remove(dir, NULL);
    arena_free(a);
}

static void volumes_differ_by_key(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"docker_volume",
         "{'name': 'v', 'labels': {'a': '2', 'b': '1'}, 'driver_options': {'type': 'nfs'}}",
         {{"GET /volumes/v", 200,
           "{'Driver': 'local', 'Labels': {'a': '1', 'b': '1'}, 'Options': {'type': 'tmpfs', 'o': "
           "'size=1m'}}"}},
         {{"diff", "{'before': {'labels.a': '1', 'driver_options.type': 'tmpfs', 'exists': true}, "
                   "'after': {'labels.a': '2', 'driver_options.type': 'nfs', 'exists': true}, "
                   "'differences': [{'driver_options.type': {'parameter': 'nfs', 'container': "
                   "'tmpfs'}}, {'labels.a': {'parameter': '2', 'container': '1'}}]}"},
          {"changed", "false"}}},
        // Options of a volume that has none differ as a whole, labels do not.
        {"docker_volume",
         "{'name': 'v', 'labels': {'a': true}, 'driver_options': {'type': 'nfs', 'o': 'x'}}",
         {{"GET /volumes/v", 200, "{'Driver': 'local', 'Labels': null, 'Options': null}"}},
         {{"diff", "{'before': {'labels.a': null, 'driver_options': null, 'exists': true}, "
                   "'after': {'labels.a': 'true', 'driver_options': {'type': 'nfs', 'o': 'x'}, "
                   "'exists': true}, 'differences': [{'driver_options': {'parameter': {'type': "
                   "'nfs', 'o': 'x'}, 'container': null}}, {'labels.a': {'parameter': 'true', "
                   "'container': null}}]}"}}},
        {"docker_volume",
         "{'name': 'v', 'driver': 'other', 'labels': {}}",
         {{"GET /volumes/v", 200, "{'Driver': 'local', 'Labels': {'a': '1'}, 'Options': null}"}},
         {{"diff", "{'before': {'driver': 'local', 'exists': true}, 'after': {'driver': 'other', "
                   "'exists': true}, 'differences': [{'driver': {'parameter': 'other', "
                   "'container': 'local'}}]}"}}},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        run_step(&steps[i]);
}

#define LOADING                                                                                    \
    "{'name': 'i:1', 'source': 'load', 'load_path': '@/images.tar', 'force_source': true}"
#define IMAGE                                                                                      \
    {                                                                                              \
        "GET /images/i:1/json", 200, "{'Id': 'sha256:aa'}"                                         \
    }

static void loads_are_checked(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"docker_image",
         LOADING,
         {IMAGE, {"POST /images/load", 200, "{'stream': 'Loaded image: i:1\\n'}\n"}},
         {{"failed", "-"}, {"stdout", "-"}, {"warnings", "-"}, {"image", "{'Id': 'sha256:aa'}"}}},
        {"docker_image",
         LOADING,
         {IMAGE,
          {"POST /images/load", 200,
           "{'stream': 'Loaded image: j:1\\n'}\n{'stream': 'Loaded image: i:1\\n'}\n"
           "{'stream': 'Loaded image ID: sha256:bb\\n'}\n{'stream': 'Loaded image: a/b:2\\n'}\n"}},
         {{"failed", "-"},
          {"stdout", "-"},
          {"warnings", "[\"The archive contained more images than specified: "
                       "\\u0027a/b:2\\u0027, \\u0027j:1\\u0027, sha256:bb\"]"}}},
        // One without a name besides is not worth a warning.
        {"docker_image",
         LOADING,
         {IMAGE,
          {"POST /images/load", 200,
           "{'stream': 'Loaded image: i:1\\n'}\n{'stream': 'Loaded image ID: sha256:bb\\n'}\n"}},
         {{"failed", "-"}, {"warnings", "-"}}},
        {"docker_image",
         LOADING,
         {IMAGE,
          {"POST /images/load", 200,
           "{'stream': 'Loaded image: j:1\\n'}\n{'stream': 'Loaded image: h:1\\n'}\n"}},
         {{"failed", "true"},
          {"changed", "false"},
          {"stdout", "'Loaded image: j:1\\nLoaded image: h:1'"},
          {"msg", "\"The archive did not contain image \\u0027i:1\\u0027. Instead, found "
                  "\\u0027h:1\\u0027, \\u0027j:1\\u0027.\""}}},
        {"docker_image",
         LOADING,
         {IMAGE, {"POST /images/load", 200, "{'stream': 'nothing\\n'}\n"}},
         {{"failed", "true"},
          {"stdout", "'nothing'"},
          {"msg", "'Detected no loaded images. Archive potentially corrupt?'"}}},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        run_step(&steps[i]);
}

#define LOGIN                                                                                      \
    "{'registry_url': 'r.example.org', 'username': 'u', 'password': 'p', 'config_path': "          \
    "'@/c.json'}"

static void logins_tell_what_the_registry_said(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"docker_login",
         LOGIN,
         {{"POST /auth", 200, "{'IdentityToken': 'secret', 'Status': 'Login Succeeded'}"}},
         {{"login_result", "{'Status': 'Login Succeeded'}"}, {"changed", "true"}}},
        {"docker_login",
         LOGIN,
         {{"POST /auth", 401, "{'message': 'bad password'}"}},
         {{"login_result", "-"}, {"failed", "true"}, {"changed", "false"}}},
        {"docker_login",
         "{'registry_url': 'r.example.org', 'state': 'absent', 'config_path': '@/c.json'}",
         {{NULL, 0, NULL}},
         {{"login_result", "{}"}, {"changed", "false"}, {"failed", "-"}}},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        run_step(&steps[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(volumes_differ_by_key),
        cmocka_unit_test(loads_are_checked),
        cmocka_unit_test(logins_tell_what_the_registry_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
