// Facts from fixtures: distributions' release files, and systems made up in a folder.
#include "node/facts/facts.h"
#include "node/modules/accounts.h"
#include "node/modules/svc.h"
#include "node/text.h"

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

// As Ansible tells them (tests/oracle/cases_distribution.py asks it).
static const struct {
    const char *fixture, *name, *version, *major, *release, *family, *path;
} distributions[] = {
    {"almalinux8", "AlmaLinux", "8.9", "8", "Midnight Oncilla", "RedHat", "/etc/redhat-release"},
    {"alpine318", "Alpine", "3.18.4", "3", "NA", "Alpine", "/etc/alpine-release"},
    {"amazon2", "Amazon", "2", "2", "NA", "RedHat", "/etc/os-release"},
    {"amazon2023", "Amazon", "2023", "2023", "NA", "RedHat", "/etc/os-release"},
    {"arch", "Archlinux", "NA", "NA", "NA", "Archlinux", "/etc/arch-release"},
    {"centos-stream9", "CentOS", "9", "9", "Stream", "RedHat", "/etc/centos-release"},
    {"centos7", "CentOS", "7.9", "7", "Core", "RedHat", "/etc/redhat-release"},
    {"debian12", "Debian", "12", "12", "bookworm", "Debian", "/etc/os-release"},
    {"devuan", "Devuan", "5", "5", "daedalus", "Debian", "/etc/os-release"},
    {"fedora38", "Fedora", "38", "38", "", "RedHat", "/etc/redhat-release"},
    {"kali", "Kali", "2023.3", "2023", "kali-rolling", "Debian", "/etc/os-release"},
    {"mint", "Linux Mint", "21.2", "21", "victoria", "Debian", "/etc/os-release"},
    {"opensuse-leap", "openSUSE Leap", "15.5", "15", "5", "Suse", "/etc/os-release"},
    {"oracle8", "OracleLinux", "8.8", "8", "NA", "RedHat", "/etc/oracle-release"},
    {"rhel8", "RedHat", "8.8", "8", "Ootpa", "RedHat", "/etc/redhat-release"},
    {"rocky9", "Rocky", "9.3", "9", "Blue Onyx", "RedHat", "/etc/redhat-release"},
    {"sles15", "SLES", "15.4", "15", "4", "Suse", "/etc/os-release"},
    {"ubuntu2204", "Ubuntu", "22.04", "22", "jammy", "Debian", "/etc/os-release"},
};

static struct facts facts_at(struct arena *a, const char *root)
{
    return (struct facts){.a = a,
                          .out = value_dict(a).u.dict,
                          .all = value_dict(a).u.dict,
                          .root = root,
                          .timeout_s = 1};
}

static void test_distributions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(distributions) / sizeof(*distributions); i++) {
        struct arena *a = arena_new();
        const char *root =
            arena_printf(a, "%s/fixtures/os/%s", TEST_ROOT, distributions[i].fixture);
        struct facts f = facts_at(a, root);
        facts_distribution(&f);
        assert_string_equal(dict_str(f.out, "distribution", ""), distributions[i].name);
        assert_string_equal(dict_str(f.out, "distribution_version", ""), distributions[i].version);
        assert_string_equal(dict_str(f.out, "distribution_major_version", ""),
                            distributions[i].major);
        assert_string_equal(dict_str(f.out, "distribution_release", ""), distributions[i].release);
        assert_string_equal(dict_str(f.out, "os_family", ""), distributions[i].family);
        assert_string_equal(dict_str(f.out, "distribution_file_path", ""), distributions[i].path);
        arena_free(a);
    }
}

// --- systems in a temporary folder

static char root[] = "/tmp/andon-facts-XXXXXX";

static int make_root(void **state)
{
    (void)state;
    memcpy(strrchr(root, '-') + 1, "XXXXXX", 6);
    return mkdtemp(root) ? 0 : -1;
}

static int drop_root(void **state)
{
    char cmd[128];
    (void)state;
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", root);
    return system(cmd);
}

