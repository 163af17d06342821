// Small facts about the system: time, environment, user, keys, load, security modules.
#include "node/facts/facts.h"
#include "node/module.h"
#include "node/text.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

void facts_apparmor(struct facts *f)
{
    struct value v = value_dict(f->a);
    bool on = facts_exists(f, "/sys/kernel/security/apparmor");
    dict_set(v.u.dict, "status", value_cstr(on ? "enabled" : "disabled"));
    dict_set(f->out, "apparmor", v);
}

void facts_chroot(struct facts *f)
{
    struct stat my, first;
    struct statfs fs;
    const char *mark = getenv("debian_chroot");
    bool is = mark && *mark;
    if (!is && stat("/", &my) == 0) {
        if (stat("/proc/1/root/.", &first) == 0) {
            is = my.st_ino != first.st_ino || my.st_dev != first.st_dev;
        } else {
            ino_t root = 2; // what the root folder has on ext4, btrfs, xfs
            if (statfs("/", &fs) == 0 && (unsigned)fs.f_type == 0x9123683EU)
                root = 256;
            else if (statfs("/", &fs) == 0 && (unsigned)fs.f_type == 0x58465342U)
                root = 128;
            is = my.st_ino != root;
        }
    }
    dict_set(f->out, "is_chroot", value_bool(is));
}

void facts_cmdline(struct facts *f)
{
    char *data = facts_file(f, "/proc/cmdline");
    struct list *words = NULL;
    if (!data)
        return;
    struct value last = value_dict(f->a), all = value_dict(f->a);
    if (shlex_split(f->a, data, false, &words, NULL) == 0) {
        for (size_t i = 0; i < words->len; i++) {
            const char *word = words->items[i].u.str.s, *eq = strchr(word, '=');
            const char *key = eq ? arena_strndup(f->a, word, (size_t)(eq - word)) : word;
            struct value val = eq ? value_cstr(eq + 1) : value_bool(true);
            struct value *seen = dict_get(all.u.dict, key);
            dict_set(last.u.dict, key, val);
            if (!eq || !seen) {
                dict_set(all.u.dict, key, val);
            } else if (value_is(seen, VALUE_LIST)) {
                list_add(seen->u.list, val);
            } else {
                struct value both = value_list(f->a);
                list_add(both.u.list, *seen);
                list_add(both.u.list, val);
                dict_set(all.u.dict, key, both);
            }
        }
    }
    dict_set(f->out, "cmdline", last);
    dict_set(f->out, "proc_cmdline", all);
}

void facts_date_time(struct facts *f)
{
    static const char *const names[] = {
        "year",   "month",  "weekday", "weekday_number",      "weeknumber", "day",      "hour",
        "minute", "second", "date",    "iso8601_basic_short", "tz",         "tz_offset"};
    struct timeval tv;
    struct tm tm, utc;
    char text[256];
    gettimeofday(&tv, NULL);
    tzset();
    localtime_r(&tv.tv_sec, &tm);
    gmtime_r(&tv.tv_sec, &utc);
    struct value v = value_dict(f->a);
    struct dict *d = v.u.dict;
    strftime(text, sizeof(text), "%Y|%m|%A|%w|%W|%d|%H|%M|%S|%Y-%m-%d|%Y%m%dT%H%M%S|%Z|%z", &tm);
    char *cursor = text;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *piece = text_piece(&cursor, '|');
        dict_set_text(d, f->a, names[i], piece ? piece : "");
    }
    strftime(text, sizeof(text), "%H:%M:%S", &tm);
    dict_set_text(d, f->a, "time", text);
    struct value epoch = value_strf(f->a, "%lld", (long long)tv.tv_sec);
    dict_set(d, "epoch", epoch);
    dict_set(d, "epoch_int", epoch);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    dict_set(d, "iso8601", value_strf(f->a, "%sZ", text));
    dict_set(d, "iso8601_micro", value_strf(f->a, "%s.%06dZ", text, (int)tv.tv_usec));
    dict_set(d, "iso8601_basic",
             value_strf(f->a, "%s%06d", dict_str(d, "iso8601_basic_short", ""), (int)tv.tv_usec));
    const char *dst = tzname[1] && *tzname[1] ? tzname[1] : tzname[0];
    dict_set(d, "tz_dst", value_str(f->a, dst ? dst : ""));
    dict_set(f->out, "date_time", v);
}

