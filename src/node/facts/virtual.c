// Facts about virtualization: what the host is a guest of, and what it can be a host for.
#include "node/facts/facts.h"
#include "node/module.h"
#include "node/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The first hint decides type and role; every hint is kept in the sets of technologies.
struct virt {
    struct facts *f;
    struct list *guest, *host;
    const char *type, *role;
    bool found;
};

static void add_tech(struct list *l, const char *tech)
{
    if (!text_list_has(l, tech))
        list_add(l, value_cstr(tech));
}

static void virt_guest(struct virt *v, const char *tech)
{
    add_tech(v->guest, tech);
    if (!v->found) {
        v->type = tech;
        v->role = "guest";
        v->found = true;
    }
}

static void virt_host(struct virt *v, const char *tech)
{
    add_tech(v->host, tech);
    if (!v->found) {
        v->type = tech;
        v->role = "host";
        v->found = true;
    }
}

// "/docker/" or "/docker-HEX.scope" in a line of /proc/1/cgroup.
static bool is_docker_cgroup(const char *line)
{
    for (const char *p = line; (p = strstr(p, "/docker")); p++) {
        const char *q = p + 7;
        if (*q == '/')
            return true;
        if (*q == '-' && strspn(q + 1, "0123456789abcdef") > 0 &&
            text_after(q + 1 + strspn(q + 1, "0123456789abcdef"), ".scope"))
            return true;
    }
    return false;
}

static void virt_containers(struct virt *v)
{
    struct facts *f = v->f;
    char *data = facts_file(f, "/proc/1/cgroup");
    for (char *line; (line = text_line(&data));) {
        if (is_docker_cgroup(line))
            virt_guest(v, "docker");
        if (strstr(line, "/lxc/") || strstr(line, "/machine.slice/machine-lxc"))
            virt_guest(v, "lxc");
        if (strstr(line, "/system.slice/containerd.service"))
            virt_guest(v, "containerd");
    }
    size_t len = 0;
    data = text_read(f->a, arena_printf(f->a, "%s/proc/1/environ", f->root), &len);
    for (size_t i = 0; data && i < len; i += strlen(data + i) + 1) {
        const char *var = data + i, *val = text_after(var, "container=");
        if (strstr(var, "container=lxc"))
            virt_guest(v, "lxc");
        if (strstr(var, "container=podman"))
            virt_guest(v, "podman");
        if (val && *val)
            virt_guest(v, "container");
    }
    if (facts_exists(f, "/proc/vz") && !facts_exists(f, "/proc/lve")) {
        v->type = "openvz"; // overrides what was found before
        bool host = facts_exists(f, "/proc/bc");
        add_tech(host ? v->host : v->guest, "openvz");
        if (!v->found)
            v->role = host ? "host" : "guest";
        v->found = true;
    }
    const char *systemd = facts_file(f, "/run/systemd/container");
    if (systemd)
        virt_guest(v, systemd);
    if (facts_exists(f, "/.dockerenv") || facts_exists(f, "/.dockerinit"))
        virt_guest(v, "docker");
    static const char *const kinds[] = {"docker", "lxc", "podman", "openvz", "containerd"};
    bool container = systemd != NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        container = container || text_list_has(v->guest, kinds[i]);
    if (container)
        add_tech(v->guest, "container");
}

static void virt_xen(struct virt *v)
{
    if (!facts_exists(v->f, "/proc/xen"))
        return;
    const char *caps = facts_file(v->f, "/proc/xen/capabilities");
    bool host = caps && strstr(caps, "control_d");
    if (host)
        add_tech(v->host, "xen");
    if (!v->found) {
        v->type = "xen";
        v->role = host ? "host" : "guest";
    }
    v->found = true;
}

enum dmi_key { DMI_PRODUCT, DMI_VENDOR, DMI_BIOS };

