// Facts about what manages the system: packages, services, LSB names, capabilities, and facts of
// other tools.
#include "node/facts/facts.h"
#include "node/module.h"
#include "node/text.h"

#include "core/json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Package managers by their program; the last one that exists is the system's.
static const struct {
    const char *path, *name;
} managers[] = {
    {"/usr/bin/rpm-ostree", "atomic_container"},
    {"/usr/bin/yum", "yum"},
    {"/usr/bin/dnf", "dnf"},
    {"/usr/bin/apt-get", "apt"},
    {"/usr/bin/zypper", "zypper"},
    {"/usr/sbin/urpmi", "urpmi"},
    {"/usr/bin/pacman", "pacman"},
    {"/bin/opkg", "opkg"},
    {"/usr/pkg/bin/pkgin", "pkgin"},
    {"/opt/local/bin/pkgin", "pkgin"},
    {"/opt/tools/bin/pkgin", "pkgin"},
    {"/opt/local/bin/port", "macports"},
    {"/usr/local/bin/brew", "homebrew"},
    {"/opt/homebrew/bin/brew", "homebrew"},
    {"/sbin/apk", "apk"},
    {"/usr/sbin/pkg", "pkgng"},
    {"/usr/sbin/swlist", "swdepot"},
    {"/usr/bin/emerge", "portage"},
    {"/usr/sbin/pkgadd", "svr4pkg"},
    {"/usr/bin/pkg", "pkg5"},
    {"/usr/bin/xbps-install", "xbps"},
    {"/usr/local/sbin/pkg", "pkgng"},
    {"/usr/bin/swupd", "swupd"},
    {"/usr/sbin/sorcery", "sorcery"},
    {"/usr/bin/installp", "installp"},
    {"/QOpenSys/pkgs/bin/yum", "yum"},
};

static const char *redhat_manager(struct facts *f, const char *found)
{
    const char *dist = dict_str(f->all, "distribution", "");
    const char *major = dict_str(f->all, "distribution_major_version", "");
    int version = text_is_number(major) ? atoi(major) : -1;
    if (facts_exists(f, "/run/ostree-booted"))
        return "atomic_container";
    int first_dnf = strcmp(dist, "Fedora") == 0 ? 23 : strcmp(dist, "Amazon") == 0 ? 2022 : 0;
    if (first_dnf == 0)
        return version < 8 ? "yum" : "dnf";
    if (version < 0)
        return "dnf";
    if (version < first_dnf)
        return facts_exists(f, "/usr/bin/yum") ? "yum" : found;
    return facts_exists(f, "/usr/bin/dnf") ? "dnf" : found;
}

void facts_pkg_mgr(struct facts *f)
{
    const char *family = dict_str(f->all, "os_family", ""), *name = "unknown";
    bool alt = strcmp(family, "Altlinux") == 0;
    for (size_t i = 0; i < sizeof(managers) / sizeof(*managers); i++)
        if (!(alt && strcmp(managers[i].name, "pkg5") == 0) && facts_exists(f, managers[i].path))
            name = managers[i].name;
    if (strcmp(family, "RedHat") == 0)
        name = redhat_manager(f, name);
    else if (strcmp(family, "Debian") == 0)
        name = "apt";
    else if (alt && strcmp(name, "apt") == 0)
        name = "apt_rpm";
    if (strcmp(name, "apt") == 0 && facts_exists(f, "/usr/bin/rpm")) {
        const char *argv[] = {"/usr/bin/rpm", "-q", "--whatprovides", "/usr/bin/apt-get", NULL};
        name = facts_run(f, argv) ? "apt_rpm" : "apt";
    }
    facts_set(f, "pkg_mgr", name);
}

static bool have_program(struct facts *f, const char *name)
{
    static const char *const dirs[] = {"/usr/bin", "/bin",           "/usr/sbin",
                                       "/sbin",    "/usr/local/bin", "/usr/local/sbin"};
    for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
        if (facts_exists(f, arena_printf(f->a, "%s/%s", dirs[i], name)))
            return true;
    return false;
}

// Name of process 1 when it tells the service manager, else NULL.
static const char *first_process(struct facts *f)
{
    static const struct {
        const char *comm, *name;
    } known[] = {{"procd", "openwrt_init"},
                 {"runit-init", "runit"},
                 {"svscan", "svc"},
                 {"openrc-init", "openrc"}};
    char *comm = facts_file(f, "/proc/1/comm");
    if (!comm) {
        comm = arena_alloc(f->a, 4096);
        ssize_t n = readlink(arena_printf(f->a, "%s/sbin/init", f->root), comm, 4095);
        if (n <= 0)
            return NULL;
    }
    char *base = strrchr(comm, '/') ? strrchr(comm, '/') + 1 : comm;
    if (!*base || strcmp(base, "init") == 0 || text_ends(base, "sh"))
        return NULL;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(base, known[i].comm) == 0)
            return known[i].name;
    return base;
}

