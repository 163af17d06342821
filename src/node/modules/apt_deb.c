// Installing package files: what they lack is installed first, then dpkg takes them.
#include "node/modules/apt.h"
#include "node/text.h"

#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LOCK_LOOK_US 200000

// The control fields of a package file.
struct deb {
    const char *package, *version, *arch, *depends, *pre_depends;
};

static int deb_fields(struct apt *t, const char *file, struct deb *ret)
{
    struct apt_out o;
    if (access(file, R_OK) < 0)
        return module_fail(t->m,
                           "Unable to install package: E:Could not open file %s - open (%d: %s)",
                           file, errno, strerror(errno));
    const char *cmd =
        arena_printf(t->a, "dpkg-deb --field %s Package Version Architecture Depends Pre-Depends",
                     shlex_quote(t->a, file));
    if (apt_run(t, cmd, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0) {
        module_set_str(t->m, "stderr", o.err);
        return module_fail(t->m, "Unable to install package: %s",
                           text_strip(arena_strdup(t->a, o.err)));
    }
    *ret = (struct deb){"", "", "", "", ""};
    for (char *c = arena_strdup(t->a, o.out), *line; (line = text_line(&c));) {
        char *value = strchr(line, ':');
        if (!value)
            continue;
        *value++ = '\0';
        value = text_strip(value);
        const char **into = strcmp(line, "Package") == 0        ? &ret->package
                            : strcmp(line, "Version") == 0      ? &ret->version
                            : strcmp(line, "Architecture") == 0 ? &ret->arch
                            : strcmp(line, "Depends") == 0      ? &ret->depends
                            : strcmp(line, "Pre-Depends") == 0  ? &ret->pre_depends
                                                                : NULL;
        if (into)
            *into = value;
    }
    return 0;
}

static bool relation_holds(const char *op, int order)
{
    if (strcmp(op, "=") == 0)
        return order == 0;
    if (strcmp(op, ">=") == 0)
        return order >= 0;
    if (strcmp(op, "<=") == 0)
        return order <= 0;
    if (strcmp(op, ">>") == 0)
        return order > 0;
    return strcmp(op, "<<") == 0 ? order < 0 : true;
}

// Whether an alternative, "name (>= 1.2) [arch]", is met by what is installed; gives its name.
static bool alternative_met(struct apt *t, char *text, const char **ret_name)
{
    char *relation = strchr(text, '(');
    if (relation)
        *relation++ = '\0';
    text[strcspn(text, "[")] = '\0';
    const char *name = text_strip(text);
    *ret_name = name;
    const struct dpkg_pkg *p = dpkg_find(&t->db, name);
    if (!p || !p->installed)
        return !relation && dpkg_provider(&t->db, name);
    if (!relation)
        return true;
    relation[strcspn(relation, ")")] = '\0';
    char *op = text_field(&relation), *version = op ? text_field(&relation) : NULL;
    return !version || relation_holds(op, dpkg_version_compare(p->version, version));
}

// Adds what a Depends field asks for and the host lacks.
static int missing_of(struct apt *t, const char *field, struct list *missing)
{
    for (char *c = arena_strdup(t->a, field), *group; (group = text_piece(&c, ','));) {
        const char *first = NULL, *name;
        bool met = !*text_strip(arena_strdup(t->a, group));
        for (char *g = group, *alt; !met && (alt = text_piece(&g, '|'));) {
            met = alternative_met(t, alt, &name);
            const char *version;
            bool known = false;
            if (!met && !first && apt_candidate(t, name, NULL, NULL, &version, &known) != 0)
                return ERR_FAILED;
            if (!met && known)
                first = first ? first : name;
        }
        if (met)
            continue;
        if (!first)
            return module_fail(t->m, "Dependency is not satisfiable: %s\n",
                               text_strip(arena_strdup(t->a, field)));
        if (!text_list_has(missing, first))
            list_add(missing, value_cstr(first));
    }
    return 0;
}

// Waits while another program has dpkg's lock: dpkg itself does not, as apt-get does. It may be the
// rest of an interrupted run.
static void wait_for_lock(struct module *m)
{
    int64_t until = clock_mono_ms() + module_int(m, "lock_timeout", 60) * 1000;
    int fd = open("/var/lib/dpkg/lock-frontend", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return; // dpkg says why
    for (;;) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        bool free = fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK;
        if (free || clock_mono_ms() >= until)
            break;
        usleep(LOCK_LOOK_US);
    }
    close(fd);
}

static int run_dpkg(struct apt *t, const struct list *files)
{
    struct module *m = t->m;
    struct apt_out o;
    struct buf b = BUF_INIT;
    const char *options = module_str(m, "dpkg_options");
    buf_adds(&b, "dpkg");
    for (char *c = arena_strdup(t->a, options ? options : ""), *w; (w = text_piece(&c, ','));)
        buf_addf(&b, " --%s", w);
    if (m->check)
        buf_adds(&b, " --simulate");
    if (module_bool(m, "force"))
        buf_adds(&b, " --force-all");
    buf_addf(&b, " -i %s", text_join(t->a, files, " "));
    const char *cmd = arena_strndup(t->a, buf_str(&b), b.len);
    buf_release(&b);
    if (!m->check)
        wait_for_lock(m);
    if (apt_run_policed(t, cmd, &o) != 0)
        return ERR_FAILED;
    const char *before = dict_str(m->result, "stdout", ""),
               *warn = dict_str(m->result, "stderr", "");
    struct apt_out sum = {o.rc, arena_printf(t->a, "%s%s", before, o.out),
                          arena_printf(t->a, "%s%s", warn, o.err)};
    apt_set_output(t, &sum, false);
    if (o.rc != 0)
        return module_fail(m, "%s failed", cmd);
    struct value diff = value_dict(t->a), *old = dict_get(m->result, "diff");
    const char *prepared =
        old && value_is(old, VALUE_DICT) ? dict_str(old->u.dict, "prepared", NULL) : NULL;
    dict_set(diff.u.dict, "prepared",
             prepared ? value_strf(t->a, "%s\n\n%s", prepared, o.out)
                      : value_cstr(apt_prepared(t->a, o.out)));
    module_set(m, "diff", diff);
    module_changed(m, true);
    return 0;
}

// A package file that is named by an URL, fetched with apt's own methods.
static int fetch(struct apt *t, const char *url, const char **ret)
{
    struct apt_out o;
    struct err e = ERR_INIT;
    const char *dir = host_tmpdir(t->m, NULL, &e);
    if (!dir)
        return module_fail_err(t->m, &e);
    const char *path = arena_printf(t->a, "%s/package.deb", dir);
    const char *cmd = arena_printf(t->a, "/usr/lib/apt/apt-helper download-file %s %s",
                                   shlex_quote(t->a, url), path);
    if (apt_run(t, cmd, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return module_fail(t->m, "Failure downloading %s, %s", url,
                           text_strip(arena_strdup(t->a, o.err)));
    *ret = path;
    return 0;
}

int apt_install_debs(struct apt *t, const char *debs)
{
    struct module *m = t->m;
    struct value missing = value_list(t->a), files = value_list(t->a);
    if (strstr(debs, "://") && fetch(t, debs, &debs) != 0)
        return ERR_FAILED;
    for (char *c = arena_strdup(t->a, debs), *file; (file = text_piece(&c, ','));) {
        struct deb d;
        if (deb_fields(t, file, &d) != 0)
            return ERR_FAILED;
        const char *key =
            strcmp(d.arch, "all") == 0 ? d.package : arena_printf(t->a, "%s:%s", d.package, d.arch);
        const struct dpkg_pkg *p = dpkg_find(&t->db, key);
        int order = p && p->installed ? dpkg_version_compare(d.version, p->version) : 1;
        if (order == 0)
            continue;
        if (order < 0 && !module_bool(m, "force") && !module_bool(m, "allow_downgrade"))
            return module_fail(m, "A later version is already installed");
        if (strcmp(d.arch, "all") != 0 && strcmp(d.arch, t->db.native) != 0 &&
            !text_exists("/var/lib/dpkg/arch") && !module_bool(m, "force"))
            return module_fail(m,
                               "Wrong architecture '%s' -- Run dpkg --add-architecture to add "
                               "it and update afterwards",
                               d.arch);
        if (missing_of(t, d.pre_depends, missing.u.list) != 0 ||
            missing_of(t, d.depends, missing.u.list) != 0)
            return ERR_FAILED;
        list_add(files.u.list, value_cstr(file));
    }
    module_changed(m, false);
    if (missing.u.list->len > 0 && apt_install(t, missing.u.list, false, false, false) != 0)
        return ERR_FAILED;
    if (files.u.list->len > 0)
        return run_dpkg(t, files.u.list);
    if (!dict_get(m->result, "stdout")) {
        module_set_str(m, "stdout", "");
        module_set_str(m, "stderr", "");
        module_set_str(m, "diff", "");
    }
    return 0;
}
