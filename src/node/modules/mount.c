// mount: entries of fstab and what is mounted. fstab's lines are edited in fstab.c.
#include "node/command.h"
#include "node/journal.h"
#include "node/modules.h"
#include "node/modules/fstab.h"
#include "node/text.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct mount_task {
    struct module *m;
    struct arena *a;
    const char *state, *path, *fstab;
    struct fstab_entry entry; // what is wanted; src and fstype NULL when not given
    struct list *made;        // folders made for the mount point
    const char *was;          // fstab before the change, to put it back
    size_t was_len;
};

static bool state_is(const struct mount_task *t, const char *state)
{
    return strcmp(t->state, state) == 0;
}

// --- what is mounted

// Undoes the octal escapes of mountinfo.
static const char *unescape(char *s)
{
    char *to = s;
    for (const char *c = s; *c;) {
        if (c[0] == '\\' && c[1] >= '0' && c[1] <= '3' && c[2] && c[3]) {
            *to++ = (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
            c += 4;
        } else {
            *to++ = *c++;
        }
    }
    *to = '\0';
    return s;
}

// The line of mountinfo whose mount point is path (the last one, which hides the others): source
// and the folder of its file system that is shown. False when nothing is mounted there.
static bool mounted(struct arena *a, const char *path, const char **ret_src, const char **ret_root)
{
    bool found = false;
    for (char *c = text_read(a, "/proc/self/mountinfo", NULL), *line;
         c && (line = text_line(&c));) {
        char *field[5] = {0}, *dash = strstr(line, " - "), *root;
        char *rest = dash ? dash + 3 : NULL;
        size_t n = 0;
        while (n < 5 && (field[n] = text_field(&line)))
            n++;
        if (n < 5 || strcmp(unescape(field[4]), path) != 0)
            continue;
        root = field[3];
        found = true;
        if (rest && text_field(&rest)) {
            char *src = text_field(&rest);
            *ret_src = src ? unescape(src) : "";
        }
        *ret_root = unescape(root);
    }
    return found;
}

// Whether something is mounted at the path; for a bind mount given by its folder, that very folder.
static bool is_mounted(const struct mount_task *t, const char *src)
{
    const char *have_src = "", *root = "/";
    struct stat here, there;
    if (!mounted(t->a, t->path, &have_src, &root))
        return false;
    if (!src || strcmp(root, "/") == 0 || stat(src, &there) != 0 || stat(t->path, &here) != 0)
        return true;
    return S_ISBLK(there.st_mode) || (here.st_dev == there.st_dev && here.st_ino == there.st_ino);
}

// --- mounting

static void add_fstab(const struct mount_task *t, struct argv *argv)
{
    if (!state_is(t, "ephemeral") && strcmp(t->fstab, "/etc/fstab") != 0)
        argv_option(argv, "-T", t->fstab);
}

// Runs the command; its output is *ret_msg when it fails. Returns its exit code, <0 when the task
// has failed.
static int run(const struct mount_task *t, const struct argv *argv, const char **ret_msg)
{
    struct output o;
    if (command_run(t->m, argv, NULL, &o) != 0)
        return ERR_FAILED;
    *ret_msg = arena_printf(t->a, "%s%s", o.out, o.err);
    return o.rc;
}

// What is mounted there goes into the journal.
static int keep(const struct mount_task *t)
{
    return journal_thing(t->m, "mount", host_realpath(t->a, t->path), NULL, NULL);
}

static int do_mount(const struct mount_task *t, const char **ret_msg)
{
    struct argv argv = argv_of(t->a, "mount", NULL);
    if (keep(t) < 0)
        return ERR_FAILED;
    if (state_is(t, "ephemeral")) {
        argv_option(&argv, "-t", t->entry.fstype);
        argv_option(&argv, "-o", t->entry.opts);
        argv_add(&argv, t->entry.src);
    } else {
        add_fstab(t, &argv);
    }
    argv_add(&argv, t->path);
    return run(t, &argv, ret_msg);
}

static int do_umount(const struct mount_task *t, const char **ret_msg)
{
    struct argv argv = argv_of(t->a, "umount", t->path, NULL);
    if (keep(t) < 0)
        return ERR_FAILED;
    return run(t, &argv, ret_msg);
}

static int do_remount(const struct mount_task *t, const char **ret_msg)
{
    struct argv argv = argv_of(t->a, "mount", "-o", NULL);
    if (keep(t) < 0)
        return ERR_FAILED;
    bool given = strcmp(t->entry.opts, "defaults") != 0;
    if ((state_is(t, "remounted") || state_is(t, "ephemeral")) && given)
        argv_addf(&argv, "remount,%s", t->entry.opts);
    else
        argv_add(&argv, "remount");
    add_fstab(t, &argv);
    argv_add(&argv, t->path);
    int rc = run(t, &argv, ret_msg);
    if (rc <= 0)
        return rc;
    if (state_is(t, "remounted") && given)
        return module_fail(
            t->m,
            "Options were specified with remounted, but the remount command failed. Failing in "
            "order to prevent an unexpected mount result. Try replacing this command with a "
            "\"state: unmounted\" followed by a \"state: mounted\" using the full desired mount "
            "options instead.");
    rc = do_umount(t, ret_msg);
    return rc == 0 ? do_mount(t, ret_msg) : rc;
}

// --- states

static int write_fstab(struct mount_task *t, const char *text, size_t len)
{
    struct module *m = t->m;
    struct err e = ERR_INIT;
    if (module_bool(m, "backup")) {
        const char *backup = host_backup(m, t->fstab, &e);
        if (!backup)
            return module_fail_err(m, &e);
        module_set_str(m, "backup_file", backup);
    }
    return host_write(m, t->fstab, text, len, &e) == 0 ? 0 : module_fail_err(m, &e);
}

// Makes fstab hold the entry, or not. Sets *ret_changed.
static int edit_fstab(struct mount_task *t, bool present, bool *ret_changed)
{
    struct buf b = BUF_INIT;
    char *text = text_read(t->a, t->fstab, &t->was_len);
    t->was = text ? text : "";
    *ret_changed = fstab_edit(t->a, t->was, t->was_len, &t->entry, present, &b);
    int rc = *ret_changed && !t->m->check ? write_fstab(t, buf_str(&b), b.len) : 0;
    buf_release(&b);
    return rc;
}

static int ensure_fstab(struct mount_task *t)
{
    struct err e = ERR_INIT;
    const char *dir = path_dir(t->a, t->fstab);
    if (state_is(t, "ephemeral") || text_exists(t->fstab))
        return 0;
    if (!t->m->check && journal_path(t->m, t->fstab, NULL) < 0)
        return ERR_FAILED;
    if (!text_exists(dir) && host_mkdirs(dir, 0777, &e) != 0)
        return module_fail_err(t->m, &e);
    int fd = open(t->fstab, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return module_fail(t->m, "Failed to open %s due to %s", t->fstab, strerror(errno));
    close(fd);
    return 0;
}

static int unmount(struct mount_task *t)
{
    const char *msg = "";
    int rc = do_umount(t, &msg);
    return rc > 0 ? module_fail(t->m, "Error unmounting %s: %s", t->path, msg) : rc;
}

static int absent(struct mount_task *t)
{
    bool changed;
    if (edit_fstab(t, false, &changed) != 0)
        return ERR_FAILED;
    module_changed(t->m, changed);
    if (!changed || t->m->check || state_is(t, "absent_from_fstab"))
        return 0;
    if (is_mounted(t, NULL) && unmount(t) != 0)
        return ERR_FAILED;
    if (journal_path(t->m, t->path, NULL) < 0)
        return ERR_FAILED;
    if (text_exists(t->path) && rmdir(t->path) != 0)
        return module_fail(t->m, "Error rmdir %s: [Errno %d] %s: '%s'", t->path, errno,
                           strerror(errno), t->path);
    return 0;
}

static int unmounted(struct mount_task *t)
{
    bool there = is_mounted(t, NULL);
    module_changed(t->m, there);
    return there && !t->m->check ? unmount(t) : 0;
}

static int make_folders(struct mount_task *t)
{
    if (journal_path(t->m, t->path, NULL) < 0)
        return ERR_FAILED;
    for (const char *c = t->path + 1;; c++) {
        if (*c && *c != '/')
            continue;
        const char *dir = arena_strndup(t->a, t->path, (size_t)(c - t->path));
        if (mkdir(dir, 0777) == 0)
            list_add(t->made, value_cstr(dir));
        else if (errno != EEXIST)
            return module_fail(t->m, "Error making dir %s: [Errno %d] %s: '%s'", t->path, errno,
                               strerror(errno), dir);
        if (!*c)
            return 0;
    }
}

// A mount has failed: what was done for it is undone, so that the host still boots.
static int undo(struct mount_task *t, const char *msg)
{
    struct err e = ERR_INIT;
    if (t->was && host_write(t->m, t->fstab, t->was, t->was_len, &e) != 0)
        err_release(&e);
    for (size_t i = t->made->len; i-- > 0;)
        rmdir(t->made->items[i].u.str.s);
    return module_fail(t->m, "Error mounting %s: %s", t->path, msg);
}

// Something is mounted there already: it is mounted anew when its entry changed.
static int refresh(struct mount_task *t, bool changed, const char **ret_msg)
{
    const char *src = "", *root = "/";
    if (!state_is(t, "ephemeral"))
        return changed && !t->m->check ? do_remount(t, ret_msg) : 0;
    struct stat have, want;
    mounted(t->a, t->path, &src, &root);
    bool same = t->entry.src && (strcmp(src, t->entry.src) == 0 ||
                                 (stat(t->path, &have) == 0 && stat(t->entry.src, &want) == 0 &&
                                  have.st_dev == want.st_dev && have.st_ino == want.st_ino));
    if (!same)
        return module_fail(
            t->m, "Ephemeral mount point is already mounted with a different source than the "
                  "specified one. Failing in order to prevent an unwanted unmount or override "
                  "operation. Try replacing this command with a \"state: unmounted\" followed by a "
                  "\"state: ephemeral\", or use a different destination path.");
    module_changed(t->m, true);
    return t->m->check ? 0 : do_remount(t, ret_msg);
}

static int mounted_state(struct mount_task *t)
{
    bool changed = false;
    const char *msg = "";
    if (!t->m->check && !text_exists(t->path) && make_folders(t) != 0)
        return ERR_FAILED;
    if (!state_is(t, "ephemeral") && edit_fstab(t, true, &changed) != 0)
        return ERR_FAILED;
    int rc = 0;
    module_changed(t->m, changed);
    if (is_mounted(t, t->entry.src)) {
        rc = refresh(t, changed, &msg);
    } else {
        module_changed(t->m, true);
        rc = t->m->check ? 0 : do_mount(t, &msg);
    }
    return rc > 0 ? undo(t, msg) : rc;
}

static int remounted(struct mount_task *t)
{
    const char *msg = "";
    int rc = t->m->check ? 0 : do_remount(t, &msg);
    if (rc > 0)
        return module_fail(t->m, "Error remounting %s: %s", t->path, msg);
    module_changed(t->m, true);
    return rc;
}

static int apply(struct mount_task *t)
{
    bool changed;
    if (state_is(t, "absent") || state_is(t, "absent_from_fstab"))
        return absent(t);
    if (state_is(t, "unmounted"))
        return unmounted(t);
    if (state_is(t, "remounted"))
        return remounted(t);
    if (state_is(t, "mounted") || state_is(t, "ephemeral"))
        return mounted_state(t);
    if (edit_fstab(t, true, &changed) != 0)
        return ERR_FAILED;
    module_changed(t->m, changed);
    return 0;
}

// The options with noauto where the file system is not to be mounted at boot; *ret_boot is what the
// result says of that.
static const char *boot_options(struct module *m, const char *opts, bool *ret_boot)
{
    struct arena *a = m->arena;
    *ret_boot = true;
    if (module_bool(m, "boot"))
        return opts;
    for (char *c = arena_strdup(a, opts), *w; (w = text_piece(&c, ','));) {
        if (strcmp(w, "noauto") != 0 && strcmp(w, "defaults") != 0)
            continue;
        module_warn(m, "Ignore the 'boot' due to 'opts' contains '%s'.", w);
        *ret_boot = *w == 'n';
        return opts;
    }
    *ret_boot = false;
    return arena_printf(a, "%s,noauto", opts);
}

int mod_mount(struct module *m)
{
    bool boot;
    const char *opts = module_str(m, "opts"), *fstab = module_str(m, "fstab");
    struct mount_task t = {.m = m,
                           .a = m->arena,
                           .state = module_str(m, "state"),
                           .path = module_str(m, "path"),
                           .fstab = fstab ? fstab : "/etc/fstab",
                           .made = value_list(m->arena).u.list};
    t.entry = (struct fstab_entry){.src = module_str(m, "src"),
                                   .path = t.path,
                                   .fstype = module_str(m, "fstype"),
                                   .opts = boot_options(m, opts ? opts : "defaults", &boot),
                                   .dump = module_str(m, "dump"),
                                   .passno = module_str(m, "passno")};
    if (ensure_fstab(&t) != 0 || apply(&t) != 0) {
        dict_del(m->result, "changed");
        return ERR_FAILED;
    }
    if (t.entry.src)
        module_set_str(m, "src", t.entry.src);
    if (t.entry.fstype)
        module_set_str(m, "fstype", t.entry.fstype);
    module_set_str(m, "name", t.path);
    module_set_str(m, "opts", t.entry.opts);
    module_set_str(m, "dump", t.entry.dump);
    module_set_str(m, "passno", t.entry.passno);
    module_set_str(m, "fstab", t.fstab);
    module_set_str(m, "boot", boot ? "yes" : "no");
    if (!dict_get(m->result, "backup_file"))
        module_set_str(m, "backup_file", "");
    return 0;
}
