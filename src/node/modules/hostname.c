// hostname: the host's name, running and kept, in the way of its distribution.
#include "node/facts/facts.h"
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

// How a kind of host keeps its name. get and set are about what is kept; a NULL set_current leaves
// the running name to the next boot, as Ansible does there.
struct keeper {
    const char *name;
    const char *file;
    int (*get)(struct module *m, const struct keeper *k, const char **ret);
    int (*set)(struct module *m, const struct keeper *k, const char *name);
    int (*set_current)(struct module *m, const struct keeper *k, const char *name);
    bool kernel; // the running name is the kernel's, else the kept one
};

static int run(struct module *m, const char *const *argv)
{
    struct proc_opts opts = {.clean_lang = true};
    struct proc p = {0};
    struct err e = ERR_INIT;
    if (proc_run(m, argv, &opts, &p, &e) != 0) {
        proc_release(&p);
        return module_fail_err(m, &e);
    }
    int rc = p.rc == 0 ? 0
                       : module_fail(m, "Command failed rc=%d, out=%s, err=%s", p.rc,
                                     buf_str(&p.out), buf_str(&p.err));
    proc_release(&p);
    return rc;
}

static int write_file(struct module *m, const char *path, const char *text)
{
    struct err e = ERR_INIT;
    if (host_write(m, path, text, strlen(text), &e) == 0)
        return 0;
    return module_fail(m, "failed to update hostname: %s", err_msg(&e));
}

// --- a file with the name alone

static int file_get(struct module *m, const struct keeper *k, const char **ret)
{
    const char *s = text_read_stripped(m->arena, k->file);
    *ret = s ? s : "";
    return 0;
}

static int file_set(struct module *m, const struct keeper *k, const char *name)
{
    return write_file(m, k->file, arena_printf(m->arena, "%s\n", name));
}

static int alpine_set_current(struct module *m, const struct keeper *k, const char *name)
{
    const char *argv[] = {"hostname", "-F", k->file, NULL};
    (void)name;
    return run(m, argv);
}

// --- a file with the name as one of its settings

static int setting_get(struct module *m, const struct keeper *k, const char *key, const char **ret)
{
    for (char *c = text_read(m->arena, k->file, NULL), *line; (line = text_line(&c));) {
        char *s = text_strip(line);
        if (!text_after(s, key))
            continue;
        char *val = strchr(s, '=') ? text_strip(strchr(s, '=') + 1) : s + strlen(s);
        val += strspn(val, "\"");
        size_t n = strlen(val);
        while (n > 0 && val[n - 1] == '"')
            val[--n] = '\0';
        *ret = val;
        return 1;
    }
    return 0;
}

static int setting_set(struct module *m, const struct keeper *k, const char *key,
                       const char *setting, bool add)
{
    struct buf b = BUF_INIT;
    bool found = false;
    for (char *c = text_read(m->arena, k->file, NULL), *line; (line = text_line(&c));) {
        bool hit = text_after(line + strspn(line, " \t"), key) && !(found && !add);
        buf_addf(&b, "%s\n", hit ? setting : line);
        found = found || hit;
    }
    if (!found && add)
        buf_addf(&b, "%s\n", setting);
    const char *text = arena_strndup(m->arena, buf_str(&b), b.len);
    buf_release(&b);
    return write_file(m, k->file, text);
}

static int redhat_get(struct module *m, const struct keeper *k, const char **ret)
{
    if (setting_get(m, k, "HOSTNAME", ret))
        return 0;
    return module_fail(m, "Unable to locate HOSTNAME entry in %s", k->file);
}

static int redhat_set(struct module *m, const struct keeper *k, const char *name)
{
    return setting_set(m, k, "HOSTNAME", arena_printf(m->arena, "HOSTNAME=%s", name), true);
}

static int openrc_get(struct module *m, const struct keeper *k, const char **ret)
{
    if (!setting_get(m, k, "hostname=", ret))
        *ret = "";
    return 0;
}

static int openrc_set(struct module *m, const struct keeper *k, const char *name)
{
    return setting_set(m, k, "hostname=", arena_printf(m->arena, "hostname=\"%s\"", name), false);
}

// --- systemd: read from where hostnamed keeps it, changed through it

static int systemd_set(struct module *m, const char *name, const char *const *argv)
{
    if (strlen(name) > 64)
        return module_fail(m, "name cannot be longer than 64 characters on systemd servers, try a "
                              "shorter name");
    return run(m, argv);
}

static int systemd_set_kept(struct module *m, const struct keeper *k, const char *name)
{
    const char *argv[] = {"hostnamectl", "--pretty", "--static", "set-hostname", name, NULL};
    (void)k;
    return systemd_set(m, name, argv);
}

static int systemd_set_current(struct module *m, const struct keeper *k, const char *name)
{
    const char *argv[] = {"hostnamectl", "--transient", "set-hostname", name, NULL};
    (void)k;
    return systemd_set(m, name, argv);
}

