// Facts about processors, memory, firmware and volume groups.
#include "node/facts/facts.h"
#include "node/module.h"
#include "node/text.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A small map from socket or core id to a number, in the order of first use. Ids are texts; ""
// stands for the number 0 that is used before any id was read.
struct id_map {
    struct {
        const char *id;
        int n;
    } at[1024];
    int len;
};

static void id_put(struct id_map *map, const char *id, int n, bool keep)
{
    for (int i = 0; i < map->len; i++) {
        if (strcmp(map->at[i].id, id) == 0) {
            if (!keep)
                map->at[i].n = n;
            return;
        }
    }
    if (map->len < (int)(sizeof(map->at) / sizeof(*map->at))) {
        map->at[map->len].id = id;
        map->at[map->len++].n = n;
    }
}

// What has been read of /proc/cpuinfo.
struct cpuinfo {
    struct list *names; // the fact "processor"
    struct id_map sockets, cores;
    const char *socket, *core;
    int entries, vendors, models, processors;
    bool xen, paravirt;
    int cores_said; // "# processors" of s390
};

static bool is_one_of(const char *s, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, names[i]) == 0)
            return true;
    return false;
}

static void cpuinfo_pair(struct cpuinfo *c, const char *key, char *val)
{
    static const char *const named[] = {"model name", "Processor", "vendor_id",
                                        "cpu",        "Vendor",    "processor"};
    if (c->xen && strcmp(key, "flags") == 0 && !strstr(val, "vme"))
        c->paravirt = true;
    if (is_one_of(key, named, sizeof(named) / sizeof(*named))) {
        list_add(c->names, value_cstr(val));
        c->vendors += strcmp(key, "vendor_id") == 0;
        c->models += strcmp(key, "model name") == 0;
        c->processors += strcmp(key, "processor") == 0;
        c->entries++;
    } else if (strcmp(key, "physical id") == 0) {
        c->socket = val;
        id_put(&c->sockets, val, 1, true);
    } else if (strcmp(key, "core id") == 0) {
        c->core = val;
        id_put(&c->cores, val, 1, false);
    } else if (strcmp(key, "cpu cores") == 0) {
        id_put(&c->sockets, c->socket, atoi(val), false);
    } else if (strcmp(key, "siblings") == 0) {
        id_put(&c->cores, c->core, atoi(val), false);
    } else if (strcmp(key, "# processors") == 0) {
        c->cores_said = atoi(val);
    } else if (strcmp(key, "ncpus active") == 0) {
        c->entries = atoi(val);
    }
}

// Processors this process may run on.
static int cpu_affinity(int dflt)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return dflt;
    return CPU_COUNT(&set);
}

static void cpu_counts(struct facts *f, const struct cpuinfo *c)
{
    const char *arch = dict_str(f->all, "architecture", "");
    int n = c->entries;
    if (c->vendors > 0 && c->vendors == c->models)
        n = c->vendors;
    if (text_after(arch, "armv") || text_after(arch, "aarch") || text_after(arch, "ppc"))
        n = c->processors;
    if (strcmp(arch, "s390x") == 0)
        return;
    int count = n, cores = n, threads = 1, vcpus = n;
    if (!c->paravirt) {
        count = c->sockets.len ? c->sockets.len : n;
        cores = c->sockets.len && c->sockets.at[0].n > 0 ? c->sockets.at[0].n : 1;
        threads = (c->cores.len ? c->cores.at[0].n : 1) / cores;
        vcpus = threads * count * cores;
        dict_set(f->out, "processor_nproc", value_int(cpu_affinity(c->processors)));
    }
    dict_set(f->out, "processor_count", value_int(count));
    dict_set(f->out, "processor_cores", value_int(cores));
    dict_set(f->out, "processor_threads_per_core", value_int(threads));
    dict_set(f->out, "processor_vcpus", value_int(vcpus));
}

void facts_cpu(struct facts *f)
{
    struct value names = value_list(f->a);
    struct cpuinfo *c = arena_new_of(f->a, struct cpuinfo);
    c->names = names.u.list;
    c->socket = c->core = "";
    const char *hypervisor = facts_file(f, "/sys/hypervisor/type");
    c->xen = facts_exists(f, "/proc/xen") || (hypervisor && strcmp(hypervisor, "xen") == 0);
    char *data = facts_file(f, "/proc/cpuinfo");
    if (!data)
        return;
    for (char *line; (line = text_line(&data));) {
        char *val = strchr(line, ':');
        if (val)
            *val++ = '\0';
        cpuinfo_pair(c, text_strip(line), val ? text_strip(val) : line + strlen(line));
    }
    dict_set(f->out, "processor", names);
    if (c->cores_said)
        dict_set(f->out, "processor_cores", value_int(c->cores_said));
    cpu_counts(f, c);
}

// Megabytes of one line of /proc/meminfo, null when the line is not there.
static struct value meminfo_mb(const char *data, const char *key)
{
    size_t n = strlen(key);
    for (const char *p = data; p && *p;) {
        if (strncmp(p, key, n) == 0 && p[n] == ':')
            return value_int(strtoll(p + n + 1, NULL, 10) / 1024);
        p = strchr(p, '\n');
        p = p ? p + 1 : NULL;
    }
    return value_null();
}