static void add_rest(struct facts *f, struct dict *d, const char *name, char **cursor, bool append)
{
    struct value *old = dict_get(d, name);
    struct value l = append && old ? *old : value_list(f->a);
    for (char *w; (w = text_field(cursor));)
        list_add(l.u.list, value_cstr(w));
    dict_set(d, name, l);
}

void facts_dns(struct facts *f)
{
    struct value v = value_dict(f->a);
    struct dict *d = v.u.dict;
    char *data = facts_file(f, "/etc/resolv.conf");
    for (char *line; (line = text_line(&data));) {
        char *cursor = line, *key = *line == '#' || *line == ';' ? NULL : text_field(&cursor);
        if (!key)
            continue;
        if (strcmp(key, "nameserver") == 0) {
            add_rest(f, d, "nameservers", &cursor, true);
        } else if (strcmp(key, "domain") == 0) {
            char *w = text_field(&cursor);
            if (w)
                dict_set(d, "domain", value_cstr(w));
        } else if (strcmp(key, "search") == 0 || strcmp(key, "sortlist") == 0) {
            add_rest(f, d, key, &cursor, false);
        } else if (strcmp(key, "options") == 0) {
            struct value options = value_dict(f->a);
            for (char *w; (w = text_field(&cursor));) {
                char *val = strchr(w, ':');
                if (val)
                    *val++ = '\0';
                dict_set(options.u.dict, w, val && *val ? value_cstr(val) : value_bool(true));
            }
            dict_set(d, "options", options);
        }
    }
    dict_set(f->out, "dns", v);
}

extern char **environ;

void facts_env(struct facts *f)
{
    struct value v = value_dict(f->a);
    for (char **e = environ; e && *e; e++) {
        const char *eq = strchr(*e, '=');
        if (eq)
            dict_set(v.u.dict, arena_strndup(f->a, *e, (size_t)(eq - *e)), value_str(f->a, eq + 1));
    }
    dict_set(f->out, "env", v);
}

void facts_fips(struct facts *f)
{
    char *s = facts_file(f, "/proc/sys/crypto/fips_enabled");
    dict_set(f->out, "fips", value_bool(s && strcmp(s, "1") == 0));
}

void facts_loadavg(struct facts *f)
{
    double load[3];
    if (getloadavg(load, 3) != 3)
        return;
    struct value v = value_dict(f->a);
    dict_set(v.u.dict, "1m", value_float(load[0]));
    dict_set(v.u.dict, "5m", value_float(load[1]));
    dict_set(v.u.dict, "15m", value_float(load[2]));
    dict_set(f->out, "loadavg", v);
}

// One line of /etc/SELINUX/config, NULL when it is not there.
static const char *selinux_config(struct facts *f, const char *key)
{
    char *data = facts_file(f, "/etc/selinux/config");
    for (char *line; (line = text_line(&data));) {
        const char *val = text_after(text_strip(line), key);
        if (val)
            return val;
    }
    return NULL;
}

static bool selinux_library(struct facts *f)
{
    static const char *const places[] = {"/lib64/libselinux.so.1",
                                         "/usr/lib64/libselinux.so.1",
                                         "/lib/x86_64-linux-gnu/libselinux.so.1",
                                         "/lib/aarch64-linux-gnu/libselinux.so.1",
                                         "/lib/i386-linux-gnu/libselinux.so.1",
                                         "/lib/arm-linux-gnueabihf/libselinux.so.1",
                                         "/usr/lib/libselinux.so.1"};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (facts_exists(f, places[i]))
            return true;
    return false;
}

void facts_selinux(struct facts *f)
{
    struct value v = value_dict(f->a);
    struct dict *d = v.u.dict;
    bool library = selinux_library(f);
    char *enforce = facts_file(f, "/sys/fs/selinux/enforce");
    dict_set(f->out, "selinux_python_present", value_bool(library));
    dict_set(f->out, "selinux", v);
    if (!library || !enforce) {
        dict_set(d, "status", value_cstr(library ? "disabled" : "Missing selinux Python library"));
        return;
    }
    dict_set(d, "status", value_cstr("enabled"));
    char *vers = facts_file(f, "/sys/fs/selinux/policyvers");
    dict_set(d, "policyvers", vers ? value_int(atoi(vers)) : value_cstr("unknown"));
    const char *mode = selinux_config(f, "SELINUX="), *type = selinux_config(f, "SELINUXTYPE=");
    dict_set(d, "config_mode", value_str(f->a, mode ? mode : "unknown"));
    dict_set(d, "mode", value_cstr(*enforce == '1' ? "enforcing" : "permissive"));
    dict_set(d, "type", value_str(f->a, type ? type : "unknown"));
}

