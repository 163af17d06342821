// Users and groups by name or number: the files in /etc first, then getent for those that come from
// a directory service (a static program cannot load NSS plugins).
#include "node/module.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

// The entry of a passwd-like file whose name or number is key, as fields in the arena; the number
// of fields or 0.
static int find_in_file(struct arena *a, const char *path, const char *key, bool by_id,
                        char *field[FIELDS])
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    int n = 0;
    while (f && getline(&line, &cap, f) > 0) {
        line[strcspn(line, "\n")] = '\0';
        n = split(arena_strdup(a, line), field);
        if (n >= 3 && strcmp(field[by_id ? 2 : 0], key) == 0)
            break;
        n = 0;
    }
    free(line);
    if (f)
        fclose(f);
    return n;
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
