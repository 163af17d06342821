// reboot: restarts the host and waits until it is back. It is back when what tells one boot from
// the other has changed and the test command succeeds.
#include "core/buf.h"
#include "core/file.h"
#include "run/actions/actions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_NAP 0.5 // seconds between two attempts, doubled each time
#define LAST_NAP 8.0

struct reboot {
    struct exec *x;
    const struct dict *args;
    struct value *result;
    const char *boot_command, *before; // what tells a boot, and what it told
    int64_t start;
    double timeout;
};

static double seconds(struct reboot *r, const char *name, double dflt)
{
    const char *alias = arena_printf(r->x->a, "%s_sec", name), *s = arg_str(r->x, r->args, name);
    char *end;
    if (!s)
        s = arg_str(r->x, r->args, alias);
    double n = s ? strtod(s, &end) : dflt;
    return isnan(n) || n < 0 ? 0 : n;
}

// Ends the task: what happened and how long it took.
static int finish(struct reboot *r, bool rebooted, const char *failure)
{
    *r->result = value_dict(r->x->a);
    dict_set(r->result->u.dict, "rebooted", value_bool(rebooted));
    dict_set(r->result->u.dict, "changed", value_bool(rebooted));
    dict_set(r->result->u.dict, "elapsed", value_int((clock_mono_ms() - r->start) / 1000));
    if (failure)
        dict_set(r->result->u.dict, "changed", value_bool(false));
    return failure ? action_fail(r->x, r->result, "%s", failure) : 0;
}

// Runs a line of shell on the host: 0 with *ret its result, or ERR_UNREACHABLE.
static int shell(struct reboot *r, const char *line, struct value *ret)
{
    struct value args = value_dict(r->x->a);
    dict_set(args.u.dict, "_raw_params", value_str(r->x->a, line));
    struct module_call c = {.module = "shell", .args = args.u.dict};
    *ret = value_dict(r->x->a);
    (void)!exec_module(r->x, &c, ret);
    return dict_bool(ret->u.dict, "unreachable", false) ? ERR_UNREACHABLE : 0;
}

static bool succeeded(const struct value *result)
{
    return !dict_bool(result->u.dict, "failed", false) && dict_int(result->u.dict, "rc", -1) == 0;
}

// What the boot is known by, stripped; NULL and *why when the host does not say.
static const char *boot_time(struct reboot *r, const char **why)
{
    struct value v;
    if (shell(r, r->boot_command, &v) < 0) {
        *why = dict_str(v.u.dict, "msg", "");
        return NULL;
    }
    const char *out = dict_str(v.u.dict, "stdout", "");
    *why = arena_printf(r->x->a,
                        "reboot: failed to get host boot time info, rc: %d, stdout: %s, stderr: %s",
                        (int)dict_int(v.u.dict, "rc", -1), out, dict_str(v.u.dict, "stderr", ""));
    return succeeded(&v) ? arena_strdup(r->x->a, out) : NULL;
}

// The folders in which the commands that restart a host are looked for, as words of a shell.
static const char *search_paths(struct reboot *r, struct value *ret_list)
{
    static const char *const usual[] = {"/sbin", "/bin", "/usr/sbin", "/usr/bin",
                                        "/usr/local/sbin"};
    const struct value *given = dict_get(r->args, "search_paths");
    struct buf b = BUF_INIT;
    *ret_list = value_list(r->x->a);
    if (given && given->type == VALUE_LIST)
        *ret_list = *given;
    else if (given && given->type == VALUE_STRING)
        list_add(ret_list->u.list, *given);
    for (size_t i = 0; !ret_list->u.list->len && i < sizeof usual / sizeof *usual; i++)
        list_add(ret_list->u.list, value_cstr(usual[i]));
    for (size_t i = 0; i < ret_list->u.list->len; i++)
        buf_addf(&b, " %s",
                 shell_quote(r->x->a, value_to_cstr(r->x->a, &ret_list->u.list->items[i])));
    const char *words = arena_strdup(r->x->a, buf_str(&b));
    buf_release(&b);
    return words;
}