static const struct keeper keepers[] = {
    {"alpine", "/etc/hostname", file_get, file_set, alpine_set_current, false},
    {"debian", "/etc/hostname", file_get, systemd_set_kept, systemd_set_current, true},
    {"file", "/etc/hostname", file_get, file_set, NULL, false},
    {"openrc", "/etc/conf.d/hostname", openrc_get, openrc_set, NULL, false},
    {"redhat", "/etc/sysconfig/network", redhat_get, redhat_set, NULL, false},
    {"sles", "/etc/HOSTNAME", file_get, file_set, NULL, false},
    {"systemd", "/etc/hostname", file_get, systemd_set_kept, systemd_set_current, true},
};

static const struct keeper *keeper_named(const char *name)
{
    for (size_t i = 0; i < sizeof(keepers) / sizeof(*keepers); i++)
        if (strcmp(keepers[i].name, name) == 0)
            return &keepers[i];
    return NULL;
}

// The keeper's name for the host's distribution, where systemd does not run.
static const char *by_distribution(const char *dist, const char *family, const char *version)
{
    double v = strtod(version, NULL);
    if (strcmp(family, "Debian") == 0)
        return "file";
    if (strcmp(family, "RedHat") == 0 || strcmp(family, "Altlinux") == 0)
        return "redhat";
    if (strcmp(dist, "Alpine") == 0)
        return "alpine";
    if (strcmp(dist, "Gentoo") == 0)
        return "openrc";
    return strcmp(dist, "SLES") == 0 && v >= 10 && v <= 12 ? "sles" : "";
}

static const struct keeper *find_keeper(struct module *m, const struct dict *facts)
{
    const char *use = module_str(m, "use");
    bool systemd = text_exists("/run/systemd/system/") || text_exists("/dev/.run/systemd/") ||
                   text_exists("/dev/.systemd/");
    if (use)
        return keeper_named(use);
    if (systemd && proc_which(m->arena, "systemctl"))
        return keeper_named("systemd");
    return keeper_named(by_distribution(dict_str(facts, "distribution", ""),
                                        dict_str(facts, "os_family", ""),
                                        dict_str(facts, "distribution_version", "")));
}

static struct dict *collect(struct module *m, void (*collector)(struct facts *f))
{
    struct facts f = {.a = m->arena, .out = value_dict(m->arena).u.dict, .module = m, .root = ""};
    collector(&f);
    return f.out;
}

// Sets what differs; *ret_changed and the name that was there before.
static int change(struct module *m, const struct keeper *k, const char *name, bool *ret_changed,
                  const char **ret_before)
{
    struct utsname u;
    const char *kept = "";
    if (k->get(m, k, &kept) != 0)
        return ERR_FAILED;
    const char *current = k->kernel && uname(&u) == 0 ? arena_strdup(m->arena, u.nodename) : kept;
    bool now = strcmp(current, name) != 0, later = strcmp(kept, name) != 0;
    *ret_changed = now || later;
    *ret_before = now ? current : kept;
    if (m->check)
        return 0;
    if ((now || later) &&
        (journal_thing(m, "hostname", "", NULL, NULL) < 0 || journal_path(m, k->file, NULL) < 0 ||
         (k->kernel && journal_path(m, "/etc/machine-info", NULL) < 0)))
        return ERR_FAILED;
    if (later && k->set(m, k, name) != 0)
        return ERR_FAILED;
    return now && k->set_current ? k->set_current(m, k, name) : 0;
}

int mod_hostname(struct module *m)
{
    const char *name = module_str(m, "name"), *before;
    struct dict *dist = collect(m, facts_distribution);
    const struct keeper *k = find_keeper(m, dist);
    bool changed = false;
    if (!k)
        return module_fail(m, "hostname module cannot be used on platform Linux (%s)",
                           dict_str(dist, "distribution", "OtherLinux"));
    if (k->kernel && !proc_which(m->arena, "hostnamectl"))
        return proc_fail_missing(m, "hostnamectl");
    if (change(m, k, name, &changed, &before) != 0)
        return ERR_FAILED;
    struct dict *platform = collect(m, facts_platform);
    struct value facts = value_dict(m->arena), diff = value_dict(m->arena);
    dict_set(facts.u.dict, "ansible_hostname", value_strn(m->arena, name, strcspn(name, ".")));
    dict_set(facts.u.dict, "ansible_nodename", value_str(m->arena, name));
    dict_set(facts.u.dict, "ansible_fqdn", value_cstr(dict_str(platform, "fqdn", "")));
    dict_set(facts.u.dict, "ansible_domain", value_cstr(dict_str(platform, "domain", "")));
    module_set(m, "ansible_facts", facts);
    module_set_str(m, "name", name);
    module_changed(m, changed);
    if (changed) {
        dict_set(diff.u.dict, "after", value_strf(m->arena, "hostname = %s\n", name));
        dict_set(diff.u.dict, "before", value_strf(m->arena, "hostname = %s\n", before));
        module_set(m, "diff", diff);
    }
    return 0;
}
