// apt: packages of Debian and its kin. What is installed is read from dpkg's records; apt-get is
// started only to change something, apt-cache only when the archive has to be asked.
#include "node/hold.h"
#include "node/journal.h"
#include "node/modules/apt.h"
#include "node/modules.h"
#include "node/text.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLICY "/usr/sbin/policy-rc.d"
#define NOTHING "\n0 upgraded, 0 newly installed"

int apt_run(struct apt *t, const char *line, struct apt_out *ret)
{
    struct module *m = t->m;
    struct list *words = NULL;
    struct err e = ERR_INIT;
    struct value env = value_dict(t->a);
    struct proc p = {0};
    dict_set(env.u.dict, "DEBIAN_FRONTEND", value_cstr("noninteractive"));
    dict_set(env.u.dict, "DEBIAN_PRIORITY", value_cstr("critical"));
    if (shlex_split(t->a, line, true, &words, &e) != 0)
        return module_fail_err(m, &e);
    const char **argv = arena_array(t->a, const char *, words->len + 3);
    size_t n = 0;
    for (size_t i = 0; i < words->len; i++) {
        argv[n++] = words->items[i].u.str.s;
        if (i == 0 && text_ends(argv[0], "apt-get")) {
            argv[n++] = "-o";
            argv[n++] = arena_printf(t->a, "DPkg::Lock::Timeout=%d",
                                     (int)module_int(m, "lock_timeout", 60));
        }
    }
    struct proc_opts opts = {.env = env.u.dict, .clean_lang = true, .live = m->live};
    int rc = proc_run(m, argv, &opts, &p, &e);
    if (rc == 0)
        *ret = (struct apt_out){p.rc, arena_strndup(t->a, buf_str(&p.out), p.out.len),
                                arena_strndup(t->a, buf_str(&p.err), p.err.len)};
    proc_release(&p);
    return rc == 0 ? 0 : module_fail_err(m, &e);
}

// Runs a line while POLICY has the exit code that the task asks for.
static int run_with_policy(struct apt *t, const char *line, struct apt_out *ret)
{
    struct module *m = t->m;
    const char *saved = POLICY ".andon-saved";
    bool had = text_exists(POLICY);
    if (had && rename(POLICY, saved) != 0)
        return module_fail(m, "Fail to move " POLICY " to %s", saved);
    FILE *f = fopen(POLICY, "we");
    bool ok = f && fprintf(f, "#!/bin/sh\nexit %d\n", (int)module_int(m, "policy_rc_d", 0)) > 0;
    if (f && fclose(f) != 0)
        ok = false;
    ok = ok && chmod(POLICY, 0755) == 0;
    int rc = ok ? apt_run(t, line, ret) : module_fail(m, "Failed to create or chmod " POLICY);
    if (had && rename(saved, POLICY) != 0)
        return module_fail(m, "Fail to move back %s to " POLICY, saved);
    if (!had && unlink(POLICY) != 0)
        return module_fail(m, "Fail to remove " POLICY " (after package manipulation)");
    return rc;
}

int apt_run_policed(struct apt *t, const char *line, struct apt_out *ret)
{
    if (!t->m->check && (journal_accounts(t->m, NULL) < 0 || journal_links(t->m, NULL) < 0 ||
                         journal_thing(t->m, "apt", "dpkg", NULL, NULL) < 0))
        return ERR_FAILED;
    module_hold(t->m); // dpkg stopped half-way leaves packages that are neither here nor there
    int rc =
        module_has(t->m, "policy_rc_d") ? run_with_policy(t, line, ret) : apt_run(t, line, ret);
    module_release(t->m);
    return rc;
}

const char *apt_prepared(struct arena *a, const char *out)
{
    struct value lines = value_list(a), kept = value_list(a);
    size_t start = 0, reading = 0;
    for (char *c = arena_strdup(a, out), *line; (line = text_line(&c));) {
        list_add(lines.u.list, value_cstr(line));
        size_t n = lines.u.list->len;
        if (!start && strcmp(line, "Resolving dependencies...") == 0)
            start = n;
        if (!reading && strcmp(line, "Reading state information...") == 0)
            reading = n;
    }
    size_t end = lines.u.list->len;
    for (size_t i = 0; i < lines.u.list->len; i++) {
        const char *s = lines.u.list->items[i].u.str.s;
        size_t digits = strspn(s, "0123456789");
        if (digits &&
            (text_after(s + digits, " upgraded") || text_after(s + digits, " packages upgraded"))) {
            end = i + 1;
            break;
        }
    }
    for (size_t i = start ? start : reading; i < end; i++)
        list_add(kept.u.list, lines.u.list->items[i]);
    return text_join(a, kept.u.list, "\n");
}