static void put(struct arena *a, const char *path, const char *text)
{
    const char *full = arena_printf(a, "%s%s", root, path);
    assert_int_equal(file_mkdirs(path_dir(a, full), 0755, NULL), 0);
    assert_int_equal(file_write_atomic(full, text, strlen(text), 0644, NULL), 0);
}

// A fact as JSON.
static const char *json(struct arena *a, const struct dict *d, const char *key)
{
    struct buf b = BUF_INIT;
    const struct value *v = dict_get(d, key);
    if (!v)
        return "(none)";
    json_write(&b, v, NULL);
    const char *s = arena_strndup(a, buf_str(&b), b.len);
    buf_release(&b);
    return s;
}

static void test_dns_and_cmdline(void **state)
{
    struct arena *a = arena_new();
    struct facts f = facts_at(a, root);
    (void)state;
    put(a, "/etc/resolv.conf",
        "# c\nnameserver 1.1.1.1\nnameserver ::1\nsearch a b\n"
        "options ndots:2 rotate\ndomain x.org\n;x\n");
    put(a, "/proc/cmdline", "quiet console=tty0 console=ttyS0 root=\"LABEL=x y\" a=b=c\n");
    facts_dns(&f);
    assert_string_equal(
        json(a, f.out, "dns"),
        "{\"nameservers\": [\"1.1.1.1\", \"::1\"], \"search\": [\"a\", \"b\"], "
        "\"options\": {\"ndots\": \"2\", \"rotate\": true}, \"domain\": \"x.org\"}");
    facts_cmdline(&f);
    assert_string_equal(json(a, f.out, "proc_cmdline"),
                        "{\"quiet\": true, \"console\": [\"tty0\", \"ttyS0\"], "
                        "\"root\": \"\\\"LABEL=x\", \"y\\\"\": true, \"a\": \"b=c\"}");
    arena_free(a);
}

static void test_hardware(void **state)
{
    struct arena *a = arena_new();
    struct facts f = facts_at(a, root);
    (void)state;
    dict_set(f.all, "architecture", value_cstr("x86_64"));
    struct buf b = BUF_INIT;
    for (int i = 0; i < 8; i++) // two sockets of two cores with two threads
        buf_addf(
            &b,
            "processor\t: %d\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\n"
            "physical id\t: %d\nsiblings\t: 4\ncore id\t: %d\ncpu cores\t: 2\nflags\t: vme\n\n",
            i, i / 4, i % 2);
    put(a, "/proc/cpuinfo", buf_str(&b));
    buf_release(&b);
    put(a, "/proc/meminfo",
        "MemTotal:        4096000 kB\nMemFree:  1024000 kB\nBuffers: 1024 kB\n"
        "Cached: 2048 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\nSwapCached: 0 kB\n");
    put(a, "/sys/devices/virtual/dmi/id/product_name", "KVM\n");
    put(a, "/sys/devices/virtual/dmi/id/chassis_type", "23\n");
    facts_cpu(&f);
    facts_memory(&f);
    facts_dmi(&f);
    assert_int_equal(dict_int(f.out, "processor_count", 0), 2);
    assert_int_equal(dict_int(f.out, "processor_cores", 0), 2);
    assert_int_equal(dict_int(f.out, "processor_threads_per_core", 0), 2);
    assert_int_equal(dict_int(f.out, "processor_vcpus", 0), 8);
    assert_int_equal(dict_int(f.out, "memtotal_mb", 0), 4000);
    assert_string_equal(json(a, f.out, "memory_mb"),
                        "{\"real\": {\"total\": 4000, \"used\": 3000, \"free\": 1000}, "
                        "\"nocache\": {\"free\": 1003, \"used\": 2997}, "
                        "\"swap\": {\"total\": 0, \"free\": 0, \"used\": 0, \"cached\": 0}}");
    assert_string_equal(dict_str(f.out, "form_factor", ""), "Rack Mount Chassis");
    assert_string_equal(dict_str(f.out, "product_name", ""), "KVM");
    assert_string_equal(dict_str(f.out, "bios_date", ""), "NA");
    facts_virtual(&f);
    assert_string_equal(dict_str(f.out, "virtualization_type", ""), "kvm");
    assert_string_equal(dict_str(f.out, "virtualization_role", ""), "guest");
    arena_free(a);
}

