// What an action plugin asks of its host: commands, files, modules, and other actions that are
// ours.
#include "run/actions/plugin.h"

#include "core/file.h"
#include "core/hash.h"
#include "run/actions/actions.h"
#include "run/foreign.h"
#include "spec/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// --- answers
// -------------------------------------------------------------------------------------------------

static void answer(struct action *ac, struct buf *ret, const char *key, const struct value *v)
{
    buf_addf(ret, "{\"%s\":", key);
    plugins_encode(ret, ac->x->a, v);
    buf_addc(ret, '}');
}

static void answer_text(struct action *ac, struct buf *ret, const char *key, const char *text)
{
    struct value v = value_cstr(text);
    answer(ac, ret, key, &v);
}

// Whether a result says that the host cannot be reached, or that the connection's own work failed:
// then that is the answer.
static bool answer_failure(struct action *ac, const struct value *result, struct buf *ret)
{
    const struct dict *d = result->u.dict;
    bool gone = dict_bool(d, "unreachable", false);
    if (!gone && !dict_bool(d, "failed", false))
        return false;
    answer_text(ac, ret, gone ? "unreachable" : "failure", dict_str(d, "msg", ""));
    return true;
}

// --- commands and files
// -------------------------------------------------------------------------------------------------

static struct dict *connection_extra(struct action *ac)
{
    struct dict *d = value_dict(ac->x->a).u.dict;
    dict_set(d, "home", value_bool(strcmp(exec_connection(ac->x), "ssh") == 0));
    return d;
}

static int call(struct action *ac, struct module_call *c, struct value *result)
{
    c->args = value_dict(ac->x->a).u.dict;
    c->bare = c->ignore_check = true;
    *result = value_dict(ac->x->a);
    return exec_module(ac->x, c, result);
}

static int run_command(struct action *ac, const struct dict *d, struct buf *ret)
{
    struct value result;
    struct buf in = BUF_INIT;
    struct dict *extra = connection_extra(ac);
    const struct value *input = dict_get(d, "input");
    struct module_call c = {
        .module = "_exec", .extra = extra, .as_login = !dict_bool(d, "become", false)};
    struct conn_source source = {0};
    dict_set(extra, "command", *dict_get(d, "exec"));
    if (input && input->type == VALUE_STRING) {
        dict_set(extra, "input", value_bool(true));
        if (base64_decode(&in, input->u.str.s, input->u.str.len) < 0)
            buf_clear(&in);
        source = (struct conn_source){.data = buf_str(&in), .len = in.len};
        c.sources = &source;
        c.n_sources = 1;
    }
    (void)!call(ac, &c, &result);
    buf_release(&in);
    if (!answer_failure(ac, &result, ret))
        answer(ac, ret, "done", &result);
    return 1;
}

static int put_file(struct action *ac, const struct dict *d, struct buf *ret)
{
    struct stat st;
    struct value result;
    const char *path = dict_str(d, "put", "");
    struct dict *extra = connection_extra(ac);
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
        answer_text(ac, ret, "failure",
                    arena_printf(ac->x->a, "file or module does not exist: %s", path));
        return 1;
    }
    struct conn_source source = {.path = path, .len = (size_t)st.st_size};
    struct module_call c = {
        .module = "_put", .extra = extra, .as_login = true, .sources = &source, .n_sources = 1};
    dict_set(extra, "file", value_cstr(dict_str(d, "to", "")));
    dict_set(extra, "mode", value_int(st.st_mode & 0777));
    (void)!call(ac, &c, &result);
    if (!answer_failure(ac, &result, ret))
        answer(ac, ret, "done", &result);
    return 1;
}

struct fetched {
    int fd;
    const char *why; // not written, or not read there
    struct arena *a;
};

static int on_piece(void *data, uint32_t n, const char *s, size_t len, const char *msg)
{
    struct fetched *f = data;
    (void)n;
    if (msg)
        f->why = arena_strdup(f->a, msg);
    while (!msg && len) {
        ssize_t w = write(f->fd, s, len);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0) {
            f->why = arena_strdup(f->a, strerror(errno));
            return ERR_IO;
        }
        s += w;
        len -= (size_t)w;
    }
    return 0;
}

