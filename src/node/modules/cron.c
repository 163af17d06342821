// cron: jobs and variables in users' crontabs and in files of /etc/cron.d.
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/modules/accounts.h"
#include "node/modules/crontab.h"
#include "node/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

// One task.
struct cron {
    struct module *m;
    struct arena *a;
    const char *user, *file; // file: full path, NULL for a user's crontab
    struct crontab tab;
    const char *backup;
};

// "-u USER" is needed when the crontab is someone else's.
static const char *other_user(struct cron *t)
{
    const char *me = host_user_name(t->m, getuid());
    return t->user && *t->user && !(me && strcmp(me, t->user) == 0) ? t->user : NULL;
}

// The spool file of the crontab, when it can be read without crontab's help.
static const char *spool_text(struct cron *t, bool *ret_known)
{
    static const char *const dirs[] = {"/var/spool/cron/crontabs", "/var/spool/cron"};
    const char *name = t->user && *t->user ? t->user : host_user_name(t->m, getuid());
    *ret_known = false;
    if (getuid() != 0 || !name || strchr(name, '/'))
        return NULL;
    for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
        if (!text_exists(dirs[i]))
            continue;
        *ret_known = true;
        return text_read(t->a, arena_printf(t->a, "%s/%s", dirs[i], name), NULL);
    }
    return NULL;
}

static int crontab_program(struct cron *t, const char *last, struct proc *p)
{
    const char *argv[6], *other = other_user(t);
    struct proc_opts opts = {.clean_lang = true};
    struct err e = ERR_INIT;
    size_t n = 0;
    argv[n++] = "crontab";
    if (other) {
        argv[n++] = "-u";
        argv[n++] = other;
    }
    argv[n++] = last;
    argv[n] = NULL;
    return proc_run(t->m, argv, &opts, p, &e) == 0 ? 0 : module_fail_err(t->m, &e);
}

static int read_tab(struct cron *t)
{
    struct proc p = {0};
    bool known;
    if (t->file) {
        const char *text = text_read(t->a, t->file, NULL);
        crontab_parse(&t->tab, t->a, text ? text : "", false);
        return 0;
    }
    const char *text = spool_text(t, &known);
    if (known) {
        crontab_parse(&t->tab, t->a, text ? text : "", true);
        return 0;
    }
    if (crontab_program(t, "-l", &p) != 0)
        return ERR_FAILED;
    int rc = p.rc;
    crontab_parse(&t->tab, t->a, buf_str(&p.out), true);
    proc_release(&p);
    return rc == 0 || rc == 1 ? 0 : module_fail(t->m, "Unable to read crontab");
}

static int write_all(struct cron *t, int fd, const char *text)
{
    size_t n = strlen(text);
    while (n > 0) {
        ssize_t k = write(fd, text, n);
        if (k < 0)
            return module_fail(t->m, "cannot write a crontab: %s", strerror(errno));
        text += k;
        n -= (size_t)k;
    }
    return 0;
}

// A new file /tmp/crontab????????, named as Ansible's are, since crontab keeps the name in the
// table's header. Its fd, or <0 after a failure.
static int new_file(struct cron *t, const char **ret_path)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    const char *dir = getenv("TMPDIR");
    unsigned char random[8];
    for (int tries = 0; tries < 100; tries++) {
        char name[] = "crontab????????";
        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
            break;
        for (size_t i = 0; i < sizeof(random); i++)
            name[7 + i] = letters[random[i] % (sizeof(letters) - 1)];
        const char *path = arena_printf(t->a, "%s/%s", dir && *dir ? dir : "/tmp", name);
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0) {
            *ret_path = path;
            return fd;
        }
        if (errno != EEXIST)
            break;
    }
    return module_fail(t->m, "cannot create a temporary file: %s", strerror(errno));
}