// x + sign * y, null when either is.
static struct value value_sum(struct value x, int sign, struct value y)
{
    if (!value_is(&x, VALUE_INT) || !value_is(&y, VALUE_INT))
        return value_null();
    return value_int(x.u.i + sign * y.u.i);
}

void facts_memory(struct facts *f)
{
    static const char *const top[][2] = {{"MemTotal", "memtotal_mb"},
                                         {"SwapTotal", "swaptotal_mb"},
                                         {"MemFree", "memfree_mb"},
                                         {"SwapFree", "swapfree_mb"}};
    char *data = facts_file(f, "/proc/meminfo");
    if (!data)
        return;
    for (size_t i = 0; i < sizeof(top) / sizeof(*top); i++) {
        struct value v = meminfo_mb(data, top[i][0]);
        if (value_is(&v, VALUE_INT))
            dict_set(f->out, top[i][1], v);
    }
    struct value total = meminfo_mb(data, "MemTotal"), free_mb = meminfo_mb(data, "MemFree");
    struct value swap_total = meminfo_mb(data, "SwapTotal"),
                 swap_free = meminfo_mb(data, "SwapFree");
    struct value nocache = value_sum(value_sum(meminfo_mb(data, "Cached"), 1, free_mb), 1,
                                     meminfo_mb(data, "Buffers"));
    struct value v = value_dict(f->a), real = value_dict(f->a), plain = value_dict(f->a),
                 swap = value_dict(f->a);
    dict_set(real.u.dict, "total", total);
    dict_set(real.u.dict, "used", value_sum(total, -1, free_mb));
    dict_set(real.u.dict, "free", free_mb);
    dict_set(plain.u.dict, "free", nocache);
    dict_set(plain.u.dict, "used", value_sum(total, -1, nocache));
    dict_set(swap.u.dict, "total", swap_total);
    dict_set(swap.u.dict, "free", swap_free);
    dict_set(swap.u.dict, "used", value_sum(swap_total, -1, swap_free));
    dict_set(swap.u.dict, "cached", meminfo_mb(data, "SwapCached"));
    dict_set(v.u.dict, "real", real);
    dict_set(v.u.dict, "nocache", plain);
    dict_set(v.u.dict, "swap", swap);
    dict_set(f->out, "memory_mb", v);
}

// Chassis types of the DMI specification, by number.
static const char *const form_factors[] = {"Unknown",
                                           "Other",
                                           "Unknown",
                                           "Desktop",
                                           "Low Profile Desktop",
                                           "Pizza Box",
                                           "Mini Tower",
                                           "Tower",
                                           "Portable",
                                           "Laptop",
                                           "Notebook",
                                           "Hand Held",
                                           "Docking Station",
                                           "All In One",
                                           "Sub Notebook",
                                           "Space-saving",
                                           "Lunch Box",
                                           "Main Server Chassis",
                                           "Expansion Chassis",
                                           "Sub Chassis",
                                           "Bus Expansion Chassis",
                                           "Peripheral Chassis",
                                           "RAID Chassis",
                                           "Rack Mount Chassis",
                                           "Sealed-case PC",
                                           "Multi-system",
                                           "CompactPCI",
                                           "AdvancedTCA",
                                           "Blade",
                                           "Blade Enclosure",
                                           "Tablet",
                                           "Convertible",
                                           "Detachable",
                                           "IoT Gateway",
                                           "Embedded PC",
                                           "Mini PC",
                                           "Stick PC"};

// A fact, its file below /sys/devices/virtual/dmi/id and dmidecode's word for it.
static const struct {
    const char *fact, *file, *word;
} dmi_rows[] = {
    {"bios_date", "bios_date", "bios-release-date"},
    {"bios_vendor", "bios_vendor", "bios-vendor"},
    {"bios_version", "bios_version", "bios-version"},
    {"board_asset_tag", "board_asset_tag", "baseboard-asset-tag"},
    {"board_name", "board_name", "baseboard-product-name"},
    {"board_serial", "board_serial", "baseboard-serial-number"},
    {"board_vendor", "board_vendor", "baseboard-manufacturer"},
    {"board_version", "board_version", "baseboard-version"},
    {"chassis_asset_tag", "chassis_asset_tag", "chassis-asset-tag"},
    {"chassis_serial", "chassis_serial", "chassis-serial-number"},
    {"chassis_vendor", "chassis_vendor", "chassis-manufacturer"},
    {"chassis_version", "chassis_version", "chassis-version"},
    {"form_factor", "chassis_type", "chassis-type"},
    {"product_name", "product_name", "system-product-name"},
    {"product_serial", "product_serial", "system-serial-number"},
    {"product_uuid", "product_uuid", "system-uuid"},
    {"product_version", "product_version", "system-version"},
    {"system_vendor", "sys_vendor", "system-manufacturer"},
};