// The line that restarts the host: shutdown, or reboot where there is no shutdown (busybox).
static const char *reboot_line(struct reboot *r, struct value *ret_paths)
{
    const char *own = arg_str(r->x, r->args, "reboot_command"),
               *msg = arg_str(r->x, r->args, "msg");
    const char *paths = search_paths(r, ret_paths);
    int minutes = (int)(seconds(r, "pre_reboot_delay", 0) / 60);
    if (own && *own == '/')
        return own;
    if (own)
        return arena_printf(r->x->a,
                            "for d in%s; do [ ! -x \"$d\"/%.*s ] || exec \"$d\"/%s; done; exit 127",
                            paths, (int)strcspn(own, " "), own, own);
    return arena_printf(r->x->a,
                        "for d in%s; do [ ! -x \"$d/shutdown\" ] || exec \"$d/shutdown\" -r %d %s; "
                        "done; [ ! -e /etc/alpine-release ] || exec reboot; exit 127",
                        paths, minutes,
                        shell_quote(r->x->a, msg ? msg : "Reboot initiated by Ansible"));
}

static int send_reboot(struct reboot *r)
{
    struct value v, paths;
    struct buf list = BUF_INIT;
    const char *own = arg_str(r->x, r->args, "reboot_command");
    if (shell(r, reboot_line(r, &paths), &v) < 0 || succeeded(&v))
        return 0; // a host that goes down at once does not say good-bye
    value_repr(&list, &paths);
    bool missing = dict_int(v.u.dict, "rc", -1) == 127;
    const char *why =
        missing ? arena_printf(r->x->a, "Unable to find command \"%s\" in search paths: %s",
                               own ? arena_strndup(r->x->a, own, strcspn(own, " ")) : "shutdown",
                               buf_str(&list))
                : arena_printf(r->x->a, "Reboot command failed. Error was: '%s, %s'",
                               dict_str(v.u.dict, "stdout", ""), dict_str(v.u.dict, "stderr", ""));
    buf_release(&list);
    if (!missing)
        return finish(r, false, why);
    *r->result = value_dict(r->x->a);
    action_fail(r->x, r->result, "%s", why);
    dict_del(r->result->u.dict, "changed");
    return ERR_FAILED;
}

// Whether it is done: the host runs another boot.
static bool rebooted(struct reboot *r, const char **why)
{
    const char *now = boot_time(r, why);
    if (now && strcmp(now, r->before) == 0)
        *why = "boot time has not changed";
    return now && strcmp(now, r->before) != 0;
}

static bool test_passes(struct reboot *r, const char **why)
{
    struct value v;
    const char *command = arg_str(r->x, r->args, "test_command");
    if (shell(r, command ? command : "whoami", &v) == 0 && succeeded(&v))
        return true;
    *why = arena_printf(r->x->a, "Test command failed: %s %s", dict_str(v.u.dict, "stderr", ""),
                        dict_str(v.u.dict, "stdout", ""));
    return false;
}

// Tries until it succeeds, over a new connection each time.
static int wait_until(struct reboot *r, bool (*done)(struct reboot *r, const char **why),
                      const char *what)
{
    const char *why = "";
    int64_t start = clock_mono_ms();
    for (double nap = FIRST_NAP;; nap = nap < LAST_NAP ? nap * 2 : LAST_NAP) {
        if (done(r, &why))
            return 0;
        if (r->x->run->interrupted || (double)(clock_mono_ms() - start) / 1000 + nap > r->timeout)
            break;
        exec_sleep(r->x, nap);
        (void)!exec_reset_connection(r->x);
    }
    return finish(
        r, true,
        arena_printf(r->x->a, "Timed out waiting for %s (timeout=%d)", what, (int)r->timeout));
}

int action_reboot(struct exec *x, struct dict *args, struct value *result)
{
    struct reboot r = {.x = x, .args = args, .result = result, .start = clock_mono_ms()};
    const char *why;
    r.timeout = seconds(&r, "reboot_timeout", 600);
    r.boot_command = arg_str(x, args, "boot_time_command");
    if (!r.boot_command)
        r.boot_command = "cat /proc/sys/kernel/random/boot_id";
    if (strcmp(exec_connection(x), "local") == 0)
        return finish(&r, false,
                      "Running reboot with local connection would reboot the control node.");
    if (x->check) {
        return finish(&r, true, NULL);
    }
    if (!(r.before = boot_time(&r, &why))) {
        dict_set(result->u.dict, "reboot", value_bool(false));
        return action_fail(x, result, "%s", why);
    }
    if (send_reboot(&r) != 0)
        return ERR_FAILED;
    exec_sleep(x, seconds(&r, "post_reboot_delay", 0));
    (void)!exec_reset_connection(x);
    if (wait_until(&r, rebooted, "last boot time check") != 0 ||
        wait_until(&r, test_passes, "post-reboot test command") != 0)
        return ERR_FAILED;
    return finish(&r, true, NULL);
}
