// unarchive of zip archives, by unzip: `unzip -Z` says what is in it, `unzip -v` the checksums.
#include "node/modules/unarchive.h"

#include "core/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// One line of `unzip -Z -T -s`.
struct member {
    char type; // d, - or l
    mode_t mode;
    int64_t size;
    time_t time;
    char *path;
};

static struct argv *unzip(struct archive *a, const char *option)
{
    struct argv *v = argv_new(a->m->arena);
    argv_add(v, proc_which(a->m->arena, "unzip"));
    argv_add(v, option);
    return v;
}

static uint32_t crc_of(const char *path)
{
    uint32_t table[256], crc = 0xffffffff;
    unsigned char block[65536];
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
        table[i] = c;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    while (fd >= 0 && (n = read(fd, block, sizeof block)) > 0)
        for (ssize_t i = 0; i < n; i++)
            crc = table[(crc ^ block[i]) & 0xff] ^ crc >> 8;
    if (fd >= 0)
        close(fd);
    return ~crc;
}

// Paths to their checksums, from the table of `unzip -v`.
static int read_crcs(struct archive *a, struct dict *crcs)
{
    struct argv *v = unzip(a, "-v");
    struct proc p;
    argv_add(v, a->src);
    if (archive_run(a, v, &p) < 0)
        return ERR_FAILED;
    char *save = NULL, *text = arena_strndup(a->m->arena, buf_str(&p.out), p.out.len);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char crc[16];
        int at = 0;
        if (sscanf(line, "%*u %*s %*u %*s %*s %*s %15[0-9a-f] %n", crc, &at) == 1 && at &&
            strlen(crc) == 8)
            dict_set(crcs, line + at, value_int((int64_t)strtoul(crc, NULL, 16)));
    }
    int rc =
        p.rc == 0
            ? 0
            : module_fail(
                  a->m,
                  "Failed to find handler for \"%s\". Make sure the required command to extract "
                  "the file is installed.\nunzip could not handle archive: %s%s",
                  a->src, buf_str(&p.err), buf_str(&p.out));
    proc_release(&p);
    return rc;
}

int zip_list(struct archive *a)
{
    struct value crcs = value_dict(a->m->arena);
    if (read_crcs(a, crcs.u.dict) < 0)
        return ERR_FAILED;
    struct dict_entry *entry;
    DICT_EACH(crcs.u.dict, entry)
    {
        const char *path = entry->key.u.str.s;
        bool in = a->include && a->include->len ? archive_matches(a->include, path)
                                                : !archive_matches(a->exclude, path);
        if (in)
            list_add(a->files, entry->key);
    }
    return 0;
}

static mode_t read_mode(const char *s)
{
    mode_t mode = 0;
    for (int i = 0; i < 9; i++) {
        mode_t bit = 0400u >> i;
        if (s[i] == 'r' || s[i] == 'w' || s[i] == 'x' || s[i] == 's' || s[i] == 't')
            mode |= bit;
        if (s[i] == 's' || s[i] == 'S')
            mode |= i < 3 ? S_ISUID : S_ISGID;
        if (s[i] == 't' || s[i] == 'T')
            mode |= S_ISVTX;
    }
    return mode;
}

static bool read_member(struct archive *a, const char *line, struct member *ret)
{
    char perm[16], when[32];
    long long size;
    int at = 0;
    if (sscanf(line, "%15s %*s %*s %lld %*s %*s %31s %n", perm, &size, when, &at) != 3 || !at ||
        strlen(when) != 15 || !strchr("dl-?", *perm))
        return false;
    struct tm tm = {.tm_isdst = -1};
    if (!strptime(when, "%Y%m%d.%H%M%S", &tm))
        return false;
    tm.tm_isdst = -1;
    *ret = (struct member){.type = *perm == '?' ? '-' : *perm, .size = size, .time = mktime(&tm)};
    ret->path = arena_strdup(a->m->arena, line + at);
    size_t n = strlen(ret->path);
    bool dir = n && ret->path[n - 1] == '/';
    if (dir)
        ret->type = 'd';
    if (strlen(perm) == 10) {
        ret->mode = read_mode(perm + 1);
        return true;
    }
    mode_t mask = umask(0); // made where files have no such modes
    umask(mask);
    ret->mode = (dir || strcmp(perm + 1, "rwx---") == 0 ? 0777 : 0666) & ~mask;
    return strlen(perm) == 7;
}

