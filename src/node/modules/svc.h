// What service, systemd and sysvinit share.
#ifndef NODE_MODULES_SVC_H
#define NODE_MODULES_SVC_H

#include "node/module.h"

// Result of a command, its texts in the task's arena.
struct svc_out {
    int rc;
    const char *out, *err;
};

// Runs argv in the C locale from "/". ERR_FAILED after module_fail when it cannot be started.
int svc_run(struct module *m, const char *const *argv, struct svc_out *ret);
// The same with env as the whole environment (NULL: ours, in the C locale).
int svc_run_in(struct module *m, const char *const *argv, const struct dict *env,
               struct svc_out *ret);
// As svc_run for a line of words, cut as Python's shlex.split does.
int svc_run_line(struct module *m, struct svc_out *ret, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// "Could not find the requested service NAME: WHY"; returns ERR_FAILED.
int svc_fail_missing(struct module *m, const char *name, const char *why);
// What a failed task does not tell, as in Ansible: takes fields that were set for its success out
// of the result.
void svc_forget(struct module *m);
// Path of the init script of a service (a name with a leading / is one already), and whether it is
// there.
const char *sysv_script(struct module *m, const char *name);
bool sysv_exists(struct module *m, const char *name);
// Whether a start link exists in any runlevel (runlevel NULL), or in one.
bool sysv_is_enabled(struct module *m, const char *name, const char *runlevel);
// Whether any path matches the pattern.
bool svc_glob(const char *pattern);
// Whether the command line of a running process holds text.
bool svc_process_running(struct module *m, const char *text);
// What `systemctl show` printed, as a dict.
struct value systemctl_show_parse(struct arena *a, const char *text);

// The modules behind mod_service.
int run_systemd(struct module *m);
int run_sysvinit(struct module *m);

#endif
