// Facts about block devices: devices and device_links.
#include "node/facts/facts.h"
#include "node/module.h"
#include "node/text.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The kinds of links of a device, and where they are kept.
enum { LINK_IDS, LINK_UUIDS, LINK_LABELS, LINK_MASTERS, LINK_KINDS };
static const char *const link_names[] = {"ids", "uuids", "labels", "masters"};
static const char *const link_dirs[] = {"/dev/disk/by-id", "/dev/disk/by-uuid",
                                        "/dev/disk/by-label"};

struct devices {
    struct facts *f;
    struct value links[LINK_KINDS]; // dict: device name to sorted list of links
    const char *pci;                // output of lspci, NULL when it is not there
    bool pci_read;
    bool sg_inq; // it is there
};

// Where a symbolic link points, or NULL.
static char *read_link(struct facts *f, const char *path)
{
    char target[PATH_MAX];
    ssize_t n = readlink(arena_printf(f->a, "%s%s", f->root, path), target, sizeof(target) - 1);
    return n > 0 ? arena_strndup(f->a, target, (size_t)n) : NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// Adds name to the sorted list d[key], once.
static void add_sorted(struct facts *f, struct dict *d, const char *key, const char *name)
{
    struct value *old = dict_get(d, key);
    struct value l = old ? *old : value_list(f->a);
    size_t at = 0;
    while (at < l.u.list->len && strcmp(l.u.list->items[at].u.str.s, name) < 0)
        at++;
    if (at < l.u.list->len && value_eqs(&l.u.list->items[at], name))
        return;
    list_insert(l.u.list, at, value_str(f->a, name));
    dict_set(d, key, l);
}

static void read_links(struct devices *d)
{
    struct facts *f = d->f;
    for (int kind = 0; kind < LINK_KINDS; kind++)
        d->links[kind] = value_dict(f->a);
    for (int kind = 0; kind < LINK_MASTERS; kind++) {
        struct list *names = facts_listdir(f, link_dirs[kind]);
        for (size_t i = 0; i < names->len; i++) {
            const char *name = names->items[i].u.str.s;
            char *target = read_link(f, arena_printf(f->a, "%s/%s", link_dirs[kind], name));
            if (target)
                add_sorted(f, d->links[kind].u.dict, base_name(target), name);
        }
    }
    struct list *blocks = facts_listdir(f, "/sys/block");
    for (size_t i = 0; i < blocks->len; i++) {
        const char *block = blocks->items[i].u.str.s;
        struct list *slaves = facts_listdir(f, arena_printf(f->a, "/sys/block/%s/slaves", block));
        for (size_t j = 0; j < slaves->len; j++)
            add_sorted(f, d->links[LINK_MASTERS].u.dict, slaves->items[j].u.str.s, block);
    }
}

static struct value links_of(struct devices *d, const char *name)
{
    struct value v = value_dict(d->f->a);
    for (int kind = 0; kind < LINK_KINDS; kind++) {
        struct value *l = dict_get(d->links[kind].u.dict, name);
        dict_set(v.u.dict, link_names[kind], l ? *l : value_list(d->f->a));
    }
    return v;
}

// Bytes as Ansible prints them: "10.00 GB".
static struct value human_bytes(struct arena *a, double n)
{
    static const char units[] = "YZEPTGMK";
    double limit = 1208925819614629174706176.0; // 1024^8
    for (const char *u = units; *u; u++, limit /= 1024)
        if (n >= limit)
            return value_strf(a, "%.2f %cB", n / limit, *u);
    return value_strf(a, "%.2f Bytes", n);
}

static void set_holders(struct facts *f, struct dict *d, const char *dir)
{
    struct value l = value_list(f->a);
    struct list *names = facts_listdir(f, arena_printf(f->a, "%s/holders", dir));
    for (size_t i = 0; i < names->len; i++) {
        const char *name = names->items[i].u.str.s;
        if (!text_after(name, "dm-"))
            continue;
        const char *shown = facts_filef(f, "%s/holders/%s/dm/name", dir, name);
        list_add(l.u.list, value_str(f->a, shown ? shown : name));
    }
    dict_set(d, "holders", l);
}

// Sector counts and sizes that a disk and a partition have alike.
static void set_sectors(struct facts *f, struct dict *d, const char *dir)
{
    char *sectors = facts_filef(f, "%s/size", dir);
    dict_set(d, "sectors", sectors ? value_cstr(sectors) : value_int(0));
    char *size = facts_filef(f, "%s/queue/logical_block_size", dir);
    if (!size)
        size = facts_filef(f, "%s/queue/hw_sector_size", dir);
    dict_set(d, "sectorsize", size ? value_cstr(size) : value_int(512));
    dict_set(d, "size", human_bytes(f->a, sectors ? strtod(sectors, NULL) * 512.0 : 0));
}

// The UUID whose link leads to a partition, or null.
static struct value partition_uuid(struct devices *d, const char *name)
{
    struct value *l = dict_get(d->links[LINK_UUIDS].u.dict, name);
    return l && l->u.list->len > 0 ? l->u.list->items[0] : value_null();
}

// The partition's name when the folder is one: disk name, maybe p, digits; anything may surround
// it.
static const char *partition_name(struct facts *f, const char *folder, const char *disk)
{
    size_t n = strlen(disk);
    for (const char *p = strstr(folder, disk); p; p = strstr(p + 1, disk)) {
        const char *q = p + n + (p[n] == 'p' ? 1 : 0);
        size_t digits = strspn(q, "0123456789");
        if (digits)
            return arena_strndup(f->a, p, (size_t)(q - p) + digits);
    }
    return NULL;
}

static struct value partitions_of(struct devices *d, const char *dir, const char *disk)
{
    struct facts *f = d->f;
    struct value all = value_dict(f->a);
    struct list *names = facts_listdir(f, dir);
    for (size_t i = 0; i < names->len; i++) {
        const char *name = partition_name(f, names->items[i].u.str.s, disk);
        if (!name)
            continue;
        struct value part = value_dict(f->a);
        const char *sub = arena_printf(f->a, "%s/%s", dir, name);
        char *start = facts_filef(f, "%s/start", sub);
        dict_set(part.u.dict, "links", links_of(d, name));
        dict_set(part.u.dict, "start", start ? value_cstr(start) : value_int(0));
        set_sectors(f, part.u.dict, sub);
        dict_set(part.u.dict, "uuid", partition_uuid(d, name));
        set_holders(f, part.u.dict, sub);
        dict_set(all.u.dict, name, part);
    }
    return all;
}

// "0000:00:05.0" when path has such a part between slashes (the last one), else NULL.
static const char *pci_slot(struct facts *f, const char *path)
{
    const char *found = NULL;
    for (const char *p = path; (p = strchr(p, '/')); p++) {
        unsigned domain, bus, slot, function;
        int end = 0;
        if (sscanf(p, "/%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &end) == 4 &&
            end == 13 && p[end] == '/' && slot < 0x20 && function < 8)
            found = arena_strndup(f->a, p + 1, 12);
    }
    return found;
}

// What lspci says of the slot a disk hangs on, "" when there is none.
static const char *pci_host(struct devices *d, const char *path)
{
    const char *slot = pci_slot(d->f, path);
    if (!slot)
        return "";
    if (!d->pci_read) {
        const char *argv[] = {"lspci", "-D", NULL};
        d->pci = d->f->module && proc_which(d->f->a, "lspci") ? facts_run(d->f, argv) : NULL;
        d->pci_read = true;
    }
    const char *p = d->pci ? strstr(d->pci, slot) : NULL;
    if (!p)
        return "";
    p += strlen(slot);
    p += *p == ' ';
    return arena_strndup(d->f->a, p, strcspn(p, "\n"));
}

static void set_serial(struct devices *d, struct dict *v, const char *name)
{
    struct facts *f = d->f;
    if (!d->sg_inq) {
        char *serial = facts_filef(f, "/sys/block/%s/device/serial", name);
        if (serial)
            dict_set(v, "serial", value_cstr(serial));
        return;
    }
    const char *argv[] = {"sg_inq", arena_printf(f->a, "/dev/%s", name), NULL};
    char *out = facts_run(f, argv), *p = out ? strstr(out, "erial number:") : NULL;
    if (!p)
        return;
    p += strlen("erial number:");
    p += strspn(p, " \t");
    size_t n = 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '_')
        n++;
    if (n)
        dict_set(v, "serial", value_strn(f->a, p, n));
}

static void set_scheduler(struct facts *f, struct dict *v, const char *dir)
{
    char *s = facts_filef(f, "%s/queue/scheduler", dir);
    char *open = s ? strchr(s, '[') : NULL, *close = open ? strrchr(open, ']') : NULL;
    dict_set(v, "scheduler_mode",
             close ? value_strn(f->a, open + 1, (size_t)(close - open - 1)) : value_cstr(""));
}

static void add_device(struct devices *d, struct dict *all, const char *name)
{
    static const char *const ids[] = {"vendor", "model", "sas_address", "sas_device_handle"};
    struct facts *f = d->f;
    char *link = read_link(f, arena_printf(f->a, "/sys/block/%s", name));
    const char *path = link ? link : name;
    const char *dir = arena_printf(f->a, "/sys/block/%s", name);
    struct value v = value_dict(f->a);
    bool has_device = facts_exists(f, arena_printf(f->a, "%s/device", dir));
    bool is_virtual = link || !has_device;
    dict_set(v.u.dict, "virtual", value_int(is_virtual));
    dict_set(v.u.dict, "links", links_of(d, name));
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        dict_set_text(v.u.dict, f->a, ids[i],
                      has_device ? facts_filef(f, "%s/device/%s", dir, ids[i]) : NULL);
    set_serial(d, v.u.dict, name);
    dict_set_text(v.u.dict, f->a, "removable", facts_filef(f, "%s/removable", dir));
    dict_set_text(v.u.dict, f->a, "support_discard",
                  facts_filef(f, "%s/queue/discard_granularity", dir));
    struct value *by_id = dict_get(d->links[LINK_IDS].u.dict, name);
    for (size_t i = 0; by_id && i < by_id->u.list->len; i++) {
        const char *wwn = text_after(by_id->u.list->items[i].u.str.s, "wwn-");
        if (wwn)
            dict_set(v.u.dict, "wwn", value_cstr(wwn));
    }
    dict_set(v.u.dict, "partitions", partitions_of(d, dir, name));
    dict_set_text(v.u.dict, f->a, "rotational", facts_filef(f, "%s/queue/rotational", dir));
    set_scheduler(f, v.u.dict, dir);
    set_sectors(f, v.u.dict, dir);
    dict_set(v.u.dict, "host", value_cstr(pci_host(d, arena_printf(f->a, "/sys/block/%s", path))));
    set_holders(f, v.u.dict, dir);
    dict_set(all, base_name(path), v);
}

void facts_devices(struct facts *f)
{
    struct devices d = {.f = f, .sg_inq = f->module && proc_which(f->a, "sg_inq")};
    struct value all = value_dict(f->a), links = value_dict(f->a);
    if (facts_exists(f, "/sys/block")) {
        read_links(&d);
        struct list *blocks = facts_listdir(f, "/sys/block");
        for (size_t i = 0; i < blocks->len; i++)
            add_device(&d, all.u.dict, blocks->items[i].u.str.s);
        for (int kind = 0; kind < LINK_KINDS; kind++)
            dict_set(links.u.dict, link_names[kind], d.links[kind]);
        dict_set(f->out, "device_links", links);
    }
    dict_set(f->out, "devices", all);
}