static bool init_is_systemd(struct facts *f)
{
    char link[256];
    ssize_t n = readlink(arena_printf(f->a, "%s/sbin/init", f->root), link, sizeof(link) - 1);
    if (n <= 0)
        return false;
    link[n] = '\0';
    return text_ends(link, "/systemd") || strcmp(link, "systemd") == 0;
}

void facts_service_mgr(struct facts *f)
{
    const char *name = first_process(f);
    bool systemctl = have_program(f, "systemctl");
    if (name) {
        // what process 1 is called
    } else if (strcmp(dict_str(f->all, "distribution", ""), "OpenWrt") == 0) {
        name = "openwrt_init";
    } else if (systemctl &&
               (facts_exists(f, "/run/systemd/system/") || facts_exists(f, "/dev/.run/systemd/") ||
                facts_exists(f, "/dev/.systemd/"))) {
        name = "systemd";
    } else if (have_program(f, "initctl") && facts_exists(f, "/etc/init/")) {
        name = "upstart";
    } else if (facts_exists(f, "/sbin/openrc")) {
        name = "openrc";
    } else if (systemctl && init_is_systemd(f)) {
        name = "systemd";
    } else if (facts_exists(f, "/etc/init.d/")) {
        name = "sysvinit";
    } else {
        name = "service";
    }
    facts_set(f, "service_mgr", name);
}

// lsb_release -a, worked out from os-release as Debian's and Ubuntu's program does.
static bool lsb_native(struct facts *f, struct dict *d)
{
    struct dict *os = facts_os_release(f);
    const char *id = dict_str(os, "id", ""), *name = dict_str(os, "name", "");
    if (strcmp(id, "debian") != 0 && strcmp(id, "ubuntu") != 0 && strcmp(id, "devuan") != 0)
        return false;
    if (!dict_get(os, "version_id"))
        return false;
    char *shown = arena_strdup(f->a, id);
    shown[0] = (char)toupper((unsigned char)shown[0]);
    const char *pretty = dict_str(os, "pretty_name", "n/a");
    dict_set(d, "id", value_str(f->a, strcasecmp(name, id) == 0 ? name : shown));
    dict_set(d, "description", value_str(f->a, pretty));
    dict_set(d, "release", *dict_get(os, "version_id"));
    dict_set(d, "codename", value_str(f->a, dict_str(os, "version_codename", "n/a")));
    return true;
}

static void lsb_program(struct facts *f, struct dict *d)
{
    const char *argv[] = {"lsb_release", "-a", NULL};
    char *data = facts_run(f, argv);
    for (char *line; (line = text_line(&data));) {
        char *val = strchr(line, ':');
        if (!val)
            continue;
        *val++ = '\0';
        val = text_strip(val);
        const char *key = strstr(line, "LSB Version")      ? "release"
                          : strstr(line, "Distributor ID") ? "id"
                          : strstr(line, "Description")    ? "description"
                          : strstr(line, "Release")        ? "release"
                          : strstr(line, "Codename")       ? "codename"
                                                           : NULL;
        if (key)
            dict_set(d, key, value_cstr(val));
    }
}

static void lsb_file(struct facts *f, struct dict *d)
{
    static const char *const keys[][2] = {{"DISTRIB_ID", "id"},
                                          {"DISTRIB_RELEASE", "release"},
                                          {"DISTRIB_DESCRIPTION", "description"},
                                          {"DISTRIB_CODENAME", "codename"}};
    char *data = facts_file(f, "/etc/lsb-release");
    for (char *line; (line = text_line(&data));) {
        char *val = strchr(line, '=');
        for (size_t i = 0; val && i < sizeof(keys) / sizeof(*keys); i++)
            if (strstr(line, keys[i][0])) {
                dict_set(d, keys[i][1], value_cstr(text_strip(val + 1)));
                break;
            }
    }
}

void facts_lsb(struct facts *f)
{
    struct value v = value_dict(f->a);
    struct dict *d = v.u.dict;
    if (have_program(f, "lsb_release") && !lsb_native(f, d))
        lsb_program(f, d);
    if (d->len == 0)
        lsb_file(f, d);
    const char *release = dict_str(d, "release", NULL);
    if (release)
        dict_set(d, "major_release", value_strn(f->a, release, strcspn(release, ".")));
    struct dict_entry *e;
    DICT_EACH(d, e)
    {
        const char *s = e->val.u.str.s + strspn(e->val.u.str.s, "'\"\\");
        size_t n = strlen(s);
        while (n > 0 && strchr("'\"\\", s[n - 1]))
            n--;
        e->val = value_strn(f->a, s, n);
    }
    dict_set(f->out, "lsb", v);
}