// What firmware names mean, in the order of the questions.
static const struct {
    enum dmi_key key;
    const char *value, *tech;
} dmi_hints[] = {
    {DMI_PRODUCT, "KVM", "kvm"},
    {DMI_PRODUCT, "KVM Server", "kvm"},
    {DMI_PRODUCT, "Bochs", "kvm"},
    {DMI_PRODUCT, "AHV", "kvm"},
    {DMI_VENDOR, "oVirt", "oVirt"},
    {DMI_VENDOR, "Red Hat", NULL}, // decided by family and product
    {DMI_PRODUCT, "VMware Virtual Platform", "VMware"},
    {DMI_PRODUCT, "VMware7,1", "VMware"},
    {DMI_PRODUCT, "OpenStack Compute", "openstack"},
    {DMI_PRODUCT, "OpenStack Nova", "openstack"},
    {DMI_BIOS, "Xen", "xen"},
    {DMI_BIOS, "innotek GmbH", "virtualbox"},
    {DMI_BIOS, "Amazon EC2", "kvm"},
    {DMI_BIOS, "DigitalOcean", "kvm"},
    {DMI_BIOS, "Hetzner", "kvm"},
    {DMI_VENDOR, "QEMU", "kvm"},
    {DMI_VENDOR, "Amazon EC2", "kvm"},
    {DMI_VENDOR, "DigitalOcean", "kvm"},
    {DMI_VENDOR, "Google", "kvm"},
    {DMI_VENDOR, "Scaleway", "kvm"},
    {DMI_VENDOR, "Nutanix", "kvm"},
    {DMI_VENDOR, "KubeVirt", "KubeVirt"},
    {DMI_VENDOR, "Microsoft Corporation", "VirtualPC"},
    {DMI_VENDOR, "Parallels Software International Inc.", "parallels"},
    {DMI_VENDOR, "OpenStack Foundation", "openstack"},
};

static void virt_firmware(struct virt *v)
{
    const char *name[] = {facts_file(v->f, "/sys/devices/virtual/dmi/id/product_name"),
                          facts_file(v->f, "/sys/devices/virtual/dmi/id/sys_vendor"),
                          facts_file(v->f, "/sys/devices/virtual/dmi/id/bios_vendor")};
    const char *family = facts_file(v->f, "/sys/devices/virtual/dmi/id/product_family");
    for (size_t i = 0; i < sizeof(dmi_hints) / sizeof(*dmi_hints); i++) {
        const char *s = name[dmi_hints[i].key];
        if (!s || strcmp(s, dmi_hints[i].value) != 0)
            continue;
        if (dmi_hints[i].tech)
            virt_guest(v, dmi_hints[i].tech);
        else if (family && strcmp(family, "RHV") == 0)
            virt_guest(v, "RHV");
        else if (name[DMI_PRODUCT] && strcmp(name[DMI_PRODUCT], "RHEV Hypervisor") == 0)
            virt_guest(v, "RHEV");
    }
}

static void virt_vserver(struct virt *v)
{
    char *data = facts_file(v->f, "/proc/self/status");
    for (char *line; (line = text_line(&data));) {
        const char *id = text_after(line, "VxID:");
        id = id ? id + strspn(id, " \t") : NULL;
        if (!id || !isdigit((unsigned char)*id))
            continue;
        if (*id == '0')
            virt_host(v, "linux_vserver");
        else
            virt_guest(v, "linux_vserver");
    }
}

// The hypervisor that lscpu names, on S/390.
static void virt_s390(struct virt *v)
{
    const char *argv[] = {"lscpu", NULL};
    add_tech(v->guest, "PR/SM");
    if (!v->found)
        v->type = "PR/SM";
    char *out = v->f->module && proc_which(v->f->a, "lscpu") ? facts_run(v->f, argv) : NULL;
    for (char *line; (line = text_line(&out));) {
        const char *name = text_after(line, "Hypervisor:");
        if (!name)
            continue;
        char *tech = text_strip(arena_strdup(v->f->a, name));
        add_tech(v->guest, tech);
        if (!v->found)
            v->type = tech;
    }
    if (!v->found)
        v->role = v->type && strcmp(v->type, "PR/SM") == 0 ? "LPAR" : "guest";
    v->found = true;
}

