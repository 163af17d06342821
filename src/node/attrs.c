// Owner, group, permissions and attributes of files: bringing them to what is wanted, and telling
// what they are.
#include "node/journal.h"
#include "node/module.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// One path being brought to what is wanted.
struct change {
    struct module *m;
    const char *path;
    bool changed;
    struct dict *before, *after; // NULL: differences are not wanted
};

static int fail_path(struct change *c, const char *msg)
{
    module_set_str(c->m, "path", c->path);
    return module_fail(c->m, "%s", msg);
}

// What it is goes into the journal before it changes.
static int differs(struct change *c, const char *key, struct value before, struct value after)
{
    c->changed = true;
    if (c->before)
        dict_set(c->before, key, before);
    if (c->after)
        dict_set(c->after, key, after);
    return c->m->check && !journal_collects(c->m) ? 0 : journal_attrs(c->m, c->path, NULL);
}

static bool number(const char *s, unsigned *ret)
{
    char *end;
    unsigned long n = strtoul(s, &end, 10);
    if (!isdigit((unsigned char)*s) || *end)
        return false;
    *ret = (unsigned)n;
    return true;
}

static int set_owner(struct change *c, const struct stat *st, const char *owner)
{
    uid_t uid;
    if (!number(owner, &uid) && !host_user(c->m, owner, &uid, NULL, NULL))
        return fail_path(
            c, arena_printf(c->m->arena, "chown failed: failed to look up user %s", owner));
    if (st->st_uid == uid)
        return 0;
    if (differs(c, "owner", value_int(st->st_uid), value_int(uid)) < 0)
        return ERR_FAILED;
    if (!c->m->check && lchown(c->path, uid, (gid_t)-1) < 0)
        return fail_path(c, arena_printf(c->m->arena, "chown failed: [Errno %d] %s: b'%s'", errno,
                                         strerror(errno), c->path));
    return 0;
}

static int set_group(struct change *c, const struct stat *st, const char *group)
{
    gid_t gid;
    if (!number(group, &gid) && !host_group(c->m, group, &gid))
        return fail_path(
            c, arena_printf(c->m->arena, "chgrp failed: failed to look up group %s", group));
    if (st->st_gid == gid)
        return 0;
    if (differs(c, "group", value_int(st->st_gid), value_int(gid)) < 0)
        return ERR_FAILED;
    if (!c->m->check && lchown(c->path, (uid_t)-1, gid) < 0)
        return fail_path(c, "chgrp failed");
    return 0;
}

static struct value mode_text(struct module *m, mode_t mode)
{
    return value_strf(m->arena, "0%03o", mode & 07777u);
}

// What Ansible says of a symbolic mode it cannot read: it quotes a wrong letter behind good ones
// alone, and otherwise the part it is in.
static const char *mode_details(struct arena *a, const char *mode)
{
    while (*mode) {
        size_t n = strcspn(mode, ",");
        const char *part = arena_strndup(a, mode, n), *at = strpbrk(part, "+-=");
        while (at && *at) {
            size_t good = strspn(++at, "rwxXstugo"), all = strcspn(at, "+-=");
            if (good < all && good)
                return arena_printf(a, "'%c'", at[good]);
            at += all;
        }
        mode += n + (mode[n] == ',');
    }
    return NULL;
}

static int set_mode(struct change *c, const struct value *want)
{
    struct stat st;
    struct err e = ERR_INIT;
    mode_t mode;
    if (lstat(c->path, &st) < 0)
        return fail_path(c, strerror(errno));
    if (file_mode_parse(want, &st, &mode, &e) < 0) {
        const char *text = value_to_cstr(c->m->arena, want),
                   *details = mode_details(c->m->arena, text);
        if (!details)
            details = arena_printf(c->m->arena, "bad symbolic permission for mode: %s", text);
        module_set_str(c->m, "details", details);
        int rc = fail_path(c, err_msg(&e));
        err_release(&e);
        return rc;
    }
    if ((st.st_mode & 07777u) == mode)
        return 0;
    bool had = c->changed;
    if (differs(c, "mode", mode_text(c->m, st.st_mode), mode_text(c->m, mode)) < 0)
        return ERR_FAILED;
    if (c->m->check)
        return 0;
    if (S_ISLNK(st.st_mode)) { // Linux has no modes on links
        c->changed = had;
        return 0;
    }
    if (chmod(c->path, mode) < 0) {
        module_set_str(
            c->m, "details",
            arena_printf(c->m->arena, "[Errno %d] %s: b'%s'", errno, strerror(errno), c->path));
        return fail_path(c, "chmod failed");
    }
    return 0;
}

