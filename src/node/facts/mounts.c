// Facts about mounted file systems.
#include "node/facts/facts.h"
#include "node/module.h"
#include "node/text.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

// \040 and its like in a field of /proc/mounts, replaced in place.
static char *unescape(char *s)
{
    char *out = s;
    for (const char *p = s; *p; p++) {
        if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
            p[3] >= '0' && p[3] <= '7') {
            *out++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
            p += 3;
        } else {
            *out++ = *p;
        }
    }
    *out = '\0';
    return s;
}

// Mount points that show a part of a file system only (bind mounts, subvolumes): their root is not
// "/".
static struct dict *bind_mounts(struct facts *f)
{
    struct dict *d = value_dict(f->a).u.dict;
    char *data = facts_file(f, "/proc/self/mountinfo");
    for (char *line; (line = text_line(&data));) {
        char *cursor = line, *field[5] = {NULL};
        for (int i = 0; i < 5; i++)
            field[i] = text_field(&cursor);
        if (field[4] && strcmp(field[3], "/") != 0)
            dict_set(d, unescape(field[4]), value_bool(true));
    }
    return d;
}

static bool is_remote(const char *fstype)
{
    static const char *const types[] = {"nfs", "cifs",   "smb",  "fuse", "ceph",  "gluster", "9p",
                                        "afs", "lustre", "gpfs", "ocfs", "davfs", "autofs"};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (text_after(fstype, types[i]))
            return true;
    return false;
}

// statvfs of a file system that may hang, in a child that is given up after the timeout. 0, -1 or
// ETIMEDOUT as 1.
static int statvfs_timed(const char *path, int timeout_s, struct statvfs *ret)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        struct statvfs fs;
        if (statvfs(path, &fs) != 0 || write(fds[1], &fs, sizeof(fs)) != (ssize_t)sizeof(fs))
            _exit(1);
        _exit(0);
    }
    close(fds[1]);
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    int ready = pid > 0 ? poll(&p, 1, timeout_s * 1000) : -1;
    ssize_t n = ready > 0 ? read(fds[0], ret, sizeof(*ret)) : 0;
    close(fds[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, ready > 0 ? 0 : WNOHANG); // one that hangs in the kernel stays behind
    }
    return n == (ssize_t)sizeof(*ret) ? 0 : ready == 0 ? 1 : -1;
}

static void set_sizes(struct dict *d, const struct statvfs *s)
{
    const struct {
        const char *name;
        unsigned long long n;
    } rows[] = {
        {"size_total", (unsigned long long)s->f_frsize * s->f_blocks},
        {"size_available", (unsigned long long)s->f_frsize * s->f_bavail},
        {"block_size", s->f_bsize},
        {"block_total", s->f_blocks},
        {"block_available", s->f_bavail},
        {"block_used", s->f_blocks - s->f_bavail},
        {"inode_total", s->f_files},
        {"inode_available", s->f_favail},
        {"inode_used", s->f_files - s->f_favail},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        dict_set(d, rows[i].name, value_int((int64_t)rows[i].n));
}

// UUIDs of all block devices as lsblk sees them; used where udev keeps no links.
static void lsblk_uuids(struct facts *f, struct dict *uuids)
{
    const char *argv[] = {"lsblk",     "--list",   "--noheadings",
                          "--paths",   "--output", "NAME,UUID",
                          "--exclude", "2",        NULL};
    char *out = f->module && proc_which(f->a, "lsblk") ? facts_run(f, argv) : NULL;
    for (char *line; (line = text_line(&out));) {
        char *device = text_field(&line), *uuid = device ? text_field(&line) : NULL;
        if (uuid)
            dict_set(uuids, device, value_cstr(uuid));
    }
}

// Device path to UUID from /dev/disk/by-uuid.
static struct dict *known_uuids(struct facts *f)
{
    struct dict *d = value_dict(f->a).u.dict;
    struct list *names = facts_listdir(f, "/dev/disk/by-uuid");
    for (size_t i = 0; i < names->len; i++) {
        char real[PATH_MAX];
        const char *name = names->items[i].u.str.s;
        if (realpath(arena_printf(f->a, "%s/dev/disk/by-uuid/%s", f->root, name), real))
            dict_set(d, arena_strdup(f->a, real), value_str(f->a, name));
    }
    return d;
}

struct mount_scan {
    struct facts *f;
    struct dict *binds, *uuids;
    bool lsblk_done;
};

static const char *mount_uuid(struct mount_scan *s, const char *device)
{
    char real[PATH_MAX];
    struct stat st;
    bool block = stat(device, &st) == 0 && S_ISBLK(st.st_mode);
    const char *key = block && realpath(device, real) ? real : device;
    if (block && !dict_get(s->uuids, key) && !s->lsblk_done &&
        !facts_exists(s->f, "/run/udev/control")) {
        s->lsblk_done = true;
        lsblk_uuids(s->f, s->uuids);
    }
    const char *uuid = dict_str(s->uuids, key, NULL);
    return uuid ? uuid : dict_str(s->uuids, device, "N/A");
}

static struct value mount_fact(struct mount_scan *s, char *const field[4])
{
    struct facts *f = s->f;
    struct value v = value_dict(f->a);
    struct statvfs fs;
    bool bind = dict_get(s->binds, field[1]) != NULL;
    dict_set(v.u.dict, "mount", value_cstr(field[1]));
    dict_set(v.u.dict, "device", value_cstr(field[0]));
    dict_set(v.u.dict, "fstype", value_cstr(field[2]));
    dict_set(v.u.dict, "options", value_strf(f->a, "%s%s", field[3], bind ? ",bind" : ""));
    int rc =
        is_remote(field[2]) ? statvfs_timed(field[1], f->timeout_s, &fs) : statvfs(field[1], &fs);
    if (rc == 1) {
        if (f->module)
            module_warn(f->module, "Timeout exceeded when getting mount info for %s", field[1]);
        dict_set(v.u.dict, "note", value_cstr("Could not get extra information due to timeout"));
        return v;
    }
    if (rc == 0)
        set_sizes(v.u.dict, &fs);
    dict_set(v.u.dict, "uuid", value_str(f->a, mount_uuid(s, field[0])));
    return v;
}

void facts_mounts(struct facts *f)
{
    struct mount_scan s = {f, bind_mounts(f), known_uuids(f), false};
    struct value seen = value_dict(f->a), l = value_list(f->a);
    char *data = facts_file(f, facts_exists(f, "/etc/mtab") ? "/etc/mtab" : "/proc/mounts");
    for (char *line; (line = text_line(&data));) {
        char *field[4] = {NULL};
        for (int i = 0; i < 4; i++) {
            field[i] = text_field(&line);
            if (field[i])
                unescape(field[i]);
        }
        if (!field[3] || strcmp(field[2], "none") == 0)
            continue;
        if (field[0][0] != '/' && field[0][0] != '\\' && !strstr(field[0], ":/"))
            continue;
        dict_set(seen.u.dict, field[1], mount_fact(&s, field));
    }
    struct dict_entry *e;
    DICT_EACH(seen.u.dict, e)
    list_add(l.u.list, e->val);
    dict_set(f->out, "mounts", l);
}
