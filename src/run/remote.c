// Running modules on hosts: connection parameters and become from variables, the task message,
// waiting for the result.
#include "core/buf.h"
#include "core/file.h"
#include "run/internal.h"
#include "run/loop.h"
#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDED "_andon_changes" // of a result (docs/PROTOCOL.md)
#define OUTPUT_MAX "ANDON_OUTPUT_MAX"
#define OUTPUT_MIB 4 // of each stream of a command in its result
#define FRAME_MIB 48 // what a frame holds of them at most
#define LATE_MS 5000 // a host that has not ended a task so long after its timeout hangs itself

// The templar to look connection variables up with: the target's own when the task is delegated.
struct exec *target_exec(struct exec *x)
{
    if (x->target == x->h)
        return x;
    struct exec *t = arena_new_of(x->a, struct exec);
    exec_init(t, x->run, x->target, x->task, x->a);
    t->asker = x;
    return t;
}

// What Ansible calls the setting behind a variable.
static const char *field_name(const char *name)
{
    static const char *const names[][2] = {{"ansible_host", "remote_addr"},
                                           {"ansible_ssh_host", "remote_addr"},
                                           {"ansible_user", "remote_user"},
                                           {"ansible_ssh_user", "remote_user"},
                                           {"ansible_become_password", "become_pass"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    name += strncmp(name, "ansible_", 8) == 0 ? 8 : 0;
    return strncmp(name, "ssh_private", 11) == 0 ? name + 4 : name;
}

// A setting that has no value must not be passed over: the task would run as someone else, or
// elsewhere. Takes e over.
static void bad_field(struct exec *x, const char *name, struct err *e)
{
    const char *msg = err_msg(e), *prefix = "";
    x = x->asker ? x->asker : x;
    if (e->code == ERR_UNKNOWN)
        exec_unknown(x, e);
    if (e->code == ERR_UNDEFINED)
        prefix = arena_printf(x->a,
                              "The field '%s' has an invalid value, which includes an undefined "
                              "variable. The error was: ",
                              field_name(name));
    bool twice = x->run->o.ansible_wording && *prefix;
    if (!x->bad_field)
        x->bad_field =
            arena_printf(x->a, "%s%s%s%s", prefix, msg, twice ? ". " : "", twice ? msg : "");
    x->fail_pos = e->pos;
    err_release(e);
}

// A variable as text; NULL when it is not set or empty.
static const char *var_str(struct exec *x, const char *name)
{
    struct value v;
    struct err e = ERR_INIT;
    int rc = exec_var(x, name, &v, &e);
    if (rc < 0)
        bad_field(x, name, &e);
    if (rc <= 0 || v.type == VALUE_NULL)
        return NULL;
    const char *s = value_to_cstr(x->a, &v);
    return *s ? s : NULL;
}

static const char *first_var(struct exec *x, const char *const *names)
{
    for (; *names; names++) {
        const char *s = var_str(x, *names);
        if (s)
            return s;
    }
    return NULL;
}

#define FIRST(x, ...) first_var((x), (const char *const[]){__VA_ARGS__, NULL})

static const char *attr_str(struct exec *x, const char *key)
{
    struct value v;
    struct err e = ERR_INIT;
    int rc = exec_attr(x, key, &v, &e);
    if (rc < 0)
        bad_field(x, key, &e);
    return rc > 0 ? value_to_cstr(x->a, &v) : NULL;
}

static bool attr_bool(struct exec *x, const char *key, bool dflt)
{
    int rc = 0;
    struct err e = ERR_INIT;
    bool v = exec_attr_bool(x, key, dflt, &rc, &e);
    if (rc < 0)
        bad_field(x, key, &e);
    return v;
}

// A variable without the fallback values of vars.c: what is really set.
static const char *set_var(struct exec *x, const char *name)
{
    return scope_find(&x->scopes, name) ? var_str(x, name) : NULL;
}

const char *exec_connection(struct exec *x)
{
    struct exec *t = target_exec(x);
    const char *s = set_var(t, "ansible_connection");
    if (!s && x->target == x->h)
        s = attr_str(x, "connection");
    if (!s && x->target->implicit)
        s = "local";
    if (!s && x->target != x->h && strcmp(x->target->name, "localhost") == 0)
        s = "local";
    if (!s)
        s = x->run->o.connection ? x->run->o.connection
                                 : config_str(x->run->o.config, CONFIG_TRANSPORT);
    if (!s || strcmp(s, "smart") == 0 || strcmp(s, "paramiko") == 0 ||
        strcmp(s, "ansible.builtin.ssh") == 0)
        return "ssh";
    return strcmp(s, "ansible.builtin.local") == 0 ? "local" : s;
}

static bool is_true(const char *s)
{
    return s && value_parse_bool(s, strlen(s)) == 1;
}

static void tell_secret(struct exec *x, const char *text)
{
    const struct run_opts *o = &x->run->o;
    if (text && *text && o->secret)
        o->secret(o->prompt_data, text, strlen(text));
}

void exec_login(struct exec *x, struct conn_params *p)
{
    struct exec *t = target_exec(x);
    const struct run_opts *o = &x->run->o;
    const struct config *c = o->config;
    const char *s;
    p->host = set_var(t, "ansible_ssh_host");
    if ((s = set_var(t, "ansible_host")))
        p->host = s;
    if (!p->host)
        p->host = x->target->name;
    s = set_var(t, "ansible_port");
    if (!s)
        s = set_var(t, "ansible_ssh_port");
    if (!s)
        s = attr_str(x, "port");
    p->port = s ? atoi(s) : (int)config_int(c, CONFIG_REMOTE_PORT);
    p->user = set_var(t, "ansible_user");
    if (!p->user)
        p->user = set_var(t, "ansible_ssh_user");
    if (!p->user)
        p->user = attr_str(x, "remote_user");
    if (!p->user)
        p->user = o->remote_user ? o->remote_user : config_str(c, CONFIG_REMOTE_USER);
    p->private_key = FIRST(t, "ansible_ssh_private_key_file", "ansible_private_key_file");
    if (!p->private_key)
        p->private_key = o->private_key ? o->private_key : config_str(c, CONFIG_PRIVATE_KEY_FILE);
    p->password = FIRST(t, "ansible_ssh_password", "ansible_password", "ansible_ssh_pass");
    if (!p->password)
        p->password = o->ssh_password;
    tell_secret(x, p->password);
    p->ssh_executable = FIRST(t, "ansible_ssh_executable");
    p->ssh_args = FIRST(t, "ansible_ssh_args");
    if (!p->ssh_args)
        p->ssh_args = config_str(c, CONFIG_SSH_ARGS);
    p->ssh_common_args = FIRST(t, "ansible_ssh_common_args");
    if (!p->ssh_common_args)
        p->ssh_common_args = o->ssh_common_args;
    p->ssh_extra_args = FIRST(t, "ansible_ssh_extra_args");
    if (!p->ssh_extra_args)
        p->ssh_extra_args = o->ssh_extra_args;
    p->control_path = FIRST(t, "ansible_control_path");
    p->control_path_dir = FIRST(t, "ansible_control_path_dir");
    s = FIRST(t, "ansible_ssh_host_key_checking", "ansible_host_key_checking");
    p->accept_any_host_key = s ? !is_true(s) : !config_bool(c, CONFIG_HOST_KEY_CHECKING);
    s = FIRST(t, "ansible_ssh_timeout", "ansible_timeout");
    p->timeout = s ? atoi(s) : o->timeout ? o->timeout : (int)config_int(c, CONFIG_TIMEOUT);
    s = FIRST(t, "ansible_ssh_retries");
    p->retries = s ? atoi(s) : (int)config_int(c, CONFIG_SSH_RETRIES);
}

static struct conn *connection(struct exec *x, struct err *e)
{
    const char *how = exec_connection(x);
    struct conn_params p = {.transport = CONN_SSH, .name = x->target->name};
    if (strcmp(how, "local") == 0)
        p.transport = CONN_LOCAL;
    else if (strcmp(how, "ssh") == 0)
        exec_login(x, &p);
    else {
        const char *file =
            x->run->o.plugins ? plugins_find(x->run->o.plugins, "connection", how, x->a) : NULL;
        err_set(e, ERR_UNSUPPORTED, x->task ? x->task->n.pos : POS_NONE,
                file
                    ? "the connection plugin '%s' (%s) cannot be used: andon reaches hosts by ssh, "
                      "or local without"
                    : "the connection plugin '%s' was not found (known: ssh, local)",
                how, file);
        return NULL;
    }
    if (x->bad_field) {
        err_set(e, ERR_FAILED, x->fail_pos, "%s", x->bad_field);
        return NULL;
    }
    return fleet_conn(x->run->o.fleet, &p, e);
}

// -vvv tells by which command the user is changed; the password is in none of its words.
static void tell_become(struct exec *x, const struct dict *d)
{
    const struct run_opts *o = &x->run->o;
    const char *method = dict_str(d, "method", ""), *exe = dict_str(d, "exe", method);
    bool sudo = strcmp(method, "sudo") == 0, su = strcmp(method, "su") == 0;
    if (o->verbosity < 3 || !o->sink.message)
        return;
    o->sink.message(o->sink.data, arena_printf(x->a, "<%s> becomes %s by: %s %s%s%s",
                                               x->target->name, dict_str(d, "user", ""), exe,
                                               dict_str(d, "flags", sudo ? "-H -S -n" : ""),
                                               su ? " " : " -u ", dict_str(d, "user", "")));
}

struct value exec_become(struct exec *x)
{
    struct exec *t = target_exec(x);
    const struct run_opts *o = &x->run->o;
    const char *s = set_var(t, "ansible_become");
    bool on =
        s ? is_true(s) : attr_bool(x, "become", o->become || config_bool(o->config, CONFIG_BECOME));
    if (!on)
        return value_null();
    struct value v = value_dict(x->a);
    const char *method = FIRST(t, "ansible_become_method");
    if (!method)
        method = attr_str(x, "become_method");
    if (!method)
        method = o->become_method ? o->become_method : config_str(o->config, CONFIG_BECOME_METHOD);
    if (strncmp(method, "ansible.builtin.", 16) == 0)
        method += 16;
    const char *user = FIRST(t, "ansible_become_user", "ansible_sudo_user");
    if (!user)
        user = attr_str(x, "become_user");
    if (!user)
        user = o->become_user ? o->become_user : config_str(o->config, CONFIG_BECOME_USER);
    const char *exe = FIRST(t, "ansible_become_exe", "ansible_sudo_exe");
    if (!exe)
        exe = attr_str(x, "become_exe");
    const char *flags = FIRST(t, "ansible_become_flags", "ansible_sudo_flags");
    if (!flags)
        flags = attr_str(x, "become_flags");
    const char *pass =
        FIRST(t, "ansible_become_password", "ansible_become_pass", "ansible_sudo_pass");
    if (!pass)
        pass = o->become_password;
    tell_secret(x, pass);
    dict_set(v.u.dict, "method", value_cstr(method));
    dict_set(v.u.dict, "user", value_cstr(user ? user : "root"));
    if (exe)
        dict_set(v.u.dict, "exe", value_cstr(exe));
    if (flags)
        dict_set(v.u.dict, "flags", value_cstr(flags));
    if (pass)
        dict_set(v.u.dict, "password", value_cstr(pass));
    if (config_bool(o->config, CONFIG_BECOME_ALLOW_SAME_USER))
        dict_set(v.u.dict, "same_user", value_bool(true));
    tell_become(x, v.u.dict);
    return v;
}

// --- waiting ------------------------------------------------------------------------------------

struct wait {
    struct exec *x;
    struct conn_result r;
    bool done, sleeping;
};

static void on_done(void *data, const struct conn_result *r)
{
    struct wait *w = data;
    w->r = *r;
    w->done = true;
    if (w->sleeping)
        schedule_wake(w->x->h);
}

static void wait_for(struct exec *x, struct wait *w, struct conn *c, uint32_t id)
{
    x->h->conn_used = c;
    x->h->conn_id = id;
    while (!w->done) {
        w->sleeping = true;
        coro_yield();
        w->sleeping = false;
    }
    x->h->conn_used = NULL;
    x->h->conn_id = 0;
}

static void on_output(void *data, int stream, const char *s, size_t len)
{
    const struct wait *w = data;
    const struct run_sink *k = &w->x->run->o.sink;
    if (k->output)
        k->output(k->data, w->x->h->name, stream, s, len);
}

struct file_sink {
    struct wait w; // first: both callbacks get the same pointer
    const struct module_call *call;
};

static int on_file(void *data, uint32_t n, const char *s, size_t len, const char *msg)
{
    struct file_sink *f = data;
    return f->call->on_file(f->call->on_file_data, n, s, len, msg);
}

static void unreachable(struct exec *x, const char *msg, struct value *result)
{
    *result = value_dict(x->a);
    dict_set(result->u.dict, "unreachable", value_bool(true));
    dict_set(result->u.dict, "msg", value_str(x->a, msg));
    dict_set(result->u.dict, "changed", value_bool(false));
}

static void set_strings(struct exec *x, struct dict *to, const struct dict *from)
{
    struct dict_entry *it;
    DICT_EACH(from, it)
    dict_setv(to, value_str(x->a, value_to_cstr(x->a, &it->key)),
              value_str(x->a, value_to_cstr(x->a, &it->val)));
}

// Bytes of each stream of a command that a result holds.
static size_t output_max(void)
{
    const char *s = getenv(OUTPUT_MAX);
    long mib = s ? strtol(s, NULL, 10) : 0;
    return (size_t)(mib <= 0 ? OUTPUT_MIB : mib < FRAME_MIB ? mib : FRAME_MIB) << 20;
}

static struct value message(struct exec *x, const struct module_call *c, struct value become_part)
{
    struct value m = value_dict(x->a), args = {.type = VALUE_DICT, .u.dict = c->args};
    struct dict *d = m.u.dict;
    const struct module_spec *spec = spec_find(c->module);
    dict_set(d, "module", value_cstr(spec ? spec->name : c->module));
    dict_set(d, "args", args);
    if (c->extra)
        dict_set(d, "extra", (struct value){.type = VALUE_DICT, .u.dict = c->extra});
    else if (getenv(OUTPUT_MAX))
        dict_set(d, "extra", value_dict(x->a));
    if (getenv(OUTPUT_MAX))
        dict_set(dict_get(d, "extra")->u.dict, "_output_max", value_int((int64_t)output_max()));
    dict_set(d, "check", value_bool(x->check && !c->ignore_check));
    if (x->run->o.run_id && !x->check)
        dict_set(d, "run", value_cstr(x->run->o.run_id));
    dict_set(d, "diff", value_bool(x->diff));
    if (x->run->o.record_diff && !x->diff && !x->check && !x->no_log && !x->secret && !c->async)
        dict_set(d, "record", value_bool(true));
    dict_set(d, "verbosity", value_int(x->run->o.verbosity));
    if (x->run->o.live_output && !x->no_log)
        dict_set(d, "live", value_bool(true));
    if (x->no_log)
        dict_set(d, "no_log", value_bool(true));
    if (c->async)
        dict_set(d, "async", (struct value){.type = VALUE_DICT, .u.dict = c->async});
    if (x->timeout)
        dict_set(d, "timeout", value_int(x->timeout));
    if (x->environment && !c->bare) {
        struct value env = value_dict(x->a);
        set_strings(x, env.u.dict, x->environment);
        dict_set(d, "env", env);
    }
    if (become_part.type == VALUE_DICT)
        dict_set(d, "become", become_part);
    struct value journal = exec_journal(x, c);
    if (journal.type == VALUE_DICT)
        dict_set(d, "journal", journal);
    return m;
}

// What the helper tells of changes for the record is no part of the result.
static void take_changes(struct exec *x, struct dict *result)
{
    const struct value *v = dict_get(result, RECORDED);
    if (v && v->type == VALUE_LIST && x->run->o.record_diff && !x->diff) {
        if (!x->changes)
            x->changes = value_list(x->a).u.list;
        for (size_t i = 0; i < v->u.list->len; i++)
            list_add(x->changes, v->u.list->items[i]);
    }
    dict_del(result, RECORDED);
}

static void finish(struct exec *x, const struct wait *w, const struct module_call *c,
                   struct value *result)
{
    switch (w->r.status) {
    case CONN_OK:
        *result = w->r.value;
        if (result->type != VALUE_DICT) {
            *result = value_dict(x->a);
            action_fail(x, result, "the helper sent a result that is not a dictionary");
        }
        take_changes(x, result->u.dict);
        value_mark_unsafe(result);
        exec_take_journal(x, result);
        break;
    case CONN_UNREACHABLE:
        unreachable(x, w->r.msg, result);
        break;
    case CONN_TIMEOUT:
        *result = value_dict(x->a);
        action_fail(
            x, result,
            "The %s action failed to execute in the expected time frame (%d) and was terminated",
            c->module, x->timeout);
        break;
    case CONN_CANCELLED:
        *result = value_dict(x->a);
        action_fail(x, result, "interrupted");
        break;
    }
}

static int fail_field(struct exec *x, struct value *result)
{
    action_fail(x, result, "%s", x->bad_field);
    dict_del(result->u.dict, "changed"); // nothing was tried
    x->aborted = true;
    return ERR_FAILED;
}

int exec_module(struct exec *x, const struct module_call *c, struct value *result)
{
    static const struct conn_params here = {.transport = CONN_LOCAL, .name = "localhost"};
    struct err e = ERR_INIT;
    const struct module_spec *spec = spec_find(c->module);
    bool internal = *c->module == '_'; // the helper's own, without a spec
    if (!spec && !internal) {
        action_fail(x, result, "The module %s was not found in configured module paths", c->module);
        dict_del(result->u.dict, "changed");
        return ERR_FAILED;
    }
    if (spec && x->check && !c->ignore_check && !c->force_run && !(spec->flags & MODULE_CHECK)) {
        *result = value_dict(x->a);
        dict_set(result->u.dict, "skipped", value_bool(true));
        dict_set(result->u.dict, "changed", value_bool(false));
        dict_set(result->u.dict, "msg",
                 value_strf(x->a, "remote module (%s) does not support check mode", c->module));
        return 0;
    }
    if (x->run->interrupted)
        return action_fail(x, result, "interrupted");
    if (!c->here && !exec_give_up(x, result))
        return 0;
    struct value b = c->here || c->as_login ? value_null() : exec_become(x);
    if (c->become_user && b.type == VALUE_DICT)
        dict_set(b.u.dict, "user", value_cstr(c->become_user));
    struct conn *conn = c->here ? fleet_conn(x->run->o.fleet, &here, &e) : connection(x, &e);
    if (x->bad_field) {
        err_release(&e);
        return fail_field(x, result);
    }
    if (!conn) {
        action_fail(x, result, "%s", task_error(x, "", &e, x->task ? x->task->n.pos : POS_NONE));
        err_release(&e);
        return ERR_FAILED;
    }
    struct value m = message(x, c, b);
    x->on_host = true;
    struct file_sink f = {.w = {.x = x}, .call = c};
    struct conn_task t = {.arena = x->a,
                          .task = &m,
                          .sources = c->sources,
                          .n_sources = c->n_sources,
                          .timeout_ms = x->timeout ? x->timeout * 1000 + LATE_MS : 0,
                          .on_output = on_output,
                          .on_file = c->on_file ? on_file : NULL};
    uint32_t id = conn_submit(conn, &t, on_done, &f);
    wait_for(x, &f.w, conn, id);
    conn_keep(x, conn);
    finish(x, &f.w, c, result);
    return 0;
}

// --- raw
// ------------------------------------------------------------------------------------------

struct raw_wait {
    struct wait w;
    struct value *result;
};

// What a command printed on a stream; of more than a result holds, one byte more is there.
static void set_stream(struct arena *a, struct dict *d, const char *stream, const char *s,
                       size_t len)
{
    size_t max = output_max();
    dict_set(d, stream, value_strn(a, s, len < max ? len : max));
    if (len <= max)
        return;
    struct value *w = dict_get(d, "warnings"), list = value_list(a);
    if (!w)
        dict_set(d, "warnings", list);
    list_add(w ? w->u.list : list.u.list,
             value_strf(a,
                        "the command printed more than %zu bytes on its %s: the first of them are "
                        "in the result; write it to a file to have all, or set " OUTPUT_MAX
                        " (MiB)",
                        max, stream));
}

static void on_raw(void *data, const struct conn_raw_result *r)
{
    struct raw_wait *w = data;
    struct arena *a = w->w.x->a;
    struct dict *d = w->result->u.dict;
    w->w.r =
        (struct conn_result){.status = r->status, .msg = arena_strdup(a, r->msg ? r->msg : "")};
    if (r->status == CONN_OK) {
        dict_set(d, "rc", value_int(r->rc));
        set_stream(a, d, "stdout", r->out, r->out_len);
        set_stream(a, d, "stderr", r->err, r->err_len);
        value_mark_unsafe(w->result);
    }
    w->w.done = true;
    if (w->w.sleeping)
        schedule_wake(w->w.x->h);
}

const char *shell_quote(struct arena *a, const char *s)
{
    struct buf b = BUF_INIT;
    buf_addc(&b, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            buf_adds(&b, "'\"'\"'");
        else
            buf_addc(&b, *s);
    }
    buf_addc(&b, '\'');
    const char *q = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return q;
}

// command as the become user, for raw, which has no helper to change user.
static const char *raw_become(struct exec *x, const char *command, const struct value *b,
                              const char **prompt, const char **answer)
{
    const char *method = dict_str(b->u.dict, "method", "sudo"),
               *user = dict_str(b->u.dict, "user", "root");
    const char *pass = dict_str(b->u.dict, "password", NULL), *q = shell_quote(x->a, command);
    const char *exe = dict_str(b->u.dict, "exe", method);
    if (strcmp(method, "su") == 0) {
        *prompt = pass ? "assword: " : NULL;
        *answer = pass;
        return arena_printf(x->a, "%s %s %s -c %s", exe, dict_str(b->u.dict, "flags", ""), user, q);
    }
    if (strcmp(method, "doas") == 0)
        return arena_printf(x->a, "%s -n -u %s /bin/sh -c %s", exe, user, q);
    const char *flags = dict_str(b->u.dict, "flags", "-H -S");
    if (!pass)
        return arena_printf(x->a, "%s %s -n -u %s /bin/sh -c %s", exe, flags, user, q);
    *prompt = "[andon] password:";
    *answer = pass;
    return arena_printf(x->a, "%s %s -p '[andon] password:' -u %s /bin/sh -c %s", exe, flags, user,
                        q);
}

int exec_raw(struct exec *x, const char *command, const char *executable, struct value *result)
{
    struct err e = ERR_INIT;
    if (exec_refused(x, result))
        return ERR_FAILED;
    struct value b = exec_become(x);
    struct conn *conn = connection(x, &e);
    if (x->bad_field) {
        err_release(&e);
        return fail_field(x, result);
    }
    if (!conn) {
        action_fail(x, result, "%s", task_error(x, "", &e, x->task ? x->task->n.pos : POS_NONE));
        err_release(&e);
        return ERR_FAILED;
    }
    struct raw_wait w = {.w = {.x = x}, .result = result};
    struct conn_raw_opts o = {
        .command = command, .timeout_ms = x->timeout * 1000, .max_output = output_max() + 1};
    if (x->environment) {
        struct dict_entry *it;
        struct buf env = BUF_INIT;
        DICT_EACH(x->environment, it)
        buf_addf(&env, "%s=%s ", value_to_cstr(x->a, &it->key),
                 shell_quote(x->a, value_to_cstr(x->a, &it->val)));
        o.command = arena_printf(x->a, "%s%s", buf_str(&env), o.command);
        buf_release(&env);
    }
    if (executable && *executable)
        o.command = arena_printf(x->a, "%s -c %s", executable, shell_quote(x->a, o.command));
    if (b.type == VALUE_DICT)
        o.command = raw_become(x, o.command, &b, &o.prompt, &o.answer);
    uint32_t id = conn_raw(conn, &o, on_raw, &w);
    wait_for(x, &w.w, conn, id);
    conn_keep(x, conn);
    if (w.w.r.status == CONN_UNREACHABLE)
        unreachable(x, w.w.r.msg, result);
    else if (w.w.r.status != CONN_OK)
        action_fail(x, result, "%s", *w.w.r.msg ? w.w.r.msg : "timed out");
    return 0;
}

// A host keeps a reference to each connection it used until the run ends.
void conn_keep(struct exec *x, struct conn *c)
{
    struct rhost *h = x->target;
    for (size_t i = 0; i < h->n_conns; i++)
        if (h->conns[i] == c) {
            conn_unref(c);
            return;
        }
    h->conns = xrealloc(h->conns, (h->n_conns + 1) * sizeof(struct conn *));
    h->conns[h->n_conns++] = c;
}

int exec_reset_connection(struct exec *x)
{
    struct conn *c = connection(x, NULL);
    if (!c)
        return ERR_INVALID;
    conn_reset(c);
    conn_unref(c);
    return 0;
}

// The task's own host, even when the task is delegated.
static struct exec *own_exec(struct exec *x)
{
    struct exec *own = arena_new_of(x->a, struct exec);
    *own = *x;
    own->target = x->h;
    return own;
}

static int ssh_words(struct exec *x, const struct conn_params *p, struct remote_shell *ret,
                     struct err *e)
{
    const char *const *argv;
    size_t n = 0;
    struct conn *c = fleet_conn(x->run->o.fleet, p, e);
    if (!c || !(argv = conn_ssh_argv(c, e))) {
        conn_unref(c);
        return ERR_INVALID;
    }
    while (argv[n])
        n++;
    const char **words = arena_array(x->a, const char *, n);
    for (size_t i = 0; i + 1 < n; i++)
        words[i] = arena_strdup(x->a, argv[i]);
    ret->ssh = words;
    ret->host = arena_strdup(x->a, argv[n - 1]);
    conn_unref(c);
    return 0;
}

// Another machine has neither this one's known hosts nor its kept connections.
static void from_elsewhere(const struct remote_shell_opts *o, struct conn_params *p)
{
    p->no_persist = true;
    p->accept_any_host_key = !o->verify_host;
    if (o->ssh_args)
        return;
    p->ssh_args = p->ssh_extra_args = "";
    p->ssh_common_args = o->verify_host ? "" : "-o UserKnownHostsFile=/dev/null";
}

int exec_remote_shell(struct exec *x, const struct remote_shell_opts *o, struct remote_shell *ret,
                      struct value *result)
{
    struct err e = ERR_INIT;
    struct exec *own = own_exec(x);
    int rc = 0;
    bool local = strcmp(exec_connection(own), "local") == 0;
    struct conn_params p = {.transport = CONN_SSH, .name = x->h->name};
    *ret = (struct remote_shell){.from_here =
                                     !x->delegate_name || strcmp(exec_connection(x), "local") == 0};
    if (x->delegate_name ? x->target == x->h : local) { // both ends are one machine
        ret->from_here = local;
        return 0;
    }
    struct value b = exec_become(own);
    exec_login(own, &p);
    p.port = o->port ? o->port : p.port;
    p.private_key = o->private_key ? o->private_key : p.private_key;
    p.user = o->keep_user ? p.user : NULL;
    if (!ret->from_here)
        from_elsewhere(o, &p);
    if (b.type == VALUE_DICT && strcmp(dict_str(b.u.dict, "method", ""), "sudo") == 0)
        ret->become_user = dict_str(b.u.dict, "user", "root");
    const char *bad = own->bad_field ? own->bad_field : x->bad_field;
    rc = bad ? err_set(&e, ERR_FAILED, x->fail_pos, "%s", bad) : ssh_words(x, &p, ret, &e);
    if (rc < 0)
        action_fail(x, result, "%s", task_error(x, "", &e, x->task->n.pos));
    err_release(&e);
    return rc;
}

// --- sleeping -----------------------------------------------------------------------------------

#define MAX_SLEEP (10 * 365 * 86400.0) // seconds

struct nap {
    uv_timer_t timer;
    struct rhost *h;
    bool over;
};

static void nap_closed(uv_handle_t *t)
{
    struct nap *n = t->data;
    struct rhost *h = n->h;
    n->over = true;
    schedule_wake(h);
}

static void nap_over(uv_timer_t *t)
{
    uv_close((uv_handle_t *)t, nap_closed);
}

void exec_sleep(struct exec *x, double seconds)
{
    struct nap n = {.h = x->h};
    uint64_t ms =
        seconds > 0 ? (uint64_t)(seconds < MAX_SLEEP ? seconds * 1000 : MAX_SLEEP * 1000) : 0;
    if (x->run->interrupted)
        return;
    uv_timer_init(fleet_loop(x->run->o.fleet), &n.timer);
    n.timer.data = &n;
    uv_timer_start(&n.timer, nap_over, ms, 0);
    x->h->nap = &n.timer;
    while (!n.over)
        coro_yield();
    x->h->nap = NULL;
}

void exec_wake(struct rhost *h)
{
    if (h->nap && !uv_is_closing((uv_handle_t *)h->nap))
        uv_timer_start(h->nap, nap_over, 0, 0);
}