static void virt_cpu(struct virt *v)
{
    static const struct {
        const char *key, *part, *tech;
    } hints[] = {{"model name", "QEMU Virtual CPU", "kvm"},
                 {"vendor_id", "User Mode Linux", "uml"},
                 {"model name", "UML", "uml"},
                 {"machine", "CHRP IBM pSeries (emulated by qemu)", "kvm"},
                 {"vendor_id", "PowerVM Lx86", "powervm_lx86"},
                 {"vendor_id", "IBM/S390", NULL}};
    char *data = facts_file(v->f, "/proc/cpuinfo");
    for (char *line; (line = text_line(&data));) {
        for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++) {
            if (!text_after(line, hints[i].key) || !strstr(line, hints[i].part))
                continue;
            if (hints[i].tech)
                virt_guest(v, hints[i].tech);
            else
                virt_s390(v);
            break;
        }
    }
}

// vdsm, the agent of RHEV, among the running processes.
static bool runs_vdsm(struct facts *f)
{
    struct list *pids = facts_listdir(f, "/proc");
    for (size_t i = 0; i < pids->len; i++) {
        const char *pid = pids->items[i].u.str.s;
        const char *comm = text_is_number(pid) ? facts_filef(f, "/proc/%s/comm", pid) : NULL;
        if (comm && (strcmp(comm, "vdsm") == 0 || strcmp(comm, "vdsmd") == 0))
            return true;
    }
    return false;
}

static void virt_modules(struct virt *v)
{
    bool kvm = false, vbox = false, virtio = false;
    char *data = facts_file(v->f, "/proc/modules");
    for (char *line; (line = text_line(&data));) {
        line[strcspn(line, " ")] = '\0';
        kvm = kvm || strcmp(line, "kvm") == 0;
        vbox = vbox || strcmp(line, "vboxdrv") == 0;
        virtio = virtio || strcmp(line, "virtio") == 0;
    }
    if (kvm) {
        bool first = !v->found;
        virt_host(v, "kvm");
        if (facts_exists(v->f, "/rhev/.") && runs_vdsm(v->f)) {
            add_tech(v->host, "RHEV");
            if (first)
                v->type = "RHEV";
        }
    }
    if (vbox)
        virt_host(v, "virtualbox");
    if (virtio) {
        add_tech(v->host, "kvm");
        if (!v->found) {
            v->type = "kvm";
            v->role = "guest";
            v->found = true;
        }
    }
}

// Old kernels without /sys: dmidecode tells the product.
static void virt_dmidecode(struct virt *v)
{
    const char *argv[] = {"dmidecode", "-s", "system-product-name", NULL};
    struct facts *f = v->f;
    const char *name = facts_file(f, "/sys/devices/virtual/dmi/id/product_name");
    if (!f->module || !proc_which(f->a, "dmidecode"))
        return;
    if (!name)
        name = facts_run(f, argv);
    for (char *c = arena_strdup(f->a, name ? name : ""), *line; (line = text_line(&c));) {
        if (text_after(line, "VMware"))
            virt_guest(v, "VMware");
        if (strstr(line, "BHYVE"))
            virt_guest(v, "bhyve");
    }
}

void facts_virtual(struct facts *f)
{
    struct value guest = value_list(f->a), host = value_list(f->a);
    struct virt v = {.f = f, .guest = guest.u.list, .host = host.u.list};
    virt_containers(&v);
    virt_xen(&v);
    virt_firmware(&v);
    virt_vserver(&v);
    virt_cpu(&v);
    virt_modules(&v);
    virt_dmidecode(&v);
    if (facts_exists(f, "/dev/kvm"))
        virt_host(&v, "kvm");
    facts_set(f, "virtualization_type", v.found ? v.type : "NA");
    facts_set(f, "virtualization_role", v.found ? v.role : "NA");
    dict_set(f->out, "virtualization_tech_guest", guest);
    dict_set(f->out, "virtualization_tech_host", host);
}
