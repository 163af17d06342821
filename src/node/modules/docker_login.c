// docker_login: a login to a registry, kept in Docker's configuration file or its credential
// helper.
#include "node/modules.h"
#include "node/modules/docker_auth.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "node/text.h"

#include <errno.h>
#include <string.h>

struct login {
    struct docker d;
    struct module *m;
    struct arena *a;
    const char *registry, *path; // the configuration file
    struct value config;
    const char *helper; // NULL: the file keeps logins itself
};

static int write_config(struct login *l)
{
    struct buf b = BUF_INIT;
    struct err e = ERR_INIT;
    const struct json_opts opts = {.indent = 4, .sort_keys = true};
    json_write(&b, &l->config, &opts);
    buf_adds(&b, "\n");
    int rc = host_mkdirs(path_dir(l->a, l->path), 0700, &e);
    if (rc == 0)
        rc = host_write(l->m, l->path, b.p, b.len, &e);
    explicit_bzero(b.p, b.len);
    buf_release(&b);
    if (rc == 0 && chmod(l->path, 0600) != 0)
        rc = err_set(&e, ERR_IO, POS_NONE, "Cannot set the mode of %s: %s", l->path,
                     strerror(errno));
    return rc ? module_fail_err(l->m, &e) : 0;
}

static struct dict *auths(struct login *l)
{
    struct value *v = dict_get(l->config.u.dict, "auths");
    if (!v || v->type != VALUE_DICT) {
        dict_set(l->config.u.dict, "auths", value_dict(l->a));
        v = dict_get(l->config.u.dict, "auths");
    }
    return v->u.dict;
}

static bool known(struct login *l)
{
    struct docker_login had;
    return docker_find_login(l->m, &l->config, l->registry, &had);
}

// --- logging in

// Asks the daemon to try the login; an identity token it gets takes the password's place.
static int try_login(struct login *l, const char **ret_token)
{
    struct value body = value_dict(l->a), answer;
    dict_set(body.u.dict, "username", value_cstr(module_str(l->m, "username")));
    dict_set(body.u.dict, "password", value_cstr(module_str(l->m, "password")));
    dict_set(body.u.dict, "serveraddress", value_cstr(l->registry));
    const char *what = arena_printf(l->a, "Logging into %s for user %s failed", l->registry,
                                    module_str(l->m, "username"));
    if (docker_must(&l->d, "POST", "/auth", &body, what, &answer) != 0)
        return ERR_FAILED;
    *ret_token = docker_str(&answer, "IdentityToken");
    dict_del(answer.u.dict, "IdentityToken");
    module_set(l->m, "login_result", answer);
    return 0;
}

static int keep_by_helper(struct login *l, const char *user, const char *secret)
{
    struct value v = value_dict(l->a);
    struct buf b = BUF_INIT;
    struct output o;
    dict_set(v.u.dict, "ServerURL", value_cstr(l->registry));
    dict_set(v.u.dict, "Username", value_cstr(user));
    dict_set(v.u.dict, "Secret", value_cstr(secret));
    json_write(&b, &v, NULL);
    int rc = docker_run_helper(l->m, l->helper, "store", buf_str(&b), &o);
    explicit_bzero(b.p, b.len);
    buf_release(&b);
    if (rc == 0 && o.rc != 0)
        rc = module_fail(l->m, "%s cannot keep the login: %s", l->helper, *o.out ? o.out : o.err);
    return rc;
}

static int keep(struct login *l, const char *token)
{
    const char *user = module_str(l->m, "username"), *password = module_str(l->m, "password");
    struct buf plain = BUF_INIT, text = BUF_INIT;
    struct value entry = value_dict(l->a);
    if (l->helper)
        return keep_by_helper(l, *token ? "<token>" : user, *token ? token : password);
    buf_addf(&plain, "%s:%s", user, *token ? "" : password);
    base64_encode(&text, plain.p, plain.len);
    dict_set(entry.u.dict, "auth", value_str(l->a, buf_str(&text)));
    if (*token)
        dict_set(entry.u.dict, "identitytoken", value_cstr(token));
    explicit_bzero(plain.p, plain.len);
    buf_release(&plain);
    buf_release(&text);
    const struct value *had = dict_get(auths(l), l->registry);
    if (had && value_equal(had, &entry))
        return 0;
    dict_set(auths(l), l->registry, entry);
    module_changed(l->m, true);
    return l->m->check ? 0 : write_config(l);
}

static int log_in(struct login *l)
{
    const char *user = module_str(l->m, "username"), *token;
    struct docker_login had;
    bool found = docker_find_login(l->m, &l->config, l->registry, &had);
    if (found && strcmp(had.user, user) == 0 && !module_bool(l->m, "reauthorize") &&
        strcmp(had.password, module_str(l->m, "password")) == 0) {
        struct value result = value_dict(l->a);
        dict_set(result.u.dict, "username", value_cstr(user));
        dict_set(result.u.dict, "serveraddress", value_cstr(l->registry));
        dict_set(result.u.dict, "email", value_null());
        module_set(l->m, "login_result", result);
        return 0;
    }
    if (try_login(l, &token) != 0)
        return ERR_FAILED;
    bool same = found && strcmp(had.user, user) == 0 &&
                strcmp(had.password, module_str(l->m, "password")) == 0;
    if (l->helper)
        module_changed(l->m, !same);
    return l->helper && (same || l->m->check) ? 0 : keep(l, token);
}

static int log_out(struct login *l)
{
    struct output o;
    if (!known(l))
        return 0;
    module_changed(l->m, true);
    if (l->m->check)
        return 0;
    if (l->helper)
        return docker_run_helper(l->m, l->helper, "erase", l->registry, &o);
    dict_del(auths(l), l->registry);
    return write_config(l);
}

int mod_docker_login(struct module *m)
{
    struct login l = {.m = m, .a = m->arena, .registry = module_str(m, "registry_url")};
    bool gone = strcmp(module_str(m, "state"), "absent") == 0;
    module_changed(m, false);
    l.path = module_str(m, "config_path");
    l.config = docker_read_config(m, l.path);
    l.helper = docker_credential_helper(l.a, &l.config, l.registry);
    if (gone) {
        module_set(m, "login_result", value_dict(l.a));
        return log_out(&l);
    }
    return docker_end(m, docker_open(&l.d, m) != 0 ? ERR_FAILED : log_in(&l));
}
