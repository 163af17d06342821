// What service, systemd and sysvinit share: running tools, init scripts, start links, processes.
#include "node/modules/svc.h"
#include "node/text.h"

#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int svc_run(struct module *m, const char *const *argv, struct svc_out *ret)
{
    return svc_run_in(m, argv, NULL, ret);
}

int svc_run_in(struct module *m, const char *const *argv, const struct dict *env,
               struct svc_out *ret)
{
    struct proc_opts opts = {
        .cwd = "/", .env = env, .only_env = env, .clean_lang = !env, .live = m->live};
    struct proc p = {0};
    struct err e = ERR_INIT;
    int rc = proc_run(m, argv, &opts, &p, &e);
    if (rc == 0)
        *ret = (struct svc_out){p.rc, arena_strndup(m->arena, buf_str(&p.out), p.out.len),
                                arena_strndup(m->arena, buf_str(&p.err), p.err.len)};
    proc_release(&p);
    return rc == 0 ? 0 : module_fail_err(m, &e);
}

int svc_run_line(struct module *m, struct svc_out *ret, const char *fmt, ...)
{
    struct list *words = NULL;
    struct err e = ERR_INIT;
    va_list ap;
    va_start(ap, fmt);
    const char *line = arena_vprintf(m->arena, fmt, ap);
    va_end(ap);
    if (shlex_split(m->arena, line, true, &words, &e) != 0)
        return module_fail_err(m, &e);
    const char **argv = arena_array(m->arena, const char *, words->len + 1);
    for (size_t i = 0; i < words->len; i++)
        argv[i] = words->items[i].u.str.s;
    return svc_run(m, argv, ret);
}

int svc_fail_missing(struct module *m, const char *name, const char *why)
{
    return module_fail(m, "Could not find the requested service %s: %s", name, why);
}

void svc_forget(struct module *m)
{
    static const char *const fields[] = {"name", "status", "state", "enabled"};
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        dict_del(m->result, fields[i]);
}

const char *sysv_script(struct module *m, const char *name)
{
    return *name == '/' ? name : arena_printf(m->arena, "/etc/init.d/%s", name);
}

bool sysv_exists(struct module *m, const char *name)
{
    return text_exists(sysv_script(m, name));
}

bool svc_glob(const char *pattern)
{
    glob_t g = {0};
    bool found = glob(pattern, GLOB_NOSORT, NULL, &g) == 0 && g.gl_pathc > 0;
    globfree(&g);
    return found;
}

bool sysv_is_enabled(struct module *m, const char *name, const char *runlevel)
{
    const char *base = text_exists("/etc/rc0.d/.") ? "/etc" : "/etc/init.d";
    return svc_glob(arena_printf(m->arena, "%s/rc%s.d/S[0-9a-zA-Z][0-9a-zA-Z]%s", base,
                                 runlevel ? runlevel : "?", name));
}

bool svc_process_running(struct module *m, const char *text)
{
    DIR *d = opendir("/proc");
    bool found = false;
    if (!d)
        return false;
    for (struct dirent *de; !found && (de = readdir(d));) {
        size_t len = 0;
        if (!text_is_number(de->d_name) || strtol(de->d_name, NULL, 10) == getpid())
            continue;
        char *line =
            text_read(m->arena, arena_printf(m->arena, "/proc/%s/cmdline", de->d_name), &len);
        for (size_t i = 0; line && i + 1 < len; i++)
            if (line[i] == '\0')
                line[i] = ' ';
        if (line && len == 0) // a kernel thread
            line =
                text_read_stripped(m->arena, arena_printf(m->arena, "/proc/%s/comm", de->d_name));
        found = line && strstr(line, text) && !strstr(line, "pattern=");
    }
    closedir(d);
    return found;
}

struct value systemctl_show_parse(struct arena *a, const char *text)
{
    struct value v = value_dict(a);
    struct buf multi = BUF_INIT;
    const char *key = NULL; // of a value that goes on over lines
    char *data = arena_strdup(a, text);
    for (char *line; (line = text_line(&data));) {
        if (key) {
            buf_addf(&multi, "\n%s", line);
            text_rstrip(line);
            if (!text_ends(line, "}"))
                continue;
            char *whole = arena_strndup(a, buf_str(&multi), multi.len);
            dict_set(v.u.dict, key, value_cstr(text_strip(whole)));
            key = NULL;
            continue;
        }
        char *val = strchr(line, '=');
        if (!val)
            continue;
        *val++ = '\0';
        const char *first = val + strspn(val, " \t");
        char *stripped = text_strip(arena_strdup(a, val));
        if (text_after(line, "Exec") && *first == '{' && !text_ends(stripped, "}")) {
            key = line;
            buf_clear(&multi);
            buf_adds(&multi, val);
        } else {
            dict_set(v.u.dict, line, value_cstr(stripped));
        }
    }
    buf_release(&multi);
    return v;
}
