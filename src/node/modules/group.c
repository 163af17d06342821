// group: groups of the host.
#include "node/module.h"
#include "node/modules.h"
#include "node/modules/accounts.h"
#include "node/text.h"

#include <stdlib.h>
#include <string.h>

// One task.
struct group_task {
    struct module *m;
    const char *name;
    bool local, has_gid;
    gid_t gid;
    struct account_out out;
};

static bool exists(struct group_task *t, struct group_entry *ret)
{
    return group_find_name(t->m, t->name, t->local, ret);
}

// With libuser's tools the number must not belong to another group.
static int check_local_gid(struct group_task *t)
{
    struct group_entry other;
    if (!t->local || !t->gid || !group_find_gid(t->m, t->gid, &other) ||
        strcmp(other.name, t->name) == 0)
        return 0;
    return module_fail(t->m, "GID '%u' already exists with group '%s'", (unsigned)t->gid,
                       other.name);
}

static int run(struct group_task *t, const char *tool, const char *gid_option, bool system)
{
    const char *argv[8], *gid = arena_printf(t->m->arena, "%u", (unsigned)t->gid);
    size_t n = 0;
    argv[n++] = tool;
    if (gid_option) {
        argv[n++] = gid_option;
        argv[n++] = gid;
        if (module_bool(t->m, "non_unique"))
            argv[n++] = "-o";
    }
    if (system)
        argv[n++] = accounts_busybox(t->m) ? "-S" : "-r";
    argv[n++] = t->name;
    argv[n] = NULL;
    return account_run(t->m, argv, NULL, &t->out);
}

static int add(struct group_task *t)
{
    const char *tool = accounts_busybox(t->m) ? "addgroup" : t->local ? "lgroupadd" : "groupadd";
    if (check_local_gid(t) != 0)
        return ERR_FAILED;
    return run(t, tool, t->has_gid ? "-g" : NULL, module_bool(t->m, "system"));
}

// busybox has no groupmod, so the number is changed in the file.
static int modify_file(struct group_task *t, const struct group_entry *g)
{
    struct module *m = t->m;
    struct group_entry other;
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT;
    if (group_find_gid(m, t->gid, &other))
        return module_fail(m, "gid '%u' in use", (unsigned)t->gid);
    t->out = (struct account_out){.ran = true};
    if (m->check)
        return 0;
    const char *old = arena_printf(m->arena, "%s:x:%u:", t->name, (unsigned)g->gid);
    for (char *c = text_read(m->arena, "/etc/group", NULL), *line; (line = text_line(&c));) {
        const char *rest = text_after(line, old);
        if (rest)
            buf_addf(&b, "%s:x:%u:%s\n", t->name, (unsigned)t->gid, rest);
        else
            buf_addf(&b, "%s\n", line);
    }
    int rc = host_write(m, "/etc/group", buf_str(&b), b.len, &e);
    buf_release(&b);
    return rc == 0 ? 0 : module_fail_err(m, &e);
}

static int modify(struct group_task *t, const struct group_entry *g)
{
    if (check_local_gid(t) != 0)
        return ERR_FAILED;
    if (!t->has_gid || g->gid == t->gid)
        return 0;
    if (accounts_busybox(t->m))
        return modify_file(t, g);
    return run(t, t->local ? "lgroupmod" : "groupmod", "-g", false);
}

int mod_group(struct module *m)
{
    struct group_task t = {.m = m,
                           .name = module_str(m, "name"),
                           .local = module_bool(m, "local"),
                           .has_gid = module_has(m, "gid"),
                           .gid = (gid_t)module_int(m, "gid", 0)};
    struct group_entry g;
    bool there = exists(&t, &g), present = strcmp(module_str(m, "state"), "present") == 0;
    if (t.local && !there)
        module_warn(m, "'local: true' specified and group was not found in /etc/group. The local "
                       "group may already exist if the local group database exists somewhere other "
                       "than /etc/group.");
    if (m->check && there != present) {
        module_changed(m, true);
        return 0;
    }
    int rc = 0;
    if (!present && there)
        rc = run(&t,
                 accounts_busybox(m) ? "delgroup"
                 : t.local           ? "lgroupdel"
                                     : "groupdel",
                 NULL, false);
    else if (present)
        rc = there ? modify(&t, &g) : add(&t);
    if (rc != 0)
        return rc;
    if (t.out.ran && t.out.rc != 0)
        return account_fail(m, t.name, &t.out, false);
    module_set_str(m, "name", t.name);
    module_set_str(m, "state", module_str(m, "state"));
    module_changed(m, t.out.ran);
    if (t.out.out && *t.out.out)
        module_set_str(m, "stdout", t.out.out);
    if (t.out.err && *t.out.err)
        module_set_str(m, "stderr", t.out.err);
    if (exists(&t, &g)) {
        module_set(m, "system", value_bool(module_bool(m, "system")));
        module_set(m, "gid", value_int(g.gid));
    }
    return 0;
}