static int install_tab(struct cron *t, const char *path, int fd)
{
    struct proc p = {0};
    int rc = write_all(t, fd, crontab_render(&t->tab));
    if (rc == 0 && fchmod(fd, 0644) != 0)
        rc = module_fail(t->m, "cannot make %s readable: %s", path, strerror(errno));
    if (rc == 0)
        rc = crontab_program(t, path, &p);
    if (rc == 0 && p.rc != 0)
        rc = module_fail(t->m, "%s", buf_str(&p.err));
    proc_release(&p);
    return rc;
}

static int write_tab(struct cron *t)
{
    const char *text = crontab_render(&t->tab), *path;
    struct err e = ERR_INIT;
    if (t->file)
        return host_write(t->m, t->file, text, strlen(text), &e) == 0 ? 0
                                                                      : module_fail_err(t->m, &e);
    if (journal_thing(t->m, "crontab", other_user(t) ? other_user(t) : "", NULL, NULL) < 0)
        return ERR_FAILED;
    int fd = new_file(t, &path);
    if (fd < 0)
        return fd;
    int rc = install_tab(t, path, fd);
    close(fd);
    unlink(path);
    return rc;
}

// The crontab as it was, in a file that stays.
static int write_backup(struct cron *t)
{
    int fd = new_file(t, &t->backup);
    if (fd < 0)
        return fd;
    int rc = write_all(t, fd, crontab_render(&t->tab));
    close(fd);
    return rc;
}

static const char *header(struct cron *t)
{
    if (t->file)
        return t->file;
    return t->user ? arena_printf(t->a, "crontab for user \"%s\"", t->user) : "crontab";
}

static struct value make_diff(struct cron *t, const char *after, const char *after_header)
{
    struct value diff = value_dict(t->a);
    dict_set(diff.u.dict, "before", value_cstr(t->tab.existing));
    dict_set(diff.u.dict, "before_header", value_cstr(header(t)));
    dict_set(diff.u.dict, "after", value_cstr(after));
    dict_set(diff.u.dict, "after_header", value_cstr(after_header));
    return diff;
}

static int validate(struct cron *t, bool present)
{
    static const char *const fields[] = {"minute", "hour", "day", "month", "weekday"};
    struct module *m = t->m;
    bool by_fields = false;
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        by_fields = by_fields || strcmp(module_str(m, fields[i]), "*") != 0;
    if (module_str(m, "special_time") && by_fields)
        return module_fail(m, "You must specify time and date fields or special time.");
    if (!present)
        return 0;
    if (t->file && !(t->user && *t->user))
        return module_fail(m, "To use cron_file=... parameter you must specify user=... as well");
    if (!module_str(m, "job"))
        return module_fail(m, "You must specify 'job' to install a new cron job or variable");
    if ((module_str(m, "insertafter") || module_str(m, "insertbefore")) && !module_bool(m, "env"))
        return module_fail(m,
                           "Insertafter and insertbefore parameters are valid only with env=yes");
    return 0;
}

// 1 when the crontab was changed, 0, or <0 after module_fail.
static int edit_env(struct cron *t, const char *name, bool present)
{
    struct module *m = t->m;
    const char *after = module_str(m, "insertafter"), *before = module_str(m, "insertbefore");
    if (strchr(name, ' '))
        return module_fail(m, "Invalid name for environment variable");
    if (!present)
        return crontab_remove_env(&t->tab, name);
    int rc = crontab_set_env(&t->tab, name, module_str(m, "job"), after, before);
    if (rc < 0)
        return module_fail(m, "Variable named '%s' not found.", after && *after ? after : before);
    return rc;
}