static void test_devices(void **state)
{
    struct arena *a = arena_new();
    struct facts f = facts_at(a, root);
    (void)state;
    put(a, "/sys/block/sda/size", "20971520\n");
    put(a, "/sys/block/sda/removable", "0\n");
    put(a, "/sys/block/sda/device/vendor", "ATA \n");
    put(a, "/sys/block/sda/queue/scheduler", "none [mq-deadline] kyber\n");
    put(a, "/sys/block/sda/queue/logical_block_size", "512\n");
    put(a, "/sys/block/sda/sda1/size", "2048\n");
    put(a, "/sys/block/sda/sda1/start", "34\n");
    facts_devices(&f);
    struct dict *sda = dict_get(dict_get(f.out, "devices")->u.dict, "sda")->u.dict;
    assert_string_equal(dict_str(sda, "size", ""), "10.00 GB");
    assert_string_equal(dict_str(sda, "vendor", ""), "ATA");
    assert_string_equal(dict_str(sda, "scheduler_mode", ""), "mq-deadline");
    assert_string_equal(json(a, sda, "model"), "null");
    struct dict *part = dict_get(dict_get(sda, "partitions")->u.dict, "sda1")->u.dict;
    assert_string_equal(dict_str(part, "size", ""), "1.00 MB");
    assert_string_equal(dict_str(part, "start", ""), "34");
    assert_string_equal(json(a, part, "sectorsize"), "512");
    arena_free(a);
}

static void test_mounts(void **state)
{
    struct arena *a = arena_new();
    struct facts f = facts_at(a, root);
    (void)state;
    put(a, "/proc/mounts",
        "proc /proc proc rw 0 0\n/dev/none /no\\040where ext4 rw,relatime 0 0\n"
        "short\n/dev/none / none rw 0 0\n");
    put(a, "/proc/self/mountinfo", "1 2 8:1 /sub /no\\040where rw - ext4 /dev/none rw\n");
    facts_mounts(&f);
    assert_string_equal(json(a, f.out, "mounts"),
                        "[{\"mount\": \"/no where\", \"device\": \"/dev/none\", \"fstype\": "
                        "\"ext4\", \"options\": \"rw,relatime,bind\", \"uuid\": \"N/A\"}]");
    arena_free(a);
}

static void test_local(void **state)
{
    struct arena *a = arena_new();
    struct facts f = facts_at(a, root);
    (void)state;
    f.fact_path = "/facts.d";
    put(a, "/facts.d/a.fact", "{\"x\": [1, null]}");
    put(a, "/facts.d/b.fact", "[S]\nKey : v w\n more\n# c\nother=\n[DEFAULT]\nd = 1\n");
    put(a, "/facts.d/c.fact", "no section = 1\n");
    put(a, "/facts.d/ignored", "x");
    facts_local(&f);
    struct dict *local = dict_get(f.out, "local")->u.dict;
    assert_int_equal(local->len, 3);
    assert_string_equal(json(a, local, "a"), "{\"x\": [1, null]}");
    assert_string_equal(json(a, local, "b"),
                        "{\"S\": {\"key\": \"v w\\nmore\", \"other\": \"\", \"d\": \"1\"}}");
    assert_true(strstr(json(a, local, "c"), "error loading facts as JSON or ini") != NULL);
    arena_free(a);
}

