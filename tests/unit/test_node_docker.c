// docker_container without a daemon: parameters as bodies of calls, and compared with what a daemon
// said of a container. tests/oracle/docker.py has the rest, with a real one.
#include "core/json.h"
#include "node/modules/docker_container.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct value parse(struct arena *a, const char *json)
{
    struct value v;
    struct err e = ERR_INIT;
    assert_int_equal(json_parse(a, json, strlen(json), &v, &e), 0);
    return v;
}

// A task with these arguments, its options read. Returns what reading them returned.
static int read_args(struct container *c, struct module *m, struct arena *a, const char *args)
{
    struct err e = ERR_INIT;
    struct value given = parse(a, args);
    *m = (struct module){.arena = a,
                         .spec = spec_find("docker_container"),
                         .result = value_dict(a).u.dict,
                         .extra = value_dict(a).u.dict};
    assert_int_equal(spec_validate(m->spec, a, given.u.dict, &m->args, &e), 0);
    *c = (struct container){.m = m, .a = a, .d = {.m = m, .a = a}};
    docker_diff_init(&c->diff, a);
    return docker_read_comparisons(c) != 0 || docker_read_options(c) != 0 ? ERR_FAILED : 0;
}

static void test_create_body(void **state)
{
    // arguments, and a part of the body at a path
    static const struct {
        const char *args, *path, *want;
    } cases[] = {
        {"{'ports': ['8080:80']}", "HostConfig.PortBindings",
         "{'80/tcp': [{'HostIp': '0.0.0.0', 'HostPort': '8080'}]}"},
        {"{'ports': ['8080:80']}", "ExposedPorts", "{'80/tcp': {}}"},
        {"{'ports': ['127.0.0.1::53/udp', '[::1]:54:53/udp']}", "HostConfig.PortBindings",
         "{'53/udp': [{'HostIp': '127.0.0.1', 'HostPort': ''}, {'HostIp': '::1', 'HostPort': "
         "'54'}]}"},
        {"{'ports': ['9000-9001:90-95']}", "ExposedPorts", "{'90/tcp': {}, '91/tcp': {}}"},
        {"{'ports': ['9000-9009:90']}", "HostConfig.PortBindings",
         "{'90/tcp': [{'HostIp': '0.0.0.0', 'HostPort': '9000-9009'}]}"},
        {"{'expose': ['80-90'], 'ports': ['85', '99']}", "ExposedPorts",
         "{'80-90/tcp': {}, '99/tcp': {}}"},
        {"{'volumes': ['/a:/b:ro', 'v:/c', '/d']}", "HostConfig.Binds", "['/a:/b:ro', 'v:/c:rw']"},
        {"{'volumes': ['/a:/b:ro', 'v:/c', '/d']}", "Volumes", "{'/d': {}}"},
        {"{'command': 'sh -c \\\"a b\\\"'}", "Cmd", "['sh', '-c', 'a b']"},
        {"{'memory': '64M', 'memory_swap': 'unlimited'}", "HostConfig.Memory", "67108864"},
        {"{'memory': '64M', 'memory_swap': 'unlimited'}", "HostConfig.MemorySwap", "-1"},
        {"{'cpus': 0.25}", "HostConfig.NanoCpus", "250000000"},
        {"{'restart_policy': 'on-failure', 'restart_retries': 4}", "HostConfig.RestartPolicy",
         "{'Name': 'on-failure', 'MaximumRetryCount': 4}"},
        {"{'healthcheck': {'test': 'true', 'interval': '1m30s', 'timeout': '5ms'}}", "Healthcheck",
         "{'Test': ['CMD-SHELL', 'true'], 'Interval': 90000000000, 'Timeout': 5000000}"},
        {"{'ulimits': ['nofile:1:2', 'core:0']}", "HostConfig.Ulimits",
         "[{'Name': 'nofile', 'Soft': 1, 'Hard': 2}, {'Name': 'core', 'Soft': 0, 'Hard': 0}]"},
        {"{'mounts': [{'target': '/t', 'type': 'tmpfs', 'tmpfs_size': '1M', 'tmpfs_mode': '700'}]}",
         "HostConfig.Mounts",
         "[{'Target': '/t', 'Source': null, 'Type': 'tmpfs', 'ReadOnly': null, 'TmpfsOptions': "
         "{'SizeBytes': 1048576, 'Mode': "
         "448}}]"},
        {"{'env': {'A': '1', 'B': 'x y'}}", "Env", "['A=1', 'B=x y']"},
        {"{'detach': true, 'interactive': true}", "AttachStdin", "false"},
        {"{'detach': false, 'interactive': true}", "AttachStdin", "true"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new();
        struct module m;
        struct container c;
        char *args = arena_printf(a, "{'name': 'c', 'image': 'i', %s", cases[i].args + 1);
        char *want = arena_strdup(a, cases[i].want);
        for (char *p = args; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        for (char *p = want; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        assert_int_equal(read_args(&c, &m, a, args), 0);
        struct value body = docker_create_body(&c, "i"), expected = parse(a, want);
        const struct value *is = docker_at(&body, cases[i].path);
        if (!is || !value_equal(is, &expected))
            fail_msg("%s: %s is %s", args, cases[i].path, is ? value_to_cstr(a, is) : "not there");
        arena_free(a);
    }
}

// What a daemon said (shortened) of a container made by these arguments.
static const char had[] =
    "{\"Id\": \"x\", \"Platform\": \"linux\", \"Config\": {\"User\": \"\", \"Env\": [\"A=1\", "
    "\"PATH=/bin\"], \"Cmd\": [\"sleep\", \"9\"], \"ExposedPorts\": {\"80/tcp\": {}}, \"Labels\": "
    "{\"maker\": \"us\", \"l\": \"1\"}, \"Volumes\": null, \"AttachStdout\": true, "
    "\"AttachStderr\": true}, \"HostConfig\": {\"Binds\": [\"/a:/b:rw\"], \"Memory\": 0, "
    "\"CapAdd\": null, \"Dns\": [\"192.0.2.1\", \"192.0.2.2\"], \"PortBindings\": {\"80/tcp\": "
    "[{\"HostIp\": \"0.0.0.0\", \"HostPort\": \"8080\"}]}, \"RestartPolicy\": {\"Name\": \"no\", "
    "\"MaximumRetryCount\": 0}, \"Ulimits\": [{\"Name\": \"core\", \"Hard\": 1, \"Soft\": 1}]}}";

static void test_compare(void **state)
{
    // arguments, and the names of what differs
    static const struct {
        const char *args, *names;
    } cases[] = {
        {"{'env': {'A': '1'}}", ""},
        {"{'env': {'A': '2'}}", "env "},
        {"{'env': {'A': '1'}, 'comparisons': {'env': 'strict'}}", "env "},
        {"{'env': {'A': '2'}, 'comparisons': {'env': 'ignore'}}", ""},
        {"{'env': {'A': '2'}, 'comparisons': {'*': 'ignore'}}", ""},
        {"{'labels': {'l': '1'}}", ""},
        {"{'labels': {'l': 2}}", "labels "},
        {"{'labels': {'l': '1'}, 'comparisons': {'labels': 'strict'}}", "labels "},
        {"{'command': ['sleep', '9']}", ""},
        {"{'command': ['9', 'sleep']}", "command "},
        {"{'dns_servers': ['192.0.2.2', '192.0.2.1']}", "dns_servers "},
        {"{'dns_servers': ['192.0.2.2'], 'comparisons': {'dns_servers': 'allow_more_present'}}",
         ""},
        {"{'ports': ['8080:80']}", ""},
        {"{'ports': ['8081:80']}", "published_ports "},
        {"{'ports': ['81']}", "exposed_ports published_ports "},
        {"{'volumes': ['/a:/b']}", ""},
        {"{'volumes': ['/a:/b:ro']}", "volume_binds "},
        {"{'volumes': [], 'comparisons': {'volumes': 'strict'}}", "volume_binds "},
        {"{'capabilities': []}", ""},
        {"{'capabilities': ['ALL']}", "capabilities "},
        {"{'ulimits': ['core:1']}", ""},
        {"{'ulimits': ['core:2']}", "ulimits "},
        {"{'memory': '1M'}", "memory "},
        {"{'restart_policy': 'always'}", "restart_policy "},
        {"{'detach': false, 'platform': 'linux', 'user': ''}", ""},
        {"{'detach': true}", "detach "},
        {"{'stop_timeout': 9}", ""},
        {"{'healthcheck': {'test': ['NONE']}}", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new();
        struct module m;
        struct container c;
        struct docker_diff diff;
        struct buf names = BUF_INIT;
        struct dict_entry *entry;
        char *args = arena_printf(a, "{'name': 'c', 'image': 'i', %s", cases[i].args + 1);
        for (char *p = args; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        assert_int_equal(read_args(&c, &m, a, args), 0);
        c.have = parse(a, had);
        docker_diff_init(&diff, a);
        assert_int_equal(docker_compare_options(&c, false, &diff), 0);
        assert_int_equal(docker_compare_options(&c, true, &diff), 0);
        DICT_EACH(diff.after.u.dict, entry)
        buf_addf(&names, "%s ", value_to_cstr(a, &entry->key));
        if (strcmp(buf_str(&names), cases[i].names) != 0)
            fail_msg("%s: differs in \"%s\", not \"%s\"", args, buf_str(&names), cases[i].names);
        buf_release(&names);
        arena_free(a);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *args, *msg;
    } cases[] = {
        {"{'ports': ['host:1:2']}", "not hostnames"},
        {"{'ports': ['1:2:3:4']}", "expected 1 to 3 colon-separated parts, but got 4"},
        {"{'ports': ['9-7']}", "Invalid port range: \"9-7\""},
        {"{'ports': ['all']}", "no longer allowed"},
        {"{'env': {'A': 1}}", "Non-string value found for env option"},
        {"{'memory': 'lots'}", "Failed to convert memory to bytes"},
        {"{'comparisons': {'nope': 'strict'}}", "Unknown module option 'nope'"},
        {"{'comparisons': {'user': 'allow_more_present'}}", "is a value and not a set/list/dict"},
        {"{'comparisons': {'*': 'allow_more_present'}}", "The wildcard can only be used"},
        {"{'mounts': [{'type': 'bind', 'target': '/x'}]}", "source must be specified"},
        {"{'mounts': [{'target': '/x'}], 'volumes': ['a:/x']}", "appears both in the volumes"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new();
        struct module m;
        struct container c;
        char *args = arena_printf(a, "{'name': 'c', 'image': 'i', %s", cases[i].args + 1);
        for (char *p = args; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        assert_int_equal(read_args(&c, &m, a, args), ERR_FAILED);
        if (!strstr(dict_str(m.result, "msg", ""), cases[i].msg))
            fail_msg("%s: %s", args, dict_str(m.result, "msg", ""));
        arena_free(a);
    }
}

static void test_names(void **state)
{
    struct arena *a = arena_new();
    const char *name, *tag;
    (void)state;
    docker_split_tag(a, "localhost:5000/a/b", &name, &tag);
    assert_string_equal(name, "localhost:5000/a/b");
    assert_null(tag);
    docker_split_tag(a, "localhost:5000/a/b:1.2", &name, &tag);
    assert_string_equal(name, "localhost:5000/a/b");
    assert_string_equal(tag, "1.2");
    docker_split_tag(a, "b@sha256:00", &name, &tag);
    assert_string_equal(name, "b");
    assert_string_equal(tag, "sha256:00");
    assert_string_equal(docker_registry(a, "nginx"), "docker.io");
    assert_string_equal(docker_registry(a, "me/nginx"), "docker.io");
    assert_string_equal(docker_registry(a, "localhost/nginx"), "localhost");
    assert_string_equal(docker_registry(a, "r.example.org:5000/x/y"), "r.example.org:5000");
    assert_false(docker_is_image_id("sha256:12"));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_body),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