void facts_ssh_pub_keys(struct facts *f)
{
    static const char *const algos[] = {"dsa", "rsa", "ecdsa", "ed25519"};
    static const char *const dirs[] = {"/etc/ssh", "/etc/openssh", "/etc"};
    for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
        bool found = false;
        for (size_t j = 0; j < sizeof(algos) / sizeof(*algos); j++) {
            char *data = facts_filef(f, "%s/ssh_host_%s_key.pub", dirs[i], algos[j]);
            char *type = text_field(&data), *key = type ? text_field(&data) : NULL;
            if (!key)
                continue;
            found = true;
            const char *name = arena_printf(f->a, "ssh_host_key_%s_public", algos[j]);
            facts_set(f, name, key);
            facts_set(f, arena_printf(f->a, "%s_keytype", name), type);
        }
        if (found)
            return;
    }
}

// The line of /etc/passwd of a user by name, or by uid when name is NULL; its seven fields in
// field[].
static bool passwd_line(struct facts *f, const char *name, unsigned uid, char *field[7])
{
    char *data = facts_file(f, "/etc/passwd");
    for (char *line; (line = text_line(&data));) {
        char *cursor = line;
        int n = 0;
        for (char *p; n < 7 && (p = text_piece(&cursor, ':'));)
            field[n++] = p;
        if (n == 7 &&
            (name ? strcmp(field[0], name) == 0 : (unsigned)strtoul(field[2], NULL, 10) == uid))
            return true;
    }
    return false;
}

void facts_user(struct facts *f)
{
    static const char *const vars[] = {"LOGNAME", "USER", "LNAME", "USERNAME"};
    char *field[7];
    const char *name = NULL;
    for (size_t i = 0; i < sizeof(vars) / sizeof(*vars) && !(name && *name); i++)
        name = getenv(vars[i]);
    bool found = name && *name && passwd_line(f, name, 0, field);
    if (!found)
        found = passwd_line(f, NULL, (unsigned)getuid(), field);
    if (!found && f->module) { // users of a directory service
        const char *who = name && *name ? name : arena_printf(f->a, "%u", (unsigned)getuid());
        const char *argv[] = {"getent", "passwd", who, NULL};
        char *line = facts_run(f, argv);
        int n = 0;
        if (line)
            text_rstrip(line);
        for (char *p; n < 7 && (p = text_piece(&line, ':'));)
            field[n++] = p;
        found = n == 7;
    }
    if (found) {
        facts_set(f, "user_id", name && *name ? name : field[0]);
        dict_set(f->out, "user_uid", value_int(strtoll(field[2], NULL, 10)));
        dict_set(f->out, "user_gid", value_int(strtoll(field[3], NULL, 10)));
        facts_set(f, "user_gecos", field[4]);
        facts_set(f, "user_dir", field[5]);
        facts_set(f, "user_shell", field[6]);
    }
    dict_set(f->out, "real_user_id", value_int(getuid()));
    dict_set(f->out, "effective_user_id", value_int(geteuid()));
    dict_set(f->out, "real_group_id", value_int(getgid()));
    dict_set(f->out, "effective_group_id", value_int(getgid()));
}

void facts_fibre_channel(struct facts *f)
{
    struct value v = value_list(f->a);
    struct list *hosts = facts_listdir(f, "/sys/class/fc_host");
    for (size_t i = 0; i < hosts->len; i++) {
        char *name = facts_filef(f, "/sys/class/fc_host/%s/port_name", hosts->items[i].u.str.s);
        if (name && strlen(name) > 2)
            list_add(v.u.list, value_cstr(name + 2));
    }
    dict_set(f->out, "fibre_channel_wwn", v);
}

// The first line that starts with prefix, from behind skip characters of it.
static const char *line_with(struct facts *f, const char *path, const char *prefix, size_t skip)
{
    char *data = facts_file(f, path);
    for (char *line; (line = text_line(&data));)
        if (text_after(line, prefix))
            return line + skip;
    return "";
}

void facts_iscsi(struct facts *f)
{
    const char *key = "InitiatorName=";
    facts_set(f, "iscsi_iqn", line_with(f, "/etc/iscsi/initiatorname.iscsi", key, strlen(key)));
}

void facts_nvme(struct facts *f)
{
    facts_set(f, "hostnqn", line_with(f, "/etc/nvme/hostnqn", "nqn.", 0));
}