static int set_attributes(struct change *c, const char *want)
{
    char op = '=';
    if (*want == '-' || *want == '+')
        op = *want++;
    char have[FILE_FLAGS_MAX];
    if (!proc_which(c->m->arena, "lsattr") || !host_file_flags(c->path, have, NULL))
        *have = '\0';
    if (op != '-' && strcmp(have, want) == 0)
        return 0;
    if (!proc_which(c->m->arena, "chattr"))
        return 0;
    const char *arg = arena_printf(c->m->arena, "%c%s", op, want);
    if (differs(c, "attributes", value_str(c->m->arena, have), value_str(c->m->arena, arg)) < 0)
        return ERR_FAILED;
    if (c->m->check)
        return 0;
    const char *const argv[] = {"chattr", arg, c->path, NULL};
    struct proc_opts opts = {.clean_lang = true};
    struct proc p;
    int rc = proc_run(c->m, argv, &opts, &p, NULL);
    if (rc < 0 || p.rc != 0 || p.err.len) {
        module_set_str(c->m, "details",
                       arena_printf(c->m->arena, "Error while setting attributes: %s%s",
                                    buf_str(&p.out), buf_str(&p.err)));
        rc = fail_path(c, "chattr failed");
    }
    proc_release(&p);
    return rc;
}

struct file_attrs file_attrs_of(const struct module *m)
{
    const struct value *mode = dict_get(m->args, "mode");
    return (struct file_attrs){
        .mode = mode && mode->type != VALUE_NULL ? mode : NULL,
        .owner = module_str(m, "owner"),
        .group = module_str(m, "group"),
        .attributes = module_str(m, "attributes"),
    };
}

int file_set_attrs(struct module *m, const char *path, const struct file_attrs *attrs, bool follow,
                   bool *ret_changed, struct dict *before, struct dict *after)
{
    struct change c = {.m = m, .path = path, .before = before, .after = after};
    struct stat st;
    if (!attrs->mode && !attrs->owner && !attrs->group && !attrs->attributes)
        return 0;
    if (follow && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        c.path = host_realpath(m->arena, path);
    if (m->check && access(c.path, F_OK) < 0) {
        *ret_changed = true;
        return 0;
    }
    if (lstat(c.path, &st) < 0)
        return fail_path(
            &c, arena_printf(m->arena, "[Errno %d] %s: b'%s'", errno, strerror(errno), c.path));
    int rc = attrs->owner ? set_owner(&c, &st, attrs->owner) : 0;
    if (rc == 0 && attrs->group)
        rc = set_group(&c, &st, attrs->group);
    if (rc == 0 && attrs->mode)
        rc = set_mode(&c, attrs->mode);
    if (rc == 0 && attrs->attributes)
        rc = set_attributes(&c, attrs->attributes);
    *ret_changed |= c.changed;
    return rc;
}

int file_apply_attrs(struct module *m, const char *path, bool follow)
{
    struct file_attrs attrs = file_attrs_of(m);
    struct value before = value_dict(m->arena), after = value_dict(m->arena);
    bool changed = false;
    int rc = file_set_attrs(m, path, &attrs, follow, &changed, before.u.dict, after.u.dict);
    module_changed(m, changed);
    if (rc == 0 && module_wants_diff(m) && before.u.dict->len) {
        struct value d = value_dict(m->arena);
        dict_set(before.u.dict, "path", value_str(m->arena, path));
        dict_set(after.u.dict, "path", value_str(m->arena, path));
        dict_set(d.u.dict, "before", before);
        dict_set(d.u.dict, "after", after);
        module_add_diff(m, d);
    }
    return rc;
}

void file_add_result(struct module *m, const char *path)
{
    struct stat st, target;
    if (stat(path, &target) < 0 || lstat(path, &st) < 0)
        return;
    const char *owner = host_user_name(m, st.st_uid), *group = host_group_name(m, st.st_gid);
    const char *state = S_ISLNK(st.st_mode)   ? "link"
                        : S_ISDIR(st.st_mode) ? "directory"
                        : target.st_nlink > 1 ? "hard"
                                              : "file";
    module_set(m, "uid", value_int(st.st_uid));
    module_set(m, "gid", value_int(st.st_gid));
    module_set(m, "owner",
               owner ? value_str(m->arena, owner) : value_strf(m->arena, "%u", st.st_uid));
    module_set(m, "group",
               group ? value_str(m->arena, group) : value_strf(m->arena, "%u", st.st_gid));
    module_set(m, "mode", mode_text(m, st.st_mode));
    module_set_str(m, "state", state);
    module_set(m, "size", value_int(st.st_size));
}