void apt_set_output(struct apt *t, const struct apt_out *o, bool with_diff)
{
    struct value diff = value_dict(t->a);
    module_set_str(t->m, "stdout", o->out);
    module_set_str(t->m, "stderr", o->err);
    if (!with_diff)
        return;
    if (module_wants_diff(t->m)) {
        dict_set(diff.u.dict, "prepared", value_cstr(apt_prepared(t->a, o->out)));
        module_record(t->m, diff);
    }
    module_set(t->m, "diff", t->m->diff ? diff : value_dict(t->a));
}

int apt_fail(struct apt *t, const char *cmd, const struct apt_out *o, bool with_stderr)
{
    module_set_str(t->m, "stdout", o->out);
    if (with_stderr)
        module_set_str(t->m, "stderr", o->err);
    module_set(t->m, "rc", value_int(o->rc));
    return module_fail(t->m, "'%s' failed: %s", cmd, o->err);
}

// --- the lists of the archive

static int64_t lists_time(void)
{
    struct stat st;
    if (stat("/var/lib/apt/periodic/update-success-stamp", &st) == 0 ||
        stat("/var/lib/apt/lists", &st) == 0)
        return st.st_mtime;
    return 0;
}

// Errors and warnings of apt-get, in one line as its library words them.
static const char *update_errors(struct apt *t, const char *err)
{
    struct value l = value_list(t->a);
    for (char *c = arena_strdup(t->a, err), *line; (line = text_line(&c));)
        if (text_after(line, "E: ") || text_after(line, "W: "))
            list_add(l.u.list, value_strf(t->a, "%c:%s", line[0], line + 3));
    const char *s = text_join(t->a, l.u.list, ", ");
    return *s ? s : "unknown reason";
}

int apt_update_lists(struct apt *t)
{
    struct module *m = t->m;
    int64_t retries = module_int(m, "update_cache_retries", 5);
    int64_t longest = module_int(m, "update_cache_retry_max_delay", 12);
    time_t deadline = time(NULL) + module_int(m, "lock_timeout", 60);
    struct apt_out o = {0, "", ""};
    for (int64_t i = 0; i < retries;) {
        if (apt_run(t, arena_printf(t->a, "%s update", t->apt_get), &o) != 0)
            return ERR_FAILED;
        if (o.rc == 0)
            return 0;
        if (strstr(o.err, "Could not get lock")) {
            if (time(NULL) >= deadline)
                return module_fail(m, "Failed to lock apt for exclusive operation: %s",
                                   update_errors(t, o.err));
            sleep(1);
            continue;
        }
        int64_t delay = i < 30 ? (int64_t)1 << i : longest;
        usleep(
            (useconds_t)((delay > longest ? longest : delay) * 1000000 + getpid() % 1000 * 1000));
        i++;
    }
    return module_fail(m, "Failed to update apt cache: %s", update_errors(t, o.err));
}

// Updates the lists when the task asks for it and they are old enough.
static int refresh(struct apt *t)
{
    struct module *m = t->m;
    int64_t valid = module_int(m, "cache_valid_time", 0);
    t->update_time = lists_time();
    if (!module_bool(m, "update_cache") && !valid)
        return 0;
    if (t->update_time + valid >= (int64_t)time(NULL))
        return 0;
    if (!m->check && apt_update_lists(t) != 0)
        return ERR_FAILED;
    int64_t now = lists_time();
    t->updated = m->check || now != t->update_time;
    t->update_time = now;
    return 0;
}

// --- upgrades, removal, cleaning

static const char *flag(struct apt *t, const char *param, const char *text)
{
    return module_bool(t->m, param) ? text : "";
}

