// pause and wait_for_connection: waiting on the controller.
#include "core/buf.h"
#include "core/file.h"
#include "run/actions/actions.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

static const char *stamp(struct arena *a, int64_t us)
{
    time_t t = (time_t)(us / 1000000);
    struct tm tm;
    char text[64];
    localtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    return arena_printf(a, "%s.%06d", text, (int)(us % 1000000));
}

static bool number(struct exec *x, const struct dict *args, const char *key, double *ret)
{
    const char *s = arg_str(x, args, key);
    char *end;
    if (!s)
        return true;
    *ret = strtod(s, &end);
    return !*end && end != s;
}

// A whole number, as Python's int() makes one of the parameter; NAN stays when it is not given.
static int whole_number(struct exec *x, const struct dict *args, const char *key, double *ret,
                        struct value *result)
{
    const struct value *v = dict_get(args, key);
    if (!v || v->type == VALUE_NULL)
        return 0;
    if (v->type == VALUE_FLOAT) {
        *ret = trunc(v->u.f);
        return 0;
    }
    char *end;
    const char *s = value_to_cstr(x->a, v);
    *ret = (double)strtoll(s, &end, 10);
    while (isspace((unsigned char)*end))
        end++;
    if (!*end && end != s)
        return 0;
    if (v->type == VALUE_BOOL) {
        *ret = v->u.b;
        return 0;
    }
    struct buf b = BUF_INIT;
    value_repr(&b, v);
    const char *type = v->type == VALUE_STRING && v->line && !(v->flags & VALUE_PLAIN_STR)
                           ? "ansible.parsing.yaml.objects.AnsibleUnicode"
                           : value_type_name(v);
    action_fail(x, result,
                "argument '%s' is of type <class '%s'> and we were unable to convert to int: "
                "invalid literal for int() with base 10: %s",
                key, type, buf_str(&b));
    buf_release(&b);
    return ERR_INVALID;
}

static const char *rounded(struct arena *a, double f)
{
    struct value v = value_float(round(f * 100) / 100);
    return value_to_cstr(a, &v);
}

int action_pause(struct exec *x, struct dict *args, struct value *result)
{
    double minutes = NAN, seconds = NAN;
    struct dict *d = result->u.dict;
    const char *prompt = arg_str(x, args, "prompt"), *shown;
    bool echo = arg_bool(args, "echo", true);
    if (whole_number(x, args, "minutes", &minutes, result) < 0 ||
        whole_number(x, args, "seconds", &seconds, result) < 0)
        return ERR_INVALID;
    if (!isnan(minutes) && !isnan(seconds))
        return action_fail(x, result, "parameters are mutually exclusive: minutes|seconds");
    double wait = isnan(minutes) ? seconds : minutes * 60;
    if (!isnan(wait))
        wait = wait < 1 ? 1 : floor(wait);
    int64_t start = clock_real_us();
    dict_set(d, "changed", value_bool(false));
    dict_set(d, "rc", value_int(0));
    dict_set(d, "stderr", value_cstr(""));
    dict_set(d, "start", value_str(x->a, stamp(x->a, start)));
    dict_set(d, "echo", value_bool(echo));
    shown =
        prompt
            ? arena_printf(x->a, "[%s]\n%s%s", x->name, prompt, echo ? ":" : " (output is hidden):")
            : arena_printf(x->a, "[%s]\nPress enter to continue, Ctrl+C to interrupt%s:", x->name,
                           echo ? "" : " (output is hidden)");
    const char *input = "";
    if (!isnan(wait)) {
        if (x->run->o.sink.message)
            x->run->o.sink.message(
                x->run->o.sink.data,
                prompt
                    ? arena_printf(x->a,
                                   "Pausing for %d seconds%s\n(ctrl+C then 'C' = continue early, "
                                   "ctrl+C then 'A' = abort)\r\n%s",
                                   (int)wait, echo ? "" : " (output is hidden)", shown)
                    : arena_printf(x->a,
                                   "Pausing for %d seconds%s\n(ctrl+C then 'C' = continue early, "
                                   "ctrl+C then 'A' = abort)\r",
                                   (int)wait, echo ? "" : " (output is hidden)"));
        exec_sleep(x, wait);
    } else if (x->run->o.prompt) {
        char *answer =
            x->run->o.prompt(x->run->o.prompt_data, arena_printf(x->a, "%s\r\n", shown), !echo, 0);
        input = answer ? arena_strdup(x->a, answer) : "";
        free(answer);
    }
    int64_t stop = clock_real_us();
    double took = (double)(stop - start) / 1e6;
    dict_set(d, "stop", value_str(x->a, stamp(x->a, stop)));
    dict_set(d, "delta", value_int((int64_t)took));
    dict_set(d, "stdout",
             isnan(minutes) ? value_strf(x->a, "Paused for %s seconds", rounded(x->a, took))
                            : value_strf(x->a, "Paused for %s minutes", rounded(x->a, took / 60)));
    dict_set(d, "user_input", value_str(x->a, input));
    return 0;
}

int action_wait_for_connection(struct exec *x, struct dict *args, struct value *result)
{
    double timeout = 600, delay = 0, sleep = 1, connect_timeout = 5;
    int64_t start = clock_mono_ms();
    struct dict *d = result->u.dict;
    if (!number(x, args, "timeout", &timeout) || !number(x, args, "delay", &delay) ||
        !number(x, args, "sleep", &sleep) || !number(x, args, "connect_timeout", &connect_timeout))
        return action_fail(x, result, "timeout, delay, sleep and connect_timeout must be numbers");
    if (x->check) {
        dict_set(d, "skipped", value_bool(true));
        return 0;
    }
    if (delay > 0)
        exec_sleep(x, delay);
    for (;;) {
        struct value one = value_dict(x->a);
        struct module_call c = {.module = "ping", .args = value_dict(x->a).u.dict};
        exec_module(x, &c, &one);
        if (!dict_bool(one.u.dict, "unreachable", false) && !dict_bool(one.u.dict, "failed", false))
            break;
        if ((double)(clock_mono_ms() - start) / 1000.0 > timeout || x->run->interrupted) {
            action_fail(x, result, "timed out waiting for ping module test: %s",
                        dict_str(one.u.dict, "msg", ""));
            dict_set(d, "elapsed", value_int((clock_mono_ms() - start) / 1000));
            return ERR_TIMEOUT;
        }
        exec_sleep(x, sleep);
    }
    dict_set(d, "elapsed", value_int((clock_mono_ms() - start) / 1000));
    dict_set(d, "changed", value_bool(false));
    return 0;
}