static void test_managers(void **state)
{
    struct arena *a = arena_new();
    struct facts f = facts_at(a, root);
    (void)state;
    dict_set(f.all, "distribution", value_cstr("Fedora"));
    dict_set(f.all, "distribution_major_version", value_cstr("38"));
    dict_set(f.all, "os_family", value_cstr("RedHat"));
    put(a, "/usr/bin/yum", "");
    put(a, "/usr/bin/dnf", "");
    put(a, "/proc/1/comm", "systemd\n");
    facts_pkg_mgr(&f);
    facts_service_mgr(&f);
    assert_string_equal(dict_str(f.out, "pkg_mgr", ""), "dnf");
    assert_string_equal(dict_str(f.out, "service_mgr", ""), "systemd");
    dict_set(f.all, "os_family", value_cstr("Alpine"));
    put(a, "/sbin/apk", "");
    put(a, "/proc/1/comm", "init\n");
    put(a, "/sbin/openrc", "");
    facts_pkg_mgr(&f);
    facts_service_mgr(&f);
    assert_string_equal(dict_str(f.out, "pkg_mgr", ""), "apk");
    assert_string_equal(dict_str(f.out, "service_mgr", ""), "openrc");
    arena_free(a);
}

// --- account lines and systemctl's output

static void test_accounts(void **state)
{
    struct arena *a = arena_new();
    struct account u;
    struct group_entry g;
    struct shadow s;
    (void)state;
    assert_true(account_parse(arena_strdup(a, "u:x:1000:100:G,,,:/home/u:/bin/sh"), &u));
    assert_string_equal(u.comment, "G,,,");
    assert_int_equal(u.uid, 1000);
    assert_string_equal(u.shell, "/bin/sh");
    assert_true(account_parse(arena_strdup(a, "u::0:0:::"), &u));
    assert_string_equal(u.shell, "");
    assert_false(account_parse(arena_strdup(a, "+::::::"), &u));
    assert_false(account_parse(arena_strdup(a, "u:x:1000"), &u));
    assert_false(account_parse(arena_strdup(a, ""), &u));
    assert_true(group_parse(a, arena_strdup(a, "g:x:7:a,,b"), &g));
    assert_int_equal(g.members->len, 2);
    assert_true(group_parse(a, arena_strdup(a, "g:x:7:"), &g));
    assert_int_equal(g.members->len, 0);
    assert_false(group_parse(a, arena_strdup(a, "g:x:x:"), &g));
    assert_true(shadow_parse(arena_strdup(a, "u:!$6$x:19000:0:99999:7::20000:"), &s));
    assert_string_equal(s.password, "!$6$x");
    assert_int_equal(s.max, 99999);
    assert_int_equal(s.warn, 7);
    assert_int_equal(s.expire, 20000);
    assert_true(shadow_parse(arena_strdup(a, "u:*:19000::::::"), &s));
    assert_int_equal(s.min, -1);
    assert_int_equal(s.expire, -1);
    assert_false(shadow_parse(arena_strdup(a, "u:*"), &s));
    arena_free(a);
}

static void test_systemctl_show(void **state)
{
    struct arena *a = arena_new();
    (void)state;
    struct value v = systemctl_show_parse(
        a,
        "Id=x.service\nDescription={ odd\nExecStart={ path=a ;\n argv[]=b }\nActiveState=active\n"
        "Empty=\nno pair\nExecStop={ one line }\n");
    struct buf b = BUF_INIT;
    json_write(&b, &v, NULL);
    assert_string_equal(
        buf_str(&b), "{\"Id\": \"x.service\", \"Description\": \"{ odd\", \"ExecStart\": "
                     "\"{ path=a ;\\n argv[]=b }\", \"ActiveState\": \"active\", \"Empty\": \"\", "
                     "\"ExecStop\": \"{ one line }\"}");
    buf_release(&b);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distributions),
        cmocka_unit_test_setup_teardown(test_dns_and_cmdline, make_root, drop_root),
        cmocka_unit_test_setup_teardown(test_hardware, make_root, drop_root),
        cmocka_unit_test_setup_teardown(test_devices, make_root, drop_root),
        cmocka_unit_test_setup_teardown(test_mounts, make_root, drop_root),
        cmocka_unit_test_setup_teardown(test_local, make_root, drop_root),
        cmocka_unit_test_setup_teardown(test_managers, make_root, drop_root),
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_systemctl_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