static int upgrade_all(struct apt *t, const char *mode)
{
    struct module *m = t->m;
    bool by_apt_get = module_bool(m, "force_apt_get") || !t->aptitude;
    const char *remove = flag(t, "autoremove", "--auto-remove"), *verb, *tool = t->apt_get;
    if (strcmp(mode, "dist") == 0 || (strcmp(mode, "full") == 0 && by_apt_get)) {
        verb = arena_printf(t->a, "dist-upgrade %s", remove);
    } else if (by_apt_get) {
        verb = arena_printf(t->a, "upgrade --with-new-pkgs %s", remove);
    } else {
        tool = t->aptitude;
        verb = strcmp(mode, "full") == 0 ? "full-upgrade" : "safe-upgrade";
    }
    bool aptitude = tool == t->aptitude;
    const char *force =
        flag(t, "force", aptitude ? "--assume-yes --allow-untrusted" : "--force-yes");
    const char *cmd = arena_printf(t->a, "%s -y %s %s %s %s %s %s %s", tool, t->dpkg_options, force,
                                   flag(t, "fail_on_autoremove", "--no-remove"),
                                   flag(t, "allow_unauthenticated", "--allow-unauthenticated"),
                                   flag(t, "allow_downgrade", "--allow-downgrades"),
                                   m->check ? "--simulate" : "", verb);
    if (t->release)
        cmd = arena_printf(t->a, "%s -t '%s'", cmd, t->release);
    struct apt_out o;
    if (apt_run_policed(t, cmd, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return apt_fail(t, arena_printf(t->a, "%s %s", tool, verb), &o, false);
    bool nothing = strstr(o.out, aptitude ? "\n0 packages upgraded, 0 newly installed" : NOTHING);
    apt_set_output(t, &o, !nothing);
    module_set_str(m, "msg", o.out);
    module_changed(m, !nothing);
    return 0;
}

static int cleanup(struct apt *t, const char *operation, const char *mark)
{
    struct apt_out o;
    const char *cmd = arena_printf(t->a, "%s -y %s %s %s %s %s", t->apt_get, t->dpkg_options,
                                   flag(t, "purge", "--purge"), flag(t, "force", "--force-yes"),
                                   operation, t->m->check ? "--simulate" : "");
    if (apt_run_policed(t, cmd, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0)
        return apt_fail(t, arena_printf(t->a, "apt-get %s", operation), &o, true);
    apt_set_output(t, &o, true);
    module_changed(t->m, strstr(o.out, mark) != NULL);
    return 0;
}

// Whether a package of the task is to be removed: 1, 0 or <0 after a failure.
static int is_removable(struct apt *t, const char *spec)
{
    size_t n = strcspn(spec, "=");
    const char *name = arena_strndup(t->a, spec, n && spec[n] && spec[n - 1] == '>' ? n - 1 : n);
    const struct dpkg_pkg *p = dpkg_find(&t->db, name);
    if (p && p->installed) {
        if (!spec[n])
            return 1;
        if (n && spec[n - 1] == '>')
            return dpkg_version_compare(p->version, spec + n + 1) >= 0;
        return fnmatch(spec + n + 1, p->version, FNM_NOESCAPE) == 0;
    }
    if (!module_bool(t->m, "purge") || !dpkg_has_files(t->a, &t->db, name))
        return 0;
    const char *version;
    bool known;
    if (apt_candidate(t, name, NULL, NULL, &version, &known) != 0)
        return ERR_FAILED;
    return known;
}

// The configuration files of packages ('NAME', quoted) that are about to be purged.
static int keep_configuration(struct apt *t, const struct list *words)
{
    for (size_t i = 0; i < words->len; i++) {
        const char *s = words->items[i].u.str.s + 1;
        const char *name = arena_strndup(t->a, s, strcspn(s, "='"));
        const char *file = arena_printf(t->a, "/var/lib/dpkg/info/%s.conffiles", name);
        if (!text_exists(file))
            file = arena_printf(t->a, "/var/lib/dpkg/info/%s:%s.conffiles", name, t->db.native);
        for (char *c = text_read(t->a, file, NULL), *line; (line = text_line(&c));)
            if (*line == '/' && text_exists(line) && journal_path(t->m, line, NULL) < 0)
                return ERR_FAILED;
    }
    return 0;
}

static int remove_packages(struct apt *t, const struct list *specs)
{
    struct module *m = t->m;
    struct value words = value_list(t->a);
    struct list *names = NULL;
    for (size_t i = 0; i < specs->len; i++) {
        const char *spec = specs->items[i].u.str.s;
        const char *pattern = arena_strndup(t->a, spec, strcspn(spec, "="));
        bool wild = strpbrk(pattern, "*?[]!") != NULL, matched = false;
        if (wild && !names && apt_names(t, &names) != 0)
            return ERR_FAILED;
        for (size_t j = 0; j < (wild ? names->len : 1); j++) {
            const char *one = wild ? names->items[j].u.str.s : spec;
            if (wild && fnmatch(pattern, one, FNM_NOESCAPE) != 0)
                continue;
            matched = true;
            int yes = is_removable(t, one);
            if (yes < 0)
                return ERR_FAILED;
            if (yes)
                list_add(words.u.list, value_strf(t->a, "'%s'", one));
        }
        if (!matched)
            return module_fail(m, "No package(s) matching '%s' available", pattern);
    }
    module_changed(m, words.u.list->len > 0);
    if (words.u.list->len == 0)
        return 0;
    const char *packages = text_join(t->a, words.u.list, " ");
    if (module_bool(m, "purge") && !m->check && keep_configuration(t, words.u.list) < 0)
        return ERR_FAILED;
    const char *cmd = arena_printf(
        t->a, "%s -q -y %s %s %s %s %s remove %s", t->apt_get, t->dpkg_options,
        flag(t, "purge", "--purge"), flag(t, "force", "--force-yes"),
        flag(t, "autoremove", "--auto-remove"), m->check ? "--simulate" : "", packages);
    struct apt_out o;
    if (apt_run_policed(t, cmd, &o) != 0)
        return ERR_FAILED;
    if (o.rc != 0) {
        dict_del(m->result, "changed");
        return apt_fail(t, arena_printf(t->a, "apt-get remove %s", packages), &o, true);
    }
    apt_set_output(t, &o, true);
    return 0;
}

static int clean(struct apt *t)
{
    struct apt_out o;
    if (apt_run(t, "apt-get clean", &o) != 0)
        return ERR_FAILED;
    if (o.rc == 0 && !*o.err)
        return 0;
    module_set_str(t->m, "stdout", o.out);
    module_set(t->m, "rc", value_int(o.rc));
    return o.rc != 0 ? module_fail(t->m, "apt-get clean failed")
                     : module_fail(t->m, "apt-get clean failed: %s", o.err);
}

// --- the task

// The names given, without blanks around them; *ret_all when "*" is among them.
static struct list *package_list(struct apt *t, bool *ret_all)
{
    const struct list *given = module_list(t->m, "package");
    struct list *l = value_list(t->a).u.list;
    for (size_t i = 0; given && i < given->len; i++) {
        const char *s = value_to_cstr(t->a, &given->items[i]);
        if (strcmp(s, "*") == 0)
            *ret_all = true;
        else
            list_add(l, value_cstr(text_strip(arena_strdup(t->a, s))));
    }
    return l;
}

static const char *expand_dpkg_options(struct apt *t)
{
    struct value l = value_list(t->a);
    const char *given = module_str(t->m, "dpkg_options");
    for (char *c = arena_strdup(t->a, given ? given : ""), *w; (w = text_piece(&c, ','));)
        list_add(l.u.list, value_strf(t->a, "-o \"Dpkg::Options::=--%s\"", w));
    return text_join(t->a, l.u.list, " ");
}

static void set_update_fields(struct apt *t)
{
    module_set(t->m, "cache_updated", value_bool(t->updated));
    module_set(t->m, "cache_update_time", value_int(t->update_time));
}

static int handle_packages(struct apt *t)
{
    struct module *m = t->m;
    const char *state = module_str(m, "state");
    bool all = false, latest = strcmp(state, "latest") == 0;
    struct list *packages = package_list(t, &all);
    if (latest && all) {
        if (packages->len > 0)
            return module_fail(
                m, "unable to install additional packages when upgrading all installed packages");
        return upgrade_all(t, "yes");
    }
    for (size_t i = 0; i < packages->len; i++) {
        const char *s = packages->items[i].u.str.s, *eq = strchr(s, '=');
        if (eq && strchr(eq + 1, '='))
            return module_fail(m, "invalid package spec: %s", s);
    }
    if (packages->len == 0 && module_bool(m, "autoclean"))
        return cleanup(t, "autoclean", "Del ");
    if (packages->len == 0 && module_bool(m, "autoremove"))
        return cleanup(t, "autoremove", "The following packages will be REMOVED");
    dpkg_read(&t->db, t->a);
    if (strcmp(state, "absent") == 0)
        return remove_packages(t, packages);
    int rc = apt_install(t, packages, latest, strcmp(state, "build-dep") == 0,
                         strcmp(state, "fixed") == 0);
    // fields of a look-up that fails outright are not there in Ansible either
    const char *msg = rc != 0 ? dict_str(m->result, "msg", "") : "";
    if (!text_after(msg, "No package"))
        set_update_fields(t);
    return rc;
}

int mod_apt(struct module *m)
{
    struct apt t = {.m = m, .a = m->arena, .release = module_str(m, "default_release")};
    const struct list *names = module_list(m, "package");
    const char *upgrade = module_str(m, "upgrade"), *deb = module_str(m, "deb");
    t.apt_get = proc_which(t.a, "apt-get");
    t.aptitude = proc_which(t.a, "aptitude");
    if (!t.apt_get)
        return proc_fail_missing(m, "apt-get");
    if (!upgrade || strcmp(upgrade, "no") == 0)
        upgrade = NULL;
    t.dpkg_options = expand_dpkg_options(&t);
    bool alone = !(names && names->len) && !upgrade && !deb;
    if (module_bool(m, "clean") && clean(&t) != 0)
        return ERR_FAILED;
    if (refresh(&t) != 0)
        return ERR_FAILED;
    if (alone && (module_bool(m, "update_cache") || module_int(m, "cache_valid_time", 0))) {
        module_changed(m, t.updated);
        set_update_fields(&t);
        return 0;
    }
    if (upgrade)
        return upgrade_all(&t, upgrade);
    if (deb) {
        if (strcmp(module_str(m, "state"), "present") != 0)
            return module_fail(m, "deb only supports state=present");
        dpkg_read(&t.db, t.a);
        return apt_install_debs(&t, deb);
    }
    return handle_packages(&t);
}