static bool wrong_type(char type, mode_t mode)
{
    return (type == 'd' && !S_ISDIR(mode)) || (type == '-' && !S_ISREG(mode)) ||
           (type == 'l' && !S_ISLNK(mode));
}

// Compares one member with what is in dest; adds to diff and wanted when it differs.
static int compare_member(struct archive *a, const struct member *mb, const struct dict *crcs,
                          uid_t uid, gid_t gid)
{
    const char *path = path_join(a->m->arena, a->dest, mb->path);
    char type = mb->type == 'l' ? 'L' : mb->type == '-' ? 'f' : 'd', item[12];
    struct stat st;
    bool there = lstat(path, &st) == 0;
    if (!there || wrong_type(mb->type, st.st_mode)) {
        buf_addf(&a->diff, "%c%c++++++.?? %s\n", there ? 'c' : '>', type, mb->path);
        list_add(a->wanted, value_cstr(mb->path));
        return 0;
    }
    snprintf(item, sizeof item, ".%c.......??", type);
    bool reg = S_ISREG(st.st_mode), keep = module_bool(a->m, "keep_newer");
    bool differs = false;
    if (reg && keep && mb->time < st.st_mtime)
        return 0;
    if (reg && (mb->time != st.st_mtime || st.st_mtim.tv_nsec))
        item[4] = 't', differs = true;
    if (reg && mb->size != st.st_size)
        item[3] = 's', differs = true;
    if (reg && (int64_t)crc_of(path) != dict_int(crcs, mb->path, -1))
        item[2] = 'c', differs = true;
    mode_t mode = mb->mode;
    struct err e = ERR_INIT;
    if (a->mode && type != 'L' && file_mode_parse(a->mode, &st, &mode, &e) < 0)
        return module_fail_err(a->m, &e);
    if (type != 'L' && mode != (st.st_mode & 07777u))
        item[5] = 'p', differs = true;
    if (st.st_uid != uid)
        item[6] = 'o', differs = true;
    if (st.st_gid != gid)
        item[6] = 'g', differs = true;
    if (differs) {
        buf_addf(&a->diff, "%s %s\n", item, mb->path);
        list_add(a->wanted, value_cstr(mb->path));
    }
    return 0;
}

int zip_compare(struct archive *a, bool *ret_same)
{
    struct value crcs = value_dict(a->m->arena);
    struct argv *v = unzip(a, "-Z");
    struct proc p;
    uid_t uid = getuid();
    gid_t gid = getgid();
    if (a->owner)
        host_user(a->m, a->owner, &uid, NULL, NULL);
    if (a->group)
        host_group(a->m, a->group, &gid);
    if (getuid() != 0 && uid != getuid())
        return module_fail(a->m, "Cannot change ownership to %s, as user %u", a->owner, getuid());
    argv_add(v, "-T");
    argv_add(v, "-s");
    argv_add(v, a->src);
    if (read_crcs(a, crcs.u.dict) < 0 || archive_run(a, v, &p) < 0)
        return ERR_FAILED;
    int rc = 0;
    char *save = NULL, *text = arena_strndup(a->m->arena, buf_str(&p.out), p.out.len);
    for (char *line = strtok_r(text, "\n", &save); line && rc == 0;
         line = strtok_r(NULL, "\n", &save)) {
        struct member mb;
        if (!read_member(a, line, &mb))
            continue;
        bool in = a->include && a->include->len ? archive_matches(a->include, mb.path)
                                                : !archive_matches(a->exclude, mb.path);
        if (in)
            rc = compare_member(a, &mb, crcs.u.dict, uid, gid);
    }
    *ret_same = a->wanted->len == 0;
    proc_release(&p);
    return rc;
}

int zip_extract(struct archive *a)
{
    struct argv *v = unzip(a, "-o");
    struct proc p;
    argv_add_list(v, a->opts);
    argv_add(v, a->src);
    bool some = (a->include && a->include->len) || module_bool(a->m, "keep_newer");
    if (some && a->wanted->len < 1000)
        argv_add_list(v, a->wanted);
    if (a->exclude && a->exclude->len) {
        argv_add(v, "-x");
        argv_add_list(v, a->exclude);
    }
    argv_add(v, "-d");
    argv_add(v, a->dest);
    if (archive_run(a, v, &p) < 0)
        return ERR_FAILED;
    archive_report(a, v, &p);
    int rc = p.rc == 0 ? 0 : module_fail(a->m, "failed to unpack %s to %s", a->src, a->dest);
    proc_release(&p);
    return rc;
}
