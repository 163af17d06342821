// Images and registries as the docker_* modules need them: names, logins, pulling.
#include "node/modules/docker.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "node/command.h"
#include "node/modules/docker_auth.h"
#include "node/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// --- names

void docker_split_tag(struct arena *a, const char *image, const char **ret_name,
                      const char **ret_tag)
{
    const char *at = strchr(image, '@'), *colon = strrchr(image, ':');
    const char *cut = at ? at : colon && !strchr(colon, '/') ? colon : NULL;
    *ret_name = cut ? arena_strndup(a, image, (size_t)(cut - image)) : image;
    *ret_tag = cut ? cut + 1 : NULL;
}

bool docker_is_image_id(const char *name)
{
    const char *hex = text_after(name, "sha256:");
    return hex && strlen(hex) == 64 && strspn(hex, "0123456789abcdefABCDEF") == 64;
}

const char *docker_registry(struct arena *a, const char *image)
{
    size_t n = strcspn(image, "/");
    const char *first = arena_strndup(a, image, n);
    bool host = image[n] && (strpbrk(first, ".:") || strcmp(first, "localhost") == 0);
    return host ? first : "docker.io";
}

// --- logins

const char *docker_config_path(struct arena *a)
{
    const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    return dir && *dir ? path_join(a, dir, "config.json")
                       : arena_printf(a, "%s/.docker/config.json", home ? home : "");
}

struct value docker_read_config(struct module *m, const char *path)
{
    size_t len;
    struct value v;
    struct err e = ERR_INIT;
    char *text = text_read(m->arena, path, &len);
    if (!text || json_parse(m->arena, text, len, &v, &e) != 0 || v.type != VALUE_DICT)
        v = value_dict(m->arena);
    err_release(&e);
    return v;
}

const char *docker_credential_helper(struct arena *a, const struct value *config,
                                     const char *registry)
{
    const struct value *helpers = docker_at(config, "credHelpers");
    const char *name =
        helpers && helpers->type == VALUE_DICT ? dict_str(helpers->u.dict, registry, NULL) : NULL;
    if (!name)
        name = docker_str(config, "credsStore");
    return *name ? arena_printf(a, "docker-credential-%s", name) : NULL;
}

int docker_run_helper(struct module *m, const char *helper, const char *verb, const char *input,
                      struct output *ret)
{
    struct argv argv = argv_of(m->arena, helper, verb, NULL);
    struct proc_opts opts = {.stdin_data = input, .stdin_len = strlen(input)};
    return command_run(m, &argv, &opts, ret);
}

// What a credential helper knows of a registry.
static bool ask_helper(struct module *m, const char *helper, const char *registry,
                       struct docker_login *ret)
{
    struct output o;
    struct value v;
    struct err e = ERR_INIT;
    if (!proc_which(m->arena, helper) || docker_run_helper(m, helper, "get", registry, &o) != 0 ||
        o.rc != 0)
        return false;
    bool good = json_parse(m->arena, o.out, o.out_len, &v, &e) == 0;
    err_release(&e);
    if (!good)
        return false;
    ret->user = docker_str(&v, "Username");
    ret->password = docker_str(&v, "Secret");
    if (strcmp(ret->user, "<token>") == 0)
        ret->token = ret->password;
    return *ret->password != '\0';
}

// "user:password" in base64, as the configuration keeps it.
static bool read_auth(struct arena *a, const struct value *entry, struct docker_login *ret)
{
    struct buf plain = BUF_INIT;
    const char *text = docker_str(entry, "auth");
    ret->token = docker_str(entry, "identitytoken");
    ret->user = docker_str(entry, "username");
    ret->password = docker_str(entry, "password");
    if (*text && base64_decode(&plain, text, strlen(text)) == 0) {
        char *pair = arena_strdup(a, buf_str(&plain)), *colon = strchr(pair, ':');
        if (colon) {
            *colon = '\0';
            ret->user = pair;
            ret->password = colon + 1;
        }
    }
    if (plain.p)
        explicit_bzero(plain.p, plain.len);
    buf_release(&plain);
    return *ret->user || *ret->token;
}

// A registry's name without scheme and path, and Docker's own under one name.
static const char *bare(struct arena *a, const char *registry)
{
    const char *s = text_after(registry, "https://");
    if (!s)
        s = text_after(registry, "http://");
    s = s ? s : registry;
    s = arena_strndup(a, s, strcspn(s, "/"));
    return strcmp(s, "docker.io") == 0 ? "index.docker.io" : s;
}

bool docker_find_login(struct module *m, const struct value *config, const char *registry,
                       struct docker_login *ret)
{
    struct arena *a = m->arena;
    const struct value *auths = docker_at(config, "auths");
    struct dict_entry *entry;
    *ret = (struct docker_login){.user = "", .password = "", .token = ""};
    const char *name =
        strcmp(registry, "docker.io") == 0 ? "https://index.docker.io/v1/" : registry;
    const char *helper = docker_credential_helper(a, config, name);
    ret->server = name;
    if (helper && ask_helper(m, helper, name, ret))
        return true;
    if (auths && auths->type == VALUE_DICT)
        DICT_EACH(auths->u.dict, entry)
    if (strcmp(bare(a, value_to_cstr(a, &entry->key)), bare(a, registry)) == 0)
        return read_auth(a, &entry->val, ret);
    return false;
}