static const char *const cap_names[] = {"chown",
                                        "dac_override",
                                        "dac_read_search",
                                        "fowner",
                                        "fsetid",
                                        "kill",
                                        "setgid",
                                        "setuid",
                                        "setpcap",
                                        "linux_immutable",
                                        "net_bind_service",
                                        "net_broadcast",
                                        "net_admin",
                                        "net_raw",
                                        "ipc_lock",
                                        "ipc_owner",
                                        "sys_module",
                                        "sys_rawio",
                                        "sys_chroot",
                                        "sys_ptrace",
                                        "sys_pacct",
                                        "sys_admin",
                                        "sys_boot",
                                        "sys_nice",
                                        "sys_resource",
                                        "sys_time",
                                        "sys_tty_config",
                                        "mknod",
                                        "lease",
                                        "audit_write",
                                        "audit_control",
                                        "setfcap",
                                        "mac_override",
                                        "mac_admin",
                                        "syslog",
                                        "wake_alarm",
                                        "block_suspend",
                                        "audit_read",
                                        "perfmon",
                                        "bpf",
                                        "checkpoint_restore"};

enum { CAP_EFF = 1, CAP_PER = 2, CAP_INH = 4 };

// Which of e, i, p are in flags, in that order.
static void cap_flags(struct buf *b, int flags)
{
    if (flags & CAP_EFF)
        buf_addc(b, 'e');
    if (flags & CAP_INH)
        buf_addc(b, 'i');
    if (flags & CAP_PER)
        buf_addc(b, 'p');
}

// Capability sets in libcap's text form: the most common state first, then what differs from it.
static void cap_text(struct buf *b, const unsigned char *state, int n)
{
    int count[8] = {0}, base = 7;
    for (int i = 0; i < n; i++)
        count[state[i]]++;
    for (int s = 6; s >= 0; s--)
        if (count[s] >= count[base])
            base = s;
    buf_addc(b, '=');
    cap_flags(b, base);
    bool bare = base == 0;
    for (int s = 7; s >= 0; s--) {
        if (s == base || !count[s])
            continue;
        if (bare)
            buf_clear(b);
        else
            buf_addc(b, ' ');
        bool first = true;
        for (int i = 0; i < n; i++) {
            if (state[i] != s)
                continue;
            if (!first)
                buf_addc(b, ',');
            first = false;
            if (i < (int)(sizeof(cap_names) / sizeof(*cap_names)))
                buf_addf(b, "cap_%s", cap_names[i]);
            else
                buf_addf(b, "%d", i);
        }
        if (s & ~base) {
            buf_addc(b, bare ? '=' : '+');
            cap_flags(b, s & ~base);
        }
        if (base & ~s) {
            buf_addc(b, '-');
            cap_flags(b, base & ~s);
        }
        bare = false;
    }
}

static unsigned long long status_hex(const char *status, const char *key)
{
    const char *p = strstr(status, key);
    return p ? strtoull(p + strlen(key), NULL, 16) : 0;
}

void facts_caps(struct facts *f)
{
    unsigned char state[64];
    char *status = facts_file(f, "/proc/self/status");
    char *last = facts_file(f, "/proc/sys/kernel/cap_last_cap");
    if (!have_program(f, "capsh") || !status || !last) {
        facts_set(f, "system_capabilities_enforced", "N/A");
        facts_set(f, "system_capabilities", "N/A");
        return;
    }
    unsigned long long eff = status_hex(status, "CapEff:"), per = status_hex(status, "CapPrm:");
    unsigned long long inh = status_hex(status, "CapInh:");
    int n = atoi(last) + 1;
    n = n < 1 ? 1 : n > 64 ? 64 : n;
    for (int i = 0; i < n; i++)
        state[i] = (unsigned char)((eff >> i & 1 ? CAP_EFF : 0) | (per >> i & 1 ? CAP_PER : 0) |
                                   (inh >> i & 1 ? CAP_INH : 0));
    struct buf b = BUF_INIT;
    cap_text(&b, state, n);
    struct value l = value_list(f->a);
    bool full = strcmp(buf_str(&b), "=ep") == 0;
    if (!full) {
        char *text = arena_strndup(f->a, buf_str(&b), b.len), *rest = strchr(text, '=') + 1;
        rest[strcspn(rest, "=")] = '\0';
        for (char *piece; (piece = text_piece(&rest, ','));)
            list_add(l.u.list, value_cstr(text_strip(piece)));
    }
    buf_release(&b);
    facts_set(f, "system_capabilities_enforced", full ? "False" : "True");
    dict_set(f->out, "system_capabilities", l);
}

// Facts that another tool prints as JSON; their names get its prefix later.
static void tool_facts(struct facts *f, const char *const *argv)
{
    struct value v;
    char *text = facts_run(f, argv);
    if (text && json_parse(f->a, text, strlen(text), &v, NULL) == 0 && value_is(&v, VALUE_DICT))
        dict_update(f->out, v.u.dict);
}

void facts_facter(struct facts *f)
{
    static const char *const places[] = {"/opt/puppetlabs/bin/cfacter", "/usr/bin/cfacter",
                                         "/opt/puppetlabs/bin/facter", "/usr/bin/facter",
                                         "/usr/local/bin/facter"};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        const char *argv[] = {places[i], "--puppet", "--json", NULL};
        if (facts_exists(f, places[i])) {
            tool_facts(f, argv);
            return;
        }
    }
}

void facts_ohai(struct facts *f)
{
    const char *argv[] = {"ohai", NULL};
    if (have_program(f, "ohai"))
        tool_facts(f, argv);
}
