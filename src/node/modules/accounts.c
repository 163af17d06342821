// Accounts of the host: passwd, group and shadow lines, by the files first.
#include "node/hold.h"
#include "node/journal.h"
#include "node/modules/accounts.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>

bool account_parse(char *line, struct account *ret)
{
    char *f[7];
    int n = 0;
    for (char *p; n < 7 && (p = text_piece(&line, ':'));)
        f[n++] = p;
    if (n < 7 || !text_is_number(f[2]) || !text_is_number(f[3]))
        return false;
    *ret = (struct account){
        f[0], f[1], (uid_t)strtoul(f[2], NULL, 10), (gid_t)strtoul(f[3], NULL, 10), f[4],
        f[5], f[6]};
    return true;
}

bool group_parse(struct arena *a, char *line, struct group_entry *ret)
{
    char *f[4];
    int n = 0;
    for (char *p; n < 4 && (p = text_piece(&line, ':'));)
        f[n++] = p;
    if (n < 4 || !text_is_number(f[2]))
        return false;
    *ret = (struct group_entry){f[0], (gid_t)strtoul(f[2], NULL, 10), value_list(a).u.list};
    for (char *c = f[3], *member; (member = text_piece(&c, ','));)
        if (*member)
            list_add(ret->members, value_cstr(member));
    return true;
}

static int64_t shadow_number(const char *s)
{
    return *s ? strtoll(s, NULL, 10) : -1;
}

bool shadow_parse(char *line, struct shadow *ret)
{
    char *f[9];
    int n = 0;
    for (char *p; n < 9 && (p = text_piece(&line, ':'));)
        f[n++] = p;
    if (n < 8)
        return false;
    *ret = (struct shadow){.password = f[1],
                           .min = shadow_number(f[3]),
                           .max = shadow_number(f[4]),
                           .warn = shadow_number(f[5]),
                           .expire = shadow_number(f[7])};
    return true;
}

// The line of a file that starts with "name:", or NULL.
static char *line_of(struct module *m, const char *path, const char *name)
{
    size_t n = strlen(name);
    for (char *c = text_read(m->arena, path, NULL), *line; (line = text_line(&c));)
        if (strncmp(line, name, n) == 0 && line[n] == ':')
            return line;
    return NULL;
}

// A line that a directory service has, or NULL. Asked only when the host has such a service.
static char *getent_line(struct module *m, const char *database, const char *key)
{
    const char *argv[] = {"getent", database, key, NULL};
    struct proc_opts opts = {.clean_lang = true, .timeout_ms = 30000};
    struct proc p = {0};
    char *line = NULL;
    const char *wanted = arena_printf(m->arena, "%s:", database);
    bool service = false;
    for (char *c = text_read(m->arena, "/etc/nsswitch.conf", NULL), *l; (l = text_line(&c));) {
        const char *sources = text_after(l, wanted);
        if (!sources)
            continue;
        for (char *w, *words = arena_strdup(m->arena, sources); (w = text_field(&words));)
            service = service || (strcmp(w, "files") != 0 && strcmp(w, "compat") != 0 &&
                                  strcmp(w, "systemd") != 0 && *w != '[');
    }
    if (service && proc_run(m, argv, &opts, &p, NULL) == 0 && p.rc == 0) {
        char *c = arena_strndup(m->arena, buf_str(&p.out), p.out.len);
        line = text_line(&c);
    }
    proc_release(&p);
    return line;
}

bool account_find(struct module *m, const char *name, bool local, struct account *ret)
{
    char *line = line_of(m, "/etc/passwd", name);
    if (!line && !local)
        line = getent_line(m, "passwd", name);
    return line && account_parse(line, ret) && strcmp(ret->name, name) == 0;
}

bool shadow_find(struct module *m, const char *name, struct shadow *ret)
{
    char *line = line_of(m, "/etc/shadow", name);
    return line && shadow_parse(line, ret);
}

bool group_find_name(struct module *m, const char *name, bool local, struct group_entry *ret)
{
    char *line = line_of(m, "/etc/group", name);
    if (!line && !local)
        line = getent_line(m, "group", name);
    return line && group_parse(m->arena, line, ret) && strcmp(ret->name, name) == 0;
}

bool group_find_gid(struct module *m, gid_t gid, struct group_entry *ret)
{
    for (char *c = text_read(m->arena, "/etc/group", NULL), *line; (line = text_line(&c));)
        if (group_parse(m->arena, line, ret) && ret->gid == gid)
            return true;
    return false;
}

bool group_find(struct module *m, const char *name_or_gid, struct group_entry *ret)
{
    if (text_is_number(name_or_gid)) {
        if (group_find_gid(m, (gid_t)strtoul(name_or_gid, NULL, 10), ret))
            return true;
        char *line = getent_line(m, "group", name_or_gid);
        if (line && group_parse(m->arena, line, ret))
            return true;
    }
    return group_find_name(m, name_or_gid, false, ret);
}

struct list *groups_of(struct module *m, const char *name)
{
    struct list *l = value_list(m->arena).u.list;
    struct group_entry g;
    for (char *c = text_read(m->arena, "/etc/group", NULL), *line; (line = text_line(&c));)
        if (group_parse(m->arena, line, &g) && text_list_has(g.members, name))
            list_add(l, value_cstr(g.name));
    return l;
}

bool accounts_busybox(struct module *m)
{
    return text_exists("/etc/alpine-release") && !proc_which(m->arena, "useradd");
}

int account_run(struct module *m, const char *const *argv, const char *input,
                struct account_out *ret)
{
    struct proc_opts opts = {
        .stdin_data = input, .stdin_len = input ? strlen(input) : 0, .clean_lang = true};
    struct proc p = {0};
    struct err e = ERR_INIT;
    ret->ran = true;
    if (m->check) {
        ret->rc = 0;
        return 0;
    }
    if (journal_accounts(m, NULL) < 0)
        return ERR_FAILED;
    module_hold(m); // passwd without shadow locks people out
    int rc = proc_run(m, argv, &opts, &p, &e);
    module_release(m);
    if (rc != 0) {
        proc_release(&p);
        if (e.code != ERR_NOENT)
            return module_fail_err(m, &e);
        err_release(&e);
        return proc_fail_missing(m, argv[0]);
    }
    ret->rc = p.rc;
    ret->out = arena_printf(m->arena, "%s%s", ret->out ? ret->out : "", buf_str(&p.out));
    ret->err = arena_printf(m->arena, "%s%s", ret->err ? ret->err : "", buf_str(&p.err));
    proc_release(&p);
    return 0;
}

int account_fail(struct module *m, const char *name, const struct account_out *o, bool with_rc)
{
    module_set_str(m, "name", name);
    if (with_rc)
        module_set(m, "rc", value_int(o->rc));
    return module_fail(m, "%s", o->err ? o->err : "");
}