static void dmi_from_sys(struct facts *f, const char *fact, const char *file)
{
    const char *s = facts_filef(f, "/sys/devices/virtual/dmi/id/%s", file);
    if (s && strcmp(fact, "form_factor") == 0) {
        size_t n = (size_t)strtoul(s, NULL, 10);
        bool known = n < sizeof(form_factors) / sizeof(*form_factors);
        s = known ? form_factors[n] : arena_printf(f->a, "unknown (%s)", s);
    }
    facts_set(f, fact, s ? s : "NA");
}

static void dmi_from_program(struct facts *f, const char *fact, const char *word)
{
    const char *argv[] = {"dmidecode", "-s", word, NULL};
    char *out = facts_run(f, argv);
    struct buf b = BUF_INIT;
    bool ran = out != NULL;
    for (char *line; (line = text_line(&out));)
        if (*line != '#')
            buf_adds(&b, line);
    facts_set(f, fact, ran ? buf_str(&b) : "NA");
    buf_release(&b);
}

void facts_dmi(struct facts *f)
{
    bool sys = facts_exists(f, "/sys/devices/virtual/dmi/id/product_name");
    bool program = !sys && f->module && proc_which(f->a, "dmidecode");
    for (size_t i = 0; i < sizeof(dmi_rows) / sizeof(*dmi_rows); i++) {
        if (sys)
            dmi_from_sys(f, dmi_rows[i].fact, dmi_rows[i].file);
        else if (program)
            dmi_from_program(f, dmi_rows[i].fact, dmi_rows[i].word);
        else
            facts_set(f, dmi_rows[i].fact, "NA");
    }
}

// Runs vgs, lvs or pvs and gives each line's fields.
static int lvm_lines(struct facts *f, const char *program, char *lines[], int max)
{
    const char *argv[] = {program, "--noheadings", "--nosuffix", "--units",
                          "g",     "--separator",  ",",          NULL};
    char *out = facts_run(f, argv);
    int n = 0;
    for (char *line; n < max && (line = text_line(&out));)
        if (*text_strip(line))
            lines[n++] = text_strip(line);
    return n;
}

enum { LVM_MAX = 512, LVM_FIELDS = 16 };

static int lvm_fields(char *line, char *field[LVM_FIELDS])
{
    int n = 0;
    for (char *p; n < LVM_FIELDS && (p = text_piece(&line, ','));)
        field[n++] = p;
    return n;
}

// A dict of texts from pairs of name and value; ends with NULL.
static struct value text_dict(struct facts *f, const char *const *pairs)
{
    struct value v = value_dict(f->a);
    for (; *pairs; pairs += 2)
        dict_set(v.u.dict, pairs[0], value_str(f->a, pairs[1]));
    return v;
}

// The name under /dev/mapper of a /dev/dm-N.
static const char *mapper_name(struct facts *f, const char *device)
{
    const char *dm = text_after(device, "/dev/");
    if (!dm || !text_after(dm, "dm-"))
        return device;
    char *name = facts_filef(f, "/sys/block/%s/dm/name", dm);
    return name ? arena_printf(f->a, "/dev/mapper/%s", name) : device;
}

static void facts_lvm(struct facts *f)
{
    char *line[LVM_MAX], *s[LVM_FIELDS];
    if (getuid() != 0 || !f->module || !proc_which(f->a, "vgs")) {
        facts_set(f, "lvm", "N/A");
        return;
    }
    struct value v = value_dict(f->a), lvs = value_dict(f->a), vgs = value_dict(f->a),
                 pvs = value_dict(f->a);
    for (int i = 0, n = lvm_lines(f, "vgs", line, LVM_MAX); i < n; i++) {
        int k = lvm_fields(line[i], s);
        if (k >= 5)
            dict_set(vgs.u.dict, s[0],
                     text_dict(f, (const char *[]){"size_g", s[k - 2], "free_g", s[k - 1],
                                                   "num_lvs", s[2], "num_pvs", s[1], NULL}));
    }
    for (int i = 0, n = lvm_lines(f, "lvs", line, LVM_MAX); i < n; i++)
        if (lvm_fields(line[i], s) >= 4)
            dict_set(lvs.u.dict, s[0],
                     text_dict(f, (const char *[]){"size_g", s[3], "vg", s[1], NULL}));
    for (int i = 0, n = lvm_lines(f, "pvs", line, LVM_MAX); i < n; i++)
        if (lvm_fields(line[i], s) >= 6)
            dict_set(
                pvs.u.dict, mapper_name(f, s[0]),
                text_dict(f, (const char *[]){"size_g", s[4], "free_g", s[5], "vg", s[1], NULL}));
    dict_set(v.u.dict, "lvs", lvs);
    dict_set(v.u.dict, "vgs", vgs);
    dict_set(v.u.dict, "pvs", pvs);
    dict_set(f->out, "lvm", v);
}

void facts_hardware(struct facts *f)
{
    facts_cpu(f);
    facts_memory(f);
    facts_dmi(f);
    facts_devices(f);
    char *up = facts_file(f, "/proc/uptime");
    if (up)
        dict_set(f->out, "uptime_seconds", value_int(strtoll(up, NULL, 10)));
    facts_lvm(f);
    facts_mounts(f);
}
