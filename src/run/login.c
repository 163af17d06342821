// How hosts are reached: connection parameters and become from variables, the connections that a
// host keeps, the same for other programs.
#include "run/loop.h"
#include "run/remote.h"

#include <stdlib.h>
#include <string.h>

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

struct conn *exec_conn(struct exec *x, bool here, struct value *result)
{
    static const struct conn_params local = {.transport = CONN_LOCAL, .name = "localhost"};
    struct err e = ERR_INIT;
    struct conn *c = here ? fleet_conn(x->run->o.fleet, &local, &e) : connection(x, &e);
    if (x->bad_field) {
        conn_unref(c);
        c = NULL;
        action_fail(x, result, "%s", x->bad_field);
        dict_del(result->u.dict, "changed"); // nothing was tried
        x->aborted = true;
    } else if (!c) {
        action_fail(x, result, "%s", task_error(x, "", &e, x->task ? x->task->n.pos : POS_NONE));
    }
    err_release(&e);
    return c;
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
