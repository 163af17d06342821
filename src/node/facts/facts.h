// Facts about the host, as the setup module reports them: collectors that fill one dict (names
// without "ansible_").
#ifndef NODE_FACTS_FACTS_H
#define NODE_FACTS_FACTS_H

#include "core/value.h"

#include <stdbool.h>

struct module;

struct facts {
    struct arena *a;
    struct dict *out;              // facts of the running collector
    struct dict *all;              // facts of the collectors that ran before it
    struct module *module;         // for running commands; NULL in unit tests
    const char *root;              // prefix of every path read, "" on a host
    const char *fact_path;         // folder of local facts
    int timeout_s;                 // for file systems that may hang
    struct python_install *python; // set by the platform collector
};

// One collector each; what cannot be read is left out or "NA", as Ansible does.
void facts_apparmor(struct facts *f);
void facts_caps(struct facts *f);
void facts_chroot(struct facts *f);
void facts_cmdline(struct facts *f);
void facts_date_time(struct facts *f);
void facts_distribution(struct facts *f);
void facts_dns(struct facts *f);
void facts_env(struct facts *f);
void facts_facter(struct facts *f);
void facts_fibre_channel(struct facts *f);
void facts_fips(struct facts *f);
void facts_hardware(struct facts *f);
void facts_iscsi(struct facts *f);
void facts_loadavg(struct facts *f);
void facts_local(struct facts *f);
void facts_lsb(struct facts *f);
void facts_network(struct facts *f);
void facts_nvme(struct facts *f);
void facts_ohai(struct facts *f);
void facts_pkg_mgr(struct facts *f);
void facts_platform(struct facts *f);
void facts_python(struct facts *f);
void facts_selinux(struct facts *f);
void facts_service_mgr(struct facts *f);
void facts_ssh_pub_keys(struct facts *f);
void facts_user(struct facts *f);
void facts_virtual(struct facts *f);

// Parts of the hardware collector.
void facts_cpu(struct facts *f);
void facts_memory(struct facts *f);
void facts_dmi(struct facts *f);
void facts_devices(struct facts *f);
void facts_mounts(struct facts *f);

// --- shared by the collectors
// The stripped content of root + path; NULL when missing or empty.
char *facts_file(struct facts *f, const char *path);
// As facts_file, formatted.
char *facts_filef(struct facts *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool facts_exists(struct facts *f, const char *path);
// out[name] = s, null when s is NULL.
void facts_set(struct facts *f, const char *name, const char *s);
void dict_set_text(struct dict *d, struct arena *a, const char *name, const char *s);
// Standard output of a command that succeeds, else NULL.
char *facts_run(struct facts *f, const char *const *argv);
// The KEY=value pairs of an os-release file (keys in lower case, quotes removed), or an empty dict.
struct dict *facts_os_release(struct facts *f);
// What is installed as python3 (or python): path and version; false when there is none.
struct python_install {
    const char *path;
    int major, minor, micro;
};
bool facts_find_python(struct facts *f, struct python_install *ret);
// Names in a folder without . and .., in the order of the file system; empty when it cannot be
// read.
struct list *facts_listdir(struct facts *f, const char *path);

#endif