static struct value login_value(struct arena *a, const struct docker_login *login)
{
    struct value v = value_dict(a);
    if (login->token && *login->token) {
        dict_set(v.u.dict, "identitytoken", value_cstr(login->token));
    } else {
        dict_set(v.u.dict, "username", value_cstr(login->user));
        dict_set(v.u.dict, "password", value_cstr(login->password));
    }
    dict_set(v.u.dict, "serveraddress", value_cstr(login->server));
    return v;
}

// A header whose value is JSON in the base64 of URLs.
static const char *encoded_header(struct arena *a, const char *name, const struct value *v)
{
    struct buf json = BUF_INIT, text = BUF_INIT;
    json_write(&json, v, NULL);
    base64_encode(&text, json.p, json.len);
    char *header = arena_printf(a, "%s: %s", name, buf_str(&text));
    for (char *c = header + strlen(name) + 2; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    explicit_bzero(json.p, json.len);
    buf_release(&json);
    buf_release(&text);
    return header;
}

const char *docker_auth_header(struct docker *d, const char *image)
{
    struct value config = docker_read_config(d->m, docker_config_path(d->a));
    struct docker_login login;
    if (!docker_find_login(d->m, &config, docker_registry(d->a, image), &login))
        return NULL;
    struct value v = login_value(d->a, &login);
    return encoded_header(d->a, "X-Registry-Auth", &v);
}

const char *docker_config_header(struct docker *d)
{
    struct value config = docker_read_config(d->m, docker_config_path(d->a)),
                 all = value_dict(d->a);
    const struct value *auths = docker_at(&config, "auths");
    struct dict_entry *entry;
    struct docker_login login;
    if (auths && auths->type == VALUE_DICT)
        DICT_EACH(auths->u.dict, entry)
        {
            const char *name = value_to_cstr(d->a, &entry->key);
            if (docker_find_login(d->m, &config, name, &login))
                dict_set(all.u.dict, name, login_value(d->a, &login));
        }
    return all.u.dict->len ? encoded_header(d->a, "X-Registry-Config", &all) : NULL;
}

// --- images

int docker_find_image(struct docker *d, const char *name, const char *tag, struct value *ret)
{
    const char *ref = name;
    if (tag && *tag)
        ref = arena_printf(d->a, "%s%s%s", name, strchr(tag, ':') ? "@" : ":", tag);
    return docker_get(d, docker_path(d, "/images/%s/json", ref), ret);
}

int docker_stream_error(struct docker *d, const struct buf *body, const char *what)
{
    for (char *c = arena_strdup(d->a, buf_str(body)), *line; (line = text_line(&c));) {
        struct value v;
        struct err e = ERR_INIT;
        bool good = json_parse(d->a, line, strlen(line), &v, &e) == 0;
        err_release(&e);
        if (!good || !*docker_str(&v, "error"))
            continue;
        const struct value *code = docker_at(&v, "errorDetail.code");
        if (code && code->type != VALUE_NULL)
            return module_fail(d->m, "%s - code: %s message: %s", what, value_to_cstr(d->a, code),
                               docker_str(&v, "errorDetail.message"));
        return module_fail(d->m, "%s - %s", what, docker_str(&v, "error"));
    }
    return 0;
}

int docker_pull(struct docker *d, const char *name, const char *tag, const char *platform,
                struct value *ret_image, bool *ret_old)
{
    struct value old;
    struct docker_answer answer;
    const char *path = docker_path(d, "/images/create?tag=%s&fromImage=%s", tag, name);
    if (platform)
        path = arena_printf(d->a, "%s&platform=%s", path, docker_quote(d->a, platform));
    const char *what = arena_printf(d->a, "Error pulling image %s:%s", name, tag);
    if (docker_find_image(d, name, tag, &old) < 0)
        return ERR_FAILED;
    // a pull is silent while the daemon unpacks large layers
    int status = docker_try(
        d,
        &(struct docker_call){
            .method = "POST", .path = path, .auth = docker_auth_header(d, name), .timeout_s = -1},
        &answer);
    if (status < 0)
        return ERR_FAILED;
    int rc = status >= 400 ? module_fail(d->m, "%s - %s", what, d->error)
                           : docker_stream_error(d, &answer.body,
                                                 arena_printf(d->a, "Error pulling %s", name));
    buf_release(&answer.body);
    if (rc != 0 || docker_find_image(d, name, tag, ret_image) < 0)
        return ERR_FAILED;
    if (ret_image->type == VALUE_NULL)
        return module_fail(d->m, "%s - it is not there afterwards", what);
    *ret_old = strcmp(docker_str(&old, "Id"), docker_str(ret_image, "Id")) == 0;
    return 0;
}
