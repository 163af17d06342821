// timezone: the host's time zone and what its hardware clock keeps, by timedatectl under systemd
// and by files elsewhere.
#include "node/journal.h"
#include "node/module.h"
#include "node/modules.h"
#include "node/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONES "/usr/share/zoneinfo/"

static int run(struct module *m, const char *const *argv)
{
    struct proc_opts opts = {.clean_lang = true};
    struct proc p = {0};
    struct err e = ERR_INIT;
    if (proc_run(m, argv, &opts, &p, &e) != 0) {
        proc_release(&p);
        return module_fail_err(m, &e);
    }
    int rc = p.rc == 0 ? 0
                       : module_fail(m, "%s failed with %d: %s%s", argv[0], p.rc, buf_str(&p.out),
                                     buf_str(&p.err));
    proc_release(&p);
    return rc;
}

static bool has_systemd(void)
{
    return access("/run/systemd/system", F_OK) == 0;
}

// The zone in force: /etc/timezone where a distribution keeps it, else where /etc/localtime points.
static const char *current_zone(struct module *m)
{
    char target[PATH_MAX];
    const char *kept = text_read_stripped(m->arena, "/etc/timezone");
    ssize_t n = readlink("/etc/localtime", target, sizeof target - 1);
    const char *linked = NULL;
    if (n > 0) {
        target[n] = '\0';
        const char *zone = strstr(target, "zoneinfo/");
        linked = zone ? arena_strdup(m->arena, zone + strlen("zoneinfo/")) : NULL;
    }
    if (has_systemd() && linked)
        return linked;
    return kept && *kept ? kept : linked ? linked : "n/a";
}

// What the third line of /etc/adjtime says; UTC when there is none, as hwclock takes it.
static const char *current_clock(struct module *m)
{
    char *s = text_read(m->arena, "/etc/adjtime", NULL);
    for (int i = 0; s && i < 2; i++)
        s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL;
    return s && strncmp(s, "LOCAL", 5) == 0 ? "local" : "UTC";
}

static int link_localtime(struct module *m, const char *file)
{
    const char *tmp = arena_printf(m->arena, "/etc/localtime.andon.%d", (int)getpid());
    if (symlink(file, tmp) != 0 || rename(tmp, "/etc/localtime") != 0) {
        unlink(tmp);
        return module_fail(m, "cannot make /etc/localtime a link to %s", file);
    }
    return 0;
}

static int set_zone(struct module *m, const char *zone, const char *file)
{
    struct err e = ERR_INIT;
    if (journal_path(m, "/etc/localtime", NULL) < 0 || journal_path(m, "/etc/timezone", NULL) < 0)
        return ERR_FAILED;
    if (has_systemd()) {
        const char *const argv[] = {"timedatectl", "set-timezone", zone, NULL};
        return run(m, argv);
    }
    if (link_localtime(m, file) < 0)
        return ERR_FAILED;
    if (access("/etc/timezone", F_OK) == 0 || proc_which(m->arena, "dpkg-reconfigure")) {
        const char *text = arena_printf(m->arena, "%s\n", zone);
        if (host_write(m, "/etc/timezone", text, strlen(text), &e) < 0)
            return module_fail_err(m, &e);
    }
    if (!proc_which(m->arena, "dpkg-reconfigure"))
        return 0;
    const char *const argv[] = {"dpkg-reconfigure", "--frontend", "noninteractive", "tzdata", NULL};
    return run(m, argv);
}

static int set_clock(struct module *m, const char *what)
{
    bool local = strcmp(what, "local") == 0;
    if (journal_path(m, "/etc/adjtime", NULL) < 0)
        return ERR_FAILED;
    if (has_systemd()) {
        const char *const argv[] = {"timedatectl", "set-local-rtc", local ? "yes" : "no", NULL};
        return run(m, argv);
    }
    const char *const argv[] = {"hwclock", "--systohc", local ? "--localtime" : "--utc", NULL};
    return run(m, argv);
}

// What was or is to be of what is asked for. It is told always, so that a playbook can put it back.
static struct value settings(struct module *m, const char *zone, const char *clock)
{
    struct value d = value_dict(m->arena);
    if (module_str(m, "name"))
        dict_set(d.u.dict, "name", value_cstr(zone));
    if (module_str(m, "hwclock"))
        dict_set(d.u.dict, "hwclock", value_cstr(clock));
    return d;
}

static void add_diff(struct module *m, struct value before, struct value after)
{
    struct value d = value_dict(m->arena);
    dict_set(d.u.dict, "before", before);
    dict_set(d.u.dict, "after", after);
    module_set(m, "diff", d);
}

int mod_timezone(struct module *m)
{
    const char *want = module_str(m, "name"), *want_clock = module_str(m, "hwclock");
    const char *zone = current_zone(m), *clock = current_clock(m), *file = NULL;
    struct stat st;
    if (want) {
        file = arena_printf(m->arena, ZONES "%s", want);
        if (strstr(want, "..") || stat(file, &st) != 0 || !S_ISREG(st.st_mode))
            return module_fail(m, "given timezone \"%s\" is not available", want);
    }
    bool zone_differs = want && strcmp(want, zone) != 0;
    bool clock_differs = want_clock && strcmp(want_clock, clock) != 0;
    module_changed(m, zone_differs || clock_differs);
    add_diff(m, settings(m, zone, clock), settings(m, want, want_clock));
    if (m->check)
        return 0;
    if (zone_differs && set_zone(m, want, file) < 0)
        return ERR_FAILED;
    return clock_differs ? set_clock(m, want_clock) : 0;
}
