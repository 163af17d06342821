// Users and groups by name or number: the files in /etc first, then getent for those that come from
// a directory service (a static program cannot load NSS plugins).
#include "node/module.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELDS 7

// Splits a line at colons in place; the number of fields found.
static int split(char *line, char *field[FIELDS])
{
    int n = 0;
    for (char *p = line; p && n < FIELDS; n++) {
        field[n] = p;
        p = strchr(p, ':');
        if (p)
            *p++ = '\0';
    }
    return n;
}

// Whether field number n of the line is key.
static bool field_is(const char *line, size_t len, int n, const char *key)
{
    const char *end = line + len;
    for (; n > 0 && line; n--) {
        line = memchr(line, ':', (size_t)(end - line));
        line = line ? line + 1 : NULL;
    }
    size_t want = strlen(key);
    return line && (size_t)(end - line) >= want && memcmp(line, key, want) == 0 &&
           (line + want == end || line[want] == ':');
}

// The entry of a passwd-like file whose name or number is key, as fields in the arena; the number
// of fields or 0. Most tasks look several up, so it reads without allocating.
static int find_in_file(struct arena *a, const char *path, const char *key, bool by_id,
                        char *field[FIELDS])
{
    char block[8192];
    size_t have = 0;
    ssize_t got;
    int n = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && n < 3 && have < sizeof block &&
           ((got = read(fd, block + have, sizeof block - have)) > 0 || have)) {
        bool end = got <= 0;
        char *line = block, *nl;
        have += end ? 0 : (size_t)got;
        if (end)
            block[have++] = '\n'; // the last line may lack its own
        for (; (nl = memchr(line, '\n', (size_t)(block + have - line))); line = nl + 1) {
            if (!field_is(line, (size_t)(nl - line), by_id ? 2 : 0, key))
                continue;
            n = split(arena_strndup(a, line, (size_t)(nl - line)), field);
            if (n >= 3)
                break;
        }
        have = n >= 3 ? 0 : (size_t)(block + have - line);
        memmove(block, line, have);
        if (end)
            break;
    }
    if (fd >= 0)
        close(fd);
    return n >= 3 ? n : 0;
}

static int find_by_getent(struct module *m, const char *database, const char *key,
                          char *field[FIELDS])
{
    const char *const argv[] = {"getent", database, key, NULL};
    struct proc_opts opts = {.clean_lang = true, .timeout_ms = 30000, .max_output = 65536};
    struct proc p;
    if (!proc_which(m->arena, "getent"))
        return 0;
    int n = 0;
    if (proc_run(m, argv, &opts, &p, NULL) == 0 && p.rc == 0 && p.out.len) {
        char *line = arena_strdup(m->arena, p.out.p);
        line[strcspn(line, "\n")] = '\0';
        n = split(line, field);
    }
    proc_release(&p);
    return n;
}

static bool is_number(const char *s)
{
    if (!*s || strlen(s) > 10)
        return false;
    for (; *s; s++)
        if (!isdigit((unsigned char)*s))
            return false;
    return true;
}

static int find(struct module *m, const char *database, const char *key, bool by_id,
                char *field[FIELDS])
{
    const char *path = strcmp(database, "passwd") == 0 ? "/etc/passwd" : "/etc/group";
    int n = find_in_file(m->arena, path, key, by_id, field);
    if (n)
        return n;
    n = find_by_getent(m, database, key, field);
    return n >= 3 && strcmp(field[by_id ? 2 : 0], key) == 0 ? n : 0;
}

bool host_user(struct module *m, const char *name_or_uid, uid_t *ret_uid, gid_t *ret_gid,
               const char **ret_home)
{
    char *f[FIELDS];
    int n = find(m, "passwd", name_or_uid, false, f);
    if (n < 4 && is_number(name_or_uid))
        n = find(m, "passwd", name_or_uid, true, f);
    if (n < 4)
        return false;
    if (ret_uid)
        *ret_uid = (uid_t)strtoul(f[2], NULL, 10);
    if (ret_gid)
        *ret_gid = (gid_t)strtoul(f[3], NULL, 10);
    if (ret_home)
        *ret_home = n > 5 ? f[5] : "/";
    return true;
}

bool host_group(struct module *m, const char *name_or_gid, gid_t *ret_gid)
{
    char *f[FIELDS];
    int n = find(m, "group", name_or_gid, false, f);
    if (n < 3 && is_number(name_or_gid))
        n = find(m, "group", name_or_gid, true, f);
    if (n < 3)
        return false;
    *ret_gid = (gid_t)strtoul(f[2], NULL, 10);
    return true;
}

const char *host_user_name(struct module *m, uid_t uid)
{
    char *f[FIELDS];
    return find(m, "passwd", arena_printf(m->arena, "%u", uid), true, f) ? f[0] : NULL;
}

const char *host_group_name(struct module *m, gid_t gid)
{
    char *f[FIELDS];
    return find(m, "group", arena_printf(m->arena, "%u", gid), true, f) ? f[0] : NULL;
}