static int edit_job(struct cron *t, const char *name, bool present)
{
    struct module *m = t->m;
    if (!present)
        return crontab_remove_job(&t->tab, name);
    struct cron_job job = {
        module_str(m, "minute"),  module_str(m, "hour"),    module_str(m, "day"),
        module_str(m, "month"),   module_str(m, "weekday"), module_str(m, "special_time"),
        t->file ? t->user : NULL, module_str(m, "job"),     module_bool(m, "disabled")};
    const char *start = job.job + strspn(job.job, "\r\n");
    const char *inner = strpbrk(start, "\r\n");
    if (inner && inner[strspn(inner, "\r\n")])
        module_warn(m, "Job should not contain line breaks");
    return crontab_set_job(&t->tab, name, crontab_job_line(t->a, &job));
}

// The last job of a file is gone, so the file goes too.
static int remove_file(struct cron *t)
{
    struct module *m = t->m;
    if (!m->check && text_exists(t->file) && journal_path(m, t->file, NULL) < 0)
        return ERR_FAILED;
    bool changed = m->check ? text_exists(t->file) : unlink(t->file) == 0;
    if (!m->check && !changed && errno != ENOENT)
        return module_fail(m, "cannot remove %s: %s", t->file, strerror(errno));
    struct value diff = make_diff(t, "", "/dev/null");
    module_record(m, diff);
    module_set(m, "diff", m->diff ? diff : value_dict(t->a));
    dict_del(m->result, "warnings"); // as in Ansible
    module_changed(m, changed);
    module_set_str(m, "cron_file", module_str(m, "cron_file"));
    module_set_str(m, "state", module_str(m, "state"));
    return 0;
}

static int finish(struct cron *t, bool changed)
{
    struct module *m = t->m;
    size_t n = strlen(t->tab.existing);
    if (!changed && n > 0 && !strchr("\r\n", t->tab.existing[n - 1]))
        changed = true; // the last line gets its end
    if (changed && !m->check && write_tab(t) != 0)
        return ERR_FAILED;
    module_changed(m, changed);
    module_set(m, "jobs", crontab_jobs(&t->tab));
    module_set(m, "envs", crontab_envs(&t->tab));
    if (changed && module_wants_diff(m)) {
        struct value diff = make_diff(t, crontab_render(&t->tab), header(t));
        module_record(m, diff);
        if (m->diff)
            module_set(m, "diff", diff);
    }
    if (t->backup && changed)
        module_set_str(m, "backup_file", t->backup);
    else if (t->backup)
        unlink(t->backup);
    if (t->file)
        module_set_str(m, "cron_file", module_str(m, "cron_file"));
    return 0;
}

static void check_file_name(struct cron *t)
{
    const char *base = strrchr(t->file, '/') + 1;
    for (const char *c = base; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-') {
            module_warn(t->m,
                        "Filename portion of cron_file (\"%s\") should consist solely of upper- "
                        "and lower-case letters, digits, underscores, and hyphens",
                        base);
            return;
        }
    }
}

int mod_cron(struct module *m)
{
    struct cron t = {.m = m, .a = m->arena, .user = module_str(m, "user")};
    const char *file = module_str(m, "cron_file"), *name = module_str(m, "name");
    bool present = strcmp(module_str(m, "state"), "present") == 0, env = module_bool(m, "env");
    if (file && strcmp(file, "/etc/crontab") == 0)
        return module_fail(m, "Will not manage /etc/crontab via cron_file, see documentation.");
    if (!proc_which(m->arena, "crontab"))
        return proc_fail_missing(m, "crontab");
    if (file && *file) {
        t.file = *file == '/' ? file : arena_printf(t.a, "/etc/cron.d/%s", file);
        check_file_name(&t);
    }
    umask(022);
    if (read_tab(&t) != 0 || validate(&t, present) != 0)
        return ERR_FAILED;
    if (module_bool(m, "backup") && !m->check && write_backup(&t) != 0)
        return ERR_FAILED;
    int changed = env ? edit_env(&t, name, present) : edit_job(&t, name, present);
    if (changed < 0)
        return ERR_FAILED;
    if (changed && !present && !env && t.file && crontab_is_empty(&t.tab))
        return remove_file(&t);
    return finish(&t, changed);
}