static int get_file(struct action *ac, const struct dict *d, struct buf *ret)
{
    const char *to = dict_str(d, "to", "");
    struct value result;
    struct dict *extra = connection_extra(ac);
    struct fetched f = {.a = ac->x->a,
                        .fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
    struct module_call c = {.module = "_get",
                            .extra = extra,
                            .as_login = true,
                            .on_file = on_piece,
                            .on_file_data = &f};
    if (f.fd < 0) {
        answer_text(ac, ret, "failure",
                    arena_printf(ac->x->a, "%s cannot be written: %s", to, strerror(errno)));
        return 1;
    }
    dict_set(extra, "file", value_cstr(dict_str(d, "fetch", "")));
    (void)!call(ac, &c, &result);
    close(f.fd);
    if (f.why)
        answer_text(ac, ret, "failure", arena_printf(ac->x->a, "%s: %s", to, f.why));
    else if (!answer_failure(ac, &result, ret))
        answer(ac, ret, "done", &result);
    return 1;
}

// --- modules and actions
// -------------------------------------------------------------------------------------------------

// The task's fields that a plugin may have changed before it called a module.
struct fields {
    bool check, diff, no_log;
    const struct dict *environment;
    struct dict *locals;
};

static struct fields set_fields(struct exec *x, const struct dict *d)
{
    struct fields old = {x->check, x->diff, x->no_log, x->environment, x->locals};
    const struct value *env = dict_get(d, "env"), *vars = dict_get(d, "vars");
    x->check = dict_bool(d, "check", x->check);
    x->diff = dict_bool(d, "diff", x->diff);
    x->no_log = dict_bool(d, "no_log", x->no_log);
    if (env && env->type == VALUE_DICT)
        x->environment = env->u.dict->len ? env->u.dict : NULL;
    if (vars && vars->type == VALUE_DICT && vars->u.dict->len) {
        struct dict *locals = value_dict(x->a).u.dict;
        if (x->locals)
            dict_update(locals, x->locals);
        dict_update(locals, vars->u.dict);
        exec_set_locals(x, locals);
    }
    return old;
}

static void restore_fields(struct exec *x, const struct fields *old)
{
    x->check = old->check;
    x->diff = old->diff;
    x->no_log = old->no_log;
    x->environment = old->environment;
    if (x->locals != old->locals)
        exec_set_locals(x, old->locals);
}

// Ansible's modules find on the host what its actions put there before.
static bool takes_remote_file(const char *module)
{
    return strcmp(module, "copy") == 0 || strcmp(module, "unarchive") == 0 ||
           strcmp(module, "assemble") == 0;
}

static int run_native(struct exec *x, const char *name, struct dict *args, struct dict *job,
                      struct value *result)
{
    const struct module_spec *spec = spec_find(name);
    struct module_call c = {.module = name, .args = args, .async = job};
    if (spec && strcmp(spec->name, "async_status") == 0)
        return action_async_status(x, args, result);
    if (spec && takes_remote_file(spec->name) && dict_get(args, "src"))
        dict_set(args, "remote_src", value_bool(true));
    return exec_module(x, &c, result);
}

static void run_module(struct exec *x, const char *name, struct dict *args, bool async,
                       struct value *result)
{
    const struct plugin_module *m =
        plugins_module(x->run->o.plugins, name, playbook_collections(&x->task->n));
    struct async_task t = {0};
    struct err e = ERR_INIT;
    struct dict *job = NULL;
    *result = value_dict(x->a);
    if (async && async_read(x, &t, &e) == 0 && t.limit > 0)
        job = async_job(x, &t);
    if (m && m->path)
        (void)!action_foreign(x, m, args, job, result);
    else
        (void)!run_native(x, name, args, job, result);
    err_release(&e);
}

static void run_action(struct exec *x, const char *name, struct dict *args, struct value *result)
{
    action_fn *fn = action_find(name);
    *result = value_dict(x->a);
    if (fn)
        (void)!fn(x, args, result);
    else
        action_fail(x, result, "the action %s is none of andon's", name);
}

static int serve_task(struct action *ac, const struct dict *d, struct buf *ret)
{
    struct exec *x = ac->x;
    struct value result;
    const struct value *args = dict_get(d, "args");
    const char *module = dict_str(d, "module", NULL);
    struct dict *given = args && args->type == VALUE_DICT ? args->u.dict : value_dict(x->a).u.dict;
    struct fields old = set_fields(x, d);
    if (module)
        run_module(x, module, given, dict_bool(d, "async", false), &result);
    else
        run_action(x, dict_str(d, "action", ""), given, &result);
    restore_fields(x, &old);
    answer(ac, ret, "result", &result);
    return 1;
}

static int reset(struct action *ac, const struct dict *d, struct buf *ret)
{
    (void)d;
    (void)!exec_reset_connection(ac->x);
    buf_adds(ret, "{\"done\":{}}");
    return 1;
}

int plugin_serve(struct action *ac, const struct dict *raw, struct buf *ret, struct err *e)
{
    static const struct {
        const char *key;
        int (*serve)(struct action *ac, const struct dict *d, struct buf *ret);
    } requests[] = {{"exec", run_command},  {"put", put_file},      {"fetch", get_file},
                    {"module", serve_task}, {"action", serve_task}, {"reset", reset}};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct value in = {.type = VALUE_DICT, .u.dict = (struct dict *)(uintptr_t)raw}, d;
        if (!dict_get(raw, requests[i].key))
            continue;
        int rc = plugins_decode(ac->x->a, &in, &d, e);
        return rc < 0 ? rc : requests[i].serve(ac, d.u.dict, ret);
    }
    return 0;
}
